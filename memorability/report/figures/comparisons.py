"""Figures: each function turns a table into a matplotlib Figure; no files are read or written."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memorability.analysis.gathering import MODEL_KEYS
from memorability.analysis.incremental import FEATURE, PREDICTORS
from memorability.base.run_keys import METRIC_KEYS
from memorability.prediction.held_out import LABELS
from memorability.report.figures.style import (
    COLOURS,
    add_note,
    draw_points,
    interval_name,
    readable,
    seeds_in_words,
    styled,
)
from memorability.report.labels import (
    correlated_with,
    metric_label,
    metric_labels,
    planted_label,
)
from memorability.report.numbers import counted, with_interval
from memorability.report.sentences.increments import beyond_in_words, increment_labels
from memorability.report.wording import why_none

# Of the table `incremental`: what tells quantities apart, and those that are drawn.
_QUANTITY = ["quantity", *METRIC_KEYS, "protocol", "loss"]
# Rows of a forest that a window shows; more stand in a second column.
_ROWS = 20
INCREMENTS = ("error", "distinctiveness", PREDICTORS, FEATURE)


def metric_matrix(correlations: pd.DataFrame, *, confidence: float, note: str) -> Figure:
    """Draw the pooled correlation of every training loss under every metric, a panel per protocol.

    Parameters
    ----------
    correlations
        Rows of the table `correlations` with quantity matrix.
    confidence
        Of the intervals, between 0 and 1. So in every function here.
    note
        What a reader must know of the data; printed below the figure. So in every function here.
    """
    pooled = correlations[correlations["method"] == "pooled"]
    pooled = pooled.sort_values([*METRIC_KEYS])
    pooled = pooled.assign(measured=metric_labels(pooled))
    metrics = list(pooled["measured"].unique())
    # Losses stand in the order of their own metrics: the diagonal is Table 1.
    losses = sorted(pooled["loss"].unique())
    protocols = sorted(pooled["protocol"].unique())
    limit = float(np.nanmax(pooled["r"].abs())) if pooled["r"].notna().any() else 1.0
    with styled():
        height = 1.9 + (0.62 * len(losses) + 0.5) * len(protocols)
        figure = Figure(figsize=(3.4 + 1.25 * len(metrics), height), layout="constrained")
        grid = figure.subplots(len(protocols), 1, squeeze=False).flat
        for axes, protocol in zip(grid, protocols, strict=True):
            rows = pooled[pooled["protocol"] == protocol].set_index(["loss", "measured"])
            wide = [
                [rows["r"].get((loss, metric), np.nan) for metric in metrics] for loss in losses
            ]
            shown = axes.imshow(wide, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
            for (loss, metric), row in rows.iterrows():
                place = (metrics.index(metric), losses.index(loss))
                text = with_interval(row["r"], row["ci_low"], row["ci_high"]).replace(" [", "\n[")
                text = text if np.isfinite(row["r"]) else "no r"
                dark = abs(row["r"]) > 0.65 * limit
                axes.text(
                    *place, text, ha="center", va="center", fontsize=7.5,
                    color="white" if dark else "black",
                    weight="bold" if row["metric"] == loss else "normal",
                )  # fmt: skip
            own = rows[rows["metric"] == rows.index.get_level_values("loss")]
            trained = dict(own.index)
            axes.set_yticks(
                range(len(losses)),
                [
                    f"{readable(trained[loss], 22)}\n{rows.loc[loss, 'lr'].iloc[0]}"
                    for loss in losses
                ],
            )
            axes.set_xticks(range(len(metrics)), [readable(metric, 17) for metric in metrics])
            axes.grid(visible=False)
            axes.set(xlabel="error measured as", ylabel="trained with, and learning rate")
            axes.set_title(f"protocol {protocol}" if len(protocols) > 1 else "")
        target = pooled["target"].iloc[0]
        figure.colorbar(shown, ax=list(figure.axes), shrink=0.8, label=correlated_with(target))
        counts = (
            f"{counted(pooled['n'].max(), 'image')}, {seeds_in_words(pooled)}; "
            f"in brackets: {interval_name(confidence)}; bold: the loss trained with"
        )
        figure.suptitle(f"Every training loss under every metric\n{counts}", fontsize=10)
        add_note(figure, note)
    return figure


def forest(correlations: pd.DataFrame, *, title: str, confidence: float, note: str) -> Figure:
    """Draw correlations with memorability, pooled and given the category, one row per metric.

    Parameters
    ----------
    correlations
        Rows of the table `correlations` with methods pooled and partial.
    title
        Of the figure.
    confidence, note
        See `metric_matrix`.
    """
    pooled = correlations[correlations["method"] == "pooled"].sort_values("r", ascending=False)
    columns = -(-len(pooled) // _ROWS)
    parts = np.array_split(np.arange(len(pooled)), columns)
    names = metric_labels(pooled)
    with styled():
        figure = Figure(
            figsize=(1.6 + 5.2 * columns, 1.6 + 0.38 * len(parts[0])), layout="constrained"
        )
        panels = figure.subplots(1, columns, sharex=True, squeeze=False)[0]
        for axes, part in zip(panels, parts, strict=True):
            chosen = [names[place] for place in part]
            draw_forest(axes, pooled.iloc[part], correlations, chosen, confidence=confidence)
        for axes in panels[:-1]:
            if axes.get_legend():
                axes.get_legend().remove()
        figure.suptitle(
            f"{readable(title, 60)}\n{counted(pooled['n'].max(), 'image')}", fontsize=11
        )
        add_note(figure, note)
    return figure


def draw_forest(
    axes: Axes,
    pooled: pd.DataFrame,
    correlations: pd.DataFrame,
    names: Sequence[str],
    *,
    confidence: float,
) -> None:
    """Draw the rows of a forest from the top: pooled correlations, and those given the category.

    Parameters
    ----------
    axes
        To draw in.
    pooled
        Rows of the table `correlations` with method pooled, in the order of drawing.
    correlations
        The table with their rows of method partial, if there are any.
    names
        Of the rows.
    confidence
        Of the intervals, between 0 and 1.
    """
    partial = correlations[correlations["method"] == "partial"].set_index(MODEL_KEYS)
    places = np.arange(len(pooled))
    apart = 0 if partial.empty else 0.12
    draw_points(axes, pooled, places - apart, colour=COLOURS[0], name="pooled", marker="o")
    if not partial.empty:
        rows = partial.reindex(pd.MultiIndex.from_frame(pooled[MODEL_KEYS]))
        name = "given the category"
        draw_points(axes, rows, places + apart, colour=COLOURS[4], name=name, marker="s")
    for place, r in zip(places.tolist(), pooled["r"], strict=True):
        if np.isnan(r):
            axes.text(0, place, " no r", va="center", fontsize=7, color="#555555")
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(places, [readable(name, 34) for name in names])
    axes.set_ylim(len(pooled) - 0.4, -0.6)
    target = pooled["target"].iloc[0]
    axes.set(xlabel=f"{correlated_with(target)} (bar: {interval_name(confidence)})")
    if not partial.empty:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def protocol_effects(
    effects: pd.DataFrame, *, learning_rate: str, confidence: float, note: str
) -> Figure:
    """Draw how far each choice of a protocol moves the correlation, a row per pair of protocols.

    Parameters
    ----------
    effects
        The table `protocol_effects`.
    learning_rate
        Label of the learning rate that is drawn.
    confidence, note
        See `metric_matrix`.
    """
    rows = effects[effects["lr"] == learning_rate]
    keys = ["base_protocol", "protocol"]
    pairs = rows.drop_duplicates(keys)[::-1].reset_index(drop=True)
    rows = rows.merge(pairs.reset_index(names="place")[[*keys, "place"]], on=keys)
    losses = list(rows["loss"].unique())
    with styled():
        figure = Figure(figsize=(7.6, 1.6 + 0.75 * len(pairs)), layout="constrained")
        axes = figure.add_subplot()
        for index, loss in enumerate(losses):
            drawn = rows[rows["loss"] == loss].assign(r=lambda table: table["difference"])
            # Losses lie below one another within the row of a pair.
            places = drawn["place"].to_numpy() + 0.7 * ((len(losses) - 1) / 2 - index) / len(losses)
            colour = COLOURS[index % len(COLOURS)]
            # Protocols may differ in the sign of a loss, which the row says, but not in its backbone.
            name = metric_label({**drawn.iloc[0], "sign": "distance"})
            name += "" if drawn["r"].notna().any() else " (no r)"
            draw_points(axes, drawn, places, colour=colour, name=readable(name, 28), marker="o")
        axes.axvline(0, color="black", lw=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_ylim(-0.6, len(pairs) - 0.4)
        axes.set_yticks(range(len(pairs)), [_pair_text(pair) for _, pair in pairs.iterrows()])
        words = f"difference of Spearman's r with memorability (bar: {interval_name(confidence)})"
        axes.set(xlabel=words)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle(f"What a choice of the protocol moves, at learning rate {learning_rate}")
        add_note(figure, note)
    return figure


def increments(table: pd.DataFrame, *, confidence: float, note: str) -> Figure:
    """Draw by how much R² rises with each error, distinctiveness, predictor and image feature.

    Parameters
    ----------
    table
        The table `incremental`.
    confidence, note
        See `metric_matrix`.
    """
    table = table[table["quantity"].isin(INCREMENTS)].sort_values(["protocol", "loss", "metric"])
    features = table["quantity"] == FEATURE
    labelled = table.loc[features, "beyond"].str.contains(LABELS).any()
    others = "labels\nand all other features" if labelled else "all other features"
    parts = [(part, title) for part, title in (
        (table[~features], "What errors and distinctiveness add"),
        (table[features], f"What each feature adds to {others}"),
    ) if len(part)]  # fmt: skip
    counts = [len(part.drop_duplicates(_QUANTITY)) for part, _ in parts]
    with styled():
        figure = Figure(figsize=(6.2 * len(parts), 2.6 + 0.42 * max(counts)), layout="constrained")
        panels = figure.subplots(1, len(parts), squeeze=False)[0]
        for axes, (part, title) in zip(panels, parts, strict=True):
            _semipartial(axes, part)
            axes.set_title(title)
            axes.set_xlabel(f"semipartial r, out of sample (bar: {interval_name(confidence)})")
        known = table.dropna(subset="r2_without")
        units = " or ".join(known["unit"].str.split().str[0].unique()) or "images"
        figure.suptitle(
            f"What a quantity adds to others, for new {units} "
            f"({counted(table['n'].max(), 'image')})", fontsize=11,
        )  # fmt: skip
        add_note(figure, note)
    return figure


def _semipartial(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw rows of the table `incremental`: a line per quantity, a colour for what it is added to."""
    names = rows.drop_duplicates(_QUANTITY)
    lines = dict(zip(map(tuple, names[_QUANTITY].to_numpy()), range(len(names)), strict=True))
    ladder = sorted(rows["beyond"].unique(), key=lambda beyond: beyond.count(", "))
    axes.axvline(0, color="black", lw=0.8)
    for step, beyond in enumerate(ladder):
        drawn = rows[rows["beyond"] == beyond]
        places = np.array([lines[tuple(key)] for key in drawn[_QUANTITY].to_numpy()], dtype=float)
        places += 0.2 * (step - (len(ladder) - 1) / 2)
        colour, marker = COLOURS[step], "osD^"[step]
        axes.hlines(places, drawn["ci_low"], drawn["ci_high"], color=colour)
        name = readable(f"added to {beyond_in_words(beyond)}", 40)
        axes.plot(drawn["semipartial_r"], places, marker, color=colour, ms=5, label=name)
        for place, why, low in zip(places, drawn["ci_method"], drawn["ci_low"], strict=True):
            if np.isnan(low):
                axes.text(0, place, f" {why_none(why)}", va="center", fontsize=7, color="#555555")
    axes.set_yticks(range(len(names)), [readable(name, 34) for name in increment_labels(names)])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8)


