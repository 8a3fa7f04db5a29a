"""A predictor in one file: everything that scores images which the study never saw.

safetensors holds the encoder, the predictor of its latents and the predictions to compare with; its
header holds, as JSON, what they mean: how images are prepared, what is predicted, where the weights
come from. Nothing of it is code, and all of it is checked before it is used.
"""

import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn, get_args

import jsonschema
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from memorability.autoencoder.architecture import Architecture, Autoencoder
from memorability.base.arrays import LATENTS_AT_A_TIME, blocks
from memorability.base.errors import InputError
from memorability.base.settings import from_params
from memorability.data.splits import PARTS, SplitSettings
from memorability.images.decoding import Decoding
from memorability.images.sizes import SIDE, Resize
from memorability.networks.computing import place
from memorability.networks.model_file import ModelFile
from memorability.prediction.intervals import (
    Intervals,
    calibrated,
    interval_coverage,
    labelled_test,
)
from memorability.prediction.predictors.trained import (
    TrainedPredictor,
    predictor_tensors,
    rebuild_predictor,
)

FORMAT = "memorability predictor"
VERSION = 3
USUAL_SHARE = 0.99  # of the validation and test images, whose latents are no further than is usual

# What `images` and `evaluation.to_unit_range` do to every image.
PREPARATION: Mapping[str, Any] = {
    "side": SIDE,
    "colours": "8-bit RGB",
    "resampling": "bilinear, antialiased",
    "values": [0.0, 1.0],
}
BUNDLE_FILE = ModelFile(
    "saved predictor",
    ("facts", "format"),
    "A study writes its own to results/<study>/predictor/bundle.safetensors; the file of an "
    "autoencoder or of a predictor alone cannot score an image.",
)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


