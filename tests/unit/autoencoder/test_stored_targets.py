"""Stored targets: the same bits as targets that are computed anew, and no others."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from memorability.autoencoder import stored_targets as module
from memorability.autoencoder.finetuning import RunSettings, finetune
from memorability.autoencoder.stored_targets import open_targets, write_targets
from memorability.base.errors import InputError
from memorability.networks.computing import place
from memorability.networks.losses import NetworkLoss, make_loss
from tests.run_settings import run_settings

torch.set_num_threads(1)

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 3, 224, 224), dtype=np.uint8)
NAMES = ["lpips_squeeze", "lpips_alex", "style"]


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def settings(loss: str, precision: str = "fp32", **changes: Any) -> RunSettings:
    plain = {"loss": loss, "precision": precision, "epochs": 2, "width": 0.02}
    return run_settings(**plain | changes)


def placed_loss(chosen: RunSettings) -> nn.Module:
    return place(make_loss(chosen.loss, precision=chosen.compute.precision)[0], "cpu")


def network_loss(name: str) -> NetworkLoss:
    loss = placed_loss(settings(name))
    assert isinstance(loss, NetworkLoss)
    return loss


@pytest.mark.parametrize("name", NAMES)
def test_an_image_s_targets_are_what_the_loss_makes_of_it(name: str, tmp_path: Path) -> None:
    loss, file, steps = network_loss(name), tmp_path / "targets.npy", []
    write_targets(loss, PIXELS, file, device="cpu", on_image=lambda: steps.append(1))
    assert len(steps) == 3
    stored = open_targets(file, loss, PIXELS, device="cpu")
    with torch.no_grad():
        for row in (2, 0):
            expected = loss.describe(torch.from_numpy(PIXELS[row : row + 1]).float() / 255)
            for ours, theirs in zip(stored(row), expected, strict=True):
                assert torch.equal(ours, theirs)
                assert ours.stride() == theirs.stride()


@pytest.mark.parametrize(
    ("name", "precision", "choices"),
    [
        ("lpips_squeeze", "fp32", {}),
        ("lpips_alex", "bf16", {"sign_train": "one_minus", "sign_test": "distance"}),
        ("style", "fp32", {}),
        ("style", "fp32", {"style_gram": "gatys5_relu"}),
        ("style", "fp32", {"style_gram": "pool5"}),
    ],
)
def test_a_run_with_stored_targets_is_the_run_without_to_the_bit(
    name: str, precision: str, choices: dict[str, str], tmp_path: Path
) -> None:
    chosen = settings(name, precision, **choices)
    file, loss = tmp_path / "targets.npy", placed_loss(chosen)
    assert isinstance(loss, NetworkLoss)
    write_targets(loss, PIXELS, file, device="cpu")
    images = pd.DataFrame({"image_id": list("abc"), "position": range(3)})
    plain = finetune(PIXELS, images, chosen, device="cpu")
    stored = finetune(PIXELS, images, chosen, device="cpu", targets=file)
    pd.testing.assert_frame_equal(stored.history, plain.history, check_exact=True)
    pd.testing.assert_frame_equal(stored.errors, plain.errors, check_exact=True)
    own, expected = stored.model.state_dict(), plain.model.state_dict()
    assert all(torch.equal(own[key], value) for key, value in expected.items())


@pytest.mark.parametrize("other", ["images", "loss", "fewer"])
def test_targets_of_something_else_are_refused(other: str, tmp_path: Path) -> None:
    file = tmp_path / "targets.npy"
    written = network_loss("lpips_alex" if other == "loss" else "lpips_squeeze")
    pixels = PIXELS[::-1] if other == "images" else PIXELS[:2] if other == "fewer" else PIXELS
    write_targets(written, pixels, file, device="cpu")
    with pytest.raises(InputError, match="Remove the file"):
        open_targets(file, network_loss("lpips_squeeze"), PIXELS, device="cpu")


def test_a_file_of_targets_has_the_bytes_that_numpy_gives_it(tmp_path: Path) -> None:
    loss = network_loss("lpips_squeeze")
    write_targets(loss, PIXELS, tmp_path / "targets.npy", device="cpu")
    np.save(tmp_path / "numpys.npy", np.load(tmp_path / "targets.npy"))
    assert (tmp_path / "targets.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()


def test_a_disk_that_fills_in_between_is_named_and_nothing_is_left(
    tmp_path: Path, files_up_to: Callable[[int], AbstractContextManager[None]]
) -> None:
    loss = network_loss("lpips_squeeze")
    write_targets(loss, PIXELS, tmp_path / "targets.npy", device="cpu")
    whole = (tmp_path / "targets.npy").stat().st_size
    (tmp_path / "targets.npy").unlink()
    with pytest.raises(InputError, match="could not be written"), files_up_to(whole // 2):
        write_targets(loss, PIXELS, tmp_path / "targets.npy", device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_found_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = module.shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"0\.0 GB free, but the stored targets of 3 images take"):
        write_targets(network_loss("lpips_alex"), PIXELS, tmp_path / "targets.npy", device="cpu")
    assert list(tmp_path.iterdir()) == []
