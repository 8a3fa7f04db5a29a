"""Maps of a predicted score that a person asks for on the page: in numbers, in words, as pictures."""

import math
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from PIL import Image

from memorability.where.changes import Pixels
from memorability.where.maps import Map
from memorability.where.names import GRID, METHOD_LABELS

MOST_MAPS = 300
"""Maps that are kept until the page is ended or they are forgotten: of 0.1 to 0.2 MB each."""

STRENGTH = 0.65
"""Of the colours of a map over the grey image, from 0 to 1: as in the figures of a study."""

MEANINGS: Mapping[str, str] = {
    "occlusion": "A value is how much the score falls where this part is hidden.",
    "windows": "A value is the mean score of windows of the image that hold this part.",
    "grad_cam": "A value is how much this part raises the score, in a unit of the network's own.",
    "integrated_gradients": "A value is what this part adds to the score of a blurred image.",
    "fully_convolutional": "A value is MemNet's score of this part.",
}
"""Method -> what its values are."""

_VERTICAL, _HORIZONTAL = ("top", "middle", "bottom"), ("left", "centre", "right")


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """A map over an image.

    Parameters
    ----------
    file
        Name of the image.
    predictor, method
        Of the map.
    cells
        The map, raw: (8, 8).
    picture
        PNG of the map over the grey image.
    """

    file: str
    predictor: str
    method: str
    cells: Map
    picture: bytes


@dataclass
class Overlays:
    """The maps that were asked for, until they are forgotten; several threads may use them."""

    _kept: list[Overlay] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, overlay: Overlay) -> int | None:
        """Keep a map, and return its number; None where `MOST_MAPS` are kept."""
        with self._lock:
            if len(self._kept) >= MOST_MAPS:
                return None
            self._kept.append(overlay)
            return len(self._kept) - 1

    def picture(self, number: int) -> bytes | None:
        """Return the PNG of a map, or None if there is no such map."""
        with self._lock:
            return self._kept[number].picture if 0 <= number < len(self._kept) else None

    def forget(self) -> None:
        """Forget all maps."""
        with self._lock:
            self._kept.clear()

    def archive(self) -> bytes:
        """Return a zip of the pictures and of maps.csv.

        The table has a row per cell of a map: picture (its name in the zip), file, predictor, method,
        row and column (0-7, from the upper left cell of the image), value (raw).
        """
        with self._lock:
            kept = list(self._kept)
        names = [_picture_name(number, one) for number, one in enumerate(kept)]
        columns = ["picture", "file", "predictor", "method", "row", "column", "value"]
        rows, across = np.divmod(np.arange(GRID**2), GRID)
        parts = [
            pd.DataFrame({"row": rows, "column": across, "value": one.cells.ravel()}).assign(
                picture=name, file=one.file, predictor=one.predictor, method=one.method
            )
            for name, one in zip(names, kept, strict=True)
        ]
        table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
        into = BytesIO()
        with ZipFile(into, "w", ZIP_STORED) as archive:
            archive.writestr("maps.csv", table[columns].to_csv(index=False), ZIP_DEFLATED)
            for name, one in zip(names, kept, strict=True):
                archive.writestr(name, one.picture)
        return into.getvalue()


def _picture_name(number: int, overlay: Overlay) -> str:
    """Return a name that is safe on every system: whoever unpacks it gets files in one folder."""
    stem = PurePosixPath(overlay.file.replace("\\", "/")).stem
    words = [f"{number + 1:03d}", stem[:80], overlay.predictor, overlay.method]
    return re.sub(r"[^\w-]+", "_", "_".join(words), flags=re.ASCII) + ".png"


def drawn_over(image: Pixels, values: Map) -> bytes:
    """Return a PNG of a map over the grey image, from its lowest (dark) to its highest value (bright).

    Parameters
    ----------
    image
        (H, W, 3) uint8.
    values
        (8, 8). A map of one value everywhere has one colour.
    """
    height, width = image.shape[:2]
    spread = np.ptp(values)
    share = (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
    cells = Image.fromarray(share.astype(np.float32))
    smooth = np.asarray(cells.resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)
    colours = colormaps["inferno"](smooth)[..., :3]
    grey = np.asarray(Image.fromarray(image).convert("L"))[..., np.newaxis] / 255
    mixed = STRENGTH * colours + (1 - STRENGTH) * grey
    into = BytesIO()
    Image.fromarray(np.rint(255 * mixed).astype(np.uint8)).save(into, "PNG")
    return into.getvalue()


def in_words(predictor: str, method: str, values: Map) -> str:
    """Say what a map shows, for those who do not see it, too.

    Parameters
    ----------
    predictor, method
        See `Overlay`.
    values
        Its cells.
    """
    said = f"Map by {METHOD_LABELS[method]}, {predictor}."
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        return f"{said} It has the same value everywhere: it tells nothing."
    ends = (("Highest", int(values.argmax())), ("Lowest", int(values.argmin())))
    found = [
        f"{word}: {_part(place)} ({values.flat[place]:.3g}).".replace("-", "−")
        for word, place in ends
    ]
    return " ".join([said, *found, MEANINGS[method], "Bright parts have the higher values."])


def _part(place: int) -> str:
    """Return in which ninth of the image a cell is, in words."""
    row, column = divmod(place, GRID)
    down, across = (math.floor(3 * (one + 0.5) / GRID) for one in (row, column))
    return f"{_VERTICAL[down]} {_HORIZONTAL[across]}"


def numbers(values: Map) -> list[list[float | None]]:
    """Return a map as JSON has it: rows of numbers, None where there is none."""
    finite: npt.NDArray[np.bool_] = np.isfinite(values)
    return [
        [float(value) if known else None for value, known in zip(row, of, strict=True)]
        for row, of in zip(values, finite, strict=True)
    ]
