"""Near duplicates: when a reader is warned of them, and their pictures."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memorability.report.readings.duplicates import (
    duplicates_for_reading,
    duplicates_in_words,
    duplicates_lead,
    picture_part,
    pictured,
)


def duplicates(*pairs: tuple[Any, ...]) -> pd.DataFrame:
    columns = ["image_id", "other_image_id", "distance", "split", "other_split"]
    table = pd.DataFrame(pairs, columns=columns).assign(
        category="a", other_category="b", mirrored=False
    )
    return table.assign(straddles=table["split"] != table["other_split"])


def test_a_pair_is_warned_of_only_where_the_split_separates_it() -> None:
    together = duplicates(("x", "y", 2, "test", "test"))
    assert duplicates_in_words(together) == ""
    assert duplicates_lead(together, 1000) == "2 of 1,000 images have a near duplicate."
    apart = duplicates(("x", "y", 2, "test", "test"), ("u", "v", 8, "train", "test"))
    assert duplicates_in_words(apart).startswith(
        "1 pair of nearly equal images stands in different"
    )
    assert duplicates_lead(apart, 9).startswith("4 of 9 images have a near duplicate. 1 pair of")
    assert duplicates_for_reading(apart)["image"].tolist() == ["u", "x"]
    assert duplicates_lead(duplicates(), 9).startswith("0 of 9 images have")


def test_the_pictures_of_a_pair_stand_side_by_side() -> None:
    pixels = np.zeros((3, 3, 224, 224), np.uint8)
    pixels[2] = 200
    table = duplicates(("x", "z", 2, "test", "test"))
    ((name, picture),) = pictured(table, pd.Series(["x", "y", "z"]), pixels)
    assert name == "x · z"
    assert picture.shape == (224, 456, 3)
    assert (picture[:, :224].max(), picture[:, 224:232].min(), picture[:, 232:].max()) == (
        0,
        255,
        200,
    )
    part = picture_part(picture, "<x>")
    assert "&lt;x&gt;" in part
    data = base64.b64decode(part.split("base64,")[1].split('"')[0])
    assert np.asarray(Image.open(io.BytesIO(data)))[:, 300:].mean() == pytest.approx(200, abs=3)
