"""A trained predictor: what it predicts, and its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from memorability.base.arrays import LATENTS_AT_A_TIME, blocks
from memorability.networks.model_file import ModelFile
from memorability.prediction.predictors.fitting import to_tensor
from memorability.prediction.predictors.perceptron import Predictor

PREDICTOR_FILE = ModelFile(
    "predictor of this workflow", ("architecture", "latent_dim"), "Delete it and run again."
)


@dataclass(frozen=True)
class TrainedPredictor:
    """A trained predictor with the standardisation of its latents.

    Parameters
    ----------
    model
        Network with the weights of the epoch of lowest validation loss, in evaluation mode.
    latent_mean
        Mean of each latent value over the training images, (D,), float32.
    latent_sd
        Standard deviation (divisor N) of each latent value over the training images, (D,),
        float32; 1 where the training images do not vary.
    history
        (epoch, training loss, validation loss) of each epoch, 1-based, mean squared errors in
        squared units of the score. The training loss is taken with dropout, during the epoch.
    """

    model: Predictor
    latent_mean: torch.Tensor
    latent_sd: torch.Tensor
    history: list[tuple[int, float, float]]

    def score(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the predicted score of raw latents, differentiably.

        Parameters
        ----------
        latents
            Latents as the encoder gives them, (N, D), float32.

        Returns
        -------
        torch.Tensor
            Predicted scores, (N,), float32, in units of the training scores; unbounded, or 0-1
            where the output is a sigmoid.
        """
        return cast("torch.Tensor", self.model((latents - self.latent_mean) / self.latent_sd))

    def to(self, device: str) -> "TrainedPredictor":
        """Return the predictor with its tensors on `device`."""
        moved = (self.latent_mean.to(device), self.latent_sd.to(device))
        return TrainedPredictor(self.model.to(device), *moved, self.history)


def predict(
    trained: TrainedPredictor,
    latents: npt.NDArray[np.float32],
    rows: npt.NDArray[np.intp] | None = None,
) -> npt.NDArray[np.float64]:
    """Predict the memorability score of each latent.

    Parameters
    ----------
    trained
        A trained predictor; its model is put into evaluation mode.
    latents
        Latents as the encoder gives them, (N, D), float32, in memory or memory-mapped.
    rows
        Which of them to predict from, (K,); all by default.

    Returns
    -------
    numpy.ndarray
        Predicted scores, (K,), float64, in units of the training scores. A prediction depends on
        the other rows only through the rounding of float32.

    Raises
    ------
    ValueError
        If the latents are not of the shape that the predictor was trained on.
    """
    if latents.ndim != 2 or latents.shape[1] != len(trained.latent_mean):
        raise ValueError(
            f"The latents to predict from have shape {latents.shape}. Expected "
            f"(N, {len(trained.latent_mean)}), as in training. Use latents of the same run."
        )
    chosen = np.arange(len(latents)) if rows is None else rows
    trained.model.eval()
    predicted = np.empty(len(chosen), dtype=np.float64)
    with torch.inference_mode():
        for block in blocks(len(chosen), LATENTS_AT_A_TIME):
            predicted[block] = trained.score(to_tensor(latents[chosen[block]])).numpy()
    return predicted


def predictor_tensors(trained: TrainedPredictor) -> dict[str, torch.Tensor]:
    """Return all tensors of a predictor by name, without its history."""
    tensors = {f"model.{key}": value for key, value in trained.model.state_dict().items()}
    return tensors | {"latent_mean": trained.latent_mean, "latent_sd": trained.latent_sd}


def rebuild_predictor(
    architecture: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> TrainedPredictor:
    """Rebuild a predictor from its architecture and what `predictor_tensors` returned."""
    model = Predictor(**{**architecture, "hidden": tuple(architecture["hidden"])}, seed=0)
    prefix = "model."
    weights = {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
    model.load_state_dict(weights)
    return TrainedPredictor(model.eval(), tensors["latent_mean"], tensors["latent_sd"], [])


def write_predictor(trained: TrainedPredictor, path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a predictor as safetensors; the header holds its architecture and a record."""
    header = {"architecture": trained.model.architecture, "record": record}
    PREDICTOR_FILE.write(path, header, predictor_tensors(trained))


def read_predictor(path: str | Path) -> TrainedPredictor:
    """Rebuild a predictor from a file of `write_predictor`, without its history.

    Raises
    ------
    InputError
        If it is no such file.
    """
    header, tensors = PREDICTOR_FILE.read(path)
    return rebuild_predictor(header["architecture"], tensors)
