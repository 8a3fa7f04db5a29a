"""Seconds that the jobs of a study take: one formula a rule, of the study's sizes and figures of cost.

What a scheduler is asked for (`requests`) takes the published figures of one core, and what a study is
estimated to take (`estimate`) those that were measured on this machine.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

from memorability.base.errors import named
from memorability.explanation.names import SUMMARIES
from memorability.features.names import TABLE_2
from memorability.images.data_sets import DATA_SETS
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, PixelPredictorSpec
from memorability.prediction.names import MAIN, PREDICTORS
from memorability.study import paths
from memorability.study.preflight import model_bytes
from memorability.study.study import Study
from memorability.workflow.cost_figures import (
    ABLATED,
    ABLATING,
    ATTRIBUTE_TESTS,
    DRAWING,
    DRAWN,
    FIGURES,
    MAP_PAIRS,
    MAPPED,
    PLACED,
    PUBLISHED_LATENT,
    UNITS,
    VAE,
    VERSIONS,
    VISUALISED,
    WRITTEN,
    AutoencoderSeconds,
    Calibration,
    LossSeconds,
    Sizes,
    architecture,
    latent_size,
)
from memorability.workflow.planned_jobs import Job

PUBLISHED_WEIGHTS = 25_088 * 1024 + 1024 * 512  # of the predictor that FIGURES["predict"] is of
SMALLEST_PREDICTOR = 0.01  # of that time, whatever the size: a batch's own
GRU_EPOCHS = 50
SHUFFLES = 1000  # of the permutation test of learning rates
CHECKED_TIMES = 4  # as long as explaining an image: three baselines, and orders of pixels
RANDOM_PARTS = 2  # of the network, each explained as often as random weights are drawn
# Units of FIGURES["resample"] of a run's correlations, measured with five categories: pooled, within
# and given the category; of a selected run also those between categories, without each, and given
# subcategories, whose images and subcategories are resampled and left out one by one.
PLAIN, DETAILED = 2, 10
HEAD_METRICS = 10  # units of FIGURES["resample"] of a head's metrics, all images and by category
DISTANCES = 4  # measures of distinctiveness
BASELINES = 3
CONTROLS = 6  # of an error, each correlated with every run of it
GIVEN_DRAWS = 1000  # most resamples given a control
PHOTOGRAPH = 1e5  # bytes
RESPONSES = 80  # of an image, where single ones are modelled


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
        self._resamples = self._draws * FIGURES["resample"]
        self.rules: Mapping[str, Callable[[Job], float]] = {
            **self._preparing(),
            **self._training(),
            **self._predicting(),
            **self._analysing(),
            **dict.fromkeys(
                [*WRITTEN, *(f"plot_{name}" for name in DRAWN)], lambda _: FIGURES["figure"]
            ),
        }

    def __call__(self, job: Job) -> float:
        """Return the seconds of a job with all its threads, its start included."""
        return self._calibration.start + self.beyond_start(job)

    def of_cores(self, job: Job) -> float:
        """Return the seconds that its cores work, all together; one of them loads the libraries."""
        return self._calibration.start + job.threads * self.beyond_start(job)

    def beyond_start(self, job: Job) -> float:
        """Return the seconds of a job after it has loaded its libraries."""
        return float(self.rules[job.rule](job))

    def mostly_start(self, job: Job) -> bool:
        """Whether a job takes less time than loading its libraries."""
        return self.beyond_start(job) <= self._calibration.start

    def _preparing(self) -> Mapping[str, Callable[[Job], float]]:
        """Return the formulas of rules that make images and tables ready."""
        study, sizes = self._study, self._sizes
        tables = (
            "simulate_sample", "score_trials", "read_scores", "join_scores", "list_rejected",
            "split_images", "read_split", "measure_baselines", "measure_consistency",
            "estimate_ceiling", "compare_planted", "join_errors", "list_near_duplicates",
            "measure_intervals", "list_external", "read_predictions", "read_test_set",
            "join_attributes", "describe_images",
        )  # fmt: skip
        unpacking = dict.fromkeys(
            [f"unpack_{kind}" for kind in DATA_SETS],
            lambda _: sizes.images * PHOTOGRAPH * FIGURES["byte"],
        )
        return {
            # At the speed of a network that nobody has measured.
            "fetch_file": lambda _: 0.0,
            **unpacking,
            **dict.fromkeys(tables, lambda _: self._rows),
            "prepare_images": lambda job: sizes.images * FIGURES["prepare"] / job.threads,
            "prepare_pretraining": lambda job: sizes.pretraining * FIGURES["prepare"] / job.threads,
            "find_near_duplicates": lambda _: sizes.images * FIGURES["features"] / 10,
            "measure_features": lambda job: sizes.images * FIGURES["features"] / job.threads,
            "measure_objects": lambda _: (
                sizes.images * FIGURES["objects"] / study.settings["features"]["shards"]
            ),
            "join_latents": lambda _: self._latents,
        }

    def _training(self) -> Mapping[str, Callable[[Job], float]]:
        """Return the formulas of rules in which images pass autoencoders."""
        study, images = self._study, self._sizes.images
        explained = study.settings["attribution"]
        return {
            "pretrain": self._pretrain,
            "store_targets": lambda job: images * self._loss(job).describe,
            "finetune": lambda job: study.settings["epochs"] * self.epoch(job),
            "finetune_decay": lambda job: study.settings["decay"]["epochs"] * self.epoch(job),
            "keep_model": lambda job: (
                model_bytes(study, job.wildcards["protocol"]) * FIGURES["byte"]
            ),
            "encode": lambda job: images * self._autoencoder(job.wildcards["protocol"]).encode,
            "reconstruct": lambda _: FIGURES["figure"],
            "reconstruct_images": lambda _: (
                images * self._autoencoder(study.settings["selected"]["protocol"]).reconstruct
            ),
            "measure_matrix": lambda job: images * (
                self._autoencoder(job.wildcards["protocol"]).reconstruct + self._metrics
            ),
            "measure_controls": self._controls,
            "attribute": lambda job: self._explain(job, explained["images"]),
            "check_attributions": lambda job: (
                (CHECKED_TIMES + RANDOM_PARTS * explained["checks"]["random_draws"])
                * self._explain(job, explained["checks"]["images"])
            ),
        }  # fmt: skip

    def _predicting(self) -> Mapping[str, Callable[[Job], float]]:
        """Return the formulas of rules that predict scores from latents."""
        prediction = self._study.settings["prediction"]
        read, looking = len(self._study.pixel_predictors), self._study.where_predictors
        heads = len(prediction["heads"]) + len(prediction["external"]) + read + BASELINES + 2
        return {
            "map_latents": lambda _: self._latents,
            "predict": lambda _: self._fitting(MAIN),
            "search_predictor": lambda _: self._trials * self._training_seconds,
            "predict_by_head": lambda job: self._fitting(job.wildcards["head"]),
            "predict_left_out": self._left_out,
            "view_images": lambda job: self._sizes.images * FIGURES["prepare"] / job.threads,
            "fit_pixel_predictor": self._fit_to_pixels,
            "score_pixels": lambda job: self._sizes.images * _pixel_seconds(job) / job.threads,
            "evaluate_prediction": lambda _: (
                HEAD_METRICS * heads * self._sizes.test * self._resamples
            ),
            "ablate_images": self._where("images", looking, ABLATED, ABLATING),
            "summarise_ablations": lambda _: self._plain(
                2 * ABLATED * len(looking), self._looked_at("images")
            ),
            "map_images": self._where("mapped_images", looking, MAPPED),
            "modify_images": self._where(
                "mapped_images", self._study.pixel_predictors, VERSIONS, DRAWING
            ),
            "summarise_modified": lambda _: self._plain(VERSIONS * read, self._sizes.test),
            "look_at_units": lambda job: (
                self._units(job) + self._plain(UNITS * len(looking), self._sizes.test)
            ),
            "portray_units": lambda job: self._units(
                job, VISUALISED * self._study.settings["where"]["visualised_units"]
            ),
            "fit_small_vae": lambda _: VAE,
            "map_embeddings": lambda _: PLACED * (2 + len(looking)) * self._sizes.test,
            "compare_maps": lambda _: self._plain(
                MAP_PAIRS * len(looking), self._looked_at("mapped_images")
            ),
            "compare_predictors": lambda _: (
                HEAD_METRICS * heads * len(self._study.targets) * self._sizes.test * self._resamples
            ),
            "score_test_set": lambda job: (
                self._further(job.wildcards["set"])
                * self._fits(job)
                * _pixel_seconds(job)
                / job.threads
            ),
            "compare_on_test_sets": lambda _: (
                HEAD_METRICS
                * read
                * sum(
                    len(each.targets) ** 2 * self._further(each.name)
                    for each in self._study.further_sets
                )
                * self._resamples
            ),
            "bundle_predictor": lambda _: (
                self._latents
                + model_bytes(self._study, self._study.settings["selected"]["protocol"])
                * FIGURES["byte"]
            ),
        }

    def _looked_at(self, key: str) -> int:
        """Return how many test images a rule of `where` looks at."""
        return self._explained(self._study.settings["where"][key])

    def _where(
        self, key: str, predictors: Sequence[PixelPredictorSpec], scores: float, beside: float = 0
    ) -> Callable[[Job], float]:
        """Return the formula of a rule in which predictors score images that `where` looks at."""
        seconds = scores * sum(spec.seconds for spec in predictors)
        return lambda job: self._looked_at(key) * (beside + seconds / job.threads)

    def _units(self, job: Job, beside: int = 0) -> float:
        """Return the seconds in which predictors of `where` score test images, and so often more."""
        seconds = sum(spec.seconds for spec in self._study.where_predictors) / job.threads
        return (self._sizes.test + beside) * seconds

    def _analysing(self) -> Mapping[str, Callable[[Job], float]]:
        """Return the formulas of rules that need tables alone."""
        study, images = self._study, self._sizes.images
        others = max(1, len(study.protocols) - 1)
        return {
            "measure_distinctiveness": lambda _: self._pairs(images),
            "measure_external_distinctiveness": lambda _: self._pairs(images),
            "correlate": self._correlate,
            "compare_controls": self._given_controls,
            # Every protocol meets every other.
            "compare_protocols": lambda _: self._plain(others * len(study.runs), images),
            "measure_decay": lambda _: self._plain(
                study.settings["decay"]["epochs"] * len(study.selected), images
            ),
            "select_learning_rates": lambda _: (
                SHUFFLES * len(study.runs) * images * FIGURES["resample"]
            ),
            "model_features": lambda _: self._plain(len(TABLE_2), images),
            "measure_increments": lambda _: self._increments,
            "summarise_features": lambda _: self._detailed(
                len(TABLE_2) * len(SUMMARIES),
                self._explained(study.settings["attribution"]["images"]),
            ),
            "explore_images": lambda _: images * FIGURES["features"] + self._pairs(images),
            "compare_attributes": lambda _: self._plain(ATTRIBUTE_TESTS, images),
            "model_counts": lambda _: self._models * images * FIGURES["count_model"],
            "model_trials": lambda _: self._models * images * RESPONSES * FIGURES["trial_model"],
            "judge_claims": lambda _: self._plain(len(TABLE_2), self._sizes.test),
            "archive": lambda _: self._rows * max(1, len(study.runs)),
        }

    @property
    def _models(self) -> int:
        """How many models of responses are fitted: of both answers, without and with each error."""
        settings = self._study.settings
        losses = len(settings["losses"]) if self._study.runs else 0
        return 2 * (1 + losses + len(settings["external_errors"]))

    @property
    def _rows(self) -> float:
        """Seconds in which a table of all images is read, changed and written."""
        return float(self._sizes.images * FIGURES["row"])

    def _fits(self, job: Job) -> int:
        """Return to how many scores the job's predictor of pixels is fitted; 1 if it is published."""
        spec = named(PIXEL_PREDICTORS, job.wildcards["head"], "predictor")
        return len(self._study.targets) if spec.fits else 1

    def _further(self, name: str) -> int:
        """Return the images of a further data set; 0 where its table cannot be read yet."""
        return self._sizes.further.get(name, 0)

    @property
    def _latents(self) -> float:
        """Seconds in which the latents of all images are copied."""
        return float(self._sizes.images * 4 * self._latent * FIGURES["byte"])

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
        choices = self._study.protocols[protocol].choices()
        return self._calibration.autoencoders[architecture(choices)]

    def _loss(self, job: Job) -> LossSeconds:
        return self._calibration.losses[job.wildcards["loss"]]

    @property
    def _metrics(self) -> float:
        return sum(loss.measure for loss in self._calibration.losses.values())

    def _controls(self, _: Job) -> float:
        seeds = len(self._study.settings["seeds"])
        protocol = self._study.settings["selected"]["protocol"]
        choices = self._study.protocols[protocol]
        before = len(self._study.selected) if choices.seeded_before_training else 1
        model = self._autoencoder(protocol)
        each = (seeds + before) * model.reconstruct + (seeds + before + 1) * self._metrics
        seconds = self._sizes.images * each
        if choices.batch_norm_mode == "train_then_recompute":
            seconds += before * self._sizes.images * model.reconstruct
        return float(seconds)

    def _explain(self, job: Job, images: int) -> float:
        model = self._autoencoder(self._study.settings["selected"]["protocol"])
        points = self._explained(images) * self._study.settings["attribution"]["steps"]
        return float(points * model.attribute / self._threads(job))

    def _explained(self, images: int) -> int:
        """Return how many images are explained, of those asked for: test images alone are."""
        return min(images, self._sizes.test)

    def _threads(self, job: Job) -> float:
        """Return how many times as fast a job is as the calibration."""
        return job.threads / self._calibration.threads if self._calibration.device == "cpu" else 1

    def _pretrain(self, job: Job) -> float:
        keys = ("bottleneck", "decoder", "batch_norm")
        bottleneck, decoder, batch_norm = (job.wildcards[key] for key in keys)
        model = self._calibration.autoencoders[bottleneck, decoder, batch_norm == "yes"]
        chosen = self._study.settings["pretraining"]
        # Of forward and backward passes through both halves, a frozen encoder saves two of six.
        epochs = chosen["epochs"] + chosen["decoder_first"]["epochs"] * 2 / 3
        return float(self._sizes.pretraining * epochs * model.train)

    @cached_property
    def _latent(self) -> int:
        return latent_size(self._study)

    @property
    def _training_seconds(self) -> float:
        """Seconds of the predictor's training, should it not stop early."""
        chosen = self._study.settings["prediction"]
        units = (self._latent, *chosen["hidden"])
        weights = sum(first * second for first, second in pairwise(units))
        size = max(weights / PUBLISHED_WEIGHTS, SMALLEST_PREDICTOR)
        return float(chosen["max_epochs"] * self._sizes.train * FIGURES["predict"] * size)

    @property
    def _trials(self) -> int:
        search = self._study.settings["prediction"]["search"]
        return math.ceil(int(search["trials"]) / int(search["jobs"]))

    def _pairs(self, others: int) -> float:
        """Return the seconds in which every latent meets so many others."""
        share = self._latent / PUBLISHED_LATENT
        return float(self._sizes.images * others * FIGURES["pair"] * share)

    def _fitting(self, predictor: str) -> float:
        """Return the seconds in which a predictor is fitted, should it not stop early."""
        match named(PREDICTORS, predictor, "predictor").cost:
            case "perceptron":
                return self._training_seconds
            case "recurrent":
                size = max(self._latent / PUBLISHED_LATENT, SMALLEST_PREDICTOR)
                return float(GRU_EPOCHS * self._sizes.train * FIGURES["predict"] * size)
            case "inner_products":
                return self._pairs(self._sizes.train)

    def _fit_to_pixels(self, job: Job) -> float:
        """Return the seconds in which images are learned from and scored."""
        passes = self._sizes.train * PIXEL_PREDICTORS[job.wildcards["head"]].passes
        return (passes + self._sizes.images) * _pixel_seconds(job) / job.threads

    def _left_out(self, _: Job) -> float:
        head = self._study.settings["prediction"]["leave_one_category_out"]
        return self._sizes.categories * self._fitting(head)

    def _correlate(self, job: Job) -> float:
        quantity, images, study = job.wildcards["quantity"], self._sizes.images, self._study
        if quantity != "error":
            return self._detailed(self._series(quantity), images)
        # Of the learning rates of a loss, one is selected.
        external = len(study.settings["external_errors"])
        selected = len(study.runs) // max(1, len(study.settings["learning_rates"])) + external
        return self._plain(len(study.runs), images) + self._detailed(selected, images)

    def _given_controls(self, _: Job) -> float:
        """Return the seconds in which errors of the best models are correlated given each control."""
        pairs = CONTROLS * len(self._study.selected) * len(self._study.settings["losses"])
        draws = min(self._draws, GIVEN_DRAWS)
        return float(PLAIN * pairs * self._sizes.images * draws * FIGURES["resample"])

    def _series(self, quantity: str) -> int:
        """Return how many values of every image a quantity has, runs and measures together."""
        study = self._study
        losses, seeds = len(study.settings["losses"]), len(study.settings["seeds"])
        sources = len(study.selected) + len(study.settings["external_latents"])
        return {
            "distinctiveness": DISTANCES * sources,
            "baseline": BASELINES,
            "feature": len(TABLE_2),
            "variant": len(TABLE_2),
            "prediction": 1,
            "attribution": len(SUMMARIES),
            "matrix": len(study.protocols) * losses * losses * seeds,
            "control": losses * (2 * seeds + 1),
        }[quantity]

    @property
    def _increments(self) -> float:
        """Seconds in which each quantity joins models of labels, of controls and of predictors."""
        study = self._study
        errors = len(study.runs) // max(1, len(study.settings["learning_rates"]))
        elsewhere = len(study.settings["external_errors"])
        measured = errors + elsewhere + self._series("distinctiveness") // DISTANCES
        steps = 1 + bool(study.runs) + bool(paths.external_predictions(study))
        models = steps * measured + (len(TABLE_2) if study.runs else 0)
        return float(models * self._sizes.images * FIGURES["held_out"] + self._rows)

    def _plain(self, runs: int, images: int) -> float:
        """Return the seconds in which runs are correlated."""
        return float(PLAIN * runs * images * self._resamples)

    def _detailed(self, runs: int, images: int) -> float:
        """Return the seconds in which runs are correlated in detail, also without each image."""
        return float(DETAILED * runs * images * (self._draws + images) * FIGURES["resample"])


def _pixel_seconds(job: Job) -> float:
    """Return the seconds of one core in which the job's predictor of pixels scores an image."""
    return named(PIXEL_PREDICTORS, job.wildcards["head"], "predictor").seconds
