"""What labels alone say of images that are not in training."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.baselines import label_baselines
from memorability.splits import split_images

SPLIT: dict[str, Any] = {
    "kind": "stratified", "number": 1, "train": 0.5, "validation": 0.2, "test": 0.3, "seed": 0,
}  # fmt: skip


def images(n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "image_id": [f"{k:02d}" for k in range(n)],
            "category": np.array(["animal", "food"])[np.arange(n) % 2],
            "subcategory": np.array(["cat", "cake", "dog", "soup"])[np.arange(n) % 4],
            "score": rng.random(n),
            "width": pd.array([640] * n, dtype="Int64"),
            "height": pd.array(np.arange(n) + 1, dtype="Int64"),
        }
    )


def values(metric: str, table: pd.DataFrame, **changes: Any) -> pd.Series:
    found = label_baselines(table, SPLIT, target="score", **changes)
    return found[found["metric"] == metric].set_index("image_id")["value"]


@pytest.mark.parametrize(
    ("metric", "labels"),
    [("category_mean", ["category"]), ("subcategory_mean", ["category", "subcategory"])],
)
def test_means_are_of_training_images_and_of_the_others(metric: str, labels: list[str]) -> None:
    table = images()
    parts = split_images(table, SPLIT).to_numpy()
    found = values(metric, table)
    assert set(found.index) == set(table["image_id"][parts != "train"])
    train = table[parts == "train"]
    for row in table[parts != "train"].itertuples():
        same = (train[labels] == [getattr(row, label) for label in labels]).all(axis=1)
        assert found[row.image_id] == pytest.approx(train["score"][same].mean())


def test_scores_of_images_that_are_not_in_training_change_nothing() -> None:
    table = images()
    means = label_baselines(table, SPLIT, target="score")
    held_out = split_images(table, SPLIT).to_numpy() != "train"
    # Another target than the one that the split is stratified by.
    changed = table.assign(d_prime=np.where(held_out, -9.0, table["score"]))
    pd.testing.assert_frame_equal(label_baselines(changed, SPLIT, target="d_prime"), means)


def test_size_and_aspect_are_of_every_image_whose_size_is_known() -> None:
    table = images()
    table.loc[3, "width"] = pd.NA
    assert values("image_size", table)["05"] == 640 * 6
    assert values("aspect", table)["05"] == pytest.approx(640 / 6)
    assert len(values("aspect", table)) == 79
    unknown = table.assign(width=pd.array([pd.NA] * 80, dtype="Int64"))
    assert values("image_size", unknown).empty


def test_without_subcategories_there_is_no_mean_of_them() -> None:
    table = images().assign(subcategory="")
    assert set(label_baselines(table, SPLIT, target="score")["metric"]) == {
        "category_mean", "image_size", "aspect",
    }  # fmt: skip


def test_an_image_whose_subcategory_is_not_in_training_has_no_mean_of_it() -> None:
    table = images()
    held_out = np.flatnonzero(split_images(table, SPLIT).to_numpy() == "test")[0]
    official = pd.DataFrame(
        {
            "official_split": 1,
            "image_id": table["image_id"],
            "split": split_images(table, SPLIT).to_numpy(),
            "score": table["score"],
        }
    )
    table.loc[held_out, "subcategory"] = "lone"
    found = values("subcategory_mean", table, official_splits=official)
    assert table["image_id"][held_out] not in found.index
