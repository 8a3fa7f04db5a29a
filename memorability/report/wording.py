"""What tables say, in plain words for a reader who has not seen them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from memorability.analysis.gathering import MODEL_KEYS
from memorability.base.run_keys import EXTERNAL
from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.prediction.label_baselines import BASELINES
from memorability.prediction.names import OF_LABELS
from memorability.report.labels import head_label, label, loss_label, lowered, metric_label
from memorability.report.numbers import measured, measured_with_interval, number, percent
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP

Rows = Mapping[str, pd.Series]

_REASONS = {"diverged": "all its runs diverged", "n < 10": "fewer than 10 images"}
# Quantities of models that were trained from a seed.
_TRAINED = {"error", "matrix", "distinctiveness"}
_GAIN = ["difference", "ci_low", "ci_high"]


def in_words(correlations: pd.DataFrame, *, confidence: float) -> str:
    """Say how strong a correlation is, where it comes from, and how strong it could be.

    Parameters
    ----------
    correlations
        Rows of the table `correlations` of one model at its best learning rate.
    confidence
        Of its intervals, between 0 and 1.

    Returns
    -------
    str
        A few sentences: the pooled correlation, its parts between and within categories, the
        ceiling, and the baseline without a model; each only where there is such a number.
    """
    rows = _rows_of_all(correlations)
    parts: list[Callable[[Rows], str]] = [_between_and_within, _ceiling, _baseline]
    first = pooled_in_words(rows["pooled"], confidence=confidence)
    if np.isnan(rows["pooled"]["r"]):
        return first
    return " ".join([first, *(text for part in parts if (text := part(rows)))])


def pooled_in_words(pooled: pd.Series, *, confidence: float) -> str:
    """Say how strong a correlation over all images is, and what its interval does not allow for.

    Parameters
    ----------
    pooled
        A row of the table `correlations`, of method "pooled" and group "all".
    confidence
        Of its interval, between 0 and 1.
    """
    subject, score = subject_of(pooled), SCORE_KINDS[pooled["target"]].in_a_sentence
    if np.isnan(pooled["r"]):
        return f"{subject} has no correlation with {score}: {why_none(pooled['ci_method'])}."
    seeds = f", mean of {pooled['seeds']} seeds" if pooled["seeds"] > 1 else ""
    if np.isfinite(pooled["seed_agreement"]):
        seeds += f", which agree at r = {number(pooled['seed_agreement'])}"
    interval = _interval(pooled, f"{100 * confidence:g} % interval ", f" for new {pooled['unit']}")
    numbers = f"r = {number(pooled['r'])}{interval}, {pooled['n']:,} images{seeds}"
    if is_shown(pooled):
        first = f"{subject} correlates with {score}: {numbers}."
    else:
        why = "" if np.isnan(pooled["ci_low"]) else " The interval contains 0."
        first = f"{subject} is not shown to correlate with {score}: {numbers}.{why}"
    return " ".join([first, *_not_known(pooled)])


def _not_known(pooled: pd.Series) -> list[str]:
    """Say what an interval does not allow for: other categories, and another training."""
    sentences = []
    if pooled["not_tested"]:
        sentences.append(f"The interval does not allow for {pooled['not_tested']}.")
    trained = pooled["quantity"] in _TRAINED and pooled["protocol"] != EXTERNAL
    if trained and pooled["seeds"] == 1:
        sentences.append("It is of one seed, and cannot be told from what another seed would give.")
    return sentences


def given_category_in_words(correlations: pd.DataFrame) -> str:
    """Say what is left of a correlation when categories are known; "" without several categories."""
    rows = _rows_of_all(correlations)
    partial = rows.get("partial")
    if partial is None or np.isnan(partial["r"]):
        return ""
    return _left_given_category(partial)


def baseline_in_words(correlations: pd.DataFrame) -> str:
    """Say whether a correlation is stronger than the best baseline without a model; "" without one."""
    return _baseline(_rows_of_all(correlations))


def models_in_words(correlations: Sequence[pd.DataFrame], *, confidence: float) -> pd.DataFrame:
    """Return a row per model at its best learning rate: what `in_words` says of it.

    Where there are several protocols, each row names its own. The mean of the only category is left
    out: it is the same for every image.

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
            if models[key]["metric"].iloc[0] in BASELINES and np.isnan(strength[key]):
                continue
            words = in_words(models[key], confidence=confidence)
            protocol = models[key]["protocol"].iloc[0]
            rows.append({"protocol": protocol or "–", "correlation": words})
    table = pd.DataFrame(rows, columns=["protocol", "correlation"])
    own = set(table["protocol"]) - {EXTERNAL, "–"}
    return table if len(own) > 1 else table[["correlation"]]


