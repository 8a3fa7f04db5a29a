"""The file of one observer's results: a line for each record, appended whole.

A line is a JSON object. The first one is `begin`, then come `trial` records, in the end `end`.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from memorability.base.errors import InputError

Record = dict[str, Any]

PARTICIPANT = re.compile(r"[0-9a-f]{32}\Z")
"""Random numbers stand for people: 128 bits in hexadecimal."""
PHASES = ("practice", "game")
STATUSES = ("shown", "interrupted", "hidden", "missing")
"""An image was shown as planned; the page was closed meanwhile; it was hidden; there was no image."""
ENDS = ("finished", "practice")
"""An observer finished the game, or did not get through the practice."""
MOST_PRESSES = 50
FACTS = ("browser", "screen_width_px", "screen_height_px", "pixel_ratio")
"""About the browser, stored if the settings of the game ask for it."""

_NUMBERS = ("planned_ms", "onset_ms", "offset_ms", "frame_ms")
_COUNTS = ("attempt", "position", "frames", "dropped")
_TRIAL = {"kind", "phase", "status", "presses", *_NUMBERS, *_COUNTS}
_LONGEST = 200
_LARGEST = 1e12


def key(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what there is one record of: a showing, a beginning, an end."""
    return record["kind"], record.get("phase"), record.get("attempt"), record.get("position")


def fault(record: Any) -> str | None:
    """Return what is wrong with a record that a page has sent, or None.

    Parameters
    ----------
    record
        A `trial`: phase, attempt (from 0, of the practice) and position (from 0) of the showing;
        planned_ms, onset_ms, offset_ms (when the image was to appear, appeared and disappeared, in
        milliseconds since the page was opened, null where it did not); frame_ms (of the screen);
        frames (drawn while it was shown) and dropped (missing among these); presses (pairs of key and
        milliseconds since the onset); status, of `STATUSES`. Or an `end`: reason, of `ENDS`.
    """
    if not isinstance(record, dict):
        return "a record is an object"
    checks = _OF_AN_END if record.get("kind") == "end" else _OF_A_TRIAL
    return next((words for is_good, words in checks if not is_good(record)), None)


def _is_time(value: Any) -> bool:
    return type(value) in {int, float} and abs(value) < _LARGEST


def _is_press(value: Any) -> bool:
    pair = isinstance(value, list) and len(value) == 2
    return pair and isinstance(value[0], str) and len(value[0]) <= 40 and _is_time(value[1])


# Each is asked only if those before it are met.
_Checks = tuple[tuple[Callable[[Record], bool], str], ...]
_OF_AN_END: _Checks = (
    (lambda record: set(record) == {"kind", "reason"}, "an end has a reason"),
    (lambda record: record["reason"] in ENDS, "the reason of an end is unknown"),
)
_OF_A_TRIAL: _Checks = (
    (lambda record: record.get("kind") == "trial", "the kind of a record is trial or end"),
    (lambda record: set(record) == _TRIAL, "a trial has its own fields, all of them"),
    (lambda record: record["phase"] in PHASES, "the phase is unknown"),
    (lambda record: record["status"] in STATUSES, "the status is unknown"),
    (
        lambda record: all(
            type(record[name]) is int and 0 <= record[name] < 10**6 for name in _COUNTS
        ),
        "a count is a whole number",
    ),
    (
        lambda record: all(record[name] is None or _is_time(record[name]) for name in _NUMBERS),
        "a time is a number",
    ),
    (
        lambda record: (
            isinstance(record["presses"], list)
            and len(record["presses"]) <= MOST_PRESSES
            and all(map(_is_press, record["presses"]))
        ),
        "a press is a key and a time",
    ),
)


def known_facts(given: Any) -> Record:
    """Return the facts about a browser that are stored, of those that a page has sent."""
    if not isinstance(given, dict):
        return {}
    return {
        name: value if not isinstance(value, str) else value[:_LONGEST]
        for name, value in given.items()
        if name in FACTS and (isinstance(value, str) or _is_time(value))
    }


def append(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Append records whole, and return when they are on the disk.

    Half a line, which a process that was killed has left at the end, is taken away first.
    """
    lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    new = not path.exists()
    with path.open("a+b") as file:
        _cut_half_a_line(file)
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())
    if new:
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _cut_half_a_line(file: Any) -> None:
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return
    file.seek(end - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    file.truncate(whole)
    file.seek(whole)


def read(path: Path) -> list[Record]:
    """Read the records of a file; half a line at its end was never acknowledged and is left out.

    Records that stand twice are taken once: a page sends again what it does not know to have arrived.

    Raises
    ------
    InputError
        If a whole line holds no record, or the first one is no `begin`.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    found: dict[tuple[Any, ...], Record] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            found.setdefault(key(record), record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}, line {number}: {line[:60]!r} is no record of a game. Put the file back as "
                "it was written, or take it out of the folder."
            ) from error
    records = list(found.values())
    if records and not _begins(records[0]):
        raise InputError(
            f"{path} does not begin with the record `begin`. Take it out of the folder."
        )
    return records


def _begins(record: Record) -> bool:
    named = PARTICIPANT.match(str(record.get("participant", "")))
    return bool(record["kind"] == "begin" and named and type(record.get("sequence")) is int)
