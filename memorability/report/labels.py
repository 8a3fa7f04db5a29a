"""Names of losses, metrics, features and targets as a reader expects them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from memorability.base.run_keys import EXTERNAL
from memorability.memory_game.score_kinds import SCORE_KINDS
from memorability.networks.catalogue import LOSSES, NOT_FILES
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.prediction.names import HEADS

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
    "clutter_thresholds_05_10": "Clutter, Canny thresholds 0.05 and 0.1",
    "clutter_thresholds_20_40": "Clutter, Canny thresholds 0.2 and 0.4",
    "clutter_thresholds_40_80": "Clutter, Canny thresholds 0.4 and 0.8",
    "clutter_sigma_2": "Clutter, Canny sigma 2",
    "clutter_sigma_3": "Clutter, Canny sigma 3",
    "clutter_sobel_entropy": "Clutter, as scripted (Sobel entropy)",
    "object_count_scripts": "Number of objects, as scripted (score from 0.05)",
    "distinct_categories_scripts": "Number of distinct categories, as scripted (score from 0.05)",
    "mean_object_size_scripts": "Mean object size, as scripted (score from 0.05)",
    "separation_found": "Separation: foreground or none",
    "separation_where_found": "Separation where there is foreground",
    "object_found": "Objects or none",
    "mean_object_size_where_found": "Mean object size where there are objects",
    "separation_mask_fraction": "Separation: share of foreground",
    "separation_certainty": "Separation: certainty of the mask",
    "probable_classes": "Number of probable classes (ResNet-50)",
    "roc_auc": "ROC AUC",
    "pr_auc": "Average precision (PR AUC)",
    "spearman": "Spearman's r",
    "mean_within": "Mean of Spearman's r within categories",
    "pearson": "Pearson's r",
    "f1": "F1",
    "jpeg_bytes": "Size as JPEG",
    "edge_density": "Edge density",
    "overdispersion": "Correlation of two responses to one image",
    "share_category": "Share of variance: category",
    "share_subcategory": "Share of variance: subcategory",
    "share_image": "Share of variance: image",
    "share_chance": "Share of variance: chance of responses",
    "reliability": "Reliability of the rate",
    "sd_subcategory": "SD of subcategories",
    "sd_image": "SD of images",
    "sd_observer": "SD of observers",
    "delay": "Doubling of the delay",
    "change_of_rate_delay": "Change of the rate per doubling of the delay",
    "nearest_neighbour": "Distance to the nearest image (paper)",
    "nearest_neighbours_mean": "Mean distance to the k nearest images",
    "nearest_in_category": "Distance to the nearest image of its category",
    "local_outlier_factor": "Local outlier factor",
    "rms_contrast": "Contrast (RMS)",
    "spectral_slope": "Spectral slope",
    "energy_2_to_4_pixels": "Energy of details of 2–4 pixels",
    "energy_4_to_8_pixels": "Energy of details of 4–8 pixels",
    "energy_8_to_16_pixels": "Energy of details of 8–16 pixels",
    "energy_16_to_32_pixels": "Energy of details of 16–32 pixels",
    "labels": "Labels",
    "low_level": "Low-level controls",
    "predictors": "Predictors made elsewhere",
}
# Column model -> whose error it is.
MODELS: Mapping[str, str] = {
    "fine_tuned": "Fine-tuned",
    "before_fine_tuning": "Before fine-tuning (epoch 0)",
    "untrained": "Untrained",
    "grey": "Constant grey",
}

# Effect planted in the sample -> what it is; its categories have their own names.
PLANTED: Mapping[str, str] = {
    "saturation": "Saturation, per standard deviation",
    "edge_strength": "Edge strength, per standard deviation",
    "memorability": "Mean memorability",
    "false_alarm_rate": "Mean false-alarm rate",
    "decay": "Decay, per unit of log delay",
    "inattentive_share": "Share of inattentive observers",
    "highest_correlation": "Correlation with the truth",
}


def label(name: str) -> str:
    """Return the name of a loss, measure, feature or target as a reader expects it."""
    return LABELS.get(name, name.replace("_", " "))


def head_label(head: str) -> str:
    """Return the name of what predicts memorability; an external predictor's is its own."""
    read_pixels = PIXEL_PREDICTORS.get(head)
    return read_pixels.label if read_pixels else HEADS.get(head, head)


