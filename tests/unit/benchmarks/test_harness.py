"""Timings are paired, and memory is that of a process of its own."""

import time

import numpy as np
import pytest

from benchmarks.harness import Timing, paired, peak_memory_mb, repeated


def allocate(megabytes: int) -> None:
    np.ones(megabytes * 1_000_000, dtype=np.uint8)


def fail() -> None:
    raise SystemExit(3)


def test_pairs_are_timed_in_turn_after_the_warmup() -> None:
    calls: list[str] = []
    ours, other, speedup = paired(
        lambda: calls.append("ours"), lambda: calls.append("other"), runs=3, warmup=2
    )
    assert calls == ["ours", "other"] * 5
    assert len(ours.values) == len(other.values) == len(speedup.values) == 3


def test_the_speedup_is_the_ratio_of_neighbours() -> None:
    ours, other, speedup = paired(
        lambda: time.sleep(0.01), lambda: time.sleep(0.04), runs=3, warmup=0
    )
    assert min(ours.values) >= 0.01
    assert min(other.values) >= 0.04
    assert speedup.values == tuple(b / a for a, b in zip(ours.values, other.values, strict=True))
    assert len(repeated(lambda: None, runs=4).values) == 4


def test_a_timing_reads_as_median_and_range() -> None:
    assert str(Timing((3.0, 1.0, 2.0))) == "2 (1–3)"


def test_memory_is_that_of_the_call() -> None:
    small, large = peak_memory_mb(allocate, 1), peak_memory_mb(allocate, 401)
    assert 390 < large - small < 450


def test_a_call_that_fails_has_no_memory() -> None:
    with pytest.raises(RuntimeError, match="fail failed with exit status 3"):
        peak_memory_mb(fail)
