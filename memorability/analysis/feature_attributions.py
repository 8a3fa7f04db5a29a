"""Correlate image features with what attributions say of an image: table `feature_attributions`."""

import pandas as pd

from memorability.analysis.correlations import correlations
from memorability.analysis.gathering import from_attributions, from_features
from memorability.statistics.intervals import Bootstrap

ATTRIBUTION = "attribution_"
"""Before the name of an attribution summary where it is a target."""


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
        See `memorability.analysis.correlations.correlations`.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `correlations`, target being "attribution_mean_absolute",
        "attribution_mean_signed" or "attribution_mean_positive". p-values are adjusted over the
        features with the same target and method.
    """
    long = from_attributions(attributions)
    summaries = long.pivot_table(index="image_id", columns="metric", values="value")
    explained = images.merge(summaries.add_prefix(ATTRIBUTION), on="image_id")
    values = from_features(features)
    values = values[values["image_id"].isin(explained["image_id"])]
    parts = [
        correlations(values, explained, target=f"{ATTRIBUTION}{summary}", bootstrap=bootstrap)
        for summary in long["metric"].unique()
    ]
    return pd.concat(parts, ignore_index=True)
