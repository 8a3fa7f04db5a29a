"""The network that is explained: from images to predicted scores, and with random weights."""

import copy
from itertools import chain
from typing import Any, Literal, cast

import numpy as np
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from memorability.autoencoder.architecture import Autoencoder, initial_autoencoder
from memorability.autoencoder.reconstruction import recompute_batch_norm
from memorability.base.seeding import stream_seed
from memorability.networks.computing import place
from memorability.prediction.predictors.perceptron import Predictor
from memorability.prediction.predictors.trained import TrainedPredictor

Randomised = Literal["predictor", "encoder_and_predictor"]


class ScoreNetwork(nn.Module):
    """Encoder and predictor as one frozen network, laid out for repeated gradients of its input.

    Batch normalisation, which is fixed in evaluation, is folded into the convolution before it:
    half as many feature maps are computed and kept. Pooling comes before the ReLU that it followed,
    with the same values and gradients from a quarter as many.

    Parameters
    ----------
    model, predictor
        The autoencoder, of which the encoder is used, and the predictor of its latents; left as
        they are.
    device
        torch device.

    Attributes
    ----------
    first
        The first convolution, an affine function of the pixels.
    """

    def __init__(self, model: Autoencoder, predictor: TrainedPredictor, device: str) -> None:
        super().__init__()
        first, _, *others = chain.from_iterable(_folded(stage) for stage in model.encoder)
        self.first = cast("nn.Conv2d", first)
        # A ReLU in place would overwrite the maps of which gradients are asked for.
        self.encoder = nn.Sequential(nn.ReLU(), *others)
        self.to_latent = copy.deepcopy(model.to_latent)
        self.predictor = copy.deepcopy(predictor.model)
        self.register_buffer("latent_mean", predictor.latent_mean.clone())
        self.register_buffer("latent_sd", predictor.latent_sd.clone())
        place(self.eval().requires_grad_(False), device)

    def share_encoder(self, other: "ScoreNetwork") -> None:
        """Use the encoder of another network, which has the same weights, for both: once in memory."""
        self.first, self.encoder, self.to_latent = other.first, other.encoder, other.to_latent

    def forward(self, images: Tensor) -> Tensor:
        """Return predicted scores (N,) of images (N, 3, H, W) in [0, 1]."""
        return self.score_maps(self.first(images))

    def score_maps(self, maps: Tensor) -> Tensor:
        """Return predicted scores (N,) of what `first` makes of images, (N, channels, H, W)."""
        latents = self.to_latent(self.encoder(maps))
        scores: Tensor = self.predictor((latents - self.latent_mean) / self.latent_sd)
        return scores


def _folded(stage: nn.Module) -> list[nn.Module]:
    """Return eval copies of a stage's layers, batch normalisation in its convolution, pooling first."""
    layers: list[nn.Module] = []
    for layer in copy.deepcopy(stage).eval().children():
        if isinstance(layer, nn.BatchNorm2d) and isinstance(layers[-1], nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        elif isinstance(layer, nn.MaxPool2d):
            layers.insert(-1, layer)
        else:
            layers.append(layer)
    return layers


def randomised(
    model: Autoencoder,
    predictor: TrainedPredictor,
    part: str,
    calibration: np.ndarray,
    *,
    seed: int,
    draw: int,
    device: str,
) -> ScoreNetwork:
    """Return the network with the weights of a part drawn anew, as before any training.

    Parameters
    ----------
    model, predictor
        As they were trained; left as they are.
    part
        What is drawn anew, of `Randomised`: the predictor alone, or the encoder as well.
    calibration
        uint8 (N, 3, H, W): images over which batch normalisation of a random encoder is averaged, so
        that its activations neither vanish nor explode.
    seed, draw
        Of the weights, in streams of their own; each draw, from 0, has others.
    device
        torch device.
    """
    layers: dict[str, Any] = dict(predictor.model.architecture)
    number = f" {draw}" if draw else ""
    drawn = Predictor(**layers, seed=stream_seed(seed, f"randomised predictor{number}"))
    if part == "encoder_and_predictor":
        encoder_seed = stream_seed(seed, f"randomised encoder{number}")
        model = initial_autoencoder(encoder_seed, model.architecture)
        recompute_batch_norm(model.encoder, calibration, device="cpu")
    random = TrainedPredictor(drawn, predictor.latent_mean, predictor.latent_sd, history=[])
    return ScoreNetwork(model, random, device)
