"""Portraits of units: regions, segmentations, and pictures that excite a unit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from memorability.images.decoding import STANDARD
from memorability.networks.computing import Compute
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.pixel_predictors.resmem import OfSquares
from memorability.pixel_predictors.views import squashed_to_224
from memorability.report.where.portraits import portraits_figure
from memorability.where.portraits import visualising
from memorability.where.portraits.making import PortraitSettings, portray_units
from memorability.where.portraits.names import AVERAGE, DISKS, KINDS, PUBLISHED, RECOMMENDED
from memorability.where.portraits.regions import (
    above,
    centre_of,
    dimmed,
    disks,
    region,
    weighted_average,
)
from tests.unit.where.conftest import Built

FACTS = Facts(**dict.fromkeys(Facts.__dataclass_fields__, "x"))
SETTINGS = PortraitSettings(
    seed=0, decoding=STANDARD, compute=Compute(device="cpu", threads=1), visualised_units=1
)


class _Colours(nn.Module):
    """Units 0 to 2 are red, green and blue at 7 × 7 places; unit 3 never fires."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(32)
        self.conv = nn.Conv2d(3, 4, 1)
        with torch.no_grad():
            self.conv.weight.copy_(torch.eye(4)[:, :3, None, None])
            self.conv.bias.zero_()

    def forward(self, pixels: Tensor) -> Tensor:
        return self.conv(self.pool(pixels.float() / 255)).mean(dim=(1, 2, 3))


class _Frozen(_Colours):
    def forward(self, pixels: Tensor) -> Tensor:
        with torch.no_grad():
            return super().forward(pixels)


def predictor(network: nn.Module) -> PixelPredictor:
    return PixelPredictor(facts=FACTS, prepare=squashed_to_224, network=network.eval())


def test_places_of_conv5_lie_at_17_and_each_16_pixels() -> None:
    """Checked against the network: an impulse at a place's centre reaches this place most evenly."""
    assert [centre_of(cell, 13, 227) for cell in (0, 6, 12)] == [17, 113, 209]
    assert centre_of(6, 13, 227) == (227 - 1) / 2
    assert [centre_of(cell, 7, 224) for cell in (0, 3, 6)] == [15.5, 111.5, 207.5]


def test_a_region_is_around_the_most_active_place() -> None:
    picture = np.zeros((227, 227, 3), dtype=np.uint8)
    picture[113, 113] = 200
    activation = np.zeros((13, 13), dtype=np.float32)
    activation[6, 6] = 1
    found, inside = region(picture, activation)
    assert inside.all()
    assert found.shape == (163, 163, 3)
    assert found[81, 81].tolist() == [200] * 3
    activation[0, 0] = 2
    _, inside = region(picture, activation)
    # The window reaches 64 pixels beyond the border.
    assert not inside[:64].any()
    assert inside[64:, 64:].all()
    whole, inside = region(picture, np.ones((1, 1), dtype=np.float32))
    assert whole is picture
    assert inside.all()


def test_averages_are_weighted_by_activations() -> None:
    regions = [np.full((2, 2, 3), value, dtype=np.uint8) for value in (0, 100, 200)]
    inside = [np.ones((2, 2), dtype=bool)] * 3
    assert (weighted_average(regions, inside, np.asarray([1.0, 1.0, 2.0])) == 125).all()
    assert (weighted_average(regions, inside, np.asarray([0.0, -1.0, 0.0])) == 100).all()
    # Pixels beyond a picture's border do not count; where there are no others, it is white.
    part = np.asarray([[True, False], [False, False]])
    found = weighted_average(regions, [part, part, inside[2] & (part | [[False], [True]])],
                             np.asarray([1.0, 1.0, 2.0]))  # fmt: skip
    assert found[..., 0].tolist() == [[125, 255], [200, 200]]


def test_segmentations_show_the_active_places() -> None:
    activation = np.zeros((13, 13), dtype=np.float32)
    activation[6, 6], activation[0, 0] = 1, 0.4
    mask = disks(activation, (227, 227))
    assert mask[108, 108]
    assert not mask[0, 0]  # below half of the largest
    assert mask.sum() == pytest.approx(np.pi * 32.5**2, rel=0.02)
    assert not disks(np.zeros((13, 13), dtype=np.float32), (50, 60)).any()
    assert disks(np.ones((1, 1), dtype=np.float32), (50, 60)).all()
    assert above(activation, 0.5, (130, 130))[65, 65]
    assert not above(activation, 0.5, (130, 130))[5, 5]
    picture = np.full((2, 2, 3), 100, dtype=np.uint8)
    kept = dimmed(picture, np.asarray([[True, False], [False, False]]))
    assert kept[..., 0].tolist() == [[100, 20], [20, 20]]


