"""What is left of an error's correlation given a control, in words and for reading."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.report.labels import LABELS
from memorability.report.summary import Found, findings
from memorability.report.table_1 import control_in_words, given_controls_for_reading
from tests.unit.report.test_wording import rows

NAN = float("nan")
BASE: dict[str, Any] = {
    "protocol": "paper", "loss": "lpips_squeeze", "lr": "5e-6", "metric": "lpips_squeeze",
    "backbone": "pretrained", "trained_by": "torchvision (ImageNet)", "published": "yes",
    "sign": "distance", "control_model": "before_fine_tuning", "control_metric": "lpips_squeeze",
    "target": "score", "method": "pooled", "n": 400, "seeds": 2, "r": 0.4, "control_r": 0.3,
    "agreement": 0.8, "given_control_r": 0.28, "ci_low": 0.2, "ci_high": 0.36,
    "ci_method": "percentile",
    "p": 0.0001, "unit": "subcategories and seeds", "not_tested": "", "difference": 0.1,
    "difference_ci_low": 0.05, "difference_ci_high": 0.15, "difference_p": 0.01,
}  # fmt: skip


def given(*changes: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([BASE | each for each in changes])


def test_what_is_left_of_epoch_0_and_whether_fine_tuning_moved_it() -> None:
    said = control_in_words(given({}))
    assert said == (
        "Given the error before fine-tuning (epoch 0), r = 0.28 (0.20 to 0.36) is left of the "
        "correlation of the fine-tuned error with memorability. The correlation is higher after "
        "fine-tuning than before: r = 0.40 after and 0.30 before, difference 0.10 (0.05 to 0.15)."
    )


@pytest.mark.parametrize(
    ("low", "high", "left"), [(0.2, 0.36, True), (-0.1, 0.36, False), (-0.36, -0.2, True)]
)
def test_something_is_left_only_where_the_interval_is_on_one_side_of_0(
    low: float, high: float, left: bool
) -> None:
    said = control_in_words(given({"ci_low": low, "ci_high": high}))
    assert ("is left of the correlation" in said) == left
    assert (
        "no correlation of the fine-tuned error with memorability is shown to be left" in said
    ) == (not left)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.05, 0.15, "is higher after fine-tuning than before"),
        (-0.15, -0.05, "is lower after fine-tuning than before"),
        (-0.05, 0.15, "is not shown to differ before and after fine-tuning"),
        (NAN, NAN, "is not shown to differ before and after fine-tuning"),
    ],
)
def test_fine_tuning_moved_the_correlation_only_where_the_paired_interval_says_so(
    low: float, high: float, verdict: str
) -> None:
    said = control_in_words(given({"difference_ci_low": low, "difference_ci_high": high}))
    verdicts = ["is higher after", "is lower after", "is not shown to differ"]
    assert [word in said for word in verdicts] == [word in verdict for word in verdicts]
    assert verdict in said


def test_the_category_is_given_where_there_are_several() -> None:
    partial = {"method": "partial", "given_control_r": 0.11, "ci_low": -0.01, "ci_high": 0.2}
    said = control_in_words(given({}, partial))
    assert said.startswith(
        "Given the category and the error before fine-tuning (epoch 0), no correlation of the "
        "fine-tuned error with memorability is shown to be left: r = 0.11 (−0.01 to 0.20)."
    )
    assert "The correlation given the category is higher" in said
    assert "0.28" not in said


def test_the_control_that_leaves_least_is_named() -> None:
    grey = {"control_model": "grey", "given_control_r": 0.25}
    jpeg = {
        "control_model": "", "control_metric": "jpeg_bytes", "given_control_r": -0.02,
        "ci_low": -0.1, "ci_high": 0.06,
    }  # fmt: skip
    said = control_in_words(given({}, grey, jpeg))
    assert said.endswith(
        f"The control '{LABELS['jpeg_bytes']}' leaves r = −0.02 (−0.10 to 0.06), the least of 2 other "
        "controls."
    )
    alone = control_in_words(given({}, grey))
    assert alone.endswith("The control 'Constant grey' leaves r = 0.25 (0.20 to 0.36).")


def test_without_epoch_0_or_a_number_little_is_said() -> None:
    assert control_in_words(given({"control_model": "grey"})) == ""
    assert control_in_words(given({}).iloc[:0]) == ""
    numbers = [name for name, value in BASE.items() if isinstance(value, float)]
    same = dict.fromkeys(numbers, NAN) | {"ci_method": "undefined (constant values)"}
    assert control_in_words(given(same)) == (
        "Given the error before fine-tuning (epoch 0), nothing can be told: "
        "undefined (constant values)."
    )
    few = {"ci_low": NAN, "ci_high": NAN, "difference_ci_low": NAN, "difference_ci_high": NAN}
    said = control_in_words(given(few))
    assert "is shown to be left: r = 0.28 (no interval)" in said
    assert "nan" not in said


def test_a_reader_sees_numbers_with_their_intervals() -> None:
    jpeg = {"control_model": "", "control_metric": "jpeg_bytes", "method": "partial"}
    table = given_controls_for_reading(given(jpeg, {}))
    assert list(table["control"]) == ["Before fine-tuning (epoch 0)", "Size as JPEG"]
    assert list(table["given the category"]) == ["no", "yes"]
    assert table["r given the control"].tolist() == ["0.280 [0.200, 0.360]"] * 2
    assert table["difference of r"].tolist() == ["0.100 [0.050, 0.150]"] * 2
    assert table["p"].tolist() == ["< 0.001"] * 2
    assert given_controls_for_reading(given({}).iloc[:0]).empty
    assert "given the category" not in given_controls_for_reading(given({}))


def test_the_first_page_says_it_of_the_model_that_it_is_about() -> None:
    other = {"lr": "0.1", "given_control_r": 0.99}
    found = Found(correlations={"error": rows()}, given_controls=given({}, other))
    points = findings(found, confidence=0.95)
    assert points[1].startswith("Given the error before fine-tuning (epoch 0), r = 0.28")
    nothing = Found(correlations={"error": rows()}, given_controls=given(other))
    assert findings(nothing, confidence=0.95) == points[:1]
    assert not np.any(["0.99" in point for point in points])
