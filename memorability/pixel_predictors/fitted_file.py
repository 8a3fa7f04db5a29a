"""What every fit shares: which images it may learn from, and the file that keeps what was fitted."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from memorability.base.errors import InputError
from memorability.base.files import file_sha256
from memorability.base.settings import from_params
from memorability.networks.model_file import ModelFile
from memorability.pixel_predictors.contract import Diverged, Facts, Given, PixelPredictor
from memorability.pixel_predictors.names import PixelPredictorSpec

FITTED_FILE = ModelFile(
    "fitted predictor",
    ("facts", "weights_sha256"),
    "`python -m memorability fit` writes one.",
)


def parts_to_fit(
    spec: PixelPredictorSpec, split: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which images train and which validate; InputError if there are none of either."""
    train, validation = split == "train", split == "validation"
    for part, name in ((train, "training"), (validation, "validation")):
        if not part.any():
            raise InputError(
                f"{spec.label} needs {name} images, but the split has none. Give it more images, or "
                "another split."
            )
    return train, validation


def write_fitted(predictor: PixelPredictor, path: Path) -> None:
    """Write a fitted predictor in one file, with what its scores are."""
    FITTED_FILE.write(path, {"facts": asdict(predictor.facts)}, predictor.network.state_dict())


def write_diverged(name: str, reason: str, path: Path) -> None:
    """Write, in place of a predictor that diverged, why there is none: whoever reads it is told."""
    facts = {"predictor": name, "weights_sha256": ""}
    FITTED_FILE.write(path, {"facts": facts, "diverged": reason}, {})


def read_fitted(spec: PixelPredictorSpec, given: Given) -> tuple[Facts, dict[str, Tensor]]:
    """Return what a predictor's scores are, and its tensors, from a file of `write_fitted`.

    Raises
    ------
    InputError
        If it is another kind of file, or of another predictor.
    Diverged
        If the file says that the training of the predictor diverged.
    """
    (path,) = given.weights
    header, tensors = FITTED_FILE.read(path)
    if "diverged" in header:
        raise Diverged(f"{path} holds no predictor. {header['diverged']}")
    facts = from_params(Facts, {**header["facts"], "weights_sha256": file_sha256(path)})
    if facts.predictor != spec.name:
        raise InputError(
            f"{path} holds the predictor {facts.predictor!r}, not {spec.name!r}. Name it with "
            f"--predictor {facts.predictor}."
        )
    return facts, tensors
