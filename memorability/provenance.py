"""Where a result comes from: fingerprint of the code, hash of the settings, record of a run."""

import ast
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from memorability import __version__
from memorability.files import file_sha256

PACKAGE = Path(__file__).parent
PACKAGES_RECORDED = (
    "captum", "lpips", "numpy", "optuna", "pandas", "pillow", "pyarrow", "pytorch-msssim",
    "scikit-learn", "scipy", "snakemake", "torch", "torchvision",
)  # fmt: skip


def fingerprint(*modules: str) -> str:
    """Return a hash of the sources of `modules` and of all they import from this package.

    Snakemake reruns a job when its script or a parameter changes, but does not see the modules that
    a script imports. A rule that carries this fingerprint as a parameter is rerun when, and only
    when, code that decides its result changes.

    Parameters
    ----------
    modules
        Names within the package, as in "finetuning" or "models.autoencoder".

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(import_closure(*modules)):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def import_closure(*modules: str) -> set[Path]:
    """Return the files of `modules` and of every module of this package that they import."""
    found: set[Path] = set()
    waiting = [_module_file(module) for module in modules]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imported_files(path))
    return found


def _module_file(module: str) -> Path:
    base = PACKAGE.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    raise ValueError(f"memorability has no module {module!r}. Correct the name in the rule.")


@cache
def _imported_files(path: Path) -> tuple[Path, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name` may name a module or a thing inside the package.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    files = []
    for name in names:
        if name.startswith("memorability."):
            base = PACKAGE.joinpath(*name.split(".")[1:])
            candidates = (base.with_suffix(".py"), base / "__init__.py")
            files += [candidate for candidate in candidates if candidate.is_file()]
    return tuple(files)


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
