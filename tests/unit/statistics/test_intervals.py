"""Weights of resamples, and intervals made from them."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from memorability.base.seeding import numpy_stream
from memorability.statistics.intervals import (
    Bootstrap,
    bca_interval,
    bootstrap_mean,
    cluster_weights,
    distribution,
    drawn_weights,
    image_weights,
    jackknife_weights,
    percentile_interval,
    ratio_interval,
    seed_weights,
)
from memorability.statistics.ranks import Sample, Target
from tests.correlated import correlated, scipys_interval


def test_weights_count_the_rows_that_the_stream_draws_whatever_the_batch() -> None:
    rows = numpy_stream(7, "bootstrap").integers(0, 9, (20, 9))
    expected = [np.bincount(line, minlength=9) for line in rows]
    for elements in (1, 40, 10_000):
        batches = image_weights(9, Bootstrap(20, 0.95, seed=7), batch_elements=elements)
        np.testing.assert_array_equal(np.concatenate(list(batches), axis=1).T, expected)


def test_correlations_of_resamples_do_not_depend_on_their_batch() -> None:
    rng = np.random.default_rng(0)
    sample = Sample(rng.normal(size=(2, 40)), Target(rng.integers(0, 9, 40).astype(float)))
    whole, in_eights = (
        distribution(
            sample, image_weights(40, Bootstrap(50, 0.95, seed=3), batch_elements=elements)
        )["pooled"]
        for elements in (10_000, 1)
    )
    np.testing.assert_array_equal(whole, in_eights)


def test_images_of_a_cluster_have_one_weight() -> None:
    clusters = np.array([2, 0, 1, 2, 0, 0])
    found = np.concatenate(list(cluster_weights(clusters, Bootstrap(30, 0.95, seed=1))), axis=1)
    assert found.shape == (6, 30)
    drawn = numpy_stream(1, "cluster bootstrap").integers(0, 3, (30, 3))
    np.testing.assert_array_equal(found, drawn_weights(drawn, 3)[clusters])


def test_within_strata_the_number_of_images_and_of_clusters_is_kept() -> None:
    strata = np.array([1, 0, 1, 2, 0, 0, 1])
    bootstrap = Bootstrap(40, 0.95, seed=2)
    found = np.concatenate(
        list(image_weights(7, bootstrap, strata=strata, batch_elements=1)), axis=1
    )
    for stratum, stream in enumerate(["bootstrap", "bootstrap 1", "bootstrap 2"]):
        members = strata == stratum
        n = members.sum()
        drawn = numpy_stream(2, stream).integers(0, n, (40, n))
        np.testing.assert_array_equal(found[members], drawn_weights(drawn, n))
    clusters = np.array([0, 0, 1, 2, 2, 3, 4])
    of_images = np.array([0, 0, 0, 0, 0, 1, 1])
    drawn = np.concatenate(list(cluster_weights(clusters, bootstrap, strata=of_images)), axis=1)
    once = drawn[[0, 2, 3, 5, 6]]
    np.testing.assert_array_equal(once[:3].sum(axis=0), 3)
    np.testing.assert_array_equal(once[3:].sum(axis=0), 2)
    np.testing.assert_array_equal(drawn, once[clusters])


def test_the_mean_of_drawn_runs_varies_as_that_of_runs_does() -> None:
    values = np.array([0.1, 0.5, 0.3, 0.8])
    means = values @ seed_weights(4, Bootstrap(200_000, 0.95, seed=1))
    assert means.var() == pytest.approx(values.var(ddof=1) / 4, rel=0.02)
    assert means.mean() == pytest.approx(values.mean(), abs=0.001)
    assert set(seed_weights(2, Bootstrap(50, 0.95, seed=1)).ravel()) == {0, 1}
    np.testing.assert_array_equal(seed_weights(1, Bootstrap(3, 0.95, seed=1)), 1)


def test_a_jackknife_leaves_out_each_image_once() -> None:
    batches = list(jackknife_weights(11, batch_elements=1))
    assert [batch.shape for batch in batches] == [(11, 8), (11, 3)]
    np.testing.assert_array_equal(np.concatenate(batches, axis=1), 1 - np.eye(11))


def test_leaving_out_an_image_is_scipys_correlation_of_the_others() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=25), rng.integers(0, 5, 25).astype(float)
    found = distribution(Sample(x[np.newaxis], Target(y)), jackknife_weights(25))["pooled"][0]
    expected = [stats.spearmanr(np.delete(x, k), np.delete(y, k)).statistic for k in range(25)]
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_percentiles_are_those_of_the_defined_resamples() -> None:
    drawn = np.append(np.linspace(0, 1, 101), [np.nan] * 20)
    found = percentile_interval(drawn, 0.9)
    assert (found.low, found.high) == pytest.approx((0.05, 0.95))
    assert found.method == "percentile (20 constant of 121 resamples dropped)"
    lost = percentile_interval(np.append(drawn, [np.nan] * 82), 0.9)
    assert np.isnan([lost.low, lost.high]).all()
    assert lost.method == "undefined (constant resamples)"


@pytest.mark.parametrize("runs", [1, 3])
def test_bca_interval_is_that_of_scipy(runs: int) -> None:
    x, y = correlated(30, runs=runs)
    bootstrap = Bootstrap(draws=300, confidence=0.9, seed=5)
    sample = Sample(x, Target(y))
    drawn = distribution(sample, image_weights(30, bootstrap))["pooled"].mean(axis=0)
    without_one = distribution(sample, jackknife_weights(30))["pooled"].mean(axis=0)
    r = float(sample.by_run["pooled"].mean())
    found = bca_interval(r, drawn, without_one, bootstrap.confidence)
    expected = scipys_interval(x, y, bootstrap, "BCa")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "wrong", [{"draws": 0}, {"confidence": 1.0}, {"confidence": 0.0}, {"confidence": 95}]
)
def test_impossible_bootstraps_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least 1 draw and a confidence above 0 and below 1"):
        Bootstrap(**{"draws": 200, "confidence": 0.95, "seed": 0, **wrong})


def test_bca_without_bias_and_skew_is_the_percentile_interval() -> None:
    drawn = np.linspace(-1, 1, 201)
    found = bca_interval(0.0, drawn, np.array([-1.0, 1.0, -1.0, 1.0]), 0.9)
    plain = percentile_interval(drawn, 0.9)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_bca_moves_towards_the_side_that_resamples_neglect() -> None:
    drawn = np.linspace(0, 1, 201)
    higher = bca_interval(0.6, drawn, np.array([-1.0, 1.0]), 0.9)
    plain = percentile_interval(drawn, 0.9)
    assert plain.low < higher.low
    assert plain.high < higher.high


@pytest.mark.parametrize(
    ("estimate", "without_one"),
    [(2.0, [0.1, 0.2]), (-1.0, [0.1, 0.2]), (0.5, [0.3, 0.3]), (0.5, [0.1, np.nan])],
)
def test_bca_has_no_bounds_where_it_is_undefined(estimate: float, without_one: list[float]) -> None:
    found = bca_interval(estimate, np.linspace(0, 1, 50), np.array(without_one), 0.95)
    assert np.isnan([found.low, found.high]).all()
    assert found.method == "undefined (BCa bounds)"


def test_the_interval_of_a_mean_is_that_of_scipys_bootstrap_and_needs_ten_images() -> None:
    values = np.random.default_rng(3).normal(size=30)
    found = bootstrap_mean(values, Bootstrap(draws=300, confidence=0.9, seed=7))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=300, confidence_level=0.9, method="percentile",
        rng=numpy_stream(7, "bootstrap"),
    ).confidence_interval  # fmt: skip
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    few = bootstrap_mean(values[:9], Bootstrap(draws=300, confidence=0.9, seed=7))
    assert np.isnan([few.low, few.high]).all()
    assert few.method == "none (too few images)"


def test_the_interval_of_a_ratio_covers_in_simulation_and_by_hand() -> None:
    rng = np.random.default_rng(4)
    a, b = 0.3, 0.7
    over, under = a + 0.05 * rng.normal(size=4000), b + 0.06 * rng.normal(size=4000)
    covered = []
    for x, y in zip(over.tolist(), under.tolist(), strict=True):
        low, high = ratio_interval(
            (x, x - 1.96 * 0.05, x + 1.96 * 0.05), (y, y - 1.96 * 0.06, y + 1.96 * 0.06)
        )
        covered.append(low <= a / b <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)
    # A divisor without error divides the bounds.
    assert ratio_interval((0.4, 0.3, 0.6), (0.8, 0.8, 0.8)) == pytest.approx((0.375, 0.75))
    turned = ratio_interval((-0.4, -0.6, -0.3), (0.8, 0.7, 0.9))
    assert turned == pytest.approx(
        tuple(-x for x in ratio_interval((0.4, 0.3, 0.6), (0.8, 0.7, 0.9))[::-1])
    )


@pytest.mark.parametrize(
    ("over", "under"),
    [
        ((0.4, np.nan, np.nan), (0.8, 0.7, 0.9)),
        ((0.4, 0.3, 0.5), (0.8, np.nan, np.nan)),
        ((0.4, 0.3, 0.5), (0.4, 0.0, 0.6)),
        ((0.4, 0.3, 0.5), (0.4, 0.1, 0.9)),
    ],
)
def test_no_interval_of_a_ratio_whose_divisor_could_be_nothing(
    over: tuple[float, float, float], under: tuple[float, float, float]
) -> None:
    assert np.isnan(ratio_interval(over, under)).all()
