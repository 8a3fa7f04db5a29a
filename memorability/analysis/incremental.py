"""What errors and distinctiveness add to labels, to low-level controls and to other predictors.

The table also has what each image feature adds to all others.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from memorability.analysis.distinctiveness import PUBLISHED_MEASURE
from memorability.analysis.gathering import wide_features
from memorability.base.run_keys import METRIC_KEYS, RUN_KEYS
from memorability.prediction.held_out import (
    LABELS,
    Block,
    HeldOut,
    Increment,
    Pair,
    increments,
)
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.multiplicity import holm

LOW_LEVEL, PREDICTORS, FEATURE = "low_level", "predictors", "feature"
"""What others are added to, beside labels: names of blocks, of which the column `beyond` holds some."""

NOTHING = "nothing"
"""What it holds where there are none."""

COLUMNS = [
    "quantity", *METRIC_KEYS, "protocol", "loss", "lr", "beyond", "target", "n", "seeds", "r2_without",
    "r2_with", "difference", "semipartial_r", "ci_low", "ci_high",
    "ci_method", "p", "p_holm", "unit", "clusters",
]  # fmt: skip


def incremental(
    images: pd.DataFrame,
    values: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    controls: pd.DataFrame,
    features: pd.DataFrame,
    predictions: pd.DataFrame,
    target: str,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Return the table `incremental`: what each quantity adds to labels, to controls and to the rest.

    Parameters
    ----------
    images
        The image table.
    values
        As from `memorability.analysis.gathering.from_errors` and `from_distinctiveness`.
    outcomes
        Of all runs, with their keys; without rows where there are none. Diverged runs are left out.
    controls, features
        The tables of these names, without rows where there are none.
    predictions
        The table `head_predictions` of predictors that were made elsewhere, with the column head;
        without rows where there are none.
    target, bootstrap
        See `increments`.

    Returns
    -------
    pandas.DataFrame
        Rows of the table. Errors and distinctiveness, each by itself, stand beyond the labels; beyond
        these and the low-level controls; and beyond all of these and the predictors, as far as the
        study has them. Each feature of Table 2 stands beyond the labels and all other features. p_holm
        is adjusted over the rows of the same quantity beyond the same.
    """
    images = images.reset_index(drop=True)
    ids = pd.Index(images["image_id"])
    labels = [Block(LABELS, np.empty((1, 1, len(ids), 0)))]
    pairs: list[Pair] = []
    if not HeldOut(images, target, bootstrap).labelled:
        labels = []
    ladder: list[tuple[Block, ...]] = [tuple(labels)]
    pairs += [((), block) for block in labels]
    low_level = controls[controls["model"] == ""].rename(columns={"error": "value"})
    elsewhere = predictions.rename(columns={"head": "metric", "predicted": "value"})
    for name, table in ((LOW_LEVEL, low_level), (PREDICTORS, elsewhere)):
        if len(table):
            block = Block(name, _wide(table, ids).to_numpy()[np.newaxis, np.newaxis])
            pairs.append((ladder[-1], block))
            ladder.append((*ladder[-1], block))
    measured = _measured(values, outcomes, ids)
    pairs += [(base, block) for block in measured for base in ladder]
    wide = wide_features(features).reindex(ids)
    single = [
        Block(
            FEATURE,
            column.to_numpy()[np.newaxis, np.newaxis, :, np.newaxis],
            keys={"metric": str(name)},
        )
        for name, column in wide.items()
    ]
    pairs += [
        ((*labels, *(each for each in single if each is not block)), block) for block in single
    ]
    found = increments(pairs, images, target=target, bootstrap=bootstrap)
    table = pd.DataFrame(
        [_row(base, block, one) for (base, block), one in zip(pairs, found, strict=True)],
        columns=[name for name in COLUMNS if name not in ("target", "p_holm")],
    ).assign(target=target)
    table["clusters"] = table["clusters"].astype("Int64")
    table["p_holm"] = table.groupby(["quantity", "beyond"])["p"].transform(holm)
    return table[COLUMNS]


def _row(base: Sequence[Block], block: Block, found: Increment) -> dict[str, Any]:
    """Return what the table says of a pair."""
    interval = found.found.interval
    keys = dict.fromkeys((*METRIC_KEYS, "protocol", "loss"), "") | {"metric": block.name}
    finished = block.measured.any()
    return {
        "quantity": block.name, **keys, **block.keys, "lr": found.option,
        "beyond": ", ".join(dict.fromkeys(each.name for each in base)) or NOTHING,
        "n": found.n, "seeds": block.runs if finished else 0,
        "r2_without": found.without, "r2_with": found.together, "difference": found.difference,
        "semipartial_r": found.semipartial, "ci_low": interval.low,
        "ci_high": interval.high, "ci_method": interval.method if finished else "none (diverged)",
        "p": found.found.p, "unit": found.found.unit, "clusters": found.clusters,
    }  # fmt: skip


def _measured(values: pd.DataFrame, outcomes: pd.DataFrame, ids: pd.Index) -> list[Block]:
    """Return a block per error and per distinctiveness: learning rates are options, seeds are runs.

    Of the learning rates, those remain of which most seeds finished. A block of which none did is
    missing for every image.
    """
    lost = outcomes.loc[outcomes["outcome"] == "diverged", [*RUN_KEYS]].drop_duplicates()
    marked = values.merge(lost, on=[*RUN_KEYS], how="left", indicator="run")
    kept = (marked["quantity"] == "error") | (marked["metric"] == PUBLISHED_MEASURE)
    named = ["quantity", *METRIC_KEYS, "protocol", "loss"]
    blocks = []
    for key, group in marked[kept].groupby(named, sort=False):
        keys = dict(zip(named, map(str, key), strict=True))
        finished = group[group["run"] == "left_only"]
        rates = {str(rate): _wide(rows, ids, "seed") for rate, rows in finished.groupby("lr")}
        most = max((len(wide.columns) for wide in rates.values()), default=0)
        rates = {rate: wide for rate, wide in rates.items() if len(wide.columns) == most}
        missing = np.full((1, 1, len(ids), 1), np.nan)
        runs = [wide.to_numpy().T[:, :, np.newaxis] for wide in rates.values()]
        blocks.append(
            Block(
                keys.pop("quantity"),
                np.stack(runs) if runs else missing,
                tuple(rates) or ("",),
                keys,
            )
        )
    return blocks


def _wide(table: pd.DataFrame, ids: pd.Index, columns: str = "metric") -> pd.DataFrame:
    """Return the values of each image, a column each, in the order of `ids`."""
    wide = table.pivot_table(
        index="image_id", columns=columns, values="value", dropna=False, aggfunc="mean"
    )
    return wide.reindex(ids).astype(np.float64)
