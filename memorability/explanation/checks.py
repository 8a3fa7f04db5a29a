"""Sanity of attributions: other baselines, random weights, and deletion and insertion of pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pytorch_msssim import ssim
from skimage.color import rgb2gray
from skimage.filters import sobel
from torch import Tensor, nn

from memorability.autoencoder.architecture import Autoencoder
from memorability.base.seeding import numpy_stream
from memorability.explanation.explaining import Explainer, ExplainerSettings
from memorability.explanation.names import (
    MAP_MEASURES,
    MODES,
    ORDERS,
    REFERENCES,
    SUMMARIES,
    TRAINED,
)
from memorability.explanation.network import Randomised, ScoreNetwork, randomised
from memorability.explanation.starts import Baseline
from memorability.images.pixels import to_unit_range
from memorability.prediction.predictors.trained import TrainedPredictor
from memorability.statistics.rank_correlation import standard_ranks

BASELINES: tuple[str, ...] = get_args(Baseline)
RANDOMISED: tuple[str, ...] = get_args(Randomised)
SHARES = np.linspace(0, 1, 11)
"""Of the pixels, that are deleted or inserted when the score is taken."""

_CALIBRATION_IMAGES = 8  # for the batch normalisation of a random encoder


@dataclass(frozen=True)
class Checks:
    """What one image is checked with.

    Parameters
    ----------
    explainer
        How the study explains images; its baseline is the study's own.
    network
        The network that is explained.
    random
        Networks with random weights, by which part is random and the number of the draw from 0.
    """

    explainer: Explainer
    network: ScoreNetwork
    random: Mapping[tuple[str, int], ScoreNetwork]

    @classmethod
    def of(
        cls,
        model: Autoencoder,
        predictor: TrainedPredictor,
        pixels: npt.NDArray[np.uint8],
        predictions: pd.DataFrame,
        settings: ExplainerSettings,
        random_draws: int,
        device: str,
    ) -> "Checks":
        """Return the checks of a predictor; see `memorability.explanation.jobs.check`."""
        train = np.flatnonzero(predictions["split"].to_numpy() == "train")
        calibration = pixels[train[:_CALIBRATION_IMAGES]]
        random = {
            (part, draw): randomised(
                model, predictor, part, calibration, seed=settings.seed, draw=draw, device=device
            )
            for part in RANDOMISED
            for draw in range(random_draws)
        }
        explainer = Explainer.of(pixels, predictions, settings, device)
        network = ScoreNetwork(model, predictor, device)
        for (part, _), other in random.items():
            if part == "predictor":
                other.share_encoder(network)
        return cls(explainer, network, random)

    @property
    def variants(self) -> list[tuple[str, int]]:
        """Names and draws of the attributions of an image other than the study's own."""
        own = self.explainer.settings.baseline
        return [*((name, 0) for name in BASELINES if name != own), *self.random]

    @property
    def pairs(self) -> list[tuple[str, str, str, int]]:
        """What is compared: the check, the names of two maps, and the draw of the second."""
        baselines = [("baseline", *pair, 0) for pair in combinations(BASELINES, 2)]
        weights = [("weights", TRAINED, part, draw) for part, draw in self.random]
        return baselines + weights + [("reference", TRAINED, name, 0) for name in REFERENCES]

    def check_image(
        self,
        image_id: str,
        pixels: npt.NDArray[np.uint8],
        own: npt.NDArray[np.float32],
        per_pass: int,
    ) -> dict[str, npt.NDArray[Any]]:
        """Return all checks of one image.

        Parameters
        ----------
        image_id
            Names the stream of its random order of pixels.
        pixels
            uint8 (3, H, W).
        own
            The study's own attributions, (3, H, W).
        per_pass
            See `Explainer.attribute`.

        Returns
        -------
        dict
            summaries, (variants, 3); deltas and converged, (variants,); similarities, (pairs, 3), NaN
            where a map is constant; scores, (2 modes, 4 orders, 11 shares).
        """
        own_name = self.explainer.settings.baseline
        image = to_unit_range(pixels[None], self.explainer.device)
        start = self.explainer.baseline(image, own_name)
        references = reference_maps(image, start)
        views = {(name, 0): _Views.of(one) for name, one in references.items()}
        views[own_name, 0] = views[TRAINED, 0] = _Views.of(own)
        rows = []
        for variant in self.variants:
            network, baseline = self.random.get(variant, self.network), variant[0]
            if variant in self.random:
                baseline = own_name
            attributions, row = self.explainer.attribute(network, pixels, baseline, per_pass)
            views[variant] = _Views.of(attributions)
            rows.append(row)
        table = pd.concat(rows, ignore_index=True)
        stream = numpy_stream(self.explainer.settings.seed, f"pixels of {image_id}")
        random = stream.permutation(own[0].size)
        orders = {
            "attribution": np.argsort(-own.sum(axis=0, dtype=np.float64).ravel(), kind="stable"),
            "random": random,
        }
        for name, one in references.items():
            # Pixels of one value, as those without an edge, come at random.
            values = one.sum(axis=0, dtype=np.float64).ravel()[random]
            orders[name] = random[np.argsort(-values, kind="stable")]
        return {
            "summaries": table[list(SUMMARIES)].to_numpy(),
            "deltas": table["convergence_delta"].to_numpy(),
            "converged": table["converged"].to_numpy(),
            "similarities": np.array(
                [
                    views[first, 0].similarities(views[second, draw])
                    for _, first, second, draw in self.pairs
                ]
            ),
            "scores": curves(
                self.network, image, start, [orders[name] for name in ORDERS], per_pass=per_pass
            ),
        }

    def tables(
        self, image_ids: Sequence[str], results: Sequence[Mapping[str, npt.NDArray[Any]]]
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Return the tables attribution_variants, attribution_similarity and attribution_curves."""
        variants, similarity, scores = [], [], []
        own = self.explainer.settings.baseline
        for image_id, result in zip(image_ids, results, strict=True):
            variant = pd.DataFrame(result["summaries"], columns=list(SUMMARIES))
            variant["variant"], variant["draw"] = zip(*self.variants, strict=True)
            variant["baseline"] = [own if v in self.random else v[0] for v in self.variants]
            variant["convergence_delta"] = result["deltas"]
            variants.append(variant.assign(converged=result["converged"], image_id=image_id))
            alike = pd.DataFrame(self.pairs, columns=["check", "first", "second", "draw"])
            alike[list(MAP_MEASURES)] = result["similarities"]
            similarity.append(alike.assign(image_id=image_id))
            grid = pd.MultiIndex.from_product(
                [MODES, ORDERS, SHARES], names=["mode", "order", "share"]
            )
            scores.append(
                pd.DataFrame({"score": result["scores"].ravel()}, index=grid)
                .reset_index()
                .assign(image_id=image_id)
            )
        parts = (variants, similarity, scores)
        return tuple(pd.concat(part, ignore_index=True) for part in parts)  # type: ignore[return-value]


@dataclass(frozen=True)
class _Views:
    """What is compared of the attributions of an image, pixel by pixel.

    Attributes
    ----------
    absolute, signed
        Standard ranks of the pixels (H·W,) by the sum over channels of absolute or of signed values.
    bright
        The absolute sums (1, 1, H, W) over the largest of them, as float32 in [0, 1].
    """

    absolute: npt.NDArray[np.float64]
    signed: npt.NDArray[np.float64]
    bright: Tensor

    @classmethod
    def of(cls, attributions: npt.NDArray[np.floating[Any]]) -> "_Views":
        absolute = np.abs(attributions).sum(axis=0, dtype=np.float64)
        signed = attributions.sum(axis=0, dtype=np.float64)
        bright = torch.from_numpy(absolute / (absolute.max() or 1)).float()[None, None]
        return cls(standard_ranks(absolute.ravel()), standard_ranks(signed.ravel()), bright)

    def similarities(self, other: "_Views") -> tuple[float, float, float]:
        """Return `MAP_MEASURES` of two maps; NaN where one has no order."""
        plain = any(view.bright.max() == view.bright.min() for view in (self, other))
        alike = np.nan if plain else float(ssim(self.bright, other.bright, data_range=1))
        pixels = (self.absolute @ other.absolute, self.signed @ other.signed)
        # Of equal maps the sum may exceed 1 by its last bit.
        absolute, signed = np.clip(pixels, -1, 1)
        return float(absolute), float(signed), alike


def reference_maps(image: Tensor, baseline: Tensor) -> dict[str, npt.NDArray[np.float32]]:
    """Return the maps of `REFERENCES` of an image (1, 3, H, W): what is there without any network.

    Attributions are gradients times the difference of image and baseline. A map that is like this
    difference, or like the edges of the image, need not say anything of the network.

    Returns
    -------
    dict
        difference, (3, H, W): |image − baseline|, 0 to 1. edges, (1, H, W): magnitude of the Sobel
        gradient of the image's luminance, at least 0 (scikit-image).
    """
    grey = rgb2gray(image[0].permute(1, 2, 0).cpu().numpy())
    difference: npt.NDArray[np.float32] = (image - baseline).abs()[0].cpu().numpy()
    return {"difference": difference, "edges": sobel(grey)[None].astype(np.float32)}


@torch.inference_mode()
def curves(
    network: nn.Module,
    image: Tensor,
    baseline: Tensor,
    orders: Sequence[npt.NDArray[np.intp]],
    *,
    per_pass: int,
) -> npt.NDArray[np.float64]:
    """Return the score of an image as more and more of its pixels are deleted, or inserted.

    A deleted pixel takes the baseline's colour; insertion begins with the baseline. If attributions are
    right, deletion from the pixel that raises the score most to the one that lowers it most lowers the
    score faster than other orders, and insertion raises it faster.

    Parameters
    ----------
    network
        From images to scores.
    image, baseline
        (1, 3, H, W).
    orders
        (H·W,) each a permutation of the pixels.
    per_pass
        Images in a pass.

    Returns
    -------
    numpy.ndarray
        (2, orders, 11): `MODES`, `orders`, `SHARES`.

    Notes
    -----
    Source: Petsiuk, Das & Saenko 2018, "RISE", section 4.3, with single pixels.
    """
    images = []
    for under, over in ((image, baseline), (baseline, image)):
        for order in orders:
            place = np.empty(len(order), dtype=np.intp)
            place[order] = np.arange(len(order))
            for count in np.rint(SHARES * len(order)):
                changed = torch.from_numpy((place < count).reshape(image.shape[2:]))
                images.append(torch.where(changed.to(image.device), over, under))
    parts = [network(batch) for batch in torch.split(torch.cat(images), per_pass)]
    scores = torch.cat(parts).double().cpu().numpy()
    return scores.reshape(len(MODES), len(orders), len(SHARES))
