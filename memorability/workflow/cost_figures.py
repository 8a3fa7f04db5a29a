"""What the times of jobs follow from: how many images there are, and the seconds of their parts.

Seconds are of one core as published, or as this machine was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pyarrow import parquet

from memorability.base.text import one_form
from memorability.images.data_sets import DATA_SETS, SAMPLE_CATEGORIES
from memorability.images.folder import find_images
from memorability.study import paths
from memorability.study.study import FurtherSet, Study
from memorability.tables.given import read_given

FIGURES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("cost_figures.yaml").read_text(encoding="utf-8")
)


PUBLISHED_LATENT = 25_088

# Of the rules that look into images.
ABLATED = 40  # images that one becomes, controls included
PLACED = 0.02  # seconds of an image of an embedding, tested and placed on a plane
VAE = 60  # seconds of all steps of the small VAE, and of the images that it reads
UNITS = 1000  # of a layer
MAPPED = 130  # scores that a map by all methods takes as long as
MAP_PAIRS = 20  # of methods
ATTRIBUTE_TESTS = 40  # of numbers and quartiles, and of pairs of labels
ABLATING = 1.5  # seconds of an image, without its scores
DRAWING = 3.0  # seconds of the versions of an image with more and less detail, without their scores
VISUALISED = 2400  # scores that the pictures of two units take as long as
VERSIONS = 5  # of an image, itself included

WRITTEN = (
    "choose_predictor", "describe_methods", "estimate", "list_units", "record_provenance",
    "summarise_errors", "summarise_study",
)  # fmt: skip
"""Rules that take as long as a figure."""

DRAWN = (
    "ablation_examples", "ablations", "attributes", "attribution_checks", "attributions",
    "consistency", "controls", "decay", "distinctiveness", "errors", "external_distinctiveness",
    "external_errors", "features", "forest", "increments", "latent_map", "maps", "matrix",
    "measures", "modified", "pixel_training", "planted", "portraits", "prediction", "predictors",
    "pretraining", "protocol_effects", "reconstructions", "scores", "search", "seed_agreement",
    "selection", "test_sets", "units",
)  # fmt: skip
"""Figures, each of the rule plot_<name>."""

SPLITS = {("memcat", "published"): (5_892, 3_177), ("lamem", "official"): (45_000, 10_000)}
"""Training and test images, by kind of data set and of split."""


@dataclass(frozen=True)
class LossSeconds:
    """Seconds of a loss on one image, the autoencoder left out.

    Attributes
    ----------
    describe
        What its network makes of the image itself; 0 where there is none.
    train, measure
        All of it in a training step, with the gradient of the reconstruction, and in an evaluation.
    """

    describe: float
    train: float
    measure: float


@dataclass(frozen=True)
class AutoencoderSeconds:
    """Seconds of an autoencoder on one image.

    Attributes
    ----------
    train
        A fine-tuning step, of the loss mse: both passes and the optimiser.
    reconstruct
        A pass in evaluation mode.
    encode
        A pass through the encoder, in fp32.
    attribute
        One point of Integrated Gradients, in fp32.
    """

    train: float
    reconstruct: float
    encode: float
    attribute: float


@dataclass(frozen=True)
class Calibration:
    """How fast a machine is at what needs networks.

    Attributes
    ----------
    device
        torch device.
    threads
        With which a processor computed.
    autoencoders
        By architecture: bottleneck, decoder, batch_norm.
    losses
        By name.
    start
        Seconds in which a job loads its libraries.
    spread
        Longest over shortest time of the same training step, the most of all architectures.
    """

    device: str
    threads: int
    autoencoders: Mapping[tuple[Any, ...], AutoencoderSeconds]
    losses: Mapping[str, LossSeconds]
    start: float
    spread: float


def architecture(protocol: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what of a protocol decides how long its autoencoder takes."""
    return tuple(protocol[choice] for choice in ("bottleneck", "decoder", "batch_norm"))


