"""Histograms of oriented gradients around each place of a grid: 124 values of 2 × 2 cells.

Source: Felzenszwalb, Girshick, McAllester & Ramanan 2010, "Object Detection with Discriminatively
Trained Part-Based Models" (the 31 values of a cell); constants of the toolbox feature-extraction of
A. Khosla, which Khosla et al. 2015 compare MemNet with (docs/predictors.md).
"""

import math
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

CELL = 8
"""Side of a cell, in pixels."""

GRID_STEP = 6
"""From one descriptor to the next, in pixels."""

BORDER = 20
"""Pixels by which an image is mirrored beyond each edge: the first descriptor is centred on pixel 0."""

ORIENTATIONS = 9
"""Of a line; a gradient, which has a sign, has twice as many. They are 20° apart."""

VALUES = 124
"""Of a descriptor: 2 × 2 cells of 31 values."""

ENERGY_FLOOR = 1e-4  # added to the energy that a cell is divided by
HIGHEST = 0.2  # of a normalised value
TEXTURE_WEIGHT = 0.2357

# Cells lie 6 and 8 pixels apart: all of them on every second pixel.
_STRIDE = math.gcd(GRID_STEP, CELL)
_NEXT_CELL = CELL // _STRIDE
_BRIGHTEST = 255
_GRADIENTS = 2 * _BRIGHTEST + 1

Floats = npt.NDArray[np.float32]


def hog2x2(image: npt.NDArray[np.uint8]) -> Floats:
    """Return the descriptors of an image on a grid of 6 pixels.

    Parameters
    ----------
    image
        (3, H, W), 0–255, of at least one pixel.

    Returns
    -------
    numpy.ndarray
        (⌈H / 6⌉, ⌈W / 6⌉, 124), 0 and above. That of row r and column c is centred on pixel (6 r, 6 c).
        Its four cells are those above left, below left, above right and below right of the centre. A
        cell has 18 values of gradients with a sign, 9 without, and 4 of texture.
    """
    mirrored = np.pad(image, ((0, 0), (BORDER, BORDER), (BORDER, BORDER)), mode="symmetric")
    cells = _normalised(_summed(_votes(mirrored.astype(np.int16))))
    rows, columns = (
        np.arange(-(-side // GRID_STEP)) * (GRID_STEP // _STRIDE) for side in image.shape[1:]
    )
    four = [
        cells[:, rows[:, None] + down, columns + right]
        for right in (0, _NEXT_CELL)
        for down in (0, _NEXT_CELL)
    ]
    return np.ascontiguousarray(np.concatenate(four).transpose(1, 2, 0))


def _votes(image: npt.NDArray[np.int16]) -> Floats:
    """Return the gradient's magnitude at its orientation, (18, H − 2, W − 2), of (3, H, W).

    Of three colours, the one with the largest magnitude counts; of equals, the first.
    """
    across = image[:, 1:-1, 2:] - image[:, 1:-1, :-2]
    down = image[:, 2:, 1:-1] - image[:, :-2, 1:-1]
    squared = across.astype(np.int32) ** 2 + down.astype(np.int32) ** 2
    strongest = squared.argmax(axis=0)[None]
    across, down, squared = (
        np.take_along_axis(one, strongest, axis=0)[0] for one in (across, down, squared)
    )
    orientation = _orientations()[down + _BRIGHTEST, across + _BRIGHTEST]
    votes = np.zeros((2 * ORIENTATIONS, *orientation.shape), dtype=np.float32)
    magnitude = np.sqrt(squared, dtype=np.float32)
    np.put_along_axis(votes, orientation[None].astype(np.intp), magnitude[None], axis=0)
    return votes


@cache
def _orientations() -> npt.NDArray[np.uint8]:
    """Return the orientation, 0–17, of each gradient (down, across) of 8-bit pixels, from −255 on.

    A gradient has the orientation whose direction is nearest. A vertical one lies between two, and has
    the first.
    """
    angles = np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS
    across, down = np.cos(angles), np.sin(angles)
    # Equal to the last bit, as they are by symmetry: the first of equals is taken.
    down[ORIENTATIONS // 2 + 1 :] = down[ORIENTATIONS // 2 : 0 : -1]
    steps = np.arange(-_BRIGHTEST, _BRIGHTEST + 1)
    best: npt.NDArray[np.float64] = np.zeros((_GRADIENTS, _GRADIENTS))
    found = np.zeros(best.shape, dtype=np.uint8)
    for number in range(ORIENTATIONS):
        along = down[number] * steps[:, None] + across[number] * steps
        better = np.abs(along) > best
        found[better] = np.where(along > 0, number, number + ORIENTATIONS)[better]
        np.maximum(best, np.abs(along), out=best)
    return found


def _summed(votes: Floats) -> Floats:
    """Return the votes (18, H, W) summed around every second pixel, from the eighth on.

    A vote counts less with its distance: 1 − d / 8 in each direction.
    """
    rows, columns = (_weights(side) for side in votes.shape[1:])
    return np.asarray(rows @ votes @ columns.T, dtype=np.float32)


@lru_cache(maxsize=32)
def _weights(side: int) -> Floats:
    """Return how much each pixel of a side counts in each sum: (sums, pixels)."""
    centres = np.arange(CELL - 1, side - CELL + 1, _STRIDE)
    distances = np.abs(centres[:, None] - np.arange(side))
    return np.asarray(np.clip(1 - distances / CELL, 0, None), dtype=np.float32)


def _normalised(sums: Floats) -> Floats:
    """Return the 31 values of cells (31, h − 8, w − 8), of sums (18, h, w).

    Each of four blocks of 2 × 2 cells that a cell belongs to gives an energy by which it is divided.
    """
    unsigned = sums[:ORIENTATIONS] + sums[ORIENTATIONS:]
    energy = (unsigned**2).sum(axis=0)
    step = _NEXT_CELL
    block = energy[:-step] + energy[step:]
    block = block[:, :-step] + block[:, step:]
    factors = 1 / np.sqrt(block + np.float32(ENERGY_FLOOR))
    all_of = np.concatenate([sums, unsigned])[:, step:-step, step:-step]
    first, last = slice(None, -step), slice(step, None)
    total = np.zeros_like(all_of)
    texture = []
    for right in (last, first):
        for down in (last, first):
            part = np.minimum(all_of * factors[down, right], np.float32(HIGHEST))
            total += part
            texture.append(part[: 2 * ORIENTATIONS].sum(axis=0))
    return np.concatenate([total / 2, np.float32(TEXTURE_WEIGHT) * np.stack(texture)])
