"""What the checks of attributions say, with intervals over images and in a sentence each."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.explanation.names import MAP_MEASURES, SUMMARIES, TRAINED
from memorability.statistics.intervals import Bootstrap, Interval, bootstrap_mean, no_interval
from memorability.statistics.rank_correlation import bootstrap_spearman
from memorability.statistics.ranks import SMALLEST_SAMPLE


def summarise_checks(
    attributions: pd.DataFrame,
    variants: pd.DataFrame,
    similarity: pd.DataFrame,
    curves: pd.DataFrame,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Return the statistics of all checks.

    Parameters
    ----------
    attributions, variants, similarity, curves
        The tables attributions, attribution_variants, attribution_similarity and attribution_curves.
    bootstrap
        Over images.

    Returns
    -------
    pandas.DataFrame
        The table attribution_checks. Rows of check `baseline` and `weights`: Spearman's correlation of
        the images' summaries under `first` and `second`, and the means over images of the similarities
        of their maps. Of `deletion` and `insertion`: the mean area between the curves, in units of the
        predicted score, positive where the order of attributions does better than a random one. NaN
        where attributions are constant or there are too few images.
    """
    images = similarity["image_id"].unique()
    own = attributions[attributions["image_id"].isin(images)].rename(
        columns={"baseline": "variant"}
    )
    known = pd.concat([own, own.assign(variant=TRAINED), variants], ignore_index=True)
    values = {
        str(variant): rows.set_index("image_id").loc[images]
        for variant, rows in known.groupby("variant")
    }
    rows = []
    for key, alike in similarity.groupby(["check", "first", "second"]):
        check, first, second = map(str, key)
        pair = {"check": check, "first": first, "second": second, "n": len(alike)}
        for name in SUMMARIES:
            x, y = (values[variant][name].to_numpy() for variant in (first, second))
            rows.append({**pair, "measure": f"rank_{name}", **_rank_agreement(x, y, bootstrap)})
        for name in MAP_MEASURES:
            rows.append({**pair, "measure": name, **_mean(alike[name].to_numpy(), bootstrap)})
    for mode, area in _areas(curves).items():
        pair = {"check": mode, "first": "attribution", "second": "random", "n": len(area)}
        rows.append({**pair, "measure": "area", **_mean(area, bootstrap)})
    return pd.DataFrame(rows)


def _rank_agreement(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], bootstrap: Bootstrap
) -> dict[str, object]:
    if len(x) < SMALLEST_SAMPLE or np.ptp(x) == 0 or np.ptp(y) == 0:
        why = "too few images" if len(x) < SMALLEST_SAMPLE else "constant"
        return _row(np.nan, no_interval(f"none ({why})"))
    found = bootstrap_spearman(x, y, bootstrap)
    return _row(found.r, Interval(found.ci_low, found.ci_high, found.ci_method))


def _mean(values: npt.NDArray[np.float64], bootstrap: Bootstrap) -> dict[str, object]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return _row(np.nan, no_interval("none (constant)"))
    return _row(float(defined.mean()), bootstrap_mean(defined, bootstrap))


def _row(value: float, interval: Interval) -> dict[str, object]:
    return {
        "value": value, "ci_low": interval.low, "ci_high": interval.high,
        "ci_method": interval.method,
    }  # fmt: skip


def _areas(curves: pd.DataFrame) -> dict[str, npt.NDArray[np.float64]]:
    """Return mode -> area between the curves of each image, positive where attributions do better."""
    keys = ["mode", "image_id"]
    orders = {
        order: rows.pivot_table(index=keys, columns="share", values="score")
        for order, rows in curves.groupby("order")
    }
    lower = orders["random"] - orders["attribution"]
    areas = pd.Series(np.trapezoid(lower, lower.columns.to_numpy(), axis=1), lower.index)
    return {
        "deletion": areas.loc["deletion"].to_numpy(),
        "insertion": -areas.loc["insertion"].to_numpy(),
    }
