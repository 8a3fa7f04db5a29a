"""Controls: errors without learning and the complexity of images."""

import io

import numpy as np
import pandas as pd
import skimage.data
import torch
from PIL import Image

from memorability.analysis.correlations import beside_models
from memorability.analysis.gathering import from_controls
from memorability.autoencoder.architecture import Architecture, initial_autoencoder
from memorability.autoencoder.without_learning import (
    ControlSettings,
    grey,
    jpeg_bytes,
    measure_controls,
)
from memorability.networks.computing import Compute
from tests.run_settings import loss_choice

SETTINGS = ControlSettings(
    losses=(loss_choice("mse"),),
    sign="distance",
    compute=Compute(device="cpu", threads=1),
    architecture=Architecture(width=1 / 64),
    seeds=(0, 1),
)


def photographs() -> np.ndarray:
    """A flat grey image, a photograph and noise, uint8 (3, 3, 224, 224)."""
    photograph = skimage.data.astronaut()[:224, :224].transpose(2, 0, 1)
    noise = np.random.default_rng(0).integers(0, 256, (3, 224, 224), dtype=np.uint8)
    return np.stack([np.full((3, 224, 224), 51, dtype=np.uint8), photograph, noise])


def controls() -> pd.DataFrame:
    images = pd.DataFrame({"image_id": ["flat", "photograph", "noise"]})
    features = pd.DataFrame(
        [
            {"image_id": image, "feature": feature, "value": value}
            for feature in ("image_entropy", "clutter_score", "saturation")
            for image, value in zip(images["image_id"], (0.0, 0.25, 0.5), strict=True)
        ]
    )
    return measure_controls(photographs(), images, features, SETTINGS, device="cpu")


def test_controls_are_named_for_what_they_are_and_measured_on_every_image() -> None:
    table = controls().set_index(["model", "metric", "seed", "image_id"])["error"]
    assert table.index.is_unique
    assert np.isfinite(table).all()
    kinds = {(model, metric, seed) for model, metric, seed, _ in table.index}
    assert {
        ("untrained", "mse", "0"), ("untrained", "mse", "1"), ("grey", "mse", ""),
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
