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

from memorability.autoencoder.architecture import Architecture, Autoencoder
from memorability.autoencoder.initial_weights import Start, initial_model
from memorability.autoencoder.reconstruction import keep_through_batch_norm, measure_errors
from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream, stream_seed
from memorability.images.pixels import to_unit_range
from memorability.images.sizes import Resize
from memorability.networks.adam import Adam
from memorability.networks.computing import Compute, place, warn_if_slow
from memorability.networks.losses import MeanSquaredError
from memorability.networks.training.checkpoints import Checkpoints, TrainingState
from memorability.networks.weights import Receipt

ENCODER_PARTS = ("encoder", "to_latent")
"""Of an `Autoencoder`, what makes latents."""

CALIBRATION_IMAGES = 100
"""At most so many tell batch normalisation the scale of a trained encoder without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Epochs of one learning rate.

    Parameters
    ----------
    epochs
        Times that each image is seen, at least 0.
    learning_rate
        Of Adam, above 0.
    """

    epochs: int
    learning_rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainingSettings:
    """What decides a pre-trained model, besides the pixels.

    Parameters
    ----------
    images, resize
        Of which images, and how they were resized; for the records.
    architecture
        The autoencoder.
    start
        Its weights before training: random, or with the encoder of VGG16.
    decoder_first
        The first stage: the decoder is trained, the encoder stays as it is.
    epochs
        Times that each image is seen after that, when the whole is trained; at least 1.
    batch_size
        Images per step, at least 1.
    learning_rate
        Of Adam in those epochs, above 0.
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
    start: Start
    decoder_first: Stage
    epochs: int
    batch_size: int
    learning_rate: float
    held_out: float
    seed: int
    compute: Compute

    @property
    def all_epochs(self) -> int:
        """Epochs of both stages."""
        return self.decoder_first.epochs + self.epochs

    def trained_part(self, epoch: int) -> str:
        """Return what an epoch trains: `none` (epoch 0), `decoder` or `all`."""
        if epoch == 0:
            return "none"
        return "decoder" if epoch <= self.decoder_first.epochs else "all"


@dataclass(frozen=True)
class PretrainedModel:
    """A pre-trained model, its history, and how many images it was trained and measured on.

    history has columns epoch (0: before training), trained_part (see
    `PretrainingSettings.trained_part`), train_error (NaN for epoch 0; the mean over the images of the
    epoch, while the model changes) and validation_error (of the held-out images after the epoch); both
    are mean squared errors of pixels in [0, 1]. receipt is of the weights before training.
    """

    model: Autoencoder
    history: pd.DataFrame
    trained: int
    held_out: int
    receipt: Receipt

    @property
    def summary(self) -> dict[str, Any]:
        """What a reader of the model's file must know of its making."""
        errors = self.history["validation_error"].to_numpy()
        return {
            "images": self.trained,
            "held_out": self.held_out,
            "epochs": len(errors) - 1,
            "epochs_of_decoder": int((self.history["trained_part"] == "decoder").sum()),
            "kept_epoch": _best(errors),
            "error_before": float(errors[0]),
            "error": float(errors[_best(errors)]),
        }


def pretrain(
    pixels: np.ndarray,
    settings: PretrainingSettings,
    *,
    device: str,
    checkpoints: Checkpoints | None = None,
    on_image: Callable[[], object] = lambda: None,
) -> PretrainedModel:
    """Train an autoencoder by mean squared error and Adam, shuffled anew in each epoch.

    The model of the epoch with the smallest validation error is kept: running averages of batch
    normalisation follow the last few batches, so that this error is no smooth curve.

    An encoder of VGG16 has no batch normalisation, and the autoencoder has: its layers are set so that
    they give back what they get (`reconstruction.keep_through_batch_norm`), and the encoder computes
    what VGG16 does until it is trained itself.

    Parameters
    ----------
    pixels
        uint8 (N, 3, 224, 224), N at least 2.
    settings
        What decides the model.
    device
        torch device.
    checkpoints
        Where the training is taken up and its state is saved; without them it starts from the
        beginning.
    on_image
        Called after each image of training and of validation: `images_shown` times, less
        `checkpoints.done`.

    Raises
    ------
    InputError
        If the error is not finite, naming epoch and learning rate; if weights do not load.
    Stopped
        If a signal asked the job to stop.
    """
    seed, precision = settings.seed, settings.compute.precision
    held_out, training = _parts(len(pixels), settings)
    warn_if_slow(precision, device)
    model, receipt = initial_model(settings.architecture, settings.start)
    place(model, device).precision = precision
    if settings.start.initial_weights == "vgg16_encoder":
        calibrating = pixels[training[:CALIBRATION_IMAGES]]
        keep_through_batch_norm(model.encoder, calibrating, device=device, precision=precision)
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(seed, "pretraining dropout"))
        state = TrainingState(model, Adam(model, settings.learning_rate), device)
        if checkpoints is not None:
            checkpoints.restore(state)

        def pause() -> None:
            if checkpoints is not None and checkpoints.due():
                checkpoints.save(state)

        _train(state, model, pixels, held_out, training, settings, pause, on_image)
    model.load_state_dict(state.kept)
    model.requires_grad_(True)
    losses = np.reshape(state.losses, (settings.all_epochs, len(training)))
    errors = np.reshape(state.errors, (settings.all_epochs + 1, len(held_out)))
    epochs = range(settings.all_epochs + 1)
    history = pd.DataFrame(
        {
            "epoch": epochs,
            "trained_part": [settings.trained_part(epoch) for epoch in epochs],
            "train_error": [math.nan, *losses.mean(axis=1)],
            "validation_error": errors.mean(axis=1),
        }
    )
    return PretrainedModel(model.eval(), history, len(training), len(held_out), receipt)


