"""Correlations taken apart, against SciPy, pingouin, statsmodels and hand computation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pingouin
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from memorability.base.seeding import numpy_stream
from memorability.statistics import decomposition
from memorability.statistics.decomposition import DETAILS, HOLDS_FOR, pooled_correlation
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.rank_correlation import bootstrap_spearman, spearman
from tests.correlated import correlate, row, study

FloatArray = NDArray[np.float64]
COLUMNS = [
    "target", "group", "method", "n", "seeds", "r", "r_seed_sd", "ci_low", "ci_high", "ci_method",
    "p", *HOLDS_FOR,
]  # fmt: skip
BOOTSTRAP = Bootstrap(draws=200, confidence=0.95, seed=3)
QUICK: dict[str, Any] = {"target": "score", "bootstrap": BOOTSTRAP}


class TestCorrelate:
    def test_rows_and_columns(self) -> None:
        table = correlate(*study(), **QUICK)
        assert list(table.columns) == COLUMNS
        assert list(zip(table["group"], table["method"], strict=True)) == [
            ("all", "pooled"), ("c0", "within"), ("c1", "within"), ("c2", "within"),
            ("all", "partial"),
        ]  # fmt: skip
        assert list(table["n"]) == [60, 20, 20, 20, 60]
        assert set(table["seeds"]) == {2}
        assert set(table["target"]) == {"score"}

    def test_each_row_is_the_bootstrap_of_its_images(self) -> None:
        values, images = study()
        table = correlate(values, images, **QUICK)
        x = values["value"].to_numpy().reshape(2, 60)
        y = images["score"].to_numpy()
        for group, method, chosen in [
            ("all", "pooled", np.full(60, fill_value=True)),
            ("c1", "within", (images["category"] == "c1").to_numpy()),
        ]:
            found = row(table, group, method)
            expected = bootstrap_spearman(x[:, chosen], y[chosen], BOOTSTRAP)
            figures = [found[c] for c in ("r", "ci_images_low", "ci_images_high", "p_images")]
            assert figures == [expected.r, expected.ci_low, expected.ci_high, expected.p]
            by_run = [spearman(run[chosen], y[chosen]) for run in x]
            assert found["r_seed_sd"] == pytest.approx(np.std(by_run, ddof=1))

    def test_partial_agrees_with_pingouin(self) -> None:
        values, images = study(runs=1)
        dummies = pd.get_dummies(images["category"], dtype=float).iloc[:, 1:]
        data = pd.concat([images, values[["value"]], dummies], axis=1)
        expected = pingouin.partial_corr(
            data, x="value", y="score", covar=list(dummies.columns), method="spearman"
        )
        table = correlate(values, images, **QUICK)
        found = row(table, "all", "partial")
        assert found["r"] == pytest.approx(float(expected["r"].iloc[0]), abs=1e-10)
        p_column = next(c for c in expected.columns if c.startswith("p"))
        assert found["p"] == pytest.approx(float(expected[p_column].iloc[0]), rel=1e-6)
        assert found["r"] < row(table, "all", "pooled")["r"] - 0.2

    def test_partial_by_hand(self) -> None:
        # Ranks of x 1 2 | 3 5 4 and of y 2 1 | 4 5 3; less their category's mean (1.5 | 4 and
        # 1.5 | 4) they are -.5 .5 | -1 1 0 and .5 -.5 | 0 1 -1: covariance .5, squares 2.5, 2.5.
        ids = list("abcde")
        images = pd.DataFrame(
            {
                "image_id": ids,
                "category": list("ppqqq"),
                "subcategory": "",
                "score": [2.0, 1.0, 4.0, 5.0, 3.0],
            }
        )
        values = pd.DataFrame({"image_id": ids, "value": [1.0, 2.0, 3.0, 9.0, 7.0], "seed": "0"})
        found = row(correlate(values, images, **QUICK), "all", "partial")
        assert found["r"] == pytest.approx(0.2)
        # Five images tell nothing of chance.
        assert np.isnan(found["p"])
        assert found["ci_method"] == "none (n < 10)"

    def test_partial_interval_ranks_and_residualises_each_resample(self) -> None:
        values, images = study(24, runs=1)
        x, y = values["value"].to_numpy(), images["score"].to_numpy()
        category = images["category"]
        rng = numpy_stream(3, "bootstrap")
        drawn = []
        for chosen in rng.integers(0, 24, (200, 24)):
            ranks = pd.DataFrame(stats.rankdata([x[chosen], y[chosen]], axis=-1).T)
            groups = ranks.groupby(category.to_numpy()[chosen])
            residuals = (ranks - groups.transform("mean")).to_numpy()
            drawn.append(stats.pearsonr(residuals[:, 0], residuals[:, 1]).statistic)
        found = row(correlate(values, images, **QUICK), "all", "partial")
        expected = np.quantile(drawn, [0.025, 0.975])
        assert [found["ci_low"], found["ci_high"]] == pytest.approx(list(expected), abs=1e-10)

    def test_one_category_has_no_partial_and_one_seed_no_spread(self) -> None:
        table = correlate(*study(runs=1, categories=1), **QUICK)
        assert list(table["method"]) == ["pooled", "within"]
        assert table["r_seed_sd"].isna().all()
        assert table["r"].notna().all()

    def test_order_of_rows_changes_nothing(self) -> None:
        values, images = study()
        table = correlate(values, images, **QUICK)
        shuffled = correlate(
            values.sample(frac=1, random_state=1),
            images.sample(frac=1, random_state=2),
            **QUICK,
        )
        pd.testing.assert_frame_equal(shuffled, table, check_exact=True)

    def test_images_without_values_are_left_out(self) -> None:
        values, images = study()
        some = values[values["image_id"] < "image030"]
        table = correlate(some, images, **QUICK)
        assert list(table["n"]) == [30, 10, 10, 10, 30]
        assert table["r"].notna().all()

    def test_small_groups_do_not_stop_a_study(self) -> None:
        values, images = study()
        images["category"] = ["pair"] * 2 + ["few"] * 9 + ["many"] * 49
        table = correlate(values, images, **QUICK)
        assert row(table, "few", "within")["ci_method"] == "none (n < 10)"
        assert np.isfinite(row(table, "few", "within")["r"])
        pair = row(table, "pair", "within")
        assert pair["ci_method"] == "undefined (too few images)"
        assert np.isnan([pair["r"], pair["p"], pair["ci_low"], pair["r_seed_sd"]]).all()
        assert pair["n"] == 2

    def test_constant_groups_are_undefined_alone(self) -> None:
        values, images = study()
        values.loc[
            values["image_id"].isin(images["image_id"][images["category"] == "c1"]), "value"
        ] = 7
        table = correlate(values, images, **QUICK)
        constant = row(table, "c1", "within")
        assert constant["ci_method"] == "undefined (constant values)"
        assert np.isnan([constant["r"], constant["p"], constant["ci_low"]]).all()
        assert table.loc[table["group"] != "c1", "r"].notna().all()

    def test_values_that_only_tell_categories_apart_have_no_partial(self) -> None:
        values, images = study()
        values["value"] = [float(c[1]) / 3 for c in images["category"]] * 2
        found = row(correlate(values, images, **QUICK), "all", "partial")
        assert found["ci_method"] == "undefined (constant values)"
        assert np.isnan(found["r"])

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_a_diverged_run_leaves_rows_that_say_so(self, bad: float) -> None:
        values, images = study()
        values.loc[0, "value"] = bad  # image000 of category c0, seed 0
        table = correlate(values, images, **QUICK)
        for group, method in [("all", "pooled"), ("c0", "within"), ("all", "partial")]:
            found = row(table, group, method)
            assert found["ci_method"] == "undefined (non-finite values)"
            assert np.isnan([found["r"], found["ci_high"], found["r_seed_sd"], found["p"]]).all()
        assert np.isfinite(row(table, "c1", "within")["r"])

    def test_constant_resamples_leave_the_correlation_without_interval(self) -> None:
        values, images = study(12, runs=1, categories=1)
        values["value"] = np.eye(12)[3]
        images["score"] = np.eye(12)[5]
        found = row(correlate(values, images, **QUICK), "all", "pooled")
        assert found["ci_method"] == "undefined (constant resamples)"
        assert np.isnan(found["ci_low"])
        assert found["r"] == pytest.approx(-1 / 11)
        assert found["p"] == pytest.approx(stats.spearmanr(np.eye(12)[3], np.eye(12)[5]).pvalue)

    def test_refuses_seeds_with_different_images(self) -> None:
        values, images = study()
        with pytest.raises(ValueError, match="'image007' has values of 1 of 2 seeds"):
            correlate(values.drop(index=7), images, **QUICK)

    def test_refuses_unknown_images(self) -> None:
        values, images = study()
        with pytest.raises(ValueError, match=r"'image059'.*image table lacks"):
            correlate(values, images.iloc[:-1], **QUICK)

    def test_refuses_repeated_rows(self) -> None:
        values, images = study()
        with pytest.raises(
            ValueError, match="table of values repeats seed '0', image_id 'image000'"
        ):
            correlate(pd.concat([values, values.iloc[:1]]), images, **QUICK)
        with pytest.raises(ValueError, match="table of images repeats image_id 'image000'"):
            correlate(values, pd.concat([images, images.iloc[:1]]), **QUICK)

    @pytest.mark.parametrize("column", ["score", "category"])
    def test_refuses_missing_scores_and_categories(self, column: str) -> None:
        values, images = study()
        images[column] = images[column].where(images["image_id"] != "image004")
        with pytest.raises(ValueError, match=r"'image004'.*finite score and a category"):
            correlate(values, images, **QUICK)

    def test_refuses_missing_columns_and_empty_tables(self) -> None:
        values, images = study()
        with pytest.raises(ValueError, match=r"images .*lacks the columns \['hits'\]"):
            correlate(values, images, **(QUICK | {"target": "hits"}))
        with pytest.raises(ValueError, match="values has 0 rows"):
            correlate(values.iloc[:0], images, **QUICK)


def divided(n: int = 240, *, runs: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A study of 3 categories of 4 subcategories that shift values and scores as well."""
    values, images = study(n, runs=runs)
    number = np.arange(n) // 3 % 4
    images["subcategory"] = [f"s{k}" for k in number]
    shift = np.asarray([0.0, 0.7, 0.2, 1.1])[number]
    images["score"] += shift
    values["value"] += np.tile(shift, runs)
    return values, images


