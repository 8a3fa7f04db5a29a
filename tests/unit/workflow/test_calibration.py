"""A calibration of this machine: what it times, and that larger work takes longer."""

import pytest

from memorability.autoencoder.architecture import Architecture
from memorability.networks.computing import Compute
from memorability.workflow.calibration import Calibration, calibrate
from tests.run_settings import loss_choice

ARCHITECTURE = Architecture(width=1 / 64)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    losses = [loss_choice("mse"), loss_choice("lpips_alex")]
    return calibrate([ARCHITECTURE, ARCHITECTURE], losses, Compute(device="cpu", threads=1))


def test_each_architecture_and_each_loss_is_timed(calibration: Calibration) -> None:
    assert calibration.device == "cpu"
    assert list(calibration.autoencoders) == [("conv7x7", "upsample_conv", True)]
    assert list(calibration.losses) == ["mse", "lpips_alex"]
    assert calibration.spread >= 1
    assert calibration.start > 0.5  # nobody loads torch faster


def test_more_work_takes_longer(calibration: Calibration) -> None:
    (model,) = calibration.autoencoders.values()
    assert model.train > model.reconstruct > model.encode > 0
    alex, mse = calibration.losses["lpips_alex"], calibration.losses["mse"]
    assert alex.train > alex.measure > alex.describe > mse.describe == 0
    assert alex.measure > mse.measure > 0
