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
from memorability.report.labels import label, lowered
from memorability.report.numbers import percent, significant
from memorability.report.pages import write_page
from memorability.report.reading import table_2_for_reading
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
    *,
    converged: float,
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
    converged
        Share of the explained images whose attributions have converged.

    Returns
    -------
    pandas.DataFrame
        The table `table_2`: order (of reading, from 0), target, feature, n, unit (what
        intervals and p hold for); r with ci_low, ci_high, p,
        p_holm, p_bh; the same given the category and given the subcategory (given_category_r and so
        on; missing where there is one category, or no subcategories); published (the paper does not
        say how it averages attributions: its figure stands beside each summary); share_converged (of
        the explained images, NaN of memorability); unavailable (why there is no r, or empty).
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
            row["share_converged"] = converged if target.startswith(ATTRIBUTION) else math.nan
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
        names = ", ".join(lowered(name) for name in missing)
        text += f". Not measured: {names} ({rows['unavailable'].max()})"
    return f"{text}."


def convergence_in_words(converged: float) -> str:
    """Say which images the correlations with attributions are of; "" where all have converged.

    Parameters
    ----------
    converged
        Share of the explained images whose attributions have converged, 0 to 1.
    """
    if converged == 1:
        return ""
    if not converged > 0:
        return "No image's attributions have converged: no feature is set beside attributions."
    return (
        f"The attributions of {percent(converged)} of the explained images have converged. "
        "Correlations with attributions are of these images alone."
    )


def write_table_2(
    table: pd.DataFrame, path: str | Path, *, converged: float, confidence: float, note: str
) -> None:
    """Write Table 2 as a page: features beside memorability, then beside each summary of attributions.

    Parameters
    ----------
    table
        As from `table_2`.
    path
        File to write.
    converged
        See `convergence_in_words`.
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
        lead=f"{in_words(table, confidence=confidence)} {convergence_in_words(converged)}".strip(),
        note=note,
        more={
            f"The same features beside {label(target)}": table_2_for_reading(
                table, target, confidence=confidence
            )
            for target in attributions
        },
    )
