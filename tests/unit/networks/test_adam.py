"""Adam over weights in any memory layout."""

import copy

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from memorability.networks.adam import Adam, memory_order

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def network(layout: torch.memory_format) -> nn.Module:
    torch.manual_seed(0)
    # Before a normalisation the gradient of a bias is rounding alone, which Adam makes into steps.
    first = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
    layers = nn.Sequential(*first, nn.ConvTranspose2d(8, 4, 2), nn.Conv2d(4, 3, 1))
    return layers.to(memory_format=layout)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.rand(1, 3, 9, 9, generator=generator)).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("fused", [True, False])
def test_steps_are_those_of_pytorch(layout: torch.memory_format, fused: bool) -> None:
    ours, theirs = network(layout), network(layout)
    train(ours, Adam(ours, 0.01))
    train(theirs, torch.optim.Adam(theirs.parameters(), lr=0.01, fused=fused))
    tolerance = {"rtol": 0.0, "atol": 0.0} if fused else {"rtol": 1e-5, "atol": 1e-7}
    for own, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(own, expected, **tolerance)


def test_the_kernel_copies_nothing() -> None:
    model = network(torch.channels_last)
    optimizer = Adam(model, 0.01)
    train(model, optimizer, steps=1)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        optimizer.step()
    assert "aten::_fused_adam_" in {event.key for event in profiled.key_averages()}
    assert "aten::clone" not in {event.key for event in profiled.key_averages()}


def test_gradients_do_not_add_up_and_a_weight_without_one_stays() -> None:
    model = network(torch.channels_last)
    model[3].requires_grad_(False)
    before = copy.deepcopy(model[3].state_dict())
    optimizer = Adam(model, 0.01)
    train(model, optimizer)
    optimizer.zero_grad()
    assert all(weight.grad is None for weight in model.parameters())
    torch.testing.assert_close(model[3].state_dict(), before, rtol=0, atol=0)


def test_memory_order_goes_from_large_strides_to_small() -> None:
    maps = torch.empty(2, 3, 4, 5)
    assert memory_order(maps) == (0, 1, 2, 3)
    assert memory_order(maps.to(memory_format=torch.channels_last)) == (0, 2, 3, 1)
    assert memory_order(torch.empty(7)) == (0,)
    kernel = torch.empty(4, 3, 1, 1).to(memory_format=torch.channels_last)
    assert kernel.permute(memory_order(kernel)).is_contiguous()
