"""What a network reads of an image: which crops of it, and how it is run on pictures without them.

The one place of this package that knows how predictors' networks are wrapped.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from memorability.pixel_predictors.descriptors.hybrid_cnn import HybridValues
from memorability.pixel_predictors.frozen_encoder import EncoderAndLine
from memorability.pixel_predictors.memnet import TenCropScores
from memorability.pixel_predictors.resmem import OfSquares
from memorability.pixel_predictors.training.fitting import InUnits
from memorability.pixel_predictors.training.learning import ScoringNetwork
from memorability.pixel_predictors.training.memnet import MemNetScores
from memorability.pixel_predictors.training.resnet import ResNetScores
from memorability.pixel_predictors.views import centre_crop, memnet_centre, ten_crops
from memorability.where.changes import Pixels

Reads = Callable[[Tensor], Any]
"""Runs a network on pictures (N, 3, S, S), 0 to 1, of any side."""


def pictures_read(network: nn.Module, view: npt.NDArray[np.uint8]) -> list[Pixels]:
    """Return the pictures (h, w, 3) that a network reads of an image: its crops, or the whole view.

    Parameters
    ----------
    network
        Of a predictor.
    view
        What the predictor prepares of an image, (C, H, W), of which the first three channels count.
        Of a network that also reads the mirror image, the picture is that of the image itself.
    """
    pixels = torch.from_numpy(view[:3].copy())[None]
    return [np.asarray(one.permute(1, 2, 0)) for one in _crops(network, pixels)[0]]


def window_read(network: nn.Module, height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and the columns of a view (C, height, width) that hold all pictures read.

    Parameters
    ----------
    network
        Of a predictor.
    height, width
        Of what the predictor prepares of an image, in pixels.
    """
    crops = _crops(network, torch.arange(height * width).view(1, 1, height, width))
    return _span(crops // width), _span(crops % width)


def reader_of(network: nn.Module, layer: str) -> Reads:
    """Return what runs a predictor's network up to a layer, on pictures of any side, without crops.

    Parameters
    ----------
    network
        Of a predictor. Of a mean image, its mean colour is subtracted.
    layer
        As PyTorch names it: of two networks whose scores are subtracted, its own one is run. Of
        Hybrid-CNN, a layer before fc6.
    """
    inner = _unwrapped(network)
    if isinstance(inner, OfSquares):
        return inner.get_submodule(layer.partition(".")[0])
    if isinstance(inner, ScoringNetwork):
        # ResMem refuses what is beyond 0 and 1, where steps towards a better picture may end.
        return lambda pictures: inner.of_crops(inner.inputs(255 * pictures.clamp(0, 1)))
    if isinstance(inner, TenCropScores | HybridValues):
        mean = inner.mean_image.mean(dim=(1, 2), keepdim=True)
        run = inner.network.pool5_values if isinstance(inner, HybridValues) else inner.network
        return lambda pictures: run(255 * pictures.flip(1) - mean)
    return lambda pictures: network(255 * pictures)


def memnet_of(network: nn.Module) -> TenCropScores | None:
    """Return MemNet with its mean image, where a predictor's network is MemNet; otherwise None."""
    inner = _unwrapped(network)
    return inner if isinstance(inner, TenCropScores) else None


def in_units(network: nn.Module, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return scores (…) by what a predictor's network wraps in the units of the predictor."""
    if isinstance(network, InUnits):
        return float(network.low) + float(network.span) * scores
    return scores


@contextmanager
def without_mirror_images(network: nn.Module) -> Iterator[None]:
    """Within a `with` block, let a predictor's network read images alone, so each layer once."""
    inner = _unwrapped(network)
    if not isinstance(inner, ResNetScores):
        yield
        return
    both_sides, inner.both_sides = inner.both_sides, False
    try:
        yield
    finally:
        inner.both_sides = both_sides


def _unwrapped(network: nn.Module) -> nn.Module:
    """Return what takes the crops."""
    if isinstance(network, InUnits):
        network = network.network
    elif isinstance(network, EncoderAndLine):
        network = network.encoder
    return network.ten_crops if isinstance(network, MemNetScores) else network


def _crops(network: nn.Module, pixels: Tensor) -> Tensor:
    """Return the pictures (N, pictures, C, h, w) that a network reads of views (N, C, H, W)."""
    inner = _unwrapped(network)
    if isinstance(inner, TenCropScores):
        return ten_crops(pixels)
    if isinstance(inner, ScoringNetwork):
        pixels = inner.centre(pixels)
    elif isinstance(inner, OfSquares):
        pixels = centre_crop(pixels)
    elif isinstance(inner, HybridValues):
        pixels = memnet_centre(pixels)
    return pixels[:, None]


def _span(places: Tensor) -> slice:
    return slice(int(places.min()), int(places.max()) + 1)
