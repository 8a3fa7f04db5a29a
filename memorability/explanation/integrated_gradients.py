"""Which pixels a predicted memorability score rests on: Integrated Gradients and its baselines."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

SMALLEST_DIFFERENCE = 0.01
"""Of two predicted scores, by which a convergence delta is judged at least: one answer in a hundred."""

PASS_BYTES = 1.5e9
"""What one forward pass may keep for its gradients. The pass peaks at about twice that."""


def images_per_pass(
    network: nn.Module, image: Tensor, steps: int, *, pass_bytes: float = PASS_BYTES
) -> int:
    """Return how many interpolated images one pass takes, so that all passes are about equally full.

    What the network keeps of an image for its gradient is counted, not guessed from its width.

    Parameters
    ----------
    network
        From images (N, 3, H, W) to scores (N,), its parameters frozen.
    image
        (1, 3, H, W).
    steps
        Points on the path of one image.
    pass_bytes
        What one pass may keep for its gradients.
    """
    own = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}
    kept: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(count, lambda tensor: tensor):
        scores = network(image.detach().requires_grad_())  # kept alive while storages are counted
    needed = sum(size for pointer, size in kept.items() if pointer not in own)
    del scores
    most = min(steps, max(1, int(pass_bytes / max(1, needed))))
    return math.ceil(steps / math.ceil(steps / most))


def integrated_gradients(
    forward: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor,
    baseline: torch.Tensor,
    *,
    affine: nn.Module | None = None,
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
        Maps images (N, 3, H, W), or what `affine` makes of them, to one predicted score each, (N,),
        differentiably.
    images
        Images, (N, 3, H, W), float32, in [0, 1], N at least 1; left as they are.
    baseline
        Baseline of all images, (1, 3, H, W), or of each, (N, 3, H, W), float32, in [0, 1], on the
        device of `images`.
    affine
        A first layer y = Ax + b of the network, where `forward` is the rest of it. It maps a straight
        line to a straight line, so that it need not be computed at every point, and gradients go back
        through it once an image instead of once a point.
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
        predicted = forward(batch.movedim(-1, 1))
        if predicted.shape != batch.shape[:1]:
            raise ValueError(
                f"The attributed function returned shape {tuple(predicted.shape)} for "
                f"{len(batch)} images. Expected one score per image, ({len(batch)},). Squeeze or "
                "select its output."
            )
        return predicted

    first = nn.Identity() if affine is None else affine
    # Gradients at the points, averaged; they are multiplied by the inputs below.
    method = IntegratedGradients(score, multiply_by_inputs=False)
    parts = []
    with _frozen(forward):
        starts = baseline.detach().expand_as(images)
        for chunk, start in zip(
            torch.split(images.detach(), internal_batch_size),
            torch.split(starts, internal_batch_size),
            strict=True,
        ):
            pixels = chunk.clone().requires_grad_()
            # captum flattens gradients: of networks with channels beside each other, as memory lies.
            line_end, line_start = (
                first(end).movedim(1, -1).contiguous() for end in (pixels, start)
            )
            averaged = method.attribute(
                line_end.detach(),
                line_start,
                n_steps=steps,
                internal_batch_size=internal_batch_size,
            )
            (gradients,) = torch.autograd.grad(line_end, pixels, averaged)
            attributions = (chunk - start) * gradients
            with torch.no_grad():
                gained = score(line_end) - score(line_start)
            parts.append((attributions, attributions.flatten(1).sum(dim=1) - gained))
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
    shapes = {(1, *images.shape[1:]), tuple(images.shape)}
    if images.ndim != 4 or not len(images) or tuple(baseline.shape) not in shapes:
        raise ValueError(
            f"Attribution got images of shape {tuple(images.shape)} and a baseline of shape "
            f"{tuple(baseline.shape)}. Expected (N, 3, H, W), N at least 1, and (1, 3, H, W) or as "
            "many. Make the baseline from images of the same size."
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


def converged(
    delta: npt.NDArray[np.floating],
    gained: npt.NDArray[np.floating],
    tolerance: float,
) -> npt.NDArray[np.bool_]:
    """Return whether the sum of each image's attributions is what its score gained.

    Parameters
    ----------
    delta
        Convergence deltas, (N,), in units of the predicted score.
    gained
        Scores of the images less those of their baselines, (N,).
    tolerance
        Largest |delta| as a share of |gained|. A gain below `SMALLEST_DIFFERENCE` counts as that:
        of a score that hardly differs from its baseline's, no delta would be a small share.
    """
    largest = tolerance * np.maximum(np.abs(gained), SMALLEST_DIFFERENCE)
    return np.asarray(np.abs(delta) <= largest)
