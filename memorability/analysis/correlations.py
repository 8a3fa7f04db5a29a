"""Per-image quantities, from whatever table they are in, correlated with memorability."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from memorability.analysis.gathering import MODEL_KEYS, from_attributions, from_features
from memorability.base.run_keys import EXTERNAL, METRIC_KEYS
from memorability.statistics.best_rate import best_rate
from memorability.statistics.comparison import compare_correlations, given_controls
from memorability.statistics.decomposition import DETAILS, HOLDS_FOR, correlate, pooled_correlation
from memorability.statistics.intervals import Bootstrap, ratio_interval
from memorability.statistics.multiplicity import benjamini_hochberg, holm
from memorability.statistics.rank_correlation import finished_seeds, spearman
from memorability.statistics.ranks import SMALLEST_SAMPLE

COLUMNS = [
    *MODEL_KEYS, "selected", "rates", "target", "group", "method", "n", "seeds", "diverged", "r",
    "r_seed_sd", "ci_low", "ci_high", "ci_method", "p", "p_holm", "p_bh", *HOLDS_FOR, *DETAILS,
    "ceiling", "ceiling_share", "ceiling_share_low", "ceiling_share_high", "baseline", "baseline_n",
    "baseline_r", "baseline_difference", "baseline_ci_low", "baseline_ci_high", "baseline_unit",
    "beats_baseline",
]  # fmt: skip
ATTRIBUTION = "attribution_"
"""Before the name of an attribution summary where it is a target."""

GIVEN = (
    "r", "control_r", "agreement", "given_control_r", "ci_low", "ci_high", "ci_method", "p", "unit",
    "not_tested", "difference", "difference_ci_low", "difference_ci_high", "difference_p",
)  # fmt: skip
"""Columns of the table `given_controls`: what `statistics.comparison.given_controls` says."""

MOST_DRAWS = 1000
"""Resamples behind an interval given a control: a standard error of 1,000 is known to 2 %."""
# Columns that only selected models have, and their types.
_OPTIONAL: Mapping[str, Any] = DETAILS | {
    "baseline": "str",
    "baseline_n": "Int64",
    "baseline_r": "float64",
    "baseline_difference": "float64",
    "baseline_ci_low": "float64",
    "baseline_ci_high": "float64",
    "baseline_unit": "str",
    "beats_baseline": "str",
}


@dataclass(frozen=True)
class CorrelationSettings:
    """What decides correlations with memorability and their intervals.

    Attributes
    ----------
    target
        Column of the image table: score, or another measure of memorability.
    bootstrap
        Of images, subcategories and seeds.
    """

    target: str
    bootstrap: Bootstrap


def correlations(
    values: pd.DataFrame,
    images: pd.DataFrame,
    outcomes: pd.DataFrame | None = None,
    ceiling: pd.DataFrame | None = None,
    baselines: pd.DataFrame | None = None,
    *,
    target: str,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Correlate every quantity with memorability: pooled, within categories, and between them.

    Parameters
    ----------
    values
        As from the functions above.
    images
        The image table.
    outcomes
        How the runs behind the values ended: protocol, loss, lr, seed, outcome, step. Without it, or
        without rows in it, all finished.
    ceiling
        The table `ceiling`; without it the columns about it are empty.
    baselines
        The table `baselines`; without it the columns about it are empty.
    target
        Column of `images`, see `memorability.memory_game.ceiling.TARGETS`.
    bootstrap
        See `memorability.statistics.decomposition.correlate`.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `correlations`. `selected` marks, among the learning rates of a loss, the best
        by pooled correlation (see `memorability.statistics.best_rate.best_rate`; optimistic, since
        it is chosen on the images that it is reported for), and `rates` is their number. The selected
        ones alone have the detailed rows and columns of
        `memorability.statistics.decomposition.correlate` and are compared with baselines. Seeds that
        diverged do not enter r and are not counted in `seeds`; `diverged` names them, each with its
        step. Where all of them did, r is missing.

        p_holm and p_bh are adjusted over the family of all tests of the table with the same method.
        Values made elsewhere are a family of their own, so that no p of the study's own runs depends on
        what else is correlated.
        ceiling_share is r / ceiling: the correlation with scores without noise (corrected for
        attenuation, C. Spearman, 1904). ceiling_share_low and ceiling_share_high bound its interval,
        made of the intervals of both (see `memorability.statistics.intervals.ratio_interval`). Pooled
        rows are compared with the baseline of the largest |r| among the images that both have:
        baseline (its name), baseline_n, baseline_r, and baseline_difference, |r| − |baseline_r| over
        these images with its paired interval;
        baseline_unit is what that holds for, as unit is for r; beats_baseline is "yes" where the whole
        interval is above 0, "no" where it is not, and empty where nothing was compared. Without rows
        where no image has a value, as of baselines when all images are training images.
    """
    if values.empty:
        return pd.DataFrame(columns=COLUMNS)
    models = [
        _model(dict(zip(MODEL_KEYS, map(str, key), strict=True)), group, outcomes)
        for key, group in values.groupby(MODEL_KEYS, sort=True)
    ]
    chosen = _selected(models, images, target)
    rates = Counter(_but_rate(model) for model in models)
    correlated: dict[int, pd.DataFrame] = {}
    for detailed in (True, False):
        places = [place for place, selected in enumerate(chosen) if selected == detailed]
        of_models = correlate(
            [models[place].table for place in places],
            images,
            target=target,
            bootstrap=bootstrap,
            detailed=detailed,
        )
        correlated |= zip(places, of_models, strict=True)
    parts = []
    for place, (model, selected) in enumerate(zip(models, chosen, strict=True)):
        part = correlated[place].assign(
            **model.keys, seeds=model.seeds, diverged=model.diverged, selected=selected
        )
        part["rates"] = rates[_but_rate(model)]
        if not model.seeds:
            part["ci_method"] = "none (diverged)"
        if selected and baselines is not None and model.keys["quantity"] != "baseline":
            pooled = part["method"] == "pooled"
            found = _beside_baseline(model.table, baselines, images, target, bootstrap)
            part.loc[pooled, list(found)] = list(found.values())
        parts.append(part.reindex(columns=COLUMNS))
    table = pd.concat(parts, ignore_index=True).astype(_OPTIONAL)
    texts = [name for name, kind in _OPTIONAL.items() if kind == "str"]
    table[texts] = table[texts].fillna("")
    for name, adjust in {"p_holm": holm, "p_bh": benjamini_hochberg}.items():
        family = ["method", table["protocol"] == EXTERNAL]
        table[name] = table.groupby(family)["p"].transform(adjust)
    if ceiling is not None:
        keys = ["target", "group", "method"]
        figures = ["ceiling", "ceiling_low", "ceiling_high"]
        table = table.drop(columns="ceiling").merge(ceiling[[*keys, *figures]], on=keys, how="left")
    else:
        table[["ceiling_low", "ceiling_high"]] = np.nan
    table["ceiling"] = table["ceiling"].astype("float64")
    table["ceiling_share"] = table["r"] / table["ceiling"].where(table["ceiling"] > 0)
    both = table[["r", "ci_low", "ci_high", "ceiling", "ceiling_low", "ceiling_high"]]
    table[["ceiling_share_low", "ceiling_share_high"]] = [
        ratio_interval((row[0], row[1], row[2]), (row[3], row[4], row[5]))
        for row in both.to_numpy(dtype=np.float64).tolist()
    ]
    return table[COLUMNS]


