"""Maps of the predicted score: where they are highest, against known answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import stats
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream
from memorability.images.decoding import STANDARD
from memorability.networks.computing import Compute
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.pixel_predictors.memnet import MemNet, TenCropScores
from memorability.pixel_predictors.training.fitting import InUnits
from memorability.pixel_predictors.training.memnet import MemNetScores
from memorability.pixel_predictors.training.resmem import ResMemScores
from memorability.pixel_predictors.training.resnet import ResNetScores
from memorability.pixel_predictors.views import squashed, squashed_to_224
from memorability.report.where.maps import agreement_in_words, maps_figure, write_agreement
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store
from memorability.where import maps
from memorability.where.looking import thumbnails
from memorability.where.map_agreement import agreement
from memorability.where.maps import MapSettings
from tests.unit.where.conftest import Built

FACTS = Facts(**dict.fromkeys(Facts.__dataclass_fields__, "x"))
SETTINGS = MapSettings(
    mapped_images=9, seed=0, decoding=STANDARD, compute=Compute(device="cpu", threads=1), layers={}
)
BOOTSTRAP = Bootstrap(500, 0.95, 0)


class _Redness(nn.Module):
    """The mean of red, by a convolution: its map must be highest where red is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 8, stride=8)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.bias.zero_()
            self.conv.weight[0, 0] = 1 / 64

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.relu(self.conv(pixels.float() / 255)).mean(dim=(2, 3))[:, 0]


