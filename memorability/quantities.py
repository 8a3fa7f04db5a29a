"""Per-image quantities, from whatever table they are in, correlated with memorability."""

from collections.abc import Callable, Mapping

import pandas as pd

from memorability.grid import EXTERNAL, RUN_KEYS
from memorability.statistics import correlate, holm

MODEL_KEYS = ["quantity", "metric", "protocol", "loss", "lr"]
GATHERED = [*MODEL_KEYS, "seed", "image_id", "value"]


def from_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the reconstruction errors after the last epoch as a long table of quantities.

    Parameters
    ----------
    errors
        Columns protocol, loss, lr, seed, epoch, image_id, metric, error.

    Returns
    -------
    pandas.DataFrame
        Columns quantity, metric, protocol, loss, lr, seed, image_id, value; text but for value. Every
        function of this module returns these; keys that do not apply are empty.
    """
    # Errors made elsewhere have one epoch, whatever our runs have.
    last = errors[errors["epoch"] == errors.groupby("protocol")["epoch"].transform("max")]
    return _long(last.rename(columns={"error": "value"}), "error")


def from_distinctiveness(distinctiveness: pd.DataFrame) -> pd.DataFrame:
    """Return distinctiveness by every measure.

    Images without one, as the only image of a category has none within it, are left out.

    Parameters
    ----------
    distinctiveness
        Columns protocol, loss, lr, seed, image_id, metric, distinctiveness.
    """
    table = distinctiveness.drop(columns="value", errors="ignore")
    table = table.rename(columns={"distinctiveness": "value"})
    return _long(table.dropna(subset="value"), "distinctiveness")


def from_features(features: pd.DataFrame) -> pd.DataFrame:
    """Return image features (columns image_id, feature, value); the feature is the metric."""
    return _long(features.rename(columns={"feature": "metric"}), "feature")


def from_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predicted memorability of the test images (columns image_id, split, predicted)."""
    test = predictions[predictions["split"] == "test"].rename(columns={"predicted": "value"})
    return _long(test.assign(metric="mlp"), "prediction")


def from_attributions(attributions: pd.DataFrame) -> pd.DataFrame:
    """Return the attribution summaries of each explained image; the summary is the metric."""
    summaries = ["mean_absolute", "mean_signed", "mean_positive"]
    table = attributions.melt("image_id", summaries, var_name="metric", value_name="value")
    return _long(table, "attribution")


def from_matrix(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return errors under every metric (columns of the table `matrix` and the keys of its run)."""
    return _long(matrix.rename(columns={"error": "value"}), "matrix")


def from_controls(controls: pd.DataFrame) -> pd.DataFrame:
    """Return the controls (columns metric, seed, image_id, error)."""
    return _long(controls.rename(columns={"error": "value"}), "control")


def correlations(
    values: pd.DataFrame,
    images: pd.DataFrame,
    outcomes: pd.DataFrame | None = None,
    *,
    target: str,
    draws: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Correlate every quantity with memorability: pooled, per category, and given the category.

    Parameters
    ----------
    values
        As from the functions above.
    images
        The image table.
    outcomes
        How the runs behind the values ended: protocol, loss, lr, seed, outcome, step. Without it, or
        without rows in it, all finished.
    target
        Column of `images`: score or score_uncorrected.
    draws, confidence, seed
        Of the bootstrap, see `memorability.statistics.correlate`.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `correlations`. `selected` marks, among the learning rates of a loss, the one
        with the highest pooled correlation (the paper's rule; optimistic, since it is chosen on the
        images that it is reported for); one with a diverged seed only where all have one. p_holm is
        adjusted over all pooled rows of the table. Seeds that diverged do not enter r and are not
        counted in `seeds`; `diverged` names them, each with its step. Where all of them did, r is
        missing.
    """
    parts = []
    for key, group in values.groupby(MODEL_KEYS, sort=True):
        keys = dict(zip(MODEL_KEYS, map(str, key), strict=True))
        diverged = _diverged(outcomes, keys)
        finished = group[~group["seed"].isin(diverged["seed"])]
        part = correlate(
            group if finished.empty else finished,
            images,
            target=target,
            draws=draws,
            confidence=confidence,
            seed=seed,
        )
        named = [
            f"seed {seed} at step {step}"
            for seed, step in zip(diverged["seed"], diverged["step"], strict=True)
        ]
        part = part.assign(**keys, seeds=finished["seed"].nunique(), diverged=", ".join(named))
        if finished.empty:
            part["ci_method"] = "none (diverged)"
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    pooled = table["method"] == "pooled"
    # Of equal correlations the lowest learning rate's is the best.
    by_rate = table[pooled].sort_values("lr", key=lambda lr: pd.to_numeric(lr, errors="coerce"))
    # No r at all counts as -2, and with a diverged seed every r is below that.
    order = by_rate["r"].fillna(-2.0) - 4.0 * (by_rate["diverged"] != "")
    best = by_rate.assign(r=order).groupby(["quantity", "metric", "protocol", "loss"])
    chosen = table.loc[best["r"].idxmax(), MODEL_KEYS].apply(tuple, axis=1)
    table["selected"] = table[MODEL_KEYS].apply(tuple, axis=1).isin(set(chosen))
    table["p_holm"] = float("nan")
    table.loc[pooled, "p_holm"] = holm(table.loc[pooled, "p"].to_numpy())
    return table


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
        Rows of all; a model's metric is "trained_<metric>".
    """
    best = models[models["selected"] & (models["protocol"] == protocol)]
    best = best.assign(metric="trained_" + best["metric"])
    elsewhere = models[models["protocol"] == EXTERNAL]
    return pd.concat([best, elsewhere, controls], ignore_index=True)


def own_runs(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table `correlations` that are about the study's own runs."""
    return table[table["protocol"] != EXTERNAL]


def of_values(values: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table `correlations` that are about the models of the values."""
    return table.merge(values[MODEL_KEYS].drop_duplicates(), on=MODEL_KEYS)


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


def _diverged(outcomes: pd.DataFrame | None, keys: Mapping[str, str]) -> pd.DataFrame:
    """Return seed and step of the runs of one model that diverged."""
    if outcomes is None or outcomes.empty:
        return pd.DataFrame(columns=["seed", "step"])
    ours = outcomes["outcome"] == "diverged"
    for key in ("protocol", "loss", "lr"):
        ours &= outcomes[key] == keys[key]
    return outcomes.loc[ours, ["seed", "step"]].sort_values("seed")


def _long(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
    keys = {key: "" for key in RUN_KEYS if key not in table}
    return table.assign(quantity=quantity, **keys)[GATHERED].reset_index(drop=True)


# Quantity -> the table it is in, and how it is taken from there.
SOURCES: Mapping[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "error": ("errors", from_errors),
    "distinctiveness": ("distinctiveness", from_distinctiveness),
    "feature": ("features", from_features),
    "prediction": ("predictions", from_predictions),
    "attribution": ("attributions", from_attributions),
    "matrix": ("matrix", from_matrix),
    "control": ("controls", from_controls),
}