def images_shown(count: int, settings: PretrainingSettings) -> int:
    """Return how many images are shown to the model, in training and validation together."""
    held_out, _ = _parts(count, settings)
    return settings.all_epochs * count + len(held_out)


def _parts(count: int, settings: PretrainingSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are held out and those that are trained on."""
    order = numpy_stream(settings.seed, "pretraining held out").permutation(count)
    size = min(max(1, round(settings.held_out * count)), count - 1)
    return np.sort(order[:size]), np.sort(order[size:])


def _train(
    state: TrainingState,
    model: Autoencoder,
    pixels: np.ndarray,
    held_out: np.ndarray,
    training: np.ndarray,
    settings: PretrainingSettings,
    pause: Callable[[], object],
    on_image: Callable[[], object],
) -> None:
    """Take a training from wherever its state is to its end."""
    loss = MeanSquaredError()
    shuffles = numpy_stream(settings.seed, "pretraining order")

    def validate(epoch: int) -> None:
        # One by one, since a store may be larger than the memory.
        for row in held_out[len(state.errors) - epoch * len(held_out) :]:
            error = measure_errors(model, loss, pixels[row : row + 1], device=state.device)
            state.errors.append(float(error[0]))
            # The last step can still ruin the weights.
            _refuse_nonfinite(state.errors[-1], epoch, settings)
            pause()
            on_image()

    validate(0)
    for epoch in range(1, settings.all_epochs + 1):
        rows = shuffles.permutation(training)[len(state.losses) - (epoch - 1) * len(training) :]
        _begin_epoch(state, model, settings, epoch)
        for batch in _batches(rows, settings.batch_size):
            images = to_unit_range(pixels[batch], state.device)
            state.optimizer.zero_grad(set_to_none=True)
            errors = loss(images, model(images))
            errors.mean().backward()
            state.optimizer.step()
            state.losses.extend(errors.tolist())
            _refuse_nonfinite(sum(state.losses[-len(batch) :]), epoch, settings)
            pause()
            for _ in batch:
                on_image()
        validate(epoch)
        # A training that is taken up later passes here too, with the model of that epoch.
        current = len(state.losses) == epoch * len(training)
        if current and _best(np.reshape(state.errors, (-1, len(held_out))).mean(axis=1)) == epoch:
            state.kept = {name: value.clone() for name, value in model.state_dict().items()}


def _begin_epoch(
    state: TrainingState, model: Autoencoder, settings: PretrainingSettings, epoch: int
) -> None:
    """Put the model into training mode, the encoder only where it is trained."""
    whole = settings.trained_part(epoch) == "all"
    model.train()
    for part in (getattr(model, name) for name in ENCODER_PARTS):
        part.train(whole).requires_grad_(whole)
    rate = settings.learning_rate if whole else settings.decoder_first.learning_rate
    state.optimizer.param_groups[0]["lr"] = rate


def _best(errors: np.ndarray) -> int:
    """Return the epoch with the smallest error; epoch 0, before training, does not count."""
    return 1 + int(np.argmin(errors[1:]))


def _batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _refuse_nonfinite(error: float, epoch: int, settings: PretrainingSettings) -> None:
    if not math.isfinite(error):
        decoder = settings.trained_part(epoch) == "decoder"
        rate = settings.decoder_first.learning_rate if decoder else settings.learning_rate
        key = "decoder_first.learning_rate" if decoder else "learning_rate"
        raise InputError(
            f"Pre-training diverged: the mean squared error became {error} in epoch {epoch} with "
            f"learning rate {rate:g}. Use a smaller pretraining.{key}."
        )
