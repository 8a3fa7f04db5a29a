"""Archives from outside: told by their content, unpacked safely, whole or not at all."""

import bz2
import gzip
import logging
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, Self

from memorability.base.errors import InputError
from memorability.base.files import atomic_directory
from memorability.images.folder import composed

logger = logging.getLogger(__name__)


BLOCK = 1 << 20  # bytes copied at a time
LONGEST_HEADER = 1 << 20  # bytes; tarfile holds a member's extended header in memory

# Its digest was recorded when it arrived: another copy would be refused as a changed one.
FETCH_AGAIN = "Delete it, and its line in resources/downloads.sha256, then fetch it again"

_DECOMPRESSORS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_NO_ARCHIVES = {
    b"Rar!\x1a\x07": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard",
    b"\x1f\x9d": "compressed by Unix compress",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
    b"%pdf": "a PDF document",
    b"<": "an HTML or XML page, perhaps a server's error or quota page",
    b"{": "JSON text, perhaps a server's error message",
}
# What a damaged archive raises while it is read: bz2 and gzip raise OSError.
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)


class _Member(NamedTuple):
    path: str
    open: Callable[[], IO[bytes]] | None  # None: a link, a device or another thing without content


def list_files(path: Path) -> list[str]:
    """Return the paths of the files in an archive, as `extract` gives them to `select`.

    Of a compressed tar file everything is read, since it has no list of contents.

    Raises
    ------
    InputError
        As `extract`, for what shows without unpacking.
    """
    with _opened(path) as members:
        return [member.path for member in members if member.open]


def extract(
    path: Path,
    directory: Path,
    *,
    select: Callable[[str], str | None],
    limit_bytes: int,
    on_file: Callable[[], object] = lambda: None,
) -> list[str]:
    """Unpack the chosen files of an archive into `directory`, which appears whole or not at all.

    Parameters
    ----------
    path
        A zip file, or a tar file, plain or compressed by gzip, bzip2 or xz. Its content decides
        which, not its name.
    directory
        Where to unpack; replaced if it exists.
    select
        A file's path in the archive -> its path below `directory`, or None to leave it out. Paths
        have forward slashes and composed accents. Names that are not declared as UTF-8 are read as
        UTF-8 where they can be, else as code page 437 (zip) or Latin-1 (tar).
    limit_bytes
        How much may be unpacked, counted while it is: what a header declares may be wrong.
    on_file
        Called after each file.

    Returns
    -------
    list of str
        The paths below `directory`, in the archive's order.

    Raises
    ------
    InputError
        If the file is no such archive, or is damaged, truncated or encrypted; if it unpacks to more
        than the limit; if the path of any member leads out of the archive; if two chosen files would
        land on one path, also where only letter case tells them apart, since some disks ignore it;
        if the disk is full. Nothing half-unpacked is left.

    Notes
    -----
    Links and devices are never unpacked. Nothing is held in memory but the paths.
    """
    origins: dict[str, str] = {}
    targets: list[str] = []
    links = others = written = 0
    with atomic_directory(directory) as temporary, _opened(path) as members:
        for member in members:
            if member.open is None:
                links += 1
                continue
            target = select(member.path)
            if target is None:
                others += 1
                continue
            key = target.casefold()
            if key in origins:
                raise InputError(
                    f"{path}: {origins[key]!r} and {member.path!r} would both be unpacked to "
                    f"{target!r} on a disk that ignores letter case. Get another copy of the "
                    "archive, or remove one of the two from it."
                )
            origins[key] = member.path
            with _explained(path):
                source = member.open()
            # A member that is left half read would keep the archive open.
            with source, closing(_blocks(path, source, temporary / target)) as blocks:
                for block in blocks:
                    written += block
                    if written > limit_bytes:
                        raise InputError(
                            f"{path} unpacks to more than {limit_bytes / 1e9:.3g} GB, which is far "
                            f"more than it should hold. {FETCH_AGAIN}."
                        )
            targets.append(target)
            on_file()
    logger.info(
        "%s: %d files unpacked, %d other files and %d links or devices left out",
        path, len(targets), others, links,
    )  # fmt: skip
    return targets


