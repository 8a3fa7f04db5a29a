"""Values that correlate with scores, for the tests of statistics."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from memorability.base.seeding import numpy_stream
from memorability.statistics import decomposition
from memorability.statistics.intervals import Bootstrap

FloatArray = NDArray[np.float64]


def correlated(n: int, *, rho: float = 0.5, runs: int = 1) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(n + runs)
    y = rng.normal(size=n)
    return rho * y + np.sqrt(1 - rho**2) * rng.normal(size=(runs, n)), np.round(y, 1)


def study(n: int = 60, *, runs: int = 2, categories: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values and images in which the category shifts both, so that pooled and partial differ."""
    x, y = correlated(n, runs=runs)
    ids = [f"image{k:03d}" for k in range(n)]
    shift = np.arange(n) % categories
    images = pd.DataFrame(
        {
            "image_id": ids,
            "category": [f"c{k}" for k in shift],
            "subcategory": "",
            "score": y + 2.0 * shift,
        }
    )
    values = [
        pd.DataFrame({"image_id": ids, "value": run + 2.0 * shift, "seed": str(seed)})
        for seed, run in enumerate(x)
    ]
    return pd.concat(values, ignore_index=True), images


def scipys_interval(
    x: FloatArray, y: FloatArray, bootstrap: Bootstrap, method: str
) -> tuple[float, float]:
    """SciPy's interval of the mean over runs (runs, n) of their correlations with y (n,)."""

    def statistic(*samples: FloatArray, axis: int) -> FloatArray:
        *each, target = (stats.rankdata(sample, axis=axis) for sample in samples)
        by_run = [stats.pearsonr(ranks, target, axis=axis).statistic for ranks in each]
        return np.asarray(np.mean(by_run, axis=0))

    interval = stats.bootstrap(
        (*x, y), statistic, paired=True, vectorized=True, n_resamples=bootstrap.draws,
        method=method, confidence_level=bootstrap.confidence,
        rng=numpy_stream(bootstrap.seed, "bootstrap"),
    ).confidence_interval  # fmt: skip
    return interval.low, interval.high


def correlate(values: pd.DataFrame, images: pd.DataFrame, **settings: Any) -> pd.DataFrame:
    """The correlations of one model."""
    return decomposition.correlate([values], images, **settings)[0]


def row(table: pd.DataFrame, group: str, method: str) -> pd.Series:
    found = table[(table["group"] == group) & (table["method"] == method)]
    assert len(found) == 1
    return found.iloc[0]
