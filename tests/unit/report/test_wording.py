"""Sentences about correlations, in ordinary and in odd cases."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.report.numbers import measured_with_interval
from memorability.report.reading import importance_for_reading
from memorability.report.wording import (
    baseline_in_words,
    cannot_tell,
    distinct_heads,
    features_in_words,
    given_category_in_words,
    in_words,
    models_in_words,
    predictor_in_words,
    why_none,
    worse_than_constant,
)

BASE: dict[str, Any] = {
    "quantity": "error", "metric": "lpips_squeeze",
    "backbone": "pretrained", "trained_by": "torchvision (ImageNet)", "published": "yes",
    "sign": "distance",
    "model": "", "protocol": "paper", "loss": "lpips_squeeze",
    "lr": "5e-6", "selected": True, "target": "score", "group": "all", "n": 10_000, "seeds": 5,
    "r": 0.5, "ci_low": 0.48, "ci_high": 0.52, "ci_method": "percentile", "strata": pd.NA,
    "ceiling": 0.92, "baseline": "", "baseline_n": pd.NA, "baseline_r": np.nan,
    "baseline_difference": np.nan, "baseline_ci_low": np.nan, "baseline_ci_high": np.nan,
    "beats_baseline": "", "unit": "subcategories and seeds", "seed_agreement": 0.97,
    "not_tested": "", "rates": 1,
}  # fmt: skip


def rows(pooled: Any = None, between: float | None = 0.4, partial: Any = None) -> pd.DataFrame:
    """Rows of one model: pooled, given the category, and the part between categories."""
    found = [BASE | {"method": "pooled"} | (pooled or {})]
    if between is not None:
        left = {"r": 0.2, "ci_low": 0.18, "ci_high": 0.22, "ceiling": 0.87, "strata": 5}
        found.append(BASE | {"method": "partial"} | left | (partial or {}))
        found.append(BASE | {"method": "part_between_category", "r": between, "strata": 5})
    table = pd.DataFrame(found)
    share = table["r"] / table["ceiling"]
    nothing = {"ceiling_share_low": np.nan, "ceiling_share_high": np.nan}
    return table.assign(ceiling_share=share).assign(
        **{name: table.get(name, value) for name, value in nothing.items()}
    )


def said(*args: Any, **kwargs: Any) -> str:
    return in_words(rows(*args, **kwargs), confidence=0.95)


def test_an_ordinary_correlation_in_full() -> None:
    baseline = {
        "baseline": "subcategory_mean", "baseline_n": 4108, "baseline_r": 0.7,
        "baseline_difference": -0.2, "baseline_ci_low": -0.22, "baseline_ci_high": -0.18,
        "beats_baseline": "no",
    }  # fmt: skip
    assert said(baseline) == (
        "Reconstruction error (LPIPS (SqueezeNet), learning rate 5e-6) correlates with memorability: "
        "r = 0.50 (95 % interval 0.48 to 0.52 for new subcategories and seeds), 10,000 images, mean of "
        "5 seeds, which agree at r = 0.97. Differences between the 5 categories make 0.40 of it "
        "(80 %), differences between images of one category make "
        "0.10 (20 %). Given the category, r = 0.20 (0.18 to 0.22) is left. Scores of this reliability "
        "allow r = 0.92 at most (54.3 % is reached); given the category, r = 0.87 at most (23 % is "
        "reached). This correlation is weaker than that of the mean score of the subcategory alone "
        "(r = 0.70), by 0.20 (0.18 to 0.22), on the 4,108 images that have both."
    )


@pytest.mark.parametrize(
    ("difference", "low", "high", "verdict", "words"),
    [
        (0.1, 0.05, 0.15, "yes", "This correlation is stronger than that of the width / height of the "
         "original alone (r = −0.30), by 0.10 (0.05 to 0.15), on the 40 images that have both."),
        (0.1, -0.05, 0.15, "no", "This correlation is not shown to be stronger than that of the width "
         "/ height of the original alone (r = −0.30): it differs by 0.10 (−0.05 to 0.15), on the 40 "
         "images that have both."),
    ],
)  # fmt: skip
def test_the_verdict_on_a_baseline(
    difference: float, low: float, high: float, verdict: str, words: str
) -> None:
    baseline = {
        "baseline": "aspect", "baseline_n": 40, "baseline_r": -0.3, "beats_baseline": verdict,
        "baseline_difference": difference, "baseline_ci_low": low, "baseline_ci_high": high,
    }  # fmt: skip
    assert said(baseline).endswith(words)
    assert baseline_in_words(rows(baseline)) == words
    assert baseline_in_words(rows()) == ""


def test_one_seed_and_few_categories_are_said_where_they_are_and_only_there() -> None:
    one = {"seeds": 1, "seed_agreement": np.nan, "unit": "images"}
    of_one_seed = "It is of one seed, and cannot be told from what another seed would give."
    assert of_one_seed in said(one)
    for changes in ({}, one | {"protocol": "external"}, one | {"quantity": "feature"}):
        assert of_one_seed not in said(changes)
    few = "chance differences between 5 categories, too few for any method"
    assert f"The interval does not allow for {few}." in said({"not_tested": few})
    assert "does not allow for" not in said()


def test_parts_of_opposite_signs_have_no_shares() -> None:
    words = said(between=0.6)
    assert (
        "the 5 categories make 0.60 of it, differences between images of one category make −0.10."
        in words
    )
    assert "120 %" not in words


def test_an_interval_across_0_is_said_to_be_so_and_has_no_shares() -> None:
    words = said({"r": 0.01, "ci_low": -0.01, "ci_high": 0.03}, between=0.004)
    assert "LPIPS (SqueezeNet), learning rate 5e-6) is not shown to correlate with memorab" in words
    assert (
        "10,000 images, mean of 5 seeds, which agree at r = 0.97. The interval contains 0." in words
    )
    assert "make 0.00 of it, differences between images of one category make 0.01." in words
    assert "allow r = 0.92 at most; given" in words
    words = said(partial={"r": 0.01, "ci_low": -0.01, "ci_high": 0.03})
    assert "Given the category, no correlation is shown: r = 0.01 (−0.01 to 0.03)." in words


def test_a_negative_correlation_is_shared_out_like_a_positive_one() -> None:
    words = said(
        {"r": -0.5, "ci_low": -0.52, "ci_high": -0.48}, between=-0.4,
        partial={"r": -0.2, "ci_low": -0.22, "ci_high": -0.18},
    )  # fmt: skip
    assert "make −0.40 of it (80 %)" in words
    assert "54.3 % is reached" in words


def test_no_correlation_is_said_with_its_reason() -> None:
    nothing = {"r": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    assert said(nothing | {"ci_method": "undefined (constant values)"}).endswith(
        "has no correlation with memorability: constant values."
    )
    assert said(nothing | {"ci_method": "none (diverged)"}).endswith(": all its runs diverged.")


def test_of_one_category_and_unknown_reliability_nothing_is_said() -> None:
    words = said(
        {"ceiling": np.nan, "seeds": 1, "seed_agreement": np.nan, "protocol": "external", "n": 9,
         "ci_low": np.nan, "ci_high": np.nan, "ci_method": "none (n < 10)"},
        between=None,
    )  # fmt: skip
    assert words == (
        "Reconstruction error (LPIPS (SqueezeNet), external, learning rate 5e-6) is not shown to "
        "correlate with memorability: r = 0.50 (no interval: fewer than 10 images), 9 images."
    )
    assert given_category_in_words(rows(between=None)) == ""


def test_a_ceiling_of_0_and_values_that_only_tell_categories_apart() -> None:
    table = rows(partial={"r": np.nan}, between=0.5)
    words = in_words(table.assign(ceiling=0.0, ceiling_share=np.nan), confidence=0.9)
    assert "All of it is between the 5 categories: within them nothing varies." in words
    assert "no more reliable than chance" in words
    assert given_category_in_words(table) == ""
    assert "90 % interval" in words


def test_other_targets_and_quantities_have_their_names() -> None:
    table = rows().assign(target="d_prime", quantity="distinctiveness", metric="nearest_neighbour")
    assert in_words(table, confidence=0.95).startswith(
        "Latent distinctiveness (distance to the nearest image; model: LPIPS (SqueezeNet), learning "
        "rate 5e-6) correlates with sensitivity (d′)"
    )


@pytest.mark.parametrize(
    ("ci_method", "why"),
    [
        ("none (n < 10)", "fewer than 10 images"),
        ("undefined (BCa bounds)", "BCa bounds"),
        ("constant", "constant"),
    ],
)
def test_why_there_is_no_interval(ci_method: str, why: str) -> None:
    assert why_none(ci_method) == why


def test_every_selected_model_has_a_row_the_strongest_first() -> None:
    weak = rows({"r": 0.49}).assign(lr="1e-3", loss="mse", metric="mse")
    other = rows().assign(lr="1e-2", selected=False)
    labels = rows().assign(quantity="baseline", metric="category_mean", protocol="", loss="", lr="")
    table = models_in_words([pd.concat([weak, other, rows()]), labels], confidence=0.95)
    assert list(table) == ["correlation"]
    assert [words[:26] for words in table["correlation"]] == [
        "Reconstruction error (LPIP", "Reconstruction error (MSE,", "Mean score of the category",
    ]  # fmt: skip


def test_the_mean_of_the_only_category_is_left_out() -> None:
    constant = {"r": np.nan, "ci_low": np.nan, "ci_high": np.nan, "ci_method": "undefined"}
    labels = rows(constant, between=None).assign(
        quantity="baseline", metric="category_mean", loss="", lr="", protocol=""
    )
    table = models_in_words([rows(), labels], confidence=0.95)
    assert len(table) == 1
    assert table["correlation"].iloc[0].startswith("Reconstruction error")


def test_protocols_are_named_where_there_are_several() -> None:
    released = rows().assign(protocol="released")
    table = models_in_words([pd.concat([rows(), released])], confidence=0.95)
    assert sorted(table["protocol"]) == ["paper", "released"]


# Predictions


def measured(
    gain: tuple[float, float, float], metric: str = "spearman", **undefined: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tables of metrics, gains over two baselines, and calibration of a predictor."""
    values = {"mlp": 0.75, "category_mean": 0.5, "subcategory_mean": 0.625}
    metrics = [{"head": head, "metric": metric, "value": value} for head, value in values.items()]
    gains = [
        {"group": group, "head": "mlp", "baseline": baseline, "metric": name}
        | dict(zip(("difference", "ci_low", "ci_high"), figures, strict=True))
        for group in ("all", "animal")
        for baseline in ("category_mean", "subcategory_mean")
        for name, figures in [
            *((name, (value,) * 3) for name, value in undefined.items()), (metric, gain),
        ]
    ]  # fmt: skip
    metrics.append({"head": "mlp", "metric": "mse", "value": 0.01})
    calibration = pd.DataFrame(
        {"head": ["mlp"], "n": [36], "sd_score": [0.2], "sd_predicted": [0.1]}
    )
    return pd.DataFrame(metrics), pd.DataFrame(gains), calibration


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        ((0.25, 0.125, 0.375), "is better than"),
        ((-0.25, -0.375, -0.125), "is worse than"),
        ((0.125, -0.125, 0.25), "is not shown to be better than"),
    ],
)
def test_a_predictor_beats_a_baseline_where_the_interval_says_so(
    gain: tuple[float, float, float], verdict: str
) -> None:
    difference = measured_with_interval(*gain)
    assert predictor_in_words(*measured(gain)) == (
        f"The predictor {verdict} the category means: Spearman's r 0.750 against 0.500, "
        f"difference {difference}. "
        f"The predictor {verdict} the subcategory means: Spearman's r 0.750 against 0.625, "
        f"difference {difference}."
    )


