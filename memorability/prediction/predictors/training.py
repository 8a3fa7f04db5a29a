"""The predictor of memorability from latents: its training, and the file that keeps it.

Only training images fit anything, validation images only decide when training stops, and test
images are only ever predicted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import linear, mse_loss
from torch.optim.adamw import adamw

from memorability.base.arrays import blocks
from memorability.base.seeding import stream_seed, torch_stream
from memorability.networks.training.early_stopping import EarlyStopping
from memorability.prediction.predictors.contract import HeadSettings, Predictions
from memorability.prediction.predictors.fitting import (
    Floats,
    fitting_rows,
    to_tensor,
    training_moments,
)
from memorability.prediction.predictors.perceptron import Output, Predictor
from memorability.prediction.predictors.trained import TrainedPredictor, predict

_UNITS_PER_BLOCK = 128  # of the first layer: 13 MB of the published weights


class DivergedError(ValueError):
    """A loss of the predictor is not a finite number."""


@dataclass(frozen=True)
class PredictorSettings:
    """Architecture and training of the predictor; the defaults are the published best model.

    Parameters
    ----------
    hidden
        Width of each hidden layer, at least one layer, each width at least 1.
    learning_rate
        AdamW's learning rate, positive.
    batch_size
        Images per step, at least 1.
    dropout
        Probability of dropping a hidden value, in [0, 1).
    weight_decay
        AdamW's decoupled weight decay, at least 0.
    patience
        Epochs without a lower validation loss after which training stops, at least 1.
    max_epochs
        Most epochs to train, at least 1. The paper does not give it; its best model took 23.
    output
        What the last layer gives, in training and in evaluation alike: "linear", or "sigmoid" of
        that, which lies between 0 and 1.

    Raises
    ------
    ValueError
        If a setting lies outside its range.

    Notes
    -----
    Source: "Memorability behavior can be predicted from the autoencoder latent representation".
    """

    hidden: tuple[int, ...] = (1024, 512)
    learning_rate: float = 5e-5
    batch_size: int = 8
    dropout: float = 0.3
    weight_decay: float = 0.01
    patience: int = 5
    max_epochs: int = 50
    output: Output = "linear"

    def __post_init__(self) -> None:
        allowed = {
            "hidden": bool(self.hidden) and min(self.hidden) >= 1,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "batch_size": self.batch_size >= 1,
            "dropout": 0 <= self.dropout < 1,
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "patience": self.patience >= 1,
            "max_epochs": self.max_epochs >= 1,
            "output": self.output in get_args(Output),
        }
        for name, valid in allowed.items():
            if not valid:
                raise ValueError(
                    f"The predictor's {name} is {getattr(self, name)!r}. Expected a value in the "
                    "range that PredictorSettings documents. Correct the setting."
                )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(HeadSettings):
    """What decides a training of the predictor: besides that of any fit, the predictor's own."""

    predictor: PredictorSettings


def _no_report(epoch: int, train_loss: float, validation_loss: float) -> None:
    """Ignore the losses of an epoch."""


def train_predictor(
    latents: npt.NDArray[np.float32],
    scores: Floats,
    split: npt.NDArray[Any],
    *,
    settings: PredictorSettings,
    seed: int,
    on_epoch: Callable[[int, float, float], object] = _no_report,
) -> TrainedPredictor:
    """Train the predictor with AdamW on mean squared error, stopping early.

    Initial weights, dropout and batch order come from named streams of `seed`, so training is
    bit-reproducible on a CPU with a fixed number of threads. Neither latents nor scores of test
    rows are read.

    Parameters
    ----------
    latents
        Latents, (N, D), float32, in memory or memory-mapped; rows are read batch by batch.
    scores
        Memorability scores, (N,), in the row order of `latents`.
    split
        "train", "validation" or "test", (N,) of str, in the row order of `latents`.
    settings
        Architecture and training.
    seed
        Seed of the study.
    on_epoch
        Called after every epoch with its 1-based number, training loss and validation loss.

    Returns
    -------
    TrainedPredictor
        The weights of the epoch of lowest validation loss, with standardisation and history.

    Raises
    ------
    ValueError
        If the arrays do not fit together, training or validation rows are missing or not finite,
        or a loss is not finite.

    Notes
    -----
    Source: "Memorability prediction using autoencoder latent space representations" (AdamW, early
    stopping on validation loss). The paper does not name the loss; mean squared error is that of
    the authors' released code.
    """
    train, validation = fitting_rows(latents, scores, split)
    mean, sd = training_moments(latents, train)
    model = Predictor(
        latents.shape[1],
        hidden=settings.hidden,
        dropout=settings.dropout,
        output=settings.output,
        seed=seed,
    )
    trained = TrainedPredictor(model, mean, sd, history=[])
    order = torch_stream(seed, "predictor order")
    early_stopping = EarlyStopping(model, settings.patience)
    weight = cast("nn.Linear", model.layers[0]).weight
    first = _FirstLayer(weight, settings)
    others = torch.optim.AdamW(
        [each for each in model.parameters() if each is not weight],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(seed, "predictor dropout"))
        for epoch in range(1, settings.max_epochs + 1):
            rows = train[torch.randperm(len(train), generator=order).numpy()]
            batches = [
                rows[start : start + settings.batch_size]
                for start in range(0, len(rows), settings.batch_size)
            ]
            train_loss = _train_epoch(trained, first, others, latents, scores, batches)
            predicted = predict(trained, latents, validation)
            validation_loss = float(np.mean((predicted - scores[validation]) ** 2))
            _check_losses(epoch, train_loss, validation_loss)
            trained.history.append((epoch, train_loss, validation_loss))
            on_epoch(epoch, train_loss, validation_loss)
            if early_stopping.ends(validation_loss):
                break
    early_stopping.restore()
    model.eval()
    return trained


