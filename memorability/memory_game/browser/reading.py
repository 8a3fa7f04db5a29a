"""Read what a game of ours has stored: showings of observers, and which of them count."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memorability.base.errors import InputError
from memorability.base.settings import from_params
from memorability.memory_game.browser import records as lines
from memorability.memory_game.browser.columns import OBSERVERS, TRIALS
from memorability.memory_game.browser.settings import Exclusion
from memorability.memory_game.browser.store import read_facts
from memorability.memory_game.scoring import vigilance_misses

FEWEST_VIGILANCE_SHARE = 0.5
"""Of the vigilance repeats of a whole game: who broke off before seeing as many is excluded."""


def read_game(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the results of a game.

    Parameters
    ----------
    folder
        Of the game; `results/` in it holds a file for each observer.

    Returns
    -------
    tuple of pandas.DataFrame
        The trials, a row per showing of all observers who began the game, with `TRIALS`: observer;
        file (below the folder of targets, or of fillers); category and subcategory (the folders in
        which it lies; the same where there is one, all where there is none); role (target, filler or
        vigilance); position (from 0); repeat; delay (showings between the two, missing at the first);
        response (whether a key was pressed in time); key and reaction_ms (of the first such press,
        since the image appeared); shown_ms (how long it was there); late_ms (how much later than
        planned it appeared); dropped_frames. And the observers, with `OBSERVERS`; see `judge`.

    Raises
    ------
    InputError
        If a file cannot be read, or is of another game.

    Notes
    -----
    An image of which one showing was interrupted, hidden or missing, or did not come because the
    observer broke off, is left out for this observer: neither a hit nor a false alarm is known to be
    one. The other image's delays stay as they were planned.
    """
    facts = read_facts(folder)
    exclusion = from_params(Exclusion, facts["exclusion"])
    private = folder / "private"
    showings = pd.read_csv(private / "showings.csv", dtype={"delay": "Int64"})
    images = pd.read_csv(
        private / "images.csv", keep_default_na=False, dtype={"category": str, "subcategory": str}
    )
    showings = showings[showings["phase"] == "game"].merge(
        images[["image", "file", "category", "subcategory"]], on="image", validate="many_to_one"
    )
    of_sequence = dict(list(showings.groupby("sequence")))
    tables, rows = [], []
    for path in sorted((folder / "results").glob("*.jsonl")):
        found = lines.read(path)
        if not found:
            continue
        begin = found[0]
        if begin.get("game") != facts["game"] or begin["sequence"] not in of_sequence:
            raise InputError(
                f"{path} is a result of another game. Take it out of the folder, or put it into that "
                "of its own game."
            )
        end = next((one["reason"] for one in found if one["kind"] == "end"), "broken off")
        rows.append({"observer": begin["participant"], "sequence": begin["sequence"], "end": end})
        games = [one for one in found if one["kind"] == "trial" and one["phase"] == "game"]
        if games:
            played = _measured(games, exclusion.fastest_answer_ms)
            table = of_sequence[begin["sequence"]].merge(played, on="position", validate="1:1")
            tables.append(table.assign(observer=begin["participant"]))
    if not tables:
        raise InputError(
            f"{folder / 'results'} holds no showing of a game ({len(rows)} observers began). Serve the "
            f"game first: python -m memorability game serve {folder}"
        )
    trials = pd.concat(tables, ignore_index=True).sort_values(
        ["observer", "position"], ignore_index=True
    )
    repeated = trials["role"] != "filler"
    showing = [trials["observer"], trials["image"]]
    shown = trials["status"].eq("shown").astype(int).groupby(showing).transform("sum")
    sound = shown == repeated.map({True: 2, False: 1})
    observers = pd.DataFrame(rows).merge(
        pd.DataFrame(
            {"observer": trials["observer"], "showings": 1, "left_out": ~sound}
        ).groupby("observer").sum().reset_index(),
        on="observer", how="left",
    )  # fmt: skip
    observers = observers.fillna({"showings": 0, "left_out": 0}).astype(
        {"showings": int, "left_out": int}
    )
    whole = int(
        ((showings["sequence"] == 1) & (showings["role"] == "vigilance") & showings["repeat"]).sum()
    )
    trials = trials.loc[sound, list(TRIALS)].reset_index(drop=True)
    return trials, judge(trials, observers, exclusion, vigilance=whole)


def judge(
    trials: pd.DataFrame, observers: pd.DataFrame, exclusion: Exclusion, *, vigilance: int
) -> pd.DataFrame:
    """Say which observers are excluded, and why.

    Parameters
    ----------
    trials
        With `TRIALS`.
    observers
        A row per observer: observer, sequence, end, showings, left_out.
    exclusion
        The rule.
    vigilance
        Vigilance repeats of a whole game, 0 where there are none.

    Returns
    -------
    pandas.DataFrame
        The observers, with `OBSERVERS`: vigilance_repeats and misses (counts), false_alarm_share (of
        the first showings, 0-1), late_showings (more than one frame of 60 Hz after their time) and
        dropped_frames (counts), excluded, and the reason in words, "" for those who count.
    """
    first = ~trials["repeat"]
    per_observer = pd.DataFrame(
        {
            "observer": trials["observer"],
            "false_alarm_share": trials["response"].where(first).astype(float),
            "late_showings": trials["late_ms"].abs() > 1000 / 60,
            "dropped_frames": trials["dropped_frames"],
        }
    )
    measured = per_observer.groupby("observer").agg(
        {"false_alarm_share": "mean", "late_showings": "sum", "dropped_frames": "sum"}
    )
    misses = vigilance_misses(trials).drop(columns="excluded")
    table = observers.merge(misses, on="observer", how="left").merge(
        measured.reset_index(), on="observer", how="left"
    )
    counts = ["vigilance_repeats", "misses", "late_showings", "dropped_frames"]
    table[counts] = table[counts].fillna(0).astype(int)
    table["reason"] = [_reason(row, exclusion, vigilance) for row in table.to_dict("records")]
    table["excluded"] = table["reason"] != ""
    return table[list(OBSERVERS)].sort_values("observer", ignore_index=True)


def _reason(observer: Mapping[Any, Any], exclusion: Exclusion, vigilance: int) -> str:
    repeats, misses = observer["vigilance_repeats"], observer["misses"]
    share = observer["false_alarm_share"]
    if observer["end"] == "practice":
        return "did not get through the practice"
    if observer["showings"] == observer["left_out"]:
        return "broke off before an image came twice"
    if repeats < FEWEST_VIGILANCE_SHARE * vigilance:
        return f"saw {repeats} of {vigilance} vigilance repeats"
    if misses > exclusion.largest_miss_share * repeats:
        return f"missed {misses} of {repeats} vigilance repeats"
    if share > exclusion.largest_false_alarm_share:
        return f"pressed the key at {share:.0%} of the new images"
    return ""


def _measured(games: list[lines.Record], fastest_ms: float) -> pd.DataFrame:
    """Return a row per showing that was stored: position, status and what was measured."""
    rows = []
    for one in games:
        times = (one["planned_ms"], one["onset_ms"], one["offset_ms"])
        planned, onset, offset = (np.nan if time is None else float(time) for time in times)
        press = next((press for press in one["presses"] if press[1] >= fastest_ms), None)
        rows.append(
            {
                "position": one["position"], "status": one["status"], "response": press is not None,
                "key": press[0] if press else "", "reaction_ms": press[1] if press else np.nan,
                "shown_ms": offset - onset, "late_ms": onset - planned,
                "dropped_frames": one["dropped"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
