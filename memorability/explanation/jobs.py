"""Attributions as jobs make them: in shards that a stopped job goes on with, maps in one file."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.autoencoder.architecture import Autoencoder
from memorability.base.arrays import NpyWriter
from memorability.base.hashes import file_hashes
from memorability.base.job_log import progress
from memorability.base.shards import in_shards, shards_left, shards_of
from memorability.explanation.checks import Checks
from memorability.explanation.explaining import (
    Explainer,
    ExplainerSettings,
    choose_images,
    explain_images,
    explained_images,
    warn_of,
)
from memorability.explanation.network import ScoreNetwork
from memorability.networks.computing import Compute
from memorability.networks.training.checkpoints import arithmetic
from memorability.prediction.predictors.trained import TrainedPredictor

IMAGES_PER_SHARD = 8  # a few minutes of two cores at full width, which is what a kill costs


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplanationSettings:
    """What decides the explanations of a study's images.

    Parameters
    ----------
    explainer
        How an image is explained.
    images
        How many test images, or for checks of the drawn ones, at least 1: a seeded choice.
    show
        Ids of further images that are explained.
    compute
        How; always in single precision.
    """

    explainer: ExplainerSettings
    images: int
    show: tuple[str, ...]
    compute: Compute


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckSettings(ExplanationSettings):
    """What decides the checks of explanations.

    Parameters
    ----------
    random_draws
        How many networks with random weights each random part is tried with, at least 1.
    """

    random_draws: int


def kept_shards(
    params: Mapping[str, Any], code: str, inputs: Iterable[str], device: str
) -> AbstractContextManager[Path]:
    """Return the directory for the shards of a job, named by all that decides their bits.

    Parameters
    ----------
    params
        The settings of the job, as its rule has them.
    code
        Fingerprint of the code that decides the results.
    inputs
        The files that the job reads.
    device
        torch device.
    """
    return shards_of(params, code, file_hashes(inputs), arithmetic(device))


def explain(
    model: Autoencoder,
    predictor: TrainedPredictor,
    pixels: npt.NDArray[np.uint8],
    images: pd.DataFrame,
    predictions: pd.DataFrame,
    settings: ExplanationSettings,
    *,
    device: str,
    shards: Path,
    maps: str | Path,
    images_per_shard: int = IMAGES_PER_SHARD,
) -> pd.DataFrame:
    """Attribute predicted memorability to pixels, write the maps and return the table `attributions`.

    Parameters
    ----------
    model, predictor
        The autoencoder whose latents the predictor was trained on, and the predictor.
    pixels
        uint8 (N, 3, H, W); row i is row i of `images` and of `predictions`.
    images, predictions
        The tables of these names.
    settings
        How, and which images.
    device
        torch device.
    shards
        Directory for what is finished, see `memorability.base.shards`.
    maps
        File for the maps, float16 (K, 3, H, W); it appears whole.
    images_per_shard
        Images whose maps are kept together: what is lost of a job that is stopped.
    """
    chosen = explained_images(
        images, predictions, settings.images, settings.show, seed=settings.explainer.seed
    )
    places = chosen["place"].to_numpy()
    network = ScoreNetwork(model, predictor, device)
    explainer = Explainer.of(pixels, predictions, settings.explainer, device)
    parts = []
    shape = (len(places), *pixels.shape[1:])
    left = shards_left(shards, len(places), images_per_shard)
    with progress(left, "attributing") as step, NpyWriter(maps, shape, np.float16) as writer:
        for _, shard in in_shards(
            shards,
            len(places),
            images_per_shard,
            lambda rows: explain_images(explainer, network, pixels[places[rows]], on_image=step),
        ):
            writer.append(shard["map"])
            parts.append({name: values for name, values in shard.items() if name != "map"})
    table = pd.concat(map(pd.DataFrame, parts), ignore_index=True).assign(
        image_id=chosen["image_id"],
        drawn=chosen["drawn"],
        baseline=settings.explainer.baseline,
        row=np.arange(len(places)),
    )
    warn_of(table, settings.explainer.tolerance)
    return table


def check(
    model: Autoencoder,
    predictor: TrainedPredictor,
    pixels: npt.NDArray[np.uint8],
    images: pd.DataFrame,
    predictions: pd.DataFrame,
    attributions: pd.DataFrame,
    maps: npt.NDArray[np.float16],
    settings: CheckSettings,
    *,
    device: str,
    shards: Path,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Check the attributions of some images.

    Parameters
    ----------
    model, predictor, pixels, images, predictions, settings, device, shards
        See `explain`; images are chosen among the drawn ones.
    attributions, maps
        Results of `explain`.

    Returns
    -------
    tuple
        The tables attribution_variants, attribution_similarity and attribution_curves.
    """
    drawn = attributions[attributions["drawn"]].merge(
        images[["image_id", "category"]].reset_index(names="place"), on="image_id"
    )
    rows = choose_images(drawn, settings.images, seed=settings.explainer.seed)
    chosen = drawn.iloc[rows].reset_index(drop=True)
    checks = Checks.of(
        model, predictor, pixels, predictions, settings.explainer, settings.random_draws, device
    )
    per_pass = checks.explainer.passes(checks.network)
    results = []
    with progress(shards_left(shards, len(chosen), 1), "checking attributions") as step:

        def one(items: slice) -> dict[str, npt.NDArray[Any]]:
            image = chosen.iloc[items.start]
            own = maps[image["row"]].astype(np.float32) * np.float32(image["scale"])
            result = checks.check_image(image["image_id"], pixels[image["place"]], own, per_pass)
            step()
            return result

        for _, result in in_shards(shards, len(chosen), 1, one):
            results.append(result)
    return checks.tables(chosen["image_id"].tolist(), results)
