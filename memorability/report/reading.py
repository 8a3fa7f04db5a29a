"""Summaries: the few rows of a table that a reader wants to see, in the order of reading."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from memorability.base.run_keys import EXTERNAL
from memorability.claims.counting import badge, by_reading, untestable
from memorability.claims.ledger import MARGINS
from memorability.prediction.names import HEADS
from memorability.report.labels import head_label, label, metric_labels
from memorability.report.numbers import (
    measured,
    measured_interval,
    measured_with_interval,
    p_value,
    percent,
)
from memorability.report.pages import write_page
from memorability.report.wording import cannot_tell, distinct_heads
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP


def with_intervals(table: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Return a reading copy in which low and high ends of an interval stand in one column.

    Parameters
    ----------
    table
        Any table.
    columns
        New column -> the two columns that it replaces.
    """
    shown = table.copy()
    for name, (low, high) in columns.items():
        ends = zip(shown[low], shown[high], strict=True)
        texts = [measured_interval(*both) or "–" for both in ends]
        shown.insert(list(shown.columns).index(low), name, texts)
        shown = shown.drop(columns=[low, high])
    return shown


def with_known(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return a table without those of these columns that say nothing in any row."""
    return table.drop(columns=[name for name in columns if table[name].isin(["–", ""]).all()])


def table_1_for_reading(table: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Return the seven columns of `table_1` that answer the study's question, with headings.

    A column is left out where it means nothing: given the category without several categories, the
    standard deviation over seeds where no loss has two seeds, the baseline where none was compared.
    The protocol is there only where there are several.
    """
    shown = pd.DataFrame(
        {
            "training loss": table["loss"],
            "protocol": table["protocol"],
            "best learning rate": table["learning_rate"].replace("", "–"),
            _r_with(confidence): _figures(table, "r", "ci_low", "ci_high"),
            "given the category": _given(table, "category"),
            "SD over seeds": [
                measured(sd) if seeds > 1 else "–"
                for sd, seeds in zip(table["r_seed_sd"], table["seeds"], strict=True)
            ],
            "p (Holm)": [p_value(p) for p in table["p_holm"]],
            "beats baseline": table["beats_baseline"].replace("", "–"),
        }
    )
    if len(set(table["protocol"]) - {EXTERNAL}) < 2:
        shown = shown.drop(columns="protocol")
    return with_known(
        shown, "best learning rate", "given the category", "SD over seeds", "beats baseline"
    )


def table_1_details(table: pd.DataFrame) -> pd.DataFrame:
    """Return what else `table_1` has, with headings: a column is left out where it says nothing."""
    shown = pd.DataFrame(
        {
            "training loss": table["loss"],
            "protocol": table["protocol"],
            "images": table["n"],
            "seeds": table["seeds"],
            "interval for new": table["unit"],
            "seeds vary": table["seeds_vary"].replace("", "–").where(table["seeds"] != 1, "–"),
            "agreement of seeds": table["seed_agreement"].map(measured),
            "highest possible r": table["ceiling"].map(measured),
            "r of scores without noise": _figures(
                table, "ceiling_share", "ceiling_share_low", "ceiling_share_high"
            ),
            "strongest baseline": table["baseline"].map(label),
            "r of the baseline": table["baseline_r"].map(measured),
            "seeds that diverged": table["diverged"],
        }
    )
    return with_known(shown, *shown.columns[5:])


def _figures(table: pd.DataFrame, value: str, low: str, high: str) -> list[str]:
    rows = table[[value, low, high]].to_numpy(dtype="float64")
    return [_figure(float(r), float(a), float(b), whole=False) for r, a, b in rows]


def effects_for_reading(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the table `protocol_effects` with its interval in one column, what differs in front."""
    shown = with_intervals(effects, {"CI": ("ci_low", "ci_high")})
    shown = shown.assign(loss=metric_labels(shown))
    headings = {
        "choice": "choice",
        "value": "here",
        "base_value": "there",
        "protocol": "protocol",
        "base_protocol": "other protocol",
        "loss": "error",
        "lr": "learning rate",
        "difference": "difference of r",
        "CI": "CI",
        "p": "p",
        "unit": "interval for new",
        "training": "chance of training",
        "r": "r here",
        "base_r": "r there",
        "n": "images",
    }
    return shown[list(headings)].rename(columns=headings)


def metrics_for_reading(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the main metrics of the table `prediction_metrics`, a row per head."""
    return _by_head(metrics, ("spearman", "mean_within", "pearson", "roc_auc", "mse"))


def classes_for_reading(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the table `prediction_metrics` as a row per head: memorable images told from others."""
    return _by_head(
        metrics, ("pr_auc", "accuracy", "precision", "sensitivity", "specificity", "f1")
    )


def _by_head(metrics: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    known = distinct_heads(metrics)
    rows = []
    for head in [*(name for name in HEADS if name in known), *sorted(set(known) - set(HEADS))]:
        figures = metrics[metrics["head"] == head].set_index("metric")
        row = {"head": head_label(head), "test images": f"{figures['n'].iloc[0]:,}"}
        for name in names:
            if name in figures.index:
                columns = (float(figures[key][name]) for key in ("value", "ci_low", "ci_high"))
                few = figures["cases"][name] < SMALLEST_BOOTSTRAP
                row[label(name)] = (
                    f"too few ({figures['cases'][name]})" if few else _figure(*columns, whole=False)
                )
        rows.append(row)
    table = pd.DataFrame(rows)
    return table if table.shape[1] > 2 else table.iloc[:0]


def trials_for_reading(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the table `prediction_search` from the lowest to the highest validation loss."""
    headings = {
        "trial": "trial",
        "validation_loss": "validation loss",
        "hidden": "hidden units",
        "learning_rate": "learning rate",
        "batch_size": "batch size",
        "dropout": "dropout",
        "weight_decay": "weight decay",
        "epochs": "epochs",
        "worker": "job",
    }
    return trials.sort_values("validation_loss")[list(headings)].rename(columns=headings)


def ceiling_for_reading(ceiling: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the table `ceiling` with headings for readers.

    Parameters
    ----------
    ceiling
        The table.
    method
        "pooled": of all images, without a column for the group. "within": of each category.
    """
    headings = {
        "target": "score",
        "group": "category",
        "n": "images",
        "consistency": "consistency of halves",
        "consistency_sd": "SD over splits",
        "full_length": "reliability of all responses",
        "ceiling": "highest possible r",
        "ceiling_by": "from",
        "unit": "interval for new",
    }
    if method == "pooled":
        del headings["group"]
    rows = ceiling[ceiling["method"] == method]
    highest = _figures(rows, "ceiling", "ceiling_low", "ceiling_high")
    made = rows["ceiling_by"].replace("", "–")
    shown = rows.assign(target=rows["target"].map(label), ceiling=highest, ceiling_by=made)
    return shown[list(headings)].rename(columns=headings)


def selection_for_reading(selection: pd.DataFrame) -> pd.DataFrame:
    """Return the published choice of the table `selection`, a row per loss, with headings."""
    headings = {
        "n": "images",
        "rates": "learning rates",
        "skipped": "without correlation",
        "lr": "best learning rate",
        "r": "r, same images",
        "p_loss": "p of the maximum, this loss",
        "p_grid": "p of the maximum, all losses",
        "p_grid_within": "p of the maximum, all losses, shuffled within the",
    }
    rows = _choices_by(selection, "published")
    tests = [name for name in headings if name.startswith("p_")]
    shown = rows.assign(**{name: [p_value(p) for p in rows[name]] for name in tests})
    if len(rows):
        headings["p_grid_within"] += f" {rows['within'].iloc[0] or 'category'}"
    shown = with_known(shown[[*_front(shown), *headings]], "skipped", "p_grid_within")
    return shown.rename(columns=headings)


def honest_choices_for_reading(selection: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Return the choices of the table `selection` by halves, a row per loss, with headings.

    Parameters
    ----------
    selection
        The table.
    rule
        "images" or "observers".

    Returns
    -------
    pandas.DataFrame
        Without rows where there was nothing to choose: of one learning rate.
    """
    rows = _choices_by(selection, rule)
    rows = rows[rows["rates"] > 1]
    often = [
        f"{lr} ({percent(share)})" if lr else "–"
        for lr, share in zip(rows["lr"], rows["share"], strict=True)
    ]
    shown = rows.assign(r=_figures(rows, "r", "r_middle_low", "r_middle_high"), often=often)
    headings = {
        "r": "r of the other half [95 % of repeats]",
        "optimism": "optimism",
        "often": "chosen most often",
    }
    return shown[[*_front(shown), *headings]].rename(columns=headings)


def _choices_by(selection: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Return the rows of one rule, in the order of the published correlations, with losses in words."""
    order = selection[selection["rule"] == "published"].sort_values("r", ascending=False)
    keys = ["protocol", "loss"]
    rows = order[keys].merge(selection[selection["rule"] == rule], on=keys)
    return rows.assign(**{"training loss": metric_labels(rows)})


def _front(rows: pd.DataFrame) -> list[str]:
    several = len(set(rows["protocol"])) > 1
    return ["training loss", "protocol"] if several else ["training loss"]


def write_claims(claims: pd.DataFrame, path: str | Path, *, note: str) -> None:
    """Write the ledger as a page: what was tested first, what could not be tested folded below.

    Parameters
    ----------
    claims
        As from `memorability.claims.ledger.ledger`.
    path
        File to write.
    note
        Of the study, above the table.
    """
    tested, other, nothing = not_testable(claims)
    write_page(
        claims_for_reading(tested),
        path,
        title="Every published number beside ours",
        lead=" ".join(filter(None, [badge(claims), by_reading(claims), untestable(claims)])),
        note=note,
        empty="The numbers that cannot be tested stand below, each with the reason.",
        more={"How the two numbers were compared": claims_details(tested)},
        folded={
            f"Not testable: {why} ({rows['claim'].nunique()})": claims_for_reading(rows)
            for why, rows in (("other data or another model", other), ("nothing computed", nothing))
        },
    )


def claims_for_reading(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger as it is read: verdict, statement, both figures, and why.

    A figure is a number with its interval, if it has one.
    """
    figures = {
        name: [
            _figure(value, low, high, whole=statistic == "count")
            for value, low, high, statistic in zip(
                claims[name],
                claims[f"{name}_ci_low"],
                claims[f"{name}_ci_high"],
                claims["statistic"],
                strict=True,
            )
        ]
        for name in ("published", "ours")
    }
    headings = {
        "verdict": "verdict",
        "statement": "statement",
        "reading": "reading",
        "published": "published",
        "ours": "ours",
        "why": "why",
    }
    shown = claims.assign(**figures)[list(headings)].rename(columns=headings)
    return with_known(shown, "reading")


def claims_details(claims: pd.DataFrame) -> pd.DataFrame:
    """Return what else the ledger has: how each figure was compared, and where it was published.

    Of a source in the reproduced paper only the place is shown: the caption names the paper.
    """
    headings = {
        "statement": "statement",
        "reading": "reading",
        "statistic": "statistic",
        "difference": "ours − published",
        "error_of": "differs by chance",
        "margin": "margin",
        "p": "p (equivalence)",
        "power": "power",
        **{name: f"verdict at ±{margin:.2f}" for name, margin in MARGINS.items()},
        "n": "images",
        "data": "which",
        "share_converged": "converged",
        "by": "computed by",
        "source": "source",
    }
    place = claims["source"].str.removeprefix("Bagheri and Mohsenzadeh (arXiv:2410.15235), ")
    difference = [
        _figure(*figures, whole=False)
        for figures in zip(
            claims["difference"], claims["difference_ci_low"], claims["difference_ci_high"],
            strict=True,
        )
    ]  # fmt: skip
    shown = claims.assign(
        difference=difference,
        source=place,
        statistic=claims["statistic"].map(label),
        share_converged=[percent(x) if x >= 0 else "–" for x in claims["share_converged"]],
    )
    shown = shown[list(headings)].rename(columns=headings)
    return with_known(shown, "reading", "differs by chance", "which", "converged")


def not_testable(claims: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the rows of a ledger with a verdict, those of other data, and those without our number."""
    rest = claims["verdict"] == "not testable"
    computed = claims["by"] != ""
    return claims[~rest], claims[rest & computed], claims[rest & ~computed]


def _figure(value: float, low: float, high: float, *, whole: bool) -> str:
    """Return a figure as it is read, with its interval if it has one."""
    if whole and float(value).is_integer():
        return f"{value:,.0f} {measured_interval(low, high)}".rstrip()
    return measured_with_interval(value, low, high)


def external_for_reading(sources: pd.DataFrame) -> pd.DataFrame:
    """Return the table `external` with headings for readers."""
    headings = {
        "kind": "what",
        "file": "file",
        "name": "called",
        "claim": "answers",
        "joined_by": "joined by",
        "rows": "rows",
        "joined": "images joined",
        "rows_without_image": "rows without an image",
        "unmatched": "first of them",
        "images_without_row": "images without a row",
    }
    return sources[list(headings)].rename(columns=headings)


def importance_for_reading(importance: pd.DataFrame) -> pd.DataFrame:
    """Return the table `feature_importance` from the largest on, with headings for readers.

    Without rows where the model knows no feature. A feature that no tree asks for has no interval.
    """
    shown = importance.sort_values("importance", ascending=False)
    unused = (shown[["importance", "ci_low", "ci_high"]] == 0).all(axis=1)
    shown = with_intervals(shown, {"CI": ("ci_low", "ci_high")})
    shown["CI"] = shown["CI"].mask(unused, "not used by the model")
    shown = shown.assign(feature=shown["feature"].map(label))
    shown = shown.drop(columns=["n", "model"])
    shown = shown.rename(columns={"importance": "share of the variance lost"})
    return shown.iloc[:0] if cannot_tell(importance) else shown


def table_2_for_reading(table: pd.DataFrame, target: str, *, confidence: float) -> pd.DataFrame:
    """Return the rows of `table_2` with one target, intervals beside their figures, with headings.

    A column is left out where it means nothing in any row: given the category without several of
    them, given the subcategory likewise.
    """
    rows = table[table["target"] == target]
    shown = pd.DataFrame(
        {
            "feature": rows["feature"].map(label),
            _r_with(confidence): _figures(rows, "r", "ci_low", "ci_high"),
            "given the category": _given(rows, "category"),
            "given the subcategory": _given(rows, "subcategory"),
            "published r": rows["published"].map(measured),
            "p (Holm)": [p_value(p) for p in rows["p_holm"]],
            "images": rows["n"],
        }
    )
    return with_known(shown, "given the category", "given the subcategory", "published r")


def _r_with(confidence: float) -> str:
    # Blanks that no line breaks at.
    return f"Spearman's r [{100 * confidence:g}\N{NO-BREAK SPACE}%\N{NO-BREAK SPACE}CI]"


def _given(table: pd.DataFrame, labels: str) -> list[str]:
    prefix = f"given_{labels}_"
    return _figures(table, f"{prefix}r", f"{prefix}ci_low", f"{prefix}ci_high")
