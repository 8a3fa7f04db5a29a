"""Midranks and correlations under weights, against SciPy on rows drawn as often as their weight."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memorability.intervals import drawn_weights
from memorability.ranks import Ranking, Sample, codes, nested

SEEDS = st.integers(0, 2**32)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 40), st.integers(1, 50))
def test_centred_ranks_are_scipys_of_the_rows_drawn(seed: int, n: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, distinct, n).astype(float)
    draws = rng.integers(0, n, (3, n + 5))
    found = Ranking.of(codes(values)).centred(drawn_weights(draws, n))
    expected = 2 * stats.rankdata(values[draws], axis=-1) - (n + 6)
    np.testing.assert_array_equal(np.take_along_axis(found, draws, axis=1), expected)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(2, 40), st.integers(1, 50))
def test_images_are_ranked_within_their_block(seed: int, n: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, distinct, n).astype(float)
    blocks = np.unique(np.sort(rng.integers(0, 4, n)), return_inverse=True)[1]
    draws = rng.integers(0, n, (3, n))
    found = Ranking.of(codes(values), blocks).centred(drawn_weights(draws, n))
    for rows, ranks in zip(draws, found, strict=True):
        for block in np.unique(blocks[rows]):
            inside = rows[blocks[rows] == block]
            expected = 2 * stats.rankdata(values[inside]) - (len(inside) + 1)
            np.testing.assert_array_equal(ranks[inside], expected)


def test_a_sample_agrees_with_scipy_run_by_run_in_any_order_of_its_strata() -> None:
    rng = np.random.default_rng(0)
    runs, target = rng.normal(size=(2, 50)), rng.integers(0, 6, 50).astype(float)
    strata = {"category": rng.choice(["a", "b"], 50), "subcategory": rng.choice(["p", "q"], 50)}
    rows = rng.integers(0, 50, (4, 50))
    for sample in (Sample(runs, target), Sample(runs, target, strata, between=True)):
        found = sample.correlations(drawn_weights(rows, 50))["pooled"]
        expected = [
            [stats.spearmanr(run[drawn], target[drawn]).statistic for drawn in rows] for run in runs
        ]
        np.testing.assert_allclose(found, expected, atol=1e-14)
    assert sample.strata("category") == 2
    assert sample.strata("subcategory") == 4


def test_the_correlation_of_equal_weights_is_that_of_the_sample() -> None:
    rng = np.random.default_rng(1)
    sample = Sample(
        rng.normal(size=(1, 30)), rng.normal(size=30), {"category": rng.choice(["a", "b"], 30)},
        between=True,
    )  # fmt: skip
    thrice = sample.correlations(np.full((1, 30), 3.0))
    for name, r in sample.by_run.items():
        # Ranks of copies are not those of single images, but their order and their means are.
        assert thrice[name][0] == pytest.approx(r, abs=1e-12)


def test_constant_values_have_no_correlation_and_empty_strata_no_part_in_one() -> None:
    target = np.arange(8.0)
    strata = {"category": np.repeat(["a", "b"], 4)}
    sample = Sample(np.repeat([[1.0, 2.0]], 4, axis=1), target, strata)
    assert np.isnan(sample.by_run["partial_category"]).all()  # constant within each
    assert np.isfinite(sample.by_run["pooled"]).all()
    one_stratum = np.repeat([[1.0, 0.0]], 4, axis=1)
    assert np.isnan(sample.correlations(one_stratum)["pooled"]).all()
    varied = Sample(np.array([[3.0, 1, 2, 0, 5, 6, 7, 4]]), target, strata)
    found = varied.correlations(one_stratum)
    assert found["partial_category"][0, 0] == pytest.approx(found["pooled"][0, 0])


def test_strata_are_numbered_in_sorted_order_and_nested() -> None:
    first, second = np.array(["b", "a", "b", "a"]), np.array(["x", "x", "y", "x"])
    assert nested([first]).tolist() == [1, 0, 1, 0]
    assert nested([first, second]).tolist() == [1, 0, 2, 0]


def test_sums_of_58_741_images_are_exact() -> None:
    n = 58_741
    values = np.random.default_rng(2).permutation(n).astype(float)
    sample = Sample(values[np.newaxis], values)
    weights = drawn_weights(np.random.default_rng(3).integers(0, n, (1, n)), n)
    assert sample.correlations(weights)["pooled"][0, 0] == 1.0
