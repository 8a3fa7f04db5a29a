"""Maps over images: which parts are bright, what is said of them, and safe names."""

import io

import numpy as np
import pytest
from PIL import Image

from memorability.page.overlays import (
    MEANINGS,
    Overlay,
    _picture_name,
    drawn_over,
    in_words,
    numbers,
)
from memorability.where.names import METHOD_LABELS, METHODS


def corner() -> np.ndarray:
    values = np.zeros((8, 8))
    values[0, 7], values[7, 0] = 0.0314159, -0.5
    return values


def test_bright_parts_of_the_picture_are_the_high_ones_in_the_size_of_the_image() -> None:
    image = np.full((64, 96, 3), 128, dtype=np.uint8)
    drawn = Image.open(io.BytesIO(drawn_over(image, corner())))
    assert drawn.size == (96, 64)
    light = np.asarray(drawn.convert("L")).astype(float)
    assert light[:8, -12:].mean() > light[28:36, 40:56].mean() > light[-8:, :12].mean()
    flat = np.asarray(Image.open(io.BytesIO(drawn_over(image, np.ones((8, 8))))))
    assert (flat == flat[0, 0]).all()


def test_words_name_the_ends_and_what_a_value_is() -> None:
    assert set(MEANINGS) == set(METHODS) <= set(METHOD_LABELS)
    assert in_words("resmem", "occlusion", corner()) == (
        "Map by occlusion, resmem. Highest: top right (0.0314). Lowest: bottom left (−0.5). A value is "
        "how much the score falls where this part is hidden. Bright parts have the higher values."
    )
    centre = np.zeros((8, 8))
    centre[3, 4] = 1
    assert "Highest: middle centre (1)" in in_words("a", "windows", centre)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_map_that_tells_nothing_says_so(value: float) -> None:
    said = in_words("a", "grad_cam", np.full((8, 8), value))
    assert said == "Map by Grad-CAM, a. It has the same value everywhere: it tells nothing."
    assert numbers(np.full((1, 2), value)) == [[None if np.isnan(value) else value] * 2]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("../../etc/passwd", "002_passwd_a_b_windows.png"),
        ("C:\\x\\one two.jpg", "002_one_two_a_b_windows.png"),
        ("写真.jpg", "002___a_b_windows.png"),
        ("x" * 300 + ".png", f"002_{'x' * 80}_a_b_windows.png"),
    ],
)
def test_names_in_the_archive_lead_to_no_other_folder(file: str, name: str) -> None:
    overlay = Overlay(
        file=file, predictor="a b", method="windows", cells=corner(), picture=b""
    )  # fmt: skip
    assert _picture_name(1, overlay) == name