def predictor_in_words(
    metrics: pd.DataFrame, gains: pd.DataFrame, calibration: pd.DataFrame
) -> str:
    """Say how well the predictor does: beside one value for all images, and beside baselines.

    Parameters
    ----------
    metrics, gains, calibration
        The tables `prediction_metrics`, `prediction_gains` and `prediction_calibration`.

    Returns
    -------
    str
        A sentence for each comparison; first, where it is so, that the predictor's squared error is
        larger than that of one constant value. A baseline that gives every image the same value, as
        the mean of the only category, is not a rival in ranking and is left out.
    """
    values = metrics.set_index(["head", "metric"])["value"]
    sentences = [
        text
        for text in (
            worse_than_constant(calibration, values["mlp", "mse"]),
            _of_the_order(calibration, values),
        )
        if text
    ]
    if calibration.loc[calibration["head"] == "mlp", "n"].iloc[0] < SMALLEST_BOOTSTRAP:
        return " ".join(sentences)
    predictor = gains[(gains["group"] == "all") & (gains["head"] == "mlp")]
    known = distinct_heads(metrics)
    for baseline, rows in predictor.groupby("baseline"):
        defined = rows[rows["difference"].notna()].set_index("metric")
        metric = next((name for name in ("spearman", "roc_auc") if name in defined.index), None)
        if metric is None or baseline not in known:
            continue
        gain, low, high = (float(defined[name][metric]) for name in _GAIN)
        verdict = (
            "is better than" if low > 0
            else "is worse than" if high < 0
            else "is not shown to be better than"
        )  # fmt: skip
        sentences.append(
            f"The predictor {verdict} the {head_label(str(baseline))}: {label(metric)} "
            f"{measured(values['mlp', metric])} against {measured(values[baseline, metric])}, "
            f"difference {measured_with_interval(gain, low, high)}."
        )
    return " ".join(sentences)


def worse_than_constant(calibration: pd.DataFrame, mse: float) -> str:
    """Say that the predictor's squared error is larger than that of a constant; "" where it is not.

    Parameters
    ----------
    calibration
        The table `prediction_calibration`. The variance of the test scores is the squared error of
        their mean, the best constant.
    mse
        Mean squared error of the predictor on the same images.
    """
    row = calibration[calibration["head"] == "mlp"].iloc[0]
    variance = float(row["sd_score"]) ** 2
    if not mse > variance:
        return ""
    return (
        "The predicted values are worse than one constant value for all images: their mean squared "
        f"error is {measured(mse)}, that of the mean score is {measured(variance)}."
    )


def distinct_heads(metrics: pd.DataFrame) -> list[str]:
    """Return the heads of a table `prediction_metrics` that say something of their own.

    Left out are label baselines that give every image the same value (means of the only category),
    and a baseline of subcategories that equals that of categories. Where no label tells images
    apart, models that read labels are left out, too.
    """
    wide = metrics.pivot_table(
        index="head", columns="metric", values="value", dropna=False, sort=False
    )
    constant = wide["spearman"].isna() if "spearman" in wide else pd.Series(False, index=wide.index)
    left_out = {head for head in BASELINES if head in wide.index and constant[head]}
    category, subcategory = BASELINES
    both = wide.loc[[name for name in (category, subcategory) if name in wide.index]]
    if both.duplicated().any():
        left_out.add(subcategory)
    if left_out == set(BASELINES):
        left_out.update(OF_LABELS)
    return [str(head) for head in wide.index if head not in left_out]


