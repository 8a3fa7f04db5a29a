"""Search for the predictor's hyper-parameters, on disk, so that it can stop and go on.

Every worker makes its share of the trials and keeps them in a journal of its own. What a trial is
follows from the trials that this journal holds as complete and from a seed of its own: a worker
that is killed makes the interrupted trial again, the same, and goes on, and how fast the others are
decides nothing.
"""

import logging
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import Trial, TrialState

from memorability.base.errors import InputError
from memorability.base.files import CHECKPOINTS
from memorability.base.hashes import file_hashes, settings_hash
from memorability.base.seeding import numpy_stream, stream_seed
from memorability.prediction.predictors.fitting import Floats
from memorability.prediction.predictors.training import (
    DivergedError,
    PredictorSettings,
    TrainingSettings,
    train_predictor,
)

logger = logging.getLogger(__name__)


LOCK_SECONDS = 5
"""After which a lock of a journal, held for milliseconds at a time, counts as left by a killed job."""
_WIDTHS = (256, 512, 1024, 2048)
# The paper gives the ends of widths, rates and dropouts, and lists of the others.
Grid = Mapping[str, tuple[Any, ...]]

PUBLISHED_GRID: Grid = {
    "hidden": tuple(
        widths
        for layers in (1, 2, 3)
        for widths in product(_WIDTHS, repeat=layers)
        if list(widths) == sorted(widths, reverse=True)
    ),
    "learning_rate": (1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2),
    "batch_size": (8, 16, 32, 64),
    "dropout": (0.1, 0.2, 0.3, 0.4, 0.5),
    "weight_decay": (1e-5, 1e-4, 1e-2),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    """Ranges that a search of kind tpe draws from; lower and upper ends are within them.

    Parameters
    ----------
    layers
        Number of hidden layers.
    width
        Units that each of them may have.
    learning_rate
        Of AdamW; drawn on a logarithmic scale.
    batch_size
        What it may be.
    dropout
        Within [0, 1).
    weight_decay
        What it may be.
    """

    layers: tuple[int, ...]
    width: tuple[int, ...]
    learning_rate: tuple[float, ...]
    batch_size: tuple[int, ...]
    dropout: tuple[float, ...]
    weight_decay: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """How hyper-parameters are searched.

    Parameters
    ----------
    kind
        `tpe`: by a tree-structured Parzen estimator within `space`. `grid`: combinations of the
        published ranges, in random order. `none`: not at all.
    trials, jobs
        Trials of all jobs together, and jobs that share them; both at least 1.
    space
        Of tpe.
    """

    kind: Literal["none", "tpe", "grid"]
    trials: int
    jobs: int
    space: Space


@dataclass(frozen=True, kw_only=True)
class SearchSettings(TrainingSettings):
    """What decides a search: besides a training, whose patience and the like hold for all trials."""

    search: Search


def share(trials: int, jobs: int, worker: int) -> int:
    """Return how many of all trials a worker makes."""
    return trials // jobs + (worker < trials % jobs)


def search(
    latents: npt.NDArray[np.float32],
    split: pd.DataFrame,
    settings: SearchSettings,
    *,
    worker: int,
    journal: Path,
    on_trial: Callable[[], object],
    grid: Grid = PUBLISHED_GRID,
) -> pd.DataFrame:
    """Make a worker's share of the trials, those in the journal included.

    Parameters
    ----------
    latents
        (N, D) float32, memory-mapped; no trial copies them.
    split
        The table `split`, in the same order.
    settings
        What decides the trials.
    worker
        Number of the worker, from 0.
    journal
        File that this worker alone keeps its trials in.
    on_trial
        Called after each trial of this worker.
    grid
        The values of each setting that a search of kind grid combines.

    Returns
    -------
    pandas.DataFrame
        The table `prediction_search` of this worker, nothing chosen yet. A trial whose loss was not
        finite has no validation_loss.

    Notes
    -----
    The same seed and number of jobs give the same trials, however often a worker was stopped. The
    price: a tree-structured Parzen estimator learns from its own worker's trials only, for what the
    others have finished by then is no seed's to decide. The trials of a grid are the same for any
    number of jobs.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    # One that a killed job has left is waited for no longer. optuna's own lock, a link, is waited for
    # without end where the path is relative.
    lock = JournalFileOpenLock(str(journal), grace_period=LOCK_SECONDS)
    study = optuna.create_study(
        study_name="predictor",
        direction="minimize",
        storage=JournalStorage(JournalFileBackend(str(journal), lock)),
        load_if_exists=True,
    )
    for interrupted in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(interrupted.number, state=TrialState.FAIL)  # interrupted; made again below
    chosen, seed = settings.search, settings.seed
    own = share(chosen.trials, chosen.jobs, worker)
    done = min(own, len(_complete(study)))
    if done:
        logger.info("Goes on after %d of %d trials.", done, own)
    for _ in range(done):
        on_trial()
    for number in range(done, own):
        study.sampler = _sampler(chosen, worker, number, seed, grid)
        trial = study.ask()
        tried = _tried(trial, chosen, settings.predictor, grid)
        loss, epochs = _validation_loss(latents, split, tried, seed)
        trial.set_user_attr("settings", {**asdict(tried), "epochs": epochs})
        study.tell(trial, loss)
        on_trial()
    rows = [
        {
            **trial.user_attrs["settings"],
            "trial": number * chosen.jobs + worker,
            "worker": worker,
            "hidden": _words(trial.user_attrs["settings"]["hidden"]),
            "validation_loss": trial.value if math.isfinite(trial.value) else math.nan,
        }
        for number, trial in enumerate(_complete(study)[:own])
    ]
    return pd.DataFrame(rows).assign(chosen=False)


def journal_file(settings: SearchSettings, code: str, inputs: list[str], worker: int) -> Path:
    """Return the journal of a worker of a search, below the working directory.

    Its folder is named for everything that decides a trial: settings, code and the contents of the
    input files. The number of trials does not, so that more of them go on where fewer ended.
    """
    decisive = asdict(settings)
    del decisive["search"]["trials"]
    key = settings_hash([decisive, code, list(file_hashes(inputs).values())])
    return CHECKPOINTS / f"search-{key}" / f"worker={worker}.log"


def best(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the trials of all workers, the one of lowest validation loss being chosen.

    Raises
    ------
    InputError
        If no trial has a finite validation loss.
    """
    trials = pd.concat(parts, ignore_index=True).sort_values("trial", ignore_index=True)
    if trials["validation_loss"].isna().all():
        raise InputError(
            f"None of the {len(trials)} trials of prediction.search has a finite validation loss. "
            "Lower the learning rates in prediction.search.space."
        )
    return trials.assign(chosen=trials.index == trials["validation_loss"].idxmin())


def _complete(study: optuna.Study) -> list[Any]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _sampler(chosen: Search, worker: int, number: int, seed: int, grid: Grid) -> BaseSampler:
    """Return what decides the worker's trial of a number, whatever happened to the process before."""
    drawn = stream_seed(seed, f"predictor search {worker} {number}") % 2**32
    if chosen.kind == "tpe":
        return TPESampler(seed=drawn)
    # Workers take turns on one shuffled grid.
    sizes = [len(values) for values in grid.values()]
    order = numpy_stream(seed, "predictor search").permutation(math.prod(sizes))
    place = np.unravel_index(int(order[worker + number * chosen.jobs]), sizes)
    fixed = {
        name: _words(values[index]) if name == "hidden" else values[index]
        for (name, values), index in zip(grid.items(), place, strict=True)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return PartialFixedSampler(fixed, RandomSampler(seed=drawn))


def _tried(trial: Trial, chosen: Search, base: PredictorSettings, grid: Grid) -> PredictorSettings:
    """Ask the sampler for the settings of a trial."""
    values: dict[str, Any]
    if chosen.kind == "grid":
        values = {
            name: trial.suggest_categorical(name, choices)
            for name, choices in grid.items()
            if name != "hidden"
        }
        words = trial.suggest_categorical("hidden", [_words(h) for h in grid["hidden"]])
        hidden = tuple(map(int, words.split("-")))
    else:
        space = chosen.space
        layers = trial.suggest_int("layers", *space.layers)
        hidden = tuple(
            trial.suggest_categorical(f"width_{layer}", space.width) for layer in range(layers)
        )
        values = {
            "learning_rate": trial.suggest_float("learning_rate", *space.learning_rate, log=True),
            "batch_size": trial.suggest_categorical("batch_size", space.batch_size),
            "dropout": trial.suggest_float("dropout", *space.dropout),
            "weight_decay": trial.suggest_categorical("weight_decay", space.weight_decay),
        }
    return replace(base, hidden=hidden, **values)


def _validation_loss(
    latents: npt.NDArray[np.float32], split: pd.DataFrame, tried: PredictorSettings, seed: int
) -> tuple[float, int]:
    """Return the lowest validation loss of a training, or infinity if it diverged, and its epochs."""
    losses: list[float] = []
    scores: Floats = split["score"].to_numpy()
    try:
        train_predictor(
            latents, scores, split["split"].to_numpy(), settings=tried, seed=seed,
            on_epoch=lambda _, __, loss: losses.append(loss),
        )  # fmt: skip
    except DivergedError:
        return math.inf, len(losses) + 1
    return min(losses), len(losses)


def _words(hidden: tuple[int, ...] | list[int]) -> str:
    return "-".join(map(str, hidden))
