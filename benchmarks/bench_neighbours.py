"""Nearest neighbours of latents, against the ball tree of scikit-learn that the published scripts use.

Latents are synthetic: mixtures of 32 factors, cut at 0 as by a ReLU. *Distinctiveness* is the job of
the rule: all four measures with 10 neighbours, read from a file of latents. Memory is the peak of a
process that does this alone, libraries included.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from benchmarks.harness import Row, paired, peak_memory_mb, repeated
from memorability.analysis.distinctiveness import distinctiveness_table
from memorability.statistics.neighbours import Search, nearest_neighbours
from memorability.tables.latents import LatentFile, write_latents

VALUES = 25_088
LAMEM = 58_741


def rows() -> list[Row]:
    """Return the timings."""
    with tempfile.TemporaryDirectory() as folder:
        return [_against_ball_tree(), *_from_files(Path(folder))]


def ball_tree(latents: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the distance of every row to its nearest other row."""
    search = NearestNeighbors(n_neighbors=2, algorithm="ball_tree").fit(latents)
    return np.asarray(search.kneighbors(latents)[0][:, 1])


def ours(latents: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the same."""
    return nearest_neighbours(latents, [Search(1)])[0].distances[:, 0]


def latents_of(count: int, size: int) -> NDArray[np.float32]:
    """Return synthetic latents (count, size)."""
    stream = np.random.default_rng(count)
    mixing = stream.normal(size=(32, size)).astype(np.float32)
    latents = stream.normal(size=(count, 32)).astype(np.float32) @ mixing
    return np.maximum(latents, 0, out=latents)


def make_ball_tree(count: int) -> None:
    """Make latents and search them, to measure memory."""
    ball_tree(latents_of(count, VALUES))


def make_ours(count: int) -> None:
    """Make the same latents and search them."""
    ours(latents_of(count, VALUES))


def distinctiveness_of(path: str) -> pd.DataFrame:
    """Return the distinctiveness of a file of latents, of five categories."""
    latents = LatentFile(path)
    ids = latents.image_ids
    categories = pd.Series([f"c{row % 5}" for row in range(len(ids))], index=ids)
    return distinctiveness_table(ids, latents, categories, neighbours=10)


def _against_ball_tree() -> Row:
    count = 2000
    latents = latents_of(count, VALUES)
    found: list[NDArray[np.float64]] = []
    time_ours, time_other, speedup = paired(
        lambda: found.append(ours(latents)),
        lambda: found.append(ball_tree(latents)),
        runs=3,
        warmup=0,  # a ball tree takes minutes
    )
    difference = np.abs(found[0] / found[1] - 1).max()
    memory, other = (peak_memory_mb(make, count) for make in (make_ours, make_ball_tree))
    return Row(
        f"nearest neighbour, {count:,} × {VALUES:,}",
        time_ours, time_other, speedup,
        "at least 50 ×, to 1e-5",
        bool(speedup.median >= 50 and difference < 1e-5),
        f"relative difference up to {difference:.0e}; {memory:.0f} MB, ball tree {other:.0f} MB",
    )  # fmt: skip


def _from_files(folder: Path) -> list[Row]:
    made = []
    for count, size in ((10_000, VALUES), (20_000, 4096)):
        path = str(folder / f"{count}.parquet")
        latents = latents_of(count, size)
        write_latents([f"{row:06d}" for row in range(count)], latents, path)
        megabytes = latents.nbytes / 1e6
        del latents
        timing = repeated(partial(distinctiveness_of, path), runs=1, warmup=0)
        memory = peak_memory_mb(distinctiveness_of, path)
        remark = f"{memory:.0f} MB, latents {megabytes:.0f} MB"
        name = f"distinctiveness, {count:,} × {size:,}"
        if size == VALUES:
            met = timing.median < 60 and memory < 3000
            hours = timing.median * (LAMEM / count) ** 2 / 3600
            remark += f"; {LAMEM:,} × {size:,} would take about {hours:.1f} h"
            made.append(Row(name, timing, target="under 60 s, 3,000 MB", met=met, agreement=remark))
        else:
            made.append(Row(name, timing, agreement=remark))
        Path(path).unlink()
    return made
