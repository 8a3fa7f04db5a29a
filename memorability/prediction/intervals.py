"""Intervals around predicted scores, calibrated by category on images that chose nothing."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.base.errors import InputError, nearest

Floats = npt.NDArray[np.floating[Any]]
FIFTHS = ("lowest", "second", "middle", "fourth", "highest")


@dataclass(frozen=True)
class Width:
    """An interval around predictions.

    Attributes
    ----------
    half_width
        In units of the score, at least 0.
    level
        Share of new images of the same kind that it covers, within (0, 1).
    images
        How many images it follows from.
    """

    half_width: float
    level: float
    images: int


@dataclass(frozen=True)
class Intervals:
    """The intervals of a predictor.

    Attributes
    ----------
    all
        From all images.
    categories
        Category -> its own, where its images are enough for the level that is asked for.
    named
        All categories of the images, those without an interval of their own too.
    """

    all: Width
    categories: Mapping[str, Width]
    named: tuple[str, ...]

    @property
    def widest(self) -> Width:
        """The one that covers a share of at least its level in every category that has its own."""
        return max([self.all, *self.categories.values()], key=lambda width: width.half_width)

    def of(self, category: str | None) -> Width:
        """Return the interval of a category: its own, else that of all; of None, the widest.

        Raises
        ------
        InputError
            If there were no images of this category.
        """
        if category is None:
            return self.widest
        if category not in self.named:
            raise InputError(
                f"The saved predictor knows no category {category!r} "
                f"({nearest(category, self.named)}). Name one of: {', '.join(self.named)}; or none, "
                "for an interval that holds in all of them."
            )
        return self.categories.get(category, self.all)

    def facts(self) -> dict[str, Any]:
        """Return plain values, of which `from_facts` makes the intervals again."""
        return {
            "all": asdict(self.all),
            "categories": {name: asdict(width) for name, width in self.categories.items()},
            "named": [*self.named],
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Intervals":
        """Return the intervals of plain values."""
        return cls(
            Width(**facts["all"]),
            {name: Width(**width) for name, width in facts["categories"].items()},
            tuple(facts["named"]),
        )


def residual_interval(residuals: Floats, confidence: float) -> Width:
    """Return an interval around predictions.

    Parameters
    ----------
    residuals
        Measured less predicted scores of images that chose nothing of the predictor, (N,), N at
        least 1.
    confidence
        Share of new images of the same kind whose measured score the interval shall cover.

    Returns
    -------
    Width
        N images cannot vouch for more than N / (N + 1), which is the level where `confidence` is
        larger.

    Notes
    -----
    Source: split conformal prediction, Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018,
    "Distribution-Free Predictive Inference for Regression", algorithm 2. The share holds over all
    images alike, not for each score, and for images exchangeable with those of the residuals.
    """
    ordered, n = np.sort(np.abs(residuals)), len(residuals)
    rank = min(n, math.ceil((n + 1) * confidence))
    return Width(float(ordered[rank - 1]), min(confidence, n / (n + 1)), n)


def calibrated(residuals: Floats, categories: npt.ArrayLike, confidence: float) -> Intervals:
    """Return intervals around predictions, of all images and by category.

    Parameters
    ----------
    residuals, confidence
        See `residual_interval`.
    categories
        Of the images, (N,).

    Notes
    -----
    Source: Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World", section 4.5
    (Mondrian conformal prediction): each category is calibrated by its own images, so that the share
    holds within each. A category of too few images for the level takes the interval of all.
    """
    labels = np.asarray(categories, dtype=str)
    own = {name: residuals[labels == name] for name in np.unique(labels).tolist()}
    return Intervals(
        residual_interval(residuals, confidence),
        {
            name: residual_interval(values, confidence)
            for name, values in own.items()
            if len(values) / (len(values) + 1) >= confidence
        },
        tuple(own),
    )


def labelled_test(predictions: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return the test images of the table `predictions` with category and subcategory."""
    labels = images[["image_id", "category", "subcategory"]]
    test = predictions.loc[predictions["split"] == "test", ["image_id", "score", "predicted"]]
    return test.merge(labels, on="image_id", validate="1:1")


def interval_coverage(test: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return how often intervals contain the measured scores of images that calibrated nothing of them.

    Every subcategory in turn is left out: the others calibrate its intervals. Where a category has
    one subcategory, its images are left out one by one.

    Parameters
    ----------
    test
        image_id, category, subcategory, score and predicted of images that chose nothing of the
        predictor.
    confidence
        See `residual_interval`.

    Returns
    -------
    pandas.DataFrame
        The table `prediction_intervals`: by "all", "category" and "prediction" (fifths of the
        predictions, from the lowest on), with half_width, level and calibrated_by of the interval
        that a new image gets (by prediction, that of all), n, and coverage: the share of these
        images whose interval contains the score where the category is known; coverage_widest, where
        it is not. Missing where one image is all there is.
    """
    residuals = (test["score"] - test["predicted"]).to_numpy(dtype=np.float64)
    category = test["category"].to_numpy(dtype=str)
    intervals = calibrated(residuals, category, confidence)
    inside = np.full((len(test), 2), np.nan)
    for out in _left_out(test):
        if not out.all():
            others = calibrated(residuals[~out], category[~out], confidence)
            known = others.categories.get(category[out][0], others.all)
            for place, width in enumerate((known, others.widest)):
                inside[out, place] = np.abs(residuals[out]) <= width.half_width
    fifths = pd.qcut(test["predicted"].rank(method="first"), min(len(test), 5), labels=False)
    groups = [("all", "all", np.ones(len(test), dtype=bool), intervals.all)]
    groups += [("category", name, category == name, intervals.of(name)) for name in intervals.named]
    groups += [
        ("prediction", FIFTHS[place], (fifths == place).to_numpy(), intervals.all)
        for place in range(min(len(test), 5))
    ]
    return pd.DataFrame(
        [
            {
                "by": by,
                "group": name,
                "n": int(chosen.sum()),
                "half_width": width.half_width,
                "level": width.level,
                "calibrated_by": width.images,
                "coverage": inside[chosen, 0].mean(),
                "coverage_widest": inside[chosen, 1].mean(),
            }
            for by, name, chosen, width in groups
        ]
    )


def _left_out(test: pd.DataFrame) -> list[npt.NDArray[np.bool_]]:
    """Return which images (N,) are left out together."""
    subcategories = test.groupby("category")["subcategory"].transform("nunique")
    alone = pd.Series(np.arange(len(test)).astype(str), test.index)
    unit = test["subcategory"].where(subcategories > 1, alone)
    codes = pd.factorize(test["category"].astype(str) + "\t" + unit.astype(str))[0]
    return [codes == code for code in range(codes.max() + 1)]
