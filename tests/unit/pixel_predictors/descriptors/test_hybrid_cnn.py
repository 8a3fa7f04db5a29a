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
MEAN = np.random.default_rng(7).uniform(80, 140, (256, 256, 3)).astype(np.float32)
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
    np.save(path.with_name("mean.npy"), MEAN)
    return path


def fit(layer: str, model: Path, pixels: np.ndarray) -> Fitted:
    spec = PIXEL_PREDICTORS[f"hybrid_cnn_{layer}_svr"]
    given = Given(weights=(model,), mean_image=model.with_name("mean.npy"))
    return fit_hybrid_cnn(spec, given, pixels, SCORES, SPLIT, settings=SETTINGS)


@torch.inference_mode()
def written_out(network: MemNet, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the values of the last layers, by Caffe's description of CaffeNet."""

    def pooled(maps: torch.Tensor) -> torch.Tensor:
        side = -(-(maps.shape[-1] - 3) // 2) * 2 + 3  # windows that reach beyond the edge are kept
        room = side - maps.shape[-1]
        padded = F.pad(maps, (0, room, 0, room), value=-torch.inf)
        return padded.unfold(2, 3, 2).unfold(3, 3, 2).amax(dim=(-2, -1))

    def normalised(maps: torch.Tensor) -> torch.Tensor:
        squares = F.pad(maps**2, (0, 0, 0, 0, 2, 2)).unfold(1, 5, 1).sum(dim=-1)
        return maps / (1 + 1e-4 / 5 * squares) ** 0.75

    def convolved(name: str, maps: torch.Tensor, **how: int) -> torch.Tensor:
        layer = network.get_submodule(name)
        return F.conv2d(maps, layer.weight, layer.bias, **how).clamp(min=0)

    maps = normalised(pooled(convolved("conv1", images, stride=4)))
    maps = normalised(pooled(convolved("conv2", maps, padding=2, groups=2)))
    maps = convolved("conv3", maps, padding=1)
    maps = convolved("conv4", maps, padding=1, groups=2)
    values = pooled(convolved("conv5", maps, padding=1, groups=2)).flatten(1)
    found = {"fc6": (values @ network.fc6.weight.T + network.fc6.bias).clamp(min=0)}
    found["fc7"] = (found["fc6"] @ network.fc7.weight.T + network.fc7.bias).clamp(min=0)
    return found | {"fc8": found["fc7"] @ network.fc8.weight.T + network.fc8.bias}


@pytest.mark.parametrize("layer", LAYERS)
def test_values_are_those_of_the_whole_network(
    layer: str, network: MemNet, model: Path, pixels: np.ndarray
) -> None:
    blue_green_red = torch.from_numpy(pixels[:, ::-1].astype(np.float32))
    centred = (blue_green_red - torch.from_numpy(MEAN.transpose(2, 0, 1)))[..., 15:242, 15:242]
    expected = written_out(network, centred)
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


def last_layers(network: MemNet, folder: Path, **last: int) -> Path:
    """Write the network with other last layers: name -> how many of its outputs."""
    layers = layers_of(network)
    weight, bias = layers.pop("fc8")
    layers |= {name: (weight[:outputs], bias[:outputs]) for name, outputs in last.items()}
    np.save(folder / "mean.npy", MEAN)
    path = folder / "other.caffemodel"
    path.write_bytes(caffemodel(layers, upgraded=False))
    return path


def test_its_last_layer_may_have_another_name(
    network: MemNet, model: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    other = last_layers(network, tmp_path, fc8_hybrid=CLASSES, fc8_places=205)
    ours, theirs = (fit("fc8", path, pixels).predictor for path in (other, model))
    np.testing.assert_array_equal(ours.score(pixels, "cpu"), theirs.score(pixels, "cpu"))


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ({"fc8": 1000}, r"fc8 has the shape \(1000, 4096\)"),
        ({"fc8_a": CLASSES, "fc8_b": CLASSES}, r"fc8_a has the shape .*, fc8_b has"),
        ({}, "it has none"),
    ],
)
def test_another_network_is_refused(
    last: dict[str, int], reason: str, network: MemNet, pixels: np.ndarray, tmp_path: Path
) -> None:
    path = last_layers(network, tmp_path, **last)
    with pytest.raises(InputError, match=f"not Hybrid-CNN, .* 1,183 outputs: {reason}"):
        fit("fc6", path, pixels)


def test_without_its_files_it_asks_for_them(model: Path, pixels: np.ndarray) -> None:
    spec = PIXEL_PREDICTORS["hybrid_cnn_fc6_svr"]
    for given in (Given(weights=()), Given(weights=(model,))):
        with pytest.raises(InputError, match=r"Hybrid-CNN and its mean image, which you give with"):
            fit_hybrid_cnn(spec, given, pixels, SCORES, SPLIT, settings=SETTINGS)
    assert "--start FILE --mean-image FILE --scores" in spec.where
