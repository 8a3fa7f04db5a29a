"""Label-only baselines: what ranks images by memorability without looking at their content.

A quantity that knows a photograph's category alone correlates with memorability wherever categories
differ in their mean. So does, perhaps, the size of the file. What is found of an image's content has
to beat these.
"""

import pandas as pd


def label_baselines(images: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """Return what labels and the original's size say of each image.

    Means of categories are those of the training images and stand for the images that are not: a
    mean that an image enters would know its score, and a mean of all images but one falls as the
    score of that one rises.

    Parameters
    ----------
    images
        The image table with the column split, see `memorability.data.splits.with_split`.
    target
        Column of `images` whose means are taken.

    Returns
    -------
    pandas.DataFrame
        Columns metric, image_id, value. Metrics are "category_mean" and, where categories have
        subcategories, "subcategory_mean" (both of validation and test images whose label occurs in
        training),
        "image_size" (width × height in pixels) and "aspect" (width / height), of the images whose
        size is known.
    """
    train, rest = images[images["split"] == "train"], images[images["split"] != "train"]
    sized = images.dropna(subset=["width", "height"])
    width, height = (sized[side].astype(float) for side in ("width", "height"))
    found = {
        "category_mean": rest.assign(value=_means(train, rest, ["category"], target)),
        "image_size": sized.assign(value=width * height),
        "aspect": sized.assign(value=width / height),
    }
    labels = ["category", "subcategory"]
    if len(images[labels].drop_duplicates()) > images["category"].nunique():
        found["subcategory_mean"] = rest.assign(value=_means(train, rest, labels, target))
    long: pd.DataFrame = pd.concat([table.assign(metric=metric) for metric, table in found.items()])
    long = long.dropna(subset="value")
    return long[["metric", "image_id", "value"]].reset_index(drop=True)


def _means(
    train: pd.DataFrame, rest: pd.DataFrame, labels: list[str], target: str
) -> "pd.Series[float]":
    """Return for each row of `rest` the mean target of the training images with its labels."""
    means = train.groupby(labels)[target].mean().rename("mean")
    return rest[labels].join(means, on=labels)["mean"]
