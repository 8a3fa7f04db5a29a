"""Sentences about correlations, in ordinary and in odd cases."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.report.wording import (
    features_in_words,
    in_words,
    models_in_words,
    predictor_in_words,
    why_none,
)

BASE: dict[str, Any] = {
    "quantity": "error", "metric": "lpips_squeeze", "backbone": "pretrained", "sign": "distance",
    "model": "", "protocol": "paper", "loss": "lpips_squeeze",
    "lr": "5e-6", "selected": True, "target": "score", "group": "all", "n": 10_000, "seeds": 5,
    "r": 0.5, "ci_low": 0.48, "ci_high": 0.52, "ci_method": "percentile", "strata": pd.NA,
    "ceiling": 0.92, "baseline": "", "baseline_n": pd.NA, "baseline_r": np.nan,
    "baseline_difference": np.nan, "baseline_ci_low": np.nan, "baseline_ci_high": np.nan,
    "beats_baseline": "", "unit": "subcategories and seeds", "seed_agreement": 0.97,
    "not_tested": "",
}  # fmt: skip


def rows(pooled: Any = None, between: float | None = 0.4, partial: Any = None) -> pd.DataFrame:
    """Rows of one model: pooled, given the category, and the part between categories."""
    found = [BASE | {"method": "pooled"} | (pooled or {})]
    if between is not None:
        left = {"r": 0.2, "ci_low": 0.18, "ci_high": 0.22, "ceiling": 0.87, "strata": 5}
        found.append(BASE | {"method": "partial"} | left | (partial or {}))
        found.append(BASE | {"method": "part_between_category", "r": between, "strata": 5})
    table = pd.DataFrame(found)
    return table.assign(ceiling_share=table["r"] / table["ceiling"])


def said(*args: Any, **kwargs: Any) -> str:
    return in_words(rows(*args, **kwargs), confidence=0.95)


def test_an_ordinary_correlation_in_full() -> None:
    baseline = {
        "baseline": "subcategory_mean", "baseline_n": 4108, "baseline_r": 0.7,
        "baseline_difference": -0.2, "baseline_ci_low": -0.22, "baseline_ci_high": -0.18,
        "beats_baseline": "no",
    }  # fmt: skip
    assert said(baseline) == (
        "Reconstruction error (LPIPS (SqueezeNet), learning rate 5e-6) and memorability correlate at "
        "r = 0.50 (95 % interval 0.48 to 0.52, for new subcategories and seeds) over 10,000 images, "
        "mean of 5 seeds, which agree at r = 0.97. 0.40 of it (80 %) lies between the 5 categories, "
        "which differ in their means, and 0.10 (20 %) within them; "
        "given an image's category, r = 0.20 (0.18 to 0.22) is left. With scores of this reliability "
        "it could be 0.92 at best, of which 54 % is reached (given the category: 0.87 at best, of "
        "which 23 % is reached). It does not beat what needs no model: on the 4,108 images that have "
        "both, the mean score of the subcategory alone (r = 0.70) is stronger by 0.20 (0.18 to 0.22)."
    )


@pytest.mark.parametrize(
    ("difference", "low", "high", "verdict", "words"),
    [
        (0.1, 0.05, 0.15, "yes", "It beats what needs no model: on the 40 images that have both, it "
         "is stronger than the width / height of the original alone (r = -0.30) by 0.10 (0.05 to "),
        (0.1, -0.05, 0.15, "no", "It does not beat what needs no model: on the 40 images that have "
         "both, it differs in strength from the width / height of the original alone (r = -0.30) by "
         "0.10 (-0.05 to 0.15), which cannot be told from 0."),
    ],
)  # fmt: skip
def test_the_verdict_on_a_baseline(
    difference: float, low: float, high: float, verdict: str, words: str
) -> None:
    baseline = {
        "baseline": "aspect", "baseline_n": 40, "baseline_r": -0.3, "beats_baseline": verdict,
        "baseline_difference": difference, "baseline_ci_low": low, "baseline_ci_high": high,
    }  # fmt: skip
    assert words in said(baseline)


def test_one_seed_and_few_categories_are_said_where_they_are_and_only_there() -> None:
    one = {"seeds": 1, "seed_agreement": np.nan, "unit": "images"}
    of_one_seed = "It is of one seed, and cannot be told from what another would give."
    assert of_one_seed in said(one)
    for unsaid in ({}, one | {"protocol": "external"}, one | {"quantity": "feature"}):
        assert of_one_seed not in said(unsaid)
    few = "chance differences between 5 categories, too few for any method"
    assert f"The interval does not allow for {few}." in said({"not_tested": few})
    assert "does not allow for" not in said()


def test_parts_of_opposite_signs_have_no_shares() -> None:
    words = said(between=0.6)
    assert "0.60 of it lies between the 5 categories and -0.10 within them, with opposite" in words
    assert "120 %" not in words


def test_an_interval_across_0_is_said_to_be_so_and_has_no_shares() -> None:
    words = said({"r": 0.01, "ci_low": -0.01, "ci_high": 0.03}, between=0.004)
    assert (
        "over 10,000 images, mean of 5 seeds, which agree at r = 0.97; it cannot be told from 0."
        in words
    )
    assert "0.00 of it lies between the 5 categories and 0.01 within them;" in words
    assert "it could be 0.92 at best (given" in words
    words = said(partial={"r": 0.01, "ci_low": -0.01, "ci_high": 0.03})
    assert "r = 0.01 (-0.01 to 0.03) is left, which cannot be told from 0." in words


def test_a_negative_correlation_is_shared_out_like_a_positive_one() -> None:
    words = said(
        {"r": -0.5, "ci_low": -0.52, "ci_high": -0.48}, between=-0.4,
        partial={"r": -0.2, "ci_low": -0.22, "ci_high": -0.18},
    )  # fmt: skip
    assert "-0.40 of it (80 %) lies between" in words
    assert "54 % is reached" in words


def test_no_correlation_is_said_with_its_reason() -> None:
    nothing = {"r": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    assert said(nothing | {"ci_method": "undefined (constant values)"}).endswith(
        "have no correlation: constant values."
    )
    assert said(nothing | {"ci_method": "none (diverged)"}).endswith("no correlation: diverged.")


def test_one_category_unknown_ceiling_and_no_interval() -> None:
    words = said(
        {"ceiling": np.nan, "seeds": 1, "seed_agreement": np.nan, "n": 9, "ci_low": np.nan,
         "ci_high": np.nan, "ci_method": "none (n < 10)"},
        between=None,
    )  # fmt: skip
    assert "r = 0.50 (no interval: n < 10) over 9 images. It is of one seed" in words
    assert "All images are of one category" in words
    assert "not known: the scores come without counts." in words


def test_a_ceiling_of_0_and_values_that_only_tell_categories_apart() -> None:
    table = rows(partial={"r": np.nan}, between=0.5)
    words = in_words(table.assign(ceiling=0.0, ceiling_share=np.nan), confidence=0.9)
    assert "All of it lies between the 5 categories: within them nothing varies." in words
    assert "no more reliable than chance" in words
    assert "90 % interval" in words


def test_other_targets_and_quantities_have_their_names() -> None:
    table = rows().assign(target="d_prime", quantity="distinctiveness", metric="nearest_neighbour")
    assert in_words(table, confidence=0.95).startswith(
        "Latent distinctiveness (distance to the nearest image; model: LPIPS (SqueezeNet), learning "
        "rate 5e-6) and sensitivity (d′)"
    )


@pytest.mark.parametrize(
    ("ci_method", "why"),
    [
        ("none (n < 10)", "n < 10"),
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
    assert list(table["protocol"]) == ["paper", "paper", "–"]
    assert [words[:26] for words in table["correlation"]] == [
        "Reconstruction error (LPIP", "Reconstruction error (MSE,", "Mean score of the category",
    ]  # fmt: skip


# Predictions


def measured(
    gain: tuple[float, float, float], metric: str = "spearman", **undefined: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of metrics and gains of a predictor over two baselines."""
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
    return pd.DataFrame(metrics), pd.DataFrame(gains)


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        ((0.25, 0.125, 0.375), "beats"),
        ((-0.25, -0.375, -0.125), "is worse than"),
        ((0.125, -0.125, 0.25), "is not shown to beat"),
    ],
)
def test_a_predictor_beats_a_baseline_where_the_interval_says_so(
    gain: tuple[float, float, float], verdict: str
) -> None:
    low, high = f"{gain[1]:.3f}", f"{gain[2]:.3f}"
    assert predictor_in_words(*measured(gain)) == (
        f"The predictor {verdict} the category means: Spearman's r 0.750 against 0.500, "
        f"gain {gain[0]:.3f} [{low}, {high}]. "
        f"The predictor {verdict} the subcategory means: Spearman's r 0.750 against 0.625, "
        f"gain {gain[0]:.3f} [{low}, {high}]."
    )


