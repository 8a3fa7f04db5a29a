"""The choice of a learning rate: how the paper makes it, how to make it honestly, what chance makes.

The paper reports, for each loss, the learning rate whose errors correlate most with memorability, on
the same images and observers that the choice was made on. The best of many numbers is too high on
average. Three answers stand beside it here:

- *images*: choose on a random half of the images, report the correlation on the other half;
- *observers*: choose on scores from a random half of each image's responses, report the correlation
  with the scores from the other half;
- a permutation test of the maximum: how often do shuffled scores correlate as highly with the best of
  all learning rates, of one loss or of all losses?
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memorability.base.run_keys import METRIC_KEYS
from memorability.base.seeding import numpy_stream
from memorability.memory_game.ceiling import split_counts
from memorability.statistics.best_rate import best_rate
from memorability.statistics.decomposition import MOST_STRATA_SHARE
from memorability.statistics.rank_correlation import standard_ranks, subset_correlations
from memorability.statistics.ranks import SMALLEST_SAMPLE, nested

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

HALVES = 100
"""Random halvings behind an honest correlation."""

PERMUTATIONS = 1000
"""Shuffles of the scores behind a p-value, which is then at least 1 / 1001."""

COUNTS = ["hits", "false_alarms", "responses"]
_LOSS_KEYS = ["protocol", "loss", *METRIC_KEYS]
_BATCH = 64  # permutations in work at once: 5 MB at 10,000 images


@dataclass(frozen=True)
class Selection:
    """Three tables about the choice of a learning rate for each loss.

    Attributes
    ----------
    selection
        A row per protocol, loss and rule ("published", "images", "observers"): protocol, loss,
        metric, backbone, sign, rule, target, n (images), rates (learning rates to choose from),
        skipped (those without a correlation, for example because a run diverged; empty if none), lr
        (the one chosen, or chosen most often), share (of the choices that fell on it, 0–1), r
        (published: on the images it was chosen on; else on the other halves, mean over repeats),
        r_sd, r_middle_low, r_middle_high (over repeats: standard deviation with ddof 1, 2.5th and
        97.5th percentile; halves of repeats overlap, so that this is no confidence interval),
        r_choosing (on the halves that chose), optimism (r_choosing − r, 0 or more),
        repeats, p_loss and p_grid (one-sided, of the published row: the highest of the loss's
        learning rates against the highest, in shuffled scores, of the same learning rates and of
        all losses and learning rates of the protocol), p_grid_within (as p_grid, but scores are
        shuffled within groups of images alone), within (these groups: "subcategory", or "category"
        where subcategories are mostly single images or missing; "" where there is neither and
        p_grid_within is missing), permutations. NaN, or an empty lr, where there is no such number.
    choices
        A row per protocol, loss, rule and learning rate: protocol, loss, metric, backbone, sign, rule,
        lr, share.
    seeds
        A row per run: protocol, loss, metric, backbone, sign, lr, seed, r; NaN where it is undefined.
    """

    selection: pd.DataFrame
    choices: pd.DataFrame
    seeds: pd.DataFrame


@dataclass(frozen=True)
class Choice:
    """Choosing on one part of the data and reporting on the other, over repeats.

    Attributes
    ----------
    share
        (rates,) share of the choices that fell on each learning rate, 0–1.
    reported
        (repeats,) correlation of the chosen learning rate on the part that did not choose.
    choosing
        (repeats,) its correlation on the part that chose.
    """

    share: FloatArray
    reported: FloatArray
    choosing: FloatArray


def select_learning_rates(
    values: pd.DataFrame,
    images: pd.DataFrame,
    *,
    target: str,
    seed: int,
    halves: int = HALVES,
    permutations: int = PERMUTATIONS,
) -> Selection:
    """Choose a learning rate for each loss by the published rule and by honest ones.

    The correlation of a learning rate is Spearman's r of error and score, mean over seeds, all
    categories pooled. All losses of a protocol share halves and shuffles.

    Parameters
    ----------
    values
        Errors as from `memorability.analysis.gathering.from_errors`.
    images
        The image table. The rule "observers" uses the images whose counts are known and that have at
        least 2 responses, and is left out where there are too few for a correlation.
    target
        Column of `images`: score or score_uncorrected.
    seed
        Of the streams "selection images", "selection observers" and "selection permutations".
    halves, permutations
        Numbers of repeats, at least 1.

    Returns
    -------
    Selection
        Rows ordered by protocol and loss.

    Raises
    ------
    ValueError
        If an image of `values` has no finite score or is not in the image table.

    Notes
    -----
    Published rule: paper section "Memorable images are harder to reconstruct and more distinct".
    Maximum statistic: Westfall and Young, Resampling-Based Multiple Testing, 1993. The shuffling of
    p_loss and p_grid ignores categories, as the published correlation does: a low p speaks against
    chance, not for an effect beyond categories. That of p_grid_within keeps what categories and
    subcategories have in common.
    """
    rows: list[dict[str, Any]] = []
    choices: list[dict[str, Any]] = []
    seeds: list[pd.DataFrame] = []
    for _, of_protocol in values.groupby("protocol", sort=True):
        ids = np.sort(of_protocol["image_id"].unique())
        scored = _scored(images, ids, target)
        scores = scored[target].to_numpy(dtype=np.float64)
        losses = [
            _loss(keys, group, ids, scores)
            for keys, group in of_protocol.groupby(_LOSS_KEYS, sort=True)
        ]
        seeds += [loss.seeds for loss in losses]
        rates, of_scores = [loss.ranks for loss in losses], standard_ranks(scores)
        tests = maximum_test(
            rates,
            of_scores,
            generator=numpy_stream(seed, "selection permutations"),
            permutations=permutations,
        )
        category, subcategory = (
            scored[name].to_numpy(dtype=str) for name in ("category", "subcategory")
        )
        within, strata = _strata(category, subcategory)
        tests_within = [(np.nan, np.nan)] * len(losses)
        if within:
            tests_within = maximum_test(
                rates,
                of_scores,
                generator=numpy_stream(seed, "selection permutations within"),
                permutations=permutations,
                strata=strata,
            )
        generator = numpy_stream(seed, "selection images")
        drawn = [image_halves(category, generator) for _ in range(halves)]
        first, second = zip(*drawn, strict=True)
        split_scores = _observer_halves(scored, target, halves, seed)
        for loss, (p_loss, p_grid), (_, p_within) in zip(losses, tests, tests_within, strict=True):
            published: dict[str, Any] = {"permutations": permutations, "within": within}
            published |= {"p_loss": p_loss, "p_grid": p_grid, "p_grid_within": p_within}
            on_all = loss.r[np.newaxis]
            rules = {
                "published": (choose_and_report(loss.rates, on_all, on_all), len(ids), published)
            }
            on_images = [loss.in_images(subsets, scores) for subsets in (first, second)]
            rules["images"] = (choose_and_report(loss.rates, *on_images), len(ids), {})
            if split_scores is not None:
                counted, scores_of_halves = split_scores
                ranks = loss.ranks_of(counted)
                on_scores = [_products(standard_ranks(half), ranks) for half in scores_of_halves]
                rules["observers"] = (choose_and_report(loss.rates, *on_scores), len(counted), {})
            for rule, (choice, n, extra) in rules.items():
                keys = loss.keys | {"rule": rule}
                known = {"target": target, "n": n, "rates": len(loss.rates)}
                known |= {"skipped": ", ".join(loss.skipped)}
                rows.append(keys | known | _summary(choice, loss.rates) | _NO_TEST | extra)
                choices += [
                    keys | {"lr": lr, "share": share}
                    for lr, share in zip(loss.rates, choice.share, strict=True)
                ]
    table = pd.DataFrame(rows)
    table.loc[table["rule"] == "published", ["r_choosing", "optimism"]] = np.nan
    return Selection(
        table.astype({"permutations": "Int64"}),
        pd.DataFrame(choices, columns=[*_LOSS_KEYS, "rule", "lr", "share"]),
        pd.concat(seeds, ignore_index=True),
    )


def choose_and_report(rates: Sequence[str], first: FloatArray, second: FloatArray) -> Choice:
    """Choose the best learning rate on each half and report it on the other.

    Both halves of a repeat choose in turn and what they report is averaged, so that neither half is
    wasted and the choosing half is never worse than the reporting one.

    Parameters
    ----------
    rates
        Labels of the learning rates, of which no seed diverged.
    first, second
        (repeats, rates) correlations on the two halves. Repeats with an undefined one are dropped.

    Returns
    -------
    Choice
        Without repeats (shares are NaN) if none is defined or there are no learning rates.
    """
    if not rates:
        return Choice(np.empty(0), np.empty(0), np.empty(0))
    defined = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    a, b = first[defined], second[defined]
    repeats = np.arange(len(a))
    none_diverged = np.zeros(len(rates), dtype=np.bool_)
    best_a, best_b = (best_rate(rates, half, none_diverged) for half in (a, b))
    counts = np.bincount(np.concatenate([best_a, best_b]), minlength=len(rates))
    with np.errstate(invalid="ignore"):
        share = counts / np.float64(2 * len(a))
    return Choice(
        share,
        (b[repeats, best_a] + a[repeats, best_b]) / 2,
        (a[repeats, best_a] + b[repeats, best_b]) / 2,
    )


def maximum_test(
    losses: list[FloatArray],
    target: FloatArray,
    *,
    generator: np.random.Generator,
    permutations: int,
    strata: IntArray | None = None,
) -> list[tuple[float, float]]:
    """Test the highest correlation of each loss against the highest that shuffled scores reach.

    Parameters
    ----------
    losses
        Per loss (rates, n): `standard_ranks` of each learning rate, mean over seeds; their product
        with `target` is the mean over seeds of Spearman's correlation. Losses without any learning
        rate have p-values of NaN.
    target
        (n,) `standard_ranks` of the scores.
    generator
        Source of the shuffles.
    permutations
        Their number, at least 1.
    strata
        (n,) groups of images, numbered from 0: scores are shuffled within each of them. None: over all
        images.

    Returns
    -------
    list of tuple
        Per loss two one-sided p-values, (1 + shuffles as high) / (1 + shuffles): against the maximum
        over its own learning rates, and against the maximum over all losses.
    """
    used = [ranks for ranks in losses if len(ranks)]
    if not used:
        return [(np.nan, np.nan)] * len(losses)
    cells, starts = np.concatenate(used), np.cumsum([0, *(len(ranks) for ranks in used)])[:-1]
    observed = np.maximum.reduceat(cells @ target, starts)
    as_high = np.zeros((2, len(used)))
    for begin in range(0, permutations, _BATCH):
        size = min(_BATCH, permutations - begin)
        shuffled = _shuffled(target, strata, size, generator)
        highest = np.maximum.reduceat(cells @ shuffled.T, starts, axis=0)
        # Sums of the same numbers in another order differ in their last bits.
        least = observed[:, np.newaxis] - 1e-12
        as_high += [(highest >= least).sum(axis=1), (highest.max(axis=0) >= least).sum(axis=1)]
    found = iter(((1 + as_high) / (1 + permutations)).T.tolist())
    return [tuple(next(found)) if len(ranks) else (np.nan, np.nan) for ranks in losses]


def _shuffled(
    target: FloatArray, strata: IntArray | None, size: int, generator: np.random.Generator
) -> FloatArray:
    """Return shuffles (size, n) of the target (n,), within strata (n,) where there are any."""
    if strata is None:
        return generator.permuted(np.tile(target, (size, 1)), axis=1)
    # Whole parts keep the strata together, and chance orders each of them.
    order = np.argsort(strata + generator.random((size, len(target))), axis=1)
    shuffled = np.empty((size, len(target)))
    shuffled[:, np.argsort(strata, kind="stable")] = target[order]
    return shuffled


def _strata(category: NDArray[np.str_], subcategory: NDArray[np.str_]) -> tuple[str, IntArray]:
    """Return what scores are shuffled within, in words, and the group of each image (n,)."""
    categories, subcategories = nested([category]), nested([category, subcategory])
    counts = [int(numbers.max()) + 1 for numbers in (categories, subcategories)]
    if counts[0] < counts[1] <= MOST_STRATA_SHARE * len(category):
        return "subcategory", subcategories
    return "category" if counts[0] > 1 else "", categories


def image_halves(
    category: NDArray[np.str_], generator: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Return the rows of two random halves of the images (n,), each with half of every category.

    Of a category with an odd number of images either half gets the odd one with equal probability.
    """
    first = np.zeros(len(category), dtype=np.bool_)
    for name in np.unique(category):
        rows = np.flatnonzero(category == name)
        size = (len(rows) + generator.integers(0, 2)) // 2
        first[generator.permutation(rows)[:size]] = True
    return np.flatnonzero(first), np.flatnonzero(~first)


