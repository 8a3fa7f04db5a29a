"""What jobs ask a scheduler for: memory, GPUs, and time by images, epochs and loss.

After a failure they ask for more of everything.

Times are those of `job_times` on one core of `cost_figures.yaml`, doubled, and a quarter of an hour
to start: a machine may be slower, and a job that is stopped early is worth less than one that waits
longer.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from memorability.base.errors import InputError, named
from memorability.prediction.names import PREDICTORS
from memorability.study.preflight import model_bytes
from memorability.study.study import Study
from memorability.workflow.cost_figures import Sizes, published, sizes_of
from memorability.workflow.job_times import JobSeconds
from memorability.workflow.planned_jobs import Job

MARGIN = 2
START = 15
"""Minutes."""
LONGEST = {"search_predictor": 7 * 24 * 60}
"""Rule -> minutes that its jobs ask for at most: a worker of a search goes on where it was stopped."""
IMAGE_BYTES = 0.3e9
"""Of one image of a batch in training at width 1, all feature maps and their gradients."""
PAIR_BYTES = 35
"""Memory per pair of an image and a training image, in the heads that compare them all."""

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
    """What the jobs of a study ask a scheduler for: minutes, memory and GPUs."""

    study: Study

    @cached_property
    def sizes(self) -> Sizes:
        """How many images there are; none before the score table is there and can be read."""
        try:
            return sizes_of(self.study)
        except InputError:
            # The job that uses the table says what is wrong with it.
            return Sizes(images=0, categories=1, train=0, test=0)

    @cached_property
    def _seconds(self) -> JobSeconds:
        return JobSeconds(self.study, self.sizes, published(self.study))

    def runtime(self, rule: str) -> Callable[..., int]:
        """Return a rule's request as `growing` takes it: the minutes of a job with some wildcards."""

        def minutes(wildcards: Any, _: Any) -> int:
            seconds = self._seconds(Job(rule, dict(wildcards.items()), (), ()))
            asked = START + math.ceil(MARGIN * seconds / 60)
            return min(asked, LONGEST.get(rule, asked))

        return minutes

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
        return _gigabytes(self.sizes.images**2 * PAIR_BYTES)

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
    def checks_memory(self) -> str:
        """Memory of checks of attributions, with two random networks of each draw."""
        protocol = self.study.settings["selected"]["protocol"]
        draws = self.study.settings["attribution"]["checks"]["random_draws"]
        # An encoder and two predictors of each draw, which together are twice a model.
        return self.training_memory(protocol, 2 * draws * model_bytes(self.study, protocol))

    @property
    def pretraining_memory(self) -> str:
        """Memory of a pre-training job."""
        model = max(model_bytes(self.study, protocol) for protocol in self.study.protocols)
        images = IMAGE_BYTES * self.study.settings["pretraining"]["batch_size"]
        images *= float(self.study.settings["autoencoder"]["width"])
        return _gigabytes(4 * model + images)


def _gigabytes(size: float) -> str:
    """Return the memory of a job that holds so many bytes beside its libraries and some images."""
    return f"{math.ceil(2.5 + size / 1e9)}GB"
