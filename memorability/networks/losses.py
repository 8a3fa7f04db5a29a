"""Losses: how far a reconstruction is from its image, one number per image.

Every loss takes images and reconstructions (N, 3, H, W) in [0, 1] and returns (N,): 0 for identical
images, larger for worse reconstructions; nothing is summed or averaged over images. Fine-tuning
minimises it; the same number, after training, is the reconstruction error. `with_sign` alone leaves
this: it turns LPIPS into the similarity that the published scripts take it for.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytorch_msssim
import torch
from torch import Tensor, nn

from memorability.base.errors import named
from memorability.base.seeding import stream_seed
from memorability.networks import torchvision_networks, weights
from memorability.networks.catalogue import MS_SSIM_SIDE, SSIM_SIDE, Metric, weights_name
from memorability.networks.computing import Precision, autocast

# VGG19's convolutions whose responses Gatys et al. 2016 compare: conv1_1, conv2_1, ..., conv5_1.
STYLE_LAYERS = (0, 5, 10, 19, 28)
# A ReLU follows each of them.
STYLE_RELUS = tuple(layer + 1 for layer in STYLE_LAYERS)


LpipsRange = Literal["minus_one_to_one", "zero_to_one"]
StyleGram = Literal["gatys5", "gatys5_relu", "pool5"]
Sign = Literal["distance", "one_minus"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LossChoice:
    """Which loss, and with which weights.

    Parameters
    ----------
    name
        Key of `LOSSES`.
    lpips_range
        See `Lpips`.
    style_gram
        See `StyleLoss`.
    weights_file
        The file of the weights of the loss's network, which are loaded strictly. None: it has no
        network, or one that keeps random weights, the same in every run of every study.
    """

    name: str
    lpips_range: LpipsRange
    style_gram: StyleGram
    weights_file: Path | None


class MeanSquaredError(nn.Module):
    """Mean squared difference over pixels and channels; range [0, 1]."""

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) errors."""
        return (images - reconstructions).square().mean(dim=(1, 2, 3))


class MeanAbsoluteError(nn.Module):
    """Mean absolute difference over pixels and channels; range [0, 1]."""

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) errors."""
        return (images - reconstructions).abs().mean(dim=(1, 2, 3))


class SSIM(nn.Module):
    """One minus structural similarity (Wang et al. 2004), a mean over windows; range [0, 2].

    pytorch-msssim computes it: Gaussian window of 11 pixels and standard deviation 1.5, only where it
    lies inside the image, each channel for itself. Above 1 where images are anti-correlated.
    """

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) errors; images need sides of at least 11 pixels."""
        _refuse_small("SSIM", images, SSIM_SIDE)
        similarity: Tensor = pytorch_msssim.ssim(
            images, reconstructions, data_range=1.0, size_average=False
        )
        return (1 - similarity).clamp(min=0)


class MultiScaleSSIM(nn.Module):
    """One minus multi-scale structural similarity (Wang, Simoncelli & Bovik 2003); range [0, 1].

    pytorch-msssim computes it; negative contrast terms, of which the product of powers would be NaN,
    are cut to 0 there. Anti-correlated images have the error 1, and a channel with a term that was cut
    has the gradient 0: nothing is learnt from it.
    """

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) errors; images need sides of at least 161 pixels."""
        _refuse_small("MS-SSIM", images, MS_SSIM_SIDE)
        similarity: Tensor = pytorch_msssim.ms_ssim(
            images, reconstructions, data_range=1.0, size_average=False
        )
        return (1 - similarity).clamp(min=0)  # rounding leaves -4e-6 for near-identical flat images


class NetworkLoss(nn.Module, ABC):
    """A loss that compares images by what a network makes of them.

    What it makes of the image itself is the same in every step, epoch and run: `describe` returns it,
    and `compare` takes it from wherever it was kept.

    Attributes
    ----------
    backbone
        The network, a key of `memorability.networks.catalogue.BACKBONES`.
    precision
        In which the network computes, see `memorability.networks.computing`; what follows it is
        fp32.
    """

    backbone: str
    precision: Precision = "fp32"

    @abstractmethod
    def describe(self, images: Tensor) -> list[Tensor]:
        """Return float32 tensors (N, ...) of images (N, 3, H, W) in [0, 1]."""

    @abstractmethod
    def compare(self, described: Sequence[Tensor], reconstructions: Tensor) -> Tensor:
        """Return (N,) errors of reconstructions of the images that `described` is of."""

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return (N,) errors."""
        return self.compare(self.describe(images), reconstructions)


