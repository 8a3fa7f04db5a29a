"""Figures about predicted memorability; like those of `figures`, from tables alone."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import precision_recall_curve, roc_curve

from memorability.prediction.evaluation import by_head, class_threshold
from memorability.prediction.label_baselines import BASELINES
from memorability.prediction.names import HEADS, LEFT_OUT, MAIN, OF_PAIRS
from memorability.report.figures.style import (
    COLOURS,
    SMALL_GROUP,
    add_note,
    interval_name,
    plain_log_scale,
    readable,
    say_instead,
    styled,
)
from memorability.report.labels import head_label
from memorability.report.numbers import counted, measured_with_interval, number, significant
from memorability.report.wording import distinct_heads
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP, Bootstrap, bootstrap_mean

CALIBRATION_GROUPS = 10
"""Groups of test images by their prediction, at most; none has fewer than `SMALL_GROUP` images."""
_GREYS = ("#555555", "#999999", "#bbbbbb")


def prediction(
    predictions: pd.DataFrame,
    heads: Mapping[str, pd.DataFrame],
    metrics: pd.DataFrame,
    *,
    median_of: str,
    score: str,
    note: str,
) -> Figure:
    """Draw predicted against measured memorability, ROC and precision-recall curves, on test images.

    Parameters
    ----------
    predictions, heads
        The table `predictions`, and head -> its table `head_predictions`.
    metrics
        The table `prediction_metrics`.
    median_of
        "train" or "all": see `class_threshold`.
    score
        What the scores are: see `memorability.report.labels.score_label`. So in every function here.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    test = by_head(predictions, heads, None)
    positive = test["score"] >= class_threshold(predictions, median_of)
    values = metrics.set_index(["head", "metric"])["value"]
    telling = distinct_heads(metrics)
    with styled():
        figure = Figure(figsize=(11.5, 5.2), layout="constrained")
        scatter, roc, curve = figure.subplots(1, 3)
        scatter.plot(test["score"], test[MAIN], "o", ms=3, alpha=0.6, color=COLOURS[0])
        ends = [test["score"].min(), test["score"].max()]
        scatter.plot(ends, ends, color="black", lw=0.8, label="predicted = measured")
        scatter.set(xlabel=readable(f"measured {score}", 40), ylabel="predicted")
        r = number(values[MAIN, "spearman"])
        known = f"Spearman's r = {r}" if len(test) >= SMALLEST_BOOTSTRAP else "too few for r"
        scatter.set_title(f"{head_label(MAIN)}: {known},\n{counted(len(test), 'test image')}")
        smaller = int(min(positive.sum(), (~positive).sum()))
        if smaller >= SMALLEST_BOOTSTRAP:
            for head, style in _styles(
                [name for name in test.columns[2:] if name in telling]
            ).items():
                false_alarms, hits, _ = roc_curve(positive, test[head])
                area = values[head, "roc_auc"]
                roc.plot(false_alarms, hits, label=_with_area(head, area), **style)
                precision, recall, _ = precision_recall_curve(positive, test[head])
                area = values[head, "pr_auc"]
                # Steps, as the area under them is summed.
                curve.step(
                    recall,
                    precision,
                    where="post",
                    label=_with_area(head, area),
                    **style,
                )
            roc.plot([0, 1], [0, 1], ":", color="black", lw=0.8, label="chance: 0.50")
            share = float(positive.mean())
            curve.axhline(share, ls=":", color="black", lw=0.8, label=f"chance: {number(share)}")
        else:
            side = "at or above" if positive.mean() < 0.5 else "below"
            for axes in (roc, curve):
                say_instead(
                    axes,
                    f"No curve: {smaller or 'none'} of {counted(len(test), 'test image')} "
                    f"{'lies' if smaller == 1 else 'lie'} {side} the median. A curve of fewer than "
                    f"{SMALLEST_BOOTSTRAP} tells nothing.",
                )
        roc.set(xlabel="false-positive rate", ylabel="sensitivity")
        roc.set_title("ROC curve of each head,\nand the area below it")
        curve.set(xlabel="sensitivity (recall)", ylabel="precision", ylim=(0, 1.02))
        curve.set_title("Precision and recall of each head,\nand the average precision")
        for axes in (scatter, roc, curve):
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), fontsize=7.5)
        which = "the training images" if median_of == "train" else "all images"
        figure.suptitle(
            "Memorability of unseen images, as it is predicted; "
            f"memorable: at or above the median of {which}"
        )
        add_note(figure, note)
    return figure


