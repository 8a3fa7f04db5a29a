"""A study's file as the command line reads it: by the one parser that the workflow has."""

import json
from pathlib import Path

import pytest

from memorability.base.errors import InputError
from memorability.study.configuration_files import refuse_unnamed, results_directory
from memorability.workflow.fingerprint import PACKAGE

ROOT = PACKAGE.parent


@pytest.mark.parametrize(
    "text",
    [
        "study: x",
        'study: "x"',
        "study : x",
        "'study': x  # mine",
        "\ufeffstudy: x\n",
        "epochs: 2\nstudy:\n  x\n",
        json.dumps({"epochs": 2, "study": "x"}),
    ],
)
def test_a_name_is_found_however_it_is_written(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a study.yaml"
    file.write_text(text, encoding="utf-8")
    assert results_directory(file, ROOT) == Path("results/x")


def test_the_published_study_has_the_name_in_its_own_file() -> None:
    assert results_directory(ROOT / "config.yaml", ROOT) == Path("results/memcat")


def test_a_file_that_is_no_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"nowhere\.yaml does not exist\. Name the file of a study"
    ):
        results_directory(tmp_path / "nowhere.yaml", ROOT)
    (tmp_path / "broken.yaml").write_text("study: [x")
    with pytest.raises(InputError, match=r"broken\.yaml.*not valid JSON or YAML"):
        results_directory(tmp_path / "broken.yaml", ROOT)
    (tmp_path / "list.yaml").write_text("- study")
    with pytest.raises(InputError, match=r"list\.yaml.*keys at top level"):
        results_directory(tmp_path / "list.yaml", ROOT)


def test_settings_without_a_name_would_be_written_into_the_published_study(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("losses: [mse]\nepochs: 2\n")
    with pytest.raises(InputError, match=r"\(epochs, losses\) come without a name .*study: mine"):
        results_directory(tmp_path / "mine.yaml", ROOT)


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        {"compute": {"threads": 2}, "keep_checkpoints": "none"},
        {"study": "memcat", "losses": ["mse"]},
        {"study": "mine", "losses": ["mse"]},
    ],
)
def test_what_has_a_name_or_changes_no_result_passes(overlay: dict[str, object]) -> None:
    refuse_unnamed(overlay, "memcat")


@pytest.mark.parametrize(
    "text", ["study: x\nepochs: 1\nstudy: y\n", '{"study": "x", "study": "y"}']
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="the key 'study' stands twice"):
        results_directory(file, ROOT)