_TEXT, _NUMBER, _COUNT = {"type": "string"}, {"type": "number"}, {"type": "integer", "minimum": 0}
_ANY = {"type": "object"}
_WIDTH = _object(half_width=_NUMBER, level=_NUMBER, images=_COUNT)
_FACTS = _object(
    format={"const": FORMAT},
    preparation=_object(
        resize=_TEXT,
        minimum_side=_COUNT,
        decoding=_object(color_profile={"enum": ["convert", "ignore"]}, max_megapixels=_NUMBER),
        **{key: {} for key in PREPARATION},
    ),
    score=_TEXT,
    autoencoder=_object(
        architecture=_object(width=_NUMBER, bottleneck=_TEXT, decoder=_TEXT, batch_norm={}),
        settings=_ANY,
        state_sha256=_TEXT,
        receipts={"type": "array", "items": _object(model=_TEXT, source=_TEXT)},
    ),
    predictor=_object(architecture=_object(latent_dim=_COUNT, hidden={"type": "array"})),
    split=_object(settings=_ANY, sha256=_TEXT, images=_ANY),
    interval=_object(
        all=_WIDTH,
        categories={"type": "object", "additionalProperties": _WIDTH},
        named={"type": "array", "items": _TEXT},
        range={"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2},
        coverage=_ANY,
    ),
    usual=_object(
        scores={"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2},
        distance=_NUMBER,
        share=_NUMBER,
    ),
    note=_TEXT,
    made=_object(study=_TEXT, configuration=_TEXT, code=_TEXT, memorability=_TEXT),
    packages=_ANY,
)


@dataclass(frozen=True)
class SavedPredictor:
    """What scores images, and what its scores mean.

    Parameters
    ----------
    encoder
        From images (N, 3, 224, 224) in [0, 1] to latents (N, D), in evaluation mode.
    predictor
        From latents to scores.
    reference
        Predicted scores of the study's validation and test images, ascending, (R,) float64.
    facts
        What the header holds; `bundle` lists it.
    """

    encoder: nn.Sequential
    predictor: TrainedPredictor
    reference: npt.NDArray[np.float64]
    facts: Mapping[str, Any]

    @property
    def introduction(self) -> str:
        """What a reader must know before the first score, in a sentence or two."""
        study, note = self.facts["made"]["study"], self.facts["note"]
        score = self.facts["score"]
        return (
            f"Predicting memorability, {score}, as the study {study!r} learned it. {note}".strip()
        )

    @property
    def record(self) -> dict[str, Any]:
        """What a table of its scores keeps in its metadata."""
        return {key: self.facts[key] for key in ("made", "score", "note", "interval", "usual")}

    @property
    def intervals(self) -> Intervals:
        """The intervals around its scores."""
        return Intervals.from_facts(self.facts["interval"])

    @property
    def decoding(self) -> Decoding:
        """How the study's image files became pixels, and others do."""
        return Decoding(**self.facts["preparation"]["decoding"])

    def to(self, device: str) -> "SavedPredictor":
        """Return the predictor with its networks on `device`, placed as the study's encoder was."""
        moved = place(self.encoder, device), self.predictor.to(device)
        return SavedPredictor(*moved, self.reference, self.facts)


def latent_distance(trained: TrainedPredictor, latents: Tensor) -> Tensor:
    """Return how far latents (N, D) are from the mean training image, (N,), on average 1 in training.

    Root mean square of the latent's values in standard deviations of the training images: the
    Mahalanobis distance for uncorrelated values, over √D.
    """
    standardised = (latents - trained.latent_mean) / trained.latent_sd
    return standardised.square().mean(dim=1).sqrt()


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleSettings:
    """What a study adds to a saved predictor.

    Parameters
    ----------
    resize, minimum_side, decoding
        How images were prepared, see `memorability.images.store.Preparation`.
    score
        What the score is, in words.
    score_range
        Lowest and highest score that its kind allows.
    confidence
        Of intervals, within (0, 1).
    split
        How images were split.
    note
        What every page of the study says.
    """

    resize: Resize
    minimum_side: int
    decoding: Decoding
    score: str
    score_range: tuple[float, ...]
    confidence: float
    split: SplitSettings
    note: str


def bundle(
    model: Autoencoder,
    trained: TrainedPredictor,
    latents: npt.NDArray[np.float32],
    predictions: pd.DataFrame,
    images: pd.DataFrame,
    *,
    settings: BundleSettings,
    run: Mapping[str, Any],
    made: Mapping[str, Any],
) -> SavedPredictor:
    """Gather what scores an image and what a reader must know of the score.

    Parameters
    ----------
    model
        The autoencoder, of which the encoder is kept.
    trained
        The predictor of its latents.
    latents
        (N, D) float32, in the row order of `predictions`.
    predictions
        The table `predictions`.
    images
        The image table.
    settings
        What the study adds.
    run
        The record of the run that made the autoencoder.
    made
        Study, hash of settings, fingerprint of the code, version.

    Returns
    -------
    SavedPredictor
        Its facts: format and version of the file; preparation; score; autoencoder (architecture,
        settings of its run, state_sha256 of its whole state, receipts of the weights it started
        from); predictor (architecture); split (settings, sha256 of the sorted lines
        "image_id<tab>part", images of each part); interval (of all and by category:
        half_width in units of the score, level, images behind it; range of the score; coverage of the
        test images by category, see `interval_coverage`); usual (scores: lowest and highest of the
        training images; distance that `share` of the reference images do not exceed); note; made;
        packages (versions).
    """
    part = predictions["split"].to_numpy()
    test = labelled_test(predictions, images)
    residuals = (test["score"] - test["predicted"]).to_numpy()
    intervals = calibrated(residuals, test["category"], settings.confidence)
    held = interval_coverage(test, settings.confidence)
    scores = predictions.loc[part == "train", "score"]
    lines = sorted(predictions["image_id"] + "\t" + predictions["split"] + "\n")
    reference = np.flatnonzero(part != "train")
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "preparation": {
            "resize": settings.resize,
            "minimum_side": settings.minimum_side,
            "decoding": asdict(settings.decoding),
            **PREPARATION,
        },
        "score": settings.score,
        "autoencoder": {
            "architecture": asdict(model.architecture),
            "settings": run["settings"],
            "state_sha256": state_hash(model.state_dict()),
            "receipts": run["receipts"],
        },
        "predictor": {"architecture": trained.model.architecture},
        "split": {
            "settings": asdict(settings.split),
            "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
            "images": {name: int((part == name).sum()) for name in PARTS},
        },
        "interval": {
            **intervals.facts(),
            "range": [*settings.score_range],
            "coverage": _coverage(held),
        },
        "usual": {
            "scores": [float(scores.min()), float(scores.max())],
            "distance": _usual_distance(trained, latents, reference),
            "share": USUAL_SHARE,
        },
        "note": settings.note,
        "made": dict(made),
        "packages": run["environment"]["packages"],
    }
    predicted = np.sort(predictions["predicted"].to_numpy(dtype=np.float64)[reference])
    return SavedPredictor(_encoder_of(model).eval(), trained, predicted, facts)


def _coverage(held: pd.DataFrame) -> dict[str, float | None]:
    """Return the coverage of all test images, and its lowest and highest value among categories."""
    shares = held.set_index("by")["coverage"]
    values = {
        "all": shares["all"],
        "lowest": shares[["category"]].min(),
        "highest": shares[["category"]].max(),
    }
    return {name: None if math.isnan(share) else float(share) for name, share in values.items()}


def _usual_distance(
    trained: TrainedPredictor, latents: npt.NDArray[np.float32], rows: npt.NDArray[np.intp]
) -> float:
    distances = [
        latent_distance(trained, torch.from_numpy(latents[rows[block]]))
        for block in blocks(len(rows), LATENTS_AT_A_TIME)
    ]
    return float(np.quantile(torch.cat(distances).numpy(), USUAL_SHARE, method="higher"))


def _encoder_of(model: Autoencoder) -> nn.Sequential:
    # Names its tensors as the autoencoder does; applied to images it is `Autoencoder.encode`.
    return nn.Sequential(OrderedDict(encoder=model.encoder, to_latent=model.to_latent))


def state_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors: their names, kinds, shapes and bytes, sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def _digest(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    text = json.dumps(facts, sort_keys=True) + state_hash(tensors)
    return hashlib.sha256(text.encode()).hexdigest()


def write_saved_predictor(saved: SavedPredictor, path: str | Path) -> None:
    """Write a saved predictor, with a checksum of all that is in it."""
    parts = {
        "encoder": saved.encoder.state_dict(),
        "predictor": predictor_tensors(saved.predictor),
        "reference": {"predicted": torch.from_numpy(saved.reference)},
    }
    tensors = {
        f"{part}.{name}": value for part, named in parts.items() for name, value in named.items()
    }
    header = {"facts": saved.facts, "sha256": _digest(saved.facts, tensors)}
    BUNDLE_FILE.write(path, header, tensors)


def read_saved_predictor(path: str | Path) -> SavedPredictor:
    """Read and check a file of `write_saved_predictor`.

    Raises
    ------
    InputError
        If it is missing, another kind of file, of another version, damaged, or made with another
        preparation of images than this version's.
    """
    path = Path(path)
    header, tensors = BUNDLE_FILE.read(path)
    facts = header["facts"]
    _check_facts(path, facts)
    if _digest(facts, tensors) != header.get("sha256"):
        _refuse_damaged(path, "its checksum is not that of its content")
    _check_preparation(path, facts["preparation"])
    try:
        return _rebuild(facts, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        _refuse_damaged(path, f"its networks cannot be built ({error})")


def _check_facts(path: Path, facts: Mapping[str, Any]) -> None:
    if facts.get("version") != VERSION:
        raise InputError(
            f"{path} is a saved predictor of format {facts.get('version')}; this version of the "
            f"program reads format {VERSION}. Use the version that wrote it"
            f"{_version(facts)}, or run the study again."
        )
    mistakes = sorted(jsonschema.Draft202012Validator(_FACTS).iter_errors(facts), key=str)
    if mistakes:
        _refuse_damaged(path, f"in its header, {mistakes[0].json_path[2:]}: {mistakes[0].message}")


def _version(facts: Mapping[str, Any]) -> str:
    made = facts.get("made")
    return f" ({made['memorability']})" if isinstance(made, dict) and "memorability" in made else ""


def _check_preparation(path: Path, stated: Mapping[str, Any]) -> None:
    differences = [
        f"{key} is {stated[key]!r} there and {ours!r} here"
        for key, ours in PREPARATION.items()
        if stated[key] != ours
    ]
    if stated["resize"] not in get_args(Resize):
        words = " or ".join(get_args(Resize))
        differences.append(f"resize is {stated['resize']!r} there and {words} here")
    if differences:
        raise InputError(
            f"{path} was made with images that this version of the program prepares differently: "
            f"{'; '.join(differences)}. Its scores would be wrong. Use the version that wrote it, or "
            "run the study again."
        )


def _rebuild(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> SavedPredictor:
    parts: dict[str, dict[str, Tensor]] = {"encoder": {}, "predictor": {}, "reference": {}}
    for key, value in tensors.items():
        part, _, name = key.partition(".")
        parts[part][name] = value
    with torch.device("meta"):  # no time for initial weights that are replaced
        architecture = from_params(Architecture, facts["autoencoder"]["architecture"])
        encoder = _encoder_of(Autoencoder(architecture))
    encoder.load_state_dict(parts["encoder"], assign=True)
    predictor = rebuild_predictor(facts["predictor"]["architecture"], parts["predictor"])
    reference = parts["reference"]["predicted"].numpy()
    return SavedPredictor(encoder.eval().requires_grad_(False), predictor, reference, facts)


def _refuse_damaged(path: Path, what: str) -> NoReturn:
    raise InputError(
        f"{path} is damaged: {what}. Copy it again from where it was made, or delete it there and "
        "run the study again."
    )
