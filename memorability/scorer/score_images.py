"""Memorability of any images, as a saved predictor sees it."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from memorability.base.errors import InputError
from memorability.images.decoding import Prepared, decode_ahead
from memorability.images.folder import EXTENSIONS, is_image, walk
from memorability.images.pixels import to_unit_range
from memorability.scorer.bundle import SavedPredictor, latent_distance

BATCH_SIZE = 16  # at width 1 about 0.6 GB on the way through the encoder


def find_files(given: Sequence[str]) -> tuple[list[Path], int]:
    """Return the images that files and folders stand for, and how many files of folders are none.

    Parameters
    ----------
    given
        Files, kept whatever they are, and folders, which stand for the image files in and below
        them.

    Returns
    -------
    tuple
        Every file once, sorted by its path; and the number.

    Raises
    ------
    InputError
        If a folder holds no image file.
    """
    files: list[Path] = []
    others = 0
    for path in map(Path, given):
        if not path.is_dir():
            files.append(path)
            continue
        every = walk(path)
        images = [name for name in every if is_image(name)]
        if not images:
            raise InputError(
                f"None of the files in and below {path} ({len(every):,}) is named like an image: "
                f"{', '.join(sorted(EXTENSIONS))}. Name a folder of images, or the files themselves."
            )
        files += [path / name for name in images]
        others += len(every) - len(images)
    return sorted(set(files), key=str), others


def score_images(
    saved: SavedPredictor,
    files: Sequence[Path],
    *,
    device: str,
    threads: int,
    category: str | None = None,
    batch_size: int = BATCH_SIZE,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Predict the memorability of image files, decoding ahead of the encoder.

    Parameters
    ----------
    saved
        The predictor.
    files
        Images; those that cannot be read keep their row.
    device
        torch device to encode on.
    threads
        Decoding threads.
    category
        Of all these images, one of the study's; None where it is not known or they differ.
    batch_size
        Images that are encoded together. A score depends on it only through the rounding of float32.
    on_image
        Called after each image.

    Returns
    -------
    pandas.DataFrame
        The table `image_scores`, a row per file in their order.

    Raises
    ------
    InputError
        If the study had no such category.
    """
    half_width = saved.intervals.of(category).half_width
    saved = saved.to(device)
    how = saved.facts["preparation"]
    measured = np.full((len(files), 2), np.nan)
    reasons = [""] * len(files)
    batch: dict[int, npt.NDArray[np.uint8]] = {}
    # Closed even after Ctrl-C: images that wait to be decoded would be, before the process ends.
    preparation = how["resize"], how["minimum_side"], saved.decoding
    with closing(decode_ahead(files, *preparation, threads)) as results:
        for row, result in enumerate(results):
            if isinstance(result, Prepared):
                batch[row] = result.pixels
            else:
                reasons[row] = str(result)
            if len(batch) == batch_size or (batch and row == len(files) - 1):
                measured[list(batch)] = _measure(saved, np.stack(list(batch.values())), device)
                batch.clear()
            on_image()
    scores, distances = measured.T
    return _table(saved, files, scores, distances, reasons, half_width)


@torch.inference_mode()
def _measure(
    saved: SavedPredictor, pixels: npt.NDArray[np.uint8], device: str
) -> npt.NDArray[np.float32]:
    """Return score and distance of the latent, (N, 2), of uint8 pixels (N, 3, 224, 224)."""
    latents = saved.encoder(to_unit_range(pixels, device))
    distance = latent_distance(saved.predictor, latents)
    return np.asarray(torch.stack([saved.predictor.score(latents), distance], dim=1).cpu())


def _table(
    saved: SavedPredictor,
    files: Sequence[Path],
    scores: npt.NDArray[np.float64],
    distances: npt.NDArray[np.float64],
    reasons: Sequence[str],
    half_width: float,
) -> pd.DataFrame:
    usual, allowed = saved.facts["usual"], saved.facts["interval"]["range"]
    scored = np.isfinite(scores)
    ranks = [np.searchsorted(saved.reference, scores, side) for side in ("left", "right")]
    lowest, highest = usual["scores"]
    unusual = (scores < lowest) | (scores > highest) | (distances > usual["distance"])
    return pd.DataFrame(
        {
            # A name may hold bytes that are no text, a table may not.
            "file": [os.fsencode(file).decode(errors="replace") for file in files],
            "score": scores,
            "percentile": np.where(scored, 50 * sum(ranks) / len(saved.reference), np.nan),
            "interval_low": np.clip(scores - half_width, *allowed),
            "interval_high": np.clip(scores + half_width, *allowed),
            "unusual": pd.Series(unusual, dtype="boolean").where(scored),
            "reason": reasons,
        }
    )


def summary(
    table: pd.DataFrame, others: int, saved: SavedPredictor, category: str | None = None
) -> str:
    """Return what became of the images and what their intervals stand for.

    Parameters
    ----------
    table
        The table `image_scores`.
    others
        Files of the folders that are no images.
    saved
        The predictor.
    category
        Of the images, as for `score_images`.
    """
    scored, unusual = int(table["score"].count()), int(table["unusual"].sum())
    said = [f"{scored:,} of {len(table):,} images scored"]
    if unusual:
        said.append(f"{unusual:,} of them unusual for the predictor")
    if scored < len(table):
        said.append(f"{len(table) - scored:,} not scored, the column reason says why")
    if others:
        said.append(f"{others:,} files in folders passed over, which are not named like images")
    if not scored:
        return f"{'; '.join(said)}."
    return (
        f"{'; '.join(said)}.\n{interval_in_words(saved, category)} An image that is not called "
        "unusual may still be unlike the study's images: grey, blurred and upside-down images pass."
    )


def interval_in_words(saved: SavedPredictor, category: str | None) -> str:
    """Return what the intervals of a study's scores stand for, as `summary` says it."""
    width, coverage = saved.intervals.of(category), saved.facts["interval"]["coverage"]
    whose = f"{category} images" if category in saved.intervals.categories else "images"
    words = (
        f"Intervals, ± {width.half_width:.2g}, follow from {width.images:,} test images and shall hold "
        f"the measured scores of {width.level:.0%} of {whose} like the study's, if as many people "
        "rated them."
    )
    if category is None and saved.intervals.categories:
        words += " No category was named: the interval is the widest of those of the categories."
    if coverage["all"] is not None:
        words += (
            f" In the study, intervals by category held {coverage['all']:.0%} of the test images "
            f"({coverage['lowest']:.0%} to {coverage['highest']:.0%} by category), each calibrated "
            "without the image's subcategory."
        )
    return words
