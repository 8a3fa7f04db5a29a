"""Hashes against cosines written out, and which pictures are called nearly equal."""

import io
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from memorability.images.decoding import decode, resize_image
from memorability.images.near_duplicates import (
    LARGEST_DISTANCE,
    duplicate_groups,
    image_hashes,
    near_duplicates,
)
from memorability.tables.store import SCHEMAS
from tests.standins import photograph

MEMCAT = Path(__file__).parents[4] / "shared" / "data" / "memcat_subset" / "images"


def pixels(*pictures: Image.Image) -> np.ndarray:
    return np.stack([resize_image(picture, "squash") for picture in pictures])


def picture(number: int) -> Image.Image:
    return Image.open(io.BytesIO(photograph(number))).convert("RGB")


def test_a_hash_is_that_of_cosines_written_out() -> None:
    prepared = pixels(picture(1))
    grey = 0.299 * prepared[0, 0] + 0.587 * prepared[0, 1] + 0.114 * prepared[0, 2]
    small = np.array(
        [[grey[7 * i : 7 * i + 7, 7 * j : 7 * j + 7].mean() for j in range(32)] for i in range(32)]
    )
    place, frequency = np.arange(32) + 0.5, np.arange(8)
    cosines = np.cos(np.pi * np.outer(frequency, place) / 32)
    for side, reduced in enumerate((small, small[:, ::-1])):
        low = 4 * cosines @ reduced @ cosines.T
        bits = (low > np.median(low)).ravel()
        expected = np.packbits(bits).view(np.uint64)[0]
        assert image_hashes(prepared)[0, side] == expected


def test_the_same_picture_is_found_when_saved_anew_smaller_darker_or_mirrored() -> None:
    original = picture(3)
    file = io.BytesIO()
    original.save(file, "JPEG", quality=30)
    width, height = original.size
    others = [
        Image.open(file),
        original.resize((width // 2, height // 2)),
        original.point(lambda value: value * 0.7),
        ImageOps.mirror(original),
    ]
    ids = pd.Series(["original", "saved", "smaller", "darker", "mirrored", "other"])
    found = near_duplicates(image_hashes(pixels(original, *others, picture(4))), ids)
    SCHEMAS["near_duplicate_pairs"][1].validate(found)
    of_original = found[found["image_id"] == "original"].set_index("other_image_id")
    assert set(of_original.index) == {"saved", "smaller", "darker", "mirrored"}
    assert of_original.index[of_original["mirrored"]].tolist() == ["mirrored"]
    assert "other" not in set(found["other_image_id"])


def test_pairs_are_those_of_all_comparisons() -> None:
    stream = np.random.default_rng(2)
    hashes = stream.integers(0, 2**63, (600, 2), dtype=np.uint64)
    hashes[500:550, 0] = hashes[:50, 0] ^ np.uint64(0b1011)
    hashes[550:, 1] = hashes[:50, 0]
    ids = pd.Series(np.arange(600).astype(str))
    found = near_duplicates(hashes, ids)
    expected = set()
    for first in range(600):
        for second in range(first + 1, 600):
            own, (plain, mirror) = int(hashes[first, 0]), map(int, hashes[second])
            distances = ((own ^ plain).bit_count(), (own ^ mirror).bit_count())
            if min(distances) <= LARGEST_DISTANCE:
                mirrored = distances[1] < distances[0]
                expected.add((str(first), str(second), min(distances), mirrored))
    assert set(found.itertuples(index=False, name=None)) == expected
    assert len(expected) >= 100


def test_one_image_has_no_pair() -> None:
    hashes = image_hashes(np.zeros((1, 3, 224, 224), np.uint8))
    found = near_duplicates(hashes, pd.Series(["a"], dtype=str))
    assert found.empty
    SCHEMAS["near_duplicate_pairs"][1].validate(found)


def test_even_images_are_equal_whatever_their_grey() -> None:
    even = np.stack([np.full((3, 224, 224), level, np.uint8) for level in (10, 130)])
    assert near_duplicates(image_hashes(even), pd.Series(["a", "b"]))["distance"].tolist() == [0]


def test_a_chain_of_pairs_is_one_group() -> None:
    pairs = pd.DataFrame({"image_id": ["a", "b", "d", "a"], "other_image_id": ["b", "c", "e", "x"]})
    groups = duplicate_groups(pd.Series(["e", "a", "b", "c", "d", "f"]), pairs)
    e, a, b, c, d, f = groups
    assert a == b == c
    assert d == e
    assert len({a, d, f}) == 3


def test_ten_thousand_images_are_compared_in_seconds() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, (10_000, 2), dtype=np.uint64)
    started = time.process_time()
    near_duplicates(hashes, pd.Series(np.arange(10_000).astype(str)))
    assert time.process_time() - started < 10


@pytest.mark.skipif(not MEMCAT.is_dir(), reason="MemCat's photographs are not here")
def test_few_photographs_of_memcat_are_called_nearly_equal() -> None:
    files = sorted(path for path in MEMCAT.rglob("*") if path.suffix in (".jpg", ".png"))[::4]
    prepared = pixels(*(decode(path) for path in files))
    assert near_duplicates(image_hashes(prepared), pd.Series(map(str, files))).empty
