"""Figures that compare predictors: which is best, by how much, in which categories and data sets."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.prediction.comparison import KNOWN_NEW
from memorability.prediction.label_baselines import BASELINES
from memorability.report.figures.style import (
    COLOURS,
    add_note,
    interval_name,
    readable,
    say_instead,
    styled,
)
from memorability.report.labels import head_label
from memorability.report.numbers import counted, number, with_interval
from memorability.report.sentences.predictors import compared
from memorability.report.sentences.test_sets import asked_for, set_label, sets_of
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP

_NEW, _TRAINED, _UNKNOWN, _LABELS = COLOURS[0], COLOURS[4], "#777777", "black"
_MARKS = {
    "never saw these scores": ("o", _NEW, _NEW),
    "best of these": ("*", _NEW, _NEW),
    "trained on these images: no test": ("X", _TRAINED, "white"),
    "perhaps trained on these images": ("o", _UNKNOWN, "white"),
    "labels alone": ("s", _LABELS, _LABELS),
}
"""What a mark says -> its shape, the colour of its edge and bar, and that of its face."""


def comparison(
    table: pd.DataFrame, by_category: pd.DataFrame, *, confidence: float, note: str
) -> Figure:
    """Draw r of every predictor, r less that of the best, r by category, and r with the other scores.

    Parameters
    ----------
    table, by_category
        The tables `predictor_comparison` and `predictor_comparison_by_category`.
    confidence
        Of the intervals, between 0 and 1.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    targets = [name for name in SCORE_KINDS if (table["target"] == name).any()]
    first = compared(table, targets[0])
    heads = list(first["head"])
    cells = by_category[by_category["target"] == targets[0]]
    categories = sorted(set(cells["group"]))
    with styled():
        of_categories = [0.75 * len(categories)] if categories else []
        widths = [3.2, 2.4, *of_categories, *[1.9] * (len(targets) - 1)]
        figure = Figure(
            figsize=(2.6 + sum(widths), max(3.2, 2.2 + 0.34 * len(heads))), layout="constrained"
        )
        panels = list(
            figure.subplots(1, len(widths), sharey=True, width_ratios=widths, squeeze=False)[0]
        )
        _draw_r(panels.pop(0), first, heads)
        _draw_difference(panels.pop(0), first, heads)
        if categories:
            _draw_categories(panels.pop(0), cells, heads, categories)
        for axes, target in zip(panels, targets[1:], strict=True):
            _draw_r(axes, compared(table, target), heads)
        axes = figure.axes[0]
        axes.set_yticks(range(len(heads)), [readable(head_label(head), 34) for head in heads])
        axes.set_ylim(len(heads) - 0.5, -0.5)
        for label, (_, row) in zip(axes.get_yticklabels(), first.iterrows(), strict=True):
            label.set_color(_MARKS[_said(row)][1])
            label.set_fontweight("bold" if row["best"] else "normal")
        shown = {_said(row) for _, row in table[table["head"].isin(heads)].iterrows()}
        handles = [
            Line2D([], [], ls="", marker=shape, color=edge, mfc=face, ms=_size(shape), label=said)
            for said, (shape, edge, face) in _MARKS.items()
            if said in shown
        ]
        handles.append(Line2D([], [], ls=":", color="black", label="noise ceiling"))
        title = (
            f"Predictors on the same {counted(int(first['n'].iloc[0]), 'test image')} "
            f"(bar: {interval_name(confidence)})"
        )
        figure.legend(
            handles=handles, loc="outside upper center", ncols=3, fontsize=8,
            title=title, title_fontsize=12,
        )  # fmt: skip
        add_note(figure, note)
    return figure


def _said(row: pd.Series) -> str:
    """Return what the mark of a row of `predictor_comparison` says: a key of `_MARKS`."""
    if row["head"] in BASELINES:
        return "labels alone"
    if row["best"]:
        return "best of these"
    words = {
        "yes": "trained on these images: no test",
        "unknown": "perhaps trained on these images",
    }
    return words.get(row["trained_on_these_images"], "never saw these scores")


