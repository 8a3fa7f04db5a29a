"""How far an image lies from others in latent space: the paper's measure and alternatives."""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memorability.base.errors import InputError
from memorability.statistics.neighbours import Neighbours, Rows, Search, nearest_neighbours, recall

logger = logging.getLogger(__name__)

PUBLISHED_MEASURE = "nearest_neighbour"
"""The measure of the paper."""

FloatArray = NDArray[np.float64]

COMPARED = 200
"""Images whose neighbours are sought exactly too where the others' are not."""
_DENSEST = 1e-10
"""Mean reachability distance below which it counts as this, in units of its mean over the study."""


def distinctiveness_table(
    image_ids: list[str],
    latents: Rows,
    categories: pd.Series,
    *,
    neighbours: int,
    search: str = "exact",
) -> pd.DataFrame:
    """Return how distinctive every image is, by four measures.

    Parameters
    ----------
    image_ids
        Length N, unique.
    latents
        Shape (N, D), row i belonging to image i; see
        `memorability.statistics.neighbours.nearest_neighbours`.
    categories
        Category of each image, by image_id.
    neighbours
        k, at least 1; all other images where there are fewer.
    search
        `exact`, or `projected`, see `memorability.statistics.neighbours.nearest_neighbours`; the
        log then says what share of the neighbours of `COMPARED` images was found.

    Returns
    -------
    pandas.DataFrame
        A row per image and measure: image_id, metric, value, distinctiveness (the z-score of value
        over the images). Metrics:

        nearest_neighbour
            Euclidean distance to the nearest other image: the paper's measure.
        nearest_neighbours_mean
            Mean distance to the k nearest other images.
        nearest_in_category
            Distance to the nearest other image of the same category; missing for an image that is
            the only one of its category. Left out where all images are of one category.
        local_outlier_factor
            See `local_outlier_factor`.

    Raises
    ------
    InputError
        If latents belong to images without a category, are no matrix of at least 2 rows, or hold a
        value that is not finite.

    Notes
    -----
    Paper section "Memorable images are harder to reconstruct and more distinct". The z-score is
    linear, so it leaves every rank correlation as it is.
    """
    known = categories.reindex(image_ids)
    if known.isna().any():
        raise InputError(
            f"{known.isna().sum()} of {len(known)} latents belong to no image of the study, the "
            f"first to {known.index[known.isna()][0]!r}; expected the image_id of the table of "
            "images; make the latents from the same images"
        )
    codes, names = pd.factorize(known)
    projected = search == "projected"
    searches = [Search(neighbours), Search(1, codes)]
    nearest, akin = nearest_neighbours(latents, searches, projected=projected)
    if projected:
        compared = min(COMPARED, len(image_ids))
        logger.warning(
            "Neighbours were sought among random projections of the latents: of the %d nearest of %d "
            "images, %.1f %% were found. `distinctiveness.search: exact` finds all.",
            nearest.distances.shape[1], compared, 100 * recall(latents, nearest, rows=compared),
        )  # fmt: skip
    values = {
        "nearest_neighbour": nearest.distances[:, 0],
        "nearest_neighbours_mean": nearest.distances.mean(axis=1),
        "local_outlier_factor": local_outlier_factor(nearest),
    }
    if len(names) > 1:
        distances = akin.distances[:, 0]
        values["nearest_in_category"] = np.where(np.isinf(distances), np.nan, distances)
    parts = []
    for metric, value in values.items():
        columns = {"image_id": image_ids, "metric": metric, "value": value}
        parts.append(pd.DataFrame({**columns, "distinctiveness": z_scores(value, metric)}))
    return pd.concat(parts, ignore_index=True)


def z_scores(values: FloatArray, name: str = "value") -> FloatArray:
    """Return values less their mean, in standard deviations (population formula, ddof 0).

    Parameters
    ----------
    values
        Shape (N,), any unit; missing ones (NaN) count for nothing and stay missing.
    name
        What the values are, for the log.

    Returns
    -------
    numpy.ndarray
        Shape (N,), float64. Where all values are equal, as of latents that collapsed, 0 with a warning:
        the correlation with anything is then undefined, which the tables say.
    """
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return values.copy()
    if np.allclose(known, known[0], rtol=1e-12, atol=0):
        logger.warning(
            "%s is %g for all %d images that have one, so they are equally distinctive. Check "
            "whether the latents collapsed (a learning rate too large) or images repeat.",
            name, known[0], len(known),
        )  # fmt: skip
        return np.where(np.isnan(values), np.nan, 0.0)
    return np.asarray((values - known.mean()) / known.std(), dtype=np.float64)


def local_outlier_factor(nearest: Neighbours) -> FloatArray:
    """Return how much sparser the surroundings of each image are than those of its neighbours.

    The reachability distance of an image from a neighbour is their distance, or the distance of the
    neighbour to its own kth neighbour where that is larger. The density at an image is the inverse of
    the mean over its k neighbours; the factor is the mean density at the neighbours over its own.

    Parameters
    ----------
    nearest
        The k nearest neighbours of every image.

    Returns
    -------
    numpy.ndarray
        Shape (N,), float64, above 0: about 1 within a cluster, larger for outliers, 1 where all
        distances are 0. Images with more than k duplicates are given a density of 10¹⁰ over that of
        the mean reachability, so that the factor of their neighbours is large, but finite.

    Notes
    -----
    Breunig, Kriegel, Ng & Sander (2000), "LOF: Identifying Density-Based Local Outliers", definitions
    5 to 7, with exactly k neighbours, as in scikit-learn, also where several are equally far.
    """
    reachability = np.maximum(nearest.distances, nearest.distances[nearest.indices, -1])
    means = reachability.mean(axis=1)
    if not means.any():
        return np.ones(len(means))
    density = 1 / np.maximum(means, _DENSEST * means.mean())
    return np.asarray(density[nearest.indices].mean(axis=1) / density, dtype=np.float64)
