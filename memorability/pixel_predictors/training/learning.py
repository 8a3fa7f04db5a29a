"""One way to train a network on images and scores: minibatches, augmentation, early stopping.

Only training images change weights, validation images decide which epoch is kept, and test images are
never read.
"""

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from memorability.base.arrays import blocks
from memorability.base.seeding import numpy_stream, stream_seed
from memorability.networks.adam import Adam
from memorability.networks.computing import Precision, autocast, place, warn_if_slow
from memorability.networks.training.checkpoints import Checkpoints, TrainingState
from memorability.networks.training.early_stopping import EarlyStopping
from memorability.pixel_predictors.contract import Diverged, Epoch

logger = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]
MOMENTUM = 0.9


class ScoringNetwork(nn.Module, ABC):
    """A network that scores pixels, and learns from crops of them."""

    @property
    @abstractmethod
    def crop(self) -> int:
        """Side of the crops, in pixels."""

    @abstractmethod
    def inputs(self, pixels: Tensor) -> Tensor:
        """Return what crops are taken of, (N, 3, H, W) float32, of pixels uint8 (N, 3, H, W)."""

    @abstractmethod
    def centre(self, images: Tensor) -> Tensor:
        """Return the centre crops (N, 3, crop, crop) of `inputs`."""

    @abstractmethod
    def of_crops(self, crops: Tensor) -> Tensor:
        """Return the scores (N,) of crops (N, 3, crop, crop) of `inputs`."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores (N,) of pixels uint8 (N, 3, H, W), those of their centre crops."""
        return self.of_crops(self.centre(self.inputs(pixels)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What decides a training, besides the network, the images and the seed.

    Parameters
    ----------
    optimizer
        `adam` with PyTorch's betas, or `sgd` with a momentum of 0.9.
    learning_rate
        Of the optimiser, above 0.
    batch_size
        Images per step, at least 1.
    epochs
        Times that each image is seen, at most; at least 1.
    patience
        Epochs without a smaller validation error after which training stops, and the best epoch is
        kept; None: all epochs are trained, and the last one is kept.
    random_crop
        Whether a training image is a crop at a random place, or that of the centre.
    mirror
        Whether a training image is mirrored at random.
    weight_decay
        Of `sgd`.
    """

    optimizer: Literal["adam", "sgd"]
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int | None
    random_crop: bool
    mirror: bool
    weight_decay: float = 0.0

    def images_shown(self, train: int, validation: int) -> int:
        """Return how many images are shown to the network at most, to learn and to validate."""
        return self.epochs * (train + validation)


class Learned(NamedTuple):
    """The epochs of a training, and the one whose weights the network has."""

    history: tuple[Epoch, ...]
    kept: int


def learn(
    network: ScoringNetwork,
    pixels: Pixels,
    targets: npt.NDArray[np.float32],
    split: npt.NDArray[Any],
    recipe: Recipe,
    *,
    seed: int,
    device: str,
    precision: Precision = "fp32",
    checkpoints: Checkpoints | None = None,
    on_image: Callable[[], object] = lambda: None,
) -> Learned:
    """Train a network by mean squared error; it ends in evaluation mode with the weights to keep.

    Order, crops, mirror images and dropout come from named streams of the seed, so that a training is
    reproducible to the bit on a CPU with a fixed number of threads, however often it is stopped.

    Parameters
    ----------
    network
        With its initial weights. Those that do not require gradients stay.
    pixels
        (N, 3, H, W), in memory or memory-mapped; read batch by batch.
    targets
        (N,); those of test images are not read.
    split
        "train", "validation" or "test", (N,); at least one of each of the first two.
    recipe
        How.
    seed
        At least 0.
    device
        torch device.
    precision
        In which the network computes when it learns; it validates in single precision.
    checkpoints
        Where the training is taken up and its state is saved; without them it starts from the
        beginning.
    on_image
        Called after each image, of training and of validation: at most `Recipe.images_shown` times,
        less `checkpoints.done`.

    Raises
    ------
    Diverged
        If an error is not finite, naming the epoch.
    Stopped
        If a signal asked the job to stop.
    """
    warn_if_slow(precision, device)
    place(network, device)
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(seed, "training dropout"))
        state = TrainingState(network, _optimizer(network, recipe), device)
        if checkpoints is not None:
            checkpoints.restore(state)

        def pause() -> None:
            if checkpoints is not None and checkpoints.due():
                checkpoints.save(state)

        training = _Training(network, pixels, targets, split, recipe, state, precision)
        try:
            learned = training.run(seed, pause, on_image)
        except Diverged:
            # Whoever takes it up from an earlier state diverges again.
            if checkpoints is not None:
                checkpoints.discard()
            raise
    network.eval()
    return learned


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimizer == "adam":
        return Adam(network, recipe.learning_rate)
    return torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=MOMENTUM,
        weight_decay=recipe.weight_decay,
    )


@dataclass
class _Training:
    network: ScoringNetwork
    pixels: Pixels
    targets: npt.NDArray[np.float32]
    split: npt.NDArray[Any]
    recipe: Recipe
    state: TrainingState
    precision: Precision

    def run(
        self, seed: int, pause: Callable[[], object], on_image: Callable[[], object]
    ) -> Learned:
        """Take the training from wherever its state is to its end.

        It pauses before its steps alone: there the weights to keep are those of the epochs before.
        """
        state, recipe = self.state, self.recipe
        train, validation = (np.flatnonzero(self.split == part) for part in ("train", "validation"))
        behind = len(state.errors) // len(validation)
        stopping = None
        if recipe.patience is not None:
            stopping = EarlyStopping(
                self.network,
                recipe.patience,
                losses=self._means(state.errors, len(validation))[:behind],
                weights=state.kept or None,
            )
        order = numpy_stream(seed, "training order")
        for epoch in range(1, recipe.epochs + 1):
            rows = order.permutation(train)
            if epoch <= behind:
                continue
            self._train(epoch, rows, seed, pause, on_image)
            self._validate(epoch, validation, pause, on_image)
            error = self._means(state.errors, len(validation))[-1]
            logger.info(
                "Epoch %d: mean squared error %.5f in training, %.5f in validation.",
                epoch, self._means(state.losses, len(train))[-1], error,
            )  # fmt: skip
            if stopping and stopping.ends(error):
                break
            if stopping:
                state.kept = dict(stopping.weights)
        if stopping:
            stopping.restore()
        train_errors = self._means(state.losses, len(train))
        errors = self._means(state.errors, len(validation))
        kept = len(errors) if recipe.patience is None else int(np.argmin(errors)) + 1
        pairs = zip(train_errors, errors, strict=True)
        history = tuple(Epoch(epoch, *pair) for epoch, pair in enumerate(pairs, start=1))
        return Learned(history, kept)

    def _train(
        self,
        epoch: int,
        rows: npt.NDArray[np.intp],
        seed: int,
        pause: Callable[[], object],
        on_image: Callable[[], object],
    ) -> None:
        state = self.state
        done = len(state.losses) - (epoch - 1) * len(rows)
        if done == len(rows):
            return
        places, mirrored = self._augmentation(epoch, seed)
        self.network.train()
        for batch in list(blocks(len(rows), self.recipe.batch_size))[
            done // self.recipe.batch_size :
        ]:
            pause()
            chosen = rows[batch]
            images = self.network.inputs(self._on_device(chosen))
            crops = self._crops(images, places[chosen], mirrored[chosen])
            state.optimizer.zero_grad(set_to_none=True)
            with autocast(self.precision, torch.device(state.device).type):
                scores = self.network.of_crops(crops)
            errors = self._squared_errors(scores, chosen)
            errors.mean().backward()  # type: ignore[no-untyped-call]
            state.optimizer.step()
            self._note(state.losses, errors, epoch)
            for _ in chosen:
                on_image()

    @torch.no_grad()
    def _validate(
        self,
        epoch: int,
        rows: npt.NDArray[np.intp],
        pause: Callable[[], object],
        on_image: Callable[[], object],
    ) -> None:
        done = len(self.state.errors) - (epoch - 1) * len(rows)
        self.network.eval()
        for batch in list(blocks(len(rows), self.recipe.batch_size))[
            done // self.recipe.batch_size :
        ]:
            pause()
            scores = self.network(self._on_device(rows[batch]))
            self._note(self.state.errors, self._squared_errors(scores, rows[batch]), epoch)
            for _ in rows[batch]:
                on_image()

    def _on_device(self, rows: npt.NDArray[np.intp]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.pixels[rows])).to(self.state.device)

    def _squared_errors(self, scores: Tensor, rows: npt.NDArray[np.intp]) -> Tensor:
        targets = torch.from_numpy(self.targets[rows]).to(self.state.device)
        return (scores.float() - targets) ** 2

    def _augmentation(
        self, epoch: int, seed: int
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Return the offset (top, left) of each image's crop, and whether it is mirrored."""
        stream = numpy_stream(seed, f"training augmentation, epoch {epoch}")
        count, _, *sides = self.pixels.shape
        room = np.array(sides) - self.network.crop + 1
        places = stream.integers(0, room, size=(count, 2))
        return places, np.less(stream.random(count), 0.5)

    def _crops(
        self, images: Tensor, places: npt.NDArray[np.intp], mirrored: npt.NDArray[np.bool_]
    ) -> Tensor:
        side = self.network.crop
        if self.recipe.random_crop:
            crops = torch.stack(
                [
                    image[:, top : top + side, left : left + side]
                    for image, (top, left) in zip(images, places, strict=True)
                ]
            )
        else:
            crops = self.network.centre(images)
        if self.recipe.mirror:
            chosen = torch.from_numpy(mirrored).to(crops.device)
            crops = torch.where(chosen[:, None, None, None], crops.flip(-1), crops)
        return crops

    def _note(self, values: list[float], errors: Tensor, epoch: int) -> None:
        new = errors.tolist()
        for error in new:
            if not math.isfinite(error):
                raise Diverged(
                    f"The training diverged: a squared error became {error} in epoch {epoch} with the "
                    f"learning rate {self.recipe.learning_rate:g}. Start from other weights, or "
                    "compute in single precision (fp32)."
                )
        values.extend(new)

    def _means(self, values: list[float], size: int) -> list[float]:
        """Return the mean of each epoch that is whole."""
        whole = len(values) // size * size
        return [float(mean) for mean in np.reshape(values[:whole], (-1, size)).mean(axis=1)]
