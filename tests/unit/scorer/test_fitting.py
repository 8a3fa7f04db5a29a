"""A predictor fitted to a table and a folder: who is left out, what is split, what is said."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from memorability.base.errors import InputError
from memorability.pixel_predictors.contract import Facts, FitSettings, Fitted, PixelPredictor
from memorability.scorer.fitting import Outcome, fit_to_table

IMAGES = 20
SETTINGS = FitSettings(seed=3, device="cpu", predicts="score", trained_on="a table")


class Brightness(nn.Module):
    """The mean of the pixels, 0–1."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float().mean(dim=(1, 2, 3)) / 255


def prepare(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((4, 4))).transpose(2, 0, 1)


@pytest.fixture
def seen() -> dict[str, Any]:
    """What the fit was called with."""
    return {}


@pytest.fixture
def run(tmp_path: Path, seen: dict[str, Any]) -> Any:
    """Fit to grey squares whose score is their brightness; return the outcome."""
    scores = np.linspace(0.1, 0.9, IMAGES)
    (tmp_path / "images").mkdir()
    for number, score in enumerate(scores):
        grey = (round(255 * score),) * 3
        Image.new("RGB", (9, 9), grey).save(tmp_path / "images" / f"{number}.png")
    names = [f"{number}.png" for number in range(IMAGES)]
    pd.DataFrame({"image": names, "hits": scores}).to_csv(tmp_path / "scores.csv", index=False)

    def fit(pixels: np.ndarray, scores: np.ndarray, split: np.ndarray, *, settings: Any) -> Fitted:
        seen.update(pixels=pixels, scores=scores, split=split, settings=settings)
        facts = Facts(
            predictor="bright", predicts="", trained_on="", version="", weights_sha256="",
            preprocessing="", licence="",
        )  # fmt: skip
        predictor = PixelPredictor(facts=facts, prepare=prepare, network=Brightness())
        return Fitted(predictor=predictor, chosen={"penalty": 10})

    return partial(
        fit_to_table, prepare, fit, tmp_path / "scores.csv", tmp_path / "images",
        columns=("image", "hits"), settings=SETTINGS, threads=2,
    )  # fmt: skip


def test_images_scores_and_parts_belong_together(run: Any, seen: dict[str, Any]) -> None:
    outcome = run()
    np.testing.assert_allclose(
        seen["pixels"].mean(axis=(1, 2, 3)) / 255, seen["scores"], atol=0.5 / 255
    )
    parts = pd.Series(seen["split"]).value_counts()
    assert (parts["train"], parts["validation"], parts["test"]) == (14, 3, 3)
    assert outcome.test == 3
    assert outcome.spearman == pytest.approx(1)
    assert outcome.in_words() == (
        "Chosen in validation: penalty 10. On 3 test images: Spearman's r = 1.00 with the measured "
        "scores."
    )


def test_rows_without_an_image_are_left_out_and_counted(
    run: Any, seen: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "images" / "4.png").unlink()
    run()
    assert len(seen["scores"]) == IMAGES - 1
    assert "1 rows of" in caplog.text


def test_an_image_that_cannot_be_read_is_named(run: Any, tmp_path: Path) -> None:
    (tmp_path / "images" / "4.png").write_text("no image")
    with pytest.raises(InputError, match=r"4\.png is not an image.*Take its row out"):
        run()


def test_mistakes_in_the_table_are_explained_in_the_words_of_the_command(run: Any) -> None:
    with pytest.raises(InputError, match=r"no column 'rating'.*dataset\.columns is --column-file"):
        run(columns=("image", "rating"))


def test_what_cannot_be_ranked_is_said() -> None:
    fitted = Fitted(predictor=None, chosen={"penalty": 1})  # type: ignore[arg-type]
    said = Outcome(fitted=fitted, test=2, spearman=float("nan")).in_words()
    assert said.endswith("On 2 test images: too few of them, or equal scores, to rank.")
