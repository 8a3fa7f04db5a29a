"""Values of a layer of torchvision's classifiers of ImageNet, which are not trained further."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models.feature_extraction import create_feature_extractor

from memorability.base.errors import InputError
from memorability.images.sizes import SIDE
from memorability.networks.torchvision_networks import by_torchvisions_names
from memorability.networks.weights import load_strictly, read_any
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given, PixelPredictor
from memorability.pixel_predictors.descriptors.support_vectors import fit_support_vectors
from memorability.pixel_predictors.frozen_encoder import (
    Encoder,
    FitLine,
    fit_on_encoder,
    fit_ridge,
    open_on_encoder,
    origin_of,
)
from memorability.pixel_predictors.names import EncoderLayer, PixelPredictorSpec, Regression
from memorability.pixel_predictors.views import squashed_to_224, standardised

PREPROCESSING = (
    "squashed to 224 × 224 pixels (bilinear, antialiased), RGB 0–1, standardised by ImageNet's mean "
    "and standard deviation"
)
FITS: Mapping[Regression, FitLine] = {"svr": fit_support_vectors, "ridge": fit_ridge}


class LayerValues(nn.Module):
    """From pixels uint8 (N, 3, 224, 224) to the values (N, D) of a layer.

    Parameters
    ----------
    network
        As torchvision calls it: "alexnet".
    layer
        As torchvision's feature extraction calls it: "classifier.2". Later layers are left out.

    Attributes
    ----------
    values
        D.
    """

    def __init__(self, network: str, layer: str) -> None:
        super().__init__()
        with torch.device("meta"):  # no time for initial weights that are replaced
            classifier = get_model(network, weights=None).eval()
            layers = create_feature_extractor(classifier, {layer: "values"})
            self.values = layers(torch.empty(1, 3, SIDE, SIDE))["values"].numel()
        self.layers = layers.to_empty(device="cpu")

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the values (N, D)."""
        values: Tensor = self.layers(standardised(pixels.to(torch.float32) / 255))["values"]
        return values.flatten(1)


def fit_layer(
    spec: PixelPredictorSpec,
    given: Given,
    pixels: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float64],
    split: npt.NDArray[Any],
    *,
    settings: FitSettings,
) -> Fitted:
    """Fit a regression to the values of the layer that the predictor reads: see `contract.Fit`.

    Raises
    ------
    InputError
        Also if the file is of another network, or lacks a layer that is needed.
    """
    layer = _layer(spec)
    if not given.weights:
        raise InputError(
            f"{spec.name} starts from {spec.start}, which you give with --start FILE. torchvision's "
            f"page of {layer.network} says where it is."
        )
    (path,) = given.weights
    network = LayerValues(layer.network, layer.layer)
    digest = _load(network, layer, path)
    encoder = _encoder(network, **origin_of(digest))
    return fit_on_encoder(
        spec, encoder, pixels, scores, split, fit_line=FITS[layer.regression], settings=settings
    )


def open_layer(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return what `fit_layer` fitted, from its file."""
    layer = _layer(spec)
    return open_on_encoder(spec, given, _encoder(LayerValues(layer.network, layer.layer)))


def _layer(spec: PixelPredictorSpec) -> EncoderLayer:
    assert spec.reads is not None, f"{spec.name} reads a layer"
    return spec.reads


def _load(network: LayerValues, layer: EncoderLayer, path: Path) -> str:
    """Load what the file has of the layers that are needed, strictly; return its SHA-256."""
    state, digest = read_any(path)
    state = by_torchvisions_names(state)
    own = network.layers.state_dict()
    # Counters of training, which older files lack and evaluation does not read.
    counters = {key: own[key].zero_() for key in own if key.endswith("num_batches_tracked")}
    needed = counters | {key: state[key] for key in own if key in state}
    load_strictly(network.layers, needed, f"layers of {layer.network} up to {layer.layer}", path)
    return digest


def _encoder(network: LayerValues, **origin: str) -> Encoder:
    return Encoder(
        network=network.eval().requires_grad_(False),
        values=network.values,
        prepare=squashed_to_224,
        preprocessing=PREPROCESSING,
        **origin,
    )
