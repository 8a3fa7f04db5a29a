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
from memorability.prediction.names import HEADS, OF_PAIRS, head_label
from memorability.report.figures.style import COLOURS, add_note, styled

CALIBRATION_GROUPS = 10
_GREYS = ("#555555", "#999999", "#bbbbbb")


def prediction(
    predictions: pd.DataFrame,
    heads: Mapping[str, pd.DataFrame],
    metrics: pd.DataFrame,
    *,
    median_of: str,
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
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    test = by_head(predictions, heads, None)
    positive = test["score"] >= class_threshold(predictions, median_of)
    values = metrics.set_index(["head", "metric"])["value"]
    with styled():
        figure = Figure(figsize=(11.5, 4.6), layout="constrained")
        scatter, roc, curve = figure.subplots(1, 3)
        scatter.plot(test["score"], test["mlp"], "o", ms=3, alpha=0.6, color=COLOURS[0])
        ends = [test["score"].min(), test["score"].max()]
        scatter.plot(ends, ends, color="black", lw=0.8, label="predicted = measured")
        scatter.set(xlabel="measured memorability", ylabel="predicted memorability")
        scatter.set_title(f"Spearman's r = {values['mlp', 'spearman']:.2f}, n = {len(test)}")
        scatter.legend(loc="upper left")
        if positive.nunique() == 2:
            for head, style in _styles([*test.columns[2:]]).items():
                false_alarms, hits, _ = roc_curve(positive, test[head])
                area = values[head, "roc_auc"]
                roc.plot(false_alarms, hits, label=f"{head_label(head)}: {area:.2f}", **style)
                precision, recall, _ = precision_recall_curve(positive, test[head])
                area = values[head, "pr_auc"]
                # Steps, as the area under them is summed.
                curve.step(
                    recall,
                    precision,
                    where="post",
                    label=f"{head_label(head)}: {area:.2f}",
                    **style,
                )
        roc.plot([0, 1], [0, 1], ":", color="black", lw=0.8, label="chance: 0.50")
        share = float(positive.mean())
        curve.axhline(share, ls=":", color="black", lw=0.8, label=f"chance: {share:.2f}")
        roc.set(xlabel="false-positive rate", ylabel="sensitivity")
        roc.set_title("ROC curve and its area")
        curve.set(xlabel="sensitivity (recall)", ylabel="precision", ylim=(0, 1.02))
        curve.set_title("Precision and recall, average precision")
        for axes in (roc, curve):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=7.5)
        which = "the training images" if median_of == "train" else "all images"
        figure.suptitle(
            "Memorability of unseen images, predicted from latents; "
            f"memorable: at or above the median of {which}"
        )
        add_note(figure, note)
    return figure


