"""Which of our numbers answers which published one."""

from typing import Any

import pandas as pd
import pytest

from memorability.claims.answers import our_figures
from memorability.claims.ledger import ledger
from memorability.claims.published import load_published

NAN = float("nan")
LOSSES = ["lpips_squeeze", "lpips_vgg", "lpips_alex", "style", "mse", "ms_ssim"]
PREDICTION = ["roc_auc", "pr_auc", "spearman", "accuracy", "precision", "sensitivity",
              "specificity", "f1"]  # fmt: skip
IMAGES = pd.DataFrame({"image_id": ["a", "b"], "score": [0.5, 0.9]})
DESCRIPTIONS = ["dataset.images", "dataset.mean_score"]


def row(metric: str = "mse", **changes: Any) -> dict[str, Any]:
    """A pooled correlation of the error of a run on MemCat."""
    base: dict[str, Any] = {
        "quantity": "error", "metric": metric,
        "backbone": "none", "trained_by": "", "published": "",
        "sign": "distance", "model": "",
        "protocol": "paper", "loss": metric, "lr": "5e-6", "selected": True,
        "target": "score", "group": "all", "method": "pooled", "n": 10_000, "seeds": 5, "r": 0.4,
        "r_seed_sd": 0.01, "ci_low": 0.38, "ci_high": 0.42, "ci_method": "percentile", "p": 0.0,
        "p_holm": 0.0, "diverged": "",
    }  # fmt: skip
    return base | changes


def external(name: str, **changes: Any) -> dict[str, Any]:
    known = {"protocol": "external", "loss": name, "lr": "", "seeds": 1}
    return (
        row("lpips_squeeze")
        | {"backbone": "", "trained_by": "", "published": "", "sign": ""}
        | known
        | changes
    )


METRICS = pd.DataFrame(
    [
        {"head": head, "metric": name, "value": 0.7, "ci_low": 0.6, "ci_high": 0.8, "n": 3177}
        for head in ("mlp", "category_mean", "ridge")
        for name in [*PREDICTION, "pearson", "mse"]
    ]
)


def verdicts(*rows: dict[str, Any], **changes: Any) -> pd.DataFrame:
    how = {"protocol": "paper", "selected_loss": "mse", "confidence": 0.95} | changes
    figures = our_figures([pd.DataFrame([one]) for one in rows], IMAGES, **how)
    table = ledger(
        figures, claims=load_published(), dataset_kind="memcat", margin=0.05, confidence=0.95
    )
    return table.set_index("claim")


def answered(table: pd.DataFrame) -> list[str]:
    return [name for name in table.index[table["ours"].notna()] if name not in DESCRIPTIONS]


# Correlations


@pytest.mark.parametrize("loss", LOSSES)
def test_an_error_answers_the_published_figure_of_its_own_loss_alone(loss: str) -> None:
    table = verdicts(row(loss))
    assert answered(table) == [f"table_1.{loss}"]
    assert table.loc[f"table_1.{loss}", "ours"] == 0.4


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_with_a_random_backbone_answers_no_published_figure(loss: str) -> None:
    assert answered(verdicts(row(loss, backbone="random", published="no"))) == []


@pytest.mark.parametrize("loss", ["lpips_squeeze", "lpips_vgg", "lpips_alex"])
def test_one_minus_lpips_answers_for_it_as_in_the_published_scripts(loss: str) -> None:
    table = verdicts(
        row(
            loss,
            backbone="pretrained",
            trained_by="torchvision (ImageNet)",
            published="yes",
            sign="one_minus",
            r=-0.4,
            ci_low=-0.42,
            ci_high=-0.38,
        )
    )
    assert table.loc[f"table_1.{loss}", "ours"] == -0.4
    assert (
        answered(
            verdicts(
                row(
                    loss,
                    backbone="random",
                    trained_by="",
                    published="no",
                    sign="one_minus",
                )
            )
        )
        == []
    )


