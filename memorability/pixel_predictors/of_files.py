"""From the name of a predictor and its files, which are there, to the predictor or its fit."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from memorability.base.errors import named
from memorability.pixel_predictors.contract import Fitted, Given, Open, PixelPredictor, Prepare
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, PixelPredictorSpec


def specification(name: str) -> PixelPredictorSpec:
    """Return what is known of a predictor; InputError with the nearest name if there is none."""
    return named(PIXEL_PREDICTORS, name, "predictor")


def open_with(name: str, given: Given) -> PixelPredictor:
    """Return a predictor of files that are there; InputError if it is unknown, or they are others."""
    spec = specification(name)
    opens: Open = _definition(spec.opens)
    return opens(spec, given)


def preparation(definition: str) -> Prepare:
    """Return what makes of an upright image the pixels that a fit reads, as a registry names it."""
    prepare: Prepare = _definition(definition)
    return prepare


def fit_with(name: str, given: Given) -> Callable[..., Fitted]:
    """Return a `memorability.pixel_predictors.contract.Fit` that has its first two parameters."""
    spec = specification(name)
    return partial(_definition(spec.fits), spec, given)


def _definition(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(f"memorability.{module}"), function)
