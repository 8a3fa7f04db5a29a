"""Units of a layer: their activations, correlations and images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import stats
from statsmodels.stats.multitest import multipletests
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream
from memorability.images.decoding import STANDARD
from memorability.networks.computing import Compute
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.pixel_predictors.training.resnet import ResNetScores
from memorability.pixel_predictors.views import squashed_to_224
from memorability.report.where.units import units_figure, units_in_words, write_units
from memorability.statistics.intervals import Bootstrap
from memorability.statistics.multiplicity import benjamini_hochberg
from memorability.tables import store
from memorability.where.units import (
    UnitSettings,
    activations,
    correlate_units,
    layer_of,
    layer_output,
    look_at_units,
    shown_units,
)
from tests.unit.where.conftest import Built

FACTS = Facts(**dict.fromkeys(Facts.__dataclass_fields__, "x"))
BOOTSTRAP = Bootstrap(300, 0.95, 0)
SETTINGS = UnitSettings(
    seed=0, decoding=STANDARD, compute=Compute(device="cpu", threads=1), layers={},
    target="score", bootstrap=BOOTSTRAP,
)  # fmt: skip


class _Colours(nn.Module):
    """Units 0 to 2 are the brightest red, green and blue; unit 3 never fires."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        with torch.no_grad():
            self.conv.weight.copy_(torch.eye(4)[:, :3, None, None])
            self.conv.bias.zero_()

    def forward(self, pixels: Tensor) -> Tensor:
        return self.conv(pixels.float() / 255).mean(dim=(1, 2, 3))


