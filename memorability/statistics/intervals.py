"""Bootstrap intervals: percentile and BCa over images, and over clusters of them.

Every statistic of a sample is taken from the same resamples, so that intervals of one sample can be
compared, and all runs of an experiment share each resample, so that the spread between seeds never
enters an interval.
"""

from collections.abc import Iterator, Mapping, Sequence
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

    Raises
    ------
    ValueError
        If draws or confidence are out of range.
    """

    draws: int
    confidence: float
    seed: int

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
    stream: str = "bootstrap",
    batch_elements: int = BATCH_ELEMENTS,
) -> Iterator[Counts]:
    """Yield batches (n, b) of how often each of n images is drawn in each resample.

    Rows of the images are drawn from the stream as scipy.stats.bootstrap draws them.
    Batches have about `batch_elements` weights; their size changes no weight.
    """
    generator = numpy_stream(bootstrap.seed, stream)
    for size in _batches(n, bootstrap.draws, batch_elements):
        yield drawn_weights(generator.integers(0, n, (size, n)), n)


def cluster_weights(clusters: IntArray, bootstrap: Bootstrap) -> Iterator[Counts]:
    """Yield batches (n, b) of resamples of clusters: an image is drawn as often as its cluster is.

    Clusters (n,) are numbered from 0 without gaps. The stream is "cluster bootstrap".
    """
    count = int(clusters.max()) + 1
    generator = numpy_stream(bootstrap.seed, "cluster bootstrap")
    for size in _batches(len(clusters), bootstrap.draws, BATCH_ELEMENTS):
        drawn = drawn_weights(generator.integers(0, count, (size, count)), count)
        yield np.take(drawn, clusters, axis=0)


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
    """Return the mean over runs of every statistic under every weight, by sample: name -> (draws,).

    Samples have one target: its ranks, and each resample, are made once for all of them.
    """
    parts = []
    for batch in weights:
        drawn = samples[0].target.under(batch)
        parts.append([sample.means(drawn) for sample in samples])
    return [
        {name: np.concatenate([part[name] for part in of_sample]) for name in of_sample[0]}
        for of_sample in zip(*parts, strict=True)
    ]


def distribution(sample: Sample, weights: Iterator[Counts]) -> Distribution:
    """Return the mean over runs of every statistic of one sample under every weight."""
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
