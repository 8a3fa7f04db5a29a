"""What rules hand over is what the dataclass of each job reads."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from memorability.autoencoder.cross_metrics import MatrixSettings
from memorability.autoencoder.finetuning import RunSettings
from memorability.autoencoder.pretraining import PretrainingSettings
from memorability.autoencoder.stored_targets import TargetSettings
from memorability.autoencoder.without_learning import ControlSettings
from memorability.base.errors import InputError
from memorability.base.settings import from_params
from memorability.data.scores import DataSettings
from memorability.data.splits import SplitSettings
from memorability.explanation.jobs import CheckSettings, ExplanationSettings
from memorability.features.detectors import ObjectSettings
from memorability.images.store import FolderPreparation
from memorability.networks.computing import Compute
from memorability.prediction.left_out import LeftOutSettings
from memorability.prediction.predictors.contract import HeadSettings
from memorability.prediction.predictors.training import TrainingSettings
from memorability.prediction.search import SearchSettings
from memorability.scorer.bundle import BundleSettings
from memorability.scorer.study_images import ScoringSettings, StudyFitSettings
from memorability.statistics.intervals import Bootstrap
from memorability.study import job_settings
from memorability.study.resolve import resolve
from memorability.study.study import Study

ROOT = Path(__file__).parents[3]
RUN = ("paper", "lpips_squeeze", "5e-6", "2")


@pytest.fixture(scope="module")
def study() -> Study:
    return resolve(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")), ROOT)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (RunSettings, lambda study: job_settings.run(study, *RUN)),
        (RunSettings, lambda study: job_settings.decay(study, *RUN)),
        (TargetSettings, lambda study: job_settings.targets(study, *RUN[:2])),
        (
            PretrainingSettings,
            lambda study: job_settings.pretraining(
                study, "squash", "conv7x7", "upsample_conv", "yes"
            ),
        ),
        (MatrixSettings, lambda study: job_settings.matrix(study, "paper")),
        (ControlSettings, job_settings.controls),
        (DataSettings, lambda study: job_settings.preparation(study, "squash")),
        (FolderPreparation, lambda study: job_settings.pretraining_images(study, "squash")),
        (SplitSettings, job_settings.split),
        (ObjectSettings, job_settings.objects),
        (Compute, job_settings.compute),
        (Compute, job_settings.machine),
        (HeadSettings, job_settings.heads),
        (TrainingSettings, job_settings.predictor),
        (SearchSettings, job_settings.search),
        (LeftOutSettings, job_settings.left_out),
        (ExplanationSettings, job_settings.attribution),
        (CheckSettings, job_settings.attribution_checks),
        (BundleSettings, job_settings.bundle),
        (StudyFitSettings, lambda study: job_settings.pixel_fit(study, "false_alarm_rate")),
        (ScoringSettings, job_settings.pixel_scoring),
        (Bootstrap, job_settings.bootstrap),
    ],
)
def test_settings_survive_json_and_fit_their_dataclass(
    kind: type, settings: Callable[[Study], dict[str, Any]], study: Study
) -> None:
    plain = settings(study)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    hash(from_params(kind, plain)) if kind is not DataSettings else from_params(kind, plain)


def test_a_run_is_read_with_its_parts(study: Study) -> None:
    run = from_params(RunSettings, job_settings.run(study, *RUN))
    assert (run.architecture.bottleneck, run.architecture.width) == ("conv7x7", 1.0)
    assert (run.start.initial_weights, run.start.seed) == ("checkpoint", 2)
    assert run.start.previous_model is None
    assert run.loss.weights_file == Path("resources/weights/squeezenet1_1-b8a52dc0.pth")
    assert run.start.weights_file == Path("resources/weights/imagenet-vgg16.pth")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epoch": 3}, "RunSettings.epoch: unknown setting \\(did you mean 'epochs'"),
        ({"order": "seed_shufle"}, "RunSettings.order: 'seed_shufle' .*mean 'seed_shuffle'"),
        ({"compute": {"device": "cpu"}}, "Compute.threads: missing"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_the_nearest_name(
    changes: dict[str, Any], said: str, study: Study
) -> None:
    with pytest.raises(InputError, match=said):
        from_params(RunSettings, job_settings.run(study, *RUN) | changes)


@pytest.mark.parametrize(
    ("choices", "seeds"),
    [
        # Order decides the running averages; the weights are those of one file.
        ("", ["0", "1", "2", "3", "4"]),
        ("batch_norm_mode: train_then_recompute", [""]),
        ("batch_norm_mode: evaluate_as_trained", [""]),
        ("batch_norm_mode: frozen\ninitial_weights: random", ["0", "1", "2", "3", "4"]),
        ("order: listed", [""]),
    ],
    ids=["averages by order", "recomputed", "own statistics", "random weights", "one run"],
)
def test_epoch_0_has_a_seed_where_seeds_start_apart(
    choices: str, seeds: list[str], tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    shutil.copytree(ROOT / "protocols", tmp_path / "protocols")
    (tmp_path / "protocols" / "mine.yaml").write_text(f"extends: paper\n{choices}\n")
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["protocols"] = ["mine"]
    config["selected"]["protocol"] = "mine"
    settings = job_settings.controls(resolve(config, tmp_path))
    assert settings["before_seeds"] == seeds
    assert [run["order_seed"] for run in settings["before"]] == [int(s or 0) for s in seeds]
