"""Images of every kind that people have, and a store that holds exactly those of the table."""

import contextlib
import io
import struct
import threading
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from torchvision import transforms

from memorability.base.errors import InputError
from memorability.data.scores import read_scores
from memorability.images.decoding import (
    STANDARD,
    BadImage,
    Decoding,
    Prepared,
    decode,
    decode_ahead,
    resize_image,
)
from memorability.images.folder import find_images
from memorability.images.store import (
    FolderPreparation,
    Preparation,
    join_scores,
    open_store,
    prepare,
    prepare_folder,
)
from memorability.networks.catalogue import minimum_side
from memorability.tables.store import read, write

Resize = Literal["squash", "center_crop"]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def decoded(path: Path, content: bytes) -> np.ndarray:
    path.write_bytes(content)
    image = decode(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def reason(path: Path, content: bytes | None = None) -> str:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadImage) as caught:
        decode(path)
    return str(caught.value)


# Decoding ahead


def counted(folder: Path, asked: list[int]) -> Iterator[Path]:
    """Yield the paths of 300 images of ascending grey, and note in `asked` which were taken."""
    for level in range(300):
        path = folder / f"{level}.png"
        Image.new("L", (1, 1), level % 256).save(path)
        asked.append(level)
        yield path


def test_images_come_in_order_and_are_decoded_a_little_ahead(tmp_path: Path) -> None:
    asked: list[int] = []
    results = decode_ahead(counted(tmp_path, asked), "squash", 1, STANDARD, 3)
    for number, result in enumerate(results):
        assert isinstance(result, Prepared)
        assert set(result.pixels.ravel()) == {number % 256}
        assert number < asked[-1] + 1 <= number + 64, "memory is bounded"
    assert len(asked) == number + 1 == 300


def test_who_stops_early_waits_for_no_image(tmp_path: Path) -> None:
    asked: list[int] = []
    threads = threading.active_count()
    results = decode_ahead(counted(tmp_path, asked), "squash", 1, STANDARD, 3)
    next(results)
    results.close()
    assert len(asked) == 64
    assert threading.active_count() == threads


# Decoding

# EXIF's own definition: where row 0 and column 0 of the stored image are seen.
ORIENTATIONS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: stored.transpose(1, 0, 2)[:, ::-1],
    7: lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda stored: stored.transpose(1, 0, 2)[::-1],
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_images_are_turned_upright_as_their_exif_says(
    tmp_path: Path, orientation: int, kind: str
) -> None:
    stored = noise(5, 7)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(stored), kind, exif=exif)
    if kind == "JPEG":
        stored = np.asarray(Image.open(io.BytesIO(content)))  # after its loss
    seen = decoded(tmp_path / "image", content)
    np.testing.assert_array_equal(seen, ORIENTATIONS[orientation](stored))


TIFF_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I;16", "I;16B")
# None: uncompressed.
COMPRESSIONS = (
    None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg", "group3", "group4",
    "lzma", "zstd",
)  # fmt: skip


def of_mode(mode: str) -> Image.Image:
    grey = np.add.outer(np.arange(24) * 9, np.arange(16)).astype(np.uint8)
    if mode.startswith("I;16"):
        wide = grey.astype(np.uint16) * 257
        return Image.frombytes(
            mode, (16, 24), wide.astype(">u2" if "B" in mode else "<u2").tobytes()
        )
    color = Image.fromarray(np.stack([grey, grey[::-1], 255 - grey], axis=-1))
    if mode == "LAB":
        names = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        lab = ImageCms.profileToProfile(color, *names, outputMode="LAB")
        assert lab is not None
        return lab
    if mode == "RGBX":
        return Image.frombytes("RGBX", color.size, color.convert("RGBA").tobytes())
    return color.convert(mode)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("mode", TIFF_MODES)
def test_a_tiff_of_any_mode_and_compression_is_turned_upright(
    tmp_path: Path, mode: str, compression: str | None
) -> None:
    path = tmp_path / "a.tif"
    image = of_mode(mode)
    with contextlib.suppress(OSError, ValueError, RuntimeError, KeyError):
        image.save(path, compression=compression)
    if not path.is_file() or not path.stat().st_size:
        fax, jpeg = compression in {"group3", "group4"}, compression == "jpeg"
        assert (fax and mode != "1") or (jpeg and mode in {"1", "P", "I;16", "I;16B"})
        return
    upright = np.asarray(decode(path))
    assert upright.shape == (24, 16, 3)
    for orientation, turned in ORIENTATIONS.items():
        image.save(path, compression=compression, tiffinfo={0x0112: orientation})
        np.testing.assert_array_equal(np.asarray(decode(path)), turned(upright))


def test_an_uncompressed_tiff_shows_what_was_saved(tmp_path: Path) -> None:
    grey = np.add.outer(np.arange(180), np.arange(240)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.tif", tiffinfo={0x0112: 6})
    seen = np.asarray(decode(tmp_path / "a.tif"))
    np.testing.assert_array_equal(seen, ORIENTATIONS[6](np.stack([grey] * 3, axis=-1)))


def exif_with(orientation: int, *others: bytes) -> bytes:
    """EXIF of an orientation and of entries of 12 bytes, as odd as they like to be."""
    entries = sorted([struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0), *others])
    count = struct.pack("<H", len(entries))
    return b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + count + b"".join(entries) + bytes(4)


