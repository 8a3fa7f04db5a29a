import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from memorability.base.errors import InputError
from memorability.prediction.predictors.kernels import (
    inner_products,
    predict_by_ridge,
    predict_by_svr,
)
from tests.unit.prediction.problems import study

LATENTS, _, SPLIT = study(dim=5000)  # more than are multiplied at a time
SCORES, PARTS = SPLIT["score"].to_numpy(), SPLIT["split"].to_numpy()
TRAIN = PARTS == "train"
SCALED = StandardScaler().fit(LATENTS[TRAIN]).transform(LATENTS)


def test_inner_products_are_those_of_standardised_latents() -> None:
    found = inner_products(LATENTS, SCORES, PARTS)
    np.testing.assert_allclose(found.with_training, SCALED @ SCALED[TRAIN].T / 5000, atol=1e-5)
    np.testing.assert_allclose(found.squares, np.square(SCALED).mean(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(found.train, np.flatnonzero(TRAIN))


def test_ridge_is_that_of_scikit_learn() -> None:
    predicted, chosen = predict_by_ridge(inner_products(LATENTS, SCORES, PARTS), SCORES, 0)
    assert 1e-3 <= chosen["alpha"] <= 1e3
    reference = Ridge(alpha=chosen["alpha"] * 5000).fit(SCALED[TRAIN], SCORES[TRAIN])
    np.testing.assert_allclose(predicted, reference.predict(SCALED), atol=1e-5)


def test_support_vector_regression_is_that_of_scikit_learn() -> None:
    predicted, chosen = predict_by_svr(inner_products(LATENTS, SCORES, PARTS), SCORES, 0)
    mean, sd = SCORES[TRAIN].mean(), SCORES[TRAIN].std()
    reference = SVR(C=chosen["C"], gamma=1 / 5000).fit(SCALED[TRAIN], (SCORES[TRAIN] - mean) / sd)
    np.testing.assert_allclose(predicted, reference.predict(SCALED) * sd + mean, atol=2e-3 * sd)


@pytest.mark.parametrize("fit", [predict_by_ridge, predict_by_svr])
def test_test_and_validation_images_leave_no_trace(fit) -> None:  # type: ignore[no-untyped-def]
    predicted, chosen = fit(inner_products(LATENTS, SCORES, PARTS), SCORES, 0)
    latents, scores = LATENTS.copy(), SCORES.copy()
    latents[~TRAIN] *= 3
    scores[~TRAIN] = 0.123
    again, same = fit(inner_products(latents, scores, PARTS), scores, 0)
    assert same == chosen
    np.testing.assert_array_equal(again[TRAIN], predicted[TRAIN])


def test_planted_signal_is_found_and_shuffled_scores_are_not() -> None:
    latents, _, split = study(n=400)
    scores, parts = split["score"].to_numpy(), split["split"].to_numpy()
    test = parts == "test"
    for fit in (predict_by_ridge, predict_by_svr):
        predicted, _ = fit(inner_products(latents, scores, parts), scores, 0)
        assert stats.spearmanr(predicted[test], scores[test]).statistic > 0.7
        shuffled = np.random.default_rng(1).permutation(scores)
        predicted, _ = fit(inner_products(latents, shuffled, parts), shuffled, 0)
        bound = 3 / np.sqrt(test.sum() - 1)
        assert abs(stats.spearmanr(predicted[test], shuffled[test]).statistic) < bound


def test_one_training_image_is_refused() -> None:
    parts = np.where(np.arange(150) == 0, "train", "validation")
    products = inner_products(LATENTS, SCORES, parts)
    with pytest.raises(InputError, match="One training image"):
        predict_by_ridge(products, SCORES, 0)
