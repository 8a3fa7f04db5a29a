"""The paragraph of a paper that says what a study did, with the study's own numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from memorability.networks.catalogue import LOSSES
from memorability.report.labels import lowered, score_label
from memorability.report.numbers import number, percent
from memorability.study.notes import score_convention
from memorability.study.study import Study

# How a run begins, in words; the choices are explained in memorability/study/protocol.py.
_STARTS = {
    "checkpoint": "the published ImageNet autoencoder",
    "checkpoint_as_scripted": "what the published scripts load of the ImageNet autoencoder",
    "vgg16_encoder": "VGG16 (ImageNet) as encoder and a random decoder",
    "pretrain": "an autoencoder that was pre-trained on other images",
    "random": "random weights",
}
_ORDERS = {
    "listed": "in the order of the image table",
    "fixed_shuffle": "in one shuffled order for all runs",
    "seed_shuffle": "in an order shuffled by the seed",
}
_SPLITS = {
    "published": "the published split", "official": "an official split of the data set",
    "stratified": "a split stratified by category and score", "file": "a split of our own",
}  # fmt: skip
_MOST_LISTED = 5


@dataclass(frozen=True)
class Measured:
    """Tables of a study that its methods are described with; None where it has none.

    Attributes
    ----------
    images
        The image table.
    ceiling, predictions, attributions
        The tables of these names.
    """

    images: pd.DataFrame
    ceiling: pd.DataFrame | None = None
    predictions: pd.DataFrame | None = None
    attributions: pd.DataFrame | None = None


def facts(study: Study) -> dict[str, Any]:
    """Return what the settings of a study say of its methods, as plain values."""
    settings = study.settings
    chosen = settings["selected"]
    return {
        "dataset": settings["dataset"]["kind"],
        "target": settings["statistics"]["target"],
        "score": score_label(settings["statistics"]["target"], score_convention(study)),
        "statistics": {
            name: settings["statistics"][name] for name in ("bootstrap", "confidence", "seed")
        },
        "runs": len(study.runs),
        "protocols": {name: each.choices() for name, each in study.protocols.items()},
        "losses": settings["losses"],
        "rates": settings["learning_rates"],
        "seeds": len(settings["seeds"]),
        "epochs": settings["epochs"],
        "selected": {"loss": chosen["loss"], "rate": chosen["learning_rate"]},
        "split": study.split_kind,
        "attribution": {name: settings["attribution"][name] for name in ("steps", "baseline")},
        "predictors": [spec.label for spec in study.pixel_predictors],
    }


def paragraph(
    known: Mapping[str, Any], measured: Measured, environment: Mapping[str, Any], commit: str
) -> list[str]:
    """Return the sentences of the paragraph, in order.

    Parameters
    ----------
    known
        As from `facts`.
    measured
        The study's tables.
    environment
        As from `memorability.workflow.records.environment_record`.
    commit
        Of the workflow, or "unknown".
    """
    said = [*_images(known, measured)]
    if known["runs"]:
        said += _runs(known)
    said += _statistics(known, measured)
    if known["runs"]:
        said += _prediction(known, measured)
    versions = ", ".join(
        f"{name} {environment['packages'][name]}"
        for name in ("torch", "numpy", "pandas", "scipy", "snakemake")
        if name in environment["packages"]
    )
    version = f" (commit {commit})" if commit != "unknown" else ""
    said.append(
        f"Everything was computed by the workflow memorability{version} with Python "
        f"{environment['python']}, {versions}."
    )
    return said


def _images(known: Mapping[str, Any], measured: Measured) -> Iterator[str]:
    images = measured.images
    categories = images["category"].nunique()
    labelled = images.loc[images["subcategory"] != "", ["category", "subcategory"]]
    subcategories = len(labelled.drop_duplicates())
    named = [
        _number(count, *words)
        for count, words in (
            (categories, ("category", "categories")),
            (subcategories, ("subcategory", "subcategories")),
        )
        if count > 1
    ]
    of = f" of {' and '.join(named)}" if named else ""
    yield f"The study has {_number(len(images), 'image', 'images')}{of}."
    if known["dataset"] == "sample":
        yield "Its observers are simulated."
    words = f"The score of an image is its {lowered(known['score'])}"
    responses = images["responses"].dropna()
    if len(responses):
        words += f", from {number(responses.median(), 0)} responses per image in the median"
    yield f"{words}."


def _runs(known: Mapping[str, Any]) -> Iterator[str]:
    losses = [LOSSES[name].label for name in known["losses"]]
    rates = known["rates"]
    listed = ", ".join(rates) if len(rates) <= _MOST_LISTED else f"{rates[0]} to {rates[-1]}"
    epochs = "one epoch" if known["epochs"] == 1 else f"{known['epochs']} epochs"
    yield (
        f"Autoencoders were fine-tuned on these images for {epochs} with batches of one image: "
        f"{_number(known['runs'], 'run', 'runs')} in all, with "
        f"{_number(len(losses), 'loss', 'losses')} ({', '.join(losses)}), "
        f"{_number(len(rates), 'learning rate', 'learning rates')} ({listed}) and "
        f"{_number(known['seeds'], 'seed', 'seeds')}."
    )
    for name, choices in known["protocols"].items():
        size = "resized to" if choices["resize"] == "squash" else "resized and cropped to"
        which = f"Under the protocol {name}, images" if len(known["protocols"]) > 1 else "Images"
        some = " of the training part" if choices["fine_tuned_on"] == "train_split" else ""
        yield (
            f"{which} were {size} 224 × 224 pixels; a run started from "
            f"{_STARTS[choices['initial_weights']]} and saw the images{some} "
            f"{_ORDERS[choices['order']]}."
        )
    yield (
        "An image's reconstruction error is the loss between it and its reconstruction by the "
        "fine-tuned model. For each loss, the learning rate of the highest correlation with "
        "memorability is reported."
    )


def _statistics(known: Mapping[str, Any], measured: Measured) -> Iterator[str]:
    statistics = known["statistics"]
    yield (
        "Correlations are Spearman's r. Their intervals of "
        f"{percent(statistics['confidence'])} are from {statistics['bootstrap']:,} bootstrap "
        f"resamples (seed {statistics['seed']}): of subcategories where there are ten or more, else of "
        "images, and of seeds where there are several. p-values are adjusted by Holm's procedure."
    )
    if measured.ceiling is not None:
        rows = measured.ceiling
        row = rows[
            (rows["target"] == known["target"])
            & (rows["group"] == "all")
            & (rows["method"] == "pooled")
            & rows["ceiling"].notna()
        ]
        for _, found in row.iterrows():
            by = "split halves of the responses" if found["ceiling_by"] == "halves" else "a model"
            yield (
                f"The noise ceiling of the scores, the highest correlation to expect, is "
                f"{number(found['ceiling'])} (by {by})."
            )


def _prediction(known: Mapping[str, Any], measured: Measured) -> Iterator[str]:
    chosen = known["selected"]
    yield (
        f"Latents are those of the model fine-tuned with {LOSSES[chosen['loss']].label} at the "
        f"learning rate {chosen['rate']}. Distinctiveness is the Euclidean distance of an image's "
        "latent to the nearest other latent."
    )
    if measured.predictions is not None:
        counts = measured.predictions["split"].value_counts()
        parts = [
            f"{counts.get(part, 0):,} {words}"
            for part, words in (
                ("train", "images to train"), ("validation", "to validate"), ("test", "to test"),
            )
        ]  # fmt: skip
        yield (
            "A multilayer perceptron predicted memorability from latents "
            f"({_SPLITS[known['split']]}: {', '.join(parts)})."
        )
    if known["predictors"]:
        yield f"Predictors that read pixels stand beside it: {'; '.join(known['predictors'])}."
    if measured.attributions is not None:
        drawn = measured.attributions[measured.attributions["drawn"]]
        if len(drawn):
            how = known["attribution"]
            yield (
                f"Attributions of {_number(len(drawn), 'test image', 'test images')} are by Integrated "
                f"Gradients ({how['steps']} steps, baseline {how['baseline'].replace('_', ' ')}). "
                f"{percent(float(drawn['converged'].mean()))} of them converged, and only these were "
                "correlated with image features."
            )


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def as_text(sentences: Sequence[str], references: Sequence[str]) -> str:
    """Return paragraph and list of references as a text file."""
    listed = "\n".join(f"- {reference}" for reference in references)
    return f"{' '.join(sentences)}\n\nTo cite (citations.bib has these as BibTeX):\n\n{listed}\n"
