"""What the table `test_sets` says: how well predictors of pixels rank images of other data sets."""

from pathlib import Path

import numpy as np
import pandas as pd

from memorability.images.data_sets import DATA_SETS
from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.prediction.comparison import KNOWN_NEW
from memorability.prediction.names import OWN_TEST_IMAGES
from memorability.report.labels import head_label, label, lowered
from memorability.report.numbers import counted, measured, measured_with_interval
from memorability.report.pages import heading_part, note_part, table_part, text_part, write_parts
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP


def set_label(name: str) -> str:
    """Return what a set of images is called: a data set, or the study's own test images."""
    if name == OWN_TEST_IMAGES:
        return "this study's own test images"
    return DATA_SETS[name].label if name in DATA_SETS else name


def sets_of(table: pd.DataFrame) -> list[str]:
    """Return the sets of the table `test_sets`, the study's own test images first."""
    return sorted(set(table["set"]), key=lambda name: (name != OWN_TEST_IMAGES, name))


def fit_label(row: pd.Series) -> str:
    """Return the name of a predictor and what it predicts, as a sentence begins."""
    return f"{capitalised(head_label(row['head']))} (predicts {lowered(label(row['predicts']))})"


def capitalised(name: str) -> str:
    """Return a name as a sentence begins with it."""
    return f"{name[0].upper()}{name[1:]}"


def asked_for(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per predictor of one set and one measured score, the highest r first.

    Of several fits of a predictor that is the one to this score, or else that to the study's score.

    Parameters
    ----------
    rows
        Of the table `test_sets`.
    """
    order = np.where(rows["fitted_to"] == rows["target"], 0, 1 + (rows["fitted_to"] != "score"))
    chosen = rows.assign(order=order).sort_values(["head", "order"], kind="stable")
    chosen = chosen.drop_duplicates("head").drop(columns="order")
    return chosen.sort_values("r", ascending=False, kind="stable")


def on_set_in_words(rows: pd.DataFrame) -> str:
    """Say which fit of a predictor ranks the images of one set best by one measured score.

    Parameters
    ----------
    rows
        Of the table `test_sets`. Fits that failed are named in the last sentences.
    """
    return " ".join([*_fits_in_words(rows[rows["reason"] == ""]), *_failed_in_words(rows)])


def _failed_in_words(rows: pd.DataFrame) -> list[str]:
    """Say which fits failed, and why."""
    failed = rows[rows["reason"] != ""]
    return [f"{fit_label(row)} is not compared. {row['reason']}" for _, row in failed.iterrows()]


def _fits_in_words(rows: pd.DataFrame) -> list[str]:
    """Say which of the fits that are there ranks images best."""
    if rows.empty:
        return ["No predictor is compared on these images."]
    first = rows.iloc[0]
    images = counted(int(first["n"]), "image")
    new = rows[rows["trained_on_these_images"].isin(KNOWN_NEW)].dropna(subset="r")
    if first["n"] < SMALLEST_BOOTSTRAP:
        said = [f"{images} tell nothing about predictors."]
    elif new.empty:
        said = ["Every predictor may have seen the scores of these images."]
    else:
        best = new.sort_values("r", ascending=False, kind="stable").iloc[0]
        r = measured_with_interval(best["r"], best["ci_low"], best["ci_high"])
        said = [
            f"{fit_label(best)} has the highest r of the predictors that never saw the scores of these "
            f"{images}: {r}."
        ]
    if first["n"] >= SMALLEST_BOOTSTRAP and not np.isnan(first["ceiling"]):
        said.append(f"The noise ceiling of these images is {measured(first['ceiling'])}.")
    if first["left_out"]:
        said.append(
            f"{counted(int(first['left_out']), 'image')} more cannot be read by every predictor, and "
            "no predictor is compared on them."
        )
    return said


def further_sets_in_words(table: pd.DataFrame) -> list[str]:
    """Return a sentence or two on each further set and measured score of the table `test_sets`."""
    further = table[table["set"] != OWN_TEST_IMAGES]
    return [
        f"{set_label(name)}, {SCORE_KINDS[target].in_a_sentence}: {on_set_in_words(rows)}"
        for name in sets_of(further)
        for target in SCORE_KINDS
        if not (rows := further[(further["set"] == name) & (further["target"] == target)]).empty
    ]


def sets_for_reading(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the table `test_sets` of one set and one score with headings for readers."""
    rows = rows[rows["reason"] == ""].sort_values("r", ascending=False, kind="stable")
    shown = pd.DataFrame({"predictor": [head_label(head) for head in rows["head"]]})
    shown["predicts"] = [label(words) for words in rows["predicts"]]
    shown["trained on these images"] = rows["trained_on_these_images"].to_numpy()
    for heading, name, low, high in (
        ("Spearman's r", "r", "ci_low", "ci_high"),
        ("r given category", "given_category", "given_category_low", "given_category_high"),
    ):
        figures = zip(rows[name], rows[low], rows[high], strict=True)
        shown[heading] = [measured_with_interval(*each) for each in figures]
    shown["mean squared error"] = rows["mse"].to_numpy()
    return shown


def write_test_sets(table: pd.DataFrame, path: str | Path, *, note: str) -> None:
    """Write the table `test_sets` as a page, a part for each set and measured score.

    Parameters
    ----------
    table
        The table.
    path
        File to write.
    note
        Of the study, above the table.
    """
    parts = [note_part(note)]
    for name in sets_of(table):
        for target in SCORE_KINDS:
            rows = table[(table["set"] == name) & (table["target"] == target)]
            if rows.empty:
                continue
            words = SCORE_KINDS[target].in_a_sentence
            parts += [
                heading_part(f"{set_label(name)}: {words}"),
                text_part(on_set_in_words(rows)),
            ]
            if (rows["reason"] == "").any():
                parts.append(table_part(sets_for_reading(rows)))
    write_parts(parts, path, title="Predictors of pixels on several data sets")
