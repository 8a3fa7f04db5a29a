"""The package as pip installs it, away from its checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

INSTALLED = """
import memorability
from memorability.sources.fetching import resources_directory
from memorability.claims.published import load_published
from memorability.sources.downloads import registry
print(memorability.__file__, memorability.correlate([1, 2, 3], [1, 2, 3], draws=10)["r"].iloc[0])
print(len(registry()) > 10 < len(load_published()), resources_directory())
"""


@pytest.mark.long
def test_a_wheel_holds_what_it_needs_and_no_more(pristine: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(pristine, checkout)
    # What lies in a checkout that is worked in; a search for packages must not walk through it.
    for inside in ("results/mine/pkg", "resources/pkg", ".venv/lib/pkg"):
        (checkout / inside).mkdir(parents=True)
        (checkout / inside / "__init__.py").touch()
    (checkout / "linked").symlink_to("/")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*command, "-w", tmp_path / "wheel", checkout], check=True, timeout=120, cwd=tmp_path
    )
    (wheel,) = (tmp_path / "wheel").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert {name.split("/")[0].split("-")[0] for name in names} == {"memorability"}
    packed = {name for name in names if "dist-info" not in name}
    kept = {
        path.relative_to(pristine).as_posix()
        for path in (pristine / "memorability").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == kept
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    points = (tmp_path / "site" / entry).read_text(encoding="utf-8")
    assert "memorability = memorability.__main__:main" in points

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {
        **os.environ, "PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "cache")
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED], cwd=elsewhere, env=environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    first, second = done.stdout.splitlines()
    assert first == f"{tmp_path}/site/memorability/__init__.py 1.0"
    assert second == f"True {tmp_path}/cache/memorability"
    asked = subprocess.run(
        [sys.executable, "-m", "memorability", "estimate", "mine.yaml"], cwd=elsewhere,
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.returncode == 1
    assert "clone it" in asked.stderr