def test_features_answer_by_name() -> None:
    none = {"protocol": "", "loss": "", "lr": ""}
    table = verdicts(row("saturation", quantity="feature", r=0.157, **none))
    assert table["ours"].dropna().drop(DESCRIPTIONS).to_dict() == {
        "table_2.saturation.memorability": 0.157
    }


def attributed(summary: str, r: float, n: int = 3177) -> dict[str, Any]:
    return row(
        "saturation", target=f"attribution_{summary}", r=r, ci_low=r - 0.02, ci_high=r + 0.02,
        protocol="", loss="", lr="", quantity="feature", n=n, seeds=1, r_seed_sd=NAN,
    )  # fmt: skip


def test_every_summary_answers_for_attributions_as_the_paper_does_not_say_which() -> None:
    rows = [
        attributed(summary, r)
        for summary, r in (("mean_absolute", 0.2), ("mean_signed", 0.41), ("mean_positive", 0.3))
    ]
    table = verdicts(row("mse"), *rows, published_split=True, share_converged=0.95)
    found = table.loc["table_2.saturation.ig"].set_index("reading")
    assert found["ours"].to_dict() == {
        "mean of absolute values": 0.2,
        "mean of signed values": 0.41,
        "mean of positive values": 0.3,
    }
    assert found["verdict"].to_dict() == {
        "mean of absolute values": "far (one run)",
        "mean of signed values": "close (one run)",
        "mean of positive values": "far (one run)",
    }
    assert (found["share_converged"] == 0.95).all()
    assert found["why"].str.contains("the attributions of 95% of the images have converged").all()
    assert not table.loc[["table_1.mse"], "why"].str.contains("converged").any()
    assert (found["data"] == "same images").all()
    assert pd.isna(table.loc["table_2.saturation.memorability", "ours"])
    assert pd.isna(table.loc["table_1.mse", "share_converged"])


def test_images_that_did_not_converge_make_other_images() -> None:
    table = verdicts(
        row("mse"), attributed("mean_signed", 0.41, n=3000), published_split=True,
        share_converged=3000 / 3177,
    )  # fmt: skip
    found = table.loc["table_2.saturation.ig"]
    assert (found["data"], found["n"]) == ("published set", 3000)
    few = verdicts(row("mse"), attributed("mean_signed", 0.41, n=1800), published_split=True)
    assert few.loc["table_2.saturation.ig", "verdict"] == "not testable"


def test_features_answer_on_the_published_test_images_where_the_split_is_published() -> None:
    none = {"protocol": "", "loss": "", "lr": "", "quantity": "feature", "seeds": 1}
    of_all = row("saturation", r=0.2, **none)
    tested = pd.DataFrame([row("saturation", r=0.15, n=3177, **none)])
    found = verdicts(of_all, published_split=True, tested=tested)
    found = found.loc["table_2.saturation.memorability"]
    assert (found["ours"], found["n"], found["data"]) == (0.15, 3177, "same images")
    assert (found["error_of"], found["verdict"]) == ("nothing", "equivalent")
    found = verdicts(of_all, tested=tested).loc["table_2.saturation.memorability"]
    assert (found["ours"], found["n"], found["error_of"]) == (0.2, 10_000, "images")


def test_seeds_are_the_error_of_what_was_trained_unless_they_change_nothing() -> None:
    assert verdicts(row("mse")).loc["table_1.mse", "error_of"] == "5 seeds"
    assert verdicts(row("mse", seeds=1)).loc["table_1.mse", "error_of"] == "one run"
    fixed = verdicts(row("mse", seeds=1, r=0.24), seeded=False).loc["table_1.mse"]
    assert (fixed["error_of"], fixed["verdict"]) == ("nothing", "equivalent")
    far = verdicts(row("mse", seeds=1), seeded=False).loc["table_1.mse"]
    assert far["verdict"] == "differs"


