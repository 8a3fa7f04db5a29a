"""The training loop against torch by hand, and runs that repeat to the last bit."""

import copy
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from memorability.autoencoder import finetuning
from memorability.autoencoder.architecture import (
    Architecture,
    initial_autoencoder,
    write_autoencoder,
)
from memorability.autoencoder.finetuning import (
    FinetunedRun,
    RunSettings,
    finetune,
    images_shown,
    presentation_order,
    train,
)
from memorability.autoencoder.initial_weights import Start
from memorability.autoencoder.reconstruction import measure_errors
from memorability.base.errors import InputError
from memorability.networks.catalogue import Metric
from memorability.networks.losses import MeanSquaredError
from memorability.networks.training.checkpoints import TrainingState
from memorability.tables.store import read, write
from memorability.workflow.records import run_record
from tests.run_settings import run_settings

torch.set_num_threads(1)


def measured_in(errors: pd.DataFrame) -> list[tuple[str, ...]]:
    facts = errors[["metric", "backbone", "trained_by", "published", "sign"]].drop_duplicates()
    return list(facts.itertuples(index=False, name=None))


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def store(count: int = 3, side: int = 224) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)
    return (pixels * np.linspace(0.3, 1, count)[:, None, None, None]).astype(np.uint8)


def table(count: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": [f"image_{index}" for index in range(count)],
            "position": np.random.default_rng(1).permutation(count),
        }
    )


def settings(**changes: Any) -> RunSettings:
    return run_settings(**changes)


def run(chosen: RunSettings, count: int = 3, **options: Any) -> FinetunedRun:
    return finetune(store(count), table(count), chosen, device="cpu", **options)


def one_epoch(
    model: nn.Module,
    loss: nn.Module,
    pixels: np.ndarray,
    order: np.ndarray,
    rate: float,
    **how: Any,
) -> TrainingState:
    """Train on each image once and evaluate every image."""
    state = TrainingState(model, torch.optim.Adam(model.parameters(), lr=rate), "cpu")
    train(state, loss, loss, pixels, order, epochs=1, batch_norm_mode="train", **how)
    return state


def norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


# Presentation order


@given(
    count=st.integers(1, 50),
    seed=st.integers(0, 9),
    order=st.sampled_from(["listed", "fixed_shuffle", "seed_shuffle"]),
)
def test_every_order_shows_each_image_once(count: int, seed: int, order: str) -> None:
    assert sorted(presentation_order(table(count), order, seed)) == list(range(count))


def test_listed_order_is_the_order_of_the_table() -> None:
    assert presentation_order(table(9), "listed", 3).tolist() == list(range(9))


def test_fixed_order_is_that_of_the_positions_whatever_the_seed() -> None:
    images = pd.DataFrame({"image_id": list("abcd"), "position": [2, 0, 3, 1]})
    for seed in (0, 1):
        rows = presentation_order(images, "fixed_shuffle", seed)
        assert images["image_id"].to_numpy()[rows].tolist() == ["b", "d", "a", "c"]


def test_seeded_order_differs_between_seeds_and_is_blind_to_positions() -> None:
    images = table(30)
    first = presentation_order(images, "seed_shuffle", 0)
    other_positions = images.assign(position=range(30))
    assert first.tolist() == presentation_order(other_positions, "seed_shuffle", 0).tolist()
    assert first.tolist() != presentation_order(images, "seed_shuffle", 1).tolist()
    assert first.tolist() != list(range(30))


def test_all_losses_and_learning_rates_of_a_seed_see_one_order() -> None:
    orders = [
        run(settings(loss=loss, learning_rate=rate))
        .history.sort_values("step")["image_id"]
        .tolist()
        for loss, rate in (("mse", 1e-3), ("mse", 1e-7), ("ms_ssim", 1e-3))
    ]
    expected = table()["image_id"].to_numpy()[presentation_order(table(), "seed_shuffle", 0)]
    assert orders == [expected.tolist()] * 3


# The loop