def by_category(metrics: pd.DataFrame, by_category: pd.DataFrame, *, note: str) -> Figure:
    """Draw the rank correlation of every head with the scores, over all images and in each category.

    Parameters
    ----------
    metrics, by_category
        The tables `prediction_metrics` and `prediction_by_category`.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    table = pd.concat([metrics.assign(group="all"), by_category], ignore_index=True)
    # A single category may be called "all" as well.
    table = table.drop_duplicates(["group", "head", "metric"])
    table = table[(table["metric"] == "spearman") & ~table["head"].str.endswith(OF_PAIRS)]
    names = sorted(set(by_category["group"]))
    groups = ["all", *names] if len(names) > 1 else ["all"]
    heads = _in_order(table["head"].unique())
    styles = _styles(heads)
    with styled():
        figure = Figure(figsize=(8.2, 1.6 + 0.17 * len(heads) * len(groups)), layout="constrained")
        axes = figure.add_subplot()
        for place, head in enumerate(heads):
            rows = table[table["head"] == head].set_index("group").reindex(groups)
            height = np.arange(len(groups)) + 0.8 * (place - (len(heads) - 1) / 2) / len(heads)
            colour = styles[head]["color"]
            axes.hlines(height, rows["ci_low"], rows["ci_high"], color=colour)
            marker = "s" if head in BASELINES or head == "image_size" else "o"
            axes.plot(rows["value"], height, marker, ms=4, color=colour, label=head_label(head))
        counts = table.drop_duplicates("group").set_index("group")["n"]
        labels = [f"{group}\n(n = {counts[group]})" for group in groups]
        axes.set_yticks(range(len(groups)), labels)
        axes.grid(visible=False, axis="y")
        axes.set_ylim(len(groups) - 0.5, -0.5)
        for edge in range(1, len(groups)):
            axes.axhline(edge - 0.5, color="#dddddd", lw=0.8)
        axes.axvline(0, color="black", lw=0.8)
        axes.set_xlabel("Spearman's r, predicted × measured, of unseen images (bar: bootstrap CI)")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        axes.set_title("Prediction by head and category")
        add_note(figure, f"Without a mark: predictions are constant there. {note}")
    return figure


def calibration(predictions: pd.DataFrame, table: pd.DataFrame, *, note: str) -> Figure:
    """Draw how predicted values are distributed beside the scores, and what they are worth.

    Parameters
    ----------
    predictions
        The table `predictions`.
    table
        The table `prediction_calibration`.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    test = predictions[predictions["split"] == "test"]
    row = table.set_index("head").loc["mlp"]
    with styled():
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        spread, curve = figure.subplots(1, 2)
        low = min(test["score"].min(), test["predicted"].min())
        high = max(test["score"].max(), test["predicted"].max())
        edges = np.linspace(low, high, 31 if len(test) > 300 else 13)
        spread.hist(test["score"], edges, color="#999999", alpha=0.6, label="measured")
        spread.hist(
            test["predicted"], edges, histtype="step", lw=1.5, color=COLOURS[0], label="predicted"
        )
        spread.set(xlabel="memorability", ylabel="test images")
        spread.set_title(f"SD {row['sd_predicted']:.3f} predicted, {row['sd_score']:.3f} measured")
        spread.legend()
        groups = pd.qcut(test["predicted"].rank(method="first"), min(CALIBRATION_GROUPS, len(test)))
        grouped = test.groupby(groups, observed=True)[["predicted", "score"]]
        means, sizes = grouped.mean(), grouped.size()
        errors = (
            1.96
            * test.groupby(groups, observed=True)["score"].std().to_numpy()
            / np.sqrt(sizes.to_numpy())
        )
        counts = " to ".join(map(str, sorted({sizes.min(), sizes.max()})))
        curve.errorbar(
            means["predicted"], means["score"], errors, fmt="o", color=COLOURS[0], ms=4,
            label=f"tenths of the predictions\n({counts} images each, ± 1.96 SE)",
        )  # fmt: skip
        ends = np.array([row["floor"], row["ceiling"]])
        curve.plot(ends, ends, color="black", lw=0.8, label="predicted = measured")
        curve.plot(
            ends, row["intercept"] + row["slope"] * ends, "--", color=COLOURS[1],
            label=f"least squares, slope {row['slope']:.2f}",
        )  # fmt: skip
        curve.set(xlabel="predicted memorability", ylabel="measured memorability, mean")
        curve.set_title(f"Predictions lie between {row['floor']:.2f} and {row['ceiling']:.2f}")
        curve.legend(fontsize=7.5)
        figure.suptitle("Calibration of the predictor on unseen images")
        add_note(figure, note)
    return figure


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
        axes.set_yscale("log")
        axes.set(xlabel="epoch", ylabel="mean squared error of the score")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
        axes.set_title(f"Training of the predictor: {len(history)} epochs, best after {best}")
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
            name = f"{count} hidden layers" if count > 1 else "1 hidden layer"
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
        history.set_yscale("log")
        history.xaxis.set_major_locator(MaxNLocator(integer=True))
        rates.set_xscale("log")
        rates.set_xlabel("learning rate")
        rates.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        lost = int(trials["validation_loss"].isna().sum())
        diverged = f", {lost} of which diverged" if lost else ""
        figure.suptitle(
            f"{len(trials)} trials{diverged}; chosen: {chosen['hidden']} units, learning rate "
            f"{chosen['learning_rate']:.1e}, batches of {chosen['batch_size']}, dropout "
            f"{chosen['dropout']:.2f}, decay {chosen['weight_decay']:g}",
            fontsize=9,
        )
        add_note(figure, note)
    return figure


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
