"""Nearest neighbours sought among random projections, against the exact search.

Latents are those of *neighbours*. Both sides find the 10 nearest of every latent and the nearest of its
category, as *measure_distinctiveness* does. *Recall* is the share of the 10 nearest that was found; the
correlation is Spearman's of the paper's measure, the distance to the nearest, in both.
"""

import numpy as np
from scipy import stats

from benchmarks.bench_neighbours import VALUES, latents_of
from benchmarks.harness import Row, Timing, seconds
from memorability.statistics.neighbours import Neighbours, Search, nearest_neighbours

SIZES = ((10_000, VALUES), (20_000, 4_096), (80_000, 4_096))
NEIGHBOURS = 10


def rows() -> list[Row]:
    """Compare both searches on two sizes."""
    return [_row(count, size) for count, size in SIZES]


def _row(count: int, size: int) -> Row:
    latents = latents_of(count, size)
    searches = [Search(NEIGHBOURS), Search(1, np.arange(count) % 5)]
    found: dict[bool, Neighbours] = {}

    def search(projected: bool) -> None:
        found[projected] = nearest_neighbours(latents, searches, projected=projected)[0]

    timings = {projected: seconds(lambda p=projected: search(p)) for projected in (True, False)}
    nearest, exact = found[True].distances, found[False].distances
    recall = (nearest <= exact[:, -1:] * (1 + 1e-9)).mean()
    r = stats.spearmanr(nearest[:, 0], exact[:, 0]).statistic
    return Row(
        f"{NEIGHBOURS} nearest neighbours, {count:,} × {size:,}",
        Timing((timings[True],)),
        Timing((timings[False],)),
        Timing((timings[False] / timings[True],)),
        agreement=f"recall {recall:.2%}; distance to the nearest: r {r:.5f}",
    )
