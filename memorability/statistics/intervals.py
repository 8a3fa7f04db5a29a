"""Bootstrap intervals: percentile and BCa over images, and over clusters of them.

Every statistic of a sample is taken from the same resamples, so that intervals of one sample can be
compared, and all runs of an experiment share each resample.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from memorability.base.seeding import numpy_stream
from memorability.statistics.ranks import Counts, FloatArray, IntArray, Sample

SMALLEST_BOOTSTRAP = 10
"""Fewest images, or clusters of images, of which a bootstrap interval is drawn."""

# Eight whole numbers of 32 bits are one operand of the processor. More resamples at once gain nothing
# unless there are few images, and batches that stay in its cache are ranked several times as fast.
BATCH_ELEMENTS = 2**15
_TOGETHER = 8

Distribution = Mapping[str, FloatArray]
"""Every statistic of each run in each resample: name -> (runs, draws)."""


@dataclass(frozen=True)
class Interval:
    """Bounds of a confidence interval, and how they were made, or in words why there are none (NaN)."""

    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Bootstrap:
    """How resamples are drawn, and which intervals are made of them.

    Attributes
    ----------
    draws
        Number of resamples, at least 1; the paper's code takes 1,000.
    confidence
        Coverage of intervals, between 0 and 1 exclusive; the paper takes 0.95.
    seed
        The study's seed.
    by_category
        Whether resamples of correlations keep the number of images, or of subcategories, of each
        category, as a new study would whose design fixes it (MemCat: 2,000 images of each).

    Raises
    ------
    ValueError
        If draws or confidence are out of range.
    """

    draws: int
    confidence: float
    seed: int
    by_category: bool = False

    def __post_init__(self) -> None:
        if self.draws < 1 or not 0 < self.confidence < 1:
            raise ValueError(
                f"The bootstrap got draws={self.draws} and confidence={self.confidence}. Expected at "
                "least 1 draw and a confidence above 0 and below 1. Correct the study's key "
                "'statistics'."
            )


def resampled_means(values: FloatArray, bootstrap: Bootstrap) -> FloatArray:
    """Return the means (draws, ...) of values (n, ...) over the images of each resample.

    Resamples are those of `image_weights`.
    """
    weights = image_weights(len(values), bootstrap)
    return np.concatenate([drawn.T @ values / len(values) for drawn in weights])


def bootstrap_mean(values: FloatArray, bootstrap: Bootstrap) -> Interval:
    """Return the percentile interval of the mean of values (n,) over images."""
    if len(values) < SMALLEST_BOOTSTRAP:
        return no_interval("none (too few images)")
    return percentile_interval(resampled_means(values, bootstrap), bootstrap.confidence)


def no_interval(reason: str) -> Interval:
    """Return an interval without bounds."""
    return Interval(np.nan, np.nan, reason)


def image_weights(
    n: int,
    bootstrap: Bootstrap,
    *,
    strata: IntArray | None = None,
    stream: str = "bootstrap",
    batch_elements: int = BATCH_ELEMENTS,
) -> Iterator[Counts]:
    """Yield batches (n, b) of how often each of n images is drawn in each resample.

    Rows of the images are drawn from the stream as scipy.stats.bootstrap draws them; with strata
    (n,), numbered from 0 without gaps, within each of them, the second from the stream with " 1"
    behind its name, and so on. Batches have about `batch_elements` weights; their size changes no
    weight.
    """
    draw = _drawing(n, bootstrap.seed, strata, stream)
    for size in _batches(n, bootstrap.draws, batch_elements):
        yield draw(size)


def cluster_weights(
    clusters: IntArray, bootstrap: Bootstrap, *, strata: IntArray | None = None
) -> Iterator[Counts]:
    """Yield batches (n, b) of resamples of clusters: an image is drawn as often as its cluster is.

    Clusters (n,) are numbered from 0 without gaps. With strata (n,) of the images, clusters are drawn
    within each. The stream is "cluster bootstrap".
    """
    first = np.unique(clusters, return_index=True)[1]
    of_clusters = None if strata is None else strata[first]
    draw = _drawing(len(first), bootstrap.seed, of_clusters, "cluster bootstrap")
    for size in _batches(len(clusters), bootstrap.draws, BATCH_ELEMENTS):
        yield np.take(draw(size), clusters, axis=0)


def seed_weights(runs: int, bootstrap: Bootstrap, *, stream: str = "seed bootstrap") -> FloatArray:
    """Return the weight of each run in each resample (runs, draws); weights of a resample add up to 1.

    Of S runs, S − 1 are drawn with replacement: their mean then varies between resamples as much as
    the mean of S runs does between studies (P. J. McCarthy and C. B. Snowden, The bootstrap and finite
    population sampling, 1985). A single run is always drawn.
    """
    size = max(1, runs - 1)
    rows = numpy_stream(bootstrap.seed, stream).integers(0, runs, (bootstrap.draws, size))
    return drawn_weights(rows, runs) / size


def _drawing(n: int, seed: int, strata: IntArray | None, stream: str) -> Callable[[int], Counts]:
    """Return a function that draws the next b resamples of n units (n, b), within strata (n,)."""
    numbers = np.zeros(n, dtype=np.intp) if strata is None else strata
    members = [np.flatnonzero(numbers == number) for number in range(int(numbers.max()) + 1)]
    generators = [
        numpy_stream(seed, f"{stream} {number}" if number else stream)
        for number in range(len(members))
    ]

    def draw(size: int) -> Counts:
        rows = [
            units[generator.integers(0, len(units), (size, len(units)))]
            for units, generator in zip(members, generators, strict=True)
        ]
        return drawn_weights(np.concatenate(rows, axis=1), n)

    return draw


def jackknife_weights(n: int, *, batch_elements: int = BATCH_ELEMENTS) -> Iterator[Counts]:
    """Yield batches (n, b), of about `batch_elements` weights, of the n samples that lack an image."""
    done = 0
    for size in _batches(n, n, batch_elements):
        weights = np.ones((n, size), dtype=np.int32)
        weights[done + np.arange(size), np.arange(size)] = 0
        done += size
        yield weights


def drawn_weights(rows: IntArray, n: int) -> Counts:
    """Return how often each of n images occurs in each line of `rows` (b, m): (n, b)."""
    weights = np.empty((len(rows), n), dtype=np.int32)
    for line, drawn in zip(weights, rows, strict=True):
        line[:] = np.bincount(drawn, minlength=n)
    return np.ascontiguousarray(weights.T)


def distributions(samples: Sequence[Sample], weights: Iterator[Counts]) -> list[Distribution]:
    """Return every statistic of each run under every weight, by sample: name -> (runs, draws).

    Samples have one target: its ranks, and each resample, are made once for all of them.
    """
    parts = []
    for batch in weights:
        drawn = samples[0].target.under(batch)
        parts.append([sample.correlations(drawn) for sample in samples])
    return [
        {name: np.concatenate([part[name] for part in of_sample], axis=1) for name in of_sample[0]}
        for of_sample in zip(*parts, strict=True)
    ]


def distribution(sample: Sample, weights: Iterator[Counts]) -> Distribution:
    """Return every statistic of each run of one sample under every weight."""
    return distributions([sample], weights)[0]


def percentile_interval(drawn: FloatArray, confidence: float) -> Interval:
    """Return the percentile interval of resampled statistics (draws,), some perhaps NaN.

    Resamples without a statistic are dropped and counted in `method`; where more than half are,
    there is no honest interval.
    """
    kept, described = _kept(drawn, "percentile")
    if kept is None:
        return no_interval(described)
    low, high = np.percentile(kept, 100 * _tails(confidence))
    return Interval(float(low), float(high), described)


def ratio_interval(
    over: tuple[float, float, float], under: tuple[float, float, float]
) -> tuple[float, float]:
    """Return the interval of a ratio of two numbers from the interval of each.

    Parameters
    ----------
    over
        A number and the bounds of its interval.
    under
        The number that it is divided by, above 0, and its bounds. The upper one is below twice the
        number.

    Returns
    -------
    tuple of float
        Bounds of the same coverage as those of the two; NaN where one has none or leaves its range.
        They hold for independent numbers, and are too wide where the two rise and fall together.

    Notes
    -----
    A. Donner and G. Y. Zou, Closed-form confidence intervals for functions of the normal mean and
    standard deviation, Statistical Methods in Medical Research 21, 2012 (MOVER).
    """
    (a, a_low, a_high), (b, b_low, b_high) = over, under
    if not (0 < b_low <= b <= b_high < 2 * b) or np.isnan([a_low, a, a_high]).any():
        return np.nan, np.nan

    def bound(end: float, other: float, sign: int) -> float:
        scale = other * (2 * b - other)
        left = np.square(a * b) - end * (2 * a - end) * scale
        return float((a * b + sign * np.sqrt(max(left, 0.0))) / scale)

    return bound(a_low, b_high, -1), bound(a_high, b_low, 1)


def bca_interval(
    estimate: float, drawn: FloatArray, jackknifed: FloatArray, confidence: float
) -> Interval:
    """Return the bias-corrected and accelerated interval.

    Parameters
    ----------
    estimate
        The statistic of the sample.
    drawn
        (draws,) of resamples, as for `percentile_interval`.
    jackknifed
        (n,) of the samples that lack one image each.
    confidence
        Coverage, between 0 and 1.

    Returns
    -------
    Interval
        Without bounds where all resamples lie on one side of the estimate or leaving out one image
        leaves no statistic, or never changes it.

    Notes
    -----
    Efron & Tibshirani, An introduction to the bootstrap, 1993, section 14.3; as in
    scipy.stats.bootstrap.
    """
    kept, described = _kept(drawn, "BCa")
    if kept is None:
        return no_interval(described)
    below = (np.mean(kept < estimate) + np.mean(kept <= estimate)) / 2
    influence = jackknifed.mean() - jackknifed
    spread = np.square(influence).sum()
    if not 0 < below < 1 or not spread > 0:
        return no_interval("undefined (BCa bounds)")
    bias = special.ndtri(below)
    acceleration = np.power(influence, 3).sum() / (6 * spread**1.5)
    z = bias + special.ndtri(_tails(confidence))
    shares = special.ndtr(bias + z / (1 - acceleration * z))
    low, high = np.percentile(kept, 100 * shares)
    return Interval(float(low), float(high), described)


def _kept(drawn: FloatArray, method: str) -> tuple[FloatArray | None, str]:
    """Return the defined resamples with the method in words, or None and why there are too few."""
    kept = drawn[~np.isnan(drawn)]
    dropped = len(drawn) - len(kept)
    if dropped > len(drawn) / 2:
        return None, "undefined (constant resamples)"
    if dropped:
        method = f"{method} ({dropped} constant of {len(drawn)} resamples dropped)"
    return kept, method


def _tails(confidence: float) -> FloatArray:
    """Return the shares below the two bounds."""
    tail = (1 - confidence) / 2
    return np.asarray([tail, 1 - tail])


def _batches(n: int, draws: int, elements: int) -> Iterator[int]:
    """Yield the sizes of batches of resamples of n images that add up to `draws`."""
    size = _TOGETHER * max(1, elements // (_TOGETHER * n))
    for begin in range(0, draws, size):
        yield min(size, draws - begin)