def by_category(
    metrics: pd.DataFrame, by_category: pd.DataFrame, *, confidence: float, note: str
) -> Figure:
    """Draw the rank correlation of every head with the scores, over all images and in each category.

    Parameters
    ----------
    metrics, by_category
        The tables `prediction_metrics` and `prediction_by_category`.
    confidence
        Of the intervals, between 0 and 1.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    table = pd.concat([metrics.assign(group="all"), by_category], ignore_index=True)
    # A single category may be called "all" as well.
    table = table.drop_duplicates(["group", "head", "metric"])
    table = table[(table["metric"] == "spearman") & ~table["head"].str.endswith(OF_PAIRS)]
    names = sorted(set(by_category["group"]))
    counts = table.drop_duplicates("group").set_index("group")["n"]
    drawn = counts[counts >= SMALLEST_BOOTSTRAP].index
    few = [name for name in names if name not in drawn]
    groups = [name for name in ["all", *(names if len(names) > 1 else [])] if name in drawn]
    table = table[table["group"].isin(groups)]
    heads = _in_order(set(table["head"]) & set(distinct_heads(metrics)))
    styles = _styles(heads)
    with styled():
        figure = Figure(
            figsize=(8.2, 1.8 + max(0.17 * len(heads), 0.5) * max(1, len(groups))),
            layout="constrained",
        )
        axes = figure.add_subplot()
        for place, head in enumerate(heads):
            rows = table[table["head"] == head].set_index("group").reindex(groups)
            height = np.arange(len(groups)) + 0.8 * (place - (len(heads) - 1) / 2) / len(heads)
            colour = styles[head]["color"]
            axes.hlines(height, rows["ci_low"], rows["ci_high"], color=colour)
            marker = "s" if head in BASELINES or head == "image_size" else "o"
            name = readable(head_label(head), 40)
            axes.plot(rows["value"], height, marker, ms=4, color=colour, label=name)
        if not groups:
            say_instead(axes, f"Fewer than {SMALLEST_BOOTSTRAP} test images tell nothing.")
        labels = [f"{readable(group, 24)}\n({counted(counts[group], 'image')})" for group in groups]
        axes.set_yticks(range(len(groups)), labels)
        axes.grid(visible=False, axis="y")
        axes.set_ylim(max(1, len(groups)) - 0.5, -0.5)
        for edge in range(1, len(groups)):
            axes.axhline(edge - 0.5, color="#dddddd", lw=0.8)
        axes.axvline(0, color="black", lw=0.8)
        axes.set_xlabel(
            f"Spearman's r of predicted with measured scores (bar: {interval_name(confidence)})"
        )
        if heads:
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        by = "head and category" if len(groups) > 1 else "head"
        axes.set_title(f"Prediction of unseen images, by {by}")
        left_out = ", ".join(f"{name} ({counts[name]})" for name in few)
        too_few = f"Not drawn, under {SMALLEST_BOOTSTRAP} test images: {left_out}." if few else ""
        several = "" if LEFT_OUT not in heads else ", or come from several predictors"
        constant = f"Without a mark: predictions are constant there{several}."
        add_note(figure, " ".join(filter(None, [too_few, constant, note])))
    return figure


def calibration(
    predictions: pd.DataFrame,
    table: pd.DataFrame,
    bootstrap: Bootstrap,
    *,
    score: str,
    note: str,
) -> Figure:
    """Draw how predicted values are distributed beside the scores, and what they are worth.

    Parameters
    ----------
    predictions
        The table `predictions`.
    table
        The table `prediction_calibration`.
    bootstrap
        Of the intervals of mean scores, over images.
    score, note
        See `prediction`.
    """
    test = predictions[predictions["split"] == "test"]
    row = table[table["head"] == MAIN].iloc[0]
    with styled():
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        spread, curve = figure.subplots(1, 2)
        low = min(test["score"].min(), test["predicted"].min())
        high = max(test["score"].max(), test["predicted"].max())
        edges = np.linspace(low, high, 31 if len(test) > 300 else 13)
        spread.hist(test["score"], edges, color="#999999", alpha=0.6, label="measured")
        spread.hist(
            test["predicted"], edges, histtype="step", lw=1.5, color=COLOURS[0], label="predicted"
        )
        spread.set(xlabel=readable(score, 45), ylabel="test images")
        spread.set_title(
            f"SD {number(row['sd_predicted'], 3)} predicted, {number(row['sd_score'], 3)} measured"
        )
        if row["floor"] < row["ceiling"]:
            _draw_worth(curve, test, row, bootstrap)
        else:
            say_instead(curve, "No calibration: every image has the same prediction.")
        curve.set(xlabel="predicted", ylabel="measured")
        curve.set_title(
            f"Predictions lie between {number(row['floor'])} and {number(row['ceiling'])}"
        )
        for axes in (spread, curve):
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=7.5)
        figure.suptitle(f"Calibration on unseen images: {head_label(MAIN)}")
        add_note(figure, note)
    return figure


def _draw_worth(axes: Axes, test: pd.DataFrame, row: pd.Series, bootstrap: Bootstrap) -> None:
    """Draw mean scores by prediction, or of too few images the images themselves."""
    count = min(CALIBRATION_GROUPS, len(test) // SMALL_GROUP)
    if count < 2:
        axes.plot(
            test["predicted"], test["score"], "o", ms=3, alpha=0.6, color=COLOURS[0],
            label=f"single images (under {2 * SMALL_GROUP}: too few for means)",
        )  # fmt: skip
    else:
        groups = pd.qcut(test["predicted"].rank(method="first"), count, labels=False)
        by_group = [rows for _, rows in test.groupby(groups)]
        means = [rows["score"].mean() for rows in by_group]
        bounds = [bootstrap_mean(rows["score"].to_numpy(), bootstrap) for rows in by_group]
        places = [rows["predicted"].mean() for rows in by_group]
        sizes = sorted({len(rows) for rows in by_group})
        axes.vlines(
            places, [each.low for each in bounds], [each.high for each in bounds], color=COLOURS[0]
        )
        axes.plot(
            places, means, "o", ms=4, color=COLOURS[0],
            label=f"mean of {' or '.join(map(str, sizes))} images of neighbouring predictions\n"
            f"(bar: {interval_name(bootstrap.confidence)})",
        )  # fmt: skip
    ends = np.array([row["floor"], row["ceiling"]])
    axes.plot(ends, ends, color="black", lw=0.8, label="predicted = measured")
    axes.plot(
        ends, row["intercept"] + row["slope"] * ends, "--", color=COLOURS[1],
        label="least squares, slope "
        f"{measured_with_interval(row['slope'], row['slope_low'], row['slope_high'])}",
    )  # fmt: skip


def learning(history: pd.DataFrame, *, note: str) -> Figure:
    """Draw the loss of training and validation images by epoch.

    Parameters
    ----------
    history
        The table `prediction_history`.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    best = int(history["epoch"].iloc[history["validation_loss"].argmin()])
    with styled():
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(
            history["epoch"], history["train_loss"], "o-", ms=3, color="#999999",
            label="training images, with dropout",
        )  # fmt: skip
        axes.plot(
            history["epoch"], history["validation_loss"], "o-", ms=3, color=COLOURS[0],
            label="validation images",
        )  # fmt: skip
        axes.axvline(best, ls=":", color="black", lw=0.8, label="weights that are kept")
        # First epochs may lie orders of magnitude above the last.
        plain_log_scale(axes, "y")
        axes.set(xlabel="epoch", ylabel="mean squared error of the score")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
        epochs = counted(len(history), "epoch")
        axes.set_title(f"Training of the {head_label(MAIN)}: {epochs}, best after {best}")
        add_note(figure, note)
    return figure


