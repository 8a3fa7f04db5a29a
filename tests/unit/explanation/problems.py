"""A small autoencoder and predictor, photographs made of noise, and their tables."""

import numpy as np
import pandas as pd
import torch

from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.explanation.explaining import ExplainerSettings
from memorability.explanation.jobs import CheckSettings, ExplanationSettings
from memorability.networks.computing import Compute
from memorability.prediction.predictors.perceptron import Predictor
from memorability.prediction.predictors.trained import TrainedPredictor

SIDE = 32  # five poolings leave one value per channel
SETTINGS = ExplanationSettings(
    explainer=ExplainerSettings(
        baseline="blurred_mean", blur_kernel=3, steps=8, tolerance=0.05, seed=0
    ),
    images=6,
    show=(),
    compute=Compute(device="cpu", threads=1),
)
CHECKS = CheckSettings(
    explainer=SETTINGS.explainer, images=3, show=(), compute=SETTINGS.compute, random_draws=2
)


def small_model() -> Autoencoder:
    """Return an autoencoder of 8 latent channels whose batch normalisation is not at identity."""
    model = initial_autoencoder(0, Architecture(width=0.015625))
    generator = torch.Generator().manual_seed(1)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            with torch.no_grad():
                layer.weight.uniform_(0.5, 1.5, generator=generator)
                layer.bias.uniform_(0, 0.5, generator=generator)
                layer.running_mean.uniform_(-0.1, 0.1, generator=generator)
                layer.running_var.uniform_(0.05, 0.2, generator=generator)
    return model.eval()


def small_predictor(weight: float = 1.0) -> TrainedPredictor:
    """Return a predictor of 8 latent values; of weight 0 it ignores them."""
    model = Predictor(8, hidden=(6,), dropout=0.3, seed=0).eval()
    with torch.no_grad():
        model.layers[-1].weight.mul_(weight)
    return TrainedPredictor(model, torch.full((8,), 0.3), torch.full((8,), 0.5), history=[])


def problem(count: int = 14, test: int = 8) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """Return pixels, images and predictions; the last `test` images are for testing."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, SIDE, SIDE), dtype=np.uint8)
    images = pd.DataFrame(
        {
            "image_id": [f"image_{number:02d}" for number in range(count)],
            "category": ["animal", "food"] * (count // 2),
            "score": np.linspace(0.2, 0.9, count),
        }
    )
    parts = ["train"] * (count - test - 1) + ["validation"] + ["test"] * test
    return pixels, images, images[["image_id", "score"]].assign(split=parts, predicted=0.5)
