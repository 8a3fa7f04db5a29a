"""What every predictor that reads pixels is, whoever trained it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from memorability.base.errors import InputError
from memorability.images.decoding import STANDARD, Decoding
from memorability.networks.computing import Precision, place
from memorability.pixel_predictors.names import MemNetScale, PixelPredictorSpec

Prepare = Callable[[Image.Image], npt.NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a reader must know of scores, beside their values.

    Parameters
    ----------
    predictor
        Its name.
    predicts
        What the score is: "hit rate".
    trained_on
        Images that the weights were fitted to, in words, or "unknown".
    version
        Of the weights.
    weights_sha256
        Of the weights file, 64 hexadecimal digits; of several files, separated by a blank.
    preprocessing
        From an upright sRGB image to what the network reads, in words.
    licence
        Of the weights, and whether it allows commercial use.
    """

    predictor: str
    predicts: str
    trained_on: str
    version: str
    weights_sha256: str
    preprocessing: str
    licence: str


@dataclass(frozen=True, kw_only=True)
class PixelPredictor:
    """A predictor that scores images.

    Parameters
    ----------
    facts
        What its scores are.
    prepare
        From an upright sRGB image of any size to pixels uint8 (C, H, W), of one size for all images:
        red, green and blue, and perhaps a channel that says where the image is. It may raise
        `memorability.images.decoding.BadImage`.
    network
        From pixels uint8 (N, C, H, W) to scores (N,) float32, in evaluation mode.
    decoding
        How files become images.
    """

    facts: Facts
    prepare: Prepare
    network: nn.Module
    decoding: Decoding = STANDARD

    def to(self, device: str) -> "PixelPredictor":
        """Return the predictor with its network on `device`."""
        return replace(self, network=place(self.network, device))

    @torch.inference_mode()
    def score(
        self, pixels: npt.NDArray[np.uint8], device: str, *, mirror: bool = False
    ) -> npt.NDArray[np.float64]:
        """Return the scores (N,) of pixels uint8 (N, C, H, W).

        Parameters
        ----------
        pixels
            Of images as `prepare` makes them.
        device
            Where the network is.
        mirror
            Average the score of each image and of its mirror image. A person remembers both alike;
            a network's scores of the two differ by up to 0.05.
        """
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
        scores = self.network(images)
        if mirror:
            scores = (scores + self.network(images.flip(-1))) / 2
        return np.asarray(scores.double().cpu())


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a predictor is opened with.

    Parameters
    ----------
    weights
        Its files, one for each of its downloads, or those that a person named.
    mean_image
        Of MemNet or Hybrid-CNN, which is subtracted from images.
    scale
        Of MemNet's scores.
    """

    weights: tuple[Path, ...]
    mean_image: Path | None = None
    scale: MemNetScale = "raw"

    @classmethod
    def of_files(cls, weights: Iterable[str], mean_image: Iterable[str]) -> "Given":
        """Return what a job reads: its files of weights, and one mean image or none."""
        return cls(weights=tuple(map(Path, weights)), mean_image=next(map(Path, mean_image), None))


class Open(Protocol):
    """Read a predictor from its files."""

    def __call__(self, spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
        """Return the predictor; InputError if a file is another one, damaged, or missing."""


@dataclass(frozen=True, kw_only=True)
class Resuming:
    """How a training is taken up where an earlier job of it was stopped.

    Parameters
    ----------
    directory
        Of the training states.
    seconds
        Between two saves, at least.
    code
        Fingerprint of the code that decides the fit.
    """

    directory: Path
    seconds: float
    code: str


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What decides a fit besides images and scores.

    Parameters
    ----------
    seed
        Of all chance, at least 0.
    device
        torch device.
    predicts
        What the scores are, in words.
    trained_on
        What the images are, in words.
    precision
        In which convolutions and matrix products of a training compute. Scores are always computed in
        single precision, those of validation images too.
    resuming
        How a training is taken up; None where it is not.
    """

    seed: int
    device: str
    predicts: str
    trained_on: str
    precision: Precision = "fp32"
    resuming: Resuming | None = None


class Epoch(NamedTuple):
    """Mean squared errors of an epoch of a training, in squared units of the scores.

    train_error is the mean over the training images, each before the step that it took part in;
    validation_error is that of the validation images after the epoch.
    """

    epoch: int
    train_error: float
    validation_error: float


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A predictor that was fitted.

    Parameters
    ----------
    predictor
        The predictor.
    chosen
        What the fit chose by itself, by name.
    history
        Of a training: its epochs, from 1.
    """

    predictor: PixelPredictor
    chosen: Mapping[str, float]
    history: tuple[Epoch, ...] = ()


class Diverged(InputError):  # noqa: N818  # in a study no error: one predictor is left out
    """A training whose error is no number any more: no predictor comes of it."""


class Fit(Protocol):
    """Fit a predictor to the training images, and choose by the validation images."""

    def __call__(
        self,
        spec: PixelPredictorSpec,
        given: Given,
        pixels: npt.NDArray[np.uint8],
        scores: npt.NDArray[np.float64],
        split: npt.NDArray[Any],
        *,
        settings: FitSettings,
    ) -> Fitted:
        """Return the predictor.

        Parameters
        ----------
        spec
            What is known of it.
        given
            The weights that it starts from; without any, those of a training are random.
        pixels
            Images as the predictor's own `prepare` makes them, (N, C, H, W), in memory or
            memory-mapped.
        scores
            (N,); those of test images are not read.
        split
            "train", "validation" or "test", (N,).
        settings
            Seed, device, and words.

        Raises
        ------
        InputError
            If there is no training or no validation image; if nothing can be learned from the
            scores; if weights are of another network.
        Diverged
            If a training diverges.
        Stopped
            If a signal asked the job to stop, and the training can be taken up.
        """
