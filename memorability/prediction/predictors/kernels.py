"""Ridge and support vector regression on standardised latents, from their inner products.

With more latent values than images both need the latents only through the inner products of all
images with the training images, which one pass over a memory-mapped file gives.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.svm import SVR

from memorability.base.arrays import blocks
from memorability.base.errors import InputError
from memorability.base.seeding import stream_seed
from memorability.prediction.predictors.contract import HeadSettings, Predictions
from memorability.prediction.predictors.fitting import Floats, fitting_rows, training_moments

_COLUMNS_PER_BLOCK = 2048  # 82 MB of 10,000 latents
_FOLDS = 5


@dataclass(frozen=True)
class InnerProducts:
    """Inner products of standardised latents, divided by the number of latent values.

    Attributes
    ----------
    with_training
        Of every image with each training image, (N, T), float64.
    squares
        Of every image with itself, (N,), float64.
    train
        Rows of the training images, (T,).
    """

    with_training: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]
    train: npt.NDArray[np.intp]


def inner_products(
    latents: npt.NDArray[np.float32], scores: Floats, split: npt.NDArray[Any]
) -> InnerProducts:
    """Return inner products of the latents, standardised by the training images.

    Parameters
    ----------
    latents
        (N, D) float32, in memory or memory-mapped; read twice, from front to back.
    scores, split
        As in `memorability.prediction.predictors.training.train_predictor`.
    """
    train, _ = fitting_rows(latents, scores, split)
    moments = training_moments(latents, train)
    mean, sd = (values.numpy() for values in moments)
    products = np.zeros((len(latents), len(train)))
    squares = np.zeros(len(latents))
    for block in blocks(latents.shape[1], _COLUMNS_PER_BLOCK):
        values = (latents[:, block] - mean[block]) / sd[block]
        products += values @ values[train].T
        squares += np.einsum("nd,nd->n", values, values)
    size = latents.shape[1]
    return InnerProducts(products / size, squares / size, train)


def fit_ridge(
    inputs: npt.NDArray[np.float32],
    scores: Floats,
    split: npt.NDArray[Any],
    *,
    rows: npt.NDArray[np.intp],
    settings: HeadSettings,
    seed: int,
) -> Predictions:
    """Fit a ridge regression on the standardised latents and predict.

    `memorability.prediction.predictors.contract.Fit` says what it takes. The seed draws the five
    folds of the training images that choose the penalty `alpha`: 10^-3 to 10^3 per latent value.
    """
    products = inner_products(inputs, scores, split)
    predicted, chosen = predict_by_ridge(products, scores, seed)
    return Predictions(of_images=predicted[rows], chosen=chosen)


def fit_svr(
    inputs: npt.NDArray[np.float32],
    scores: Floats,
    split: npt.NDArray[Any],
    *,
    rows: npt.NDArray[np.intp],
    settings: HeadSettings,
    seed: int,
) -> Predictions:
    """Fit a support vector regression with a Gaussian kernel and predict.

    `memorability.prediction.predictors.contract.Fit` says what it takes. The seed draws the five
    folds of the training images that choose the cost `C`: 0.1, 1 or 10.
    """
    products = inner_products(inputs, scores, split)
    predicted, chosen = predict_by_svr(products, scores, seed)
    return Predictions(of_images=predicted[rows], chosen=chosen)


def predict_by_ridge(
    products: InnerProducts, scores: Floats, seed: int
) -> tuple[npt.NDArray[np.float64], dict[str, float]]:
    """Predict every score by ridge regression on the standardised latents.

    Parameters
    ----------
    products
        From `inner_products`.
    scores
        (N,); those of training images are read.
    seed
        Seed of the study, which draws the five folds of the training images that choose the penalty.

    Returns
    -------
    tuple
        Predicted scores, (N,), and the chosen penalty `alpha`: 10^-3 to 10^3 per latent value.
    """
    grid = {"alpha": np.logspace(-3, 3, 13)}
    return _fitted(
        KernelRidge(kernel="precomputed"), grid, products.with_training, products, scores, seed
    )


def predict_by_svr(
    products: InnerProducts, scores: Floats, seed: int
) -> tuple[npt.NDArray[np.float64], dict[str, float]]:
    """Predict every score by support vector regression with a Gaussian kernel.

    The kernel is exp(-d² / D) for the squared distance d² of standardised latents of D values, and
    errors below 0.1 standard deviations of the training scores cost nothing: scikit-learn's defaults
    for standardised data.

    Returns
    -------
    tuple
        As from `predict_by_ridge`, with the chosen cost `C`, 0.1, 1 or 10.
    """
    squares = products.squares
    distances = squares[:, np.newaxis] + squares[products.train] - 2 * products.with_training
    kernel = np.exp(-np.maximum(distances, 0))
    grid = {"C": [0.1, 1.0, 10.0]}
    return _fitted(SVR(kernel="precomputed"), grid, kernel, products, scores, seed)


def _fitted(
    model: KernelRidge | SVR,
    grid: dict[str, Any],
    kernel: npt.NDArray[np.float64],
    products: InnerProducts,
    scores: Floats,
    seed: int,
) -> tuple[npt.NDArray[np.float64], dict[str, float]]:
    train = products.train
    target = scores[train]
    # Neither has an intercept of its own here, and an SVR's tube is in units of the target.
    mean, sd = target.mean(), target.std() or 1.0
    if len(train) < 2:
        raise InputError(
            "One training image fits no regression. Use more images, or set prediction.heads: []."
        )
    folds = KFold(
        min(_FOLDS, len(train)), shuffle=True, random_state=stream_seed(seed, "head folds") % 2**32
    )
    search = GridSearchCV(model, grid, scoring="neg_mean_squared_error", cv=folds)
    search.fit(kernel[train], (target - mean) / sd)
    chosen = {name: float(value) for name, value in search.best_params_.items()}
    return np.asarray(search.predict(kernel) * sd + mean, dtype=np.float64), chosen
