"""What every look at images needs: which images, and the predictors whose scores are explained."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from memorability.base.errors import InputError
from memorability.base.files import atomic
from memorability.explanation.explaining import choose_images
from memorability.images.decoding import BadImage, Decoding, decode
from memorability.networks.computing import Compute
from memorability.pixel_predictors.contract import Diverged, Given, PixelPredictor
from memorability.pixel_predictors.of_files import open_with

logger = logging.getLogger(__name__)

SIDE = 128
"""Of a small copy of an image, in pixels. It is squashed to a square, as most predictors see it."""


@dataclass(frozen=True, kw_only=True)
class LookSettings:
    """What decides how images are looked at.

    Parameters
    ----------
    seed
        Of the choice, of noise and of places.
    decoding
        How files become images.
    compute
        How networks compute; always in single precision.
    """

    seed: int
    decoding: Decoding
    compute: Compute


@dataclass(frozen=True, kw_only=True)
class WhereSettings(LookSettings):
    """What decides which images are looked at, and how.

    Parameters
    ----------
    images
        How many test images, at least 1: a seeded choice, spread over categories.
    """

    images: int


def chosen_images(
    images: pd.DataFrame, split: npt.NDArray[Any], count: int, *, seed: int
) -> pd.DataFrame:
    """Return the rows of the test images that are looked at, in their order.

    Parameters
    ----------
    images
        The image table.
    split
        "train", "validation" or "test", (N,).
    count, seed
        See `memorability.explanation.explaining.choose_images`.

    Raises
    ------
    InputError
        If there is no test image.
    """
    test = scored_test_images(images, split)
    rows = choose_images(test, count, seed=seed)
    return test.iloc[rows].reset_index(drop=True)


def scored_test_images(
    images: pd.DataFrame, split: npt.NDArray[Any], target: str | None = None
) -> pd.DataFrame:
    """Return the rows of test images, in their order, or of those that have a score.

    Parameters
    ----------
    images
        The image table.
    split
        "train", "validation" or "test", (N,).
    target
        Name of the score; None for all test images.

    Raises
    ------
    InputError
        If there is none.
    """
    chosen = split == "test"
    if target is not None:
        chosen = chosen & images[target].notna().to_numpy()
    if not chosen.any():
        raise InputError(
            "There is no test image to look at: predictors know the others. Give prediction.split a "
            "share of test images, or leave where.predictors empty."
        )
    found: pd.DataFrame = images[chosen].reset_index(drop=True)
    return found


def open_each(
    files: Mapping[str, Mapping[str, Sequence[str]]], device: str
) -> dict[str, PixelPredictor]:
    """Return predictors by name, on a torch device; those whose training diverged are left out.

    Parameters
    ----------
    files
        Name -> its files of `weights`, and its `mean_image` or none.
    device
        torch device.

    Raises
    ------
    InputError
        If a file is another one, or damaged; if the training of every predictor diverged.
    """
    opened = {}
    for name, own in files.items():
        given = Given.of_files(own["weights"], own["mean_image"])
        try:
            opened[name] = open_with(name, given).to(device)
        except Diverged as reason:
            logger.warning("%s", reason)
    if not opened:
        raise InputError(
            f"The training of every predictor of where.predictors ({', '.join(files)}) diverged. Name "
            "others, or leave where.predictors empty."
        )
    return opened


def unreadable(file: Path, reason: BadImage) -> InputError:
    """Return the error that says why an image cannot be looked at."""
    return InputError(
        f"{file} {reason}. Mend the file, or take its row out of the table of scores."
    )


def as_arrays(table: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a table of texts and numbers, as a shard on disk holds them."""
    texts = table.select_dtypes(exclude="number").columns
    return {str(name): table[name].to_numpy(dtype=str if name in texts else None) for name in table}


def thumbnails(
    images: pd.DataFrame, folder: Path, decoding: Decoding, path: str | Path, *, count: int
) -> None:
    """Write small copies, squashed, of the first image of each category, up to so many images.

    Parameters
    ----------
    images
        image_id, file and category.
    folder
        In which the files are.
    decoding
        How files become images.
    path
        The .npz file to write: image_id, and pixels (n, 128, 128, 3) uint8.
    count
        Images.
    """
    first = first_of_each(images, count)
    small = [
        np.asarray(decode(folder / name, decoding).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        for name in first["file"]
    ]
    ids = first["image_id"].to_numpy(dtype=str)
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, image_id=ids, pixels=np.stack(small))


def first_of_each(images: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return up to so many images, taken from each category in turn."""
    turn = images.groupby("category").cumcount()
    return images.loc[turn.sort_values(kind="stable").index].head(count)
