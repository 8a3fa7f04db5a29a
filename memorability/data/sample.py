"""The sample: crops of real photographs inside scikit-image and scikit-learn, no download.

Crops of a few photographs stand for MemCat's five categories, and simulated observers play the
memory game on them. What they remember is planted (`PLANTED_EFFECTS`), so that the whole workflow
can be checked against a known truth. Crops for training, validation and test come from parts of a
photograph that share no pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skimage.data
import sklearn.datasets
from numpy.typing import NDArray
from PIL import Image
from scipy import stats
from skimage.color import rgb2gray, rgb2hsv
from skimage.filters import sobel

from memorability.base.seeding import numpy_stream
from memorability.memory_game.game import LAMEM, Observers, simulate_trials
from memorability.memory_game.scoring import (
    attentive_trials,
    correct_delays,
    count_responses,
    score_counts,
    vigilance_misses,
)

CROP_SIDES = (165, 200)  # pixels; MS-SSIM needs 161, the smallest part of a photograph has 200
ENLARGED: Mapping[str, float] = {"chelsea": 4 / 3}  # whose parts would be smaller than a crop
# Parts of ten crops of a photograph in a row: 60, 10 and 30 %, as in the published study.
PARTS_OF_TEN = (
    "train", "test", "validation", "train", "train", "test", "train", "train", "test", "train",
)  # fmt: skip

PHOTOGRAPHS: Mapping[str, tuple[str, ...]] = {
    "animal": ("chelsea",),
    "food": ("coffee",),
    "landscape": ("china", "flower"),
    "sports": ("astronaut",),
    "vehicle": ("motorcycle_left", "rocket"),
}

# Added to an image's memorability per standard deviation of the property over all crops; the
# category's offset makes the sample's scores differ between categories as MemCat's do.
PLANTED_EFFECTS: Mapping[str, float] = {"saturation": 0.09, "edge_strength": 0.06}
PLANTED_CATEGORY_OFFSETS: Mapping[str, float] = {
    "animal": 0.03, "food": 0.06, "landscape": -0.10, "sports": 0.04, "vehicle": -0.03,
}  # fmt: skip
# Attributes beside the images. Popularity goes with memorability through the source alone, fixation
# consistency goes with it in every source, aesthetics do not.
SOURCES = ("archive", "magazine", "snapshots")
SOURCE_NOISE = (
    0.5  # standard deviations of what else decides an image's source, over those of memorability
)
POPULARITY_STEP, ATTRIBUTE_NOISE = 2.0, 1.0
WITHOUT_AESTHETICS = 7  # the first image, and each seventh after it
PLANTED_NOISE = 0.03  # standard deviation of what the properties above do not explain
MEAN_MEMORABILITY = 0.70
MEAN_FALSE_ALARM_RATE = 0.08
# The reference delay is the geometric mean of the game's delays, so that an image is recognised
# about as often as its memorability says.
OTHER_OBSERVERS = 200  # crowds of them, of whose scores the planted correlation is a mean
OBSERVERS = Observers(reference_delay=74.0, decay=-0.05, inattentive_share=0.05, lapse_rate=0.7)


@dataclass(frozen=True)
class Sample:
    """What is made of a sample besides the image files.

    Attributes
    ----------
    scores
        file, category, subcategory, hits, false_alarms, responses, score (cut at 0 where false
        alarms outnumber hits).
    split
        The table `official_splits`, with one split: each crop is for what its part of the photograph
        is for.
    trials
        The table `trials`, of all observers.
    planted
        The table `planted`: the truth.
    attributes
        file, source, popularity, fixation_consistency, aesthetics (missing for some).
    """

    scores: pd.DataFrame
    split: pd.DataFrame
    trials: pd.DataFrame
    planted: pd.DataFrame
    attributes: pd.DataFrame


def make_sample(directory: Path, *, images_per_category: int, observers: int, seed: int) -> Sample:
    """Cut the crops into `directory` and let simulated observers score them.

    Parameters
    ----------
    directory
        Where to write <category>/<photograph>/<number>.png.
    images_per_category
        Crops per category.
    observers
        How many simulated observers see each image, and see it again; those who turn out to be
        inattentive are excluded from the scores.
    seed
        Of the crops and of the observers.

    """
    rows = []
    for category, photographs in PHOTOGRAPHS.items():
        generator = numpy_stream(seed, f"sample crops {category}")
        for number in range(images_per_category):
            turn, which = divmod(number, len(photographs))
            photograph = photographs[which]
            part = PARTS_OF_TEN[turn % len(PARTS_OF_TEN)]
            crop = _crop(part_of(read_photograph(photograph), part), generator)
            file = f"{category}/{photograph}/{number:03d}.png"
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(crop).save(directory / file)
            rows.append(
                {
                    "file": file,
                    "category": category,
                    "subcategory": photograph,
                    "split": part,
                    "saturation": float(rgb2hsv(crop)[..., 1].mean()),
                    "edge_strength": float(sobel(rgb2gray(crop)).mean()),
                }
            )
    images = pd.DataFrame(rows)
    images["image_id"] = images["file"].str.removesuffix(".png")
    planted = _plant(images, numpy_stream(seed, "planted memorability"))
    trials = _play(planted, observers=observers, generator=numpy_stream(seed, "observers"))
    counts = score_counts(count_responses(attentive_trials(trials)))
    scores = images.merge(counts.assign(score=counts["score"].clip(lower=0.0)), on="image_id")
    columns = ["file", "category", "subcategory", "hits", "false_alarms", "responses", "score"]
    split = scores[["image_id", "split", "score"]].assign(official_split=1)
    memorability = planted.set_index("image_id")["memorability"].loc[images["image_id"]]
    attributes = _attributes(
        images["file"], memorability.to_numpy(), numpy_stream(seed, "attributes")
    )
    return Sample(scores[columns], split, trials, planted, attributes)


def read_photograph(name: str) -> NDArray[np.uint8]:
    """Return a photograph of `PHOTOGRAPHS`, (height, width, 3), enlarged where `ENLARGED` says so."""
    if name in ("china", "flower"):
        return np.asarray(sklearn.datasets.load_sample_image(f"{name}.jpg"))
    photograph = Image.open(Path(skimage.data.__file__).parent / _file(name)).convert("RGB")
    scale = ENLARGED.get(name, 1)
    width, height = (round(scale * side) for side in photograph.size)
    return np.asarray(photograph.resize((width, height), Image.Resampling.BICUBIC))


def part_of(photograph: NDArray[np.uint8], part: str) -> NDArray[np.uint8]:
    """Return the pixels of a photograph that crops for "train", "validation" or "test" come from.

    The left half is for training, the upper right quarter for validation, the lower right for test.
    """
    middle, centre = photograph.shape[0] // 2, photograph.shape[1] // 2
    if part == "train":
        return photograph[:, :centre]
    return photograph[:middle, centre:] if part == "validation" else photograph[middle:, centre:]


def _file(name: str) -> str:
    return f"{name}.jpg" if name == "rocket" else f"{name}.png"


def _crop(photograph: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    side = int(generator.integers(CROP_SIDES[0], CROP_SIDES[1] + 1))
    top = int(generator.integers(0, photograph.shape[0] - side + 1))
    left = int(generator.integers(0, photograph.shape[1] - side + 1))
    crop = photograph[top : top + side, left : left + side]
    return np.ascontiguousarray(crop[:, ::-1] if generator.random() < 0.5 else crop)


def _plant(images: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    memorability = MEAN_MEMORABILITY + images["category"].map(PLANTED_CATEGORY_OFFSETS)
    for name, effect in PLANTED_EFFECTS.items():
        memorability += effect * (images[name] - images[name].mean()) / images[name].std(ddof=0)
    memorability += generator.normal(0, PLANTED_NOISE, len(images))
    planted = images[["image_id", "saturation", "edge_strength"]].copy()
    planted["memorability"] = memorability.clip(0.02, 0.98)
    planted["false_alarm_rate"] = generator.beta(
        20 * MEAN_FALSE_ALARM_RATE, 20 * (1 - MEAN_FALSE_ALARM_RATE), len(images)
    )
    return planted


def _attributes(
    files: "pd.Series[str]", memorability: NDArray[np.float64], generator: np.random.Generator
) -> pd.DataFrame:
    """Return attributes of images, of whose relations to memorability (n,) the constants above tell."""
    standard = (memorability - memorability.mean()) / memorability.std()
    noise = generator.normal(size=(4, len(files)))
    ranks = stats.rankdata(standard + SOURCE_NOISE * noise[0]) - 1
    source = (ranks * len(SOURCES) // len(files)).astype(int)
    aesthetics = 5 + ATTRIBUTE_NOISE * noise[3]
    aesthetics[::WITHOUT_AESTHETICS] = np.nan
    return pd.DataFrame(
        {
            "file": files.to_numpy(),
            "source": np.asarray(SOURCES)[source],
            "popularity": POPULARITY_STEP * source + ATTRIBUTE_NOISE * noise[1],
            "fixation_consistency": standard + ATTRIBUTE_NOISE * noise[2],
            "aesthetics": aesthetics,
        }
    )


def _play(planted: pd.DataFrame, *, observers: int, generator: np.random.Generator) -> pd.DataFrame:
    """Let simulated observers play with the sample's images as targets.

    A game needs 66 targets; what a small sample lacks are images without files, which are shown,
    remembered like the average image and never scored.
    """
    lacking = max(0, LAMEM.targets - len(planted))
    truth = planted[["memorability", "false_alarm_rate"]]
    padded = np.vstack([truth.to_numpy(), np.tile(truth.mean().to_numpy(), (lacking, 1))])
    return simulate_trials(
        [*planted["image_id"], *(f"unstudied_{i:03d}" for i in range(lacking))],
        padded[:, 0],
        padded[:, 1],
        responses=observers,
        observers=OBSERVERS,
        generator=generator,
    )


def planted_effects(
    planted: pd.DataFrame,
    images: pd.DataFrame,
    trials: pd.DataFrame,
    ceiling: pd.DataFrame,
    *,
    confidence: float,
) -> pd.DataFrame:
    """Set every planted effect beside what the study recovers of it.

    Parameters
    ----------
    planted, images, trials, ceiling
        The tables of these names of a study of the sample.
    confidence
        Of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        The table `planted_effects`. Of the kinds "property" (change of the hit rate per standard
        deviation of the property over the crops), "category" (difference from the mean of the
        categories) and "mean" (memorability), found is least squares of the hit rates on both
        properties and the category: the model that was planted. Its intervals (t) hold for new crops
        of these photographs. "mean" of the false-alarm rate likewise, without a model. "observers":
        decay, the slope of responses on log delays within images, with an interval (t, clustered)
        for new observers; inattentive_share, the share of excluded observers (Wilson). "ceiling":
        Spearman's r of the planted truth with the scores that other observers would give, on average,
        and the noise ceiling that the study estimates without knowing the truth. contains says
        whether the interval contains what was planted; it is missing where there is no interval.
    """
    both = planted.merge(
        images[["image_id", "category", "responses", "score_uncorrected"]].assign(
            counted_false_alarms=images["false_alarm_rate"]
        ),
        on="image_id",
    )
    rows = [
        *_regression(planted, both, confidence),
        _mean_false_alarms(both, confidence),
        *_of_observers(trials, confidence),
        _highest_correlation(both, ceiling),
    ]
    table = pd.DataFrame(rows)
    inside = table["planted"].between(table["ci_low"], table["ci_high"]).astype("boolean")
    return table.assign(contains=inside.where(table["ci_low"].notna()))


def _regression(
    planted: pd.DataFrame, both: pd.DataFrame, confidence: float
) -> list[dict[str, Any]]:
    names = [*PLANTED_EFFECTS]
    all_crops = planted[names]
    properties = (both[names] - all_crops.mean()) / all_crops.std(ddof=0)
    categories = pd.get_dummies(both["category"], dtype=float)
    design = np.hstack([properties, categories])
    n, width = design.shape
    solution, residual, rank, _ = np.linalg.lstsq(design, both["score_uncorrected"], rcond=None)
    known = rank == width < n
    inverse = np.linalg.inv(design.T @ design) if known else np.full((width, width), np.nan)
    variance = residual[0] / (n - width) * inverse if known else inverse
    wanted = [
        ("property", name, PLANTED_EFFECTS[name], np.eye(width)[place])
        for place, name in enumerate(names)
    ]
    # Offsets are differences from the mean of the categories, which is that of the planted ones, 0.
    mean = np.r_[np.zeros(len(names)), np.full(categories.shape[1], 1 / categories.shape[1])]
    wanted += [
        ("category", name, PLANTED_CATEGORY_OFFSETS[name], np.eye(width)[len(names) + place] - mean)
        for place, name in enumerate(map(str, categories))
    ]
    wanted.append(("mean", "memorability", MEAN_MEMORABILITY, mean))
    return [
        _row(
            kind, name, value, float(weights @ solution), float(np.sqrt(weights @ variance @ weights)),
            freedom=n - width, confidence=confidence, n=n, unit="images",
        )
        for kind, name, value, weights in wanted
    ]  # fmt: skip


def _mean_false_alarms(both: pd.DataFrame, confidence: float) -> dict[str, Any]:
    rate, n = both["counted_false_alarms"], len(both)
    return _row(
        "mean", "false_alarm_rate", MEAN_FALSE_ALARM_RATE, rate.mean(), rate.std() / np.sqrt(n),
        freedom=n - 1, confidence=confidence, n=n, unit="images",
    )  # fmt: skip


def _of_observers(trials: pd.DataFrame, confidence: float) -> list[dict[str, Any]]:
    attentive = attentive_trials(trials)
    fit = correct_delays(attentive, reference_delay=OBSERVERS.reference_delay, method="exact")
    repeats = attentive[(attentive["role"] == "target") & attentive["repeat"]]
    delay = repeats["delay"].astype(float) / OBSERVERS.reference_delay
    log = pd.Series(np.log(delay), repeats.index)
    expected = repeats["image_id"].map(fit.memorability) + fit.decay * log
    centred = log - log.groupby(repeats["image_id"]).transform("mean")
    influence = centred * (repeats["response"] - expected)
    of_observer = influence.groupby(repeats["observer"]).sum() / np.sum(centred**2)
    observers = len(of_observer)
    error = np.sqrt(observers / (observers - 1) * np.sum(of_observer**2))
    excluded = vigilance_misses(trials)["excluded"]
    wilson = stats.binomtest(int(excluded.sum()), len(excluded)).proportion_ci(confidence, "wilson")
    return [
        _row(
            "observers", "decay", OBSERVERS.decay, fit.decay, float(error),
            freedom=observers - 1, confidence=confidence, n=observers, unit="observers",
        ),
        {
            "kind": "observers", "effect": "inattentive_share",
            "planted": OBSERVERS.inattentive_share, "found": float(excluded.mean()),
            "ci_low": wilson.low, "ci_high": wilson.high, "n": len(excluded), "unit": "observers",
        },
    ]  # fmt: skip


def _highest_correlation(both: pd.DataFrame, ceiling: pd.DataFrame) -> dict[str, Any]:
    of_all = ceiling[(ceiling["method"] == "pooled") & (ceiling["group"] == "all")]
    estimate = of_all[of_all["target"] == "score"].iloc[0]
    truth = both["memorability"] - both["false_alarm_rate"]
    # Other observers would give other scores: what the truth reaches is a mean over many of them.
    generator = numpy_stream(0, "other observers of the sample")
    counts = both["responses"].to_numpy(dtype=int)
    hits, false_alarms = (
        generator.binomial(counts, both[name], (OTHER_OBSERVERS, len(both))) / counts
        for name in ("memorability", "false_alarm_rate")
    )
    scores = pd.DataFrame((hits - false_alarms).clip(min=0)).T
    return {
        "kind": "ceiling", "effect": "highest_correlation",
        "planted": float(scores.corrwith(truth, method="spearman").mean()),
        "found": estimate["ceiling"], "ci_low": estimate["ceiling_low"],
        "ci_high": estimate["ceiling_high"], "n": len(both), "unit": "images",
    }  # fmt: skip


def _row(
    kind: str,
    effect: str,
    planted: float,
    found: float,
    error: float,
    *,
    freedom: int,
    confidence: float,
    n: int,
    unit: str,
) -> dict[str, Any]:
    """Return a row with an interval of `error` standard errors' t with `freedom` degrees."""
    half = error * stats.t.ppf((1 + confidence) / 2, freedom) if freedom > 0 else np.nan
    return {
        "kind": kind, "effect": effect, "planted": planted, "found": found,
        "ci_low": found - half, "ci_high": found + half, "n": n, "unit": unit,
    }  # fmt: skip
