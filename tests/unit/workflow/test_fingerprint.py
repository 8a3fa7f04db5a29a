"""Fingerprints of code: what changes them, and what does not."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from memorability.prediction.names import PREDICTORS
from memorability.workflow import fingerprint as module
from memorability.workflow.fingerprint import (
    LOOKUPS,
    PLUMBING,
    KeptFingerprints,
    fingerprint,
    reached,
)

ROOT = Path(__file__).parents[3]
SCRIPT = """
with job_log(snakemake.log[0]):
    from memorability.measures import error
    from memorability.tables import store

    store.write(error(snakemake.input))
"""
FILES = {
    "__init__.py": '__version__ = "1"\n',
    "tables/store.py": "from memorability.base.files import atomic\n\n\n"
    "def write(table):\n    atomic(table)\n",
    "base/files.py": "def atomic(path):\n    return path\n",
    "constants.py": "SIDE = 224\nUNUSED = 1\n",
    "measures.py": '''"""Errors."""

import math
from pathlib import Path

from memorability import constants
from memorability.inner.squares import square as squared

FACTORS = Path(__file__).with_name("factors.yaml")


def error(x, bias=0):
    """Say what it is."""
    # Why it is so.
    return math.sqrt(squared(x - bias)) / constants.SIDE * _factor()


def _factor():
    return FACTORS.read_text()


def elsewhere(x):
    return x
''',
    "factors.yaml": "loss: 1  # of one image\n",
    "inner/__init__.py": "",
    "inner/squares.py": "def square(x):\n    return x * x\n",
}
Edit = Callable[[str, str, str], None]  # file, old text, new text


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a script that calls a small package, which stands in the place of the real one."""
    package = tmp_path / "memorability"
    for name, text in FILES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    monkeypatch.setattr(module, "PACKAGE", package)
    forget()
    yield path
    forget()


def forget() -> None:
    """Forget what was read: fingerprints of one process are of files that do not change."""
    module._module.cache_clear()
    module._meaning.cache_clear()


@pytest.fixture
def edit(script: Path) -> Edit:
    """Return a function that replaces text in a file of the package, or in the script."""

    def replace(name: str, old: str, new: str) -> None:
        path = script if name == "script.py" else script.parent / "memorability" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        forget()

    return replace


def test_a_script_reaches_what_it_calls_and_what_that_calls_but_not_its_neighbours(
    script: Path,
) -> None:
    assert reached(script) == {
        "constants:SIDE",
        "inner.squares:square",
        "measures:FACTORS",
        "measures:_factor",
        "measures:error",
    }


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("constants.py", "224", "225", id="a constant"),
        pytest.param("measures.py", "bias=0", "bias=1", id="a default"),
        pytest.param("measures.py", "x - bias", "x + bias", id="an operator"),
        pytest.param("inner/squares.py", "x * x", "x ** 2", id="a function that it calls"),
        pytest.param("measures.py", "import math", "import cmath as math", id="an outer library"),
        pytest.param("factors.yaml", "1", "2", id="a data file beside the module"),
        pytest.param("script.py", "snakemake.input", "snakemake.output", id="the script itself"),
    ],
)
def test_it_changes_with(script: Path, edit: Edit, name: str, old: str, new: str) -> None:
    before = fingerprint(script)
    edit(name, old, new)
    assert fingerprint(script) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("measures.py", "# Why it is so.", "# Why, better said.", id="a comment"),
        pytest.param("measures.py", "Say what it is.", "Say it better.", id="a docstring"),
        pytest.param("measures.py", '    """Say what it is."""\n', "", id="no docstring any more"),
        pytest.param("measures.py", "(x, bias=0)", "(\n    x,\n    bias=0,\n)", id="a line break"),
        pytest.param("measures.py", "return x\n", "return -x\n", id="a function out of reach"),
        pytest.param("constants.py", "UNUSED = 1", "UNUSED = 2", id="a constant out of reach"),
        pytest.param("factors.yaml", "of one image", "of an image", id="a comment in a data file"),
        pytest.param(
            "tables/store.py", "atomic(table)", "print(table)", id="how a table is written"
        ),
        pytest.param("base/files.py", "return path", "return str(path)", id="how a file appears"),
        pytest.param("__init__.py", "1", "2", id="the version"),
        pytest.param("script.py", "\nwith", '"""Errors."""\n\nwith', id="the script's docstring"),
    ],
)
def test_it_does_not_change_with(script: Path, edit: Edit, name: str, old: str, new: str) -> None:
    before = fingerprint(script)
    edit(name, old, new)
    assert fingerprint(script) == before


