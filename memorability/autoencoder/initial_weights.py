"""From which weights a run starts: the protocol's choice `initial_weights`, carried out."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from memorability.autoencoder.architecture import (
    AUTOENCODER_FILE,
    Architecture,
    Autoencoder,
    initial_autoencoder,
)
from memorability.base.errors import InputError
from memorability.base.files import file_sha256
from memorability.networks.model_file import ModelFile
from memorability.networks.torchvision_networks import VGG16_CONVOLUTIONS, by_torchvisions_names
from memorability.networks.weights import (
    IMAGENET_MEAN,
    IMAGENET_SD,
    Receipt,
    load_strictly,
    random_receipt,
    read_any,
    read_as_saved,
    read_state_dict,
)

PRETRAINED_FILE = ModelFile(
    "pre-trained autoencoder of this workflow",
    ("record", "pretraining"),
    "Delete it and run again.",
)

STARTS = {"random": "random weights", "vgg16_encoder": "VGG16's convolutions and a random decoder"}
"""From what a pre-training begins, in words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """From which weights a run starts.

    Parameters
    ----------
    initial_weights
        See `memorability.study.protocol.Protocol`.
    seed
        Of what no file provides, at least 0.
    weights_file
        The file of weights from outside that `initial_weights` names, if it names one.
    pretrained_model
        For `pretrain`, the file of the pre-trained model.
    previous_model
        The file of the run whose weights are carried over, if they are: it alone then counts.
    """

    initial_weights: Literal[
        "checkpoint", "checkpoint_as_scripted", "vgg16_encoder", "pretrain", "random"
    ]
    seed: int
    weights_file: Path | None = None
    pretrained_model: Path | None = None
    previous_model: Path | None = None


def initial_model(architecture: Architecture, start: Start) -> tuple[Autoencoder, Receipt]:
    """Return the autoencoder that a run starts from, and the receipt of its weights.

    What no file provides is random, from the seed of the start.

    Raises
    ------
    InputError
        If weights are missing or do not load.
    """
    model = initial_autoencoder(start.seed, architecture)
    if start.previous_model is not None:
        # Whatever it holds: what follows a run that diverged has diverged with it.
        _, tensors = AUTOENCODER_FILE.read(start.previous_model)
        model.load_state_dict(tensors)
        return model, continued_receipt(model, start.previous_model)
    if start.initial_weights == "random":
        return model, random_receipt("autoencoder", model)
    if start.pretrained_model is not None:
        return model, load_pretrained(model, start.pretrained_model)
    assert start.weights_file is not None, "all other starts read a file"
    load = {
        "checkpoint": load_autoencoder,
        "checkpoint_as_scripted": load_autoencoder_as_scripted,
        "vgg16_encoder": load_vgg16_encoder,
    }[start.initial_weights]
    return model, load(model, start.weights_file)


def load_pretrained(model: Autoencoder, path: Path) -> Receipt:
    """Load a model of `autoencoder.pretraining`, strictly; its header says what it was trained on."""
    header, tensors = PRETRAINED_FILE.read(path)
    made = header["record"]["pretraining"]
    matched = load_strictly(model, tensors, "autoencoder", path)
    return Receipt(
        model="autoencoder", source=str(path), sha256=file_sha256(path), matched=matched, missing=0,
        remark=f"pre-trained by this study from {STARTS[made['initial_weights']]}, on "
        f"{made['images']} images of {made['directory']}, not on ImageNet; "
        f"epoch {made['kept_epoch']} of {made['epochs']} was kept; mean squared "
        f"error of {made['held_out']} held-out images {made['error_before']:.4g} before and "
        f"{made['error']:.4g} after",
    )  # fmt: skip


def continued_receipt(module: nn.Module, path: str | Path) -> Receipt:
    """Return the receipt of a model that continues with the weights of the run before."""
    matched = len(module.state_dict())
    return Receipt(
        model="autoencoder", source=str(path), sha256=file_sha256(path), matched=matched, missing=0
    )


def load_autoencoder(module: nn.Module, path: Path) -> Receipt:
    """Load the published ImageNet autoencoder into an `Autoencoder` of width 1, strictly."""
    state, digest = read_state_dict(path)
    named = {_own_name(key): value for key, value in state.items()}
    matched = load_strictly(module, named, "autoencoder", path)
    return Receipt(model="autoencoder", source=path.name, sha256=digest, matched=matched, missing=0)


