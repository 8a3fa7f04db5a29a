"""Pretrained weights: how their files are checked and loaded.

Every load leaves a receipt, and is strict but for the one choice that repeats how the published
scripts load. Files are read with `weights_only`: no pickle from outside is ever executed. Nothing is
downloaded here, nor by the constructors of torchvision and lpips as they are called here.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memorability.downloads import AUTOENCODER, BACKBONES, OBJECT_NETWORKS
from memorability.errors import InputError
from memorability.files import file_sha256

# Of the pixels of ImageNet, in [0, 1], by which torchvision's networks expect images standardised.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
WHERE = "docs/data.md says where to get it, and how to do without"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What was loaded into a network.

    Parameters
    ----------
    model
        The network, in words.
    source
        File name; "random" where no file was meant to be read.
    sha256
        Of the file; empty where none was read.
    matched, missing, unexpected
        Tensors loaded from the file; tensors of the network that the file does not have; tensors of
        the file that the network does not have.
    remark
        What a reader must know besides these numbers; empty where file and network match in full.
    """

    model: str
    source: str
    sha256: str
    matched: int
    missing: int
    unexpected: int = 0
    remark: str = ""

    def record(self) -> dict[str, Any]:
        """Return the receipt as a plain dictionary for run records."""
        return asdict(self)


def random_receipt(model: str, module: nn.Module) -> Receipt:
    """Return the receipt of a model that keeps seeded random weights."""
    missing = len(module.state_dict())
    return Receipt(model=model, source="random", sha256="", matched=0, missing=missing)


def continued_receipt(module: nn.Module, path: str | Path) -> Receipt:
    """Return the receipt of a model that continues with the weights of the run before."""
    matched = len(module.state_dict())
    return Receipt(
        model="autoencoder", source=str(path), sha256=file_sha256(path), matched=matched, missing=0
    )


def read_state_dict(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read a state dict without executing pickled code; return it with the file's SHA-256.

    A checkpoint dictionary is unwrapped from "state_dict", and the "module." that data-parallel
    training puts before every key is taken off.

    Raises
    ------
    InputError
        If the file is missing, holds anything but tensors and plain containers, is damaged, or does
        not begin with the hash that its name states.
    """
    state, digest = read_as_saved(path)
    return {key.removeprefix("module."): value for key, value in state.items()}, digest


def read_as_saved(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read a weights file as torch saved it; return its tensors and its SHA-256."""
    if not path.is_file():
        raise InputError(f"The weights file {path} does not exist: {WHERE}.")
    with path.open("rb") as file:
        beginning = file.read(64).lstrip().lower()
    digest = file_sha256(path)
    if beginning.startswith((b"<!doctype", b"<html")):
        raise InputError(
            f"{path} is a web page, not weights: the server answered with a notice, for example that "
            f"too many people downloaded the file today. Delete it and download it again; {WHERE}."
        )
    stated = re.search(r"-([0-9a-f]{8})\.pth$", path.name)
    if stated and not digest.startswith(stated[1]):
        raise InputError(
            f"{path} is not the file it is named for: its SHA-256 begins with {digest[:8]}, its name "
            f"states {stated[1]}. Delete it and download it again; {WHERE}."
        )
    if beginning[8:].startswith(b'{"'):
        raise InputError(
            f"{path} is a safetensors file under another name, and not the published file, which was "
            f"saved by torch. {WHERE}."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = dict(content.get("state_dict", content))
        named = all(isinstance(key, str) for key in state)
        if not (named and all(isinstance(value, Tensor) for value in state.values())):
            raise TypeError("it holds more than named tensors")
        return state, digest
    except Exception as error:  # a damaged file fails anywhere in the reader
        raise InputError(
            f"{path} is damaged or holds more than tensors, and was not loaded: {error}. "
            f"Delete it and download it again; {WHERE}."
        ) from error


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], model: str, path: Path) -> int:
    """Load `state` into `module`; anything but a full match of names and shapes is an error.

    Returns
    -------
    int
        The number of tensors loaded.
    """
    own = module.state_dict()
    missing, unexpected = sorted(set(own) - set(state)), sorted(set(state) - set(own))
    shapes = [key for key in own if key in state and own[key].shape != state[key].shape]
    for what, keys in (
        ("missing", missing),
        ("unexpected", unexpected),
        ("of another shape", shapes),
    ):
        if keys:
            raise InputError(
                f"{path} does not fit the {model}: {len(keys)} of {len(own)} tensors are {what}, "
                f"for example {keys[0]!r}. Use the file for this architecture and width; {WHERE}."
            )
    module.load_state_dict(dict(state))
    return len(own)


def load_autoencoder(module: nn.Module, directory: Path) -> Receipt:
    """Load the published ImageNet autoencoder into an `Autoencoder` of width 1, strictly."""
    path = directory / AUTOENCODER
    state, digest = read_state_dict(path)
    named = {_own_name(key): value for key, value in state.items()}
    matched = load_strictly(module, named, "autoencoder", path)
    return Receipt(model="autoencoder", source=path.name, sha256=digest, matched=matched, missing=0)


def load_autoencoder_as_scripted(module: nn.Module, directory: Path) -> Receipt:
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
    path = directory / AUTOENCODER
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


