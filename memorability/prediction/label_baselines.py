"""Predictions from labels and file properties alone, fitted on the training images.

A predictor that does not beat them has learned nothing about single images.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LinearRegression

from memorability.data.splits import check_images

BASELINES = ("category_mean", "subcategory_mean")


def label_baselines(images: pd.DataFrame, split: "pd.Series[str]") -> pd.DataFrame:
    """Predict every image's score from its labels, and from its size where that is known.

    Parameters
    ----------
    images
        One row per image: image_id (unique), category, subcategory, score (finite), and width and
        height in pixels of the original file where they are known.
    split
        "train", "validation" or "test", indexed by image_id, in any order.

    Returns
    -------
    pandas.DataFrame
        In the row order of `images`, in units of the score, float64. category_mean: mean of the
        category's training images, or of all training images where the category has none.
        subcategory_mean: mean of the training images of the same category and subcategory, or else
        the category mean. image_size: least squares on the logarithms of pixels and of aspect ratio
        (width / height); missing where a size is not known.

    Raises
    ------
    ValueError
        If `images` is unusable, an image has no part in the split, or none is in training.
    """
    check_images(images, ["category", "subcategory"])
    part = images["image_id"].map(split)
    train = images[part == "train"]
    if part.isna().any() or train.empty:
        raise ValueError(
            f"The split leaves {int(part.isna().sum())} images without a part and "
            f"{len(train)} in training. Expected a part for every image and at least one training "
            "image. Make the split from the same images."
        )
    category = _means(images, train, ["category"]).fillna(float(train["score"].mean()))
    subcategory = _means(images, train, ["category", "subcategory"]).fillna(category)
    return pd.DataFrame(
        {
            "category_mean": category,
            "subcategory_mean": subcategory,
            "image_size": _from_size(images, (part == "train").to_numpy()),
        }
    )


def _means(images: pd.DataFrame, train: pd.DataFrame, labels: list[str]) -> "pd.Series[float]":
    means = train.groupby(labels, observed=True)["score"].mean().rename("mean")
    joined = images[labels].join(means, on=labels)["mean"]
    return joined.astype(np.float64)


def _from_size(images: pd.DataFrame, train: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    if not {"width", "height"} <= set(images.columns) or images[["width", "height"]].isna().any(
        axis=None
    ):
        return np.full(len(images), np.nan)
    width, height = (np.log(images[name].to_numpy(dtype=float)) for name in ("width", "height"))
    inputs: npt.NDArray[Any] = np.stack([width + height, width - height], axis=1)
    fitted = LinearRegression().fit(inputs[train], images["score"].to_numpy()[train])
    return np.asarray(fitted.predict(inputs), dtype=np.float64)
