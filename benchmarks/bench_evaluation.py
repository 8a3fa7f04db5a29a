"""A model under all eight metrics at full width and 224 × 224 pixels, and the start of a job.

The straightforward loop goes through the images once per metric, as the published scripts do: it opens
and resizes the JPEG file, reconstructs it in PyTorch's own memory layout and asks the packages of the
metrics. Ours reconstructs each image once (memorability/autoencoder/cross_metrics.py). Each side
has one thread; all weights are random.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import lpips
import numpy as np
import torch
from PIL import Image
from pytorch_msssim import ms_ssim, ssim
from torch import Tensor
from torch.nn import functional
from torchvision.models import vgg16
from torchvision.transforms import v2

from benchmarks.bench_finetuning import crops, prepared, settings
from benchmarks.harness import Row, paired, repeated
from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.autoencoder.cross_metrics import MetricSettings, make_metrics, measure_metrics
from memorability.base.seeding import make_deterministic
from memorability.networks.catalogue import LOSSES
from memorability.networks.computing import place

IMAGES = 4
JOBS = {
    "fine-tuning": "memorability.autoencoder.finetuning",
    "prediction": "memorability.prediction.predicting",
    "correlations": "memorability.analysis.correlations",
    "figures": "memorability.report.figures.style",
}
"""Kinds of jobs, and the module that takes longest to import in each."""
AGREEMENT = "values are tested against the same packages (tests/unit/test_losses.py)"
Error = Callable[[Tensor, Tensor], Tensor]


def rows() -> list[Row]:
    """Time the evaluation of a model, in both precisions, and the start of jobs."""
    make_deterministic(threads=1)
    photographs = crops(IMAGES)
    starts = [_start(kind, module) for kind, module in JOBS.items()]
    return [_evaluation(precision, photographs) for precision in ("fp32", "bf16")] + starts


def straightforward_errors() -> dict[str, Error]:
    """Return an error of each metric from the package that offers it."""
    networks: dict[str, Error] = {
        f"lpips_{net}": partial(
            lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False), normalize=True
        )
        for net in ("squeeze", "vgg", "alex")
    }
    features = vgg16(weights=None).features.eval()

    def style(one: Tensor, other: Tensor) -> Tensor:
        error = torch.zeros(())
        for layer in features:
            one, other = layer(one), layer(other)
            if isinstance(layer, torch.nn.MaxPool2d):
                grams = [maps.flatten(2) @ maps.flatten(2).mT for maps in (one, other)]
                error = error + functional.mse_loss(grams[0], grams[1])
        return error

    return networks | {
        "mse": functional.mse_loss,
        "mae": functional.l1_loss,
        "ssim": partial(ssim, data_range=1.0),
        "ms_ssim": partial(ms_ssim, data_range=1.0),
        "style": style,
    }


@torch.no_grad()
def straightforward_loop(model: Autoencoder, errors: dict[str, Error], files: list[Path]) -> None:
    """Go through all images once per metric."""
    transform = v2.Compose(
        [v2.Resize((224, 224)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    )
    for error in errors.values():
        for file in files:
            image = transform(Image.open(file).convert("RGB")).unsqueeze(0)
            error(image, model(image)).item()


def _evaluation(precision: str, photographs: list[np.ndarray]) -> Row:
    model = initial_autoencoder(0, Architecture()).eval()
    run = settings("mse", precision)
    chosen = MetricSettings(
        losses=tuple(replace(run.loss, name=loss) for loss in LOSSES),
        sign="distance",
        compute=run.compute,
    )
    metrics, pixels = make_metrics(chosen, "cpu"), prepared(photographs)
    ids = [str(number) for number in range(len(pixels))]
    placed = place(initial_autoencoder(0, Architecture()).eval(), "cpu")
    placed.precision = precision
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / f"{number}.jpg" for number in ids]
        for one, file in zip(photographs, files, strict=True):
            Image.fromarray(one).save(file, quality=90)
        others = straightforward_errors()
        ours, other, speedup = paired(
            lambda: measure_metrics(placed, metrics, pixels, ids, device="cpu"),
            lambda: straightforward_loop(model, others, files),
        )
    met = speedup.median >= 3
    what = f"{len(metrics)} metrics of {len(pixels)} images, {precision}"
    return Row(what, ours, other, speedup, "at least 3 ×", met, AGREEMENT)


def _start(kind: str, module: str) -> Row:
    command = [sys.executable, "-c", f"import {module}"]
    ours = repeated(lambda: subprocess.run(command, check=True, cwd=Path(__file__).parents[1]))
    met = ours.median < 3
    return Row(f"start of a job of {kind}: import {module}", ours, None, None, "under 3 s", met)
