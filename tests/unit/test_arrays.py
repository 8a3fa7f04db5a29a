"""Arrays that end with a checksum: read as they were written, or refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.arrays import open_sealed, seal
from memorability.errors import InputError

VALUES = np.arange(300, dtype=np.float32).reshape(3, 100)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("arrays") / "values.npy"
    np.save(path, VALUES)
    seal(path)
    return path


def test_a_sealed_array_is_read_back_and_by_numpy_alone(sealed: Path) -> None:
    values = open_sealed(sealed)
    np.testing.assert_array_equal(values, VALUES, strict=True)
    assert isinstance(values, np.memmap)
    assert not values.flags.writeable
    np.testing.assert_array_equal(np.load(sealed), VALUES, strict=True)


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
