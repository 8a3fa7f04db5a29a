"""Images: found, decoded, resized into one store of pixels, in the order of the image table."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from memorability.base.arrays import NpyWriter, open_sealed
from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream
from memorability.images.decoding import STANDARD, BadImage, Decoding, Prepared, decode_ahead
from memorability.images.folder import locate
from memorability.images.sizes import SIDE, Resize

logger = logging.getLogger(__name__)


OnBadImage = Literal["reject", "stop"]


@dataclass(frozen=True, kw_only=True)
class FolderPreparation:
    """What decides the pixels of images, besides the images.

    Parameters
    ----------
    resize
        See `resize_image`.
    decoding
        See `decode`.
    """

    resize: Resize
    decoding: Decoding = STANDARD


@dataclass(frozen=True, kw_only=True)
class Preparation(FolderPreparation):
    """What decides prepared images with scores, besides the images.

    Parameters
    ----------
    minimum_side
        Shorter side in pixels that an original needs, at least 1.
    on_bad_image
        `reject` leaves bad images out and lists them; `stop` raises.
    seed
        Of the presentation order, at least 0.
    """

    minimum_side: int
    on_bad_image: OnBadImage
    seed: int


def prepare(
    scores: pd.DataFrame,
    directory: Path,
    store: Path,
    preparation: Preparation,
    *,
    threads: int = 1,
    on_image: Callable[[], object] = lambda: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decode every image once, write the pixel store and return the image table and the rejected.

    Parameters
    ----------
    scores
        A row per image, as from `read_scores`. Rows that hold no score are bad images.
    directory
        Where the images are; a bare file name is also found in a subdirectory if it is unique, and
        so is another spelling of a name (`image_files.same_image`).
    store
        The .npy file to write: uint8 (N, 3, 224, 224), row i belonging to row i of the image table.
        It appears whole or, where an error is raised, not at all.
    preparation
        How.
    threads
        Decoding threads; they do not change the result.
    on_image
        Called after each image.

    Returns
    -------
    tuple of pandas.DataFrame
        The image table, sorted by image_id, with width and height of the upright original in pixels,
        and position: the 0-based place of each image in the study's fixed shuffled presentation
        order. And the rejected: file, reason.

    Raises
    ------
    InputError
        If more than half of the rows have no image, no two images or a whole category are left, or
        one is bad and `on_bad_image` is `stop`.
    """
    scores = scores.sort_values("image_id", ignore_index=True)
    found, rejected = locate(list(scores["file"]), directory)
    scores["file"] = [path or file for path, file in zip(found, scores["file"], strict=True)]
    jobs = [
        directory / path if path and not missing else None
        for path, missing in zip(found, scores["missing"], strict=True)
    ]
    results = decode_ahead(
        jobs, preparation.resize, preparation.minimum_side, preparation.decoding, threads
    )
    with _writer(store) as writer:
        kept, bad = _write_store(writer, list(scores["file"]), results, on_image)
        rejected += bad + _without_score(scores, found)
        table = scores.loc[list(kept)].drop(columns="missing").reset_index(drop=True)
        sizes = pd.DataFrame(list(kept.values()), dtype="Int64", columns=[0, 1])
        table[["width", "height"]] = sizes
        table["position"] = numpy_stream(preparation.seed, "presentation order").permutation(
            len(table)
        )
        _refuse_unusable(rejected, scores, table, preparation.on_bad_image)
    if rejected:
        logger.warning("%d images are left out, for example %s: %s", len(rejected), *min(rejected))
    return table, pd.DataFrame(sorted(rejected), columns=["file", "reason"], dtype=str)


