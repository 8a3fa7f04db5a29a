"""What every rule, adapter and environment promises, read from the rules."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from memorability.provenance import PACKAGES_RECORDED

ROOT = Path(__file__).parents[2]
TARGETS = {"all", "analysis", "fetch"}  # rules that only gather
RULES = sorted(set(re.findall(r"^ *rule (\w+):", "\n".join(
    path.read_text() for path in sorted(ROOT.glob("rules/*.smk"))
), re.MULTILINE)) - TARGETS)  # fmt: skip
SCRIPTS = sorted(path.stem for path in ROOT.glob("scripts/*.py"))
ENVIRONMENTS = sorted(path.stem for path in ROOT.glob("envs/*.yaml"))

# Rules that print: a benchmark file would be an output, and they would not print twice.
PRINTERS = {"estimate"}
# Rules whose outputs do not follow from our code. A rerun would delete a download and fetch it anew.
WITHOUT_FINGERPRINT = {"fetch_file"}
# Distributions whose name is not that of the import.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "pytorch_msssim": "pytorch-msssim",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# Imports inside a function that the scripts of an environment never reach.
UNREACHED = {
    ("provenance", "torch"): "environment_record alone, on a GPU: finetune calls it",
    ("seeding", "torch"): "torch_stream and make_deterministic: whoever calls them imports torch",
}

# A study of tables alone, whose rules are not all those of the sample.
TABLES = {
    "study": "alone",
    "runs": None,
    "dataset": {"kind": "table", "scores": "s.csv", "columns": {"file": "f", "score": "s"}},
}
# Rules that take everything but their files from another one.
DERIVED = {
    "measure_external_distinctiveness": "measure_distinctiveness",
    "plot_external_distinctiveness": "plot_distinctiveness",
    "plot_external_errors": "plot_errors",
}

# Snakemake reads the rules, in a process of its own; a fingerprint becomes the name of its script.
READ_RULES = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from snakemake.api import SnakemakeApi
from snakemake.io import get_flag_value
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings
import memorability.fingerprint
memorability.fingerprint.fingerprint = lambda script: ["fingerprint", script.stem]

def describe(output):
    shown = get_flag_value(output, "report")
    return {
        "path": str(output),
        "pattern": output.regex().pattern,
        "non_empty": bool((get_flag_value(output, "ensure") or {}).get("non_empty")),
        "report": shown and {
            "caption": shown.caption.get_path_or_uri(secret_free=True) if shown.caption else None,
            "category": shown.category,
            "labels": shown.labels(SimpleNamespace(loss="mse"))
            if callable(shown.labels) else shown.labels,
        },
    }

with SnakemakeApi(OutputSettings()) as api:
    workflow = api.workflow(
        resource_settings=ResourceSettings(cores=2),
        config_settings=ConfigSettings(configfiles=[Path(sys.argv[3]).resolve()]),
        snakefile=Path("Snakefile").resolve(),
        workdir=Path(sys.argv[1]),
    )._workflow
    rules = {
        rule.name: {
            "docstring": rule.docstring,
            "log": [str(path) for path in rule.log],
            "benchmark": str(rule.benchmark) if rule.benchmark else None,
            "conda": str(rule.conda_env) if rule.conda_env else None,
            "resources": sorted(rule.resources),
            "script": str(rule.script) if rule.script else None,
            "code": rule.params["code"](None) if "code" in rule.params.keys() else None,
            "outputs": [describe(output) for output in rule.output],
        }
        for rule in workflow.rules
    }
Path(sys.argv[2]).write_text(json.dumps(rules))
"""


@pytest.fixture(scope="module")
def rules(
    pristine: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Every rule of the sample study, and of one of tables alone, as Snakemake sees it."""
    found: dict[str, Any] = {}
    for study in ("sample.yaml", "tables.yaml"):
        directory = tmp_path_factory.mktemp("rules")
        (directory / "tables.yaml").write_text(yaml.safe_dump(TABLES))
        (directory / "s.csv").touch()
        config = directory / study if study == "tables.yaml" else pristine / "studies" / study
        done = subprocess.run(
            [sys.executable, "-c", READ_RULES, directory, directory / "rules.json", config],
            cwd=pristine, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads((directory / "rules.json").read_text()) | found
    return found


def module_name(path: Path) -> str:
    """Return the name within the package: "images", "models.autoencoder", "features"."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def module_path(name: str) -> Path | None:
    """Return the file of a name within the package, or None if it names no module."""
    base = ROOT.joinpath("memorability", *name.split("."))
    files = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in files if path.is_file()), None)


