"""Figures of attributes and sources, after Figures 3 and 4 of Khosla et al. (2015)."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorability.attributes.comparing import NOTHING
from memorability.report.attributes.tables import spelled
from memorability.report.figures.style import COLOURS, add_note, readable, say_instead, styled
from memorability.report.numbers import with_interval

_SURE = 0.05
_IN_A_ROW = 4
_STYLES = ("-", "--", ":", "-.")


def attributes_figure(
    attributes: pd.DataFrame, quartiles: pd.DataFrame, *, score: str, note: str
) -> Figure:
    """Draw the mean of each number in each quartile of memorability, with intervals.

    Parameters
    ----------
    attributes, quartiles
        The tables `attributes` and `attribute_quartiles`.
    score
        What the score is, in words.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    names = list(dict.fromkeys(attributes["attribute"]))
    down = max(1, math.ceil(len(names) / _IN_A_ROW))
    across = min(_IN_A_ROW, max(1, len(names)))
    with styled():
        figure = Figure(figsize=(1 + 3 * across, 0.8 + 2.8 * down), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False)
        if not names:
            say_instead(grid[0, 0], "No attribute is a number.")
        for axes, name in zip(grid.flat, names, strict=False):
            own = quartiles[quartiles["attribute"] == name]
            row = attributes[
                (attributes["attribute"] == name) & (attributes["given"] == NOTHING)
            ].iloc[0]
            axes.set_title(f"r = {with_interval(row['r'], row['ci_low'], row['ci_high'])}")
            axes.set(
                xlabel=readable(f"quartile of {score}", 34), ylabel=readable(spelled(name), 26),
                xticks=range(1, 5), xlim=(0.5, 4.5),
            )  # fmt: skip
            axes.vlines(own["quartile"], own["ci_low"], own["ci_high"], color=COLOURS[0])
            axes.plot(own["quartile"], own["mean"], "o-", color=COLOURS[0])
            if own.empty:
                say_instead(axes, "No image with a score has it.")
        for axes in list(grid.flat)[max(1, len(names)) :]:
            axes.set_axis_off()
        add_note(figure, note)
    return figure


def sources_figure(
    values: pd.DataFrame, tests: pd.DataFrame, images: pd.DataFrame, *, target: str, score: str,
    note: str,
) -> Figure:  # fmt: skip
    """Draw sorted scores by label, and which labels' means are higher than which.

    Parameters
    ----------
    values
        Rows of the table `image_attributes`.
    tests
        The table `source_tests`.
    images
        The image table.
    target
        Name of the score.
    score
        What the score is, in words.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    rows = values[values["kind"] == "label"].merge(images[["image_id", target]], on="image_id")
    rows = rows[rows[target].notna()]
    names = sorted(set(rows["attribute"]))
    with styled():
        figure = Figure(figsize=(11, 0.8 + 4 * max(1, len(names))), layout="constrained")
        if not names:
            say_instead(figure.subplots(), "No image with a score has a label to compare by.")
            return figure
        grid = figure.subplots(len(names), 2, squeeze=False)
        for (curves, matrix), name in zip(grid, names, strict=True):
            own = rows[rows["attribute"] == name]
            order = list(own.groupby("label")[target].mean().sort_values(ascending=False).index)
            _curves(curves, own, order, target)
            curves.set(
                xlabel="share of the images, most memorable first", ylabel=readable(score, 34)
            )
            curves.set_title(f"sorted scores by {spelled(name)}")
            _matrix(matrix, tests[tests["attribute"] == name], order)
            matrix.set_title("mean of the row higher than of the column")
        add_note(figure, note)
    return figure


def _curves(axes: Axes, own: pd.DataFrame, order: list[str], target: str) -> None:
    for place, label in enumerate(order):
        scores = np.sort(own.loc[own["label"] == label, target].to_numpy(dtype=float))[::-1]
        shares = (np.arange(len(scores)) + 0.5) / len(scores)
        axes.plot(
            shares, scores, _STYLES[place // len(COLOURS) % len(_STYLES)],
            marker="." if len(scores) < 30 else "", color=COLOURS[place % len(COLOURS)],
            label=f"{readable(label, 24)} ({len(scores):,})",
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.legend(fontsize=7, ncols=1 + len(order) // 13)


def _matrix(axes: Axes, tests: pd.DataFrame, order: list[str]) -> None:
    """Draw a filled square where p is below 0.05, and a dot where no test could be made."""
    shown = np.zeros((len(order), len(order)))
    for first, second, value in zip(tests["first"], tests["second"], tests["p_holm"], strict=True):
        place = order.index(first), order.index(second)
        shown[place] = float(value < _SURE)
        if pd.isna(value):
            axes.text(
                place[1] + 0.5, place[0] + 0.5, "·", ha="center", va="center", color="#555555"
            )
    axes.pcolormesh(shown, cmap="Blues", vmin=0, vmax=1.4, edgecolors="white", linewidth=1)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    ticks = np.arange(len(order)) + 0.5
    labels = [readable(label, 18) for label in order]
    axes.set_xticks(ticks, labels, rotation=60, ha="right", fontsize=7)
    axes.set_yticks(ticks, labels, fontsize=7)
    axes.grid(visible=False)
