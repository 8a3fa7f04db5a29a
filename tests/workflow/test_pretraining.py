"""Runs that start from a model of the study itself, and runs that load as the scripts do."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memorability.networks.catalogue import AUTOENCODER
from memorability.tables import store

pytestmark = pytest.mark.long

STUDY: dict[str, Any] = {
    "protocols": ["pretrained_start", "released"],
    "selected": {"protocol": "pretrained_start"},
    "pretraining": {"images": "photographs", "epochs": 2, "batch_size": 4},
}
RUN = "protocol={}/loss=mse/lr=1e-3/seed=0"
TARGETS = ["results/tiny/figures/pretraining.svg", "results/tiny/tables/provenance.html"]
MODEL = "results/tiny/pretraining/squash/conv7x7-upsample_conv-batch_norm_yes"


@pytest.fixture(scope="module")
def made(tiny: Callable[..., Path], snakemake: Callable[..., Any]) -> Path:
    """The directory of a tiny study after pre-training, its runs and their provenance."""
    directory = tiny(**STUDY)
    shutil.copytree(directory / "data" / "images", directory / "photographs")
    (directory / "photographs" / "half.png").write_bytes(b"half an image")
    done = snakemake(*TARGETS, cwd=directory, configfile=directory / "study.yaml")
    assert done.returncode == 0, done.stdout
    return directory


def receipt(directory: Path, protocol: str) -> dict[str, Any]:
    path = directory / "results/tiny/models" / RUN.format(protocol) / "record.json"
    return dict(json.loads(path.read_text())["receipts"][0])


def test_the_model_its_history_and_the_images_left_out_are_there(made: Path) -> None:
    history = store.read(made / MODEL / "history.parquet", "pretraining")
    assert list(history["epoch"]) == [0, 1, 2]
    rejected = store.read(made / MODEL / "../rejected.parquet", "rejected")
    assert list(rejected["file"]) == ["half.png"]
    summary = json.loads((made / MODEL / "record.json").read_text())["pretraining"]
    assert (summary["images"], summary["held_out"], summary["directory"]) == (11, 1, "photographs")


def test_every_record_and_the_report_say_what_a_run_started_from(made: Path) -> None:
    pretrained, released = receipt(made, "pretrained_start"), receipt(made, "released")
    assert pretrained["source"] == f"{MODEL}/autoencoder.safetensors"
    assert "11 images of photographs" in pretrained["remark"]
    assert released["source"] == AUTOENCODER
    assert released["matched"] == 0
    assert "was not read" in released["remark"]
    page = (made / "results/tiny/tables/provenance.html").read_text()
    for words in ("11 images of photographs", "starts from random weights"):
        assert words in page
    figure = (made / "results/tiny/figures/pretraining.svg").read_text()
    words = re.sub("<[^>]*>", "", figure).split()
    assert "the images of the folder photographs," in " ".join(words)


def test_a_second_run_does_nothing_and_a_new_photograph_reruns_only_what_reads_it(
    made: Path, snakemake: Callable[..., Any]
) -> None:
    def dry_run() -> str:
        how: dict[str, Any] = {"cwd": made, "configfile": made / "study.yaml"}
        return str(snakemake(*TARGETS, "--dry-run", **how).stdout)

    assert "Nothing to be done" in dry_run()
    shutil.copy(made / "photographs" / "animal_0.jpg", made / "photographs" / "another.jpg")
    jobs = set(re.findall(r"^(\w+) +\d+$", dry_run().rpartition("Job stats:")[2], re.MULTILINE))
    assert {"prepare_pretraining", "pretrain", "finetune", "plot_pretraining"} <= jobs
    assert "prepare_images" not in jobs
