"""The noise ceiling of memorability scores, from counts alone.

A data set that publishes hits, false alarms and responses per image, but no trials, still says how
reliable its scores are: halving each image's responses at random leaves two scores that differ by
nothing but chance. The square root of a score's reliability is its correlation with what it
measures: what a perfect predictor of that would reach, as far as counts tell. Observers who differ, or
who give an image both its hits and its false alarms, are not in the counts; a predictor may then
correlate somewhat higher.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from memorability.base.seeding import numpy_stream
from memorability.memory_game.beta_binomial import TrueRates
from memorability.memory_game.consistency import SPLITS, spearman_brown
from memorability.memory_game.scoring import check_counts, score_counts
from memorability.statistics.decomposition import Group, groups
from memorability.statistics.inference import Units
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP, Bootstrap, distribution
from memorability.statistics.rank_correlation import undefined
from memorability.statistics.ranks import Sample, Target

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Not read from SCORE_KINDS: another label there halves no responses anew.
TARGETS = ("score", "score_uncorrected", "false_alarm_rate", "d_prime", "criterion")

COLUMNS = (
    "target", "group", "method", "n", "divisions", "consistency", "consistency_sd", "full_length",
    "ceiling", "ceiling_low", "ceiling_high", "unit", "ceiling_by",
)  # fmt: skip
"""Of the noise ceiling, in their order."""

DRAWS = 300
"""Resamples, at most, of which the standard error of a ceiling is taken: it needs no percentiles."""

FEWEST_RESPONSES = 60
"""Mean responses per image below which the halves of d′ and c do not tell the ceiling."""
_OF_RATES = ("d_prime", "criterion")
_LEAST_RATE = 1e-12  # whose z is finite
FEWEST_IMAGES = 10
"""Images below which no distribution of true rates is fitted to them."""


@dataclass(frozen=True)
class CeilingSettings:
    """What decides the noise ceiling.

    Attributes
    ----------
    bootstrap
        Its seed is that of the stream "noise ceiling" as well; of its draws `DRAWS` at most are made.
    """

    bootstrap: Bootstrap


@dataclass(frozen=True)
class Half:
    """Counts (N,) of one half of each image's responses."""

    hits: IntArray
    false_alarms: IntArray
    responses: IntArray

    def score(self, target: str) -> FloatArray:
        """Return scores (N,) by their name in `memorability.memory_game.scoring.score_counts`."""
        scored = score_counts(pd.DataFrame(vars(self)))
        return scored[target].to_numpy(dtype=np.float64)


def split_counts(
    hits: IntArray,
    false_alarms: IntArray,
    responses: IntArray,
    *,
    generator: np.random.Generator,
) -> tuple[Half, Half]:
    """Halve each image's responses without replacement.

    Hits and false alarms of a half follow hypergeometric distributions. Which observers gave both is
    not in the counts, so that the two are drawn independently of each other; where the same people
    gave both, the difference is more reliable than its halves show.

    Parameters
    ----------
    hits, false_alarms, responses
        (N,) whole counts, hits and false alarms up to responses, responses at least 2.
    generator
        Source of randomness.

    Returns
    -------
    tuple of Half
        Two halves that add up to the counts; of an odd number of responses either half gets the
        odd one with equal probability.

    Raises
    ------
    ValueError
        If the counts do not fit the description above.
    """
    check_counts(hits.astype(float), false_alarms.astype(float), responses.astype(float))
    if (responses < 2).any():
        raise ValueError(
            f"{(responses < 2).sum()} of {len(responses)} images have a single response; expected "
            "at least 2, one for each half; leave these images out"
        )
    size = (responses + generator.integers(0, 2, len(responses))) // 2
    first = Half(
        generator.hypergeometric(hits, responses - hits, size),
        generator.hypergeometric(false_alarms, responses - false_alarms, size),
        size,
    )
    second = Half(hits - first.hits, false_alarms - first.false_alarms, responses - size)
    return first, second


