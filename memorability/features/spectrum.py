"""Contrast and spatial frequencies of one image: low-level controls that the paper does not have.

Each function takes one sRGB image, or its `memorability.features.views.Views`, and works on its
luminance, the Rec. 709 weighting of the sRGB channels that scikit-image calls grey. Frequencies are in
cycles per pixel, so that no definition depends on the size of the image.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from memorability.features.views import Views, views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    Image = NDArray[np.uint8] | Views

SLOPE_WAVELENGTHS: Final = (2.0, 32.0)
"""Shortest and longest wavelength of `spectral_slope`, in pixels; 2 pixels is the shortest there is."""

RINGS_PER_OCTAVE: Final = 4
# Below this variance the spectrum is that of rounding errors: one grey level in an image of 10⁶ pixels.
_LEAST_POWER: Final = 1e-12


def rms_contrast(image: Image) -> float:
    """Root-mean-square contrast: the standard deviation of luminance over the pixels of an image.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        In units of luminance from black (0) to white (1): 0 (one grey level) to 0.5 (half black, half
        white).

    Notes
    -----
    E. Peli, Contrast in complex images, Journal of the Optical Society of America A 7, 1990, of
    luminance that is not divided by its mean.
    """
    # Rounded sums would leave 1e-17 of an image of one colour.
    luminance = views(image).luminance
    return float(luminance.std()) if luminance.max() > luminance.min() else 0.0


def spectral_slope(image: Image) -> float:
    """Slope of the radially averaged log power spectrum of an image over log frequency.

    Power is averaged in rings of a quarter of an octave, from a wavelength of 32 pixels down to 2, and
    a straight line is fitted to its logarithm by least squares. All rings have the same weight, and so
    have octaves. Before the Fourier transform the mean is taken off and a Hann window laid over the
    image, because its opposite borders do not join.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.

    Returns
    -------
    float
        Exponent of frequency, without unit: 0 for white noise, about −2 for photographs (power falls as
        1/f²); the more negative, the smoother the image. 0 of an image without contrast, or of one too
        small to have two rings.

    Notes
    -----
    D. J. Field, Relations between the statistics of natural images and the response properties of
    cortical cells, Journal of the Optical Society of America A 4, 1987.
    """
    power = _power(views(image).luminance)
    rings, frequencies = _rings(*power.shape)
    known = rings >= 0
    counts = np.bincount(rings[known])
    filled = counts > 0
    if power.sum() < _LEAST_POWER or filled.sum() < 2:
        return 0.0
    mean = np.bincount(rings[known], power[known])[filled] / counts[filled]
    where = np.bincount(rings[known], np.log(frequencies[known]))[filled] / counts[filled]
    if mean.min() <= 0:
        return 0.0
    return float(np.polyfit(where, np.log(mean), 1)[0])


def energy_2_to_4_pixels(image: Image) -> float:
    """Contrast energy of the finest details: see `band_energy`, wavelengths from 2 to 4 pixels."""
    return band_energy(image, 2)


def energy_4_to_8_pixels(image: Image) -> float:
    """Contrast energy of fine details: see `band_energy`, wavelengths from 4 to 8 pixels."""
    return band_energy(image, 4)


def energy_8_to_16_pixels(image: Image) -> float:
    """Contrast energy of details of middle size: see `band_energy`, from 8 to 16 pixels."""
    return band_energy(image, 8)


def energy_16_to_32_pixels(image: Image) -> float:
    """Contrast energy of coarse details: see `band_energy`, wavelengths from 16 to 32 pixels."""
    return band_energy(image, 16)


def band_energy(image: Image, shortest: float) -> float:
    """Variance of luminance that lies in one octave of spatial frequencies, in all directions.

    The mean is taken off and a Hann window laid over the image, as for `spectral_slope`; energies are
    divided by the window's own.

    Parameters
    ----------
    image
        sRGB image, shape (H, W, 3), uint8, 0-255.
    shortest
        Shortest wavelength in pixels, at least 2; the longest is twice as long, and is left out.

    Returns
    -------
    float
        In squared units of luminance from black (0) to white (1): 0 to 0.25. A grating of amplitude a
        within the octave has a²/2.
    """
    power = _power(views(image).luminance)
    frequency = _frequency(*power.shape)
    # Rounding must not push the corner of the spectrum that is the octave's edge out of it.
    inside = (frequency > 0.5 / shortest + 1e-12) & (frequency <= 1 / shortest + 1e-12)
    return float(power[inside].sum())


def _power(luminance: FloatArray) -> FloatArray:
    """Return the power spectrum (H, W) of windowed luminance; its sum is the windowed variance."""
    window = _window(*luminance.shape)
    centred = luminance - (window * luminance).sum() / window.sum()
    spectrum = np.fft.fft2(window * centred)
    return np.asarray(
        (spectrum.real**2 + spectrum.imag**2) / (window.size * np.square(window).sum())
    )


@cache
def _window(height: int, width: int) -> FloatArray:
    """Return Hann's window (H, W), above 0 everywhere."""
    return np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])


@cache
def _frequency(height: int, width: int) -> FloatArray:
    """Return the frequency (H, W) of each place of a spectrum, in cycles per pixel, 0 to 0.71."""
    return np.asarray(np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.fftfreq(width)))


@cache
def _rings(height: int, width: int) -> tuple[NDArray[np.intp], FloatArray]:
    """Return the ring of each place of a spectrum, −1 outside of all, and its frequency, above 0."""
    frequency = _frequency(height, width)
    shortest, longest = SLOPE_WAVELENGTHS
    inside = (frequency >= 1 / longest) & (frequency <= 1 / shortest)
    positive = np.where(inside, frequency, 1.0)
    number = np.floor(RINGS_PER_OCTAVE * np.log2(positive * longest)).astype(np.intp)
    last = int(RINGS_PER_OCTAVE * np.log2(longest / shortest)) - 1
    return np.where(inside, number.clip(max=last), -1), positive