def join_scores(
    scores: pd.DataFrame,
    prepared: pd.DataFrame,
    unusable: pd.DataFrame,
    directory: Path,
    on_bad_image: OnBadImage,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the image table and the rejected of images that were prepared before.

    Parameters
    ----------
    scores
        As from `read_scores`: names as when the images were prepared, whatever its scores and labels.
    prepared, unusable
        The tables that were written beside the pixels.
    directory
        See `prepare`.
    on_bad_image
        See `Preparation`.

    Returns
    -------
    tuple of pandas.DataFrame
        As of `prepare`.

    Raises
    ------
    InputError
        As of `prepare`.
    """
    located, rejected = locate(list(scores["file"]), directory)
    decoded = set(located)
    rejected += [
        (file, reason)
        for file, reason in unusable.itertuples(index=False, name=None)
        if file in decoded
    ]
    table = prepared.merge(
        scores.drop(columns=["missing", "file"]), on="image_id", validate="one_to_one"
    )
    _refuse_unusable(rejected, scores, table, on_bad_image)
    return table, pd.DataFrame(sorted(rejected), columns=["file", "reason"], dtype=str)


def _without_score(scores: pd.DataFrame, found: Sequence[str | None]) -> list[tuple[str, str]]:
    """Return (file, reason) of the images that are there, but whose row is not complete."""
    return [
        (path, f"has no {missing.replace('_', ' ')} in the score table")
        for path, missing in zip(found, scores["missing"], strict=True)
        if path and missing
    ]


def prepare_folder(
    directory: Path,
    files: Sequence[str],
    store: Path,
    preparation: FolderPreparation,
    *,
    threads: int = 1,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Decode every image of a directory into a pixel store.

    Parameters
    ----------
    directory
        Where the images are.
    files
        Their paths, as from `image_files.find_images`. Bad images are left out.
    preparation
        How.
    store, threads, on_image
        As of `prepare`.

    Returns
    -------
    pandas.DataFrame
        The rejected: file, reason.

    Raises
    ------
    InputError
        If fewer than two images are left.
    """
    jobs = [directory / file for file in files]
    results = decode_ahead(jobs, preparation.resize, 1, preparation.decoding, threads)
    with _writer(store) as writer:
        kept, rejected = _write_store(writer, files, results, on_image)
        if len(kept) < 2:
            raise InputError(
                f"{directory} holds {len(files)} images, of which {len(kept)} can be used; at least 2 "
                f"are needed.{''.join(f' {file}: {reason}.' for file, reason in rejected[:3])} Name a "
                "directory of photographs in pretraining.images."
            )
    if rejected:
        logger.warning("%d images are left out, for example %s: %s", len(rejected), *min(rejected))
    return pd.DataFrame(sorted(rejected), columns=["file", "reason"], dtype=str)


def _writer(store: Path) -> NpyWriter:
    return NpyWriter(store, (None, 3, SIDE, SIDE), np.uint8, sealed=True)


def _write_store(
    writer: NpyWriter,
    files: Sequence[str],
    results: Iterable[Prepared | BadImage | None],
    on_image: Callable[[], object],
) -> tuple[dict[int, tuple[int, int]], list[tuple[str, str]]]:
    """Write the pixels of all good images.

    Returns
    -------
    tuple
        Row -> (width, height) of the good images, and (file, reason) of the others.
    """
    kept: dict[int, tuple[int, int]] = {}
    rejected: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
    for row, (file, result) in enumerate(zip(files, results, strict=True)):
        if isinstance(result, Prepared):
            pixels, size = result
            twin = seen.setdefault(hashlib.sha256(pixels.tobytes()).digest(), file)
            if twin == file:
                writer.append(pixels[np.newaxis])
                kept[row] = size
            else:
                rejected.append((file, f"shows the same pixels as {twin}"))
        elif result is not None:
            rejected.append((file, str(result)))
        on_image()
    return kept, rejected


def _refuse_unusable(
    rejected: list[tuple[str, str]], scores: pd.DataFrame, table: pd.DataFrame, on_bad_image: str
) -> None:
    listed = "".join(f"\n  - {file}: {reason}" for file, reason in sorted(rejected)[:10])
    more = f"\n  and {len(rejected) - 10} more" if len(rejected) > 10 else ""
    if rejected and on_bad_image == "stop":
        raise InputError(
            f"{len(rejected)} images cannot be used:{listed}{more}\nCorrect them, or set "
            "images.on_bad_image: reject to go on without them."
        )
    empty = sorted(set(scores["category"]) - set(table["category"]))
    if empty or len(table) < 2:
        what = f"no image of the category {empty[0]!r}" if empty else f"{len(table)} images"
        raise InputError(
            f"Of {len(scores)} images {len(table)} can be used, and {what} is left:{listed}{more}\n"
            "Correct the images, or take the category out of the score table."
        )


def open_store(store: str | Path) -> np.ndarray:
    """Open a pixel store read-only, memory-mapped: uint8 (N, 3, 224, 224); refuse a damaged one."""
    return open_sealed(store)
