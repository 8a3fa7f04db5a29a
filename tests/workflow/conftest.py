"""A copy of the workflow, a study small enough to run in it, and the command that runs it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skimage.data
import yaml
from filelock import FileLock
from PIL import Image

ROOT = Path(__file__).parents[2]
COUNTS = ("hits", "false_alarms", "responses")
COLUMNS = ("file", "score", "category", "subcategory", *COUNTS)
Process = subprocess.CompletedProcess[str]
Snakemake = Callable[..., Process]

# Every rule runs, in seconds: 12 images, one run, an autoencoder of 8 latent channels.
TINY: dict[str, Any] = {
    "study": "tiny",
    "dataset": {
        "kind": "folder",
        "images": "data/images",
        "scores": "data/scores.csv",
        "columns": {name: name for name in COLUMNS},
    },
    "images": {"on_bad_image": "reject"},
    "protocols": ["untrained_start"],
    "losses": ["mse"],
    "learning_rates": ["1e-3"],
    "seeds": [0],
    "selected": {"protocol": "untrained_start", "loss": "mse", "learning_rate": "1e-3"},
    "decay": {"epochs": 2},
    "autoencoder": {"width": 0.015625},
    "weights": {"source": "random"},
    "prediction": {
        "hidden": [8],
        "max_epochs": 3,
        "split": {"kind": "stratified", "train": 0.5, "validation": 0.2, "test": 0.3},
        "heads": ["ridge"],
        "search": {
            "kind": "tpe",
            "trials": 3,
            "jobs": 2,
            "space": {"layers": [1, 1], "width": [8]},
        },
    },
    # So few steps converge by no usual tolerance, and what has not converged is left out of tables.
    "attribution": {
        "images": 2,
        "steps": 5,
        "tolerance": 1000,
        "checks": {"images": 1, "random_draws": 1},
    },
    "statistics": {"bootstrap": 100},
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` laid over it, key by key, as Snakemake merges configurations."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def make_data(directory: Path) -> None:
    """Write six crops of each of two photographs and the table of their scores to `directory`."""
    stream = np.random.default_rng(20)
    rows = []
    (directory / "images").mkdir(parents=True)
    for category, photograph in {
        "animal": skimage.data.chelsea(),
        "food": skimage.data.coffee(),
    }.items():
        for number in range(6):
            height, width = stream.integers(170, 201, 2)
            top = stream.integers(photograph.shape[0] - height + 1)
            left = stream.integers(photograph.shape[1] - width + 1)
            file = f"{category}_{number}.jpg"
            crop = Image.fromarray(photograph[top : top + height, left : left + width])
            crop.save(directory / "images" / file, quality=90)
            hits, false_alarms = int(stream.integers(10, 38)), int(stream.integers(0, 9))
            score = (hits - false_alarms) / 40
            rows.append(
                (file, score, category, "cat" if number % 2 else "cup", hits, false_alarms, 40)
            )
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(directory / "scores.csv", index=False)


def copy_files(files: Sequence[str], source: Path, target: Path) -> Path:
    """Copy `files`, relative to `source`, to `target`."""
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / file, target / file)
    return target


@pytest.fixture(scope="session")
def files() -> list[str]:
    """The files of the repository: tracked, or neither tracked nor ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({file for file in listed.split("\0") if (ROOT / file).is_file()})


@pytest.fixture(scope="session")
def pristine(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the repository for all tests, which none of them changes."""
    return copy_files(files, ROOT, tmp_path_factory.mktemp("workflow"))


@pytest.fixture
def workflow(files: list[str], pristine: Path, tmp_path: Path) -> Path:
    """A copy of the repository for one test, to change."""
    return copy_files(files, pristine, tmp_path / "workflow")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of every command: no profile and no package but those of the copy."""
    outside = ("PYTHONPATH", "SNAKEMAKE_PROFILE")
    clean = {key: value for key, value in os.environ.items() if key not in outside}
    probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('memorability') is None)"
    nowhere = tmp_path_factory.mktemp("nowhere")
    found = subprocess.run([sys.executable, "-c", probe], cwd=nowhere, env=clean, check=False)
    assert found.returncode, "memorability is installed and would hide the copy: pip uninstall it"
    return clean


