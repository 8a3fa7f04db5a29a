"""Quantities of images, gathered from their tables and correlated with memorability."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from memorability.analysis.correlations import (
    beside_controls,
    beside_models,
    best_learning_rate,
    correlations,
    of_values,
    own_runs,
)
from memorability.analysis.gathering import (
    MODEL_KEYS,
    SOURCES,
    from_attributions,
    from_baselines,
    from_controls,
    from_distinctiveness,
    from_errors,
    from_features,
    from_predictions,
    from_variants,
)
from memorability.base.run_keys import EXTERNAL
from memorability.memory_game.ceiling import noise_ceiling
from memorability.memory_game.scoring import score_counts
from memorability.report.labels import metric_labels
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

COLUMNS = [
    "quantity", "metric",
    "backbone", "trained_by", "published",
    "sign", "model", "protocol", "loss", "lr", "seed", "image_id",
    "value",
]  # fmt: skip
MSE = {"metric": "mse", "backbone": "none", "trained_by": "", "published": "", "sign": "distance"}
RUN = {"protocol": "paper", "loss": "mse", "lr": "1e-3", "seed": "0"}
BOOTSTRAP = Bootstrap(draws=100, confidence=0.95, seed=0)
QUICK: dict[str, Any] = {"target": "score", "bootstrap": BOOTSTRAP}
N = 40


def rows(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    assert list(table.columns) == COLUMNS
    assert list(table.index) == list(range(len(table)))
    return list(table.itertuples(index=False, name=None))


def images() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "image_id": [f"image{k:02d}" for k in range(N)],
            "category": np.array(["animal", "food"])[np.arange(N) % 2],
            "subcategory": np.array(["cat", "cake", "dog", "soup"])[np.arange(N) % 4],
            "score": rng.random(N),
        }
    )


def run_errors(strength: float, *, noise: int, seeds: int = 2, **keys: str) -> pd.DataFrame:
    """Errors of a run that follow the score as strongly as asked for."""
    rng = np.random.default_rng(noise)
    score = images()["score"].to_numpy()
    parts = [
        images()[["image_id"]].assign(
            **(MSE | RUN | keys | {"seed": str(seed)}),
            epoch=1,
            error=strength * score + rng.normal(size=N) * 0.1,
        )
        for seed in range(seeds)
    ]
    return pd.concat(parts, ignore_index=True)


def study() -> pd.DataFrame:
    """Two protocols, two losses, three learning rates, the middle one the best but for `b mse`."""
    plan = [
        ("a", "mse", {"1e-4": 0.1, "1e-3": 0.5, "1e-2": -0.9}),
        ("a", "style", {"1e-4": -0.3, "1e-3": -0.1, "1e-2": -0.2}),
        ("b", "mse", {"1e-4": 0.4, "1e-3": 0.1, "1e-2": 0.0}),
    ]
    parts = [
        run_errors(strength, noise=k * 10 + j, protocol=protocol, loss=loss, lr=lr, metric=loss)
        for k, (protocol, loss, strengths) in enumerate(plan)
        for j, (lr, strength) in enumerate(strengths.items())
    ]
    return from_errors(pd.concat(parts, ignore_index=True))


# Gathering


def test_errors_are_those_after_the_last_epoch() -> None:
    table = pd.DataFrame(
        [
            {**RUN, "epoch": epoch, "image_id": i, **MSE, "error": error}
            for epoch, i, error in ((1, "a", 0.9), (2, "a", 0.5), (1, "b", 0.8), (2, "b", 0.4))
        ]
    )
    assert rows(from_errors(table)) == [
        ("error", "mse", "none", "", "", "distance", "", "paper", "mse", "1e-3", "0", "a", 0.5),
        ("error", "mse", "none", "", "", "distance", "", "paper", "mse", "1e-3", "0", "b", 0.4),
    ]


def test_errors_made_elsewhere_have_their_own_last_epoch_and_no_learning_rate() -> None:
    own = [{**RUN, "epoch": epoch, "image_id": "a", **MSE, "error": 0.5} for epoch in (1, 2)]
    other = RUN | {"protocol": "external", "loss": "theirs", "lr": "", "seed": ""}
    theirs = [
        {
            **other,
            "epoch": 1,
            "image_id": "a",
            "metric": "mse",
            "backbone": "",
            "trained_by": "",
            "published": "",
            "sign": "",
            "error": 0.7,
        }
    ]
    assert rows(from_errors(pd.DataFrame(own + theirs))) == [
        ("error", "mse", "none", "", "", "distance", "", "paper", "mse", "1e-3", "0", "a", 0.5),
        ("error", "mse", "", "", "", "", "", "external", "theirs", "", "", "a", 0.7),
    ]
    alone = pd.DataFrame(theirs).drop(columns=["lr", "seed"])
    assert rows(from_errors(alone)) == [
        ("error", "mse", "", "", "", "", "", "external", "theirs", "", "", "a", 0.7)
    ]


def test_distinctiveness_keeps_run_and_measure_and_leaves_out_what_is_undefined() -> None:
    table = pd.DataFrame(
        [
            {**RUN, "image_id": "a", "metric": metric, "value": 3.0, "distinctiveness": z}
            for metric, z in (
                ("nearest_neighbour", -0.5),
                ("local_outlier_factor", 0.5),
                ("nearest_in_category", np.nan),
            )
        ]
    )
    assert rows(from_distinctiveness(table)) == [
        (
            "distinctiveness",
            "nearest_neighbour",
            "",
            "",
            "",
            "",
            "",
            "paper",
            "mse",
            "1e-3",
            "0",
            "a",
            -0.5,
        ),
        (
            "distinctiveness",
            "local_outlier_factor",
            "",
            "",
            "",
            "",
            "",
            "paper",
            "mse",
            "1e-3",
            "0",
            "a",
            0.5,
        ),
    ]


def test_a_feature_is_the_metric_and_belongs_to_no_run() -> None:
    table = pd.DataFrame(
        {"image_id": ["a", "a"], "feature": ["saturation", "clutter_score"], "value": [0.5, 2.0]}
    )
    assert rows(from_features(table)) == [
        ("feature", "saturation", "", "", "", "", "", "", "", "", "", "a", 0.5),
        ("feature", "clutter_score", "", "", "", "", "", "", "", "", "", "a", 2.0),
    ]


def test_other_readings_of_features_are_a_quantity_of_their_own() -> None:
    names = ["saturation", "clutter_sobel_entropy"]
    table = pd.DataFrame({"image_id": "a", "feature": names, "value": [0.5, 2.0]})
    assert list(from_features(table)["metric"]) == ["saturation"]
    assert rows(from_variants(table)) == [
        ("variant", "clutter_sobel_entropy", "", "", "", "", "", "", "", "", "", "a", 2.0)
    ]


def test_a_feature_that_is_0_where_nothing_is_found_is_read_in_two_parts() -> None:
    table = pd.DataFrame(
        {"image_id": ["a", "b", "c"], "feature": "separation_score", "value": [0.0, 3.5, 0.0]}
    )
    read = from_variants(table)
    assert set(read["quantity"]) == {"variant"}
    found = read.set_index(["metric", "image_id"])["value"].to_dict()
    assert found == {
        ("separation_found", "a"): 0.0, ("separation_found", "b"): 1.0,
        ("separation_found", "c"): 0.0, ("separation_where_found", "b"): 3.5,
    }  # fmt: skip
    assert from_features(table)["value"].tolist() == [0.0, 3.5, 0.0]


def test_predictions_are_those_of_test_images_alone() -> None:
    table = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "split": ["train", "test", "validation"],
            "score": 0.5,
            "predicted": [0.1, 0.2, 0.3],
            "category_mean": 0.5,
        }
    )
    assert rows(from_predictions(table)) == [
        ("prediction", "mlp", "", "", "", "", "", "", "", "", "", "b", 0.2)
    ]


def test_every_summary_of_a_drawn_attribution_that_converged_is_a_metric() -> None:
    table = pd.DataFrame(
        {
            "image_id": ["a", "named by hand", "not converged"],
            "drawn": [True, False, True],
            "converged": [True, True, False],
            "mean_absolute": 3.0,
            "mean_signed": -1.0,
            "mean_positive": 1.0,
            "convergence_delta": 1e-6,
            "predicted": 0.7,
        }
    )
    assert {(row[0], row[1], row[-2], row[-1]) for row in rows(from_attributions(table))} == {
        ("attribution", "mean_absolute", "a", 3.0),
        ("attribution", "mean_signed", "a", -1.0),
        ("attribution", "mean_positive", "a", 1.0),
    }


def test_every_source_is_a_table_that_exists() -> None:
    assert {source for source, _ in SOURCES.values()} <= store.SCHEMAS.keys()


# Correlating


def test_the_selected_learning_rate_is_the_best_of_its_loss_and_protocol() -> None:
    values = study()
    table = correlations(values, images(), **QUICK)
    chosen = table[table["selected"]]
    assert set(zip(chosen["protocol"], chosen["metric"], chosen["lr"], strict=True)) == {
        ("a", "mse", "1e-3"),
        ("a", "style", "1e-3"),
        ("b", "mse", "1e-4"),
    }
    # All rows of a selected model are marked, and it alone is taken apart.
    detailed = table["method"] == "part_between_category"
    assert table.loc[detailed, "selected"].all()
    assert (chosen.groupby(["protocol", "metric"]).size() == 10).all()
    assert table.loc[~table["selected"], "ci_bca_method"].eq("").all()
    assert chosen.loc[chosen["method"] == "pooled", "ci_bca_method"].eq("BCa").all()


def test_a_pooled_correlation_is_the_mean_of_scipys_over_seeds() -> None:
    values = study()
    table = correlations(values, images(), **QUICK)
    pooled = table[table["method"] == "pooled"].set_index(["protocol", "loss", "lr"])
    assert len(pooled) == 9
    scores = images().set_index("image_id")["score"]
    for key, group in values.groupby(["protocol", "loss", "lr"]):
        by_seed = [
            stats.spearmanr(run["value"], scores[run["image_id"]]).statistic
            for _, run in group.groupby("seed")
        ]
        assert pooled.loc[key, "r"] == pytest.approx(np.mean(by_seed), abs=1e-12)
        assert pooled.loc[key, "seeds"] == 2


@pytest.mark.parametrize(("column", "procedure"), [("p_holm", "holm"), ("p_bh", "fdr_bh")])
def test_p_values_are_adjusted_over_the_tests_of_one_method_as_statsmodels_does(
    column: str, procedure: str
) -> None:
    table = correlations(study(), images(), **QUICK)
    assert table["p"].notna().equals(table[column].notna())
    for method in ("pooled", "within", "partial", "partial_subcategory"):
        rows = table[table["method"] == method]
        _, expected, _, _ = multipletests(rows["p"], method=procedure)
        np.testing.assert_allclose(rows[column], expected, rtol=1e-12)
        assert (expected > rows["p"]).any()  # else the comparison would show nothing


@pytest.mark.parametrize("column", ["p_holm", "p_bh"])
def test_errors_made_elsewhere_change_no_adjusted_p_of_the_runs(column: str) -> None:
    own = correlations(study(), images(), **QUICK)
    elsewhere = study().assign(protocol=EXTERNAL, loss="theirs", lr="", seed="")
    elsewhere = elsewhere.drop_duplicates("image_id")
    both = correlations(pd.concat([study(), elsewhere], ignore_index=True), images(), **QUICK)
    again = both[both["protocol"] != EXTERNAL].reset_index(drop=True)
    np.testing.assert_array_equal(again[column], own[column])
    # One test of its method is its own family.
    external = both[(both["protocol"] == EXTERNAL) & (both["method"] == "pooled")]
    assert len(external) == 1
    assert external[column].item() == external["p"].item()


def test_an_undefined_correlation_is_kept_but_neither_selected_nor_counted_as_a_test() -> None:
    constant = run_errors(0, noise=9, lr="1e-5").assign(error=1.0)
    diverged = run_errors(0, noise=9, lr="1e-1").assign(error=np.nan)
    negative = run_errors(-0.5, noise=1, lr="1e-4")
    other = run_errors(-0.4, noise=2, lr="1e-3")
    values = from_errors(pd.concat([constant, diverged, negative, other], ignore_index=True))
    table = correlations(values, images(), **QUICK)
    pooled = table[table["method"] == "pooled"].set_index("lr")
    assert pooled.loc[["1e-5", "1e-1"], ["r", "p", "p_holm"]].isna().all(axis=None)
    assert set(table.loc[table["selected"], "lr"]) == {pooled["r"].idxmax()}
    assert pooled["r"].max() < 0
    _, expected, _, _ = multipletests(pooled["p"].dropna(), method="holm")
    np.testing.assert_allclose(pooled["p_holm"].dropna(), expected, rtol=1e-12)


def outcomes(**steps: int) -> pd.DataFrame:
    """How two seeds of a run at 1e-1 ended; seed0=17 diverged at step 17."""
    keys = RUN | {"lr": "1e-1"}
    return pd.DataFrame(
        [
            keys
            | {"seed": str(seed), "step": steps.get(f"seed{seed}", 40)}
            | {"outcome": "diverged" if f"seed{seed}" in steps else "finished"}
            for seed in (0, 1)
        ]
    )


def test_a_seed_that_diverged_is_named_and_leaves_the_correlation_to_the_others() -> None:
    errors = run_errors(0.5, noise=1, lr="1e-1")
    alone = correlations(from_errors(errors[errors["seed"] == "1"]), images(), **QUICK)
    errors.loc[errors["seed"] == "0", "error"] = np.nan
    table = correlations(from_errors(errors), images(), outcomes(seed0=17), **QUICK)
    assert set(table["diverged"]) == {"seed 0 at step 17"}
    assert set(table["seeds"]) == {1}
    pd.testing.assert_frame_equal(table.drop(columns="diverged"), alone.drop(columns="diverged"))


def test_a_learning_rate_at_which_every_seed_diverged_keeps_a_row_that_says_so() -> None:
    lost = run_errors(0.5, noise=1, lr="1e-1").assign(error=np.nan)
    good = run_errors(-0.5, noise=2, lr="1e-3")
    values = from_errors(pd.concat([lost, good], ignore_index=True))
    table = correlations(values, images(), outcomes(seed0=17, seed1=3), **QUICK)
    rows = table[table["lr"] == "1e-1"]
    assert set(rows["diverged"]) == {"seed 0 at step 17, seed 1 at step 3"}
    assert set(rows["seeds"]) == {0}
    assert set(rows["ci_method"]) == {"none (diverged)"}
    assert rows["r"].isna().all()
    assert set(table.loc[table["selected"], "lr"]) == {"1e-3"}
    assert set(table.loc[table["lr"] == "1e-3", "diverged"]) == {""}


def test_a_learning_rate_with_a_diverged_seed_is_selected_only_where_all_have_one() -> None:
    lossy = run_errors(0.9, noise=1, lr="1e-1")
    lossy.loc[lossy["seed"] == "0", "error"] = np.nan
    worse = run_errors(-0.5, noise=2, lr="1e-3")
    for tables_of_errors, chosen in (([lossy, worse], "1e-3"), ([lossy], "1e-1")):
        values = from_errors(pd.concat(tables_of_errors, ignore_index=True))
        table = correlations(values, images(), outcomes(seed0=17), **QUICK)
        assert set(table.loc[table["selected"], "lr"]) == {chosen}
        followed = table[(table["lr"] == "1e-1") & table["method"].isin(["pooled", "within"])]
        assert (followed["r"] > 0).all()


def test_every_feature_is_selected_for_there_is_nothing_to_choose() -> None:
    rng = np.random.default_rng(1)
    parts = [
        images()[["image_id"]].assign(feature=name, value=rng.random(N))
        for name in ("saturation", "mean_lab_a")
    ]
    table = correlations(from_features(pd.concat(parts)), images(), **QUICK)
    assert table["selected"].all()
    assert set(table["metric"]) == {"saturation", "mean_lab_a"}


def test_correlations_do_not_depend_on_the_order_of_rows() -> None:
    values = study()
    shuffled = values.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        correlations(shuffled, images(), **QUICK), correlations(values, images(), **QUICK)
    )


def test_correlations_fit_the_table_that_they_are_written_to() -> None:
    table = correlations(study(), images(), **QUICK)
    schema = store.SCHEMAS["correlations"][1]
    schema.validate(table[[*schema.columns]])
    assert set(table.columns) == set(schema.columns)


# Beside the ceiling and labels


def test_without_values_there_are_no_rows_and_a_table_all_the_same(tmp_path: Path) -> None:
    """Of one image, which is for training, there is no baseline."""
    found = correlations(from_baselines(baselines(0.5)).iloc[:0], images(), **QUICK)
    written = store.write(found, tmp_path / "correlations.parquet", "correlations")
    assert written.empty
    assert "ceiling_share" in written


def test_a_row_has_the_ceiling_of_its_group_and_method_and_the_share_that_it_reaches() -> None:
    counted = score_counts(images().assign(
        hits=(images()["score"] * 60).astype(int) + 9, false_alarms=np.arange(N) % 7, responses=80
    ))  # fmt: skip
    ceiling = noise_ceiling(counted, bootstrap=QUICK["bootstrap"], splits=3)
    table = correlations(study(), counted, None, ceiling, **QUICK)
    known = ceiling.set_index(["target", "group", "method"])["ceiling"]
    for row in table[~table["method"].str.startswith("part_")].itertuples():
        assert row.ceiling == known[("score", row.group, row.method)]
        assert row.ceiling > 0
        assert row.ceiling_share == pytest.approx(row.r / row.ceiling, nan_ok=True)
        if np.isfinite(row.ceiling_share_low):
            # Wider than the interval of r alone would be.
            assert row.ceiling_share_low < row.ci_low / row.ceiling
            assert row.ceiling_share_high > row.ci_high / row.ceiling
    pooled = table[(table["method"] == "pooled") & (table["group"] == "all")]
    assert pooled["ceiling_share_low"].notna().all()
    assert table.loc[table["method"].str.startswith("part_"), "ceiling"].isna().all()
    without = correlations(study(), counted, **QUICK)
    assert without[["ceiling", "ceiling_share_low"]].isna().all(axis=None)


def test_the_number_of_learning_rates_is_that_of_their_loss() -> None:
    table = correlations(study(), images(), **QUICK)
    rates = study().groupby([key for key in MODEL_KEYS if key != "lr"])["lr"].nunique()
    for keys, count in rates.items():
        of_loss = np.logical_and.reduce(
            [table[key] == word for key, word in zip(rates.index.names, keys, strict=True)]
        )
        assert set(table.loc[of_loss, "rates"]) == {count}


def baselines(strength: float) -> pd.DataFrame:
    """A weak baseline of all images, and one of half of them that follows the score downward."""
    rng = np.random.default_rng(4)
    weak = images()[["image_id"]].assign(metric="aspect", value=rng.random(N))
    value = -strength * images()["score"] + rng.normal(size=N) * 0.1
    strong = images()[["image_id"]].assign(metric="category_mean", value=value).iloc[: N // 2]
    return pd.concat([weak, strong], ignore_index=True)


@pytest.mark.parametrize(("strength", "verdict"), [(0.01, "yes"), (30.0, "no")])
def test_the_strongest_baseline_is_compared_on_the_images_that_both_have(
    strength: float, verdict: str
) -> None:
    values, labels = from_errors(run_errors(-2.0, noise=3)), baselines(strength)
    table = correlations(values, images(), None, None, labels, **QUICK)
    pooled = table.set_index("method").loc["pooled"]
    name = "category_mean" if strength > 1 else pooled["baseline"]
    base = labels[labels["metric"] == name]
    scores = images().set_index("image_id")["score"]
    ids = base["image_id"]
    base_r = stats.spearmanr(base["value"], scores[ids]).statistic
    own = [
        stats.spearmanr(run.set_index("image_id")["value"][ids], scores[ids]).statistic
        for _, run in values.groupby("seed")
    ]
    assert pooled["baseline"] == name
    assert pooled["baseline_n"] == len(base)
    assert pooled["baseline_r"] == pytest.approx(base_r)
    assert pooled["baseline_difference"] == pytest.approx(abs(np.mean(own)) - abs(base_r))
    assert pooled["baseline_ci_low"] < pooled["baseline_difference"] < pooled["baseline_ci_high"]
    assert pooled["beats_baseline"] == verdict
    assert (pooled["baseline_ci_low"] > 0) == (verdict == "yes")
    others = table[table["method"] != "pooled"]
    assert set(others["beats_baseline"]) == {""}


def test_constant_baselines_and_too_few_shared_images_are_not_compared() -> None:
    values = from_errors(run_errors(0.4, noise=3))
    constant = images()[["image_id"]].assign(metric="category_mean", value=0.5)
    few = baselines(1).groupby("metric").head(5)
    elsewhere = constant.assign(image_id="none", value=range(N))
    for labels in (constant, few, elsewhere):
        table = correlations(values, images(), None, None, labels, **QUICK)
        assert set(table["beats_baseline"]) == {""}
        assert table["baseline_r"].isna().all()


def test_a_baseline_is_not_compared_with_baselines() -> None:
    table = correlations(from_baselines(baselines(1)), images(), None, None, baselines(1), **QUICK)
    assert set(table["metric"]) == {"aspect", "category_mean"}
    assert table["selected"].all()
    assert set(table["beats_baseline"]) == {""}


# Bad input


def test_rows_beyond_the_images_and_repeated_rows_are_refused_and_fewer_are_counted() -> None:
    values = from_errors(run_errors(0.4, noise=3))
    with pytest.raises(ValueError, match=r"'image39'.*image table lacks"):
        correlations(values, images().iloc[:-1], **QUICK)
    with pytest.raises(ValueError, match="repeats seed '0', image_id 'image00'"):
        correlations(pd.concat([values, values.iloc[:1]]), images(), **QUICK)
    with pytest.raises(ValueError, match="'image00' has values of 1 of 2 seeds"):
        correlations(values.iloc[1:], images(), **QUICK)
    table = correlations(values[values["image_id"] < "image30"], images(), **QUICK)
    assert set(table.loc[table["method"] == "pooled", "n"]) == {30}


def test_an_infinite_error_of_a_run_that_finished_leaves_rows_that_say_so() -> None:
    values = from_errors(run_errors(0.4, noise=3))
    values.loc[0, "value"] = np.inf
    table = correlations(values, images(), **QUICK)
    pooled = table[table["method"] == "pooled"].iloc[0]
    assert np.isnan(pooled["r"])
    for column in ("ci_method", "ci_bca_method", "ci_images_method"):
        assert pooled[column] == "undefined (non-finite values)"


def test_equal_scores_leave_rows_that_say_so() -> None:
    table = correlations(study(), images().assign(score=0.5), **QUICK)
    assert table["r"].isna().all()
    assert set(table.loc[table["method"] == "pooled", "ci_method"]) == {
        "undefined (constant values)"
    }


# The best learning rate


def test_values_and_rows_of_a_loss_are_those_of_its_selected_rate_and_the_first_protocol() -> None:
    values = study()
    table = correlations(values, images(), **QUICK)
    chosen, chosen_rows = best_learning_rate(values, table, "mse")
    assert set(zip(chosen["protocol"], chosen["loss"], chosen["lr"], strict=True)) == {
        ("a", "mse", "1e-3")
    }
    assert len(chosen) == 2 * N
    expected = values[
        (values["protocol"] == "a") & (values["loss"] == "mse") & (values["lr"] == "1e-3")
    ]
    assert sorted(chosen["value"]) == sorted(expected["value"])
    assert sorted(chosen_rows["method"].unique())[-3:] == [
        "partial_subcategory",
        "pooled",
        "within",
    ]
    assert set(chosen_rows["lr"]) == {"1e-3"}


def test_the_protocol_that_comes_first_in_the_values_is_taken_whatever_its_name() -> None:
    values = study().sort_values("protocol", ascending=False, kind="stable", ignore_index=True)
    table = correlations(values, images(), **QUICK)
    chosen, chosen_rows = best_learning_rate(values, table, "mse")
    assert set(chosen["protocol"]) == set(chosen_rows["protocol"]) == {"b"}
    assert set(chosen["lr"]) == {"1e-4"}


# Made elsewhere


def beside_external() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The study's values and two errors made elsewhere, and the correlations of all."""
    parts = [
        run_errors(0.3, noise=90 + k, seeds=1, protocol="external", loss=name, lr="")
        for k, name in enumerate(["a", "mse"])
    ]
    values = pd.concat([study(), from_errors(pd.concat(parts))], ignore_index=True)
    return values, correlations(values, images(), **QUICK)


