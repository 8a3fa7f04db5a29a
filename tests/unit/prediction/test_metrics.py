import math
import warnings

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy import special, stats
from sklearn import metrics as sk

from memorability.base.seeding import numpy_stream
from memorability.prediction.metrics import (
    METRICS,
    Bootstrapped,
    bootstrap_metrics,
    evaluate_prediction,
    mean_within,
    metric_interval,
)
from memorability.statistics.inference import Units
from memorability.statistics.intervals import Bootstrap

SCORES = np.array([0.2, 0.4, 0.5, 0.6, 0.8, 0.9])
PREDICTED = np.array([0.3, 0.6, 0.5, 0.4, 0.7, 0.7])


def evaluate_strictly(
    predicted: np.ndarray, scores: np.ndarray, threshold: float
) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return evaluate_prediction(predicted, scores, threshold=threshold)


def test_metrics_of_a_case_worked_by_hand() -> None:
    # At 0.5 the positives are the last four; predicted positive are all but the first and fourth.
    metrics = evaluate_strictly(PREDICTED, SCORES, 0.5)
    assert metrics["accuracy"] == pytest.approx(4 / 6)
    assert metrics["precision"] == pytest.approx(3 / 4)
    assert metrics["sensitivity"] == pytest.approx(3 / 4)
    assert metrics["specificity"] == pytest.approx(1 / 2)
    assert metrics["f1"] == pytest.approx(3 / 4)
    assert metrics["mse"] == pytest.approx((0.01 + 0.04 + 0 + 0.04 + 0.01 + 0.04) / 6)
    # 8 pairs of a positive and a negative; only 0.6 outranks the positives 0.5 and 0.4.
    assert metrics["roc_auc"] == pytest.approx(6 / 8)
    # Recall rises to 1/2 at precision 1 (the tie of 0.7), to 3/4 at 3/4, to 1 at 4/5.
    assert metrics["pr_auc"] == pytest.approx(1 / 2 + 1 / 4 * 3 / 4 + 1 / 4 * 4 / 5)


def test_metrics_agree_with_scikit_learn_and_scipy() -> None:
    generator = np.random.default_rng(0)
    scores = generator.random(300).round(2)
    predicted = (0.5 * scores + 0.5 * generator.random(300)).round(2)
    threshold = float(np.median(scores))
    metrics = evaluate_strictly(predicted, scores, threshold)
    true, called = scores >= threshold, predicted >= threshold
    assert metrics == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(true, predicted),
            "pr_auc": sk.average_precision_score(true, predicted),
            "spearman": stats.spearmanr(predicted, scores).statistic,
            "pearson": stats.pearsonr(predicted, scores).statistic,
            "mse": sk.mean_squared_error(scores, predicted),
            "accuracy": sk.accuracy_score(true, called),
            "precision": sk.precision_score(true, called),
            "sensitivity": sk.recall_score(true, called),
            "specificity": sk.recall_score(true, called, pos_label=0),
            "f1": sk.f1_score(true, called),
        }
    )


def undefined(metrics: dict[str, float]) -> set[str]:
    return {name for name, value in metrics.items() if math.isnan(value)}


def test_a_score_at_the_threshold_is_positive() -> None:
    metrics = evaluate_strictly(np.array([0.5, 0.4]), np.array([0.5, 0.4]), 0.5)
    assert metrics["accuracy"] == metrics["sensitivity"] == metrics["specificity"] == 1


def test_metrics_of_one_class_are_nan_where_undefined() -> None:
    assert undefined(evaluate_strictly(PREDICTED, SCORES, 0.1)) == {
        "roc_auc",
        "pr_auc",
        "specificity",
    }
    assert undefined(evaluate_strictly(PREDICTED, SCORES, 2.0)) == {
        "roc_auc",
        "pr_auc",
        "precision",
        "sensitivity",
        "f1",
    }


