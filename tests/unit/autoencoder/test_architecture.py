"""The autoencoder's architecture, counted, and its weights, kept to the last bit."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from memorability.autoencoder.architecture import (
    Architecture,
    Autoencoder,
    initial_autoencoder,
    read_autoencoder,
    write_autoencoder,
)
from memorability.base.errors import InputError

torch.set_num_threads(1)

PUBLISHED = {"bottleneck": "conv7x7", "decoder": "upsample_conv", "batch_norm": True}
PAPER_TEXT = {"bottleneck": "fc4096", "decoder": "transposed12", "batch_norm": False}


def made(seed: int = 0, width: float = 0.05, **choices: Any) -> Autoencoder:
    return initial_autoencoder(seed, Architecture(width=width, **(PUBLISHED | choices)))


def images(count: int = 1) -> Tensor:
    return torch.rand(count, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def on_meta(**choices: Any) -> Autoencoder:
    """The full-width network without memory for its parameters."""
    with torch.device("meta"):
        return Autoencoder(Architecture(**(PUBLISHED | choices)))


def kinds(module: nn.Module) -> Counter[type[nn.Module]]:
    return Counter(type(layer) for layer in module.modules() if not list(layer.children()))


# Architecture


def test_the_published_choices_have_the_published_numbers_of_parameters_and_tensors() -> None:
    model = on_meta()
    assert sum(parameter.numel() for parameter in model.parameters()) == 31_888_451
    assert len(model.state_dict()) == 192
    assert model.latent_dim == 25_088


def test_the_encoder_is_vgg16_without_its_head_and_the_decoder_its_mirror() -> None:
    model = on_meta()
    convolutions = [layer for layer in model.encoder.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [
        *([64] * 2 + [128] * 2 + [256] * 3 + [512] * 6)
    ]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert kinds(model.encoder)[nn.MaxPool2d] == 5
    upsampling = [
        layer for layer in model.decoder.modules() if isinstance(layer, nn.ConvTranspose2d)
    ]
    assert [layer.in_channels for layer in upsampling] == [512, 512, 256, 128, 64]
    assert {(layer.kernel_size, layer.stride) for layer in upsampling} == {((2, 2), (2, 2))}
    mirrored = [layer for layer in model.decoder.modules() if isinstance(layer, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in mirrored] == [
        *((512, 512), (512, 512), (512, 512)),
        *((512, 512), (512, 512), (512, 256)),
        *((256, 256), (256, 256), (256, 128)),
        *((128, 128), (128, 64)),
        *((64, 64), (64, 3)),
    ]
    assert kinds(model)[nn.BatchNorm2d] == 26


def test_the_paper_s_text_has_a_latent_of_4096_and_twelve_transposed_convolutions() -> None:
    model = on_meta(**PAPER_TEXT)
    assert model.latent_dim == 4096
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [
        (25_088, 4096),
        (4096, 4096),
        (4096, 25_088),
    ]
    assert kinds(model.to_latent)[nn.Dropout] == 2
    assert kinds(model)[nn.BatchNorm2d] == 0
    transposed = [layer for layer in model.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.out_channels for layer in transposed] == [512] * 6 + [256] * 2 + [128] * 2 + [
        64
    ] * 2
    assert len(transposed) == 12
    # The text names no strides; ours is that the first layer of each stage doubles the side.
    doubling = [index for index, layer in enumerate(transposed) if layer.stride == (2, 2)]
    assert doubling == [0, 3, 6, 8, 10]
    assert {layer.stride for layer in transposed} == {(1, 1), (2, 2)}


@pytest.mark.parametrize("choices", [PUBLISHED, PAPER_TEXT, {**PUBLISHED, "batch_norm": False}])
def test_reconstructions_have_the_shape_and_range_of_images(choices: dict[str, Any]) -> None:
    model = made(width=0.04, **choices).eval()
    with torch.no_grad():
        latents = model.encode(images(2))
        reconstructions = model(images(2))
        assert latents.shape == (2, model.latent_dim)
        assert reconstructions.shape == (2, 3, 224, 224)
        assert ((reconstructions > 0) & (reconstructions < 1)).all()
        assert torch.equal(reconstructions, model.decode(latents))


def test_large_weights_cannot_leave_the_range_of_images() -> None:
    model = made().eval()
    with torch.no_grad():
        model.decoder[-1][-1].bias.copy_(torch.tensor([1e4, -1e4, 0.0]))
        reconstruction = model(images())
    assert (reconstruction[:, 0] == 1).all()
    assert (reconstruction[:, 1] == 0).all()


def test_a_latent_is_the_flattened_map_of_the_last_pooling() -> None:
    model = made().eval()
    with torch.no_grad():
        maps = model.encoder(images())
        assert torch.equal(model.encode(images()), maps.reshape(1, -1))
    assert maps.shape == (1, model.latent_dim // 49, 7, 7)
    assert (maps >= 0).all()


@pytest.mark.parametrize(("width", "latent"), [(0.25, 128 * 49), (0.1, 51 * 49), (1e-6, 49)])
def test_width_scales_every_channel_and_leaves_at_least_one(width: float, latent: int) -> None:
    model = made(width=width)
    assert model.latent_dim == latent
    assert len(model.state_dict()) == 192
    first = next(model.encoder.parameters())
    assert first.shape == (max(1, round(64 * width)), 3, 3, 3)


def test_every_parameter_receives_a_gradient() -> None:
    for choices in (PUBLISHED, PAPER_TEXT):
        model = made(width=0.1, **choices)
        model(images(2)).square().mean().backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


# Initial weights


def test_initial_weights_follow_the_seed_and_nothing_else() -> None:
    torch.manual_seed(1)
    first = made().state_dict()
    torch.manual_seed(2)
    second = made().state_dict()
    other = made(seed=1).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["encoder.0.0.weight"], other["encoder.0.0.weight"])


def test_initial_weights_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    made()
    assert torch.equal(torch.get_rng_state(), before)


# Files


@pytest.mark.parametrize("choices", [PUBLISHED, PAPER_TEXT])
def test_a_model_read_back_gives_the_same_outputs_to_the_last_bit(
    tmp_path: Path, choices: dict[str, Any]
) -> None:
    model = made(width=0.04, **choices)
    if choices["batch_norm"]:
        with torch.no_grad():
            model.train()(images(2))  # moves the running statistics off their start
    path = tmp_path / "autoencoder.safetensors"
    write_autoencoder(model, path, {"seed": 3})
    read = read_autoencoder(path)
    assert not read.training
    assert read.architecture == model.architecture
    with torch.no_grad():
        assert torch.equal(read(images()), model.eval()(images()))
        assert torch.equal(read.encode(images()), model.encode(images()))
    own, theirs = model.state_dict(), read.state_dict()
    assert all(torch.equal(own[key], theirs[key]) for key in own)


def test_a_file_carries_the_record_of_its_run(tmp_path: Path) -> None:
    path = tmp_path / "autoencoder.safetensors"
    write_autoencoder(made(), path, {"study": "Übung", "settings": {"seed": 3}})
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["memorability"])
    assert header["record"] == {"study": "Übung", "settings": {"seed": 3}}
    assert header["architecture"] == {"width": 0.05, **PUBLISHED}


def test_writing_does_not_change_the_model(tmp_path: Path) -> None:
    model = made().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    write_autoencoder(model, tmp_path / "autoencoder.safetensors", {})
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_what_a_run_that_diverged_has_left_is_no_model(tmp_path: Path) -> None:
    outcome = {"outcome": "diverged", "step": 17, "reason": "the loss mse became nan"}
    model = Autoencoder(Architecture(width=0.02))
    write_autoencoder(model, tmp_path / "a.safetensors", {"outcome": outcome})
    with pytest.raises(InputError, match=r"loss mse became nan at step 17.*Set `selected`"):
        read_autoencoder(tmp_path / "a.safetensors")
    outcome["outcome"] = "finished"
    write_autoencoder(model, tmp_path / "a.safetensors", {"outcome": outcome})
    read_autoencoder(tmp_path / "a.safetensors")
