"""Another workflow imports this one as a module and gives only what differs from config.yaml."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from memorability.tables import store
from tests.workflow.conftest import TINY, Snakemake

IMPORTING = """
configfile: "theirs.yaml"

module memorability:
    snakefile: "{snakefile}"
    config: config["memorability"]
{prefix}
use rule * from memorability as memorability_*

rule count:
    input: "results/tiny/images/squash/images.parquet"
    output: "count.txt"
    shell: "echo {{config[note]}} > {{output}}"
"""


@pytest.fixture
def importing(tiny: Callable[..., Path], pristine: Path) -> Callable[..., Path]:
    """Write a workflow that imports this one with settings of its own, and return its directory."""

    def write(overlay: Mapping[str, Any], prefix: str = "") -> Path:
        directory = tiny()
        line = f'    prefix: "{prefix}"\n' if prefix else ""
        snakefile = IMPORTING.format(snakefile=pristine / "Snakefile", prefix=line)
        (directory / "Snakefile").write_text(snakefile, encoding="utf-8")
        if prefix:
            # Snakemake puts it before relative paths of data, too.
            source = overlay["dataset"]
            own = {name: str(directory / source[name]) for name in ("images", "scores")}
            overlay = {**overlay, "dataset": {**source, **own}}
        theirs = yaml.safe_dump({"note": "counted", "memorability": dict(overlay)})
        (directory / "theirs.yaml").write_text(theirs, encoding="utf-8")
        return directory

    return write


@pytest.mark.long
def test_a_workflow_that_imports_this_one_runs_its_rules(
    importing: Callable[..., Path], snakemake: Snakemake
) -> None:
    directory = importing(TINY)
    done = snakemake("count", cwd=directory, snakefile=directory / "Snakefile")
    assert done.returncode == 0, done.stdout
    assert "localrules directive" not in done.stdout
    assert (directory / "count.txt").read_text(encoding="utf-8") == "counted\n"
    assert len(store.read(directory / "results/tiny/images/squash/images.parquet", "images")) == 12
    planned = snakemake("memorability_all", "-n", cwd=directory, snakefile=directory / "Snakefile")
    assert planned.returncode == 0, planned.stdout
    assert "memorability_finetune" in planned.stdout


@pytest.mark.long
def test_a_prefix_of_the_importing_workflow_comes_before_every_result(
    importing: Callable[..., Path], snakemake: Snakemake
) -> None:
    directory = importing(TINY, "theirs")
    table = "theirs/results/tiny/tables/ceiling.parquet"
    done = snakemake(table, cwd=directory, snakefile=directory / "Snakefile")
    assert done.returncode == 0, done.stdout
    assert (directory / table).is_file()
    assert not (directory / "results").exists()


def test_settings_of_an_importing_workflow_need_a_name_for_the_study(
    importing: Callable[..., Path], snakemake: Snakemake
) -> None:
    directory = importing({key: value for key, value in TINY.items() if key != "study"})
    done = snakemake("count", "-n", cwd=directory, snakefile=directory / "Snakefile")
    assert done.returncode != 0
    assert "come without a name for the study" in done.stdout
