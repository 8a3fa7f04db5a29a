"""The results of a running game: who has which sequence, and what has arrived of whom."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from memorability.base.errors import InputError
from memorability.memory_game.browser import records as lines
from memorability.memory_game.browser.records import Record

SILENT_MINUTES = 60.0
"""Without a word for so long, an observer has given up, and the sequence is free for another one."""
MOST_RECORDS = 500
"""In one message."""


class Refusal(Exception):  # noqa: N818  # not an error of the program: the page is told
    """What a page asked for cannot be done; `status` is that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class _Observer:
    """What has arrived of one observer."""

    sequence: int
    path: Path
    last: float
    records: dict[tuple[Any, ...], Record] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    @property
    def ended(self) -> str | None:
        end = self.records.get(("end", None, None, None))
        return str(end["reason"]) if end else None

    @property
    def done(self) -> dict[str, int]:
        """Return phase and attempt -> last position that has arrived."""
        done: dict[str, int] = {}
        for record in self.records.values():
            if record["kind"] == "trial":
                part = f"{record['phase']} {record['attempt']}"
                done[part] = max(done.get(part, -1), record["position"])
        return done


class ResultStore:
    """The results of one game, on the disk before they are acknowledged.

    Threads may share it. Two processes must not: `memorability.memory_game.browser.serving` locks the
    folder.

    Parameters
    ----------
    folder
        Of the game; what it holds already is read.

    Raises
    ------
    InputError
        If the folder is no game, or holds results that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.facts = read_facts(folder)
        self._results = folder / "results"
        self._results.mkdir(exist_ok=True)
        self._lock = Lock()
        self._observers: dict[str, _Observer] = {}
        self._lengths = self._read_lengths(folder)
        for path in sorted(self._results.glob("*.jsonl")):
            found = lines.read(path)
            if not found:  # its `begin` was never acknowledged
                continue
            observer = _Observer(found[0]["sequence"], path, path.stat().st_mtime)
            observer.records = {lines.key(record): record for record in found[1:]}
            self._observers[found[0]["participant"]] = observer

    def begin(self, participant: Any, facts: Any) -> Record:
        """Give an observer a sequence; the same one, if this observer has one.

        Returns
        -------
        dict
            sequence (from 1), and done: phase and attempt -> last position that has arrived.

        Raises
        ------
        Refusal
            If the name is not random, or no sequence is free.
        """
        if not isinstance(participant, str) or not lines.PARTICIPANT.match(participant):
            raise Refusal(400, "The name of a participant is 32 hexadecimal digits.")
        with self._lock:
            observer = self._observers.get(participant)
            if observer is None:
                path = self._results / f"{participant}.jsonl"
                observer = _Observer(self._free_sequence(), path, time.time())
                first = {
                    "kind": "begin", "format": 1, "game": self.facts["game"],
                    "participant": participant, "sequence": observer.sequence,
                    "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                }  # fmt: skip
                known = lines.known_facts(facts) if self.facts["browser_facts"] else {}
                lines.append(path, [first | known])
                self._observers[participant] = observer
        with observer.lock:
            return {"sequence": observer.sequence, "done": observer.done}

    def add(self, participant: Any, given: Any) -> int:
        """Store records, and return of how many showings and ends there are now records.

        What has arrived before, and is sent again, changes nothing.

        Raises
        ------
        Refusal
            If the observer is unknown, a record is none, or another one of the same showing is there;
            nothing is then stored.
        """
        observer = self._observers.get(participant) if isinstance(participant, str) else None
        if observer is None:
            raise Refusal(404, "This participant is unknown.")
        if not isinstance(given, list) or len(given) > MOST_RECORDS:
            raise Refusal(400, f"Records are a list of up to {MOST_RECORDS}.")
        for record in given:
            fault = lines.fault(record)
            if fault is not None:
                raise Refusal(400, f"{fault[0].upper()}{fault[1:]}.")
        with observer.lock:
            new: dict[tuple[Any, ...], Record] = {}
            for record in given:
                if record["kind"] == "trial" and not self._is_shown(record):
                    raise Refusal(400, "The game has no such showing.")
                key = lines.key(record)
                there = observer.records.get(key, new.get(key))
                if there is not None and there != record:
                    raise Refusal(409, "Another answer to this photograph is there already.")
                if there is None:
                    new[key] = record
            if new:
                lines.append(observer.path, new.values())
                observer.records |= new
                observer.last = time.time()
            return len(observer.records)

    def _free_sequence(self) -> int:
        """Return the first sequence that nobody has finished or is playing."""
        now = time.time()
        taken = {
            observer.sequence
            for observer in self._observers.values()
            if observer.ended == "finished"
            or (observer.ended is None and now - observer.last < 60 * SILENT_MINUTES)
        }
        for sequence in range(1, self.facts["participants"] + 1):
            if sequence not in taken:
                return sequence
        raise Refusal(410, "Enough people have taken part. Thank you for your interest.")

    def _is_shown(self, record: Record) -> bool:
        practice, game = self._lengths
        length = game
        if record["phase"] == "practice":
            length = practice if record["attempt"] < self.facts["practice"]["attempts"] else 0
        elif record["attempt"] != 0:
            length = 0
        return bool(record["position"] < length)

    @staticmethod
    def _read_lengths(folder: Path) -> tuple[int, int]:
        """Return the showings of a practice and of a game."""
        first = json.loads((folder / "public" / "sequences" / "00001.json").read_text("utf-8"))
        return max(map(len, first["practice"]), default=0), len(first["game"])


def read_facts(folder: Path) -> Record:
    """Return what a game was made with.

    Raises
    ------
    InputError
        If the folder is no game, or one of another version.
    """
    path = folder / "private" / "game.json"
    try:
        facts: Record = json.loads(path.read_text(encoding="utf-8"))
        known = facts["format"] == 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is no folder of a game: {path} cannot be read. Name the folder that "
            "`python -m memorability game make` has written."
        ) from error
    if not known:
        raise InputError(f"{folder} has format {facts['format']}, and this program reads format 1.")
    return facts
