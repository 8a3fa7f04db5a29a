"""Layers of torchvision's classifiers: their values, and the files that they are read from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import alexnet, resnet18
from torchvision.transforms.v2 import functional as transforms

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given
from memorability.pixel_predictors.descriptors.torchvision_layers import (
    LayerValues,
    fit_layer,
    open_layer,
)
from memorability.pixel_predictors.fitted_file import write_fitted
from memorability.pixel_predictors.frozen_encoder import encoded
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, EncoderLayer

SETTINGS = FitSettings(seed=0, device="cpu", predicts="rating", trained_on="a table")
POOL5 = PIXEL_PREDICTORS["alexnet_pool5_svr"]
LAYERS = [spec for spec in PIXEL_PREDICTORS.values() if spec.fits.endswith(":fit_layer")]
SPLIT = np.array(["train"] * 6 + ["validation"] * 3 + ["test"] * 3)
SCORES = np.random.default_rng(5).uniform(0.4, 1, len(SPLIT))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    brightness = (SCORES * 200)[:, None, None, None]
    noise = np.random.default_rng(6).normal(0, 20, size=(len(SPLIT), 3, 224, 224))
    return (brightness + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return alexnet(weights=None).eval()


@pytest.fixture(scope="module")
def convolutions(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("convolutions") / "alexnet_features.pth"
    state = network.state_dict()
    torch.save({key: state[key] for key in state if key.startswith("features.")}, path)
    return path


@pytest.fixture(scope="module")
def fitted(convolutions: Path, pixels: np.ndarray) -> Fitted:
    given = Given(weights=(convolutions,))
    return fit_layer(POOL5, given, pixels, SCORES, SPLIT, settings=SETTINGS)


@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.name)
def test_every_layer_is_one_of_its_network(spec: object) -> None:
    expected = {"pool5": 9216, "fc6": 4096, "fc7": 4096, "fc8": 1000, "resnet50": 2048,
                "vgg16": 4096, "convnext": 768, "vit": 768}  # fmt: skip
    reads, name = spec.reads, spec.name  # type: ignore[attr-defined]
    (values,) = (number for part, number in expected.items() if part in name)
    assert LayerValues(reads.network, reads.layer).values == values


def test_values_are_those_that_the_whole_network_computes(
    network: torch.nn.Module, fitted: Fitted, pixels: np.ndarray
) -> None:
    images = transforms.normalize(
        torch.from_numpy(pixels).float() / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    )
    with torch.inference_mode():
        pool5 = network.features(images).flatten(1)  # type: ignore[operator]
        fc6 = torch.relu(network.classifier[1](pool5))  # type: ignore[index]
    np.testing.assert_allclose(
        encoded(fitted.predictor.network.encoder, pixels, "cpu"), pool5, atol=1e-4
    )
    upto_fc6 = LayerValues("alexnet", "classifier.2")
    state, own = network.state_dict(), upto_fc6.layers.state_dict()
    upto_fc6.layers.load_state_dict({key: state[key] for key in own})
    np.testing.assert_allclose(encoded(upto_fc6, pixels, "cpu"), fc6, atol=1e-4)


def test_a_fitted_predictor_is_written_and_read_with_the_same_scores(
    fitted: Fitted, pixels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "mine.safetensors"
    write_fitted(fitted.predictor, path)
    read = open_layer(POOL5, Given(weights=(path,)))
    ours, theirs = (one.to("cpu").score(pixels, "cpu") for one in (fitted.predictor, read))
    np.testing.assert_array_equal(ours, theirs)
    assert np.ptp(ours) > 0
    with pytest.raises(InputError, match="holds the predictor 'alexnet_pool5_svr', not"):
        open_layer(PIXEL_PREDICTORS["alexnet_fc6_svr"], Given(weights=(path,)))


def test_a_file_of_convolutions_alone_has_no_fc6(convolutions: Path, pixels: np.ndarray) -> None:
    spec = PIXEL_PREDICTORS["alexnet_fc6_svr"]
    with pytest.raises(InputError, match=r"does not fit the layers of alexnet.*classifier\.1"):
        fit_layer(spec, Given(weights=(convolutions,)), pixels, SCORES, SPLIT, settings=SETTINGS)


def test_weights_of_another_network_are_refused(convolutions: Path, pixels: np.ndarray) -> None:
    given = Given(weights=(convolutions,))
    for spec in (PIXEL_PREDICTORS["resnet50_ridge"], PIXEL_PREDICTORS["convnext_tiny_ridge"]):
        with pytest.raises(InputError, match=r"does not fit the layers of"):
            fit_layer(spec, given, pixels, SCORES, SPLIT, settings=SETTINGS)


def test_an_encoder_without_download_asks_for_its_file(pixels: np.ndarray) -> None:
    spec = PIXEL_PREDICTORS["vit_b_16_ridge"]
    with pytest.raises(InputError, match="file of torchvision's vit_b_16, which you give with"):
        fit_layer(spec, Given(weights=()), pixels, SCORES, SPLIT, settings=SETTINGS)


def test_files_of_older_versions_without_counters_are_read(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    state = resnet18(weights=None).state_dict()
    path = tmp_path / "older.pth"
    torch.save({key: state[key] for key in state if "num_batches" not in key}, path)
    reads = EncoderLayer(network="resnet18", layer="flatten", regression="ridge")
    spec = replace(PIXEL_PREDICTORS["resnet50_ridge"], reads=reads)
    few = Given(weights=(path,))
    result = fit_layer(spec, few, pixels, SCORES, SPLIT, settings=SETTINGS)
    assert set(result.chosen) == {"penalty", "validation_squared_error"}
    assert np.isfinite(result.predictor.score(pixels, "cpu")).all()
