"""Texture features of one image: grey-level entropy, GLCM energy and edge density.

Each function takes one sRGB image and works on its luminance, the Rec. 709 weighting of the sRGB
channels that scikit-image calls grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import entropy
from skimage.color import rgb2gray
from skimage.feature import canny, graycomatrix, graycoprops
from skimage.util import img_as_ubyte

if TYPE_CHECKING:
    from numpy.typing import NDArray

CANNY_SIGMA: Final = 1.0
"""Standard deviation of the Gaussian before edge detection, in pixels."""

CANNY_THRESHOLDS: Final = (0.1, 0.2)
"""Low and high hysteresis threshold of the Sobel magnitude of luminance in [0, 1]."""

GLCM_ANGLES: Final = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
"""Directions of the neighbour whose grey level is paired with a pixel's, in radians."""


def _luminance_8bit(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = img_as_ubyte(rgb2gray(image))
    return grey


def image_entropy(image: NDArray[np.uint8]) -> float:
    """Shannon entropy of the grey levels of an image.

    The paper (section "Feature Analysis") names image entropy; its released code does not compute
    it. The histogram here has one bin for each of the 256 levels of 8-bit luminance.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Entropy in bits, 0 (one grey level) to 8 (all levels alike).
    """
    return float(entropy(np.bincount(_luminance_8bit(image).ravel(), minlength=256), base=2))


def texture_energy(image: NDArray[np.uint8]) -> float:
    """Energy of the grey-level co-occurrence matrix (GLCM) of an image.

    The paper (section "Feature Analysis") names GLCM energy: the square root of the sum of the
    squared entries of the normalised matrix (the angular second moment). Its released code pairs
    neighbours at distance 1 in four directions but keeps only the horizontal one, with red and
    blue swapped in the luminance. Here the value is the mean over the four directions, from
    symmetric matrices of 8-bit luminance.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), H and W at least 2 so that every direction has a pair, uint8,
        0-255.

    Returns
    -------
    float
        Energy without unit, 1/256 (all pairs of levels alike) to 1 (one grey level).
    """
    glcm = graycomatrix(
        _luminance_8bit(image), distances=[1], angles=GLCM_ANGLES, symmetric=True, normed=True
    )
    return float(graycoprops(glcm, "energy").mean())


def clutter_score(image: NDArray[np.uint8]) -> float:
    """Fraction of the pixels of an image that lie on an edge.

    The paper (section "Feature Analysis") measures clutter as the density of Canny edges without
    giving the detector's settings; its released code takes the Shannon entropy of a Sobel map
    instead. The settings here are scikit-image's defaults: a Gaussian of sigma 1 pixel and
    hysteresis thresholds 0.1 and 0.2 of the Sobel magnitude (unnormalised, a step from black to
    white before smoothing is 4) of luminance in [0, 1].

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Fraction of pixels, 0 (no edge) to 1; the outermost pixels are never edges.
    """
    low, high = CANNY_THRESHOLDS
    edges = canny(rgb2gray(image), sigma=CANNY_SIGMA, low_threshold=low, high_threshold=high)
    return float(edges.mean())
