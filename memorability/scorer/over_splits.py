"""The same comparison on several splits of the same images: figures, their mean and their spread."""

from collections.abc import Mapping

import pandas as pd

from memorability.base.errors import InputError

AVERAGED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "test_sets": (
        ("set", "target", "head", "fitted_to"), ("r", "given_category", "mse", "ceiling"),
    ),
    "predictor_comparison": (("target", "head"), ("r", "given_category", "mse", "ceiling")),
    "prediction_metrics": (("head", "metric"), ("value",)),
}  # fmt: skip
"""Tables that can be averaged: what names a row, and the columns of figures."""


def over_splits(name: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Average the figures of a table over studies that differ in their split alone.

    Parameters
    ----------
    name
        Of the table: a key of `AVERAGED`.
    tables
        Study -> its table, at least two.

    Returns
    -------
    pandas.DataFrame
        A row per row of the tables and figure: what names the row; figure; splits, in which the figure
        is known; their mean and sd, the standard deviation over them (divided by splits − 1; NaN of
        one split); and per study a column `in_<study>`. Units are those of the figure.

    Raises
    ------
    InputError
        If there are fewer than two tables; if one has rows that another has not; if two have equal
        figures, as those of one split have.
    """
    if len(tables) < 2:
        raise InputError(
            f"{' '.join(tables) or 'Nothing'} is no set of splits: name the tables of two studies or "
            "more, whose splits differ."
        )
    rows, figures = AVERAGED[name]
    parts = {
        study: table.melt(rows, figures, "figure", "of_study").set_index([*rows, "figure"])[
            "of_study"
        ]
        for study, table in tables.items()
    }
    first, *others = parts
    for study in others:
        only = parts[first].index.symmetric_difference(parts[study].index)
        if len(only):
            row = ", ".join(f"{key} {value}" for key, value in zip(rows, only[0], strict=False))
            raise InputError(
                f"The studies {first} and {study} are not the same study on two splits: only one of "
                f"them has the row {row}. Give both the same settings but for the split."
            )
    values = pd.DataFrame(parts).sort_index()
    for number, study in enumerate(parts):
        for earlier in list(parts)[:number]:
            if values[study].notna().any() and values[study].equals(values[earlier]):
                raise InputError(
                    f"The studies {earlier} and {study} have equal figures: they have the same split. "
                    "Give each a number of its own (prediction.split.number), or a seed of its own "
                    "(statistics.seed)."
                )
    summary = pd.DataFrame(
        {
            "splits": values.notna().sum(axis=1),
            "mean": values.mean(axis=1),
            "sd": values.std(axis=1),
        }
    )
    return summary.join(values.add_prefix("in_")).reset_index()
