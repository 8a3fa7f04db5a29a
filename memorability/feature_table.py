"""The paper's Table 2: image features beside memorability and beside attributions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from memorability.feature_names import TABLE_2
from memorability.labels import label
from memorability.published import Claim
from memorability.quantities import correlations, from_attributions, from_features
from memorability.summaries import with_intervals

ATTRIBUTION = "attribution_"
"""Before the name of an attribution summary where it is a target."""

_GIVEN = {"partial": "given_category", "partial_subcategory": "given_subcategory"}
_FIGURES = ["r", "ci_low", "ci_high", "p", "p_holm", "p_bh"]


def correlate_attributions(
    features: pd.DataFrame,
    attributions: pd.DataFrame,
    images: pd.DataFrame,
    *,
    draws: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Correlate every feature of Table 2 with every attribution summary of the explained images.

    Parameters
    ----------
    features, attributions, images
        The tables of these names.
    draws, confidence, seed
        See `memorability.quantities.correlations`.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `correlations`, target being "attribution_mean_absolute",
        "attribution_mean_signed" or "attribution_mean_positive". p-values are adjusted over the
        features with the same target and method.
    """
    long = from_attributions(attributions)
    summaries = long.pivot_table(index="image_id", columns="metric", values="value")
    explained = images.merge(summaries.add_prefix(ATTRIBUTION), on="image_id")
    values = from_features(features)
    values = values[values["image_id"].isin(explained["image_id"])]
    parts = [
        correlations(
            values, explained, target=f"{ATTRIBUTION}{summary}",
            draws=draws, confidence=confidence, seed=seed,
        )
        for summary in long["metric"].unique()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def table_2(
    found: Sequence[pd.DataFrame], published: Sequence[Claim], unavailable: Mapping[str, str]
) -> pd.DataFrame:
    """Return the study's Table 2: a row per target and feature.

    Parameters
    ----------
    found
        The tables `correlations` of quantity feature, with memorability first, then with
        attributions.
    published
        The published figures.
    unavailable
        Feature -> why it was not measured.

    Returns
    -------
    pandas.DataFrame
        The table `table_2`: order (of reading, from 0), target, feature, n; r with ci_low, ci_high, p,
        p_holm, p_bh; the same given the category and given the subcategory (given_category_r and so
        on; missing where there is one category, or no subcategories); published (the paper does not
        say how it averages attributions: its figure stands beside each summary); unavailable (why there
        is no r, or empty).
        Adjusted p-values are over the features with the same target and method.
    """
    table = pd.concat(found, ignore_index=True)
    table = table[table["group"] == "all"]
    rows = []
    for target in table["target"].unique():
        of_target = table[table["target"] == target]
        by_method = {
            method: part.set_index("metric") for method, part in of_target.groupby("method")
        }
        pooled = by_method["pooled"]
        for feature in TABLE_2:
            why = unavailable.get(feature, "")
            if not why and feature not in pooled.index:
                continue
            row: dict[str, Any] = {"target": target, "feature": feature, "unavailable": why}
            row["n"] = 0 if why else pooled["n"][feature]
            row |= _figures(pooled, feature, "")
            for method, given in _GIVEN.items():
                row |= _figures(by_method.get(method, pooled.iloc[:0]), feature, f"{given}_")
            row["published"] = _published(published, feature, target)
            rows.append(row)
    return pd.DataFrame(rows).rename_axis("order").reset_index()


def _figures(rows: pd.DataFrame, feature: str, prefix: str) -> dict[str, float]:
    present = feature in rows.index
    return {
        f"{prefix}{name}": float(rows[name][feature]) if present else math.nan for name in _FIGURES
    }


def _published(claims: Sequence[Claim], feature: str, target: str) -> float:
    wanted = "attribution" if target.startswith(ATTRIBUTION) else target
    values = [
        claim.value
        for claim in claims
        if (claim.quantity, claim.target) == (f"feature:{feature}", wanted)
    ]
    return values[0] if values else math.nan


def in_words(table: pd.DataFrame, *, confidence: float) -> str:
    """Say how many features correlate with memorability, and how many do given the labels.

    Parameters
    ----------
    table
        As from `table_2`.
    confidence
        1 − the level at which Holm's adjusted p-values count.
    """
    rows = table[~table["target"].str.startswith(ATTRIBUTION)]
    measured = rows[rows["unavailable"] == ""]
    level = 1 - confidence
    text = (
        f"{(measured['p_holm'] < level).sum()} of {len(measured)} features correlate with memorability "
        f"(p < {level:.2g} by Holm's adjustment)"
    )
    for given, words in (("category", "category"), ("subcategory", "subcategory")):
        if measured[f"given_{given}_r"].notna().any():
            kept = (measured[f"given_{given}_p_holm"] < level).sum()
            text += f", {kept} given the {words}"
    missing = rows.loc[rows["unavailable"] != "", "feature"].map(label)
    if len(missing):
        why = rows["unavailable"].max()
        text += f". Not measured ({why}): {', '.join(missing)}"
    return f"{text}."


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
