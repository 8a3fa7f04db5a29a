"""M3M: ResMem's network with a third branch, which sees what the parts of an image are.

Source: Needell & Bainbridge 2022, "Embracing New Techniques in Deep Learning for Estimating Image
Memorability". The third branch is torchvision's FCN-ResNet50, whose weights stay, and a small network
of convolutions on its 21 classes. No code and no weights are public, and nothing says how the small
network is made: `ClassMaps` is ours.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet152
from torchvision.models.segmentation import fcn_resnet50

from memorability.networks.weights import Receipt, load_strictly, read_any
from memorability.pixel_predictors.resmem import CLASSES, PREPROCESSING, TwoBranches
from memorability.pixel_predictors.training.fitting import Kind, fit_of, open_of
from memorability.pixel_predictors.training.learning import ScoringNetwork
from memorability.pixel_predictors.training.narrowing import narrowed
from memorability.pixel_predictors.training.resmem import KINDS as RESMEMS
from memorability.pixel_predictors.training.resmem import ResMemScores, load_resmem_state
from memorability.pixel_predictors.views import squashed, standardised

THINGS = 21
"""Classes of FCN-ResNet50: 20 of Pascal VOC, and the background."""

PLACES = 6
"""Of the maps of the small network, in each direction."""

CHANNELS = 64
SEGMENTED = CHANNELS * PLACES**2


class ClassMaps(nn.Module):
    """The small network, which is ours: from shares of classes (N, 21, H, W) to (N, 2304)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(THINGS, CHANNELS // 2, 5, stride=4)
        self.conv2 = nn.Conv2d(CHANNELS // 2, CHANNELS, 3, padding=1)

    def forward(self, shares: Tensor) -> Tensor:
        """Return values (N, 2304) of the shares of classes (N, 21, H, W) at each place."""
        maps = F.max_pool2d(F.relu(self.conv1(shares)), 3, stride=2)
        return F.adaptive_avg_pool2d(F.relu(self.conv2(maps)), PLACES).flatten(1)


class ThreeBranches(TwoBranches):
    """ResMem's two branches, and the shares of the classes of each part of the image."""

    def __init__(self) -> None:
        super().__init__(resnet152(weights=None), CLASSES + SEGMENTED, dropouts=2)
        self.segmentation = fcn_resnet50(
            weights=None, weights_backbone=None, num_classes=THINGS, aux_loss=False
        )
        self.class_maps = ClassMaps()

    def values(self, images: Tensor, features: Tensor) -> list[Tensor]:
        """Return the values of the three branches."""
        classes: Tensor = self.segmentation(standardised(images))["out"]
        return [*super().values(images, features), self.class_maps(classes.softmax(dim=1))]


class M3MScores(ResMemScores):
    """Scores within (0, 1): ResMem's branches and what the parts of the image are.

    Parameters
    ----------
    divisor
        The network has so many times fewer channels and values in every layer.
    """

    def __init__(self, *, divisor: int = 1) -> None:
        super().__init__("drift", build=lambda: narrowed(ThreeBranches, divisor))
        self.branches.get_submodule("segmentation").requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Put the network into training mode; the normalisation of the segmentation stays."""
        super().train(mode)
        self.branches.get_submodule("segmentation").eval()
        return self


def load_m3m(network: ScoringNetwork, path: Path) -> Receipt:
    """Load FCN-ResNet50, ResMem, or ResNet-152 as its branch: see `fitting.Load`.

    From ResMem's weights a training starts with ResMem's scores: what the third branch says counts for
    nothing yet, and is learned.
    """
    state, digest = read_any(path)
    branches = network.get_submodule("branches")
    if any(key.startswith("backbone.") for key in state):
        known = {key: one for key, one in state.items() if not key.startswith("aux_classifier.")}
        segmentation = branches.get_submodule("segmentation")
        matched = load_strictly(segmentation, known, "network FCN-ResNet50", path)
        return Receipt(
            model="network FCN-ResNet50", source=str(path), sha256=digest, matched=matched, missing=0,
            unexpected=len(state) - matched, remark="segmentation",
        )  # fmt: skip
    first = state.get("fc6.weight")
    if first is not None and first.ndim == 2:
        own: Tensor = branches.state_dict()["fc6.weight"]
        further = own.shape[1] - first.shape[1]
        if further > 0:
            state["fc6.weight"] = torch.cat([first, first.new_zeros(len(first), further)], dim=1)
    added = {
        key: value
        for key, value in branches.state_dict().items()
        if key.startswith(("segmentation.", "class_maps."))
    }
    return load_resmem_state(branches, state, digest, path, added=added)


KINDS: Mapping[str, Kind] = {
    "m3m": Kind(
        build=M3MScores,
        load=load_m3m,
        recipe=RESMEMS["resmem_trained"].recipe,
        prepare=squashed,
        preprocessing=f"{PREPROCESSING} but for the segmentation, which gets it standardised",
    ),
}

fit_m3m = fit_of(KINDS)
open_m3m = open_of(KINDS)
