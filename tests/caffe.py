"""An encoder of Caffe's files, by the numbers of caffe.proto: what the reader is tested against."""

from collections.abc import Mapping, Sequence

import numpy as np


def varint(number: int) -> bytes:
    """Return a whole number in groups of seven bits, the lowest first."""
    groups = []
    while True:
        groups.append(number & 0x7F)
        number >>= 7
        if not number:
            break
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def field(number: int, kind: int, content: bytes) -> bytes:
    """Return a field: its key and its value, with its length where the kind has one (2)."""
    length = varint(len(content)) if kind == 2 else b""
    return varint(number << 3 | kind) + length + content


def packed_shape(shape: Sequence[int]) -> bytes:
    """Return the content of a BlobShape."""
    return field(1, 2, b"".join(map(varint, shape)))


def blob(array: np.ndarray, *, upgraded: bool) -> bytes:
    """Return the content of a BlobProto, with a shape or with the four sides of old files."""
    if upgraded:
        shape = field(7, 2, packed_shape(array.shape))
    else:
        sides = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(field(number, 0, varint(side)) for number, side in enumerate(sides, 1))
    return shape + field(5, 2, array.astype("<f4").tobytes())


def caffemodel(layers: Mapping[str, Sequence[np.ndarray]], *, upgraded: bool) -> bytes:
    """Return a network with these layers, a ReLU after each, and fields that a reader passes over."""
    layer, name, kind, blobs = (100, 1, 2, 7) if upgraded else (2, 4, 5, 6)
    content = field(1, 2, b"a network") + field(3, 2, b"data")
    for title, arrays in layers.items():
        for text, held in ((title, arrays), (f"relu_{title}", ())):
            one = field(name, 2, text.encode())
            one += field(kind, 2, b"Type") if upgraded else field(kind, 0, varint(4))
            one += b"".join(field(blobs, 2, blob(array, upgraded=upgraded)) for array in held)
            content += field(layer, 2, one)
    return content
