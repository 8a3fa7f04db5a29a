"""Contradictions within a configuration, each refused in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from memorability.attributes.names import BROUGHT, FILELESS
from memorability.base.errors import InputError, named, nearest
from memorability.base.text import one_form
from memorability.claims.published import find_claim, load_published
from memorability.images.data_sets import DATA_SETS
from memorability.memory_game.browser.columns import FOR_STUDIES
from memorability.memory_game.score_kinds import COUNTS, SCORE_KINDS
from memorability.pixel_predictors.names import M3M, PIXEL_PREDICTORS, PixelPredictorSpec
from memorability.prediction.names import HEADS
from memorability.study.grid import Run
from memorability.study.protocol import Protocol

GRID_SIZE = 14_280
"""Combinations of the published grid, as `memorability.prediction.search` has it."""


def in_full(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data set of a configuration; a game becomes a folder or table with its columns."""
    if dataset["kind"] != "game":
        return dict(dataset)
    kind = "folder" if "images" in dataset else "table"
    return {**dataset, "kind": kind, "columns": {name: name for name in FOR_STUDIES}}


def has_images(dataset: Mapping[str, Any]) -> bool:
    """Whether the data set of a configuration comes with images."""
    return dataset["kind"] != "table" and dataset.get("images", "") is not None


def check_images(dataset: Mapping[str, Any], runs: str | None) -> None:
    """Refuse runs without images, and images without runs.

    Raises
    ------
    InputError
        Saying which of the two to change.
    """
    kind, images = dataset["kind"], has_images(dataset)
    if kind == "memcat" and images == ("scores" in dataset):
        raise InputError(
            "dataset: scores and images: null belong together: a score table that you have stands for "
            "MemCat where its images are not needed. Name both, or neither."
        )
    if runs and not images:
        raise InputError(
            "runs: grid trains on images, but the data set has none. Set runs: null for a study of "
            "tables alone, or name a data set with images (dataset.kind)."
        )
    if images and not runs:
        raise InputError(
            f"runs: null makes a study of tables alone, but the data set {kind!r} has images. Lay "
            "dataset: {kind: memcat, scores: …, images: null} over it, or {kind: table, scores: …, "
            "columns: …}, or set runs: grid."
        )


def check_tables(dataset: Mapping[str, Any]) -> None:
    """Refuse scores beside trials, and columns that do not belong together.

    Raises
    ------
    InputError
        Naming the keys.
    """
    if "scores" in dataset and "trials" in dataset:
        raise InputError(
            "dataset: scores and trials are both given, but the scores of a study are either given or "
            "made of trials. Remove one of the two, and name the columns of the other."
        )
    columns = dataset.get("columns", {})
    _refuse_column_of_two(columns, "dataset.columns")
    if "trials" in dataset and not {"repeat", "position"} & columns.keys():
        raise InputError(
            "dataset.columns: of single trials it must be known which showing of an image is the "
            "second. Name repeat (whether the image was shown before), position (place among the "
            "showings of the observer), or both."
        )


def _refuse_column_of_two(columns: Mapping[str, str], key: str) -> None:
    """Raise InputError if one column of a table stands under two of our words."""
    words: dict[str, str] = {}
    for word, column in columns.items():
        twin = words.setdefault(one_form(str(column)), word)
        if twin != word:
            raise InputError(
                f"{key}: {twin} and {word} both name the column {column!r}. Name another column for "
                "one of them, or leave it out where it is optional."
            )


def check_external(config: Mapping[str, Any]) -> None:
    """Refuse tables from elsewhere that cannot be joined or answer what is not published.

    Parameters
    ----------
    config
        The keys external_errors and external_latents of a configuration that fits the schema.

    Raises
    ------
    InputError
        Naming the source, and of an unknown published number the nearest.
    """
    published = load_published()
    for key, quantity in (("external_errors", "error"), ("external_latents", "distinctiveness")):
        for name, source in config[key].items():
            _refuse_column_of_two(source["columns"], f"{key}.{name}.columns")
            if ("file" in source["columns"]) == ("image_id" in source["columns"]):
                raise InputError(
                    f"{key}.{name}.columns: rows are joined with images by one column. Name either "
                    "file or image_id."
                )
            if "claim" not in source:
                continue
            try:
                claim = find_claim(published, source["claim"])
            except InputError as error:
                raise InputError(f"{key}.{name}.claim: {error}") from None
            if not claim.quantity.startswith(quantity):
                fitting = [one.id for one in published if one.quantity.startswith(quantity)]
                raise InputError(
                    f"{key}.{name}.claim: {claim.id!r} is a figure about {claim.quantity!r}, which "
                    f"{key.replace('_', ' ')} do not answer. They answer: {', '.join(fitting)}."
                )


