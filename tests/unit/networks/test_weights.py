"""Weights files: what is in them lands where it belongs, and nothing else is ever accepted."""

import hashlib
import os
import pickle
import re
import socket
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from memorability.autoencoder.architecture import Architecture, initial_autoencoder
from memorability.autoencoder.initial_weights import (
    load_autoencoder,
    load_autoencoder_as_scripted,
    load_vgg16_encoder,
)
from memorability.base.errors import InputError
from memorability.networks import catalogue, torchvision_networks
from memorability.networks.catalogue import AUTOENCODER, LOSSES
from memorability.networks.losses import Lpips, make_loss
from memorability.networks.torchvision_networks import load_backbone, load_network
from memorability.networks.weights import (
    IMAGENET_MEAN,
    IMAGENET_SD,
    load_strictly,
    read_state_dict,
)
from tests.run_settings import loss_choice

torch.set_num_threads(1)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_state_dict(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


# Reading


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_state_dict_is_unwrapped_and_loses_the_prefix_of_data_parallel_training(
    tmp_path: Path, prefix: str, wrapped: bool
) -> None:
    path = tmp_path / "weights.pth"
    state = {f"{prefix}a.weight": torch.arange(3.0), f"{prefix}b.module.bias": torch.ones(2)}
    torch.save({"epoch": 3, "state_dict": state, "optimizer": {}} if wrapped else state, path)
    read, digest = read_state_dict(path)
    assert list(read) == ["a.weight", "b.module.bias"]
    assert read["a.weight"].tolist() == [0.0, 1.0, 2.0]
    assert digest == sha256(path)


def test_the_old_format_of_torch_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert read_state_dict(path)[0]["a"].tolist() == [1.0, 1.0]


class Malicious:
    """Whoever unpickles this makes a directory."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("saved_by", ["torch", "old torch", "pickle"])
def test_a_file_that_would_run_code_is_refused_and_its_code_does_not_run(
    tmp_path: Path, saved_by: str
) -> None:
    path, target = tmp_path / "weights.pth", tmp_path / "made-by-the-file"
    content = {"a.weight": torch.ones(1), "b": Malicious(target)}
    if saved_by == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=saved_by == "torch")
    message = refusal(path)
    assert not target.exists()
    assert "was not loaded" in message
    # The trap is armed: an unguarded reader springs it.
    torch.load(path, weights_only=False) if saved_by != "pickle" else pickle.loads(
        path.read_bytes()
    )
    assert target.is_dir()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.04, 0.3, 0.6, 0.9, 0.999])
def test_an_interrupted_download_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.rand(20_000)}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("content", [b"hello", b"\0" * 300, b"\x80\x02]q\x01."])
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    "beginning", [b"<!DOCTYPE html>", b"\n  <!doctype HTML>", b"<html lang=en>"]
)
@pytest.mark.parametrize("name", ["imagenet-vgg16.pth", "vgg16-397923af.pth"])
def test_a_web_page_in_the_place_of_weights_is_named_as_such(
    tmp_path: Path, beginning: bytes, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(beginning + b"<p>Quota exceeded: too many users have downloaded it</p>")
    assert "is a web page, not weights" in refusal(path)


def test_a_safetensors_file_under_the_name_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "imagenet-vgg16.pth"
    save_file({"a": torch.ones(3)}, path)
    assert "is a safetensors file" in refusal(path)


@pytest.mark.parametrize(
    "content",
    [torch.ones(2), [torch.ones(2)], None, {"state_dict": None}, {0: torch.ones(2)}, {"a": 3}],
)
def test_a_file_without_named_tensors_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    refusal(path)


def test_a_file_that_does_not_exist_is_refused_with_what_to_do(tmp_path: Path) -> None:
    message = refusal(tmp_path / "weights.pth")
    assert "does not exist" in message
    assert "docs/data.md says where to get it, and how to do without" in message


def test_a_file_whose_name_states_another_hash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg16-397923af.pth"
    torch.save({"a": torch.ones(1)}, path)
    message = refusal(path)
    assert "states 397923af" in message
    assert f"begins with {sha256(path)[:8]}" in message
    honest = path.rename(tmp_path / f"vgg16-{sha256(path)[:8]}.pth")
    assert list(read_state_dict(honest)[0]) == ["a"]


# Strict loading


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def good_state() -> dict[str, Tensor]:
    return {key: torch.full_like(value, 7) for key, value in network().state_dict().items()}


def test_a_full_match_is_loaded_and_counted() -> None:
    module = network()
    assert load_strictly(module, good_state(), "model", Path("x.pth")) == 7
    assert all((value == 7).all() for value in module.state_dict().values())


def without(key: str) -> dict[str, Tensor]:
    return {name: value for name, value in good_state().items() if name != key}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (without("1.running_var"), "1 of 7 tensors are missing, for example '1.running_var'"),
        (good_state() | {"2.bias": torch.ones(1)}, "unexpected, for example '2.bias'"),
        (
            good_state() | {"0.weight": torch.ones(3, 3)},
            "of another shape, for example '0.weight'",
        ),
        ({}, "7 of 7 tensors are missing"),
    ],
)
def test_anything_but_a_full_match_is_refused_and_changes_nothing(
    state: Mapping[str, Tensor], words: str
) -> None:
    module = network()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(InputError) as caught:
        load_strictly(module, state, "predictor", Path("some/x.pth"))
    assert words in str(caught.value)
    assert "some/x.pth does not fit the predictor" in str(caught.value)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


# The published autoencoder. Its keys and shapes, written down from its documentation rather than
# from our module: every encoder layer is convolution (0) and normalisation (1); a decoder stage is
# an upsampling and layers of normalisation (0) and convolution (2).

# stage -> channels in and out of its convolutions.
ENCODER = {
    1: [(3, 64), (64, 64)],
    2: [(64, 128), (128, 128)],
    3: [(128, 256), (256, 256), (256, 256)],
    4: [(256, 512), (512, 512), (512, 512)],
    5: [(512, 512), (512, 512), (512, 512)],
}
DECODER = {
    1: [(512, 512), (512, 512), (512, 512)],
    2: [(512, 512), (512, 512), (512, 256)],
    3: [(256, 256), (256, 256), (256, 128)],
    4: [(128, 128), (128, 64)],
    5: [(64, 64), (64, 3)],
}


def convolution(inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {"weight": (outputs, inputs, 3, 3), "bias": (outputs,)}


def normalisation(channels: int) -> dict[str, tuple[int, ...]]:
    names = ("weight", "bias", "running_mean", "running_var")
    return {**dict.fromkeys(names, (channels,)), "num_batches_tracked": ()}


def published_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}

    def add(prefix: str, tensors: Mapping[str, tuple[int, ...]]) -> None:
        shapes.update({f"{prefix}.{name}": shape for name, shape in tensors.items()})

    for stage, layers in ENCODER.items():
        for index, (inputs, outputs) in enumerate(layers):
            prefix = f"encoder.conv{stage}.{index} EncoderLayer.layer"
            add(f"{prefix}.0", convolution(inputs, outputs))
            add(f"{prefix}.1", normalisation(outputs))
    for stage, layers in DECODER.items():
        channels = layers[0][0]
        upsampling = {"weight": (channels, channels, 2, 2), "bias": (channels,)}
        add(f"decoder.conv{stage}.0 UpSampling", upsampling)
        for index, (inputs, outputs) in enumerate(layers, start=1):
            prefix = f"decoder.conv{stage}.{index} DecoderLayer.layer"
            add(f"{prefix}.0", normalisation(inputs))
            add(f"{prefix}.2", convolution(inputs, outputs))
    return shapes


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    """A stand-in for the published checkpoint: its names, shapes and wrapping, our numbers."""
    generator = torch.Generator().manual_seed(0)
    state = {
        f"module.{key}": torch.rand(shape, generator=generator)
        if not key.endswith("num_batches_tracked")
        else torch.tensor(number)
        for number, (key, shape) in enumerate(published_shapes().items())
    }
    directory = tmp_path_factory.mktemp("published")
    momentum = {0: {"momentum_buffer": torch.zeros(3)}}
    content = {
        "epoch": 99,
        "arch": "vgg16",
        "state_dict": state,
        "optimizer": {"state": momentum, "param_groups": [{"lr": 0.1, "params": [0]}]},
    }
    torch.save(content, directory / "imagenet-vgg16.pth")
    return directory, state


def full_width() -> Any:
    return initial_autoencoder(0, Architecture(width=1.0))


def test_the_stand_in_has_the_published_number_of_tensors_and_parameters() -> None:
    shapes = published_shapes()
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    trained = [shape for key, shape in shapes.items() if not key.endswith(buffers)]
    assert len(shapes) == 192
    assert sum(torch.Size(shape).numel() for shape in trained) == 31_888_451
    assert next(iter(shapes)) == "encoder.conv1.0 EncoderLayer.layer.0.weight"
    assert list(shapes)[-1] == "decoder.conv5.2 DecoderLayer.layer.2.bias"


def test_the_published_checkpoint_is_loaded_whole_and_each_tensor_in_its_place(
    published: tuple[Path, dict[str, Tensor]],
) -> None:
    directory, state = published
    model = full_width()
    receipt = load_autoencoder(model, directory / AUTOENCODER)
    assert receipt.record() == {
        "model": "autoencoder",
        "source": "imagenet-vgg16.pth",
        "sha256": sha256(directory / "imagenet-vgg16.pth"),
        "matched": 192,
        "missing": 0,
        "unexpected": 0,
        "remark": "",
        "trained_by": "",
        "published": "",
    }

    def layers(part: nn.Module, stage: int, kind: type[nn.Module]) -> list[Any]:
        return [layer for layer in part[stage - 1] if isinstance(layer, kind)]  # type: ignore[index]

    def check(tensor: Tensor, key: str) -> None:
        assert torch.equal(tensor, state[f"module.{key}"]), key

    # Every layer, found by its kind and its place in the stage.
    for stage, channels in ENCODER.items():
        for index in range(len(channels)):
            prefix = f"encoder.conv{stage}.{index} EncoderLayer.layer"
            conv = layers(model.encoder, stage, nn.Conv2d)[index]
            norm = layers(model.encoder, stage, nn.BatchNorm2d)[index]
            check(conv.weight, f"{prefix}.0.weight")
            check(conv.bias, f"{prefix}.0.bias")
            for name in normalisation(1):
                check(getattr(norm, name), f"{prefix}.1.{name}")
    for stage, channels in DECODER.items():
        upsampling = layers(model.decoder, stage, nn.ConvTranspose2d)
        assert len(upsampling) == 1
        check(upsampling[0].weight, f"decoder.conv{stage}.0 UpSampling.weight")
        check(upsampling[0].bias, f"decoder.conv{stage}.0 UpSampling.bias")
        for index in range(len(channels)):
            prefix = f"decoder.conv{stage}.{index + 1} DecoderLayer.layer"
            conv = layers(model.decoder, stage, nn.Conv2d)[index]
            norm = layers(model.decoder, stage, nn.BatchNorm2d)[index]
            check(conv.weight, f"{prefix}.2.weight")
            check(conv.bias, f"{prefix}.2.bias")
            for name in normalisation(1):
                check(getattr(norm, name), f"{prefix}.0.{name}")


def small() -> Any:
    return initial_autoencoder(0, Architecture(width=0.05))


def test_the_checkpoint_does_not_fit_another_width(
    published: tuple[Path, dict[str, Tensor]],
) -> None:
    with pytest.raises(InputError, match=r"of another shape.*architecture and width"):
        load_autoencoder(small(), published[0] / AUTOENCODER)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": good_state()}, tmp_path / "imagenet-vgg16.pth")
    with pytest.raises(InputError, match="tensors are missing"):
        load_autoencoder(small(), tmp_path / AUTOENCODER)


# The same file, loaded as the published scripts load it


def test_as_the_scripts_load_it_nothing_of_the_published_checkpoint_is_loaded(
    published: tuple[Path, dict[str, Tensor]],
) -> None:
    model = full_width()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    receipt = load_autoencoder_as_scripted(model, published[0] / AUTOENCODER)
    assert receipt.sha256 == sha256(published[0] / "imagenet-vgg16.pth")
    # As measured with the published scripts; torch does not miss the 26 counters of batches.
    assert (receipt.matched, receipt.missing, receipt.unexpected) == (0, 192 - 26, 192)
    assert "nothing was loaded; the run starts from random weights" in receipt.remark
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_file_saved_again_without_prefix_is_loaded_as_the_scripts_would(
    published: tuple[Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    directory, state = published
    bare = {key.removeprefix("module."): value for key, value in state.items()}
    torch.save({"state_dict": bare}, tmp_path / "imagenet-vgg16.pth")
    loaded, strictly = full_width(), full_width()
    receipt = load_autoencoder_as_scripted(loaded, tmp_path / AUTOENCODER)
    assert (receipt.matched, receipt.missing, receipt.unexpected) == (192, 0, 0)
    assert "everything was loaded" in receipt.remark
    load_autoencoder(strictly, directory / AUTOENCODER)
    expected = strictly.state_dict()
    assert all(torch.equal(expected[key], value) for key, value in loaded.state_dict().items())
    with pytest.raises(InputError, match="on which the published scripts would stop"):
        load_autoencoder_as_scripted(small(), tmp_path / AUTOENCODER)


def test_a_part_that_matches_by_name_is_called_a_part(
    published: tuple[Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    state = dict(list(published[1].items())[:7])
    state = {key.removeprefix("module."): value for key, value in state.items()} | {
        "of_no_use": torch.ones(1)
    }
    torch.save({"state_dict": state}, tmp_path / "imagenet-vgg16.pth")
    receipt = load_autoencoder_as_scripted(full_width(), tmp_path / AUTOENCODER)
    assert (receipt.matched, receipt.unexpected) == (7, 1)
    assert "only a part was loaded" in receipt.remark


def test_without_the_file_the_receipt_says_that_none_was_read(tmp_path: Path) -> None:
    receipt = load_autoencoder_as_scripted(small(), tmp_path / AUTOENCODER)
    assert (receipt.sha256, receipt.matched) == ("", 0)
    assert "was not read" in receipt.remark
    assert "starts from random weights" in receipt.remark


# VGG16 as the encoder


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    """A stand-in for torchvision's VGG16: its names and shapes, our numbers."""
    with torch.device("meta"):
        made = torchvision.models.vgg16(weights=None)
    made = made.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(3)
    for parameter in made.parameters():
        fan = parameter[0].numel() if parameter.ndim > 1 else 100
        nn.init.normal_(parameter, std=(2 / fan) ** 0.5, generator=generator)
    path = tmp_path_factory.mktemp("vgg16") / "unnamed.pth"
    torch.save(made.state_dict(), path)
    return path, made


def test_vgg16_without_normalisation_becomes_the_encoder_whole(
    vgg16: tuple[Path, nn.Module],
) -> None:
    model = initial_autoencoder(
        0, Architecture(bottleneck="fc4096", decoder="transposed12", batch_norm=False)
    ).eval()
    receipt = load_vgg16_encoder(model, vgg16[0])
    assert (receipt.matched, receipt.unexpected) == (2 * 15, 2)
    assert receipt.missing == len(model.state_dict()) - 30
    assert "13 convolutions and 2 linear layers" in receipt.remark
    theirs = vgg16[1]
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        maps = after_standardising(theirs, images).flatten(1)
        torch.testing.assert_close(
            model.encode(images), theirs.classifier[:6](maps), rtol=1e-3, atol=1e-4
        )


def after_standardising(theirs: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return VGG16's maps of standardised images that have black around them, not the mean."""
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
    framed = (functional.pad(images, (1, 1, 1, 1)) - mean) / sd
    features = theirs.features
    first = functional.conv2d(framed, features[0].weight, features[0].bias)
    maps: torch.Tensor = features[1:](first)
    return maps


def test_vgg16_in_an_encoder_with_normalisation_leaves_that_at_identity(
    vgg16: tuple[Path, nn.Module],
) -> None:
    model = full_width().eval()
    decoder = {key: value.clone() for key, value in model.decoder.state_dict().items()}
    receipt = load_vgg16_encoder(model, vgg16[0])
    assert (receipt.matched, receipt.missing, receipt.unexpected) == (26, 192 - 26, 6)
    convolutions = [layer for layer in model.encoder.modules() if isinstance(layer, nn.Conv2d)]
    theirs = [layer for layer in vgg16[1].modules() if isinstance(layer, nn.Conv2d)]
    # The first also does the standardising.
    for ours, other in list(zip(convolutions, theirs, strict=True))[1:]:
        assert torch.equal(ours.weight, other.weight)
        assert torch.equal(ours.bias, other.bias)
    torch.testing.assert_close(
        convolutions[0].weight * torch.tensor(IMAGENET_SD).view(1, 3, 1, 1), theirs[0].weight
    )
    norms = [layer for layer in model.encoder.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 13
    assert all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)
    assert all(
        torch.equal(decoder[key], value) for key, value in model.decoder.state_dict().items()
    )


def test_vgg16_fits_neither_another_width_nor_another_network_of_its_name(
    vgg16: tuple[Path, nn.Module], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"of another shape.*architecture and width"):
        load_vgg16_encoder(small(), vgg16[0])
    torch.save({"features.0.weight": torch.ones(64, 3, 3, 3)}, tmp_path / "unnamed.pth")
    with pytest.raises(InputError, match="25 of 192 tensors are missing"):
        load_vgg16_encoder(full_width(), tmp_path / "unnamed.pth")


# Backbones


def pretend(
    monkeypatch: pytest.MonkeyPatch, directory: Path, name: str, model: nn.Module, stem: str
) -> Path:
    """Save a state dict as torchvision names its files, and let it be the one expected."""
    path = directory / "unnamed.pth"
    torch.save(model.state_dict(), path)
    path = path.rename(directory / f"{stem}-{sha256(path)[:8]}.pth")
    monkeypatch.setattr(torchvision_networks, "BACKBONES", {name: path.name})
    monkeypatch.setattr(catalogue, "BACKBONES", {name: path.name})
    return path


def test_torchvisions_squeezenet_is_loaded_into_lpips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(5)
    theirs = torchvision.models.squeezenet1_1(weights=None).eval()
    path = pretend(monkeypatch, tmp_path, "squeeze", theirs, "squeezenet1_1")
    loss, metric, receipt = make_loss(
        loss_choice("lpips_squeeze", lpips_range="zero_to_one", weights_file=path)
    )
    assert isinstance(loss, Lpips)
    assert metric[1:4] == ("pretrained", "torchvision (ImageNet)", "yes")
    assert receipt is not None
    assert (receipt.source, receipt.sha256) == (str(path), sha256(path))
    # All of `features`: its first convolution and eight fire modules of three convolutions.
    assert (receipt.matched, receipt.missing) == (2 * (1 + 8 * 3), 0)
    assert receipt.unexpected == 2, "the classifier's convolution"
    assert receipt.remark.startswith("used: features.0, features.3.squeeze")
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        deepest = loss.lpips.net(image)[-1]
        torch.testing.assert_close(deepest, theirs.features(image))


@pytest.mark.parametrize(
    ("loss_name", "backbone", "stem", "convolutions"),
    [
        ("lpips_alex", "alex", "alexnet-owt", 5),
        ("lpips_vgg", "vgg", "vgg16", 13),
        ("style", "vgg19", "vgg19", 13),  # up to conv5_1
    ],
)
def test_torchvisions_other_backbones_are_loaded_into_their_losses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loss_name: str,
    backbone: str,
    stem: str,
    convolutions: int,
) -> None:
    with torch.device("meta"):
        theirs = getattr(torchvision.models, stem.removesuffix("-owt"))(weights=None)
    generator = torch.Generator().manual_seed(2)
    # Linear layers in their true shape, but of one number that is stored once.
    theirs.load_state_dict(
        {
            key: torch.rand(value.shape, generator=generator) - 0.5
            if key.startswith("features.")
            else torch.zeros(1).expand(value.shape)
            for key, value in theirs.state_dict().items()
        },
        assign=True,
    )
    path = pretend(monkeypatch, tmp_path, backbone, theirs, stem)
    loss, metric, receipt = make_loss(
        loss_choice(loss_name, lpips_range="zero_to_one", weights_file=path)
    )
    assert (metric.backbone, receipt and receipt.source) == ("pretrained", str(path))
    assert receipt is not None
    assert (receipt.matched, receipt.missing) == (2 * convolutions, 0)
    assert receipt.matched + receipt.unexpected == len(theirs.state_dict())
    ours = [layer for layer in loss.modules() if isinstance(layer, nn.Conv2d)]
    of_features = [layer for layer in theirs.features if isinstance(layer, nn.Conv2d)]
    for layer, other in zip(ours[:convolutions], of_features[:convolutions], strict=True):
        assert torch.equal(layer.weight, other.weight)
        assert torch.equal(layer.bias, other.bias)  # type: ignore[arg-type]


def test_a_backbone_file_of_another_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = torchvision.models.squeezenet1_0(weights=None)
    path = pretend(monkeypatch, tmp_path, "squeeze", other, "squeezenet1_1")
    network = torchvision.models.squeezenet1_1(weights=None).features
    with pytest.raises(InputError, match="does not fit the squeeze backbone"):
        load_backbone(network, "squeeze", path)


def test_a_backbone_file_under_torchvisions_name_but_of_other_content_is_refused(
    tmp_path: Path,
) -> None:
    network = torchvision.models.squeezenet1_1(weights=None)
    torch.save(network.state_dict(), tmp_path / "squeezenet1_1-b8a52dc0.pth")
    with pytest.raises(InputError, match="states b8a52dc0"):
        load_backbone(network.features, "squeeze", tmp_path / "squeezenet1_1-b8a52dc0.pth")


# Networks for features


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Stand-ins for torchvision's files: the state dicts of its own networks, with our numbers."""
    directory = tmp_path_factory.mktemp("networks")
    torch.manual_seed(8)
    made = {
        "resnet50": torchvision.models.resnet50(weights=None),
        "deeplabv3_resnet101": torchvision.models.segmentation.deeplabv3_resnet101(
            weights=None, weights_backbone=None, num_classes=21, aux_loss=True
        ),
        "fasterrcnn_resnet50_fpn": torchvision.models.detection.fasterrcnn_resnet50_fpn(
            weights=None, weights_backbone=None, num_classes=91
        ),
    }
    files = {}
    for name, network in made.items():
        state = network.state_dict()
        if name == "fasterrcnn_resnet50_fpn":
            # The published file is of 2019: frozen normalisation has no counters, and layers of the
            # pyramid and of the proposals were not yet wrapped.
            state = OrderedDict(
                (re.sub(r"(blocks\.\d)\.0\.|(head\.conv)\.0\.0\.", r"\1\2.", key), value)
                for key, value in state.items()
                if not key.endswith("num_batches_tracked")
            )
            assert len(state) == 295
            assert {"backbone.fpn.inner_blocks.0.weight", "rpn.head.conv.bias"} <= set(state)
        path = directory / "unnamed.pth"
        torch.save(state, path)
        stem = catalogue.OBJECT_NETWORKS[name].rpartition("-")[0]
        files[name] = path.rename(directory / f"{stem}-{sha256(path)[:8]}.pth").name
    return directory, files


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Any attempt to look up a host or to connect fails, and no download is cached anywhere."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("asked for the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))


