"""What is installed is what was locked, to the byte."""

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
