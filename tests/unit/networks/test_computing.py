"""bfloat16 is where it is asked for, and nowhere else."""

import logging

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.autoencoder.finetuning import reconstruction_error, train_step
from memorability.networks.adam import Adam
from memorability.networks.computing import (
    Compute,
    autocast,
    deterministic_device,
    place,
    warn_if_slow,
)
from memorability.networks.losses import make_loss
from tests.run_settings import loss_choice

torch.set_num_threads(1)


def test_a_job_computes_with_its_threads_on_its_device() -> None:
    try:
        assert deterministic_device(Compute(device="cpu", threads=2)) == "cpu"
        assert torch.get_num_threads() == 2
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(False)


def autoencoder(precision: str = "fp32") -> Autoencoder:
    model = place(initial_autoencoder(0, Architecture(width=0.1)), "cpu")
    model.precision = precision
    return model


def images(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    brightness = torch.linspace(0.2, 1, count)[:, None, None, None]
    return torch.rand(count, 3, 224, 224, generator=generator) * brightness


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_convolutions_and_products_compute_in_the_precision(
    precision: str, dtype: torch.dtype
) -> None:
    with autocast(precision, "cpu"):
        assert nn.Conv2d(3, 4, 3)(images(1)).dtype == dtype
        assert (torch.rand(2, 2) @ torch.rand(2, 2)).dtype == dtype


def test_reconstructions_are_float32_and_weights_too_whatever_the_precision() -> None:
    model = autoencoder("bf16")
    assert model(images(1)).dtype == torch.float32
    optimizer = Adam(model, 1e-3)
    train_step(model.train(), make("mse"), optimizer, images(1))
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32, torch.int64}
    moments = [value for each in optimizer.state.values() for value in each.values()]
    assert {moment.dtype for moment in moments} == {torch.float32}


def make(name: str, precision: str = "fp32") -> nn.Module:
    return make_loss(loss_choice(name), precision=precision)[0]


@pytest.mark.parametrize("name", ["mse", "ssim", "ms_ssim", "lpips_squeeze", "style"])
def test_errors_of_one_model_hardly_depend_on_the_precision(name: str) -> None:
    shown = images(12)
    errors = []
    for precision in ("fp32", "bf16"):
        model, loss = autoencoder(precision).eval(), place(make(name, precision), "cpu")
        with torch.no_grad():
            errors.append([reconstruction_error(model, loss, one[None]).item() for one in shown])
    assert errors[0] != errors[1], "bfloat16 was not used"
    np.testing.assert_allclose(errors[1], errors[0], rtol=0.03)
    assert stats.spearmanr(*errors).statistic > 0.95


def test_latents_are_float32_under_either_precision() -> None:
    with torch.no_grad():
        own, plain = (
            autoencoder(precision).eval().encode(images(1)) for precision in ("bf16", "fp32")
        )
    assert torch.equal(own, plain)


def test_the_layout_changes_no_value() -> None:
    module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5))
    before = {key: value.clone() for key, value in module.state_dict().items()}
    placed = place(module, "cpu")
    assert placed is module
    assert module[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("precision", "known", "warned"),
    [
        ("bf16", {"avx512_bf16": False}, True),
        ("bf16", {"avx512_bf16": True}, False),
        ("bf16", {"bf16": True}, False),
        ("fp32", {}, False),
    ],
)
def test_a_processor_without_bfloat16_is_named(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    precision: str,
    known: dict[str, bool],
    warned: bool,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    with caplog.at_level(logging.WARNING):
        warn_if_slow(precision, "cpu")
    assert ("fp32 would be faster" in caplog.text) == warned
