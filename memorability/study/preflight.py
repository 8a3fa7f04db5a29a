"""What must be there before the first job: files, space, permission to write."""

import os
import shutil
from pathlib import Path

from memorability.base.errors import InputError


def require(path: Path, key: str, needed: str) -> None:
    """Raise InputError unless a file or directory of the configuration exists."""
    directory = needed.startswith("a directory")
    if path.is_dir() if directory else path.is_file():
        return
    found = "does not exist"
    if path.exists():
        found = "is a file" if directory else "is a directory"
    raise InputError(
        f"{key}: {path} {found}, but {needed} is needed. Relative paths start from {Path.cwd()}."
    )


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents, Path()) if parent.exists())


def require_space(path: Path, models: int, needed_bytes: float) -> None:
    """Raise InputError unless the disk has room for the models that are kept."""
    free = shutil.disk_usage(_existing(path)).free
    if free < needed_bytes:
        raise InputError(
            f"The disk of {path} has {free / 1e9:.1f} GB free, but the models of {models} runs take "
            f"{needed_bytes / 1e9:.1f} GB. Free space, run with --directory on another disk, or keep "
            "fewer models (keep_checkpoints)."
        )


def require_writable(path: Path, what: str) -> None:
    """Raise InputError unless this user may write to a path."""
    existing = _existing(path)
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(
            f"{what} cannot be written to {path}: {existing.resolve()} is not a directory that "
            "this user may write to. Change its permissions, or run with --directory elsewhere."
        )
