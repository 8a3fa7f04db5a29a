"""Units of a layer: how their activations go with memorability, and which images move them most."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from memorability.base.files import atomic
from memorability.images.decoding import BadImage, decode
from memorability.pixel_predictors.contract import PixelPredictor
from memorability.statistics.inference import Resamples, Units
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP, Bootstrap
from memorability.statistics.rank_correlation import p_value
from memorability.statistics.ranks import Sample, Target
from memorability.where.ablating import BATCH
from memorability.where.changes import Pixels
from memorability.where.looking import SIDE, LookSettings, unreadable
from memorability.where.maps import last_convolution, refuse_unknown_layers
from memorability.where.names import TOP_IMAGES
from memorability.where.reading import without_mirror_images

FloatArray = npt.NDArray[np.float64]

COLUMNS = (
    "predictor", "layer", "number", "n", "share_active", "mean", "sd", "top_image", "r",
    "given_category", "ci_low", "ci_high", "p", "unit", "clusters",
)  # fmt: skip
"""Of the table `unit_correlations`."""

SHOWN_EACH_WAY = 4
"""Units of the figure: so many of the most, and of the least correlated ones."""


@dataclass(frozen=True, kw_only=True)
class UnitSettings(LookSettings):
    """What decides correlations of units.

    Parameters
    ----------
    layers
        Predictor -> the layer whose units are correlated; of others see `last_convolution`.
    target
        The score: a column of the image table.
    bootstrap
        Of images, or of subcategories where there are enough.
    """

    layers: Mapping[str, str]
    target: str
    bootstrap: Bootstrap


def layer_of(predictor: PixelPredictor, view: Pixels, named: str, device: str) -> str:
    """Return the layer whose units are looked at, "" if a predictor has none.

    Parameters
    ----------
    predictor
        On `device`.
    view
        What it reads of an image, (C, H, W).
    named
        The layer that the user names, or "".
    device
        torch device.
    """
    pixels = torch.from_numpy(view.copy())[None].to(device)
    return named or last_convolution(predictor.network, pixels)


class Activations(NamedTuple):
    """Of each unit of a layer in each image, (N, units): the largest over all places, and the mean."""

    largest: FloatArray
    mean: FloatArray


@torch.inference_mode()
def layer_output(
    predictor: PixelPredictor, views: Sequence[Pixels], layer: str, device: str
) -> Tensor:
    """Return what a layer puts out for images, one row per picture: see `reading.pictures_read`.

    Parameters
    ----------
    predictor, views, layer, device
        See `activations`.
    """
    found: list[Tensor] = []
    hook = predictor.network.get_submodule(layer).register_forward_hook(
        # A copy: a ReLU that works in place may follow.
        lambda _, __, output: found.append(output.clone())
    )
    try:
        with without_mirror_images(predictor.network):
            predictor.network(torch.from_numpy(np.stack(views)).to(device))
    finally:
        hook.remove()
    (output,) = found
    return output


def activations(
    predictor: PixelPredictor, views: Sequence[Pixels], layer: str, device: str
) -> Activations:
    """Return the activations of a layer in images.

    Parameters
    ----------
    predictor
        On `device`.
    views
        What it reads of each image, (C, H, W), at least one.
    layer
        As PyTorch names it. Crops of an image, where a network reads several, are places like others.
    device
        torch device.
    """
    output = layer_output(predictor, views, layer, device)
    values = output[..., None] if output.dim() == 2 else output.flatten(2)
    # A crop after the other of each image.
    of_images = values.reshape(len(views), -1, *values.shape[1:]).double().cpu()
    return Activations(
        np.asarray(of_images.amax(dim=(1, 3))), np.asarray(of_images.mean(dim=(1, 3)))
    )


def correlate_units(
    values: FloatArray, images: pd.DataFrame, target: str, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return how each unit's activation goes with memorability.

    Parameters
    ----------
    values
        (n, units), activations.
    images
        (n,) image_id, category, subcategory, and the target.
    target
        Name of the score.
    bootstrap
        Of images, or of subcategories where there are enough.

    Returns
    -------
    pandas.DataFrame
        A row per unit: r is Spearman's correlation with its interval and p-value, given_category that
        of ranks less their category's mean, NaN of a unit that never changes.
    """
    category, subcategory = (
        images[name].to_numpy(dtype=str) for name in ("category", "subcategory")
    )
    strata = {"category": category} if len(np.unique(category)) > 1 else {}
    scores = Target(images[target].to_numpy(dtype=np.float64), strata)
    units = Units.of(category, subcategory, bootstrap)
    enough = len(images) >= SMALLEST_BOOTSTRAP and np.ptp(images[target]) > 0
    changing = np.flatnonzero(np.ptp(values, axis=0) > 0) if enough else np.empty(0, dtype=int)
    samples = [Sample(values[:, one][None], scores) for one in changing]
    rows = pd.DataFrame(
        {
            "number": np.arange(values.shape[1]),
            "n": len(images),
            "share_active": (values > 0).mean(axis=0),
            "mean": values.mean(axis=0),
            "sd": values.std(axis=0),
            "top_image": images["image_id"].to_numpy()[values.argmax(axis=0)],
            "unit": units.word,
            "clusters": pd.array([units.count] * values.shape[1], dtype="Int64"),
        }
    )
    columns = ("r", "given_category", "ci_low", "ci_high", "p")
    found = np.full((len(rows), len(columns)), np.nan)
    drawn = Resamples.of(samples, units, bootstrap, detailed=False)
    for place, sample, resamples in zip(changing, samples, drawn, strict=True):
        r = sample.by_run["pooled"]
        given = sample.by_run.get("partial_category", np.full(1, np.nan))
        inference = resamples.inference("pooled", r, p_value(float(r[0]), len(images) - 2))
        interval = inference.interval
        found[place] = (r[0], given[0], interval.low, interval.high, inference.p)
    rows[list(columns)] = found
    return rows


