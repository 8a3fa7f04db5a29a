"""Portraits of units: averages, segmentations and visualisations, in one file for the figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from memorability.base.files import atomic
from memorability.images.decoding import BadImage, decode
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.where.ablating import BATCH
from memorability.where.changes import Pixels
from memorability.where.looking import LookSettings, unreadable
from memorability.where.portraits.names import KINDS, PUBLISHED, RECOMMENDED, SEGMENTED
from memorability.where.portraits.regions import (
    AVERAGED,
    TOP_SHARE,
    above,
    dimmed,
    disks,
    region,
    weighted_average,
)
from memorability.where.portraits.visualising import has_gradient, published, recommended
from memorability.where.reading import pictures_read
from memorability.where.units import layer_output, shown_units

SHOWN_SIDE = 160


@dataclass(frozen=True, kw_only=True)
class PortraitSettings(LookSettings):
    """What decides portraits.

    Parameters
    ----------
    visualised_units
        Of a predictor: so many of the most, and of the least correlated units are visualised.
    """

    visualised_units: int


@dataclass(frozen=True)
class Seen:
    """Activations of a layer in the pictures that a network reads of images.

    Attributes
    ----------
    maps
        (pictures, units, rows, columns) float32.
    image
        (pictures,) the number of the image that each is of.
    crop
        (pictures,) which picture of its image it is.
    """

    maps: npt.NDArray[np.float32]
    image: npt.NDArray[np.intp]
    crop: npt.NDArray[np.intp]


def maps_of_units(
    predictor: PixelPredictor, views: Sequence[npt.NDArray[np.uint8]], layer: str,
    units: Sequence[int], device: str,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """Return activations of some units at all places (pictures, units, rows, columns) float32.

    Parameters
    ----------
    predictor
        On `device`.
    views
        What it reads of each image, (C, H, W), at least one. Crops of an image follow each other.
    layer
        As PyTorch names it.
    units
        Their numbers.
    device
        torch device.
    """
    values = layer_output(predictor, views, layer, device)[:, list(units)].float().cpu()
    return np.asarray(values if values.dim() == 4 else values[..., None, None])


def portray_units(
    images: pd.DataFrame,
    folder: Path,
    units: pd.DataFrame,
    predictors: Mapping[str, PixelPredictor],
    settings: PortraitSettings,
    *,
    device: str,
    path: str | Path,
    on_image: Callable[[], object] = lambda: None,
) -> None:
    """Write pictures of the units that go most and least with memorability.

    Parameters
    ----------
    images
        image_id and file of those that are looked at, at least one.
    folder
        In which the files are.
    units
        The table `unit_correlations`.
    predictors
        Name -> predictor, on `device`.
    settings
        How.
    device
        torch device.
    path
        The .npz file to write: predictor and number of each unit; pixels (units, kinds, 160, 160, 3)
        uint8 in the order of `KINDS`, white where there is none.
    on_image
        Called after each image and predictor.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    names: list[str] = []
    numbers: list[int] = []
    sheets: list[npt.NDArray[np.uint8]] = []
    for name, own in units.groupby("predictor", sort=True):
        chosen, predictor = shown_units(own), predictors[str(name)]
        if not chosen:
            continue
        layer = str(own["layer"].iloc[0])
        seen = _look(images, folder, predictor, layer, chosen, settings, device, on_image)
        count = settings.visualised_units
        visualised = {*chosen[:count], *chosen[max(0, len(chosen) - count) :]} if count else set()
        predictor.network.requires_grad_(False)
        for place, unit in enumerate(chosen):
            sheet = np.full((len(KINDS), SHOWN_SIDE, SHOWN_SIDE, 3), 255, dtype=np.uint8)
            pictures = _of_regions(seen, place, images, folder, predictor, settings)
            if unit in visualised and has_gradient(predictor.network, layer, unit, device=device):
                pictures[KINDS.index(PUBLISHED)] = published(
                    predictor.network, layer, unit, seed=settings.seed, device=device
                )
                pictures[KINDS.index(RECOMMENDED)] = recommended(
                    predictor.network, layer, unit, seed=settings.seed, device=device
                )
            for kind, picture in pictures.items():
                small = Image.fromarray(picture).resize(
                    (SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.BILINEAR
                )
                sheet[kind] = np.asarray(small)
            names.append(str(name))
            numbers.append(unit)
            sheets.append(sheet)
    nothing = np.empty((0, len(KINDS), SHOWN_SIDE, SHOWN_SIDE, 3), dtype=np.uint8)
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file, allow_pickle=False, predictor=np.asarray(names, dtype=str),
            number=np.asarray(numbers, dtype=int), pixels=np.stack(sheets) if sheets else nothing,
        )  # fmt: skip


def _look(
    images: pd.DataFrame, folder: Path, predictor: PixelPredictor, layer: str, units: Sequence[int],
    settings: PortraitSettings, device: str, on_image: Callable[[], object],
) -> Seen:  # fmt: skip
    parts = []
    files = [folder / file for file in images["file"]]
    for start in range(0, len(files), BATCH):
        views = [_view(predictor, file, settings) for file in files[start : start + BATCH]]
        parts.append(maps_of_units(predictor, views, layer, units, device))
        for _ in views:
            on_image()
    maps = np.concatenate(parts)
    crops = len(maps) // len(files)
    return Seen(maps, *np.divmod(np.arange(len(maps)), crops))


def _view(predictor: PixelPredictor, file: Path, settings: LookSettings) -> npt.NDArray[np.uint8]:
    try:
        return predictor.prepare(decode(file, settings.decoding))
    except BadImage as reason:
        raise unreadable(file, reason) from None


def _of_regions(
    seen: Seen, place: int, images: pd.DataFrame, folder: Path, predictor: PixelPredictor,
    settings: LookSettings,
) -> dict[int, Pixels]:  # fmt: skip
    """Return the average and the segmentations of one unit: place in `KINDS` -> picture."""
    maps = seen.maps[:, place]
    largest = maps.reshape(len(maps), -1).max(axis=1)
    # Of each image the picture in which the unit is most active.
    best = pd.Series(largest).groupby(seen.image).idxmax().to_numpy()
    top = best[np.argsort(-largest[best], kind="stable")][:AVERAGED]
    pictures = [
        pictures_read(
            predictor.network,
            _view(predictor, folder / images["file"].iloc[seen.image[one]], settings),
        )[seen.crop[one]]
        for one in top
    ]
    regions = [region(picture, maps[one]) for picture, one in zip(pictures, top, strict=True)]
    parts, inside = zip(*regions, strict=True)
    found = {0: weighted_average(parts, inside, largest[top].astype(np.float64))}
    threshold = float(np.quantile(maps, 1 - TOP_SHARE))
    for rank, (picture, one) in enumerate(zip(pictures[:SEGMENTED], top, strict=False)):
        size = (picture.shape[0], picture.shape[1])
        found[1 + rank] = dimmed(picture, disks(maps[one], size))
        found[1 + SEGMENTED + rank] = dimmed(picture, above(maps[one], threshold, size))
    return found
