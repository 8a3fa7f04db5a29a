"""What correlations say, in plain words for a reader who has not seen their table."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from memorability.analysis.gathering import MODEL_KEYS
from memorability.tables.labels import label, metric_label

Rows = Mapping[str, pd.Series]

_TARGETS = {
    "score": "memorability",
    "score_uncorrected": "the hit rate",
    "false_alarm_rate": "the false-alarm rate",
    "d_prime": "sensitivity (d′)",
    "criterion": "the response criterion",
}


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
        ceiling, and the label-only baseline; each only where there is such a number.
    """
    of_all = correlations[correlations["group"] == "all"]
    rows = {str(row["method"]): row for _, row in of_all.iterrows()}
    pooled = rows["pooled"]
    what = f"{_subject(pooled)} and {_TARGETS.get(pooled['target'], label(pooled['target']))}"
    if np.isnan(pooled["r"]):
        return f"{what} have no correlation: {why_none(pooled['ci_method'])}."
    interval = _interval(pooled, f"{100 * confidence:g} % interval ")
    seeds = f", mean of {pooled['seeds']} seeds" if pooled["seeds"] > 1 else ""
    first = (
        f"{what} correlate at r = {pooled['r']:.2f}{interval} over {pooled['n']:,} images{seeds}"
    )
    if _contains_zero(pooled):
        first += "; it cannot be told from 0"
    parts: list[Callable[[Rows], str]] = [_between_and_within, _ceiling, _baseline]
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


def _subject(row: pd.Series) -> str:
    rate = f", learning rate {row['lr']}" if row["lr"] else ""
    if row["quantity"] in {"error", "matrix"}:
        return f"Reconstruction error ({metric_label(row)}{rate})"
    if row["quantity"] == "distinctiveness":
        measure = label(row["metric"]).removesuffix(" (paper)")
        measure = measure[0].lower() + measure[1:]
        return f"Latent distinctiveness ({measure}; model: {label(row['loss'])}{rate})"
    return metric_label(row)


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
    left = f"r = {partial['r']:.2f}{_interval(partial, '')} is left{clear}"
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


def _interval(row: pd.Series, name: str) -> str:
    if np.isnan(row["ci_low"]):
        return f" (no interval: {why_none(row['ci_method'])})"
    return f" ({name}{row['ci_low']:.2f} to {row['ci_high']:.2f})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _contains_zero(row: pd.Series) -> bool:
    return bool(row["ci_low"] <= 0 <= row["ci_high"])
