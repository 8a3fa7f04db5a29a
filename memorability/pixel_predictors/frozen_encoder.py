"""A weighted sum of the values of an encoder that is not trained further.

The design of the best published predictors. With EfficientNet-Lite0, a small encoder, and ridge
regression, a fit takes seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from memorability.networks.computing import place
from memorability.networks.weights import load_strictly, read_state_dict
from memorability.pixel_predictors.contract import (
    Facts,
    FitSettings,
    Fitted,
    Given,
    PixelPredictor,
    Prepare,
)
from memorability.pixel_predictors.descriptors.efficientnet_lite import VALUES, EfficientNetLite0
from memorability.pixel_predictors.fitted_file import parts_to_fit, read_fitted
from memorability.pixel_predictors.names import PixelPredictorSpec
from memorability.pixel_predictors.views import squashed_to_224
from memorability.sources.downloads import licence_of

PENALTIES = tuple(10.0**power for power in range(-1, 6))
"""Of the sum of squared weights, for values with a standard deviation of 1; the best in validation."""

BATCH_SIZE = 32
MODEL = "network EfficientNet-Lite0"
PREPROCESSING = (
    "squashed to 224 × 224 pixels (bilinear, antialiased), RGB, (x − 127) / 128 of 0–255"
)


class EncoderAndLine(nn.Module):
    """Scores (N,) of pixels uint8 (N, C, H, W): a weighted sum of the encoder's values.

    Parameters
    ----------
    encoder
        From pixels to values (N, `values`).
    values
        How many there are.
    """

    def __init__(self, encoder: nn.Module, values: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.line = nn.Linear(values, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return scores (N,)."""
        scores: Tensor = self.line(self.encoder(pixels))
        return scores.squeeze(1)


class Line(NamedTuple):
    """A weighted sum of values (D,) plus a constant, and what was chosen for it, by name."""

    weights: npt.NDArray[np.float64]
    intercept: float
    chosen: Mapping[str, float]


class FitLine(Protocol):
    """Fit a weighted sum to the training images, and choose by the validation images."""

    def __call__(
        self,
        values: npt.NDArray[np.float64],
        scores: npt.NDArray[np.float64],
        train: npt.NDArray[np.bool_],
        validation: npt.NDArray[np.bool_],
    ) -> Line:
        """Return the weighted sum of values (N, D) that predicts scores (N,); some rows are tests."""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """What a weighted sum is taken of.

    Parameters
    ----------
    network
        From pixels uint8 (N, C, H, W) to values (N, `values`), on the CPU.
    values
        How many.
    prepare
        See `contract.PixelPredictor`.
    preprocessing, version, weights_sha256, licence
        See `contract.Facts`.
    """

    network: nn.Module
    values: int
    prepare: Prepare
    preprocessing: str
    version: str = ""
    weights_sha256: str = ""
    licence: str = ""


def origin_of(digest: str) -> dict[str, str]:
    """Return what `Encoder` says of the file that an encoder was read from, by its SHA-256."""
    return {
        "version": f"encoder {digest[:8]}",
        "weights_sha256": digest,
        "licence": f"encoder: {licence_of(digest) or 'none stated'}",
    }


def choose(
    lines: Iterable[Line], values: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> Line:
    """Return the line with the smallest squared error on validation images; of equals, the first.

    Parameters
    ----------
    lines
        At least one.
    values, scores
        Of the validation images, (N, D) and (N,).
    """
    judged = (
        (float(((values @ line.weights + line.intercept - scores) ** 2).mean()), line)
        for line in lines
    )
    error, best = min(judged, key=lambda one: one[0])
    return best._replace(chosen={**best.chosen, "validation_squared_error": error})


def fit_ridge(
    values: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float64],
    train: npt.NDArray[np.bool_],
    validation: npt.NDArray[np.bool_],
) -> Line:
    """Return the best ridge regression in validation; of equal penalties, the largest: a `FitLine`."""
    mean, deviation = values[train].mean(axis=0), values[train].std(axis=0)
    deviation[deviation == 0] = 1
    standardised = (values[train] - mean) / deviation

    def fit(penalty: float) -> Line:
        ridge = Ridge(alpha=penalty).fit(standardised, scores[train])
        weights = np.ravel(ridge.coef_) / deviation
        return Line(weights, float(ridge.intercept_ - weights @ mean), {"penalty": penalty})

    return choose(map(fit, reversed(PENALTIES)), values[validation], scores[validation])


