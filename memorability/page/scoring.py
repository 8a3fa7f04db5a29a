"""What scores the images of the page, and what it has scored."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from memorability.images.decoding import BadImage, decode
from memorability.page.overlays import Overlay, Overlays, drawn_over
from memorability.page.unpacking import Unpacker
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.scorer.bundle import SavedPredictor
from memorability.scorer.score_images import interval_in_words, score_images
from memorability.scorer.side_by_side import of_saved, score_side_by_side
from memorability.where.changes import working_copy
from memorability.where.maps import keeping_gradients, map_makers
from memorability.where.names import METHOD_LABELS

MOST_ROWS = 100_000
"""Scores that are kept for the table until the page is ended; further ones are shown alone."""
_OF_STUDY = ["percentile", "interval_low", "interval_high", "unusual"]
_SOURCES = ["trained_on", "version", "weights_sha256", "preprocessing", "licence"]


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
    unpacker
        Of the images.

    Attributes
    ----------
    facts
        What must be known of the scores, the study's first.
    methods
        Predictor -> the methods by which it allows maps.
    overlays
        The maps that were asked for.

    Raises
    ------
    ValueError
        If there is no predictor at all.
    """

    predictors: Sequence[PixelPredictor]
    study: Study | None
    device: str
    threads: int
    unpacker: Unpacker
    facts: list[Facts] = field(init=False)
    methods: dict[str, list[str]] = field(init=False)
    overlays: Overlays = field(default_factory=Overlays)
    _mapped: dict[str, PixelPredictor] = field(init=False)
    _rows: list[pd.DataFrame] = field(default_factory=list)
    _forgotten: int = 0  # how often
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if not self.predictors and self.study is None:
            raise ValueError("no predictor was given; expected one at least")
        own = [of_saved(*self.study).to(self.device)] if self.study else []
        every = [*own, *self.predictors]
        self.facts = [predictor.facts for predictor in every]
        self._mapped = {one.facts.predictor: keeping_gradients(one) for one in every}
        grey = np.full((256, 256, 3), 128, dtype=np.uint8)
        self.methods = {
            name: list(map_makers(grey, one, self.device)) for name, one in self._mapped.items()
        }

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
        own: list[PixelPredictor | Study] = [self.study] if self.study else []
        own += self.predictors
        decodings = {predictor.decoding for predictor in self._mapped.values()}
        unpacked, reason, forgotten = {}, "", self._forgotten
        try:
            unpacked = self.unpacker.unpack(path, decodings)
        except BadImage as why:
            reason = str(why)
        tables = []
        # Networks compute one after another: together they would take as long and more memory.
        with self._lock:
            for facts, predictor in zip(self.facts, own, strict=True):
                if reason:
                    scored = pd.DataFrame({"score": [float("nan")], "reason": [reason]})
                elif isinstance(predictor, Study):
                    file = unpacked[predictor.saved.decoding]
                    scored = score_images(
                        predictor.saved, [file], device=self.device, threads=self.threads
                    )
                else:
                    file = unpacked[predictor.decoding]
                    scored = score_side_by_side(
                        [predictor], [file], device=self.device, threads=self.threads
                    )
                columns = scored.reindex(columns=["score", *_OF_STUDY, "reason"])
                tables.append(columns.assign(file=name, **vars(facts)))
            table = pd.concat([one.astype(object) for one in tables], ignore_index=True)
            table = table[
                ["file", "predictor", "score", "predicts", *_OF_STUDY, "reason", *_SOURCES]
            ]
            if forgotten == self._forgotten and sum(map(len, self._rows)) < MOST_ROWS:
                self._rows.append(table)
        return table

    def map(self, path: Path, name: str, predictor: str, method: str) -> tuple[Overlay, int | None]:
        """Return the map of a predicted score over one image, and its number in `overlays`.

        The number is None where no further map is kept.

        Parameters
        ----------
        path, name
            See `score`.
        predictor
            One of `methods`.
        method
            One of the predictor's.

        Raises
        ------
        memorability.images.decoding.BadImage
            If the image cannot be read, or the predictor allows no such map of it; if everything was
            forgotten meanwhile.
        """
        forgotten = self._forgotten
        chosen = self._mapped[predictor]
        (file,) = self.unpacker.unpack(path, [chosen.decoding]).values()
        with self._lock:
            image = working_copy(decode(file, chosen.decoding))
            makers = map_makers(image, chosen, self.device)
            if method not in makers:
                raise BadImage(f"has no map by {METHOD_LABELS[method]} under {predictor}")
            values = makers[method]()
            overlay = Overlay(
                file=name, predictor=predictor, method=method, cells=values,
                picture=drawn_over(image, values),
            )  # fmt: skip
            if forgotten != self._forgotten:
                raise BadImage("was removed meanwhile")
            return overlay, self.overlays.keep(overlay)

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
        """Forget what was scored and mapped so far."""
        with self._lock:
            self._forgotten += 1
            self._rows.clear()
            self.overlays.forget()
