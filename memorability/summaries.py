"""Summaries: the few rows of a table that a reader wants to see, in the order of reading."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from memorability.grid import EXTERNAL
from memorability.labels import HEADS, head_label, label
from memorability.pages import show

PUBLISHED_MEASURE = "nearest_neighbour"  # of distinctiveness, by the paper


def table_1(correlations: pd.DataFrame, seeds_vary: Mapping[str, str]) -> pd.DataFrame:
    """Return the study's Table 1: per loss the learning rate with the highest correlation.

    Parameters
    ----------
    correlations
        The table `correlations` of quantity error.
    seeds_vary
        Protocol -> what its seeds vary, in words.

    Returns
    -------
    pandas.DataFrame
        Sorted by correlation: loss, r, ci_low, ci_high, given_category_r (partial correlation of the
        same runs) with its interval, ceiling and ceiling_share of r, beats_baseline with the baseline
        and its r, r_seed_sd, p_holm, learning_rate, n, seeds, seeds_vary, protocol, diverged.
    """
    best = correlations[correlations["selected"]]
    keys = ["protocol", "loss", "lr", "metric"]
    pooled = best[best["method"] == "pooled"]
    partial = best[best["method"] == "partial"][[*keys, "r", "ci_low", "ci_high"]]
    partial = partial.rename(
        columns={name: f"given_category_{name}" for name in ("r", "ci_low", "ci_high")}
    )
    table = pooled.merge(partial, on=keys, how="left").sort_values("r", ascending=False)
    table = table.assign(loss=table["metric"].map(label), learning_rate=table["lr"])
    table = table.assign(seeds_vary=table["protocol"].map(seeds_vary))
    columns = [
        "loss", "r", "ci_low", "ci_high", "given_category_r", "given_category_ci_low",
        "given_category_ci_high", "ceiling", "ceiling_share", "beats_baseline", "baseline",
        "baseline_r", "r_seed_sd", "p_holm", "learning_rate", "n", "seeds", "seeds_vary",
        "protocol", "diverged",
    ]  # fmt: skip
    return table[columns].reset_index(drop=True)


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
        "r_seed_sd": "SD over seeds",
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
    shown = shown.assign(loss=shown["metric"].map(label))
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
    keys = ["protocol", "loss", "metric"]
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
    shown = shown.sort_values("r", ascending=False).drop(columns="loss")
    return shown.assign(metric=shown["metric"].map(label)).rename(columns=headings)


def forest_models(
    correlations: Sequence[pd.DataFrame], protocol: str, loss: str
) -> list[pd.DataFrame]:
    """Return the correlations of the models of a forest plot, one table each.

    Parameters
    ----------
    correlations
        The tables `correlations` of several quantities.
    protocol, loss
        Of the selected model.

    Returns
    -------
    list of pandas.DataFrame
        Errors of the loss at its learning rate of the highest correlation, distinctiveness as the paper
        measures it, and both of what was made elsewhere.
    """
    table = pd.concat(correlations, ignore_index=True)
    table = table[table["selected"]]
    found = []
    for quantity in ("error", "distinctiveness"):
        rows = table[table["quantity"] == quantity]
        ours = (rows["protocol"] == protocol) & (rows["loss"] == loss)
        rows = rows[ours | (rows["protocol"] == EXTERNAL)]
        if quantity == "distinctiveness":
            rows = rows[rows["metric"] == PUBLISHED_MEASURE]
        found += [model for _, model in rows.groupby(["protocol", "loss", "lr"], sort=False)]
    return found


def published_measure(*tables: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the rows of tables about distinctiveness that are of the paper's measure.

    Parameters
    ----------
    tables
        Each with a column metric.
    """
    return [table[table["metric"] == PUBLISHED_MEASURE] for table in tables]


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


def provenance_rows(
    records: list[dict[str, Any]],
    settings: Mapping[str, Any],
    tables: Mapping[str, str] | None = None,
    environment: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return what made the results, one row per fact: weights, versions, hardware, configuration.

    Parameters
    ----------
    records
        The record of every run, each with settings, receipts and environment. Runs that continued
        with the model of the run before are counted; each one's own record names its file.
    settings
        The resolved configuration.
    tables
        Path -> SHA-256 of the tables that the user gave.
    environment
        As from `environment_record`, shown where there are no runs.
    """
    receipts = {
        json.dumps(receipt, sort_keys=True)
        for run in records
        for receipt in run["receipts"]
        if receipt["source"] != run["settings"]["previous_model"]
    }
    rows = [
        (f"weights of the {receipt['model']}", _receipt_text(receipt))
        for receipt in map(json.loads, sorted(receipts))
    ]
    carried = sum(run["settings"]["previous_model"] is not None for run in records)
    if carried:
        rows.append(
            ("weights carried over", f"{carried} runs start from the model of the run before")
        )
    rows += [("table", f"{path}, SHA-256 {digest}") for path, digest in (tables or {}).items()]
    environments = [run["environment"] for run in records] or [environment or {"packages": {}}]
    for text in sorted({json.dumps(one, sort_keys=True) for one in environments}):
        facts = json.loads(text)
        packages = facts.pop("packages")
        rows += [(key, str(value)) for key, value in facts.items()]
        rows.append(
            ("packages", ", ".join(f"{name} {version}" for name, version in packages.items()))
        )
    rows.append(("runs", str(len(records))))
    rows += [(f"configuration: {key}", json.dumps(value)) for key, value in settings.items()]
    return pd.DataFrame(rows, columns=["what", "value"])


def _receipt_text(receipt: Mapping[str, Any]) -> str:
    total = receipt["matched"] + receipt["missing"]
    if receipt["source"] == "random":
        return f"seeded random weights; 0 of {total} tensors loaded from a file"
    file = receipt["source"] + (f", SHA-256 {receipt['sha256']}" if receipt["sha256"] else "")
    counts = f"{receipt['matched']} tensors"
    if receipt["missing"] or receipt["unexpected"]:
        counts = (
            f"{receipt['matched']} tensors matched, {receipt['missing']} missing in the file, "
            f"{receipt['unexpected']} of the file unexpected"
        )
    return f"{file}: {counts}" + (f"; {receipt['remark']}" if receipt["remark"] else "")
