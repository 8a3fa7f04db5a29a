"""The checks of attributions in words."""

from collections.abc import Callable

import numpy as np
import pandas as pd


def sentence(checks: pd.DataFrame, check: str) -> str:
    """Return what one check says, for its figure.

    Parameters
    ----------
    checks
        The table attribution_checks.
    check
        baseline, weights, or curves: deletion and insertion.
    """
    says: dict[str, Callable[[pd.DataFrame], str]] = {
        "baseline": _of_baselines, "weights": _of_weights, "curves": _of_curves,
    }  # fmt: skip
    return says[check](checks)


def _of_baselines(checks: pd.DataFrame) -> str:
    rows = checks[checks["check"] == "baseline"]
    ranks, maps, signed = (
        _range(rows, name) for name in ("rank_mean_absolute", "map_absolute", "map_signed")
    )
    if not maps:
        return _NOTHING
    n = rows["n"].iloc[0]
    ranked = (
        f"the order of {n} images by mean absolute attribution at {ranks}"
        if ranks
        else f"{n} images are too few to compare their order"
    )
    return (
        "From two baselines, absolute attributions of the pixels of an image agree at "
        f"r = {maps}, signed ones at {signed}; {ranked}."
    )


def _of_weights(checks: pd.DataFrame) -> str:
    rows = checks[checks["check"] == "weights"]
    values = {(str(row["second"]), str(row["measure"])): row for _, row in rows.iterrows()}
    if rows.loc[rows["measure"] == "map_signed", "value"].isna().all():
        return _NOTHING
    parts = [
        f"{word} at r = {_number(values[part, 'map_signed'])} signed and "
        f"{_number(values[part, 'map_absolute'])} absolute"
        for part, word in (
            ("predictor", "those of a random predictor"),
            ("encoder_and_predictor", "those of a random encoder as well"),
        )
    ]
    return (
        f"Attributions of the pixels of an image agree with {', and with '.join(parts)}. "
        "What still agrees was not learned by the part that is random."
    )


def _of_curves(checks: pd.DataFrame) -> str:
    areas = checks[checks["measure"] == "area"]
    if (areas["value"].fillna(0) == 0).all():
        return _NOTHING
    rows = {str(row["check"]): row for _, row in areas.iterrows()}
    parts = []
    for mode, verb in (("deletion", "lowers"), ("insertion", "raises")):
        row = rows[mode]
        known = np.isfinite(row["ci_low"])
        more = "more" if row["value"] > 0 else "less"
        clear = known and not row["ci_low"] <= 0 <= row["ci_high"]
        unclear = "" if clear else ", which cannot be told from 0"
        parts.append(
            f"{mode} in the order of attributions {verb} the score by {abs(row['value']):.3g} "
            f"{more} than in random order{_interval(row, '.3g')}{unclear}"
        )
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]} (mean over the shares of pixels)."


_NOTHING = (
    "All attributions are 0: the predictor gives every image the same score, and there is nothing "
    "to check."
)


def _range(rows: pd.DataFrame, measure: str) -> str:
    values = rows.loc[rows["measure"] == measure, "value"].dropna()
    return f"{_plain(values.min(), '.2f')} to {_plain(values.max(), '.2f')}" if len(values) else ""


def _number(row: pd.Series) -> str:
    return f"{_plain(row['value'], '.2f')}{_interval(row, '.2f')}"


def _interval(row: pd.Series, form: str) -> str:
    if not np.isfinite(row["ci_low"]):
        return ""
    return f" ({_plain(row['ci_low'], form)} to {_plain(row['ci_high'], form)})"


def _plain(value: float, form: str) -> str:
    text = f"{value:{form}}".replace("-", "−")
    return text.lstrip("−") if not float(text.replace("−", "-")) else text