class Tiny(nn.Module):
    """One weight and one bias: simple enough to train by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.bias = nn.Parameter(torch.tensor(0.1))

    def forward(self, images: Tensor) -> Tensor:
        return self.weight * images + self.bias


def adam_by_hand(images: np.ndarray, rate: float) -> tuple[np.ndarray, list[float]]:
    """Kingma & Ba 2015, algorithm 1, on the mean squared error of `Tiny`, in double precision."""
    value = np.array([0.5, 0.1])
    first, second = np.zeros(2), np.zeros(2)
    losses = []
    for step, image in enumerate(images, start=1):
        residual = value[0] * image + value[1] - image
        losses.append(float(np.mean(residual**2)))
        gradient = np.array([np.mean(2 * residual * image), np.mean(2 * residual)])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = first / (1 - 0.9**step), second / (1 - 0.999**step)
        value = value - rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    return value, losses


def test_an_epoch_is_one_adam_step_per_image_in_the_order_given() -> None:
    pixels, order = store(4, side=5), np.array([2, 0, 3, 1])
    model = Tiny()
    state = one_epoch(model, MeanSquaredError(), pixels, order, 0.01)
    expected, expected_losses = adam_by_hand(pixels[order] / 255, 0.01)
    np.testing.assert_allclose(state.losses, expected_losses, rtol=1e-5)
    trained = [model.weight.item(), model.bias.item()]
    np.testing.assert_allclose(trained, expected, rtol=1e-5)


def test_one_step_on_the_autoencoder_is_that_of_a_plain_torch_loop() -> None:
    ours = initial_autoencoder(0, Architecture(width=0.04))
    theirs = copy.deepcopy(ours)
    pixels = store(2)
    state = one_epoch(ours, MeanSquaredError(), pixels, np.array([1]), 1e-3)
    image = torch.from_numpy(pixels[1:]).float() / 255
    optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    loss = nn.functional.mse_loss(theirs.train()(image), image)
    loss.backward()
    optimizer.step()
    assert state.losses == pytest.approx([loss.item()], rel=1e-6)
    own, expected = ours.state_dict(), theirs.state_dict()
    for key, value in expected.items():
        torch.testing.assert_close(own[key], value, rtol=1e-4, atol=1e-5)


class Broken(nn.Module):
    """A loss that is not finite when it is called for the second time."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value, self.calls = value, 0

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        self.calls += 1
        error = (images - reconstructions).square().mean(dim=(1, 2, 3))
        return error * self.value if self.calls == 2 else error


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_run_before_it_reaches_the_weights(
    value: float,
) -> None:
    model = Tiny()
    steps: list[int] = []
    pixels = store(4, side=5)
    state = one_epoch(
        model, Broken(value), pixels, np.arange(4), 0.01, on_image=lambda: steps.append(1)
    )
    assert np.isfinite(state.losses).tolist() == [True, False]
    assert state.errors == []
    assert len(steps) == 1
    assert all(parameter.isfinite() for parameter in model.parameters())


# Calls of the loss in a run of two epochs of three steps and three evaluations.
@pytest.mark.parametrize(
    ("call", "step", "epoch", "image", "reason"),
    [
        (2, 2, 1, "image_1", "the loss mse became nan"),
        (5, 3, 1, "image_1", "the error mse became nan"),
        (8, 5, 2, "image_1", "the loss mse became nan"),
        (9, 6, 2, "image_2", "the loss mse became nan"),
        (10, 6, 2, "image_0", "the error mse became nan"),
        (12, 6, 2, "image_2", "the error mse became nan"),
    ],
)
def test_a_run_that_diverges_is_a_result_that_says_where(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    call: int,
    step: int,
    epoch: int,
    image: str,
    reason: str,
) -> None:
    loss = Broken(float("nan"))
    loss.calls = 2 - call
    monkeypatch.setattr(
        finetuning,
        "make_loss",
        lambda *_, **__: (loss, Metric("mse", "none", "", "", "distance"), None),
    )
    made = run(settings(epochs=2, order="listed", learning_rate=5e-6, seed=3))
    assert made.outcome == {
        "outcome": "diverged", "step": step, "epoch": epoch, "image_id": image,
        "learning_rate": 5e-6, "reason": reason,
    }  # fmt: skip
    assert f"{reason} at step {step} (epoch {epoch}, image '{image}')" in caplog.text
    assert "learning rate 5e-06 and seed 3" in caplog.text
    # Errors of finished epochs stay, those of the others are missing; the history ends there.
    missing = made.errors.groupby("epoch")["error"].apply(lambda errors: errors.isna().tolist())
    assert missing.tolist() == [[epoch == 1] * 3, [True] * 3]
    assert made.history["step"].tolist() == list(range(1, step + 1))
    assert np.isfinite(made.history["train_loss"].iloc[:-1]).all()
    assert np.isfinite(made.history["train_loss"].iloc[-1]) == ("error" in reason)
    write(made.errors, tmp_path / "errors.parquet", "errors")
    write(made.history, tmp_path / "history.parquet", "history")
    write(made.outcomes, tmp_path / "outcome.parquet", "outcomes")


