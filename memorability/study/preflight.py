"""What must be there before the first job: files, space, permission to write."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from memorability.base.errors import InputError
from memorability.base.files import CHECKPOINTS
from memorability.networks.catalogue import NOT_FILES
from memorability.sources.downloads import registry
from memorability.study import paths
from memorability.study.grid import Run
from memorability.study.study import Study

# Of one fine-tuned model at width 1, by bottleneck.
MODEL_BYTES = {"conv7x7": 128e6, "fc4096": 1034e6}


def check_study(study: Study) -> None:
    """Check what a study needs on disk before its first job.

    Raises
    ------
    InputError
        If images, scores or weights are missing, or the results directory cannot be written.
    """
    check_file_names()
    for check in (
        check_images,
        check_scores,
        check_tables_of_prediction,
        check_further_sets,
        check_tables_from_elsewhere,
        check_pretraining_images,
        check_weights,
        check_permissions,
    ):
        check(study)


def check_file_names() -> None:
    """Refuse a locale in which names of files read otherwise: it would make a finished study anew."""
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        raise InputError(
            f"This shell's locale reads names of files as {encoding}, not as UTF-8: accents would be "
            "other letters. Run `export PYTHONUTF8=1`, then the same command again."
        )


def check_images(study: Study) -> None:
    """Refuse a directory of images that is not there; what is prepared may have come without it."""
    if study.has_own_images and not _is_prepared(study):
        _require(Path(study.image_source["images"]), "dataset.images", "a directory of images")


def check_scores(study: Study) -> None:
    """Refuse a table of scores or trials of the user's that is not there."""
    given = study.has_own_images or not study.has_images
    if study.has_own_trials and not _is_prepared(study):
        _require(Path(study.settings["dataset"]["trials"]), "dataset.trials", "a table of trials")
    elif given and not _is_prepared(study):
        _require(Path(study.image_source["scores"]), "dataset.scores", "a table of scores")


def check_tables_of_prediction(study: Study) -> None:
    """Refuse predictions from elsewhere and an own split that are not there."""
    prediction = study.settings["prediction"]
    tables = {
        f"prediction.external.{name}.file": table["file"]
        for name, table in prediction["external"].items()
    }
    if prediction["split"]["kind"] == "file":
        tables["prediction.split.file"] = prediction["split"]["file"]
    for key, file in tables.items() if study.runs else ():
        _require(Path(file), key, "a table of one row per image")


def check_further_sets(study: Study) -> None:
    """Refuse images and scores of a further data set of the user's that are not there."""
    for further in study.further_sets:
        if further.is_own and not Path(paths.further_images(study, further)).is_file():
            key, source = f"prediction.test_on.{further.name}", further.source
            _require(Path(source["images"]), f"{key}.images", "a directory of images")
            _require(Path(source["scores"]), f"{key}.scores", "a table of scores")


def check_tables_from_elsewhere(study: Study) -> None:
    """Refuse errors and latents from elsewhere that are not there."""
    for key in ("external_errors", "external_latents"):
        for name, source in study.settings[key].items():
            what = f"a table of {key.removeprefix('external_')}"
            _require(Path(source["file"]), f"{key}.{name}.file", what)
    for name, source in study.settings["attributes"].items():
        if "file" in source:
            _require(Path(source["file"]), f"attributes.{name}.file", "a table of attributes")
    for file in paths.regions(study):
        _require(Path(file), "where.regions", "a table of regions")


def check_pretraining_images(study: Study) -> None:
    """Refuse a pre-training folder that is not there, where a protocol starts from one."""
    if paths.pretrainings(study):
        folder = Path(study.settings["pretraining"]["images"])
        _require(folder, "pretraining.images", "a directory of images")