def test_a_predictor_is_compared_by_the_first_metric_that_both_have() -> None:
    by_area = measured((0.25, 0.125, 0.375), "roc_auc", spearman=np.nan)
    assert "better than the category means: ROC AUC 0.750" in predictor_in_words(*by_area)


def test_a_predictor_worse_than_one_value_for_all_images_is_called_so_first() -> None:
    metrics, gains, calibration = measured((0.25, 0.125, 0.375))
    assert worse_than_constant(calibration, 0.04) == ""
    worse = metrics.assign(value=metrics["value"].where(metrics["metric"] != "mse", 0.25))
    said = predictor_in_words(worse, gains, calibration)
    assert said.startswith(
        "The predicted values are worse than one constant value for all images: their mean squared "
        "error is 0.250, that of the mean score is 0.040."
    )
    assert "is better than the category means" in said


@pytest.mark.parametrize(
    ("of_predictor", "why"),
    [
        (
            {"sd_predicted": 0.0},
            "The predictor gives every image the same value: it can rank none.",
        ),
        ({"sd_score": 0.0}, "All unseen images have the same score: nothing can be ranked."),
        ({"n": 1}, "There is one unseen image: nothing can be ranked."),
    ],
)
def test_where_nothing_can_be_ranked_the_reason_is_said(
    of_predictor: dict[str, Any], why: str
) -> None:
    metrics, gains, calibration = measured((np.nan, np.nan, np.nan))
    none = metrics.assign(value=metrics["value"].where(metrics["metric"] == "mse"))
    said = predictor_in_words(none, gains, calibration.assign(**of_predictor))
    assert said.endswith(why)
    assert "order" not in said


