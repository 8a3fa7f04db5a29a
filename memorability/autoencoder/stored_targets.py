"""What network losses compare reconstructions with, computed once for all epochs and runs of a study.

What a network makes of an image itself does not change while an autoencoder learns: a third of the
work of such a loss. Kept on disk it is large, so that a study names the losses for which it pays.
"""

import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from memorability.autoencoder.architecture import Autoencoder
from memorability.base.arrays import NpyWriter
from memorability.base.errors import InputError
from memorability.images.pixels import to_unit_range
from memorability.images.sizes import SIDE
from memorability.networks.computing import Compute
from memorability.networks.losses import LossChoice, NetworkLoss

_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetSettings:
    """What decides the stored targets of a loss: the loss, and how they are computed."""

    loss: LossChoice
    compute: Compute


class Targets:
    """The stored targets of every image, read one by one.

    Parameters
    ----------
    path
        File of `write_targets`: row i holds, one after the other and in their order in memory, the
        tensors that the loss describes image i by.
    like
        What the loss makes of any one image: shapes and memory layout.
    """

    def __init__(self, path: str | Path, like: list[Tensor]) -> None:
        self._path = path
        self._like = like
        self._size = sum(one.numel() for one in like)
        self._begin = np.load(path, mmap_mode="r").offset

    def __call__(self, row: int) -> list[Tensor]:
        """Return what `NetworkLoss.describe` returned for the image of a row."""
        # Read rather than mapped: pages of a map count as memory of the job.
        begin = self._begin + 4 * self._size * int(row)
        read = np.fromfile(self._path, np.float32, count=self._size, offset=begin)
        values, parts, start = torch.from_numpy(read), [], 0
        for one in self._like:
            parts.append(values.as_strided(one.shape, one.stride(), start).to(one.device))
            start += one.numel()
        return parts


@torch.no_grad()
def write_targets(
    loss: NetworkLoss,
    pixels: np.ndarray,
    path: str | Path,
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> None:
    """Write the targets of all images as a .npy file, float32 (N, D), whole or not at all.

    Parameters
    ----------
    loss
        On `device`.
    pixels
        uint8 (N, 3, H, W).
    path
        File to write; at 224 × 224 an image takes 24 MB for LPIPS with VGG, 7 with SqueezeNet, 2 with
        AlexNet and 2.4 MB for the style loss.
    device
        torch device.
    on_image
        Called after each image.

    Raises
    ------
    InputError
        If the disk has no room.
    """
    size = len(_in_memory_order(loss.describe(to_unit_range(pixels[:1], device))))
    needed, free = 4 * size * len(pixels), shutil.disk_usage(Path(path).parent).free
    if free < needed:
        raise InputError(
            f"The disk of {path} has {free / 1e9:.1f} GB free, but the stored targets of "
            f"{len(pixels)} images take {needed / 1e9:.1f} GB. Free space, run with --directory on "
            "another disk, or take the loss out of compute.stored_targets: its runs then compute them."
        )
    with NpyWriter(path, (len(pixels), size), np.float32) as writer:
        for row in range(len(pixels)):
            described = loss.describe(to_unit_range(pixels[row : row + 1], device))
            writer.append(_in_memory_order(described)[np.newaxis])
            on_image()


@torch.no_grad()
def open_targets(
    path: str | Path, loss: NetworkLoss, pixels: np.ndarray, *, device: str
) -> Targets:
    """Open a file of `write_targets`.

    Parameters
    ----------
    path, loss, pixels, device
        As `write_targets` had them.

    Raises
    ------
    InputError
        If its first image is not what the loss makes of the first image, to the bit.
    """
    values = np.load(path, mmap_mode="r")
    like = loss.describe(to_unit_range(pixels[:1], device))
    if len(values) != len(pixels) or not np.array_equal(values[0], _in_memory_order(like)):
        raise InputError(
            f"The stored targets {path} are not those of this study's images, loss, processor and "
            "versions. Remove the file: the workflow makes it anew."
        )
    return Targets(path, like)


def _in_memory_order(described: list[Tensor]) -> np.ndarray:
    return torch.cat([one.as_strided((one.numel(),), (1,)).cpu() for one in described]).numpy()


def target_bytes(loss: nn.Module) -> int:
    """Return the bytes of the stored targets of one image, 0 for a loss without a network."""
    if not isinstance(loss, NetworkLoss):
        return 0
    return 4 * sum(one.numel() for one in shapes_of(loss).describe(shape_of_image()))


def shapes_of(network: _Network) -> _Network:
    """Return a copy without numbers, whose passes compute nothing."""
    copy = deepcopy(network).to("meta")
    for module in copy.modules():
        if isinstance(module, Autoencoder | NetworkLoss):
            module.precision = "fp32"  # of shapes there is no other
    return copy


def shape_of_image() -> Tensor:
    """Return one prepared image without numbers, on the meta device."""
    return torch.empty(1, 3, SIDE, SIDE, device="meta")
