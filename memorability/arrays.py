"""Arrays in .npy files that end with a checksum: damage is found before the numbers are used."""

import zlib
from pathlib import Path

import numpy as np

from memorability.errors import InputError

_CHECKSUM_BYTES = 4
_BLOCK = 1 << 22


def seal(path: str | Path) -> None:
    """Append the CRC-32 of a .npy file to it. NumPy reads the file as before."""
    with Path(path).open("rb+") as file:
        checksum = 0
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
        file.write(checksum.to_bytes(_CHECKSUM_BYTES, "little"))


def open_sealed(path: str | Path) -> np.ndarray:
    """Open a sealed .npy file read-only, memory-mapped.

    The whole file is read once to check it, a gigabyte in about a second.

    Raises
    ------
    InputError
        If the file is not as it was sealed: truncated, or changed in a single bit.
    """
    path = Path(path)
    left = path.stat().st_size - _CHECKSUM_BYTES
    checksum = 0
    with path.open("rb") as file:
        while left > 0:
            block = file.read(min(_BLOCK, left))
            checksum = zlib.crc32(block, checksum)
            left -= len(block)
        found = file.read()
    if found != checksum.to_bytes(_CHECKSUM_BYTES, "little"):
        raise InputError(
            f"{path} is damaged: its checksum is not that of its content. Delete it and run again; "
            "it is then made anew."
        )
    values: np.ndarray = np.load(path, mmap_mode="r")
    return values
