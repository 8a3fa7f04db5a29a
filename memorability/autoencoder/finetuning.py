"""Fine-tuning: an autoencoder sees every image once per epoch, one after the other."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import nn

from memorability.autoencoder.architecture import Architecture, Autoencoder
from memorability.autoencoder.initial_weights import Start, initial_model
from memorability.autoencoder.reconstruction import (
    BatchNormMode,
    evaluating,
    recompute_batch_norm,
)
from memorability.autoencoder.stored_targets import Targets, open_targets
from memorability.base.seeding import numpy_stream, stream_seed
from memorability.images.pixels import to_unit_range
from memorability.networks.adam import Adam
from memorability.networks.catalogue import Metric
from memorability.networks.computing import Compute, place, warn_if_slow
from memorability.networks.losses import LossChoice, NetworkLoss, Sign, make_loss, with_sign
from memorability.networks.training.checkpoints import Checkpoints, TrainingState

logger = logging.getLogger(__name__)


Order = Literal["listed", "fixed_shuffle", "seed_shuffle"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BeforeTraining:
    """What decides a run before its first step. Words are those of `study.protocol.Protocol`.

    Parameters
    ----------
    architecture, start
        The autoencoder, and the weights that it starts from.
    order
        Of the images: `listed`, `fixed_shuffle` or `seed_shuffle`.
    order_seed, dropout_seed
        Of `seed_shuffle`, and of the dropout of `fc4096`; at least 0.
    fine_tuned_on
        `all` images, or the `train_split`.
    batch_norm_mode
        `train`, `train_then_recompute`, `frozen` or `evaluate_as_trained`.
    compute
        How.
    """

    architecture: Architecture
    start: Start
    order: Order
    order_seed: int
    dropout_seed: int
    fine_tuned_on: Literal["all", "train_split"]
    batch_norm_mode: BatchNormMode
    compute: Compute


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings(BeforeTraining):
    """What decides a run, besides its images: what does before its first step, and its steps.

    Parameters
    ----------
    loss
        What is minimised, and is the error.
    sign_train, sign_test
        Of LPIPS, in the one and in the other.
    learning_rate
        Of Adam, above 0.
    epochs
        Times that each image is seen, at least 1; errors are measured after each.
    """

    loss: LossChoice
    sign_train: Sign
    sign_test: Sign
    learning_rate: float
    epochs: int


@dataclass(frozen=True)
class FinetunedRun:
    """What a run leaves: the model, its errors and history, and receipts of the weights it used.

    errors has columns epoch, image_id, metric, error; history step, epoch, image_id, train_loss.
    outcome is the row of the table `outcomes`. A run that diverged has the weights and the history up
    to that step, and no errors of that epoch and those after it.
    """

    model: Autoencoder
    errors: pd.DataFrame
    history: pd.DataFrame
    outcome: dict[str, Any]
    receipts: list[dict[str, Any]]

    @property
    def outcomes(self) -> pd.DataFrame:
        """The outcome as a table."""
        return pd.DataFrame([self.outcome])


def finetune(
    pixels: np.ndarray,
    images: pd.DataFrame,
    settings: RunSettings,
    *,
    device: str,
    targets: Path | None = None,
    checkpoints: Checkpoints | None = None,
    on_image: Callable[[], object] = lambda: None,
) -> FinetunedRun:
    """Make one run: initial weights, fine-tuning at batch size 1, errors after each epoch.

    Parameters
    ----------
    pixels
        uint8 (N, 3, 224, 224); row i is row i of `images`.
    images
        The image table; image_id and position are used, and the column split (see
        `memorability.data.splits.with_split`) where the protocol trains on the training images
        alone.
    settings
        What decides the run.
    device
        torch device.
    targets
        File of `memorability.autoencoder.stored_targets.write_targets` for the run's loss; without
        it targets are computed at every step. Results are the same to the bit.
    checkpoints
        Where the run is taken up and its state is saved; without them it starts from the beginning.
    on_image
        Called after each image of fine-tuning and of evaluation: `images_shown` times, less
        `checkpoints.done`.

    Raises
    ------
    InputError
        If weights do not load, targets are of other images or another loss, or checkpoints cannot be
        written.
    Stopped
        If a signal asked the job to stop.
    """
    precision = settings.compute.precision
    warn_if_slow(precision, device)
    model, model_receipt = initial_model(settings.architecture, settings.start)
    place(model, device).precision = precision
    loss, distance, loss_receipt = make_loss(settings.loss, precision=precision)
    place(loss, device)
    minimised, _ = with_sign(loss, settings.sign_train)
    measured, sign = with_sign(loss, settings.sign_test)
    metric = distance._replace(sign=sign)
    order = presented_rows(images, settings)
    stored = None
    if targets is not None and isinstance(loss, NetworkLoss):
        stored = open_targets(targets, loss, pixels, device=device)
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(settings.dropout_seed, "dropout"))
        # A new state for each run; the paper names no optimiser.
        optimizer = Adam(model, settings.learning_rate)
        state = TrainingState(model, optimizer, device)
        if checkpoints is not None:
            checkpoints.restore(state)

        def pause() -> None:
            if checkpoints is not None and checkpoints.due():
                checkpoints.save(state)

        train(
            state,
            minimised,
            measured,
            pixels,
            order,
            epochs=settings.epochs,
            batch_norm_mode=settings.batch_norm_mode,
            targets=stored,
            pause=pause,
            on_image=on_image,
        )
        if checkpoints is not None:
            checkpoints.finish(state)
    ids = images["image_id"].to_numpy()
    receipts = [receipt.record() for receipt in (model_receipt, loss_receipt) if receipt]
    return FinetunedRun(
        model,
        _errors(state, ids, settings.epochs, metric),
        _history(state, ids[order]),
        _outcome(state, ids, ids[order], settings),
        receipts,
    )


def train(
    state: TrainingState,
    loss: nn.Module,
    metric: nn.Module,
    pixels: np.ndarray,
    order: np.ndarray,
    *,
    epochs: int,
    batch_norm_mode: BatchNormMode,
    targets: Targets | None = None,
    pause: Callable[[], object] = lambda: None,
    on_image: Callable[[], object] = lambda: None,
) -> None:
    """Take a run from wherever its state is to its end.

    A loss or error that is not finite ends it, and is then the last one of the state.

    Parameters
    ----------
    state
        Changed in place.
    loss, metric
        What is minimised and what is then measured, per image, on the state's device; see
        `memorability.networks.losses`.
    pixels
        uint8 (N, 3, H, W).
    order
        (M,) rows of `pixels` in order of presentation.
    epochs
        Of training, each followed by an evaluation of all images in the order of `pixels`.
    batch_norm_mode
        See `memorability.study.protocol.Protocol`.
    targets
        What both losses compare reconstructions with, if it is stored.
    pause
        Called between images, where the state is complete and may be saved.
    on_image
        Called after each image of fine-tuning and of evaluation.
    """
    if state.diverged:
        return
    for epoch in range(epochs):
        set_training_mode(state.model, batch_norm_mode)
        for row in order[len(state.losses) - epoch * len(order) :]:
            image = to_unit_range(pixels[row : row + 1], state.device)
            described = targets(row) if targets else None
            state.losses.append(train_step(state.model, loss, state.optimizer, image, described))
            if not math.isfinite(state.losses[-1]):
                return
            pause()
            on_image()
        # The averages depend on the weights alone: a run taken up within them begins them anew.
        measured = len(state.errors) - epoch * len(pixels)
        if batch_norm_mode == "train_then_recompute" and measured == 0:
            recompute_batch_norm(
                state.model, pixels, device=state.device, rows=np.sort(order), on_image=pause
            )
        with evaluating(state.model, batch_norm_mode):
            for row in range(measured, len(pixels)):
                image = to_unit_range(pixels[row : row + 1], state.device)
                with torch.no_grad():
                    described = targets(row) if targets else None
                    error = reconstruction_error(state.model, metric, image, described)
                state.errors.append(error.item())
                if not math.isfinite(state.errors[-1]):
                    return
                pause()
                on_image()


def set_training_mode(model: nn.Module, batch_norm_mode: BatchNormMode) -> None:
    """Put a model into training mode; `frozen` leaves its batch normalisation in evaluation mode."""
    model.train()
    if batch_norm_mode == "frozen":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def reconstruction_error(
    model: nn.Module,
    loss: nn.Module,
    image: torch.Tensor,
    described: Sequence[torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return the error () of one image (1, 3, H, W) in [0, 1].

    `described` is what the loss compares reconstructions of the image with, if it is known.
    """
    if described is not None and isinstance(loss, NetworkLoss):
        return loss.compare(described, model(image)).squeeze()
    error: torch.Tensor = loss(image, model(image))
    return error.squeeze()


