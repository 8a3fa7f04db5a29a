"""Figures of correlations taken apart; in the one style of `memorability.report.figures.style`."""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorability.report.figures.style import COLOURS, add_note, run_title, styled
from memorability.report.wording import in_words, why_none

TITLES = {"error": "Reconstruction error", "distinctiveness": "Latent distinctiveness"}
# Method -> its row of the forest and its colour, from the top.
_ROWS = {
    "pooled": ("all images, pooled", COLOURS[0]),
    "partial": ("given the category", COLOURS[4]),
    "partial_subcategory": ("given the subcategory", COLOURS[4]),
    "mean_within": ("mean within categories", COLOURS[4]),
    "within": ("within {}", COLOURS[1]),
    "between_category": ("between category means", COLOURS[2]),
    "between_subcategory": ("between subcategory means", COLOURS[2]),
    "without": ("pooled, without {}", COLOURS[0]),
}


def within_between(models: Sequence[pd.DataFrame], *, confidence: float, note: str) -> Figure:
    """Draw each model's correlation with memorability, pooled, within and between categories.

    Parameters
    ----------
    models
        Rows of the table `correlations`, of one selected model each.
    confidence
        Of the intervals, between 0 and 1.
    note
        What a reader must know of the data; printed below the figure.
    """
    drawn = [_forest_rows(rows) for rows in models]
    names = list(dict.fromkeys(name for rows in drawn for name in rows["name"]))
    order = {name: place for place, name in enumerate(names)}
    with styled():
        height = 1.9 + 0.27 * len(names)
        figure = Figure(figsize=(2.6 + 3.6 * len(models), height), layout="constrained")
        panels = figure.subplots(1, len(models), sharey=True, sharex=True, squeeze=False)[0]
        for axes, rows, table in zip(panels, drawn, models, strict=True):
            _forest(axes, rows.assign(place=rows["name"].map(order)))
            quantity = table["quantity"].iloc[0]
            axes.set_title(f"{TITLES.get(quantity, quantity)}\n{_model(table)}", fontsize=8.5)
            axes.set_xlabel("Spearman's r with memorability")
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.4, -0.6)
        panels[0].set_xlim(-1.06, 1.06)
        panels[0].set_xticks([-1, -0.5, 0, 0.5, 1])
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
        words = "\n\n".join(
            textwrap.fill(in_words(rows, confidence=confidence), int(17 * figure.get_figwidth()))
            for rows in models
        )
        figure.text(0, -0.02, words, fontsize=8, va="top")
        add_note(figure, note)
    return figure


def _model(table: pd.DataFrame) -> str:
    return textwrap.fill(run_title(table), 46)


def _forest_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a forest from the top, with their names and colours."""
    shown = rows[rows["method"].isin(_ROWS)]
    place = {method: number for number, method in enumerate(_ROWS)}
    order = shown["method"].map(place)
    shown = shown.assign(order=order).sort_values(["order", "group"])
    return shown.assign(
        name=[_ROWS[m][0].format(g) for m, g in zip(shown["method"], shown["group"], strict=True)],
        colour=[_ROWS[method][1] for method in shown["method"]],
    )


def _forest(axes: Axes, rows: pd.DataFrame) -> None:
    axes.axvline(0, color="black", lw=0.8)
    axes.hlines(
        rows["place"], rows["ci_low"], rows["ci_high"], color="#999999", lw=5,
        alpha=0.45, label=f"interval for new {rows['unit'].iloc[0]}",
    )  # fmt: skip
    axes.hlines(
        rows["place"], rows["ci_images_low"], rows["ci_images_high"], color=list(rows["colour"]),
        lw=2.2, label="interval for new images alone",
    )  # fmt: skip
    axes.scatter(rows["r"], rows["place"], c=list(rows["colour"]), s=11, zorder=3, label="r")
    sign = np.sign(rows["r"].fillna(1))
    axes.plot(
        rows["ceiling"] * sign, rows["place"], "|", color="black", ms=9, mew=1.6,
        label="ceiling: highest r that scores of this reliability allow",
    )  # fmt: skip
    pooled = rows[rows["method"] == "pooled"].iloc[0]
    axes.plot(
        pooled["baseline_r"] * np.sign(pooled["baseline_r"] * pooled["r"]), pooled["place"], "x",
        color="black", ms=6, label="strongest label-only baseline",
    )  # fmt: skip
    for _, row in rows[rows["r"].isna()].iterrows():
        text = f"no r: {why_none(row['ci_method'])}"
        axes.text(0.02, row["place"], text, va="center", fontsize=7)
