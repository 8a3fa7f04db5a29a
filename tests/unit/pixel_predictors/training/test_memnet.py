"""MemNet trained anew: its mean image, its ten crops, its start."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given
from memorability.pixel_predictors.fitted_file import write_fitted
from memorability.pixel_predictors.memnet import TenCropScores
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.pixel_predictors.training import memnet
from memorability.pixel_predictors.training.memnet import (
    KINDS,
    MemNetScores,
    fit_memnet,
    mean_image,
    open_memnet,
)

NAME = "memnet_trained"
SPEC = PIXEL_PREDICTORS[NAME]
SPLIT = np.array(["train"] * 4 + ["validation"] * 2 + ["test"])
SCORES = np.array([0.2, 0.9, 0.4, 0.7, 0.5, 0.6, np.nan])
SETTINGS = FitSettings(seed=1, device="cpu", predicts="hits", trained_on="a table")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth of MemNet, trained for one epoch."""
    kind = KINDS[NAME]
    narrow = partial(MemNetScores, divisor=8)
    fast = replace(kind, build=narrow, recipe=replace(kind.recipe, epochs=1))
    monkeypatch.setitem(memnet.KINDS, NAME, fast)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (7, 3, 256, 256), dtype=np.uint8)


def fit(pixels: np.ndarray, *weights: Path) -> Fitted:
    return fit_memnet(SPEC, Given(weights=weights), pixels, SCORES, SPLIT, settings=SETTINGS)


def test_the_mean_image_is_of_the_training_images_blue_first(pixels: np.ndarray) -> None:
    mean = mean_image(pixels, np.flatnonzero(SPLIT == "train"))
    expected = pixels[:4].astype(float).mean(axis=0)[::-1]
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    assert mean.dtype == torch.float32


@pytest.mark.parametrize(("name", "first"), [(NAME, 96), ("memnet_needell2020", 48)])
def test_both_readings_start_with_the_spread_of_the_caffe_description(
    name: str, first: int
) -> None:
    torch.manual_seed(0)
    network = KINDS[name].build()
    assert isinstance(network, MemNetScores)
    weight = network.get_parameter("ten_crops.network.conv1.weight")
    assert len(weight) == first
    assert weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert (network.get_parameter("ten_crops.network.fc7.bias") == 1).all()


@pytest.mark.usefixtures("small")
def test_a_network_is_trained_written_and_read_and_scores_by_ten_crops(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    fitted = fit(pixels)
    scores = fitted.predictor.score(pixels, "cpu")
    network = fitted.predictor.network.get_submodule("network.ten_crops.network")
    with torch.no_grad():
        expected = TenCropScores(network, mean_image(pixels, np.arange(4)), "raw")(
            torch.from_numpy(pixels)
        )
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    path = tmp_path / "mine"
    write_fitted(fitted.predictor, path)
    read = open_memnet(SPEC, Given(weights=(path,))).to("cpu")
    np.testing.assert_array_equal(read.score(pixels, "cpu"), scores)
    assert "mean of the training images" in read.facts.preprocessing
    assert read.facts.trained_on == "4 images: a table"


@pytest.mark.usefixtures("small")
def test_a_start_gives_the_layers_that_fit_and_says_which_are_random(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    start = KINDS[NAME].build()
    tensors = {
        name.removeprefix("ten_crops.network."): value
        for name, value in start.state_dict().items()
        if "conv" in name
    }
    path = tmp_path / "convolutions.pth"
    torch.save(tensors, path)
    facts = fit(pixels, path).predictor.facts
    assert "(random: fc6, fc7, fc8)" in facts.version
    torch.save({"conv1.weight": torch.ones(64, 3, 11, 11)}, path)
    with pytest.raises(InputError, match="has no weights for MemNet"):
        fit(pixels, path)


def test_the_narrow_network_learns_from_a_random_start() -> None:
    stream = np.random.default_rng(0)
    brightness = stream.permutation(np.linspace(0, 1, 38))
    noise = stream.integers(0, 60, (38, 3, 256, 256))
    shades = (noise + 190 * brightness[:, None, None, None]).astype(np.uint8)
    split = np.array(["train"] * 32 + ["validation"] * 2 + ["test"] * 4)
    spec = PIXEL_PREDICTORS["memnet_narrow"]
    fitted = fit_memnet(
        spec, Given(weights=()), shades, 0.4 + 0.5 * brightness, split, settings=SETTINGS
    )
    unseen = split == "test"
    scores = fitted.predictor.score(shades[unseen], "cpu")
    assert np.corrcoef(scores, brightness[unseen])[0, 1] > 0.9
    assert fitted.predictor.facts.version.startswith("start: random")
    parameters = sum(one.numel() for one in fitted.predictor.network.parameters())
    # An eighth of channels and values: fewer than a fiftieth of MemNet's weights.
    assert parameters < 56_872_321 / 50
