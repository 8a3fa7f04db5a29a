"""Records of observers: what is refused, and files that were cut off."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from memorability.base.errors import InputError
from memorability.memory_game.browser import records
from tests.browser_games import participant, trial

BEGIN = {"kind": "begin", "participant": participant(1), "sequence": 3, "game": "g"}


def test_good_records_have_no_fault() -> None:
    assert records.fault(trial(3, True)) is None
    assert records.fault(trial(3, planned_ms=None, onset_ms=None, status="interrupted")) is None
    assert records.fault({"kind": "end", "reason": "finished"}) is None


@pytest.mark.parametrize(
    "record",
    [
        [], None, {}, {"kind": "begin"}, {"kind": "end"}, {"kind": "end", "reason": "bored"},
        {"kind": "end", "reason": "finished", "more": 1}, trial(-1), trial(0, attempt=True),
        trial(0) | {"position": 1.0}, trial(0, frames=10**9), trial(0, phase="test"),
        trial(0, status="seen"), trial(0, onset_ms="1"), trial(0, onset_ms=float("nan")),
        trial(0, onset_ms=1e300), trial(0, presses=None), trial(0, presses=[["space"]]),
        trial(0, presses=[["space", None]]), trial(0, presses=[["x" * 41, 1.0]]),
        trial(0, presses=[["space", 1.0]] * 51), trial(0, more=1),
        {name: value for name, value in trial(0).items() if name != "dropped"},
    ],
)  # fmt: skip
def test_anything_else_has_one(record: Any) -> None:
    assert records.fault(record) is not None


def test_facts_about_browsers_are_those_that_are_known() -> None:
    given = {"browser": "x" * 500, "screen_width_px": 1280, "name": "Ann", "pixel_ratio": [1]}
    assert records.known_facts(given) == {"browser": "x" * 200, "screen_width_px": 1280}
    assert records.known_facts("Ann") == {}


def test_half_a_line_is_left_out_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    records.append(path, [BEGIN, trial(0, True)])
    whole = path.read_bytes()
    for cut in (b'{"kind":"tri', b"{", "ü".encode()[:1]):
        path.write_bytes(whole + cut)
        assert records.read(path) == [BEGIN, trial(0, True)]
        records.append(path, [trial(1)])
        assert records.read(path) == [BEGIN, trial(0, True), trial(1)]
        path.write_bytes(whole)
    path.write_bytes(b'{"kind":"beg')
    assert records.read(path) == []
    records.append(path, [BEGIN])
    assert path.read_bytes() == json.dumps(BEGIN, separators=(",", ":")).encode() + b"\n"


def test_what_was_sent_twice_is_there_once(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    records.append(path, [BEGIN, trial(0), trial(0), trial(1)])
    assert records.read(path) == [BEGIN, trial(0), trial(1)]


def test_lines_are_on_the_disk_before_the_function_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def counted(file: int) -> None:
        synced.append(os.fstat(file).st_size)
        fsync(file)

    monkeypatch.setattr(os, "fsync", counted)
    path = tmp_path / "one.jsonl"
    records.append(path, [BEGIN])
    assert synced[0] == path.stat().st_size
    assert len(synced) == 2  # the directory, which names a new file
    records.append(path, [trial(0)])
    assert synced[2:] == [path.stat().st_size]


@pytest.mark.parametrize("content", ["no json\n", "3\n", '{"a": 1}\n', json.dumps(trial(0)) + "\n"])
def test_files_of_something_else_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"one\.jsonl"):
        records.read(path)
