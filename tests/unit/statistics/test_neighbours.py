"""Nearest neighbours against scikit-learn, and the cases that break a search in single precision."""

import tracemalloc
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group
from sklearn.neighbors import NearestNeighbors

from memorability.base.errors import InputError
from memorability.statistics import neighbours
from memorability.statistics.neighbours import (
    Neighbours,
    Search,
    nearest_neighbours,
    project,
    recall,
)

Latents = NDArray[np.float32]
# Enough rows for three blocks of columns, and for three blocks of rows where these are the smallest.
MANY = 1300
SMALLEST_BLOCKS = 1


def latents(rows: int = 50, columns: int = 12) -> Latents:
    rng = np.random.default_rng(rows)
    return np.maximum(rng.normal(size=(rows, columns)), 0).astype(np.float32)


def search(rows: Any, count: int = 1, **how: Any) -> Neighbours:
    return nearest_neighbours(rows, [Search(count)], **how)[0]


def nearest(rows: Any, **how: Any) -> NDArray[np.float64]:
    return search(rows, **how).distances[:, 0]


def exact(rows: Latents, count: int = 1) -> NDArray[np.float64]:
    # The brute-force search of scikit-learn expands the square and loses the digits tested here.
    doubles = rows.astype(np.float64)
    found = NearestNeighbors(n_neighbors=count, algorithm="kd_tree").fit(doubles).kneighbors()
    return np.asarray(found[0])


@pytest.mark.parametrize("block_bytes", [SMALLEST_BLOCKS, 100_000, neighbours.BLOCK_BYTES])
def test_agrees_with_scikit_learn_for_blocks_of_any_size(block_bytes: int) -> None:
    rows = latents(MANY)
    found = search(rows, 10, block_bytes=block_bytes)
    assert found.distances.dtype == np.float64
    np.testing.assert_allclose(found.distances, exact(rows, 10), rtol=1e-12)
    by_index = np.linalg.norm(
        rows[found.indices].astype(np.float64) - rows[:, np.newaxis].astype(np.float64), axis=2
    )
    np.testing.assert_allclose(found.distances, by_index, rtol=1e-12)


def test_blocks_of_any_size_give_the_same_bits() -> None:
    rows, groups = latents(MANY), np.arange(MANY) % 7
    searches = [Search(5), Search(2, groups)]
    whole = nearest_neighbours(rows, searches)
    for first, second in zip(
        whole, nearest_neighbours(rows, searches, block_bytes=SMALLEST_BLOCKS), strict=True
    ):
        np.testing.assert_array_equal(first.indices, second.indices)
        np.testing.assert_array_equal(first.distances, second.distances)


@pytest.mark.parametrize("block_bytes", [SMALLEST_BLOCKS, neighbours.BLOCK_BYTES])
def test_neighbours_of_a_group_are_those_of_its_rows_alone(block_bytes: int) -> None:
    rows, groups = latents(MANY), np.random.default_rng(0).integers(0, 3, MANY)
    found = nearest_neighbours(rows, [Search(4, groups)], block_bytes=block_bytes)[0]
    np.testing.assert_array_equal(groups[found.indices], np.repeat(groups[:, None], 4, axis=1))
    for group in range(3):
        mine = groups == group
        np.testing.assert_allclose(found.distances[mine], exact(rows[mine], 4), rtol=1e-12)


def test_a_row_alone_in_its_group_has_no_neighbour() -> None:
    groups = np.array([0, 0, 1])
    found = nearest_neighbours(latents(3), [Search(2, groups), Search(1)])[0]
    np.testing.assert_array_equal(found.indices, [[1, -1], [0, -1], [-1, -1]])
    np.testing.assert_array_equal(np.isinf(found.distances[:, 0]), [False, False, True])
    alone = nearest_neighbours(latents(3), [Search(1, np.arange(3))])[0]
    assert np.isinf(alone.distances).all()


def test_by_hand() -> None:
    rows = np.array([[0, 0], [3, 4], [3, 5], [100, 5]], dtype=np.float32)
    np.testing.assert_array_equal(nearest(rows), [5, 1, 1, 97])
    np.testing.assert_array_equal(search(rows, 2).indices, [[1, 2], [2, 0], [1, 0], [2, 1]])


