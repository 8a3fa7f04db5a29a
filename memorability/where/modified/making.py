"""Versions of images as files that a memory game can show, and what predictors say of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from memorability.base.files import atomic
from memorability.base.seeding import numpy_stream
from memorability.images.decoding import BadImage, decode
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.where.ablating import scores_of
from memorability.where.changes import Pixels, working_copy
from memorability.where.looking import LookSettings, first_of_each, unreadable
from memorability.where.modified.drawing import SIDE, Drawn, Emphasis, draw, emphasis_of, parts_of
from memorability.where.modified.names import (
    HIGH,
    LOW,
    MEDIUM_AVERAGE,
    MEDIUM_RANDOM,
    ORIGINAL,
    VERSIONS,
)
from memorability.where.names import BY_MEMNET, GRID

SHOWN = 5
"""Images of the figure."""

SHOWN_SIDE = 192
"""Longer side of their copies, in pixels."""

COLUMNS = ("predictor", "image_id", "version", "predicted", "regions", "lines")
"""Of the table `modified_scores`."""


def maps_by(maps: pd.DataFrame, predictor: str) -> dict[str, npt.NDArray[np.float64]]:
    """Return the map of each image by one predictor: image_id -> (8, 8).

    Parameters
    ----------
    maps
        The table `memorability_maps`.
    predictor
        Whose map steers the detail: by its places where MemNet is read fully convolutional, else by
        occlusion.
    """
    own = maps[maps["predictor"] == predictor]
    method = BY_MEMNET if (own["method"] == BY_MEMNET).any() else "occlusion"
    ordered = own[own["method"] == method].sort_values(["image_id", "row", "column"])
    return {
        str(image_id): cells["value"].to_numpy(dtype=np.float64).reshape(GRID, GRID)
        for image_id, cells in ordered.groupby("image_id", sort=True)
    }


def emphases(
    values: npt.NDArray[np.float64], size: tuple[int, int], stream: np.random.Generator
) -> dict[str, Emphasis]:
    """Return the emphasis of each version of an image (H, W): version -> (H, W), 0 to 1.

    Parameters
    ----------
    values
        Its map, (8, 8).
    size
        (H, W).
    stream
        Chooses the random half of the cells.
    """
    high = emphasis_of(values, size)
    half = stream.permutation(np.arange(GRID**2) % 2).reshape(GRID, GRID)
    return {
        LOW: 1 - high,
        MEDIUM_RANDOM: emphasis_of(half.astype(np.float64), size),
        MEDIUM_AVERAGE: np.full(size, 0.5),
        HIGH: high,
    }


def versions_of(
    image: Pixels, values: npt.NDArray[np.float64], *, seed: int, image_id: str
) -> dict[str, Drawn]:
    """Return the versions of an image (H, W, 3), by name in the order of `VERSIONS`.

    Parameters
    ----------
    image
        A working copy.
    values
        Its map, (8, 8).
    seed, image_id
        Name the stream of the random half.
    """
    parts = parts_of(image)
    stream = numpy_stream(seed, f"emphasis of {image_id}")
    of_versions = emphases(values, (image.shape[0], image.shape[1]), stream)
    return {name: draw(parts, of_versions[name]) for name in VERSIONS}


def modify_images(
    images: pd.DataFrame,
    folder: Path,
    maps: Mapping[str, npt.NDArray[np.float64]],
    predictors: Mapping[str, PixelPredictor],
    settings: LookSettings,
    *,
    device: str,
    stimuli: Path,
    examples: Path,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Write versions of images, and return what predictors say of them: the table `modified_scores`.

    Parameters
    ----------
    images
        image_id, file and category of those that have a map, at least one.
    folder
        In which the files are.
    maps
        image_id -> its map, (8, 8).
    predictors
        Name -> predictor, on `device`.
    settings
        How.
    device
        torch device.
    stimuli
        The folder to write: <image_id>/<version>.png.
    examples
        The .npz file to write: image_id and version of each, and pixels (n, h, w, 3) uint8 on white.
    on_image
        Called after each image.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    shown = set(first_of_each(images, SHOWN)["image_id"])
    tables: list[pd.DataFrame] = []
    sheets: list[tuple[str, str, Pixels]] = []
    for image_id, file in zip(images["image_id"], images["file"], strict=True):
        try:
            image = working_copy(decode(folder / file, settings.decoding), SIDE)
            made = versions_of(image, maps[image_id], seed=settings.seed, image_id=image_id)
            pixels = {ORIGINAL: image} | {name: one.pixels for name, one in made.items()}
            rows = pd.DataFrame({"version": list(pixels)}).assign(
                image_id=image_id,
                regions=[np.nan, *(one.regions for one in made.values())],
                lines=[np.nan, *(one.lines for one in made.values())],
            )
            tables += [
                rows.assign(predictor=name, predicted=scores_of(each, [*pixels.values()], device))
                for name, each in predictors.items()
            ]
        except BadImage as reason:
            raise unreadable(folder / file, reason) from None
        for version, one in made.items():
            path = stimuli / image_id / f"{version}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(one.pixels).save(path)
        if image_id in shown:
            sheets += [(image_id, name, _small(values)) for name, values in pixels.items()]
        on_image()
    _write_examples(sheets, examples)
    return pd.concat(tables, ignore_index=True)[[*COLUMNS]]


def _small(pixels: Pixels) -> Pixels:
    """Return a copy on a white square of `SHOWN_SIDE` pixels, its aspect kept."""
    image = Image.fromarray(pixels)
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.BILINEAR)
    square = Image.new("RGB", (SHOWN_SIDE, SHOWN_SIDE), "white")
    square.paste(image, ((SHOWN_SIDE - image.width) // 2, (SHOWN_SIDE - image.height) // 2))
    return np.asarray(square)


def _write_examples(sheets: list[tuple[str, str, Pixels]], path: Path) -> None:
    names: list[Any] = [
        np.asarray([sheet[place] for sheet in sheets], dtype=str) for place in (0, 1)
    ]
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file, allow_pickle=False, image_id=names[0], version=names[1],
            pixels=np.stack([pixels for _, _, pixels in sheets]),
        )  # fmt: skip
