"""The numbers of images that the explorer shows: names, groups and their order."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from memorability.analysis.per_image import DISTINCTIVENESS, ERROR, FEATURE, PREDICTED
from memorability.base.run_keys import EXTERNAL
from memorability.report.labels import head_label, label

_TEXTS = ("image_id", "file", "category", "subcategory", "split")


@dataclass(frozen=True)
class Number:
    """A number that every image may have.

    Parameters
    ----------
    column
        Of the table `per_image`.
    words
        What it is.
    group
        What it stands with.
    """

    column: str
    words: str
    group: str


def numbers_of(table: pd.DataFrame, losses: Mapping[str, str]) -> list[Number]:
    """Return the numbers of the table `per_image` in its order.

    Parameters
    ----------
    table
        Its columns that no image has a value of are left out.
    losses
        Loss -> what its error is, in words.
    """
    columns = [name for name in table if name not in _TEXTS and table[name].notna().any()]
    return [_number(str(name), losses) for name in columns]


def first_shown(numbers: list[Number], target: str, loss: str) -> list[int]:
    """Return the places of the three numbers that a reader sees first.

    They are the score, an error, and the predicted score. Where one is missing, the next of all
    numbers takes its place; there may be fewer than three.

    Parameters
    ----------
    numbers
        As from `numbers_of`.
    target
        The score that the study correlates.
    loss
        Of the analysed model; "" without one.
    """
    columns = [number.column for number in numbers]
    errors = [name for name in columns if name.startswith(ERROR)]
    wanted = [target, *sorted(errors, key=lambda name: name != f"{ERROR}{loss}")[:1], "predicted"]
    there = dict.fromkeys(name for name in [*wanted, *columns] if name in columns)
    return [columns.index(name) for name in list(there)[:3]]


def _number(column: str, losses: Mapping[str, str]) -> Number:
    for prefix, group, words in (
        (ERROR, "Reconstruction error", "Error"),
        (DISTINCTIVENESS, "Distinctiveness", "Distinctiveness"),
    ):
        if column.startswith(prefix):
            loss = column.removeprefix(prefix)
            elsewhere = loss.removeprefix(f"{EXTERNAL}_")
            of = losses.get(loss, label(loss))
            of = f"{elsewhere}, external" if elsewhere != loss else of
            return Number(column, f"{words}: {of}", group)
    if column.startswith(FEATURE):
        return Number(column, label(column.removeprefix(FEATURE)), "Features of the image")
    if column == PREDICTED.rstrip("_"):
        return Number(column, "Predicted memorability", "Prediction")
    if column.startswith(PREDICTED):
        head = head_label(column.removeprefix(PREDICTED))
        return Number(column, f"Predicted: {head}", "Prediction")
    words = label(column)
    return Number(column, words[0].upper() + words[1:], "Scores and responses")
