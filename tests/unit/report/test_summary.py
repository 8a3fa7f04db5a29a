"""The first page: what was found, and what to be careful about."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memorability.report.summary import Found, findings, sentences, warnings, write_summary
from memorability.report.table_1 import table_1 as table_1_of
from tests.unit.report.test_wording import measured, rows

NAN = float("nan")
BASELINE = {
    "baseline": "category_mean", "baseline_n": 40, "baseline_r": 0.7, "beats_baseline": "no",
    "baseline_difference": -0.2, "baseline_ci_low": -0.3, "baseline_ci_high": -0.1,
}  # fmt: skip


def distinctiveness() -> pd.DataFrame:
    """Two measures of the same model; the published one has the lower correlation."""
    table = rows({"r": 0.25, "ci_low": 0.2, "ci_high": 0.3}).assign(quantity="distinctiveness")
    nearest = table.assign(metric="nearest_neighbour")
    other = table.assign(metric="local_outlier_factor", r=0.9)
    return pd.concat([other, nearest], ignore_index=True)


def test_error_labels_distinctiveness_prediction_have_a_point_each() -> None:
    weaker = rows({"r": 0.3}).assign(loss="mse", metric="mse")
    error = pd.concat([weaker, rows(BASELINE)], ignore_index=True)
    metrics, gains, calibration = measured((0.25, 0.125, 0.375))
    metrics = metrics.assign(ci_low=0.5, ci_high=1.0, n=36, unit="subcategories")
    found = Found(
        correlations={"error": error, "distinctiveness": distinctiveness()},
        metrics=metrics, gains=gains, calibration=calibration,
    )  # fmt: skip
    points = findings(found, confidence=0.95)
    assert len(points) == 4
    assert points[0].startswith(
        "Reconstruction error (LPIPS (SqueezeNet), learning rate 5e-6) corr"
    )
    assert points[0].endswith("Given the category, r = 0.20 (0.18 to 0.22) is left.")
    assert points[1].startswith(
        "Beside what needs no model: this correlation is weaker than that of"
    )
    assert "nearest image; model" in points[2]
    assert "r = 0.25" in points[2]
    assert points[3].startswith(
        "Predicted and measured memorability of 36 unseen images have Spearman's r = 0.750 "
        "[0.500, 1.000] for new subcategories. The predictor is better than the category means"
    )


def test_a_prediction_whose_interval_contains_0_is_said_to() -> None:
    metrics, gains, calibration = measured((0.25, 0.125, 0.375))
    metrics = metrics.assign(ci_low=-0.1, ci_high=1.0, n=36, unit="images")
    found = Found(correlations={}, metrics=metrics, gains=gains, calibration=calibration)
    (point,) = findings(found, confidence=0.95)
    assert (
        "r = 0.750 [−0.100, 1.000] for new images. The interval contains 0. The predictor" in point
    )
    bare = metrics.assign(ci_low=np.nan, ci_high=np.nan)
    (point,) = findings(replace(found, metrics=bare), confidence=0.95)
    assert "r = 0.750. The predictor" in point


def test_a_study_of_errors_alone_without_categories_has_one_plain_point() -> None:
    of_images = rows({"unit": "images and seeds"}, between=None)
    (point,) = findings(Found(correlations={"error": of_images}), confidence=0.95)
    assert "categor" not in point


def table_1(**changes: Any) -> pd.DataFrame:
    row = {"loss": "MSE", "diverged": "", "seeds": 2, "ceiling": 0.9}
    return pd.DataFrame([row | changes])


def test_a_study_that_is_in_order_has_no_warnings() -> None:
    converged = pd.DataFrame({"converged": [True, True]})
    assert warnings(Found(correlations={}, table_1=table_1(), attributions=converged)) == []
    assert warnings(Found(correlations={})) == []


def test_what_limits_a_study_is_named() -> None:
    diverged = pd.concat(
        [
            table_1(diverged="seed 0 at step 17", seeds=1, ceiling=NAN),
            table_1(loss="MS-SSIM", diverged="seed 0 at step 2", seeds=0, ceiling=NAN),
        ]
    )
    attributions = pd.DataFrame({"converged": [True, False, False]})
    said = warnings(Found(correlations={}, table_1=diverged, attributions=attributions))
    assert said[0] == "MSE: seed 0 at step 17 diverged; the correlation is that of the other seeds."
    assert said[1] == "MS-SSIM: all seeds diverged, and there is no correlation."
    assert said[2].startswith("How reliable the scores are")
    assert said[3].startswith("The attributions of 2 of 3 images have not converged")
    assert len(said) == 4


def selection(rates: int) -> pd.DataFrame:
    base = {"protocol": "paper", "loss": "mse", "rates": rates}
    return pd.DataFrame(
        [base | {"rule": "published", "r": 0.3}, base | {"rule": "images", "r": -0.004}]
    )


def test_the_choice_of_a_learning_rate_is_named_only_where_there_was_one() -> None:
    (said,) = warnings(Found(correlations={}, selection=selection(3)))
    assert said.endswith("the highest r of 0.30 becomes 0.00.")
    assert warnings(Found(correlations={}, selection=selection(1))) == []
    undefined = selection(3).assign(r=np.nan)
    assert warnings(Found(correlations={}, selection=undefined)) == []


def test_the_page_counts_verdicts_shows_table_1_and_ends_with_warnings(tmp_path: Path) -> None:
    claims = pd.DataFrame(
        {"claim": ["a"], "by": [""], "verdict": ["not testable"], "why": ["other data: 60 images"]}
    ).assign(reading="", statistic="spearman", margin=0.05)
    study = {"study": "small & new", "note": "Observers are simulated.", "confidence": 0.95}
    error = rows(between=None).assign(
        r_seed_sd=0.01, p_holm=0.02, diverged="", beats_baseline="", baseline=""
    )
    first = table_1_of(error, {"paper": "order"})
    write_summary(
        Found(correlations={"error": error}, table_1=first), claims, tmp_path / "page.html", **study
    )
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    wanted = [
        "Results of the study small &amp; new", "This study can test none of the 1 published numbers.",
        "Not testable here: 1 about other data than this study has.",
        "correlates with memorability", "Table 1:", "0.500 [0.480, 0.520]", "Read with care",
        "Observers are simulated.",
    ]  # fmt: skip
    places = [page.index(text) for text in wanted]
    assert places == sorted(places)
    assert "given the category" not in page
    nothing = study | {"note": ""}
    write_summary(Found(correlations={}), claims, tmp_path / "empty.html", **nothing)
    assert "Read with care" not in (tmp_path / "empty.html").read_text(encoding="utf-8")


def test_a_note_becomes_its_sentences() -> None:
    assert sentences("One thing. Another, of 0.5 GB.") == ["One thing.", "Another, of 0.5 GB."]
    assert sentences("") == []
