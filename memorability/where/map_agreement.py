"""How far maps of an image agree: methods with one another, and with maps that know no predictor."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from memorability.statistics.inference import mean_inference
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.multiplicity import holm
from memorability.statistics.rank_correlation import spearman
from memorability.where.names import METHODS, REFERENCES

FLAT = 1e-5
"""Range of a map over its largest value, up to which it is constant but for rounding."""


def agreement(maps: pd.DataFrame, images: pd.DataFrame, *, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return the table `map_agreement`: how alike two methods order the cells of an image.

    Parameters
    ----------
    maps
        The table `memorability_maps`.
    images
        The image table.
    bootstrap
        Of images, or of subcategories where there are enough.

    Returns
    -------
    pandas.DataFrame
        A row per predictor and pair of methods. r is Spearman's over the 64 cells, the mean over the n
        images in which neither map is constant; p_holm is adjusted over the pairs of a predictor.
    """
    labels = images.set_index("image_id")[["category", "subcategory"]]
    tables = []
    for predictor, own in maps.groupby("predictor", sort=True):
        wide = own.pivot_table(
            index=["image_id", "row", "column"], columns="method", values="value"
        )
        methods = [name for name in (*METHODS, *REFERENCES) if name in wide]
        rows = [
            {"first": first, "second": second, **_agree(wide, first, second, labels, bootstrap)}
            for first, second in combinations(methods, 2)
            if (first, second) != REFERENCES
        ]
        table = pd.DataFrame(rows).assign(predictor=predictor)
        tables.append(table.assign(p_holm=holm(table["p"])))
    return pd.concat(tables, ignore_index=True).astype({"clusters": "Int64"})


def _agree(
    wide: pd.DataFrame, first: str, second: str, labels: pd.DataFrame, bootstrap: Bootstrap
) -> dict[str, Any]:
    rows = pd.DataFrame(_correlated(wide, first, second), columns=["image_id", "r"])
    both = len(rows)
    rows = rows[rows["r"].notna()]
    rows = rows.join(labels, on="image_id")
    found = mean_inference(rows, "r", bootstrap)
    return {
        "images": both,
        "n": len(rows),
        "r": float(rows["r"].mean()) if len(rows) else np.nan,
        "ci_low": found.interval.low,
        "ci_high": found.interval.high,
        "p": found.p,
        "unit": found.unit,
        "clusters": len(set(rows["subcategory"])) if found.unit == "subcategories" else None,
    }


def _correlated(wide: pd.DataFrame, first: str, second: str) -> Iterator[tuple[str, float]]:
    for image_id, cells in wide.groupby(level="image_id", sort=True):
        one, other = (cells[name].to_numpy(dtype=np.float64) for name in (first, second))
        constant = any(
            np.ptp(values) <= FLAT * max(1e-12, np.abs(values).max()) for values in (one, other)
        )
        yield str(image_id), np.nan if constant else spearman(one, other)
