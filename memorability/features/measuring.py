"""Image features, each a pure function of one RGB image.

Those of the paper's Table 2 that need no network are `FEATURES`. `VARIANTS` are other readings of the
paper's words, those of its released code among them. `CONTROLS` are low-level measures beside which
errors stand (`memorability.features.names.LOW_LEVEL`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from memorability.base.job_log import progress
from memorability.features import color, spectrum, texture
from memorability.features.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Feature = Callable[[NDArray[np.uint8] | Views], float]


def _named(*features: Feature) -> Mapping[str, Feature]:
    return MappingProxyType({feature.__name__: feature for feature in features})


FEATURES: Final = _named(
    color.mean_lab_l,
    color.mean_lab_a,
    color.mean_lab_b,
    color.saturation,
    color.color_diversity,
    texture.image_entropy,
    texture.texture_energy,
    texture.clutter_score,
)
"""The features of Table 2 by their names."""

VARIANTS: Final = _named(
    color.mean_lab_l_8bit,
    color.mean_lab_a_8bit,
    color.mean_lab_b_8bit,
    color.color_diversity_lab_histogram,
    color.color_diversity_lab_values,
    texture.texture_energy_horizontal,
    texture.texture_energy_swapped,
    texture.clutter_thresholds_05_10,
    texture.clutter_thresholds_20_40,
    texture.clutter_thresholds_40_80,
    texture.clutter_sigma_2,
    texture.clutter_sigma_3,
    texture.clutter_sobel_entropy,
)
"""Other readings of them by their names."""

CONTROLS: Final = _named(
    spectrum.rms_contrast,
    spectrum.spectral_slope,
    spectrum.energy_2_to_4_pixels,
    spectrum.energy_4_to_8_pixels,
    spectrum.energy_8_to_16_pixels,
    spectrum.energy_16_to_32_pixels,
)
"""Measures of contrast and spatial frequency by their names."""

_ALL: Final = MappingProxyType({**FEATURES, **VARIANTS, **CONTROLS})


def measure_features(pixels: NDArray[np.uint8], image_ids: pd.Series, threads: int) -> pd.DataFrame:
    """Return the table `features` (image_id, feature, value) of every image.

    Parameters
    ----------
    pixels
        sRGB images, (N, 3, H, W), uint8, 0-255; may be memory-mapped.
    image_ids
        Of every row of `pixels`.
    threads
        See `image_features`.
    """
    with progress(len(image_ids), "measuring features") as step:
        features = image_features(pixels.transpose(0, 2, 3, 1), threads=threads, on_image=step)
    return features.assign(image_id=image_ids).melt("image_id", var_name="feature")


def image_features(
    pixels: NDArray[np.uint8], *, threads: int = 1, on_image: Callable[[], object] = lambda: None
) -> pd.DataFrame:
    """Compute every feature and variant of every image.

    The features are those of colour and texture in the paper's section "Feature Analysis". Each
    image is treated alone, so that its values depend neither on the other images nor on `threads`;
    what several features of an image need is computed once.

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
        :data:`FEATURES`, :data:`VARIANTS` and :data:`CONTROLS`, with the unit and range that its
        function states.

    Raises
    ------
    ValueError
        If `pixels` is not uint8 of shape (N, H, W, 3), or `threads` is below 1.
    """
    _check_pixels(pixels)
    rows = np.empty((len(pixels), len(_ALL)), dtype=np.float64)
    # Conversions of colours are small products of matrices: threads of their own would only wait.
    with threadpool_limits(1), ThreadPoolExecutor(max_workers=threads) as pool:
        for row, values in zip(rows, pool.map(_features_of, pixels), strict=True):
            row[:] = values
            on_image()
    return pd.DataFrame(rows, columns=list(_ALL))


def _features_of(image: NDArray[np.uint8]) -> list[float]:
    views = Views(image)
    return [feature(views) for feature in _ALL.values()]


def _check_pixels(pixels: NDArray[np.uint8]) -> None:
    if pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be uint8, 0-255, not {pixels.dtype}")
    match pixels.shape:
        case (_, H, W, 3) if min(H, W) >= 2:
            return
    raise ValueError(
        f"pixels must have shape (N, H, W, 3) with H and W at least 2, not {pixels.shape}"
    )
