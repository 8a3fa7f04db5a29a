"""Rank correlations of per-image values with memorability: unrounded, seeded, resampled by image.

The paper reports Spearman's rank correlation with a 95 % interval and a p-value (section "Memorable
images are harder to reconstruct and more distinct", Tables 1 and 2). Here every interval resamples
*images*, the units that a new study would draw anew. Several runs of one experiment that differ in
their seed share each resample, so the spread between seeds never enters the interval over images;
it is reported beside it.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from types import SimpleNamespace
from typing import Literal, get_args

import numpy as np
import pandas as pd
import pingouin
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from memorability.seeding import numpy_stream

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
IntervalMethod = Literal["percentile", "BCa"]

SMALLEST_SAMPLE = 3
"""Fewest images of which a rank correlation has a p-value (n − 2 degrees of freedom)."""

SMALLEST_BOOTSTRAP = 10
"""Fewest images of which a bootstrap interval is drawn."""

# Ranking a batch that stays in the processor's cache is ten times as fast as ranking a large one;
# the same bound keeps the bootstrap's memory far below 64 MB for any number of images seen so far.
_BATCH_ELEMENTS = 2**15


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
    ci_low, ci_high
        Bounds of its confidence interval over images; NaN where there is none.
    ci_method
        How the interval was made, or in words why there is none.
    p
        Two-sided p-value of no difference, 0 to 1.
    """

    n: int
    r: float
    base_r: float
    difference: float
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


