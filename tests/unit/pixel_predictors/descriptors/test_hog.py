"""HOG2x2 value by value, against a slow reference that follows the definition pixel by pixel."""

from math import cos, pi, sin, sqrt

import numpy as np
import pytest

from memorability.pixel_predictors.descriptors.hog import VALUES, hog2x2

# The sines of 80° and 100° are equal: of a vertical gradient the first of the two is taken.
DIRECTIONS = [(cos(k * pi / 9), sin(min(k, 9 - k) * pi / 9)) for k in range(9)]


class Reference:
    """One image, whose values are computed one after another, in loops."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = np.pad(image, ((0, 0), (20, 20), (20, 20)), mode="symmetric").astype(float)
        self.known: dict[tuple[int, int], list[float]] = {}

    def gradient(self, y: int, x: int) -> tuple[int, float]:
        best, chosen = -1.0, (0.0, 0.0)
        for colour in self.image:
            dx, dy = colour[y, x + 1] - colour[y, x - 1], colour[y + 1, x] - colour[y - 1, x]
            if dx * dx + dy * dy > best:
                best, chosen = dx * dx + dy * dy, (dx, dy)
        strongest, orientation = 0.0, 0
        for k, (c, s) in enumerate(DIRECTIONS):
            along = chosen[0] * c + chosen[1] * s
            if along > strongest:
                strongest, orientation = along, k
            elif -along > strongest:
                strongest, orientation = -along, k + 9
        return orientation, sqrt(best)

    def histogram(self, y: int, x: int) -> list[float]:
        if (y, x) not in self.known:
            sums = [0.0] * 18
            for v in range(-7, 8):
                for u in range(-7, 8):
                    orientation, magnitude = self.gradient(y + v, x + u)
                    sums[orientation] += magnitude * (8 - abs(v)) * (8 - abs(u)) / 64
            self.known[y, x] = sums
        return self.known[y, x]

    def energy(self, y: int, x: int) -> float:
        sums = self.histogram(y, x)
        return sum((sums[k] + sums[k + 9]) ** 2 for k in range(9))

    def cell(self, y: int, x: int) -> list[float]:
        sums = self.histogram(y, x)
        blocks = []
        for right in (0, -8):
            for down in (0, -8):
                four = [(y + down + v, x + right + u) for v in (0, 8) for u in (0, 8)]
                blocks.append(1 / sqrt(sum(self.energy(*one) for one in four) + 1e-4))
        signed = [[min(value * block, 0.2) for value in sums] for block in blocks]
        unsigned = [
            [min((sums[k] + sums[k + 9]) * block, 0.2) for k in range(9)] for block in blocks
        ]
        return [
            *(0.5 * sum(one[k] for one in signed) for k in range(18)),
            *(0.5 * sum(one[k] for one in unsigned) for k in range(9)),
            *(0.2357 * sum(one) for one in signed),
        ]

    def descriptor(self, row: int, column: int) -> list[float]:
        y, x = 16 + 6 * row, 16 + 6 * column  # the first cell whose neighbours are inside
        places = [(y, x), (y + 8, x), (y, x + 8), (y + 8, x + 8)]
        return [value for place in places for value in self.cell(*place)]


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return waves of three colours with noise, uint8 (3, H, W)."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(y / 3), np.cos((x + y) / 5), np.sin(x / 2)]) * 60
    noise = np.random.default_rng(seed).normal(128, 25, size=(3, height, width))
    return (waves + noise).clip(0, 255).astype(np.uint8)


def test_every_value_is_that_of_the_definition() -> None:
    image = picture(11, 14)
    ours, reference = hog2x2(image), Reference(image)
    assert ours.shape == (2, 3, VALUES)
    for row in range(2):
        for column in range(3):
            np.testing.assert_allclose(
                ours[row, column], reference.descriptor(row, column), atol=2e-6
            )


def test_vertical_gradients_have_the_first_of_two_orientations() -> None:
    falling = np.tile(np.arange(200, 0, -10, dtype=np.uint8)[:, None], (3, 1, 20))
    rising = np.ascontiguousarray(falling[:, ::-1])
    for image, orientation in ((rising, 4), (falling, 13)):
        ours = hog2x2(image)[1, 1]
        np.testing.assert_allclose(ours, Reference(image).descriptor(1, 1), atol=2e-6)
        assert ours[:18].argmax() == orientation


def test_an_image_of_the_toolbox_size_has_3350_descriptors() -> None:
    assert hog2x2(picture(300, 400)).shape == (50, 67, VALUES)


@pytest.mark.parametrize("side", [1, 6, 7])
def test_the_smallest_images_have_descriptors(side: int) -> None:
    image = picture(side, side)
    ours = hog2x2(image)
    assert ours.shape == (-(-side // 6), -(-side // 6), VALUES)
    np.testing.assert_allclose(ours[0, 0], Reference(image).descriptor(0, 0), atol=2e-6)


def test_a_plain_image_has_no_gradients() -> None:
    assert not hog2x2(np.full((3, 30, 30), 77, np.uint8)).any()
