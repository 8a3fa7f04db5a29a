"""Errors of one model under every metric: a loss that trains well need not be the one that measures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from memorability.autoencoder.architecture import read_autoencoder
from memorability.autoencoder.reconstruction import BatchNormMode, evaluating
from memorability.images.pixels import to_unit_range
from memorability.networks.catalogue import Metric
from memorability.networks.computing import Compute, place
from memorability.networks.losses import WITHOUT_WEIGHTS, LossChoice, Sign, make_loss, with_sign
from memorability.statistics.best_rate import best_rate


@dataclass(frozen=True, kw_only=True)
class MetricSettings:
    """What decides the errors of given models under every metric.

    Parameters
    ----------
    losses
        The training losses of the study, at least one.
    sign
        Of LPIPS, where it is the error.
    batch_norm_mode
        In which the models are evaluated, see `memorability.autoencoder.reconstruction.evaluating`.
    compute
        How.
    """

    losses: tuple[LossChoice, ...]
    sign: Sign
    batch_norm_mode: BatchNormMode
    compute: Compute


@dataclass(frozen=True, kw_only=True)
class MatrixSettings(MetricSettings):
    """What decides the errors of a loss's best model under every metric.

    Parameters
    ----------
    learning_rates
        Labels of the learning rates that it is chosen from.
    target
        Column of the image table with which errors are correlated for that.
    """

    learning_rates: tuple[str, ...]
    target: str


def make_metrics(settings: MetricSettings, device: str) -> dict[Metric, nn.Module]:
    """Return every metric that a study can measure: what it is -> the loss that measures it.

    These are its training losses, whose weights it has, and the losses that need no weights.

    Parameters
    ----------
    settings
        What decides them.
    device
        torch device.

    Raises
    ------
    InputError
        If weights do not load.
    """
    plain = replace(settings.losses[0], weights_file=None)
    without_weights = [replace(plain, name=name) for name in WITHOUT_WEIGHTS]
    metrics: dict[Metric, nn.Module] = {}
    for choice in dict.fromkeys([*settings.losses, *without_weights]):
        loss, metric, _ = make_loss(choice, precision=settings.compute.precision)
        loss, sign = with_sign(loss, settings.sign)
        metrics[metric._replace(sign=sign)] = place(loss, device)
    return metrics


def highest_rate(errors: pd.DataFrame, images: pd.DataFrame, *, target: str) -> str:
    """Return the learning rate whose errors correlate most with memorability: the published choice.

    It is computed anew rather than read from the table of correlations, so that more bootstrap draws
    there do not measure every model again.

    Parameters
    ----------
    errors
        Errors of one loss: columns lr, seed, epoch, image_id, error; the last epoch counts.
    images
        The image table.
    target
        Column of `images`.

    Returns
    -------
    str
        Label of the best learning rate, see `memorability.statistics.best_rate.best_rate`, by
        Spearman's r.
    """
    last = errors[errors["epoch"] == errors["epoch"].max()]
    wide = last.pivot_table(index=["lr", "seed"], columns="image_id", values="error", dropna=False)
    diverged = ~np.isfinite(wide).all(axis=1)
    ranks = wide[~diverged].rank(axis=1)
    scores = images.set_index("image_id")[target].rank()
    by_run = ranks.corrwith(scores, axis=1).reindex(wide.index)
    r, lost = by_run.groupby("lr").mean(), diverged.groupby("lr").any()
    best = best_rate(r.index.to_numpy(), r.to_numpy(), lost.to_numpy())
    return str(r.index[int(best)])


def measure_best(
    models: Mapping[str, Path],
    errors: pd.DataFrame,
    pixels: np.ndarray,
    images: pd.DataFrame,
    settings: MatrixSettings,
    *,
    seed: str,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Measure one seed's model of a loss, at the learning rate of `highest_rate`, under every metric.

    Parameters
    ----------
    models
        Learning rate -> file of the seed's model.
    errors
        Of all runs of the loss, see `highest_rate`.
    pixels
        uint8 (N, 3, H, W); row i is row i of `images`.
    images
        The image table.
    settings
        What decides their errors.
    seed
        Of the model.
    device, on_image
        See `measure_metrics`.

    Returns
    -------
    pandas.DataFrame
        N rows per metric: `METRIC_KEYS`, image_id, error, lr. Errors of a run that
        diverged are missing.

    Raises
    ------
    InputError
        If weights do not load.
    """
    lr = highest_rate(errors, images, target=settings.target)
    metrics, ids = make_metrics(settings, device), list(images["image_id"])
    run = errors[(errors["lr"] == lr) & (errors["seed"] == seed)]
    if run["error"].isna().any():
        table = _long(np.full((len(ids), len(metrics)), np.nan), list(metrics), ids)
    else:
        model = place(read_autoencoder(models[lr]), device)
        model.precision = settings.compute.precision
        with evaluating(model, settings.batch_norm_mode):
            table = measure_metrics(model, metrics, pixels, ids, device=device, on_image=on_image)
    return table.assign(lr=lr)


@torch.no_grad()
def measure_metrics(
    reconstruct: Callable[[Tensor], Tensor],
    metrics: Mapping[Metric, nn.Module],
    pixels: np.ndarray,
    image_ids: Sequence[str],
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Reconstruct each image once and return its error under every metric.

    Images go through one by one, as in `memorability.autoencoder.reconstruction.measure_errors`,
    whose errors these are.

    Parameters
    ----------
    reconstruct
        From an image (1, 3, H, W) in [0, 1] to its reconstruction: a model in evaluation mode.
    metrics
        As from `make_metrics`.
    pixels
        uint8 (N, 3, H, W).
    image_ids
        (N,) names of the images.
    device
        torch device.
    on_image
        Called after each image.

    Returns
    -------
    pandas.DataFrame
        N rows per metric: `METRIC_KEYS`, image_id, error.
    """
    errors = np.empty((len(pixels), len(metrics)))
    for row in range(len(pixels)):
        image = to_unit_range(pixels[row : row + 1], device)
        reconstruction = reconstruct(image)
        errors[row] = [metric(image, reconstruction).item() for metric in metrics.values()]
        on_image()
    return _long(errors, list(metrics), image_ids)


def _long(errors: np.ndarray, metrics: Sequence[Metric], image_ids: Sequence[str]) -> pd.DataFrame:
    """Return errors (images, metrics) as a row per metric and image."""
    measured = pd.DataFrame(metrics, columns=Metric._fields)
    rows = measured.loc[measured.index.repeat(len(image_ids))].reset_index(drop=True)
    return rows.assign(image_id=list(image_ids) * len(metrics), error=errors.T.ravel())
