"""Fingerprints of code, hashes of settings and records of what made a result."""

import importlib.metadata
import json
import platform
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability import __version__, provenance
from memorability.provenance import (
    environment_record,
    file_hashes,
    fingerprint,
    import_closure,
    settings_hash,
    table_record,
)

ROOT = Path(__file__).parents[2]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
SETTINGS = st.dictionaries(
    st.text(), SCALARS | st.dictionaries(st.text(), SCALARS, max_size=4), max_size=6
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty directory in the place of the package, for modules that a test writes."""
    directory = tmp_path / "memorability"
    directory.mkdir()
    monkeypatch.setattr(provenance, "PACKAGE", directory)
    return directory


@pytest.fixture
def copy(package: Path) -> Path:
    """Return a copy of the real package in its place."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "memorability", package, ignore=ignored, dirs_exist_ok=True)
    return package


def names(*modules: str) -> set[str]:
    return {path.relative_to(provenance.PACKAGE).as_posix() for path in import_closure(*modules)}


# Import closure


def test_a_module_needs_what_it_imports_and_what_that_imports() -> None:
    assert names("errors") == {"errors.py"}
    assert names("grid") == {"grid.py", "errors.py"}
    assert names("tables") >= {"tables.py", "grid.py", "errors.py"}
    assert names("configuration") >= {"protocol.py", "grid.py", "errors.py"}


def test_fine_tuning_needs_losses_and_models_but_neither_figures_nor_tables() -> None:
    needed = names("finetuning")
    assert needed >= {
        "finetuning.py", "losses.py", "weights.py", "evaluation.py", "images.py", "seeding.py",
        "models/autoencoder.py", "errors.py",
    }  # fmt: skip
    assert needed.isdisjoint(
        {
            "figures.py",
            "tables.py",
            "pages.py",
            "provenance.py",
            "statistics.py",
            "quantities.py",
            "grid.py",
        }
    )


def test_a_name_may_be_a_package_or_a_module_within_one() -> None:
    assert names("features") >= {"features/__init__.py", "features/color.py", "features/texture.py"}
    assert "models/predictor.py" in names("models.predictor")


def test_the_closure_of_several_modules_is_the_union_of_theirs() -> None:
    assert import_closure("pages", "losses") == import_closure("pages") | import_closure("losses")


def test_every_way_to_import_is_followed_even_in_a_circle(package: Path) -> None:
    for path, text in {
        "a.py": "from memorability import b",
        "b.py": "import memorability.c as other",
        "c.py": "def f():\n    from memorability.sub.d import thing",
        "sub/__init__.py": "",
        "sub/d.py": "from memorability import sub\nfrom memorability.a import something",
        "e.py": "import numpy, memorability_of_another_kind.a",
    }.items():
        (package / path).parent.mkdir(exist_ok=True)
        (package / path).write_text(text)
    circle = {"a.py", "b.py", "c.py", "sub/d.py", "sub/__init__.py"}
    assert names("a") == names("sub.d") == circle
    assert names("e") == {"e.py"}


def test_a_module_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="no module 'finetunning'"):
        fingerprint("finetunning")


# Fingerprint


def test_a_fingerprint_does_not_depend_on_where_the_package_is_or_on_the_order_of_names(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = fingerprint("finetuning", "pages")
    assert re.fullmatch("[0-9a-f]{16}", moved)
    assert moved == fingerprint("pages", "finetuning", "pages")
    monkeypatch.setattr(provenance, "PACKAGE", ROOT / "memorability")
    assert copy.is_relative_to(provenance.PACKAGE) is False
    assert fingerprint("finetuning", "pages") == moved


@pytest.mark.parametrize("edited", ["finetuning.py", "losses.py", "models/autoencoder.py"])
def test_the_fingerprint_changes_with_the_module_and_with_what_it_imports(
    edited: str, copy: Path
) -> None:
    before = fingerprint("finetuning")
    with (copy / edited).open("a") as file:
        file.write("# a remark\n")
    assert fingerprint("finetuning") != before


@pytest.mark.parametrize("edited", ["figures.py", "tables.py", "quantities.py", "claims.py"])
def test_the_fingerprint_does_not_change_with_a_module_that_is_not_imported(
    edited: str, copy: Path
) -> None:
    before = fingerprint("finetuning")
    (copy / edited).write_text("")
    (copy / "new.py").write_text("from memorability import finetuning")
    assert fingerprint("finetuning") == before


def test_text_that_moves_from_one_module_to_the_next_changes_the_fingerprint(
    package: Path,
) -> None:
    (package / "a.py").write_text("from memorability import b\n")
    (package / "b.py").write_text("x = 1\ny = 2\n")
    before = fingerprint("a")
    (package / "a.py").write_text("from memorability import b\nx = 1\n")
    (package / "b.py").write_text("y = 2\n")
    assert fingerprint("a") != before


def test_verdicts_are_made_anew_when_the_published_figures_change(copy: Path) -> None:
    """published.py reads published.yaml, which decides its result as much as its code does."""
    rule = (ROOT / "rules" / "report.smk").read_text()
    before = fingerprint("published")
    with (copy / "published.yaml").open("a") as file:
        file.write("# corrected\n")
    assert fingerprint("published") != before or "published.yaml" in rule


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


def test_a_package_that_the_environment_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES_RECORDED", ("numpy", "no-such-package"))
    assert list(environment_record()["packages"]) == ["numpy"]


def test_every_package_that_is_recorded_is_one_that_the_project_requires() -> None:
    required = (ROOT / "envs" / "requirements.in").read_text().lower().replace("_", "-")
    for name in provenance.PACKAGES_RECORDED:
        assert re.search(rf"^{re.escape(name)}\b", required, re.MULTILINE), name
