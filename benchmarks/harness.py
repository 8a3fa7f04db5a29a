"""Paired timings of two implementations in one process, and the memory of one in a process of its own.

The two are timed in turn, A B A B …, so that a machine whose speed drifts slows both; what is quoted
is the median of the ratios of neighbours. Each benchmark is a module of this folder with a function
`rows`, run by `benchmarks.run` in a process of its own.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Seconds of the runs of one implementation, or their ratio to those of another.

    Attributes
    ----------
    values
        One number per counted run, in the order of the runs.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The number to quote."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:.3g} ({min(self.values):.3g}–{max(self.values):.3g})"


@dataclass(frozen=True)
class Row:
    """One row of RESULTS.md.

    Attributes
    ----------
    what
        What was measured, on how much data.
    ours, other
        Seconds of our implementation and, where there is one, of the straightforward one.
    speedup
        Paired ratios other / ours.
    target
        The least speed-up, or the largest time or memory, that was asked for, in words; or empty.
    met
        Whether it was reached; None where there is no target.
    agreement
        How far the results of the two agree, or another remark that belongs to the number.
    """

    what: str
    ours: Timing
    other: Timing | None = None
    speedup: Timing | None = None
    target: str = ""
    met: bool | None = None
    agreement: str = ""


def paired(
    ours: Callable[[], Any], other: Callable[[], Any], *, runs: int = 5, warmup: int = 1
) -> tuple[Timing, Timing, Timing]:
    """Time two callables in turn.

    Parameters
    ----------
    ours, other
        Called without arguments; their results are dropped.
    runs
        Counted runs of each.
    warmup
        Runs of each before, not counted.

    Returns
    -------
    tuple
        Seconds of ours, seconds of other, and the ratios other / ours run by run.
    """
    for _ in range(warmup):
        ours()
        other()
    pairs = [(seconds(ours), seconds(other)) for _ in range(runs)]
    return (
        Timing(tuple(first for first, _ in pairs)),
        Timing(tuple(second for _, second in pairs)),
        Timing(tuple(second / first for first, second in pairs)),
    )


def repeated(ours: Callable[[], Any], *, runs: int = 5, warmup: int = 1) -> Timing:
    """Time one callable, where there is nothing to compare it with."""
    for _ in range(warmup):
        ours()
    return Timing(tuple(seconds(ours) for _ in range(runs)))


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_memory_mb(function: Callable[..., Any], *arguments: Any) -> float:
    """Return the peak resident memory, in 10^6 bytes, of a new process that makes one call.

    Parameters
    ----------
    function
        Importable by name: a new interpreter, not a copy of this process, calls it.
    arguments
        Picklable.

    Raises
    ------
    RuntimeError
        If the call fails.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        peak: float = receiver.recv()
    except EOFError:
        peak = float("nan")
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{function.__name__} failed with exit status {process.exitcode}.")
    return peak


def _measured(sender: Any, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    function(*arguments)
    # Not ru_maxrss, which a process takes over from the one that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    sender.send(int(kibibytes) * 1024 / 1e6)


def memory_row(what: str, gigabytes: float, function: Callable[..., Any], *arguments: Any) -> Row:
    """Return the row of the time and the peak memory of a new process that makes one call.

    Parameters
    ----------
    what
        What the call does.
    gigabytes
        Below which the memory is to stay, in 10^9 bytes.
    function, arguments
        See `peak_memory_mb`.
    """
    started = time.perf_counter()
    peak = peak_memory_mb(function, *arguments) / 1000
    took = Timing((time.perf_counter() - started,))
    target, remark = f"under {gigabytes:g} GB", f"peak memory {peak:.2f} GB, start included"
    return Row(f"{what}: memory", took, None, None, target, peak < gigabytes, remark)