def bootstrap_spearman(
    x: ArrayLike,
    y: ArrayLike,
    *,
    draws: int,
    confidence: float,
    seed: int,
    method: IntervalMethod = "percentile",
) -> Correlation:
    """Return Spearman's correlation of `x` with `y` and its bootstrap interval over images.

    The statistic is the mean over runs of each run's correlation with `y`. Each resample draws
    images with replacement, the same ones for every run and for `y`, and ranks them anew. Resamples
    in which a variable happens to be constant have no correlation: they are dropped, and
    `ci_method` says how many. The p-value is that of Spearman's test (t distribution with n − 2
    degrees of freedom) at the mean correlation; for one run it is SciPy's.

    Parameters
    ----------
    x
        Shape (n,) for one run, (runs, n) for runs of one experiment that differ in their seed;
        any unit, finite, no run constant.
    y
        Shape (n,), any unit, finite, not constant.
    draws
        Number of resamples, at least 1; the paper's code takes 1,000.
    confidence
        Coverage of the interval, between 0 and 1 exclusive; the paper takes 0.95.
    seed
        Seed of the stream "bootstrap".
    method
        Kind of bootstrap interval.

    Returns
    -------
    Correlation
        With fewer than 10 images the bounds are NaN and `ci_method` is "none (n < 10)".

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
    _check_bootstrap(draws, confidence, method)
    runs, target = _checked_pair(x, y, dimensions=(1, 2))
    ranked = _Ranked(_codes(runs), _codes(target), None)
    return ranked.correlation(draws=draws, confidence=confidence, seed=seed, method=method)


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
    ranked = _Ranked(
        _codes(np.asarray(runs, dtype=np.float64)),
        _codes(np.asarray(target, dtype=np.float64)),
        None,
    )
    return np.stack([ranked.correlations(rows[np.newaxis])[:, 0] for rows in subsets], axis=1)


def holm(p: ArrayLike) -> FloatArray:
    """Return p-values adjusted for multiplicity by Holm's step-down procedure.

    Parameters
    ----------
    p
        Shape (k,), p-values of one family of tests, 0 to 1; NaN where a test was not made.

    Returns
    -------
    numpy.ndarray
        Shape (k,), float64, adjusted p-values, 0 to 1; NaN stays NaN and does not count as a test.

    Raises
    ------
    ValueError
        If `p` is not one-dimensional or leaves 0 to 1.

    Notes
    -----
    S. Holm, A simple sequentially rejective multiple test procedure, 1979. The paper corrects none
    of its tables.
    """
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or np.any((values < 0) | (values > 1)):
        raise ValueError(
            f"p-values for Holm's procedure have shape {values.shape} and range "
            f"{np.nanmin(values, initial=1)} to {np.nanmax(values, initial=0)}; "
            "expected one dimension and values from 0 to 1 (or NaN); "
            "pass the p column of one family of tests"
        )
    adjusted = np.full(values.shape, np.nan)
    made = ~np.isnan(values)
    if made.any():
        adjusted[made] = pingouin.multicomp(values[made], method="holm")[1]
    return adjusted


def correlate(
    values: pd.DataFrame,
    images: pd.DataFrame,
    *,
    target: str,
    draws: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Correlate per-image values with a memorability score, pooled, by category and given category.

    Rows do not depend on the order of the images. A group whose correlation is undefined keeps its
    row, with NaN and a `ci_method` that says why, so one bad group never stops a study.

    Parameters
    ----------
    values
        One row per image and seed: image_id (str), value (float, any unit), seed (str). Every seed
        has exactly the same images; images of `images` that are absent here are left out.
    images
        One row per image: image_id (str), category (str) and the column `target`, finite.
    target
        Column of `images` to correlate with, for example "score".
    draws, confidence, seed
        As in `bootstrap_spearman`.

    Returns
    -------
    pandas.DataFrame
        Columns target, group, method, n (images), seeds (runs), r, r_seed_sd (standard deviation
        over seeds, ddof 1, NaN for one seed), ci_low, ci_high, ci_method, p. One row for group
        "all" (method "pooled"), one per category in sorted order ("within") and, where there are
        several categories, one for "all" given category ("partial"): ranks over all images less
        their category's mean rank, correlated by Pearson's formula, p with n − 1 − k degrees of
        freedom for k categories, and bootstrapped in the same way. All n and units as above;
        correlations range from −1 to 1.

    Raises
    ------
    ValueError
        If columns are missing, seeds differ in their images, an image is unknown or repeated, or a
        score or category is missing.

    Notes
    -----
    Paper section "Memorable images are harder to reconstruct and more distinct" and Figures 2, 3.
    """
    _check_bootstrap(draws, confidence, "percentile")
    runs, table = _aligned(values, images, target)
    scores = table[target].to_numpy(dtype=np.float64)
    rows = []
    for group, method, chosen, strata in _groups(table["category"].to_numpy(dtype=str)):
        summary = _summary(
            runs[:, chosen], scores[chosen], strata, draws=draws, confidence=confidence, seed=seed
        )
        rows.append({"target": target, "group": group, "method": method} | summary)
    return pd.DataFrame(rows)


