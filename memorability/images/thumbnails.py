"""Small pictures of images, as pages hold them."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from memorability.images.sizes import SIDE

FEW = 1500
"""Images of a study whose pictures keep the side of prepared images."""
SMALL_SIDE = 96
"""Pixels of pictures of larger studies."""


def thumbnail_side(images: int) -> int:
    """Return the side in pixels of the pictures of a study of so many images."""
    return SIDE if images <= FEW else SMALL_SIDE


def shrunk(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Return images, uint8 (N, 3, H, W), as means of what falls together in `side` pixels."""
    small = np.empty((len(pixels), 3, side, side), dtype=np.uint8)
    for row, image in enumerate(pixels):
        # A mapped image is copied: Pillow wants its channels last, in one piece.
        picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        resized = picture.resize((side, side), Image.Resampling.BOX)
        small[row] = np.asarray(resized).transpose(2, 0, 1)
    return small


def as_webp(image: npt.NDArray[np.uint8], quality: int) -> bytes:
    """Return an image, uint8 (3, H, W), as a WebP file of a quality of 0 to 100."""
    file = BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    picture.save(file, "WEBP", quality=quality)
    return file.getvalue()
