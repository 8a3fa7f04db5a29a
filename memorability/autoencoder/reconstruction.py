"""Evaluation of a trained autoencoder: reconstruction errors and latents of every image."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from memorability.autoencoder.architecture import Autoencoder
from memorability.base.arrays import NpyWriter
from memorability.images.pixels import to_unit_range
from memorability.images.thumbnails import shrunk, thumbnail_side
from memorability.networks.computing import Precision, autocast

BatchNormMode = Literal["train", "train_then_recompute", "frozen", "evaluate_as_trained"]


@contextmanager
def evaluating(model: nn.Module, batch_norm_mode: BatchNormMode) -> Iterator[None]:
    """Put a model into evaluation mode, in which images are reconstructed for their errors.

    With `evaluate_as_trained`, batch normalisation takes mean and variance of each channel from the
    image itself, as in fine-tuning at batch size 1. Its running averages neither count nor change.
    Everything else, such as dropout, is in evaluation mode. Afterwards all of the model is.

    Parameters
    ----------
    model
        Whose mode is changed.
    batch_norm_mode
        See `memorability.study.protocol.Protocol`.
    """
    model.eval()
    own = batch_norm_mode == "evaluate_as_trained"
    layers = _batch_norms(model) if own else []
    try:
        for layer in layers:
            layer.train()
            # The averages stay where they are, but are neither read nor written.
            layer.track_running_stats = False
        yield
    finally:
        for layer in layers:
            layer.eval()
            layer.track_running_stats = True


@torch.no_grad()
def measure_errors(
    model: nn.Module,
    loss: nn.Module,
    pixels: np.ndarray,
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Return the reconstruction error of each image, (N,) float64, in the unit of `loss`.

    Images go through one by one, as in training: the sums of a convolution may be split differently
    for another batch size, and errors shall not depend on it.
    """
    model.eval()
    errors = np.empty(len(pixels))
    for row in range(len(pixels)):
        image = to_unit_range(pixels[row : row + 1], device)
        errors[row] = loss(image, model(image)).item()
        on_image()
    return errors


@torch.no_grad()
def encode_all(
    model: Autoencoder,
    pixels: np.ndarray,
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Return the latents of all images, (N, latent_dim) float32, one image at a time."""
    model.eval()
    latents = np.empty((len(pixels), model.latent_dim), dtype=np.float32)
    for row in range(len(pixels)):
        latents[row] = model.encode(to_unit_range(pixels[row : row + 1], device)).cpu().numpy()[0]
        on_image()
    return latents


@torch.no_grad()
def reconstruct(
    model: nn.Module, pixels: np.ndarray, batch_norm_mode: BatchNormMode, *, device: str
) -> np.ndarray:
    """Return the reconstructions of images (N, 3, H, W), as uint8 of the same shape.

    Images go through one by one, as for their errors; values outside of [0, 1] are cut off.
    """
    reconstructed = np.empty(pixels.shape, dtype=np.uint8)
    with evaluating(model, batch_norm_mode):
        for row in range(len(pixels)):
            image = model(to_unit_range(pixels[row : row + 1], device)).clamp(0, 1)
            reconstructed[row] = (image * 255).round().to(torch.uint8).cpu().numpy()[0]
    return reconstructed


def write_small_reconstructions(
    model: nn.Module,
    pixels: np.ndarray,
    batch_norm_mode: BatchNormMode,
    path: str | Path,
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> None:
    """Write the reconstructions of images as small pictures, uint8 (N, 3, side, side).

    Parameters
    ----------
    model, batch_norm_mode, device
        As of `reconstruct`.
    pixels
        uint8 (N, 3, H, W).
    path
        The .npy file; it appears whole. Its side is `memorability.images.thumbnails.thumbnail_side`.
    on_image
        Called after each image.
    """
    side = thumbnail_side(len(pixels))
    with NpyWriter(path, (len(pixels), 3, side, side), np.uint8, sealed=True) as writer:
        for row in range(len(pixels)):
            whole = reconstruct(model, pixels[row : row + 1], batch_norm_mode, device=device)
            writer.append(shrunk(whole, side))
            on_image()


@torch.no_grad()
def recompute_batch_norm(
    model: nn.Module,
    pixels: np.ndarray,
    *,
    device: str,
    rows: np.ndarray | None = None,
    on_image: Callable[[], object] = lambda: None,
) -> None:
    """Replace batch-normalisation averages by the means of the statistics of single images.

    After training at batch size 1 the running averages reflect the last few dozen images only. Images
    pass one by one. A layer's new average is the mean over images of each image's own mean, or of its
    own variance; it is not the variance over all images together, which also differ in their means.
    Every image passes the layers before under its own statistics, as in training.

    Parameters
    ----------
    model
        Its batch-normalisation layers are changed.
    pixels
        uint8 (N, 3, H, W).
    device
        torch device of the model.
    rows
        (M,) rows of `pixels` to average over; all where none are named.
    """
    layers = _batch_norms(model)
    momenta = [layer.momentum for layer in layers]
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain average over all that follows
        layer.train()
    for row in range(len(pixels)) if rows is None else rows:
        model(to_unit_range(pixels[row : row + 1], device))
        on_image()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


@torch.no_grad()
def keep_through_batch_norm(
    network: nn.Module, pixels: np.ndarray, *, device: str, precision: Precision
) -> None:
    """Set batch normalisation so that it gives back what it gets from these images.

    For a network whose convolutions were trained without normalisation. Averages, factors and offsets
    of each channel become those of its values: in evaluation mode the layer is the identity, and in
    training mode nearly so for batches like these images.

    Parameters
    ----------
    network
        A part that takes images; its batch normalisation is the identity in evaluation mode.
    pixels
        uint8 (N, 3, H, W).
    device
        torch device of the network.
    precision
        In which it computes.
    """
    layers = _batch_norms(network)
    moments: dict[nn.Module, list[torch.Tensor]] = {layer: [] for layer in layers}

    def note(layer: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        values = given[0].double()
        moments[layer].append(
            torch.stack([values.mean(dim=(0, 2, 3)), values.square().mean(dim=(0, 2, 3))])
        )

    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    network.eval()
    for row in range(len(pixels)):
        with autocast(precision, torch.device(device).type):
            network(to_unit_range(pixels[row : row + 1], device))
    for hook in hooks:
        hook.remove()
    for layer in layers:
        mean, square = torch.stack(moments[layer]).mean(dim=0)
        variance = (square - mean.square()).clamp(min=0)
        factor = (variance + layer.eps).sqrt()
        tensors = {"running_mean": mean, "running_var": variance, "bias": mean, "weight": factor}
        layer.load_state_dict(layer.state_dict() | tensors)


def _batch_norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
