"""ResMem's network, trained anew: its two branches, and three ways to treat batch normalisation.

Source: Needell & Bainbridge 2022, "Embracing New Techniques in Deep Learning for Estimating Image
Memorability", and the package resmem 1.1.6: stochastic gradient descent with a learning rate of 1e-5
and a momentum of 0.9, batches of 32, about 20 epochs, centre crops. The published weights of its ResNet
still classify, but its batch normalisation has followed images in [0, 1] (docs/predictors.md). The
training here stops by the squared error of the validation images, theirs by the rank correlation.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torchvision.models import resnet152

from memorability.networks.weights import Receipt, load_strictly, read_any
from memorability.pixel_predictors.resmem import CLASSES, PREPROCESSING, TwoBranches
from memorability.pixel_predictors.training.fitting import Kind, fit_of, open_of
from memorability.pixel_predictors.training.learning import Recipe, ScoringNetwork
from memorability.pixel_predictors.training.narrowing import narrowed
from memorability.pixel_predictors.views import CROP, centre_crop, squashed

Normalisation = Literal["drift", "frozen", "standardised"]
"""Of the ResNet, in training: its averages follow the images in [0, 1], as in the published network; or
they stay as they are; or they stay, and the ResNet gets its images standardised, as it was trained."""


class ResMemScores(ScoringNetwork):
    """Scores within (0, 1): the branch of convolutions and ResNet-152, and a perceptron of both.

    Parameters
    ----------
    normalisation
        See `Normalisation`.
    trains_resnet
        Whether the weights of the ResNet are trained, too.
    divisor
        The network has so many times fewer channels and values in every layer.
    build
        Makes another network with ResMem's two branches, in place of ResMem's own.
    """

    crop = CROP

    def __init__(
        self,
        normalisation: Normalisation,
        *,
        trains_resnet: bool = False,
        divisor: int = 1,
        build: Callable[[], TwoBranches] | None = None,
    ) -> None:
        super().__init__()
        self.normalisation = normalisation
        standardises = normalisation == "standardised"
        self.branches = (
            build()
            if build
            else narrowed(
                lambda: TwoBranches(
                    resnet152(weights=None), CLASSES, dropouts=2, standardises=standardises
                ),
                divisor,
            )
        )
        self.branches.features.requires_grad_(trains_resnet)

    def train(self, mode: bool = True) -> Self:
        """Put the network into training mode, its batch normalisation only where it drifts."""
        super().train(mode)
        if self.normalisation != "drift":
            for module in self.branches.features.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def inputs(self, pixels: Tensor) -> Tensor:
        """Return images (N, 3, 256, 256) in [0, 1]."""
        return pixels.to(torch.float32) / 255

    def centre(self, images: Tensor) -> Tensor:
        """Return the centres (N, 3, 227, 227), at offset 14."""
        return centre_crop(images)

    def of_crops(self, crops: Tensor) -> Tensor:
        """Return the scores (N,) of crops (N, 3, 227, 227)."""
        scores: Tensor = self.branches(crops)
        return scores


def load_resmem(network: ScoringNetwork, path: Path) -> Receipt:
    """Load ResMem, or ResNet-152 of torchvision as its one branch: see `fitting.Load`."""
    state, digest = read_any(path)
    return load_resmem_state(network.get_submodule("branches"), state, digest, path)


def load_resmem_state(
    branches: nn.Module,
    state: Mapping[str, Tensor],
    digest: str,
    path: Path,
    *,
    added: Mapping[str, Tensor] | None = None,
) -> Receipt:
    """Load the tensors of ResMem, or of ResNet-152 as its one branch.

    Parameters
    ----------
    branches
        The network.
    state, digest, path
        Of a file: its tensors, its SHA-256, and where it is.
    added
        Tensors of the network that ResMem does not have, and that stay as they are.
    """
    added = added or {}
    if any(key.startswith("features.") for key in state):
        matched = load_strictly(branches, {**state, **added}, "network of ResMem", path)
        matched, missing, remark = matched - len(added), len(added), ""
    else:
        resnet = branches.get_submodule("features")
        matched = load_strictly(resnet, state, "network ResNet-152", path)
        missing = len(branches.state_dict()) - matched
        remark = "random: all but ResNet-152"
    return Receipt(
        model="network of ResMem", source=str(path), sha256=digest, matched=matched,
        missing=missing, remark=remark,
    )  # fmt: skip


def _kind(
    normalisation: Normalisation, *, trains_resnet: bool = False, preprocessing: str = PREPROCESSING
) -> Kind:
    return Kind(
        build=partial(ResMemScores, normalisation, trains_resnet=trains_resnet),
        load=load_resmem,
        recipe=Recipe(
            optimizer="sgd", learning_rate=1e-5, batch_size=32, epochs=20, patience=5,
            random_crop=False, mirror=False,
        ),
        prepare=squashed,
        preprocessing=preprocessing,
    )  # fmt: skip


KINDS: Mapping[str, Kind] = {
    "resmem_trained": _kind("drift"),
    "resmem_frozen": _kind("frozen"),
    "resmem_standardised": _kind(
        "standardised",
        preprocessing=f"{PREPROCESSING} but for the ResNet, which gets it standardised",
    ),
    "resmem_retrained": _kind("drift", trains_resnet=True),
}

fit_resmem = fit_of(KINDS)
open_resmem = open_of(KINDS)
