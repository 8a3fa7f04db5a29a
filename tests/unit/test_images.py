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
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from memorability import tables
from memorability.datasets.scores import read_scores
from memorability.errors import InputError
from memorability.images import (
    BadImage,
    Prepared,
    decode,
    decode_ahead,
    find_images,
    minimum_side,
    open_store,
    prepare,
    prepare_folder,
    resize_image,
)

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
    results = decode_ahead(counted(tmp_path, asked), "squash", 1, 3)
    for number, result in enumerate(results):
        assert isinstance(result, Prepared)
        assert set(result.pixels.ravel()) == {number % 256}
        assert number < asked[-1] + 1 <= number + 64, "memory is bounded"
    assert len(asked) == number + 1 == 300


def test_who_stops_early_waits_for_no_image(tmp_path: Path) -> None:
    asked: list[int] = []
    threads = threading.active_count()
    results = decode_ahead(counted(tmp_path, asked), "squash", 1, 3)
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


def grey16(values: np.ndarray) -> bytes:
    """A 16-bit grey PNG, written byte by byte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


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


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(Image.new("1", (300, 300)), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 300 // 2 - 1)
    assert "too large to decode safely" in reason(tmp_path / "bomb.png", content)


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
    table = pd.DataFrame({"row": range(1, len(files) + 1), "file": files})
    table["image_id"] = [file.rsplit(".", 1)[0] for file in files]
    table["category"], table["subcategory"] = kinds, ""
    for name in ("hits", "false_alarms", "responses"):
        table[name] = pd.Series(pd.NA, index=table.index, dtype="Int64")
    table["score"] = np.linspace(0, 1, len(files))
    for name in ("score_uncorrected", "false_alarm_rate", "d_prime", "criterion"):
        table[name] = np.nan
    return table


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
    store = directory.with_name("pixels.npy")
    images, rejected = prepare(table, directory, store, **settings)
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
        tables.write(images, directory / "images.parquet", "images")
        tables.write(rejected, directory / "rejected.parquet", "rejected")
        assert len(tables.read(directory / "images.parquet", "images")) == 2
        assert len(tables.read(directory / "rejected.parquet", "rejected")) == len(table) - 2


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
    tables.write(images, directory.with_name("images.parquet"), "images")
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
        folder, store, resize="squash", threads=2, on_image=lambda: steps.append(1)
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
    with pytest.raises(InputError, match=r"bad\.jpg: is empty.*pretraining\.images"):
        prepare_folder(folder, tmp_path / "pixels.npy", resize="squash")
    assert list(tmp_path.iterdir()) == [folder]
