"""HOG2x2 as a predictor: its canvas, its dictionary, its fit, its file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memorability.base.errors import InputError
from memorability.images.decoding import BadImage
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given
from memorability.pixel_predictors.descriptors.coding import VALUES, coded
from memorability.pixel_predictors.descriptors.hog import hog2x2
from memorability.pixel_predictors.descriptors.hog2x2 import (
    Hog2x2,
    dictionary,
    fit_hog2x2,
    on_a_canvas,
    open_hog2x2,
)
from memorability.pixel_predictors.fitted_file import write_fitted
from memorability.pixel_predictors.frozen_encoder import encoded
from memorability.pixel_predictors.names import PIXEL_PREDICTORS

SPEC = PIXEL_PREDICTORS["hog2x2"]
SETTINGS = FitSettings(seed=0, device="cpu", predicts="rating", trained_on="a table")
IMAGES = 24
SPLIT = np.array(["train"] * 12 + ["validation"] * 6 + ["test"] * 6)


def stripes(angle: float, seed: int, width: int, height: int = 40) -> Image.Image:
    """Return stripes across a direction, with noise."""
    y, x = np.mgrid[:height, :width]
    waves = 90 * np.sin((np.cos(angle) * x + np.sin(angle) * y) / 2)
    noise = np.random.default_rng(seed).normal(128, 15, size=(height, width))
    grey = (waves + noise).clip(0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    return np.random.default_rng(3).uniform(0, 1, IMAGES)


@pytest.fixture(scope="module")
def pixels(scores: np.ndarray) -> np.ndarray:
    """Stripes whose direction is the score, of two sizes."""
    made = [stripes(score * 1.5, row, 40 + 8 * (row % 2)) for row, score in enumerate(scores)]
    return np.stack([on_a_canvas(image) for image in made])


@pytest.fixture(scope="module")
def fitted(pixels: np.ndarray, scores: np.ndarray) -> Fitted:
    return fit_hog2x2(SPEC, Given(weights=()), pixels, scores, SPLIT, settings=SETTINGS)


@pytest.mark.parametrize(
    ("size", "shrunk"),
    [((800, 600), (400, 300)), ((300, 1200), (100, 400)), ((90, 50), (90, 50)), ((8, 8), (8, 8))],
)
def test_the_canvas_keeps_the_aspect_and_says_where_the_image_is(
    size: tuple[int, int], shrunk: tuple[int, int]
) -> None:
    canvas = on_a_canvas(Image.new("RGB", size, (9, 120, 250)))
    assert canvas.shape == (4, 400, 400)
    assert canvas.dtype == np.uint8
    width, height = shrunk
    inside = np.zeros((400, 400), dtype=bool)
    inside[:height, :width] = True
    np.testing.assert_array_equal(canvas[3], np.where(inside, 255, 0))
    for channel, value in zip(canvas, (9, 120, 250), strict=False):
        np.testing.assert_array_equal(channel, np.where(inside, value, 0))


@pytest.mark.parametrize("size", [(7, 100), (100, 1), (9000, 100)])
def test_images_smaller_than_a_cell_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(BadImage, match="HOG2x2 needs 8 pixels, a cell, on each side"):
        on_a_canvas(Image.new("RGB", size))


def test_values_are_pooled_from_codes_of_the_image_alone(pixels: np.ndarray) -> None:
    """The last 256 values are the largest weight of each word; black beside the image has no share."""
    words = dictionary(pixels, np.arange(12), seed=0)
    image = pixels[1][:3, :40, :48]
    codes = coded(hog2x2(image).reshape(-1, 124), words)
    (values,) = encoded(Hog2x2(words), pixels[1:2], "cpu")
    assert values.shape == (VALUES,)
    largest = codes.max(axis=0)
    np.testing.assert_allclose(
        values[-256:] / np.linalg.norm(values[-256:]), largest / np.linalg.norm(largest), atol=1e-6
    )
    assert np.linalg.norm(values) == pytest.approx(1)


def test_the_mirror_image_is_scored_as_if_it_had_been_prepared(
    fitted: Fitted, pixels: np.ndarray
) -> None:
    image = Image.fromarray(pixels[1][:3, :40, :48].transpose(1, 2, 0))
    mirrored = on_a_canvas(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    both = fitted.predictor.score(np.stack([pixels[1], mirrored]), "cpu")
    averaged = fitted.predictor.score(pixels[1:2], "cpu", mirror=True)
    assert averaged[0] == pytest.approx(both.mean(), abs=1e-6)


def test_the_dictionary_is_of_training_images_and_repeats_with_the_seed(
    pixels: np.ndarray,
) -> None:
    words = dictionary(pixels, np.arange(12), seed=0)
    others = pixels.copy()
    others[12:] = 0
    np.testing.assert_array_equal(words, dictionary(others, np.arange(12), seed=0))
    assert not np.array_equal(words, dictionary(pixels, np.arange(12), seed=1))


def test_what_shows_in_gradients_is_learned_and_the_test_scores_are_not_read(
    fitted: Fitted, pixels: np.ndarray, scores: np.ndarray
) -> None:
    ours = fitted.predictor.score(pixels, "cpu")
    assert np.corrcoef(ours[18:], scores[18:])[0, 1] > 0.8
    unknown = np.where(SPLIT == "test", np.nan, scores)
    again = fit_hog2x2(SPEC, Given(weights=()), pixels, unknown, SPLIT, settings=SETTINGS)
    np.testing.assert_array_equal(again.predictor.score(pixels, "cpu"), ours)
    assert fitted.predictor.facts.trained_on == "12 images: a table"
    assert set(fitted.chosen) == {"C", "epsilon", "validation_squared_error"}


def test_a_fitted_predictor_is_written_and_read_with_the_same_scores(
    fitted: Fitted, pixels: np.ndarray, tmp_path: Path
) -> None:
    write_fitted(fitted.predictor, tmp_path / "mine.safetensors")
    read = open_hog2x2(SPEC, Given(weights=(tmp_path / "mine.safetensors",)))
    np.testing.assert_array_equal(
        read.score(pixels[:3], "cpu"), fitted.predictor.score(pixels[:3], "cpu")
    )
    assert read.facts.version == fitted.predictor.facts.version


def test_a_split_without_validation_is_refused_before_the_dictionary_is_learned(
    pixels: np.ndarray, scores: np.ndarray
) -> None:
    split = np.where(SPLIT == "validation", "test", SPLIT)
    with pytest.raises(InputError, match="needs validation images, but the split has none"):
        fit_hog2x2(SPEC, Given(weights=()), pixels, scores, split, settings=SETTINGS)


def test_equal_scores_give_one_constant(pixels: np.ndarray) -> None:
    equal = np.full(IMAGES, 0.7)
    result = fit_hog2x2(SPEC, Given(weights=()), pixels, equal, SPLIT, settings=SETTINGS)
    np.testing.assert_allclose(result.predictor.score(pixels, "cpu"), 0.7, atol=1e-6)


def test_one_training_image_is_enough_if_it_is_large_enough() -> None:
    pixels = np.stack([on_a_canvas(stripes(1, seed, 120, 120)) for seed in range(2)])
    split, scores = np.array(["train", "validation"]), np.array([0.4, 0.9])
    result = fit_hog2x2(SPEC, Given(weights=()), pixels, scores, split, settings=SETTINGS)
    np.testing.assert_allclose(result.predictor.score(pixels, "cpu"), 0.4, atol=1e-6)
    small = np.stack([on_a_canvas(stripes(1, seed, 40)) for seed in range(2)])
    with pytest.raises(InputError, match=r"too few different descriptors \(49 in all\)"):
        fit_hog2x2(SPEC, Given(weights=()), small, scores, split, settings=SETTINGS)
