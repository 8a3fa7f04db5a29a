"""The multi-layer perceptron that predicts memorability from an autoencoder's latents."""

from itertools import pairwise
from typing import cast

import torch
from torch import nn

from memorability.seeding import stream_seed


class Predictor(nn.Module):
    """Multi-layer perceptron from a latent vector to one memorability score.

    Every hidden layer is Linear, LayerNorm, ReLU, Dropout. The output is linear, in training and
    in evaluation alike, so that predictions stay calibrated in units of the score.

    Parameters
    ----------
    latent_dim
        Number of values in a latent, at least 1.
    hidden
        Width of each hidden layer, from input to output, each at least 1.
    dropout
        Probability of dropping a hidden value during training, in [0, 1).
    seed
        Seed of the study; fixes the initial weights and leaves torch's global generator untouched.

    Notes
    -----
    Source: "Memorability prediction using autoencoder latent space representations" (layers,
    dropout, layer normalization).
    """

    def __init__(
        self, latent_dim: int, *, hidden: tuple[int, ...], dropout: float, seed: int
    ) -> None:
        super().__init__()
        self.architecture = {"latent_dim": latent_dim, "hidden": hidden, "dropout": dropout}
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream_seed(seed, "predictor weights"))
            layers: list[nn.Module] = []
            for width_in, width_out in pairwise((latent_dim, *hidden)):
                layers += [
                    nn.Linear(width_in, width_out),
                    nn.LayerNorm(width_out),
                    nn.ReLU(),
                    nn.Dropout(dropout),
                ]
            self.layers = nn.Sequential(*layers, nn.Linear((latent_dim, *hidden)[-1], 1))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the predicted score of each latent.

        Parameters
        ----------
        latents
            Standardised latents, (N, latent_dim), float32.

        Returns
        -------
        torch.Tensor
            Predicted scores, (N,), float32, unbounded, in units of the training scores.
        """
        return cast("torch.Tensor", self.layers(latents)).squeeze(-1)
