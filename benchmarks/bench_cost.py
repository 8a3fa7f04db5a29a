"""The arithmetic of a fine-tuning step, this machine's peak, and the share of it that a step reaches.

Multiply-adds and bytes are counted layer by layer (benchmarks/arithmetic.py). The peak is the best of
matrix products of 4,096 × 4,096. *Ours* is a step at full width and 224 × 224 pixels as a run of the
workflow makes it, with one thread; its share is that of the peak of one thread in the same precision.
The profile divides a step of the loss mse by what its operations are for (torch.profiler). Weights are
random.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.arithmetic import Work, autoencoder_layers, loss_work, training_step
from benchmarks.bench_finetuning import made_loss, settings
from benchmarks.harness import Row, Timing, repeated
from memorability.autoencoder.architecture import Architecture, initial_autoencoder
from memorability.autoencoder.finetuning import train_step
from memorability.autoencoder.stored_targets import open_targets, write_targets
from memorability.base.seeding import make_deterministic
from memorability.images.pixels import to_unit_range
from memorability.networks.adam import Adam
from memorability.networks.computing import DTYPES, place
from memorability.networks.losses import NetworkLoss

SIDE = 4096
LOSSES = ("mse", "ms_ssim", "lpips_squeeze", "lpips_alex", "lpips_vgg", "style")
LEAST_SHARE = 0.75  # of the fp32 peak, that is asked for
STEPS = 3
# What operations are for -> parts of their names; the first that fits counts.
KINDS = {
    "convolutions": ("conv",),
    "batch normalisation": ("batch_norm",),
    "ReLU and pooling": ("relu", "clamp_min", "threshold", "max_pool"),
    "optimiser": ("adam",),
    "copies and layout": ("copy", "contiguous", "clone", "empty", "resize", "fill", "zero"),
}


def rows() -> list[Row]:
    """Return peaks, then a step of each loss and precision, then profiles."""
    make_deterministic(threads=1)
    peaks, found = {}, []
    for precision in DTYPES:
        for threads in (1, 2):
            peaks[precision, threads], row = matrix_peak(precision, threads)
            found.append(row)
    torch.set_num_threads(1)
    for precision in DTYPES:
        found += _shares(precision, peaks[precision, 1])
    return [*found, *map(_profile, DTYPES)]


def kind_of(operation: str) -> str:
    """Return what an operation of PyTorch is for."""
    name = operation.lower()
    fitting = (kind for kind, words in KINDS.items() if any(word in name for word in words))
    return next(fitting, "other")


def matrix_peak(precision: str, threads: int) -> tuple[float, Row]:
    """Return operations per second of a matrix product, and its row."""
    torch.set_num_threads(threads)
    first, second = (torch.rand(SIDE, SIDE, dtype=DTYPES[precision]) for _ in range(2))
    took = repeated(lambda: first @ second)
    best = 2 * SIDE**3 / min(took.values)
    what = f"matrix product, {precision}, {threads} thread{'s' * (threads > 1)}"
    return best, Row(what, took, agreement=f"{best / 1e9:.0f} GFLOP/s at best")


class Step:
    """A fine-tuning step of the workflow, ready to be made again and again.

    Parameters
    ----------
    loss, precision
        As in a study.
    stored
        Whether targets are read from a file, where the loss has some.
    channels_last, adam, compiled
        How the workflow computes it, or would: memory layout, optimiser, torch.compile.
    """

    def __init__(
        self,
        loss: str,
        precision: str,
        *,
        stored: bool = False,
        channels_last: bool = True,
        adam: Callable[[nn.Module, float], torch.optim.Optimizer] = Adam,
        compiled: bool = False,
    ) -> None:
        chosen = settings(loss, precision)
        self.model = initial_autoencoder(0, Architecture()).train()
        self.model.precision = precision
        self.loss: nn.Module = made_loss(chosen)
        if channels_last:
            place(self.model, "cpu")
        else:
            self.loss.to(memory_format=torch.contiguous_format)
        self.optimizer = adam(self.model, chosen.learning_rate)
        pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 224, 224), dtype=np.uint8)
        self.image = to_unit_range(pixels, "cpu")
        self.targets = None
        if stored:
            assert isinstance(self.loss, NetworkLoss)
            self.folder = tempfile.TemporaryDirectory()
            file = Path(self.folder.name) / "targets.npy"
            write_targets(self.loss, pixels, file, device="cpu")
            self.targets = open_targets(file, self.loss, pixels, device="cpu")
        self.network: nn.Module = torch.compile(self.model) if compiled else self.model
        if compiled:
            self.loss = torch.compile(self.loss)

    def __call__(self) -> None:
        """Make one."""
        described = self.targets(0) if self.targets else None
        train_step(self.network, self.loss, self.optimizer, self.image, described)

    @property
    def work(self) -> Work:
        """What it costs on any machine."""
        return training_step(autoencoder_layers(self.model), loss_work(self.loss))


def _shares(precision: str, peak: float) -> list[Row]:
    found: list[Row] = []
    for loss in LOSSES:
        step = Step(loss, precision)
        took, work = repeated(step, runs=STEPS), step.work
        rate = work.flops / took.median
        remark = (
            f"{work.multiply_adds / 1e9:.1f} G multiply-adds, "
            f"{work.bytes(precision) / 1e9:.1f} GB moved at least; "
            f"{rate / 1e9:.0f} GFLOP/s, {rate / peak:.0%} of the peak"
        )
        asked = precision == "fp32"
        target = f"at least {LEAST_SHARE:.0%} of the peak" if asked else ""
        met = rate / peak >= LEAST_SHARE if asked else None
        what = f"a step, {loss}, {precision}"
        found.append(Row(what, took, target=target, met=met, agreement=remark))
    return found


def _profile(precision: str) -> Row:
    """Return how the time of a step divides."""
    step = Step("mse", precision)
    step()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(STEPS):
            step()
    spent: dict[str, float] = defaultdict(float)
    for event in profiled.key_averages():
        spent[kind_of(event.key)] += event.self_cpu_time_total / 1e6 / STEPS
    whole = sum(spent.values())
    shares = sorted(spent.items(), key=lambda item: item[1], reverse=True)
    remark = ", ".join(f"{kind} {seconds / whole:.1%}" for kind, seconds in shares)
    return Row(f"profile of a step, mse, {precision}", Timing((whole,)), agreement=remark)
