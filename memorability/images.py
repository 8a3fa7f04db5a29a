"""Images: found, decoded, resized into one store of pixels, in the order of the image table."""

import hashlib
import io
import logging
import os
import struct
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from PIL import ExifTags, Image, ImageCms, TiffImagePlugin, UnidentifiedImageError

from memorability.arrays import NpyWriter, open_sealed
from memorability.errors import InputError
from memorability.image_files import is_image, match, rows_without_file, walk
from memorability.protocol import SIDE, Resize
from memorability.seeding import numpy_stream

logger = logging.getLogger(__name__)

# Shorter side of the original, in pixels, below which a loss has no detail left to compare.
# SSIM's window has 11 pixels; MS-SSIM halves the image four times, which leaves room for the window in
# more than (11 - 1) x 2^4 pixels.
MINIMUM_SIDES = {"ssim": 11, "ms_ssim": 161}

_AHEAD = 64  # images of 0.15 MB

# EXIF's orientation -> what turns the stored picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Grey of fewer than 8 bits is spread over 8 when a PNG is read, its transparent value is not.
_SPREAD = {"1": 255, "L;2": 85, "L;4": 17}
# Highest value of 12 bits, as they are and as the high byte that is left of 16 bits of colour.
_TWELVE_BITS = 4095
_TWELVE_BITS_HIGH_BYTE = _TWELVE_BITS >> 8


class BadImage(Exception):  # noqa: N818  # not an error of the program: one image is left out
    """One image cannot be used; the message is the reason shown to the user."""


class Decoding(NamedTuple):
    """How image files become pixels, as `images` in the configuration says.

    Parameters
    ----------
    color_profile
        `convert` brings the colours of an embedded profile to sRGB; `ignore` takes the stored numbers
        for sRGB.
    max_megapixels
        Width × height, in millions of pixels, above which a file is refused before it is unpacked.
    """

    color_profile: Literal["convert", "ignore"] = "convert"
    max_megapixels: float = 300


STANDARD = Decoding()  # as in config.yaml


class Prepared(NamedTuple):
    """Pixels (3, 224, 224) uint8 of an image, and width and height of its upright original."""

    pixels: np.ndarray
    size: tuple[int, int]


def decode(path: Path, how: Decoding = STANDARD) -> Image.Image:
    """Read an image file as upright 8-bit sRGB.

    The EXIF orientation and the embedded colour profile are applied; grey, palette, CMYK and CIELAB
    images are converted; transparent pixels are laid on white; 16-bit and 12-bit grey is scaled to 8
    bits; of an animation the first frame is taken. EXIF data or a colour profile that cannot be read
    make no image bad: a warning names the file, which is read as upright or as sRGB.

    Raises
    ------
    BadImage
        If the file is missing, empty, a directory, no image, truncated, larger than the limit, wholly
        transparent, or of a kind without a stated range: floating point, 32-bit integers, or 16 bits
        that seem to hold 12.
    """
    if path.is_dir():
        raise BadImage("is a directory, not an image file")
    if not path.is_file():
        raise BadImage("no such file")
    if path.stat().st_size == 0:
        raise BadImage("is empty (zero bytes)")
    if not os.access(path, os.R_OK):
        raise BadImage("may not be read by this user")
    # The library's limit is one for the whole process and stops large photographs.
    Image.MAX_IMAGE_PIXELS = None
    try:
        # Of a path, an uncompressed TIFF is mapped as if it were stored in its upright size.
        with path.open("rb") as file, Image.open(file) as opened:
            _refuse_large(opened.size, how.max_megapixels)
            raw_mode = _raw_mode(opened)
            opened.load()
            return _to_rgb(opened, raw_mode, how, path)
    except UnidentifiedImageError:
        raise BadImage("is not an image that can be read") from None
    except BadImage:
        raise
    except Exception as error:  # a damaged file fails anywhere in a decoder
        raise BadImage(f"is damaged or truncated: {error}") from None


def _refuse_large(size: tuple[int, int], max_megapixels: float) -> None:
    width, height = size
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        raise BadImage(
            f"has {width} x {height} pixels, which are {megapixels:,.1f} megapixels; the limit is "
            f"{max_megapixels:,g}. If it is a photograph, raise images.max_megapixels (each megapixel "
            "takes up to 12 MB of memory) or save it smaller"
        )