def test_the_mean_of_the_only_category_is_no_rival() -> None:
    metrics, gains, calibration = measured((0.25, 0.125, 0.375))
    labels = metrics["head"].isin(["category_mean", "subcategory_mean"])
    constant = metrics.assign(value=metrics["value"].mask(labels))
    areas = metrics[metrics["metric"] == "spearman"].assign(metric="roc_auc")
    metrics = pd.concat([constant, areas])
    assert distinct_heads(metrics) == ["mlp"]
    assert predictor_in_words(metrics, gains.assign(metric="roc_auc"), calibration) == ""


def of_features(
    gain: tuple[float, float, float], lows: dict[str, float]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    metrics = pd.DataFrame(
        {
            "head": ["features_and_labels", "labels_alone"],
            "metric": "spearman",
            "value": [0.75, 0.5],
        }
    )
    gains = pd.DataFrame(
        [("features_and_labels", "labels_alone", "spearman", *gain)],
        columns=["head", "baseline", "metric", "difference", "ci_low", "ci_high"],
    )
    importance = pd.DataFrame(
        {"feature": lows.keys(), "importance": [low + 0.1 for low in lows.values()],
         "ci_low": lows.values(), "ci_high": 0.9, "n": 1200, "model": "ridge regression"}
    )  # fmt: skip
    return metrics, gains, importance


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        ((0.25, 0.125, 0.375), "ranks better than"),
        ((-0.25, -0.375, -0.125), "ranks worse than"),
        ((0.125, -0.125, 0.25), "is not shown to rank better than"),
    ],
)
def test_features_are_said_to_add_to_labels_where_the_interval_says_so(
    gain: tuple[float, float, float], verdict: str
) -> None:
    said = features_in_words(*of_features(gain, {"saturation": 0.1, "clutter_score": -0.1}))
    difference = measured_with_interval(*gain)
    assert said == (
        f"On 1,200 unseen images, ridge regression on all features and labels {verdict} a model of "
        f"labels alone: Spearman's r 0.750 against 0.500, difference {difference}. The model "
        "uses these features (share of the variance of scores that shuffling one costs): Saturation "
        "(20 %). A feature that is used need not add anything to the others."
    )


