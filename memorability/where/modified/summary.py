"""Whether predicted scores of versions have the predicted order: low, medium, high."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorability.statistics.inference import mean_inference, one_sided
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.multiplicity import holm
from memorability.where.modified.names import CONTRASTS, ORIGINAL, VERSIONS


@dataclass(frozen=True, kw_only=True)
class ModifiedSettings:
    """What decides the summary of versions."""

    bootstrap: Bootstrap


@dataclass(frozen=True)
class Modified:
    """The tables `modified_versions` and `modified_tests`."""

    versions: pd.DataFrame
    tests: pd.DataFrame


def summarise_versions(
    scores: pd.DataFrame, images: pd.DataFrame, settings: ModifiedSettings, *, made_by: str
) -> Modified:
    """Compare the versions of images that predictors scored.

    Parameters
    ----------
    scores
        The table `modified_scores`.
    images
        The image table.
    settings
        How intervals are made.
    made_by
        The predictor whose map decided where detail is.

    Returns
    -------
    Modified
        versions: a row per predictor and version, the original included, with the mean predicted score,
        the mean number of regions and the mean share of lines.

        tests: a row per predictor and pair of `CONTRASTS`: the mean difference of an image's two scores
        (paired), and p, one-sided: whether the first is higher, as predicted. p_holm is adjusted over
        the pairs of a predictor. share is that of the images whose scores have the predicted order.
    """
    labels = images.set_index("image_id")[["category", "subcategory"]]
    versions: list[dict[str, Any]] = []
    tests: list[pd.DataFrame] = []
    for predictor, own in scores.groupby("predictor", sort=True):
        wide = own.pivot_table(index="image_id", columns="version", values="predicted")
        known = {"predictor": predictor, "made_map": predictor == made_by}
        for version in (ORIGINAL, *VERSIONS):
            part = own[own["version"] == version]
            found = mean_inference(
                wide[[version]].join(labels, how="left"), version, settings.bootstrap
            )
            versions.append(
                {
                    **known, "version": version, "n": len(part),
                    "predicted": float(part["predicted"].mean()),
                    "ci_low": found.interval.low, "ci_high": found.interval.high,
                    "regions": float(part["regions"].mean()), "lines": float(part["lines"].mean()),
                    "unit": found.unit,
                }
            )  # fmt: skip
        rows = [
            {
                **known,
                "first": first,
                "second": second,
                **_tested(wide, labels, first, second, settings),
            }
            for first, second in CONTRASTS
        ]
        table = pd.DataFrame(rows)
        tests.append(table.assign(p_holm=holm(table["p"].to_numpy(dtype=np.float64))))
    return Modified(
        pd.DataFrame(versions),
        pd.concat(tests, ignore_index=True).astype({"clusters": "Int64"}),
    )


def _tested(
    wide: pd.DataFrame, labels: pd.DataFrame, first: str, second: str, settings: ModifiedSettings
) -> dict[str, Any]:
    rows = labels.loc[wide.index].assign(difference=wide[first] - wide[second])
    found = mean_inference(rows, "difference", settings.bootstrap)
    mean = float(rows["difference"].mean())
    clustered = found.unit == "subcategories"
    return {
        "n": len(rows),
        "difference": mean,
        "ci_low": found.interval.low,
        "ci_high": found.interval.high,
        "p": one_sided(mean, found.p),
        "share": float((rows["difference"] > 0).mean()),
        "unit": found.unit,
        "clusters": rows["subcategory"].nunique() if clustered else None,
    }
