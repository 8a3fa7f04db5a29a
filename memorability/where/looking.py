"""What every look at images needs: which images, and the predictors whose scores are explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.base.errors import InputError
from memorability.explanation.explaining import choose_images
from memorability.images.decoding import Decoding
from memorability.networks.computing import Compute
from memorability.pixel_predictors.contract import Given, PixelPredictor
from memorability.pixel_predictors.of_files import open_with


@dataclass(frozen=True, kw_only=True)
class WhereSettings:
    """What decides which images are looked at, and how.

    Parameters
    ----------
    images
        How many test images, at least 1: a seeded choice, spread over categories.
    seed
        Of the choice, of noise and of places.
    decoding
        How files become images.
    compute
        How networks compute; always in single precision.
    """

    images: int
    seed: int
    decoding: Decoding
    compute: Compute


def chosen_images(
    images: pd.DataFrame, split: npt.NDArray[Any], settings: WhereSettings
) -> pd.DataFrame:
    """Return the rows of the test images that are looked at, in their order.

    Parameters
    ----------
    images
        The image table.
    split
        "train", "validation" or "test", (N,).
    settings
        How many, and the seed.

    Raises
    ------
    InputError
        If there is no test image.
    """
    test = np.flatnonzero(split == "test")
    if not len(test):
        raise InputError(
            "There is no test image to look at: predictors know the others. Give prediction.split a "
            "share of test images, or leave where.predictors empty."
        )
    rows = test[choose_images(images.iloc[test], settings.images, seed=settings.seed)]
    return images.iloc[rows].reset_index(drop=True)


def open_each(
    files: Mapping[str, Mapping[str, Sequence[str]]], device: str
) -> dict[str, PixelPredictor]:
    """Return predictors by name, on a torch device.

    Parameters
    ----------
    files
        Name -> its files of `weights`, and its `mean_image` or none.
    device
        torch device.

    Raises
    ------
    InputError
        If a file is another one, or damaged.
    """
    return {
        name: open_with(
            name,
            Given(
                weights=tuple(map(Path, own["weights"])),
                mean_image=next(map(Path, own["mean_image"]), None),
            ),
        ).to(device)
        for name, own in files.items()
    }
