"""The first page of a report: what the study found, in sentences, and what to be careful about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.analysis.distinctiveness import PUBLISHED_MEASURE
from memorability.analysis.gathering import MODEL_KEYS
from memorability.claims.counting import badge, by_reading, untestable
from memorability.report.labels import lowered
from memorability.report.numbers import measured_with_interval, number
from memorability.report.pages import (
    heading_part,
    list_part,
    table_part,
    text_part,
    write_parts,
)
from memorability.report.reading import table_1_for_reading
from memorability.report.readings.duplicates import duplicates_in_words
from memorability.report.sentences.increments import increments_in_short, of_same_model
from memorability.report.sentences.predictors import best_in_words, compared
from memorability.report.table_1 import control_in_words, decay_in_words
from memorability.report.table_2 import in_words as features_in_words
from memorability.report.wording import (
    baseline_in_words,
    given_category_in_words,
    pooled_in_words,
    predictor_in_words,
    unconverged_in_words,
)
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a study made, as far as the first page is about it.

    Attributes
    ----------
    correlations
        Quantity -> its table `correlations`: error and distinctiveness, where the study has them.
    table_1, table_2, selection, given_controls, metrics, gains, calibration, attributions, decay,
    near_duplicates
        The tables of these names, of prediction without "prediction_"; None where there are none.
    increments, comparison
        The tables `incremental` and `predictor_comparison`.
    """

    correlations: Mapping[str, pd.DataFrame]
    table_1: pd.DataFrame | None = None
    table_2: pd.DataFrame | None = None
    selection: pd.DataFrame | None = None
    given_controls: pd.DataFrame | None = None
    metrics: pd.DataFrame | None = None
    gains: pd.DataFrame | None = None
    calibration: pd.DataFrame | None = None
    attributions: pd.DataFrame | None = None
    decay: pd.DataFrame | None = None
    near_duplicates: pd.DataFrame | None = None
    increments: pd.DataFrame | None = None
    comparison: pd.DataFrame | None = None


SCHEMAS: Mapping[str, str] = {
    field.name: field.name for field in fields(Found) if field.name != "correlations"
} | {
    "metrics": "prediction_metrics",
    "gains": "prediction_gains",
    "calibration": "prediction_calibration",
    "increments": "incremental",
    "comparison": "predictor_comparison",
}
"""Of `Found`: table -> the name of its schema."""


def write_summary(
    found: Found,
    claims: pd.DataFrame,
    path: str | Path,
    *,
    study: str,
    note: str,
    confidence: float,
) -> None:
    """Write the first page: verdicts counted, what was found, Table 1, what to be careful about.

    Parameters
    ----------
    found
        The study's tables.
    claims
        The table of this name.
    path
        File to write.
    study, note
        Name of the study, and what is said under all its figures and tables.
    confidence
        Of its intervals, between 0 and 1.
    """
    # Where nothing is tested, a reader asks why first.
    why = untestable(claims) if (claims["verdict"] == "not testable").all() else ""
    judged = text_part(" ".join(filter(None, [badge(claims), by_reading(claims), why])))
    parts = [judged, list_part(findings(found, confidence=confidence))]
    if found.table_1 is not None:
        parts.append(heading_part("Table 1: reconstruction error and memorability"))
        parts.append(table_part(table_1_for_reading(found.table_1, confidence=confidence)))
    if careful := [*sentences(note), *warnings(found)]:
        parts += [heading_part("Read with care"), list_part(careful)]
    write_parts(parts, path, title=f"Results of the study {study}")


