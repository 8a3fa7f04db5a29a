"""Figures of scores, and of values by memorability."""

from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from memorability.base.errors import InputError
from memorability.report.figures.style import COLOURS, add_note, styled
from memorability.report.labels import label

BIN_EDGES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
BIN_NAMES = ("very low", "low", "medium", "high", "very high")
SMALL_BIN = 20  # images below which a shape is drawn hollow: too few to judge


def scores_by_category(images: pd.DataFrame, *, target: str, note: str) -> Figure:
    """Draw the distribution of scores in each category (Figure 1).

    Parameters
    ----------
    images
        The image table.
    target
        Column with the scores.
    note
        What a reader must know of the data; printed below the figure. So in every function here.
    """
    groups = images.groupby("category")[target]
    # Rates have their whole range; d′ and the criterion have no bounds.
    inside = images[target].between(0, 1).all()
    limits = (0.0, 1.0) if inside else (images[target].min(), images[target].max())
    top = limits[1] + 0.01 * (limits[1] - limits[0])
    with styled():
        figure = Figure(figsize=(max(4.5, 1.2 + 1.3 * groups.ngroups), 4.2), layout="constrained")
        axes = figure.add_subplot()
        for place, (_, scores) in enumerate(groups):
            colour = COLOURS[place % len(COLOURS)]
            if scores.min() < scores.max():
                parts = axes.violinplot([scores], positions=[place], widths=0.8, showextrema=False)
                for body in cast("list[Artist]", parts["bodies"]):
                    enough = len(scores) >= SMALL_BIN
                    body.set(facecolor=colour if enough else "none", edgecolor=colour, alpha=0.45)
            axes.plot(place, scores.median(), "o", color="black", ms=5)
            axes.vlines(place, *scores.quantile([0.25, 0.75]), color="black", lw=2)
            axes.text(place, top, f"n = {len(scores)}\nmean {scores.mean():.2f}", ha="center")
        axes.set_xticks(range(groups.ngroups), [str(name) for name, _ in groups])
        axes.set(ylim=limits, ylabel=label(target))
        axes.set_title(
            f"Scores by category (dot: median, bar: middle half, hollow: under {SMALL_BIN} images)",
            fontsize=9,
            pad=28,
        )
        add_note(figure, note)
    return figure


def consistency_by_responses(consistency: pd.DataFrame, *, note: str) -> Figure:
    """Draw how well halves of the observers agree, by number of responses and of all responses.

    Parameters
    ----------
    consistency
        The table `consistency`.
    note
        See `scores_by_category`.
    """
    if consistency.empty:
        return _sentence("Too few responses to compare halves of the observers", note)
    by_number = consistency[~consistency["all_responses"]]
    of_all = consistency[consistency["all_responses"]]
    splits = {"observers": "random split", "delays": "adversarial split"}
    corrections = {
        "none": "delays as they are",
        "paper": "corrected as published",
        "exact": "corrected by least squares",
    }
    with styled():
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.errorbar(
            by_number["responses"], by_number["consistency"], yerr=by_number["consistency_sd"],
            fmt="o-", ms=3, color=COLOURS[0], capsize=2, label="random split, so many responses",
        )  # fmt: skip
        axes.plot(
            by_number["responses"], by_number["predicted"], "--", color=COLOURS[0],
            label="predicted by Spearman and Brown",
        )  # fmt: skip
        for colour, splitting in zip(COLOURS[1:], splits, strict=False):
            for marker, correction in zip("osD", corrections, strict=True):
                rows = of_all[
                    (of_all["splitting"] == splitting) & (of_all["correction"] == correction)
                ]
                if len(rows):
                    axes.plot(
                        rows["responses"], rows["consistency"], marker, color=colour, ms=6,
                        fillstyle="none",
                        label=f"{splits[splitting]}, all responses, {corrections[correction]}",
                    )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set(xlabel="responses per image, in both halves", ylabel="consistency (Spearman's r)")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7)
        axes.set_title("Agreement of halves of the observers")
        add_note(figure, note)
    return figure


def _sentence(text: str, note: str) -> Figure:
    """Return a figure that says why there is nothing to draw."""
    with styled():
        figure = Figure(figsize=(5, 1), layout="constrained")
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, text, ha="center", va="center")
        add_note(figure, note)
    return figure


