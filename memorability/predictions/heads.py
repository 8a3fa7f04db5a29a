"""Other heads that predict memorability from the same latents, as tables of a study."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.predictions.gru_pair import predict_by_pairs
from memorability.predictions.kernels import inner_products, predict_by_ridge, predict_by_svr


def predict_by_head(
    head: str, latents: npt.NDArray[np.float32], split: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Fit another head on the training images and predict all of them.

    Parameters
    ----------
    head
        "ridge", "svr" or "gru_pair".
    latents, split
        As in `memorability.predictions.mlp.predict_images`.
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
