"""Where the files of a study are: made by its jobs, given by the user, or downloaded."""

from pathlib import Path

from memorability.base.run_keys import EXTERNAL
from memorability.networks.catalogue import AUTOENCODER, OBJECT_NETWORKS
from memorability.pixel_predictors.names import PIXEL_PREDICTORS, PixelPredictorSpec
from memorability.sources.downloads import Download, registry
from memorability.study.grid import Run, previous
from memorability.study.study import DATASET_DOWNLOADS, FurtherSet, Study

MODEL = "autoencoder.safetensors"
PUBLISHED = "published"
"""In place of the score that a predictor of pixels was fitted to, of one that was not fitted here."""


def prepared(study: Study, resize: str, name: str) -> str:
    """Return a file of the images prepared with a resize."""
    return f"{study.results}/images/{resize}/{name}"


def run_images(study: Study, protocol: str, name: str) -> str:
    """Return a file of the prepared images that the runs of a protocol use."""
    return prepared(study, study.protocols[protocol].resize, name)


def analysed_images(study: Study, name: str) -> str:
    """Return a file of the prepared images of the analysed model, which predicts and is explained."""
    return prepared(study, study.selected_resize, name)


def image_table(study: Study) -> str:
    """Return the file of the image table that stands for the study."""
    if study.runs:
        return prepared(study, study.first_resize, "images.parquet")
    return f"{study.results}/images/images.parquet"


def given_tables(study: Study) -> list[str]:
    """Return the tables that the user gave: of scores or trials, a split, what was made elsewhere."""
    own = study.has_own_images or not study.has_images
    scored = study.settings["dataset"].get("trials", study.image_source["scores"])
    prediction = study.settings["prediction"]
    split = [prediction["split"]["file"]] * (study.split_kind == "file")
    sources = [study.settings["external_errors"], study.settings["external_latents"]]
    sources += [prediction["external"]] * bool(study.runs)
    made_elsewhere = [source["file"] for named in sources for source in named.values()]
    further = [each.source["scores"] for each in study.further_sets if each.is_own]
    attributes = [each["file"] for each in study.settings["attributes"].values() if "file" in each]
    return [scored] * own + split + made_elsewhere + further + regions(study) + attributes


def given_weights(study: Study) -> list[str]:
    """Return the files of weights that the user gave: those that the workflow cannot fetch."""
    fetched = {f"resources/{download.path}" for download in registry().values()}
    return sorted(_weights(study) - fetched)


def trials(study: Study) -> list[str]:
    """Return the table of the single trials that the scores were made of, where there is one."""
    return [f"{study.results}/dataset/trials.parquet"] * study.has_trials


def external_path(study: Study, table: str, name: str) -> str:
    """Return the file of a table (errors, distinctiveness) of a source from elsewhere."""
    return f"{study.results}/external_{table}/protocol={EXTERNAL}/loss={name}/part.parquet"


def external_counts(study: Study) -> list[str]:
    """Return the tables that say of every source from elsewhere what was joined."""
    return [
        f"{study.results}/external/{kind}/{name}.parquet"
        for kind in ("errors", "latents")
        for name in study.settings[f"external_{kind}"]
    ]


def attribute_files(study: Study, name: str) -> list[str]:
    """Return the file of a table of attributes; none where names of images are the table."""
    source = study.settings["attributes"][name]
    if source.get("format") == "sample":
        return [f"{study.results}/dataset/attributes.csv"]
    return [source["file"]] if "file" in source else []


def split_file(study: Study) -> str:
    """Return the table `split`: which images are for training, validation and test."""
    return f"{study.results}/images/split.parquet"


def near_duplicate_pairs(study: Study) -> str:
    """Return the table of the pairs of images that are nearly the same picture."""
    return f"{study.results}/images/near_duplicate_pairs.parquet"


def official_splits(study: Study) -> list[str]:
    """Return the table of the data set's own splits, or of the user's, if images are split by one."""
    kind = study.settings["dataset"]["kind"]
    place = f"{study.results}/dataset" if kind == "sample" else f"resources/{kind}"
    tables = {
        "official": f"{place}/official_splits.parquet",
        "file": f"{study.results}/prediction/own_split.parquet",
    }
    return [tables[study.split_kind]] if study.split_kind in tables else []


