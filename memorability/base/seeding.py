"""All randomness of a study: named, independent streams derived from one seed.

A stream is named for what it decides ("initial weights", "order", "bootstrap"), so that drawing
more numbers for one purpose never shifts the numbers of another.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

# Jobs that only count and plot start a second sooner, and need no torch, without its import here.
if TYPE_CHECKING:
    import torch


def stream_seed(seed: int, name: str) -> int:
    """Return the 63-bit seed of the stream `name` under `seed`, the same on every platform."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def numpy_stream(seed: int, name: str) -> np.random.Generator:
    """Return a NumPy generator for the stream `name` under `seed`."""
    return np.random.default_rng(stream_seed(seed, name))


def torch_stream(seed: int, name: str) -> torch.Generator:
    """Return a CPU torch generator for the stream `name` under `seed`."""
    import torch  # noqa: PLC0415

    return torch.Generator().manual_seed(stream_seed(seed, name))


def make_deterministic(threads: int) -> None:
    """Fix the thread count; forbid nondeterministic and reduced-precision kernels in this process.

    The thread count is part of the result's bits: sums are split by thread. Memory that is freed stays
    with the process, whose next step needs as much again.

    Parameters
    ----------
    threads
        Number of CPU threads for torch, at least 1.
    """
    import torch  # noqa: PLC0415

    # cuBLAS reads this when its first handle is made; a GPU refuses deterministic mode without it.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Nothing here reads memory before it is written; to fill it all first takes a tenth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Ask the C library not to give freed memory back: clearing it anew takes 4 to 10 % of a step."""
    trim_threshold, mmap_threshold, unreached = (
        -1,
        -3,
        2**30,
    )  # names and numbers of glibc's malloc.h
    with suppress(AttributeError, OSError):  # another C library decides for itself
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, unreached)
        libc.mallopt(trim_threshold, unreached)
