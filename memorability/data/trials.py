"""Single trials of a memory game that users bring: read, checked, and made into a score table."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath

import pandas as pd

from memorability.base.errors import InputError, nearest
from memorability.base.text import one_form
from memorability.data.scores import TEXT_COLUMNS, image_files, labels, refuse_twin_labels
from memorability.memory_game.scoring import attentive_trials, count_responses, score_counts
from memorability.tables.given import (
    by_distinct,
    examples,
    first_place,
    is_missing,
    named_columns,
    read_given,
    refuse,
    refuse_lookalikes,
    truths,
)

logger = logging.getLogger(__name__)

ROLES = ("target", "filler", "vigilance")
_KEY = "dataset.columns"
_SHOWING = ["observer", "image_id"]
_ANSWERS = "Expected 1 and 0, true and false, or yes and no."


def read_trials(path: Path, columns: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a table of single trials.

    Parameters
    ----------
    path
        A .csv, .tsv or .parquet file with one row per showing of an image to an observer.
    columns
        Our name -> name in the file: observer, file (as in a score table) and response (whether the
        observer said to have seen the image before); repeat (whether it was shown before) or position
        (place among the showings of the observer, whole numbers from 0 or 1), or both; and, where
        there are any, role (target, filler or vigilance), delay (showings between the two of an
        image), category and subcategory.

    Returns
    -------
    tuple of pandas.DataFrame
        The table `trials`; and a row per image: image_id, file, category, subcategory.

    Raises
    ------
    InputError
        Naming file, line and value of the first mistakes of each sort: a missing column, an empty
        cell, a response that is neither yes nor no, a position that occurs twice, an image that an
        observer saw three times or again before the first time, two labels of one image.

    Notes
    -----
    Without `position`, rows are taken in their order, and delays are unknown unless they are given;
    with it, repeats and delays follow from it. A first showing whose image the same observer did not
    see again is a filler's, whatever its role says, since hits and false alarms of an image are
    counted out of as many showings.
    """
    given = named_columns(path, read_given(path), columns, _KEY)
    # There are up to millions of trials, but far fewer observers and images.
    observers = by_distinct(
        given["observer"], lambda cells: labels(cells, path, columns["observer"])
    )
    trials = pd.DataFrame({"observer": observers})
    refuse_lookalikes(path, columns["observer"], trials["observer"])
    files = by_distinct(given["file"], partial(image_files, path=path, column=columns["file"]))
    trials["image_id"] = by_distinct(files, _without_extension)
    trials["position"] = _positions(given, trials, columns, path)
    trials["response"] = _answers(
        given["response"], path, columns["response"], "Where no key was pressed, write 0. "
    )
    if "repeat" in columns:
        trials["repeat"] = _answers(given["repeat"], path, columns["repeat"], "")
    else:
        ordered = trials.sort_values(["observer", "position"], kind="stable")
        trials["repeat"] = ordered.groupby(_SHOWING).cumcount().gt(0)
    trials["role"] = _roles(given, columns, path)
    _check_showings(path, columns, trials, files)
    trials = _paired(trials)
    trials["delay"] = _delays(given, trials, columns, path)
    images = _labelled(given, trials, files, columns, path)
    return trials.reset_index(drop=True), images


