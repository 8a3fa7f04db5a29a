from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memorability.features.color import (
    HUE_BINS,
    color_diversity,
    color_diversity_lab_histogram,
    color_diversity_lab_values,
    mean_lab_a,
    mean_lab_a_8bit,
    mean_lab_b,
    mean_lab_b_8bit,
    mean_lab_l,
    mean_lab_l_8bit,
    saturation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Feature = Callable[[NDArray[np.uint8]], float]

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
BLACK, GREY, WHITE = (0, 0, 0), (128, 128, 128), (255, 255, 255)

IMAGES = arrays(
    np.uint8,
    st.tuples(st.integers(2, 5), st.integers(2, 5), st.just(3)),
    elements=st.integers(0, 255),
)


def stripes(*colors: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.broadcast_to(np.array(colors, dtype=np.uint8), (4, len(colors), 3))


@pytest.mark.parametrize(
    ("color", "lab"),
    [  # sRGB, D65, 2 degree observer; grey by hand: 116 (((128/255 + .055) / 1.055)^2.4)^(1/3) - 16
        (RED, (53.24, 80.09, 67.20)),
        (GREEN, (87.73, -86.18, 83.18)),
        (BLUE, (32.30, 79.19, -107.86)),
        (BLACK, (0.0, 0.0, 0.0)),
        (GREY, (116 * ((128 / 255 + 0.055) / 1.055) ** 0.8 - 16, 0.0, 0.0)),
        (WHITE, (100.0, 0.0, 0.0)),
    ],
)
def test_lab_means_of_one_color(
    color: tuple[int, int, int], lab: tuple[float, float, float]
) -> None:
    image = stripes(color, color)
    assert (mean_lab_l(image), mean_lab_a(image), mean_lab_b(image)) == pytest.approx(lab, abs=0.02)


def test_lab_means_are_means_over_pixels() -> None:
    image = stripes(BLACK, WHITE, WHITE, WHITE)
    assert mean_lab_l(image) == pytest.approx(75)
    mixed = stripes(RED, GREEN)
    for feature in (mean_lab_l, mean_lab_a, mean_lab_b):
        assert feature(mixed) == pytest.approx(
            (feature(stripes(RED)) + feature(stripes(GREEN))) / 2
        )


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (stripes(RED, GREEN, BLUE), 1.0),
        (stripes(BLACK, GREY, WHITE), 0.0),
        (stripes(RED, WHITE), 0.5),
        (stripes((200, 100, 150)), 0.5),
    ],
)
def test_saturation_by_hand(image: NDArray[np.uint8], expected: float) -> None:
    assert saturation(image) == pytest.approx(expected)


@given(IMAGES)
@settings(deadline=None)
def test_saturation_agrees_with_colorsys(image: NDArray[np.uint8]) -> None:
    expected = np.mean([colorsys.rgb_to_hsv(*pixel)[1] for pixel in image.reshape(-1, 3) / 255])
    assert saturation(image) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("image", "bits"),
    [
        (stripes(BLACK, GREY, WHITE), 0.0),
        (stripes(RED), 0.0),
        (stripes(RED, GREEN), 1.0),
        (stripes(RED, GREEN, BLACK, GREY, WHITE), 1.0),
        (stripes(RED, (255, 255, 0), GREEN, (0, 255, 255), BLUE, (255, 0, 255)), np.log2(6)),
        # weights 1 and 1/2: shares 2/3 and 1/3
        (stripes(RED, (100, 200, 100)), np.log2(3) - 2 / 3),
    ],
)
def test_color_diversity_by_hand(image: NDArray[np.uint8], bits: float) -> None:
    assert color_diversity(image) == pytest.approx(bits, abs=1e-12)


def test_red_is_one_hue_on_either_side_of_zero_degrees() -> None:
    assert color_diversity(stripes((255, 0, 10), RED, (255, 10, 0))) == 0


def test_color_diversity_reaches_its_maximum_over_all_hues() -> None:
    wheel = [colorsys.hsv_to_rgb(k / HUE_BINS, 1, 1) for k in range(HUE_BINS)]
    image = np.rint(np.array([wheel]) * 255).astype(np.uint8)
    assert color_diversity(image) == pytest.approx(np.log2(HUE_BINS))


def test_8bit_means_differ_by_rounding_alone() -> None:
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert mean_lab_l_8bit(image) / 2.55 == pytest.approx(mean_lab_l(image), abs=0.2)
    assert mean_lab_a_8bit(image) - 128 == pytest.approx(mean_lab_a(image), abs=0.5)
    assert mean_lab_b_8bit(image) - 128 == pytest.approx(mean_lab_b(image), abs=0.5)


@pytest.mark.parametrize(
    ("image", "histogram", "values"),
    [
        (stripes(RED), 0.0, np.log2(3)),  # 136, 208, 195
        (
            stripes(BLACK, WHITE),
            1.0,
            2 / 3 * np.log2(3 / 2) + 1 / 3 * np.log2(6),
        ),  # 0, 255, 4 × 128
        (stripes(RED, GREEN, BLUE, WHITE), 2.0, None),
    ],
)
def test_diversity_in_lab_by_hand(
    image: NDArray[np.uint8], histogram: float, values: float | None
) -> None:
    assert color_diversity_lab_histogram(image) == pytest.approx(histogram)
    if values is not None:
        assert color_diversity_lab_values(image) == pytest.approx(values)


def test_close_shades_share_a_bin_of_the_joint_histogram() -> None:
    assert color_diversity_lab_histogram(stripes((100, 100, 100), (102, 102, 102))) == 0
    assert color_diversity_lab_values(stripes((100, 100, 100), (102, 102, 102))) > 0


@given(IMAGES)
@settings(deadline=None)
def test_ranges(image: NDArray[np.uint8]) -> None:
    assert 0 <= mean_lab_l(image) <= 100 + 1e-9
    assert -86.2 <= mean_lab_a(image) <= 98.3
    assert -107.9 <= mean_lab_b(image) <= 94.5
    assert 0 <= saturation(image) <= 1
    assert 0 <= color_diversity(image) <= np.log2(HUE_BINS) + 1e-12
    assert 0 <= color_diversity_lab_histogram(image) <= 12
    assert 0 <= color_diversity_lab_values(image) <= 8
    assert 0 <= mean_lab_l_8bit(image) <= 255


@pytest.mark.parametrize(
    "feature", [mean_lab_l, mean_lab_a, mean_lab_b, saturation, color_diversity]
)
@given(image=IMAGES, seed=st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_place_of_pixels_does_not_matter(
    feature: Feature, image: NDArray[np.uint8], seed: int
) -> None:
    shuffled = np.random.default_rng(seed).permutation(image.reshape(-1, 3)).reshape(image.shape)
    expected = pytest.approx(feature(image), abs=1e-9)
    assert feature(shuffled) == expected
    assert feature(image[:, ::-1]) == expected
    assert feature(image[::-1]) == expected


@given(IMAGES)
@settings(deadline=None)
def test_grey_images_have_no_color(image: NDArray[np.uint8]) -> None:
    grey = np.repeat(image[..., :1], 3, axis=-1)
    assert saturation(grey) == 0
    assert color_diversity(grey) == 0
    assert mean_lab_a(grey) == pytest.approx(0, abs=0.01)
    assert mean_lab_b(grey) == pytest.approx(0, abs=0.01)
