"""From trials to scores: who paid attention, counts per image, scores, correction of delays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
DelayMethod = Literal["paper", "exact"]

LARGEST_MISS_SHARE = 0.25
"""Observers who miss a larger share of the vigilance repeats are excluded."""

_MOST_ITERATIONS = 100_000
_CONVERGED = 1e-13  # change of the decay factor, far below any standard error


@dataclass(frozen=True)
class DelayFit:
    """Scores at one delay, and how they change with the delay.

    Attributes
    ----------
    memorability
        m_T of each image, indexed by image_id in sorted order: its hit rate at the reference delay,
        in general 0-1 but not cut to this range.
    decay
        α, change of the hit rate per unit of log delay, the same for all images.
    iterations
        Updates of α that were made; 0 for the exact solution.
    """

    memorability: pd.Series
    decay: float
    iterations: int


def vigilance_misses(trials: pd.DataFrame) -> pd.DataFrame:
    """List the observers, how many vigilance repeats they missed and who is excluded for it.

    Parameters
    ----------
    trials
        Columns observer, role, repeat, response, as from `game.simulate_trials`.

    Returns
    -------
    pandas.DataFrame
        A row per observer, sorted: observer, vigilance_repeats and misses (counts), excluded
        (whether more than 25 % were missed).

    Raises
    ------
    ValueError
        If columns are missing.

    Notes
    -----
    Khosla et al. 2015, section 2.3.
    """
    _check_columns(trials, ["observer", "role", "repeat", "response"])
    vigilance = (trials["role"] == "vigilance") & trials["repeat"]
    counted = pd.DataFrame(
        {
            "observer": trials["observer"],
            "vigilance_repeats": vigilance,
            "misses": vigilance & ~trials["response"],
        }
    )
    listed = counted.groupby("observer").sum().reset_index()
    excluded = listed["misses"] > LARGEST_MISS_SHARE * listed["vigilance_repeats"]
    return listed.assign(excluded=excluded)


def attentive_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of the observers whom `vigilance_misses` does not exclude."""
    listed = vigilance_misses(trials)
    return trials[~trials["observer"].isin(listed.loc[listed["excluded"], "observer"])]


def count_responses(trials: pd.DataFrame) -> pd.DataFrame:
    """Count how each target was answered.

    Parameters
    ----------
    trials
        Columns image_id, role, repeat, response, as from `game.simulate_trials`.

    Returns
    -------
    pandas.DataFrame
        A row per target, sorted: image_id, hits (repeats recognised), false_alarms (first showings
        taken for repeats), responses (repeats shown, which are as many as first showings).

    Raises
    ------
    ValueError
        If columns are missing or an image was shown first and again unequally often.
    """
    _check_columns(trials, ["image_id", "role", "repeat", "response"])
    targets = trials[trials["role"] == "target"]
    counted = pd.DataFrame(
        {
            "image_id": targets["image_id"],
            "hits": targets["repeat"] & targets["response"],
            "false_alarms": ~targets["repeat"] & targets["response"],
            "responses": targets["repeat"],
            "first_showings": ~targets["repeat"],
        }
    )
    table = counted.groupby("image_id").sum().reset_index()
    unequal = table[table["responses"] != table["first_showings"]]
    if len(unequal) > 0:
        image = unequal.iloc[0]
        raise ValueError(
            f"target {image['image_id']!r} was shown {image['first_showings']} times first and "
            f"{image['responses']} times again ({len(unequal)} such images); expected one repeat "
            "for each first showing; leave out the games that were broken off"
        )
    return table.drop(columns="first_showings")


