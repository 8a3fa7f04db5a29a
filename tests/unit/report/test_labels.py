"""Names for readers."""

from memorability.prediction.names import HEADS as NAMES
from memorability.report.labels import HEADS


def test_every_head_has_a_label() -> None:
    assert set(HEADS) == set(NAMES)
