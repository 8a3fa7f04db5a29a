"""Rows of any table, made up from its schema: values at random, missing ones where they may be."""

import zlib
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from memorability.tables.store import SCHEMAS

ROWS = 3
LETTERS = np.array([*"abcdefgh", "ü", "Z"])


def rows(name: str) -> pd.DataFrame:
    """Return three rows of the table `name` as they are read back, which no two keys share."""
    key, schema = SCHEMAS[name]
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    values = {
        column: _values(kind, column in key, generator) for column, kind in schema.columns.items()
    }
    records = [
        dict(zip(values, record, strict=True)) for record in zip(*values.values(), strict=True)
    ]
    ordered = sorted(records, key=lambda record: [record[column] for column in key])
    return pd.DataFrame(ordered).astype({c: str(k.dtype) for c, k in schema.columns.items()})


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
