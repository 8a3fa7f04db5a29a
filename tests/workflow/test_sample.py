"""The embedded study itself, as `make sample` runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from memorability import tables
from memorability.datasets.sample import PLANTED_EFFECTS

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def sample(
    pristine: Path, snakemake: Callable[..., object], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    study = pristine / "studies" / "sample.yaml"
    done = snakemake(cwd=directory, configfile=study)
    assert done.returncode == 0, done.stdout
    report = snakemake("--report", "report.html", cwd=directory, configfile=study)
    assert report.returncode == 0, report.stdout
    return directory


def test_a_second_run_does_nothing(
    sample: Path, pristine: Path, snakemake: Callable[..., object]
) -> None:
    again = snakemake(cwd=sample, configfile=pristine / "studies" / "sample.yaml")
    assert "Nothing to be done" in again.stdout


def test_the_report_says_first_that_observers_are_simulated(sample: Path) -> None:
    text = (sample / "report.html").read_text()
    assert "Observers are simulated." in text
    assert "Loss networks have random weights." in text


def test_scores_recover_the_planted_memorability(sample: Path) -> None:
    images = tables.read(sample / "results/sample/images/resize=squash/images.parquet", "images")
    planted = tables.read(sample / "results/sample/dataset/planted.parquet", "planted")
    both = images[["image_id", "score"]].merge(planted, on="image_id")
    assert len(both) == len(planted) == 120
    truth = both["memorability"] - both["false_alarm_rate"]
    # With about 77 responses per image, chance alone leaves a correlation of 0.9.
    assert both["score"].corr(truth) > 0.85


def test_planted_effects_show_in_the_features_with_their_sign(sample: Path) -> None:
    path = sample / "results/sample/tables/correlations/quantity=feature/part.parquet"
    rows = tables.read(path, "correlations")
    given_category = rows[rows["method"] == "partial"].set_index("metric")["r"]
    assert min(PLANTED_EFFECTS.values()) > 0
    assert given_category["saturation"] > 0
    assert given_category["clutter_score"] > 0


def test_no_job_needs_four_gigabytes(sample: Path) -> None:
    lines = [
        json.loads(line)
        for path in (sample / "results/sample/benchmarks").rglob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    peaks = pd.to_numeric(pd.Series([line["max_rss"] for line in lines]), errors="coerce")
    assert len(peaks) >= 30
    assert peaks.max() < 4096
