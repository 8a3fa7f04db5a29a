"""Two rank correlations with memorability compared, or one of them given what the other is of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorability.statistics.decomposition import not_tested
from memorability.statistics.inference import Inference, Runs, Units, infer
from memorability.statistics.intervals import (
    SMALLEST_BOOTSTRAP,
    Bootstrap,
    distributions,
    no_interval,
    percentile_interval,
)
from memorability.statistics.rank_correlation import aligned, p_value, undefined
from memorability.statistics.ranks import Counts, Drawn, FloatArray, Ranking, Ranks, Sample, Target


@dataclass(frozen=True)
class Difference:
    """The difference of two rank correlations with the same target over the same images.

    Attributes
    ----------
    n
        Number of images.
    r, base_r
        The two correlations, −1 to 1, each the mean over its runs; NaN where one is undefined.
    difference
        r less base_r, −2 to 2.
    unit
        What interval and p hold for: "images" or "subcategories", "and seeds" where either has several.
    seeds, base_seeds
        Number of runs of each.
    r_seed_sd, base_r_seed_sd
        Standard deviations of the runs' correlations (ddof 1), NaN of a single run.
    ci_low, ci_high
        Bounds of its confidence interval; NaN where there is none.
    ci_method
        How the interval was made, or in words why there is none.
    p
        Two-sided p-value of no difference, 0 to 1.
    """

    n: int
    r: float
    base_r: float
    difference: float
    unit: str
    seeds: int
    base_seeds: int
    r_seed_sd: float
    base_r_seed_sd: float
    ci_low: float
    ci_high: float
    ci_method: str
    p: float


def compare_correlations(
    values: pd.DataFrame,
    base: pd.DataFrame,
    images: pd.DataFrame,
    *,
    target: str,
    bootstrap: Bootstrap,
    same_runs: bool = False,
) -> Difference:
    """Return by how much `values` correlate with memorability more than `base` do.

    Each resample draws the same images, or subcategories where there are ten, for both, and for all
    runs of both, so that what images share cancels out of the difference. Runs are drawn as well, those
    of each by themselves, where one has several; of a single run on either side, the difference to
    what another seed would give is in neither interval nor p. Images that one of the three tables lacks
    are left out.

    Parameters
    ----------
    values, base
        Columns image_id, value and seed, as in `memorability.statistics.decomposition.correlate`; their
        seeds need not be the same.
    images, target, bootstrap
        As in `correlate`.
    same_runs
        Whether both are of the same runs, as after two epochs. Seeds must then be the same, and a run
        is drawn for both sides: what its seed moves alike cancels out.

    Returns
    -------
    Difference
        Of images and single runs a percentile interval, p being the bootstrap's: twice the smaller
        share of resamples whose difference is at most, or at least, 0, counting the sample itself
        once; at least 2 / (draws + 1). Else both are of `memorability.statistics.inference.infer`.

    Raises
    ------
    ValueError
        As in `correlate`.

    Notes
    -----
    Efron & Tibshirani, An introduction to the bootstrap, 1993, chapter 15.
    """
    shared = set(values["image_id"]) & set(base["image_id"]) & set(images["image_id"])
    tables = [table[table["image_id"].isin(shared)] for table in (values, base)]
    labels = ["category", "subcategory"]
    (ours, table), (theirs, _) = (aligned(each, images, target, labels) for each in tables)
    scores = table[target].to_numpy(dtype=np.float64)
    category, subcategory = (table[label].to_numpy(dtype=str) for label in labels)
    units = Units.of(category, subcategory, bootstrap)
    reasons = [undefined(runs, scores) for runs in (ours, theirs)]
    by_run = [np.full(len(runs), np.nan) for runs in (ours, theirs)]
    found = Inference(
        no_interval(next(filter(None, reasons), f"none (n < {SMALLEST_BOOTSTRAP})")),
        np.nan, units.word,
    )  # fmt: skip
    if not any(reasons):
        shared_target = Target(scores)
        samples = [Sample(runs, shared_target) for runs in (ours, theirs)]
        by_run = [sample.by_run["pooled"] for sample in samples]
        if units.n >= SMALLEST_BOOTSTRAP:
            drawn = distributions(samples, units.weights(bootstrap))
            compared = [
                Runs(each, of_each["pooled"]) for each, of_each in zip(by_run, drawn, strict=True)
            ]
            found = _compared(compared, units, bootstrap, same_runs=same_runs)
    r, base_r = (float(each.mean()) for each in by_run)
    spread, base_spread = (float(each.std(ddof=1)) if len(each) > 1 else np.nan for each in by_run)
    return Difference(
        n=units.n,
        r=r,
        base_r=base_r,
        difference=r - base_r,
        unit=found.unit,
        seeds=len(ours),
        base_seeds=len(theirs),
        r_seed_sd=spread,
        base_r_seed_sd=base_spread,
        ci_low=found.interval.low,
        ci_high=found.interval.high,
        ci_method=found.interval.method,
        p=found.p,
    )


def _compared(
    both: list[Runs], units: Units, bootstrap: Bootstrap, *, same_runs: bool
) -> Inference:
    """Return the inference on the difference of two correlations."""
    if units.clustered or any(len(each.by_run) > 1 for each in both):
        if same_runs:
            first, second = both
            of_runs = Runs(first.by_run - second.by_run, first.drawn - second.drawn)
            return infer([of_runs], units, bootstrap, of_difference=True)
        return infer(both, units, bootstrap)
    return _of_difference(both[0].drawn[0] - both[1].drawn[0], units, bootstrap)


def _of_difference(drawn: FloatArray, units: Units, bootstrap: Bootstrap) -> Inference:
    """Return the percentile interval and p of a difference in resamples of images (draws,)."""
    interval = percentile_interval(drawn, bootstrap.confidence)
    if np.isnan(interval.low):
        return Inference(interval, np.nan, units.word)
    kept = drawn[~np.isnan(drawn)]
    tail = 1 + min(np.count_nonzero(kept <= 0), np.count_nonzero(kept >= 0))
    return Inference(interval, float(min(1.0, 2 * tail / (len(kept) + 1))), units.word)


def given_controls(
    values: pd.DataFrame,
    controls: Mapping[Any, pd.DataFrame],
    images: pd.DataFrame,
    *,
    target: str,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Return what is left of a correlation with memorability once each of some controls is known.

    Given the control is Spearman's partial correlation: ranks of value and score, each less what a
    straight line through the ranks of the control says of it. It does not say what a control explains
    beyond such a line, nor what it would explain were it measured without noise.

    Runs are paired: a run of the values stands beside the run of the same seed, or beside the only one
    of the control. Images that one of the tables lacks are left out.

    Parameters
    ----------
    values
        Columns image_id, value and seed, as in `memorability.statistics.decomposition.correlate`.
    controls
        Name, of any type that a table can hold -> a table with the same columns.
    images, target, bootstrap
        As in `memorability.statistics.decomposition.correlate`.

    Returns
    -------
    pandas.DataFrame
        A row per control of method "pooled" and, where there are several categories, one of "partial",
        of which all correlations are given the category: control (its name), method, n (images), seeds
        (pairs of runs), r and control_r (of value and control with the score), agreement (of value with
        control), given_control_r with ci_low, ci_high, ci_method and p, all −1 to 1 and means over
        pairs; difference, r − control_r, with difference_ci_low, difference_ci_high, difference_p;
        unit, and not_tested, as in `correlate`. NaN where a variable is constant, or where value and
        control rank the images alike; ci_method then says so.

        Resamples draw images, or subcategories where there are ten, the same for all variables, which
        are ranked anew, and pairs of runs where there are several: see
        `memorability.statistics.inference.infer`. Of images and one pair, intervals are percentiles;
        p given the control is that of t with n − 3 degrees of freedom, n − 2 − k given k categories,
        p of the difference as in `compare_correlations`.

    Raises
    ------
    ValueError
        As in `correlate`.
    """
    tables = [values, *controls.values()]
    shared = set(images["image_id"]).intersection(*(set(each["image_id"]) for each in tables))
    labels = ["category", "subcategory"]
    kept = [each[each["image_id"].isin(shared)] for each in tables]
    (runs, table), *others = [aligned(each, images, target, labels) for each in kept]
    own, *of_others = [sorted(each["seed"].unique()) for each in kept]
    scores = table[target].to_numpy(dtype=np.float64)
    category, subcategory = (table[label].to_numpy(dtype=str) for label in labels)
    units = Units.of(category, subcategory, bootstrap)
    categories = len(np.unique(category))
    known = Target(scores, {"category": category} if categories > 1 else {})
    beside = _Beside(known, {}, {}, {})
    reasons = {}
    for name, (control, _), seeds in zip(controls, others, of_others, strict=True):
        pairs = _pairs(own, seeds)
        first, second = (sorted(set(side)) for side in zip(*pairs, strict=True))
        reasons[name] = undefined(runs[first], scores) or undefined(control[second], scores)
        if reasons[name] is None:
            beside.add(name, runs, control, pairs)
    once = beside.correlations(iter([np.ones((units.n, 1), dtype=np.int32)]))
    drawn = beside.correlations(units.weights(bootstrap) if units.n >= SMALLEST_BOOTSTRAP else None)
    rows = []
    for name, reason in reasons.items():
        for method in ["pooled", *(["partial"] if categories > 1 else [])]:
            lost = {"pooled": 3, "partial": 2 + categories}[method]
            row = {"control": name, "method": method, "n": units.n}
            row |= {"not_tested": not_tested(method, categories)}
            if reason is None:
                row |= _given(
                    once[name, method][:, :, 0], drawn.get((name, method)),
                    units, bootstrap, freedom=units.n - lost,
                )  # fmt: skip
            else:
                row |= _without(units, reason)
            rows.append(row)
    return pd.DataFrame(rows)