def load_vgg16_encoder(module: nn.Module, directory: Path) -> Receipt:
    """Load torchvision's ImageNet VGG16 into the encoder of an `Autoencoder` of width 1.

    Its 13 convolutions become the encoder's; with the bottleneck `fc4096`, its first two linear
    layers become those to the latent. Batch normalisation, which this VGG16 does not have, starts at
    identity, and the decoder at random. VGG16 was trained on images standardised by ImageNet's mean
    and deviation, while the autoencoder sees [0, 1].

    Raises
    ------
    InputError
        If the file cannot be read or a tensor is missing or has another shape.
    """
    path = directory / BACKBONES["vgg"]
    state, digest = read_state_dict(path)
    own = [name for part in ("encoder", "to_latent") for name in _layers_of(module, part)]
    # Of VGG16's layers, numbered with those that have no tensors: convolutions, then linear ones.
    places = [f"features.{place}" for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
    pairs = zip(own, [*places, "classifier.0", "classifier.3"][: len(own)], strict=True)
    sources = {
        f"{name}.{tensor}": f"{place}.{tensor}"
        for name, place in pairs
        for tensor in ("weight", "bias")
    }
    chosen = {key: state[source] for key, source in sources.items() if source in state}
    kept = {key: value for key, value in module.state_dict().items() if key not in sources}
    load_strictly(module, kept | chosen, "encoder of the autoencoder", path)
    matched = len(chosen)
    loaded = "13 convolutions" + (" and 2 linear layers" if len(own) > len(places) else "")
    return Receipt(
        model="autoencoder", source=path.name, sha256=digest, matched=matched,
        missing=len(module.state_dict()) - matched, unexpected=len(state) - matched,
        remark=f"{loaded} of the encoder; batch normalisation starts at identity, all else at random; "
        "VGG16's other linear layers have no place here",
    )  # fmt: skip


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


def load_backbone(module: nn.Module, name: str, directory: Path) -> Receipt:
    """Load torchvision's ImageNet weights into the convolutions of a loss network, strictly.

    Layers of the file that the loss does not use, its classifier above all, are left; the receipt
    counts them as unexpected.

    Parameters
    ----------
    module
        A network whose parameters are named by their index in torchvision's `features`, perhaps
        below slices: "slice1.0.weight" and "0.weight" both stand for "features.0.weight".
    name
        Key of `BACKBONES`.
    directory
        Where the file is.
    """
    path = directory / BACKBONES[name]
    state, digest = read_state_dict(path)
    by_index = {key: value for key, value in state.items() if key.startswith("features.")}
    own = {key: re.sub(r"^(slice\d+\.)?", "features.", key) for key in module.state_dict()}
    chosen = {key: by_index[source] for key, source in own.items() if source in by_index}
    matched = load_strictly(module, chosen, f"{name} backbone", path)
    return Receipt(
        model=f"{name} backbone", source=path.name, sha256=digest, matched=matched, missing=0,
        unexpected=len(state) - matched,
        remark="of the file's layers the loss uses only these convolutions",
    )  # fmt: skip


def _resnet50() -> nn.Module:
    from torchvision.models import resnet50

    return resnet50(weights=None)  # type: ignore[no-any-return]


def _deeplabv3_resnet101() -> nn.Module:
    from torchvision.models.segmentation import deeplabv3_resnet101

    # Without these arguments the constructor downloads ImageNet weights and leaves out the file's
    # auxiliary classifier.
    return deeplabv3_resnet101(  # type: ignore[no-any-return]
        weights=None, weights_backbone=None, num_classes=21, aux_loss=True
    )


def _fasterrcnn_resnet50_fpn() -> nn.Module:
    from torchvision.models import detection
    from torchvision.ops import FrozenBatchNorm2d

    # The constructor would take plain batch normalisation where it is given no weights. These
    # weights were trained with frozen one that added nothing to the variance.
    backbone = detection.backbone_utils.resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d, trainable_layers=0
    )
    network: nn.Module = detection.FasterRCNN(backbone, num_classes=91)
    for layer in network.modules():
        if isinstance(layer, FrozenBatchNorm2d):
            layer.eps = 0.0
    return network


# Name -> how the network that its file fits is made, without any download.
NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "resnet50": _resnet50,
    "deeplabv3_resnet101": _deeplabv3_resnet101,
    "fasterrcnn_resnet50_fpn": _fasterrcnn_resnet50_fpn,
}


def load_network(name: str, directory: Path) -> tuple[nn.Module, Receipt]:
    """Return one of torchvision's pretrained networks, loaded strictly, in evaluation mode.

    Parameters
    ----------
    name
        Key of `NETWORKS`: `resnet50` (ImageNet, V1), `deeplabv3_resnet101` (COCO images, the 21
        classes of Pascal VOC), `fasterrcnn_resnet50_fpn` (COCO, 91 classes).
    directory
        Where torchvision's file is.

    Raises
    ------
    InputError
        If the file cannot be read or is not that of this network.
    """
    path = directory / OBJECT_NETWORKS[name]
    state, digest = read_state_dict(path)
    network = NETWORKS[name]()
    try:
        # torch itself compares: its layers know the names that older versions saved them under.
        network.load_state_dict(OrderedDict(state), strict=True)
    except RuntimeError as error:
        raise InputError(f"{path} does not fit {name}: {error}. {WHERE}.") from error
    receipt = Receipt(model=name, source=path.name, sha256=digest, matched=len(state), missing=0)
    return network.eval().requires_grad_(False), receipt
