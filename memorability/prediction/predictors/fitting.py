"""The rows, means and standard deviations that a predictor is fitted to."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.preprocessing import StandardScaler

from memorability.base.arrays import LATENTS_AT_A_TIME, blocks
from memorability.base.errors import InputError
from memorability.data.splits import PARTS

Floats = npt.NDArray[np.floating[Any]]


def fitting_rows(
    latents: npt.NDArray[np.float32], scores: Floats, split: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the rows of training and of validation images, as every head fits them.

    Raises
    ------
    ValueError
        If the arrays do not fit together, rows of either part are missing or a score of theirs is
        not finite.
    """
    if latents.ndim != 2 or scores.shape != latents.shape[:1] or split.shape != latents.shape[:1]:
        raise ValueError(
            f"Training got latents {latents.shape}, scores {scores.shape} and split {split.shape}. "
            "Expected (N, D), (N,) and (N,). Align the three by image before training."
        )
    unknown = set(split.tolist()) - set(PARTS)
    if unknown:
        raise ValueError(
            f"The split has the unknown labels {sorted(map(str, unknown))}. Expected only "
            f"{', '.join(PARTS)}. Make it with split_images."
        )
    train, validation = np.flatnonzero(split == "train"), np.flatnonzero(split == "validation")
    if not len(train) or not len(validation):
        raise InputError(
            f"The split has {len(train)} training and {len(validation)} validation images. "
            "Expected at least one of each. Use more images or other shares in prediction.split."
        )
    if not np.isfinite(scores[np.concatenate([train, validation])]).all():
        raise ValueError(
            "Scores of training or validation images are not finite. Expected a score for every "
            "image. Drop the images without a score before the split."
        )
    return train, validation


def training_moments(
    latents: npt.NDArray[np.float32], train: npt.NDArray[np.intp]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of each latent value over the training images.

    Raises
    ------
    ValueError
        If a latent of a training image is not finite.
    """
    scaler = StandardScaler()
    for rows in blocks(len(train), LATENTS_AT_A_TIME):
        block = latents[train[rows]]
        if not np.isfinite(block).all():
            raise ValueError(
                "Latents of training images are not finite. Expected finite values in every "
                "latent. Check the run that produced them, or choose one that did not diverge."
            )
        scaler.partial_fit(block)
    return to_tensor(scaler.mean_), to_tensor(scaler.scale_)


def to_tensor(values: Floats) -> torch.Tensor:
    """Return values as a float32 tensor of its own memory."""
    # torch warns when it shares a read-only memory map, hence the copy.
    return torch.from_numpy(np.array(values, dtype=np.float32))
