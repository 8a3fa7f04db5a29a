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

# The distribution of delays no longer changes after ten exchanges per target.
_EXCHANGES = 40
# Designs whose pairs do not fall into place by then have none, or hardly any, valid game.
_MOST_EXCHANGES = 4_000
_MOST_VIGILANCE_DRAWS = 10_000

_ROLES = np.array(["target", "filler", "vigilance"])


@dataclass(frozen=True)
class Design:
    """What a game shows, and how far apart.

    Attributes
    ----------
    targets, fillers, vigilance
        Images of each role, at least 1 target; targets and vigilance images are shown twice.
    target_delays, vigilance_delays
        Fewest and most showings between an image and its repeat, at least 0.
    """

    targets: int
    fillers: int
    vigilance: int
    target_delays: tuple[int, int]
    vigilance_delays: tuple[int, int]

    @property
    def places(self) -> int:
        """Number of different images."""
        return self.targets + self.fillers + self.vigilance

    @property
    def showings(self) -> int:
        """Length of a game."""
        return self.places + self.targets + self.vigilance

    @property
    def roles(self) -> NDArray[np.str_]:
        """Shape (places,): targets, then fillers, then vigilance images."""
        return np.repeat(_ROLES, [self.targets, self.fillers, self.vigilance])


LAMEM = Design(66, 30, 12, (35, 150), (0, 7))
"""Khosla et al. 2015, section 2.3."""
MEMCAT = Design(60, 57, 19, (34, 139), (0, 3))
"""A block of MemCat's game as its published program makes it (LoreGoetschalckx/MemoryGame): repeats 35
to 140 and 1 to 4 positions after the first showing, 215 showings."""


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