def _pair_text(row: pd.Series) -> str:
    """Return what differs between two protocols: one choice in words, or how many there are."""
    count = row["choice"].count(",") + 1
    if count > 1:
        return f"{row['protocol']}, not {row['base_protocol']}\n({count} choices)"
    return f"{row['choice']}:\n{row['value']}, not {row['base_value']}"


def planted_and_found(effects: pd.DataFrame, *, confidence: float, note: str) -> Figure:
    """Draw every effect planted in the sample beside what the study found, a panel per kind of unit.

    Parameters
    ----------
    effects
        The table `planted_effects`.
    confidence, note
        See `metric_matrix`.
    """
    panels = {
        "hit rate": effects[effects["kind"].isin(["property", "category"])],
        "rate, share or correlation": effects[~effects["kind"].isin(["property", "category"])],
    }
    heights = [len(rows) for rows in panels.values()]
    with styled():
        figure = Figure(figsize=(6.8, 1.8 + 0.3 * sum(heights)), layout="constrained")
        grid = figure.subplots(len(panels), 1, height_ratios=heights)
        for axes, (unit, rows) in zip(grid, panels.items(), strict=True):
            places = np.arange(len(rows))
            axes.plot(
                rows["planted"], places, "D", color="black", fillstyle="none", label="planted"
            )
            found = rows.assign(r=rows["found"])
            draw_points(axes, found, places, colour=COLOURS[0], name="found", marker="o")
            names = zip(rows["kind"], rows["effect"], strict=True)
            axes.set_yticks(places, [readable(planted_label(*name), 40) for name in names])
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.axvline(0, color="black", lw=0.8)
            axes.set(xlabel=unit)
        grid[0].legend(loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle(f"Planted in the sample, and found (bar: {interval_name(confidence)})")
        add_note(figure, note)
    return figure
