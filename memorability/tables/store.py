"""Every table of a study: how it is written and how it is read.

Data are never rounded. A table is validated, sorted by its key and appears whole or not at all.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
from pyarrow import parquet

from memorability.base.errors import InputError, nearest
from memorability.base.files import atomic
from memorability.base.run_keys import RUN_KEYS
from memorability.tables.schemas import (
    analysis,
    attributes,
    autoencoder,
    data,
    explanation,
    prediction,
    where,
)
from memorability.tables.schemas.columns import Table


def merged(*groups: Mapping[str, Table]) -> dict[str, Table]:
    """Return the tables of all groups; ValueError if two have a table of the same name."""
    tables: dict[str, Table] = {}
    for group in groups:
        doubled = sorted(tables.keys() & group.keys())
        if doubled:
            raise ValueError(f"Two tables are named {doubled[0]!r}. Rename one.")
        tables |= group
    return tables


SCHEMAS: Mapping[str, Table] = merged(
    data.TABLES,
    autoencoder.TABLES,
    analysis.TABLES,
    prediction.TABLES,
    explanation.TABLES,
    where.TABLES,
    attributes.TABLES,
)
"""Name of a table -> what it is sorted by, and its columns in their order."""


def write(
    table: pd.DataFrame, path: str | Path, name: str, record: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Validate `table` against the schema `name`, sort it and write it as parquet, atomically.

    Parameters
    ----------
    table
        The rows; columns as in the schema, in any order. Others are left out.
    path
        File to write. Directories named `key=value` give every row of the file a value: see
        `partition_keys`.
    name
        Name of the schema in `SCHEMAS`.
    record
        Study, configuration hash, code fingerprint and the like, kept in the parquet metadata.

    Returns
    -------
    pandas.DataFrame
        What was written.

    Raises
    ------
    pandera.errors.SchemaError
        If the table does not fit the schema; nothing is written then.
    ValueError
        If a column has the name of a key of the path: no reader could open the folder as one data
        set. Nothing is written then.
    """
    key, schema = _named(name)
    columns = columns_of(schema, table)
    doubled = sorted(partition_keys(path).keys() & set(columns))
    if doubled:
        raise ValueError(
            f"The table {name!r} has a column {doubled[0]!r}, and so has its path {path}. Rename the "
            "column, or leave the key out of the path."
        )
    valid = schema.validate(_with_types_of_nothing(table[[*columns]], columns))
    valid = valid.sort_values(list(key), kind="stable", ignore_index=True)
    write_arrow(arrow.Table.from_pandas(valid, preserve_index=False), path, record)
    return valid


def columns_of(schema: pa.DataFrameSchema, table: pd.DataFrame) -> dict[str, pa.Column]:
    """Return the columns of a table that its schema knows, each with its kind, in the schema's order.

    A family of columns (`memorability.tables.schemas.columns.family`) is in the table's order.
    """
    return {
        str(name): column
        for known, column in schema.columns.items()
        for name in table
        if (re.fullmatch(known, str(name)) if column.regex else name == known)
    }


def write_arrow(
    table: arrow.Table, path: str | Path, record: Mapping[str, Any] | None, **options: Any
) -> None:
    """Write an arrow table as parquet with `record` in its metadata, atomically.

    `options` are those of `pyarrow.parquet.write_table`.
    """
    metadata = dict(table.schema.metadata or {})
    metadata[b"memorability"] = json.dumps(dict(record or {}), sort_keys=True).encode()
    with atomic(path) as temporary:
        parquet.write_table(
            table.replace_schema_metadata(metadata), temporary, write_page_checksum=True, **options
        )


def read(path: str | Path, name: str) -> pd.DataFrame:
    """Read a table and validate it against the schema `name`.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    _, schema = _named(name)
    with readable(path):
        table = _to_pandas(parquet.read_table(path, page_checksum_verification=True))
    return schema.validate(table)


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Raise InputError where the table that is read inside is damaged."""
    try:
        yield
    # arrow and pandas have as many words for it as there are places in a file.
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise InputError(
            f"{path} is damaged ({error}). Delete it and run again; it is then made anew."
        ) from error


def read_if_any(paths: Sequence[str | Path], name: str) -> pd.DataFrame | None:
    """Read the table of an input that a rule may do without: the one path, or None if there is none."""
    return read(paths[0], name) if paths else None


def read_heads(paths: Iterable[str | Path]) -> dict[str, pd.DataFrame]:
    """Return head -> its table `head_predictions`, the head being named by the file's path.

    Heads whose table has no rows are left out: `failed_heads` has them.
    """
    tables = {partition_keys(path)["head"]: read(path, "head_predictions") for path in paths}
    return {head: table for head, table in tables.items() if len(table)}


def failed_heads(paths: Iterable[str | Path]) -> dict[str, str]:
    """Return head -> why it predicts nothing, of those whose table `head_predictions` has no rows."""
    failed = {}
    for path in paths:
        record = read_record(path)
        if "reason" in record:
            failed[partition_keys(path)["head"]] = str(record["reason"])
    return failed


def read_record(path: str | Path) -> dict[str, Any]:
    """Return what the metadata of a table keep, see `write`; InputError if the file is damaged."""
    with readable(path):
        schema = parquet.read_schema(path)
        return dict(json.loads((schema.metadata or {}).get(b"memorability", b"{}")))


def failed_fits(paths: Iterable[str | Path]) -> dict[tuple[str, str], str]:
    """Return head and target -> why it predicts nothing, see `failed_heads`."""
    return {
        (head, partition_keys(path)["target"]): reason
        for path in paths
        for head, reason in failed_heads([path]).items()
    }


def partition_keys(path: str | Path) -> dict[str, str]:
    """Return the keys that a path gives to all rows of its file: key -> value, in their order.

    Directories are named as in Hive: `loss=mse/lr=5e-6` gives a column `loss` and a column `lr`. The
    file itself has no such columns, so that readers of data sets open a whole folder as one table.
    """
    return dict(part.split("=", 1) for part in Path(path).parts[:-1] if "=" in part)


def read_runs(paths: Iterable[str | Path], name: str) -> pd.DataFrame:
    """Read the parts of one table, with the keys of their paths as text columns in front.

    Parts whose path has no keys are returned as they are; of no paths, an empty table. Keys that
    only some of the paths have, as those of what was made elsewhere, are empty in the rows of the
    others.
    """
    keys_of_parts = []
    parts = []
    for path in paths:
        keys = partition_keys(path)
        part = read(path, name)
        for place, (key, value) in enumerate(keys.items()):
            part.insert(place, key, value)
        keys_of_parts.append(keys)
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=[*RUN_KEYS, *_named(name)[1].columns])
    table = pd.concat(parts, ignore_index=True)
    return table.fillna({key: "" for keys in keys_of_parts for key in keys})


def write_tsv(table: pd.DataFrame, path: str | Path) -> None:
    """Write the reading twin of a table: tab-separated, numbers to six significant digits."""
    with atomic(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")


def _named(name: str) -> Table:
    if name not in SCHEMAS:
        raise ValueError(f"No table is named {name!r} ({nearest(name, SCHEMAS)}).")
    return SCHEMAS[name]


def _with_types_of_nothing(table: pd.DataFrame, columns: Mapping[str, pa.Column]) -> pd.DataFrame:
    """Give columns that hold no value the type of their schema: pandas cannot guess it."""
    return table.astype(
        {
            name: column.dtype.type
            for name, column in columns.items()
            if table[name].isna().all() and (table.empty or column.nullable)
        }
    )


def _to_pandas(table: arrow.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame
