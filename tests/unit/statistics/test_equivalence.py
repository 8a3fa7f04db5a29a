"""Two one-sided tests and the errors that they use, against statsmodels, intervals and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ztost

from memorability.statistics.equivalence import (
    Error,
    fisher_interval,
    image_error,
    repeat_error,
    sampling_error,
    together,
    tost_correlation,
)

LEVEL = 0.025
CORRELATIONS = st.floats(-0.99, 0.99)
MARGINS = st.floats(0.01, 0.5)
ERRORS = st.builds(Error, st.floats(1e-4, 0.3), st.sampled_from([1, 2, 4, 30, math.inf]))


def sample_of(mean: float, error: float, n: int = 50) -> np.ndarray:
    """n values with exactly this mean and standard error."""
    values = np.random.default_rng(0).standard_normal(n)
    values = (values - values.mean()) / values.std(ddof=1)
    return np.asarray(mean + values * error * math.sqrt(n))


# Two one-sided tests


@pytest.mark.parametrize(
    ("r", "n", "reference", "margin"),
    [
        (0.44, 10_000, 0.452, 0.05),
        (0.40, 387, 0.452, 0.05),
        (-0.06, 3177, -0.058, 0.05),
        (0.30, 3177, 0.2, 0.05),
        (0.93, 200, 0.9, 0.04),
    ],
)
def test_a_correlation_agrees_with_statsmodels_on_fishers_z(
    r: float, n: int, reference: float, margin: float
) -> None:
    error = math.sqrt((1 + r**2 / 2) / (n - 3))
    bounds = np.arctanh([reference - margin, reference + margin])
    expected = ztost(sample_of(math.atanh(r), error), *bounds)[0]
    found = tost_correlation(r, image_error(r, n), reference=reference, margin=margin, level=LEVEL)
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_few_repeats_agree_with_scipys_t() -> None:
    found = tost_correlation(0.3, Error(0.01, 4), reference=0.31, margin=0.05, level=LEVEL)
    t = (math.atanh(0.3) - math.atanh(0.26)) / 0.01
    assert found.p == pytest.approx(stats.t.sf(t, 4), rel=1e-9)


@given(CORRELATIONS, ERRORS, CORRELATIONS, MARGINS)
def test_it_rejects_exactly_where_the_interval_lies_inside_the_band(
    r: float, error: Error, reference: float, margin: float
) -> None:
    low, high = fisher_interval(r, error, confidence=0.95)
    p = tost_correlation(r, error, reference=reference, margin=margin, level=LEVEL).p
    gap = min(low - (reference - margin), reference + margin - high)
    if abs(gap) > 1e-9:
        assert (p < LEVEL) == (gap > 0)


@given(CORRELATIONS, ERRORS, CORRELATIONS, MARGINS, MARGINS)
def test_a_wider_margin_is_never_harder_to_meet(
    r: float, error: Error, reference: float, margin: float, more: float
) -> None:
    narrow = tost_correlation(r, error, reference=reference, margin=margin, level=LEVEL)
    wide = tost_correlation(r, error, reference=reference, margin=margin + more, level=LEVEL)
    assert 0 <= wide.p <= narrow.p <= 1
    assert 0 <= narrow.power <= wide.power <= 1


@given(CORRELATIONS, ERRORS, CORRELATIONS, MARGINS)
def test_it_has_no_sign(r: float, error: Error, reference: float, margin: float) -> None:
    one = tost_correlation(r, error, reference=reference, margin=margin, level=LEVEL)
    other = tost_correlation(-r, error, reference=-reference, margin=margin, level=LEVEL)
    assert one.p == pytest.approx(other.p, abs=1e-12)
    assert one.power == pytest.approx(other.power, abs=1e-12)


@pytest.mark.parametrize("r", [-1.0, 1.0])
def test_a_perfect_correlation_lies_in_a_band_that_is_cut_there_and_in_no_other(r: float) -> None:
    error = image_error(r, 50)
    inside = tost_correlation(r, error, reference=0.98 * r, margin=0.05, level=LEVEL)
    outside = tost_correlation(r, error, reference=0.9 * r, margin=0.05, level=LEVEL)
    assert (inside.p, outside.p) == (0.0, 1.0)
    assert fisher_interval(r, error, confidence=0.95) == (r, r)


def test_without_chance_the_place_decides() -> None:
    known = {"reference": 0.72, "margin": 0.05, "level": LEVEL}
    assert vars(tost_correlation(0.7, Error(0.0), **known)) == {"p": 0.0, "power": 1.0}
    assert tost_correlation(0.8, Error(0.0), **known).p == 1


def test_no_interval_of_an_undefined_correlation() -> None:
    assert np.isnan(fisher_interval(math.nan, Error(0.1), confidence=0.95)).all()


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan")])
def test_useless_margins_are_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="expected a margin above 0"):
        tost_correlation(0.3, Error(0.1), reference=0.3, margin=margin, level=LEVEL)


def test_what_is_no_correlation_is_refused() -> None:
    for r, error, reference in (
        (1.2, 0.1, 0.3),
        (0.3, -0.1, 0.3),
        (0.3, 0.1, 1.0),
        (math.nan, 0, 0),
    ):
        with pytest.raises(ValueError, match="an error of at least 0"):
            tost_correlation(r, Error(error), reference=reference, margin=0.05, level=LEVEL)


# What a difference varies by


def test_errors_of_sampling_by_hand() -> None:
    # The audit's case: 3,177 of 10,000 images, for a small correlation.
    assert sampling_error(0.0, 10_000, 3_177, 10_000).value == pytest.approx(0.01466, abs=1e-4)
    assert sampling_error(0.0, 3_177, 10_000, 10_000).value == pytest.approx(0.01466, abs=1e-4)
    assert sampling_error(0.4, 10_000, 10_000, 10_000).value == 0
    # Two samples of another world share nothing.
    apart = sampling_error(0.0, 1000, 1000, 10**12).value
    assert apart == pytest.approx(math.sqrt(2 / 1000), rel=1e-3)


def test_sampling_error_is_what_parts_of_one_data_set_differ_by() -> None:
    rng = np.random.default_rng(1)
    score = rng.standard_normal(1000)
    value = 0.4 * score + rng.standard_normal(1000)
    z, parts = np.arctanh(stats.spearmanr(score, value).statistic), []
    for _ in range(600):
        two = [rng.permutation(1000)[:300] for _ in range(2)]
        parts.append([stats.spearmanr(score[part], value[part]).statistic for part in two])
    first, second = np.arctanh(parts).T
    r = math.tanh(z)
    assert np.std(first - z) == pytest.approx(sampling_error(r, 300, 1000, 1000).value, rel=0.1)
    assert np.std(first - second) == pytest.approx(sampling_error(r, 300, 300, 1000).value, rel=0.1)


def test_errors_of_repeats_and_their_sum_by_hand() -> None:
    seeds = repeat_error(0.6, 0.0128, 4)
    assert seeds.value == pytest.approx(0.02 * math.sqrt(1.25))
    assert seeds.freedom == 3
    both = together(seeds, Error(0.03))
    assert both.value == pytest.approx(math.hypot(seeds.value, 0.03))
    # Satterthwaite: the share of the variance that is estimated counts.
    share = seeds.value**2 / both.value**2
    assert both.freedom == pytest.approx(3 / share**2)
    assert together(Error(0.0), Error(0.0)) == Error(0.0)
    assert together(Error(0.0), seeds).freedom == pytest.approx(3)
    assert repeat_error(1.0, 0.0, 2).value == 0


# Size, power and coverage


def test_size_and_power_hold_where_few_seeds_are_all_that_varies() -> None:
    """Our mean of 3 seeds and one published run, whose correlations vary alike."""
    rng = np.random.default_rng(7)
    studies, seeds, sd, margin = 2500, 3, 0.006, 0.05

    def rejected(shift: float) -> float:
        theirs = 0.3 + shift + sd * rng.standard_normal(studies)
        ours = 0.3 + sd * rng.standard_normal((studies, seeds))
        tests = (
            tost_correlation(
                float(run.mean()), repeat_error(float(run.mean()), float(run.std(ddof=1)), seeds),
                reference=float(r), margin=margin, level=LEVEL,
            )
            for run, r in zip(ours, theirs, strict=True)
        )  # fmt: skip
        return sum(test.p < LEVEL for test in tests) / studies

    known = repeat_error(0.3, sd, seeds)
    power = tost_correlation(0.3, known, reference=0.3, margin=margin, level=LEVEL).power
    assert 0.8 < power < 0.97
    assert rejected(0.0) == pytest.approx(power, abs=0.02)
    assert rejected(margin) == pytest.approx(LEVEL, abs=0.008)


def test_size_and_power_hold_for_normal_pairs() -> None:
    """Pairs whose Spearman correlation is at the edge, or in the middle, of the band."""
    n, margin, reference, repeats = 400, 0.15, 0.3, 1500
    rng = np.random.default_rng(5)

    def rejections(rho: float) -> float:
        # Of a normal pair whose Spearman correlation is rho.
        pearson = 2 * math.sin(math.pi * rho / 6)
        x = rng.standard_normal((repeats, n))
        y = pearson * x + math.sqrt(1 - pearson**2) * rng.standard_normal((repeats, n))
        ranks = [stats.zscore(stats.rankdata(values, axis=1), axis=1) for values in (x, y)]
        found = (ranks[0] * ranks[1]).mean(axis=1)
        tests = (
            tost_correlation(r, image_error(r, n), reference=reference, margin=margin, level=LEVEL)
            for r in found
        )
        return sum(test.p < LEVEL for test in tests) / repeats

    error = image_error(0.3, n)
    power = tost_correlation(0.3, error, reference=reference, margin=margin, level=LEVEL).power
    assert 0.7 < power < 0.9
    assert rejections(reference) == pytest.approx(power, abs=0.03)
    assert rejections(reference + margin) == pytest.approx(LEVEL, abs=0.015)
    assert rejections(reference - margin) == pytest.approx(LEVEL, abs=0.015)


def test_fishers_interval_covers_in_simulation() -> None:
    rng = np.random.default_rng(6)
    n, repeats, rho = 100, 2000, 0.5
    pearson = 2 * math.sin(math.pi * rho / 6)
    x = rng.standard_normal((repeats, n))
    y = pearson * x + math.sqrt(1 - pearson**2) * rng.standard_normal((repeats, n))
    found = [stats.spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)]
    covered = [
        low <= rho <= high
        for low, high in (fisher_interval(r, image_error(r, n), confidence=0.95) for r in found)
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)
