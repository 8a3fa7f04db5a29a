"""The explorer as one file: its program, its style, and numbers and pictures of all images."""

import hashlib
import html
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.base.arrays import open_sealed
from memorability.base.files import atomic
from memorability.images.store import open_store
from memorability.report.explorer.numbers_of_images import first_shown, numbers_of
from memorability.report.explorer.pictures import (
    LARGEST_PAGE,
    maps_of,
    photographs_and_reconstructions,
)
from memorability.statistics.neighbours import Rows, Search, nearest_neighbours
from memorability.tables.latents import LatentFile

NEIGHBOURS = 8
"""Nearest images of an image that the page has."""
_PAGE, _STYLE, _PROGRAM = "static/explorer.html", "static/explorer.css", "static/explorer.js"
_LABELS = ("category", "subcategory", "split")


@dataclass(frozen=True, kw_only=True)
class ExplorerSettings:
    """What the explorer says of its study.

    Parameters
    ----------
    study
        Its name.
    target
        The score that it correlates, a column of the table `per_image`.
    loss
        Of the analysed model, whose errors a reader sees first; "" without one.
    losses
        Loss -> what its error is, in words.
    note
        What a reader must know first, in words.
    without_photographs
        Why the page has no photographs, in words; "" where it has them.
    search
        See `memorability.analysis.distinctiveness.distinctiveness_table`.
    """

    study: str
    target: str
    loss: str
    losses: Mapping[str, str]
    note: str
    without_photographs: str
    search: str


@dataclass(frozen=True, kw_only=True)
class Explored:
    """What the explorer shows of images beside their numbers; None where there is none.

    Parameters
    ----------
    seen
        Image ids (M), prepared images, uint8 (M, 3, H, W), and their reconstructions, uint8
        (M, 3, side, side) of the side of `memorability.images.thumbnails.thumbnail_side`.
    latents
        Image ids (M), and latents (M, D); see `memorability.statistics.neighbours.nearest_neighbours`.
    mapped
        The table `attributions`, and (K, 3, H, W) the attributions of its rows, each in a unit of its
        own.
    """

    seen: tuple[Sequence[str], npt.NDArray[np.uint8], npt.NDArray[np.uint8]] | None = None
    latents: tuple[Sequence[str], Rows] | None = None
    mapped: tuple[pd.DataFrame, npt.NDArray[np.floating]] | None = None


def open_explored(
    images: pd.DataFrame | None,
    pixels: str | Sequence[str],
    reconstructions: str | Sequence[str],
    latents: Sequence[str],
    attributions: pd.DataFrame | None,
    maps: str | Sequence[str],
) -> Explored:
    """Return what the explorer shows of images, from files that are there.

    Parameters
    ----------
    images
        The image table of the prepared images, or None where there are none.
    pixels, reconstructions, maps
        Files of these arrays; without their table they are not read.
    latents
        A file of latents, or none.
    attributions
        The table, or None.
    """
    seen = mapped = of_latents = None
    if images is not None:
        seen = (
            images["image_id"].tolist(),
            open_store(str(pixels)),
            open_sealed(str(reconstructions)),
        )
    if latents:
        file = LatentFile(str(latents))
        of_latents = file.image_ids, file
    if attributions is not None:
        mapped = attributions, np.load(str(maps), mmap_mode="r")
    return Explored(seen=seen, latents=of_latents, mapped=mapped)


