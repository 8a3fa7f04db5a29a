"""Rank correlations of per-image values with memorability: unrounded, seeded, resampled by image.

The paper reports Spearman's rank correlation with a 95 % interval and a p-value (section "Memorable
images are harder to reconstruct and more distinct", Tables 1 and 2). `bootstrap_spearman` resamples
images alone; what a new study would draw anew beside them is in `memorability.statistics.inference`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from memorability.statistics.intervals import (
    SMALLEST_BOOTSTRAP,
    Bootstrap,
    distribution,
    drawn_weights,
    image_weights,
    no_interval,
    percentile_interval,
)
from memorability.statistics.ranks import SMALLEST_SAMPLE, FloatArray, IntArray, Sample, Target


@dataclass(frozen=True)
class Correlation:
    """A rank correlation with its interval.

    Attributes
    ----------
    n
        Number of images.
    r
        Spearman's rank correlation, −1 to 1; for several runs the mean of the runs' correlations.
    ci_low, ci_high
        Bounds of the confidence interval over images, −1 to 1; NaN where there is none.
    ci_method
        How the interval was made, or in words why there is none.
    p
        Two-sided p-value of no monotone association, 0 to 1.
    """

    n: int
    r: float
    ci_low: float
    ci_high: float
    ci_method: str
    p: float


class UndefinedIntervalError(ValueError):
    """The bootstrap has no honest interval: more than half of its resamples are constant."""


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Return Spearman's rank correlation, ties sharing their mean rank.

    Parameters
    ----------
    x, y
        Shape (n,), n at least 3, any unit, finite and not constant.

    Returns
    -------
    float
        The correlation, −1 to 1.

    Raises
    ------
    ValueError
        If lengths differ, n < 3, a value is not finite or an input is constant.

    Notes
    -----
    Paper section "Memorable images are harder to reconstruct and more distinct".
    """
    first, second = _checked_pair(x, y, dimensions=(1,))
    return float(stats.spearmanr(first[0], second).statistic)


def bootstrap_spearman(x: ArrayLike, y: ArrayLike, bootstrap: Bootstrap) -> Correlation:
    """Return Spearman's correlation of `x` with `y` and its percentile interval over images.

    The statistic is the mean over runs of each run's correlation with `y`. Each resample draws
    images with replacement, the same ones for every run and for `y`, and ranks them anew. Resamples
    in which a variable happens to be constant have no correlation: they are dropped, and
    `ci_method` says how many. The p-value is that of Spearman's test (t distribution with n − 2
    degrees of freedom) at the mean correlation; for one run it is SciPy's. Fewer than 10 images have
    none.

    Parameters
    ----------
    x
        Shape (n,) for one run, (runs, n) for runs of one experiment that differ in their seed;
        any unit, finite, no run constant.
    y
        Shape (n,), any unit, finite, not constant.
    bootstrap
        How images are resampled.

    Returns
    -------
    Correlation
        With fewer than 10 images bounds and p are NaN and `ci_method` is "none (n < 10)".

    Raises
    ------
    ValueError
        If the inputs do not fit the description above.
    UndefinedIntervalError
        If more than half of the resamples are constant.

    Notes
    -----
    Paper section "Memorable images are harder to reconstruct and more distinct" and Table 1.
    """
    runs, target = _checked_pair(x, y, dimensions=(1, 2))
    sample = Sample(runs, Target(target))
    n, r = len(target), float(sample.by_run["pooled"].mean())
    interval = no_interval(f"none (n < {SMALLEST_BOOTSTRAP})")
    if n >= SMALLEST_BOOTSTRAP:
        drawn = distribution(sample, image_weights(n, bootstrap))["pooled"].mean(axis=0)
        interval = percentile_interval(drawn, bootstrap.confidence)
        if np.isnan(interval.low):
            raise UndefinedIntervalError(
                f"the bootstrap interval of {n} images is {interval.method}; expected values that "
                "vary between images rather than one outlier among equal ones; report the "
                "correlation without an interval"
            )
    return Correlation(n, r, interval.low, interval.high, interval.method, p_value(r, n - 2))


def standard_ranks(values: ArrayLike) -> FloatArray:
    """Return midranks along the last axis, centred and of length 1.

    The product of two such vectors is Spearman's correlation, and the product with a mean of several
    is the mean of theirs.

    Parameters
    ----------
    values
        Shape (..., n), any unit.

    Returns
    -------
    numpy.ndarray
        Shape (..., n), float64, −1 to 1; NaN where values are constant or one of them is NaN.
    """
    ranks = stats.rankdata(np.asarray(values, dtype=np.float64), axis=-1).astype(np.float64)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.sqrt(np.square(ranks).sum(axis=-1, keepdims=True))
    return np.asarray(np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 0))


def seed_agreement(runs: FloatArray) -> float:
    """Return the mean of Spearman's correlations between every two of the runs (runs, n).

    Returns
    -------
    float
        −1 to 1; NaN of a single run, or where one is constant.
    """
    count = len(runs)
    if count < 2:
        return np.nan
    # The squared length of a sum of vectors of length 1 is their number and twice all products of two.
    summed = standard_ranks(runs).sum(axis=0)
    return float(np.clip((summed @ summed - count) / (count * (count - 1)), -1, 1))


def subset_correlations(
    runs: ArrayLike, target: ArrayLike, subsets: Iterable[IntArray]
) -> FloatArray:
    """Return Spearman's correlation of each run with the target in each subset of the images.

    Parameters
    ----------
    runs
        Shape (runs, n), any unit, finite.
    target
        Shape (n,), any unit, finite.
    subsets
        Rows of the images in each subset, perhaps of several sizes; they are ranked anew.

    Returns
    -------
    numpy.ndarray
        Shape (runs, subsets), float64, −1 to 1; NaN where values are constant in a subset.
    """
    values = np.asarray(runs, dtype=np.float64)
    whole = Target(np.asarray(target, dtype=np.float64))
    sample = Sample(values, whole)
    found = [
        sample.correlations(whole.under(drawn_weights(rows[np.newaxis], whole.n)))["pooled"]
        for rows in subsets
    ]
    return np.concatenate(found, axis=1)


