"""Regions of images: from a table of the user, and what stands out; how they are removed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2gray
from skimage.restoration import inpaint_biharmonic
from skimage.transform import resize

from memorability.base.errors import InputError
from memorability.base.text import one_form
from memorability.data.joining import join_images
from memorability.images.decoding import BadImage, decode
from memorability.tables.given import first_place, is_missing, read_given, refuse, require_columns
from memorability.where.changes import Pixels, blurred
from memorability.where.names import BACKGROUND, SALIENT

Mask = npt.NDArray[np.bool_]
Fill = Literal["inpaint", "mean", "blur"]
"""What a removed region gets: what its border tells (`inpaint`), the mean colour of the rest, or its
own blur, which keeps its coarse colours."""

MOST = 0.9
"""Share of an image that may be removed at most: what is left of a smaller rest tells nothing."""

SALIENT_SHARE = 0.2
"""Share of the pixels that stand out most."""

MOST_SHARED = 0.25
"""Share of a region that its copy elsewhere may cover of the region itself, at most."""

INPAINTED_SIDE = 64
"""Shorter side, in pixels, at which a large region is inpainted: it has no detail anyhow."""

_SALIENCY_SIDE = 64
_KNOWN = 0.2  # share of a pixel that lies outside the region, from which its colour is known
_BOX = ("left", "top", "right", "bottom")


def read_regions(
    paths: Sequence[str | Path], images: pd.DataFrame
) -> dict[str, list[dict[str, Any]]]:
    """Read the table of regions, if there is one: a row is a box or a mask.

    Parameters
    ----------
    paths
        None, or one: a .csv, .tsv or .parquet file with the columns image_id or file, region, and
        either left, top, right and bottom, in pixels of the upright image, or mask: an image file,
        beside the table, that is white within the region. An image may have any number of rows.
    images
        The image table.

    Returns
    -------
    dict
        image_id -> its regions: {"region": name, "box": (left, top, right, bottom)} or {"region":
        name, "mask": path}.

    Raises
    ------
    InputError
        If a column is missing, a name of a region has other signs than a-z, 0-9 and _, a box is no box,
        or no row belongs to an image.
    """
    if not paths:
        return {}
    path = Path(*paths)
    table = read_given(path)
    names = [str(name) for name in table.columns]
    by = "image_id" if "image_id" in names else "file"
    boxed = "mask" not in names
    needed = [by, "region", *(_BOX if boxed else ("mask",))]
    require_columns(path, {name: name for name in needed}, names, "the table's header")
    if table.empty:
        return {}
    labels = table["region"].astype(str).map(one_form)
    wrong = ~labels.str.fullmatch("[a-z0-9_]+") | labels.isin([SALIENT, BACKGROUND])
    refuse(
        path, "region", labels[wrong], "no name for a region",
        f"Names have signs of a-z, 0-9 and _, and are not {SALIENT!r} or {BACKGROUND!r}.",
    )  # fmt: skip
    boxes = _boxes(path, table) if boxed else None
    distinct = table.drop_duplicates(by)
    ids, _ = join_images(path, distinct, {by: by}, images)
    of_name = dict(zip(distinct[by], ids, strict=True))
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for place, (name, label) in enumerate(zip(table[by], labels, strict=True)):
        image_id = of_name[name]
        if not isinstance(image_id, str):
            continue
        what = {"box": tuple(boxes[place])} if boxes is not None else {
            "mask": str(path.parent / str(table["mask"].iloc[place]))
        }  # fmt: skip
        found[image_id].append({"region": label, **what})
    return dict(found)


def _boxes(path: Path, table: pd.DataFrame) -> npt.NDArray[np.float64]:
    values = {}
    for name in _BOX:
        cells = table[name]
        numbers = pd.to_numeric(cells.mask(is_missing(cells)), errors="coerce")
        refuse(
            path, name, cells[~np.isfinite(numbers)], "no number",
            "Expected pixels of the upright image, counted from its upper left corner.",
        )  # fmt: skip
        values[name] = numbers.to_numpy(dtype=np.float64)
    empty = (values["right"] <= values["left"]) | (values["bottom"] <= values["top"])
    if empty.any():
        raise InputError(
            f"{path}: {first_place(table.index[empty])} has a box without an area. Expected left below "
            "right, and top below bottom. Correct the row."
        )
    return np.stack([values[name] for name in _BOX], axis=1)


def masks_of(
    regions: list[dict[str, Any]], size: tuple[int, int], shape: tuple[int, int]
) -> dict[str, Mask]:
    """Return the regions of an image as masks of its working copy, those of a name together.

    Parameters
    ----------
    regions
        From `read_regions`.
    size
        Width and height of the upright image, in pixels.
    shape
        Height and width of its working copy.

    Raises
    ------
    InputError
        If a mask cannot be read, or has another aspect than the image.
    """
    masks: dict[str, Mask] = {}
    for one in regions:
        mask = _boxed(one["box"], size, shape) if "box" in one else _read_mask(one, size, shape)
        masks[one["region"]] = masks.get(one["region"], np.zeros(shape, dtype=bool)) | mask
    return masks


def _boxed(
    box: tuple[float, ...], size: tuple[int, int], shape: tuple[int, int]
) -> Mask:  # pixels that a box covers at least by half
    mask = np.zeros(shape, dtype=bool)
    across, down = shape[1] / size[0], shape[0] / size[1]
    left, right = (round(np.clip(edge * across, 0, shape[1])) for edge in (box[0], box[2]))
    top, bottom = (round(np.clip(edge * down, 0, shape[0])) for edge in (box[1], box[3]))
    mask[top:bottom, left:right] = True
    return mask


def _read_mask(one: Mapping[str, Any], size: tuple[int, int], shape: tuple[int, int]) -> Mask:
    try:
        image = decode(Path(one["mask"]))
    except BadImage as reason:
        raise InputError(
            f"The mask {one['mask']} {reason}. Correct its name in the table of regions."
        ) from None
    if abs(image.width * size[1] - image.height * size[0]) > max(size) * max(image.size) / 50:
        raise InputError(
            f"The mask {one['mask']} has {image.width} × {image.height} pixels, and its image "
            f"{size[0]} × {size[1]}: another aspect. Make the mask from the upright image."
        )
    scaled = image.convert("L").resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(scaled) >= 128


def salient(image: Pixels, share: float = SALIENT_SHARE) -> Mask:
    """Return the pixels (H, W) that stand out most, by the spectral residual.

    Parameters
    ----------
    image
        (H, W, 3).
    share
        Of the pixels.

    Returns
    -------
    numpy.ndarray
        All False for an image of one colour, in which nothing stands out.

    Notes
    -----
    X. Hou and L. Zhang, Saliency detection: a spectral residual approach, CVPR 2007: the amplitudes of
    the image at 64 pixels, less their local mean on a logarithmic scale, with the phases. It knows no
    objects.
    """
    if (image == image[0, 0]).all():
        return np.zeros(image.shape[:2], dtype=bool)
    small = resize(rgb2gray(image), (_SALIENCY_SIDE, _SALIENCY_SIDE), anti_aliasing=True)
    spectrum = np.fft.fft2(small)
    amplitude = np.log(np.abs(spectrum) + 1e-12)
    residual = amplitude - ndimage.uniform_filter(amplitude, 3, mode="wrap")
    found = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    saliency = resize(ndimage.gaussian_filter(found, 2.5), image.shape[:2], order=1)
    order = np.argsort(-saliency, axis=None, kind="stable")
    mask = np.zeros(saliency.size, dtype=bool)
    mask[order[: round(share * mask.size)]] = True
    return mask.reshape(saliency.shape)


def removable(mask: Mask) -> bool:
    """Whether a region is there, and leaves enough of the image."""
    return bool(0 < mask.mean() <= MOST)


def removed(image: Pixels, mask: Mask, fill: Fill) -> Pixels:
    """Return an image without a region.

    Parameters
    ----------
    image
        (H, W, 3).
    mask
        (H, W), `removable`.
    fill
        What the region gets.
    """
    result = image.copy()
    if fill == "mean":
        result[mask] = np.rint(image[~mask].mean(axis=0)).astype(np.uint8)
    elif fill == "blur":
        result[mask] = blurred(image, min(image.shape[:2]) / 10)[mask]
    else:
        result[mask] = _inpainted(image, mask)[mask]
    return result


def _inpainted(image: Pixels, mask: Mask) -> Pixels:
    """Return an image whose region is as smooth as its border allows (biharmonic; scikit-image).

    It is solved on a small copy, and what is found is enlarged: within the region there is no detail.
    """
    scale = min(1.0, INPAINTED_SIDE / min(image.shape[:2]))
    shape = [max(1, round(length * scale)) for length in image.shape[:2]]
    # Means of what lies outside the region: nothing of it leaks into its border.
    outside = (~mask).astype(np.float64)[..., None]
    known = resize(outside, shape, order=1, anti_aliasing=True)
    small = resize(outside * image / 255, shape, order=1, anti_aliasing=True)
    small /= np.maximum(known, _KNOWN)
    hidden = known[..., 0] < _KNOWN
    if hidden.all():
        small[:] = image[~mask].mean(axis=0) / 255
    else:
        small = inpaint_biharmonic(small, hidden, channel_axis=-1)
    large = resize(small, image.shape[:2], order=1)
    filled: Pixels = np.clip(np.rint(255 * large), 0, 255).astype(np.uint8)
    return filled


def elsewhere(mask: Mask, stream: np.random.Generator) -> Mask | None:
    """Return a region moved to where it shares least with itself; None where there is no such place.

    What leaves the image at one edge comes in at the opposite one, so that the area is the same.

    Parameters
    ----------
    mask
        (H, W), not empty.
    stream
        Of the choice among places that share as little.
    """
    transform = np.fft.rfft2(mask.astype(np.float64))
    shared = np.fft.irfft2(np.abs(transform) ** 2, mask.shape) / mask.sum()
    least = shared.min()
    if least > MOST_SHARED:
        return None
    places = np.argwhere(shared <= least + 0.01)
    down, across = places[stream.integers(len(places))]
    moved: Mask = np.roll(mask, (int(down), int(across)), axis=(0, 1))
    return moved
