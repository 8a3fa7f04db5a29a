"""Whether what predicts memorability in some categories does so in another."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.prediction.names import fit_of
from memorability.prediction.predictors.training import TrainingSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LeftOutSettings(TrainingSettings):
    """What decides the predictions of left-out categories: besides a training, by which head.

    Parameters
    ----------
    head
        Key of `memorability.prediction.names.PREDICTORS`.
    """

    head: str


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
    fit = fit_of(settings.head)
    scores, parts = split["score"].to_numpy(), split["split"].to_numpy()
    predicted = np.full(len(images), np.nan)
    test = parts == "test"
    for name in names:
        own = category == name
        # As test images they are not read by what is fitted.
        fold = np.where(own, "test", parts)
        rows = np.flatnonzero(own & test)
        predictions = fit(latents, scores, fold, rows=rows, settings=settings, seed=settings.seed)
        predicted[rows] = predictions.of_images
        on_category()
    table: pd.DataFrame = images.loc[test, ["image_id", "category"]]
    return table.assign(predicted=predicted[test])
