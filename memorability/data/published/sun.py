"""SUN memorability: its archive of MATLAB files, with images, hits and false alarms.

2,222 photographs of the SUN database, cropped to 256 × 256 pixels (Isola, Xiao, Torralba & Oliva 2011,
"What makes an image memorable?"). The archive has 2,400 targets; the study used the first 2,222.

The score
---------
(hits − false alarms) / responses: with the correction for false alarms that Khosla et al. 2015 report
as the second of two. The study itself reports hits / responses, which `score_uncorrected` is. False
alarms are of first showings, see `memorability.data.published.unpacking.counts_of_repeats`.
"""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from memorability.base.errors import InputError
from memorability.data.published.unpacking import (
    counts_of_repeats,
    differences,
    number_of,
    read_matlab,
    whole,
)
from memorability.sources.archives import FETCH_AGAIN, extract

LIMIT_BYTES = 3 * 10**9
"""Of the two files that are unpacked: 472 MB of pixels, and counts."""

TARGETS = 2_222
"""Images of the study: the first ones."""

IMAGES, DATA = "target_images.mat", "sorted_target_data.mat"
_FIELDS = ("hits", "misses", "false_alarms", "correct_rejections")


def unpack(
    archive: Path, directory: Path, *, on_image: Callable[[], object] = lambda: None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write SUN memorability's images as PNG files, and return its scores.

    Parameters
    ----------
    archive
        cvpr_memorability_data.zip, with target_images.mat and sorted_target_data.mat.
    directory
        Where to write the images; it appears whole or not at all.
    on_image
        Called after each image.

    Returns
    -------
    tuple of pandas.DataFrame
        The table `scores`, category "all"; and the table `differences`: images whose false alarms were
        brought from first showings to repeats.

    Raises
    ------
    InputError
        If the archive cannot be unpacked, lacks one of the two files, or these do not belong together.
    """
    with whole(directory) as place:
        extract(archive, place / "files", select=_place, limit_bytes=LIMIT_BYTES)
        for name in (IMAGES, DATA):
            if not (place / "files" / name).is_file():
                raise InputError(
                    f"{archive} is not SUN memorability's archive: it has no {name}. {FETCH_AGAIN}."
                )
        records = np.atleast_1d(read_matlab(place / "files" / DATA, "sorted_target_data"))
        pixels = _pixels(place / "files" / IMAGES, len(records))
        rows, changed = [], []
        for number, record in enumerate(records[:TARGETS]):
            stem = _stem(record, number)
            counted = {field: number_of(record, field, stem) for field in _FIELDS}
            if not counted["hits"] + counted["misses"]:
                raise InputError(f"{DATA}: {stem} was never repeated. {FETCH_AGAIN}.")
            hits, false_alarms, repeats = counts_of_repeats(**counted)
            first = counted["false_alarms"] + counted["correct_rejections"]
            # Names occur twice: SUN has photographs of the same name in several scenes.
            image_id = f"{number + 1:04d}_{stem}"
            Image.fromarray(pixels[..., number]).save(place / "images" / f"{image_id}.png")
            on_image()
            if first != repeats:
                reason = (
                    f"{counted['false_alarms']} false alarms of {first} first showings count as "
                    f"{false_alarms} of {repeats} repeats"
                )
                changed.append((f"{image_id}.png", reason))
            rows.append((image_id, f"{image_id}.png", hits, false_alarms, repeats))
    table = pd.DataFrame(rows, columns=["image_id", "file", "hits", "false_alarms", "responses"])
    counts = ["hits", "false_alarms", "responses"]
    table = table.astype(dict.fromkeys(counts, "Int64"))
    score = (table["hits"] - table["false_alarms"]) / table["responses"]
    table = table.assign(category="all", subcategory="", score=score.astype(float))
    return table, differences(changed, "SUN memorability")


def _place(path: str) -> str | None:
    name = PurePosixPath(path).name
    return name if name in (IMAGES, DATA) and "__MACOSX" not in PurePosixPath(path).parts else None


def _pixels(path: Path, records: int) -> np.ndarray:
    """Return the images uint8 (H, W, 3, N)."""
    pixels = np.asarray(read_matlab(path, "img"))
    needed = min(records, TARGETS)
    if pixels.ndim != 4 or pixels.shape[2] != 3 or pixels.shape[3] < needed:
        raise InputError(
            f"{IMAGES} holds an array of {pixels.shape}, not images (height, width, 3, {needed}) as "
            f"{DATA} lists. {FETCH_AGAIN}."
        )
    return pixels.astype(np.uint8)


def _stem(record: Any, number: int) -> str:
    """Return the name of an image, without folder and extension."""
    named = getattr(record, "filename", None) or getattr(record, "filepath", None)
    if not isinstance(named, str) or not named.strip():
        raise InputError(f"{DATA}: image {number + 1} has no file name. {FETCH_AGAIN}.")
    return PurePosixPath(named.strip().replace("\\", "/")).stem