@pytest.mark.parametrize("kind", ["html", "css", "js"])
def test_it_changes_with_the_text_of_a_part_of_a_page(script: Path, edit: Edit, kind: str) -> None:
    name = f"inner/page.{kind}"
    (script.parent / "memorability" / name).write_text("old")
    edit("measures.py", "factors.yaml", name)
    before = fingerprint(script)
    edit(name, "old", "new")
    assert fingerprint(script) != before


def test_a_definition_that_moves_to_another_module_changes_nothing(
    script: Path, edit: Edit
) -> None:
    before = fingerprint(script)
    package = script.parent / "memorability"
    moved = "\n\ndef _factor():\n    return FACTORS.read_text()\n"
    (package / "factors.py").write_text(
        'from pathlib import Path\n\nFACTORS = Path(__file__).with_name("factors.yaml")\n' + moved
    )
    edit("measures.py", 'FACTORS = Path(__file__).with_name("factors.yaml")\n', "")
    edit("measures.py", moved, "")
    edit(
        "measures.py",
        "from memorability import constants\n",
        "from memorability import constants\nfrom memorability.factors import _factor\n",
    )
    assert "factors:_factor" in reached(script)
    assert fingerprint(script) == before


def test_a_renamed_file_changes_nothing(script: Path, edit: Edit) -> None:
    before = fingerprint(script)
    package = script.parent / "memorability"
    (package / "constants.py").rename(package / "sizes.py")
    (package / "factors.yaml").rename(package / "weights.yaml")
    (package / "measures.py").rename(package / "inner" / "errors.py")
    (package / "weights.yaml").rename(package / "inner" / "weights.yaml")
    edit("script.py", "memorability.measures", "memorability.inner.errors")
    edit("inner/errors.py", "factors.yaml", "weights.yaml")
    edit("inner/errors.py", "import constants", "import sizes")
    edit("inner/errors.py", "constants.SIDE", "sizes.SIDE")
    assert "sizes:SIDE" in reached(script)
    assert fingerprint(script) == before


def test_a_local_variable_is_not_the_definition_that_has_its_name(script: Path) -> None:
    package = script.parent / "memorability"
    (package / "measures.py").write_text(
        "from memorability import constants\n\n\ndef error(x):\n"
        "    constants = x\n    square = constants.y\n    return square\n\n\n"
        "def square(x):\n    return x * x\n"
    )
    forget()
    assert reached(script) == {"measures:error"}


def test_an_import_within_a_function_counts(script: Path) -> None:
    package = script.parent / "memorability"
    (package / "measures.py").write_text(
        "def error(x):\n    from memorability.inner.squares import square\n    return square(x)\n"
    )
    forget()
    assert reached(script) == {"measures:error", "inner.squares:square"}


def test_what_only_the_job_names_is_named_to_it(script: Path) -> None:
    named = fingerprint(script, "measures:elsewhere")
    assert named != fingerprint(script)


def test_an_import_of_nothing_is_named(script: Path, edit: Edit) -> None:
    edit("script.py", "import error", "import errors")
    with pytest.raises(ValueError, match=r"memorability\.measures defines no 'errors'"):
        fingerprint(script)
    edit("script.py", "memorability.measures", "memorability.mesures")
    with pytest.raises(ValueError, match="memorability has no module 'mesures'"):
        fingerprint(script)


# The package itself


def test_every_plumbing_module_is_there() -> None:
    assert [name for name in PLUMBING if module._file(name) is None] == []


