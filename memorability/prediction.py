"""Predicting memorability from latents: training, metrics, a label-only baseline.

Only training images fit anything, validation images only decide when training stops, and test
images are only ever predicted.
"""

import copy
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import save
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import mse_loss

from memorability.errors import InputError
from memorability.models.predictor import Predictor
from memorability.seeding import numpy_stream, stream_seed, torch_stream
from memorability.splits import PARTS, check_images, official_split, split_images

_ROWS_PER_BLOCK = 256  # 25 MB of the published latents

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class PredictorSettings:
    """Architecture and training of the predictor; the defaults are the published best model.

    Parameters
    ----------
    hidden
        Width of each hidden layer, at least one layer, each width at least 1.
    learning_rate
        AdamW's learning rate, positive.
    batch_size
        Images per step, at least 1.
    dropout
        Probability of dropping a hidden value, in [0, 1).
    weight_decay
        AdamW's decoupled weight decay, at least 0.
    patience
        Epochs without a lower validation loss after which training stops, at least 1.
    max_epochs
        Most epochs to train, at least 1. The paper does not give it; its best model took 23.

    Raises
    ------
    ValueError
        If a setting lies outside its range.

    Notes
    -----
    Source: "Memorability behavior can be predicted from the autoencoder latent representation".
    """

    hidden: tuple[int, ...] = (1024, 512)
    learning_rate: float = 5e-5
    batch_size: int = 8
    dropout: float = 0.3
    weight_decay: float = 0.01
    patience: int = 5
    max_epochs: int = 50

    def __post_init__(self) -> None:
        allowed = {
            "hidden": bool(self.hidden) and min(self.hidden) >= 1,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "batch_size": self.batch_size >= 1,
            "dropout": 0 <= self.dropout < 1,
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "patience": self.patience >= 1,
            "max_epochs": self.max_epochs >= 1,
        }
        for name, valid in allowed.items():
            if not valid:
                raise ValueError(
                    f"The predictor's {name} is {getattr(self, name)!r}. Expected a value in the "
                    "range that PredictorSettings documents. Correct the setting."
                )


