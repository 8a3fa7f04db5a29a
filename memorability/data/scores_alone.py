"""The image table of a study that has scores and no images."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from memorability.base.seeding import numpy_stream
from memorability.data import memcat
from memorability.data.scores import read_scores, with_scores_from_counts


def image_table(path: Path, kind: str, columns: Mapping[str, str], *, seed: int) -> pd.DataFrame:
    """Return the image table that a score table makes by itself.

    Parameters
    ----------
    path
        The score table.
    kind
        "memcat", whose scores are recomputed from their counts, or "table".
    columns
        See `memorability.data.scores.read_scores`; of "memcat" they are known.
    seed
        Of the presentation order, as where the images are there.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `images`, sorted by image_id.

    Raises
    ------
    InputError
        As `read_scores`, or `memcat.read_table`.
    """
    if kind == "memcat":
        rows = with_scores_from_counts(memcat.read_table(path))
    else:
        rows = read_scores(path, columns)
    table = rows.drop(columns="row").sort_values("image_id", ignore_index=True)
    order = numpy_stream(seed, "presentation order").permutation(len(table))
    unknown = pd.array([pd.NA] * len(table), dtype="Int64")
    return table.assign(width=unknown, height=unknown, position=order)
