"""M3M: three branches, a segmentation that stays, and a start from the files of two networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet18
from torchvision.models.segmentation import fcn_resnet50

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import FitSettings, Given
from memorability.pixel_predictors.fitted_file import write_fitted
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.pixel_predictors.training import m3m, resmem
from memorability.pixel_predictors.training.m3m import (
    KINDS,
    SEGMENTED,
    M3MScores,
    fit_m3m,
    load_m3m,
    open_m3m,
)
from memorability.pixel_predictors.training.narrowing import narrowed
from memorability.pixel_predictors.training.resmem import ResMemScores
from memorability.pixel_predictors.views import standardised

SPEC = PIXEL_PREDICTORS["m3m"]
SPLIT = np.array(["train"] * 4 + ["validation"] * 2)
SCORES = np.array([0.2, 0.9, 0.4, 0.7, 0.5, 0.6])
SETTINGS = FitSettings(seed=1, device="cpu", predicts="hits", trained_on="a table")


@pytest.fixture
def _shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth of ResNet-18 stands for ResNet-152, an eighth of the others for themselves."""
    for module in (resmem, m3m):
        monkeypatch.setattr(module, "resnet152", resnet18)
    kind = KINDS["m3m"]
    small = replace(
        kind, build=lambda: M3MScores(divisor=8),
        recipe=replace(kind.recipe, learning_rate=0.1, epochs=1),
    )  # fmt: skip
    monkeypatch.setitem(m3m.KINDS, "m3m", small)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 3, 256, 256), dtype=np.uint8)


def segmentation_file(path: Path) -> Path:
    """Write a segmentation as torchvision's files have it: with a second classifier."""
    torch.manual_seed(5)
    network = narrowed(
        lambda: fcn_resnet50(
            weights=None, weights_backbone=None, num_classes=21, aux_loss=True
        ), 8,
    )  # fmt: skip
    torch.save(network.state_dict(), path)
    return path


def test_the_segmentation_is_torchvisions_and_the_perceptron_reads_three_branches() -> None:
    with torch.device("meta"):
        network = M3MScores()
    segmentation = network.branches.get_submodule("segmentation")
    assert sum(one.numel() for one in segmentation.parameters()) == 32_957_013
    assert network.branches.get_submodule("fc6").weight.shape == (4096, 9216 + 1000 + SEGMENTED)
    trained = {name.split(".")[1] for name, one in network.named_parameters() if one.requires_grad}
    assert "class_maps" in trained
    assert not trained & {"segmentation", "features"}


@pytest.mark.usefixtures("_shallow")
def test_a_start_from_resmem_begins_with_its_scores_and_the_segmentation_with_its_file(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    first, network = ResMemScores("drift", divisor=8), M3MScores(divisor=8)
    torch.save(first.branches.state_dict(), tmp_path / "resmem.pt")
    views = torch.from_numpy(pixels)
    for each in (first, network):
        each.eval()
    receipt = load_m3m(network, tmp_path / "resmem.pt")
    assert receipt.matched == len(first.branches.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(network(views), first(views))
    receipt = load_m3m(network, segmentation_file(tmp_path / "fcn.pth"))
    assert (receipt.missing, receipt.remark) == (0, "segmentation")
    stored = torch.load(tmp_path / "fcn.pth")
    own = network.branches.get_submodule("segmentation").state_dict()
    assert receipt.unexpected == len(stored) - len(own) > 0
    assert all(torch.equal(value, stored[name]) for name, value in own.items())
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "other.pt")
    with pytest.raises(InputError, match="does not fit the network ResNet-152"):
        load_m3m(network, tmp_path / "other.pt")


@pytest.mark.usefixtures("_shallow")
def test_the_third_branch_reads_standardised_images_and_shares_of_classes(
    pixels: np.ndarray,
) -> None:
    torch.manual_seed(0)
    network = M3MScores(divisor=8).eval()
    seen: dict[str, torch.Tensor] = {}
    for name in ("segmentation", "class_maps"):
        network.branches.get_submodule(name).register_forward_pre_hook(
            lambda _, inputs, name=name: seen.update({name: inputs[0]})
        )
    with torch.no_grad():
        network(torch.from_numpy(pixels[:1]))
    centre = torch.from_numpy(pixels[:1, :, 14:241, 14:241]) / 255
    torch.testing.assert_close(seen["segmentation"], standardised(centre))
    assert seen["class_maps"].shape == (1, 21 // 8, 227, 227)
    torch.testing.assert_close(seen["class_maps"].sum(dim=1), torch.ones(1, 227, 227))


@pytest.mark.usefixtures("_shallow")
def test_a_training_from_two_files_leaves_the_segmentation_and_is_read_again(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    torch.save(ResMemScores("drift", divisor=8).branches.state_dict(), tmp_path / "resmem.pt")
    files = (segmentation_file(tmp_path / "fcn.pth"), tmp_path / "resmem.pt")
    fitted = fit_m3m(SPEC, Given(weights=files), pixels, SCORES, SPLIT, settings=SETTINGS)
    assert " (segmentation) and " in fitted.predictor.facts.version
    state, stored = fitted.predictor.network.state_dict(), torch.load(files[0])
    prefix = "network.branches.segmentation."
    kept = {name.removeprefix(prefix): one for name, one in state.items() if prefix in name}
    assert all(torch.equal(one, stored[name]) for name, one in kept.items())
    assert state["network.branches.fc6.weight"][:, -288:].abs().max() > 0
    scores = fitted.predictor.score(pixels, "cpu")
    write_fitted(fitted.predictor, tmp_path / "mine")
    read = open_m3m(SPEC, Given(weights=(tmp_path / "mine",)))
    np.testing.assert_array_equal(read.score(pixels, "cpu"), scores)
    twice = (files[0], segmentation_file(tmp_path / "again.pth"))
    with pytest.raises(InputError, match=r"fcn\.pth and .*again\.pth are both weights of the net"):
        fit_m3m(SPEC, Given(weights=twice), pixels, SCORES, SPLIT, settings=SETTINGS)
