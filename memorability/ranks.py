"""Rank correlations of images under any weights: a resample, a jackknife, or every image once.

A resample of images is a weight per image: how often it was drawn. Midranks under weights are
cumulative sums of the weights in the order of the values, so that each variable is sorted once, not
once per resample. Twice a centred midrank is a whole number, and so are all sums made of it: up to
200,000 images they are exact in double precision, whatever the order of summation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

SMALLEST_SAMPLE = 3
"""Fewest images of which a rank correlation has a p-value (n − 2 degrees of freedom)."""


def codes(values: FloatArray) -> IntArray:
    """Return dense ranks from 0 along the last axis, equal values sharing theirs."""
    return np.asarray(stats.rankdata(values, method="dense", axis=-1) - 1, dtype=np.intp)


@dataclass(frozen=True)
class Ranking:
    """Where each image stands in the order of one variable.

    Attributes
    ----------
    order
        (n,) images from the lowest value to the highest, block by block.
    first
        (g,) place in `order` of the first image of each distinct value.
    value
        (n,) which of the g values each image has.
    ends
        (k,) the last value of each block. Images are ranked within their block.
    block
        (g,) the block of each value.
    """

    order: IntArray
    first: IntArray
    value: IntArray
    ends: IntArray
    block: IntArray

    @classmethod
    def of(cls, values: IntArray, blocks: IntArray | None = None) -> "Ranking":
        """Rank codes (n,), within blocks (n,) from 0 to k − 1 where there are any."""
        block = np.zeros_like(values) if blocks is None else blocks
        keys = codes((block * (values.max() + 1) + values).astype(np.float64))
        order = np.argsort(keys, kind="stable")
        first = _starts(keys[order])
        of_value = block[order[first]]
        ends = np.append(np.flatnonzero(np.diff(of_value)), len(first) - 1)
        return cls(order, first, keys, ends, of_value)

    def centred(self, weights: FloatArray) -> FloatArray:
        """Return twice the midranks less their mean, weights (b, n) -> (b, n).

        Of image i, under whole weights, these are 2 × scipy.stats.rankdata − (m + 1) of the m
        images drawn of its block.
        """
        counts = np.take(weights, self.order, axis=1)
        if len(self.first) < counts.shape[1]:
            counts = np.add.reduceat(counts, self.first, axis=1)
        upto = np.cumsum(counts, axis=1, out=counts)
        # What is drawn below a value and up to it, less what is drawn below its block and up to it.
        ends = upto[:, self.ends]
        doubled = np.subtract(upto, ends if len(self.ends) == 1 else ends[:, self.block])
        doubled[:, 1:] += upto[:, :-1]
        if len(self.ends) > 1:
            below = np.concatenate([np.zeros((len(ends), 1)), ends[:, :-1]], axis=1)
            doubled -= below[:, self.block]
        return np.take(doubled, self.value, axis=1)


@dataclass(frozen=True)
class _Moments:
    """Sums of weights, of ranks x and y and of their products, in each stratum: (b, k) each."""

    n: FloatArray
    x: FloatArray
    y: FloatArray
    xx: FloatArray
    xy: FloatArray
    yy: FloatArray

    def joined(self, starts: IntArray) -> "_Moments":
        """Return the sums over strata that are joined into larger ones."""
        return _Moments(
            *(np.add.reduceat(sums, starts, axis=1) for sums in vars(self).values()),
        )

    def pooled(self) -> FloatArray:
        """Return the correlation over all strata (b,)."""
        return _quotient(*(sums.sum(axis=1) for sums in (self.xx, self.xy, self.yy)))

    def by_stratum(self) -> FloatArray:
        """Return the correlation in each stratum (b, k), whose ranks were centred there."""
        return _quotient(self.xx, self.xy, self.yy)

    def within(self) -> FloatArray:
        """Return the correlation of ranks less the mean of their stratum (b,)."""
        # A sum times its mean, not a square over n: exact where all ranks of a stratum are equal.
        mean_x, mean_y = (_ratio(sums, self.n) for sums in (self.x, self.y))
        parts = (
            self.xx - self.x * mean_x,
            self.xy - self.x * mean_y,
            self.yy - self.y * mean_y,
        )
        return _quotient(*(sums.sum(axis=1) for sums in parts))

    def between(self) -> tuple[FloatArray, FloatArray]:
        """Return the correlation of strata's mean ranks, and its part of the pooled one."""
        mean_x, mean_y = (_ratio(sums, self.n) for sums in (self.x, self.y))
        xx, xy, yy = (
            np.asarray((sums * means).sum(axis=1))
            for sums, means in ((self.x, mean_x), (self.x, mean_y), (self.y, mean_y))
        )
        return _quotient(xx, xy, yy), _quotient(self.xx.sum(axis=1), xy, self.yy.sum(axis=1))


