"""Intervals around predictions: by hand, in simulations, and how often they are said to hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorability.base.errors import InputError
from memorability.prediction.intervals import (
    Intervals,
    Width,
    calibrated,
    interval_coverage,
    residual_interval,
)
from memorability.tables.store import SCHEMAS


def test_an_interval_by_hand() -> None:
    residuals = np.array([0.1, -0.4, 0.2, -0.3])
    # Of 4 residuals the k-th smallest covers k of 5 new images: 60 % need the third.
    assert residual_interval(residuals, 0.6) == Width(0.3, 0.6, 4)
    assert residual_interval(residuals, 0.5) == Width(0.3, 0.5, 4)
    assert residual_interval(residuals, 0.95) == Width(0.4, 0.8, 4), "four cannot vouch for more"


@given(st.integers(1, 200), st.floats(0.5, 0.999))
def test_the_stated_share_is_reached_and_never_promised_beyond_the_data(
    n: int, confidence: float
) -> None:
    width = residual_interval(np.arange(1, n + 1) / n, confidence)
    rank = round(width.half_width * n)
    assert rank / (n + 1) >= width.level - 1e-9, "exchangeable: k of n covers k / (n + 1)"
    assert width.level == min(confidence, n / (n + 1))


def test_new_images_fall_into_the_interval_as_often_as_stated() -> None:
    stream = np.random.default_rng(3)
    covered = [
        abs(stream.standard_t(4))
        <= residual_interval(stream.standard_t(4, size=39), 0.9).half_width
        for _ in range(2000)
    ]
    # Three standard errors of 2,000 draws.
    assert np.mean(covered) == pytest.approx(0.9, abs=3 * np.sqrt(0.9 * 0.1 / 2000))


def test_each_category_is_covered_as_stated_where_one_interval_for_all_is_not() -> None:
    stream = np.random.default_rng(5)
    spread = np.repeat([1.0, 3.0], 60)
    labels = np.repeat(["calm", "wild"], 60)
    shares = []
    for _ in range(300):
        old, new = (stream.normal(0, spread) for _ in range(2))
        found = calibrated(old, labels, 0.9)
        wild = np.abs(new[60:])
        widths = (found.of("wild"), found.all, found.widest)
        shares.append([(wild <= width.half_width).mean() for width in widths])
    own, one_for_all, widest = np.mean(shares, axis=0)
    assert own == pytest.approx(0.9, abs=0.015)
    assert one_for_all < 0.85
    assert widest == pytest.approx(own, abs=0.005)


def test_a_category_of_few_images_takes_the_interval_of_all() -> None:
    residuals = np.linspace(-1, 1, 30)
    labels = np.repeat(["many", "few"], (19, 11))
    found = calibrated(residuals, labels, 0.95)
    assert set(found.categories) == {"many"}
    assert found.of("few") == found.all == residual_interval(residuals, 0.95)
    assert found.of("many").images == 19
    assert Intervals.from_facts(found.facts()) == found
    with pytest.raises(InputError, match=r"no category 'few\?'.*Name one of: few, many"):
        found.of("few?")


def images(categories: list[str], subcategories: list[str], residuals: list[float]) -> pd.DataFrame:
    n = len(categories)
    return pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(n)],
            "category": categories,
            "subcategory": subcategories,
            "score": 0.5 + np.array(residuals),
            "predicted": np.linspace(0.5, 0.5 + 1e-9, n),
        }
    )


def test_a_subcategory_calibrates_nothing_of_its_own_interval() -> None:
    # Subcategory b is badly predicted throughout: the others, of which its interval is made, are not.
    test = images(["one"] * 20, ["a"] * 10 + ["b"] * 10, [0.01] * 10 + [0.3] * 10)
    table = interval_coverage(test, 0.5).set_index(["by", "group"])
    assert table.loc[("all", "all"), "coverage"] == 0.5
    assert table.loc[("category", "one"), "half_width"] == pytest.approx(0.3)
    assert table.loc[("prediction", "lowest"), "coverage"] == 1
    assert table.loc[("prediction", "highest"), "coverage"] == 0


def test_coverage_fits_its_table_whatever_there_is() -> None:
    for n in (1, 2, 7):
        test = images(["one"] * n, ["a"] * n, [0.1] * n)
        table = interval_coverage(test, 0.95)
        SCHEMAS["prediction_intervals"][1].validate(table)
        assert table["coverage"].isna().all() == (n == 1)
        assert table.loc[table["by"] == "prediction", "n"].sum() == n
