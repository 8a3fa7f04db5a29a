"""From many descriptors of an image to one list of numbers: words, codes, and a spatial pyramid.

Sources: Wang et al. 2010, "Locality-constrained Linear Coding for Image Classification" (the
approximated coding); Lazebnik, Schmid & Ponce 2006, "Beyond Bags of Features" (the pyramid).
"""

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from memorability.base.errors import InputError

WORDS = 256
NEIGHBOURS = 3
"""Words that a descriptor is made of."""

RIDGE = 0.03
"""Of the weights of these words, in units of the trace of their covariance."""

LEVELS = (4, 2, 1)
"""Parts, in each direction, into which a level of the pyramid divides an image."""

VALUES = WORDS * sum(level**2 for level in LEVELS)
"""Of an image: 5,376."""

_BATCH = 4096

Floats = npt.NDArray[np.float32]
Quarters = npt.NDArray[np.intp]


def learn_words(descriptors: Floats, seed: int) -> Floats:
    """Return the 256 words (256, D) of descriptors (N, D): the centres of k-means.

    Parameters
    ----------
    descriptors
        Of training images alone.
    seed
        Of scikit-learn's k-means, 0 to 2³² − 1.

    Raises
    ------
    InputError
        If there are not 256 different ones.
    """
    if len(descriptors) >= WORDS:
        clusters = MiniBatchKMeans(WORDS, batch_size=_BATCH, n_init=1, random_state=seed)
        words: Floats = clusters.fit(descriptors).cluster_centers_.astype(np.float32)
        if len(np.unique(words, axis=0)) == WORDS:
            return words
    raise InputError(
        f"The training images have too few different descriptors ({len(descriptors):,} in all) for a "
        f"dictionary of {WORDS} words: they are too few, too small or too plain. Give more or larger "
        "images. One photograph of 400 × 300 pixels has 3,350 descriptors."
    )


def coded(descriptors: Floats, words: Floats) -> Floats:
    """Return descriptors (N, D) as weights of words (N, 256): of the three nearest, the others 0.

    Weights sum to 1 and may be negative. They rebuild the descriptor with the least squared error plus
    a ridge.
    """
    distances = (words**2).sum(axis=1) - 2 * descriptors @ words.T
    nearest = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    shifted = (words[nearest] - descriptors[:, None]).astype(np.float64)
    covariance = shifted @ shifted.transpose(0, 2, 1)
    trace = np.trace(covariance, axis1=1, axis2=2)[:, None, None]
    covariance += RIDGE * trace * np.eye(NEIGHBOURS)
    weights = np.linalg.solve(covariance, np.ones((len(descriptors), NEIGHBOURS, 1)))[..., 0]
    codes = np.zeros((len(descriptors), WORDS), dtype=np.float32)
    np.put_along_axis(codes, nearest, weights / weights.sum(axis=1, keepdims=True), axis=1)
    return codes


def pooled(codes: Floats, quarters: tuple[Quarters, Quarters]) -> Floats:
    """Return the largest weight of each word in each part of the image, with a length of 1, (5376,).

    Parameters
    ----------
    codes
        (rows, columns, 256).
    quarters
        For each row, and for each column, the quarter of the image, 0 to 3 and ascending, that it
        lies in.

    Returns
    -------
    numpy.ndarray
        256 values for each of 4 × 4 parts, row by row; then for 2 × 2; then for the whole image. A
        part without a descriptor has zeros.
    """
    largest = []
    for level in LEVELS:
        rows, columns = (
            np.searchsorted(quarter * level // LEVELS[0], np.arange(level + 1))
            for quarter in quarters
        )
        for row in range(level):
            for column in range(level):
                inside = codes[
                    rows[row] : rows[row + 1], columns[column] : columns[column + 1]
                ].reshape(-1, WORDS)
                largest.append(inside.max(axis=0) if len(inside) else np.zeros(WORDS, np.float32))
    values = np.concatenate(largest)
    return np.asarray(values / np.linalg.norm(values), dtype=np.float32)
