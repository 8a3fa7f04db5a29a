"""What a study will take is said before anything runs, and what is done does not count."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Snakemake = Callable[..., object]


def jobs_to_make(text: str) -> int:
    return int(re.findall(r"(\d+) jobs still to be made", text)[0])


def test_estimate_before_anything_runs(tiny: Callable[..., Path], snakemake: Snakemake) -> None:
    directory = tiny()
    how = {"cwd": directory, "configfile": directory / "study.yaml"}
    done = snakemake("estimate", **how)
    assert done.returncode == 0, done.stdout
    planned = re.findall(r"^total +(\d+)$", snakemake("--dry-run", **how).stdout, re.MULTILINE)
    assert jobs_to_make(done.stdout) == int(planned[0]) - 1  # but for `all`, which only gathers
    assert "12 images, 1 runs" in done.stdout
    # Of 12 images and a narrow network all jobs take less than their start.
    assert re.search(r"^others: mostly their start +\d+ +\d", done.stdout, re.MULTILINE)
    assert re.search(r"^ +2 +[\d.]+ (s|min) +\d+ GB$", done.stdout, re.MULTILINE)
    made = [path for path in (directory / "results").rglob("*") if path.is_file()]
    assert [path.name for path in made] == ["estimate.log"]


@pytest.mark.long
def test_what_is_done_does_not_count(tiny_run: Path, snakemake: Snakemake, tmp_path: Path) -> None:
    directory = tmp_path / "tiny"
    shutil.copytree(tiny_run, directory)
    (directory / "results" / "tiny" / "figures" / "scores.svg").unlink()
    done = snakemake("estimate", cwd=directory, configfile=directory / "study.yaml")
    assert done.returncode == 0, done.stdout
    assert jobs_to_make(done.stdout) == 1
