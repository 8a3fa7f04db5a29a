"""Rows of any table, made up from its schema, and the records that tables keep."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pyarrow import parquet

from memorability.tables.store import SCHEMAS

ROWS = 3
LETTERS = np.array([*"abcdefgh", "ü", "Z"])


def rows(name: str) -> pd.DataFrame:
    """Return three rows of the table `name` as they are read back.

    Values are random, and missing where they may be; no two rows have the same key.
    """
    key, schema = SCHEMAS[name]
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    # Of a family of columns, one.
    named = {column.replace("[a-z0-9_]+", "mse"): kind for column, kind in schema.columns.items()}
    values = {column: _values(kind, column in key, generator) for column, kind in named.items()}
    records = [
        dict(zip(values, record, strict=True)) for record in zip(*values.values(), strict=True)
    ]
    ordered = sorted(records, key=lambda record: [record[column] for column in key])
    return pd.DataFrame(ordered).astype({c: str(k.dtype) for c, k in named.items()})


def read_record(path: str | Path) -> dict[str, Any]:
    """Return the record in the metadata of a parquet file."""
    metadata = parquet.read_schema(path).metadata or {}
    return dict(json.loads(metadata.get(b"memorability", b"{}")))


def _values(column: pa.Column, in_key: bool, generator: np.random.Generator) -> list[Any]:
    kind = str(column.dtype)
    limits: dict[str, Any] = {}
    for check in column.checks:
        limits |= check.statistics
    if "allowed_values" in limits:
        return list(generator.choice(limits["allowed_values"], ROWS))
    if kind in ("bool", "boolean"):
        values: list[Any] = list(generator.random(ROWS) < 0.5)
    elif kind in ("int64", "Int64"):
        low, high = limits["min_value"], limits.get("max_value", 100)
        values = list(generator.permutation(np.arange(low, high + 1))[:ROWS])
    elif kind == "float64":
        low, high = limits.get("min_value", -1e3), limits.get("max_value", 1e3)
        values = list(generator.uniform(low, high, ROWS))
    else:
        values = ["".join(word) for word in generator.choice(LETTERS, (ROWS, 8))]
        if not (in_key or column.unique):
            values[1] = ""
    if column.nullable:
        values[generator.integers(ROWS)] = np.nan if kind == "float64" else pd.NA
    return values
