"""Pretrained networks of torchvision, read from files."""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from memorability.base.errors import InputError
from memorability.networks.catalogue import BACKBONES, OBJECT_NETWORKS
from memorability.networks.weights import WHERE, Receipt, load_strictly, read_state_dict


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
