"""Do counts give the score that stands beside them? Where not, what is likely wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from memorability.memory_game.score_kinds import COUNTS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

CONVENTIONS: Mapping[str, Callable[[FloatArray, FloatArray, FloatArray], FloatArray]] = {
    "(hits − false alarms) / responses": lambda hits, false_alarms, n: (hits - false_alarms) / n,
    "hits / responses": lambda hits, _, n: hits / n,
}
"""Formula of a score, in words -> the score of hits, false alarms and responses (N,)."""

_MOST = 0.9  # share of the rows from which on an explanation is a likely one


@dataclass(frozen=True)
class Contradiction:
    """Counts that do not give their score.

    Attributes
    ----------
    rows
        Places (0-based) of the rows that contradict the convention.
    convention
        That of `CONVENTIONS` which most rows fit.
    recomputed
        (N,) scores that the counts give by it.
    cause
        What is likely wrong, in words; "" where nothing is likely.
    """

    rows: NDArray[np.intp]
    convention: str
    recomputed: FloatArray
    cause: str


def contradiction(counts: FloatArray, score: FloatArray, tolerance: float) -> Contradiction | None:
    """Compare scores with their counts under each convention; all rows must follow one.

    Parameters
    ----------
    counts
        (3, N) hits, false alarms and responses, finite.
    score
        (N,) scores. Where false alarms outnumber hits, 0 is as good as the negative score.
    tolerance
        Difference that rounding explains, above 0.

    Returns
    -------
    Contradiction or None
        None if one convention fits all rows.
    """
    fits = {name: _fits(name, counts, score, tolerance) for name in CONVENTIONS}
    convention = max(fits, key=lambda name: int(fits[name].sum()))
    wrong = np.flatnonzero(~fits[convention])
    if not wrong.size:
        return None
    return Contradiction(
        wrong,
        convention,
        _scored(convention, counts),
        likely_cause(counts, score, tolerance, own_share=float(fits[convention].mean())),
    )


def likely_cause(
    counts: FloatArray, score: FloatArray, tolerance: float, *, own_share: float
) -> str:
    """Return which mistake explains the scores of nearly all rows, in words, or "".

    Parameters
    ----------
    counts, score, tolerance
        See `contradiction`.
    own_share
        Share of rows that fit as they are; an explanation must fit more.
    """
    if not score.size:
        return ""
    orders = [order for order in permutations(range(3)) if order != (0, 1, 2)]
    # Two exchanged columns are likelier than three.
    orders.sort(key=lambda order: sum(place != found for place, found in enumerate(order)))
    for order in orders:
        for name in CONVENTIONS:
            share = float(_fits(name, counts[list(order)], score, tolerance).mean())
            # By hits alone the false alarms may stand anywhere: then nothing shows an exchange.
            if share >= _MOST and share > own_share and _uses_exchanged(name, order):
                return f"{_exchanged(order)} seem to be exchanged"
    for name in CONVENTIONS:
        denominator = _denominator(name, counts, score)
        if denominator is not None:
            return f"the score seems to be divided by {denominator}, not by the responses"
    return ""


def _scored(convention: str, counts: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return CONVENTIONS[convention](*counts)


def _fits(convention: str, counts: FloatArray, score: FloatArray, tolerance: float) -> BoolArray:
    recomputed = _scored(convention, counts)
    # An exchange with the responses may divide by 0, which fits nothing.
    recomputed = np.where(np.isfinite(recomputed), recomputed, np.inf)
    fits = np.abs(score - recomputed) <= tolerance
    fits |= (recomputed < 0) & (np.abs(score) <= tolerance)
    return np.asarray(fits)


def _uses_exchanged(convention: str, order: tuple[int, ...]) -> bool:
    used = (0, 2) if convention == "hits / responses" else (0, 1, 2)
    return any(order[place] != place for place in used)


def _exchanged(order: tuple[int, ...]) -> str:
    names = [name.replace("_", " ") for place, name in enumerate(COUNTS) if order[place] != place]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _denominator(convention: str, counts: FloatArray, score: FloatArray) -> str | None:
    """Return in words what else the counts are divided by in nearly all rows, if it shows."""
    hits, false_alarms, responses = counts
    difference = _scored(convention, counts) * responses
    told = np.abs(score) > 0
    if told.sum() < 2:
        return None
    implied = difference[told] / score[told]
    middle = float(np.median(implied))
    others = {
        "hits + false alarms": (hits + false_alarms)[told],
        f"{middle:.4g} in all rows": np.full(told.sum(), middle),
        f"{np.median(implied / responses[told]):.4g} times the responses": (
            np.median(implied / responses[told]) * responses[told]
        ),
    }
    for words, expected in others.items():
        if middle > 0 and float(np.isclose(implied, expected, rtol=0.02).mean()) >= _MOST:
            return words
    return None
