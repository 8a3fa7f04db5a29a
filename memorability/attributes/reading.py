"""Tables of attributes as their authors publish them, and tables of users."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.attributes.names import (
    AESTHETICS,
    EMOTION,
    EMOTIONS,
    LABEL,
    MOST_LABELS,
    NUMBER,
)
from memorability.base.errors import InputError
from memorability.base.text import one_form
from memorability.data.joining import join_images
from memorability.tables.given import (
    examples,
    is_missing,
    named_columns,
    read_given,
    refuse_lookalikes,
)

COLUMNS = ("attribute", "kind", "image_id", "number", "label")
"""Of the table `image_attributes`."""

AVA_COLUMNS = 15
"""Number of the row, image, votes of 1 to 10, two tags, challenge."""


@dataclass(frozen=True, kw_only=True)
class AttributeTable:
    """A table of attributes, as an entry of the configuration's `attributes` names it.

    Parameters
    ----------
    format
        table, ava, emotion_votes, emotion_names, or sample.
    file
        Path of the table; "" where names of images are the table.
    columns
        Of a table: image_id or file -> its name there.
    numbers, labels
        Of a table: attribute -> its column there.
    """

    format: str = "table"
    file: str = ""
    columns: Mapping[str, str] | None = None
    numbers: Mapping[str, str] | None = None
    labels: Mapping[str, str] | None = None


def read_attributes(
    files: Sequence[str | Path], source: AttributeTable, images: pd.DataFrame, *, name: str
) -> pd.DataFrame:
    """Read a table of attributes and join it with the images.

    Parameters
    ----------
    files
        The table; none where names of images are the table.
    source
        How it is written, and what its columns are.
    images
        The image table.
    name
        Of the table in the configuration.

    Returns
    -------
    pandas.DataFrame
        The table `image_attributes`: a row per attribute and image that has it. What is missing has
        no row.

    Raises
    ------
    InputError
        If the file is not as its format says, a column is missing, a number is none, a label has too
        many forms, an image has two rows, or nothing joins.
    """
    if source.format == "emotion_names":
        return _long(emotions_of_names(images), [], [EMOTION])
    (path,) = map(Path, files)
    if source.format in _READERS:
        raw, numbers, labels = _READERS[source.format](path)
        ids, _ = join_images(path, raw, {"file": "file"}, images)
        return _long(raw.assign(image_id=ids), numbers, labels)
    return _read_own(path, source, images, name)


def read_ava(path: Path) -> pd.DataFrame:
    """Read AVA.txt of N. Murray, L. Marchesotti and F. Perronnin (AVA, 2012).

    Parameters
    ----------
    path
        Lines of 15 whole numbers between blanks: of the row, of the image, how many people voted 1 to
        10, two tags, and the challenge.

    Returns
    -------
    pandas.DataFrame
        file ("953619.jpg"), aesthetics (mean vote, 1 to 10; NaN without votes). The index is the line.

    Raises
    ------
    InputError
        If a line is not like this.
    """
    lines = [line.split() for line in _text(path).splitlines()]
    places = [place for place, cells in enumerate(lines, start=1) if cells]
    for place in places:
        cells = lines[place - 1]
        if len(cells) != AVA_COLUMNS or not all(
            cell.isascii() and cell.isdigit() for cell in cells
        ):
            raise InputError(
                f"{path}, line {place}: expected {AVA_COLUMNS} whole numbers between blanks, as in "
                f"AVA.txt (found {len(cells)} words, {' '.join(cells)[:60]!r}). Give the file as its "
                "authors publish it, or name columns of a table of yours (format: table)."
            )
    values = np.asarray([lines[place - 1] for place in places], dtype=np.int64)
    values = values.reshape(-1, AVA_COLUMNS)
    votes = values[:, 2:12].astype(np.float64)
    total = votes.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = votes @ np.arange(1, 11) / total
    return pd.DataFrame(
        {"file": [f"{image}.jpg" for image in values[:, 1]], AESTHETICS: mean},
        index=pd.Index(places, name="line"),
    )


def read_emotion_votes(path: Path) -> pd.DataFrame:
    """Read ABSTRACT_groundTruth.csv of J. Machajdik and A. Hanbury (2010).

    Parameters
    ----------
    path
        A .csv file with a header: the file's name between single quotes, then how many people chose
        each of eight emotions.

    Returns
    -------
    pandas.DataFrame
        file; of each of `EMOTIONS` its share of the votes (NaN without votes); emotion, the one that
        most chose ("" if two share this place). The index is the line.

    Raises
    ------
    InputError
        If a line is not like this.
    """
    rows = list(csv.reader(_text(path).splitlines()))
    header = [cell.strip(" '").lower() for cell in rows[0]] if rows else []
    if tuple(header[1:]) != EMOTIONS:
        raise InputError(
            f"{path}: expected a header of the image and {', '.join(EMOTIONS)} (found "
            f"{', '.join(header)[:90]!r}). Give the file as its authors publish it, or name columns of "
            "a table of yours (format: table)."
        )
    places = [place for place, cells in enumerate(rows[1:], start=2) if any(map(str.strip, cells))]
    for place in places:
        cells = [cell.strip() for cell in rows[place - 1]]
        if len(cells) != len(header) or not all(cell.isdigit() for cell in cells[1:]):
            raise InputError(
                f"{path}, line {place}: expected a name and {len(EMOTIONS)} counts of votes, found "
                f"{','.join(cells)[:60]!r}. Correct this line."
            )
    chosen = [rows[place - 1] for place in places]
    votes = np.asarray([row[1:] for row in chosen], dtype=np.float64).reshape(-1, len(EMOTIONS))
    with np.errstate(invalid="ignore"):
        shares = votes / votes.sum(axis=1, keepdims=True)
    most = votes.max(axis=1, keepdims=True, initial=0)
    alone = (votes == most).sum(axis=1) == 1
    index = pd.Index(places, name="line")
    table = pd.DataFrame(shares, columns=list(EMOTIONS), index=index)
    table["file"] = [row[0].strip(" '") for row in chosen]
    table[EMOTION] = np.where(alone, np.asarray(EMOTIONS)[votes.argmax(axis=1)], "")
    return table


def emotions_of_names(images: pd.DataFrame) -> pd.DataFrame:
    """Return the emotion with which the name of an image's file begins, "" where it does not.

    The photographs of testImages_artphoto.zip (Machajdik and Hanbury, 2010) are called
    amusement_0001.jpg and so on.

    Parameters
    ----------
    images
        image_id, file.
    """
    names = images["file"].str.rpartition("/")[2].str.lower()
    first = names.str.extract(f"^({'|'.join(EMOTIONS)})[_-]?\\d", expand=False)
    return pd.DataFrame({"image_id": images["image_id"], EMOTION: first.fillna("")})


def _read_own(path: Path, source: AttributeTable, images: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table of the user's, its attributes under their names."""
    key = f"attributes.{name}"
    raw = read_given(path)
    joined_by, of_numbers, of_labels = (
        dict(columns or {}) for columns in (source.columns, source.numbers, source.labels)
    )
    named_columns(path, raw, joined_by, f"{key}.columns")
    numbers = named_columns(path, raw, of_numbers, f"{key}.numbers")
    labels = named_columns(path, raw, of_labels, f"{key}.labels")
    found = pd.DataFrame(index=raw.index)
    for attribute, column in of_numbers.items():
        found[attribute] = _numbers(path, column, numbers[attribute])
    for attribute, column in of_labels.items():
        cells = labels[attribute]
        found[attribute] = cells.astype(str).map(one_form).where(~is_missing(cells), "")
        refuse_lookalikes(path, column, found.loc[found[attribute] != "", attribute])
    found["image_id"], _ = join_images(path, raw, joined_by, images)
    return _long(found, list(of_numbers), list(of_labels))