def images_of_few_subcategories() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A study of 3 categories of 2 subcategories."""
    values, images = divided()
    return values, images.assign(subcategory=images["subcategory"].isin(["s0", "s1"]).astype(str))


def ranks_of(values: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """The images with centred ranks x and y of one run's values and of the scores."""
    x, y = (stats.rankdata(v) - (len(images) + 1) / 2 for v in (values["value"], images["score"]))
    return images.assign(x=x, y=y, both=images["category"] + images["subcategory"])


class TestDetails:
    def test_rows_and_columns(self) -> None:
        table = correlate(*divided(), detailed=True, **QUICK)
        assert list(table.columns) == [*COLUMNS, *DETAILS]
        levels = ("category", "subcategory")
        assert list(zip(table["group"], table["method"], strict=True)) == [
            ("all", "pooled"), *[(f"c{k}", "within") for k in range(3)], ("all", "partial"),
            ("all", "partial_subcategory"), ("all", "mean_within"),
            *[("all", f"{kind}_{level}") for level in levels for kind in ("between", "part_between")],
            *[(f"c{k}", "without") for k in range(3)],
        ]  # fmt: skip
        assert list(table["n"]) == [240, 80, 80, 80, *[240] * 7, *[160] * 3]
        assert list(table["clusters"]) == [12, 4, 4, 4, *[12] * 7, *[8] * 3]
        strata = table.set_index("method")["strata"].dropna()
        assert strata.to_dict() == {
            "partial": 3, "partial_subcategory": 12, "mean_within": 3, "between_category": 3,
            "part_between_category": 3, "between_subcategory": 12, "part_between_subcategory": 12,
        }  # fmt: skip

    def test_rows_that_every_run_has_are_the_same_with_and_without_details(self) -> None:
        values, images = divided(runs=2)
        plain = correlate(values, images, **QUICK)
        detailed = correlate(values, images, detailed=True, **QUICK)
        # Images are drawn beside subcategories where a study goes into details alone.
        of_images = [name for name in COLUMNS if name.startswith("ci_images")]
        shown = [name for name in COLUMNS if name not in of_images]
        found = detailed.iloc[: len(plain)]
        pd.testing.assert_frame_equal(found[shown], plain[shown], rtol=1e-13)
        assert set(plain.loc[plain["unit"] == "subcategories and seeds", "ci_images_method"]) == {
            "none (images are drawn of selected models alone)"
        }
        same = plain["unit"] == "images and seeds"
        pd.testing.assert_frame_equal(
            found.loc[same, of_images], plain.loc[same, of_images], rtol=1e-13
        )

    @pytest.mark.parametrize(
        ("method", "labels"), [("partial", "category"), ("partial_subcategory", "both")]
    )
    def test_partials_agree_with_pingouin(self, method: str, labels: str) -> None:
        values, images = divided()
        data = ranks_of(values, images)
        dummies = pd.get_dummies(data[labels], dtype=float).iloc[:, 1:]
        expected = pingouin.partial_corr(
            pd.concat([data, dummies], axis=1), x="x", y="y", covar=list(dummies.columns)
        )
        found = row(correlate(values, images, detailed=True, **QUICK), "all", method)
        assert found["r"] == pytest.approx(float(expected["r"].iloc[0]), abs=1e-10)
        p_column = next(c for c in expected.columns if c.startswith("p"))
        assert found["p_images"] == pytest.approx(float(expected[p_column].iloc[0]), rel=1e-6)

    @pytest.mark.parametrize(
        ("level", "labels"), [("category", "category"), ("subcategory", "both")]
    )
    def test_between_agrees_with_statsmodels_weighted_correlation(
        self, level: str, labels: str
    ) -> None:
        values, images = divided()
        # Unequal sizes, so that weights count.
        images, values = images.iloc[:-35], values.iloc[:-35]
        data = ranks_of(values, images)
        means = data.groupby(labels)[["x", "y"]].agg("mean")
        sizes = data.groupby(labels).size()
        weighted = sm.stats.DescrStatsW(means, weights=sizes)
        table = correlate(values, images, detailed=True, **QUICK)
        found = row(table, "all", f"between_{level}")
        assert found["r"] == pytest.approx(weighted.corrcoef[0, 1], abs=1e-12)
        k = len(sizes)
        t = found["r"] * np.sqrt((k - 2) / (1 - found["r"] ** 2))
        expected = 2 * stats.t.sf(abs(t), k - 2) if k >= 10 else np.nan
        assert found["p"] == pytest.approx(expected, nan_ok=True)
        part = (sizes * means["x"] * means["y"]).sum() / np.sqrt(
            (data[["x", "y"]] ** 2).sum().prod()
        )
        assert row(table, "all", f"part_between_{level}")["r"] == pytest.approx(part, abs=1e-12)

    def test_parts_add_up_to_the_pooled_correlation(self) -> None:
        values, images = divided()
        data = ranks_of(values, images)
        left = data[["x", "y"]] - data.groupby("category")[["x", "y"]].transform("mean")
        within = left.prod(axis=1).sum() / np.sqrt((data[["x", "y"]] ** 2).sum().prod())
        table = correlate(values, images, detailed=True, **QUICK)
        between = row(table, "all", "part_between_category")
        assert between["r"] + within == pytest.approx(row(table, "all", "pooled")["r"], abs=1e-12)
        assert np.isnan(between["p"])

    def test_mean_within_is_the_mean_of_the_categories_that_have_a_correlation(self) -> None:
        values, images = divided()
        flat = images["category"] == "c1"
        images.loc[flat, "score"] = 1.0
        table = correlate(values, images, detailed=True, **QUICK)
        found = row(table, "all", "mean_within")
        expected = [row(table, name, "within")["r"] for name in ("c0", "c2")]
        assert found["r"] == pytest.approx(np.mean(expected))
        assert (found["n"], found["strata"]) == (160, 2)
        assert found["p_images"] == pytest.approx(
            2 * stats.norm.sf(abs(found["r"]) / np.sqrt((1 / 79 + 1 / 79) / 4))
        )

    def test_without_a_category_is_the_pooled_correlation_of_the_others(self) -> None:
        values, images = divided(runs=2)
        others = images[images["category"] != "c1"]
        table = correlate(values, images, detailed=True, **QUICK)
        left = values[values["image_id"].isin(others["image_id"])]
        expected = row(correlate(left, others, detailed=True, **QUICK), "all", "pooled")
        found = row(table, "c1", "without")
        columns = ["n", "r", "r_seed_sd", "ci_low", "ci_high", "p", "ci_bca_low", "ci_images_low"]
        assert found[columns].to_dict() == pytest.approx(expected[columns].to_dict(), nan_ok=True)

    def test_bca_is_scipys_of_the_same_resamples(self) -> None:
        values, images = divided(60)
        x, y = values["value"].to_numpy(), images["score"].to_numpy()
        category = images["category"].to_numpy()

        def partial(rows: FloatArray) -> float:
            ranks = pd.DataFrame(stats.rankdata([x[rows], y[rows]], axis=-1).T)
            left = ranks - ranks.groupby(category[rows]).transform("mean")
            return float(np.corrcoef(left.T)[0, 1])

        expected = stats.bootstrap(
            (np.arange(60),), partial, n_resamples=200, method="BCa", vectorized=False,
            rng=numpy_stream(3, "bootstrap"),
        ).confidence_interval  # fmt: skip
        found = row(correlate(values, images, detailed=True, **QUICK), "all", "partial")
        bounds = [found["ci_bca_low"], found["ci_bca_high"]]
        assert bounds == pytest.approx(list(expected), abs=1e-10)
        assert found["ci_bca_method"] == "BCa"

    def test_of_ten_subcategories_all_images_of_one_are_drawn_together(self) -> None:
        values, images = divided()
        images, values = images.iloc[:-20], values.iloc[:-20]
        x, y = values["value"].to_numpy(), images["score"].to_numpy()
        both = images["category"] + images["subcategory"]
        members = [np.flatnonzero(both == name) for name in sorted(both.unique())]
        drawn = []
        for chosen in numpy_stream(3, "cluster bootstrap").integers(0, 12, (200, 12)):
            rows = np.concatenate([members[k] for k in chosen])
            drawn.append(stats.spearmanr(x[rows], y[rows]).statistic)
        found = row(correlate(values, images, detailed=True, **QUICK), "all", "pooled")
        # Of 12 subcategories the spread has 11 degrees of freedom.
        error = np.std(np.arctanh(drawn), ddof=0) * np.sqrt(12 / 11)
        z = np.arctanh(found["r"])
        expected = np.tanh(z + np.array([-1, 1]) * stats.t.ppf(0.975, 11) * error)
        assert [found["ci_low"], found["ci_high"]] == pytest.approx(list(expected), abs=1e-12)
        assert found["p"] == pytest.approx(2 * stats.t.sf(z / error, 11))
        assert found["ci_method"] == "bootstrap standard error (t, 11 degrees of freedom)"
        assert (found["unit"], found["clusters"]) == ("subcategories", 12)
        assert found["p_images"] == pytest.approx(stats.spearmanr(x, y).pvalue)

    def test_resamples_keep_what_the_design_fixed(self) -> None:
        values, images = divided()
        fixed = QUICK | {"bootstrap": replace(BOOTSTRAP, by_category=True)}
        table = correlate(values, images, detailed=True, **fixed)
        drawn = correlate(values, images, detailed=True, **QUICK)
        pooled, other = (row(each, "all", "pooled") for each in (table, drawn))
        # Categories shift both variables: whether they vary in size and number widens the interval.
        for kind in ("ci", "ci_images"):
            widths = [each[f"{kind}_high"] - each[f"{kind}_low"] for each in (pooled, other)]
            assert widths[0] < widths[1]
        assert set(table["images_per_category"]) == {"fixed"}
        assert set(drawn["images_per_category"]) == {"drawn"}
        assert pooled["ci_method"] == "bootstrap standard error (t, 9 degrees of freedom)"
        columns = ["ci_low", "ci_high", "p"]
        same = [row(each, "c1", "within")[columns].to_list() for each in (table, drawn)]
        assert same[0] == same[1]

    def test_several_categories_are_not_what_a_pooled_correlation_is_tested_against(self) -> None:
        table = correlate(*divided(), detailed=True, **QUICK).set_index(["group", "method"])
        untested = table["not_tested"]
        assert untested["all", "pooled"] == (
            "chance differences between 3 categories, too few for any method"
        )
        assert untested["c0", "without"].startswith("chance differences between 2 categories")
        assert untested["all", "partial"] == untested["c0", "within"] == ""

    def test_runs_are_drawn_beside_the_units(self) -> None:
        values, images = divided(runs=3)
        table = correlate(values, images, detailed=True, **QUICK)
        assert row(table, "all", "pooled")["unit"] == "subcategories and seeds"
        found = row(table, "c1", "within")
        assert found["unit"] == "images and seeds"
        chosen = (images["category"] == "c1").to_numpy()
        x = values["value"].to_numpy().reshape(3, -1)[:, chosen]
        y = images["score"].to_numpy()[chosen]
        rows = numpy_stream(3, "bootstrap").integers(0, 80, (200, 80))
        runs = numpy_stream(3, "seed bootstrap").integers(0, 3, (200, 2))
        by_run = np.array(
            [[stats.spearmanr(run[each], y[each]).statistic for each in rows] for run in x]
        )
        two_way = [np.mean(by_run[drawn, k]) for k, drawn in enumerate(runs)]
        units, both = (np.var(np.arctanh(each)) for each in (by_run.mean(axis=0), two_way))
        added = both - units
        variance = units * 80 / 79 + added
        freedom = variance**2 / ((units * 80 / 79) ** 2 / 79 + added**2 / 2)
        z = np.arctanh(found["r"])
        assert found["p"] == pytest.approx(2 * stats.t.sf(z / np.sqrt(variance), freedom))
        reach = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
        assert found["ci_high"] == pytest.approx(np.tanh(z + reach))
        pairs = [stats.spearmanr(x[a], x[b]).statistic for a, b in ((0, 1), (0, 2), (1, 2))]
        assert found["seed_agreement"] == pytest.approx(np.mean(pairs))
        one = correlate(values[values["seed"] == "0"], images, **QUICK)
        assert one["seed_agreement"].isna().all()

    def test_means_of_subcategories_have_no_interval_over_images(self) -> None:
        table = correlate(*divided(), detailed=True, **QUICK)
        for method in ("between_subcategory", "part_between_subcategory"):
            found = row(table, "all", method)
            assert found["ci_images_method"] == "none (subcategories are drawn, not images)"
            assert np.isnan([found["ci_images_low"], found["ci_bca_high"]]).all()
            assert found["ci_low"] < found["r"] < found["ci_high"]
        few = images_of_few_subcategories()
        found = row(correlate(*few, detailed=True, **QUICK), "all", "between_subcategory")
        assert found["ci_method"] == "none (subcategories are drawn, not images)"

    def test_few_subcategories_or_none_leave_images_as_the_unit(self) -> None:
        values, images = divided()
        table = correlate(values, images, detailed=True, **QUICK)
        found = row(table, "c0", "within")
        assert (found["unit"], found["clusters"]) == ("images", 4)
        columns = ["low", "high", "method"]
        assert [found[f"ci_{c}"] for c in columns] == [found[f"ci_images_{c}"] for c in columns]
        assert found["p"] == found["p_images"]
        table = correlate(values, images.assign(subcategory=""), detailed=True, **QUICK)
        assert set(table["unit"]) == {"images"}
        assert table["clusters"].isna().all()
        assert not table["method"].str.contains("subcategory").any()

    def test_means_of_categories_have_the_interval_over_subcategories_or_none(self) -> None:
        values, images = divided()
        found = row(correlate(values, images, detailed=True, **QUICK), "all", "between_category")
        assert found["unit"] == "subcategories"
        assert found["ci_low"] <= found["r"] <= found["ci_high"]
        bounds = ["ci_images_low", "ci_images_high", "ci_bca_low", "ci_bca_high"]
        assert np.isnan([found[name] for name in bounds]).all()
        few = correlate(*images_of_few_subcategories(), detailed=True, **QUICK)
        found = row(few, "all", "between_category")
        assert found["unit"] == "images"
        assert np.isnan([found[name] for name in ("ci_low", "ci_high", *bounds)]).all()
        assert found["ci_method"].startswith("none (images do not tell")
        assert np.isfinite(row(few, "all", "part_between_category")["ci_low"])

    def test_two_categories_have_no_correlation_between_and_one_has_no_parts(self) -> None:
        values, images = divided()
        two = images.assign(category=images["category"].replace("c2", "c1"))
        table = correlate(values, two, detailed=True, **QUICK)
        found = row(table, "all", "between_category")
        assert found["ci_method"] == "undefined (fewer than 3 groups)"
        assert np.isnan([found["r"], found["p"]]).all()
        assert np.isfinite(row(table, "all", "part_between_category")["r"])
        assert "without" not in set(table["method"])
        table = correlate(values, images.assign(category="c"), detailed=True, **QUICK)
        assert list(table["method"]) == [
            "pooled", "within", "partial_subcategory", "between_subcategory",
            "part_between_subcategory",
        ]  # fmt: skip

    def test_subcategories_of_single_images_divide_nothing(self) -> None:
        values, images = divided(60)
        images["subcategory"] = images["image_id"]
        table = correlate(values, images, detailed=True, **QUICK)
        assert not table["method"].str.contains("subcategory").any()

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**32), st.integers(12, 60))
    def test_monotone_transforms_change_nothing_and_intervals_hold_r(
        self, seed: int, n: int
    ) -> None:
        rng = np.random.default_rng(seed)
        images = pd.DataFrame(
            {
                "image_id": [f"{k:02d}" for k in range(n)],
                "category": rng.choice(["a", "b", "c"], n),
                "subcategory": rng.choice(["p", "q"], n),
                "score": rng.integers(0, 9, n) / 8,
            }
        )
        values = images[["image_id"]].assign(value=rng.normal(size=n), seed="0")
        quick = QUICK | {"bootstrap": replace(BOOTSTRAP, draws=60)}
        table = correlate(values, images, detailed=True, **quick)
        other = correlate(
            values.assign(value=np.exp(values["value"])),
            images.assign(score=images["score"] ** 3),
            detailed=True,
            **quick,
        )
        pd.testing.assert_frame_equal(other, table)
        assert table["r"].abs().max() <= 1
        pooled = table.iloc[0]
        assert pooled["ci_low"] <= pooled["r"] <= pooled["ci_high"]