def finished_seeds(values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of seeds without a missing value: those whose run did not diverge.

    Parameters
    ----------
    values
        Columns image_id, value and seed, as in `correlate`.
    """
    lost = values["value"].isna().groupby(values["seed"]).transform("any")
    return values[~lost]


def p_value(r: float, freedom: int) -> float:
    """Return the two-sided p-value of a rank correlation by its t approximation.

    Parameters
    ----------
    r
        −1 to 1.
    freedom
        Degrees of freedom: of n images without strata, n − 2.

    Returns
    -------
    float
        0 to 1; NaN where there are fewer degrees of freedom than 10 images have: of three images a
        correlation of 1 would have p = 0, though one order of six has it by chance.
    """
    if freedom < SMALLEST_BOOTSTRAP - 2:
        return np.nan
    with np.errstate(divide="ignore"):
        t = r * np.sqrt(np.divide(freedom, (1 - r) * (1 + r)))
    return float(2 * stats.t.sf(abs(t), freedom))


def _checked_pair(
    x: ArrayLike, y: ArrayLike, *, dimensions: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """Return x as (runs, n) and y as (n,), or say why they have no rank correlation."""
    runs, target = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if runs.ndim not in dimensions or target.ndim != 1 or runs.shape[-1] != len(target):
        raise ValueError(
            f"x has shape {runs.shape} and y has shape {target.shape}; expected y of shape (n,) "
            f"and x of {' or '.join(str(d) for d in dimensions)} dimension(s), the last of length "
            "n; pass one value per image in both, in the same order"
        )
    runs = np.atleast_2d(runs)
    reason = undefined(runs, target)
    if reason is not None:
        raise ValueError(
            f"the rank correlation of x {runs.shape} with y {target.shape} is {reason}; expected "
            f"at least {SMALLEST_SAMPLE} images and, in y and every run of x, finite values that "
            "are not all equal; look for a diverged run or a column without information"
        )
    return runs, target


def undefined(runs: FloatArray, target: FloatArray) -> str | None:
    """Return in words why runs (runs, n) and target (n,) have no correlation, or None if they have."""
    if runs.shape[-1] < SMALLEST_SAMPLE:
        return "undefined (too few images)"
    if not (np.isfinite(runs).all() and np.isfinite(target).all()):
        return "undefined (non-finite values)"
    if (np.ptp(runs, axis=1) == 0).any() or np.ptp(target) == 0:
        return "undefined (constant values)"
    return None


def aligned(
    values: pd.DataFrame, images: pd.DataFrame, target: str, labels: Iterable[str] = ("category",)
) -> tuple[FloatArray, pd.DataFrame]:
    """Return values as (seeds, n) and the n rows of `images` in the same order, by image_id.

    Raises
    ------
    ValueError
        As `memorability.statistics.decomposition.correlate`.
    """
    _check_columns("values", values, {"image_id", "value", "seed"})
    _check_columns("images", images, {"image_id", *labels, target})
    _check_unique("values", values, ["seed", "image_id"])
    _check_unique("images", images, ["image_id"])
    seeds = values["seed"].nunique()
    occurrences = values.groupby("image_id")["seed"].size()
    incomplete = occurrences.index[occurrences < seeds]
    if len(incomplete) > 0:
        raise ValueError(
            f"image {incomplete[0]!r} has values of {occurrences[incomplete[0]]} of {seeds} seeds "
            f"({len(incomplete)} such images); expected exactly the same images for every seed; "
            "evaluate the incomplete seeds again or leave them out"
        )
    unknown = occurrences.index.difference(pd.Index(images["image_id"]))
    if len(unknown) > 0:
        raise ValueError(
            f"values name the image {unknown[0]!r} ({len(unknown)} such images) that the image "
            "table lacks; expected image_ids of this study; check that both tables come from it"
        )
    table = images.set_index("image_id").loc[occurrences.index]
    _check_complete(table, target)
    ordered = values.sort_values(["seed", "image_id"])["value"].to_numpy(dtype=np.float64)
    return ordered.reshape(seeds, len(table)), table


def _check_columns(name: str, table: pd.DataFrame, expected: set[str]) -> None:
    missing = sorted(expected - set(table.columns))
    if missing or table.empty:
        raise ValueError(
            f"the table of {name} has {len(table)} rows and lacks the columns {missing}; expected "
            f"rows with {sorted(expected)}; check which table was read and the target's name"
        )


def _check_unique(name: str, table: pd.DataFrame, key: list[str]) -> None:
    repeated = table[table.duplicated(key)]
    if len(repeated) > 0:
        example = ", ".join(f"{column} {repeated[column].iloc[0]!r}" for column in key)
        raise ValueError(
            f"the table of {name} repeats {example} ({len(repeated)} such rows); expected one row "
            f"per {' and '.join(key)}; remove the repetitions or tell the rows apart"
        )


def _check_complete(table: pd.DataFrame, target: str) -> None:
    scores = table[target].to_numpy(dtype=np.float64)
    bad = table.index[~np.isfinite(scores) | table["category"].isna().to_numpy()]
    if len(bad) > 0:
        raise ValueError(
            f"image {bad[0]!r} has {target} {table.loc[bad[0], target]} and category "
            f"{table.loc[bad[0], 'category']} ({len(bad)} such images); expected a finite score "
            "and a category for every image with values; leave these images out of the values"
        )
