"""Scores that memorability is measured by, each named once."""

from collections.abc import Mapping
from dataclasses import dataclass

COUNTS = ("hits", "false_alarms", "responses")

RATES = ("score_uncorrected", "false_alarm_rate")
"""The two rates that memorability is made of: hits and false alarms are sciences of their own."""


@dataclass(frozen=True, kw_only=True)
class ScoreKind:
    """A score of images, which `memorability.memory_game.scoring.score_counts` computes.

    Parameters
    ----------
    column
        Of the image table.
    label
        As readers have it in a table; of `score`, whose unit depends on the data set, without a unit.
    in_a_sentence
        Likewise, in running text.
    needs_counts
        Columns of the score table that it is computed from; none for what every score table has.
    """

    column: str
    label: str
    in_a_sentence: str
    needs_counts: tuple[str, ...] = ()


SCORE_KINDS: Mapping[str, ScoreKind] = {
    kind.column: kind
    for kind in (
        ScoreKind(
            column="score",
            label="memorability",
            in_a_sentence="memorability",
        ),
        ScoreKind(
            column="score_uncorrected",
            label="memorability, hits / responses",
            in_a_sentence="the hit rate",
            needs_counts=("hits", "responses"),
        ),
        ScoreKind(
            column="false_alarm_rate",
            label="false alarms / responses",
            in_a_sentence="the false-alarm rate",
            needs_counts=COUNTS,
        ),
        ScoreKind(
            column="d_prime",
            label="memorability, d′",
            in_a_sentence="sensitivity (d′)",
            needs_counts=COUNTS,
        ),
        ScoreKind(
            column="criterion",
            label="criterion c (higher: fewer “seen before”)",
            in_a_sentence="the response criterion",
            needs_counts=COUNTS,
        ),
    )
}
