"""Predictors of pixels on data sets that they were not fitted to: images, scores, comparison."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.data.own_tables import image_table
from memorability.images.decoding import Decoding
from memorability.images.folder import locate
from memorability.images.store import OnBadImage
from memorability.pixel_predictors.contract import Diverged, Given, PixelPredictor
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, trained_on, trained_on_further
from memorability.pixel_predictors.of_files import open_with
from memorability.prediction.comparison import ceilings, r_of_images
from memorability.prediction.names import OWN_TEST_IMAGES
from memorability.scorer.side_by_side import score_side_by_side
from memorability.statistics.intervals import Bootstrap

logger = logging.getLogger(__name__)

PUBLISHED = "published"
"""In place of the score that a predictor was fitted to, of one that was not fitted here."""

FALSE_ALARMS = "false_alarm_rate"


@dataclass(frozen=True, kw_only=True)
class FurtherImages:
    """What decides the images of a further data set, besides themselves and their scores.

    Parameters
    ----------
    columns
        Our name -> name in the score table, see `memorability.data.scores.read_scores`.
    on_bad_image
        Of rows without a score: "reject" leaves them out, "stop" raises.
    seed
        Of the presentation order, which nothing here reads.
    """

    columns: Mapping[str, str]
    on_bad_image: OnBadImage
    seed: int


@dataclass(frozen=True, kw_only=True)
class SetOfImages:
    """What decides the comparison on one set of images.

    Parameters
    ----------
    name
        Of the set.
    targets
        Measured scores to compare with, columns of the image table.
    images_from
        Data sets that the images were taken from; None where nobody says.
    bootstrap
        Of the images.
    """

    name: str
    targets: tuple[str, ...]
    images_from: tuple[str, ...] | None
    bootstrap: Bootstrap


@dataclass(frozen=True, kw_only=True)
class FurtherSettings:
    """What decides the comparison on further data sets.

    Parameters
    ----------
    sets
        The study's own test images first (`OWN_TEST_IMAGES`).
    own_starts
        Predictors that have a file of weights of the user's.
    """

    sets: tuple[SetOfImages, ...]
    own_starts: tuple[str, ...]

    def trained_on(self, head: str, tested: SetOfImages) -> str:
        """Return whether a predictor was fitted to scores of the images of a set."""
        spec, own_start = PIXEL_PREDICTORS[head], head in self.own_starts
        images_from = self.sets[0].images_from
        if tested.name == OWN_TEST_IMAGES:
            return trained_on(spec, images_from, own_start=own_start)
        return trained_on_further(spec, images_from, tested.images_from, own_start=own_start)


def further_images(scores: Path, folder: Path, settings: FurtherImages) -> pd.DataFrame:
    """Return the image table of a further data set: rows that have a score and a file.

    Parameters
    ----------
    scores
        The score table.
    folder
        Of the images.
    settings
        Of the table.

    Raises
    ------
    InputError
        As `memorability.data.scores.read_scores`; if more than half of the rows have no image.
    """
    table = image_table(
        scores, "table", settings.columns, on_bad_image=settings.on_bad_image, seed=settings.seed
    )
    found, _ = locate(list(table["file"]), folder)
    table["file"] = found
    without = int(table["file"].isna().sum())
    if without:
        logger.warning("%s: %d of %d rows have no image in %s: they are left out",
                       scores, without, len(table), folder)  # fmt: skip
    return table.dropna(subset="file").reset_index(drop=True)


def fits_of(head: str, fitted: Sequence[Path], published: Given) -> dict[str, PixelPredictor]:
    """Return a predictor in each of its fits: the score that it was fitted to -> the predictor.

    Fits that diverged are left out.

    Parameters
    ----------
    head
        Name of the predictor.
    fitted
        Files of its fits, named by the score; none of one that is not fitted here.
    published
        What that one is opened with.

    Raises
    ------
    InputError
        If a file is another one.
    """
    if not fitted:
        return {PUBLISHED: open_with(head, published)}
    fits = {}
    for file in fitted:
        try:
            fits[file.stem] = open_with(head, Given(weights=(file,)))
        except Diverged as reason:
            logger.warning("%s", reason)
    return fits


def score_further(
    predictors: Mapping[str, PixelPredictor],
    images: pd.DataFrame,
    folder: Path,
    *,
    decoding: Decoding,
    device: str,
    threads: int,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Score the images of a further data set, each decoded once.

    Parameters
    ----------
    predictors
        The score that each was fitted to, or `PUBLISHED` -> predictor; none where all fits diverged.
    images
        Columns image_id and file.
    folder
        Of the images.
    decoding, device, threads, on_image
        See `memorability.scorer.study_images.score_study`.

    Returns
    -------
    pandas.DataFrame
        The table `test_set_scores`: image_id, fitted_to, predicted (NaN where an image cannot be
        read), reason.
    """
    if not predictors:
        columns = ["image_id", "fitted_to", "predicted", "reason"]
        return pd.DataFrame(columns=columns, dtype=str).astype({"predicted": float})
    named = [
        replace(one, decoding=decoding, facts=replace(one.facts, predictor=fitted_to))
        for fitted_to, one in predictors.items()
    ]
    files = [folder / file for file in images["file"]]
    table = score_side_by_side(named, files, device=device, threads=threads, on_image=on_image)
    return pd.DataFrame(
        {
            "image_id": images["image_id"].repeat(len(named)).to_numpy(),
            "fitted_to": table["predictor"],
            "predicted": table["score"],
            "reason": table["reason"],
        }
    )


