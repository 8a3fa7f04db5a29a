"""Colour features of one image: CIELAB means, saturation and colour diversity.

Each function takes one sRGB image, or its `memorability.features.views.Views`, and returns one number
that does not depend on where in the image a pixel lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import entropy

from memorability.features.views import Views, entropy_of_counts, views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8] | Views


HUE_BINS: Final = 36
"""Number of hue bins of :func:`color_diversity`, each 10 degrees wide."""

LAB_LEVELS: Final = 16
"""Levels of each channel in :func:`color_diversity_lab_histogram`, each 16 of 256 wide."""


def _mean_lab(image: Image, channel: int) -> float:
    return float(views(image).lab[..., channel].mean())


def _mean_lab_8bit(image: Image, channel: int) -> float:
    return float(views(image).lab_8bit[..., channel].mean())


def mean_lab_l(image: Image) -> float:
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


def mean_lab_a(image: Image) -> float:
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


def mean_lab_b(image: Image) -> float:
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


def saturation(image: Image) -> float:
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
    return float(views(image).saturation.mean())


def color_diversity(image: Image) -> float:
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
    view = views(image)
    # Centred bins keep the six pure hues, multiples of 60 degrees, away from the bins' edges,
    # where a rounding error would move them.
    bins = np.floor(view.hue * HUE_BINS + 0.5).astype(np.intp) % HUE_BINS
    weights = np.bincount(bins.ravel(), view.saturation.ravel(), minlength=HUE_BINS)
    return float(entropy(weights, base=2)) if weights.any() else 0.0


def mean_lab_l_8bit(image: Image) -> float:
    """Mean L* of an image in OpenCV's 8-bit encoding, as in the published scripts.

    A variant of :func:`mean_lab_l`, from which it differs by rounding each pixel.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        L* stretched from 0-100, 0 to 255.
    """
    return _mean_lab_8bit(image, 0)


def mean_lab_a_8bit(image: Image) -> float:
    """Mean a* of an image in OpenCV's 8-bit encoding, as in the published scripts.

    A variant of :func:`mean_lab_a`, from which it differs by rounding each pixel.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        a* plus 128, 0 to 255.
    """
    return _mean_lab_8bit(image, 1)


def mean_lab_b_8bit(image: Image) -> float:
    """Mean b* of an image in OpenCV's 8-bit encoding, as in the published scripts.

    A variant of :func:`mean_lab_b`, from which it differs by rounding each pixel.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        b* plus 128, 0 to 255.
    """
    return _mean_lab_8bit(image, 2)


def color_diversity_lab_histogram(image: Image) -> float:
    """Shannon entropy of the colours of an image in CIELAB.

    A variant of :func:`color_diversity` that counts differences in lightness, too: of the joint
    histogram of the three channels of the 8-bit encoding, 16 levels each.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Entropy in bits, 0 (one colour) to 12.
    """
    l_star, a_star, b_star = np.moveaxis(views(image).lab_8bit // (256 // LAB_LEVELS), -1, 0)
    joint = (l_star.astype(np.intp) * LAB_LEVELS + a_star) * LAB_LEVELS + b_star
    return entropy_of_counts(np.bincount(joint.ravel()))


def color_diversity_lab_values(image: Image) -> float:
    """Shannon entropy of all numbers of the 8-bit CIELAB array together, as in the published scripts.

    A variant of :func:`color_diversity` that does not tell the channels apart: of a grey image two
    thirds of the numbers are 128, and the rest is lightness.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Entropy in bits, 0 (every number 128) to 8.
    """
    return entropy_of_counts(np.bincount(views(image).lab_8bit.ravel()))
