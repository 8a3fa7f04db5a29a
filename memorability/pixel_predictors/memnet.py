"""MemNet, the network of LaMem: its layers, its ten crops, its scale.

Source: Khosla, Raju, Torralba & Oliva 2015, "Understanding and Predicting Image Memorability at a Large
Scale"; layers and constants from the Caffe description of Hybrid-CNN and from public ports
(docs/predictors.md).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memorability.pixel_predictors.names import MemNetScale
from memorability.pixel_predictors.views import ten_crops

Reading = Literal["caffe", "needell2020"]
"""Two readings of the architecture: the Caffe network itself, and the reimplementation of Needell 2020,
which has half the filters in its first layer and two groups in its third."""

FC6_SIDE = 6
"""Cells of the map that fc6 reads at once, in each direction."""

# Standard deviation of random weights, and the value of all biases, in the Caffe description.
_FILLERS = {
    "conv1": (0.01, 0.0), "conv2": (0.01, 1.0), "conv3": (0.01, 0.0), "conv4": (0.01, 1.0),
    "conv5": (0.01, 1.0), "fc6": (0.005, 1.0), "fc7": (0.005, 1.0), "fc8": (0.01, 0.0),
}  # fmt: skip


class MemNet(nn.Module):
    """From images to scores: convolution, ReLU, pooling, then normalisation across channels.

    Parameters
    ----------
    reading
        See `Reading`. `caffe` has 56,872,321 parameters.
    """

    def __init__(self, reading: Reading = "caffe") -> None:
        super().__init__()
        caffe = reading == "caffe"
        first = 96 if caffe else 48
        self.reading = reading
        self.conv1 = nn.Conv2d(3, first, 11, stride=4)
        self.conv2 = nn.Conv2d(first, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1, groups=1 if caffe else 2)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.fc6 = nn.Linear(256 * FC6_SIDE**2, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, 1)

    def conv5_maps(self, images: Tensor) -> Tensor:
        """Return the activations (N, 256, h, w) of conv5, of images (N, 3, H, W).

        A cell sees 163 × 163 pixels; cells are 16 pixels apart. 227 pixels give 13 cells.
        """
        maps = images
        for convolution in (self.conv1, self.conv2):
            maps = self._pooled(F.relu(convolution(maps)))
            # Caffe and torch both divide alpha by the number of channels.
            maps = F.local_response_norm(maps, 5, alpha=1e-4, beta=0.75, k=1.0)
        for convolution in (self.conv3, self.conv4, self.conv5):
            maps = F.relu(convolution(maps))
        return maps

    def pool5_values(self, images: Tensor) -> Tensor:
        """Return the values (N, 9216) that fc6 reads, of images (N, 3, 227, 227)."""
        return self._pooled(self.conv5_maps(images)).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (N,) of images (N, 3, 227, 227): BGR, 0–255, less the mean image."""
        values = F.dropout(F.relu(self.fc6(self.pool5_values(images))), training=self.training)
        values = F.relu(self.fc7(values))
        if self.reading == "caffe":
            values = F.dropout(values, training=self.training)
        scores: Tensor = self.fc8(values)
        return scores.squeeze(1)

    def score_map(self, images: Tensor) -> Tensor:
        """Return the scores (N, h, w) of all places of images (N, 3, H, W) of at least 227 pixels.

        The network in its fully convolutional form, without dropout: fc6 is a convolution of 6 × 6
        cells, fc7 and fc8 are of one cell. Places are 32 pixels apart; 451 pixels give 8.
        """
        maps = self._pooled(self.conv5_maps(images))
        kernel = self.fc6.weight.view(-1, maps.shape[1], FC6_SIDE, FC6_SIDE)
        maps = F.relu(F.conv2d(maps, kernel, self.fc6.bias))
        maps = F.relu(F.conv2d(maps, self.fc7.weight[..., None, None], self.fc7.bias))
        return F.conv2d(maps, self.fc8.weight[..., None, None], self.fc8.bias).squeeze(1)

    def _pooled(self, maps: Tensor) -> Tensor:
        # Caffe keeps a window that reaches beyond the edge.
        return F.max_pool2d(maps, 3, stride=2, ceil_mode=self.reading == "caffe")


@torch.no_grad()
def draw_weights(network: nn.Module, stream: torch.Generator | None = None) -> None:
    """Draw MemNet's weights as the Caffe description says, from a stream or from PyTorch's own.

    Layers with fewer channels than MemNet's get weights of the same spread.
    """
    for name, (deviation, bias) in _FILLERS.items():
        network.get_parameter(f"{name}.weight").normal_(0, deviation, generator=stream)
        network.get_parameter(f"{name}.bias").fill_(bias)


def rescaled(outputs: Tensor, scale: MemNetScale) -> Tensor:
    """Return MemNet's scores of its outputs.

    Parameters
    ----------
    outputs
        Of fc8, averaged over the ten crops.
    scale
        `raw`: as they are, in units of LaMem's scores. `website`: (x − 0.7626) × 2 + 0.65, within
        [0, 1], as the demonstration of its authors shows them. Ranks are the same but for the ends.
    """
    return outputs if scale == "raw" else ((outputs - 0.7626) * 2 + 0.65).clamp(0, 1)


class TenCropScores(nn.Module):
    """Scores of squashed images: (N, 3, 256, 256) uint8 RGB to (N,).

    Parameters
    ----------
    network
        MemNet.
    mean_image
        (3, 256, 256) float32, blue, green, red, 0–255.
    scale
        See `rescaled`.
    """

    mean_image: Tensor

    def __init__(self, network: nn.Module, mean_image: Tensor, scale: MemNetScale) -> None:
        super().__init__()
        self.network = network
        self.scale = scale
        self.register_buffer("mean_image", mean_image)

    def inputs(self, pixels: Tensor) -> Tensor:
        """Return images (N, 3, 256, 256), BGR 0–255 less the mean image, of pixels uint8, RGB."""
        return pixels.flip(1).to(torch.float32) - self.mean_image

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores (N,): the mean of the outputs of ten crops, rescaled."""
        views = ten_crops(self.inputs(pixels))
        outputs = self.network(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        return rescaled(outputs.mean(dim=1), self.scale)
