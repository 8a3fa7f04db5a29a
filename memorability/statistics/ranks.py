"""Rank correlations of images under any weights: a resample, a jackknife, or every image once.

A resample of images is a weight per image: how often it was drawn. Midranks under weights are
cumulative sums of the weights in the order of the values, so that each variable is sorted once, not
once per resample. Twice a centred midrank is a whole number, and so are all sums made of it: up to
200,000 images they are exact in double precision, whatever the order of summation.

Weights have a column per resample, so that those of one image lie side by side: what is gathered and
summed image by image is gathered and summed for several resamples at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Labels = NDArray[np.str_]
Counts = NDArray[np.int32]
"""Weights, or sums of them: half as wide as floats, so that twice as many are summed at once."""

SMALLEST_SAMPLE = 3
"""Fewest images of which a rank correlation has a p-value (n − 2 degrees of freedom)."""


def codes(values: FloatArray) -> IntArray:
    """Return dense ranks from 0 along the last axis, equal values sharing theirs."""
    return np.asarray(stats.rankdata(values, method="dense", axis=-1) - 1, dtype=np.intp)


@dataclass(frozen=True)
class Ranking:
    """Where each image stands in the order of one variable, within its block.

    Attributes
    ----------
    order
        (n,) images from the lowest value to the highest, block by block.
    equals
        (n,) and (n,): where in `order` the images begin and end that have an image's value.
    values
        (g,) where each of g values ends; None where no two images have the same.
    first
        (k,) the first value of each of k blocks.
    blocks
        (k + 1,) where blocks begin, and the last ends, in `order` as among the images.
    """

    order: IntArray
    equals: tuple[IntArray, IntArray]
    values: IntArray | None
    first: IntArray
    blocks: IntArray

    @classmethod
    def of(cls, values: IntArray, blocks: IntArray | None = None) -> "Ranking":
        """Rank codes (n,), within sorted blocks (n,) from 0 to k − 1 where there are several."""
        block = np.zeros_like(values) if blocks is None else blocks
        keys = codes((block * (values.max() + 1) + values).astype(np.float64))
        ends = np.cumsum(np.bincount(keys))
        begins = np.append(0, ends[:-1])
        starts = _starts(block)
        return cls(
            np.argsort(keys, kind="stable"),
            (begins[keys], ends[keys]),
            ends if len(ends) < len(keys) else None,
            np.searchsorted(begins, starts),
            np.append(starts, len(keys)),
        )

    def pieces(self) -> Iterator[slice]:
        """Yield the images of each block."""
        for begin, end in pairwise(self.blocks):
            yield slice(begin, end)


class Ranks:
    """One variable's midranks in each of b resamples.

    Parameters
    ----------
    ranking
        Order of the n images.
    weights
        (n, b) how often each image was drawn.

    Attributes
    ----------
    total
        (b,) how many images were drawn.
    """

    def __init__(self, ranking: Ranking, weights: Counts) -> None:
        self._ranking = ranking
        self._weights = weights
        # How many are drawn of the first images of the order, from none to all.
        n, draws = weights.shape
        self._upto = np.zeros((n + 1, draws), dtype=np.int32)
        # Two counts are added as one number of twice the bits: none is negative, nothing is carried.
        word = np.int64 if draws % 2 == 0 else np.int32
        drawn = np.take(weights, ranking.order, axis=0).view(word)
        np.cumsum(drawn, axis=0, dtype=word, out=self._upto[1:].view(word))
        self.total = self._upto[-1]

    @cached_property
    def doubled(self) -> Counts:
        """Twice the midranks, shifted by a number that all images of a block share (n, b)."""
        below, including = self._ranking.equals
        doubled = np.take(self._upto, including, axis=0)
        doubled += np.take(self._upto, below, axis=0)
        return doubled

    @cached_property
    def centred(self) -> Counts:
        """Twice the midranks less their mean (n, b).

        Of image i, under whole weights, these are 2 × scipy.stats.rankdata − (m + 1) of the m
        images drawn of its block.
        """
        centred = self.doubled.copy()
        for block in self._ranking.pieces():
            centred[block] -= self._upto[block.start] + self._upto[block.stop]
        return centred

    @cached_property
    def at_or_above(self) -> Counts:
        """How many images are drawn of each value or a higher one, over all blocks (g, b)."""
        ends = self._ranking.values
        if ends is None:
            ends = np.arange(1, len(self._upto))
        below = np.take(self._upto, np.append(0, ends[:-1]), axis=0)
        return np.asarray(self.total - below, dtype=np.int32)

    @cached_property
    def weighed(self) -> FloatArray:
        """The centred ranks, each as often as its image was drawn (n, b)."""
        return np.multiply(self._weights, self.centred, dtype=np.float64)

    def correlation(self, other: "Ranks") -> FloatArray:
        """Return the correlation with ranks of the same images in each block (k, b)."""
        return _quotient(*self.products(other))

    def products(self, other: "Ranks") -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the sums of the other's squares, of products and of own squares, (k, b) each."""
        # One's own ranks add up to 0 in each block, so that the others need not be centred.
        xy = [
            np.einsum("nb,nb->b", other.doubled[block], self.weighed[block])
            for block in self._ranking.pieces()
        ]
        return other._squares(self._cubes), np.array(xy), self._own_squares

    @cached_property
    def _own_squares(self) -> FloatArray:
        return self._squares(self._cubes)

    @cached_property
    def _cubes(self) -> FloatArray:
        """The sums of cubed weights in each block (k, b)."""
        exact = self._weights.astype(np.float64)
        cubes = [np.einsum("nb,nb,nb->b", *[exact[block]] * 3) for block in self._ranking.pieces()]
        return np.array(cubes)

    def _squares(self, cubes: FloatArray) -> FloatArray:
        """Return the sums of squares of the centred ranks in each block (k, b).

        Of m images, t of each value, that is (m³ − Σ t³) / 3 (M. G. Kendall, Rank correlation methods,
        1948, chapter 3). Where no two images have one value, Σ t³ is that of the weights: `cubes`.
        """
        if self._ranking.values is not None:
            of_values = _cubed(self._drawn_between(self._ranking.values))
            cubes = np.add.reduceat(of_values, self._ranking.first, axis=0)
        return (_cubed(self._drawn_between(self._ranking.blocks[1:])) - cubes) / 3

    def _drawn_between(self, ends: IntArray) -> FloatArray:
        """Return how many images are drawn up to each end, from the one before (k, b)."""
        upto = np.take(self._upto, ends, axis=0).astype(np.float64)
        upto[1:] -= upto[:-1].copy()
        return upto


