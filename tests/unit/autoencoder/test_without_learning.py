"""Controls: errors without learning and the complexity of images."""

import io
from dataclasses import fields, replace
from functools import cache
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import skimage.data
import torch
from PIL import Image

from memorability.analysis.correlations import beside_models
from memorability.analysis.gathering import from_controls
from memorability.autoencoder import without_learning
from memorability.autoencoder.architecture import Architecture, initial_autoencoder
from memorability.autoencoder.finetuning import BeforeTraining, finetune
from memorability.autoencoder.reconstruction import BatchNormMode
from memorability.autoencoder.without_learning import (
    ControlSettings,
    before_fine_tuning,
    grey,
    jpeg_bytes,
    measure_controls,
)
from memorability.networks.computing import Compute
from tests.run_settings import loss_choice, run_settings

WIDTH = 1 / 64


def before(seed: int = 0, **choices: Any) -> BeforeTraining:
    """What decides a run of the tests before its first step."""
    run = run_settings(seed=seed, width=WIDTH, **choices)
    return BeforeTraining(**{f.name: getattr(run, f.name) for f in fields(BeforeTraining)})


SETTINGS = ControlSettings(
    losses=(loss_choice("mse"),),
    sign="distance",
    batch_norm_mode="train",
    compute=Compute(device="cpu", threads=1),
    architecture=Architecture(width=WIDTH),
    seeds=(0, 1),
    before=(before(0), before(1)),
    before_seeds=("0", "1"),
)
IMAGES = pd.DataFrame({"image_id": ["flat", "photograph", "noise"], "position": [2, 0, 1]})


def photographs() -> np.ndarray:
    """A flat grey image, a photograph and noise, uint8 (3, 3, 224, 224)."""
    photograph = skimage.data.astronaut()[:224, :224].transpose(2, 0, 1)
    noise = np.random.default_rng(0).integers(0, 256, (3, 224, 224), dtype=np.uint8)
    return np.stack([np.full((3, 224, 224), 51, dtype=np.uint8), photograph, noise])


@cache
def controls() -> pd.DataFrame:
    return measure_controls(photographs(), IMAGES, features(), SETTINGS, device="cpu")


def features() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"image_id": image, "feature": feature, "value": value}
            for feature in ("image_entropy", "clutter_score", "saturation")
            for image, value in zip(IMAGES["image_id"], (0.0, 0.25, 0.5), strict=True)
        ]
    )


def test_controls_are_named_for_what_they_are_and_measured_on_every_image() -> None:
    table = controls().set_index(["model", "metric", "seed", "image_id"])["error"]
    assert table.index.is_unique
    assert np.isfinite(table).all()
    kinds = {(model, metric, seed) for model, metric, seed, _ in table.index}
    assert {
        ("untrained", "mse", "0"), ("untrained", "mse", "1"), ("grey", "mse", ""),
        ("before_fine_tuning", "mse", "0"), ("before_fine_tuning", "ms_ssim", "1"),
        ("grey", "ms_ssim", ""), ("", "jpeg_bytes", ""), ("", "image_entropy", ""),
        ("", "edge_density", ""),
    } <= kinds  # fmt: skip
    assert not {metric for _, metric, _ in kinds if "saturation" in metric}
    # 51 / 255 = 0.2 lies 0.3 from grey.
    np.testing.assert_allclose(table["grey", "mse", "", "flat"], 0.09, rtol=1e-6)
    expected = np.mean((photographs()[1] / 255 - 0.5) ** 2)
    np.testing.assert_allclose(table["grey", "mse", "", "photograph"], expected, rtol=1e-5)
    assert table["", "edge_density", "", "noise"] == 0.5


def test_the_untrained_autoencoder_is_that_of_the_seed_before_any_step() -> None:
    table = controls().set_index(["model", "metric", "seed", "image_id"])["error"]
    for seed in (0, 1):
        model = initial_autoencoder(seed, SETTINGS.architecture).eval()
        image = torch.from_numpy(photographs()[1:2]).float() / 255
        with torch.no_grad():
            expected = (model(image) - image).square().mean().item()
        np.testing.assert_allclose(table["untrained", "mse", str(seed), "photograph"], expected)


