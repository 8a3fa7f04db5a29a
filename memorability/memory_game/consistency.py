"""How well two halves of the observers agree on which images are memorable: table `consistency`."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memorability.base.seeding import numpy_stream
from memorability.memory_game.scoring import DelayMethod, attentive_trials, correct_delays
from memorability.statistics.rank_correlation import spearman, undefined

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Correction = Literal["none"] | DelayMethod
Splitting = Literal["observers", "delays"]

SPLITS = 25
"""Number of random splits that Khosla et al. 2015 average over."""

_NOTHING = pd.DataFrame(
    {
        name: pd.Series(dtype=kind)
        for name, kind in (
            ("splitting", str), ("correction", str), ("all_responses", bool), ("responses", float),
            ("n", "int64"), ("consistency", float), ("consistency_sd", float), ("predicted", float),
            ("full_length", float),
        )
    }
)  # fmt: skip
"""The table `consistency` without rows."""


@dataclass(frozen=True)
class SplitHalf:
    """Agreement of two halves of the responses in each of S splits.

    Attributes
    ----------
    r
        (S,) Spearman's rank correlation of the two halves' hit rates over images, −1 to 1; NaN where
        fewer than 3 images are left or all hit rates of a half agree.
    n
        (S,) images with responses in both halves.
    decay
        (S, 2) decay factor α of each half, NaN where delays are not corrected.
    """

    r: FloatArray
    n: IntArray
    decay: FloatArray

    @property
    def consistency(self) -> float:
        """Mean correlation over splits: the agreement of halves, as published consistencies are."""
        return float(self.r.mean())

    @property
    def full_length(self) -> float:
        """Consistency that Spearman and Brown's formula predicts of all responses."""
        return spearman_brown(self.consistency, factor=2)


@overload
def spearman_brown(r: float, *, factor: float) -> float: ...


@overload
def spearman_brown(r: FloatArray, *, factor: float | FloatArray) -> FloatArray: ...


def spearman_brown(r: float | FloatArray, *, factor: float | FloatArray) -> float | FloatArray:
    """Predict a reliability for another number of responses.

    Parameters
    ----------
    r
        Reliability that was measured, above −1 and up to 1.
    factor
        New number of responses over the measured one, above 0; 2 from halves to the whole.

    Returns
    -------
    float or numpy.ndarray
        factor · r / (1 + (factor − 1) · r).

    Notes
    -----
    C. Spearman 1910 and W. Brown 1910. Exact for Pearson's correlation of parallel measurements; of
    rank correlations it is an approximation.
    """
    return factor * r / (1 + (factor - 1) * r)


def split_half(
    trials: pd.DataFrame,
    *,
    splitting: Splitting = "observers",
    correction: Correction,
    seed: int,
    splits: int = SPLITS,
) -> SplitHalf:
    """Split the responses in halves and correlate the halves' hit rates over images.

    Parameters
    ----------
    trials
        Trials of attentive observers, as from `scoring.attentive_trials`; only repeats of targets
        count.
    splitting
        "observers": a random half of the observers against the rest. "delays", the adversarial
        split: an image's responses after short delays against those after long delays; which of
        the two belongs to which half is drawn for each image. Equal delays and a response in the
        middle fall to either side at random.
    correction
        "none": hit rates as they are. "paper" or "exact": scores at one delay, fitted in each half
        by `scoring.correct_delays`. Ranks do not depend on which delay; it is the geometric mean.
    seed
        Of the stream "split halves".
    splits
        Number of splits, at least 1.

    Returns
    -------
    SplitHalf
        Agreement in each split. Images without a response in one of its halves are left out.

    Raises
    ------
    ValueError
        If there are fewer than 2 observers, or as in `scoring.correct_delays`.

    Notes
    -----
    Khosla et al. 2015, section 2.3.
    """
    generator = numpy_stream(seed, "split halves")
    repeats = _target_repeats(trials)
    return _agreement(
        (_halves(repeats, splitting, generator) for _ in range(splits)), correction=correction
    )


