"""What goes wrong on a machine: kills, full and read-only disks, damage, a clock, a second driver.

After each fault one command goes on, and the tables are those of a study that was made in peace.
docs/reliability.md counts the faults, those of other test modules too.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from tests.workflow.conftest import made_files

pytestmark = pytest.mark.long
Directory = Callable[..., Path]
Snakemake = Callable[..., Any]
Driver = subprocess.Popen[str]
Start = Callable[..., Driver]
RUN = "protocol=untrained_start/loss=mse/lr=1e-3/seed=0"
KILLS = 8
PAGE = 4096  # bytes, of which a disk in memory has whole ones

# Kind of output -> the directory that holds it, below the results, and a file of it.
OUTPUTS = {
    "pixels": ("images/squash", "pixels.npy"),
    "errors": (f"errors/{RUN}", "part.parquet"),
    "model": (f"models/{RUN}", "autoencoder.safetensors"),
    "latents": (f"latents/{RUN}", "part.parquet"),
    "mapped latents": ("prediction", "latents.npy"),
    "correlations": ("tables/correlations", "feature.parquet"),
    "figure": ("figures/errors", "mse.svg"),
    "attribution maps": ("attributions", "maps.npy"),
    "predictor": ("predictor", "bundle.safetensors"),
}


def study(tiny: Directory, tiny_run: Path) -> Path:
    """Return a copy of the finished study, to be damaged."""
    directory = tiny()
    shutil.copytree(tiny_run, directory, dirs_exist_ok=True, copy_function=shutil.copy2)
    return directory


def assert_undisturbed(directory: Path, tiny_run: Path, snakemake: Snakemake) -> None:
    """Let the study go on by one command, and compare all that it made with what was made in peace."""
    done = snakemake(cwd=directory, configfile=directory / "study.yaml")
    assert done.returncode == 0, done.stdout
    made = {suffix: made_files(tiny_run, suffix) for suffix in ("parquet", "npy", "safetensors")}
    assert all(made.values())
    assert sum(map(len, made.values())) > 40
    differ = [
        file
        for file in made["parquet"] + made["npy"]
        if (directory / file).read_bytes() != (tiny_run / file).read_bytes()
    ]
    assert not differ
    # The head of a model names the versions and the machine; its tensors are what is computed.
    for file in made["safetensors"]:
        first, second = load_file(tiny_run / file), load_file(directory / file)
        assert first.keys() == second.keys()
        for name, weights in first.items():
            np.testing.assert_array_equal(second[name], weights, strict=True)


def may_mount() -> bool:
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return bool(shutil.which("unshare")) and not subprocess.run(probe, check=False).returncode


mounts = pytest.mark.skipif(not may_mount(), reason="this user may not mount, so no disk is full")


@pytest.fixture
def start(pristine: Path, environment: dict[str, str]) -> Start:
    """Start a driver of the study in a directory, for all or some of its files."""

    def started(directory: Path, *targets: str) -> Driver:
        command = [sys.executable, "-m", "snakemake", "--snakefile", pristine / "Snakefile"]
        command += ["--cores", "2", "--configfile", "study.yaml", "--", *targets]
        return subprocess.Popen(
            command, cwd=directory, env=environment, start_new_session=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    return started


def kill(driver: Driver, how: str) -> None:
    """End a driver, with or without what it has started, and wait for whatever is left of it."""
    tree = [psutil.Process(driver.pid), *psutil.Process(driver.pid).children(recursive=True)]
    if how.endswith("tree"):
        os.killpg(driver.pid, signal.Signals[how.partition(" ")[0]])
    else:
        os.kill(driver.pid, signal.Signals[how])
    driver.communicate()
    psutil.wait_procs(tree, timeout=120)


def become_read_only(directory: Path, snakemake: Snakemake) -> None:
    """Let the study begin, until its results can no longer be written."""
    # A mount of its own, over what is there: one with files that are being written cannot be changed.
    read_only = "mount --bind results results && mount -o remount,bind,ro results"
    shell = f"mkdir -p results && {{ (sleep 15; {read_only}) & }}"
    done = snakemake(cwd=directory, configfile=directory / "study.yaml", shell=shell)
    assert done.returncode != 0
    assert "Read-only file system" in done.stdout
    snakemake("--unlock", cwd=directory, configfile=directory / "study.yaml")


def test_a_study_that_is_killed_and_whose_disk_becomes_read_only_ends_as_one_in_peace(
    tiny: Directory, tiny_run: Path, snakemake: Snakemake, start: Start
) -> None:
    directory, stream = tiny(compute={"checkpoint_seconds": 0.2}), random.Random(0)
    kinds = ["SIGKILL", "SIGKILL tree", "SIGTERM", "SIGTERM tree", "SIGINT", "SIGINT tree"]
    refused = 0
    if may_mount():
        become_read_only(directory, snakemake)
    for number in range(KILLS):
        driver = start(directory)
        time.sleep(stream.uniform(4, 12))
        if number == 0:
            second = snakemake(cwd=directory, configfile=directory / "study.yaml")
            refused += "LockException" in second.stdout and second.returncode != 0
        if driver.poll() is not None:
            break
        kill(driver, kinds[number % len(kinds)])
        done = snakemake("--unlock", cwd=directory, configfile=directory / "study.yaml")
        assert done.returncode == 0, done.stdout
    assert refused == 1, "two drivers at once: the second is refused"
    assert_undisturbed(directory, tiny_run, snakemake)


def test_a_search_that_is_killed_goes_on_with_its_next_trial(
    tiny: Directory, tiny_run: Path, snakemake: Snakemake, start: Start
) -> None:
    trials = "results/tiny/tables/prediction_search.parquet"

    def prepared() -> tuple[Path, dict[str, Any]]:
        directory = tiny(prediction={"search": {"trials": 100, "jobs": 1}})
        for stage in ("images", "latents"):
            shutil.copytree(
                tiny_run / "results/tiny" / stage, directory / "results/tiny" / stage,
                copy_function=shutil.copy2,
            )  # fmt: skip
        return directory, {"cwd": directory, "configfile": directory / "study.yaml"}

    peaceful, how = prepared()
    done = snakemake(trials, **how)
    assert done.returncode == 0, done.stdout
    directory, how = prepared()
    driver = start(directory, trials)
    deadline = time.monotonic() + 120
    journals = "resources/checkpoints/search-*/worker=0.log"
    while not any('"state":1' in path.read_text() for path in directory.glob(journals)):
        assert time.monotonic() < deadline, "no trial has ended"
        time.sleep(0.1)
    kill(driver, "SIGKILL tree")
    assert not (directory / trials).exists()
    snakemake("--unlock", **how)
    done = snakemake(trials, **how)
    assert done.returncode == 0, done.stdout
    log = (directory / "results/tiny/logs/search_predictor/0.log").read_text()
    assert re.search(r"Goes on after [1-9]\d* of 100 trials", log), log
    assert (directory / trials).read_bytes() == (peaceful / trials).read_bytes()


@mounts
def test_a_full_disk_is_named_whatever_is_written(
    tiny: Directory, tiny_run: Path, snakemake: Snakemake
) -> None:
    directory = study(tiny, tiny_run)
    for place, name in OUTPUTS.values():
        folder = directory / "results" / "tiny" / place
        whole = (tiny_run / "results" / "tiny" / place / name).stat().st_size
        # A job that failed has taken its other outputs with it.
        (folder / name).unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        # Room for half of the file: the disk is full in the middle of the writing. A file of one page
        # would find that page free, which is therefore taken.
        shell = f"mount -t tmpfs -o size={max(whole // 2, PAGE)} tmpfs {folder}"
        if whole <= PAGE:
            shell += f" && head -c {PAGE} /dev/zero > {folder}/full"
        target = f"results/tiny/{place}/{name}"
        done = snakemake(target, cwd=directory, configfile=directory / "study.yaml", shell=shell)
        assert done.returncode != 0, target
        assert "No space left on device" in done.stdout, done.stdout
        assert not list(folder.glob(".*.partial"))
    assert_undisturbed(directory, tiny_run, snakemake)


@mounts
def test_inputs_may_be_read_only_and_results_on_another_disk(
    tiny: Directory, tiny_run: Path, snakemake: Snakemake
) -> None:
    directory = tiny()
    targets = ["tables/table_1.tsv", "tables/predictions.parquet", "figures/errors/mse.svg"]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        assert Path(memory).stat().st_dev != directory.stat().st_dev
        (directory / "results").symlink_to(memory)
        done = snakemake(
            *(f"results/tiny/{target}" for target in targets),
            cwd=directory, configfile=directory / "study.yaml",
            shell="mount --bind data data && mount -o remount,bind,ro data && ! touch data/x",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        made = list((directory / "results").rglob("*.parquet"))
        assert len(made) > 10
        for path in made:
            assert path.read_bytes() == (tiny_run / path.relative_to(directory)).read_bytes(), path


@pytest.mark.parametrize(
    ("file", "reader", "how"),
    [
        ("images/squash/pixels.npy", "tables/features", "one bit"),
        ("images/squash/pixels.npy", "tables/features", "truncated"),
        ("images/squash/images.parquet", "tables/ceiling", "one bit"),
        (f"errors/{RUN}/part.parquet", "tables/selection", "one bit"),
        (f"errors/{RUN}/part.parquet", "tables/selection", "truncated"),
        (f"latents/{RUN}/part.parquet", f"distinctiveness/{RUN}/part", "one bit"),
        ("prediction/latents.npy", "tables/predictions", "one bit"),
    ],
)
def test_a_damaged_file_is_named_and_made_anew(
    tiny: Directory, tiny_run: Path, snakemake: Snakemake, file: str, reader: str, how: str
) -> None:
    directory = study(tiny, tiny_run)
    damaged = directory / "results" / "tiny" / file
    data, times = damaged.read_bytes(), damaged.stat()
    at = len(data) // 2 if damaged.suffix == ".npy" else 50
    changed = b"" if how == "truncated" else bytes([data[at] ^ 1]) + data[at + 1 :]
    damaged.write_bytes(data[:at] + changed)
    # As where a disk forgets: nobody has written to it.
    os.utime(damaged, ns=(times.st_atime_ns, times.st_mtime_ns))
    how_to = {"cwd": directory, "configfile": directory / "study.yaml"}
    read = snakemake("--force", f"results/tiny/{reader}.parquet", **how_to)
    assert read.returncode != 0
    assert f"results/tiny/{file} is damaged" in read.stdout, read.stdout
    assert "Delete it and run again" in read.stdout
    damaged.unlink()
    made = snakemake(f"results/tiny/{file}", **how_to)
    assert made.returncode == 0, made.stdout
    assert damaged.read_bytes() == data


def test_a_clock_that_jumps_back_is_named_and_times_are_set_anew(
    tiny: Directory, tiny_run: Path, snakemake: Snakemake
) -> None:
    directory = tiny()
    ceiling = "results/tiny/tables/ceiling.parquet"
    how = {"cwd": directory, "configfile": directory / "study.yaml"}
    early = snakemake("results/tiny/images/squash/images.parquet", **how)
    assert early.returncode == 0, early.stdout
    # What is there was made an hour from now.
    for path in directory.rglob("results/**/*"):
        os.utime(path, (time.time() + 3600, time.time() + 3600))
    refused = snakemake(ceiling, **how)
    assert refused.returncode != 0
    assert "could indicate a clock skew" in refused.stdout
    command = ["find", "results", "-newermt", "now", "-exec", "touch", "{}", "+"]
    subprocess.run(command, cwd=directory, check=True)
    done = snakemake(ceiling, **how)
    assert done.returncode == 0, done.stdout
    assert (directory / ceiling).read_bytes() == (tiny_run / ceiling).read_bytes()
