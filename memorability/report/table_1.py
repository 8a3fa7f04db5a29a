"""Table 1 of the paper, the models that are compared with it, and what controls leave of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from memorability.analysis.correlations import of_values
from memorability.analysis.distinctiveness import PUBLISHED_MEASURE
from memorability.base.run_keys import EXTERNAL, METRIC_KEYS
from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.report.labels import MODELS, label, metric_label, metric_labels
from memorability.report.numbers import measured, measured_with_interval, number, p_value


def table_1(correlations: pd.DataFrame, seeds_vary: Mapping[str, str]) -> pd.DataFrame:
    """Return the study's Table 1: per loss the learning rate with the highest correlation.

    Parameters
    ----------
    correlations
        The table `correlations` of quantity error.
    seeds_vary
        Protocol -> what its seeds vary, in words; of what was made elsewhere nothing is known.

    Returns
    -------
    pandas.DataFrame
        The table `table_1`, the highest correlation first: order (of reading, from 0), loss, r, ci_low,
        ci_high, unit (what intervals and p hold for), given_category_r (partial correlation of the
        same runs) with its interval, ceiling, and ceiling_share of r with its interval,
        beats_baseline with the baseline and its r, r_seed_sd, seed_agreement (mean rank correlation of
        their errors), p_holm, learning_rate, n, seeds, seeds_vary, protocol, diverged.
    """
    best = correlations[correlations["selected"]]
    keys = ["protocol", "loss", "lr", *METRIC_KEYS]
    pooled = best[best["method"] == "pooled"]
    partial = best[best["method"] == "partial"][[*keys, "r", "ci_low", "ci_high"]]
    partial = partial.rename(
        columns={name: f"given_category_{name}" for name in ("r", "ci_low", "ci_high")}
    )
    table = pooled.merge(partial, on=keys, how="left").sort_values("r", ascending=False)
    table = table.assign(loss=metric_labels(table), learning_rate=table["lr"])
    # Of errors made elsewhere it is not known.
    table = table.assign(seeds_vary=[seeds_vary.get(name, "") for name in table["protocol"]])
    columns = [
        "loss", "r", "ci_low", "ci_high", "unit", "given_category_r", "given_category_ci_low",
        "given_category_ci_high", "ceiling", "ceiling_share", "ceiling_share_low",
        "ceiling_share_high", "beats_baseline", "baseline",
        "baseline_r", "r_seed_sd", "seed_agreement", "p_holm", "learning_rate", "n", "seeds",
        "seeds_vary", "protocol", "diverged",
    ]  # fmt: skip
    return table[columns].reset_index(drop=True).rename_axis("order").reset_index()


def forest_models(
    correlations: Sequence[pd.DataFrame], protocol: str, loss: str
) -> list[pd.DataFrame]:
    """Return the correlations of the models of a forest plot, one table each.

    Parameters
    ----------
    correlations
        The tables `correlations` of several quantities.
    protocol, loss
        Of the analysed model.

    Returns
    -------
    list of pandas.DataFrame
        Errors of the loss at its learning rate of the highest correlation, distinctiveness as the paper
        measures it, and both of what was made elsewhere.
    """
    table = pd.concat(correlations, ignore_index=True)
    table = table[table["selected"]]
    found = []
    for quantity in ("error", "distinctiveness"):
        rows = table[table["quantity"] == quantity]
        ours = (rows["protocol"] == protocol) & (rows["loss"] == loss)
        rows = rows[ours | (rows["protocol"] == EXTERNAL)]
        if quantity == "distinctiveness":
            rows = rows[rows["metric"] == PUBLISHED_MEASURE]
        found += [model for _, model in rows.groupby(["protocol", "loss", "lr"], sort=False)]
    return found


def published_distinctiveness(
    values: pd.DataFrame, correlations: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return distinctiveness as the paper measures it, and the correlations of the same models.

    Parameters
    ----------
    values
        As from `from_distinctiveness`.
    correlations
        The table `correlations` of quantity distinctiveness.
    """
    measured = values[values["metric"] == PUBLISHED_MEASURE]
    return measured, of_values(measured, correlations)


def given_controls_for_reading(given: pd.DataFrame) -> pd.DataFrame:
    """Return the table `given_controls` with headings, each interval beside its number.

    Of each error, controls that are models come first, epoch 0 before all. Without categories nothing
    is said of them.
    """
    place = {name: number for number, name in enumerate([*MODELS, ""])}
    given = given.assign(place=given["control_model"].map(place)).sort_values(
        ["protocol", "loss", "lr", "place"], kind="stable"
    )
    rows = [row for _, row in given.iterrows()]
    difference = ["difference", "difference_ci_low", "difference_ci_high"]
    shown = pd.DataFrame(
        {
            "error": metric_labels(given.assign(model="")) if rows else [],
            "learning rate": given["lr"],
            "control": list(map(_control, rows)),
            "given the category": ["yes" if row["method"] == "partial" else "no" for row in rows],
            "r of the error": given["r"].map(measured),
            "r of the control": given["control_r"].map(measured),
            "r of error and control": given["agreement"].map(measured),
            "r given the control": [
                measured_with_interval(*row[["given_control_r", "ci_low", "ci_high"]])
                for row in rows
            ],
            "p": given["p"].map(p_value),
            "difference of r": [measured_with_interval(*row[difference]) for row in rows],
            "p of the difference": given["difference_p"].map(p_value),
            "interval for new": given["unit"],
        }
    )
    labelled = (given["method"] == "partial").any()
    return shown if labelled else shown.drop(columns="given the category")


