"""What ablations do to predicted scores: means with intervals, ranks, and what a predictor leans on.

Every interval holds for new images, or, where there are ten subcategories or more, for new
subcategories: see `memorability.statistics.inference`. Nothing is fitted anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from memorability.statistics.inference import Runs, Units, infer, mean_inference, units_of
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP, Bootstrap
from memorability.statistics.multiplicity import holm
from memorability.where.names import (
    CONTROL,
    CONTROLS,
    ELSEWHERE,
    HUMAN,
    MEASURES,
    NOISE,
    SHORTCUT,
    UNCHANGED,
    ablation,
    representative,
)

FloatArray = npt.NDArray[np.float64]
ALL = "all"
TESTED = ("change", "beyond_noise", "beyond_elsewhere")
"""Of each ablation: whether scores change in one direction; whether they change by more than under
noise that changes the pixels as much; and than where as much is taken away at another place."""

INTERVALS = (*TESTED[:1], "absolute", *TESTED[1:])


@dataclass(frozen=True, kw_only=True)
class SummarySettings:
    """What decides the summary of ablations."""

    bootstrap: Bootstrap


@dataclass(frozen=True)
class AblationTables:
    """The tables `ablations` and `ablation_answers`."""

    ablations: pd.DataFrame
    answers: pd.DataFrame


def summarise(
    scores: pd.DataFrame, images: pd.DataFrame, *, settings: SummarySettings
) -> AblationTables:
    """Summarise ablations of every predictor, over all images and by category.

    Parameters
    ----------
    scores
        The table `ablation_scores`.
    images
        The image table.
    settings
        The bootstrap.

    Returns
    -------
    AblationTables
        ablations: a row per predictor, group and ablation. change is the mean over images of the score
        after less that before, absolute the mean of its size; beyond_noise and beyond_elsewhere are
        absolute less that of the control, of the same images. share_affected is the share of images
        whose score changes by more than under re-encoding and under mirroring: of an ablation that does
        no more than either, a third. p_holm is adjusted over the ablations and tests of a predictor
        and group. Ranks count from the largest mean; their intervals are quantiles over resamples. An
        ablation of fewer than ten images has no interval and no rank.

        answers: a row per predictor and measure of rank: by how much the mean over the families of
        `HUMAN` exceeds that over those of `SHORTCUT`, each family with its representative.
    """
    labels = images.set_index("image_id")[["category", "subcategory"]]
    tables, answers = [], []
    for predictor, rows in scores.groupby("predictor", sort=True):
        values = _changes(rows)
        of_image = labels.loc[values["image_id"]].to_numpy(dtype=str)
        values = values.assign(category=of_image[:, 0], subcategory=of_image[:, 1])
        for group, own in _groups(values):
            ranked = _Ranked.of(own, settings.bootstrap)
            table = pd.DataFrame(
                [
                    {"ablation": str(name), **_row(part, settings.bootstrap)}
                    for name, part in own.groupby("ablation", sort=True)
                ]
            ).assign(predictor=predictor, group=group, images=own["image_id"].nunique())
            table["clusters"] = table["clusters"].astype("Int64")
            table["family"] = [ablation(name).family for name in table["ablation"]]
            table = _adjusted(table).merge(ranked.ranks(), on="ablation", how="left")
            tables.append(table)
            if group == ALL:
                answers += [
                    {"predictor": predictor, **row} for row in ranked.answers(settings.bootstrap)
                ]
    return AblationTables(
        pd.concat(tables, ignore_index=True), pd.DataFrame(answers).astype({"n": "int64"})
    )


def _changes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per image and ablation of one predictor: the change of the score, and controls'."""
    wide = rows.pivot_table(index=["image_id", "ablation"], columns="control", values="predicted")
    wide = wide.reindex(columns=["", NOISE, ELSEWHERE]).reset_index()
    before = wide[wide["ablation"] == UNCHANGED].set_index("image_id")[""]
    wide = wide[wide["ablation"] != UNCHANGED]
    start = wide["image_id"].map(before)
    change, noise, elsewhere = (wide[name] - start for name in ("", NOISE, ELSEWHERE))
    table = wide[["image_id", "ablation"]].assign(
        change=change,
        absolute=change.abs(),
        noise=noise.abs(),
        elsewhere=elsewhere.abs(),
        beyond_noise=change.abs() - noise.abs(),
        beyond_elsewhere=change.abs() - elsewhere.abs(),
    )
    controls = table[table["ablation"].isin(CONTROLS)].groupby("image_id")["absolute"].max()
    table["affected"] = table["absolute"] > table["image_id"].map(controls)
    own = rows[rows["control"] == ""].set_index(["image_id", "ablation"])
    place = pd.MultiIndex.from_frame(table[["image_id", "ablation"]])
    return table.assign(
        mean_square=own["mean_square"].reindex(place).to_numpy(),
        area=own["area"].reindex(place).to_numpy(),
    )