def test_attributions_of_a_model_with_a_random_backbone_answer_nothing() -> None:
    none = {"protocol": "", "loss": "", "lr": "", "quantity": "feature", "n": 3177}
    rows = [
        row("lpips_vgg", backbone="random", published="no"),
        row("saturation", target="attribution_mean_absolute", **none),
    ]
    assert answered(verdicts(*rows, selected_loss="lpips_vgg")) == []


def test_only_the_first_protocol_is_compared() -> None:
    rows = [row("mse", r=0.1, protocol="released"), row("mse", r=0.2)]
    assert verdicts(*rows).loc["table_1.mse", "ours"] == 0.2
    assert verdicts(*rows, protocol="released").loc["table_1.mse", "ours"] == 0.1


def distinctiveness(loss: str, metric: str = "nearest_neighbour") -> dict[str, Any]:
    return row(metric, quantity="distinctiveness", loss=loss, r=0.3)


def test_distinctiveness_answers_for_the_model_and_the_measure_of_the_paper() -> None:
    rows = [row("lpips_squeeze"), distinctiveness("lpips_squeeze")]
    table = verdicts(*rows, distinctiveness("lpips_squeeze", "local_outlier_factor"))
    assert table.loc["distinctiveness", "ours"] == 0.3
    assert pd.isna(verdicts(row("mse"), distinctiveness("mse")).loc["distinctiveness", "ours"])


def test_distinctiveness_of_a_model_trained_with_a_random_backbone_answers_nothing() -> None:
    table = verdicts(
        row("lpips_squeeze", backbone="random", published="no"), distinctiveness("lpips_squeeze")
    )
    assert pd.isna(table.loc["distinctiveness", "ours"])


# Predictions


def test_every_published_metric_of_prediction_is_answered_by_the_mlp_alone() -> None:
    table = verdicts(row("style"), metrics=METRICS)
    names = [name for name in answered(table) if name.startswith("prediction.")]
    assert sorted(names) == sorted(f"prediction.{name}" for name in PREDICTION)
    assert table.loc["prediction.roc_auc", ["ours_ci_low", "ours_ci_high", "n"]].to_list() == [
        0.6, 0.8, 3177,
    ]  # fmt: skip
    none = verdicts(row("style"), metrics=METRICS[METRICS["head"] != "mlp"])
    assert answered(none) == ["table_1.style"]
    assert (table.loc[names, "error_of"] == "one run").all()
    assert set(table.loc[names, "data"]) == {"published set"}
    published = verdicts(row("style"), metrics=METRICS, published_split=True)
    assert set(published.loc[names, "data"]) == {"same images"}


def test_a_predictor_on_a_model_with_a_random_backbone_answers_nothing() -> None:
    table = verdicts(
        row("lpips_vgg", backbone="random", published="no"),
        metrics=METRICS,
        selected_loss="lpips_vgg",
    )
    assert answered(table) == []


# What describes the data


def test_images_scores_and_splits_are_described() -> None:
    split = pd.DataFrame({"split": ["train"] * 5 + ["validation"] * 2 + ["test"] * 3})
    table = verdicts(row("style"), predictions=split)
    assert table.loc["dataset.images", ["ours", "n"]].to_list() == [2, 2]
    assert table.loc["dataset.mean_score", "ours"] == pytest.approx(0.7)
    sizes = [table.loc[f"split.{part}", "ours"] for part in ("train", "validation", "test")]
    assert sizes == [5, 2, 3]
    assert "split.train" not in answered(verdicts(row("style")))


