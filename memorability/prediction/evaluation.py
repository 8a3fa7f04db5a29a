"""The predictions of unseen test images, measured beside baselines, by category and as values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from memorability.prediction.label_baselines import BASELINES
from memorability.prediction.metrics import Bootstrapped, bootstrap_metrics, mean_within
from memorability.prediction.names import LEFT_OUT, OF_PAIRS
from memorability.statistics.inference import Units
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.ranks import FloatArray

SMALLEST_OF_SLOPE = 25
"""Fewer subcategories, or images, give no interval of a slope: of 12, it held in .87 of studies."""


@dataclass(frozen=True)
class EvaluationSettings:
    """What decides how predictions are measured.

    Attributes
    ----------
    median_of
        See `class_threshold`.
    bootstrap
        Over images.
    """

    median_of: str
    bootstrap: Bootstrap


@dataclass(frozen=True)
class Evaluation:
    """Tables about the predictions of the test images.

    Attributes
    ----------
    metrics, by_category, gains, calibration
        The tables `prediction_metrics`, `prediction_by_category`, `prediction_gains` and
        `prediction_calibration`. In metrics and gains "mean_within" is the mean over categories of
        Spearman's r within them. Of the predictions of categories left out, which come from a
        predictor for each category, it is the only metric there: over all images, a predictor that
        knows nothing has a high correlation of the wrong sign, as the mean score of the other
        categories falls where a category's own is high.
    """

    metrics: pd.DataFrame
    by_category: pd.DataFrame
    gains: pd.DataFrame
    calibration: pd.DataFrame


def class_threshold(predictions: pd.DataFrame, median_of: str) -> float:
    """Return the score from which on an image counts as memorable.

    Parameters
    ----------
    predictions
        The table `predictions`.
    median_of
        "train": median score of the training images, which keeps test scores out of the definition
        of the classes; "all": that of all images, as in the published scripts.
    """
    chosen = predictions if median_of == "all" else predictions[predictions["split"] == "train"]
    return float(chosen["score"].median())


def by_head(
    predictions: pd.DataFrame, heads: Mapping[str, pd.DataFrame], left_out: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the test images with a column of predictions per head.

    Parameters
    ----------
    predictions
        The table `predictions`.
    heads
        Head -> its table `head_predictions`, whose pairs of two images are left aside.
    left_out
        The table `left_out`, if there is one; without rows where there is one category alone.

    Returns
    -------
    pandas.DataFrame
        image_id, score, mlp, the other heads, left_out, and the baselines that are known.
    """
    test = predictions[predictions["split"] == "test"].rename(columns={"predicted": "mlp"})
    table = test[["image_id", "score", "mlp"]]
    for head, rows in heads.items():
        single = rows[rows["image_id"] == rows["other_image_id"]]
        table = table.merge(single[["image_id", "predicted"]], on="image_id", validate="1:1")
        table = table.rename(columns={"predicted": head})
    if left_out is not None and len(left_out):
        rows = left_out[["image_id", "predicted"]].rename(columns={"predicted": LEFT_OUT})
        table = table.merge(rows, on="image_id", validate="1:1")
    sized = [] if test["image_size"].isna().any() else ["image_size"]
    return table.merge(test[["image_id", *BASELINES, *sized]], on="image_id", validate="1:1")


def evaluate(
    predictions: pd.DataFrame,
    heads: Mapping[str, pd.DataFrame],
    left_out: pd.DataFrame | None,
    images: pd.DataFrame,
    *,
    median_of: str,
    bootstrap: Bootstrap,
) -> Evaluation:
    """Measure the predictions of the test images, all and by category, beside the baselines.

    Parameters
    ----------
    predictions, heads, left_out
        See `by_head`.
    images
        The image table.
    median_of
        See `class_threshold`.
    bootstrap
        Over images, or subcategories where there are ten, see `memorability.prediction.metrics`.
    """
    table = by_head(predictions, heads, left_out)
    category = images.set_index("image_id")["category"]
    threshold = class_threshold(predictions, median_of)
    subcategory = images.set_index("image_id")["subcategory"]
    whole = _bootstrapped(table, threshold, bootstrap, category, subcategory)
    by_category = {
        str(name): _bootstrapped(rows, threshold, bootstrap, category, subcategory)
        for name, rows in table.groupby(table["image_id"].map(category), observed=True)
    }
    # One category is all there is.
    groups = [("all", whole), *(by_category.items() if len(by_category) > 1 else [])]
    gains = [each.gains([*BASELINES]).assign(group=group) for group, each in groups]
    gains[0] = _without_pooled(gains[0], "difference")
    metrics = [_without_pooled(whole.table(), "value")]
    if len(by_category) > 1:
        within = mean_within([*by_category.values()])
        metrics.append(within.table())
        gains.append(within.gains([*BASELINES]).assign(group="all"))
    for head, rows in heads.items():
        pairs = _pairs(rows, predictions)
        if len(pairs):
            predicted = {f"{head}{OF_PAIRS}": pairs["predicted"].to_numpy()}
            scores = pairs["score"].to_numpy()
            measured = bootstrap_metrics(
                predicted,
                scores,
                threshold=threshold,
                bootstrap=bootstrap,
                units=Units(len(scores), None, None),
            )
            metrics.append(measured.table())
    return Evaluation(
        metrics=pd.concat(metrics, ignore_index=True),
        by_category=pd.concat(
            [each.table().assign(group=group) for group, each in by_category.items()],
            ignore_index=True,
        ),
        gains=pd.concat(gains, ignore_index=True),
        calibration=calibration(
            table.drop(columns=LEFT_OUT, errors="ignore"), whole.units, bootstrap.confidence
        ),
    )


