"""Figures of image features; in the one style of `memorability.report.figures.style`."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorability.analysis.gathering import wide_features
from memorability.features.names import TABLE_2
from memorability.prediction.names import head_label
from memorability.report.figures.style import COLOURS, add_note, styled
from memorability.report.labels import label

# Columns of the table `table_2` -> how they are drawn.
_GIVEN = {
    "": ("all images of the panel", COLOURS[0], "o"),
    "given_category_": ("given the category", COLOURS[4], "s"),
    "given_subcategory_": ("given the subcategory", COLOURS[2], "D"),
}


def table_2_forest(table: pd.DataFrame, *, note: str) -> Figure:
    """Draw the correlations of every feature, a panel per target, beside the published ones.

    Parameters
    ----------
    table
        The table `table_2`.
    note
        What a reader must know of the data; printed below the figure. So in every function here.
    """
    targets = list(table["target"].unique())
    features = [name for name in TABLE_2 if name in set(table["feature"])]
    places = {name: place for place, name in enumerate(features)}
    with styled():
        figure = Figure(
            figsize=(2.4 + 2.6 * len(targets), 2 + 0.42 * len(features)), layout="constrained"
        )
        panels = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
        for axes, target in zip(panels, targets, strict=True):
            rows = table[table["target"] == target]
            _panel(axes, rows, rows["feature"].map(places).to_numpy(dtype=float))
            axes.set_title(f"{textwrap.fill(label(target), 28)}\n{rows['n'].max()} images")
            axes.set_xlabel("Spearman's r")
        panels[0].set_yticks(range(len(features)), [_wrapped(name) for name in features])
        panels[0].set_ylim(len(features) - 0.4, -0.6)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=2)
        add_note(figure, note)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, places: np.ndarray) -> None:
    axes.axvline(0, color="black", lw=0.8)
    for number, (prefix, (name, colour, marker)) in enumerate(_GIVEN.items()):
        if rows[f"{prefix}r"].notna().any():
            lines = places + 0.22 * (number - 1)
            low, high = rows[f"{prefix}ci_low"], rows[f"{prefix}ci_high"]
            axes.hlines(lines, low, high, color=colour)
            axes.plot(rows[f"{prefix}r"], lines, marker, color=colour, ms=4, label=name)
    axes.plot(rows["published"], places, "x", color="black", label="published (MemCat)")
    axes.set_xlim(-1.05, 1.05)
    for place, why, r in zip(places, rows["unavailable"], rows["r"], strict=True):
        if np.isnan(r):
            text = "not measured" if why else "no r: constant"
            axes.text(-1, place, text, va="center", fontsize=7, color="#555555")


def feature_map(features: pd.DataFrame, *, note: str) -> Figure:
    """Draw how the features of Table 2 correlate with one another.

    Parameters
    ----------
    features
        The table `features`.
    note
        See `table_2_forest`.
    """
    found = feature_correlations(features)
    names = [_wrapped(str(name)) for name in found]
    with styled():
        size = 3.2 + 0.55 * len(names)
        figure = Figure(figsize=(size + 0.8, size), layout="constrained")
        axes = figure.add_subplot()
        shown = axes.imshow(found, cmap="RdBu_r", vmin=-1, vmax=1)
        for (row, column), r in np.ndenumerate(found.to_numpy()):
            text = "–" if np.isnan(r) else f"{r:.2f}"
            colour = "white" if abs(r) > 0.65 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names)
        axes.grid(visible=False)
        figure.colorbar(shown, ax=axes, shrink=0.7, label="Spearman's r")
        count = features["image_id"].nunique()
        figure.suptitle(f"Features correlate with one another ({count:,} images)")
        add_note(figure, note)
    return figure


def feature_correlations(features: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's r of every two features of Table 2 that were measured, NaN of constant ones.

    Parameters
    ----------
    features
        The table `features`.
    """
    return wide_features(features).corr(method="spearman")


def importance(table: pd.DataFrame, metrics: pd.DataFrame, *, note: str) -> Figure:
    """Draw how well labels and features predict, and what each feature adds to all others.

    Parameters
    ----------
    table
        The table `feature_importance`.
    metrics
        The table `feature_model_metrics`.
    note
        See `table_2_forest`.
    """
    rows = table.sort_values("importance")
    heads = metrics[metrics["metric"] == "spearman"].sort_values("value")
    with styled():
        height = 1.9 + 0.3 * max(len(rows), len(heads))
        figure = Figure(figsize=(11, height), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, drawn, value, names in (
            (left, heads, "value", heads["head"].map(head_label)),
            (right, rows, "importance", rows["feature"].map(label)),
        ):
            places = np.arange(len(drawn))
            axes.axvline(0, color="black", lw=0.8)
            axes.hlines(places, drawn["ci_low"], drawn["ci_high"], color=COLOURS[0])
            axes.plot(drawn[value], places, "o", color=COLOURS[0])
            axes.set_yticks(places, names)
        left.set_xlabel("Spearman's r, predicted × measured score, bootstrap CI")
        right.set_xlabel(
            "share of the variance lost where the feature is\nshuffled within categories"
        )
        left.set_title("What predicts the scores of unseen images")
        right.set_title("What each feature adds to labels and all other features")
        model = table["model"].iloc[0]
        figure.suptitle(f"{rows['n'].max():,} test images, {model}", fontsize=10)
        add_note(figure, note)
    return figure


def _wrapped(name: str) -> str:
    return textwrap.fill(label(name), 26)