def train_step(
    model: nn.Module,
    loss: nn.Module,
    optimizer: torch.optim.Optimizer,
    image: torch.Tensor,
    described: Sequence[torch.Tensor] | None = None,
) -> float:
    """Train on one image and return its loss before the step, see `reconstruction_error`.

    A loss that is not finite does not reach the weights.
    """
    optimizer.zero_grad(set_to_none=True)
    value = reconstruction_error(model, loss, image, described)
    before = float(value.item())
    if math.isfinite(before):
        torch.autograd.backward(value)
        optimizer.step()
    return before


def presentation_order(images: pd.DataFrame, order: Order, seed: int) -> np.ndarray:
    """Return (N,) rows of the image table in the order in which a run sees them.

    Parameters
    ----------
    images
        The image table, sorted by image_id.
    order
        `listed`, `fixed_shuffle` or `seed_shuffle`, see `memorability.study.protocol.Protocol`.
    seed
        The run's seed, used by `seed_shuffle` alone.
    """
    if order == "listed":
        return np.arange(len(images))
    if order == "fixed_shuffle":
        return np.argsort(images["position"].to_numpy())
    return numpy_stream(seed, "order").permutation(len(images))


def presented_rows(images: pd.DataFrame, settings: BeforeTraining) -> np.ndarray:
    """Return (M,) rows of the image table that a run is trained on, in their order.

    Parameters are those of `finetune`.
    """
    order = presentation_order(images, settings.order, settings.order_seed)
    if settings.fine_tuned_on == "all":
        return order
    trained: np.ndarray = order[images["split"].to_numpy()[order] == "train"]
    return trained


