"""From the trials of a game to scores: what they are, how reliable, and how many people are missing."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.base.errors import InputError
from memorability.memory_game.browser.columns import DESCRIBED
from memorability.memory_game.ceiling import noise_ceiling
from memorability.memory_game.consistency import measure_consistency
from memorability.memory_game.scoring import correct_delays, count_responses, score_counts
from memorability.statistics.intervals import Bootstrap
from memorability.tables.psych_ds import write_psych_ds

logger = logging.getLogger(__name__)

REFERENCE_DELAY = 100.0
"""Showings after which scores that are corrected for delays hold, as in LaMem."""
WANTED_CONSISTENCY = 0.7
DRAWS = 300
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Power:
    """How many people are missing for halves that agree well.

    Attributes
    ----------
    responses
        Mean responses per image now.
    consistency
        Rank correlation of two halves of the responses now.
    needed, needed_low, needed_high
        Responses per image for a consistency of 0.7, and the ends of the 95 % interval for new images;
        infinite where halves may not agree at all.
    observers, observers_low, observers_high
        Observers missing for it, at least 0, each counted with as many targets as those now.
    """

    responses: float
    consistency: float
    needed: float
    needed_low: float
    needed_high: float
    observers: float
    observers_low: float
    observers_high: float

    def in_words(self) -> str:
        """Return a sentence."""
        now = (
            f"With {self.responses:.0f} responses per image, two halves of the observers correlate at "
            f"{self.consistency:.2f}."
        )
        if math.isinf(self.observers):
            return f"{now} How many more observers a consistency of 0.7 needs cannot be told yet."
        if self.observers == 0:
            return f"{now} A consistency of 0.7 is reached."
        high = f"{self.observers_high:.0f}" if math.isfinite(self.observers_high) else "any number"
        return (
            f"{now} A consistency of 0.7 needs about {self.observers:.0f} more observers (95 % "
            f"interval for new images: {self.observers_low:.0f} to {high})."
        )


@dataclass(frozen=True)
class Scored:
    """What a game has given.

    Attributes
    ----------
    tables
        Name -> table: trials (of the observers who count), observers, scores, ceiling, and,
        of two observers or more, consistency.
    decay
        Change of the hit rate per unit of log delay, or None where delays do not vary.
    power
        None where halves cannot be compared.
    """

    tables: Mapping[str, pd.DataFrame]
    decay: float | None
    power: Power | None

    def in_words(self) -> str:
        """Return sentences about the result, for the person who ran the game."""
        observers, scores = self.tables["observers"], self.tables["scores"]
        counted = observers[~observers["excluded"]]
        responses = scores["responses"]
        sentences = [
            f"{len(observers)} observers began, {len(counted)} count. {len(scores)} images have "
            f"{responses.min()} to {responses.max()} responses, {responses.mean():.1f} on average.",
            *(
                f"Excluded, {reason}: {number}."
                for reason, number in observers.loc[observers["excluded"], "reason"]
                .value_counts(sort=False)
                .items()
            ),
            f"Hits: {scores['hits'].sum() / responses.sum():.1%} of the repeats. False alarms: "
            f"{scores['false_alarms'].sum() / responses.sum():.1%} of the first showings.",
        ]
        if self.decay is not None:
            sentences.append(f"The hit rate changes by {self.decay:.3f} per unit of log delay.")
        ceiling = self.tables["ceiling"]
        if len(ceiling) and np.isfinite(ceiling["ceiling"].iloc[0]):
            row = ceiling.iloc[0]
            interval = (
                f" (95 % interval for new images: {row['ceiling_low']:.2f} to "
                f"{row['ceiling_high']:.2f})"
                if np.isfinite(row["ceiling_low"])
                else ""
            )
            sentences.append(
                "Noise ceiling of hit rates: a perfect predictor would correlate with them at "
                f"{row['ceiling']:.2f}{interval}."
            )
        sentences.append(
            self.power.in_words()
            if self.power
            else "Halves of the observers cannot be compared yet: too few responses."
        )
        return "\n".join(sentences)


def score_game(trials: pd.DataFrame, observers: pd.DataFrame, *, seed: int) -> Scored:
    """Score the images of a game.

    Parameters
    ----------
    trials, observers
        As from `memorability.memory_game.browser.reading.read_game`.
    seed
        Of the streams of the split halves and the noise ceiling.

    Raises
    ------
    InputError
        If no target was shown twice to an observer who counts.

    Notes
    -----
    Consistency and noise ceiling are of hit rates, whose split halves Khosla et al. 2015 report.
    """
    kept = trials[trials["observer"].isin(observers.loc[~observers["excluded"], "observer"])]
    kept = kept.assign(image_id=kept["file"])
    counts = count_responses(kept)
    if counts.empty:
        raise InputError(
            f"No target was shown twice to an observer who counts: {len(observers)} observers began, "
            f"{int(observers['excluded'].sum())} are excluded. The table of observers says why."
        )
    scores = score_counts(counts)
    labels = kept.drop_duplicates("file")[["file", "category", "subcategory"]]
    scores = scores.rename(columns={"image_id": "file"}).merge(labels, on="file", how="left")
    decay = None
    try:
        fit = correct_delays(kept, reference_delay=REFERENCE_DELAY, method="exact")
    except ValueError as error:
        logger.info("Scores are not corrected for delays: %s.", error)
        scores["score_at_100"] = np.nan
    else:
        scores["score_at_100"] = scores["file"].map(fit.memorability)
        decay = fit.decay
    of_halves = {}
    if len(kept["observer"].unique()) > 1:
        of_halves = {"consistency": measure_consistency(kept, seed=seed)}
    bootstrap = Bootstrap(draws=DRAWS, confidence=CONFIDENCE, seed=seed, by_category=False)
    ceiling = noise_ceiling(scores, bootstrap=bootstrap, targets=["score_uncorrected"])
    chosen = (ceiling["group"] == "all") & (ceiling["method"] == "pooled")
    ceiling = ceiling[chosen].reset_index(drop=True)
    observers_now = int((~observers["excluded"]).sum())
    tables = {
        "trials": kept.drop(columns="image_id"),
        "observers": observers,
        "scores": scores[["file", "category", "subcategory", *counts.columns[1:], *_SCORES]],
        "ceiling": ceiling,
    } | of_halves
    return Scored(tables, decay, _power(ceiling, scores, observers_now))


_SCORES = (
    "score", "score_uncorrected", "false_alarm_rate", "d_prime", "criterion", "score_at_100",
)  # fmt: skip


def needed_responses(reliability: float, responses: float, wanted: float) -> float:
    """Return how many responses per image two halves need to correlate at `wanted`.

    Parameters
    ----------
    reliability
        Of scores from `responses` responses, up to 1; infinity is returned for 0 and less.
    responses
        Per image, above 0.
    wanted
        Correlation of two halves, between 0 and 1.

    Notes
    -----
    Spearman and Brown's formula, solved for the length: halves of 2 · k · responses have the
    reliability `wanted` where k = wanted (1 − reliability) / (reliability (1 − wanted)).
    """
    if not reliability > 0:
        return math.inf
    return 2 * responses * wanted * (1 - reliability) / (reliability * (1 - wanted))


def _power(ceiling: pd.DataFrame, scores: pd.DataFrame, observers: int) -> Power | None:
    if ceiling.empty or not np.isfinite(ceiling["full_length"].iloc[0]):
        return None
    row = ceiling.iloc[0]
    responses = float(scores["responses"].mean())
    # The ceiling is the root of the reliability, and so are the ends of its interval.
    reliabilities = (row["full_length"], row["ceiling_high"] ** 2, row["ceiling_low"] ** 2)
    needed = [
        needed_responses(reliability, responses, WANTED_CONSISTENCY)
        for reliability in reliabilities
    ]
    missing = [max(0.0, number / responses - 1) * observers for number in needed]
    missing = [math.ceil(number) if math.isfinite(number) else number for number in missing]
    return Power(responses, float(row["consistency"]), *needed, *missing)


def write_scores(scored: Scored, output: Path, *, name: str) -> None:
    """Write the tables of a game, see `memorability.tables.psych_ds.write_psych_ds`.

    Parameters
    ----------
    scored
        What to write.
    output
        Folder, which must not exist.
    name
        Of the data set.

    Raises
    ------
    InputError
        If the folder exists or cannot be written.
    """
    write_psych_ds(
        scored.tables,
        output,
        name=name,
        description="Responses of observers to images in a continuous recognition game, and "
        "memorability scores of the images.",
        readme=f"# {name}\n\n{scored.in_words()}\n",
        described=DESCRIBED,
    )
