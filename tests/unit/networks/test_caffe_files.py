"""Caffe's files: what an encoder of our own wrote is read back, and nothing else passes for one."""

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from memorability.base.errors import InputError
from memorability.networks.caffe_files import read_binaryproto, read_caffemodel
from tests.caffe import blob, caffemodel, field, packed_shape, varint

STREAM = np.random.default_rng(4)
WEIGHT = STREAM.normal(size=(4, 3, 2, 2)).astype(np.float32)
BIAS = STREAM.normal(size=4).astype(np.float32)
MATRIX = STREAM.normal(size=(5, 16)).astype(np.float32)
LAYERS: dict[str, Sequence[np.ndarray]] = {"conv1": (WEIGHT, BIAS), "fc6": (MATRIX, BIAS)}


def written(tmp_path: Path, content: bytes, name: str = "net.caffemodel") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("upgraded", [True, False])
def test_both_generations_are_read_back_equal(tmp_path: Path, upgraded: bool) -> None:
    path = written(tmp_path, caffemodel(LAYERS, upgraded=upgraded))
    layers, digest = read_caffemodel(path)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    # Layers without arrays (the encoder adds a ReLU) are left out.
    assert list(layers) == ["conv1", "fc6"]
    for name, arrays in LAYERS.items():
        for read, array in zip(layers[name], arrays, strict=True):
            # Old files give every array four sides.
            sides = array.shape if upgraded else (1,) * (4 - array.ndim) + array.shape
            assert read.dtype == np.float32
            np.testing.assert_array_equal(read, array.reshape(sides))


def test_numbers_may_be_packed_or_not_and_single_or_double(tmp_path: Path) -> None:
    one_by_one = b"".join(field(5, 5, struct.pack("<f", value)) for value in BIAS)
    doubles = field(8, 2, BIAS.astype("<f8").tobytes())
    sides = b"".join(field(1, 0, varint(side)) for side in (2, 2))
    for numbers in (one_by_one, doubles):
        read = read_binaryproto(written(tmp_path, field(7, 2, sides) + numbers))
        np.testing.assert_array_equal(read, BIAS.reshape(2, 2))


def test_a_mean_image_is_read(tmp_path: Path) -> None:
    image = STREAM.uniform(0, 255, size=(1, 3, 5, 4)).astype(np.float32)
    read = read_binaryproto(written(tmp_path, blob(image, upgraded=False), "mean.binaryproto"))
    np.testing.assert_array_equal(read, image)


def test_every_cut_file_is_refused_or_lacks_whole_layers(tmp_path: Path) -> None:
    content = caffemodel({"conv1": (BIAS, BIAS)}, upgraded=True)
    ends = {0}  # where a field of the network ends, what is there is whole
    for end in range(len(content)):
        path = written(tmp_path, content[:end])
        try:
            layers, _ = read_caffemodel(path)
        except InputError:
            continue
        ends.add(end)
        assert list(layers) == ["conv1"]
        np.testing.assert_array_equal(layers["conv1"][0], BIAS)
    assert len(ends) <= 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer of Git LFS"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
        (b"", "holds no layer with numbers"),
        (field(1, 2, b"a network of no layers"), "holds no layer with numbers"),
        (b"\xff" * 40, "has no end"),
        (varint(100 << 3 | 2) + varint(2**62) + b"abc", "has no end"),
        (varint(100 << 3 | 3), "of no known kind"),
        (varint(0 << 3 | 0) + b"\x01", "has no end"),
        (b"PK\x03\x04 a zip file, as torch saves", "is no caffemodel of Caffe"),
    ],
)
def test_what_is_no_caffemodel_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_caffemodel(written(tmp_path, content))


@pytest.mark.parametrize(
    ("shape", "numbers", "says"),
    [
        ((3, 2), BIAS.tobytes(), r"shape \[3, 2\] holds 4 numbers"),
        ((4,), BIAS.tobytes()[:-1], "no whole count"),
        ((0, 2**63), b"", "holds 0 numbers"),
        ((1,) * 33 + (4,), BIAS.tobytes(), "holds 4 numbers"),
        ((1,), np.float32(np.nan).tobytes(), "NaN or infinite"),
        ((1,), np.float32(np.inf).tobytes(), "NaN or infinite"),
    ],
)
def test_arrays_that_contradict_themselves_are_refused(
    tmp_path: Path, shape: tuple[int, ...], numbers: bytes, says: str
) -> None:
    content = field(7, 2, packed_shape(shape)) + field(5, 2, numbers)
    with pytest.raises(InputError, match=says):
        read_binaryproto(written(tmp_path, content))


def test_a_layer_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    twice = caffemodel(LAYERS, upgraded=True) + caffemodel(LAYERS, upgraded=False)
    with pytest.raises(InputError, match="'conv1' is there twice"):
        read_caffemodel(written(tmp_path, twice))


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_caffemodel(tmp_path / "net.caffemodel")


def test_random_bytes_never_fail_otherwise(tmp_path: Path) -> None:
    stream = np.random.default_rng(0)
    whole = caffemodel(LAYERS, upgraded=True)
    for _ in range(300):
        content = bytearray(whole)
        for place in stream.integers(0, len(content), size=3):
            content[place] = stream.integers(0, 256)
        try:
            read_caffemodel(written(tmp_path, bytes(content)))
        except InputError:
            continue
