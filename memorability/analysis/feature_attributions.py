"""Image features beside what attributions say of an image, and beside memorability on test images."""

import pandas as pd

from memorability.analysis.correlations import COLUMNS, CorrelationSettings, correlations
from memorability.analysis.gathering import MODEL_KEYS, from_attributions, from_features
from memorability.statistics.decomposition import correlate
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

    Images whose attributions have not converged are left out: these do not add up to the prediction,
    and their means are not what they are called.

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
        "attribution_mean_signed" or "attribution_mean_positive"; none where no image has converged.
        p-values are adjusted over the features with the same target and method.
    """
    long = from_attributions(attributions[attributions["converged"]])
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


def share_converged(attributions: pd.DataFrame) -> float:
    """Return which share of the drawn images has attributions that converged, NaN of no image."""
    return float(attributions.loc[attributions["drawn"], "converged"].mean())


def correlate_tested(
    features: pd.DataFrame,
    images: pd.DataFrame,
    split: pd.DataFrame,
    settings: CorrelationSettings,
) -> pd.DataFrame:
    """Correlate every feature of Table 2 with memorability on the test images alone.

    Parameters
    ----------
    features, images
        The tables of these names.
    split
        Columns image_id and split, as in the table `predictions`.
    settings
        See `memorability.analysis.correlations.CorrelationSettings`.

    Returns
    -------
    pandas.DataFrame
        The keys of quantities (see `memorability.analysis.gathering`), selected, and the columns of
        `correlate`.
    """
    tested = images[images["image_id"].isin(split.loc[split["split"] == "test", "image_id"])]
    values = from_features(features)
    values = values[values["image_id"].isin(tested["image_id"])]
    by_feature = [group for _, group in values.groupby("metric", sort=False)]
    found = correlate(by_feature, tested, target=settings.target, bootstrap=settings.bootstrap)
    parts = [
        part.assign(**{key: group[key].iloc[0] for key in MODEL_KEYS}, selected=True)
        for group, part in zip(by_feature, found, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)
