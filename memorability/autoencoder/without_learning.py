"""Controls of the fine-tuned error: errors before fine-tuning, errors without learning, and complexity.

Each is measured on the same images as the error. How far it correlates with memorability says nothing
yet of what the error owes to it: that is a partial correlation, see
`memorability.statistics.comparison.given_control`.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.autoencoder.cross_metrics import MetricSettings, make_metrics, measure_metrics
from memorability.autoencoder.finetuning import (
    BeforeTraining,
    presented_rows,
    set_training_mode,
)
from memorability.autoencoder.initial_weights import initial_model
from memorability.autoencoder.reconstruction import evaluating, recompute_batch_norm
from memorability.base.run_keys import METRIC_KEYS
from memorability.base.seeding import stream_seed
from memorability.features.names import LOW_LEVEL
from memorability.images.pixels import to_unit_range
from memorability.networks.computing import place

GREY = 0.5
"""The constant reconstruction, in [0, 1]."""

JPEG_QUALITY = 75
"""Pillow's and libjpeg's default."""

REMEMBERED = 500
"""Images that the running averages of batch normalisation reflect: each counts 0.9 times as much as the
next, so that what came before counts less than 1e-22."""


@dataclass(frozen=True, kw_only=True)
class ControlSettings(MetricSettings):
    """What decides the controls.

    Parameters
    ----------
    architecture
        Of the untrained autoencoder.
    seeds
        Of its weights, one or more.
    before
        What decides the analysed model's runs before their first step; one where all start alike.
    before_seeds
        The seeds of these runs, empty of the only one where all start alike.
    """

    architecture: Architecture
    seeds: tuple[int, ...]
    before: tuple[BeforeTraining, ...]
    before_seeds: tuple[str, ...]

    @property
    def passes(self) -> int:
        """How often each image is measured."""
        return 1 + len(self.seeds) + len(self.before)


def measure_controls(
    pixels: np.ndarray,
    images: pd.DataFrame,
    features: pd.DataFrame,
    settings: ControlSettings,
    *,
    device: str,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Measure every control on every image.

    Parameters
    ----------
    pixels
        uint8 (N, 3, H, W); row i is row i of `images`.
    images
        The image table, as `memorability.autoencoder.finetuning.finetune` has it.
    features
        The table `features`, with the rows of `memorability.features.names.LOW_LEVEL`.
    settings
        What decides them.
    device
        torch device.
    on_image
        Called after each image that is measured: N × `settings.passes` times.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `controls`: `METRIC_KEYS`, model, seed (of an autoencoder, empty of others
        and where all seeds start alike), image_id, error. Models are "before_fine_tuning", the study's
        runs at epoch 0, see `before_fine_tuning`; "untrained", an
        autoencoder with random weights and batch normalisation before any step; and "grey", a constant
        grey output; each under every metric.
        Without a model, backbone or sign are "jpeg_bytes" and the low-level measures of `LOW_LEVEL`, in
        their units.
    """
    metrics = make_metrics(settings, device)
    ids = list(images["image_id"])
    parts = [
        measure_metrics(grey, metrics, pixels, ids, device=device, on_image=on_image).assign(
            seed="", model="grey"
        )
    ]

    def measure(model: Autoencoder, name: str, seed: str) -> None:
        with evaluating(model, settings.batch_norm_mode):
            errors = measure_metrics(model, metrics, pixels, ids, device=device, on_image=on_image)
        parts.append(errors.assign(seed=seed, model=name))

    for run, run_seed in zip(settings.before, settings.before_seeds, strict=True):
        model = before_fine_tuning(pixels, images, run, device=device)
        measure(model, "before_fine_tuning", run_seed)
    for seed in settings.seeds:
        model = initial_autoencoder(seed, settings.architecture)
        place(model, device).precision = settings.compute.precision
        measure(model, "untrained", str(seed))
    sizes = pd.DataFrame({"image_id": ids, "error": [float(jpeg_bytes(one)) for one in pixels]})
    complexity = features[features["feature"].isin(LOW_LEVEL)].rename(columns={"value": "error"})
    complexity = complexity.assign(metric=complexity["feature"].map(LOW_LEVEL))
    no_error = dict.fromkeys(("backbone", "trained_by", "published", "sign", "model", "seed"), "")
    parts += [
        sizes.assign(metric="jpeg_bytes", **no_error),
        complexity.assign(**no_error),
    ]
    columns = [*METRIC_KEYS, "model", "seed", "image_id", "error"]
    return pd.concat(parts, ignore_index=True)[columns]


@torch.no_grad()
def before_fine_tuning(
    pixels: np.ndarray, images: pd.DataFrame, settings: BeforeTraining, *, device: str
) -> Autoencoder:
    """Return the model of a run whose steps change no weight: epoch 0, or a learning rate of 0.

    Its weights are the initial ones. Its batch normalisation is treated as in the run: with `train`
    the running averages are those that the images of fine-tuning leave in their order of presentation;
    with `train_then_recompute` they are recomputed over these images; else the initial ones stay.

    Parameters
    ----------
    pixels, images
        See `memorability.autoencoder.finetuning.finetune`.
    settings
        What decides the run before its first step.
    device
        torch device.

    Raises
    ------
    InputError
        If weights are missing or do not load.
    """
    model, _ = initial_model(settings.architecture, settings.start)
    place(model, device).precision = settings.compute.precision
    rows = presented_rows(images, settings)
    if settings.batch_norm_mode == "train_then_recompute":
        recompute_batch_norm(model, pixels, device=device, rows=np.sort(rows))
    if settings.batch_norm_mode == "train":
        with torch.random.fork_rng():
            torch.manual_seed(stream_seed(settings.dropout_seed, "dropout"))
            set_training_mode(model, "train")
            for row in rows[-REMEMBERED:]:
                model(to_unit_range(pixels[row : row + 1], device))
    return model.eval()


def grey(images: Tensor) -> Tensor:
    """Return a grey reconstruction of every image, whatever it shows."""
    return torch.full_like(images, GREY)


def jpeg_bytes(pixels: np.ndarray) -> int:
    """Return the size of an image (3, H, W) uint8 as a JPEG file of quality 75, in bytes.

    The prepared image, which the models see, is encoded anew: the size of the original file depends
    as much on its resolution and on the settings of whoever saved it as on what it shows.
    """
    with io.BytesIO() as file:
        image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        image.save(file, format="JPEG", quality=JPEG_QUALITY)
        return file.tell()
