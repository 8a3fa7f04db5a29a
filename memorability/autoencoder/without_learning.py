"""Controls that tell "hard to reconstruct" from "complex": errors without learning, and complexity.

If an autoencoder that never saw an image, or a grey rectangle, or the size of a JPEG file ranks images
by memorability as well as a fine-tuned model's error does, then the error owes it to the images'
complexity rather than to what the model learned.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from memorability.autoencoder.architecture import Architecture, initial_autoencoder
from memorability.autoencoder.cross_metrics import MetricSettings, make_metrics, measure_metrics
from memorability.base.run_keys import METRIC_KEYS
from memorability.features.names import LOW_LEVEL
from memorability.networks.computing import place

GREY = 0.5
"""The constant reconstruction, in [0, 1]."""

JPEG_QUALITY = 75
"""Pillow's and libjpeg's default."""


@dataclass(frozen=True, kw_only=True)
class ControlSettings(MetricSettings):
    """What decides the controls.

    Parameters
    ----------
    architecture
        Of the untrained autoencoder.
    seeds
        Of its weights, one or more.
    """

    architecture: Architecture
    seeds: tuple[int, ...]


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
        The image table.
    features
        The table `features`, with the rows of `memorability.features.names.LOW_LEVEL`.
    settings
        What decides them.
    device
        torch device.
    on_image
        Called after each image: N × (seeds + 1) times.

    Returns
    -------
    pandas.DataFrame
        Rows of the table `controls`: `METRIC_KEYS`, model, seed (of an untrained
        autoencoder, else empty), image_id, error. Models are "untrained", an autoencoder with random
        weights before any step, and "grey", a constant grey output, each under every metric.
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
    for seed in settings.seeds:
        model = initial_autoencoder(seed, settings.architecture)
        place(model, device).eval().precision = settings.compute.precision
        errors = measure_metrics(model, metrics, pixels, ids, device=device, on_image=on_image)
        parts.append(errors.assign(seed=str(seed), model="untrained"))
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
