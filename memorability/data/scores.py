"""Score tables: read, checked row by row, brought into the columns of the image table."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from memorability.base.errors import InputError, nearest
from memorability.base.text import one_form
from memorability.images.folder import composed
from memorability.images.store import Preparation
from memorability.memory_game.count_checks import contradiction, likely_cause
from memorability.memory_game.score_kinds import COUNTS
from memorability.memory_game.scoring import score_counts
from memorability.tables.given import (
    first_place,
    is_missing,
    named_columns,
    read_given,
    refuse,
    refuse_lookalikes,
    truths,
)

TEXT_COLUMNS: Mapping[str, str] = {"category": "all", "subcategory": ""}
"""Labels of images -> what stands where a table has none."""

# Not read from SCORE_KINDS: another label there reads no score table anew.
FROM_COUNTS = ("false_alarm_rate", "d_prime", "criterion")
_NOT_COUNTED = dict.fromkeys(FROM_COUNTS, np.nan)

WHAT_A_SCORE_IS = (
    "A score is a share of responses, as (hits − false alarms) / responses: from −1 to 1."
)
_KEY = "dataset.columns"
# Rounding that no decimals show, as of single precision. One hit more or less moves a score by more.
_LEAST_TOLERANCE = 1e-6


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


def read_scores(
    path: Path, columns: Mapping[str, str], *, compare_counts: bool = True
) -> pd.DataFrame:
    """Read a score table and return it with the columns of the image table, in the table's order.

    Parameters
    ----------
    path
        A .csv, .tsv or .parquet file with one row per image.
    columns
        Our name -> name in the file; file and score are needed, image_id, category, subcategory,
        hits, false_alarms and responses optional.
    compare_counts
        Whether scores are held against their counts, to the decimals that they have.

    Returns
    -------
    pandas.DataFrame
        Indexed as `memorability.tables.given.read_given` does, by line: file, image_id (unless the
        table has one, the file without its extension), both with composed accents, category,
        subcategory ("" where the table has none; category is then "all"), hits, false_alarms,
        responses (counts, missing where unknown), score (−1 to 1), score_uncorrected (hits /
        responses, missing where unknown), and as in
        `memorability.memory_game.scoring.score_counts`, missing unless all counts are known,
        false_alarm_rate, d_prime and criterion; and missing: which of our columns holds nothing in
        this row, "" where it is complete. Numbers of rows that are not complete are missing.

    Raises
    ------
    InputError
        Naming file, line and value of the first mistakes of each sort: a missing column, no rows, a
        score that is no number or outside −1 to 1, an impossible count, counts that do not give the
        score, an empty file name or category, two spellings of one category, an image listed twice,
        a table of single trials, a category seen once.

    Notes
    -----
    Hits and false alarms are each at most the responses, which both rates are divided by, but
    together may be more, as in 711 of MemCat's 10,000 rows: hits are counted at the second showing
    of an image, false alarms at the first.
    """
    raw = read_given(path)
    named = named_columns(path, raw, {"file": columns["file"]}, _KEY)
    files = image_files(named["file"], path, columns["file"])
    _refuse_single_trials(path, raw, files)
    given = named_columns(path, raw, columns, _KEY)
    table = pd.DataFrame({"file": files})
    table["image_id"] = [str(PurePosixPath(file).with_suffix("")) for file in files]
    if "image_id" in columns:
        table["image_id"] = labels(given["image_id"], path, columns["image_id"])
    for name, default in TEXT_COLUMNS.items():
        given_labels = name in columns
        table[name] = labels(given[name], path, columns[name]) if given_labels else default
    refuse_twin_labels(path, columns, table)
    counted = [name for name in COUNTS if name in columns]
    missing = _first_missing(given[[*counted, "score"]])
    complete = missing == ""
    for name in COUNTS:
        table[name] = _counts(given.get(name), complete, columns.get(name, ""), path)
    table["score"] = _scores(given["score"], complete, columns["score"], path)
    _refuse_impossible_counts(path, columns, table, given["score"])
    rate = table["hits"] / table["responses"]
    table["score_uncorrected"] = rate.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    table = table.assign(**_NOT_COUNTED)
    if len(counted) == len(COUNTS) and complete.any():
        if compare_counts:
            _refuse_contradictions(path, columns, table[complete], given.loc[complete, "score"])
        kinds = list(FROM_COUNTS)
        table.loc[complete, kinds] = with_scores_from_counts(table[complete])[kinds]
    _refuse_repeated(table, path)
    _refuse_unusable_categories(table, path)
    return table.assign(missing=missing)


def with_scores_from_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Add to a table with counts the scores that are computed from all of them."""
    return table.assign(**score_counts(table)[list(FROM_COUNTS)])