def test_features_of_constant_predictions_are_not_compared() -> None:
    said = features_in_words(*of_features((np.nan, np.nan, np.nan), {"saturation": -0.1}))
    assert said == (
        "On 1,200 unseen images, ridge regression predicts from all features: Spearman's r 0.750. "
        "The model is not shown to use any single feature."
    )


def test_a_model_that_uses_no_feature_says_that_there_are_too_few_images() -> None:
    """Trees of at least 20 images a leaf predict a constant where there are fewer than 40."""
    metrics, gains, importance = of_features((np.nan,) * 3, {"saturation": 0.0, "clutter": 0.0})
    none = importance.assign(importance=0.0, ci_low=0.0, ci_high=0.0)
    assert features_in_words(metrics, gains, none).startswith("There are too few images to tell")
    assert importance_for_reading(none).empty
    one = none.assign(importance=[0.1, 0.0], ci_low=[0.05, 0.0], ci_high=[0.2, 0.0])
    assert not cannot_tell(one)
    assert list(importance_for_reading(one)["CI"]) == ["[0.050, 0.200]", "not used by the model"]


# What is chosen, and the ceiling


BETTER = {
    "baseline": "category_mean", "baseline_n": 4108, "baseline_r": 0.3, "baseline_difference": 0.2,
    "baseline_ci_low": 0.15, "baseline_ci_high": 0.25, "beats_baseline": "yes",
}  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (BETTER | {"rates": 13}, True),
        (BETTER | {"rates": 1}, False),
        (BETTER | {"rates": 13, "beats_baseline": "no", "baseline_ci_low": -0.1}, False),
    ],
)
def test_a_correlation_that_beats_a_baseline_says_that_its_rate_was_chosen_on_the_same_images(
    columns: dict[str, Any], *, chosen: bool
) -> None:
    text = said(columns)
    sentence = "learning rate was chosen among 13 on the same images: the interval does not allow"
    assert (sentence in text) == chosen
    assert ("is stronger than" in text) == (columns["beats_baseline"] == "yes")


def test_the_share_of_the_ceiling_has_its_interval_where_there_is_one() -> None:
    known = {"ceiling_share_low": 0.51, "ceiling_share_high": 0.58}
    assert "(54.3 % is reached, interval 51 % to 58 %)" in said(known)
    assert "(54.3 % is reached)" in said()
    turned = {"r": -0.5, "ci_low": -0.52, "ci_high": -0.48}
    turned |= {"ceiling_share_low": -0.58, "ceiling_share_high": -0.51}
    assert "(54.3 % is reached, interval 51 % to 58 %)" in said(turned)
    unclear = known | {"ci_low": -0.1}
    assert "54.3 % is reached" not in said(unclear)
