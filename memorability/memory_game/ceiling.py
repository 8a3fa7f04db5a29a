"""The noise ceiling of memorability scores, from counts alone.

A data set that publishes hits, false alarms and responses per image, but no trials, still says how
reliable its scores are: halving each image's responses at random leaves two scores that differ by
nothing but chance. The square root of a score's reliability is its correlation with what it
measures, and no predictor can be expected to correlate higher with it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memorability.base.seeding import numpy_stream
from memorability.memory_game.consistency import SPLITS, spearman_brown
from memorability.memory_game.scoring import check_counts, score_counts
from memorability.statistics.decomposition import groups

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Not read from SCORE_KINDS: another label there halves no responses anew.
TARGETS = ("score", "score_uncorrected", "false_alarm_rate", "d_prime", "criterion")

COLUMNS = (
    "target", "group", "method", "n", "consistency", "consistency_sd", "full_length", "ceiling",
)  # fmt: skip
"""Of the noise ceiling, in their order."""


@dataclass(frozen=True)
class Half:
    """Counts (N,) of one half of each image's responses."""

    hits: IntArray
    false_alarms: IntArray
    responses: IntArray

    def score(self, target: str) -> FloatArray:
        """Return scores (N,) by their name in `memorability.memory_game.scoring.score_counts`."""
        scored = score_counts(pd.DataFrame(vars(self)))
        return scored[target].to_numpy(dtype=np.float64)


def split_counts(
    hits: IntArray,
    false_alarms: IntArray,
    responses: IntArray,
    *,
    generator: np.random.Generator,
) -> tuple[Half, Half]:
    """Halve each image's responses without replacement.

    Hits and false alarms of a half follow hypergeometric distributions. Which observers gave both is
    not in the counts, so that the two are drawn independently of each other; where the same people
    gave both, the difference is more reliable than its halves show.

    Parameters
    ----------
    hits, false_alarms, responses
        (N,) whole counts, hits and false alarms up to responses, responses at least 2.
    generator
        Source of randomness.

    Returns
    -------
    tuple of Half
        Two halves that add up to the counts; of an odd number of responses either half gets the
        odd one with equal probability.

    Raises
    ------
    ValueError
        If the counts do not fit the description above.
    """
    check_counts(hits.astype(float), false_alarms.astype(float), responses.astype(float))
    if (responses < 2).any():
        raise ValueError(
            f"{(responses < 2).sum()} of {len(responses)} images have a single response; expected "
            "at least 2, one for each half; leave these images out"
        )
    size = (responses + generator.integers(0, 2, len(responses))) // 2
    first = Half(
        generator.hypergeometric(hits, responses - hits, size),
        generator.hypergeometric(false_alarms, responses - false_alarms, size),
        size,
    )
    second = Half(hits - first.hits, false_alarms - first.false_alarms, responses - size)
    return first, second


def noise_ceiling(images: pd.DataFrame, *, seed: int, splits: int = SPLITS) -> pd.DataFrame:
    """Estimate the highest rank correlation that a perfect predictor of the scores could reach.

    Parameters
    ----------
    images
        Columns category, hits, false_alarms, responses as in the image table; images whose counts
        are missing or that have fewer than 2 responses are left out.
    seed
        Of the stream "noise ceiling".
    splits
        Number of random halvings, at least 1.

    Returns
    -------
    pandas.DataFrame
        A row per target (as in `memorability.memory_game.scoring.score_counts`), group and method
        (as in `memorability.statistics.decomposition.correlate`, but for parts of a correlation):
        target, group, method, n (images), consistency (the method's correlation of the halves, mean
        over splits), consistency_sd (over splits, ddof 1, NaN for one split), full_length
        (reliability of the scores from all responses, by Spearman and Brown's formula; 0 where
        halves do not agree), ceiling (its square root). NaN where a half of a group is constant or
        n is below 3. No rows where no image has 2 responses.

    Raises
    ------
    ValueError
        If columns are missing or a count exceeds the responses.

    Notes
    -----
    Split halves as in section 2.3 of Khosla et al. 2015. MemCat's published rank correlation of
    0.78 (Needell and Bainbridge 2022) is what its halves reach here without Spearman and Brown's
    step: 0.777 for score_uncorrected (0.745 for score), against 0.874 at full length.
    """
    counted = _counted(images)
    if counted.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    hits, false_alarms, responses = (
        counted[name].to_numpy(dtype=np.int64) for name in ("hits", "false_alarms", "responses")
    )
    labels = (counted[name].to_numpy(dtype=str) for name in ("category", "subcategory"))
    divided = list(groups(*labels, detailed=True))
    generator = numpy_stream(seed, "noise ceiling")
    found = []
    for _ in range(splits):
        halves = split_counts(hits, false_alarms, responses, generator=generator)
        for target in TARGETS:
            first, second = (half.score(target) for half in halves)
            for group in divided:
                keys = {"target": target, "group": group.name, "n": int(group.chosen.sum())}
                agreed = group.statistics(first[np.newaxis, group.chosen], second[group.chosen])
                found += [keys | {"method": method, "r": r} for method, r in agreed.items()]
    return _summarised(pd.DataFrame(found))


def _counted(images: pd.DataFrame) -> pd.DataFrame:
    """Return the images that have counts of at least 2 responses."""
    expected = ["category", "subcategory", "hits", "false_alarms", "responses"]
    missing = [name for name in expected if name not in images.columns]
    if missing:
        raise ValueError(
            f"a noise ceiling was asked for of images without the columns {missing}; expected "
            f"{expected}; name the columns of the counts in dataset.columns"
        )
    counted = images.dropna(subset=expected)
    return counted[counted["responses"] >= 2]


def _summarised(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row per target, group and method, from one per split."""
    keys = ["target", "group", "method", "n"]
    r = found.groupby(keys, sort=False)["r"]
    # A split whose half is constant has no correlation, nor then has the mean.
    table = pd.DataFrame({"consistency": r.agg(lambda x: x.mean(skipna=False))})
    table["consistency_sd"] = r.agg(lambda x: x.std(ddof=1, skipna=False))
    table["full_length"] = spearman_brown(np.maximum(table["consistency"], 0), factor=2)
    return table.assign(ceiling=np.sqrt(table["full_length"])).reset_index()
