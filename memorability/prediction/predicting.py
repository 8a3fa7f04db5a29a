"""The predictions of a study's images, by the predictor and by the other heads."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.prediction.label_baselines import label_baselines
from memorability.prediction.names import fit_of
from memorability.prediction.predictors.contract import HeadSettings
from memorability.prediction.predictors.trained import TrainedPredictor, predict
from memorability.prediction.predictors.training import TrainingSettings, train_predictor

Latents = npt.NDArray[np.float32]


_Training = TypeVar("_Training", bound=TrainingSettings)


def predict_images(
    latents: Latents,
    images: pd.DataFrame,
    split: pd.DataFrame,
    settings: TrainingSettings,
    on_epoch: Callable[[], object],
) -> tuple[TrainedPredictor, pd.DataFrame, pd.DataFrame]:
    """Train the predictor on the training images and predict all of them.

    Parameters
    ----------
    latents
        (N, D) float32, in the order of `images`.
    images
        The image table.
    split
        The table `split`, in the same order, whose scores are learned and predicted.
    settings
        What decides the training.
    on_epoch
        Called after each epoch.

    Returns
    -------
    tuple
        The predictor; the table `predictions`; the table `prediction_history`.
    """
    trained = train_predictor(
        latents,
        split["score"].to_numpy(),
        split["split"].to_numpy(),
        settings=settings.predictor,
        seed=settings.seed,
        on_epoch=lambda *_: on_epoch(),
    )
    scored = images.assign(score=split["score"].to_numpy())
    baselines = label_baselines(scored, split.set_index("image_id")["split"])
    predictions = pd.concat(
        [split.assign(predicted=predict(trained, latents)), baselines.set_index(split.index)],
        axis=1,
    )
    columns = ["epoch", "train_loss", "validation_loss"]
    return trained, predictions, pd.DataFrame(trained.history, columns=columns)


def chosen_settings(settings: _Training, trials: pd.DataFrame | None) -> _Training:
    """Return settings with the hyper-parameters that a search chose, if there was one.

    Parameters
    ----------
    settings
        Those without a search.
    trials
        The table `prediction_search`.
    """
    if trials is None:
        return settings
    row = trials[trials["chosen"]].iloc[0]
    predictor = replace(
        settings.predictor,
        hidden=tuple(int(units) for units in row["hidden"].split("-")),
        batch_size=int(row["batch_size"]),
        learning_rate=float(row["learning_rate"]),
        dropout=float(row["dropout"]),
        weight_decay=float(row["weight_decay"]),
    )
    return replace(settings, predictor=predictor)


def predict_by_head(
    head: str, inputs: npt.NDArray[Any], split: pd.DataFrame, settings: HeadSettings
) -> tuple[pd.DataFrame, Mapping[str, float]]:
    """Fit another head on the training images and predict all of them.

    Parameters
    ----------
    head
        Key of `memorability.prediction.names.PREDICTORS`.
    inputs
        What it reads, a row per image.
    split
        As in `memorability.prediction.predicting.predict_images`.
    settings
        What decides the fit.

    Returns
    -------
    tuple
        The table `head_predictions`, and what was chosen within the training images.

    Raises
    ------
    InputError
        If the head is unknown.
    """
    ids = split["image_id"].to_numpy()
    predictions = fit_of(head)(
        inputs,
        split["score"].to_numpy(),
        split["split"].to_numpy(),
        rows=np.arange(len(ids)),
        settings=settings,
        seed=settings.seed,
    )
    first, second = predictions.pairs.T
    table = pd.DataFrame(
        {
            "image_id": np.concatenate([ids, ids[first]]),
            "other_image_id": np.concatenate([ids, ids[second]]),
            "predicted": np.concatenate([predictions.of_images, predictions.of_pairs]),
        }
    )
    return table, predictions.chosen