def published(study: Study) -> Calibration:
    """Return what one core of `cost_figures.yaml` takes for the networks of a study.

    Jobs start at once: the start of a job on a cluster is not theirs.
    """
    width = float(study.settings["autoencoder"]["width"])
    seconds = {
        name: max(whole * width**2, min(whole, FIGURES["least"]))
        for name, whole in FIGURES["autoencoder"].items()
    }
    return Calibration(
        "cpu",
        1,
        {
            architecture(protocol.choices()): AutoencoderSeconds(**seconds)
            for protocol in study.protocols.values()
        },
        {name: LossSeconds(**parts) for name, parts in FIGURES["losses"].items()},
        start=0.0,
        spread=1.0,
    )


@dataclass(frozen=True)
class Sizes:
    """How many images a study has.

    Attributes
    ----------
    images, categories
        In all.
    train, test
        Of the predictor's split.
    pretraining_images
        The folder of `pretraining.images`, if a protocol uses it.
    further
        Name of a data set of `prediction.test_on` -> its images.
    """

    images: int
    categories: int
    train: int
    test: int
    pretraining_images: Path | None = None
    further: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def pretraining(self) -> int:
        """How many images are in that folder."""
        return len(find_images(self.pretraining_images)) if self.pretraining_images else 0


def sizes_of(study: Study) -> Sizes:
    """Count images: of the prepared ones, of a known data set, or of the score table (0 without it).

    Raises
    ------
    InputError
        If the table of scores or trials cannot be read. What is wrong in it is said where it is used.
    """
    dataset = study.settings["dataset"]
    kind = dataset["kind"]
    categories = DATA_SETS[kind].categories if kind in DATA_SETS else SAMPLE_CATEGORIES
    table = None
    own = kind in ("folder", "table")
    given = Path(dataset.get("trials") or dataset.get("scores") or "")
    if own and given.is_file():
        table = read_given(given)
        categories = _distinct(table, dataset["columns"].get("category"), otherwise=1)
    if Path(paths.image_table(study)).is_file():
        images = int(parquet.read_metadata(paths.image_table(study)).num_rows)
    elif own:
        images = 0
        if table is not None:
            images = _distinct(table, dataset["columns"]["file"], otherwise=len(table))
    elif kind in DATA_SETS:
        images = DATA_SETS[kind].images
    else:
        images = SAMPLE_CATEGORIES * int(dataset["images_per_category"])
    split = study.settings["prediction"]["split"]
    shares = (int(split[part] * images) for part in ("train", "test"))
    train, test = SPLITS.get((kind, split["kind"]), shares)
    folder = Path(study.settings["pretraining"]["images"])
    pretrains = bool(study.runs and paths.pretrainings(study))
    further = {each.name: _images_of(study, each) for each in study.further_sets}
    return Sizes(images, categories, train, test, folder if pretrains else None, further)


def _images_of(study: Study, further: FurtherSet) -> int:
    """Return how many images a further data set has: of its own table, or as published."""
    made = paths.further_images(study, further)
    if Path(made).is_file():
        return int(parquet.read_metadata(made).num_rows)
    if not further.is_own:
        return DATA_SETS[further.dataset["kind"]].images
    scores = Path(further.source["scores"])
    return len(read_given(scores)) if scores.is_file() else 0


def _distinct(table: pd.DataFrame, column: str | None, *, otherwise: int) -> int:
    """Return how many values a column of a table has, if the table has one of that name."""
    name = one_form(column or "")
    return int(table[name].nunique()) if list(table.columns).count(name) == 1 else otherwise


def latent_size(study: Study) -> int:
    """Return the number of values of the analysed model's latents, of the paper's without one.

    They are those of `memorability.autoencoder.architecture.Autoencoder`, which needs torch.
    """
    if not study.runs:
        return PUBLISHED_LATENT
    width = float(study.settings["autoencoder"]["width"])
    if study.protocols[study.settings["selected"]["protocol"]].bottleneck == "fc4096":
        return max(1, round(width * 4096))
    return max(1, round(width * 512)) * 7 * 7
