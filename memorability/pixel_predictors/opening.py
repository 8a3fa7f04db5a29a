"""From the name of a predictor to the predictor: its files are found or fetched, and read."""

import logging
from importlib import import_module
from pathlib import Path

from memorability.base.errors import InputError, named
from memorability.pixel_predictors.contract import Given, Open, PixelPredictor
from memorability.pixel_predictors.names import (
    PIXEL_PREDICTORS,
    MemNetScale,
    PixelPredictorSpec,
)
from memorability.sources.downloads import Download, registry
from memorability.sources.fetching import fetch

logger = logging.getLogger(__name__)


def specification(name: str) -> PixelPredictorSpec:
    """Return what is known of a predictor; InputError with the nearest name if there is none."""
    return named(PIXEL_PREDICTORS, name, "predictor")


def introduction(spec: PixelPredictorSpec) -> str:
    """Return what a reader must know before the first score: target, training images, licence."""
    said = (
        f"{spec.name}: {spec.label}, predicts the {spec.predicts}; trained on: {spec.trained_on}."
    )
    for download in _downloads(spec):
        said += f" Licence of {download.name}: {download.licence_in_words}."
    return said


def open_predictor(
    name: str,
    *,
    resources: Path,
    weights: Path | None = None,
    mean_image: Path | None = None,
    scale: MemNetScale = "raw",
) -> PixelPredictor:
    """Return a predictor, whose weights are fetched where they are not there yet.

    Parameters
    ----------
    name
        Key of `memorability.pixel_predictors.names.PIXEL_PREDICTORS`.
    resources
        Directory below which downloads land.
    weights
        A file to read in place of the download.
    mean_image, scale
        See `memorability.pixel_predictors.contract.Given`.

    Raises
    ------
    InputError
        If there is no such predictor; if its weights are named by nobody and no server has them; if
        they cannot be fetched or read.
    """
    spec = specification(name)
    logger.info("%s", introduction(spec))
    given = Given(weights=_files(spec, weights, resources), mean_image=mean_image, scale=scale)
    module, _, function = spec.opens.partition(":")
    opens: Open = getattr(import_module(f"memorability.{module}"), function)
    return opens(spec, given)


def _downloads(spec: PixelPredictorSpec) -> list[Download]:
    return [registry()[name] for name in spec.downloads]


def _files(spec: PixelPredictorSpec, weights: Path | None, resources: Path) -> tuple[Path, ...]:
    if weights is not None:
        if len(spec.downloads) > 1:
            raise InputError(
                f"{spec.name} reads several files ({', '.join(spec.downloads)}), and one is given. "
                f"Leave --weights {spec.name}=… out: the files are fetched."
            )
        return (weights,)
    if not spec.downloads:
        raise InputError(
            f"{spec.name} needs a file of weights, which no server gives: name it with --weights "
            f"{spec.name}=FILE. {spec.where}."
        )
    return tuple(fetch(download, resources) for download in _downloads(spec))
