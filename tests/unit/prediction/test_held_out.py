"""What a quantity adds out of sample, on data where it is known."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LinearRegression

from memorability.prediction.held_out import (
    LABELS,
    Block,
    HeldOut,
    Increment,
    increments,
    normal_scores,
)
from memorability.statistics.intervals import Bootstrap, cluster_weights

BOOTSTRAP = Bootstrap(draws=300, confidence=0.95, seed=0)
N, SUBCATEGORIES = 1200, 40

FloatArray = NDArray[np.float64]


def images(score: FloatArray, subcategories: int = SUBCATEGORIES) -> pd.DataFrame:
    """Return images of two categories, each with half of the subcategories."""
    place = np.arange(len(score)) % subcategories
    return pd.DataFrame(
        {
            "image_id": [f"i{number:04d}" for number in range(len(score))],
            "category": np.where(place < subcategories / 2, "a", "b"),
            "subcategory": place.astype(str),
            "score": score,
        }
    )


def block(*columns: FloatArray, name: str = "error") -> Block:
    return Block(name, np.stack(columns, axis=1)[np.newaxis, np.newaxis])


def labels(n: int = N) -> Block:
    return Block(LABELS, np.empty((1, 1, n, 0)))


def added(score: FloatArray, base: tuple[Block, ...], new: Block, **how: int) -> Increment:
    (found,) = increments([(base, new)], images(score, **how), target="score", bootstrap=BOOTSTRAP)
    return found


@pytest.fixture
def noise() -> FloatArray:
    return np.random.default_rng(3).normal(size=(4, N))


def test_a_planted_share_of_the_variance_is_recovered(noise: FloatArray) -> None:
    control, quantity, rest, _ = noise
    category = np.arange(N) % SUBCATEGORIES < SUBCATEGORIES / 2
    score = 0.8 * category + 0.6 * control + 0.5 * quantity + rest
    found = added(score, (labels(), block(control, name="low_level")), block(quantity))
    share = 0.25 / (0.64 / 4 + 0.36 + 0.25 + 1)
    assert found.difference == pytest.approx(share, abs=0.03)
    interval = found.found.interval
    assert 0 < interval.low < np.sqrt(share) < interval.high < 0.5
    assert found.semipartial == pytest.approx(np.sqrt(share), abs=0.05)
    assert found.found.p < 1e-6
    assert found.found.unit == "subcategories"
    assert (found.n, found.clusters) == (N, SUBCATEGORIES)


def test_the_sign_tells_which_way_it_goes(noise: FloatArray) -> None:
    found = added(noise[0] - 0.5 * noise[1], (labels(),), block(noise[1]))
    assert found.semipartial < -0.3
    assert found.found.interval.high < 0


def test_an_exact_copy_adds_nothing(noise: FloatArray) -> None:
    control = noise[0]
    found = added(control + noise[1], (block(control, name="low_level"),), block(2 * control + 5))
    assert found.difference == pytest.approx(0, abs=1e-4)
    assert found.found.interval.method == "undefined (it follows from the others)"
    assert np.isnan(found.found.p)


def test_a_noisy_copy_and_a_proxy_of_the_category_add_nothing(noise: FloatArray) -> None:
    control, more, rest, _ = noise
    category = (np.arange(N) % SUBCATEGORIES < SUBCATEGORIES / 2).astype(float)
    score = control + category + rest
    base = (labels(), block(control, name="low_level"))
    for nothing in (control + 0.5 * more, category + 0.3 * more):
        assert abs(stats.spearmanr(nothing, score).statistic) > 0.2
        found = added(score, base, block(nothing))
        assert found.difference < 0.003
        assert found.found.interval.low < 0 < found.found.interval.high
        assert found.found.p > 0.05


def test_subcategories_stay_together_and_are_drawn(noise: FloatArray) -> None:
    held = HeldOut(images(noise[0]), "score", BOOTSTRAP)
    subcategory = np.arange(N) % SUBCATEGORIES
    assert len(held.folds) == 10
    for train, test in held.folds:
        assert not set(subcategory[train]) & set(subcategory[test])
    predicted = np.concatenate([test for _, test in held.folds])
    assert sorted(predicted) == list(range(N))


def test_each_label_costs_a_degree_of_freedom(noise: FloatArray) -> None:
    held = HeldOut(images(noise[0]), "score", BOOTSTRAP)
    assert held.units.freedom == SUBCATEGORIES - 2


def test_of_fewer_than_ten_subcategories_images_are_held_out(noise: FloatArray) -> None:
    subcategory = np.arange(N) % 4
    score = 2.0 * (subcategory % 2) + noise[0]
    found = added(score, (), labels(), subcategories=4)
    # The category alone (0 and 1 against 2 and 3) says nothing of such scores.
    assert found.together == pytest.approx(0.5, abs=0.05)
    assert found.found.unit == "images"
    assert added(score, (labels(),), block(noise[1]), subcategories=4).found.unit == "images"


def test_predictions_are_those_of_least_squares_on_normal_scores(noise: FloatArray) -> None:
    table = images(noise[0] + noise[1] ** 3).assign(category="a")
    held = HeldOut(table, "score", BOOTSTRAP)
    score = table["score"].to_numpy()
    expected = np.empty(N)
    for train, test in held.folds:
        ordered = stats.rankdata(noise[1][train])
        inputs = stats.norm.ppf(ordered / (len(train) + 1))
        model = LinearRegression().fit(inputs[:, np.newaxis], score[train])
        unseen = normal_scores(noise[1][train], noise[1][test])
        expected[test] = model.predict(unseen[:, np.newaxis])
    found = held.predicted((block(noise[1]),))
    np.testing.assert_allclose(found, expected, atol=0.01)
    r2 = 1 - np.square(score - expected).sum() / np.square(score - score.mean()).sum()
    assert held.r2(found) == pytest.approx(r2, abs=1e-3)


def test_normal_scores_by_hand() -> None:
    found = normal_scores(np.array([3.0, 1.0, 1.0, 2.0]), np.array([1.0, 2.5, 0.0, 9.0]))
    # Midranks among four: 1.5; between 3 and 4; below and above all.
    np.testing.assert_allclose(stats.norm.cdf(found), [1.5 / 5, 3.5 / 5, 0.5 / 5, 4.5 / 5])


def test_the_semipartial_correlation_is_that_of_what_is_left(noise: FloatArray) -> None:
    held = HeldOut(images(noise[0] + noise[1]), "score", BOOTSTRAP)
    missed, left = noise[0], np.stack([noise[1] + noise[0], noise[2]])
    by_run, drawn = held.semipartial(missed, left)
    for r, each in zip(by_run, left, strict=True):
        expected = np.corrcoef(missed, each)[0, 1] * missed.std() / held.scores.std()
        assert r == pytest.approx(expected)
    assert drawn.shape == (2, BOOTSTRAP.draws)
    # A resample of subcategories is one of all their images.
    assert held.units.subcategories is not None
    (first, *_) = cluster_weights(held.units.subcategories, BOOTSTRAP)
    rows = np.repeat(np.arange(N), first[:, 0])
    covariance = np.cov(missed[rows], left[0][rows], bias=True)[0, 1]
    expected = covariance / left[0][rows].std() / held.scores[rows].std()
    assert drawn[0, 0] == pytest.approx(expected)


def test_what_a_model_worse_than_the_mean_misses_correlates_at_most_at_1(noise: FloatArray) -> None:
    held = HeldOut(images(noise[0]), "score", BOOTSTRAP)
    by_run, _ = held.semipartial(3 * noise[1], noise[1:2])
    assert by_run[0] == pytest.approx(1)


def test_runs_have_models_of_their_own_and_seeds_are_drawn(noise: FloatArray) -> None:
    score, shared = noise[0] + 0.4 * noise[1], noise[1]
    runs = np.stack([shared + 0.5 * noise[2], shared + 0.5 * noise[3]])[
        np.newaxis, :, :, np.newaxis
    ]
    found = added(score, (labels(),), Block("error", runs))
    alone = [added(score, (labels(),), block(run)) for run in runs[0, :, :, 0]]
    assert found.semipartial == pytest.approx(np.mean([each.semipartial for each in alone]))
    assert found.together == pytest.approx(np.mean([each.together for each in alone]))
    assert found.found.unit == "subcategories and seeds"


def test_training_images_choose_the_option_with_the_highest_correlation(noise: FloatArray) -> None:
    score = noise[0] - noise[1]
    rates = np.stack([noise[1], noise[2] + noise[0], noise[0]])[:, np.newaxis, :, np.newaxis]
    found = added(score, (labels(),), Block("error", rates, ("1e-4", "1e-3", "1e-2")))
    # The first goes with the scores as strongly as the last, but the other way.
    assert found.option == "1e-2"
    assert found.together == pytest.approx(added(score, (labels(),), block(noise[0])).together)


def test_no_score_of_a_held_out_image_reaches_its_prediction(noise: FloatArray) -> None:
    table = images(noise[0] + noise[1])
    held = HeldOut(table, "score", BOOTSTRAP)
    test = held.folds[0][1]
    other = table.copy()
    other.loc[test, "score"] = noise[2][test]
    base = (labels(), block(noise[1], name="low_level"))
    changed = HeldOut(other, "score", BOOTSTRAP)
    np.testing.assert_array_equal(held.predicted(base)[test], changed.predicted(base)[test])


def test_images_without_a_value_are_left_out(noise: FloatArray) -> None:
    quantity = noise[1].copy()
    quantity[:200] = np.nan
    score = noise[0] + quantity
    score[:200] = 0
    pairs = [((labels(),), block(quantity)), ((labels(),), block(noise[2]))]
    some, every = increments(pairs, images(score), target="score", bootstrap=BOOTSTRAP)
    assert (some.n, every.n) == (1000, N)
    assert some.difference > 0.4


@pytest.mark.parametrize(
    ("n", "score", "why"),
    [
        (9, 1.0, "none (n < 10)"),
        (40, 0.0, "undefined (constant values)"),
        (0, 1.0, "none (n < 10)"),
    ],
)
def test_what_cannot_be_told_has_a_reason(n: int, score: float, why: str) -> None:
    values = score * np.arange(n, dtype=np.float64)
    pairs = [((labels(n),), block(np.arange(n, dtype=np.float64)))]
    (found,) = increments(pairs, images(values), target="score", bootstrap=BOOTSTRAP)
    assert found.found.interval.method == why
    assert np.isnan([found.difference, found.semipartial, found.found.interval.low]).all()


def test_several_predictors_that_join_together_have_no_interval(noise: FloatArray) -> None:
    found = added(noise[:3].sum(axis=0), (), block(noise[0], noise[1]))
    assert found.difference == pytest.approx(2 / 3, abs=0.05)
    assert found.found.interval.method == "none (several predictors)"
