"""The best learning rate of a loss: the one rule by which tables, figures and models are chosen."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memorability.statistics.ranks import FloatArray, IntArray


def best_rate(
    rates: Sequence[str] | NDArray[np.object_], r: FloatArray, diverged: NDArray[np.bool_]
) -> IntArray:
    """Return which learning rate correlates most with memorability: the published choice.

    A learning rate of which a seed diverged is the best only if all have such a seed. Of those that
    remain, the best has the highest correlation. One without any correlation comes last, and of equal
    ones the lowest learning rate is the best.

    Parameters
    ----------
    rates
        (k,) labels of the learning rates, k at least 1, in any order: "1e-5". What was not trained has
        the label "".
    r
        (..., k) correlation of each learning rate, the mean over its seeds that finished, −1 to 1; NaN
        where there is none. With leading dimensions, each choice is made by itself: the halves of a
        data set are many choices at once.
    diverged
        (k,) whether any seed of the learning rate diverged.

    Returns
    -------
    numpy.ndarray
        (...) place in `rates` of the best one, intp.

    Notes
    -----
    Source: paper section "Memorable images are harder to reconstruct and more distinct" takes the
    highest correlation. The rules about equal ones and about divergence are ours.
    """
    ascending = np.argsort(
        pd.to_numeric(pd.Series(list(rates)), errors="coerce").to_numpy(), kind="stable"
    )
    # No correlation is below all correlations, and a diverged seed is below that.
    order = np.where(np.isnan(r), -2.0, r)
    if not diverged.all():
        order = np.where(diverged, -3.0, order)
    return np.asarray(ascending[order[..., ascending].argmax(axis=-1)], dtype=np.intp)
