"""What tables say, in plain words for a reader who has not seen them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from memorability.analysis.gathering import MODEL_KEYS
from memorability.base.run_keys import EXTERNAL
from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.prediction.names import head_label
from memorability.report.labels import label, metric_label

Rows = Mapping[str, pd.Series]

# Quantities of models that were trained from a seed.
_TRAINED = {"error", "matrix", "distinctiveness"}
_GAIN = ["difference", "ci_low", "ci_high"]


def in_words(correlations: pd.DataFrame, *, confidence: float) -> str:
    """Say how strong a correlation is, where it comes from, and how much it could be at best.

    Parameters
    ----------
    correlations
        Rows of the table `correlations` of one model that is marked as selected.
    confidence
        Of its intervals, between 0 and 1.

    Returns
    -------
    str
        A few sentences: the pooled correlation, its parts between and within categories, the
        ceiling, and the label-only baseline, and what the interval does not allow for; each only where
        there is such a number.
    """
    of_all = correlations[correlations["group"] == "all"]
    rows = {str(row["method"]): row for _, row in of_all.iterrows()}
    pooled = rows["pooled"]
    what = f"{_subject(pooled)} and {SCORE_KINDS[pooled['target']].in_a_sentence}"
    if np.isnan(pooled["r"]):
        return f"{what} have no correlation: {why_none(pooled['ci_method'])}."
    interval = _interval(pooled, f"{100 * confidence:g} % interval ", f", for new {pooled['unit']}")
    seeds = f", mean of {pooled['seeds']} seeds" if pooled["seeds"] > 1 else ""
    if np.isfinite(pooled["seed_agreement"]):
        seeds += f", which agree at r = {pooled['seed_agreement']:.2f}"
    first = (
        f"{what} correlate at r = {pooled['r']:.2f}{interval} over {pooled['n']:,} images{seeds}"
    )
    if _contains_zero(pooled):
        first += "; it cannot be told from 0"
    parts: list[Callable[[Rows], str]] = [_not_known, _between_and_within, _ceiling, _baseline]
    return " ".join([f"{first}.", *(text for part in parts if (text := part(rows)))])


def models_in_words(correlations: Sequence[pd.DataFrame], *, confidence: float) -> pd.DataFrame:
    """Return a row per selected model: its name and what `in_words` says of it.

    Parameters
    ----------
    correlations
        The tables `correlations` of several quantities, in the order of reading.
    confidence
        Of their intervals, between 0 and 1.
    """
    rows = []
    for table in correlations:
        selected = table[table["selected"]]
        strength = selected[selected["method"] == "pooled"].set_index(MODEL_KEYS)["r"]
        models = dict(list(selected.groupby(MODEL_KEYS)))
        for key in strength.sort_values(ascending=False).index:
            words = in_words(models[key], confidence=confidence)
            protocol = models[key]["protocol"].iloc[0]
            rows.append({"protocol": protocol or "–", "correlation": words})
    return pd.DataFrame(rows)


def predictor_in_words(metrics: pd.DataFrame, gains: pd.DataFrame) -> str:
    """Say whether the predictor beats each label-only baseline, by the first metric that both have.

    Parameters
    ----------
    metrics, gains
        The tables `prediction_metrics` and `prediction_gains`.

    Returns
    -------
    str
        A sentence for each baseline.
    """
    values = metrics.set_index(["head", "metric"])["value"]
    predictor = gains[(gains["group"] == "all") & (gains["head"] == "mlp")]
    sentences = []
    for baseline, rows in predictor.groupby("baseline"):
        defined = rows[rows["difference"].notna()].set_index("metric")
        metric = next(name for name in ("spearman", "roc_auc", "mse") if name in defined.index)
        gain, low, high = (float(defined[name][metric]) for name in _GAIN)
        if metric == "mse":
            gain, low, high = -gain, -high, -low
        verdict = (
            "beats" if low > 0
            else "is worse than" if high < 0
            else "is not shown to beat"
        )  # fmt: skip
        sentences.append(
            f"The predictor {verdict} the {head_label(str(baseline))}: {label(metric)} "
            f"{values['mlp', metric]:.3f} against {values[baseline, metric]:.3f}, "
            f"gain {gain:.3f} [{low:.3f}, {high:.3f}]."
        )
    return " ".join(sentences)


def features_in_words(metrics: pd.DataFrame, gains: pd.DataFrame, importance: pd.DataFrame) -> str:
    """Say what all features add to labels, and which of them still matter.

    Parameters
    ----------
    metrics, gains, importance
        The tables `prediction_metrics`, `prediction_gains` and `feature_importance` of
        `memorability.analysis.feature_model`.

    Returns
    -------
    str
        Two sentences.
    """
    all_known, labels = "features_and_labels", "labels_alone"
    r = metrics[metrics["metric"] == "spearman"].set_index("head")["value"]
    of_both = (gains["head"] == all_known) & (gains["baseline"] == labels)
    gain = gains[of_both & (gains["metric"] == "spearman")].iloc[0]
    model, count = importance["model"].iloc[0], importance["n"].iloc[0]
    text = f"On {count:,} unseen images, {model} on all features and labels"
    if np.isnan(gain["difference"]):
        text += " has no rank correlation to compare with that of labels alone."
    else:
        verdict = (
            "ranks better than" if gain["ci_low"] > 0
            else "ranks worse than" if gain["ci_high"] < 0
            else "is not shown to rank better than"
        )  # fmt: skip
        text += (
            f" {verdict} {head_label(labels)}: Spearman's r {r[all_known]:.3f} against "
            f"{r[labels]:.3f}, gain {gain['difference']:.3f} "
            f"[{gain['ci_low']:.3f}, {gain['ci_high']:.3f}]."
        )
    matters = importance[importance["ci_low"] > 0].sort_values("importance", ascending=False)
    if matters.empty:
        return f"{text} No feature is shown to matter once the others and the labels are known."
    listed = ", ".join(
        f"{label(name)} ({share:.1%} of the variance)"
        for name, share in zip(matters["feature"], matters["importance"], strict=True)
    )
    return f"{text} Once the others and the labels are known, these still matter: {listed}."


def _subject(row: pd.Series) -> str:
    rate = f", learning rate {row['lr']}" if row["lr"] else ""
    if row["quantity"] in {"error", "matrix"}:
        return f"Reconstruction error ({metric_label(row)}{rate})"
    if row["quantity"] == "distinctiveness":
        measure = label(row["metric"]).removesuffix(" (paper)")
        measure = measure[0].lower() + measure[1:]
        return f"Latent distinctiveness ({measure}; model: {label(row['loss'])}{rate})"
    return metric_label(row)


def _not_known(rows: Rows) -> str:
    """Say what the interval does not allow for: categories, and another training."""
    pooled = rows["pooled"]
    sentences = []
    if pooled["not_tested"]:
        sentences.append(f"The interval does not allow for {pooled['not_tested']}.")
    trained = pooled["quantity"] in _TRAINED and pooled["protocol"] != EXTERNAL
    if trained and pooled["seeds"] == 1:
        sentences.append("It is of one seed, and cannot be told from what another would give.")
    return " ".join(sentences)


def _between_and_within(rows: Rows) -> str:
    if "part_between_category" not in rows:
        return "All images are of one category, so that no part of it lies between categories."
    pooled, between = rows["pooled"]["r"], rows["part_between_category"]["r"]
    if np.isnan(between):
        return ""
    within, where = pooled - between, f"the {rows['part_between_category']['strata']} categories"
    if np.isnan(rows["partial"]["r"]):
        return f"All of it lies between {where}: within them nothing varies."
    parts = f"{between:.2f} of it lies between {where} and {within:.2f} within them"
    if between * within < 0:
        parts += ", with opposite signs"
    elif not _contains_zero(rows["pooled"]):
        parts = (
            f"{between:.2f} of it ({_percent(between / pooled)}) lies between {where}, which differ in "
            f"their means, and {within:.2f} ({_percent(within / pooled)}) within them"
        )
    partial = rows["partial"]
    clear = ", which cannot be told from 0" if _contains_zero(partial) else ""
    left = f"r = {partial['r']:.2f}{_interval(partial)} is left{clear}"
    return f"{parts}; given an image's category, {left}."


def _ceiling(rows: Rows) -> str:
    pooled = rows["pooled"]
    if np.isnan(pooled["ceiling"]):
        return "How high it could be at best is not known: the scores come without counts."
    if np.isnan(pooled["ceiling_share"]):
        return "The scores are no more reliable than chance, so that nothing could correlate."
    text = f"With scores of this reliability it could be {_of_ceiling(pooled)}"
    partial = rows.get("partial")
    if partial is not None and np.isfinite(partial["ceiling_share"]):
        text += f" (given the category: {_of_ceiling(partial)})"
    return f"{text}."


def _of_ceiling(row: pd.Series) -> str:
    best = f"{row['ceiling']:.2f} at best"
    # A share of a correlation that may be 0 would say more than is known.
    reached = _percent(abs(row["ceiling_share"]))
    return best if _contains_zero(row) else f"{best}, of which {reached} is reached"


def _baseline(rows: Rows) -> str:
    pooled = rows["pooled"]
    if not pooled["beats_baseline"]:
        return ""
    name = label(pooled["baseline"])
    name = f"the {name[0].lower()}{name[1:]}"
    name = f"{name} alone (r = {pooled['baseline_r']:.2f})"
    where = f"on the {pooled['baseline_n']:,} images that have both"
    difference, low, high = (
        pooled[f"baseline_{column}"] for column in ("difference", "ci_low", "ci_high")
    )
    by = f"by {difference:.2f} ({low:.2f} to {high:.2f})"
    if pooled["beats_baseline"] == "yes":
        return f"It beats what needs no model: {where}, it is stronger than {name} {by}."
    fails = f"It does not beat what needs no model: {where},"
    if high < 0:
        return f"{fails} {name} is stronger by {-difference:.2f} ({-high:.2f} to {-low:.2f})."
    return f"{fails} it differs in strength from {name} {by}, which cannot be told from 0."


def why_none(ci_method: str) -> str:
    """Return why there is no interval, as the column `ci_method` has it in brackets or as a whole."""
    return ci_method.partition("(")[2].rstrip(")") or ci_method


def _interval(row: pd.Series, name: str = "", holds_for: str = "") -> str:
    if np.isnan(row["ci_low"]):
        return f" (no interval: {why_none(row['ci_method'])})"
    return f" ({name}{row['ci_low']:.2f} to {row['ci_high']:.2f}{holds_for})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _contains_zero(row: pd.Series) -> bool:
    return bool(row["ci_low"] <= 0 <= row["ci_high"])