def imports(path: Path) -> Iterator[str]:
    """Yield the full names that a file imports, except for type checking."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def own_modules(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module within the package, imported name within the package) for a file's imports."""
    for name in imports(path):
        if name.startswith("memorability."):
            inner = name.removeprefix("memorability.")
            yield (inner if module_path(inner) else inner.rpartition(".")[0]), inner


@cache
def third_party(path: Path) -> frozenset[str]:
    """Return the packages outside the standard library that a file needs, through our modules too."""
    found, seen, waiting = set(), {path}, [path]
    while waiting:
        current = waiting.pop()
        name = module_name(current.relative_to(ROOT / current.relative_to(ROOT).parts[0]))
        for imported in imports(current):
            top = imported.partition(".")[0]
            known = top in sys.stdlib_module_names or top == "memorability"
            if not known and (name, top) not in UNREACHED:
                found.add(top)
        ours = {module_path(module) for module, _ in own_modules(current)} - {None}
        waiting += ours - seen
        seen |= ours
    return frozenset(found)


@cache
def packages(environment: str) -> dict[str, str]:
    """Return distribution -> version of an environment, conda's and pip's."""
    entries = yaml.safe_load((ROOT / "envs" / f"{environment}.yaml").read_text())["dependencies"]
    flat = [entry for entry in entries if isinstance(entry, str)]
    flat += [pin for entry in entries if isinstance(entry, dict) for pin in entry["pip"]]
    pairs = [re.split("=+", entry, maxsplit=1) for entry in flat]
    return {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}


def test_every_rule_has_a_script_and_every_script_a_rule(rules: dict[str, Any]) -> None:
    assert sorted(set(rules) - TARGETS - set(DERIVED)) == RULES == SCRIPTS


@pytest.mark.parametrize("name", [*RULES, *DERIVED])
def test_rule_keeps_the_contract(rules: dict[str, Any], pristine: Path, name: str) -> None:
    rule = rules[name]
    assert rule["docstring"], "a docstring says what the rule does"
    assert rule["docstring"].endswith(".")
    assert len(rule["log"]) == 1
    assert rule["log"][0].endswith(".log")
    assert f"/logs/{name}" in rule["log"][0]
    if name not in PRINTERS:
        assert rule["benchmark"]
        assert rule["benchmark"].endswith(".jsonl")
    assert rule["conda"]
    assert (pristine / "rules" / rule["conda"]).is_file()
    assert {"mem_mb", "runtime"} <= set(rule["resources"])
    assert rule["script"] == f"../scripts/{DERIVED.get(name, name)}.py"
    if name not in WITHOUT_FINGERPRINT:
        script = DERIVED.get(name, name)
        assert rule["code"] == ["fingerprint", script], "param `code` is that of its script"


@pytest.mark.parametrize("name", [*RULES, *DERIVED])
def test_outputs_are_checked_constrained_and_shown(
    rules: dict[str, Any], pristine: Path, name: str
) -> None:
    for output in rules[name]["outputs"]:
        path = output["path"]
        if path.endswith((".parquet", ".npy", ".safetensors", ".json", ".csv")):
            assert output["non_empty"] or path.endswith("provenance.json"), f"ensure {path}"
        assert ">.+)" not in output["pattern"], (
            f"every wildcard of {path} has a constraint, not {output['pattern']}"
        )
        shown = output["report"]
        if shown:
            caption = Path(shown["caption"]).resolve()
            assert caption.parent == (pristine / "report").resolve()
            assert len(caption.read_text()) > 100, f"{caption.name} says how to read it"
            assert shown["category"]
            assert shown["labels"]
        assert not shown or path.endswith((".svg", ".html")), "reports show figures and pages"


