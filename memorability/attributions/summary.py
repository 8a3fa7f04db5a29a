"""What the checks of attributions say, with intervals over images and in a sentence each."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pandas as pd

from memorability.attributions.names import MAP_MEASURES, SUMMARIES, TRAINED
from memorability.intervals import Bootstrap, Interval, bootstrap_mean, no_interval
from memorability.ranks import SMALLEST_SAMPLE
from memorability.statistics import bootstrap_spearman


def summarise_checks(
    attributions: pd.DataFrame,
    variants: pd.DataFrame,
    similarity: pd.DataFrame,
    curves: pd.DataFrame,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Return the statistics of all checks.

    Parameters
    ----------
    attributions, variants, similarity, curves
        The tables attributions, attribution_variants, attribution_similarity and attribution_curves.
    bootstrap
        Over images.

    Returns
    -------
    pandas.DataFrame
        The table attribution_checks. Rows of check `baseline` and `weights`: Spearman's correlation of
        the images' summaries under `first` and `second`, and the means over images of the similarities
        of their maps. Of `deletion` and `insertion`: the mean area between the curves, in units of the
        predicted score, positive where the order of attributions does better than a random one. NaN
        where attributions are constant or there are too few images.
    """
    images = similarity["image_id"].unique()
    own = attributions[attributions["image_id"].isin(images)].rename(
        columns={"baseline": "variant"}
    )
    known = pd.concat([own, own.assign(variant=TRAINED), variants], ignore_index=True)
    values = {
        str(variant): rows.set_index("image_id").loc[images]
        for variant, rows in known.groupby("variant")
    }
    rows = []
    for key, alike in similarity.groupby(["check", "first", "second"]):
        check, first, second = map(str, key)
        pair = {"check": check, "first": first, "second": second, "n": len(alike)}
        for name in SUMMARIES:
            x, y = (values[variant][name].to_numpy() for variant in (first, second))
            rows.append({**pair, "measure": f"rank_{name}", **_rank_agreement(x, y, bootstrap)})
        for name in MAP_MEASURES:
            rows.append({**pair, "measure": name, **_mean(alike[name].to_numpy(), bootstrap)})
    for mode, area in _areas(curves).items():
        pair = {"check": mode, "first": "attribution", "second": "random", "n": len(area)}
        rows.append({**pair, "measure": "area", **_mean(area, bootstrap)})
    return pd.DataFrame(rows)


def _rank_agreement(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], bootstrap: Bootstrap
) -> dict[str, object]:
    if len(x) < SMALLEST_SAMPLE or np.ptp(x) == 0 or np.ptp(y) == 0:
        why = "too few images" if len(x) < SMALLEST_SAMPLE else "constant"
        return _row(np.nan, no_interval(f"none ({why})"))
    found = bootstrap_spearman(x, y, **asdict(bootstrap))
    return _row(found.r, Interval(found.ci_low, found.ci_high, found.ci_method))


def _mean(values: npt.NDArray[np.float64], bootstrap: Bootstrap) -> dict[str, object]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return _row(np.nan, no_interval("none (constant)"))
    return _row(float(defined.mean()), bootstrap_mean(defined, bootstrap))


def _row(value: float, interval: Interval) -> dict[str, object]:
    return {
        "value": value, "ci_low": interval.low, "ci_high": interval.high,
        "ci_method": interval.method,
    }  # fmt: skip


def _areas(curves: pd.DataFrame) -> dict[str, npt.NDArray[np.float64]]:
    """Return mode -> area between the curves of each image, positive where attributions do better."""
    keys = ["mode", "image_id"]
    orders = {
        order: rows.pivot_table(index=keys, columns="share", values="score")
        for order, rows in curves.groupby("order")
    }
    lower = orders["random"] - orders["attribution"]
    areas = pd.Series(np.trapezoid(lower, lower.columns.to_numpy(), axis=1), lower.index)
    return {
        "deletion": areas.loc["deletion"].to_numpy(),
        "insertion": -areas.loc["insertion"].to_numpy(),
    }


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