def write_explorer(
    path: str | Path,
    table: pd.DataFrame,
    settings: ExplorerSettings,
    explored: Explored,
    *,
    largest: int = LARGEST_PAGE,
) -> None:
    """Write the explorer of a study: one HTML file that needs no other and no network.

    Parameters
    ----------
    path
        File to write; it appears whole.
    table
        The table `per_image`, a row per image.
    settings
        What is said of the study.
    explored
        What else is shown. Photographs of no image of the table are left out.
    largest
        Bytes that pictures are made small for.
    """
    table = table.reset_index(drop=True)
    numbers = numbers_of(table, settings.losses)
    row_of = pd.Series(np.arange(len(table)), pd.Index(table["image_id"]))
    facts: dict[str, Any] = {
        "study": settings.study,
        "note": settings.note,
        "without_photographs": settings.without_photographs,
        "files": table["file"].tolist(),
        "labels": {name: _coded(table[name]) for name in _LABELS if name in table},
        "numbers": [asdict(number) for number in numbers],
        "first": first_shown(numbers, settings.target, settings.loss),
    }
    values = table[[number.column for number in numbers]].astype("float64")
    blocks = {"numbers": _base64(values.to_numpy(np.float32, na_value=np.nan).T)}
    if explored.latents is not None:
        nearest, distances = _neighbours(*explored.latents, row_of, settings.search)
        facts["neighbours"] = nearest.shape[1]
        blocks |= {"neighbours": _base64(nearest), "distances": _base64(distances)}
    if explored.mapped is not None:
        attributions, maps = explored.mapped
        rows = row_of.loc[attributions["image_id"]].to_numpy()
        facts["not_converged"] = rows[~attributions["converged"]].tolist()
        drawn = maps_of(maps[row] for row in attributions["row"])
        blocks["maps"] = _lines(drawn, rows, len(table))
    if explored.seen is not None:
        image_ids, pixels, reconstructions = explored.seen
        # What the page has already says how many bytes are left for photographs.
        taken = len(_page(facts, blocks).encode())
        rows = row_of.reindex(list(image_ids), fill_value=-1).to_numpy()
        pictures = photographs_and_reconstructions(
            pixels, reconstructions, taken=taken, largest=largest
        )
        for name, coded in zip(("photographs", "reconstructions"), pictures, strict=True):
            blocks[name] = _lines(coded, rows, len(table))
    with atomic(path) as temporary:
        temporary.write_text(_page(facts, blocks), encoding="utf-8")


def _neighbours(
    image_ids: Sequence[str], latents: Rows, row_of: pd.Series, search: str
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return rows of the nearest images, −1 where there is none, and their distances, (N, k) each."""
    (found,) = nearest_neighbours(latents, [Search(NEIGHBOURS)], projected=search == "projected")
    rows = row_of.loc[list(image_ids)].to_numpy()
    nearest = np.full((len(row_of), found.indices.shape[1]), -1, dtype=np.int32)
    distances = np.full(nearest.shape, np.nan, dtype=np.float32)
    nearest[rows] = rows[found.indices]
    distances[rows] = found.distances
    return nearest, distances


def _coded(labels: pd.Series) -> dict[str, Any]:
    """Return labels as places in a list of those that there are; "" is a label, too."""
    codes, names = pd.factorize(labels.fillna("").astype(str), sort=True)
    return {"names": names.tolist(), "codes": codes.tolist()}


def _lines(pictures: Iterable[str], rows: npt.NDArray[np.intp], count: int) -> str:
    """Return pictures of these rows as lines, one per image of the page; row −1 is left out."""
    lines = [""] * count
    for picture, row in zip(pictures, rows, strict=True):
        if row >= 0:
            lines[row] = picture
    return "\n".join(lines)


def _base64(values: npt.NDArray[Any]) -> str:
    """Return the bytes of an array, row by row, little-endian, in base64."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return b64encode(little.tobytes()).decode("ascii")


def _page(facts: Mapping[str, Any], blocks: Mapping[str, str]) -> str:
    """Return the page; the browser runs its own program alone, and loads nothing."""
    folder = Path(__file__).parent
    program, style, frame = (
        (folder / name).read_text(encoding="utf-8") for name in (_PROGRAM, _STYLE, _PAGE)
    )
    digest = b64encode(hashlib.sha256(program.encode()).digest()).decode("ascii")
    # A name of a file may hold the end of a script.
    given = json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")
    data = "".join(
        f'<script type="text/plain" id="data-{name}">{block}</script>\n'
        for name, block in blocks.items()
    )
    parts = {
        "TITLE": html.escape(f"Images of the study {facts['study']}"),
        "DIGEST": digest,
        "STYLE": style,
        "FACTS": given,
        "DATA": data,
        "PROGRAM": program,
    }
    pieces = frame.split("@@")
    # Every second piece is the name of a part: what is put in is not read again.
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))
