"""Pixels as a network takes them."""

import numpy as np
import torch
from torch import Tensor


def to_unit_range(pixels: np.ndarray, device: str) -> Tensor:
    """Return uint8 pixels (N, 3, H, W) as float32 in [0, 1] on `device`."""
    # A copy: the store is mapped read-only and torch shares memory with what it is given.
    return torch.from_numpy(pixels.copy()).to(device).to(torch.float32) / 255
