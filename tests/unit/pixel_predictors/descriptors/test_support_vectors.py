"""Support vector regression: the best of the grid in validation, and nothing else."""

import numpy as np
import pytest
from scipy.optimize import minimize

from memorability.pixel_predictors.descriptors.support_vectors import (
    COSTS,
    EPSILONS,
    fit_support_vectors,
)

TRAIN = np.arange(60) < 40
VALIDATION = np.arange(60) >= 50


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(3, 5, size=(60, 4))


@pytest.fixture
def scores(values: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 0.02, 60)
    return 0.7 + 0.01 * values @ np.array([1.0, -2.0, 0.5, 0.0]) + noise


def test_the_line_is_the_best_of_the_grid_as_the_definition_has_it(
    values: np.ndarray, scores: np.ndarray
) -> None:
    """Each fit minimises ½ ‖w‖² + C Σ max(0, |error| − epsilon)², found here by scipy."""
    line = fit_support_vectors(values, scores, TRAIN, VALIDATION)
    mean, score_mean, deviation = values[TRAIN].mean(0), scores[TRAIN].mean(), scores[TRAIN].std()
    length = np.sqrt(((values[TRAIN] - mean) ** 2).sum(1).mean())
    inputs = np.column_stack([(values - mean) / length, np.ones(60)])
    targets = (scores - score_mean) / deviation
    errors = {}
    for cost in COSTS:
        for epsilon in EPSILONS:

            def loss(w: np.ndarray, cost: float = cost, epsilon: float = epsilon) -> float:
                beyond = np.abs(inputs[TRAIN] @ w - targets[TRAIN]) - epsilon
                return float(w @ w / 2 + cost * (beyond.clip(0) ** 2).sum())

            predicted = score_mean + deviation * (inputs @ minimize(loss, np.zeros(5)).x)
            errors[cost, epsilon] = ((predicted - scores)[VALIDATION] ** 2).mean(), predicted
    best = min(errors, key=lambda key: errors[key][0])
    assert (line.chosen["C"], line.chosen["epsilon"]) == best
    np.testing.assert_allclose(values @ line.weights + line.intercept, errors[best][1], atol=2e-4)
    assert line.chosen["validation_squared_error"] == pytest.approx(errors[best][0], rel=0.02)


def test_scores_of_test_images_are_not_read(values: np.ndarray, scores: np.ndarray) -> None:
    one = fit_support_vectors(values, scores, TRAIN, VALIDATION)
    scores[40:50] = np.nan
    values[40:50] = 1e9
    two = fit_support_vectors(values, scores, TRAIN, VALIDATION)
    np.testing.assert_array_equal(one.weights, two.weights)


@pytest.mark.parametrize("train", [1, 40])
def test_equal_scores_give_one_constant_and_the_simplest_choice(
    values: np.ndarray, train: int
) -> None:
    line = fit_support_vectors(values, np.full(60, 0.7), np.arange(60) < train, VALIDATION)
    np.testing.assert_allclose(values @ line.weights + line.intercept, 0.7, atol=1e-12)
    assert (line.chosen["C"], line.chosen["epsilon"]) == (min(COSTS), max(EPSILONS))


def test_units_of_values_and_scores_do_not_matter(values: np.ndarray, scores: np.ndarray) -> None:
    one = fit_support_vectors(values, scores, TRAIN, VALIDATION)
    two = fit_support_vectors(1000 * values + 7, 100 * scores - 3, TRAIN, VALIDATION)
    np.testing.assert_allclose(100_000 * two.weights / 100**2, one.weights, rtol=1e-6)