def test_errors_made_elsewhere_are_correlated_like_ours_each_by_itself() -> None:
    values, table = beside_external()
    pooled = table[(table["protocol"] == "external") & (table["method"] == "pooled")]
    assert list(pooled["metric"]) == ["mse", "mse"]
    assert list(pooled["loss"]) == ["a", "mse"]
    assert pooled["selected"].all()
    theirs = values[values["loss"] == "a"].sort_values("image_id")["value"]
    expected = stats.spearmanr(theirs, images()["score"]).statistic
    assert pooled.set_index("loss").loc["a", "r"] == pytest.approx(expected, abs=1e-12)
    assert pooled["p_holm"].notna().all()


def test_what_is_about_runs_leaves_them_out() -> None:
    values, table = beside_external()
    assert set(own_runs(table)["protocol"]) == {"a", "b"}
    of_mse, drawn = best_learning_rate(values, table, "mse")
    assert set(of_mse["protocol"]) == set(drawn["protocol"]) == {"a"}


def test_rows_of_values_are_those_of_their_models() -> None:
    values, table = beside_external()
    theirs = values[(values["protocol"] == "external") & (values["loss"] == "mse")]
    found = of_values(theirs, table)
    assert set(found["protocol"]) == {"external"}
    assert len(found) == len(table[(table["protocol"] == "external") & (table["loss"] == "mse")])


