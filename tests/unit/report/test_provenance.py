"""Words and rows about what stands behind results."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memorability.prediction.intervals import interval_coverage
from memorability.report.pages import picture_part
from memorability.report.provenance import (
    duplicates_for_reading,
    duplicates_in_words,
    duplicates_lead,
    intervals_for_reading,
    pictured,
    planted_for_reading,
    planted_in_words,
)


def test_planted_effects_are_counted_and_listed_from_the_properties_on() -> None:
    effects = pd.DataFrame(
        {
            "kind": ["category", "ceiling", "property"],
            "effect": ["food", "highest_correlation", "saturation"],
            "planted": [0.06, 0.9, 0.09],
            "found": [0.05, float("nan"), 0.2],
            "ci_low": [0.01, float("nan"), 0.15],
            "ci_high": [0.09, float("nan"), 0.25],
            "contains": pd.array([True, pd.NA, False], dtype="boolean"),
            "n": [1200, 1200, 1200],
            "unit": ["images", "images", "images"],
        }
    )
    shown = planted_for_reading(effects)
    assert shown.iloc[:, 0].tolist() == [
        "Saturation, per standard deviation", "Category food", "Correlation with the truth",
    ]  # fmt: skip
    assert shown["found"].tolist() == ["0.200 [0.150, 0.250]", "0.050 [0.010, 0.090]", "–"]
    assert shown["the interval contains it"].tolist() == ["no", "yes", "–"]
    assert shown["n"].iloc[0] == "1,200 images"
    words = planted_in_words(effects, confidence=0.95)
    assert words.startswith("1 of 2 intervals contain what was planted.")
    assert "too small" in planted_in_words(effects.iloc[[1]], confidence=0.95)


def test_intervals_are_read_from_all_images_to_the_fifths() -> None:
    test = pd.DataFrame(
        {
            "image_id": ["a", "b", "c", "d", "e", "f"],
            "category": ["food"] * 6,
            "subcategory": ["x", "x", "x", "y", "y", "y"],
            "score": [0.125, 0.25, 0.375, 0.5, 0.625, 0.75],
            "predicted": [0.25, 0.375, 0.5, 0.625, 0.75, 0.875],
        }
    )
    shown = intervals_for_reading(interval_coverage(test, 0.5))
    assert shown["test images"].tolist()[:3] == [
        "all images", "category food", "prediction: 1. lowest fifth",
    ]  # fmt: skip
    assert shown["held, category known"].tolist()[0] == "100 %"
    one = intervals_for_reading(interval_coverage(test.iloc[:1], 0.5))
    assert set(one["held, category known"]) == {"–"}


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
    assert picture.shape == (224, 448, 3)
    assert (picture[:, :224].max(), picture[:, 224:].min()) == (0, 200)
    part = picture_part(picture, "<x>")
    assert "&lt;x&gt;" in part
    data = base64.b64decode(part.split("base64,")[1].split('"')[0])
    assert np.asarray(Image.open(io.BytesIO(data)))[:, 300:].mean() == pytest.approx(200, abs=3)
