"""Every predictor of a study on the same test images: which is best, by how much, and where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.data.splits import PARTS
from memorability.memory_game.ceiling import noise_ceiling
from memorability.memory_game.score_kinds import COUNTS
from memorability.prediction.evaluation import by_head
from memorability.prediction.label_baselines import BASELINES, label_baselines
from memorability.prediction.metrics import Bootstrapped, resamples
from memorability.prediction.names import EACH, MAIN
from memorability.statistics.inference import Units
from memorability.statistics.intervals import Bootstrap, distributions
from memorability.statistics.ranks import SMALLEST_SAMPLE, Sample, Target

KNOWN_NEW = ("no", "training part")
"""Words of `trained_on_these_images` of predictors that never saw a score of the test images."""

SAME = 1e-6
"""Predictions that are no further apart are one: networks compute with seven digits."""

STATISTICS = {"spearman": "pooled", "given_category": "partial_category"}
"""Metrics of the comparison -> their names in `memorability.statistics.ranks.Sample`."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a predictor besides its predictions.

    Parameters
    ----------
    predicts
        The score that it was fitted to, in words or as the image table names it; `EACH`; "" if unknown.
    trained_on
        Whether it was fitted to scores of the test images: "yes", "no", "unknown", or "training part":
        to those of the other images of the same data.
    """

    predicts: str
    trained_on: str


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """What decides a comparison.

    Parameters
    ----------
    targets
        Scores to compare on.
    known
        Head -> the values of `Known`, of those that are no baselines.
    bootstrap
        Of the test images.
    """

    targets: tuple[str, ...]
    known: Mapping[str, Mapping[str, str]]
    bootstrap: Bootstrap


@dataclass(frozen=True)
class Comparison:
    """The tables `predictor_comparison` and `predictor_comparison_by_category`."""

    table: pd.DataFrame
    by_category: pd.DataFrame


def compare(
    predictions: pd.DataFrame,
    heads: Mapping[str, pd.DataFrame],
    of_targets: Mapping[str, Mapping[str, pd.DataFrame]],
    images: pd.DataFrame,
    *,
    failures: Mapping[str, Mapping[str, str]],
    settings: ComparisonSettings,
) -> Comparison:
    """Compare every predictor, head and label-only baseline on the same test images.

    Parameters
    ----------
    predictions, heads
        See `memorability.prediction.evaluation.by_head`.
    of_targets
        Target other than "score" -> predictor that was fitted to it -> its table `head_predictions`.
    images
        The image table.
    failures
        Target -> predictor that could not be fitted to it -> why: each has a row without figures.
    settings
        Targets are "score", which `predictions` has, or columns of the image table. Test images without
        a value are left out; a target without any has no rows.

    Returns
    -------
    Comparison
        r is Spearman's correlation of predicted with measured scores over all test images, or those of
        a category; given_category that of ranks less their category's mean. best marks the highest r
        above 0 of predictors that never saw a score of a test image (`KNOWN_NEW`); baselines are none.
        beside_best and beyond_category are r less that of the best, and less that of the means of
        categories, in the same resamples. Resamples draw test images alone: no predictor is fitted
        anew, and the best is chosen once, on the same images. mse is in units of the score squared;
        share_at_floor the share of test images that share the lowest prediction, 0 if one alone has it.
    """
    tables, groups = [], []
    bootstrap = settings.bootstrap
    known = {head: Known(**words) for head, words in settings.known.items()}
    ids = predictions.loc[predictions["split"] == "test", "image_id"]
    ceiling_of = ceilings(images[images["image_id"].isin(ids)], bootstrap)
    for target in settings.targets:
        failed = failures.get(target, {})
        test = _on_target(target, predictions, heads, of_targets.get(target, {}), images)
        test = test.drop(columns=[head for head in failed if head in test])
        if test.empty:
            continue
        words = {str(head): _on(target, known.get(str(head))) for head in test.columns[2:]}
        labels = images.set_index("image_id").loc[test["image_id"], ["category", "subcategory"]]
        whole = r_of_images(test, labels, bootstrap)
        rows = [_table(whole, test, words).assign(reason="")]
        if failed:
            rows.append(_without_figures(rows[0], target, failed, known))
        own = pd.concat(rows, ignore_index=True)
        tables.append(own.assign(target=target, **ceiling_of(target)))
        groups.append(_by_category(test, labels, words, bootstrap).assign(target=target))
    return Comparison(pd.concat(tables, ignore_index=True), pd.concat(groups, ignore_index=True))


def _by_category(
    test: pd.DataFrame, labels: pd.DataFrame, words: Mapping[str, Known], bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return the rows of `predictor_comparison_by_category` of one target; none of one category."""
    groups = []
    categories = labels["category"].to_numpy(dtype=str)
    names = np.unique(categories)
    for name in names if len(names) > 1 else ():
        chosen = categories == name
        own = r_of_images(test[chosen], labels[chosen], bootstrap).table()
        groups.append(own[own["metric"] == "spearman"].assign(group=str(name)))
    columns = ["group", "head", "value", "ci_low", "ci_high", "n", "unit", "clusters"]
    table = pd.concat(groups, ignore_index=True) if groups else pd.DataFrame(columns=columns)
    table = table[columns].rename(columns={"value": "r"})
    trained = {head: one.trained_on for head, one in words.items()}
    return table.assign(trained_on_these_images=table["head"].map(trained))


