"""Counted work against what PyTorch counts while the networks compute, and against cases by hand."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.arithmetic import (
    ADAM_PASSES,
    Layer,
    Work,
    attribution_step,
    autoencoder_layers,
    encoder_layers,
    evaluation,
    loss_work,
    training_step,
)
from memorability.autoencoder.architecture import Architecture, Autoencoder
from memorability.networks.catalogue import LOSSES
from memorability.networks.losses import NetworkLoss, make_loss
from tests.run_settings import loss_choice


def made(loss: str, gram: str = "gatys5") -> nn.Module:
    return make_loss(loss_choice(loss, style_gram=gram))[0]


def counted_step(model: Autoencoder, loss: nn.Module, *, stored: bool) -> int:
    """Return the operations of a step as PyTorch counts them; on the meta device nothing computes."""
    model, loss = model.to("meta"), loss.to("meta")
    image = torch.empty(1, 3, 224, 224, device="meta")
    described = loss.describe(image) if stored and isinstance(loss, NetworkLoss) else None
    with FlopCounterMode(display=False) as counter:
        if described is None:
            value = loss(image, model(image))
        else:
            value = loss.compare(described, model(image))
        value.sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("width", [1 / 64, 0.25, 1.0])
@pytest.mark.parametrize(
    "changes",
    [{}, {"bottleneck": "fc4096", "decoder": "transposed12"}, {"batch_norm": False}],
    ids=["checkpoint", "text", "without batch normalisation"],
)
def test_operations_of_a_step_are_those_that_pytorch_counts(
    width: float, changes: dict[str, Any]
) -> None:
    with torch.device("meta"):
        model = Autoencoder(Architecture(width=width, **changes))
    work = training_step(autoencoder_layers(model), loss_work(made("mse")))
    assert work.flops == counted_step(model.train(), made("mse"), stored=False)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("loss", "gram"),
    [*((loss, "gatys5") for loss in sorted(LOSSES)), ("style", "gatys5_relu"), ("style", "pool5")],
)
def test_operations_of_every_loss_are_those_that_pytorch_counts(
    loss: str, gram: str, stored: bool
) -> None:
    model = Autoencoder(Architecture(width=1 / 64))
    module = made(loss, gram)
    layers, work = autoencoder_layers(model), loss_work(module, stored=stored)
    assert training_step(layers, work).flops == counted_step(model, module, stored=stored)


def test_evaluation_and_encoding_are_parts_of_a_step() -> None:
    model = Autoencoder(Architecture(width=1 / 64)).eval()
    module = made("lpips_squeeze")
    work = evaluation(autoencoder_layers(model), loss_work(module))
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(image, model(image))
    assert work.flops == counter.get_total_flops()
    image.requires_grad_(True)
    model.requires_grad_(False)
    with FlopCounterMode(display=False) as counter:
        model.encode(image).sum().backward()
    assert attribution_step(encoder_layers(model)).flops == counter.get_total_flops()


def test_published_autoencoder_by_hand() -> None:
    with torch.device("meta"):
        layers = autoencoder_layers(Autoencoder(Architecture()))
    # VGG16's convolutions, the 15.35 billion multiply-adds of the literature without its classifier.
    encoder = 224**2 * 9 * (3 * 64 + 64 * 64)
    encoder += 112**2 * 9 * (64 * 128 + 128 * 128)
    encoder += 56**2 * 9 * (128 * 256 + 2 * 256 * 256)
    encoder += 28**2 * 9 * (256 * 512 + 2 * 512 * 512)
    encoder += 14**2 * 9 * 3 * 512 * 512
    assert encoder == 15_346_630_656
    # Mirrored, with a 2 × 2 transposed convolution of each stage's channels before it.
    upsampling = 4 * sum(
        side**2 * channels**2
        for side, channels in ((7, 512), (14, 512), (28, 256), (56, 128), (112, 64))
    )
    assert sum(layer.multiply_adds for layer in layers) == 2 * encoder + upsampling
    assert sum(layer.parameters for layer in layers) == 31_888_451


def test_bytes_by_hand() -> None:
    layers = [
        Layer("Conv2d", multiply_adds=0, inputs=0, outputs=0, parameters=0),
        Layer("Conv2d", multiply_adds=60, inputs=10, outputs=20, parameters=6),
        Layer("BatchNorm2d", multiply_adds=0, inputs=20, outputs=20, parameters=4),
    ]
    step = training_step(layers, loss_work(made("mse")))
    # Convolution: 30 forward, 30 for each of two gradients. Batch normalisation: its input twice and
    # its output; back, input and gradient twice, and the gradient that results.
    assert step.maps == 3 * 30 + 60 + 100
    # Weights: forward, gradient of the input, gradient of the weights; Adam.
    assert step.parameters == 3 * 6 + 3 * 4 + ADAM_PASSES * 10
    assert step.bytes() == 4 * (step.maps + step.parameters)
    assert step.bytes("bf16") == 2 * step.maps + 4 * step.parameters
    assert Work(1, 2, 3) * 2 + Work(1, 1, 1) == Work(3, 5, 7)
