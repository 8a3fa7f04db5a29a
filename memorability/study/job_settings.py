"""What decides the results of a study's jobs: plain values, for the parameters of rules.

What is here can be written as JSON; `memorability.base.settings.from_params` makes of it the dataclass
that each function names. A job is made again when one of its values changes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memorability.features.names import OBJECT_FEATURES
from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.networks.catalogue import minimum_side
from memorability.pixel_predictors.names import trained_on
from memorability.prediction.names import EACH, MAIN, OWN_TEST_IMAGES
from memorability.study import notes, paths
from memorability.study.grid import learning_rate
from memorability.study.study import Study

LEAST_WIDTH_FOR_THREADS = 0.25
# Of a study without runs: the keys that decide its results.
WITHOUT_RUNS = {
    "study", "dataset", "runs", "external_errors", "external_latents", "distinctiveness", "statistics",
    "attributes",
}  # fmt: skip

# Data sets that were made with a number of images of each category.
OF_FIXED_CATEGORIES = {"memcat", "sample"}

Settings = dict[str, Any]


def used(study: Study) -> Settings:
    """Return the settings that decide results: all, or without runs those that do not concern them."""
    return {
        key: value for key, value in study.settings.items() if study.runs or key in WITHOUT_RUNS
    }


def study_seed(study: Study) -> int:
    """Return the seed of all but runs, which have their own."""
    return int(study.settings["statistics"]["seed"])


def threads(study: Study) -> int:
    """Return the threads of a job that works through latents: narrow networks gain by no second."""
    return 2 if study.settings["autoencoder"]["width"] >= LEAST_WIDTH_FOR_THREADS else 1


def compute(study: Study) -> Settings:
    """Return how training and the measuring of errors compute (`networks.computing.Compute`)."""
    return _chosen(study.settings["compute"], "device", "threads", "precision")


def machine(study: Study) -> Settings:
    """Return how what is always done in single precision computes (`networks.computing.Compute`)."""
    return _chosen(study.settings["compute"], "device", "threads")


# Data


def sample(study: Study) -> Settings:
    """Return what decides a simulated data set (keywords of `data.sample.make_sample`)."""
    names = ("images_per_category", "observers")
    return _chosen(study.settings["dataset"], *names) | {"seed": study_seed(study)}


def decoding(study: Study) -> Settings:
    """Return how image files become pixels (`images.decoding.Decoding`)."""
    return _chosen(study.settings["images"], "color_profile", "max_megapixels")


def preparation(study: Study, resize: str) -> Settings:
    """Return what decides the prepared images (`data.scores.DataSettings`)."""
    return {
        "columns": study.image_source["columns"],
        "preparation": {
            "resize": resize,
            "minimum_side": minimum_side(study.settings["losses"]),
            "on_bad_image": study.settings["images"]["on_bad_image"],
            "seed": study_seed(study),
            "decoding": decoding(study),
        },
    }


def pretraining_images(study: Study, resize: str) -> Settings:
    """Return what decides the prepared images of pre-training (`….store.FolderPreparation`)."""
    return {"resize": resize, "decoding": decoding(study)}


def split(study: Study) -> Settings:
    """Return what decides which images are for what (`data.splits.SplitSettings`)."""
    chosen = study.settings["prediction"]["split"]
    return _chosen(chosen, "train", "validation", "test") | {
        "kind": study.split_kind,
        # A user's own table holds one split, whose number is 1.
        "number": 1 if study.split_kind == "file" else chosen["number"],
        "seed": study_seed(study),
    }


# Runs


def architecture(study: Study, protocol: str) -> Settings:
    """Return the autoencoder of a protocol (`autoencoder.architecture.Architecture`)."""
    choices = study.protocols[protocol]
    return {
        "bottleneck": choices.bottleneck,
        "decoder": choices.decoder,
        "batch_norm": choices.batch_norm,
        "width": float(study.settings["autoencoder"]["width"]),
    }


def loss_choice(study: Study, protocol: str, name: str) -> Settings:
    """Return a loss as a protocol has it (`networks.losses.LossChoice`)."""
    choices = study.protocols[protocol]
    return {
        "name": name,
        "lpips_range": choices.lpips_range,
        "style_gram": choices.style_gram,
        "weights_file": _text(study.loss_weights(name)),
    }


def before_training(study: Study, protocol: str, seed: str) -> Settings:
    """Return what decides a run before its first step (`autoencoder.finetuning.BeforeTraining`)."""
    choices = study.protocols[protocol]
    streams = choices.stream_seeds(int(seed))
    pretrained = paths.pretrained_files(study, protocol)
    return {
        "architecture": architecture(study, protocol),
        "start": {
            "initial_weights": choices.initial_weights,
            "seed": streams["initial_weights"],
            "weights_file": _text(paths.start_weights(study, protocol)),
            "pretrained_model": next(iter(pretrained), None),
            "previous_model": None,
        },
        "order": choices.order,
        "order_seed": streams["order"],
        "dropout_seed": streams["dropout"],
        "fine_tuned_on": choices.fine_tuned_on,
        "batch_norm_mode": choices.batch_norm_mode,
        "compute": compute(study),
    }


def run(study: Study, protocol: str, loss: str, lr: str, seed: str) -> Settings:
    """Return what decides a run (`autoencoder.finetuning.RunSettings`)."""
    choices = study.protocols[protocol]
    before = before_training(study, protocol, seed)
    previous = paths.previous_model(study, protocol, loss, lr, seed)
    return before | {
        "start": before["start"] | {"previous_model": next(iter(previous), None)},
        "loss": loss_choice(study, protocol, loss),
        "sign_train": choices.lpips_sign_train,
        "sign_test": choices.lpips_sign_test,
        "learning_rate": learning_rate(lr),
        "epochs": study.settings["epochs"],
    }


def decay(study: Study, protocol: str, loss: str, lr: str, seed: str) -> Settings:
    """Return what decides a run of the decay curve (`autoencoder.finetuning.RunSettings`)."""
    return run(study, protocol, loss, lr, seed) | {"epochs": study.settings["decay"]["epochs"]}


def targets(study: Study, protocol: str, loss: str) -> Settings:
    """Return what decides the stored targets of a loss (`…stored_targets.TargetSettings`)."""
    return {"loss": loss_choice(study, protocol, loss), "compute": compute(study)}


def pretraining(
    study: Study, resize: str, bottleneck: str, decoder: str, batch_norm: str
) -> Settings:
    """Return what decides a pre-trained model (`autoencoder.pretraining.PretrainingSettings`)."""
    chosen = study.settings["pretraining"]
    names = ("images", "decoder_first", "epochs", "batch_size", "learning_rate", "held_out")
    return _chosen(chosen, *names) | {
        "start": {
            "initial_weights": chosen["initial_weights"],
            "seed": study_seed(study),
            "weights_file": next(iter(paths.pretraining_weights(study)), None),
        },
        "resize": resize,
        "architecture": {
            "bottleneck": bottleneck,
            "decoder": decoder,
            "batch_norm": batch_norm == "yes",
            "width": float(study.settings["autoencoder"]["width"]),
        },
        "seed": study_seed(study),
        "compute": compute(study),
    }


# What is measured of models


def metrics(study: Study, protocol: str) -> Settings:
    """Return what decides errors under all metrics (`autoencoder.cross_metrics.MetricSettings`)."""
    return {
        "losses": [loss_choice(study, protocol, name) for name in study.settings["losses"]],
        "sign": study.protocols[protocol].lpips_sign_test,
        "batch_norm_mode": study.protocols[protocol].batch_norm_mode,
        "compute": compute(study),
    }


def matrix(study: Study, protocol: str) -> Settings:
    """Return what decides the errors of chosen models (`…cross_metrics.MatrixSettings`)."""
    return metrics(study, protocol) | {
        "learning_rates": study.settings["learning_rates"],
        "target": study.settings["statistics"]["target"],
    }


def controls(study: Study) -> Settings:
    """Return what decides the controls (`autoencoder.without_learning.ControlSettings`)."""
    protocol = study.settings["selected"]["protocol"]
    seeds = [str(run.seed) for run in study.selected]
    # Where no seed changes anything before the first step, one run stands for all.
    differ = bool(study.protocols[protocol].seeded_before_training)
    return metrics(study, protocol) | {
        "architecture": architecture(study, protocol),
        "seeds": study.settings["seeds"],
        "before": [
            before_training(study, protocol, seed) for seed in (seeds if differ else seeds[:1])
        ],
        "before_seeds": seeds if differ else [""],
    }


def objects(study: Study) -> Settings:
    """Return what decides object features (`features.objects.ObjectSettings`)."""
    names = ("score_threshold", "class_probability", "shards")
    return _chosen(study.settings["features"], *names) | {
        "weights_directory": str(study.weights_directory),
        "compute": machine(study),
    }


def unavailable_features(study: Study) -> dict[str, str]:
    """Return the features of Table 2 that are not measured, and why."""
    return dict.fromkeys(OBJECT_FEATURES, study.no_objects) if study.no_objects else {}


# Prediction and explanation


def heads(study: Study) -> Settings:
    """Return what decides a fit of a head (`prediction.predictors.contract.HeadSettings`)."""
    return {"seed": study_seed(study), "threads": threads(study)}


def predictor(study: Study) -> Settings:
    """Return what decides a training of the predictor (`….predictors.training.TrainingSettings`)."""
    names = (
        "hidden", "learning_rate", "batch_size", "dropout", "weight_decay", "patience",
        "max_epochs", "output",
    )  # fmt: skip
    return heads(study) | {"predictor": _chosen(study.settings["prediction"], *names)}


def search(study: Study) -> Settings:
    """Return what decides the search of the predictor (`prediction.search.SearchSettings`)."""
    return predictor(study) | {"search": study.settings["prediction"]["search"]}


def left_out(study: Study) -> Settings:
    """Return what decides the predictions of left-out categories (`….LeftOutSettings`)."""
    return predictor(study) | {"head": study.settings["prediction"]["leave_one_category_out"]}


def pixel_fit(study: Study, target: str) -> Settings:
    """Return what decides a fit to pixels and a score (`scorer.study_images.StudyFitSettings`)."""
    of_score = notes.score_convention(study)
    return {
        "seed": study_seed(study),
        "compute": compute(study),
        "predicts": of_score if target == "score" else SCORE_KINDS[target].in_a_sentence,
        "trained_on": f"training images of the study {study.name}",
    }


def pixel_scoring(study: Study) -> Settings:
    """Return what decides scores by published predictors (`….study_images.ScoringSettings`)."""
    return {"decoding": decoding(study), "compute": machine(study)}


def comparison(study: Study) -> Settings:
    """Return what decides the comparison of predictors (`….comparison.ComparisonSettings`)."""
    prediction = study.settings["prediction"]
    known = {
        head: {"predicts": "score", "trained_on": "training part"}
        for head in (MAIN, *prediction["heads"])
    }
    known |= {name: {"predicts": "", "trained_on": "unknown"} for name in prediction["external"]}
    for spec in study.pixel_predictors:
        own_start = spec.name in prediction["pixel_weights"]
        words = trained_on(spec, study.images_from, own_start=own_start)
        predicts = EACH if spec.fits else spec.predicts
        known[spec.name] = {"predicts": predicts, "trained_on": words}
    return {"targets": list(study.targets), "known": known, "bootstrap": bootstrap(study)}


def further_comparison(study: Study) -> Settings:
    """Return what decides the comparison on further data sets (`….further_sets.FurtherSettings`)."""
    own = (OWN_TEST_IMAGES, study.targets, study.images_from, study.settings["dataset"]["kind"])
    sets = study.further_sets
    further = [(one.name, one.targets, one.images_from, one.dataset["kind"]) for one in sets]
    return {
        "sets": [
            {
                "name": name,
                "targets": list(targets),
                "images_from": origins and list(origins),
                "bootstrap": bootstrap(study, kind),
            }
            for name, targets, origins, kind in (own, *further)
        ],
        "own_starts": sorted(study.settings["prediction"]["pixel_weights"]),
    }


def bundle(study: Study) -> Settings:
    """Return what decides a saved predictor besides its inputs (`scorer.bundle.BundleSettings`)."""
    return {
        "resize": study.selected_resize,
        "minimum_side": minimum_side(study.settings["losses"]),
        "decoding": decoding(study),
        "score": notes.score_convention(study),
        "score_range": notes.score_range(study),
        "confidence": study.settings["statistics"]["confidence"],
        "split": split(study),
        "note": notes.study_note(study),
    }


def attribution(study: Study) -> Settings:
    """Return how images are explained (`explanation.jobs.ExplanationSettings`)."""
    chosen = study.settings["attribution"]
    names = ("baseline", "blur_kernel", "steps", "tolerance")
    return {
        "explainer": _chosen(chosen, *names) | {"seed": study_seed(study)},
        "images": chosen["images"],
        "show": chosen["show"],
        "compute": {"device": study.settings["compute"]["device"], "threads": threads(study)},
    }


def attribution_checks(study: Study) -> Settings:
    """Return how explanations are checked (`explanation.jobs.CheckSettings`)."""
    names = ("images", "random_draws")
    return (
        attribution(study) | _chosen(study.settings["attribution"]["checks"], *names) | {"show": []}
    )


def where(study: Study, *names: str) -> Settings:
    """Return what decides where scores lie (`where.looking.LookSettings`), and keys of `where`."""
    own = {"seed": study_seed(study)} | _chosen(study.settings["where"], *names)
    return pixel_scoring(study) | own


# Statistics and claims


def correlation(study: Study) -> Settings:
    """Return what decides correlations (`analysis.correlations.CorrelationSettings`)."""
    target = study.settings["statistics"]["target"]
    return {"target": target, "bootstrap": bootstrap(study)}


def ceiling(study: Study) -> Settings:
    """Return what decides the noise ceiling (`memory_game.ceiling.CeilingSettings`)."""
    return {"bootstrap": bootstrap(study)}


def response_models(study: Study) -> Settings:
    """Return what decides models of responses (`memory_game.response_models.ResponseModelSettings`)."""
    return _chosen(study.settings["statistics"], "confidence", "seed")


def table_2(study: Study) -> Settings:
    """Return what decides Table 2 (`report.table_2.Table2Settings`)."""
    return {"bootstrap": bootstrap(study), "unavailable": unavailable_features(study)}


def selection(study: Study) -> Settings:
    """Return what decides the choice of learning rates (keywords of `analysis.selection`)."""
    return _chosen(study.settings["statistics"], "target", "seed")


def bootstrap(study: Study, kind: str = "") -> Settings:
    """Return what decides an interval (`….intervals.Bootstrap`), of images of the kind of data set."""
    kind = kind or study.settings["dataset"]["kind"]
    statistics = study.settings["statistics"]
    names = {"draws": "bootstrap", "confidence": "confidence", "seed": "seed"}
    design = statistics["images_per_category"]
    if design == "auto":
        design = "fixed" if kind in OF_FIXED_CATEGORIES else "drawn"
    return {name: statistics[key] for name, key in names.items()} | {
        "by_category": design == "fixed"
    }


def claims(study: Study) -> Settings:
    """Return what decides our answers to published numbers, and the ledger's verdicts."""
    statistics = study.settings["statistics"]
    models: Settings = {}
    unavailable = {}
    if study.runs:
        first = study.settings["protocols"][0]
        models["protocol"] = first
        models["seeded"] = bool(study.protocols[first].seeded)
        models["selected_loss"] = study.settings["selected"]["loss"]
        models["published_split"] = study.published_split
        models["test_set_kinds"] = study.test_set_kinds
        reasons = unavailable_features(study)
        unavailable = {f"feature:{name}": why for name, why in reasons.items()}
    return {
        "correlation": correlation(study),
        "ours": {
            "confidence": statistics["confidence"],
            "external_claims": study.external_claims,
            **models,
        },
        "ledger": {
            "dataset_kind": study.settings["dataset"]["kind"],
            "margin": statistics["margin"],
            "confidence": statistics["confidence"],
            "other_model": notes.other_model(study),
            "unavailable": unavailable,
        },
    }


def _text(file: Path | None) -> str | None:
    return None if file is None else str(file)


def _chosen(settings: Mapping[str, Any], *names: str) -> Settings:
    return {name: settings[name] for name in names}
