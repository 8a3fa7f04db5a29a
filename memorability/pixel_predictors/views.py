"""What predictors see of an image: the squashed square, a crop of its centre, ten crops."""

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from memorability.images.decoding import resize_image
from memorability.networks.weights import IMAGENET_MEAN, IMAGENET_SD

SQUARE = 256
"""Side, in pixels, to which MemNet and ResMem squash an image, whatever its aspect."""

CROP = 227
"""Side, in pixels, of what their networks read."""

RESMEM_OFFSET = 14
"""Of the centre crop, in pixels: torchvision rounds (256 − 227) / 2 = 14.5 to the even number."""

MEMNET_OFFSET = 15
"""Of the centre crop, in pixels: MATLAB's floor(29 / 2) + 1, counted from 0."""


def squashed(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return an RGB image as uint8 (3, 256, 256), bilinear with antialiasing, aspect ignored."""
    square = image.resize((SQUARE, SQUARE), Image.Resampling.BILINEAR)
    return np.asarray(square).transpose(2, 0, 1)


def squashed_to_224(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return an RGB image as uint8 (3, 224, 224), bilinear with antialiasing, aspect ignored."""
    return resize_image(image, "squash")


def standardised(images: Tensor) -> Tensor:
    """Return images (N, 3, H, W) in [0, 1] less the mean of ImageNet, in its standard deviations."""
    mean, deviation = (
        images.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_SD)
    )
    return (images - mean) / deviation


def centre_crop(images: Tensor) -> Tensor:
    """Return ResMem's view (…, 227, 227) of squashed images (…, 256, 256)."""
    inside = slice(RESMEM_OFFSET, RESMEM_OFFSET + CROP)
    return images[..., inside, inside]


def memnet_centre(images: Tensor) -> Tensor:
    """Return MemNet's centre (…, 227, 227) of squashed images (…, 256, 256)."""
    inside = slice(MEMNET_OFFSET, MEMNET_OFFSET + CROP)
    return images[..., inside, inside]


def ten_crops(images: Tensor) -> Tensor:
    """Return MemNet's views of squashed images.

    Parameters
    ----------
    images
        (N, C, 256, 256).

    Returns
    -------
    torch.Tensor
        (N, 10, C, 227, 227): the corners top left, bottom left, top right and bottom right, the
        centre at offset 15, and the five mirrored.
    """
    far = SQUARE - CROP
    corners = [(top, left) for left in (0, far) for top in (0, far)]
    places = [*corners, (MEMNET_OFFSET, MEMNET_OFFSET)]
    views = torch.stack(
        [images[..., top : top + CROP, left : left + CROP] for top, left in places], dim=1
    )
    return torch.cat([views, views.flip(-1)], dim=1)