def _on(target: str, known: Known | None) -> Known:
    """Return what is known of a predictor that is compared on a target; of a baseline, all is."""
    if known is None:
        return Known(predicts=target, trained_on="training part")
    return replace(known, predicts=target) if known.predicts == EACH else known


def _on_target(
    target: str,
    predictions: pd.DataFrame,
    heads: Mapping[str, pd.DataFrame],
    fits: Mapping[str, pd.DataFrame],
    images: pd.DataFrame,
) -> pd.DataFrame:
    """Return the test images that have a score: image_id, score, and a column per head and baseline."""
    test = by_head(predictions, heads, None)
    names = list(dict.fromkeys([*heads, *fits]))
    test = test[["image_id", "score", MAIN, *heads, *BASELINES]]
    if target == "score":
        return test
    measured = images.loc[images[target].notna(), ["image_id", "category", "subcategory", target]]
    measured = measured.rename(columns={target: "score"})
    split = predictions.set_index("image_id")["split"]
    parts = measured["image_id"].map(split)
    if not (parts == PARTS[0]).any():
        return test.iloc[:0]
    means = label_baselines(measured, split)[[*BASELINES]]
    own = measured[["image_id", "score"]].join(means)
    table = test.drop(columns=["score", *BASELINES]).merge(own, on="image_id", validate="1:1")
    for head, rows in fits.items():
        table[head] = table["image_id"].map(rows.set_index("image_id")["predicted"])
    return table[["image_id", "score", MAIN, *names, *BASELINES]]


def r_of_images(test: pd.DataFrame, labels: pd.DataFrame, bootstrap: Bootstrap) -> Bootstrapped:
    """Return r and r given category of every head over images, and in each resample.

    Parameters
    ----------
    test
        A row per image: its id, its measured score, and a column of predictions per head.
    labels
        Columns category and subcategory of the same images.
    bootstrap
        Of the images.

    Returns
    -------
    Bootstrapped
        With the metrics "spearman" and "given_category".
    """
    scores = test["score"].to_numpy(dtype=np.float64)
    category, subcategory = (
        labels[name].to_numpy(dtype=str) for name in ("category", "subcategory")
    )
    strata = {"category": category} if len(np.unique(category)) > 1 else {}
    target = Target(scores, strata)
    heads = [str(head) for head in test.columns[2:]]
    samples = [Sample(test[head].to_numpy(dtype=np.float64)[np.newaxis], target) for head in heads]
    units = Units.of(category, subcategory, bootstrap)
    drawn = distributions(samples, resamples(units, bootstrap))
    few = len(scores) < SMALLEST_SAMPLE
    none = np.full(bootstrap.draws, np.nan)
    estimates = {
        head: {
            metric: np.nan if few else float(sample.by_run.get(name, [np.nan])[0])
            for metric, name in STATISTICS.items()
        }
        for head, sample in zip(heads, samples, strict=True)
    }
    draws = {
        head: np.stack([found[name][0] if name in found else none for name in STATISTICS.values()], 1)
        for head, found in zip(heads, drawn, strict=True)
    }  # fmt: skip
    cases = {head: dict.fromkeys(STATISTICS, len(scores)) for head in heads}
    return Bootstrapped(len(scores), estimates, draws, cases, bootstrap, units, [*STATISTICS])


