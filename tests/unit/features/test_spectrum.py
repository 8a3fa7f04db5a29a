"""Contrast and spatial frequencies of images whose spectrum is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from memorability.features.measuring import CONTROLS
from memorability.features.names import LOW_LEVEL
from memorability.features.spectrum import band_energy, rms_contrast, spectral_slope

SIDE = 224
BANDS = {2: "2_to_4", 4: "4_to_8", 8: "8_to_16", 16: "16_to_32"}


def grey(luminance: NDArray[np.float64]) -> NDArray[np.uint8]:
    levels = np.rint(luminance * 255).astype(np.uint8)
    return np.repeat(levels[:, :, np.newaxis], 3, axis=2)


def grating(wavelength: float, amplitude: float, *, degrees: float = 0) -> NDArray[np.uint8]:
    rows, columns = np.indices((SIDE, SIDE))
    turned = rows * np.sin(np.radians(degrees)) + columns * np.cos(np.radians(degrees))
    return grey(0.5 + amplitude * np.sin(2 * np.pi * turned / wavelength + 0.3))


def noise(slope: float, *, sd: float = 0.15, seed: int = 0) -> NDArray[np.uint8]:
    """Return Gaussian noise whose power falls as frequency to the power of `slope`."""
    white = np.fft.fft2(np.random.default_rng(seed).normal(size=(SIDE, SIDE)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = np.inf
    luminance = np.fft.ifft2(white * frequency ** (slope / 2)).real
    luminance *= sd / luminance.std()
    return grey((0.5 + luminance).clip(0, 1))


def test_contrast_by_hand() -> None:
    halves = np.zeros((4, 4))
    halves[:2] = 1
    assert rms_contrast(grey(halves)) == pytest.approx(0.5)
    quarter = np.zeros((4, 4))
    quarter[:2, :2] = 51 / 255
    # Shares 1/4 and 3/4 of two levels 0.2 apart.
    assert rms_contrast(grey(quarter)) == pytest.approx(0.2 * np.sqrt(3) / 4)
    assert rms_contrast(grating(14, 0.3)) == pytest.approx(0.3 / np.sqrt(2), abs=1e-3)


@pytest.mark.parametrize("slope", [0.0, -1.0, -2.0, -2.5])
def test_the_slope_of_noise_is_found(slope: float) -> None:
    found = [spectral_slope(noise(slope, seed=seed)) for seed in range(3)]
    assert np.mean(found) == pytest.approx(slope, abs=0.1)


def test_blur_makes_the_slope_steeper_and_contrast_does_not() -> None:
    image = noise(-1.5)
    blurred = sum(np.roll(image.astype(float), step, axis=1) for step in range(3)) / 3
    assert spectral_slope(blurred.astype(np.uint8)) < spectral_slope(image) - 0.1
    pale = (128 + (image.astype(float) - 128) / 2).astype(np.uint8)
    assert spectral_slope(pale) == pytest.approx(spectral_slope(image), abs=0.03)


@pytest.mark.parametrize("degrees", [0, 37, 90])
@pytest.mark.parametrize(("shortest", "wavelength"), [(2, 2.8), (4, 5.6), (8, 11.2), (16, 22.4)])
def test_the_energy_of_a_grating_is_in_its_octave(
    shortest: int, wavelength: float, degrees: float
) -> None:
    image = grating(wavelength, 0.3, degrees=degrees)
    for other in BANDS:
        expected = 0.3**2 / 2 if other == shortest else 0
        assert band_energy(image, other) == pytest.approx(expected, abs=5e-4), other


def test_energies_of_two_gratings_add_up() -> None:
    both = 0.5 + 0.2 * np.sin(np.arange(SIDE) * 2 * np.pi / 3)
    both = both + 0.1 * np.sin(np.arange(SIDE) * 2 * np.pi / 12)[:, np.newaxis]
    image = grey(both)
    assert CONTROLS["energy_2_to_4_pixels"](image) == pytest.approx(0.02, abs=2e-4)
    assert CONTROLS["energy_8_to_16_pixels"](image) == pytest.approx(0.005, abs=2e-4)


def test_each_octave_has_the_name_of_its_wavelengths() -> None:
    image = noise(-1.0)
    for shortest, wavelengths in BANDS.items():
        name = f"energy_{wavelengths}_pixels"
        assert CONTROLS[name](image) == band_energy(image, shortest)
    assert set(CONTROLS) <= set(LOW_LEVEL)


@pytest.mark.parametrize("shape", [(2, 2), (2, 7), (5, 3), (16, 12)])
def test_small_images_have_finite_values(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert np.isfinite([feature(image) for feature in CONTROLS.values()]).all()
