"""From which weights a run starts: the protocol's choice `initial_weights`, carried out."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from memorability.errors import InputError
from memorability.files import file_sha256
from memorability.models.autoencoder import Autoencoder, initial_autoencoder
from memorability.weights import (
    Receipt,
    continued_receipt,
    load_autoencoder,
    load_autoencoder_as_scripted,
    load_strictly,
    load_vgg16_encoder,
    random_receipt,
)


def initial_model(settings: dict[str, Any]) -> tuple[Autoencoder, Receipt]:
    """Return the autoencoder that a run starts from, and the receipt of its weights.

    What no file provides is random, from the run's seed.

    Parameters
    ----------
    settings
        As from `memorability.configuration.Study.run_settings`: protocol, stream_seeds, width,
        previous_model (the file of the run whose weights are carried over, or None), and in
        weights the directory of the files and, for `pretrain`, the file of the pre-trained model.

    Raises
    ------
    InputError
        If weights are missing or do not load.
    """
    protocol, files = settings["protocol"], settings["weights"]
    model = initial_autoencoder(
        settings["stream_seeds"]["initial_weights"],
        width=settings["width"],
        bottleneck=protocol["bottleneck"],
        decoder=protocol["decoder"],
        batch_norm=protocol["batch_norm"],
    )
    if settings["previous_model"]:
        # Whatever it holds: what follows a run that diverged has diverged with it.
        model.load_state_dict(load_file(settings["previous_model"]))
        return model, continued_receipt(model, settings["previous_model"])
    start = protocol["initial_weights"]
    if start == "random":
        return model, random_receipt("autoencoder", model)
    if start == "pretrain":
        return model, load_pretrained(model, Path(files["autoencoder"]))
    load = {
        "checkpoint": load_autoencoder,
        "checkpoint_as_scripted": load_autoencoder_as_scripted,
        "vgg16_encoder": load_vgg16_encoder,
    }[start]
    return model, load(model, Path(files["directory"]))


def load_pretrained(model: Autoencoder, path: Path) -> Receipt:
    """Load a model of `memorability.pretraining`, strictly; its header says what it was trained on."""
    try:
        digest = file_sha256(path)
        with safe_open(path, framework="pt") as file:
            made = json.loads(file.metadata()["memorability"])["record"]["pretraining"]
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not a pre-trained autoencoder of this workflow: {error}. Delete it and run "
            "again."
        ) from error
    matched = load_strictly(model, state, "autoencoder", path)
    return Receipt(
        model="autoencoder", source=str(path), sha256=digest, matched=matched, missing=0,
        remark=f"pre-trained by this study on {made['images']} images of {made['directory']}, "
        f"not on ImageNet; epoch {made['kept_epoch']} of {made['epochs']} was kept; mean squared "
        f"error of {made['held_out']} held-out images {made['error_before']:.4g} before and "
        f"{made['error']:.4g} after",
    )  # fmt: skip
