"""Images from which Integrated Gradients starts: its baselines."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from memorability.base.arrays import blocks
from memorability.base.errors import nearest
from memorability.base.seeding import torch_stream

Baseline = Literal["blurred_mean", "zeros", "blurred_image", "uniform_noise"]

_IMAGES_PER_BLOCK = 64


def blurred_mean_baseline(
    pixels: npt.NDArray[np.uint8], *, rows: npt.NDArray[np.intp] | None = None, kernel: int = 15
) -> torch.Tensor:
    """Return the mean of the training images after a Gaussian blur.

    The standard deviation of the blur, in pixels, is torchvision's default for a kernel size,
    0.3 · ((kernel − 1) · 0.5 − 1) + 0.8, that is 2.6 for 15. The border is reflected.

    Parameters
    ----------
    pixels
        Images, (N, H, W, 3), uint8, N at least 1, in memory or memory-mapped; read in blocks.
    rows
        (M,) rows of the training images, M at least 1; all where none are named.
    kernel
        Side of the square kernel in pixels, odd and no larger than the image. Published: 15.

    Returns
    -------
    torch.Tensor
        The baseline image, (1, 3, H, W), float32, in [0, 1].

    Raises
    ------
    ValueError
        If there are no images of that shape and type, or the kernel is even, negative or larger
        than the image.

    Notes
    -----
    Source: "Explainability Analysis". The paper gives the kernel size but no standard deviation.
    """
    if pixels.ndim != 4 or pixels.shape[3] != 3 or not len(pixels) or pixels.dtype != np.uint8:
        raise ValueError(
            f"The images of the baseline are {pixels.dtype} of shape {pixels.shape}. Expected "
            "uint8 of shape (N, H, W, 3), N at least 1. Pass the training rows of the prepared "
            "images."
        )
    count, height, width, _ = pixels.shape
    if kernel % 2 == 0 or not 1 <= kernel <= min(height, width):
        raise ValueError(
            f"The baseline's blur kernel is {kernel} for images of {height}×{width} pixels. "
            "Expected an odd size no larger than the image. Choose another kernel."
        )
    rows = np.arange(count) if rows is None else rows
    total = np.zeros((height, width, 3), dtype=np.float64)
    for block in blocks(len(rows), _IMAGES_PER_BLOCK):
        total += pixels[rows[block]].sum(axis=0, dtype=np.float64)
    mean = torch.from_numpy(total / (len(rows) * 255)).permute(2, 0, 1).unsqueeze(0)
    return _blurred(mean, kernel).float()


def baseline_images(
    name: str, images: Tensor, blurred_mean: Tensor, *, kernel: int, seed: int
) -> Tensor:
    """Return the images from which a path to each of `images` starts.

    Parameters
    ----------
    name
        `blurred_mean`: as published. `zeros`: black, captum's default and that of the published
        scripts. `blurred_image`: each image itself, blurred like the mean. `uniform_noise`: one
        image of independent uniform values, the same for all.
    images
        (N, 3, H, W), float32, in [0, 1].
    blurred_mean
        (1, 3, H, W), as from `blurred_mean_baseline`, on the device of `images`.
    kernel
        Side of the blur's kernel in pixels, odd.
    seed
        Of the noise.

    Returns
    -------
    torch.Tensor
        (N, 3, H, W), float32, in [0, 1].

    Raises
    ------
    ValueError
        If no baseline has that name.
    """
    if name == "blurred_mean":
        return blurred_mean.expand_as(images)
    if name == "zeros":
        return torch.zeros_like(images)
    if name == "blurred_image":
        return _blurred(images, kernel)
    if name == "uniform_noise":
        noise = torch.rand(blurred_mean.shape, generator=torch_stream(seed, "noise baseline"))
        return noise.to(images).expand_as(images)
    known = get_args(Baseline)
    raise ValueError(f"No baseline is named {name!r} ({nearest(name, known)}).")


def _blurred(images: Tensor, kernel: int) -> Tensor:
    # The kernel's weights sum to 1 only to the last bit: a white image may exceed 1.
    blurred: Tensor = gaussian_blur(images, [kernel, kernel]).clamp(0, 1)
    return blurred
