from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2gray, rgb2hsv, rgb2lab
from skimage.measure import shannon_entropy
from skimage.util import img_as_ubyte

from memorability.features.views import Views, entropy_of_counts, views

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES = arrays(
    np.uint8,
    st.tuples(st.integers(2, 5), st.integers(2, 5), st.just(3)),
    elements=st.integers(0, 255),
)


def assert_as_scikit_image(image: NDArray[np.uint8]) -> None:
    view, hsv = Views(image), rgb2hsv(image)
    np.testing.assert_array_equal(view.lab, rgb2lab(image))
    np.testing.assert_array_equal(view.hue, hsv[..., 0])
    np.testing.assert_array_equal(view.saturation, hsv[..., 1])
    np.testing.assert_array_equal(view.grey, img_as_ubyte(rgb2gray(image)))


@pytest.mark.parametrize("photograph", ["astronaut", "coffee", "chelsea"])
def test_photographs_are_as_scikit_image_has_them_to_the_bit(photograph: str) -> None:
    image = getattr(skimage.data, photograph)()
    assert_as_scikit_image(image[:224, :224])
    assert_as_scikit_image(image[::2, ::3])


@given(IMAGES)
@settings(deadline=None)
def test_any_pixels_are_as_scikit_image_has_them_to_the_bit(image: NDArray[np.uint8]) -> None:
    assert_as_scikit_image(image)


def test_two_largest_channels_and_grey() -> None:
    corners = np.array(np.meshgrid(*[[0, 128, 255]] * 3), dtype=np.uint8).T.reshape(1, -1, 3)
    assert_as_scikit_image(corners)


def test_8bit_lab_by_hand() -> None:
    black_white_red = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], dtype=np.uint8)
    # OpenCV's documented example: red is L 53.24, a 80.09, b 67.20
    assert Views(black_white_red).lab_8bit.tolist() == [
        [[0, 128, 128], [255, 128, 128], [136, 208, 195]]
    ]


def test_views_are_made_once_and_handed_on() -> None:
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    view = views(image)
    assert views(view) is view
    assert view.lab is view.lab


@given(arrays(np.uint8, 40, elements=st.integers(0, 9)))
def test_entropy_is_that_of_scikit_image(values: NDArray[np.uint8]) -> None:
    assert entropy_of_counts(np.bincount(values)) == shannon_entropy(values)
