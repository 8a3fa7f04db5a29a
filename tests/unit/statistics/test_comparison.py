"""Comparisons of correlations, against SciPy and simulation."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from memorability.base.seeding import numpy_stream
from memorability.statistics.comparison import compare_correlations
from memorability.statistics.intervals import Bootstrap
from tests.correlated import correlate, row, study

FloatArray = NDArray[np.float64]
BOOTSTRAP = Bootstrap(draws=200, confidence=0.95, seed=3)


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
