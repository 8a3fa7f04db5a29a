"""MemNet, trained anew: the network of LaMem on images of one's own.

Source: Khosla, Raju, Torralba & Oliva 2015, "Understanding and Predicting Image Memorability at a
Large Scale": Euclidean loss, from weights of Hybrid-CNN. Nothing public says how it was optimised: the
recipe is ours, of the kind that Caffe's networks have. With a learning rate of 1e-4, a random start
does not settle.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from memorability.base.arrays import blocks
from memorability.networks.weights import Receipt
from memorability.pixel_predictors.memnet import MemNet, Reading, TenCropScores, draw_weights
from memorability.pixel_predictors.memnet_files import PREPROCESSING, load_start
from memorability.pixel_predictors.training.fitting import (
    BLOCK,
    Kind,
    fit_of,
    open_of,
)
from memorability.pixel_predictors.training.learning import Pixels, Recipe, ScoringNetwork
from memorability.pixel_predictors.training.narrowing import narrowed
from memorability.pixel_predictors.views import CROP, SQUARE, memnet_centre, squashed

NARROWER = 8


class MemNetScores(ScoringNetwork):
    """Scores by MemNet: the mean of ten crops; it learns from crops at random places.

    Parameters
    ----------
    reading
        See `memorability.pixel_predictors.memnet.Reading`.
    divisor
        The network has so many times fewer channels and values in every layer.
    """

    crop = CROP

    def __init__(self, reading: Reading = "caffe", *, divisor: int = 1) -> None:
        super().__init__()
        network = narrowed(lambda: MemNet(reading), divisor)
        if divisor == 1:
            # The spread of the Caffe description is made for its widths: narrow layers fall silent.
            draw_weights(network)
        self.ten_crops = TenCropScores(network, torch.zeros(3, SQUARE, SQUARE), "raw")

    def inputs(self, pixels: Tensor) -> Tensor:
        """Return images (N, 3, 256, 256), BGR 0–255 less the mean image."""
        return self.ten_crops.inputs(pixels)

    def centre(self, images: Tensor) -> Tensor:
        """Return the centres (N, 3, 227, 227), at offset 15."""
        return memnet_centre(images)

    def of_crops(self, crops: Tensor) -> Tensor:
        """Return the scores (N,) of crops (N, 3, 227, 227)."""
        scores: Tensor = self.ten_crops.network(crops)
        return scores

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores (N,) of pixels uint8 (N, 3, 256, 256), means of ten crops."""
        scores: Tensor = self.ten_crops(pixels)
        return scores


def mean_image(pixels: Pixels, rows: npt.NDArray[np.intp]) -> Tensor:
    """Return the mean (3, H, W) float32 of some images, BGR, of pixels uint8 (N, 3, H, W), RGB."""
    total = np.zeros(pixels.shape[1:], dtype=np.int64)
    for block in blocks(len(rows), BLOCK):
        total += pixels[rows[block]].sum(axis=0, dtype=np.int64)
    return torch.from_numpy((total[::-1] / len(rows)).astype(np.float32))


def _subtract_mean_image(
    network: ScoringNetwork, pixels: Pixels, train: npt.NDArray[np.intp]
) -> None:
    cast("MemNetScores", network).ten_crops.mean_image = mean_image(pixels, train)


def load_memnet(network: ScoringNetwork, path: Path) -> Receipt:
    """Load the layers of a file that fit MemNet's: see `memnet_files.load_start`."""
    return load_start(cast("MemNetScores", network).ten_crops.network, path)


_RECIPE = Recipe(
    optimizer="sgd", learning_rate=2e-5, batch_size=32, epochs=50, patience=5, random_crop=True,
    mirror=True, weight_decay=5e-4,
)  # fmt: skip


def _kind(reading: Reading, *, divisor: int = 1, recipe: Recipe = _RECIPE) -> Kind:
    return Kind(
        build=partial(MemNetScores, reading, divisor=divisor),
        load=load_memnet,
        recipe=recipe,
        prepare=squashed,
        preprocessing=(
            PREPROCESSING.format(scale="raw").replace("mean image", "mean of the training images")
        ),
        adapt=_subtract_mean_image,
    )


KINDS: Mapping[str, Kind] = {
    "memnet_trained": _kind("caffe"),
    "memnet_needell2020": _kind("needell2020"),
    "memnet_narrow": _kind(
        "caffe",
        divisor=NARROWER,
        recipe=Recipe(
            optimizer="adam", learning_rate=3e-4, batch_size=16, epochs=6, patience=3,
            random_crop=True, mirror=True,
        ),
    ),
}  # fmt: skip

fit_memnet = fit_of(KINDS)
open_memnet = open_of(KINDS)
