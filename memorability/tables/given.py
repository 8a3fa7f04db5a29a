"""Tables that users bring: read as they are, with mistakes named by the line that an editor shows."""

import csv
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from memorability.base.errors import InputError, nearest
from memorability.base.text import AS_CSV, one_form

# How files of spreadsheet programs begin, whatever their name: zip, and Microsoft's older format.
_SPREADSHEET_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
_NOTHING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", ".", "-", "–"})

_TRUTHS = {"1": True, "1.0": True, "true": True, "yes": True} | {
    "0": False, "0.0": False, "false": False, "no": False,
}  # fmt: skip


def read_given(path: Path) -> pd.DataFrame:
    """Read a .csv, .tsv or .parquet file as it is; the first two as text, "" where a cell is empty.

    Returns
    -------
    pandas.DataFrame
        Columns named as in the file, in the form of `one_form`. The index, which is named "line", is
        the line of the file on which a row begins, as an editor counts; of Parquet, which has no lines,
        it is named "row" and counts rows from 1. Rows without any content are left out.

    Raises
    ------
    InputError
        If it cannot be read, is a spreadsheet, another sign separates its columns than its name says,
        or a row has more cells than the header.
    """
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if suffix != ".parquet" and start.startswith(_SPREADSHEET_STARTS):
            raise InputError(f"{path} is the file of a spreadsheet program, not text. {AS_CSV}")
        if suffix == ".parquet":
            # pandas keeps the labels of rows in parquet.
            table = pd.read_parquet(path)
            table.index = pd.RangeIndex(1, len(table) + 1, name="row")
        else:
            table = _read_text(path, "\t" if suffix == ".tsv" else ",")
    except InputError:
        raise
    except (ValueError, OSError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as a {suffix[1:]} table: {error}. "
            "Save it again as UTF-8 .csv, .tsv, or as .parquet."
        ) from error
    table.columns = pd.Index([one_form(str(name)) for name in table.columns], dtype=object)
    return table


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    # utf-8-sig drops the byte-order mark that spreadsheet programs put in front.
    with path.open(encoding="utf-8-sig", newline="") as file:
        _refuse_separators(path, file.readline(), separator)
        file.seek(0)
        reader = csv.reader(file, delimiter=separator, strict=True)
        records: list[list[str]] = []
        lines: list[int] = []
        line = 1
        for record in reader:
            if any(cell and not cell.isspace() for cell in record):
                records.append(record)
                lines.append(line)
            line = reader.line_num + 1
    if not records:
        raise InputError(f"{path} is empty. Choose another table.")
    header, *rows = records
    if rows and all(len(row) == len(header) + 1 for row in rows):
        # R writes names of rows in front, without a heading.
        rows = [row[1:] for row in rows]
    for row, first_line in zip(rows, lines[1:], strict=True):
        if any(row[len(header) :]):
            raise InputError(
                f"{path}, line {first_line} has {len(row)} cells, but the header has {len(header)}. "
                "A text that holds the separating sign needs quotes around it. Correct the line."
            )
    # As text, since names and labels of digits keep their zeros.
    width = len(header)
    cells = [(row + [""] * (width - len(row)))[:width] for row in rows]
    index = pd.Index(lines[1:], name="line", dtype="int64")
    return pd.DataFrame(cells, index=index, columns=pd.Index(header, dtype=object), dtype=str)


def _refuse_separators(path: Path, header: str, expected: str) -> None:
    """Raise if another sign than `expected` separates the columns."""
    others = [sign for sign in _SEPARATORS if sign in header and expected not in header]
    if others:
        raise InputError(
            f"{path} separates its columns by a {_SEPARATORS[others[0]]}, but a {path.suffix} table "
            f"does so by a {_SEPARATORS[expected]}. Save it again that way, with decimal points."
        )


