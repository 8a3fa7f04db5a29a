"""The grid of runs; the one place where a learning-rate label becomes a number."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from memorability.base.errors import InputError
from memorability.base.run_keys import RUN_KEYS


@dataclass(frozen=True, kw_only=True, order=True)
class Run:
    """One fine-tuning run.

    Parameters
    ----------
    protocol, loss
        Names of the protocol and of the training loss.
    lr
        The learning rate's label exactly as configured ("5e-6"): part of paths and table keys.
    seed
        The run's seed.
    """

    protocol: str
    loss: str
    lr: str
    seed: int

    @property
    def path(self) -> str:
        """Hive partition of the run: protocol=…/loss=…/lr=…/seed=…."""
        return "/".join(f"{key}={getattr(self, key)}" for key in RUN_KEYS)


def previous(run: Run, runs: Sequence[Run]) -> Run | None:
    """Return the run before `run` in the published sweep, None for the first.

    One model passes through all learning rates of the first loss, then through those of the second:
    the order of `grid`, within a protocol and a seed.
    """
    sweep = [other for other in runs if (other.protocol, other.seed) == (run.protocol, run.seed)]
    place = sweep.index(run)
    return sweep[place - 1] if place else None


def learning_rate(label: str) -> float:
    """Return the number that a learning-rate label stands for.

    Raises
    ------
    InputError
        If the label is not a quoted, finite, positive number.
    """
    try:
        rate = float(label)
    except (TypeError, ValueError):
        rate = math.nan
    # Only these characters are found again in a path (rules/common.smk).
    plain = isinstance(label, str) and re.fullmatch("[0-9.e+-]+", label)
    if not plain or not (math.isfinite(rate) and rate > 0):
        raise InputError(
            f"Learning rate {label!r} is not a label of a positive number. "
            'Quote it in the configuration, as in learning_rates: ["5e-6"].'
        )
    return rate


def grid(
    protocols: list[str], losses: list[str], learning_rates: list[str], seeds: list[int]
) -> tuple[Run, ...]:
    """Return every combination, sorted by the given order.

    Raises
    ------
    InputError
        If two learning-rate labels stand for the same number, or a list names something twice.
    """
    named: dict[str, list[Any]] = {
        "protocols": protocols,
        "losses": losses,
        "learning_rates": [learning_rate(label) for label in learning_rates],
        "seeds": seeds,
    }
    for name, values in named.items():
        repeated = [value for value in values if values.count(value) > 1]
        if repeated:
            raise InputError(
                f"{name} names {repeated[0]} more than once, but each run is made once. "
                "Remove the repetition."
            )
    return tuple(
        Run(protocol=protocol, loss=loss, lr=lr, seed=seed)
        for protocol, loss, lr, seed in product(protocols, losses, learning_rates, seeds)
    )
