"""Where a result comes from: hash of the settings, record of a run."""

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from memorability import __version__
from memorability.files import file_sha256

PACKAGES_RECORDED = (
    "captum", "lpips", "numpy", "optuna", "pandas", "pillow", "pyarrow", "pytorch-msssim",
    "scikit-learn", "scipy", "snakemake", "torch", "torchvision",
)  # fmt: skip


def settings_hash(settings: Any) -> str:
    """Return 16 hexadecimal digits that identify plain settings, whatever their key order."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def table_record(study: str, settings: Any, code: str) -> dict[str, str]:
    """Return what a table keeps in its metadata: study, hash of its settings, code, version."""
    return {
        "study": study,
        "configuration": settings_hash(settings),
        "code": code,
        "memorability": __version__,
    }


def file_hashes(paths: Iterable[str | Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path."""
    return {str(path): file_sha256(path) for path in paths}


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
