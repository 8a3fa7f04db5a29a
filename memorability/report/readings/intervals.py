"""Intervals around predictions, as readers have them."""

import pandas as pd

from memorability.prediction.intervals import FIFTHS
from memorability.report.numbers import measured, percent


def intervals_for_reading(intervals: pd.DataFrame) -> pd.DataFrame:
    """Return the table `prediction_intervals` in the order of reading, with headings for readers.

    Where there is one category, nothing is said of categories.
    """
    several = (intervals["by"] == "category").sum() > 1
    if not several:
        intervals = intervals[intervals["by"] != "category"]
    words = {"all": "all images", "category": "category ", "prediction": "prediction: "}
    fifths = {name: f"{place}. {name} fifth" for place, name in enumerate(FIFTHS, start=1)}
    groups = intervals["group"].where(intervals["by"] == "category", intervals["group"].map(fifths))
    names = intervals["by"].map(words) + groups.fillna("")
    shown = intervals.assign(name=names.where(intervals["by"] != "all", words["all"]))
    shown = shown.sort_values(["by", "name"])
    known, unknown = "held, category known", "held, category not known"
    reading = pd.DataFrame(
        {
            "test images": shown["name"],
            "n": shown["n"],
            "half width": shown["half_width"].map(measured),
            "from n images": shown["calibrated_by"],
            "shall hold": shown["level"].map(percent),
            known: shown["coverage"].map(_share),
            unknown: shown["coverage_widest"].map(_share),
        }
    )
    return reading if several else reading.drop(columns=unknown).rename(columns={known: "held"})


def _share(share: float) -> str:
    return "–" if pd.isna(share) else percent(share)