@pytest.mark.parametrize("wrap", [lambda network: network, OfSquares])
def test_pictures_excite_the_unit_that_they_are_made_for(
    wrap: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visualising, "LARGEST_SIDE", 100)
    inner = _Colours()
    if wrap is OfSquares:
        inner.conv.weight.data *= 255  # it is given 0 to 1
    network = wrap(inner).requires_grad_(False)
    layer = "plus.conv" if wrap is OfSquares else "conv"
    assert visualising.has_gradient(network, layer, 0, device="cpu")
    made = [
        visualising.published(network, layer, 0, seed=0, device="cpu"),
        visualising.recommended(network, layer, 0, seed=0, device="cpu", steps=30),
    ]
    for picture in made:
        red, green, blue = picture.reshape(-1, 3).mean(axis=0)
        assert red > 1.2 * max(green, blue)
    # 67 pixels grow by 1.2 as long as they stay within the largest side.
    assert [len(picture) for picture in made] == [96, 100]
    again = visualising.published(network, layer, 0, seed=0, device="cpu")
    assert (again == made[0]).all()


def test_pictures_of_every_kind_are_made_at_other_sides(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visualising, "LARGEST_SIDE", 100)
    monkeypatch.setattr(visualising, "STEPS_OF_ROUND", 1)
    network, layer = built.predictor.network, built.kind.layer
    assert visualising.has_gradient(network, layer, 0, device="cpu")
    made = [
        visualising.published(network, layer, 0, seed=0, device="cpu"),
        visualising.recommended(network, layer, 0, seed=0, device="cpu", steps=1),
    ]
    assert [picture.shape for picture in made] == [(96, 96, 3), (100, 100, 3)]


def test_portraits_of_every_kind_are_written(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visualising, "LARGEST_SIDE", 70)
    monkeypatch.setattr(visualising, "STEPS_OF_ROUND", 1)
    monkeypatch.setattr(visualising, "RECOMMENDED_STEPS", 1)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 60, 80, 3), dtype=np.uint8)
    for name, one in zip("abc", pixels, strict=True):
        Image.fromarray(one).save(tmp_path / f"{name}.png")
    images = pd.DataFrame({"image_id": list("abc"), "file": ["a.png", "b.png", "c.png"]})
    portray_units(
        images, tmp_path, correlated([0.4, -0.3]).assign(layer=built.kind.layer),
        {"resnet50": built.predictor}, SETTINGS, device="cpu", path=tmp_path / "portraits.npz",
    )  # fmt: skip
    with np.load(tmp_path / "portraits.npz", allow_pickle=False) as found:
        assert (found["pixels"] < 255).any(axis=(2, 3, 4)).all()


def test_an_activation_without_a_gradient_has_no_picture() -> None:
    network = _Frozen().requires_grad_(False)
    assert not visualising.has_gradient(network, "conv", 0, device="cpu")


def correlated(rows: list[float]) -> pd.DataFrame:
    table = pd.DataFrame({"number": range(len(rows)), "r": rows, "predictor": "resnet50"})
    return table.assign(
        layer="conv", ci_low=-0.5, ci_high=0.9, n=6, sd=1.0, q=0.5, top_image="0", share_active=1.0,
        given_category=np.nan,
    )  # fmt: skip


def test_portraits_of_units_are_written_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visualising, "LARGEST_SIDE", 70)
    monkeypatch.setattr(visualising, "STEPS_OF_ROUND", 2)
    for place in range(6):
        pixels = np.zeros((224, 224, 3), dtype=np.uint8)
        pixels[32 * place : 32 * place + 32, :32] = (40 * place + 20, 0, 0)
        Image.fromarray(pixels).save(tmp_path / f"{place}.png")
    ids = [str(place) for place in range(6)]
    images = pd.DataFrame({"image_id": ids, "file": [f"{name}.png" for name in ids]})
    units = correlated([0.4, np.nan, -0.3, np.nan])
    portray_units(
        images, tmp_path, units, {"resnet50": predictor(_Colours())}, SETTINGS,
        device="cpu", path=tmp_path / "portraits.npz",
    )  # fmt: skip
    with np.load(tmp_path / "portraits.npz", allow_pickle=False) as found:
        assert found["number"].tolist() == [0, 2]
        pixels = found["pixels"]
    red = dict(zip(KINDS, pixels[0], strict=False))
    # The brightest image comes first: its red square is kept, and its colour leads the average.
    first = pixels[0, KINDS.index(DISKS)]
    assert first[..., 0].max() > 200
    assert red[AVERAGE][..., 0].mean() > red[AVERAGE][..., 1].mean() - 1
    for kind in (PUBLISHED, RECOMMENDED):
        assert (pixels[:, KINDS.index(kind)] < 255).any(axis=(1, 2, 3)).all()
    figure = portraits_figure(units, tmp_path / "portraits.npz", "resnet50", note="A note.")
    figure.savefig(tmp_path / "f.png")


def test_a_layer_that_says_nothing_ends_in_a_sentence(tmp_path: Path) -> None:
    images = pd.DataFrame({"image_id": ["a"], "file": ["a.png"]})
    portray_units(
        images, tmp_path, correlated([np.nan]), {"resnet50": predictor(_Colours())}, SETTINGS,
        device="cpu", path=tmp_path / "portraits.npz",
    )  # fmt: skip
    units = correlated([np.nan])
    figure = portraits_figure(units, tmp_path / "portraits.npz", "resnet50", note="A note.")
    figure.savefig(tmp_path / "f.png")
    (axes,) = figure.axes
    assert "No unit is" in axes.texts[0].get_text().replace("\n", " ")
