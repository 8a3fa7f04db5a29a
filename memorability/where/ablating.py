"""Scores of images under every ablation and its controls, by several predictors at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from memorability.base.files import atomic
from memorability.base.job_log import progress
from memorability.base.seeding import numpy_stream
from memorability.base.shards import in_shards, shards_left
from memorability.images.decoding import BadImage, decode
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.where.changes import (
    Pixels,
    control_changes,
    crop,
    mean_square,
    whole_changes,
    with_noise,
    working_copy,
)
from memorability.where.looking import SIDE, WhereSettings, as_arrays, first_of_each, unreadable
from memorability.where.names import (
    BACKGROUND,
    CONTROLS,
    CROPPED,
    ELSEWHERE,
    MIRRORED,
    NOISE,
    REENCODED,
    SALIENT,
    UNCHANGED,
    WHOLE,
    removal,
)
from memorability.where.regions import (
    Fill,
    Mask,
    elsewhere,
    masks_of,
    removable,
    removed,
    salient,
)

BATCH = 16
IMAGES_PER_SHARD = 4
SHOWN = 4
"""Images."""

LEFT_OUT = frozenset(
    {REENCODED, MIRRORED, "blur_1", "blur_2", "detail_2", "detail_10"}
    | {"desaturated_25", "desaturated_50", "desaturated_75"}
)
"""Of the figure: controls, which look like the image itself, and other degrees of what is shown."""

_CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))

Detect = Callable[[Pixels], Mapping[str, Mask]]
"""Finds regions in an image (H, W, 3): name -> mask (H, W)."""


@dataclass(frozen=True, kw_only=True)
class AblationSettings(WhereSettings):
    """What decides ablations.

    Parameters
    ----------
    fill
        What a removed region gets.
    """

    fill: Fill


@dataclass(frozen=True)
class Variant:
    """A changed image.

    Attributes
    ----------
    ablation, control
        Names; control is "" of the ablation itself.
    pixels
        (H, W, 3) uint8.
    square
        Mean squared change of pixels of values in [0, 1]; NaN where the frame is another one.
    area
        Share of the pixels that were removed; NaN where none were.
    """

    ablation: str
    control: str
    pixels: Pixels
    square: float = np.nan
    area: float = np.nan


def variants(
    image: Pixels, masks: Mapping[str, Mask], *, fill: Fill, seed: int, image_id: str
) -> Iterator[Variant]:
    """Yield an image, its ablations, and their controls.

    Parameters
    ----------
    image
        A working copy, (H, W, 3).
    masks
        Name of a region -> (H, W). What is absent, or leaves too little of the image, is not removed.
    fill
        What a removed region gets.
    seed, image_id
        Name the streams of noise, tiles and places.
    """

    def stream(what: str) -> np.random.Generator:
        return numpy_stream(seed, f"{what} of {image_id}")

    noise = stream("noise").standard_normal(image.shape)

    def noisy(name: str, square: float) -> Variant:
        other = with_noise(image, square, noise)
        return Variant(name, NOISE, other, mean_square(image, other))

    yield Variant(UNCHANGED, "", image, 0.0)
    quality = CONTROLS[REENCODED].amount
    for name, changed in control_changes(image, quality).items():
        yield Variant(name, "", changed, mean_square(image, changed))
    for name, changed in whole_changes(image, stream("tiles")).items():
        if name == CROPPED:
            corner = _CORNERS[stream("corner").integers(len(_CORNERS))]
            yield Variant(name, "", changed)
            yield Variant(name, ELSEWHERE, crop(image, WHOLE[name].amount, corner))
            continue
        square = mean_square(image, changed)
        yield Variant(name, "", changed, square)
        yield noisy(name, square)
    for region, mask in masks.items():
        if not removable(mask):
            continue
        name, area = removal(region).name, float(mask.mean())
        without = removed(image, mask, fill)
        square = mean_square(image, without)
        yield Variant(name, "", without, square, area)
        yield noisy(name, square)
        moved = elsewhere(mask, stream(f"place of {region}"))
        if moved is not None:
            other = removed(image, moved, fill)
            yield Variant(name, ELSEWHERE, other, mean_square(image, other), area)


def scores_of(
    predictor: PixelPredictor, images: Sequence[Pixels], device: str
) -> npt.NDArray[np.float64]:
    """Return the scores (N,) of images (H, W, 3) of any sizes.

    Raises
    ------
    memorability.images.decoding.BadImage
        If the predictor cannot read one.
    """
    scores = np.empty(len(images))
    for start in range(0, len(images), BATCH):
        batch = slice(start, start + BATCH)
        views = np.stack([predictor.prepare(Image.fromarray(one)) for one in images[batch]])
        scores[batch] = predictor.score(views, device)
    return scores


def variants_of_file(
    file: Path,
    regions: list[dict[str, Any]],
    settings: AblationSettings,
    *,
    image_id: str,
    detect: Detect | None = None,
) -> list[Variant]:
    """Return an image of a file, its ablations, and their controls; the file is decoded once.

    Parameters
    ----------
    file
        The image.
    regions
        Of the image, as from `memorability.where.regions.read_regions`.
    settings
        How.
    image_id
        Of the image.
    detect
        Finds further regions.

    Raises
    ------
    InputError
        If the image, or a mask of it, cannot be read.
    """
    try:
        upright = decode(file, settings.decoding)
    except BadImage as reason:
        raise unreadable(file, reason) from None
    image = working_copy(upright)
    masks = {} if detect is None else dict(detect(image))
    for name, mask in masks_of(regions, upright.size, image.shape[:2]).items():
        masks[name] = mask | masks.get(name, False)
    found = salient(image)
    if found.any():
        masks |= {SALIENT: found, BACKGROUND: ~found}
    return list(variants(image, masks, fill=settings.fill, seed=settings.seed, image_id=image_id))


def ablate_image(
    made: Sequence[Variant],
    predictors: Mapping[str, PixelPredictor],
    *,
    image_id: str,
    device: str,
) -> pd.DataFrame:
    """Return the rows of the table `ablation_scores` of one image.

    Parameters
    ----------
    made
        From `variants_of_file`.
    predictors
        Name -> predictor, on `device`.
    image_id
        Of the image.
    device
        torch device.

    Raises
    ------
    memorability.images.decoding.BadImage
        If a predictor cannot read one of the images.
    """
    table = pd.DataFrame(
        {
            "ablation": [one.ablation for one in made],
            "control": [one.control for one in made],
            "mean_square": [one.square for one in made],
            "area": [one.area for one in made],
        }
    ).assign(image_id=image_id)
    pixels = [one.pixels for one in made]
    parts = [
        table.assign(predictor=name, predicted=scores_of(predictor, pixels, device))
        for name, predictor in predictors.items()
    ]
    return pd.concat(parts, ignore_index=True)


def ablate(
    images: pd.DataFrame,
    folder: Path,
    regions: Mapping[str, list[dict[str, Any]]],
    predictors: Mapping[str, PixelPredictor],
    settings: AblationSettings,
    *,
    device: str,
    shards: Path,
    detect: Detect | None = None,
) -> pd.DataFrame:
    """Return the table `ablation_scores` of images. Ablations of one serve all predictors.

    Parameters
    ----------
    images
        image_id and file of each, at least one.
    folder
        In which the files are.
    regions
        image_id -> its regions.
    predictors, settings, device, detect
        See `variants_of_file` and `ablate_image`.
    shards
        Directory for what is done, from which a stopped job goes on.
    """
    ids, files = images["image_id"].tolist(), images["file"].tolist()
    with progress(shards_left(shards, len(ids), IMAGES_PER_SHARD), "ablating images") as step:

        def some(rows: slice) -> dict[str, npt.NDArray[Any]]:
            tables = []
            for image_id, file in zip(ids[rows], files[rows], strict=True):
                made = variants_of_file(
                    folder / file, regions.get(image_id, []), settings,
                    image_id=image_id, detect=detect,
                )  # fmt: skip
                try:
                    table = ablate_image(made, predictors, image_id=image_id, device=device)
                except BadImage as reason:
                    raise unreadable(folder / file, reason) from None
                tables.append(table)
                step()
            return as_arrays(pd.concat(tables, ignore_index=True))

        parts = [
            pd.DataFrame(dict(part))
            for _, part in in_shards(shards, len(ids), IMAGES_PER_SHARD, some)
        ]
    return pd.concat(parts, ignore_index=True)


def write_examples(
    images: pd.DataFrame,
    folder: Path,
    regions: Mapping[str, list[dict[str, Any]]],
    settings: AblationSettings,
    path: str | Path,
    detect: Detect | None = None,
) -> None:
    """Write the first image of each category, up to four images, under ablations of each kind.

    Parameters
    ----------
    images
        image_id, file and category of those that were ablated.
    folder, regions, settings, detect
        See ``ablate`.
    path
        The .npz file to write.
    """
    first = first_of_each(images, SHOWN)
    names: list[tuple[str, str]] = []
    pixels: list[Pixels] = []
    for image_id, file in zip(first["image_id"], first["file"], strict=True):
        own = regions.get(image_id, [])
        made = variants_of_file(folder / file, own, settings, image_id=image_id, detect=detect)
        for one in made:
            if not one.control and one.ablation not in LEFT_OUT:
                names.append((image_id, one.ablation))
                small = Image.fromarray(one.pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
                pixels.append(np.asarray(small))
    ids, ablations = (np.asarray(column, dtype=str) for column in zip(*names, strict=True))
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file, allow_pickle=False, image_id=ids, ablation=ablations, pixels=np.stack(pixels)
        )
