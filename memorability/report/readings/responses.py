"""Models of responses as readers see them."""

import pandas as pd

from memorability.report.labels import label
from memorability.report.numbers import measured_with_interval, p_value


def effects_of_models(models: pd.DataFrame) -> pd.DataFrame:
    """Return what predictors do to responses in a table `response_models`, with headings."""
    rows = models[models["predictor"] != ""]
    keys = ["predictor", "answers"]
    change = rows[rows["quantity"] == "change_of_rate"].reset_index(drop=True)
    effect = change[keys].merge(rows[rows["quantity"] == "effect"], on=keys)
    names = change["predictor"].str.removeprefix("error_")
    elsewhere = names.str.startswith("external_")
    shown = {
        "error": names.str.removeprefix("external_").map(label)
        + elsewhere.map({True: ", external"}).fillna(""),
        "answers": change["answers"].str.replace("_", " "),
        "change of the rate per SD": _with_interval(change),
        "on the model's scale": _with_interval(effect),
        "scale": effect["scale"],
        "p": change["p"].map(p_value),
        "images": change["images"],
        "responses": change["responses"],
    }
    return pd.DataFrame(shown)


def models_for_reading(models: pd.DataFrame) -> pd.DataFrame:
    """Return what a table `response_models` says without predictors: a row per quantity."""
    rows = models[models["predictor"] == ""]
    shown = rows.assign(
        quantity=rows["quantity"].map(label),
        value=_with_interval(rows),
        answers=rows["answers"].str.replace("_", " "),
    )
    wide = shown.pivot_table(
        index=["quantity", "scale"], columns="answers", values="value", aggfunc="first", sort=False
    )
    return wide.fillna("–").reset_index().rename_axis(columns=None)


def _with_interval(rows: pd.DataFrame) -> list[str]:
    figures = rows[["estimate", "ci_low", "ci_high"]].to_numpy(dtype="float64")
    return [measured_with_interval(float(r), float(a), float(b)) for r, a, b in figures]
