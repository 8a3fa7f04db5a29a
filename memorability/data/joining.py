"""Join the rows of a user's table with the images of a study, by file or by id."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from memorability.base.errors import InputError, nearest
from memorability.base.text import one_form
from memorability.images.folder import Mismatch, candidates, composed, match
from memorability.tables.given import examples, first_place, named_columns, read_given

logger = logging.getLogger(__name__)


JOINING = ("image_id", "file")
"""Columns of the image table that a table from elsewhere may be joined by."""

_ONE_ROW = "Expected one row per image. Remove the others."


@dataclass(frozen=True)
class Joined:
    """How many rows of a table from elsewhere belong to an image of the study.

    Attributes
    ----------
    joined_by
        "image_id" or "file".
    rows
        Rows of the table.
    joined
        Rows that belong to an image, which are also the images that have a row.
    rows_without_image, images_without_row
        What is left out on either side.
    unmatched
        The first row without an image, as the table has it; "" if there is none.
    """

    joined_by: str
    rows: int
    joined: int
    rows_without_image: int
    images_without_row: int
    unmatched: str


def joining_column(columns: Mapping[str, str]) -> str:
    """Return the column of the image table by which rows are joined."""
    return next(name for name in JOINING if name in columns)


def join_images(
    path: Path, table: pd.DataFrame, columns: Mapping[str, str], images: pd.DataFrame
) -> tuple[pd.Series, Joined]:
    """Return the image_id of each row, missing where it belongs to no image, and the counts."""
    by = joining_column(columns)
    column = columns[by]
    names = table[one_form(column)].fillna("").astype(str).map(composed).str.strip()
    if by == "file":
        names = names.str.replace("\\", "/")
    fitting = _fitting(names, images, by)
    _refuse_ambiguous(path, column, fitting)
    ids = fitting.map(lambda found: found[0] if found else None)
    twice = ids[ids.notna() & ids.duplicated(keep=False)]
    if len(twice):
        rows = twice == twice.iloc[0]
        raise InputError(
            f"{path}, column {column!r}: {len(twice)} rows share an image with another row, for "
            f"example {examples(names[twice.index[rows]])}. Expected one row per image. Take the "
            "others out, or average them."
        )
    if ids.isna().all():
        raise _nothing_joins(path, column, names, images, by)
    without = names[ids.isna()]
    joined = Joined(
        by, len(ids), len(ids) - len(without), len(without), len(images) - len(ids) + len(without),
        without.iloc[0] if len(without) else "",
    )  # fmt: skip
    if len(without) or joined.images_without_row:
        logger.warning(
            "%s: %d of %d rows belong to no image%s, %d of %d images have no row: they are left out",
            path, len(without), len(ids), f" ({joined.unmatched})" if len(without) else "",
            joined.images_without_row, len(images),
        )  # fmt: skip
    return ids, joined


def _fitting(names: pd.Series, images: pd.DataFrame, by: str) -> pd.Series:
    """Return, per row, the ids of the images that its name may stand for."""
    if by == "image_id":
        known = set(images["image_id"])
        return names.map(lambda name: [name] if name in known else [])
    ids = dict(zip(images["file"], images["image_id"], strict=True))
    found = candidates(names.to_list(), ids)
    return pd.Series([[ids[path] for path in paths] for paths in found], index=names.index)


def _refuse_ambiguous(path: Path, column: str, fitting: pd.Series) -> None:
    several = fitting[fitting.map(len) > 1]
    if len(several):
        raise InputError(
            f"{path}, column {column!r}: {first_place(several.index)} could be any of the images "
            f"{', '.join(several.iloc[0])} ({len(several)} such rows). Give paths as the score table "
            "has them, or join by image_id."
        )


def _nothing_joins(
    path: Path, column: str, names: pd.Series, images: pd.DataFrame, by: str
) -> InputError:
    """Return the error that says what keeps the rows apart from the images."""
    ways: dict[str, Callable[[str], str]] = {
        "without directories": lambda name: PurePosixPath(name).name,
        "in lower case": str.lower,
        "without directories and in lower case": lambda name: PurePosixPath(name).name.lower(),
        "without directories and extensions": lambda name: PurePosixPath(name).stem,
    }
    hint = ""
    for words, simplified in ways.items():
        known = set(images[by].map(simplified))
        count = int(names.map(simplified).isin(known).sum())
        if count:
            hint = f" Both {words}, {count} of them would."
            break
    example = f"the table has {names.iloc[0]!r}" if len(names) else "the table has no rows"
    return InputError(
        f"{path}: none of {len(names)} rows belongs to one of the {len(images)} images of the study by "
        f"its column {column!r}: {example}, the study's {by} is {images[by].iloc[0]!r}.{hint} Correct "
        "the column's names or external_….columns."
    )


def checked_columns(
    path: Path, columns: Mapping[str, str | None], needed: str, key: str
) -> pd.DataFrame:
    """Return the needed column and that of ids or files, under our names."""
    named = {name: str(columns[name]) for name in (needed, named_by(columns))}
    return named_columns(path, read_given(path), named, f"{key}.columns")


def named_by(columns: Mapping[str, str | None]) -> str:
    """Return whether a table names images by "image_id" or by "file"."""
    return "image_id" if columns.get("image_id") else "file"


def _refuse_shared(path: Path, mismatches: Sequence[Mismatch]) -> None:
    """Raise if a row could be any of several images, or two rows are of one image."""
    ambiguous = [one for one in mismatches if one.kind == "ambiguous"]
    if ambiguous:
        first = ambiguous[0]
        raise InputError(
            f"{path}: {first.file!r} could be any of the images {', '.join(first.others)} "
            f"({len(ambiguous)} such rows). Give the paths of images as the score table has them."
        )
    taken = [one for one in mismatches if one.kind == "taken"]
    if taken:
        first = taken[0]
        raise InputError(
            f"{path}: {first.file!r} is the image {first.others[0]!r}, which is already another "
            f"row's image ({len(taken)} such rows). {_ONE_ROW}"
        )


def match_image_ids(
    path: Path,
    raw: pd.DataFrame,
    images: pd.DataFrame,
    rejected: pd.DataFrame | None,
) -> "pd.Series[str]":
    """Return the image of every row, missing where it may be none of the study.

    Where `rejected` is given, rows of other images than these are mistakes.
    """
    by = "image_id" if "image_id" in raw else "file"
    named = raw[by].fillna("").astype(str).map(composed)
    if by == "image_id":
        ids = named.where(named.isin(images["image_id"]))
        twice = ids[ids.duplicated() & ids.notna()]
        if len(twice):
            raise InputError(
                f"{path}: the image {twice.iloc[0]!r} is named twice ({len(twice)} such rows). "
                f"{_ONE_ROW}"
            )
    else:
        files, mismatches = match(named.tolist(), images["file"])
        _refuse_shared(path, mismatches)
        known = images.set_index("file")["image_id"]
        ids = pd.Series(files, index=raw.index, dtype=object).map(known)
    if rejected is not None:
        left_out = {name for file in rejected["file"] for name in (file, file.rsplit(".", 1)[0])}
        strange = named[ids.isna() & ~named.isin(left_out)]
        if len(strange):
            raise InputError(
                f"{path} names {len(strange)} images that the study does not have, for example "
                f"{strange.iloc[0]!r} in {first_place(strange.index)} "
                f"({nearest(strange.iloc[0], images[by])}). Correct or remove these rows."
            )
    return ids
