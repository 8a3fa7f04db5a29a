"""The paper's Table 2: image features beside memorability and beside attributions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from memorability.analysis.feature_attributions import ATTRIBUTION
from memorability.claims.published import Claim
from memorability.features.names import TABLE_2
from memorability.report.labels import label
from memorability.statistics.intervals import Bootstrap

_GIVEN = {"partial": "given_category", "partial_subcategory": "given_subcategory"}
_FIGURES = ["r", "ci_low", "ci_high", "p", "p_holm", "p_bh"]


@dataclass(frozen=True)
class Table2Settings:
    """What decides Table 2.

    Attributes
    ----------
    bootstrap
        Over images, for the correlations with attributions.
    unavailable
        Feature -> why it was not measured.
    """

    bootstrap: Bootstrap
    unavailable: Mapping[str, str]


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
        The table `table_2`: order (of reading, from 0), target, feature, n, unit (what intervals and p
        hold for); r with ci_low, ci_high, p,
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
            row["unit"] = "" if why else pooled["unit"][feature]
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
        f"(p < {level:.2g} by Holm's adjustment{_holds_for(measured)})"
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


def _holds_for(measured: pd.DataFrame) -> str:
    return f", for new {measured['unit'].iloc[0]}" if len(measured) else ""
