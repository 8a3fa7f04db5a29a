"""Archives as publishers, operating systems, attackers and bad connections make them."""

import bz2
import gc
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memorability.base.errors import InputError
from memorability.sources.archives import extract, list_files

ROOT = Path(__file__).parents[3]
FILES = {"set/a.jpg": b"first" * 1000, "set/deep/b.jpg": os.urandom(5000), "set/empty.txt": b""}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
KINDS = ["zip", *COMPRESS]


def in_kinds(values: Sequence[str]) -> list[tuple[str, str]]:
    """Return (kind, value): each value in a zip and in a tar file, some in each compressed one.

    Zip and tar have a reader each. A compressed tar file differs in how it is opened alone.
    """
    compressed = [kind for kind in COMPRESS if kind != "tar"]
    both = [(kind, value) for kind in ("zip", "tar") for value in values]
    return both + list(zip(compressed, cycle(values), strict=False))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tarred(*members: tuple[tarfile.TarInfo, bytes], encoding: str = "utf-8") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding=encoding
    ) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def packed(kind: str, files: dict[str, bytes]) -> bytes:
    if kind == "zip":
        return zipped(files)
    return COMPRESS[kind](tarred(*(member(name, content) for name, content in files.items())))


def unpack(
    content: bytes, directory: Path, limit_bytes: int = 10**6, **options: object
) -> list[str]:
    archive = directory / "download"
    archive.write_bytes(content)
    whole: dict[str, object] = {"select": lambda path: path, "limit_bytes": limit_bytes}
    return extract(archive, directory / "out", **(whole | options))  # type: ignore[arg-type]


def refusal(content: bytes, directory: Path, limit_bytes: int = 10**6) -> str:
    """Return why the archive is refused; nothing of it may be left, and a good one then passes."""
    with pytest.raises(InputError) as caught:
        unpack(content, directory, limit_bytes)
    assert sorted(path.name for path in directory.iterdir()) == ["download"]
    unpack(zipped(FILES), directory)
    assert contents(directory / "out") == FILES
    return str(caught.value)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


# What is unpacked


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_and_not_the_name_tells_what_an_archive_is(tmp_path: Path, kind: str) -> None:
    assert unpack(packed(kind, FILES), tmp_path) == list(FILES)
    assert contents(tmp_path / "out") == FILES
    assert list_files(tmp_path / "download") == list(FILES)


@pytest.mark.parametrize("kind", KINDS)
def test_only_chosen_files_are_unpacked_to_where_they_are_wanted(tmp_path: Path, kind: str) -> None:
    steps: list[int] = []
    done = unpack(
        packed(kind, FILES),
        tmp_path,
        select=lambda path: path.split("/")[-1] if path.endswith(".jpg") else None,
        on_file=lambda: steps.append(1),
    )
    assert done == ["a.jpg", "b.jpg"]
    assert len(steps) == 2
    assert set(contents(tmp_path / "out")) == {"a.jpg", "b.jpg"}