@pytest.mark.parametrize("mode", get_args(BatchNormMode))
def test_epoch_0_is_a_run_whose_learning_rate_moves_no_weight(mode: str) -> None:
    # A step of Adam moves a weight by the learning rate, which is then lost in rounding.
    run = run_settings(width=WIDTH, batch_norm_mode=mode, learning_rate=1e-30)
    made = finetune(photographs(), IMAGES, run, device="cpu")
    model = before_fine_tuning(photographs(), IMAGES, before(batch_norm_mode=mode), device="cpu")
    own = model.state_dict()
    kept = {name for name in own if mode != "evaluate_as_trained" or "running_" not in name}
    for name, expected in made.model.state_dict().items():
        if name in kept and not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(own[name], expected, rtol=0, atol=1e-7, msg=name)
    settings = replace(
        SETTINGS, seeds=(0,), before=(before(batch_norm_mode=mode),), before_seeds=("0",),
        batch_norm_mode=mode,
    )  # fmt: skip
    table = measure_controls(photographs(), IMAGES, features(), settings, device="cpu")
    rows = table[(table["model"] == "before_fine_tuning") & (table["metric"] == "mse")]
    np.testing.assert_allclose(rows["error"], made.errors["error"], rtol=1e-5)


def test_epoch_0_differs_from_an_untrained_network_in_what_batch_normalisation_saw() -> None:
    model = before_fine_tuning(photographs(), IMAGES, before(), device="cpu")
    untrained = initial_autoencoder(0, SETTINGS.architecture)
    own, other = model.state_dict(), untrained.state_dict()
    differ = {name.rpartition(".")[2] for name in own if not torch.equal(own[name], other[name])}
    assert differ == {"running_mean", "running_var", "num_batches_tracked"}


def test_only_the_last_images_decide_the_averages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(without_learning, "REMEMBERED", 2)
    model = before_fine_tuning(photographs(), IMAGES, before(order="listed"), device="cpu")
    assert model.encoder[0][1].num_batches_tracked == 2
    # Of 500 images, the first counts less than any digit of the last.
    assert np.finfo(np.float64).eps ** 1.4 > 0.9**500


def test_images_that_are_not_trained_on_leave_no_trace() -> None:
    split = IMAGES.assign(split=["train", "test", "train"])
    chosen = before(fine_tuned_on="train_split", batch_norm_mode="train_then_recompute")
    model = before_fine_tuning(photographs(), split, chosen, device="cpu")
    chosen = before(batch_norm_mode="train_then_recompute")
    rows = [0, 2]
    other = before_fine_tuning(photographs()[rows], IMAGES.iloc[rows], chosen, device="cpu")
    own, expected = model.state_dict(), other.state_dict()
    assert all(torch.equal(own[name], expected[name]) for name in own)


def test_grey_is_the_same_whatever_the_image_shows() -> None:
    image = torch.rand(2, 3, 4, 5)
    assert torch.equal(grey(image), torch.full((2, 3, 4, 5), 0.5))


def test_size_as_jpeg_is_that_of_the_file_and_grows_with_complexity() -> None:
    sizes = [jpeg_bytes(image) for image in photographs()]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1] / 2
    with io.BytesIO() as file:
        Image.fromarray(photographs()[1].transpose(1, 2, 0).copy()).save(file, "jpeg", quality=75)
        assert sizes[1] == len(file.getvalue())


def test_controls_become_quantities_with_their_seeds() -> None:
    table = from_controls(controls())
    assert set(table["quantity"]) == {"control"}
    assert set(table.loc[table["model"] == "untrained", "seed"]) == {"0", "1"}
    assert set(table.loc[table["metric"] == "jpeg_bytes", "seed"]) == {""}


def test_the_best_models_of_one_protocol_stand_beside_the_controls() -> None:
    models = pd.DataFrame(
        [
            {"metric": "mse", "lr": "1e-3", "protocol": "paper", "selected": True},
            {"metric": "mse", "lr": "1e-4", "protocol": "paper", "selected": False},
            {"metric": "mse", "lr": "1e-4", "protocol": "released", "selected": True},
        ]
    )
    both = beside_models(models, pd.DataFrame([{"metric": "mse", "model": "grey"}]), "paper")
    assert list(both["model"]) == ["fine_tuned", "grey"]
    assert both.loc[0, "lr"] == "1e-3"