def test_the_interval_over_subcategories_covers_the_truth_where_that_over_images_does_not() -> None:
    # Two shifts of a subcategory's mean that correlate at 0.5 are all that its images share.
    rng, truth, covered = np.random.default_rng(5), 6 / np.pi * np.arcsin(0.5 * 0.5 / 2), [0, 0]
    subcategory = np.repeat([f"s{k:02d}" for k in range(40)], 8)
    ids = [f"{k:03d}" for k in range(320)]
    for number in range(80):
        y, other = rng.normal(size=(2, 40))
        x = 0.5 * y + np.sqrt(0.75) * other
        images = pd.DataFrame(
            {
                "image_id": ids,
                "category": "c",
                "subcategory": subcategory,
                "score": np.repeat(y, 8) + rng.normal(size=320),
            }
        )
        values = pd.DataFrame(
            {"image_id": ids, "seed": "0", "value": np.repeat(x, 8) + rng.normal(size=320)}
        )
        settings_ = QUICK | {"bootstrap": Bootstrap(150, 0.95, number)}
        pooled = correlate(values, images, detailed=True, **settings_).iloc[0]
        covered[0] += pooled["ci_low"] <= truth <= pooled["ci_high"]
        covered[1] += pooled["ci_images_low"] <= truth <= pooled["ci_images_high"]
    # 76 expected of 80; three standard errors are 6.
    assert covered[0] >= 70
    assert covered[1] < 65


