"""The decay curve: how the correlation of error and memorability changes while training goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from memorability.base.run_keys import METRIC_KEYS
from memorability.statistics.comparison import compare_correlations
from memorability.statistics.decomposition import correlate
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.rank_correlation import finished_seeds, standard_ranks

EPOCH_KEYS = ["protocol", "loss", *METRIC_KEYS, "lr", "epoch"]


DRAWS = 1000
"""Resamples, at most, of which the change since the first epoch is tested."""

_NO_CHANGE: Mapping[str, Any] = {
    "change": np.nan, "change_ci_low": np.nan, "change_ci_high": np.nan, "change_p": np.nan,
    "change_unit": "", "change_seeds": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Decay:
    """Correlations after each epoch of a model's longer run.

    Attributes
    ----------
    curve
        A row per epoch (1-based), group and method: protocol, loss, metric, backbone, sign, lr, epoch
        and the columns of `memorability.statistics.decomposition.correlate`, r being the mean over the
        seeds that had not diverged by then, and seeds their number. In pooled rows after the first
        epoch: change (r less that after the first epoch, over the seeds that finished both, on the same
        images), change_ci_low, change_ci_high, change_p, change_unit (what these hold for) and
        change_seeds (their number); missing elsewhere.
    seeds
        A row per epoch and seed: protocol, loss, metric, backbone, sign, lr, seed, epoch, r (all
        images pooled; NaN where the run had diverged or errors are constant).
    """

    curve: pd.DataFrame
    seeds: pd.DataFrame


def decay_curve(
    errors: pd.DataFrame,
    images: pd.DataFrame,
    *,
    target: str,
    bootstrap: Bootstrap,
) -> Decay:
    """Correlate the errors after each epoch with memorability.

    Parameters
    ----------
    errors
        Columns protocol, loss, lr, seed, epoch, image_id, metric, backbone, sign, error: runs that
        differ in their seed.
    images
        The image table.
    target, bootstrap
        See `memorability.statistics.decomposition.correlate`; every epoch draws the same resamples.

    Returns
    -------
    Decay
        Rows in order of epochs.

    Notes
    -----
    Paper section "Memorable images are harder to reconstruct and more distinct": "the autoencoder was
    trained for up to 20 epochs".
    """
    curve, seeds = [], []
    scores = images.set_index("image_id")[target]
    epochs = [group for _, group in errors.groupby(EPOCH_KEYS, sort=True)]
    of_epochs = [group.rename(columns={"error": "value"}) for group in epochs]
    finished = [finished_seeds(values) for values in of_epochs]
    found = correlate(
        [values if kept.empty else kept for values, kept in zip(of_epochs, finished, strict=True)],
        images,
        target=target,
        bootstrap=bootstrap,
    )
    first: dict[tuple[str, ...], pd.DataFrame] = {}
    for group, kept, part in zip(epochs, finished, found, strict=True):
        run = tuple(group[EPOCH_KEYS[:-1]].iloc[0])
        before = first.setdefault(run, kept)
        changed = _NO_CHANGE
        if before is not kept:
            changed = _change(kept, before, images, target, bootstrap)
        for name, nothing in _NO_CHANGE.items():
            part[name] = [
                changed[name] if method == "pooled" else nothing for method in part["method"]
            ]
        part["seeds"] = kept["seed"].nunique()
        if kept.empty:
            part["ci_method"] = "none (diverged)"
        keys = group[EPOCH_KEYS].drop_duplicates()
        curve.append(keys.merge(part, how="cross"))
        wide = group.pivot_table(index="seed", columns="image_id", values="error", dropna=False)
        wide = wide.reindex(columns=np.sort(group["image_id"].unique()))
        aligned = scores.reindex(wide.columns).to_numpy(dtype=np.float64)
        r = standard_ranks(wide.to_numpy(dtype=np.float64)) @ standard_ranks(aligned)
        by_seed = pd.DataFrame({"seed": wide.index, "r": np.clip(r, -1, 1)})
        seeds.append(keys.merge(by_seed, how="cross"))
    return Decay(pd.concat(curve, ignore_index=True), pd.concat(seeds, ignore_index=True))


def _change(
    values: pd.DataFrame,
    before: pd.DataFrame,
    images: pd.DataFrame,
    target: str,
    bootstrap: Bootstrap,
) -> Mapping[str, Any]:
    """Return the change of r since an epoch before, of the seeds that finished both."""
    both = set(values["seed"]) & set(before["seed"])
    if not both:
        return _NO_CHANGE
    after, earlier = (table[table["seed"].isin(both)] for table in (values, before))
    quick = replace(bootstrap, draws=min(bootstrap.draws, DRAWS))
    found = compare_correlations(
        after, earlier, images, target=target, bootstrap=quick, same_runs=True
    )
    return {
        "change": found.difference,
        "change_ci_low": found.ci_low,
        "change_ci_high": found.ci_high,
        "change_p": found.p,
        "change_unit": found.unit,
        "change_seeds": found.seeds,
    }
