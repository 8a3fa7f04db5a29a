"""How well predictions fit observed scores, and how certain that is, resampled by image."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from memorability.base.seeding import numpy_stream

Floats = npt.NDArray[np.floating[Any]]
METRICS = (
    "roc_auc", "pr_auc", "spearman", "pearson", "mse",
    "accuracy", "precision", "sensitivity", "specificity", "f1",
)  # fmt: skip
# Of draws × images at a time, which stay in the processor's cache.
_BATCH_ELEMENTS = 2**16


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
        Head -> values (draws, metrics) in each resample, in the order of `METRICS`; NaN where a
        metric is undefined.
    """

    n: int
    estimates: Mapping[str, Mapping[str, float]]
    draws: Mapping[str, npt.NDArray[np.float64]]

    def table(self, confidence: float) -> pd.DataFrame:
        """Return head, metric, value, ci_low, ci_high and n, with percentile intervals.

        Resamples in which a metric is undefined do not count towards its interval; where all are, or
        the metric itself is, the interval is NaN.
        """
        rows = [
            {"head": head, "metric": metric, "value": values[metric]}
            | _interval(values[metric], self.draws[head][:, place], confidence)
            for head, values in self.estimates.items()
            for place, metric in enumerate(METRICS)
        ]
        return pd.DataFrame(rows).assign(n=self.n)

    def gains(self, baselines: list[str], confidence: float) -> pd.DataFrame:
        """Return by how much every head differs from each baseline, resampled together.

        Returns
        -------
        pandas.DataFrame
            head, baseline, metric, difference (head less baseline, in units of the metric), ci_low,
            ci_high and n. A positive difference is a gain, but for mse, where a negative one is.
        """
        rows = [
            {"head": head, "baseline": baseline, "metric": metric, "difference": difference}
            | _interval(
                difference,
                self.draws[head][:, place] - self.draws[baseline][:, place],
                confidence,
            )
            for baseline in baselines
            for head, values in self.estimates.items()
            if head != baseline
            for place, metric in enumerate(METRICS)
            for difference in [values[metric] - self.estimates[baseline][metric]]
        ]
        columns = ["head", "baseline", "metric", "difference", "ci_low", "ci_high"]
        return pd.DataFrame(rows, columns=columns).assign(n=self.n)


def _interval(value: float, draws: npt.NDArray[np.float64], confidence: float) -> dict[str, float]:
    defined = draws[~np.isnan(draws)]
    if math.isnan(value) or not len(defined):
        return {"ci_low": math.nan, "ci_high": math.nan}
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return {"ci_low": float(low), "ci_high": float(high)}


def bootstrap_metrics(
    predicted: Mapping[str, Floats], scores: Floats, *, threshold: float, draws: int, seed: int
) -> Bootstrapped:
    """Evaluate the predictions of several heads in resamples of the images, the same for all heads.

    Images are drawn with replacement, all predictions and the score together, so that differences
    between heads have paired intervals. Nothing is trained again: the intervals hold for these
    predictors and new images of the same kind.

    Parameters
    ----------
    predicted
        Head -> predicted scores, (N,), N at least 1, finite.
    scores
        Observed scores, (N,), finite.
    threshold
        See `evaluate_prediction`.
    draws
        Number of resamples, at least 1.
    seed
        Seed of the study.

    Raises
    ------
    ValueError
        If the arrays or the number of draws are unusable.
    """
    if draws < 1:
        raise ValueError(f"The bootstrap got {draws} draws. Expected at least one.")
    values = {
        head: evaluate_prediction(each, scores, threshold=threshold)
        for head, each in predicted.items()
    }
    evaluators = {
        head: _resampled_metrics(each, scores, threshold) for head, each in predicted.items()
    }
    generator = numpy_stream(seed, "prediction bootstrap")
    parts: dict[str, list[npt.NDArray[np.float64]]] = {head: [] for head in predicted}
    for counts in _resamples(len(scores), draws, generator):
        for head, evaluate in evaluators.items():
            parts[head].append(evaluate(counts))
    return Bootstrapped(
        len(scores), values, {head: np.concatenate(each) for head, each in parts.items()}
    )


