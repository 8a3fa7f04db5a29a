"""How fast this machine is at what a study spends its time on, from about half a minute of it.

On a processor the time of the processor is taken, not that of the clock: what other programs do
meanwhile does not count, as long as they leave the memory and its caches alone.
"""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

import torch
from torch import nn

from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.autoencoder.finetuning import train_step
from memorability.base.settings import from_params
from memorability.images.sizes import SIDE
from memorability.networks.adam import Adam
from memorability.networks.computing import Compute, Precision, choose_device, place
from memorability.networks.losses import LossChoice, MeanSquaredError, NetworkLoss, make_loss
from memorability.study import job_settings
from memorability.study.study import Study
from memorability.workflow.cost_figures import (
    AutoencoderSeconds,
    Calibration,
    LossSeconds,
    architecture,
)
from memorability.workflow.fingerprint import PACKAGE

CALLS = 3
ATTRIBUTED = 2  # interpolated images that pass at a time; a job has ten, of the same cost each


def random_loss(study: Study, protocol: str, loss: str) -> LossChoice:
    """Return a loss as a protocol has it, but for its weights: random ones take as long as any."""
    choice = from_params(LossChoice, job_settings.loss_choice(study, protocol, loss))
    return replace(choice, weights_file=None)


def calibrate(
    architectures: Iterable[Architecture], losses: Iterable[LossChoice], compute: Compute
) -> Calibration:
    """Time the networks of a study with random weights, which take as long as any.

    Jobs compute with `memorability.base.seeding.make_deterministic`; so must the process that calls
    this.

    Parameters
    ----------
    architectures, losses
        Of its protocols, and losses and metrics; of a study without runs there are none, and its
        jobs' start alone is timed.
    compute
        How jobs compute.
    """
    stopwatch = _Stopwatch(choose_device(compute.device), compute.threads)
    timed = {
        architecture: _time_autoencoder(stopwatch, architecture, compute.precision)
        for architecture in dict.fromkeys(architectures)
    }
    return Calibration(
        stopwatch.device,
        compute.threads,
        {architecture(asdict(choices)): seconds for choices, (seconds, _) in timed.items()},
        {loss.name: _time_loss(stopwatch, loss, compute.precision) for loss in losses},
        _time_start(),
        max((spread for _, spread in timed.values()), default=1.0),
    )


class _Stopwatch:
    """Times a call after one that is not counted."""

    def __init__(self, device: str, threads: int) -> None:
        self.device, self._threads = device, threads
        torch.set_num_threads(threads)

    def seconds(self, work: Callable[[], object]) -> tuple[float, float]:
        """Return the median of three calls, and the longest over the shortest."""
        work()
        taken = [self._once(work) for _ in range(CALLS)]
        return statistics.median(taken), max(taken) / min(taken)

    def _once(self, work: Callable[[], object]) -> float:
        if self.device == "cpu":
            started = time.process_time()
            work()
            return (time.process_time() - started) / self._threads
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - started


def _time_autoencoder(
    stopwatch: _Stopwatch, architecture: Architecture, precision: Precision
) -> tuple[AutoencoderSeconds, float]:
    model = place(initial_autoencoder(0, architecture), stopwatch.device)
    model.precision = precision
    image = _image(stopwatch.device)
    optimizer = Adam(model, 1e-6)
    loss = MeanSquaredError()
    train, spread = stopwatch.seconds(lambda: train_step(model.train(), loss, optimizer, image))
    with torch.no_grad():
        model.eval()
        reconstruct, _ = stopwatch.seconds(lambda: model(image))
        encode, _ = stopwatch.seconds(lambda: model.encode(image))
    model.requires_grad_(False)
    points = _image(stopwatch.device, ATTRIBUTED).requires_grad_(True)
    attribute, _ = stopwatch.seconds(lambda: _attribute(model, points))
    return AutoencoderSeconds(train, reconstruct, encode, attribute / ATTRIBUTED), spread


def _attribute(model: Autoencoder, points: torch.Tensor) -> None:
    torch.autograd.grad(model.encode(points).sum(), points)


def _time_loss(stopwatch: _Stopwatch, choice: LossChoice, precision: Precision) -> LossSeconds:
    loss = place(make_loss(choice, precision=precision)[0], stopwatch.device)
    image, reconstruction = _image(stopwatch.device), _image(stopwatch.device)
    describe = 0.0
    with torch.no_grad():
        if isinstance(loss, NetworkLoss):
            describe, _ = stopwatch.seconds(lambda: loss.describe(image))
        measure, _ = stopwatch.seconds(lambda: loss(image, reconstruction))
    reconstruction.requires_grad_(True)
    train, _ = stopwatch.seconds(lambda: _train(loss, image, reconstruction))
    return LossSeconds(describe, train, measure)


def _train(loss: nn.Module, image: torch.Tensor, reconstruction: torch.Tensor) -> None:
    torch.autograd.grad(loss(image, reconstruction).sum(), reconstruction)


def _image(device: str, count: int = 1) -> torch.Tensor:
    stream = torch.Generator().manual_seed(0)
    return torch.rand((count, 3, SIDE, SIDE), generator=stream).to(device)


def _time_start() -> float:
    """Return how long another Python takes to load what a fine-tuning job needs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-c",
        "import memorability.autoencoder.finetuning, memorability.tables.store",
    ]
    subprocess.run(command, cwd=PACKAGE.parent, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
