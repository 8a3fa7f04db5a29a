"""Two one-sided tests: whether a figure lies within a margin of a reference, and with which power."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

SMALLEST = 4
"""Fewest images of which Fisher's z has a standard error."""


@dataclass(frozen=True)
class Equivalence:
    """Result of two one-sided tests (TOST).

    Attributes
    ----------
    p
        The larger of the two one-sided p-values, 0 to 1: small where the statistic lies within the
        margin of the reference.
    power
        Probability, 0 to 1, that both tests reject at the level asked for if the true value is
        exactly the reference.
    """

    p: float
    power: float


def tost_correlation(
    r: float, n: int, *, reference: float, margin: float, level: float
) -> Equivalence:
    """Test whether a Spearman correlation lies within `margin` of `reference`, on Fisher's z.

    Parameters
    ----------
    r
        The correlation, −1 to 1.
    n
        Images behind it, at least 4.
    reference
        The value that it is compared with, taken as a fixed number, above −1 and below 1.
    margin
        Half-width of the band around the reference, above 0, in units of r.
    level
        Of each of the two tests, between 0 and 0.5.

    Returns
    -------
    Equivalence
        The reference ± margin is cut at −1 and 1, where a bound is never crossed.

    Raises
    ------
    ValueError
        If an argument leaves its range.

    Notes
    -----
    The standard error of Fisher's z is √((1 + ρ²/2) / (n − 3)), with r for ρ in the test and the
    reference for ρ in its power. D. G. Bonett and T. A. Wright, Sample size requirements for estimating
    Pearson, Kendall and Spearman correlations, Psychometrika 65, 2000. Two one-sided tests:
    D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987.
    """
    _check(margin, level)
    if not (-1 <= r <= 1 and -1 < reference < 1 and n >= SMALLEST):
        raise ValueError(
            f"a correlation of {r} over {n} images was to be tested against {reference}; expected "
            "correlations of −1 to 1, a reference between them and at least 4 images"
        )
    with np.errstate(divide="ignore"):
        low, high = np.arctanh([max(reference - margin, -1.0), min(reference + margin, 1.0)])
        z = float(np.arctanh(r))
    ours, theirs = _error(r, n), _error(reference, n)
    # A correlation of exactly ±1 is within a band that is cut there: ∞ − ∞ has no sign of its own.
    above = math.inf if low == -math.inf else (z - low) / ours
    below = math.inf if high == math.inf else (high - z) / ours
    centre = math.atanh(reference)
    return Equivalence(
        float(norm.sf(min(above, below))),
        _power((centre - low) / theirs, (high - centre) / theirs, level),
    )


def fisher_interval(r: float, n: int, *, confidence: float) -> tuple[float, float]:
    """Return the interval of a Spearman correlation on Fisher's z, with the same standard error.

    Parameters
    ----------
    r, n
        The correlation and the images behind it.
    confidence
        Coverage, between 0 and 1.

    Returns
    -------
    tuple of float
        The bounds, −1 to 1; NaN with fewer than 4 images or where r is NaN.
    """
    if n < SMALLEST or math.isnan(r):
        return math.nan, math.nan
    reach = float(norm.isf((1 - confidence) / 2)) * _error(r, n)
    with np.errstate(divide="ignore"):
        z = float(np.arctanh(r))
    return math.tanh(z - reach), math.tanh(z + reach)


def tost_interval(
    value: float,
    ci_low: float,
    ci_high: float,
    *,
    confidence: float,
    reference: float,
    margin: float,
    level: float,
) -> Equivalence:
    """Test whether a statistic with a confidence interval lies within `margin` of `reference`.

    Parameters
    ----------
    value, ci_low, ci_high
        The statistic and its interval, as from a bootstrap.
    confidence
        Coverage of the interval, between 0 and 1.
    reference, margin, level
        As in `tost_correlation`, in units of the statistic.

    Returns
    -------
    Equivalence
        By the normal distribution, its standard error being the interval's width over twice the
        quantile that belongs to its coverage, in the test and in its power.

    Raises
    ------
    ValueError
        If an argument leaves its range.
    """
    _check(margin, level)
    if not (ci_low <= ci_high and 0 < confidence < 1):
        raise ValueError(
            f"an interval of [{ci_low}, {ci_high}] with coverage {confidence} was to be tested; "
            "expected its bounds in ascending order and a coverage between 0 and 1"
        )
    error = (ci_high - ci_low) / (2 * float(norm.isf((1 - confidence) / 2)))
    room = margin - abs(value - reference)
    if error == 0:
        return Equivalence(float(room <= 0), 1.0)
    return Equivalence(float(norm.sf(room / error)), _power(margin / error, margin / error, level))


def _error(rho: float, n: int) -> float:
    return math.sqrt((1 + rho**2 / 2) / (n - 3))


def _power(below: float, above: float, level: float) -> float:
    """Return the power where the bounds lie so many standard errors below and above the truth."""
    quantile = norm.isf(level)
    return float(max(0.0, norm.cdf(below - quantile) + norm.cdf(above - quantile) - 1))


def _check(margin: float, level: float) -> None:
    if not (margin > 0 and 0 < level < 0.5):
        raise ValueError(
            f"equivalence was to be tested with margin {margin} at level {level}; expected a margin "
            "above 0 and a level between 0 and 0.5; correct the study's key 'statistics'"
        )