def control_in_words(given: pd.DataFrame) -> str:
    """Say what controls leave of an error's correlation, epoch 0 first; "" where there is no such row.

    Parameters
    ----------
    given
        Rows of the table `given_controls` of one error. Where there are several categories, those given
        the category are read.
    """
    partial = given[given["method"] == "partial"]
    rows = given[given["method"] == "pooled"] if partial.empty else partial
    category = "" if partial.empty else "the category and "
    before = rows[rows["control_model"] == "before_fine_tuning"]
    others = rows[rows["control_model"] != "before_fine_tuning"]
    said = []
    for _, row in before.iterrows():
        said += [_left_of(row, category), _changed(row, bool(category))]
    known = others[others["given_control_r"].notna()]
    if len(known) and said:
        least = known.iloc[int(np.argmin(known["given_control_r"].abs()))]
        figure = _figure(least, "given_control_r", "ci_")
        rank = f", the least of {len(known)} other controls" if len(known) > 1 else ""
        said.append(f"The control '{_control(least)}' leaves r = {figure}{rank}.")
    return " ".join(filter(None, said))


def _left_of(row: pd.Series, category: str) -> str:
    """Say what is left of an error's correlation given the error at epoch 0."""
    score = SCORE_KINDS[row["target"]].in_a_sentence
    known = f"Given {category}the error before fine-tuning (epoch 0)"
    if np.isnan(row["given_control_r"]):
        return f"{known}, nothing can be told: {row['ci_method']}."
    figure = _figure(row, "given_control_r", "ci_")
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        return f"{known}, r = {figure} is left of the correlation of the fine-tuned error with {score}."
    return (
        f"{known}, no correlation of the fine-tuned error with {score} is shown to be left: "
        f"r = {figure}."
    )


def _changed(row: pd.Series, categories: bool) -> str:
    """Say whether the correlation after fine-tuning differs from that before it."""
    if np.isnan(row["difference"]):
        return ""
    which = "The correlation given the category" if categories else "The correlation"
    numbers = f"r = {number(row['r'])} after and {number(row['control_r'])} before"
    difference = _figure(row, "difference", "difference_ci_")
    if row["difference_ci_low"] > 0:
        verdict = "is higher after fine-tuning than before"
    elif row["difference_ci_high"] < 0:
        verdict = "is lower after fine-tuning than before"
    else:
        verdict = "is not shown to differ before and after fine-tuning"
    return f"{which} {verdict}: {numbers}, difference {difference}."


def _control(row: pd.Series) -> str:
    """Return a control in words: a model, or a measure of complexity."""
    return MODELS.get(row["control_model"]) or label(row["control_metric"])


def _figure(row: pd.Series, value: str, prefix: str) -> str:
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    if np.isnan(low):
        return f"{number(row[value])} (no interval)"
    return f"{number(row[value])} ({number(low)} to {number(high)})"


def decay_in_words(curve: pd.DataFrame, *, confidence: float) -> str:
    """Say whether the correlation of the error is weaker after the last epoch than after the first.

    Parameters
    ----------
    curve
        The table `decay`.
    confidence
        Of its intervals, between 0 and 1.

    Returns
    -------
    str
        A sentence or two; "" where there is one epoch, or no change is defined.
    """
    pooled = curve[curve["method"] == "pooled"].sort_values("epoch")
    first, last = pooled.iloc[0], pooled.iloc[-1]
    if np.isnan(last["change"]):
        return ""
    score = SCORE_KINDS[last["target"]].in_a_sentence
    # The study's analysed model need not be the one with the highest correlation.
    model = f"{metric_label(last)}, learning rate {last['lr']}"
    error = f"The correlation of the error ({model})"
    epochs = f"between epoch {first['epoch']} and epoch {last['epoch']}"
    shown = last["change_ci_low"] > 0 or last["change_ci_high"] < 0
    does = "changes" if first["r"] <= 0 else "falls" if last["change"] < 0 else "rises"
    seeds = f", {last['change_seeds']} seeds" if last["change_seeds"] > 1 else ""
    if np.isnan(last["change_ci_low"]):
        interval = ", without an interval"
    else:
        low, high = number(last["change_ci_low"]), number(last["change_ci_high"])
        of = f"{100 * confidence:g} % interval {low} to {high} for new {last['change_unit']}"
        interval = f" ({of}{seeds})"
    change = f"r changes from {number(first['r'])} by {number(last['change'])}{interval}"
    if shown:
        text = f"{error} with {score} {does} {epochs}: {change}."
    else:
        text = f"{error} with {score} is not shown to change {epochs}: {change}."
    if last["change_seeds"] == 1:
        text += " It is of one seed: how another training would change is not known."
    return text