@dataclass(frozen=True)
class _Model:
    """The values of one model's finished seeds, of all where none finished, and which diverged."""

    keys: dict[str, str]
    table: pd.DataFrame
    seeds: int
    diverged: str


def _but_rate(model: _Model) -> tuple[str, ...]:
    return tuple(word for key, word in model.keys.items() if key != "lr")


def _model(keys: dict[str, str], group: pd.DataFrame, outcomes: pd.DataFrame | None) -> _Model:
    lost = _diverged(outcomes, keys)
    finished = group[~group["seed"].isin(lost["seed"])]
    named = [
        f"seed {seed} at step {step}" for seed, step in zip(lost["seed"], lost["step"], strict=True)
    ]
    values = group if finished.empty else finished
    return _Model(keys, values, finished["seed"].nunique(), ", ".join(named))


def _selected(models: list[_Model], images: pd.DataFrame, target: str) -> list[bool]:
    """Return which models have the highest pooled correlation among the learning rates of a loss."""
    table = pd.DataFrame([model.keys for model in models]).assign(
        r=[pooled_correlation(model.table, images, target) for model in models],
        diverged=[bool(model.diverged) for model in models],
        selected=False,
    )
    for _, rows in table.groupby([key for key in MODEL_KEYS if key != "lr"]):
        best = best_rate(rows["lr"].to_numpy(), rows["r"].to_numpy(), rows["diverged"].to_numpy())
        table.loc[rows.index[int(best)], "selected"] = True
    return table["selected"].tolist()