def run_splits(study: Study, protocol: str) -> list[str]:
    """Return the table `split` for the runs of a protocol, if they leave out images by it."""
    by_split = study.protocols[protocol].fine_tuned_on == "train_split"
    return [split_file(study)] if by_split else []


def target_files(study: Study, protocol: str, loss: str) -> list[str]:
    """Return the stored targets that runs of a protocol and a loss read, if any."""
    stored = loss in study.settings["compute"]["stored_targets"]
    return [f"{study.results}/targets/protocol={protocol}/loss={loss}/targets.npy"] * stored


def previous_model(study: Study, protocol: str, loss: str, lr: str, seed: str) -> list[str]:
    """Return the model that a run continues with where the sweep is carried over, or nothing."""
    if study.protocols[protocol].sweep == "fresh":
        return []
    run = Run(protocol=protocol, loss=loss, lr=lr, seed=int(seed))
    earlier = previous(run, study.runs)
    return [model_file(study, earlier)] if earlier else []


def model_file(study: Study, run: Run) -> str:
    """Return the file of a run's fine-tuned model, where the run leaves it."""
    return f"{study.results}/models/{run.path}/{MODEL}"


def record_file(study: Study, run: Run) -> str:
    """Return the record of how a run was made."""
    return f"{study.results}/models/{run.path}/record.json"


def analysed_models(study: Study) -> str:
    """Return the directory of the models that analyses read."""
    selected = study.settings["keep_checkpoints"] == "selected"
    return f"{study.results}/{'selected_models' if selected else 'models'}"


def kept_file(study: Study, run: Run) -> str:
    """Return the file in which the model of a run stays on disk, if it does."""
    return f"{analysed_models(study)}/{run.path}/{MODEL}"


def error_file(study: Study, run: Run) -> str:
    """Return the table of a run's errors."""
    return f"{study.results}/errors/{run.path}/part.parquet"


def outcome_file(study: Study, run: Run) -> str:
    """Return the table that says how a run ended."""
    return f"{study.results}/outcomes/{run.path}/part.parquet"


def latent_file(study: Study, run: Run) -> str:
    """Return the latents of every image under a run's model."""
    return f"{study.results}/latents/{run.path}/part.parquet"


def explored_latents(study: Study) -> list[str]:
    """Return the latents among which the explorer seeks neighbours, if there are any.

    They are those of the analysed model, or of a study without runs those that it names first.
    """
    if study.runs:
        return [latent_file(study, study.selected[0])]
    names = list(study.settings["external_latents"])
    return [f"{study.results}/external_latents/{name}.parquet" for name in names[:1]]


def distinctiveness_file(study: Study, run: Run) -> str:
    """Return the table of the distinctiveness of every image under a run's model."""
    return f"{study.results}/distinctiveness/{run.path}/part.parquet"


def matrix_file(study: Study, run: Run) -> str:
    """Return the table of the errors under every metric that a run's model may be chosen for."""
    keys = f"protocol={run.protocol}/loss={run.loss}/seed={run.seed}"
    return f"{study.results}/matrix/{keys}/part.parquet"


def feature_tables(study: Study) -> list[str]:
    """Return the tables of image features: the rest, and a shard each of those of objects."""
    shards = range(study.settings["features"]["shards"] if object_weights(study) else 0)
    return [f"{study.results}/tables/features.parquet"] + [
        f"{study.results}/object_features/shard={shard}/part.parquet" for shard in shards
    ]


def external_predictions(study: Study) -> list[str]:
    """Return the predictions of predictors that were made elsewhere, a table each.

    Those of published predictors of pixels are among them. One that is fitted here knows the scores of
    its training images, and is not.
    """
    names = study.settings["prediction"]["external"] if study.runs else ()
    return [f"{study.results}/head_predictions/head={name}/part.parquet" for name in names] + [
        pixel_predictions(study, spec, "score") for spec in study.pixel_predictors if not spec.fits
    ]


def pixel_predictions(study: Study, spec: PixelPredictorSpec, target: str) -> str:
    """Return the predictions of a predictor of pixels for a score of `Study.targets`."""
    fitted_to = target if spec.fits else PUBLISHED
    return f"{study.results}/pixel_predictions/target={fitted_to}/head={spec.name}/part.parquet"