def fit_perceptron(
    inputs: npt.NDArray[np.float32],
    scores: Floats,
    split: npt.NDArray[Any],
    *,
    rows: npt.NDArray[np.intp],
    settings: TrainingSettings,
    seed: int,
) -> Predictions:
    """Train the predictor on latents and predict.

    `memorability.prediction.predictors.contract.Fit` says what it takes.
    """
    trained = train_predictor(inputs, scores, split, settings=settings.predictor, seed=seed)
    return Predictions(of_images=predict(trained, inputs, rows))


class _FirstLayer:
    """The weights of the first layer, of which a block of units at a time takes its step of AdamW.

    What is done with a block is done while it is in the processor's cache: its gradient is made, it
    takes its step, and the next batch is multiplied with it. One after the other for all 25.7 million
    published weights, each would read them from memory, and write the gradient there.
    """

    def __init__(self, weight: torch.Tensor, settings: PredictorSettings) -> None:
        self.weight = weight.detach()
        self.moments = torch.zeros_like(self.weight), torch.zeros_like(self.weight)
        self.gradient = torch.empty_like(self.weight[:_UNITS_PER_BLOCK])
        self.steps = torch.zeros(())
        self.settings = settings

    def units(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the units (B, units) of inputs (B, D), without bias."""
        return linear(inputs, self.weight)

    def step(
        self, gradient: torch.Tensor, inputs: torch.Tensor, following: torch.Tensor
    ) -> torch.Tensor:
        """Take a step, given the gradient of the inputs' units; return the units of what follows."""
        units = []
        for block in blocks(len(self.weight), _UNITS_PER_BLOCK):
            weight, first, second = (each[block] for each in (self.weight, *self.moments))
            own = torch.mm(gradient[:, block].T, inputs, out=self.gradient[: len(weight)])
            # It counts a step for each block.
            steps = self.steps.clone()
            adamw(
                [weight], [own], [first], [second], [], [steps], fused=True, amsgrad=False,
                beta1=0.9, beta2=0.999, eps=1e-8, lr=self.settings.learning_rate,
                weight_decay=self.settings.weight_decay, maximize=False,
            )  # fmt: skip
            units.append(linear(following, weight))
        self.steps += 1
        return torch.cat(units, dim=1)


def _train_epoch(
    trained: TrainedPredictor,
    first: _FirstLayer,
    others: torch.optim.AdamW,
    latents: npt.NDArray[np.float32],
    scores: Floats,
    batches: list[npt.NDArray[np.intp]],
) -> float:
    def inputs_of(rows: npt.NDArray[np.intp]) -> torch.Tensor:
        return (to_tensor(latents[rows]) - trained.latent_mean) / trained.latent_sd

    trained.model.train()
    bias = cast("nn.Linear", trained.model.layers[0]).bias
    inputs, total = inputs_of(batches[0]), 0.0
    units = first.units(inputs)
    for rows, next_rows in pairwise([*batches, batches[0][:0]]):
        units.requires_grad_()
        target = torch.from_numpy(np.array(scores[rows], dtype=np.float32))
        loss = mse_loss(trained.model.from_first_layer(units + bias), target)
        others.zero_grad()
        torch.autograd.backward(loss)
        others.step()
        following = inputs_of(next_rows)
        units = first.step(cast("torch.Tensor", units.grad), inputs, following)
        inputs = following
        total += loss.item() * len(rows)
    return total / sum(len(rows) for rows in batches)


def _check_losses(epoch: int, train_loss: float, validation_loss: float) -> None:
    if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
        raise DivergedError(
            f"Epoch {epoch} of the predictor has training loss {train_loss} and validation loss "
            f"{validation_loss}. Expected finite losses. Check the latents for non-finite values, "
            "or lower the learning rate."
        )
