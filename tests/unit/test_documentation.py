"""Documents and code say the same."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from memorability.sources.downloads import registry
from memorability.tables.store import SCHEMAS
from memorability.workflow.fingerprint import PACKAGE
from tests import parameters

ROOT = PACKAGE.parent
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("results/*.md"),
        *ROOT.glob("config/*.md"),
    ]
)


def rule_names() -> set[str]:
    text = "\n".join(path.read_text() for path in ROOT.glob("rules/*.smk"))
    return set(re.findall(r"^ *rule (\w+):", text, flags=re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_and_pictures_exist(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    missing = [
        target
        for target in targets
        if not target.startswith("https://") and not (document.parent / target).exists()
    ]
    assert missing == []


def test_diagram_of_the_readme_names_rules() -> None:
    diagram = re.search(r"```mermaid\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert diagram is not None
    nodes = set(re.findall(r"\b[a-z]+_[a-z_1]+\b", diagram[1])) - {"plot_"}
    assert nodes
    assert nodes <= rule_names()


@pytest.mark.parametrize("name", sorted(registry()))
def test_every_download_is_explained(name: str) -> None:
    download = registry()[name]
    lines = (ROOT / "docs" / "data.md").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith(f"| `{download.path}`")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2] == download.size_in_words
    assert cells[4] == download.licence


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_column_is_explained_in_the_map_of_results(name: str) -> None:
    text = (ROOT / "results" / "README.md").read_text()
    if name in ("errors", "history", "outcomes"):
        text = next(line for line in text.splitlines() if line.startswith(f"| `{name}/"))
    run_keys = {"protocol", "loss", "lr", "seed"}
    unexplained = [
        column
        for column in set(SCHEMAS[name][1].columns) - run_keys
        if not re.search(rf"\b{column}\b", text)
    ]
    # Ends of an interval of the ledger are explained once, as "intervals".
    assert [column for column in unexplained if "_ci_" not in column] == []


def _keys(properties: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, schema in properties.items():
        yield f"{prefix}{key}"
        if key != "dataset":
            yield from _keys(schema.get("properties", {}), f"{prefix}{key}.")


def test_config_yaml_has_exactly_the_keys_of_the_schema() -> None:
    schema = yaml.safe_load((ROOT / "schemas" / "config.schema.yaml").read_text())
    config = yaml.safe_load((ROOT / "config.yaml").read_text())

    def flat(mapping: dict[str, Any], prefix: str = "") -> Iterator[str]:
        for key, value in mapping.items():
            yield f"{prefix}{key}"
            if isinstance(value, dict) and key != "dataset":
                yield from flat(value, f"{prefix}{key}.")

    assert set(flat(config)) == set(_keys(schema["properties"]))


def test_the_table_of_settings_is_that_of_the_schema() -> None:
    written = parameters.README.read_text(encoding="utf-8")
    assert parameters.with_table(written, parameters.table(ROOT)) == written, (
        "python -m tests.parameters writes it anew"
    )


def test_packages_import_only_from_floors_below() -> None:
    # In a process of its own: import-linter turns off all loggers that are there.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_packages_and_modules_stay_small_enough_to_find_a_line_in() -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if path.stem != "__init__"]
    counts = Counter(path.parent.relative_to(ROOT) for path in modules)
    assert {package: n for package, n in counts.items() if n > 10} == {}
    lines = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in modules}
    assert {module: n for module, n in lines.items() if n > 450} == {}
    faces = [ast.parse(path.read_text()).body for path in PACKAGE.glob("*/**/__init__.py")]
    assert all(len(face) == 1 for face in faces), "an __init__.py says what its package owns"


def test_what_rules_import_loads_no_library_of_the_science() -> None:
    # Every job of a study reads the rules: a second of imports would be paid thousands of times.
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")])
    lines = sorted(set(re.findall(r"^ *(from memorability\S* import .*)$", text, re.MULTILINE)))
    assert len(lines) > 8
    program = "\n".join(["import sys", *lines, "print(*sys.modules)"])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"torch", "optuna", "sklearn", "matplotlib"} & set(done.stdout.split())


def test_the_architecture_has_the_floors_that_are_held() -> None:
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = layers["contracts"]
    held = {
        package: floor
        for floor, row in enumerate(reversed(contract["layers"]), 1)
        for package in row.split(" | ")
    }
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert {name: int(floor) for floor, name in re.findall(r"\| (\d+) \| `(\w+)` \|", text)} == held
