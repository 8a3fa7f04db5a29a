"""Losses: how far a reconstruction is from its image, one number per image.

Every loss takes images and reconstructions (N, 3, H, W) in [0, 1] and returns (N,): 0 for identical
images, larger for worse reconstructions. Fine-tuning minimises it; the same number, after training,
is the reconstruction error.
"""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import lpips
import pytorch_msssim
import torch
import torchvision
from torch import Tensor, nn

from memorability import weights
from memorability.downloads import LOSS_BACKBONES, metric_name
from memorability.errors import InputError, nearest
from memorability.images import MINIMUM_SIDES
from memorability.seeding import stream_seed

# VGG19's convolutions whose output is compared by Gatys et al. 2016: conv1_1, conv2_1, ..., conv5_1.
STYLE_LAYERS = (0, 5, 10, 19, 28)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)


class MeanSquaredError(nn.Module):
    """Mean squared difference over pixels and channels; range [0, 1]."""

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) errors."""
        return (images - reconstructions).square().mean(dim=(1, 2, 3))


class MultiScaleSSIM(nn.Module):
    """One minus multi-scale structural similarity (Wang, Simoncelli & Bovik 2003); range [0, 1].

    pytorch-msssim computes it; negative contrast terms are cut to 0 there, so that anti-correlated
    images have the error 1 rather than NaN.
    """

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) errors; images need sides of at least 161 pixels."""
        if min(images.shape[-2:]) < MINIMUM_SIDES["ms_ssim"]:
            raise ValueError(
                f"MS-SSIM got images of {images.shape[-2]} x {images.shape[-1]} pixels, but needs at "
                f"least {MINIMUM_SIDES['ms_ssim']}. Use larger images or another loss."
            )
        similarity: Tensor = pytorch_msssim.ms_ssim(
            images, reconstructions, data_range=1.0, size_average=False
        )
        return (1 - similarity).clamp(min=0)  # rounding leaves -4e-6 for near-identical flat images


class Lpips(nn.Module):
    """Learned perceptual image patch similarity (Zhang et al. 2018), a distance; range [0, ∞).

    Parameters
    ----------
    network
        `squeeze`, `vgg` or `alex`.
    input_range
        `minus_one_to_one` scales images to [-1, 1], on which LPIPS is defined; `zero_to_one` feeds
        them as they are.
    """

    def __init__(self, network: str, input_range: str) -> None:
        super().__init__()
        self.to_minus_one = input_range == "minus_one_to_one"
        with warnings.catch_warnings():
            # lpips asks torchvision by an argument that torchvision has renamed since.
            warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
            # pnet_rand keeps lpips from downloading a backbone by itself.
            self.lpips = lpips.LPIPS(net=network, pnet_rand=True, verbose=False)

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) distances."""
        distance: Tensor = self.lpips(images, reconstructions, normalize=self.to_minus_one)
        return distance.flatten()


class StyleLoss(nn.Module):
    """Squared difference of Gram matrices in five layers of VGG19 (Gatys et al. 2016); range [0, ∞).

    Their equation 4 for each layer, 1 / (4 N² M²) times the sum of squared differences, with N maps
    of M positions; layers weigh the same.
    """

    def __init__(self) -> None:
        super().__init__()
        features = torchvision.models.vgg19(weights=None).features
        # Not in place: a Gram matrix is taken before the ReLU that follows its convolution.
        self.features = nn.Sequential(
            *(nn.ReLU() if isinstance(layer, nn.ReLU) else layer for layer in features)
        )[: STYLE_LAYERS[-1] + 1]
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("sd", torch.tensor(IMAGENET_SD).view(1, 3, 1, 1), persistent=False)

    def _grams(self, images: Tensor) -> list[Tensor]:
        maps = (images - self.get_buffer("mean")) / self.get_buffer("sd")
        grams = []
        for index, layer in enumerate(self.features):
            maps = layer(maps)
            if index in STYLE_LAYERS:
                flat = maps.flatten(2)
                grams.append(flat @ flat.transpose(1, 2) / flat.shape[-1])
        return grams

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) losses."""
        pairs = zip(self._grams(images), self._grams(reconstructions), strict=True)
        layers = [(ours - theirs).square().mean(dim=(1, 2)) / 4 for ours, theirs in pairs]
        return torch.stack(layers).mean(dim=0)


# Name -> maker, given the range that LPIPS is fed.
LOSSES: Mapping[str, Callable[[str], nn.Module]] = {
    "mse": lambda _: MeanSquaredError(),
    "ms_ssim": lambda _: MultiScaleSSIM(),
    "lpips_squeeze": lambda lpips_range: Lpips("squeeze", lpips_range),
    "lpips_vgg": lambda lpips_range: Lpips("vgg", lpips_range),
    "lpips_alex": lambda lpips_range: Lpips("alex", lpips_range),
    "style": lambda _: StyleLoss(),
}


def make_loss(
    name: str, *, lpips_range: str, weights_source: str, weights_directory: Path
) -> tuple[nn.Module, str, weights.Receipt | None]:
    """Return a loss, frozen and in evaluation mode.

    Parameters
    ----------
    name
        Key of `LOSSES`.
    lpips_range
        See `Lpips`.
    weights_source
        `directory`: the backbone's pretrained weights are loaded strictly. `random`: it keeps random
        weights, the same in every run of every study.
    weights_directory
        Where weights files are.

    Returns
    -------
    tuple
        The module; the metric's honest name, "<loss>_random_backbone" where weights are random; and
        the receipt of its weights, None for a loss without any.

    Raises
    ------
    InputError
        If the loss is unknown or its weights do not load.
    """
    if name not in LOSSES:
        raise InputError(f"The loss {name!r} is unknown ({nearest(name, LOSSES)}).")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(0, f"loss backbone {name}"))
        loss = LOSSES[name](lpips_range).eval().requires_grad_(False)
    if name not in LOSS_BACKBONES:
        return loss, name, None
    backbone = LOSS_BACKBONES[name]
    network = loss.lpips.net if isinstance(loss, Lpips) else loss.get_submodule("features")
    if weights_source == "random":
        receipt = weights.random_receipt(f"{backbone} backbone", network)
        return loss, metric_name(name, weights_source), receipt
    return loss, name, weights.load_backbone(network, backbone, weights_directory)