def test_a_learning_rate_beyond_reason_diverges() -> None:
    made = run(settings(learning_rate=1e30))
    assert made.outcome["outcome"] == "diverged"
    assert made.errors["error"].isna().all()


def test_a_run_that_ends_well_says_so() -> None:
    assert run(settings(epochs=2)).outcome == {
        "outcome": "finished", "step": 6, "epoch": 2, "image_id": "", "learning_rate": 1e-3,
        "reason": "",
    }  # fmt: skip


# Batch normalisation


def statistics_of(model: nn.Module) -> list[Tensor]:
    return [norm.running_mean.clone() for norm in norms(model) if norm.running_mean is not None]


def test_frozen_normalisation_keeps_the_averages_of_the_initial_weights() -> None:
    trained = run(settings(epochs=2, batch_norm_mode="frozen")).model
    for norm in norms(trained):
        assert (norm.running_mean == 0).all()
        assert (norm.running_var == 1).all()
        assert norm.num_batches_tracked == 0
    # Its weights are trained all the same.
    assert any((norm.weight != 1).any() for norm in norms(trained))


def test_plain_training_keeps_moving_averages_of_what_was_shown_last() -> None:
    trained = run(settings(epochs=2)).model
    assert all(norm.num_batches_tracked == 6 for norm in norms(trained))
    assert all((norm.running_mean != 0).any() for norm in norms(trained))


