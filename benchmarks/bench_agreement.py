"""How far reconstruction errors in bf16 agree with those in fp32.

Runs of the workflow at full width: an epoch on 48 photographs, then the error of each. They start from
an autoencoder that was pre-trained, as in the paper, on 96 other crops of the same photographs, or from
random weights. The rank correlation r is over the 48 images; a rank correlation of errors with anything
else, such as memorability, then differs between precisions by √(2 − 2 r) at most. Timings are of single
runs.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.bench_finetuning import RATE, crops, prepared, run, settings
from benchmarks.harness import Row, Timing
from memorability.autoencoder.architecture import Architecture, write_autoencoder
from memorability.autoencoder.pretraining import PretrainingSettings, pretrain
from memorability.base.seeding import make_deterministic
from memorability.networks.computing import Compute

COMPARED = 48
"""Images whose errors are compared between precisions."""
PRETRAINED = 96
"""Images of pre-training, none of them among those that are compared."""
AGREEMENT = 0.995
"""Least rank correlation of errors in both precisions that is asked for."""
PRETRAINING = PretrainingSettings(
    images="photographs",
    resize="squash",
    architecture=Architecture(),
    epochs=4,
    batch_size=4,
    learning_rate=1e-3,
    held_out=0.1,
    seed=0,
    compute=Compute(device="cpu", threads=1, precision="bf16"),
)


def rows() -> list[Row]:
    """Compare errors in both precisions."""
    make_deterministic(threads=1)
    pixels = prepared(crops(COMPARED + PRETRAINED))
    compared, others = pixels[:COMPARED], pixels[COMPARED:]
    with tempfile.TemporaryDirectory() as name:
        start = Path(name) / "pretrained.safetensors"
        write_autoencoder(pretrain(others, PRETRAINING, device="cpu").model, start, {})
        return [
            _agreement("mse", 5e-6, start, compared),
            _agreement("mse", RATE, start, compared),
            _agreement("lpips_vgg", RATE, start, compared),
            _agreement("mse", RATE, None, compared),
        ]


def _agreement(loss: str, rate: float, start: Path | None, pixels: np.ndarray) -> Row:
    timings, errors = [], []
    for precision in ("bf16", "fp32"):
        chosen = settings(loss, precision, learning_rate=rate, previous_model=start)
        started = time.perf_counter()
        errors.append(run(pixels, chosen))
        timings.append(Timing((time.perf_counter() - started,)))
    ours, other = timings
    speedup = Timing((other.median / ours.median,))
    agreement = stats.spearmanr(*errors).statistic
    change = (errors[0] / errors[1] - 1).abs().mean()
    most = float(np.sqrt(max(2 - 2 * agreement, 0)))
    remark = (
        f"Spearman's r {agreement:.4f}, other correlations differ by {most:.3f} at most; "
        f"an error differs by {change:.2%} on average"
    )
    weights = "pre-trained" if start else "random"
    what = f"{loss}, errors of {len(pixels)} images after an epoch at {rate:g} from {weights} weights: "
    met = bool(agreement >= AGREEMENT)
    return Row(
        what + "bf16 against fp32", ours, other, speedup, f"r at least {AGREEMENT}", met, remark
    )