def _table(whole: Bootstrapped, test: pd.DataFrame, words: Mapping[str, Known]) -> pd.DataFrame:
    """Return the rows of `predictor_comparison` of one target, without its ceiling."""
    r = pd.Series({head: values["spearman"] for head, values in whole.estimates.items()})
    rivals = [
        head for head in r.index if head not in BASELINES and words[head].trained_on in KNOWN_NEW
    ]
    best = str(r[rivals].idxmax()) if (r[rivals] > 0).any() else ""
    found = whole.table().set_index(["metric", "head"])
    rows = pd.DataFrame(
        {
            "predicts": {head: one.predicts for head, one in words.items()},
            "trained_on_these_images": {head: one.trained_on for head, one in words.items()},
            "best": {head: head == best for head in words},
            "r": r,
        }
    )
    ends = {"": "value", "_low": "ci_low", "_high": "ci_high"}
    for column in ("ci_low", "ci_high"):
        rows[column] = found.xs("spearman")[column]
    for end, column in ends.items():
        rows[f"given_category{end}"] = found.xs("given_category")[column]
    gains = whole.gains([name for name in (best, BASELINES[0]) if name])
    gains = gains[gains["metric"] == "spearman"].set_index(["baseline", "head"])
    for name, beside in ((best, "beside_best"), (BASELINES[0], "beyond_category")):
        for end, column in (ends | {"": "difference"}).items():
            known = gains[column].get(name, pd.Series(dtype=float)) if name else None
            rows[f"{beside}{end}"] = np.nan if known is None else known.reindex(rows.index)
    scores = test["score"].to_numpy(dtype=np.float64)
    predicted = {head: test[head].to_numpy(dtype=np.float64) for head in rows.index}
    rows["mean_score"], rows["sd_score"] = scores.mean(), scores.std()
    rows["mean_predicted"] = [each.mean() for each in predicted.values()]
    rows["sd_predicted"] = [each.std() for each in predicted.values()]
    rows["mse"] = [float(np.mean((each - scores) ** 2)) for each in predicted.values()]
    rows["share_at_floor"] = [_at_floor(each) for each in predicted.values()]
    clusters = pd.array([whole.units.count] * len(rows), dtype="Int64")
    rows = rows.assign(n=whole.n, unit=whole.units.word, clusters=clusters)
    return rows.rename_axis("head").reset_index()


def _without_figures(
    rows: pd.DataFrame, target: str, failed: Mapping[str, str], known: Mapping[str, Known]
) -> pd.DataFrame:
    """Return rows, as `_table` makes them, of predictors of which there are no predictions."""
    words = {head: _on(target, known[head]) for head in failed}
    table = pd.DataFrame(
        {
            "head": list(failed),
            "predicts": [one.predicts for one in words.values()],
            "trained_on_these_images": [one.trained_on for one in words.values()],
            "best": False,
            "n": 0,
            "unit": rows["unit"].iloc[0],
            "reason": list(failed.values()),
        }
    )
    return table.reindex(columns=rows.columns).astype({"clusters": "Int64"})


def _at_floor(predicted: FloatArray) -> float:
    lowest = predicted <= predicted.min() + SAME
    return float(lowest.mean()) if lowest.sum() > 1 else 0.0


def ceilings(images: pd.DataFrame, bootstrap: Bootstrap) -> Callable[[str], dict[str, float]]:
    """Return what tells the noise ceiling of images by score: ceiling, ceiling_low, ceiling_high.

    Parameters
    ----------
    images
        Rows of the image table; without counts every ceiling is NaN.
    bootstrap
        Of the images.
    """
    columns = ["ceiling", "ceiling_low", "ceiling_high"]
    rows = pd.DataFrame(columns=columns, dtype=float)
    if set(COUNTS) <= set(images.columns):
        found = noise_ceiling(images, bootstrap=bootstrap)
        found = found[(found["method"] == "pooled") & (found["group"] == "all")]
        rows = found.set_index("target")[columns].astype(float)
    return lambda target: {name: float(rows[name].get(target, np.nan)) for name in columns}