def first_layer_statistics(model: Any, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Averages over images of each image's mean and variance after the first convolution."""
    with torch.no_grad():
        images = torch.from_numpy(pixels).double() / 255
        outputs = copy.deepcopy(model.encoder[0][0]).double()(images).numpy()
    return outputs.mean(axis=(2, 3)).mean(axis=0), outputs.var(axis=(2, 3), ddof=1).mean(axis=0)


def test_recomputed_averages_are_those_of_all_images_under_the_final_weights() -> None:
    plain = run(settings(epochs=2))
    recomputed = run(settings(epochs=2, batch_norm_mode="train_then_recompute"))
    mean, variance = first_layer_statistics(recomputed.model, store())
    norm = norms(recomputed.model)[0]
    np.testing.assert_allclose(norm.running_mean, mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.running_var, variance, rtol=1e-4)
    # Training itself is the same: it uses each image's own statistics.
    for (name, own), other in zip(
        recomputed.model.named_parameters(), plain.model.parameters(), strict=True
    ):
        assert torch.equal(own, other), name
    pd.testing.assert_frame_equal(plain.history, recomputed.history)
    assert not plain.errors["error"].equals(recomputed.errors["error"])


def test_evaluating_as_trained_changes_the_errors_alone() -> None:
    plain = run(settings(epochs=2))
    made = run(settings(epochs=2, batch_norm_mode="evaluate_as_trained"))
    pd.testing.assert_frame_equal(plain.history, made.history)
    own, other = made.model.state_dict(), plain.model.state_dict()
    assert all(torch.equal(own[name], other[name]) for name in own)
    assert not plain.errors["error"].equals(made.errors["error"])
    # A forward pass in training mode, of which only the averages would remain.
    trained = copy.deepcopy(made.model).train()
    images = torch.from_numpy(store()).float() / 255
    with torch.no_grad():
        errors = [nn.functional.mse_loss(trained(one[None]), one[None]).item() for one in images]
    last = made.errors[made.errors["epoch"] == 2]
    # The sums of a convolution depend on the layout in memory.
    np.testing.assert_allclose(last["error"], errors, rtol=1e-5)


@pytest.mark.parametrize("mode", ["train", "frozen", "train_then_recompute"])
def test_a_run_leaves_its_model_and_errors_in_agreement(mode: str) -> None:
    made = run(settings(epochs=2, batch_norm_mode=mode))
    errors = measure_errors(made.model, MeanSquaredError(), store(), device="cpu")
    last = made.errors[made.errors["epoch"] == 2]
    assert last["error"].tolist() == errors.tolist()


# Runs


def same(first: FinetunedRun, second: FinetunedRun) -> bool:
    own, other = first.model.state_dict(), second.model.state_dict()
    return (
        all(torch.equal(own[key], other[key]) for key in own)
        and first.errors.reset_index(drop=True).equals(second.errors.reset_index(drop=True))
        and first.history.reset_index(drop=True).equals(second.history.reset_index(drop=True))
    )


@pytest.mark.parametrize(
    "choices", [{}, {"bottleneck": "fc4096", "decoder": "transposed12", "batch_norm": False}]
)
def test_a_run_repeats_to_the_last_bit_whatever_was_drawn_before(choices: dict[str, Any]) -> None:
    torch.manual_seed(1)
    first = run(settings(epochs=2, **choices))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = run(settings(epochs=2, **choices))
    assert same(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_seed_gives_other_weights() -> None:
    first, second = run(settings()), run(settings(seed=1))
    assert not same(first, second)


def test_dropout_is_on_while_training_and_follows_the_seed_s_own_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = run(settings(bottleneck="fc4096"))
    # Other dropout masks under the same initial weights and order change the training.
    monkeypatch.setattr(finetuning, "stream_seed", lambda seed, name: 12345)
    assert not same(first, run(settings(bottleneck="fc4096")))
    # A network without dropout does not draw from that stream at all.
    plain = run(settings())
    monkeypatch.undo()
    assert same(plain, run(settings()))


def test_training_lowers_the_error() -> None:
    # The first epoch still leaves averages that belong to weights long gone.
    errors = run(settings(epochs=8, batch_norm_mode="train_then_recompute")).errors
    means = errors.groupby("epoch")["error"].mean()
    assert means[8] < means[1]


def test_errors_and_history_fit_their_tables(tmp_path: Path) -> None:
    made = run(settings(epochs=2, loss="ms_ssim"), count=4)
    write(made.errors, tmp_path / "errors.parquet", "errors")
    write(made.history, tmp_path / "history.parquet", "history")
    errors = read(tmp_path / "errors.parquet", "errors")
    history = read(tmp_path / "history.parquet", "history")
    assert (
        errors.groupby("epoch")["image_id"].apply(list).tolist()
        == [table(4)["image_id"].tolist()] * 2
    )
    assert measured_in(errors) == [("ms_ssim", "none", "", "", "distance")]
    assert history["step"].tolist() == list(range(1, 9))
    assert history["epoch"].tolist() == [1] * 4 + [2] * 4
    shown = history["image_id"].tolist()
    assert shown[:4] == shown[4:]
    assert sorted(shown[:4]) == table(4)["image_id"].tolist()


def test_a_random_backbone_is_named_in_metric_and_receipts(tmp_path: Path) -> None:
    made = run(settings(loss="lpips_squeeze"))
    assert measured_in(made.errors) == [("lpips_squeeze", "random", "", "no", "distance")]
    assert [receipt["source"] for receipt in made.receipts] == ["random", "random"]
    assert [receipt["model"] for receipt in made.receipts] == ["autoencoder", "squeeze backbone"]
    chosen = settings(loss="lpips_squeeze")
    record = run_record({"study": "x"}, chosen, {"a": "0"}, made.receipts, made.outcome, "cpu")
    assert record["study"] == "x"
    assert record["receipts"] == made.receipts
    assert record["inputs"] == {"a": "0"}
    assert record["outcome"]["outcome"] == "finished"
    assert record["settings"] == chosen
    assert record["environment"]["device"] == "cpu"


def test_progress_is_told_twice_per_image_and_epoch() -> None:
    steps: list[int] = []
    run(settings(epochs=2), on_image=lambda: steps.append(1))
    assert len(steps) == 2 * 2 * 3


def test_a_checkpoint_that_is_asked_for_and_missing_is_an_error(tmp_path: Path) -> None:
    start = Start(
        initial_weights="checkpoint", seed=0, weights_file=tmp_path / "imagenet-vgg16.pth"
    )
    chosen = settings(start=start)
    with pytest.raises(InputError, match=r"imagenet-vgg16.pth does not exist"):
        run(chosen)


def test_pixels_may_be_mapped_read_only_and_stay_as_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", store())
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    made = finetune(mapped, table(), settings(), device="cpu")
    assert same(made, run(settings()))
    np.testing.assert_array_equal(mapped, store())


# What a protocol decides of the loss, the images and the start


def one_minus(**signs: str) -> FinetunedRun:
    return run(settings(loss="lpips_squeeze", **signs))


def test_the_sign_in_training_and_in_the_test_are_two_choices() -> None:
    plain = one_minus()
    named = one_minus(sign_test="one_minus")
    assert measured_in(named.errors) == [("lpips_squeeze", "random", "", "no", "one_minus")]
    np.testing.assert_allclose(named.errors["error"], 1 - plain.errors["error"], rtol=1e-5)
    pd.testing.assert_frame_equal(named.history, plain.history)
    upside_down = one_minus(sign_train="one_minus")
    assert measured_in(upside_down.errors) == [("lpips_squeeze", "random", "", "no", "distance")]
    first = [each.history["train_loss"].iloc[0] for each in (plain, upside_down)]
    assert first[1] == pytest.approx(1 - first[0])
    # The first steps of Adam have the size of the learning rate: opposite ways from the same start.
    start = initial_autoencoder(0, Architecture(width=0.04)).state_dict()["encoder.0.0.weight"]
    moved = [each.model.state_dict()["encoder.0.0.weight"] - start for each in (plain, upside_down)]
    assert np.corrcoef(moved[0].flatten(), moved[1].flatten())[0, 1] < 0


def test_training_images_alone_are_trained_on_and_all_are_measured() -> None:
    parts = ["test", "train", "train", "validation", "train", "test"] + ["train", "validation"] * 2
    images = table(10).assign(split=parts)
    chosen = settings(fine_tuned_on="train_split")
    shown: list[int] = []
    made = finetune(store(10), images, chosen, device="cpu", on_image=lambda: shown.append(1))
    assert len(shown) == images_shown(images, chosen) == 5 + 10
    expected = images["image_id"][images["split"] == "train"]
    assert set(made.history["image_id"]) == set(expected)
    assert made.history["step"].tolist() == [1, 2, 3, 4, 5]
    assert made.errors["image_id"].tolist() == images["image_id"].tolist()


def test_statistics_are_recomputed_over_the_images_of_fine_tuning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    monkeypatch.setattr(
        finetuning, "recompute_batch_norm", lambda *_, rows, **__: seen.extend(rows)
    )
    run(settings(batch_norm_mode="train_then_recompute"))
    assert seen == [0, 1, 2]


def test_a_run_can_continue_with_the_weights_of_the_run_before(tmp_path: Path) -> None:
    path = tmp_path / "autoencoder.safetensors"
    before = run(settings())
    write_autoencoder(before.model, path, {})
    after = run(settings(previous_model=path, learning_rate=1e-30))
    for key, value in before.model.state_dict().items():
        if "running" not in key and "batches" not in key:
            torch.testing.assert_close(after.model.state_dict()[key], value)
    assert after.receipts[0]["source"] == str(path)
    assert after.receipts[0]["missing"] == 0
    assert after.receipts[0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("stream", ["order", "initial_weights"])
def test_each_stream_has_its_own_seed(stream: str) -> None:
    plain = settings()
    changes = {
        "order": {"order_seed": 1},
        "initial_weights": {"start": replace(plain.start, seed=1)},
    }
    varied = replace(plain, **changes[stream])
    histories = [run(chosen, count=6).history for chosen in (plain, varied)]
    reordered = histories[0]["image_id"].tolist() != histories[1]["image_id"].tolist()
    assert reordered == (stream == "order")
    assert histories[0]["train_loss"].tolist() != histories[1]["train_loss"].tolist()