def check_search(search: Mapping[str, Any]) -> None:
    """Refuse a space with an empty range, more jobs than trials and more trials than the grid has.

    Raises
    ------
    InputError
        Naming the setting.
    """
    for name in ("layers", "learning_rate", "dropout"):
        low, high = search["space"][name]
        if low > high:
            raise InputError(
                f"prediction.search.space.{name}: the range from {low:g} to {high:g} is empty. Put the "
                "lower end first."
            )
    if search["jobs"] > search["trials"]:
        raise InputError(
            f"prediction.search: {search['jobs']} jobs share {search['trials']} trials. Use at most as "
            "many jobs as trials."
        )
    if search["kind"] == "grid" and search["trials"] > GRID_SIZE:
        raise InputError(
            f"prediction.search.trials: the published grid has {GRID_SIZE:,} combinations, fewer than "
            f"{search['trials']:,}. Lower the number of trials."
        )


def check_attributes(tables: Mapping[str, Any], dataset: str) -> None:
    """Refuse tables of attributes that lack what their format needs, or share an attribute.

    Parameters
    ----------
    tables
        The key attributes of a configuration that fits the schema.
    dataset
        The kind of data set.

    Raises
    ------
    InputError
        Naming the table.
    """
    taken: dict[str, str] = {}
    for name, source in tables.items():
        key, form = f"attributes.{name}", source.get("format", "table")
        own = {**source.get("numbers", {}), **source.get("labels", {})}
        _refuse_file_of_format(key, form, source)
        if form == "sample" and dataset != "sample":
            raise InputError(f"{key}: the format sample is for the data set sample alone.")
        if form == "table" and (len(source.get("columns", {})) != 1 or not own):
            raise InputError(
                f"{key}: name either file or image_id under columns, by which rows are joined with "
                "images, and at least one attribute under numbers or labels."
            )
        if form != "table" and (own or source.get("columns")):
            raise InputError(
                f"{key}: columns, numbers and labels are of the format table; those of {form} are "
                "known. Remove them."
            )
        both = sorted(set(source.get("numbers", {})) & set(source.get("labels", {})))
        for attribute in [*both, *own, *BROUGHT.get(form, ())]:
            if attribute in both or attribute in taken:
                raise InputError(
                    f"{key}: {attribute!r} is an attribute twice (also in attributes."
                    f"{taken.get(attribute, name)}). Give one of them another name, or put both "
                    "into one table."
                )
            taken[attribute] = name


def _refuse_file_of_format(key: str, form: str, source: Mapping[str, Any]) -> None:
    if form in FILELESS and "file" in source:
        raise InputError(f"{key}: the format {form} reads no file. Remove the key file.")
    if form not in FILELESS and "file" not in source:
        raise InputError(f"{key}: name the file of the table.")
    if form == "table" and not source["file"].lower().endswith((".csv", ".tsv", ".parquet")):
        raise InputError(f"{key}.file: {source['file']} is no .csv, .tsv or .parquet file.")


def check_heads(external: Mapping[str, Any]) -> None:
    """Refuse predictions from elsewhere that share a column, or the name of a head of the study.

    Raises
    ------
    InputError
        Naming the first of them.
    """
    for name, source in external.items():
        _refuse_column_of_two(source["columns"], f"prediction.external.{name}.columns")
    taken = sorted(set(external) & {*HEADS, *PIXEL_PREDICTORS})
    if taken:
        raise InputError(
            f"prediction.external: {taken[0]} is the name of a predictor of this program. Give these "
            "predictions another name."
        )


def _refuse_mean_image(spec: PixelPredictorSpec, given: Mapping[str, str]) -> None:
    """Refuse files of a predictor without the mean image that it subtracts, or with one too many."""
    if given and spec.subtracts != ("mean_image" in given):
        why = "comes with its file. Name it" if spec.subtracts else "is not read. Leave it out"
        raise InputError(
            f"prediction.pixel_weights.{spec.name}.mean_image: a mean image of {spec.name} {why}."
        )