def _pairs(seeds: Sequence[str], others: Sequence[str]) -> list[tuple[int, int]]:
    """Return which run stands beside which: that of the same seed, or the only one there is."""
    if len(others) == 1:
        return [(place, 0) for place in range(len(seeds))]
    if len(seeds) == 1 and seeds[0] not in others:
        return [(0, place) for place in range(len(others))]
    return [(seeds.index(seed), others.index(seed)) for seed in seeds if seed in others]


@dataclass(frozen=True)
class _Beside:
    """Runs of a value and of controls, ranked, beside the score; each is ranked once a resample."""

    score: Target
    runs: dict[int, Ranking]
    controls: dict[tuple[str, int], Ranking]
    pairs: dict[str, list[tuple[int, int]]]

    def add(
        self, name: str, runs: FloatArray, control: FloatArray, pairs: list[tuple[int, int]]
    ) -> None:
        """Add a control (runs, n) and those runs (runs, n) that it stands beside."""
        self.pairs[name] = pairs
        for run, other in pairs:
            if run not in self.runs:
                self.runs[run] = self.score.rankings(runs[run])[0]
            if (name, other) not in self.controls:
                self.controls[name, other] = self.score.rankings(control[other])[0]

    def correlations(self, weights: Iterator[Counts] | None) -> dict[tuple[str, str], FloatArray]:
        """Return correlations under weights (n, b), if any: (control, method) -> (3, pairs, b).

        They are of value and score, of control and score, and of value and control.
        """
        parts: dict[tuple[str, str], list[FloatArray]] = {}
        for batch in weights or ():
            score = self.score.under(batch)
            runs = {place: Ranks(ranking, score.weights) for place, ranking in self.runs.items()}
            controls = {key: score.of(ranking) for key, ranking in self.controls.items()}
            of_runs = {place: self._methods(score, x) for place, x in runs.items()}
            of_controls = {key: self._methods(score, y.overall) for key, y in controls.items()}
            for name, pairs in self.pairs.items():
                alike = [self._methods(controls[name, other], runs[run]) for run, other in pairs]
                for method in alike[0]:
                    triple = [
                        [of_runs[run][method] for run, _ in pairs],
                        [of_controls[name, other][method] for _, other in pairs],
                        [each[method] for each in alike],
                    ]
                    parts.setdefault((name, method), []).append(np.array(triple))
        return {key: np.concatenate(part, axis=2) for key, part in parts.items()}

    def _methods(self, y: Drawn, x: Ranks) -> dict[str, FloatArray]:
        sums = y.sums(x)
        found = {"pooled": sums.pooled()}
        if self.score.levels:
            found["partial"] = sums.joined(self.score.levels["category"]).within()
        return found


