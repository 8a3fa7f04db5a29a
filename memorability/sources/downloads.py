"""Files that come from outside, as downloads.yaml registers them, and who needs which.

The workflow reads this when it starts; nothing here touches the network.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from memorability.base.errors import InputError

REGISTRY = Path(__file__).with_name("downloads.yaml")
PLACES = ("downloads", "weights")
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file from outside: where it comes from, where it goes, and how to know that it is the one.

    Parameters
    ----------
    name
        Its key in the registry.
    addresses
        Tried in order.
    file, place
        It lands in resources/<place>/<file>.
    size
        In bytes where exactly known; else "about ..." or "unknown".
    sha256
        64 hexadecimal digits, or the beginning that is known, or "unknown".
    licence, purpose
        For readers.
    by_hand
        Where a person finds it with a browser.
    """

    name: str
    addresses: tuple[str, ...]
    file: str
    place: str
    size: int | str
    sha256: str
    licence: str
    purpose: str
    by_hand: str

    @property
    def path(self) -> Path:
        """Where it lands, below resources/."""
        return Path(self.place, self.file)

    @property
    def exact_bytes(self) -> int | None:
        """Its size in bytes, None where that is not exactly known."""
        return self.size if isinstance(self.size, int) else None

    @property
    def size_in_words(self) -> str:
        """Its size for readers: "1,311,232 bytes", "about 2.7 GB" or "unknown"."""
        return f"{self.size:,} bytes" if isinstance(self.size, int) else self.size

    def instruction(self, path: Path) -> str:
        """Return how a person puts the file in place at `path` without the workflow."""
        return f"By hand: {self.by_hand} Save the file as {path}, then run again."


@cache
def registry(file: Path = REGISTRY) -> Mapping[str, Download]:
    """Return every download by its name.

    Raises
    ------
    InputError
        Naming every mistake in the registry: it may have been edited, to add a mirror for example.
    """
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{file} is not YAML: {error}. Correct it.") from error
    if not isinstance(entries, dict):
        raise InputError(f"{file} holds no downloads. Restore it.")
    mistakes = [
        f"{name}: {mistake}" for name, entry in entries.items() for mistake in _mistakes(entry)
    ]
    if not mistakes:
        paths = [(entry["place"], entry["file"]) for entry in entries.values()]
        mistakes = [
            f"{name}: another download lands in {'/'.join(path)} as well"
            for name, path in zip(entries, paths, strict=True)
            if paths.count(path) > 1
        ]
    if mistakes:
        raise InputError(
            f"{file} is not valid:\n  - "
            + "\n  - ".join(mistakes)
            + "\nIts head explains each key."
        )
    return MappingProxyType(
        {
            name: Download(name=name, **(entry | {"addresses": tuple(entry["addresses"])}))
            for name, entry in entries.items()
        }
    )


def registered(file: str) -> Download:
    """Return the download that lands under the name `file`."""
    return next(download for download in registry().values() if download.file == file)


def _mistakes(entry: Any) -> list[str]:
    keys = {field.name for field in fields(Download)} - {"name"}
    if not isinstance(entry, dict) or set(entry) != keys:
        return [f"its keys are not {', '.join(sorted(keys))}"]
    addresses, size = entry["addresses"], entry["size"]
    words = keys - {"addresses", "size"}
    right = {
        "addresses: not a list of web addresses": isinstance(addresses, list)
        and bool(addresses)
        and all(re.match(r"https?://\S+$", str(address)) for address in addresses),
        "size: neither bytes, nor about … MB, nor unknown": (type(size) is int and size > 0)
        or re.fullmatch(rf"about [\d.]+ [kMGT]i?B|{UNKNOWN}", str(size)),
        f"place: not one of {', '.join(PLACES)}": entry["place"] in PLACES,
        "file: not a plain file name": re.fullmatch(r"\w[\w.-]*", str(entry["file"])),
        # YAML reads digits alone as a number: they need quotes.
        "sha256: neither 8 to 64 hexadecimal digits (quoted), nor unknown": isinstance(
            entry["sha256"], str
        )
        and re.fullmatch(rf"[0-9a-f]{{8,64}}|{UNKNOWN}", entry["sha256"]),
        f"not words: one of {', '.join(sorted(words))}": all(
            isinstance(entry[word], str) and entry[word] for word in words
        ),
    }
    return [mistake for mistake, fine in right.items() if not fine]
