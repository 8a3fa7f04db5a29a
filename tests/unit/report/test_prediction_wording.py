"""What is said of predictions whose worth is known."""

import numpy as np
import pandas as pd

from memorability.analysis.feature_model import FeatureModel, model_features
from memorability.prediction.evaluation import Evaluation
from memorability.report.prediction_wording import features_in_words, prediction_in_words
from tests.unit.analysis.test_feature_model import QUICK, made_up
from tests.unit.prediction.test_evaluation import evaluated, predictions


def said_of(evaluation: Evaluation) -> str:
    return prediction_in_words(evaluation.metrics, evaluation.gains)


def said_of_features(model: FeatureModel) -> str:
    return features_in_words(model.metrics, model.gains, model.importance)


def test_a_predictor_is_said_to_beat_what_it_beats() -> None:
    table, images = predictions()
    said = said_of(evaluated(table, images))
    assert "beats the category means: Spearman's r 0." in said
    assert "beats the subcategory means" in said


def test_a_predictor_of_noise_is_not_said_to_beat_category_means() -> None:
    table, images = predictions()
    table["predicted"] = np.random.default_rng(0).random(len(table))
    said = said_of(evaluated(table, images))
    assert "The predictor is worse than the category means" in said
    table["predicted"] = table["category_mean"] + 1e-6 * table["predicted"]
    assert "is not shown to beat the category means" in said_of(evaluated(table, images))


def test_constant_baselines_are_compared_by_area() -> None:
    table, images = predictions()
    table[["category_mean", "subcategory_mean"]] = 0.5
    nothing = pd.DataFrame({"image_id": [], "category": [], "predicted": []})
    said = said_of(evaluated(table, images.assign(category="all"), left_out=nothing))
    assert "beats the category means: ROC AUC 0.9" in said
    assert "against 0.500" in said


def test_features_that_matter_are_named() -> None:
    said = said_of_features(model_features(*made_up(effect=0.06), **QUICK))
    assert "on all features and labels ranks better than a model of labels alone" in said
    assert said.count("of the variance)") == 1
    assert "these still matter: Saturation (" in said


def test_features_without_an_effect_are_not_said_to_matter() -> None:
    said = said_of_features(model_features(*made_up(effect=0.0), **QUICK))
    assert "is not shown to rank better than" in said
    assert "No feature is shown to matter" in said
