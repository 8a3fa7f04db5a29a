"""The nearest neighbours of every latent, by blocked matrix products in bounded memory.

Exact; or sought among random projections, where the square of very many images is too much.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
IntArray = NDArray[np.intp]
Block = NDArray[Any]

# Rounding in the single-precision search can swap neighbours that are almost equally near; so many
# more candidates than asked for are compared again in double precision.
_MARGIN = 3
# Values of a random projection; and so many more than asked for of the rows that are nearest there.
PROJECTED = 512
_PROJECTED_MARGIN = 20

BLOCK_BYTES = 1_000_000_000  # of the rows that are held at a time: 9,728 latents of the paper
_COLUMNS = 512  # rows that are read and compared with them at a time: 51 MB of the paper's
_MOST_ROWS = 32 * _COLUMNS  # of short latents, so that a block of distances takes 34 MB at most
_PAIR_VALUES = 2**17  # values subtracted in double precision at a time: 1 MB, in the cache


class Rows(Protocol):
    """Latents (N, D) that are read by slices of rows: an array, a memory map, a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, D)."""

    def __getitem__(self, rows: slice, /) -> NDArray[np.floating]:
        """Return consecutive rows, (n, D)."""


@dataclass(frozen=True)
class Search:
    """What is sought for every row.

    Attributes
    ----------
    count
        Number of neighbours, at least 1; all other rows where there are fewer.
    groups
        Shape (N,): neighbours are sought among the rows of the same group. None: among all.
    """

    count: int
    groups: NDArray[np.integer] | None = None


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of N rows, nearest first; of equally near ones the first row.

    Attributes
    ----------
    indices
        Shape (N, k), intp: row numbers; −1 where a row's group has no further row.
    distances
        Shape (N, k), float64, unit of the latents, 0 or more; inf where there is no neighbour.
    """

    indices: IntArray
    distances: FloatArray


