"""Where a result comes from: hash of the settings, record of a run."""

import importlib.metadata
import json
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from memorability import __version__
from memorability.base.hashes import file_hashes, settings_hash

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
    """Return what made a run: table record, settings, hashes of its inputs, receipts, outcome."""
    return {
        **record,
        "settings": settings,
        "inputs": inputs,
        "receipts": receipts,
        "outcome": outcome,
        "environment": environment_record(device),
    }


def study_record(
    settings: Any, run_records: Iterable[str | Path], tables: Iterable[str | Path]
) -> dict[str, Any]:
    """Return what made the results of a study: configuration, tables, environment, runs.

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
        "configuration": settings,
        "tables": file_hashes(tables),
        "environment": environment_record(),
        "runs": runs,
    }


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
