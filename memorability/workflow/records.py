"""Where a result comes from: hash of the settings, record of a run."""

import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from memorability import __version__
from memorability.base.files import ROOT
from memorability.base.hashes import file_hashes, settings_hash
from memorability.sources.downloads import licence_of

PACKAGES_RECORDED = (
    "captum", "lpips", "numpy", "optuna", "pandas", "pillow", "pyarrow", "pytorch-msssim",
    "scikit-learn", "scipy", "snakemake", "torch", "torchvision",
)  # fmt: skip


def table_record(study: str, settings: Any, code: str) -> dict[str, str]:
    """Return what a table keeps in its metadata: study, hash of its settings, code, version."""
    return {
        "study": study,
        "configuration": settings_hash(settings),
        "code": code,
        "memorability": __version__,
    }


def run_record(
    record: dict[str, str],
    settings: Any,
    inputs: dict[str, str],
    receipts: list[dict[str, Any]],
    outcome: dict[str, Any],
    device: str,
) -> dict[str, Any]:
    """Return what made a run: table record, settings, hashes of its inputs, receipts, outcome.

    A receipt of a registered file also has its licence, and whether that allows commercial use.
    """
    return {
        **record,
        "settings": settings,
        "inputs": inputs,
        "receipts": [
            {**receipt, "licence": licence_of(receipt["sha256"])} if receipt["sha256"] else receipt
            for receipt in receipts
        ],
        "outcome": outcome,
        "environment": environment_record(device),
    }


def study_record(
    settings: Any, run_records: Iterable[str | Path], tables: Iterable[str | Path]
) -> dict[str, Any]:
    """Return what made the results of a study: workflow, configuration, tables, environment, runs.

    Parameters
    ----------
    settings
        The resolved configuration.
    run_records
        The JSON files of `run_record`, one of each run.
    tables
        The tables that the user gave.
    """
    runs = [json.loads(Path(path).read_text(encoding="utf-8")) for path in run_records]
    return {
        "workflow": workflow_record(),
        "configuration": settings,
        "tables": file_hashes(tables),
        "environment": environment_record(),
        "runs": runs,
    }


def workflow_record(root: Path = ROOT) -> dict[str, str]:
    """Return the version of this workflow and its git commit: "unknown" outside a git repository.

    Parameters
    ----------
    root
        Where the workflow lies. A commit with changes that are not committed is marked "-dirty".
    """
    return {"version": __version__, "commit": _commit(root)}


def _commit(root: Path) -> str:
    asked = [
        "git",
        "-C",
        str(root),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    # In a repository of somebody else, into which the workflow was copied, there is another .git.
    if not (root / ".git").exists():
        return "unknown"
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def environment_record(device: str = "cpu") -> dict[str, Any]:
    """Return versions and hardware: what besides seeds and settings can change a number.

    Of the packages those that the environment has: without training, torch is not needed.

    Parameters
    ----------
    device
        The torch device that computed, "cpu" or "cuda"; a GPU is recorded by name.
    """
    record: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor_name(),
        "device": device,
        "packages": _versions(PACKAGES_RECORDED),
    }
    if device.startswith("cuda"):
        import torch  # noqa: PLC0415  # the workflow reads this module before any job needs torch

        record["gpu"] = torch.cuda.get_device_name(device)
    return record


def _versions(packages: Iterable[str]) -> dict[str, str]:
    versions = {}
    for name in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()
