"""Results of other programs: their layouts, and the trials that MemoryGame stores but never showed."""

from pathlib import Path

import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.memory_game.browser.foreign import Layout, read_foreign
from memorability.memory_game.browser.settings import Exclusion

ORDER = ["a", "b", "c", "d", "v", "v", "f", "e", "g", "h", "i", "a", "b", "c", "d"]
"""v comes back at once; a, b, c and d after more than seven others; the rest come once."""


def table(place: Path, rows: list[dict[str, object]], name: str = "data.csv") -> Path:
    pd.DataFrame(rows).to_csv(place / name, index=False)
    return place / name


def memory_game(place: Path, runs: tuple[tuple[str, int], ...] = (("AMT1", 0),)) -> Path:
    rows = [
        {
            "assignmentId": "x", "condition": 1, "finishTime": 5, "image": f"img/{image}{run}.jpg",
            "initTime": 4, "medium": "web", "response": int(image in ORDER[:position]),
            "runIndex": run, "sequenceFile": "s.json", "timestamp": 1, "trialIndex": position,
            "workerId": worker,
        }
        for worker, run in runs
        for position, image in enumerate(ORDER)
    ]  # fmt: skip
    rows = [row | {"response": 0} if row["trialIndex"] == len(ORDER) - 1 else row for row in rows]
    return table(place, rows)


def test_the_last_trial_of_memory_game_was_never_shown(tmp_path: Path) -> None:
    trials, observers = read_foreign([memory_game(tmp_path)], Layout(), Exclusion())
    # d's repeat is the last trial: its response 0 would be a miss that nobody made.
    assert set(trials["file"]) == {f"{image}0.jpg" for image in "abcvfeghi"}
    assert trials.loc[trials["repeat"], "response"].all()
    assert dict(zip(trials["file"].str[0], trials["role"], strict=True)) == {
        "a": "target", "b": "target", "c": "target", "v": "vigilance",
        "f": "filler", "e": "filler", "g": "filler", "h": "filler", "i": "filler",
    }  # fmt: skip
    again = trials[trials["repeat"]].set_index("file")["delay"]
    assert again.to_dict() == {"v0.jpg": 0, "a0.jpg": 10, "b0.jpg": 10, "c0.jpg": 10}
    assert observers["left_out"].tolist() == [2]
    assert observers["observer"].tolist() == ["observer_0001"]


def test_nor_was_the_first_trial_of_later_runs(tmp_path: Path) -> None:
    path = memory_game(tmp_path, (("AMT1", 0), ("AMT1", 1), ("AMT2", 0)))
    trials, observers = read_foreign([path], Layout(), Exclusion())
    assert len(observers) == 3  # who plays on is another observer
    files = trials.groupby("observer")["file"].agg(set)
    assert "a0.jpg" in files["observer_0001"]
    assert "a1.jpg" not in files["observer_0002"]
    assert "b1.jpg" in files["observer_0002"]
    assert "AMT1" not in trials.to_csv() + observers.to_csv()


def jspsych(place: Path, name: str = "one.csv", key: str = " ", **more: object) -> Path:
    rows: list[dict[str, object]] = [{"trial_type": "instructions", "stimulus": "", "response": ""}]
    rows += [
        {
            "trial_type": "image-keyboard-response",
            "stimulus": f"img/{image}.jpg",
            "rt": 90 if image == "c" else 400,
            "response": key if image in ORDER[:position] else "null",
            "trial_index": position,
            **more,
        }
        for position, image in enumerate(ORDER)
    ]  # fmt: skip
    return table(place, rows, name)


def test_files_of_jspsych(tmp_path: Path) -> None:
    paths = [jspsych(tmp_path, "one.csv"), jspsych(tmp_path, "two.csv")]
    trials, observers = read_foreign(paths, Layout(), Exclusion())
    assert len(observers) == 2
    one = trials[trials["observer"] == "observer_0001"]
    assert list(one["file"].str[0]) == ORDER
    answered = one[one["repeat"]].assign(image=one["file"].str[0]).set_index("image")["response"]
    # 90 ms after the image is no answer to it.
    assert answered.to_dict() == {"v": True, "a": True, "b": True, "c": False, "d": True}
    assert not one.loc[~one["repeat"], "response"].any()


def test_of_two_keys_one_says_seen(tmp_path: Path) -> None:
    rows = [
        {
            "subject": "s1", "stimulus": f"{image}.jpg", "task": task,
            "response": "j" if image in ORDER[:place] else "f",
        }
        for task, order in (("practice", ["a", "a", "a"]), ("test", ORDER))
        for place, image in enumerate(order)
    ]  # fmt: skip
    path = table(tmp_path, rows)
    with pytest.raises(InputError, match=r"saw .*a\.jpg.* 5 times.*--only"):
        read_foreign([path], Layout(key="j"), Exclusion())
    layout = Layout(key="j", only={"task": "test"})
    trials, _ = read_foreign([path], layout, Exclusion())
    assert list(trials["response"]) == list(trials["repeat"])
    with pytest.raises(InputError, match="no column 'part'"):
        read_foreign([path], Layout(only={"part": "test"}), Exclusion())


def test_exports_of_pavlovia(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"participant": 7, "imageFile": "", "key_resp.keys": "", "trials.thisN": ""}
    ]
    rows += [
        {
            "participant": 7, "imageFile": f"{image}.png", "trials.thisN": place,
            "key_resp.keys": "space" if image in ORDER[:place] else "None",
            "key_resp.rt": 0.05 if image == "b" else 0.4,
            "role": "vig repeat" if image == "v" else "target",
        }
        for place, image in enumerate(ORDER)
    ]  # fmt: skip
    trials, _ = read_foreign([table(tmp_path, rows)], Layout(), Exclusion())
    again = trials[trials["repeat"]].set_index("file")
    assert again["response"].to_dict() == {
        "v.png": True, "a.png": True, "b.png": False, "c.png": True, "d.png": True,
    }  # fmt: skip
    assert again.loc["a.png", "reaction_ms"] == 400
    assert again.loc["v.png", "role"] == "vigilance"


def test_columns_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path, [{"what": "a.jpg", "one.keys": "x", "two.keys": "y"}] * 2)
    with pytest.raises(InputError, match=r"which column holds the image.*--image"):
        read_foreign([path], Layout(), Exclusion())
    with pytest.raises(InputError, match=r"which column holds the key.*--response"):
        read_foreign([path], Layout(image="what"), Exclusion())
    trials, _ = read_foreign([path], Layout(image="what", response="two.keys"), Exclusion())
    assert list(trials["repeat"]) == [False, True]