def features_in_words(metrics: pd.DataFrame, gains: pd.DataFrame, importance: pd.DataFrame) -> str:
    """Say what all features add to labels, and which of them the model uses.

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
    model, count = importance["model"].iloc[0], importance["n"].iloc[0]
    if cannot_tell(importance):
        return (
            f"There are too few images to tell what features say: the model ({model}) predicts the "
            "same for every image whatever its features are."
        )
    r = metrics[metrics["metric"] == "spearman"].set_index("head")["value"]
    of_both = (gains["head"] == all_known) & (gains["baseline"] == labels)
    gain = gains[of_both & (gains["metric"] == "spearman")].iloc[0]
    if np.isnan(gain["difference"]):
        known = f": Spearman's r {measured(r[all_known])}" if r.notna()[all_known] else ""
        text = f"On {count:,} unseen images, {model} predicts from all features{known}."
    else:
        verdict = (
            "ranks better than" if gain["ci_low"] > 0
            else "ranks worse than" if gain["ci_high"] < 0
            else "is not shown to rank better than"
        )  # fmt: skip
        text = (
            f"On {count:,} unseen images, {model} on all features and labels {verdict} "
            f"{head_label(labels)}: Spearman's r {measured(r[all_known])} against "
            f"{measured(r[labels])}, difference {measured_with_interval(*map(float, gain[_GAIN]))}."
        )
    matters = importance[importance["ci_low"] > 0].sort_values("importance", ascending=False)
    if matters.empty:
        return f"{text} The model is not shown to use any single feature."
    listed = ", ".join(
        f"{label(name)} ({percent(share)})"
        for name, share in zip(matters["feature"], matters["importance"], strict=True)
    )
    return (
        f"{text} The model uses these features (share of the variance of scores that shuffling one "
        f"costs): {listed}. A feature that is used need not add anything to the others."
    )


def cannot_tell(importance: pd.DataFrame) -> bool:
    """Return whether shuffling changes no prediction at all: the model knows no feature.

    Parameters
    ----------
    importance
        The table `feature_importance`.
    """
    known = importance[["importance", "ci_low", "ci_high"]]
    return bool((known.fillna(0) == 0).all(axis=None))


def unconverged_in_words(converged: int, count: int) -> str:
    """Say how many attributions have not converged; "" where all have.

    Parameters
    ----------
    converged, count
        Images whose attributions have converged, and all that have attributions.
    """
    if converged == count:
        return ""
    return (
        f"The attributions of {count - converged} of {count} images have not converged: their maps "
        "are not reliable, and they are left out of Table 2. More steps (attribution.steps) may help."
    )


def _of_the_order(calibration: pd.DataFrame, values: "pd.Series[float]") -> str:
    """Say why predictions rank no image, or that only their order can be of use; "" otherwise."""
    row = calibration[calibration["head"] == "mlp"].iloc[0]
    if row["n"] < 2:
        return "There is one unseen image: nothing can be ranked."
    if row["sd_score"] == 0:
        return "All unseen images have the same score: nothing can be ranked."
    if row["sd_predicted"] == 0:
        return "The predictor gives every image the same value: it can rank none."
    if row["n"] < SMALLEST_BOOTSTRAP:
        return f"{row['n']} unseen images are too few to tell how well the predictor ranks."
    if values["mlp", "mse"] > row["sd_score"] ** 2:
        return "Only the order of the predictions can be of use."
    return ""


def subject_of(row: pd.Series) -> str:
    """Return what a row of `correlations` or `incremental` is about, as the subject of a sentence."""
    rate = f", learning rate {row['lr']}" if row["lr"] else ""
    if row["quantity"] in {"error", "matrix"}:
        return f"Reconstruction error ({metric_label(row)}{rate})"
    if row["quantity"] == "distinctiveness":
        measure = label(row["metric"]).removesuffix(" (paper)")
        return f"Latent distinctiveness ({lowered(measure)}; model: {loss_label(row)}{rate})"
    return metric_label(row)


def _rows_of_all(correlations: pd.DataFrame) -> dict[str, pd.Series]:
    of_all = correlations[correlations["group"] == "all"]
    return {str(row["method"]): row for _, row in of_all.iterrows()}


def _between_and_within(rows: Rows) -> str:
    if "part_between_category" not in rows:
        return ""
    pooled, between = rows["pooled"]["r"], rows["part_between_category"]["r"]
    if np.isnan(between):
        return ""
    within, categories = pooled - between, rows["part_between_category"]["strata"]
    partial = rows["partial"]
    if np.isnan(partial["r"]):
        return f"All of it is between the {categories} categories: within them nothing varies."
    shares = ["", ""]
    if between * within >= 0 and is_shown(rows["pooled"]):
        shares = [f" ({percent(part / pooled)})" for part in (between, within)]
    parts = (
        f"Differences between the {categories} categories make {number(between)} of it{shares[0]}, "
        f"differences between images of one category make {number(within)}{shares[1]}."
    )
    return f"{parts} {_left_given_category(partial)}"


def _left_given_category(partial: pd.Series) -> str:
    left = f"r = {number(partial['r'])}{_interval(partial)}"
    if is_shown(partial):
        return f"Given the category, {left} is left."
    return f"Given the category, no correlation is shown: {left}."


def _ceiling(rows: Rows) -> str:
    pooled = rows["pooled"]
    if np.isnan(pooled["ceiling"]):
        return ""
    if np.isnan(pooled["ceiling_share"]):
        return "The scores are no more reliable than chance: nothing could correlate with them."
    text = f"Scores of this reliability allow {_of_ceiling(pooled)}"
    partial = rows.get("partial")
    if partial is not None and np.isfinite(partial["ceiling_share"]):
        text += f"; given the category, {_of_ceiling(partial)}"
    return f"{text}."


def _of_ceiling(row: pd.Series) -> str:
    best = f"r = {number(row['ceiling'])} at most"
    # A share of a correlation that may be 0 would say more than is known.
    if not is_shown(row):
        return best
    reached = f"{percent(abs(row['ceiling_share']))} is reached"
    bounds = sorted(abs(row[f"ceiling_share_{end}"]) for end in ("low", "high"))
    if np.isfinite(bounds).all():
        reached += f", interval {percent(bounds[0])} to {percent(bounds[1])}"
    return f"{best} ({reached})"


def _baseline(rows: Rows) -> str:
    pooled = rows["pooled"]
    if not pooled["beats_baseline"]:
        return ""
    name = label(pooled["baseline"])
    name = f"the {lowered(name)}"
    beside = f"that of {name} alone (r = {number(pooled['baseline_r'])})"
    difference, low, high = (
        pooled[f"baseline_{column}"] for column in ("difference", "ci_low", "ci_high")
    )
    where = f"on the {pooled['baseline_n']:,} images that have both"
    if pooled["beats_baseline"] == "no" and high < 0:
        by = f"{number(-difference)} ({number(-high)} to {number(-low)})"
        return f"This correlation is weaker than {beside}, by {by}, {where}."
    by = f"by {number(difference)} ({number(low)} to {number(high)}), {where}"
    if pooled["beats_baseline"] == "yes":
        text = f"This correlation is stronger than {beside}, {by}."
        if pooled["rates"] > 1:
            text += (
                f" Its learning rate was chosen among {pooled['rates']} on the same images: the "
                "interval does not allow for this choice."
            )
        return text
    return f"This correlation is not shown to be stronger than {beside}: it differs {by}."


def why_none(ci_method: str) -> str:
    """Return why there is no interval, as the column `ci_method` has it in brackets or as a whole."""
    why = ci_method.partition("(")[2].rstrip(")") or ci_method
    return _REASONS.get(why, why)


def _interval(row: pd.Series, name: str = "", holds_for: str = "") -> str:
    if np.isnan(row["ci_low"]):
        return f" (no interval: {why_none(row['ci_method'])})"
    return f" ({name}{number(row['ci_low'])} to {number(row['ci_high'])}{holds_for})"


def is_shown(row: pd.Series) -> bool:
    """Whether a correlation has an interval, and it does not contain 0."""
    return bool(row["ci_low"] > 0 or row["ci_high"] < 0)
