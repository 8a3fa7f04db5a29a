"""How far each choice of a protocol moves the correlation of error with memorability."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import combinations

import pandas as pd

from memorability.base.run_keys import METRIC_KEYS
from memorability.statistics.comparison import compare_correlations
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.rank_correlation import finished_seeds

Choices = Mapping[str, str | bool]


def protocol_effects(
    values: pd.DataFrame,
    images: pd.DataFrame,
    protocols: Mapping[str, Choices],
    *,
    target: str,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Compare runs of two protocols, loss by loss and learning rate by learning rate.

    Parameters
    ----------
    values
        As from `memorability.analysis.gathering.from_errors`.
    images
        The image table.
    protocols
        Protocol -> its choices, in the order of the study.
    target, bootstrap
        As in `memorability.statistics.comparison.compare_correlations`.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `protocol_effects`: of every two protocols that differ in one choice, and of
        the first with each that differs from it in several, named in one row with commas. The
        protocol that the study lists earlier is the base. Seeds that diverged leave the mean to the
        others; where all did, nothing is defined. unit: what interval and p hold for. training: "drawn"
        where both sides have several seeds; with one seed on a side "not known": the difference cannot
        be told from that of two seeds of one protocol, whatever its p.
    """
    runs, rows = {}, []
    for key, run in values.groupby(["protocol", "loss", "lr"]):
        finished = finished_seeds(run)
        runs[key] = run if finished.empty else finished
    for base, other in _pairs(protocols):
        differing = _differing(protocols[base], protocols[other])
        described = {
            "choice": ", ".join(differing),
            "value": _words(protocols[other], differing),
            "base_value": _words(protocols[base], differing),
            "protocol": other,
            "base_protocol": base,
        }
        for (protocol, loss, lr), theirs in runs.items():
            ours = runs.get((other, loss, lr))
            if protocol != base or ours is None:
                continue
            found = compare_correlations(ours, theirs, images, target=target, bootstrap=bootstrap)
            measured = {key: ours[key].iloc[0] for key in METRIC_KEYS}
            measured["base_sign"] = theirs["sign"].iloc[0]
            training = "drawn" if min(found.seeds, found.base_seeds) > 1 else "not known"
            rows.append(
                described
                | {"loss": loss, "lr": lr, "target": target}
                | measured
                | asdict(found)
                | {"training": training}
            )
    return pd.DataFrame(rows)


def _pairs(protocols: Mapping[str, Choices]) -> Iterator[tuple[str, str]]:
    first = next(iter(protocols))
    for base, other in combinations(protocols, 2):
        count = len(_differing(protocols[base], protocols[other]))
        if count == 1 or (count > 1 and base == first):
            yield base, other


def _differing(base: Choices, other: Choices) -> list[str]:
    return [choice for choice in base if base[choice] != other[choice]]


def _words(protocol: Choices, choices: list[str]) -> str:
    # As in a protocol's file, where truth values are lower case.
    return ", ".join(
        str(protocol[choice]).replace("True", "true").replace("False", "false")
        for choice in choices
    )
