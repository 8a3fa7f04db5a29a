"""Correlations against SciPy, pingouin, hand computation and simulation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from memorability.statistics import intervals
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.rank_correlation import (
    UndefinedIntervalError,
    bootstrap_spearman,
    spearman,
)
from memorability.statistics.ranks import Ranking, Ranks
from tests.correlated import correlated, scipys_interval

FloatArray = NDArray[np.float64]
BOOTSTRAP = Bootstrap(draws=200, confidence=0.95, seed=3)


class TestSpearman:
    def test_agrees_with_scipy_with_ties(self) -> None:
        x, y = correlated(80)
        assert spearman(x[0], y) == stats.spearmanr(x[0], y).statistic

    def test_ties_share_their_mean_rank(self) -> None:
        # Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: covariance 4.5, sums of squares 4.5 and 5.
        assert spearman([0, 5, 5, 9], [1, 2, 3, 4]) == pytest.approx(4.5 / np.sqrt(4.5 * 5))

    @pytest.mark.parametrize(
        ("x", "y", "message"),
        [
            ([1, 2, np.nan], [1, 2, 3], "non-finite"),
            ([1, 2, 3], [1, np.inf, 3], "non-finite"),
            ([1, 2], [1, 2], "too few images"),
            ([], [], "too few images"),
            ([4, 4, 4], [1, 2, 3], "constant values"),
            ([1, 2, 3], [7, 7, 7], "constant values"),
            ([1, 2, 3], [1, 2, 3, 4], "shape"),
            ([[1, 2, 3]], [1, 2, 3], "shape"),
        ],
    )
    def test_refuses_what_has_no_correlation(self, x: object, y: object, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            spearman(np.array(x), np.array(y))

    @settings(max_examples=50, deadline=None)
    @given(st.data())
    def test_monotone_transforms_and_order_change_nothing(self, data: st.DataObject) -> None:
        n = data.draw(st.integers(3, 20))
        numbers = st.lists(st.integers(-30, 30), min_size=n, max_size=n).filter(
            lambda v: len(set(v)) > 1
        )
        x, y = np.array(data.draw(numbers)), np.array(data.draw(numbers))
        order = np.array(data.draw(st.permutations(range(n))))
        r = spearman(x, y)
        assert abs(r) <= 1
        assert spearman(np.exp(x / 10), y) == pytest.approx(r, abs=1e-12)
        assert spearman(x, -3.0 * y) == pytest.approx(-r, abs=1e-12)
        assert spearman(x[order], y[order]) == pytest.approx(r, abs=1e-12)


class TestBootstrap:
    def test_one_run_agrees_with_scipy(self) -> None:
        x, y = correlated(40)
        found = bootstrap_spearman(x[0], y, BOOTSTRAP)
        expected = stats.spearmanr(x[0], y)
        assert found.r == pytest.approx(expected.statistic, abs=1e-12)
        assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
        assert (found.n, found.ci_method) == (40, "percentile")

    @pytest.mark.parametrize("runs", [1, 3])
    def test_interval_is_that_of_a_straightforward_bootstrap(self, runs: int) -> None:
        x, y = correlated(30, runs=runs)
        bootstrap = Bootstrap(draws=300, confidence=0.9, seed=5)
        found = bootstrap_spearman(x, y, bootstrap)
        expected = list(scipys_interval(x, y, bootstrap, "percentile"))
        assert [found.ci_low, found.ci_high] == pytest.approx(expected, abs=1e-12)

    def test_ranks_of_resamples_agree_with_scipy(self) -> None:
        rng = np.random.default_rng(0)
        values = rng.integers(0, 12, 40)
        draws = rng.integers(0, 40, (7, 40))
        codes = np.unique(values, return_inverse=True)[1]
        expected = 2 * stats.rankdata(values[draws], axis=-1) - 41
        found = Ranks(Ranking.of(codes), intervals.drawn_weights(draws, 40)).centred
        np.testing.assert_array_equal(np.take_along_axis(found.T, draws, axis=1), expected)

    def test_copies_of_a_run_do_not_narrow_the_interval(self) -> None:
        x, y = correlated(40)
        once = bootstrap_spearman(x, y, BOOTSTRAP)
        thrice = bootstrap_spearman(np.repeat(x, 3, axis=0), y, BOOTSTRAP)
        assert (thrice.ci_low, thrice.ci_high) == pytest.approx((once.ci_low, once.ci_high))
        assert thrice.p == pytest.approx(once.p)
        assert thrice.n == 40

    def test_several_runs_give_the_mean_of_their_correlations(self) -> None:
        x, y = correlated(50, runs=3)
        found = bootstrap_spearman(x, y, BOOTSTRAP)
        assert found.r == pytest.approx(np.mean([spearman(run, y) for run in x]))
        t = found.r * np.sqrt(48 / (1 - found.r**2))
        assert found.p == pytest.approx(2 * stats.t.sf(t, 48))

    def test_interval_contains_the_estimate_and_keeps_pairs_together(self) -> None:
        # The released code resampled x and y apart; its interval straddles 0.
        x, y = correlated(200, rho=0.7)
        found = bootstrap_spearman(x, y, BOOTSTRAP)
        assert 0.3 < found.ci_low < found.r < found.ci_high < 0.9

    def test_interval_depends_on_the_seed_alone(self) -> None:
        x, y = correlated(40)
        found = bootstrap_spearman(x, y, BOOTSTRAP)
        assert bootstrap_spearman(x, y, replace(BOOTSTRAP, seed=4)).ci_low != found.ci_low
        assert bootstrap_spearman(x, y, BOOTSTRAP) == found

    def test_interval_widens_with_confidence(self) -> None:
        x, y = correlated(40)
        wide, narrow = (
            bootstrap_spearman(x, y, replace(BOOTSTRAP, confidence=c)) for c in (0.99, 0.5)
        )
        assert wide.ci_low < narrow.ci_low < narrow.ci_high < wide.ci_high

    def test_perfect_correlation(self) -> None:
        found = bootstrap_spearman(np.arange(12), np.arange(12) ** 3, BOOTSTRAP)
        assert (found.r, found.ci_low, found.ci_high, found.p) == pytest.approx((1, 1, 1, 0))

    def test_few_images_have_no_interval(self) -> None:
        x, y = correlated(9)
        found = bootstrap_spearman(x, y, BOOTSTRAP)
        assert found.ci_method == "none (n < 10)"
        assert np.isnan([found.ci_low, found.ci_high]).all()
        assert np.isnan(found.p)
        assert found.r == pytest.approx(spearman(x[0], y))
        assert bootstrap_spearman(*correlated(10), BOOTSTRAP).ci_method == "percentile"

    def test_three_images_in_order_are_no_evidence(self) -> None:
        # One order of six has r = 1 by chance; the t distribution would say p = 0.
        found = bootstrap_spearman([1, 2, 3], [1, 2, 3], BOOTSTRAP)
        assert found.r == 1
        assert np.isnan(found.p)

    def test_constant_resamples_are_dropped_and_counted(self) -> None:
        # One image differs; a resample misses it with probability (1 - 1/12)^12 = 0.35.
        x = np.zeros(12)
        x[3] = 1
        found = bootstrap_spearman(x, np.arange(12), BOOTSTRAP)
        words = found.ci_method.split()
        dropped = int(words[1].strip("("))
        assert words[0] == "percentile"
        assert 40 < dropped < 100
        assert np.isfinite([found.ci_low, found.ci_high]).all()

    def test_mostly_constant_resamples_are_refused(self) -> None:
        # Each of two images must be drawn: both are with probability 0.41 only.
        x, y = np.zeros(12), np.zeros(12)
        x[3] = y[5] = 1
        with pytest.raises(UndefinedIntervalError, match=r"undefined \(constant resamples\)"):
            bootstrap_spearman(x, y, BOOTSTRAP)

    def test_refuses_a_constant_or_diverged_run_among_good_ones(self) -> None:
        x, y = correlated(20, runs=2)
        x[1] = 4
        with pytest.raises(ValueError, match="constant values"):
            bootstrap_spearman(x, y, BOOTSTRAP)
        x[1, 2] = np.inf
        with pytest.raises(ValueError, match="non-finite values"):
            bootstrap_spearman(x, y, BOOTSTRAP)

    def test_refuses_more_than_two_dimensions(self) -> None:
        with pytest.raises(ValueError, match="1 or 2 dimension"):
            bootstrap_spearman(np.zeros((1, 1, 5)), np.arange(5), BOOTSTRAP)

    def test_covers_the_truth_as_often_as_promised(self) -> None:
        rho, n, studies = 0.5, 60, 400
        truth = 6 / np.pi * np.arcsin(rho / 2)
        rng = np.random.default_rng(11)
        covered = 0
        for number in range(studies):
            y = rng.normal(size=n)
            x = rho * y + np.sqrt(1 - rho**2) * rng.normal(size=n)
            found = bootstrap_spearman(x, y, Bootstrap(200, 0.9, number))
            covered += found.ci_low <= truth <= found.ci_high
        # Three standard errors of 0.9 over 400 studies are 0.045; a percentile interval of 60
        # images is known to cover a little less than its nominal share.
        assert 0.84 <= covered / studies <= 0.945
