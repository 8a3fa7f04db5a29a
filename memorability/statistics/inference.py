"""Inference that holds for what a new study would draw anew: images, subcategories, training runs.

Images of a subcategory share variance, in their scores and in whatever is measured of them: an interval
over images alone then finds an effect in a large share of studies without any. Where there are enough
subcategories, they are what is resampled (A. C. Cameron and D. L. Miller, A practitioner's guide to
cluster-robust inference, 2015), and where several runs differ in their seed, runs are drawn as well
(A. B. Owen, The pigeonhole bootstrap, 2007).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from memorability.statistics.intervals import (
    SMALLEST_BOOTSTRAP,
    Bootstrap,
    Interval,
    cluster_weights,
    distributions,
    image_weights,
    jackknife_weights,
    no_interval,
    percentile_interval,
    seed_weights,
)
from memorability.statistics.ranks import Counts, FloatArray, IntArray, Labels, Sample, nested

NOT_DRAWN = "none (images are drawn of selected models alone)"
# A correlation of exactly ±1 has no Fisher's z.
_MOST = 1 - 1e-12


@dataclass(frozen=True)
class Units:
    """What a new study of the same kind would draw anew.

    Attributes
    ----------
    n
        Images.
    subcategories
        (n,) the subcategory of each image, numbered from 0; None where there are none.
    categories
        (n,) the category of each image, numbered from 0, where resamples keep the number of images of
        each; None where they do not.
    """

    n: int
    subcategories: IntArray | None
    categories: IntArray | None

    @classmethod
    def of(cls, category: Labels, subcategory: Labels, bootstrap: Bootstrap) -> "Units":
        """Return the units of images of the categories (n,) and subcategories (n,), "" if none."""
        return cls(
            len(category),
            nested([category, subcategory]) if len(np.unique(subcategory)) > 1 else None,
            nested([category]) if bootstrap.by_category else None,
        )

    @property
    def count(self) -> int | None:
        """Number of subcategories, None where there are none."""
        return None if self.subcategories is None else int(self.subcategories.max()) + 1

    @property
    def clustered(self) -> bool:
        """Whether there are enough subcategories to draw them rather than images."""
        return self.count is not None and self.count >= SMALLEST_BOOTSTRAP

    @property
    def word(self) -> str:
        """What is drawn, in the plural."""
        return "subcategories" if self.clustered else "images"

    @property
    def drawn(self) -> int:
        """How many units are drawn."""
        return self.count if self.clustered and self.count is not None else self.n

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the spread between units: their number less that of means taken."""
        means = 1 if self.categories is None else int(self.categories.max()) + 1
        return max(1, self.drawn - means)

    def image_weights(self, bootstrap: Bootstrap) -> Iterator[Counts]:
        """Yield resamples of images, see `memorability.statistics.intervals.image_weights`."""
        return image_weights(self.n, bootstrap, strata=self.categories)

    def weights(self, bootstrap: Bootstrap) -> Iterator[Counts]:
        """Yield resamples of subcategories where there are enough, else of images."""
        if not self.clustered or self.subcategories is None:
            return self.image_weights(bootstrap)
        return cluster_weights(self.subcategories, bootstrap, strata=self.categories)


@dataclass(frozen=True)
class Inference:
    """An interval and a two-sided p-value of no effect, and what they hold for.

    Attributes
    ----------
    interval
        Of the statistic.
    p
        0 to 1, NaN where there is none.
    unit
        What is drawn anew: "images", "subcategories", or either "and seeds".
    """

    interval: Interval
    p: float
    unit: str


@dataclass(frozen=True)
class Runs:
    """One statistic of the runs of an experiment.

    Attributes
    ----------
    by_run
        (runs,) the statistic of each run.
    drawn
        (runs, draws) the same in each resample of the units, NaN where it is undefined.
    """

    by_run: FloatArray
    drawn: FloatArray


