"""How far the true rates of images differ, from counts: a beta-binomial model by maximum likelihood.

Of an image's n responses a count follows a binomial distribution at its true rate, and true rates of
images follow a beta distribution. The count is then beta-binomial (J. G. Skellam, A probability
distribution derived from the binomial distribution, 1948).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# ln(a + b) from rates that are nearly all 0 or 1 to rates that hardly differ.
_LEAST, _MOST = -5.0, 12.0
_LARGEST_LOGIT = 12.0
_NODES = 200
_LARGEST_CORRELATION = 0.99


@dataclass(frozen=True)
class BetaBinomial:
    """A beta distribution of true rates.

    Attributes
    ----------
    mean
        Mean true rate, above 0 and below 1.
    size
        a + b of the beta distribution, above 0: the larger, the less true rates differ.
    """

    mean: float
    size: float

    @property
    def a(self) -> float:
        """First parameter of the beta distribution."""
        return self.mean * self.size

    @property
    def b(self) -> float:
        """Second parameter of the beta distribution."""
        return (1 - self.mean) * self.size

    @property
    def overdispersion(self) -> float:
        """Correlation of two responses to one image, 0-1: 0 where all images have one rate."""
        return 1 / (1 + self.size)

    @property
    def sd(self) -> float:
        """Standard deviation of true rates."""
        return float(np.sqrt(self.mean * (1 - self.mean) * self.overdispersion))

    def log_likelihood(self, counts: IntArray, responses: IntArray) -> float:
        """Return the log-likelihood of counts (N,) out of responses (N,)."""
        return float(np.sum(stats.betabinom.logpmf(counts, responses, self.a, self.b)))

    def rates(self, z: FloatArray) -> FloatArray:
        """Return the true rates at standard normal quantiles z, any shape."""
        return np.asarray(stats.beta.ppf(special.ndtr(z), self.a, self.b))


def fit_beta_binomial(counts: IntArray, responses: IntArray) -> BetaBinomial:
    """Fit the distribution of true rates to counts by maximum likelihood.

    Parameters
    ----------
    counts, responses
        (N,) whole numbers, counts up to responses, which are at least 1; N at least 1.

    Returns
    -------
    BetaBinomial
        Where images differ by no more than chance, its size is at the upper end of what is searched,
        e¹², and true rates hardly differ.
    """
    pairs, times = np.unique(np.stack([counts, responses]), axis=1, return_counts=True)
    k, n = pairs.astype(np.float64)

    def loss(parameters: FloatArray) -> float:
        size = np.exp(parameters[1])
        a, b = size * special.expit(parameters[0]), size * special.expit(-parameters[0])
        # The binomial coefficients depend on no parameter.
        found = special.betaln(k + a, n - k + b) - special.betaln(a, b)
        return -float(times @ found) / float(times.sum())

    mean = float((counts.sum() + 0.5) / (responses.sum() + 1))
    start = np.asarray([special.logit(mean), 2.0])
    bounds = [(-_LARGEST_LOGIT, _LARGEST_LOGIT), (_LEAST, _MOST)]
    found = optimize.minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    return BetaBinomial(float(special.expit(found.x[0])), float(np.exp(found.x[1])))


@dataclass(frozen=True)
class TrueRates:
    """True hit and false-alarm rates of images, which may go together.

    Attributes
    ----------
    hits, false_alarms
        Distributions of the two.
    correlation
        Of the two normal variables that the rates are quantiles of (a Gaussian copula), −1 to 1.
    """

    hits: BetaBinomial
    false_alarms: BetaBinomial
    correlation: float

    @classmethod
    def of(cls, hits: IntArray, false_alarms: IntArray, responses: IntArray) -> "TrueRates":
        """Fit both distributions to counts (N,), and how they go together to their covariance.

        Chance moves hits and false alarms of an image independently of each other, so that the
        covariance of measured rates is that of true ones.
        """
        first, second = (fit_beta_binomial(counts, responses) for counts in (hits, false_alarms))
        spreads = first.sd * second.sd * _linear(first) * _linear(second)
        if len(hits) < 2 or not spreads > 0:
            return cls(first, second, 0.0)
        covariance = float(np.cov(hits / responses, false_alarms / responses)[0, 1])
        correlation = np.clip(covariance / spreads, -_LARGEST_CORRELATION, _LARGEST_CORRELATION)
        return cls(first, second, float(correlation))

    def draw(self, n: int, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return true hit rates and false-alarm rates of n new images, each (n,)."""
        z = generator.standard_normal((2, n))
        second = self.correlation * z[0] + np.sqrt(1 - self.correlation**2) * z[1]
        return self.hits.rates(z[0]), self.false_alarms.rates(second)


def _linear(model: BetaBinomial) -> float:
    """Return the correlation of true rates with the normal variable that they are quantiles of."""
    z, weights = special.roots_hermitenorm(_NODES // 4)
    weights = weights / weights.sum()
    rates = model.rates(z)
    return float((weights * z) @ rates / np.sqrt(weights @ np.square(rates - weights @ rates)))
