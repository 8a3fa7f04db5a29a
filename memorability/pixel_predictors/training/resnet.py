"""ResNet-50 that learns scores, as in the Columbia project and as it is recommended.

Source: the notebook of the Columbia project, 2026
(github.com/beccangruenberg/CU-STATUN3106-image-memorability): ResNet-50, a hidden layer of 512 values,
dropout 0.3, sigmoid, mean squared error, Adam with a learning rate of 1e-4, batches of 32, three
epochs. Its ResNet is that of timm, whose layers have the names of torchvision's.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import ResNet, resnet50

from memorability.images.sizes import SIDE
from memorability.networks.weights import (
    Receipt,
    load_strictly,
    read_any,
)
from memorability.pixel_predictors.training.fitting import Kind, fit_of, open_of
from memorability.pixel_predictors.training.learning import Recipe, ScoringNetwork
from memorability.pixel_predictors.training.narrowing import narrowed
from memorability.pixel_predictors.views import SQUARE, squashed, squashed_to_224, standardised

HIDDEN = 512
DROPOUT = 0.3
NARROWER = 8
STANDARDISED = "RGB 0–1, standardised by the mean and standard deviation of ImageNet"
SQUASHED = f"squashed to {SIDE} × {SIDE} pixels (bilinear, antialiased), {STANDARDISED}"
MODEL = "network ResNet-50"


def _resnet_with_head() -> ResNet:
    network = resnet50(weights=None)
    network.fc = nn.Sequential(
        nn.Linear(network.fc.in_features, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, 1),
    )
    return network


class ResNetScores(ScoringNetwork):
    """Scores within (0, 1): ResNet-50, a hidden layer, dropout, sigmoid.

    Parameters
    ----------
    both_sides
        Whether a score is the mean of those of an image and of its mirror image.
    divisor
        The network has so many times fewer channels and values in every layer.
    """

    crop = SIDE

    def __init__(self, *, both_sides: bool = False, divisor: int = 1) -> None:
        super().__init__()
        self.both_sides = both_sides
        self.resnet = narrowed(_resnet_with_head, divisor)

    def inputs(self, pixels: Tensor) -> Tensor:
        """Return standardised images (N, 3, H, W)."""
        return standardised(pixels.to(torch.float32) / 255)

    def centre(self, images: Tensor) -> Tensor:
        """Return the centres (N, 3, 224, 224)."""
        margin = (images.shape[-1] - self.crop) // 2
        inside = slice(margin, margin + self.crop)
        return images[..., inside, inside]

    def of_crops(self, crops: Tensor) -> Tensor:
        """Return the scores (N,) of crops (N, 3, 224, 224)."""
        scores: Tensor = torch.sigmoid(self.resnet(crops))
        return scores.squeeze(1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores (N,) of pixels uint8 (N, 3, H, W)."""
        scores: Tensor = super().forward(pixels)
        if self.both_sides:
            scores = (scores + super().forward(pixels.flip(-1))) / 2
        return scores


def load_resnet(network: ScoringNetwork, path: Path) -> Receipt:
    """Load a ResNet-50 of torchvision or timm but for its classifier: see `fitting.Load`."""
    state, digest = read_any(path)
    body = network.get_submodule("resnet")
    own = {key: value for key, value in body.state_dict().items() if key.startswith("fc.")}
    published = {key: value for key, value in state.items() if not key.startswith("fc.")}
    load_strictly(body, published | own, MODEL, path)
    return Receipt(
        model=MODEL, source=str(path), sha256=digest, matched=len(published), missing=len(own),
        unexpected=len(state) - len(published), remark="random: fc",
    )  # fmt: skip


KINDS: Mapping[str, Kind] = {
    "resnet50": Kind(
        build=ResNetScores,
        load=load_resnet,
        recipe=Recipe(
            optimizer="adam", learning_rate=1e-4, batch_size=32, epochs=3, patience=None,
            random_crop=False, mirror=False,
        ),
        prepare=squashed_to_224,
        preprocessing=SQUASHED,
    ),
    "resnet50_recommended": Kind(
        build=partial(ResNetScores, both_sides=True),
        load=load_resnet,
        recipe=Recipe(
            optimizer="adam", learning_rate=1e-4, batch_size=32, epochs=30, patience=5,
            random_crop=True, mirror=True,
        ),
        prepare=squashed,
        preprocessing=(
            f"squashed to {SQUARE} × {SQUARE} pixels (bilinear, antialiased), centre {SIDE} × {SIDE}, "
            f"mean of the image and its mirror image, {STANDARDISED}"
        ),
    ),
    "resnet50_narrow": Kind(
        build=partial(ResNetScores, divisor=NARROWER),
        load=load_resnet,
        recipe=Recipe(
            optimizer="adam", learning_rate=1e-3, batch_size=16, epochs=8, patience=3,
            random_crop=False, mirror=True,
        ),
        prepare=squashed_to_224,
        preprocessing=SQUASHED,
    ),
}  # fmt: skip

fit_resnet = fit_of(KINDS)
open_resnet = open_of(KINDS)
