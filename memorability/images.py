"""Images: found, decoded, resized into one store of pixels, in the order of the image table."""

import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from glob import glob
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageOps, UnidentifiedImageError

from memorability.arrays import NpyWriter, open_sealed
from memorability.errors import InputError
from memorability.image_files import is_image, match, rows_without_file
from memorability.protocol import SIDE, Resize
from memorability.seeding import numpy_stream

logger = logging.getLogger(__name__)

# Shorter side of the original, in pixels, below which a loss has no detail left to compare.
# SSIM's window has 11 pixels; MS-SSIM halves the image four times, which leaves room for the window in
# more than (11 - 1) x 2^4 pixels.
MINIMUM_SIDES = {"ssim": 11, "ms_ssim": 161}

_AHEAD = 64  # images of 0.15 MB


class BadImage(Exception):  # noqa: N818  # not an error of the program: one image is left out
    """One image cannot be used; the message is the reason shown to the user."""


class Prepared(NamedTuple):
    """Pixels (3, 224, 224) uint8 of an image, and width and height of its upright original."""

    pixels: np.ndarray
    size: tuple[int, int]


def decode(path: Path) -> Image.Image:
    """Read an image file as upright 8-bit RGB.

    EXIF orientation is applied; grey, palette and CMYK images are converted; transparent pixels are
    laid on white; 16-bit grey is scaled to 8 bits; of an animation the first frame is taken.

    Raises
    ------
    BadImage
        If the file is missing, empty, a directory, no image, truncated, or of a kind without a
        stated range (floating point).
    """
    if path.is_dir():
        raise BadImage("is a directory, not an image file")
    if not path.is_file():
        raise BadImage("no such file")
    if path.stat().st_size == 0:
        raise BadImage("is empty (zero bytes)")
    if not os.access(path, os.R_OK):
        raise BadImage("may not be read by this user")
    try:
        with Image.open(path) as opened:
            opened.load()
            return _to_rgb(ImageOps.exif_transpose(opened))
    except UnidentifiedImageError:
        raise BadImage("is not an image that can be read") from None
    except Image.DecompressionBombError as error:
        raise BadImage(f"is too large to decode safely: {error}") from None
    except BadImage:
        raise
    except Exception as error:  # a damaged file fails anywhere in a decoder
        raise BadImage(f"is damaged or truncated: {error}") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise BadImage("has floating-point pixels, whose range is not stated: save 8 or 16 bits")
    if image.mode.startswith("I"):
        # 65535 / 257 = 255 exactly: the 16-bit range becomes the 8-bit range.
        grey = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(np.rint(grey.clip(0, 255)).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(white, over).convert("RGB")
    return image.convert("RGB")


def resize_image(image: Image.Image, how: Resize) -> np.ndarray:
    """Return `image` as uint8 (3, 224, 224), bilinear with antialiasing.

    Parameters
    ----------
    image
        RGB of any size.
    how
        `squash` ignores the aspect; `center_crop` brings the short side to 224 and crops the
        central square, rounding as torchvision does.
    """
    if how == "squash":
        resized = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    else:
        short = min(image.size)
        width, height = (int(SIDE * side / short) for side in image.size)
        resized = image.resize((width, height), Image.Resampling.BILINEAR)
        left, top = round((width - SIDE) / 2), round((height - SIDE) / 2)
        resized = resized.crop((left, top, left + SIDE, top + SIDE))
    return np.asarray(resized).transpose(2, 0, 1)


def prepare(
    scores: pd.DataFrame,
    directory: Path,
    store: Path,
    *,
    resize: Resize,
    minimum_side: int,
    on_bad_image: str,
    seed: int,
    threads: int = 1,
    on_image: Callable[[], object] = lambda: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decode every image once, write the pixel store and return the image table and the rejected.

    Parameters
    ----------
    scores
        A row per image, as from `read_scores`.
    directory
        Where the images are; a bare file name is also found in a subdirectory if it is unique, and
        so is another spelling of a name (`image_files.same_image`).
    store
        The .npy file to write: uint8 (N, 3, 224, 224), row i belonging to row i of the image table.
        It appears whole or, where an error is raised, not at all.
    resize
        See `resize_image`.
    minimum_side
        Shorter side in pixels that an original needs.
    on_bad_image
        `reject` leaves bad images out and lists them; `stop` raises.
    seed
        Of the presentation order.
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
    jobs = [directory / path if path else None for path in found]
    results = decode_ahead(jobs, resize, minimum_side, threads)
    with _writer(store) as writer:
        kept, bad = _write_store(writer, list(scores["file"]), results, on_image)
        rejected += bad
        table = scores.loc[list(kept)].drop(columns="row").reset_index(drop=True)
        sizes = pd.DataFrame(list(kept.values()), dtype="Int64", columns=[0, 1])
        table[["width", "height"]] = sizes
        table["position"] = numpy_stream(seed, "presentation order").permutation(len(table))
        _refuse_unusable(rejected, scores, table, on_bad_image)
    if rejected:
        logger.warning("%d images are left out, for example %s: %s", len(rejected), *min(rejected))
    return table, pd.DataFrame(sorted(rejected), columns=["file", "reason"], dtype=str)


def prepare_folder(
    directory: Path,
    store: Path,
    *,
    resize: Resize,
    threads: int = 1,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Decode every image of a directory into a pixel store, in the order of the files' paths.

    Parameters
    ----------
    directory
        Where the images are, subdirectories included. Bad images are left out.
    store, resize, threads, on_image
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
    files = find_images(directory)
    results = decode_ahead([directory / file for file in files], resize, 1, threads)
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


def find_images(directory: Path) -> list[str]:
    """Return the sorted paths, relative to `directory`, of the image files in and below it."""
    # glob follows links to directories, which Path.rglob does not.
    every = glob("**", root_dir=directory, recursive=True, include_hidden=True)
    return sorted(
        path.replace(os.sep, "/")
        for path in every
        if is_image(path) and (directory / path).is_file()
    )


def locate(files: Sequence[str], directory: Path) -> tuple[list[str | None], list[tuple[str, str]]]:
    """Find every file of a score table below `directory`.

    Returns
    -------
    tuple
        For each file its path relative to `directory`, or None; and (file, reason) for every file
        not found, named ambiguously, and every image that no row names.

    Raises
    ------
    InputError
        If more than half of the rows have no image: then it is the directory or the column that is
        wrong, not single images.
    """
    # glob follows links to directories, which Path.rglob does not.
    every = glob("**", root_dir=directory, recursive=True, include_hidden=True)
    present = {path.replace(os.sep, "/") for path in every if path}
    found, mismatches = match(files, present)
    without = found.count(None)
    if without * 2 > len(files):
        images = sorted(path for path in present if is_image(path))
        raise InputError(
            f"{without} of {len(files)} rows of the score table have no image of their own in "
            f"{directory}: {rows_without_file(mismatches)}. The directory holds {len(images)} images"
            f"{f', for example {images[0]!r}' if images else ''}. File names are relative to "
            "dataset.images: correct dataset.images or dataset.columns.file. Where several files have "
            "the same name, give their directories too."
        )
    # A directory that no row names is no image, whatever its name.
    return found, [
        (one.file, one.reason)
        for one in mismatches
        if one.kind != "unnamed" or not (directory / one.file).is_dir()
    ]


def decode_ahead(
    paths: Iterable[Path | None], resize: Resize, minimum_side: int, threads: int
) -> Generator[Prepared | BadImage | None]:
    """Yield for each path the prepared image, why it has none, or None where there is no path.

    Parameters
    ----------
    paths
        Image files, in the order of what is yielded.
    resize
        See `resize_image`.
    minimum_side
        Shorter side in pixels that an original needs.
    threads
        Decoding threads, which work ahead of the caller; they do not change the result.
    """

    def one(path: Path | None) -> Prepared | BadImage | None:
        if path is None:
            return None
        try:
            image = decode(path)
            if min(image.size) < minimum_side:
                raise BadImage(
                    f"is {image.width} x {image.height} pixels; the study's losses need a shorter "
                    f"side of at least {minimum_side}"
                )
            return Prepared(resize_image(image, resize), image.size)
        except BadImage as reason:
            return reason

    pool = ThreadPoolExecutor(threads)
    try:
        waiting: deque[Future[Prepared | BadImage | None]] = deque()
        for path in paths:
            waiting.append(pool.submit(one, path))
            # Bounds the memory of images that are decoded but not yet used.
            if len(waiting) == _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


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


def minimum_side(losses: Iterable[str]) -> int:
    """Return the shorter side, in pixels, that an original needs for all of `losses`."""
    return max((MINIMUM_SIDES.get(loss, 1) for loss in losses), default=1)


def open_store(store: str | Path) -> np.ndarray:
    """Open a pixel store read-only, memory-mapped: uint8 (N, 3, 224, 224); refuse a damaged one."""
    return open_sealed(store)
