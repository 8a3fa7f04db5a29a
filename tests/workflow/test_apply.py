"""The saved predictor of a study scores images as the study did, from the command line."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memorability.tables import store

BUNDLE = "results/tiny/predictor/bundle.safetensors"
# One image at a time with one thread is how the study encodes. In batches the sums of float32 are split
# otherwise, and standardisation over six training images makes much of the difference: with 232 it
# was 1e-7.
ALONE, IN_BATCHES = 1e-6, 1e-3
Predict = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def predict(tiny_run: Path, pristine: Path, environment: dict[str, str]) -> Predict:
    """Run the command in the copy of the repository; paths are of the tiny study."""

    def run(*arguments: str | Path, model: str = BUNDLE) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "memorability", "predict", "--model", tiny_run / model]
        return subprocess.run(
            [*command, *arguments], cwd=pristine, env=environment, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    return run


def test_the_studys_own_images_get_the_studys_own_predictions(
    predict: Predict, tiny_run: Path, tmp_path: Path
) -> None:
    done = predict(tiny_run / "data" / "images", "--output", tmp_path / "scores.parquet")
    assert done.returncode == 0, done.stderr
    assert "Autoencoders start from random, not ImageNet, weights." in done.stderr
    results = tiny_run / "results" / "tiny"
    images = store.read(results / "images" / "squash" / "images.parquet", "images")
    predictions = store.read(results / "tables" / "predictions.parquet", "predictions")
    scores = store.read(tmp_path / "scores.parquet", "image_scores")
    scores["file"] = scores["file"].str.removeprefix(f"{tiny_run / 'data' / 'images'}/")
    both = images.merge(predictions, on="image_id").merge(scores, on="file", suffixes=("_true", ""))
    assert len(both) == len(images) == len(scores) == 12
    np.testing.assert_allclose(both["score"], both["predicted"], rtol=0, atol=IN_BATCHES)
    first = both.iloc[0]
    done = predict(tiny_run / "data" / "images" / first["file"], "--threads", "1")
    alone = pd.read_csv(io.StringIO(done.stdout))
    np.testing.assert_allclose(alone["score"], first["predicted"], rtol=0, atol=ALONE)
    unseen = both[both["split"] != "train"]
    ranks = unseen["predicted"].rank() - 0.5
    np.testing.assert_allclose(
        unseen["percentile"], 100 * ranks / len(unseen), atol=50 / len(unseen) + 1e-9
    )


def test_the_facts_for_reading_are_those_of_the_file(predict: Predict, tiny_run: Path) -> None:
    facts = json.loads((tiny_run / BUNDLE).with_suffix(".json").read_text())
    predictions = pd.read_parquet(tiny_run / "results" / "tiny" / "tables" / "predictions.parquet")
    assert facts["split"]["images"] == dict(predictions["split"].value_counts())
    assert facts["made"]["study"] == "tiny"
    assert facts["autoencoder"]["receipts"][0]["source"] == "random"
    assert facts["preparation"]["resize"] == "squash"


def test_the_predictor_without_its_encoder_is_refused(predict: Predict, tiny_run: Path) -> None:
    done = predict(
        tiny_run / "data" / "images", model="results/tiny/predictor/predictor.safetensors"
    )
    assert done.returncode == 1
    assert "cannot score an image" in done.stderr
    assert "predictor/bundle.safetensors" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