def image_files(cells: pd.Series, path: Path, column: str) -> pd.Series:
    """Return the paths of images below their directory, as the cells of a table's column name them.

    Raises
    ------
    InputError
        If a name is empty, or leads out of the directory.
    """
    files = cells.fillna("").astype(str).map(composed).str.strip().str.replace("\\", "/")
    empty = files.isin(["", ".", "./"])
    refuse(path, column, cells[empty], "empty file name", "Each row is an image.")
    outside = files.str.contains(r"^/|^[A-Za-z]:/|(?:^|/)\.\.(?:/|$)")
    refuse(
        path, column, files[outside], "file outside the image directory",
        "Names are relative to dataset.images.",
    )  # fmt: skip
    return files.map(lambda file: str(PurePosixPath(file)))


def labels(cells: pd.Series, path: Path, column: str) -> pd.Series:
    """Return labels in the form of `one_form`; InputError if one is empty."""
    texts = cells.fillna("").astype(str).map(one_form)
    refuse(path, column, cells[texts == ""], "empty label", "Every row has one.")
    return texts


def refuse_twin_labels(path: Path, columns: Mapping[str, str], table: pd.DataFrame) -> None:
    """Raise InputError where two labels look alike; subcategories, within their category."""
    if "category" in columns:
        refuse_lookalikes(path, columns["category"], table["category"])
    if "subcategory" in columns:
        for _, rows in table.groupby("category", sort=False):
            refuse_lookalikes(path, columns["subcategory"], rows["subcategory"])


def _first_missing(given: pd.DataFrame) -> pd.Series:
    """Return for each row the first column that holds nothing, or ""."""
    missing = pd.Series("", index=given.index)
    for name in reversed(given.columns):
        missing = missing.mask(is_missing(given[name]), str(name))
    return missing


def _counts(cells: pd.Series | None, complete: pd.Series, column: str, path: Path) -> pd.Series:
    if cells is None:
        return pd.Series(pd.NA, index=complete.index, dtype="Int64")
    counts = pd.to_numeric(cells.where(complete), errors="coerce")
    whole = (counts.ge(0) & counts.mod(1).eq(0)).fillna(False).astype(bool)
    bad = cells[~whole & complete]
    refuse(path, column, bad, "not a count", "Expected a whole number of at least 0.")
    return counts.astype("Int64")


def _scores(cells: pd.Series, complete: pd.Series, column: str, path: Path) -> pd.Series:
    scores = pd.to_numeric(cells.where(complete), errors="coerce").astype(float)
    comma = cells.astype(str).str.fullmatch(r"\s*[+-]?\d*,\d+\s*") & scores.isna() & complete
    refuse(
        path, column, cells[comma], "decimal comma, so not a number",
        "Expected a decimal point, as in 0.5.",
    )  # fmt: skip
    bad = cells[scores.isna() & complete]
    refuse(path, column, bad, "not a number", WHAT_A_SCORE_IS)
    refuse_other_measures(path, column, cells, scores, what="score", limit=1)
    return scores


def refuse_other_measures(
    path: Path, column: str, cells: pd.Series, values: pd.Series, *, what: str, limit: float
) -> None:
    """Raise InputError for values beyond ± `limit`, saying what they are likely to be.

    Parameters
    ----------
    path, column
        Of the table.
    cells, values
        (N,) as the table has them, and as numbers, of which some may be missing.
    what
        The values are, in words.
    limit
        Above 0, in units of the score.
    """
    outside = ~(values.between(-limit, limit) | values.isna())
    low, high = values.min(), values.max()
    advice = WHAT_A_SCORE_IS
    if outside.sum() * 2 > values.notna().sum() and low >= 0 and high <= 10:
        advice = (
            f"{WHAT_A_SCORE_IS} These look like ratings, which measure something else. To study "
            "ratings all the same, bring them to 0–1: (rating − lowest) / (highest − lowest) of the "
            "scale, so (rating − 1) / 6 on a scale of 1–7."
        )
    elif 10 < high <= 100 and low >= -100:
        advice = f"{WHAT_A_SCORE_IS} Divide percentages by 100."
    refuse(path, column, cells[outside], f"{what} outside −{limit:g} to {limit:g}", advice)