def test_the_consistency_of_halves_answers_under_the_uncorrected_score_with_its_interval() -> None:
    ceiling = pd.DataFrame(
        [
            {"target": target, "method": method, "n": 10_000, "consistency": r}
            | {"divisions": 25, "consistency_sd": 0.004}
            for target, method, r in (
                ("score", "pooled", 0.745),
                ("score_uncorrected", "pooled", 0.777),
                ("score_uncorrected", "partial", 0.66),
                ("score_uncorrected", "within", 0.6),
            )
        ]
    )
    found = verdicts(row("style"), ceiling=ceiling).loc["consistency.memcat"]
    assert (found["ours"], found["n"], found["verdict"]) == (0.777, 10_000, "equivalent")
    assert found["error_of"] == "25 divisions of the responses"
    assert 0.765 < found["ours_ci_low"] < 0.77
    assert 0.785 < found["ours_ci_high"] < 0.79


def test_an_undefined_consistency_is_not_testable() -> None:
    ceiling = pd.DataFrame(
        [
            {"target": "score_uncorrected", "method": "pooled", "n": 10_000, "divisions": 25}
            | {"consistency": NAN, "consistency_sd": NAN}
        ]
    )
    found = verdicts(row("style"), ceiling=ceiling).loc["consistency.memcat"]
    assert found["why"] == "our number is undefined"


# Made elsewhere


def test_an_error_made_elsewhere_answers_only_what_it_was_made_for() -> None:
    rows = [external("theirs"), external("other", r=0.1)]
    assert answered(verdicts(*rows)) == []
    claims = {"error": {"theirs": "table_1.lpips_vgg"}}
    table = verdicts(*rows, external_claims=claims)
    assert answered(table) == ["table_1.lpips_vgg"]
    assert table.loc["table_1.lpips_vgg", "by"] == "external error: theirs"


def test_an_error_made_elsewhere_stands_beside_the_study_s_own_of_the_same_name() -> None:
    """A random backbone of ours says nothing of theirs, and theirs nothing of ours."""
    rows = [row("lpips_squeeze", r=0.44), external("lpips_squeeze", r=0.1)]
    claims = {"error": {"lpips_squeeze": "table_1.lpips_squeeze"}}
    found = verdicts(*rows, external_claims=claims).loc["table_1.lpips_squeeze"]
    assert found.set_index("by")["ours"].to_dict() == {
        "this study": 0.44, "external error: lpips_squeeze": 0.1,
    }  # fmt: skip
    rows[0] = row("lpips_squeeze", backbone="random", published="no", r=0.44)
    found = verdicts(*rows, external_claims=claims).loc["table_1.lpips_squeeze"]
    assert found["by"] == "external error: lpips_squeeze"


def test_latents_made_elsewhere_answer_for_distinctiveness() -> None:
    rows = [
        external("theirs", quantity="distinctiveness", metric=metric)
        for metric in ("nearest_neighbour", "local_outlier_factor")
    ]
    table = verdicts(*rows, external_claims={"distinctiveness": {"theirs": "distinctiveness"}})
    assert answered(table) == ["distinctiveness"]
    assert table.loc["distinctiveness", "by"] == "external distinctiveness: theirs"


def test_a_study_without_runs_or_correlations_still_describes_its_data() -> None:
    nothing = pd.DataFrame([row()]).iloc[:0]
    table = our_figures([nothing], IMAGES, confidence=0.95)
    assert list(table["quantity"]) == ["images", "score"]
    assert list(our_figures([], IMAGES, confidence=0.95)["quantity"]) == ["images", "score"]


def test_gathering_our_figures_leaves_the_tables_as_they_were() -> None:
    tables = [
        pd.DataFrame([row("mse", backbone="random", published="no")]),
        pd.DataFrame([row(quantity="feature")]),
    ]
    before = [table.copy(deep=True) for table in [*tables, METRICS]]
    our_figures(
        tables, IMAGES, confidence=0.95, protocol="paper", selected_loss="mse", metrics=METRICS
    )
    for table, copy in zip([*tables, METRICS], before, strict=True):
        pd.testing.assert_frame_equal(table, copy)


# Predictors of pixels on several data sets

