"""Words, codes and pyramid, against slow references that follow the definitions."""

import numpy as np
import pytest

from memorability.base.errors import InputError
from memorability.pixel_predictors.descriptors.coding import (
    VALUES,
    WORDS,
    coded,
    learn_words,
    pooled,
)


def draw(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, 12), dtype=np.float32)


def reference_code(descriptor: np.ndarray, words: np.ndarray) -> np.ndarray:
    distances = [float(((word - descriptor) ** 2).sum()) for word in words]
    nearest = sorted(range(len(words)), key=distances.__getitem__)[:3]
    covariance = np.empty((3, 3))
    for i, one in enumerate(nearest):
        for j, other in enumerate(nearest):
            covariance[i, j] = (words[one] - descriptor) @ (words[other] - descriptor)
    covariance = covariance + 0.03 * (covariance[0, 0] + covariance[1, 1] + covariance[2, 2]) * (
        np.eye(3)
    )
    weights = np.linalg.inv(covariance).sum(axis=1)
    code = np.zeros(len(words))
    code[nearest] = weights / weights.sum()
    return code


def test_codes_are_those_of_the_definition() -> None:
    descriptors, words = draw(40, 1), draw(WORDS, 2)
    ours = coded(descriptors, words)
    for code, descriptor in zip(ours, descriptors, strict=True):
        expected = reference_code(descriptor.astype(float), words.astype(float))
        np.testing.assert_allclose(code, expected, atol=1e-4)
    np.testing.assert_array_equal((ours != 0).sum(axis=1), 3)
    np.testing.assert_allclose(ours.sum(axis=1), 1, atol=1e-5)


def test_a_descriptor_that_is_a_word_has_its_weight_above_all() -> None:
    words = draw(WORDS, 3)
    codes = coded(words, words)
    np.testing.assert_array_equal(codes.argmax(axis=1), np.arange(WORDS))
    assert np.diag(codes).min() > 0.75


@pytest.mark.parametrize(("height", "width"), [(10, 7), (3, 2), (4, 5)])
def test_the_pyramid_has_the_largest_weight_of_each_part(height: int, width: int) -> None:
    codes = np.random.default_rng(4).normal(size=(height, width, WORDS)).astype(np.float32)
    ours = pooled(codes, (4 * np.arange(height) // height, 4 * np.arange(width) // width))
    expected = []
    for level in (4, 2, 1):
        for row in range(level):
            for column in range(level):
                inside = [
                    codes[y, x]
                    for y in range(height)
                    for x in range(width)
                    if y * level // height == row and x * level // width == column
                ]
                expected += np.max(inside, axis=0).tolist() if inside else [0.0] * WORDS
    assert ours.shape == (VALUES,) == (5376,)
    np.testing.assert_allclose(ours, np.array(expected) / np.linalg.norm(expected), atol=1e-6)


def test_words_are_centres_of_the_descriptors_and_repeat_with_the_seed() -> None:
    centres = 20 * draw(WORDS, 5)
    noise = np.random.default_rng(6).normal(0, 0.01, size=(4, *centres.shape))
    descriptors = (centres + noise).reshape(-1, 12).astype(np.float32)
    words = learn_words(descriptors, seed=1)
    np.testing.assert_array_equal(words, learn_words(descriptors, seed=1))
    assert not np.array_equal(words, learn_words(descriptors, seed=2))
    # k-means finds a local optimum: most centres, not all.
    distances = ((words[:, None] - centres) ** 2).sum(axis=2).min(axis=0)
    assert (distances < 0.01).mean() > 0.7


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("descriptors", [draw(WORDS - 1, 7), np.ones((600, 12), np.float32)])
def test_too_few_different_descriptors_are_refused(descriptors: np.ndarray) -> None:
    with pytest.raises(InputError, match="too few, too small or too plain"):
        learn_words(descriptors, seed=0)
