"""Hashes of settings and records of what made a result."""

import importlib.metadata
import json
import platform
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability import __version__
from memorability.base.hashes import file_hashes, settings_hash
from memorability.workflow import records
from memorability.workflow.records import (
    environment_record,
    study_record,
    table_record,
    workflow_record,
)

ROOT = Path(__file__).parents[3]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
SETTINGS = st.dictionaries(
    st.text(), SCALARS | st.dictionaries(st.text(), SCALARS, max_size=4), max_size=6
)


# Settings


@given(SETTINGS, st.randoms())
def test_the_hash_of_settings_does_not_depend_on_the_order_of_keys(
    settings: dict[str, object], random: object
) -> None:
    keys = list(settings)
    random.shuffle(keys)  # type: ignore[attr-defined]
    assert settings_hash({key: settings[key] for key in keys}) == settings_hash(settings)


@given(SETTINGS, SETTINGS)
def test_settings_share_a_hash_only_if_they_are_written_the_same(
    first: dict[str, object], second: dict[str, object]
) -> None:
    written = [json.dumps(settings, sort_keys=True) for settings in (first, second)]
    assert (settings_hash(first) == settings_hash(second)) == (written[0] == written[1])


def test_the_hash_is_that_of_the_settings_as_sorted_json() -> None:
    # printf '{"a": [1, 2.5], "b": "x"}' | sha256sum
    assert settings_hash({"b": "x", "a": [1, 2.5]}) == "626b0e1e6c63d6ff"


def test_settings_may_hold_paths() -> None:
    assert settings_hash({"where": Path("a/b")}) == settings_hash({"where": "a/b"})


# Files


def test_a_file_is_known_by_the_hash_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # FIPS 180-2, example B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_hashes([path]) == {str(path): expected}


# Records


def test_a_table_keeps_study_settings_code_and_version() -> None:
    record = table_record("sample", {"a": 1}, "c0de")
    assert record == {
        "study": "sample",
        "configuration": settings_hash({"a": 1}),
        "code": "c0de",
        "memorability": __version__,
    }


def test_the_environment_names_versions_and_hardware_in_plain_words() -> None:
    record = environment_record()
    assert json.loads(json.dumps(record)) == record
    assert record["python"] == platform.python_version()
    assert record["device"] == "cpu"
    assert "gpu" not in record
    for name in ("torch", "numpy", "snakemake"):
        assert record["packages"][name] == importlib.metadata.version(name)


def test_a_study_keeps_its_configuration_tables_environment_and_runs(tmp_path: Path) -> None:
    for seed in (0, 1):
        (tmp_path / f"{seed}.json").write_text(json.dumps({"seed": seed}), encoding="utf-8")
    files = [tmp_path / "1.json", tmp_path / "0.json"]
    record = study_record({"a": 1}, files, files[:1])
    assert list(record) == ["workflow", "configuration", "tables", "environment", "runs"]
    assert record["configuration"] == {"a": 1}
    assert record["tables"] == file_hashes(files[:1])
    assert record["environment"] == environment_record()
    assert record["runs"] == [{"seed": 1}, {"seed": 0}]


def test_a_package_that_the_environment_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PACKAGES_RECORDED", ("numpy", "no-such-package"))
    assert list(environment_record()["packages"]) == ["numpy"]


def test_every_package_that_is_recorded_is_one_that_the_project_requires() -> None:
    required = (ROOT / "envs" / "requirements.in").read_text().lower().replace("_", "-")
    for name in records.PACKAGES_RECORDED:
        assert re.search(rf"^{re.escape(name)}\b", required, re.MULTILINE), name


# The workflow itself


def git(directory: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=directory, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_workflow_is_known_by_its_commit_and_by_whether_it_was_changed(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text("rule all:\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "Snakefile")
    git(tmp_path, "commit", "--quiet", "-m", "Begin")
    git(tmp_path, "tag", "v1")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert workflow_record(tmp_path) == {"version": __version__, "commit": commit}
    (tmp_path / "Snakefile").write_text("rule other:\n")
    assert workflow_record(tmp_path)["commit"] == f"{commit}-dirty"
    # A copy within somebody else's repository is not of their commit.
    (tmp_path / "copy").mkdir()
    assert workflow_record(tmp_path / "copy")["commit"] == "unknown"


def test_a_broken_repository_has_an_unknown_commit(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert workflow_record(tmp_path)["commit"] == "unknown"
