"""Read the results of games that other programs ran: MemoryGame, jsPsych, PsychoPy on Pavlovia."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from memorability.base.errors import InputError
from memorability.memory_game.browser.columns import TRIALS
from memorability.memory_game.browser.reading import judge
from memorability.memory_game.browser.settings import Exclusion
from memorability.memory_game.game import LAMEM
from memorability.tables.given import is_missing, named_columns, read_given, refuse

logger = logging.getLogger(__name__)

MEMORY_GAME = {
    "observer": "workerId", "run": "runIndex", "position": "trialIndex", "image": "image",
    "response": "response",
}  # fmt: skip
"""Our name -> column of data.csv of LoreGoetschalckx/MemoryGame."""
_IMAGES = ("stimulus", "image", "image_file", "imagefile", "img", "picture", "stim")
_OBSERVERS = ("subject_id", "subject", "participant_id", "participant", "run_id", "workerid")
_ROLES = ("role", "trial_role", "image_role")
_MILLISECONDS = 1000.0


@dataclass(frozen=True)
class Layout:
    """Columns of a table of jsPsych or PsychoPy, where they cannot be told from their names.

    Attributes
    ----------
    image, response
        Columns of the image and of the key, or None to find them.
    key
        The key that says "seen before"; None where any key says so.
    only
        Column -> value of the rows that are showings of the game.
    """

    image: str | None = None
    response: str | None = None
    key: str | None = None
    only: Mapping[str, str] | None = None


def read_foreign(
    paths: Sequence[Path], layout: Layout, exclusion: Exclusion
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read results that other programs have written.

    Parameters
    ----------
    paths
        CSV files: data.csv of MemoryGame, or files of jsPsych or PsychoPy, of one observer each or of
        several.
    layout
        Of files of jsPsych and PsychoPy.
    exclusion
        Which observers count; fastest_answer_ms is for files with reaction times.

    Returns
    -------
    tuple of pandas.DataFrame
        Trials and observers as from `memorability.memory_game.browser.reading.read_game`. Observers get
        new names, since workers' names are personal data. The category of all images is "all".

    Raises
    ------
    InputError
        If a column is missing, or a cell is not what the format says.

    Notes
    -----
    Where no column holds the roles, an image that comes back after at most seven others is a vigilance
    image, one that comes back later is a target, and one that does not come back is a filler.

    MemoryGame ends when its last trial is to begin: that trial is stored with the response 0 but was
    never shown. In the runs that follow the first one, its first trial was not shown either. The images
    of both trials are left out, with all of their showings.
    """
    tables = []
    for path in paths:
        given = read_given(path)
        of_game = set(MEMORY_GAME.values()) <= set(given.columns)
        table = _memory_game(path, given) if of_game else _rows(path, given, layout)
        # Two files may name their observers alike.
        tables.append(table.assign(source=str(path)))
    rows = pd.concat(tables, ignore_index=True)
    codes, _ = pd.factorize(rows["source"] + "\0" + rows["observer"])
    rows["observer"] = [f"observer_{code + 1:04d}" for code in codes]
    fast = rows["reaction_ms"] < exclusion.fastest_answer_ms
    rows["response"] &= ~fast
    rows[["key", "reaction_ms"]] = rows[["key", "reaction_ms"]].mask(fast)
    trials = _with_repeats(rows)
    counted = trials.assign(left_out=~trials["shown"]).groupby("observer")["left_out"]
    observers = counted.agg(["size", "sum"]).reset_index()
    observers.columns = pd.Index(["observer", "showings", "left_out"])
    observers = observers.assign(sequence=0, end="")
    kept = trials.loc[trials["shown"], list(TRIALS)].reset_index(drop=True)
    vigilance = int(
        ((kept["role"] == "vigilance") & kept["repeat"]).groupby(kept["observer"]).sum().max()
    )
    return kept, judge(kept, observers, exclusion, vigilance=vigilance)


