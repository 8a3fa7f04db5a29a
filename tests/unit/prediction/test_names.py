"""The registry of predictors, against what fits them."""

import inspect

import numpy as np
import pytest

from memorability.base.errors import InputError
from memorability.prediction.names import (
    HEADS,
    MAIN,
    OTHER_HEADS,
    PREDICTORS,
    fit_of,
    reading,
)
from memorability.prediction.predictors.contract import Fit
from memorability.prediction.predictors.kernels import fit_ridge
from tests.unit.prediction.problems import SETTINGS, study


@pytest.mark.parametrize("name", PREDICTORS)
def test_every_predictor_predicts_the_rows_that_are_asked_for(name: str) -> None:
    fit = fit_of(name)
    assert [*inspect.signature(fit).parameters] == [*inspect.signature(Fit.__call__).parameters][1:]
    latents, _, split = study(n=60)
    scores, parts = split["score"].to_numpy(), split["split"].to_numpy()
    rows = np.flatnonzero(parts == "test")[::-1]
    some, every = (
        fit(latents, scores, parts, rows=each, settings=SETTINGS, seed=0)
        for each in (rows, np.arange(60))
    )
    assert every.of_images.shape == (60,)
    np.testing.assert_allclose(some.of_images, every.of_images[rows], rtol=1e-5)
    assert np.corrcoef(every.of_images[parts == "train"], scores[parts == "train"])[0, 1] > 0.2
    assert len(every.pairs) == len(every.of_pairs)
    assert set(parts[every.pairs.ravel()]) <= {"test"}


def test_no_predictor_reads_scores_of_test_images() -> None:
    latents, _, split = study(n=60)
    scores, parts = split["score"].to_numpy(), split["split"].to_numpy()
    other = np.where(parts == "test", np.nan, scores)
    for name in PREDICTORS:
        first, second = (
            fit_of(name)(latents, each, parts, rows=np.arange(60), settings=SETTINGS, seed=0)
            for each in (scores, other)
        )
        np.testing.assert_array_equal(first.of_images, second.of_images)


def test_a_name_gives_its_function() -> None:
    assert fit_of("ridge") is fit_ridge
    assert MAIN not in OTHER_HEADS
    assert reading("latents") == [*PREDICTORS]


def test_an_unknown_predictor_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"predictor 'rigde' is unknown .did you mean 'ridge'"):
        fit_of("rigde")


def test_heads_are_read_under_the_labels_of_the_predictors() -> None:
    assert [*HEADS][:4] == ["mlp", "ridge", "svr", "gru_pair"]
    assert HEADS["gru_pair_of_pairs"] == "GRU of the published scripts, pairs of images"
