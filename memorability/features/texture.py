"""Texture features of one image: grey-level entropy, GLCM energy and edge density.

Each function takes one sRGB image, or its `memorability.features.views.Views`, and works on its
luminance, the Rec. 709 weighting of the sRGB channels that scikit-image calls grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from skimage.feature import canny

from memorability.features.views import Views, entropy_of_counts, views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8] | Views


CANNY_SIGMA: Final = 1.0
"""Standard deviation of the Gaussian before edge detection, in pixels."""

CANNY_THRESHOLDS: Final = (0.1, 0.2)
"""Low and high hysteresis threshold of the Sobel magnitude of luminance in [0, 1]."""

SWAPPED_GREY: Final = (0.114, 0.587, 0.299)
"""Rec. 601 weights of red, green and blue with red and blue exchanged."""


def image_entropy(image: Image) -> float:
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
    return entropy_of_counts(np.bincount(views(image).grey.ravel()))


def texture_energy(image: Image) -> float:
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
    grey = views(image).grey
    pairs = (
        (grey[:, :-1], grey[:, 1:]),
        (grey[:-1], grey[1:]),
        (grey[:-1, :-1], grey[1:, 1:]),
        (grey[1:, :-1], grey[:-1, 1:]),
    )
    return float(np.mean([_energy(first, second) for first, second in pairs]))


def texture_energy_horizontal(image: Image) -> float:
    """Energy of the co-occurrence matrix of horizontal neighbours alone.

    A variant of :func:`texture_energy`, of which it is one of the four directions.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), W at least 2, uint8, 0-255.

    Returns
    -------
    float
        Energy without unit, 1/256 to 1 (one grey level).
    """
    grey = views(image).grey
    return _energy(grey[:, :-1], grey[:, 1:])


def texture_energy_swapped(image: Image) -> float:
    """Energy of horizontal neighbours, red and blue exchanged, as in the published scripts.

    A variant of :func:`texture_energy_horizontal`: the scripts pass an image whose channels are in the
    order blue, green, red to a conversion that expects red, green, blue.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), W at least 2, uint8, 0-255.

    Returns
    -------
    float
        Energy without unit, 1/256 to 1 (one grey level).
    """
    grey = np.rint(views(image).image @ np.array(SWAPPED_GREY)).astype(np.uint8)
    return _energy(grey[:, :-1], grey[:, 1:])


def _energy(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the energy of the symmetric co-occurrence matrix of pairs of grey levels.

    Sums are of whole numbers and exact; scikit-image's differ in the last digits.
    """
    codes = first.astype(np.intp) * 256 + second
    counts = np.bincount(codes.ravel(), minlength=256 * 256).reshape(256, 256)
    both = (counts + counts.T).ravel().astype(np.float64)
    return float(np.sqrt(both @ both) / (2 * codes.size))


def clutter_score(image: Image) -> float:
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
    return _edge_share(image)


def clutter_thresholds_05_10(image: Image) -> float:
    """:func:`clutter_score` with thresholds 0.05 and 0.1: fainter edges count, too."""
    return _edge_share(image, thresholds=(0.05, 0.1))


def clutter_thresholds_20_40(image: Image) -> float:
    """:func:`clutter_score` with thresholds 0.2 and 0.4: faint edges do not count."""
    return _edge_share(image, thresholds=(0.2, 0.4))


def clutter_thresholds_40_80(image: Image) -> float:
    """:func:`clutter_score` with thresholds 0.4 and 0.8: strong edges alone count."""
    return _edge_share(image, thresholds=(0.4, 0.8))


def clutter_sigma_2(image: Image) -> float:
    """:func:`clutter_score` after a Gaussian of sigma 2 pixels: fine texture makes fewer edges."""
    return _edge_share(image, sigma=2.0)


def clutter_sigma_3(image: Image) -> float:
    """:func:`clutter_score` after a Gaussian of sigma 3 pixels: contours of large things are left."""
    return _edge_share(image, sigma=3.0)


def _edge_share(
    image: Image,
    *,
    sigma: float = CANNY_SIGMA,
    thresholds: tuple[float, float] = CANNY_THRESHOLDS,
) -> float:
    """Return the fraction of pixels on Canny edges."""
    low, high = thresholds
    edges = canny(views(image).luminance, sigma=sigma, low_threshold=low, high_threshold=high)
    return float(edges.mean())


def clutter_sobel_entropy(image: Image) -> float:
    """Shannon entropy of the Sobel magnitudes of an image, as in the published scripts.

    A variant of :func:`clutter_score`. The Sobel filter takes 8-bit luminance, mirrored at the border;
    magnitudes are told apart exactly, by their squares, which are whole numbers.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Entropy in bits, 0 (the same gradient everywhere) to log2(H · W).
    """
    padded = np.pad(views(image).grey.astype(np.int32), 1, mode="symmetric")
    smooth_rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth_columns = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across = smooth_rows[:, 2:] - smooth_rows[:, :-2]
    down = smooth_columns[2:] - smooth_columns[:-2]
    return entropy_of_counts(np.unique(across**2 + down**2, return_counts=True)[1])
