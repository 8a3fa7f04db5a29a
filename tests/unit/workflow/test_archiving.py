import os
import tarfile
from pathlib import Path

import pytest
import yaml

from memorability.workflow.archiving import STUDY, pack, packed_files

MADE = {
    "errors/loss=mse/part.parquet": True,
    "tables/table_1.tsv": True,
    "tables/claims.html": True,
    "models/loss=mse/record.json": True,
    "figures/errors/mse.svg": True,
    "figures/attribution_weights.png": True,
    "figures/attributions.png": False,
    "dataset/images/one.png": False,
    "images/squash/pixels.npy": False,
    "models/loss=mse/autoencoder.safetensors": False,
    "logs/correlate.log": False,
    "report.html": False,
    "archive.tar.gz": False,
}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    results = Path("results/study")
    for number, name in enumerate(MADE):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(name)
        os.utime(results / name, ns=(0, 1_700_000_000_123_456_000 + number))
    return results


def test_tables_figures_and_records_are_packed_and_photographs_are_not(results: Path) -> None:
    expected = sorted(results / name for name, packed in MADE.items() if packed)
    assert packed_files(results) == expected


def test_what_is_packed_comes_out_with_its_times_and_the_configuration(
    results: Path, tmp_path: Path
) -> None:
    configuration = {"study": "study", "seeds": [0, 1], "images": {"on_bad_image": "stop"}}
    pack(results, Path("archive.tar.gz"), configuration)
    with tarfile.open("archive.tar.gz") as archive:
        assert {member.uname for member in archive.getmembers()} == {""}
        archive.extractall(tmp_path / "other", filter="data")
    other = tmp_path / "other"
    assert yaml.safe_load((other / results / STUDY).read_text()) == configuration
    for file in packed_files(results):
        assert (other / file).read_text() == file.read_text()
        assert (other / file).stat().st_mtime == pytest.approx(file.stat().st_mtime, abs=1e-5)


def test_the_same_files_make_the_same_bytes(results: Path) -> None:
    for name in ("one.tar.gz", "two.tar.gz"):
        pack(results, Path(name), {"study": "study"})
    assert Path("one.tar.gz").read_bytes() == Path("two.tar.gz").read_bytes()
