"""What stands behind results: origin, planted effects, errors of predictions, equal images."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memorability.prediction.intervals import FIFTHS
from memorability.report.labels import planted_label
from memorability.report.numbers import counted, measured, measured_with_interval, percent


def provenance_rows(
    records: list[dict[str, Any]],
    settings: Mapping[str, Any],
    tables: Mapping[str, str] | None = None,
    environment: Mapping[str, Any] | None = None,
    workflow: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return what made the results, a row per fact: workflow, weights, versions, configuration.

    Parameters
    ----------
    records
        The record of every run, each with settings, receipts and environment. Runs that continued
        with the model of the run before are counted; each one's own record names its file.
    settings
        The resolved configuration.
    tables
        Path -> SHA-256 of the tables that the user gave.
    environment
        As from `environment_record`, shown where there are no runs.
    workflow
        As from `memorability.workflow.records.workflow_record`.
    """
    receipts = {
        json.dumps(receipt, sort_keys=True)
        for run in records
        for receipt in run["receipts"]
        if receipt["source"] != run["settings"]["start"]["previous_model"]
    }
    rows = [(f"{key} of the workflow", value) for key, value in (workflow or {}).items()]
    rows += [
        (f"weights of the {receipt['model']}", _receipt_text(receipt))
        for receipt in map(json.loads, sorted(receipts))
    ]
    carried = sum(run["settings"]["start"]["previous_model"] is not None for run in records)
    if carried:
        rows.append(
            ("weights carried over", f"{carried} runs start from the model of the run before")
        )
    rows += [("table", f"{path}, SHA-256 {digest}") for path, digest in (tables or {}).items()]
    environments = [run["environment"] for run in records] or [environment or {"packages": {}}]
    for text in sorted({json.dumps(one, sort_keys=True) for one in environments}):
        facts = json.loads(text)
        packages = facts.pop("packages")
        rows += [(key, str(value)) for key, value in facts.items()]
        rows.append(
            ("packages", ", ".join(f"{name} {version}" for name, version in packages.items()))
        )
    rows.append(("runs", str(len(records))))
    rows += [(f"configuration: {key}", json.dumps(value)) for key, value in settings.items()]
    return pd.DataFrame(rows, columns=["what", "value"])


def _receipt_text(receipt: Mapping[str, Any]) -> str:
    total = receipt["matched"] + receipt["missing"]
    if receipt["source"] == "random":
        return f"seeded random weights; 0 of {total} tensors loaded from a file"
    file = receipt["source"] + (f", SHA-256 {receipt['sha256']}" if receipt["sha256"] else "")
    counts = f"{receipt['matched']} tensors"
    if receipt["missing"] or receipt["unexpected"]:
        counts = (
            f"{receipt['matched']} tensors matched, {receipt['missing']} missing in the file, "
            f"{receipt['unexpected']} of the file unexpected"
        )
    published = {"yes": "the published weights", "no": "not the published weights"}
    facts = [
        f"trained by {receipt['trained_by']}" if receipt.get("trained_by") else "",
        published.get(receipt.get("published", ""), ""),
        receipt["remark"],
        f"licence: {receipt['licence']}" if receipt.get("licence") else "",
    ]
    return "; ".join([f"{file}: {counts}", *filter(None, facts)])


