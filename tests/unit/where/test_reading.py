"""What is said to be read of an image, against what changes the score."""

import numpy as np
import pytest
import torch
from torch import nn

from memorability.base.seeding import numpy_stream
from memorability.pixel_predictors.training.resnet import ResNetScores
from memorability.where.reading import (
    in_units,
    memnet_of,
    pictures_read,
    window_read,
    without_mirror_images,
)
from tests.unit.where.conftest import Built

SIDE = 256
VIEW = numpy_stream(0, "view").integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)


def test_the_window_is_what_changes_the_score(built: Built) -> None:
    first, after = built.kind.first, built.kind.first + built.kind.side
    network = built.predictor.network
    assert window_read(network, SIDE, SIDE) == (slice(first, after),) * 2
    outside = np.ones((SIDE, SIDE), dtype=bool)
    outside[first:after, first:after] = False
    other = np.where(outside, 255 - VIEW, VIEW)
    before, changed = built.predictor.score(np.stack([VIEW, other]), "cpu")
    assert changed == pytest.approx(before, rel=1e-6)
    # Scores of random weights hardly change with one line of pixels; the gradient tells exactly.
    pixels = torch.from_numpy(VIEW)[None].float().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(pixels).sum(), pixels)
    felt = (gradient[0] != 0).any(dim=0).numpy()
    assert not felt[outside].any()
    for edge in (first, after - 1):
        assert felt[edge].any()
        assert felt[:, edge].any()


def test_pictures_are_what_the_first_layer_is_given(built: Built) -> None:
    found = pictures_read(built.predictor.network, VIEW)
    side = 227 if built.name == "memnet" else built.kind.side
    assert [picture.shape for picture in found] == [(side, side, 3)] * built.kind.crops
    whole = VIEW.transpose(1, 2, 0)
    if built.name == "memnet":
        assert (found[0] == whole[:227, :227]).all()
        assert (found[9] == whole[15:242, 15:242][:, ::-1]).all()
    else:
        inside = slice(built.kind.first, built.kind.first + side)
        assert (found[0] == whole[inside, inside]).all()


def test_a_network_without_crops_reads_the_view() -> None:
    network = nn.Identity()
    canvas = np.zeros((4, 40, 50), dtype=np.uint8)
    assert window_read(network, 40, 50) == (slice(0, 40), slice(0, 50))
    assert [one.shape for one in pictures_read(network, canvas)] == [(40, 50, 3)]
    assert memnet_of(network) is None
    assert in_units(network, np.ones(2)).tolist() == [1, 1]


def test_memnet_is_known_within_its_wrapper(built: Built) -> None:
    memnet = memnet_of(built.predictor.network)
    assert (memnet is not None) == (built.name == "memnet")
    if memnet is not None:
        with torch.inference_mode():
            own = memnet(torch.from_numpy(VIEW)[None]).double().numpy()
        expected = built.predictor.score(VIEW[None], "cpu")
        assert in_units(built.predictor.network, own) == pytest.approx(expected)


def test_mirror_images_are_left_out_for_a_while() -> None:
    network = ResNetScores(both_sides=True, divisor=16).eval()
    calls: list[int] = []
    network.resnet.register_forward_hook(lambda *_: calls.append(1))
    pixels = torch.from_numpy(VIEW)[None]
    with torch.inference_mode():
        with without_mirror_images(network):
            network(pixels)
        assert len(calls) == 1
        network(pixels)
    assert len(calls) == 3