def score_trials(trials: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Make a score table of single trials.

    Parameters
    ----------
    trials, images
        As from `read_trials`.

    Returns
    -------
    pandas.DataFrame
        A row per target, by image_id: file, category, subcategory, hits, false_alarms, responses of
        attentive observers, and score, (hits − false alarms) / responses.

    Raises
    ------
    InputError
        If no image was shown twice to an attentive observer.
    """
    counts = count_responses(attentive_trials(trials))
    if counts.empty:
        observers = trials["observer"].nunique()
        raise InputError(
            f"The {len(trials)} trials of {observers} observers hold no target that one attentive "
            "observer saw twice, so that nothing can be scored. Correct the columns repeat, position "
            f"or role of {_KEY}. An observer who misses more than a quarter of the vigilance repeats "
            "is not attentive."
        )
    scored = score_counts(counts).merge(images, on="image_id", validate="one_to_one")
    names = ["file", *TEXT_COLUMNS, "hits", "false_alarms", "responses", "score"]
    return scored[names]


def _without_extension(files: pd.Series) -> pd.Series:
    return files.map(lambda file: str(PurePosixPath(file).with_suffix("")))


def _answers(cells: pd.Series, path: Path, column: str, advice: str) -> pd.Series:
    answers = by_distinct(cells, truths)
    bad = cells[answers.isna()]
    refuse(path, column, bad, "neither yes nor no", f"{_ANSWERS} {advice}".strip())
    return answers.astype(bool)


def _positions(
    given: pd.DataFrame, trials: pd.DataFrame, columns: Mapping[str, str], path: Path
) -> pd.Series:
    if "position" not in columns:
        return trials.groupby("observer").cumcount()
    cells = given["position"]
    positions = pd.to_numeric(cells, errors="coerce")
    whole = (positions.ge(0) & positions.mod(1).eq(0)).fillna(False).astype(bool)
    refuse(
        path, columns["position"], cells[~whole], "no position",
        "Expected the number of the showing, a whole number of at least 0.",
    )  # fmt: skip
    positions = positions.astype("int64")
    twice = pd.DataFrame({"observer": trials["observer"], "position": positions}).duplicated(
        keep=False
    )
    if twice.any():
        observer = trials["observer"][twice].iloc[0]
        same = trials["observer"][twice].eq(observer) & positions[twice].eq(
            positions[twice].iloc[0]
        )
        raise InputError(
            f"{path}, column {columns['position']!r}: the observer {observer!r} has two showings at "
            f"one position ({examples(cells[same.index[same]])}). Where an observer played several "
            "games, name the observer anew in each, as p01_game2."
        )
    return positions


def _roles(given: pd.DataFrame, columns: Mapping[str, str], path: Path) -> pd.Series:
    if "role" not in columns:
        return pd.Series("target", index=given.index)
    roles = by_distinct(given["role"], lambda cells: cells.fillna("").map(_role))
    bad = given["role"][~roles.isin(ROLES)]
    if len(bad):
        hint = nearest(str(bad.iloc[0]).lower(), ROLES)
        refuse(
            path, columns["role"], bad, f"no role ({hint})",
            f"Expected {', '.join(ROLES)}: fillers are shown once, vigilance images come again soon.",
        )  # fmt: skip
    return roles


def _role(cell: object) -> str:
    return one_form(str(cell)).lower()


def _check_showings(
    path: Path, columns: Mapping[str, str], trials: pd.DataFrame, files: pd.Series
) -> None:
    """Refuse images but fillers that one observer saw other than once, or first and again."""
    shown = trials[trials["role"] != "filler"]
    doubled = shown[shown.duplicated([*_SHOWING, "repeat"], keep=False)]
    if len(doubled):
        first = doubled[(doubled[_SHOWING] == doubled[_SHOWING].iloc[0]).all(axis="columns")]
        what = "again" if first["repeat"].iloc[-1] else "for the first time"
        raise InputError(
            f"{path}, column {columns['file']!r}: the observer {first['observer'].iloc[0]!r} saw an "
            f"image more than once {what} ({examples(files[first.index])}). Expected one first showing "
            "and at most one repeat per observer and image. Take the other showings out, or name the "
            "observer anew in each game."
        )
    firsts, repeats = (shown[shown["repeat"] == again] for again in (False, True))
    pairs = repeats.reset_index().merge(
        firsts[[*_SHOWING, "position"]], on=_SHOWING, how="left", suffixes=("", "_first")
    )
    before = pairs["position_first"].isna() | (
        (pairs["position_first"] > pairs["position"]) & ("position" in columns)
    )
    if before.any():
        rows = pd.Index(pairs[before][trials.index.name], name=trials.index.name)
        raise InputError(
            f"{path}, {first_place(rows)}: the image {files[rows[0]]!r} is shown again to the observer "
            f"{trials.loc[rows[0], 'observer']!r}, who has not seen it before ({len(rows)} such rows). "
            f"Add the first showings, or correct {_KEY}."
        )


def _paired(trials: pd.DataFrame) -> pd.DataFrame:
    """Make fillers of the showings that did not come again."""
    showings = trials.groupby(_SHOWING)["repeat"].transform("size")
    alone = (trials["role"] == "target") & (showings == 1)
    if alone.any():
        logger.info(
            "%d of %d showings are of images that the observer did not see again: they are fillers",
            alone.sum(), len(trials),
        )  # fmt: skip
    return trials.assign(role=trials["role"].mask(alone, "filler"))


def _delays(
    given: pd.DataFrame, trials: pd.DataFrame, columns: Mapping[str, str], path: Path
) -> pd.Series:
    """Return how many showings were between the two of an image, missing at the first."""
    again = trials["repeat"]
    if "delay" in columns:
        cells = given["delay"]
        delays = pd.to_numeric(cells.mask(is_missing(cells)), errors="coerce")
        whole = (delays.ge(0) & delays.mod(1).eq(0)).fillna(False).astype(bool)
        bad = cells[~whole & again]
        refuse(
            path, columns["delay"], bad, "no delay",
            "Expected how many showings were between the two of an image: a whole number.",
        )  # fmt: skip
    elif "position" in columns:
        first = trials["position"].mask(again).groupby([trials[name] for name in _SHOWING])
        delays = trials["position"] - first.transform("min") - 1
    else:
        delays = pd.Series(float("nan"), index=trials.index)
    return delays.where(again).astype("Int64")


def _labelled(
    given: pd.DataFrame,
    trials: pd.DataFrame,
    files: pd.Series,
    columns: Mapping[str, str],
    path: Path,
) -> pd.DataFrame:
    """Return a row per image, refusing images with several names or labels."""
    table = pd.DataFrame({"image_id": trials["image_id"], "file": files})
    targets = trials["role"].eq("target").groupby(trials["image_id"]).transform("any")
    table = table[targets]
    for name, default in TEXT_COLUMNS.items():
        table[name] = default
        if name in columns:
            table[name] = by_distinct(
                given.loc[table.index, name],
                partial(labels, path=path, column=columns[name]),
            )
    refuse_twin_labels(path, columns, table)
    for name in ("file", *TEXT_COLUMNS):
        distinct = table.drop_duplicates(["image_id", name])
        several = distinct[distinct.duplicated("image_id", keep=False)]
        if len(several):
            first = several.loc[several["image_id"] == several["image_id"].iloc[0], name]
            raise InputError(
                f"{path}, column {columns[name]!r}: the image {several['image_id'].iloc[0]!r} has "
                f"{len(first)} of one ({examples(first)}). Write the same in all of its rows."
            )
    return table.drop_duplicates("image_id").sort_values("image_id", ignore_index=True)
