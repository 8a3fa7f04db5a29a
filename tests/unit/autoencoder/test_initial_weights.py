"""From which weights a run starts, and what its receipt says of them."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from memorability.autoencoder.architecture import (
    Architecture,
    Autoencoder,
    initial_autoencoder,
    write_autoencoder,
)
from memorability.autoencoder.initial_weights import Start, initial_model
from memorability.base.errors import InputError
from memorability.networks.weights import Receipt

torch.set_num_threads(1)

SUMMARY = {
    "images": 900, "held_out": 100, "epochs": 5, "kept_epoch": 4, "error_before": 0.09,
    "error": 0.01234567, "directory": "my/photographs", "initial_weights": "vgg16_encoder",
}  # fmt: skip


FILES = {
    "checkpoint": "imagenet-vgg16.pth",
    "checkpoint_as_scripted": "imagenet-vgg16.pth",
    "vgg16_encoder": "vgg16-397923af.pth",
}


def started(initial_weights: str, directory: Path, seed: int = 4) -> tuple[Autoencoder, Receipt]:
    start = Start(
        initial_weights=initial_weights,
        seed=seed,
        weights_file=directory / FILES.get(initial_weights, "none"),
        pretrained_model=directory / "autoencoder.safetensors"
        if initial_weights == "pretrain"
        else None,
    )
    return initial_model(Architecture(width=0.04), start)


def pretrained(directory: Path, width: float = 0.04) -> Path:
    path = directory / "autoencoder.safetensors"
    model = initial_autoencoder(99, Architecture(width=width))
    write_autoencoder(model, path, {"pretraining": SUMMARY})
    return path


def weights_of(seed: int) -> dict[str, torch.Tensor]:
    model = initial_autoencoder(seed, Architecture(width=0.04))
    return dict(model.state_dict())


def equal(one: Any, other: Any) -> bool:
    return all(torch.equal(one[key], value) for key, value in other.items())


def test_random_weights_follow_the_runs_seed(tmp_path: Path) -> None:
    model, receipt = started("random", tmp_path)
    assert equal(model.state_dict(), weights_of(4))
    assert not equal(model.state_dict(), weights_of(5))
    assert (receipt.source, receipt.matched) == ("random", 0)


def test_a_pretrained_model_is_the_start_of_every_seed_and_its_receipt_names_its_images(
    tmp_path: Path,
) -> None:
    path = pretrained(tmp_path)
    for seed in (0, 1):
        model, receipt = started("pretrain", tmp_path, seed=seed)
        assert equal(model.state_dict(), weights_of(99))
    assert receipt.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (receipt.source, receipt.matched, receipt.missing) == (str(path), 192, 0)
    for words in (
        "from VGG16's convolutions and a random decoder",
        "900 images of my/photographs",
        "not on ImageNet",
        "epoch 4 of 5",
        "0.09 before",
        "0.01235 after",
    ):
        assert words in receipt.remark


def test_a_pretrained_model_of_another_width_is_refused(tmp_path: Path) -> None:
    pretrained(tmp_path, width=0.1)
    with pytest.raises(InputError, match="of another shape"):
        started("pretrain", tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"half", "no record"])
def test_what_is_no_pretrained_model_is_refused(
    tmp_path: Path, content: bytes | str | None
) -> None:
    path = tmp_path / "autoencoder.safetensors"
    if content == "no record":
        save_file({"a": torch.ones(1)}, path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"pre-trained autoencoder of this workflow.* Delete it"):
        started("pretrain", tmp_path)


@pytest.mark.parametrize(
    ("start", "file"),
    [("checkpoint", "imagenet-vgg16.pth"), ("vgg16_encoder", "vgg16-397923af.pth")],
)
def test_a_file_that_is_needed_and_missing_is_named(tmp_path: Path, start: str, file: str) -> None:
    with pytest.raises(InputError, match=f"{file} does not exist"):
        started(start, tmp_path)


def test_as_scripted_the_run_starts_from_its_random_weights(tmp_path: Path) -> None:
    state = {f"module.{key}": value for key, value in weights_of(7).items()}
    torch.save({"state_dict": state}, tmp_path / "imagenet-vgg16.pth")
    model, receipt = started("checkpoint_as_scripted", tmp_path)
    assert equal(model.state_dict(), weights_of(4))
    assert (receipt.matched, receipt.unexpected) == (0, 192)
