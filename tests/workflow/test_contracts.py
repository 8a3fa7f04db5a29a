"""What every rule, adapter and environment promises, read from the rules."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from memorability.workflow.records import PACKAGES_RECORDED
from tests.requirements import LOCKED, versions
from tests.workflow.conftest import TINY

ROOT = Path(__file__).parents[2]
# What is promised, in words, and whether it is kept.
Promise = tuple[str, bool]
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
# Up to 25 MB, and made when it is asked for: a report that held it could not be passed on.
NOT_IN_THE_REPORT = "/explorer.html"
# What surrounds the work of a script; one that downloads has no tables, and their packages neither.
JOB = "RunningJob(snakemake) as job"
JOB_WITHOUT_TABLES = "job_log(snakemake.log[0])"
IMPORTS = (ast.Import, ast.ImportFrom)
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
    ("workflow.records", "torch"): "environment_record alone, on a GPU: finetune calls it",
    (
        "base.seeding",
        "torch",
    ): "torch_stream and make_deterministic: whoever calls them imports torch",
}

# A study of tables alone, whose rules are not all those of the sample.
TABLES = {
    "study": "alone",
    "runs": None,
    "dataset": {"kind": "table", "scores": "s.csv", "columns": {"file": "f", "score": "s"}},
}
# A study of single trials, whose scores a rule makes.
TRIALS = {
    **{key: value for key, value in TINY.items() if key != "dataset"},
    "study": "trials",
    "statistics": TINY.get("statistics", {}) | {"response_models": ["counts", "trials"]},
    "dataset": {
        "kind": "folder", "images": ".", "trials": "t.csv",
        "columns": {"observer": "o", "file": "f", "response": "r", "position": "p"},
    },
}  # fmt: skip
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
from memorability.workflow.fingerprint import KeptFingerprints
KeptFingerprints.of = lambda self, script, *_: ["fingerprint", script]

def describe(output):
    shown = get_flag_value(output, "report")
    return {
        "path": str(output),
        "pattern": output.regex().pattern,
        "non_empty": bool((get_flag_value(output, "ensure") or {}).get("non_empty")),
        "report": shown and {
            "caption": shown.caption.get_path_or_uri(secret_free=True) if shown.caption else None,
            "category": shown.category(SimpleNamespace(loss="mse", head="svr")),
            "labels": shown.labels(SimpleNamespace(loss="mse", head="svr")),
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
            "code": "code" in rule.params.keys() and rule.params["code"](
                SimpleNamespace(head="svr", view="")
            ),
            "by_content": "weights" not in rule.input.keys() or "content" in rule.params.keys(),
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
    """Every rule of the sample study, of one of tables alone, and of one of trials."""
    found: dict[str, Any] = {}
    for study in (None, TABLES, TRIALS):
        directory = tmp_path_factory.mktemp("rules")
        (directory / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
        for table in ("s.csv", "t.csv"):
            (directory / table).touch()
        config = directory / "study.yaml" if study else pristine / "studies" / "sample.yaml"
        done = subprocess.run(
            [sys.executable, "-c", READ_RULES, directory, directory / "rules.json", config],
            cwd=pristine, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads((directory / "rules.json").read_text()) | found
    return found


def broken_promises(promises: Iterable[tuple[str, Iterable[Promise]]]) -> str:
    """Return a line for each promise that is not kept: whose, and which."""
    return "\n".join(
        f"{name}: {promise}" for name, made in promises for promise, kept in made if not kept
    )


def module_name(path: Path) -> str:
    """Return the name within the package: "images", "models.autoencoder", "features"."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@cache
def module_path(name: str) -> Path | None:
    """Return the file of a name within the package, or None if it names no module."""
    base = ROOT.joinpath("memorability", *name.split("."))
    files = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in files if path.is_file()), None)


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Return the full names that a file imports, except for type checking."""
    found: list[str] = []
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found += (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)
    return tuple(found)


@cache
def own_modules(path: Path) -> tuple[tuple[str, str], ...]:
    """Return (module within the package, imported name within the package) for a file's imports."""
    inside = [
        name.removeprefix("memorability.")
        for name in imports(path)
        if name.startswith("memorability.")
    ]
    return tuple((one if module_path(one) else one.rpartition(".")[0], one) for one in inside)


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


def promises_of_a_rule(name: str, rule: dict[str, Any]) -> Iterator[Promise]:
    """Yield what every rule keeps."""
    docstring, conda = rule["docstring"] or "", rule["conda"]
    yield "a docstring, a sentence, says what the rule does", docstring.endswith(".")
    (log,) = rule["log"] or [""]
    yield f"its log {log} is named for it", log.endswith(".log") and f"/logs/{name}" in log
    if name not in PRINTERS:
        yield "a benchmark file", (rule["benchmark"] or "").endswith(".jsonl")
    yield f"its environment {conda} is there", bool(conda) and (ROOT / "rules" / conda).is_file()
    yield "mem_mb and runtime", {"mem_mb", "runtime"} <= set(rule["resources"])
    script = f"../scripts/{DERIVED.get(name, name)}.py"
    yield f"it runs {script}, not {rule['script']}", rule["script"] == script
    yield "param `content` of rules that read files of weights", rule["by_content"]
    if name not in WITHOUT_FINGERPRINT:
        code = ["fingerprint", DERIVED.get(name, name)]
        yield "param `code` is that of its script", rule["code"] == code


