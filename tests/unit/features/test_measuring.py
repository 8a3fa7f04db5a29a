from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from memorability.features.measuring import (
    CONTROLS,
    FEATURES,
    VARIANTS,
    image_features,
    measure_features,
)
from memorability.features.names import OBJECT_FEATURES, OBJECT_VARIANTS, TABLE_2, VARIANTS_OF

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ALL = {**FEATURES, **VARIANTS, **CONTROLS}


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (7, 12, 10, 3), dtype=np.uint8)


def test_features_are_named_after_their_functions() -> None:
    assert [feature.__name__ for feature in ALL.values()] == list(ALL)
    assert not FEATURES.keys() & VARIANTS.keys()


def test_every_feature_has_its_name_in_the_tables() -> None:
    assert {*FEATURES, *OBJECT_FEATURES} == set(TABLE_2)
    assert {*VARIANTS, *OBJECT_VARIANTS} == set(VARIANTS_OF)
    assert set(VARIANTS_OF.values()) <= set(TABLE_2)


def test_one_row_per_image_in_order(pixels: NDArray[np.uint8]) -> None:
    table = image_features(pixels)
    assert list(table.columns) == list(ALL)
    assert (table.dtypes == np.float64).all()
    assert table.index.equals(pd.RangeIndex(len(pixels)))
    for row, image in zip(table.to_numpy(), pixels, strict=True):
        assert row.tolist() == [feature(image) for feature in ALL.values()]


@pytest.mark.parametrize(
    "color", [(0, 0, 0), (255, 255, 255), (77, 77, 77), (255, 0, 0), (10, 200, 90)]
)
def test_an_image_of_one_color_has_every_feature(color: tuple[int, int, int]) -> None:
    image = np.full((16, 16, 3), color, dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = {name: feature(image) for name, feature in ALL.items()}
    assert {name for name, value in values.items() if not np.isfinite(value)} == set()


def test_thread_count_changes_nothing(pixels: NDArray[np.uint8]) -> None:
    pd.testing.assert_frame_equal(
        image_features(pixels, threads=1), image_features(pixels, threads=2), check_exact=True
    )


def test_memory_mapped_pixels(pixels: NDArray[np.uint8], tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    pd.testing.assert_frame_equal(
        image_features(mapped, threads=2), image_features(pixels), check_exact=True
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_every_image_is_announced_once(pixels: NDArray[np.uint8], threads: int) -> None:
    calls: list[None] = []
    image_features(pixels, threads=threads, on_image=lambda: calls.append(None))
    assert len(calls) == len(pixels)


def test_no_images_give_an_empty_table() -> None:
    table = image_features(np.empty((0, 8, 8, 3), dtype=np.uint8))
    assert table.shape == (0, len(ALL))
    assert (table.dtypes == np.float64).all()


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_other_types_are_refused(dtype: type[np.generic]) -> None:
    with pytest.raises(ValueError, match=f"must be uint8.*{np.dtype(dtype)}"):
        image_features(np.zeros((1, 8, 8, 3), dtype=dtype))


@pytest.mark.parametrize("shape", [(8, 8, 3), (2, 3, 8, 8), (2, 8, 8), (2, 8, 8, 4), (2, 1, 8, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(N, H, W, 3\)"):
        image_features(np.zeros(shape, dtype=np.uint8))


def test_no_threads_are_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="max_workers"):
        image_features(pixels, threads=0)


def test_the_table_of_features_has_a_row_per_image_and_feature() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    table = measure_features(images.transpose(0, 3, 1, 2), pd.Series(["a", "b"]), threads=1)
    wide = table.pivot_table(index="image_id", columns="feature", values="value")
    expected = image_features(images)
    np.testing.assert_array_equal(wide[list(expected)].to_numpy(), expected.to_numpy())
    assert list(wide.index) == ["a", "b"]
