"""Figures of reconstruction errors: over scores, between seeds, and in photographs."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memorability.report.figures.scores import seed_correlations
from memorability.report.figures.style import (
    COLOURS,
    add_note,
    interval_name,
    readable,
    say_instead,
    styled,
)
from memorability.report.labels import metric_label
from memorability.report.numbers import counted, number, percent, significant, with_interval
from memorability.statistics.rank_correlation import finished_seeds

MOST_POINTS = 2000
"""Images that are drawn one by one; of more, their density is drawn."""


def errors_by_score(
    values: pd.DataFrame,
    images: pd.DataFrame,
    correlations: pd.DataFrame,
    *,
    target: str,
    score: str,
    title: str,
    confidence: float,
    note: str,
) -> Figure:
    """Draw the error of every image over its score, a panel per seed.

    Parameters
    ----------
    values
        Columns seed, image_id and value of one model. Seeds with a missing value diverged and are left
        out, as they are of the correlations.
    images
        The image table.
    correlations
        Rows of the table `correlations` of this model.
    target
        Column of `images` with the scores.
    score
        What they are: see `memorability.report.labels.score_label`.
    title
        Of the figure.
    confidence
        Of the interval of r, between 0 and 1.
    note
        What a reader must know of the data; printed below the figure. So in every function here.
    """
    table = finished_seeds(values)[["seed", "image_id", "value"]].merge(images, on="image_id")
    seeds = sorted(table["seed"].unique())
    columns = max(1, min(3, len(seeds)))
    count = max(1, -(-len(seeds) // columns))
    pooled = correlations[correlations["method"] == "pooled"].iloc[0]
    several = "mean of the seeds: " if len(seeds) > 1 else ""
    words = with_interval(pooled["r"], pooled["ci_low"], pooled["ci_high"])
    mean = f"{several}Spearman's r = {words}"
    if np.isfinite(pooled["ci_low"]):
        mean += f"; in brackets: {interval_name(confidence)}"
    if np.isnan(pooled["r"]):
        mean = "Spearman's r is undefined"
    with styled():
        figure = Figure(figsize=(max(6.4, 3.3 * columns), 1.4 + 2.6 * count), layout="constrained")
        grid = figure.subplots(count, columns, sharex=True, squeeze=False).flat
        for axes, seed in zip(grid, seeds, strict=False):
            rows = table[table["seed"] == seed]
            _draw_images(axes, rows[target], rows["value"])
            (r,) = seed_correlations(rows, target) or [np.nan]
            name = f"seed {seed}: " if len(seeds) > 1 else ""
            known = "r undefined" if np.isnan(r) else f"r = {number(r)}"
            axes.set_title(f"{name}{known}, {counted(len(rows), 'image')}", fontsize=9)
        for axes in figure.axes[max(1, len(seeds)) :]:
            axes.set_visible(False)
        if not seeds:
            say_instead(figure.axes[0], "No errors: the runs diverged.")
        figure.axes[0].set_ylabel("reconstruction error")
        figure.axes[0].set_xlabel(readable(score, 40))
        width = int(14 * figure.get_figwidth())
        figure.suptitle(f"{readable(title, width)}\n{readable(mean, width)}", fontsize=10)
        add_note(figure, note)
    return figure


def _draw_images(axes: Axes, scores: pd.Series, errors: pd.Series) -> None:
    if len(errors) <= MOST_POINTS:
        axes.plot(scores, errors, "o", ms=3, alpha=0.6, mew=0, color=COLOURS[0])
        return
    density = axes.hexbin(scores, errors, gridsize=40, mincnt=1, bins="log", cmap="Blues")
    axes.figure.colorbar(density, ax=axes, label="images")


def seed_agreement(agreement: pd.DataFrame, *, note: str) -> Figure:
    """Draw how far every two seeds agree on which images are hard to reconstruct, a row per model.

    Parameters
    ----------
    agreement
        As from `memorability.analysis.correlations.agreement_of_seeds`.
    note
        See `errors_by_score`.
    """
    models = list(agreement.groupby(["protocol", "loss", "lr"], sort=False))
    several = len(agreement["protocol"].unique()) > 1
    with styled():
        height = 2 + 0.5 * max(2, len(models))
        figure = Figure(figsize=(7.6, height), layout="constrained")
        axes = figure.add_subplot()
        names = []
        for place, ((protocol, _, lr), rows) in enumerate(models):
            pair = axes.plot(
                rows["r"], np.full(len(rows), place), "o", ms=4, alpha=0.6, color=COLOURS[0]
            )
            mean = axes.plot(rows["r"].mean(), place, "|", ms=16, mew=2, color="black")
            axes.annotate(
                number(rows["r"].mean()), (rows["r"].mean(), place), xytext=(0, 10), fontsize=8,
                textcoords="offset points", ha="center", annotation_clip=False,
            )  # fmt: skip
            where = f", {protocol}" if several else ""
            pairs = counted(len(rows), "pair")
            names.append(
                readable(f"{metric_label(rows.iloc[0])}, learning rate {lr}{where} ({pairs})", 40)
            )
        if models:
            axes.legend(
                [*pair, *mean], ["two seeds", "mean of all pairs"], loc="center left",
                bbox_to_anchor=(1, 0.5),
            )  # fmt: skip
        else:
            say_instead(axes, "No model has two seeds.")
        axes.axvline(0, color="black", lw=0.8)
        lowest = np.nanmin([0.0, *agreement["r"]])
        axes.set_xlim(lowest - 0.15, 1.1)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_yticks(range(len(models)), names)
        axes.set_ylim(max(1, len(models)) - 0.5, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("Spearman's r between the errors under two seeds (1: the same order)")
        images = counted(int(agreement["n"].max()), "image") if models else "no pairs"
        figure.suptitle(f"Do seeds agree on which images are hard to reconstruct? ({images})")
        add_note(figure, note)
    return figure


def reconstructions(
    shown: pd.DataFrame,
    originals: npt.NDArray[np.uint8],
    reconstructed: npt.NDArray[np.uint8],
    *,
    target: str,
    score: str,
    title: str,
    note: str,
) -> Figure:
    """Draw the photographs of the smallest and of the largest errors above their reconstructions.

    Parameters
    ----------
    shown
        (K rows) as from `memorability.analysis.gathering.best_and_worst`, with the columns of the
        image table.
    originals, reconstructed
        uint8 (K, 3, H, W); row i belongs to row i of `shown`.
    target, score, title, note
        See `errors_by_score`.
    """
    columns = int(shown["kind"].value_counts().max())
    names = {
        "best": "The smallest errors, from the smallest on",
        "worst": "The largest errors, from the largest on",
    }
    with styled():
        figure = Figure(figsize=(max(5.2, 1.5 * columns + 0.8), 8), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False).flat
        for part, (kind, name) in zip(parts, names.items(), strict=True):
            places = np.flatnonzero(shown["kind"] == kind).tolist()
            grid = part.subplots(2, columns, squeeze=False)
            for axes in grid.flat:
                axes.set(xticks=[], yticks=[])
                axes.grid(visible=False)
                axes.spines[:].set_visible(False)
            for column, place in enumerate(places):
                row = shown.iloc[place]
                for axes, pixels in zip(grid[:, column], (originals, reconstructed), strict=True):
                    axes.imshow(pixels[place].transpose(1, 2, 0))
                grid[0, column].set_title(
                    f"error {significant(row['value'], 3)}\nscore {number(row[target])}", fontsize=8
                )
            for axes, side in zip(grid[:, 0], ("original", "reconstruction"), strict=True):
                axes.set_ylabel(side)
            part.suptitle(name, fontsize=10)
        width = int(12 * figure.get_figwidth())
        lines = [title, f"score: {score}", _variation_in_words(originals, reconstructed)]
        figure.suptitle("\n".join(readable(line, width) for line in lines), fontsize=10)
        add_note(figure, note)
    return figure


def _variation_in_words(
    originals: npt.NDArray[np.uint8], reconstructed: npt.NDArray[np.uint8]
) -> str:
    """Say how much the reconstructions differ from one another, beside the originals."""
    seen, rebuilt = (float(images.std(axis=0).mean()) for images in (originals, reconstructed))
    if not seen:
        return "The originals are all alike."
    return (
        "From image to image, the pixels of reconstructions vary "
        f"{percent(rebuilt / seen)} as much as those of originals"
    )
