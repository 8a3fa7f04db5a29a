"""What is known of each loss, backbone and pretrained file without loading a network."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from memorability.sources.downloads import registry

# Shorter side of the original, in pixels, below which a loss has no detail left to compare.
# SSIM's window has 11 pixels; MS-SSIM halves the image four times, which leaves room for the window in
# more than (11 - 1) x 2^4 pixels.
MINIMUM_SIDES = {"ssim": 11, "ms_ssim": 161}


# Networks behind losses, by the names that the package lpips gives them -> name in the registry.
BACKBONE_DOWNLOADS: Mapping[str, str] = {
    "squeeze": "squeezenet1_1",
    "vgg": "vgg16",
    "alex": "alexnet",
    "vgg19": "vgg19",
}
# The same, to names of files.
BACKBONES: Mapping[str, str] = {
    backbone: registry()[name].file for backbone, name in BACKBONE_DOWNLOADS.items()
}
AUTOENCODER = registry()["autoencoder"].file

# Networks behind object features -> their files.
OBJECT_NETWORKS: Mapping[str, str] = {
    name: registry()[download].file
    for name, download in {
        "fasterrcnn_resnet50_fpn": "fasterrcnn_resnet50_fpn_coco",
        "deeplabv3_resnet101": "deeplabv3_resnet101_coco",
        "resnet50": "resnet50",
    }.items()
}

LOSS_BACKBONES: Mapping[str, str] = {
    "lpips_squeeze": "squeeze",
    "lpips_vgg": "vgg",
    "lpips_alex": "alex",
    "style": "vgg19",
}


class Metric(NamedTuple):
    """What an error is measured in, see `memorability.base.run_keys.METRIC_KEYS`."""

    metric: str
    backbone: str
    sign: str


def minimum_side(losses: Iterable[str]) -> int:
    """Return the shorter side, in pixels, that an original needs for all of `losses`."""
    return max((MINIMUM_SIDES.get(loss, 1) for loss in losses), default=1)


def backbone_weights(loss: str, weights_source: str) -> str:
    """Return which weights the network of a loss has: `pretrained`, `random`, or `none` without one."""
    if loss not in LOSS_BACKBONES:
        return "none"
    return "random" if weights_source == "random" else "pretrained"
