"""FIGRIM: its archive of scenes, and its MATLAB file of responses.

630 photographs of the SUN database in 21 scene categories, 1,000 × 1,000 pixels (Bylinskii, Isola,
Bainbridge, Torralba & Oliva 2015, "Intrinsic and extrinsic effects on image memorability").

The score is hits / (hits + misses) of the memory game on the web (field `AMT_comb`), as its authors
compute it. How its false alarms are stored is described nowhere, so that they are not read.
"""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from memorability.base.errors import InputError
from memorability.data.published.unpacking import (
    folder_and_file,
    matched,
    number_of,
    read_matlab,
    whole,
    without_counts,
)
from memorability.images.folder import is_image
from memorability.sources.archives import FETCH_AGAIN, extract

LIMIT_BYTES = 5 * 10**9


def unpack(
    archive: Path,
    responses: Path,
    directory: Path,
    *,
    on_image: Callable[[], object] = lambda: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Unpack FIGRIM's targets, and return their scores.

    Parameters
    ----------
    archive
        Targets.zip, with …/<category>/<file>.jpg.
    responses
        allImages_release.mat, whose records have filename, category and AMT_comb.
    directory
        Where to unpack <category>/<file>; it appears whole or not at all.
    on_image
        Called after each image.

    Returns
    -------
    tuple of pandas.DataFrame
        The table `scores`, without counts; and the table `differences`, as from `matched`.

    Raises
    ------
    InputError
        If a file is another one, or more than half of the images are missing.
    """
    rows = read_responses(responses)
    with whole(directory) as place:
        paths = extract(
            archive,
            place / "images",
            select=folder_and_file,
            limit_bytes=LIMIT_BYTES,
            on_file=on_image,
        )
        return matched(rows, paths, archive, "FIGRIM")


def read_responses(path: Path) -> pd.DataFrame:
    """Return the rows of the table `scores`, with files as <category>/<file>.

    Raises
    ------
    InputError
        If it is not the published file.
    """
    rows: list[tuple[str, str, str, float]] = []
    for record in np.atleast_1d(read_matlab(path, "allImages")):
        name, category = (getattr(record, field, None) for field in ("filename", "category"))
        if not isinstance(name, str) or not isinstance(category, str) or not is_image(name):
            raise InputError(
                f"{path.name}: record {len(rows) + 1} has no file name and category. {FETCH_AGAIN}."
            )
        counted = getattr(record, "AMT_comb", None)
        hits, misses = (number_of(counted, field, name) for field in ("hits", "misses"))
        if not hits + misses:
            raise InputError(f"{path.name}: {name} was never repeated. {FETCH_AGAIN}.")
        category = PurePosixPath(category).name
        rows.append(
            (PurePosixPath(name).stem, f"{category}/{name}", category, hits / (hits + misses))
        )
    table = pd.DataFrame(rows, columns=["image_id", "file", "category", "score"])
    return without_counts(table.assign(subcategory=""))
