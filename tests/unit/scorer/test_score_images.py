"""Any images, scored: found, prepared as in the study, each with its row."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import percentileofscore

from memorability.base.errors import InputError
from memorability.images.decoding import decode, resize_image
from memorability.scorer.bundle import SavedPredictor, latent_distance
from memorability.scorer.score_images import find_files, score_images, summary
from memorability.tables.store import SCHEMAS
from tests.standins import photograph

TOLERANCE = 1e-5  # float32 sums that are split differently


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven photographs, two in a subfolder, and a file that is none."""
    path = tmp_path_factory.mktemp("photographs")
    (path / "b" / "c").mkdir(parents=True)
    for number in range(11):
        place = path / "b" / "c" if number in (2, 5) else path
        (place / f"{number:02d}.{'JPG' if number % 2 else 'jpeg'}").write_bytes(photograph(number))
    (path / "scores.csv").write_text("file,score\n")
    return path


def files_in(folder: Path) -> list[Path]:
    return find_files([str(folder)])[0]


def scored(saved: SavedPredictor, files: list[Path], **how: Any) -> pd.DataFrame:
    table = score_images(saved, files, **{"device": "cpu", "threads": 2, **how})
    return SCHEMAS["image_scores"][1].validate(table)


# Finding


def test_a_folder_is_walked_in_order_and_other_files_are_counted(folder: Path) -> None:
    files, others = find_files([str(folder)])
    assert others == 1
    assert len(files) == 11
    assert files == sorted(files, key=str)
    assert folder / "b" / "c" / "02.jpeg" in files


def test_named_files_are_kept_whatever_they_are_and_none_comes_twice(folder: Path) -> None:
    named = [str(folder / "03.JPG"), str(folder / "scores.csv"), "nowhere.jpg", str(folder)]
    files, others = find_files(named)
    assert set(map(Path, named[:3])) < set(files)
    assert len(files) == len(set(files)) == 13
    assert files == sorted(files, key=str)
    assert others == 1


