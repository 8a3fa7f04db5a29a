"""Figures of features, read back from their artists."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from memorability.features.names import OBJECT_FEATURES, READINGS_OF, TABLE_2
from memorability.report.figures import style
from memorability.report.figures.features import (
    feature_correlations,
    feature_map,
    importance,
    readings,
    table_2_forest,
)
from memorability.report.labels import label

NOTE = "Observers are simulated."


@pytest.fixture
def features() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    values = {name: rng.random(30) for name in TABLE_2 if name not in OBJECT_FEATURES}
    values["mean_lab_l"] = np.ones(30)
    values["mean_lab_b"] = -values["mean_lab_a"]
    values["clutter_sobel_entropy"] = rng.random(30)
    images = pd.DataFrame({"image_id": [f"i{k:02d}" for k in range(30)]})
    return images.assign(**values).melt("image_id", var_name="feature")


@pytest.fixture
def table() -> pd.DataFrame:
    rows = []
    for shift, target in ((0.0, "score"), (0.2, "attribution_mean_absolute")):
        for place, feature in enumerate(TABLE_2):
            gone = feature in OBJECT_FEATURES
            r = np.nan if gone else place / 20 - 0.3 + shift
            row = {"target": target, "feature": feature, "n": 0 if gone else 120, "published": 0.3}
            row["share_converged"] = np.nan if target == "score" else 1.0
            for prefix in ("", "given_category_", "given_subcategory_"):
                row |= {f"{prefix}r": r, f"{prefix}ci_low": r - 0.1, f"{prefix}ci_high": r + 0.1}
            rows.append(row | {"unavailable": "no weights" if gone else ""})
    return pd.DataFrame(rows)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_table_2_has_a_panel_per_target_and_a_row_per_feature(table: pd.DataFrame) -> None:
    figure = table_2_forest(table, compared=True, confidence=0.95, note=NOTE)
    first, second = figure.axes
    assert "memorability" in first.get_title()
    assert "mean absolute attribution" in second.get_title()
    assert "120 images" in first.get_title()
    names = [text.get_text().replace("\n", " ") for text in first.get_yticklabels()]
    assert names == [label(name) for name in TABLE_2]
    drawn = {str(line.get_label()): line for line in second.get_lines()}
    points = drawn["all images of the panel"].get_xdata()
    expected = table.loc[table["target"] != "score", "r"].to_numpy()
    np.testing.assert_array_equal(points, expected)
    np.testing.assert_array_equal(drawn["published"].get_xdata(), [0.3] * 12)


def test_features_that_were_not_measured_say_so_in_every_panel(table: pd.DataFrame) -> None:
    assert texts(table_2_forest(table, compared=True, confidence=0.95, note=NOTE)) == [
        "not measured"
    ] * 2 * len(OBJECT_FEATURES)


def test_correlations_of_fewer_than_ten_images_are_not_drawn(table: pd.DataFrame) -> None:
    figure = table_2_forest(table.assign(n=3), compared=False, confidence=0.95, note=NOTE)
    assert texts(figure).count("too few images") == 2 * (len(TABLE_2) - len(OBJECT_FEATURES))
    points = [line.get_xdata() for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    assert np.isnan(points).all()


def test_the_only_points_of_a_study_without_labels_stand_in_their_rows(table: pd.DataFrame) -> None:
    columns = [name for name in table if name.startswith("given_")]
    figure = table_2_forest(
        table.assign(**dict.fromkeys(columns, np.nan)), compared=False, confidence=0.95, note=NOTE
    )
    (points,) = [line for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    np.testing.assert_array_equal(points.get_ydata(), range(len(TABLE_2)))


def test_a_study_without_subcategories_has_two_points_per_feature(table: pd.DataFrame) -> None:
    columns = [name for name in table if name.startswith("given_subcategory")]
    axes = table_2_forest(
        table.assign(**dict.fromkeys(columns, np.nan)), compared=True, confidence=0.95, note=NOTE
    ).axes[0]
    assert "given the subcategory" not in [line.get_label() for line in axes.get_lines()]


def test_feature_correlations_are_spearman_s(features: pd.DataFrame) -> None:
    found = feature_correlations(features)
    assert list(found) == [name for name in TABLE_2 if name not in OBJECT_FEATURES]
    wide = features.pivot_table(index="image_id", columns="feature", values="value")
    expected = spearmanr(wide["saturation"], wide["clutter_score"]).statistic
    assert found.loc["saturation", "clutter_score"] == pytest.approx(expected)
    assert found.loc["mean_lab_a", "mean_lab_b"] == pytest.approx(-1)
    assert found["mean_lab_l"].isna().all()


def test_the_map_prints_every_correlation_and_a_dash_for_none(features: pd.DataFrame) -> None:
    shown = texts(feature_map(features, note=NOTE))
    assert len(shown) == 8 * 8
    assert shown.count("–") == 15
    assert shown.count("−1.00") == 2


def test_published_values_of_other_images_are_not_drawn(table: pd.DataFrame) -> None:
    axes = table_2_forest(table, compared=False, confidence=0.95, note=NOTE).axes[0]
    assert "published" not in [line.get_label() for line in axes.get_lines()]


def reading(metric: str, r: float, method: str = "pooled", n: int = 40) -> dict[str, object]:
    return {
        "quantity": "variant" if metric in READINGS_OF else "feature", "metric": metric, "n": n,
        "backbone": "", "trained_by": "", "published": "", "sign": "", "model": "", "protocol": "",
        "loss": "", "lr": "",
        "method": method, "target": "score", "r": r, "ci_low": r - 0.1, "ci_high": r + 0.1,
    }  # fmt: skip


def test_other_readings_stand_below_their_feature() -> None:
    features = [reading("saturation", 0.9), reading("texture_energy", 0.1)]
    features += [reading("color_diversity", 0.2)]
    variants = [reading("texture_energy_swapped", -0.5), reading("color_diversity_lab_values", 0.6)]
    figure = readings(pd.DataFrame(features), pd.DataFrame(variants), confidence=0.9, note=NOTE)
    (axes,) = figure.axes
    names = [text.get_text().replace("\n", " ") for text in axes.get_yticklabels()]
    # Saturation has no other reading.
    assert names == [
        "Colour diversity (Table 2)", "Colour diversity, as scripted (LAB values)",
        "Texture energy (Table 2)", "Texture energy, as scripted (red and blue swapped)",
    ]  # fmt: skip
    (points,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert list(points.get_xdata()) == [0.2, 0.6, 0.1, -0.5]
    assert "90 % interval" in axes.get_xlabel()


def test_a_reading_of_some_of_the_images_says_of_how_many() -> None:
    features = pd.DataFrame([reading("separation_score", 0.3)])
    variants = [reading("separation_found", 0.4), reading("separation_where_found", 0.1, n=10)]
    figure = readings(features, pd.DataFrame(variants), confidence=0.95, note=NOTE)
    names = [text.get_text().replace("\n", " ") for text in figure.axes[0].get_yticklabels()]
    assert names == [
        "Separation score (Table 2)", "Separation: foreground or none",
        "Separation where there is foreground (25 % of the images)",
    ]  # fmt: skip


@pytest.mark.parametrize("all_unused", [True, False])
def test_features_that_the_model_does_not_use_are_named_not_drawn(all_unused: bool) -> None:
    used = 0.0 if all_unused else 0.2
    rows = pd.DataFrame(
        {"feature": ["saturation", "mean_lab_a"], "importance": [used, 0.0],
         "ci_low": [used, 0.0], "ci_high": [used, 0.0], "n": 18, "model": "gradient-boosted trees"}
    )  # fmt: skip
    metrics = pd.DataFrame(
        {"head": ["labels_alone", "features_and_labels"], "metric": "spearman",
         "value": [0.3, np.nan], "ci_low": [0.2, np.nan], "ci_high": [0.4, np.nan], "n": 18}
    )  # fmt: skip
    figure = importance(rows, metrics, confidence=0.95, note=NOTE)
    left, right = figure.axes
    assert [text.get_text().strip() for text in left.texts] == [
        "predicts the same score for every image"
    ]
    said = " ".join(" ".join(text.get_text() for text in right.texts).split())
    if all_unused:
        assert not right.lines
        assert "The model uses no feature" in said
    else:
        assert said == "not used by the model"
        assert list(np.isnan(right.lines[1].get_xdata())) == [True, False]


def test_importance_shows_heads_and_features(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"feature": ["saturation", "mean_lab_a"], "importance": [0.2, 0.0], "ci_low": [0.1, -0.1],
         "ci_high": [0.3, 0.1], "n": 36, "model": "ridge regression"}
    )  # fmt: skip
    metrics = pd.DataFrame(
        {"head": ["labels_alone", "features_and_labels"], "metric": "spearman",
         "value": [0.3, 0.6], "ci_low": [0.2, 0.5], "ci_high": [0.4, 0.7], "n": 36}
    )  # fmt: skip
    figure = importance(rows, metrics, confidence=0.95, note=NOTE)
    left, right = figure.axes
    heads = [text.get_text() for text in left.get_yticklabels()]
    assert heads == ["a model of labels alone", "a model of features and labels"]
    assert [text.get_text() for text in right.get_yticklabels()] == [
        "Mean colour LAB A",
        "Saturation",
    ]
    style.save(figure, tmp_path / "one.svg", tmp_path / "one.png")
    assert NOTE in (tmp_path / "one.svg").read_text()


def test_attributions_that_have_not_converged_are_counted_in_the_title(table: pd.DataFrame) -> None:
    def titles(table: pd.DataFrame) -> list[str]:
        figure = table_2_forest(table, compared=True, confidence=0.95, note=NOTE)
        return [axes.get_title() for axes in figure.axes]

    assert all(title.endswith("120 images") for title in titles(table))
    first, second = titles(table.assign(share_converged=table["share_converged"] - 0.25))
    assert first.endswith("120 images")
    assert second.endswith("120 images, the 75 % that converged")


@pytest.mark.parametrize("labelled", [True, False])
def test_without_categories_no_row_and_no_word_is_about_labels(labelled: bool) -> None:
    rows = pd.DataFrame(
        {"feature": ["saturation"], "importance": [0.2], "ci_low": [0.1], "ci_high": [0.3],
         "n": 36, "model": "ridge regression"}
    )  # fmt: skip
    r = dict.fromkeys(
        ("category_mean", "subcategory_mean", "labels_alone"), 0.2 if labelled else np.nan
    )
    r |= {"features_alone": 0.3, "features_and_labels": 0.4}
    metrics = pd.DataFrame({"head": [*r], "metric": "spearman", "value": [*r.values()]})
    metrics = metrics.assign(ci_low=metrics["value"] - 0.1, ci_high=metrics["value"] + 0.1, n=36)
    left, right = importance(rows, metrics, confidence=0.95, note=NOTE).axes
    heads = [text.get_text() for text in left.get_yticklabels()]
    assert heads == (
        # Means of subcategories equal those of categories here.
        ["category means", "a model of labels alone", "a model of features alone",
         "a model of features and labels"]
        if labelled else ["a model of features alone"]
    )  # fmt: skip
    words = right.get_title() + right.get_xlabel()
    assert ("labels" in words) is labelled
    assert ("categories" in words) is labelled
