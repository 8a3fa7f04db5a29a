"""Figures of scores, and of values by memorability."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from memorability.base.errors import InputError
from memorability.report.figures.style import (
    COLOURS,
    SMALL_GROUP,
    add_note,
    interval_name,
    readable,
    say_instead,
    styled,
)
from memorability.report.numbers import counted, number, with_interval
from memorability.statistics.rank_correlation import finished_seeds, spearman
from memorability.statistics.ranks import SMALLEST_SAMPLE

BIN_EDGES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
BIN_NAMES = ("very low", "low", "medium", "high", "very high")
MOST_NAMED = 5
"""Seeds whose correlations are named one by one."""


def scores_by_category(images: pd.DataFrame, *, target: str, score: str, note: str) -> Figure:
    """Draw the distribution of scores in each category (Figure 1).

    Parameters
    ----------
    images
        The image table.
    target
        Column with the scores.
    score
        What the scores are: see `memorability.report.labels.score_label`. So in every function here.
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
        small = groups.size().min() < SMALL_GROUP
        axes = figure.add_subplot()
        for place, (_, scores) in enumerate(groups):
            colour = COLOURS[place % len(COLOURS)]
            if scores.min() < scores.max():
                parts = axes.violinplot([scores], positions=[place], widths=0.8, showextrema=False)
                for body in cast("list[Artist]", parts["bodies"]):
                    enough = len(scores) >= SMALL_GROUP
                    body.set(facecolor=colour if enough else "none", edgecolor=colour, alpha=0.45)
            axes.plot(place, scores.median(), "o", color="black", ms=5)
            axes.vlines(place, *scores.quantile([0.25, 0.75]), color="black", lw=2)
            text = f"{counted(len(scores), 'image')}\nmedian {number(scores.median())}"
            axes.text(place, top, text, ha="center")
        names = [readable(name, 15) for name, _ in groups]
        divided = names != ["all"]
        axes.set_xticks(range(groups.ngroups), names if divided else ["all images"])
        axes.set(ylim=limits, ylabel=readable(score, 45))
        key = "dot: median, bar: middle half of the images"
        key += f", hollow: under {SMALL_GROUP} images" if small else ""
        title = "Scores by category" if divided else "Scores"
        lines = readable(key, int(11 * figure.get_figwidth()))
        axes.set_title(f"{title}\n{lines}", fontsize=9, pad=30)
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
        measured = axes.errorbar(
            by_number["responses"], by_number["consistency"], yerr=by_number["consistency_sd"],
            fmt="o-", ms=3, color=COLOURS[0], capsize=2,
            label="random split, by number of responses (bar: SD over splits)",
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
                        label=f"{splits[splitting]}, all responses, {corrections[correction]}: "
                        f"{number(rows['consistency'].iloc[0], 3)}",
                    )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set(xlabel="responses per image, in both halves", ylabel="consistency (Spearman's r)")
        marks, names = axes.get_legend_handles_labels()
        # Matplotlib names bars last.
        order = [names.index(measured.get_label()), *range(len(names) - 1)]
        axes.legend(
            [marks[place] for place in order], [names[place] for place in order],
            loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7,
        )  # fmt: skip
        images = counted(int(consistency["n"].max()), "image")
        axes.set_title(f"Agreement of halves of the observers, {images}")
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
    score: str,
    bins: str,
    title: str,
    ylabel: str,
    confidence: float,
    note: str,
) -> Figure:
    """Draw a quantity over five bins of memorability, one panel per category (Figures 2 and 3).

    Every seed has boxes of its own: correlations are means over seeds, and the correlation of a mean
    over seeds would be another one.

    Parameters
    ----------
    values
        Columns seed, image_id and value. Seeds with a missing value diverged and are left out, as they
        are of the correlations.
    images
        The image table.
    correlations
        Rows of the table `correlations` of this quantity: one per group.
    target
        Column of `images` that is binned.
    score
        See `scores_by_category`.
    bins
        How: see `memorability_bins`.
    title, ylabel
        Of the figure and of the vertical axes.
    confidence
        Of the intervals of r, between 0 and 1.
    note
        See `scores_by_category`.
    """
    images = images[images["image_id"].isin(values["image_id"])]
    binned, ticks = memorability_bins(images[target], bins)
    table = finished_seeds(values)[["seed", "image_id", "value"]].merge(
        images.assign(bin=binned), on="image_id"
    )
    # What one seed calls large is not what another does: each has its own mean and spread.
    of_seed = table.groupby("seed")["value"]
    spread = of_seed.transform("std", ddof=0)
    table["value"] = (table["value"] - of_seed.transform("mean")) / spread.where(spread > 0, 1)
    names = sorted(images["category"].unique())
    # One panel for "all" where there is one category, for it would be drawn twice.
    panels = ["all"] if names == ["all"] else ["all", *names]
    rows = correlations[correlations["method"].isin(["pooled", "within"])].set_index("group")
    with styled():
        columns = min(3, len(panels))
        count = -(-len(panels) // columns)
        figure = Figure(figsize=(max(5.2, 3.1 * columns), 1.1 + 2.8 * count), layout="constrained")
        grid = figure.subplots(count, columns, sharex=True, sharey=True, squeeze=False).flat
        for place, (axes, name) in enumerate(zip(grid, panels, strict=False)):
            chosen = table if name == "all" else table[table["category"] == name]
            colour = "#444444" if name == "all" else COLOURS[(place - 1) % len(COLOURS)]
            _bin_boxes(axes, chosen, colour)
            text = _correlation_text(rows.loc[[name]].iloc[0], seed_correlations(chosen, target))
            shown = "all images" if name == "all" else readable(name, 36)
            axes.set_title(f"{shown}\n{text}", fontsize=9)
        for axes in figure.axes[len(panels) :]:
            axes.set_visible(False)
        low, high = figure.axes[0].get_ylim()
        for axes in figure.axes:
            axes.set_xticks(range(5), ticks, rotation=30, ha="right")
            axes.set_xlim(-0.6, 4.6)
            # Counts stand below the boxes.
            axes.set_ylim(low - 0.1 * (high - low), high)
        figure.supylabel(f"{ylabel},\nz-scored over all images", fontsize=9)
        width = "bins of 0.2" if bins == "published" else "fifths of the images"
        if bins == "published" and (table[target] < 0).any():
            width += ", the lowest with all below 0"
        several = "a box for each seed; " if len(table["seed"].unique()) > 1 else ""
        key = f"{several}below each box: number of images; hollow: under {SMALL_GROUP} images; "
        key += f"r: Spearman's r; in brackets: {interval_name(confidence)}"
        letters = int(14 * figure.get_figwidth())
        lines = [readable(text, letters) for text in (title, f"{score}, {width}", key)]
        figure.suptitle("\n".join(lines), fontsize=10)
        add_note(figure, note)
    return figure


def seed_correlations(values: pd.DataFrame, target: str) -> list[float]:
    """Return each seed's rank correlation of value with a score; none of values that are all equal.

    Parameters
    ----------
    values
        Columns seed, value and `target`, as they are drawn.
    target
        Name of the score.
    """
    found = [values.loc[places] for places in values.groupby("seed").groups.values()]
    return [
        spearman(rows["value"], rows[target])
        for rows in found
        if len(rows) >= SMALLEST_SAMPLE and min(rows["value"].nunique(), rows[target].nunique()) > 1
    ]


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
    names = [f"{number(low)}–{number(high)}" for low, high in pairwise(edges)]
    return pd.Series(places, index=scores.index), names


def _bin_boxes(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    if table["value"].isna().all():
        say_instead(axes, "No values: the runs diverged.")
        return
    seeds = sorted(table["seed"].unique())
    width = 0.7 / len(seeds)
    for place in range(5):
        rows = table[table["bin"] == place]
        if rows.empty:
            continue
        by_seed = [rows.loc[rows["seed"] == seed, "value"] for seed in seeds]
        enough = len(by_seed[0]) >= SMALL_GROUP
        axes.boxplot(
            by_seed,
            positions=place + width * (np.arange(len(seeds)) - (len(seeds) - 1) / 2),
            widths=0.85 * width,
            patch_artist=True,
            showfliers=enough,
            flierprops={"marker": ".", "markersize": 2},
            boxprops={"facecolor": colour if enough else "none", "edgecolor": colour, "alpha": 0.7},
            medianprops={"color": "black"},
        )
        axes.text(
            place, 0.02, f"{len(by_seed[0])}", ha="center", fontsize=7, color="#555555",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def _correlation_text(row: pd.Series, of_seeds: Sequence[float]) -> str:
    """Return the correlation of a panel, and those of its seeds where there are several."""
    if np.isnan(row["r"]):
        return f"r undefined ({counted(row['n'], 'image')})"
    text = f"r = {with_interval(row['r'], row['ci_low'], row['ci_high'])}"
    if row["seeds"] == 1:
        return text
    each = [number(r) for r in of_seeds]
    shown = (
        ", ".join(each)
        if len(each) <= MOST_NAMED
        else f"{number(float(min(of_seeds)))} to {number(float(max(of_seeds)))}"
    )
    return f"mean {text}\nseeds: {shown}"
