"""What each way of computing a fine-tuning step is worth: a step with it against one without.

*Ours* has what the row names, the other has not; all else is as in the first of *cost*: full width,
224 × 224 pixels, one thread, in the memory layout and with the Adam of the workflow. torch.compile is
measured after it has compiled, which takes the seconds that the remark gives. What other
choices save is in *finetuning* (stored targets) and *split* (threads and jobs).
"""

import time
from functools import partial

import torch
from torch import nn

from benchmarks.bench_cost import Step
from benchmarks.harness import Row, paired
from memorability.base.seeding import make_deterministic

LOSSES = ("mse", "lpips_vgg")


def rows() -> list[Row]:
    """Compare a step with each choice and without it."""
    make_deterministic(threads=1)
    found = []
    for loss in LOSSES:
        found += [
            _row(f"{loss}, fp32: channels last", Step(loss, "fp32"),
                 Step(loss, "fp32", channels_last=False)),
            _row(f"{loss}: bf16", Step(loss, "bf16"), Step(loss, "fp32")),
        ]  # fmt: skip
        for precision in ("fp32", "bf16"):
            for name, fused in (("PyTorch's Adam", False), ("PyTorch's fused Adam", True)):
                what = f"{loss}, {precision}: Adam in the order of memory, against {name}"
                theirs = Step(loss, precision, adam=partial(_adam, fused=fused))
                found.append(_row(what, Step(loss, precision), theirs))
            compiled = Step(loss, precision, compiled=True)
            started = time.perf_counter()
            compiled()
            remark = f"not used; the first step took {time.perf_counter() - started:.0f} s"
            what = f"{loss}, {precision}: torch.compile"
            found.append(_row(what, compiled, Step(loss, precision), remark))
    return found


def _adam(model: nn.Module, rate: float, fused: bool) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=rate, fused=fused)


def _row(what: str, ours: Step, other: Step, remark: str = "") -> Row:
    timings = paired(ours, other)
    return Row(what, *timings, agreement=remark)
