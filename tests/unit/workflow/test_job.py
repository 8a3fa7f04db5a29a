"""A job as its script sees it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from memorability.base.errors import InputError
from memorability.tables import store
from memorability.workflow.job import RunningJob
from memorability.workflow.records import table_record
from tests.tables import read_record

SETTINGS = {"seed": 3}
REJECTED = pd.DataFrame({"file": ["b.jpg", "a.jpg"], "reason": ["damaged", "no such file"]})


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    monkeypatch.setattr(root, "handlers", [])
    yield
    for handler in root.handlers:
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def snakemake(tmp_path: Path) -> SimpleNamespace:
    """Give what Snakemake gives to a script: containers of its own, files in a directory."""
    parts = [str(tmp_path / f"errors/loss={loss}/part.parquet") for loss in ("mse", "ssim")]
    outputs = {
        name: str(tmp_path / "made" / name)
        for name in ("rejected", "rejected_tsv", "left", "facts")
    }
    inputs = {
        "rejected": str(tmp_path / "rejected.parquet"),
        "correlations": [str(tmp_path / "rejected.parquet")],
        "parts": parts,
        "nothing": [],
    }
    return SimpleNamespace(
        input=InputFiles(fromdict=inputs),
        output=OutputFiles(fromdict=outputs),
        params=Params(fromdict={"study": "tiny", "settings": SETTINGS, "code": "0123456789abcdef"}),
        wildcards=Wildcards(fromdict={"loss": "mse"}),
        threads=2,
        config={},
        log=[str(tmp_path / "job.log")],
    )


def test_a_table_is_read_by_the_name_of_its_input_or_by_its_schema(
    snakemake: SimpleNamespace,
) -> None:
    store.write(REJECTED, snakemake.input.rejected, "rejected")
    with RunningJob(snakemake) as job:
        by_name, by_schema = job.read("rejected"), job.read("correlations", "rejected")
    assert by_name["file"].tolist() == ["a.jpg", "b.jpg"]
    pd.testing.assert_frame_equal(by_name, by_schema)


def test_an_input_that_is_several_files_is_no_table(snakemake: SimpleNamespace) -> None:
    for path in snakemake.input.parts:
        store.write(REJECTED, path, "rejected")
    with RunningJob(snakemake) as job:
        each, runs = job.read_each("parts", "rejected"), job.read_runs("parts", "rejected")
        with pytest.raises(ValueError, match="too many values"):
            job.read("parts", "rejected")
    assert [len(table) for table in each] == [2, 2]
    assert runs["loss"].tolist() == ["mse", "mse", "ssim", "ssim"]


def test_an_input_that_a_rule_does_without_is_none(snakemake: SimpleNamespace) -> None:
    store.write(REJECTED, snakemake.input.rejected, "rejected")
    with RunningJob(snakemake) as job:
        assert job.read_if_any("nothing", "rejected") is None
        assert len(job.read_if_any("rejected")) == 2


def test_a_table_keeps_study_settings_and_code(snakemake: SimpleNamespace) -> None:
    with RunningJob(snakemake) as job:
        job.write("rejected", REJECTED)
        job.settings = {"seed": 4}
        job.write("left", REJECTED, "unusable", facts={"resize": "squash"})
    record = table_record("tiny", SETTINGS, "0123456789abcdef")
    assert read_record(snakemake.output.rejected) == record
    changed = table_record("tiny", {"seed": 4}, "0123456789abcdef") | {"resize": "squash"}
    assert read_record(snakemake.output.left) == changed


def test_settings_are_empty_where_the_rule_has_none(snakemake: SimpleNamespace) -> None:
    snakemake.params = Params(fromdict={"study": "tiny", "code": "0123456789abcdef"})
    with RunningJob(snakemake) as job:
        assert job.record == table_record("tiny", {}, "0123456789abcdef")


def test_a_table_for_people_has_a_twin_of_the_same_rows(snakemake: SimpleNamespace) -> None:
    with RunningJob(snakemake) as job:
        job.write("rejected", REJECTED.assign(file=["é.jpg", "a.jpg"]))
        job.write("left", REJECTED, "unusable")
    twin = Path(snakemake.output.rejected_tsv)
    assert twin.read_text(encoding="utf-8") == "file\treason\na.jpg\tno such file\né.jpg\tdamaged\n"
    made = {path.name for path in twin.parent.iterdir()}
    assert made == {"rejected", "rejected_tsv", "left"}


def test_texts_are_utf_8(snakemake: SimpleNamespace) -> None:
    with RunningJob(snakemake) as job:
        job.write_json("facts", {"études": [1, 2]})
        job.write_text("left", "ρ = 0.3\n")
    facts = Path(snakemake.output.facts).read_text(encoding="utf-8")
    assert json.loads(facts) == {"études": [1, 2]}
    assert Path(snakemake.output.left).read_text(encoding="utf-8") == "ρ = 0.3\n"


def test_the_log_has_an_import_that_fails(snakemake: SimpleNamespace) -> None:
    with pytest.raises(ModuleNotFoundError), RunningJob(snakemake):
        import no_such_package_anywhere  # noqa: F401, PLC0415
    assert "no_such_package_anywhere" in Path(snakemake.log[0]).read_text(encoding="utf-8")


def test_an_error_that_a_user_can_mend_ends_the_job_with_its_message(
    snakemake: SimpleNamespace,
) -> None:
    with pytest.raises(SystemExit) as ended, RunningJob(snakemake):
        raise InputError("The table is empty. Add images.")
    assert ended.value.code == 1
    log = Path(snakemake.log[0]).read_text(encoding="utf-8")
    assert "The table is empty. Add images." in log
    assert "Traceback" not in log