@given(
    tag=st.integers(1, 0xFFFF).filter(lambda tag: tag != 0x0112),
    kind=st.integers(0, 20),
    count=st.sampled_from([0, 1, 2, 3, 4, 70_000]),
    value=st.integers(0, 2**32 - 1),
    orientation=st.integers(1, 8),
)
@example(tag=0x011A, kind=5, count=1, value=2**31, orientation=6)
@example(tag=0x011A, kind=10, count=0, value=0, orientation=6)
@example(tag=0x8769, kind=2, count=4, value=0x41414141, orientation=6)
@settings(max_examples=150, deadline=None)
def test_an_odd_exif_entry_beside_the_orientation_harms_no_photograph(
    tag: int,
    kind: int,
    count: int,
    value: int,
    orientation: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.png"
    stored = noise(5, 7)
    exif = exif_with(orientation, struct.pack("<HHII", tag, kind, count, value))
    Image.fromarray(stored).save(path, exif=exif)
    np.testing.assert_array_equal(np.asarray(decode(path)), ORIENTATIONS[orientation](stored))


def test_exif_that_cannot_be_read_is_said_once_and_harms_no_photograph(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored = noise(5, 7)
    Image.fromarray(stored).save(tmp_path / "odd.png", exif=b"Exif\0\0no EXIF at all")
    np.testing.assert_array_equal(np.asarray(decode(tmp_path / "odd.png")), stored)
    assert caplog.text.count("odd.png: its EXIF data cannot be read") == 1


# Colour profiles

# Red, green and blue of Display P3 in the D50 of profiles, as its published profile has them, and
# those of sRGB (IEC 61966-2-1), columns X, Y, Z.
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def p3_profile() -> bytes:
    """The library's profile of sRGB, with the primaries of Display P3."""
    profile = bytearray(srgb_profile())
    for number in range(struct.unpack_from(">I", profile, 128)[0]):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if name in (names := [b"rXYZ", b"gXYZ", b"bXYZ"]):
            values = [round(value * 65536) for value in P3[names.index(name)]]
            struct.pack_into(">3i", profile, offset + 8, *values)
    return bytes(profile)


def from_p3(stored: np.ndarray) -> np.ndarray:
    """Display P3 in sRGB by the formulas of IEC 61966-2-1: floats of 0 to 255."""
    share = stored / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = linear @ np.array(P3) @ np.linalg.inv(np.array(SRGB))
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_colors_of_a_profile_are_converted_to_srgb(tmp_path: Path, kind: str) -> None:
    stored = noise(20, 20)
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(Image.fromarray(stored), kind, icc_profile=p3_profile(), **options)
    seen = decoded(tmp_path / "a", content)
    assert np.abs(seen - from_p3(stored)).max() <= 2
    assert np.abs(seen.astype(int) - stored).max() > 20
    ignored = np.asarray(decode(tmp_path / "a", Decoding(color_profile="ignore")))
    np.testing.assert_array_equal(ignored, stored)


def test_colors_below_transparency_and_of_palettes_are_converted(tmp_path: Path) -> None:
    image = Image.fromarray(noise(4, 4)).convert("RGBA")
    image.putalpha(128)
    seen = decoded(tmp_path / "a.png", encoded(image, "PNG", icc_profile=p3_profile()))
    expected = from_p3(noise(4, 4)) * 128 / 255 + 255 - 128
    assert np.abs(seen - expected).max() <= 2
    palette = Image.new("P", (1, 1))
    palette.putpalette([200, 60, 60])
    seen = decoded(tmp_path / "b.png", encoded(palette, "PNG", icc_profile=p3_profile()))
    assert np.abs(seen[0, 0] - from_p3(np.array([200, 60, 60]))).max() <= 2


def test_srgb_is_kept_bit_for_bit_under_its_own_profile(tmp_path: Path) -> None:
    stored = noise(40, 40)
    content = encoded(Image.fromarray(stored), "PNG", icc_profile=srgb_profile())
    np.testing.assert_array_equal(decoded(tmp_path / "a.png", content), stored)


def profile_of(space: bytes, connection: bytes, **tags: bytes) -> bytes:
    """A profile of version 2 with the fewest tags."""
    body, table = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name.encode(), start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"lcms", 0x02100000, kind, space, connection
    )
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


D50 = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_of_a_profile_becomes_the_grey_of_srgb(tmp_path: Path, bits: int) -> None:
    gamma = b"curv" + bytes(4) + struct.pack(">IH", 1, round(1.8 * 256))
    profile = profile_of(b"GRAY", b"XYZ ", wtpt=D50, kTRC=gamma)
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = Image.fromarray(grey) if bits == 8 else Image.fromarray(grey.astype(np.uint16) * 257)
    seen = decoded(tmp_path / "a.png", encoded(image, "PNG", icc_profile=profile))
    share = (grey / 255) ** 1.8
    bright = np.where(share <= 0.0031308, 12.92 * share, 1.055 * share ** (1 / 2.4) - 0.055)
    assert np.abs(seen[..., 0] - 255 * bright).max() <= 2
    assert (seen == seen[..., :1]).all()


def test_inks_of_a_profile_are_as_dark_as_it_says(tmp_path: Path) -> None:
    # Lightness falls by a fifth with each full ink; there is no colour at all.
    steps = bytes(range(256))
    inks = [[cyan, magenta, yellow, black] for cyan in (0, 1) for magenta in (0, 1)
            for yellow in (0, 1) for black in (0, 1)]  # fmt: skip
    lab = b"".join(bytes([round(255 * (1 - 0.2 * sum(ink))), 128, 128]) for ink in inks)
    matrix = struct.pack(
        ">9i", *[65536 * (row == column) for row in range(3) for column in range(3)]
    )
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + steps * 4 + lab + steps * 3
    profile = profile_of(b"CMYK", b"Lab ", wtpt=D50, A2B0=table)
    for ink, lightness in {(0, 0, 0, 0): 100, (255, 0, 0, 0): 80, (255, 255, 255, 0): 40}.items():
        content = encoded(Image.new("CMYK", (16, 16), ink), "TIFF", icc_profile=profile)
        seen = decoded(tmp_path / "a.tif", content)
        luminance = ((lightness + 16) / 116) ** 3
        expected = 255 * (1.055 * luminance ** (1 / 2.4) - 0.055)
        # Black of the profile is not that of sRGB: black-point compensation darkens what is dark.
        assert np.ptp(seen[0, 0].astype(int)) <= 3
        assert expected - 60 <= seen[0, 0, 0] <= expected + 3
    ignored = decode(tmp_path / "a.tif", Decoding(color_profile="ignore"))
    assert np.asarray(ignored)[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "profile",
    [b"no profile", srgb_profile()[:200], p3_profile()[:300]],
    ids=["no profile", "sRGB cut off", "P3 cut off"],
)
def test_a_broken_profile_is_said_once_and_harms_no_photograph(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, profile: bytes
) -> None:
    stored = noise(6, 4)
    content = encoded(Image.fromarray(stored), "PNG", icc_profile=profile)
    np.testing.assert_array_equal(decoded(tmp_path / "odd.png", content), stored)
    assert caplog.text.count("odd.png: its colour profile cannot be used") == 1


def test_a_profile_of_other_colors_than_the_images_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    grey = Image.fromarray(noise(6, 4)[..., 0])
    seen = decoded(tmp_path / "odd.png", encoded(grey, "PNG", icc_profile=p3_profile()))
    np.testing.assert_array_equal(seen[..., 0], np.asarray(grey))
    assert "odd.png: its colour profile cannot be used" in caplog.text


def test_rgb_is_kept_bit_for_bit(tmp_path: Path) -> None:
    image = noise(6, 4)
    content = encoded(Image.fromarray(image), "PNG")
    np.testing.assert_array_equal(decoded(tmp_path / "a.png", content), image)


def test_grey_is_the_same_in_every_channel(tmp_path: Path) -> None:
    grey = noise(6, 4)[..., 0]
    seen = decoded(tmp_path / "a.png", encoded(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(seen, np.stack([grey] * 3, axis=-1))


def over_white(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha.astype(float)[..., None] / 255
    return color.astype(float) * share + 255 * (1 - share)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_are_laid_on_white(tmp_path: Path, mode: str) -> None:
    bands = 4 if mode == "RGBA" else 2
    image = np.random.default_rng(1).integers(0, 256, (9, 8, bands), dtype=np.uint8)
    image[0, :, -1] = 0
    image[1, :, -1] = 255
    seen = decoded(tmp_path / "a.png", encoded(Image.fromarray(image, mode), "PNG"))
    color = image[..., :3] if mode == "RGBA" else np.repeat(image[..., :1], 3, axis=-1)
    np.testing.assert_array_equal(seen[0], np.full((8, 3), 255))
    np.testing.assert_array_equal(seen[1], color[1])
    assert np.abs(seen - over_white(color, image[..., -1])).max() <= 1


def test_the_transparent_entry_of_a_palette_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    seen = decoded(tmp_path / "a.png", encoded(image, "PNG", transparency=1))
    assert seen[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]
    seen = decoded(tmp_path / "b.png", encoded(image, "PNG"))
    assert seen[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_the_transparent_color_of_an_rgb_image_is_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8))
    seen = decoded(tmp_path / "a.png", encoded(image, "PNG", transparency=(4, 5, 6)))
    assert seen[0].tolist() == [[1, 2, 3], [255, 255, 255]]


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 255, 255, 0]], dtype=np.uint8)).convert("1")
    seen = decoded(tmp_path / "a.png", encoded(image, "PNG"))
    assert seen[0].tolist() == [[0] * 3, [255] * 3, [255] * 3, [0] * 3]


