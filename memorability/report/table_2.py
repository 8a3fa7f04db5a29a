"""The paper's Table 2: image features beside memorability and beside attributions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from memorability.analysis.correlations import ATTRIBUTION
from memorability.claims.published import Claim
from memorability.features.names import TABLE_2
from memorability.report.labels import label
from memorability.report.numbers import significant
from memorability.report.pages import write_page
from memorability.report.reading import table_2_for_reading
from memorability.report.wording import unconverged_in_words
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
    found: Sequence[pd.DataFrame],
    published: Sequence[Claim],
    unavailable: Mapping[str, str],
    attributions: pd.DataFrame,
) -> pd.DataFrame:
    """Return the study's Table 2: a row per target and feature.

    Parameters
    ----------
    found
        The tables `correlations` of quantity feature, with memorability first, then with
        attributions.
    published
        The published numbers.
    unavailable
        Feature -> why it was not measured.
    attributions
        The table of this name.

    Returns
    -------
    pandas.DataFrame
        The table `table_2`: order (of reading, from 0), target, feature, n, converged (of how many of
        the images that were drawn the attributions have converged; missing where they have no part),
        unit (what intervals and p hold for); r with ci_low, ci_high, p,
        p_holm, p_bh; the same given the category and given the subcategory (given_category_r and so
        on; missing where there is one category, or no subcategories); published (the paper does not
        say how it averages attributions: its figure stands beside each summary); unavailable (why there
        is no r, or empty).
        Adjusted p-values are over the features with the same target and method.
    """
    table = pd.concat(found, ignore_index=True)
    table = table[table["group"] == "all"]
    drawn = attributions[attributions["drawn"]]
    converged = int(drawn["converged"].sum())
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
            row["converged"] = converged if target.startswith(ATTRIBUTION) else pd.NA
            row["unit"] = "" if why else pooled["unit"][feature]
            row |= _figures(pooled, feature, "")
            for method, given in _GIVEN.items():
                row |= _figures(by_method.get(method, pooled.iloc[:0]), feature, f"{given}_")
            row["published"] = _published(published, feature, target)
            rows.append(row)
    made = pd.DataFrame(rows).rename_axis("order").reset_index()
    return made.astype({"converged": "Int64"})


def _unconverged(table: pd.DataFrame) -> str:
    rows = table[table["converged"].notna()]
    return unconverged_in_words(rows["converged"].max(), rows["n"].max()) if len(rows) else ""


def _of_converged(table: pd.DataFrame, target: str) -> str:
    """Return what stands behind the name of a target: how many attributions can be relied on."""
    rows = table[table["target"] == target]
    converged, count = rows["converged"].max(), rows["n"].max()
    return "" if converged == count else f" ({converged} of {count} converged)"


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
    # Where there are too few images for an interval, a p-value tells nothing either.
    count = ((measured["p_holm"] < level) & measured["ci_low"].notna()).sum()
    units = "".join(f"{unit} " for unit in measured["unit"].unique()[:1])
    who = (
        f"{count} of {len(measured)} image features correlate"
        if count
        else f"None of {len(measured)} image features is shown to correlate"
    )
    text = (
        f"{who} with memorability (p for new {units}below {significant(level)}, adjusted by Holm's "
        "method)"
    )
    for given in ("category", "subcategory"):
        if measured[f"given_{given}_ci_low"].notna().any():
            kept = (measured[f"given_{given}_p_holm"] < level).sum()
            text += f"; given the {given}, {kept} do"
    if measured["ci_low"].isna().all():
        text = "No image feature has a correlation with an interval: see the table"
    missing = rows.loc[rows["unavailable"] != "", "feature"].map(label)
    if len(missing):
        names = ", ".join(name[0].lower() + name[1:] for name in missing)
        text += f". Not measured: {names} ({rows['unavailable'].max()})"
    return f"{text}."


def write_table_2(table: pd.DataFrame, path: str | Path, *, confidence: float, note: str) -> None:
    """Write Table 2 as a page: features beside memorability, then beside each summary of attributions.

    Parameters
    ----------
    table
        As from `table_2`.
    path
        File to write.
    confidence
        Of its intervals, between 0 and 1.
    note
        Of the study, above the table.
    """
    memorability, *attributions = table["target"].unique()
    write_page(
        table_2_for_reading(table, memorability, confidence=confidence),
        path,
        title="Table 2: image features beside memorability and attributions",
        lead=" ".join(filter(None, [in_words(table, confidence=confidence), _unconverged(table)])),
        note=note,
        more={
            f"The same features beside {label(target)}{_of_converged(table, target)}": rows
            for target in attributions
            for rows in [table_2_for_reading(table, target, confidence=confidence)]
        },
    )
