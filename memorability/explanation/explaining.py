"""Which images are explained, and their attributions with what a reader must know of each."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from memorability.base.errors import InputError, nearest
from memorability.base.seeding import numpy_stream
from memorability.explanation.integrated_gradients import (
    converged,
    images_per_pass,
    integrated_gradients,
    summarise_attributions,
)
from memorability.explanation.network import ScoreNetwork
from memorability.explanation.starts import Baseline, baseline_images, blurred_mean_baseline
from memorability.images.pixels import to_unit_range

logger = logging.getLogger(__name__)


def choose_images(images: pd.DataFrame, count: int, *, seed: int) -> npt.NDArray[np.intp]:
    """Return up to `count` rows of `images`, ascending, drawn in turn from each category.

    Fewer rows of the same seed are among more of them.

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


def explained_images(
    images: pd.DataFrame, predictions: pd.DataFrame, count: int, show: Sequence[str], *, seed: int
) -> pd.DataFrame:
    """Return the test images to explain: those drawn, and those that are named.

    Parameters
    ----------
    images, predictions
        The tables of these names, row by row of the same images.
    count, seed
        See `choose_images`.
    show
        Ids of further images to explain.

    Returns
    -------
    pandas.DataFrame
        image_id, place (row of `images`), drawn; ascending by place.

    Raises
    ------
    InputError
        If there are no test images, or a named image does not exist or is none.
    """
    part = predictions["split"].to_numpy()
    test = np.flatnonzero(part == "test")
    if not len(test):
        raise InputError(
            "The split has no test images to explain. Give prediction.split a larger share of test."
        )
    places = {image: place for place, image in enumerate(images["image_id"])}
    for image in show:
        if image not in places:
            raise InputError(
                f"attribution.show: no image has the id {image!r} ({nearest(image, places)}). Ids "
                "are in the column image_id of the image table."
            )
        if part[places[image]] != "test":
            raise InputError(
                f"attribution.show: {image!r} is a {part[places[image]]} image, which the predictor "
                "knew. Only test images are explained. Name others."
            )
    drawn = test[choose_images(images.iloc[test], count, seed=seed)]
    all_places = np.union1d(drawn, np.array([places[image] for image in show], dtype=np.intp))
    return pd.DataFrame(
        {
            "image_id": images["image_id"].to_numpy()[all_places],
            "place": all_places,
            "drawn": np.isin(all_places, drawn),
        }
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainerSettings:
    """How the score of an image is explained.

    Parameters
    ----------
    baseline
        From where the path to the image starts, see `memorability.explanation.starts.Baseline`.
    blur_kernel
        Of blurred baselines, in pixels; odd.
    steps
        Points of the path, at least 1.
    tolerance
        Of the convergence delta, above 0, see
        `memorability.explanation.integrated_gradients.converged`.
    seed
        Of baselines and orders that are random, and of the images that are drawn; at least 0.
    """

    baseline: Baseline
    blur_kernel: int
    steps: int
    tolerance: float
    seed: int


@dataclass(frozen=True)
class Explainer:
    """How an image is explained.

    Parameters
    ----------
    blurred_mean
        (1, 3, H, W), see `memorability.explanation.starts.blurred_mean_baseline`.
    settings
        How.
    device
        torch device.
    """

    blurred_mean: Tensor
    settings: ExplainerSettings
    device: str

    @classmethod
    def of(
        cls,
        pixels: npt.NDArray[np.uint8],
        predictions: pd.DataFrame,
        settings: ExplainerSettings,
        device: str,
    ) -> "Explainer":
        """Return the explainer for images (N, 3, H, W), whose training images give the mean."""
        train = np.flatnonzero(predictions["split"].to_numpy() == "train")
        mean = blurred_mean_baseline(
            pixels.transpose(0, 2, 3, 1), rows=train, kernel=settings.blur_kernel
        )
        return cls(mean.to(device), settings, device)

    def baseline(self, image: Tensor, name: str) -> Tensor:
        """Return the baseline of an image (1, 3, H, W) by its name."""
        kernel, seed = self.settings.blur_kernel, self.settings.seed
        return baseline_images(name, image, self.blurred_mean, kernel=kernel, seed=seed)

    def attribute(
        self, network: ScoreNetwork, pixels: npt.NDArray[np.uint8], name: str, per_pass: int
    ) -> tuple[npt.NDArray[np.float32], pd.DataFrame]:
        """Return attributions (3, H, W) of one image (3, H, W), and a row of the table about them.

        Parameters
        ----------
        network
            See `memorability.explanation.network.ScoreNetwork`.
        pixels
            uint8.
        name
            Of the baseline.
        per_pass
            Interpolated images in a pass, see
            `memorability.explanation.integrated_gradients.images_per_pass`.
        """
        image = to_unit_range(pixels[None], self.device)
        start = self.baseline(image, name)
        attributions, delta = integrated_gradients(
            network.score_maps,
            image,
            start,
            affine=network.first,
            steps=self.settings.steps,
            internal_batch_size=per_pass,
        )
        with torch.no_grad():
            ends = network(torch.cat([image, start])).double().cpu().numpy()
        row = summarise_attributions(attributions, delta).assign(
            predicted=ends[0], predicted_baseline=ends[1]
        )
        row["converged"] = converged(
            row["convergence_delta"].to_numpy(), ends[:1] - ends[1:], self.settings.tolerance
        )
        return attributions[0].cpu().numpy(), row

    def passes(self, network: ScoreNetwork) -> int:
        """Return how many interpolated images one pass of a network takes."""
        return images_per_pass(network, self.blurred_mean, self.settings.steps)


def explain_images(
    explainer: Explainer,
    network: ScoreNetwork,
    pixels: npt.NDArray[np.uint8],
    *,
    on_image: Callable[[], object] = lambda: None,
) -> dict[str, npt.NDArray[Any]]:
    """Attribute the predicted memorability of images to their pixels.

    Parameters
    ----------
    explainer, network
        How, and what is explained.
    pixels
        uint8 (N, 3, H, W).
    on_image
        Called after each image.

    Returns
    -------
    dict
        Columns of the table `attributions`, (N,), and map, (N, 3, H, W), float16: attributions over
        scale, the largest of their absolute values (0 where all are). Most attributions are near
        1e-6, where float16 has few digits.
    """
    per_pass = explainer.passes(network)
    rows, scales, maps = [], [], []
    for image in pixels:
        name = explainer.settings.baseline
        attributions, row = explainer.attribute(network, image, name, per_pass)
        scale = np.abs(attributions).max()
        rows.append(row)
        scales.append(float(scale))
        maps.append((attributions / (scale or 1)).astype(np.float16))
        on_image()
    table = pd.concat(rows, ignore_index=True).assign(scale=scales)
    columns = {str(name): table[name].to_numpy() for name in table}
    return columns | {"map": np.stack(maps)}


def warn_of(attributions: pd.DataFrame, tolerance: float) -> None:
    """Say so where attributions are all zero, or do not add up to what the score gained.

    Parameters
    ----------
    attributions
        The table of this name.
    tolerance
        Of the convergence delta.
    """
    if not attributions["scale"].any():
        logger.warning(
            "All attributions are 0: the predictor gives every image the same score, whatever its "
            "pixels. Correlations with attributions are undefined. See prediction_metrics and "
            "prediction_history for what it has learned."
        )
        return
    lost = attributions[~attributions["converged"]]
    if lost.empty:
        return
    worst = lost["convergence_delta"].abs().max()
    few = "None" if len(lost) == len(attributions) else f"{len(attributions) - len(lost)}"
    logger.warning(
        "%s of %d images have converged: where not, the sum of the attributions misses the "
        "difference of the scores by more than %g of it (by up to %.3g). Their column `converged` is "
        "false. More attribution.steps bring it closer.",
        few, len(attributions), tolerance, worst,
    )  # fmt: skip
