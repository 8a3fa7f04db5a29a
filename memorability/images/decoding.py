"""Decode an image file, and resize it as a network takes it."""

import io
import logging
import os
import struct
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageCms, TiffImagePlugin, UnidentifiedImageError

from memorability.images.sizes import SIDE, Resize

logger = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Decoding:
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

    def in_words(self) -> dict[str, str]:
        """Return parameter -> its value as text, for the record of a table."""
        return {name: str(value) for name, value in asdict(self).items()}


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
