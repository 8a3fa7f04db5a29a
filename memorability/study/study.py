"""A study: its settings, its protocols by name, and the runs to make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorability.images.data_sets import DATA_SETS, OTHER_ORIGIN
from memorability.memory_game.score_kinds import COUNTS, RATES
from memorability.networks.catalogue import (
    BACKBONES,
    LOSS_BACKBONES,
    NETWORKS,
    Metric,
    weights_name,
)
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, PixelPredictorSpec
from memorability.prediction.names import OWN_TEST_IMAGES
from memorability.study.contradictions import has_images
from memorability.study.grid import Run
from memorability.study.protocol import Protocol

DATASET_DOWNLOADS = {
    "memcat": ("memcat_images", "memcat_scores"),
    "lamem": ("lamem",),
    "sun": ("sun_memorability",),
    "figrim": ("figrim_images", "figrim_responses"),
    "things": ("things_images", "things_scores"),
}
"""Of data sets that are downloaded: the names of their downloads."""

WEIGHTS_DIRECTORY = Path("resources/weights")
"""Where downloaded weights land."""

LABELS = ("category", "subcategory")
"""Columns of labels that a table of images may have."""

_KNOWN = {"lamem": (), "sun": COUNTS, "figrim": ("category",), "things": ("subcategory",)}
"""Of data sets that do not have all: which labels and counts they have."""


def image_source(dataset: Mapping[str, Any], made: str) -> dict[str, Any]:
    """Return where images and scores come from or are made, in the words of the kind `folder`.

    Parameters
    ----------
    dataset
        As configurations have it.
    made
        Directory of what is made of single trials, or simulated.
    """
    names = ["file", "score"]
    place, scores = made, "scores.csv"
    if "trials" in dataset:
        names += [*COUNTS, *(name for name in LABELS if name in dataset["columns"])]
        columns = {name: name for name in names}
        return {
            "images": dataset.get("images"),
            "scores": f"{place}/{scores}",
            "columns": columns,
        }
    if dataset["kind"] in ("folder", "table"):
        return {key: dataset.get(key) for key in ("images", "scores", "columns")}
    if dataset["kind"] in DATASET_DOWNLOADS:
        place, scores = f"resources/{dataset['kind']}", "scores.parquet"
        names.append("image_id")
    names += _KNOWN.get(dataset["kind"], (*LABELS, *COUNTS))
    source: dict[str, Any] = {"images": f"{place}/images", "scores": f"{place}/{scores}"}
    if not has_images(dataset):
        source = {"images": None, "scores": dataset["scores"]}
    return source | {"columns": {name: name for name in names}}


def origins(dataset: Mapping[str, Any], named: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return data sets that images were taken from; None where nobody knows.

    Parameters
    ----------
    dataset
        As configurations have it.
    named
        Of images of the user's: what the user says.
    """
    if dataset["kind"] == "folder":
        return None if named is None else tuple(named)
    # The sample's scores are simulated: nobody was trained on them.
    return (dataset["kind"] if dataset["kind"] in DATA_SETS else OTHER_ORIGIN,)


@dataclass(frozen=True)
class FurtherSet:
    """A data set of `prediction.test_on`, on whose images predictors are tested as they are.

    Parameters
    ----------
    name
        That the user gave it.
    dataset
        As configurations have it.
    """

    name: str
    dataset: Mapping[str, Any]

    @property
    def source(self) -> dict[str, Any]:
        """Where images and scores come from, in the words of the data set kind `folder`."""
        return image_source(self.dataset, "")

    @property
    def is_own(self) -> bool:
        """Whether images and scores are the user's, who may change them."""
        return bool(self.dataset["kind"] == "folder")

    @property
    def has_counts(self) -> bool:
        """Whether the score table has the counts from which rates and the ceiling are known."""
        return set(self.source["columns"]) >= set(COUNTS)

    @property
    def targets(self) -> tuple[str, ...]:
        """The measured scores that predictors are compared with (`SCORE_KINDS`)."""
        return ("score", *(RATES if self.has_counts else ()))

    @property
    def images_from(self) -> tuple[str, ...] | None:
        """Data sets that the images were taken from; None where nobody knows."""
        return origins(self.dataset, self.dataset.get("images_from"))


