"""What the table `predictor_comparison` says: which predictor is best, and which r is no test."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.prediction.comparison import KNOWN_NEW
from memorability.prediction.label_baselines import BASELINES
from memorability.report.labels import head_label, label, lowered
from memorability.report.numbers import (
    counted,
    measured,
    measured_with_interval,
    percent,
)
from memorability.report.pages import (
    heading_part,
    list_part,
    note_part,
    table_part,
    text_part,
    write_parts,
)
from memorability.report.sentences.test_sets import capitalised, further_sets_in_words
from memorability.report.wording import distinct_heads
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP


def compared(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the rows of one target that say something of their own, the highest r first.

    Parameters
    ----------
    table
        The table `predictor_comparison`.
    target
        Value of its column of this name.

    Returns
    -------
    pandas.DataFrame
        Without predictors that could not be fitted: `failed_in_words` names them.
    """
    rows = table[(table["target"] == target) & (table["reason"] == "")]
    metrics = rows.rename(columns={"r": "spearman"}).melt(
        "head", ["spearman", "mse", "mean_predicted"], "metric", "value"
    )
    rows = rows[rows["head"].isin(distinct_heads(metrics))]
    return rows.sort_values("r", ascending=False, kind="stable")


def comparison_in_words(rows: pd.DataFrame) -> str:
    """Say which predictor of one target is best, by how much, and which may know the test images.

    Parameters
    ----------
    rows
        As from `compared`.

    Returns
    -------
    str
        Sentences. Of predictors that were trained on the test images, or may have been, it is said that
        their r is no test of them.
    """
    first = rows.iloc[0]
    said = [best_in_words(rows)]
    if first["n"] < SMALLEST_BOOTSTRAP:
        return said[0]
    said += [*_rivals(rows), *_not_tests(rows)]
    if not np.isnan(first["ceiling"]):
        said.append(
            f"The noise ceiling of these test images is {measured(first['ceiling'])}: no predictor is "
            "expected to reach more."
        )
    return " ".join(said)


def failed_in_words(table: pd.DataFrame, target: str) -> list[str]:
    """Say which predictors could not be fitted to one target, and why: a sentence or two for each.

    Parameters
    ----------
    table, target
        See `compared`.
    """
    failed = table[(table["target"] == target) & (table["reason"] != "")]
    return [
        f"{capitalised(head_label(row['head']))} is not compared. {row['reason']}"
        for _, row in failed.iterrows()
    ]


def best_in_words(rows: pd.DataFrame) -> str:
    """Say which predictor is best, and what it is beside the means of categories.

    Parameters
    ----------
    rows
        As from `compared`.
    """
    first = rows.iloc[0]
    what = SCORE_KINDS[first["target"]].in_a_sentence
    if first["n"] < SMALLEST_BOOTSTRAP:
        return (
            f"The predictors of {what} are not compared: {counted(first['n'], 'test image')} tell "
            "nothing."
        )
    if not rows["best"].any():
        return (
            f"No predictor of {what} can be called best: none that never saw these scores has an r "
            "above 0."
        )
    best = rows[rows["best"]].iloc[0]
    r = measured_with_interval(best["r"], best["ci_low"], best["ci_high"])
    said = [
        f"Of the predictors of {what} that never saw the scores of the {best['n']:,} test images, "
        f"the best is {_named([best])}: r = {r}."
    ]
    if not np.isnan(best["beyond_category_low"]):
        gain = measured_with_interval(
            *best[["beyond_category", "beyond_category_low", "beyond_category_high"]]
        )
        verdict = "is not shown to be better than"
        if best["beyond_category_low"] > 0:
            verdict = "is better than"
        elif best["beyond_category_high"] < 0:
            verdict = "is worse than"
        said.append(f"It {verdict} category means: the difference of r is {gain}.")
    return " ".join(said)


def _rivals(rows: pd.DataFrame) -> list[str]:
    """Say which predictors are not shown to be worse than the best."""
    others = rows[rows["trained_on_these_images"].isin(KNOWN_NEW) & ~rows["best"]]
    others = others[~others["head"].isin(BASELINES)]
    level = [row for _, row in others.iterrows() if row["beside_best_high"] >= 0]
    return [f"Not shown to be worse than the best: {_named(level)}."] if level else []


def _not_tests(rows: pd.DataFrame) -> list[str]:
    """Say of which predictors r is no test."""
    words = {
        "yes": "trained on these images, so that its r is no test of it",
        "unknown": "perhaps trained on these images: nobody says",
    }
    return [
        f"{head_label(row['head'])} (r = {measured(row['r'])}) was "
        f"{words[row['trained_on_these_images']]}."
        for _, row in rows.iterrows()
        if row["trained_on_these_images"] in words
    ]


def _named(rows: Sequence[pd.Series]) -> str:
    return ", ".join(lowered_name(str(row["head"])) for row in rows)


def lowered_name(head: str) -> str:
    """Return the name of a head as it stands within a sentence."""
    name = head_label(head)
    return name if head not in BASELINES else lowered(name)


def comparison_for_reading(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as from `compared` with headings for readers."""
    shown = pd.DataFrame({"predictor": rows["head"].map(head_label)})
    shown["trained on these images"] = rows["trained_on_these_images"]
    for heading, name, low, high in (
        ("Spearman's r", "r", "ci_low", "ci_high"),
        ("less the best", "beside_best", "beside_best_low", "beside_best_high"),
        (
            "less category means", "beyond_category", "beyond_category_low", "beyond_category_high",
        ),
        ("r given category", "given_category", "given_category_low", "given_category_high"),
    ):  # fmt: skip
        figures = zip(rows[name], rows[low], rows[high], strict=True)
        shown[heading] = [measured_with_interval(*each) for each in figures]
    shown["less the best"] = shown["less the best"].mask(rows["best"], "is the best")
    shown["mean squared error"] = rows["mse"]
    for what in ("mean", "sd"):
        pairs = zip(rows[f"{what}_predicted"], rows[f"{what}_score"], strict=True)
        name = {"mean": "mean", "sd": "SD"}[what]
        shown[f"{name}: predicted / measured"] = [
            f"{measured(predicted)} / {measured(score)}" for predicted, score in pairs
        ]
    shown["at the floor"] = [percent(share) for share in rows["share_at_floor"]]
    shown["predicts"] = [label(words) if words else "not known" for words in rows["predicts"]]
    return shown


def write_comparison(
    table: pd.DataFrame, test_sets: pd.DataFrame | None, path: str | Path, *, note: str
) -> None:
    """Write the table `predictor_comparison` as a page, a part for each target.

    Parameters
    ----------
    table
        The table.
    test_sets
        The table of this name, where predictors are tested on further data sets.
    path
        File to write.
    note
        Of the study, above the table.
    """
    parts = [note_part(note)]
    for target in (name for name in SCORE_KINDS if (table["target"] == name).any()):
        rows = compared(table, target)
        parts += [
            heading_part(f"Predictors of {SCORE_KINDS[target].in_a_sentence}"),
            text_part(comparison_in_words(rows)),
            table_part(comparison_for_reading(rows)),
        ]
        if failed := failed_in_words(table, target):
            parts.append(list_part(failed))
    if test_sets is not None:
        said = further_sets_in_words(test_sets)
        parts += [heading_part("Predictors of pixels on other data sets"), list_part(said)]
    write_parts(parts, path, title="Predictors on the same test images")
