"""Colour features of one image: CIELAB means, saturation and colour diversity.

Each function takes one sRGB image and returns one number that does not depend on where in the
image a pixel lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import entropy
from skimage.color import rgb2hsv, rgb2lab

if TYPE_CHECKING:
    from numpy.typing import NDArray

HUE_BINS: Final = 36
"""Number of hue bins of :func:`color_diversity`, each 10 degrees wide."""


def _mean_lab(image: NDArray[np.uint8], channel: int) -> float:
    return float(rgb2lab(image)[..., channel].mean())


def mean_lab_l(image: NDArray[np.uint8]) -> float:
    """Mean CIELAB lightness L* of an image.

    The paper (section "Feature Analysis") takes the means of the three LAB channels. Its released
    code uses OpenCV's 8-bit encoding, L* stretched to 0-255; here the value stays in CIE units
    (D65, 2° observer), which ranks images alike up to the 8-bit rounding.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Mean L*, CIE units, 0 (black) to 100 (white).
    """
    return _mean_lab(image, 0)


def mean_lab_a(image: NDArray[np.uint8]) -> float:
    """Mean CIELAB a* of an image, from green (negative) to red (positive).

    The paper (section "Feature Analysis") takes the means of the three LAB channels. Its released
    code uses OpenCV's 8-bit encoding, a* shifted by 128; here the value stays in CIE units (D65,
    2° observer), which ranks images alike up to the 8-bit rounding.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Mean a*, CIE units; about -86 to 98 within sRGB, 0 for grey up to the rounding of the
        standard's matrices (below 0.01).
    """
    return _mean_lab(image, 1)


def mean_lab_b(image: NDArray[np.uint8]) -> float:
    """Mean CIELAB b* of an image, from blue (negative) to yellow (positive).

    The paper (section "Feature Analysis") takes the means of the three LAB channels. Its released
    code uses OpenCV's 8-bit encoding, b* shifted by 128; here the value stays in CIE units (D65,
    2° observer), which ranks images alike up to the 8-bit rounding.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Mean b*, CIE units; about -108 to 94 within sRGB, 0 for grey up to the rounding of the
        standard's matrices (below 0.01).
    """
    return _mean_lab(image, 2)


def saturation(image: NDArray[np.uint8]) -> float:
    """Mean HSV saturation of an image.

    The paper (section "Feature Analysis") names the mean of the HSV saturation channel; its
    released code does not compute it.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Mean saturation, a fraction from 0 (grey) to 1 (pure hues); black counts as 0.
    """
    return float(rgb2hsv(image)[..., 1].mean())


def color_diversity(image: NDArray[np.uint8]) -> float:
    """Shannon entropy of the hues of an image, weighted by saturation.

    The paper (section "Feature Analysis") measures colour diversity as a Shannon entropy without
    saying of which distribution; its released code takes that of all numbers of the LAB array
    together, lightness included. The distribution here is our choice: a hue histogram of 36 bins
    of 10 degrees, the first centred on pure red, to which each pixel adds its HSV saturation, so
    that pixels without a colour have no say.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Entropy in bits, 0 (grey, or hues of one bin) to log2(36) = 5.17 (all hues alike).
    """
    hsv = rgb2hsv(image)
    # Centred bins keep the six pure hues, multiples of 60 degrees, away from the bins' edges,
    # where a rounding error would move them.
    bins = np.floor(hsv[..., 0] * HUE_BINS + 0.5).astype(np.intp) % HUE_BINS
    weights = np.bincount(bins.ravel(), hsv[..., 1].ravel(), minlength=HUE_BINS)
    return float(entropy(weights, base=2)) if weights.any() else 0.0