def look_at_units(
    images: pd.DataFrame,
    folder: Path,
    predictors: Mapping[str, PixelPredictor],
    settings: UnitSettings,
    *,
    device: str,
    shown: str | Path,
    means: str | Path,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Return the table `unit_correlations`, and write the images that move some of them most.

    Parameters
    ----------
    images
        Those that are looked at, with a score each, at least one.
    folder
        In which the files are.
    predictors
        Name -> predictor, on `device`. One without a layer of units has no rows.
    settings
        How.
    device
        torch device.
    shown
        The .npz file to write: predictor and number of each unit, and pixels
        (units, 9, 128, 128, 3) uint8 of its nine images, the most active first.
    means
        The .npz file to write: by predictor, the mean activations (n, units) float32.
    on_image
        Called after each image.

    Raises
    ------
    InputError
        If an image cannot be read, or a network has no layer of the name that is given.
    """
    refuse_unknown_layers(predictors, settings.layers)
    layers: dict[str, str] = {}
    found: dict[str, list[Activations]] = {name: [] for name in predictors}
    files = [folder / file for file in images["file"]]
    for start in range(0, len(files), BATCH):
        decoded = [_decoded(file, settings) for file in files[start : start + BATCH]]
        for name, predictor in predictors.items():
            views = [
                _view(predictor, image, file)
                for image, file in zip(decoded, files[start : start + BATCH], strict=True)
            ]
            if name not in layers:
                layers[name] = layer_of(predictor, views[0], settings.layers.get(name, ""), device)
            if layers[name]:
                found[name].append(activations(predictor, views, layers[name], device))
        for _ in decoded:
            on_image()
    values = {
        name: Activations(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        for name, parts in found.items()
        if parts
    }
    tables: list[pd.DataFrame] = []
    sheets: list[tuple[str, int, Pixels]] = []
    for name, (largest, _) in values.items():
        table = correlate_units(largest, images, settings.target, settings.bootstrap)
        tables.append(table.assign(predictor=name, layer=layers[name]))
        for unit in shown_units(table):
            order = np.argsort(-largest[:, unit], kind="stable")[:TOP_IMAGES]
            sheets.append((name, unit, _sheet([files[place] for place in order], settings)))
    _save(
        shown,
        predictor=np.asarray([name for name, _, _ in sheets], dtype=str),
        number=np.asarray([unit for _, unit, _ in sheets], dtype=int),
        pixels=np.stack([_sheet([], settings), *(sheet for _, _, sheet in sheets)])[1:],
    )
    _save(means, **{name: each.mean.astype(np.float32) for name, each in values.items()})
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*COLUMNS])


def _decoded(file: Path, settings: UnitSettings) -> Image.Image:
    try:
        return decode(file, settings.decoding)
    except BadImage as reason:
        raise unreadable(file, reason) from None


def _view(predictor: PixelPredictor, image: Image.Image, file: Path) -> Pixels:
    try:
        return predictor.prepare(image)
    except BadImage as reason:
        raise unreadable(file, reason) from None


def _sheet(files: Sequence[Path], settings: UnitSettings) -> Pixels:
    """Return small copies of up to nine images (9, 128, 128, 3), white where there is none."""
    sheet = np.full((TOP_IMAGES, SIDE, SIDE, 3), 255, dtype=np.uint8)
    for place, file in enumerate(files):
        small = _decoded(file, settings).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        sheet[place] = np.asarray(small)
    return sheet


def _save(path: str | Path, **arrays: npt.NDArray[Any]) -> None:
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def shown_units(table: pd.DataFrame) -> list[int]:
    """Return the numbers of the units of the figure, from the highest r to the lowest."""
    order = table[table["r"].notna()].sort_values("r", ascending=False, kind="stable")["number"]
    if len(order) <= 2 * SHOWN_EACH_WAY:
        return [int(number) for number in order]
    ends = pd.concat([order.head(SHOWN_EACH_WAY), order.tail(SHOWN_EACH_WAY)])
    return [int(number) for number in ends]
