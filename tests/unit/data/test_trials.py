"""Single trials of users: a game worked by hand, the simulated game, and the mistakes in tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorability.base.errors import InputError
from memorability.data.trials import read_trials, score_trials
from memorability.memory_game.game import Observers, simulate_trials
from memorability.memory_game.scoring import attentive_trials, count_responses, score_counts
from memorability.tables import store

COLUMNS = {"observer": "who", "file": "picture", "response": "key", "position": "trial"}
# The third observer sees b once. a: 3 hits and 1 false alarm in 3; b: 1 and 1 in 2.
BY_HAND = """who,picture,key,trial,kind
p1,x/a.jpg,0,0,cat
p1,f.jpg,0,1,
p1,x/b.png,1,2,cat
p1,x/a.jpg,1,3,cat
p1,x/b.png,0,4,cat
p2,x/b.png,0,0,cat
p2,x/a.jpg,1,1,cat
p2,x/b.png,1,2,cat
p2,x/a.jpg,1,3,cat
p3,x/a.jpg,0,0,cat
p3,x/b.png,1,1,cat
p3,x/a.jpg,1,2,cat
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "trials.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_game_worked_by_hand(tmp_path: Path) -> None:
    trials, images = read_trials(write(tmp_path, BY_HAND), COLUMNS | {"category": "kind"})
    store.write(trials, tmp_path / "trials.parquet", "trials")
    again = trials[trials["repeat"]]
    assert again["delay"].tolist() == [2, 1, 1, 1, 1]
    assert trials.loc[~trials["repeat"], "delay"].isna().all()
    assert trials["role"].tolist() == ["target", "filler"] + ["target"] * 8 + ["filler", "target"]
    scores = score_trials(trials, images)
    assert scores.to_dict("list") == {
        "file": ["x/a.jpg", "x/b.png"], "category": ["cat", "cat"], "subcategory": ["", ""],
        "hits": [3, 1], "false_alarms": [1, 1], "responses": [3, 2], "score": [2 / 3, 0.0],
    }  # fmt: skip


def test_who_misses_vigilance_repeats_counts_for_nothing(tmp_path: Path) -> None:
    game = [("a", 0, "target"), ("v", 0, "vigilance"), ("v", 1, "vigilance"), ("a", 1, "target")]
    rows = [
        (who, f"{image}.jpg", again, role, response)
        for who, missed in (("awake", False), ("asleep", True))
        for image, again, role in game
        for response in [int(again and not (missed and image == "v"))]
    ]
    table = pd.DataFrame(rows, columns=["who", "picture", "again", "role", "key"])
    path = tmp_path / "trials.parquet"
    table.to_parquet(path)
    columns = {"observer": "who", "file": "picture", "response": "key", "repeat": "again"}
    trials, images = read_trials(path, columns | {"role": "role"})
    assert trials["delay"].isna().all()
    assert score_trials(trials, images)["responses"].tolist() == [1]


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    observers = Observers(reference_delay=74.0, decay=-0.05, inattentive_share=0.2, lapse_rate=0.7)
    return simulate_trials(
        [f"i{k:03d}" for k in range(70)], generator.uniform(0.4, 0.9, 70), np.full(70, 0.1),
        responses=6, observers=observers, generator=generator,
    )  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(
    order=st.randoms(use_true_random=False),
    known=st.sampled_from([("position",), ("repeat", "delay"), ("position", "repeat")]),
    words=st.sampled_from([("1", "0"), ("TRUE", "FALSE"), ("yes", "no")]),
)
def test_the_simulated_game_is_read_as_it_was_played(
    tmp_path_factory: pytest.TempPathFactory,
    simulated: pd.DataFrame,
    order: object,
    known: tuple[str, ...],
    words: tuple[str, str],
) -> None:
    table = simulated.assign(file=simulated["image_id"] + ".png")
    for name in ("repeat", "response"):
        table[name] = np.where(table[name], *words)
    rows = list(range(len(table)))
    if "position" in known:
        order.shuffle(rows)  # type: ignore[attr-defined]
    names = ["observer", "file", "response", "role", *known]
    path = tmp_path_factory.mktemp("simulated") / "trials.csv"
    table.iloc[rows][names].to_csv(path, index=False)
    trials, images = read_trials(path, {name: name for name in names})
    key = ["observer", "position"]
    found = trials.sort_values(key, ignore_index=True)[list(simulated)]
    expected = simulated.sort_values(key, ignore_index=True)
    # Vigilance images and fillers are what they were; so is each target, which came again.
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    counts = score_counts(count_responses(attentive_trials(simulated)))
    scores = score_trials(trials, images)
    assert scores["score"].tolist() == counts["score"].tolist()
    assert scores["file"].tolist() == (counts["image_id"] + ".png").tolist()


@pytest.mark.parametrize(
    ("line", "other", "columns", "message"),
    [
        (4, "p1,x/b.png,,2,cat", {}, r"column 'key': neither yes nor no \(line 4: ''\).*write 0"),
        (4, "p1,x/b.png,old,2,cat", {}, r"neither yes nor no \(line 4: 'old'\)"),
        (4, "p1,x/b.png,1,1,cat", {}, r"two showings at one position \(line 3: '1', line 4: '1'\)"),
        (4, "p1,x/b.png,1,1.5,cat", {}, r"no position \(line 4: '1.5'\)"),
        (4, "p1,x/a.jpg,1,2,cat", {}, "more than once again .line 4: 'x/a.jpg', line 5: 'x/a.jpg'"),
        (2, "p1,,0,0,cat", {}, r"empty file name \(line 2"),
        (2, ",x/a.jpg,0,0,cat", {}, r"empty label \(line 2"),
        (2, "P1,x/a.jpg,0,0,cat", {}, r"'P1' \(1 rows, the first in line 2\) and 'p1'"),
        (5, "p1,x/a.jpg,1,3,dog", {}, r"'x/a' has 2 of one \(line 2: 'cat', line 5: 'dog'\)"),
        (5, "p1,x/a.jpg,1,3,Cat", {}, r"'cat' .* and 'Cat' .* differ only in letter case"),
        (5, "p1,x/a.png,1,3,cat", {}, r"'x/a' has 2 of one \(line 2: 'x/a.jpg', line 5: 'x/a.png'"),
        (2, BY_HAND.splitlines()[1], {"role": "kind"}, "no role"),
        (2, BY_HAND.splitlines()[1], {"repeat": "again"}, "no column 'again'"),
    ],
)
def test_mistakes_are_named_by_their_lines(
    tmp_path: Path, line: int, other: str, columns: dict[str, str], message: str
) -> None:
    lines = BY_HAND.splitlines()
    lines[line - 1] = other
    with pytest.raises(InputError, match=message):
        read_trials(write(tmp_path, "\n".join(lines)), COLUMNS | {"category": "kind"} | columns)


def test_a_repeat_of_what_was_never_seen_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "who,picture,key,again\np1,a.jpg,1,1\np1,b.jpg,0,0\n")
    columns = {"observer": "who", "file": "picture", "response": "key", "repeat": "again"}
    with pytest.raises(InputError, match=r"line 2: the image 'a.jpg' is shown again .* before"):
        read_trials(path, columns)


def test_trials_without_a_repeat_score_nothing(tmp_path: Path) -> None:
    trials, images = read_trials(
        write(tmp_path, "who,picture,key,trial\np1,a.jpg,0,1\np2,a.jpg,0,1\n"), COLUMNS
    )
    with pytest.raises(InputError, match="no target that one attentive observer saw twice"):
        score_trials(trials, images)
