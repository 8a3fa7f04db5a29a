"""Images that are nearly the same picture: found by a hash that small changes leave alone."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from memorability.base.arrays import blocks
from memorability.images.sizes import SIDE

GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
THUMBNAIL, LOW = 32, 8  # sides of the reduced image and of its lowest frequencies
LARGEST_DISTANCE = 10
"""Bits, of 64, in which the hashes of two near duplicates differ at most."""

_AT_A_TIME = 256


def image_hashes(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the hash of every image and of its mirror image, (N, 2).

    Parameters
    ----------
    pixels
        (N, 3, 224, 224), RGB, N at least 1; may be mapped from a file.

    Notes
    -----
    Source: the "pHash" that is commonly used: the grey image is reduced to 32 × 32, and each bit says
    whether one of its 8 × 8 lowest cosine frequencies is above their median.
    """
    found = [_hashes(pixels[block]) for block in blocks(len(pixels), _AT_A_TIME)]
    return np.concatenate(found)


def _hashes(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    side = SIDE // THUMBNAIL
    # Whole sums of rows, then of columns: many times as fast as means of blocks, and exact.
    rows = pixels.reshape(-1, 3, THUMBNAIL, side, SIDE).sum(axis=3, dtype=np.uint16)
    sums = rows.reshape(-1, 3, THUMBNAIL, THUMBNAIL, side).sum(axis=4, dtype=np.uint16)
    small = np.tensordot(sums, GREY, axes=(1, 0)) / side**2
    both = np.stack([small, small[..., ::-1]], axis=1)
    low = dctn(both, axes=(-2, -1))[..., :LOW, :LOW].reshape(-1, 2, LOW * LOW)
    # Rounded, lest what is 0 in an even image be of either sign.
    low = low.round(6)
    bits = low > np.median(low, axis=-1, keepdims=True)
    return np.packbits(bits, axis=-1).view(np.uint64)[..., 0]


def near_duplicates(hashes: NDArray[np.uint64], image_ids: pd.Series) -> pd.DataFrame:
    """Return the pairs of images whose hashes differ in `LARGEST_DISTANCE` bits at most.

    Parameters
    ----------
    hashes
        As from `image_hashes`, (N, 2), N at least 1.
    image_ids
        Of the images, (N,).

    Returns
    -------
    pandas.DataFrame
        The table `near_duplicate_pairs`: image_id and other_image_id, distance (bits, 0 to 64; the
        smaller one of the image and of its mirror image) and mirrored (whether that is the mirror
        image's).
    """
    names = image_ids.to_numpy(dtype=str)
    columns = np.arange(len(hashes))
    parts = []
    for block in blocks(len(hashes), _AT_A_TIME):
        own = hashes[block, 0]
        plain, mirrored = (np.bitwise_count(own[:, None] ^ hashes[:, side]) for side in (0, 1))
        distance = np.minimum(plain, mirrored)
        near = (distance <= LARGEST_DISTANCE) & (columns > columns[block][:, None])
        first, second = np.nonzero(near)
        parts.append(
            pd.DataFrame(
                {
                    "image_id": names[block][first],
                    "other_image_id": names[second],
                    "distance": distance[near].astype(np.int64),
                    "mirrored": (mirrored < plain)[near],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def duplicate_groups(image_ids: pd.Series, pairs: pd.DataFrame) -> NDArray[np.int64]:
    """Return the group of every image, (N,): whole numbers, the same for images that pairs connect.

    Parameters
    ----------
    image_ids
        (N,), unique. Pairs with an image that is not among them are left aside.
    pairs
        The table `near_duplicate_pairs`.
    """
    places = pd.Index(image_ids)
    first, second = (places.get_indexer(pairs[name]) for name in ("image_id", "other_image_id"))
    both = (first >= 0) & (second >= 0)
    ends = (first[both], second[both])
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(len(places), len(places)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
