"""Intervals around predictions, in the order of reading."""

import pandas as pd

from memorability.prediction.intervals import interval_coverage
from memorability.report.readings.intervals import intervals_for_reading


def test_intervals_are_read_from_all_images_to_the_fifths() -> None:
    test = pd.DataFrame(
        {
            "image_id": ["a", "b", "c", "d", "e", "f"],
            "category": ["food"] * 5 + ["sports"],
            "subcategory": ["x", "x", "x", "y", "y", "y"],
            "score": [0.125, 0.25, 0.375, 0.5, 0.625, 0.75],
            "predicted": [0.25, 0.375, 0.5, 0.625, 0.75, 0.875],
        }
    )
    shown = intervals_for_reading(interval_coverage(test, 0.5))
    assert shown["test images"].tolist()[:4] == [
        "all images", "category food", "category sports", "prediction: 1. lowest fifth",
    ]  # fmt: skip
    assert shown["held, category known"].tolist()[0] == "100 %"
    assert "held, category not known" in shown


def test_of_one_category_nothing_is_said_of_categories() -> None:
    images = {"image_id": ["a"], "category": ["all"], "subcategory": [""]}
    test = pd.DataFrame({**images, "score": [0.5], "predicted": [0.25]})
    one = intervals_for_reading(interval_coverage(test, 0.5))
    assert one["test images"].tolist() == ["all images", "prediction: 1. lowest fifth"]
    assert set(one["held"]) == {"–"}
    assert not [name for name in one if "category" in name]
