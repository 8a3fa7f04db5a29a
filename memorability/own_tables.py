"""Splits and predictions that users bring as tables, joined with the images of a study."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.datasets.scores import read_raw
from memorability.errors import InputError, nearest
from memorability.image_files import Mismatch, composed, match
from memorability.splits import PARTS

_ONE_ROW = "Expected one row per image. Remove the others."


def read_split(
    path: Path, columns: Mapping[str, str | None], images: pd.DataFrame, rejected: pd.DataFrame
) -> pd.DataFrame:
    """Read which images are for training, validation and test.

    Parameters
    ----------
    path
        A .csv, .tsv or .parquet file with one row per image.
    columns
        Our name -> name in the file: split, and image_id (if there is one) or file.
    images, rejected
        The image table, and the images that were left out, which the file may name.

    Returns
    -------
    pandas.DataFrame
        The table `official_splits` with one split, number 1.

    Raises
    ------
    InputError
        If a column is missing, a part is not train, validation or test, an image is unknown, in two
        rows, or in none.
    """
    key = "prediction.split"
    raw = checked_columns(path, columns, "split", key)
    parts = raw["split"].astype(str)
    unknown = parts[~parts.isin(PARTS)]
    if len(unknown):
        raise InputError(
            f"{path}, row {unknown.index[0] + 1}: {unknown.iloc[0]!r} is no part of a split. Expected "
            f"{', '.join(PARTS)}. Correct these rows ({len(unknown)})."
        )
    ids = match_image_ids(path, raw, images, rejected)
    table = pd.DataFrame({"image_id": ids, "split": parts}).dropna(subset="image_id")
    scores = images.set_index("image_id")["score"]
    unplaced = scores.index.difference(pd.Index(table["image_id"]))
    if len(unplaced):
        raise InputError(
            f"{path} does not say what {len(unplaced)} of {len(images)} images are for, for example "
            f"{unplaced[0]!r}. Add a row for each, with train, validation or test."
        )
    return table.assign(official_split=1, score=table["image_id"].map(scores))


def read_predictions(
    path: Path, columns: Mapping[str, str | None], images: pd.DataFrame, split: pd.DataFrame
) -> pd.DataFrame:
    """Read predictions that were made elsewhere.

    Parameters
    ----------
    path
        A .csv, .tsv or .parquet file with one row per image; rows of other images are left aside.
    columns
        Our name -> name in the file: predicted (in units of the score), and image_id or file.
    images, split
        The image table, and the table `split`.

    Returns
    -------
    pandas.DataFrame
        The table `head_predictions`.

    Raises
    ------
    InputError
        If a column is missing, a prediction is no finite number, an image has two rows, or a test
        image has none.
    """
    key = "prediction.external"
    raw = checked_columns(path, columns, "predicted", key)
    values = pd.to_numeric(raw["predicted"], errors="coerce").astype(float)
    bad = values[~np.isfinite(values)]
    if len(bad):
        raise InputError(
            f"{path}, row {bad.index[0] + 1}: {raw['predicted'][bad.index[0]]!r} is no finite "
            f"number. Correct or remove these rows ({len(bad)})."
        )
    ids = match_image_ids(path, raw, images, None)
    table = pd.DataFrame({"image_id": ids, "predicted": values}).dropna(subset="image_id")
    test = split.loc[split["split"] == "test", "image_id"]
    without = test[~test.isin(table["image_id"])]
    if len(without):
        raise InputError(
            f"{path} predicts {len(test) - len(without)} of {len(test)} test images; "
            f"{without.iloc[0]!r} is missing, and rows are named as in "
            f"{str(raw[named_by(columns)].iloc[0])!r}. Heads are compared on the same images: "
            f"add the others, or correct {key}.columns."
        )
    return table.assign(other_image_id=table["image_id"])


def named_by(columns: Mapping[str, str | None]) -> str:
    """Return whether a table names images by "image_id" or by "file"."""
    return "image_id" if columns.get("image_id") else "file"


def checked_columns(
    path: Path, columns: Mapping[str, str | None], needed: str, key: str
) -> pd.DataFrame:
    """Return the needed column and that of ids or files, under our names."""
    raw = read_raw(path)
    names = {str(columns[name]): name for name in (needed, named_by(columns))}
    for name in names:
        if name not in raw.columns:
            raise InputError(
                f"{path} has no column {name!r} ({nearest(name, map(str, raw.columns))}). "
                f"Correct {key}.columns, which names the table's own columns."
            )
    if raw.empty:
        raise InputError(f"{path} has no rows. Choose another table.")
    return raw[list(names)].rename(columns=names)


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
    named = raw[by].astype(str).map(composed)
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
                f"{strange.iloc[0]!r} in row {strange.index[0] + 1} "
                f"({nearest(strange.iloc[0], images[by])}). Correct or remove these rows."
            )
    return ids
