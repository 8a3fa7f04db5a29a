"""Comparisons of correlations, against SciPy and simulation."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats

from memorability.base.seeding import numpy_stream
from memorability.statistics.comparison import compare_correlations, given_controls
from memorability.statistics.intervals import Bootstrap, image_weights
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


# What is left given a control


def beside(n: int = 60, seed: int = 0, *, own: float = 1.0) -> tuple[pd.DataFrame, ...]:
    """Return values, a control and images; `own` is what values have of the score beside it."""
    stream = np.random.default_rng(seed)
    ids = [f"i{place:03d}" for place in range(n)]
    shared, rest = stream.normal(size=(2, n))
    labels = {"category": [f"c{k % 3}" for k in range(n)], "subcategory": ""}
    images = pd.DataFrame({"image_id": ids, "score": shared + rest, **labels})
    images["score"] += stream.normal(size=n)

    def table(values: np.ndarray, run: str) -> pd.DataFrame:
        return pd.DataFrame({"image_id": ids, "value": values, "seed": run})

    values = pd.concat(
        [table(shared + own * rest + 0.3 * stream.normal(size=n), str(run)) for run in (0, 1)]
    )
    control = pd.concat([table(shared + 0.3 * stream.normal(size=n), str(run)) for run in (0, 1)])
    return values, control, images


def of_seed(table: pd.DataFrame, seed: str) -> pd.DataFrame:
    return table[table["seed"] == seed]


def given(values: pd.DataFrame, control: pd.DataFrame, images: pd.DataFrame, **how: Any) -> Any:
    bootstrap = Bootstrap(draws=200, confidence=0.95, seed=0, **how)
    table = given_controls(values, {"c": control}, images, target="score", bootstrap=bootstrap)
    return table.set_index("method")


@pytest.mark.parametrize("method", ["pooled", "partial"])
def test_what_is_left_and_its_p_are_those_of_a_regression_of_ranks(method: str) -> None:
    values, control, images = beside()
    row = given(of_seed(values, "0"), of_seed(control, "0"), images).loc[method]
    x, c, y = (
        stats.rankdata(each)
        for each in (of_seed(values, "0")["value"], of_seed(control, "0")["value"], images["score"])
    )
    labels = pd.get_dummies(images["category"], drop_first=True, dtype=float).to_numpy()
    known = np.column_stack([np.ones(len(x)), *([] if method == "pooled" else labels.T)])
    fitted = sm.OLS(y, np.column_stack([known, c, x])).fit()
    t, freedom = fitted.tvalues[-1], fitted.df_resid
    assert row["given_control_r"] == pytest.approx(t / np.sqrt(t**2 + freedom), abs=1e-12)
    assert row["p"] == pytest.approx(fitted.pvalues[-1], rel=1e-9)
    rest = [each - known @ np.linalg.lstsq(known, each, rcond=None)[0] for each in (x, c, y)]
    expected = np.corrcoef(rest)
    assert row["r"] == pytest.approx(expected[0, 2])
    assert row["control_r"] == pytest.approx(expected[1, 2])
    assert row["agreement"] == pytest.approx(expected[0, 1])
    assert row["difference"] == pytest.approx(row["r"] - row["control_r"])
    assert (row["seeds"], row["n"], row["unit"]) == (1, 60, "images")


def test_intervals_over_images_rank_every_resample_anew() -> None:
    values, control, images = beside()
    values, control = of_seed(values, "0"), of_seed(control, "0")
    row = given(values, control, images).loc["pooled"]
    table = np.column_stack([values["value"], control["value"], images["score"]])
    bootstrap = Bootstrap(draws=200, confidence=0.95, seed=0)
    left, difference = [], []
    for weights in np.concatenate(list(image_weights(60, bootstrap)), axis=1).T:
        r = stats.spearmanr(np.repeat(table, weights, axis=0)).statistic
        difference.append(r[0, 2] - r[1, 2])
        rest = np.sqrt((1 - r[1, 2] ** 2) * (1 - r[0, 1] ** 2))
        left.append((r[0, 2] - r[1, 2] * r[0, 1]) / rest)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(np.percentile(left, [2.5, 97.5]))
    bounds = (row["difference_ci_low"], row["difference_ci_high"])
    assert bounds == pytest.approx(np.percentile(difference, [2.5, 97.5]))


def test_seeds_are_paired_and_a_single_control_stands_beside_all() -> None:
    values, control, images = beside()
    alone = [
        given(of_seed(values, seed), of_seed(control, seed), images).loc["pooled"] for seed in "01"
    ]
    both = given(values, control, images).loc["pooled"]
    for name in ("r", "control_r", "agreement", "given_control_r", "difference"):
        assert both[name] == pytest.approx(np.mean([row[name] for row in alone]))
    assert (both["seeds"], both["unit"]) == (2, "images and seeds")
    assert both["ci_low"] < both["given_control_r"] < both["ci_high"]
    single = of_seed(control, "1").assign(seed="")
    crossed = given(of_seed(values, "0"), single, images).loc["pooled"]["given_control_r"]
    shared = given(values, single, images).loc["pooled"]
    assert shared["given_control_r"] == pytest.approx(
        np.mean([crossed, alone[1]["given_control_r"]])
    )
    # A seed that one of the two lacks has no partner.
    assert given(of_seed(values, "1"), control, images).loc["pooled"]["seeds"] == 1


def test_nothing_is_left_of_what_the_control_says_and_all_of_what_it_does_not() -> None:
    _, control, images = beside(n=400)
    noise = np.random.default_rng(1).normal(size=len(control))
    found = given(control.assign(value=control["value"] + noise), control, images).loc["pooled"]
    assert found["r"] > 0.3
    assert found["ci_low"] < 0 < found["ci_high"]
    assert found["difference"] < 0, "noise makes it weaker than the control"
    found = given(*beside(n=400, own=1.0)).loc["pooled"]
    assert found["ci_low"] > 0.3
    assert found["difference_ci_low"] > 0


def test_ten_subcategories_are_drawn_whole() -> None:
    values, control, images = beside()
    images["subcategory"] = [f"s{k % 15:02d}" for k in range(60)]
    found = given(values, control, images)
    assert set(found["unit"]) == {"subcategories and seeds"}
    assert found["ci_method"].str.startswith("bootstrap standard error (t").all()
    assert found["not_tested"].tolist() == [
        "chance differences between 3 categories, too few for any method", "",
    ]  # fmt: skip


def test_what_cannot_be_told_is_said() -> None:
    values, control, images = beside()
    same = given(values, values, images)
    assert same["given_control_r"].isna().all()
    assert set(same["ci_method"]) == {"undefined (the control ranks images as the value does)"}
    constant = given(values, control.assign(value=0.5), images)
    assert set(constant["ci_method"]) == {"undefined (constant values)"}
    few = given(*(each[each["image_id"] < "i006"] for each in (values, control, images)))
    assert few["given_control_r"].notna().all()
    assert few["ci_low"].isna().all()
    assert set(few["ci_method"]) == {"none (n < 10)"}
    one = given(values, control, images.assign(category="all"))
    assert list(one.index) == ["pooled"]
