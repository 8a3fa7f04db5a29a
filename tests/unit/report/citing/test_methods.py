"""The methods paragraph: each number is the study's own."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from memorability.report.citing.methods import Measured, as_text, facts, paragraph
from memorability.study.configuration_files import laid_over
from memorability.study.resolve import resolve

ROOT = Path(__file__).parents[4]
ENVIRONMENT = {"python": "3.11.7", "packages": {"numpy": "2.4.6", "torch": "2.15.0"}}


def known(name: str, **settings: Any) -> dict[str, Any]:
    overlay = yaml.safe_load((ROOT / "studies" / name).read_text(encoding="utf-8")) if name else {}
    return facts(resolve(laid_over(ROOT, overlay | settings), ROOT))


def images(n: int = 4, category: str = "ab", responses: float | None = 40) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "category": [category[place % len(category)] for place in range(n)],
            "subcategory": "",
            "responses": pd.Series([responses] * n, dtype="Float64"),
        }
    )


def said(of: dict[str, Any], commit: str = "unknown", **measured: Any) -> str:
    tables = {"images": images(), **measured}
    return " ".join(paragraph(of, Measured(**tables), ENVIRONMENT, commit))


def test_runs_of_the_published_study_are_counted() -> None:
    text = said(known(""))
    assert "390 runs in all, with 6 losses (LPIPS (SqueezeNet), LPIPS (VGG)," in text
    assert "13 learning rates (1e-7 to 0.1) and 5 seeds" in text
    assert "for one epoch with batches of one image" in text
    assert "a run started from the published ImageNet autoencoder and saw the images in an" in text
    assert "10,000 bootstrap resamples (seed 0)" in text


def test_what_was_chosen_otherwise_is_said() -> None:
    text = said(known("sample.yaml"))
    assert "Its observers are simulated." in text
    assert "2 learning rates (1e-4, 1e-3)" in text
    assert "started from random weights" in text
    several = said(known("", study="mine", protocols=["paper", "paper_text"]))
    assert "Under the protocol paper, images were resized to" in several
    assert "Under the protocol paper_text, images were resized to" in several


def test_images_are_counted_with_their_labels_and_responses() -> None:
    assert "The study has 4 images of 2 categories." in said(known(""))
    assert "from 40 responses per image in the median" in said(known(""))
    one = said(known(""), images=images(1, "a", None))
    assert "The study has 1 image. The score" in one
    assert "responses per image" not in one


def test_a_study_of_tables_alone_says_nothing_of_models() -> None:
    text = said(known("from-tables.yaml"))
    assert "Correlations are Spearman's r." in text
    assert "utoencoder" not in text.replace("errors of autoencoders", "")
    assert "Latents" not in text


def test_the_ceiling_is_that_of_the_studys_own_score() -> None:
    ceiling = pd.DataFrame(
        {
            "target": ["score", "score", "score_uncorrected"],
            "group": "all",
            "method": ["pooled", "within", "pooled"],
            "ceiling": [0.93, 0.5, 0.4],
            "ceiling_by": "halves",
        }
    )
    text = said(known(""), ceiling=ceiling)
    assert "the highest correlation to expect, is 0.93 (by split halves of the responses)" in text
    none = said(known(""), ceiling=ceiling.assign(ceiling=float("nan")))
    assert "noise ceiling" not in none


def test_parts_of_the_split_and_converged_attributions_are_counted() -> None:
    predictions = pd.DataFrame({"split": ["train"] * 6 + ["validation"] + ["test"] * 3})
    attributions = pd.DataFrame(
        {"drawn": [True, True, True, True, False], "converged": [True, True, True, False, False]}
    )
    text = said(known(""), predictions=predictions, attributions=attributions)
    assert "(the published split: 6 images to train, 1 to validate, 3 to test)" in text
    assert "Attributions of 4 test images are by Integrated Gradients" in text
    assert "75 % of them converged" in text
    assert "Attributions of" not in said(known(""), attributions=attributions[4:])


def test_versions_and_commit_come_last() -> None:
    text = said(known(""), commit="abc")
    assert text.endswith(
        "the workflow memorability (commit abc) with Python 3.11.7, torch 2.15.0, numpy 2.4.6."
    )
    assert "commit" not in said(known(""))


def test_the_text_file_has_paragraph_and_references() -> None:
    assert as_text(["One.", "Two."], ["A.", "B."]) == (
        "One. Two.\n\nTo cite (citations.bib has these as BibTeX):\n\n- A.\n- B.\n"
    )
