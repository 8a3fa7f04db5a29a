"""A predictor fitted to images and scores of one's own, without a study."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from memorability.base.errors import InputError
from memorability.base.job_log import progress
from memorability.data.scores import read_scores
from memorability.data.splits import SplitSettings, split_images
from memorability.images.decoding import BadImage, decode
from memorability.images.folder import locate
from memorability.pixel_predictors.contract import FitSettings, Fitted, Prepare
from memorability.statistics.ranks import SMALLEST_SAMPLE

logger = logging.getLogger(__name__)

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
BATCH_SIZE = 32


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A fitted predictor, and how well it predicts.

    Parameters
    ----------
    fitted
        The predictor.
    test
        Number of test images, which neither the fit nor its choices saw.
    spearman
        Rank correlation of predicted and measured scores of these, −1 to 1; NaN where nothing can be
        ranked.
    """

    fitted: Fitted
    test: int
    spearman: float

    def in_words(self) -> str:
        """Return what was chosen and how well it predicts."""
        chosen = ", ".join(f"{name} {value:.3g}" for name, value in self.fitted.chosen.items())
        quality = (
            "too few of them, or equal scores, to rank"
            if np.isnan(self.spearman)
            else f"Spearman's r = {self.spearman:.2f} with the measured scores"
        )
        return f"Chosen in validation: {chosen}. On {self.test:,} test images: {quality}."


def fit_to_table(
    prepare: Prepare,
    fit: Callable[..., Fitted],
    scores: Path,
    images: Path,
    *,
    columns: tuple[str, str],
    settings: FitSettings,
    threads: int,
) -> Outcome:
    """Fit a predictor to a table of scores and a folder of images.

    Images are split by chance, 70 % to train, 15 % to validate, 15 % to test.

    Parameters
    ----------
    prepare, fit
        As `memorability.pixel_predictors.opening.begin_fit` returns them.
    scores
        The table, as `memorability.data.scores.read_scores` reads it.
    images
        The folder that its file names are relative to.
    columns
        Names of the columns with files and with scores.
    settings
        Of the fit.
    threads
        Decoding threads.

    Raises
    ------
    InputError
        If the table or the folder has a mistake, or an image cannot be read.
    """
    with _words_of_the_command():
        table = read_scores(scores, dict(zip(("file", "score"), columns, strict=True)))
        found, _ = locate(list(table["file"]), images)
    if None in found:
        logger.warning("%d rows of %s have no image and are left out.", found.count(None), scores)
    table = (
        table.assign(found=pd.Series(found, index=table.index, dtype=object))
        .dropna(subset=["found", "score"])
        .reset_index(drop=True)
    )
    how = SplitSettings(kind="stratified", number=1, seed=settings.seed, **SHARES)
    split = split_images(table, how).to_numpy()
    files = [images / file for file in table["found"]]
    pixels = []
    with progress(len(files), "reading images") as step, ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(files), BATCH_SIZE):
            for one in pool.map(partial(_prepared, prepare), files[start : start + BATCH_SIZE]):
                pixels.append(one)
                step()
    squares = np.stack(pixels)
    measured = table["score"].to_numpy(dtype=np.float64)
    fitted = fit(squares, measured, split, settings=settings)
    test = split == "test"
    predictor = fitted.predictor.to(settings.device)
    predicted = np.concatenate(
        [predictor.score(squares[test][start : start + BATCH_SIZE], settings.device)
         for start in range(0, int(test.sum()), BATCH_SIZE)] or [np.empty(0)]
    )  # fmt: skip
    return Outcome(
        fitted=fitted, test=int(test.sum()), spearman=_spearman(predicted, measured[test])
    )


@contextmanager
def _words_of_the_command() -> Iterator[None]:
    """Say which options stand for the settings of a study that a message names."""
    try:
        yield
    except InputError as error:
        raise InputError(
            f"{error} (Here, dataset.columns is --column-file and --column-score, and dataset.images "
            "is --images.)"
        ) from error


def _prepared(prepare: Prepare, file: Path) -> np.ndarray:
    try:
        return prepare(decode(file))
    except BadImage as reason:
        raise InputError(
            f"{file} {reason}. Take its row out of the table of scores, or mend the file."
        ) from None


def _spearman(predicted: np.ndarray, measured: np.ndarray) -> float:
    varies = len(predicted) >= SMALLEST_SAMPLE and np.ptp(predicted) > 0 and np.ptp(measured) > 0
    return float(spearmanr(predicted, measured).statistic) if varies else float("nan")
