"""Pictures that excite a unit: as Needell and Bainbridge published it, and a recommended variant."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFilter
from torch import Tensor, nn

from memorability.base.seeding import numpy_stream, torch_stream
from memorability.where.changes import Pixels
from memorability.where.reading import reader_of

START_SIDE, GROWTH = 67, 1.2
START_RANGE = (150, 180)
"""Of 255: the uniform noise from which the published recipe starts."""

STEPS_OF_ROUND, RATE, DECAY = 36, 1e-2, 1e-6
BOX_BLUR = 2

LARGEST_SIDE = 224
"""Up to which pictures grow here. The published recipe makes 16 rounds, to 1,239 pixels: each step then
takes thirty times as long."""

RECOMMENDED_STEPS, RECOMMENDED_RATE, JITTER = 128, 0.05, 12
"""Steps of Adam, their rate, and how far the picture is moved at random before each, in pixels."""


class _Reached(Exception):  # noqa: N818  # no error: what follows a layer need not be computed
    """A layer has been computed."""


def mean_activation(network: nn.Module, layer: str, unit: int, pictures: Tensor) -> Tensor:
    """Return the mean activation of a unit in pictures (N, 3, S, S), 0 to 1, over places and pictures.

    Parameters
    ----------
    network
        Of a predictor.
    layer
        As PyTorch names it. Layers after it are not computed, so that they need not fit the side.
    unit
        Its number.
    pictures
        On the network's device.
    """
    found: list[Tensor] = []

    def reached(_: nn.Module, __: Any, output: Tensor) -> None:
        found.append(output)
        raise _Reached

    hook = network.get_submodule(layer).register_forward_hook(reached)
    try:
        reader_of(network, layer)(pictures)
    except _Reached:
        pass
    finally:
        hook.remove()
    return found[0][:, unit].mean()


def has_gradient(network: nn.Module, layer: str, unit: int, *, device: str) -> bool:
    """Whether a unit's activation has a gradient: that of a frozen encoder may have none."""
    picture = torch.full((1, 3, LARGEST_SIDE, LARGEST_SIDE), 0.5, device=device, requires_grad=True)
    return bool(mean_activation(network, layer, unit, picture).requires_grad)


def published(network: nn.Module, layer: str, unit: int, *, seed: int, device: str) -> Pixels:
    """Return the picture of the published recipe, up to `LARGEST_SIDE` (S, S, 3).

    Uniform noise is changed by Adam to raise a unit's mean activation, is enlarged and blurred, and so
    on (C. D. Needell and W. A. Bainbridge, Embracing new techniques in deep learning for predicting
    image memorability, 2022).

    Parameters
    ----------
    network
        Of a predictor, without gradients of its weights.
    layer, unit
        See `mean_activation`.
    seed
        Of the noise.
    device
        torch device.
    """
    stream = numpy_stream(seed, f"picture of {layer} {unit}")
    values = stream.integers(*START_RANGE, (START_SIDE, START_SIDE, 3), dtype=np.uint8)
    picture = _tensor(values, device)
    while True:
        picture = _climb(network, layer, unit, picture)
        side = int(picture.shape[-1] * GROWTH)
        if side > LARGEST_SIDE:
            return _pixels(picture)
        large = Image.fromarray(_pixels(picture)).resize((side, side), Image.Resampling.BICUBIC)
        picture = _tensor(np.asarray(large.filter(ImageFilter.BoxBlur(BOX_BLUR))), device)


def recommended(
    network: nn.Module,
    layer: str,
    unit: int,
    *,
    seed: int,
    device: str,
    steps: int = RECOMMENDED_STEPS,
) -> Pixels:
    """Return a picture whose spectrum is changed, and which is moved at random before each step.

    High frequencies are scaled down as in photographs, so that they do not take over (C. Olah,
    A. Mordvintsev and L. Schubert, Feature visualization, 2017).

    Parameters
    ----------
    network, layer, unit, seed, device
        See `published`.
    steps
        Of Adam.
    """
    side = LARGEST_SIDE
    down, across = (np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    falling = 1 / np.maximum(np.hypot(down, across), 1 / side)
    scale = torch.from_numpy(falling).float().to(device)
    generator = torch_stream(seed, f"spectrum of {layer} {unit}")
    spectrum = (0.01 * torch.randn(3, side, side // 2 + 1, 2, generator=generator)).to(device)
    spectrum.requires_grad_(True)
    optimiser = torch.optim.Adam([spectrum], lr=RECOMMENDED_RATE)
    stream = numpy_stream(seed, f"jitter of {layer} {unit}")
    for _ in range(steps):
        moves = [int(move) for move in stream.integers(-JITTER, JITTER + 1, 2)]
        moved = torch.roll(_of_spectrum(spectrum, scale, side), moves, dims=(-2, -1))
        optimiser.zero_grad()
        (-mean_activation(network, layer, unit, moved)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return _pixels(_of_spectrum(spectrum, scale, side).detach())


def _of_spectrum(spectrum: Tensor, scale: Tensor, side: int) -> Tensor:
    """Return the picture of a spectrum. Its distance from grey is fixed, lest colours saturate."""
    values = torch.fft.irfft2(torch.view_as_complex(spectrum) * scale, s=(side, side), norm="ortho")
    return torch.sigmoid(values / values.square().mean().sqrt().clamp_min(1e-6))[None]


def _climb(network: nn.Module, layer: str, unit: int, picture: Tensor) -> Tensor:
    values = picture.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([values], lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS_OF_ROUND):
        optimiser.zero_grad()
        (-mean_activation(network, layer, unit, values)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return values.detach()


def _tensor(values: npt.NDArray[np.uint8], device: str) -> Tensor:
    """Return a picture (H, W, 3) as (1, 3, H, W), 0 to 1."""
    return (torch.from_numpy(values.copy()).permute(2, 0, 1)[None].float() / 255).to(device)


def _pixels(picture: Tensor) -> Pixels:
    values = picture[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    return np.asarray(np.rint(255 * values), dtype=np.uint8)
