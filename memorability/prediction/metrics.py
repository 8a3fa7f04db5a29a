"""How well predictions fit observed scores, and how certain that is for new images or subcategories."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import rankdata, t
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from memorability.statistics.inference import Runs, Units, infer
from memorability.statistics.intervals import (
    SMALLEST_BOOTSTRAP,
    Bootstrap,
    image_weights,
    percentile_interval,
)
from memorability.statistics.ranks import SMALLEST_SAMPLE, Counts, Ranking, Ranks, codes

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
# Rank correlations, and differences, which have no name.
_PLAIN = ("", "spearman", "given_category", "mean_within")
METRICS = (
    "roc_auc", "pr_auc", "spearman", "pearson", "mse",
    "accuracy", "precision", "sensitivity", "specificity", "f1",
)  # fmt: skip


def evaluate_prediction(predicted: Floats, scores: Floats, *, threshold: float) -> dict[str, float]:
    """Compare predicted with observed scores, as ranks, as values and as two classes.

    An image is memorable (positive) when its score is at or above the threshold, and predicted to
    be memorable when its prediction is.

    Parameters
    ----------
    predicted
        Predicted scores, (N,), N at least 1, finite.
    scores
        Observed scores, (N,), finite.
    threshold
        The score from which on an image counts as memorable, in units of the scores.

    Returns
    -------
    dict
        roc_auc and pr_auc (average precision) of the predictions as ranking, spearman, pearson,
        mse, and accuracy, precision, sensitivity, specificity and f1 of the two classes. NaN where
        undefined: areas when the scores are of one class, correlations when predictions or scores
        are constant, and ratios whose denominator is zero.

    Raises
    ------
    ValueError
        If the arrays are empty, of different shapes or not finite.

    Notes
    -----
    Source: "Memorability behavior can be predicted from the autoencoder latent representation".
    The paper thresholds at "the median memorability score", see `class_threshold`.
    """
    _check_pairs(predicted, scores)
    positive, called = scores >= threshold, predicted >= threshold
    both_classes = positive.any() and not positive.all()
    varying = np.ptp(predicted) > 0 and np.ptp(scores) > 0
    ranks = rankdata(predicted), rankdata(scores)
    # One matrix for five ratios: scikit-learn's score functions would each count anew, per draw.
    (tn, fp), (fn, tp) = confusion_matrix(positive, called, labels=[False, True]).tolist()
    metrics = {
        "roc_auc": roc_auc_score(positive, predicted) if both_classes else math.nan,
        "pr_auc": average_precision_score(positive, predicted) if both_classes else math.nan,
        "spearman": np.corrcoef(*ranks)[0, 1] if varying else math.nan,
        "pearson": np.corrcoef(predicted, scores)[0, 1] if varying else math.nan,
        "mse": np.mean((predicted - scores) ** 2),
        "accuracy": _ratio(tp + tn, len(scores)),
        "precision": _ratio(tp, tp + fp),
        "sensitivity": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }
    return {name: float(value) for name, value in metrics.items()}


def cases(predicted: Floats, scores: Floats, *, threshold: float) -> dict[str, int]:
    """Return on how many images each metric rests: of the smaller class, or of the denominator.

    A precision of two images that are called memorable rests on two, whatever the number of test
    images, and its resamples know no others. Of fewer than `SMALLEST_BOOTSTRAP` there is no interval.

    Parameters
    ----------
    predicted, scores, threshold
        See `evaluate_prediction`.
    """
    positive, called = scores >= threshold, predicted >= threshold
    count, positives, calls = len(scores), int(positive.sum()), int(called.sum())
    rests_on = {
        "roc_auc": min(positives, count - positives),
        "pr_auc": min(positives, count - positives),
        "precision": calls,
        "sensitivity": positives,
        "specificity": count - positives,
        "f1": min(positives, calls),
    }
    return {name: rests_on.get(name, count) for name in METRICS}


def _ratio(count: int, total: int) -> float:
    return count / total if total else math.nan


def _check_pairs(predicted: Floats, scores: Floats) -> None:
    if predicted.ndim != 1 or predicted.shape != scores.shape or not len(predicted):
        raise ValueError(
            f"Predictions have shape {predicted.shape} and scores {scores.shape}. Expected two "
            "arrays (N,) of the same images, N at least 1. Align them by image."
        )
    if not (np.isfinite(predicted).all() and np.isfinite(scores).all()):
        raise ValueError(
            "Predictions or scores to compare are not finite. Expected a finite value of both for "
            "every image. Drop the images without a score, or check the predictor."
        )


@dataclass(frozen=True)
class Bootstrapped:
    """Metrics of several heads for the same images, and their values in the same resamples.

    Attributes
    ----------
    n
        Number of images.
    estimates
        Head -> metric -> value.
    draws
        Head -> values (draws, metrics) in each resample, in the order of `metrics`; NaN where a
        metric is undefined.
    cases
        Head -> metric -> images that it rests on, see `cases`.
    bootstrap
        How units were resampled.
    units
        What was resampled: subcategories where there are ten or more, else images.
    metrics
        Their names, in the order of the columns of the draws.
    """

    n: int
    estimates: Mapping[str, Mapping[str, float]]
    draws: Mapping[str, FloatArray]
    cases: Mapping[str, Mapping[str, int]]
    bootstrap: Bootstrap
    units: Units
    metrics: Sequence[str] = METRICS

    def table(self) -> pd.DataFrame:
        """Return head, metric, value, ci_low, ci_high, cases, n, unit and clusters.

        Intervals are those of `metric_interval`; over subcategories, correlations of ranks have that of
        `memorability.statistics.inference.infer`. Resamples in which a metric is undefined do not count
        towards its interval; where more than half are, or the metric itself is, or it rests on too few
        images, the interval is NaN.
        """
        rows = [
            {"head": head, "metric": metric, "value": values[metric]}
            | self._interval(values[metric], place, head)
            | {"cases": self.cases[head][metric]}
            for head, values in self.estimates.items()
            for place, metric in enumerate(self.metrics)
        ]
        return self._described(pd.DataFrame(rows))

    def gains(self, baselines: list[str]) -> pd.DataFrame:
        """Return by how much every head differs from each baseline, resampled together.

        Returns
        -------
        pandas.DataFrame
            head, baseline, metric, difference (head less baseline, in units of the metric), ci_low,
            ci_high, n, unit and clusters. A positive difference is a gain, but for mse, where a
            negative one is.
        """
        rows = [
            {"head": head, "baseline": baseline, "metric": metric, "difference": difference}
            | self._interval(difference, place, head, baseline)
            for baseline in baselines
            for head, values in self.estimates.items()
            if head != baseline
            for place, metric in enumerate(self.metrics)
            for difference in [values[metric] - self.estimates[baseline][metric]]
        ]
        columns = ["head", "baseline", "metric", "difference", "ci_low", "ci_high"]
        return self._described(pd.DataFrame(rows, columns=columns))

    def _described(self, table: pd.DataFrame) -> pd.DataFrame:
        clusters = pd.array([self.units.count] * len(table), dtype="Int64")
        return table.assign(n=self.n, unit=self.units.word, clusters=clusters)

    def _interval(
        self, value: float, place: int, head: str, baseline: str = ""
    ) -> dict[str, float]:
        """Return the interval of a head's metric, or of its difference from a baseline's."""
        heads = [head, baseline] if baseline else [head]
        draws = self.draws[head][:, place] - (self.draws[baseline][:, place] if baseline else 0)
        metric = "" if baseline else self.metrics[place]
        few = min(self.cases[name][self.metrics[place]] for name in heads) < SMALLEST_BOOTSTRAP
        if few or math.isnan(value):
            return {"ci_low": math.nan, "ci_high": math.nan}
        units, confidence = self.units, self.bootstrap.confidence
        if units.clustered and metric in _PLAIN:
            of_one = [Runs(np.asarray([value]), draws[np.newaxis])]
            interval = infer(of_one, units, self.bootstrap, of_difference=not metric).interval
            low, high = interval.low, interval.high
        else:
            n, freedom = (units.drawn, units.freedom) if units.clustered else (self.n, self.n - 1)
            low, high = metric_interval(metric, value, draws, n, confidence, freedom=freedom)
        return {"ci_low": low, "ci_high": high}


def metric_interval(
    metric: str,
    value: float,
    draws: FloatArray,
    n: int,
    confidence: float,
    *,
    freedom: int,
) -> tuple[float, float]:
    """Return the interval of a metric of images that were resampled, its low and its high end.

    Shares and areas are symmetric on the scale of log odds, squared errors on that of logarithms,
    Pearson's r on Fisher's z: the interval is t standard errors wide there, the standard error being
    that of the draws. Of few images, percentiles are too narrow and lie where the draws are skewed
    to. Rank correlations, differences, and shares and areas of 0 or 1 have percentile intervals.

    Parameters
    ----------
    metric
        Of `METRICS`, "mean_within", or "" for a difference.
    value, draws
        Of the images, and in each resample, (draws,), NaN where undefined.
    n
        Number of images, or of subcategories, that were resampled.
    confidence
        Coverage, between 0 and 1.
    freedom
        Degrees of freedom of the spread between them.

    Notes
    -----
    Source: the delta method; Pepe 2003, "The Statistical Evaluation of Medical Tests for
    Classification and Prediction", for areas and shares on the scale of log odds.
    """
    plain = percentile_interval(draws, confidence)
    if metric in _PLAIN or n < 2 or math.isnan(plain.low):
        return plain.low, plain.high
    forth, back, slope = {
        "mse": (np.log, np.exp, value),
        "pearson": (np.arctanh, np.tanh, 1 - value**2),
    }.get(metric, (logit, expit, value * (1 - value)))
    if not slope > 0:
        return plain.low, plain.high
    error = np.nanstd(draws) * math.sqrt(n / freedom)
    half = error * t.ppf((1 + confidence) / 2, freedom) / slope
    return float(back(forth(value) - half)), float(back(forth(value) + half))


def mean_within(by_category: Sequence[Bootstrapped]) -> Bootstrapped:
    """Return the mean over categories of Spearman's r within them, of every head.

    Each category counts the same. One with fewer than 3 images is left out; a head without a
    correlation in one of the others has no mean.

    Parameters
    ----------
    by_category
        Of each category its images, from the same number of resamples.

    Returns
    -------
    Bootstrapped
        With the one metric "mean_within". Its unit is the subcategory where one category at least has
        ten; where others have fewer, these draw images.
    """
    ranked = [each for each in by_category if each.n >= SMALLEST_SAMPLE]
    place = METRICS.index("spearman")
    estimates, draws = {}, {}
    for head in by_category[0].estimates:
        r = [each.estimates[head]["spearman"] for each in ranked]
        estimates[head] = {"mean_within": float(np.mean(r)) if r else math.nan}
        # Categories draw from one stream: as shifted, no two draw the same places together.
        drawn = [np.roll(each.draws[head][:, place], k) for k, each in enumerate(ranked)]
        empty = np.full(len(by_category[0].draws[head]), math.nan)
        draws[head] = (np.mean(drawn, axis=0) if drawn else empty)[:, np.newaxis]
    few = min(by_category, key=lambda each: (not each.units.clustered, each.units.drawn))
    count = sum(each.n for each in ranked)
    return Bootstrapped(
        count,
        estimates,
        draws,
        {head: {"mean_within": count} for head in estimates},
        few.bootstrap,
        few.units,
        ("mean_within",),
    )


def bootstrap_metrics(
    predicted: Mapping[str, Floats],
    scores: Floats,
    *,
    threshold: float,
    bootstrap: Bootstrap,
    units: Units,
) -> Bootstrapped:
    """Evaluate the predictions of several heads in resamples of the images, the same for all heads.

    Images, or subcategories of them where there are ten, are drawn with replacement, all predictions
    and the score together, so that differences between heads have paired intervals. Nothing is trained
    again: the intervals hold for these predictors and new images, or subcategories, of the same kind.

    Parameters
    ----------
    predicted
        Head -> predicted scores, (N,), N at least 1, finite.
    scores
        Observed scores, (N,), finite.
    threshold
        See `evaluate_prediction`.
    bootstrap
        How units are resampled; the stream of images is "prediction bootstrap".
    units
        Which images are of one subcategory.

    Raises
    ------
    ValueError
        If the arrays are unusable.
    """
    values = {
        head: evaluate_prediction(each, scores, threshold=threshold)
        for head, each in predicted.items()
    }
    evaluators = {
        head: _resampled_metrics(each, scores, threshold) for head, each in predicted.items()
    }
    ranking = Ranking.of(codes(np.asarray(scores, dtype=np.float64)))
    parts: dict[str, list[FloatArray]] = {head: [] for head in predicted}
    for weights in resamples(units, bootstrap):
        observed = Ranks(ranking, weights)
        for head, evaluate in evaluators.items():
            parts[head].append(evaluate(weights, observed))
    draws = {head: np.concatenate(each) for head, each in parts.items()}
    rests_on = {head: cases(each, scores, threshold=threshold) for head, each in predicted.items()}
    return Bootstrapped(len(scores), values, draws, rests_on, bootstrap, units)


def resamples(units: Units, bootstrap: Bootstrap) -> Iterator[Counts]:
    """Yield weights (n, b) of images: of subcategories where there are ten, else of images.

    The stream of images is "prediction bootstrap".
    """
    if units.clustered:
        return units.weights(bootstrap)
    return image_weights(units.n, bootstrap, stream="prediction bootstrap")


def _resampled_metrics(
    predicted: Floats, scores: Floats, threshold: float
) -> Callable[[Counts, Ranks], FloatArray]:
    """Return a function from weights (n, b) and the scores' ranks to the metrics (b, metrics).

    All metrics follow from how often each image was drawn: moments are products of matrices, ranks
    and curves are running sums over images that are sorted once. `evaluate_prediction` of the
    images themselves is the definition; one call of that takes as long as fifty resamples here.
    """
    ranking = Ranking.of(codes(np.asarray(predicted, dtype=np.float64)))
    positive = scores >= threshold
    called = predicted >= threshold
    # Centred, lest variances of scores near one another drown in rounding.
    x, y = predicted - predicted.mean(), scores - scores.mean()
    columns = np.stack(
        [x, y, x * x, y * y, x * y, (predicted - scores) ** 2, positive, called, positive & called]
    )

    def evaluate(weights: Counts, observed: Ranks) -> FloatArray:
        ranks = Ranks(ranking, weights)
        n = ranks.total
        sums = columns @ weights.astype(np.float64)
        positives, calls, hits = sums[6:]
        negatives, right = n - positives, n - positives - calls + 2 * hits
        spearman = ranks.correlation(observed)[0]
        pearson = _correlation(*(sums[:5] / n))
        values = [
            _roc_area(ranks, positive, positives),
            _average_precision(ranks, Ranks(ranking, weights * positive[:, np.newaxis])),
            spearman,
            # Sums of midranks are exact, and say where a resample is constant.
            np.where(np.isnan(spearman), np.nan, pearson),
            sums[5] / n,
            right / n,
            _quotient(hits, calls),
            _quotient(hits, positives),
            _quotient(right - hits, negatives),
            _quotient(2 * hits, calls + positives),
        ]
        return np.stack(values, axis=1)

    return evaluate


def _roc_area(ranks: Ranks, positive: BoolArray, positives: FloatArray) -> FloatArray:
    """Return the area under the ROC curve (b,), from the ranks of the positive images (Mann–Whitney).

    Twice the centred ranks of the positives add up to the number of pairs of a positive and a
    negative in the right order, less the number of pairs in the wrong order. Ties count half.
    """
    pairs = positives * (ranks.total - positives)
    right = (positive.astype(np.float64) @ ranks.weighed + pairs) / 2
    return _quotient(right, pairs)


def _average_precision(ranks: Ranks, of_positives: Ranks) -> FloatArray:
    """Return the average precision (b,): the precision at each value, weighted by its positives."""
    taken, found = ranks.at_or_above, of_positives.at_or_above
    precision = np.divide(found, taken, out=np.zeros(taken.shape), where=taken > 0)
    positives = -np.diff(found, axis=0, append=0)
    summed = np.einsum("kb,kb->b", positives, precision)
    total = of_positives.total
    one_class = (total == 0) | (total == ranks.total)
    return np.where(one_class, np.nan, _quotient(summed, total))


def _correlation(x: Floats, y: Floats, xx: Floats, yy: Floats, xy: Floats) -> Floats:
    """Return Pearson's correlation from the means of x, y, x², y² and xy."""
    variances = np.maximum(xx - x * x, 0) * np.maximum(yy - y * y, 0)
    return np.clip(_quotient(xy - x * y, np.sqrt(variances)), -1, 1)


def _quotient(over: Floats, under: Floats | Counts) -> FloatArray:
    out = np.full(np.shape(over), np.nan)
    return np.asarray(np.divide(over, under, out=out, where=under != 0))
