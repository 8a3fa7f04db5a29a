"""Small prediction problems that several tests share."""

import numpy as np
import pandas as pd

from memorability.prediction.predictors.training import PredictorSettings, TrainingSettings

SETTINGS = TrainingSettings(
    seed=0,
    threads=1,
    predictor=PredictorSettings(
        hidden=(16,), learning_rate=1e-2, batch_size=8, dropout=0.1, patience=3, max_epochs=12
    ),
)


def study(n: int = 150, dim: int = 20) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """Return latents, image table and split in which latents tell the score, and categories too."""
    generator = np.random.default_rng(5)
    latents = (generator.normal(size=(n, dim)) * 3 + 7).astype(np.float32)
    category = np.arange(n) % 3
    signal = latents @ generator.normal(size=dim) / 3 / np.sqrt(dim)
    scores = 0.5 + 0.1 * (signal - signal.mean()) + 0.05 * category
    scores = np.clip(scores, 0, 1)
    images = pd.DataFrame(
        {
            "image_id": [f"image_{i:03d}" for i in range(n)],
            "category": np.array(["animal", "food", "sports"])[category],
            "subcategory": np.array(["a", "b"])[np.arange(n) % 2],
            "score": scores,
        }
    )
    parts = generator.choice(["train", "validation", "test"], size=n, p=[0.6, 0.15, 0.25])
    split = images[["image_id"]].assign(split=parts, score=images["score"])
    return latents, images, split