def _given(
    once: FloatArray,
    drawn: FloatArray | None,
    units: Units,
    bootstrap: Bootstrap,
    *,
    freedom: int,
) -> dict[str, Any]:
    """Return the figures of one control from correlations (3, pairs) and resamples (3, pairs, b)."""
    left, difference = _left(*once), once[0] - once[1]
    if np.isnan(left).any():
        return _without(units, "undefined (the control ranks images as the value does)")
    mean = float(left.mean())
    r, control_r, agreement = (float(each.mean()) for each in once)
    none = Inference(no_interval(f"none (n < {SMALLEST_BOOTSTRAP})"), np.nan, units.word)
    p = p_value(mean, freedom)
    found, of_difference = Inference(none.interval, p, units.word), none
    if drawn is not None and (units.clustered or len(left) > 1):
        found = infer([Runs(left, _left(*drawn))], units, bootstrap)
        compared = Runs(difference, drawn[0] - drawn[1])
        of_difference = infer([compared], units, bootstrap, of_difference=True)
    elif drawn is not None:
        interval = percentile_interval(_left(*drawn)[0], bootstrap.confidence)
        found = Inference(interval, p, units.word)
        of_difference = _of_difference((drawn[0] - drawn[1])[0], units, bootstrap)
    return {
        "seeds": len(left),
        "r": r,
        "control_r": control_r,
        "agreement": agreement,
        "given_control_r": mean,
        "ci_low": found.interval.low,
        "ci_high": found.interval.high,
        "ci_method": found.interval.method,
        "p": found.p,
        "unit": found.unit,
        "difference": float(difference.mean()),
        "difference_ci_low": of_difference.interval.low,
        "difference_ci_high": of_difference.interval.high,
        "difference_p": of_difference.p,
    }


def _without(units: Units, reason: str) -> dict[str, Any]:
    """Return the figures of a control of which nothing is defined, and why."""
    numbers = ("r", "control_r", "agreement", "given_control_r", "ci_low", "ci_high", "p")
    of_difference = ("difference", "difference_ci_low", "difference_ci_high", "difference_p")
    return {
        **dict.fromkeys([*numbers, *of_difference], np.nan),
        "seeds": 0, "ci_method": reason, "unit": units.word,
    }  # fmt: skip


def _left(value: FloatArray, control: FloatArray, agreement: FloatArray) -> FloatArray:
    """Return the partial correlation of value and score given the control, NaN where undefined.

    From those of value and score, of control and score, and of value and control.
    """
    rest = (1 - np.square(control)) * (1 - np.square(agreement))
    above = value - control * agreement
    # Rounding leaves of 1 − 1 a little, which is nothing.
    defined = rest > 1e-12
    r = np.divide(above, np.sqrt(np.abs(rest)), out=np.full(above.shape, np.nan), where=defined)
    return np.asarray(np.clip(r, -1, 1))