def values_by_memorability(
    values: pd.DataFrame,
    images: pd.DataFrame,
    correlations: pd.DataFrame,
    *,
    target: str,
    bins: str,
    title: str,
    ylabel: str,
    note: str,
) -> Figure:
    """Draw a quantity over five bins of memorability, one panel per category (Figures 2 and 3).

    Parameters
    ----------
    values
        Columns image_id and value, perhaps of several seeds, which are averaged per image.
    images
        The image table.
    correlations
        Rows of the table `correlations` of this quantity: one per group.
    target
        Column of `images` that is binned.
    bins
        How: see `memorability_bins`.
    title, ylabel
        Of the figure and of the vertical axes.
    note
        See `scores_by_category`.
    """
    table = values.groupby("image_id", as_index=False)["value"].mean().merge(images, on="image_id")
    low, high = table["value"].min(), table["value"].max()
    # Equal values stand in the middle; those of a run that diverged are missing and stay so.
    table["value"] = (
        (table["value"] - low) / (high - low) if low < high else table["value"] * 0 + 0.5
    )
    table["bin"], ticks = memorability_bins(table[target], bins)
    names = sorted(table["category"].unique())
    # One panel for "all" where there is one category, for it would be drawn twice.
    panels = ["all"] if names == ["all"] else ["all", *names]
    rows = correlations[correlations["method"].isin(["pooled", "within"])].set_index("group")
    with styled():
        columns = min(3, len(panels))
        count = -(-len(panels) // columns)
        figure = Figure(figsize=(3.1 * columns, 0.9 + 2.5 * count), layout="constrained")
        grid = figure.subplots(count, columns, sharex=True, sharey=True, squeeze=False).flat
        for place, (axes, name) in enumerate(zip(grid, panels, strict=False)):
            chosen = table if name == "all" else table[table["category"] == name]
            colour = "#444444" if name == "all" else COLOURS[(place - 1) % len(COLOURS)]
            _bin_boxes(axes, chosen, colour)
            axes.set_title(f"{name}: {_correlation_text(rows.loc[[name]].iloc[0])}")
        for axes in figure.axes[len(panels) :]:
            axes.set_visible(False)
        for axes in figure.axes:
            axes.set_xticks(range(5), ticks, rotation=30, ha="right")
            axes.set_xlim(-0.6, 4.6)
            axes.set_ylim(-0.12, 1.02)
        figure.supylabel(f"{ylabel}, scaled to 0–1")
        width = "bins of 0.2" if bins == "published" else "fifths of the images"
        if bins == "published" and (table[target] < 0).any():
            width += ", the lowest with all below 0"
        scale = f"{label(target)}, {width} (number of images below; hollow: under {SMALL_BIN})"
        figure.suptitle(f"{title}\n{scale}", fontsize=10)
        add_note(figure, note)
    return figure


def memorability_bins(scores: pd.Series, kind: str) -> tuple[pd.Series, list[str]]:
    """Return the bin of every score, 0–4 from low to high, and the names of the five bins.

    Parameters
    ----------
    scores
        Of all images of a figure, finite.
    kind
        published: 0.2 wide, from "very low" to "very high"; quantiles: fifths of the images, named by
        their scores. Equal scores share a bin, and an upper end belongs to its bin.

    Raises
    ------
    InputError
        If bins are as published, but scores are not in 0–1, or −1–1 for memorability: those below 0
        are in the lowest bin.
    """
    if kind == "published":
        if scores.name == "score":
            scores = scores.clip(lower=0)
        if not scores.between(0, 1).all():
            raise InputError(
                f"statistics.bins: published has bins of 0.2 from 0 to 1, but {scores.name} reaches "
                f"from {scores.min():.3g} to {scores.max():.3g}. Set statistics.bins: quantiles."
            )
        return pd.cut(scores, BIN_EDGES, labels=False, include_lowest=True), list(BIN_NAMES)
    edges = scores.quantile(BIN_EDGES).to_numpy()
    places = np.searchsorted(edges[1:-1], scores)
    names = [f"{low:.2f}–{high:.2f}" for low, high in pairwise(edges)]
    return pd.Series(places, index=scores.index), names


def _bin_boxes(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    for place in range(5):
        values = table.loc[table["bin"] == place, "value"].dropna()
        if values.empty:
            continue
        enough = len(values) >= SMALL_BIN
        axes.boxplot(
            [values],
            positions=[place],
            widths=0.6,
            patch_artist=True,
            showfliers=enough,
            flierprops={"marker": ".", "markersize": 2},
            boxprops={"facecolor": colour if enough else "none", "edgecolor": colour, "alpha": 0.7},
            medianprops={"color": "black"},
        )
        axes.text(place, -0.1, f"{len(values)}", ha="center", fontsize=7, color="#555555")


def _correlation_text(row: pd.Series) -> str:
    if np.isnan(row["r"]):
        return f"r undefined (n = {row['n']})"
    interval = f" [{row['ci_low']:.2f}, {row['ci_high']:.2f}]" if np.isfinite(row["ci_low"]) else ""
    return f"r = {row['r']:.2f}{interval}"
