"""Stored targets: made once for the runs of a loss, equal in result, gone when the runs are done.

Their network has weights of the user's, whose content decides what is made again.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torchvision.models import alexnet

from tests.workflow.conftest import dry_run, put_back

Study = Callable[..., Path]
Snakemake = Callable[..., subprocess.CompletedProcess[str]]
LOSS = "lpips_alex"
ERRORS = "errors/protocol=untrained_start/loss=lpips_alex/lr=1e-3/seed={seed}/part.parquet"


def errors(directory: Path) -> list[bytes]:
    results = directory / "results" / "tiny"
    return [(results / ERRORS.format(seed=seed)).read_bytes() for seed in (0, 1)]


def write_weights(path: Path, seed: int) -> None:
    """Write weights of AlexNet's features, of chance."""
    torch.manual_seed(seed)
    with torch.device("meta"):
        features = alexnet(weights=None).features
    safetensors.torch.save_file(
        {f"features.{key}": torch.rand(t.shape) / 50 for key, t in features.state_dict().items()},
        path,
    )


@pytest.mark.long
def test_runs_share_stored_targets_and_leave_none(tiny: Study, snakemake: Snakemake) -> None:
    made = []
    for stored in ([], [LOSS]):
        directory = tiny(
            losses=[LOSS],
            seeds=[0, 1],
            selected={"loss": LOSS},
            compute={"stored_targets": stored},
            weights={"files": {"alexnet": "net.safetensors"}},
        )
        write_weights(directory / "net.safetensors", 1)
        wanted = [f"results/tiny/{ERRORS.format(seed=seed)}" for seed in (0, 1)]
        done = snakemake(*wanted, cwd=directory, configfile=directory / "study.yaml")
        assert done.returncode == 0, done.stdout
        assert ("rule store_targets:" in done.stdout) == bool(stored)
        assert not list(directory.rglob("targets.npy"))
        made.append(errors(directory))
    assert made[0] == made[1]

    weights = directory / "net.safetensors"
    weights.touch()
    assert dry_run(snakemake, directory, *wanted) == {}
    made_at = weights.stat().st_mtime_ns - 10**15
    os.utime(weights, ns=(made_at, made_at))
    put_back(weights, lambda: write_weights(weights, 2))
    planned = dry_run(snakemake, directory, *wanted)
    assert planned["finetune"] == 2
    assert planned["store_targets"] == 1
    assert "prepare_images" not in planned
