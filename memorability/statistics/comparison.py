"""Two rank correlations with memorability compared: of protocols, or with a baseline."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memorability.statistics.inference import Inference, Runs, Units, infer
from memorability.statistics.intervals import (
    SMALLEST_BOOTSTRAP,
    Bootstrap,
    distributions,
    no_interval,
    percentile_interval,
)
from memorability.statistics.rank_correlation import aligned, undefined
from memorability.statistics.ranks import Sample, Target


@dataclass(frozen=True)
class Difference:
    """The difference of two rank correlations with the same target over the same images.

    Attributes
    ----------
    n
        Number of images.
    r, base_r
        The two correlations, −1 to 1, each the mean over its runs; NaN where one is undefined.
    difference
        r less base_r, −2 to 2.
    unit
        What interval and p hold for: "images" or "subcategories", "and seeds" where either has several.
    seeds, base_seeds
        Number of runs of each.
    r_seed_sd, base_r_seed_sd
        Standard deviations of the runs' correlations (ddof 1), NaN of a single run.
    ci_low, ci_high
        Bounds of its confidence interval; NaN where there is none.
    ci_method
        How the interval was made, or in words why there is none.
    p
        Two-sided p-value of no difference, 0 to 1.
    """

    n: int
    r: float
    base_r: float
    difference: float
    unit: str
    seeds: int
    base_seeds: int
    r_seed_sd: float
    base_r_seed_sd: float
    ci_low: float
    ci_high: float
    ci_method: str
    p: float


def compare_correlations(
    values: pd.DataFrame,
    base: pd.DataFrame,
    images: pd.DataFrame,
    *,
    target: str,
    bootstrap: Bootstrap,
    same_runs: bool = False,
) -> Difference:
    """Return by how much `values` correlate with memorability more than `base` do.

    Each resample draws the same images, or subcategories where there are ten, for both, and for all
    runs of both, so that what images share cancels out of the difference. Runs are drawn as well, those
    of each by themselves, where one has several; of a single run on either side, the difference to
    what another seed would give is in neither interval nor p. Images that one of the three tables lacks
    are left out.

    Parameters
    ----------
    values, base
        Columns image_id, value and seed, as in `memorability.statistics.decomposition.correlate`; their
        seeds need not be the same.
    images, target, bootstrap
        As in `correlate`.
    same_runs
        Whether both are of the same runs, as after two epochs. Seeds must then be the same, and a run
        is drawn for both sides: what its seed moves alike cancels out.

    Returns
    -------
    Difference
        Of images and single runs a percentile interval, p being the bootstrap's: twice the smaller
        share of resamples whose difference is at most, or at least, 0, counting the sample itself
        once; at least 2 / (draws + 1). Else both are of `memorability.statistics.inference.infer`.

    Raises
    ------
    ValueError
        As in `correlate`.

    Notes
    -----
    Efron & Tibshirani, An introduction to the bootstrap, 1993, chapter 15.
    """
    shared = set(values["image_id"]) & set(base["image_id"]) & set(images["image_id"])
    tables = [table[table["image_id"].isin(shared)] for table in (values, base)]
    labels = ["category", "subcategory"]
    (ours, table), (theirs, _) = (aligned(each, images, target, labels) for each in tables)
    scores = table[target].to_numpy(dtype=np.float64)
    category, subcategory = (table[label].to_numpy(dtype=str) for label in labels)
    units = Units.of(category, subcategory, bootstrap)
    reasons = [undefined(runs, scores) for runs in (ours, theirs)]
    by_run = [np.full(len(runs), np.nan) for runs in (ours, theirs)]
    found = Inference(
        no_interval(next(filter(None, reasons), f"none (n < {SMALLEST_BOOTSTRAP})")),
        np.nan, units.word,
    )  # fmt: skip
    if not any(reasons):
        shared_target = Target(scores)
        samples = [Sample(runs, shared_target) for runs in (ours, theirs)]
        by_run = [sample.by_run["pooled"] for sample in samples]
        if units.n >= SMALLEST_BOOTSTRAP:
            drawn = distributions(samples, units.weights(bootstrap))
            compared = [
                Runs(each, of_each["pooled"]) for each, of_each in zip(by_run, drawn, strict=True)
            ]
            found = _compared(compared, units, bootstrap, same_runs=same_runs)
    r, base_r = (float(each.mean()) for each in by_run)
    spread, base_spread = (float(each.std(ddof=1)) if len(each) > 1 else np.nan for each in by_run)
    return Difference(
        n=units.n,
        r=r,
        base_r=base_r,
        difference=r - base_r,
        unit=found.unit,
        seeds=len(ours),
        base_seeds=len(theirs),
        r_seed_sd=spread,
        base_r_seed_sd=base_spread,
        ci_low=found.interval.low,
        ci_high=found.interval.high,
        ci_method=found.interval.method,
        p=found.p,
    )


def _compared(
    both: list[Runs], units: Units, bootstrap: Bootstrap, *, same_runs: bool
) -> Inference:
    """Return the inference on the difference of two correlations."""
    if units.clustered or any(len(each.by_run) > 1 for each in both):
        if same_runs:
            first, second = both
            of_runs = Runs(first.by_run - second.by_run, first.drawn - second.drawn)
            return infer([of_runs], units, bootstrap, differences=True)
        return infer(both, units, bootstrap)
    drawn = both[0].drawn[0] - both[1].drawn[0]
    interval = percentile_interval(drawn, bootstrap.confidence)
    if np.isnan(interval.low):
        return Inference(interval, np.nan, units.word)
    kept = drawn[~np.isnan(drawn)]
    tail = 1 + min(np.count_nonzero(kept <= 0), np.count_nonzero(kept >= 0))
    return Inference(interval, float(min(1.0, 2 * tail / (len(kept) + 1))), units.word)
