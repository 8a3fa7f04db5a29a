"""Tables and sentences as pages: self-contained HTML for the report."""

import html
import re
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path

import pandas as pd

from memorability.base.files import atomic
from memorability.report.numbers import measured

# Every rule is about `.page` alone: the report shows the summary inside its own first page.
_STYLE = """
.page { font: 14px/1.45 system-ui, sans-serif; padding: 1.2rem; color: #1a1a1a; background: #fff; }
.page h1 { font-size: 1.5rem; line-height: 1.2; font-weight: 700; margin: 0 0 .8rem; }
.page h2 { font-size: 1.1rem; line-height: 1.3; font-weight: 700; margin: 1.4rem 0 .5rem; }
.page p, .page li { max-width: 56rem; margin: .4rem 0; }
.page ul { list-style: disc; padding-left: 1.3rem; margin: .4rem 0; }
.page .wide { overflow-x: auto; max-width: 100%; }
.page table { border-collapse: collapse; font-size: 13px; margin: .4rem 0; }
.page th, .page td { padding: .3rem .5rem; border-bottom: 1px solid #ddd; text-align: left;
  vertical-align: top; max-width: 26rem; overflow-wrap: break-word; }
.page th { border-bottom: 2px solid #888; vertical-align: bottom; font-weight: 600; }
.page th:first-child, .page td:first-child { position: sticky; left: 0; background: #fff;
  max-width: 12rem; }
.page th:only-child, .page td:only-child { max-width: 56rem; }
.page .number { text-align: right; font-variant-numeric: tabular-nums; }
.page td.number { white-space: nowrap; }
.page p.note { padding: .5rem .8rem; background: #fff4d6; border-left: 4px solid #e0a100; }
.page summary { cursor: pointer; font-weight: 600; margin: 1rem 0 .4rem; }
"""
# Nothing, a dash, a number with thousands in groups, an interval, or a number with its interval.
_NUMERIC = re.compile(r"–|too few \(\d+\)|(<? ?−?[\d.,]+)? ?(\[[^\]]*\])?")


def write_page(
    table: pd.DataFrame,
    path: str | Path,
    *,
    title: str,
    note: str = "",
    lead: str = "",
    headers: Mapping[str, str] | None = None,
    empty: str = "Nothing to show.",
    more: Mapping[str, pd.DataFrame] | None = None,
    folded: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Write a table as an HTML page that needs no other file.

    Parameters
    ----------
    table
        Text and numbers, shown as by `show`.
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
    more
        Heading -> a further table below the first; one without rows or columns is left out.
    folded
        Likewise, but opened by a click on the heading.
    """
    parts = [note_part(note), text_part(lead), table_part(table, headers, empty)]
    for heading, further in (more or {}).items():
        parts += [heading_part(heading), table_part(further)] if further.size else []
    for heading, further in (folded or {}).items():
        shown = f"<summary>{html.escape(heading)}</summary>{table_part(further)}"
        parts += [f"<details>{shown}</details>"] if further.size else []
    write_parts(parts, path, title=title)


def write_parts(parts: Iterable[str], path: str | Path, *, title: str) -> None:
    """Write parts of a page, as the functions below return them, as an HTML page below its title.

    Parameters
    ----------
    parts
        HTML in the order of reading.
    path
        File to write.
    title
        Heading of the page.
    """
    heading = html.escape(title)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{heading}</title>'
        f'<style>{_STYLE}</style><div class="page not-prose"><h1>{heading}</h1>\n'
        f"{''.join(parts)}</div></html>\n"
    )
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def heading_part(text: str) -> str:
    """Return a heading."""
    return f"<h2>{html.escape(text)}</h2>\n"


def note_part(text: str) -> str:
    """Return what a reader must know first, marked; of no text, nothing."""
    return f'<p class="note">{html.escape(text)}</p>\n' if text else ""


def text_part(text: str) -> str:
    """Return a paragraph; of no text, nothing."""
    return f"<p>{html.escape(text)}</p>\n" if text else ""


def list_part(sentences: Iterable[str]) -> str:
    """Return sentences as points of a list; of none, nothing."""
    points = "".join(f"<li>{html.escape(sentence)}</li>\n" for sentence in sentences)
    return f"<ul>\n{points}</ul>\n" if points else ""


def table_part(
    table: pd.DataFrame,
    headers: Mapping[str, str] | None = None,
    empty: str = "Nothing to show.",
) -> str:
    """Return a table whose first column stays in sight; parameters as of `write_page`.

    A column is aligned as numbers where every value of it is one, a missing one or an interval.
    """
    if table.empty:
        return text_part(empty)
    names = headers or {}
    columns = [[show(value) for value in table.iloc[:, place]] for place in range(table.shape[1])]
    kinds = [
        ' class="number"' if _is_numeric(table.iloc[:, place], texts) else ""
        for place, texts in enumerate(columns)
    ]
    head = "".join(
        f"<th{kind}>{html.escape(names.get(str(name), str(name)))}</th>"
        for name, kind in zip(table.columns, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{html.escape(text)}</td>" for text, kind in zip(row, kinds, strict=True)
        )
        + "</tr>\n"
        for row in zip(*columns, strict=True)
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>'
        "</div>\n"
    )


def show(value: object) -> str:
    """Return a value as a page shows it.

    Numbers with decimals are shown as by `memorability.report.numbers.measured`. A missing value is a
    dash. Truth is yes or no.
    """
    if value is None or value is pd.NA:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return measured(value) if isinstance(value, float) else str(value)


def _is_numeric(column: pd.Series, texts: list[str]) -> bool:
    numbers = [isinstance(value, Real) and not isinstance(value, bool) for value in column]
    known = [
        number or _NUMERIC.fullmatch(text) for number, text in zip(numbers, texts, strict=True)
    ]
    return all(known) and any(text not in ("", "–") for text in texts)
