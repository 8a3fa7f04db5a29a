"""The profile for a cluster: its names exist, and the published study makes tens of submissions."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "profiles" / "slurm" / "config.yaml"


def test_groups_are_of_rules_that_exist_and_have_a_size() -> None:
    profile = yaml.safe_load(PROFILE.read_text())
    rules = set(re.findall(r"\brule (?:\w+ as )?(\w+)", "".join(
        path.read_text() for path in ROOT.glob("rules/*.smk")
    )))  # fmt: skip
    groups = dict(entry.split("=") for entry in profile["groups"])
    assert set(groups) <= rules
    drawn = {rule for rule in rules if rule.startswith("plot_")}
    assert {rule for rule, group in groups.items() if group == "figures"} == drawn
    assert {entry.split("=")[0] for entry in profile["group-components"]} == set(groups.values())


@pytest.mark.long
def test_the_grid_of_the_published_study_is_tens_of_submissions(
    snakemake: Callable[..., Any], tmp_path: Path
) -> None:
    done = snakemake("--dry-run", "--workflow-profile", PROFILE.parent, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    groups = Counter(re.findall(r"Group job (\w+) ", done.stdout))
    assert groups["runs"] == 390 / 5
    assert groups["runs_matrix"] == 30 / 5
    alone = len(re.findall(r"^rule \w+:", done.stdout, re.MULTILINE))
    assert groups.total() + alone < 160