def planted_for_reading(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the table `planted_effects` in the order of its kinds, with headings for readers."""
    order = ["property", "category", "mean", "observers", "ceiling"]
    rows = effects.sort_values("kind", key=lambda kinds: kinds.map(order.index), kind="stable")
    names = zip(rows["kind"], rows["effect"], strict=True)
    return pd.DataFrame(
        {
            "what": [planted_label(*name) for name in names],
            "planted": [measured(value) for value in rows["planted"]],
            "found": [
                measured_with_interval(*row)
                for row in zip(rows["found"], rows["ci_low"], rows["ci_high"], strict=True)
            ],
            "the interval contains it": rows["contains"]
            .map({True: "yes", False: "no"})
            .fillna("–"),
            "n": [f"{n:,} {unit}" for n, unit in zip(rows["n"], rows["unit"], strict=True)],
        }
    )


def intervals_for_reading(intervals: pd.DataFrame) -> pd.DataFrame:
    """Return the table `prediction_intervals` in the order of reading, with headings for readers."""
    words = {"all": "all images", "category": "category ", "prediction": "prediction: "}
    fifths = {name: f"{place}. {name} fifth" for place, name in enumerate(FIFTHS, start=1)}
    groups = intervals["group"].where(intervals["by"] == "category", intervals["group"].map(fifths))
    names = intervals["by"].map(words) + groups.fillna("")
    shown = intervals.assign(name=names.where(intervals["by"] != "all", words["all"]))
    shown = shown.sort_values(["by", "name"])
    return pd.DataFrame(
        {
            "test images": shown["name"],
            "n": shown["n"],
            "half width": shown["half_width"].map(measured),
            "from n images": shown["calibrated_by"],
            "shall hold": shown["level"].map(percent),
            "held, category known": shown["coverage"].map(_share),
            "held, category not known": shown["coverage_widest"].map(_share),
        }
    )


def _share(share: float) -> str:
    return "–" if pd.isna(share) else percent(share)


def planted_in_words(effects: pd.DataFrame, *, confidence: float) -> str:
    """Return how many intervals contain what was planted, and how many should, in a sentence or two."""
    known = effects[effects["contains"].notna()]
    if known.empty:
        return "The sample is too small for an interval: nothing can be compared."
    return (
        f"{int(known['contains'].sum())} of {len(known)} intervals contain what was planted. If all is "
        f"right, about {percent(confidence)} of such intervals do."
    )


def duplicates_in_words(duplicates: pd.DataFrame) -> str:
    """Return that the split separates nearly equal images, in two sentences; "" where it does not."""
    apart = int(duplicates["straddles"].sum())
    if not apart:
        return ""
    return (
        f"{counted(apart, 'pair')} of nearly equal images {'stands' if apart == 1 else 'stand'} in "
        "different parts of the split: the prediction of test images may look better than it is. "
        "prediction.split.group_near_duplicates: true keeps such images in one part of a stratified "
        "split."
    )


def duplicates_for_reading(duplicates: pd.DataFrame) -> pd.DataFrame:
    """Return the table `near_duplicates` from the nearest pair on, with headings for readers."""
    rows = duplicates.sort_values(["straddles", "distance"], ascending=[False, True], kind="stable")
    return pd.DataFrame(
        {
            "image": rows["image_id"],
            "nearly equal to": rows["other_image_id"],
            "bits that differ": rows["distance"],
            "mirrored": rows["mirrored"].map({True: "yes", False: "no"}),
            "category": rows["category"],
            "of the other": rows["other_category"],
            "part": rows["split"],
            "part of the other": rows["other_split"],
        }
    )


def duplicates_lead(duplicates: pd.DataFrame, images: int) -> str:
    """Return how many of the study's images have a near duplicate, in sentences."""
    alike = set(duplicates["image_id"]) | set(duplicates["other_image_id"])
    return (
        f"{len(alike):,} of {counted(images, 'image')} {'has' if len(alike) == 1 else 'have'} a near "
        f"duplicate. {duplicates_in_words(duplicates)}"
    ).strip()


def pictured(
    duplicates: pd.DataFrame, ids: pd.Series, pixels: NDArray[np.uint8], most: int = 20
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Return the first pairs of `duplicates_for_reading` as pictures side by side, with their names.

    Parameters
    ----------
    duplicates
        The table `near_duplicates`.
    ids, pixels
        Of the prepared images: image_id (N,), and uint8 (N, 3, 224, 224).
    most
        Pairs at most.

    Returns
    -------
    list of tuple
        Name, and picture uint8 (224, 448, 3).
    """
    row_of = pd.Series(np.arange(len(ids)), pd.Index(ids))
    shown = duplicates_for_reading(duplicates).head(most)
    pairs = zip(shown["image"], shown["nearly equal to"], strict=True)
    return [
        (
            f"{first} · {second}",
            np.concatenate([pixels[row_of[name]] for name in (first, second)], axis=2).transpose(
                1, 2, 0
            ),
        )
        for first, second in pairs
    ]
