from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2gray
from skimage.feature import canny, graycomatrix, graycoprops
from skimage.filters import sobel
from skimage.measure import shannon_entropy
from skimage.util import img_as_ubyte

from memorability.features.texture import (
    clutter_score,
    clutter_sigma_2,
    clutter_sigma_3,
    clutter_sobel_entropy,
    clutter_thresholds_05_10,
    clutter_thresholds_20_40,
    clutter_thresholds_40_80,
    image_entropy,
    texture_energy,
    texture_energy_horizontal,
    texture_energy_swapped,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES = arrays(
    np.uint8,
    st.tuples(st.integers(2, 6), st.integers(2, 6), st.just(3)),
    elements=st.integers(0, 255),
)


def rgb(levels: NDArray[np.integer]) -> NDArray[np.uint8]:
    return np.repeat(np.asarray(levels, dtype=np.uint8)[..., None], 3, axis=-1)


def half_black_half_white(size: int = 16) -> NDArray[np.uint8]:
    return rgb(np.where(np.arange(size) < size // 2, 0, 255) * np.ones((size, 1), dtype=np.intp))


def checkerboard(size: int = 8) -> NDArray[np.uint8]:
    return rgb(np.indices((size, size)).sum(axis=0) % 2 * 255)


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (77, 77, 77), (10, 200, 90)])
def test_one_color(color: tuple[int, int, int]) -> None:
    image = np.full((16, 16, 3), color, dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert image_entropy(image) == 0
        assert texture_energy(image) == 1
        assert texture_energy_horizontal(image) == 1
        assert texture_energy_swapped(image) == 1
        assert clutter_score(image) == 0
        assert clutter_sobel_entropy(image) == 0


@pytest.mark.parametrize("photograph", ["astronaut", "coffee", "chelsea"])
def test_photographs_agree_with_scikit_image(photograph: str) -> None:
    image = getattr(skimage.data, photograph)()[50:274, 50:274]
    grey = img_as_ubyte(rgb2gray(image))
    glcm = graycomatrix(
        grey, [1], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4], symmetric=True, normed=True
    )
    energies = graycoprops(glcm, "energy")[0]
    # Their sums of fractions are rounded, ours of whole numbers are not.
    assert texture_energy(image) == pytest.approx(energies.mean(), rel=1e-12)
    assert texture_energy_horizontal(image) == pytest.approx(energies[0], rel=1e-12)
    assert image_entropy(image) == shannon_entropy(grey)
    for feature, settings_of_canny in {
        clutter_score: (1, 0.1, 0.2), clutter_thresholds_05_10: (1, 0.05, 0.1),
        clutter_thresholds_20_40: (1, 0.2, 0.4), clutter_thresholds_40_80: (1, 0.4, 0.8),
        clutter_sigma_2: (2, 0.1, 0.2), clutter_sigma_3: (3, 0.1, 0.2),
    }.items():  # fmt: skip
        assert feature(image) == canny(rgb2gray(image), *settings_of_canny).mean()
    # Magnitudes are whole numbers under the root, which rounding must not split.
    squares = np.rint(2 * (4 * 255 * sobel(grey / 255)) ** 2).astype(np.int64)
    assert clutter_sobel_entropy(image) == shannon_entropy(squares)


def test_entropy_by_hand() -> None:
    assert image_entropy(half_black_half_white()) == 1
    assert image_entropy(checkerboard()) == 1
    assert image_entropy(rgb(np.arange(256).reshape(16, 16))) == pytest.approx(8)
    # shares 1/2, 1/4, 1/4
    assert image_entropy(rgb(np.array([[5, 5], [6, 7]]))) == pytest.approx(1.5)


def test_luminance_weighs_the_channels() -> None:
    # 255 times .2125, .7154 and .0721 are three levels; equal weights would give one
    image = np.diag([255, 255, 255]).astype(np.uint8)[None]
    assert image_entropy(image) == pytest.approx(np.log2(3))


def test_energy_of_a_checkerboard() -> None:
    # across and down every pair is mixed: shares 1/2, 1/2; along the diagonals no pair is mixed:
    # on an 8 x 8 board 49 pairs, of which each direction has 25 of one colour and 24 of the other
    diagonal = np.hypot(24, 25) / 49
    assert texture_energy(checkerboard()) == pytest.approx((2 * np.sqrt(0.5) + 2 * diagonal) / 4)


def test_energy_of_a_two_by_two_image() -> None:
    # levels [[0, 0], [0, 9]]; ordered pairs, both ways:
    # across: (0,0)x2 (0,9) (9,0): sqrt(4 + 1 + 1)/4, the same down
    # one diagonal: (0,9) (9,0): sqrt(1 + 1)/2; the other: (0,0)x2: 1
    expected = (2 * np.sqrt(6) / 4 + np.sqrt(2) / 2 + 1) / 4
    assert texture_energy(rgb(np.array([[0, 0], [0, 9]]))) == pytest.approx(expected)


def test_horizontal_energy_is_that_of_one_direction() -> None:
    # levels [[0, 0], [0, 9]]: (0,0)x2 (0,9) (9,0)
    assert texture_energy_horizontal(rgb(np.array([[0, 0], [0, 9]]))) == np.sqrt(6) / 4


def test_swapped_channels_change_the_luminance() -> None:
    # Rec. 601 of (255, 0, 0) with red and blue exchanged is 29, and of (0, 0, 97) it is 29 as well
    image = np.array([[[255, 0, 0], [0, 0, 97]]], dtype=np.uint8)
    assert texture_energy_swapped(image) == 1
    assert texture_energy_horizontal(image) < 1


def test_sobel_entropy_by_hand() -> None:
    # Columns 0, 0, 255, 255: no gradient at the border, the same on both sides of the step.
    step = rgb(np.tile([0, 0, 255, 255], (4, 1)))
    assert clutter_sobel_entropy(step) == 1


def test_clutter_of_one_step_is_one_line_of_pixels() -> None:
    size = 16
    score = clutter_score(half_black_half_white(size))
    # one or two columns, without the outermost pixels
    assert (size - 2) / size**2 <= score <= 2 * size / size**2


def test_the_settings_decide_which_of_two_images_is_more_cluttered() -> None:
    fine = np.random.default_rng(0).integers(90, 166, (64, 64), dtype=np.uint8)
    coarse = np.full((64, 64), 40, dtype=np.uint8)
    coarse[np.add.outer(np.arange(64) // 16, np.arange(64) // 16) % 2 == 0] = 220
    assert clutter_score(rgb(fine)) > clutter_score(rgb(coarse))
    assert clutter_sigma_3(rgb(fine)) < clutter_sigma_3(rgb(coarse))


def test_faint_steps_are_no_edges() -> None:
    assert clutter_score(rgb(half_black_half_white()[..., 0] // 64 + 100)) == 0


def test_more_lines_are_more_clutter() -> None:
    one, many = np.zeros((2, 32, 32), dtype=np.uint8)
    one[:, 16:] = 255
    many[:, np.arange(32) % 16 >= 8] = 255
    assert 0 < clutter_score(rgb(one)) < clutter_score(rgb(many)) <= 1


@given(IMAGES)
@settings(deadline=None)
def test_ranges(image: NDArray[np.uint8]) -> None:
    assert 0 <= image_entropy(image) <= 8
    assert 1 / 256 <= texture_energy(image) <= 1 + 1e-12
    assert 0 <= clutter_score(image) <= 1
    assert 0 <= clutter_sobel_entropy(image) <= np.log2(image.size / 3) + 1e-12


@given(image=IMAGES, seed=st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_entropy_ignores_the_place_of_pixels(image: NDArray[np.uint8], seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(image.reshape(-1, 3)).reshape(image.shape)
    for other in (shuffled, image[:, ::-1], image[::-1]):
        assert image_entropy(other) == image_entropy(image)


@given(IMAGES)
@settings(max_examples=20, deadline=None)
def test_energy_ignores_mirroring_and_transposition(image: NDArray[np.uint8]) -> None:
    for other in (image[:, ::-1], image[::-1], image.swapaxes(0, 1)):
        assert texture_energy(other) == pytest.approx(texture_energy(image))
