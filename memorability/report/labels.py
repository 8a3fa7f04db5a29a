"""Names of losses, metrics, features and targets as a reader expects them."""

from collections.abc import Mapping

from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.networks.catalogue import LOSSES

LABELS: Mapping[str, str] = {
    **{spec.name: spec.label for spec in LOSSES.values()},
    **{kind.column: kind.label for kind in SCORE_KINDS.values()},
    "category_mean": "Mean score of the category",
    "subcategory_mean": "Mean score of the subcategory",
    "image_size": "Size of the original in pixels",
    "aspect": "Width / height of the original",
    "mean_lab_l": "Mean colour LAB L",
    "mean_lab_a": "Mean colour LAB A",
    "mean_lab_b": "Mean colour LAB B",
    "saturation": "Saturation",
    "color_diversity": "Colour diversity",
    "image_entropy": "Image entropy",
    "texture_energy": "Texture energy",
    "clutter_score": "Clutter score",
    "attribution_mean_absolute": "mean absolute attribution",
    "attribution_mean_signed": "mean signed attribution",
    "attribution_mean_positive": "mean positive attribution",
    "object_count": "Number of objects",
    "distinct_categories": "Number of distinct categories",
    "mean_object_size": "Mean object size",
    "separation_score": "Separation score",
    "mean_lab_l_8bit": "Mean colour LAB L, 8 bits",
    "mean_lab_a_8bit": "Mean colour LAB A, 8 bits",
    "mean_lab_b_8bit": "Mean colour LAB B, 8 bits",
    "color_diversity_lab_histogram": "Colour diversity, LAB histogram",
    "color_diversity_lab_values": "Colour diversity, as scripted (LAB values)",
    "texture_energy_horizontal": "Texture energy, horizontal",
    "texture_energy_swapped": "Texture energy, as scripted (red and blue swapped)",
    "clutter_sobel_entropy": "Clutter, as scripted (Sobel entropy)",
    "object_count_scripts": "Number of objects, as scripted (score from 0.05)",
    "distinct_categories_scripts": "Number of distinct categories, as scripted (score from 0.05)",
    "mean_object_size_scripts": "Mean object size, as scripted (score from 0.05)",
    "separation_mask_fraction": "Separation: share of foreground",
    "separation_certainty": "Separation: certainty of the mask",
    "probable_classes": "Number of probable classes (ResNet-50)",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "spearman": "Spearman's r",
    "pearson": "Pearson's r",
    "f1": "F1",
    "jpeg_bytes": "Size as JPEG",
    "edge_density": "Edge density",
    "nearest_neighbour": "Distance to the nearest image (paper)",
    "nearest_neighbours_mean": "Mean distance to the k nearest images",
    "nearest_in_category": "Distance to the nearest image of its category",
    "local_outlier_factor": "Local outlier factor",
}
# Beginning of a metric's name -> whose error it is.
MODELS: Mapping[str, str] = {
    "trained_": "Fine-tuned",
    "untrained_": "Untrained",
    "grey_": "Constant grey",
}


def label(name: str) -> str:
    """Return the name of a loss, metric, feature or target as a reader expects it."""
    if name.endswith("_one_minus"):
        return f"1 − {label(name.removesuffix('_one_minus'))}"
    if "_external" in name:
        loss, _, source = name.partition("_external")
        return f"{label(loss)}, external" + (f" ({source[1:]})" if source else "")
    if name.endswith("_random_backbone"):
        return f"{label(name.removesuffix('_random_backbone'))}, random backbone"
    for beginning, model in MODELS.items():
        if name.startswith(beginning):
            return f"{model}: {label(name.removeprefix(beginning))}"
    return LABELS.get(name, name.replace("_", " "))
