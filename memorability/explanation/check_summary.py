"""What the checks of attributions say, with intervals over images and over random networks."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.explanation.names import MAP_MEASURES, ORDERS, SUMMARIES, TRAINED
from memorability.statistics.inference import Runs, Units, infer
from memorability.statistics.intervals import (
    SMALLEST_BOOTSTRAP,
    Bootstrap,
    Interval,
    distribution,
    image_weights,
    no_interval,
    percentile_interval,
    resampled_means,
)
from memorability.statistics.ranks import SMALLEST_SAMPLE, Sample, Target


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
        of their maps, each the mean over the draws of random weights. Rows of `reference`: the
        similarities of the absolute maps to maps that know no network. Of `deletion` and `insertion`:
        the mean area between the curves, in units of the predicted score, positive where the order of
        attributions does better than the order `second`. NaN where maps are constant or there are
        too few images.

        Intervals are percentiles over resampled images. Where there are several draws, networks are
        resampled as well: see `memorability.statistics.inference.infer`.
    """
    images = similarity["image_id"].unique()
    own = attributions[attributions["image_id"].isin(images)].rename(
        columns={"baseline": "variant"}
    )
    own = own.assign(draw=0)
    known = pd.concat([own, own.assign(variant=TRAINED), variants], ignore_index=True)
    rows = []
    for key, alike in similarity.groupby(["check", "first", "second"]):
        check, first, second = map(str, key)
        pair = {"check": check, "first": first, "second": second, "n": alike["image_id"].nunique()}
        pair["draws"] = alike["draw"].nunique()
        reference = check == "reference"
        for name in () if reference else SUMMARIES:
            (x,), y = (_wide(known[known["variant"] == each], name) for each in (first, second))
            rows.append({**pair, "measure": f"rank_{name}", **_rank_agreement(x, y, bootstrap)})
        for name in MAP_MEASURES:
            # A map that knows no network has no sign.
            if not (reference and name == "map_signed"):
                rows.append({**pair, "measure": name, **_mean(_wide(alike, name), bootstrap)})
    for (mode, order), area in _areas(curves).items():
        pair = {"check": mode, "first": "attribution", "second": order, "n": len(area), "draws": 1}
        rows.append({**pair, "measure": "area", **_mean(area[np.newaxis], bootstrap)})
    return pd.DataFrame(rows)


def _wide(table: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """Return a column as (draws, images), images in the order of their ids."""
    wide = table.pivot_table(index="draw", columns="image_id", values=name, dropna=False)
    return wide.to_numpy(dtype=np.float64)


def _rank_agreement(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], bootstrap: Bootstrap
) -> dict[str, object]:
    """Return Spearman's correlation of x (n,) with y (draws, n), mean over draws."""
    if len(x) < SMALLEST_SAMPLE or np.ptp(x) == 0 or (np.ptp(y, axis=1) == 0).any():
        why = "too few images" if len(x) < SMALLEST_SAMPLE else "constant"
        return _row(np.nan, no_interval(f"none ({why})"))
    sample = Sample(y, Target(x))
    by_draw = sample.by_run["pooled"]
    interval = no_interval("none (too few images)")
    if len(x) >= SMALLEST_BOOTSTRAP:
        drawn = distribution(sample, image_weights(len(x), bootstrap))["pooled"]
        interval = _interval(by_draw, drawn, len(x), bootstrap)
    return _row(float(by_draw.mean()), interval)


def _mean(values: npt.NDArray[np.float64], bootstrap: Bootstrap) -> dict[str, object]:
    """Return the mean of values (draws, n) over images and draws; images without one are left out."""
    defined = values[:, ~np.isnan(values).any(axis=0)]
    n = defined.shape[1]
    if not n:
        return _row(np.nan, no_interval("none (constant)"))
    interval = no_interval("none (too few images)")
    if n >= SMALLEST_BOOTSTRAP:
        drawn = resampled_means(defined.T, bootstrap).T
        interval = _interval(defined.mean(axis=1), drawn, n, bootstrap)
    return _row(float(defined.mean()), interval)


def _interval(
    by_draw: npt.NDArray[np.float64],
    drawn: npt.NDArray[np.float64],
    n: int,
    bootstrap: Bootstrap,
) -> Interval:
    """Return the interval of a mean over draws (draws,) from its resamples of images (draws, b)."""
    if len(by_draw) == 1:
        return percentile_interval(drawn[0], bootstrap.confidence)
    # Of few images some resamples agree perfectly, of which there is no Fisher's z.
    found = infer(
        [Runs(by_draw, drawn)], Units(n, None, None), bootstrap, of_difference=True
    ).interval
    return replace(found, low=max(found.low, -1.0), high=min(found.high, 1.0))


def _row(value: float, interval: Interval) -> dict[str, object]:
    return {
        "value": value, "ci_low": interval.low, "ci_high": interval.high,
        "ci_method": interval.method,
    }  # fmt: skip


def _areas(curves: pd.DataFrame) -> dict[tuple[str, str], npt.NDArray[np.float64]]:
    """Return (mode, order) -> areas between the curves of the images of attribution and that order.

    They are positive where attributions do better.
    """
    keys = ["mode", "image_id"]
    orders = {
        order: rows.pivot_table(index=keys, columns="share", values="score")
        for order, rows in curves.groupby("order")
    }
    areas = {}
    for order in ORDERS[1:]:
        lower = orders[order] - orders[ORDERS[0]]
        area = pd.Series(np.trapezoid(lower, lower.columns.to_numpy(), axis=1), lower.index)
        areas["deletion", order] = area.loc["deletion"].to_numpy()
        areas["insertion", order] = -area.loc["insertion"].to_numpy()
    return areas
