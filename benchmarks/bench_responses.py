"""Whether models of responses (GPBoost) recover what was planted, and how long they take.

Simulated studies have 5 categories of 8 subcategories, 400 images, 30 to 60 responses of each image, or
40 observers who each see a third of 150 images. A part of the variance of errors (0.2) is shared within
subcategories. *No effect*: p of the error is below 0.05 in a share of 0.05 if it keeps its promise. A
95 % interval contains what was planted in a share of 0.95. What is *asked for* is met if the share lies
there, or outside by two standard errors of the simulation at most. The first number is the time of all
studies (60, or as many as the environment variable STUDIES says), or of one large study.
"""

import importlib.util
import os
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import special

from benchmarks.harness import Row, Timing
from memorability.memory_game.mixed_models import LIBRARY, REQUIREMENTS
from memorability.memory_game.response_models import (
    ResponseModelSettings,
    model_counts,
    model_trials,
)

STUDIES = int(os.environ.get("STUDIES", "60"))
SETTINGS = ResponseModelSettings(confidence=0.95, seed=0)
PRECISION, SD_SUBCATEGORY, SD_IMAGE, SD_OBSERVER, SHARED = 12.0, 0.4, 0.4, 0.5, 0.2
EFFECT, TRIAL_EFFECT = 0.15, 0.15


def rows() -> list[Row]:
    """Return a row per promise, and one of a large study; one that says so without GPBoost."""
    if importlib.util.find_spec(LIBRARY) is None:
        missing = f"{LIBRARY} is not installed ({REQUIREMENTS})"
        return [Row("nothing was measured", Timing((0.0,)), agreement=missing)]
    return [
        _share(
            "counts, no effect: p below 0.05", (0.03, 0.07), lambda k: _counts(k, 0.0)["p"] < 0.05
        ),
        _share("counts, effect 0.15: interval contains it", (0.93, 0.97), _contains_effect),
        _share("counts: interval contains the overdispersion", (0.93, 0.97), _contains_dispersion),
        _share(
            "trials, no effect: p below 0.05", (0.03, 0.07), lambda k: _trials(k, 0.0)["p"] < 0.05
        ),
        _share("trials, effect 0.15: interval contains it", (0.93, 0.97), _contains_trial_effect),
        _large(),
    ]


def _share(what: str, asked: tuple[float, float], kept: Callable[[int], bool]) -> Row:
    started = time.perf_counter()
    share = float(np.mean([kept(number) for number in range(STUDIES)]))
    took = time.perf_counter() - started
    error = 2 * np.sqrt(0.05 * 0.95 / STUDIES)
    met = asked[0] - error <= share <= asked[1] + error
    return Row(
        what, Timing((took,)), target=f"{asked[0]} to {asked[1]}", met=bool(met),
        agreement=f"{share:.3f} of {STUDIES} studies",
    )  # fmt: skip


def _images(rng: np.random.Generator, images: int, subcategories: int) -> pd.DataFrame:
    subcategory = np.arange(images) % subcategories
    error = np.sqrt(SHARED) * rng.normal(size=subcategories)[subcategory]
    error += np.sqrt(1 - SHARED) * rng.normal(size=images)
    return pd.DataFrame(
        {
            "image_id": [f"i{number:05d}" for number in range(images)],
            "category": [f"c{number % 5}" for number in subcategory],
            "subcategory": [f"s{number:03d}" for number in subcategory],
            "error_mse": (error - error.mean()) / error.std(),
        }
    )


def _linear(rng: np.random.Generator, table: pd.DataFrame, slope: float) -> np.ndarray:
    """Return what category, subcategory and error make of an image."""
    of_categories = pd.Series(np.linspace(-0.3, 0.3, 5), [f"c{number}" for number in range(5)])
    names = sorted(table["subcategory"].unique())
    of_subcategories = pd.Series(rng.normal(0, SD_SUBCATEGORY, len(names)), names)
    total = table["category"].map(of_categories) + table["subcategory"].map(of_subcategories)
    return (0.7 + total + slope * table["error_mse"]).to_numpy(dtype=float)


def _counted(rng: np.random.Generator, table: pd.DataFrame, slope: float) -> pd.DataFrame:
    mean = special.expit(_linear(rng, table, slope))
    responses = rng.integers(30, 61, len(table))
    hits = rng.binomial(responses, rng.beta(mean * PRECISION, (1 - mean) * PRECISION))
    return table.assign(hits=hits, false_alarms=0, responses=responses)


def _answered(
    rng: np.random.Generator, table: pd.DataFrame, slope: float, observers: int, seen: int
) -> pd.DataFrame:
    of_images = _linear(rng, table, slope) + rng.normal(0, SD_IMAGE, len(table))
    images = np.concatenate([rng.permutation(len(table))[:seen] for _ in range(observers)])
    who = np.repeat(np.arange(observers), seen)
    delay = rng.integers(35, 151, len(images))
    probit = of_images[images] + rng.normal(0, SD_OBSERVER, observers)[who]
    probit -= 0.15 * np.log(delay / 74)
    return pd.DataFrame(
        {
            "observer": [f"p{number}" for number in who],
            "image_id": table["image_id"].to_numpy()[images],
            "role": "target",
            "repeat": True,
            "delay": pd.array(delay, dtype="Int64"),
            "response": rng.normal(size=len(images)) < probit,
        }
    )


def _found(models: pd.DataFrame, quantity: str) -> pd.Series:
    rows = models[(models["answers"] == "hits") & (models["quantity"] == quantity)]
    return rows.iloc[0]


def _models_of_counts(number: int, slope: float) -> pd.DataFrame:
    rng = np.random.default_rng(number)
    return model_counts(_counted(rng, _images(rng, 400, 40), slope), SETTINGS)[0]


def _counts(number: int, slope: float) -> pd.Series:
    return _found(_models_of_counts(number, slope), "effect")


def _contains_effect(number: int) -> bool:
    found = _counts(number, EFFECT)
    return bool(found["ci_low"] <= EFFECT <= found["ci_high"])


def _contains_dispersion(number: int) -> bool:
    found = _found(_models_of_counts(number, 0.0), "overdispersion")
    return bool(found["ci_low"] <= 1 / (1 + PRECISION) <= found["ci_high"])


def _trials(number: int, slope: float) -> pd.Series:
    rng = np.random.default_rng(number)
    table = _images(rng, 150, 30)
    return _found(model_trials(_answered(rng, table, slope, 40, 50), table, SETTINGS), "effect")


def _contains_trial_effect(number: int) -> bool:
    found = _trials(number, TRIAL_EFFECT)
    return bool(found["ci_low"] <= TRIAL_EFFECT <= found["ci_high"])


def _large() -> Row:
    rng = np.random.default_rng(0)
    table = _images(rng, 10_000, 130)
    counted = _counted(rng, table, EFFECT)
    started = time.perf_counter()
    found = _found(model_counts(counted, SETTINGS)[0], "effect")
    took = time.perf_counter() - started
    return Row(
        "counts of 10,000 images, hits, without and with an error", Timing((took,)),
        agreement=f"planted {EFFECT}, found {found['estimate']:.3f} "
        f"[{found['ci_low']:.3f}, {found['ci_high']:.3f}]",
    )  # fmt: skip
