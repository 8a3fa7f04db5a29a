"""Summaries: the few rows of a table that a reader wants to see, in the order of reading."""

from collections.abc import Mapping

import pandas as pd

from memorability.base.run_keys import METRIC_KEYS
from memorability.prediction.names import HEADS, head_label
from memorability.report.labels import label, metric_labels
from memorability.report.pages import show


def with_intervals(table: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Return a reading copy in which low and high ends of an interval stand in one column.

    Parameters
    ----------
    table
        Any table.
    columns
        New column -> the two columns that it replaces.
    """
    shown = table.copy()
    for name, (low, high) in columns.items():
        texts = [
            f"[{a:.3f}, {b:.3f}]" if pd.notna(a) and pd.notna(b) else "–"
            for a, b in zip(shown[low], shown[high], strict=True)
        ]
        shown.insert(list(shown.columns).index(low), name, texts)
        shown = shown.drop(columns=[low, high])
    return shown


def table_1_for_reading(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table_1` with intervals in one column and headings for readers.

    The column that names runs that diverged is there only where some did.
    """
    intervals = {
        "CI": ("ci_low", "ci_high"),
        "CI given category": ("given_category_ci_low", "given_category_ci_high"),
    }
    headings = {
        "loss": "training loss",
        "r": "Spearman's r",
        "learning_rate": "best learning rate",
        "n": "images",
        "unit": "interval for new",
        "r_seed_sd": "SD over seeds",
        "seed_agreement": "agreement of seeds",
        "seeds_vary": "seeds vary",
        "given_category_r": "r given category",
        "ceiling_share": "share of ceiling",
        "beats_baseline": "beats baseline",
        "baseline": "strongest baseline",
        "baseline_r": "its r",
        "p_holm": "p (Holm)",
    }
    shown = with_intervals(table, intervals).rename(columns=headings)
    shown["strongest baseline"] = shown["strongest baseline"].map(label)
    return shown if shown["diverged"].any() else shown.drop(columns="diverged")


def effects_for_reading(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the table `protocol_effects` with its interval in one column, what differs in front."""
    shown = with_intervals(effects, {"CI": ("ci_low", "ci_high")})
    shown = shown.assign(loss=metric_labels(shown))
    headings = {
        "choice": "choice",
        "value": "here",
        "base_value": "there",
        "protocol": "protocol",
        "base_protocol": "other protocol",
        "loss": "error",
        "lr": "learning rate",
        "difference": "difference of r",
        "CI": "CI",
        "p": "p",
        "unit": "interval for new",
        "training": "chance of training",
        "r": "r here",
        "base_r": "r there",
        "n": "images",
    }
    return shown[list(headings)].rename(columns=headings)


def metrics_for_reading(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the table `prediction_metrics` as a row per head: every metric with its interval."""
    rows = []
    for head in [name for name in HEADS if name in set(metrics["head"])] + sorted(
        set(metrics["head"]) - set(HEADS)
    ):
        own = metrics[metrics["head"] == head]
        row = {"head": head_label(head), "test images": str(own["n"].iloc[0])}
        for metric, value, low, high in own[["metric", "value", "ci_low", "ci_high"]].itertuples(
            index=False
        ):
            interval = f" [{low:.3f}, {high:.3f}]" if pd.notna(low) else ""
            row[label(metric)] = f"{value:.3f}{interval}" if pd.notna(value) else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def trials_for_reading(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the table `prediction_search` from the lowest to the highest validation loss."""
    headings = {
        "trial": "trial",
        "validation_loss": "validation loss",
        "hidden": "hidden units",
        "learning_rate": "learning rate",
        "batch_size": "batch size",
        "dropout": "dropout",
        "weight_decay": "weight decay",
        "epochs": "epochs",
        "worker": "job",
    }
    return trials.sort_values("validation_loss")[list(headings)].rename(columns=headings)


def ceiling_for_reading(ceiling: pd.DataFrame) -> pd.DataFrame:
    """Return the table `ceiling`, of all images and each category, with headings for readers."""
    headings = {
        "target": "score",
        "n": "images",
        "consistency": "consistency of halves",
        "consistency_sd": "SD over splits",
        "full_length": "reliability of all responses",
    }
    shown = ceiling[ceiling["method"].isin(["pooled", "within"])].drop(columns="method")
    return shown.assign(target=shown["target"].map(label)).rename(columns=headings)


def selection_for_reading(selection: pd.DataFrame) -> pd.DataFrame:
    """Return the table `selection` as a row per loss: the published choice beside the honest ones."""
    keys = ["protocol", "loss", *METRIC_KEYS]
    by_rule = dict(list(selection.groupby("rule")))
    shown = by_rule["published"][[*keys, "n", "rates", "skipped", "lr", "r", "p_loss", "p_grid"]]
    for rule, halves in {"images": "halves of images", "observers": "halves of observers"}.items():
        if rule in by_rule:
            honest = with_intervals(by_rule[rule], {"range": ("r_low", "r_high")})
            often = [
                f"{lr} ({share:.0%})" if lr else "–"
                for lr, share in zip(honest["lr"], honest["share"], strict=True)
            ]
            honest = honest.assign(chosen=often)[[*keys, "r", "range", "optimism", "chosen"]]
            headings = {
                "r": f"r, {halves}",
                "range": f"95 % of {halves}",
                "optimism": f"optimism, {halves}",
                "chosen": f"chosen most, {halves}",
            }
            shown = shown.merge(honest.rename(columns=headings), on=keys, how="left")
    headings = {
        "metric": "training loss",
        "n": "images",
        "rates": "learning rates",
        "skipped": "without correlation",
        "lr": "published choice",
        "r": "published r",
        "p_loss": "p of the maximum, this loss",
        "p_grid": "p of the maximum, all losses",
    }
    shown = shown.sort_values("r", ascending=False)
    shown = shown.assign(metric=metric_labels(shown)).drop(columns=["loss", "backbone", "sign"])
    return shown.rename(columns=headings)


def claims_for_reading(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger with every figure and its interval in one column, the verdict in front.

    What is testable comes first, then what was computed otherwise. Of a source in the reproduced paper
    only the place is shown: the caption names the paper.
    """
    rank = claims["by"].eq("") * 2 + claims["verdict"].eq("not testable")
    claims = claims.loc[rank.sort_values(kind="stable").index]
    figures = {
        name: [
            _figure(value, low, high, whole=statistic == "count")
            for value, low, high, statistic in zip(
                claims[name],
                claims[f"{name}_ci_low"],
                claims[f"{name}_ci_high"],
                claims["statistic"],
                strict=True,
            )
        ]
        for name in ("published", "ours", "difference")
    }
    headings = {
        "verdict": "verdict",
        "statement": "statement",
        "statistic": "statistic",
        "published": "published",
        "ours": "ours",
        "difference": "difference",
        "margin": "margin",
        "p": "p (equivalence)",
        "power": "power",
        "n": "images",
        "by": "computed by",
        "why": "why",
        "source": "source",
    }
    place = claims["source"].str.removeprefix("Bagheri and Mohsenzadeh (arXiv:2410.15235), ")
    shown = claims.assign(**figures, source=place, statistic=claims["statistic"].map(label))
    return shown[list(headings)].rename(columns=headings)


def _figure(value: float, low: float, high: float, *, whole: bool) -> str:
    """Return a figure as it is read, with its interval if it has one."""
    if pd.isna(value):
        return "–"
    shown = f"{value:,.0f}" if whole and value == round(value) else show(value)
    return shown if pd.isna(low) or pd.isna(high) else f"{shown} [{low:.3f}, {high:.3f}]"


def external_for_reading(sources: pd.DataFrame) -> pd.DataFrame:
    """Return the table `external` with headings for readers."""
    headings = {
        "kind": "what",
        "file": "file",
        "name": "called",
        "claim": "answers",
        "joined_by": "joined by",
        "rows": "rows",
        "joined": "images joined",
        "rows_without_image": "rows without an image",
        "unmatched": "first of them",
        "images_without_row": "images without a row",
    }
    return sources[list(headings)].rename(columns=headings)


def importance_for_reading(importance: pd.DataFrame) -> pd.DataFrame:
    """Return the table `feature_importance` from the largest on, with headings for readers."""
    shown = importance.sort_values("importance", ascending=False)
    shown = with_intervals(shown, {"CI": ("ci_low", "ci_high")})
    shown = shown.assign(feature=shown["feature"].map(label))
    headings = {"importance": "share of the variance lost", "n": "test images"}
    return shown.rename(columns=headings)


def table_2_for_reading(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table `table_2` with intervals in one column and headings for readers."""
    intervals = {
        "CI": ("ci_low", "ci_high"),
        "CI given category": ("given_category_ci_low", "given_category_ci_high"),
        "CI given subcategory": ("given_subcategory_ci_low", "given_subcategory_ci_high"),
    }
    headings = {
        "target": "with",
        "feature": "feature",
        "r": "Spearman's r",
        "CI": "CI",
        "unit": "interval for new",
        "p": "p",
        "p_holm": "p (Holm)",
        "p_bh": "p (Benjamini-Hochberg)",
        "given_category_r": "r given category",
        "CI given category": "CI given category",
        "given_subcategory_r": "r given subcategory",
        "CI given subcategory": "CI given subcategory",
        "published": "published r",
        "n": "images",
        "unavailable": "not measured, for",
    }
    shown = with_intervals(table, intervals)
    shown = shown.assign(target=shown["target"].map(label), feature=shown["feature"].map(label))
    shown = shown[list(headings)].rename(columns=headings)
    return shown if table["unavailable"].any() else shown.drop(columns="not measured, for")
