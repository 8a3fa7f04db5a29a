"""Maps of the predicted score over an image, by several methods.

Every map is reduced to 8 × 8 cells of the image, whatever its aspect. Values are raw: a change of the
score for occlusion, a score for windows, a share of the score for gradients.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from PIL import Image
from skimage.color import rgb2gray
from skimage.filters import sobel
from torch import Tensor, nn
from torch.nn import functional as F

from memorability.base.errors import InputError, nearest
from memorability.base.job_log import progress
from memorability.base.shards import in_shards, shards_left
from memorability.images.decoding import BadImage, decode
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.pixel_predictors.memnet import TenCropScores, rescaled
from memorability.where.ablating import scores_of
from memorability.where.changes import Pixels, blurred, working_copy
from memorability.where.looking import LookSettings, as_arrays, unreadable
from memorability.where.names import BY_MEMNET, GRID
from memorability.where.reading import in_units, memnet_of, window_read, without_mirror_images

OCCLUDED = 2
"""Cells that a patch of occlusion covers, in each direction; patches are one cell apart."""

WINDOW = 4
"""Cells that a sliding window covers, in each direction; windows are one cell apart."""

SHOWN = 6
"""Images of the figure."""

STEPS = 16
"""Points of the path of Integrated Gradients."""

SIDES = (451, 579, 707, 835)
"""Sides, in pixels, at which MemNet reads the whole image: it then has 8 to 20 places each way."""

Map = npt.NDArray[np.float64]
"""(8, 8)."""


@dataclass(frozen=True, kw_only=True)
class MapSettings(LookSettings):
    """What decides maps.

    Parameters
    ----------
    mapped_images
        How many test images, at least 1: a seeded choice, spread over categories.
    layers
        Predictor -> the layer whose maps Grad-CAM weighs, as PyTorch names it; the last convolution of
        predictors that are not named.
    """

    mapped_images: int
    layers: Mapping[str, str]


def map_images(
    images: pd.DataFrame,
    folder: Path,
    predictors: Mapping[str, PixelPredictor],
    settings: MapSettings,
    *,
    device: str,
    shards: Path,
) -> pd.DataFrame:
    """Return the table `memorability_maps` of images.

    Parameters
    ----------
    images
        image_id and file of each, at least one.
    folder
        In which the files are.
    predictors
        Name -> predictor, on `device`. Gradients pass through their networks afterwards.
    settings
        How.
    device
        torch device.
    shards
        Directory for what is done, from which a stopped job goes on.

    Raises
    ------
    InputError
        If an image cannot be read, or a network has no layer of the name that is given.
    """
    opened = {name: keeping_gradients(one) for name, one in predictors.items()}
    refuse_unknown_layers(opened, settings.layers)
    ids, files = images["image_id"].tolist(), images["file"].tolist()
    with progress(shards_left(shards, len(ids), 1), "mapping images") as step:

        def one(items: slice) -> dict[str, npt.NDArray[Any]]:
            file = folder / files[items.start]
            try:
                image = working_copy(decode(file, settings.decoding))
                parts = [
                    table_of_maps(
                        maps_of_image(image, each, device, layer=settings.layers.get(name, "")),
                        ids[items.start],
                        name,
                    )
                    for name, each in opened.items()
                ]
            except BadImage as reason:
                raise unreadable(file, reason) from None
            step()
            return as_arrays(pd.concat(parts, ignore_index=True))

        made = [pd.DataFrame(dict(part)) for _, part in in_shards(shards, len(ids), 1, one)]
    return pd.concat(made, ignore_index=True)


def refuse_unknown_layers(
    predictors: Mapping[str, PixelPredictor], layers: Mapping[str, str]
) -> None:
    """Raise InputError if a predictor has no layer of the name that is given for it."""
    for name, layer in layers.items():
        if name not in predictors:
            continue
        known = [one for one, _ in predictors[name].network.named_modules() if one]
        if layer not in known:
            raise InputError(
                f"where.layers: {name} has no layer {layer!r} ({nearest(layer, known)}). Correct "
                "it, or leave it out."
            )


def maps_of_image(
    image: Pixels, predictor: PixelPredictor, device: str, *, layer: str = ""
) -> dict[str, Map]:
    """Return the maps of one image by every method that a predictor allows: method -> (8, 8).

    Parameters
    ----------
    image
        A working copy, (H, W, 3).
    predictor
        On `device`, in a form that keeps gradients: see `keeping_gradients`.
    device
        torch device.
    layer
        See `MapSettings`; "" for the last convolution.

    Raises
    ------
    memorability.images.decoding.BadImage
        If the predictor cannot read the image.
    """
    makers = map_makers(image, predictor, device, layer=layer)
    return {method: make() for method, make in makers.items()} | reference_maps(image)


def map_makers(
    image: Pixels, predictor: PixelPredictor, device: str, *, layer: str = ""
) -> dict[str, Callable[[], Map]]:
    """Return what makes the map of one image by each method that a predictor allows.

    Parameters
    ----------
    image, predictor, device, layer
        See `maps_of_image`.

    Returns
    -------
    dict
        Method, of `memorability.where.names.METHODS` -> a function that returns its map.

    Raises
    ------
    memorability.images.decoding.BadImage
        If the predictor cannot read the image.
    """
    view = predictor.prepare(Image.fromarray(image))
    network = predictor.network
    makers: dict[str, Callable[[], Map]] = {
        "occlusion": partial(occlusion, view, predictor, device),
        "windows": partial(sliding_windows, image, predictor, device),
    }
    if memnet := memnet_of(network):
        makers[BY_MEMNET] = lambda: in_units(network, fully_convolutional(image, memnet, device))
    elif keeps_gradients(predictor, view, device):
        pixels = torch.from_numpy(view.copy())[None].to(device)
        chosen = layer or last_convolution(network, pixels)
        if chosen:
            makers["grad_cam"] = partial(grad_cam, network, pixels, chosen)
        makers["integrated_gradients"] = partial(integrated_gradients, network, view, device)
    return makers


def keeping_gradients(predictor: PixelPredictor) -> PixelPredictor:
    """Return a predictor through whose network gradients pass: it is changed in place."""
    predictor.network.requires_grad_(True)
    return predictor


def keeps_gradients(predictor: PixelPredictor, view: npt.NDArray[np.uint8], device: str) -> bool:
    """Whether the score of an image (C, H, W) has a gradient: descriptors such as HOG have none."""
    pixels = torch.from_numpy(view.copy())[None].to(device).float().requires_grad_(True)
    with torch.enable_grad():
        try:
            scores = predictor.network(pixels)
        except RuntimeError:  # of what leaves torch, where there are no gradients
            return False
        if not scores.requires_grad:
            return False
        (gradient,) = torch.autograd.grad(scores.sum(), pixels, allow_unused=True)
    return gradient is not None


def occlusion(view: npt.NDArray[np.uint8], predictor: PixelPredictor, device: str) -> Map:
    """Return how much the score falls where a patch hides the image, on average over patches.

    Parameters
    ----------
    view
        What the predictor reads, (C, H, W) uint8; the first three channels are hidden, by their mean.
    predictor, device
        See `maps_of_image`.
    """
    height, width = view.shape[1:]
    mean = np.rint(view[:3].mean(axis=(1, 2), keepdims=True)).astype(np.uint8)
    places = [(down, across) for down in _starts(OCCLUDED) for across in _starts(OCCLUDED)]
    views = [view]
    for down, across in places:
        hidden = view.copy()
        rows, columns = _part(height, down, OCCLUDED), _part(width, across, OCCLUDED)
        hidden[:3, rows, columns] = mean
        views.append(hidden)
    scores = predictor.score(np.stack(views), device)
    return _spread(scores[0] - scores[1:], places, OCCLUDED)


def sliding_windows(image: Pixels, predictor: PixelPredictor, device: str) -> Map:
    """Return the mean score of the windows that cover each cell; windows are half as wide and high."""
    height, width = image.shape[:2]
    places = [(down, across) for down in _starts(WINDOW) for across in _starts(WINDOW)]
    windows = [
        image[_part(height, down, WINDOW), _part(width, across, WINDOW)] for down, across in places
    ]
    return _spread(scores_of(predictor, windows, device), places, WINDOW)


def _starts(cells: int) -> range:
    return range(GRID - cells + 1)


def _part(length: int, start: int, cells: int) -> slice:
    """Return the pixels of some cells, at least one."""
    first = round(length * start / GRID)
    return slice(min(first, length - 1), max(round(length * (start + cells) / GRID), first + 1))


def _spread(values: Map, places: Sequence[tuple[int, int]], cells: int) -> Map:
    """Return the mean, for each cell, of the values of the parts that cover it."""
    total, count = np.zeros((GRID, GRID)), np.zeros((GRID, GRID))
    for value, (down, across) in zip(values, places, strict=True):
        total[down : down + cells, across : across + cells] += value
        count[down : down + cells, across : across + cells] += 1
    return total / count


def last_convolution(network: nn.Module, pixels: Tensor) -> str:
    """Return the name of the last of the widest convolutions with several places; "" without any.

    Of a network with several branches, the widest one has most to say.
    """
    seen: list[tuple[int, int, str]] = []
    hooks = [
        module.register_forward_hook(
            lambda _, __, output, name=name: (
                seen.append((output.shape[1], len(seen), name)) if output.shape[-1] > 1 else None
            )
        )
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with torch.no_grad():
            network(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return max(seen)[2] if seen else ""


def grad_cam(network: nn.Module, pixels: Tensor, layer: str) -> Map:
    """Return the signed map of Grad-CAM: maps of a layer, weighted by their mean gradients.

    Source: Selvaraju et al. 2017, without its ReLU, which would hide what lowers the score (captum).

    Parameters
    ----------
    network
        From pixels to scores, with gradients.
    pixels
        (1, C, H, W) uint8.
    layer
        As PyTorch names it.

    Returns
    -------
    numpy.ndarray
        (8, 8), 0 outside of what the network reads. Of a network that also reads the mirror image, it
        is the map of the image's own score.
    """
    module = network.get_submodule(layer)
    explained = LayerGradCam(lambda images: network(images)[:, None], module)
    with without_mirror_images(network):
        found = explained.attribute(pixels, target=0, relu_attributions=False)
    height, width = pixels.shape[2:]
    return _in_cells(found.detach()[0].sum(dim=0), network, height, width)


def integrated_gradients(network: nn.Module, view: npt.NDArray[np.uint8], device: str) -> Map:
    """Return Integrated Gradients from the blurred image, summed over channels (captum)."""
    image = np.ascontiguousarray(view[:3].transpose(1, 2, 0))
    start = view.copy()
    start[:3] = blurred(image, min(image.shape[:2]) / 20).transpose(2, 0, 1)
    pixels, baseline = (
        torch.from_numpy(one.copy())[None].float().to(device) for one in (view, start)
    )
    found = IntegratedGradients(network).attribute(
        pixels, baselines=baseline, n_steps=STEPS, internal_batch_size=STEPS
    )
    return _cell_sums(found.detach()[0].sum(dim=0))


def _in_cells(values: Tensor, network: nn.Module, height: int, width: int) -> Map:
    """Return the cell means over a view of a map (h, w) of what the network reads; 0 outside of it."""
    rows, columns = window_read(network, height, width)
    view = values.new_zeros((1, 1, height, width), dtype=torch.float32)
    inside = view[..., rows, columns]
    inside.copy_(
        F.interpolate(
            values[None, None].float(), inside.shape[2:], mode="bilinear", align_corners=False
        )
    )
    return np.asarray(F.adaptive_avg_pool2d(view, GRID)[0, 0].double().cpu())


def _cell_sums(values: Tensor) -> Map:
    pooled = F.adaptive_avg_pool2d(values[None, None].double(), GRID)[0, 0]
    return np.asarray(pooled.cpu()) * values.numel() / GRID**2


@torch.inference_mode()
def fully_convolutional(
    image: Pixels, scores: TenCropScores, device: str, sides: Sequence[int] = SIDES
) -> Map:
    """Return MemNet's scores of all places of an image, the mean over several sizes of it.

    Parameters
    ----------
    image
        (H, W, 3).
    scores
        MemNet with its mean image, which is resized as the image is.
    device
        torch device.
    sides
        To which the image is squashed, in pixels, at least 227.
    """
    found = []
    mean = scores.mean_image[None]
    for side in sides:
        square = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1)[None].to(device)
        subtracted = F.interpolate(mean, (side, side), mode="bilinear", align_corners=False)
        score_map: Callable[[Tensor], Tensor] = scores.network.score_map  # type: ignore[assignment]
        outputs = score_map(pixels.flip(1).float() - subtracted)[:, None]
        at_cells = F.interpolate(outputs, (GRID, GRID), mode="bilinear", align_corners=False)
        found.append(rescaled(at_cells[0, 0], scores.scale).double().cpu())
    return np.asarray(torch.stack(found).mean(dim=0))


def reference_maps(image: Pixels) -> dict[str, Map]:
    """Return the maps of `REFERENCES` of an image (H, W, 3).

    Returns
    -------
    dict
        centre: less the distance from the centre, in widths and heights. edges: the mean Sobel
        gradient of the luminance (scikit-image).
    """
    places = (np.arange(GRID) + 0.5) / GRID - 0.5
    centre = -np.hypot(places[:, None], places)
    edges = torch.from_numpy(sobel(rgb2gray(image)))[None, None]
    return {"centre": centre, "edges": np.asarray(F.adaptive_avg_pool2d(edges, GRID)[0, 0])}


def table_of_maps(maps: Mapping[str, Map], image_id: str, predictor: str) -> pd.DataFrame:
    """Return rows of the table `memorability_maps`: a cell of a map each, from the upper left one."""
    rows, columns = np.divmod(np.arange(GRID**2), GRID)
    parts = [
        pd.DataFrame({"row": rows, "column": columns, "value": values.ravel()}).assign(method=name)
        for name, values in maps.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(image_id=image_id, predictor=predictor)