def _groups(values: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows of all images, and those of each category if there are several."""
    yield ALL, values
    if len(values["category"].unique()) > 1:
        for category, rows in values.groupby("category", sort=True):
            yield str(category), rows


def _row(part: pd.DataFrame, bootstrap: Bootstrap) -> dict[str, Any]:
    """Return what is said of one ablation, of the images (n,) in which it was made."""
    units = units_of(part, bootstrap)
    row: dict[str, Any] = {
        "n": len(part),
        "mean_square": part["mean_square"].mean(),
        "area": part["area"].mean(),
        "noise": part["noise"].mean(),
        "elsewhere": part["elsewhere"].mean(),
        "n_elsewhere": int(part["elsewhere"].notna().sum()),
        "share_affected": float(part["affected"].mean()),
        "unit": units.word,
        "clusters": units.count,
    }
    for name in INTERVALS:
        found = mean_inference(part[part[name].notna()], name, bootstrap)
        row[name] = part[name].mean()
        row[f"{name}_low"], row[f"{name}_high"] = found.interval.low, found.interval.high
        if name in TESTED:
            row[f"{name}_p"] = found.p
    return row


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of one predictor and group with p-values adjusted over all its tests."""
    tested = (table["family"] != CONTROL).to_numpy()
    p = np.stack([np.where(tested, table[f"{name}_p"], np.nan) for name in TESTED])
    adjusted = holm(p.ravel()).reshape(p.shape)
    return table.assign(
        **{f"{name}_p_holm": values for name, values in zip(TESTED, adjusted, strict=True)}
    )


@dataclass(frozen=True)
class _Ranked:
    """Means of the ablations of ten images or more, and in each resample of all images.

    Attributes
    ----------
    names
        Ablations.
    counts
        (k,) their images.
    means
        Measure -> (k,), NaN where an ablation has none.
    drawn
        Measure -> (draws, k).
    units
        What was drawn.
    """

    names: list[str]
    counts: Mapping[str, int]
    means: Mapping[str, FloatArray]
    drawn: Mapping[str, FloatArray]
    units: Units | None

    @classmethod
    def of(cls, rows: pd.DataFrame, bootstrap: Bootstrap) -> "_Ranked":
        counts = {str(name): len(part) for name, part in rows.groupby("ablation")}
        enough = [name for name, count in counts.items() if count >= SMALLEST_BOOTSTRAP]
        names = [name for name in enough if name not in CONTROLS]
        every = rows.drop_duplicates("image_id").sort_values("image_id")
        if not names:
            return cls([], {}, {}, {}, None)
        units = units_of(every, bootstrap)
        wide = {
            measure: rows.pivot_table(index="image_id", columns="ablation", values=measure)
            .reindex(index=every["image_id"], columns=names)
            .to_numpy(dtype=np.float64)
            for measure in MEASURES
        }
        drawn: dict[str, list[FloatArray]] = {measure: [] for measure in MEASURES}
        for weights in units.weights(bootstrap):
            for measure, values in wide.items():
                there = np.isfinite(values)
                total = weights.T @ np.where(there, values, 0.0)
                with np.errstate(invalid="ignore", divide="ignore"):
                    drawn[measure].append(total / (weights.T @ there.astype(np.float64)))
        means = {
            measure: np.asarray(pd.DataFrame(values).mean()) for measure, values in wide.items()
        }
        together = {measure: np.concatenate(parts) for measure, parts in drawn.items()}
        return cls(names, counts, means, together, units)

    def ranks(self) -> pd.DataFrame:
        """Return a row per ablation: its rank by each measure, from 1, and the rank's interval."""
        table = pd.DataFrame({"ablation": pd.Series(self.names, dtype=str)})
        for measure in MEASURES:
            columns = [f"rank_{measure}{end}" for end in ("", "_low", "_high")]
            values = np.full((3, len(self.names)), np.nan)
            if self.names:
                there = np.isfinite(self.means[measure])
                drawn = self.drawn[measure][:, there]
                drawn = drawn[np.isfinite(drawn).all(axis=1)]
                values[0, there] = stats.rankdata(-self.means[measure][there])
                if len(drawn):
                    ranks = stats.rankdata(-drawn, axis=1)
                    values[1:, there] = np.percentile(ranks, [2.5, 97.5], axis=0)
            table[columns] = values.T
        return table

    def answers(self, bootstrap: Bootstrap) -> Iterator[dict[str, Any]]:
        """Yield, by each measure, how far families of `HUMAN` exceed those of `SHORTCUT`."""
        for measure in MEASURES:
            places = {
                family: self.names.index(name)
                for family in (*HUMAN, *SHORTCUT)
                if (name := representative(family, set(self.names)))
            }
            human, shortcut = (
                [places[family] for family in families if family in places]
                for families in (HUMAN, SHORTCUT)
            )
            means = self.means.get(measure, np.empty(0))
            order = sorted(places, key=lambda family: -means[places[family]])
            row: dict[str, Any] = {
                "measure": measure,
                "order": " > ".join(order),
                "by": " ".join(self.names[places[family]] for family in order),
                "n": min((self.counts[self.names[place]] for place in places.values()), default=0),
            }
            ends = ("difference", "ci_low", "ci_high", "p")
            if not (human and shortcut) or self.units is None:
                yield row | dict.fromkeys(ends, np.nan)
                continue
            drawn = self.drawn[measure]
            apart = drawn[:, human].mean(axis=1) - drawn[:, shortcut].mean(axis=1)
            estimate = means[human].mean() - means[shortcut].mean()
            found = infer(
                [Runs(np.asarray([estimate]), apart[None])],
                self.units,
                bootstrap,
                of_difference=True,
            )
            values = (estimate, found.interval.low, found.interval.high, found.p)
            yield row | dict(zip(ends, values, strict=True))