def findings(found: Found, *, confidence: float) -> list[str]:
    """Return what was found: a point each for error, labels, distinctiveness, prediction, features.

    Error and distinctiveness have a point more, on what they add to labels, controls and predictors.

    Parameters
    ----------
    found
        The study's tables.
    confidence
        Of its intervals, between 0 and 1.
    """
    points = []
    for quantity, measure in (("error", ""), ("distinctiveness", PUBLISHED_MEASURE)):
        if quantity in found.correlations:
            model = _strongest(found.correlations[quantity], measure)
            pooled = model[model["method"] == "pooled"].iloc[0]
            first = pooled_in_words(pooled, confidence=confidence)
            points.append(" ".join(filter(None, [first, given_category_in_words(model)])))
            if quantity == "error" and (beside := baseline_in_words(model)):
                points.append(f"Beside what needs no model: {lowered(beside)}")
            if quantity == "error" and found.decay is not None:
                points.append(decay_in_words(found.decay, confidence=confidence))
            if quantity == "error" and found.given_controls is not None:
                keys = ["protocol", "loss", "lr"]
                known = found.given_controls.merge(model[keys].drop_duplicates(), on=keys)
                points.append(control_in_words(known))
            if found.increments is not None:
                of_model = of_same_model(found.increments, pooled)
                points.append(increments_in_short(of_model, confidence=confidence))
    if found.metrics is not None and found.gains is not None and found.calibration is not None:
        beside = predictor_in_words(found.metrics, found.gains, found.calibration)
        points.append(f"{_ranked(found.metrics)} {beside}".strip())
    if found.comparison is not None:
        points.append(best_in_words(compared(found.comparison, "score")))
    if found.table_2 is not None:
        points.append(features_in_words(found.table_2, confidence=confidence))
    return [point for point in points if point]


def warnings(found: Found) -> list[str]:
    """Return what a reader must know before they use the results: a sentence each, or none."""
    warned = []
    if found.table_1 is not None:
        lost = found.table_1[found.table_1["diverged"] != ""]
        warned += [
            f"{row['loss']}: {row['diverged']} diverged; the correlation is that of the other seeds."
            if row["seeds"]
            else f"{row['loss']}: all seeds diverged, and there is no correlation."
            for _, row in lost.iterrows()
        ]
        if found.table_1["ceiling"].isna().all():
            warned.append(
                "How reliable the scores are, and how high a correlation could be, is not known: there "
                "are no counts of responses, or their halves cannot be compared."
            )
    warned += [text for text in (_chosen(found.selection), _attributed(found.attributions)) if text]
    if found.near_duplicates is not None and (apart := duplicates_in_words(found.near_duplicates)):
        warned.append(apart)
    return warned


def _ranked(metrics: pd.DataFrame) -> str:
    row = metrics[(metrics["head"] == "mlp") & (metrics["metric"] == "spearman")].iloc[0]
    if np.isnan(row["value"]) or row["n"] < SMALLEST_BOOTSTRAP:
        return ""
    r = measured_with_interval(row["value"], row["ci_low"], row["ci_high"])
    text = (
        f"Predicted and measured memorability of {row['n']:,} unseen images have Spearman's r = {r}"
    )
    if np.isnan(row["ci_low"]):
        return f"{text}."
    contains = " The interval contains 0." if row["ci_low"] <= 0 <= row["ci_high"] else ""
    return f"{text} for new {row['unit']}.{contains}"


def _strongest(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the rows of the model with the highest correlation over all images."""
    rows = table[table["selected"] & (table["group"] == "all")]
    rows = rows[rows["metric"] == measure] if measure else rows
    pooled = rows[rows["method"] == "pooled"].sort_values("r", ascending=False)
    best = pooled.iloc[0]
    return rows[np.logical_and.reduce([rows[key] == best[key] for key in MODEL_KEYS])]


def _chosen(selection: pd.DataFrame | None) -> str:
    """Say by how much the best learning rate's correlation flatters; "" where none was chosen."""
    if selection is None:
        return ""
    rows = selection[(selection["rates"] > 1) & selection["r"].notna()]
    published = rows[rows["rule"] == "published"].sort_values("r", ascending=False)
    keys = ["protocol", "loss"]
    both = published.merge(rows[rows["rule"] == "images"], on=keys, suffixes=("", "_honest"))
    if both.empty:
        return ""
    best = both.iloc[0]
    return (
        "Each learning rate was chosen because its correlation is the highest, on the images that it "
        f"is reported for. Chosen on other images, the highest r of {number(best['r'])} becomes "
        f"{number(best['r_honest'])}."
    )


def _attributed(attributions: pd.DataFrame | None) -> str:
    if attributions is None:
        return ""
    return unconverged_in_words(int(attributions["converged"].sum()), len(attributions))


def sentences(note: str) -> Sequence[str]:
    """Return the sentences of a study's note, one by one."""
    return [f"{part.rstrip('.')}." for part in note.split(". ") if part]