def named_columns(
    path: Path, table: pd.DataFrame, columns: Mapping[str, str], key: str
) -> pd.DataFrame:
    """Return the columns of a table that `columns` names, under our names.

    Parameters
    ----------
    path
        Of the table.
    table
        As from `read_given`.
    columns
        Our name -> name in the table.
    key
        Of the configuration, under which `columns` stands.

    Raises
    ------
    InputError
        If a column is missing or there twice, or if the table has no rows.
    """
    require_columns(path, columns, list(map(str, table.columns)), key)
    if table.empty:
        raise InputError(f"{path} has no rows: at least one is needed. Choose another table.")
    chosen = table[[one_form(name) for name in columns.values()]]
    return chosen.set_axis(list(columns), axis="columns")


def require_columns(path: Path, columns: Mapping[str, str], present: list[str], key: str) -> None:
    """Raise InputError unless a table has each column that `columns` names, once.

    Parameters
    ----------
    path, columns, key
        See `named_columns`.
    present
        Names of the table's columns, in their order.
    """
    for name in map(one_form, columns.values()):
        places = [place for place, other in enumerate(present, start=1) if other == name]
        if not places:
            raise InputError(
                f"{path} has no column {name!r} ({nearest(name, present)}). Correct {key}, which "
                "names the table's own columns."
            )
        if len(places) > 1:
            raise InputError(
                f"{path} has {len(places)} columns named {name!r} (columns "
                f"{' and '.join(map(str, places))}), and {key} names it. Rename all but one."
            )


def is_missing(cells: pd.Series) -> pd.Series:
    """Return which cells (N,) hold nothing: empty, or a word for it as NA, NaN or null."""
    return cells.isna() | _words(cells).isin(_NOTHING)


def truths(cells: pd.Series) -> pd.Series:
    """Return which cells (N,) say yes: 1, true or yes, against 0, false or no; missing for others."""
    return _words(cells).map(_TRUTHS).astype("boolean")


def _words(cells: pd.Series) -> pd.Series:
    # Not astype(str), which leaves what is missing as it is.
    return cells.map(lambda cell: one_form(str(cell)).lower())


def by_distinct(cells: pd.Series, read: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Return what `read` makes of cells (N,), called with the first of each distinct cell alone."""
    distinct = cells.drop_duplicates()
    codes, found = pd.factorize(cells, use_na_sentinel=False)[0], read(distinct)
    return pd.Series(found.array.take(codes), index=cells.index, name=cells.name)


def first_place(rows: pd.Index) -> str:
    """Return where the first of some rows of a table is, in words: "line 7"."""
    return f"{rows.name} {rows[0]}"


def examples(values: pd.Series) -> str:
    """Return the first three values with their places, in words: "line 7: 'x', line 9: 'y'"."""
    first = zip(values.index[:3], values.head(3).tolist(), strict=True)
    shown = ", ".join(f"{values.index.name} {row}: {value!r}" for row, value in first)
    return shown + (f" and {len(values) - 3} more" if len(values) > 3 else "")


def refuse(path: Path, column: str, bad: pd.Series, what: str, expected: str) -> None:
    """Raise InputError for the cells of `bad`, if there are any, naming the first three."""
    if len(bad):
        raise InputError(
            f"{path}, column {column!r}: {what} ({examples(bad)}). {expected} "
            "Correct these rows and run again."
        )


def refuse_lookalikes(path: Path, column: str, labels: pd.Series) -> None:
    """Raise InputError where two labels differ in nothing but letter case, blanks or such.

    Parameters
    ----------
    path, column
        Of the table.
    labels
        (N,) in the form of `one_form`.
    """
    seen: dict[str, str] = {}
    for label in labels.unique():
        twin = seen.setdefault(_skeleton(label), label)
        if twin != label:
            first, second = (labels[labels == name] for name in (twin, label))
            raise InputError(
                f"{path}, column {column!r}: {twin!r} ({_rows(first)}) and {label!r} "
                f"({_rows(second)}) differ only in letter case, blanks or the form of signs. "
                "If they are one label, write both alike. If they are two, give one another name."
            )


def _skeleton(label: str) -> str:
    """Return what labels share that look alike: no letter case, no blanks, no invisible signs."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    return "".join(
        sign for sign in plain if not sign.isspace() and unicodedata.category(sign) != "Cf"
    )


def _rows(labels: pd.Series) -> str:
    return f"{len(labels)} rows, the first in {first_place(labels.index)}"
