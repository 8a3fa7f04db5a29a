"""What predictions of unseen images say, in plain words for a reader who has not seen their tables."""

import numpy as np
import pandas as pd

from memorability.analysis.feature_model import JOINT
from memorability.prediction.label_baselines import BASELINES
from memorability.prediction.names import MAIN, head_label
from memorability.report.labels import label


def prediction_in_words(metrics: pd.DataFrame, gains: pd.DataFrame) -> str:
    """Say whether the predictor beats the means of categories and of subcategories.

    Parameters
    ----------
    metrics, gains
        The tables `prediction_metrics` and `prediction_gains` of all heads.
    """
    return " ".join(_verdict(metrics, gains, baseline) for baseline in BASELINES)


def _verdict(metrics: pd.DataFrame, gains: pd.DataFrame, baseline: str) -> str:
    """Say whether the predictor beats a baseline, by the first metric that both have."""
    ours = gains[
        (gains["group"] == "all") & (gains["head"] == MAIN) & (gains["baseline"] == baseline)
    ].set_index("metric")
    defined = ours.index[ours["difference"].notna()]
    metric = next(name for name in ("spearman", "roc_auc", "mse") if name in defined)
    gain, low, high = (
        float(ours[column][metric]) for column in ("difference", "ci_low", "ci_high")
    )
    if metric == "mse":
        gain, low, high = -gain, -high, -low
    values = metrics.set_index(["head", "metric"])["value"]
    mine, theirs = values[MAIN, metric], values[baseline, metric]
    figures = (
        f"{label(metric)} {mine:.3f} against {theirs:.3f}, gain {gain:.3f} [{low:.3f}, {high:.3f}]"
    )
    if low > 0:
        return f"The predictor beats the {head_label(baseline)}: {figures}."
    if high < 0:
        return f"The predictor is worse than the {head_label(baseline)}: {figures}."
    return f"The predictor is not shown to beat the {head_label(baseline)}: {figures}."


def features_in_words(metrics: pd.DataFrame, gains: pd.DataFrame, importance: pd.DataFrame) -> str:
    """Say what all features add to labels, and which of them still matter.

    Parameters
    ----------
    metrics, gains, importance
        As from `memorability.analysis.feature_model.model_features`.
    """
    values = metrics[metrics["metric"] == "spearman"].set_index("head")["value"]
    both, labels = values[JOINT], values["labels_alone"]
    gain = gains[
        (gains["head"] == JOINT)
        & (gains["baseline"] == "labels_alone")
        & (gains["metric"] == "spearman")
    ].iloc[0]
    images, model = importance["n"].iloc[0], importance["model"].iloc[0]
    text = f"On {images:,} unseen images, {model} on all features and labels"
    if np.isnan(gain["difference"]):
        text += " has no rank correlation to compare with that of labels alone."
    else:
        verdict = (
            "ranks better than" if gain["ci_low"] > 0
            else "ranks worse than" if gain["ci_high"] < 0
            else "is not shown to rank better than"
        )  # fmt: skip
        text += (
            f" {verdict} {head_label('labels_alone')}: Spearman's r {both:.3f} against {labels:.3f}, "
            f"gain {gain['difference']:.3f} [{gain['ci_low']:.3f}, {gain['ci_high']:.3f}]."
        )
    matters = importance[importance["ci_low"] > 0].sort_values("importance", ascending=False)
    if matters.empty:
        return f"{text} No feature is shown to matter once the others and the labels are known."
    listed = ", ".join(
        f"{label(name)} ({share:.1%} of the variance)"
        for name, share in zip(matters["feature"], matters["importance"], strict=True)
    )
    return f"{text} Once the others and the labels are known, these still matter: {listed}."
