"""Fine-tuning at full width and 224 × 224 pixels: a step and an evaluation per image.

The straightforward loop opens and resizes a JPEG file at every step (DataLoader without workers), runs
in eager single precision in PyTorch's own memory layout, and asks the lpips package for distances of
both images. Each side has one thread, as a job of the workflow has; for whole machines see *split*.
Photographs are crops of those inside scikit-image; all weights are random. How far bf16 agrees with
fp32 is in *agreement*.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import lpips
import numpy as np
import pandas as pd
import skimage.data
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.harness import Row, Timing, paired, peak_memory_mb, repeated
from memorability.autoencoder.architecture import Architecture, initial_autoencoder
from memorability.autoencoder.finetuning import RunSettings, finetune
from memorability.autoencoder.stored_targets import write_targets
from memorability.base.seeding import make_deterministic
from memorability.networks.adam import Adam
from memorability.networks.computing import Precision, place
from memorability.networks.losses import NetworkLoss, make_loss
from memorability.networks.training.checkpoints import Checkpoints, TrainingState
from tests.run_settings import run_settings

TIMED = 3
"""Images of a timed run; each is trained on once and measured once."""
MANY = 10_000
RATE = 1e-4


def rows() -> list[Row]:
    """Time, compare and weigh."""
    make_deterministic(threads=1)
    photographs, found = crops(TIMED), []
    for loss, precision, least in (
        ("mse", "fp32", 1.0),
        ("lpips_vgg", "fp32", 1.15),
        ("mse", "bf16", 2.3),
        ("lpips_vgg", "bf16", 2.5),
    ):
        found.append(_against_loop(loss, precision, least, photographs))
    found += [_stored(loss, photographs) for loss in ("lpips_vgg", "style")]
    return [*found, _saving(), _memory("lpips_vgg", photographs), _growth()]


def crops(count: int, side: int = 375) -> list[np.ndarray]:
    """Return square crops (side, side, 3) uint8 of photographs inside scikit-image."""
    names = ("astronaut", "coffee", "rocket", "chelsea", "hubble_deep_field", "retina")
    sources = [getattr(skimage.data, name)() for name in names]
    stream = np.random.default_rng(0)
    chosen = []
    for number in range(count):
        source = sources[number % len(sources)]
        side_here = min(side, *source.shape[:2])
        top, left = (int(stream.integers(size - side_here + 1)) for size in source.shape[:2])
        chosen.append(source[top : top + side_here, left : left + side_here])
    return chosen


def prepared(photographs: list[np.ndarray]) -> np.ndarray:
    """Return them as the workflow's store holds them: uint8 (N, 3, 224, 224)."""
    resized = [Image.fromarray(one).resize((224, 224)) for one in photographs]
    return np.stack([np.asarray(one).transpose(2, 0, 1) for one in resized])


