"""Figures over several splits, against numbers by hand."""

import math

import pandas as pd
import pytest

from memorability.base.errors import InputError
from memorability.scorer.over_splits import AVERAGED, over_splits
from memorability.tables.store import SCHEMAS


def of_split(r: float, mse: float, *, head: str = "hog2x2") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "set": ["lamem"], "target": ["score"], "head": [head], "fitted_to": ["score"],
            "r": [r], "given_category": [math.nan], "mse": [mse], "ceiling": [0.68], "n": [10],
        }
    )  # fmt: skip


def test_mean_and_spread_are_those_by_hand() -> None:
    splits = {
        "one": of_split(0.4, 0.02),
        "two": of_split(0.5, 0.04),
        "three": of_split(math.nan, 0.03),
    }
    table = over_splits("test_sets", splits)
    assert list(table.columns) == [
        "set", "target", "head", "fitted_to", "figure", "splits", "mean", "sd",
        "in_one", "in_two", "in_three",
    ]  # fmt: skip
    figures = table.set_index("figure")
    # A predictor that diverged in one split is averaged over the others, and the table says so.
    assert figures.loc["r", "splits"] == 2
    assert figures.loc["r", "mean"] == pytest.approx(0.45)
    # Of 0.4 and 0.5: the root of 2 × 0.05² / 1.
    assert figures.loc["r", "sd"] == pytest.approx(math.sqrt(2 * 0.05**2))
    assert figures.loc["mse", "splits"] == 3
    assert figures.loc["mse", "mean"] == pytest.approx(0.03)
    assert figures.loc["mse", "sd"] == pytest.approx(0.01)
    assert figures.loc["mse", ["in_one", "in_two", "in_three"]].tolist() == [0.02, 0.04, 0.03]
    assert figures.loc["given_category", "splits"] == 0
    assert figures.loc["given_category", ["mean", "sd"]].isna().all()


def test_a_table_without_rows_has_a_mean_without_rows() -> None:
    nothing = of_split(0.4, 0.02)[:0]
    assert over_splits("test_sets", {"one": nothing, "two": nothing}).empty


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"one": of_split(0.4, 0.1)}, "one is no set of splits"),
        (
            {"one": of_split(0.4, 0.1), "two": of_split(0.5, 0.2, head="memnet_trained")},
            "only one of them has the row set lamem, target score, head hog2x2, fitted_to score",
        ),
        (
            {
                "one": of_split(0.4, 0.1),
                "two": of_split(0.5, 0.2),
                "three": of_split(0.4, 0.1),
            },
            "The studies one and three have equal figures: they have the same split",
        ),
    ],
)
def test_what_is_no_set_of_splits_is_refused(splits: dict[str, pd.DataFrame], says: str) -> None:
    with pytest.raises(InputError, match=says):
        over_splits("test_sets", splits)


@pytest.mark.parametrize("name", AVERAGED)
def test_rows_are_named_by_the_key_of_the_table_and_figures_are_numbers_of_it(name: str) -> None:
    rows, figures = AVERAGED[name]
    key, schema = SCHEMAS[name]
    assert rows == key
    assert {str(schema.columns[figure].dtype) for figure in figures} == {"float64"}