def score_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Score each image in every way that memorability is measured.

    Parameters
    ----------
    counts
        A row per image: hits, false_alarms, responses (counts out of which both came, at least 1)
        and any other columns.

    Returns
    -------
    pandas.DataFrame
        `counts` with score = (hits − false_alarms) / responses, −1 to 1; score_uncorrected =
        hits / responses and false_alarm_rate = false_alarms / responses, 0-1; d_prime = z(H) − z(F)
        and criterion = −(z(H) + z(F)) / 2, in standard deviations, where H = (hits + 0.5) /
        (responses + 1), F likewise and z is the quantile function of the normal distribution.

    Raises
    ------
    ValueError
        If columns are missing or a count lies outside 0 to responses.

    Notes
    -----
    `score` and `score_uncorrected` are MemCat's columns with and without correction for false
    alarms, equal to the 15 digits that it publishes. The half response added to every rate keeps z
    finite at 0 and 1 (M. Hautus, Corrections for extreme proportions, 1995: "log-linear").
    """
    _check_columns(counts, ["hits", "false_alarms", "responses"])
    hits, false_alarms, responses = (
        counts[name].to_numpy(dtype=np.float64) for name in ("hits", "false_alarms", "responses")
    )
    check_counts(hits, false_alarms, responses)
    z_hits, z_false_alarms = (
        special.ndtri((count + 0.5) / (responses + 1)) for count in (hits, false_alarms)
    )
    return counts.assign(
        score=(hits - false_alarms) / responses,
        score_uncorrected=hits / responses,
        false_alarm_rate=false_alarms / responses,
        d_prime=z_hits - z_false_alarms,
        criterion=-(z_hits + z_false_alarms) / 2,
    )


def check_counts(hits: FloatArray, false_alarms: FloatArray, responses: FloatArray) -> None:
    """Raise ValueError unless counts (N,) are whole, responses at least 1 and bound the others."""
    counts = np.stack([hits, false_alarms, responses])
    good = (counts >= 0) & (counts <= responses) & (counts == np.floor(counts))
    bad = np.flatnonzero(~(good.all(axis=0) & (responses >= 1)))
    if len(bad) > 0:
        raise ValueError(
            f"row {bad[0]} has {hits[bad[0]]} hits and {false_alarms[bad[0]]} false alarms in "
            f"{responses[bad[0]]} responses ({len(bad)} such rows); expected whole counts from 0 "
            "to the responses, which are at least 1; leave out the images without responses"
        )


def correct_delays(
    trials: pd.DataFrame, *, reference_delay: float, method: DelayMethod
) -> DelayFit:
    """Estimate each image's hit rate at one delay, and the decay that all images share.

    The model is m_t = m_T + α log(t / T) for an image's hit rate after t showings. "exact" is the
    least-squares solution over all responses: α is the slope of responses on log delays within
    images, m_T the mean of what remains. "paper" alternates the paper's two updates, beginning with
    the mean hit rates, until α changes by less than 1e-13.

    The paper derives its update of α from the squared error over all responses (equations 3 and 4)
    but weighs each image's sums by one over its number of responses (equation 5). Where the numbers
    of responses differ, its fixed point is therefore not stationary in that error: it minimises the
    sum of each image's *mean* squared error, in which every image counts the same. Both methods
    agree where the numbers are equal. The updates approach their fixed point faster the nearer T is
    to the delays that occurred; the fixed point's α does not depend on T.

    Parameters
    ----------
    trials
        Columns image_id, role, repeat, delay (showings, at least 1 for targets), response, as from
        `game.simulate_trials`. Only repeats of targets count.
    reference_delay
        T, in showings, above 0.
    method
        "paper" or "exact".

    Returns
    -------
    DelayFit
        Scores at T and the decay.

    Raises
    ------
    ValueError
        If columns are missing, a delay is below 1, no image was repeated after different delays,
        `reference_delay` is not positive or the updates do not settle.

    Notes
    -----
    Khosla et al. 2015, equations 2 to 6.
    """
    _check_columns(trials, ["image_id", "role", "repeat", "delay", "response"])
    repeats = trials[(trials["role"] == "target") & trials["repeat"]]
    delays = repeats["delay"].to_numpy(dtype=np.float64, na_value=np.nan)
    if not (delays >= 1).all() or not reference_delay > 0:
        raise ValueError(
            f"the reference delay is {reference_delay} and the shortest of {len(delays)} delays of "
            f"targets {np.min(delays, initial=np.inf)}; expected a positive reference and delays "
            "of at least 1 showing; check the trials' column delay"
        )
    codes, images = pd.factorize(repeats["image_id"], sort=True)
    sums = _sums(codes, np.log(delays / reference_delay), repeats["response"].to_numpy(dtype=float))
    scores, decay, iterations = sums.descend() if method == "paper" else sums.solve()
    return DelayFit(pd.Series(scores, pd.Index(images, name="image_id")), decay, iterations)


@dataclass(frozen=True)
class _Sums:
    """Per image (N,): responses n, and means of x, l, l² and l·x; l is log(t / T), x a response."""

    n: FloatArray
    hit_rate: FloatArray
    log: FloatArray
    square: FloatArray
    product: FloatArray

    def descend(self) -> tuple[FloatArray, float, int]:
        """Return scores, decay and number of updates of equations 5 and 6."""
        scores, decay = self.hit_rate, 0.0
        for iteration in range(1, _MOST_ITERATIONS + 1):
            updated = float(np.sum(self.product - scores * self.log) / np.sum(self.square))
            scores = self.hit_rate - updated * self.log
            if abs(updated - decay) < _CONVERGED:
                return scores, updated, iteration
            decay = updated
        raise ValueError(
            f"the paper's updates have not settled after {_MOST_ITERATIONS} iterations, at a decay "
            f"of {decay}; expected a reference delay near the delays that occurred; choose one, or "
            "the method 'exact'"
        )

    def solve(self) -> tuple[FloatArray, float, int]:
        """Return scores, decay and 0: the least squares of equations 3 and 4."""
        within = self.product - self.hit_rate * self.log
        decay = float(np.sum(self.n * within) / np.sum(self.n * (self.square - self.log**2)))
        return self.hit_rate - decay * self.log, decay, 0


def _sums(codes: NDArray[np.intp], logs: FloatArray, responses: FloatArray) -> _Sums:
    n = np.bincount(codes).astype(np.float64)
    low, high = np.full(len(n), np.inf), np.full(len(n), -np.inf)
    np.minimum.at(low, codes, logs)
    np.maximum.at(high, codes, logs)
    if not (high > low).any():
        raise ValueError(
            f"none of {len(n)} images was repeated after different delays; expected delays that "
            "vary within images; leave the scores uncorrected"
        )
    means = [
        np.bincount(codes, values) / n for values in (responses, logs, logs**2, logs * responses)
    ]
    return _Sums(n, *means)


def _check_columns(table: pd.DataFrame, expected: Sequence[str]) -> None:
    missing = [name for name in expected if name not in table.columns]
    if missing:
        raise ValueError(
            f"the table of {len(table)} rows lacks the columns {missing}; expected "
            f"{list(expected)}; check which table was read"
        )