def infer(
    experiments: Sequence[Runs],
    units: Units,
    bootstrap: Bootstrap,
    *,
    of_difference: bool = False,
) -> Inference:
    """Return the inference on a mean correlation over runs, or on the difference of two.

    Standard errors are those of the resamples, in which units and runs are drawn, each experiment's
    runs by themselves. The variance between units is scaled by their number over its degrees of
    freedom.
    The t distribution has those of F. E. Satterthwaite's approximation (1946), from those of the units
    and the number of runs less 1. A single correlation is taken as Fisher's z, a difference as it is.

    Parameters
    ----------
    experiments
        One, or two of which the second is subtracted.
    units
        What the resamples drew.
    bootstrap
        See `memorability.statistics.intervals.Bootstrap`.
    of_difference
        Whether the one experiment's statistic is no correlation to take as Fisher's z, but a difference
        of two, or a mean.

    Notes
    -----
    Of the ways to take p from resamples of clusters, this kept to its level from 12 subcategories on
    (`benchmarks/bench_inference.py`).
    """
    single = len(experiments) == 1 and not of_difference
    scale = _fisher if single else _as_it_is
    several = any(len(each.by_run) > 1 for each in experiments)
    unit = f"{units.word} and seeds" if several else units.word
    estimate = _difference([each.by_run.mean() for each in experiments])
    of_units = _difference([each.drawn.mean(axis=0) for each in experiments])
    of_both = of_units
    if several:
        streams = ["seed bootstrap", "seed bootstrap of the base"]
        of_both = _difference(
            [
                (each.drawn * seed_weights(len(each.by_run), bootstrap, stream=stream)).sum(axis=0)
                for each, stream in zip(experiments, streams[: len(experiments)], strict=True)
            ]
        )
    percentile = percentile_interval(of_both, bootstrap.confidence)
    if np.isnan(percentile.low):
        return Inference(percentile, np.nan, unit)
    of_units, of_both = (scale(drawn[~np.isnan(of_both)]) for drawn in (of_units, of_both))
    between = float(of_units.var())
    added = max(0.0, float(of_both.var()) - between) if several else 0.0
    between *= units.drawn / units.freedom
    error = np.sqrt(between + added)
    freedom = _freedom(between, added, units.freedom, experiments)
    centre = float(scale(np.asarray(estimate)))
    reach = stats.t.ppf((1 + bootstrap.confidence) / 2, freedom) * error
    bounds = np.asarray([centre - reach, centre + reach])
    low, high = np.tanh(bounds) if single else bounds
    p = 2 * stats.t.sf(abs(centre) / error, freedom) if error > 0 else float(centre == 0)
    method = f"bootstrap standard error (t, {freedom:.0f} degrees of freedom)"
    return Inference(Interval(float(low), float(high), method), float(p), unit)


def _difference(values: Sequence[FloatArray]) -> FloatArray:
    return np.asarray(values[0] if len(values) == 1 else values[0] - values[1], dtype=np.float64)


def _fisher(r: FloatArray) -> FloatArray:
    return np.asarray(np.arctanh(np.clip(r, -_MOST, _MOST)))


def _as_it_is(values: FloatArray) -> FloatArray:
    return values


def _freedom(between: float, added: float, freedom: int, experiments: Sequence[Runs]) -> float:
    """Return Satterthwaite's degrees of freedom of a variance between units and one that runs add."""
    total = between + added
    counts = np.asarray([len(each.by_run) for each in experiments if len(each.by_run) > 1])
    spreads = np.asarray(
        [each.by_run.var(ddof=1) / len(each.by_run) for each in experiments if len(each.by_run) > 1]
    )
    parts = np.square(between) / freedom
    if added > 0 and spreads.sum() > 0:
        parts += (np.square(added * spreads / spreads.sum()) / (counts - 1)).sum()
    return float(np.square(total) / parts) if parts > 0 else float(freedom)


@dataclass(frozen=True)
class Resamples:
    """The statistics of a sample in resamples of units and of images, and without each image.

    Where there is no such distribution, its place holds the reason.
    """

    units: Units
    bootstrap: Bootstrap
    of_units: Mapping[str, FloatArray] | str
    of_images: Mapping[str, FloatArray] | str
    without_one: Mapping[str, FloatArray] | str

    @classmethod
    def of(
        cls, samples: Sequence[Sample], units: Units, bootstrap: Bootstrap, *, detailed: bool
    ) -> "list[Resamples]":
        """Draw what is asked for and the images are enough for, for samples of one target."""
        if not samples:
            return []
        few = None if units.n >= SMALLEST_BOOTSTRAP else f"none (n < {SMALLEST_BOOTSTRAP})"
        of_units = _drawn(samples, few or units.weights(bootstrap))
        of_images = of_units
        if units.clustered:
            weights = units.image_weights(bootstrap) if detailed else NOT_DRAWN
            of_images = _drawn(samples, weights)
        without_one: Sequence[Mapping[str, FloatArray] | str] = of_images
        if detailed:
            without_one = _drawn(samples, few or jackknife_weights(units.n))
        drawn = zip(of_units, of_images, without_one, strict=True)
        return [cls(units, bootstrap, *each) for each in drawn]

    def inference(self, name: str, by_run: FloatArray, p_images: float) -> Inference:
        """Return the inference on one statistic that is shown first.

        Of one run and images it is the percentile interval over images and the p-value of theirs.
        """
        drawn = self.of_units if self.units.clustered else _of_images(self.of_units, name)
        if isinstance(drawn, str):
            return Inference(no_interval(drawn), p_images, self.units.word)
        if not self.units.clustered and len(by_run) == 1:
            interval = percentile_interval(drawn[name][0], self.bootstrap.confidence)
            return Inference(interval, p_images, self.units.word)
        return infer([Runs(by_run, drawn[name])], self.units, self.bootstrap)

    def images(self, name: str) -> FloatArray | str:
        """Return the mean over runs of one statistic in each resample of images, or why not."""
        drawn = _of_images(self.of_images, name)
        return drawn if isinstance(drawn, str) else drawn[name].mean(axis=0)

    def jackknifed(self, name: str) -> FloatArray | str:
        """Return the mean over runs of one statistic without each image, or why not."""
        kept = self.without_one
        return kept if isinstance(kept, str) else kept[name].mean(axis=0)


