"""Hashes of settings and of files."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from memorability.base.files import file_sha256


def settings_hash(settings: Any) -> str:
    """Return 16 hexadecimal digits that identify settings, whatever their key order.

    Parameters
    ----------
    settings
        Plain values, dataclasses, and paths.
    """
    text = json.dumps(settings, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


def file_hashes(paths: Iterable[str | Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path."""
    return {str(path): file_sha256(path) for path in paths}