@dataclass(frozen=True)
class _Sums:
    """Sums over images, drawn as often as their weight, of centred ranks x and y.

    Of weights and of ranks in each of k strata, (k, b), and of products over all of them, (b,).
    """

    n: FloatArray
    x: FloatArray
    y: FloatArray
    xx: FloatArray
    xy: FloatArray
    yy: FloatArray

    def joined(self, starts: IntArray) -> "_Sums":
        """Return the sums over strata that are joined into larger ones."""
        n, x, y = (np.add.reduceat(sums, starts, axis=0) for sums in (self.n, self.x, self.y))
        return replace(self, n=n, x=x, y=y)

    def pooled(self) -> FloatArray:
        """Return the correlation over all strata (b,)."""
        return _quotient(self.xx, self.xy, self.yy)

    def within(self) -> FloatArray:
        """Return the correlation of ranks less the mean of their stratum (b,)."""
        xx, xy, yy = self._of_means()
        return _quotient(self.xx - xx, self.xy - xy, self.yy - yy)

    def between(self) -> tuple[FloatArray, FloatArray]:
        """Return the correlation of strata's mean ranks, and its part of the pooled one."""
        xx, xy, yy = self._of_means()
        return _quotient(xx, xy, yy), _quotient(self.xx, xy, self.yy)

    def _of_means(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the sums of products of strata's mean ranks, each counting for all its images."""
        # A sum times its mean, not a square over n: exact where all ranks of a stratum are equal.
        # A stratum that no image of a resample belongs to has no mean, and adds nothing.
        n = np.maximum(self.n, 1)
        mean_x, mean_y = self.x / n, self.y / n
        xx, xy, yy = (
            np.asarray((sums * means).sum(axis=0))
            for sums, means in ((self.x, mean_x), (self.x, mean_y), (self.y, mean_y))
        )
        return xx, xy, yy


class Drawn:
    """A target in b resamples, with what all variables need of it.

    Attributes
    ----------
    weights
        (n, b) how often each image was drawn.
    overall
        Ranks over all images.
    within
        Ranks within each of the first strata, or None where nobody asks for them.
    """

    def __init__(
        self, weights: Counts, overall: Ranking, within: Ranking | None, starts: IntArray
    ) -> None:
        self.weights = weights
        self.overall = Ranks(overall, weights)
        self.within = None if within is None else Ranks(within, weights)
        self._starts = starts

    def of(self, ranking: Ranking) -> "Drawn":
        """Return another variable in the same resamples, to correlate with as with a target."""
        return Drawn(self.weights, ranking, None, self._starts)

    def sums(self, x: Ranks) -> _Sums:
        """Return the sums of ranks x, over all images, and of the target's, in the finest strata."""
        n, y = self._of_strata
        sums_x = self._by_stratum(np.multiply(self.weights, x.doubled, dtype=np.float64))
        products = (sums[0] for sums in self.overall.products(x))
        return _Sums(n, sums_x - n * x.total, y, *products)

    @cached_property
    def _of_strata(self) -> tuple[FloatArray, FloatArray]:
        weights = self.weights.astype(np.float64)
        return self._by_stratum(weights), self._by_stratum(self.overall.weighed)

    def _by_stratum(self, values: FloatArray) -> FloatArray:
        return np.add.reduceat(values, self._starts, axis=0)


class Target:
    """A target of the images of one group, in nested strata.

    Parameters
    ----------
    values
        (n,) finite values.
    strata
        Name -> (n,) stratum of each image, the coarser first; each of the finer lies in one of the
        coarser. Every one adds the correlation given its strata.
    between
        Whether means of strata and the mean of the correlations within the first strata are asked
        for as well.

    Attributes
    ----------
    n
        Images.
    levels
        Name of strata -> where each of them begins, counted in the finest.
    """

    def __init__(
        self,
        values: FloatArray,
        strata: Mapping[str, Labels] | None = None,
        *,
        between: bool = False,
    ) -> None:
        self.n = len(values)
        names = dict(strata or {})
        numbered = {name: nested(list(names.values())[: k + 1]) for k, name in enumerate(names)}
        # In the order of the finest, the images of each stratum lie side by side.
        finest = list(numbered.values())[-1] if numbered else np.zeros(self.n, dtype=np.intp)
        self._order = np.argsort(finest, kind="stable")
        self._starts = _starts(finest[self._order])
        self.levels = {
            # Starts of the strata of a level, among those of the finest.
            name: np.searchsorted(self._starts, _starts(level[self._order]))
            for name, level in numbered.items()
        }
        first = next(iter(numbered.values())) if between and numbered else None
        self._blocks = None if first is None else first[self._order]
        self._rankings = self.rankings(values)

    @property
    def block_sizes(self) -> IntArray:
        """Images of each of the first strata, none where nobody asks for them."""
        return np.bincount([] if self._blocks is None else self._blocks)

    def rankings(self, values: FloatArray) -> tuple[Ranking, Ranking | None]:
        """Rank values (n,) over all images, and within the first strata if anybody asks for that."""
        ranks = codes(values)[self._order]
        within = None if self._blocks is None else Ranking.of(ranks, self._blocks)
        return Ranking.of(ranks), within

    def under(self, weights: Counts) -> Drawn:
        """Return the target under weights (n, b): how often each image was drawn."""
        if self.levels:
            weights = np.take(weights, self._order, axis=0)
        return Drawn(weights, *self._rankings, self._starts)


class Sample:
    """The runs of one experiment beside a target.

    Parameters
    ----------
    runs
        (runs, n) finite values of the target's images.
    target
        What they are correlated with.

    Attributes
    ----------
    by_run
        Every correlation of `correlations`, all images counting once: statistic -> (runs,).
    averaged_sizes
        Images of each of the first strata that "mean_within" averages: those with a correlation.
    """

    def __init__(self, runs: FloatArray, target: Target) -> None:
        self.target = target
        self._runs = [target.rankings(run) for run in runs]
        once = target.under(np.ones((target.n, 1), dtype=np.int32))
        self._averaged = target.block_sizes >= SMALLEST_SAMPLE
        for _, within in self._runs:
            self._averaged &= np.isfinite(_within_first(within, once)[:, 0])
        self.averaged_sizes = target.block_sizes[self._averaged]
        self.by_run = {name: r[:, 0] for name, r in self.correlations(once).items()}

    def correlations(self, drawn: Drawn) -> dict[str, FloatArray]:
        """Return every correlation with a target under weights.

        Parameters
        ----------
        drawn
            The sample's target under the weights of b resamples.

        Returns
        -------
        dict
            Statistic -> (runs, b), −1 to 1, NaN where it is undefined: "pooled"; for each name of
            strata "partial_<name>", of ranks less their stratum's mean; and where they are asked for
            "between_<name>", of strata's mean ranks, each counting as often as it has images,
            "part_between_<name>", what these means contribute to the pooled correlation, and
            "mean_within", the unweighted mean of the correlations within the first strata, each
            ranked anew; strata without a correlation of their own are left out of it.
        """
        found = [self._of_run(*rankings, drawn) for rankings in self._runs]
        return {name: np.array([each[name] for each in found]) for name in found[0]}

    def _of_run(
        self, overall: Ranking, within: Ranking | None, drawn: Drawn
    ) -> dict[str, FloatArray]:
        x = Ranks(overall, drawn.weights)
        if not self.target.levels:
            return {"pooled": drawn.overall.correlation(x)[0]}
        finest = drawn.sums(x)
        found = {"pooled": finest.pooled()}
        for name, starts in self.target.levels.items():
            strata = finest.joined(starts)
            found[f"partial_{name}"] = strata.within()
            if within is not None:
                found[f"between_{name}"], found[f"part_between_{name}"] = strata.between()
        if within is not None:
            averaged = _within_first(within, drawn)[self._averaged]
            found["mean_within"] = averaged.sum(axis=0) / (len(averaged) or np.nan)
        return found


def _within_first(ranking: Ranking | None, drawn: Drawn) -> FloatArray:
    """Return the correlation within each of the first strata, none where nobody asks (k, b)."""
    if ranking is None or drawn.within is None:
        return np.empty((0, drawn.weights.shape[1]))
    return drawn.within.correlation(Ranks(ranking, drawn.weights))


def nested(labels: list[Labels]) -> IntArray:
    """Return the stratum (n,) that all `labels` together make, numbered in sorted order."""
    combined = np.zeros(len(labels[0]), dtype=np.intp)
    for label in labels:
        names, inverse = np.unique(label, return_inverse=True)
        combined = np.unique(combined * len(names) + inverse, return_inverse=True)[1]
    return combined


def _starts(strata: IntArray) -> IntArray:
    """Return where each stratum begins in sorted strata (n,)."""
    return np.append(0, np.flatnonzero(np.diff(strata)) + 1)


def _cubed(counts: FloatArray) -> FloatArray:
    # A power of 3 takes a logarithm, products do not.
    return counts * counts * counts


def _quotient(xx: FloatArray, xy: FloatArray, yy: FloatArray) -> FloatArray:
    """Return correlations from sums of squares and products, NaN where a variable is constant."""
    defined = (xx > 0) & (yy > 0)
    # The square of a constant variable is exactly 0, its product only where means are exact.
    r = np.divide(xy, np.sqrt(np.abs(xx * yy)), out=np.full(xy.shape, np.nan), where=defined)
    return np.asarray(np.minimum(np.maximum(r, -1), 1))
