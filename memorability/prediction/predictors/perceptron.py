"""The multi-layer perceptron that predicts memorability from an autoencoder's latents."""

from itertools import pairwise
from typing import Literal, cast

import torch
from torch import nn

from memorability.base.seeding import stream_seed

Output = Literal["linear", "sigmoid"]


class Predictor(nn.Module):
    """Multi-layer perceptron from a latent vector to one memorability score.

    Every hidden layer is Linear, LayerNorm, ReLU, Dropout. The output is the same in training and
    in evaluation, so that predictions stay calibrated in units of the score.

    Parameters
    ----------
    latent_dim
        Number of values in a latent, at least 1.
    hidden
        Width of each hidden layer, from input to output, each at least 1.
    dropout
        Probability of dropping a hidden value during training, in [0, 1).
    output
        "linear", or "sigmoid" of that.
    seed
        Seed of the study; fixes the initial weights and leaves torch's global generator untouched.

    Notes
    -----
    Source: "Memorability prediction using autoencoder latent space representations" (layers,
    dropout, layer normalization).
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        hidden: tuple[int, ...],
        dropout: float,
        output: Output = "linear",
        seed: int,
    ) -> None:
        super().__init__()
        self.architecture = {
            "latent_dim": latent_dim, "hidden": hidden, "dropout": dropout, "output": output,
        }  # fmt: skip
        self.output = output
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
            Predicted scores, (N,), float32, in units of the training scores; 0-1 of a sigmoid,
            unbounded otherwise.
        """
        return self.from_first_layer(self.layers[0](latents))

    def from_first_layer(self, units: torch.Tensor) -> torch.Tensor:
        """Return the predicted scores (N,) from the values of the first linear layer, (N, units)."""
        scores = cast("torch.Tensor", self.layers[1:](units)).squeeze(-1)
        return torch.sigmoid(scores) if self.output == "sigmoid" else scores
