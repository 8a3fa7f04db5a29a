"""Our answers to published numbers, gathered from the tables of a study for the ledger."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from memorability.base.run_keys import EXTERNAL, METRIC_KEYS
from memorability.claims.ledger import OWN, TEST_PART
from memorability.claims.published import find_claim, load_published
from memorability.images.data_sets import DATA_SETS
from memorability.statistics.equivalence import SMALLEST, fisher_interval, image_error

PUBLISHED_POINTS = {1: "decay.epoch_1", 20: "decay.epoch_20"}
"""Epoch -> the published number about it."""

READINGS: Mapping[str, str] = {
    "attribution_mean_signed": "mean of signed values",
    "attribution_mean_absolute": "mean of absolute values",
    "attribution_mean_positive": "mean of positive values",
}
"""Summary of attributions -> what the paper's "average attribution" would be. It does not say which."""


PUBLISHED, HIT_RATE = "published", "score_uncorrected"
"""In the table `test_sets`: of predictors that are not fitted here; the score without correction."""

STAND_INS: Mapping[str, str] = {
    f"alexnet_fc{layer}_svr": f"hybrid_cnn_fc{layer}_svr" for layer in (6, 7, 8)
}
"""Predictor of pixels -> the published one for which it answers where the study does not have that."""

NETWORKS: Mapping[str, str] = {
    **dict.fromkeys(
        STAND_INS,
        "ours is a layer of torchvision's AlexNet, the published one of Hybrid-CNN",
    ),
    **dict.fromkeys(
        STAND_INS.values(),
        "the study names the file of Hybrid-CNN; how the published one prepared images is not known",
    ),
    "memnet_trained": "the published network started from Hybrid-CNN, ours where the study names its "
    "file",
}
"""Predictor of pixels -> in what it differs from the published one of this place, in words."""


