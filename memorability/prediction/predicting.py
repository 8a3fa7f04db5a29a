"""The predictions of a study's images, by the predictor and by the other heads."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.prediction.label_baselines import label_baselines
from memorability.prediction.predictors.gru_pair import predict_by_pairs
from memorability.prediction.predictors.kernels import (
    inner_products,
    predict_by_ridge,
    predict_by_svr,
)
from memorability.prediction.predictors.trained import TrainedPredictor, predict
from memorability.prediction.predictors.training import PredictorSettings, train_predictor

Latents = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """What decides a fit on latents.

    Parameters
    ----------
    seed
        Of the study, at least 0.
    threads
        Of the processor, at least 1: sums are split among them.
    """

    seed: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(HeadSettings):
    """What decides a training of the predictor: besides that of any fit, the predictor's own."""

    predictor: PredictorSettings


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
    head: str, latents: npt.NDArray[np.float32], split: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Fit another head on the training images and predict all of them.

    Parameters
    ----------
    head
        "ridge", "svr" or "gru_pair".
    latents, split
        As in `memorability.prediction.predicting.predict_images`.
    seed
        Seed of the study.

    Returns
    -------
    tuple
        The table `head_predictions`, and what was chosen within the training images.
    """
    ids, scores = split["image_id"].to_numpy(), split["score"].to_numpy()
    parts = split["split"].to_numpy()
    chosen: dict[str, float] = {}
    if head == "gru_pair":
        predicted, pairs, predicted_of_pairs = predict_by_pairs(latents, scores, parts, seed=seed)
        rows = pairs[pairs[:, 0] != pairs[:, 1]]
        both = pd.DataFrame(
            {
                "image_id": ids[rows[:, 0]],
                "other_image_id": ids[rows[:, 1]],
                "predicted": predicted_of_pairs[pairs[:, 0] != pairs[:, 1]],
            }
        )
    else:
        fit = {"ridge": predict_by_ridge, "svr": predict_by_svr}[head]
        predicted, chosen = fit(inner_products(latents, scores, parts), scores, seed)
        both = pd.DataFrame()
    alone = pd.DataFrame({"image_id": ids, "other_image_id": ids, "predicted": predicted})
    return pd.concat([alone, both], ignore_index=True), chosen
