"""From images and scores to a trained predictor, and from its file to the predictor."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from memorability.base.arrays import blocks
from memorability.base.errors import InputError
from memorability.base.hashes import settings_hash
from memorability.base.job_log import progress
from memorability.base.seeding import stream_seed
from memorability.networks.torchvision_networks import tensors_digest
from memorability.networks.training.checkpoints import Checkpoints, arithmetic
from memorability.networks.weights import Receipt, load_strictly
from memorability.pixel_predictors.contract import (
    Facts,
    Fit,
    FitSettings,
    Fitted,
    Given,
    Open,
    PixelPredictor,
    Prepare,
)
from memorability.pixel_predictors.fitted_file import parts_to_fit, read_fitted
from memorability.pixel_predictors.names import PixelPredictorSpec
from memorability.pixel_predictors.training.learning import Pixels, Recipe, ScoringNetwork, learn
from memorability.sources.downloads import licence_of

Load = Callable[[ScoringNetwork, Path], Receipt]
"""Load the weights that a training starts from into a network, and return what was loaded.

InputError if they are of another network."""

BLOCK = 256
"""Images that are in memory at once where all are looked at: 50 MB."""


def _nothing(network: ScoringNetwork, pixels: Pixels, train: npt.NDArray[np.intp]) -> None:
    """Leave the network as it is."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A predictor that is trained.

    Parameters
    ----------
    build
        Its network, with random weights of PyTorch's global stream.
    load
        See `Load`.
    recipe
        How it is trained.
    prepare
        See `memorability.pixel_predictors.contract.PixelPredictor`.
    preprocessing
        See `memorability.pixel_predictors.contract.Facts`.
    adapt
        Sets what of the network follows from the pixels (N, 3, H, W) of the training images, the rows
        of which it gets.
    """

    build: Callable[[], ScoringNetwork]
    load: Load
    recipe: Recipe
    prepare: Prepare
    preprocessing: str
    adapt: Callable[[ScoringNetwork, Pixels, npt.NDArray[np.intp]], None] = _nothing


class InUnits(nn.Module):
    """Scores of pixels in the units that people gave: the network's own lie about within 0 and 1.

    Parameters
    ----------
    network
        What was trained.
    """

    low: Tensor
    span: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("span", torch.ones(()))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores (N,) of pixels uint8 (N, 3, H, W)."""
        scores: Tensor = self.low + self.span * self.network(pixels)
        return scores


def train_predictor(
    spec: PixelPredictorSpec,
    kind: Kind,
    given: Given,
    pixels: Pixels,
    scores: npt.NDArray[np.float64],
    split: npt.NDArray[Any],
    *,
    settings: FitSettings,
) -> Fitted:
    """Train a network on the training images: see `memorability.pixel_predictors.contract.Fit`.

    Scores within 0 and 1 are learned as they are. Others are learned on a scale on which 0 and 1 are
    the ends of the training scores, and 0 and 1 themselves where these lie further out.
    """
    train, validation = _parts(spec, scores, split)
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(settings.seed, f"initial weights of {spec.name}"))
        network = kind.build()
    starts = _loaded(kind, network, given.weights)
    kind.adapt(network, pixels, train)
    low = min(0.0, float(scores[train].min()))
    span = max(1.0, float(scores[train].max())) - low
    targets = ((scores - low) / span).astype(np.float32)
    shown = kind.recipe.images_shown(len(train), len(validation))
    with _checkpoints(spec, kind, network, pixels, targets, split, settings) as checkpoints:
        left = shown - (checkpoints.done if checkpoints else 0)
        with progress(left, f"training {spec.name}, at most") as step:
            learned = learn(
                network, pixels, targets, split, kind.recipe, seed=settings.seed,
                device=settings.device, precision=settings.precision, checkpoints=checkpoints,
                on_image=step,
            )  # fmt: skip
    whole = InUnits(network.requires_grad_(False))
    whole.low.fill_(low)
    whole.span.fill_(span)
    history = tuple(
        one._replace(
            train_error=one.train_error * span**2, validation_error=one.validation_error * span**2
        )
        for one in learned.history
    )
    facts = Facts(
        predictor=spec.name,
        predicts=settings.predicts,
        trained_on=f"{len(train):,} images: {settings.trained_on}",
        version=f"start: {_in_words(starts)}, seed {settings.seed}, epoch {learned.kept}",
        weights_sha256=tensors_digest(whole.state_dict()),
        preprocessing=kind.preprocessing,
        licence=(
            f"weights of the start: {'; '.join(dict.fromkeys(map(_licence, starts)))}"
            if starts
            else "yours: the start was random"
        ),
    )
    return Fitted(
        predictor=PixelPredictor(facts=facts, prepare=kind.prepare, network=whole.eval()),
        chosen={
            "epoch": learned.kept,
            "validation_squared_error": history[learned.kept - 1].validation_error,
        },
        history=history,
    )


