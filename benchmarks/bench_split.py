"""Fine-tuning steps of a machine of two cores: how to divide it, and what that gains.

Steps at full width and 224 × 224 pixels, without evaluation. *Ours* is the workflow's default
(compute.threads: 1), two processes at the same time. The first rows compare it with one process of two
threads, the others with the straightforward loop of *finetuning*, as one would start it: one process
with two threads in eager fp32. All make the same number of steps, after one in each process that is not
counted.
"""

import multiprocessing
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import chain, repeat
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmarks.bench_cost import Step
from benchmarks.bench_finetuning import StraightforwardLoop, crops, write_jpegs
from benchmarks.harness import Row, Timing, paired
from memorability.base.seeding import make_deterministic

STEPS = 4
CORES = 2
# Loss, precision, whether targets are stored, and the least speed-up over the loop that is asked for.
COMPARED = (
    ("mse", "fp32", False, 1.15),
    ("lpips_vgg", "fp32", False, 1.3),
    ("lpips_vgg", "fp32", True, 1.3),
    ("mse", "bf16", False, 3.0),
    ("lpips_vgg", "bf16", False, 3.0),
    ("lpips_vgg", "bf16", True, 3.0),
)


def rows() -> list[Row]:
    """Compare the two ways of dividing cores, then the default with the straightforward loop."""
    ways = [_ways(loss, precision) for loss, precision, stored, _ in COMPARED if not stored]
    with tempfile.TemporaryDirectory() as name:
        write_jpegs(crops(STEPS), Path(name))
        return ways + [_against_loop(*compared, Path(name)) for compared in COMPARED]


def _ways(loss: str, precision: str) -> Row:
    with (
        _Jobs(CORES, _ours, 1, loss, precision, False) as many,
        _Jobs(1, _ours, CORES, loss, precision, False) as one,
    ):
        ours, other, speedup = _paired(many, one)
    return Row(
        what=f"{STEPS} steps, {loss}, {precision}, on two cores: two jobs of one thread, "
        "or one of two",
        ours=ours,
        other=other,
        speedup=speedup,
        target="the default is the faster way",
        met=speedup.median > 1,
        agreement=_rates(ours, other),
    )


def _against_loop(loss: str, precision: str, stored: bool, least: float, directory: Path) -> Row:
    with (
        _Jobs(CORES, _ours, 1, loss, precision, stored) as many,
        _Jobs(1, _straightforward, CORES, loss, directory) as one,
    ):
        ours, other, speedup = _paired(many, one)
    how = ", stored targets" if stored else ""
    return Row(
        what=f"{STEPS} steps, {loss}, {precision}{how}, on two cores: the default, "
        "or the straightforward loop",
        ours=ours,
        other=other,
        speedup=speedup,
        target=f"at least {least:g} ×",
        met=speedup.median >= least,
        agreement=_rates(ours, other),
    )


class _Jobs:
    """Processes that make steps when they are asked to, all at the same time.

    `make` returns what makes a step, given the arguments, inside the process.
    """

    def __init__(
        self, processes: int, make: Callable[..., Callable[[], object]], *arguments: Any
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes, self.processes = [], []
        for _ in range(processes):
            here, there = context.Pipe()
            process = context.Process(target=_job, args=(there, make, *arguments))
            process.start()
            self.pipes.append(here)
            self.processes.append(process)

    def __enter__(self) -> "_Jobs":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe, process in zip(self.pipes, self.processes, strict=True):
            pipe.send(0)
            process.join()

    def steps(self, count: int) -> None:
        """Have the processes make a number of steps together, and wait for all."""
        for pipe in self.pipes:
            pipe.send(count // len(self.pipes))
        for pipe in self.pipes:
            pipe.recv()


def _job(pipe: Connection, make: Callable[..., Callable[[], object]], *arguments: Any) -> None:
    torch.manual_seed(0)
    step = make(*arguments)
    step()
    while count := pipe.recv():
        for _ in range(count):
            step()
        pipe.send(count)


def _ours(threads: int, loss: str, precision: str, stored: bool) -> Callable[[], object]:
    make_deterministic(threads)
    return Step(loss, precision, stored=stored)


def _straightforward(threads: int, loss: str, directory: Path) -> Callable[[], object]:
    torch.set_num_threads(threads)
    loop = StraightforwardLoop(loss, directory)
    images = chain.from_iterable(repeat(loop.loader))
    return lambda: loop.step(next(images)[0])


def _paired(ours: _Jobs, other: _Jobs) -> tuple[Timing, Timing, Timing]:
    return paired(partial(ours.steps, STEPS), partial(other.steps, STEPS))


def _rates(ours: Timing, other: Timing) -> str:
    return f"{STEPS / ours.median:.2f} steps per second against {STEPS / other.median:.2f}"
