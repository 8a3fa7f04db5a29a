"""Sequences against the rules of the game, simulated observers against what was planted in them."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memorability.memory_game.game import Observers, draw_sequence, simulate_trials

IDS = [f"image{i:03d}" for i in range(80)]
ATTENTIVE = Observers(reference_delay=74.0, decay=-0.1, inattentive_share=0.0, lapse_rate=0.0)
MEMORABILITY = np.linspace(0.3, 0.8, len(IDS))
ROLES = pd.Index(["target", "filler", "vigilance"])
FALSE_ALARM_RATE = np.linspace(0.3, 0.0, len(IDS))


def play(responses: int = 8, seed: int = 0, observers: Observers = ATTENTIVE) -> pd.DataFrame:
    return simulate_trials(
        IDS,
        MEMORABILITY,
        FALSE_ALARM_RATE,
        responses=responses,
        observers=observers,
        generator=np.random.default_rng(seed),
    )


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return play(responses=100)


# Sequences


def assert_rules_are_kept(sequence: np.ndarray) -> None:
    """Khosla et al. 2015, section 2.3."""
    positions = [np.flatnonzero(sequence == place) for place in range(108)]
    assert [len(shown) for shown in positions] == [2] * 66 + [1] * 30 + [2] * 12
    assert len(sequence) == 186
    # Counted in showings that lie between the two.
    assert all(35 <= len(range(*shown)) - 1 <= 150 for shown in positions[:66])
    assert all(len(range(*shown)) - 1 <= 7 for shown in positions[96:])


@given(st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None)
def test_any_sequence_keeps_the_rules_of_the_game(seed: int) -> None:
    assert_rules_are_kept(draw_sequence(np.random.default_rng(seed)))


def test_delays_of_targets_cover_the_range_and_average_as_published() -> None:
    generator = np.random.default_rng(0)
    delays = np.array(
        [
            [np.ptp(np.flatnonzero(sequence == place)) - 1 for place in range(66)]
            for sequence in (draw_sequence(generator) for _ in range(60))
        ]
    )
    assert set(delays.ravel()) == set(range(35, 151))
    # Khosla et al. 2015, section 2.3: average delays of images range from 62 to 101.
    by_image = delays.mean(axis=0)
    assert by_image.min() > 62
    assert by_image.max() < 101


def test_every_kind_of_image_may_come_anywhere() -> None:
    generator = np.random.default_rng(1)
    drawn = np.stack([draw_sequence(generator) for _ in range(200)])
    for low, high in ((66, 96), (96, 108)):
        shown = ((drawn >= low) & (drawn < high)).sum(axis=0)
        # At neither end is there room for a vigilance image on both sides.
        assert shown[8:-8].min() > shown[8:-8].mean() / 2
        assert shown.min() > 0


# Observers


def test_every_observer_plays_a_game_of_its_own(trials: pd.DataFrame) -> None:
    assert list(trials.columns) == [
        "observer", "image_id", "role", "position", "repeat", "delay", "response",
    ]  # fmt: skip
    for _, game in trials.groupby("observer"):
        assert game["position"].tolist() == list(range(186))
        images = game.drop_duplicates("image_id").sort_values("role", key=ROLES.get_indexer)
        assert images["role"].value_counts().to_dict() == {
            "target": 66,
            "filler": 30,
            "vigilance": 12,
        }
        places = {name: place for place, name in enumerate(images["image_id"])}
        assert_rules_are_kept(game["image_id"].map(places).to_numpy())


def test_delays_count_the_showings_in_between(trials: pd.DataFrame) -> None:
    assert trials["delay"].isna().equals(~trials["repeat"])
    shown = trials.groupby(["observer", "image_id"])["position"]
    between = shown.transform("max") - shown.transform("min") - 1
    repeats = trials["repeat"]
    assert (trials.loc[repeats, "delay"] == between[repeats]).all()
    assert (trials["position"] == shown.transform("max"))[repeats].all()


@given(st.integers(1, 12))
@settings(max_examples=8, deadline=None)
def test_every_image_gets_the_responses_asked_for_or_one_more(responses: int) -> None:
    played = play(responses)
    targets = played[(played["role"] == "target") & played["repeat"]]
    assert set(targets["image_id"]) == set(IDS)
    assert set(targets["image_id"].value_counts()) <= {responses, responses + 1}
    assert played["observer"].nunique() == -(-80 * responses // 66)


def test_images_are_recognised_as_planted_at_every_delay(trials: pd.DataFrame) -> None:
    repeats = trials[(trials["role"] == "target") & trials["repeat"]]
    truth = repeats["image_id"].map(dict(zip(IDS, MEMORABILITY, strict=True)))
    expected = truth - 0.1 * np.log(repeats["delay"].astype(float) / 74.0)
    for _, chosen in repeats.groupby(pd.cut(repeats["delay"].astype(int), 6)):
        probability = expected[chosen.index]
        spread = np.sqrt((probability * (1 - probability)).sum())
        assert abs(chosen["response"].sum() - probability.sum()) < 4 * spread


def test_false_alarms_are_as_planted(trials: pd.DataFrame) -> None:
    first = trials[(trials["role"] == "target") & ~trials["repeat"]]
    found = first.groupby("image_id")["response"].agg(["sum", "size"])
    low, high = stats.binom.interval(1 - 1e-6, found["size"], FALSE_ALARM_RATE)
    certain = FALSE_ALARM_RATE == 0
    low[certain], high[certain] = 0, 0
    assert found["sum"].between(low, high).all()
    others = trials[(trials["role"] != "target") & ~trials["repeat"]]
    error = np.sqrt(0.15 * 0.85 / len(others))
    assert abs(others["response"].mean() - FALSE_ALARM_RATE.mean()) < 4 * error


def test_attentive_observers_never_miss_a_vigilance_repeat(trials: pd.DataFrame) -> None:
    assert trials.loc[(trials["role"] == "vigilance") & trials["repeat"], "response"].all()


def test_lapses_take_away_responses_of_inattentive_observers_alone() -> None:
    half = Observers(reference_delay=74.0, decay=0.0, inattentive_share=0.5, lapse_rate=0.8)
    played = play(responses=200, observers=half)
    vigilance = played[(played["role"] == "vigilance") & played["repeat"]]
    by_observer = vigilance.groupby("observer")["response"].mean()
    lapsing = by_observer < 1
    assert abs(lapsing.mean() - 0.5) < 4 * np.sqrt(0.25 / len(by_observer))
    assert abs(by_observer[lapsing].mean() - 0.2) < 4 * np.sqrt(0.16 / (12 * lapsing.sum()))
    targets = played[(played["role"] == "target") & played["repeat"]]
    rate = targets.groupby("observer")["response"].mean().groupby(lapsing).mean()
    assert rate[True] / rate[False] == pytest.approx(0.2, abs=0.03)


def test_the_same_generator_gives_the_same_trials() -> None:
    pd.testing.assert_frame_equal(play(2), play(2))
    assert not play(2)["response"].equals(play(2, seed=1)["response"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_ids": IDS[:65]}, "65 image ids"),
        ({"image_ids": [*IDS[:79], IDS[0]]}, "79 of them different"),
        ({"responses": 0}, "0 responses"),
        ({"memorability": MEMORABILITY[1:]}, re.escape("shape (79,)")),
        ({"memorability": MEMORABILITY * 2}, "to 1.6; expected 0 to 1"),
        ({"false_alarm_rate": FALSE_ALARM_RATE - 0.1}, "range from -0.1"),
        ({"false_alarm_rate": FALSE_ALARM_RATE * np.nan}, "nan"),
    ],
)
def test_what_cannot_be_planted_is_refused(changes: dict[str, Any], message: str) -> None:
    given = {
        "image_ids": IDS,
        "memorability": MEMORABILITY,
        "false_alarm_rate": FALSE_ALARM_RATE,
        "responses": 1,
    } | changes
    with pytest.raises(ValueError, match=message):
        simulate_trials(**given, observers=ATTENTIVE, generator=np.random.default_rng(0))
