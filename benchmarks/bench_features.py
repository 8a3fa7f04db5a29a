"""Colour and texture features at 224 x 224, in parallel, against one image at a time.

The straightforward side is what a paper's script would do: for each image scikit-image's conversions,
each made once per image, its co-occurrence matrix, Canny, Sobel and Shannon entropies. Images are
crops of the photographs inside scikit-image.
"""

import os

import numpy as np
import pandas as pd
import skimage.data
from skimage.color import rgb2gray, rgb2hsv, rgb2lab
from skimage.feature import canny, graycomatrix, graycoprops
from skimage.filters import sobel
from skimage.measure import shannon_entropy
from skimage.util import img_as_ubyte

from benchmarks.harness import Row, paired
from memorability.features.measuring import image_features

IMAGES = 64
SIDE = 224
LEAST_SPEEDUP = 3.0
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


def rows() -> list[Row]:
    """Time both sides, and both on one core."""
    pixels = crops()
    return [timed(pixels, threads=os.cpu_count() or 1), timed(pixels, threads=1)]


def crops() -> np.ndarray:
    """Return the images, (N, 224, 224, 3) uint8."""
    generator = np.random.default_rng(0)
    photographs = [getattr(skimage.data, name)() for name in PHOTOGRAPHS]
    made = np.empty((IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    for index in range(IMAGES):
        photograph = photographs[index % len(photographs)]
        top, left = (int(generator.integers(side - SIDE + 1)) for side in photograph.shape[:2])
        made[index] = photograph[top : top + SIDE, left : left + SIDE]
    return made


def timed(pixels: np.ndarray, *, threads: int) -> Row:
    """Time the features of all images with `threads` threads."""
    ours, other, speedup = paired(
        lambda: image_features(pixels, threads=threads), lambda: straightforward(pixels)
    )
    alone = threads == 1
    return Row(
        what=f"16 features of {IMAGES} images, {threads} thread{'' if alone else 's'}",
        ours=ours,
        other=other,
        speedup=speedup,
        target="" if alone else f"at least {LEAST_SPEEDUP:g}×",
        met=None if alone else speedup.median >= LEAST_SPEEDUP,
        agreement=agreement(image_features(pixels, threads=threads), straightforward(pixels)),
    )


def straightforward(pixels: np.ndarray) -> pd.DataFrame:
    """Return the features of every image, one after the other."""
    return pd.DataFrame([of_image(image) for image in pixels])


def of_image(image: np.ndarray) -> dict[str, float]:
    """Return the features of one image by the plain calls."""
    lab, hsv, grey = rgb2lab(image), rgb2hsv(image), rgb2gray(image)
    levels = img_as_ubyte(grey)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    energies = graycoprops(graycomatrix(levels, [1], angles, symmetric=True, normed=True), "energy")
    swapped = np.rint(image @ np.array([0.114, 0.587, 0.299])).astype(np.uint8)
    swapped_energy = graycoprops(
        graycomatrix(swapped, [1], angles, symmetric=True, normed=True), "energy"
    )
    lab_8bit = np.rint(lab * [2.55, 1, 1] + [0, 128, 128]).clip(0, 255).astype(np.uint8)
    hues = np.floor(hsv[..., 0] * 36 + 0.5).astype(int) % 36
    weights = np.bincount(hues.ravel(), hsv[..., 1].ravel(), minlength=36)
    shares = weights[weights > 0] / weights.sum()
    joint = (lab_8bit // 16).astype(int) @ [256, 16, 1]
    squares = np.rint(2 * (4 * 255 * sobel(levels / 255)) ** 2).astype(int)
    return {
        "mean_lab_l": lab[..., 0].mean(),
        "mean_lab_a": lab[..., 1].mean(),
        "mean_lab_b": lab[..., 2].mean(),
        "saturation": hsv[..., 1].mean(),
        "color_diversity": -(shares * np.log2(shares)).sum(),
        "image_entropy": shannon_entropy(levels),
        "texture_energy": energies.mean(),
        "clutter_score": edges(grey, 1, 0.1, 0.2),
        "mean_lab_l_8bit": lab_8bit[..., 0].mean(),
        "mean_lab_a_8bit": lab_8bit[..., 1].mean(),
        "mean_lab_b_8bit": lab_8bit[..., 2].mean(),
        "color_diversity_lab_histogram": shannon_entropy(joint),
        "color_diversity_lab_values": shannon_entropy(lab_8bit),
        "texture_energy_horizontal": energies[0, 0],
        "texture_energy_swapped": swapped_energy[0, 0],
        "clutter_thresholds_05_10": edges(grey, 1, 0.05, 0.1),
        "clutter_thresholds_20_40": edges(grey, 1, 0.2, 0.4),
        "clutter_thresholds_40_80": edges(grey, 1, 0.4, 0.8),
        "clutter_sigma_2": edges(grey, 2, 0.1, 0.2),
        "clutter_sigma_3": edges(grey, 3, 0.1, 0.2),
        "clutter_sobel_entropy": shannon_entropy(squares),
    }


def edges(grey: np.ndarray, sigma: float, low: float, high: float) -> float:
    """Return the share of pixels on Canny edges."""
    return canny(grey, sigma=sigma, low_threshold=low, high_threshold=high).mean()


def agreement(ours: pd.DataFrame, other: pd.DataFrame) -> str:
    """Return which features are equal to the bit, and how far apart the others are."""
    equal = (ours == other).all()
    rest = ours.columns[~equal]
    text = f"{equal.sum()} of {len(equal)} features equal to the bit"
    if rest.empty:
        return text
    apart = ((ours[rest] - other[rest]) / other[rest]).abs().max().max()
    return f"{text}; {', '.join(rest)} within {apart:.0e} of their value"
