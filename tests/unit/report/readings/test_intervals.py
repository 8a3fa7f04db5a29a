"""Intervals around predictions, in the order of reading."""

import pandas as pd

from memorability.prediction.intervals import interval_coverage
from memorability.report.readings.intervals import intervals_for_reading


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
