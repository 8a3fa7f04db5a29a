"""Pre-training: an autoencoder learns to reconstruct photographs before any run sees a study's images.

For whoever has no ImageNet checkpoint. The published one (github.com/Horizon2333/imagenet-autoencoder)
was trained on ImageNet, by mean squared error too; a model of a few thousand photographs is another
one, and results that start from it say so.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.autoencoder.reconstruction import measure_errors
from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream, stream_seed
from memorability.images.pixels import to_unit_range
from memorability.images.sizes import Resize
from memorability.networks.adam import Adam
from memorability.networks.computing import Compute, place, warn_if_slow
from memorability.networks.losses import MeanSquaredError


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainingSettings:
    """What decides a pre-trained model, besides the pixels.

    Parameters
    ----------
    images, resize
        Of which images, and how they were resized; for the records.
    architecture
        The autoencoder.
    epochs
        Times that each image is seen, at least 1.
    batch_size
        Images per step, at least 1.
    learning_rate
        Of Adam, above 0.
    held_out
        Share of the images that is measured and not trained on, within (0, 1); at least one is.
    seed
        At least 0.
    compute
        How.
    """

    images: str
    resize: Resize
    architecture: Architecture
    epochs: int
    batch_size: int
    learning_rate: float
    held_out: float
    seed: int
    compute: Compute


@dataclass(frozen=True)
class PretrainedModel:
    """A pre-trained model, its history, and how many images it was trained and measured on.

    history has columns epoch (0: before training), train_error (NaN there; the mean over the steps of
    the epoch, while the model changes) and validation_error (of the held-out images after the epoch);
    both are mean squared errors of pixels in [0, 1].
    """

    model: Autoencoder
    history: pd.DataFrame
    trained: int
    held_out: int

    @property
    def summary(self) -> dict[str, Any]:
        """What a reader of the model's file must know of its making."""
        errors = self.history["validation_error"].to_numpy()
        return {
            "images": self.trained,
            "held_out": self.held_out,
            "epochs": len(errors) - 1,
            "kept_epoch": _best(errors),
            "error_before": float(errors[0]),
            "error": float(errors[_best(errors)]),
        }


def pretrain(
    pixels: np.ndarray,
    settings: PretrainingSettings,
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> PretrainedModel:
    """Train an autoencoder by mean squared error and Adam, shuffled anew in each epoch.

    The model of the epoch with the smallest validation error is kept: running averages of batch
    normalisation follow the last few batches, so that this error is no smooth curve.

    Parameters
    ----------
    pixels
        uint8 (N, 3, 224, 224), N at least 2.
    settings
        What decides the model.
    device
        torch device.
    on_image
        Called after each image of training and of validation: N × epochs times.

    Raises
    ------
    InputError
        If the error is not finite, naming epoch and learning rate.
    """
    seed, precision = settings.seed, settings.compute.precision
    order = numpy_stream(seed, "pretraining held out").permutation(len(pixels))
    count = min(max(1, round(settings.held_out * len(pixels))), len(pixels) - 1)
    held_out, training = np.sort(order[:count]), np.sort(order[count:])
    warn_if_slow(precision, device)
    model = place(initial_autoencoder(seed, settings.architecture), device)
    model.precision = precision
    loss = MeanSquaredError()
    optimizer = Adam(model, settings.learning_rate)
    shuffles = numpy_stream(seed, "pretraining order")

    def validate() -> float:
        # One by one, since a store may be larger than the memory.
        errors = [
            measure_errors(model, loss, pixels[row : row + 1], device=device) for row in held_out
        ]
        return float(np.mean(errors))

    history = [(0, math.nan, validate())]
    kept: dict[str, torch.Tensor] = {}
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(seed, "pretraining dropout"))
        for epoch in range(1, settings.epochs + 1):
            model.train()
            total = 0.0
            for rows in _batches(shuffles.permutation(training), settings.batch_size):
                images = to_unit_range(pixels[rows], device)
                optimizer.zero_grad(set_to_none=True)
                errors = loss(images, model(images))
                errors.mean().backward()
                optimizer.step()
                total += errors.sum().item()
                _refuse_nonfinite(total, epoch, settings)
                for _ in rows:
                    on_image()
            history.append((epoch, total / len(training), validate()))
            for _ in held_out:
                on_image()
            # The last step can still ruin the weights.
            _refuse_nonfinite(history[-1][-1], epoch, settings)
            if _best(np.array([error for _, _, error in history])) == epoch:
                kept = {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(kept)
    columns = ["epoch", "train_error", "validation_error"]
    table = pd.DataFrame(history, columns=columns)
    return PretrainedModel(model.eval(), table, len(training), len(held_out))


def _best(errors: np.ndarray) -> int:
    """Return the epoch with the smallest error; epoch 0, before training, does not count."""
    return 1 + int(np.argmin(errors[1:]))


def _batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _refuse_nonfinite(error: float, epoch: int, settings: PretrainingSettings) -> None:
    if not math.isfinite(error):
        raise InputError(
            f"Pre-training diverged: the mean squared error became {error} in epoch {epoch} with "
            f"learning rate {settings.learning_rate:g}. Use a smaller pretraining.learning_rate."
        )