def test_metrics_of_a_constant_prediction_are_nan_where_undefined() -> None:
    metrics = evaluate_strictly(np.full(6, 0.45), SCORES, 0.5)
    assert undefined(metrics) == {"spearman", "pearson", "precision"}
    assert metrics["roc_auc"] == 0.5
    assert metrics["f1"] == metrics["sensitivity"] == 0


@pytest.mark.parametrize(
    ("predicted", "scores"),
    [(SCORES, SCORES[1:]), (SCORES[:0], SCORES[:0]), (np.full(6, np.nan), SCORES)],
)
def test_metrics_reject_unusable_arrays(predicted: np.ndarray, scores: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Expected"):
        evaluate_prediction(predicted, scores, threshold=0.5)


# Bootstrap


def noisy_prediction(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    scores = generator.random(n)
    return 0.5 * scores + 0.5 * generator.random(n), scores


def bootstrap(
    predicted: np.ndarray, scores: np.ndarray, *, draws: int = 30, seed: int = 0
) -> Bootstrapped:
    return bootstrap_metrics(
        {"mlp": predicted}, scores, threshold=0.5, bootstrap=Bootstrap(draws, 0.9, seed),
        units=Units(len(scores), None, None),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.integers(0, 9), min_size=2, max_size=25),
    seed=st.integers(0, 2**16),
    distinct=st.integers(1, 12),
)
def test_every_resample_has_the_metrics_of_its_images(
    scores: list[int], seed: int, distinct: int
) -> None:
    # Ties, one class and constants included: the definition is `evaluate_prediction`.
    observed = np.array(scores) / 10
    predicted = np.random.default_rng(seed).integers(distinct, size=len(scores)) / 7
    found = bootstrap(predicted, observed, draws=8, seed=seed).draws["mlp"]
    generator = numpy_stream(seed, "prediction bootstrap")
    n = len(scores)
    chosen = generator.integers(n, size=(8, n))
    for rows, row in zip(chosen, found, strict=True):
        expected = evaluate_strictly(predicted[rows], observed[rows], 0.5)
        np.testing.assert_allclose(row, [expected[name] for name in METRICS], atol=1e-9)


def test_intervals_surround_the_metrics_and_follow_the_seed() -> None:
    predicted, scores = noisy_prediction()
    found = bootstrap(predicted, scores)
    table = found.table()
    assert list(table.columns) == [
        "head", "metric", "value", "ci_low", "ci_high", "cases", "n", "unit", "clusters",
    ]  # fmt: skip
    assert set(table["unit"]) == {"images"}
    assert table["clusters"].isna().all()
    values = evaluate_prediction(predicted, scores, threshold=0.5)
    assert dict(zip(table["metric"], table["value"], strict=True)) == values
    assert (table["ci_low"] < table["value"]).all()
    assert (table["value"] < table["ci_high"]).all()
    assert (table["n"] == 200).all()
    pd.testing.assert_frame_equal(bootstrap(predicted, scores).table(), table)
    assert (bootstrap(predicted, scores, seed=1).table()["ci_low"] != table["ci_low"]).any()


def test_prediction_and_score_are_resampled_together() -> None:
    _, scores = noisy_prediction()
    table = bootstrap(scores, scores).table().set_index("metric")
    assert (table.loc["mse", ["value", "ci_low", "ci_high"]] == 0).all()
    np.testing.assert_allclose(table.loc["spearman", ["ci_low", "ci_high"]].astype(float), 1)


def test_interval_agrees_with_scipy() -> None:
    predicted, scores = noisy_prediction()
    ours = bootstrap(predicted, scores, draws=2000).table().set_index("metric").loc["mse"]
    reference = stats.bootstrap(
        (predicted, scores),
        lambda a, b, axis: np.mean((a - b) ** 2, axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=4000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert ours["ci_low"] == pytest.approx(reference.low, rel=0.03)
    assert ours["ci_high"] == pytest.approx(reference.high, rel=0.03)


def test_gains_are_differences_with_paired_intervals() -> None:
    predicted, scores = noisy_prediction()
    heads = {"mlp": predicted, "copy": predicted.copy(), "constant": np.full(200, 0.5)}
    found = bootstrap_metrics(
        heads, scores, threshold=0.5, bootstrap=Bootstrap(200, 0.9, 0), units=Units(200, None, None)
    )
    gains = found.gains(["copy", "constant"])
    same = gains[(gains["head"] == "mlp") & (gains["baseline"] == "copy")]
    assert (same[["difference", "ci_low", "ci_high"]] == 0).all(axis=None), (
        "nothing but noise shared"
    )
    areas = gains[(gains["head"] == "mlp") & (gains["baseline"] == "constant")].set_index("metric")
    value = found.estimates["mlp"]["roc_auc"]
    assert areas.loc["roc_auc", "difference"] == value - 0.5
    assert areas.loc["roc_auc", "ci_low"] > 0
    assert np.isnan(areas.loc["spearman", "difference"]), "a constant has no correlation"
    assert not (gains["head"] == gains["baseline"]).any()


def test_intervals_of_one_class_are_nan_without_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bootstrap_metrics(
            {"mlp": PREDICTED}, SCORES, threshold=0.1, bootstrap=Bootstrap(5, 0.9, 0),
            units=Units(len(SCORES), None, None),
        )  # fmt: skip
        table = found.table().set_index("metric")
    assert table.loc["roc_auc", ["value", "ci_low", "ci_high"]].isna().all()


# New subcategories


def clustered(seed: int, groups: int = 20, each: int = 15) -> Bootstrapped:
    """Scores and predictions have chance parts of their subcategories that have nothing in common."""
    rng = np.random.default_rng(seed)
    subcategory = np.repeat(np.arange(groups), each).astype(str)
    predicted, scores = (
        rng.normal(size=groups).repeat(each) + rng.normal(size=groups * each) for _ in range(2)
    )
    how = Bootstrap(200, 0.95, seed)
    units = Units.of(np.full(groups * each, "all"), subcategory, how)
    heads = {"mlp": predicted, "other": rng.normal(size=groups * each)}
    return bootstrap_metrics(heads, scores, threshold=0.0, bootstrap=how, units=units)


def test_intervals_over_subcategories_find_nothing_where_there_is_nothing() -> None:
    """Over images alone, about half of these studies would find a correlation."""
    tables = [clustered(seed).table().set_index(["head", "metric"]) for seed in range(40)]
    for metric, nothing in (("spearman", 0.0), ("roc_auc", 0.5)):
        rows = [table.loc["mlp", metric] for table in tables]
        covered = [row["ci_low"] <= nothing <= row["ci_high"] for row in rows]
        assert np.mean(covered) > 0.85
    assert (tables[0]["unit"] == "subcategories").all()
    assert (tables[0]["clusters"] == 20).all()
    within = tables[0].drop(index="mse", level="metric")
    assert within["ci_high"].max() <= 1


def test_gains_draw_the_same_subcategories_for_both_heads() -> None:
    gains = clustered(0).gains(["other"])
    assert (gains["unit"] == "subcategories").all()
    row = gains.set_index("metric").loc["mse"]
    assert row["ci_low"] < row["difference"] < row["ci_high"]


def test_few_subcategories_leave_images_as_the_unit() -> None:
    assert set(clustered(0, groups=9).table()["unit"]) == {"images"}


def test_the_mean_within_categories_is_of_new_subcategories_where_a_category_has_ten() -> None:
    both = mean_within([clustered(0), clustered(1, groups=5)])
    table = both.table().set_index("head")
    assert table.loc["mlp", "unit"] == "subcategories"
    assert table.loc["mlp", "clusters"] == 20
    assert set(mean_within([clustered(1, groups=5)]).table()["unit"]) == {"images"}


def test_a_share_has_the_interval_of_a_proportion_on_the_scale_of_log_odds() -> None:
    stream = np.random.default_rng(6)
    n, share = 80, 0.7
    draws = stream.binomial(n, share, 40_000) / n
    found = metric_interval("accuracy", share, draws, n, 0.95, freedom=n - 1)
    error = np.sqrt(1 / (n * share * (1 - share))) * np.sqrt(n / (n - 1))
    half = stats.t.ppf(0.975, n - 1) * error
    expected = special.expit(special.logit(share) + np.array([-half, half]))
    assert [*found] == pytest.approx(expected.tolist(), abs=2e-3)


def test_an_interval_keeps_to_what_a_metric_can_be() -> None:
    stream = np.random.default_rng(7)
    wild = stream.normal(0.9, 0.3, 500)
    for metric in METRICS:
        found = metric_interval(metric, 0.9, wild, 9, 0.95, freedom=8)
        assert found[0] < 0.9 < found[1]
        if metric != "spearman":
            assert found[0] >= -1
            assert metric == "mse" or found[1] <= 1
    ones = np.ones(100)
    assert metric_interval("accuracy", 1.0, ones, 9, 0.95, freedom=8) == (1.0, 1.0)
    nan = metric_interval("roc_auc", np.nan, ones * np.nan, 9, 0.95, freedom=8)
    assert np.isnan(nan).all()


def test_intervals_of_few_images_hold_the_squared_error_more_often_than_percentiles() -> None:
    stream = np.random.default_rng(8)
    n, studies = 40, 400
    held = np.zeros(2)
    for _ in range(studies):
        squares = stream.normal(size=n) ** 2
        places = stream.integers(0, n, (200, n))
        draws = squares[places].mean(axis=1)
        found = metric_interval("mse", float(squares.mean()), draws, n, 0.95, freedom=n - 1)
        low, high = np.quantile(draws, [0.025, 0.975])
        held += [found[0] <= 1 <= found[1], low <= 1 <= high]
    own, percentiles = held / studies
    assert own > percentiles
    assert 0.92 <= own <= 0.97


def test_a_metric_that_rests_on_too_few_images_has_no_interval() -> None:
    """Of 60 images 8 are memorable, and 12 are called so: 4 of them rightly."""
    scores = np.linspace(0, 0.4, 60)
    scores[:8] = np.linspace(0.6, 0.9, 8)
    predicted = np.linspace(0.1, 0.45, 60)
    predicted[[0, 1, 2, 3, *range(20, 28)]] = np.linspace(0.6, 0.7, 12)
    table = bootstrap(predicted, scores).table().set_index("metric")
    assert table["cases"].to_dict() == {
        "roc_auc": 8, "pr_auc": 8, "spearman": 60, "pearson": 60, "mse": 60, "accuracy": 60,
        "precision": 12, "sensitivity": 8, "specificity": 52, "f1": 8,
    }  # fmt: skip
    assert table.loc["precision", "value"] == pytest.approx(4 / 12)
    few = table["cases"] < 10
    assert table.loc[few, "value"].notna().all()
    assert table.loc[few, ["ci_low", "ci_high"]].isna().all(axis=None)
    assert table.loc[~few, ["ci_low", "ci_high"]].notna().all(axis=None)
    # A difference rests on the fewer of the two: the other head calls 4 images memorable.
    other = np.where(np.arange(60) < 4, 0.8, predicted / 2)
    both = bootstrap_metrics(
        {"mlp": predicted, "other": other}, scores, threshold=0.5,
        bootstrap=Bootstrap(30, 0.9, 0), units=Units(60, None, None),
    )  # fmt: skip
    gains = both.gains(["other"]).set_index("metric")
    assert np.isnan(gains.loc["precision", "ci_low"])
    assert np.isfinite(gains.loc["specificity", "ci_low"])


def test_of_fewer_than_ten_images_nothing_has_an_interval() -> None:
    predicted, scores = noisy_prediction(9)
    assert bootstrap(predicted, scores).table()[["ci_low", "ci_high"]].isna().all(axis=None)
