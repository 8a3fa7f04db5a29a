"""Two one-sided tests, against statsmodels, intervals and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ztost

from memorability.statistics.equivalence import fisher_interval, tost_correlation, tost_interval

LEVEL = 0.025
CORRELATIONS = st.floats(-0.99, 0.99)
MARGINS = st.floats(0.01, 0.5)


def sample_of(mean: float, error: float, n: int = 50) -> np.ndarray:
    """n values with exactly this mean and standard error."""
    values = np.random.default_rng(0).standard_normal(n)
    values = (values - values.mean()) / values.std(ddof=1)
    return np.asarray(mean + values * error * math.sqrt(n))


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
    found = tost_correlation(r, n, reference=reference, margin=margin, level=LEVEL)
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_an_interval_agrees_with_statsmodels() -> None:
    z = stats.norm.isf(0.025)
    found = tost_interval(
        0.75, 0.75 - z * 0.01, 0.75 + z * 0.01,
        confidence=0.95, reference=0.76, margin=0.05, level=LEVEL,
    )  # fmt: skip
    assert found.p == pytest.approx(ztost(sample_of(0.75, 0.01), 0.71, 0.81)[0], rel=1e-9)


def test_a_case_solved_by_hand() -> None:
    # Three standard errors of 1/100 on either side, of which the level takes 1.96.
    found = tost_interval(
        0.5, 0.5 - 0.0196, 0.5 + 0.0196, confidence=0.95, reference=0.5, margin=0.03, level=0.025
    )
    assert found.p == pytest.approx(stats.norm.sf(3), rel=1e-3)
    assert found.power == pytest.approx(2 * stats.norm.cdf(3 - 1.96) - 1, rel=1e-3)


@given(CORRELATIONS, st.integers(10, 100_000), CORRELATIONS, MARGINS)
def test_it_rejects_exactly_where_fishers_interval_lies_inside_the_band(
    r: float, n: int, reference: float, margin: float
) -> None:
    low, high = fisher_interval(r, n, confidence=0.95)
    p = tost_correlation(r, n, reference=reference, margin=margin, level=LEVEL).p
    gap = min(low - (reference - margin), reference + margin - high)
    if abs(gap) > 1e-9:
        assert (p < LEVEL) == (gap > 0)


@given(CORRELATIONS, st.integers(10, 10_000), CORRELATIONS, MARGINS, MARGINS)
def test_a_wider_margin_is_never_harder_to_meet(
    r: float, n: int, reference: float, margin: float, more: float
) -> None:
    narrow = tost_correlation(r, n, reference=reference, margin=margin, level=LEVEL)
    wide = tost_correlation(r, n, reference=reference, margin=margin + more, level=LEVEL)
    assert 0 <= wide.p <= narrow.p <= 1
    assert 0 <= narrow.power <= wide.power <= 1


@given(CORRELATIONS, st.integers(10, 10_000), CORRELATIONS, MARGINS)
def test_it_has_no_sign(r: float, n: int, reference: float, margin: float) -> None:
    one = tost_correlation(r, n, reference=reference, margin=margin, level=LEVEL)
    other = tost_correlation(-r, n, reference=-reference, margin=margin, level=LEVEL)
    assert one.p == pytest.approx(other.p, abs=1e-12)
    assert one.power == pytest.approx(other.power, abs=1e-12)


def test_size_and_power_hold_in_simulation() -> None:
    """Normal pairs whose Spearman correlation is at the edge, or in the middle, of the band."""
    n, margin, reference, repeats = 400, 0.15, 0.3, 1500
    rng = np.random.default_rng(5)

    def rejections(rho: float) -> float:
        pearson = 2 * math.sin(
            math.pi * rho / 6
        )  # of a normal pair whose Spearman correlation is rho
        x = rng.standard_normal((repeats, n))
        y = pearson * x + math.sqrt(1 - pearson**2) * rng.standard_normal((repeats, n))
        ranks = [stats.zscore(stats.rankdata(values, axis=1), axis=1) for values in (x, y)]
        found = (ranks[0] * ranks[1]).mean(axis=1)
        tests = (
            tost_correlation(r, n, reference=reference, margin=margin, level=LEVEL) for r in found
        )
        return sum(test.p < LEVEL for test in tests) / repeats

    power = tost_correlation(0.3, n, reference=reference, margin=margin, level=LEVEL).power
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
    covered = [low <= rho <= high for low, high in
               (fisher_interval(r, n, confidence=0.95) for r in found)]  # fmt: skip
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("r", [-1.0, 1.0])
def test_a_perfect_correlation_lies_in_a_band_that_is_cut_there_and_in_no_other(r: float) -> None:
    inside = tost_correlation(r, 50, reference=0.98 * r, margin=0.05, level=LEVEL)
    outside = tost_correlation(r, 50, reference=0.9 * r, margin=0.05, level=LEVEL)
    assert (inside.p, outside.p) == (0.0, 1.0)
    assert fisher_interval(r, 50, confidence=0.95) == (r, r)


@pytest.mark.parametrize(("r", "n"), [(0.5, 3), (float("nan"), 50)])
def test_no_interval_where_fishers_z_has_no_error(r: float, n: int) -> None:
    assert np.isnan(fisher_interval(r, n, confidence=0.95)).all()


def test_an_interval_of_no_width_decides_by_its_place() -> None:
    known = {"confidence": 0.95, "margin": 0.05, "level": LEVEL}
    assert tost_interval(0.7, 0.7, 0.7, reference=0.72, **known).p == 0
    assert tost_interval(0.7, 0.7, 0.7, reference=0.8, **known).p == 1


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan")])
def test_useless_margins_are_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="expected a margin above 0"):
        tost_correlation(0.3, 50, reference=0.3, margin=margin, level=LEVEL)
    with pytest.raises(ValueError, match="expected a margin above 0"):
        tost_interval(0.3, 0.2, 0.4, confidence=0.95, reference=0.3, margin=margin, level=LEVEL)


def test_what_is_no_correlation_or_no_interval_is_refused() -> None:
    for r, n, reference in ((1.2, 50, 0.3), (0.3, 3, 0.3), (0.3, 50, 1.0), (math.nan, 50, 0.3)):
        with pytest.raises(ValueError, match="at least 4 images"):
            tost_correlation(r, n, reference=reference, margin=0.05, level=LEVEL)
    with pytest.raises(ValueError, match="ascending order"):
        tost_interval(0.3, 0.4, 0.2, confidence=0.95, reference=0.3, margin=0.05, level=LEVEL)
