"""Portraits of units for readers: averages, segmentations and visualisations on one sheet."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memorability.report.figures.style import add_note, readable, say_instead, styled
from memorability.report.labels import head_label
from memorability.report.where.units import label_units, pictures_of_units, units_in_words
from memorability.where.portraits.names import (
    AVERAGE,
    DISKS,
    KINDS,
    PUBLISHED,
    QUANTILE,
    RECOMMENDED,
)

TITLES = {
    AVERAGE: "average of 30 regions",
    DISKS: "segmented by disks",
    QUANTILE: "segmented by quantile",
    PUBLISHED: "excites it, as published",
    RECOMMENDED: "excites it, recommended",
}


def portraits_figure(table: pd.DataFrame, portraits: Path, predictor: str, *, note: str) -> Figure:
    """Draw what the units that go most and least with memorability answer to.

    Parameters
    ----------
    table
        The table `units`.
    portraits
        The .npz file that `memorability.where.portraits.making.portray_units` wrote.
    predictor
        Whose units are drawn.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    rows = table[table["predictor"] == predictor].set_index("number")
    numbers, pixels = pictures_of_units(portraits, predictor)
    with styled():
        figure = Figure(
            figsize=(1.7 + 1.25 * len(KINDS), 1.4 + 1.3 * max(1, len(numbers))),
            layout="constrained",
        )
        if not len(numbers):
            say_instead(figure.subplots(), readable(units_in_words(rows, predictor), 60))
            return figure
        grid = figure.subplots(len(numbers), len(KINDS), squeeze=False)
        for (down, across), axes in np.ndenumerate(grid):
            if (pixels[down, across] < 255).any():
                axes.imshow(pixels[down, across])
            axes.set(xticks=[], yticks=[], frame_on=False)
            axes.grid(visible=False)
        for place, (axes, kind) in enumerate(zip(grid[0], KINDS, strict=True)):
            if KINDS.index(kind) == place:
                axes.set_title(readable(TITLES[kind], 16), fontsize=9)
        label_units(grid[:, 0], numbers, rows)
        layer = rows["layer"].iloc[0]
        figure.suptitle(
            readable(
                f"{head_label(predictor)}, layer {layer}: what units answer to, from the unit that "
                "goes most with memorability to that which goes least",
                90,
            ),
            fontsize=11,
        )
        add_note(figure, note)
    return figure