def noise_ceiling(
    images: pd.DataFrame,
    *,
    bootstrap: Bootstrap,
    splits: int = SPLITS,
    targets: Sequence[str] = TARGETS,
) -> pd.DataFrame:
    """Estimate the highest rank correlation that a perfect predictor of the scores could reach.

    Parameters
    ----------
    images
        Columns category, hits, false_alarms, responses as in the image table; images whose counts
        are missing or that have fewer than 2 responses are left out.
    bootstrap
        See `CeilingSettings`.
    splits
        Number of random halvings, at least 1.
    targets
        Scores whose ceilings are estimated; those of one do not depend on which others are.

    Returns
    -------
    pandas.DataFrame
        A row per target (as in `memorability.memory_game.scoring.score_counts`), group and method
        (as in `memorability.statistics.decomposition.correlate`, but for parts of a correlation):
        target, group, method, n (images), divisions (`splits`), consistency (the method's correlation
        of the halves, mean over splits), consistency_sd (over splits, ddof 1, NaN for one split),
        full_length (reliability of the scores from all responses, by Spearman and Brown's formula; 0
        where halves do not agree), ceiling (its square root). NaN where a half of a group is constant
        or n is below 3. No rows where no image has 2 responses.

        Where the images of a group have fewer than `FEWEST_RESPONSES` responses on average, halves of
        d′ and c do not tell the ceiling. It is then simulated (ceiling_by is "model", not "halves"):
        true rates and counts of as many images are drawn `splits` times from the beta-binomial model
        of each category (`memorability.memory_game.beta_binomial.TrueRates`), and ceiling is the mean
        correlation of true and measured scores, full_length its square. It has no interval. NaN, and
        ceiling_by "", for methods about subcategories, which the model does not have, and for fewer
        than `FEWEST_IMAGES` images.

        ceiling_low and ceiling_high bound the ceiling's interval for new images, or new subcategories
        where there are ten (unit). The halves of the first split are resampled. What its r varies by
        chance between splits is taken off the variance, since the consistency is a mean over splits;
        bounds are those of Fisher's z, by the t distribution. NaN for fewer than 10 images.

    Raises
    ------
    ValueError
        If columns are missing or a count exceeds the responses.

    Notes
    -----
    Split halves as in section 2.3 of Khosla et al. 2015. MemCat's published rank correlation of
    0.78 (Needell and Bainbridge 2022) is what its halves reach here without Spearman and Brown's
    step: 0.777 for score_uncorrected (0.745 for score), against 0.874 at full length.
    """
    counted = _counted(images)
    if counted.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    hits, false_alarms, responses = (
        counted[name].to_numpy(dtype=np.int64) for name in ("hits", "false_alarms", "responses")
    )
    category, subcategory = (
        counted[name].to_numpy(dtype=str) for name in ("category", "subcategory")
    )
    divided = list(groups(category, subcategory, detailed=True))
    generator = numpy_stream(bootstrap.seed, "noise ceiling")
    quick = replace(bootstrap, draws=min(bootstrap.draws, DRAWS))
    few = {group.name: bool(responses[group.chosen].mean() < FEWEST_RESPONSES) for group in divided}
    found, spreads = [], []
    for number in range(splits):
        halves = split_counts(hits, false_alarms, responses, generator=generator)
        for target in targets:
            first, second = (half.score(target) for half in halves)
            for group in divided:
                keys = {"target": target, "group": group.name, "n": int(group.chosen.sum())}
                agreed = group.statistics(first[np.newaxis, group.chosen], second[group.chosen])
                found += [keys | {"method": method, "r": r} for method, r in agreed.items()]
                if number == 0:
                    units = Units.of(category[group.chosen], subcategory[group.chosen], quick)
                    errors = _errors(
                        first[np.newaxis, group.chosen], second[group.chosen], group, units, quick
                    )
                    spreads += [
                        keys
                        | {"method": method, "error": errors.get(method, np.nan)}
                        | {"freedom": units.freedom, "unit": units.word}
                        for method in agreed
                    ]
    table = _summarised(pd.DataFrame(found), pd.DataFrame(spreads), splits, bootstrap.confidence)
    unknown = table["target"].isin(_OF_RATES) & table["group"].map(few)
    figures = ["full_length", "ceiling", "ceiling_low", "ceiling_high"]
    table[figures] = table[figures].mask(unknown)
    table["ceiling_by"] = np.where(table["ceiling"].notna(), "halves", "")
    if unknown.any():
        modelled = _modelled(
            hits, false_alarms, responses, category,
            groups=[group for group in divided if few[group.name]], splits=splits, seed=bootstrap.seed,
        )  # fmt: skip
        table = table.merge(modelled, on=["target", "group", "method"], how="left", validate="1:1")
        known = unknown & table["modelled"].notna()
        table["ceiling"] = table["ceiling"].mask(known, table["modelled"])
        table["full_length"] = table["full_length"].mask(known, np.square(table["modelled"]))
        table["ceiling_by"] = table["ceiling_by"].mask(known, "model")
    return table.assign(divisions=splits)[list(COLUMNS)]


