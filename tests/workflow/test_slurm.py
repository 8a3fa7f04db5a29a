"""Runs on a real SLURM cluster of one machine: the same tables as without, whatever happens."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
import yaml

from tests.workflow.cluster import Cluster, missing
from tests.workflow.conftest import made_files

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.long,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
Driver = subprocess.Popen[str]
Start = Callable[..., Driver]
RUN = "protocol=untrained_start/loss=mse/lr=1e-3/seed=0"
TABLES = [f"results/tiny/{name}/{RUN}/part.parquet" for name in ("errors", "history", "outcomes")]
LOG = f"results/tiny/logs/finetune/{RUN}.log"
# A minute of training, saved all the time: a driver that was killed is started three times meanwhile.
LONGER: dict[str, Any] = {"epochs": 64, "compute": {"checkpoint_seconds": 0.2}}


@pytest.fixture(scope="module")
def cluster(environment: dict[str, str]) -> Iterator[Cluster]:
    # Not below pytest's directory, into which munge sees that not every user may look.
    with TemporaryDirectory(prefix="slurm") as place, Cluster(Path(place), environment) as started:
        yield started


@pytest.fixture(scope="module")
def start(
    pristine: Path, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """Start a driver in a directory, with profiles/slurm as shipped but for what must be filled in."""
    profile = tmp_path_factory.mktemp("profile") / "config.yaml"
    shipped = (pristine / "profiles" / "slurm" / "config.yaml").read_text()
    # Earlier signal and looks at the queue, for jobs of seconds.
    for pattern, word in {
        "PARTITION ": "tests ",
        "ACCOUNT ": "nobody ",
        "TERM@120": "TERM@20",
        "status-checks: 40": "status-checks: 1",
        "latency-wait: 60": "latency-wait: 5",
    }.items():
        assert shipped.count(pattern) == 1
        shipped = shipped.replace(pattern, word)
    profile.write_text(shipped)

    drivers = []

    def start(directory: Path, *arguments: str) -> Driver:
        command = [sys.executable, "-m", "snakemake", "--snakefile", pristine / "Snakefile"]
        command += ["--workflow-profile", profile.parent, "--configfile", "study.yaml", *arguments]
        driver = subprocess.Popen(
            command, cwd=directory, env=cluster.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        drivers.append(driver)
        return driver

    yield start
    for driver in drivers:
        driver.kill()


@pytest.fixture(scope="module")
def undisturbed(tiny: Callable[..., Path], snakemake: Callable[..., Any]) -> Path:
    """A longer run that was made without SLURM."""
    directory = tiny(**LONGER)
    done = snakemake(*TABLES, cwd=directory, configfile=directory / "study.yaml")
    assert done.returncode == 0, done.stdout
    return directory


def ended(driver: Driver, seconds: float = 400) -> str:
    """Return what a driver has printed when it ends, which it does well."""
    console, _ = driver.communicate(timeout=seconds)
    assert driver.returncode == 0, console
    return console


def training(directory: Path) -> list[psutil.Process]:
    """Return the processes that train in a directory."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cmdline()[-1:] and process.cmdline()[-1].endswith(".finetune.py"):
                found += [process] * (Path(process.cwd()) == directory)
    return found


# Faults: what is left of the driver, or the one that takes its place, goes on.


def cancel(cluster: Cluster, directory: Path, driver: Driver, start: Start) -> Driver:
    cluster.run("scancel", *cluster.jobs("running", directory=directory))
    return driver


def lose_node(cluster: Cluster, directory: Path, driver: Driver, start: Start) -> Driver:
    cluster.lose(*cluster.jobs("running", directory=directory))
    return driver


def kill_member(cluster: Cluster, directory: Path, driver: Driver, start: Start) -> Driver:
    training(directory)[0].kill()
    return driver


def kill_driver(cluster: Cluster, directory: Path, driver: Driver, start: Start) -> Driver:
    driver.kill()
    driver.communicate()
    locked, _ = start(directory, "--", *TABLES).communicate()
    assert "--unlock" in locked
    ended(start(directory, "--unlock"))
    assert cluster.jobs("running", directory=directory), "the orphan is still there"
    return start(directory, "--", *TABLES)


def reach_limit(cluster: Cluster, directory: Path, driver: Driver, start: Start) -> Driver:
    return driver


# What happens to a study while it trains, other settings, and what is asked for besides.
FAULTS: dict[str, tuple[Callable[..., Driver], dict[str, Any], str]] = {
    "job cancelled": (cancel, {}, ""),
    "node lost": (lose_node, {}, ""),
    "driver killed": (kill_driver, {}, ""),
    # Of the second run of a group, when the first has ended.
    "member killed": (kill_member, {"learning_rates": ["1e-3", "1e-4"], "share": True}, ""),
    "memory": (reach_limit, {}, "finetune:mem_mb=300 * attempt ** 3"),
    # Its state is saved at the signal alone.
    "time": (reach_limit, {"checkpoint_seconds": 1000}, "finetune:runtime=attempt"),
}