def test_all_other_rows_are_found_where_more_are_asked_for() -> None:
    found = search(latents(4), 10)
    assert found.indices.shape == found.distances.shape == (4, 3)
    np.testing.assert_allclose(found.distances, exact(latents(4), 3), rtol=1e-12)


def test_duplicates_are_exactly_zero_apart() -> None:
    rows = latents(MANY)
    rows[1040] = rows[3]
    found = nearest(rows, block_bytes=SMALLEST_BLOCKS)
    assert found[1040] == found[3] == 0
    assert (np.delete(found, [3, 1040]) > 0).all()


@pytest.mark.parametrize(("offset", "unit"), [(1e4, 1.0), (0.0, 1e30), (0.0, 1e-30)])
def test_a_common_offset_or_an_extreme_unit_costs_no_neighbour(offset: float, unit: float) -> None:
    rows = ((latents() + np.float32(offset)) * np.float32(unit)).astype(np.float32)
    np.testing.assert_allclose(nearest(rows), exact(rows)[:, 0], rtol=1e-10)


def test_tight_pairs_far_apart_keep_their_distance() -> None:
    # |a|² + |b|² − 2ab alone loses these distances: squares of 1e-6 beside squares of 1e4.
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(20, 6)).astype(np.float32) * 100
    rows = np.concatenate([centres, centres + np.float32(0.001)])
    np.testing.assert_allclose(nearest(rows), exact(rows)[:, 0], rtol=1e-12)


def test_a_duplicate_is_found_among_near_duplicates() -> None:
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(20, 6)).astype(np.float32) * 100
    near = centres + np.float32(0.001)
    found = nearest(np.concatenate([near, centres, centres]))
    np.testing.assert_array_equal(found[20:], np.zeros(40))
    np.testing.assert_allclose(found[:20], exact(np.concatenate([near, centres]))[:20, 0])


def test_collapsed_latents_are_all_zero_apart() -> None:
    found = search(np.full((20, 5), 3, dtype=np.float32), 4)
    np.testing.assert_array_equal(found.distances, np.zeros((20, 4)))
    assert (found.indices != np.arange(20)[:, np.newaxis]).all()


def test_reads_a_memory_map_of_halves(tmp_path: Path) -> None:
    rows = latents(MANY).astype(np.float16)
    np.save(tmp_path / "latents.npy", rows)
    mapped = np.load(tmp_path / "latents.npy", mmap_mode="r")
    np.testing.assert_array_equal(nearest(mapped), nearest(rows.astype(np.float32)))


def test_two_rows_share_their_distance() -> None:
    np.testing.assert_array_equal(nearest(np.array([[1.0], [4.0]], dtype=np.float32)), [3, 3])


class Made:
    """Latents that are nowhere: rows are made when they are read."""

    def __init__(self, rows: int) -> None:
        self.shape = (rows, 2048)

    def __getitem__(self, rows: slice) -> Latents:
        numbers = np.arange(*rows.indices(self.shape[0]), dtype=np.float32)
        angles = np.outer(numbers, np.arange(1, self.shape[1] + 1, dtype=np.float32))
        return np.sin(angles, out=angles)


def test_memory_does_not_grow_with_the_number_of_rows() -> None:
    peaks = []
    for rows in (1536, 2560):
        tracemalloc.start()
        search(Made(rows), 2, block_bytes=SMALLEST_BLOCKS)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]
    assert peaks[1] < 2560 * 2048 * 4


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (4,), (4, 0), (2, 2, 2)])
def test_refuses_what_is_no_matrix_of_several_rows(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="N at least 2"):
        nearest(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_names_the_row_that_is_not_finite(bad: float) -> None:
    rows = latents(MANY)
    rows[1017, 2] = bad
    with pytest.raises(InputError, match="row 1017 of the latents"):
        nearest(rows)


# Laws. Values of a grid of 2⁻¹⁰ make float32 exact, so that a law holds for the rows that are searched.
GRID = st.integers(-1000, 1000).map(lambda value: value / 1024)
MATRICES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(5, 40), st.integers(1, 6)),
    elements=GRID,
)