def test_a_folder_without_images_is_an_error_of_its_own(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(InputError, match=r"None of the files in .* \(1\) is named like an image"):
        find_files([str(folder), str(tmp_path)])


# Scoring


def test_scores_are_those_of_each_image_alone(saved: SavedPredictor, folder: Path) -> None:
    files = files_in(folder)
    table = scored(saved, files)
    assert list(table["file"]) == [str(file) for file in files]
    pixels = np.stack([resize_image(decode(file), "squash") for file in files])
    with torch.inference_mode():
        latents = torch.cat(
            [saved.encoder(torch.from_numpy(one[np.newaxis]).float() / 255) for one in pixels]
        )
        alone = saved.predictor.score(latents).numpy()
    np.testing.assert_allclose(table["score"], alone, atol=TOLERANCE)
    expected = percentileofscore(saved.reference, table["score"], kind="mean")
    np.testing.assert_allclose(table["percentile"], expected)
    half_width = saved.intervals.widest.half_width
    np.testing.assert_allclose(table["interval_low"], np.clip(alone - half_width, 0, 1), atol=1e-5)
    np.testing.assert_allclose(table["interval_high"], np.clip(alone + half_width, 0, 1), atol=1e-5)
    lowest, highest = saved.facts["usual"]["scores"]
    far = latent_distance(saved.predictor, latents).numpy() > saved.facts["usual"]["distance"]
    outside = far | (alone < lowest) | (alone > highest)
    assert list(table["unusual"]) == list(outside)


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_the_batch_and_the_threads_make_no_difference(
    saved: SavedPredictor, folder: Path, batch_size: int
) -> None:
    files = files_in(folder)
    table, other = scored(saved, files), scored(saved, files, batch_size=batch_size, threads=1)
    np.testing.assert_allclose(other["score"], table["score"], atol=TOLERANCE)
    assert list(other["file"]) == list(table["file"])


def with_usual(saved: SavedPredictor, **changes: Any) -> SavedPredictor:
    facts = {**saved.facts, "usual": {**saved.facts["usual"], **changes}}
    return SavedPredictor(saved.encoder, saved.predictor, saved.reference, facts)


@pytest.mark.parametrize(
    ("usual", "outside"),
    [
        ({"scores": [-9, 9], "distance": 99.0}, False),
        ({"scores": [-9, -8], "distance": 99.0}, True),
        ({"scores": [8, 9], "distance": 99.0}, True),
        ({"scores": [-9, 9], "distance": 0.0}, True),
    ],
)
def test_an_image_is_outside_by_its_score_or_by_its_latent(
    saved: SavedPredictor, folder: Path, usual: dict[str, Any], outside: bool
) -> None:
    table = scored(with_usual(saved, **usual), files_in(folder)[:3])
    assert set(table["unusual"]) == {outside}


def test_what_cannot_be_read_keeps_its_row_with_the_reason(
    made_up: Any, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.jpg").write_bytes(photograph(0)[:3000])
    Image.new("RGB", (200, 160)).save(tmp_path / "small.png")
    named = ["empty.jpg", "text.png", "cut.jpg", "small.png", "missing.jpg"]
    good = files_in(folder)
    files = [good[0], *(tmp_path / name for name in named), good[1]]
    steps: list[int] = []
    table = scored(
        made_up.bundle(minimum_side=161), files, batch_size=1, on_image=lambda: steps.append(1)
    )
    assert len(steps) == len(table) == 7
    bad = table.iloc[1:-1]
    reasons = ["is empty", "is not an image", "truncated", "is 200 x 160 pixels", "no such file"]
    for reason, said in zip(reasons, bad["reason"], strict=True):
        assert reason in said
    numbers = ["score", "percentile", "interval_low", "interval_high", "unusual"]
    assert bad[numbers].isna().all(axis=None)
    assert table.iloc[[0, -1]][numbers].notna().all(axis=None)
    assert list(table.iloc[[0, -1]]["reason"]) == ["", ""]
    clean = scored(made_up.bundle(), [good[0], good[1]])
    np.testing.assert_allclose(table["score"].dropna(), clean["score"], atol=TOLERANCE)


def test_bad_images_alone_make_a_table(saved: SavedPredictor, tmp_path: Path) -> None:
    table = scored(saved, [tmp_path / "a.jpg", tmp_path / "b.jpg"])
    assert table["score"].isna().all()
    assert summary(table, 0, saved) == (
        "0 of 2 images scored; 2 not scored, the column reason says why."
    )


def test_a_name_that_is_no_text_is_shown_and_read(
    saved: SavedPredictor, folder: Path, tmp_path: Path
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    shutil.copy(folder / "03.JPG", path)
    table = scored(saved, files_in(tmp_path))
    assert list(table["file"]) == [f"{tmp_path}/caf\N{REPLACEMENT CHARACTER}.jpg"]
    assert table["score"].notna().all()


def test_the_summary_counts_every_kind(saved: SavedPredictor, folder: Path) -> None:
    strict = with_usual(saved, distance=0.0)
    said = summary(scored(strict, [*files_in(folder), Path("none.jpg")]), 3, strict)
    assert said.startswith(
        "11 of 12 images scored; 11 of them unusual for the predictor; 1 not scored, the column "
        "reason says why; 3 files in folders passed over, which are not named like images.\n"
    )
    assert "10 test images and shall hold the measured scores of 90% of images" in said
    assert "grey, blurred and upside-down images pass" in said


def test_an_interval_is_that_of_the_category_and_within_what_a_score_can_be(
    made_up: Any, folder: Path
) -> None:
    saved = made_up.bundle(score_range=(-1.0, 1.0))
    files = files_in(folder)[:3]
    table = scored(saved, files, category="food")
    half_width = saved.intervals.categories["food"].half_width
    expected = np.clip(table["score"] - half_width, -1, 1)
    np.testing.assert_allclose(table["interval_low"], expected)
    assert "9 test images and shall hold the measured scores of 90% of food" in summary(
        table, 0, saved, "food"
    )
    # A score that may be negative keeps an interval that is; one that may not is cut at 0.
    facts = {**saved.facts, "interval": {**saved.facts["interval"], "range": [0.0, 1.0]}}
    cut = SavedPredictor(saved.encoder, saved.predictor, saved.reference, facts)
    assert (scored(cut, files)["interval_low"] >= 0).all()
    with pytest.raises(InputError, match=r"no category 'foods'.*food.*Name one of: animal, food"):
        scored(saved, files, category="foods")