def test_p_of_subcategories_keeps_its_level_where_that_of_images_does_not() -> None:
    # 5 categories of 6 subcategories: scores and values share variance within each, nothing between.
    rng, claimed = np.random.default_rng(11), np.zeros(2)
    subcategory = np.repeat(np.arange(30), 10)
    ids = [f"{k:03d}" for k in range(300)]
    for number in range(100):
        y, x = (np.repeat(rng.normal(size=30), 10) + rng.normal(size=300) for _ in range(2))
        images = pd.DataFrame(
            {"image_id": ids, "category": np.char.add("c", (subcategory // 6).astype(str)),
             "subcategory": np.char.add("s", subcategory.astype(str)), "score": y}
        )  # fmt: skip
        values = pd.DataFrame({"image_id": ids, "seed": "0", "value": x})
        table = correlate(values, images, target="score", bootstrap=Bootstrap(150, 0.95, number))
        found = row(table, "all", "partial")
        claimed += [found["p"] < 0.05, found["p_images"] < 0.05]
        # What the words and what the families of p-values say is the same.
        assert (found["p"] < 0.05) == (not found["ci_low"] <= 0 <= found["ci_high"])
    assert claimed[0] <= 12  # 5 expected, three standard errors are 7
    assert claimed[1] >= 20


def test_an_interval_of_two_runs_is_as_wide_as_one_run_at_least() -> None:
    # Errors of the runs go against each other, so that their mean hardly varies between resamples.
    rng = np.random.default_rng(4)
    n = 200
    score, noise = rng.normal(size=(2, n))
    ids = [f"{k:03d}" for k in range(n)]
    images = pd.DataFrame({"image_id": ids, "category": "c", "subcategory": "", "score": score})
    runs = [
        pd.DataFrame({"image_id": ids, "value": 0.15 * score + sign * noise, "seed": str(k)})
        for k, sign in enumerate((1, -1))
    ]
    both = correlate(pd.concat(runs), images, **QUICK).iloc[0]
    alone = [correlate(run, images, **QUICK).iloc[0] for run in runs]
    assert both["seed_agreement"] < -0.7
    width = both["ci_high"] - both["ci_low"]
    assert width > 0.9 * min(each["ci_high"] - each["ci_low"] for each in alone)
    assert both["ci_images_high"] - both["ci_images_low"] < width / 3


def test_the_pooled_correlation_alone_is_that_of_the_table_or_missing() -> None:
    values, images = study(runs=2)
    assert (
        pooled_correlation(values, images, "score")
        == row(correlate(values, images, **QUICK), "all", "pooled")["r"]
    )
    assert np.isnan(pooled_correlation(values.assign(value=1.0), images, "score"))


@pytest.mark.parametrize("detailed", [False, True])
def test_models_together_are_what_each_is_alone(detailed: bool) -> None:
    values, images = divided(runs=2)
    rng = np.random.default_rng(8)
    in_c0 = values["image_id"].isin(images.loc[images["category"] == "c0", "image_id"])
    models = [
        values,
        # Other images, other seeds, a category without a correlation, and none at all.
        values[values["image_id"] < "image150"].query("seed == '0'"),
        values.assign(value=rng.random(len(values))),
        values.assign(value=values["value"].mask(in_c0, 0.5)),
        values.assign(value=1.0),
    ]
    assert len(models[1]) == 150
    found = decomposition.correlate(models, images, detailed=detailed, **QUICK)
    for model, table in zip(models, found, strict=True):
        alone = correlate(model, images, detailed=detailed, **QUICK)
        pd.testing.assert_frame_equal(table, alone, check_exact=True)
    constant = row(found[3], "c0", "within")
    assert (constant["ci_method"], constant["seeds"]) == ("undefined (constant values)", 2)
    assert row(found[2], "c0", "within")["ci_images_method"] == "percentile"
    assert found[4]["r"].isna().all()
    assert decomposition.correlate([], images, **QUICK) == []
