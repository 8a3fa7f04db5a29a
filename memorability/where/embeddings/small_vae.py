"""A small variational autoencoder of small images, and where it places images on a plane.

Source: D. P. Kingma and M. Welling, Auto-encoding variational Bayes, 2014 (arXiv:1312.6114), with a
normal likelihood whose standard deviation is learned, one for all pixels.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from memorability.base.arrays import blocks
from memorability.base.seeding import numpy_stream, stream_seed, torch_stream
from memorability.networks.computing import Compute
from memorability.networks.training.early_stopping import EarlyStopping

SIDE = 32
"""Of the small images, in pixels."""

STEPS, BATCH, LEARNING_RATE = 1000, 32, 2e-3
"""Of the training by Adam: steps at most, images of a step, and how far a step goes."""

RECORDED, PATIENCE = 25, 4
"""Steps after which losses are recorded again; so often without a lower validation loss, it ends."""

MOST_IMAGES = 5000
"""Training images at most, and validation images: seeded choices."""

_READ = 256  # images at once
_DECIMALS = 5  # a place in a batch changes those that follow


@dataclass(frozen=True, kw_only=True)
class VaeSettings:
    """What decides the small VAE.

    Parameters
    ----------
    seed
        Of the choice of training images, initial weights, order and noise.
    compute
        How networks compute.
    """

    seed: int
    compute: Compute


class SmallVae(nn.Module):
    """A variational autoencoder of two latent values; new, it answers the mean image to any."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip
        self.code = nn.Linear(1024, 4)
        self.decode = nn.Sequential(
            nn.Linear(2, 1024), nn.ReLU(), nn.Unflatten(1, (64, 4, 4)),
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.draw = nn.ConvTranspose2d(16, 3, 4, stride=2, padding=1)
        self.log_sd = nn.Parameter(torch.zeros(()))
        for layer in (self.code, self.draw):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # both have one

    def codes(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log variances of the latent values, (N, 2) each."""
        means, log_variances = self.code(self.encode(images)).chunk(2, dim=1)
        return means, log_variances

    def losses(self, images: Tensor, noise: Tensor) -> Tensor:
        """Return the negative evidence lower bound of each image (N,), in nats per pixel value.

        Parameters
        ----------
        images
            (N, 3, 32, 32), less the mean image, in standard deviations of training pixels.
        noise
            (N, 2), standard normal.
        """
        means, log_variances = self.codes(images)
        drawn = self.draw(self.decode(means + noise * (log_variances / 2).exp()))
        values = images.shape[1:].numel()
        squares = (images - drawn).square().sum(dim=(1, 2, 3))
        of_pixels = values * (self.log_sd + math.log(2 * math.pi) / 2) + squares / (
            2 * (2 * self.log_sd).exp()
        )
        divergence = (means.square() + log_variances.exp() - 1 - log_variances).sum(dim=1) / 2
        losses: Tensor = (of_pixels + divergence) / values
        return losses


@dataclass(frozen=True)
class PlacedImages:
    """What the small VAE found.

    Attributes
    ----------
    means
        Means of the two latent values of each placed image, (n, 2).
    curve
        The table `small_vae`.
    """

    means: npt.NDArray[np.float64]
    curve: pd.DataFrame


def small_images(pixels: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp]) -> Tensor:
    """Return images of a store as means of squares of pixels, (n, 3, 32, 32) within 0 and 1.

    Parameters
    ----------
    pixels
        (N, 3, H, H), where 32 divides H; in memory or memory-mapped.
    rows
        Of the images, (n,).
    """
    square = pixels.shape[-1] // SIDE
    small = np.empty((len(rows), 3, SIDE, SIDE), dtype=np.float32)
    for block in blocks(len(rows), _READ):
        read = pixels[rows[block]].reshape(-1, 3, SIDE, square, SIDE, square)
        small[block] = read.mean(axis=(3, 5), dtype=np.float32) / 255
    return torch.from_numpy(small)


def place_images(
    pixels: npt.NDArray[np.uint8],
    split: npt.NDArray[Any],
    settings: VaeSettings,
    *,
    device: str,
    on_step: Callable[[], object] = lambda: None,
) -> PlacedImages:
    """Train the small VAE on training images, and return where it places the test images.

    On a CPU it is reproducible to the bit for a seed and a number of threads.

    Parameters
    ----------
    pixels
        The store, see `small_images`.
    split
        "train", "validation" or "test", (N,); at least one of the first and of the last.
    settings
        How.
    device
        torch device.
    on_step
        Called after each step, at most `STEPS` times.
    """
    parts = {name: _rows(split, name, settings.seed) for name in ("train", "validation", "test")}
    images = {name: small_images(pixels, rows) for name, rows in parts.items()}
    mean = images["train"].mean(dim=0)
    # Images that are all alike have no spread.
    sd = max(float((images["train"] - mean).square().mean().sqrt()), 1 / 255)
    images = {name: ((each - mean) / sd).to(device) for name, each in images.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(settings.seed, "initial weights of the small VAE"))
        network = SmallVae().to(device)
    curve = pd.DataFrame(list(_train(network, images, settings.seed, on_step)))
    with torch.inference_mode():
        means = torch.cat([network.codes(batch)[0] for batch in torch.split(images["test"], _READ)])
    # None is lower than itself: without validation images the last weights are kept.
    kept = (
        len(curve) - 1
        if curve["validation_loss"].isna().all()
        else curve["validation_loss"].idxmin()
    )
    return PlacedImages(
        np.round(means.double().cpu().numpy(), _DECIMALS),
        curve.assign(
            kept=curve.index == kept, trained_on=len(parts["train"]), n=len(parts["test"])
        ),
    )


def _rows(split: npt.NDArray[Any], part: str, seed: int) -> npt.NDArray[np.intp]:
    """Return the rows of a part of the split; of all but the test images, some where there are many."""
    rows = np.flatnonzero(split == part)
    if part == "test" or len(rows) <= MOST_IMAGES:
        return rows
    stream = numpy_stream(seed, f"{part} images of the small VAE")
    return np.sort(stream.choice(rows, MOST_IMAGES, replace=False))


def _train(
    network: SmallVae, images: Mapping[str, Tensor], seed: int, on_step: Callable[[], object]
) -> Iterator[dict[str, float]]:
    """Train a network, and yield its losses: those of training are means since the last ones.

    It ends with the weights of the lowest validation loss.
    """
    noise = {
        name: torch_stream(seed, f"noise of {name} images of the small VAE") for name in images
    }
    fixed = {name: _normal(len(images[name]), noise[name]) for name in ("validation", "test")}

    def losses() -> dict[str, float]:
        of_parts = {name: _loss(network, images[name], fixed[name]) for name in fixed}
        return {
            "validation_loss": of_parts["validation"],
            "held_out_loss": of_parts["test"],
        }

    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    order = _order(len(images["train"]), seed)
    stopping = EarlyStopping(network, PATIENCE)
    recent: list[float] = []
    found = {"step": 0, "training_loss": math.nan, **losses()}
    stopping.ends(found["validation_loss"])
    yield found
    for step in range(1, STEPS + 1):
        batch = images["train"][next(order)]
        loss = network.losses(batch, _normal(len(batch), noise["train"]).to(batch)).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        recent.append(float(loss.detach()))
        on_step()
        if step % RECORDED == 0:
            found = {"step": step, "training_loss": float(np.mean(recent)), **losses()}
            recent.clear()
            yield found
            if stopping.ends(found["validation_loss"]):
                break
    stopping.restore()


@torch.inference_mode()
def _loss(network: SmallVae, images: Tensor, noise: Tensor) -> float:
    """Return the mean loss of images (N, 3, 32, 32) under noise (N, 2); NaN of none."""
    parts = zip(torch.split(images, _READ), torch.split(noise, _READ), strict=True)
    return float(torch.cat([network.losses(each, drawn.to(each)) for each, drawn in parts]).mean())


def _normal(count: int, stream: torch.Generator) -> Tensor:
    return torch.randn(count, 2, generator=stream)


def _order(count: int, seed: int) -> Iterator[Tensor]:
    """Yield the rows of each batch without end: all images in a new order, again and again."""
    stream = torch_stream(seed, "order of the small VAE")
    while True:
        yield from torch.split(torch.randperm(count, generator=stream), BATCH)
