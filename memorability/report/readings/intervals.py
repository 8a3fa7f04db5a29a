"""Intervals around predictions, as readers have them."""

import pandas as pd

from memorability.prediction.intervals import FIFTHS
from memorability.report.numbers import measured, percent


def intervals_for_reading(intervals: pd.DataFrame) -> pd.DataFrame:
    """Return the table `prediction_intervals` in the order of reading, with headings for readers."""
    words = {"all": "all images", "category": "category ", "prediction": "prediction: "}
    fifths = {name: f"{place}. {name} fifth" for place, name in enumerate(FIFTHS, start=1)}
    groups = intervals["group"].where(intervals["by"] == "category", intervals["group"].map(fifths))
    names = intervals["by"].map(words) + groups.fillna("")
    shown = intervals.assign(name=names.where(intervals["by"] != "all", words["all"]))
    shown = shown.sort_values(["by", "name"])
    return pd.DataFrame(
        {
            "test images": shown["name"],
            "n": shown["n"],
            "half width": shown["half_width"].map(measured),
            "from n images": shown["calibrated_by"],
            "shall hold": shown["level"].map(percent),
            "held, category known": shown["coverage"].map(_share),
            "held, category not known": shown["coverage_widest"].map(_share),
        }
    )


def _share(share: float) -> str:
    return "–" if pd.isna(share) else percent(share)
