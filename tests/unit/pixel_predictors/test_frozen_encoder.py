"""Ridge regression on a frozen encoder: fitted, chosen in validation, written, read, scoring alike."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given
from memorability.pixel_predictors.descriptors.efficientnet_lite import EfficientNetLite0
from memorability.pixel_predictors.fitted_file import FITTED_FILE, write_fitted
from memorability.pixel_predictors.frozen_encoder import (
    PENALTIES,
    encoded,
    fit_encoder_ridge,
    open_encoder_ridge,
)
from memorability.pixel_predictors.names import PIXEL_PREDICTORS

SPEC = PIXEL_PREDICTORS["efficientnet_lite0_ridge"]
SETTINGS = FitSettings(seed=0, device="cpu", predicts="rating", trained_on="a table")
IMAGES = 40
SPLIT = np.array(["train"] * 24 + ["validation"] * 10 + ["test"] * 6)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with random weights that are scaled so that values differ from image to image."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "encoder.pth"
    torch.save(EfficientNetLite0().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Small squares stand for images of 224 pixels: the encoder reads any size."""
    stream = np.random.default_rng(1)
    brightness = stream.uniform(20, 235, size=(IMAGES, 3, 1, 1))
    noise = stream.normal(0, 10, size=(IMAGES, 3, 32, 32))
    return (brightness + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def scores(pixels: np.ndarray) -> np.ndarray:
    bright = pixels.mean(axis=(1, 2, 3)) / 255
    return np.asarray(bright + np.random.default_rng(2).normal(0, 0.02, IMAGES))


def fitted(
    weights: Path, pixels: np.ndarray, scores: np.ndarray, split: np.ndarray = SPLIT
) -> Fitted:
    given = Given(weights=(weights,))
    return fit_encoder_ridge(SPEC, given, pixels, scores, split, settings=SETTINGS)


def test_the_encoder_has_the_published_layers() -> None:
    with torch.device("meta"):
        encoder = EfficientNetLite0()
    shapes = {name: tuple(value.shape) for name, value in encoder.state_dict().items()}
    # Of the file in the package.
    assert shapes["_blocks.0._project_conv.weight"] == (16, 32, 1, 1)
    assert shapes["_blocks.3._depthwise_conv.weight"] == (144, 1, 5, 5)
    assert shapes["_blocks.15._project_conv.weight"] == (320, 1152, 1, 1)
    assert shapes["_fc.weight"] == (1000, 1280)
    assert encoder(torch.empty(2, 3, 224, 224, dtype=torch.uint8, device="meta")).shape == (2, 1280)
    assert sum(value.numel() for value in encoder.parameters()) == 4_652_008


def test_scores_are_those_of_ridge_regression_with_the_penalty_best_in_validation(
    weights: Path, pixels: np.ndarray, scores: np.ndarray
) -> None:
    result = fitted(weights, pixels, scores)
    encoder = result.predictor.network.encoder
    assert isinstance(encoder, torch.nn.Module)
    values = encoded(encoder, pixels, "cpu")
    deviation = values[:24].std(axis=0)
    standardised = (values - values[:24].mean(axis=0)) / np.where(deviation == 0, 1, deviation)
    fits = {alpha: Ridge(alpha).fit(standardised[:24], scores[:24]) for alpha in PENALTIES}
    errors = {
        alpha: np.mean((fit.predict(standardised[24:34]) - scores[24:34]) ** 2)
        for alpha, fit in fits.items()
    }
    best = min(errors, key=errors.__getitem__)
    assert result.chosen["penalty"] == best
    assert result.chosen["validation_squared_error"] == pytest.approx(errors[best])
    ours = result.predictor.score(pixels, "cpu")
    np.testing.assert_allclose(ours, fits[best].predict(standardised), atol=1e-4)
    assert np.corrcoef(ours[34:], scores[34:])[0, 1] > 0.5
    assert result.predictor.facts.trained_on == "24 images: a table"


def test_scores_of_test_images_are_not_read(
    weights: Path, pixels: np.ndarray, scores: np.ndarray
) -> None:
    other = scores.copy()
    other[SPLIT == "test"] = np.nan
    one, two = fitted(weights, pixels, scores), fitted(weights, pixels, other)
    np.testing.assert_array_equal(
        one.predictor.score(pixels, "cpu"), two.predictor.score(pixels, "cpu")
    )


def test_a_fitted_predictor_is_written_and_read_with_the_same_scores(
    weights: Path, pixels: np.ndarray, scores: np.ndarray, tmp_path: Path
) -> None:
    predictor = fitted(weights, pixels, scores).predictor
    write_fitted(predictor, tmp_path / "mine.safetensors")
    read = open_encoder_ridge(SPEC, Given(weights=(tmp_path / "mine.safetensors",)))
    ours, theirs = (one.to("cpu").score(pixels, "cpu") for one in (predictor, read))
    np.testing.assert_array_equal(ours, theirs)
    assert read.facts.predicts == "rating"
    assert read.facts.weights_sha256 != predictor.facts.weights_sha256


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_split_without_images_to_fit_or_to_choose_by_is_refused(
    weights: Path, pixels: np.ndarray, scores: np.ndarray, part: str
) -> None:
    split = np.where(part == SPLIT, "test", SPLIT)
    with pytest.raises(InputError, match="images, but the split has none"):
        fitted(weights, pixels, scores, split)


@pytest.mark.parametrize("train", [1, 24])
def test_equal_scores_and_a_single_training_image_give_one_constant(
    weights: Path, pixels: np.ndarray, train: int
) -> None:
    split = np.array(["train"] * train + ["validation"] * (IMAGES - train))
    result = fitted(weights, pixels, np.full(IMAGES, 0.7), split)
    np.testing.assert_allclose(result.predictor.score(pixels, "cpu"), 0.7, atol=1e-5)
    assert result.chosen["penalty"] == max(PENALTIES)


def test_other_files_are_refused(
    weights: Path, pixels: np.ndarray, scores: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no fitted predictor"):
        open_encoder_ridge(SPEC, Given(weights=(weights,)))
    predictor = fitted(weights, pixels, scores).predictor
    path = tmp_path / "mine.safetensors"
    tensors: Mapping[str, Any] = predictor.network.state_dict()
    header = {"facts": {**vars(predictor.facts), "predictor": "another"}}
    FITTED_FILE.write(path, header, tensors)
    with pytest.raises(InputError, match="holds the predictor 'another'"):
        open_encoder_ridge(SPEC, Given(weights=(path,)))