def lowered(words: str) -> str:
    """Return words that begin a sentence as they stand within one."""
    return words[0].lower() + words[1:]


def planted_label(kind: str, effect: str) -> str:
    """Return what an effect of the table `planted_effects` is, as a reader expects it."""
    return f"Category {effect}" if kind == "category" else PLANTED[effect]


def score_label(target: str, convention: str) -> str:
    """Return what stands beside an axis of scores: what they are, and in which unit.

    Parameters
    ----------
    target
        A key of `SCORE_KINDS`.
    convention
        What the score itself is, in words: see `memorability.study.notes.score_convention`. The
        others are computed here, in units of their own.
    """
    words = SCORE_KINDS[target].label
    return f"{words}, {convention}" if target == "score" else words


def correlated_with(target: str, what: str = "") -> str:
    """Return what stands beside an axis of correlations with a score, perhaps of what."""
    return f"Spearman's r {f'of {what} ' if what else ''}with {SCORE_KINDS[target].in_a_sentence}"


def metric_label(row: Mapping[str, Any] | pd.Series) -> str:
    """Return in words what an error is measured in; no two metrics have the same words.

    Parameters
    ----------
    row
        Of a table with the columns protocol, loss and `memorability.base.run_keys.METRIC_KEYS`, and
        model where other models than the fine-tuned one are in it.

    Returns
    -------
    str
        For example "1 − LPIPS (VGG), random backbone", or "LPIPS (SqueezeNet), weights
        squeezenet1_1_caffe" where the study names a file. An error made elsewhere is called external,
        with the source's name where that is not the loss.
    """
    words = label(row["metric"])
    if row["backbone"] == "random":
        words = f"{words}, random backbone"
    elif row["backbone"] not in ("", *NOT_FILES):
        words = f"{words}, weights {row['backbone']}"
    if row["sign"] == "one_minus":
        words = f"1 − {words}"
    if row["protocol"] == EXTERNAL:
        source = "" if row["loss"] == row["metric"] else f" ({row['loss']})"
        words = f"{words}, external{source}"
    model = row.get("model", "")
    return f"{MODELS[model]}: {words}" if model else words


def loss_label(row: Mapping[str, Any] | pd.Series) -> str:
    """Return in words the loss that a model was trained with, and the weights of its network.

    Parameters
    ----------
    row
        See `metric_label`. Of quantities that are no error, the weights are known after
        `with_networks`.
    """
    return metric_label({**row, "metric": row["loss"], "sign": "distance", "model": ""})


def with_networks(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return tables in which rows of distinctiveness name the network of the loss of their model.

    Parameters
    ----------
    tables
        Tables `correlations`, or none. Those of errors know the network.
    """
    if not tables:
        return []
    errors = pd.concat(tables, ignore_index=True)
    errors = errors[(errors["quantity"] == "error") & (errors["metric"] == errors["loss"])]
    known = errors.drop_duplicates(["protocol", "loss"]).set_index(["protocol", "loss"])["backbone"]
    return [
        table.assign(
            backbone=[
                known.get((protocol, loss), own) if quantity == "distinctiveness" else own
                for quantity, protocol, loss, own in zip(
                    table["quantity"], table["protocol"], table["loss"], table["backbone"],
                    strict=True,
                )
            ]
        )
        for table in tables
    ]  # fmt: skip


def metric_labels(table: pd.DataFrame) -> list[str]:
    """Return `metric_label` of every row."""
    return [metric_label(row) for _, row in table.iterrows()]
