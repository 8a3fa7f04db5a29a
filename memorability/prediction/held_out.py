"""What a quantity adds to others in predicting memorability, out of sample.

Two correlations with memorability say nothing of what one quantity adds to the other. Here a model is
fitted with the quantity and without it, on some subcategories, and both predict the images of the
others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, KFold

from memorability.base.seeding import stream_seed
from memorability.statistics.inference import Inference, Runs, Units, infer
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP, Bootstrap, no_interval
from memorability.statistics.ranks import nested

FOLDS = 10
"""Parts of the subcategories, or of the images, each predicted from the others."""

PENALTIES = (1e-6, 0.001, 0.01, 0.1, 1.0)
"""Of ridge regression, per training image, on predictors of variance 1."""

LABELS = "labels"
"""Name of the block that stands for the labels of the image table."""

# Of a variance: what is left of it by rounding, and by the least penalty.
_LEAST_SHARE = 1e-8

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Block:
    """Predictors that join a model together.

    Attributes
    ----------
    name
        The quantity, or one of `LABELS` and so on. A block `LABELS` has no columns: it
        stands for the labels of the image table.
    predictors
        (options, runs, N, columns), NaN where one was not measured. Of several options, as the learning
        rates of a loss, training images choose one; they have one column. Runs differ in their seed.
    options
        Names of the options.
    keys
        What else the table says of it.
    """

    name: str
    predictors: FloatArray
    options: tuple[str, ...] = ("",)
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """Number of runs, at least 1."""
        return int(self.predictors.shape[1])

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Of which images (N,) every value is known."""
        return np.asarray(np.isfinite(self.predictors).all(axis=(0, 1, 3)))

    def of(self, images: NDArray[np.bool_]) -> "Block":
        """Return the block of some images, a mask (N,)."""
        return replace(self, predictors=self.predictors[:, :, images])


Pair = tuple[tuple[Block, ...], Block]
"""Blocks that a model has in any case, and the one that joins them."""


@dataclass(frozen=True)
class Increment:
    """What a block of predictors adds to others.

    Attributes
    ----------
    n
        Images.
    without, together
        R² out of sample, without the block and with it (mean over its runs): 1 − squared error /
        squared deviation of the scores from their mean. NaN where there is none.
    semipartial
        Semipartial correlation of a block of one column, −1 to 1, see `increments`; mean over its runs.
        NaN of several columns, and where there is none.
    found
        Interval and p of `semipartial`.
    clusters
        Number of subcategories, None where there are none.
    option
        That of the block which was chosen in most folds; "" where nothing was predicted.
    """

    n: int
    without: float
    together: float
    semipartial: float
    found: Inference
    clusters: int | None
    option: str

    @property
    def difference(self) -> float:
        """By how much R² rises with the block."""
        return self.together - self.without


