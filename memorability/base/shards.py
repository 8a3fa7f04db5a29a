"""Long work in shards on disk: a job that was stopped goes on after the last shard that it finished.

Shards lie in `resources/checkpoints/`, outside what the workflow declares, because Snakemake deletes
the outputs of a job that failed. Their directory is named by a hash of all that decides the work.
"""

import logging
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from memorability.base.arrays import blocks
from memorability.base.files import CHECKPOINTS, atomic
from memorability.base.hashes import settings_hash

logger = logging.getLogger(__name__)


Arrays = Mapping[str, np.ndarray]


@contextmanager
def shards_of(*decides: Any) -> Iterator[Path]:
    """Yield the directory for the shards of a job, which is removed when the block ends well.

    Parameters
    ----------
    decides
        Everything that decides the results: settings, code, hashes of the inputs, arithmetic.
    """
    directory = CHECKPOINTS / f"shards-{settings_hash(decides)}"
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def shards_left(directory: Path, count: int, size: int) -> int:
    """Return how many of `count` items are in no shard yet; see `in_shards`."""
    return sum(
        items.stop - items.start
        for items in blocks(count, size)
        if not _path(directory, items).exists()
    )


def in_shards(
    directory: Path,
    count: int,
    size: int,
    compute: Callable[[slice], Arrays],
) -> Iterator[tuple[slice, Arrays]]:
    """Yield the results of `count` items in order, `size` at a time, from disk where they are there.

    Parameters
    ----------
    directory
        Holds one .npz file per shard, which appears whole.
    count, size
        Items in all, at least 1, and in a shard, at least 1.
    compute
        Called with a slice of items; returns arrays by name, none of dtype object.

    Yields
    ------
    tuple
        The slice of items, and its arrays.

    Raises
    ------
    InputError
        If a shard cannot be written.
    """
    found = 0
    for items in blocks(count, size):
        path = _path(directory, items)
        arrays = _read(path)
        if arrays is None:
            arrays = compute(items)
            with atomic(path) as temporary, temporary.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
        else:
            found += items.stop - items.start
        yield items, arrays
    if found:
        logger.info("%d of %d were there from an earlier job.", found, count)


def _path(directory: Path, items: slice) -> Path:
    return directory / f"{items.start:08d}-{items.stop:08d}.npz"


def _read(path: Path) -> Arrays | None:
    """Return the arrays of a shard; None where there is none, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)  # reads all, against the checksums of the zip file
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        logger.warning("The shard %s is damaged: it is made again.", path)
        return None
