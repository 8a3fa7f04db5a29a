"""The predictor on 10,000 latents of 25,088 values, made up, memory-mapped, as published on MemCat.

A training of 23 epochs is timed by some of its steps: 5,892 training images in batches of 8 are 737
steps an epoch, and 931 validation images are predicted after each. The straightforward training takes
one step of AdamW over all weights at once. The straightforward bootstrap calls scikit-learn and SciPy
once per resample.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from sklearn import metrics as sk

from benchmarks.harness import Row, Timing, paired, peak_memory_mb, repeated
from memorability.base.arrays import NpyWriter
from memorability.base.seeding import make_deterministic
from memorability.prediction.metrics import METRICS, bootstrap_metrics
from memorability.prediction.predictors.kernels import inner_products, predict_by_ridge
from memorability.prediction.predictors.perceptron import Predictor
from memorability.prediction.predictors.training import PredictorSettings, train_predictor
from memorability.statistics.inference import Units
from memorability.statistics.intervals import Bootstrap

IMAGES, LATENTS, STEPS = 10_000, 25_088, 40
EPOCHS, STEPS_PER_EPOCH = 23, 737
SPLIT = np.repeat(["train", "validation", "test"], [5892, 931, 3177])


def rows() -> list[Row]:
    """Time a step of training, the whole of 23 epochs, other heads and the bootstrap."""
    make_deterministic(2)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "latents.npy"
        scores = made_up(path)
        latents = np.load(path, mmap_mode="r")
        return [step(latents, scores), training(path, scores), ridge(path, scores), bootstrap()]


def made_up(path: Path) -> np.ndarray:
    """Write latents block by block, and return scores that follow them."""
    generator = np.random.default_rng(0)
    weights = generator.normal(size=LATENTS).astype(np.float32)
    signal = np.empty(IMAGES)
    with NpyWriter(path, (IMAGES, LATENTS), np.float32) as writer:
        for start in range(0, IMAGES, 500):
            block = np.maximum(generator.standard_normal((500, LATENTS), dtype=np.float32), 0)
            writer.append(block)
            signal[start : start + 500] = block @ weights
    return 0.7 + 0.1 * stats.zscore(signal + signal.std() * generator.normal(size=IMAGES))


def few_steps(latents: np.ndarray, scores: np.ndarray) -> None:
    """Train on as many images as `STEPS` batches have, and validate on 8."""
    chosen = 8 * STEPS
    parts = np.repeat(["train", "validation"], [chosen, 8])
    settings = PredictorSettings(max_epochs=1)
    train_predictor(latents[: chosen + 8], scores[: chosen + 8], parts, settings=settings, seed=0)


def textbook_steps(latents: np.ndarray, scores: np.ndarray) -> None:
    """Take the same steps with one optimiser over all weights."""
    model = Predictor(LATENTS, hidden=(1024, 512), dropout=0.3, seed=0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01)
    mean, sd = latents[: 8 * STEPS].mean(axis=0), latents[: 8 * STEPS].std(axis=0)
    for start in range(0, 8 * STEPS, 8):
        inputs = torch.from_numpy((latents[start : start + 8] - mean) / sd)
        target = torch.from_numpy(scores[start : start + 8].astype(np.float32))
        loss = torch.nn.functional.mse_loss(model(inputs), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def step(latents: np.ndarray, scores: np.ndarray) -> Row:
    """Compare steps of training."""
    ours, other, speedup = paired(
        lambda: few_steps(latents, scores), lambda: textbook_steps(latents, scores), runs=3
    )
    return Row(
        what=f"{STEPS} steps of 8 images, 2 threads, moments and initial weights included",
        ours=ours,
        other=other,
        speedup=speedup,
        agreement="the same steps to float32 rounding (tests/unit/test_prediction.py)",
    )


def train_epochs(path: Path, scores: np.ndarray, epochs: int) -> None:
    """Train for whole epochs of the published split."""
    make_deterministic(2)
    settings = PredictorSettings(max_epochs=epochs, patience=epochs)
    latents = np.load(path, mmap_mode="r")
    train_predictor(latents, scores, SPLIT, settings=settings, seed=0)


def training(path: Path, scores: np.ndarray) -> Row:
    """Time one epoch of the whole split and what stands around it."""
    one = repeated(lambda: train_epochs(path, scores, 1), runs=1, warmup=0)
    two = repeated(lambda: train_epochs(path, scores, 2), runs=1, warmup=0)
    epoch = two.median - one.median
    total = Timing((one.median + (EPOCHS - 1) * epoch,))
    resident = peak_memory_mb(train_epochs, path, scores[:], 1) / 1000
    mapped = IMAGES * LATENTS * 4 / 1e9
    beside = resident - mapped
    return Row(
        what=f"{EPOCHS} epochs of 5,892 images, 2 threads (from 1 and 2 epochs)",
        ours=total,
        target="under 10 minutes, under 3 GB beside the latents' page cache",
        met=total.median < 600 and beside < 3,
        agreement=f"{epoch:.0f} s an epoch; peak {resident:.1f} GB resident, of which the mapped "
        f"latents are up to {mapped:.1f} GB",
    )


def ridge_of_file(path: Path, scores: np.ndarray) -> None:
    """Fit ridge regression from the mapped latents."""
    make_deterministic(2)
    latents = np.load(path, mmap_mode="r")
    predict_by_ridge(inner_products(latents, scores, SPLIT), scores, 0)


def ridge(path: Path, scores: np.ndarray) -> Row:
    """Time ridge regression with its choice of the penalty."""
    return Row(
        what="ridge regression, 13 penalties in 5 folds, 2 threads",
        ours=repeated(lambda: ridge_of_file(path, scores), runs=1, warmup=0),
        agreement=f"peak {peak_memory_mb(ridge_of_file, path, scores) / 1000:.1f} GB resident",
    )


def bootstrap() -> Row:
    """Compare 200 resamples of 3,177 images with a loop over the metrics of two libraries."""
    generator = np.random.default_rng(0)
    scores = generator.random(3177)
    predicted = 0.5 * scores + 0.5 * generator.random(3177)

    def loop() -> list[list[float]]:
        return [by_libraries(predicted[rows], scores[rows]) for rows in resamples()]

    def resamples() -> np.ndarray:
        return np.random.default_rng(1).integers(3177, size=(200, 3177))

    ours, other, speedup = paired(
        lambda: bootstrap_metrics(
            {"mlp": predicted},
            scores,
            threshold=0.5,
            bootstrap=Bootstrap(200, 0.95, 0),
            units=Units(3177, None, None),
        ),
        loop,
        runs=3,
    )
    return Row(
        what="200 resamples of 10 metrics of 3,177 predictions",
        ours=ours,
        other=other,
        speedup=speedup,
        agreement="each resample within 1e-9 (tests/unit/predictions/test_metrics.py)",
    )


def by_libraries(predicted: np.ndarray, scores: np.ndarray) -> list[float]:
    """Return the metrics, in the order of `METRICS`, from scikit-learn and SciPy."""
    true, called = scores >= 0.5, predicted >= 0.5
    values = [
        sk.roc_auc_score(true, predicted),
        sk.average_precision_score(true, predicted),
        stats.spearmanr(predicted, scores).statistic,
        stats.pearsonr(predicted, scores).statistic,
        sk.mean_squared_error(scores, predicted),
        sk.accuracy_score(true, called),
        sk.precision_score(true, called),
        sk.recall_score(true, called),
        sk.recall_score(true, called, pos_label=False),
        sk.f1_score(true, called),
    ]
    assert len(values) == len(METRICS)
    return [float(value) for value in values]