def test_cmyk_jpeg_shows_the_inks_on_white_paper(tmp_path: Path) -> None:
    # Cyan, magenta, yellow, black and no ink: what each takes away from white.
    inks = {(255, 0, 0, 0): (0, 255, 255), (0, 255, 0, 0): (255, 0, 255)}
    inks |= {(0, 0, 255, 0): (255, 255, 0), (0, 0, 0, 255): (0, 0, 0), (0, 0, 0, 0): (255,) * 3}
    for ink, color in inks.items():
        content = encoded(Image.new("CMYK", (16, 16), ink), "JPEG", quality=100)
        seen = decoded(tmp_path / "a.jpg", content)
        assert np.abs(seen.astype(int) - color).max() <= 2


def png(width: int, height: int, bits: int, kind: int, rows: bytes, **chunks: bytes) -> bytes:
    """A PNG of a colour type, written byte by byte; rows begin with their filter's byte."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    others = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    body = chunk(b"IHDR", header) + others + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def grey16(values: np.ndarray, **chunks: bytes) -> bytes:
    """A 16-bit grey PNG."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], 16, 0, rows, **chunks)


def test_sixteen_bit_grey_is_scaled_to_eight_bits_and_rounded(tmp_path: Path) -> None:
    # 257 times a byte is that byte exactly; half-way lies at 128.5 above it.
    values = np.array([[0, 128, 129, 257, 257 * 100 + 128, 257 * 100 + 129, 65406, 65407, 65535]])
    seen = decoded(tmp_path / "a.png", grey16(values))
    assert seen[0, :, 0].tolist() == [0, 0, 1, 1, 100, 101, 254, 255, 255]
    assert (seen == seen[..., :1]).all()


