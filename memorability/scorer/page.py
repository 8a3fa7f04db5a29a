"""The local page that scores images which are dropped on it."""

import logging
import tempfile
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pandas as pd
from PIL import Image

from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.scorer.bundle import SavedPredictor
from memorability.scorer.score_images import interval_in_words, score_images
from memorability.scorer.side_by_side import of_saved, score_side_by_side
from memorability.web.local_server import LocalHandler, LocalServer

logger = logging.getLogger(__name__)

LARGEST_FILE = 64_000_000
"""Bytes of an image that is taken."""
LARGEST_MEGAPIXELS = 100.0
"""Width × height, in millions, of an image that is taken."""
MOST_ROWS = 100_000
"""Scores that are kept for the table until the page is ended; further ones are shown alone."""
_AT_ONCE = 3
_LONGEST_NAME = 300
_OF_STUDY = ["percentile", "interval_low", "interval_high", "unusual"]
_PAGE = ("index.html", "page.js", "page.css")


class Study(NamedTuple):
    """A saved predictor of a study, with the file that it was read from."""

    saved: SavedPredictor
    path: Path


@dataclass
class Scorers:
    """Predictors that are open, and what they have scored.

    Parameters
    ----------
    predictors
        Those that read pixels, with names of their own.
    study
        That of a study, whose scores have intervals; None where there is none.
    device, threads
        To compute on.

    Attributes
    ----------
    facts
        What must be known of the scores, the study's first.

    Raises
    ------
    ValueError
        If there is no predictor at all.
    """

    predictors: Sequence[PixelPredictor]
    study: Study | None
    device: str
    threads: int
    facts: list[Facts] = field(init=False)
    _rows: list[pd.DataFrame] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if not self.predictors and self.study is None:
            raise ValueError("no predictor was given; expected one at least")
        own = [of_saved(*self.study).facts] if self.study else []
        self.facts = own + [predictor.facts for predictor in self.predictors]

    @property
    def notes(self) -> list[str]:
        """What a reader must know before the first score, in sentences."""
        if self.study is None:
            return []
        saved = self.study.saved
        return [saved.introduction, interval_in_words(saved, None)]

    def score(self, path: Path, name: str) -> pd.DataFrame:
        """Score one image.

        Parameters
        ----------
        path
            Of the image.
        name
            By which the table calls it.

        Returns
        -------
        pandas.DataFrame
            A row per predictor: file, predictor, score, predicts, percentile (0-100), interval_low and
            interval_high, unusual (of a study alone, else missing), reason ("" where there is a
            score), trained_on, version, weights_sha256, preprocessing, licence.
        """
        too_large = _too_large(path)
        tables = []
        # Networks compute one after another: together they would take as long and more memory.
        with self._lock:
            own: list[PixelPredictor | Study] = [self.study] if self.study else []
            own += self.predictors
            for facts, predictor in zip(self.facts, own, strict=True):
                if too_large:
                    scored = pd.DataFrame({"score": [float("nan")], "reason": [too_large]})
                elif isinstance(predictor, Study):
                    scored = score_images(
                        predictor.saved, [path], device=self.device, threads=self.threads
                    )
                else:
                    scored = score_side_by_side(
                        [predictor], [path], device=self.device, threads=self.threads
                    )
                columns = scored.reindex(columns=["score", *_OF_STUDY, "reason"])
                tables.append(columns.assign(file=name, **vars(facts)))
            table = pd.concat([one.astype(object) for one in tables], ignore_index=True)
            table = table[
                ["file", "predictor", "score", "predicts", *_OF_STUDY, "reason", *_SOURCES]
            ]
            if sum(map(len, self._rows)) < MOST_ROWS:
                self._rows.append(table)
        return table

    def table(self) -> pd.DataFrame:
        """Return what was scored so far, as `score` does."""
        with self._lock:
            rows = list(self._rows)
        if not rows:
            return pd.DataFrame()
        table = pd.concat(rows, ignore_index=True)
        numbers = dict.fromkeys(["score", *_OF_STUDY[:3]], "float64")
        return table.astype(numbers | {"unusual": "boolean"})

    def forget(self) -> None:
        """Forget what was scored so far."""
        with self._lock:
            self._rows.clear()


_SOURCES = ["trained_on", "version", "weights_sha256", "preprocessing", "licence"]


class PageServer(LocalServer):
    """The server of the page.

    Parameters
    ----------
    scorers
        What scores.
    address, port, names, token
        See `memorability.web.local_server.LocalServer`.
    """

    def __init__(
        self,
        scorers: Scorers,
        *,
        address: str,
        port: int,
        names: Collection[str] = (),
        token: str = "",
    ) -> None:
        self.scorers = scorers
        self.at_once = threading.BoundedSemaphore(_AT_ONCE)
        self._static = as_file(files("memorability.scorer").joinpath("static"))
        static = self._static.__enter__()
        pages = {f"/{name}": static / name for name in _PAGE}
        super().__init__(_Handler, pages, address=address, port=port, names=names, token=token)

    def server_close(self) -> None:
        """End the server."""
        super().server_close()
        self._static.__exit__(None, None, None)


class _Handler(LocalHandler):
    server: PageServer

    def answer(self, path: str) -> None:
        scorers = self.server.scorers
        if path == "/api/predictors":
            facts = [vars(one) for one in scorers.facts]
            self.reply(200, {"predictors": facts, "notes": scorers.notes})
        elif path == "/api/scores.csv":
            content = scorers.table().to_csv(index=False).encode()
            self.send(200, content, "text/csv; charset=utf-8", "no-store")
        elif path == "/api/scores.parquet":
            into = BytesIO()
            scorers.table().to_parquet(into, index=False)
            self.send(200, into.getvalue(), "application/vnd.apache.parquet", "no-store")
        else:
            super().answer(path)

    def take(self, path: str) -> None:
        if path == "/api/forget":
            if self.message() is not None:
                self.server.scorers.forget()
                self.reply(200, {})
            return
        if path != "/api/score":
            super().take(path)
            return
        # Few images are in memory and on the disk at a time, however many are sent.
        with self.server.at_once:
            content = self.body("application/octet-stream", LARGEST_FILE)
            if content is None:
                return
            asked = parse_qs(urlsplit(self.path).query).get("name", ["image"])[0]
            name = "".join(sign for sign in asked if sign.isprintable())[:_LONGEST_NAME]
            with tempfile.TemporaryDirectory(prefix="memorability_page_") as place:
                image = Path(place) / "image"
                image.write_bytes(content)
                del content
                table = self.server.scorers.score(image, name)
        shown = table.astype(object).where(table.notna(), None)
        self.reply(200, {"rows": shown.to_dict("records")})


def _too_large(path: Path) -> str:
    """Return why an image is not unpacked, or "" where it may be, or is none."""
    # The library warns of, and refuses, images that are smaller than those that are taken here.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with path.open("rb") as file, Image.open(file) as opened:
            width, height = opened.size
    except Exception:  # a damaged file fails anywhere in a decoder, which says so when it scores
        return ""
    megapixels = width * height / 1e6
    if megapixels <= LARGEST_MEGAPIXELS:
        return ""
    return f"has {megapixels:,.0f} megapixels; the page takes up to {LARGEST_MEGAPIXELS:.0f}"