def test_a_fingerprint_does_not_depend_on_where_the_package_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = fingerprint(ROOT / "scripts" / "correlate.py")
    assert re.fullmatch("[0-9a-f]{16}", here)
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("memorability", "scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "memorability")
    assert fingerprint(tmp_path / "scripts" / "correlate.py") == here


def test_training_reaches_losses_and_networks_but_neither_figures_nor_statistics() -> None:
    names = {name.partition(":")[2] for name in reached(ROOT / "scripts" / "finetune.py")}
    assert names >= {"finetune", "make_loss", "MultiScaleSSIM", "Autoencoder", "with_split"}
    assert names.isdisjoint({"correlations", "progress", "write_tsv", "SCHEMAS", "wald_interval"})


@pytest.mark.parametrize("script", ["correlate", "judge_claims", "plot_errors", "finetune"])
def test_a_wider_progress_bar_reruns_nothing(script: str) -> None:
    assert "progress" not in {
        name.partition(":")[2] for name in reached(ROOT / "scripts" / f"{script}.py")
    }


def test_training_reaches_neither_addresses_of_downloads_nor_labels_of_losses() -> None:
    for script in ("finetune", "finetune_decay", "prepare_images", "measure_matrix", "encode"):
        reached_names = reached(ROOT / "scripts" / f"{script}.py")
        assert not [name for name in reached_names if name.startswith("sources.")], script
        assert "networks.catalogue:LOSSES" not in reached_names, script


def test_a_head_is_made_anew_by_its_own_code_alone() -> None:
    script = ROOT / "scripts" / "predict_by_head.py"
    assert not [name for name in reached(script) if "PREDICTORS" in name or "kernels" in name]
    ridge = reached(script, PREDICTORS["ridge"].fit)
    assert "prediction.predictors.kernels:predict_by_ridge" in ridge
    assert "prediction.predictors.kernels:predict_by_svr" not in ridge
    assert not [name for name in ridge if "gru_pair" in name or "training:" in name]
    every = {fingerprint(script, spec.fit) for spec in PREDICTORS.values()}
    assert len(every) == len(PREDICTORS)


def test_every_lookup_is_there() -> None:
    for place, name in LOOKUPS:
        assert name in module._module(module.PACKAGE, place).definitions


def test_verdicts_are_made_anew_when_the_published_figures_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "memorability", tmp_path / "memorability", ignore=ignored)
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "memorability")
    script = ROOT / "scripts" / "judge_claims.py"
    before = fingerprint(script)
    figures = next((tmp_path / "memorability").rglob("published.yaml"))
    text = figures.read_text(encoding="utf-8")
    figures.write_text(text + "# a remark\n", encoding="utf-8")
    forget()
    assert fingerprint(script) == before
    figures.write_text(text.replace("0.452", "0.453"), encoding="utf-8")
    forget()
    assert fingerprint(script) != before
    forget()


def test_kept_fingerprints_are_made_once_and_again_when_code_changes(
    script: Path, edit: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kept" / "fingerprints.json"
    made = []

    def counted(path: Path, *definitions: str) -> str:
        made.append(path.stem)
        return fingerprint(path, *definitions)

    monkeypatch.setattr(module, "fingerprint", counted)

    def kept() -> str:
        return KeptFingerprints(script.parent, file).of(script.stem)

    first = kept()
    assert kept() == first == fingerprint(script)
    assert made == [script.stem]
    edit("measures.py", "bias=0", "bias=1")
    assert kept() != first
    assert len(made) == 2


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"code": 1}', "\x00"])
def test_damaged_kept_fingerprints_are_made_again(
    damaged: str, script: Path, tmp_path: Path
) -> None:
    file = tmp_path / "fingerprints.json"
    file.write_text(damaged, encoding="utf-8")
    assert KeptFingerprints(script.parent, file).of(script.stem) == fingerprint(script)


def test_fingerprints_are_made_where_nothing_can_be_kept(script: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = KeptFingerprints(script.parent, tmp_path / "file" / "fingerprints.json")
    assert kept.of(script.stem) == fingerprint(script)
