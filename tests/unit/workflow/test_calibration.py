"""A calibration of this machine: what it times, and that larger work takes longer."""

import pytest

from memorability.study.protocol import load_protocol
from memorability.workflow.calibration import Calibration, architecture, calibrate
from memorability.workflow.fingerprint import PACKAGE

CHOICES = load_protocol("untrained_start", PACKAGE.parent / "protocols").choices()


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(
        [CHOICES, CHOICES], ["mse", "lpips_alex"], width=1 / 64, precision="fp32", threads=1,
        device="cpu",
    )  # fmt: skip


def test_each_architecture_and_each_loss_is_timed(calibration: Calibration) -> None:
    assert calibration.device == "cpu"
    assert list(calibration.autoencoders) == [architecture(CHOICES)]
    assert list(calibration.losses) == ["mse", "lpips_alex"]
    assert calibration.spread >= 1
    assert calibration.start > 0.5  # nobody loads torch faster


def test_more_work_takes_longer(calibration: Calibration) -> None:
    (model,) = calibration.autoencoders.values()
    assert model.train > model.reconstruct > model.encode > 0
    alex, mse = calibration.losses["lpips_alex"], calibration.losses["mse"]
    assert alex.train > alex.measure > alex.describe > mse.describe == 0
    assert alex.measure > mse.measure > 0