@pytest.fixture(scope="module")
def disturbed(
    start: Start, cluster: Cluster, undisturbed: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, Driver]]:
    """A study per fault, all of them at once: each is disturbed as soon as it has saved a state."""
    begun = {}
    for name, (_, changes, resources) in FAULTS.items():
        directory = tmp_path_factory.mktemp("disturbed") / "study"
        shutil.copytree(undisturbed, directory)
        for made in ("errors", "history", "outcomes", "models"):
            shutil.rmtree(directory / "results" / "tiny" / made)
        settings = yaml.safe_load((directory / "study.yaml").read_text())
        compute, rates = settings["compute"], changes.get("learning_rates", ["1e-3"])
        compute["share_runs"] = changes.get("share", False)
        compute["checkpoint_seconds"] = changes.get(
            "checkpoint_seconds", compute["checkpoint_seconds"]
        )
        (directory / "study.yaml").write_text(
            yaml.safe_dump(settings | {"learning_rates": rates}, sort_keys=False)
        )
        tables = [file.replace("1e-3", rate) for file in TABLES for rate in rates]
        asked = ("--set-resources", resources) if resources else ()
        begun[name] = directory, start(directory, *asked, "--", *tables)
    for name, (fault, changes, _) in FAULTS.items():
        directory, driver = begun[name]
        if fault is not reach_limit:
            runs = len(changes.get("learning_rates", ["1e-3"]))
            states = partial(directory.glob, "resources/checkpoints/*/*.safetensors")
            cluster.wait(
                f"{name}: the last run has saved a state",
                lambda states=states, runs=runs: len({path.parent for path in states()}) == runs,
                180,
            )
            begun[name] = directory, fault(cluster, directory, driver, start)
    return begun


def assert_same_tables(directory: Path, undisturbed: Path) -> None:
    """Check that the tables of a run are those of one in peace."""
    for table in TABLES:
        assert (directory / table).read_bytes() == (undisturbed / table).read_bytes(), table


def assert_goes_on(directory: Path, undisturbed: Path) -> None:
    """Check that the run did not begin anew, and that its tables are those of one in peace."""
    assert "Goes on after" in (directory / LOG).read_text()
    assert_same_tables(directory, undisturbed)


def test_a_cancelled_job_goes_on_in_its_next_attempt(
    disturbed: dict[str, tuple[Path, Driver]], undisturbed: Path
) -> None:
    directory, driver = disturbed["job cancelled"]
    assert "CANCELLED" in ended(driver)
    assert_goes_on(directory, undisturbed)


def test_a_job_that_is_lost_with_its_node_is_requeued_and_goes_on(
    disturbed: dict[str, tuple[Path, Driver]], undisturbed: Path
) -> None:
    directory, driver = disturbed["node lost"]
    console = ended(driver)
    assert "Trying to restart" not in console, "SLURM itself ran the job again"
    assert console.count("has been submitted with SLURM jobid") == 1
    assert_goes_on(directory, undisturbed)


def test_what_a_failed_group_has_finished_is_not_made_again(
    disturbed: dict[str, tuple[Path, Driver]], undisturbed: Path
) -> None:
    directory, driver = disturbed["member killed"]
    console = ended(driver)
    assert "Trying to restart" in console
    steps = 12 * LONGER["epochs"]
    logs = [(directory / LOG.replace("1e-3", rate)).read_text() for rate in ("1e-3", "1e-4")]
    whole = [f"Goes on after {steps} steps and {steps} errors" in log for log in logs]
    assert sorted(whole) == [False, True], "one had ended before the other was killed"
    assert_goes_on(directory, undisturbed)


def test_a_job_over_its_memory_gets_more(
    disturbed: dict[str, tuple[Path, Driver]], undisturbed: Path
) -> None:
    directory, driver = disturbed["memory"]
    console = ended(driver)
    assert "Trying to restart" in console
    assert "mem_mb=2400" in console
    assert_same_tables(directory, undisturbed)


def test_a_job_over_its_time_saves_its_state_and_goes_on(
    disturbed: dict[str, tuple[Path, Driver]], undisturbed: Path
) -> None:
    directory, driver = disturbed["time"]
    assert "Stopped by SIGTERM" in ended(driver), "the log of the failed attempt is shown"
    assert_goes_on(directory, undisturbed)


def test_a_driver_that_was_killed_is_started_again_beside_its_orphan(
    cluster: Cluster, disturbed: dict[str, tuple[Path, Driver]], undisturbed: Path
) -> None:
    directory, driver = disturbed["driver killed"]
    ended(driver)
    left = partial(cluster.jobs, "running", directory=directory)
    cluster.wait("the orphan has ended", lambda: not left(), 120)
    assert_same_tables(directory, undisturbed)


def test_a_whole_study_makes_the_same_tables_in_fewer_submissions(
    start: Start, tiny: Callable[..., Path], tiny_run: Path
) -> None:
    directory = tiny()
    driver = start(directory)
    console = ended(driver, 900)
    steps = re.search(r"(\d+) of \1 steps \(100%\) done", console)
    assert steps, console
    submissions = console.count("has been submitted with SLURM jobid")
    assert 0 < submissions < int(steps[1]), "figures share theirs"
    files = made_files(tiny_run) + made_files(tiny_run, "npy")
    assert len(files) > 40
    assert not [f for f in files if (directory / f).read_bytes() != (tiny_run / f).read_bytes()]
