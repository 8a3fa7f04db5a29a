"""Scores of any images by several predictors, in one table."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn

from memorability.base.files import file_sha256
from memorability.images.decoding import BadImage, decode, resize_image
from memorability.images.sizes import SIDE
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.scorer.bundle import SavedPredictor, read_saved_predictor

BATCH_SIZE = 16

Pixels = npt.NDArray[np.uint8]
_Batch = list[list[Pixels | BadImage]]  # image -> predictor -> what it reads, or why it cannot


class _OfStudy(nn.Module):
    """Scores of pixels uint8 (N, 3, 224, 224), by a study's encoder and its predictor of latents."""

    latent_mean: Tensor
    latent_sd: Tensor

    def __init__(self, saved: SavedPredictor) -> None:
        super().__init__()
        self.encoder, self.predictor = saved.encoder, saved.predictor.model
        self.register_buffer("latent_mean", saved.predictor.latent_mean)
        self.register_buffer("latent_sd", saved.predictor.latent_sd)

    def forward(self, pixels: Tensor) -> Tensor:
        latents = self.encoder(pixels.to(torch.float32) / 255)
        scores: Tensor = self.predictor((latents - self.latent_mean) / self.latent_sd)
        return scores


def of_study(path: Path) -> PixelPredictor:
    """Read the saved predictor of a study as one that stands beside others.

    Raises
    ------
    InputError
        As `memorability.scorer.bundle.read_saved_predictor`.
    """
    return of_saved(read_saved_predictor(path), path)


def of_saved(saved: SavedPredictor, path: Path) -> PixelPredictor:
    """Return a saved predictor, which was read from a file, as one that stands beside others."""
    made, how, images = (
        saved.facts["made"],
        saved.facts["preparation"],
        saved.facts["split"]["images"],
    )

    def prepare(image: Image.Image) -> Pixels:
        if min(image.size) < how["minimum_side"]:
            raise BadImage(
                f"is {image.width} x {image.height} pixels; the study's losses need a shorter side of "
                f"at least {how['minimum_side']}"
            )
        return resize_image(image, how["resize"])

    facts = Facts(
        predictor=f"study {made['study']}",
        predicts=saved.facts["score"],
        trained_on=f"{images['train']:,} images of the study {made['study']}",
        version=f"memorability {made['memorability']}",
        weights_sha256=file_sha256(path),
        preprocessing=(
            f"{how['resize']} to {SIDE} × {SIDE} pixels (bilinear, antialiased), RGB 0–1"
        ),
        licence="that of the study",
    )
    return PixelPredictor(
        facts=facts,
        prepare=prepare,
        network=_OfStudy(saved).eval().requires_grad_(False),
        decoding=saved.decoding,
    )


def score_side_by_side(
    predictors: Sequence[PixelPredictor],
    files: Sequence[Path],
    *,
    device: str,
    threads: int,
    batch_size: int = BATCH_SIZE,
    mirror: bool = False,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Score image files by every predictor, decoding ahead of the networks.

    Parameters
    ----------
    predictors
        At least one, with names of their own.
    files
        Images; those that cannot be read keep their rows.
    device
        torch device to compute on.
    threads
        Decoding threads.
    batch_size
        Images that a network reads together. A score depends on it only through the rounding of
        float32.
    mirror
        Average the scores of each image and of its mirror image.
    on_image
        Called after each image.

    Returns
    -------
    pandas.DataFrame
        The table `predictor_scores`: for each file, in their order, a row per predictor in the order of
        their names.
    """
    ordered = sorted((one.to(device) for one in predictors), key=lambda one: one.facts.predictor)
    scores = np.full((len(files), len(ordered)), np.nan)
    reasons = np.full(scores.shape, "", dtype=object)
    first = 0
    # Closed even after Ctrl-C: images that wait to be decoded would be, before the process ends.
    with closing(_prepared(ordered, files, threads, batch_size)) as batches:
        for batch in batches:
            for column, predictor in enumerate(ordered):
                read: dict[int, Pixels] = {}
                for row, views in enumerate(batch, first):
                    view = views[column]
                    if isinstance(view, BadImage):
                        reasons[row, column] = str(view)
                    else:
                        read[row] = view
                if read:
                    pixels = np.stack(list(read.values()))
                    scores[list(read), column] = predictor.score(pixels, device, mirror=mirror)
            for _ in batch:
                on_image()
            first += len(batch)
    return _table(ordered, files, scores, reasons, mirror)


def _prepared(
    predictors: Sequence[PixelPredictor], files: Sequence[Path], threads: int, batch_size: int
) -> Generator[_Batch]:
    """Yield what the predictors read of each batch of files, while the next one is prepared."""
    pool = ThreadPoolExecutor(threads)
    waiting: deque[list[Future[list[Pixels | BadImage]]]] = deque()
    try:
        for start in range(0, len(files), batch_size):
            batch = files[start : start + batch_size]
            waiting.append([pool.submit(_views, predictors, file) for file in batch])
            if len(waiting) > 1:
                yield [future.result() for future in waiting.popleft()]
        while waiting:
            yield [future.result() for future in waiting.popleft()]
    finally:
        pool.shutdown(cancel_futures=True)


def _views(predictors: Sequence[PixelPredictor], file: Path) -> list[Pixels | BadImage]:
    decoded: dict[object, Image.Image | BadImage] = {}
    for how in {predictor.decoding for predictor in predictors}:
        try:
            decoded[how] = decode(file, how)
        except BadImage as reason:
            decoded[how] = reason
    return [_view(predictor, decoded[predictor.decoding]) for predictor in predictors]


def _view(predictor: PixelPredictor, image: Image.Image | BadImage) -> Pixels | BadImage:
    try:
        return image if isinstance(image, BadImage) else predictor.prepare(image)
    except BadImage as reason:
        return reason


def _table(
    predictors: Iterable[PixelPredictor],
    files: Sequence[Path],
    scores: npt.NDArray[np.float64],
    reasons: npt.NDArray[np.object_],
    mirror: bool,
) -> pd.DataFrame:
    facts = pd.DataFrame([asdict(predictor.facts) for predictor in predictors])
    # A name may hold bytes that are no text, a table may not.
    names = [os.fsencode(file).decode(errors="replace") for file in files]
    table = pd.DataFrame({"file": names}).merge(facts, how="cross")
    table.insert(2, "score", scores.ravel())
    table.insert(4, "mirror_averaged", mirror)
    return table.assign(reason=reasons.ravel().astype(str))


def summary(table: pd.DataFrame, others: int) -> str:
    """Return what became of the images, and how the predictors' scores lie, in a line for each.

    Parameters
    ----------
    table
        The table `predictor_scores`.
    others
        Files of the folders that are no images.
    """
    unread = table[table["score"].isna()]["file"].nunique()
    said = [f"{table['file'].nunique():,} images, {len(table):,} rows"]
    if unread:
        said.append(f"{unread:,} not scored by every predictor, the column reason says why")
    if others:
        said.append(f"{others:,} files in folders passed over, which are not named like images")
    lines = ["; ".join(said) + "."]
    for name, own in table.dropna(subset="score").groupby("predictor", sort=True):
        lowest, mean, highest = own["score"].min(), own["score"].mean(), own["score"].max()
        lines.append(
            f"{name} ({own['predicts'].iloc[0]}): {len(own):,} scores from {lowest:.3f} to "
            f"{highest:.3f}, mean {mean:.3f}."
        )
    return "\n".join(lines)
