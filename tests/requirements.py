"""Reads the pinned requirements of envs/."""

import re
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ENVIRONMENTS = Path(__file__).parents[1] / "envs"
LOCKED = ("requirements.txt", "requirements-models.txt")


def locked(name: str) -> list[tuple[Requirement, list[str]]]:
    """Return each requirement of a file that `make lock` wrote, and the hashes of its files."""
    text = (ENVIRONMENTS / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [
        (Requirement(line.split(" --hash=")[0]), re.findall(r"--hash=(\S+)", line))
        for line in text.splitlines()
    ]


def asked(name: str) -> list[Requirement]:
    """Return what a file asks for that is written by hand."""
    lines = (ENVIRONMENTS / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def versions(*names: str) -> dict[str, set[str]]:
    """Return distribution -> pinned versions, one for each range of Python versions."""
    found: dict[str, set[str]] = {}
    for requirement, _ in (row for name in names for row in locked(name)):
        (pin,) = requirement.specifier
        found.setdefault(requirement.name, set()).add(pin.version)
    return found


def known_weaknesses(report: dict[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """Return package -> advisories of a report of pip-audit, and the packages it could not judge.

    pip-audit says of a package that its source does not know: no known weakness.
    """
    packages = report["dependencies"]
    found = {
        f"{package['name']} {package['version']}": [weakness["id"] for weakness in package["vulns"]]
        for package in packages
        if package.get("vulns")
    }
    return found, [package["name"] for package in packages if "skip_reason" in package]