def _without_pooled(table: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Return metrics over all images without those of the predictions of categories left out."""
    return table.assign(
        **{
            name: table[name].mask(table["head"] == LEFT_OUT)
            for name in (figure, "ci_low", "ci_high")
        }
    )


def _bootstrapped(
    table: pd.DataFrame,
    threshold: float,
    bootstrap: Bootstrap,
    category: "pd.Series[str]",
    subcategory: "pd.Series[str]",
) -> Bootstrapped:
    heads = [column for column in table if column not in ("image_id", "score")]
    predicted = {str(head): table[head].to_numpy() for head in heads}
    scores = table["score"].to_numpy()
    units = Units.of(
        category.reindex(table["image_id"]).to_numpy(dtype=str),
        subcategory.reindex(table["image_id"]).to_numpy(dtype=str),
        bootstrap,
    )
    return bootstrap_metrics(
        predicted, scores, threshold=threshold, bootstrap=bootstrap, units=units
    )


def _pairs(rows: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predicted and mean score of the pairs of two test images."""
    scores = predictions.loc[predictions["split"] == "test"].set_index("image_id")["score"]
    pairs = rows[rows["image_id"] != rows["other_image_id"]]
    first, second = (scores.reindex(pairs[name]) for name in ("image_id", "other_image_id"))
    return pairs.assign(score=(first.to_numpy() + second.to_numpy()) / 2)


def calibration(table: pd.DataFrame, units: Units, confidence: float) -> pd.DataFrame:
    """Return how the values of the predictions relate to those of the scores.

    Parameters
    ----------
    table
        image_id, score, and a column per head.
    units
        Of the same images: what a new study would draw anew.
    confidence
        Coverage of the interval of the slope, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        The table `prediction_calibration`. slope and intercept: least squares of the score on the
        prediction, 1 and 0 where predictions are calibrated; missing where a prediction is constant.
        slope_low and slope_high: t standard errors from the slope, the standard error being that of
        the jackknife, which leaves out a subcategory (or an image, see `Units`) at a time; missing
        for fewer than `SMALLEST_OF_SLOPE`, and where a single one makes the slope.
        sd_predicted below sd_score is regression to the mean. floor and ceiling are the lowest and
        highest prediction, share_below_floor and share_above_ceiling those of the scores beyond.

    Notes
    -----
    J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb, Cluster-robust inference: a guide to empirical
    practice, Journal of Econometrics 232, 2023 (CV3). The standard error of a bootstrap of clusters is
    smaller, and too small (`benchmarks/bench_inference.py`).
    """
    heads = [column for column in table if column not in ("image_id", "score")]
    scores = table["score"].to_numpy(dtype=np.float64)
    values = {str(head): table[head].to_numpy(dtype=np.float64) for head in heads}
    rows = []
    for head, predicted in values.items():
        low, high = _of_slope(predicted, scores, units, confidence)
        slope = intercept = np.nan
        if np.ptp(predicted) > 0:
            slope, intercept = np.polyfit(predicted, scores, 1)
        rows.append(
            {
                "head": head,
                "n": len(scores),
                "slope": slope,
                "slope_low": low,
                "slope_high": high,
                "intercept": intercept,
                "mean_score": scores.mean(),
                "mean_predicted": predicted.mean(),
                "sd_score": scores.std(),
                "sd_predicted": predicted.std(),
                "floor": predicted.min(),
                "ceiling": predicted.max(),
                "share_below_floor": (scores < predicted.min()).mean(),
                "share_above_ceiling": (scores > predicted.max()).mean(),
                "unit": units.word,
            }
        )
    clusters = pd.array([units.count] * len(rows), dtype="Int64")
    return pd.DataFrame(rows).assign(clusters=clusters)


def _of_slope(
    predicted: FloatArray, scores: FloatArray, units: Units, confidence: float
) -> tuple[float, float]:
    """Return the interval of the slope of the scores on the predictions, see `calibration`."""
    if units.drawn < SMALLEST_OF_SLOPE or np.ptp(predicted) == 0:
        return np.nan, np.nan
    own = units.subcategories if units.clustered else None
    unit = np.arange(units.n) if own is None else own
    # Sums of squares of values that lie far from 0 lose digits.
    x, y = predicted - predicted.mean(), scores - scores.mean()
    sums = np.stack([np.bincount(unit, each) for each in (np.ones_like(x), x, y, x * x, x * y)])
    total = sums.sum(axis=1)
    n, of_x, of_y, xx, xy = total[:, np.newaxis] - sums
    spread = xx - of_x**2 / n
    if not (spread > np.finfo(np.float64).eps * total[3]).all():
        return np.nan, np.nan
    slope = total[4] / total[3]
    left = (xy - of_x * of_y / n) / spread - slope
    error = np.sqrt((units.drawn - 1) / units.drawn * np.square(left).sum())
    reach = t.ppf((1 + confidence) / 2, units.freedom) * error
    return float(slope - reach), float(slope + reach)
