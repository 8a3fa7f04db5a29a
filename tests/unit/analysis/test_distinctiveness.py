"""Measures of distinctiveness against scikit-learn, by hand, and where they are undefined."""

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from memorability.analysis.distinctiveness import (
    PUBLISHED_MEASURE,
    distinctiveness_table,
    local_outlier_factor,
    z_scores,
)
from memorability.base.errors import InputError
from memorability.statistics.neighbours import Search, nearest_neighbours

Latents = NDArray[np.float32]
MEASURES = {
    "nearest_neighbour", "nearest_neighbours_mean", "nearest_in_category", "local_outlier_factor",
}  # fmt: skip


def latents(rows: int = 60, columns: int = 12) -> Latents:
    rng = np.random.default_rng(rows)
    return np.maximum(rng.normal(size=(rows, columns)), 0).astype(np.float32)


def wide(rows: Any, categories: list[str] | None = None, neighbours: int = 5) -> pd.DataFrame:
    """Return the values, a column per measure; images are in no order."""
    ids = [f"i{(7 * k) % len(rows)}" for k in range(len(rows))]
    known = pd.Series(categories or ["c" + str(k % 3) for k in range(len(rows))], index=ids)
    table = distinctiveness_table(ids, rows, known.sort_index(), neighbours=neighbours)
    assert list(table.columns) == ["image_id", "metric", "value", "distinctiveness"]
    for _, part in table.groupby("metric"):
        expected = stats.zscore(part["value"], ddof=0, nan_policy="omit")
        if part["value"].min() < part["value"].max():
            np.testing.assert_allclose(part["distinctiveness"], expected, rtol=1e-9, atol=1e-12)
    return table.pivot_table(
        index="image_id", columns="metric", values="value", dropna=False
    ).reindex(ids)


def lof(rows: Latents, count: int) -> NDArray[np.float64]:
    nearest = nearest_neighbours(rows, [Search(count)])[0]
    return local_outlier_factor(nearest)


def test_every_measure_is_that_of_scikit_learn() -> None:
    rows = latents()
    table = wide(rows)
    assert set(table.columns) == MEASURES
    assert PUBLISHED_MEASURE in MEASURES
    doubles = rows.astype(np.float64)
    distances = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(doubles).kneighbors()[0]
    np.testing.assert_allclose(table["nearest_neighbour"], distances[:, 0], rtol=1e-12)
    np.testing.assert_allclose(table["nearest_neighbours_mean"], distances.mean(1), rtol=1e-12)
    outliers = LocalOutlierFactor(n_neighbors=5, algorithm="kd_tree").fit(doubles)
    np.testing.assert_allclose(
        table["local_outlier_factor"], -outliers.negative_outlier_factor_, rtol=1e-9
    )
    within = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(doubles[1::3]).kneighbors()[0]
    np.testing.assert_allclose(table["nearest_in_category"][1::3], within[:, 0], rtol=1e-12)


def test_by_hand() -> None:
    # On a line, categories a a b b: 0, 1, 3, 10.
    table = wide(np.array([[0], [1], [3], [10]], dtype=np.float32), ["a", "a", "b", "b"], 2)
    assert list(table["nearest_neighbour"]) == [1, 1, 2, 7]
    assert list(table["nearest_neighbours_mean"]) == [2, 1.5, 2.5, 8]
    assert list(table["nearest_in_category"]) == [1, 1, 7, 7]
    # Reachability: of 0 from 1 and 3: 2, 3; of 1 from 0 and 3: 3, 3; of 3 from 1 and 0: 2, 3;
    # of 10 from 3 and 1: 7, 9.
    means = np.array([2.5, 3, 2.5, 8])
    neighbours = np.array([[1, 2], [0, 2], [1, 0], [2, 1]])
    np.testing.assert_allclose(
        table["local_outlier_factor"], (means[:, None] / means[neighbours]).mean(axis=1)
    )


def test_fewer_images_than_neighbours_are_all_neighbours() -> None:
    rows = latents(6)
    pd.testing.assert_frame_equal(wide(rows, neighbours=10), wide(rows, neighbours=5))


def test_the_only_image_of_a_category_has_no_distance_within_it() -> None:
    table = wide(latents(9), ["a"] * 8 + ["b"])
    assert list(table["nearest_in_category"].isna()) == [False] * 8 + [True]
    assert table.drop(columns="nearest_in_category").notna().all(axis=None)


def test_one_category_has_no_measure_of_its_own() -> None:
    assert set(wide(latents(9), ["all"] * 9).columns) == MEASURES - {"nearest_in_category"}


