"""Sentences, page and figure about predictors on several data sets."""

import html
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.prediction.names import OWN_TEST_IMAGES
from memorability.report.figures.predictors import on_test_sets
from memorability.report.figures.style import save
from memorability.report.sentences.predictors import write_comparison
from memorability.report.sentences.test_sets import (
    asked_for,
    further_sets_in_words,
    on_set_in_words,
    write_test_sets,
)
from tests.unit.report.sentences.test_predictors import ROWS as COMPARED
from tests.unit.report.sentences.test_predictors import table as comparison_table

PLAIN: dict[str, Any] = {
    "set": "lamem", "target": "score", "head": "hog2x2", "fitted_to": "score", "predicts": "score",
    "trained_on_these_images": "no", "n": 500, "left_out": 0, "r": 0.4, "ci_low": 0.3,
    "ci_high": 0.5, "given_category": 0.2, "given_category_low": 0.1, "given_category_high": 0.3,
    "mse": 0.02, "ceiling": np.nan, "ceiling_low": np.nan, "ceiling_high": np.nan,
    "unit": "images", "clusters": pd.NA, "reason": "",
}  # fmt: skip


def rows(*changes: dict[str, Any]) -> pd.DataFrame:
    table = pd.DataFrame([PLAIN | one for one in changes])
    return table.astype({"clusters": "Int64"})


PUBLISHED = {"head": "resmem_published", "fitted_to": "published", "predicts": "hit rate"}
TABLE = rows(
    {"set": OWN_TEST_IMAGES, "r": 0.5, "trained_on_these_images": "training part", "ceiling": 0.9},
    {"set": OWN_TEST_IMAGES, "r": 0.6, "trained_on_these_images": "no", "ceiling": 0.9}
    | PUBLISHED,
    {},
    {"fitted_to": "score_uncorrected", "predicts": "score_uncorrected", "r": 0.45},
    {"r": 0.7, "trained_on_these_images": "yes"} | PUBLISHED,
    {"set": "mine", "r": 0.35, "trained_on_these_images": "unknown", "left_out": 3},
    {"set": "mine", "r": 0.35, "trained_on_these_images": "unknown"} | PUBLISHED,
)  # fmt: skip


def of(name: str) -> pd.DataFrame:
    return TABLE[TABLE["set"] == name]


def test_the_best_of_those_that_never_saw_the_scores_is_named() -> None:
    assert on_set_in_words(of("lamem")) == (
        "Support vector regression on HOG2x2 (predicts memorability, hits / responses) has the highest "
        "r of the predictors that never saw the scores of these 500 images: 0.450 [0.300, 0.500]."
    )
    said = on_set_in_words(of("mine"))
    assert said == (
        "Every predictor may have seen the scores of these images. 3 images more cannot be read by "
        "every predictor, and no predictor is compared on them."
    )
    assert on_set_in_words(of(OWN_TEST_IMAGES)).endswith("noise ceiling of these images is 0.900.")
    few = on_set_in_words(of("lamem").assign(n=4))
    assert few == "4 images tell nothing about predictors."
    none = on_set_in_words(of("mine").assign(n=0))
    assert none.startswith("0 images tell nothing about predictors. 3 images more cannot be read")


def test_of_several_fits_the_one_to_the_measured_score_is_shown() -> None:
    assert list(asked_for(of("lamem"))["fitted_to"]) == ["published", "score"]
    hits = of("lamem").assign(target="score_uncorrected")
    assert list(asked_for(hits)["fitted_to"]) == ["published", "score_uncorrected"]
    without = hits[hits["fitted_to"] != "score_uncorrected"]
    assert list(asked_for(without)["fitted_to"]) == ["published", "score"]


def test_the_page_has_a_part_for_each_set_the_own_one_first(tmp_path: Path) -> None:
    write_test_sets(TABLE, tmp_path / "page.html", note="Simulated.")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    places = [page.index(f"<h2>{name}") for name in ("this study", "LaMem", "mine")]
    assert places == sorted(places)
    assert "0.700 [0.300, 0.500]" in page
    assert "Simulated." in page


def test_the_page_that_compares_predictors_ends_with_what_they_do_elsewhere(tmp_path: Path) -> None:
    said = further_sets_in_words(TABLE)
    assert [one.partition(":")[0] for one in said] == ["LaMem, memorability", "mine, memorability"]
    assert said[0].endswith(on_set_in_words(of("lamem")))
    rows = comparison_table(*COMPARED)
    write_comparison(rows, TABLE, tmp_path / "page.html", note="")
    page = html.unescape((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert page.index("test images") < page.index("on other data sets") < page.index(said[0])
    assert said[1] in page


@pytest.mark.parametrize("kind", ["whole", "few images", "undefined"])
def test_the_figure_prints_every_r_and_marks_what_is_no_test(tmp_path: Path, kind: str) -> None:
    table = TABLE
    if kind == "few images":
        table = table.assign(n=4, ci_low=np.nan, ci_high=np.nan)
    if kind == "undefined":
        table = table.assign(r=np.nan, ci_low=np.nan, ci_high=np.nan)
    figure = on_test_sets(table, confidence=0.95, note="Simulated.")
    save(figure, tmp_path / "figure.svg", tmp_path / "figure.png")
    cells = {text.get_text(): text for text in figure.axes[0].texts}
    if kind != "whole":
        assert set(cells) == {"–", "0.90"}
        return
    assert {text.split("\n")[0] for text in cells} == {
        "0.50", "0.60", "0.40", "0.70", "0.35", "0.90", "–",
    }  # fmt: skip
    bold = {text for text, one in cells.items() if one.get_fontweight() == "bold"}
    assert {text.split("\n")[0] for text in bold} == {"0.60", "0.40"}
    colours = {text.split("\n")[0]: one.get_color() for text, one in cells.items()}
    assert colours["0.70"] != colours["0.60"]


@pytest.mark.parametrize("kind", ["one fit", "all fits"])
def test_fits_that_diverged_are_named_and_drawn_as_such(kind: str, tmp_path: Path) -> None:
    lost = {"n": 0, "r": np.nan, "ci_low": np.nan, "ci_high": np.nan, "mse": np.nan,
            "reason": "The training diverged."}  # fmt: skip
    bad = rows({"head": "memnet_trained", **lost}, {"set": OWN_TEST_IMAGES, **lost})
    whole = bad if kind == "all fits" else pd.concat([TABLE, bad], ignore_index=True)
    said = on_set_in_words(whole[whole["set"] == "lamem"])
    assert said.endswith(
        "MemNet, trained anew (predicts memorability) is not compared. The training diverged."
    )
    assert said.startswith("No predictor is compared") == (kind == "all fits")
    assert len(further_sets_in_words(whole)) == (1 if kind == "all fits" else 2)
    write_test_sets(whole, tmp_path / "page.html", note="")
    assert "is not compared" in (tmp_path / "page.html").read_text(encoding="utf-8")
    figure = on_test_sets(whole, confidence=0.95, note="")
    save(figure, tmp_path / "one.svg", tmp_path / "one.png")
    shown = [text.get_text() for axes in figure.axes for text in axes.texts]
    text = " ".join(" ".join(shown).split())
    assert ("every training diverged" in text) == (kind == "all fits")
    assert ("no fit" in text) == (kind == "one fit")