ON_SETS = pd.DataFrame(
    [
        {"set": name, "target": target, "head": head, "fitted_to": fitted_to, "n": n, "r": r,
         "ci_low": r - 0.02, "ci_high": r + 0.02}
        for name, target, head, fitted_to, n, r in (
            ("own test images", "score", "hog2x2", "score", 1_111, 0.47),
            ("own test images", "score", "hog2x2", "score_uncorrected", 1_111, 0.11),
            ("own test images", "score_uncorrected", "hog2x2", "score_uncorrected", 1_111, 0.30),
            ("mine", "score", "hog2x2", "score_uncorrected", 90, 0.12),
            ("big", "score", "hog2x2", "score", 58_741, 0.13),
            ("big", "score", "hog2x2", "score_uncorrected", 58_741, 0.36),
            ("again", "score", "hog2x2", "score_uncorrected", 58_741, 0.14),
            ("big", "score", "alexnet_fc6_svr", "score_uncorrected", 58_741, 0.15),
            ("big", "score", "resmem_published", "published", 58_741, 0.9),
        )
    ]
)  # fmt: skip
SETS = {"own test images": "sun", "mine": "folder", "big": "lamem", "again": "lamem"}


def on_sets(kinds: dict[str, str], table: pd.DataFrame = ON_SETS) -> pd.DataFrame:
    figures = our_figures([], IMAGES, confidence=0.95, test_sets=table, test_set_kinds=kinds)
    kind = next(iter(kinds.values()))
    table = ledger(
        figures, claims=load_published(), dataset_kind=kind, margin=0.05, confidence=0.95
    ).set_index("claim")  # fmt: skip
    return table[table.index.str.startswith("khosla_table_1")]


def test_a_fit_to_one_data_set_answers_on_itself_and_on_another() -> None:
    table = on_sets(SETS)
    ours = table["ours"].dropna()
    place = "khosla_table_1.sun_to"
    assert dict(ours) == {
        f"{place}_sun.corrected.hog2x2": 0.47, f"{place}_sun.hits.hog2x2": 0.30,
        # LaMem's score is a hit rate: fits to hits answer, and the first set of LaMem alone.
        f"{place}_lamem.hits.hog2x2": 0.36, f"{place}_lamem.hits.fc6": 0.15,
    }  # fmt: skip
    verdict = table["verdict"]
    assert verdict[f"{place}_sun.corrected.hog2x2"] == "close (one run)"
    assert verdict[f"{place}_sun.hits.hog2x2"] == "far (one run)"
    assert verdict[f"{place}_lamem.hits.hog2x2"] == "close (one run)"
    assert "torchvision's AlexNet" in table["why"][f"{place}_lamem.hits.fc6"]
    alexnet = ON_SETS[ON_SETS["head"] == "alexnet_fc6_svr"]
    published = on_sets(
        SETS, pd.concat([ON_SETS, alexnet.assign(head="hybrid_cnn_fc6_svr", r=0.4)])
    )
    assert published["ours"][f"{place}_lamem.hits.fc6"] == 0.4
    assert "AlexNet" not in published["why"][f"{place}_lamem.hits.fc6"]
    assert table["why"][f"{place}_lamem.corrected.hog2x2"] == (
        "nothing computed: LaMem publishes no false alarms"
    )


def test_a_fit_to_lamems_score_answers_for_hits_and_on_other_images_nothing_is_tested() -> None:
    rows = ON_SETS.head(1).assign(n=10_000, r=0.42)
    table = on_sets({"own test images": "lamem"}, rows)
    assert dict(table["ours"].dropna()) == {"khosla_table_1.lamem_to_lamem.hits.hog2x2": 0.42}
    assert table["verdict"]["khosla_table_1.lamem_to_lamem.hits.hog2x2"] == "close (one run)"
    few = on_sets({"own test images": "lamem"}, rows.assign(n=500))
    assert few["data"]["khosla_table_1.lamem_to_lamem.hits.hog2x2"] == "other data"
    assert on_sets({"own test images": "folder"})["ours"].isna().all()
