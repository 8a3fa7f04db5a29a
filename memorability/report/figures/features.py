"""Figures of image features; in the one style of `memorability.report.figures.style`."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorability.analysis.gathering import wide_features
from memorability.features.names import READINGS_OF, TABLE_2
from memorability.prediction.names import OF_LABELS
from memorability.report.figures.comparisons import draw_forest
from memorability.report.figures.style import (
    COLOURS,
    add_note,
    interval_name,
    readable,
    say_instead,
    styled,
)
from memorability.report.labels import head_label, label
from memorability.report.numbers import counted, number, percent
from memorability.report.wording import distinct_heads
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP

# Columns of the table `table_2` -> how they are drawn.
_GIVEN = {
    "": ("all images of the panel", COLOURS[0], "o"),
    "given_category_": ("given the category", COLOURS[4], "s"),
    "given_subcategory_": ("given the subcategory", COLOURS[2], "D"),
}


def table_2_forest(table: pd.DataFrame, *, compared: bool, confidence: float, note: str) -> Figure:
    """Draw the correlations of every feature, a panel per target, beside the published ones.

    Parameters
    ----------
    table
        The table `table_2`.
    compared
        Whether the published correlations are of the same images; else they are not drawn.
    confidence
        Of the intervals, between 0 and 1. So in every function here.
    note
        What a reader must know of the data; printed below the figure. So in every function here.
    """
    targets = list(table["target"].unique())
    features = [name for name in TABLE_2 if name in set(table["feature"])]
    places = {name: place for place, name in enumerate(features)}
    with styled():
        figure = Figure(
            figsize=(2.4 + 2.6 * len(targets), 2.2 + 0.42 * len(features)), layout="constrained"
        )
        panels = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
        for axes, target in zip(panels, targets, strict=True):
            rows = table[table["target"] == target]
            lines = rows["feature"].map(places).to_numpy(dtype=float)
            _panel(axes, rows, lines, compared=compared)
            share = rows["share_converged"].max()
            axes.set_title(
                f"{readable(label(target), 28)}\n{counted(rows['n'].max(), 'image')}"
                f"{f', the {percent(share)} that converged' if share < 1 else ''}"
            )
            axes.set_xlabel("Spearman's r")
        panels[0].set_yticks(range(len(features)), [_wrapped(name) for name in features])
        panels[0].set_ylim(len(features) - 0.4, -0.6)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, names, loc="outside upper center", ncols=2,
            title=f"Spearman's r of each feature (bar: {interval_name(confidence)})",
        )  # fmt: skip
        add_note(figure, note)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, places: np.ndarray, *, compared: bool) -> None:
    axes.axvline(0, color="black", lw=0.8)
    few = rows["n"] < SMALLEST_BOOTSTRAP
    figures = [f"{prefix}{name}" for prefix in _GIVEN for name in ("r", "ci_low", "ci_high")]
    rows = rows.assign(**{name: rows[name].mask(few) for name in figures})
    known = [prefix for prefix in _GIVEN if rows[f"{prefix}r"].notna().any()]
    for place, prefix in enumerate(known):
        name, colour, marker = _GIVEN[prefix]
        lines = places + 0.22 * (place - (len(known) - 1) / 2)
        axes.hlines(lines, rows[f"{prefix}ci_low"], rows[f"{prefix}ci_high"], color=colour)
        axes.plot(rows[f"{prefix}r"], lines, marker, color=colour, ms=4, label=name)
    if compared:
        axes.plot(rows["published"], places, "x", color="black", label="published")
    axes.set_xlim(-1.05, 1.05)
    undrawn = zip(places, rows["unavailable"], few, rows["r"], strict=True)
    for place, why, too_few, r in undrawn:
        if np.isnan(r):
            constant = "too few images" if too_few else "no r: constant"
            text = "not measured" if why else constant
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
            text = number(r)
            colour = "white" if abs(r) > 0.65 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names)
        axes.grid(visible=False)
        figure.colorbar(shown, ax=axes, shrink=0.7, label="Spearman's r")
        count = features["image_id"].nunique()
        figure.suptitle(f"Features correlate with one another ({counted(count, 'image')})")
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


def readings(
    features: pd.DataFrame, variants: pd.DataFrame, *, confidence: float, note: str
) -> Figure:
    """Draw the features of Table 2, each above its other readings, and their correlations.

    Parameters
    ----------
    features, variants
        Rows of the table `correlations` with quantity feature and variant.
    confidence, note
        See `table_2_forest`.
    """
    table = pd.concat([features, variants], ignore_index=True)
    pooled = table[table["method"] == "pooled"]
    base = pooled["metric"].map(lambda name: READINGS_OF.get(name, name))
    read_otherwise = base.isin([READINGS_OF[name] for name in variants["metric"].unique()])
    order = base.map({name: place for place, name in enumerate(TABLE_2)})
    # The sort is stable, and features stand before variants.
    pooled = pooled.assign(order=order)[read_otherwise].sort_values("order", kind="stable")
    largest = pooled["n"].max()
    names = [
        label(name)
        + ("" if name in READINGS_OF else " (Table 2)")
        + (f" ({percent(n / largest)} of the images)" if n < largest else "")
        for name, n in zip(pooled["metric"], pooled["n"], strict=True)
    ]
    with styled():
        figure = Figure(figsize=(7.2, 1.6 + 0.36 * len(pooled)), layout="constrained")
        axes = figure.add_subplot()
        draw_forest(axes, pooled, table, names, confidence=confidence)
        for edge in np.flatnonzero(np.diff(pooled["order"])):
            axes.axhline(edge + 0.5, color="#bbbbbb", lw=0.8)
        figure.suptitle("Features of Table 2 and their other readings")
        add_note(figure, note)
    return figure


def importance(
    table: pd.DataFrame, metrics: pd.DataFrame, *, confidence: float, note: str
) -> Figure:
    """Draw how well labels and features predict, and how much the model uses each feature.

    Parameters
    ----------
    table
        The table `feature_importance`.
    metrics
        The table `feature_model_metrics`.
    confidence, note
        See `table_2_forest`.
    """
    rows = table.sort_values("importance")
    known = distinct_heads(metrics)
    heads = metrics[(metrics["metric"] == "spearman") & metrics["head"].isin(known)]
    heads = heads.sort_values("value", na_position="first")
    labelled = not set(OF_LABELS).isdisjoint(known)
    # Shuffling what the model does not read changes no prediction, in no resample.
    used = rows[["importance", "ci_low", "ci_high"]].ne(0).any(axis=1)
    interval = interval_name(confidence)
    with styled():
        height = 2.3 + 0.3 * max(len(rows), len(heads))
        figure = Figure(figsize=(11, height), layout="constrained")
        left, right = figure.subplots(1, 2)
        _row_per_name(
            left,
            heads,
            "value",
            list(heads["head"].map(head_label)),
            "predicts the same score for every image",
        )
        left.set_xlabel(f"Spearman's r, predicted and measured score (bar: {interval})")
        left.set_title("What predicts the scores of unseen images")
        right.set_title(
            f"How much the model of {'labels and ' if labelled else ''}features uses each\n"
            f"({table['model'].iloc[0]})"
        )
        if used.any():
            shown = rows.assign(importance=rows["importance"].where(used))
            _row_per_name(
                right,
                shown,
                "importance",
                list(rows["feature"].map(label)),
                "not used by the model",
            )
            right.set_xlabel(
                "share of the variance lost when a feature is shuffled\n"
                f"{'within categories ' if labelled else ''}(bar: {interval})"
            )
        else:
            right.set(xticks=[], yticks=[])
            say_instead(
                right,
                "The model uses no feature: shuffling one changes no prediction. There may be too few "
                "training images to learn from. Nothing can be said of single features.",
            )
        figure.suptitle(counted(rows["n"].max(), "test image"), fontsize=10)
        add_note(figure, note)
    return figure


def _row_per_name(
    axes: Axes, rows: pd.DataFrame, value: str, names: list[str], missing: str
) -> None:
    """Draw a value with its interval in a row each; where there is none, say why."""
    places = np.arange(len(rows))
    known = rows[value].notna().to_numpy()
    axes.axvline(0, color="black", lw=0.8)
    axes.hlines(places[known], rows["ci_low"][known], rows["ci_high"][known], color=COLOURS[0])
    axes.plot(rows[value], places, "o", color=COLOURS[0])
    for place in places[~known]:
        axes.text(0, place, f" {missing}", va="center", fontsize=7, color="#555555")
    axes.set_yticks(places, [readable(name, 34) for name in names])
    axes.set_ylim(-0.6, len(rows) - 0.4)


def _wrapped(name: str) -> str:
    return readable(label(name), 26)
