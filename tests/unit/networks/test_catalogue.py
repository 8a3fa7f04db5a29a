"""The catalogue of losses, against the losses themselves."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from memorability.base.errors import InputError
from memorability.networks.catalogue import BACKBONES, LOSSES, minimum_side
from memorability.networks.losses import MAKERS, WITHOUT_WEIGHTS, NetworkLoss, make_loss
from tests.run_settings import loss_choice

ROOT = Path(__file__).parents[3]


def made(name: str) -> torch.nn.Module:
    return make_loss(loss_choice(name))[0]


def test_every_loss_of_the_catalogue_can_be_made_and_no_other() -> None:
    assert set(MAKERS) == set(LOSSES)
    assert {name for name, spec in LOSSES.items() if spec.backbone is None} == {*WITHOUT_WEIGHTS}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_the_backbone_of_the_catalogue(name: str) -> None:
    loss = made(name)
    backbone = loss.backbone if isinstance(loss, NetworkLoss) else None
    assert backbone == LOSSES[name].backbone
    assert backbone is None or backbone in BACKBONES


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_a_loss_takes_images_of_its_minimum_side_and_none_smaller(name: str) -> None:
    side = LOSSES[name].minimum_side
    image = torch.rand(1, 3, side, side)
    assert made(name)(image, image).shape == (1,)
    with pytest.raises(ValueError, match=f"at least {side}"):
        made(name)(image[:, :, 1:], image[:, :, 1:])


def test_the_minimum_side_of_losses_is_the_largest() -> None:
    assert minimum_side(["mse", "ssim", "lpips_vgg"]) == 11
    assert minimum_side([]) == 1


def test_an_unknown_loss_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"loss 'ms_sim' is unknown .did you mean 'ms_ssim'"):
        made("ms_sim")


def test_registries_load_no_network() -> None:
    code = (
        "import sys, memorability.networks.catalogue, memorability.prediction.names, "
        "memorability.memory_game.score_kinds, memorability.images.data_sets; "
        "print(sorted({'torch', 'sklearn', 'scipy', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