def run_snakemake(
    *arguments: str | Path,
    cwd: Path,
    configfile: Path | None,
    snakefile: Path,
    environment: Mapping[str, str],
    shell: str = "",
) -> Process:
    """Run Snakemake in `cwd`, with two cores; stderr is part of stdout.

    `shell` is a command, run in a mount namespace of its own, that prepares the ground.
    """
    command: list[str | Path] = [sys.executable, "-m", "snakemake", *arguments]
    command += ["--snakefile", snakefile, "--cores", "2"]
    command += ["--configfile", configfile] if configfile else []
    if shell:
        command = ["unshare", "-rm", "sh", "-c", f'{shell} && exec "$@"', "sh", *command]
    return subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=1800, check=False,
    )  # fmt: skip


def made_files(directory: Path, suffix: str = "parquet") -> list[Path]:
    """Return the files of one kind below the results of a study, relative to its directory."""
    found = directory.rglob(f"results/**/*.{suffix}")
    return sorted(path.relative_to(directory) for path in found)


def jobs(console: str) -> dict[str, int]:
    """Return rule -> number of jobs, from the table that a dry run prints."""
    table = console.rpartition("Job stats:")[2]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


def dry_run(snakemake: Snakemake, directory: Path, *targets: str, **how: Any) -> dict[str, int]:
    """Return the jobs that the study in `directory`, or some files of it, would need."""
    how = {"configfile": directory / "study.yaml", **how}
    done = snakemake(*targets, "--dry-run", "--quiet", "rules", cwd=directory, **how)
    assert done.returncode == 0, done.stdout
    return jobs(done.stdout)


def put_back(path: Path, change: Callable[[], object]) -> None:
    """Change a file and give it and its folder the times that they had."""
    times = [(place, place.stat()) for place in (path, path.parent)]
    change()
    for place, status in times:
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture(scope="session")
def snakemake(pristine: Path, environment: dict[str, str]) -> Snakemake:
    """Run Snakemake: `snakemake(*arguments, cwd=…, configfile=None, snakefile=…, shell="")`."""
    return partial(
        run_snakemake, configfile=None, snakefile=pristine / "Snakefile", environment=environment
    )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a directory with the tiny study: `tiny(**changes)`; its overlay is study.yaml there."""
    data = tmp_path_factory.mktemp("data") / "data"
    make_data(data)

    def make(**changes: Any) -> Path:
        directory = tmp_path_factory.mktemp("tiny")
        shutil.copytree(data, directory / "data")
        overlay = yaml.safe_dump(merged(TINY, changes), sort_keys=False)
        (directory / "study.yaml").write_text(overlay)
        return directory

    return make


@pytest.fixture(scope="session")
def tiny_run(
    tiny: Callable[..., Path], snakemake: Snakemake, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The directory of the tiny study after a whole run, started from where the workflow is not.

    The processes of pytest-xdist share it: what needs it outside of its group may only read it.
    """
    place = tmp_path_factory.getbasetemp()
    shared = (place.parent if "PYTEST_XDIST_WORKER" in os.environ else place) / "tiny_run"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            directory = tiny()
            done = snakemake(cwd=directory, configfile=directory / "study.yaml")
            assert done.returncode == 0, done.stdout
            shared.symlink_to(directory)
    return shared.resolve()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the workflow said to each bad input."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    said = {
        name: message
        for report in reports
        for name, message in report.user_properties
        if name.startswith("bad input: ")
    }
    if said:
        terminalreporter.section("what the workflow says to bad input")
    for name, message in said.items():
        terminalreporter.write_line(name.removeprefix("bad input: "), bold=True)
        for line in message.splitlines():
            terminalreporter.write_line(f"    {line}")
