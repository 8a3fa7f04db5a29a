"""The head of the published scripts: a recurrent network over the latents of two images.

The paper describes a multi-layer perceptron; the scripts train a GRU on shuffled images taken two by
two, whose target is the mean of their scores.
"""

import logging
import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import mse_loss

from memorability.base.seeding import numpy_stream, stream_seed, torch_stream
from memorability.networks.training.early_stopping import EarlyStopping
from memorability.prediction.predictors.contract import HeadSettings, Predictions
from memorability.prediction.predictors.fitting import Floats, fitting_rows, training_moments

logger = logging.getLogger(__name__)


HIDDEN, LAYERS, DROPOUT = 256, 2, 0.5
LEARNING_RATE, BATCH_SIZE, PATIENCE, MAX_EPOCHS = 1e-4, 8, 5, 50
_PAIRS_PER_BLOCK = 128


class PairNetwork(nn.Module):
    """Bidirectional GRU over a sequence of two latents, and a linear layer on its last output.

    Parameters
    ----------
    latent_dim
        Number of values in a latent.
    seed
        Seed of the study; fixes the initial weights.
    hidden
        Units of a layer in each direction.
    """

    def __init__(self, latent_dim: int, *, seed: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream_seed(seed, "gru weights"))
            self.gru = nn.GRU(
                latent_dim, hidden, LAYERS, dropout=DROPOUT, bidirectional=True, batch_first=True
            )
            self.output = nn.Linear(2 * hidden, 1)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return the mean score, (N,), predicted of standardised latents (N, 2, latent_dim)."""
        outputs, _ = self.gru(pairs)
        return cast("torch.Tensor", self.output(outputs[:, -1])).squeeze(-1)


def draw_pairs(rows: npt.NDArray[np.intp], generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return shuffled rows two by two, (K, 2); of an odd number the last is paired with itself."""
    shuffled = generator.permutation(rows)
    if len(shuffled) % 2:
        shuffled = np.append(shuffled, shuffled[-1])
    return shuffled.reshape(-1, 2)


def fit_gru(
    inputs: npt.NDArray[np.float32],
    scores: Floats,
    split: npt.NDArray[Any],
    *,
    rows: npt.NDArray[np.intp],
    settings: HeadSettings,
    seed: int,
) -> Predictions:
    """Train the network on pairs of latents and predict images, and pairs of test images.

    `memorability.prediction.predictors.contract.Fit` says what it takes. An image that is paired with
    itself, the last of an odd number, is no pair.
    """
    predicted, pairs, of_pairs = predict_by_pairs(inputs, scores, split, seed=seed)
    two = pairs[:, 0] != pairs[:, 1]
    return Predictions(of_images=predicted[rows], pairs=pairs[two], of_pairs=of_pairs[two])


def predict_by_pairs(
    latents: npt.NDArray[np.float32],
    scores: Floats,
    split: npt.NDArray[Any],
    *,
    seed: int,
    hidden: int = HIDDEN,
    learning_rate: float = LEARNING_RATE,
    max_epochs: int = MAX_EPOCHS,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Train the network on pairs of training images and predict images and pairs of test images.

    Parameters
    ----------
    latents, scores, split
        As in `memorability.prediction.predictors.training.train_predictor`.
    seed
        Seed of the study: of weights, pairs, order and dropout.
    hidden
        Units of a layer in each direction.
    learning_rate
        Step of Adam, positive.
    max_epochs
        Most epochs of training, at least 1.

    Returns
    -------
    tuple
        The score of every image, (N,): what the network says of the image paired with itself. Pairs
        of test images, (K, 2), and their predicted mean scores, (K,).

    Notes
    -----
    Source: the authors' scripts. Of them are the pairs, the network (256 units, two layers, both
    directions, dropout 0.5: the values that the scripts name without a search), Adam, mean squared
    error, patience 5 and at most 50 epochs. Learning rate 1e-4 and batches of 8 are of their grid.

    Four things are not as in the scripts. Half of the scripts' sequences are empty, and an empty
    sequence stops them: here each pair is a sequence. The scripts' frozen encoder changes its
    statistics while the GRU trains; here latents stay as they are. The scripts train a linear output
    and measure it after a sigmoid; here it is linear in both. The scripts choose the epoch by ROC AUC;
    here it is chosen by validation loss.
    """
    train, validation = fitting_rows(latents, scores, split)
    mean, sd = training_moments(latents, train)
    network = PairNetwork(latents.shape[1], seed=seed, hidden=hidden)
    generator = numpy_stream(seed, "gru pairs")
    train_pairs, validation_pairs, test_pairs = (
        draw_pairs(rows, generator) for rows in (train, validation, np.flatnonzero(split == "test"))
    )

    def inputs(pairs: npt.NDArray[np.intp]) -> torch.Tensor:
        return (torch.from_numpy(np.array(latents[pairs])) - mean) / sd

    def predicted(pairs: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        network.eval()
        with torch.inference_mode():
            blocks = np.array_split(pairs, math.ceil(len(pairs) / _PAIRS_PER_BLOCK) or 1)
            return np.concatenate([network(inputs(block)).double().numpy() for block in blocks])

    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    order = torch_stream(seed, "gru order")
    early_stopping = EarlyStopping(network, PATIENCE)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(seed, "gru dropout"))
        for epoch in range(1, max_epochs + 1):
            network.train()
            shuffled = train_pairs[torch.randperm(len(train_pairs), generator=order).numpy()]
            for start in range(0, len(shuffled), BATCH_SIZE):
                pairs = shuffled[start : start + BATCH_SIZE]
                target = torch.from_numpy(scores[pairs].mean(axis=1).astype(np.float32))
                loss = mse_loss(network(inputs(pairs)), target)
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                optimiser.step()
            target_means = scores[validation_pairs].mean(axis=1)
            validation_loss = float(np.mean((predicted(validation_pairs) - target_means) ** 2))
            logger.info("epoch %d: validation loss %.6f", epoch, validation_loss)
            if early_stopping.ends(validation_loss):
                break
    early_stopping.restore()
    rows = np.arange(len(latents))
    return predicted(np.stack([rows, rows], axis=1)), test_pairs, predicted(test_pairs)
