"""The configuration of a study, checked as a whole before any job starts."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorability.base.errors import InputError
from memorability.base.files import CHECKPOINTS
from memorability.base.run_keys import EXTERNAL
from memorability.features.names import OBJECT_FEATURES
from memorability.memory_game.score_kinds import COUNTS
from memorability.networks.catalogue import (
    AUTOENCODER,
    BACKBONES,
    LOSS_BACKBONES,
    OBJECT_NETWORKS,
    Metric,
    backbone_weights,
    minimum_side,
)
from memorability.sources.downloads import Download, registry
from memorability.study.contradictions import has_images
from memorability.study.grid import Run, learning_rate, previous
from memorability.study.preflight import require, require_space, require_writable
from memorability.study.protocol import Protocol

MODEL = "autoencoder.safetensors"
# Of one fine-tuned model at width 1, by bottleneck.
MODEL_BYTES = {"conv7x7": 128e6, "fc4096": 1034e6}
LEAST_WIDTH_FOR_THREADS = 0.25
# Of data sets that are downloaded: the names of their downloads.
DATASET_DOWNLOADS = {"memcat": ("memcat_images", "memcat_scores"), "lamem": ("lamem",)}
# Of one image of a batch in training at width 1, all feature maps and their gradients.
IMAGE_BYTES = 0.3e9
# Of a study without runs: the keys that decide its results.
WITHOUT_RUNS = {
    "study", "dataset", "runs", "external_errors", "external_latents", "distinctiveness", "statistics",
}  # fmt: skip
WEIGHTS_DIRECTORY = Path("resources/weights")  # where downloaded weights land
# Initial weights that are not those of the paper, in words.
STARTS = {
    "random": "random weights",
    "checkpoint_as_scripted": "what the published scripts load of the checkpoint",
    "vgg16_encoder": "VGG16 as encoder and a random decoder",
    "pretrain": "a model pre-trained on other images",
}


@dataclass(frozen=True)
class Study:
    """A checked configuration: settings, protocols by name, and the runs to make."""

    settings: Mapping[str, Any]
    protocols: Mapping[str, Protocol]
    runs: tuple[Run, ...]
    selected: tuple[Run, ...]

    @property
    def name(self) -> str:
        """Name of the study, which is also the name of its results directory."""
        return str(self.settings["study"])

    @property
    def results(self) -> str:
        """Directory of everything that the study writes."""
        return f"results/{self.name}"

    @property
    def has_images(self) -> bool:
        """Whether there are images, which a study of tables alone has not."""
        return has_images(self.settings["dataset"])

    @property
    def has_own_images(self) -> bool:
        """Whether images and scores are the user's, who may change them."""
        return bool(self.settings["dataset"]["kind"] == "folder")

    @property
    def image_table(self) -> str:
        """File of the image table that stands for the study."""
        folder = f"{self.first_resize}/" if self.runs else ""
        return f"{self.results}/images/{folder}images.parquet"

    @property
    def given_tables(self) -> list[str]:
        """Tables that the user gave: of scores, and what was made elsewhere."""
        own = self.settings["dataset"]["kind"] == "folder" or not self.has_images
        sources = [
            source["file"]
            for key in ("external_errors", "external_latents")
            for source in self.settings[key].values()
        ]
        return [self.image_source["scores"]] * own + sources

    @property
    def used_settings(self) -> dict[str, Any]:
        """The settings that decide results: all, or without runs those that do not concern them."""
        return {
            key: value for key, value in self.settings.items() if self.runs or key in WITHOUT_RUNS
        }

    @property
    def claim_settings(self) -> dict[str, Any]:
        """What decides our answers to published figures and the ledger, for its job's parameters."""
        statistics = self.settings["statistics"]
        models = {
            "protocol": self.settings["protocols"][0],
            "selected_loss": self.settings["selected"]["loss"],
        }
        return {
            "ours": {
                "confidence": statistics["confidence"],
                "external_claims": self.external_claims,
                **(models if self.runs else {}),
            },
            "ledger": {
                "dataset_kind": self.settings["dataset"]["kind"],
                "margin": statistics["margin"],
                "confidence": statistics["confidence"],
                "other_model": self.other_model,
                "unavailable": {
                    f"feature:{name}": why for name, why in self.unavailable_features.items()
                }
                if self.runs
                else {},
            },
        }

    @property
    def external_claims(self) -> dict[str, dict[str, str]]:
        """Quantity -> name of a source from elsewhere -> id of the published figure it answers."""
        keys = {"error": "external_errors", "distinctiveness": "external_latents"}
        return {
            quantity: {name: source.get("claim", "") for name, source in self.settings[key].items()}
            for quantity, key in keys.items()
        }

    def external_path(self, table: str, name: str) -> str:
        """Return the file of a table (errors, distinctiveness) of a source from elsewhere."""
        return f"{self.results}/external_{table}/protocol={EXTERNAL}/loss={name}/part.parquet"

    @property
    def first_resize(self) -> str:
        """Resize of the first protocol, whose image table stands for the study."""
        return self.protocols[self.settings["protocols"][0]].resize

    @property
    def selected_resize(self) -> str:
        """Resize of the selected model, whose pixels are explained."""
        return self.protocols[self.settings["selected"]["protocol"]].resize

    @property
    def image_source(self) -> dict[str, Any]:
        """Where images and scores come from, in the words of the data set kind `folder`."""
        dataset = self.settings["dataset"]
        if dataset["kind"] in ("folder", "table"):
            return {key: dataset.get(key) for key in ("images", "scores", "columns")}
        names = ["file", "score"]
        place, scores = f"{self.results}/dataset", "scores.csv"
        if dataset["kind"] in DATASET_DOWNLOADS:
            place, scores = f"resources/{dataset['kind']}", "scores.parquet"
            names.append("image_id")
        if dataset["kind"] != "lamem":  # which has no categories, and publishes no counts
            names += ["category", "subcategory", "hits", "false_alarms", "responses"]
        source: dict[str, Any] = {"images": f"{place}/images", "scores": f"{place}/{scores}"}
        if not self.has_images:
            source = {"images": None, "scores": dataset["scores"]}
        return source | {"columns": {name: name for name in names}}

    @property
    def official_splits(self) -> list[str]:
        """Table of the data set's own splits, or of the user's, if the images are split by one."""
        tables = {
            "official": f"resources/{self.settings['dataset']['kind']}/official_splits.parquet",
            "file": f"{self.results}/prediction/own_split.parquet",
        }
        kind = self.split_settings["kind"]
        return [tables[kind]] if kind in tables else []

    @property
    def split_file(self) -> str:
        """The table `split`: which images are for training, validation and test."""
        return f"{self.results}/images/split.parquet"

    def run_splits(self, protocol: str) -> list[str]:
        """Return the table `split` for the runs of a protocol, if they leave out images by it."""
        by_split = self.protocols[protocol].fine_tuned_on == "train_split"
        return [self.split_file] if by_split else []

    @property
    def downloads(self) -> list[Download]:
        """Files from outside that this study needs and the workflow can fetch."""
        kind = self.settings["dataset"]["kind"]
        names = DATASET_DOWNLOADS.get(kind, ()) if self.has_images else ()
        weights = {file for run in self.runs for file in self.weight_files(run.protocol, run.loss)}
        weights.update(self.object_weights)
        known = registry()
        fetched = [
            download for download in known.values() if f"resources/{download.path}" in weights
        ]
        return [known[name] for name in names] + fetched

    @property
    def gpus(self) -> int:
        """GPUs that a job of this study asks a scheduler for."""
        device = self.settings["compute"]["device"]
        return int(device == "cuda" or (device == "auto" and Path("/dev/nvidia0").exists()))

    @property
    def note(self) -> str:
        """What a reader must know of every figure and table: simulated observers, random weights."""
        notes = []
        if self.settings["dataset"]["kind"] == "sample":
            notes.append("Observers are simulated; images are crops of a few photographs.")
        if self.settings["external_errors"] or self.settings["external_latents"]:
            notes.append("What is called external was made elsewhere, not by this workflow.")
        starts = {protocol.initial_weights for protocol in self.protocols.values()}
        folder = self.settings["pretraining"]["images"]
        sentences = {
            "random": "Autoencoders start from random, not ImageNet, weights.",
            "checkpoint_as_scripted": "Autoencoders load the ImageNet checkpoint as the published "
            "scripts do, which loads nothing of the published file: Provenance says what was loaded.",
            "vgg16_encoder": "Autoencoders start from VGG16 (ImageNet) as encoder, a random decoder.",
            "pretrain": f"Autoencoders were pre-trained on the images of {folder}, not on ImageNet.",
        }
        notes += [sentence for start, sentence in sentences.items() if start in starts]
        if self.runs and any(self._backbone(loss) == "random" for loss in self.settings["losses"]):
            notes.append("LPIPS and style losses use random backbones.")
        unseeded = [name for name, protocol in self.protocols.items() if not protocol.seeded]
        if unseeded and len(self.settings["seeds"]) > 1:
            notes.append(
                f"Under the protocol {', '.join(unseeded)} a seed changes nothing: "
                "one run stands for all."
            )
        return " ".join(notes)

    @property
    def seeds_vary(self) -> dict[str, str]:
        """Protocol -> what differs between its runs of different seeds, in words."""
        return {
            name: ", ".join(protocol.seeded).replace("_", " ") or "nothing"
            for name, protocol in self.protocols.items()
        }

    @property
    def other_model(self) -> str:
        """In what the runs of the first protocol are not those of the paper; empty if in nothing."""
        if not self.runs:
            return ""
        first, width = self.settings["protocols"][0], self.settings["autoencoder"]["width"]
        protocol = self.protocols[first]
        start = protocol.initial_weights
        differences = {
            f"autoencoders start from {STARTS.get(start)}": start in STARTS,
            "its architecture is the text's, not the checkpoint's": protocol.bottleneck == "fc4096",
            f"width {width}": width != 1,
            f"{self.settings['epochs']} epochs": self.settings["epochs"] != 1,
            f"the selected protocol is not {first}": self.settings["selected"]["protocol"] != first,
        }
        return ", ".join(words for words, differs in differences.items() if differs)

    def measured(self, loss: str) -> dict[str, str]:
        """Return what `memorability.report.labels.metric_label` takes of the errors of a loss."""
        metric = Metric(loss, self._backbone(loss), "distance")._asdict()
        return metric | {"protocol": "", "loss": loss}

    def _backbone(self, loss: str) -> str:
        return backbone_weights(loss, self.settings["weights"]["source"])

    @property
    def correlation_settings(self) -> dict[str, Any]:
        """What decides correlations and their intervals, for the parameters of a job."""
        target = self.settings["statistics"]["target"]
        return {"target": target, "bootstrap": self.bootstrap_settings}

    @property
    def bootstrap_settings(self) -> dict[str, Any]:
        """The values of `memorability.statistics.intervals.Bootstrap`, for the parameters of a job."""
        statistics = self.settings["statistics"]
        names = {"draws": "bootstrap", "confidence": "confidence", "seed": "seed"}
        return {name: statistics[key] for name, key in names.items()}

    def attribution_settings(self, *names: str) -> dict[str, Any]:
        """Return how images are explained, and the keys `names`, for the parameters of a job."""
        keys = ("baseline", "blur_kernel", "steps", "tolerance", *names)
        return {
            **{key: self.settings["attribution"][key] for key in keys},
            "seed": self.settings["statistics"]["seed"],
            "device": self.settings["compute"]["device"],
            "threads": self.threads,
        }

    @property
    def split_settings(self) -> dict[str, Any]:
        """What decides which images are for training, validation and test.

        A study without runs predicts nothing: its split, stratified, is that of label-only baselines.
        """
        seed = self.settings["statistics"]["seed"]
        split = {**self.settings["prediction"]["split"], "seed": seed}
        if not self.runs:
            split["kind"] = "stratified"
        return split | {"number": 1} if split["kind"] == "file" else split

    @property
    def predictor_settings(self) -> dict[str, Any]:
        """What decides a training of the predictor, for the parameters of a job."""
        prediction = self.settings["prediction"]
        names = (
            "hidden", "learning_rate", "batch_size", "dropout", "weight_decay", "patience",
            "max_epochs", "output",
        )  # fmt: skip
        seed = self.settings["statistics"]["seed"]
        return {name: prediction[name] for name in names} | {"seed": seed, "threads": self.threads}

    @property
    def searches(self) -> bool:
        """Whether the predictor's hyper-parameters are searched."""
        return str(self.settings["prediction"]["search"]["kind"]) != "none"

    @property
    def leaves_out_categories(self) -> bool:
        """Whether each category is also predicted from the others."""
        return str(self.settings["prediction"]["leave_one_category_out"]) != "none"

    @property
    def prediction_note(self) -> str:
        """The note of the study, and whether the autoencoder saw the test images."""
        protocol = self.protocols[self.settings["selected"]["protocol"]]
        seen = (
            "The autoencoder was fine-tuned on the training images alone: neither it nor the predictor "
            "saw a test image."
            if protocol.fine_tuned_on == "train_split"
            else "The autoencoder was fine-tuned on all images, test images included, without their "
            "scores; the predictor saw none of them."
        )
        return f"{seen} {self.note}".strip()

    @property
    def score_convention(self) -> str:
        """What the score of an image is, in words."""
        dataset = self.settings["dataset"]
        if dataset["kind"] == "folder":
            return f"as given in {Path(dataset['scores']).name}"
        if dataset["kind"] == "lamem":
            return "as LaMem publishes it"
        return "(hits − false alarms) / responses"

    @property
    def bundle_settings(self) -> dict[str, Any]:
        """What decides a saved predictor besides its inputs, for the parameters of its job."""
        return {
            "resize": self.selected_resize,
            "minimum_side": minimum_side(self.settings["losses"]),
            "decoding": self.decoding,
            "score": self.score_convention,
            "confidence": self.settings["statistics"]["confidence"],
            "split": self.split_settings,
            "note": self.note,
            "threads": 1,
        }

    @property
    def has_counts(self) -> bool:
        """Whether the score table has the counts from which the noise ceiling is estimated."""
        return set(self.image_source["columns"]) >= set(COUNTS)

    @property
    def trials(self) -> list[str]:
        """Table of the single trials that the scores were made of, where there is one."""
        sample = self.settings["dataset"]["kind"] == "sample"
        return [f"{self.results}/dataset/trials.parquet"] * sample

    @property
    def decoding(self) -> dict[str, Any]:
        """How image files become pixels (`images.decoding.Decoding`), for parameters of a job."""
        return {key: self.settings["images"][key] for key in ("color_profile", "max_megapixels")}

    def preparation(self, resize: str) -> dict[str, Any]:
        """Return what decides the prepared images, for the parameters of a job."""
        return {
            "columns": self.image_source["columns"],
            "on_bad_image": self.settings["images"]["on_bad_image"],
            "minimum_side": minimum_side(self.settings["losses"]),
            "decoding": self.decoding,
            "resize": resize,
            "seed": self.settings["statistics"]["seed"],
        }

    def runs_of(self, protocol: str, loss: str) -> list[Run]:
        """Return the runs of a protocol and a loss, by learning rate, then seed."""
        return [run for run in self.runs if (run.protocol, run.loss) == (protocol, loss)]

    def metric_settings(self, protocol: str) -> dict[str, Any]:
        """Return what decides errors of given models under all metrics, for the parameters of a job."""
        return {
            "protocol": self.protocols[protocol].choices(),
            "losses": self.settings["losses"],
            "width": self.settings["autoencoder"]["width"],
            "weights": self._run_weights(protocol),
            **self.machine,
            **self.precision,
        }

    @property
    def no_objects(self) -> str:
        """Why there are no object features, in words; empty where there are."""
        if not self.settings["features"]["objects"]:
            return "features.objects is off"
        if self.settings["weights"]["source"] == "random":
            return "weights.source is random, and objects need pretrained networks"
        return ""

    @property
    def unavailable_features(self) -> dict[str, str]:
        """Features of Table 2 that are not measured, and why."""
        return dict.fromkeys(OBJECT_FEATURES, self.no_objects) if self.no_objects else {}

    @property
    def feature_note(self) -> str:
        """The note of the study, and whether objects were looked for."""
        missing = f"Objects and their separation are not measured: {self.no_objects}."
        return f"{missing if self.no_objects else ''} {self.note}".strip()

    @property
    def object_weights(self) -> list[str]:
        """The weights files of the networks behind object features, if these are measured."""
        if not self.runs or self.no_objects:
            return []
        return [str(self.weights_directory / file) for file in OBJECT_NETWORKS.values()]

    @property
    def object_settings(self) -> dict[str, Any]:
        """What decides object features, for the parameters of a job."""
        names = ("score_threshold", "class_probability", "shards")
        chosen = {name: self.settings["features"][name] for name in names}
        return chosen | {"directory": str(self.weights_directory), **self.machine}

    @property
    def metric_weights(self) -> list[str]:
        """The weights files that the metrics of this study read."""
        pretrained = self.settings["weights"]["source"] != "random"
        losses = [loss for loss in self.settings["losses"] if pretrained and loss in LOSS_BACKBONES]
        return [str(self.weights_directory / BACKBONES[LOSS_BACKBONES[loss]]) for loss in losses]

    def run_settings(self, protocol: str, loss: str, lr: str, seed: str) -> dict[str, Any]:
        """Return what decides a run's result, for the parameters of its job."""
        choices = self.protocols[protocol].choices()
        return {
            "protocol": choices,
            "loss": loss,
            "learning_rate": learning_rate(lr),
            "seed": int(seed),
            "stream_seeds": self.protocols[protocol].stream_seeds(int(seed)),
            "previous_model": next(iter(self.previous_model(protocol, loss, lr, seed)), None),
            "epochs": self.settings["epochs"],
            "width": self.settings["autoencoder"]["width"],
            "weights": self._run_weights(protocol),
            **self.machine,
            **self.precision,
        }

    @property
    def threads(self) -> int:
        """Threads of a job that works through latents: of narrow networks, a second gains nothing."""
        return 2 if self.settings["autoencoder"]["width"] >= LEAST_WIDTH_FOR_THREADS else 1

    @property
    def machine(self) -> dict[str, Any]:
        """What of the machine decides the bits of a result, for the parameters of a job."""
        return {key: self.settings["compute"][key] for key in ("device", "threads")}

    @property
    def precision(self) -> dict[str, Any]:
        """In which training and the measuring of errors compute, for the parameters of a job."""
        return {"precision": self.settings["compute"]["precision"]}

    def target_files(self, protocol: str, loss: str) -> list[str]:
        """Return the stored targets that runs of a protocol and a loss read, if any."""
        stored = loss in self.settings["compute"]["stored_targets"]
        return [f"{self.results}/targets/protocol={protocol}/loss={loss}/targets.npy"] * stored

    def target_settings(self, protocol: str, loss: str) -> dict[str, Any]:
        """Return what decides the stored targets of a loss, for the parameters of a job."""
        settings = self.metric_settings(protocol)
        del settings["losses"], settings["width"]
        return settings | {"loss": loss}

    def previous_model(self, protocol: str, loss: str, lr: str, seed: str) -> list[str]:
        """Return the model that a run continues with where the sweep is carried over, or nothing."""
        if self.protocols[protocol].sweep == "fresh":
            return []
        run = Run(protocol=protocol, loss=loss, lr=lr, seed=int(seed))
        earlier = previous(run, self.runs)
        return [self.model_file(earlier)] if earlier else []

    @property
    def decays(self) -> bool:
        """Whether the selected model is also trained for more epochs, for the decay curve."""
        return bool(self.runs) and int(self.settings["decay"]["epochs"]) > 1

    @property
    def published_split(self) -> bool:
        """Whether the predictor is trained and tested on the split of the paper."""
        return bool(self.runs) and self.settings["prediction"]["split"]["kind"] == "published"

    def decay_settings(self, protocol: str, loss: str, lr: str, seed: str) -> dict[str, Any]:
        """Return what decides the errors of a run of the decay curve, for the parameters of its job."""
        epochs = {"epochs": self.settings["decay"]["epochs"]}
        return self.run_settings(protocol, loss, lr, seed) | epochs

    def model_bytes(self, protocol: str) -> float:
        """Return the size of a fine-tuned model of a protocol, in bytes."""
        bottleneck = self.protocols[protocol].bottleneck
        return MODEL_BYTES[bottleneck] * float(self.settings["autoencoder"]["width"]) ** 2

    def training_memory(self, protocol: str, beside: float = 0) -> str:
        """Return the memory that a job with a model of a protocol asks for, and `beside` bytes."""
        # Weights, gradients and two moments of Adam, beside 2.5 GB for images and libraries.
        return f"{math.ceil(2.5 + (4 * self.model_bytes(protocol) + beside) / 1e9)}GB"

    @property
    def kept(self) -> tuple[Run, ...]:
        """The runs whose models stay on disk."""
        choices = {"all": self.runs, "selected": self.selected, "none": ()}
        return choices[self.settings["keep_checkpoints"]]

    def kept_file(self, run: Run) -> str:
        """Return the file in which the model of a run stays on disk, if it does."""
        return f"{self.results}/{self.analysed_models}/{run.path}/{MODEL}"

    @property
    def analysed_models(self) -> str:
        """Directory, in the results, of the models that analyses read."""
        return "selected_models" if self.settings["keep_checkpoints"] == "selected" else "models"

    def model_file(self, run: Run) -> str:
        """Return the file of a run's fine-tuned model, where the run leaves it."""
        return f"{self.results}/models/{run.path}/{MODEL}"

    def error_file(self, run: Run) -> str:
        """Return the table of a run's errors."""
        return f"{self.results}/errors/{run.path}/part.parquet"

    def matrix_file(self, run: Run) -> str:
        """Return the table of the errors under every metric that a run's model may be chosen for."""
        keys = f"protocol={run.protocol}/loss={run.loss}/seed={run.seed}"
        return f"{self.results}/matrix/{keys}/part.parquet"

    @property
    def weights_directory(self) -> Path:
        """Directory of the weights files: the user's own, or the one that downloads go to."""
        weights = self.settings["weights"]
        own = weights["source"] == "directory"
        return Path(weights["directory"]) if own else WEIGHTS_DIRECTORY

    def _run_weights(self, protocol: str) -> dict[str, str]:
        # A run does not depend on how its files came into their directory.
        random = self.settings["weights"]["source"] == "random"
        weights = {
            "source": "random" if random else "directory",
            "directory": str(self.weights_directory),
        }
        for file in self.pretrained_files(protocol):
            weights["autoencoder"] = file
        return weights

    def pretrained_files(self, protocol: str) -> list[str]:
        """Return the model files of this study's own pre-training that runs of a protocol read."""
        pretrained = self.protocols[protocol].initial_weights == "pretrain"
        return [f"{self.pretraining_path(protocol)}/autoencoder.safetensors"] if pretrained else []

    def weight_files(self, protocol: str, loss: str) -> list[str]:
        """Return the weights files from outside that runs of a protocol and a loss read."""
        names = []
        start = self.protocols[protocol].initial_weights
        if start == "checkpoint" or (start == "checkpoint_as_scripted" and self._has_checkpoint):
            names.append(AUTOENCODER)
        if start == "vgg16_encoder":
            names.append(BACKBONES["vgg"])
        if self.settings["weights"]["source"] != "random" and loss in LOSS_BACKBONES:
            names.append(BACKBONES[LOSS_BACKBONES[loss]])
        return [str(self.weights_directory / name) for name in dict.fromkeys(names)]

    @property
    def _has_checkpoint(self) -> bool:
        """Whether the checkpoint is there, or will be because another protocol needs it."""
        starts = {protocol.initial_weights for protocol in self.protocols.values()}
        return "checkpoint" in starts or (self.weights_directory / AUTOENCODER).is_file()

    def pretraining_path(self, protocol: str) -> str:
        """Return the directory of the model on which runs of a `pretrain` protocol start.

        Runs share a model where resize and architecture are the same. It is kept with the study's
        results, because the study's settings decide it.
        """
        chosen = self.protocols[protocol]
        batch_norm = "yes" if chosen.batch_norm else "no"
        return (
            f"{self.results}/pretraining/{chosen.resize}/"
            f"{chosen.bottleneck}-{chosen.decoder}-batch_norm_{batch_norm}"
        )

    @property
    def pretrainings(self) -> list[str]:
        """Directories of all pre-trained models that the study needs."""
        pretrained = [
            self.pretraining_path(name)
            for name, protocol in self.protocols.items()
            if protocol.initial_weights == "pretrain"
        ]
        return list(dict.fromkeys(pretrained))

    def pretraining_settings(
        self, resize: str, bottleneck: str, decoder: str, batch_norm: str
    ) -> dict[str, Any]:
        """Return what decides a pre-trained model, for the parameters of its job."""
        return {
            **self.settings["pretraining"],
            "resize": resize,
            "architecture": {
                "width": float(self.settings["autoencoder"]["width"]),
                "bottleneck": bottleneck,
                "decoder": decoder,
                "batch_norm": batch_norm == "yes",
            },
            "seed": self.settings["statistics"]["seed"],
            **self.precision,
            **self.machine,
        }

    @property
    def pretraining_memory(self) -> str:
        """Return the memory that a pre-training job asks for."""
        model = max(map(self.model_bytes, self.protocols))
        images = IMAGE_BYTES * self.settings["pretraining"]["batch_size"]
        images *= float(self.settings["autoencoder"]["width"])
        return f"{math.ceil(2.5 + (4 * model + images) / 1e9)}GB"

    def preflight(self) -> None:
        """Check what a study needs on disk before its first job.

        Raises
        ------
        InputError
            If images, scores or weights are missing, or the results directory cannot be written
            or has no room for the models that will be kept and those of one loss until they are
            compared.
        """
        # What is prepared may have come without its images (rules/archive.smk).
        prepared = Path(self.image_table).is_file()
        own = self.settings["dataset"]["kind"] == "folder" and not prepared
        if own:
            require(Path(self.image_source["images"]), "dataset.images", "a directory of images")
        if own or not (self.has_images or prepared):
            require(Path(self.image_source["scores"]), "dataset.scores", "a table of scores")
        prediction = self.settings["prediction"]
        own_tables = {
            f"prediction.external.{name}.file": table["file"]
            for name, table in prediction["external"].items()
        }
        if prediction["split"]["kind"] == "file":
            own_tables["prediction.split.file"] = prediction["split"]["file"]
        for key, file in own_tables.items() if self.runs else ():
            require(Path(file), key, "a table of one row per image")
        for key in ("external_errors", "external_latents"):
            for name, source in self.settings[key].items():
                what = f"a table of {key.removeprefix('external_')}"
                require(Path(source["file"]), f"{key}.{name}.file", what)
        if self.pretrainings:
            folder = Path(self.settings["pretraining"]["images"])
            require(folder, "pretraining.images", "a directory of images")
        needed: set[str] = set()
        if self.settings["weights"]["source"] == "directory":
            left = [run for run in self.runs if not Path(self.error_file(run)).is_file()]
            needed.update(*(self.weight_files(run.protocol, run.loss) for run in left))
            if not prepared:
                needed.update(self.object_weights)
        missing = sorted(file for file in needed if not Path(file).is_file())
        if missing:
            raise InputError(
                f"Weights files are missing: {', '.join(missing)}. docs/data.md says where to get "
                "them; weights.source: torchvision downloads them. Without them: weights.source: "
                "random for losses, features: {objects: false} for image features, and for the "
                "autoencoder a protocol with initial_weights: random (protocols/untrained_start.yaml) "
                "or pretrain (protocols/pretrained_start.yaml)."
            )
        require_writable(Path(self.results), "Results")
        if self.runs:
            require_writable(CHECKPOINTS, "Training state")
        unmade = [run for run in self.kept if not Path(self.kept_file(run)).is_file()]
        unmade += max(self._passing_models(), key=self._bytes, default=[])
        require_space(Path(self.results), len(unmade), self._bytes(unmade))

    def _bytes(self, runs: Iterable[Run]) -> float:
        return sum(self.model_bytes(run.protocol) for run in runs)

    def _passing_models(self) -> Iterator[list[Run]]:
        """Yield, per protocol and loss, the runs whose models are there together but are not kept.

        Until the errors of all of them say which one has the highest correlation, no model may go.
        """
        for protocol in self.protocols:
            for loss in self.settings["losses"]:
                yield [
                    run
                    for run in self.runs_of(protocol, loss)
                    if run not in self.kept and not Path(self.matrix_file(run)).is_file()
                ]
