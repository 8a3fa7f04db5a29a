"""Arrays in a pickle: read by an unpickler that admits arrays and nothing else.

A pickle is a program, which builds its content from whatever it names. Here it finds stand-ins under
the three names that an array of numpy needs, and every other name is refused. No function of numpy or
of any other library is ever called by a pickle.
"""

import io
import math
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from memorability.base.errors import InputError

NUMBERS = ("f2", "f4", "f8")
"""Formats that weights come in: floating-point numbers of 2, 4 and 8 bytes."""


class _Format:
    """Stands for numpy.dtype: a code, and the order of bytes."""

    def __init__(self, code: str, *_: object) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class _Array:
    """Stands for numpy.ndarray, and for the function that begins one."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def values(self) -> np.ndarray:
        """Return the array; ValueError if what was stored is none."""
        _, shape, form, columns_first, data = self.state
        plain = isinstance(form, _Format) and form.code in NUMBERS and form.order in "<=>"
        sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
        if not (plain and sizes and isinstance(data, bytes)):
            raise ValueError("an array is none of floating-point numbers")
        numbers = np.frombuffer(data, dtype=form.order + form.code)
        if math.prod(shape) != len(numbers):
            raise ValueError("an array has not as many numbers as its shape says")
        return numbers.reshape(shape, order="F" if columns_first else "C")


_ADMITTED = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Format,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array")
        return _ADMITTED[module, name]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a pickle of nested dictionaries, by their keys joined with "/".

    Raises
    ------
    InputError
        If the file names anything but arrays, holds anything but them, or is damaged. Nothing of it is
        executed.
    """
    try:
        content = _Unpickler(io.BytesIO(path.read_bytes())).load()
        return {key: array.values() for key, array in _leaves(content)}
    except Exception as error:  # a pickle fails anywhere in the reader
        raise InputError(
            f"{path} was not loaded: as a pickle of arrays it is damaged or holds more than them "
            f"({error}). Nothing of it was executed. Get another copy of it."
        ) from error


def _leaves(content: object, prefix: str = "") -> Iterator[tuple[str, _Array]]:
    if isinstance(content, _Array):
        yield prefix, content
    elif isinstance(content, Mapping) and all(isinstance(key, str) for key in content):
        for key, inner in content.items():
            yield from _leaves(inner, f"{prefix}/{key}".removeprefix("/"))
    else:
        raise ValueError("it holds something besides named arrays")
