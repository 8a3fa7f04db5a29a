"""Tables that users bring: splits and predictions of the images of a study, or scores alone."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.base.errors import InputError, nearest
from memorability.base.seeding import numpy_stream
from memorability.base.text import one_form
from memorability.data.joining import checked_columns, match_image_ids, named_by
from memorability.data.published import memcat
from memorability.data.scores import read_scores, refuse_other_measures, with_scores_from_counts
from memorability.data.splits import PARTS
from memorability.images.store import OnBadImage
from memorability.tables.given import examples, first_place

logger = logging.getLogger(__name__)

LARGEST_PREDICTION = 2.0
"""A prediction may lie beyond every score, but not this far: then it is in another unit."""


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
    parts = raw["split"].fillna("").astype(str).map(one_form)
    unknown = parts[~parts.isin(PARTS)]
    if len(unknown):
        raise InputError(
            f"{path}, {first_place(unknown.index)}: {unknown.iloc[0]!r} is no part of a split "
            f"({nearest(unknown.iloc[0].lower(), PARTS)}). Expected {', '.join(PARTS)}. Correct these "
            f"rows ({len(unknown)})."
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
        If a column is missing, a prediction is no finite number or far beyond all scores, an image
        has two rows, or a test image has none.
    """
    key = "prediction.external"
    raw = checked_columns(path, columns, "predicted", key)
    values = pd.to_numeric(raw["predicted"], errors="coerce").astype(float)
    bad = values[~np.isfinite(values)]
    if len(bad):
        raise InputError(
            f"{path}, column {columns['predicted']!r}: no finite number "
            f"({examples(raw.loc[bad.index, 'predicted'])}). Correct or remove these rows."
        )
    refuse_other_measures(
        path, str(columns["predicted"]), raw["predicted"], values,
        what="prediction", limit=LARGEST_PREDICTION,
    )  # fmt: skip
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


def image_table(
    path: Path, kind: str, columns: Mapping[str, str], *, on_bad_image: OnBadImage, seed: int
) -> pd.DataFrame:
    """Return the image table that a score table makes by itself.

    Parameters
    ----------
    path
        The score table.
    kind
        "memcat", whose scores are recomputed from their counts, or "table".
    columns
        See `memorability.data.scores.read_scores`; of "memcat" they are known.
    on_bad_image
        Of rows without a score: "reject" leaves them out, "stop" raises.
    seed
        Of the presentation order, as where the images are there.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `images`, sorted by image_id.

    Raises
    ------
    InputError
        As `read_scores`, or `memcat.read_table`; and if a row has no score and none may be left out.
    """
    if kind == "memcat":
        rows = with_scores_from_counts(memcat.read_table(path))
    else:
        rows = read_scores(path, columns)
    incomplete = rows.loc[rows["missing"] != "", "file"]
    if len(incomplete):
        what = f"{path}: {len(incomplete)} rows have no score or count ({examples(incomplete)})"
        if on_bad_image == "stop":
            raise InputError(
                f"{what}. Correct them, or set images.on_bad_image: reject to go on without them."
            )
        logger.warning("%s: they are left out", what)
    table = rows[rows["missing"] == ""].drop(columns="missing")
    table = table.sort_values("image_id", ignore_index=True)
    order = numpy_stream(seed, "presentation order").permutation(len(table))
    unknown = pd.array([pd.NA] * len(table), dtype="Int64")
    return table.assign(width=unknown, height=unknown, position=order)
