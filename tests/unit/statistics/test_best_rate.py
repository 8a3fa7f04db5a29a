"""The best learning rate: by hand, and as a search through all of them finds it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.statistics.best_rate import best_rate

NAN = float("nan")
RATES = ["0.1", "5e-6", "1e-5"]


@pytest.mark.parametrize(
    ("r", "diverged", "expected"),
    [
        ([0.1, 0.2, 0.3], [False, False, False], "1e-5"),
        ([-0.1, -0.2, -0.3], [False, False, False], "0.1"),
        # Of equal ones the lowest learning rate, though neither the first nor the first by its label.
        ([0.2, 0.2, 0.2], [False, False, False], "5e-6"),
        ([0.3, 0.1, 0.3], [False, False, False], "1e-5"),
        # A learning rate with a diverged seed loses to all others, even to one without a correlation.
        ([0.9, -0.8, 0.9], [True, False, True], "5e-6"),
        ([0.9, NAN, 0.9], [True, False, True], "5e-6"),
        # Where all have one, the seeds that finished decide.
        ([0.1, NAN, 0.2], [True, True, True], "1e-5"),
        # No correlation is less than the least.
        ([NAN, NAN, -1.0], [False, False, False], "1e-5"),
        ([NAN, NAN, NAN], [False, False, False], "5e-6"),
    ],
)
def test_the_rule_by_hand(r: list[float], diverged: list[bool], expected: str) -> None:
    assert RATES[int(best_rate(RATES, np.array(r), np.array(diverged)))] == expected


def test_what_was_not_trained_has_no_learning_rate_and_is_the_best_of_itself() -> None:
    assert best_rate([""], np.array([NAN]), np.array([False])) == 0


@given(st.data())
def test_many_choices_at_once_are_those_of_a_search_through_each(data: st.DataObject) -> None:
    rates = data.draw(st.lists(st.sampled_from(["1e-6", "2e-6", "1e-5", "0.01", "1"]), min_size=1,
                               unique=True))  # fmt: skip
    some_r = st.sampled_from([NAN, -1.0, -0.5, 0.0, 0.5, 1.0])
    count = len(rates)
    rows = data.draw(st.lists(st.lists(some_r, min_size=count, max_size=count), max_size=4))
    diverged = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))

    def standing(row: list[float], place: int) -> tuple[bool, bool, float, float]:
        missing = math.isnan(row[place])
        return not diverged[place], not missing, 0 if missing else row[place], -float(rates[place])

    expected = [max(range(count), key=lambda place: standing(row, place)) for row in rows]
    found = best_rate(rates, np.reshape(rows, (len(rows), count)), np.array(diverged))
    np.testing.assert_array_equal(found, expected)