class Lpips(NetworkLoss):
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
        import lpips

        self.backbone = network
        self.to_minus_one = input_range == "minus_one_to_one"
        with warnings.catch_warnings(), torch.device("meta"):
            # lpips asks torchvision by an argument that torchvision has renamed since.
            warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
            # pnet_rand keeps lpips from downloading a backbone by itself.
            self.lpips = lpips.LPIPS(net=network, pretrained=False, pnet_rand=True, verbose=False)
        self._normalise: Callable[[Tensor], Tensor] = lpips.normalize_tensor
        _materialise(self.lpips.net)
        # The weights of channels, which people's judgments decided, ship inside lpips.
        judged = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{network}.pth"
        weights_of_channels = torch.load(judged, map_location="cpu", weights_only=True)
        self.lpips.load_state_dict(weights_of_channels, strict=False, assign=True)

    def describe(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps of each layer, of length 1 along the channels."""
        scaled = self.lpips.scaling_layer(2 * images - 1 if self.to_minus_one else images)
        with autocast(self.precision, images.device.type):
            layers = self.lpips.net(scaled)
        return [self._normalise(maps.float()) for maps in layers]

    def compare(self, described: Sequence[Tensor], reconstructions: Tensor) -> Tensor:
        """Return (N,) distances."""
        distance = torch.zeros((), device=reconstructions.device)
        pairs = zip(described, self.describe(reconstructions), self.lpips.lins, strict=True)
        for ours, theirs, weigh in pairs:
            distance = distance + weigh((ours - theirs) ** 2).mean(dim=(1, 2, 3))
        return distance


class StyleLoss(NetworkLoss):
    """Squared difference of Gram matrices of VGG19's feature maps; range [0, ∞).

    Parameters
    ----------
    gram
        `gatys5`: five layers of ImageNet-normalised images (Gatys et al. 2015, equation 4 for each:
        1 / (4 N² M²) times the sum of squared differences, with N maps of M positions); layers weigh
        the same. Maps are the outputs of the convolutions. `gatys5_relu`: the same of the maps after
        the ReLU that follows, the "filter responses" that the source compares. `pool5`: what the
        published scripts do, one matrix after the last pooling, divided by nothing, of images that
        are not normalised. How they reduce the difference of two matrices is not known: here it is
        the mean over the N² entries.
    """

    backbone = "vgg19"

    def __init__(self, gram: str) -> None:
        super().__init__()
        from torchvision.models import vgg19

        self.published_scripts = gram == "pool5"
        with torch.device("meta"):
            features = vgg19(weights=None).features
        _materialise(features)
        # Not in place: a Gram matrix may be taken before the ReLU that follows its convolution.
        layers = [nn.ReLU() if isinstance(layer, nn.ReLU) else layer for layer in features]
        self.compared = STYLE_RELUS if gram == "gatys5_relu" else STYLE_LAYERS
        used = len(layers) if self.published_scripts else self.compared[-1] + 1
        self.features = nn.Sequential(*layers[:used])
        self.register_buffer(
            "mean", torch.tensor(weights.IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False
        )
        self.register_buffer(
            "sd", torch.tensor(weights.IMAGENET_SD).view(1, 3, 1, 1), persistent=False
        )

    def _maps(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps whose Gram matrices are compared, flattened: (N, C, M) float32."""
        with autocast(self.precision, images.device.type):
            if self.published_scripts:
                return [self.features(images).float().flatten(2)]
            maps, taken = (images - self.get_buffer("mean")) / self.get_buffer("sd"), []
            for index, layer in enumerate(self.features):
                maps = layer(maps)
                if index in self.compared:
                    taken.append(maps.float().flatten(2))
        return taken

    def describe(self, images: Tensor) -> list[Tensor]:
        """Return the Gram matrix (N, C, C) of each layer."""
        maps = self._maps(images)
        # By 2 M here and averaged over N² entries later: together Gatys' 1 / (4 N² M²).
        scales = [1 if self.published_scripts else 2 * flat.shape[-1] for flat in maps]
        return [
            flat @ flat.transpose(1, 2) / scale for flat, scale in zip(maps, scales, strict=True)
        ]

    def compare(self, described: Sequence[Tensor], reconstructions: Tensor) -> Tensor:
        """Return (N,) losses."""
        pairs = zip(described, self.describe(reconstructions), strict=True)
        layers = [(ours - theirs).square().mean(dim=(1, 2)) for ours, theirs in pairs]
        return torch.stack(layers).mean(dim=0)


class OneMinus(NetworkLoss):
    """One minus a distance, as the published scripts minimise and report LPIPS; range (−∞, 1].

    Minimising it drives the distance up; identical images have 1.
    """

    def __init__(self, distance: NetworkLoss) -> None:
        super().__init__()
        self.distance = distance

    def describe(self, images: Tensor) -> list[Tensor]:
        """Return what the distance compares images by."""
        return self.distance.describe(images)

    def compare(self, described: Sequence[Tensor], reconstructions: Tensor) -> Tensor:
        """Return (N,) numbers that fall with the distance."""
        return 1 - self.distance.compare(described, reconstructions)


def with_sign(loss: nn.Module, sign: Sign) -> tuple[nn.Module, Sign]:
    """Return a loss under a protocol's sign of LPIPS, and the sign that it has then.

    Of similarities (SSIM, MS-SSIM) one minus is the distance: losses but LPIPS stay as they are.

    Parameters
    ----------
    loss
        As from `make_loss`.
    sign
        `distance`, or `one_minus`: the published scripts' 1 − LPIPS.
    """
    if sign == "one_minus" and isinstance(loss, Lpips):
        return OneMinus(loss), sign
    return loss, "distance"


def _refuse_small(name: str, images: Tensor, least: int) -> None:
    if min(images.shape[-2:]) < least:
        raise ValueError(
            f"{name} got images of {images.shape[-2]} x {images.shape[-1]} pixels, but needs at "
            f"least {least}. Use larger images or another loss."
        )


def _materialise(network: nn.Module) -> None:
    """Give convolutions made on the meta device random weights (He et al. 2015), as VGG has them.

    Networks are made there for the sake of the classifiers that come with them: of VGG 500 MB and a
    second, and no loss uses them.
    """
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


# Name -> maker, given the range that LPIPS is fed and the kind of Gram matrices.
MAKERS: Mapping[str, Callable[[str, str], nn.Module]] = {
    "mse": lambda _range, _gram: MeanSquaredError(),
    "mae": lambda _range, _gram: MeanAbsoluteError(),
    "ssim": lambda _range, _gram: SSIM(),
    "ms_ssim": lambda _range, _gram: MultiScaleSSIM(),
    "lpips_squeeze": lambda lpips_range, _gram: Lpips("squeeze", lpips_range),
    "lpips_vgg": lambda lpips_range, _gram: Lpips("vgg", lpips_range),
    "lpips_alex": lambda lpips_range, _gram: Lpips("alex", lpips_range),
    "style": lambda _range, style_gram: StyleLoss(style_gram),
}
WITHOUT_WEIGHTS = ("mse", "mae", "ssim", "ms_ssim")
"""Losses without a network, which every study can measure."""


def make_loss(
    choice: LossChoice, *, precision: Precision = "fp32"
) -> tuple[nn.Module, Metric, weights.Receipt | None]:
    """Return a loss, frozen and in evaluation mode.

    Parameters
    ----------
    choice
        The loss and its weights.
    precision
        In which a network computes, see `memorability.networks.computing`; losses without one are
        fp32.

    Returns
    -------
    tuple
        The module; what it measures, as a distance; and the receipt of the weights of its network, None
        for a loss without any.

    Raises
    ------
    InputError
        If the loss is unknown or its weights do not load.
    """
    name = choice.name
    make = named(MAKERS, name, "loss")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(0, f"loss backbone {name}"))
        loss = make(choice.lpips_range, choice.style_gram).eval().requires_grad_(False)
    if not isinstance(loss, NetworkLoss):
        return loss, Metric(name, weights_name(None, None), "", "", "distance"), None
    backbone = weights_name(loss.backbone, choice.weights_file)
    loss.precision = precision
    network = loss.lpips.net if isinstance(loss, Lpips) else loss.get_submodule("features")
    if choice.weights_file is None:
        receipt = weights.random_receipt(f"{loss.backbone} backbone", network)
        return loss, Metric(name, backbone, "", "no", "distance"), receipt
    receipt = torchvision_networks.load_backbone(network, loss.backbone, choice.weights_file)
    metric = Metric(name, backbone, receipt.trained_by, receipt.published, "distance")
    return loss, metric, receipt
