"""The predictions of a study's images, by the predictor and by the other heads."""

from collections.abc import Callable, Mapping
from typing import Any

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


def predict_images(
    latents: Latents,
    images: pd.DataFrame,
    split: pd.DataFrame,
    settings: Mapping[str, Any],
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
        The fields of `PredictorSettings`, and seed.
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
        settings=PredictorSettings.of(settings),
        seed=settings["seed"],
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


def chosen_settings(settings: Mapping[str, Any], trials: pd.DataFrame | None) -> dict[str, Any]:
    """Return settings with the hyper-parameters that a search chose, if there was one.

    Parameters
    ----------
    settings
        The fields of `PredictorSettings`, and more.
    trials
        The table `prediction_search`.
    """
    if trials is None:
        return dict(settings)
    row = trials[trials["chosen"]].iloc[0]
    return {
        **settings,
        "hidden": [int(units) for units in row["hidden"].split("-")],
        "batch_size": int(row["batch_size"]),
        **{name: float(row[name]) for name in ("learning_rate", "dropout", "weight_decay")},
    }


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
