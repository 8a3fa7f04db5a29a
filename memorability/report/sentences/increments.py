"""What the table `incremental` says: what errors and distinctiveness add to labels and controls."""

from pathlib import Path

import numpy as np
import pandas as pd

from memorability.analysis.incremental import FEATURE, LOW_LEVEL, NOTHING, PREDICTORS
from memorability.base.run_keys import EXTERNAL, METRIC_KEYS
from memorability.prediction.held_out import LABELS
from memorability.report.labels import label, lowered, metric_label
from memorability.report.numbers import measured, measured_with_interval, p_value
from memorability.report.pages import list_part, note_part, table_part, write_parts
from memorability.report.reading import with_known
from memorability.report.wording import is_shown, subject_of, why_none

INCREMENTS = ("error", "distinctiveness", FEATURE, LABELS, LOW_LEVEL, PREDICTORS)
"""What may be added to others, in the order of reading: quantities of the table."""

# What something is added to: names in the column `beyond` of the table `incremental`.
_BEYOND = {
    NOTHING: "the mean score",
    LABELS: "labels",
    LOW_LEVEL: "low-level controls",
    PREDICTORS: "predictors made elsewhere",
    FEATURE: "all other features",
}


def of_same_model(increments: pd.DataFrame, model: pd.Series) -> pd.DataFrame:
    """Return the rows of the table `incremental` on the error or distinctiveness of a model.

    Parameters
    ----------
    increments
        The table.
    model
        A row of the table `correlations`.
    """
    # Not the network: on the first page, distinctiveness has that of its model's loss.
    keys = ["quantity", "metric", "protocol", "loss"]
    return increments[np.logical_and.reduce([increments[key] == model[key] for key in keys])]


def increments_in_words(increments: pd.DataFrame, *, confidence: float) -> list[str]:
    """Say what errors and distinctiveness add to labels, to controls and to other predictors.

    Parameters
    ----------
    increments
        Rows of the table `incremental`; those of other quantities are left out.
    confidence
        Of their intervals, between 0 and 1.

    Returns
    -------
    list
        The sentences of each error and distinctiveness, and how images were held out; none without
        rows.
    """
    rows = increments[increments["quantity"].isin(["error", "distinctiveness"])]
    rows = rows.assign(rank=rows["beyond"].str.count(", ")).sort_values("rank", kind="stable")
    said = []
    for _, model in rows.groupby(["quantity", *METRIC_KEYS, "protocol", "loss"], sort=False):
        # Training images chose the learning rate, fold by fold.
        subject = subject_of(model.assign(lr="").iloc[0])
        subjects = [subject, *["It"] * (len(model) - 1)]
        of_model = zip(subjects, model.iterrows(), strict=True)
        said.append(" ".join(_added(subject, row, confidence) for subject, (_, row) in of_model))
    if rows["difference"].notna().any():
        said.append(
            "Each subcategory was predicted by models that were fitted on other subcategories."
            if rows["unit"].str.startswith("subcategories").any()
            else "Each image was predicted by models that were fitted on other images."
        )
    return said


def increments_in_short(increments: pd.DataFrame, *, confidence: float) -> str:
    """Say what one error or distinctiveness adds, for the first page: without R² and how it was found.

    Parameters
    ----------
    increments
        Rows of the table `incremental` about it, as from `of_same_model`.
    confidence
        Of their intervals, between 0 and 1.

    Returns
    -------
    str
        A sentence per row; "" without rows.
    """
    said: list[str] = []
    rank = increments["beyond"].str.count(", ")
    for _, row in increments.assign(rank=rank, lr="").sort_values("rank", kind="stable").iterrows():
        subject = "It" if said else subject_of(row)
        if np.isnan(row["ci_low"]):
            said.append(_added(subject, row, confidence))
            continue
        ends = f"{measured(row['ci_low'])} to {measured(row['ci_high'])}"
        ends = ends if said else f"{100 * confidence:g} % interval {ends}"
        r = f"semipartial r = {measured(row['semipartial_r'])}, {ends}"
        verb = "adds" if adds(row) else "is not shown to add"
        said.append(f"{subject} {verb} to {beyond_in_words(row['beyond'])} ({r}).")
    return " ".join(said)


