"""What several tests need: a saved predictor of a made-up study, and a disk with little room."""

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.data.splits import SplitSettings
from memorability.images.decoding import Decoding
from memorability.prediction.predictors.trained import TrainedPredictor
from memorability.prediction.predictors.training import PredictorSettings, train_predictor
from memorability.scorer.bundle import BundleSettings, SavedPredictor, bundle

IMAGES = 60
SETTINGS = BundleSettings(
    resize="squash",
    minimum_side=1,
    decoding=Decoding(),
    score="(hits − false alarms) / responses",
    score_range=(0.0, 1.0),
    confidence=0.9,
    split=SplitSettings(
        kind="stratified", number=1, train=0.5, validation=1 / 3, test=1 / 6, seed=0
    ),
    note="Weights are random.",
)


class MadeUpStudy:
    """60 latents with scores that depend on them; 30 images to train, 20 to validate, 10 to test."""

    def __init__(self) -> None:
        stream = np.random.default_rng(8)
        self.model: Autoencoder = initial_autoencoder(0, Architecture(width=1 / 64)).eval()
        self.latents = stream.gamma(1, size=(IMAGES, self.model.latent_dim)).astype(np.float32)
        split = np.repeat(["train", "validation", "test"], (30, 20, 10))
        scores = np.clip(self.latents[:, :9].mean(axis=1) / 2, 0, 1).astype(np.float64)
        quick = PredictorSettings(hidden=(8,), learning_rate=1e-2, max_epochs=3)
        self.trained: TrainedPredictor = train_predictor(
            self.latents, scores, split, settings=quick, seed=0
        )
        self.predictions = pd.DataFrame(
            {"image_id": [f"image_{row:02d}" for row in range(IMAGES)], "split": split}
        ).assign(score=scores, predicted=stream.uniform(0.2, 0.8, IMAGES))
        # Of the ten test images nine show food: as many as 90 % need.
        categories = np.repeat(["food", "animal"], (59, 1))
        self.images = self.predictions[["image_id"]].assign(
            category=categories, subcategory=np.arange(IMAGES).astype(str)
        )

    def bundle(self, **settings: Any) -> SavedPredictor:
        """Return the predictor of the study, with changes to its settings."""
        return bundle(
            self.model,
            self.trained,
            self.latents,
            self.predictions,
            self.images,
            settings=replace(SETTINGS, **settings),
            run={
                "settings": {"loss": "mse"},
                "receipts": [{"model": "autoencoder", "source": "random"}],
                "environment": {"packages": {"torch": "2"}},
            },
            made={"study": "made_up", "configuration": "0", "code": "0", "memorability": "0.1"},
        )


@pytest.fixture(scope="session")
def made_up() -> MadeUpStudy:
    return MadeUpStudy()


@pytest.fixture(scope="session")
def saved(made_up: MadeUpStudy) -> SavedPredictor:
    return made_up.bundle()


@pytest.fixture
def files_up_to() -> Callable[[int], AbstractContextManager[None]]:
    """Let no file grow beyond so many bytes: a write fails in its middle, as on a disk that fills."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)

    return limited
