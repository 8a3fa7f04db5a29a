"""The images of a study under predictors that read pixels: prepared, fitted to, and scored."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.base.arrays import NpyWriter
from memorability.base.errors import InputError
from memorability.images.decoding import STANDARD, BadImage, Decoding, decode
from memorability.networks.computing import Compute
from memorability.pixel_predictors.contract import (
    Diverged,
    Epoch,
    FitSettings,
    Fitted,
    PixelPredictor,
    Prepare,
    Resuming,
)
from memorability.pixel_predictors.fitted_file import write_diverged, write_fitted
from memorability.scorer.side_by_side import BATCH_SIZE, score_side_by_side

logger = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class ViewSettings:
    """How images become what a fit reads, besides the predictor's own preparation."""

    decoding: Decoding = STANDARD


@dataclass(frozen=True, kw_only=True)
class StudyFitSettings:
    """What decides a fit to a study's training images.

    Parameters
    ----------
    seed
        Of all chance, at least 0.
    compute
        How networks compute.
    predicts, trained_on
        What the scores and the images are, in words.
    """

    seed: int
    compute: Compute
    predicts: str
    trained_on: str

    def on(self, device: str, resuming: Resuming | None = None) -> FitSettings:
        """Return the settings of the fit on a torch device, and how a training is taken up."""
        return FitSettings(
            seed=self.seed,
            device=device,
            predicts=self.predicts,
            trained_on=self.trained_on,
            precision=self.compute.precision,
            resuming=resuming,
        )


@dataclass(frozen=True, kw_only=True)
class ScoringSettings:
    """What decides the scores of a study's images: how files are decoded, how networks compute."""

    decoding: Decoding
    compute: Compute


def write_views(
    prepare: Prepare,
    files: Sequence[Path],
    store: Path,
    *,
    decoding: Decoding,
    threads: int,
    on_image: Callable[[], object] = lambda: None,
) -> None:
    """Decode every image once and write what a fit reads of it.

    Parameters
    ----------
    prepare
        From an upright image to pixels.
    files
        Images of the study, at least one.
    store
        The .npy file to write, uint8 (N, 3, H, W), for `memorability.base.arrays.open_sealed`.
    decoding
        See `memorability.images.decoding.decode`.
    threads
        Decoding threads; they do not change the result.
    on_image
        Called after each image.

    Raises
    ------
    InputError
        If an image cannot be read any more, or the predictor cannot read it.
    """
    with ThreadPoolExecutor(threads) as pool:
        views = _views(pool, partial(_view, prepare, decoding), files)
        first = next(views)
        with NpyWriter(store, (None, *first.shape), np.uint8, sealed=True) as writer:
            writer.append(first[np.newaxis])
            on_image()
            for view in views:
                writer.append(view[np.newaxis])
                on_image()


def _views(
    pool: ThreadPoolExecutor, view: Callable[[Path], Pixels], files: Sequence[Path]
) -> Iterator[Pixels]:
    """Yield the views of files, a batch of which is prepared at a time."""
    left = iter(files)
    while batch := list(islice(left, 4 * BATCH_SIZE)):
        yield from pool.map(view, batch)


def _view(prepare: Prepare, decoding: Decoding, file: Path) -> Pixels:
    try:
        return prepare(decode(file, decoding))
    except BadImage as reason:
        raise _unreadable(file, str(reason)) from None


def _unreadable(file: Path, reason: str) -> InputError:
    return InputError(
        f"{file} {reason}. Every predictor is compared on the same images: mend the file, or take its "
        "row out of the table of scores."
    )


