"""Pictures of images in few bytes: photographs, reconstructions and maps, as a page holds them."""

import logging
from base64 import b64encode
from collections.abc import Iterable, Iterator

import matplotlib
import numpy as np
import numpy.typing as npt

from memorability.images.thumbnails import as_webp, shrunk, thumbnail_side

logger = logging.getLogger(__name__)

LARGEST_PAGE = 25_000_000
"""Bytes of a page that is opened and passed on without trouble."""
_QUALITIES = (80, 70, 60, 50, 40, 30, 25, 20, 15, 10, 5)
_TRIED = 200
_MARGIN = 0.96  # of the bytes that are there: the images that are tried are not all
_MAP_SIDE, _MAP_QUALITY = 28, 50


def photographs_and_reconstructions(
    pixels: npt.NDArray[np.uint8],
    reconstructions: npt.NDArray[np.uint8],
    *,
    taken: int,
    largest: int = LARGEST_PAGE,
) -> tuple[list[str], list[str]]:
    """Return photographs and reconstructions at the best quality for which a page stays small enough.

    Parameters
    ----------
    pixels
        Prepared images, uint8 (N, 3, H, W).
    reconstructions
        uint8 (N, 3, side, side) of the side of `thumbnail_side`.
    taken
        Bytes that the page has already.
    largest
        Bytes of the page.

    Returns
    -------
    tuple of list of str
        Length N each. Of very many images they may be larger together, at the lowest quality; the log
        then says so.
    """
    count = len(pixels)
    room = largest - taken
    side = thumbnail_side(count)
    tried = np.unique(np.linspace(0, count - 1, min(_TRIED, count)).astype(np.intp))
    originals = shrunk(pixels[tried], side)
    share = len(tried) / count
    for quality in _QUALITIES:
        expected = _length(originals, reconstructions[tried], quality) / share
        if expected > _MARGIN * room and quality > _QUALITIES[-1]:
            continue
        of_images = [_coded(shrunk(image[None], side)[0], quality) for image in pixels]
        of_models = [_coded(image, quality) for image in reconstructions]
        length = _together([*of_images, *of_models])
        if length <= room:
            break
    else:
        logger.warning(
            "Pictures of %d images take %.0f MB at the lowest quality: the page exceeds %.0f MB.",
            count, length / 1e6, largest / 1e6,
        )  # fmt: skip
    logger.info("Pictures have %d pixels a side and the WebP quality %d.", side, quality)
    return of_images, of_models


def maps_of(maps: Iterable[npt.NDArray[np.floating]]) -> Iterator[str]:
    """Yield attribution maps as pictures: the brighter, the more a part moves the predicted score.

    Parameters
    ----------
    maps
        Attributions of one image each, in any unit, (3, H, W), H and W multiples of 28.

    Yields
    ------
    str
        A map has the mean of the absolute attributions of 8 × 8 pixels, summed over colours. Its
        brightest colour is the 99th percentile of its own values.
    """
    for attributions in maps:
        strength = np.abs(attributions.astype(np.float64)).sum(axis=0)
        block = strength.shape[0] // _MAP_SIDE
        parts = strength.reshape(_MAP_SIDE, block, _MAP_SIDE, block).mean(axis=(1, 3))
        limit = float(np.quantile(parts, 0.99)) or float(parts.max()) or 1.0
        colours = matplotlib.colormaps["inferno"](np.clip(parts / limit, 0, 1))[..., :3]
        yield _coded((colours * 255).round().astype(np.uint8).transpose(2, 0, 1), _MAP_QUALITY)


def _coded(image: npt.NDArray[np.uint8], quality: int) -> str:
    return b64encode(as_webp(image, quality)).decode("ascii")


def _length(
    originals: npt.NDArray[np.uint8], reconstructions: npt.NDArray[np.uint8], quality: int
) -> int:
    return _together(_coded(image, quality) for image in [*originals, *reconstructions])


def _together(coded: Iterable[str]) -> int:
    """Return the characters of pictures in a page, each on a line of its own."""
    return sum(len(one) + 1 for one in coded)