def test_every_figure_and_page_is_in_the_report(rules: dict[str, Any]) -> None:
    made = {o["path"]: o["report"] for rule in rules.values() for o in rule["outputs"]}
    missing = [
        path for path, shown in made.items() if path.endswith((".svg", ".html")) and not shown
    ]
    assert not missing


@pytest.mark.parametrize("name", SCRIPTS)
def test_adapter_has_no_logic(name: str) -> None:
    source = (ROOT / "scripts" / f"{name}.py").read_text()
    tree = ast.parse(source)
    docstring = ast.get_docstring(tree)
    assert docstring
    assert docstring.count("\n") == 0, "one line says which file comes out"
    body = source[source.index("with job_log") :].strip().splitlines()
    assert len(body) <= 36, f"{len(body)} lines of work"
    logic = (ast.For, ast.While, ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.Try, ast.IfExp)
    found = [type(node).__name__ for node in ast.walk(tree) if isinstance(node, logic)]
    found += [ast.unparse(node.test) for node in ast.walk(tree) if isinstance(node, ast.If)]
    assert found == ["TYPE_CHECKING"], "logic belongs into the library"
    assert isinstance(tree.body[-1], ast.With), "all work is inside job_log"
    assert ast.unparse(tree.body[-1].items[0]) == "job_log(snakemake.log[0])"


@pytest.mark.parametrize("environment_name", ENVIRONMENTS)
def test_environment_lists_what_its_scripts_import(
    rules: dict[str, Any], environment_name: str
) -> None:
    conda = f"../envs/{environment_name}.yaml"
    users = [n for n, rule in rules.items() if rule["conda"] == conda and n not in DERIVED]
    assert users, "an environment that no rule uses"
    needed: dict[str, list[str]] = {}
    for user in users:
        for package in third_party(ROOT / "scripts" / f"{user}.py"):
            needed.setdefault(DISTRIBUTIONS.get(package, package), []).append(user)
    listed = set(packages(environment_name)) - {"python", "pip"}
    assert not {name: needed[name] for name in set(needed) - listed}, "add them"
    assert not listed - set(needed), f"nothing in {users} imports these: remove them"


@pytest.mark.parametrize("environment_name", ENVIRONMENTS)
def test_environment_pins_the_locked_versions(environment_name: str) -> None:
    lines = (ROOT / "envs" / "requirements.txt").read_text().splitlines()
    locked = dict(line.split(" ;")[0].strip().split("==") for line in lines if "==" in line)
    pins = packages(environment_name)
    assert pins.pop("python") == "3.11"
    pins.pop("pip", None)
    assert pins == {name: locked.get(name) for name in pins}


def test_no_change_of_a_plotting_library_touches_training(rules: dict[str, Any]) -> None:
    # With conda a job is stale when the file of its environment has changed.
    trains = {Path(rules[name]["conda"]).name for name in ("finetune", "pretrain", "encode")}
    draws = {Path(rule["conda"]).name for name, rule in rules.items() if name.startswith("plot_")}
    assert trains.isdisjoint(draws)
    for name in trains:
        assert "matplotlib" not in (ROOT / "envs" / name).read_text()


def test_run_record_names_only_packages_of_its_environment() -> None:
    # A version that the environment lacks is read from the controller's site-packages, or fails.
    # Snakemake itself is the controller's.
    assert set(PACKAGES_RECORDED) - {"snakemake"} <= set(packages("training"))


def test_snakemake_lint_is_clean(
    snakemake: Callable[..., Any], pristine: Path, tmp_path: Path
) -> None:
    done = snakemake("--lint", cwd=tmp_path, configfile=pristine / "studies" / "sample.yaml")
    assert done.returncode == 0, done.stdout
    assert "Congratulations, your workflow is in a good condition!" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("snakefmt", "--check", "Snakefile", "rules"), id="snakefmt"),
        pytest.param(("ruff", "check", "--no-cache"), id="ruff check"),
        pytest.param(("ruff", "format", "--check", "--no-cache"), id="ruff format"),
    ],
)
def test_formatting_and_style_are_clean(
    command: tuple[str, ...], pristine: Path, environment: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=pristine, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