def check_pixel_predictors(prediction: Mapping[str, Any], dataset: str) -> None:
    """Refuse predictors without their files, files without a predictor, and a doubtful origin.

    Raises
    ------
    InputError
        Naming the setting.
    """
    names, files = prediction["pixel_predictors"], prediction["pixel_weights"]
    for name in files:
        if name not in names:
            raise InputError(
                f"prediction.pixel_weights: {name} is not among the predictors of "
                f"prediction.pixel_predictors ({nearest(name, names)}). Add it there, or leave its "
                "files out."
            )
    for spec in (PIXEL_PREDICTORS[name] for name in names):
        if not (spec.fits or spec.downloads or spec.name in files):
            raise InputError(
                f"prediction.pixel_predictors: {spec.name} needs a file of weights, which no server "
                f"gives. Name it: pixel_weights: {{{spec.name}: {{file: …}}}}. {spec.where}."
            )
        if spec.reads and not (spec.starts_from or spec.name in files):
            raise InputError(
                f"prediction.pixel_predictors: {spec.name} is fitted to what a trained network says, "
                f"which is not fetched. Name {spec.start}: pixel_weights: {{{spec.name}: {{file: …}}}}."
            )
        given = files.get(spec.name, {})
        _refuse_mean_image(spec, given)
        if "segmentation" in given and spec.name != M3M:
            raise InputError(
                f"prediction.pixel_weights: {spec.name} has no segmentation, {M3M} alone has one. "
                "Leave this file out."
            )
        if spec.fits and spec.name in files and not spec.start:
            raise InputError(
                f"prediction.pixel_weights: the fit of {spec.name} reads no weights of yours. Leave "
                "its files out."
            )
    for name in files:
        downloads = PIXEL_PREDICTORS[name].downloads
        if len(downloads) > 1:
            raise InputError(
                f"prediction.pixel_weights: {name} reads several files ({', '.join(downloads)}), and "
                "one is given. Leave it out: the files are fetched."
            )
    for name, further in prediction["test_on"].items():
        _refuse_column_of_two(further.get("columns", {}), f"prediction.test_on.{name}.columns")
        if not names:
            raise InputError(
                f"prediction.test_on: {name} is named, but no predictor of pixels is, which could "
                "score its images. Name one in prediction.pixel_predictors, or leave test_on empty."
            )
    if dataset != "folder" and prediction["images_from"] is not None:
        raise InputError(
            f"prediction.images_from: where the images of the data set {dataset} are from is known. "
            "Leave it null; it is for images of your own (dataset.kind: folder)."
        )


def check_target(target: str, columns: Iterable[str]) -> None:
    """Raise InputError where the score table lacks the counts of a target."""
    missing = sorted(set(named(SCORE_KINDS, target, "score").needs_counts) - set(columns))
    if missing:
        raise InputError(
            f"statistics.target: {target} is computed from counts, but the score table has no "
            f"{', '.join(missing)}. Name these columns in dataset.columns, or use the target score."
        )


def check_response_models(models: Iterable[str], columns: Iterable[str], *, trials: bool) -> None:
    """Raise InputError where what a model of responses is made of is not there."""
    missing = sorted(set(COUNTS) - set(columns))
    if "counts" in models and missing:
        raise InputError(
            "statistics.response_models: counts are to be modelled, but the score table has no "
            f"{', '.join(missing)}. Name these columns in dataset.columns, or leave counts out."
        )
    if "trials" in models and not trials:
        raise InputError(
            "statistics.response_models: single trials are to be modelled, but the study has none. "
            "Give them in dataset.trials in place of scores, or leave trials out."
        )


def refuse_equal_protocols(protocols: Mapping[str, Protocol]) -> None:
    """Raise InputError where two protocols make the same choices."""
    named: dict[Protocol, str] = {}
    for name, protocol in protocols.items():
        if protocol in named:
            raise InputError(
                f"protocols: {named[protocol]} and {name} make the same choices, and so the same runs. "
                "Remove one, or change a choice in its file."
            )
        named[protocol] = name


