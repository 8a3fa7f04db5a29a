import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from memorability.workflow.archiving import METADATA, STUDY, pack, packed_files

MADE = {
    "errors/loss=mse/part.parquet": True,
    "tables/table_1.tsv": True,
    "tables/claims.html": True,
    "tables/methods.txt": True,
    "tables/citations.bib": True,
    "tables/near_duplicates.html": False,  # it shows photographs
    "models/loss=mse/record.json": True,
    "figures/errors/mse.svg": True,
    "figures/attribution_weights.png": True,
    "figures/attributions.png": False,
    "figures/ablations/resmem_published.png": True,
    "figures/ablation_examples.png": False,
    "figures/memorability_maps/resmem_published.svg": False,
    "figures/unit_images/resmem_published.png": False,
    "figures/unit_portraits/resmem_published.png": False,
    "dataset/images/one.png": False,
    "dataset/images/animal/cat/one.png": False,
    "where/stimuli/animal/cat/one/low.png": False,
    "figures/modified_examples.png": False,
    "figures/modified_images.png": True,
    "images/squash/pixels.npy": False,
    "models/loss=mse/autoencoder.safetensors": False,
    "logs/correlate.log": False,
    "report.html": False,
    "explorer.html": False,  # it may show photographs
    "archive.tar.gz": False,
}

RECORD = {
    "workflow": {"version": "0.1.0", "commit": "abc"},
    "tables": {"data/scores.csv": "1" * 64},
    "environment": {"packages": {"torch": "2.15.0", "snakemake": "9.27.1"}},
    "runs": [
        {
            "receipts": [
                {
                    "model": "alex backbone",
                    "source": "w/a.pth",
                    "sha256": "2" * 64,
                    "licence": "BSD",
                },
                {"model": "autoencoder", "source": "random", "sha256": ""},
            ]
        }
    ]
    * 2,
}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    results = Path("results/study")
    for number, name in enumerate(MADE):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(name)
        os.utime(results / name, ns=(0, 1_700_000_000_123_456_000 + number))
    (results / "provenance.json").write_text(json.dumps(RECORD), encoding="utf-8")
    os.utime(results / "provenance.json", ns=(0, 1_700_000_060_000_000_000))
    return results


def test_tables_figures_and_records_are_packed_and_photographs_are_not(results: Path) -> None:
    expected = sorted(results / name for name, packed in MADE.items() if packed)
    expected = sorted([*expected, results / "provenance.json"])
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


def crate(results: Path, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Return the entities of the metadata of an unpacked archive, by their names."""
    pack(results, Path("archive.tar.gz"), {"study": "study"})
    with tarfile.open("archive.tar.gz") as archive:
        archive.extractall(tmp_path / "crate", filter="data")
    metadata = json.loads((tmp_path / "crate" / results / METADATA).read_text(encoding="utf-8"))
    return {entity["@id"]: entity for entity in metadata["@graph"]}


def test_the_archive_is_a_crate_that_names_each_file_with_its_hash(
    results: Path, tmp_path: Path
) -> None:
    entities = crate(results, tmp_path)
    unpacked = tmp_path / "crate" / results
    inside = {
        path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()
    }
    parts = {part["@id"] for part in entities["./"]["hasPart"]}
    assert {unquote(part) for part in parts} == inside - {METADATA}
    # Unpacked in a clone, it must not replace the clone's own files.
    assert [path.name for path in (tmp_path / "crate").iterdir()] == ["results"]
    for part in parts:
        content = (unpacked / unquote(part)).read_bytes()
        assert entities[part]["sha256"] == hashlib.sha256(content).hexdigest()
        assert entities[part]["contentSize"] == str(len(content))


def test_every_entity_that_is_named_is_described(results: Path, tmp_path: Path) -> None:
    entities = crate(results, tmp_path)

    def named(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if value.keys() == {"@id"}:
                yield value["@id"]
            else:
                yield from (name for inner in value.values() for name in named(inner))
        elif isinstance(value, list):
            yield from (name for inner in value for name in named(inner))

    missing = {name for entity in entities.values() for name in named(entity)} - entities.keys()
    assert all(name.startswith("https://") for name in missing), missing


def test_the_run_says_what_it_used_and_made(results: Path, tmp_path: Path) -> None:
    entities = crate(results, tmp_path)
    run = entities["#run"]
    assert run["startTime"] == "2023-11-14T22:13:20+00:00"
    assert run["endTime"] == "2023-11-14T22:14:20+00:00"
    used = [entities[each["@id"]] for each in run["object"]]
    assert [(each["name"], each.get("license")) for each in used] == [
        ("scores.csv", None), ("a.pth", "BSD"),
    ]  # fmt: skip
    assert entities["#torch"]["value"] == "2.15.0"
    assert "ComputationalWorkflow" in entities["workflow/Snakefile"]["@type"]
    assert entities["./"]["mainEntity"] == {"@id": "workflow/Snakefile"}
