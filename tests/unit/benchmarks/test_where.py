"""Both ways of making MemNet's map that the benchmark compares see the same places."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from benchmarks.bench_where import by_windows
from memorability.pixel_predictors.memnet import MemNet, TenCropScores
from memorability.where.maps import fully_convolutional


def test_windows_are_what_the_map_sees() -> None:
    torch.manual_seed(0)
    network = MemNet("needell2020")
    network.fc6, network.fc7, network.fc8 = (nn.Linear(*n) for n in ((9216, 8), (8, 8), (8, 1)))
    scores = TenCropScores(
        network.eval().requires_grad_(False), torch.rand(3, 256, 256) * 255, "raw"
    )
    image = np.random.default_rng(0).integers(0, 256, (227, 227, 3), dtype=np.uint8)
    (whole,) = by_windows(image, scores, (227,))
    assert fully_convolutional(image, scores, "cpu", sides=(227,)) == pytest.approx(whole, rel=1e-4)
    first, *others = by_windows(image, scores, (227, 451))
    assert first == whole
    assert len(others) == 64
    large = np.asarray(Image.fromarray(image).resize((451, 451), Image.Resampling.BILINEAR))
    mean = F.interpolate(scores.mean_image[None], (451, 451), mode="bilinear", align_corners=False)
    place = torch.from_numpy(large[64:291, 96:323].copy()).permute(2, 0, 1)[None].flip(1).float()
    expected = network(place - mean[..., 64:291, 96:323])
    assert others[2 * 8 + 3] == pytest.approx(float(expected), rel=1e-4)