def pixel_weights(study: Study, name: str) -> list[str]:
    """Return the files that a predictor of pixels is opened with, or that its fit starts from."""
    spec, own = PIXEL_PREDICTORS[name], study.settings["prediction"]["pixel_weights"].get(name)
    if own:
        return [own[key] for key in ("file", "segmentation") if key in own]
    known = registry()
    names = spec.starts_from if spec.fits else spec.downloads
    return [f"resources/{known[download].path}" for download in names]


def opened_with(study: Study, spec: PixelPredictorSpec) -> dict[str, list[str]]:
    """Return the files that a predictor of pixels scores with: its weights, and its mean image.

    One that is fitted here is opened with the file of its fit to the score.
    """
    fit = f"{study.results}/pixel_predictors/{spec.name}/score.safetensors"
    return {
        "weights": [fit] if spec.fits else pixel_weights(study, spec.name),
        "mean_image": [] if spec.fits else mean_image(study, spec.name),
    }


def detector_weights(study: Study) -> dict[str, list[str]]:
    """Return the files of each detector of regions that the study asks for."""
    known = registry()
    faces = [f"resources/{known[f'facenet_{net}'].path}" for net in ("pnet", "rnet", "onet")]
    segmenter = study.weights_directory / OBJECT_NETWORKS["deeplabv3_resnet101"]
    files = {"face": faces, "object": [str(segmenter)]}
    asked = study.settings["where"]["detectors"] if study.where_predictors else []
    return {name: files[name] for name in asked}


def regions(study: Study) -> list[str]:
    """Return the table of regions of images that the user gave, if scores are explained."""
    given = study.settings["where"]["regions"]
    return [given] if given and study.where_predictors else []


def mean_image(study: Study, name: str) -> list[str]:
    """Return the file of the mean image that the user gave with a predictor of pixels, if any."""
    own = study.settings["prediction"]["pixel_weights"].get(name, {})
    return [own["mean_image"]] if "mean_image" in own else []


def pixel_predictor(study: Study, spec: PixelPredictorSpec, target: str) -> str:
    """Return the file of a predictor that was fitted to pixels and a score of `Study.targets`."""
    return f"{study.results}/pixel_predictors/{spec.name}/{target}.safetensors"


def pixel_history(study: Study, spec: PixelPredictorSpec, target: str) -> str:
    """Return the epochs of the training of a predictor of pixels; of a regression none are in it."""
    return f"{study.results}/pixel_history/target={target}/head={spec.name}/part.parquet"


def further_images(study: Study, further: FurtherSet) -> str:
    """Return the image table of a further data set."""
    return f"{study.results}/test_sets/set={further.name}/images.parquet"


def further_scores(study: Study, further: FurtherSet, spec: PixelPredictorSpec) -> str:
    """Return the scores of the images of a further data set by a predictor of pixels."""
    keys = f"set={further.name}/head={spec.name}"
    return f"{study.results}/test_set_scores/{keys}/part.parquet"


def quantities(study: Study) -> dict[str, list[str]]:
    """Return the tables of each quantity of images that is correlated with memorability.

    Quantities that the study does not have are left out.
    """
    tables = {
        "error": [error_file(study, run) for run in study.runs]
        + [external_path(study, "errors", name) for name in study.settings["external_errors"]],
        "distinctiveness": [distinctiveness_file(study, run) for run in study.selected]
        + [
            external_path(study, "distinctiveness", name)
            for name in study.settings["external_latents"]
        ],
        "baseline": [f"{study.results}/tables/baselines.parquet"],
    }
    if study.runs:
        first_rate = study.settings["learning_rates"][0]
        tables |= {
            "feature": feature_tables(study),
            "variant": feature_tables(study),
            "prediction": [f"{study.results}/tables/predictions.parquet"],
            "attribution": [f"{study.results}/tables/attributions.parquet"],
            "matrix": [matrix_file(study, run) for run in study.runs if run.lr == first_rate],
            "control": [f"{study.results}/tables/controls.parquet"],
        }
    return {quantity: files for quantity, files in tables.items() if files}