def _beside_baseline(
    values: pd.DataFrame,
    baselines: pd.DataFrame,
    images: pd.DataFrame,
    target: str,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Compare values with the strongest of the baselines, among the images that both have."""
    rows = []
    for metric, baseline in baselines.groupby("metric"):
        shared = values[values["image_id"].isin(baseline["image_id"])]
        base = baseline[baseline["image_id"].isin(shared["image_id"])].assign(seed="")
        if not shared.empty:
            r = pooled_correlation(base, images, target)
            rows.append((abs(r), str(metric), r, shared, base))
    defined = [row for row in rows if np.isfinite(row[0])]
    if not defined:
        return {}
    _, metric, base_r, shared, base = max(defined, key=lambda row: row[0])
    own = pooled_correlation(shared, images, target)
    # Turned so that both correlate positively: what is compared is how strong they are.
    found = compare_correlations(
        shared.assign(value=shared["value"] * (-1 if own < 0 else 1)),
        base.assign(value=base["value"] * (-1 if base_r < 0 else 1)),
        images,
        target=target,
        bootstrap=bootstrap,
    )
    if np.isnan(found.ci_low):
        return {}
    return {
        "baseline": metric,
        "baseline_n": found.n,
        "baseline_r": base_r,
        "baseline_difference": found.difference,
        "baseline_ci_low": found.ci_low,
        "baseline_ci_high": found.ci_high,
        "baseline_unit": found.unit,
        "beats_baseline": "yes" if found.ci_low > 0 else "no",
    }


def correlate_attributions(
    features: pd.DataFrame,
    attributions: pd.DataFrame,
    images: pd.DataFrame,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Correlate every feature of Table 2 with every attribution summary of the explained images.

    Parameters
    ----------
    features, attributions, images
        The tables of these names.
    bootstrap
        See `correlations`.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `correlations`, target being "attribution_mean_absolute",
        "attribution_mean_signed" or "attribution_mean_positive"; none where no image has converged.
        p-values are adjusted over the features with the same target and method.
    """
    long = from_attributions(attributions)
    if long.empty:
        return pd.DataFrame(columns=COLUMNS)
    summaries = long.pivot_table(index="image_id", columns="metric", values="value")
    explained = images.merge(summaries.add_prefix(ATTRIBUTION), on="image_id")
    values = from_features(features)
    values = values[values["image_id"].isin(explained["image_id"])]
    parts = [
        correlations(values, explained, target=f"{ATTRIBUTION}{summary}", bootstrap=bootstrap)
        for summary in long["metric"].unique()
    ]
    return pd.concat(parts, ignore_index=True)


def beside_models(models: pd.DataFrame, controls: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Return the correlations of the best models, of errors made elsewhere and of controls, by metric.

    Parameters
    ----------
    models, controls
        The tables `correlations` of quantities error and control.
    protocol
        Protocol of the models.

    Returns
    -------
    pandas.DataFrame
        Rows of all; the model of the best models is "fine_tuned".
    """
    best = models[models["selected"] & (models["protocol"] == protocol)]
    best = best.assign(model="fine_tuned")
    elsewhere = models[models["protocol"] == EXTERNAL]
    return pd.concat([best, elsewhere, controls], ignore_index=True)


def beside_controls(
    errors: pd.DataFrame,
    table: pd.DataFrame,
    controls: pd.DataFrame,
    images: pd.DataFrame,
    *,
    protocol: str,
    target: str,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Return what is left of the best models' correlations once each control is known.

    Parameters
    ----------
    errors
        As from `memorability.analysis.gathering.from_errors`.
    table
        The table `correlations` of the errors, which says which models are the best.
    controls
        As from `memorability.analysis.gathering.from_controls`.
    images
        The image table.
    protocol
        Protocol of the models. Errors made elsewhere are taken as well.
    target, bootstrap
        As in `correlations`; at most `MOST_DRAWS` resamples are drawn.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `given_controls`: of each model (protocol, loss, lr, `METRIC_KEYS` of its
        error) and each control what `memorability.statistics.comparison.given_controls` says; the
        control is control_model, empty of image complexity, and control_metric. An error stands
        beside the controls that are measured in the same metric, and beside complexity. Seeds that
        diverged are left out, and models of which all did. Without rows where no model is left.
    """
    bootstrap = replace(bootstrap, draws=min(bootstrap.draws, MOST_DRAWS))
    best = selected_values(errors, table)
    metrics, names = list(METRIC_KEYS), ["control_model", "control_metric"]
    keys = ["protocol", "loss", "lr", *metrics]
    parts = []
    for key, model in best[best["protocol"].isin([protocol, EXTERNAL])].groupby(keys):
        finished = finished_seeds(model)
        if finished.empty:
            continue
        same = (controls[metrics] == model[metrics].iloc[0]).all(axis=1)
        known = controls[same | (controls["model"] == "")].groupby(["model", "metric"])
        found = given_controls(
            finished,
            {(model_name, metric): rows for (model_name, metric), rows in known},
            images,
            target=target,
            bootstrap=bootstrap,
        )
        found[names] = found.pop("control").tolist()
        parts.append(found.assign(**dict(zip(keys, map(str, key), strict=True)), target=target))
    columns = [*keys, *names, "target", "method", "n", "seeds", *GIVEN]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def own_runs(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table `correlations` that are about the study's own runs."""
    return table[table["protocol"] != EXTERNAL]


def of_values(values: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table `correlations` that are about the models of the values."""
    return table.merge(values[MODEL_KEYS].drop_duplicates(), on=MODEL_KEYS)


def selected_values(values: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the values of the models that a table `correlations` has selected."""
    return values.merge(table.loc[table["selected"], MODEL_KEYS].drop_duplicates(), on=MODEL_KEYS)


def best_learning_rate(
    values: pd.DataFrame, table: pd.DataFrame, loss: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the values and the correlations of a loss at its selected learning rate.

    Parameters
    ----------
    values
        As from `from_errors`; of several protocols the first, in the order of the values, is taken.
    table
        As from `correlations`.
    loss
        Name of the loss.
    """
    rows = table[table["selected"] & (table["loss"] == loss)]
    rows = rows[rows["protocol"] == values["protocol"].iloc[0]]
    return values.merge(rows[MODEL_KEYS].drop_duplicates(), on=MODEL_KEYS), rows


def agreement_of_seeds(errors: pd.DataFrame) -> pd.DataFrame:
    """Return how far every two seeds of a model agree on which images are hard to reconstruct.

    Parameters
    ----------
    errors
        As from `from_errors`. Seeds that diverged are left out.

    Returns
    -------
    pandas.DataFrame
        The keys of the model, first and second (seeds), r (Spearman's, of the errors of all images
        under the two; missing where all errors of a seed are equal), n (images). Without rows where
        no model has two seeds.
    """
    rows = []
    for keys, model in errors.groupby(MODEL_KEYS, sort=False):
        wide = finished_seeds(model).pivot_table(index="image_id", columns="seed", values="value")
        for first, second in combinations(wide.columns, 2):
            pair = wide[[first, second]].dropna()
            varies = len(pair) >= SMALLEST_SAMPLE and (pair.max() > pair.min()).all()
            r = spearman(pair[first], pair[second]) if varies else np.nan
            rows.append((*keys, first, second, r, len(pair)))
    return pd.DataFrame(rows, columns=[*MODEL_KEYS, "first", "second", "r", "n"])


def _diverged(outcomes: pd.DataFrame | None, keys: Mapping[str, str]) -> pd.DataFrame:
    """Return seed and step of the runs of one model that diverged."""
    if outcomes is None or outcomes.empty:
        return pd.DataFrame(columns=["seed", "step"])
    ours = outcomes["outcome"] == "diverged"
    for key in ("protocol", "loss", "lr"):
        ours &= outcomes[key] == keys[key]
    return outcomes.loc[ours, ["seed", "step"]].sort_values("seed")
