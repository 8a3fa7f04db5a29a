"""Table 1 of the paper, and the models that are compared with it."""

from collections.abc import Mapping, Sequence

import pandas as pd

from memorability.analysis.correlations import of_values
from memorability.analysis.distinctiveness import PUBLISHED_MEASURE
from memorability.base.run_keys import EXTERNAL, METRIC_KEYS
from memorability.report.labels import metric_labels


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
