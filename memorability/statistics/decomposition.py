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
from memorability.statistics.inference import Inference, Resamples, Units
from memorability.statistics.intervals import (
    SMALLEST_BOOTSTRAP,
    Bootstrap,
    Interval,
    bca_interval,
    no_interval,
    percentile_interval,
)
from memorability.statistics.rank_correlation import aligned, p_value, seed_agreement, undefined
from memorability.statistics.ranks import FloatArray, Labels, Sample, Target, nested

BoolArray = NDArray[np.bool_]

_PART = "part_between"
# Columns of `correlate` after p, and their types.
HOLDS_FOR = {
    "unit": "str",
    "images_per_category": "str",
    "not_tested": "str",
    "clusters": "Int64",
    "seed_agreement": "float64",
    "ci_images_low": "float64",
    "ci_images_high": "float64",
    "ci_images_method": "str",
    "p_images": "float64",
}
# Columns that `correlate` adds where it goes into details, and their types.
DETAILS = {
    "strata": "Int64",
    "ci_bca_low": "float64",
    "ci_bca_high": "float64",
    "ci_bca_method": "str",
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
        One row per image: image_id (str), category (str), subcategory (str, "" where there is none)
        and the column `target`, finite.
    target
        Column of `images` to correlate with, for example "score".
    bootstrap
        How images, subcategories and runs are resampled.
    detailed
        Whether to add the rows and columns said below, which take about eight times as long.

    Returns
    -------
    list of pandas.DataFrame
        Of each model, columns target, group, method, n (images), seeds (runs), r, r_seed_sd (standard
        deviation over seeds, ddof 1, NaN for one seed), ci_low, ci_high, ci_method, p. One row for
        group "all" (method "pooled"), one per category in sorted order ("within") and, where there are
        several categories, one for "all" given category ("partial"): ranks over all images less
        their category's mean rank, correlated by Pearson's formula. All n and units as above;
        correlations range from −1 to 1.

        What the interval and p hold for is in the column unit. Where the row's images are of ten
        subcategories or more, subcategories are drawn, all images of one together ("subcategories"),
        else images ("images"); of several seeds, these are drawn as well ("subcategories and seeds",
        "images and seeds"). Both follow `memorability.statistics.inference.infer`; of images and one
        seed they are those of the columns ci_images_low, ci_images_high, ci_images_method (percentile
        interval of resampled images, runs as they are; without `detailed` it is drawn only where images
        are the unit) and p_images (t with n − 2 degrees of freedom, n − 1 − k given k categories).
        clusters counts subcategories. images_per_category: "fixed" where resamples keep those of each
        category, "drawn" where they do not. not_tested names what neither p is a test against: means
        of categories differ, and too few categories are there to draw them. seed_agreement: mean
        rank correlation of the values between every two seeds, NaN for one.

        With `detailed` also columns strata (how many categories or subcategories the row divides its
        images into, missing where none), ci_bca_low, ci_bca_high, ci_bca_method (bias-corrected and
        accelerated, of the same resamples of images); and rows, all but the last of group "all":

        - "mean_within": mean of the categories' correlations, each category counting the same; those
          without a correlation are left out; p_images by the normal approximation of independent
          correlations with variances 1 / (n − 1);
        - "between_category": correlation of categories' mean ranks, each counting as often as it has
          images; both p with k − 2 degrees of freedom, their means being the units;
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
    columns = ["category", "subcategory"]
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
    subcategory = table["subcategory"].to_numpy(dtype=str)
    rows: list[list[dict[str, Any]]] = [[] for _ in experiments]
    all_groups = list(groups(category, subcategory, detailed=detailed))
    with progress(len(all_groups), "correlating groups of images") as step:
        for group in all_groups:
            of_group = [runs[:, group.chosen] for runs in experiments]
            labels = category[group.chosen], subcategory[group.chosen]
            units = Units.of(*labels, bootstrap)
            found = _rows(
                group, of_group, scores[group.chosen], units, bootstrap, detailed=detailed
            )
            categories = len(np.unique(labels[0]))
            for of_experiment, added in zip(rows, found, strict=True):
                of_experiment += [
                    {"target": target, "group": group.name}
                    | row
                    | {"not_tested": not_tested(row["method"], categories)}
                    for row in added
                ]
            step()
    # The order of reading: pooled, each category, given the category, then the rest.
    order = {method: place for place, method in enumerate(["pooled", "within", "partial"])}
    for of_experiment in rows:
        of_experiment.sort(key=lambda row: order.get(row["method"], len(order)))
    tables = [pd.DataFrame(of_experiment) for of_experiment in rows]
    return [table.astype(HOLDS_FOR | (DETAILS if detailed else {})) for table in tables]


def not_tested(method: str, categories: int) -> str:
    """Return what no p-value of a method is a test against, or nothing."""
    if method in ("pooled", "without", f"{_PART}_category") and categories > 1:
        few = ", too few for any method" if categories < SMALLEST_BOOTSTRAP else ""
        return f"chance differences between {categories} categories{few}"
    return ""


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
    units: Units,
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
    found = zip(samples, Resamples.of(samples, units, bootstrap, detailed=detailed), strict=True)
    for runs, reason in zip(experiments, reasons, strict=True):
        sample, resamples = next(found) if reason is None else (None, None)
        agreement = np.nan if reason else seed_agreement(runs)
        rows = []
        for name in group.names(detailed=detailed):
            statistic = _Statistic(len(target), np.nan, np.nan, None, np.nan, reason)
            if sample:
                statistic = _statistic(sample, name)
            shown = Inference(no_interval(statistic.reason or ""), np.nan, units.word)
            of_images = bca = shown.interval
            if statistic.reason is None and sample and resamples:
                shown = resamples.inference(name, sample.by_run[name], statistic.p)
                of_images = _interval(resamples, name)
                bca = _bca(resamples, name, statistic.r)
            # The units of means are the means themselves.
            p = statistic.p if "between" in name else shown.p
            row = {"method": group.method_of(name), "n": statistic.n, "seeds": len(runs)}
            row |= {"r": statistic.r, "r_seed_sd": statistic.spread}
            row |= _columns("ci", shown.interval) | {"p": p, "unit": shown.unit}
            row |= {
                "images_per_category": "drawn" if units.categories is None else "fixed",
                "not_tested": "",
                "clusters": units.count,
                "seed_agreement": agreement,
            }
            row |= _columns("ci_images", of_images) | {"p_images": statistic.p}
            if detailed:
                row |= {"strata": statistic.strata} | _columns("ci_bca", bca)
            rows.append(row)
        yield rows


def _interval(resamples: Resamples, name: str) -> Interval:
    """Return the percentile interval over images of one statistic."""
    drawn = resamples.images(name)
    if isinstance(drawn, str):
        return no_interval(drawn)
    return percentile_interval(drawn, resamples.bootstrap.confidence)


def _bca(resamples: Resamples, name: str, r: float) -> Interval:
    """Return the bias-corrected and accelerated interval over images of one statistic."""
    drawn, without_one = resamples.images(name), resamples.jackknifed(name)
    if isinstance(drawn, str):
        return no_interval(drawn)
    if isinstance(without_one, str):
        return no_interval(without_one)
    return bca_interval(r, drawn, without_one, resamples.bootstrap.confidence)


def _columns(prefix: str, interval: Interval) -> dict[str, Any]:
    """Return the three columns of one interval."""
    return {
        f"{prefix}_low": interval.low,
        f"{prefix}_high": interval.high,
        f"{prefix}_method": interval.method,
    }


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
