"""Ridge regression on the values of a trained encoder that is not trained further.

The design of the best published predictors, with a small encoder: a fit takes seconds.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.base.files import file_sha256
from memorability.base.settings import from_params
from memorability.networks.computing import place
from memorability.networks.model_file import ModelFile
from memorability.networks.weights import load_strictly, read_state_dict
from memorability.pixel_predictors.contract import (
    Facts,
    FitSettings,
    Fitted,
    Given,
    PixelPredictor,
)
from memorability.pixel_predictors.efficientnet_lite import VALUES, EfficientNetLite0
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
FITTED_FILE = ModelFile(
    "fitted predictor",
    ("facts", "weights_sha256"),
    "`python -m memorability fit` writes one.",
)


class EncoderAndLine(nn.Module):
    """Scores (N,) of pixels uint8 (N, 3, 224, 224): a weighted sum of the encoder's values."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EfficientNetLite0()
        self.line = nn.Linear(VALUES, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return scores (N,)."""
        scores: Tensor = self.line(self.encoder(pixels))
        return scores.squeeze(1)


def fit_encoder_ridge(
    spec: PixelPredictorSpec,
    given: Given,
    pixels: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float64],
    split: npt.NDArray[Any],
    *,
    settings: FitSettings,
) -> Fitted:
    """Fit a weighted sum of the encoder's values to the training images: see `contract.Fit`.

    The penalty of `PENALTIES` with the smallest squared error on the validation images is taken; of
    equals, the largest.
    """
    train, validation = split == "train", split == "validation"
    for part, name in ((train, "training"), (validation, "validation")):
        if not part.any():
            raise InputError(
                f"{spec.label} needs {name} images, but the split has none. Give it more images, or "
                "another split."
            )
    network = _blank()
    state, digest = read_state_dict(given.weights[0])
    load_strictly(network.encoder, state, MODEL, given.weights[0])
    values = encoded(network.encoder, pixels, settings.device)
    mean = values[train].mean(axis=0)
    deviation = values[train].std(axis=0)
    deviation[deviation == 0] = 1
    standardised = (values - mean) / deviation
    errors = {}
    for penalty in PENALTIES:
        fit = Ridge(alpha=penalty).fit(standardised[train], scores[train])
        residuals = fit.predict(standardised[validation]) - scores[validation]
        errors[penalty] = float((residuals**2).mean())
    best = min(reversed(PENALTIES), key=errors.__getitem__)
    fit = Ridge(alpha=best).fit(standardised[train], scores[train])
    weights = np.ravel(fit.coef_) / deviation
    with torch.no_grad():
        network.line.weight.copy_(torch.from_numpy(weights)[None])
        network.line.bias.fill_(float(fit.intercept_ - weights @ mean))
    facts = Facts(
        predictor=spec.name,
        predicts=settings.predicts,
        trained_on=f"{int(train.sum()):,} images: {settings.trained_on}",
        version=f"encoder {digest[:8]}",
        weights_sha256=digest,
        preprocessing=PREPROCESSING,
        licence=f"encoder: {licence_of(digest) or 'none stated'}",
    )
    return Fitted(
        predictor=_predictor(facts, network),
        chosen={"penalty": best, "validation_squared_error": errors[best]},
    )


@torch.inference_mode()
def encoded(
    encoder: nn.Module, pixels: npt.NDArray[np.uint8], device: str
) -> npt.NDArray[np.float64]:
    """Return the encoder's values (N, 1280) of pixels uint8 (N, 3, 224, 224), some at a time."""
    encoder = place(encoder, device)
    blocks = [
        encoder(torch.from_numpy(pixels[start : start + BATCH_SIZE].copy()).to(device)).cpu()
        for start in range(0, len(pixels), BATCH_SIZE)
    ]
    return np.asarray(torch.cat(blocks).double())


def write_fitted(predictor: PixelPredictor, path: Path) -> None:
    """Write a fitted predictor in one file, with what its scores are."""
    FITTED_FILE.write(path, {"facts": asdict(predictor.facts)}, predictor.network.state_dict())


def open_encoder_ridge(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return a predictor that was fitted and written; InputError for another kind of file."""
    (path,) = given.weights
    header, tensors = FITTED_FILE.read(path)
    facts = from_params(Facts, {**header["facts"], "weights_sha256": file_sha256(path)})
    if facts.predictor != spec.name:
        raise InputError(
            f"{path} holds the predictor {facts.predictor!r}, not {spec.name!r}. Name it with "
            f"--predictor {facts.predictor}."
        )
    network = _blank()
    load_strictly(network, tensors, "fitted predictor", path)
    return _predictor(facts, network)


def _blank() -> EncoderAndLine:
    with torch.device("meta"):  # no time for initial weights that are replaced
        network = EncoderAndLine()
    return network.to_empty(device="cpu").eval().requires_grad_(False)


def _predictor(facts: Facts, network: EncoderAndLine) -> PixelPredictor:
    return PixelPredictor(facts=facts, prepare=squashed_to_224, network=network)
