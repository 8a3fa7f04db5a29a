"""Names of image features: those of the paper's Table 2, and other readings of them."""

from collections.abc import Mapping

TABLE_2 = (
    "mean_lab_a",
    "distinct_categories",
    "object_count",
    "mean_lab_b",
    "saturation",
    "mean_object_size",
    "separation_score",
    "color_diversity",
    "image_entropy",
    "clutter_score",
    "mean_lab_l",
    "texture_energy",
)
"""The features of Table 2, in its order."""

OBJECT_FEATURES = ("distinct_categories", "object_count", "mean_object_size", "separation_score")
"""Those of them that need pretrained networks."""

VARIANTS_OF: dict[str, str] = {
    "mean_lab_a_8bit": "mean_lab_a",
    "distinct_categories_scripts": "distinct_categories",
    "probable_classes": "distinct_categories",
    "object_count_scripts": "object_count",
    "mean_lab_b_8bit": "mean_lab_b",
    "mean_object_size_scripts": "mean_object_size",
    "separation_mask_fraction": "separation_score",
    "separation_certainty": "separation_score",
    "color_diversity_lab_histogram": "color_diversity",
    "color_diversity_lab_values": "color_diversity",
    "clutter_thresholds_05_10": "clutter_score",
    "clutter_thresholds_20_40": "clutter_score",
    "clutter_thresholds_40_80": "clutter_score",
    "clutter_sigma_2": "clutter_score",
    "clutter_sigma_3": "clutter_score",
    "clutter_sobel_entropy": "clutter_score",
    "mean_lab_l_8bit": "mean_lab_l",
    "texture_energy_horizontal": "texture_energy",
    "texture_energy_swapped": "texture_energy",
}
"""Other reading -> the feature of Table 2 that it reads otherwise."""

OBJECT_VARIANTS = tuple(
    variant for variant, feature in VARIANTS_OF.items() if feature in OBJECT_FEATURES
)

LOW_LEVEL: Mapping[str, str] = {
    "image_entropy": "image_entropy",
    "clutter_score": "edge_density",
    "rms_contrast": "rms_contrast",
    "spectral_slope": "spectral_slope",
    "energy_2_to_4_pixels": "energy_2_to_4_pixels",
    "energy_4_to_8_pixels": "energy_4_to_8_pixels",
    "energy_8_to_16_pixels": "energy_8_to_16_pixels",
    "energy_16_to_32_pixels": "energy_16_to_32_pixels",
}
"""Features that serve as low-level controls, and their names among these."""

TWO_PARTS: Mapping[str, tuple[str, str]] = {
    "separation_score": ("separation_found", "separation_where_found"),
    "mean_object_size": ("object_found", "mean_object_size_where_found"),
}
"""Feature that is 0 where nothing is found -> whether something is (1 or 0), and its value there.

Many images have nothing that the networks know: the feature first tells these from the others.
"""

READINGS_OF: Mapping[str, str] = VARIANTS_OF | {
    part: feature for feature, parts in TWO_PARTS.items() for part in parts
}
"""Other reading, measured or derived -> the feature of Table 2 that it reads otherwise."""
