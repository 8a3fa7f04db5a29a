"""Regions of images in which a unit is most active: their weighted average, and segmentations."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage.draw import disk

from memorability.where.changes import Pixels

FloatArray = npt.NDArray[np.float64]
Maps = npt.NDArray[np.float32]
"""(rows, columns), the activations of a unit at its places in a picture; (1, 1) of a layer without."""

MEMNET_SIDE, MEMNET_CELLS = 227, 13
MEMNET_FIRST, MEMNET_STRIDE = 17, 16
REGION = 163
"""Pixels of the window that a place of MemNet's conv5 sees, around 17 + 16 i of 227 pixels. For other
layers with places, the window has the same share of what the network reads, around its middle."""

AVERAGED = 30
"""Regions of an average (Khosla et al., 2015)."""

DISK = 65
"""Diameter, of 227 pixels, of the disk that stands for a place of conv5 (B. Zhou et al., Object
detectors emerge in deep scene CNNs, 2015)."""

HALF = 0.5
"""Share of a unit's largest activation in a picture, above which its places are painted."""

TOP_SHARE = 0.005
"""Share of all activations of a unit that its segmentation shows (D. Bau et al., Network dissection,
2017)."""

Mask = npt.NDArray[np.bool_]

DIMMED = 0.2
"""Brightness of the pixels that are left out."""


def centre_of(cell: int, cells: int, side: int) -> float:
    """Return the pixel, of `side`, at which a cell of so many lies; see `REGION`."""
    if (cells, side) == (MEMNET_CELLS, MEMNET_SIDE):
        return float(MEMNET_FIRST + MEMNET_STRIDE * cell)
    return (cell + 0.5) * side / cells - 0.5


def region(picture: Pixels, activation: Maps) -> tuple[Pixels, Mask]:
    """Return the part of a picture (H, W, 3) that the most active place of a unit sees.

    Of a layer without places it is the whole picture.

    Returns
    -------
    tuple
        (h, w, 3) uint8, and (h, w): which of its pixels lie inside the picture.
    """
    inside = np.ones(picture.shape[:2], dtype=bool)
    if activation.size == 1:
        return picture, inside
    place = np.unravel_index(int(activation.argmax()), activation.shape)
    size = [round(REGION / MEMNET_SIDE * side) for side in picture.shape[:2]]
    # As far on each side that the window never leaves it.
    around = [(length, length) for length in size]
    starts = [
        round(centre_of(int(cell), cells, side) - (length - 1) / 2) + length
        for cell, cells, side, length in zip(
            place, activation.shape, picture.shape[:2], size, strict=True
        )
    ]
    window = tuple(slice(start, start + length) for start, length in zip(starts, size, strict=True))
    padded, kept = np.pad(picture, [*around, (0, 0)]), np.pad(inside, around)
    return np.asarray(padded[window]), np.asarray(kept[window])


def weighted_average(
    regions: Sequence[Pixels], inside: Sequence[Mask], weights: FloatArray
) -> Pixels:
    """Return the mean of regions of one size, weighted by activations.

    Parameters
    ----------
    regions
        (h, w, 3) uint8 each, at least one.
    inside
        (h, w) each: which pixels count. Where none does, the mean is white.
    weights
        Of each region. If none is above 0, all count alike; those below 0 do not count.
    """
    positive = np.maximum(weights, 0)
    if positive.sum() <= 0:
        positive = np.ones(len(regions))
    shares = np.stack(inside) * positive[:, None, None]
    total = shares.sum(axis=0)[..., None]
    sums = (np.stack(regions) * shares[..., None]).sum(axis=0)
    mean = np.divide(sums, total, out=np.full(sums.shape, 255.0), where=total > 0)
    return np.asarray(np.rint(mean), dtype=np.uint8)


def disks(activation: Maps, size: tuple[int, int]) -> Mask:
    """Return which pixels (H, W) the disks cover of the places above half the largest activation.

    Centres lie on a grid from the first pixel to the last but a remainder, as in the authors' code; a
    unit that is nowhere above 0 has no disk, and a layer without places covers all.
    """
    mask = np.zeros(size, dtype=bool)
    if activation.max() <= 0:
        return mask
    if activation.size == 1:
        return ~mask
    steps = [max(1, side // (cells - 1)) if cells > 1 else 0
             for side, cells in zip(size, activation.shape, strict=True)]  # fmt: skip
    radius = DISK / 2 / MEMNET_SIDE * min(size)
    for down, across in np.argwhere(activation > HALF * activation.max()):
        mask[disk((down * steps[0], across * steps[1]), radius, shape=size)] = True
    return mask


def above(activation: Maps, threshold: float, size: tuple[int, int]) -> Mask:
    """Return where a map, enlarged bilinearly to (H, W), is above a threshold."""
    shape = (size[1], size[0])
    large = Image.fromarray(activation.astype(np.float32)).resize(shape, Image.Resampling.BILINEAR)
    return np.asarray(large) > threshold


def dimmed(picture: Pixels, mask: Mask) -> Pixels:
    """Return a picture (H, W, 3) with what is not in a mask (H, W) at a fifth of its brightness."""
    dark = np.rint(picture * DIMMED).astype(np.uint8)
    return np.where(mask[..., None], picture, dark)
