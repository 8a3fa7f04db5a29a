"""HOG2x2: time of a fit to 100, 200 and 400 images of 400 × 300 pixels, in seconds of the processor.

The whole fit: the dictionary, the values of every image, and support vector regression. Images are
synthetic (smooth noise). The dictionary is learned from at most 500 training images, so that from some
700 images on its time stays the same. *∝ N^k*: k is the slope between two sizes, on logarithms.
"""

import math
import time

import numpy as np
from PIL import Image

from benchmarks.harness import Row, Timing
from memorability.pixel_predictors.contract import FitSettings, Given
from memorability.pixel_predictors.descriptors.hog2x2 import fit_hog2x2, on_a_canvas
from memorability.pixel_predictors.names import PIXEL_PREDICTORS

SIZES = (100, 200, 400)
SIDES = (400, 300)
MINUTES = 10
"""Allowed for 1,000 images."""


def rows() -> list[Row]:
    """Return the time of each size, and what it says of 1,000 images."""
    made, before = [], None
    for size in SIZES:
        seconds = fit_seconds(size)
        growth = (
            f"∝ N^{math.log(seconds / before[1]) / math.log(size / before[0]):.2f}"
            if before
            else ""
        )
        before = size, seconds
        made.append(Row(f"fit to {size} images", Timing((seconds,)), agreement=growth))
    size, seconds = SIZES[-1], made[-1].ours.median
    proportional = seconds / size * 1_000
    made.append(
        Row(
            "fit to 1,000 images, by proportion",
            Timing((proportional,)),
            target=f"at most {MINUTES} minutes",
            met=proportional <= 60 * MINUTES,
        )
    )
    return made


def fit_seconds(size: int) -> float:
    """Return the processor's seconds of a fit to images with scores by chance."""
    stream = np.random.default_rng(size)
    pixels = np.stack([on_a_canvas(_picture(stream)) for _ in range(size)])
    scores, split = stream.uniform(size=size), stream.permutation(size) / size
    parts = np.select([split < 0.7, split < 0.85], ["train", "validation"], "test")
    settings = FitSettings(seed=0, device="cpu", predicts="chance", trained_on="noise")
    before = time.process_time()
    fit_hog2x2(
        PIXEL_PREDICTORS["hog2x2"], Given(weights=()), pixels, scores, parts, settings=settings
    )
    return time.process_time() - before


def _picture(stream: np.random.Generator) -> Image.Image:
    coarse = stream.integers(0, 256, size=(30, 40, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(SIDES, Image.Resampling.BICUBIC)
