from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from skimage.color import deltaE_cie76, rgb2lab

from memorability.features.objects import (
    Detections,
    distinct_categories,
    mean_object_size,
    object_count,
    probable_classes,
    separation_certainty,
    separation_mask_fraction,
    separation_score,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOTHING = Detections(np.empty((0, 4)), np.empty(0, dtype=int), np.empty(0), 100)
THREE = Detections(
    # 2 x 5, 10 x 10 and 4 x 5 of a 10 x 10 image
    np.array([[0, 0, 2, 5], [0, 0, 10, 10], [3, 2, 7, 7]], dtype=np.float32),
    np.array([17, 17, 44]),
    np.array([0.9, 0.5, 0.3], dtype=np.float32),
    100,
)
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.mark.parametrize(
    ("threshold", "count", "categories", "size"),
    [
        (0.05, 3, 2, (0.1 + 1 + 0.2) / 3),
        (0.5, 2, 1, 0.55),  # a score of exactly the threshold counts
        (0.51, 1, 1, 0.1),
        (0.95, 0, 0, 0.0),
    ],
)
def test_detections_by_hand(threshold: float, count: int, categories: int, size: float) -> None:
    assert object_count(THREE, threshold=threshold) == count
    assert distinct_categories(THREE, threshold=threshold) == categories
    assert mean_object_size(THREE, threshold=threshold) == pytest.approx(size)


def test_nothing_found_counts_as_zero() -> None:
    for feature in (object_count, distinct_categories, mean_object_size):
        assert feature(NOTHING, threshold=0.5) == 0


def halves() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return an image, red on the left and blue on the right, and probabilities of left and right."""
    image = np.zeros((4, 6, 3), dtype=np.uint8)
    image[:, :3], image[:, 3:] = RED, BLUE
    left = np.zeros((4, 6))
    left[:, :3] = 1
    return image, np.stack([1 - left, left * 0.75, left * 0.25])


def test_separation_is_the_distance_of_the_mean_colors() -> None:
    image, probabilities = halves()
    red, blue = (rgb2lab(np.array([[color]], dtype=np.uint8))[0, 0] for color in (RED, BLUE))
    expected = deltaE_cie76(red, blue)
    assert separation_score(image, probabilities) == pytest.approx(expected)
    assert separation_mask_fraction(probabilities) == 0.5
    assert separation_certainty(probabilities) == 1


def test_separation_averages_colors_before_it_compares_them() -> None:
    image, probabilities = halves()
    image[:, 3:5] = RED  # two thirds of the background
    red, blue = (rgb2lab(np.array([[color]], dtype=np.uint8))[0, 0] for color in (RED, BLUE))
    expected = np.linalg.norm(red - (2 * red + blue) / 3)
    assert separation_score(image, probabilities) == pytest.approx(expected)


@pytest.mark.parametrize(("background", "fraction"), [(1.0, 0.0), (0.0, 1.0)])
def test_all_background_or_one_object_everywhere_separates_nothing(
    background: float, fraction: float
) -> None:
    image, _ = halves()
    probabilities = np.stack([np.full((4, 6), background), np.full((4, 6), 1 - background)])
    assert separation_score(image, probabilities) == 0
    assert separation_mask_fraction(probabilities) == fraction
    assert separation_certainty(probabilities) == 1


def test_undecided_pixels_are_uncertain() -> None:
    probabilities = np.stack([np.full((4, 6), 0.5), np.full((4, 6), 0.3), np.full((4, 6), 0.2)])
    assert separation_certainty(probabilities) == 0
    assert separation_mask_fraction(probabilities) == 0


def test_one_color_is_not_separated_whatever_the_mask() -> None:
    _, probabilities = halves()
    assert separation_score(np.full((4, 6, 3), 90, dtype=np.uint8), probabilities) == 0


def test_probable_classes_by_hand() -> None:
    probabilities = np.array([0.5, 0.25, 0.1, 0.1, 0.05])
    assert probable_classes(probabilities, threshold=0.1) == 4
    assert probable_classes(probabilities, threshold=0.6) == 0
