"""Is a file from outside the one that it should be? Known digests are enforced, new ones recorded.

resources/downloads.sha256 keeps the SHA-256 of every download as it was first seen, in the format of
sha256sum: `cd resources && sha256sum -c downloads.sha256` checks all of them without this project.
"""

import re
from pathlib import Path

from filelock import FileLock

from memorability.base.errors import InputError
from memorability.base.files import atomic, file_sha256
from memorability.sources.downloads import REGISTRY, UNKNOWN, Download

RECORD = "downloads.sha256"
HEAD_BYTES = 1024  # of a file, in which a web page shows itself
GIT_LFS_POINTER = b"version https://git-lfs"


class WrongFileError(InputError):
    """A file is not the download that it should be; `fault` says why, as a clause about it."""

    def __init__(self, fault: str, download: Download, path: Path) -> None:
        super().__init__(
            f"{path} is not the download {download.name}: it {fault}. Move it away. "
            f"{download.instruction(path)}"
        )
        self.fault = fault


def verify(download: Download, path: Path, resources: Path = Path("resources")) -> str:
    """Check a file, fetched or put in place by hand, and return its SHA-256.

    Content, size and digest must be what the registry states, and the digest must be the one that
    was recorded in `resources`/downloads.sha256 when the download was first seen there; at first
    sight it is recorded.

    Parameters
    ----------
    download
        What the file should be.
    path
        Where it is.
    resources
        Directory that holds the record.

    Raises
    ------
    WrongFileError
        If it is another file, with what to do next.
    InputError
        If it does not exist, or the record cannot be read or written.
    """
    if not path.is_file():
        raise InputError(
            f"The file {path} does not exist ({download.purpose}). {download.instruction(path)}"
        )
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if is_web_page(head):
        raise WrongFileError("is a web page, perhaps a login or a quota", download, path)
    if head.startswith(GIT_LFS_POINTER):
        raise WrongFileError("is a pointer of Git LFS, not the file itself", download, path)
    digest = file_sha256(path)
    size = path.stat().st_size
    if download.exact_bytes not in {None, size}:
        raise WrongFileError(f"has {size:,} bytes, not {download.exact_bytes:,}", download, path)
    if download.sha256 != UNKNOWN and not digest.startswith(download.sha256):
        raise WrongFileError(
            f"has the SHA-256 {digest}, but {REGISTRY.name} states {download.sha256}",
            download, path,
        )  # fmt: skip
    _record(download, digest, path, resources / RECORD)
    return digest


def is_web_page(head: bytes) -> bool:
    """Return whether a file that begins with `head` is HTML."""
    text = head[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    page = rb"(?s)(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype html|html|head)\b"
    return re.match(page, text) is not None


def _record(download: Download, digest: str, path: Path, record: Path) -> None:
    """Compare `digest` with the recorded one, or record it."""
    file = download.path.as_posix()
    if _read(record).get(file) == digest:
        return  # before any lock: the directory may be shared by a group, and read-only
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(record.with_name(f".{record.name}.lock")):
            recorded = _read(record)
            known = recorded.setdefault(file, digest)
            if known != digest:
                raise WrongFileError(
                    f"has the SHA-256 {digest}, but was {known} when first seen; if you trust the "
                    f"new file, delete the line of {file} in {record}",
                    download, path,
                )  # fmt: skip
            with atomic(record) as temporary:
                lines = "".join(f"{recorded[name]}  {name}\n" for name in sorted(recorded))
                temporary.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{record} could not be written: {error.strerror or error}. Change permissions, then run "
            "again."
        ) from error


def _read(record: Path) -> dict[str, str]:
    """Return path below resources/ -> SHA-256."""
    lines = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    matches = [re.fullmatch(r"([0-9a-f]{64}) [ *](\S+)", line) for line in lines]
    for line, match in zip(lines, matches, strict=True):
        if match is None:
            raise InputError(
                f"{record} has a line that is no SHA-256 and path: {line!r}. Delete the line; the "
                "file that it was for will be recorded anew."
            )
    return {match[2]: match[1] for match in matches if match}
