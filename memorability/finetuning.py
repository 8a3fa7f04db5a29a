"""Fine-tuning: an autoencoder sees every image once per epoch, one after the other."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from memorability.errors import InputError
from memorability.evaluation import measure_errors, recompute_batch_norm, to_unit_range
from memorability.initial_weights import initial_model
from memorability.losses import make_loss, with_sign
from memorability.models.autoencoder import Autoencoder
from memorability.seeding import numpy_stream, stream_seed
from memorability.splits import split_images


@dataclass(frozen=True)
class FinetunedRun:
    """What a run leaves: the model, its errors and history, and receipts of the weights it used.

    errors has columns epoch, image_id, metric, error; history step, epoch, image_id, loss.
    """

    model: Autoencoder
    errors: pd.DataFrame
    history: pd.DataFrame
    receipts: list[dict[str, Any]]


def finetune(
    pixels: np.ndarray,
    images: pd.DataFrame,
    settings: dict[str, Any],
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> FinetunedRun:
    """Make one run: initial weights, fine-tuning at batch size 1, errors after each epoch.

    Parameters
    ----------
    pixels
        uint8 (N, 3, 224, 224); row i is row i of `images`.
    images
        The image table; image_id and position are used.
    settings
        As from `memorability.configuration.Study.run_settings`.
    device
        torch device.
    on_image
        Called after each image of fine-tuning and of evaluation: 2 × epochs × N times, or less where
        fine-tuning leaves images out.

    Raises
    ------
    InputError
        If a loss is not finite, naming step, image and learning rate; if weights do not load.
    """
    protocol, seeds = settings["protocol"], settings["stream_seeds"]
    model, model_receipt = initial_model(settings)
    loss, metric, loss_receipt = make_loss(
        settings["loss"],
        lpips_range=protocol["lpips_range"],
        style_gram=protocol["style_gram"],
        weights_source=settings["weights"]["source"],
        weights_directory=Path(settings["weights"]["directory"]),
    )
    model.to(device)
    loss.to(device)
    minimised, _ = with_sign(loss, metric, protocol["lpips_sign_train"])
    measured, metric = with_sign(loss, metric, protocol["lpips_sign_test"])
    # Adam with its default betas and a new state for each run; the paper names no optimiser.
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"])
    order = presentation_order(images, protocol["order"], seeds["order"])
    if protocol["fine_tuned_on"] == "train_split":
        split = split_images(images, settings["split"]).to_numpy()
        order = order[split[order] == "train"]
    ids = images["image_id"].to_numpy()
    history, errors = [], []
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(seeds["dropout"], "dropout"))
        for epoch in range(1, settings["epochs"] + 1):
            losses = train_one_epoch(
                model,
                minimised,
                optimizer,
                pixels,
                order,
                batch_norm_mode=protocol["batch_norm_mode"],
                device=device,
                on_image=on_image,
            )
            history.append(_history(epoch, ids[order[: len(losses)]], losses, len(order)))
            _refuse_nonfinite(history[-1].iloc[-1].to_dict(), "loss", settings)
            if protocol["batch_norm_mode"] == "train_then_recompute":
                recompute_batch_norm(model, pixels, device=device, rows=np.sort(order))
            error = measure_errors(model, measured, pixels, device=device, on_image=on_image)
            rows = {"epoch": epoch, "image_id": ids, "metric": metric, "error": error}
            errors.append(pd.DataFrame(rows))
            # The last step of all can still ruin the weights.
            worst = errors[-1].iloc[int(np.argmin(np.isfinite(error)))]
            _refuse_nonfinite(worst.to_dict() | {"step": epoch * len(order)}, "error", settings)
    receipts = [receipt.record() for receipt in (model_receipt, loss_receipt) if receipt]
    return FinetunedRun(model, pd.concat(errors), pd.concat(history), receipts)


def train_one_epoch(
    model: nn.Module,
    loss: nn.Module,
    optimizer: torch.optim.Optimizer,
    pixels: np.ndarray,
    order: np.ndarray,
    *,
    batch_norm_mode: str,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Train on each image once at batch size 1 and return the loss of each step, (N,) float64.

    Parameters
    ----------
    pixels
        uint8 (N, 3, H, W).
    order
        (N,) rows of `pixels` in order of presentation.
    batch_norm_mode
        See `memorability.protocol.Protocol`.

    Returns
    -------
    numpy.ndarray
        One loss per step. The first loss that is not finite ends the epoch and is the last one.
    """
    model.train()
    if batch_norm_mode == "frozen":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    losses: list[float] = []
    for row in order:
        image = to_unit_range(pixels[row : row + 1], device)
        optimizer.zero_grad(set_to_none=True)
        value = loss(image, model(image)).squeeze()
        losses.append(value.item())
        if not math.isfinite(losses[-1]):
            break
        value.backward()
        optimizer.step()
        on_image()
    return np.array(losses)


def presentation_order(images: pd.DataFrame, order: str, seed: int) -> np.ndarray:
    """Return (N,) rows of the image table in the order in which a run sees them.

    Parameters
    ----------
    images
        The image table, sorted by image_id.
    order
        `listed`, `fixed_shuffle` or `seed_shuffle`, see `memorability.protocol.Protocol`.
    seed
        The run's seed, used by `seed_shuffle` alone.
    """
    if order == "listed":
        return np.arange(len(images))
    if order == "fixed_shuffle":
        return np.argsort(images["position"].to_numpy())
    return numpy_stream(seed, "order").permutation(len(images))


def _history(epoch: int, ids: np.ndarray, losses: np.ndarray, per_epoch: int) -> pd.DataFrame:
    steps = np.arange(1, len(losses) + 1) + (epoch - 1) * per_epoch
    return pd.DataFrame({"step": steps, "epoch": epoch, "image_id": ids, "loss": losses})


def _refuse_nonfinite(row: Mapping[Hashable, Any], column: str, settings: dict[str, Any]) -> None:
    if not math.isfinite(row[column]):
        raise InputError(
            f"The {column} {settings['loss']} became {row[column]} at step {row['step']} (epoch "
            f"{row['epoch']}, image {row['image_id']!r}) with learning rate "
            f"{settings['learning_rate']:g} and seed {settings['seed']}: the run diverged. Use a "
            "smaller learning rate."
        )
