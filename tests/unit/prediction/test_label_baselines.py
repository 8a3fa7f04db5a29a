import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from memorability.prediction.label_baselines import label_baselines

IMAGES = pd.DataFrame(
    {
        "image_id": [1, 2, 3, 4, 5],
        "category": ["animal", "animal", "food", "animal", "vehicle"],
        "subcategory": ["cat", "dog", "cat", "cat", "bus"],
        "score": [0.2, 0.4, 0.9, 0.8, 0.1],
    }
)
SPLIT = pd.Series(["test", "train", "train", "train", "test"], index=[5, 2, 3, 1, 4])


def test_means_are_those_of_the_training_images_with_the_same_labels() -> None:
    baselines = label_baselines(IMAGES, SPLIT)
    np.testing.assert_allclose(baselines["category_mean"], [0.3, 0.3, 0.9, 0.3, 0.5])
    # A cat that is food is no animal; a bus has no training image at all.
    np.testing.assert_allclose(baselines["subcategory_mean"], [0.2, 0.4, 0.9, 0.2, 0.5])
    assert baselines["image_size"].isna().all(), "sizes are not known"


def test_a_subcategory_without_training_images_has_the_mean_of_its_category() -> None:
    images = IMAGES.assign(subcategory=["cat", "dog", "cat", "cow", "bus"])
    assert label_baselines(images, SPLIT)["subcategory_mean"][3] == pytest.approx(0.3)


def test_scores_outside_training_change_nothing() -> None:
    split = pd.Series(["train", "train", "train", "test", "validation"], index=[1, 2, 3, 4, 5])
    changed = IMAGES.assign(score=[0.2, 0.4, 0.9, 0.0, 1.0])
    pd.testing.assert_frame_equal(label_baselines(IMAGES, split), label_baselines(changed, split))


def test_image_size_is_a_regression_on_pixels_and_aspect() -> None:
    generator = np.random.default_rng(0)
    n = 40
    images = pd.DataFrame(
        {
            "image_id": range(n), "category": "all", "subcategory": "all",
            "score": generator.random(n),
            "width": generator.integers(100, 900, n), "height": generator.integers(100, 900, n),
        }
    )  # fmt: skip
    split = pd.Series(np.where(np.arange(n) < 30, "train", "test"), index=range(n))
    found = label_baselines(images, split)["image_size"]
    size = images["width"] * images["height"]
    design = sm.add_constant(
        np.column_stack([np.log(size), np.log(images["width"] / images["height"])])
    )
    reference = sm.OLS(images["score"][:30], design[:30]).fit().predict(design)
    np.testing.assert_allclose(found, reference)
    images.loc[3, "width"] = np.nan
    assert label_baselines(images, split)["image_size"].isna().all()


def test_a_split_of_other_images_is_refused() -> None:
    with pytest.raises(ValueError, match="1 images without a part"):
        label_baselines(IMAGES, pd.Series("train", index=[1, 2, 3, 4]))
    with pytest.raises(ValueError, match="0 in training"):
        label_baselines(IMAGES, pd.Series("test", index=[1, 2, 3, 4, 5]))