def check_weights(study: Study) -> None:
    """Refuse weights files of the user's that are not there, and names that mean something else."""
    fetched = {f"resources/{download.path}" for download in registry().values()}
    for name, file in study.settings["weights"]["files"].items():
        if file not in fetched:
            _require(Path(file), f"weights.files.{name}", "a file of weights")
        if Path(file).stem in NOT_FILES:
            raise InputError(
                f"weights.files.{name}: tables call weights by the name of their file, but "
                f"{Path(file).stem} has a meaning of its own there. Give {file} another name."
            )
    for spec in study.pixel_predictors:
        for key, file in study.settings["prediction"]["pixel_weights"].get(spec.name, {}).items():
            if file not in fetched:
                _require(Path(file), f"prediction.pixel_weights.{spec.name}.{key}", "a file")
    if study.settings["weights"]["source"] != "directory":
        return
    left = [run for run in study.runs if not Path(paths.error_file(study, run)).is_file()]
    needed = {file for run in left for file in paths.weight_files(study, run.protocol, run.loss)}
    if not _is_prepared(study):
        needed.update(paths.object_weights(study))
    models = [f"{model}/{paths.MODEL}" for model in paths.pretrainings(study)]
    if not all(Path(model).is_file() for model in models):
        needed.update(paths.pretraining_weights(study))
    missing = sorted(file for file in needed - fetched if not Path(file).is_file())
    if missing:
        raise InputError(
            f"Weights files are missing: {', '.join(missing)}. docs/data.md says where to get "
            "them; weights.source: torchvision downloads them, and weights.files names them one by "
            "one. Without them: weights.source: "
            "random for losses, features: {objects: false} for image features, and for the "
            "autoencoder a protocol with initial_weights: random (protocols/untrained_start.yaml) "
            "or pretrain (protocols/pretrained_start.yaml)."
        )


def check_permissions(study: Study) -> None:
    """Refuse directories that this user may not write to."""
    _require_writable(Path(study.results), "Results")
    if study.runs:
        _require_writable(CHECKPOINTS, "Training state")


def check_space(study: Study) -> None:
    """Refuse a disk without room for the models.

    Apart from the other checks: a plan may be made on another disk than the one it runs on.

    Raises
    ------
    InputError
        If there is no room for the models that will be kept and those of one loss until they are
        compared.
    """
    unmade = [run for run in study.kept if not Path(paths.kept_file(study, run)).is_file()]
    unmade += max(
        _passing_models(study), key=lambda runs: _bytes_of_models(study, runs), default=[]
    )
    needed = _bytes_of_models(study, unmade)
    free = shutil.disk_usage(_existing(Path(study.results))).free
    if free < needed:
        raise InputError(
            f"The disk of {study.results} has {free / 1e9:.1f} GB free, but the models of "
            f"{len(unmade)} runs take {needed / 1e9:.1f} GB. Free space, run with --directory on "
            "another disk, or keep fewer models (keep_checkpoints)."
        )


def model_bytes(study: Study, protocol: str) -> float:
    """Return the size of a fine-tuned model of a protocol, in bytes."""
    bottleneck = study.protocols[protocol].bottleneck
    return MODEL_BYTES[bottleneck] * float(study.settings["autoencoder"]["width"]) ** 2


def _is_prepared(study: Study) -> bool:
    return Path(paths.image_table(study)).is_file()


def _bytes_of_models(study: Study, runs: Iterable[Run]) -> float:
    return sum(model_bytes(study, run.protocol) for run in runs)


def _passing_models(study: Study) -> Iterator[list[Run]]:
    """Yield, per protocol and loss, the runs whose models are there together but are not kept.

    Until the errors of all of them say which one has the highest correlation, no model may go.
    """
    for protocol in study.protocols:
        for loss in study.settings["losses"]:
            yield [
                run
                for run in study.runs_of(protocol, loss)
                if run not in study.kept and not Path(paths.matrix_file(study, run)).is_file()
            ]


def _require(path: Path, key: str, needed: str) -> None:
    """Raise InputError unless a file or directory of the configuration exists."""
    directory = needed.startswith("a directory")
    if path.is_dir() if directory else path.is_file():
        return
    found = "does not exist"
    if path.exists():
        found = "is a file" if directory else "is a directory"
    raise InputError(
        f"{key}: {path} {found}, but {needed} is needed. Relative paths start from {Path.cwd()}."
    )


def _require_writable(path: Path, what: str) -> None:
    """Raise InputError unless this user may write to a path."""
    existing = _existing(path)
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(
            f"{what} cannot be written to {path}: {existing.resolve()} is not a directory that "
            "this user may write to. Change its permissions, or run with --directory elsewhere."
        )


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents, Path()) if parent.exists())
