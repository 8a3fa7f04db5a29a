"""Small pictures: means of what falls together, and files that decode to them."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from memorability.images.thumbnails import as_webp, shrunk, thumbnail_side


def test_a_small_picture_has_the_means_of_its_blocks() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
    pixels.flags.writeable = False
    expected = pixels.reshape(2, 3, 4, 2, 4, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(shrunk(pixels, 4), expected, atol=1)  # rounded along each axis
    assert shrunk(pixels, 8).tolist() == pixels.tolist()


@pytest.mark.parametrize(("images", "side"), [(1, 224), (1500, 224), (1501, 96), (58_741, 96)])
def test_pictures_of_large_studies_are_smaller(images: int, side: int) -> None:
    assert thumbnail_side(images) == side


def test_a_file_shows_the_picture_and_is_smaller_at_a_lower_quality() -> None:
    image = np.zeros((3, 64, 64), np.uint8)
    image[0, :, 32:] = 200
    files = [as_webp(image, quality) for quality in (20, 90)]
    shown = np.asarray(Image.open(BytesIO(files[1])).convert("RGB")).transpose(2, 0, 1)
    assert np.abs(shown.astype(int) - image).mean() < 4
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    assert len(as_webp(noise, 20)) < len(as_webp(noise, 90))
