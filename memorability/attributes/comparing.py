"""Memorability beside attributes of images: correlations, quartiles, and sources compared.

After Figures 3 and 4 of A. Khosla, A. S. Raju, A. Torralba and A. Oliva (Understanding and predicting
image memorability at a large scale, 2015). Intervals and p-values hold for new images, or, where there
are ten subcategories or more, for new subcategories.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from memorability.attributes.names import LABEL, NUMBER, SOURCE
from memorability.statistics.inference import (
    Inference,
    Resamples,
    difference_inference,
    mean_inference,
    one_sided,
    units_of,
)
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.multiplicity import holm
from memorability.statistics.rank_correlation import p_value
from memorability.statistics.ranks import SMALLEST_SAMPLE, Sample, Target

NOTHING = "nothing"
QUARTILES = 4
_UNITS = {"unit": "images", "clusters": None}


@dataclass(frozen=True, kw_only=True)
class AttributeSettings:
    """What decides comparisons with attributes.

    Parameters
    ----------
    target
        The score: a column of the image table.
    bootstrap
        Of images, or of subcategories where there are enough.
    """

    target: str
    bootstrap: Bootstrap


@dataclass(frozen=True)
class Compared:
    """The tables `attributes`, `attribute_quartiles`, `sources` and `source_tests`."""

    attributes: pd.DataFrame
    quartiles: pd.DataFrame
    sources: pd.DataFrame
    tests: pd.DataFrame


def compare_attributes(
    attributes: pd.DataFrame, images: pd.DataFrame, settings: AttributeSettings
) -> Compared:
    """Compare memorability with attributes of images.

    Parameters
    ----------
    attributes
        Rows of the table `image_attributes`.
    images
        The image table. Images without a score are left out.
    settings
        Which score, and how intervals are made.

    Returns
    -------
    Compared
        attributes: a row per number and what is given. r is Spearman's correlation; given a label, of
        ranks less their label's mean. p_holm is adjusted over all rows.

        quartiles: a row per number and quartile of memorability, with the mean of the number. Images
        of equal scores are in one quartile.

        sources: a row per label, with the mean score of its images.

        tests: a row per ordered pair of an attribute's labels: whether the mean score of the first is
        higher. p is one-sided, of the difference's t; p_holm is adjusted over the pairs of an
        attribute; p_welch is Welch's one-sided t-test over images, as published, and unadjusted.
    """
    scored = images[images[settings.target].notna()]
    columns = ["image_id", "category", "subcategory", settings.target]
    rows = attributes.merge(scored[columns], on="image_id")
    of_images = len(scored)
    numbers = _parts(rows, attributes, NUMBER)
    labels = _parts(rows, attributes, LABEL)
    sources = dict(labels).get(SOURCE, rows[:0]).set_index("image_id")["label"]
    correlated = [
        {"attribute": name, "given": given, "images": of_images, **found}
        for name, own in numbers
        for given, found in _correlated(own, sources, settings)
    ]
    quartiles = [
        {"attribute": name, **found} for name, own in numbers for found in _quartiles(own, settings)
    ]
    means = [
        {"attribute": name, "images": of_images, **found}
        for name, own in labels
        for found in _means(own, settings)
    ]
    tests = [_tested(name, own, settings) for name, own in labels]
    return Compared(
        _adjusted(_table(correlated, CORRELATED)),
        _table(quartiles, QUARTILED),
        _table(means, AVERAGED),
        pd.concat(tests, ignore_index=True) if tests else _table([], TESTED),
    )


CORRELATED = (
    "attribute", "given", "images", "n", "r", "ci_low", "ci_high", "p", "p_holm", "unit", "clusters",
)  # fmt: skip
QUARTILED = (
    "attribute", "quartile", "n", "score_low", "score_high", "mean", "ci_low", "ci_high", "unit",
    "clusters",
)  # fmt: skip
AVERAGED = (
    "attribute", "label", "images", "n", "mean", "sd", "ci_low", "ci_high", "unit", "clusters",
)  # fmt: skip
TESTED = (
    "attribute", "first", "second", "n_first", "n_second", "difference", "ci_low", "ci_high", "p",
    "p_holm", "p_welch", "unit",
)  # fmt: skip


def quartile_numbers(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the quartile (1 to 4, from the lowest) of each of scores (n,); equal scores share one."""
    ranks = stats.rankdata(scores)
    return np.ceil(QUARTILES * ranks / max(1, len(ranks))).astype(np.int64)


def _parts(
    rows: pd.DataFrame, attributes: pd.DataFrame, kind: str
) -> list[tuple[str, pd.DataFrame]]:
    """Return the images of each attribute of a kind, none of one that no image with a score has."""
    names = sorted(set(attributes.loc[attributes["kind"] == kind, "attribute"]))
    return [(name, rows[rows["attribute"] == name]) for name in names]


def _correlated(
    own: pd.DataFrame, sources: "pd.Series[str]", settings: AttributeSettings
) -> Iterator[tuple[str, dict[str, Any]]]:
    yield NOTHING, _correlation(own, None, settings)
    source = own["image_id"].map(sources)
    if len(set(source.dropna())) > 1:
        known = source.notna()
        yield SOURCE, _correlation(own[known], source[known].to_numpy(dtype=str), settings)
    if len(set(own["category"])) > 1:
        yield "category", _correlation(own, own["category"].to_numpy(dtype=str), settings)