def _size(shape: str) -> float:
    return {"*": 11.0, "X": 7.0}.get(shape, 5.0)


def _draw(axes: Axes, rows: pd.DataFrame, heads: list[str], columns: tuple[str, str, str]) -> None:
    """Draw a value of every head, with its interval, in the row of the head."""
    value, low, high = columns
    for _, row in rows[rows["head"].isin(heads)].iterrows():
        shape, edge, face = _MARKS[_said(row)]
        place = heads.index(row["head"])
        axes.hlines(place, row[low], row[high], color=edge, lw=1.2)
        axes.plot(row[value], place, shape, color=edge, mfc=face, ms=_size(shape))


def _draw_r(axes: Axes, rows: pd.DataFrame, heads: list[str]) -> None:
    first = rows.iloc[0]
    axes.set_xlabel("Spearman's r")
    axes.set_title(readable(SCORE_KINDS[first["target"]].in_a_sentence, 24))
    if first["n"] < SMALLEST_BOOTSTRAP:
        say_instead(axes, f"Fewer than {SMALLEST_BOOTSTRAP} test images tell nothing.")
        return
    _draw(axes, rows, heads, ("r", "ci_low", "ci_high"))
    axes.axvline(0, color="black", lw=0.8)
    axes.axvline(first["ceiling"], ls=":", color="black", lw=1)


def _draw_difference(axes: Axes, rows: pd.DataFrame, heads: list[str]) -> None:
    axes.set_xlabel("r less that of the best")
    axes.set_title("by how much")
    if not rows["best"].any() or rows["n"].iloc[0] < SMALLEST_BOOTSTRAP:
        say_instead(axes, "No predictor can be called best.")
        return
    best = rows["best"]
    rows = rows.assign(beside_best=rows["beside_best"].mask(best, 0.0))
    _draw(axes, rows, heads, ("beside_best", "beside_best_low", "beside_best_high"))
    axes.axvline(0, color=_NEW, lw=0.8)


def _draw_categories(
    axes: Axes, cells: pd.DataFrame, heads: list[str], categories: list[str]
) -> None:
    """Print r within each category; bold: the highest of predictors that never saw the scores."""
    wide = cells.pivot_table(index="head", columns="group", values="r", dropna=False)
    wide = wide.reindex(index=heads, columns=categories)
    counts = cells.drop_duplicates("group").set_index("group")["n"]
    wide = wide.mask(np.tile(counts.reindex(categories) < SMALLEST_BOOTSTRAP, (len(heads), 1)))
    trained = cells.drop_duplicates("head").set_index("head")["trained_on_these_images"]
    new = [head for head in heads if trained[head] in KNOWN_NEW and head not in BASELINES]
    axes.imshow(wide.to_numpy(dtype=float), cmap="Blues", vmin=0, vmax=3, aspect="auto")
    for column, category in enumerate(categories):
        r = wide[category]
        highest = r[new].max()
        for place, head in enumerate(heads):
            known = np.isfinite(r[head])
            marked = known and head in new and r[head] == highest
            axes.text(
                column, place, number(r[head]) if known else "–", ha="center", va="center",
                fontsize=7.5, weight="bold" if marked else "normal",
                color=_TRAINED if trained[head] == "yes" else "#333333",
            )  # fmt: skip
    names = [f"{readable(name, 12)}\n({counts[name]})" for name in categories]
    axes.set_xticks(range(len(categories)), names, rotation=35, ha="right", fontsize=7.5)
    axes.set_title("r within each category (images)")
    axes.grid(visible=False)


