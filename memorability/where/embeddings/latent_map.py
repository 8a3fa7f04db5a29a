"""The map of an embedding: do images with similar scores lie together, and what it looks like.

Tests permute scores, not positions. A permutation within categories asks whether similar scores lie
together beyond what the labels of categories tell.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from memorability.base.seeding import numpy_stream, stream_seed
from memorability.statistics.multiplicity import holm
from memorability.where.names import AUTOENCODER, GIVEN, SMALL_VAE, SMALLEST_EMBEDDING

FloatArray = npt.NDArray[np.float64]

NEIGHBOURS = 10
"""Images that lie next to one; a fifth of all where there are fewer than fifty."""

PERMUTATIONS = 1999

PERPLEXITY = 30.0
"""Of t-SNE; a quarter of the images where there are few."""

STATISTICS = ("neighbours", "moran")
COLUMNS = ("embedding", "method", "image_id", "x", "y")
"""Of the table `latent_positions`, without the error."""


@dataclass(frozen=True, kw_only=True)
class LatentMapSettings:
    """What decides maps of embeddings.

    Parameters
    ----------
    target
        The score: a column of the image table.
    seed
        Of permutations and of t-SNE.
    """

    target: str
    seed: int


@dataclass(frozen=True)
class LatentMaps:
    """The tables `latent_map` and `latent_positions`."""

    tests: pd.DataFrame
    positions: pd.DataFrame


def embeddings_of(
    latents: npt.NDArray[np.float32],
    means: Path,
    of_vae: pd.DataFrame,
    images: pd.DataFrame,
    split: npt.NDArray[Any],
    settings: LatentMapSettings,
) -> tuple[dict[str, FloatArray], pd.DataFrame]:
    """Return the embeddings of the test images that have a score, and their rows.

    Parameters
    ----------
    latents
        Of the autoencoder, (N, values), a row per row of `images`.
    means
        The .npz file of mean activations by predictor: see `memorability.where.units.look_at_units`.
    of_vae
        The table `small_vae_means`.
    images
        The image table.
    split
        "train", "validation" or "test", (N,).
    settings
        Which score.
    """
    chosen = np.flatnonzero((split == "test") & images[settings.target].notna().to_numpy())
    with np.load(means, allow_pickle=False) as found:
        of_predictors = {name: values.astype(np.float64) for name, values in found.items()}
    own = np.asarray(latents[chosen], dtype=np.float64)
    rows = images.iloc[chosen].reset_index(drop=True)
    plane = of_vae.set_index("image_id").loc[rows["image_id"], ["x", "y"]].to_numpy(np.float64)
    return {AUTOENCODER: own, SMALL_VAE: plane, **of_predictors}, rows


def with_errors(
    positions: pd.DataFrame,
    images: pd.DataFrame,
    predictions: pd.DataFrame,
    heads: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Return `latent_positions` with the size of the error of each image's predicted score.

    Parameters
    ----------
    positions
        From `map_embeddings`.
    images
        Those that are placed.
    predictions
        The table of this name, of the autoencoder's latents.
    heads
        Predictor of pixels -> its table `head_predictions`.
    """
    predicted = {**heads, AUTOENCODER: predictions}
    scores = images.set_index("image_id")["score"]
    errors = {
        name: (table.set_index("image_id")["predicted"] - scores).abs()
        for name, table in predicted.items()
    }
    values = [
        errors[embedding].get(image_id, np.nan) if embedding in errors else np.nan
        for embedding, image_id in zip(positions["embedding"], positions["image_id"], strict=True)
    ]
    return positions.assign(error=np.asarray(values, dtype=np.float64))


def map_embeddings(
    embeddings: Mapping[str, FloatArray], images: pd.DataFrame, settings: LatentMapSettings
) -> LatentMaps:
    """Test whether similar scores lie together in embeddings, and place images on a plane.

    Parameters
    ----------
    embeddings
        Name -> (n, values).
    images
        (n,) image_id, category, subcategory, and the score.
    settings
        Which score, and the seed.

    Returns
    -------
    LatentMaps
        tests: a row per embedding, statistic and what is given. `neighbours` is Spearman's correlation
        of a score with the mean score of the nearest other images; `moran` is Moran's I with weights of
        1 for these. Given labels, scores are less their label's mean, and are permuted within labels.
        p is one-sided: the share of permutations that are as high. p_holm is adjusted over all rows.

        positions: a row per embedding, method and image. The small VAE's are its means, as they are;
        others are placed by pca and by tsne.
    """
    tests: list[dict[str, Any]] = []
    positions: list[pd.DataFrame] = []
    scores = images[settings.target].to_numpy(dtype=np.float64)
    for name, values in embeddings.items():
        few = len(values) < SMALLEST_EMBEDDING
        nearest = None if few or not np.ptp(values, axis=0).any() else neighbours(values)
        for given in GIVEN:
            labels = _labels(images, given)
            if labels is None:
                continue
            row = {"embedding": name, "given": given, "n": len(values)}
            tests += [{**row, **found} for found in _tested(scores, labels, nearest, settings.seed)]
        if nearest is not None:
            positions += [
                table.assign(image_id=images["image_id"].to_numpy(), embedding=name)
                for table in _positions(name, values, settings.seed)
            ]
    table = pd.DataFrame(tests)
    placed = (
        pd.concat(positions, ignore_index=True) if positions else pd.DataFrame(columns=[*COLUMNS])
    )
    return LatentMaps(table.assign(p_holm=holm(table["p"])), placed)