def _blocks(path: Path, source: IO[bytes], target: Path) -> Generator[int]:
    """Copy a member to `target`, yielding the bytes written after each block."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while True:
            with _explained(path):
                block = source.read(BLOCK)
            if not block:
                return
            file.write(block)
            yield len(block)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what reading raises into words; writing is not done inside."""
    try:
        yield
    except NotImplementedError as error:
        raise InputError(
            f"{path} cannot be unpacked: {error}. Unpack it with another program and pack it again "
            "as a plain zip or tar file."
        ) from error
    except _DAMAGE as error:
        raise InputError(
            f"{path} is damaged or truncated, or its compressed content is no tar archive: {error}. "
            f"{FETCH_AGAIN}."
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[_Member]]:
    """Yield the members of an archive; each must be read before the next one is asked for."""
    opener = _opener(path)
    if opener is zipfile.ZipFile:
        with _explained(path):
            archive = zipfile.ZipFile(path)
        with archive:
            yield _zip_members(path, archive)
    else:
        with opener(path, "rb") as stream:
            yield _tar_members(path, stream)


def _opener(path: Path) -> Callable[..., Any]:
    """Return what opens the file: ZipFile, a decompressor of a tar file, or open itself."""
    try:
        with path.open("rb") as file:
            start = file.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Fetch the archive, or put it there."
        ) from error
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return zipfile.ZipFile
    for magic, decompressor in _DECOMPRESSORS.items():
        if start.startswith(magic):
            return decompressor
    try:
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")
    except tarfile.TarError:
        text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        looks = [what for magic, what in _NO_ARCHIVES.items() if text.startswith(magic.lower())]
        found = looks[0] if looks else f"begins with {start[:12]!r}" if start else "is empty"
        raise InputError(
            f"{path} is neither a zip nor a tar archive (plain, gzip, bzip2 or xz): it "
            f"{'is ' if looks else ''}{found}. {FETCH_AGAIN}, or put the archive there by hand."
        ) from None
    return open


def _zip_members(path: Path, archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        name = info.filename
        if not info.flag_bits & 0x800:
            # Not declared as UTF-8, and decoded as code page 437: macOS writes UTF-8 all the same.
            with suppress(UnicodeError):
                name = name.encode("cp437").decode("utf-8")
        member = _safe(path, name)
        if info.is_dir():
            continue
        if info.flag_bits & 0x1:
            raise InputError(
                f"{path} is encrypted: {member!r} needs a password. Get a copy without one."
            )
        # The upper half is the mode on Unix, 0 where another system wrote the archive.
        regular = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
        yield _Member(member, partial(archive.open, info) if regular else None)


def _tar_members(path: Path, stream: IO[bytes]) -> Iterator[_Member]:
    with _explained(path):
        archive = tarfile.TarFile.open(fileobj=stream, mode="r|", tarinfo=_Header, encoding="utf-8")
    while True:
        with _explained(path):
            info = archive.next()
        if info is None:
            break
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep every header
        name = info.name
        if any("\udc80" <= letter <= "\udcff" for letter in name):
            # Bytes that are no UTF-8: archives of that kind are older than it.
            name = name.encode("utf-8", "surrogateescape").decode("latin-1")
        member = _safe(path, name)
        if not info.isdir():
            regular = info.isreg() and not info.issparse()
            yield _Member(member, partial(_contents, archive, info) if regular else None)
    # The checksum of what is compressed stands at its end.
    with _explained(path):
        while stream.read(BLOCK):
            pass


def _contents(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    contents = archive.extractfile(info)
    assert contents is not None, "of regular files only"
    return contents


class _Header(tarfile.TarInfo):
    """A header that must be right: tarfile takes a wrong or missing one for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) == tarfile.BLOCKSIZE and not any(buf):
            return super().frombuf(buf, encoding, errors)  # raises: the archive's end mark
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"a member's header is wrong ({error})") from None
        if not header.isreg() and header.size > LONGEST_HEADER:
            raise tarfile.ReadError(f"a member's header claims {header.size} bytes")
        return header


def _safe(path: Path, name: str) -> str:
    """Return a member's path in one form, or refuse the archive if it leads out of it."""
    member = composed(name.replace("\\", "/"))
    if re.match(r"/|[A-Za-z]:", member) or ".." in member.split("/") or "\0" in member:
        raise InputError(
            f"{path} holds {name!r}, which would be unpacked outside of its directory. Nothing was "
            f"unpacked. {FETCH_AGAIN} from its publisher."
        )
    return str(PurePosixPath(member))