class StraightforwardLoop:
    """Fine-tuning on the images of a directory as one would write it first."""

    def __init__(self, loss: str, directory: Path) -> None:
        transform = v2.Compose(
            [v2.Resize((224, 224)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
        )
        self.loader = DataLoader(ImageFolder(str(directory), transform), batch_size=1)
        self.model = _autoencoder()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)
        self.network = None
        if loss == "lpips_vgg":
            self.network = lpips.LPIPS(net="vgg", pretrained=False, pnet_rand=True, verbose=False)

    def error(self, images: Tensor) -> Tensor:
        """Return the mean error () of images (N, 3, 224, 224) in [0, 1]."""
        reconstructions = self.model(images)
        if self.network is None:
            return nn.functional.mse_loss(reconstructions, images)
        distance: Tensor = self.network(images, reconstructions, normalize=True)
        return distance.mean()

    def step(self, images: Tensor) -> None:
        """Train on a batch."""
        self.optimizer.zero_grad()
        value = self.error(images)
        torch.autograd.backward(value)
        self.optimizer.step()
        value.item()

    def run(self) -> None:
        """Train on each image, then measure each."""
        self.model.train()
        for images, _ in self.loader:
            self.step(images)
        self.model.eval()
        with torch.no_grad():
            for images, _ in self.loader:
                self.error(images).item()


def straightforward_run(loss: str, directory: Path) -> None:
    """Train a new model on each image of a directory, then measure each."""
    torch.use_deterministic_algorithms(False)
    StraightforwardLoop(loss, directory).run()
    torch.use_deterministic_algorithms(True)


def write_jpegs(photographs: list[np.ndarray], directory: Path) -> None:
    """Write photographs as a directory of one class, from which torchvision reads them."""
    (directory / "all").mkdir()
    for number, one in enumerate(photographs):
        Image.fromarray(one).save(directory / "all" / f"{number}.jpg", quality=90)


def settings(loss: str, precision: Precision = "fp32", **changes: Any) -> RunSettings:
    """Return the settings of a run from random weights, at full width."""
    plain = {"loss": loss, "precision": precision, "learning_rate": RATE, "width": 1.0}
    return run_settings(**plain | changes)


def made_loss(chosen: RunSettings) -> nn.Module:
    """Return the loss of a run on the processor."""
    return place(make_loss(chosen.loss, precision=chosen.compute.precision)[0], "cpu")


def run(pixels: np.ndarray, chosen: RunSettings, **how: Any) -> pd.Series:
    """Make a run of the workflow and return its errors."""
    ids = [f"{number:05d}" for number in range(len(pixels))]
    images = pd.DataFrame({"image_id": ids, "position": range(len(ids))})
    return finetune(pixels, images, chosen, device="cpu", **how).errors["error"]


def _against_loop(loss: str, precision: str, least: float, photographs: list[np.ndarray]) -> Row:
    with tempfile.TemporaryDirectory() as name:
        write_jpegs(photographs, Path(name))
        ours, other, speedup = paired(
            partial(run, prepared(photographs), settings(loss, precision)),
            partial(straightforward_run, loss, Path(name)),
        )
    met = speedup.median >= least
    what = f"{loss}, {precision}, {len(photographs)} images"
    return Row(what, ours, other, speedup, f"at least {least:g} ×", met)


def _stored(loss: str, photographs: list[np.ndarray]) -> Row:
    pixels, chosen = prepared(photographs), settings(loss)
    module = made_loss(chosen)
    assert isinstance(module, NetworkLoss)
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "targets.npy"
        write_targets(module, pixels, file, device="cpu")
        size = file.stat().st_size / len(pixels) / 1e6
        equal = run(pixels, chosen, targets=file).equals(run(pixels, chosen))
        ours, other, speedup = paired(
            partial(run, pixels, chosen, targets=file), partial(run, pixels, chosen)
        )
    remark = f"errors {'equal to the bit' if equal else 'DIFFER'}; {size:.1f} MB of disk an image"
    what = f"{loss}, fp32, {len(pixels)} images: stored targets against targets at every step"
    return Row(what, ours, other, speedup, agreement=remark)


def _saving() -> Row:
    model = _autoencoder()
    optimizer = Adam(model, RATE)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    state = TrainingState(model, optimizer, "cpu")
    with tempfile.TemporaryDirectory() as name, Checkpoints("key", 300, Path(name)) as checkpoints:
        ours = repeated(lambda: checkpoints.save(state))
    share = ours.median / 300
    remark = f"{share:.2%} of a run at the default of one save in 300 s"
    return Row("saving the training state", ours, None, None, "under 2 %", share < 0.02, remark)


def _memory(loss: str, photographs: list[np.ndarray]) -> Row:
    started = time.perf_counter()
    peak = peak_memory_mb(run, prepared(photographs), settings(loss))
    took = Timing((time.perf_counter() - started,))
    remark = f"peak memory {peak / 1000:.2f} GB"
    what = f"{loss}, fp32: memory of a run's process, start included"
    return Row(what, took, None, None, "under 3 GB", peak < 3000, remark)


def _growth() -> Row:
    """Time each image of one long run, at a width at which 10,000 of them take minutes."""
    stamps = list(_stamps(np.broadcast_to(prepared(crops(1)), (MANY, 3, 224, 224))))
    training = np.diff(stamps[:MANY])
    first, last = np.median(training[:100]), np.median(training[-100:])
    ratio = float(last / first)
    remark = f"seconds an image, the last 100 of {MANY:,} over the first 100: {ratio:.2f}"
    what = "mse, width 1/64: an image of training, after 100 and after 10,000 images"
    ours, other = Timing((float(last),)), Timing((float(first),))
    return Row(what, ours, other, Timing((1 / ratio,)), "constant", ratio < 1.1, remark)


def _stamps(pixels: np.ndarray) -> Iterator[float]:
    stamps: list[float] = []
    note: Callable[[], object] = lambda: stamps.append(time.perf_counter())  # noqa: E731
    run(pixels, settings("mse", width=1 / 64), on_image=note)
    yield from stamps


def _autoencoder() -> nn.Module:
    return initial_autoencoder(0, Architecture())