def draw_sequence(generator: np.random.Generator, design: Design = LAMEM) -> IntArray:
    """Draw a valid game at random.

    Vigilance pairs and fillers are placed at random. Of the 2N positions that are left for N targets,
    the k-th is paired with the (k + N)-th; in LaMem's design these are at least 66 and, with all 54
    other showings between them, at most 120 positions apart, which every game allows. Then random
    couples of pairs exchange a position wherever both new pairs are allowed, so that all allowed
    pairings become equally probable. In designs that begin with pairs that are not allowed, couples
    exchange wherever this brings them no further from what is allowed, until all are.

    Parameters
    ----------
    generator
        Source of randomness.
    design
        What is shown, and how far apart.

    Returns
    -------
    numpy.ndarray
        Shape (showings,), int64: the place of the image at each position, in the order of
        `design.roles`; of LaMem's, 0-65 are targets, 66-95 fillers, 96-107 vigilance images. The
        images of a role are in random order.

    Raises
    ------
    ValueError
        If no valid game was found.

    Notes
    -----
    Khosla et al. 2015, section 2.3. "After at least 35 images" and "within 7 images" are read as
    numbers of showings in between, the unit of the delays that the section reports.
    """
    vigilance = _vigilance_pairs(generator, design)
    free = np.setdiff1d(np.arange(design.showings), vigilance)
    fillers = generator.choice(free, design.fillers, replace=False)
    halves = np.setdiff1d(free, fillers).reshape(2, design.targets)
    targets = _exchanged(halves.T, generator, design)
    sequence = np.empty(design.showings, dtype=np.int64)
    first_vigilance = design.targets + design.fillers
    sequence[targets] = np.arange(design.targets)[:, np.newaxis]
    sequence[fillers] = np.arange(design.targets, first_vigilance)
    sequence[vigilance] = np.arange(first_vigilance, design.places)[:, np.newaxis]
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
    targets = deal(
        len(image_ids), -(-len(image_ids) * responses // LAMEM.targets), LAMEM.targets, generator
    )
    sequences = np.stack([draw_sequence(generator) for _ in targets])
    others = np.tile(len(image_ids) + np.arange(LAMEM.places - LAMEM.targets), (len(targets), 1))
    images = np.take_along_axis(np.concatenate([targets, others], axis=1), sequences, axis=1)
    repeat, delay = repeats_of(sequences)
    recognised = np.append(hit_rate, np.full(LAMEM.places - LAMEM.targets, np.nan))[images]
    recognised += observers.decay * np.log(np.maximum(delay, 1) / observers.reference_delay)
    recognised = np.where(sequences < LAMEM.targets, recognised.clip(0, 1), 1.0)
    taken = np.append(base_rate, np.full(LAMEM.places - LAMEM.targets, base_rate.mean()))[images]
    pressed = _attends(images.shape, observers, generator)
    pressed &= generator.random(images.shape) < np.where(repeat, recognised, taken)
    names = [*image_ids, *(f"filler_{i:03d}" for i in range(LAMEM.fillers))]
    names += [f"vigilance_{i:03d}" for i in range(LAMEM.vigilance)]
    return _table(np.array(names)[images], LAMEM.roles[sequences], repeat, delay, pressed)


def deal(
    images: int,
    games: int,
    targets: int,
    generator: np.random.Generator,
    *,
    pictures: IntArray | None = None,
) -> IntArray:
    """Deal images to games, so that no image is in more than one game more than another.

    Parameters
    ----------
    images
        How many there are, at least `targets`.
    games
        How many games there are.
    targets
        Images of each game.
    generator
        Source of randomness.
    pictures
        Shape (images,), which picture each image is a version of; a game has one version of a picture
        at most. None where each image is its own. There are at least `targets` pictures. Versions may
        then be in two games more than others, or in more where pictures have unequally many.

    Returns
    -------
    numpy.ndarray
        Shape (games, targets), int64 from 0: images that were dealt least often so far, in random
        order. More games begin with the same ones.
    """
    dealt = np.zeros(images, dtype=np.int64)
    hands = np.empty((games, targets), dtype=np.int64)
    for hand in hands:
        order = np.lexsort((generator.random(images), dealt))
        if pictures is not None:
            order = order[np.sort(np.unique(pictures[order], return_index=True)[1])]
        hand[:] = order[:targets]
        dealt[hand] += 1
    return hands


def repeats_of(sequences: IntArray) -> tuple[BoolArray, IntArray]:
    """Return for places (games, showings) which repeat, and after how many others (else −1)."""
    games, positions = np.indices(sequences.shape)
    first = np.full((len(sequences), sequences.max(initial=0) + 1), sequences.shape[1])
    np.minimum.at(first, (games, sequences), positions)
    delay = positions - np.take_along_axis(first, sequences, axis=1) - 1
    return delay >= 0, delay


def _vigilance_pairs(generator: np.random.Generator, design: Design) -> IntArray:
    """Return pairs of positions (vigilance, 2), all different, each pair close enough."""
    free = np.ones(design.showings, dtype=np.bool_)
    low, high = design.vigilance_delays
    pairs: list[tuple[int, int]] = []
    for _ in range(_MOST_VIGILANCE_DRAWS):
        if len(pairs) == design.vigilance:
            return np.array(pairs, dtype=np.int64).reshape(-1, 2)
        first = int(generator.choice(np.flatnonzero(free)))
        near = free[first + 1 + low : first + 2 + high]
        if near.any():
            repeat = first + 1 + low + int(generator.choice(np.flatnonzero(near)))
            free[[first, repeat]] = False
            pairs.append((first, repeat))
    raise ValueError(_no_game(design))


def _exchanged(pairs: IntArray, generator: np.random.Generator, design: Design) -> IntArray:
    """Return valid pairs (targets, 2) of the same positions, paired at random."""
    even = len(pairs) - len(pairs) % 2
    for exchange in range(_MOST_EXCHANGES):
        if exchange >= _EXCHANGES and not _excess(pairs, design).any():
            return pairs
        pairs = generator.permuted(pairs, axis=1)[generator.permutation(len(pairs))]
        couples = pairs[:even].reshape(-1, 2, 2)
        exchanged = couples.copy()
        exchanged[:, :, 1] = couples[:, ::-1, 1]
        before, after = (_excess(two, design).sum(axis=1) for two in (couples, exchanged))
        chosen = np.where((after <= before)[:, np.newaxis, np.newaxis], exchanged, couples)
        pairs = np.concatenate([chosen.reshape(-1, 2), pairs[even:]])
    raise ValueError(_no_game(design))


def _excess(pairs: IntArray, design: Design) -> IntArray:
    """Return by how many showings the delays of pairs (..., 2) are beyond what is allowed."""
    low, high = design.target_delays
    delay = np.abs(pairs[..., 0] - pairs[..., 1]) - 1
    return np.asarray(np.maximum(low - delay, 0) + np.maximum(delay - high, 0))


def _no_game(design: Design) -> str:
    return (
        f"no valid game was found for {design}; expected room for all repeats; allow longer and "
        "shorter delays, or show fewer images"
    )


def _attends(
    shape: tuple[int, ...], observers: Observers, generator: np.random.Generator
) -> BoolArray:
    """Return which showings (games, 186) the observer of each game attends to."""
    inattentive = generator.random((shape[0], 1)) < observers.inattentive_share
    return np.asarray(generator.random(shape) >= observers.lapse_rate * inattentive)


def _table(
    image_ids: NDArray[np.str_],
    roles: NDArray[np.str_],
    repeat: BoolArray,
    delay: IntArray,
    pressed: BoolArray,
) -> pd.DataFrame:
    """Return the table of trials of arrays (games, 186)."""
    games = len(image_ids)
    return pd.DataFrame(
        {
            "observer": np.repeat([f"simulated_{i:05d}" for i in range(games)], LAMEM.showings),
            "image_id": image_ids.ravel(),
            "role": roles.ravel(),
            "position": np.tile(np.arange(LAMEM.showings), games),
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
    if count < LAMEM.targets or len(shapes) > 1 or responses < 1:
        raise ValueError(
            f"{len(image_ids)} image ids, {count} of them different, {responses} responses, "
            f"memorability of shape {memorability.shape} and false-alarm rates of shape "
            f"{false_alarm_rate.shape}; expected at least {LAMEM.targets} different ids, at least 1 "
            "response and one value per id; add images that serve as targets but are not studied"
        )
    planted = np.concatenate([memorability, false_alarm_rate])
    if not ((planted >= 0) & (planted <= 1)).all():
        raise ValueError(
            f"planted probabilities range from {planted.min()} to {planted.max()}; expected "
            "0 to 1; cut them to this range before they are planted"
        )