def test_images_that_are_each_the_only_one_of_their_category_are_missing() -> None:
    ids = list("abcd")
    table = distinctiveness_table(ids, latents(4), pd.Series(ids, index=ids), neighbours=2)
    within = table[table["metric"] == "nearest_in_category"]
    assert within[["value", "distinctiveness"]].isna().all(axis=None)


def test_two_images_are_equally_distinctive(caplog: pytest.LogCaptureFixture) -> None:
    ids = ["a", "b"]
    table = distinctiveness_table(ids, latents(2), pd.Series("c", index=ids), neighbours=10)
    assert (table["distinctiveness"] == 0).all()
    assert "equally distinctive" in caplog.text


def test_collapsed_latents_are_equally_distinctive(caplog: pytest.LogCaptureFixture) -> None:
    ids = [str(k) for k in range(20)]
    categories = pd.Series(["a", "b"] * 10, index=ids)
    with caplog.at_level(logging.WARNING):
        table = distinctiveness_table(ids, np.ones((20, 3)), categories, neighbours=3)
    assert (table["distinctiveness"] == 0).all()
    assert "nearest_neighbour is 0 for all 20 images" in caplog.text
    assert "collapsed" in caplog.text


def test_a_search_among_projections_says_what_it_found(caplog: pytest.LogCaptureFixture) -> None:
    rows = latents(50)
    ids = [str(k) for k in range(50)]
    categories = pd.Series(["a", "b"] * 25, index=ids)
    how = {"neighbours": 3}
    exact = distinctiveness_table(ids, rows, categories, **how)
    assert "projections" not in caplog.text
    # Of 50 rows, every other one is a candidate.
    found = distinctiveness_table(ids, rows, categories, search="projected", **how)
    pd.testing.assert_frame_equal(found, exact)
    assert "of the 3 nearest of 50 images, 100.0 % were found" in caplog.text


def test_an_image_of_another_study_is_named() -> None:
    ids = ["a", "x", "y"]
    with pytest.raises(InputError, match=r"2 of 3 latents .* the first to 'x'"):
        distinctiveness_table(ids, latents(3), pd.Series({"a": "c", "b": "c"}), neighbours=2)


# z-scores


def test_z_scores_are_of_the_population_and_keep_the_ranks() -> None:
    values = nearest_neighbours(latents(), [Search(1)])[0].distances[:, 0]
    found = z_scores(values)
    np.testing.assert_allclose(found, (values - values.mean()) / values.std(), rtol=1e-12)
    assert found.std() == pytest.approx(1)
    assert stats.spearmanr(found, values).statistic == pytest.approx(1)


def test_missing_values_count_for_nothing_and_stay_missing() -> None:
    np.testing.assert_allclose(z_scores(np.array([1, np.nan, 3])), [-1, np.nan, 1])
    np.testing.assert_array_equal(z_scores(np.array([2, np.nan, 2])), [0, np.nan, 0])
    np.testing.assert_array_equal(z_scores(np.full(3, np.nan)), np.full(3, np.nan))


def test_values_that_differ_by_rounding_alone_are_equal() -> None:
    np.testing.assert_array_equal(z_scores(np.array([5, 5 * (1 + 1e-15), 5])), np.zeros(3))


# Local outlier factor


@pytest.mark.parametrize("unit", [1e-20, 1.0, 1e20])
def test_the_outlier_factor_does_not_depend_on_the_unit(unit: float) -> None:
    np.testing.assert_allclose(lof(latents() * np.float32(unit), 5), lof(latents(), 5), rtol=1e-5)


def test_an_outlier_has_the_largest_factor_and_a_lattice_has_1() -> None:
    rows = latents()
    rows[17] += 20
    assert np.argmax(lof(rows, 5)) == 17
    circle = np.exp(2j * np.pi * np.arange(36) / 36)
    ring = np.stack([circle.real, circle.imag], axis=1)
    np.testing.assert_allclose(lof(ring.astype(np.float32), 2), 1, rtol=1e-5)


def test_more_duplicates_than_neighbours_keep_the_factor_finite() -> None:
    rows = latents()
    rows[:7] = rows[0]
    found = lof(rows, 5)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:7], 1)
    np.testing.assert_array_equal(lof(np.ones((8, 2), dtype=np.float32), 3), np.ones(8))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.integers(-4, 4))
def test_measures_follow_a_permutation_and_ignore_a_translation(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(25, 4)).astype(np.float32)
    categories = np.array(list("abc"))[rng.integers(0, 3, 25)]
    order = rng.permutation(25)
    kept = wide(rows, list(categories))
    moved = wide(rows[order] + np.float32(shift), list(categories[order]))
    np.testing.assert_allclose(moved.to_numpy(), kept.to_numpy()[order], rtol=1e-4)