def _modelled(
    hits: IntArray,
    false_alarms: IntArray,
    responses: IntArray,
    category: NDArray[np.str_],
    *,
    groups: Sequence[Group],
    splits: int,
    seed: int,
) -> pd.DataFrame:
    """Return ceilings of d′ and c under the beta-binomial model: target, group, method, modelled."""
    generator = numpy_stream(seed, "modelled ceiling")
    common = TrueRates.of(hits, false_alarms, responses)
    of_categories = []
    for name in np.unique(category):
        chosen = category == name
        few = chosen.sum() < FEWEST_IMAGES
        counts = (hits[chosen], false_alarms[chosen], responses[chosen])
        of_categories.append((chosen, common if few else TrueRates.of(*counts)))
    found = []
    true = np.empty((2, len(hits)))
    for _ in range(splits):
        for chosen, model in of_categories:
            true[:, chosen] = model.draw(int(chosen.sum()), generator)
        first, second = (generator.binomial(responses, rate) for rate in true)
        measured = Half(first, second, responses)
        z_hits, z_false_alarms = special.ndtri(true.clip(_LEAST_RATE, 1 - _LEAST_RATE))
        truths = {"d_prime": z_hits - z_false_alarms, "criterion": -(z_hits + z_false_alarms) / 2}
        for target, truth in truths.items():
            scores = measured.score(target)
            for group in groups:
                r = group.statistics(truth[np.newaxis, group.chosen], scores[group.chosen])
                found += [
                    {"target": target, "group": group.name, "method": method, "modelled": value}
                    for method, value in r.items()
                    if not method.endswith("subcategory") and group.chosen.sum() >= FEWEST_IMAGES
                ]
    table = pd.DataFrame(found, columns=["target", "group", "method", "modelled"])
    keys = ["target", "group", "method"]
    means = table.groupby(keys, sort=False)["modelled"].agg(lambda r: r.mean(skipna=False))
    return means.clip(lower=0).reset_index()


def _errors(
    first: FloatArray, second: FloatArray, group: Group, units: Units, bootstrap: Bootstrap
) -> Mapping[str, float]:
    """Return the standard errors of the correlations of two halves (1, n) and (n,): method -> error."""
    if units.n < SMALLEST_BOOTSTRAP or undefined(first, second) is not None:
        return {}
    sample = Sample(first, Target(second, group.strata, between=True))
    drawn = distribution(sample, units.weights(bootstrap))
    scale = np.sqrt(units.drawn / units.freedom)
    return {
        group.method_of(name): float(np.nanstd(r[0]) * scale)
        for name, r in drawn.items()
        if np.isfinite(r[0]).mean() > 0.5
    }


def _counted(images: pd.DataFrame) -> pd.DataFrame:
    """Return the images that have counts of at least 2 responses."""
    expected = ["category", "subcategory", "hits", "false_alarms", "responses"]
    missing = [name for name in expected if name not in images.columns]
    if missing:
        raise ValueError(
            f"a noise ceiling was asked for of images without the columns {missing}; expected "
            f"{expected}; name the columns of the counts in dataset.columns"
        )
    counted = images.dropna(subset=expected)
    return counted[counted["responses"] >= 2]


def _summarised(
    found: pd.DataFrame, spreads: pd.DataFrame, splits: int, confidence: float
) -> pd.DataFrame:
    """Return a row per target, group and method, from one per split and the errors of the first."""
    keys = ["target", "group", "method", "n"]
    r = found.groupby(keys, sort=False)["r"]
    # A split whose half is constant has no correlation, nor then has the mean.
    table = pd.DataFrame({"consistency": r.agg(lambda x: x.mean(skipna=False))})
    table["consistency_sd"] = r.agg(lambda x: x.std(ddof=1, skipna=False))
    table["full_length"] = _full_length(table["consistency"])
    table["ceiling"] = np.sqrt(table["full_length"])
    table = table.reset_index().merge(spreads, on=keys, how="left", validate="1:1")
    by_chance = np.square(table["consistency_sd"].fillna(0))
    variance = np.square(table["error"]) - (1 - 1 / splits) * by_chance
    error = np.sqrt(np.maximum(variance, by_chance / splits))
    error /= (1 - np.square(table["consistency"])).where(lambda left: left > 0)
    reach = stats.t.ppf((1 + confidence) / 2, table["freedom"]) * error
    # Two means correlate at ±1, whatever they are.
    z = np.arctanh(table["consistency"].where(lambda r: r.abs() < 1))
    for name, bound in (("ceiling_low", z - reach), ("ceiling_high", z + reach)):
        table[name] = np.sqrt(_full_length(np.tanh(bound)))
    return table


def _full_length(consistency: "pd.Series[float]") -> "pd.Series[float]":
    return pd.Series(spearman_brown(np.maximum(consistency, 0), factor=2), consistency.index)
