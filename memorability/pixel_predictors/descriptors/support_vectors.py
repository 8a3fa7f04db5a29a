"""Linear support vector regression, whose settings are chosen on validation images.

Source: Khosla et al. 2015 predict memorability from fc6, fc7, fc8 and HOG2x2 by it. Their grid is not
published: this one is ours. liblinear's solver 11 fits it (Fan et al. 2008), by way of scikit-learn.
"""

import numpy as np
import numpy.typing as npt
from sklearn.svm import LinearSVR

from memorability.pixel_predictors.frozen_encoder import Line, choose

COSTS = tuple(10.0**power for power in range(-3, 4))
"""C: of the squared errors beyond epsilon. Images lie at a root mean square distance of 1 from their
mean, and scores have a standard deviation of 1, so that C means the same for all descriptors."""

EPSILONS = (0.0, 0.1, 0.3, 1.0)
"""Errors that cost nothing, in standard deviations of the training scores."""

Floats = npt.NDArray[np.float64]


def fit_support_vectors(
    values: Floats, scores: Floats, train: npt.NDArray[np.bool_], validation: npt.NDArray[np.bool_]
) -> Line:
    """Return the weighted sum of values that is best in validation: a `frozen_encoder.FitLine`.

    Of equals, the one with the smallest C and then the largest epsilon is taken.
    """
    mean, score_mean = values[train].mean(axis=0), scores[train].mean()
    scaled = values[train]
    scaled -= mean
    length = float(np.linalg.norm(scaled) / np.sqrt(len(scaled))) or 1.0
    scaled /= length
    deviation = float(scores[train].std())
    if np.ptp(scores[train]) == 0:
        deviation = 1.0
    targets = (scores[train] - score_mean) / deviation

    def fit(cost: float, epsilon: float) -> Line:
        machine = LinearSVR(
            C=cost, epsilon=epsilon, loss="squared_epsilon_insensitive", dual=False, max_iter=10_000
        ).fit(scaled, targets)
        weights = np.ravel(machine.coef_) * (deviation / length)
        intercept = score_mean + deviation * float(np.ravel(machine.intercept_)[0]) - weights @ mean
        return Line(weights, float(intercept), {"C": cost, "epsilon": epsilon})

    grid = (fit(cost, epsilon) for cost in COSTS for epsilon in reversed(EPSILONS))
    return choose(grid, values[validation], scores[validation])
