"""Images of a study under predictors of pixels: in their order, from their files, all or none."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from memorability.base.arrays import open_sealed
from memorability.base.errors import InputError
from memorability.images.decoding import STANDARD, Decoding
from memorability.pixel_predictors.contract import (
    Diverged,
    Facts,
    FitSettings,
    Fitted,
    Given,
    PixelPredictor,
)
from memorability.pixel_predictors.of_files import open_with
from memorability.report.figures.learning import pixel_training
from memorability.scorer.side_by_side import BATCH_SIZE
from memorability.scorer.study_images import (
    fit_to_study,
    head_predictions,
    measured,
    score_study,
    write_views,
)
from memorability.tables import store

GREYS = np.linspace(5, 250, 4 * BATCH_SIZE + 3).round().astype(np.uint8)
SETTINGS = FitSettings(seed=0, device="cpu", predicts="score", trained_on="images")
FACTS = Facts(
    predictor="bright", predicts="", trained_on="", version="", weights_sha256="",
    preprocessing="", licence="",
)  # fmt: skip


class Brightness(nn.Module):
    """The mean of the pixels, 0–1."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float().mean(dim=(1, 2, 3)) / 255


def prepare(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((5, 4))).transpose(2, 0, 1)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Grey images of every brightness, in a folder."""
    paths = [tmp_path / f"{number:03d}.png" for number in range(len(GREYS))]
    for path, grey in zip(paths, GREYS, strict=True):
        Image.new("RGB", (9, 7), (int(grey),) * 3).save(path)
    return paths


def test_views_stand_in_the_order_of_the_files_with_the_predictors_own_size(
    files: list[Path], tmp_path: Path
) -> None:
    seen = []
    write_views(
        prepare, files, tmp_path / "views.npy", decoding=STANDARD, threads=3,
        on_image=lambda: seen.append(1),
    )  # fmt: skip
    views = open_sealed(tmp_path / "views.npy")
    assert views.shape == (len(files), 3, 4, 5)
    np.testing.assert_array_equal(views[:, 0, 0, 0], GREYS)
    assert len(seen) == len(files)


@pytest.mark.parametrize("bad", [0, 66])
def test_an_image_that_went_bad_is_named_and_nothing_is_written(
    files: list[Path], tmp_path: Path, bad: int
) -> None:
    files[bad].write_text("no image")
    name = files[bad].name
    with pytest.raises(InputError, match=rf"{name} is not an image.*same images: mend the file"):
        write_views(prepare, files, tmp_path / "views.npy", decoding=STANDARD, threads=2)
    assert not (tmp_path / "views.npy").exists()
    predictor = PixelPredictor(facts=FACTS, prepare=prepare, network=Brightness())
    with pytest.raises(InputError, match=rf"{name} is not an image.*same images: mend the file"):
        score_study(predictor, files, decoding=STANDARD, device="cpu", threads=2)


def test_published_scores_are_in_the_order_of_the_files_and_decoded_as_the_study_says(
    files: list[Path],
) -> None:
    predictor = PixelPredictor(facts=FACTS, prepare=prepare, network=Brightness())
    scores = score_study(predictor, files, decoding=STANDARD, device="cpu", threads=2)
    np.testing.assert_allclose(scores, GREYS / 255, atol=1e-6)
    small = Decoding(max_megapixels=1e-6)
    with pytest.raises(InputError, match=r"megapixels; the limit is"):
        score_study(predictor, files, decoding=small, device="cpu", threads=2)


def test_a_fit_sees_no_image_without_a_score_and_all_images_are_predicted() -> None:
    pixels = np.broadcast_to(GREYS[:, None, None, None], (len(GREYS), 3, 4, 5)).copy()
    scores = GREYS / 255
    split = np.where(np.arange(len(GREYS)) % 3 == 0, "validation", "train")
    split[-5:] = "test"
    scores[1] = np.nan
    seen: dict[str, Any] = {}

    def fit(pixels: np.ndarray, scores: np.ndarray, split: np.ndarray, *, settings: Any) -> Fitted:
        seen.update(split=split, settings=settings)
        predictor = PixelPredictor(facts=FACTS, prepare=prepare, network=Brightness())
        return Fitted(predictor=predictor, chosen={})

    ids = pd.Series([f"{number}" for number in range(len(GREYS))])
    found = fit_to_study(fit, ids, pixels, scores, split, settings=SETTINGS)
    assert seen["split"][1] == "test"
    assert (np.delete(seen["split"], 1) == np.delete(split, 1)).all()
    assert seen["settings"] is SETTINGS
    assert list(found.predictions["image_id"]) == list(ids)
    np.testing.assert_allclose(found.predictions["predicted"], GREYS / 255, atol=1e-6)


def test_of_a_training_that_diverges_the_reason_is_kept_in_every_file(tmp_path: Path) -> None:
    def fit(*_: Any, **__: Any) -> Fitted:
        raise Diverged("The training diverged: why.")

    ids, pixels = pd.Series(["a", "b"]), np.zeros((2, 3, 4, 5), dtype=np.uint8)
    split = np.array(["train", "validation"])
    name = "resnet50_narrow"
    found = fit_to_study(fit, ids, pixels, np.array([0.1, 0.2]), split, settings=SETTINGS)
    paths = [tmp_path / f"target=score/head={name}" / f"{what}.parquet" for what in ("a", "b")]
    store.write(found.predictions, paths[0], "head_predictions", found.facts)
    assert store.failed_heads(paths[:1]) == {name: "The training diverged: why."}
    assert store.read_heads(paths[:1]) == {}
    store.write(found.history, paths[1], "pixel_history")
    history = store.read_runs([paths[1]], "pixel_history")
    store.write(history, tmp_path / "training.parquet", "pixel_training")
    figure = pixel_training(history, note="")
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "every training diverged" in " ".join(" ".join(said).split())
    found.write(name, tmp_path / "score.safetensors")
    with pytest.raises(Diverged, match=r"score.safetensors holds no predictor. The training div"):
        open_with(name, Given(weights=(tmp_path / "score.safetensors",)))


def test_predictions_are_a_table_of_heads() -> None:
    table = head_predictions(pd.Series(["a", "b"]), np.array([0.1, 0.2]))
    store.SCHEMAS["head_predictions"][1].validate(table)
    assert (table["image_id"] == table["other_image_id"]).all()


def test_a_fit_learns_the_score_of_the_split_or_a_rate_of_the_image_table() -> None:
    split = pd.DataFrame({"score": [0.1, 0.2]})
    images = pd.DataFrame({"score": [0.3, 0.4], "false_alarm_rate": [0.05, np.nan]})
    assert list(measured("score", split, images)) == [0.1, 0.2]
    np.testing.assert_array_equal(measured("false_alarm_rate", split, images), [0.05, np.nan])
