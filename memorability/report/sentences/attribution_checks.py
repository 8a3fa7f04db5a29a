"""The checks of attributions in words."""

import pandas as pd

from memorability.report.numbers import number, with_interval
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP


def sentence(checks: pd.DataFrame, check: str) -> str:
    """Return what one check says, for its figure.

    Parameters
    ----------
    checks
        The table attribution_checks.
    check
        "baseline" or "weights".
    """
    return _of_baselines(checks) if check == "baseline" else _of_weights(checks)


def _of_baselines(checks: pd.DataFrame) -> str:
    rows = checks[checks["check"] == "baseline"]
    ranks, maps, signed = (
        _range(rows, name) for name in ("rank_mean_absolute", "map_absolute", "map_signed")
    )
    if not maps:
        return _NOTHING
    n = rows["n"].iloc[0]
    ranked = (
        f"The order of {n} images by mean absolute attribution agrees at r = {ranks}."
        if ranks and n >= SMALLEST_BOOTSTRAP
        else f"{n} images are too few to compare their order."
    )
    return (
        "Under two baselines, the pixels of an image agree at "
        f"r = {maps} by absolute attribution and at r = {signed} by signed attribution. {ranked}"
    )


def _of_weights(checks: pd.DataFrame) -> str:
    rows = checks[checks["check"] == "weights"]
    values = {(str(row["second"]), str(row["measure"])): row for _, row in rows.iterrows()}
    if rows.loc[rows["measure"] == "map_signed", "value"].isna().all():
        return _NOTHING
    parts = [
        f"With {words}, the pixels of an image agree at "
        f"r = {_number(values[part, 'map_signed'])} by signed attribution and at "
        f"r = {_number(values[part, 'map_absolute'])} by absolute attribution."
        for part, words in (
            ("predictor", "a random predictor"),
            ("encoder_and_predictor", "a random encoder and predictor"),
        )
    ]
    without = checks[(checks["check"] == "reference") & (checks["measure"] == "map_absolute")]
    known = {str(row["second"]): _number(row) for _, row in without.iterrows()}
    return (
        f"{' '.join(parts)} Without any network, the distance of image and baseline agrees with the "
        f"absolute attributions at r = {known['difference']}, and the edges of the image do at "
        f"r = {known['edges']}."
    )


_NOTHING = (
    "All attributions are 0: the predictor gives every image the same score, and there is nothing "
    "to check."
)


def _range(rows: pd.DataFrame, measure: str) -> str:
    values = rows.loc[rows["measure"] == measure, "value"].dropna()
    return f"{number(values.min())} to {number(values.max())}" if len(values) else ""


def _number(row: pd.Series) -> str:
    return with_interval(row["value"], row["ci_low"], row["ci_high"])
