import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn import metrics as sk

from memorability.prediction import (
    PredictorSettings,
    TrainedPredictor,
    bootstrap_metrics,
    category_mean_baseline,
    evaluate_prediction,
    predict,
    train_predictor,
)
from memorability.splits import PARTS

PUBLISHED = (0.6, 0.1, 0.3)
QUICK = PredictorSettings(
    hidden=(64,), learning_rate=1e-2, batch_size=8, dropout=0.1, patience=5, max_epochs=30
)


# Training


class Problem:
    def __init__(self, n: int = 400, dim: int = 12) -> None:
        generator = np.random.default_rng(3)
        self.latents = (generator.normal(size=(n, dim)) * 4 + 10).astype(np.float32)
        self.latents[:, -1] = 2.5  # a dead unit
        weights = generator.normal(size=dim)
        signal = stats.zscore(self.latents @ weights)
        self.scores = 0.7 + 0.1 * signal
        self.split = generator.choice(PARTS, size=n, p=PUBLISHED)

    def train(self, **changes: object) -> TrainedPredictor:
        given = {"latents": self.latents, "scores": self.scores, "split": self.split}
        given |= {"settings": QUICK, "seed": 0}
        return train_predictor(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem()


@pytest.fixture(scope="module")
def trained(problem: Problem) -> TrainedPredictor:
    return problem.train()


def assert_identical(first: TrainedPredictor, second: TrainedPredictor) -> None:
    assert first.history == second.history
    assert torch.equal(first.latent_mean, second.latent_mean)
    assert torch.equal(first.latent_sd, second.latent_sd)
    weights, others = first.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_defaults_are_the_published_best_model() -> None:
    assert PredictorSettings() == PredictorSettings(
        hidden=(1024, 512),
        learning_rate=5e-5,
        batch_size=8,
        dropout=0.3,
        weight_decay=0.01,
        patience=5,
        max_epochs=50,
    )


def test_planted_linear_signal_is_recovered(problem: Problem, trained: TrainedPredictor) -> None:
    test = problem.split == "test"
    predicted = predict(trained, problem.latents[test])
    assert stats.spearmanr(predicted, problem.scores[test]).statistic > 0.85
    assert np.mean((predicted - problem.scores[test]) ** 2) < 0.3 * problem.scores[test].var()


def test_shuffled_scores_are_predicted_at_chance(problem: Problem) -> None:
    scores = np.random.default_rng(1).permutation(problem.scores)
    test = problem.split == "test"
    predicted = predict(problem.train(scores=scores), problem.latents[test])
    # 3 standard errors of a rank correlation under independence.
    bound = 3 / math.sqrt(test.sum() - 1)
    assert abs(stats.spearmanr(predicted, scores[test]).statistic) < bound


def test_two_trainings_with_one_seed_are_bit_identical(
    problem: Problem, trained: TrainedPredictor
) -> None:
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert_identical(problem.train(), trained)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_seed_gives_other_weights(problem: Problem, trained: TrainedPredictor) -> None:
    assert problem.train(seed=1).history != trained.history


def test_test_rows_leave_no_trace_in_training(problem: Problem, trained: TrainedPredictor) -> None:
    test = problem.split == "test"
    latents, scores = problem.latents.copy(), problem.scores.copy()
    latents[test], scores[test] = np.nan, np.inf
    assert_identical(problem.train(latents=latents, scores=scores), trained)


def test_validation_rows_fit_nothing(problem: Problem, trained: TrainedPredictor) -> None:
    validation = problem.split == "validation"
    latents, scores = problem.latents.copy(), problem.scores.copy()
    latents[validation] += 100
    scores[validation] += 100
    other = problem.train(latents=latents, scores=scores)
    assert torch.equal(other.latent_mean, trained.latent_mean)
    assert torch.equal(other.latent_sd, trained.latent_sd)
    both = list(zip(other.history, trained.history, strict=False))
    assert all(mine[1] == yours[1] for mine, yours in both)
    assert all(mine[2] != yours[2] for mine, yours in both)


def test_standardisation_is_that_of_the_training_rows(
    problem: Problem, trained: TrainedPredictor
) -> None:
    train = problem.latents[problem.split == "train"].astype(np.float64)
    np.testing.assert_allclose(trained.latent_mean, train.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(trained.latent_sd[:-1], train[:, :-1].std(axis=0), rtol=1e-6)
    assert trained.latent_sd[-1] == 1


def test_early_stopping_keeps_the_weights_of_the_best_epoch(problem: Problem) -> None:
    scores = np.random.default_rng(1).permutation(problem.scores)
    reported: list[tuple[int, float, float]] = []
    trained = problem.train(
        scores=scores,
        settings=PredictorSettings(
            hidden=(64,), learning_rate=3e-3, batch_size=16, dropout=0, patience=4, max_epochs=80
        ),
        on_epoch=lambda *losses: reported.append(losses),
    )
    validation_losses = [epoch[2] for epoch in trained.history]
    best = int(np.argmin(validation_losses))
    assert [epoch[0] for epoch in trained.history] == list(range(1, best + 1 + 4 + 1))
    assert reported == trained.history
    validation = problem.split == "validation"
    predicted = predict(trained, problem.latents[validation])
    assert np.mean((predicted - scores[validation]) ** 2) == validation_losses[best]
    assert not any(module.training for module in trained.model.modules())


def test_training_stops_at_the_most_epochs_allowed(problem: Problem) -> None:
    trained = problem.train(settings=PredictorSettings(hidden=(4,), max_epochs=2))
    assert len(trained.history) == 2


def test_training_loss_of_the_first_epoch_is_a_mean_over_images(problem: Problem) -> None:
    # One batch of all images and no dropout: the loss is that of the initial weights.
    whole = PredictorSettings(hidden=(4,), batch_size=1000, dropout=0, max_epochs=1)
    loss = problem.train(settings=whole).history[0][1]
    from_initial = problem.train(
        settings=PredictorSettings(
            hidden=(4,), batch_size=7, dropout=0, max_epochs=1, learning_rate=1e-30
        )
    ).history[0][1]
    assert loss == pytest.approx(from_initial, rel=1e-5)


def test_memory_mapped_latents_train_and_predict_alike(
    problem: Problem, trained: TrainedPredictor, tmp_path: Path
) -> None:
    np.save(tmp_path / "latents.npy", problem.latents)
    latents = np.load(tmp_path / "latents.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_identical(problem.train(latents=latents), trained)
        np.testing.assert_array_equal(predict(trained, latents), predict(trained, problem.latents))


def test_predictions_do_not_depend_on_the_batch(
    problem: Problem, trained: TrainedPredictor
) -> None:
    together = predict(trained, problem.latents)
    alone = np.concatenate([predict(trained, problem.latents[i : i + 1]) for i in range(300)])
    assert together.dtype == np.float64
    assert together.shape == (400,)
    np.testing.assert_allclose(together[:300], alone, atol=1e-6)
    assert predict(trained, problem.latents[:0]).shape == (0,)


def test_score_is_differentiable_in_raw_latents(
    problem: Problem, trained: TrainedPredictor
) -> None:
    latents = torch.from_numpy(problem.latents[:3]).requires_grad_()
    scores = trained.score(latents)
    np.testing.assert_allclose(
        scores.detach().numpy(), predict(trained, problem.latents[:3]), atol=1e-6
    )
    (gradient,) = torch.autograd.grad(scores.sum(), latents)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", ()),
        ("hidden", (8, 0)),
        ("learning_rate", 0.0),
        ("batch_size", 0),
        ("dropout", 1.0),
        ("weight_decay", -0.1),
        ("patience", 0),
        ("max_epochs", 0),
    ],
)
def test_settings_out_of_range_are_rejected(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"predictor's {name} is"):
        PredictorSettings(**{name: value})  # type: ignore[arg-type]


def test_training_rejects_arrays_that_do_not_fit(problem: Problem) -> None:
    with pytest.raises(ValueError, match="Align the three by image"):
        problem.train(scores=problem.scores[1:])
    with pytest.raises(ValueError, match="unknown labels"):
        problem.train(split=np.where(problem.split == "test", "held out", problem.split))
    with pytest.raises(ValueError, match="0 validation images"):
        problem.train(split=np.where(problem.split == "validation", "test", problem.split))
    scores = np.where(problem.split == "validation", np.nan, problem.scores)
    with pytest.raises(ValueError, match="Scores of training or validation images are not finite"):
        problem.train(scores=scores)
    latents = problem.latents.copy()
    latents[np.flatnonzero(problem.split == "train")[-1], 0] = np.inf
    with pytest.raises(ValueError, match="Latents of training images are not finite"):
        problem.train(latents=latents)


def test_training_stops_on_a_loss_that_is_not_finite(problem: Problem) -> None:
    latents = problem.latents.copy()
    latents[np.flatnonzero(problem.split == "validation")[0], 0] = np.nan
    with pytest.raises(ValueError, match=r"Epoch 1 of the predictor .* validation loss nan"):
        problem.train(latents=latents)


def test_predict_rejects_latents_of_another_size(
    problem: Problem, trained: TrainedPredictor
) -> None:
    with pytest.raises(ValueError, match=r"Expected \(N, 12\)"):
        predict(trained, problem.latents[:, :5])


# Metrics

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


# Baseline

BASELINE_IMAGES = pd.DataFrame(
    {
        "image_id": [1, 2, 3, 4, 5],
        "category": ["animal", "animal", "food", "animal", "vehicle"],
        "score": [0.2, 0.4, 0.9, 0.8, 0.1],
    }
)


def test_baseline_is_the_training_mean_of_the_category() -> None:
    split = pd.Series(["test", "train", "train", "train", "test"], index=[5, 2, 3, 1, 4])
    baseline = category_mean_baseline(BASELINE_IMAGES, split)
    np.testing.assert_allclose(baseline, [0.3, 0.3, 0.9, 0.3, 0.5])


def test_baseline_ignores_scores_outside_training() -> None:
    split = pd.Series(["train", "train", "train", "test", "validation"], index=[1, 2, 3, 4, 5])
    changed = BASELINE_IMAGES.assign(score=[0.2, 0.4, 0.9, 0.0, 1.0])
    np.testing.assert_array_equal(
        category_mean_baseline(BASELINE_IMAGES, split), category_mean_baseline(changed, split)
    )


def test_baseline_rejects_a_split_of_other_images() -> None:
    with pytest.raises(ValueError, match="1 images without a part"):
        category_mean_baseline(BASELINE_IMAGES, pd.Series("train", index=[1, 2, 3, 4]))
    with pytest.raises(ValueError, match="0 in training"):
        category_mean_baseline(BASELINE_IMAGES, pd.Series("test", index=[1, 2, 3, 4, 5]))


# Bootstrap


def noisy_prediction(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    scores = generator.random(n)
    return 0.5 * scores + 0.5 * generator.random(n), scores


def bootstrap(
    predicted: np.ndarray, scores: np.ndarray, *, draws: int = 30, seed: int = 0
) -> pd.DataFrame:
    return bootstrap_metrics(
        predicted, scores, threshold=0.5, draws=draws, confidence=0.9, seed=seed
    )


def test_bootstrap_surrounds_the_metrics_and_follows_the_seed() -> None:
    predicted, scores = noisy_prediction()
    table = bootstrap(predicted, scores)
    assert list(table.columns) == ["metric", "value", "ci_low", "ci_high", "n"]
    values = evaluate_prediction(predicted, scores, threshold=0.5)
    assert dict(zip(table["metric"], table["value"], strict=True)) == values
    assert (table["ci_low"] < table["value"]).all()
    assert (table["value"] < table["ci_high"]).all()
    assert (table["n"] == 200).all()
    pd.testing.assert_frame_equal(bootstrap(predicted, scores), table)
    assert (bootstrap(predicted, scores, seed=1)["ci_low"] != table["ci_low"]).any()


def test_bootstrap_resamples_prediction_and_score_together() -> None:
    _, scores = noisy_prediction()
    table = bootstrap(scores, scores).set_index("metric")
    assert (table.loc["mse", ["value", "ci_low", "ci_high"]] == 0).all()
    np.testing.assert_allclose(table.loc["spearman", ["ci_low", "ci_high"]].astype(float), 1)


def test_bootstrap_interval_agrees_with_scipy() -> None:
    predicted, scores = noisy_prediction()
    ours = bootstrap(predicted, scores, draws=300).set_index("metric").loc["mse"]
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
    assert ours["ci_low"] == pytest.approx(reference.low, rel=0.05)
    assert ours["ci_high"] == pytest.approx(reference.high, rel=0.05)


def test_bootstrap_of_one_class_is_nan_without_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = bootstrap_metrics(
            PREDICTED, SCORES, threshold=0.1, draws=5, confidence=0.9, seed=0
        ).set_index("metric")
    assert table.loc["roc_auc", ["value", "ci_low", "ci_high"]].isna().all()


@pytest.mark.parametrize(("draws", "confidence"), [(0, 0.9), (5, 1.0), (5, 0.0)])
def test_bootstrap_rejects_unusable_settings(draws: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="bootstrap got"):
        bootstrap_metrics(
            PREDICTED, SCORES, threshold=0.5, draws=draws, confidence=confidence, seed=0
        )