def _resamples(
    n: int, draws: int, generator: np.random.Generator
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield how often each image is in each resample, (b, n), until there were `draws` of them."""
    size = max(1, _BATCH_ELEMENTS // n)
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        chosen = generator.integers(n, size=(rows, n)) + n * np.arange(rows)[:, np.newaxis]
        counts = np.bincount(chosen.ravel(), minlength=rows * n).reshape(rows, n)
        yield counts.astype(np.float64)


def _resampled_metrics(
    predicted: Floats, scores: Floats, threshold: float
) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    """Return a function from counts (b, n) to the metrics (b, metrics) of these resamples.

    All metrics follow from how often each image was drawn: moments are products of matrices, ranks
    and curves are running sums over images that are sorted once. `evaluate_prediction` of the
    images themselves is the definition; one call of that takes as long as fifty resamples here.
    """
    first = _Ordered.of(predicted)
    second = _Ordered.of(scores)
    positive = (scores >= threshold).astype(np.float64)
    called = (predicted >= threshold).astype(np.float64)
    # Centred, lest variances of scores near one another drown in rounding.
    x, y = predicted - predicted.mean(), scores - scores.mean()
    columns = np.stack([x, y, x * x, y * y, x * y, (predicted - scores) ** 2], axis=1)
    columns = np.column_stack([columns, positive, called, positive * called])

    def evaluate(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        n = counts.sum(axis=1)
        sums = counts @ columns
        positives, calls, hits = sums[:, 6], sums[:, 7], sums[:, 8]
        negatives, right = n - positives, n - positives - calls + 2 * hits
        spearman = _resampled_spearman(first, second, counts)
        pearson = _correlation(*(sums[:, :5] / n[:, np.newaxis]).T)
        values = [
            *first.areas(counts, positive),
            spearman,
            # Sums of midranks are exact, and say where a resample is constant.
            np.where(np.isnan(spearman), np.nan, pearson),
            sums[:, 5] / n,
            right / n,
            _quotient(hits, calls),
            _quotient(hits, positives),
            _quotient(right - hits, negatives),
            _quotient(2 * hits, calls + positives),
        ]
        return np.stack(values, axis=1)

    return evaluate


@dataclass(frozen=True)
class _Ordered:
    """Values in ascending order: the images (n,), the ends of ties (k,), the tie of each image (n,)."""

    images: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    tie: npt.NDArray[np.intp]

    @classmethod
    def of(cls, values: Floats) -> "_Ordered":
        unique, tie = np.unique(values, return_inverse=True)
        images = np.argsort(tie, kind="stable")
        ends = np.cumsum(np.bincount(tie, minlength=len(unique))) - 1
        return cls(images, ends, tie)

    def running(self, counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return how many of (b, n) lie at or below each distinct value, (b, k)."""
        return np.asarray(np.cumsum(counts[:, self.images], axis=1)[:, self.ends])

    def ranks(self, counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the midrank, less the mean rank, that each image has in each resample, (b, n)."""
        upto = self.running(counts)
        below = np.concatenate([np.zeros((len(upto), 1)), upto[:, :-1]], axis=1)
        return ((below + upto - upto[:, -1:]) / 2)[:, self.tie]

    def areas(
        self, counts: npt.NDArray[np.float64], positive: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the areas under the ROC curve and (average precision) the precision-recall curve."""
        all_upto, true_upto = self.running(counts), self.running(counts * positive)
        everything, positives = all_upto[:, -1], true_upto[:, -1]
        false_upto = all_upto - true_upto
        negatives = everything - positives
        true = np.diff(true_upto, axis=1, prepend=0)
        false = np.diff(false_upto, axis=1, prepend=0)
        # Pairs of a positive and a negative in the right order; ties count half.
        pairs = np.einsum("bk,bk->b", true, false_upto - false / 2)
        # Of the images at or above each distinct value, how many are positive.
        found = positives[:, np.newaxis] - true_upto + true
        taken = everything[:, np.newaxis] - all_upto + true + false
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        summed = np.einsum("bk,bk->b", true, precision)
        one_class = (positives == 0) | (negatives == 0)
        roc = _quotient(pairs, positives * negatives)
        return roc, np.where(one_class, np.nan, _quotient(summed, positives))


def _resampled_spearman(
    first: _Ordered, second: _Ordered, counts: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    x, y = first.ranks(counts), second.ranks(counts)
    xx, yy, xy = (np.einsum("bn,bn,bn->b", counts, a, b) for a, b in ((x, x), (y, y), (x, y)))
    return _quotient(xy, np.sqrt(xx * yy))


def _correlation(x: Floats, y: Floats, xx: Floats, yy: Floats, xy: Floats) -> Floats:
    """Return Pearson's correlation from the means of x, y, x², y² and xy."""
    variances = np.maximum(xx - x * x, 0) * np.maximum(yy - y * y, 0)
    return np.clip(_quotient(xy - x * y, np.sqrt(variances)), -1, 1)


def _quotient(over: Floats, under: Floats) -> npt.NDArray[np.float64]:
    out = np.full(np.shape(over), np.nan)
    return np.asarray(np.divide(over, under, out=out, where=under != 0))
