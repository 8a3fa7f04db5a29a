"""Memorability from all image features together: how well they predict, and how much each is used.

Features go together, and with categories. A feature that correlates with memorability may only stand
for another one, or for what an image shows. Here one model knows them all. What one of them adds to the
others is in `memorability.analysis.incremental`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from memorability.analysis.correlations import CorrelationSettings
from memorability.analysis.gathering import MODEL_KEYS, from_features, wide_features
from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream, stream_seed
from memorability.prediction.label_baselines import BASELINES, label_baselines
from memorability.prediction.metrics import bootstrap_metrics
from memorability.statistics.decomposition import correlate
from memorability.statistics.inference import Units
from memorability.statistics.intervals import Bootstrap, percentile_interval, resampled_means

LABELS = ("category", "subcategory")
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Of ridge regression, per training image, on standardised inputs."""

TREES = (30, 100, 300)
"""Numbers of boosted trees."""

PERMUTATIONS = 20
_FOLDS = 5
JOINT = "features_and_labels"
"""The head that knows all."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureModel:
    """What the features tell together, measured on test images.

    Attributes
    ----------
    metrics, gains
        The tables `prediction_metrics` and `prediction_gains`; heads are `category_mean`,
        `subcategory_mean`, `labels_alone`, `features_alone` and `features_and_labels`.
    importance
        The table `feature_importance`.
    """

    metrics: pd.DataFrame
    gains: pd.DataFrame
    importance: pd.DataFrame


def model_features(
    features: pd.DataFrame,
    images: pd.DataFrame,
    bootstrap: Bootstrap,
) -> FeatureModel:
    """Predict the scores of test images from all features of Table 2, from labels, and from both.

    Training images alone fit scales, means of labels, weights and trees. The validation images choose,
    for each set of inputs, among ridge regression and gradient-boosted trees and their settings. Labels
    enter as their training images' mean scores, shrunk, and estimated for a training image from folds
    that lack it (scikit-learn's TargetEncoder), so that no image's own score is among its inputs.

    Parameters
    ----------
    features
        The table of this name.
    images
        The image table with the column split, see `memorability.data.splits.with_split`.
    bootstrap
        Over the test images, see `memorability.prediction.metrics`; its seed is also that of folds,
        trees and permutations.

    Raises
    ------
    InputError
        If there are fewer than two training images, or no validation or test images.
    """
    images = images.reset_index(drop=True)
    parts = images["split"].to_numpy()
    counts = {part: int((parts == part).sum()) for part in ("train", "validation", "test")}
    if counts["train"] < 2 or not counts["validation"] or not counts["test"]:
        raise InputError(
            f"The split leaves {counts['train']} images to train a model of features, "
            f"{counts['validation']} to validate and {counts['test']} to test it. Expected at least 2, "
            "1 and 1: use more images, or larger shares in prediction.split."
        )
    inputs = _inputs(features, images)
    names = [str(name) for name in inputs if name not in LABELS]
    scores = images["score"].to_numpy(dtype=np.float64)
    table, test = _Table(inputs, scores, parts, bootstrap.seed), parts == "test"
    columns: dict[str, list[str]] = {
        "labels_alone": [*LABELS],
        "features_alone": names,
        JOINT: [*names, *LABELS],
    }
    chosen = {head: table.best(wanted) for head, wanted in columns.items()}
    part_of = pd.Series(parts, index=images["image_id"])
    means = label_baselines(images, part_of)[[*BASELINES]]
    predicted = {name: means[name].to_numpy()[test] for name in BASELINES} | {
        head: np.asarray(model.predict(inputs[test])) for head, (model, _) in chosen.items()
    }
    measured = bootstrap_metrics(
        predicted,
        scores[test],
        threshold=float(np.median(scores[parts == "train"])),
        bootstrap=bootstrap,
        units=Units.of(
            images["category"].to_numpy(dtype=str)[test],
            images["subcategory"].to_numpy(dtype=str)[test],
            bootstrap,
        ),
    )
    gains = measured.gains([*BASELINES, "labels_alone"]).assign(group="all")
    importance = permutation_importance(
        chosen[JOINT][0], inputs[test], scores[test], names, bootstrap
    ).assign(model=chosen[JOINT][1])
    return FeatureModel(measured.table(), gains, importance)


def permutation_importance(
    model: Any,
    inputs: pd.DataFrame,
    scores: FloatArray,
    names: list[str],
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Measure how much worse a model predicts when one feature is shuffled within each category.

    A feature keeps what its category says of it, so that only what it says beyond is lost. This is how
    much the model uses the feature. It is not what the feature adds: of two that say the same, a model
    may use both, and lose by either.

    Parameters
    ----------
    model
        Fitted, with a method `predict`.
    inputs
        (N rows) of images that the model has not seen: the features and category.
    scores
        (N,).
    names
        Features to shuffle.
    bootstrap
        Over the images, given the model and its permutations; its seed is also theirs.

    Returns
    -------
    pandas.DataFrame
        feature, importance (mean increase of the squared error over 20 permutations, as a share of the
        variance of the scores: by how much R² falls; missing where scores are constant), ci_low,
        ci_high, n (images).
    """
    generator = numpy_stream(bootstrap.seed, "feature permutations")
    error = np.square(scores - model.predict(inputs))
    variance = scores.var() or np.nan
    count = len(scores)
    many = inputs.loc[inputs.index.repeat(PERMUTATIONS)]
    # What each image loses by each feature.
    lost = np.empty((count, len(names)))
    for place, name in enumerate(names):
        values = [_shuffled(inputs, name, generator) for _ in range(PERMUTATIONS)]
        predicted = model.predict(many.assign(**{name: np.stack(values, axis=1).ravel()}))
        errors = np.square(scores[:, np.newaxis] - predicted.reshape(count, PERMUTATIONS))
        # The differences first: a feature that changes no prediction loses exactly nothing.
        lost[:, place] = (errors - error[:, np.newaxis]).mean(axis=1) / variance
    intervals = [
        percentile_interval(drawn, bootstrap.confidence)
        for drawn in resampled_means(lost, bootstrap).T
    ]
    return pd.DataFrame(
        {
            "feature": names,
            "importance": lost.mean(axis=0),
            "ci_low": [interval.low for interval in intervals],
            "ci_high": [interval.high for interval in intervals],
            "n": count,
        }
    )


def _shuffled(inputs: pd.DataFrame, name: str, generator: np.random.Generator) -> FloatArray:
    values = inputs[name].to_numpy(dtype=np.float64).copy()
    for places in inputs.groupby("category").indices.values():
        values[places] = generator.permutation(values[places])
    return values


def _inputs(features: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return features of Table 2 and labels of each image, in the order of `images`."""
    wide = wide_features(features).loc[images["image_id"]]
    labels = images[[*LABELS]].assign(subcategory=images["category"] + "/" + images["subcategory"])
    return pd.concat([wide.reset_index(drop=True), labels], axis=1)


@dataclass(frozen=True)
class _Table:
    """Inputs (N rows), scores (N,) and parts (N,) of all images, and the seed of what is drawn."""

    inputs: pd.DataFrame
    scores: FloatArray
    parts: NDArray[Any]
    seed: int

    def best(self, columns: list[str]) -> tuple[Pipeline, str]:
        """Return the model of least error on the validation images, fitted on training, in words."""
        train, validation = self.parts == "train", self.parts == "validation"
        found = []
        for name, model in self._candidates(columns, int(train.sum())):
            model.fit(self.inputs[train], self.scores[train])
            predicted = model.predict(self.inputs[validation])
            error = float(np.mean(np.square(self.scores[validation] - predicted)))
            found.append((error, name, model))
        _, name, model = min(found, key=lambda each: each[0])
        return model, name

    def _candidates(self, columns: list[str], count: int) -> list[tuple[str, Pipeline]]:
        state = stream_seed(self.seed, "model of features") % 2**32
        # A single mean stands for each label, whatever the number of labels.
        folds = KFold(min(_FOLDS, count), shuffle=True, random_state=state)
        encoder = TargetEncoder(target_type="continuous", cv=folds)
        labels = [column for column in columns if column in LABELS]
        parts = [("labels", encoder, labels)] if labels else []

        def gathered() -> ColumnTransformer:
            rest = [column for column in columns if column not in LABELS]
            return ColumnTransformer([*parts, ("features", "passthrough", rest)])

        ridge = [
            (
                "ridge regression",
                make_pipeline(gathered(), StandardScaler(), Ridge(penalty * count)),
            )
            for penalty in PENALTIES
        ]
        boosted = [
            (
                "gradient-boosted trees",
                make_pipeline(
                    gathered(),
                    HistGradientBoostingRegressor(
                        learning_rate=0.05, max_iter=trees, max_leaf_nodes=8,
                        early_stopping=False, random_state=state,
                    ),
                ),
            )
            for trees in TREES
        ]  # fmt: skip
        return ridge + boosted


def correlate_tested(
    features: pd.DataFrame,
    images: pd.DataFrame,
    split: pd.DataFrame | None,
    settings: CorrelationSettings,
) -> pd.DataFrame | None:
    """Correlate every feature of Table 2 with memorability on the test images alone.

    Parameters
    ----------
    features, images
        The tables of these names.
    split
        Columns image_id and split, as in the table `predictions`; None where there is none.
    settings
        See `memorability.analysis.correlations.CorrelationSettings`.

    Returns
    -------
    pandas.DataFrame or None
        The keys of quantities (see `memorability.analysis.gathering`), selected, and the columns of
        `correlate`; None without features or a split.
    """
    if split is None or features.empty:
        return None
    tested = images[images["image_id"].isin(split.loc[split["split"] == "test", "image_id"])]
    values = from_features(features)
    values = values[values["image_id"].isin(tested["image_id"])]
    by_feature = [group for _, group in values.groupby("metric", sort=False)]
    found = correlate(by_feature, tested, target=settings.target, bootstrap=settings.bootstrap)
    parts = [
        part.assign(**{key: group[key].iloc[0] for key in MODEL_KEYS}, selected=True)
        for group, part in zip(by_feature, found, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)