def own_images(images: pd.DataFrame, split: pd.DataFrame) -> pd.DataFrame:
    """Return the study's image table with the score that the split has: LaMem's differs from it."""
    return images.assign(score=images["image_id"].map(split.set_index("image_id")["score"]))


def own_scores(fits: Sequence[tuple[str, str, pd.DataFrame]], split: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of the study's own test images, as `compare_further` reads them.

    Parameters
    ----------
    fits
        The score that a predictor was fitted to, or `PUBLISHED`; the predictor; its table
        `head_predictions` of all images of the study.
    split
        The table `split`.
    """
    test = split.loc[split["split"] == "test", "image_id"]
    columns = ["head", "image_id", "fitted_to", "predicted"]
    parts = [
        rows[rows["image_id"].isin(test)].assign(head=head, fitted_to=fitted_to)[columns]
        for fitted_to, head, rows in fits
    ]
    return pd.concat(parts, ignore_index=True).assign(set=OWN_TEST_IMAGES)


def compare_further(
    images: Mapping[str, pd.DataFrame],
    scores: pd.DataFrame,
    *,
    failures: Mapping[tuple[str, str], str],
    settings: FurtherSettings,
) -> pd.DataFrame:
    """Correlate what predictors say with what was measured, on every set of images.

    Parameters
    ----------
    images
        Set -> its image table. Of the study itself, test images are the rows that `scores` has.
    scores
        Columns set, head, image_id, fitted_to, predicted; NaN where a predictor cannot read an image.
    failures
        Predictor, and the score that it could not be fitted to -> why. `scores` has none of these fits.
    settings
        Of the comparison.

    Returns
    -------
    pandas.DataFrame
        The table `test_sets`: a row per set, measured score (target), predictor (head) and the score
        that it was fitted to. A fit to false alarms is compared with false alarms, and the others with
        the others; a published predictor with all. All rows of a set and a target rest on the same
        images: those that have the measured score and are read by every predictor. left_out counts
        the others that have the measured score; where it counts them all, n is 0 and nothing is known.
        A fit that failed has a row of each set and target, with the reason, n of 0 and no figures.
        r is Spearman's; given_category that of ranks less their category's mean; mse in squared units
        of the score. Resamples draw images of the set, or its subcategories: no predictor is fitted
        anew.
    """
    parts = []
    for tested in settings.sets:
        own = scores[scores["set"] == tested.name]
        own = own.assign(column=own["head"] + ":" + own["fitted_to"])
        wide = own.pivot_table("predicted", "image_id", "column", dropna=False)
        table = images[tested.name].set_index("image_id", drop=False)
        table = table.loc[table.index.intersection(wide.index, sort=False)]
        read = wide.loc[table.index].notna().all(axis="columns")
        ceiling_of = ceilings(table[read], tested.bootstrap)
        for target in tested.targets:
            if images[tested.name][target].notna().any():
                parts.append(_failures(failures, tested.name, target))
            known = table[target].notna()
            chosen = table[known & read]
            if not known.any():
                continue
            rows = _rows(chosen, wide.loc[chosen.index], target, tested.bootstrap)
            parts.append(
                rows.assign(
                    set=tested.name, target=target, left_out=int((known & ~read).sum()), reason="",
                    **ceiling_of(target),
                )
            )  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    published = [PIXEL_PREDICTORS[head].predicts for head in table["head"]]
    sets = {tested.name: tested for tested in settings.sets}
    pairs = zip(table["head"], table["set"], strict=True)
    return table.assign(
        trained_on_these_images=[settings.trained_on(head, sets[name]) for head, name in pairs],
        predicts=table["fitted_to"].where(table["fitted_to"] != PUBLISHED, published),
    )


def _rows(
    images: pd.DataFrame, wide: pd.DataFrame, target: str, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return the rows of one set and target, without what they share."""
    fits = pd.DataFrame(
        [str(column).rsplit(":", 1) for column in wide], columns=["head", "fitted_to"]
    )
    fits.index = pd.Index([str(column) for column in wide])
    rows = _to_be_compared(fits, target)
    if images.empty:
        return _without_figures(rows)
    measured = images[target].to_numpy(dtype=np.float64)
    test = pd.DataFrame({"image_id": images["image_id"].to_numpy(), "score": measured})
    test = test.join(wide[list(rows.index)].reset_index(drop=True))
    found = r_of_images(test, images[["category", "subcategory"]], bootstrap)
    figures = found.table().set_index(["metric", "head"])[["value", "ci_low", "ci_high"]]
    r, given = (figures.xs(metric).loc[rows.index] for metric in ("spearman", "given_category"))
    return rows.assign(
        r=r["value"],
        ci_low=r["ci_low"],
        ci_high=r["ci_high"],
        given_category=given["value"],
        given_category_low=given["ci_low"],
        given_category_high=given["ci_high"],
        mse=[float(np.mean((test[column] - measured) ** 2)) for column in rows.index],
        n=found.n,
        unit=found.units.word,
        clusters=pd.array([found.units.count] * len(rows), dtype="Int64"),
    ).reset_index(drop=True)


def _to_be_compared(fits: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the fits that are compared with a measured score."""
    of_false_alarms = fits["fitted_to"] == FALSE_ALARMS
    published = fits["fitted_to"] == PUBLISHED
    return fits[published | (of_false_alarms == (target == FALSE_ALARMS))]


def _failures(failures: Mapping[tuple[str, str], str], name: str, target: str) -> pd.DataFrame:
    """Return the rows of one set and target of fits that failed."""
    fits = pd.DataFrame(list(failures), columns=["head", "fitted_to"], dtype=str)
    fits = fits.assign(reason=list(failures.values()))
    ceiling = dict.fromkeys(["ceiling", "ceiling_low", "ceiling_high"], np.nan)
    rows = _without_figures(_to_be_compared(fits, target))
    return rows.assign(set=name, target=target, left_out=0, **ceiling)


def _without_figures(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of fits with the figures of no image."""
    unknown = ["r", "ci_low", "ci_high", "given_category", "given_category_low"]
    unknown += ["given_category_high", "mse"]
    clusters = pd.array([pd.NA] * len(rows), dtype="Int64")
    rows = rows.assign(n=0, unit="images", clusters=clusters, **dict.fromkeys(unknown, np.nan))
    return rows.reset_index(drop=True)
