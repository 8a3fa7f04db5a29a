import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from memorability.base.seeding import stream_seed, torch_stream
from memorability.data.splits import PARTS
from memorability.prediction.predictors.fitting import training_moments
from memorability.prediction.predictors.perceptron import Predictor
from memorability.prediction.predictors.trained import (
    TrainedPredictor,
    predict,
    read_predictor,
    write_predictor,
)
from memorability.prediction.predictors.training import PredictorSettings, train_predictor

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
        ("output", "softmax"),
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


def whole_layer_weights(problem: Problem, settings: PredictorSettings) -> dict[str, torch.Tensor]:
    """Train for one epoch as in a textbook: one optimiser, one step over all weights."""
    model = Predictor(
        problem.latents.shape[1], hidden=settings.hidden, dropout=settings.dropout, seed=0
    )
    rows = np.flatnonzero(problem.split == "train")
    mean, sd = training_moments(problem.latents, rows)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    order = torch.randperm(len(rows), generator=torch_stream(0, "predictor order")).numpy()
    torch.manual_seed(stream_seed(0, "predictor dropout"))
    for start in range(0, len(rows), settings.batch_size):
        batch = rows[order][start : start + settings.batch_size]
        inputs = (torch.from_numpy(problem.latents[batch]) - mean) / sd
        target = torch.from_numpy(problem.scores[batch].astype(np.float32))
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), target).backward()
        optimiser.step()
    return model.state_dict()


def test_steps_by_blocks_are_those_of_one_optimiser_over_all_weights(problem: Problem) -> None:
    settings = PredictorSettings(hidden=(150, 7), learning_rate=1e-3, max_epochs=1)
    expected = whole_layer_weights(problem, settings)
    found = problem.train(settings=settings).model.state_dict()
    assert found.keys() == expected.keys()
    for name, weights in expected.items():
        np.testing.assert_allclose(found[name], weights, rtol=1e-3, atol=1e-5, err_msg=name)


def test_gradients_through_a_trained_predictor_change_no_weights(
    problem: Problem, trained: TrainedPredictor
) -> None:
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    trained.score(torch.from_numpy(problem.latents[:3])).sum().backward()
    trained.model.zero_grad()
    after = trained.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_sigmoid_output_is_trained_evaluated_and_kept(problem: Problem, tmp_path: Path) -> None:
    settings = PredictorSettings(hidden=(8,), learning_rate=1e-2, max_epochs=3, output="sigmoid")
    trained = problem.train(settings=settings)
    predicted = predict(trained, problem.latents)
    assert ((predicted > 0) & (predicted < 1)).all()
    validation = problem.split == "validation"
    losses = [epoch[2] for epoch in trained.history]
    assert np.mean((predicted - problem.scores)[validation] ** 2) == pytest.approx(
        min(losses), rel=1e-6
    )
    write_predictor(trained, tmp_path / "predictor.safetensors", {})
    again = read_predictor(tmp_path / "predictor.safetensors")
    np.testing.assert_array_equal(predict(again, problem.latents), predicted)


def test_chosen_rows_are_predicted_alone(problem: Problem, trained: TrainedPredictor) -> None:
    rows = np.array([7, 3, 11])
    alone = predict(trained, problem.latents, rows)
    np.testing.assert_allclose(alone, predict(trained, problem.latents)[rows], atol=1e-6)
