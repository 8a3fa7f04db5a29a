"""Pre-training: what is trained on, what is held out, and what is told of both."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from memorability.autoencoder import pretraining
from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.autoencoder.initial_weights import Start
from memorability.autoencoder.pretraining import (
    PretrainedModel,
    PretrainingSettings,
    Stage,
    images_shown,
    pretrain,
)
from memorability.autoencoder.reconstruction import keep_through_batch_norm
from memorability.base.errors import InputError
from memorability.networks.computing import Compute
from memorability.networks.training import checkpoints as states
from memorability.networks.training.checkpoints import Checkpoints
from memorability.networks.weights import random_receipt
from tests.run_settings import with_changes

torch.set_num_threads(1)

ARCHITECTURE = Architecture(width=0.04)


def store(count: int = 4) -> np.ndarray:
    """Images of smooth colour, each of another hue: a small network can learn them."""
    ramp = np.linspace(0, 1, 224)
    plane = np.add.outer(ramp, ramp) / 2
    hues = np.random.default_rng(0).uniform(40, 255, (count, 3, 1, 1))
    return (plane * hues).astype(np.uint8)


def settings(*, decoder_first: Stage | None = None, **changes: Any) -> PretrainingSettings:
    plain = PretrainingSettings(
        images="photographs",
        resize="squash",
        architecture=ARCHITECTURE,
        start=Start(initial_weights="random", seed=0),
        decoder_first=Stage(epochs=0, learning_rate=1e-3),
        epochs=1,
        batch_size=2,
        learning_rate=1e-3,
        held_out=0.25,
        seed=0,
        compute=Compute(device="cpu", threads=1),
    )
    # A stage has epochs and a learning rate of its own.
    stage = decoder_first or plain.decoder_first
    return replace(with_changes(plain, **changes), decoder_first=stage)


def made(
    pixels: np.ndarray, checkpoints: Checkpoints | None = None, **changes: Any
) -> PretrainedModel:
    on_image = changes.pop("on_image", lambda: None)
    chosen = settings(**changes)
    return pretrain(pixels, chosen, device="cpu", checkpoints=checkpoints, on_image=on_image)


def unit(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255)


def same(one: Autoencoder, other: Autoencoder) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[key]) for key, value in one.state_dict().items())


def test_one_step_is_adams_on_the_mean_squared_error_of_all_but_the_held_out_images() -> None:
    pixels = store(3)
    # Without normalisation, which leaves biases with gradients of mere rounding that Adam enlarges.
    plain = replace(ARCHITECTURE, batch_norm=False)
    result = made(pixels, batch_size=3, held_out=0.3, architecture=plain)
    assert (result.trained, result.held_out) == (2, 1)
    matching = []
    for held_out in range(3):
        reference = initial_autoencoder(0, plain)
        before = reference.eval()(unit(pixels[[held_out]]))
        optimizer = torch.optim.Adam(reference.train().parameters(), lr=1e-3)
        trained = unit(np.delete(pixels, held_out, axis=0))
        error = functional.mse_loss(reference(trained), trained)
        error.backward()
        optimizer.step()
        with torch.no_grad():
            after = reference.eval()(unit(pixels[[held_out]]))
        target = unit(pixels[[held_out]])
        expected = [
            math.nan,
            functional.mse_loss(before, target).item(),
            error.item(),
            functional.mse_loss(after, target).item(),
        ]
        ours = result.history[["train_error", "validation_error"]].to_numpy().ravel()
        matching.append(np.allclose(ours, expected, rtol=1e-4, equal_nan=True))
    assert sum(matching) == 1
    assert list(result.history["epoch"]) == [0, 1]


def test_the_held_out_image_is_seen_by_no_step() -> None:
    pixels = store()
    first = made(pixels).model
    unseen = []
    for row in range(len(pixels)):
        changed = pixels.copy()
        changed[row] = 255 - changed[row]
        unseen.append(same(first, made(changed).model))
    assert sum(unseen) == 1


def test_reconstructions_improve() -> None:
    result = made(store(8), epochs=6, learning_rate=5e-3)
    errors = list(result.history["validation_error"])
    assert min(errors[1:]) < errors[0] / 2
    assert result.summary == {
        "images": 6, "held_out": 2, "epochs": 6, "epochs_of_decoder": 0,
        "kept_epoch": errors.index(min(errors[1:])),
        "error_before": errors[0], "error": min(errors[1:]),
    }  # fmt: skip
    assert not result.model.training


def test_bfloat16_reaches_nearly_the_same_errors() -> None:
    single, half = (made(store(8), epochs=3, precision=name).history for name in ("fp32", "bf16"))
    assert not half.equals(single)
    np.testing.assert_allclose(half["validation_error"], single["validation_error"], rtol=0.05)


def test_the_best_epoch_is_kept_and_not_the_last() -> None:
    pixels = store(6)
    long = made(pixels, epochs=8, learning_rate=0.02)
    best = long.summary["kept_epoch"]
    assert best < 8, "at this learning rate errors rise again"
    # Epochs follow one another in the same way however many there are.
    assert same(long.model, made(pixels, epochs=best, learning_rate=0.02).model)


def test_the_seed_decides_all_and_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    text = replace(ARCHITECTURE, width=0.01, bottleneck="fc4096", batch_norm=False)
    first, second = (made(store(), architecture=text) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert same(first.model, second.model)
    assert first.history.equals(second.history)
    assert not same(first.model, made(store(), architecture=text, seed=1).model)


@pytest.mark.parametrize(
    ("count", "share", "held_out"), [(2, 0.01, 1), (2, 0.99, 1), (5, 0.2, 1), (6, 0.5, 3)]
)
def test_at_least_one_image_is_held_out_and_one_is_trained_on(
    count: int, share: float, held_out: int
) -> None:
    result = made(store(count), held_out=share)
    assert (result.held_out, result.trained) == (held_out, count - held_out)


def test_progress_is_told_once_per_image_and_epoch() -> None:
    steps: list[int] = []
    stage = Stage(epochs=1, learning_rate=1e-3)
    made(store(), epochs=2, decoder_first=stage, on_image=lambda: steps.append(1))
    # The image held out is measured before training too.
    assert len(steps) == 3 * 4 + 1 == images_shown(4, settings(epochs=2, decoder_first=stage))


def test_training_that_diverges_is_refused() -> None:
    plain = replace(ARCHITECTURE, batch_norm=False, decoder="transposed12")
    with pytest.raises(InputError, match=r"became nan in epoch \d with learning rate 1e\+30") as no:
        made(store(), learning_rate=1e30, epochs=3, architecture=plain)
    assert "smaller pretraining.learning_rate" in str(no.value)


def weights(model: nn.Module, part: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in model.state_dict().items() if key.startswith(part)}


def changed(one: Autoencoder, other: Autoencoder, part: str) -> int:
    theirs = weights(other, part)
    return sum(not torch.equal(value, theirs[key]) for key, value in weights(one, part).items())


def test_the_decoder_alone_learns_first_and_then_the_whole() -> None:
    pixels, start = store(), initial_autoencoder(0, ARCHITECTURE)
    stage = Stage(epochs=2, learning_rate=2e-3)
    # A rate so small that the second stage moves no weight that a float32 can tell.
    first = made(pixels, decoder_first=stage, learning_rate=1e-30)
    learned = weights(first.model, "encoder")
    assert all(
        torch.equal(value, learned[key])
        for key, value in weights(start, "encoder").items()
        if not key.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )
    assert changed(first.model, start, "decoder") > 60
    whole = made(pixels, decoder_first=stage, learning_rate=1e-3)
    assert changed(whole.model, first.model, "encoder") > 60
    assert list(whole.history["trained_part"]) == ["none", "decoder", "decoder", "all"]
    assert whole.summary["epochs_of_decoder"] == 2
    same_stage = first.history["validation_error"][:3] == whole.history["validation_error"][:3]
    assert same_stage.all()
    assert all(weight.requires_grad for weight in whole.model.parameters())


def test_a_frozen_encoder_keeps_the_averages_of_its_batch_normalisation() -> None:
    model, chosen = (
        initial_autoencoder(0, ARCHITECTURE),
        settings(decoder_first=Stage(epochs=1, learning_rate=1e-3)),
    )
    state = states.TrainingState(model, torch.optim.Adam(model.parameters()), "cpu")
    for epoch, trained in ((1, False), (2, True)):
        pretraining._begin_epoch(state, model, chosen, epoch)
        assert model.decoder.training
        assert all(part.training == trained for part in model.encoder.modules())
        assert all(weight.requires_grad == trained for weight in model.encoder.parameters())
    assert state.optimizer.param_groups[0]["lr"] == 1e-3


def test_an_encoder_without_normalisation_passes_through_it_until_it_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def trained(architecture: Architecture, start: Start) -> Any:
        model = initial_autoencoder(start.seed, architecture)
        return model, random_receipt("autoencoder", model)

    monkeypatch.setattr(pretraining, "initial_model", trained)
    pixels = store(5)
    start = Start(initial_weights="vgg16_encoder", seed=0)
    model = made(pixels, start=start, learning_rate=1e-30).model
    reference = initial_autoencoder(0, ARCHITECTURE)
    _, training = pretraining._parts(5, settings())
    keep_through_batch_norm(reference.encoder, pixels[training], device="cpu", precision="fp32")
    norms = [key for key in model.state_dict() if key.startswith("encoder") and "weight" in key]
    for key in norms:
        torch.testing.assert_close(model.state_dict()[key], reference.state_dict()[key])


@pytest.mark.parametrize("stop", [1, 4, 6, 13])
def test_a_training_that_was_stopped_anywhere_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    monkeypatch.setattr(states, "LARGEST_SHARE", float("inf"))
    how: dict[str, Any] = {
        "epochs": 2, "decoder_first": Stage(epochs=1, learning_rate=1e-3), "learning_rate": 0.02,
        "architecture": Architecture(width=0.02),
    }  # fmt: skip
    never_stopped = made(store(), **how)
    shown: list[int] = []

    def stopping() -> None:
        shown.append(1)
        if len(shown) == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Checkpoints("key", 0, tmp_path) as checkpoints:
        made(store(), checkpoints, on_image=stopping, **how)
    with Checkpoints("key", 0, tmp_path) as checkpoints:
        assert checkpoints.done >= stop
        again = made(store(), checkpoints, **how)
    assert again.history.equals(never_stopped.history)
    assert same(again.model, never_stopped.model)
    assert list(tmp_path.iterdir()) == []


def test_the_rate_of_the_stage_that_diverged_is_named() -> None:
    plain = replace(ARCHITECTURE, batch_norm=False, decoder="transposed12")
    stage = Stage(epochs=3, learning_rate=1e30)
    with pytest.raises(InputError, match=r"smaller pretraining\.decoder_first\.learning_rate"):
        made(store(), decoder_first=stage, architecture=plain)
