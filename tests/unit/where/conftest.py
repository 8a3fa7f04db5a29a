"""Small networks of every kind that reads crops, each as a predictor wraps it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from memorability.base.seeding import stream_seed
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.pixel_predictors.descriptors.hybrid_cnn import HybridValues
from memorability.pixel_predictors.frozen_encoder import EncoderAndLine
from memorability.pixel_predictors.memnet import MemNet, TenCropScores
from memorability.pixel_predictors.resmem import OfSquares
from memorability.pixel_predictors.training.fitting import InUnits
from memorability.pixel_predictors.training.m3m import M3MScores
from memorability.pixel_predictors.training.memnet import MemNetScores
from memorability.pixel_predictors.training.narrowing import narrowed
from memorability.pixel_predictors.training.resmem import ResMemScores
from memorability.pixel_predictors.training.resnet import ResNetScores
from memorability.pixel_predictors.views import squashed

FACTS = Facts(**dict.fromkeys(Facts.__dataclass_fields__, "x"))


@dataclass(frozen=True)
class Kind:
    """What is known of a network from its publication, not from the code that is tested.

    Attributes
    ----------
    build
        Makes the network.
    layer
        A convolution of it.
    first, side
        Offset, from the top and from the left, and side of what is read of 256 × 256 pixels.
    crops
        How many pictures of an image are read.
    """

    build: Callable[[], nn.Module]
    layer: str
    first: int
    side: int
    crops: int = 1


def in_units(network: nn.Module) -> InUnits:
    whole = InUnits(network)
    whole.low.fill_(-2)
    whole.span.fill_(3)
    return whole


def memnet() -> InUnits:
    """MemNet whose linear layers alone are narrow."""
    network = MemNetScores(divisor=16)
    inner = MemNet()
    inner.fc6, inner.fc7, inner.fc8 = (nn.Linear(*n) for n in ((9216, 8), (8, 8), (8, 1)))
    network.ten_crops = TenCropScores(inner, 255 * torch.rand(3, 256, 256), "raw")
    return in_units(network)


def hybrid() -> EncoderAndLine:
    values = HybridValues("fc6")
    values.network = narrowed(MemNet, 16)
    del values.network.fc7, values.network.fc8
    values.mean_image = 255 * torch.rand(3, 256, 256)
    return EncoderAndLine(values, 256)


def difference() -> OfSquares:
    return OfSquares(*(ResMemScores("drift", divisor=8).branches for _ in range(2)))


KINDS: Mapping[str, Kind] = {
    "resmem": Kind(
        lambda: in_units(ResMemScores("drift", divisor=8)), "network.branches.conv5", 14, 227
    ),
    "m3m": Kind(lambda: in_units(M3MScores(divisor=8)), "network.branches.class_maps.conv2", 14, 227),
    "resnet": Kind(
        lambda: in_units(ResNetScores(both_sides=True, divisor=8)), "network.resnet.conv1", 16, 224
    ),
    "memnet": Kind(memnet, "network.ten_crops.network.conv5", 0, 256, 10),
    "hybrid": Kind(hybrid, "encoder.network.conv5", 15, 227),
    "plus": Kind(difference, "plus.features.layer4.2.conv3", 14, 227),
    "minus": Kind(difference, "minus.features.layer4.2.conv3", 14, 227),
}  # fmt: skip


@dataclass(frozen=True)
class Built:
    """A kind and its predictor, which reads 256 × 256 pixels."""

    name: str
    kind: Kind
    predictor: PixelPredictor


@pytest.fixture(scope="session", params=KINDS)
def built(request: pytest.FixtureRequest) -> Built:
    kind = KINDS[request.param]
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(0, request.param))
        network = kind.build().eval().requires_grad_(False)
    return Built(
        request.param, kind, PixelPredictor(facts=FACTS, prepare=squashed, network=network)
    )