class _Mean(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.float().mean(dim=(1, 2, 3))


def predictor(network: nn.Module) -> PixelPredictor:
    return PixelPredictor(facts=FACTS, prepare=squashed_to_224, network=network.eval())


def test_activations_are_those_before_a_relu_that_works_in_place() -> None:
    conv = nn.Conv2d(3, 1, 1)
    nn.init.constant_(conv.weight, -1.0)
    nn.init.zeros_(conv.bias)

    class Rectified(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(conv, nn.ReLU(inplace=True))

        def forward(self, pixels: Tensor) -> Tensor:
            return self.layers(pixels.float()).mean(dim=(1, 2, 3))

    view = np.full((3, 4, 4), 10, dtype=np.uint8)
    found = activations(predictor(Rectified()), [view], "layers.0", "cpu")
    assert found.largest.tolist() == [[-30]]


def with_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with false discovery rates, as the script that lists units makes them."""
    return table.assign(q=table.groupby("predictor")["p"].transform(benjamini_hochberg))


@pytest.fixture
def images(tmp_path: Path) -> pd.DataFrame:
    stream = numpy_stream(0, "images")
    rows = []
    for number in range(24):
        red = int(stream.integers(40, 250))
        pixels = np.full((30, 40, 3), 20, dtype=np.uint8)
        pixels[:15, :20, 0] = red
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        rows.append((f"i{number:02d}", f"{number}.png", "uv"[number % 2], red / 255))
    table = pd.DataFrame(rows, columns=["image_id", "file", "category", "score"])
    return table.assign(subcategory="")


def test_an_activation_is_the_largest_over_all_places(images: pd.DataFrame, tmp_path: Path) -> None:
    views = [squashed_to_224(Image.open(tmp_path / file)) for file in images["file"][:18]]
    values = activations(predictor(_Colours()), views, "conv", "cpu")
    expected = np.array([[view.max(axis=(1, 2)), view.mean(axis=(1, 2))] for view in views]) / 255
    assert values.largest[:, :3] == pytest.approx(expected[:, 0], abs=1e-6)
    assert values.mean[:, :3] == pytest.approx(expected[:, 1], abs=1e-5)
    assert (values.largest[:, 3] == 0).all()


def test_of_several_crops_of_an_image_the_largest_is_taken() -> None:
    class Crops(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, pixels: Tensor) -> Tensor:
            crops = torch.stack([pixels.float(), 2 * pixels.float()], dim=1).flatten(0, 1)
            return self.inner(crops).mean(dim=(1, 2, 3)).unflatten(0, (len(pixels), 2)).mean(dim=1)

    views = [np.full((3, 4, 4), value, dtype=np.uint8) for value in (1, 5)]
    found = activations(predictor(Crops()), views, "inner", "cpu")
    assert found.largest.tolist() == [[2.0] * 3, [10.0] * 3]
    assert found.mean.tolist() == [[1.5] * 3, [7.5] * 3]


def test_units_are_those_of_the_image_and_not_of_its_mirror_image() -> None:
    torch.manual_seed(0)
    network = ResNetScores(both_sides=True, divisor=16).eval()
    stream = numpy_stream(0, "views")
    views = [stream.integers(0, 256, (3, 256, 256), dtype=np.uint8) for _ in range(2)]
    for layer in ("resnet.conv1", "resnet.fc.0"):
        found = layer_output(predictor(network), views, layer, "cpu")
        network.both_sides = False
        expected = layer_output(predictor(network), views, layer, "cpu")
        network.both_sides = True
        assert len(found) == 2
        assert torch.equal(found, expected)


def test_every_kind_has_units(built: Built) -> None:
    views = [np.full((3, 256, 256), value, dtype=np.uint8) for value in (10, 200)]
    layer = layer_of(built.predictor, views[0], "", "cpu")
    output = layer_output(built.predictor, views, layer, "cpu")
    assert len(output) == 2 * built.kind.crops
    found = activations(built.predictor, views, layer, "cpu")
    assert found.mean.shape == (2, output.shape[1])


def test_units_are_correlated_as_scipy_does_and_the_silent_have_none(
    images: pd.DataFrame, tmp_path: Path
) -> None:
    both = {"resnet50": predictor(_Colours()), "hog2x2": predictor(_Mean())}
    table = look_at_units(
        images,
        tmp_path,
        both,
        SETTINGS,
        device="cpu",
        shown=tmp_path / "shown.npz",
        means=tmp_path / "means.npz",
    )
    table = store.write(table, tmp_path / "found.parquet", "unit_correlations")
    table = store.write(with_rates(table), tmp_path / "units.parquet", "units")
    assert set(table["predictor"]) == {"resnet50"}
    with np.load(tmp_path / "means.npz") as means:
        assert {name: values.shape for name, values in means.items()} == {"resnet50": (24, 4)}
    rows = table.set_index("number")
    assert rows.loc[0, "r"] > 0.99
    assert rows.loc[0, "top_image"] == images.loc[images["score"].idxmax(), "image_id"]
    assert rows.loc[[1, 2, 3], "r"].isna().all()
    assert rows.loc[3, "share_active"] == 0
    said = units_in_words(table, "resnet50")
    assert "has 4 units, looked at in 24 images" in said
    assert "3 units never changed" in said
    assert "1 of 1 rise with memorability" in said
    assert "has no layer of units" in units_in_words(table[:0], "hog2x2")
    write_units(table, [*both], tmp_path / "page.html", note="A note.")
    assert "No unit is correlated." in (tmp_path / "page.html").read_text(encoding="utf-8")
    figure = units_figure(table, tmp_path / "shown.npz", "resnet50", note="")
    assert len(figure.axes) == 9
    assert len(units_figure(table, tmp_path / "shown.npz", "hog2x2", note="").axes) == 1


def test_false_discovery_rates_are_those_of_statsmodels() -> None:
    stream = numpy_stream(0, "units")
    images = pd.DataFrame(
        {"image_id": [f"i{n}" for n in range(40)], "score": stream.normal(size=40)}
    )
    images = images.assign(category="", subcategory="")
    values = stream.normal(size=(40, 12))
    values[:, 4] += 2 * images["score"]
    values[:, 7] = 1.5
    table = correlate_units(values, images, "score", BOOTSTRAP)
    exact = [stats.spearmanr(values[:, unit], images["score"]) for unit in (0, 4)]
    assert table.loc[[0, 4], "r"].tolist() == pytest.approx([one.statistic for one in exact])
    assert table.loc[[0, 4], "p"].tolist() == pytest.approx([one.pvalue for one in exact], rel=1e-6)
    table = with_rates(table.assign(predictor="resnet50"))
    known = table["p"].notna()
    adjusted = multipletests(table.loc[known, "p"], method="fdr_bh")[1]
    assert table.loc[known, "q"].tolist() == pytest.approx(list(adjusted))
    assert shown_units(table)[0] == 4
    assert 7 not in shown_units(table)
    assert len(shown_units(table)) == 8


def test_whole_subcategories_are_drawn_where_there_are_ten() -> None:
    stream = numpy_stream(0, "clustered")
    of_cluster = np.repeat(stream.normal(size=12), 10)
    images = pd.DataFrame({"image_id": [f"i{n}" for n in range(120)], "category": "u"})
    images["subcategory"] = np.repeat([f"s{n:02d}" for n in range(12)], 10)
    images["score"] = of_cluster + stream.normal(0, 0.1, 120)
    unit = np.repeat(stream.normal(size=12), 10)[:, None]
    rows = [
        correlate_units(unit, table, "score", BOOTSTRAP).iloc[0]
        for table in (images, images.assign(subcategory=""))
    ]
    assert [row["unit"] for row in rows] == ["subcategories", "images"]
    assert rows[0]["p"] > 10 * rows[1]["p"]
    assert rows[0]["ci_high"] - rows[0]["ci_low"] > 1.5 * (rows[1]["ci_high"] - rows[1]["ci_low"])


def test_few_images_and_equal_scores_end_in_a_sentence(
    images: pd.DataFrame, tmp_path: Path
) -> None:
    for few in (images[:1], images[:5], images.assign(score=0.5)):
        table = look_at_units(
            few, tmp_path, {"resnet50": predictor(_Colours())}, SETTINGS,
            device="cpu", shown=tmp_path / "shown.npz", means=tmp_path / "means.npz",
        )  # fmt: skip
        assert table["r"].isna().all()
        assert "No unit is correlated" in units_in_words(with_rates(table), "resnet50")
        units_figure(table, tmp_path / "shown.npz", "resnet50", note="")
    settings = replace(SETTINGS, layers={"resnet50": "fc"})
    with pytest.raises(InputError, match="no layer 'fc'"):
        look_at_units(
            images, tmp_path, {"resnet50": predictor(_Colours())}, settings,
            device="cpu", shown=tmp_path / "shown.npz", means=tmp_path / "means.npz",
        )  # fmt: skip
