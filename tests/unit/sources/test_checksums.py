"""Known digests are enforced, unknown ones recorded, as sha256sum itself would have it."""

import hashlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from memorability.base.errors import InputError
from memorability.sources.checksums import WrongFileError, is_web_page, verify
from memorability.sources.downloads import Download

CONTENT = b"ten thousand photographs\n" * 40
DIGEST = hashlib.sha256(CONTENT).hexdigest()
DOWNLOAD = Download(
    name="photographs", addresses=("https://example.org/photographs.zip",), file="photographs.zip",
    place="downloads", size="unknown", sha256="unknown", licence="none stated",
    commercial_use="not stated", purpose="photographs to remember", by_hand="Ask at the front desk.",
)  # fmt: skip


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    return tmp_path / "resources"


@pytest.fixture
def path(resources: Path) -> Path:
    path = resources / DOWNLOAD.path
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


def test_an_unknown_digest_is_recorded_and_enforced_from_then_on(
    path: Path, resources: Path
) -> None:
    assert verify(DOWNLOAD, path, resources) == DIGEST
    assert verify(DOWNLOAD, path, resources) == DIGEST
    path.write_bytes(CONTENT + b"!")
    with pytest.raises(
        WrongFileError, match=r"when first seen.*delete the line of downloads/photographs\.zip"
    ):
        verify(DOWNLOAD, path, resources)
    assert path.is_file(), "a file put in place by hand is never deleted"
    record = resources / "downloads.sha256"
    assert record.read_text() == f"{DIGEST}  downloads/photographs.zip\n"
    record.write_text("")
    verify(DOWNLOAD, path, resources)
    assert record.read_text().startswith(hashlib.sha256(CONTENT + b"!").hexdigest())


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_sha256sum_reads_the_record(path: Path, resources: Path) -> None:
    verify(DOWNLOAD, path, resources)
    other = replace(DOWNLOAD, name="other", file="a.pth", place="weights")
    (resources / other.path).parent.mkdir()
    (resources / other.path).write_bytes(b"weights")
    verify(other, resources / other.path, resources)
    command = ["sha256sum", "--strict", "-c", "downloads.sha256"]
    done = subprocess.run(command, cwd=resources, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (
        0,
        "downloads/photographs.zip: OK\nweights/a.pth: OK\n",
    )
    path.write_bytes(b"changed")
    assert subprocess.run(command, cwd=resources, capture_output=True, check=False).returncode == 1


def test_a_record_that_sha256sum_wrote_is_read(path: Path, resources: Path) -> None:
    record = resources / "downloads.sha256"
    record.write_text(f"{'0' * 64} *downloads/photographs.zip\n")
    with pytest.raises(WrongFileError, match=r"0000.* when first seen"):
        verify(DOWNLOAD, path, resources)


@pytest.mark.parametrize("known", [DIGEST, DIGEST[:8]])
def test_a_known_digest_or_beginning_is_enforced_at_first_sight(
    known: str, path: Path, resources: Path
) -> None:
    verify(replace(DOWNLOAD, sha256=known), path, resources)
    other = replace(DOWNLOAD, sha256=("0" if known[0] != "0" else "1") + known[1:], file="b.zip")
    with pytest.raises(WrongFileError, match=r"downloads\.yaml states"):
        verify(other, path, resources)
    assert "b.zip" not in (resources / "downloads.sha256").read_text(), "a wrong file is unrecorded"


def test_a_known_size_is_enforced(path: Path, resources: Path) -> None:
    verify(replace(DOWNLOAD, size=1000), path, resources)
    with pytest.raises(WrongFileError, match=r"it has 1,000 bytes, not 1,311,232\..*front desk"):
        verify(replace(DOWNLOAD, size=1_311_232), path, resources)


def test_a_missing_file_says_how_to_put_it_in_place(resources: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist \(photographs to remember\).*front desk"):
        verify(DOWNLOAD, resources / DOWNLOAD.path, resources)


def test_a_damaged_record_is_named(path: Path, resources: Path) -> None:
    (resources / "downloads.sha256").write_text("abc  downloads/photographs.zip\n")
    with pytest.raises(InputError, match=r"downloads\.sha256 has a line.*'abc .*Delete the line"):
        verify(DOWNLOAD, path, resources)


def test_a_record_is_read_where_none_can_be_written(path: Path, resources: Path) -> None:
    verify(DOWNLOAD, path, resources)
    lock = resources / ".downloads.sha256.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()  # nobody can lock a directory, not even root
    assert verify(DOWNLOAD, path, resources) == DIGEST
    other = replace(DOWNLOAD, name="other", file="other.zip")
    (resources / other.path).write_bytes(b"other")
    with pytest.raises(InputError, match=r"downloads\.sha256 could not be written: Is a directory"):
        verify(other, resources / other.path, resources)


def test_many_jobs_record_at_once_and_none_is_lost(resources: Path) -> None:
    some = [replace(DOWNLOAD, name=f"n{i}", file=f"{i:02}.zip") for i in range(20)]
    (resources / "downloads").mkdir(parents=True)
    for download in some:
        (resources / download.path).write_bytes(download.name.encode())
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(lambda d: verify(d, resources / d.path, resources), some))
    lines = [f"{digest}  downloads/{i:02}.zip" for i, digest in enumerate(digests)]
    assert (resources / "downloads.sha256").read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("head", "page"),
    [
        (b"<!DOCTYPE html><html>", True),
        (b"\xef\xbb\xbf\r\n  <HTML lang=en>", True),
        (b"<!-- a\nremark --><!doctype html>", True),
        (b'<?xml version="1.0"?>\n<html xmlns="...">', True),
        (b'<?xml version="1.0"?>\n<annotation>', False),
        (b"PK\x03\x04<html>", False),
        (b'"","image_file","category"', False),
        (b"<htmlx", False),
        (b"", False),
    ],
)
def test_a_web_page_is_known_by_its_content(
    head: bytes, page: bool, path: Path, resources: Path
) -> None:
    assert is_web_page(head) is page
    path.write_bytes(head + b" ... ")
    if page:
        with pytest.raises(WrongFileError, match="is a web page"):
            verify(DOWNLOAD, path, resources)
    else:
        verify(DOWNLOAD, path, resources)
