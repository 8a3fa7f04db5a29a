"""Hashes of settings and of files."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from memorability.base.files import file_sha256


def settings_hash(settings: Any) -> str:
    """Return 16 hexadecimal digits that identify plain settings, whatever their key order."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_hashes(paths: Iterable[str | Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path."""
    return {str(path): file_sha256(path) for path in paths}
