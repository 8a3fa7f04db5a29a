"""Arrays in files: written whole or not at all, and read as they were written, or refused."""

import errno
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.base.arrays import NpyWriter, blocks, open_sealed
from memorability.base.errors import InputError

Blocks = Iterable[np.ndarray]
VALUES = np.arange(300, dtype=np.float32).reshape(3, 100)


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (0, 3, []),
        (2, 3, [(0, 2)]),
        (3, 3, [(0, 3)]),
        (7, 3, [(0, 3), (3, 6), (6, 7)]),
        (2, 1, [(0, 1), (1, 2)]),
    ],
)
def test_blocks_part_items_in_order(count: int, size: int, expected: list[tuple[int, int]]) -> None:
    assert [(block.start, block.stop) for block in blocks(count, size)] == expected


def write(path: Path, shape: tuple[int | None, *tuple[int, ...]], blocks: Blocks) -> None:
    """Write a sealed file of float32."""
    with NpyWriter(path, shape, np.float32, sealed=True) as writer:
        for block in blocks:
            writer.append(block)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("arrays") / "values.npy"
    write(path, VALUES.shape, [VALUES])
    return path


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "int64"])
@pytest.mark.parametrize("shape", [(7,), (7, 5), (7, 3, 2, 2), (0, 4)])
@pytest.mark.parametrize("counted", [True, False], ids=["rows known", "rows counted"])
def test_a_file_has_the_bytes_that_numpy_gives_it(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, counted: bool
) -> None:
    values = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    rows, *others = shape
    with NpyWriter(tmp_path / "ours.npy", (rows if counted else None, *others), dtype) as writer:
        for start, stop in ((0, 3), (3, 4), (4, rows)):
            writer.append(values[start:stop])
    np.save(tmp_path / "numpys.npy", values)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()


def test_a_file_has_the_bytes_that_a_memory_map_gives_it(tmp_path: Path) -> None:
    mapped = np.lib.format.open_memmap(  # noqa: TID251  # the format to compare with
        tmp_path / "mapped.npy", mode="w+", dtype=np.float16, shape=(4, 3, 5)
    )
    mapped[:] = values = np.random.default_rng(0).random((4, 3, 5)).astype(np.float16)
    mapped.flush()
    with NpyWriter(tmp_path / "written.npy", (4, 3, 5), np.float16) as writer:
        writer.append(values)
    assert (tmp_path / "written.npy").read_bytes() == (tmp_path / "mapped.npy").read_bytes()


def test_a_block_whose_memory_is_in_another_order_is_written_row_by_row(tmp_path: Path) -> None:
    with NpyWriter(tmp_path / "turned.npy", (100, 3), np.float32) as writer:
        writer.append(VALUES.T)
    np.testing.assert_array_equal(np.load(tmp_path / "turned.npy"), VALUES.T, strict=True)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([VALUES[:2]], "has 3 rows, but only 2 were appended"),
        ([], "has 3 rows, but only 0 were appended"),
        ([VALUES, VALUES[:1]], "has 3 rows, but 4 were appended"),
        ([VALUES.astype(np.float64)], "rows of float32 (100,), but a block has float64 (100,)"),
        ([VALUES[:, :50]], "rows of float32 (100,), but a block has float32 (50,)"),
        ([VALUES[0]], "rows of float32 (100,), but a block has float32 ()"),
    ],
)
def test_rows_that_do_not_make_the_file_are_refused_and_no_file_appears(
    tmp_path: Path, blocks: list[np.ndarray], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        write(tmp_path / "values.npy", VALUES.shape, blocks)
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_between_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "values.npy"
    path.write_bytes(b"former")

    def stopped() -> Iterator[np.ndarray]:
        yield VALUES[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, (3, 100), stopped())
    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("room", [64, 128, 600, 100_000, 1_200_000, 1_200_127, 1_200_128])
@pytest.mark.parametrize("rows", [1000, None])
def test_a_disk_that_is_full_in_the_middle_is_named_and_nothing_is_left(
    tmp_path: Path,
    files_up_to: Callable[[int], AbstractContextManager[None]],
    room: int,
    rows: int | None,
) -> None:
    """The header takes 128 bytes, each of 1000 rows 1200 bytes, and the checksum 4."""
    blocks = [VALUES.reshape(1, 300)] * 1000
    said = r"values\.npy could not be written: File too"
    with pytest.raises(InputError, match=said) as caught, files_up_to(room):
        write(tmp_path / "values.npy", (rows, 300), blocks)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_just_enough_room_is_enough(
    tmp_path: Path, files_up_to: Callable[[int], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "values.npy"
    with files_up_to(128 + 1200 + 4):
        write(path, VALUES.shape, [VALUES])
    np.testing.assert_array_equal(open_sealed(path), VALUES, strict=True)


def test_a_sealed_array_is_read_back_and_by_numpy_alone(sealed: Path) -> None:
    values = open_sealed(sealed)
    np.testing.assert_array_equal(values, VALUES, strict=True)
    assert isinstance(values, np.memmap)
    assert not values.flags.writeable
    np.testing.assert_array_equal(np.load(sealed), VALUES, strict=True)


def test_the_seal_is_the_crc_32_of_what_numpy_writes(sealed: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", VALUES)
    plain = (tmp_path / "plain.npy").read_bytes()
    assert sealed.read_bytes() == plain + zlib.crc32(plain).to_bytes(4, "little")


@given(place=st.integers(0, 8 * (128 + 1200 + 4) - 1))
def test_one_bit_anywhere_is_noticed(sealed: Path, place: int) -> None:
    data = bytearray(sealed.read_bytes())
    data[place // 8] ^= 1 << place % 8
    damaged = sealed.with_name("damaged.npy")
    damaged.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged\.npy is damaged.*Delete it and run again"):
        open_sealed(damaged)


@pytest.mark.parametrize("length", [0, 3, 100, 1000, -1])
def test_a_truncated_array_is_refused(sealed: Path, tmp_path: Path, length: int) -> None:
    (tmp_path / "cut.npy").write_bytes(sealed.read_bytes()[:length])
    with pytest.raises(InputError, match="is damaged"):
        open_sealed(tmp_path / "cut.npy")
