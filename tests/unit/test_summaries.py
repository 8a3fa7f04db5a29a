"""Summaries: what a reader is shown of the tables."""

import json
from typing import Any

import pandas as pd
import pytest

from memorability.claims import ledger, load_published
from memorability.summaries import (
    ceiling_for_reading,
    claims_for_reading,
    effects_for_reading,
    metrics_for_reading,
    our_figures,
    provenance_rows,
    published_measure,
    table_1,
    table_1_for_reading,
    with_intervals,
)

NAN = float("nan")
VARY = {"paper": "order", "released": "nothing"}
LOSSES = ["lpips_squeeze", "lpips_vgg", "lpips_alex", "style", "mse", "ms_ssim"]


def row(metric: str = "mse", **changes: Any) -> dict[str, Any]:
    """A pooled correlation of the error of a run on MemCat."""
    loss = metric.removesuffix("_one_minus").removesuffix("_random_backbone")
    base: dict[str, Any] = {
        "quantity": "error", "metric": metric, "protocol": "paper",
        "loss": loss, "lr": "5e-6", "selected": True,
        "target": "score", "group": "all", "method": "pooled", "n": 10_000, "seeds": 5, "r": 0.4,
        "r_seed_sd": 0.01, "ci_low": 0.38, "ci_high": 0.42, "ci_method": "percentile", "p": 0.0,
        "p_holm": 0.0, "diverged": "",
    }  # fmt: skip
    return base | changes


def metric(name: str, head: str = "mlp", **changes: Any) -> dict[str, Any]:
    base = {"head": head, "metric": name, "value": 0.5, "ci_low": 0.4, "ci_high": 0.6, "n": 3000}
    return base | changes


