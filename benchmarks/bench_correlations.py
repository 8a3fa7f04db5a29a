"""Bootstrap of a rank correlation: 1,000 paired resamples of 10,000 images.

The straightforward loop draws rows with replacement and calls scipy.stats.spearmanr, which sorts both
variables in every resample. Ours counts how often each image is drawn and takes midranks from sums of
counts in an order that is found once (memorability/statistics/ranks.py). Both draw the same rows;
one thread.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Row, paired, peak_memory_mb, repeated
from memorability.base.seeding import numpy_stream
from memorability.statistics.intervals import Bootstrap, distribution, image_weights
from memorability.statistics.ranks import Sample, Target

IMAGES, DRAWS, SEED = 10_000, 1_000, 0
LEAST_SPEEDUP, MOST_MEMORY = 10, 500

FloatArray = NDArray[np.float64]


def scores_and_errors() -> tuple[FloatArray, FloatArray]:
    """Return errors without ties and scores with some 80 values, as of 80 responses, r near 0.45."""
    rng = np.random.default_rng(1)
    score = np.round(rng.beta(7, 3, IMAGES) * 80) / 80
    return score + 0.25 * rng.normal(size=IMAGES), score


def ours() -> FloatArray:
    """Return Spearman's correlation in every resample."""
    errors, scores = scores_and_errors()
    sample = Sample(errors[np.newaxis], Target(scores))
    return distribution(sample, image_weights(IMAGES, Bootstrap(DRAWS, 0.95, SEED)))["pooled"]


def straightforward() -> FloatArray:
    """Return the same from rows drawn and sorted anew."""
    errors, scores = scores_and_errors()
    generator = numpy_stream(SEED, "bootstrap")
    drawn = (generator.integers(0, IMAGES, IMAGES) for _ in range(DRAWS))
    return np.asarray([stats.spearmanr(errors[rows], scores[rows]).statistic for rows in drawn])


def rows() -> list[Row]:
    """Return the speed-up with the largest difference of any resample, and the memory."""
    mine, other, speedup = paired(ours, straightforward, runs=5)
    difference = np.abs(ours() - straightforward()).max()
    memory = peak_memory_mb(ours)
    return [
        Row(
            f"{DRAWS:,} bootstrap correlations of {IMAGES:,} images",
            mine, other, speedup,
            target=f"{LEAST_SPEEDUP} times as fast",
            met=speedup.median >= LEAST_SPEEDUP,
            agreement=f"largest difference of a resample {difference:.1g}",
        ),
        Row(
            f"peak memory of the process, 10⁶ bytes: {memory:.0f}",
            repeated(ours, runs=1, warmup=0),
            target=f"under {MOST_MEMORY}",
            met=memory < MOST_MEMORY,
            agreement="imports included",
        ),
    ]  # fmt: skip
