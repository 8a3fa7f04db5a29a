"""Games as LaMem's observers played them, and simulated observers who play them.

Images pass one by one, and the observer presses a key at each one seen before. Targets come back
late and are what is scored; vigilance images come back at once and show who pays attention; fillers
come once (Khosla et al. 2015, section 2.3: 186 showings, "66 targets, 30 fillers, and 12 vigilance
repeats"; targets and vigilance images are shown twice, which makes 186).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

TARGETS, FILLERS, VIGILANCE = 66, 30, 12
SHOWINGS = 2 * TARGETS + FILLERS + 2 * VIGILANCE
TARGET_DELAYS = (35, 150)
"""Fewest and most showings between a target and its repeat."""
LARGEST_VIGILANCE_DELAY = 7
"""Most showings between a vigilance image and its repeat."""

# The distribution of delays no longer changes after ten exchanges per target.
_EXCHANGES = 40

_ROLES = np.array(["target", "filler", "vigilance"])
_ROLE_OF_PLACE = np.repeat([0, 1, 2], [TARGETS, FILLERS, VIGILANCE])
_PLACES = len(_ROLE_OF_PLACE)


@dataclass(frozen=True)
class Observers:
    """How simulated observers remember and attend.

    Attributes
    ----------
    reference_delay
        T, the delay in showings at which an image has its planted memorability, above 0.
    decay
        α, change of the hit rate per unit of log delay; 0 or less where memory fades.
    inattentive_share
        Probability that an observer is inattentive, 0-1. The others attend to every showing.
    lapse_rate
        Probability that a showing passes an inattentive observer by, who then presses no key, 0-1.
    """

    reference_delay: float
    decay: float
    inattentive_share: float
    lapse_rate: float


def draw_sequence(generator: np.random.Generator) -> IntArray:
    """Draw a valid game at random.

    Vigilance pairs and fillers are placed at random. The k-th of the 132 positions that are left is
    paired with the (k + 66)-th: at least 66 and, with all 54 other showings between them, at most
    120 positions apart, which every game allows. Then random couples of pairs exchange a position
    wherever both new pairs are allowed, so that all allowed pairings become equally probable.

    Parameters
    ----------
    generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Shape (186,), int64: the place of the image at each position; 0-65 are targets, 66-95
        fillers, 96-107 vigilance images, each in random order.

    Notes
    -----
    Khosla et al. 2015, section 2.3. "After at least 35 images" and "within 7 images" are read as
    numbers of showings in between, the unit of the delays that the section reports.
    """
    vigilance = _vigilance_pairs(generator)
    free = np.setdiff1d(np.arange(SHOWINGS), vigilance)
    fillers = generator.choice(free, FILLERS, replace=False)
    targets = _exchanged(np.setdiff1d(free, fillers).reshape(2, TARGETS).T, generator)
    sequence = np.empty(SHOWINGS, dtype=np.int64)
    sequence[targets] = np.arange(TARGETS)[:, np.newaxis]
    sequence[fillers] = np.arange(TARGETS, TARGETS + FILLERS)
    sequence[vigilance] = np.arange(TARGETS + FILLERS, _PLACES)[:, np.newaxis]
    return sequence


def simulate_trials(
    image_ids: list[str],
    memorability: ArrayLike,
    false_alarm_rate: ArrayLike,
    *,
    responses: int,
    observers: Observers,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Let simulated observers play one game each, until every image has its responses.

    An attentive observer recognises the repeat of target i after t showings with probability
    m_i + α log(t / T), cut to 0-1, and a vigilance repeat always; the first showing of target i is
    taken for a repeat with its false-alarm rate, any other first showing with the mean rate. An
    inattentive observer answers in the same way but presses no key while a lapse lasts.

    Parameters
    ----------
    image_ids
        Names of the N images that serve as targets, N at least 66, all different.
    memorability
        (N,) m_i, hit rates at the reference delay, 0-1.
    false_alarm_rate
        (N,) probabilities, 0-1.
    responses
        How many observers are to see each image, at least 1; a few images are seen by one more,
        because a game always has 66 targets.
    observers
        How they remember and attend.
    generator
        Source of randomness.

    Returns
    -------
    pandas.DataFrame
        A row per observer and showing: observer, image_id, role (target, filler or vigilance),
        position (0-185), repeat (whether this is the image's second showing), delay (showings since
        the first one, missing there), response (whether the observer pressed the key). Fillers are
        named filler_000 and so on, vigilance images vigilance_000 and so on.

    Raises
    ------
    ValueError
        If the planted values do not fit the description above.

    Notes
    -----
    Equation 2 of Khosla et al. 2015.
    """
    hit_rate, base_rate = np.asarray(memorability, float), np.asarray(false_alarm_rate, float)
    _check_planted(image_ids, hit_rate, base_rate, responses)
    targets = _deal(len(image_ids), -(-len(image_ids) * responses // TARGETS), generator)
    sequences = np.stack([draw_sequence(generator) for _ in targets])
    others = np.tile(len(image_ids) + np.arange(_PLACES - TARGETS), (len(targets), 1))
    images = np.take_along_axis(np.concatenate([targets, others], axis=1), sequences, axis=1)
    repeat, delay = _repeats(sequences)
    recognised = np.append(hit_rate, np.full(_PLACES - TARGETS, np.nan))[images]
    recognised += observers.decay * np.log(np.maximum(delay, 1) / observers.reference_delay)
    recognised = np.where(sequences < TARGETS, recognised.clip(0, 1), 1.0)
    taken = np.append(base_rate, np.full(_PLACES - TARGETS, base_rate.mean()))[images]
    pressed = _attends(images.shape, observers, generator)
    pressed &= generator.random(images.shape) < np.where(repeat, recognised, taken)
    names = [*image_ids, *(f"filler_{i:03d}" for i in range(FILLERS))]
    names += [f"vigilance_{i:03d}" for i in range(VIGILANCE)]
    return _table(np.array(names)[images], _ROLE_OF_PLACE[sequences], repeat, delay, pressed)


def _vigilance_pairs(generator: np.random.Generator) -> IntArray:
    """Return 12 pairs of positions (12, 2), all different, each pair close enough."""
    free = np.ones(SHOWINGS, dtype=np.bool_)
    pairs: list[tuple[int, int]] = []
    while len(pairs) < VIGILANCE:
        first = int(generator.choice(np.flatnonzero(free)))
        near = free[first + 1 : first + 2 + LARGEST_VIGILANCE_DELAY]
        if near.any():
            repeat = first + 1 + int(generator.choice(np.flatnonzero(near)))
            free[[first, repeat]] = False
            pairs.append((first, repeat))
    return np.array(pairs)


def _exchanged(pairs: IntArray, generator: np.random.Generator) -> IntArray:
    """Return valid pairs (66, 2) of the same positions, paired at random."""
    low, high = TARGET_DELAYS
    for _ in range(_EXCHANGES):
        pairs = generator.permuted(pairs, axis=1)[generator.permutation(TARGETS)]
        couples = pairs.reshape(-1, 2, 2)
        exchanged = couples.copy()
        exchanged[:, :, 1] = couples[:, ::-1, 1]
        delay = np.abs(exchanged[:, :, 0] - exchanged[:, :, 1]) - 1
        allowed = ((delay >= low) & (delay <= high)).all(axis=1)
        pairs = np.where(allowed[:, np.newaxis, np.newaxis], exchanged, couples).reshape(-1, 2)
    return pairs


def _repeats(sequences: IntArray) -> tuple[BoolArray, IntArray]:
    """Return for places (games, 186) which showings repeat, and after how many others (else −1)."""
    games, positions = np.indices(sequences.shape)
    first = np.full((len(sequences), _PLACES), SHOWINGS)
    np.minimum.at(first, (games, sequences), positions)
    delay = positions - np.take_along_axis(first, sequences, axis=1) - 1
    return delay >= 0, delay


def _deal(images: int, games: int, generator: np.random.Generator) -> IntArray:
    """Return the targets (games, 66) of each game: images that were dealt least often so far."""
    dealt = np.zeros(images, dtype=np.int64)
    hands = np.empty((games, TARGETS), dtype=np.int64)
    for hand in hands:
        hand[:] = np.lexsort((generator.random(images), dealt))[:TARGETS]
        dealt[hand] += 1
    return hands


def _attends(
    shape: tuple[int, ...], observers: Observers, generator: np.random.Generator
) -> BoolArray:
    """Return which showings (games, 186) the observer of each game attends to."""
    inattentive = generator.random((shape[0], 1)) < observers.inattentive_share
    return np.asarray(generator.random(shape) >= observers.lapse_rate * inattentive)


def _table(
    image_ids: NDArray[np.str_],
    roles: IntArray,
    repeat: BoolArray,
    delay: IntArray,
    pressed: BoolArray,
) -> pd.DataFrame:
    """Return the table of trials of arrays (games, 186)."""
    games = len(image_ids)
    return pd.DataFrame(
        {
            "observer": np.repeat([f"simulated_{i:05d}" for i in range(games)], SHOWINGS),
            "image_id": image_ids.ravel(),
            "role": _ROLES[roles].ravel(),
            "position": np.tile(np.arange(SHOWINGS), games),
            "repeat": repeat.ravel(),
            "delay": pd.array(delay.ravel(), dtype="Int64"),
            "response": pressed.ravel(),
        }
    ).assign(delay=lambda trials: trials["delay"].where(trials["repeat"]))


def _check_planted(
    image_ids: list[str], memorability: FloatArray, false_alarm_rate: FloatArray, responses: int
) -> None:
    count = len(set(image_ids))
    shapes = {(len(image_ids),), (count,), memorability.shape, false_alarm_rate.shape}
    if count < TARGETS or len(shapes) > 1 or responses < 1:
        raise ValueError(
            f"{len(image_ids)} image ids, {count} of them different, {responses} responses, "
            f"memorability of shape {memorability.shape} and false-alarm rates of shape "
            f"{false_alarm_rate.shape}; expected at least {TARGETS} different ids, at least 1 "
            "response and one value per id; add images that serve as targets but are not studied"
        )
    planted = np.concatenate([memorability, false_alarm_rate])
    if not ((planted >= 0) & (planted <= 1)).all():
        raise ValueError(
            f"planted probabilities range from {planted.min()} to {planted.max()}; expected "
            "0 to 1; cut them to this range before they are planted"
        )
