"""Narrower networks: fewer channels in every layer, colours and score as before."""

import pytest
import torch
from torch import nn

from memorability.pixel_predictors.memnet import MemNet
from memorability.pixel_predictors.training.narrowing import narrowed


def test_a_network_keeps_its_layers_and_loses_channels() -> None:
    torch.manual_seed(0)
    network = narrowed(MemNet, 8)
    assert network.conv1.weight.shape == (12, 3, 11, 11)
    assert network.conv2.weight.shape == (32, 6, 5, 5)
    assert network.conv2.groups == 2
    assert network.fc6.weight.shape == (512, 1152)
    assert network.fc8.weight.shape == (1, 512)
    assert network(torch.zeros(2, 3, 227, 227)).shape == (2,)


@pytest.mark.parametrize("divisor", [1, 2])
def test_weights_are_drawn_from_the_global_stream(divisor: int) -> None:
    def build() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Linear(4, 1))

    drawn = []
    for _ in range(2):
        torch.manual_seed(1)
        drawn.append(narrowed(build, divisor).state_dict())
    assert all(torch.equal(one, two) for one, two in zip(*map(dict.values, drawn), strict=True))
    assert drawn[0]["0.weight"].shape == (4 // divisor, 3, 3, 3)
    assert "0.bias" not in drawn[0]
