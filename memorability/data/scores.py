"""Score tables: read, checked row by row, brought into the columns of the image table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from memorability.base.errors import InputError, nearest
from memorability.images.folder import composed
from memorability.images.store import Preparation
from memorability.memory_game.score_kinds import COUNTS
from memorability.memory_game.scoring import score_counts

TEXT_COLUMNS = ("category", "subcategory")
# Not read from SCORE_KINDS: another label there reads no score table anew.
FROM_COUNTS = ("false_alarm_rate", "d_prime", "criterion")
_NOT_COUNTED = dict.fromkeys(FROM_COUNTS, np.nan)


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """What decides the images of a study, besides themselves and their scores.

    Parameters
    ----------
    columns
        Our name -> name in the score table, see `read_scores`.
    preparation
        How images are prepared.
    """

    columns: Mapping[str, str]
    preparation: Preparation


def read_scores(path: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a score table and return it with the columns of the image table, in the table's order.

    Parameters
    ----------
    path
        A .csv, .tsv or .parquet file with one row per image.
    columns
        Our name -> name in the file; file and score are needed, image_id, category, subcategory,
        hits, false_alarms and responses optional.

    Returns
    -------
    pandas.DataFrame
        row (1-based line of the data), file, image_id (unless the table has one, the file without
        its extension), both with composed accents, category, subcategory ("" where the table has
        none; category is then "all"), hits, false_alarms, responses (counts, missing where
        unknown), score (0-1), score_uncorrected (hits / responses, missing where unknown), and as
        in `memorability.memory_game.scoring.score_counts`, missing unless all counts are known,
        false_alarm_rate, d_prime and criterion.

    Raises
    ------
    InputError
        Naming file, row and value of the first mistakes of each sort: a missing column, no rows, a
        score that is no number or outside 0-1, an impossible count, an empty file name or
        category, an image listed twice, a category seen once.

    Notes
    -----
    Hits and false alarms are each at most the responses, which both rates are divided by, but
    together may be more, as in 711 of MemCat's 10,000 rows: hits are counted at the second showing
    of an image, false alarms at the first.
    """
    raw = read_raw(path)
    for name in columns.values():
        if name not in raw.columns:
            raise InputError(
                f"{path} has no column {name!r} ({nearest(name, map(str, raw.columns))}). "
                "Correct dataset.columns, which names the table's own columns."
            )
    if raw.empty:
        raise InputError(f"{path} has no rows: at least one image is needed. Choose another table.")
    table = pd.DataFrame({"row": np.arange(1, len(raw) + 1)})
    table["file"] = _files(raw[columns["file"]], path)
    table["image_id"] = [str(PurePosixPath(file).with_suffix("")) for file in table["file"]]
    if "image_id" in columns:
        table["image_id"] = _labels(raw, columns["image_id"], "", path).map(composed)
    for name in TEXT_COLUMNS:
        table[name] = _labels(raw, columns.get(name), "all" if name == "category" else "", path)
    for name in COUNTS:
        table[name] = _counts(raw, columns.get(name), path)
    for name in ("hits", "false_alarms"):
        impossible = table[name].gt(table["responses"]).fillna(False).astype(bool)
        what = f"more {name.replace('_', ' ')} than responses"
        expected = "Each is one of the responses."
        _refuse(path, columns.get(name, ""), table[name][impossible], what, expected)
    never = table["responses"].eq(0).fillna(False).astype(bool)
    _refuse(
        path, columns.get("responses", ""), table["responses"][never], "no responses",
        "A score needs at least one.",
    )  # fmt: skip
    table["score"] = _scores(raw[columns["score"]], path)
    rate = table["hits"] / table["responses"]
    table["score_uncorrected"] = rate.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    counted = all(name in columns for name in COUNTS)
    table = with_scores_from_counts(table) if counted else table.assign(**_NOT_COUNTED)
    _refuse_repeated(table, path)
    _refuse_unusable_categories(table, path)
    return table


