"""The one style of all figures."""

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorability.base.files import atomic
from memorability.base.run_keys import EXTERNAL
from memorability.report.labels import label, metric_label

STYLE: Mapping[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.dpi": 150,
    "figure.titlesize": 12,
    "font.size": 9,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    # Text stays text, and the same table gives the same bytes.
    "svg.fonttype": "none",
    "svg.hashsalt": "memorability",
}
COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#7F7F7F",
    "#882255",
    "#332288",
)


@contextmanager
def styled() -> Iterator[None]:
    """Apply the one style of all figures."""
    with mpl.rc_context(dict(STYLE)):
        yield


def save(figure: Figure, svg: str | Path, png: str | Path) -> None:
    """Write a figure as SVG and PNG, without dates in the files."""
    with styled():
        for path in (svg, png):
            kind = Path(path).suffix[1:]
            metadata = {"Date": None} if kind == "svg" else None
            with atomic(path) as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata, bbox_inches="tight")


def run_title(correlations: pd.DataFrame) -> str:
    """Return the title of a figure about one model: loss, learning rate, protocol, seeds."""
    row = correlations.iloc[0]
    error = row["quantity"] == "error"
    if row["protocol"] == EXTERNAL:
        return metric_label(row) if error else f"Latents {row['loss']}, external"
    name = metric_label(row) if error else label(row["loss"])
    return f"{name}, learning rate {row['lr']}, protocol {row['protocol']}, {row['seeds']} seed(s)"


def seeds_in_words(rows: pd.DataFrame) -> str:
    """Return how many seeds stand behind correlations, but for those that a diverged seed left."""
    complete = rows[rows["diverged"] == ""]
    counts = (complete if len(complete) else rows)["seeds"].unique()
    # Where a protocol leaves nothing to chance, it has one seed, whatever the others have.
    return " or ".join(map(str, sorted(counts)))


def draw_points(
    axes: Axes, rows: pd.DataFrame, places: np.ndarray, *, colour: str, name: str, marker: str
) -> None:
    """Draw correlations with their intervals, a row of the axes each."""
    axes.hlines(places, rows["ci_low"], rows["ci_high"], color=colour)
    axes.plot(rows["r"], places, marker, color=colour, label=name)


def add_note(figure: Figure, note: str) -> None:
    """Print the note below a figure, in lines as long as the figure is wide."""
    lines = textwrap.fill(note, int(15 * figure.get_figwidth()))
    figure.supxlabel(lines, fontsize=7.5, color="#a04000")
