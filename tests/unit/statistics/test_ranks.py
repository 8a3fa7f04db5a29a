"""Midranks and correlations under weights, against SciPy on rows drawn as often as their weight."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memorability.statistics.intervals import drawn_weights
from memorability.statistics.ranks import (
    FloatArray,
    IntArray,
    Ranking,
    Ranks,
    Sample,
    Target,
    codes,
    nested,
)

SEEDS = st.integers(0, 2**32)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 40), st.integers(1, 50))
def test_centred_ranks_are_scipys_of_the_rows_drawn(seed: int, n: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, distinct, n).astype(float)
    draws = rng.integers(0, n, (3, n + 5))
    found = Ranks(Ranking.of(codes(values)), drawn_weights(draws, n)).centred
    expected = 2 * stats.rankdata(values[draws], axis=-1) - (n + 6)
    np.testing.assert_array_equal(np.take_along_axis(found.T, draws, axis=1), expected)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(2, 40), st.integers(1, 50))
def test_images_are_ranked_within_their_block(seed: int, n: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, distinct, n).astype(float)
    blocks = np.unique(np.sort(rng.integers(0, 4, n)), return_inverse=True)[1]
    draws = rng.integers(0, n, (3, n))
    found = Ranks(Ranking.of(codes(values), blocks), drawn_weights(draws, n)).centred
    for rows, ranks in zip(draws, found.T, strict=True):
        for block in np.unique(blocks[rows]):
            inside = rows[blocks[rows] == block]
            expected = 2 * stats.rankdata(values[inside]) - (len(inside) + 1)
            np.testing.assert_array_equal(ranks[inside], expected)


def test_a_sample_agrees_with_scipy_run_by_run_in_any_order_of_its_strata() -> None:
    rng = np.random.default_rng(0)
    runs, target = rng.normal(size=(2, 50)), rng.integers(0, 6, 50).astype(float)
    strata = {"category": rng.choice(["a", "b"], 50), "subcategory": rng.choice(["p", "q"], 50)}
    rows = rng.integers(0, 50, (4, 50))
    for whole in (Target(target), Target(target, strata, between=True)):
        found = Sample(runs, whole).correlations(whole.under(drawn_weights(rows, 50)))["pooled"]
        expected = [
            [stats.spearmanr(run[drawn], target[drawn]).statistic for drawn in rows] for run in runs
        ]
        np.testing.assert_allclose(found, expected, atol=1e-14)
    assert {name: len(starts) for name, starts in whole.levels.items()} == {
        "category": 2, "subcategory": 4,
    }  # fmt: skip


def by_hand(x: FloatArray, y: FloatArray, category: IntArray) -> dict[str, float]:
    """Return every correlation of images drawn, by their own ranks and the means of these."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        within = [stats.spearmanr(x[category == k], y[category == k]).statistic for k in range(3)]
    ranks = [stats.rankdata(values) for values in (x, y)]
    means = [
        np.array([of_one[category == k].mean() for k in range(3)])[category] for of_one in ranks
    ]
    left = [of_one - of_means for of_one, of_means in zip(ranks, means, strict=True)]
    spread = np.prod([of_one.std() for of_one in ranks])
    return {
        "pooled": stats.pearsonr(*ranks).statistic,
        "partial_category": stats.pearsonr(*left).statistic,
        "between_category": stats.pearsonr(*means).statistic,
        "part_between_category": np.cov(*means, ddof=0)[0, 1] / spread,
        "mean_within": float(np.mean(within)),
    }


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 5), st.sampled_from([3, 12, 10_000]), st.sampled_from([4, 10_000]))
def test_every_correlation_of_a_resample_is_that_of_the_rows_drawn(
    seed: int, draws: int, values_of_x: int, values_of_y: int
) -> None:
    rng = np.random.default_rng(seed)
    n, category = 60, np.arange(60) % 3
    x = rng.integers(0, values_of_x, n).astype(float)
    y = rng.integers(0, values_of_y, n) + x / values_of_x
    target = Target(y, {"category": category.astype(str)}, between=True)
    rows = rng.integers(0, n, (draws, n))
    found = Sample(x[np.newaxis], target).correlations(target.under(drawn_weights(rows, n)))
    for place, drawn in enumerate(rows):
        for name, expected in by_hand(x[drawn], y[drawn], category[drawn]).items():
            assert found[name][0, place] == pytest.approx(expected, abs=1e-12), name


def test_values_that_their_stratum_decides_have_no_partial_correlation_in_any_resample() -> None:
    # Means of three or seven ranks are not exact, and what remains of a product is not either.
    rng = np.random.default_rng(4)
    category = np.repeat(np.arange(10), 7)
    target = Target(rng.random(70), {"category": category.astype(str)}, between=True)
    sample = Sample(np.stack([category % 4, category]).astype(float), target)
    found = sample.correlations(target.under(drawn_weights(rng.integers(0, 70, (50, 70)), 70)))
    assert np.isnan(found["partial_category"]).all()
    assert np.isnan(found["mean_within"]).all()
    assert np.isfinite(found["between_category"]).all()
    assert (np.abs(found["between_category"]) < 1).all()


def test_the_correlation_of_equal_weights_is_that_of_the_sample() -> None:
    rng = np.random.default_rng(5)
    target = Target(rng.normal(size=30), {"category": rng.choice(["a", "b"], 30)}, between=True)
    sample = Sample(rng.normal(size=(1, 30)), target)
    thrice = sample.correlations(target.under(np.full((30, 1), 3, dtype=np.int32)))
    for name, r in sample.by_run.items():
        # Ranks of copies are not those of single images, but their order and their means are.
        assert thrice[name][0] == pytest.approx(r, abs=1e-12)


def test_constant_values_have_no_correlation_and_empty_strata_no_part_in_one() -> None:
    target = np.arange(8.0)
    strata = {"category": np.repeat(["a", "b"], 4)}
    sample = Sample(np.repeat([[1.0, 2.0]], 4, axis=1), Target(target, strata))
    assert np.isnan(sample.by_run["partial_category"]).all()  # constant within each
    assert np.isfinite(sample.by_run["pooled"]).all()
    one_stratum = sample.target.under(np.repeat([[1], [0]], 4, axis=0).astype(np.int32))
    assert np.isnan(sample.correlations(one_stratum)["pooled"]).all()
    varied = Sample(np.array([[3.0, 1, 2, 0, 5, 6, 7, 4]]), sample.target)
    found = varied.correlations(one_stratum)
    assert found["partial_category"][0, 0] == pytest.approx(found["pooled"][0, 0])


def test_strata_are_numbered_in_sorted_order_and_nested() -> None:
    first, second = np.array(["b", "a", "b", "a"]), np.array(["x", "x", "y", "x"])
    assert nested([first]).tolist() == [1, 0, 1, 0]
    assert nested([first, second]).tolist() == [1, 0, 2, 0]


def test_sums_of_58_741_images_are_exact() -> None:
    n = 58_741
    values = np.random.default_rng(2).permutation(n).astype(float)
    sample = Sample(values[np.newaxis], Target(values))
    weights = drawn_weights(np.random.default_rng(3).integers(0, n, (1, n)), n)
    assert sample.correlations(sample.target.under(weights))["pooled"][0, 0] == 1.0
