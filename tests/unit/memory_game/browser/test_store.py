"""Results of a running game: sequences are given out, answers are taken once, and nothing is lost."""

import os
import threading
import time
from pathlib import Path

import pytest

from memorability.base.errors import InputError
from memorability.memory_game.browser import records, store
from memorability.memory_game.browser.store import Refusal, ResultStore
from tests.browser_games import participant, small_game, trial

END = {"kind": "end", "reason": "finished"}


@pytest.fixture
def game(tmp_path: Path) -> Path:
    return small_game(tmp_path, participants=3).folder


def stored(game: Path, number: int) -> list[records.Record]:
    return records.read(game / "results" / f"{participant(number)}.jsonl")


def refused(status: int, call: object, *given: object) -> None:
    with pytest.raises(Refusal) as raised:
        call(*given)  # type: ignore[operator]
    assert raised.value.status == status


def test_an_observer_gets_one_sequence_and_others_get_others(game: Path) -> None:
    results = ResultStore(game)
    assert [results.begin(participant(n), {})["sequence"] for n in (1, 2, 1, 3, 2)] == [
        1,
        2,
        1,
        3,
        2,
    ]
    assert len(list((game / "results").iterdir())) == 3
    refused(410, results.begin, participant(4), {})
    for name in ("", "../x", "0" * 31, "0" * 33, "A" * 32, None, 3, "0" * 32 + "\n"):
        refused(400, results.begin, name, {})


def test_sequences_of_those_who_gave_up_are_given_out_again(
    game: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = ResultStore(game)
    for number in (1, 2, 3):
        results.begin(participant(number), {})
    results.add(participant(1), [END])
    results.add(participant(2), [{"kind": "end", "reason": "practice"}])
    assert results.begin(participant(4), {})["sequence"] == 2
    refused(410, results.begin, participant(5), {})
    later = time.time() + 60 * store.SILENT_MINUTES + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert results.begin(participant(5), {})["sequence"] == 2
    assert results.begin(participant(6), {})["sequence"] == 3
    # Who comes back after all plays on.
    assert results.begin(participant(3), {})["sequence"] == 3
    assert results.add(participant(3), [trial(0)]) == 1


def test_answers_are_taken_once(game: Path) -> None:
    results = ResultStore(game)
    results.begin(participant(1), {})
    assert results.add(participant(1), [trial(0, True), trial(1)]) == 2
    assert results.add(participant(1), [trial(1), trial(2), trial(2)]) == 3
    refused(409, results.add, participant(1), [trial(3), trial(0, False)])
    refused(409, results.add, participant(1), [trial(3), trial(3, True)])
    assert stored(game, 1)[1:] == [trial(0, True), trial(1), trial(2)]
    assert results.begin(participant(1), {})["done"] == {"game 0": 2}


def test_what_no_game_has_is_refused_and_nothing_of_it_stored(game: Path) -> None:
    results = ResultStore(game)
    results.begin(participant(1), {})
    refused(404, results.add, participant(2), [trial(0)])
    refused(404, results.add, ["x"], [trial(0)])
    for given in (
        None, {}, [trial(34)], [trial(0, attempt=1)], [trial(0), "x"], [trial(0)] * 501,
        [trial(6, phase="practice")], [trial(0, phase="practice", attempt=2)],
    ):  # fmt: skip
        refused(400, results.add, participant(1), given)
    assert len(stored(game, 1)) == 1
    results.add(participant(1), [trial(33), trial(5, phase="practice", attempt=1)])


def test_a_new_server_knows_what_the_old_one_had(game: Path) -> None:
    first = ResultStore(game)
    first.begin(participant(1), {})
    first.add(participant(1), [trial(0), trial(1, True), trial(0, phase="practice")])
    path = game / "results" / f"{participant(1)}.jsonl"
    path.write_bytes(path.read_bytes() + b'{"kind":"trial","pha')
    (game / "results" / f"{participant(9)}.jsonl").write_bytes(b'{"kind":"be')
    again = ResultStore(game)
    assert again.begin(participant(1), {}) == {
        "sequence": 1, "done": {"game 0": 1, "practice 0": 0},
    }  # fmt: skip
    assert again.begin(participant(2), {})["sequence"] == 2
    assert again.begin(participant(9), {})["sequence"] == 3
    again.add(participant(1), [trial(1, True), trial(2)])
    assert [record.get("position") for record in stored(game, 1)] == [None, 0, 1, 0, 2]
    assert stored(game, 9)[0]["sequence"] == 3


def test_browser_facts_are_stored_only_if_the_game_asks(tmp_path: Path) -> None:
    for name, asked in (("a", False), ("b", True)):
        (tmp_path / name).mkdir()
        game = small_game(tmp_path / name, browser_facts=asked).folder
        ResultStore(game).begin(participant(1), {"browser": "one", "screen_width_px": 3, "more": 1})
        begin = stored(game, 1)[0]
        assert ("browser" in begin) == asked
        assert "more" not in begin
        usual = {"kind", "format", "game", "participant", "sequence", "time"}
        assert set(begin) - usual == ({"browser", "screen_width_px"} if asked else set())


def test_a_full_disk_is_no_answer(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = ResultStore(game)
    results.begin(participant(1), {})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            results.add(participant(1), [trial(0)])
    # It is sent again, and stands in the file once for every reader.
    assert results.add(participant(1), [trial(0)]) == 1
    assert stored(game, 1)[1:] == [trial(0)]


def test_threads_lose_nothing(game: Path) -> None:
    results = ResultStore(game)
    results.begin(participant(1), {})

    def send(start: int) -> None:
        for position in range(start, 34, 2):
            results.add(participant(1), [trial(position)])
            results.add(participant(1), [trial(position)])

    threads = [threading.Thread(target=send, args=(start,)) for start in (0, 1, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(record["position"] for record in stored(game, 1)[1:]) == list(range(34))


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder of a game"):
        ResultStore(tmp_path)
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "game.json").write_text('{"format": 7}')
    with pytest.raises(InputError, match="has format 7"):
        ResultStore(tmp_path)
