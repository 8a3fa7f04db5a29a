"""Image features, each a pure function of one RGB image."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from memorability.features.color import (
    color_diversity,
    mean_lab_a,
    mean_lab_b,
    mean_lab_l,
    saturation,
)
from memorability.features.texture import clutter_score, image_entropy, texture_energy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

FEATURES: Final[Mapping[str, Callable[[NDArray[np.uint8]], float]]] = MappingProxyType(
    {
        feature.__name__: feature
        for feature in (
            mean_lab_l,
            mean_lab_a,
            mean_lab_b,
            saturation,
            color_diversity,
            image_entropy,
            texture_energy,
            clutter_score,
        )
    }
)
"""Every feature by its name, in the order of the columns of :func:`image_features`."""


def image_features(
    pixels: NDArray[np.uint8], *, threads: int = 1, on_image: Callable[[], None] = lambda: None
) -> pd.DataFrame:
    """Compute every feature of every image.

    The features are those of colour and texture in the paper's section "Feature Analysis". Each
    image is treated alone, so that its values depend neither on the other images nor on `threads`.

    Parameters
    ----------
    pixels
        sRGB images, shape (N, H, W, 3), H and W at least 2, uint8, 0-255; may be memory-mapped, one
        image per thread is read at a time.
    threads
        Number of images in work at once, at least 1.
    on_image
        Called in the calling thread, without arguments, after each image, in order.

    Returns
    -------
    pandas.DataFrame
        N rows in the order of `pixels`, indexed from 0; one float64 column per entry of
        :data:`FEATURES`, with the unit and range stated there by its function.

    Raises
    ------
    ValueError
        If `pixels` is not uint8 of shape (N, H, W, 3), or `threads` is below 1.
    """
    _check_pixels(pixels)
    rows = np.empty((len(pixels), len(FEATURES)), dtype=np.float64)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for row, values in zip(rows, pool.map(_features_of, pixels), strict=True):
            row[:] = values
            on_image()
    return pd.DataFrame(rows, columns=list(FEATURES))


def _features_of(image: NDArray[np.uint8]) -> list[float]:
    return [feature(image) for feature in FEATURES.values()]


def _check_pixels(pixels: NDArray[np.uint8]) -> None:
    if pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be uint8, 0-255, not {pixels.dtype}")
    match pixels.shape:
        case (_, H, W, 3) if min(H, W) >= 2:
            return
    raise ValueError(
        f"pixels must have shape (N, H, W, 3) with H and W at least 2, not {pixels.shape}"
    )
