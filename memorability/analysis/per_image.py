"""One flat table of all images, for people: their labels, their scores, and what was measured."""

from collections.abc import Mapping, Sequence

import pandas as pd

from memorability.analysis.distinctiveness import PUBLISHED_MEASURE
from memorability.analysis.gathering import MODEL_KEYS, wide_features
from memorability.base.run_keys import EXTERNAL, RUN_KEYS

ERROR, DISTINCTIVENESS, FEATURE = "error_", "distinctiveness_", "feature_"
PREDICTED = "predicted_"
"""What the names of a family of columns begin with."""

_OF_IMAGES = (
    "image_id", "file", "category", "subcategory", "hits", "false_alarms", "responses", "score",
    "score_uncorrected", "false_alarm_rate", "d_prime", "criterion",
)  # fmt: skip


def per_image(
    images: pd.DataFrame,
    values: Sequence[pd.DataFrame],
    correlations: Sequence[pd.DataFrame],
    outcomes: pd.DataFrame,
    *,
    protocol: str,
    predictions: pd.DataFrame | None = None,
    heads: Mapping[str, pd.DataFrame] | None = None,
    features: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the table `per_image`, a row per image.

    Parameters
    ----------
    images
        The image table.
    values
        As from `memorability.analysis.gathering.from_errors` and `from_distinctiveness`.
    correlations
        The tables `correlations` of the same values: they mark the best learning rate of each loss.
    outcomes
        Of all runs, with their keys; without rows where there are none.
    protocol
        Of the analysed model. Errors and distinctiveness of other protocols are left out; those that
        were made elsewhere are not.
    predictions, features
        The tables of these names, where there are any rows.
    heads
        Predictor of pixels -> its table `head_predictions`, if there are any.

    Returns
    -------
    pandas.DataFrame
        What the image table says of an image and its scores; split and predicted memorability;
        predicted_<head>: the score as a predictor of pixels says it;
        error_<loss>: its error at the best learning rate of the loss, mean over the seeds that
        finished, in units of the loss; distinctiveness_<loss>: the z-scored distance of its latent to
        the nearest other image, likewise; feature_<feature>: its image features, in their units. Errors
        and latents that were made elsewhere are called error_external_<name> and
        distinctiveness_external_<name>. What was not measured of an image is missing.
    """
    table = images[[name for name in _OF_IMAGES if name in images]].set_index("image_id")
    if predictions is not None:
        table = table.join(predictions.set_index("image_id")[["split", "predicted"]])
        table["split"] = table["split"].fillna("")
    for head, rows in (heads or {}).items():
        table[f"{PREDICTED}{head}"] = rows.set_index("image_id")["predicted"]
    for quantity, correlated in zip(values, correlations, strict=True):
        best = correlated.loc[correlated["selected"], MODEL_KEYS].drop_duplicates()
        rows = _finished(quantity.merge(best, on=MODEL_KEYS), outcomes)
        rows = rows[rows["protocol"].isin([protocol, EXTERNAL])]
        rows = rows[(rows["quantity"] == "error") | (rows["metric"] == PUBLISHED_MEASURE)]
        names = [
            f"{ERROR if kind == 'error' else DISTINCTIVENESS}"
            f"{'external_' if source == EXTERNAL else ''}{loss}"
            for kind, source, loss in zip(
                rows["quantity"], rows["protocol"], rows["loss"], strict=True
            )
        ]
        wide = rows.assign(column=names).pivot_table(
            index="image_id", columns="column", values="value", aggfunc="mean"
        )
        table = table.join(wide)
    if features is not None and len(features):
        table = table.join(wide_features(features).add_prefix(FEATURE))
    return table.reset_index()


def _finished(values: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the values of runs that did not diverge; of a model whose runs all did, all."""
    lost = outcomes.loc[outcomes["outcome"] == "diverged", [*RUN_KEYS]].drop_duplicates()
    marked = values.merge(lost, on=[*RUN_KEYS], how="left", indicator="run")
    finished = marked["run"] == "left_only"
    any_left = finished.groupby([marked[key] for key in MODEL_KEYS]).transform("any")
    return marked[finished | ~any_left].drop(columns="run")