def finished_seeds(values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of seeds without a missing value: those whose run did not diverge.

    Parameters
    ----------
    values
        Columns image_id, value and seed, as in `correlate`.
    """
    lost = values["value"].isna().groupby(values["seed"]).transform("any")
    return values[~lost]


def compare_correlations(
    values: pd.DataFrame,
    base: pd.DataFrame,
    images: pd.DataFrame,
    *,
    target: str,
    draws: int,
    confidence: float,
    seed: int,
) -> Difference:
    """Return by how much `values` correlate with memorability more than `base` do.

    Each resample draws the same images for both, and for all runs of both, so that what images share
    cancels out of the difference. Images that one of the three tables lacks are left out.

    Parameters
    ----------
    values, base
        Columns image_id, value and seed, as in `correlate`; their seeds need not be the same.
    images, target, draws, confidence, seed
        As in `correlate`.

    Returns
    -------
    Difference
        Percentile interval. p is the bootstrap's: twice the smaller share of resamples whose
        difference is at most, or at least, 0, counting the sample itself once; at least
        2 / (draws + 1).

    Raises
    ------
    ValueError
        As in `correlate`.

    Notes
    -----
    Efron & Tibshirani, An introduction to the bootstrap, 1993, chapter 15.
    """
    _check_bootstrap(draws, confidence, "percentile")
    shared = set(values["image_id"]) & set(base["image_id"]) & set(images["image_id"])
    tables = [table[table["image_id"].isin(shared)] for table in (values, base)]
    (ours, table), (theirs, _) = (_aligned(each, images, target) for each in tables)
    scores = table[target].to_numpy(dtype=np.float64)
    nothing = (np.nan,) * 5
    for runs in (ours, theirs):
        reason = _undefined(runs, scores, None)
        if reason is not None:
            return Difference(len(scores), *nothing, reason, np.nan)
    first, second = (_Ranked(_codes(runs), _codes(scores), None) for runs in (ours, theirs))
    r, base_r = float(first.by_run().mean()), float(second.by_run().mean())
    if len(scores) < SMALLEST_BOOTSTRAP:
        reason = f"none (n < {SMALLEST_BOOTSTRAP})"
        return Difference(len(scores), r, base_r, r - base_r, np.nan, np.nan, reason, np.nan)
    try:
        low, high, described, drawn = _interval(
            lambda rows, axis=-1: (
                first.mean_correlation(rows, axis) - second.mean_correlation(rows, axis)
            ),
            len(scores),
            draws=draws,
            confidence=confidence,
            rng=numpy_stream(seed, "bootstrap"),
            method="percentile",
        )
    except UndefinedIntervalError:
        reason = "undefined (constant resamples)"
        return Difference(len(scores), r, base_r, r - base_r, np.nan, np.nan, reason, np.nan)
    tail = 1 + min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    p = float(min(1.0, 2 * tail / (len(drawn) + 1)))
    return Difference(len(scores), r, base_r, r - base_r, low, high, described, p)


@dataclass(frozen=True)
class _Ranked:
    """Dense ranks of runs (runs, n) and of a target (n,), and the strata (n,) to hold fixed."""

    runs: IntArray
    target: IntArray
    strata: IntArray | None

    @property
    def n(self) -> int:
        return len(self.target)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the test: each stratum beyond the first costs one."""
        return self.n - 2 - (0 if self.strata is None else int(self.strata.max()))

    def correlations(self, draws: IntArray) -> FloatArray:
        """Return each run's correlation in each resample: draws (b, m) -> (runs, b), or NaN."""
        strata = None if self.strata is None else self.strata[draws]
        target = _residuals(_ranks(self.target, draws), strata)
        runs = (_residuals(_ranks(run, draws), strata) for run in self.runs)
        return np.stack([_pearson(run, target) for run in runs])

    def by_run(self) -> FloatArray:
        """Return each run's correlation over all images: (runs,), or NaN."""
        return self.correlations(np.arange(self.n)[np.newaxis])[:, 0]

    def mean_correlation(self, draws: IntArray, axis: int = -1) -> FloatArray:
        """Return the mean over runs in each resample, in the form that SciPy's bootstrap calls."""
        resamples = np.moveaxis(draws, axis, -1)
        flat = resamples.reshape(-1, resamples.shape[-1])
        return np.asarray(self.correlations(flat).mean(axis=0).reshape(resamples.shape[:-1]))

    def correlation(
        self, *, draws: int, confidence: float, seed: int, method: IntervalMethod
    ) -> Correlation:
        """Return the mean over runs with its interval and p-value."""
        r = float(self.by_run().mean())
        p = _p_value(r, self.freedom)
        if self.n < SMALLEST_BOOTSTRAP:
            reason = f"none (n < {SMALLEST_BOOTSTRAP})"
            return Correlation(self.n, r, np.nan, np.nan, reason, p)
        low, high, described, _ = _interval(
            self.mean_correlation,
            self.n,
            draws=draws,
            confidence=confidence,
            rng=numpy_stream(seed, "bootstrap"),
            method=method,
        )
        return Correlation(self.n, r, low, high, described, p)


def _codes(values: FloatArray) -> IntArray:
    """Return dense ranks from 0 along the last axis, equal values sharing theirs."""
    return np.asarray(stats.rankdata(values, method="dense", axis=-1) - 1, dtype=np.intp)


def _ranks(codes: IntArray, draws: IntArray) -> FloatArray:
    """Return the midranks of each resample, codes (n,) and draws (b, m) -> (b, m).

    Equal to scipy.stats.rankdata(codes[draws], axis=-1). Counting how often each of the known
    values was drawn replaces the sorting of every resample, which takes twelve times as long at
    10,000 images.
    """
    chosen = codes[draws]
    counts = _cell_sums(chosen, int(codes.max()) + 1)
    midranks = np.cumsum(counts, axis=1) - (counts - 1) / 2
    return np.asarray(np.take_along_axis(midranks, chosen, axis=1))


def _residuals(ranks: FloatArray, strata: IntArray | None) -> FloatArray:
    """Return ranks (b, m) less the mean of their stratum (b, m), or of all."""
    if strata is None:
        return np.asarray(ranks - (ranks.shape[1] + 1) / 2, dtype=np.float64)
    size = int(strata.max()) + 1
    sums = _cell_sums(strata, size, weights=ranks)
    # A stratum that no image of the resample belongs to has no mean, and nobody asks for it.
    means = sums / np.maximum(_cell_sums(strata, size), 1)
    return np.asarray(ranks - np.take_along_axis(means, strata, axis=1), dtype=np.float64)


def _cell_sums(codes: IntArray, size: int, weights: FloatArray | None = None) -> FloatArray:
    """Return per row how often each code from 0 to size − 1 occurs, or its sum of weights."""
    rows = len(codes)
    cells = (codes + size * np.arange(rows)[:, np.newaxis]).ravel()
    flat = None if weights is None else weights.ravel()
    sums = np.bincount(cells, flat, minlength=rows * size)
    return np.asarray(sums.reshape(rows, size), dtype=np.float64)


def _pearson(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return Pearson's correlation of rows (b, m) of residual ranks, NaN where one is constant."""
    xx, yy, xy = (np.einsum("bm,bm->b", a, b) for a, b in ((x, x), (y, y), (x, y)))
    # Sums of midranks, multiples of 1/2, are exact: residuals of equal ranks are exactly 0.
    defined = (xx > 0) & (yy > 0)
    quotient = np.divide(xy, np.sqrt(xx * yy), out=np.full(len(xy), np.nan), where=defined)
    return np.asarray(np.clip(quotient, -1, 1), dtype=np.float64)


def _p_value(r: float, freedom: int) -> float:
    """Return the two-sided p-value of a rank correlation by its t approximation."""
    with np.errstate(divide="ignore"):
        t = r * np.sqrt(np.divide(freedom, (1 - r) * (1 + r)))
    return float(2 * stats.t.sf(abs(t), freedom))


def _interval(
    statistic: Callable[..., FloatArray],
    n: int,
    *,
    draws: int,
    confidence: float,
    rng: np.random.Generator,
    method: IntervalMethod,
) -> tuple[float, float, str, FloatArray]:
    """Return the bounds of the bootstrap interval, a description of its method, and the resamples."""
    bootstrap = partial(
        stats.bootstrap,
        (np.arange(n),),
        statistic,
        vectorized=True,
        batch=max(1, _BATCH_ELEMENTS // n),
        confidence_level=confidence,
    )
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # Undefined resamples and bounds are NaN; they are dropped or refused below.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        drawn = bootstrap(n_resamples=draws, method="percentile", rng=rng).bootstrap_distribution
        kept = SimpleNamespace(bootstrap_distribution=drawn[~np.isnan(drawn)])
        dropped = draws - len(kept.bootstrap_distribution)
        if dropped > draws / 2:
            raise _undefined_interval(f"{dropped} of {draws} resamples of {n} images are constant")
        bounds = bootstrap(n_resamples=0, method=method, bootstrap_result=kept).confidence_interval
    if np.isnan([bounds.low, bounds.high]).any():
        raise _undefined_interval(f"the {method} bounds over {n} images are not numbers")
    described = f"{method} ({dropped} constant of {draws} resamples dropped)" if dropped else method
    return float(bounds.low), float(bounds.high), described, kept.bootstrap_distribution


def _undefined_interval(wrong: str) -> UndefinedIntervalError:
    return UndefinedIntervalError(
        f"the bootstrap interval is undefined: {wrong}; expected values that vary between images "
        "rather than one outlier among equal ones; report the correlation without an interval"
    )


def _check_bootstrap(draws: int, confidence: float, method: str) -> None:
    if draws < 1 or not 0 < confidence < 1 or method not in get_args(IntervalMethod):
        raise ValueError(
            f"bootstrap asked for with draws={draws}, confidence={confidence}, method={method!r}; "
            f"expected draws of at least 1, a confidence between 0 and 1 and a method of "
            f"{', '.join(get_args(IntervalMethod))}; correct the study's key 'statistics'"
        )


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
    reason = _undefined(runs, target, None)
    if reason is not None:
        raise ValueError(
            f"the rank correlation of x {runs.shape} with y {target.shape} is {reason}; expected "
            f"at least {SMALLEST_SAMPLE} images and, in y and every run of x, finite values that "
            "are not all equal; look for a diverged run or a column without information"
        )
    return runs, target


def _undefined(runs: FloatArray, target: FloatArray, strata: IntArray | None) -> str | None:
    """Return in words why a correlation is undefined, or None if it is defined."""
    if runs.size == 0 or not (np.isfinite(runs).all() and np.isfinite(target).all()):
        return "undefined (non-finite values)" if runs.size else "undefined (too few images)"
    ranked = _Ranked(_codes(runs), _codes(target), strata)
    if ranked.freedom < SMALLEST_SAMPLE - 2:
        return "undefined (too few images)"
    if np.isnan(ranked.by_run()).any():
        return "undefined (constant values)"
    return None


def _aligned(
    values: pd.DataFrame, images: pd.DataFrame, target: str
) -> tuple[FloatArray, pd.DataFrame]:
    """Return values as (seeds, n) and the n rows of `images` in the same order, by image_id."""
    _check_columns("values", values, {"image_id", "value", "seed"})
    _check_columns("images", images, {"image_id", "category", target})
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


def _groups(
    category: NDArray[np.str_],
) -> Iterator[tuple[str, str, NDArray[np.bool_], IntArray | None]]:
    """Yield group, method, the images (n,) that belong to it, and the strata to hold fixed."""
    everything = np.ones(len(category), dtype=np.bool_)
    names, strata = np.unique(category, return_inverse=True)
    yield "all", "pooled", everything, None
    for name in names:
        yield str(name), "within", category == name, None
    if len(names) > 1:
        yield "all", "partial", everything, strata


def _summary(
    runs: FloatArray,
    target: FloatArray,
    strata: IntArray | None,
    *,
    draws: int,
    confidence: float,
    seed: int,
) -> dict[str, object]:
    """Return the columns n to p of one group, NaN with a reason where it is undefined."""
    reason = _undefined(runs, target, strata)
    spread = np.nan
    if reason is None:
        ranked = _Ranked(_codes(runs), _codes(target), strata)
        by_run = ranked.by_run()
        spread = float(by_run.std(ddof=1)) if len(by_run) > 1 else np.nan
        try:
            found = ranked.correlation(
                draws=draws, confidence=confidence, seed=seed, method="percentile"
            )
        except UndefinedIntervalError:
            r, p = float(by_run.mean()), _p_value(float(by_run.mean()), ranked.freedom)
            unbounded = "undefined (constant resamples)"
            found = Correlation(ranked.n, r, np.nan, np.nan, unbounded, p)
    else:
        found = Correlation(len(target), np.nan, np.nan, np.nan, reason, np.nan)
    columns = asdict(found)
    return {
        "n": columns.pop("n"),
        "seeds": len(runs),
        "r": columns.pop("r"),
        "r_seed_sd": spread,
    } | columns
