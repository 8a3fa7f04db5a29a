"""Sentences on what quantities add: data for which each is said, and data for which it must not be."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from memorability.analysis.incremental import COLUMNS
from memorability.report.figures import comparisons, style
from memorability.report.sentences.increments import (
    beyond_in_words,
    increments_for_reading,
    increments_in_words,
    of_same_model,
)
from memorability.report.summary import Found, findings
from tests.unit.report.test_wording import rows

NAN = float("nan")
NONE = dict.fromkeys(
    ("r2_without", "r2_with", "difference", "semipartial_r", "ci_low", "ci_high", "p", "p_holm"), NAN,
)  # fmt: skip
TOLD = {
    "quantity": "error", "metric": "mse", "backbone": "none", "trained_by": "", "published": "",
    "sign": "distance", "protocol": "paper", "loss": "mse", "lr": "1e-3", "beyond": "labels",
    "target": "score", "n": 4000, "seeds": 5, "r2_without": 0.42, "r2_with": 0.45,
    "difference": 0.03, "semipartial_r": 0.17,
    "ci_low": 0.1, "ci_high": 0.25, "ci_method": "bootstrap standard error", "p": 0.001,
    "p_holm": 0.002, "unit": "subcategories and seeds", "clusters": 134,
}  # fmt: skip


def table(*changes: dict[str, Any]) -> pd.DataFrame:
    """Return rows of the table `incremental`, each with changes to one that adds something."""
    made = pd.DataFrame([TOLD | each for each in changes], columns=COLUMNS)
    return made.astype({"clusters": "Int64"})


def said(*changes: dict[str, Any]) -> str:
    return " ".join(increments_in_words(table(*changes), confidence=0.95))


NOT_SHOWN = {
    "beyond": "labels, low_level", "r2_with": 0.421, "difference": 0.001, "semipartial_r": 0.03,
    "ci_low": -0.01, "ci_high": 0.0632,
}  # fmt: skip


def test_what_adds_and_what_is_not_shown_to_is_said_with_r2_and_interval() -> None:
    assert said(NOT_SHOWN, {}) == (
        "Reconstruction error (MSE) adds to labels: R² rises from 0.420 to 0.450 (semipartial r = "
        "0.170, 95 % interval 0.100 to 0.250 for new subcategories and seeds). It is not shown to add "
        "to labels and low-level controls: R² is 0.420 without it and 0.421 with it (semipartial r = "
        "0.030, 95 % interval −0.010 to 0.063 for new subcategories and seeds). Each "
        "subcategory was predicted by models that were fitted on other subcategories."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"ci_low": -0.001},
        # The interval excludes 0, but predictions become no better.
        {"difference": -0.0001},
    ],
)
def test_nothing_adds_whose_interval_has_0_or_whose_r2_does_not_rise(
    changes: dict[str, Any],
) -> None:
    text = said(changes)
    assert "is not shown to add to labels" in text
    assert " adds to" not in text


def test_the_other_way_round_is_said_so() -> None:
    turned = {"semipartial_r": -0.17, "ci_low": -0.25, "ci_high": -0.1}
    assert "adds to labels, higher values going with lower scores: R²" in said(turned)
    assert "lower scores" not in said({})


def test_images_are_not_called_subcategories() -> None:
    text = said({"unit": "images"})
    assert "for new images). Each image was predicted by models that were fitted on other" in text
    assert "subcategor" not in text


def test_what_is_not_known_has_a_reason_and_no_number() -> None:
    assert said(NONE | {"ci_method": "none (diverged)"}) == (
        "Whether reconstruction error (MSE) adds to labels is not known: all its runs diverged."
    )
    assert said() == ""


def test_features_have_no_sentence_here() -> None:
    assert said({"quantity": "feature", "metric": "saturation", "protocol": "", "loss": ""}) == ""


def test_what_a_quantity_is_added_to_is_in_words() -> None:
    assert beyond_in_words("nothing") == "the mean score"
    known = "labels, low_level, predictors"
    assert beyond_in_words(known) == "labels, low-level controls and predictors made elsewhere"


def test_the_first_page_says_it_of_the_model_that_it_is_about() -> None:
    model = rows()
    keys = model.iloc[0]
    same = {name: keys[name] for name in TOLD if name in keys and name in (
        "metric", "backbone", "trained_by", "published", "sign", "protocol", "loss"
    )}  # fmt: skip
    other = {"loss": "other", "r2_with": 0.5}
    increments = table(same, other)
    shown = table(same, NOT_SHOWN | same, other)
    found = Found(correlations={"error": model}, increments=shown)
    points = findings(found, confidence=0.95)
    assert (
        "Reconstruction error (LPIPS (SqueezeNet)) adds to labels (semipartial r = 0.170, 95 % "
        "interval 0.100 to 0.250). It is not shown to add to labels and low-level controls "
        "(semipartial r = 0.030, −0.010 to 0.063)."
    ) in points
    assert not [point for point in points if "other" in point]
    assert len(of_same_model(increments, keys)) == 1
    # The network of the loss may be known on one side alone.
    assert len(of_same_model(increments.assign(backbone=""), keys)) == 1
    without = findings(
        Found(correlations={"error": model}, increments=table(other)), confidence=0.95
    )
    assert not [point for point in without if "R²" in point]


FEATURE = {"quantity": "feature", "metric": "saturation", "protocol": "", "loss": "", "lr": "",
           "beyond": "labels, feature"}  # fmt: skip
LABELS = NONE | {
    "quantity": "labels", "metric": "labels", "protocol": "", "loss": "", "lr": "", "beyond": "nothing",
    "r2_without": -0.01, "r2_with": 0.4, "difference": 0.41, "ci_method": "none (several predictors)",
}  # fmt: skip


def test_for_reading_errors_come_first_and_gaps_have_reasons() -> None:
    shown = increments_for_reading(table(LABELS, FEATURE, NOT_SHOWN, {}), confidence=0.95)
    assert list(shown["what"]) == ["Error (MSE)", "Error (MSE)", "Saturation", "Labels"]
    assert list(shown["rise of R²"]) == ["0.030", "0.001", "0.030", "0.410"]
    assert list(shown["semipartial r [95 % CI]"]) == [
        "0.170 [0.100, 0.250]", "0.030 [−0.010, 0.063]", "0.170 [0.100, 0.250]", "–",
    ]  # fmt: skip
    assert list(shown["why no interval"]) == ["–", "–", "–", "several predictors"]
    assert "why no interval" not in increments_for_reading(table({}), confidence=0.95)


def test_several_protocols_are_told_apart() -> None:
    shown = increments_for_reading(table({}, {"protocol": "released"}), confidence=0.95)
    assert list(shown["what"]) == ["Error (MSE), protocol paper", "Error (MSE), protocol released"]


def drawn(*changes: dict[str, Any]) -> Figure:
    return comparisons.increments(table(*changes), confidence=0.95, note="A note.")


def texts(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))


def test_the_figure_shows_errors_and_features_with_their_intervals(tmp_path: Path) -> None:
    external = {"protocol": "external", "loss": "theirs"}
    figure = drawn(LABELS, FEATURE, NOT_SHOWN, {}, external, NOT_SHOWN | external)
    style.save(figure, tmp_path / "figure.svg", tmp_path / "figure.png")
    left, right = figure.axes
    assert len(left.get_yticklabels()) == 2
    assert [line.get_xdata()[0] for line in right.lines[1:]] == [0.17]
    assert len(left.lines) == 3
    shown = texts(figure)
    assert "added to labels and low-level controls" in shown
    assert "for new subcategories (4,000 images)" in shown


def test_the_figure_of_what_is_not_known_says_why(tmp_path: Path) -> None:
    figure = drawn(NONE | {"ci_method": "none (n < 10)", "n": 3})
    style.save(figure, tmp_path / "figure.svg", tmp_path / "figure.png")
    assert "fewer than 10 images" in texts(figure)
