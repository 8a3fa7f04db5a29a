"""HOG2x2, the descriptor that MemNet was compared with: words of gradients in parts of an image."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from memorability.base.seeding import numpy_stream, stream_seed
from memorability.images.decoding import BadImage
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given, PixelPredictor
from memorability.pixel_predictors.descriptors import hog
from memorability.pixel_predictors.descriptors.coding import (
    LEVELS,
    VALUES,
    WORDS,
    coded,
    learn_words,
    pooled,
)
from memorability.pixel_predictors.descriptors.support_vectors import fit_support_vectors
from memorability.pixel_predictors.fitted_file import parts_to_fit
from memorability.pixel_predictors.frozen_encoder import (
    Encoder,
    fit_on_encoder,
    open_on_encoder,
)
from memorability.pixel_predictors.names import PixelPredictorSpec

LONGER_SIDE = 400
"""In pixels; larger images are made smaller."""

IMAGES = 500
"""Training images whose descriptors the dictionary is learned from, at most."""

DESCRIPTORS = 2_000
"""Of one of these images, at most."""

ALL_DESCRIPTORS = 500_000

PREPROCESSING = (
    "longer side made 400 pixels if it is longer (bicubic, antialiased); mirrored for 20 pixels beyond "
    "each edge"
)


def on_a_canvas(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return an RGB image with its aspect on a square that all images have alike.

    Returns
    -------
    numpy.ndarray
        uint8 (4, 400, 400): red, green and blue, and a fourth channel that is 255 where the image is
        and 0 beside it. The image lies at the upper left.

    Raises
    ------
    memorability.images.decoding.BadImage
        If a side has less than the 8 pixels of a cell.
    """
    scale = min(1.0, LONGER_SIDE / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    if min(width, height) < hog.CELL:
        smaller = f", made smaller {width} x {height}" if scale < 1 else ""
        raise BadImage(
            f"is {image.width} x {image.height} pixels{smaller}; HOG2x2 needs {hog.CELL} pixels, a "
            "cell, on each side"
        )
    canvas = np.zeros((4, LONGER_SIDE, LONGER_SIDE), dtype=np.uint8)
    shrunk = image.resize((width, height), Image.Resampling.BICUBIC)
    canvas[:3, :height, :width] = np.asarray(shrunk).transpose(2, 0, 1)
    canvas[3, :height, :width] = 255
    return canvas


class Hog2x2(nn.Module):
    """From images on a canvas to 5,376 values: codes of descriptors, pooled over a pyramid.

    Parameters
    ----------
    words
        The dictionary (256, 124); without one, zeros that are to be replaced.
    """

    words: Tensor

    def __init__(self, words: npt.NDArray[np.float32] | None = None) -> None:
        super().__init__()
        blank = np.zeros((WORDS, hog.VALUES), dtype=np.float32)
        self.register_buffer("words", torch.from_numpy(blank if words is None else words))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return values (N, 5376) of pixels uint8 (N, 4, H, W), see `on_a_canvas`; on the processor."""
        words = self.words.cpu().numpy()
        values = [_values(_image(canvas), words) for canvas in pixels.cpu().numpy()]
        return torch.from_numpy(np.stack(values)).to(pixels.device)


def fit_hog2x2(
    spec: PixelPredictorSpec,
    given: Given,
    pixels: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float64],
    split: npt.NDArray[Any],
    *,
    settings: FitSettings,
) -> Fitted:
    """Learn the dictionary and fit support vector regression: see `contract.Fit`.

    Raises
    ------
    InputError
        Also if the training images are too few, too small or too plain for a dictionary.
    """
    train, _ = parts_to_fit(spec, split)
    words = dictionary(pixels, np.flatnonzero(train), settings.seed)
    digest = hashlib.sha256(words.tobytes()).hexdigest()
    encoder = _encoder(words, version=f"dictionary {digest[:8]}", weights_sha256=digest)
    return fit_on_encoder(
        spec, encoder, pixels, scores, split, fit_line=fit_support_vectors, settings=settings
    )


def open_hog2x2(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return what `fit_hog2x2` fitted, from its file."""
    return open_on_encoder(spec, given, _encoder(None))


def dictionary(
    pixels: npt.NDArray[np.uint8], training: npt.NDArray[np.intp], seed: int
) -> npt.NDArray[np.float32]:
    """Return the 256 words (256, 124) of descriptors of the training images.

    Of at most 500 images by chance, at most 2,000 descriptors each by chance, and 500,000 in all.

    Parameters
    ----------
    pixels
        Of all images, (N, 4, H, W), see `on_a_canvas`.
    training
        Which of them train.
    seed
        Of the fit.

    Raises
    ------
    InputError
        See `coding.learn_words`.
    """
    stream = numpy_stream(seed, "descriptors of the dictionary of HOG2x2")
    chosen = stream.permutation(training)[:IMAGES]
    each = min(DESCRIPTORS, ALL_DESCRIPTORS // len(chosen))
    parts = []
    for row in chosen:
        descriptors = hog.hog2x2(_image(pixels[row])).reshape(-1, hog.VALUES)
        parts.append(descriptors[stream.permutation(len(descriptors))[:each]])
    words_seed = stream_seed(seed, "words of HOG2x2") % 2**32
    return learn_words(np.concatenate(parts), words_seed)


def _image(canvas: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the image (3, H, W) that lies on a canvas, at whichever corner."""
    inside = canvas[3] > 0
    return np.asarray(canvas[:3, inside.any(axis=1)][:, :, inside.any(axis=0)])


def _values(
    image: npt.NDArray[np.uint8], words: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    descriptors = hog.hog2x2(image)
    rows, columns = descriptors.shape[:2]
    codes = coded(descriptors.reshape(-1, hog.VALUES), words).reshape(rows, columns, WORDS)
    height, width = image.shape[1:]
    return pooled(codes, (_quarters(rows, height), _quarters(columns, width)))


def _quarters(count: int, side: int) -> npt.NDArray[np.intp]:
    """Return in which quarter of a side, 0 to 3, each of so many descriptors lies."""
    return np.arange(count) * hog.GRID_STEP * LEVELS[0] // side


def _encoder(words: npt.NDArray[np.float32] | None, **origin: str) -> Encoder:
    return Encoder(
        network=Hog2x2(words),
        values=VALUES,
        prepare=on_a_canvas,
        preprocessing=PREPROCESSING,
        licence="none needed: nothing of others is in it",
        **origin,
    )