def _raw_mode(opened: Image.Image) -> str:
    """Return how the file stores a pixel, in the library's words, such as "RGB;16B"; "" if unknown."""
    tiles = getattr(opened, "tile", [])
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _to_rgb(opened: Image.Image, raw_mode: str, how: Decoding, path: Path) -> Image.Image:
    profile = opened.info.get("icc_profile") if how.color_profile == "convert" else None
    color, alpha = _color_and_alpha(opened, raw_mode)
    image = _to_srgb(color, profile, path)
    if alpha is not None:
        if alpha.getextrema() == (0, 0):
            raise BadImage(
                "is wholly transparent: its alpha is 0 everywhere. Save it without alpha"
            )
        image.putalpha(alpha)
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    method = _UPRIGHT.get(_orientation(opened, path))
    return image if method is None else image.transpose(method)


def _orientation(opened: Image.Image, path: Path) -> int:
    """Return EXIF's orientation of a loaded image; of a TIFF, which loading turns upright, 1."""
    stated = _stated_orientation(opened.info.get("exif", b""))
    if stated is not None:
        return stated
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # as many kinds as there are ways to break it
        logger.warning(
            "%s: its EXIF data cannot be read (%s); it is taken as upright.", path, error
        )
        return 1
    return orientation if isinstance(orientation, int) else 1


def _stated_orientation(exif: bytes) -> int | None:
    """Return the orientation in EXIF's bytes, or None; the library loses it behind an odd entry."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, start)
        for place in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(f"{order}HHIH", exif, place)
            # A tag, of kind SHORT, of one value.
            if (tag, kind, count) == (ExifTags.Base.Orientation, 3, 1):
                return int(value)
    except struct.error:  # it ends before its entries do
        pass
    return None


def _color_and_alpha(opened: Image.Image, raw_mode: str) -> tuple[Image.Image, Image.Image | None]:
    """Return 8-bit colours of mode L, RGB, CMYK or LAB, and 8-bit alpha, or None if all is opaque."""
    if opened.mode == "F":
        raise BadImage("has floating-point pixels, whose range is not stated: save 8 or 16 bits")
    if opened.mode == "I":
        raise BadImage("has 32-bit integer pixels, whose range is not stated: save 8 or 16 bits")
    if opened.mode.startswith("I;16"):
        return _from_16_bit_grey(opened)
    if ";16" in raw_mode:
        _refuse_twelve_bits(np.asarray(opened.convert("RGB")), _TWELVE_BITS_HIGH_BYTE)
    if opened.has_transparency_data:
        _fit_transparency(opened, raw_mode)
        over = opened.convert("RGBA")
        alpha = over.getchannel("A")
        grey = opened.mode in {"1", "L", "LA"}
        return over.convert("RGB").getchannel(0) if grey else over.convert("RGB"), alpha
    if opened.mode == "1":
        return opened.convert("L"), None
    return (opened if opened.mode in {"L", "CMYK", "LAB"} else opened.convert("RGB")), None


def _from_16_bit_grey(opened: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    values = np.asarray(opened)
    tags = opened.tag_v2 if isinstance(opened, TiffImagePlugin.TiffImageFile) else {}
    if 12 in np.ravel(tags.get(TiffImagePlugin.BITSPERSAMPLE, 16)):
        white = _TWELVE_BITS
    else:
        white = 65535
        _refuse_twelve_bits(values, _TWELVE_BITS)
    # 65535 / 257 = 255 exactly: the 16-bit range becomes the 8-bit range.
    grey = np.rint(values.astype(np.float64) * (255 / white)).astype(np.uint8)
    transparent = opened.info.get("transparency")
    alpha = (
        None
        if transparent is None
        else Image.fromarray((values != transparent).astype(np.uint8) * 255)
    )
    return Image.fromarray(grey), alpha


def _refuse_twelve_bits(values: np.ndarray, highest: int) -> None:
    if 0 < values.max() <= highest:
        raise BadImage(
            "has 16-bit pixels of which none is brighter than 4095 of 65535: they seem to hold 12 "
            "bits. Save it with 8 bits, or scale its values so that white is 65535"
        )


def _fit_transparency(opened: Image.Image, raw_mode: str) -> None:
    """Bring the transparent colour of a PNG to the 8 bits that its pixels are read as."""
    transparent = opened.info.get("transparency")
    if opened.mode == "RGB" and ";16" in raw_mode and isinstance(transparent, tuple):
        opened.info["transparency"] = tuple(value >> 8 for value in transparent)
    elif opened.format == "PNG" and raw_mode in _SPREAD and isinstance(transparent, int):
        opened.info["transparency"] = transparent * _SPREAD[raw_mode]


def _to_srgb(color: Image.Image, profile: bytes | None, path: Path) -> Image.Image:
    if color.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(color, lab, srgb, outputMode="RGB")
        assert converted is not None, "it is not done in place"
        return converted
    if profile:
        try:
            transform = _transform(profile, color.mode)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            logger.warning(
                "%s: its colour profile cannot be used (%s); its colours are taken as sRGB.",
                path, str(error) or type(error).__name__,
            )  # fmt: skip
        else:
            if transform is not None:
                return transform.apply(color)
    return color.convert("RGB")


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what converts 8-bit colours to sRGB, or None where it would change nothing but rounding.

    Relative colorimetric, with black-point compensation.

    Raises
    ------
    PIL.ImageCms.PyCMSError, OSError
        If the profile is broken or is not of colours of `mode`.
    """
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if mode in {"L", "RGB"}:
        # Most photographs come with a profile of sRGB itself: their numbers stay as they are.
        steps = np.arange(0, 256, 15, dtype=np.uint8)
        bands = np.stack(np.meshgrid(*[steps] * len(mode), indexing="ij"), axis=-1)
        sample = Image.fromarray(bands.reshape(len(steps), -1, 3) if mode == "RGB" else steps[None])
        moved = np.asarray(transform.apply(sample)).astype(int) - np.asarray(sample.convert("RGB"))
        if np.abs(moved).max() <= 1:
            return None
    return transform


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
    decoding: Decoding = STANDARD,
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
    decoding
        See `decode`.
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
    results = decode_ahead(jobs, resize, minimum_side, decoding, threads)
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


