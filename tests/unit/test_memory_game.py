"""Scoring by hand, and simulated observers against the probabilities planted in them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memorability.memory_game import score_trials, simulate_trials

IDS = ["a", "b", "c", "d", "e"]
MEMORABILITY = np.array([0.0, 0.35, 0.5, 0.9, 1.0])
FALSE_ALARM_RATE = np.array([1.0, 0.05, 0.5, 0.0, 0.2])


def simulated(observers: int, seed: int = 0) -> pd.DataFrame:
    return simulate_trials(
        IDS,
        MEMORABILITY,
        FALSE_ALARM_RATE,
        observers=observers,
        generator=np.random.default_rng(seed),
    )


def trials(image_id: str, first: list[bool], again: list[bool]) -> pd.DataFrame:
    """Responses to the first showing and to the repeat, an observer each."""
    rows = [(image_id, False, response) for response in first]
    rows += [(image_id, True, response) for response in again]
    return pd.DataFrame(rows, columns=["image_id", "repeat", "response"])


# Scoring


def test_hits_less_false_alarms_are_shared_among_the_repeats() -> None:
    played = pd.concat(
        [
            trials("x", first=[True, False, False, False], again=[True, True, True, False]),
            trials("a", first=[False, False], again=[True, True]),
        ]
    ).sample(frac=1, random_state=0)
    scored = score_trials(played)
    expected = pd.DataFrame(
        {
            "image_id": ["a", "x"],
            "hits": [2, 3],
            "false_alarms": [0, 1],
            "responses": [2, 4],
            "score": [1.0, 0.5],
            "score_uncorrected": [1.0, 0.75],
        }
    )
    pd.testing.assert_frame_equal(scored[expected.columns], expected, check_dtype=False)


def test_more_false_alarms_than_hits_give_a_score_of_zero() -> None:
    scored = score_trials(trials("x", first=[True, True, True], again=[True, False, False]))
    assert scored["score"].tolist() == [0.0]
    assert scored["hits"].tolist() == [1]
    assert scored["false_alarms"].tolist() == [3]
    assert scored["score_uncorrected"].tolist() == [1 / 3]


def test_the_share_is_of_the_repeats_even_if_first_showings_are_more() -> None:
    scored = score_trials(trials("x", first=[True, *[False] * 9], again=[True] * 5))
    assert scored["responses"].tolist() == [5]
    assert scored["score"].tolist() == [0.8]


def test_rows_with_labels_that_repeat_are_counted_once_each() -> None:
    played = pd.concat([simulated(3), simulated(3, seed=1)])
    pd.testing.assert_frame_equal(score_trials(played), score_trials(played.reset_index(drop=True)))


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), min_size=1, max_size=60
    )
)
@settings(max_examples=30, deadline=None)
def test_scoring_agrees_with_counting_one_by_one(rows: list[tuple[str, bool, bool]]) -> None:
    played = pd.DataFrame(rows, columns=["image_id", "repeat", "response"])
    scored = score_trials(played).set_index("image_id")
    assert set(scored.index) == set(played["image_id"])
    for image_id, row in scored.iterrows():
        own = [(repeat, response) for name, repeat, response in rows if name == image_id]
        hits, false_alarms = own.count((True, True)), own.count((False, True))
        repeats = sum(repeat for repeat, _ in own)
        assert (row["hits"], row["false_alarms"], row["responses"]) == (
            hits,
            false_alarms,
            repeats,
        )
        if repeats:
            assert row["score"] == max(0, (hits - false_alarms) / repeats)
            assert row["score_uncorrected"] == hits / repeats


# Simulated observers


def test_every_observer_sees_every_image_once_and_once_again() -> None:
    played = simulated(7)
    assert list(played.columns) == ["observer", "image_id", "repeat", "response"]
    assert played.dtypes[["repeat", "response"]].tolist() == [np.dtype(bool)] * 2
    assert len(played) == 2 * 7 * 5
    assert not played.duplicated(["observer", "image_id", "repeat"]).any()
    assert played["observer"].nunique() == 7
    assert set(played["image_id"]) == set(IDS)


def test_each_image_is_recognised_as_often_as_was_planted() -> None:
    observers = 4000
    scored = score_trials(simulated(observers)).set_index("image_id").loc[IDS]
    assert (scored["responses"] == observers).all()
    for name, probability in (("hits", MEMORABILITY), ("false_alarms", FALSE_ALARM_RATE)):
        # Bounds that a right count leaves once in a million images.
        low, high = stats.binom.interval(1 - 1e-6, observers, probability)
        certain = (probability == 0) | (probability == 1)
        low[certain] = high[certain] = observers * probability[certain]
        assert scored[name].between(low, high).all()


def test_observers_and_showings_are_independent_of_each_other() -> None:
    played = simulated(4000)
    said = played[played["image_id"] == "c"].pivot_table(
        index="observer", columns="repeat", values="response", aggfunc="first"
    )
    correlation = np.corrcoef(said[False].astype(float), said[True].astype(float))[0, 1]
    assert abs(correlation) < 5 / np.sqrt(4000)


def test_responses_follow_the_generator() -> None:
    pd.testing.assert_frame_equal(simulated(4), simulated(4))
    assert not simulated(20)["response"].equals(simulated(20, seed=1)["response"])


@pytest.mark.parametrize("observers", [1, 2])
def test_few_observers_are_enough_for_a_score(observers: int) -> None:
    scored = score_trials(simulated(observers))
    assert scored["score"].between(0, 1).all()
    assert scored["score_uncorrected"].between(0, 1).all()