class HeldOut:
    """Images of a study, divided into folds that are predicted from one another.

    Where there are ten subcategories, all images of one are in the same fold: predictions are of images
    of subcategories that the model does not know. Else folds are of images. What is held out is also
    what the bootstrap draws.

    Labels are fixed effects: the mean score of the training images with an image's label is taken off
    its score, and likewise off its predictors. Where subcategories are held out, the label is the
    category, else the subcategory, too. A label that no training image has gets the mean of all.

    Parameters
    ----------
    images
        Columns category and subcategory ("" for none), and the target; N rows.
    target
        Column of scores.
    bootstrap
        Of subcategories or images, and of seeds; its seed is also that of the folds. Resamples do not
        keep the number of each category, whose means are taken off.
    """

    def __init__(self, images: pd.DataFrame, target: str, bootstrap: Bootstrap) -> None:
        self.scores = images[target].to_numpy(dtype=np.float64)
        self.bootstrap = bootstrap
        category, subcategory = (
            images[name].to_numpy(dtype=str) for name in ("category", "subcategory")
        )
        units = Units.of(category, subcategory, bootstrap)
        self.labels = nested([category] if units.clustered else [category, subcategory])
        # Each unit is measured from means of the others with its label: as many degrees of freedom are
        # lost as there are labels, whether resamples keep their numbers or not.
        self.units = replace(units, categories=self.labels)
        self._columns: dict[tuple[Block, int, int, bool], FloatArray] = {}
        self._choices: dict[tuple[Block, int], int] = {}

    @property
    def labelled(self) -> bool:
        """Whether labels tell images apart."""
        return bool(self.labels.max(initial=0) > 0)

    @cached_property
    def why_none(self) -> str:
        """Why nothing can be predicted, in words; "" where it can."""
        if len(self.scores) < SMALLEST_BOOTSTRAP:
            return f"none (n < {SMALLEST_BOOTSTRAP})"
        return "undefined (constant values)" if np.ptp(self.scores) == 0 else ""

    @cached_property
    def folds(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Rows of the training images, and of those that are predicted, of each fold."""
        state = stream_seed(self.bootstrap.seed, "folds of increments") % 2**32
        rows, count = np.zeros((len(self.scores), 1)), min(FOLDS, self.units.drawn)
        if self.units.clustered:
            splitter = GroupKFold(count, shuffle=True, random_state=state)
            return list(splitter.split(rows, groups=self.units.subcategories))
        return list(KFold(count, shuffle=True, random_state=state).split(rows))

    def predicted(self, blocks: Sequence[Block], run: int = 0) -> FloatArray:
        """Return the score (N,) of each image as the model of the other folds predicts it.

        Parameters
        ----------
        blocks
            Whose values are known of all images; without any, the mean score is predicted.
        run
            Of a block with several.
        """
        labels = self._labels(blocks)
        predicted = np.empty(len(self.scores))
        for fold, (train, test) in enumerate(self.folds):
            mean = _label_means(self.scores, labels, train)
            predicted[test] = (mean + self._fitted(blocks, run, fold, self.scores - mean))[test]
        return predicted

    def left(self, block: Block, run: int, base: Sequence[Block]) -> FloatArray:
        """Return what the models of other folds, of `base`, miss of a block of one column (N,)."""
        labels = self._labels(base)
        left = np.empty(len(self.scores))
        for fold, (_, test) in enumerate(self.folds):
            column = self._predictors(block, run, fold, labels)[:, 0]
            left[test] = column[test] - self._fitted(base, 0, fold, column)[test]
        return left

    def option(self, block: Block, fold: int) -> int:
        """Return the option of a block with the highest correlation over the training images of a fold.

        It is the published rule for learning rates: Spearman's r, mean over runs.
        """
        if len(block.options) == 1:
            return 0
        if (block, fold) not in self._choices:
            train = self.folds[fold][0]
            target = _standard(rankdata(self.scores[train]))
            ranks = _standard(rankdata(block.predictors[:, :, train, 0], axis=-1))
            self._choices[block, fold] = int(np.argmax((ranks @ target).mean(axis=1)))
        return self._choices[block, fold]

    def r2(self, predicted: FloatArray) -> FloatArray:
        """Return R² of predicted scores (..., N)."""
        deviation = np.square(self.scores - self.scores.mean()).sum()
        return np.asarray(1 - np.square(self.scores - predicted).sum(axis=-1) / deviation)

    def semipartial(self, missed: FloatArray, left: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return semipartial correlations with the scores.

        Parameters
        ----------
        missed
            (N,) scores less what a model predicts.
        left
            (runs, N) a quantity less what the same predictors say of it.

        Returns
        -------
        tuple
            (runs,) of the images, and (runs, draws) in each resample; NaN where one is constant. Where
            the model predicts worse than the mean, what it misses stands for the scores, so that no
            correlation is beyond ±1.
        """
        scores = self.scores - self.scores.mean()
        ones = np.ones_like(scores)
        shared = [ones, scores, np.square(scores), missed, np.square(missed)]
        sums = np.stack([*shared, *left, *np.square(left), *(left * missed)], axis=1)
        units = self.units
        if units.clustered and units.subcategories is not None:
            # A subcategory is drawn as a whole: of its images the sums are enough.
            first = np.unique(units.subcategories, return_index=True)[1]
            sums = np.stack([np.bincount(units.subcategories, column) for column in sums.T], axis=1)
            units = replace(units, n=len(first), subcategories=np.arange(len(first)))
        weights = replace(units, categories=None).weights(self.bootstrap)
        drawn = [batch.T @ sums for batch in weights]
        return _semipartial(sums.sum(axis=0)[np.newaxis])[:, 0], _semipartial(np.concatenate(drawn))

    def _labels(self, blocks: Sequence[Block]) -> NDArray[np.intp]:
        """Return the labels (N,) that a model of these blocks knows."""
        known = any(block.name == LABELS for block in blocks)
        return self.labels if known else np.zeros_like(self.labels)

    def _fitted(
        self, blocks: Sequence[Block], run: int, fold: int, target: FloatArray
    ) -> FloatArray:
        """Return what a fold's model of these blocks predicts of a target (N,) without label means."""
        labels, train = self._labels(blocks), self.folds[fold][0]
        columns = [self._predictors(block, run, fold, labels) for block in blocks]
        values = np.concatenate([*columns, np.empty((len(target), 0))], axis=1)
        if not values.shape[1]:
            return np.zeros_like(target)
        model = RidgeCV(np.asarray(PENALTIES) * len(train), fit_intercept=False)
        return np.asarray(model.fit(values[train], target[train]).predict(values))

    def _predictors(
        self, block: Block, run: int, fold: int, labels: NDArray[np.intp]
    ) -> FloatArray:
        """Return the predictors (N, columns) of a block as a fold's model takes them."""
        run, labelled = min(run, block.runs - 1), bool(labels.max(initial=0) > 0)
        key = (block, run, fold, labelled)
        if key not in self._columns:
            train = self.folds[fold][0]
            made = np.empty(block.predictors.shape[2:])
            for place, column in enumerate(block.predictors[self.option(block, fold), run].T):
                scores = normal_scores(column[train], column)
                made[:, place] = scores - _label_means(scores, labels, train)
            self._columns[key] = made
        return self._columns[key]


def normal_scores(train: FloatArray, values: FloatArray) -> FloatArray:
    """Return values (m,) as normal scores: standard normal quantiles of their midranks in `train` (n,).

    Values beyond all of `train` have the scores of its ends; equal ones have equal scores.
    """
    ordered = np.sort(train)
    below = np.searchsorted(ordered, values, side="left")
    up_to = np.searchsorted(ordered, values, side="right")
    return np.asarray(ndtri((below + up_to + 1) / (2 * len(train) + 2)))


def increments(
    pairs: Sequence[Pair], images: pd.DataFrame, *, target: str, bootstrap: Bootstrap
) -> list[Increment]:
    """Return what each block adds to the blocks that it is paired with.

    How much of the variance of scores that is, models of the other folds tell: R² with the block and
    without it. Whether it is anything at all, a semipartial correlation tells: of the scores with what
    is left of the block, both less what models of the other folds, which lack the block, say of them.
    Its square is by how much R² rises, were the weights known; it has a sign, and is 0 on average where
    the block adds nothing. The rise itself is below 0 then, by what it costs to fit a weight, and
    resamples of it do not show how it would vary.

    Parameters
    ----------
    pairs
        Blocks that a model has in any case, and the one that joins them. Images that lack a value of a
        pair are left out of it.
    images
        The image table; its rows are those of the blocks.
    target
        Column of its scores.
    bootstrap
        See `HeldOut`.

    Returns
    -------
    list of Increment
        One per pair. Resamples draw images, or subcategories, with what the models miss of them; no
        model is fitted anew. Each run of a block has models of its own, and runs are drawn as well.

    Notes
    -----
    R. D. Shah and J. Peters, The hardness of conditional independence testing and the generalised
    covariance measure, Annals of Statistics 48, 2020.
    """
    scored = np.isfinite(images[target].to_numpy(dtype=np.float64))
    known = [
        np.logical_and.reduce([scored, *(each.measured for each in (*base, block))])
        for base, block in pairs
    ]
    found: dict[int, Increment] = {}
    for mask in {each.tobytes(): each for each in known}.values():
        places = [place for place, each in enumerate(known) if np.array_equal(each, mask)]
        held = HeldOut(images[mask], target, bootstrap)
        cut = {block: block.of(mask) for place in places for block in _blocks(pairs[place])}
        own = [
            (tuple(cut[each] for each in pairs[place][0]), cut[pairs[place][1]]) for place in places
        ]
        found |= zip(places, _of_images(held, own), strict=True)
    return [found[place] for place in range(len(pairs))]


def _of_images(held: HeldOut, pairs: Sequence[Pair]) -> list[Increment]:
    """Return the increments of pairs that are known of the same images."""
    n, clusters = len(held.scores), held.units.count
    if held.why_none:
        none = Inference(no_interval(held.why_none), np.nan, held.units.word)
        return [Increment(n, np.nan, np.nan, np.nan, none, clusters, "")] * len(pairs)
    without = {base: held.predicted(base) for base in dict.fromkeys(base for base, _ in pairs)}
    made = []
    for base, block in pairs:
        together = [held.predicted((*base, block), run) for run in range(block.runs)]
        chosen = [held.option(block, fold) for fold in range(len(held.folds))]
        by_run, found = _semipartial_of(held, block, base, held.scores - without[base])
        made.append(
            Increment(
                n=n,
                without=float(held.r2(without[base])),
                together=float(held.r2(np.stack(together)).mean()),
                semipartial=by_run,
                found=found,
                clusters=clusters,
                option=block.options[np.bincount(chosen).argmax()],
            )
        )
    return made


def _semipartial_of(
    held: HeldOut, block: Block, base: Sequence[Block], missed: FloatArray
) -> tuple[float, Inference]:
    """Return the semipartial correlation of a block, mean over runs, and its inference."""
    if block.predictors.shape[-1] != 1:
        why = no_interval("none (several predictors)")
        return np.nan, Inference(why, np.nan, held.units.word)
    left = np.stack([held.left(block, run, base) for run in range(block.runs)])
    by_run, drawn = held.semipartial(missed, left)
    if np.isnan(by_run).any() or (left.var(axis=1) < _LEAST_SHARE).any():
        why = no_interval("undefined (it follows from the others)")
        return np.nan, Inference(why, np.nan, held.units.word)
    return float(by_run.mean()), infer([Runs(by_run, drawn)], held.units, held.bootstrap)


def _semipartial(sums: FloatArray) -> FloatArray:
    """Return semipartial correlations (runs, draws) from sums (draws, …) as `HeldOut.semipartial`'s."""
    count, score, score_square, missed, missed_square, *rest = sums.T
    left, squares, products = np.split(np.asarray(rest), 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = products - left * missed / count
        spread = np.maximum(score_square - score**2 / count, missed_square - missed**2 / count)
        variances = (squares - left**2 / count) * spread
        return np.asarray(covariance / np.sqrt(np.where(variances > 0, variances, np.nan)))


def _blocks(pair: Pair) -> tuple[Block, ...]:
    return (*pair[0], pair[1])


def _label_means(
    values: FloatArray, labels: NDArray[np.intp], train: NDArray[np.intp]
) -> FloatArray:
    """Return the mean (N,) of each image's label over training images; of a new label, that of all."""
    counts = np.bincount(labels[train], minlength=labels.max() + 1)
    sums = np.bincount(labels[train], values[train], minlength=labels.max() + 1)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), values[train].mean())
    return np.asarray(means[labels])


def _standard(values: FloatArray) -> FloatArray:
    """Return values (..., n) with mean 0 and length 1; constant ones are 0."""
    centred = values - values.mean(axis=-1, keepdims=True)
    length = np.sqrt(np.square(centred).sum(axis=-1, keepdims=True))
    return np.asarray(centred / np.where(length > 0, length, 1.0))
