import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from memorability.base.errors import InputError
from memorability.explanation.explaining import (
    Explainer,
    choose_images,
    explain_images,
    explained_images,
    warn_of,
)
from memorability.explanation.network import ScoreNetwork
from memorability.images.pixels import to_unit_range
from tests.unit.explanation.problems import SETTINGS, problem, small_model, small_predictor


def explained(show: list[str], count: int = 4) -> pd.DataFrame:
    _, images, predictions = problem()
    return explained_images(images, predictions, count, show, seed=0)


def test_images_are_drawn_in_turn_from_each_category_and_fewer_are_among_more() -> None:
    images = pd.DataFrame({"category": ["a"] * 20 + ["b"] * 3 + ["c"]})
    few, more = choose_images(images, 5, seed=0), choose_images(images, 9, seed=0)
    assert set(few) <= set(more)
    counts = images["category"].iloc[more].value_counts()
    assert counts.to_dict() == {"a": 5, "b": 3, "c": 1}
    assert list(choose_images(images, 99, seed=0)) == list(range(24))
    assert list(choose_images(images, 9, seed=1)) != list(more)


def test_named_images_are_explained_beside_the_drawn_ones_and_marked() -> None:
    drawn = explained([])
    assert len(drawn) == 4
    assert drawn["drawn"].all()
    other = next(
        f"image_{n:02d}" for n in range(6, 14) if f"image_{n:02d}" not in set(drawn["image_id"])
    )
    both = explained([other, drawn["image_id"][0]])
    assert both["place"].is_monotonic_increasing
    assert list(both.loc[both["drawn"], "image_id"]) == list(drawn["image_id"])
    assert list(both.loc[~both["drawn"], "image_id"]) == [other]


def test_an_id_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no image has the id 'image_12b' \(.*'image_12'"):
        explained(["image_12b"])


def test_a_training_image_is_not_explained() -> None:
    with pytest.raises(InputError, match="'image_00' is a train image"):
        explained(["image_00"])


def test_without_test_images_there_is_nothing_to_explain() -> None:
    _, images, predictions = problem()
    with pytest.raises(InputError, match="no test images"):
        explained_images(images, predictions.assign(split="train"), 4, [], seed=0)


def attributed(weight: float = 1.0, **changes: Any) -> dict[str, np.ndarray]:
    pixels, _, predictions = problem()
    explainer = Explainer.of(pixels, predictions, replace(SETTINGS.explainer, **changes), "cpu")
    network = ScoreNetwork(small_model(), small_predictor(weight), "cpu")
    return explain_images(explainer, network, pixels[6:9])


def test_maps_and_summaries_say_the_same() -> None:
    result = attributed()
    assert result["map"].dtype == np.float16
    assert np.abs(result["map"]).max(axis=(1, 2, 3)).tolist() == [1, 1, 1]
    maps = result["map"].astype(np.float64) * result["scale"][:, None, None, None]
    np.testing.assert_allclose(
        np.abs(maps).mean(axis=(1, 2, 3)), result["mean_absolute"], rtol=1e-3
    )
    np.testing.assert_allclose(
        maps.clip(0).mean(axis=(1, 2, 3)), result["mean_positive"], rtol=1e-3
    )
    gained = result["predicted"] - result["predicted_baseline"]
    total = result["mean_signed"] * maps[0].size
    np.testing.assert_allclose(total - gained, result["convergence_delta"], atol=1e-6)


def test_scores_are_those_of_the_models_and_of_the_baseline_in_use() -> None:
    pixels, _, _ = problem()
    model, predictor = small_model(), small_predictor()
    with torch.no_grad():
        expected = predictor.score(model.encode(to_unit_range(pixels[6:9], "cpu")))
        black = predictor.score(model.encode(torch.zeros(1, 3, 32, 32)))
    result = attributed(baseline="zeros")
    np.testing.assert_allclose(result["predicted"], expected, atol=1e-6)
    np.testing.assert_allclose(result["predicted_baseline"], black.expand(3), atol=1e-6)


def table(**changes: Any) -> pd.DataFrame:
    columns = {"scale": [0.1, 0.2], "converged": [True, True], "convergence_delta": [0.0, -0.3]}
    return pd.DataFrame(columns | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"converged": [True, False]}, "1 of 2 images have converged"),
        ({"converged": [False, False]}, "None of 2 images have converged"),
        ({"scale": [0.0, 0.0]}, "All attributions are 0: the predictor gives every image"),
    ],
)
def test_what_is_wrong_with_attributions_is_said(
    changes: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of(table(**changes), 0.05)
    assert words in caplog.text
    assert bool(words) == bool(caplog.text)


def test_a_predictor_that_ignores_its_input_has_attributions_of_zero() -> None:
    result = attributed(weight=0.0)
    for name in ("scale", "mean_absolute", "mean_signed", "mean_positive", "convergence_delta"):
        assert not result[name].any(), name
    assert not result["map"].any()
    assert result["converged"].all()
