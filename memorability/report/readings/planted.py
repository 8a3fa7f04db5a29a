"""What was planted in the sample and what the study found, as readers have it."""

import pandas as pd

from memorability.report.labels import planted_label
from memorability.report.numbers import measured, measured_with_interval, percent


def planted_for_reading(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the table `planted_effects` in the order of its kinds, with headings for readers."""
    order = ["property", "category", "mean", "observers", "ceiling"]
    rows = effects.sort_values("kind", key=lambda kinds: kinds.map(order.index), kind="stable")
    names = zip(rows["kind"], rows["effect"], strict=True)
    return pd.DataFrame(
        {
            "what": [planted_label(*name) for name in names],
            "planted": [measured(value) for value in rows["planted"]],
            "found": [
                measured_with_interval(*row)
                for row in zip(rows["found"], rows["ci_low"], rows["ci_high"], strict=True)
            ],
            "the interval contains it": rows["contains"]
            .map({True: "yes", False: "no"})
            .fillna("–"),
            "n": [f"{n:,} {unit}" for n, unit in zip(rows["n"], rows["unit"], strict=True)],
        }
    )


def planted_in_words(effects: pd.DataFrame, *, confidence: float) -> str:
    """Return how many intervals contain what was planted, and how many should, in a sentence or two."""
    known = effects[effects["contains"].notna()]
    if known.empty:
        return "The sample is too small for an interval: nothing can be compared."
    return (
        f"{int(known['contains'].sum())} of {len(known)} intervals contain what was planted. If all is "
        f"right, about {percent(confidence)} of such intervals do."
    )