def join_scores(
    scores: pd.DataFrame,
    prepared: pd.DataFrame,
    unusable: pd.DataFrame,
    directory: Path,
    on_bad_image: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the image table and the rejected of images that were prepared before.

    Parameters
    ----------
    scores
        As from `read_scores`: names as when the images were prepared, whatever its scores and labels.
    prepared, unusable
        The tables that were written beside the pixels.
    directory, on_bad_image
        See `prepare`.

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
        scores.drop(columns=["row", "file"]), on="image_id", validate="one_to_one"
    )
    _refuse_unusable(rejected, scores, table, on_bad_image)
    return table, pd.DataFrame(sorted(rejected), columns=["file", "reason"], dtype=str)


def prepare_folder(
    directory: Path,
    files: Sequence[str],
    store: Path,
    *,
    resize: Resize,
    decoding: Decoding = STANDARD,
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
    store, resize, decoding, threads, on_image
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
    results = decode_ahead([directory / file for file in files], resize, 1, decoding, threads)
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
    present = set(walk(directory))
    # A row may name what is not searched: a hidden file, or a place by another way.
    by_another_way = {
        file for file in files if file not in present and os.path.lexists(directory / file)
    }
    if by_another_way:
        same = {_identity(directory / file) for file in by_another_way}
        present = {path for path in present if _identity(directory / path) not in same}
        present |= by_another_way
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
    return found, [(one.file, one.reason) for one in mismatches]


def _identity(path: Path) -> tuple[int, int] | Path:
    """Return what a file has in common with itself under another path."""
    try:
        status = path.stat()
    except OSError:
        return path
    return status.st_dev, status.st_ino


def decode_ahead(
    paths: Iterable[Path | None],
    resize: Resize,
    minimum_side: int,
    decoding: Decoding,
    threads: int,
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
    decoding
        See `decode`.
    threads
        Decoding threads, which work ahead of the caller; they do not change the result.
    """

    def one(path: Path | None) -> Prepared | BadImage | None:
        if path is None:
            return None
        try:
            image = decode(path, decoding)
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