def images_shown(images: pd.DataFrame, settings: RunSettings) -> int:
    """Return how many images a run shows to its model, in fine-tuning and evaluation together."""
    presented = len(presented_rows(images, settings))
    return settings.epochs * (presented + len(images))


def _errors(state: TrainingState, ids: np.ndarray, epochs: int, metric: Metric) -> pd.DataFrame:
    """Return the errors of all epochs; those of an epoch that was not finished are missing."""
    table = np.full((epochs, len(ids)), np.nan)
    finished = sum(map(math.isfinite, state.errors)) // len(ids)
    table[:finished] = np.reshape(state.errors[: finished * len(ids)], (finished, len(ids)))
    return pd.DataFrame(
        {
            "epoch": np.repeat(np.arange(1, epochs + 1), len(ids)),
            "image_id": np.tile(ids, epochs),
            **metric._asdict(),
            "error": table.ravel(),
        }
    )


def _history(state: TrainingState, shown: np.ndarray) -> pd.DataFrame:
    steps = np.arange(len(state.losses))
    return pd.DataFrame(
        {
            "step": steps + 1,
            "epoch": steps // len(shown) + 1,
            "image_id": shown[steps % len(shown)],
            "train_loss": state.losses,
        }
    )


def _outcome(
    state: TrainingState, ids: np.ndarray, shown: np.ndarray, settings: RunSettings
) -> dict[str, Any]:
    """Return how a run ended, as a row of the table `outcomes`."""
    row = {
        "outcome": "finished",
        "step": len(state.losses),
        "epoch": -(-len(state.losses) // len(shown)),
        "image_id": "",
        "learning_rate": settings.learning_rate,
        "reason": "",
    }
    # A value that is not finite is the last of its kind, for it ended the run.
    if not math.isfinite(state.losses[-1]):
        name, values, images = "loss", state.losses, shown
    elif not math.isfinite(state.errors[-1]):
        name, values, images = "error", state.errors, ids
    else:
        return row
    row |= {
        "outcome": "diverged",
        "image_id": str(images[(len(values) - 1) % len(images)]),
        "reason": f"the {name} {settings.loss.name} became {values[-1]}",
    }
    # A stream that the run's seed does not decide has the seed 0.
    seed = max(settings.start.seed, settings.order_seed, settings.dropout_seed)
    logger.warning(
        "The run diverged: %s at step %d (epoch %d, image %r) with learning rate %g and seed %d. "
        "Its errors from this epoch on are missing. A smaller learning rate would do.",
        row["reason"], row["step"], row["epoch"], row["image_id"], row["learning_rate"],
        seed,
    )  # fmt: skip
    return row
