"""What labels alone say of images that are not in training."""

import numpy as np
import pandas as pd
import pytest

from memorability.analysis.image_baselines import label_baselines

PARTS = ["train"] * 40 + ["validation"] * 16 + ["test"] * 24


def images() -> pd.DataFrame:
    rng, n = np.random.default_rng(0), len(PARTS)
    return pd.DataFrame(
        {
            "image_id": [f"{k:02d}" for k in range(n)],
            "category": np.array(["animal", "food"])[np.arange(n) % 2],
            "subcategory": np.array(["cat", "cake", "dog", "soup"])[np.arange(n) % 4],
            "score": rng.random(n),
            "split": rng.permutation(PARTS),
            "width": pd.array([640] * n, dtype="Int64"),
            "height": pd.array(np.arange(n) + 1, dtype="Int64"),
        }
    )


def values(metric: str, table: pd.DataFrame) -> pd.Series:
    found = label_baselines(table, target="score")
    return found[found["metric"] == metric].set_index("image_id")["value"]


@pytest.mark.parametrize(
    ("metric", "labels"),
    [("category_mean", ["category"]), ("subcategory_mean", ["category", "subcategory"])],
)
def test_means_are_of_training_images_and_of_the_others(metric: str, labels: list[str]) -> None:
    table = images()
    parts = table["split"].to_numpy()
    found = values(metric, table)
    assert set(found.index) == set(table["image_id"][parts != "train"])
    train = table[parts == "train"]
    for row in table[parts != "train"].itertuples():
        same = (train[labels] == [getattr(row, label) for label in labels]).all(axis=1)
        assert found[row.image_id] == pytest.approx(train["score"][same].mean())


def test_scores_of_images_that_are_not_in_training_change_nothing() -> None:
    table = images()
    means = label_baselines(table, target="score")
    held_out = table["split"] != "train"
    changed = table.assign(d_prime=np.where(held_out, -9.0, table["score"]))
    pd.testing.assert_frame_equal(label_baselines(changed, target="d_prime"), means)


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
    assert set(label_baselines(table, target="score")["metric"]) == {
        "category_mean", "image_size", "aspect",
    }  # fmt: skip


def test_an_image_whose_subcategory_is_not_in_training_has_no_mean_of_it() -> None:
    table = images()
    held_out = np.flatnonzero(table["split"] == "test")[0]
    table.loc[held_out, "subcategory"] = "lone"
    found = values("subcategory_mean", table)
    assert table["image_id"][held_out] not in found.index
