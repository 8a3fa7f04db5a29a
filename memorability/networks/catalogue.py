"""Each loss, backbone and pretrained file, named once, without loading a network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

SSIM_SIDE = 11
"""Pixels of the window of SSIM."""

MS_SSIM_SIDE = 161
"""Pixels that MS-SSIM needs: it halves the image four times, which leaves room for the window in more
than (11 - 1) x 2^4."""


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """What is known of a loss.

    `memorability.networks.losses` computes it; what it costs is in `workflow/cost_figures.yaml`. No
    job of a model or of the images reads this, so that another word here trains nothing anew.

    Parameters
    ----------
    name
        As configurations, tables and folders have it.
    label
        As readers have it.
    backbone
        Key of `BACKBONES`: the network that it compares images by, if it has one.
    minimum_side
        Shorter side of the original, in pixels, below which it has no detail left to compare.
    """

    name: str
    label: str
    backbone: str | None = None
    minimum_side: int = 1


LOSSES: Mapping[str, LossSpec] = {
    spec.name: spec
    for spec in (
        LossSpec(name="mse", label="MSE"),
        LossSpec(name="mae", label="MAE"),
        LossSpec(name="ssim", label="SSIM", minimum_side=SSIM_SIDE),
        LossSpec(name="ms_ssim", label="MS-SSIM", minimum_side=MS_SSIM_SIDE),
        LossSpec(name="lpips_squeeze", label="LPIPS (SqueezeNet)", backbone="squeeze"),
        LossSpec(name="lpips_vgg", label="LPIPS (VGG)", backbone="vgg"),
        LossSpec(name="lpips_alex", label="LPIPS (AlexNet)", backbone="alex"),
        LossSpec(name="style", label="Style loss", backbone="vgg19"),
    )
}
LOSS_BACKBONES: Mapping[str, str] = {
    spec.name: spec.backbone for spec in LOSSES.values() if spec.backbone
}

# Names of files are those of sources/downloads.yaml.
# Networks behind losses, by the names that the package lpips gives them.
BACKBONES: Mapping[str, str] = {
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "vgg": "vgg16-397923af.pth",
    "alex": "alexnet-owt-7be5be79.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
}
# Networks behind object features.
OBJECT_NETWORKS: Mapping[str, str] = {
    "fasterrcnn_resnet50_fpn": "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",
    "deeplabv3_resnet101": "deeplabv3_resnet101_coco-586e9e4e.pth",
    "resnet50": "resnet50-0676ba61.pth",
}
AUTOENCODER = "imagenet-vgg16.pth"


class Metric(NamedTuple):
    """What an error is measured in, see `memorability.base.run_keys.METRIC_KEYS`."""

    metric: str
    backbone: str
    sign: str


def minimum_side(losses: Iterable[str]) -> int:
    """Return the shorter side, in pixels, that an original needs for all of `losses`."""
    return max((LOSSES[loss].minimum_side for loss in losses), default=1)


def backbone_weights(loss: str, weights_source: str) -> str:
    """Return which weights the network of a loss has: `pretrained`, `random`, or `none` without one."""
    if loss not in LOSS_BACKBONES:
        return "none"
    return "random" if weights_source == "random" else "pretrained"