def on_test_sets(table: pd.DataFrame, *, confidence: float, note: str) -> Figure:
    """Print r of every predictor on every set of images and measured score, with its interval.

    Of several fits of a predictor it is the one of
    `memorability.report.sentences.test_sets.asked_for`.

    Parameters
    ----------
    table
        The table `test_sets`.
    confidence, note
        See `comparison`.
    """
    fitted = table[table["reason"] == ""]
    columns = [
        (name, target)
        for name in sets_of(fitted)
        for target in SCORE_KINDS
        if ((fitted["set"] == name) & (fitted["target"] == target)).any()
    ]
    if not columns:
        return _no_fit(note)
    cells = {
        key: asked_for(fitted[(fitted["set"] == key[0]) & (fitted["target"] == key[1])])
        for key in columns
    }
    first = list(cells[columns[0]]["head"])
    heads = [*first, *sorted(set(table["head"]) - set(first))]
    r = np.full((len(heads), len(columns)), np.nan)
    with styled():
        figure = Figure(
            figsize=(4.2 + 1.35 * len(columns), 2.6 + 0.5 * len(heads)), layout="constrained"
        )
        axes = figure.subplots()
        for column, key in enumerate(columns):
            rows = cells[key]
            r[[heads.index(head) for head in rows["head"]], column] = rows["r"]
            _print_cells(axes, column, rows, heads)
        axes.imshow(r, cmap="Blues", vmin=0, vmax=2, aspect="auto")
        names = [readable(head_label(head), 34) for head in heads]
        axes.set_yticks(range(len(heads) + 1), [*names, "noise ceiling"])
        axes.set_ylim(len(heads) + 0.5, -0.5)
        axes.axhline(len(heads) - 0.5, color="black", lw=0.8)
        titles = [
            f"{readable(set_label(name), 18)}\n{readable(SCORE_KINDS[target].in_a_sentence, 18)}\n"
            f"({cells[name, target]['n'].iloc[0]:,})"
            for name, target in columns
        ]
        axes.set_xticks(range(len(columns)), titles, fontsize=7.5)
        axes.xaxis.tick_top()
        axes.grid(visible=False)
        axes.set_xlabel(
            readable(
                f"Spearman's r (images) and its {interval_name(confidence)}. Bold: the highest of "
                "predictors that never saw these scores. Grey: perhaps trained on these images. "
                "Orange: trained on them, no test.",
                int(13 * figure.get_figwidth()),
            ),
            fontsize=8,
        )
        add_note(figure, note)
    return figure


def _no_fit(note: str) -> Figure:
    """Return a figure that says why it shows nothing."""
    with styled():
        figure = Figure(figsize=(6, 2.6), layout="constrained")
        say_instead(figure.subplots(), "No predictor: every training diverged.")
        add_note(figure, note)
    return figure


def _print_cells(axes: Axes, column: int, rows: pd.DataFrame, heads: list[str]) -> None:
    """Print r of one set and score, and below all the noise ceiling."""
    few = rows["n"].iloc[0] < SMALLEST_BOOTSTRAP
    new = rows["trained_on_these_images"].isin(KNOWN_NEW)
    highest = rows["r"][new].max()
    for place in set(range(len(heads))) - {heads.index(head) for head in rows["head"]}:
        axes.text(column, place, "no fit", ha="center", va="center", fontsize=7.5)
    for _, row in rows.iterrows():
        known = np.isfinite(row["r"]) and not few
        words = with_interval(row["r"], row["ci_low"], row["ci_high"]).replace(" [", "\n[")
        colours = {"yes": _TRAINED, "unknown": _UNKNOWN}
        best = known and row["trained_on_these_images"] in KNOWN_NEW and row["r"] == highest
        axes.text(
            column, heads.index(row["head"]), words if known else "–", ha="center", va="center",
            fontsize=7.5, weight="bold" if best else "normal",
            color=colours.get(row["trained_on_these_images"], "#222222"),
        )  # fmt: skip
    axes.text(column, len(heads), number(rows["ceiling"].iloc[0]), ha="center", va="center")
