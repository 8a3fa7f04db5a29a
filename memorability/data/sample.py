"""The sample: crops of real photographs inside scikit-image and scikit-learn, no download.

Crops of a few photographs stand for MemCat's five categories, and simulated observers play the
memory game on them. What they remember is planted (`PLANTED_EFFECTS`), so that the whole workflow
can be checked against a known truth.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import skimage.data
import sklearn.datasets
from PIL import Image
from skimage.color import rgb2gray, rgb2hsv
from skimage.filters import sobel

from memorability.base.seeding import numpy_stream
from memorability.memory_game.game import TARGETS, Observers, simulate_trials
from memorability.memory_game.scoring import attentive_trials, count_responses, score_counts

CROP_SIDES = (180, 290)  # pixels; MS-SSIM needs 161, the smallest photograph has 300

PHOTOGRAPHS: Mapping[str, tuple[str, ...]] = {
    "animal": ("chelsea",),
    "food": ("coffee",),
    "landscape": ("china", "flower"),
    "sports": ("astronaut",),
    "vehicle": ("motorcycle_left", "rocket"),
}

# Added to an image's memorability per standard deviation of the property over all crops; the
# category's offset makes the sample's scores differ between categories as MemCat's do.
PLANTED_EFFECTS: Mapping[str, float] = {"saturation": 0.05, "edge_strength": 0.07}
PLANTED_CATEGORY_OFFSETS: Mapping[str, float] = {
    "animal": 0.03, "food": 0.06, "landscape": -0.10, "sports": 0.04, "vehicle": -0.03,
}  # fmt: skip
PLANTED_NOISE = 0.04  # standard deviation of what the properties above do not explain
MEAN_MEMORABILITY = 0.70
MEAN_FALSE_ALARM_RATE = 0.08
# The reference delay is the geometric mean of the game's delays, so that an image is recognised
# about as often as its memorability says.
OBSERVERS = Observers(reference_delay=74.0, decay=-0.05, inattentive_share=0.05, lapse_rate=0.7)


def make_sample(
    directory: Path, *, images_per_category: int, observers: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
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

    Returns
    -------
    tuple of pandas.DataFrame
        Score table (file, category, subcategory, hits, false_alarms, responses, score, cut at 0
        where false alarms outnumber hits), trials of all observers, and the planted truth
        (image_id, memorability, false_alarm_rate, saturation, edge_strength).
    """
    rows = []
    for category, photographs in PHOTOGRAPHS.items():
        generator = numpy_stream(seed, f"sample crops {category}")
        for number in range(images_per_category):
            photograph = photographs[number % len(photographs)]
            crop = _crop(_photograph(photograph), generator)
            file = f"{category}/{photograph}/{number:03d}.png"
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(crop).save(directory / file)
            properties = {
                "saturation": float(rgb2hsv(crop)[..., 1].mean()),
                "edge_strength": float(sobel(rgb2gray(crop)).mean()),
            }
            rows.append(
                {"file": file, "category": category, "subcategory": photograph, **properties}
            )
    images = pd.DataFrame(rows)
    images["image_id"] = images["file"].str.removesuffix(".png")
    planted = _plant(images, numpy_stream(seed, "planted memorability"))
    trials = _play(planted, observers=observers, generator=numpy_stream(seed, "observers"))
    counts = score_counts(count_responses(attentive_trials(trials)))
    scores = images.merge(counts.assign(score=counts["score"].clip(lower=0.0)), on="image_id")
    columns = ["file", "category", "subcategory", "hits", "false_alarms", "responses", "score"]
    return scores[columns], trials, planted


def _photograph(name: str) -> np.ndarray:
    if name in ("china", "flower"):
        return np.asarray(sklearn.datasets.load_sample_image(f"{name}.jpg"))
    return np.asarray(Image.open(Path(skimage.data.__file__).parent / _file(name)).convert("RGB"))


def _file(name: str) -> str:
    return f"{name}.jpg" if name == "rocket" else f"{name}.png"


def _crop(photograph: np.ndarray, generator: np.random.Generator) -> np.ndarray:
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


def _play(planted: pd.DataFrame, *, observers: int, generator: np.random.Generator) -> pd.DataFrame:
    """Let simulated observers play with the sample's images as targets.

    A game needs 66 targets; what a small sample lacks are images without files, which are shown,
    remembered like the average image and never scored.
    """
    lacking = max(0, TARGETS - len(planted))
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