def consistency_by_responses(
    trials: pd.DataFrame,
    *,
    responses: Iterable[int],
    correction: Correction,
    seed: int,
    splits: int = SPLITS,
) -> pd.DataFrame:
    """Measure split-half consistency for several numbers of responses per image.

    In each split, every image keeps half of `responses` responses, chosen at random, from either half
    of the observers; images with fewer are left out of the split.

    Parameters
    ----------
    trials, correction, seed, splits
        As in `split_half`.
    responses
        Numbers of responses per image over both halves, even, at least 2.

    Returns
    -------
    pandas.DataFrame
        A row per number, ascending: responses, n (fewest images of a split), consistency (mean over
        splits of the halves' correlation), consistency_sd (over splits, ddof 1), predicted (the
        consistency expected from that of the largest number, by Spearman and Brown), full_length
        (expected of two groups of observers with `responses` responses each).

    Raises
    ------
    ValueError
        If a number is odd or below 2, or as in `split_half`.

    Notes
    -----
    Khosla et al. 2015, section 2.3 and Figure 2b.
    """
    numbers = sorted(set(responses))
    if not numbers or numbers[0] < 2 or any(number % 2 for number in numbers):
        raise ValueError(
            f"consistency asked for with {numbers} responses per image; expected even numbers of at "
            "least 2, half of which fall to each half of the observers; change the numbers"
        )
    generator = numpy_stream(seed, "consistency by responses")
    repeats = _target_repeats(trials)
    rows = []
    for number in numbers:
        drawn = (_halves(repeats, "observers", generator) for _ in range(splits))
        kept = ([_keep(half, number // 2, generator) for half in halves] for halves in drawn)
        found = _agreement(kept, correction=correction)
        spread = found.r.std(ddof=1) if splits > 1 else np.nan
        rows.append((number, found.n.min(), found.consistency, spread, found.full_length))
    columns = ["responses", "n", "consistency", "consistency_sd", "full_length"]
    table = pd.DataFrame(rows, columns=columns)
    shorter = (table["responses"] / numbers[-1]).to_numpy(dtype=np.float64)
    longest = np.full(len(table), table["consistency"].iloc[-1])
    table.insert(4, "predicted", spearman_brown(longest, factor=shorter))
    return table


def measure_consistency(trials: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Measure how well halves of the attentive observers agree, by number of responses and of all.

    Parameters
    ----------
    trials
        The table `trials`.
    seed
        See `split_half`.

    Returns
    -------
    pandas.DataFrame
        The table `consistency`. Rows by number of responses (2, 4, 8, … up to what almost all images
        have in both halves) split the observers and correct no delays. Rows of all responses have
        both ways of splitting and all corrections, where delays are known, at least 1, and vary. What
        cannot be measured has no row, and a warning says why: of images with fewer than 8 responses
        each, by their median, nothing can.
    """
    attentive = attentive_trials(trials)
    repeats = _target_repeats(attentive)
    of_image = repeats.groupby("image_id").size()
    # A random half has half of an image's responses, give or take two standard deviations.
    largest = of_image.median() - 2 * np.sqrt(of_image.median())
    if not largest >= 2:
        logger.warning(
            "Half of the images have %g responses or fewer by attentive observers: too few to compare "
            "halves of the observers, for which 8 each are needed. Nothing is measured.",
            of_image.median(),
        )
        return _NOTHING
    numbers = [2**power for power in range(1, int(np.log2(largest)) + 1)]
    tables = [
        consistency_by_responses(attentive, responses=numbers, correction="none", seed=seed).assign(
            splitting="observers", correction="none", all_responses=False
        )
    ]
    delays_vary = bool(
        repeats["delay"].ge(1).fillna(False).all()
        and repeats.groupby("image_id")["delay"].nunique().median() > 1
    )
    if not delays_vary:
        logger.warning(
            "Delays are not known, below 1, or do not vary: nothing is corrected for them."
        )
    splittings: tuple[Splitting, ...] = get_args(Splitting) if delays_vary else ("observers",)
    corrections: tuple[Correction, ...] = ("none", "paper", "exact") if delays_vary else ("none",)
    for splitting in splittings:
        for correction in corrections:
            halves = split_half(attentive, splitting=splitting, correction=correction, seed=seed)
            row = {
                "splitting": splitting,
                "correction": correction,
                "all_responses": True,
                "responses": of_image.mean(),
                "n": halves.n.min(),
                "consistency": halves.consistency,
                "consistency_sd": halves.r.std(ddof=1),
                "predicted": np.nan,
                "full_length": halves.full_length,
            }
            tables.append(pd.DataFrame([row]))
    table = pd.concat(tables, ignore_index=True).astype({"responses": float})
    measured = table["consistency"].notna()
    if not measured.all():
        logger.warning(
            "%d of %d consistencies are undefined: in a split fewer than 3 images were in both halves, "
            "or the hit rates of a half were all equal",
            (~measured).sum(), len(table),
        )  # fmt: skip
    return table.loc[measured, list(_NOTHING)].reset_index(drop=True)


def _target_repeats(trials: pd.DataFrame) -> pd.DataFrame:
    expected = ["observer", "image_id", "role", "repeat", "delay", "response"]
    missing = [name for name in expected if name not in trials.columns]
    if missing or trials["observer"].nunique() < 2:
        raise ValueError(
            f"the {len(trials)} trials lack the columns {missing} or come from fewer than 2 "
            f"observers; expected {expected} of several observers; check which table was read"
        )
    return trials.loc[(trials["role"] == "target") & trials["repeat"], expected].reset_index(
        drop=True
    )


def _halves(
    repeats: pd.DataFrame, splitting: Splitting, generator: np.random.Generator
) -> list[pd.DataFrame]:
    """Return two halves that hold each response once."""
    split = _by_delay if splitting == "delays" else _by_observer
    first = split(repeats, generator)
    return [repeats[first], repeats[~first]]


def _by_observer(repeats: pd.DataFrame, generator: np.random.Generator) -> BoolArray:
    """Return which responses come from a random half of the observers."""
    codes, observers = pd.factorize(repeats["observer"])
    first = generator.permutation(len(observers)) < len(observers) / 2
    return np.asarray(first[codes], dtype=np.bool_)


def _by_delay(repeats: pd.DataFrame, generator: np.random.Generator) -> BoolArray:
    """Return which responses belong to the half that got the image's short or long delays."""
    codes, images = pd.factorize(repeats["image_id"])
    delays = repeats["delay"].to_numpy(dtype=np.float64)
    n = np.bincount(codes)
    rank = np.empty(len(codes), dtype=np.int64)
    rank[np.lexsort((generator.random(len(codes)), delays, codes))] = np.arange(len(codes))
    rank -= (np.cumsum(n) - n)[codes]
    short = rank < ((n + generator.integers(0, 2, len(images))) // 2)[codes]
    flipped = generator.integers(0, 2, len(images), dtype=np.int64).astype(np.bool_)
    return np.asarray(short ^ flipped[codes], dtype=np.bool_)


def _keep(half: pd.DataFrame, number: int, generator: np.random.Generator) -> pd.DataFrame:
    """Return `number` responses, chosen at random, of each image that has so many."""
    shuffled = half.iloc[generator.permutation(len(half))]
    images = shuffled.groupby("image_id")["image_id"]
    return shuffled[(images.cumcount() < number) & (images.transform("size") >= number)]


def _agreement(halves: Iterable[list[pd.DataFrame]], *, correction: Correction) -> SplitHalf:
    r, n, decay = [], [], []
    for pair in halves:
        (first, first_decay), (second, second_decay) = (_scores(half, correction) for half in pair)
        both = pd.concat([first, second], axis=1, join="inner")
        pairs = both.to_numpy(dtype=np.float64).T
        r.append(spearman(*pairs) if undefined(pairs[:1], pairs[1]) is None else np.nan)
        n.append(len(both))
        decay.append((first_decay, second_decay))
    return SplitHalf(np.array(r), np.array(n), np.array(decay, dtype=np.float64))


def _scores(half: pd.DataFrame, correction: Correction) -> tuple[pd.Series, float]:
    """Return hit rates by image_id, corrected or not, and the decay factor."""
    if correction == "none":
        return half.groupby("image_id")["response"].mean(), np.nan
    delay = half["delay"].to_numpy(dtype=np.float64)
    middle = float(np.exp(np.log(delay).mean()))
    fit = correct_delays(half, reference_delay=middle, method=correction)
    return fit.memorability, fit.decay
