"""Seconds that the jobs of a study take, from its sizes and a calibration of this machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import torch
from pyarrow import parquet

from memorability.autoencoder.architecture import Architecture, Autoencoder
from memorability.autoencoder.pretraining import PretrainingSettings
from memorability.base.settings import from_params
from memorability.data.scores import read_raw
from memorability.images.folder import find_images
from memorability.networks.losses import LossChoice
from memorability.study import job_settings, paths
from memorability.study.study import Study
from memorability.workflow.calibration import (
    AutoencoderSeconds,
    Calibration,
    LossSeconds,
)
from memorability.workflow.planned_jobs import Job
from memorability.workflow.requests import FIGURES, IMAGES

CATEGORIES = {"memcat": 5, "sample": 5, "lamem": 1}
SPLITS = {"published": (5_892, 3_177), "official": (45_000, 10_000)}
"""Training and test images."""
PUBLISHED_WEIGHTS = 25_088 * 1024 + 1024 * 512  # of the predictor that FIGURES["predict"] is of
PUBLISHED_LATENT = 25_088
SMALLEST_PREDICTOR = 0.01  # of that time, whatever the size: a batch's own
GRU_EPOCHS = 50
SHUFFLES = 1000  # of the permutation test of learning rates
CHECKED_TIMES = 6  # as long as explaining an image (config.yaml)
FEATURES = 20  # rows of the tables of features that are resampled, about


@dataclass(frozen=True)
class Sizes:
    """How many images a study has.

    Attributes
    ----------
    images, categories
        In all.
    train, test
        Of the predictor's split.
    pretraining
        In the folder of `pretraining.images`, if a protocol uses it.
    """

    images: int
    categories: int
    train: int
    test: int
    pretraining: int = 0


def sizes_of(study: Study) -> Sizes:
    """Count images: of the prepared ones, of a known data set, or of the score table.

    Raises
    ------
    InputError
        If the score table cannot be read.
    """
    dataset = study.settings["dataset"]
    kind, categories = dataset["kind"], CATEGORIES.get(dataset["kind"], 1)
    table = None
    if kind in ("folder", "table"):
        table = read_raw(Path(dataset["scores"]))
        column = dataset["columns"].get("category")
        categories = table[column].nunique() if column in table else 1
    if Path(paths.image_table(study)).is_file():
        images = int(parquet.read_metadata(paths.image_table(study)).num_rows)
    elif table is not None:
        images = len(table)
    else:
        images = IMAGES.get(kind) or CATEGORIES[kind] * int(dataset["images_per_category"])
    split = study.settings["prediction"]["split"]
    shares = (int(split[part] * images) for part in ("train", "test"))
    train, test = SPLITS.get(split["kind"], shares)
    folder = Path(study.settings["pretraining"]["images"])
    pretraining = len(find_images(folder)) if study.runs and paths.pretrainings(study) else 0
    return Sizes(images, categories, train, test, pretraining)


class JobSeconds:
    """Seconds of a job of a study, called with it.

    Attributes
    ----------
    rules
        Rule -> seconds of a job beyond its start.
    """

    def __init__(self, study: Study, sizes: Sizes, calibration: Calibration) -> None:
        self._study, self._sizes, self._calibration = study, sizes, calibration
        self._draws = int(study.settings["statistics"]["bootstrap"])
        self.rules: Mapping[str, Callable[[Job], float]] = {
            "prepare_images": lambda _: sizes.images * FIGURES["prepare"] / 2,
            "prepare_pretraining": lambda _: sizes.pretraining * FIGURES["prepare"] / 2,
            "pretrain": self._pretrain,
            "store_targets": lambda job: sizes.images * self._loss(job).describe,
            "finetune": lambda job: study.settings["epochs"] * self.epoch(job),
            "finetune_decay": lambda job: study.settings["decay"]["epochs"] * self.epoch(job),
            "encode": lambda job: sizes.images * self._autoencoder(job.wildcards["protocol"]).encode,
            "measure_matrix": lambda job: sizes.images * (
                self._autoencoder(job.wildcards["protocol"]).reconstruct + self._metrics
            ),
            "measure_controls": self._controls,
            "attribute": lambda job: self._explain(
                job, study.settings["attribution"]["images"]
            ),
            "check_attributions": lambda job: CHECKED_TIMES * self._explain(
                job, study.settings["attribution"]["checks"]["images"]
            ),
            "measure_objects": lambda _: (
                sizes.images * FIGURES["objects"] / study.settings["features"]["shards"]
            ),
            "model_features": lambda _: self._resamples(FEATURES),
            "summarise_features": lambda _: self._resamples(FEATURES),
            "measure_features": lambda _: sizes.images * FIGURES["features"] / 2,
            "measure_distinctiveness": lambda _: self._pairs(sizes.images),
            "measure_external_distinctiveness": lambda _: self._pairs(sizes.images),
            "predict": lambda _: self._training,
            "search_predictor": lambda _: self._trials * self._training,
            "predict_by_head": self._head,
            "predict_left_out": self._left_out,
            "correlate": self._correlate,
            "compare_protocols": lambda _: self._resamples(len(study.runs)),
            "measure_decay": lambda _: self._resamples(
                study.settings["decay"]["epochs"] * len(study.selected)
            ),
            "select_learning_rates": lambda _: (
                SHUFFLES * len(study.runs) * sizes.images * FIGURES["resample"]
            ),
            "evaluate_prediction": lambda _: self._resamples(
                len(study.settings["prediction"]["heads"]) + 1
            ),
        }  # fmt: skip

    def __call__(self, job: Job) -> float:
        """Return the seconds of a job with all its threads, its start included."""
        return self._calibration.start + self._beyond(job)

    def of_cores(self, job: Job) -> float:
        """Return the seconds that its cores work, all together; one of them loads the libraries."""
        return self._calibration.start + job.threads * self._beyond(job)

    def _beyond(self, job: Job) -> float:
        seconds = self.rules.get(job.rule)
        return seconds(job) if seconds else 0.0

    def epoch(self, job: Job) -> float:
        """Return the seconds in which a run sees and measures every image once."""
        name = job.wildcards["protocol"]
        protocol, loss = self._study.protocols[name], self._loss(job)
        model = self._autoencoder(name)
        stored = bool(paths.target_files(self._study, name, job.wildcards["loss"])) * loss.describe
        split = protocol.fine_tuned_on == "train_split"
        shown = self._sizes.train if split else self._sizes.images
        seconds = shown * (model.train + loss.train - stored)
        if protocol.batch_norm_mode == "train_then_recompute":
            seconds += shown * model.reconstruct
        return seconds + self._sizes.images * (model.reconstruct + loss.measure - stored)

    def _autoencoder(self, protocol: str) -> AutoencoderSeconds:
        return self._calibration.autoencoders[architecture(self._study, protocol)]

    def _loss(self, job: Job) -> LossSeconds:
        return self._calibration.losses[job.wildcards["loss"]]

    @property
    def _metrics(self) -> float:
        return sum(loss.measure for loss in self._calibration.losses.values())

    def _controls(self, _: Job) -> float:
        seeds = len(self._study.settings["seeds"])
        model = self._autoencoder(self._study.settings["selected"]["protocol"])
        each = seeds * model.reconstruct + (seeds + 1) * self._metrics
        return float(self._sizes.images * each)

    def _explain(self, job: Job, images: int) -> float:
        model = self._autoencoder(self._study.settings["selected"]["protocol"])
        points = min(images, self._sizes.test) * self._study.settings["attribution"]["steps"]
        return float(points * model.attribute / self._threads(job))

    def _threads(self, job: Job) -> float:
        """Return how many times as fast a job is as the calibration, whose threads are compute's."""
        if self._calibration.device != "cpu":
            return 1
        return job.threads / float(self._study.settings["compute"]["threads"])

    def _pretrain(self, job: Job) -> float:
        settings = from_params(
            PretrainingSettings, job_settings.pretraining(self._study, **job.wildcards)
        )
        model = self._calibration.autoencoders[settings.architecture]
        return self._sizes.pretraining * settings.epochs * model.train

    @cached_property
    def _latent(self) -> int:
        return latent_size(self._study)

    @property
    def _training(self) -> float:
        """Seconds of the predictor's training, should it not stop early."""
        chosen = self._study.settings["prediction"]
        units = (self._latent, *chosen["hidden"])
        weights = sum(first * second for first, second in pairwise(units))
        size = max(weights / PUBLISHED_WEIGHTS, SMALLEST_PREDICTOR)
        return float(chosen["max_epochs"] * self._sizes.train * FIGURES["predict"] * size)

    @property
    def _trials(self) -> int:
        search = self._study.settings["prediction"]["search"]
        return -(-int(search["trials"]) // int(search["jobs"]))

    def _pairs(self, others: int) -> float:
        """Return the seconds in which every latent meets so many others."""
        share = self._latent / PUBLISHED_LATENT
        return float(self._sizes.images * others * FIGURES["pair"] * share)

    def _head(self, job: Job) -> float:
        if job.wildcards["head"] == "gru_pair":
            size = max(self._latent / PUBLISHED_LATENT, SMALLEST_PREDICTOR)
            return float(GRU_EPOCHS * self._sizes.train * FIGURES["predict"] * size)
        return self._pairs(self._sizes.train)

    def _left_out(self, _: Job) -> float:
        mlp = self._study.settings["prediction"]["leave_one_category_out"] == "mlp"
        once = self._training if mlp else self._pairs(self._sizes.train)
        return self._sizes.categories * once

    def _correlate(self, job: Job) -> float:
        # Of the selected rates, some ten more statistics than the pooled one.
        tables = sum(
            file.endswith("part.parquet") and "/outcomes/" not in file for file in job.inputs
        )
        return self._resamples(tables + 10 * len(self._study.settings["losses"]))

    def _resamples(self, rows: int) -> float:
        return float(rows * self._sizes.images * self._draws * FIGURES["resample"])


def latent_size(study: Study) -> int:
    """Return the number of values of the selected model's latents, of the paper's without one."""
    if not study.runs:
        return PUBLISHED_LATENT
    with torch.device("meta"):
        model = Autoencoder(architecture(study, study.settings["selected"]["protocol"]))
    return int(model.latent_dim)


def architecture(study: Study, protocol: str) -> Architecture:
    """Return the autoencoder of a protocol."""
    return from_params(Architecture, job_settings.architecture(study, protocol))


def loss_choice(study: Study, protocol: str, name: str) -> LossChoice:
    """Return a loss as a protocol has it, with random weights, which take as long as any."""
    choice = from_params(LossChoice, job_settings.loss_choice(study, protocol, name))
    return replace(choice, weights_directory=None)