def _products(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the correlations (a, b) of standard ranks x (a, n) and y (b, n)."""
    return np.asarray(np.clip(x @ y.T, -1, 1), dtype=np.float64)


@dataclass(frozen=True)
class _Loss:
    """The runs of one loss: errors (rates, seeds, n) of the learning rates that have a correlation."""

    keys: dict[str, str]
    rates: list[str]
    skipped: list[str]
    errors: FloatArray
    ranks: FloatArray
    r: FloatArray
    seeds: pd.DataFrame

    def in_images(self, subsets: Sequence[IntArray], scores: FloatArray) -> FloatArray:
        """Return the correlation (subsets, rates) of each learning rate in each subset of images."""
        by_rate = [subset_correlations(runs, scores, subsets).mean(axis=0) for runs in self.errors]
        return np.reshape(by_rate, (len(self.rates), len(subsets))).T

    def ranks_of(self, chosen: IntArray) -> FloatArray:
        """Return mean standard ranks (rates, m) among the images `chosen`."""
        return np.asarray(standard_ranks(self.errors[..., chosen]).mean(axis=1))


def _loss(keys: Any, group: pd.DataFrame, ids: NDArray[np.object_], scores: FloatArray) -> _Loss:
    rates = sorted(group["lr"].unique(), key=float)
    names = sorted(group["seed"].unique(), key=int)
    wide = group.pivot_table(
        index=["lr", "seed"], columns="image_id", values="value", aggfunc="first", dropna=False
    )
    runs = pd.MultiIndex.from_product([rates, names])
    errors = wide.reindex(runs)[ids].to_numpy(dtype=np.float64)
    finite = np.isfinite(errors).all(axis=1)
    ranks = standard_ranks(np.where(finite[:, np.newaxis], errors, 0))
    by_run = _products(ranks, standard_ranks(scores)[np.newaxis]).reshape(len(rates), len(names))
    known = dict(zip(_LOSS_KEYS, map(str, keys), strict=True))
    seeds = runs.to_frame(index=False, name=["lr", "seed"]).assign(**known, r=by_run.ravel())
    usable = np.asarray(np.isfinite(by_run).all(axis=1))
    shape = (len(rates), len(names), len(ids))
    return _Loss(
        known,
        [rate for rate, used in zip(rates, usable, strict=True) if used],
        [rate for rate, used in zip(rates, usable, strict=True) if not used],
        errors.reshape(shape)[usable],
        ranks.reshape(shape)[usable].mean(axis=1),
        by_run[usable].mean(axis=1),
        seeds[[*_LOSS_KEYS, "lr", "seed", "r"]],
    )


def _scored(images: pd.DataFrame, ids: NDArray[np.object_], target: str) -> pd.DataFrame:
    """Return the rows of the image table that belong to `ids`, in their order."""
    scored = images.set_index("image_id").reindex(ids)
    bad = scored.index[~np.isfinite(scored[target].to_numpy(dtype=np.float64, na_value=np.nan))]
    if len(bad) > 0:
        raise ValueError(
            f"image {bad[0]!r} has errors but no finite {target} in the image table ({len(bad)} such "
            "images); expected a score for every image with errors; check that both tables come "
            "from one study"
        )
    return scored


def _observer_halves(
    scored: pd.DataFrame, target: str, halves: int, seed: int
) -> tuple[IntArray, FloatArray] | None:
    """Return the rows (m,) whose responses can be halved, and scores of halves (2, halves, m)."""
    known = scored[COUNTS].notna().all(axis=1) & (scored["responses"].fillna(0) >= 2)
    rows = np.flatnonzero(known.to_numpy(dtype=np.bool_))
    if len(rows) < SMALLEST_SAMPLE:
        return None
    generator = numpy_stream(seed, "selection observers")
    hits, false_alarms, responses = (
        scored[name].iloc[rows].to_numpy(dtype=np.int64) for name in COUNTS
    )
    drawn = (
        split_counts(hits, false_alarms, responses, generator=generator) for _ in range(halves)
    )
    scores = [[half.score(target) for half in pair] for pair in drawn]
    return rows, np.moveaxis(np.asarray(scores), 1, 0)


_NO_TEST = {
    "p_loss": np.nan, "p_grid": np.nan, "p_grid_within": np.nan, "within": "", "permutations": pd.NA,
}  # fmt: skip


def _summary(choice: Choice, rates: list[str]) -> dict[str, Any]:
    repeats = len(choice.reported)
    if not repeats:
        names = ("share", "r", "r_sd", "r_middle_low", "r_middle_high", "r_choosing", "optimism")
        return {"lr": "", "repeats": 0} | dict.fromkeys(names, np.nan)
    several = repeats > 1
    low, high = np.percentile(choice.reported, [2.5, 97.5]) if several else (np.nan, np.nan)
    return {
        "lr": rates[int(choice.share.argmax())],
        "repeats": repeats,
        "share": float(choice.share.max()),
        "r": float(choice.reported.mean()),
        "r_sd": float(choice.reported.std(ddof=1)) if several else np.nan,
        "r_middle_low": float(low),
        "r_middle_high": float(high),
        "r_choosing": float(choice.choosing.mean()),
        "optimism": float((choice.choosing - choice.reported).mean()),
    }
