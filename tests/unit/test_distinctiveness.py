"""Nearest neighbours against scikit-learn, and the cases that break a search in single precision."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from memorability.distinctiveness import distinctiveness, nearest_neighbour_distance

Latents = NDArray[np.float32]


def latents(rows: int = 50, columns: int = 12) -> Latents:
    rng = np.random.default_rng(rows)
    return np.maximum(rng.normal(size=(rows, columns)), 0).astype(np.float32)


def exact(rows: Latents) -> NDArray[np.float64]:
    # The brute-force search of scikit-learn expands the square and loses the digits tested here.
    doubles = rows.astype(np.float64)
    search = NearestNeighbors(n_neighbors=2, algorithm="kd_tree").fit(doubles)
    return np.asarray(search.kneighbors(doubles)[0][:, 1])


@pytest.mark.parametrize("block_rows", [1, 7, 50, 1024])
def test_agrees_with_scikit_learn_for_every_block_size(block_rows: int) -> None:
    rows = latents()
    found = nearest_neighbour_distance(rows, block_rows=block_rows)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, exact(rows), rtol=1e-12)


def test_by_hand() -> None:
    rows = np.array([[0, 0], [3, 4], [3, 5], [100, 5]], dtype=np.float32)
    np.testing.assert_array_equal(nearest_neighbour_distance(rows), [5, 1, 1, 97])


def test_duplicates_are_exactly_zero_apart() -> None:
    rows = latents()
    rows[40] = rows[3]
    found = nearest_neighbour_distance(rows, block_rows=8)
    assert found[40] == found[3] == 0
    assert (np.delete(found, [3, 40]) > 0).all()


@pytest.mark.parametrize(("offset", "unit"), [(1e4, 1.0), (0.0, 1e30), (0.0, 1e-30)])
def test_a_common_offset_or_an_extreme_unit_costs_no_neighbour(offset: float, unit: float) -> None:
    rows = ((latents() + np.float32(offset)) * np.float32(unit)).astype(np.float32)
    np.testing.assert_allclose(nearest_neighbour_distance(rows), exact(rows), rtol=1e-10)


def test_tight_pairs_far_apart_keep_their_distance() -> None:
    # |a|² + |b|² − 2ab alone loses these distances: squares of 1e-6 beside squares of 1e4.
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(20, 6)).astype(np.float32) * 100
    rows = np.concatenate([centres, centres + np.float32(0.001)])
    np.testing.assert_allclose(nearest_neighbour_distance(rows), exact(rows), rtol=1e-12)


def test_a_duplicate_is_found_among_near_duplicates() -> None:
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(20, 6)).astype(np.float32) * 100
    near = centres + np.float32(0.001)
    found = nearest_neighbour_distance(np.concatenate([near, centres, centres]))
    np.testing.assert_array_equal(found[20:], np.zeros(40))
    np.testing.assert_allclose(found[:20], exact(np.concatenate([near, centres]))[:20])


def test_collapsed_latents_are_all_zero_apart() -> None:
    found = nearest_neighbour_distance(np.zeros((20, 5), dtype=np.float32))
    np.testing.assert_array_equal(found, np.zeros(20))


def test_reads_a_memory_map(tmp_path: Path) -> None:
    rows = latents()
    np.save(tmp_path / "latents.npy", rows)
    mapped = np.load(tmp_path / "latents.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        nearest_neighbour_distance(mapped, block_rows=16), nearest_neighbour_distance(rows)
    )


def test_two_rows_share_their_distance() -> None:
    rows = np.array([[1.0], [4.0]], dtype=np.float32)
    np.testing.assert_array_equal(nearest_neighbour_distance(rows), [3, 3])


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (4,), (4, 0), (2, 2, 2)])
def test_refuses_what_is_no_matrix_of_several_rows(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="N at least 2"):
        nearest_neighbour_distance(np.zeros(shape, dtype=np.float32))


def test_refuses_blocks_without_rows() -> None:
    with pytest.raises(ValueError, match="blocks of at least 1 row"):
        nearest_neighbour_distance(latents(), block_rows=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_names_the_row_that_is_not_finite(bad: float) -> None:
    rows = latents()
    rows[17, 2] = bad
    with pytest.raises(ValueError, match="row 17 of the latents"):
        nearest_neighbour_distance(rows, block_rows=8)


def test_distinctiveness_is_the_population_z_score() -> None:
    rows = latents()
    found = distinctiveness(nearest_neighbour_distance(rows))
    distances = exact(rows)
    np.testing.assert_allclose(found, (distances - distances.mean()) / distances.std(), rtol=1e-9)
    assert found.std() == pytest.approx(1)
    assert stats.spearmanr(found, distances).statistic == pytest.approx(1)


def test_distinctiveness_refuses_equal_distances() -> None:
    with pytest.raises(ValueError, match="all 4 images are equally far"):
        distinctiveness(nearest_neighbour_distance(np.eye(4, dtype=np.float32)))
    with pytest.raises(ValueError, match="equally far"):
        distinctiveness(nearest_neighbour_distance(np.zeros((4, 3), dtype=np.float32)))
