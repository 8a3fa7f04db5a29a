"""Mixed models of responses, fitted by GPBoost, which is no requirement of the rest.

GPBoost (F. Sigrist, Gaussian process boosting, 2022) maximises the Laplace approximation of the
marginal likelihood. It installs beside the pinned packages, and has crossed random effects, a probit
link and beta-binomial counts; 40,000 responses take seconds. statsmodels has no crossed probit with a
likelihood, and sampling (PyMC, bambi) costs a pass over all responses at each of thousands of steps.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from memorability.base.errors import InputError

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

LIBRARY = "gpboost"
REQUIREMENTS = "envs/requirements-models.txt"
INTERCEPT = "intercept"


@dataclass(frozen=True)
class Estimate:
    """An estimate with its standard error, NaN where there is none."""

    value: float
    error: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the bounds of the interval by the normal approximation."""
        reach = stats.norm.ppf((1 + confidence) / 2) * self.error
        return self.value - reach, self.value + reach

    def root(self, confidence: float) -> tuple[float, float, float]:
        """Return the root of a variance with its bounds, those of the variance, from 0 on."""
        low, high = self.interval(confidence)
        value, low, high = np.sqrt([self.value, np.maximum(low, 0.0), high]).tolist()
        return value, low, high

    @property
    def p(self) -> float:
        """Two-sided p-value of 0 by Wald's test."""
        return float(2 * stats.norm.sf(abs(self.value) / self.error)) if self.error > 0 else np.nan


@dataclass(frozen=True)
class Fitted:
    """A fitted mixed model.

    Attributes
    ----------
    fixed
        Term -> coefficient, on the scale of the link.
    variances
        Group -> variance of its random effects, on the scale of the link.
    precision
        Of the beta-binomial distribution (a + b), NaN of other likelihoods.
    effects
        (N, groups) predicted random effects of every row.
    """

    fixed: Mapping[str, Estimate]
    variances: Mapping[str, Estimate]
    precision: Estimate
    effects: pd.DataFrame


def fit_mixed(
    responses: FloatArray,
    fixed: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    likelihood: Literal["bernoulli_probit", "beta_binomial"],
    out_of: FloatArray | None = None,
) -> Fitted:
    """Fit a mixed model with an intercept and random effects of one or more groups.

    Parameters
    ----------
    responses
        (N,) 0 or 1; shares of `out_of` for counts.
    fixed
        (N, terms) covariates without the intercept.
    groups
        (N, groups) labels; every column gets random effects, at least one.
    likelihood
        Link and distribution: probit of a yes, or logit of the mean of a beta-binomial count.
    out_of
        (N,) how many responses each count is out of.

    Returns
    -------
    Fitted
        Standard errors are those of the observed information.

    Raises
    ------
    InputError
        If GPBoost is not installed, saying how to get it; or if it finds no fit.
    """
    library = _library()
    model = library.GPModel(
        group_data=groups.apply(lambda labels: pd.factorize(labels)[0]).to_numpy(),
        likelihood=likelihood,
        weights=out_of,
        # Sums of several threads differ in their last bits from run to run.
        num_parallel_threads=1,
        # Of crossed effects, the other method draws random vectors: standard errors then vary by
        # several times, and some cannot be had.
        matrix_inversion_method="cholesky",
    )
    terms = pd.DataFrame({INTERCEPT: np.ones(len(fixed))}).join(fixed.reset_index(drop=True))
    # Where few images differ little, the gradient may lead out of where the likelihood is defined; the
    # simplex does not.
    for optimizer in ("lbfgs", "nelder_mead"):
        try:
            model.fit(y=responses, X=terms, params={"optimizer_cov": optimizer})
            break
        except library.basic.GPBoostError as error:
            logger.info("%s of GPBoost found no fit: %s", optimizer, error)
    else:
        raise InputError(
            f"statistics.response_models: GPBoost found no fit of {len(responses)} responses or "
            f"counts in {[int(groups[name].nunique()) for name in groups]} groups. Leave these models "
            "out."
        )
    precision = {"precision": Estimate(np.nan, np.nan)}
    if likelihood == "beta_binomial":
        precision = _estimates(model.get_aux_pars(std_err=True))
    variances = _estimates(model.get_cov_pars(std_err=True)).values()
    effects = model.predict_training_data_random_effects()
    return Fitted(
        _estimates(model.get_coef(std_err=True)),
        dict(zip(map(str, groups), variances, strict=True)),
        precision["precision"],
        effects.set_axis(list(groups), axis="columns"),
    )


def _library() -> Any:
    try:
        import gpboost  # noqa: PLC0415  # no requirement of any other job
    except ImportError:
        raise InputError(
            f"statistics.response_models needs the package {LIBRARY}, which is not installed. Install "
            f"it: .venv/bin/python -m pip install -r {REQUIREMENTS}. Or run Snakemake with --sdm "
            "conda. Or set statistics.response_models: []."
        ) from None
    return gpboost


def _estimates(table: pd.DataFrame) -> dict[str, Estimate]:
    """Return the estimates of a table of GPBoost: a column per parameter, two rows."""
    values = table.to_numpy(dtype=np.float64)
    return {
        str(name): Estimate(float(value), float(error))
        for name, value, error in zip(table.columns, *values, strict=True)
    }
