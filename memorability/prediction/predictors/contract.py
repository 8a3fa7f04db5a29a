"""What every predictor takes, and what it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from memorability.prediction.predictors.fitting import Floats


def _no_pairs() -> npt.NDArray[np.intp]:
    return np.empty((0, 2), dtype=np.intp)


def _no_scores() -> npt.NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a predictor that was fitted says of images.

    Parameters
    ----------
    of_images
        The score of each image that was asked for, (K,), in units of the training scores.
    chosen
        What the fitting chose by itself within the training images, by name.
    pairs, of_pairs
        Rows of the test images two by two, (P, 2), and the mean scores predicted of them, (P,): of a
        predictor that reads images in pairs; else none.
    """

    of_images: npt.NDArray[np.float64]
    chosen: Mapping[str, float] = field(default_factory=dict)
    pairs: npt.NDArray[np.intp] = field(default_factory=_no_pairs)
    of_pairs: npt.NDArray[np.float64] = field(default_factory=_no_scores)


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """What decides a fit on latents.

    Parameters
    ----------
    seed
        Of the study, at least 0.
    threads
        Of the processor, at least 1: sums are split among them.
    """

    seed: int
    threads: int


class Fit(Protocol):
    """Fit a predictor to the training images and predict."""

    def __call__(
        self,
        inputs: npt.NDArray[Any],
        scores: Floats,
        split: npt.NDArray[Any],
        *,
        rows: npt.NDArray[np.intp],
        settings: Any,
        seed: int,
    ) -> Predictions:
        """Return predictions.

        Parameters
        ----------
        inputs
            What the predictor reads, a row per image: latents (N, D) float32, in memory or
            memory-mapped.
        scores
            Memorability scores, (N,); those of test images are not read.
        split
            "train", "validation" or "test", (N,).
        rows
            Of the images to predict, (K,).
        settings
            Of the study: `HeadSettings`, or what a predictor of its own kind adds to them, as
            `memorability.prediction.predictors.training.TrainingSettings` does.
        seed
            Seed of the study.
        """