def load_autoencoder_as_scripted(module: nn.Module, path: Path) -> Receipt:
    """Load the ImageNet autoencoder as the published scripts do: keys as saved, `strict=False`.

    The published file was saved by data-parallel training. Its keys begin with "module.", the
    network's do not, so that torch matches none of them and says nothing. A file that was saved
    again without the prefix is loaded. The receipt counts as torch does, which does not miss the
    counters of batch normalisation: 0 matched, 166 missing, 192 unexpected.

    Without the file nothing is read, since nothing of it would be used, and the receipt says so.

    Raises
    ------
    InputError
        If the file cannot be read, or a tensor whose name matches has another shape.
    """
    if not path.is_file():
        return Receipt(
            model="autoencoder", source=path.name, sha256="", matched=0,
            missing=len(module.state_dict()),
            remark="the file is not there and was not read; as published, nothing of it would be "
            "loaded, for every key begins with 'module.': the run starts from random weights",
        )  # fmt: skip
    state, digest = read_as_saved(path)
    # The scripts' network has the names of the file without the prefix; ours has names of its own.
    named = OrderedDict((_own_name(key), value) for key, value in state.items())
    try:
        missing, unexpected = module.load_state_dict(named, strict=False)
    except RuntimeError as error:
        raise InputError(
            f"{path} does not fit the autoencoder, on which the published scripts would stop: "
            f"{error}. Use a protocol with the checkpoint's architecture and autoencoder.width 1."
        ) from error
    matched = len(named) - len(unexpected)
    remark = "loaded with strict=False, as the published scripts do: "
    if matched == 0:
        remark += "nothing was loaded; the run starts from random weights"
    elif missing or unexpected:
        remark += "only a part was loaded; the rest starts from random weights"
    else:
        remark += "everything was loaded, for this file's keys have no prefix 'module.'"
    return Receipt(
        model="autoencoder", source=path.name, sha256=digest, matched=matched,
        missing=len(missing), unexpected=len(unexpected), remark=remark,
    )  # fmt: skip


def load_vgg16_encoder(module: nn.Module, path: Path) -> Receipt:
    """Load torchvision's ImageNet VGG16 into the encoder of an `Autoencoder` of width 1.

    Its 13 convolutions become the encoder's; with the bottleneck `fc4096`, its first two linear
    layers become those to the latent. Batch normalisation, which this VGG16 does not have, starts at
    identity, and the decoder at random. VGG16 was trained on images standardised by ImageNet's mean
    and deviation, while the autoencoder sees [0, 1]: its first convolution does that as well. The
    zeros around an image are black then, and not the mean colour.

    Raises
    ------
    InputError
        If the file cannot be read or a tensor is missing or has another shape.
    """
    state, digest = read_any(path)
    state = by_torchvisions_names(state)
    own = [name for part in ("encoder", "to_latent") for name in _layers_of(module, part)]
    # Of VGG16's layers, numbered with those that have no tensors: convolutions, then linear ones.
    places = [f"features.{place}" for place in VGG16_CONVOLUTIONS]
    pairs = zip(own, [*places, "classifier.0", "classifier.3"][: len(own)], strict=True)
    sources = {
        f"{name}.{tensor}": f"{place}.{tensor}"
        for name, place in pairs
        for tensor in ("weight", "bias")
    }
    chosen = {key: state[source] for key, source in sources.items() if source in state}
    chosen |= _standardising(own[0], chosen)
    kept = {key: value for key, value in module.state_dict().items() if key not in sources}
    load_strictly(module, kept | chosen, "encoder of the autoencoder", path)
    matched = len(chosen)
    loaded = "13 convolutions" + (" and 2 linear layers" if len(own) > len(places) else "")
    return Receipt(
        model="autoencoder", source=path.name, sha256=digest, matched=matched,
        missing=len(module.state_dict()) - matched, unexpected=len(state) - matched,
        remark=f"{loaded} of the encoder, the first adapted to images in [0, 1]; batch normalisation "
        "starts at identity, all else at random; VGG16's other linear layers have no place here",
    )  # fmt: skip


def _standardising(layer: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a convolution of standardised images as one of images in [0, 1], if it is there."""
    weight, bias = (tensors.get(f"{layer}.{name}") for name in ("weight", "bias"))
    if weight is None or bias is None or weight.shape[1:2] != (3,):
        return {}  # which is told when it is loaded
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
    scaled = weight / sd
    return {f"{layer}.weight": scaled, f"{layer}.bias": bias - (scaled * mean).sum(dim=(1, 2, 3))}


def _layers_of(module: nn.Module, part: str) -> list[str]:
    """Return the names of the convolutions and linear layers of a part, in their order."""
    return [
        name
        for name, layer in module.named_modules()
        if name.startswith(f"{part}.") and isinstance(layer, nn.Conv2d | nn.Linear)
    ]


def _own_name(key: str) -> str:
    """Translate a key of the published checkpoint, "encoder.conv1.0 EncoderLayer.layer.0.weight".

    Its encoder layers are convolution, normalisation, ReLU; its decoder stages begin with the
    upsampling, followed by layers of normalisation, ReLU, convolution.
    """
    upsampling = re.fullmatch(r"decoder\.conv(\d)\.0 UpSampling\.(\w+)", key)
    if upsampling:
        return f"decoder.{int(upsampling[1]) - 1}.0.{upsampling[2]}"
    layer = re.fullmatch(r"(encoder|decoder)\.conv(\d)\.(\d) \w+\.layer\.(\d)\.(\w+)", key)
    if not layer:
        return key
    part, stage, index, inner, name = layer.groups()
    position = 3 * int(index) + int(inner) - (2 if part == "decoder" else 0)
    return f"{part}.{int(stage) - 1}.{position}.{name}"