def search(trials: pd.DataFrame, *, note: str) -> Figure:
    """Draw the validation loss of every trial, in order and over its learning rate.

    Parameters
    ----------
    trials
        The table `prediction_search`.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    layers = trials["hidden"].str.count("-") + 1
    chosen = trials[trials["chosen"]].iloc[0]
    with styled():
        figure = Figure(figsize=(9, 4), layout="constrained")
        history, rates = figure.subplots(1, 2, sharey=True)
        for count in sorted(set(layers.tolist())):
            rows = trials[layers == count]
            name = counted(count, "hidden layer")
            for axes, column in ((history, "trial"), (rates, "learning_rate")):
                axes.plot(
                    rows[column], rows["validation_loss"], "o", ms=4, color=COLOURS[count - 1],
                    label=name,
                )  # fmt: skip
        history.plot(
            trials["trial"], trials["validation_loss"].cummin(), drawstyle="steps-post",
            color="black", lw=0.8, label="lowest so far",
        )  # fmt: skip
        _mark(history, chosen["trial"], chosen["validation_loss"])
        _mark(rates, chosen["learning_rate"], chosen["validation_loss"])
        history.set(xlabel="trial", ylabel="lowest validation loss (mean squared error)")
        plain_log_scale(history, "y")
        history.xaxis.set_major_locator(MaxNLocator(integer=True))
        plain_log_scale(rates, "x")
        rates.set_xlabel("learning rate")
        rates.legend(
            *history.get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1, 0.5)
        )
        lost = int(trials["validation_loss"].isna().sum())
        diverged = f", {lost} of which diverged" if lost else ""
        figure.suptitle(
            f"{counted(len(trials), 'trial')}{diverged}\nchosen: {chosen['hidden']} units, learning "
            f"rate {significant(chosen['learning_rate'])}, batches of {chosen['batch_size']}, "
            f"dropout {number(chosen['dropout'])}, weight decay "
            f"{significant(chosen['weight_decay'])}",
            fontsize=9,
        )
        add_note(figure, note)
    return figure


def _with_area(head: str, area: float) -> str:
    return f"{readable(head_label(head), 40)}: {number(area)}"


def _mark(axes: Axes, x: float, y: float) -> None:
    axes.plot(x, y, "o", ms=10, fillstyle="none", color="black", label="chosen")


def _in_order(heads: object) -> list[str]:
    """Return heads in the order of reading, those from elsewhere before the baselines."""
    known = list(HEADS)
    names = set(map(str, heads))  # type: ignore[call-overload]
    ours = [head for head in known if head in names]
    first_baseline = next((i for i, h in enumerate(ours) if h in BASELINES), len(ours))
    return ours[:first_baseline] + sorted(names - set(known)) + ours[first_baseline:]


def _styles(heads: list[str]) -> dict[str, dict[str, str]]:
    """Return how each head is drawn: colours for predictions, greys and dashes for baselines."""
    grey = [head for head in heads if head in BASELINES or head == "image_size"]
    coloured = [head for head in _in_order(heads) if head not in grey]
    styles = {head: {"color": COLOURS[i % len(COLOURS)]} for i, head in enumerate(coloured)}
    return styles | {head: {"color": _GREYS[i], "ls": "--"} for i, head in enumerate(grey)}