def test_every_byte_survives_sixteen_bits(tmp_path: Path) -> None:
    byte = np.arange(256).reshape(16, 16)
    seen = decoded(tmp_path / "a.png", grey16(byte * 257))
    np.testing.assert_array_equal(seen[..., 0], byte)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(
        frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options
    )
    assert decoded(tmp_path / "a", content)[4, 4].tolist() == [255, 0, 0]


def test_floating_point_pixels_are_refused_since_their_range_is_unknown(tmp_path: Path) -> None:
    content = encoded(Image.fromarray(np.ones((4, 4), dtype=np.float32)), "TIFF")
    assert "floating-point" in reason(tmp_path / "a.tif", content)


def test_32_bit_integers_are_refused_since_their_range_is_unknown(tmp_path: Path) -> None:
    content = encoded(Image.fromarray(np.full((4, 4), 70_000, dtype=np.int32)), "TIFF")
    assert "32-bit integer" in reason(tmp_path / "a.tif", content)


def tiff12(values: np.ndarray) -> bytes:
    """An uncompressed TIFF of 12-bit grey, two values in three bytes."""
    pairs = values.reshape(-1, 2).astype(int)
    packed = [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255]
    data = np.stack(packed, axis=1).astype(np.uint8).tobytes()
    height, width = values.shape
    entries = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 273: 8 + len(data), 277: 1}
    entries |= {278: height, 279: len(data)}
    offset = 8 + len(data) + len(data) % 2
    entries[273] = 8
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    head = struct.pack("<2sHI", b"II", 42, offset) + data + bytes(len(data) % 2)
    return head + struct.pack("<H", len(entries)) + tags + bytes(4)


def test_white_of_12_bits_is_white(tmp_path: Path) -> None:
    seen = decoded(tmp_path / "a.tif", tiff12(np.array([[0, 4095], [2048, 16]])))
    assert seen[..., 0].tolist() == [[0, 255], [128, 1]]


@pytest.mark.parametrize("kind", ["grey", "color"])
def test_12_bits_in_a_16_bit_file_are_refused_instead_of_read_as_night(
    tmp_path: Path, kind: str
) -> None:
    values = np.array([[0, 4095, 17], [4000, 300, 2]])
    row = np.repeat(values, 3, axis=1).astype(">u2")
    rows = b"".join(b"\0" + line.tobytes() for line in row)
    content = grey16(values) if kind == "grey" else png(3, 2, 16, 2, rows)
    assert "they seem to hold 12 bits" in reason(tmp_path / "a.png", content)
    brighter = grey16(values + 1) if kind == "grey" else png(3, 2, 16, 2, rows[:-1] + b"\xff" * 1)
    if kind == "grey":
        assert decoded(tmp_path / "b.png", brighter)[0, 1, 0] == 16
    assert not decoded(tmp_path / "black.png", grey16(values * 0)).any()


@pytest.mark.parametrize(("bits", "value", "other"), [(1, 1, 0), (2, 2, 1), (4, 9, 3), (8, 9, 3)])
def test_the_transparent_grey_of_few_bits_is_white(
    tmp_path: Path, bits: int, value: int, other: int
) -> None:
    row = (value << (8 - bits) | (other << (8 - 2 * bits) if bits < 8 else 0)).to_bytes(1, "big")
    row = bytes([value, other]) if bits == 8 else row
    content = png(2, 1, bits, 0, b"\0" + row, tRNS=struct.pack(">H", value))
    seen = decoded(tmp_path / "a.png", content)[0, :, 0].tolist()
    assert seen == [255, round(other * 255 / (2**bits - 1))]


