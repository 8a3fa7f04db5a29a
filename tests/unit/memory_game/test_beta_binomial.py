"""The beta-binomial fit against scipy's distribution, its own optimum, and planted rates."""

import numpy as np
import pytest
from scipy import optimize, stats

from memorability.memory_game.beta_binomial import BetaBinomial, TrueRates, fit_beta_binomial


def drawn(model: BetaBinomial, images: int, least: int, most: int, seed: int = 0) -> np.ndarray:
    """Return counts and responses (2, images) of images whose true rates follow the model."""
    generator = np.random.default_rng(seed)
    responses = generator.integers(least, most + 1, images)
    rates = generator.beta(model.a, model.b, images)
    return np.stack([generator.binomial(responses, rates), responses])


@pytest.mark.parametrize(("mean", "size"), [(0.7, 12.0), (0.08, 25.0)])
def test_the_fit_is_the_maximum_of_scipys_likelihood(mean: float, size: float) -> None:
    counts, responses = drawn(BetaBinomial(mean, size), 300, 8, 40)
    found = fit_beta_binomial(counts, responses)
    best = optimize.minimize(
        lambda ab: -stats.betabinom.logpmf(counts, responses, *np.exp(ab)).sum(),
        np.log([2.0, 2.0]), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9},
    )  # fmt: skip
    np.testing.assert_allclose([found.a, found.b], np.exp(best.x), rtol=5e-3)
    assert found.log_likelihood(counts, responses) == pytest.approx(-best.fun, abs=1e-3)


def test_planted_rates_are_recovered() -> None:
    planted = BetaBinomial(0.7, 12.0)
    found = fit_beta_binomial(*drawn(planted, 4000, 15, 25))
    assert found.mean == pytest.approx(0.7, abs=0.01)
    assert found.size == pytest.approx(12.0, rel=0.1)
    rates = stats.beta(planted.a, planted.b)
    assert planted.sd == pytest.approx(rates.std())
    assert planted.overdispersion == pytest.approx(1 / 13)
    assert planted.rates(np.zeros(1))[0] == pytest.approx(rates.median())


def test_images_of_one_rate_have_no_overdispersion() -> None:
    generator = np.random.default_rng(0)
    responses = np.full(2000, 40)
    found = fit_beta_binomial(generator.binomial(responses, 0.6), responses)
    assert found.overdispersion < 0.002
    # Nor have counts that chance alone would make differ more than they do.
    assert fit_beta_binomial(np.full(50, 12), np.full(50, 20)).overdispersion < 1e-4


@pytest.mark.parametrize("counts", [0, 20])
def test_counts_of_one_extreme_have_a_finite_model(counts: int) -> None:
    found = fit_beta_binomial(np.full(30, counts), np.full(30, 20))
    assert 0 < found.mean < 1
    assert np.isfinite([found.a, found.b, found.sd]).all()


@pytest.mark.parametrize("correlation", [-0.4, 0.0, 0.5])
def test_hits_and_false_alarms_go_together_as_planted(correlation: float) -> None:
    planted = TrueRates(BetaBinomial(0.7, 10.0), BetaBinomial(0.1, 20.0), correlation)
    generator = np.random.default_rng(1)
    responses = np.full(6000, 15)
    counts = [generator.binomial(responses, rate) for rate in planted.draw(6000, generator)]
    found = TrueRates.of(*counts, responses)
    assert found.correlation == pytest.approx(correlation, abs=0.06)
    hits, false_alarms = found.draw(6000, generator)
    true = stats.spearmanr(*planted.draw(200_000, generator)).statistic
    assert stats.spearmanr(hits, false_alarms).statistic == pytest.approx(true, abs=0.06)


def test_a_single_image_has_independent_rates() -> None:
    assert TrueRates.of(np.array([7]), np.array([2]), np.array([10])).correlation == 0.0
