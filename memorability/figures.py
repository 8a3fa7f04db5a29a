"""Figures: each function turns a table into a matplotlib Figure; no files are read or written."""

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memorability.errors import InputError
from memorability.files import atomic
from memorability.grid import EXTERNAL
from memorability.labels import label

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
BIN_EDGES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
BIN_NAMES = ("very low", "low", "medium", "high", "very high")
SMALL_BIN = 20  # images below which a shape is drawn hollow: too few to judge


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


def pretraining_errors(histories: pd.DataFrame, *, note: str) -> Figure:
    """Draw the error of pre-trained models by epoch, of trained and of held-out images.

    Parameters
    ----------
    histories
        The tables `pretraining` of one or more models.
    note
        See `scores_by_category`.
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
        axes.set(
            xlabel="epoch (0: before training)", ylabel="mean squared error of pixels in [0, 1]"
        )
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
        axes.set_title("Pre-training of the autoencoder")
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
        If bins are as published, but scores are not in 0–1.
    """
    if kind == "published":
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


def learning_rate_selection(
    correlations: pd.DataFrame,
    seeds: pd.DataFrame,
    selection: pd.DataFrame,
    choices: pd.DataFrame,
    *,
    note: str,
) -> Figure:
    """Draw the correlation of every learning rate, a panel per loss, with what two rules choose.

    Parameters
    ----------
    correlations
        Rows of the table `correlations` with quantity error.
    seeds, selection, choices
        The tables `selection_seeds`, `selection` and `selection_choices`.
    note
        See `scores_by_category`.
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
            _rate_curve(axes, rows, of_seeds, places)
            text = _rate_choices(axes, of_rules.set_index("rule"), of_choices, places)
            name = label(rows["metric"].iloc[0]) + (f" ({keys[0]})" if several else "")
            axes.set_title(f"{textwrap.fill(name, 40)}\n{text}", fontsize=9)
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
        figure.supylabel("Spearman's r, error × memorability", fontsize=9)
        counts = f"{pooled['n'].max()} images, mean of {seeds_in_words(pooled)} seed(s)."
        add_note(figure, f"{counts} Horizontal axes: learning rate, evenly spaced. {note}")
    return figure


def decay(
    curve: pd.DataFrame, seeds: pd.DataFrame, published: pd.DataFrame, *, note: str
) -> Figure:
    """Draw the correlation of error with memorability after each epoch, beside the published one.

    Parameters
    ----------
    curve, seeds
        The tables `decay` and `decay_seeds` of one model.
    published
        Columns epoch, r, ci_low, ci_high.
    note
        See `scores_by_category`.
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
        axes.vlines(published["epoch"], published["ci_low"], published["ci_high"], color="black")
        axes.plot(
            published["epoch"],
            published["r"],
            "X",
            color="black",
            ms=8,
            label="published (MemCat,\nLPIPS SqueezeNet)",
        )
        for point in published.itertuples():
            axes.annotate(
                f"{point.r:g}", (point.epoch, point.r), xytext=(8, 4), textcoords="offset points"
            )  # fmt: skip
        axes.axhline(0, color="black", lw=0.8)
        end = max(int(curve["epoch"].max()), int(published["epoch"].max()))
        axes.set_xticks([1, *range(5, end + 1, 5)])
        axes.set_xlim(0, end + 1.5)
        axes.set(xlabel="epochs of fine-tuning", ylabel="Spearman's r, error × memorability")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        row = curve.iloc[0]
        model = f"{label(row['metric'])}, learning rate {row['lr']}, protocol {row['protocol']}"
        what = f"{row['n']} images, mean of {row['seeds']} seed(s) (thin: each), bootstrap CI"
        figure.suptitle(f"{model}\n{what}", fontsize=10)
        add_note(figure, note)
    return figure


