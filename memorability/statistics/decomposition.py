"""Correlations with memorability, taken apart: within categories, between them, and without each.

A correlation over all images mixes two facts: that some categories are remembered better than
others, and that within a category some images are. With ranks over all images, the pooled
correlation is the sum of a part between categories (of their mean ranks) and a part within them
(of what is left), exactly (W. S. Robinson, Ecological correlations and the behavior of individuals,
1950; the paper, like the data set, has categories that differ widely in their mean).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from memorability.base.job_log import progress
from memorability.statistics.intervals import (
    SMALLEST_BOOTSTRAP,
    Bootstrap,
    Interval,
    bca_interval,
    cluster_weights,
    distributions,
    image_weights,
    jackknife_weights,
    no_interval,
    percentile_interval,
)
from memorability.statistics.rank_correlation import aligned, p_value, undefined
from memorability.statistics.ranks import Counts, FloatArray, IntArray, Sample, Target, nested

Labels = NDArray[np.str_]
BoolArray = NDArray[np.bool_]

_PART = "part_between"
# Columns that `correlate` adds where it goes into details, and their types.
DETAILS = {
    "strata": "Int64",
    "ci_bca_low": "float64",
    "ci_bca_high": "float64",
    "ci_bca_method": "str",
    "ci_cluster_low": "float64",
    "ci_cluster_high": "float64",
    "ci_cluster_method": "str",
    "clusters": "Int64",
}

MOST_STRATA_SHARE = 0.5
"""Share of the images that subcategories may be at most: above it most of them are single images."""


@dataclass(frozen=True)
class Group:
    """Images that are correlated with one another.

    Attributes
    ----------
    name
        "all", or the category that they are of, or are not of.
    method
        Of the correlation over all of them: "pooled", "within" or "without" the category.
    chosen
        Shape (N,), which images of the study they are.
    strata
        What divides them further: "category", "subcategory" -> shape (n,).
    """

    name: str
    method: str
    chosen: BoolArray
    strata: Mapping[str, Labels]

    def method_of(self, statistic: str) -> str:
        """Return the word of the column `method` for a statistic of `statistics.ranks.Sample`."""
        return {"pooled": self.method, "partial_category": "partial"}.get(statistic, statistic)

    def names(self, *, detailed: bool) -> list[str]:
        """Return the statistics of the group, by their names in `statistics.ranks.Sample`."""
        names = ["pooled", *(f"partial_{level}" for level in self.strata)]
        if detailed:
            names += ["mean_within"] if "category" in self.strata else []
            names += [f"{kind}_{level}" for level in self.strata for kind in ("between", _PART)]
        return names

    def statistics(self, run: FloatArray, target: FloatArray) -> dict[str, float]:
        """Return every correlation of a run (1, n) with a target (n,): method -> r, perhaps NaN."""
        names = [name for name in self.names(detailed=True) if not name.startswith(_PART)]
        by_run: Mapping[str, FloatArray] = dict.fromkeys(names, np.asarray([np.nan]))
        if undefined(run, target) is None:
            by_run = Sample(run, Target(target, self.strata, between=True)).by_run
        return {self.method_of(name): float(by_run[name][0]) for name in names}


def correlate(
    models: Sequence[pd.DataFrame],
    images: pd.DataFrame,
    *,
    target: str,
    bootstrap: Bootstrap,
    detailed: bool = False,
) -> list[pd.DataFrame]:
    """Correlate per-image values with a memorability score, pooled, by category and given category.

    Rows do not depend on the order of the images. A group whose correlation is undefined keeps its
    row, with NaN and a `ci_method` that says why, so one bad group never stops a study. Models of the
    same images share each resample of them and the ranks of the target in it; no number depends on
    which models are given together.

    Parameters
    ----------
    models
        Of each model a table of values, one row per image and seed: image_id (str), value (float, any
        unit), seed (str). Every seed has exactly the same images; images of `images` that are absent
        from a model are left out of its correlations.
    images
        One row per image: image_id (str), category (str) and the column `target`, finite; with
        `detailed` also subcategory (str, "" where there is none).
    target
        Column of `images` to correlate with, for example "score".
    bootstrap
        How images, and with `detailed` subcategories, are resampled.
    detailed
        Whether to add the rows and columns said below, which take about eight times as long.

    Returns
    -------
    list of pandas.DataFrame
        Of each model, columns target, group, method, n (images), seeds (runs), r, r_seed_sd (standard
        deviation over seeds, ddof 1, NaN for one seed), ci_low, ci_high, ci_method, p. One row for
        group "all" (method "pooled"), one per category in sorted order ("within") and, where there are
        several categories, one for "all" given category ("partial"): ranks over all images less
        their category's mean rank, correlated by Pearson's formula, p with n − 1 − k degrees of
        freedom for k categories, and bootstrapped in the same way. All n and units as above;
        correlations range from −1 to 1.

        With `detailed` also columns strata (how many categories or subcategories the row divides its
        images into, missing where none), ci_bca_low, ci_bca_high, ci_bca_method (bias-corrected and
        accelerated, of the same resamples), ci_cluster_low, ci_cluster_high, ci_cluster_method
        (percentile interval of resampled subcategories, all images of one being drawn together) and
        clusters (their number); and rows, all but the last of group "all":

        - "mean_within": mean of the categories' correlations, each category counting the same; those
          without a correlation are left out; p by the normal approximation of independent
          correlations with variances 1 / (n − 1);
        - "between_category": correlation of categories' mean ranks, each counting as often as it has
          images; p with k − 2 degrees of freedom;
        - "part_between_category": the part of the pooled correlation that lies between categories;
          pooled − part is the part within them. Without a p-value;
        - "partial_subcategory", "between_subcategory", "part_between_subcategory": likewise, where
          there are subcategories within categories and at least two images for each;
        - "without", group being a category, of three or more: pooled, without its images.

    Raises
    ------
    ValueError
        If columns are missing, seeds differ in their images, an image is unknown or repeated, or a
        score or category is missing.

    Notes
    -----
    Paper section "Memorable images are harder to reconstruct and more distinct" and Figures 2, 3.
    """
    columns = ["category", "subcategory"] if detailed else ["category"]
    found: dict[int, pd.DataFrame] = {}
    together: dict[tuple[str, ...], tuple[pd.DataFrame, dict[int, FloatArray]]] = {}
    for place, values in enumerate(models):
        runs, table = aligned(values, images, target, columns)
        together.setdefault(tuple(table.index), (table, {}))[1][place] = runs
    for table, experiments in together.values():
        tables = _correlated(
            list(experiments.values()), table, target, bootstrap, detailed=detailed
        )
        found |= zip(experiments, tables, strict=True)
    return [found[place] for place in range(len(models))]


def _correlated(
    experiments: Sequence[FloatArray],
    table: pd.DataFrame,
    target: str,
    bootstrap: Bootstrap,
    *,
    detailed: bool,
) -> list[pd.DataFrame]:
    """Return the table of each experiment (runs, n) of the n images of `table`."""
    scores = table[target].to_numpy(dtype=np.float64)
    category = table["category"].to_numpy(dtype=str)
    subcategory = table["subcategory"].to_numpy(dtype=str) if detailed else category
    divided = len(np.unique(subcategory)) > 1
    rows: list[list[dict[str, Any]]] = [[] for _ in experiments]
    all_groups = list(groups(category, subcategory, detailed=detailed))
    with progress(len(all_groups), "correlating groups of images") as step:
        for group in all_groups:
            of_group = [runs[:, group.chosen] for runs in experiments]
            labels = [category[group.chosen], subcategory[group.chosen]]
            clusters = nested(labels) if detailed and divided else None
            found = _rows(
                group, of_group, scores[group.chosen], clusters, bootstrap, detailed=detailed
            )
            for of_experiment, added in zip(rows, found, strict=True):
                of_experiment += [{"target": target, "group": group.name} | row for row in added]
            step()
    # The order of reading: pooled, each category, given the category, then the rest.
    order = {method: place for place, method in enumerate(["pooled", "within", "partial"])}
    for of_experiment in rows:
        of_experiment.sort(key=lambda row: order.get(row["method"], len(order)))
    tables = [pd.DataFrame(of_experiment) for of_experiment in rows]
    return [table.astype(DETAILS) for table in tables] if detailed else tables


def pooled_correlation(values: pd.DataFrame, images: pd.DataFrame, target: str) -> float:
    """Return the pooled correlation of `correlate` alone, NaN where it is undefined."""
    runs, table = aligned(values, images, target)
    scores = table[target].to_numpy(dtype=np.float64)
    if undefined(runs, scores) is not None:
        return np.nan
    return float(Sample(runs, Target(scores)).by_run["pooled"].mean())


def groups(category: Labels, subcategory: Labels, *, detailed: bool) -> Iterator[Group]:
    """Yield the groups of images whose correlations `correlate` takes."""
    everything = np.ones(len(category), dtype=np.bool_)
    names = np.unique(category)
    strata = {"category": category} if len(names) > 1 else {}
    count = int(nested([category, subcategory]).max()) + 1
    if detailed and len(names) < count <= MOST_STRATA_SHARE * len(category):
        strata["subcategory"] = subcategory
    yield Group("all", "pooled", everything, strata)
    for name in names:
        yield Group(str(name), "within", category == name, {})
    # Without one of two categories there is the other, whose row is there.
    for name in names if detailed and len(names) > 2 else []:
        yield Group(str(name), "without", category != name, {})


def _rows(
    group: Group,
    experiments: Sequence[FloatArray],
    target: FloatArray,
    clusters: IntArray | None,
    bootstrap: Bootstrap,
    *,
    detailed: bool,
) -> Iterator[list[dict[str, Any]]]:
    """Yield for each experiment a row per statistic of one group, NaN where it is undefined."""
    reasons = [undefined(runs, target) for runs in experiments]
    shared = Target(target, group.strata, between=detailed)
    samples = [
        Sample(runs, shared)
        for runs, reason in zip(experiments, reasons, strict=True)
        if reason is None
    ]
    found = zip(
        samples, _Resamples.of(samples, clusters, bootstrap, detailed=detailed), strict=True
    )
    for runs, reason in zip(experiments, reasons, strict=True):
        sample, resamples = next(found) if reason is None else (None, None)
        rows = []
        for name in group.names(detailed=detailed):
            statistic = _Statistic(len(target), np.nan, np.nan, None, np.nan, reason)
            if sample:
                statistic = _statistic(sample, name)
            row = {"method": group.method_of(name), "n": statistic.n, "seeds": len(runs)}
            row |= {"r": statistic.r, "r_seed_sd": statistic.spread}
            row |= _columns("ci", statistic, resamples, name) | {"p": statistic.p}
            if detailed:
                row |= {"strata": statistic.strata}
                row |= _columns("ci_bca", statistic, resamples, name)
                row |= _columns("ci_cluster", statistic, resamples, name)
                row |= {"clusters": None if clusters is None else int(clusters.max()) + 1}
            rows.append(row)
        yield rows


@dataclass(frozen=True)
class _Statistic:
    """One statistic of a sample: images, mean and spread over runs, strata, p, why it is undefined."""

    n: int
    r: float
    spread: float
    strata: int | None
    p: float
    reason: str | None


def _statistic(sample: Sample, name: str) -> _Statistic:
    """Return a statistic of a sample by its name there."""
    by_run = sample.by_run[name]
    r, n = float(by_run.mean()), sample.target.n
    spread = float(by_run.std(ddof=1)) if len(by_run) > 1 else np.nan
    kind, _, level = name.rpartition("_")
    reason = "undefined (constant values)" if np.isnan(r) else None
    if name == "mean_within":
        sizes = sample.averaged_sizes
        n, strata = int(sizes.sum()), len(sizes)
        null_sd = np.sqrt((1 / (sizes - 1)).sum()) / max(strata, 1)
        p = float(2 * stats.norm.sf(abs(r) / null_sd)) if strata else np.nan
    elif name == "pooled":
        strata, p = None, p_value(r, n - 2)
    else:
        strata = len(sample.target.levels[level])
        freedom = {"partial": n - 1 - strata, "between": strata - 2}.get(kind)
        if freedom is not None and freedom < 1:
            few = "too few images" if kind == "partial" else "fewer than 3 groups"
            return _Statistic(n, np.nan, np.nan, strata, np.nan, f"undefined ({few})")
        p = np.nan if freedom is None else p_value(r, freedom)
    return _Statistic(n, r, spread, strata, p, reason)


@dataclass(frozen=True)
class _Resamples:
    """The statistics of a sample in resamples of images, without each image, and of clusters.

    Where there is no such distribution, its place holds the reason.
    """

    confidence: float
    images: Mapping[str, FloatArray] | str
    without_one: Mapping[str, FloatArray] | str
    clusters: Mapping[str, FloatArray] | str

    @classmethod
    def of(
        cls,
        samples: Sequence[Sample],
        clusters: IntArray | None,
        bootstrap: Bootstrap,
        *,
        detailed: bool,
    ) -> "list[_Resamples]":
        """Draw what is asked for and the images are enough for, for samples of one target."""
        if not samples:
            return []
        n = samples[0].target.n
        few = None if n >= SMALLEST_BOOTSTRAP else f"none (n < {SMALLEST_BOOTSTRAP})"
        of_images = _drawn(samples, few or image_weights(n, bootstrap))
        without_one = of_images
        of_clusters = _drawn(samples, "none (no subcategories)")
        if detailed:
            without_one = _drawn(samples, few or jackknife_weights(n))
        if clusters is not None:
            few = f"none (clusters < {SMALLEST_BOOTSTRAP})"
            enough = clusters.max() + 1 >= SMALLEST_BOOTSTRAP
            of_clusters = _drawn(samples, cluster_weights(clusters, bootstrap) if enough else few)
        drawn = zip(of_images, without_one, of_clusters, strict=True)
        return [cls(bootstrap.confidence, *each) for each in drawn]

    def interval(self, kind: str, name: str, r: float) -> Interval:
        """Return an interval of one statistic: "ci", "ci_bca" or "ci_cluster"."""
        drawn = self.clusters if kind == "ci_cluster" else self.images
        if kind != "ci_cluster" and name.endswith("between_subcategory"):
            # Images drawn twice add noise to the means of a few: the interval would miss r itself.
            return no_interval("none (subcategories are drawn, not images)")
        if isinstance(drawn, str):
            return no_interval(drawn)
        if kind == "ci_bca" and not isinstance(self.without_one, str):
            return bca_interval(r, drawn[name], self.without_one[name], self.confidence)
        return percentile_interval(drawn[name], self.confidence)


def _drawn(
    samples: Sequence[Sample], weights: Iterator[Counts] | str
) -> Sequence[Mapping[str, FloatArray] | str]:
    """Return the distribution of each sample, or for each the reason why there are no weights."""
    return [weights] * len(samples) if isinstance(weights, str) else distributions(samples, weights)


def _columns(
    prefix: str, found: _Statistic, resamples: _Resamples | None, name: str
) -> dict[str, Any]:
    """Return the three columns of one interval."""
    interval = no_interval(found.reason or "")
    if found.reason is None and resamples is not None:
        interval = resamples.interval(prefix, name, found.r)
    return {
        f"{prefix}_low": interval.low,
        f"{prefix}_high": interval.high,
        f"{prefix}_method": interval.method,
    }
