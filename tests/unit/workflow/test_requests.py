"""What jobs ask for: more for more images, epochs and width, and more with every attempt."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from memorability.networks.catalogue import LOSSES
from memorability.study.resolve import resolve
from memorability.workflow.fingerprint import PACKAGE
from memorability.workflow.requests import FIGURES, START, Requests, growing, times

ROOT = PACKAGE.parent
PUBLISHED = yaml.safe_load((ROOT / "config.yaml").read_text())


def requests(**changes: Any) -> Requests:
    return Requests(resolve(PUBLISHED | changes, ROOT))


def test_requests_grow_with_the_attempt() -> None:
    assert [times("2GB", attempt) for attempt in (1, 2, 3)] == ["2GB", "4GB", "6GB"]
    assert times(90, 3) == 270
    assert growing("5m")(None, None, 2) == "10m"
    assert growing(lambda wildcards, given: wildcards + given)(3, 4, 2) == 14
    with pytest.raises(ValueError, match="not a whole number with a unit"):
        times("half an hour", 1)


def test_a_run_asks_for_twice_its_measured_time() -> None:
    # 10,000 photographs at 2.1 s; with the network of VGG16 at 3.4 s.
    assert requests().finetuning("mse", 1) == START + 2 * 10_000 * 2.1 / 60
    assert requests().finetuning("lpips_vgg", 1) == START + 2 * 34_000 // 60 + 1


def test_time_follows_images_epochs_and_width() -> None:
    whole = requests()
    assert whole.finetuning("mse", 20) - START == 20 * (whole.finetuning("mse", 1) - START)
    half = requests(autoencoder={"width": 0.5}, protocols=["untrained_start"], selected={
        "protocol": "untrained_start", "loss": "mse", "learning_rate": "5e-6"
    })  # fmt: skip
    assert half.finetuning("mse", 1) - START == (whole.finetuning("mse", 1) - START) / 4
    lamem = yaml.safe_load((ROOT / "studies" / "lamem.yaml").read_text())
    prediction = PUBLISHED["prediction"] | {
        "split": {**PUBLISHED["prediction"]["split"], "kind": "official"}
    }
    larger = requests(dataset=lamem["dataset"], prediction=prediction)
    for minutes in ("encoding", "attribution", "prediction", "distances", "objects"):
        assert getattr(larger, minutes)() >= getattr(whole, minutes)(), minutes
    assert larger.finetuning("mse", 1) > 5.8 * (whole.finetuning("mse", 1) - START)
    assert whole.search() > whole.prediction()
    assert whole.correlating(390) - START == 39 * (whole.correlating(10) - START) > 0


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_images_of_a_folder_are_the_rows_of_its_scores(tmp_path: Path, kind: str) -> None:
    scores = tmp_path / f"scores.{kind}"
    table = pd.DataFrame({"file": list("abc"), "score": np.zeros(3)})
    if kind == "csv":
        table.to_csv(scores, index=False)
    else:
        table.to_parquet(scores)
    dataset = {
        "kind": "folder",
        "images": "i",
        "scores": str(scores),
        "columns": {"file": "file", "score": "score"},
    }
    split = {**PUBLISHED["prediction"]["split"], "kind": "stratified"}
    prediction = PUBLISHED["prediction"] | {"split": split}
    assert requests(dataset=dataset, prediction=prediction).images == 3
    scores.unlink()
    assert requests(dataset=dataset, prediction=prediction).images == 0


def test_every_loss_has_a_figure() -> None:
    assert set(FIGURES["losses"]) == set(LOSSES)
