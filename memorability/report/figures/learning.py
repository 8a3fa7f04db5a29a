"""Figures of training: errors by epoch, learning rates, decay."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.report.figures.style import (
    COLOURS,
    add_note,
    interval_name,
    readable,
    say_instead,
    seeds_in_words,
    styled,
)
from memorability.report.labels import correlated_with, head_label, metric_label
from memorability.report.numbers import counted, number
from memorability.report.table_1 import decay_in_words


def pretraining_errors(histories: pd.DataFrame, *, note: str) -> Figure:
    """Draw the error of pre-trained models by epoch, of trained and of held-out images.

    Parameters
    ----------
    histories
        The tables `pretraining` of one or more models.
    note
        What a reader must know of the data; printed below the figure. So in every function here.
    """
    models = ["resize", "bottleneck", "decoder", "batch_norm"]
    with styled():
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        for colour, (key, history) in zip(
            cycle(COLOURS), histories.groupby(models, sort=False), strict=False
        ):
            name = ", ".join(map(str, key[:3])) + ("" if key[3] else ", no batch normalisation")
            epochs = history["epoch"]
            axes.plot(
                epochs, history["validation_error"], "o-", ms=3, color=colour,
                label=f"held-out images ({name})",
            )  # fmt: skip
            axes.plot(epochs, history["train_error"], ":", color=colour, label="trained images")
        decoder = histories.loc[histories["trained_part"] == "decoder", "epoch"]
        if len(decoder):
            axes.axvspan(0, decoder.max(), color="0.93", zorder=0)
            axes.text(
                0, 0.03, " grey: the decoder alone is trained", transform=axes.get_xaxis_transform()
            )
        axes.set(
            xlabel="epoch (0: before training)", ylabel="mean squared error of pixels in [0, 1]"
        )
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
        axes.set_title("Pre-training of the autoencoder")
        add_note(figure, note)
    return figure


def pixel_training(histories: pd.DataFrame, *, note: str) -> Figure:
    """Draw the errors of every training of a predictor of pixels by epoch: a panel for each.

    Parameters
    ----------
    histories
        The table `pixel_training`; without rows where every training diverged.
    note
        See `pretraining_errors`.
    """
    heads: list[str] = list(dict.fromkeys(histories["head"]))
    targets = [name for name in SCORE_KINDS if (histories["target"] == name).any()]
    with styled():
        if not heads:
            figure = Figure(figsize=(6, 2.6), layout="constrained")
            say_instead(figure.subplots(), "No errors: every training diverged.")
            add_note(figure, note)
            return figure
        figure = Figure(
            figsize=(2.4 + 2.6 * len(targets), 1.2 + 2.2 * len(heads)), layout="constrained"
        )
        panels = figure.subplots(len(heads), len(targets), squeeze=False, sharey=True)
        for axes in panels.flat:
            axes.set_axis_off()
        for head, target in dict.fromkeys(zip(histories["head"], histories["target"], strict=True)):
            history = histories[(histories["head"] == head) & (histories["target"] == target)]
            axes = panels[heads.index(head), targets.index(target)]
            axes.set_axis_on()
            for part, colour, marker in (
                ("train", COLOURS[0], "."), ("validation", COLOURS[4], "x"),
            ):  # fmt: skip
                axes.plot(
                    history["epoch"], history[f"{part}_error"], color=colour, marker=marker,
                    label=f"{part.replace('train', 'training')} images",
                )  # fmt: skip
            axes.set_title(readable(SCORE_KINDS[target].in_a_sentence, 26), fontsize=9)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlabel("epoch")
            if target == targets[0] or not panels[heads.index(head), 0].axison:
                axes.set_ylabel(f"{readable(head_label(head), 26)}\nmean squared error")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        add_note(figure, note)
    return figure


def learning_rate_selection(
    correlations: pd.DataFrame,
    seeds: pd.DataFrame,
    selection: pd.DataFrame,
    choices: pd.DataFrame,
    *,
    confidence: float,
    note: str,
) -> Figure:
    """Draw the correlation of every learning rate, a panel per loss, with what two rules choose.

    Parameters
    ----------
    correlations
        Rows of the table `correlations` with quantity error.
    seeds, selection, choices
        The tables `selection_seeds`, `selection` and `selection_choices`.
    confidence
        Of the intervals, between 0 and 1.
    note
        See `pretraining_errors`.
    """
    pooled = correlations[correlations["method"] == "pooled"]
    several = len(pooled["protocol"].unique()) > 1
    losses = list(pooled.groupby(["protocol", "loss"]))
    columns = min(3, len(losses))
    count = -(-len(losses) // columns)
    rates = sorted(pooled["lr"].unique(), key=float)
    places = {rate: place for place, rate in enumerate(rates)}
    with styled():
        figure = Figure(figsize=(max(5.4, 3.3 * columns), 1.7 + 2.5 * count), layout="constrained")
        grid = figure.subplots(count, columns, sharey=True, squeeze=False).flat
        for axes, (keys, rows) in zip(grid, losses, strict=False):
            of_seeds, of_rules, of_choices = (
                table[(table["protocol"] == keys[0]) & (table["loss"] == keys[1])]
                for table in (seeds, selection, choices)
            )
            _rate_curve(axes, rows, of_seeds, places, interval_name(confidence))
            text = _rate_choices(axes, of_rules, of_choices, places)
            name = metric_label(rows.iloc[0]) + (f" ({keys[0]})" if several else "")
            axes.set_title(f"{readable(name, 40)}\n{text}", fontsize=9)
            axes.set_xticks(range(len(rates)), rates, rotation=90 if len(rates) > 4 else 0)
            axes.set_xlim(-0.6, len(rates) - 0.4)
        for axes in figure.axes[len(losses) :]:
            axes.set_visible(False)
        # The bars at the bottom get a fifth of the height for themselves.
        low, high = figure.axes[0].get_ylim()
        figure.axes[0].set_ylim(low - 0.25 * (high - low), high)
        named = [axes.get_legend_handles_labels() for axes in figure.axes]
        legend = {
            name: handle
            for handles, names in named
            for handle, name in zip(handles, names, strict=True)
        }
        figure.legend(
            legend.values(), legend, loc="outside upper center", ncols=min(3, 1 + columns)
        )
        figure.supylabel(correlated_with(pooled["target"].iloc[0], "error"), fontsize=9)
        counts = f"{counted(pooled['n'].max(), 'image')}, {seeds_in_words(pooled)}."
        add_note(figure, f"{counts} Horizontal axes: learning rate, evenly spaced. {note}")
    return figure


def decay(
    curve: pd.DataFrame,
    seeds: pd.DataFrame,
    published: pd.DataFrame,
    *,
    compared: bool,
    confidence: float,
    note: str,
) -> Figure:
    """Draw the correlation of error with memorability after each epoch, beside the published one.

    Parameters
    ----------
    curve, seeds
        The tables `decay` and `decay_seeds` of one model.
    published
        Columns epoch, r, ci_low, ci_high.
    compared
        Whether the published points are of the same images and model; else they are not drawn.
    confidence
        Of the intervals, between 0 and 1.
    note
        See `pretraining_errors`.
    """
    with styled():
        figure = Figure(figsize=(7.2, 4), layout="constrained")
        axes = figure.add_subplot()
        for _, run in seeds.groupby("seed"):
            axes.plot(run["epoch"], run["r"], color=COLOURS[0], lw=0.6, alpha=0.5)
        for method, name, colour, marker in (
            ("pooled", "pooled", COLOURS[0], "o"),
            ("partial", "given the category", COLOURS[4], "s"),
        ):
            rows = curve[curve["method"] == method].sort_values("epoch")
            if rows.empty:
                continue
            axes.fill_between(
                rows["epoch"], rows["ci_low"], rows["ci_high"], color=colour, alpha=0.2, lw=0
            )
            axes.plot(rows["epoch"], rows["r"], color=colour, marker=marker, ms=4, label=name)
        if compared:
            axes.vlines(
                published["epoch"], published["ci_low"], published["ci_high"], color="black"
            )
            axes.plot(
                published["epoch"], published["r"], "X", color="black", ms=8, label="published"
            )
            for epoch, r in zip(published["epoch"], published["r"], strict=True):
                axes.annotate(
                    number(r, 3), (epoch, r), xytext=(8, 4),
                    textcoords="offset points",
                )  # fmt: skip
        axes.axhline(0, color="black", lw=0.8)
        end = int(max([*curve["epoch"], *(published["epoch"] if compared else [])]))
        axes.set_xlim(0, end + 0.08 * end)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        row = curve.iloc[0]
        axes.set(xlabel="epochs of fine-tuning", ylabel=correlated_with(row["target"], "error"))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        model = f"{metric_label(row)}, learning rate {row['lr']}, protocol {row['protocol']}"
        single = "thin lines: single seeds, pooled; " if len(set(seeds["seed"])) > 1 else ""
        what = (
            f"{counted(row['n'], 'image')}, {seeds_in_words(curve)}; {single}"
            f"bands: {interval_name(confidence)}"
        )
        figure.suptitle(f"{readable(model, 100)}\n{readable(what, 100)}", fontsize=10)
        add_note(figure, f"{decay_in_words(curve, confidence=confidence)} {note}".strip())
    return figure


def _rate_curve(
    axes: Axes,
    rows: pd.DataFrame,
    seeds: pd.DataFrame,
    places: Mapping[str, int],
    interval: str,
) -> None:
    """Draw mean, interval and seeds of each learning rate of one loss."""
    rows = rows.assign(place=rows["lr"].map(places)).sort_values("place")
    colour = COLOURS[0]
    axes.axhline(0, color="black", lw=0.8)
    axes.vlines(
        rows["place"], rows["ci_low"], rows["ci_high"], color=colour, lw=5, alpha=0.3,
        label=f"{interval} of the mean over seeds",
    )  # fmt: skip
    if (rows["seeds"] > 1).any():
        axes.plot(rows["place"], rows["r"], "-", color=colour, lw=1.2, label="mean over seeds")
        axes.plot(seeds["lr"].map(places), seeds["r"], ".", color=colour, ms=4, label="each seed")
    else:
        axes.plot(rows["place"], rows["r"], "o-", color=colour, lw=1.2, ms=4, label="r of one seed")
    lost = rows[(rows["diverged"] != "") | rows["r"].isna()]
    if len(lost) > 0:
        name = "a seed diverged (at 0: no correlation)"
        axes.plot(lost["place"], lost["r"].fillna(0), "x", color=COLOURS[4], label=name)


def _rate_choices(
    axes: Axes, selection: pd.DataFrame, choices: pd.DataFrame, places: Mapping[str, int]
) -> str:
    """Mark what the published and the honest rule choose, and return it in words."""
    published, honest = (
        selection[selection["rule"] == rule].iloc[0] for rule in ("published", "images")
    )
    if not published["lr"]:
        return "no learning rate has a correlation"
    if len(places) == 1:
        return f"r = {number(published['r'], 3)}\none learning rate, nothing to choose"
    chosen = choices[(choices["rule"] == "images") & (choices["share"] > 0)]
    axes.vlines(
        chosen["lr"].map(places), 0, 0.18 * chosen["share"], color="#999999", lw=7,
        transform=axes.get_xaxis_transform(), label="how often half of the images choose it",
    )  # fmt: skip
    marks: dict[str, Any] = {"fillstyle": "none", "color": "black", "ls": ""}
    place: float = places[published["lr"]]
    name = "highest r (the published choice)"
    axes.plot(place, published["r"], marker="o", ms=10, label=name, **marks)
    place = places[honest["lr"]] if honest["lr"] else np.nan
    axes.vlines(place, honest["r_middle_low"], honest["r_middle_high"], color="black", lw=1)
    name = "chosen on half of the images, r of the others"
    axes.plot(place, honest["r"], marker="D", ms=5, label=name, **marks)
    return (
        f"highest r {number(published['r'], 3)} at {published['lr']},\n"
        f"chosen on other images: r {number(honest['r'], 3)}"
    )
