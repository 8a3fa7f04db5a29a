"""Drawings with detail where a map is high or low: regions, files, scores and their order."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data
import torch
from PIL import Image
from scipy import stats
from torch import Tensor, nn

from memorability.base.seeding import numpy_stream
from memorability.images.decoding import STANDARD
from memorability.memory_game.browser.making import make_game
from memorability.memory_game.game import Design
from memorability.networks.computing import Compute
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.pixel_predictors.views import squashed_to_224
from memorability.report.where.modified import (
    modified_examples_figure,
    modified_figure,
    modified_in_words,
    write_modified,
)
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store
from memorability.where.changes import working_copy
from memorability.where.looking import LookSettings
from memorability.where.modified.drawing import divided, draw, emphasis_of, parts_of
from memorability.where.modified.making import emphases, maps_by, modify_images
from memorability.where.modified.names import HIGH, LOW, MEDIUM_AVERAGE, MEDIUM_RANDOM, VERSIONS
from memorability.where.modified.summary import ModifiedSettings, summarise_versions
from tests.browser_games import SMALL, TEXTS, photographs, showings

FACTS = Facts(**dict.fromkeys(Facts.__dataclass_fields__, "x"))
LOOK = LookSettings(seed=0, decoding=STANDARD, compute=Compute(device="cpu", threads=1))
SETTINGS = ModifiedSettings(bootstrap=Bootstrap(500, 0.95, 0))


def test_emphasis_is_the_rank_of_the_map() -> None:
    values = np.arange(64.0).reshape(8, 8)
    found = emphasis_of(values, (16, 24))
    assert found.shape == (16, 24)
    assert found.mean() == pytest.approx(0.5)
    assert found[0, 0] < 0.01
    assert found[-1, -1] > 0.99
    assert (emphasis_of(np.full((8, 8), 3.0), (5, 7)) == 0.5).all()


def test_versions_put_the_same_emphasis_at_other_places() -> None:
    values = numpy_stream(0, "map").normal(size=(8, 8))
    found = emphases(values, (40, 60), numpy_stream(1, "half"))
    assert tuple(found) == VERSIONS
    assert np.sort(found[LOW].ravel()) == pytest.approx(np.sort(found[HIGH].ravel()), abs=1e-9)
    assert found[LOW] + found[HIGH] == pytest.approx(np.ones((40, 60)))
    assert found[MEDIUM_RANDOM].mean() == pytest.approx(0.5)
    assert (found[MEDIUM_AVERAGE] == 0.5).all()


def test_a_branch_is_divided_as_far_as_its_emphasis_asks() -> None:
    fine = np.arange(8)[None].repeat(2, axis=0)
    levels = [fine, fine // 2, fine // 4]  # eight, four, two regions
    emphasis = np.where(fine < 4, 0.9, 0.1)
    shown = divided(levels, emphasis)
    assert len(set(shown[0, :4])) == 4  # to the finest
    assert len(set(shown[0, 4:])) == 1  # not at all
    assert len(set(divided(levels, np.full(fine.shape, 0.5)).ravel())) == 4
    assert len(set(divided(levels, np.zeros(fine.shape)).ravel())) == 2
    assert len(set(divided(levels, np.ones(fine.shape)).ravel())) == 8


def test_detail_is_where_the_emphasis_is() -> None:
    image = working_copy(Image.fromarray(skimage.data.astronaut()), 128)
    parts = parts_of(image)
    counts = [int(level.max()) for level in parts.levels]
    assert counts == sorted(counts, reverse=True)
    for fine, coarse in zip(parts.levels, parts.levels[1:], strict=False):
        pairs = np.unique(np.stack([fine.ravel(), coarse.ravel()]), axis=1)
        assert len(set(pairs[0])) == pairs.shape[1]  # each region lies in one of the next level
    left = np.zeros(image.shape[:2])
    left[:, :64] = 1

    def detail(emphasis: np.ndarray, columns: slice) -> tuple[int, int]:
        """Return how many regions a part of the image shows, and how many black pixels."""
        regions = len(set(divided(parts.levels, emphasis)[:, columns].ravel()))
        black = (draw(parts, emphasis).pixels[:, columns] == 0).all(axis=2)
        return regions, int(black.sum())

    for columns, emphasis in ((slice(0, 64), left), (slice(64, 128), 1 - left)):
        more, less = detail(emphasis, columns), detail(1 - emphasis, columns)
        assert more[0] > less[0]
        assert more[1] > less[1]


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 4, 3), (20, 2, 3)])
def test_images_of_a_few_pixels_and_of_one_colour_are_drawn(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 90, dtype=np.uint8)
    found = draw(parts_of(image), emphasis_of(np.ones((8, 8)), (shape[0], shape[1])))
    assert (found.regions, found.lines) == (1, 0)
    assert (found.pixels == 90).all()


class _Detail(nn.Module):
    """The mean difference of neighbouring pixels of the upper half."""

    def forward(self, pixels: Tensor) -> Tensor:
        upper = pixels[:, :, : pixels.shape[2] // 2].float() / 255
        return upper.diff(dim=-1).abs().mean(dim=(1, 2, 3))


class _Constant(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return torch.full((len(pixels),), 0.5)


def predictor(network: nn.Module) -> PixelPredictor:
    return PixelPredictor(facts=FACTS, prepare=squashed_to_224, network=network.eval())


@pytest.fixture
def images(tmp_path: Path) -> pd.DataFrame:
    photograph = Image.fromarray(skimage.data.coffee())
    for place in range(3):
        box = (60 * place, 40 * place, 60 * place + 160, 40 * place + 120)
        (tmp_path / "a").mkdir(exist_ok=True)
        photograph.crop(box).save(tmp_path / f"a/{place}.png")
    ids = [f"a/{place}" for place in range(3)]
    table = {"image_id": ids, "file": [f"{name}.png" for name in ids], "category": "a"}
    return pd.DataFrame(table | {"subcategory": ""})


def test_drawings_are_written_scored_and_taken_by_the_game(
    images: pd.DataFrame, tmp_path: Path
) -> None:
    maps = dict.fromkeys(images["image_id"], np.repeat(np.arange(8.0)[::-1, None], 8, axis=1))
    scores = modify_images(
        images, tmp_path, maps, {"detail": predictor(_Detail()), "same": predictor(_Constant())}, LOOK,
        device="cpu", stimuli=tmp_path / "stimuli", examples=tmp_path / "examples.npz",
    )  # fmt: skip
    store.write(scores, tmp_path / "scores.parquet", "modified_scores")
    wide = scores[scores["predictor"] == "detail"].pivot_table("predicted", "image_id", "version")
    assert (wide[HIGH] > wide[LOW]).all()
    stimuli = tmp_path / "stimuli"
    files = [path.relative_to(stimuli) for path in stimuli.rglob("*.png")]
    assert len(files) == 3 * len(VERSIONS)
    assert {str(file.parent) for file in files} == set(images["image_id"])
    again = modify_images(
        images[1:2], tmp_path, maps, {"same": predictor(_Constant())}, LOOK,
        device="cpu", stimuli=tmp_path / "again", examples=tmp_path / "again.npz",
    )  # fmt: skip
    assert len(again) == 1 + len(VERSIONS)
    first, second = ((tmp_path / name / "a/1" / f"{MEDIUM_RANDOM}.png").read_bytes()
                     for name in ("stimuli", "again"))  # fmt: skip
    assert first == second
    figure = modified_examples_figure(tmp_path / "examples.npz", note="A note.")
    figure.savefig(tmp_path / "examples.png")
    made = make_game(
        replace(SMALL, design=Design(3, 6, 2, (3, 10), (0, 3))), TEXTS, targets=tmp_path / "stimuli",
        others=photographs(tmp_path / "others", 20, 2), participants=4, seed=0,
        output=tmp_path / "game", versions=True,
    )  # fmt: skip
    assert made.targets == 3 * len(VERSIONS)
    table = showings(made.folder)
    assert table.loc[table["role"] == "target", "image"].nunique() == 3


def planted(count: int, *, order: Callable[[str], float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    stream = numpy_stream(5, "versions")
    ids = [f"i{place:02d}" for place in range(count)]
    rows = [
        {
            "predictor": predictor, "image_id": image_id, "version": version,
            "predicted": 0.6 + order(version) + 0.02 * float(stream.normal()),
            "regions": np.nan if version == "original" else 30.0,
            "lines": np.nan if version == "original" else 0.1,
        }
        for predictor in ("resmem_published", "memnet")
        for image_id in ids
        for version in ("original", *VERSIONS)
    ]  # fmt: skip
    labels = pd.DataFrame({"image_id": ids, "category": "a", "subcategory": ""})
    return pd.DataFrame(rows), labels


def test_the_order_is_tested_in_pairs(tmp_path: Path) -> None:
    effects = {LOW: -0.1, MEDIUM_RANDOM: 0.0, MEDIUM_AVERAGE: 0.1, HIGH: 0.1, "original": 0.2}
    scores, images = planted(40, order=effects.__getitem__)
    found = summarise_versions(scores, images, SETTINGS, made_by="memnet")
    store.write(found.versions, tmp_path / "v.parquet", "modified_versions")
    store.write(found.tests, tmp_path / "t.parquet", "modified_tests")
    rows = found.tests.set_index(["predictor", "first", "second"])
    wide = scores[scores["predictor"] == "memnet"].pivot_table("predicted", "image_id", "version")
    row = rows.loc[("memnet", HIGH, LOW)]
    assert row["difference"] == pytest.approx((wide[HIGH] - wide[LOW]).mean())
    reference = stats.ttest_rel(wide[HIGH], wide[LOW]).confidence_interval()
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(
        (reference.low, reference.high), abs=0.002
    )
    assert row["share"] == 1
    assert rows.loc[("resmem_published", HIGH, MEDIUM_AVERAGE), "p_holm"] > 0.05
    assert found.tests["made_map"].tolist() == (found.tests["predictor"] == "memnet").tolist()
    said = modified_in_words(found.versions, found.tests)
    assert "No person has seen the drawings" in said
    assert "which made the map itself," in said
    assert "is shown (medium, a random half)" in said
    write_modified(found.versions, found.tests, tmp_path / "page.html", note="A note.")
    modified_figure(found.tests, note="A note.").savefig(tmp_path / "f.png")


@pytest.mark.parametrize("count", [1, 12])
def test_nothing_shown_is_said(tmp_path: Path, count: int) -> None:
    scores, images = planted(count, order=lambda _: 0.0)
    scores["predicted"] = 0.5  # predictors that ignore what they read
    alone = scores[scores["predictor"] == "memnet"]
    found = summarise_versions(alone, images, SETTINGS, made_by="memnet")
    said = modified_in_words(found.versions, found.tests)
    assert ("nothing can be tested" in said) == (count == 1)
    assert ("cannot confirm itself" in said) == (count == 12)
    write_modified(found.versions, found.tests, tmp_path / "page.html", note="")
    assert "nan" not in (tmp_path / "page.html").read_text(encoding="utf-8").lower()
    modified_figure(found.tests, note="").savefig(tmp_path / "f.png")


def test_maps_are_by_places_of_memnet_and_by_occlusion_of_others() -> None:
    rows, columns = np.divmod(np.arange(64), 8)
    table = pd.concat(
        pd.DataFrame({"row": rows, "column": columns, "value": value + np.arange(64.0)}).assign(
            predictor=name, image_id="a", method=method
        )
        for name, method, value in (
            ("memnet", "occlusion", 0), ("memnet", "fully_convolutional", 100),
            ("other", "occlusion", 200), ("other", "windows", 300),
        )
    ).sample(frac=1, random_state=0)  # fmt: skip
    assert maps_by(table, "memnet")["a"][0, 0] == 100
    assert maps_by(table, "other")["a"][7, 7] == 263