def with_scores_from_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Add to a table with counts the scores that are computed from all of them."""
    return table.assign(**score_counts(table)[list(FROM_COUNTS)])


def read_raw(path: Path) -> pd.DataFrame:
    """Read a .csv, .tsv or .parquet file as it is; the first two as text, "" where a cell is empty.

    Raises
    ------
    InputError
        If it cannot be read, or another sign separates its columns than its name says.
    """
    try:
        if path.suffix == ".parquet":
            # pandas keeps the labels of rows in parquet.
            return pd.read_parquet(path).reset_index(drop=True)
        separator = "\t" if path.suffix == ".tsv" else ","
        _refuse_separators(path, separator)
        # utf-8-sig drops the byte-order mark that spreadsheet programs put in front.
        # As text, since names and labels of digits keep their zeros.
        table = pd.read_csv(
            path, sep=separator, encoding="utf-8-sig", keep_default_na=False, dtype=str
        )
        # R writes names of rows in front, without a heading.
        return table.reset_index(drop=True)
    except InputError:
        raise
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path} cannot be read as a {path.suffix[1:]} table: {error}. "
            "Save it again as UTF-8 .csv, .tsv, or as .parquet."
        ) from error


def _refuse_separators(path: Path, expected: str) -> None:
    """Raise if another sign than `expected` separates the columns."""
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    names = {",": "comma", ";": "semicolon", "\t": "tab"}
    others = [sign for sign in names if sign in header and expected not in header]
    if others:
        raise InputError(
            f"{path} separates its columns by a {names[others[0]]}, but a {path.suffix} table does "
            f"so by a {names[expected]}. Save it again that way, with decimal points."
        )


def _refuse(path: Path, column: str, bad: pd.Series, what: str, expected: str) -> None:
    """Raise for the rows of `bad`, naming the first three."""
    if bad.empty:
        return
    first = zip(bad.index[:3].to_numpy() + 1, bad.head(3).tolist(), strict=True)
    rows = ", ".join(f"row {row}: {value!r}" for row, value in first)
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    raise InputError(
        f"{path}, column {column!r}: {what} ({rows}{more}). {expected} "
        "Correct these rows and run again."
    )


def _files(column: pd.Series, path: Path) -> pd.Series:
    files = column.fillna("").astype(str).map(composed).str.strip().str.replace("\\", "/")
    empty = files.isin(["", ".", "./"])
    _refuse(path, str(column.name), column[empty], "empty file name", "Each row is an image.")
    outside = files.str.contains(r"^/|^[A-Za-z]:/|(?:^|/)\.\.(?:/|$)")
    _refuse(
        path, str(column.name), files[outside], "file outside the image directory",
        "Names are relative to dataset.images.",
    )  # fmt: skip
    return files.map(lambda file: str(PurePosixPath(file)))


def _labels(raw: pd.DataFrame, column: str | None, default: str, path: Path) -> pd.Series:
    if column is None:
        return pd.Series(default, index=raw.index, dtype=str)
    labels = raw[column].fillna("").astype(str).str.strip()
    _refuse(path, column, raw[column][labels == ""], "empty label", "Every image has one.")
    return labels


def _counts(raw: pd.DataFrame, column: str | None, path: Path) -> pd.Series:
    if column is None:
        return pd.Series(pd.NA, index=raw.index, dtype="Int64")
    counts = pd.to_numeric(raw[column], errors="coerce")
    whole = (counts.ge(0) & counts.mod(1).eq(0)).fillna(False).astype(bool)
    bad = raw[column][~whole]
    _refuse(path, column, bad, "not a count", "Expected a whole number of at least 0.")
    return counts.astype("Int64")


def _scores(column: pd.Series, path: Path) -> pd.Series:
    scores = pd.to_numeric(column, errors="coerce")
    name = str(column.name)
    comma = column.astype(str).str.fullmatch(r"\s*[+-]?\d*,\d+\s*") & scores.isna()
    _refuse(
        path, name, column[comma], "decimal comma, so not a number",
        "Expected a decimal point, as in 0.5.",
    )  # fmt: skip
    _refuse(path, name, column[scores.isna()], "not a number", "Expected a score from 0 to 1.")
    outside = column[~scores.between(0, 1)]
    _refuse(path, name, outside, "score outside 0 to 1", "Divide percentages by 100.")
    return scores.astype(float)


def _refuse_repeated(table: pd.DataFrame, path: Path) -> None:
    repeated = table[table["image_id"].duplicated(keep=False)].sort_values("image_id")
    if not repeated.empty:
        first = repeated[repeated["image_id"] == repeated["image_id"].iloc[0]]
        rows = " and ".join(
            f"row {row} ({file})" for row, file in zip(first["row"], first["file"], strict=True)
        )
        raise InputError(
            f"{path} lists the image {first['image_id'].iloc[0]!r} more than once: {rows}. "
            f"{len(repeated)} rows are concerned; names without extension must be unique. "
            "Remove or rename the repetitions."
        )


def _refuse_unusable_categories(table: pd.DataFrame, path: Path) -> None:
    sizes = table["category"].value_counts()
    if "all" in sizes and len(sizes) > 1:
        raise InputError(
            f"{path} has a category named 'all', which stands for all images in every table. "
            "Rename it."
        )
    lone = sizes[sizes == 1]
    if not lone.empty and len(table) > 1:
        name = str(lone.index[0])
        others = [str(other) for other in sizes.index if sizes[other] > 1]
        hint = f" ({nearest(name, others)})" if others else ""
        row = int(table.loc[table["category"] == name, "row"].iloc[0])
        raise InputError(
            f"{path}, row {row}: the category {name!r} is seen once{hint}, which is likely a "
            "typing mistake. Each category needs at least two images: correct or remove the row."
        )
