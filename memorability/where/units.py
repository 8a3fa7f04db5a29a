"""Units of a layer: how their activations go with memorability, and which images move them most."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from memorability.statistics.multiplicity import benjamini_hochberg
from memorability.statistics.rank_correlation import p_value
from memorability.statistics.ranks import Sample, Target
from memorability.where.ablating import BATCH
from memorability.where.changes import Pixels
from memorability.where.looking import SIDE, WhereSettings, unreadable
from memorability.where.maps import last_convolution, refuse_unknown_layers
from memorability.where.names import TOP_IMAGES

FloatArray = npt.NDArray[np.float64]

COLUMNS = (
    "predictor", "layer", "number", "n", "share_active", "mean", "sd", "top_image", "r",
    "given_category", "ci_low", "ci_high", "p", "q", "unit", "clusters",
)  # fmt: skip
"""Of the table `units`."""

SHOWN_EACH_WAY = 4
"""Units of the figure: so many of the most, and of the least correlated ones."""


@dataclass(frozen=True, kw_only=True)
class UnitSettings(WhereSettings):
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


@torch.inference_mode()
def activations(
    predictor: PixelPredictor, views: Sequence[Pixels], layer: str, device: str
) -> FloatArray:
    """Return the largest activation of each unit of a layer over all places: (N, units).

    Parameters
    ----------
    predictor
        On `device`.
    views
        What it reads of each image, (C, H, W).
    layer
        As PyTorch names it. Of a network that reads several crops, the largest over crops is taken.
    device
        torch device.
    """
    found: list[FloatArray] = []

    def keep(_: object, __: object, output: Tensor) -> None:
        values = output.flatten(2).amax(dim=2) if output.dim() > 2 else output
        of_images = values.reshape(count, -1, values.shape[1]).amax(dim=1)
        found.append(np.asarray(of_images.double().cpu()))

    hook = predictor.network.get_submodule(layer).register_forward_hook(keep)
    try:
        for start in range(0, len(views), BATCH):
            batch = np.stack(views[start : start + BATCH])
            count = len(batch)
            predictor.network(torch.from_numpy(batch).to(device))
    finally:
        hook.remove()
    return np.concatenate(found)


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
        of ranks less their category's mean, NaN of a unit that never changes. q is p adjusted for the
        false discovery rate over all units that change.
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
    return rows.assign(q=benjamini_hochberg(rows["p"]))


def look_at_units(
    images: pd.DataFrame,
    folder: Path,
    predictors: Mapping[str, PixelPredictor],
    settings: UnitSettings,
    *,
    device: str,
    shown: str | Path,
    on_image: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Return the table `units`, and write the images that move some of them most.

    Parameters
    ----------
    images
        Those that are looked at, with a score each.
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
    on_image
        Called after each image.

    Raises
    ------
    InputError
        If an image cannot be read, or a network has no layer of the name that is given.
    """
    refuse_unknown_layers(predictors, settings.layers)
    views: dict[str, list[Pixels]] = {name: [] for name in predictors}
    small = np.empty((len(images), SIDE, SIDE, 3), dtype=np.uint8)
    for place, file in enumerate(images["file"]):
        try:
            image = decode(folder / file, settings.decoding)
            for name, predictor in predictors.items():
                views[name].append(predictor.prepare(image))
        except BadImage as reason:
            raise unreadable(folder / file, reason) from None
        small[place] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        on_image()
    tables: list[pd.DataFrame] = []
    names, numbers, pixels = [], [], []
    for name, predictor in predictors.items():
        layer = layer_of(predictor, views[name][0], settings.layers.get(name, ""), device)
        if not layer:
            continue
        values = activations(predictor, views[name], layer, device)
        table = correlate_units(values, images, settings.target, settings.bootstrap)
        tables.append(table.assign(predictor=name, layer=layer))
        for unit in shown_units(table):
            order = np.argsort(-values[:, unit], kind="stable")[:TOP_IMAGES]
            filled = np.full((TOP_IMAGES, SIDE, SIDE, 3), 255, dtype=np.uint8)
            filled[: len(order)] = small[order]
            names.append(name)
            numbers.append(unit)
            pixels.append(filled)
    with atomic(shown) as temporary, temporary.open("wb") as file:
        np.savez(
            file, allow_pickle=False, predictor=np.asarray(names, dtype=str),
            number=np.asarray(numbers, dtype=int),
            pixels=np.asarray(pixels, dtype=np.uint8).reshape(-1, TOP_IMAGES, SIDE, SIDE, 3),
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*COLUMNS])


def shown_units(table: pd.DataFrame) -> list[int]:
    """Return the numbers of the units of the figure, from the highest r to the lowest."""
    order = table[table["r"].notna()].sort_values("r", ascending=False, kind="stable")["number"]
    if len(order) <= 2 * SHOWN_EACH_WAY:
        return [int(number) for number in order]
    ends = pd.concat([order.head(SHOWN_EACH_WAY), order.tail(SHOWN_EACH_WAY)])
    return [int(number) for number in ends]
