"""Environments as other tools see them: conda solves them, wheels exist, no weakness is known."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.requirements import ENVIRONMENTS, LOCKED, known_weaknesses

pytestmark = pytest.mark.long

SOLVERS = {
    "micromamba": ["create", "--dry-run", "--yes", "--name", "solved", "--file"],
    "conda": ["env", "create", "--dry-run", "--name", "solved", "--file"],
}
UNREACHABLE = re.compile(
    r"resolve host|NameResolutionError|CondaHTTPError|Download error|dns error"
    r"|[Cc]onnection(Error| refused| reset| timed out)"
)


def asked_of(command: list[str | Path]) -> "subprocess.CompletedProcess[str]":
    """Return how a command ended; skip where it found no network."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode and UNREACHABLE.search(done.stdout + done.stderr):
        pytest.skip(f"{Path(command[0]).name} found no connection to what it asks")
    return done


def installed(*programs: str) -> tuple[str, str]:
    """Return the first program that is there, and its path; skip where none is."""
    for program in programs:
        path = shutil.which(program)
        if path:
            return program, path
    pytest.skip(f"not installed here: {', '.join(programs)}")


@pytest.mark.parametrize("file", sorted(ENVIRONMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_conda_solves_the_environment(file: Path) -> None:
    program, path = installed(*SOLVERS)
    done = asked_of([path, *SOLVERS[program], file])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_pinned_package_has_a_wheel(python: str) -> None:
    _, uv = installed("uv")
    done = asked_of([
        uv, "pip", "compile", "--quiet", "--python-version", python, "--only-binary", ":all:",
        "--no-binary", "connection-pool", *(ENVIRONMENTS / name for name in LOCKED),
    ])  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_no_pinned_package_has_a_known_weakness() -> None:
    _, audit = installed("pip-audit")
    files = [word for name in LOCKED for word in ("--requirement", ENVIRONMENTS / name)]
    done = asked_of([audit, "--require-hashes", "--disable-pip", "--format", "json", *files])
    report = json.loads(done.stdout)
    found, unknown = known_weaknesses(report)
    if len(unknown) == len(report["dependencies"]):
        pytest.skip("the index that is used here has no advisories")
    assert not unknown, f"not judged: {unknown}"
    assert not found, found
