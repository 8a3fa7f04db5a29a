"""The small VAE: its loss by hand, what it learns, and that it is reproducible."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from memorability.base.seeding import numpy_stream
from memorability.networks.computing import Compute
from memorability.tables import store
from memorability.where.embeddings import small_vae
from memorability.where.embeddings.small_vae import (
    SmallVae,
    VaeSettings,
    place_images,
    small_images,
)

SETTINGS = VaeSettings(seed=3, compute=Compute(device="cpu", threads=1))


@pytest.fixture(autouse=True)
def fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_vae, "STEPS", 75)
    monkeypatch.setattr(small_vae, "LEARNING_RATE", 1e-2)


def pixels(brightness: np.ndarray) -> np.ndarray:
    """Return images of 64 pixels, each of one brightness and of some noise."""
    noise = numpy_stream(0, "pixels").normal(0, 10, size=(len(brightness), 3, 64, 64))
    return np.clip(brightness[:, None, None, None] + noise, 0, 255).astype(np.uint8)


def thirds(count: int) -> np.ndarray:
    return np.asarray(["train", "validation", "test"])[np.arange(count) % 3]


def test_small_images_are_means_of_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_vae, "_READ", 2)
    large = pixels(np.linspace(50, 200, 5))
    small = small_images(large, np.asarray([4, 0, 1])).numpy()
    assert small.shape == (3, 3, 32, 32)
    assert small[1, 2, 5, 7] == pytest.approx(large[0, 2, 10:12, 14:16].mean() / 255, rel=1e-6)


def test_the_loss_is_that_of_its_definition() -> None:
    torch.manual_seed(0)
    network = SmallVae()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    images, noise = torch.randn(4, 3, 32, 32), torch.randn(4, 2)
    means, log_variances = network.codes(images)
    drawn = network.draw(network.decode(means + noise * torch.exp(log_variances / 2)))
    likelihood = Normal(drawn, network.log_sd.exp()).log_prob(images).sum(dim=(1, 2, 3))
    divergence = kl_divergence(
        Normal(means, (log_variances / 2).exp()), Normal(torch.zeros(2), torch.ones(2))
    ).sum(dim=1)
    expected = (divergence - likelihood) / 3072
    torch.testing.assert_close(network.losses(images, noise), expected)


def test_what_varies_among_images_is_found_and_is_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brightness = numpy_stream(0, "brightness").uniform(30, 220, size=90)
    images, split = pixels(brightness), thirds(90)
    steps: list[None] = []
    found = place_images(images, split, SETTINGS, device="cpu", on_step=lambda: steps.append(None))
    assert len(steps) == found.curve["step"].iloc[-1] == 75
    curve = store.write(found.curve, tmp_path / "curve.parquet", "small_vae")
    assert curve["kept"].sum() == 1
    kept = curve.loc[curve["kept"]].iloc[0]
    assert kept["validation_loss"] == curve["validation_loss"].min()
    assert kept["held_out_loss"] < curve["held_out_loss"].iloc[0] - 0.1
    assert (kept["trained_on"], kept["n"]) == (30, 30)
    fit = np.linalg.lstsq(
        np.column_stack([found.means, np.ones(30)]), brightness[split == "test"], rcond=None
    )
    assert 1 - fit[1][0] / (30 * brightness[split == "test"].var()) > 0.8
    again = place_images(images, split, SETTINGS, device="cpu")
    np.testing.assert_array_equal(found.means, again.means)
    pd.testing.assert_frame_equal(found.curve, again.curve)
    monkeypatch.setattr(small_vae, "STEPS", 25)
    other = place_images(images, split, VaeSettings(seed=4, compute=SETTINGS.compute), device="cpu")
    assert (found.means != other.means).any()


def test_it_begins_as_the_mean_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_vae, "STEPS", 0)
    images, split = pixels(np.linspace(30, 220, 30)), thirds(30)
    curve = place_images(images, split, SETTINGS, device="cpu").curve
    small = {
        part: small_images(images, np.flatnonzero(split == part)).double()
        for part in ("train", "test")
    }
    mean = small["train"].mean(dim=0)
    sd = (small["train"] - mean).square().mean().sqrt()
    expected = -Normal(mean, sd).log_prob(small["test"]).mean() - sd.log()
    assert curve["held_out_loss"].item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["alike", "one of each", "no validation"])
def test_studies_that_hold_little_are_placed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_vae, "STEPS", 25)
    count = 3 if kind == "one of each" else 12
    images = pixels(np.linspace(60, 90, count))
    split = thirds(count)
    if kind == "alike":
        images[:] = 90
    if kind == "no validation":
        split[split == "validation"] = "train"
    found = place_images(images, split, SETTINGS, device="cpu")
    store.write(found.curve, tmp_path / "curve.parquet", "small_vae")
    assert np.isfinite(found.means).all()
    assert found.curve["kept"].sum() == 1
    if kind == "alike":
        assert not np.ptp(found.means, axis=0).any()
    if kind == "no validation":
        assert found.curve["kept"].iloc[-1]


def test_of_many_images_a_seeded_choice_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_vae, "MOST_IMAGES", 4)
    monkeypatch.setattr(small_vae, "STEPS", 0)
    images = pixels(np.linspace(30, 220, 30))
    found = place_images(images, thirds(30), SETTINGS, device="cpu")
    assert found.curve["trained_on"].eq(4).all()
    assert len(found.means) == 10
