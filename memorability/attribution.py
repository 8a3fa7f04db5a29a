"""Which pixels a predicted memorability score rests on: Integrated Gradients and its baseline."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from captum.attr import IntegratedGradients
from torch import nn
from torchvision.transforms.functional import gaussian_blur

from memorability.evaluation import to_unit_range
from memorability.models.autoencoder import Autoencoder
from memorability.prediction import TrainedPredictor
from memorability.seeding import numpy_stream

_IMAGES_PER_BLOCK = 64
_GRADIENTS_PER_PASS = (
    10  # interpolated images in one forward pass; 10 at full width take about 2 GB
)


def blurred_mean_baseline(
    pixels: npt.NDArray[np.uint8], *, rows: npt.NDArray[np.intp] | None = None, kernel: int = 15
) -> torch.Tensor:
    """Return the mean of the training images after a Gaussian blur.

    The standard deviation of the blur, in pixels, is torchvision's default for a kernel size,
    0.3 · ((kernel − 1) · 0.5 − 1) + 0.8, that is 2.6 for 15. The border is reflected.

    Parameters
    ----------
    pixels
        Images, (N, H, W, 3), uint8, N at least 1, in memory or memory-mapped; read in blocks.
    rows
        (M,) rows of the training images, M at least 1; all where none are named.
    kernel
        Side of the square kernel in pixels, odd and no larger than the image. Published: 15.

    Returns
    -------
    torch.Tensor
        The baseline image, (1, 3, H, W), float32, in [0, 1].

    Raises
    ------
    ValueError
        If there are no images of that shape and type, or the kernel is even, negative or larger
        than the image.

    Notes
    -----
    Source: "Explainability Analysis". The paper gives the kernel size but no standard deviation.
    """
    if pixels.ndim != 4 or pixels.shape[3] != 3 or not len(pixels) or pixels.dtype != np.uint8:
        raise ValueError(
            f"The images of the baseline are {pixels.dtype} of shape {pixels.shape}. Expected "
            "uint8 of shape (N, H, W, 3), N at least 1. Pass the training rows of the prepared "
            "images."
        )
    count, height, width, _ = pixels.shape
    if kernel % 2 == 0 or not 1 <= kernel <= min(height, width):
        raise ValueError(
            f"The baseline's blur kernel is {kernel} for images of {height}×{width} pixels. "
            "Expected an odd size no larger than the image. Choose another kernel."
        )
    rows = np.arange(count) if rows is None else rows
    total = np.zeros((height, width, 3), dtype=np.float64)
    for start in range(0, len(rows), _IMAGES_PER_BLOCK):
        block = pixels[rows[start : start + _IMAGES_PER_BLOCK]]
        total += block.sum(axis=0, dtype=np.float64)
    mean = torch.from_numpy(total / (len(rows) * 255)).permute(2, 0, 1).unsqueeze(0)
    # The kernel's float64 weights sum to 1 only to the last bit: a white mean may exceed 1.
    blurred: torch.Tensor = gaussian_blur(mean, [kernel, kernel]).clamp(0, 1).float()
    return blurred


def integrated_gradients(
    forward: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor,
    baseline: torch.Tensor,
    *,
    steps: int = 50,
    internal_batch_size: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attribute each image's predicted score to its pixels by Integrated Gradients.

    Gradients are integrated along the straight line from the baseline to the image by
    Gauss-Legendre quadrature (captum's default). `forward` must be deterministic and treat images
    independently, so its modules must be in evaluation mode; where `forward` is itself a module
    this is checked, and its parameters take no gradient meanwhile.

    Parameters
    ----------
    forward
        Maps images (N, 3, H, W) to one predicted score each, (N,), differentiably.
    images
        Images, (N, 3, H, W), float32, in [0, 1], N at least 1; left as they are.
    baseline
        Baseline image, (1, 3, H, W), float32, in [0, 1], on the device of `images`.
    steps
        Number of points on the line, at least 1. Published: 50.
    internal_batch_size
        Most images in one forward pass, at least 1; results depend on it only by rounding.

    Returns
    -------
    attributions : torch.Tensor
        (N, 3, H, W), in units of the predicted score, positive where a pixel raises the score
        above that of the baseline.
    deltas : torch.Tensor
        Convergence delta, (N,): sum of an image's attributions minus the difference between its
        score and the baseline's; 0 for an exact integral.

    Raises
    ------
    ValueError
        If a shape or a number is unusable, or `forward` is a module in training mode.

    Notes
    -----
    Source: "Explainability Analysis".
    """
    _check_attribution_input(forward, images, baseline, steps, internal_batch_size)

    def score(batch: torch.Tensor) -> torch.Tensor:
        predicted = forward(batch)
        if predicted.shape != batch.shape[:1]:
            raise ValueError(
                f"The attributed function returned shape {tuple(predicted.shape)} for "
                f"{len(batch)} images. Expected one score per image, ({len(batch)},). Squeeze or "
                "select its output."
            )
        return predicted

    method = IntegratedGradients(score)
    parts = []
    with _frozen(forward):
        for chunk in torch.split(images.detach(), internal_batch_size):
            attributions, deltas = method.attribute(
                chunk,
                baseline.detach(),
                n_steps=steps,
                internal_batch_size=internal_batch_size,
                return_convergence_delta=True,
            )
            parts.append((attributions.detach(), deltas.detach()))
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


