"""Contradictions of a configuration about the search for a predictor and about other heads."""

from collections.abc import Mapping
from typing import Any

from memorability.errors import InputError
from memorability.labels import HEADS

GRID_SIZE = 14_280
"""Combinations of the published grid, as `memorability.predictions.search` has it."""


def check_search(search: Mapping[str, Any]) -> None:
    """Refuse a space with an empty range, more jobs than trials and more trials than the grid has.

    Raises
    ------
    InputError
        Naming the setting.
    """
    for name in ("layers", "learning_rate", "dropout"):
        low, high = search["space"][name]
        if low > high:
            raise InputError(
                f"prediction.search.space.{name}: the range from {low:g} to {high:g} is empty. Put the "
                "lower end first."
            )
    if search["jobs"] > search["trials"]:
        raise InputError(
            f"prediction.search: {search['jobs']} jobs share {search['trials']} trials. Use at most as "
            "many jobs as trials."
        )
    if search["kind"] == "grid" and search["trials"] > GRID_SIZE:
        raise InputError(
            f"prediction.search.trials: the published grid has {GRID_SIZE:,} combinations, fewer than "
            f"{search['trials']:,}. Lower the number of trials."
        )


def check_heads(external: Mapping[str, Any]) -> None:
    """Refuse predictions from elsewhere under the name of one of the study's own heads.

    Raises
    ------
    InputError
        Naming the first of them.
    """
    taken = sorted(set(external) & set(HEADS))
    if taken:
        raise InputError(
            f"prediction.external: {taken[0]} is the name of one of the study's own heads. Give these "
            "predictions another name."
        )