def test_a_predictor_is_compared_by_the_first_metric_that_both_have() -> None:
    by_area = measured((0.25, 0.125, 0.375), "roc_auc", spearman=np.nan)
    assert "beats the category means: ROC AUC 0.750" in predictor_in_words(*by_area)
    # A smaller error is better.
    by_error = measured((-0.25, -0.375, -0.125), "mse", spearman=np.nan, roc_auc=np.nan)
    expected = "beats the category means: MSE 0.750 against 0.500, gain 0.250 [0.125, 0.375]."
    assert expected in predictor_in_words(*by_error)


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
         "ci_low": lows.values(), "n": 1200, "model": "ridge regression"}
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
    assert said == (
        f"On 1,200 unseen images, ridge regression on all features and labels {verdict} a model of "
        f"labels alone: Spearman's r 0.750 against 0.500, gain {gain[0]:.3f} "
        f"[{gain[1]:.3f}, {gain[2]:.3f}]. Once the others and the labels are known, these still "
        "matter: Saturation (20.0% of the variance)."
    )


def test_features_of_constant_predictions_are_not_compared() -> None:
    said = features_in_words(*of_features((np.nan, np.nan, np.nan), {"saturation": -0.1}))
    assert "has no rank correlation to compare with that of labels alone. No feature is" in said
