"""ResNet-50 trained on a few images: written and read, in the units of its scores, mistakes refused."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models import resnet18, resnet50

from memorability.base.errors import InputError
from memorability.networks.training import checkpoints as states
from memorability.networks.training.checkpoints import Checkpoints
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given, Resuming
from memorability.pixel_predictors.fitted_file import write_fitted
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.pixel_predictors.training import resnet
from memorability.pixel_predictors.training.fitting import Kind
from memorability.pixel_predictors.training.resnet import (
    KINDS,
    ResNetScores,
    fit_resnet,
    load_resnet,
    open_resnet,
)

SPEC = PIXEL_PREDICTORS["resnet50_narrow"]
SETTINGS = FitSettings(seed=1, device="cpu", predicts="rating", trained_on="a table")
IMAGES, SIDE = 12, 32
SPLIT = np.array(["train"] * 6 + ["validation"] * 4 + ["test"] * 2)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops of 32 pixels stand for those of 224, and two epochs for eight."""
    monkeypatch.setattr(ResNetScores, "crop", SIDE)
    recipe = replace(KINDS[SPEC.name].recipe, epochs=2, batch_size=4)
    monkeypatch.setitem(resnet.KINDS, SPEC.name, replace(KINDS[SPEC.name], recipe=recipe))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (IMAGES, 3, SIDE, SIDE), dtype=np.uint8)


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.2, 0.9, IMAGES)


Fit = Callable[..., Fitted]


@pytest.fixture
def fit(pixels: np.ndarray, scores: np.ndarray) -> Fit:
    def fitted(
        scores: np.ndarray = scores, split: np.ndarray = SPLIT, weights: tuple[Path, ...] = (),
        settings: FitSettings = SETTINGS,
    ) -> Fitted:  # fmt: skip
        return fit_resnet(SPEC, Given(weights=weights), pixels, scores, split, settings=settings)

    return fitted


def test_the_network_is_that_of_the_notebook() -> None:
    with torch.device("meta"):
        network = ResNetScores()
    head = 2048 * 512 + 512 + 512 + 1
    # torchvision's ResNet-50 without its classifier of 1,000 classes.
    assert sum(one.numel() for one in network.parameters()) == 25_557_032 - 2_049_000 + head
    with torch.device("meta"):
        small = ResNetScores(divisor=8)
    assert small.resnet.conv1.weight.shape == (8, 3, 7, 7)
    assert small.resnet.layer4[2].conv3.weight.shape == (256, 64, 1, 1)
    assert small.resnet.fc[3].weight.shape == (1, 64)
    for name, kind in KINDS.items():
        assert kind.recipe.optimizer == "adam"
        assert PIXEL_PREDICTORS[name].fits.endswith(":fit_resnet")
    columbia = KINDS["resnet50"].recipe
    assert (columbia.epochs, columbia.learning_rate, columbia.batch_size) == (3, 1e-4, 32)
    assert columbia.patience is None


def test_images_are_standardised_and_scores_are_of_the_centre_and_both_sides(
    pixels: np.ndarray,
) -> None:
    network = ResNetScores(both_sides=True, divisor=8).eval()
    larger = np.zeros((2, 3, SIDE + 4, SIDE + 4), dtype=np.uint8)
    larger[..., 2:-2, 2:-2] = pixels[:2]
    images = torch.from_numpy(pixels[:2]) / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = (images - mean[:, None, None]) / deviation[:, None, None]
    with torch.no_grad():
        sides = [torch.sigmoid(network.resnet(one)).squeeze(1) for one in (images, images.flip(-1))]
        torch.testing.assert_close(
            network(torch.from_numpy(larger)), (sides[0] + sides[1]) / 2, atol=1e-5, rtol=0
        )


def test_a_predictor_is_trained_written_and_read_with_the_same_scores(
    fit: Fit, pixels: np.ndarray, scores: np.ndarray, tmp_path: Path
) -> None:
    fitted = fit()
    facts = fitted.predictor.facts
    assert facts.trained_on == "6 images: a table"
    assert facts.version == f"start: random, seed 1, epoch {fitted.chosen['epoch']}"
    assert facts.licence == "yours: the start was random"
    assert [one.epoch for one in fitted.history] == [1, 2]
    ours = fitted.predictor.score(pixels, "cpu")
    error = float(((ours - scores)[6:10] ** 2).mean())
    assert fitted.chosen["validation_squared_error"] == pytest.approx(error, rel=1e-4)
    path = tmp_path / "mine.safetensors"
    write_fitted(fitted.predictor, path)
    again = open_resnet(SPEC, Given(weights=(path,))).to("cpu")
    np.testing.assert_array_equal(again.score(pixels, "cpu"), ours)
    write_fitted(fit().predictor, tmp_path / "again.safetensors")
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    with pytest.raises(InputError, match="holds the predictor 'resnet50_narrow', not 'resnet50'"):
        open_resnet(PIXEL_PREDICTORS["resnet50"], Given(weights=(path,)))


