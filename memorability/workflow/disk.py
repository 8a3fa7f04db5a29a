"""Bytes that a study takes on disk."""

from memorability.autoencoder.stored_targets import target_bytes
from memorability.images.sizes import SIDE
from memorability.networks.losses import make_loss
from memorability.study import paths
from memorability.study.preflight import model_bytes
from memorability.study.study import Study
from memorability.workflow.calibration import random_loss
from memorability.workflow.job_times import Sizes, latent_size

MODEL_STATES = 3  # a saved training state: weights and two moments
ROW_BYTES, TABLE_BYTES = 30, 10_000  # of a table of errors
PIXEL_BYTES = 3 * SIDE * SIDE
MAP_BYTES = 2 * 3 * SIDE * SIDE


def disk_bytes(study: Study, sizes: Sizes) -> dict[str, float]:
    """Return the bytes that a finished study takes, by what they are; downloads are not among them."""
    if not study.runs:
        return {}
    latents = 4 * latent_size(study) * sizes.images
    attributed = min(study.settings["attribution"]["images"], sizes.test)
    resizes = {protocol.resize for protocol in study.protocols.values()}
    rows = 2 * study.settings["epochs"] * len(study.runs)
    rows += (study.settings["decay"]["epochs"] + 10) * len(study.selected)
    return {
        "models": sum(model_bytes(study, run.protocol) for run in study.kept),
        # Of each selected model, and once more as the predictor reads them.
        "latents": (len(study.selected) + 1) * latents,
        "prepared images": len(resizes) * sizes.images * PIXEL_BYTES
        + sizes.pretraining * PIXEL_BYTES,
        "attribution maps": attributed * MAP_BYTES,
        "tables of errors": rows * (sizes.images * ROW_BYTES + TABLE_BYTES),
    }


def passing_bytes(study: Study, sizes: Sizes, cores: int) -> dict[str, float]:
    """Return the bytes that are there only while runs are made on so many cores, by what they are."""
    if not study.runs:
        return {}
    largest = max(model_bytes(study, protocol) for protocol in study.protocols)
    kept = set(study.kept)
    of_a_loss = [
        sum(
            model_bytes(study, run.protocol)
            for run in study.runs_of(protocol, loss)
            if run not in kept
        )
        for protocol in study.protocols
        for loss in study.settings["losses"]
    ]
    stored = sum(
        sizes.images * target_bytes(make_loss(random_loss(study, name, loss))[0])
        for name in study.protocols
        for loss in study.settings["losses"]
        if paths.target_files(study, name, loss)
    )
    at_a_time = min(max(1, cores // study.settings["compute"]["threads"]), len(study.runs))
    return {
        "models, until a loss is done": max(of_a_loss),
        "stored targets": stored,
        f"training state, {at_a_time} at a time": MODEL_STATES * largest * at_a_time,
    }
