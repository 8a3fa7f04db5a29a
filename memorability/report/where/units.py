"""Units for readers: which go with memorability, in sentences, on a page, and as a sheet of images."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from memorability.report.figures.style import add_note, readable, say_instead, styled
from memorability.report.labels import head_label
from memorability.report.numbers import counted, p_value, percent, with_interval
from memorability.report.pages import heading_part, note_part, table_part, text_part, write_parts
from memorability.where.names import TOP_IMAGES

SURE = 0.05
"""False discovery rate below which units are counted."""

LISTED = 15
"""Units of the page, of the most and of the least correlated ones."""


def units_in_words(table: pd.DataFrame, predictor: str) -> str:
    """Say how many units of one predictor go with memorability, and which most and least.

    Parameters
    ----------
    table
        The table `units` of the predictor.
    predictor
        Its name.
    """
    name = head_label(predictor)
    if table.empty:
        return f"{name} has no layer of units: it reads descriptors, or values of a whole image."
    silent = int((table["sd"] == 0).sum())
    known = table[table["r"].notna()].sort_values("r", kind="stable")
    said = [
        f"The layer {table['layer'].iloc[0]} of {name} has {counted(len(table), 'unit')}, looked at in "
        f"{counted(int(table['n'].iloc[0]), 'image')}."
    ]
    if silent:
        said.append(f"{counted(silent, 'unit')} never changed, and cannot be correlated.")
    if known.empty:
        said.append("No unit is correlated: there are too few images, or all scores are equal.")
        return " ".join(said)
    sure = known[known["q"] < SURE]
    high, low = int((sure["r"] > 0).sum()), int((sure["r"] < 0).sum())
    said.append(
        f"At a false discovery rate of 5 %, {high:,} of {len(known):,} rise with memorability, and "
        f"{low:,} fall."
    )
    for row, words in ((known.iloc[-1], "most"), (known.iloc[0], "least")):
        r = with_interval(row["r"], row["ci_low"], row["ci_high"])
        said.append(f"Unit {int(row['number'])} goes {words} with memorability: r = {r}.")
    return " ".join(said)


def units_for_reading(table: pd.DataFrame) -> pd.DataFrame:
    """Return units of one predictor with the highest and the lowest r, with headings for readers."""
    rows = table[table["r"].notna()].sort_values("r", ascending=False, kind="stable")
    if len(rows) > 2 * LISTED:
        rows = pd.concat([rows.head(LISTED), rows.tail(LISTED)])
    shown = pd.DataFrame({"unit": rows["number"]})
    values = zip(rows["r"], rows["ci_low"], rows["ci_high"], strict=True)
    shown["Spearman's r"] = [with_interval(*each) for each in values]
    shown["false discovery rate"] = ["–" if np.isnan(q) else p_value(q) for q in rows["q"]]
    shown["r given category"] = rows["given_category"]
    shown["active in"] = [percent(share) for share in rows["share_active"]]
    shown["most active in"] = rows["top_image"]
    return shown


def write_units(
    table: pd.DataFrame, predictors: Sequence[str], path: str | Path, *, note: str
) -> None:
    """Write the table `units` as a page, a part for each predictor.

    Parameters
    ----------
    table
        The table.
    predictors
        All that were looked at.
    path
        File to write.
    note
        Of the study, above the tables.
    """
    parts = [note_part(note)]
    for predictor in predictors:
        rows = table[table["predictor"] == predictor]
        parts += [
            heading_part(head_label(predictor)),
            text_part(units_in_words(rows, predictor)),
            table_part(units_for_reading(rows), empty="No unit is correlated."),
        ]
    write_parts(parts, path, title="Units, and how they go with memorability")


def pictures_of_units(path: Path, predictor: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the numbers of a predictor's units, and their pictures (units, across, h, w, 3)."""
    with np.load(path, allow_pickle=False) as found:
        own = found["predictor"] == predictor
        return found["number"][own], found["pixels"][own]


def label_units(first: Iterable[Axes], numbers: NDArray[np.int64], rows: pd.DataFrame) -> None:
    """Name each unit, with its r, beside the first picture of its row."""
    for axes, number in zip(first, numbers, strict=True):
        row = rows.loc[number]
        r = with_interval(row["r"], row["ci_low"], row["ci_high"]).replace(" [", "\n[")
        axes.set_ylabel(f"unit {number}\nr = {r}", rotation=0, ha="right", va="center", fontsize=8)


def units_figure(table: pd.DataFrame, shown: Path, predictor: str, *, note: str) -> Figure:
    """Draw the nine images that move the most and the least correlated units most.

    Parameters
    ----------
    table
        The table `units`.
    shown
        The .npz file that `memorability.where.units.look_at_units` wrote.
    predictor
        Whose units are drawn.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    rows = table[table["predictor"] == predictor].set_index("number")
    numbers, pixels = pictures_of_units(shown, predictor)
    with styled():
        figure = Figure(
            figsize=(1.7 + 1.05 * TOP_IMAGES, 1.2 + 1.1 * max(1, len(numbers))),
            layout="constrained",
        )
        if not len(numbers):
            say_instead(figure.subplots(), readable(units_in_words(rows, predictor), 60))
            return figure
        grid = figure.subplots(len(numbers), TOP_IMAGES, squeeze=False)
        for (down, across), axes in np.ndenumerate(grid):
            axes.imshow(pixels[down, across])
            axes.set(xticks=[], yticks=[], frame_on=False)
            axes.grid(visible=False)
        label_units(grid[:, 0], numbers, rows)
        title = (
            f"{head_label(predictor)}, layer {rows['layer'].iloc[0]}: the nine images in which a unit "
            "is most active, from the unit that goes most with memorability to that which goes least"
        )
        figure.suptitle(readable(title, 90), fontsize=11)
        add_note(figure, note)
    return figure
