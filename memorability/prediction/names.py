"""Each predictor of memorability, named once, without loading what fits it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from memorability.base.errors import named

if TYPE_CHECKING:
    from memorability.prediction.predictors.contract import Fit

Reads = Literal["latents", "pixels", "features"]
Cost = Literal["perceptron", "recurrent", "inner_products"]

MAIN = "mlp"
"""The predictor of the paper, which has rules of its own."""

EACH = "each"
"""In place of the score that a predictor was fitted to: each of several, by a fit of its own."""

OWN_TEST_IMAGES = "own test images"
"""Among the sets that predictors are tested on: the test images of the study's own split."""

OF_PAIRS = "_of_pairs"
"""After the name of a head that was measured on pairs of images."""

LEFT_OUT = "left_out"
"""Head: predictions of each category by a predictor that saw none of its images."""


@dataclass(frozen=True, kw_only=True)
class PredictorSpec:
    """What is known of a predictor.

    Parameters
    ----------
    name
        As configurations, tables and folders have it.
    label
        As readers have it.
    reads
        What it predicts from.
    fit
        "module:function" within this package: a `memorability.prediction.predictors.contract.Fit`.
        Only the job that fits it loads the module.
    cost
        How its memory and time grow: `memorability.workflow.requests.Requests.fitting_memory` and
        `memorability.workflow.job_times.JobSeconds`.
    """

    name: str
    label: str
    reads: Reads
    fit: str
    cost: Cost


PREDICTORS: Mapping[str, PredictorSpec] = {
    spec.name: spec
    for spec in (
        PredictorSpec(
            name=MAIN,
            label="MLP on latents",
            reads="latents",
            fit="prediction.predictors.training:fit_perceptron",
            cost="perceptron",
        ),
        PredictorSpec(
            name="ridge",
            label="ridge regression on latents",
            reads="latents",
            fit="prediction.predictors.kernels:fit_ridge",
            cost="inner_products",
        ),
        PredictorSpec(
            name="svr",
            label="support vector regression on latents",
            reads="latents",
            fit="prediction.predictors.kernels:fit_svr",
            cost="inner_products",
        ),
        PredictorSpec(
            name="gru_pair",
            label="GRU of the published scripts",
            reads="latents",
            fit="prediction.predictors.gru_pair:fit_gru",
            cost="recurrent",
        ),
    )
}
OTHER_HEADS: Mapping[str, PredictorSpec] = {
    name: spec for name, spec in PREDICTORS.items() if name != MAIN
}
"""Predictors that a study may compare with the main one."""


def reading(inputs: Reads) -> list[str]:
    """Return the names of the predictors that read such inputs."""
    return [name for name, spec in PREDICTORS.items() if spec.reads == inputs]


OF_LABELS = ("labels_alone", "features_and_labels")
"""Heads: models that read labels."""


# In the order of reading.
HEADS: Mapping[str, str] = {
    **{spec.name: spec.label for spec in PREDICTORS.values()},
    f"gru_pair{OF_PAIRS}": f"{PREDICTORS['gru_pair'].label}, pairs of images",
    LEFT_OUT: "from the other categories alone",
    "category_mean": "category means",
    "subcategory_mean": "subcategory means",
    "image_size": "image size and aspect",
    "labels_alone": "a model of labels alone",
    "features_alone": "a model of features alone",
    "features_and_labels": "a model of features and labels",
}
"""What predicts memorability in this study's tables: predictors, and what they are compared with."""


def fit_of(name: str) -> "Fit":
    """Return the function that fits a predictor.

    Fingerprints of code do not follow it: a rule names the function that its job gets, so that one
    predictor's change makes no other anew.

    Raises
    ------
    InputError
        If there is no such predictor, with the nearest name.
    """
    module, _, function = named(PREDICTORS, name, "predictor").fit.partition(":")
    fit: Fit = getattr(import_module(f"memorability.{module}"), function)
    return fit
