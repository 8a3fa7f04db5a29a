"""What several features of an image are computed from, each representation made once.

Everything that depends on a single 8-bit number is looked up, not computed anew for each pixel. The
values are those of scikit-image to the bit (tested).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import entropy
from skimage.color import rgb2gray, xyz2lab
from skimage.color.colorconv import xyz_from_rgb
from skimage.util import img_as_float, img_as_ubyte

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


_UNIT: Final = img_as_float(np.arange(256, dtype=np.uint8))
_LINEAR: Final = np.where(_UNIT > 0.04045, np.power((_UNIT + 0.055) / 1.055, 2.4), _UNIT / 12.92)
"""Linear intensity of each 8-bit sRGB value (IEC 61966-2-1)."""


class Views:
    """One image in the representations that features are computed from.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.
    """

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.image = np.ascontiguousarray(image)

    @cached_property
    def lab(self) -> FloatArray:
        """CIELAB (D65, 2° observer), shape (H, W, 3), in CIE units."""
        lab: FloatArray = xyz2lab(_LINEAR[self.image] @ xyz_from_rgb.T)
        return lab

    @cached_property
    def lab_8bit(self) -> NDArray[np.uint8]:
        """CIELAB as OpenCV encodes it in 8 bits: L* stretched to 0-255, a* and b* shifted by 128.

        Rounded from exact values; OpenCV's own fixed-point arithmetic may differ by one level.
        """
        scaled = self.lab * (255 / 100, 1, 1) + (0, 128, 128)
        return np.rint(scaled).clip(0, 255).astype(np.uint8)

    @cached_property
    def saturation(self) -> FloatArray:
        """HSV saturation, shape (H, W), 0-1, 0 for black."""
        high, delta = self._high_and_delta
        return np.divide(delta, high, out=np.zeros_like(high), where=high > 0)

    @cached_property
    def hue(self) -> FloatArray:
        """HSV hue, shape (H, W), a fraction of the circle from red, 0 to below 1, 0 for grey."""
        high, delta = self._high_and_delta
        red, green, blue = _channels(_UNIT[self.image])
        # Where two channels share the maximum, the later one's formula counts.
        of_green, of_blue = green == high, blue == high
        difference = np.where(of_blue, red - green, np.where(of_green, blue - red, green - blue))
        sextant = np.where(of_blue, 4.0, np.where(of_green, 2.0, 0.0))
        coloured = delta > 0
        hue = (np.divide(difference, delta, out=np.zeros_like(delta), where=coloured) + sextant) / 6
        return np.where(coloured, hue + (hue < 0), 0.0)

    @cached_property
    def _high_and_delta(self) -> tuple[FloatArray, FloatArray]:
        """Largest channel of each pixel, and how far the smallest is below it, (H, W), 0-1."""
        red, green, blue = _channels(self.image)
        high = _UNIT[np.maximum(np.maximum(red, green), blue)]
        return high, high - _UNIT[np.minimum(np.minimum(red, green), blue)]

    @cached_property
    def luminance(self) -> FloatArray:
        """Rec. 709 weighting of the sRGB channels, which scikit-image calls grey; (H, W), 0-1."""
        grey: FloatArray = rgb2gray(self.image)
        return grey

    @cached_property
    def grey(self) -> NDArray[np.uint8]:
        """Luminance in 8 bits, shape (H, W), 0-255."""
        grey: NDArray[np.uint8] = img_as_ubyte(self.luminance)
        return grey


def _channels(pixels: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    return tuple(np.ascontiguousarray(channel) for channel in np.moveaxis(pixels, -1, 0))


def entropy_of_counts(counts: NDArray[np.intp]) -> float:
    """Return the Shannon entropy of a histogram, in bits; 0 where all is in one bin."""
    return float(entropy(counts[counts > 0], base=2))


def views(image: NDArray[np.uint8] | Views) -> Views:
    """Return the representations of an image, or those that were handed over."""
    return image if isinstance(image, Views) else Views(image)