def nearest_neighbours(
    latents: Rows,
    searches: Sequence[Search],
    *,
    projected: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> list[Neighbours]:
    """Return the nearest other rows of every row, by Euclidean distance.

    Blocks of rows are searched with |a|² + |b|² − 2ab in single precision, on centred and scaled
    copies so that a common offset or a huge unit costs no digits. Each pair of rows is compared once,
    for all searches. The nearest candidates of a row, three more than asked for, are then compared
    again by their differences in double precision, so that the distances returned are exact, exactly
    0 for duplicates, and the same for blocks of any size. A farther neighbour can be found only where
    more than these lie within single-precision rounding of one another.

    Parameters
    ----------
    latents
        Shape (N, D), any unit, finite; the paper's D is 25,088. Where b blocks of rows hold all of
        them, they are read b + 2 times.
    searches
        What is sought.
    projected
        Whether candidates, 20 more than asked for, are sought by what `project` returns. Distances are
        as exact, but a neighbour may be missed, and a farther one stand in its place: see `recall`.
    block_bytes
        Memory of the block of rows that is held while all others pass, as float32. Beside it about
        6 KB per value of a row and 100 MB are needed, whatever N is.

    Returns
    -------
    list of Neighbours
        One per search.

    Raises
    ------
    InputError
        If `latents` is not a matrix of at least 2 rows and 1 column, or a value is not finite.
    """
    if len(latents.shape) != 2 or latents.shape[0] < 2 or latents.shape[1] < 1:
        raise InputError(
            f"latents have shape {latents.shape}; expected (N, D) with N at least 2 and D at least "
            "1; pass one row per image of a study with several images"
        )
    n, size = latents.shape
    sought = project(latents) if projected else latents
    margin = _PROJECTED_MARGIN if projected else _MARGIN
    centred = _Centred(sought)
    candidates = [_Candidates(n, search, margin) for search in searches]

    def compare(start: int, block: SingleArray, first: int, others: SingleArray) -> None:
        squares = centred.squares(start, block, first, others)
        for each in candidates:
            each.offer(start, first, squares)
            if first > start:
                each.offer(first, start, squares[: first - start].T)

    _visit_pairs(compare, centred.read, n, _rows_held(sought.shape[1], block_bytes))
    pairs = np.unique(np.concatenate([each.pairs() for each in candidates]))
    distances = _exact(latents, pairs, _rows_held(size, block_bytes))
    return [each.nearest(pairs, distances) for each in candidates]


def project(latents: Rows) -> SingleArray:
    """Return latents (N, D) on 512 random directions, float32 (N, 512).

    Directions are Gaussian and always the same. Distances keep their length, with a standard deviation
    of 1 / √1,024 of it (Johnson & Lindenstrauss 1984, "Extensions of Lipschitz mappings into a Hilbert
    space").
    """
    n, size = latents.shape
    directions = numpy_stream(0, "projection").standard_normal((size, PROJECTED), dtype=np.float32)
    directions /= np.sqrt(np.float32(PROJECTED))
    result = np.empty((n, PROJECTED), dtype=np.float32)
    for first, last in _blocks(0, n):
        np.matmul(
            latents[first:last].astype(np.float32, copy=False), directions, out=result[first:last]
        )
    return result


def recall(latents: Rows, found: Neighbours, *, rows: int) -> float:
    """Return the share of nearest neighbours that a search among all rows has found, 0 to 1.

    Parameters
    ----------
    latents
        As `nearest_neighbours` had them.
    found
        What it returned.
    rows
        So many rows, evenly spread, are compared with all others, in double precision.
    """
    n, count = found.distances.shape
    chosen = np.unique(np.linspace(0, n - 1, min(rows, n)).astype(np.intp))
    sample = np.concatenate([latents[row : row + 1] for row in chosen]).astype(np.float64)
    nearest = np.empty((len(chosen), 0))
    for first, last in _blocks(0, n):
        others = latents[first:last].astype(np.float64)
        squares = cdist(sample, others, "sqeuclidean")
        inside = np.flatnonzero((chosen >= first) & (chosen < last))
        squares[inside, chosen[inside] - first] = np.inf
        nearest = np.sort(np.concatenate([nearest, squares], axis=1), axis=1)[:, :count]
    # By distance: of equally near rows any will do.
    within = found.distances[chosen] <= np.sqrt(nearest[:, -1:]) * (1 + 1e-9)
    return float(within.mean())


def _rows_held(size: int, block_bytes: int) -> int:
    """Return how many rows of `size` float32 values are held at a time, a multiple of `_COLUMNS`."""
    return min(max(block_bytes // (4 * size * _COLUMNS), 1) * _COLUMNS, _MOST_ROWS)


class _Centred:
    """Latents as the single-precision search reads them: divided by their largest magnitude, centred.

    Attributes
    ----------
    norms
        Shape (N,), squared norms of the rows that were read.
    """

    def __init__(self, latents: Rows) -> None:
        self._latents = latents
        n, size = latents.shape
        self.norms = np.empty(n, dtype=np.float32)
        scale, total = 0.0, np.zeros(size, dtype=np.float64)
        for start, stop in _blocks(0, n):
            block = latents[start:stop]
            scale = max(scale, float(block.max()), -float(block.min()))
            if not np.isfinite(block.sum(dtype=np.float64)):
                row = start + np.flatnonzero(~np.isfinite(block).all(axis=1))[0]
                raise InputError(
                    f"row {row} of the latents holds a value that is not finite; expected finite "
                    "latents; leave out the run that diverged"
                )
            total += block.sum(axis=0, dtype=np.float64)
        self._scale = scale or 1.0
        self._centre = (total / n / self._scale).astype(np.float32)

    def read(self, start: int, stop: int) -> SingleArray:
        """Return rows (stop − start, D), centred and scaled, and keep their norms."""
        result = np.empty((stop - start, len(self._centre)), dtype=np.float32)
        for first, last in _blocks(start, stop):
            part = result[first - start : last - start]
            np.divide(self._latents[first:last], self._scale, out=part, casting="same_kind")
            part -= self._centre
            self.norms[first:last] = np.einsum("nd,nd->n", part, part)
        return result

    def squares(
        self, start: int, rows: SingleArray, first: int, others: SingleArray
    ) -> SingleArray:
        """Return approximate squared distances of rows from `start` on to those from `first` on."""
        result = np.asarray(rows @ others.T)
        result *= -2
        result += self.norms[start : start + len(rows), np.newaxis]
        result += self.norms[first : first + len(others)]
        itself = np.arange(max(len(rows) - (first - start), 0))
        result[first - start + itself, itself] = np.inf
        return result


class _Candidates:
    """The nearest rows of every row among those that were offered so far."""

    def __init__(self, n: int, search: Search, margin: int) -> None:
        self._search = search
        self._squares = np.full((n, min(search.count + margin, n - 1)), np.inf, dtype=np.float32)
        self._indices = np.full(self._squares.shape, -1, dtype=np.intp)

    def offer(self, row: int, column: int, squares: SingleArray) -> None:
        """Take in squared distances (m, c) of the rows from `row` on to those from `column` on."""
        mine = slice(row, row + len(squares))
        groups = self._search.groups
        if groups is not None:
            others = groups[column : column + squares.shape[1]]
            squares = np.where(groups[mine, np.newaxis] == others, squares, np.float32(np.inf))
        near = _smallest(squares, self._squares.shape[1])
        joined = np.concatenate(
            [self._squares[mine], np.take_along_axis(squares, near, axis=1)], axis=1
        )
        indices = np.concatenate([self._indices[mine], column + near], axis=1)
        best = _smallest(joined, self._squares.shape[1])
        self._squares[mine] = np.take_along_axis(joined, best, axis=1)
        self._indices[mine] = np.take_along_axis(indices, best, axis=1)

    def pairs(self) -> IntArray:
        """Return every pair of a row i and a candidate j > i, or the reverse, as i · N + j."""
        keys = self._keys()
        return np.asarray(keys[keys >= 0])

    def nearest(self, pairs: IntArray, distances: FloatArray) -> Neighbours:
        """Return the neighbours by the exact distances of `pairs`, which are in ascending order."""
        keys = self._keys()
        places = np.where(keys < 0, len(pairs), np.searchsorted(pairs, keys))
        exact = np.append(distances, np.inf)[places]
        order = np.lexsort((self._indices, exact), axis=1)[:, : self._search.count]
        return Neighbours(
            np.take_along_axis(np.where(keys < 0, -1, self._indices), order, axis=1),
            np.take_along_axis(exact, order, axis=1),
        )

    def _keys(self) -> IntArray:
        n = len(self._indices)
        own = np.arange(n)[:, np.newaxis]
        low, high = np.minimum(own, self._indices), np.maximum(own, self._indices)
        return np.where(np.isfinite(self._squares), low * n + high, -1)


def _exact(latents: Rows, pairs: IntArray, rows: int) -> FloatArray:
    """Return the distances of pairs i · N + j, in double precision."""
    n, size = latents.shape
    low, high = np.divmod(pairs, n)
    result = np.empty(len(pairs), dtype=np.float64)
    step = max(_PAIR_VALUES // size, 1)

    def measure(start: int, block: Block, first: int, others: Block) -> None:
        chosen = np.flatnonzero(
            (low >= start) & (low < start + len(block))
            & (high >= first) & (high < first + len(others))
        )  # fmt: skip
        for part in np.split(chosen, range(step, len(chosen), step)):
            difference = block[low[part] - start].astype(np.float64)
            difference -= others[high[part] - first]
            result[part] = np.sqrt(np.einsum("nd,nd->n", difference, difference))

    _visit_pairs(measure, lambda first, last: latents[first:last], n, rows)
    return result


def _visit_pairs(
    visit: Callable[[int, Block, int, Block], None],
    read: Callable[[int, int], Block],
    n: int,
    rows: int,
) -> None:
    """Visit blocks of rows with blocks of the same or later rows: every pair i ≤ j is met once.

    Each block comes after its first row. `rows` is a multiple of `_COLUMNS`: what lies within the
    block of rows need not be read again.
    """

    def visit_with(start: int, stop: int, block: Block) -> None:
        for first, last in _blocks(start, n):
            others = block[first - start : last - start] if last <= stop else read(first, last)
            visit(start, block[: last - start], first, others)

    for start in range(0, n, rows):
        stop = min(start + rows, n)
        # Held by nothing but this call: two such blocks at a time would double the memory.
        visit_with(start, stop, read(start, stop))


def _blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for first in range(start, stop, _COLUMNS):
        yield first, min(first + _COLUMNS, stop)


def _smallest(values: SingleArray, count: int) -> IntArray:
    """Return the columns of the smallest values of every row, in no order."""
    count = min(count, values.shape[1])
    return np.asarray(np.argpartition(values, count - 1, axis=1)[:, :count])
