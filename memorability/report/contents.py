"""The table of contents of a report: what it shows, in the order of reading.

Snakemake sorts categories and labels by the alphabet. Numbers in front of them keep the order of this
table.
"""

import re
from collections.abc import Collection, Iterable, Mapping

FRONT = "Results on one page and in figures"

CONTENTS: Mapping[str, Mapping[str, str]] = {
    FRONT: {
        "tables/summary": "the results on one page",
        "figures/forest": "correlations with memorability",
        "figures/errors": "error by memorability",
        "figures/external_errors": "error by memorability",
        "figures/distinctiveness": "distinctiveness by memorability",
        "figures/external_distinctiveness": "distinctiveness by memorability",
        "figures/prediction": "predicted and measured memorability",
        "figures/attributions": "attribution maps",
        "figures/features": "image features and memorability",
    },
    "Results in tables": {
        "tables/table_1": "Table 1: training losses",
        "tables/in_words": "every correlation in words",
        "tables/table_2": "Table 2: image features",
        "tables/prediction_metrics": "prediction of unseen images",
        "tables/incremental": "what errors add to labels and controls",
        "tables/claims": "published numbers beside ours",
    },
    "Images and scores": {
        "tables/planted_effects": "planted in the sample, and found (table)",
        "figures/planted_effects": "planted in the sample, and found (figure)",
        "figures/scores": "scores by category",
        "tables/ceiling": "reliability of the scores",
        "tables/count_models": "counts of responses, modelled",
        "tables/trial_models": "single responses, modelled",
        "figures/consistency": "agreement of halves of the observers",
        "tables/rejected": "images left out",
        "tables/near_duplicates": "nearly equal images",
        "figures/attributes": "attributes by quartile of memorability (figure)",
        "tables/attributes": "attributes and memorability (table)",
        "figures/sources": "scores by source (figure)",
        "tables/sources": "scores by source (table)",
        "tables/external": "tables made elsewhere",
        "figures/pretraining": "pre-training by epoch",
    },
    "Reconstruction error": {
        "figures/errors": "error by memorability",
        "figures/external_errors": "error by memorability",
        "figures/error_scatter": "error of every image",
        "figures/external_error_scatter": "error of every image",
        "figures/reconstructions": "best and worst reconstructions",
        "figures/seed_agreement": "agreement between seeds",
        "figures/selection": "correlation by learning rate",
        "tables/selection": "choice of the learning rate",
        "figures/decay": "correlation by epoch",
        "figures/matrix": "every loss under every metric",
        "figures/controls": "models beside controls",
        "tables/given_controls": "what is left given a control",
        "figures/incremental": "what errors add to labels and controls",
        "figures/protocol_effects": "protocols compared (figure)",
        "tables/protocol_effects": "protocols compared (table)",
    },
    "Distinctiveness": {
        "figures/measures": "four measures of distinctiveness",
        "figures/external_distinctiveness": "distinctiveness by memorability",
    },
    "Prediction": {
        "figures/predictor_comparison": "which predictor is best, and where (figure)",
        "tables/predictor_comparison": "which predictor is best, and by how much (table)",
        "figures/test_sets": "the same predictors on other data sets (figure)",
        "tables/test_sets": "the same predictors on other data sets (table)",
        "figures/prediction_by_category": "every head in every category",
        "figures/prediction_calibration": "calibration",
        "tables/prediction_intervals": "intervals around predicted scores",
        "figures/prediction_learning": "training of the predictor",
        "figures/pixel_training": "training of predictors of pixels",
        "figures/prediction_search": "search for the predictor (figure)",
        "tables/prediction_search": "search for the predictor (table)",
    },
    "Where in an image": {
        "figures/attribution_baselines": "attribution: other baselines",
        "figures/attribution_weights": "attribution: random weights",
        "figures/attribution_deletion": "attribution: deletion and insertion",
        "figures/ablations": "what is taken away, and what it does (figure)",
        "tables/ablations": "what is taken away, and what it does (table)",
        "figures/ablation_examples": "images under each ablation",
        "figures/memorability_maps": "maps of the predicted score",
        "tables/map_agreement": "how far maps agree",
        "tables/units": "units, and how they go with memorability",
        "figures/unit_images": "images that move units most",
        "figures/unit_portraits": "what units answer to",
        "tables/latent_map": "do images with similar scores lie together",
        "figures/latent_maps": "embeddings on a plane",
        "figures/modified_examples": "images drawn with detail where the map is high or low",
        "figures/modified_images": "scores of these drawings (figure)",
        "tables/modified_images": "scores of these drawings (table)",
    },
    "Image features": {
        "figures/feature_importance": "how much a model uses each feature (figure)",
        "tables/feature_importance": "how much a model uses each feature (table)",
        "figures/feature_variants": "other readings of the features",
        "figures/feature_map": "features among one another",
    },
    "Provenance": {
        "tables/provenance": "weights, versions, configuration",
        "tables/methods": "methods in a paragraph, and what to cite",
    },
}
"""Category -> entry, a figure or a page below the results -> what it is, in words."""


ENTRIES = frozenset(entry for entries in CONTENTS.values() for entry in entries)
"""Every entry that a report may have."""


def entries_of(files: Iterable[str]) -> frozenset[str]:
    """Return the entries that files of a study belong to.

    Parameters
    ----------
    files
        Paths: "<results>/figures/errors/mse.svg" belongs to "figures/errors".
    """
    found = (re.search(r"\b(?:figures|tables)/[a-z0-9_]+", file) for file in files)
    return ENTRIES & {match.group() for match in found if match}


def place(
    entry: str,
    *,
    front: bool = False,
    detail: str = "",
    present: Collection[str] = ENTRIES,
) -> tuple[str, str]:
    """Return where the report shows an entry: its category and its label, both numbered.

    Parameters
    ----------
    entry
        Of `CONTENTS`, for example "figures/forest".
    front
        Whether one that stands in front and further back, as there are several of it, is to stand in
        front.
    detail
        What tells it from others of the same entry.
    present
        The entries that the study has; they are numbered without gaps.

    Raises
    ------
    ValueError
        If the report has no such entry.
    """
    places = [
        (f"{place}. {category}", [name for name in entries if name in {entry, *present}], entries)
        for place, (category, entries) in enumerate(CONTENTS.items(), start=1)
        if entry in entries
    ]
    if not places:
        raise ValueError(f"The report has no place for {entry!r}. Add it to CONTENTS.")
    category, there, entries = places[0 if front else -1]
    digits = len(str(len(there)))
    label = f"{there.index(entry) + 1:0{digits}}. {entries[entry]}"
    return category, f"{label}: {detail}" if detail else label
