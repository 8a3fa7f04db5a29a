"""Planted effects, counted and listed."""

import pandas as pd

from memorability.report.readings.planted import planted_for_reading, planted_in_words


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
