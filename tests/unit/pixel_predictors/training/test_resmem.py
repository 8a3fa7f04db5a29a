"""ResMem's network trained anew: what is trained, what drifts, what it starts from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import FitSettings, Fitted, Given
from memorability.pixel_predictors.fitted_file import write_fitted
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.pixel_predictors.resmem import TwoBranches, resmem_network
from memorability.pixel_predictors.training import resmem
from memorability.pixel_predictors.training.learning import learn
from memorability.pixel_predictors.training.resmem import (
    KINDS,
    ResMemScores,
    fit_resmem,
    load_resmem,
    open_resmem,
)
from memorability.pixel_predictors.views import standardised

SPLIT = np.array(["train"] * 4 + ["validation"] * 2)
SCORES = np.array([0.2, 0.9, 0.4, 0.7, 0.5, 0.6])
SETTINGS = FitSettings(seed=1, device="cpu", predicts="hits", trained_on="a table")


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth of ResNet-18 stands for ResNet-152."""
    monkeypatch.setattr(resmem, "resnet152", resnet18)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 3, 256, 256), dtype=np.uint8)


def test_the_network_has_the_tensors_of_the_published_one() -> None:
    with torch.device("meta"):
        ours = ResMemScores("drift")
    shapes = {name: value.shape for name, value in ours.branches.state_dict().items()}
    assert {name: shape for name, shape in shapes.items() if "features" not in name} == {
        name: value.shape
        for name, value in _meta_resmem().state_dict().items()
        if "features" not in name
    }
    assert len(shapes) == 956
    trained = [name for name, value in ours.named_parameters() if value.requires_grad]
    assert trained
    assert not any("features" in name for name in trained)
    assert KINDS["resmem_trained"].recipe.learning_rate == 1e-5


def _meta_resmem() -> TwoBranches:
    with torch.device("meta"):
        return resmem_network()


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize(
    ("normalisation", "trains", "moves"),
    [
        ("drift", False, {"averages", "head"}),
        ("frozen", False, {"head"}),
        ("standardised", False, {"head"}),
        ("drift", True, {"averages", "head", "resnet"}),
    ],
)
def test_what_a_training_moves(
    pixels: np.ndarray, normalisation: Any, trains: bool, moves: set[str]
) -> None:
    torch.manual_seed(0)
    network = ResMemScores(normalisation, trains_resnet=trains, divisor=8)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    recipe = replace(KINDS["resmem_trained"].recipe, learning_rate=0.1, batch_size=2, epochs=1)
    learn(
        network, pixels, SCORES.astype(np.float32), SPLIT, replace(recipe, patience=None),
        seed=0, device="cpu",
    )  # fmt: skip
    moved = set()
    for name, value in network.state_dict().items():
        if not torch.equal(value, before[name]):
            kind = "averages" if "running" in name or "tracked" in name else "resnet"
            moved.add(kind if "features" in name else "head")
    assert moved == moves


@pytest.mark.usefixtures("shallow")
def test_the_resnet_alone_gets_standardised_images(pixels: np.ndarray) -> None:
    torch.manual_seed(0)
    plain, other = ResMemScores("drift", divisor=8), ResMemScores("standardised", divisor=8)
    other.load_state_dict(plain.state_dict())
    seen: list[torch.Tensor] = []
    for network in (plain, other):
        network.eval()
        network.branches.features.register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0])
        )
        with torch.no_grad():
            network(torch.from_numpy(pixels[:1]))
    centre = torch.from_numpy(pixels[:1, :, 14:241, 14:241]) / 255
    torch.testing.assert_close(seen[0], centre)
    torch.testing.assert_close(seen[1], standardised(centre))


@pytest.mark.usefixtures("shallow")
def test_a_start_is_a_whole_resmem_or_its_resnet(tmp_path: Path) -> None:
    whole, network = ResMemScores("drift", divisor=8), ResMemScores("frozen", divisor=8)
    path = tmp_path / "resmem.pt"
    torch.save(whole.branches.state_dict(), path)
    receipt = load_resmem(network, path)
    assert (receipt.missing, receipt.remark) == (0, "")
    torch.testing.assert_close(network.branches.fc6.weight, whole.branches.fc6.weight)
    torch.save(whole.branches.features.state_dict(), path)
    receipt = load_resmem(network, path)
    assert (receipt.missing, receipt.remark) == (24, "random: all but ResNet-152")
    torch.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(InputError, match="does not fit the network ResNet-152"):
        load_resmem(network, path)


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("name", ["resmem_trained", "resmem_standardised"])
def test_a_network_is_trained_written_and_read_with_the_same_scores(
    pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind = KINDS[name]

    def build() -> ResMemScores:
        normal = "drift" if name == "resmem_trained" else "standardised"
        return ResMemScores(normal, divisor=8)  # type: ignore[arg-type]

    small = replace(kind, build=build, recipe=replace(kind.recipe, epochs=1))
    monkeypatch.setitem(resmem.KINDS, name, small)  # type: ignore[arg-type]
    spec = PIXEL_PREDICTORS[name]
    fitted: Fitted = fit_resmem(spec, Given(weights=()), pixels, SCORES, SPLIT, settings=SETTINGS)
    scores = fitted.predictor.score(pixels, "cpu")
    path = tmp_path / "mine"
    write_fitted(fitted.predictor, path)
    read = open_resmem(spec, Given(weights=(path,))).to("cpu")
    np.testing.assert_array_equal(read.score(pixels, "cpu"), scores)
    assert read.facts.version == "start: random, seed 1, epoch 1"