def metric_matrix(correlations: pd.DataFrame, *, note: str) -> Figure:
    """Draw the pooled correlation of every training loss under every metric, a panel per protocol.

    Parameters
    ----------
    correlations
        Rows of the table `correlations` with quantity matrix.
    note
        See `scores_by_category`.
    """
    pooled = correlations[correlations["method"] == "pooled"]
    metrics = sorted(pooled["metric"].unique())
    # Losses stand in the order of their own metrics: the diagonal is Table 1.
    own = {metric: _loss_of(metric) for metric in metrics}
    losses = sorted(pooled["loss"].unique(), key=[*own.values()].index)
    protocols = sorted(pooled["protocol"].unique())
    limit = float(np.nanmax(pooled["r"].abs())) if pooled["r"].notna().any() else 1.0
    with styled():
        height = 1.9 + (0.62 * len(losses) + 0.5) * len(protocols)
        figure = Figure(figsize=(3.4 + 1.25 * len(metrics), height), layout="constrained")
        grid = figure.subplots(len(protocols), 1, squeeze=False).flat
        for axes, protocol in zip(grid, protocols, strict=True):
            rows = pooled[pooled["protocol"] == protocol].set_index(["loss", "metric"])
            wide = [
                [rows["r"].get((loss, metric), np.nan) for metric in metrics] for loss in losses
            ]
            shown = axes.imshow(wide, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
            for (loss, metric), row in rows.iterrows():
                place = (metrics.index(metric), losses.index(loss))
                low, high = f"{row['ci_low']:.2f}", f"{row['ci_high']:.2f}"
                text = f"{row['r']:.2f}\n[{low}, {high}]" if np.isfinite(row["r"]) else "no r"
                dark = abs(row["r"]) > 0.65 * limit
                axes.text(
                    *place, text, ha="center", va="center", fontsize=7.5,
                    color="white" if dark else "black",
                    weight="bold" if own[metric] == loss else "normal",
                )  # fmt: skip
            trained = {loss: metric for loss, metric in rows.index if own[metric] == loss}
            axes.set_yticks(
                range(len(losses)),
                [
                    f"{wrapped_label(trained[loss])}\n{rows.loc[loss, 'lr'].iloc[0]}"
                    for loss in losses
                ],
            )
            axes.set_xticks(range(len(metrics)), [wrapped_label(metric, 17) for metric in metrics])
            axes.grid(visible=False)
            axes.set(xlabel="error measured as", ylabel="trained with (learning rate)")
            axes.set_title(f"protocol {protocol}" if len(protocols) > 1 else "")
        figure.colorbar(shown, ax=list(figure.axes), shrink=0.8, label="Spearman's r")
        counts = (
            f"{pooled['n'].max()} images, mean of {seeds_in_words(pooled)} seed(s), bootstrap CI"
        )
        figure.suptitle(
            f"Error × memorability (bold: the loss trained with)\n{counts}", fontsize=10
        )
        add_note(figure, note)
    return figure


def forest(correlations: pd.DataFrame, *, title: str, note: str) -> Figure:
    """Draw correlations with memorability, pooled and given the category, one row per metric.

    Parameters
    ----------
    correlations
        Rows of the table `correlations` with methods pooled and partial.
    title
        Of the figure.
    note
        See `scores_by_category`.
    """
    pooled = correlations[correlations["method"] == "pooled"].sort_values("r")
    partial = correlations[correlations["method"] == "partial"].set_index("metric")
    with styled():
        figure = Figure(figsize=(6.8, 1.4 + 0.42 * len(pooled)), layout="constrained")
        axes = figure.add_subplot()
        places = np.arange(len(pooled))
        draw_points(axes, pooled, places + 0.12, colour=COLOURS[0], name="pooled", marker="o")
        if not partial.empty:
            rows = partial.reindex(pooled["metric"])
            name = "given the category"
            draw_points(axes, rows, places - 0.12, colour=COLOURS[4], name=name, marker="s")
        axes.axvline(0, color="black", lw=0.8)
        axes.set_yticks(places, [wrapped_label(metric, 34) for metric in pooled["metric"]])
        axes.set(xlabel="Spearman's r with memorability, bootstrap CI")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle(title)
        add_note(figure, note)
    return figure


def protocol_effects(effects: pd.DataFrame, *, learning_rate: str, note: str) -> Figure:
    """Draw how far each choice of a protocol moves the correlation, a row per pair of protocols.

    Parameters
    ----------
    effects
        The table `protocol_effects`.
    learning_rate
        Label of the learning rate that is drawn.
    note
        See `scores_by_category`.
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
            name = label(drawn["metric"].iloc[0].removesuffix("_one_minus"))
            name += "" if drawn["r"].notna().any() else " (no r)"
            draw_points(
                axes, drawn, places, colour=colour, name=textwrap.fill(name, 28), marker="o"
            )
        axes.axvline(0, color="black", lw=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_ylim(-0.6, len(pairs) - 0.4)
        axes.set_yticks(range(len(pairs)), [_pair_text(pair) for _, pair in pairs.iterrows()])
        axes.set(xlabel="difference of Spearman's r, error × memorability, bootstrap CI")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle(f"What a choice of the protocol moves, at learning rate {learning_rate}")
        add_note(figure, note)
    return figure


def run_title(correlations: pd.DataFrame) -> str:
    """Return the title of a figure about one model: loss, learning rate, protocol, seeds."""
    row = correlations.iloc[0]
    error = row["quantity"] == "error"
    if row["protocol"] == EXTERNAL:
        return label(row["metric"]) if error else f"Latents {row['loss']}, external"
    name = label(row["metric"] if error else row["loss"])
    return f"{name}, learning rate {row['lr']}, protocol {row['protocol']}, {row['seeds']} seed(s)"


def seeds_in_words(rows: pd.DataFrame) -> str:
    """Return how many seeds stand behind correlations, but for those that a diverged seed left."""
    complete = rows[rows["diverged"] == ""]
    counts = (complete if len(complete) else rows)["seeds"].unique()
    # Where a protocol leaves nothing to chance, it has one seed, whatever the others have.
    return " or ".join(map(str, sorted(counts)))


def _loss_of(metric: str) -> str:
    """Return the training loss whose error a metric is, by its name."""
    return metric.removesuffix("_one_minus").removesuffix("_random_backbone")


def wrapped_label(name: str, width: int = 22) -> str:
    """Return the label of a metric in lines of `width` letters, which leave the axes their room."""
    return textwrap.fill(label(name), width)


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


def _rate_curve(
    axes: Axes, rows: pd.DataFrame, seeds: pd.DataFrame, places: Mapping[str, int]
) -> None:
    """Draw mean, interval and seeds of each learning rate of one loss."""
    rows = rows.assign(place=rows["lr"].map(places)).sort_values("place")
    colour = COLOURS[0]
    axes.axhline(0, color="black", lw=0.8)
    axes.vlines(
        rows["place"], rows["ci_low"], rows["ci_high"], color=colour, lw=5, alpha=0.3,
        label="bootstrap interval over images",
    )  # fmt: skip
    axes.plot(rows["place"], rows["r"], "-", color=colour, lw=1.2, label="mean over seeds")
    axes.plot(seeds["lr"].map(places), seeds["r"], ".", color=colour, ms=4, label="each seed")
    lost = rows[(rows["diverged"] != "") | rows["r"].isna()]
    if len(lost) > 0:
        name = "a seed diverged (at 0: no correlation)"
        axes.plot(lost["place"], lost["r"].fillna(0), "x", color=COLOURS[4], label=name)


def _rate_choices(
    axes: Axes, selection: pd.DataFrame, choices: pd.DataFrame, places: Mapping[str, int]
) -> str:
    """Mark what the published and the honest rule choose, and return it in words."""
    published, honest = selection.loc["published"], selection.loc["images"]
    if not published["lr"]:
        return "no learning rate has a correlation"
    chosen = choices[(choices["rule"] == "images") & (choices["share"] > 0)]
    axes.vlines(
        chosen["lr"].map(places), 0, 0.18 * chosen["share"], color="#999999", lw=7,
        transform=axes.get_xaxis_transform(), label="how often half of the images choose it",
    )  # fmt: skip
    marks: dict[str, Any] = {"fillstyle": "none", "color": "black", "ls": ""}
    place: float = places[published["lr"]]
    name = "published choice, same images"
    axes.plot(place, published["r"], marker="o", ms=10, label=name, **marks)
    place = places[honest["lr"]] if honest["lr"] else np.nan
    axes.vlines(place, honest["r_low"], honest["r_high"], color="black", lw=1)
    name = "honest choice, the other half"
    axes.plot(place, honest["r"], marker="D", ms=5, label=name, **marks)
    return f"published rule {published['r']:.3f} at {published['lr']}, honest {honest['r']:.3f}"


def draw_points(
    axes: Axes, rows: pd.DataFrame, places: np.ndarray, *, colour: str, name: str, marker: str
) -> None:
    """Draw correlations with their intervals, a row of the axes each."""
    axes.hlines(places, rows["ci_low"], rows["ci_high"], color=colour)
    axes.plot(rows["r"], places, marker, color=colour, label=name)


def _pair_text(row: pd.Series) -> str:
    """Return what differs between two protocols: one choice in words, or how many there are."""
    count = row["choice"].count(",") + 1
    if count > 1:
        return f"{row['protocol']}, not {row['base_protocol']}\n({count} choices)"
    return f"{row['choice']}:\n{row['value']}, not {row['base_value']}"


def _correlation_text(row: pd.Series) -> str:
    if np.isnan(row["r"]):
        return f"r undefined (n = {row['n']})"
    interval = f" [{row['ci_low']:.2f}, {row['ci_high']:.2f}]" if np.isfinite(row["ci_low"]) else ""
    return f"r = {row['r']:.2f}{interval}"


def add_note(figure: Figure, note: str) -> None:
    """Print the note below a figure, in lines as long as the figure is wide."""
    lines = textwrap.fill(note, int(15 * figure.get_figwidth()))
    figure.supxlabel(lines, fontsize=7.5, color="#a04000")