def measured(target: str, split: pd.DataFrame, images: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the scores (N,) that a fit learns: of "score" those of the table `split`.

    Parameters
    ----------
    target
        "score", or a column of the image table; NaN where an image has none.
    split, images
        The tables of these names, in the same order.
    """
    table = split if target == "score" else images
    return table[target].to_numpy(dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class StudyFit:
    """What came of a fit to a study: a predictor and its scores, or why there are none.

    Parameters
    ----------
    fitted
        The predictor; None where its training diverged.
    predictions
        The table `head_predictions` of all images, without rows where there is no predictor.
    facts
        What the record of this table keeps: what the fit chose by itself, or the reason why there is
        no predictor (`memorability.tables.store.failed_heads`).
    """

    fitted: Fitted | None
    predictions: pd.DataFrame
    facts: Mapping[str, Any]

    @property
    def history(self) -> pd.DataFrame:
        """The table `pixel_history`, without rows where there is no predictor."""
        return pd.DataFrame(self.fitted.history if self.fitted else [], columns=list(Epoch._fields))

    def write(self, name: str, path: Path) -> None:
        """Write the predictor of a name in one file, or in its place why there is none."""
        if self.fitted:
            write_fitted(self.fitted.predictor, path)
        else:
            write_diverged(name, self.facts["reason"], path)


def fit_to_study(
    fit: Callable[..., Fitted],
    image_ids: "pd.Series[str]",
    pixels: Pixels,
    scores: npt.NDArray[np.float64],
    split: npt.NDArray[Any],
    *,
    settings: FitSettings,
    on_image: Callable[[], object] = lambda: None,
) -> StudyFit:
    """Fit a predictor to the training images of a study, and score all images with it.

    Parameters
    ----------
    fit
        As `memorability.pixel_predictors.of_files.fit_with` returns it.
    image_ids
        (N,).
    pixels
        (N, 3, H, W), in memory or memory-mapped.
    scores
        (N,); NaN where an image has none: it is scored, but not learned from.
    split
        "train", "validation" or "test", (N,).
    settings
        Of the fit.
    on_image
        Called after each image that is scored.

    Returns
    -------
    StudyFit
        A training that diverges is no mistake of the user: other predictors are compared without it.
    """
    parts = np.where(np.isfinite(scores), split, "test")
    try:
        fitted = fit(pixels, scores, parts, settings=settings)
    except Diverged as reason:
        logger.warning("No predictor: %s", reason)
        none = head_predictions(image_ids[:0], np.empty(0))
        return StudyFit(fitted=None, predictions=none, facts={"reason": str(reason)})
    predictor = fitted.predictor.to(settings.device)
    predicted = np.empty(len(pixels))
    for start in range(0, len(pixels), BATCH_SIZE):
        batch = slice(start, start + BATCH_SIZE)
        predicted[batch] = predictor.score(pixels[batch].copy(), settings.device)
        for _ in predicted[batch]:
            on_image()
    predictions = head_predictions(image_ids, predicted)
    return StudyFit(fitted=fitted, predictions=predictions, facts=fitted.chosen)


def score_study(
    predictor: PixelPredictor,
    files: Sequence[Path],
    *,
    decoding: Decoding,
    device: str,
    threads: int,
    on_image: Callable[[], object] = lambda: None,
) -> npt.NDArray[np.float64]:
    """Return the scores (N,) of the images of a study by a predictor that is not fitted to them.

    Parameters
    ----------
    predictor
        The predictor.
    files
        The images.
    decoding, threads, on_image
        See `write_views`.
    device
        torch device to compute on.

    Raises
    ------
    InputError
        As of `write_views`.
    """
    table = score_side_by_side(
        [replace(predictor, decoding=decoding)], files, device=device, threads=threads,
        on_image=on_image,
    )  # fmt: skip
    for file, reason in table.loc[table["reason"] != "", ["file", "reason"]].to_numpy():
        raise _unreadable(Path(file), reason)
    return table["score"].to_numpy(dtype=np.float64)


def head_predictions(
    image_ids: "pd.Series[str]", predicted: npt.NDArray[np.float64]
) -> pd.DataFrame:
    """Return the table `head_predictions` of scores (N,)."""
    return pd.DataFrame(
        {"image_id": image_ids, "other_image_id": image_ids, "predicted": predicted}
    )