def sorted_distances(rows: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    distances = cdist(rows.astype(np.float64), rows.astype(np.float64))
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :count]


@settings(max_examples=60, deadline=None)
@given(rows=MATRICES, count=st.integers(1, 4))
def test_any_matrix_has_the_distances_of_brute_force(rows: Latents, count: int) -> None:
    found = search(rows, count)
    np.testing.assert_allclose(found.distances, sorted_distances(rows, count), atol=1e-5)
    assert (np.diff(found.distances, axis=1) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(rows=MATRICES, columns=st.integers(1, 12), block_bytes=st.sampled_from([1, 500, 10**9]))
def test_blocks_of_any_size_find_the_same(rows: Latents, columns: int, block_bytes: int) -> None:
    whole = search(rows, 3).distances
    with patch.object(neighbours, "_COLUMNS", columns):
        found = search(rows, 3, block_bytes=block_bytes).distances
    np.testing.assert_allclose(found, whole, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(rows=MATRICES, data=st.data())
def test_a_permutation_of_the_rows_permutes_the_distances(rows: Latents, data: Any) -> None:
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    np.testing.assert_allclose(
        search(rows[order], 3).distances, search(rows, 3).distances[order], atol=1e-5
    )


@settings(max_examples=30, deadline=None)
@given(rows=MATRICES, shift=st.integers(-8, 8), seed=st.integers(0, 99))
def test_translation_and_rotation_leave_distances_alone(
    rows: Latents, shift: int, seed: int
) -> None:
    kept = search(rows, 3).distances
    np.testing.assert_allclose(search(rows + np.float32(shift), 3).distances, kept, atol=1e-5)
    if rows.shape[1] > 1:
        turn = ortho_group.rvs(rows.shape[1], random_state=seed)
        np.testing.assert_allclose(search(rows @ turn, 3).distances, kept, atol=1e-5)


# Among random projections


def factors(rows: int = 1_500, columns: int = 2_000) -> Latents:
    """Latents of 32 factors, cut at 0."""
    rng = np.random.default_rng(rows)
    made = rng.normal(size=(rows, 32)) @ rng.normal(size=(32, columns))
    return np.maximum(made, 0).astype(np.float32)


def test_projections_keep_distances() -> None:
    rows = factors(200)
    ratio = cdist(project(rows), project(rows))[0, 1:] / cdist(rows, rows)[0, 1:]
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    # One standard deviation is 1 / sqrt(2 * 512) for independent pairs.
    assert ratio.std() < 0.05


def test_what_is_sought_among_projections_is_nearly_all_and_exactly_far() -> None:
    rows = factors()
    found, all_found = search(rows, 10, projected=True), search(rows, 10)
    own = np.arange(len(rows))[:, np.newaxis]
    assert not (found.indices == own).any()
    expected = np.linalg.norm(
        rows[found.indices].astype(np.float64) - rows[:, np.newaxis].astype(np.float64), axis=2
    )
    np.testing.assert_allclose(found.distances, expected, rtol=1e-12)
    assert (found.distances >= all_found.distances * (1 - 1e-12)).all()
    assert recall(rows, found, rows=200) > 0.95


def test_projections_find_all_where_every_row_is_a_candidate() -> None:
    rows = factors(40)
    np.testing.assert_array_equal(
        search(rows, 3, projected=True).distances, search(rows, 3).distances
    )


def test_recall_counts_what_was_found() -> None:
    rows = latents(MANY)
    found = search(rows, 4)
    assert recall(rows, found, rows=MANY) == 1
    missed = found.distances.copy()
    missed[:, -1] = found.distances[:, -1] * 1.001
    assert recall(rows, Neighbours(found.indices, missed), rows=50) == 0.75
    exchanged = Neighbours(found.indices, found.distances[:, ::-1])
    assert recall(rows, exchanged, rows=50) == 1


def test_projections_name_the_row_that_is_not_finite() -> None:
    rows = latents(700)
    rows[600, 3] = np.nan
    with pytest.raises(InputError, match="row 600"):
        search(rows, projected=True)
