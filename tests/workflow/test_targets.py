"""Stored targets: made once for the runs of a loss, equal in result, gone when the runs are done."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Study = Callable[..., Path]
Snakemake = Callable[..., subprocess.CompletedProcess[str]]
LOSS = "lpips_alex"
ERRORS = "errors/protocol=untrained_start/loss=lpips_alex/lr=1e-3/seed={seed}/part.parquet"


def errors(directory: Path) -> list[bytes]:
    results = directory / "results" / "tiny"
    return [(results / ERRORS.format(seed=seed)).read_bytes() for seed in (0, 1)]


@pytest.mark.long
def test_runs_share_stored_targets_and_leave_none(tiny: Study, snakemake: Snakemake) -> None:
    made = []
    for stored in ([], [LOSS]):
        directory = tiny(
            losses=[LOSS],
            seeds=[0, 1],
            selected={"loss": LOSS},
            compute={"stored_targets": stored},
        )
        wanted = [f"results/tiny/{ERRORS.format(seed=seed)}" for seed in (0, 1)]
        done = snakemake(*wanted, cwd=directory, configfile=directory / "study.yaml")
        assert done.returncode == 0, done.stdout
        assert ("rule store_targets:" in done.stdout) == bool(stored)
        assert not list(directory.rglob("targets.npy"))
        made.append(errors(directory))
    assert made[0] == made[1]
