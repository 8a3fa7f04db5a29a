"""The registry of scores, against what computes, keeps and halves them."""

import pandas as pd

from memorability.data.scores import FROM_COUNTS
from memorability.memory_game.ceiling import TARGETS
from memorability.memory_game.score_kinds import COUNTS, SCORE_KINDS
from memorability.memory_game.scoring import score_counts
from memorability.tables.store import SCHEMAS


def test_every_kind_is_computed_kept_and_halved_and_no_other() -> None:
    counts = pd.DataFrame({"hits": [3], "false_alarms": [1], "responses": [4]})
    assert [*score_counts(counts).columns.difference(counts.columns)] == sorted(SCORE_KINDS)
    assert [*SCORE_KINDS] == [*TARGETS]
    assert set(SCHEMAS["images"][1].columns) >= {*SCORE_KINDS, *COUNTS}


def test_what_needs_all_counts_is_computed_only_from_tables_with_them() -> None:
    needing_all = [name for name, kind in SCORE_KINDS.items() if kind.needs_counts == COUNTS]
    assert needing_all == [*FROM_COUNTS]
