"""Photographs scored by `python -m memorability predict`, against their encoder alone.

Ours is the work of the command once its libraries are loaded: it reads the saved predictor, finds,
decodes and scores the photographs and writes the table. The other passes their pixels, decoded
before, through the same encoder in the same batches. Networks of full width and random weights.
"""

import logging
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks.harness import Row, paired, peak_memory_mb
from memorability.autoencoder.architecture import Architecture, initial_autoencoder
from memorability.data.splits import PARTS, SplitSettings
from memorability.images.decoding import STANDARD, Decoding, Prepared, decode_ahead
from memorability.images.pixels import to_unit_range
from memorability.prediction.predictors.perceptron import Predictor
from memorability.prediction.predictors.trained import TrainedPredictor
from memorability.scorer.bundle import (
    BundleSettings,
    SavedPredictor,
    bundle,
    read_saved_predictor,
    write_saved_predictor,
)
from memorability.scorer.score_images import BATCH_SIZE, find_files, score_images

PHOTOGRAPHS = Path(__file__).parents[2] / "shared/data/memcat_subset/images"
SHARE = 0.8  # of the encoder's own throughput that is asked for
HEADER: dict[str, Any] = {
    "settings": BundleSettings(
        resize="squash",
        minimum_side=1,
        decoding=Decoding(),
        score="none",
        confidence=0.95,
        split=SplitSettings(
            kind="stratified", number=1, train=0.6, validation=0.1, test=0.3, seed=0
        ),
        note="",
    ),
    "run": {"settings": {}, "receipts": [], "environment": {"packages": {}}},
    "made": dict.fromkeys(("study", "configuration", "code", "memorability"), "benchmark"),
}


def rows() -> list[Row]:
    """Return the timing; none where the photographs are absent."""
    if not PHOTOGRAPHS.is_dir():
        logging.warning("apply: not timed, for %s is not there.", PHOTOGRAPHS)
        return []
    with tempfile.TemporaryDirectory() as folder:
        model, table = Path(folder, "bundle.safetensors"), Path(folder, "scores.csv")
        write_saved_predictor(made_up(), model)
        files, _ = find_files([str(PHOTOGRAPHS)])
        decoded = decode_ahead(files, "squash", 1, STANDARD, 1)
        pixels = np.stack([one.pixels for one in decoded if isinstance(one, Prepared)])
        encoder = read_saved_predictor(model).to("cpu").encoder
        # Not counted: the first passes of a process.
        encode(encoder, pixels[: 2 * BATCH_SIZE])
        ours, other, speedup = paired(
            partial(command, model, table), partial(encode, encoder, pixels), runs=3, warmup=0
        )
        peak = peak_memory_mb(command, model, table)
    return [
        Row(
            f"{len(files)} photographs of MemCat to scores, {torch.get_num_threads()} threads",
            ours,
            other,
            speedup,
            f"at least {SHARE} × the encoder's own throughput",
            speedup.median >= SHARE,
            f"{len(files) / ours.median:.2g} photographs per second; peak memory {peak:.0f} MB",
        )
    ]


def command(model: Path, table: Path) -> None:
    """Score the photographs and write their table."""
    saved = read_saved_predictor(model)
    files, _ = find_files([str(PHOTOGRAPHS)])
    scores = score_images(saved, files, device="cpu", threads=torch.get_num_threads())
    scores.to_csv(table, index=False)


@torch.inference_mode()
def encode(encoder: torch.nn.Module, pixels: NDArray[np.uint8]) -> None:
    """Pass decoded pixels through the encoder."""
    for start in range(0, len(pixels), BATCH_SIZE):
        encoder(to_unit_range(pixels[start : start + BATCH_SIZE], "cpu"))


def made_up() -> SavedPredictor:
    """Return the published architecture with random weights."""
    model = initial_autoencoder(0, Architecture())
    size = model.latent_dim
    predictor = Predictor(size, hidden=(1024, 512), dropout=0.3, seed=0).eval()
    trained = TrainedPredictor(predictor, torch.zeros(size), torch.ones(size), [])
    latents = np.random.default_rng(0).normal(size=(len(PARTS), size)).astype(np.float32)
    predictions = pd.DataFrame({"image_id": PARTS, "split": PARTS, "score": 0.5, "predicted": 0.5})
    return bundle(model.eval(), trained, latents, predictions, **HEADER)