METRICS = pd.DataFrame(
    [
        metric(name, head, value=value)
        for name, head, value in (
            ("spearman", "mlp", 0.56),
            ("roc_auc", "mlp", 0.76),
            ("mae", "mlp", 0.1),
            ("spearman", "category_mean", 0.3),
            ("roc_auc", "category_mean", 0.6),
            ("mae", "category_mean", 0.2),
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


def test_table_1_names_a_random_backbone() -> None:
    table = table_1(pd.DataFrame([row("lpips_vgg_random_backbone")]), VARY)
    assert table.loc[0, "loss"] == "LPIPS (VGG), random backbone"


def test_a_comparison_for_reading_says_what_differs_and_names_the_error() -> None:
    effects = pd.DataFrame(
        [
            {
                "choice": "lpips_sign_test", "value": "one_minus", "base_value": "distance",
                "protocol": "b", "base_protocol": "a", "loss": "lpips_vgg", "lr": "5e-6",
                "metric": "lpips_vgg_one_minus", "base_metric": "lpips_vgg", "target": "score",
                "n": 100, "r": -0.4, "base_r": 0.4, "difference": -0.8, "ci_low": -0.9,
                "ci_high": -0.7, "ci_method": "percentile", "p": 0.001,
            }
        ]
    )  # fmt: skip
    shown = effects_for_reading(effects).iloc[0]
    assert shown["error"] == "1 − LPIPS (VGG)"
    assert shown["CI"] == "[-0.900, -0.700]"
    assert list(shown[["choice", "here", "there"]]) == ["lpips_sign_test", "one_minus", "distance"]
    assert (shown["difference of r"], shown["r there"]) == (-0.8, 0.4)


def test_table_1_for_reading_has_words_for_headings_and_no_lone_bounds() -> None:
    shown = table_1_for_reading(table_1(pd.DataFrame([row("mse")]), VARY))
    assert "Spearman's r" in shown
    assert not any("ci_" in column or "_r" in column for column in shown)
    assert "[0.380, 0.420]" in shown.iloc[0].to_list()


def test_table_1_names_seeds_that_diverged_where_some_did() -> None:
    lost = {"r": NAN, "seeds": 0, "diverged": "seed 0 at step 17"}
    table = table_1(pd.DataFrame([row("mse", **lost), row("style")]), VARY)
    assert table["diverged"].tolist() == ["", "seed 0 at step 17"]
    assert "seed 0 at step 17" in table_1_for_reading(table)["diverged"].tolist()
    assert "diverged" not in table_1_for_reading(table[:1])


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
    assert list(shown["CI"]) == ["–", "[-0.500, 0.000]"]


# Metrics


def test_latents_stand_beside_category_means_metric_by_metric() -> None:
    shown = metrics_for_reading(METRICS).set_index("metric")
    assert list(shown.index) == ["Spearman's r", "ROC AUC", "MAE"]
    assert shown["latents"].to_dict() == {"Spearman's r": 0.56, "ROC AUC": 0.76, "MAE": 0.1}
    assert shown.loc["ROC AUC", "category means alone"] == 0.6
    assert shown.loc["MAE", "CI"] == "[0.400, 0.600]"
    assert (shown["test images"] == 3000).all()


def test_a_metric_that_is_undefined_for_category_means_is_still_shown_for_latents() -> None:
    """With one category its mean is constant and has no rank correlation."""
    metrics = METRICS.copy()
    constant = (metrics["metric"] == "spearman") & (metrics["head"] == "category_mean")
    metrics.loc[constant, ["value", "ci_low", "ci_high"]] = NAN
    shown = metrics_for_reading(metrics).set_index("metric")
    assert list(shown.index) == ["Spearman's r", "ROC AUC", "MAE"]
    assert shown.loc["Spearman's r", "latents"] == 0.56
    assert pd.isna(shown.loc["Spearman's r", "category means alone"])
    assert list(shown["CI of category means"]) == ["–", "[0.400, 0.600]", "[0.400, 0.600]"]


# Figures that are compared with published ones


def verdicts(*rows: dict[str, Any], protocol: str = "paper") -> pd.DataFrame:
    figures = our_figures([pd.DataFrame([one]) for one in rows], METRICS, protocol, "mse")
    table = ledger(figures, claims=load_published(), dataset_kind="memcat", margin=0.05)
    return table.set_index("claim")


@pytest.mark.parametrize("loss", LOSSES)
def test_an_error_answers_the_published_figure_of_its_own_loss_alone(loss: str) -> None:
    table = verdicts(row(loss))
    answered = table.index[table["ours"].notna() & table.index.str.startswith("table_1.")]
    assert list(answered) == [f"table_1.{loss}"]
    assert table.loc[f"table_1.{loss}", "ours"] == 0.4


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_with_a_random_backbone_answers_no_published_figure(loss: str) -> None:
    table = verdicts(row(f"{loss}_random_backbone"))
    of_table_1 = table[table.index.str.startswith("table_1.")]
    assert len(of_table_1) == 6
    assert of_table_1["ours"].isna().all()
    assert (of_table_1["verdict"] == "not testable").all()


@pytest.mark.parametrize("loss", ["lpips_squeeze", "lpips_vgg", "lpips_alex"])
def test_one_minus_lpips_answers_for_it_as_in_the_published_scripts(loss: str) -> None:
    table = verdicts(row(f"{loss}_one_minus", r=-0.4, ci_low=-0.42, ci_high=-0.38))
    assert table.loc[f"table_1.{loss}", "ours"] == -0.4
    random = verdicts(row(f"{loss}_random_backbone_one_minus"))
    assert random.loc[f"table_1.{loss}", "verdict"] == "not testable"


def test_features_answer_by_name_and_predictions_by_metric() -> None:
    none = {"protocol": "", "loss": "", "lr": ""}
    table = verdicts(row("saturation", quantity="feature", r=0.157, **none))
    found = table["ours"].dropna().to_dict()
    assert found == {
        "table_2.saturation.memorability": 0.157,
        "prediction.spearman": 0.56,
        "prediction.roc_auc": 0.76,
    }
    assert table.loc["prediction.roc_auc", ["ours_ci_low", "ours_ci_high", "n"]].to_list() == [
        0.4, 0.6, 3000,
    ]  # fmt: skip


def test_only_the_first_protocol_is_compared() -> None:
    rows = [row("mse", r=0.1, protocol="released"), row("mse", r=0.2)]
    assert verdicts(*rows).loc["table_1.mse", "ours"] == 0.2
    assert verdicts(*rows, protocol="released").loc["table_1.mse", "ours"] == 0.1


def distinctiveness(loss: str) -> dict[str, Any]:
    return row("nearest_neighbour", quantity="distinctiveness", loss=loss, r=0.3)


def test_distinctiveness_answers_for_the_model_that_the_paper_measured() -> None:
    table = verdicts(row("lpips_squeeze"), distinctiveness("lpips_squeeze"))
    assert table.loc["distinctiveness", "ours"] == 0.3
    assert pd.isna(verdicts(row("mse"), distinctiveness("mse")).loc["distinctiveness", "ours"])


def test_the_published_measure_is_one_of_several() -> None:
    measures = pd.DataFrame(
        {"metric": ["local_outlier_factor", "nearest_neighbour"], "r": [0.9, 0.3]}
    )
    first, second = published_measure(measures, measures.iloc[:1])
    assert list(first["r"]) == [0.3]
    assert second.empty


def test_of_several_measures_of_distinctiveness_the_published_one_answers() -> None:
    other = distinctiveness("lpips_squeeze") | {"metric": "local_outlier_factor", "r": 0.9}
    table = verdicts(row("lpips_squeeze"), other, distinctiveness("lpips_squeeze"))
    assert table.loc["distinctiveness", "ours"] == 0.3
    table = verdicts(row("lpips_squeeze"), other)
    assert pd.isna(table.loc["distinctiveness", "ours"])


def test_distinctiveness_of_a_model_trained_with_a_random_backbone_answers_nothing() -> None:
    table = verdicts(row("lpips_squeeze_random_backbone"), distinctiveness("lpips_squeeze"))
    assert pd.isna(table.loc["distinctiveness", "ours"])


def test_gathering_our_figures_leaves_the_tables_as_they_were() -> None:
    tables = [pd.DataFrame([row("mse_random_backbone")]), pd.DataFrame([row(quantity="feature")])]
    before = [table.copy(deep=True) for table in [*tables, METRICS]]
    our_figures(tables, METRICS, "paper", "mse")
    for table, copy in zip([*tables, METRICS], before, strict=True):
        pd.testing.assert_frame_equal(table, copy)


# The ledger for reading


def test_the_ledger_for_reading_begins_with_the_verdict_and_names_the_place_in_the_paper() -> None:
    shown = claims_for_reading(verdicts(row("mse", r=0.235)).reset_index())
    assert len(shown) == len(load_published())
    assert shown.columns[0] == "verdict"
    mse = shown[shown["published"] == 0.235].iloc[0]
    assert mse["source"] == "Table 1"
    assert mse["published CI"] == "[0.229, 0.249]"
    assert mse["our CI"] == "[0.380, 0.420]"
    assert not shown["source"].str.contains("arXiv|Bagheri").any()
    assert (shown["source"].str.len() > 0).all()
    assert (shown.loc[shown["ours"].isna(), "our CI"] == "–").all()


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
        "settings": {"previous_model": None},
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
        runs[-1]["settings"] = {"previous_model": name}
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
        "target": "score_uncorrected", "group": "all", "n": 9, "consistency": 0.7,
        "consistency_sd": 0.01, "full_length": 0.82, "ceiling": 0.91,
    }  # fmt: skip
    shown = ceiling_for_reading(pd.DataFrame([row]))
    assert shown.iloc[0].to_dict() == {
        "score": "memorability, hits / responses",
        "group": "all",
        "images": 9,
        "consistency of halves": 0.7,
        "SD over splits": 0.01,
        "reliability of all responses": 0.82,
        "ceiling": 0.91,
    }