def test_the_transparent_value_of_16_bits_is_white(tmp_path: Path) -> None:
    values = np.array([[40_000, 40_001, 65_535]])
    seen = decoded(tmp_path / "a.png", grey16(values, tRNS=struct.pack(">H", 40_000)))
    assert seen[0, :, 0].tolist() == [255, 156, 255]
    pixels = b"".join(
        struct.pack(">3H", *color) for color in [(1000, 2000, 30_000), (5, 6, 50_000)]
    )
    content = png(2, 1, 16, 2, b"\0" + pixels, tRNS=struct.pack(">3H", 1000, 2000, 30_000))
    seen = decoded(tmp_path / "b.png", content)
    assert seen[0].tolist() == [[255] * 3, [0, 0, 195]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_wholly_transparent_image_is_refused_instead_of_read_as_white(
    tmp_path: Path, mode: str
) -> None:
    image = Image.fromarray(noise(5, 4)).convert("RGBA")
    image.putalpha(0)
    options = {"transparency": bytes(256)} if mode == "P" else {}
    source = image.convert("RGB").convert("P") if mode == "P" else image.convert(mode)
    content = encoded(source, "PNG", **options)
    assert "wholly transparent" in reason(tmp_path / "a.png", content)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_image_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    content = encoded(Image.fromarray(noise(80, 80)), kind)
    assert "damaged or truncated" in reason(tmp_path / "a", content[: int(share * len(content))])


def test_what_is_no_image_is_refused_for_what_it_is(tmp_path: Path) -> None:
    assert "no such file" in reason(tmp_path / "none.jpg")
    assert "zero bytes" in reason(tmp_path / "empty.jpg", b"")
    assert "not an image" in reason(tmp_path / "text.jpg", b"These are words.")
    assert "directory" in reason(tmp_path)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    assert "no such file" in reason(tmp_path / "link.jpg")


def test_a_bomb_is_refused_before_it_is_unpacked_and_a_large_photograph_by_a_limit_that_is_named(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bomb.png"
    # A header of 40,000 x 40,000 pixels: unpacked 6.4 GB, in a file of 57 bytes.
    path.write_bytes(png(40_000, 40_000, 8, 2, b""))
    with pytest.raises(BadImage, match=r"1,600\.0 megapixels; the limit is 300.*images.max_mega"):
        decode(path)
    path.write_bytes(encoded(Image.new("L", (300, 200)), "PNG"))
    assert decode(path, Decoding(max_megapixels=0.06)).size == (300, 200)
    with pytest.raises(BadImage, match=r"has 300 x 200 pixels.*the limit is 0\.059"):
        decode(path, Decoding(max_megapixels=0.059))


def test_a_photograph_of_200_megapixels_is_read(tmp_path: Path) -> None:
    path = tmp_path / "phone.png"
    Image.new("1", (16_320, 12_240), 1).save(path)
    image = decode(path)
    assert image.size == (16_320, 12_240)
    assert image.getextrema() == ((255, 255),) * 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damage_anywhere_gives_an_image_or_a_reason_and_never_a_crash(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP"]))
    content = bytearray(encoded(Image.fromarray(noise(12, 9)), kind, exif=exif))
    for _ in range(data.draw(st.integers(0, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(BadImage):
        assert decode(path).mode == "RGB"


# Resizing


@given(
    width=st.integers(1, 700), height=st.integers(1, 700), how=st.sampled_from(["squash", "crop"])
)
@settings(max_examples=40, deadline=None)
def test_resizing_is_torchvisions_to_the_last_bit(width: int, height: int, how: str) -> None:
    image = Image.fromarray(noise(height, width))
    if how == "squash":
        theirs = transforms.Resize((224, 224))(image)
        ours = resize_image(image, "squash")
    else:
        theirs = transforms.CenterCrop(224)(transforms.Resize(224)(image))
        ours = resize_image(image, "center_crop")
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, np.asarray(theirs).transpose(2, 0, 1))


@pytest.mark.parametrize("how", ["squash", "center_crop"])
def test_an_image_of_the_right_size_is_left_as_it_is(how: Resize) -> None:
    image = noise(224, 224)
    ours = resize_image(Image.fromarray(image), how)
    np.testing.assert_array_equal(ours, image.transpose(2, 0, 1))


def test_squash_keeps_the_borders_that_the_central_square_loses() -> None:
    image = np.zeros((300, 900, 3), dtype=np.uint8)
    image[:, :200] = image[:, 700:] = 255
    squashed = resize_image(Image.fromarray(image), "squash")
    assert (squashed[:, :, [0, -1]] == 255).all()
    assert (resize_image(Image.fromarray(image), "center_crop") == 0).all()


# Preparing


def scores(files: list[str], categories: list[str] | None = None) -> pd.DataFrame:
    kinds = categories or ["all"] * len(files)
    table = pd.DataFrame({"file": files})
    table["image_id"] = [file.rsplit(".", 1)[0] for file in files]
    table["category"], table["subcategory"] = kinds, ""
    for name in ("hits", "false_alarms", "responses"):
        table[name] = pd.Series(pd.NA, index=table.index, dtype="Int64")
    table["score"] = np.linspace(0, 1, len(files))
    for name in ("score_uncorrected", "false_alarm_rate", "d_prime", "criterion"):
        table[name] = np.nan
    return table.assign(missing="")


def save(directory: Path, *files: str, side: int = 30) -> None:
    for file in files:
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        # Different pixels for every name.
        image = noise(side, side + 10, seed=zlib.crc32(file.encode()))
        Image.fromarray(image).save(path, "PNG")


def run(table: pd.DataFrame, directory: Path, **changes: Any) -> tuple[pd.DataFrame, Any, Any]:
    settings: dict[str, Any] = {"resize": "squash", "minimum_side": 1, "on_bad_image": "reject"}
    settings |= {"seed": 0} | changes
    how = {name: settings.pop(name) for name in ("threads", "on_image") if name in settings}
    store = directory.with_name("pixels.npy")
    images, rejected = prepare(table, directory, store, Preparation(**settings), **how)
    return images, rejected, np.load(store)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "images"
    path.mkdir()
    return path


@pytest.mark.parametrize("how", ["squash", "center_crop"])
def test_row_i_of_the_store_is_the_image_of_row_i(directory: Path, how: Resize) -> None:
    files = ["b/2.png", "a/1.png", "c.png", "a/10.png"]
    save(directory, *files)
    images, rejected, pixels = run(scores(files), directory, resize=how)
    assert images["image_id"].tolist() == ["a/1", "a/10", "b/2", "c"]
    assert images["file"].tolist() == ["a/1.png", "a/10.png", "b/2.png", "c.png"]
    assert images["score"].tolist() == pytest.approx([1 / 3, 1, 0, 2 / 3])
    assert pixels.shape == (4, 3, 224, 224)
    assert pixels.dtype == np.uint8
    for file, own in zip(images["file"], pixels, strict=True):
        np.testing.assert_array_equal(own, resize_image(Image.open(directory / file), how))
    assert rejected.empty


def test_tables_fit_their_schemas_with_and_without_rejected_images(directory: Path) -> None:
    save(directory, "a.png", "b.png")
    for table in (scores(["a.png", "b.png"]), scores(["a.png", "b.png", "c.png"])):
        images, rejected, _ = run(table, directory)
        write(images, directory / "images.parquet", "images")
        write(rejected, directory / "rejected.parquet", "rejected")
        assert len(read(directory / "images.parquet", "images")) == 2
        assert len(read(directory / "rejected.parquet", "rejected")) == len(table) - 2


def test_the_table_has_the_size_of_the_upright_original(directory: Path) -> None:
    save(directory, "a.png", side=30)
    turned = Image.Exif()
    turned[0x0112] = 6  # stored lying on its side
    Image.fromarray(noise(20, 50)).save(directory / "b.png", exif=turned)
    for resize in ("squash", "center_crop"):
        table = run(scores(["a.png", "b.png"]), directory, resize=resize)[0]
        assert table["width"].tolist() == [40, 20]
        assert table["height"].tolist() == [30, 50]


def test_the_presentation_order_is_a_permutation_that_the_seed_alone_decides(
    directory: Path,
) -> None:
    files = [f"{index}.png" for index in range(12)]
    save(directory, *files)
    first = run(scores(files), directory)[0]["position"]
    assert sorted(first) == list(range(12))
    assert first.tolist() != list(range(12))
    assert run(scores(files), directory, threads=3)[0]["position"].equals(first)
    assert run(scores(files[::-1]), directory, resize="center_crop")[0]["position"].equals(first)
    assert not run(scores(files), directory, seed=1)[0]["position"].equals(first)


def test_threads_change_nothing(directory: Path) -> None:
    # More than one batch of decoding, with bad images and twins among them.
    files = [f"{index:03d}.png" for index in range(70)]
    save(directory, *files[:-2], side=8)
    (directory / "005.png").write_bytes(b"")
    (directory / "066.png").write_bytes((directory / "001.png").read_bytes())
    one, two = (run(scores(files), directory, threads=threads) for threads in (1, 2))
    pd.testing.assert_frame_equal(one[0], two[0])
    pd.testing.assert_frame_equal(one[1], two[1])
    np.testing.assert_array_equal(one[2], two[2])
    assert len(one[0]) == len(one[2]) == 66


def test_every_image_that_is_left_out_is_listed_with_its_reason(directory: Path) -> None:
    good = [f"good/{index}.png" for index in range(9)]
    save(directory, *good, "x/same.png", "y/same.png", "extra.PNG", side=200)
    save(directory, "small.png", side=160)
    (directory / "twin.png").write_bytes((directory / "good/3.png").read_bytes())
    (directory / "text.jpg").write_text("words")
    (directory / "empty.png").touch()
    (directory / "folder.png").mkdir()
    (directory / "notes.txt").write_text("no image, and none of our business")
    listed = ["missing.png", "same.png", "small.png", "twin.png", "text.jpg", "empty.png"]
    table = scores([*good, *listed, "folder.png"])
    images, rejected, pixels = run(table, directory, minimum_side=minimum_side(["mse", "ms_ssim"]))
    assert images["file"].tolist() == good
    assert pixels.shape == (9, 3, 224, 224)
    reasons = dict(zip(rejected["file"], rejected["reason"], strict=True))
    assert rejected["file"].tolist() == sorted(reasons)
    expected = {
        "missing.png": "in the score table, but no such file",
        "same.png": "could be any of x/same.png, y/same.png",
        "small.png": "is 170 x 160 pixels; the study's losses need a shorter side of at least 161",
        "twin.png": "same pixels as good/3.png",
        "text.jpg": "is not an image",
        "empty.png": "zero bytes",
        "folder.png": "is a directory",
        "x/same.png": "is not in the score table",
        "y/same.png": "is not in the score table",
        "extra.PNG": "is not in the score table",
    }
    assert set(reasons) == set(expected)
    for file, words in expected.items():
        assert words in reasons[file]


def test_only_the_losses_with_a_window_need_a_minimum_side() -> None:
    assert minimum_side(["mse", "mae", "lpips_vgg", "style"]) == minimum_side([]) == 1
    assert minimum_side(["mse", "ssim"]) == 11
    assert minimum_side(["ssim", "ms_ssim"]) == 161


def test_an_image_of_just_the_minimum_side_is_kept(directory: Path) -> None:
    save(directory, "a.png", "b.png", side=161)
    assert len(run(scores(["a.png", "b.png"]), directory, minimum_side=161)[0]) == 2


def test_bare_file_names_are_found_in_subdirectories(directory: Path) -> None:
    save(directory, "animal/cat/1.png", "animal/dog/2.png")
    images, rejected, pixels = run(scores(["1.png", "2.png"]), directory)
    assert images["file"].tolist() == ["animal/cat/1.png", "animal/dog/2.png"]
    assert images["image_id"].tolist() == ["1", "2"]
    assert rejected.empty
    assert len(pixels) == 2


def test_one_file_named_in_two_ways_is_kept_once(directory: Path) -> None:
    save(directory, "cat/1.png", "cat/2.png")
    images, rejected, pixels = run(scores(["1.png", "cat/1.png", "cat/2.png"]), directory)
    assert images["file"].tolist() == ["cat/1.png", "cat/2.png"]
    assert len(pixels) == 2
    assert len(rejected) == 1


def test_names_with_accents_are_found(directory: Path) -> None:
    files = ["Tiere/Bär schläft.png", "猫.png"]
    save(directory, *files)
    assert run(scores(files), directory)[0]["file"].tolist() == files


def test_rows_find_other_spellings_of_their_images(directory: Path) -> None:
    accents = unicodedata.normalize("NFD", "x/été.PNG")
    save(directory, "x/a.PNG", "b.JPEG", accents)
    images, rejected, _ = run(scores(["x/a.png", "b.jpg", "été.png"]), directory)
    assert set(images["file"]) == {"x/a.PNG", "b.JPEG", accents}
    assert set(images["image_id"]) == {"x/a", "b", "été"}
    assert rejected.empty


def test_images_below_a_linked_directory_are_found(directory: Path) -> None:
    elsewhere = directory.with_name("elsewhere")
    save(elsewhere, "a.png", "b.png")
    (directory / "cat").symlink_to(elsewhere)
    images, rejected, _ = run(scores(["cat/a.png", "cat/b.png"]), directory)
    assert images["file"].tolist() == ["cat/a.png", "cat/b.png"]
    assert rejected.empty


def test_a_row_may_name_a_hidden_file_or_a_place_by_a_link(directory: Path) -> None:
    save(directory, "real/a.png", ".b.png", "c.png")
    (directory / "link").symlink_to(directory / "real")
    images, rejected, _ = run(scores(["link/a.png", ".b.png", "c.png"]), directory)
    assert images["file"].tolist() == [".b.png", "c.png", "link/a.png"]
    assert rejected.empty


def test_scores_joined_later_are_those_of_a_whole_preparation(directory: Path) -> None:
    save(directory, "a.png", "b.png", "c.png", "unnamed.png")
    (directory / "bad.png").write_bytes(b"no image")
    files = ["a.png", "b.png", "c.png", "bad.png", "gone.png"]
    before, bad, _ = run(scores(files), directory)
    corrected = scores(files)
    corrected["score"] = [0.3, 0.9, 0.1, 0.5, 0.5]
    corrected["category"] = ["x", "y", "x", "x", "x"]
    (directory / "unnamed.png").unlink()
    save(directory, "new.png")
    columns = ["image_id", "file", "width", "height", "position"]
    joined = join_scores(corrected, before[columns], bad, directory, "reject")
    images, rejected, _ = run(corrected, directory)
    pd.testing.assert_frame_equal(joined[0][images.columns], images)
    pd.testing.assert_frame_equal(joined[1], rejected)
    with pytest.raises(InputError, match="on_bad_image: reject"):
        join_scores(corrected, before[columns], bad, directory, "stop")


def test_if_most_images_are_missing_the_directory_is_doubted_and_not_the_images(
    directory: Path,
) -> None:
    save(directory, "animal/a.png", "animal/b.png")
    table = scores(["a.png", "b.jpg", "c.png"])
    with pytest.raises(InputError, match=r"2 of 3 rows .* no image") as caught:
        run(table, directory)
    message = str(caught.value)
    assert "'b.jpg'" in message
    assert "holds 2 images, for example 'animal/a.png'" in message
    assert "dataset.images" in message


def test_names_that_fit_several_images_are_called_so_and_not_missing(directory: Path) -> None:
    save(directory, "cat/a.png", "dog/a.png", "cat/b.png", "dog/b.png")
    with pytest.raises(InputError) as caught:
        run(scores(["a.png", "b.png"]), directory)
    message = str(caught.value)
    assert "2 could stand for several files, for example 'a.png' (cat/a.png, dog/a.png)" in message
    assert "name no file" not in message
    assert "Where several files have the same name, give their directories too." in message


def test_half_of_the_images_may_be_missing(directory: Path) -> None:
    save(directory, "a.png", "b.png")
    images, rejected, _ = run(scores(["a.png", "b.png", "c.png", "d.png"]), directory)
    assert images["file"].tolist() == ["a.png", "b.png"]
    assert rejected["file"].tolist() == ["c.png", "d.png"]


def test_stop_lists_the_bad_images_instead_of_going_on(directory: Path) -> None:
    save(directory, "a.png", "b.png", "extra.png")
    (directory / "bad.png").write_bytes(b"")
    table = scores(["a.png", "b.png", "bad.png"])
    with pytest.raises(InputError) as caught:
        run(table, directory, on_bad_image="stop")
    message = str(caught.value)
    assert "2 images cannot be used" in message
    assert "- bad.png: is empty (zero bytes)" in message
    assert "- extra.png: is not in the score table" in message
    assert "on_bad_image: reject" in message


def test_stop_does_not_stop_if_all_is_well(directory: Path) -> None:
    save(directory, "a.png", "b.png")
    assert len(run(scores(["a.png", "b.png"]), directory, on_bad_image="stop")[0]) == 2


def test_a_category_that_loses_all_its_images_is_an_error(directory: Path) -> None:
    save(directory, "a.png", "b.png", "c.png")
    for file in ("d.png", "e.png"):
        (directory / file).write_text("no image")
    table = scores([f"{name}.png" for name in "abcde"], ["cat"] * 3 + ["dog"] * 2)
    with pytest.raises(InputError, match="no image of the category 'dog'") as caught:
        run(table, directory)
    assert "d.png: is not an image" in str(caught.value)


def test_a_single_image_is_an_error(directory: Path) -> None:
    save(directory, "a.png")
    with pytest.raises(InputError, match=r"1 can be used"):
        run(scores(["a.png"]), directory)


@pytest.mark.parametrize(("count", "bad"), [(10, 1), (12, 6), (101, 2)])
def test_the_store_is_whole_when_the_number_of_images_loses_a_digit(
    directory: Path, count: int, bad: int
) -> None:
    files = [f"{index:03d}.png" for index in range(count)]
    save(directory, *files, side=5)
    for file in files[1 : 1 + bad]:
        (directory / file).write_bytes(b"")
    images, rejected, pixels = run(scores(files), directory)
    assert pixels.shape == (count - bad, 3, 224, 224)
    assert len(rejected) == bad
    last = resize_image(Image.open(directory / files[-1]), "squash")
    np.testing.assert_array_equal(pixels[-1], last)
    mapped = open_store(directory.with_name("pixels.npy"))
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(mapped, pixels)
    assert len(images) == len(mapped)


def test_progress_is_told_of_every_row(directory: Path) -> None:
    save(directory, "a.png", "b.png")
    steps: list[int] = []
    run(scores(["a.png", "b.png", "none.png"]), directory, on_image=lambda: steps.append(1))
    assert len(steps) == 3


def test_tables_given_are_not_changed(directory: Path) -> None:
    save(directory, "x/a.png", "x/b.png")
    table = scores(["b.png", "a.png"])
    before = table.copy(deep=True)
    run(table, directory)
    pd.testing.assert_frame_equal(table, before)


def test_a_table_as_read_can_be_prepared(directory: Path) -> None:
    save(directory, "a.png", "b.png")
    path = directory.with_name("scores.csv")
    path.write_text("file,score\nb.png,0.25\na.png,0.5\n")
    images, _, _ = run(read_scores(path, {"file": "file", "score": "score"}), directory)
    write(images, directory.with_name("images.parquet"), "images")
    assert images["score"].tolist() == [0.5, 0.25]


def test_a_disk_that_is_full_in_the_middle_is_named_and_nothing_is_left(
    directory: Path, files_up_to: Callable[[int], AbstractContextManager[None]]
) -> None:
    files = ["a.png", "b.png", "c.png"]
    save(directory, *files)
    with pytest.raises(InputError, match=r"pixels\.npy could not be written"), files_up_to(200_000):
        run(scores(files), directory)
    assert [path.name for path in directory.parent.iterdir()] == ["images"]


def test_images_that_are_refused_leave_no_store(directory: Path) -> None:
    save(directory, "a.png", "b.png")
    (directory / "bad.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="1 images cannot be used"):
        run(scores(["a.png", "b.png", "bad.png"]), directory, on_bad_image="stop")
    assert [path.name for path in directory.parent.iterdir()] == ["images"]


# A folder without scores


def test_a_folder_is_prepared_in_the_order_of_its_paths_and_bad_images_are_listed(
    tmp_path: Path,
) -> None:
    folder, store = tmp_path / "photos", tmp_path / "pixels.npy"
    (folder / "inner").mkdir(parents=True)
    good = {"b.PNG": 1, "a.png": 2, "inner/c.png": 3}
    for file, seed in good.items():
        Image.fromarray(noise(224, 224, seed)).save(folder / file)
    Image.fromarray(noise(224, 224, 1)).save(folder / "z_copy.png")
    (folder / "broken.jpg").write_bytes(b"not an image")
    (folder / "notes.txt").write_text("no image, no word")
    steps: list[int] = []
    rejected = prepare_folder(
        folder,
        find_images(folder),
        store,
        FolderPreparation(resize="squash"),
        threads=2,
        on_image=lambda: steps.append(1),
    )
    assert find_images(folder) == ["a.png", "b.PNG", "broken.jpg", "inner/c.png", "z_copy.png"]
    expected = [noise(224, 224, seed).transpose(2, 0, 1) for seed in (2, 1, 3)]
    np.testing.assert_array_equal(open_store(store), expected)
    assert rejected.to_dict("records") == [
        {"file": "broken.jpg", "reason": "is not an image that can be read"},
        {"file": "z_copy.png", "reason": "shows the same pixels as b.PNG"},
    ]
    assert len(steps) == 5


@pytest.mark.parametrize("files", [[], ["one.png"]])
def test_a_folder_without_two_images_is_refused(tmp_path: Path, files: list[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    save(folder, *files)
    (folder / "bad.jpg").write_bytes(b"")
    squashed = FolderPreparation(resize="squash")
    with pytest.raises(InputError, match=r"bad\.jpg: is empty.*pretraining\.images"):
        prepare_folder(folder, find_images(folder), tmp_path / "pixels.npy", squashed)
    assert list(tmp_path.iterdir()) == [folder]


def test_an_image_whose_row_has_no_score_is_left_out_or_stops(directory: Path) -> None:
    save(directory, "a.png", "b.png", "c.png")
    table = scores(["a.png", "b.png", "c.png"]).assign(missing=["", "score", ""])
    images, rejected, _ = run(table, directory)
    assert list(images["image_id"]) == ["a", "c"]
    assert rejected.to_dict("list") == {
        "file": ["b.png"], "reason": ["has no score in the score table"],
    }  # fmt: skip
    joined, again = join_scores(
        table, images[["image_id", "file", "width", "height", "position"]], rejected, directory,
        "reject",
    )  # fmt: skip
    assert list(joined["image_id"]) == ["a", "c"]
    pd.testing.assert_frame_equal(again, rejected)
    with pytest.raises(InputError, match=r"b\.png: has no score"):
        join_scores(table, images, rejected, directory, "stop")