def promises_of_an_output(output: dict[str, Any], report: Path) -> Iterator[Promise]:
    """Yield what every output of a rule keeps; captions lie in the directory `report`."""
    path, shown = output["path"], output["report"]
    if path.endswith((".parquet", ".npy", ".safetensors", ".json", ".csv")):
        yield f"ensure {path}", output["non_empty"] or path.endswith("provenance.json")
    constrained = ">.+)" not in output["pattern"]
    yield f"every wildcard of {path} has a constraint, not {output['pattern']}", constrained
    if shown:
        caption = Path(shown["caption"] or "no caption").resolve()
        explained = caption.parent == report.resolve() and len(caption.read_text()) > 100
        yield f"{path}: {caption.name} in report/ says how to read it", explained
        yield f"{path} has a category and labels", bool(shown["category"] and shown["labels"])
        yield f"{path}: reports show figures and pages", path.endswith((".svg", ".html"))


def test_every_rule_keeps_the_contract(rules: dict[str, Any]) -> None:
    broken = broken_promises(
        (name, promises_of_a_rule(name, rules[name])) for name in [*RULES, *DERIVED]
    )
    assert not broken, broken


def test_outputs_are_checked_constrained_and_shown(rules: dict[str, Any], pristine: Path) -> None:
    broken = broken_promises(
        (name, promises_of_an_output(output, pristine / "report"))
        for name in [*RULES, *DERIVED]
        for output in rules[name]["outputs"]
    )
    assert not broken, broken


def test_every_figure_and_page_is_in_the_report(rules: dict[str, Any]) -> None:
    made = {o["path"]: o["report"] for rule in rules.values() for o in rule["outputs"]}
    missing = [
        path
        for path, shown in made.items()
        if path.endswith((".svg", ".html")) and not shown and not path.endswith(NOT_IN_THE_REPORT)
    ]
    assert not missing


def promises_of_an_adapter(source: str) -> Iterator[Promise]:
    """Yield what every script keeps, from its text."""
    tree = ast.parse(source)
    docstring = ast.get_docstring(tree) or ""
    yield "one line says which file comes out", bool(docstring) and docstring.count("\n") == 0
    last = tree.body[-1]
    inside = ast.unparse(last.items[0]) if isinstance(last, ast.With) else ""
    yield f"all work is inside {JOB}, not {inside}", inside in (JOB, JOB_WITHOUT_TABLES)
    work = [node for node in getattr(last, "body", []) if not isinstance(node, IMPORTS)]
    lines = 1 + work[-1].end_lineno - work[0].lineno if work else 0
    yield f"{lines} lines of work are none or more than 22", 0 < lines <= 22
    logic = (
        ast.For, ast.While, ast.If, ast.IfExp, ast.Lambda, ast.FunctionDef, ast.ClassDef, ast.Try,
    )  # fmt: skip
    found = [type(node).__name__ for node in ast.walk(tree) if isinstance(node, logic)]
    yield f"logic belongs into the library: {found}", not found


def test_adapters_have_no_logic() -> None:
    broken = broken_promises(
        (name, promises_of_an_adapter((ROOT / "scripts" / f"{name}.py").read_text()))
        for name in SCRIPTS
    )
    assert not broken, broken


def promises_of_an_environment(name: str, rules: dict[str, Any]) -> Iterator[Promise]:
    """Yield what every environment keeps: what its scripts import, as it is locked, and no more."""
    conda = f"../envs/{name}.yaml"
    users = [n for n, rule in rules.items() if rule["conda"] == conda and n not in DERIVED]
    yield "a rule uses it", bool(users)
    needed: dict[str, list[str]] = {}
    for user in users:
        for package in third_party(ROOT / "scripts" / f"{user}.py"):
            needed.setdefault(DISTRIBUTIONS.get(package, package), []).append(user)
    pins = packages(name)
    listed = set(pins) - {"python", "pip"}
    missing = {package: needed[package] for package in set(needed) - listed}
    yield f"add {missing}", not missing
    unused = listed - set(needed)
    yield f"remove {unused}: nothing in {users} imports them", not unused
    yield f"python {pins['python']} is not 3.11", pins["python"] == "3.11"
    locked = versions(*LOCKED)
    other = {package: pins[package] for package in listed if {pins[package]} != locked.get(package)}
    yield f"{other} are not the locked versions", not other


def test_environments_pin_what_their_scripts_import(rules: dict[str, Any]) -> None:
    broken = broken_promises(
        (name, promises_of_an_environment(name, rules)) for name in ENVIRONMENTS
    )
    assert not broken, broken


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
