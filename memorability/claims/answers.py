"""Our answers to published numbers, gathered from the tables of a study for the ledger."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from memorability.base.run_keys import EXTERNAL, METRIC_KEYS
from memorability.claims.ledger import OWN
from memorability.claims.published import find_claim, load_published
from memorability.statistics.equivalence import fisher_interval

PUBLISHED_POINTS = {1: "decay.epoch_1", 20: "decay.epoch_20"}
"""Epoch -> the published number about it."""


def our_figures(
    correlations: Sequence[pd.DataFrame],
    images: pd.DataFrame,
    *,
    confidence: float,
    protocol: str = "",
    selected_loss: str = "",
    external_claims: Mapping[str, Mapping[str, str]] | None = None,
    metrics: pd.DataFrame | None = None,
    predictions: pd.DataFrame | None = None,
    ceiling: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return everything that a published number can be compared with, as the ledger reads it.

    Parameters
    ----------
    correlations
        The tables `correlations` of several quantities.
    images
        The image table.
    confidence
        Coverage of the intervals.
    protocol
        The protocol whose runs are compared with the paper.
    selected_loss
        The loss of the model whose latents the predictor reads.
    external_claims
        Quantity ("error", "distinctiveness") -> name of a source from elsewhere -> id of the published
        number that it answers.
    metrics, predictions, ceiling
        The tables `prediction_metrics`, `predictions` and `ceiling`, where there are any.

    Returns
    -------
    pandas.DataFrame
        See `memorability.claims.ledger.ledger`.
    """
    keys = ["quantity", *METRIC_KEYS, "protocol", "loss", "target"]
    none = pd.DataFrame(columns=keys, dtype=str)
    table = pd.concat(correlations, ignore_index=True) if correlations else none
    table = table.assign(statistic="spearman", by=OWN, claim="")
    own = table[table["protocol"].isin([protocol, ""])]
    unlike = _other_losses(own)
    parts = [
        _own(own, unlike, selected_loss),
        _external(table[table["protocol"] == EXTERNAL], external_claims or {}),
        _described(images, predictions),
    ]
    if metrics is not None and selected_loss not in unlike:
        parts.append(_predicted(metrics))
    if ceiling is not None and len(ceiling):
        parts.append(_consistency(ceiling, confidence))
    return pd.concat(parts, ignore_index=True)


def _other_losses(table: pd.DataFrame) -> set[str]:
    """Return the losses whose network has other weights than the published ones, random ones above all.

    The published scripts report one minus a distance, too: under that sign it is their loss.
    """
    other = (table["quantity"] == "error") & (table["published"] == "no")
    return set(table.loc[other, "loss"])


def _own(table: pd.DataFrame, unlike: set[str], loss: str) -> pd.DataFrame:
    """Return the study's own correlations, named as published numbers ask for them.

    Nothing that was measured of a run answers if its loss is one of `unlike`. Attributions are those
    of the model of `loss`; of their summaries the mean absolute one answers (docs/method.md says why).
    """
    attribution = table["target"] == "attribution_mean_absolute"
    table = table.assign(target=table["target"].mask(attribution, "attribution"))
    features = table["quantity"] == "feature"
    table.loc[features, "quantity"] = "feature:" + table.loc[features, "metric"]
    return table[~(table["loss"].isin(unlike) | (attribution & (loss in unlike)))]


def _external(table: pd.DataFrame, claims: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return the correlations of sources from elsewhere that answer a published number."""
    sources = list(zip(table["quantity"], table["loss"], strict=True))
    table = table.assign(
        claim=[claims.get(quantity, {}).get(name, "") for quantity, name in sources],
        by=[f"{EXTERNAL} {quantity}: {name}" for quantity, name in sources],
    )
    return table[table["claim"] != ""]


def _predicted(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics of the predictor on unseen images."""
    predicted = metrics[metrics["head"] == "mlp"]
    named = predicted.rename(columns={"metric": "statistic", "value": "r"})
    return _completed(named.assign(quantity="prediction"))


def _described(images: pd.DataFrame, predictions: pd.DataFrame | None) -> pd.DataFrame:
    """Return what describes the data: images, their mean score, and the sizes of the splits."""
    sizes = {} if predictions is None else dict(predictions["split"].value_counts())
    rows = [("count", "images", len(images)), ("mean", "score", images["score"].mean())]
    rows += [("count", f"split:{part}", size) for part, size in sizes.items()]
    table = pd.DataFrame(rows, columns=["statistic", "quantity", "r"])
    return _completed(table.assign(n=len(images), ci_low=math.nan, ci_high=math.nan))


def _consistency(ceiling: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return how well halves of the observers agree, with an interval over images.

    The interval is that of one split; the mean over many varies a little less with the images.
    """
    whole = ceiling.loc[ceiling["method"] == "pooled", ["target", "n", "consistency"]]
    intervals = [
        fisher_interval(r, n, confidence=confidence)
        for r, n in zip(whole["consistency"].tolist(), whole["n"].tolist(), strict=True)
    ]
    table = whole.rename(columns={"consistency": "r"})
    table[["ci_low", "ci_high"]] = intervals
    return _completed(table.assign(statistic="spearman", quantity="consistency"))


def _completed(table: pd.DataFrame) -> pd.DataFrame:
    """Return numbers of the study itself with the columns that they lack."""
    plain = {
        "by": OWN, "claim": "", "metric": "", "loss": "", "selected": True, "target": "score",
        "group": "all", "method": "pooled",
    }  # fmt: skip
    missing: dict[str, Any] = {name: value for name, value in plain.items() if name not in table}
    return table.assign(**missing)


def published_points() -> pd.DataFrame:
    """Return the published points of the curve: epoch, r, ci_low, ci_high."""
    published = load_published()
    found = {epoch: find_claim(published, name) for epoch, name in PUBLISHED_POINTS.items()}
    rows = [(epoch, claim.value, claim.ci_low, claim.ci_high) for epoch, claim in found.items()]
    return pd.DataFrame(rows, columns=["epoch", "r", "ci_low", "ci_high"])


def as_correlations(curve: pd.DataFrame) -> pd.DataFrame:
    """Return a decay curve as rows of the table `correlations`, one quantity per epoch.

    The quantity after epoch k is "error_after_k_epochs", as published numbers ask for it.
    """
    quantity = "error_after_" + curve["epoch"].astype(str) + "_epochs"
    return curve.drop(columns="epoch").assign(quantity=quantity, selected=True)