def _memory_game(path: Path, given: pd.DataFrame) -> pd.DataFrame:
    """Return a row per stored trial: observer, file, position, response, and whether it was shown."""
    table = named_columns(path, given, MEMORY_GAME, "the format")
    numbers = table[["run", "position", "response"]].apply(pd.to_numeric, errors="coerce")
    for name in numbers:
        refuse(
            path, MEMORY_GAME[str(name)], table.loc[numbers[name].isna(), name], "no number",
            "Expected the file as MemoryGame has written it.",
        )  # fmt: skip
    run = table["observer"].astype(str) + "\0" + numbers["run"].astype(int).astype(str)
    position = numbers["position"].astype(int)
    last = position == position.groupby(run).transform("max")
    # A first trial that was shown in truth is lost with them: the file does not tell which it was.
    unshown = last | ((position == 0) & (numbers["run"] > 0))
    return pd.DataFrame(
        {
            "observer": run, "file": table["image"].astype(str), "position": position,
            "response": numbers["response"] == 1, "unshown": unshown, "role": "", "key": "",
            "reaction_ms": np.nan,
        }
    )  # fmt: skip


def _rows(path: Path, given: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Return a row per showing of a file of jsPsych or PsychoPy, as `_memory_game` does."""
    columns = {name.lower(): name for name in given.columns}
    for kept, value in (layout.only or {}).items():
        if kept not in given:
            raise InputError(f"{path} has no column {kept!r}, which --only names.")
        given = given[given[kept].astype(str) == value]
    image = layout.image or next((columns[name] for name in _IMAGES if name in columns), None)
    keys = [name for name in given.columns if str(name).endswith(".keys")]
    response = layout.response
    if response is None:
        response = columns.get("response") or (keys[0] if len(keys) == 1 else None)
    for what, column, option in (("image", image, "--image"), ("key", response, "--response")):
        if column is None or column not in given:
            raise InputError(
                f"{path}: which column holds the {what}? Its columns are "
                f"{', '.join(map(str, given.columns))}. Name it with {option}."
            )
    table = given[~is_missing(given[image])]
    if table.empty:
        raise InputError(f"{path}, column {image!r}: no row names an image.")
    observer = next((columns[name] for name in _OBSERVERS if name in columns), None)
    role = next((columns[name] for name in _ROLES if name in columns), None)
    pressed = table[response].astype(str).str.strip()
    # A single blank is the space bar.
    none = is_missing(table[response]) & (table[response] != " ")
    seconds = str(response).removesuffix(".keys") + ".rt"
    times = columns.get("rt") if seconds not in given else seconds
    reaction = pd.to_numeric(table[times], errors="coerce") if times else np.nan
    yes = ~none if layout.key is None else pressed == layout.key
    return pd.DataFrame(
        {
            "observer": table[observer].astype(str) if observer else "",
            "file": table[image].astype(str),
            "position": table.groupby(table[observer]).cumcount()
            if observer
            else range(len(table)),
            "response": yes.astype(bool),
            "unshown": False,
            "role": table[role].astype(str).str.strip().str.lower() if role else "",
            "key": pressed.where(yes, ""),
            # PsychoPy counts seconds, jsPsych milliseconds.
            "reaction_ms": (reaction * (_MILLISECONDS if seconds in given else 1.0))
            if times
            else np.nan,
        }
    )


def _with_repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the trials, and which of them were shown with all showings of their image."""
    rows = rows.sort_values(["observer", "position"], kind="stable", ignore_index=True)
    showing = [rows["observer"], rows["file"]]
    group = rows.groupby(showing)
    if group.size().max() > 2:
        size = group["position"].transform("size")
        often = rows[size == size.max()].iloc[0]
        raise InputError(
            f"{often['observer']} saw {often['file']!r} {size.max()} times. Expected one or two "
            "showings. Where the rows of a practice stand in the file, leave them out with --only "
            "COLUMN=VALUE."
        )
    repeat = group.cumcount() > 0
    first = group["position"].transform("min")
    delay = pd.Series(rows["position"] - first - 1, dtype="Int64").where(repeat)
    pair = group["position"].transform("size") == 2
    soon = delay.groupby(showing).transform("max").le(LAMEM.vigilance_delays[1])
    inferred = np.where(~pair, "filler", np.where(soon.fillna(False), "vigilance", "target"))
    role = rows["role"].str.split().str[0].replace({"vig": "vigilance"})
    names = rows["file"].map(lambda file: PurePosixPath(file).name)
    unique = pd.Series(names.to_numpy(), index=rows["file"]).groupby(level=0).first().is_unique
    return rows.assign(
        file=names if unique else rows["file"],
        category="all",
        subcategory="all",
        role=role.where(role.isin(["target", "filler", "vigilance"]) & pair, pd.Series(inferred)),
        repeat=repeat,
        delay=delay,
        shown=~rows["unshown"].groupby(showing).transform("any"),
        shown_ms=np.nan,
        late_ms=np.nan,
        dropped_frames=0,
    )
