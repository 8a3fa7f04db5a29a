"""What jobs ask for: more for more images, epochs and width, and more with every attempt."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from memorability.networks.catalogue import LOSSES
from memorability.study.resolve import resolve
from memorability.workflow.cost_figures import FIGURES
from memorability.workflow.fingerprint import PACKAGE
from memorability.workflow.requests import LONGEST, START, Requests, growing, times

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


def minutes(rule: str, wildcards: dict[str, str] | None = None, **changes: Any) -> int:
    return requests(**changes).runtime(rule)(wildcards or {}, None)


def finetuning(loss: str = "mse", rule: str = "finetune", **changes: Any) -> int:
    """Return the minutes beyond the start."""
    protocol = changes.get("protocols", PUBLISHED["protocols"])[0]
    return minutes(rule, {"protocol": protocol, "loss": loss}, **changes) - START


def test_a_run_asks_for_twice_its_measured_time() -> None:
    # 10,000 photographs at 2.1 s; with the network of VGG16 at 3.4 s.
    assert finetuning("mse") == 2 * 10_000 * 2.1 / 60
    assert finetuning("lpips_vgg") == 2 * 34_000 // 60 + 1


def test_time_follows_images_epochs_and_width() -> None:
    assert finetuning(rule="finetune_decay") == 20 * finetuning()
    narrow = {"autoencoder": {"width": 0.5}, "protocols": ["untrained_start"], "selected": {
        "protocol": "untrained_start", "loss": "mse", "learning_rate": "5e-6"
    }}  # fmt: skip
    assert finetuning(**narrow) == finetuning() / 4
    lamem = yaml.safe_load((ROOT / "studies" / "lamem.yaml").read_text())
    prediction = PUBLISHED["prediction"] | {
        "split": {**PUBLISHED["prediction"]["split"], "kind": "official"}
    }
    larger = {"dataset": lamem["dataset"], "prediction": prediction}
    assert finetuning(**larger) > 5.8 * finetuning()
    model = {"protocol": "paper"}
    for rule in ("encode", "attribute", "predict", "measure_distinctiveness", "measure_objects"):
        assert minutes(rule, model, **larger) >= minutes(rule, model), rule
    # The predictor of narrow latents trains faster, and of few test images fewer are explained.
    assert minutes("predict", **narrow) < minutes("predict")
    shares = {"kind": "stratified", "train": 0.5, "validation": 0.49, "test": 0.01}
    few = PUBLISHED["prediction"] | {"split": PUBLISHED["prediction"]["split"] | shares}
    assert minutes("attribute", prediction=few) < minutes("attribute")


def test_a_search_asks_for_its_share_of_trials_and_a_week_at_most() -> None:
    search = PUBLISHED["prediction"]["search"] | {"kind": "tpe", "trials": 9, "jobs": 4}
    asked = minutes("search_predictor", prediction=PUBLISHED["prediction"] | {"search": search})
    assert asked - START == pytest.approx(3 * (minutes("predict") - START), abs=3)
    many = PUBLISHED["prediction"] | {"search": search | {"trials": 10**6}}
    assert minutes("search_predictor", prediction=many) == LONGEST["search_predictor"]


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
    assert requests(dataset=dataset, prediction=prediction).sizes.images == 3
    scores.unlink()
    assert requests(dataset=dataset, prediction=prediction).sizes.images == 0


def test_every_loss_has_a_figure() -> None:
    assert set(FIGURES["losses"]) == set(LOSSES)
