"""Gather a quantity of every image from whatever table holds it, in the one form that is correlated."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from memorability.base.run_keys import METRIC_KEYS, RUN_KEYS
from memorability.features.names import TABLE_2, TWO_PARTS, VARIANTS_OF

MODEL_KEYS = ["quantity", *METRIC_KEYS, "model", "protocol", "loss", "lr"]
SHOWN = 6
"""Images that are shown of the best, and of the worst, reconstructions."""

GATHERED = [*MODEL_KEYS, "seed", "image_id", "value"]


def from_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the reconstruction errors after the last epoch as a long table of quantities.

    Parameters
    ----------
    errors
        Columns protocol, loss, lr, seed, epoch, image_id, metric, backbone, sign, error.

    Returns
    -------
    pandas.DataFrame
        Columns quantity, metric, backbone, sign, model, protocol, loss, lr, seed, image_id, value; text
        but for value. Every function of this module returns these; keys that do not apply are empty.
        The model is empty, too, where protocol, loss, lr and seed say which one it is.
    """
    # Errors made elsewhere have one epoch, whatever our runs have.
    last = errors[errors["epoch"] == errors.groupby("protocol")["epoch"].transform("max")]
    return _long(last.rename(columns={"error": "value"}), "error")


def best_and_worst(errors: pd.DataFrame) -> pd.DataFrame:
    """Return the images that one run reconstructs best and worst.

    Parameters
    ----------
    errors
        Columns image_id and value of one run, as from `from_errors`; missing values are left out.

    Returns
    -------
    pandas.DataFrame
        image_id, value, and kind ("best", "worst"), of `SHOWN` images of either kind, or half of
        the images: the best from the smallest error on, then the worst from the largest
        on. Of equal errors the first image_id comes first.
    """
    ordered = errors[["image_id", "value"]].dropna().sort_values(["value", "image_id"])
    count = min(SHOWN, len(ordered) // 2)
    worst = ordered.sort_values(["value", "image_id"], ascending=[False, True])
    kinds = {"best": ordered, "worst": worst}
    parts = [rows.head(count).assign(kind=kind) for kind, rows in kinds.items()]
    return pd.concat(parts, ignore_index=True)


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
    """Return the image features of Table 2 (columns image_id, feature, value).

    The feature is the metric. Its other readings are a quantity of their own, so that the number of
    readings does not enter the adjustment of the p-values of Table 2.
    """
    return _named_features(features, TABLE_2, "feature")


def from_variants(features: pd.DataFrame) -> pd.DataFrame:
    """Return the other readings of image features (columns as in `from_features`).

    Features that are 0 where nothing is found are also read in two parts: whether something is found,
    and their value among the images where something is.
    """
    parts = [features]
    for feature, (found, where_found) in TWO_PARTS.items():
        rows = features[features["feature"] == feature]
        shown = rows["value"] > 0
        parts.append(rows.assign(feature=found, value=shown.astype(float)))
        parts.append(rows[shown].assign(feature=where_found))
    names = [*VARIANTS_OF, *(part for of_feature in TWO_PARTS.values() for part in of_feature)]
    return _named_features(pd.concat(parts, ignore_index=True), names, "variant")


def wide_features(features: pd.DataFrame) -> pd.DataFrame:
    """Return those features of Table 2 that were measured, a column each in its order, by image_id."""
    wide = from_features(features).pivot_table(index="image_id", columns="metric", values="value")
    return wide[[name for name in TABLE_2 if name in wide]]


def _named_features(features: pd.DataFrame, names: Iterable[str], quantity: str) -> pd.DataFrame:
    chosen = features[features["feature"].isin(list(names))]
    return _long(chosen.rename(columns={"feature": "metric"}), quantity)


def from_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predicted memorability of the test images (columns image_id, split, predicted)."""
    test = predictions[predictions["split"] == "test"].rename(columns={"predicted": "value"})
    return _long(test.assign(metric="mlp"), "prediction")


def from_attributions(attributions: pd.DataFrame) -> pd.DataFrame:
    """Return the attribution summaries of the drawn images whose attributions have converged.

    Others do not add up to the prediction. `attributions` has the columns drawn, converged, image_id
    and the summaries; the summary is the metric.
    """
    summaries = ["mean_absolute", "mean_signed", "mean_positive"]
    kept = attributions["drawn"] & attributions["converged"]
    table = attributions[kept].melt("image_id", summaries, var_name="metric", value_name="value")
    return _long(table, "attribution")


def share_converged(attributions: pd.DataFrame | None) -> float:
    """Return which share of the drawn images has attributions that converged, NaN of no image."""
    if attributions is None:
        return np.nan
    return float(attributions.loc[attributions["drawn"], "converged"].mean())


def from_matrix(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return errors under every metric (columns of the table `matrix` and the keys of its run)."""
    return _long(matrix.rename(columns={"error": "value"}), "matrix")


def from_controls(controls: pd.DataFrame) -> pd.DataFrame:
    """Return the controls (columns of the table `controls`)."""
    return _long(controls.rename(columns={"error": "value"}), "control")


def from_baselines(baselines: pd.DataFrame) -> pd.DataFrame:
    """Return the label-only baselines (columns metric, image_id, value)."""
    return _long(baselines, "baseline")


def _long(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
    keys = {key: "" for key in (*METRIC_KEYS, "model", *RUN_KEYS) if key not in table}
    return table.assign(quantity=quantity, **keys)[GATHERED].reset_index(drop=True)


# Quantity -> the table it is in, and how it is taken from there.
SOURCES: Mapping[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "error": ("errors", from_errors),
    "distinctiveness": ("distinctiveness", from_distinctiveness),
    "feature": ("features", from_features),
    "variant": ("features", from_variants),
    "prediction": ("predictions", from_predictions),
    "attribution": ("attributions", from_attributions),
    "matrix": ("matrix", from_matrix),
    "control": ("controls", from_controls),
    "baseline": ("baselines", from_baselines),
}