def test_they_stand_among_the_controls_under_their_own_name() -> None:
    _, table = beside_external()
    controls = table.iloc[:1].assign(metric="jpeg_bytes", protocol="")
    controls = controls.assign(backbone="", trained_by="", published="", sign="", loss="")
    assert set(metric_labels(beside_models(table, controls, "a"))) == {
        "Fine-tuned: MSE", "Fine-tuned: Style loss", "MSE, external", "MSE, external (a)",
        "Size as JPEG",
    }  # fmt: skip


# What controls leave


def of_controls(names: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Return controls in the metric MSE, or of complexity where there is no model."""
    return pd.concat(
        [
            images()[["image_id"]].assign(
                **(MSE if model else dict.fromkeys(MSE, "") | {"metric": metric}),
                model=model, seed="", error=values,
            )
            for (model, metric), values in names.items()
        ]
    )  # fmt: skip


def test_every_error_stands_beside_the_controls_of_its_metric_and_beside_complexity() -> None:
    values, table = beside_external()
    rng = np.random.default_rng(3)
    controls = from_controls(
        of_controls(
            {
                ("before_fine_tuning", "mse"): rng.random(N),
                ("grey", "mse"): rng.random(N),
                ("", "jpeg_bytes"): rng.random(N),
            }
        )
    )
    found = beside_controls(values, table, controls, images(), protocol="a", **QUICK)
    key, schema = store.SCHEMAS["given_controls"]
    schema.validate(found[list(schema.columns)])
    assert not found.duplicated([*key, "lr"]).any()
    assert set(found["method"]) == {"pooled", "partial"}
    beside = found[found["method"] == "pooled"]
    named = set(zip(beside["protocol"], beside["loss"], beside["control_model"], strict=True))
    assert {("a", "mse", "before_fine_tuning"), ("a", "mse", "grey"), ("a", "mse", "")} <= named
    # Of another metric, and of errors made elsewhere, complexity alone is a control.
    for protocol, loss in {(one[0], one[1]) for one in named} - {("a", "mse")}:
        own = values[(values["protocol"] == protocol) & (values["loss"] == loss)]
        if (own[list(MSE)] != list(MSE.values())).any(axis=None):
            rows = beside[(beside["protocol"] == protocol) & (beside["loss"] == loss)]
            assert set(rows["control_metric"]) == {"jpeg_bytes"}
    assert "b" not in set(found["protocol"])


def test_seeds_that_diverged_do_not_count_and_without_any_other_there_are_no_rows(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(4)
    parts = [
        images()[["image_id"]].assign(**MSE, **RUN | {"seed": seed}, epoch=1, error=rng.random(N))
        for seed in ("0", "1")
    ]
    errors = pd.concat(parts)
    controls = from_controls(of_controls({("grey", "mse"): rng.random(N)}))
    for lost, left in (({"1"}, {1}), ({"0", "1"}, set())):
        known = errors.assign(error=errors["error"].mask(errors["seed"].isin(lost)))
        outcomes = known[["protocol", "loss", "lr", "seed"]].drop_duplicates().assign(step=1)
        outcomes["outcome"] = np.where(outcomes["seed"].isin(lost), "diverged", "finished")
        values = from_errors(known)
        table = correlations(values, images(), outcomes, **QUICK)
        found = beside_controls(values, table, controls, images(), protocol="paper", **QUICK)
        assert set(found["seeds"]) == left
        written = store.write(found, tmp_path / "given.parquet", "given_controls")
        assert len(written) == len(found)
