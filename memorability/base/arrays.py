"""Arrays in .npy files: written block by block, and sealed, so that damage is found before use."""

import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from memorability.base.errors import InputError
from memorability.base.files import atomic

_CHECKSUM_BYTES = 4
_BYTES_AT_A_TIME = 1 << 22


LATENTS_AT_A_TIME = 256
"""Rows of latents that are in memory at once: 25 MB of the published ones."""


def blocks(count: int, size: int) -> Iterator[slice]:
    """Yield the slices of `count` items, in order, `size` at a time; the last one takes the rest."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


class NpyWriter:
    """Context manager that writes a .npy file block by block; the file appears whole or not at all.

    The file has the bytes that `numpy.save` gives it. It is written by ordinary writes: where the
    disk is full, these raise an error, but writing to a memory map ends the process by a signal.

    Parameters
    ----------
    path
        File to write.
    shape
        Of the whole array. None as the length of the first axis: as many rows as are appended.
    dtype
        Of the whole array.
    sealed
        Whether the CRC-32 of the file is appended to it, for `open_sealed`. NumPy reads the file as
        before.

    Raises
    ------
    InputError
        If the disk is full or read-only; nothing half-written is left.
    ValueError
        If the block ends well with fewer rows than `shape` states; no file appears then.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int | None, *tuple[int, ...]],
        dtype: npt.DTypeLike,
        *,
        sealed: bool = False,
    ) -> None:
        self._path = Path(path)
        self._rows, *self._row_shape = shape
        self._dtype = np.dtype(dtype)
        self._sealed = sealed
        self._appended = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic(self._path))
            self._file: BinaryIO = stack.enter_context(temporary.open("wb+"))
            self._write_header(self._rows or 0)
            self._open = stack.pop_all()
        return self

    def append(self, block: npt.NDArray[np.generic]) -> None:
        """Write the next rows.

        Parameters
        ----------
        block
            Rows along the first axis, with the dtype and, but for the first axis, the shape of the
            file.

        Raises
        ------
        ValueError
            If its dtype or shape is another, or the file gets more rows than it should have.
        """
        if block.dtype != self._dtype or [*block.shape[1:]] != self._row_shape:
            raise ValueError(
                f"{self._path} has rows of {self._dtype} {tuple(self._row_shape)}, but a block has "
                f"{block.dtype} {block.shape[1:]}."
            )
        self._appended += len(block)
        if self._rows is not None and self._appended > self._rows:
            raise ValueError(
                f"{self._path} has {self._rows} rows, but {self._appended} were appended."
            )
        self._file.write(block.tobytes())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._open.__exit__(kind, error, trace)
            return
        with self._open:
            self._complete()

    def _complete(self) -> None:
        if self._rows is None:
            # NumPy pads a header so that its length does not depend on that of the first axis.
            self._file.seek(0)
            self._write_header(self._appended)
        elif self._appended < self._rows:
            raise ValueError(
                f"{self._path} has {self._rows} rows, but only {self._appended} were appended."
            )
        if self._sealed:
            length = self._file.seek(0, os.SEEK_END)
            self._file.seek(0)
            self._file.write(_checksum(self._file, length))

    def _write_header(self, rows: int) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (rows, *self._row_shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


def open_sealed(path: str | Path) -> np.ndarray:
    """Open a sealed .npy file read-only, memory-mapped.

    The whole file is read once to check it, a gigabyte in about a second.

    Raises
    ------
    InputError
        If the file is not as it was sealed: truncated, or changed in a single bit.
    """
    path = Path(path)
    with path.open("rb") as file:
        checksum = _checksum(file, path.stat().st_size - _CHECKSUM_BYTES)
        whole = file.read() == checksum
    if not whole:
        raise InputError(
            f"{path} is damaged: its checksum is not that of its content. Delete it and run again; "
            "it is then made anew."
        )
    values: np.ndarray = np.load(path, mmap_mode="r")
    return values


def _checksum(file: BinaryIO, length: int) -> bytes:
    """Read the next `length` bytes and return their CRC-32."""
    checksum = 0
    while length > 0 and (block := file.read(min(_BYTES_AT_A_TIME, length))):
        checksum = zlib.crc32(block, checksum)
        length -= len(block)
    return checksum.to_bytes(_CHECKSUM_BYTES, "little")
