from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memorability.prediction.left_out import LeftOutSettings, predict_left_out_categories
from memorability.prediction.names import OTHER_HEADS, PREDICTORS
from memorability.prediction.predicting import chosen_settings, predict_by_head, predict_images
from memorability.prediction.predictors.contract import HeadSettings
from memorability.prediction.predictors.trained import predict
from memorability.prediction.predictors.training import PredictorSettings, train_predictor
from memorability.tables import store
from tests.unit.prediction.problems import SETTINGS, study

LATENTS, IMAGES, SPLIT = study()
TEST = (SPLIT["split"] == "test").to_numpy()


def left_out(head: str) -> LeftOutSettings:
    return LeftOutSettings(seed=0, threads=1, predictor=SETTINGS.predictor, head=head)


def test_the_predictor_predicts_every_image_beside_the_baselines() -> None:
    epochs: list[None] = []
    trained, predictions, history = predict_images(
        LATENTS, IMAGES, SPLIT, SETTINGS, lambda: epochs.append(None)
    )
    assert len(history) == len(epochs) > 1
    store.SCHEMAS["predictions"][1].validate(predictions)
    np.testing.assert_array_equal(predictions["predicted"], predict(trained, LATENTS))
    means = IMAGES[(SPLIT["split"] == "train").to_numpy()].groupby("category")["score"].mean()
    np.testing.assert_allclose(predictions["category_mean"], IMAGES["category"].map(means))


def test_the_scores_of_the_split_are_learned_not_those_of_the_images() -> None:
    other = SPLIT.assign(score=SPLIT["score"] / 2)
    _, predictions, _ = predict_images(LATENTS, IMAGES, other, SETTINGS, lambda: None)
    np.testing.assert_array_equal(predictions["score"], other["score"])
    assert predictions["category_mean"].max() < 0.45


def test_the_chosen_trial_decides_the_settings() -> None:
    trials = pd.DataFrame(
        {
            "hidden": ["8", "32-16"], "learning_rate": [1e-3, 2e-3], "batch_size": [8, 64],
            "dropout": [0.1, 0.2], "weight_decay": [0.01, 1e-5], "chosen": [False, True],
        }
    )  # fmt: skip
    settings = chosen_settings(SETTINGS, trials)
    assert settings.predictor == PredictorSettings(
        hidden=(32, 16), learning_rate=2e-3, batch_size=64, dropout=0.2, weight_decay=1e-5,
        patience=3, max_epochs=12,
    )  # fmt: skip
    assert chosen_settings(SETTINGS, None) == SETTINGS


@pytest.mark.parametrize("head", sorted(OTHER_HEADS))
def test_every_head_has_a_prediction_of_every_image(head: str) -> None:
    latents, _, split = study(n=50)
    table, chosen = predict_by_head(head, latents, split, HeadSettings(seed=0, threads=1))
    store.SCHEMAS["head_predictions"][1].validate(table)
    single = table[table["image_id"] == table["other_image_id"]]
    assert list(single["image_id"]) == list(split["image_id"])
    pairs = (split["split"] == "test").sum() // 2
    assert len(table) - len(single) == (pairs if head == "gru_pair" else 0)
    assert set(chosen) == {"ridge": {"alpha"}, "svr": {"C"}}.get(head, set())


@pytest.mark.parametrize("head", sorted(PREDICTORS))
def test_a_category_is_predicted_without_its_own_images(head: str) -> None:
    found = predict_left_out_categories(LATENTS, IMAGES, SPLIT, left_out(head), lambda: None)
    assert list(found["image_id"]) == list(IMAGES.loc[TEST, "image_id"])
    # Whatever the category's own training and validation images say, its predictions stay.
    own = (IMAGES["category"] == "food").to_numpy()
    latents, split = LATENTS.copy(), SPLIT.copy()
    latents[own & ~TEST] *= -5
    split.loc[own & ~TEST, "score"] = 0.9
    again = predict_left_out_categories(latents, IMAGES, split, left_out(head), lambda: None)
    food = found["category"] == "food"
    np.testing.assert_array_equal(again.loc[food, "predicted"], found.loc[food, "predicted"])
    assert (again.loc[~food, "predicted"] != found.loc[~food, "predicted"]).all()


def test_left_out_predictions_are_those_of_a_predictor_of_the_others() -> None:
    found = predict_left_out_categories(LATENTS, IMAGES, SPLIT, left_out("mlp"), lambda: None)
    others = (IMAGES["category"] != "sports").to_numpy()
    trained = train_predictor(
        LATENTS[others], SPLIT["score"].to_numpy()[others], SPLIT["split"].to_numpy()[others],
        settings=SETTINGS.predictor, seed=0,
    )  # fmt: skip
    expected = predict(trained, LATENTS[~others & TEST])
    np.testing.assert_array_equal(found.loc[found["category"] == "sports", "predicted"], expected)


def test_one_category_alone_leaves_nothing_to_predict_it_from(tmp_path: Path) -> None:
    images = IMAGES.assign(category="all")
    found = predict_left_out_categories(LATENTS, images, SPLIT, left_out("ridge"), lambda: None)
    store.write(found, tmp_path / "left_out.parquet", "left_out")
    assert store.read(tmp_path / "left_out.parquet", "left_out").empty
