"""Files of Caffe, read without Caffe: `.caffemodel` (weights by layer) and `.binaryproto` (one array).

Both are messages of protocol buffers. A message is a row of fields, each with a number and a value of
one of four kinds. Only the fields named below are read, all others are passed over, and no length is
believed that the file does not hold. Source: caffe.proto of BVLC/caffe, for the numbers of the fields.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memorability.base.errors import InputError
from memorability.base.files import file_sha256

Array = npt.NDArray[np.float32]

# Kinds of values ("wire types").
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes of 64 bits, seven in each
_MOST_AXES = 32  # Caffe's kMaxBlobAxes
_LONGEST_SIDE = 2**31 - 1  # Caffe counts with 32 bits


class _Layers(NamedTuple):
    """Where a network keeps layers, and a layer its name and its arrays."""

    layers: int
    name: int
    blobs: int


# Files written today, and those of before 2014, which Caffe calls V1.
_GENERATIONS = (_Layers(layers=100, name=1, blobs=7), _Layers(layers=2, name=4, blobs=6))
_LEGACY_SIDES = (1, 2, 3, 4)  # num, channels, height, width
_DATA, _SHAPE, _DOUBLE_DATA = 5, 7, 8
_SHAPE_SIDES = 1

_LFS = b"version https://git-lfs"
_WHERE = "docs/predictors.md says where it may be had"


class _Damage(Exception):  # noqa: N818  # an InputError once the file is known
    """The bytes are no message; the text says what was found."""


class _Field(NamedTuple):
    number: int
    kind: int
    value: int
    content: memoryview


def read_caffemodel(path: Path) -> tuple[dict[str, tuple[Array, ...]], str]:
    """Read the arrays of a `.caffemodel`, of either generation.

    Returns
    -------
    tuple
        Layer -> its arrays in their order, for convolutions and products weight and bias, float32, in
        the shapes of the file; and the SHA-256 of the file. Layers without arrays are left out.

    Raises
    ------
    InputError
        If the file is missing, a pointer of Git LFS, a web page, of another kind, cut off, or holds
        numbers that are NaN or infinite.
    """
    content = _content(path)
    layers: dict[str, tuple[Array, ...]] = {}
    try:
        for generation in _GENERATIONS:
            for field in _fields(content):
                if field.number != generation.layers or field.kind != _LENGTH:
                    continue
                name, arrays = _layer(field.content, generation)
                if arrays and name in layers:
                    raise _Damage(f"the layer {name!r} is there twice")
                if arrays:
                    layers[name] = arrays
    except _Damage as damage:
        raise _refusal(path, "caffemodel", damage) from damage
    if not layers:
        raise _refusal(path, "caffemodel", _Damage("it holds no layer with numbers"))
    return layers, file_sha256(path)


def read_binaryproto(path: Path) -> Array:
    """Read the array of a `.binaryproto`, such as a mean image (1, channels, rows, columns), float32.

    Raises
    ------
    InputError
        As `read_caffemodel`.
    """
    content = _content(path)
    try:
        array = _blob(content)
        if not array.size:
            raise _Damage("it holds no numbers")
        return array
    except _Damage as damage:
        raise _refusal(path, "binaryproto", damage) from damage


def _content(path: Path) -> memoryview:
    if not path.is_file():
        raise InputError(f"The file {path} does not exist: {_WHERE}.")
    content = path.read_bytes()
    if content.startswith(_LFS):
        raise InputError(
            f"{path} is a pointer of Git LFS, not the file itself, which was never downloaded. Run git "
            f"lfs pull where it comes from, and copy the file again; {_WHERE}."
        )
    if content[:64].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise InputError(f"{path} is a web page. Delete it and get the file again; {_WHERE}.")
    return memoryview(content)


def _refusal(path: Path, kind: str, damage: _Damage) -> InputError:
    return InputError(
        f"{path} is no {kind} of Caffe, or only a part of one: {damage}. Get it again; {_WHERE}."
    )


def _varint(content: memoryview, start: int) -> tuple[int, int]:
    """Return a whole number, seven bits in each byte, and where the next value starts."""
    number = 0
    for place in range(start, min(start + _LONGEST_VARINT, len(content))):
        number |= (content[place] & 0x7F) << (7 * (place - start))
        if content[place] < 0x80:
            return number, place + 1
    raise _Damage(f"the number at byte {start:,} has no end")


def _fields(content: memoryview) -> Iterator[_Field]:
    """Yield the fields of a message in their order."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        value = 0
        if kind == _VARINT:
            value, end = _varint(content, place)
        elif kind == _LENGTH:
            length, place = _varint(content, place)
            end = place + length
        elif kind in {_EIGHT_BYTES, _FOUR_BYTES}:
            end = place + (8 if kind == _EIGHT_BYTES else 4)
        else:
            raise _Damage(f"byte {place - 1:,} begins a value of no known kind")
        if number == 0 or end > len(content):
            raise _Damage(f"the value at byte {place:,} of {len(content):,} has no end")
        yield _Field(number, kind, value, content[place:end])
        place = end


def _layer(content: memoryview, generation: _Layers) -> tuple[str, tuple[Array, ...]]:
    name = ""
    arrays: list[Array] = []
    for field in _fields(content):
        if field.kind != _LENGTH:
            continue
        if field.number == generation.name:
            name = bytes(field.content).decode("utf-8", errors="replace")
        elif field.number == generation.blobs:
            arrays.append(_blob(field.content))
    return name, tuple(arrays)


def _blob(content: memoryview) -> Array:
    """Return the array of a BlobProto, which states its shape in a new or in an old way."""
    legacy = dict.fromkeys(_LEGACY_SIDES, 0)
    shape: list[int] | None = None
    numbers: dict[str, list[memoryview]] = {"<f4": [], "<f8": []}
    for field in _fields(content):
        if field.number in legacy and field.kind == _VARINT:
            legacy[field.number] = field.value
        elif field.number == _SHAPE and field.kind == _LENGTH:
            shape = _sides(field.content)
        elif field.number == _DATA and field.kind in {_LENGTH, _FOUR_BYTES}:
            numbers["<f4"].append(field.content)
        elif field.number == _DOUBLE_DATA and field.kind in {_LENGTH, _EIGHT_BYTES}:
            numbers["<f8"].append(field.content)
    code = "<f8" if numbers["<f8"] else "<f4"
    data = b"".join(numbers[code])
    if len(data) % int(code[-1]):
        raise _Damage(f"{len(data):,} bytes of numbers are no whole count of them")
    values = np.frombuffer(data, dtype=code).astype(np.float32)
    sides = [legacy[number] for number in _LEGACY_SIDES] if shape is None else shape
    fits = len(sides) <= _MOST_AXES and max(sides, default=0) <= _LONGEST_SIDE
    if not fits or math.prod(sides) != len(values):
        raise _Damage(f"an array of shape {sides[:_MOST_AXES]} holds {len(values):,} numbers")
    if not np.isfinite(values).all():
        raise _Damage("it holds numbers that are NaN or infinite")
    return values.reshape(sides)


def _sides(content: memoryview) -> list[int]:
    """Return the sides of a BlobShape, packed into one value or each in its own."""
    sides: list[int] = []
    for field in _fields(content):
        if field.number != _SHAPE_SIDES:
            continue
        if field.kind == _VARINT:
            sides.append(field.value)
        elif field.kind == _LENGTH:
            place = 0
            while place < len(field.content):
                side, place = _varint(field.content, place)
                sides.append(side)
    return sides
