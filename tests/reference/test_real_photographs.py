"""Real photographs of MemCat with their real responses, through preparation and one short run."""

import csv
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torchvision import transforms

from memorability.autoencoder.finetuning import finetune
from memorability.base.errors import InputError
from memorability.data.published.memcat import COLUMNS
from memorability.data.scores import read_scores
from memorability.images.store import Preparation, prepare
from memorability.networks.catalogue import minimum_side
from memorability.tables import store
from tests.run_settings import run_settings

SUBSET = Path(__file__).resolve().parents[3] / "shared" / "data" / "memcat_subset"
PER_CATEGORY = 4
CATEGORIES = {"animal", "food", "landscape", "sports", "vehicle"}
BY_PATH = {**COLUMNS, "file": "file"}

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not (SUBSET / "scores.csv").is_file(), reason=f"no real photographs in {SUBSET}"
    ),
]

Prepared = tuple[pd.DataFrame, pd.DataFrame, np.ndarray]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    """The subset's rows as text, read without any of our code."""
    with (SUBSET / "scores.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def study(rows: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs of each category and the score table of these, in the subset's layout."""
    root = tmp_path_factory.mktemp("memcat")
    chosen: list[dict[str, str]] = []
    for category in sorted(CATEGORIES):
        own = [row for row in rows if row["category"] == category]
        chosen += own[:: len(own) // PER_CATEGORY][:PER_CATEGORY]
    for row in chosen:
        target = root / "images" / row["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SUBSET / "images" / row["file"], target)
    with (root / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(chosen)
    return root


def prepared(study: Path, columns: Mapping[str, str], **changes: Any) -> Prepared:
    options: dict[str, Any] = {"resize": "squash", "on_bad_image": "stop", "seed": 0}
    side = minimum_side(["ms_ssim", "lpips_squeeze"])
    images, rejected = prepare(
        read_scores(study / "scores.csv", columns),
        study / "images",
        study / "pixels.npy",
        Preparation(minimum_side=side, **(options | changes)),
        threads=2,
    )
    return images, rejected, np.load(study / "pixels.npy")


@pytest.fixture(scope="module")
def squashed(study: Path) -> Prepared:
    return prepared(study, BY_PATH)


def test_the_whole_score_table_is_read_and_its_scores_are_hits_less_false_alarms(
    rows: list[dict[str, str]],
) -> None:
    table = read_scores(SUBSET / "scores.csv", BY_PATH)
    assert len(table) == len(rows) > 300
    assert set(table["category"]) == CATEGORIES
    for ours, theirs in (("hits", "H"), ("false_alarms", "FA"), ("responses", "n_resp")):
        assert table[ours].tolist() == [int(row[theirs]) for row in rows]
    counts = table[["hits", "false_alarms", "responses"]].astype(float)
    corrected = (counts["hits"] - counts["false_alarms"]) / counts["responses"]
    np.testing.assert_allclose(table["score"], corrected, rtol=1e-13)
    published = [float(row["memorability_wo_fa_correction"]) for row in rows]
    np.testing.assert_allclose(table["score_uncorrected"], published, rtol=1e-13)
    # MemCat as published: each image was answered by about a hundred people.
    assert table["responses"].between(60, 160).all()
    assert 0.6 < table["score"].mean() < 0.85


def test_every_photograph_is_prepared_with_its_own_true_counts(
    squashed: Prepared, rows: list[dict[str, str]]
) -> None:
    images, rejected, pixels = squashed
    assert rejected.empty
    assert images["category"].value_counts().to_dict() == dict.fromkeys(CATEGORIES, PER_CATEGORY)
    assert pixels.shape == (5 * PER_CATEGORY, 3, 224, 224)
    truth = {row["file"]: row for row in rows}
    for row in images.itertuples():
        true = truth[row.file]
        hits, false_alarms, responses = (int(true[name]) for name in ("H", "FA", "n_resp"))
        assert (row.hits, row.false_alarms, row.responses) == (hits, false_alarms, responses)
        assert row.score == pytest.approx((hits - false_alarms) / responses, rel=1e-13)
        assert row.score_uncorrected == pytest.approx(hits / responses, rel=1e-13)
        assert row.subcategory == true["subcategory"]
        assert row.category == true["category"] == Path(row.file).parts[0]


def test_pixels_are_those_of_the_photographs(squashed: Prepared, study: Path) -> None:
    images, _, pixels = squashed
    for file, own in zip(images["file"], pixels, strict=True):
        photograph = Image.open(study / "images" / file).convert("RGB")
        theirs = np.asarray(transforms.Resize((224, 224))(photograph)).transpose(2, 0, 1)
        np.testing.assert_array_equal(own, theirs)
    # Photographs, not noise and not blanks.
    assert (pixels.std(axis=(1, 2, 3)) > 10).all()
    neighbours = np.corrcoef(pixels[..., 1:].ravel(), pixels[..., :-1].ravel())[0, 1]
    assert neighbours > 0.9


def test_bare_file_names_as_memcat_lists_them_find_the_same_photographs(
    squashed: Prepared, study: Path
) -> None:
    images, rejected, pixels = prepared(study, COLUMNS)
    assert rejected.empty
    by_file = dict(zip(images["file"], pixels, strict=True))
    assert set(by_file) == set(squashed[0]["file"])
    for file, expected in zip(squashed[0]["file"], squashed[2], strict=True):
        np.testing.assert_array_equal(by_file[file], expected)
    merged = images.merge(squashed[0], on="file", suffixes=("", "_by_path"))
    assert merged["score"].equals(merged["score_by_path"])


def test_a_directory_that_holds_few_of_the_listed_photographs_is_doubted(study: Path) -> None:
    with pytest.raises(InputError, match=r"of \d+ rows of the score table have no image"):
        prepare(
            read_scores(SUBSET / "scores.csv", BY_PATH),
            study / "images",
            study / "unused.npy",
            Preparation(resize="squash", minimum_side=161, on_bad_image="reject", seed=0),
        )


def test_a_short_run_on_real_photographs_measures_each_of_them(
    squashed: Prepared, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    images, _, pixels = squashed
    settings = run_settings(batch_norm_mode="train_then_recompute", epochs=2, width=0.05)
    run = finetune(pixels, images, settings, device="cpu")
    store.write(images, tmp_path / "images.parquet", "images")
    store.write(run.errors, tmp_path / "errors.parquet", "errors")
    errors = store.read(tmp_path / "errors.parquet", "errors")
    last = errors[errors["epoch"] == 2].set_index("image_id")["error"]
    assert (
        list(last.index) == store.read(tmp_path / "images.parquet", "images")["image_id"].tolist()
    )
    assert last.between(0, 1).all()
    assert last.nunique() == len(images)
    # Hardly trained, the network's picture is nearly one colour: an image is off by about its own
    # deviation from grey, which puts high-contrast photographs last.
    off_grey = np.square(pixels / 255 - 0.5).mean(axis=(1, 2, 3))
    assert np.corrcoef(last, off_grey)[0, 1] > 0.5
    assert run.history["train_loss"].iloc[-5:].mean() < run.history["train_loss"].iloc[:5].mean()
