"""What each interval and p-value promises, and how often it keeps it, in simulated studies.

Scores, categories and subcategories are MemCat's (10,000 images, 134 subcategories), read from the file
that the environment variable MEMCAT_SCORES names, else from resources/downloads. Values of images are
simulated: a part of their variance (0.2) is shared within subcategories, and nothing is shared with
the scores. In a study without an effect, p is below 0.05 in a share of 0.05 if it keeps its promise.
In studies with an effect, and in those of several seeds, scores are simulated as well, so that the true
correlation is known. A 95 % interval contains it in a share of 0.95. What is *asked for* is met if the
share lies there, or outside by two standard errors of the simulation at most. *Over images alone* is
what the former inference made of the same studies; of two protocols it takes one seed of each, and of
r without noise the interval of r over the ceiling. Of the ledger of published numbers a row says how
often two numbers that are as far apart as the margin are found equivalent, and one how often two that
do not differ are, beside the power that the ledger states. The first number is the time of all studies
(300, or as many as the environment variable STUDIES says).

The last rows are about what a quantity adds (`memorability.prediction.held_out`): to labels and five
simulated controls. The first control explains a tenth of the scores. A *noisy copy* of it adds nothing,
nor does a *proxy of the subcategory*, of which the scores know nothing.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Row, Timing
from memorability.analysis.correlations import correlations
from memorability.analysis.gathering import MODEL_KEYS
from memorability.memory_game.ceiling import noise_ceiling
from memorability.memory_game.scoring import score_counts
from memorability.prediction.evaluation import calibration
from memorability.prediction.held_out import LABELS, Block, Pair, increments
from memorability.prediction.intervals import calibrated
from memorability.statistics.comparison import compare_correlations
from memorability.statistics.decomposition import correlate
from memorability.statistics.equivalence import (
    repeat_error,
    sampling_error,
    together,
    tost_correlation,
)
from memorability.statistics.inference import Units
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.rank_correlation import spearman

SCORES = Path(os.environ.get("MEMCAT_SCORES", "resources/downloads/memcat_image_data.csv"))
STUDIES = int(os.environ.get("STUDIES", "300"))
DRAWS, LEVEL, SHARED = 300, 0.05, 0.2
SEEDS, MARGIN = 5, 0.05

FloatArray = NDArray[np.float64]
Found = dict[str, float]


def rows() -> list[Row]:
    """Return a row per statistic and design, with the shares of what is shown first and of the rest."""
    memcat = pd.read_csv(SCORES)
    images = pd.DataFrame(
        {
            "image_id": memcat["image_file"].astype(str),
            "category": memcat["category"],
            "subcategory": memcat["subcategory"],
            "score": memcat["memorability_w_fa_correction"],
        }
    )
    made = []
    for number in (10, 20, 134):
        what = f"no effect, 2,000 images at most of {number} subcategories in 5 categories"
        made += _shares(what, lambda rng, k=number: _without_effect(images, k, rng), "p")
    made += _shares("r = 0.19, 25 subcategories of 30 images", _with_effect, "interval")
    for seeds in (2, 5):
        what = f"mean of {seeds} seeds that move r by SD 0.05, 400 images"
        made += _shares(what, lambda rng, k=seeds: _of_seeds(k, rng), "interval")
        what = f"two equal protocols, {seeds} seeds each that move r by SD 0.05"
        made += _shares(what, lambda rng, k=seeds: _protocols(k, rng), "p")
    made += _shares("counts of 40 responses, 200 images", _without_noise, "interval")
    scores = images["score"].to_numpy()
    for part, what in ((len(images), "the same images"), (3177, "3,177 of our images")):
        made += _ledger(f"published by one run on {what}, ours by 5 seeds", scores, part)
    made += _predicted(images)
    population = _with_predictions(images)
    for number in (25, 60):
        what = f"slope of scores on predictions, {number} subcategories of 30 images"
        made += _shares(what, lambda rng, k=number: _slope(population, k, rng), "interval")
    for number in (20, 134):
        what = f"2,000 images at most of {number} subcategories in 5 categories"
        made += _shares(what, lambda rng, k=number: _added(images, k, rng), "p")
        made += _shares(what, lambda rng, k=number: _planted(images, k, rng), "interval")
    return made


def _ledger(what: str, scores: FloatArray, part: int) -> Iterator[Row]:
    """Return how often the ledger finds a number equivalent: at the edge of the margin, and inside."""
    rng = np.random.default_rng(0)
    target = stats.rankdata(scores)
    score = stats.zscore(target)
    base = 0.35 * score + rng.normal(size=len(scores))
    # What runs move along is a property of images that goes with the score a little.
    along = 0.3 * score + rng.normal(size=len(scores))
    started = time.perf_counter()
    found = []
    for _ in range(STUDIES):
        runs = [base + 0.05 * rng.normal() * along for _ in range(SEEDS + 1)]
        of_part = rng.permutation(len(scores))[:part]
        published = spearman(runs[0][of_part], target[of_part])
        ours = np.asarray([spearman(run, target) for run in runs[1:]])
        r = float(ours.mean())
        error = together(
            sampling_error(r, len(scores), part, len(scores)),
            repeat_error(r, float(ours.std(ddof=1)), SEEDS),
        )
        inside, edge = (
            tost_correlation(r, error, reference=published + shift, margin=MARGIN, level=LEVEL / 2)
            for shift in (0.0, MARGIN)
        )
        found.append((inside.p < LEVEL / 2, edge.p < LEVEL / 2, inside.power))
    seconds = Timing((time.perf_counter() - started,))
    inside, edge, power = np.mean(found, axis=0)
    error = 2 * np.sqrt(LEVEL / 2 / STUDIES)
    yield Row(
        f"{what}: equivalent though {MARGIN} apart",
        seconds,
        target=f"at most {LEVEL / 2}",
        met=bool(edge <= LEVEL / 2 + error),
        agreement=f"{edge:.3f}",
    )
    yield Row(
        f"{what}: equivalent where nothing differs",
        seconds,
        target="as the power says",
        met=bool(abs(inside - power) <= 0.03 + 2 * np.sqrt(0.25 / STUDIES)),
        agreement=f"{inside:.3f}; power said {power:.3f}",
    )


def _without_noise(rng: np.random.Generator) -> Found:
    """Return whether r corrected for attenuation covers what it would be without noise in scores."""
    truth = rng.beta(6, 3, size=200)
    value = 0.5 * stats.zscore(truth) + rng.normal(size=200) * np.sqrt(0.75)
    counts = pd.DataFrame({"hits": rng.binomial(40, truth), "false_alarms": 0, "responses": 40})
    images = score_counts(counts).assign(
        **counts, image_id=[f"{place:03d}" for place in range(200)], category="all", subcategory=""
    )
    how = Bootstrap(DRAWS, 1 - LEVEL, int(rng.integers(2**31)))
    ceiling = noise_ceiling(images, bootstrap=how, splits=5)
    values = images[["image_id"]].assign(value=value, seed="0", **dict.fromkeys(MODEL_KEYS, ""))
    table = correlations(values, images, None, ceiling, target="score", bootstrap=how)
    row = table[(table["method"] == "pooled") & (table["group"] == "all")].iloc[0]
    # Spearman's r of the population, whose Pearson's r is 0.5.
    of_many = rng.beta(6, 3, size=20_000)
    without = 0.5 * stats.zscore(of_many) + rng.normal(size=20_000) * np.sqrt(0.75)
    r = spearman(without, of_many)
    name = "95 % interval of r without noise"
    plain = row["ci_low"] / row["ceiling"] <= r <= row["ci_high"] / row["ceiling"]
    return {
        name: row["ceiling_share_low"] <= r <= row["ceiling_share_high"],
        f"over images: {name}": plain,
    }


def _predicted(images: pd.DataFrame) -> Iterator[Row]:
    """Return a row per category: how often the interval around a prediction holds a new score.

    The predictor is the mean score of the subcategory in 5,892 images; 3,177 others calibrate the
    intervals, and the remaining 931 are new.
    """
    rng = np.random.default_rng(0)
    started = time.perf_counter()
    held = []
    for _ in range(STUDIES):
        part = rng.permutation(np.repeat(["train", "test", "new"], [5_892, 3_177, 931]))
        means = images[part == "train"].groupby("subcategory")["score"].mean()
        residuals = images["score"] - images["subcategory"].map(means)
        test, new = (images.assign(residual=residuals)[part == name] for name in ("test", "new"))
        found = calibrated(test["residual"].to_numpy(), test["category"], 1 - LEVEL)
        for name, rows in new.groupby("category"):
            widths = found.of(str(name)), found.all
            inside = [(rows["residual"].abs() <= width.half_width).mean() for width in widths]
            held.append((name, *inside))
    seconds = Timing((time.perf_counter() - started,))
    means = pd.DataFrame(held, columns=["category", "own", "all"]).groupby("category").mean()
    for name, row in means.iterrows():
        yield Row(
            f"new images, intervals around predictions: {name}",
            seconds,
            target=f"{1 - LEVEL - 0.02:.2f} to {1 - LEVEL + 0.02:.2f}",
            met=bool(abs(row["own"] - (1 - LEVEL)) <= 0.02),
            agreement=f"{row['own']:.3f}; one interval for all categories {row['all']:.3f}",
        )


def _with_predictions(images: pd.DataFrame) -> pd.DataFrame:
    """Return the images with predictions whose errors subcategories share a part of."""
    rng = np.random.default_rng(1)
    both = (images["category"] + "/" + images["subcategory"]).to_numpy(dtype=str)
    noise = 0.1 * _shared(both, rng)
    return images.assign(mlp=0.6 * images["score"] + noise, both=both)


def _slope(population: pd.DataFrame, number: int, rng: np.random.Generator) -> Found:
    """Return whether the interval of the slope of new subcategories contains that of all."""
    members = [rows for _, rows in population.groupby("both")]
    weight = np.sqrt(1 / population.groupby("both")["score"].transform("size"))
    truth = np.polyfit(population["mlp"], population["score"], 1, w=weight)[0]
    drawn = [
        members[place].sample(30, replace=True, random_state=int(rng.integers(2**31)))
        for place in rng.integers(0, len(members), number)
    ]
    table = pd.concat(drawn)[["image_id", "score", "mlp"]]
    name = "95 % interval of the slope"
    found = {}
    for prefix, units in (
        ("", Units(len(table), np.repeat(np.arange(number), 30), None)),
        ("over images: ", Units(len(table), None, None)),
    ):
        row = calibration(table, units, 1 - LEVEL).iloc[0]
        found[f"{prefix}{name}"] = row["slope_low"] <= truth <= row["slope_high"]
    return found


def _shares(
    what: str, study: Callable[[np.random.Generator], Found], promise: str
) -> Iterator[Row]:
    """Return a row per statistic of a study: the share of studies in which each thing happened."""
    rng = np.random.default_rng(0)
    started = time.perf_counter()
    found = pd.DataFrame([study(rng) for _ in range(STUDIES)]).mean()
    seconds = Timing((time.perf_counter() - started,))
    nominal, spread = (LEVEL, 0.02) if promise == "p" else (1 - LEVEL, 0.02)
    error = 2 * np.sqrt(nominal * (1 - nominal) / STUDIES)
    for name in (key for key in found.index if not key.startswith("over images: ")):
        beside = found.get(f"over images: {name}")
        other = "" if beside is None else f"; over images alone {beside:.3f}"
        yield Row(
            f"{what}: {name}",
            seconds,
            target=f"{nominal - spread:.2f} to {nominal + spread:.2f}",
            met=bool(abs(found[name] - nominal) <= spread + error),
            agreement=f"{found[name]:.3f}{other}",
        )


def _without_effect(images: pd.DataFrame, number: int, rng: np.random.Generator) -> Found:
    """Return what is claimed of values that have nothing to do with the scores."""
    kept = _some(images, number, rng)
    both = kept["category"] + "/" + kept["subcategory"]
    value = _shared(both.to_numpy(dtype=str), rng)
    # Categories differ as well: a pooled correlation is tested against none of that.
    value += 0.3 * _shared(kept["category"].to_numpy(dtype=str), rng, SHARED)
    values = pd.DataFrame({"image_id": kept["image_id"], "seed": "0", "value": value})
    found: Found = {}
    for fixed in (False, True):
        bootstrap = Bootstrap(DRAWS, 1 - LEVEL, int(rng.integers(2**31)), by_category=fixed)
        table = correlate([values], kept, target="score", bootstrap=bootstrap)[0]
        of_all = table[table["group"] == "all"].set_index("method")
        design = "images per category fixed" if fixed else "drawn"
        name = f"p given the category below 0.05 ({design})"
        found[name] = of_all["p"]["partial"] < LEVEL
        found[f"over images: {name}"] = of_all["p_images"]["partial"] < LEVEL
    within = table[(table["method"] == "within") & (table["unit"] == "subcategories")]
    if len(within):
        name = "p within a category below 0.05"
        found[name] = (within["p"] < LEVEL).mean()
        found[f"over images: {name}"] = (within["p_images"] < LEVEL).mean()
    return found


def _some(images: pd.DataFrame, number: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return 2,000 images at most of so many subcategories, as many of each category."""
    both = images["category"] + "/" + images["subcategory"]
    names = pd.Series(both.unique())
    chosen = [
        rng.choice(of_category, min(len(of_category), -(-number // 5)), replace=False)
        for of_category in (
            group.to_numpy() for _, group in names.groupby(names.str.split("/").str[0])
        )
    ]
    kept = images[both.isin(np.concatenate(chosen))]
    return kept.sample(min(len(kept), 2000), random_state=int(rng.integers(2**31)))


def _added(images: pd.DataFrame, number: int, rng: np.random.Generator) -> Found:
    """Return whether something is said to be added by what adds nothing."""
    kept, controls = _with_controls(images, number, rng)
    subcategory = (kept["category"] + "/" + kept["subcategory"]).to_numpy(dtype=str)
    quantities = {
        "something else": _shared(subcategory, rng),
        "a noisy copy of a control": controls[:, 0] + 0.7 * rng.normal(size=len(kept)),
        "a proxy of the subcategory": _shared(subcategory, rng, 0.9),
    }
    pairs = _pairs(controls, list(quantities.values()))
    bootstrap = Bootstrap(DRAWS, 1 - LEVEL, int(rng.integers(2**31)))
    found = increments(pairs, kept, target="score", bootstrap=bootstrap)
    return {
        f"p of what {name} adds below 0.05": each.found.p < LEVEL
        for name, each in zip(quantities, found, strict=True)
    }


def _planted(images: pd.DataFrame, number: int, rng: np.random.Generator) -> Found:
    """Return whether the planted share of the variance is in the interval of what a quantity adds."""
    kept, controls = _with_controls(images, number, rng)
    subcategory = (kept["category"] + "/" + kept["subcategory"]).to_numpy(dtype=str)
    value = _shared(subcategory, rng)
    found = {}
    for share in (0.01, 0.05):
        spread = kept["score"].var() * share / (1 - share)
        scored = kept.assign(score=kept["score"] + np.sqrt(spread) * value)
        bootstrap = Bootstrap(DRAWS, 1 - LEVEL, int(rng.integers(2**31)))
        pairs = _pairs(controls, [value])
        (one,) = increments(pairs, scored, target="score", bootstrap=bootstrap)
        interval = one.found.interval
        found[f"95 % interval contains r of the {share:.0%} of the variance that is added"] = (
            interval.low <= np.sqrt(share) <= interval.high
        )
    return found


def _with_controls(
    images: pd.DataFrame, number: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, FloatArray]:
    """Return images and five controls (N, 5), of which the first explains a tenth of the scores."""
    kept = _some(images, number, rng)
    names = (kept["category"] + "/" + kept["subcategory"]).to_numpy(dtype=str)
    controls = np.stack([_shared(names, rng) for _ in range(5)], axis=1)
    scores = kept["score"] + kept["score"].std() * np.sqrt(0.1 / 0.9) * controls[:, 0]
    return kept.assign(score=scores), controls


def _pairs(controls: FloatArray, quantities: list[FloatArray]) -> list[Pair]:
    labels = Block(LABELS, np.empty((1, 1, len(controls), 0)))
    base = (labels, Block("controls", controls[np.newaxis, np.newaxis]))
    return [
        (base, Block("error", value[np.newaxis, np.newaxis, :, np.newaxis])) for value in quantities
    ]


def _with_effect(rng: np.random.Generator) -> Found:
    """Return whether intervals contain the true correlation; shared and own parts correlate at 0.2."""
    subcategory = np.repeat(np.arange(25), 30)
    names = subcategory.astype(str)
    rho = 0.2
    shared, own = rng.normal(size=(2, 25)), rng.normal(size=(2, 750))
    score, value = (
        np.sqrt(SHARED) * _paired(shared, rho)[k][subcategory]
        + np.sqrt(1 - SHARED) * _paired(own, rho)[k]
        for k in range(2)
    )
    images = _images(score, names)
    values = images[["image_id"]].assign(seed="0", value=value)
    bootstrap = Bootstrap(DRAWS, 1 - LEVEL, int(rng.integers(2**31)))
    row = correlate([values], images, target="score", bootstrap=bootstrap, detailed=True)[0].iloc[0]
    truth = 6 / np.pi * np.arcsin(rho / 2)
    name = "95 % interval contains r"
    return {
        name: row["ci_low"] <= truth <= row["ci_high"],
        f"over images: {name}": row["ci_images_low"] <= truth <= row["ci_images_high"],
    }


def _of_seeds(seeds: int, rng: np.random.Generator) -> Found:
    """Return whether the mean r over all seeds there could be, 0, is in the intervals."""
    score = rng.normal(size=400)
    images = _images(score, np.full(400, ""))
    values = _runs(images, seeds, rng)
    bootstrap = Bootstrap(DRAWS, 1 - LEVEL, int(rng.integers(2**31)))
    row = correlate([values], images, target="score", bootstrap=bootstrap, detailed=True)[0].iloc[0]
    name = "95 % interval contains r"
    return {
        name: row["ci_low"] <= 0 <= row["ci_high"],
        f"over images: {name}": row["ci_images_low"] <= 0 <= row["ci_images_high"],
    }


def _protocols(seeds: int, rng: np.random.Generator) -> Found:
    """Return whether two equal protocols are found to differ; runs share most of each value."""
    images = _images(rng.normal(size=400), np.full(400, ""))
    shared = rng.normal(size=400)
    both = [_runs(images, seeds, rng, shared) for _ in range(2)]
    bootstrap = Bootstrap(DRAWS, 1 - LEVEL, int(rng.integers(2**31)))
    found = compare_correlations(*both, images, target="score", bootstrap=bootstrap)
    first = [each[each["seed"] == "0"] for each in both]
    one = compare_correlations(*first, images, target="score", bootstrap=bootstrap)
    name = "p of the difference below 0.05"
    return {name: found.p < LEVEL, f"over images: {name}": one.p < LEVEL}


def _runs(
    images: pd.DataFrame, seeds: int, rng: np.random.Generator, shared: FloatArray | None = None
) -> pd.DataFrame:
    """Return values of runs: a part that all share, noise, and a step along the score by chance."""
    n = len(images)
    common = rng.normal(size=n) if shared is None else shared
    runs = [
        images[["image_id"]].assign(
            seed=str(seed),
            value=common
            + 0.3 * rng.normal(size=n)
            + 0.05 * rng.normal() * images["score"].to_numpy(),
        )
        for seed in range(seeds)
    ]
    return pd.concat(runs, ignore_index=True)


def _images(score: FloatArray, subcategory: NDArray[np.str_]) -> pd.DataFrame:
    ids = [f"{place:04d}" for place in range(len(score))]
    return pd.DataFrame(
        {"image_id": ids, "category": "all", "subcategory": subcategory, "score": score}
    )


def _shared(
    labels: NDArray[np.str_], rng: np.random.Generator, share: float = SHARED
) -> FloatArray:
    """Return values of variance 1, of which labels share a part."""
    names, place = np.unique(labels, return_inverse=True)
    parts = rng.normal(size=len(names))[place], rng.normal(size=len(labels))
    return np.asarray(np.sqrt(share) * parts[0] + np.sqrt(1 - share) * parts[1])


def _paired(noise: FloatArray, rho: float) -> FloatArray:
    """Return two rows that correlate at rho from two that do not."""
    return np.stack([noise[0], rho * noise[0] + np.sqrt(1 - rho**2) * noise[1]])
