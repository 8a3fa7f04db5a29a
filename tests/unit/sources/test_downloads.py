"""The registry of files from outside, against torchvision's own and the files themselves."""

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torchvision.models as zoo
import yaml

from memorability.base.errors import InputError
from memorability.networks import catalogue
from memorability.sources.downloads import PLACES, REGISTRY, Download, Package, registry

ROOT = Path(__file__).parents[3]
SCORES = ROOT.parent / "shared" / "reference" / "memcat_image_data.csv"
TORCHVISION = {
    "squeezenet1_1": zoo.SqueezeNet1_1_Weights.IMAGENET1K_V1,
    "vgg16": zoo.VGG16_Weights.IMAGENET1K_V1,
    "vgg19": zoo.VGG19_Weights.IMAGENET1K_V1,
    "alexnet": zoo.AlexNet_Weights.IMAGENET1K_V1,
    "resnet50": zoo.ResNet50_Weights.IMAGENET1K_V1,
    "deeplabv3_resnet101_coco": (
        zoo.segmentation.DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1
    ),
    "fasterrcnn_resnet50_fpn_coco": zoo.detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1,
}


def entries() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(REGISTRY.read_text(encoding="utf-8"))
    return content


def read(content: object, directory: Path) -> Any:
    file = directory / "registry.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    registry.cache_clear()
    return registry(file)


def test_every_key_of_an_entry_is_explained_at_the_head_of_the_file() -> None:
    head = REGISTRY.read_text(encoding="utf-8").split("\n\n", 1)[0]
    for field in dataclasses.fields(Download):
        assert field.name == "name" or f"\n# {field.name} " in head, field.name
    for field in dataclasses.fields(Package):
        assert field.name in head, field.name


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_files_are_those_of_torchvision(name: str) -> None:
    weights = TORCHVISION[name]
    download = registry()[name]
    assert download.addresses == (weights.url,)
    assert download.file == weights.url.rpartition("/")[2]
    assert download.sha256 == download.file.removesuffix(".pth").rpartition("-")[2]
    assert download.size == f"about {weights.meta['_file_size']:.1f} MiB"
    assert download.place == "weights"


def test_no_other_download_is_of_torchvision() -> None:
    theirs = {name for name, d in registry().items() if "pytorch.org" in " ".join(d.addresses)}
    assert theirs == set(TORCHVISION)


@pytest.mark.skipif(not SCORES.is_file(), reason="needs ../shared/reference/memcat_image_data.csv")
def test_the_score_table_of_memcat_is_the_real_one() -> None:
    download = registry()["memcat_scores"]
    assert download.sha256 == hashlib.sha256(SCORES.read_bytes()).hexdigest()
    assert download.exact_bytes == SCORES.stat().st_size == 1_311_232
    assert download.size_in_words == "1,311,232 bytes"


def test_every_download_lands_in_a_place_of_its_own() -> None:
    paths = [download.path for download in registry().values()]
    assert len(set(paths)) == len(paths)
    assert {path.parts[0] for path in paths} == set(PLACES)
    assert registry()["lamem"].path == Path("downloads/lamem.tar.gz")


def test_names_of_backbones_and_of_their_files_are_the_registrys() -> None:
    assert set(catalogue.BACKBONES) == set(catalogue.LOSS_BACKBONES.values())
    downloads = {"squeeze": "squeezenet1_1", "vgg": "vgg16", "alex": "alexnet", "vgg19": "vgg19"}
    files = {backbone: registry()[name].file for backbone, name in downloads.items()}
    assert files == catalogue.BACKBONES
    coco = {"fasterrcnn_resnet50_fpn", "deeplabv3_resnet101"}
    assert {
        name: registry()[f"{name}_coco" if name in coco else name].file
        for name in catalogue.OBJECT_NETWORKS
    } == catalogue.OBJECT_NETWORKS
    assert registry()["autoencoder"].file == catalogue.AUTOENCODER


def test_the_instruction_says_where_from_and_where_to() -> None:
    text = registry()["autoencoder"].instruction(Path("resources/weights/imagenet-vgg16.pth"))
    assert "drive.google.com/file/d/1WwJiQ1kBcNCZ37F6PJ_0bIL0ZeU3_sV8" in text
    assert "Save the file as resources/weights/imagenet-vgg16.pth" in text


def test_reading_the_configuration_loads_nothing_that_downloads() -> None:
    code = (
        "import sys, memorability.study.study; "
        "print(sorted({'pooch', 'gdown', 'requests', 'filelock'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("addresses", [], "lamem: addresses"),
        ("addresses", ["ftp://a.b/c"], "lamem: addresses"),
        ("addresses", "https://osf.io", "lamem: addresses"),
        ("size", 0, "lamem: size"),
        ("size", True, "lamem: size"),
        ("size", "2.7 GB", "lamem: size"),
        ("sha256", "none", "lamem: sha256"),
        ("sha256", 12345678, "lamem: sha256.*quoted"),
        ("sha256", "ABCDEF01", "lamem: sha256"),
        ("sha256", "0" * 65, "lamem: sha256"),
        ("place", "elsewhere", "lamem: place"),
        ("file", "../lamem.tar.gz", "lamem: file"),
        ("file", "imagenet-vgg16.pth", None),
        ("licence", "", "lamem: not words.*licence"),
        ("commercial_use", "perhaps", "lamem: commercial_use: not one of allowed, forbidden"),
        ("purpose", 3, "lamem: not words.*purpose"),
    ],
)
def test_mistakes_in_the_registry_are_named(
    key: str, value: object, words: str | None, tmp_path: Path
) -> None:
    content = entries()
    content["lamem"][key] = value
    if words is None:
        assert read(content, tmp_path)["lamem"].file == value  # in another place than its namesake
        return
    with pytest.raises(InputError, match=words):
        read(content, tmp_path)


def test_two_downloads_with_one_place_are_refused(tmp_path: Path) -> None:
    content = entries()
    content["lamem"] |= {"file": "imagenet-vgg16.pth", "place": "weights"}
    with pytest.raises(InputError, match=r"lamem: another download.*weights/imagenet-vgg16\.pth"):
        read(content, tmp_path)


def test_missing_and_unknown_keys_are_refused(tmp_path: Path) -> None:
    content = entries()
    del content["vgg16"]["licence"]
    content["lamem"]["md5"] = "?"
    content["alexnet"] = None
    with pytest.raises(InputError, match=r"alexnet: its keys.*\n.*lamem: its keys.*\n.*vgg16: its"):
        read(content, tmp_path)


@pytest.mark.parametrize("text", ["", "- a list", "a: b: c"])
def test_a_file_that_is_no_registry_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "registry.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"registry\.yaml"):
        registry(file)
