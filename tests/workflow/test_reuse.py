"""What is there is not made again: after a deletion, a move, a touch, and in another study."""

import os
import re
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from memorability.tables import store
from tests.tables import read_record
from tests.workflow.conftest import made_files

Directory = Callable[..., Path]
Snakemake = Callable[..., Any]
RUN = "protocol=untrained_start/loss=mse/lr=1e-3/seed=0"
ERRORS = f"results/{{}}/errors/{RUN}/part.parquet"


def lines(snakemake: Snakemake, directory: Path, *arguments: str) -> list[str]:
    """Return what Snakemake prints of the study in a directory."""
    done = snakemake(*arguments, cwd=directory, configfile=directory / "study.yaml")
    assert done.returncode == 0, done.stdout
    return str(done.stdout).splitlines()


def planned(snakemake: Snakemake, directory: Path, *targets: str) -> set[str]:
    """Return the rules that would run for the study, or for some of its files."""
    table = lines(snakemake, directory, *targets, "--dry-run", "--quiet", "rules")
    rows = [re.fullmatch(r"(\w+) +\d+", line) for line in table]
    return {row[1] for row in rows if row} - {"all", "total"}


def followers(graph: list[str]) -> dict[str, set[str]]:
    """Return rule -> itself and all that follow from it, from the graph that Snakemake draws."""
    text = "\n".join(graph)
    names = dict(re.findall(r'(\d+)\s*\[.*?label = "(\w+)', text))
    edges = re.findall(r"(\d+) -> (\d+)", text)
    reached = {node: {node} for node in names}
    for _ in names:
        for source, target in edges:
            reached[source] |= reached[target]
    return {names[node]: {names[other] for other in reached[node]} - {"all"} for node in names}


@contextmanager
def without(paths: list[Path]) -> Iterator[None]:
    """Take files away for a while."""
    aside = {path: path.with_name(f"{path.name}.aside") for path in paths}
    for path, other in aside.items():
        path.rename(other)
    yield
    for path, other in aside.items():
        other.rename(path)


@pytest.mark.long
def test_of_what_a_rule_made_only_what_depends_on_it_is_made_again(
    tiny: Directory, tiny_run: Path, snakemake: Snakemake
) -> None:
    directory = tiny()
    shutil.copytree(tiny_run, directory, dirs_exist_ok=True, copy_function=shutil.copy2)
    known = followers(lines(snakemake, directory, "--rulegraph"))
    files: dict[str, list[Path]] = {}
    for line in lines(snakemake, directory, "--summary"):
        file, _, rule, *_ = [*line.split("\t"), "", ""]
        if (directory / file).is_file() and rule in known:
            files.setdefault(rule, []).append(directory / file)
    assert set(files) == set(known) - {"all"}, "every stage is walked"
    for rule, made in files.items():
        with without(made):
            # What nothing reads that is still to be made is made when it is asked for.
            again = planned(snakemake, directory, "all", str(made[0].relative_to(directory)))
            assert {rule} <= again <= known[rule], rule


@pytest.mark.long
def test_a_deleted_stage_is_made_again_with_the_same_bytes(
    tiny: Directory, tiny_run: Path, snakemake: Snakemake
) -> None:
    directory = tiny()
    shutil.copytree(tiny_run, directory, dirs_exist_ok=True, copy_function=shutil.copy2)
    for stage in ("errors", "latents", "tables", "prediction"):
        shutil.rmtree(directory / "results" / "tiny" / stage)
    lines(snakemake, directory)
    files = made_files(tiny_run)
    assert not [f for f in files if (directory / f).read_bytes() != (tiny_run / f).read_bytes()]


def test_moving_or_touching_what_is_there_makes_nothing_again(
    tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny_run, moved, copy_function=shutil.copy2)
    assert planned(snakemake, moved) == set()
    # Files of up to a megabyte are compared by what is in them.
    for path in moved.rglob("*.parquet"):
        os.utime(path, (time.time(), time.time()))
    (moved / "data" / "scores.csv").touch()
    assert planned(snakemake, moved) == set()


@pytest.mark.long
def test_an_archive_is_enough_to_analyse_again(
    tiny_run: Path, snakemake: Snakemake, workflow: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    shutil.copytree(tiny_run, packed, copy_function=shutil.copy2)
    lines(snakemake, packed, "archive")
    with tarfile.open(packed / "results/tiny/archive.tar.gz") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "clean", filter="data")
    assert not [name for name in names if re.search(r"\.(npy|safetensors|jpg)$", name)]
    assert "results/tiny/figures/attributions.png" not in names, "it shows photographs"
    # The colleague's clone: no images, no models, none of Snakemake's own notes; every file of the
    # workflow is newer than the tables.
    for path in workflow.rglob("*"):
        path.touch()
    snakemake = partial(snakemake, snakefile=workflow / "Snakefile")
    clean = tmp_path / "clean"
    shutil.copy2(clean / "results/tiny/study.yaml", clean / "study.yaml")
    assert planned(snakemake, clean, "analysis") == set()
    made = clean / "results/tiny/tables"
    shutil.rmtree(made / "correlations")
    for name in ("claims.parquet", "table_1.tsv"):
        (made / name).unlink()
    again = lines(snakemake, clean, "analysis")
    assert any("rule correlate" in line for line in again)
    assert not any("rule finetune" in line or "rule encode" in line for line in again)
    files = made_files(clean)
    assert made_files(tiny_run) == files
    assert not [f for f in files if (clean / f).read_bytes() != (tiny_run / f).read_bytes()]


@pytest.mark.long
def test_another_study_of_the_same_runs_trains_nothing(
    tiny: Directory, snakemake: Snakemake
) -> None:
    directory = tiny(compute={"share_runs": True})
    lines(snakemake, directory, ERRORS.format("tiny"))
    settings = yaml.safe_load((directory / "study.yaml").read_text())
    settings |= {"study": "other", "seeds": [0, 1], "statistics": {"bootstrap": 200}}
    (directory / "study.yaml").write_text(yaml.safe_dump(settings))
    lines(snakemake, directory, ERRORS.format("other"))
    log = (directory / f"results/other/logs/finetune/{RUN}.log").read_text()
    assert "Goes on after 12 steps and 12 errors" in log, "of 12 images: nothing is left to do"
    first, second = (directory / ERRORS.format(study) for study in ("tiny", "other"))
    assert store.read(first, "errors").equals(store.read(second, "errors"))
    assert read_record(second)["study"] == "other"