def test_scores_beyond_0_and_1_are_predicted_in_their_own_units(
    fit: Fit, scores: np.ndarray, pixels: np.ndarray
) -> None:
    ratings = 10 * scores - 5
    low, high = min(ratings[:6].min(), 0), max(ratings[:6].max(), 1)
    inside, ours = fit(scores=(ratings - low) / (high - low)), fit(scores=ratings)
    np.testing.assert_allclose(
        ours.predictor.score(pixels, "cpu"),
        low + (high - low) * inside.predictor.score(pixels, "cpu"),
        rtol=1e-5,
    )
    for one, two in zip(ours.history, inside.history, strict=True):
        assert one.train_error == pytest.approx(two.train_error * (high - low) ** 2, rel=1e-5)
    assert ours.chosen["epoch"] == inside.chosen["epoch"]


def test_a_stopped_fit_goes_on_and_gives_the_same_bytes(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fitted(fit().predictor, tmp_path / "whole")
    monkeypatch.setattr(states, "LARGEST_SHARE", math.inf)
    resuming = Resuming(directory=tmp_path / "states", seconds=0, code="code")
    settings = replace(SETTINGS, resuming=resuming)
    save = Checkpoints.save

    def stop(self: Checkpoints, state: Any) -> None:
        save(self, state)
        if len(state.errors) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", stop)
        with pytest.raises(KeyboardInterrupt):
            fit(settings=settings)
    assert list((tmp_path / "states").rglob("*.safetensors"))
    saves: list[int] = []
    monkeypatch.setattr(Checkpoints, "save", lambda _, state: saves.append(len(state.losses)))
    write_fitted(fit(settings=settings).predictor, tmp_path / "again")
    assert saves[0] == 6  # the first epoch is not trained again
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "again").read_bytes()
    assert not list((tmp_path / "states").rglob("*.safetensors"))
    # Another seed, or other scores, never go on from this state.
    saves.clear()
    fit(settings=replace(settings, seed=2))
    assert saves[0] == 0


def test_a_start_is_loaded_but_for_its_classifier(tmp_path: Path) -> None:
    path = tmp_path / "start.pth"
    published = resnet50(weights=None)
    torch.save(published.state_dict(), path)
    network = ResNetScores()
    receipt = load_resnet(network, path)
    assert (receipt.matched, receipt.missing, receipt.unexpected) == (318, 4, 2)
    assert len(receipt.sha256) == 64
    torch.testing.assert_close(
        network.resnet.layer3[1].conv2.weight, published.layer3[1].conv2.weight
    )
    assert network.resnet.fc[0].weight.shape == (512, 2048)
    torch.save(resnet18(weights=None).state_dict(), path)
    with pytest.raises(InputError, match="does not fit the network ResNet-50"):
        load_resnet(network, path)


def test_the_start_is_in_the_facts(fit: Fit, tmp_path: Path) -> None:
    torch.manual_seed(5)
    path = tmp_path / "start.pth"
    torch.save(ResNetScores(divisor=8).resnet.state_dict(), path)
    facts = fit(weights=(path,)).predictor.facts
    assert facts.licence == "weights of the start: none stated"
    assert re.fullmatch(r"start: [0-9a-f]{8} \(random: fc\), seed 1, epoch [12]", facts.version)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_split_without_images_to_learn_from_or_to_stop_by_is_refused(fit: Fit, part: str) -> None:
    with pytest.raises(InputError, match="images, but the split has none"):
        fit(split=np.where(part == SPLIT, "test", SPLIT))


def test_what_cannot_be_learned_is_refused(fit: Fit, scores: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"all training images have the score 0\.7"):
        fit(scores=np.full(IMAGES, 0.7))
    one = np.array(["train"] + ["validation"] * (IMAGES - 1))
    with pytest.raises(InputError, match="the only training image has the score"):
        fit(split=one)
    missing = scores.copy()
    missing[7] = np.nan
    with pytest.raises(InputError, match="1 of 4 validation images have no score"):
        fit(scores=missing)


def test_a_training_that_diverges_is_refused(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    kind: Kind = resnet.KINDS[SPEC.name]

    def ruined() -> ResNetScores:
        network = ResNetScores(divisor=8)
        torch.nn.init.constant_(network.resnet.fc[3].bias, math.nan)
        return network

    monkeypatch.setitem(resnet.KINDS, SPEC.name, replace(kind, build=partial(ruined)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="The training diverged"):
        fit()
