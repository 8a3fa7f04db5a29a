"""How to divide two cores among fine-tuning jobs: two jobs of one thread, or one job of two.

Steps of the workflow at full width and 224 × 224 pixels, without evaluation. *Ours* is the workflow's
default (compute.threads: 1), two processes at the same time; the other way is one process with two
threads. Both make the same number of steps, after one in each process that is not counted.
"""

import multiprocessing
from functools import partial
from multiprocessing.connection import Connection

import torch

from benchmarks.bench_cost import Step
from benchmarks.harness import Row, paired
from memorability.seeding import make_deterministic

STEPS = 4
CORES = 2


def rows() -> list[Row]:
    """Compare the two ways for two losses and both precisions."""
    chosen = [("mse", "fp32"), ("lpips_vgg", "fp32"), ("mse", "bf16"), ("lpips_vgg", "bf16")]
    return [_row(loss, precision) for loss, precision in chosen]


def _row(loss: str, precision: str) -> Row:
    with _Jobs(CORES, 1, loss, precision) as many, _Jobs(1, CORES, loss, precision) as one:
        ours, other, speedup = paired(
            partial(many.steps, STEPS // CORES), partial(one.steps, STEPS)
        )
    return Row(
        what=f"{STEPS} steps, {loss}, {precision}, on two cores",
        ours=ours,
        other=other,
        speedup=speedup,
        target="the default is the faster way",
        met=speedup.median > 1,
        agreement=f"{STEPS / ours.median:.2f} steps per second against {STEPS / other.median:.2f}",
    )


class _Jobs:
    """Processes that make steps when they are asked to, all at the same time."""

    def __init__(self, processes: int, threads: int, loss: str, precision: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes, self.processes = [], []
        for _ in range(processes):
            here, there = context.Pipe()
            process = context.Process(target=_job, args=(there, threads, loss, precision))
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
        """Have each process make a number of steps, and wait for all."""
        for pipe in self.pipes:
            pipe.send(count)
        for pipe in self.pipes:
            pipe.recv()


def _job(pipe: Connection, threads: int, loss: str, precision: str) -> None:
    make_deterministic(threads)
    torch.manual_seed(0)
    step = Step(loss, precision)
    step()
    while count := pipe.recv():
        for _ in range(count):
            step()
        pipe.send(count)
