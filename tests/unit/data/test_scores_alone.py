"""The image table of a study that has scores and no images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.data.scores import read_scores
from memorability.data.scores_alone import image_table
from memorability.images.store import Preparation, prepare
from memorability.tables import store
from tests.standins import memcat_rows, photograph, write_memcat_table

COLUMNS = {"file": "name", "score": "memorability", "category": "group"}


def scores(path: Path) -> Path:
    table = pd.DataFrame(
        {
            "name": [f"{group}/{k}.jpg" for group in "ba" for k in range(3)],
            "memorability": np.linspace(0.2, 0.9, 6),
            "group": list("bbbaaa"),
        }
    )
    table.to_csv(path, index=False)
    return path


def test_a_score_table_becomes_the_image_table_by_itself(tmp_path: Path) -> None:
    images = image_table(scores(tmp_path / "s.csv"), "table", COLUMNS, seed=0)
    store.write(images, tmp_path / "images.parquet", "images")
    assert list(images["image_id"]) == ["a/0", "a/1", "a/2", "b/0", "b/1", "b/2"]
    assert images.loc[images["image_id"] == "b/0", "score"].item() == 0.2
    assert sorted(images["position"]) == list(range(6))


def test_it_is_that_of_the_images_where_they_are_there(tmp_path: Path) -> None:
    path = scores(tmp_path / "s.csv")
    for number, name in enumerate(pd.read_csv(path)["name"]):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(photograph(number))

    with_images, _ = prepare(
        read_scores(path, COLUMNS), tmp_path / "images", tmp_path / "pixels.npy",
        Preparation(resize="squash", minimum_side=1, on_bad_image="stop", seed=3),
    )  # fmt: skip
    alone = image_table(path, "table", COLUMNS, seed=3)
    assert alone[["width", "height"]].isna().all(axis=None)
    known = alone.columns.drop(["width", "height"])
    pd.testing.assert_frame_equal(alone[known], with_images[known])


def test_memcats_table_is_recomputed_from_its_counts(tmp_path: Path) -> None:
    rows = memcat_rows()
    images = image_table(write_memcat_table(tmp_path / "m.csv", rows), "memcat", {}, seed=0)
    assert len(images) == len(rows)
    assert images["image_id"].str.len().unique().tolist() == [12]
    assert images["d_prime"].notna().all()
    rows.loc[4, "memorability_w_fa_correction"] += 0.01
    with pytest.raises(InputError, match=r"is not \(H − FA\) / n_resp in 1 of 20 rows"):
        image_table(write_memcat_table(tmp_path / "m.csv", rows), "memcat", {}, seed=0)
