"""Pages of attributes and sources, and what they say in words."""

from pathlib import Path

import pandas as pd

from memorability.attributes.comparing import NOTHING
from memorability.attributes.names import SOURCE
from memorability.report.numbers import (
    counted,
    measured,
    measured_interval,
    measured_with_interval,
    p_value,
    with_interval,
)
from memorability.report.pages import heading_part, note_part, table_part, text_part, write_parts

_SURE = 0.05
_FEW = "too few images, or all alike"


def spelled(attribute: str) -> str:
    """Return the name of an attribute in words."""
    return attribute.replace("_", " ")


def attributes_in_words(attributes: pd.DataFrame) -> str:
    """Say of each number whether it goes with memorability, and whether it does so given the source.

    Parameters
    ----------
    attributes
        The table `attributes`.
    """
    if attributes.empty:
        return "No attribute is a number."
    return " ".join(
        _said_of(spelled(str(name)), rows.set_index("given"))
        for name, rows in attributes.groupby("attribute", sort=True)
    )


def _said_of(name: str, rows: pd.DataFrame) -> str:
    row = rows.loc[NOTHING].to_dict()
    has = f"{row['n']:,} of {counted(row['images'], 'image')} with a score have it"
    if pd.isna(row["r"]):
        return f"{name.capitalize()}: there is no correlation ({_FEW}; {has})."
    r = f"r = {with_interval(row['r'], row['ci_low'], row['ci_high'])}"
    if pd.isna(row["p_holm"]) or row["p_holm"] >= _SURE:
        return f"{name.capitalize()} is not shown to go with memorability ({r}; {has})."
    way = "higher" if row["r"] > 0 else "lower"
    said = f"More memorable images have {way} {name} ({r}; {has})."
    if SOURCE not in rows.index:
        return said
    given = rows.loc[SOURCE].to_dict()
    if pd.isna(given["r"]):
        return f"{said} Among images of one source nothing can be said ({_FEW})."
    within = f"r = {with_interval(given['r'], given['ci_low'], given['ci_high'])}"
    if given["p_holm"] < _SURE and given["r"] * row["r"] > 0:
        return f"{said} This holds among images of one source, too ({within})."
    return f"{said} Among images of one source this is not shown ({within})."


def sources_in_words(sources: pd.DataFrame, tests: pd.DataFrame) -> str:
    """Say of each label which of its values has the highest mean, and how many pairs differ.

    Parameters
    ----------
    sources, tests
        The tables `sources` and `source_tests`.
    """
    if sources.empty:
        return "No attribute is a label, so that no sources are compared."
    said = []
    for name, rows in sources.groupby("attribute", sort=True):
        ordered = rows.sort_values("mean", ascending=False, kind="stable")
        if len(ordered) == 1:
            said.append(f"{spelled(str(name)).capitalize()}: all images are of one kind.")
            continue
        first, last = ordered.iloc[0], ordered.iloc[-1]
        own = tests[tests["attribute"] == name]
        tested = own["p_holm"].notna().sum() // 2
        sure = int((own["p_holm"] < _SURE).sum())
        pairs = counted(len(own) // 2, "pair")
        said.append(
            f"By {spelled(str(name))}, the highest mean score is that of {first['label']} "
            f"({measured(first['mean'])}), the lowest that of {last['label']} "
            f"({measured(last['mean'])}). Of {pairs}, {tested} could be tested and {sure} "
            f"{'differs' if sure == 1 else 'differ'} (one-sided, adjusted by Holm)."
        )
    return " ".join(said)


def write_attributes(
    attributes: pd.DataFrame, quartiles: pd.DataFrame, path: str | Path, *, note: str
) -> None:
    """Write the tables `attributes` and `attribute_quartiles` as a page.

    Parameters
    ----------
    attributes, quartiles
        The tables.
    path
        File to write.
    note
        Of the study, above the tables.
    """
    shown = pd.DataFrame(
        {
            "attribute": attributes["attribute"].map(spelled),
            "given": attributes["given"],
            "Spearman's r": [
                with_interval(*values)
                for values in attributes[["r", "ci_low", "ci_high"]].to_numpy(dtype=float)
            ],
            "p (Holm)": _p(attributes["p_holm"]),
            "images": attributes["n"],
        }
    )
    means = pd.DataFrame(
        {
            "attribute": quartiles["attribute"].map(spelled),
            "quartile of memorability": quartiles["quartile"],
            "its scores": _intervals(quartiles, "score_low", "score_high"),
            "mean of the attribute": _means(quartiles),
            "images": quartiles["n"],
        }
    )
    parts = [note_part(note), text_part(attributes_in_words(attributes)), table_part(shown)]
    if len(means):
        parts += [heading_part("By quartile of memorability"), table_part(means)]
    write_parts(parts, path, title="Attributes of images, and memorability")


def write_sources(
    sources: pd.DataFrame, tests: pd.DataFrame, path: str | Path, *, note: str
) -> None:
    """Write the tables `sources` and `source_tests` as a page.

    Parameters
    ----------
    sources, tests
        The tables.
    path
        File to write.
    note
        Of the study, above the tables.
    """
    means = pd.DataFrame(
        {
            "attribute": sources["attribute"].map(spelled),
            "value": sources["label"],
            "mean score": _means(sources),
            "images": sources["n"],
        }
    )
    higher = tests[tests["difference"] >= 0]
    pairs = pd.DataFrame(
        {
            "attribute": higher["attribute"].map(spelled),
            "higher mean": higher["first"],
            "lower mean": higher["second"],
            "difference": [
                measured_with_interval(*values)
                for values in higher[["difference", "ci_low", "ci_high"]].to_numpy(dtype=float)
            ],
            "p, one-sided (Holm)": _p(higher["p_holm"]),
            "p of Welch's t-test": _p(higher["p_welch"]),
        }
    )
    parts = [note_part(note), text_part(sources_in_words(sources, tests)), table_part(means)]
    if len(pairs):
        parts += [heading_part("Pairs"), table_part(pairs)]
    write_parts(parts, path, title="Memorability by source")


def _p(values: "pd.Series[float]") -> list[str]:
    return ["–" if pd.isna(p) else p_value(p) for p in values]


def _means(table: pd.DataFrame) -> list[str]:
    return [
        measured_with_interval(*values)
        for values in table[["mean", "ci_low", "ci_high"]].to_numpy(dtype=float)
    ]


def _intervals(table: pd.DataFrame, low: str, high: str) -> list[str]:
    return [measured_interval(*ends) for ends in table[[low, high]].to_numpy(dtype=float)]
