"""Whether a correlation lies within a margin of a published one, and what their difference varies by.

Two studies of the same images share the sampling of these images: their correlations differ by training
alone. Two studies of different images of one data set differ by the sampling of images as well.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

SMALLEST = 4
"""Fewest images of which Fisher's z has a standard error."""

# Equally probable values of the estimated variance over which a power is averaged.
_QUANTILES = 400


@dataclass(frozen=True)
class Error:
    """Standard error of the difference of two correlations, on Fisher's z.

    Attributes
    ----------
    value
        At least 0; 0 where nothing differs by chance.
    freedom
        Degrees of freedom of its estimate, above 0; infinite where it is known.
    """

    value: float
    freedom: float = math.inf


@dataclass(frozen=True)
class Equivalence:
    """Result of two one-sided tests (TOST).

    Attributes
    ----------
    p
        The larger of the two one-sided p-values, 0 to 1: small where the statistic lies within the
        margin of the reference.
    power
        Probability, 0 to 1, that both tests reject at the level asked for if the true difference is 0
        and the standard error is the one that was found.
    """

    p: float
    power: float


def image_error(r: float, n: int) -> Error:
    """Return the standard error of a Spearman correlation r over n images, at least 4.

    Notes
    -----
    √((1 + r²/2) / (n − 3)): D. G. Bonett and T. A. Wright, Sample size requirements for estimating
    Pearson, Kendall and Spearman correlations, Psychometrika 65, 2000.
    """
    return Error(math.sqrt((1 + r**2 / 2) / (n - 3)))


def sampling_error(r: float, n: int, other: int, population: int) -> Error:
    """Return by how much two correlations differ because they are of other images of one data set.

    Parameters
    ----------
    r
        The correlation, −1 to 1.
    n, other
        How many images either is of, at least 4.
    population
        How many images the data set has.

    Returns
    -------
    Error
        Where one has the whole data set, that of drawing the other from it; of two parts, that of two
        parts that were drawn independently and overlap as chance has it.
    """
    share = max(0.0, 1 / n + 1 / other - 2 / max(population, n, other))
    return Error(image_error(r, n).value * math.sqrt((n - 3) * share))


def repeat_error(r: float, spread: float, repeats: int) -> Error:
    """Return by how much a mean over repeats differs from one more repeat of the same kind.

    Parameters
    ----------
    r
        The mean correlation, −1 to 1.
    spread
        Standard deviation (ddof 1) of the repeats' correlations.
    repeats
        Their number, at least 2: seeds, or divisions of the responses.

    Returns
    -------
    Error
        The published number counts as one repeat, whose spread is ours. If it is a mean of several, the
        error is too large, and no verdict is too bold.
    """
    slope = max(1 - r**2, 1e-12)
    return Error(spread / slope * math.sqrt(1 / repeats + 1), repeats - 1)


def together(first: Error, second: Error) -> Error:
    """Return the error of a sum of two independent errors (F. E. Satterthwaite, 1946)."""
    parts = [error for error in (first, second) if error.value > 0]
    total = math.fsum(error.value**2 for error in parts)
    unsure = math.fsum((error.value**2 / total) ** 2 / error.freedom for error in parts)
    return Error(math.sqrt(total), 1 / unsure if unsure > 0 else math.inf)


def tost_correlation(
    r: float, error: Error, *, reference: float, margin: float, level: float
) -> Equivalence:
    """Test whether a Spearman correlation lies within `margin` of `reference`, on Fisher's z.

    Parameters
    ----------
    r
        The correlation, −1 to 1.
    error
        Of its difference from the reference.
    reference
        The value that it is compared with, above −1 and below 1.
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
    Two one-sided tests: D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987.
    """
    if not (margin > 0 and 0 < level < 0.5):
        raise ValueError(
            f"equivalence was to be tested with margin {margin} at level {level}; expected a margin "
            "above 0 and a level between 0 and 0.5; correct the study's key 'statistics'"
        )
    if not (-1 <= r <= 1 and -1 < reference < 1 and error.value >= 0):
        raise ValueError(
            f"a correlation of {r} with an error of {error.value} was to be tested against "
            f"{reference}; expected correlations of −1 to 1, a reference between them and an error of "
            "at least 0"
        )
    with np.errstate(divide="ignore"):
        low, high = np.arctanh([max(reference - margin, -1.0), min(reference + margin, 1.0)])
        z = float(np.arctanh(r))
    centre = math.atanh(reference)
    # A correlation of exactly ±1 is within a band that is cut there: ∞ − ∞ has no sign of its own.
    above = math.inf if low == -math.inf else float(z - low)
    below = math.inf if high == math.inf else float(high - z)
    room = min(above, below)
    if error.value == 0:
        return Equivalence(float(room < 0), 1.0)
    return Equivalence(
        float(_share_below(-room / error.value, error.freedom)),
        _power((centre - low) / error.value, (high - centre) / error.value, level, error.freedom),
    )


def fisher_interval(r: float, error: Error, *, confidence: float) -> tuple[float, float]:
    """Return the interval of a correlation with an error, on Fisher's z.

    Parameters
    ----------
    r
        The correlation, −1 to 1, or NaN.
    error
        Of it, or of its difference from a fixed number.
    confidence
        Coverage, between 0 and 1.

    Returns
    -------
    tuple of float
        The bounds, −1 to 1; NaN where r is NaN.
    """
    reach = _quantile((1 + confidence) / 2, error.freedom) * error.value
    with np.errstate(divide="ignore"):
        z = float(np.arctanh(r))
    return math.tanh(z - reach), math.tanh(z + reach)


def _share_below(value: float, freedom: float) -> float:
    """Return the distribution function of Student's t, or of the normal distribution."""
    return float(special.ndtr(value) if math.isinf(freedom) else special.stdtr(freedom, value))


def _quantile(share: float, freedom: float) -> float:
    return float(special.ndtri(share) if math.isinf(freedom) else special.stdtrit(freedom, share))


def _power(below: float, above: float, level: float, freedom: float) -> float:
    """Return the power where the bounds lie so many standard errors below and above the truth.

    Where the standard error is an estimate, the power is averaged over what the estimate could be:
    its square follows the distribution of chi squared.
    """
    estimated = np.ones(1)
    if math.isfinite(freedom):
        middles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        estimated = np.sqrt(2 * special.gammaincinv(freedom / 2, middles) / freedom)
    reach = _quantile(1 - level, freedom) * estimated
    both = special.ndtr(below - reach) + special.ndtr(above - reach) - 1
    return float(np.maximum(0.0, both).mean())