def renamed(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """Let the stand-ins be the files expected: their true hashes are not those of the names."""
    monkeypatch.setattr(torchvision_networks, "OBJECT_NETWORKS", files)


# Torchvision's own way, from its own class of weights, whose download is replaced by the stand-in.
TORCHVISION = {
    "resnet50": lambda: torchvision.models.resnet50(weights="IMAGENET1K_V1"),
    "deeplabv3_resnet101": lambda: torchvision.models.segmentation.deeplabv3_resnet101(
        weights="COCO_WITH_VOC_LABELS_V1"
    ),
    "fasterrcnn_resnet50_fpn": lambda: torchvision.models.detection.fasterrcnn_resnet50_fpn(
        weights="COCO_V1"
    ),
}


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", sorted(TORCHVISION))
def test_a_network_is_the_one_that_torchvision_makes_of_the_same_file(
    networks: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    directory, files = networks
    asked = []

    def from_stand_in(self: Any, *_: Any, **__: Any) -> dict[str, Tensor]:
        asked.append(Path(self.url).name)
        return dict(torch.load(directory / files[name], weights_only=True))

    published = catalogue.OBJECT_NETWORKS[name]
    renamed(monkeypatch, files)
    network, receipt = load_network(name, directory)
    assert (receipt.source, receipt.sha256) == (files[name], sha256(directory / files[name]))
    assert (receipt.missing, receipt.unexpected) == (0, 0)
    assert not network.training
    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", from_stand_in)
    theirs = TORCHVISION[name]().eval()
    assert asked == [published], "torchvision asks for the file that we name"
    expected = theirs.state_dict()
    assert expected.keys() == network.state_dict().keys()
    assert all(torch.equal(expected[key], value) for key, value in network.state_dict().items())
    assert receipt.matched == len(expected)
    frozen = [
        [layer.eps for layer in model.modules() if hasattr(layer, "eps")]
        for model in (network, theirs)
    ]
    assert frozen[0] == frozen[1]


@pytest.mark.parametrize("name", sorted(TORCHVISION))
def test_a_file_of_another_network_is_refused(
    networks: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    directory, files = networks
    others = {
        name: files[other]
        for name, other in zip(TORCHVISION, [*[*TORCHVISION][1:], "resnet50"], strict=True)
    }
    renamed(monkeypatch, others)
    with pytest.raises(InputError, match=f"does not fit {name}"):
        load_network(name, directory)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_no_loss_downloads_by_itself(name: str, tmp_path: Path) -> None:
    make_loss(loss_choice(name))
    assert not (tmp_path / "empty").exists()


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", sorted(TORCHVISION))
def test_no_network_downloads_by_itself_and_torchvision_would(name: str, tmp_path: Path) -> None:
    torchvision_networks.NETWORKS[name]()
    assert not (tmp_path / "empty" / "hub").exists()
    # The trap is armed: the constructor with weights asks for the network.
    with pytest.raises((AssertionError, URLError)):
        TORCHVISION[name]()