def _refuse_single_trials(path: Path, raw: pd.DataFrame, files: pd.Series) -> None:
    """Raise InputError if a table has a row per response, not per image."""
    if files.value_counts().median() < 2:
        return
    answers = [str(name) for name in raw.columns if _holds_answers(raw[name])]
    if answers:
        raise InputError(
            f"{path} seems to hold single trials: {len(files)} rows of {files.nunique()} images, and "
            f"the column {answers[0]!r} holds yes or no alone. Name the table as dataset.trials, in "
            "place of dataset.scores, and its columns as docs/own-images.md says: the scores are then "
            "made of the trials. Or give one row per image."
        )


def _holds_answers(cells: pd.Series | pd.DataFrame) -> bool:
    if isinstance(cells, pd.DataFrame):  # of two columns of one name
        return False
    said = truths(cells)
    return bool(said.notna().all() and said.nunique() == 2)


def _refuse_impossible_counts(
    path: Path, columns: Mapping[str, str], table: pd.DataFrame, cells: pd.Series
) -> None:
    never = table["responses"].eq(0).fillna(False).astype(bool)
    refuse(
        path, columns.get("responses", ""), table["responses"][never], "no responses",
        "A score needs at least one.",
    )  # fmt: skip
    for name in ("hits", "false_alarms"):
        impossible = table[name].gt(table["responses"]).fillna(False).astype(bool)
        if impossible.any():
            rows = table[table[[*COUNTS, "score"]].notna().all(axis="columns")]
            cause = likely_cause(
                _numbers(rows), rows["score"].to_numpy(), _tolerance(cells), own_share=0.0
            )
            what = f"more {name.replace('_', ' ')} than responses"
            expected = (
                f"Each is one of the responses.{f' By the scores, {cause}.' if cause else ''}"
            )
            refuse(path, columns[name], table[name][impossible], what, expected)


def _refuse_contradictions(
    path: Path, columns: Mapping[str, str], table: pd.DataFrame, cells: pd.Series
) -> None:
    """Raise InputError if counts do not give the score of their row."""
    scores = table["score"].to_numpy()
    found = contradiction(_numbers(table), scores, _tolerance(cells))
    if found is None:
        return
    row = table.iloc[[found.rows[0]]]
    hits, false_alarms, responses = (row[name].iloc[0] for name in COUNTS)
    cause = f" Likely cause: {found.cause}." if found.cause else ""
    raise InputError(
        f"{path}: the counts do not give the score in {len(found.rows)} of {len(table)} rows. For "
        f"example {first_place(row.index)} ({row['file'].iloc[0]}): {hits} hits, {false_alarms} "
        f"false alarms and {responses} responses give {found.recomputed[found.rows[0]]:.4g} by "
        f"{found.convention}, but the column {columns['score']!r} has {cells[row.index[0]]}.{cause} "
        f"Correct {_KEY} or the table. If the score was made in another way, as from delays, take "
        f"hits, false_alarms and responses out of {_KEY}."
    )


def _numbers(table: pd.DataFrame) -> np.ndarray:
    return table[list(COUNTS)].to_numpy(dtype=float).T


def _tolerance(cells: pd.Series) -> float:
    """Return half a unit of the last decimal that any of the scores has."""
    decimals = 0
    for cell in map(str, cells):
        try:
            exponent = Decimal(cell.strip()).as_tuple().exponent
        except InvalidOperation:
            continue
        decimals = max(decimals, -exponent if isinstance(exponent, int) else 0)
    return max(0.5 * 10.0**-decimals * (1 + 1e-9), _LEAST_TOLERANCE)


def _refuse_repeated(table: pd.DataFrame, path: Path) -> None:
    repeated = table[table["image_id"].duplicated(keep=False)].sort_values("image_id")
    if not repeated.empty:
        first = repeated.loc[repeated["image_id"] == repeated["image_id"].iloc[0], "file"]
        rows = " and ".join(f"{table.index.name} {row} ({file})" for row, file in first.items())
        raise InputError(
            f"{path} lists the image {repeated['image_id'].iloc[0]!r} more than once: {rows}. "
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
        rows = table.index[table["category"] == name]
        raise InputError(
            f"{path}, {first_place(rows)}: the category {name!r} is seen once{hint}, which is likely a "
            "typing mistake. Each category needs at least two images: correct or remove the row."
        )
