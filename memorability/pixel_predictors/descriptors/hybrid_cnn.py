"""Values of a layer of Hybrid-CNN, which is not trained further.

Source: Khosla et al. 2015, Table 1: support vector regression on fc6, fc7 and fc8 of Hybrid-CNN (Zhou
et al. 2014), a network of Caffe with MemNet's layers for 978 classes of ImageNet and 205 places. What
the images of the table went through is not published: here the mean image that comes with the network
is subtracted, and the centre is cropped.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memorability.base.errors import InputError
from memorability.networks.weights import load_strictly
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given, PixelPredictor
from memorability.pixel_predictors.descriptors.support_vectors import fit_support_vectors
from memorability.pixel_predictors.frozen_encoder import (
    Encoder,
    fit_on_encoder,
    open_on_encoder,
    origin_of,
)
from memorability.pixel_predictors.memnet import MemNet
from memorability.pixel_predictors.memnet_files import read_mean_image, read_memnet_state
from memorability.pixel_predictors.names import PixelPredictorSpec
from memorability.pixel_predictors.views import SQUARE, memnet_centre, squashed

CLASSES = 1183
LAYERS = ("fc6", "fc7", "fc8")
PREPROCESSING = (
    "squashed to 256 × 256 pixels (bilinear, antialiased), BGR 0–255 less the mean image of "
    "Hybrid-CNN, centre 227 × 227 at offset 15"
)


class HybridValues(nn.Module):
    """From pixels uint8 (N, 3, 256, 256) RGB to the values (N, D) of a layer.

    Parameters
    ----------
    layer
        Of `LAYERS`: fc6 and fc7 after their ReLU, 4,096 values; fc8 before softmax. Later layers are
        left out.

    Attributes
    ----------
    values
        D.
    """

    mean_image: Tensor

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layers = LAYERS[: LAYERS.index(layer) + 1]
        with torch.device("meta"):  # no time for initial weights that are replaced
            network = MemNet()
            network.fc8 = nn.Linear(network.fc7.out_features, CLASSES)
        self.values = len(network.get_parameter(f"{layer}.bias"))
        for later in LAYERS[len(self.layers) :]:
            delattr(network, later)
        self.network = network.to_empty(device="cpu")
        self.register_buffer("mean_image", torch.zeros(3, SQUARE, SQUARE))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the values (N, D)."""
        images = pixels.flip(1).to(torch.float32) - self.mean_image
        values = self.network.pool5_values(memnet_centre(images))
        for layer in self.layers:
            values = self.network.get_submodule(layer)(values)
            if layer != LAYERS[-1]:
                values = F.relu(values)
        return values


def fit_hybrid_cnn(
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
        Also if a file is not given, or is of another network.
    """
    if not given.weights or given.mean_image is None:
        raise InputError(
            f"{spec.name} starts from {spec.start} and its mean image, which you give with --start "
            "FILE and --mean-image FILE. docs/predictors.md says where they were to be had."
        )
    network = _network(spec)
    network.mean_image.copy_(read_mean_image(given.mean_image))
    (path,) = given.weights
    digest = _load(network, path)
    encoder = _encoder(network, **origin_of(digest))
    return fit_on_encoder(
        spec, encoder, pixels, scores, split, fit_line=fit_support_vectors, settings=settings
    )


def open_hybrid_cnn(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return what `fit_hybrid_cnn` fitted, from its file."""
    return open_on_encoder(spec, given, _encoder(_network(spec)))


def _network(spec: PixelPredictorSpec) -> HybridValues:
    assert spec.reads is not None, f"{spec.name} reads a layer"
    return HybridValues(spec.reads.layer)


def _load(network: HybridValues, path: Path) -> str:
    """Load what the file has of the layers that are needed, strictly; return its SHA-256."""
    state, digest = read_memnet_state(path)
    # Copies call the last layer fc8, or fc8 and a word.
    last = {
        key.removesuffix(".weight"): tuple(state[key].shape)
        for key in state
        if key.startswith("fc8") and key.endswith(".weight")
    }
    own = [layer for layer, shape in last.items() if shape[:1] == (CLASSES,)]
    if len(own) != 1:
        said = ", ".join(f"{layer} has the shape {shape}" for layer, shape in last.items())
        raise InputError(
            f"{path} is not Hybrid-CNN, which has one last layer fc8 with {CLASSES:,} outputs: "
            f"{said or 'it has none'}. (CaffeNet and AlexNet have 1,000 outputs, Places-CNN 205, "
            "MemNet 1.) Name its .caffemodel."
        )
    for part in ("weight", "bias"):
        if f"{own[0]}.{part}" in state:
            state[f"fc8.{part}"] = state[f"{own[0]}.{part}"]
    needed = {key: state[key] for key in network.network.state_dict() if key in state}
    what = f"layers of Hybrid-CNN up to {network.layers[-1]}"
    load_strictly(network.network, needed, what, path)
    return digest


def _encoder(network: HybridValues, **origin: str) -> Encoder:
    return Encoder(
        network=network.eval().requires_grad_(False),
        values=network.values,
        prepare=squashed,
        preprocessing=PREPROCESSING,
        **origin,
    )