def downloads(study: Study) -> list[Download]:
    """Return the files from outside that the study needs and the workflow can fetch."""
    kind = study.settings["dataset"]["kind"]
    names = [*DATASET_DOWNLOADS.get(kind, ())] if study.has_images else []
    for further in study.further_sets:
        names += DATASET_DOWNLOADS.get(further.dataset["kind"], ())
    weights, known = _weights(study), registry()
    fetched = [download for download in known.values() if f"resources/{download.path}" in weights]
    return [known[name] for name in dict.fromkeys(names)] + fetched


def _weights(study: Study) -> set[str]:
    """Return all files of weights from outside that jobs of the study read."""
    read = {file for run in study.runs for file in weight_files(study, run.protocol, run.loss)}
    begun = pretraining_weights(study) if pretrainings(study) else []
    of_pixels = [
        file
        for spec in study.pixel_predictors
        for file in (*pixel_weights(study, spec.name), *mean_image(study, spec.name))
    ]
    found = [file for files in detector_weights(study).values() for file in files]
    return read.union(object_weights(study), begun, of_pixels, found)


def weight_files(study: Study, protocol: str, loss: str) -> list[str]:
    """Return the weights files from outside that runs of a protocol and a loss read."""
    start = start_weights(study, protocol)
    if study.protocols[protocol].initial_weights == "checkpoint_as_scripted":
        start = start if _has_checkpoint(study) else None
    files = (start, study.loss_weights(loss))
    return list(dict.fromkeys(str(file) for file in files if file is not None))


def start_weights(study: Study, protocol: str) -> Path | None:
    """Return the file of weights from outside that runs of a protocol start from, if they do."""
    start = study.protocols[protocol].initial_weights
    if start in ("checkpoint", "checkpoint_as_scripted"):
        return study.weights_directory / AUTOENCODER
    return study.network_file("vgg") if start == "vgg16_encoder" else None


def _has_checkpoint(study: Study) -> bool:
    """Return whether the checkpoint is there, or will be because another protocol needs it."""
    starts = {protocol.initial_weights for protocol in study.protocols.values()}
    return "checkpoint" in starts or (study.weights_directory / AUTOENCODER).is_file()


def metric_weights(study: Study) -> list[str]:
    """Return the weights files that the metrics of the study read."""
    files = [study.loss_weights(loss) for loss in study.settings["losses"]]
    return [str(file) for file in files if file is not None]


def control_weights(study: Study) -> list[str]:
    """Return the weights files that the controls read: of all metrics, and of the analysed start."""
    run = study.selected[0]
    start = weight_files(study, run.protocol, run.loss)
    return list(dict.fromkeys([*metric_weights(study), *start]))


def object_weights(study: Study) -> list[str]:
    """Return the weights files of the networks behind object features, if these are measured."""
    if not study.runs or study.no_objects:
        return []
    return [str(study.weights_directory / file) for file in OBJECT_NETWORKS.values()]


def pretraining_path(study: Study, protocol: str) -> str:
    """Return the directory of the model on which runs of a `pretrain` protocol start.

    Runs share a model where resize and architecture are the same. It is kept with the study's
    results, because the study's settings decide it.
    """
    choices = study.protocols[protocol]
    batch_norm = "yes" if choices.batch_norm else "no"
    return (
        f"{study.results}/pretraining/{choices.resize}/"
        f"{choices.bottleneck}-{choices.decoder}-batch_norm_{batch_norm}"
    )


def pretrained_files(study: Study, protocol: str) -> list[str]:
    """Return the model files of the study's own pre-training that runs of a protocol read."""
    pretrained = study.protocols[protocol].initial_weights == "pretrain"
    return [f"{pretraining_path(study, protocol)}/{MODEL}"] if pretrained else []


def pretraining_weights(study: Study) -> list[str]:
    """Return the file of weights from outside that pre-training starts from, if it does."""
    if study.settings["pretraining"]["initial_weights"] == "random":
        return []
    return [str(study.network_file("vgg"))]


def pretrainings(study: Study) -> list[str]:
    """Return the directories of all pre-trained models that the study needs."""
    pretrained = [
        pretraining_path(study, name)
        for name, protocol in study.protocols.items()
        if protocol.initial_weights == "pretrain"
    ]
    return list(dict.fromkeys(pretrained))
