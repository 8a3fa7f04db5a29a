"""Errors and latents made elsewhere, joined with the images of a study."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow import Array, ArrowInvalid, DataType, compute, parquet, types

from memorability.base.arrays import LATENTS_AT_A_TIME
from memorability.base.errors import InputError
from memorability.base.text import one_form
from memorability.data.joining import Joined, join_images, joining_column
from memorability.tables.given import examples, named_columns, read_given, require_columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A table that was made elsewhere, as external_errors and external_latents name it.

    Parameters
    ----------
    file
        Path of the table.
    columns
        Our name -> name in the file, see `join_errors` and `join_latents`.
    claim
        Id of the published number that it answers; empty for none.
    loss
        Of errors, in the words of the configuration's losses or any other.
    """

    file: str
    columns: Mapping[str, str]
    claim: str = ""
    loss: str = ""


def join_errors(
    path: Path, source: Source, images: pd.DataFrame, *, name: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a table of errors and join it with the image table.

    Parameters
    ----------
    path
        A .csv, .tsv or .parquet file with one row per image.
    source
        Entry of the configuration's external_errors. Its columns, our name -> name in the file, are
        error, and image_id or file: a whole path as the image table has it, or a bare file name that
        occurs there once.
    images
        The image table.
    name
        Of the source in the configuration.

    Returns
    -------
    tuple
        The table `errors`, its metric being the source's loss, of which neither backbone nor sign is
        known; and the row of the table `external` that says what was joined.

    Raises
    ------
    InputError
        If a column is missing, an error is no finite number, an image has two rows, a file name fits
        several images, or nothing joins.
    """
    raw, columns = read_given(path), source.columns
    given = named_columns(path, raw, columns, "external_errors.….columns")["error"]
    values = pd.to_numeric(given, errors="coerce")
    bad = np.flatnonzero(~np.isfinite(values.to_numpy(dtype=np.float64, na_value=np.nan)))
    if bad.size:
        raise InputError(
            f"{path}, column {columns['error']!r}: {bad.size} of {len(raw)} errors are no finite "
            f"numbers ({examples(given.iloc[bad])}). Expected numbers with a decimal point. Correct "
            "these rows, or take them out: images without an error are left out and counted."
        )
    ids, counts = join_images(path, raw, columns, images)
    table = pd.DataFrame({"image_id": ids, "error": values.astype(float), "epoch": 1})
    unknown = dict.fromkeys(("backbone", "trained_by", "published", "sign"), "")
    table = table.dropna(subset=["image_id"]).assign(metric=source.loss, **unknown)
    return table, _summary(counts, "errors", name, source)


def join_latents(
    path: Path, source: Source, images: pd.DataFrame, *, name: str
) -> tuple[list[str], NDArray[np.float32], pd.DataFrame]:
    """Read a table of latents and join it with the image table.

    Parameters
    ----------
    path
        A .parquet file with one row per image.
    source
        Entry of the configuration's external_latents. Its columns are latent, lists of numbers, and
        image_id or file as in `join_errors`.
    images
        The image table.
    name
        Of the source in the configuration.

    Returns
    -------
    tuple
        Ids of the images that have a latent, in ascending order; their latents (N, D) float32; and the
        row of the table `external`.

    Raises
    ------
    InputError
        As `join_errors`; and if latents are no lists of equally many finite numbers.
    """
    columns = source.columns
    with _opened(path) as file:
        present = file.schema_arrow.names
        forms = list(map(one_form, present))
        require_columns(path, columns, forms, "external_latents.….columns")
        by = joining_column(columns)
        column, named_by = (
            present[forms.index(one_form(columns[name]))] for name in ("latent", by)
        )
        _require_lists(path, column, file.schema_arrow.field(column).type)
        labels = file.read([named_by]).to_pandas().set_axis([one_form(columns[by])], axis="columns")
        labels.index = pd.RangeIndex(1, len(labels) + 1, name="row")
        ids, counts = join_images(path, labels, columns, images)
        order = sorted(ids.dropna())
        places = ids.map({image_id: place for place, image_id in enumerate(order)})
        latents = np.empty((len(order), 0), dtype=np.float32)
        start = 0
        # Read as one table they would take several times their size.
        for batch in file.iter_batches(LATENTS_AT_A_TIME, columns=[column]):
            values = _matrix(path, column, batch.column(column), start, latents.shape[1])
            if not latents.size:
                latents = np.empty((len(order), values.shape[1]), dtype=np.float32)
            chosen = places.iloc[start : start + len(values)]
            known = chosen.notna().to_numpy()
            latents[chosen[known].astype(int)] = values[known]
            start += len(values)
    return order, latents, _summary(counts, "latents", name, source)


def _summary(counts: Joined, kind: str, name: str, source: Source) -> pd.DataFrame:
    said = {"kind": kind, "name": name, "file": source.file, "claim": source.claim}
    return pd.DataFrame([said | asdict(counts)])


def _opened(path: Path) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(path, pre_buffer=False)
    except (ArrowInvalid, OSError) as error:
        raise InputError(
            f"{path} cannot be read as a parquet table: {error}. Save it again as .parquet."
        ) from error


def _require_lists(path: Path, name: str, kind: DataType) -> None:
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not lists or not (types.is_floating(kind.value_type) or types.is_integer(kind.value_type)):
        raise InputError(
            f"{path}, column {name!r} holds {kind}, but a latent is a list of numbers. Name the column "
            "of the latents in external_latents.….columns."
        )


def _matrix(path: Path, name: str, lists: Array, start: int, size: int) -> NDArray[np.float32]:
    """Return a batch of latents (n, D), the first of which is row `start` of the file."""
    lengths = compute.list_value_length(lists).to_numpy(zero_copy_only=False)
    size = size or int(np.nan_to_num(lengths[0]))
    bad = np.flatnonzero(lengths != size)
    if bad.size or not size:
        row = start + int(bad[0] if bad.size else 0)
        found = lengths[row - start]
        raise InputError(
            f"{path}, column {name!r}: the latent in row {row + 1} has "
            f"{'no' if np.isnan(found) else int(found)} numbers, the first one has {size}. Expected "
            "equally many in every row, at least 1. Correct the table, or take the row out."
        )
    with np.errstate(over="ignore"):  # and refused as infinite
        values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    values = values.reshape(-1, size)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if bad.size:
        raise InputError(
            f"{path}, column {name!r}: the latent in row {start + int(bad[0]) + 1} holds a number that "
            "is not finite. Correct it, or take the row out: images without a latent are left out and "
            "counted."
        )
    return np.asarray(values)
