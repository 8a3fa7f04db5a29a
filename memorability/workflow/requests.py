"""What jobs ask a scheduler for: memory, GPUs, and time by images, epochs and loss.

After a failure they ask for more of everything.

Estimates are those of one core of `cost_figures.yaml`, doubled, and a quarter of an hour to start: a
machine may be slower, and a job that is stopped early is worth less than one that waits longer.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pyarrow import parquet

from memorability.images.sizes import SIDE
from memorability.study.preflight import model_bytes
from memorability.study.study import Study

FIGURES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("cost_figures.yaml").read_text(encoding="utf-8")
)
IMAGES = {"memcat": 10_000, "lamem": 58_741}
MARGIN = 2
START = 15
"""Minutes."""
LARGEST_SEARCH = 7 * 24 * 60
"""Minutes that a worker of a search asks for at most: run again, it goes on with its next trial."""
IMAGE_BYTES = 0.3e9
"""Of one image of a batch in training at width 1, all feature maps and their gradients."""
PAIR_BYTES = 35
"""Of a pair of images, in the heads that compare each image with each training image."""

Request = str | int | Callable[..., str | int]


def times(request: str | int, attempt: int) -> str | int:
    """Return a request ("2GB", "10m", or minutes) times the number of the attempt."""
    if isinstance(request, int):
        return request * attempt
    parts = re.fullmatch(r"(\d+)(\D+)", request)
    if not parts:
        raise ValueError(f"{request!r} is not a whole number with a unit.")
    return f"{int(parts[1]) * attempt}{parts[2]}"


def growing(request: Request) -> Callable[[Any, Any, int], str | int]:
    """Return a resource as Snakemake calls it: the request, and as much more with every failed attempt.

    Parameters
    ----------
    request
        As `times` takes it, or what makes it of a job's wildcards and input.
    """

    def resource(wildcards: Any, input: Any, attempt: int) -> str | int:  # noqa: A002  # Snakemake's word
        first = request(wildcards, input) if callable(request) else request
        return times(first, attempt)

    return resource


@dataclass(frozen=True)
class Requests:
    """The minutes, memory and GPUs that the jobs of a study ask for."""

    study: Study

    @cached_property
    def images(self) -> int:
        """Number of images: known, or that of the rows of the score table; 0 before it is there."""
        dataset = self.study.settings["dataset"]
        if dataset["kind"] == "sample":
            return 5 * int(dataset["images_per_category"])
        if dataset["kind"] in IMAGES:
            return IMAGES[dataset["kind"]]
        return _rows(Path(dataset["scores"]))

    @property
    def gpus(self) -> int:
        """GPUs that a job asks for."""
        device = self.study.settings["compute"]["device"]
        return int(device == "cuda" or (device == "auto" and Path("/dev/nvidia0").exists()))

    def training_memory(self, protocol: str, beside: float = 0) -> str:
        """Return the memory of a job with a model of a protocol and `beside` bytes."""
        # Weights, gradients and two moments of Adam.
        return _gigabytes(4 * model_bytes(self.study, protocol) + beside)

    @property
    def analysis_memory(self) -> str:
        """Memory of a job with a model of the selected protocol."""
        return self.training_memory(self.study.settings["selected"]["protocol"])

    @property
    def pretraining_memory(self) -> str:
        """Memory of a pre-training job."""
        model = max(model_bytes(self.study, protocol) for protocol in self.study.protocols)
        images = IMAGE_BYTES * self.study.settings["pretraining"]["batch_size"]
        images *= float(self.study.settings["autoencoder"]["width"])
        return _gigabytes(4 * model + images)

    def finetuning(self, loss: str, epochs: int) -> int:
        """Return the minutes of a run of some epochs, each followed by an evaluation."""
        return _minutes(self.images * epochs * self._autoencoder(loss))

    def pretraining(self, pixels: Path) -> int:
        """Return the minutes of a pre-training on a store of pixels."""
        images = pixels.stat().st_size / (3 * SIDE * SIDE)
        epochs = self.study.settings["pretraining"]["epochs"]
        return _minutes(images * epochs * self._autoencoder("mse"))

    def targets(self, loss: str) -> int:
        """Return the minutes in which a loss sees every image once."""
        return _minutes(self.images * FIGURES["losses"][loss])

    def metrics(self, models: int) -> int:
        """Return the minutes in which models are measured under the metrics of all losses."""
        losses = sum(FIGURES["losses"].values())
        return _minutes(self.images * models * (self._scaled(FIGURES["autoencoder"]) + losses))

    def encoding(self) -> int:
        """Return the minutes in which every image passes the encoder."""
        return _minutes(self.images * self._scaled(FIGURES["encode"]))

    def distances(self) -> int:
        """Return the minutes in which each latent is compared with each other, for four measures."""
        return _minutes(self.images**2 * self._scaled(FIGURES["pair"]))

    def attribution(self) -> int:
        """Return the minutes of Integrated Gradients."""
        chosen = self.study.settings["attribution"]
        images = min(chosen["images"], self.images)
        return _minutes(images * chosen["steps"] * self._scaled(FIGURES["attribute"]))

    def prediction(self, trainings: int = 1) -> int:
        """Return the minutes of some trainings of the predictor."""
        epochs = self.study.settings["prediction"]["max_epochs"]
        return _minutes(trainings * epochs * self.images * FIGURES["predict"])

    @property
    def head_memory(self) -> str:
        """Memory of the inner products of all images with the training images, twice."""
        return _gigabytes(self.images**2 * PAIR_BYTES)

    def search(self) -> int:
        """Return the minutes of one worker's share of the trials."""
        chosen = self.study.settings["prediction"]["search"]
        return min(self.prediction(math.ceil(chosen["trials"] / chosen["jobs"])), LARGEST_SEARCH)

    def correlating(self, tables: int) -> int:
        """Return the minutes in which the images of some tables are correlated with memorability."""
        draws = self.study.settings["statistics"]["bootstrap"]
        # Pooled, within, between and partial, and once more by category.
        return _minutes(10 * tables * self.images * draws * FIGURES["resample"])

    def passing(self, what: str) -> int:
        """Return the minutes in which every image is prepared, or its features are measured."""
        return _minutes(self.images * FIGURES[what])

    def objects(self) -> int:
        """Return the minutes in which a shard of the images passes the networks of object features."""
        shards = self.study.settings["features"]["shards"]
        return _minutes(self.images / shards * FIGURES["objects"])

    def _autoencoder(self, loss: str) -> float:
        return self._scaled(FIGURES["autoencoder"]) + float(FIGURES["losses"][loss])

    def _scaled(self, seconds: float) -> float:
        width = float(self.study.settings["autoencoder"]["width"])
        return float(max(seconds * width**2, min(seconds, FIGURES["least"])))


def _gigabytes(size: float) -> str:
    """Return the memory of a job that holds so many bytes beside its libraries and some images."""
    return f"{math.ceil(2.5 + size / 1e9)}GB"


def _minutes(seconds: float) -> int:
    return START + math.ceil(MARGIN * seconds / 60)


def _rows(table: Path) -> int:
    if not table.is_file():
        return 0
    if table.suffix == ".parquet":
        return int(parquet.read_metadata(table).num_rows)
    with table.open("rb") as file:
        return max(
            0, sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) - 1
        )