def fit_on_encoder(
    spec: PixelPredictorSpec,
    encoder: Encoder,
    pixels: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float64],
    split: npt.NDArray[Any],
    *,
    fit_line: FitLine,
    settings: FitSettings,
) -> Fitted:
    """Fit a weighted sum of an encoder's values: see `contract.Fit`."""
    train, validation = parts_to_fit(spec, split)
    network = EncoderAndLine(encoder.network, encoder.values).eval().requires_grad_(False)
    line = fit_line(encoded(network.encoder, pixels, settings.device), scores, train, validation)
    network.line.weight.copy_(torch.from_numpy(line.weights)[None])
    network.line.bias.fill_(line.intercept)
    facts = Facts(
        predictor=spec.name,
        predicts=settings.predicts,
        trained_on=f"{int(train.sum()):,} images: {settings.trained_on}",
        version=encoder.version,
        weights_sha256=encoder.weights_sha256,
        preprocessing=encoder.preprocessing,
        licence=encoder.licence,
    )
    return Fitted(
        predictor=PixelPredictor(facts=facts, prepare=encoder.prepare, network=network),
        chosen=line.chosen,
    )


@torch.inference_mode()
def encoded(
    encoder: nn.Module, pixels: npt.NDArray[np.uint8], device: str
) -> npt.NDArray[np.float64]:
    """Return the encoder's values (N, D) of pixels uint8 (N, C, H, W), some at a time."""
    encoder = place(encoder, device)
    blocks = [
        encoder(torch.from_numpy(pixels[start : start + BATCH_SIZE].copy()).to(device)).cpu()
        for start in range(0, len(pixels), BATCH_SIZE)
    ]
    return np.asarray(torch.cat(blocks).double())


def open_on_encoder(spec: PixelPredictorSpec, given: Given, encoder: Encoder) -> PixelPredictor:
    """Return a predictor that was fitted and written; InputError for another kind of file."""
    facts, tensors = read_fitted(spec, given)
    network = EncoderAndLine(encoder.network, encoder.values)
    load_strictly(network, tensors, "fitted predictor", given.weights[0])
    network.eval().requires_grad_(False)
    return PixelPredictor(facts=facts, prepare=encoder.prepare, network=network)


def fit_encoder_ridge(
    spec: PixelPredictorSpec,
    given: Given,
    pixels: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float64],
    split: npt.NDArray[Any],
    *,
    settings: FitSettings,
) -> Fitted:
    """Fit ridge regression to the values of EfficientNet-Lite0: see `contract.Fit`."""
    (path,) = given.weights
    state, digest = read_state_dict(path)
    encoder = _efficientnet(**origin_of(digest))
    load_strictly(encoder.network, state, MODEL, path)
    return fit_on_encoder(
        spec, encoder, pixels, scores, split, fit_line=fit_ridge, settings=settings
    )


def open_encoder_ridge(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return what `fit_encoder_ridge` fitted, from its file."""
    return open_on_encoder(spec, given, _efficientnet())


def _efficientnet(**origin: str) -> Encoder:
    with torch.device("meta"):  # no time for initial weights that are replaced
        network = EfficientNetLite0()
    return Encoder(
        network=network.to_empty(device="cpu").eval().requires_grad_(False),
        values=VALUES,
        prepare=squashed_to_224,
        preprocessing=PREPROCESSING,
        **origin,
    )
