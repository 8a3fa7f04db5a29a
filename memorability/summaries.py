"""Summaries: the few rows of a table that a reader wants to see, in the order of reading."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import yaml

from memorability.figures import label


def table_1(correlations: pd.DataFrame) -> pd.DataFrame:
    """Return the study's Table 1: per loss the learning rate with the highest correlation.

    Parameters
    ----------
    correlations
        The table `correlations` of quantity error.

    Returns
    -------
    pandas.DataFrame
        Sorted by correlation: protocol, loss, r, ci_low, ci_high, learning_rate, n, seeds, r_seed_sd,
        r_given_category (partial correlation of the same runs) with its interval, p_holm.
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
    columns = [
        "protocol", "loss", "r", "ci_low", "ci_high", "learning_rate", "n", "seeds", "r_seed_sd",
        "given_category_r", "given_category_ci_low", "given_category_ci_high", "p_holm",
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
        shown.insert(shown.columns.get_loc(low), name, texts)
        shown = shown.drop(columns=[low, high])
    return shown


def prediction_claims(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the predictor's test metrics as rows of the table `correlations`, for the ledger."""
    rows = metrics[metrics["head"] == "mlp"].rename(columns={"value": "r"})
    return rows.assign(
        quantity="prediction", protocol="", loss="", lr="", selected=True, target="score",
        group="all", method="pooled", seeds=1, r_seed_sd=float("nan"), ci_method="percentile",
        p=float("nan"), p_holm=float("nan"),
    )  # fmt: skip


def provenance_rows(records: list[dict[str, Any]], settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return what made the results, one row per fact: weights, versions, hardware, configuration.

    Parameters
    ----------
    records
        The record of every run, each with receipts and environment.
    settings
        The resolved configuration.
    """
    receipts = {
        json.dumps(receipt, sort_keys=True) for run in records for receipt in run["receipts"]
    }
    rows = []
    for receipt in map(json.loads, sorted(receipts)):
        if receipt["source"] == "random":
            text = f"seeded random weights; 0 of {receipt['missing']} tensors loaded from a file"
        else:
            text = f"{receipt['source']}, SHA-256 {receipt['sha256']}: {receipt['matched']} tensors"
        rows.append((f"weights of the {receipt['model']}", text))
    environments = {json.dumps(run["environment"], sort_keys=True) for run in records}
    for environment in map(json.loads, sorted(environments)):
        packages = environment.pop("packages")
        rows += [(key, str(value)) for key, value in environment.items()]
        rows.append(
            ("packages", ", ".join(f"{name} {version}" for name, version in packages.items()))
        )
    rows.append(("runs", str(len(records))))
    rows += [(f"configuration: {key}", yaml.safe_dump(value, default_flow_style=True).strip().removesuffix("\n..."))
             for key, value in settings.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["what", "value"])
