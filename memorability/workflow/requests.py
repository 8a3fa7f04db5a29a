"""What jobs ask a scheduler for: time by images, epochs and loss; more of everything after a failure.

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

from memorability.base.errors import named
from memorability.images.data_sets import DATA_SETS, SAMPLE_CATEGORIES
from memorability.images.sizes import SIDE
from memorability.prediction.names import PREDICTORS
from memorability.study.study import Study

FIGURES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("cost_figures.yaml").read_text(encoding="utf-8")
)
MARGIN = 2
START = 15
"""Minutes."""
LARGEST_SEARCH = 7 * 24 * 60
"""Minutes that a worker of a search asks for at most: run again, it goes on with its next trial."""
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
    """The minutes that the jobs of a study ask for."""

    study: Study

    @cached_property
    def images(self) -> int:
        """Number of images: known, or that of the rows of the score table; 0 before it is there."""
        dataset = self.study.settings["dataset"]
        if dataset["kind"] == "sample":
            return SAMPLE_CATEGORIES * int(dataset["images_per_category"])
        if dataset["kind"] in DATA_SETS:
            return DATA_SETS[dataset["kind"]].images
        return _rows(Path(dataset["scores"]))

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

    def fitting_memory(self, predictor: str) -> str:
        """Return the memory in which a predictor is fitted.

        Raises
        ------
        InputError
            If there is no such predictor, with the nearest name.
        """
        if named(PREDICTORS, predictor, "predictor").cost != "inner_products":
            return "4GB"
        # Of all images with the training images, twice.
        return f"{math.ceil(2.5 + self.images**2 * PAIR_BYTES / 1e9)}GB"

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
