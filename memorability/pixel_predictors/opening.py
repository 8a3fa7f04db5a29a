"""From the name of a predictor to the predictor: its files are found or fetched, and read."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import Fitted, Given, PixelPredictor, Prepare
from memorability.pixel_predictors.names import (
    PIXEL_PREDICTORS,
    MemNetScale,
    PixelPredictorSpec,
)
from memorability.pixel_predictors.of_files import (
    fit_with,
    open_with,
    preparation,
    specification,
)
from memorability.sources.downloads import Download, registry
from memorability.sources.fetching import fetch

logger = logging.getLogger(__name__)


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
    files = _files(spec, weights, resources)
    return open_with(name, Given(weights=files, mean_image=mean_image, scale=scale))


def begin_fit(
    name: str, *, resources: Path, starts: Sequence[Path] = (), mean_image: Path | None = None
) -> tuple[Prepare, Callable[..., Fitted]]:
    """Return what makes pixels of an image, and what fits a predictor to such pixels.

    Parameters
    ----------
    name
        As for `open_predictor`.
    resources
        Directory below which downloads land: what a fit starts from is fetched.
    starts
        Files of weights that a fit starts from, in place of the download. Of several, each is of
        another part of the network; a training alone takes several.
    mean_image
        See `memorability.pixel_predictors.contract.Given`.

    Returns
    -------
    tuple
        From an upright image to pixels; and a `memorability.pixel_predictors.contract.Fit` that has its
        first two parameters.

    Raises
    ------
    InputError
        If there is no such predictor, or it is only published; if its fit reads no file of the user's,
        or only one, or no mean image.
    """
    spec = specification(name)
    if not spec.fits:
        fitted = sorted(one.name for one in PIXEL_PREDICTORS.values() if one.fits)
        raise InputError(f"{name} is only published. You can fit: {', '.join(fitted)}.")
    if starts and not spec.start:
        raise InputError(
            f"--start {starts[0]}: {name} reads no weights of yours"
            + (f", but {', '.join(spec.starts_from)}" if spec.starts_from else "")
            + ". Leave it out."
        )
    if len(starts) > 1 and not spec.trains:
        raise InputError(f"--start: {name} starts from one file, {len(starts)} are given.")
    if mean_image and not spec.subtracts:
        raise InputError(f"--mean-image {mean_image}: {name} subtracts none. Leave it out.")
    if starts:
        given = Given(weights=tuple(starts), mean_image=mean_image)
    else:
        downloads = [registry()[download] for download in spec.starts_from]
        for download in downloads:
            logger.info("Licence of %s: %s.", download.name, download.licence_in_words)
        given = Given(weights=tuple(fetch(download, resources) for download in downloads))
    return preparation(spec.prepares), fit_with(name, given)


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
