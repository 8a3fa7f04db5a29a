"""Jobs that are stopped and taken up again, and runs that diverge, within the workflow itself."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors import safe_open

from memorability.tables import store

Directory = Callable[..., Path]
Snakemake = Callable[..., Any]
RUN = "protocol=untrained_start/loss=mse/lr=1e-3/seed=0"
FILES = [f"results/tiny/{name}/{RUN}/part.parquet" for name in ("errors", "history", "outcomes")]
FILES.append(f"results/tiny/models/{RUN}/autoencoder.safetensors")
STATES = "resources/checkpoints/*/*.safetensors"


def started(directory: Path, pristine: Path, environment: dict[str, str]) -> Any:
    """Start the workflow in a process group of its own."""
    command = [sys.executable, "-m", "snakemake", *FILES, "--snakefile"]
    command += [pristine / "Snakefile", "--cores", "2", "--configfile", directory / "study.yaml"]
    return subprocess.Popen(
        command, cwd=directory, env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def training_process(driver: Any, directory: Path, known: set[Path]) -> psutil.Process:
    """Wait until the job has saved a state that is not known, and return its process."""
    while driver.poll() is None:
        time.sleep(0.05)
        if not set(directory.glob(STATES)) - known:
            continue
        for process in psutil.Process(driver.pid).children(recursive=True):
            words = process.cmdline()
            if "python" in words[0] and words[-1].endswith(".finetune.py"):
                return process
    raise AssertionError(driver.communicate()[0])


@pytest.mark.long
def test_a_job_that_is_stopped_is_taken_up_and_ends_with_equal_bytes(
    tiny: Directory, snakemake: Snakemake, pristine: Path, environment: dict[str, str]
) -> None:
    changes = {"epochs": 20, "compute": {"checkpoint_seconds": 0.2}}
    whole, stopped = tiny(**changes), tiny(**changes)
    done = snakemake(*FILES, cwd=whole, configfile=whole / "study.yaml")
    assert done.returncode == 0, done.stdout

    log = stopped / "results" / "tiny" / "logs" / "finetune" / f"{RUN}.log"
    # A scheduler may tell the job alone, or everything that it started.
    for number, everything in ((signal.SIGTERM, False), (signal.SIGTERM, True)):
        known = set(stopped.glob(STATES))
        driver = started(stopped, pristine, environment)
        job = training_process(driver, stopped, known)
        if everything:
            os.killpg(driver.pid, number)
        else:
            job.send_signal(number)
        console, _ = driver.communicate(timeout=120)
        psutil.wait_procs([job], timeout=60)
        assert driver.returncode != 0, console
        assert "Stopped by SIGTERM" in log.read_text()
        assert not (stopped / FILES[0]).exists()
        assert list(stopped.glob(STATES))
    snakemake("--unlock", cwd=stopped, configfile=stopped / "study.yaml")
    done = snakemake(*FILES, cwd=stopped, configfile=stopped / "study.yaml")
    assert done.returncode == 0, done.stdout
    assert "Goes on after" in log.read_text()
    for file in FILES:
        assert (stopped / file).read_bytes() == (whole / file).read_bytes(), file
    assert not list((stopped / "resources" / "checkpoints").iterdir())


@pytest.mark.long
def test_a_disk_without_room_for_training_state_is_refused_before_the_first_step(
    tiny: Directory, snakemake: Snakemake
) -> None:
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    if not shutil.which("unshare") or subprocess.run(probe, check=False).returncode:
        pytest.skip("this user may not mount, so no full disk can be made")
    directory = tiny()
    place = "resources/checkpoints"
    shell = f"mkdir -p {place} && mount -t tmpfs -o size=64k tmpfs {place}"
    done = snakemake(FILES[0], cwd=directory, configfile=directory / "study.yaml", shell=shell)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert "for training states" in done.stdout
    assert "make resources/checkpoints a link to a directory on another disk" in done.stdout


# What reads errors and models of all runs, and the model that stays.
COMPARED = (
    "results/tiny/figures/matrix.svg",
    "results/tiny/figures/selection.svg",
    f"results/tiny/selected_models/{RUN}/autoencoder.safetensors",
)


@pytest.fixture(scope="module")
def diverged(tiny: Directory, snakemake: Snakemake) -> Path:
    """The tiny study with a learning rate beyond reason beside a good one, as far as `COMPARED`."""
    directory = tiny(learning_rates=["1e-3", "1e30"], keep_checkpoints="selected")
    done = snakemake(*COMPARED, cwd=directory, configfile=directory / "study.yaml")
    assert done.returncode == 0, done.stdout
    return directory


@pytest.mark.long
def test_a_run_that_diverged_is_a_row_of_the_tables(diverged: Path) -> None:
    results = diverged / "results" / "tiny"
    run = RUN.replace("1e-3", "1e30")
    (outcome,) = store.read(results / "outcomes" / run / "part.parquet", "outcomes").to_dict(
        "records"
    )
    assert outcome["outcome"] == "diverged"
    assert json.loads((results / "models" / run / "record.json").read_text())["outcome"] == outcome
    table = store.read(results / "tables" / "correlations" / "error.parquet", "correlations")
    lost = table[table["lr"] == "1e30"]
    assert set(lost["diverged"]) == {f"seed 0 at step {outcome['step']}"}
    assert lost["r"].isna().all()
    assert set(table.loc[table["selected"], "lr"]) == {"1e-3"}
    assert "diverged" in (results / "figures" / "selection.svg").read_text()


@pytest.mark.long
def test_only_the_models_that_were_asked_for_stay(diverged: Path, snakemake: Snakemake) -> None:
    models = [path.parent for path in diverged.rglob("results/tiny/*models/**/*.safetensors")]
    assert models == [diverged / "results" / "tiny" / "selected_models" / RUN]
    with safe_open(models[0] / "autoencoder.safetensors", framework="pt") as file:
        record = json.loads(file.metadata()["memorability"])["record"]
    assert record["settings"]["architecture"]["bottleneck"] == "conv7x7"
    assert record["environment"]["packages"]["torch"]
    assert any(path.endswith("pixels.npy") for path in record["inputs"])
    done = snakemake(*COMPARED, cwd=diverged, configfile=diverged / "study.yaml")
    assert "Nothing to be done" in done.stdout


@pytest.mark.long
def test_a_selected_model_that_diverged_stops_what_reads_it(
    diverged: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    overlay = tmp_path / "study.yaml"
    overlay.write_text(
        (diverged / "study.yaml")
        .read_text()
        .replace("learning_rate: 1e-3", "learning_rate: '1e30'")
    )
    planned = snakemake("--dry-run", "--quiet", "rules", cwd=diverged, configfile=overlay)
    assert re.search("^finetune +2$", planned.stdout, re.MULTILINE), "the loss's runs were not kept"
    target = f"results/tiny/latents/{RUN.replace('1e-3', '1e30')}/part.parquet"
    done = snakemake(target, cwd=diverged, configfile=overlay)
    assert done.returncode != 0
    assert "what a run that diverged has left" in done.stdout
    assert "Set `selected` to another learning rate" in done.stdout
    assert "Traceback" not in done.stdout
