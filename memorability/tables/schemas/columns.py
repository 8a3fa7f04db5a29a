"""Kinds of columns, and tables of them."""

from typing import Any

import pandera.pandas as pa

Table = tuple[tuple[str, ...], pa.DataFrameSchema]
"""Columns that a table is sorted by, and its schema."""


def table(key: tuple[str, ...], **columns: pa.Column) -> Table:
    """Return a table whose rows are sorted by `key`, with these columns and no others."""
    return key, pa.DataFrameSchema(columns, strict=True, ordered=True)


def family(prefix: str, column: pa.Column) -> dict[str, pa.Column]:
    """Return columns of one kind, as many as a table has, whose names begin with `prefix`.

    What follows is a name of a configuration or of an image feature.
    """
    return {
        f"{prefix}[a-z0-9_]+": pa.Column(
            column.dtype, column.checks, nullable=column.nullable, regex=True, required=False
        )
    }


def text(*, unique: bool = False) -> pa.Column:
    """Return a column of text, which may be empty but not missing."""
    return pa.Column(str, unique=unique)


def one_of(*words: str) -> pa.Column:
    """Return a column of text that holds one of these words."""
    return pa.Column(str, pa.Check.isin(words))


def truth(*, nullable: bool = False) -> pa.Column:
    """Return a column of yes and no."""
    return pa.Column("boolean" if nullable else bool, nullable=nullable)


def whole(*, least: int = 0, most: int | None = None, unique: bool = False) -> pa.Column:
    """Return a column of whole numbers that are never missing."""
    return pa.Column("int64", _bounds(least=least, most=most), unique=unique)


def count(*, nullable: bool = False) -> pa.Column:
    """Return a column of counts, in a kind of number that can be missing."""
    return pa.Column("Int64", _bounds(least=0), nullable=nullable)


def number(
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    nullable: bool = False,
) -> pa.Column:
    """Return a column of float64, from `least` or above `above` up to `most`."""
    return pa.Column(float, _bounds(least=least, above=above, most=most), nullable=nullable)


def share(*, nullable: bool = False) -> pa.Column:
    """Return a column of numbers from 0 to 1."""
    return number(least=0, most=1, nullable=nullable)


def score() -> pa.Column:
    """Return a column of scores: a difference of two shares, so numbers from -1 to 1."""
    return number(least=-1, most=1)


def correlation(*, nullable: bool = False) -> pa.Column:
    """Return a column of numbers from -1 to 1."""
    return number(least=-1, most=1, nullable=nullable)


def measured() -> dict[str, pa.Column]:
    """Return the columns that say what an error is measured in: `base.run_keys.METRIC_KEYS`."""
    return {
        "metric": text(),
        "backbone": text(),
        "trained_by": text(),
        "published": one_of("yes", "no", ""),
        "sign": sign(),
    }


def sign() -> pa.Column:
    """Return a column that says whether an error is a distance or one minus it."""
    return one_of("distance", "one_minus", "")


def untrained_model() -> pa.Column:
    """Return a column that says which model before fine-tuning made an error; empty for others."""
    return one_of("before_fine_tuning", "untrained", "grey", "")


def _bounds(
    *, least: float | None = None, above: float | None = None, most: float | None = None
) -> list[pa.Check]:
    bounds: dict[Any, float | None] = {
        pa.Check.ge: least, pa.Check.gt: above, pa.Check.le: most,
    }  # fmt: skip
    return [check(bound) for check, bound in bounds.items() if bound is not None]


SCORED = {
    "image_id": text(unique=True),
    "file": text(unique=True),
    "category": text(),
    "subcategory": text(),
    "hits": count(nullable=True),
    "false_alarms": count(nullable=True),
    "responses": count(nullable=True),
    "score": score(),
}
"""Columns of an image, its labels and its score."""