def selected_runs(selected: Mapping[str, str], runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Return the runs that `selected` names; raise InputError where there is none."""
    key = (selected["protocol"], selected["loss"], selected["learning_rate"])
    chosen = tuple(run for run in runs if (run.protocol, run.loss, run.lr) == key)
    if not chosen:
        made = sorted({f"{run.protocol} {run.loss} {run.lr}" for run in runs})
        raise InputError(
            f"selected: no run of this study is protocol {key[0]!r}, loss {key[1]!r}, learning "
            f"rate {key[2]!r} ({nearest(' '.join(key), made)}). "
            "Select one of the study's own protocols, losses and learning-rate labels."
        )
    return chosen


def check_initial_weights(
    name: str, protocol: Protocol, width: float, pretraining: Mapping[str, Any]
) -> None:
    """Raise InputError where pretrained weights do not fit a protocol's architecture."""
    start = protocol.initial_weights
    if start == "pretrain" and pretraining["initial_weights"] != "random" and width != 1:
        raise InputError(
            f"pretraining.initial_weights: {pretraining['initial_weights']} has all the channels of "
            f"VGG16, but autoencoder.width is {width}, not 1. Set one of them back: "
            "autoencoder.width: 1, or pretraining.initial_weights: random."
        )
    if start not in ("checkpoint", "vgg16_encoder"):
        return
    misfits = [] if width == 1 else [f"autoencoder.width is {width}, not 1"]
    if start == "checkpoint":
        published = {"bottleneck": "conv7x7", "decoder": "upsample_conv", "batch_norm": True}
        misfits += [
            f"{choice} is {getattr(protocol, choice)}, not {word}"
            for choice, word in published.items()
            if getattr(protocol, choice) != word
        ]
    if misfits:
        raise InputError(
            f"Protocol {name!r} starts from initial_weights: {start}, which fit another network: "
            f"{'; '.join(misfits)}. Change that, or take a protocol with initial_weights: random "
            "(protocols/untrained_start.yaml) or pretrain (protocols/pretrained_start.yaml)."
        )


def check_split(split: Mapping[str, Any], dataset: str, on_bad_image: str) -> None:
    """Raise InputError where a split does not fit itself or the data set."""
    if (split["kind"] == "file") != (split["file"] is not None):
        raise InputError(
            "prediction.split: kind: file and a file go together. Name the table in split.file, or "
            "leave it null for another kind."
        )
    if split["group_near_duplicates"] and split["kind"] != "stratified":
        raise InputError(
            f"prediction.split.group_near_duplicates: a split of kind {split['kind']} is given, and "
            "its test images cannot be grouped anew. Set it to false: the page on near duplicates "
            "says which pairs the split separates. Or set split.kind: stratified."
        )
    total = split["train"] + split["validation"] + split["test"]
    if abs(total - 1) > 1e-9:
        raise InputError(
            f"prediction.split: the shares add up to {total:.6g}, not to 1. "
            "Correct train, validation or test."
        )
    if dataset == "sample" and split["kind"] != "official":
        raise InputError(
            f"prediction.split.kind: {split['kind']} would test a predictor on crops that overlap "
            "those it was trained on. The sample has its own split: test crops come from other parts "
            "of the photographs. Lay prediction: {split: {kind: official}} over it in your study."
        )
    wanted, what = {
        "published": (
            ["memcat"],
            "published is the split of MemCat and needs all of its "
            f"{DATA_SETS['memcat'].images:,} rows",
        ),
        "official": (
            ["lamem", "sample"],
            "official names one of the five splits of LaMem, or the split of the sample",
        ),
    }.get(split["kind"], ([dataset], ""))
    if dataset not in wanted:
        raise InputError(
            f"prediction.split.kind: {what}, but dataset.kind is {dataset!r}. Lay prediction: "
            "{split: {kind: stratified}} over it in your study."
        )
    if split["kind"] == "published" and on_bad_image != "stop":
        raise InputError(
            "prediction.split.kind: published needs every image of MemCat, but images.on_bad_image: "
            f"{on_bad_image} would go on without some. Set on_bad_image: stop, or split.kind: "
            "stratified."
        )


def check_where(
    where: Mapping[str, Any], prediction: Mapping[str, Any], weights: Mapping[str, Any]
) -> None:
    """Refuse to explain scores of a predictor that the study does not have, or to search at random.

    Raises
    ------
    InputError
        Naming the setting.
    """
    names = prediction["pixel_predictors"]
    for name in where["predictors"]:
        if name not in names:
            raise InputError(
                f"where.predictors: {name} is not among the predictors of "
                f"prediction.pixel_predictors ({nearest(name, names)}). Add it there, or leave it out "
                "here."
            )
    if "object" in where["detectors"] and where["predictors"] and weights["source"] == "random":
        raise InputError(
            "where.detectors: objects are found by trained weights of DeepLabV3, but weights.source is "
            "random. Take torchvision or directory, or leave object out."
        )
