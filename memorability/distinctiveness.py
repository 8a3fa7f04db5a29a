"""How far an image lies from its nearest neighbour in latent space, also as a z-score."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from memorability.errors import InputError

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]

# Rounding in the single-precision search can swap neighbours that are almost equally near; the
# candidates it finds are therefore compared again in double precision.
_CANDIDATES = 4


def nearest_neighbour_distance(
    latents: NDArray[np.floating], *, block_rows: int = 1024
) -> FloatArray:
    """Return each row's Euclidean distance to the nearest other row.

    Blocks of rows are searched with |a|² + |b|² − 2ab in single precision, on centred and scaled
    copies so that a common offset or a huge unit costs no digits. The four nearest candidates of
    a row are then compared again by their differences in double precision, so that the distance
    returned is exact, and exactly 0 for duplicates. A farther neighbour can be found only where
    more than four lie within single-precision rounding of one another.

    Parameters
    ----------
    latents
        Shape (N, D), an array or a memory map, any unit, finite; the paper's D is 25,088. Read in
        blocks, so a memory map need not fit in memory.
    block_rows
        Rows per block, at least 1. Memory: about 20 · block_rows · D + 12 · block_rows · N bytes.

    Returns
    -------
    numpy.ndarray
        Shape (N,), float64, unit of `latents`, 0 or more.

    Raises
    ------
    ValueError
        If `latents` is not a matrix of at least 2 rows and 1 column, or a value is not finite.

    Notes
    -----
    Paper section "Memorable images are harder to reconstruct and more distinct".
    """
    if latents.ndim != 2 or latents.shape[0] < 2 or latents.shape[1] < 1 or block_rows < 1:
        raise ValueError(
            f"latents have shape {latents.shape} and are read in blocks of {block_rows} rows; "
            "expected (N, D) with N at least 2, D at least 1 and blocks of at least 1 row; "
            "pass one row per image of a study with several images"
        )
    search = _prepare(latents, block_rows)
    distances = np.empty(len(latents), dtype=np.float64)
    for start, stop in _blocks(len(latents), block_rows):
        squares = search.squares(start, stop)
        count = min(_CANDIDATES, len(latents) - 1)
        candidates = np.argpartition(squares, count - 1, axis=1)[:, :count]
        for row, others in zip(range(start, stop), candidates, strict=True):
            differences = _double(latents[others]) - _double(latents[row])
            distances[row] = np.sqrt(np.min(np.sum(differences**2, axis=1)))
    return distances


def distinctiveness(distances: FloatArray) -> FloatArray:
    """Return the z-score of each image's distance to its nearest neighbour.

    Parameters
    ----------
    distances
        Shape (N,), as from `nearest_neighbour_distance`.

    Returns
    -------
    numpy.ndarray
        Shape (N,), float64, in standard deviations of the N distances (population formula, ddof 0);
        mean 0, standard deviation 1.

    Raises
    ------
    ValueError
        If all distances are equal.

    Notes
    -----
    Paper section "Memorable images are harder to reconstruct and more distinct". The z-score is
    linear, so it leaves every rank correlation as it is.
    """
    if np.allclose(distances, distances[0], rtol=1e-12, atol=0):
        raise InputError(
            f"all {len(distances)} images are equally far ({distances[0]}) from their nearest "
            "neighbour, so distinctiveness is undefined; expected distances that vary; check "
            "whether the run's latents collapsed (a learning rate too large) or images repeat"
        )
    return np.asarray(stats.zscore(distances, ddof=0), dtype=np.float64)


def distinctiveness_table(image_ids: list[str], latents: NDArray[np.floating]) -> pd.DataFrame:
    """Return a row per image: image_id, nearest_distance and distinctiveness (its z-score)."""
    distances = nearest_neighbour_distance(latents)
    return pd.DataFrame(
        {
            "image_id": image_ids,
            "nearest_distance": distances,
            "distinctiveness": distinctiveness(distances),
        }
    )


@dataclass(frozen=True)
class _Search:
    """Latents (N, D) with what the single-precision search needs of them.

    Attributes
    ----------
    latents
        Shape (N, D).
    scale
        The largest magnitude, or 1 where all are 0.
    centre
        Shape (D,), the mean of the scaled rows.
    norms
        Shape (N,), squared norms of the centred, scaled rows.
    block_rows
        Rows per block.
    """

    latents: NDArray[np.floating]
    scale: float
    centre: SingleArray
    norms: SingleArray
    block_rows: int

    def squares(self, start: int, stop: int) -> SingleArray:
        """Return approximate squared distances of some rows to all, (stop − start, N), self inf."""
        rows = _centred(self.latents[start:stop], self.scale, self.centre)
        result = np.empty((stop - start, len(self.latents)), dtype=np.float32)
        for first, last in _blocks(len(self.latents), self.block_rows):
            others = _centred(self.latents[first:last], self.scale, self.centre)
            result[:, first:last] = self.norms[first:last] - 2 * (rows @ others.T)
        result += self.norms[start:stop, np.newaxis]
        result[np.arange(stop - start), np.arange(start, stop)] = np.inf
        return result


def _prepare(latents: NDArray[np.floating], block_rows: int) -> _Search:
    """Return the centred, scaled view of the latents, or say which row is not finite."""
    blocks = list(_blocks(len(latents), block_rows))
    scale = 0.0
    for start, stop in blocks:
        block = latents[start:stop]
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if len(bad) > 0:
            raise ValueError(
                f"row {start + bad[0]} of the latents holds a value that is not finite; expected "
                "finite latents; leave out the run that diverged"
            )
        scale = max(scale, float(np.abs(block).max()))
    scale = scale or 1.0
    total = np.zeros(latents.shape[1], dtype=np.float64)
    for start, stop in blocks:
        total += (latents[start:stop] / scale).sum(axis=0, dtype=np.float64)
    centre = (total / len(latents)).astype(np.float32)
    norms = [_norms(_centred(latents[start:stop], scale, centre)) for start, stop in blocks]
    return _Search(latents, scale, centre, np.concatenate(norms), block_rows)


def _centred(block: NDArray[np.floating], scale: float, centre: SingleArray) -> SingleArray:
    return np.asarray(block / scale - centre, dtype=np.float32)


def _norms(block: SingleArray) -> SingleArray:
    return np.asarray(np.einsum("nd,nd->n", block, block))


def _double(rows: NDArray[np.floating]) -> FloatArray:
    return np.asarray(rows, dtype=np.float64)


def _blocks(rows: int, block_rows: int) -> Iterator[tuple[int, int]]:
    for start in range(0, rows, block_rows):
        yield start, min(start + block_rows, rows)