@contextmanager
def _frozen(forward: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    parameters = list(forward.parameters()) if isinstance(forward, nn.Module) else []
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


def _check_attribution_input(
    forward: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor,
    baseline: torch.Tensor,
    steps: int,
    internal_batch_size: int,
) -> None:
    if images.ndim != 4 or not len(images) or baseline.shape != (1, *images.shape[1:]):
        raise ValueError(
            f"Attribution got images of shape {tuple(images.shape)} and a baseline of shape "
            f"{tuple(baseline.shape)}. Expected (N, 3, H, W), N at least 1, and (1, 3, H, W). Make "
            "the baseline from images of the same size."
        )
    if steps < 1 or internal_batch_size < 1:
        raise ValueError(
            f"Attribution got {steps} steps and an internal batch size of {internal_batch_size}. "
            "Expected at least 1 of each. Correct the settings."
        )
    if isinstance(forward, nn.Module) and any(module.training for module in forward.modules()):
        raise ValueError(
            "The module to attribute is in training mode. Expected evaluation mode, in which "
            "dropout and batch statistics do not vary. Call its eval() first."
        )


def summarise_attributions(attributions: torch.Tensor, deltas: torch.Tensor) -> pd.DataFrame:
    """Average each image's attributions over pixels and channels.

    The paper correlates features with "average attributions" without saying whether signs are
    kept; the three readings stand side by side.

    Parameters
    ----------
    attributions
        Attributions, (N, C, H, W), in units of the predicted score.
    deltas
        Convergence deltas, (N,), in units of the predicted score.

    Returns
    -------
    pandas.DataFrame
        One row per image, in the order given, float64: mean_absolute, mean_signed and
        mean_positive (negative attributions counted as 0), each a mean over all C·H·W values in
        units of predicted score per pixel and channel, and convergence_delta in units of predicted
        score.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Notes
    -----
    Source: "Feature Analysis".
    """
    if attributions.ndim != 4 or deltas.shape != attributions.shape[:1]:
        raise ValueError(
            f"The attributions have shape {tuple(attributions.shape)} and the convergence deltas "
            f"{tuple(deltas.shape)}. Expected (N, C, H, W) and (N,). Pass both results of one call "
            "of integrated_gradients."
        )
    values = attributions.detach().double().flatten(1)
    return pd.DataFrame(
        {
            "mean_absolute": values.abs().mean(dim=1).cpu().numpy(),
            "mean_signed": values.mean(dim=1).cpu().numpy(),
            "mean_positive": values.clamp(min=0).mean(dim=1).cpu().numpy(),
            "convergence_delta": deltas.detach().double().cpu().numpy(),
        }
    )


def choose_images(images: pd.DataFrame, count: int, *, seed: int) -> np.ndarray:
    """Return up to `count` rows of `images`, ascending, drawn in turn from each category.

    Parameters
    ----------
    images
        One row per image, with its category.
    count
        How many to draw; all are taken where there are no more.
    seed
        Of the draw.
    """
    shuffled = numpy_stream(seed, "images to explain").permutation(len(images))
    turn = images["category"].iloc[shuffled].groupby(images["category"].iloc[shuffled]).cumcount()
    return np.sort(shuffled[np.argsort(turn.to_numpy(), kind="stable")][:count])


def explain_images(
    model: Autoencoder,
    predictor: TrainedPredictor,
    pixels: npt.NDArray[np.uint8],
    images: pd.DataFrame,
    predictions: pd.DataFrame,
    settings: Mapping[str, Any],
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> tuple[pd.DataFrame, npt.NDArray[np.float16]]:
    """Attribute the predicted memorability of test images to their pixels.

    Parameters
    ----------
    model, predictor
        The autoencoder whose latents the predictor was trained on, and the predictor.
    pixels
        uint8 (N, 3, H, W); row i is row i of `images` and of `predictions`.
    images, predictions
        The tables of these names. The baseline is the blurred mean of the training images.
    settings
        images (how many test images), steps, blur_kernel, seed.
    device
        torch device.
    on_image
        Called after each image.

    Returns
    -------
    tuple
        The table `attributions`, and maps (K, 3, H, W), float16: attributions over the `scale` of
        row i of the table.
    """
    split = predictions["split"].to_numpy()
    baseline = blurred_mean_baseline(
        pixels.transpose(0, 2, 3, 1),
        rows=np.flatnonzero(split == "train"),
        kernel=settings["blur_kernel"],
    ).to(device)
    test = np.flatnonzero(split == "test")
    rows = test[choose_images(images.iloc[test], settings["images"], seed=settings["seed"])]
    model = model.to(device).eval().requires_grad_(False)
    predictor = predictor.to(device)
    parts, maps = [], []
    for row in rows:
        attributions, delta = integrated_gradients(
            lambda batch: predictor.score(model.encode(batch)),
            to_unit_range(pixels[row : row + 1], device),
            baseline,
            steps=settings["steps"],
            internal_batch_size=_GRADIENTS_PER_PASS,
        )
        parts.append(summarise_attributions(attributions, delta))
        maps.append(attributions[0].cpu().numpy())
        on_image()
    scale = np.array([np.abs(image).max() for image in maps], dtype=np.float64)
    predicted = predictions["predicted"].to_numpy()[rows]
    table = pd.concat(parts, ignore_index=True).assign(
        image_id=images["image_id"].to_numpy()[rows],
        drawn=True,
        baseline="blurred_mean",
        predicted=predicted,
        predicted_baseline=predictor.score(model.encode(baseline)).item(),
        row=np.arange(len(rows)),
        scale=scale,
    )
    gained = np.abs(table["predicted"] - table["predicted_baseline"])
    table["converged"] = table["convergence_delta"].abs() <= 0.05 * np.maximum(gained, 0.01)
    scaled = np.stack(maps) / np.where(scale, scale, 1)[:, None, None, None]
    return table, scaled.astype(np.float16)
