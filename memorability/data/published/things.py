"""THINGS memorability: the photographs of THINGS, and its table of corrected recognition.

26,107 photographs of 1,854 objects (Hebart et al. 2019), with scores of Kramer, Hebart, Baker &
Bainbridge 2023 ("The features underlying the memorability of objects"). The score is corrected
recognition: hit rate less false-alarm rate (column `cr`). Counts are not published with it. Objects
are the subcategories.
"""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from memorability.base.errors import InputError
from memorability.base.text import one_form
from memorability.data.published.unpacking import (
    differences,
    folder_and_file,
    matched,
    whole,
    without_counts,
)
from memorability.images.folder import is_image
from memorability.sources.archives import extract
from memorability.tables.given import first_place, is_missing, named_columns, read_given

LIMIT_BYTES = 15 * 10**9
COLUMNS = {"file": "file_path", "score": "cr"}


def unpack(
    archive: Path,
    table: Path,
    directory: Path,
    *,
    on_image: Callable[[], object] = lambda: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Unpack the photographs of THINGS, and return their scores.

    Parameters
    ----------
    archive
        Of the photographs, with …/<object>/<file>.jpg, without a password.
    table
        THINGS_Memorability_Scores.csv.
    directory
        Where to unpack <object>/<file>; it appears whole or not at all.
    on_image
        Called after each image.

    Returns
    -------
    tuple of pandas.DataFrame
        The table `scores`, without counts; and the table `differences`: rows without an image or
        without a score, and images without a row.

    Raises
    ------
    InputError
        If a file is another one, or more than half of the images are missing.
    """
    rows = read_table(table)
    unscored = rows.loc[rows["score"].isna(), "file"]
    with whole(directory) as place:
        paths = extract(
            archive,
            place / "images",
            select=folder_and_file,
            limit_bytes=LIMIT_BYTES,
            on_file=on_image,
        )
        scores, found = matched(rows.dropna(subset="score"), paths, archive, "THINGS")
    without = differences([(file, "has no score") for file in unscored], "THINGS")
    reasons = found[~found["file"].isin(unscored)]
    return scores, pd.concat([reasons, without], ignore_index=True)


def read_table(path: Path) -> pd.DataFrame:
    """Return the rows of the table `scores`, files as <object>/<file>; NaN where a score is missing.

    Raises
    ------
    InputError
        If a column is missing, a path has no folder, or a score is no number from −1 to 1.
    """
    raw = named_columns(path, read_given(path), COLUMNS, "THINGS_Memorability_Scores.csv")
    parts = [PurePosixPath(one_form(str(file))).parts[-2:] for file in raw["file"]]
    bad = raw.index[[len(part) < 2 or not is_image(part[-1]) for part in parts]]
    if len(bad):
        raise InputError(
            f"{path}, {first_place(bad)}: {raw['file'][bad[0]]!r} is not a path as in "
            "images/aardvark/aardvark_01b.jpg. Fetch the table again."
        )
    score = pd.to_numeric(raw["score"], errors="coerce").astype(float)
    missing = is_missing(raw["score"])
    wrong = raw.index[~(score.between(-1, 1) | missing)]
    if len(wrong):
        raise InputError(
            f"{path}, {first_place(wrong)}: {raw['score'][wrong[0]]!r} is no score from −1 to 1. Fetch "
            "the table again."
        )
    rows = pd.DataFrame(
        {
            "image_id": [PurePosixPath(name).stem for _, name in parts],
            "file": ["/".join(part) for part in parts],
            "category": "all",
            "subcategory": [folder for folder, _ in parts],
            "score": score.to_numpy(dtype=np.float64),
        }
    )
    return without_counts(rows)
