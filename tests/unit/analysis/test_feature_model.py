"""The joint model on made-up features whose part in the scores is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from memorability.analysis.feature_model import FeatureModel, model_features, permutation_importance
from memorability.base.errors import InputError
from memorability.data.splits import SplitSettings, split_images
from memorability.features.names import TABLE_2
from memorability.report.reading import importance_for_reading
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

N = 240
SHARES = SplitSettings(kind="stratified", number=1, train=0.5, validation=0.2, test=0.3, seed=0)
BOOTSTRAP = Bootstrap(draws=200, confidence=0.95, seed=0)
NAMES = [name for name in TABLE_2 if name not in ("object_count", "separation_score")]


def made_up(*, effect: float, seed: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return features and images: scores follow category and saturation.

    Colour diversity follows saturation alone, entropy the category alone: both correlate with scores
    and say nothing more.
    """
    rng = np.random.default_rng(seed)
    category = rng.integers(0, 4, N)
    values = {name: rng.normal(size=N) for name in NAMES}
    values["color_diversity"] = values["saturation"] + 0.7 * rng.normal(size=N)
    values["image_entropy"] = category + 0.5 * rng.normal(size=N)
    score = 0.5 + 0.05 * category + effect * values["saturation"] + 0.04 * rng.normal(size=N)
    images = pd.DataFrame(
        {
            "image_id": [f"i{k:03d}" for k in range(N)],
            "category": np.array(["animal", "food", "sports", "vehicle"])[category],
            "subcategory": np.where(rng.random(N) < 0.5, "x", "y"),
            "score": score.clip(0, 1),
        }
    )
    features = images[["image_id"]].assign(**values).melt("image_id", var_name="feature")
    return features, images.assign(split=split_images(images, SHARES).to_numpy())


@pytest.fixture(scope="module")
def planted() -> FeatureModel:
    return model_features(*made_up(effect=0.06), BOOTSTRAP)


def test_only_what_says_more_than_the_others_and_the_category_matters(
    planted: FeatureModel,
) -> None:
    found = planted.importance.set_index("feature")
    assert found.loc["saturation", "ci_low"] > 0.2
    rest = found.drop("saturation")
    assert (rest["importance"].abs() < 0.08).all()
    assert list(found["n"].unique()) == [round(0.3 * N)]


def test_features_and_labels_beat_labels_alone(planted: FeatureModel) -> None:
    gains = planted.gains.set_index(["head", "baseline", "metric"])
    for baseline in ("category_mean", "subcategory_mean", "labels_alone"):
        gain = gains.loc[("features_and_labels", baseline, "spearman")]
        assert 0 < gain["ci_low"] <= gain["difference"] <= gain["ci_high"]
    r = planted.metrics[planted.metrics["metric"] == "spearman"].set_index("head")["value"]
    assert r["features_and_labels"] > 0.8
    assert r["labels_alone"] == pytest.approx(r["category_mean"], abs=0.1)


def test_without_an_effect_nothing_matters() -> None:
    found = model_features(*made_up(effect=0.0), BOOTSTRAP)
    assert found.importance["importance"].abs().max() < 0.03
    gains = found.gains.set_index(["head", "baseline", "metric"])
    gain = gains.loc[("features_and_labels", "labels_alone", "spearman")]
    assert gain["ci_low"] <= 0


def test_tables_fit_their_schemas(planted: FeatureModel) -> None:
    for name, table in {
        "prediction_metrics": planted.metrics,
        "prediction_gains": planted.gains,
        "feature_importance": planted.importance,
    }.items():
        schema = store.SCHEMAS[name][1]
        schema.validate(table[[*schema.columns]])


def test_test_scores_change_no_prediction() -> None:
    features, images = made_up(effect=0.06)
    parts = np.repeat(["train", "validation", "test"], [120, 40, 80])
    images["split"] = parts
    # Test scores are drawn together, which leaves their ranks.
    other = images.assign(score=images["score"].where(parts != "test", images["score"] / 2))
    found = [
        model_features(features, chosen, BOOTSTRAP).metrics.set_index(["head", "metric"])["value"]
        for chosen in (images, other)
    ]
    assert len(found[0]) > 0
    for head in found[0].index.unique("head"):
        assert found[0][head, "spearman"] == found[1][head, "spearman"]
        assert found[0][head, "mse"] != found[1][head, "mse"]


def test_importance_of_a_linear_model_is_twice_the_variance_that_it_explains() -> None:
    # Shuffling x in y = b x + e adds 2 b² var(x) to the squared error.
    rng = np.random.default_rng(7)
    inputs = pd.DataFrame({"x": rng.normal(size=5000), "z": rng.normal(size=5000)})
    scores = 0.5 * inputs["x"].to_numpy() + rng.normal(size=5000)

    class Fitted:
        def __init__(self) -> None:
            self.model = LinearRegression().fit(inputs[["x", "z"]], scores)

        def predict(self, table: pd.DataFrame) -> Any:
            return self.model.predict(table[["x", "z"]])

    table = inputs.assign(category="all")
    found = permutation_importance(Fitted(), table, scores, ["x", "z"], BOOTSTRAP)
    assert found["importance"].tolist() == pytest.approx([2 * 0.25 / 1.25, 0], abs=0.03)
    assert found["ci_low"][0] < found["importance"][0] < found["ci_high"][0]


def test_what_the_category_says_of_a_feature_is_not_its_importance() -> None:
    inputs = pd.DataFrame({"x": np.repeat([0.0, 1.0], 20), "category": np.repeat(["a", "b"], 20)})
    scores = inputs["x"].to_numpy() + np.tile([0.0, 0.1], 20)

    class ByX:
        def predict(self, table: pd.DataFrame) -> Any:
            return table["x"].to_numpy()

    found = permutation_importance(ByX(), inputs, scores, ["x"], BOOTSTRAP)
    assert found["importance"].tolist() == [0]


def test_a_constant_feature_and_one_category_do_no_harm() -> None:
    features, images = made_up(effect=0.06)
    features.loc[features["feature"] == "texture_energy", "value"] = 1.0
    found = model_features(features, images.assign(category="all", subcategory=""), BOOTSTRAP)
    importance = found.importance.set_index("feature")["importance"]
    assert importance["texture_energy"] == 0
    assert importance["saturation"] > 0.2


def test_too_few_images_are_explained() -> None:
    features, images = made_up(effect=0.06)
    chosen = images.iloc[:4].assign(split=["train", "train", "train", "test"])
    with pytest.raises(InputError, match=r"0 to validate.*prediction\.split"):
        model_features(features, chosen, BOOTSTRAP)


def test_for_reading_the_largest_comes_first(planted: FeatureModel) -> None:
    shown = importance_for_reading(planted.importance)
    assert shown["feature"].iloc[0] == "Saturation"
    assert shown["CI"].str.startswith("[").all()