def _numbers(path: Path, column: str, cells: pd.Series) -> "pd.Series[float]":
    missing = is_missing(cells)
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    bad = cells[~missing & ~np.isfinite(values)]
    if len(bad):
        raise InputError(
            f"{path}, column {column!r}: {len(bad)} of {len(cells)} cells are no finite numbers "
            f"({examples(bad)}). Expected numbers with a decimal point, or nothing where an image has "
            "none. If these are labels, name the column under labels."
        )
    return values.where(~missing)


def _long(table: pd.DataFrame, numbers: list[str], labels: list[str]) -> pd.DataFrame:
    """Return a row per attribute and image that has it; rows of other images are left out."""
    known = table[table["image_id"].notna()]
    parts = []
    for name in numbers:
        own = known[known[name].notna()]
        parts.append(pd.DataFrame({"image_id": own["image_id"], "number": own[name], "label": ""}))
        parts[-1] = parts[-1].assign(attribute=name, kind=NUMBER)
    for name in labels:
        own = known[known[name] != ""]
        if own[name].nunique() > MOST_LABELS:
            raise InputError(
                f"The attribute {name} has {own[name].nunique()} different labels, for example "
                f"{own[name].iloc[0]!r}. At most {MOST_LABELS} are compared, each with each. Give rare "
                "ones one common label, or name another column."
            )
        parts.append(
            pd.DataFrame({"image_id": own["image_id"], "number": np.nan, "label": own[name]})
        )
        parts[-1] = parts[-1].assign(attribute=name, kind=LABEL)
    return pd.concat(parts, ignore_index=True)[[*COLUMNS]].astype(
        {"number": float, "label": object}
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as text: {error}. Save it again as UTF-8."
        ) from error


def _ava(path: Path) -> tuple[pd.DataFrame, list[str], list[str]]:
    return read_ava(path), [AESTHETICS], []


def _emotion_votes(path: Path) -> tuple[pd.DataFrame, list[str], list[str]]:
    return read_emotion_votes(path), list(EMOTIONS), [EMOTION]


def _sample(path: Path) -> tuple[pd.DataFrame, list[str], list[str]]:
    raw = read_given(path)
    numbers = [str(name) for name in raw.columns if name not in ("file", "source")]
    return (
        raw.assign(**{name: _numbers(path, name, raw[name]) for name in numbers}),
        numbers,
        ["source"],
    )


_READERS: Mapping[str, Callable[[Path], tuple[pd.DataFrame, list[str], list[str]]]] = {
    "ava": _ava, "emotion_votes": _emotion_votes, "sample": _sample,
}  # fmt: skip
