"""Whether what predicts memorability in some categories does so in another."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.prediction.predicting import TrainingSettings
from memorability.prediction.predictors.kernels import inner_products, predict_by_ridge
from memorability.prediction.predictors.trained import predict
from memorability.prediction.predictors.training import train_predictor

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LeftOutSettings(TrainingSettings):
    """What decides the predictions of left-out categories: besides a training, by which head."""

    head: Literal["mlp", "ridge"]


def predict_left_out_categories(
    latents: npt.NDArray[np.float32],
    images: pd.DataFrame,
    split: pd.DataFrame,
    settings: LeftOutSettings,
    on_category: Callable[[], object],
) -> pd.DataFrame:
    """Predict the test images of every category from the other categories alone.

    Training and validation images of the category are left out; its latents standardise nothing.

    Parameters
    ----------
    latents, images, split
        As in `memorability.prediction.predicting.predict_images`.
    settings
        What decides them.
    on_category
        Called after each category.

    Returns
    -------
    pandas.DataFrame
        The table `left_out`: image_id, category and predicted of the test images; no rows where all
        images are of one category.
    """
    category = images["category"].to_numpy()
    names = sorted(set(category))
    if len(names) == 1:
        logger.warning(
            "All images are of category %r: there is no other to predict from.", names[0]
        )
        return pd.DataFrame({"image_id": [], "category": [], "predicted": []}, dtype=object).astype(
            {"image_id": str, "category": str, "predicted": float}
        )
    scores, parts = split["score"].to_numpy(), split["split"].to_numpy()
    predicted = np.full(len(images), np.nan)
    test = parts == "test"
    for name in names:
        own = category == name
        # As test images they are not read by what is fitted.
        fold = np.where(own, "test", parts)
        rows = np.flatnonzero(own & test)
        if settings.head == "mlp":
            trained = train_predictor(
                latents,
                scores,
                fold,
                settings=settings.predictor,
                seed=settings.seed,
            )
            predicted[rows] = predict(trained, latents, rows)
        else:
            products = inner_products(latents, scores, fold)
            predicted[rows] = predict_by_ridge(products, scores, settings.seed)[0][rows]
        on_category()
    table: pd.DataFrame = images.loc[test, ["image_id", "category"]]
    return table.assign(predicted=predicted[test])