@dataclass(frozen=True)
class Study:
    """A checked configuration; made by `memorability.study.resolve.resolve`.

    Parameters
    ----------
    settings
        The configuration, as config.yaml explains it.
    protocols
        By name; none of a study without runs.
    runs
        The runs to make, by protocol, loss, learning rate, seed.
    selected
        Those of the analysed model: a run per seed.
    """

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
    def has_own_trials(self) -> bool:
        """Whether the scores are made of single trials that the user gave."""
        return "trials" in self.settings["dataset"]

    @property
    def has_trials(self) -> bool:
        """Whether single trials are known, those of simulated observers among them."""
        return self.has_own_trials or bool(self.settings["dataset"]["kind"] == "sample")

    @property
    def has_counts(self) -> bool:
        """Whether the score table has the counts from which the noise ceiling is estimated."""
        return set(self.image_source["columns"]) >= set(COUNTS)

    @property
    def image_source(self) -> dict[str, Any]:
        """Where images and scores come from or are made, in the words of the data set kind `folder`."""
        return image_source(self.settings["dataset"], f"{self.results}/dataset")

    @property
    def further_sets(self) -> tuple["FurtherSet", ...]:
        """The data sets of `prediction.test_on`; none of a study without runs."""
        named = self.settings["prediction"]["test_on"] if self.runs else {}
        return tuple(FurtherSet(name, dataset) for name, dataset in named.items())

    @property
    def test_set_kinds(self) -> dict[str, str]:
        """Sets of the table `test_sets`, the study's own first -> the kinds of their data sets."""
        further = {each.name: str(each.dataset["kind"]) for each in self.further_sets}
        return {OWN_TEST_IMAGES: str(self.settings["dataset"]["kind"]), **further}

    @property
    def first_resize(self) -> str:
        """Resize of the first protocol, whose image table stands for the study."""
        return self.protocols[self.settings["protocols"][0]].resize

    @property
    def selected_resize(self) -> str:
        """Resize of the analysed model, whose pixels are explained."""
        return self.protocols[self.settings["selected"]["protocol"]].resize

    def runs_of(self, protocol: str, loss: str) -> list[Run]:
        """Return the runs of a protocol and a loss, by learning rate, then seed."""
        return [run for run in self.runs if (run.protocol, run.loss) == (protocol, loss)]

    @property
    def kept(self) -> tuple[Run, ...]:
        """The runs whose models stay on disk."""
        choices = {"all": self.runs, "selected": self.selected, "none": ()}
        return choices[self.settings["keep_checkpoints"]]

    @property
    def random_backbones(self) -> bool:
        """Whether networks have random weights where no file is named, and no object is looked for."""
        return bool(self.settings["weights"]["source"] == "random")

    def measured(self, loss: str) -> dict[str, str]:
        """Return what `memorability.report.labels.metric_label` takes of the errors of a loss."""
        # Who trained its network shows in the file alone.
        metric = Metric(loss, self.backbone(loss), "", "", "distance")._asdict()
        return metric | {"protocol": "", "loss": loss}

    def backbone(self, loss: str) -> str:
        """Return what the weights of a loss's network are called: see `weights_name`."""
        return weights_name(LOSS_BACKBONES.get(loss), self.loss_weights(loss))

    def loss_weights(self, loss: str) -> Path | None:
        """Return the file of the weights of a loss's network; None without a network or a file."""
        backbone = LOSS_BACKBONES.get(loss)
        if backbone is None or (self.random_backbones and backbone not in self._named_files):
            return None
        return self.network_file(backbone)

    def network_file(self, backbone: str) -> Path:
        """Return the file of a backbone: the one that the study names, or else the published one."""
        return self._named_files.get(backbone, self.weights_directory / BACKBONES[backbone])

    @property
    def _named_files(self) -> dict[str, Path]:
        files = self.settings["weights"]["files"]
        return {NETWORKS[name]: Path(file) for name, file in files.items()}

    @property
    def weights_directory(self) -> Path:
        """The directory of the other weights files: the user's own, or where downloads go to."""
        weights = self.settings["weights"]
        own = weights["source"] == "directory"
        return Path(weights["directory"]) if own else WEIGHTS_DIRECTORY

    @property
    def no_objects(self) -> str:
        """Why there are no object features, in words; empty where there are."""
        if not self.settings["features"]["objects"]:
            return "features.objects is off"
        if self.random_backbones:
            return "weights.source is random, and objects need pretrained networks"
        return ""

    @property
    def decays(self) -> bool:
        """Whether the analysed model is also trained for more epochs, for the decay curve."""
        return bool(self.runs) and int(self.settings["decay"]["epochs"]) > 1

    @property
    def split_kind(self) -> str:
        """How images are split; of a study without runs stratified, for its label-only baselines."""
        return str(self.settings["prediction"]["split"]["kind"]) if self.runs else "stratified"

    @property
    def published_split(self) -> bool:
        """Whether the predictor is trained and tested on the split of the paper."""
        return self.split_kind == "published"

    @property
    def groups_near_duplicates(self) -> bool:
        """Whether the split keeps images together that are nearly the same picture."""
        return bool(self.runs) and bool(
            self.settings["prediction"]["split"]["group_near_duplicates"]
        )

    @property
    def searches(self) -> bool:
        """Whether the predictor's hyper-parameters are searched."""
        return str(self.settings["prediction"]["search"]["kind"]) != "none"

    @property
    def pixel_predictors(self) -> tuple[PixelPredictorSpec, ...]:
        """The predictors that read pixels; none of a study without runs."""
        names = self.settings["prediction"]["pixel_predictors"] if self.runs else ()
        return tuple(PIXEL_PREDICTORS[name] for name in names)

    @property
    def external_claims(self) -> dict[str, dict[str, str]]:
        """Quantity -> name of a source from elsewhere -> id of the figure that it answers."""
        keys = {"error": "external_errors", "distinctiveness": "external_latents"}
        return {
            quantity: {name: source.get("claim", "") for name, source in self.settings[key].items()}
            for quantity, key in keys.items()
        }

    @property
    def where_predictors(self) -> tuple[PixelPredictorSpec, ...]:
        """The predictors of pixels whose scores are explained (docs/where.md)."""
        names = self.settings["where"]["predictors"] if self.runs else ()
        return tuple(PIXEL_PREDICTORS[name] for name in names)

    @property
    def targets(self) -> tuple[str, ...]:
        """The scores that predictors of pixels are fitted to and compared on (`SCORE_KINDS`)."""
        return ("score", *(RATES if self.has_counts else ()))

    @property
    def images_from(self) -> tuple[str, ...] | None:
        """Data sets that the images were taken from; None where nobody knows."""
        return origins(self.settings["dataset"], self.settings["prediction"]["images_from"])

    @property
    def without_photographs(self) -> str:
        """Why the explorer shows no photographs, in words; "" where it shows them."""
        shown = self.settings["explorer"]["photographs"]
        if not self.runs:
            return "The study has no prepared images."
        if shown == "never":
            return "The settings of the study leave photographs out."
        taken = [DATA_SETS[name].label for name in self.images_from or () if name in DATA_SETS]
        if shown == "auto" and taken:
            return (
                f"The photographs of {' and '.join(taken)} keep the licences of their sources, and "
                "this page could be passed on. explorer.photographs: always shows them."
            )
        return ""

    @property
    def leaves_out_categories(self) -> bool:
        """Whether each category is also predicted from the others."""
        return str(self.settings["prediction"]["leave_one_category_out"]) != "none"
