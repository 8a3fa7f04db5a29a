"""The same network with fewer channels: for tests and for the sample study, where minutes count."""

from torch import nn

COLOURS = 3
SCORES = 1


def narrow(network: nn.Module, divisor: int) -> nn.Module:
    """Replace the layers of a network by layers with so many times fewer channels.

    Parameters
    ----------
    network
        Of convolutions, batch normalisations and linear layers, whose numbers of channels and values
        are multiples of the divisor, but for colours and scores. Changed in place; its weights are
        drawn anew by PyTorch's own rules.
    divisor
        At least 1.

    Returns
    -------
    nn.Module
        The network.
    """

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
                        groups=layer.groups, bias=layer.bias is not None,
                    ),
                )  # fmt: skip
            elif isinstance(layer, nn.BatchNorm2d):
                module.register_module(name, nn.BatchNorm2d(layer.num_features // divisor))
            elif isinstance(layer, nn.Linear):
                outputs = fewer(layer.out_features, kept=SCORES)
                module.register_module(name, nn.Linear(layer.in_features // divisor, outputs))
    return network