def fit_of(kinds: Mapping[str, Kind]) -> Fit:
    """Return the `memorability.pixel_predictors.contract.Fit` of these kinds, by predictors' names."""

    def fit(
        spec: PixelPredictorSpec,
        given: Given,
        pixels: Pixels,
        scores: npt.NDArray[np.float64],
        split: npt.NDArray[Any],
        *,
        settings: FitSettings,
    ) -> Fitted:
        kind = kinds[spec.name]
        return train_predictor(spec, kind, given, pixels, scores, split, settings=settings)

    return fit


def open_of(kinds: Mapping[str, Kind]) -> Open:
    """Return the `memorability.pixel_predictors.contract.Open` of these kinds."""
    return lambda spec, given: open_trained(spec, kinds[spec.name], given)


def open_trained(spec: PixelPredictorSpec, kind: Kind, given: Given) -> PixelPredictor:
    """Return a predictor that was trained and written; InputError for another kind of file."""
    facts, tensors = read_fitted(spec, given)
    with torch.device("meta"):  # no time for initial weights that are replaced
        whole = InUnits(kind.build())
    whole.to_empty(device="cpu")
    load_strictly(whole, tensors, "trained predictor", given.weights[0])
    whole.eval().requires_grad_(False)
    return PixelPredictor(facts=facts, prepare=kind.prepare, network=whole)


def _loaded(kind: Kind, network: ScoringNetwork, files: Sequence[Path]) -> list[Receipt]:
    """Load every file that a training starts from: what it holds says which part it is of."""
    starts: list[Receipt] = []
    for file in files:
        start = kind.load(network, file)
        for other in starts:
            if other.model == start.model:
                raise InputError(
                    f"{other.source} and {file} are both weights of the {start.model}. A training "
                    "starts from one of them: leave the other out."
                )
        starts.append(start)
    return starts


def _in_words(starts: Sequence[Receipt]) -> str:
    words = [
        f"{start.sha256[:8]} ({start.remark})" if start.remark else start.sha256[:8]
        for start in starts
    ]
    return " and ".join(words) or "random"


def _licence(start: Receipt) -> str:
    return licence_of(start.sha256) or "none stated"


def _parts(
    spec: PixelPredictorSpec, scores: npt.NDArray[np.float64], split: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the rows that train and those that validate; refuse what cannot be learned from."""
    train, validation = map(np.flatnonzero, parts_to_fit(spec, split))
    for rows, part in ((train, "training"), (validation, "validation")):
        if not np.isfinite(scores[rows]).all():
            raise InputError(
                f"{np.isnan(scores[rows]).sum()} of {len(rows)} {part} images have no score. Take them "
                "out of the table."
            )
    if np.ptp(scores[train]) == 0:
        those = "the only training image has" if len(train) == 1 else "all training images have"
        raise InputError(
            f"{spec.label} cannot learn: {those} the score {scores[train[0]]:g}. It needs images with "
            "different scores."
        )
    return train, validation


def _checkpoints(
    spec: PixelPredictorSpec,
    kind: Kind,
    network: ScoringNetwork,
    pixels: Pixels,
    targets: npt.NDArray[np.float32],
    split: npt.NDArray[Any],
    settings: FitSettings,
) -> Checkpoints | nullcontext[None]:
    """Return where the training is taken up, under the hash of all that decides its bits."""
    if settings.resuming is None:
        return nullcontext()
    seen = np.flatnonzero(split != "test")
    digest = hashlib.sha256()
    for block in blocks(len(seen), BLOCK):
        for values in (pixels[seen[block]], targets[seen[block]]):
            digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(",".join(split[seen[block]]).encode())
    decisive = [
        "pixel predictor", spec.name, kind.recipe, settings.seed, settings.precision,
        settings.resuming.code, torch.get_num_threads(), arithmetic(settings.device),
        tensors_digest(network.state_dict()), digest.hexdigest(),
    ]  # fmt: skip
    resuming = settings.resuming
    return Checkpoints(settings_hash(decisive), resuming.seconds, resuming.directory)