def _correlation(
    own: pd.DataFrame, given: npt.NDArray[np.str_] | None, settings: AttributeSettings
) -> dict[str, Any]:
    """Return Spearman's correlation of a number with the score, given a label or not."""
    scores, values = (own[name].to_numpy(dtype=np.float64) for name in (settings.target, "number"))
    found: dict[str, Any] = {"n": len(own), "r": np.nan, "p": np.nan, **_UNITS}
    found |= {"ci_low": np.nan, "ci_high": np.nan}
    strata = 0 if given is None else len(set(given))
    freedom = len(own) - 2 if given is None else len(own) - 1 - strata
    if len(own) < SMALLEST_SAMPLE or freedom < 1 or np.ptp(scores) == 0 or np.ptp(values) == 0:
        return found
    name = "pooled" if given is None else "partial_given"
    sample = Sample(values[None], Target(scores, {} if given is None else {"given": given}))
    r = sample.by_run[name]
    if np.isnan(r[0]):
        return found
    units = units_of(own, settings.bootstrap)
    (resamples,) = Resamples.of([sample], units, settings.bootstrap, detailed=False)
    inference = resamples.inference(name, r, p_value(float(r[0]), freedom))
    return found | {"r": float(r[0]), "p": inference.p} | _interval(inference, own)


def _quartiles(own: pd.DataFrame, settings: AttributeSettings) -> Iterator[dict[str, Any]]:
    quartiles = quartile_numbers(own[settings.target].to_numpy(dtype=np.float64))
    for quartile in range(1, QUARTILES + 1):
        part = own[quartiles == quartile]
        if part.empty:
            continue
        scores = part[settings.target]
        yield {
            "quartile": quartile,
            "n": len(part),
            "score_low": float(scores.min()),
            "score_high": float(scores.max()),
            "mean": float(part["number"].mean()),
            **_interval(mean_inference(part, "number", settings.bootstrap), part),
        }


def _means(own: pd.DataFrame, settings: AttributeSettings) -> Iterator[dict[str, Any]]:
    for label, part in own.groupby("label", sort=True):
        scores = part[settings.target].astype(float)
        yield {
            "label": label,
            "n": len(part),
            "mean": float(scores.mean()),
            "sd": float(scores.std(ddof=1)) if len(part) > 1 else np.nan,
            **_interval(mean_inference(part, settings.target, settings.bootstrap), part),
        }


def _tested(name: str, own: pd.DataFrame, settings: AttributeSettings) -> pd.DataFrame:
    """Return one attribute's rows of the table `source_tests`."""
    parts = {str(label): part for label, part in own.groupby("label", sort=True)}
    rows = []
    found: dict[frozenset[str], tuple[str, Inference]] = {}
    for first, second in permutations(parts, 2):
        pair = frozenset((first, second))
        if pair not in found:
            inference = difference_inference(
                parts[first], parts[second], settings.target, settings.bootstrap
            )
            found[pair] = (first, inference)
        scores = [parts[label][settings.target].astype(float) for label in (first, second)]
        reference, inference = found[pair]
        low, high = inference.interval.low, inference.interval.high
        ends = (low, high) if reference == first else (-high, -low)
        difference = float(scores[0].mean() - scores[1].mean())
        enough = min(map(len, scores)) > 1 and any(np.ptp(values) > 0 for values in scores)
        welch = np.nan
        if enough:
            welch = float(stats.ttest_ind(*scores, equal_var=False, alternative="greater").pvalue)
        rows.append(
            {
                "attribute": name, "first": first, "second": second,
                "n_first": len(scores[0]), "n_second": len(scores[1]),
                "difference": difference, "ci_low": ends[0], "ci_high": ends[1],
                "p": one_sided(difference, inference.p), "p_welch": welch, "unit": inference.unit,
            }
        )  # fmt: skip
    return _adjusted(_table(rows, TESTED))


def _interval(inference: Inference, rows: pd.DataFrame) -> dict[str, Any]:
    clustered = inference.unit == "subcategories"
    return {
        "ci_low": inference.interval.low,
        "ci_high": inference.interval.high,
        "unit": inference.unit,
        "clusters": rows["subcategory"].nunique() if clustered else None,
    }


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(columns))
    whole = dict.fromkeys(("images", "n", "n_first", "n_second", "quartile"), "int64")
    kinds = whole | {"clusters": "Int64"} | dict.fromkeys(_FLOATS, "float64")
    kinds |= dict.fromkeys(("attribute", "given", "label", "first", "second", "unit"), "object")
    return table.astype({name: kind for name, kind in kinds.items() if name in table})


_FLOATS = (
    "r", "ci_low", "ci_high", "p", "p_holm", "p_welch", "mean", "sd", "difference", "score_low",
    "score_high",
)  # fmt: skip


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(p_holm=holm(table["p"].to_numpy(dtype=np.float64)))
