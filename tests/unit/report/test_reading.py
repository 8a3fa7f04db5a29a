"""Summaries: what a reader is shown of the tables."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from memorability.analysis.gathering import MODEL_KEYS
from memorability.claims.ledger import OWN, ledger
from memorability.claims.published import load_published
from memorability.report.provenance import provenance_rows
from memorability.report.reading import (
    ceiling_for_reading,
    claims_details,
    claims_for_reading,
    classes_for_reading,
    effects_for_reading,
    external_for_reading,
    metrics_for_reading,
    not_testable,
    table_1_details,
    table_1_for_reading,
    trials_for_reading,
    with_intervals,
    write_claims,
)
from memorability.report.table_1 import forest_models, published_distinctiveness, table_1
from memorability.tables import store

NAN = float("nan")
BLANK = "\N{NO-BREAK SPACE}"
VARY = {"paper": "order", "released": "nothing"}


def row(metric: str = "mse", **changes: Any) -> dict[str, Any]:
    """A pooled correlation of the error of a run on MemCat."""
    base: dict[str, Any] = {
        "quantity": "error", "metric": metric,
        "backbone": "none", "trained_by": "", "published": "",
        "sign": "distance", "model": "",
        "protocol": "paper", "loss": metric, "lr": "5e-6", "selected": True,
        "target": "score", "group": "all", "method": "pooled", "n": 10_000, "seeds": 5, "r": 0.4,
        "r_seed_sd": 0.01, "ci_low": 0.38, "ci_high": 0.42, "ci_method": "percentile", "p": 0.0,
        "p_holm": 0.0, "diverged": "", "ceiling": 0.92, "ceiling_share": 0.4 / 0.92,
        "ceiling_share_low": 0.4, "ceiling_share_high": 0.5,
        "baseline": "subcategory_mean", "baseline_r": 0.72, "beats_baseline": "no",
        "unit": "subcategories and seeds", "seed_agreement": 0.97,
    }  # fmt: skip
    return base | changes


def metric(name: str, head: str = "mlp", **changes: Any) -> dict[str, Any]:
    base = {"head": head, "metric": name, "value": 0.5, "ci_low": 0.4, "ci_high": 0.6}
    base |= {"cases": 1500, "n": 3000}
    return base | changes


METRICS = pd.DataFrame(
    [
        metric(name, head, value=value)
        for name, head, value in (
            ("spearman", "mlp", 0.56),
            ("roc_auc", "mlp", 0.76),
            ("mse", "mlp", 0.1),
            ("spearman", "category_mean", 0.3),
            ("roc_auc", "category_mean", 0.6),
            ("mse", "category_mean", 0.2),
        )
    ]
)


# Table 1


def test_table_1_has_the_selected_run_of_each_loss_the_highest_correlation_first() -> None:
    correlations = pd.DataFrame(
        [
            row("mse", r=0.2, lr="1e-3"),
            row("mse", r=0.15, lr="1e-3", method="partial", ci_low=0.1, ci_high=0.2),
            row("mse", r=0.9, lr="1e-3", method="within", group="animal"),
            row("mse", r=0.1, lr="1e-4", selected=False),
            row("style", r=0.3, lr="5e-6", p_holm=0.04),
            row("style", r=-0.05, lr="5e-6", method="partial", ci_low=-0.1, ci_high=0.0),
        ]
    )
    table = table_1(correlations, VARY)
    assert list(table["loss"]) == ["Style loss", "MSE"]
    assert list(table["r"]) == [0.3, 0.2]
    assert list(table["learning_rate"]) == ["5e-6", "1e-3"]
    assert list(table["given_category_r"]) == [-0.05, 0.15]
    assert list(table["given_category_ci_low"]) == [-0.1, 0.1]
    assert list(table["p_holm"]) == [0.04, 0.0]
    assert list(table["beats_baseline"]) == ["no", "no"]
    assert list(table["ceiling"]) == [0.92, 0.92]


def test_table_1_of_a_single_category_leaves_what_is_given_the_category_open() -> None:
    table = table_1(pd.DataFrame([row("mse")]), VARY)
    assert table[["given_category_r", "given_category_ci_low"]].isna().all(axis=None)
    assert table.loc[0, "r"] == 0.4


def test_table_1_keeps_the_partial_correlations_of_two_protocols_apart() -> None:
    correlations = pd.DataFrame(
        [
            row("mse", protocol=protocol, r=r, method=method)
            for protocol, method, r in (
                ("paper", "pooled", 0.4),
                ("paper", "partial", 0.1),
                ("released", "pooled", 0.3),
                ("released", "partial", 0.2),
            )
        ]
    )
    table = table_1(correlations, VARY).set_index("protocol")
    assert table["given_category_r"].to_dict() == {"paper": 0.1, "released": 0.2}
    assert table["seeds_vary"].to_dict() == VARY


def test_table_1_knows_of_no_seeds_of_what_was_made_elsewhere(tmp_path: Path) -> None:
    table = table_1(pd.DataFrame([row("mse"), row("theirs", protocol="external")]), VARY)
    written = store.write(table, tmp_path / "table_1.parquet", "table_1").set_index("protocol")
    assert written["seeds_vary"].to_dict() == {"paper": VARY["paper"], "external": ""}
    assert list(table_1_details(written.reset_index())["seeds vary"]) == [VARY["paper"], "–"]


def test_table_1_names_a_random_backbone() -> None:
    table = table_1(pd.DataFrame([row("lpips_vgg", backbone="random")]), VARY)
    assert table.loc[0, "loss"] == "LPIPS (VGG), random backbone"


def test_a_comparison_for_reading_says_what_differs_and_names_the_error() -> None:
    effects = pd.DataFrame(
        [
            {
                "choice": "lpips_sign_test", "value": "one_minus", "base_value": "distance",
                "protocol": "b", "base_protocol": "a", "loss": "lpips_vgg", "lr": "5e-6",
                "metric": "lpips_vgg",
                "backbone": "pretrained", "trained_by": "torchvision (ImageNet)", "published": "yes",
                "sign": "one_minus",
                "base_sign": "distance", "target": "score",
                "n": 100, "r": -0.4, "base_r": 0.4, "difference": -0.8, "ci_low": -0.9,
                "ci_high": -0.7, "ci_method": "percentile", "p": 0.001, "unit": "subcategories",
                "training": "not known",
            }
        ]
    )  # fmt: skip
    shown = effects_for_reading(effects).iloc[0]
    assert shown["error"] == "1 − LPIPS (VGG)"
    assert shown["CI"] == "[−0.900, −0.700]"
    assert list(shown[["choice", "here", "there"]]) == ["lpips_sign_test", "one_minus", "distance"]
    assert (shown["interval for new"], shown["chance of training"]) == (
        "subcategories",
        "not known",
    )
    assert (shown["difference of r"], shown["r there"]) == (-0.8, 0.4)


def test_table_1_for_reading_has_words_for_headings_and_no_lone_bounds() -> None:
    partial = row("mse", method="partial", r=0.1, ci_low=-0.1, ci_high=0.2)
    table = table_1(pd.DataFrame([row("mse"), partial]), VARY)
    shown = table_1_for_reading(table, confidence=0.9)
    assert shown.iloc[0].to_dict() == {
        "training loss": "MSE",
        "best learning rate": "5e-6",
        f"Spearman's r [90{BLANK}%{BLANK}CI]": "0.400 [0.380, 0.420]",
        "given the category": "0.100 [−0.100, 0.200]",
        "SD over seeds": "0.010",
        "p (Holm)": "< 0.001",
        "beats baseline": "no",
    }
    details = table_1_details(table)
    assert details.iloc[0].to_dict() == {
        "training loss": "MSE",
        "protocol": "paper",
        "images": 10_000,
        "seeds": 5,
        "interval for new": "subcategories and seeds",
        "seeds vary": "order",
        "agreement of seeds": "0.970",
        "highest possible r": "0.920",
        "r of scores without noise": "0.435 [0.400, 0.500]",
        "strongest baseline": "Mean score of the subcategory",
        "r of the baseline": "0.720",
    }


def test_table_1_leaves_out_what_means_nothing() -> None:
    """One category, one seed, no counts, no baseline, errors of unknown learning rate."""
    plain = row(
        "mse", seeds=1, r_seed_sd=NAN, seed_agreement=NAN, unit="images", ceiling=NAN,
        ceiling_share=NAN, ceiling_share_low=NAN, ceiling_share_high=NAN,
        baseline="", baseline_r=NAN, beats_baseline="", lr="", protocol="external",
    )  # fmt: skip
    table = table_1(pd.DataFrame([plain]), VARY)
    assert list(table_1_for_reading(table, confidence=0.95)) == [
        "training loss", f"Spearman's r [95{BLANK}%{BLANK}CI]", "p (Holm)",
    ]  # fmt: skip
    assert list(table_1_details(table)) == [
        "training loss", "protocol", "images", "seeds", "interval for new",
    ]  # fmt: skip


def test_table_1_of_errors_made_elsewhere_alone_fits_its_schema() -> None:
    table = table_1(pd.DataFrame([row("mse", protocol="external", lr="")]), VARY)
    schema = store.SCHEMAS["table_1"][1]
    schema.validate(table[list(schema.columns)])


def test_table_1_names_protocols_where_there_are_several() -> None:
    rows = [row("mse"), row("mse", protocol="released")]
    shown = table_1_for_reading(table_1(pd.DataFrame(rows), VARY), confidence=0.95)
    assert list(shown["protocol"]) == ["paper", "released"]


def test_table_1_names_seeds_that_diverged_where_some_did() -> None:
    lost = {"r": NAN, "seeds": 0, "diverged": "seed 0 at step 17"}
    table = table_1(pd.DataFrame([row("mse", **lost), row("style")]), VARY)
    assert table["diverged"].tolist() == ["", "seed 0 at step 17"]
    assert "seed 0 at step 17" in table_1_details(table)["seeds that diverged"].tolist()
    assert "seeds that diverged" not in table_1_details(table[:1])


# Intervals


def test_an_interval_takes_the_place_of_its_bounds_and_the_table_stays_as_it_was() -> None:
    table = pd.DataFrame({"a": [1], "low": [0.12345], "high": [0.5], "z": [2]})
    shown = with_intervals(table, {"CI": ("low", "high")})
    assert list(shown.columns) == ["a", "CI", "z"]
    assert shown.loc[0, "CI"] == "[0.123, 0.500]"
    assert list(table.columns) == ["a", "low", "high", "z"]


@pytest.mark.parametrize(("low", "high"), [(NAN, 0.5), (0.5, NAN), (NAN, NAN)])
def test_an_interval_without_both_bounds_is_a_dash(low: float, high: float) -> None:
    table = pd.DataFrame({"low": [low, -0.5], "high": [high, 0.0]})
    shown = with_intervals(table, {"CI": ("low", "high")})
    assert list(shown["CI"]) == ["–", "[−0.500, 0.000]"]


# Metrics


def test_every_head_has_a_row_with_its_metrics_and_intervals() -> None:
    external = METRICS[METRICS["head"] == "mlp"].assign(head="resmem", n=2999)
    shown = metrics_for_reading(pd.concat([external, METRICS]))
    assert list(shown["head"]) == ["MLP on latents", "category means", "resmem"]
    assert list(shown.columns[2:]) == ["Spearman's r", "ROC AUC", "MSE"]
    assert list(shown["test images"]) == ["3,000", "3,000", "2,999"]
    assert shown.loc[0, "MSE"] == "0.100 [0.400, 0.600]"
    assert str(shown.loc[1, "ROC AUC"]).startswith("0.600 [")


def test_a_metric_of_too_few_images_is_named_so() -> None:
    few = METRICS["metric"].eq("roc_auc") & METRICS["head"].eq("mlp")
    shown = metrics_for_reading(METRICS.assign(cases=METRICS["cases"].mask(few, 2)))
    assert shown.loc[0, "ROC AUC"] == "too few (2)"
    assert shown.loc[1, "ROC AUC"] == "0.600 [0.400, 0.600]"


def without_ranks(head: str) -> pd.DataFrame:
    metrics = METRICS.copy()
    constant = (metrics["metric"] == "spearman") & (metrics["head"] == head)
    metrics.loc[constant, ["value", "ci_low", "ci_high"]] = NAN
    return metrics


def test_a_metric_that_is_undefined_is_a_dash() -> None:
    shown = metrics_for_reading(without_ranks("mlp"))
    assert list(shown["Spearman's r"]) == ["–", "0.300 [0.400, 0.600]"]


def test_the_mean_of_the_only_category_is_no_head() -> None:
    """It is the same for all images, has no rank correlation, and an area of 0.5 by definition."""
    assert list(metrics_for_reading(without_ranks("category_mean"))["head"]) == ["MLP on latents"]


def test_subcategories_that_equal_categories_are_shown_once() -> None:
    same = METRICS[METRICS["head"] == "category_mean"].assign(head="subcategory_mean")
    other = same.assign(value=same["value"] + 0.01)
    shown = metrics_for_reading(pd.concat([METRICS, same]))
    assert list(shown["head"]) == ["MLP on latents", "category means"]
    assert len(metrics_for_reading(pd.concat([METRICS, other]))) == 3


def test_metrics_of_classes_stand_in_a_table_of_their_own() -> None:
    classes = METRICS.assign(metric=METRICS["metric"].replace({"mse": "f1", "roc_auc": "accuracy"}))
    assert list(classes_for_reading(classes).columns[2:]) == ["accuracy", "F1"]
    assert classes_for_reading(METRICS).empty


def test_trials_are_listed_by_their_loss() -> None:
    trials = pd.DataFrame(
        {
            "trial": [0, 1, 2], "worker": 0, "hidden": "8", "learning_rate": 1e-3, "batch_size": 8,
            "dropout": 0.1, "weight_decay": 0.01, "epochs": 3, "validation_loss": [0.2, NAN, 0.1],
            "chosen": [False, False, True],
        }
    )  # fmt: skip
    assert list(trials_for_reading(trials)["trial"]) == [2, 0, 1]


# The measure of distinctiveness of the paper


def test_the_published_measure_is_one_of_several_and_has_the_correlations_of_its_models() -> None:
    measures = ["local_outlier_factor", "nearest_neighbour"]
    values = pd.DataFrame(dict.fromkeys(MODEL_KEYS, "x"), index=[0, 1]).assign(metric=measures)
    elsewhere = values.assign(loss="another")
    correlations = pd.concat([values, elsewhere], ignore_index=True).assign(r=[0.9, 0.3, 0.8, 0.2])
    measured, rows = published_distinctiveness(values, correlations)
    assert list(measured["metric"]) == ["nearest_neighbour"]
    assert list(rows["r"]) == [0.3]


# The ledger for reading


def test_the_ledger_for_reading_begins_with_the_verdict_and_names_the_place_in_the_paper(
    tmp_path: Path,
) -> None:
    claims = load_published()
    answer = row("mse", r=0.235, by=OWN, claim="", statistic="spearman", ci_low=0.22, ci_high=0.25)
    answer |= {"reading": "", "part": "all", "share_converged": NAN, "n": 10_000}
    answer |= {"repeats": 5, "repeated": "seeds", "repeat_sd": 0.01, "remark": ""}
    answer["data_set"] = ""
    images = answer | {"statistic": "count", "quantity": "images", "r": 10_000.0, "repeats": 0}
    images |= {"ci_low": NAN, "ci_high": NAN}
    table = ledger(
        pd.DataFrame([answer, images]),
        claims=claims, dataset_kind="memcat", margin=0.05, confidence=0.95,
    )  # fmt: skip
    write_claims(table, tmp_path / "page.html", note="")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert (
        page.index(f"2 of {len(claims)} published")
        < page.index("compared")
        < page.index("nothing computed")
    )
    tested, other, nothing = not_testable(table)
    assert [len(part) for part in (tested, other, nothing)] == [2, 0, len(claims) - 2]
    shown = claims_for_reading(table)
    assert list(shown) == ["verdict", "statement", "published", "ours", "why"]
    mse = shown[shown["statement"].str.contains("mean squared")].iloc[0]
    assert mse["verdict"] == "equivalent"
    details = claims_details(table)
    detail = details[details["statement"] == mse["statement"]].iloc[0]
    assert (detail["source"], detail["computed by"]) == ("Table 1", "this study")
    assert mse["published"] == "0.235 [0.229, 0.249]"
    assert mse["ours"] == "0.235 [0.220, 0.250]"
    assert detail["ours − published"] == "0.000 [−0.031, 0.030]"
    assert detail["differs by chance"] == "5 seeds"
    margins = [f"verdict at ±{margin}" for margin in ("0.02", "0.05", "0.10")]
    assert detail[margins].to_list() == ["not contradicted", "equivalent", "equivalent"]
    counted = shown[shown["statement"] == "MemCat has 10,000 photographs."].iloc[0]
    assert counted[["published", "ours"]].to_list() == ["10,000", "10,000"]
    elsewhere = details["source"].str.contains("Needell|Khosla")
    assert elsewhere.sum() == 69
    assert not details["source"].str.contains("arXiv|Bagheri").any()
    assert (details["source"].str.len() > 0).all()
    assert (shown["ours"] == "–").sum() == len(claims) - 2


# Provenance


def receipt(model: str, source: str = "random", **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "model": model, "source": source, "sha256": "", "matched": 0, "missing": 52,
        "unexpected": 0, "remark": "",
    }  # fmt: skip
    return base | changes


def record(*receipts: dict[str, Any], **environment: Any) -> dict[str, Any]:
    packages = {"torch": "2.15.0", "numpy": "2.4.6"}
    return {
        "receipts": list(receipts),
        "settings": {"start": {"previous_model": None}},
        "environment": {"python": "3.11.7", "device": "cpu", "packages": packages} | environment,
    }


def facts(records: list[dict[str, Any]], settings: dict[str, Any]) -> list[tuple[str, str]]:
    table = provenance_rows(records, settings)
    assert list(table.columns) == ["what", "value"]
    return list(table.itertuples(index=False, name=None))


def test_weights_are_named_by_file_and_hash_or_as_random() -> None:
    loaded = receipt("vgg backbone", "vgg16.pth", sha256="ab12", matched=26, missing=0)
    rows = facts([record(receipt("autoencoder"), loaded)], {})
    texts = dict(rows)
    assert "0 of 52 tensors" in texts["weights of the autoencoder"]
    assert "random" in texts["weights of the autoencoder"]
    assert texts["weights of the vgg backbone"] == "vgg16.pth, SHA-256 ab12: 26 tensors"


def test_a_load_that_is_not_a_full_match_is_shown_with_its_counts_and_remark() -> None:
    nothing = receipt(
        "autoencoder", "imagenet-vgg16.pth", sha256="cd34", missing=166, unexpected=192,
        remark="nothing was loaded; the run starts from random weights",
    )  # fmt: skip
    text = dict(facts([record(nothing)], {}))["weights of the autoencoder"]
    assert text == (
        "imagenet-vgg16.pth, SHA-256 cd34: 0 tensors matched, 166 missing in the file, 192 of the "
        "file unexpected; nothing was loaded; the run starts from random weights"
    )
    absent = receipt("autoencoder", "imagenet-vgg16.pth", remark="was not read")
    text = dict(facts([record(absent)], {}))["weights of the autoencoder"]
    assert text.startswith("imagenet-vgg16.pth: 0 tensors matched")
    assert text.endswith("; was not read")


def test_runs_of_a_carried_over_sweep_are_counted_rather_than_listed() -> None:
    runs = [record(receipt("autoencoder"))]
    for name in ("first", "second"):
        runs.append(record(receipt("autoencoder", name, sha256=name, matched=52, missing=0)))
        runs[-1]["settings"] = {"start": {"previous_model": name}}
    weights = [row for row in facts(runs, {}) if row[0].startswith("weights")]
    assert weights == [
        ("weights of the autoencoder", "seeded random weights; 0 of 52 tensors loaded from a file"),
        ("weights carried over", "2 runs start from the model of the run before"),
    ]


def test_what_all_runs_share_is_said_once_and_runs_are_counted() -> None:
    rows = facts([record(receipt("autoencoder")) for _ in range(390)], {})
    assert [what for what, _ in rows].count("weights of the autoencoder") == 1
    assert [what for what, _ in rows].count("packages") == 1
    assert ("runs", "390") in rows
    assert ("packages", "torch 2.15.0, numpy 2.4.6") in rows or (
        "packages", "numpy 2.4.6, torch 2.15.0",
    ) in rows  # fmt: skip


def test_two_machines_are_both_named() -> None:
    rows = facts([record(device="cpu"), record(device="cuda", gpu="H200")], {})
    assert {value for what, value in rows if what == "device"} == {"cpu", "cuda"}
    assert ("gpu", "H200") in rows


def test_a_study_without_runs_names_its_tables_and_where_they_were_read() -> None:
    environment = {"python": "3.11.7", "packages": {"numpy": "2.4.6"}}
    workflow = {"version": "0.1.0", "commit": "c0ffee"}
    first = provenance_rows([], {}, {}, environment, workflow)[:2].to_numpy().tolist()
    assert first == [["version of the workflow", "0.1.0"], ["commit of the workflow", "c0ffee"]]
    rows = provenance_rows([], {}, {"errors.csv": "ab12"}, environment)
    assert list(rows.itertuples(index=False, name=None)) == [
        ("table", "errors.csv, SHA-256 ab12"),
        ("python", "3.11.7"),
        ("packages", "numpy 2.4.6"),
        ("runs", "0"),
    ]
    assert environment["packages"], "left as it was"


def test_what_was_made_elsewhere_is_listed_under_headings_for_readers() -> None:
    source = {
        "kind": "errors", "name": "theirs", "file": "errors.csv", "joined_by": "file", "rows": 9,
        "joined": 8, "rows_without_image": 1, "images_without_row": 2, "unmatched": "x.jpg",
        "claim": "table_1.mse",
    }  # fmt: skip
    shown = external_for_reading(pd.DataFrame([source])).iloc[0]
    assert shown[["called", "answers", "images joined", "first of them"]].to_list() == [
        "theirs", "table_1.mse", 8, "x.jpg",
    ]  # fmt: skip


def test_every_setting_is_shown_as_it_was_resolved() -> None:
    settings = {"study": "sample", "seeds": [0, 1], "weights": {"source": "random"}}
    shown = dict(facts([record()], settings))
    for key, value in settings.items():
        assert json.loads(shown[f"configuration: {key}"]) == value


def test_records_are_left_as_they_were() -> None:
    records = [record(receipt("autoencoder"))]
    before = json.dumps(records)
    facts(records, {})
    assert json.dumps(records) == before


def test_the_ceiling_is_shown_with_headings_for_readers() -> None:
    row = {
        "target": "score_uncorrected", "group": "all", "method": "pooled", "n": 9,
        "consistency": 0.7, "consistency_sd": 0.01, "full_length": 0.82, "ceiling": 0.91,
        "ceiling_low": 0.8, "ceiling_high": 0.95, "unit": "images", "ceiling_by": "halves",
    }  # fmt: skip
    of_food = row | {"group": "food", "method": "within", "n": 4}
    ceiling = pd.DataFrame([row, row | {"method": "partial"}, of_food])
    shown = ceiling_for_reading(ceiling, "pooled")
    assert len(shown) == 1
    assert shown.iloc[0].to_dict() == {
        "score": "memorability, hits / responses",
        "images": 9,
        "consistency of halves": 0.7,
        "SD over splits": 0.01,
        "reliability of all responses": 0.82,
        "highest possible r": "0.910 [0.800, 0.950]",
        "from": "halves",
        "interval for new": "images",
    }
    within = ceiling_for_reading(ceiling, "within")
    assert within[["category", "images"]].to_numpy().tolist() == [["food", 4]]


def test_a_forest_is_of_the_selected_loss_and_of_the_papers_distinctiveness() -> None:
    errors = pd.DataFrame(
        [
            row("mse"), row("style"), row("style", lr="1e-3", selected=False),
            row("style", protocol="released"), row("lpips_vgg", protocol="external"),
        ]
    )  # fmt: skip
    distinct = pd.DataFrame(
        [
            row(metric, quantity="distinctiveness")
            for metric in ("nearest_neighbour", "nearest_neighbours_mean")
        ]
    )
    distinct["loss"] = "style"
    ours, elsewhere, theirs = forest_models([errors, distinct], "paper", "style")
    assert list(elsewhere["protocol"]) == ["external"]
    assert ours[["protocol", "loss", "lr"]].to_numpy().tolist() == [["paper", "style", "5e-6"]]
    assert list(theirs["metric"]) == ["nearest_neighbour"]
