"""Scores against counts: what agrees, and which mistake is named where they do not."""

import numpy as np
import pytest

from memorability.memory_game.count_checks import contradiction, likely_cause

# hits, false alarms, responses of four images
COUNTS = np.array([[30, 22, 35, 28], [3, 5, 1, 8], [44, 50, 61, 47]], dtype=float)
HITS, FALSE_ALARMS, RESPONSES = COUNTS
CORRECTED = (HITS - FALSE_ALARMS) / RESPONSES


@pytest.mark.parametrize("score", [CORRECTED, HITS / RESPONSES])
def test_either_convention_agrees_in_all_rows(score: np.ndarray) -> None:
    assert contradiction(COUNTS, score, 1e-6) is None
    assert contradiction(COUNTS, score.round(2), 0.005 + 1e-9) is None


def test_rows_of_both_conventions_contradict_each_other() -> None:
    mixed = CORRECTED.copy()
    mixed[1] = HITS[1] / RESPONSES[1]
    found = contradiction(COUNTS, mixed, 1e-6)
    assert found is not None
    assert found.rows.tolist() == [1]
    assert found.convention == "(hits − false alarms) / responses"
    assert found.recomputed[1] == pytest.approx(17 / 50)
    assert found.cause == ""


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ([1, 0, 2], "hits and false alarms seem to be exchanged"),
        ([2, 1, 0], "hits and responses seem to be exchanged"),
        ([0, 2, 1], "false alarms and responses seem to be exchanged"),
        ([1, 2, 0], "hits, false alarms and responses seem to be exchanged"),
        ([2, 0, 1], "hits, false alarms and responses seem to be exchanged"),
    ],
)
def test_every_exchange_is_recognised(order: list[int], words: str) -> None:
    assert likely_cause(COUNTS[order], CORRECTED, 1e-6, own_share=0.0) == words


@pytest.mark.parametrize(
    ("score", "words"),
    [
        ((HITS - FALSE_ALARMS) / (HITS + FALSE_ALARMS), "hits + false alarms"),
        ((HITS - FALSE_ALARMS) / 80, "80 in all rows"),
        ((HITS - FALSE_ALARMS) / (2 * RESPONSES), "2 times the responses"),
        (HITS / 64, "64 in all rows"),
    ],
)
def test_another_denominator_is_named(score: np.ndarray, words: str) -> None:
    found = contradiction(COUNTS, score, 1e-6)
    assert found is not None
    assert found.cause == f"the score seems to be divided by {words}, not by the responses"


def test_of_no_rows_nothing_is_likely() -> None:
    assert likely_cause(np.empty((3, 0)), np.empty(0), 1e-6, own_share=0.0) == ""