def our_figures(
    correlations: Sequence[pd.DataFrame],
    images: pd.DataFrame,
    *,
    confidence: float,
    protocol: str = "",
    selected_loss: str = "",
    external_claims: Mapping[str, Mapping[str, str]] | None = None,
    seeded: bool = True,
    published_split: bool = False,
    tested: pd.DataFrame | None = None,
    share_converged: float = math.nan,
    metrics: pd.DataFrame | None = None,
    predictions: pd.DataFrame | None = None,
    ceiling: pd.DataFrame | None = None,
    test_sets: pd.DataFrame | None = None,
    test_set_kinds: Mapping[str, str] | None = None,
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
    seeded
        Whether a seed changes anything in the runs of the protocol. Where it does not, no training is
        left to chance.
    published_split
        Whether the test images are those of the paper. Features then answer on these images.
    tested
        The correlations of the features on the test images, rows of the table `correlations`.
    share_converged
        Share of the explained images whose attributions have converged; NaN where none was explained.
    metrics, predictions, ceiling
        The tables `prediction_metrics`, `predictions` and `ceiling`, where there are any.
    test_sets
        The table of this name, where there is one.
    test_set_kinds
        Its sets -> the kinds of their data sets, the study's own first.

    Returns
    -------
    pandas.DataFrame
        See `memorability.claims.ledger.ledger`.
    """
    keys = ["quantity", *METRIC_KEYS, "protocol", "loss", "target", "seeds", "r_seed_sd"]
    none = pd.DataFrame(columns=keys, dtype=str)
    table = pd.concat(correlations, ignore_index=True) if correlations else none
    table = table.assign(part="all")
    if published_split:
        table["part"] = table["part"].mask(table["target"].isin(READINGS), TEST_PART)
        if tested is not None:
            table = table[(table["quantity"] != "feature") | (table["part"] == TEST_PART)]
            table = pd.concat([table, tested.assign(part=TEST_PART)], ignore_index=True)
    table = table.assign(statistic="spearman", by=OWN, claim="", repeated="seeds")
    own = table[table["protocol"].isin([protocol, ""])]
    unlike = _other_losses(own)
    parts = [
        _own(own, unlike, selected_loss, seeded=seeded, converged=share_converged),
        _external(table[table["protocol"] == EXTERNAL], external_claims or {}),
        _described(images, predictions),
    ]
    if metrics is not None and selected_loss not in unlike:
        parts.append(_predicted(metrics, published_split=published_split))
    if ceiling is not None and len(ceiling):
        parts.append(_consistency(ceiling, confidence))
    if test_sets is not None:
        parts.append(_on_test_sets(test_sets, test_set_kinds or {}))
    return pd.concat([_completed(part) for part in parts], ignore_index=True)


def _other_losses(table: pd.DataFrame) -> set[str]:
    """Return the losses whose network has other weights than the published ones, random ones above all.

    The published scripts report one minus a distance, too: under that sign it is their loss.
    """
    other = (table["quantity"] == "error") & (table["published"] == "no")
    return set(table.loc[other, "loss"])


def _own(
    table: pd.DataFrame, unlike: set[str], loss: str, *, seeded: bool, converged: float
) -> pd.DataFrame:
    """Return the study's own correlations, named as published numbers ask for them.

    Nothing that was measured of a run answers if its loss is one of `unlike`. Attributions are those
    of one predictor on the model of `loss`; each of their summaries answers by its reading.
    """
    attribution, features = table["target"].isin(READINGS), table["quantity"] == "feature"
    trained = ~features & seeded
    table = table.assign(
        reading=table["target"].map(READINGS).fillna(""),
        target=table["target"].mask(attribution, "attribution"),
        quantity=table["quantity"].mask(features, "feature:" + table["metric"]),
        share_converged=attribution.map({True: converged}).astype("float64"),
        repeats=table["seeds"].where(trained, 0).mask(attribution, 1),
        repeat_sd=table["r_seed_sd"],
    )
    if converged < 1:
        words = f"the attributions of {converged:.0%} of the images have converged"
        table["remark"] = _remarks(table).mask(attribution, words)
    return table[~(table["loss"].isin(unlike) | (attribution & (loss in unlike)))]


def _remarks(table: pd.DataFrame) -> "pd.Series[str]":
    none = pd.Series("", index=table.index)
    return table["remark"].fillna("") if "remark" in table else none


def _external(table: pd.DataFrame, claims: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return the correlations of sources from elsewhere that answer a published number."""
    sources = list(zip(table["quantity"], table["loss"], strict=True))
    table = table.assign(
        claim=[claims.get(quantity, {}).get(name, "") for quantity, name in sources],
        by=[f"{EXTERNAL} {quantity}: {name}" for quantity, name in sources],
        repeats=1,
    )
    return table[table["claim"] != ""]


def _predicted(metrics: pd.DataFrame, *, published_split: bool) -> pd.DataFrame:
    """Return the metrics of the predictor, which is one run, on unseen images."""
    predicted = metrics[metrics["head"] == "mlp"]
    named = predicted.rename(columns={"metric": "statistic", "value": "r"})
    part = TEST_PART if published_split else "all"
    return named.assign(quantity="prediction", part=part, repeats=1)


def _on_test_sets(table: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return r of predictors of pixels that were fitted to a published data set, on others or itself.

    Of several sets of one kind the first answers. LaMem's score is taken for the hit rate. A fit
    answers where it is to the score that it is compared with.
    """
    trained = next(iter(kinds.values()))
    first = {kind: name for name, kind in [*kinds.items()][::-1] if kind in DATA_SETS}
    table = table[table["set"].isin(first.values()) & (table["fitted_to"] != PUBLISHED)]
    kind = table["set"].map(dict(kinds))
    heads = set(table["head"])
    answered = {own: other for own, other in STAND_INS.items() if other not in heads}
    target = table["target"].mask((kind == "lamem") & (table["target"] == "score"), HIT_RATE)
    fitted_to = table["fitted_to"]
    if trained == "lamem":
        fitted_to = fitted_to.mask(fitted_to == "score", HIT_RATE)
    answers = table.assign(
        statistic="spearman", quantity=f"pixels from {trained} to " + kind,
        metric=table["head"].replace(answered), target=target, data_set=kind, repeats=1,
        remark=table["head"].map(NETWORKS).fillna(""),
    )  # fmt: skip
    return answers[target == fitted_to]


def _described(images: pd.DataFrame, predictions: pd.DataFrame | None) -> pd.DataFrame:
    """Return what describes the data: images, their mean score, and the sizes of the splits."""
    sizes = {} if predictions is None else dict(predictions["split"].value_counts())
    rows = [("count", "images", len(images)), ("mean", "score", images["score"].mean())]
    rows += [("count", f"split:{part}", size) for part, size in sizes.items()]
    table = pd.DataFrame(rows, columns=["statistic", "quantity", "r"])
    return table.assign(n=len(images), ci_low=math.nan, ci_high=math.nan)


def _consistency(ceiling: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return how well halves of the observers agree, with an interval over images.

    The interval is that of one division; the mean over many varies a little less with the images. On
    the same images and responses, chance decides the divisions alone.
    """
    columns = ["target", "n", "divisions", "consistency", "consistency_sd"]
    whole = ceiling.loc[ceiling["method"] == "pooled", columns]
    intervals = [
        fisher_interval(r, image_error(r, n), confidence=confidence) if n >= SMALLEST
        else (math.nan, math.nan)
        for r, n in zip(whole["consistency"].tolist(), whole["n"].tolist(), strict=True)
    ]  # fmt: skip
    table = whole.rename(columns={"consistency": "r", "consistency_sd": "repeat_sd"})
    table[["ci_low", "ci_high"]] = intervals
    return table.assign(
        statistic="spearman",
        quantity="consistency",
        repeats=table["divisions"],
        repeated="divisions of the responses",
    )


def _completed(table: pd.DataFrame) -> pd.DataFrame:
    """Return numbers of the study itself with the columns that they lack."""
    plain = {
        "by": OWN, "claim": "", "reading": "", "metric": "", "loss": "", "selected": True,
        "target": "score", "group": "all", "method": "pooled", "part": "all", "repeats": 0,
        "repeated": "", "repeat_sd": math.nan, "share_converged": math.nan, "remark": "",
        "data_set": "",
    }  # fmt: skip
    missing: dict[str, Any] = {name: value for name, value in plain.items() if name not in table}
    table = table.assign(**missing).astype({"repeats": int})
    return table.fillna({"remark": ""})


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
    remark = [
        f"since the first epoch ours changes by {change:.3f} ({low:.3f} to {high:.3f} for new {unit})"
        if math.isfinite(low) else ""
        for change, low, high, unit in zip(
            *(curve[f"change{name}"] for name in ("", "_ci_low", "_ci_high", "_unit")), strict=True
        )
    ]  # fmt: skip
    kept = curve.loc[:, ~curve.columns.str.startswith("change")].drop(columns="epoch")
    return kept.assign(quantity=quantity, selected=True, remark=remark)
