"""Tables as pages: one self-contained HTML page per table, for the report."""

import html
import re
from collections.abc import Mapping
from numbers import Real
from pathlib import Path

import pandas as pd

from memorability.base.files import atomic

_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.2rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; }
th, td { padding: .35rem .55rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #888; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
p.note { padding: .5rem .8rem; background: #fff4d6; border-left: 4px solid #e0a100; max-width: 60rem; }
"""
# A dash, a number with thousands in groups, an interval, or a number with its interval.
_NUMERIC = re.compile(r"–|(-?[\d.,]+(e-?\d+)?)? ?(\[[^\]]*\])?")


def write_page(
    table: pd.DataFrame,
    path: str | Path,
    *,
    title: str,
    note: str = "",
    lead: str = "",
    headers: Mapping[str, str] | None = None,
    empty: str = "Nothing to show.",
) -> None:
    """Write a table as an HTML page that needs no other file.

    Parameters
    ----------
    table
        Text and numbers; numbers are shown to three decimals, p-values and the like below 0.001 in
        scientific notation, missing values as a dash.
    path
        File to write.
    title
        Heading of the page.
    note
        What a reader must know first, shown above the table.
    lead
        What the table says as a whole, in a sentence between the note and the table.
    headers
        Column name -> heading.
    empty
        Sentence shown for a table without rows.
    """
    names = headers or {}
    head = "".join(
        f"<th>{html.escape(names.get(str(column), str(column)))}</th>" for column in table
    )
    body = "".join(
        "<tr>" + "".join(_cell(value) for value in row) + "</tr>\n"
        for row in table.itertuples(index=False)
    )
    shown = f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h2>{html.escape(title)}</h2>"
        + (f'<p class="note">{html.escape(note)}</p>' if note else "")
        + (f"<p>{html.escape(lead)}</p>" if lead else "")
        + (f"<p>{html.escape(empty)}</p>" if table.empty else shown)
        + "</html>\n"
    )
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def show(value: object) -> str:
    """Return a value as it is shown to a reader; rounding happens here and nowhere else."""
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}" if value == 0 or abs(value) >= 0.001 else f"{value:.1e}"
    return str(value)


def _cell(value: object) -> str:
    text = show(value)
    # Numbers and intervals are aligned and never broken across lines.
    number = isinstance(value, Real) or _NUMERIC.fullmatch(text) is not None
    kind = ' class="number"' if number else ""
    return f"<td{kind}>{html.escape(text)}</td>"