def test_archives_of_the_systems_own_tar_are_read(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name, content in (FILES | {f"set/{'long/' * 40}name.jpg": b"x"}).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    for form in ("gnu", "pax", "ustar", "v7"):
        names = ["set/a.jpg", "set/deep"] if form in ("ustar", "v7") else ["set"]
        command = ["tar", f"--format={form}", "-czf", tmp_path / form, "-C", source, *names]
        subprocess.run(command, check=True)
        unpack((tmp_path / form).read_bytes(), tmp_path)
        expected = {name: content for name, content in contents(source).items() if any(
            name.startswith(start) for start in names
        )}  # fmt: skip
        assert contents(tmp_path / "out") == expected


def test_an_archive_without_files_gives_an_empty_directory(tmp_path: Path) -> None:
    for content in (zipped({}), tarred(member("folder", type=tarfile.DIRTYPE))):
        assert unpack(content, tmp_path) == []
        assert list((tmp_path / "out").iterdir()) == []


def test_what_was_unpacked_before_is_replaced(tmp_path: Path) -> None:
    unpack(zipped({"old.jpg": b"old"}), tmp_path)
    unpack(zipped({"new.jpg": b"new"}), tmp_path)
    assert contents(tmp_path / "out") == {"new.jpg": b"new"}


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / ".out.partial"
    left.mkdir()
    (left / "half.jpg").write_bytes(b"half")
    unpack(zipped(FILES), tmp_path)
    assert contents(tmp_path / "out") == FILES
    assert not left.exists()


# Names


@pytest.mark.parametrize(("kind", "form"), in_kinds(["NFC", "NFD"]))
def test_accents_are_composed_whatever_the_archive_holds(
    tmp_path: Path, kind: str, form: str
) -> None:
    name = unicodedata.normalize(form, "été/猫 ä.jpg")
    assert unpack(packed(kind, {name: b"x"}), tmp_path) == ["été/猫 ä.jpg"]


def unflagged(name: bytes) -> bytes:
    """Return a zip whose file is named `name` without the flag that says UTF-8."""
    content = zipped({"n" * len(name): b"x"})
    return content.replace(b"n" * len(name), name)


@pytest.mark.parametrize(("encoding"), ["cp437", "utf-8"])
def test_zip_names_without_an_encoding_are_utf_8_or_else_code_page_437(
    tmp_path: Path, encoding: str
) -> None:
    assert unpack(unflagged("Bär.jpg".encode(encoding)), tmp_path) == ["Bär.jpg"]


def test_tar_names_that_are_not_utf_8_are_latin_1(tmp_path: Path) -> None:
    content = tarred(member("Bär.jpg", b"x"), encoding="latin-1")
    assert unpack(content, tmp_path) == ["Bär.jpg"]
    assert list_files(tmp_path / "download") == ["Bär.jpg"]


def test_separators_of_windows_make_directories(tmp_path: Path) -> None:
    content = zipped({"set/a.jpg": b"x"}).replace(b"set/a.jpg", b"set\\a.jpg")
    assert unpack(content, tmp_path) == ["set/a.jpg"]


@pytest.mark.parametrize(
    ("kind", "name"),
    in_kinds(["../a.jpg", "set/../../a.jpg", "/tmp/a.jpg", "C:/a.jpg", "..\\a.jpg", "c:\\a.jpg"]),
)
def test_a_path_that_leads_out_is_refused_even_if_it_is_not_chosen(
    tmp_path: Path, kind: str, name: str
) -> None:
    content = packed(kind, {"good.jpg": b"x", name: b"x"})
    assert "outside of its directory" in refusal(content, tmp_path)
    (tmp_path / "download").write_bytes(content)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(InputError, match="outside"):
        extract(tmp_path / "download", tmp_path / "out", select=lambda path: None, limit_bytes=10)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "second"), in_kinds(["set/A.jpg", "SET/a.JPG", "./set/a.jpg", "set//a.jpg"])
)
def test_two_files_for_one_path_are_refused(tmp_path: Path, kind: str, second: str) -> None:
    message = refusal(packed(kind, {"set/a.jpg": b"1", second: b"2"}), tmp_path)
    assert "'set/a.jpg' and" in message
    assert "both be unpacked to" in message


