"""Object features of many images, by torchvision's pretrained networks.

Networks with random weights would give noise under the name of a feature. A study
without the weights has none of `memorability.features.names.OBJECT_FEATURES`, and says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.transforms.functional import normalize

from memorability.base.arrays import blocks
from memorability.base.job_log import logger, progress
from memorability.features.names import OBJECT_FEATURES, OBJECT_VARIANTS
from memorability.features.objects import (
    SCRIPTS_THRESHOLD,
    Detections,
    distinct_categories,
    mean_object_size,
    object_count,
    probable_classes,
    separation_certainty,
    separation_mask_fraction,
    separation_score,
)
from memorability.features.views import Views
from memorability.images.pixels import to_unit_range
from memorability.networks.computing import Compute
from memorability.networks.torchvision_networks import load_network
from memorability.networks.weights import IMAGENET_MEAN, IMAGENET_SD, Receipt

SEGMENTED_SIDE = 520
"""Shorter side, in pixels, of the images that torchvision's DeepLabV3 was trained for."""

BATCH = 4  # at the 800 pixels to which the detector enlarges images, about 0.6 GB each


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectSettings:
    """What decides object features.

    Parameters
    ----------
    score_threshold
        Of a detected object, within [0, 1].
    class_probability
        From which the classifier sees a class, within (0, 1].
    shards
        Jobs that share the images, at least 1: no image's features depend on it.
    weights_directory
        Where the weights files of the networks are.
    compute
        How; always in single precision.
    """

    score_threshold: float
    class_probability: float
    shards: int
    weights_directory: Path
    compute: Compute


@dataclass(frozen=True)
class Networks:
    """A detector, a segmentation and a classifier, in evaluation mode, on one device."""

    detector: nn.Module
    segmenter: nn.Module
    classifier: nn.Module

    @torch.inference_mode()
    def __call__(
        self, images: Tensor
    ) -> list[tuple[Detections, NDArray[np.float32], NDArray[np.float32]]]:
        """Return detections, class probabilities of pixels, and of the image, for each image.

        Parameters
        ----------
        images
            (N, 3, H, W) float32, 0-1.

        Returns
        -------
        list
            N tuples; probabilities have the shapes (classes, H, W) and (classes,).
        """
        height, width = images.shape[-2:]
        standardised = normalize(images, list(IMAGENET_MEAN), list(IMAGENET_SD))
        enlarged = interpolate(
            standardised, scale_factor=SEGMENTED_SIDE / min(height, width), mode="bilinear"
        )
        pixels = interpolate(
            self.segmenter(enlarged)["out"].softmax(1), (height, width), mode="bilinear"
        )
        classes = self.classifier(standardised).softmax(1)
        detected = self.detector(list(images))
        return [
            (
                Detections(
                    found["boxes"].cpu().numpy(),
                    found["labels"].cpu().numpy(),
                    found["scores"].cpu().numpy(),
                    height * width,
                ),
                of_pixels.cpu().numpy(),
                of_image.cpu().numpy(),
            )
            for found, of_pixels, of_image in zip(detected, pixels, classes, strict=True)
        ]


def load_networks(directory: Path, device: str) -> tuple[Networks, list[Receipt]]:
    """Return Faster R-CNN, DeepLabV3 and ResNet-50 with torchvision's weights, and their receipts.

    Parameters
    ----------
    directory
        Where the weights files are.
    device
        torch device.

    Raises
    ------
    InputError
        If a file is missing, damaged or not that of its network.
    """
    names = ("fasterrcnn_resnet50_fpn", "deeplabv3_resnet101", "resnet50")
    loaded = [load_network(name, directory) for name in names]
    networks = Networks(*(network.to(device) for network, _ in loaded))
    return networks, [receipt for _, receipt in loaded]


def shard_rows(count: int, shard: int, shards: int) -> slice:
    """Return the rows, of `count`, of one of several shards of nearly equal size, in order."""
    return slice(count * shard // shards, count * (shard + 1) // shards)


def measure_shard(
    pixels: NDArray[np.uint8],
    image_ids: pd.Series,
    settings: ObjectSettings,
    *,
    shard: int,
    device: str,
) -> pd.DataFrame:
    """Measure every object feature and its variants on the images of one shard.

    Parameters
    ----------
    pixels
        sRGB images, (N, 3, H, W), uint8, 0-255; may be memory-mapped.
    image_ids
        Of every row of `pixels`.
    settings
        How.
    shard
        Number of the shard, from 0.
    device
        torch device.

    Returns
    -------
    pandas.DataFrame
        The table `features`: image_id, feature, value.
    """
    networks, receipts = load_networks(settings.weights_directory, device)
    logger.info("loaded %s", [receipt.record() for receipt in receipts])
    rows = shard_rows(len(image_ids), shard, settings.shards)
    with progress(rows.stop - rows.start, "measuring objects") as step:
        features = object_features(
            pixels[rows],
            networks,
            score_threshold=settings.score_threshold,
            class_probability=settings.class_probability,
            device=device,
            on_image=step,
        )
    return features.assign(image_id=image_ids[rows].to_numpy()).melt("image_id", var_name="feature")


def object_features(
    pixels: NDArray[np.uint8],
    networks: Networks,
    *,
    score_threshold: float,
    class_probability: float,
    device: str = "cpu",
    on_image: Callable[[], object] = lambda: None,
    batch_size: int = BATCH,
) -> pd.DataFrame:
    """Measure every object feature and its variants on every image.

    Parameters
    ----------
    pixels
        sRGB images, (N, 3, H, W), uint8, 0-255; may be memory-mapped, a batch is read at a time.
    networks
        See `load_networks`.
    score_threshold
        See `memorability.features.objects.object_count`.
    class_probability
        See `memorability.features.objects.probable_classes`.
    device
        torch device of the networks.
    on_image
        Called after each image.
    batch_size
        Images that pass through the networks together.

    Returns
    -------
    pandas.DataFrame
        N rows in the order of `pixels`; one float64 column per name of `OBJECT_FEATURES` and
        `OBJECT_VARIANTS`, with the unit and range that its function states.
    """
    rows = []
    for block in blocks(len(pixels), batch_size):
        batch = pixels[block]
        for image, found in zip(batch, networks(to_unit_range(batch, device)), strict=True):
            rows.append(
                _features_of(image.transpose(1, 2, 0), *found, score_threshold, class_probability)
            )
            on_image()
    columns = [*OBJECT_FEATURES, *OBJECT_VARIANTS]
    return pd.DataFrame(rows, columns=columns, dtype=np.float64)


def _features_of(
    image: NDArray[np.uint8],
    detections: Detections,
    of_pixels: NDArray[np.float32],
    of_image: NDArray[np.float32],
    threshold: float,
    class_probability: float,
) -> dict[str, float]:
    return {
        "object_count": object_count(detections, threshold=threshold),
        "distinct_categories": distinct_categories(detections, threshold=threshold),
        "mean_object_size": mean_object_size(detections, threshold=threshold),
        "separation_score": separation_score(Views(image), of_pixels),
        "object_count_scripts": object_count(detections, threshold=SCRIPTS_THRESHOLD),
        "distinct_categories_scripts": distinct_categories(detections, threshold=SCRIPTS_THRESHOLD),
        "mean_object_size_scripts": mean_object_size(detections, threshold=SCRIPTS_THRESHOLD),
        "separation_mask_fraction": separation_mask_fraction(of_pixels),
        "separation_certainty": separation_certainty(of_pixels),
        "probable_classes": probable_classes(of_image, threshold=class_probability),
    }
