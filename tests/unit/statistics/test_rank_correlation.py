"""Correlations against SciPy, pingouin, hand computation and simulation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from memorability.base.seeding import numpy_stream
from memorability.statistics import intervals
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.rank_correlation import (
    UndefinedIntervalError,
    bootstrap_spearman,
    compare_correlations,
    spearman,
)
from memorability.statistics.ranks import Ranking, Ranks
from tests.correlated import correlate, correlated, row, scipys_interval, study

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
        assert found.r == pytest.approx(spearman(x[0], y))
        assert bootstrap_spearman(*correlated(10), BOOTSTRAP).ci_method == "percentile"

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


def perturbed(values: pd.DataFrame, noise: float, *, seeds: int = 1) -> pd.DataFrame:
    """Return values with noise added to each, so that they correlate less."""
    rng = np.random.default_rng(5)
    chosen = values[values["seed"].astype(int) < seeds]
    return chosen.assign(value=chosen["value"] + noise * rng.normal(size=len(chosen)))


class TestCompareCorrelations:
    def test_the_interval_is_that_of_scipys_bootstrap_of_the_same_resamples(self) -> None:
        values, images = study(80, runs=1)
        base = perturbed(values, 1.5)
        found = compare_correlations(values, base, images, target="score", bootstrap=BOOTSTRAP)
        score = images["score"].to_numpy()
        wide = [
            table.pivot_table(index="image_id", columns="seed", values="value").to_numpy()
            for table in (values, base)
        ]

        def difference(rows: FloatArray) -> float:
            ours, theirs = (
                np.mean([stats.spearmanr(run[rows], score[rows]).statistic for run in table.T])
                for table in wide
            )
            return float(ours - theirs)

        expected = stats.bootstrap(
            (np.arange(80),), difference, n_resamples=BOOTSTRAP.draws, method="percentile",
            vectorized=False, rng=numpy_stream(BOOTSTRAP.seed, "bootstrap"),
        )  # fmt: skip
        assert found.difference == pytest.approx(difference(np.arange(80)))
        assert found.difference == pytest.approx(found.r - found.base_r)
        interval = expected.confidence_interval
        assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
        drawn = expected.bootstrap_distribution
        tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
        assert found.p == pytest.approx(min(1, 2 * (tail + 1) / 201))
        assert found.ci_method == "percentile"
        assert found.n == 80

    def test_is_narrower_than_two_intervals_of_correlated_values_apart(self) -> None:
        values, images = study(200, runs=1)
        base = perturbed(values, 0.2)
        found = compare_correlations(values, base, images, target="score", bootstrap=BOOTSTRAP)
        alone = row(correlate(values, images, target="score", bootstrap=BOOTSTRAP), "all", "pooled")
        assert found.ci_high - found.ci_low < 0.5 * (alone["ci_high"] - alone["ci_low"])

    def test_exchanged_sides_have_the_opposite_difference_and_the_same_p(self) -> None:
        values, images = study(runs=1)
        base = perturbed(values, 1.0)
        one = compare_correlations(values, base, images, target="score", bootstrap=BOOTSTRAP)
        two = compare_correlations(base, values, images, target="score", bootstrap=BOOTSTRAP)
        assert one.difference == -two.difference
        assert (one.ci_low, one.ci_high) == pytest.approx((-two.ci_high, -two.ci_low))
        assert one.p == two.p

    def test_equal_values_differ_by_nothing(self) -> None:
        values, images = study(runs=1)
        found = compare_correlations(values, values, images, target="score", bootstrap=BOOTSTRAP)
        assert (found.difference, found.ci_low, found.ci_high, found.p) == (0, 0, 0, 1)
        clustered = images.assign(subcategory=[f"s{k % 15:02d}" for k in range(len(images))])
        found = compare_correlations(values, values, clustered, target="score", bootstrap=BOOTSTRAP)
        assert (found.difference, found.ci_low, found.ci_high, found.p) == (0, 0, 0, 1)

    def test_of_ten_subcategories_these_are_drawn_and_of_several_runs_they(self) -> None:
        values, images = study(200, runs=2)
        images["subcategory"] = [f"s{k // 12:02d}" for k in range(200)]
        base = perturbed(values, 1.0)
        found = compare_correlations(values, base, images, target="score", bootstrap=BOOTSTRAP)
        assert found.unit == "subcategories and seeds"
        assert (found.seeds, found.base_seeds) == (2, 1)
        by_run = [
            stats.spearmanr(run["value"], images["score"]).statistic
            for _, run in values.groupby("seed")
        ]
        assert found.r_seed_sd == pytest.approx(np.std(by_run, ddof=1))
        assert np.isnan(found.base_r_seed_sd)
        alone = compare_correlations(
            values[values["seed"] == "0"], base, images, target="score", bootstrap=BOOTSTRAP
        )
        assert alone.unit == "subcategories"
        assert alone.ci_method == "bootstrap standard error (t, 50 degrees of freedom)"

    def test_two_protocols_that_are_the_same_differ_rarely_though_seeds_move_them(self) -> None:
        # Each run moves along the score, as the audit's runs along a property of the images do.
        rng, claimed = np.random.default_rng(2), np.zeros(2)
        ids = [f"{k:03d}" for k in range(150)]
        for number in range(80):
            y, shared = rng.normal(size=(2, 150))
            images = pd.DataFrame({"image_id": ids, "category": "a", "subcategory": "", "score": y})
            both = [
                pd.concat(
                    [
                        pd.DataFrame(
                            {"image_id": ids, "seed": str(seed),
                             "value": 0.1 * rng.normal() * y + shared + 0.2 * rng.normal(size=150)}
                        )
                        for seed in range(4)
                    ]
                )
                for _ in range(2)
            ]  # fmt: skip
            quick: dict[str, Any] = {"target": "score", "bootstrap": Bootstrap(150, 0.95, number)}
            claimed[0] += compare_correlations(*both, images, **quick).p < 0.05
            first = [each[each["seed"] == "0"] for each in both]
            claimed[1] += compare_correlations(*first, images, **quick).p < 0.05
        assert claimed[0] <= 10  # 4 expected, three standard errors are 6
        assert claimed[1] >= 20

    def test_images_that_one_side_lacks_are_left_out(self) -> None:
        values, images = study()
        fewer = values[values["image_id"] != "image007"]
        found = compare_correlations(values, fewer, images, target="score", bootstrap=BOOTSTRAP)
        assert found.n == 59
        assert found.difference == 0
        assert found.r == pytest.approx(
            row(correlate(fewer, images, target="score", bootstrap=BOOTSTRAP), "all", "pooled")["r"]
        )

    @pytest.mark.parametrize(
        ("value", "reason"),
        [(1.0, "undefined (constant values)"), (np.nan, "undefined (non-finite values)")],
    )
    def test_an_undefined_correlation_is_said_to_be_so(self, value: float, reason: str) -> None:
        values, images = study()
        found = compare_correlations(
            values, values.assign(value=value), images, target="score", bootstrap=BOOTSTRAP
        )
        assert np.isnan([found.difference, found.ci_low, found.ci_high, found.p]).all()
        assert found.ci_method == reason

    def test_few_images_have_a_difference_and_no_interval(self) -> None:
        values, images = study(9, categories=1)
        found = compare_correlations(
            values, perturbed(values, 1.0), images, target="score", bootstrap=BOOTSTRAP
        )
        assert np.isfinite(found.difference)
        assert np.isnan([found.ci_low, found.ci_high, found.p]).all()
        assert found.ci_method == "none (n < 10)"

    def test_a_true_null_is_rejected_about_as_often_as_stated(self) -> None:
        rng = np.random.default_rng(0)
        rejected = 0
        for _ in range(120):
            y = rng.normal(size=60)
            images = pd.DataFrame(
                {"image_id": range(60), "category": "a", "subcategory": "", "score": y}
            )
            pair = [
                pd.DataFrame({"image_id": range(60), "seed": "0", "value": y + rng.normal(size=60)})
                for _ in range(2)
            ]
            rejected += (
                compare_correlations(*pair, images, target="score", bootstrap=BOOTSTRAP).p < 0.1
            )
        # 12 expected; 99.9 % of binomial counts lie between 3 and 24.
        assert 3 <= rejected <= 24
