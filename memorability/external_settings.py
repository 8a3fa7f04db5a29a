"""Contradictions of a configuration about data without images and tables made elsewhere."""

from collections.abc import Mapping
from typing import Any

from memorability.errors import InputError
from memorability.published import find_claim, load_published


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


def check_external(config: Mapping[str, Any]) -> None:
    """Refuse tables from elsewhere that cannot be joined or answer what is not published.

    Parameters
    ----------
    config
        The keys external_errors and external_latents of a configuration that fits the schema.

    Raises
    ------
    InputError
        Naming the source, and of an unknown published figure the nearest.
    """
    published = load_published()
    for key, quantity in (("external_errors", "error"), ("external_latents", "distinctiveness")):
        for name, source in config[key].items():
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
