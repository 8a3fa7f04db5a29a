"""Figures of correlations taken apart; in the one style of `memorability.report.figures.style`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorability.report.figures.style import (
    COLOURS,
    add_note,
    interval_name,
    readable,
    run_title,
    styled,
)
from memorability.report.labels import correlated_with
from memorability.report.wording import why_none

TITLES = {"error": "Reconstruction error", "distinctiveness": "Latent distinctiveness"}
# Method -> its row of the forest, from the top.
_ROWS = {
    "pooled": "all images, pooled",
    "partial": "given the category",
    "partial_subcategory": "given the subcategory",
    "mean_within": "mean within categories",
    "within": "within {}",
    "between_category": "between category means",
    "between_subcategory": "between subcategory means",
    "without": "pooled, without {}",
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
    names = {
        key: name for rows in drawn for key, name in zip(rows["key"], rows["name"], strict=True)
    }
    order = {key: place for place, key in enumerate(names)}
    with styled():
        height = 2.1 + 0.27 * sum(1 + 0.7 * name.count("\n") for name in names.values())
        figure = Figure(figsize=(2.6 + 3.6 * len(models), height), layout="constrained")
        panels = figure.subplots(1, len(models), sharey=True, sharex=True, squeeze=False)[0]
        for axes, rows, table in zip(panels, drawn, models, strict=True):
            _forest(axes, rows.assign(place=rows["key"].map(order)), interval_name(confidence))
            quantity = table["quantity"].iloc[0]
            axes.set_title(f"{TITLES.get(quantity, quantity)}\n{_model(table)}", fontsize=8.5)
            axes.set_xlabel(correlated_with(table["target"].iloc[0]))
        panels[0].set_yticks(range(len(names)), list(names.values()))
        panels[0].set_ylim(len(names) - 0.4, -0.6)
        panels[0].set_xlim(-1.06, 1.06)
        panels[0].set_xticks([-1, -0.5, 0, 0.5, 1])
        legend = {
            str(name): handle
            for axes in panels
            for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(legend.values(), legend, loc="outside upper center", ncols=2)
        add_note(figure, note)
    return figure


def _model(table: pd.DataFrame) -> str:
    return readable(run_title(table), 46)


def _forest_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a forest from the top, with a key and the name of each."""
    # The only category holds all images: its row would be the pooled one again.
    again = (rows["method"] == "within") & (rows["group"] == "all")
    shown = rows[rows["method"].isin(_ROWS) & ~again]
    place = {method: number for number, method in enumerate(_ROWS)}
    order = shown["method"].map(place)
    shown = shown.assign(order=order).sort_values(["order", "group"])
    return shown.assign(
        key=shown["method"] + "/" + shown["group"],
        name=[
            readable(_ROWS[method].format(group), 34)
            for method, group in zip(shown["method"], shown["group"], strict=True)
        ],
    )


def _forest(axes: Axes, rows: pd.DataFrame, interval: str) -> None:
    """Draw what is known of every row; what is known of none is in no legend."""
    axes.axvline(0, color="black", lw=0.8)
    if rows["ci_low"].notna().any():
        axes.hlines(
            rows["place"], rows["ci_low"], rows["ci_high"], color="#999999", lw=5,
            alpha=0.45, label=f"{interval} for new {rows['unit'].iloc[0]}",
        )  # fmt: skip
    # Of one run without ten subcategories it is the same interval.
    images_alone = rows["unit"].iloc[0] != "images"
    if images_alone and rows["ci_images_low"].notna().any():
        axes.hlines(
            rows["place"], rows["ci_images_low"], rows["ci_images_high"], color=COLOURS[0], lw=2.2,
            label=f"{interval} for new images alone",
        )  # fmt: skip
    if rows["r"].notna().any():
        axes.plot(rows["r"], rows["place"], "o", color=COLOURS[0], ms=4, label="r")
    pooled = rows[rows["method"] == "pooled"].iloc[0]
    # All on the side of the pooled correlation: that of a row near 0 has no side.
    side = -1 if pooled["r"] < 0 else 1
    if rows["ceiling"].notna().any():
        axes.plot(
            side * rows["ceiling"], rows["place"], "|", color="black", ms=9, mew=1.6,
            label="ceiling: highest r that scores of this reliability allow",
        )  # fmt: skip
    if np.isfinite(pooled["baseline_r"]):
        axes.plot(
            side * abs(pooled["baseline_r"]), pooled["place"], "x", color="black", ms=6,
            label="strongest baseline without a model",
        )  # fmt: skip
    for _, row in rows[rows["r"].isna()].iterrows():
        text = f"no r: {why_none(row['ci_method'])}"
        axes.text(0.02, row["place"], text, va="center", fontsize=7)