@dataclass(frozen=True)
class TrainedPredictor:
    """A trained predictor with the standardisation of its latents.

    Parameters
    ----------
    model
        Network with the weights of the epoch of lowest validation loss, in evaluation mode.
    latent_mean
        Mean of each latent value over the training images, (D,), float32.
    latent_sd
        Standard deviation (divisor N) of each latent value over the training images, (D,),
        float32; 1 where the training images do not vary.
    history
        (epoch, training loss, validation loss) of each epoch, 1-based, mean squared errors in
        squared units of the score. The training loss is taken with dropout, during the epoch.
    """

    model: Predictor
    latent_mean: torch.Tensor
    latent_sd: torch.Tensor
    history: list[tuple[int, float, float]]

    def score(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the predicted score of raw latents, differentiably.

        Parameters
        ----------
        latents
            Latents as the encoder gives them, (N, D), float32.

        Returns
        -------
        torch.Tensor
            Predicted scores, (N,), float32, unbounded, in units of the training scores.
        """
        return cast("torch.Tensor", self.model((latents - self.latent_mean) / self.latent_sd))

    def to(self, device: str) -> "TrainedPredictor":
        """Return the predictor with its tensors on `device`."""
        moved = (self.latent_mean.to(device), self.latent_sd.to(device))
        return TrainedPredictor(self.model.to(device), *moved, self.history)


def _no_report(epoch: int, train_loss: float, validation_loss: float) -> None:
    """Ignore the losses of an epoch."""


def train_predictor(
    latents: npt.NDArray[np.float32],
    scores: Floats,
    split: npt.NDArray[Any],
    *,
    settings: PredictorSettings,
    seed: int,
    on_epoch: Callable[[int, float, float], object] = _no_report,
) -> TrainedPredictor:
    """Train the predictor with AdamW on mean squared error, stopping early.

    Initial weights, dropout and batch order come from named streams of `seed`, so training is
    bit-reproducible on a CPU with a fixed number of threads. Neither latents nor scores of test
    rows are read.

    Parameters
    ----------
    latents
        Latents, (N, D), float32, in memory or memory-mapped; rows are read batch by batch.
    scores
        Memorability scores, (N,), in the row order of `latents`.
    split
        "train", "validation" or "test", (N,) of str, in the row order of `latents`.
    settings
        Architecture and training.
    seed
        Seed of the study.
    on_epoch
        Called after every epoch with its 1-based number, training loss and validation loss.

    Returns
    -------
    TrainedPredictor
        The weights of the epoch of lowest validation loss, with standardisation and history.

    Raises
    ------
    ValueError
        If the arrays do not fit together, training or validation rows are missing or not finite,
        or a loss is not finite.

    Notes
    -----
    Source: "Memorability prediction using autoencoder latent space representations" (AdamW, early
    stopping on validation loss). The paper does not name the loss; mean squared error is that of
    the authors' released code.
    """
    train, validation = _fitting_rows(latents, scores, split)
    mean, sd = _training_moments(latents, train)
    model = Predictor(latents.shape[1], hidden=settings.hidden, dropout=settings.dropout, seed=seed)
    trained = TrainedPredictor(model, mean, sd, history=[])
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    order = torch_stream(seed, "predictor order")
    best_loss, best_epoch, best_weights = math.inf, 0, model.state_dict()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(seed, "predictor dropout"))
        for epoch in range(1, settings.max_epochs + 1):
            rows = train[torch.randperm(len(train), generator=order).numpy()]
            batches = [
                rows[start : start + settings.batch_size]
                for start in range(0, len(rows), settings.batch_size)
            ]
            train_loss = _train_epoch(trained, optimiser, latents, scores, batches)
            predicted = predict(trained, latents[validation])
            validation_loss = float(np.mean((predicted - scores[validation]) ** 2))
            _check_losses(epoch, train_loss, validation_loss)
            trained.history.append((epoch, train_loss, validation_loss))
            on_epoch(epoch, train_loss, validation_loss)
            if validation_loss < best_loss:
                best_loss, best_epoch = validation_loss, epoch
                best_weights = copy.deepcopy(model.state_dict())
            elif epoch - best_epoch >= settings.patience:
                break
    model.load_state_dict(best_weights)
    model.eval()
    return trained


def _train_epoch(
    trained: TrainedPredictor,
    optimiser: torch.optim.Optimizer,
    latents: npt.NDArray[np.float32],
    scores: Floats,
    batches: list[npt.NDArray[np.intp]],
) -> float:
    trained.model.train()
    total = 0.0
    for rows in batches:
        target = torch.from_numpy(np.array(scores[rows], dtype=np.float32))
        loss = mse_loss(trained.score(_to_tensor(latents[rows])), target)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        total += loss.item() * len(rows)
    return total / sum(len(rows) for rows in batches)


def _fitting_rows(
    latents: npt.NDArray[np.float32], scores: Floats, split: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    if latents.ndim != 2 or scores.shape != latents.shape[:1] or split.shape != latents.shape[:1]:
        raise ValueError(
            f"Training got latents {latents.shape}, scores {scores.shape} and split {split.shape}. "
            "Expected (N, D), (N,) and (N,). Align the three by image before training."
        )
    unknown = set(split.tolist()) - set(PARTS)
    if unknown:
        raise ValueError(
            f"The split has the unknown labels {sorted(map(str, unknown))}. Expected only "
            f"{', '.join(PARTS)}. Make the split with memorability.splits."
        )
    train, validation = np.flatnonzero(split == "train"), np.flatnonzero(split == "validation")
    if not len(train) or not len(validation):
        raise InputError(
            f"The split has {len(train)} training and {len(validation)} validation images. "
            "Expected at least one of each. Use more images or other shares in prediction.split."
        )
    if not np.isfinite(scores[np.concatenate([train, validation])]).all():
        raise ValueError(
            "Scores of training or validation images are not finite. Expected a score for every "
            "image. Drop the images without a score before the split."
        )
    return train, validation


def _check_losses(epoch: int, train_loss: float, validation_loss: float) -> None:
    if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
        raise ValueError(
            f"Epoch {epoch} of the predictor has training loss {train_loss} and validation loss "
            f"{validation_loss}. Expected finite losses. Check the latents for non-finite values, "
            "or lower the learning rate."
        )


def _training_moments(
    latents: npt.NDArray[np.float32], train: npt.NDArray[np.intp]
) -> tuple[torch.Tensor, torch.Tensor]:
    scaler = StandardScaler()
    for start in range(0, len(train), _ROWS_PER_BLOCK):
        block = latents[train[start : start + _ROWS_PER_BLOCK]]
        if not np.isfinite(block).all():
            raise ValueError(
                "Latents of training images are not finite. Expected finite values in every "
                "latent. Check the run that produced them, or choose one that did not diverge."
            )
        scaler.partial_fit(block)
    return _to_tensor(scaler.mean_), _to_tensor(scaler.scale_)


def _to_tensor(values: Floats) -> torch.Tensor:
    # torch warns when it shares a read-only memory map, hence the copy.
    return torch.from_numpy(np.array(values, dtype=np.float32))


def predict(trained: TrainedPredictor, latents: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Predict the memorability score of each latent.

    Parameters
    ----------
    trained
        A trained predictor; its model is put into evaluation mode.
    latents
        Latents as the encoder gives them, (N, D), float32, in memory or memory-mapped.

    Returns
    -------
    numpy.ndarray
        Predicted scores, (N,), float64, unbounded, in units of the training scores. A prediction
        depends on the other rows only through the rounding of float32.

    Raises
    ------
    ValueError
        If the latents are not of the shape that the predictor was trained on.
    """
    if latents.ndim != 2 or latents.shape[1] != len(trained.latent_mean):
        raise ValueError(
            f"The latents to predict from have shape {latents.shape}. Expected "
            f"(N, {len(trained.latent_mean)}), as in training. Use latents of the same run."
        )
    trained.model.eval()
    predicted = np.empty(len(latents), dtype=np.float64)
    with torch.inference_mode():
        for start in range(0, len(latents), _ROWS_PER_BLOCK):
            block = slice(start, start + _ROWS_PER_BLOCK)
            predicted[block] = trained.score(_to_tensor(latents[block])).numpy()
    return predicted


def evaluate_prediction(predicted: Floats, scores: Floats, *, threshold: float) -> dict[str, float]:
    """Compare predicted with observed scores, as ranks, as values and as two classes.

    An image is memorable (positive) when its score is at or above the threshold, and predicted to
    be memorable when its prediction is.

    Parameters
    ----------
    predicted
        Predicted scores, (N,), N at least 1, finite.
    scores
        Observed scores, (N,), finite.
    threshold
        Median score of the training images, in units of the scores.

    Returns
    -------
    dict
        roc_auc and pr_auc (average precision) of the predictions as ranking, spearman, pearson,
        mse, and accuracy, precision, sensitivity, specificity and f1 of the two classes. NaN where
        undefined: areas when the scores are of one class, correlations when predictions or scores
        are constant, and ratios whose denominator is zero.

    Raises
    ------
    ValueError
        If the arrays are empty, of different shapes or not finite.

    Notes
    -----
    Source: "Memorability behavior can be predicted from the autoencoder latent representation".
    The paper thresholds at "the median memorability score"; that of the training images keeps the
    test scores out of the definition of the classes.
    """
    _check_pairs(predicted, scores)
    positive, called = scores >= threshold, predicted >= threshold
    both_classes = positive.any() and not positive.all()
    varying = np.ptp(predicted) > 0 and np.ptp(scores) > 0
    ranks = rankdata(predicted), rankdata(scores)
    # One matrix for five ratios: scikit-learn's score functions would each count anew, per draw.
    (tn, fp), (fn, tp) = confusion_matrix(positive, called, labels=[False, True]).tolist()
    metrics = {
        "roc_auc": roc_auc_score(positive, predicted) if both_classes else math.nan,
        "pr_auc": average_precision_score(positive, predicted) if both_classes else math.nan,
        "spearman": np.corrcoef(*ranks)[0, 1] if varying else math.nan,
        "pearson": np.corrcoef(predicted, scores)[0, 1] if varying else math.nan,
        "mse": np.mean((predicted - scores) ** 2),
        "accuracy": _ratio(tp + tn, len(scores)),
        "precision": _ratio(tp, tp + fp),
        "sensitivity": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }
    return {name: float(value) for name, value in metrics.items()}


def _ratio(count: int, total: int) -> float:
    return count / total if total else math.nan


def _check_pairs(predicted: Floats, scores: Floats) -> None:
    if predicted.ndim != 1 or predicted.shape != scores.shape or not len(predicted):
        raise ValueError(
            f"Predictions have shape {predicted.shape} and scores {scores.shape}. Expected two "
            "arrays (N,) of the same images, N at least 1. Align them by image."
        )
    if not (np.isfinite(predicted).all() and np.isfinite(scores).all()):
        raise ValueError(
            "Predictions or scores to compare are not finite. Expected a finite value of both for "
            "every image. Drop the images without a score, or check the predictor."
        )


def category_mean_baseline(
    images: pd.DataFrame, split: "pd.Series[str]"
) -> npt.NDArray[np.float64]:
    """Predict every image's score from its category label alone.

    Parameters
    ----------
    images
        One row per image: image_id (unique), category, score (finite).
    split
        "train", "validation" or "test", indexed by image_id, in any order.

    Returns
    -------
    numpy.ndarray
        Mean score of the category's training images, (N,), float64, in the row order of `images`
        and in units of the score; the mean of all training images where the category has none.

    Raises
    ------
    ValueError
        If `images` is unusable, an image has no part in the split, or none is in training.
    """
    check_images(images, ["category"])
    part = images["image_id"].map(split)
    train = images[part == "train"]
    if part.isna().any() or train.empty:
        raise ValueError(
            f"The split leaves {int(part.isna().sum())} images without a part and "
            f"{len(train)} in training. Expected a part for every image and at least one training "
            "image. Make the split from the same images."
        )
    means = train.groupby("category", observed=True)["score"].mean()
    baseline = images["category"].map(means).astype(np.float64).fillna(train["score"].mean())
    return np.asarray(baseline, dtype=np.float64)


def bootstrap_metrics(
    predicted: Floats,
    scores: Floats,
    *,
    threshold: float,
    draws: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Evaluate predictions with percentile confidence intervals over images.

    Images are resampled with replacement, prediction and score together. The predictor is not
    retrained, so the intervals hold for this predictor and new images of the same kind.

    Parameters
    ----------
    predicted
        Predicted scores, (N,), N at least 1, finite.
    scores
        Observed scores, (N,), finite.
    threshold
        Median score of the training images, in units of the scores.
    draws
        Number of bootstrap samples, at least 1.
    confidence
        Coverage of the intervals, in (0, 1).
    seed
        Seed of the study.

    Returns
    -------
    pandas.DataFrame
        One row per metric of `evaluate_prediction`: metric, value, ci_low, ci_high, n (images).
        Samples in which a metric is undefined do not count towards its interval; where all are,
        the interval is NaN.

    Raises
    ------
    ValueError
        If the arrays, the number of draws or the confidence are unusable.
    """
    if draws < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"The bootstrap got {draws} draws and confidence {confidence}. Expected at least one "
            "draw and a confidence between 0 and 1. Correct the settings."
        )
    values = evaluate_prediction(predicted, scores, threshold=threshold)
    generator = numpy_stream(seed, "prediction bootstrap")
    n = len(predicted)
    samples = pd.DataFrame(
        evaluate_prediction(predicted[rows], scores[rows], threshold=threshold)
        for rows in (generator.integers(n, size=n) for _ in range(draws))
    )
    tail = (1 - confidence) / 2
    return pd.DataFrame(
        {
            "metric": list(values),
            "value": list(values.values()),
            "ci_low": samples.quantile(tail).to_numpy(),
            "ci_high": samples.quantile(1 - tail).to_numpy(),
            "n": n,
        }
    )


def predict_images(
    latent_ids: list[str],
    latents: npt.NDArray[np.float32],
    images: pd.DataFrame,
    settings: Mapping[str, Any],
    *,
    official_splits: pd.DataFrame | None = None,
    on_epoch: Callable[[], object],
) -> tuple[TrainedPredictor, pd.DataFrame, pd.DataFrame]:
    """Split the images, train on the training part and predict all of them.

    Parameters
    ----------
    latent_ids, latents
        Images (N,) and their latents (N, D), in the order of `images`.
    images
        The image table.
    settings
        split (kind: published, stratified or official; number of the official one; shares of
        train, validation and test of the stratified one), seed, and the fields of
        `PredictorSettings`.
    official_splits
        The table `official_splits`, for a split of that kind and no other. Its scores, which go with
        the split, are learned and predicted in place of those of `images`.
    on_epoch
        Called after each epoch.

    Returns
    -------
    tuple
        The predictor; the table `predictions`; the table `prediction_history`.
    """
    if latent_ids != list(images["image_id"]):
        raise InputError(
            "The latents and the image table do not name the same images in the same order. Delete "
            "both and run again."
        )
    choice, seed = settings["split"], settings["seed"]
    split = split_images(images, choice | {"seed": seed}, official_splits)
    if official_splits is not None:
        official = official_split(images, official_splits, choice["number"])
        images = images.assign(score=official["score"].to_numpy())
    choices = {field.name: settings[field.name] for field in fields(PredictorSettings)}
    trained = train_predictor(
        latents,
        images["score"].to_numpy(),
        split.to_numpy(),
        settings=PredictorSettings(**choices | {"hidden": tuple(settings["hidden"])}),
        seed=seed,
        on_epoch=lambda *_: on_epoch(),
    )
    predictions = images[["image_id", "score"]].assign(
        split=split.to_numpy(),
        predicted=predict(trained, latents),
        category_mean=category_mean_baseline(images, split),
    )
    columns = ["epoch", "train_loss", "validation_loss"]
    return trained, predictions, pd.DataFrame(trained.history, columns=columns)


def metrics_on_test_images(
    predictions: pd.DataFrame, *, draws: int, confidence: float, seed: int
) -> pd.DataFrame:
    """Measure predictions of the test images, beside the category means alone.

    Parameters
    ----------
    predictions
        The table `predictions`.
    draws, confidence, seed
        See `bootstrap_metrics`.

    Returns
    -------
    pandas.DataFrame
        The table `prediction_metrics`, heads mlp and category_mean. High and low memorability are
        told apart at the median score of the training images.
    """
    test = predictions[predictions["split"] == "test"]
    threshold = float(predictions.loc[predictions["split"] == "train", "score"].median())
    heads = {"mlp": "predicted", "category_mean": "category_mean"}
    parts = [
        bootstrap_metrics(
            test[column].to_numpy(),
            test["score"].to_numpy(),
            threshold=threshold,
            draws=draws,
            confidence=confidence,
            seed=seed,
        ).assign(head=head)
        for head, column in heads.items()
    ]
    return pd.concat(parts, ignore_index=True)


def predictor_tensors(trained: TrainedPredictor) -> dict[str, torch.Tensor]:
    """Return all tensors of a predictor by name, without its history."""
    tensors = {f"model.{key}": value for key, value in trained.model.state_dict().items()}
    return tensors | {"latent_mean": trained.latent_mean, "latent_sd": trained.latent_sd}


def rebuild_predictor(
    architecture: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> TrainedPredictor:
    """Rebuild a predictor from its architecture and what `predictor_tensors` returned."""
    model = Predictor(**{**architecture, "hidden": tuple(architecture["hidden"])}, seed=0)
    prefix = "model."
    weights = {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
    model.load_state_dict(weights)
    return TrainedPredictor(model.eval(), tensors["latent_mean"], tensors["latent_sd"], [])


def write_predictor(trained: TrainedPredictor, path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a predictor as safetensors; the header holds its architecture and a record."""
    # One key: safetensors writes several in an order of its own, and equal runs shall have equal bytes.
    header = {"architecture": trained.model.architecture, "record": record}
    # safetensors' own writer makes files that only their owner may read.
    metadata = {"memorability": json.dumps(header)}
    Path(path).write_bytes(save(predictor_tensors(trained), metadata=metadata))


def read_predictor(path: str | Path) -> TrainedPredictor:
    """Rebuild a predictor from a file of `write_predictor`, without its history."""
    with safe_open(path, framework="pt") as file:
        architecture = json.loads(file.metadata()["memorability"])["architecture"]
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    return rebuild_predictor(architecture, tensors)
