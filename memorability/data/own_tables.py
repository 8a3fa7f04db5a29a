"""Splits and predictions that users bring as tables, joined with the images of a study."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.base.errors import InputError
from memorability.data.joining import checked_columns, match_image_ids, named_by
from memorability.data.splits import PARTS


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