def _of_images(drawn: Mapping[str, FloatArray] | str, name: str) -> Mapping[str, FloatArray] | str:
    """Return resamples of images, or why a statistic has none that are of use."""
    # Images drawn twice add noise to the means of a few: the interval would miss r itself.
    if name.endswith("between_subcategory"):
        return "none (subcategories are drawn, not images)"
    if name == "between_category":
        return "none (images do not tell how the means of few categories vary)"
    return drawn


def _drawn(
    samples: Sequence[Sample], weights: Iterator[Counts] | str
) -> Sequence[Mapping[str, FloatArray] | str]:
    """Return the distribution of each sample, or for each the reason why there are no weights."""
    return [weights] * len(samples) if isinstance(weights, str) else distributions(samples, weights)


def units_of(rows: pd.DataFrame, bootstrap: Bootstrap) -> Units:
    """Return the units of rows, one an image, that have a category and a subcategory ("" if none)."""
    category, subcategory = (rows[name].to_numpy(dtype=str) for name in ("category", "subcategory"))
    return Units.of(category, subcategory, bootstrap)


def mean_inference(rows: pd.DataFrame, name: str, bootstrap: Bootstrap) -> Inference:
    """Return the interval of the mean of a column of rows, one an image, and p of a mean of 0.

    Parameters
    ----------
    rows
        The column, category and subcategory.
    name
        Of the column.
    bootstrap
        Of images, or of subcategories where there are enough.
    """
    if len(rows) < SMALLEST_BOOTSTRAP:
        return Inference(no_interval("none (too few images)"), np.nan, "images")
    units = units_of(rows, bootstrap)
    values = rows[name].to_numpy(dtype=np.float64)
    drawn = np.concatenate(
        [values @ weights / weights.sum(axis=0) for weights in units.weights(bootstrap)]
    )
    return infer(
        [Runs(values.mean(keepdims=True), drawn[None])], units, bootstrap, of_difference=True
    )


def difference_inference(
    first: pd.DataFrame, second: pd.DataFrame, name: str, bootstrap: Bootstrap
) -> Inference:
    """Return the interval of the mean of a column in some images less that in others, and p of none.

    Parameters
    ----------
    first, second
        The column, category and subcategory of images; no image is in both.
    name
        Of the column.
    bootstrap
        Of subcategories where both have enough of them, so that each mean varies over as many; else
        of images.
    """
    if min(len(first), len(second)) < SMALLEST_BOOTSTRAP:
        return Inference(no_interval("none (too few images)"), np.nan, "images")
    rows = pd.concat([first, second], ignore_index=True)
    units = units_of(rows, bootstrap)
    if not all(units_of(part, bootstrap).clustered for part in (first, second)):
        units = replace(units, subcategories=None)
    values = rows[name].to_numpy(dtype=np.float64)
    is_first = np.arange(len(rows)) < len(first)
    drawn = []
    for weights in units.weights(bootstrap):
        sums = [values[part] @ weights[part] for part in (is_first, ~is_first)]
        counts = [weights[part].sum(axis=0) for part in (is_first, ~is_first)]
        with np.errstate(invalid="ignore"):
            drawn.append(sums[0] / counts[0] - sums[1] / counts[1])
    estimate = values[is_first].mean(keepdims=True) - values[~is_first].mean(keepdims=True)
    return infer(
        [Runs(estimate, np.concatenate(drawn)[None])], units, bootstrap, of_difference=True
    )


def one_sided(difference: float, p: float) -> float:
    """Return p of a difference above 0, given the two-sided one of a symmetric statistic."""
    return p / 2 if difference > 0 else 1 - p / 2