def neighbours(values: FloatArray) -> npt.NDArray[np.intp]:
    """Return the nearest other images of each by Euclidean distance (n, k)."""
    count = max(1, min(NEIGHBOURS, len(values) // 5))
    found = NearestNeighbors(n_neighbors=count).fit(values)
    return np.asarray(found.kneighbors(return_distance=False))


def neighbour_correlation(scores: FloatArray, nearest: npt.NDArray[np.intp]) -> float:
    """Return Spearman's correlation of scores (n,) with the mean score of nearest images (n, k)."""
    around = scores[nearest].mean(axis=1)
    if np.ptp(scores) == 0 or np.ptp(around) == 0:
        return np.nan
    return float(stats.spearmanr(scores, around).statistic)


def moran(scores: FloatArray, nearest: npt.NDArray[np.intp]) -> float:
    """Return Moran's I of scores (n,) with a weight of 1 for each nearest image (n, k).

    Source: P. A. P. Moran, Notes on continuous stochastic phenomena, 1950. It is near 0 (−1 / (n − 1))
    where scores lie at random, and above where similar ones lie together.
    """
    centred = scores - scores.mean()
    total = float(centred @ centred)
    return float((centred * centred[nearest].mean(axis=1)).sum() / total) if total > 0 else np.nan


def _labels(images: pd.DataFrame, given: str) -> npt.NDArray[np.str_] | None:
    """Return the labels within which scores are permuted; None where they tell nothing apart."""
    if given == GIVEN[0]:
        return np.zeros(len(images), dtype=str)
    names = ["category"] if given == "category" else ["category", "subcategory"]
    labels = images[names].agg("/".join, axis=1).to_numpy(dtype=str)
    finer = len(set(labels)) > (1 if given == "category" else images["category"].nunique())
    return labels if finer else None


def _tested(
    scores: FloatArray,
    labels: npt.NDArray[np.str_],
    nearest: npt.NDArray[np.intp] | None,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield what is found by each statistic, with the quantiles of its permutations."""
    means = pd.Series(scores).groupby(labels).transform("mean").to_numpy()
    left = scores - means
    alone = np.allclose(left, 0)
    functions: Mapping[str, Callable[..., float]] = {
        "neighbours": neighbour_correlation, "moran": moran,
    }  # fmt: skip
    permuted = []
    if nearest is not None and not alone:
        stream = numpy_stream(seed, "permutations of scores")
        order = np.argsort(labels, kind="stable")
        for _ in range(PERMUTATIONS):
            shuffled = np.lexsort((stream.random(len(labels)), labels))
            values = np.empty_like(left)
            values[order] = left[shuffled]
            permuted.append(values)
    for name in STATISTICS:
        row: dict[str, Any] = {"statistic": name, "k": 0 if nearest is None else nearest.shape[1]}
        nothing = {"value": np.nan, "null_low": np.nan, "null_high": np.nan, "p": np.nan}
        if nearest is None or not permuted:
            yield row | nothing
            continue
        value = functions[name](left, nearest)
        null = np.asarray([functions[name](values, nearest) for values in permuted])
        low, high = np.nanpercentile(null, [2.5, 97.5])
        p = (1 + np.sum(null >= value)) / (1 + len(null))
        yield row | {"value": value, "null_low": low, "null_high": high, "p": float(p)}


def _positions(name: str, values: FloatArray, seed: int) -> Iterator[pd.DataFrame]:
    """Yield the positions of images on a plane, by each method."""
    if name == SMALL_VAE:
        yield pd.DataFrame({"x": values[:, 0], "y": values[:, 1], "method": "means"})
        return
    number = stream_seed(seed, "t-SNE") % 2**32
    components = min(50, *values.shape)
    first = PCA(components, random_state=number).fit_transform(values)
    plane = np.zeros((len(values), 2))
    plane[:, : min(2, components)] = first[:, :2]
    yield pd.DataFrame({"x": plane[:, 0], "y": plane[:, 1], "method": "pca"})
    perplexity = min(PERPLEXITY, (len(values) - 1) / 4)
    start = plane / (plane[:, 0].std() or 1.0) * 1e-4
    placed = TSNE(
        perplexity=perplexity, init=start.astype(np.float32), random_state=number, n_jobs=1
    ).fit_transform(first)
    yield pd.DataFrame({"x": placed[:, 0], "y": placed[:, 1], "method": "tsne"}).astype(
        {"x": float, "y": float}
    )
