"""P-values adjusted for the number of tests made."""

import numpy as np
import pingouin
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def holm(p: ArrayLike) -> FloatArray:
    """Return p-values adjusted for multiplicity by Holm's step-down procedure.

    Parameters
    ----------
    p
        Shape (k,), p-values of one family of tests, 0 to 1; NaN where a test was not made.

    Returns
    -------
    numpy.ndarray
        Shape (k,), float64, adjusted p-values, 0 to 1; NaN stays NaN and does not count as a test.

    Raises
    ------
    ValueError
        If `p` is not one-dimensional or leaves 0 to 1.

    Notes
    -----
    S. Holm, A simple sequentially rejective multiple test procedure, 1979. Adjusted values below α
    bound the chance of any false discovery in the family by α. The paper corrects none of its tables.
    """
    return _adjusted(p, "holm")


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Return p-values adjusted for the false discovery rate by Benjamini and Hochberg's procedure.

    Parameters and errors are those of `holm`.

    Notes
    -----
    Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, 1995. Adjusted values below q
    bound the expected share of false discoveries by q where tests are independent or positively
    dependent.
    """
    return _adjusted(p, "fdr_bh")


def _adjusted(p: ArrayLike, method: str) -> FloatArray:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or np.any((values < 0) | (values > 1)):
        raise ValueError(
            f"p-values to adjust have shape {values.shape} and range "
            f"{np.nanmin(values, initial=1)} to {np.nanmax(values, initial=0)}; "
            "expected one dimension and values from 0 to 1 (or NaN); "
            "pass the p column of one family of tests"
        )
    adjusted = np.full(values.shape, np.nan)
    made = ~np.isnan(values)
    if made.any():
        adjusted[made] = pingouin.multicomp(values[made], method=method)[1]
    return adjusted
