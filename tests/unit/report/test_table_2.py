"""Table 2 from made-up features, scores and attributions whose relations are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from memorability.analysis.correlations import (
    CorrelationSettings,
    correlate_attributions,
    correlations,
)
from memorability.analysis.feature_model import correlate_tested
from memorability.analysis.gathering import from_features, share_converged
from memorability.claims.published import load_published
from memorability.features.names import OBJECT_FEATURES, TABLE_2
from memorability.report.reading import table_2_for_reading
from memorability.report.table_2 import convergence_in_words, in_words, table_2
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

N, EXPLAINED = 60, 40
BOOTSTRAP = Bootstrap(draws=100, confidence=0.95, seed=0)
BLANK = "\N{NO-BREAK SPACE}"
WHY = "weights.source is random"
SUMMARIES = ("mean_absolute", "mean_signed", "mean_positive")


@pytest.fixture(scope="module")
def images() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "image_id": [f"i{k:02d}" for k in range(N)],
            "category": np.repeat(["animal", "food"], N // 2),
            "subcategory": np.tile(["a", "b", "c"], N // 3),
            "score": rng.random(N),
        }
    )


@pytest.fixture(scope="module")
def features(images: pd.DataFrame) -> pd.DataFrame:
    """Saturation rises with the score; the other measured features are noise or constant."""
    rng = np.random.default_rng(4)
    values = {name: rng.random(N) for name in TABLE_2 if name not in OBJECT_FEATURES}
    values["saturation"] = images["score"].to_numpy() + 0.05 * rng.random(N)
    values["texture_energy"] = np.ones(N)
    values["texture_energy_swapped"] = rng.random(N)
    return images[["image_id"]].assign(**values).melt("image_id", var_name="feature")


@pytest.fixture(scope="module")
def attributions(images: pd.DataFrame) -> pd.DataFrame:
    """Of the first images; the absolute mean falls with the score, the others are noise."""
    rng = np.random.default_rng(5)
    made = images.iloc[:EXPLAINED][["image_id"]].assign(drawn=True, converged=True)
    for name in SUMMARIES:
        made[name] = rng.random(EXPLAINED)
    made["mean_absolute"] = 1 - images["score"].to_numpy()[:EXPLAINED]
    return made


@pytest.fixture(scope="module")
def attributed(
    features: pd.DataFrame, attributions: pd.DataFrame, images: pd.DataFrame
) -> pd.DataFrame:
    return correlate_attributions(features, attributions, images, BOOTSTRAP)


@pytest.fixture(scope="module")
def table(
    features: pd.DataFrame,
    images: pd.DataFrame,
    attributed: pd.DataFrame,
    attributions: pd.DataFrame,
) -> pd.DataFrame:
    ours = correlations(from_features(features), images, target="score", bootstrap=BOOTSTRAP)
    unavailable = dict.fromkeys(OBJECT_FEATURES, WHY)
    return table_2([ours, attributed], load_published(), unavailable, converged=1.0)


def test_attributions_are_correlated_over_the_explained_images(
    attributed: pd.DataFrame,
    features: pd.DataFrame,
    attributions: pd.DataFrame,
) -> None:
    rows = attributed[(attributed["method"] == "pooled")].set_index(["target", "metric"])
    assert len(rows) == 3 * 8
    assert (rows["n"] == EXPLAINED).all()
    wide = features.pivot_table(index="image_id", columns="feature", values="value")
    for summary in SUMMARIES:
        expected = spearmanr(
            wide.loc[attributions["image_id"], "mean_lab_a"], attributions[summary]
        )
        found = rows.loc[(f"attribution_{summary}", "mean_lab_a")]
        assert found["r"] == pytest.approx(expected.statistic)
        assert found["p"] == pytest.approx(expected.pvalue)


def test_p_values_are_adjusted_over_the_features_of_one_target(attributed: pd.DataFrame) -> None:
    for _, rows in attributed[attributed["method"] == "pooled"].groupby("target"):
        smallest = rows["p"].min()
        made = rows["p"].notna().sum()
        assert made == 7  # of 8 one is constant
        assert rows["p_holm"].min() == pytest.approx(min(1, made * smallest))


def test_a_row_per_target_and_feature_in_the_published_order(table: pd.DataFrame) -> None:
    assert list(table["target"].unique()) == [
        "score",
        *(f"attribution_{s}" for s in SUMMARIES),
    ]
    for _, rows in table.groupby("target"):
        assert list(rows["feature"]) == list(TABLE_2)
    schema = store.SCHEMAS["table_2"][1]
    assert set(schema.columns) == set(table.columns)
    schema.validate(table[[*schema.columns]])


def test_planted_signs_show(table: pd.DataFrame) -> None:
    rows = table.set_index(["target", "feature"])
    saturation = rows.loc[("score", "saturation")]
    assert saturation["r"] > 0.9
    assert saturation["given_category_r"] > 0.9
    assert saturation["given_subcategory_r"] > 0.9
    assert saturation["p_holm"] < 0.001
    assert rows.loc[("attribution_mean_absolute", "saturation"), "r"] < -0.9


def test_published_figures_stand_beside(table: pd.DataFrame) -> None:
    rows = table.set_index(["target", "feature"])["published"]
    assert rows[("score", "saturation")] == 0.157
    assert {rows[(f"attribution_{name}", "saturation")] for name in SUMMARIES} == {0.413}


def test_features_without_weights_are_listed_with_the_reason_and_no_number(
    table: pd.DataFrame,
) -> None:
    missing = table[table["feature"].isin(OBJECT_FEATURES)]
    assert (missing["unavailable"] == WHY).all()
    assert (missing["n"] == 0).all()
    assert missing[["r", "given_category_r", "p"]].isna().all(axis=None)
    assert missing["published"].notna().all()
    assert (table.loc[~table["feature"].isin(OBJECT_FEATURES), "unavailable"] == "").all()


def test_a_constant_feature_has_no_r(table: pd.DataFrame) -> None:
    rows = table[table["feature"] == "texture_energy"]
    assert rows["r"].isna().all()
    assert (rows["unavailable"] == "").all()


def test_in_words(table: pd.DataFrame) -> None:
    text = in_words(table, confidence=0.95)
    assert text.startswith(
        "1 of 8 image features correlate with memorability (p for new images below 0.05, "
        "adjusted by Holm's method); given the category, 1 do; given the subcategory, 1 do. "
        "Not measured: number of distinct "
    )
    assert text.endswith(f" ({WHY}).")
    nothing = in_words(table.assign(p_holm=1.0), confidence=0.95)
    assert nothing.startswith("None of 8 image features is shown to correlate with memorability (p")


def test_for_reading_figures_stand_with_their_intervals_and_what_was_not_measured_is_a_dash(
    table: pd.DataFrame,
) -> None:
    shown = table_2_for_reading(table, "score", confidence=0.9)
    assert len(shown) == len(TABLE_2)
    lost = (table.loc[table["target"] == "score", "unavailable"] != "").to_numpy()
    assert lost.sum() == 4
    figures = shown[f"Spearman's r [90{BLANK}%{BLANK}CI]"]
    assert figures[lost].eq("–").all()
    assert figures[~lost].str.contains(r"\[", regex=True).sum() == 7


def test_for_reading_nothing_is_given_the_category_where_there_is_one(table: pd.DataFrame) -> None:
    lost = [name for name in table if name.startswith("given_")]
    one = table.assign(**dict.fromkeys(lost, float("nan")))
    shown = table_2_for_reading(one, "score", confidence=0.95)
    assert not [name for name in shown if "given" in name]
    assert "category" not in in_words(one, confidence=0.95)


def test_images_that_have_not_converged_do_not_enter_correlations_with_attributions(
    features: pd.DataFrame, attributions: pd.DataFrame, images: pd.DataFrame
) -> None:
    """The last images would turn the correlation round."""
    lost = attributions["image_id"].isin(attributions["image_id"].iloc[20:])
    spoilt = attributions.assign(converged=~lost)
    spoilt["mean_absolute"] = spoilt["mean_absolute"].mask(lost, 10 * (1 - spoilt["mean_absolute"]))
    found = correlate_attributions(features, spoilt, images, BOOTSTRAP)
    kept = attributions[~lost]
    expected = correlate_attributions(features, kept, images, BOOTSTRAP)
    pd.testing.assert_frame_equal(found, expected)
    assert set(found.loc[found["method"] == "pooled", "n"]) == {20}
    assert share_converged(spoilt) == 0.5


def test_without_a_converged_image_the_table_is_about_memorability_alone(
    features: pd.DataFrame, attributions: pd.DataFrame, images: pd.DataFrame, tmp_path: Path
) -> None:
    none = correlate_attributions(features, attributions.assign(converged=False), images, BOOTSTRAP)
    store.write(none, tmp_path / "none.parquet", "correlations")
    ours = correlations(from_features(features), images, target="score", bootstrap=BOOTSTRAP)
    table = table_2([ours, none], load_published(), {}, converged=0.0)
    assert set(table["target"]) == {"score"}


@pytest.mark.parametrize(
    ("converged", "text"),
    [
        (1.0, ""),
        (
            0.57,
            "57 % of the explained images have converged. Correlations with attributions are of",
        ),
        (0.0, "No image's attributions have converged"),
        (float("nan"), "No image's attributions have converged"),
    ],
)
def test_the_page_says_which_images_attributions_are_of(converged: float, text: str) -> None:
    said = convergence_in_words(converged)
    assert text in said
    assert bool(text) == bool(said)


def test_features_on_the_test_images_alone_have_scipys_correlation(
    features: pd.DataFrame, images: pd.DataFrame
) -> None:
    split = images[["image_id"]].assign(split=["train", "test", "test"] * (N // 3))
    settings = CorrelationSettings("score", BOOTSTRAP)
    found = correlate_tested(features, images, split, settings)
    pooled = found[found["method"] == "pooled"].set_index("metric")
    chosen = images[split["split"] == "test"].set_index("image_id")
    wide = features.pivot_table(index="image_id", columns="feature", values="value")
    expected = spearmanr(wide.loc[chosen.index, "saturation"], chosen["score"]).statistic
    assert pooled.loc["saturation", "r"] == pytest.approx(expected)
    assert pooled.loc["saturation", "n"] == len(chosen)
    assert (pooled["quantity"] == "feature").all()
