"""The same network with fewer channels: for tests and for the sample study, where minutes count."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

COLOURS = 3
SCORES = 1

_Network = TypeVar("_Network", bound=nn.Module)


def narrowed(build: Callable[[], _Network], divisor: int) -> _Network:
    """Return a network whose layers have so many times fewer channels and values.

    Parameters
    ----------
    build
        Makes a network of convolutions, batch normalisations and linear layers, whose numbers of
        channels and values are multiples of the divisor, but for three colours and one score.
    divisor
        At least 1, which leaves the network as it is. Otherwise its weights are drawn by PyTorch's own
        rules.
    """
    if divisor == 1:
        return build()
    with torch.device("meta"):  # all layers are replaced
        network = build()

    def fewer(channels: int, *, kept: int) -> int:
        return channels if channels == kept else channels // divisor

    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.Conv2d):
                module.register_module(
                    name,
                    nn.Conv2d(
                        fewer(layer.in_channels, kept=COLOURS), layer.out_channels // divisor,
                        layer.kernel_size, layer.stride, layer.padding,  # type: ignore[arg-type]
                        dilation=layer.dilation,  # type: ignore[arg-type]
                        groups=layer.groups, bias=layer.bias is not None,
                    ),
                )  # fmt: skip
            elif isinstance(layer, nn.BatchNorm2d):
                module.register_module(name, nn.BatchNorm2d(layer.num_features // divisor))
            elif isinstance(layer, nn.Linear):
                outputs = fewer(layer.out_features, kept=SCORES)
                module.register_module(name, nn.Linear(layer.in_features // divisor, outputs))
    return network
