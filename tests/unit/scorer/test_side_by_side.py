"""Several predictors in one table: each with its own view of each image, and its own reasons."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from memorability.images.decoding import BadImage, Decoding
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.scorer.bundle import SavedPredictor, write_saved_predictor
from memorability.scorer.score_images import score_images
from memorability.scorer.side_by_side import of_study, score_side_by_side, summary
from memorability.tables.store import SCHEMAS
from tests.standins import photograph


class LeftHalf(nn.Module):
    """The mean brightness, 0–1, of the left half."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels[..., : pixels.shape[-1] // 2].float().mean(dim=(1, 2, 3)) / 255


def predictor(name: str, side: int = 8, least: int = 1) -> PixelPredictor:
    """Return one that reads squares of `side` pixels, of images of at least `least` pixels."""

    def prepare(image: Image.Image) -> np.ndarray:
        if min(image.size) < least:
            raise BadImage("is too small for it")
        return np.asarray(image.resize((side, side))).transpose(2, 0, 1)

    facts = Facts(
        predictor=name, predicts="brightness", trained_on="nothing", version="1",
        weights_sha256="0" * 64, preprocessing=f"{side} pixels", licence="none",
    )  # fmt: skip
    return PixelPredictor(facts=facts, prepare=prepare, network=LeftHalf())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photographs")
    paths = [folder / f"{number}.jpg" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(photograph(number))
    return paths


def scored(predictors: list[PixelPredictor], files: list[Path], **how: Any) -> pd.DataFrame:
    table = score_side_by_side(predictors, files, **{"device": "cpu", "threads": 2, **how})
    return SCHEMAS["predictor_scores"][1].validate(table)


def test_each_file_has_a_row_per_predictor_sorted_by_name(files: list[Path]) -> None:
    table = scored([predictor("b", side=16), predictor("a")], files)
    assert list(table["file"]) == [str(file) for file in files for _ in range(2)]
    assert list(table["predictor"]) == ["a", "b"] * 5
    assert list(table["preprocessing"]) == ["8 pixels", "16 pixels"] * 5
    for row in table.itertuples():
        side = 8 if row.predictor == "a" else 16
        small = np.asarray(Image.open(row.file).resize((side, side)))
        assert row.score == pytest.approx(small[:, : side // 2].mean() / 255, abs=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_batches_and_threads_make_no_difference(files: list[Path], batch_size: int) -> None:
    steps: list[int] = []
    table = scored(
        [predictor("a")], files, batch_size=batch_size, threads=1, on_image=lambda: steps.append(1)
    )
    assert len(steps) == 5
    pd.testing.assert_frame_equal(table, scored([predictor("a")], files), atol=1e-6)


def test_a_mirror_average_is_the_mean_of_both_halves(files: list[Path]) -> None:
    table = scored([predictor("a")], files, mirror=True)
    assert table["mirror_averaged"].all()
    whole = [np.asarray(Image.open(file).resize((8, 8))).mean() / 255 for file in files]
    np.testing.assert_allclose(table["score"], whole, atol=1e-6)


def test_what_cannot_be_read_keeps_its_rows_each_with_its_reason(
    files: list[Path], tmp_path: Path
) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png")
    (tmp_path / "text.png").write_text("no image")
    paths = [files[0], tmp_path / "small.png", tmp_path / "text.png", tmp_path / "gone.png"]
    table = scored([predictor("a"), predictor("b", least=10)], paths, batch_size=2)
    reasons = table.set_index([table["file"].str.rsplit("/").str[-1], "predictor"])["reason"]
    assert reasons[("small.png", "a")] == ""
    assert reasons[("small.png", "b")] == "is too small for it"
    assert "not an image" in reasons[("text.png", "a")]
    assert reasons[("gone.png", "b")] == "no such file"
    assert list(table["score"].isna()) == [False, False, False, True, True, True, True, True]
    said = summary(table, 2)
    assert said.splitlines()[0] == (
        "4 images, 8 rows; 3 not scored by every predictor, the column reason says why; 2 files in "
        "folders passed over, which are not named like images."
    )
    assert said.splitlines()[1].startswith("a (brightness): 2 scores from 0.000 to ")


def test_nothing_readable_is_a_table_all_the_same(tmp_path: Path) -> None:
    table = scored([predictor("a")], [tmp_path / "gone.png"])
    assert list(table["reason"]) == ["no such file"]
    assert summary(table, 0).count("\n") == 0


def test_each_predictor_has_its_own_way_of_decoding(files: list[Path]) -> None:
    strict = replace(predictor("strict"), decoding=Decoding(max_megapixels=0.001))
    table = scored([predictor("a"), strict], files[:1])
    assert table["reason"][0] == ""
    assert "megapixels; the limit is" in table["reason"][1]


def test_a_studys_predictor_scores_beside_others_as_it_does_alone(
    saved: SavedPredictor, files: list[Path], tmp_path: Path
) -> None:
    write_saved_predictor(saved, tmp_path / "bundle.safetensors")
    study = of_study(tmp_path / "bundle.safetensors")
    table = scored([study, predictor("a")], files)
    own = table[table["predictor"] == "study made_up"]
    alone = score_images(saved, files, device="cpu", threads=1)
    np.testing.assert_allclose(own["score"], alone["score"], atol=1e-5)
    assert own["trained_on"].iloc[0] == "30 images of the study made_up"
    assert own["predicts"].iloc[0] == "(hits − false alarms) / responses"
