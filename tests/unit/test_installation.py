"""What is installed is what was locked, to the byte."""

import json
import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.requirements import LOCKED, asked, known_weaknesses, locked, versions

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", LOCKED)
def test_every_locked_package_has_one_version_and_the_hashes_of_its_files(name: str) -> None:
    rows = locked(name)
    assert len(rows) > 20
    for requirement, hashes in rows:
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), requirement
    digests = [digest for _, hashes in rows for digest in hashes]
    assert len(digests) == len(set(digests))


@pytest.mark.parametrize(
    ("by_hand", "compiled"),
    [
        ("requirements.in", "requirements.txt"),
        ("development.in", "requirements.txt"),
        ("requirements-models.in", "requirements-models.txt"),
    ],
)
def test_what_is_asked_for_is_locked_at_the_version_that_is_asked_for(
    by_hand: str, compiled: str
) -> None:
    pinned = versions(compiled)
    for requirement in asked(by_hand):
        found = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in found), requirement


def test_what_models_of_responses_need_changes_no_version() -> None:
    everything = versions("requirements.txt")
    for name, found in versions("requirements-models.txt").items():
        assert found <= everything.get(name, found), name


def test_make_installs_nothing_without_its_hash() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"pip install .*", makefile) == [
        "pip install --quiet --disable-pip-version-check --require-hashes -r envs/requirements.txt"
    ]


def test_a_report_of_advisories_tells_the_weak_from_those_that_nobody_judged() -> None:
    report = {
        "dependencies": [
            {"name": "sound", "version": "1.0", "vulns": []},
            {"name": "weak", "version": "2.0", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]},
            {"name": "absent", "skip_reason": "Dependency not found on PyPI"},
        ]
    }
    assert known_weaknesses(report) == ({"weak 2.0": ["PYSEC-1", "PYSEC-2"]}, ["absent"])


CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")


def instructions(word: str) -> list[str]:
    """Return what follows a word of the Containerfile, with lines that go on joined."""
    return re.findall(rf"^{word} (.*)$", CONTAINERFILE.replace("\\\n", " "), re.MULTILINE)


def test_the_image_has_the_python_that_environments_have_and_requirements_are_compiled_for() -> (
    None
):
    (base,) = instructions("FROM")
    version = base.removeprefix("docker.io/library/python:").removesuffix("-slim")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"--universal --python-version (\S+)", makefile) == [version]
    for path in (ROOT / "envs").glob("*.yaml"):
        assert f"- python={version}\n" in path.read_text(encoding="utf-8")


def test_the_image_installs_the_pinned_files_and_nothing_else_by_pip() -> None:
    (installed,) = [line for line in instructions("RUN") if "pip" in line]
    assert installed.endswith(" --require-hashes -r envs/requirements.txt")
    assert "envs/requirements.txt envs/requirements.txt" in instructions("COPY")
    assert (ROOT / "envs/requirements.txt").is_file()


def test_the_image_starts_this_workflow_and_not_as_root() -> None:
    assert instructions("USER") == ["study"]
    home, study = instructions("WORKDIR")
    (entry,) = instructions("ENTRYPOINT")
    assert json.loads(entry) == ["snakemake", "--snakefile", f"{home}/Snakefile"]
    (environment,) = instructions("ENV")
    assert f"PYTHONPATH={home}" in environment.split()
    made = [line for line in instructions("RUN") if "useradd" in line]
    assert made[0].endswith(f"--owner study {study}")
    documented = (ROOT / "docs/installation.md").read_text(encoding="utf-8")
    assert f'--volume "$PWD:{study}"' in documented
    for study_file in re.findall(rf"--configfile {home}/(\S+)", documented):
        assert (ROOT / study_file).is_file()


def test_the_image_leaves_out_what_git_ignores() -> None:
    # A file that git tracks and the image lacks would mark the commit of all its results as dirty.
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert [line.removeprefix("**/") for line in left_out] == [line.rstrip("/") for line in ignored]
