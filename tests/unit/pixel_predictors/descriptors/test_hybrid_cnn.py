"""Layers of Hybrid-CNN: their values against MemNet's own, and the files that they are read from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given
from memorability.pixel_predictors.descriptors.hybrid_cnn import (
    CLASSES,
    LAYERS,
    fit_hybrid_cnn,
    open_hybrid_cnn,
)
from memorability.pixel_predictors.fitted_file import write_fitted
from memorability.pixel_predictors.frozen_encoder import encoded
from memorability.pixel_predictors.memnet import MemNet, draw_weights
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from tests.caffe import caffemodel

SETTINGS = FitSettings(seed=0, device="cpu", predicts="rating", trained_on="a table")
SPLIT = np.array(["train"] * 5 + ["validation"] * 3 + ["test"] * 2)
SCORES = np.random.default_rng(5).uniform(0.4, 1, len(SPLIT))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    brightness = (SCORES * 200)[:, None, None, None]
    noise = np.random.default_rng(6).normal(0, 20, size=(len(SPLIT), 3, 256, 256))
    return (brightness + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def network() -> MemNet:
    torch.manual_seed(0)
    network = MemNet()
    draw_weights(network)
    network.fc8 = nn.Linear(4096, CLASSES)
    return network.eval().requires_grad_(False)


def layers_of(network: MemNet) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {
        name: (layer.weight.numpy(), layer.bias.numpy()) for name, layer in network.named_children()
    }


@pytest.fixture(scope="module")
def model(network: MemNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "hybrid.caffemodel"
    path.write_bytes(caffemodel(layers_of(network), upgraded=True))
    return path


def fit(layer: str, model: Path, pixels: np.ndarray) -> Fitted:
    spec, given = PIXEL_PREDICTORS[f"hybrid_cnn_{layer}_svr"], Given(weights=(model,))
    return fit_hybrid_cnn(spec, given, pixels, SCORES, SPLIT, settings=SETTINGS)


@pytest.mark.parametrize("layer", LAYERS)
def test_values_are_those_of_the_whole_network(
    layer: str, network: MemNet, model: Path, pixels: np.ndarray
) -> None:
    images = torch.from_numpy(pixels.astype(np.float64))
    centred = (images - images[:5].mean(dim=0)).flip(1)[..., 15:242, 15:242].float()
    with torch.inference_mode():
        expected = {"fc6": F.relu(network.fc6(network.pool5_values(centred)))}
        expected["fc7"] = F.relu(network.fc7(expected["fc6"]))
        expected["fc8"] = network(centred)
    fitted = fit(layer, model, pixels)
    found = encoded(fitted.predictor.network.encoder, pixels, "cpu")
    assert found.shape == (len(SPLIT), {"fc8": 1183}.get(layer, 4096))
    np.testing.assert_allclose(found, expected[layer], rtol=1e-3, atol=1e-4)
    assert np.ptp(found) > 0
    assert set(fitted.chosen) >= {"C", "epsilon"}


def test_a_fitted_predictor_is_written_and_read_with_the_same_scores(
    model: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    fitted = fit("fc6", model, pixels)
    path = tmp_path / "mine.safetensors"
    write_fitted(fitted.predictor, path)
    read = open_hybrid_cnn(PIXEL_PREDICTORS["hybrid_cnn_fc6_svr"], Given(weights=(path,)))
    ours, theirs = (one.to("cpu").score(pixels, "cpu") for one in (fitted.predictor, read))
    np.testing.assert_array_equal(ours, theirs)
    assert np.ptp(ours) > 0


@pytest.mark.parametrize("last", ["fc8", "fc8_hybrid", ""])
def test_its_last_layer_may_have_another_name_but_must_be_its_own(
    last: str, network: MemNet, pixels: np.ndarray, tmp_path: Path
) -> None:
    layers = layers_of(network)
    own = layers.pop("fc8")
    if last:
        layers[last] = own if last != "fc8" else (own[0][:1000], own[1][:1000])
    path = tmp_path / "other.caffemodel"
    path.write_bytes(caffemodel(layers, upgraded=False))
    if last == "fc8_hybrid":
        assert fit("fc8", path, pixels).predictor.facts.version.startswith("encoder ")
        return
    reason = "it has 1,000" if last else "it has none"
    with pytest.raises(InputError, match=f"not Hybrid-CNN, .* 1,183 outputs: {reason}"):
        fit("fc6", path, pixels)


def test_without_its_file_it_asks_for_it(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"the \.caffemodel of Hybrid-CNN, which you give with"):
        fit_hybrid_cnn(
            PIXEL_PREDICTORS["hybrid_cnn_fc6_svr"], Given(weights=()), pixels, SCORES, SPLIT,
            settings=SETTINGS,
        )  # fmt: skip