class Sample:
    """The images of one group with the values of its runs, a target, and nested strata.

    Parameters
    ----------
    runs
        (runs, n) finite values.
    target
        (n,) finite values.
    strata
        Name -> (n,) stratum of each image, the coarser first; each of the finer lies in one of the
        coarser. Every one adds the correlation given its strata.
    between
        Whether means of strata and the mean of the correlations within the first strata are asked
        for as well.
    """

    def __init__(
        self,
        runs: FloatArray,
        target: FloatArray,
        strata: Mapping[str, NDArray[np.str_]] | None = None,
        *,
        between: bool = False,
    ) -> None:
        self.n = len(target)
        names = dict(strata or {})
        levels = {name: nested(list(names.values())[: k + 1]) for k, name in enumerate(names)}
        finest = list(levels.values())[-1] if levels else np.zeros(self.n, dtype=np.intp)
        self._sorted = np.argsort(finest, kind="stable") if levels else None
        arranged = slice(None) if self._sorted is None else self._sorted
        self._starts = _starts(finest[arranged])
        self._levels = {
            # Starts of the strata of a level, among those of the finest.
            name: np.searchsorted(self._starts, _starts(level[arranged]))
            for name, level in levels.items()
        }
        target_codes, run_codes = codes(target)[arranged], codes(runs)[:, arranged]
        self._target = Ranking.of(target_codes)
        self._runs = [Ranking.of(run) for run in run_codes]
        self._between = between and bool(levels)
        if self._between:
            blocks = next(iter(levels.values()))[arranged]
            self._target_within = Ranking.of(target_codes, blocks)
            self._runs_within = [Ranking.of(run, blocks) for run in run_codes]
            within = [each[0] for each in self._within_first(np.ones((1, self.n)))]
            begins = self._starts[next(iter(self._levels.values()))]
            self._first_sizes = np.diff(np.append(begins, self.n)).astype(np.float64)
            enough = self._first_sizes >= SMALLEST_SAMPLE
            self._averaged = enough & np.isfinite(within).all(axis=0)
        once = self.correlations(np.ones((1, self.n)))
        self.by_run = {name: r[:, 0] for name, r in once.items()}

    def strata(self, name: str) -> int:
        """Return how many strata of this name there are."""
        return len(self._levels[name])

    @property
    def averaged_sizes(self) -> FloatArray:
        """Images of each of the first strata that "mean_within" averages: those with a correlation."""
        return self._first_sizes[self._averaged]

    def correlations(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Return every correlation under weights.

        Parameters
        ----------
        weights
            (b, n) whole numbers: how often each image was drawn.

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
        if self._sorted is not None:
            weights = np.take(weights, self._sorted, axis=1)
        y = self._target.centred(weights)
        wy = weights * y
        found = [self._of_run(weights, run.centred(weights), y, wy) for run in self._runs]
        if self._between:
            for each, within in zip(found, self._within_first(weights), strict=True):
                averaged = within[:, self._averaged]
                each["mean_within"] = averaged.sum(axis=1) / (averaged.shape[1] or np.nan)
        return {name: np.stack([each[name] for each in found]) for name in found[0]}

    def means(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Return the mean over runs of every correlation under weights: statistic -> (b,)."""
        return {name: r.mean(axis=0) for name, r in self.correlations(weights).items()}

    def _of_run(
        self, weights: FloatArray, x: FloatArray, y: FloatArray, wy: FloatArray
    ) -> dict[str, FloatArray]:
        if not self._levels:
            xx, xy, yy = np.vecdot(weights * x, x), np.vecdot(x, wy), np.vecdot(y, wy)
            return {"pooled": _quotient(xx, xy, yy)}
        finest = self._moments(weights, x, y, wy)
        found = {"pooled": finest.pooled()}
        for name, starts in self._levels.items():
            strata = finest.joined(starts)
            found[f"partial_{name}"] = strata.within()
            if self._between:
                found[f"between_{name}"], found[f"part_between_{name}"] = strata.between()
        return found

    def _within_first(self, weights: FloatArray) -> Iterator[FloatArray]:
        """Yield each run's correlation within each of the first strata (b, k)."""
        first = next(iter(self._levels.values()))
        y = self._target_within.centred(weights)
        wy = weights * y
        for run in self._runs_within:
            moments = self._moments(weights, run.centred(weights), y, wy)
            yield moments.joined(first).by_stratum()

    def _moments(
        self, weights: FloatArray, x: FloatArray, y: FloatArray, wy: FloatArray
    ) -> _Moments:
        wx = weights * x
        summed = (weights, wx, wy, wx * x, wx * y, wy * y)
        return _Moments(*(np.add.reduceat(each, self._starts, axis=1) for each in summed))


def nested(labels: list[NDArray[np.str_]]) -> IntArray:
    """Return the stratum (n,) that all `labels` together make, numbered in sorted order."""
    combined = np.zeros(len(labels[0]), dtype=np.intp)
    for label in labels:
        names, inverse = np.unique(label, return_inverse=True)
        combined = np.unique(combined * len(names) + inverse, return_inverse=True)[1]
    return combined


def _starts(strata: IntArray) -> IntArray:
    """Return where each stratum begins in sorted strata (n,)."""
    return np.append(0, np.flatnonzero(np.diff(strata)) + 1)


def _ratio(sums: FloatArray, n: FloatArray) -> FloatArray:
    # A stratum that no image of a resample belongs to has no mean, and nobody asks for it.
    return np.asarray(sums / np.maximum(n, 1))


def _quotient(xx: FloatArray, xy: FloatArray, yy: FloatArray) -> FloatArray:
    """Return correlations from sums of squares and products, NaN where a variable is constant."""
    defined = (xx > 0) & (yy > 0)
    # Where all ranks are equal, both products are exactly 0.
    scale = np.sqrt(np.where(defined, xx * yy, 1))
    return np.asarray(np.clip(np.where(defined, xy / scale, np.nan), -1, 1))