def test_a_file_where_a_directory_should_be_is_refused(tmp_path: Path) -> None:
    for files in ({"a": b"1", "a/b": b"2"}, {"a/b": b"2", "a": b"1"}):
        with pytest.raises(InputError, match=r"could not be written"):
            unpack(packed("tar", files), tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["download"]


def test_a_name_too_long_for_the_disk_is_refused(tmp_path: Path) -> None:
    assert "File name too long" in refusal(zipped({f"{'n' * 300}.jpg": b"x"}), tmp_path)


# Links and devices


@pytest.mark.parametrize("target", ["../../secret", "/etc/passwd", "a.jpg"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_of_a_tar_file_are_never_unpacked(tmp_path: Path, kind: bytes, target: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    content = tarred(
        member("a.jpg", b"x"),
        member("link", type=kind, linkname=target),
        # What would be written through a link that led out of the directory:
        member("link/secret", b"overwritten"),
    )
    assert unpack(content, tmp_path) == ["a.jpg", "link/secret"]
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
    assert secret.read_text() == "mine"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_never_unpacked(tmp_path: Path, kind: bytes) -> None:
    assert unpack(tarred(member("device", type=kind), member("a", b"x")), tmp_path) == ["a"]


def test_links_of_a_zip_file_are_never_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../../secret")
        archive.writestr("a", b"x")
    assert unpack(buffer.getvalue(), tmp_path) == ["a"]


# Damage


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_archive_is_refused_wherever_it_ends(tmp_path: Path, kind: str) -> None:
    content = packed(kind, FILES | {"last.jpg": os.urandom(3000)})
    cuts = {600, 1024, len(content) // 2, len(content) - 5}
    if kind == "tar":
        # Between two members, where tarfile sees a good end; the last 10 KiB hold the end mark.
        end = content.rindex(b"last.jpg")
        cuts = {600, 1024, end, end + 100, end + 512, end + 2000}
    for cut in cuts:
        assert "damaged or truncated" in refusal(content[:cut], tmp_path)
        shutil.rmtree(tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz"])
def test_a_changed_byte_is_found_by_the_checksum(tmp_path: Path, kind: str) -> None:
    content = bytearray(packed(kind, {"a.jpg": os.urandom(9000)}))
    content[len(content) // 2] ^= 1
    assert "damaged" in refusal(bytes(content), tmp_path)


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    content = zipped({"a.jpg": b"content"}, zipfile.ZIP_STORED)
    assert "Bad CRC-32" in refusal(content.replace(b"content", b"cOntent"), tmp_path)


def test_a_damaged_header_in_the_middle_is_no_end(tmp_path: Path) -> None:
    content = packed("tar", FILES)
    message = refusal(content.replace(b"set/deep", b"set/dEep"), tmp_path)
    assert "header is wrong" in message


def test_an_extended_header_as_large_as_an_image_is_refused(tmp_path: Path) -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 2 << 20
    content = name.tobuf(tarfile.GNU_FORMAT) + bytes(2 << 20) + tarred(member("a", b"x"))
    assert "claims 2097152 bytes" in refusal(content, tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damage_anywhere_gives_files_or_words_and_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(packed(data.draw(st.sampled_from(KINDS)), FILES))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    directory = tmp_path_factory.mktemp("damage")
    try:
        unpack(bytes(content), directory)
    except InputError:
        assert [path.name for path in directory.iterdir()] == ["download"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><html>Quota exceeded</html>", "HTML"),
        (b'{"error": "not found"}', "JSON"),
        (b"Rar!\x1a\x07\x00rest", "RAR"),
        (b"7z\xbc\xaf\x27\x1crest", "7-Zip"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"\x28\xb5\x2f\xfdrest", "Zstandard"),
        (b"\xff\xd8\xff\xe0 a photograph", "begins with b'\\xff\\xd8"),
        (gzip.compress(b"a single file" * 100, mtime=0), "no tar archive"),
    ],
)
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refusal(content, tmp_path)


def test_an_archive_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        list_files(tmp_path / "none.zip")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": b"x" * 100}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    assert "password" in refusal(bytes(content), tmp_path)


def test_a_compression_that_python_does_not_know_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": b"x" * 100}))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", content, content.index(signature) + offset, 9)  # Deflate64
    assert "pack it again" in refusal(bytes(content), tmp_path)


# Size


@pytest.mark.parametrize("kind", KINDS)
def test_a_decompression_bomb_is_stopped_at_the_limit(tmp_path: Path, kind: str) -> None:
    content = packed(kind, {"bomb.jpg": bytes(20_000_000)})
    assert kind == "tar" or len(content) < 100_000
    assert "unpacks to more than 0.005 GB" in refusal(content, tmp_path, limit_bytes=5_000_000)


def test_many_small_files_reach_the_limit_too(tmp_path: Path) -> None:
    files = {f"{number}.jpg": bytes(1000) for number in range(20)}
    assert "more than" in refusal(zipped(files), tmp_path, limit_bytes=19_999)
    unpack(zipped(files), tmp_path, limit_bytes=20_000)


def test_the_limit_does_not_trust_the_header(tmp_path: Path) -> None:
    content = bytearray(zipped({"bomb.jpg": bytes(20_000_000)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(signature) + offset, 10)
    refusal(bytes(content), tmp_path)  # by its checksum, after the ten bytes that it declares


@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed by Linux alone")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit_bytes", [5_000, 10**9])
def test_a_refused_archive_is_closed(tmp_path: Path, kind: str, limit_bytes: int) -> None:
    content = bytearray(packed(kind, {"a.jpg": os.urandom(20_000)}))
    if limit_bytes > len(content):
        content[len(content) // 2] ^= 255
        if kind == "tar":
            content[10] ^= 255  # the content of a plain tar file has no checksum
    gc.disable()  # only what is closed on purpose counts
    try:
        refusal(bytes(content), tmp_path, limit_bytes=limit_bytes)
        opened = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.exists()]
    finally:
        gc.enable()
    assert not [path for path in opened if path.startswith(str(tmp_path))]


def test_a_sparse_file_cannot_grow_from_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(50_000_000)
    command = ["tar", "-S", "-cf", tmp_path / "archive", "-C", tmp_path, "sparse"]
    subprocess.run(command, check=True)
    assert unpack((tmp_path / "archive").read_bytes(), tmp_path) == []


FULL_DISK = """
import sys
from pathlib import Path
from memorability.sources.archives import extract
from memorability.base.errors import InputError
try:
    extract(Path(sys.argv[1]), Path("/mnt/out"), select=lambda path: path, limit_bytes=10**9)
except InputError as error:
    print(error)
print([path.name for path in Path("/mnt").iterdir()])
"""


def test_a_full_disk_is_explained_and_leaves_nothing(tmp_path: Path) -> None:
    mount = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        'mount -t tmpfs -o size=1m tmpfs /mnt && exec "$@"',
        "sh",
    ]
    if not shutil.which("unshare") or subprocess.run([*mount, "true"], check=False).returncode:
        pytest.skip("this user may not mount, so no full disk can be made")
    for kind in KINDS:
        archive = tmp_path / kind
        archive.write_bytes(packed(kind, {f"{n}.jpg": os.urandom(300_000) for n in range(5)}))
        done = subprocess.run(
            [*mount, sys.executable, "-c", FULL_DISK, archive],
            capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        assert "/mnt/out could not be written: No space left on device" in done.stdout
        assert "Free space" in done.stdout
        assert done.stdout.endswith("[]\n")
        extract(archive, tmp_path / "out", select=lambda path: path, limit_bytes=10**9)
        assert len(contents(tmp_path / "out")) == 5
