"""What a study will take: hours of its jobs, on more cores or GPUs, memory, and room on disk.

Passes through networks are timed on this machine; what else takes time with the number of images is
in `cost_figures.yaml`, as measured on another. Jobs of neither kind take the time to start.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from pyarrow import parquet
from torch import nn

from memorability.calibration import (
    AutoencoderSeconds,
    Calibration,
    LossSeconds,
    architecture,
    calibrate,
)
from memorability.configuration import Study
from memorability.cost import target_bytes
from memorability.datasets.scores import read_raw
from memorability.downloads import LOSS_BACKBONES
from memorability.image_files import find_images
from memorability.losses import LOSSES, make_loss
from memorability.models.autoencoder import Autoencoder
from memorability.planned_jobs import Job, span
from memorability.protocol import SIDE
from memorability.requests import FIGURES, IMAGES

CATEGORIES = {"memcat": 5, "sample": 5, "lamem": 1}
SPLITS = {"published": (5_892, 3_177), "official": (45_000, 10_000)}
"""Training and test images."""
PUBLISHED_WEIGHTS = 25_088 * 1024 + 1024 * 512  # of the predictor that FIGURES["predict"] is of
PUBLISHED_LATENT = 25_088
SMALLEST_PREDICTOR = 0.01  # of that time, whatever the size: a batch's own
GRU_EPOCHS = 50
SHUFFLES = 1000  # of the permutation test of learning rates
MODEL_STATES = 3  # a saved training state: weights and two moments
ROW_BYTES, TABLE_BYTES = 30, 10_000  # of a table of errors
PIXEL_BYTES = 3 * SIDE * SIDE
MAP_BYTES = 2 * 3 * SIDE * SIDE
CHECKED_TIMES = 6  # as long as explaining an image (config.yaml)
FEATURES = 20  # rows of the tables of features that are resampled, about
CORES = (1, 2, 4, 8, 16, 32, 64)
CARDS = (1, 2, 4, 8)
OTHERS = "others: mostly their start"


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
    if Path(study.image_table).is_file():
        images = int(parquet.read_metadata(study.image_table).num_rows)
    elif table is not None:
        images = len(table)
    else:
        images = IMAGES.get(kind) or CATEGORIES[kind] * int(dataset["images_per_category"])
    split = study.settings["prediction"]["split"]
    shares = (int(split[part] * images) for part in ("train", "test"))
    train, test = SPLITS.get(split["kind"], shares)
    folder = Path(study.settings["pretraining"]["images"])
    pretraining = len(find_images(folder)) if study.runs and study.pretrainings else 0
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
        stored = bool(self._study.target_files(name, job.wildcards["loss"])) * loss.describe
        split = protocol.fine_tuned_on == "train_split"
        shown = self._sizes.train if split else self._sizes.images
        seconds = shown * (model.train + loss.train - stored)
        if protocol.batch_norm_mode == "train_then_recompute":
            seconds += shown * model.reconstruct
        return seconds + self._sizes.images * (model.reconstruct + loss.measure - stored)

    def _autoencoder(self, protocol: str) -> AutoencoderSeconds:
        choices = self._study.protocols[protocol].choices()
        return self._calibration.autoencoders[architecture(choices)]

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
        keys = ("bottleneck", "decoder", "batch_norm")
        bottleneck, decoder, batch_norm = (job.wildcards[key] for key in keys)
        model = self._calibration.autoencoders[bottleneck, decoder, batch_norm == "yes"]
        epochs = int(self._study.settings["pretraining"]["epochs"])
        return self._sizes.pretraining * epochs * model.train

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
    choices = study.protocols[study.settings["selected"]["protocol"]].choices()
    return int(_autoencoder(choices, study.settings["autoencoder"]["width"]).latent_dim)


def disk_bytes(study: Study, sizes: Sizes) -> dict[str, float]:
    """Return the bytes that a finished study takes, by what they are; downloads are not among them."""
    if not study.runs:
        return {}
    latents = 4 * latent_size(study) * sizes.images
    attributed = min(study.settings["attribution"]["images"], sizes.test)
    resizes = {protocol.resize for protocol in study.protocols.values()}
    rows = 2 * study.settings["epochs"] * len(study.runs)
    rows += (study.settings["decay"]["epochs"] + 10) * len(study.selected)
    return {
        "models": sum(study.model_bytes(run.protocol) for run in study.kept),
        # Of each selected model, and once more as the predictor reads them.
        "latents": (len(study.selected) + 1) * latents,
        "prepared images": len(resizes) * sizes.images * PIXEL_BYTES
        + sizes.pretraining * PIXEL_BYTES,
        "attribution maps": attributed * MAP_BYTES,
        "tables of errors": rows * (sizes.images * ROW_BYTES + TABLE_BYTES),
    }


def passing_bytes(study: Study, sizes: Sizes, cores: int) -> dict[str, float]:
    """Return the bytes that are there only while runs are made on so many cores, by what they are."""
    if not study.runs:
        return {}
    largest = max(study.model_bytes(protocol) for protocol in study.protocols)
    kept = set(study.kept)
    of_a_loss = [
        sum(
            study.model_bytes(run.protocol)
            for run in study.runs_of(protocol, loss)
            if run not in kept
        )
        for protocol in study.protocols
        for loss in study.settings["losses"]
    ]
    stored = sum(
        sizes.images * target_bytes(_loss(loss, protocol.choices()))
        for name, protocol in study.protocols.items()
        for loss in study.settings["losses"]
        if study.target_files(name, loss)
    )
    at_a_time = min(max(1, cores // study.settings["compute"]["threads"]), len(study.runs))
    return {
        "models, until a loss is done": max(of_a_loss),
        "stored targets": stored,
        f"training state, {at_a_time} at a time": MODEL_STATES * largest * at_a_time,
    }


def estimate(study: Study, jobs: Sequence[Job]) -> str:
    """Calibrate this machine and return the page that says what the jobs of a study will take.

    Parameters
    ----------
    study
        The study.
    jobs
        Those that are still to be made, see `memorability.planned_jobs`.

    Raises
    ------
    InputError
        If the score table cannot be read.
    """
    sizes, settings = sizes_of(study), study.settings
    losses: list[str] = []
    if study.runs:
        without_weights = [loss for loss in LOSSES if loss not in LOSS_BACKBONES]
        losses = list(dict.fromkeys([*settings["losses"], *without_weights]))
    calibration = calibrate(
        [protocol.choices() for protocol in study.protocols.values()],
        losses,
        width=settings["autoencoder"]["width"],
        **study.machine,
        **study.precision,
    )
    return page(study, sizes, calibration, jobs)


def page(study: Study, sizes: Sizes, calibration: Calibration, jobs: Sequence[Job]) -> str:
    """Return the estimate for readers."""
    seconds = JobSeconds(study, sizes, calibration)
    parts = [
        f"Study {study.name}: {sizes.images:,} images, {len(study.runs)} runs, "
        f"{len(jobs)} jobs still to be made.",
        _by_rule(jobs, seconds),
        _by_machine(jobs, seconds, calibration.device),
        _disk(study, sizes),
        _doubts(study, calibration),
    ]
    return "\n\n".join(part for part in parts if part)


def in_words(seconds: float) -> str:
    """Return a time with two digits and a unit: "40 s", "12 min", "5.8 h", "17 days"."""
    for most, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < most:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds / 86_400)} days"


def _two_digits(number: float) -> str:
    return (
        f"{number:.1f}"
        if number < 9.95
        else f"{round(number, 1 - math.floor(math.log10(number))):,.0f}"
    )


def _by_rule(jobs: Sequence[Job], seconds: JobSeconds) -> str:
    """Return a line per rule, and per loss of it, whose jobs take longer with more images."""
    groups: dict[str, list[float]] = {}
    for job in jobs:
        name = job.rule if job.rule in seconds.rules else OTHERS
        if name != OTHERS and "loss" in job.wildcards:
            name += f", {job.wildcards['loss']}"
        groups.setdefault(name, []).append(seconds.of_cores(job))
    lines = [f"{'core time of jobs':<36}{'number':>8}{'of one':>10}{'of all':>10}"]
    for name, taken in sorted(groups.items(), key=lambda group: -sum(group[1])):
        each, together = in_words(sum(taken) / len(taken)), in_words(sum(taken))
        lines.append(f"{name:<36}{len(taken):>8}{each:>10}{together:>10}")
    return "\n".join(lines)


def _by_machine(jobs: Sequence[Job], seconds: JobSeconds, device: str) -> str:
    """Return a line per number of cores, or of GPUs where there is one to calibrate."""
    on_cpu = device == "cpu"
    lines = [f"{'cores' if on_cpu else 'GPUs':>6}{'time':>10}{'memory asked for':>20}"]
    for count in CORES if on_cpu else CARDS:
        cores = count if on_cpu else max(count, os.cpu_count() or 1)
        took = span(jobs, seconds, cores=cores, gpus=0 if on_cpu else count)
        lines.append(f"{count:>6}{in_words(took.seconds):>10}{took.memory / 1e3:>17.0f} GB")
    if on_cpu:
        lines.append("GPUs: none was calibrated, so what one would take is not known.")
    return "\n".join(lines)


def _disk(study: Study, sizes: Sizes) -> str:
    lasting = disk_bytes(study, sizes)
    passing = passing_bytes(study, sizes, os.cpu_count() or 1)
    lines = [f"{'disk, downloads and their unpacked images apart':<50}{'GB':>8}"]
    for title, parts in (("", lasting), ("while runs are made: ", passing)):
        lines += [f"{title + what:<50}{size / 1e9:>8.1f}" for what, size in parts.items() if size]
    return "\n".join(lines) if lasting else ""


def _doubts(study: Study, calibration: Calibration) -> str:
    """Return how sure the numbers are."""
    timed = (
        f"Fine-tuning, evaluation, encoding and attribution were timed here ({calibration.device}, "
        f"{study.settings['compute']['precision']}); repetitions of a step lay within "
        f"{calibration.spread - 1:.0%}."
    )
    lines = [timed] if study.runs else []
    lines += [
        "Many cores are taken to be as fast, each, as one alone: jobs that share memory and caches are "
        "slower, and so are cores that other programs use.",
        "Preparation, features, prediction, distances and correlations come from figures of another "
        "machine (cost_figures.yaml), to a factor of about two.",
        "Trainings that may stop early (the predictor, its search) count with all their epochs.",
        "Downloading and unpacking data sets and weights do not count.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _autoencoder(choices: Mapping[str, Any], width: float) -> Autoencoder:
    shape = {choice: choices[choice] for choice in ("bottleneck", "decoder", "batch_norm")}
    with torch.device("meta"):
        return Autoencoder(width=width, **shape)


def _loss(name: str, choices: Mapping[str, Any]) -> nn.Module:
    return make_loss(
        name,
        lpips_range=choices["lpips_range"],
        style_gram=choices["style_gram"],
        weights_source="random",
        weights_directory=Path(),
    )[0]