class _Constant(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return 0 * pixels.float().mean(dim=(1, 2, 3)) + 0.5


def predictor(network: nn.Module) -> PixelPredictor:
    return PixelPredictor(facts=FACTS, prepare=squashed_to_224, network=network.eval())


def red_corner() -> np.ndarray:
    image = np.full((96, 128, 3), 30, dtype=np.uint8)
    image[:24, 96:] = (230, 30, 30)
    return image


def test_every_map_is_highest_where_the_score_comes_from() -> None:
    made = maps.maps_of_image(red_corner(), predictor(_Redness()), "cpu")
    assert set(made) == {
        "occlusion", "windows", "grad_cam", "integrated_gradients", "centre", "edges",
    }  # fmt: skip
    for name in ("occlusion", "windows", "grad_cam", "integrated_gradients"):
        values = made[name]
        assert values.shape == (8, 8)
        highest = np.unravel_index(values.argmax(), values.shape)
        assert highest[0] <= 1, name
        assert highest[1] >= 6, name


def test_occlusion_is_the_fall_of_the_score() -> None:
    view = squashed_to_224(Image.fromarray(red_corner()))
    network = predictor(_Redness())
    found = maps.occlusion(view, network, "cpu")
    hidden = view.copy()
    hidden[:, :56, 168:] = np.rint(view.mean(axis=(1, 2))).astype(np.uint8)[:, None, None]
    before, after = network.score(np.stack([view, hidden]), "cpu")
    # The corner cell is covered by one patch alone.
    assert found[0, 7] == pytest.approx(before - after)
    assert found[7, 0] < found[0, 7]


def test_integrated_gradients_add_up_to_the_difference_of_the_scores() -> None:
    view = squashed_to_224(Image.fromarray(red_corner()))
    network = _Redness().eval()
    found = maps.integrated_gradients(network, view, "cpu")
    image = np.ascontiguousarray(view.transpose(1, 2, 0))
    start = maps.blurred(image, 224 / 20).transpose(2, 0, 1)
    scores = predictor(network).score(np.stack([view, start]), "cpu")
    assert found.sum() == pytest.approx(scores[0] - scores[1], abs=1e-5)


def test_a_map_lies_where_the_network_reads(built: Built) -> None:
    values = torch.arange(49.0).view(7, 7) + 1
    first, side = built.kind.first, built.kind.side
    found = maps._in_cells(values, built.predictor.network, 256, 256)
    by_hand = np.zeros((256, 256))
    for row in range(side):
        for column in range(side):
            # The values of the nearest places are mixed; what lies beyond is that of the border.
            places = [min(max((at + 0.5) * 7 / side - 0.5, 0), 6) for at in (row, column)]
            value = 1 + 7 * places[0] + places[1]
            by_hand[first + row, first + column] = value
    assert found == pytest.approx(by_hand.reshape(8, 32, 8, 32).mean(axis=(1, 3)), abs=1e-4)
    # A part of the 32 pixels of the first cells is outside of the crop.
    ones = maps._in_cells(torch.ones(7, 7), built.predictor.network, 256, 256)
    assert ones[3, 3] == pytest.approx(1)
    assert ones[0, 3] == pytest.approx((32 - first) / 32)


def test_cells_outside_of_a_crop_are_0() -> None:
    class Corner(ResMemScores):
        def centre(self, images: Tensor) -> Tensor:
            return images[..., 64:192, 96:256]

    found = maps._in_cells(torch.ones(5, 5), InUnits(Corner("drift", divisor=8)), 256, 256)
    expected = np.zeros((8, 8))
    expected[2:6, 3:] = 1
    assert found == pytest.approx(expected)


def test_every_kind_has_its_maps(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("occlusion", "sliding_windows", "integrated_gradients"):
        monkeypatch.setattr(maps, name, lambda *_: np.zeros((8, 8)))
    found = maps.maps_of_image(red_corner(), built.predictor, "cpu", layer=built.kind.layer)
    own = (
        {"fully_convolutional"} if built.name == "memnet" else {"grad_cam", "integrated_gradients"}
    )
    assert set(found) == own | {"occlusion", "windows", "centre", "edges"}


def test_grad_cam_is_of_the_image_and_not_of_its_mirror_image() -> None:
    torch.manual_seed(0)
    network = ResNetScores(divisor=8).eval()
    pixels = torch.from_numpy(squashed(Image.fromarray(red_corner())).copy())[None]
    alone = maps.grad_cam(network, pixels, "resnet.layer2.0.conv1")
    network.both_sides = True
    assert maps.grad_cam(network, pixels, "resnet.layer2.0.conv1") == pytest.approx(alone)
    assert np.ptp(alone) > 0


def small_memnet() -> MemNet:
    torch.manual_seed(0)
    network = MemNet("needell2020")
    network.fc6, network.fc7, network.fc8 = (nn.Linear(*n) for n in ((9216, 8), (8, 8), (8, 1)))
    return network.eval().requires_grad_(False)


def test_memnet_at_227_pixels_is_its_own_score() -> None:
    network = small_memnet()
    scores = TenCropScores(network, torch.rand(3, 256, 256) * 255, "raw")
    stream = numpy_stream(0, "image")
    image = stream.integers(0, 256, (227, 227, 3), dtype=np.uint8)
    found = maps.fully_convolutional(image, scores, "cpu", sides=(227,))
    mean = torch.nn.functional.interpolate(
        scores.mean_image[None], (227, 227), mode="bilinear", align_corners=False
    )
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].flip(1).float() - mean
    assert found == pytest.approx(float(network(pixels)), rel=1e-4)
    wide = maps.fully_convolutional(image[:20, :31], scores, "cpu", sides=(227, 259))
    assert wide.shape == (8, 8)
    assert np.ptp(wide) > 0


@pytest.mark.parametrize("narrow", [True, False])
def test_the_map_of_a_trained_memnet_is_in_its_units(
    narrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("occlusion", "sliding_windows"):
        monkeypatch.setattr(maps, name, lambda *_: np.zeros((8, 8)))
    scores = MemNetScores(divisor=16)
    memnet = scores.ten_crops.network if narrow else small_memnet()
    scores.ten_crops = TenCropScores(memnet, torch.rand(3, 256, 256) * 255, "raw")
    whole = InUnits(scores)
    whole.low.fill_(-2)
    whole.span.fill_(3)
    both = [
        maps.maps_of_image(red_corner(), replace(predictor(network), prepare=squashed), "cpu")
        for network in (scores.ten_crops, whole)
    ]
    own, in_units = (made["fully_convolutional"] for made in both)
    assert in_units == pytest.approx(3 * own - 2)
    assert set(both[0]) == set(both[1])


def test_descriptors_have_no_maps_by_gradients() -> None:
    class Outside(nn.Module):
        def forward(self, pixels: Tensor) -> Tensor:
            return torch.from_numpy(pixels.numpy().mean(axis=(1, 2, 3), dtype=np.float32))

    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(3, 1)

        def forward(self, pixels: Tensor) -> Tensor:
            return self.last(pixels.detach().float().mean(dim=(2, 3)))[:, 0]

    for network in (Outside(), Frozen()):
        made = maps.maps_of_image(red_corner(), predictor(network), "cpu")
        assert set(made) == {"occlusion", "windows", "centre", "edges"}


def test_memnet_has_its_own_map_and_no_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("occlusion", "sliding_windows", "fully_convolutional"):
        monkeypatch.setattr(maps, name, lambda *_: np.zeros((8, 8)))
    network = TenCropScores(small_memnet(), torch.zeros(3, 256, 256), "raw")
    opened = replace(predictor(network), prepare=squashed)
    made = maps.maps_of_image(red_corner(), opened, "cpu")
    assert set(made) == {"occlusion", "windows", "fully_convolutional", "centre", "edges"}


def test_references_know_the_centre_and_the_edges() -> None:
    image = np.zeros((80, 160, 3), dtype=np.uint8)
    image[:, 80:] = 255
    made = maps.reference_maps(image)
    assert np.array_equal(made["centre"], made["centre"][::-1, ::-1])
    assert made["centre"].argmax() in (27, 28, 35, 36)
    assert (made["edges"][:, 3:5] > 0).all()
    assert (made["edges"][:, [0, 1, 6, 7]] == 0).all()


@pytest.fixture
def images(tmp_path: Path) -> pd.DataFrame:
    for number in range(3):
        Image.fromarray(np.roll(red_corner(), 40 * number, axis=1)).save(tmp_path / f"{number}.png")
    table = pd.DataFrame({"image_id": list("abc"), "file": [f"{n}.png" for n in range(3)]})
    return table.assign(category=list("uvu"), subcategory="")


def test_maps_are_tables_and_figures(images: pd.DataFrame, tmp_path: Path) -> None:
    both = {"hog2x2": predictor(_Constant()), "resnet50": predictor(_Redness())}
    table = maps.map_images(
        images, tmp_path, both, SETTINGS, device="cpu", shards=tmp_path / "shards"
    )
    store.write(table, tmp_path / "maps.parquet", "memorability_maps")
    thumbnails(images, tmp_path, STANDARD, tmp_path / "shown.npz", count=2)
    for name, rows in table.groupby("predictor"):
        figure = maps_figure(rows, tmp_path / "shown.npz", note="A note.")
        methods = rows["method"].nunique()
        assert len(figure.axes) == 2 * (methods + 1), name
    agreed = agreement(table, images, bootstrap=BOOTSTRAP)
    store.write(agreed, tmp_path / "agreed.parquet", "map_agreement")
    said = {name: agreement_in_words(rows) for name, rows in agreed.groupby("predictor")}
    assert "3 images tell little of ResNet-50" in said["resnet50"]
    assert "the predictor ignores what it reads" in said["hog2x2"]
    write_agreement(agreed, tmp_path / "page.html", note="")
    assert "sliding windows" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_layer_that_is_not_there_is_named(images: pd.DataFrame, tmp_path: Path) -> None:
    settings = replace(SETTINGS, layers={"resnet50": "convv"})
    with pytest.raises(InputError, match=r"no layer 'convv' \(did you mean 'conv'"):
        maps.map_images(
            images, tmp_path, {"resnet50": predictor(_Redness())}, settings,
            device="cpu", shards=tmp_path / "shards",
        )  # fmt: skip
    (tmp_path / "0.png").write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        maps.map_images(
            images, tmp_path, {"resnet50": predictor(_Redness())}, SETTINGS,
            device="cpu", shards=tmp_path / "shards",
        )  # fmt: skip


def test_agreement_is_the_mean_of_spearman_over_images() -> None:
    stream = numpy_stream(0, "maps")
    parts, expected = [], []
    for number in range(14):
        one = stream.normal(size=64)
        other = one + stream.normal(size=64)
        if number == 13:
            other = np.full(64, 0.3)
        else:
            expected.append(stats.spearmanr(one, other).statistic)
        made = {"occlusion": one.reshape(8, 8), "windows": other.reshape(8, 8)}
        parts.append(maps.table_of_maps(made, f"i{number}", "resnet50"))
    ids = [f"i{number}" for number in range(14)]
    images = pd.DataFrame({"image_id": ids, "category": "", "subcategory": ""})
    (row,) = agreement(pd.concat(parts), images, bootstrap=BOOTSTRAP).to_dict("records")
    assert (row["images"], row["n"]) == (14, 13)
    assert row["r"] == pytest.approx(np.mean(expected))
    ends = stats.ttest_1samp(expected, 0).confidence_interval(0.95)
    assert [row["ci_low"], row["ci_high"]] == pytest.approx([*ends], abs=0.03)
    assert row["p_holm"] < 1e-6
