"""Which runs are the same: by what decides their bits, and not by study or place."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memorability.autoencoder.resuming import run_key
from tests.run_settings import run_settings, with_changes

SETTINGS = with_changes(
    run_settings(),
    previous_model="results/a/models/autoencoder.safetensors",
    weights_file=Path("weights/vgg.pth"),
)
INPUTS = {
    "results/a/images/images.parquet": "1",
    "results/a/images/pixels.npy": "2",
    "weights/vgg.pth": "3",
}


def table(**changes: Any) -> pd.DataFrame:
    columns = {"image_id": ["a", "b"], "position": [1, 0], "score": [0.5, 0.25]}
    return pd.DataFrame(columns | changes)


def key(images: pd.DataFrame | None = None, **changes: Any) -> str:
    inputs = changes.pop("inputs", INPUTS)
    code = changes.pop("code", "code")
    rows = table() if images is None else images
    return run_key(rows, with_changes(SETTINGS, **changes), device="cpu", code=code, inputs=inputs)


def test_another_study_or_directory_has_the_same_runs() -> None:
    moved = {
        "/data/results/b/images/images.parquet": "other: it names its study",
        "/data/results/b/images/pixels.npy": "2",
        "/data/vgg.pth": "3",
    }
    previous = "/data/results/b/models/autoencoder.safetensors"
    assert key(inputs=moved, weights_file=Path("/data/vgg.pth"), previous_model=previous) == key()
    assert key(table().copy()) == key()


def test_whatever_decides_a_run_changes_its_key() -> None:
    others = [
        key(),
        key(learning_rate=1e-4),
        key(bottleneck="fc4096"),
        key(order_seed=1),
        key(start=replace(SETTINGS.start, seed=1)),
        key(dropout_seed=1),
        key(code="other"),
        key(loss=replace(SETTINGS.loss, weights_file=None)),
        key(loss=replace(SETTINGS.loss, weights_file=Path("weights/other.pth"))),
        key(inputs=INPUTS | {"results/a/images/pixels.npy": "4"}),
        key(inputs=INPUTS | {"weights/vgg.pth": "4"}),
        key(table(position=[0, 1])),
        key(table(score=[0.5, np.nextafter(0.25, 1)])),
        key(table(split=["train", "test"])),
        key(table(split=["test", "train"])),
    ]
    assert len(set(others)) == len(others)
