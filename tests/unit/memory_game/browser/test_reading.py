"""From stored records to trials: what counts as an answer, what is left out, and who is excluded."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.memory_game.browser import records
from memorability.memory_game.browser.reading import read_game
from memorability.memory_game.browser.store import ResultStore
from tests.browser_games import participant, showings, small_game, trial

END = {"kind": "end", "reason": "finished"}


@pytest.fixture
def game(tmp_path: Path) -> Path:
    return small_game(tmp_path).folder


def play(
    game: Path, number: int, *, until: int = 34, end: bool = True, changed: Any = None,
    pressed: Any = lambda row: row["repeat"],
) -> pd.DataFrame:  # fmt: skip
    """Let a participant play, who recognises every repeat unless `pressed` says otherwise."""
    results = ResultStore(game)
    sequence = results.begin(participant(number), {})["sequence"]
    table = showings(game, sequence)
    sent = [
        trial(row["position"], bool(pressed(row))) | (changed or {}).get(row["position"], {})
        for row in table.head(until).to_dict("records")
    ]
    results.add(participant(number), sent + [END] * end)
    return table


def test_a_row_per_showing_with_what_was_measured(game: Path) -> None:
    table = play(game, 1)
    trials, observers = read_game(game)
    assert list(trials["position"]) == list(range(34))
    assert list(trials["role"]) == list(table["role"])
    assert list(trials["response"]) == list(trials["repeat"]) == list(table["repeat"])
    assert trials["delay"].equals(table["delay"])
    assert trials["reaction_ms"].dropna().unique().tolist() == [450.5]
    assert (trials["shown_ms"].unique().tolist(), trials["late_ms"].unique().tolist()) == (
        [600.0], [1.0],
    )  # fmt: skip
    targets = trials[trials["role"] == "target"]
    assert targets["file"].str.match(r"(animal|food)/\d{3}\.png").all()
    assert (targets["category"] == targets["file"].str.split("/").str[0]).all()
    assert trials.loc[trials["role"] != "target", "file"].str.startswith("_fillers/").all()
    (row,) = observers.to_dict("records")
    assert (row["observer"], row["sequence"], row["end"]) == (participant(1), 1, "finished")
    assert (row["showings"], row["left_out"], row["late_showings"]) == (34, 0, 0)
    assert (row["vigilance_repeats"], row["misses"], row["false_alarm_share"]) == (4, 0, 0)
    assert (row["excluded"], row["reason"]) == (False, "")


def test_presses_too_soon_after_an_image_do_not_answer_to_it(game: Path) -> None:
    first = showings(game)
    places = first.index[first["repeat"]][:3].tolist()
    presses = ([["space", 99.9]], [["space", 50.0], ["touch", 100.0], ["space", 700.0]], [])
    changed = {place: {"presses": one} for place, one in zip(places, presses, strict=True)}
    play(game, 1, changed=changed)
    rows = read_game(game)[0].set_index("position").loc[places]
    assert list(rows["response"]) == [False, True, False]
    assert list(rows["key"]) == ["", "touch", ""]
    assert rows["reaction_ms"].iloc[1] == 100.0


@pytest.mark.parametrize("status", ["interrupted", "hidden", "missing"])
@pytest.mark.parametrize("which", [0, 1])
def test_both_showings_of_a_disturbed_image_are_left_out(
    game: Path, status: str, which: int
) -> None:
    table = showings(game)
    targets = table[table["role"] == "target"]
    image = targets["image"].iloc[0]
    position = int(targets.loc[targets["image"] == image, "position"].iloc[which])
    play(game, 1, changed={position: {"status": status}})
    trials, observers = read_game(game)
    assert len(trials) == 32
    assert set(trials["position"]).isdisjoint(
        targets.loc[targets["image"] == image, "position"]
    )  # fmt: skip
    assert (observers["showings"].iloc[0], observers["left_out"].iloc[0]) == (34, 2)


def test_images_that_did_not_come_again_are_left_out(game: Path) -> None:
    table = play(game, 1, until=25, end=False)
    trials, observers = read_game(game)
    part = table.head(25)
    whole = part.groupby("image")["image"].transform("size").eq(2) | (part["role"] == "filler")
    assert list(trials["position"]) == list(part.loc[whole, "position"])
    assert observers["end"].tolist() == ["broken off"]


def test_excluded_observers_have_a_reason(game: Path) -> None:
    missed = showings(game, 2)
    vigilance = missed[(missed["role"] == "vigilance") & missed["repeat"]]["position"]
    play(game, 1)
    play(game, 2, pressed=lambda row: row["repeat"] and row["position"] not in {*vigilance[:2]})
    # Of 20 first showings 8 are the limit of 0.4.
    firsts = {
        number: set(rows.loc[~rows["repeat"], "position"].head(9 if number == 3 else 8))
        for number, rows in ((3, showings(game, 3)), (4, showings(game, 4)))
    }
    for number, some in firsts.items():
        play(game, number, pressed=lambda row, some=some: row["repeat"] or row["position"] in some)
    play(game, 5, until=3, end=False)
    one = showings(game, 6)
    seen = one[(one["role"] == "vigilance") & one["repeat"]]["position"].iloc[0]
    play(game, 6, until=int(seen) + 1, end=False)
    results = ResultStore(game)
    results.begin(participant(7), {})
    results.add(participant(7), [{"kind": "end", "reason": "practice"}])
    observers = read_game(game)[1].set_index("observer")
    assert list(observers["reason"]) == [
        "", "missed 2 of 4 vigilance repeats", "pressed the key at 45% of the new images", "",
        observers["reason"].iloc[4], "saw 1 of 4 vigilance repeats",
        "did not get through the practice",
    ]  # fmt: skip
    assert observers["reason"].iloc[4] in {
        "broke off before an image came twice", "saw 0 of 4 vigilance repeats",
        "saw 1 of 4 vigilance repeats",
    }  # fmt: skip
    assert list(observers["excluded"]) == [False, True, True, False, True, True, True]


def test_results_of_another_game_are_refused(game: Path) -> None:
    play(game, 1)
    begin = records.read(game / "results" / f"{participant(1)}.jsonl")[0]
    records.append(
        game / "results" / f"{participant(2)}.jsonl",
        [begin | {"participant": participant(2), "game": "0" * 16}],
    )
    with pytest.raises(InputError, match="result of another game"):
        read_game(game)


def test_a_game_that_nobody_played_says_so(game: Path) -> None:
    with pytest.raises(InputError, match=r"no showing of a game \(0 observers began\)"):
        read_game(game)
    ResultStore(game).begin(participant(1), {})
    with pytest.raises(InputError, match=r"\(1 observers began\)"):
        read_game(game)
