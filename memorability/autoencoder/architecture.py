"""The VGG16 autoencoder: the architecture of the published ImageNet checkpoint, and the paper's text.

The paper describes two fully connected layers and twelve transposed convolutions; the checkpoint it
names has neither, but batch normalisation and mirrored convolutions. Both are here, as choices.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.base.seeding import stream_seed
from memorability.base.settings import from_params
from memorability.networks.computing import Precision, autocast
from memorability.networks.model_file import ModelFile

CHANNELS = (64, 128, 256, 512, 512)
LAYERS = (2, 2, 3, 3, 3)
FULLY_CONNECTED = 4096
MAP_SIDE = 7  # of the last feature map for an input of 224
AUTOENCODER_FILE = ModelFile(
    "autoencoder of this workflow", ("architecture", "bottleneck"), "Delete it and run again."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """Which autoencoder.

    Parameters
    ----------
    width
        Factor on every channel count, above 0 and up to 1, for small studies; 1 has 31,888,451
        parameters with the published choices.
    bottleneck
        `conv7x7` or `fc4096`, see `memorability.study.protocol.Protocol`.
    decoder
        `upsample_conv` or `transposed12`.
    batch_norm
        Whether convolutions have batch normalisation.
    """

    width: float = 1.0
    bottleneck: Literal["conv7x7", "fc4096"] = "conv7x7"
    decoder: Literal["upsample_conv", "transposed12"] = "upsample_conv"
    batch_norm: bool = True


class Autoencoder(nn.Module):
    """Encoder and decoder between images in [0, 1] and their latents.

    Parameters
    ----------
    architecture
        Its choices.

    Attributes
    ----------
    precision
        In which a call computes, see `memorability.networks.computing`; `encode` and `decode` alone
        do so in fp32. Not part of the model's file.
    """

    precision: Precision = "fp32"

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        width, batch_norm = architecture.width, architecture.batch_norm
        channels = [max(1, round(width * count)) for count in CHANNELS]
        self.encoder = _encoder(channels, batch_norm)
        self.map_shape = (channels[-1], MAP_SIDE, MAP_SIDE)
        map_size = channels[-1] * MAP_SIDE**2
        self.latent_dim = map_size
        self.to_latent: nn.Module = nn.Flatten()
        self.from_latent: nn.Module = nn.Identity()
        if architecture.bottleneck == "fc4096":
            self.latent_dim = max(1, round(width * FULLY_CONNECTED))
            self.to_latent = nn.Sequential(
                nn.Flatten(),
                *(nn.Linear(map_size, self.latent_dim), nn.ReLU(), nn.Dropout()),
                *(nn.Linear(self.latent_dim, self.latent_dim), nn.ReLU(), nn.Dropout()),
            )
            self.from_latent = nn.Sequential(nn.Linear(self.latent_dim, map_size), nn.ReLU())
        upsampling = architecture.decoder == "upsample_conv"
        build = _upsampling_decoder if upsampling else _transposed_decoder
        self.decoder = build(channels, batch_norm)

    def encode(self, images: Tensor) -> Tensor:
        """Return latents (N, latent_dim) of images (N, 3, 224, 224) in [0, 1]."""
        latents: Tensor = self.to_latent(self.encoder(images))
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Return images (N, 3, 224, 224) in (0, 1) from latents (N, latent_dim)."""
        maps = self.from_latent(latents).unflatten(1, self.map_shape)
        return torch.sigmoid(self.decoder(maps).float())

    def forward(self, images: Tensor) -> Tensor:
        """Return the reconstructions of images; shapes and ranges as in `encode` and `decode`."""
        with autocast(self.precision, images.device.type):
            return self.decode(self.encode(images))


def initial_autoencoder(seed: int, architecture: Architecture) -> Autoencoder:
    """Return an autoencoder with seeded random weights; the global generator is left untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "initial weights"))
        return Autoencoder(architecture)


def _encoder(channels: list[int], batch_norm: bool) -> nn.Sequential:
    """Five stages of 3 × 3 convolutions, each ended by 2 × 2 max pooling (VGG16 without its head)."""
    stages, inputs = [], 3
    for outputs, layers in zip(channels, LAYERS, strict=True):
        stage: list[nn.Module] = []
        for _ in range(layers):
            stage.append(nn.Conv2d(inputs, outputs, 3, padding=1))
            if batch_norm:
                stage.append(nn.BatchNorm2d(outputs))
            stage.append(nn.ReLU(inplace=True))
            inputs = outputs
        stages.append(nn.Sequential(*stage, nn.MaxPool2d(2)))
    return nn.Sequential(*stages)


def _upsampling_decoder(channels: list[int], batch_norm: bool) -> nn.Sequential:
    """Five stages of one 2 × 2 transposed convolution and the encoder's convolutions, mirrored."""
    stages = []
    for inputs, outputs, layers in zip(
        channels[::-1], [*channels[-2::-1], 3], LAYERS[::-1], strict=True
    ):
        stage: list[nn.Module] = [nn.ConvTranspose2d(inputs, inputs, 2, stride=2)]
        for layer in range(layers):
            if batch_norm:
                stage.append(nn.BatchNorm2d(inputs))
            stage.append(nn.ReLU(inplace=True))
            last = layer == layers - 1
            stage.append(nn.Conv2d(inputs, outputs if last else inputs, 3, padding=1))
        stages.append(nn.Sequential(*stage))
    return nn.Sequential(*stages)


def _transposed_decoder(channels: list[int], batch_norm: bool) -> nn.Sequential:
    """Twelve transposed convolutions: three, three, two, two and two of a stage's filters (Methods).

    The text gives no kernel sizes, no strides, and no layer that ends in three channels: here the
    first of each stage doubles the side, the others keep it, and a 3 × 3 convolution gives RGB.
    """
    stages, inputs = [], channels[-1]
    for outputs, layers in zip(channels[::-1], (3, 3, 2, 2, 2), strict=True):
        stage: list[nn.Module] = []
        for layer in range(layers):
            kernel, stride = (4, 2) if layer == 0 else (3, 1)
            stage.append(nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding=1))
            if batch_norm:
                stage.append(nn.BatchNorm2d(outputs))
            stage.append(nn.ReLU(inplace=True))
            inputs = outputs
        stages.append(nn.Sequential(*stage))
    return nn.Sequential(*stages, nn.Conv2d(inputs, 3, 3, padding=1))


def write_autoencoder(model: Autoencoder, path: str | Path, record: Mapping[str, Any]) -> None:
    """Write weights as safetensors; the header holds the architecture and a record of the run."""
    header = {"architecture": asdict(model.architecture), "record": record}
    AUTOENCODER_FILE.write(path, header, model.state_dict())


def read_autoencoder(path: str | Path) -> Autoencoder:
    """Rebuild an autoencoder from a file of `write_autoencoder`, in evaluation mode.

    Raises
    ------
    InputError
        If it is no such file, or what a run that diverged has left.
    """
    header, tensors = AUTOENCODER_FILE.read(path)
    outcome = header["record"].get("outcome", {})
    if outcome.get("outcome") == "diverged":
        raise InputError(
            f"The model {path} is what a run that diverged has left: {outcome['reason']} at step "
            f"{outcome['step']}. Its latents mean nothing. Set `selected` to another learning "
            "rate, whose row in tables/correlations_error.tsv names no seed as "
            "diverged."
        )
    model = Autoencoder(from_params(Architecture, header["architecture"]))
    model.load_state_dict(tensors)
    return model.eval()