def beyond_in_words(beyond: str) -> str:
    """Return what a quantity is added to, as the column `beyond` of `incremental` names it."""
    *others, last = [_BEYOND[name] for name in beyond.split(", ")]
    return f"{', '.join(others)} and {last}" if others else last


def _added(subject: str, row: pd.Series, confidence: float) -> str:
    """Say whether a quantity adds something to others, and by how much R² rises."""
    what = beyond_in_words(row["beyond"])
    if np.isnan(row["ci_low"]):
        return (
            f"Whether {lowered(subject)} adds to {what} is not known: {why_none(row['ci_method'])}."
        )
    r = (
        f"semipartial r = {measured(row['semipartial_r'])}, {100 * confidence:g} % interval "
        f"{measured(row['ci_low'])} to {measured(row['ci_high'])} for new {row['unit']}"
    )
    if adds(row):
        way = "" if row["semipartial_r"] > 0 else ", higher values going with lower scores"
        return (
            f"{subject} adds to {what}{way}: R² rises from {measured(row['r2_without'])} to "
            f"{measured(row['r2_with'])} ({r})."
        )
    return (
        f"{subject} is not shown to add to {what}: R² is {measured(row['r2_without'])} without it and "
        f"{measured(row['r2_with'])} with it ({r})."
    )


def adds(row: pd.Series) -> bool:
    """Whether a row of `incremental` shows that something is added: R² rises, and not by chance."""
    return is_shown(row) and bool(row["difference"] > 0)


def write_increments(
    table: pd.DataFrame, path: str | Path, *, confidence: float, note: str
) -> None:
    """Write the table `incremental` as a page.

    Parameters
    ----------
    table
        The table.
    path
        File to write.
    confidence
        Of its intervals, between 0 and 1.
    note
        Of the study, above the table.
    """
    parts = [
        note_part(note),
        list_part(increments_in_words(table, confidence=confidence)),
        table_part(increments_for_reading(table, confidence=confidence)),
    ]
    title = "What each quantity adds to others"
    write_parts(parts, path, title=title)


def increments_for_reading(table: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Return the table `incremental` in the order of reading, with headings for readers."""
    of_quantity = {name: place for place, name in enumerate(INCREMENTS)}
    rows = table.assign(
        order=table["quantity"].map(of_quantity), rank=table["beyond"].str.count(", ")
    )
    keys = ["order", "protocol", "loss", "metric", "rank"]
    rows = rows.sort_values(keys, kind="stable")
    shown = pd.DataFrame(
        {
            "what": increment_labels(rows),
            "added to": rows["beyond"].map(beyond_in_words),
            "R² without": rows["r2_without"].map(measured),
            "R² with": rows["r2_with"].map(measured),
            "rise of R²": rows["difference"].map(measured),
            f"semipartial r [{100 * confidence:g} % CI]": [
                measured_with_interval(*r)
                for r in rows[["semipartial_r", "ci_low", "ci_high"]].to_numpy()
            ],
            "p (Holm)": ["–" if np.isnan(p) else p_value(p) for p in rows["p_holm"]],
            "for new": rows["unit"],
            "images": rows["n"],
            "why no interval": [
                why_none(why) if np.isnan(low) else "–"
                for why, low in zip(rows["ci_method"], rows["ci_low"], strict=True)
            ],
        }
    )
    return with_known(shown, "why no interval")


def increment_labels(rows: pd.DataFrame) -> list[str]:
    """Return in words what each row of the table `incremental` is about."""
    several = len(set(rows["protocol"]) - {"", EXTERNAL}) > 1
    return [
        f"{_increment_label(row)}, protocol {row['protocol']}"
        if several and row["protocol"] not in ("", EXTERNAL)
        else _increment_label(row)
        for _, row in rows.iterrows()
    ]


def _increment_label(row: pd.Series) -> str:
    if row["quantity"] == "distinctiveness":
        source = f", {EXTERNAL}" if row["protocol"] == EXTERNAL else ""
        return f"Distinctiveness ({label(row['loss'])}{source})"
    words = metric_label(row)
    return f"Error ({words})" if row["quantity"] == "error" else words
