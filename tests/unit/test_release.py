"""The notes of a release are what CHANGELOG.md says of its version."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from memorability import __version__

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
RELEASED = re.findall(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)$", CHANGELOG, re.MULTILINE)


def test_every_place_that_states_the_version_states_that_of_the_latest_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    latest, day = RELEASED[0]
    assert {project["version"], cited["version"], __version__} == {latest}
    assert str(cited["date-released"]) == day


@pytest.mark.parametrize("version", [version for version, _ in RELEASED])
def test_the_forge_takes_the_section_of_the_tag_as_notes(version: str, tmp_path: Path) -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["release"]["steps"]
    (command,) = [step["run"] for step in steps if "make" in step.get("run", "")]
    environment = {
        **os.environ, "GITHUB_REF_NAME": f"v{version}", "RUNNER_TEMP": str(tmp_path)
    }  # fmt: skip
    subprocess.run(["bash", "-ec", command], cwd=ROOT, env=environment, check=True)
    notes = (tmp_path / "notes.md").read_text(encoding="utf-8")
    after = CHANGELOG.split(f"\n## {version} ")[1].split("\n", 1)[1]
    assert notes == after.split("\n## ")[0]
    assert len(notes) > 100


@pytest.mark.parametrize("version", ["", "0.1", "9.9.9"])
def test_a_version_without_a_section_gets_no_release(version: str) -> None:
    done = subprocess.run(
        ["make", "--silent", "notes", f"VERSION={version}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stdout == ""
    assert f'no section of version "{version}"' in done.stderr
