"""Modified images for readers: whether scores have the predicted order, and pictures of them."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memorability.report.figures.style import COLOURS, add_note, readable, styled
from memorability.report.labels import head_label
from memorability.report.numbers import counted, measured_with_interval, p_value, percent
from memorability.report.pages import heading_part, note_part, table_part, text_part, write_parts
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP
from memorability.where.modified.names import (
    CONTRASTS,
    HIGH,
    LOW,
    MEDIUM_AVERAGE,
    MEDIUM_RANDOM,
    ORIGINAL,
    VERSIONS,
)

LABELS = {
    ORIGINAL: "the image itself",
    LOW: "low",
    MEDIUM_RANDOM: "medium, a random half",
    MEDIUM_AVERAGE: "medium, everywhere alike",
    HIGH: "high",
}
A_MODEL = "These are answers of models. No person has seen the drawings."
_SURE = 0.05


def modified_in_words(versions: pd.DataFrame, tests: pd.DataFrame) -> str:
    """Say of each predictor whether its scores have the predicted order.

    Parameters
    ----------
    versions, tests
        The tables `modified_versions` and `modified_tests`.
    """
    images = int(versions["n"].max())
    said = [A_MODEL]
    if images < SMALLEST_BOOTSTRAP:
        said.append(
            f"Of {counted(images, 'image')} nothing can be tested. Give where.mapped_images at least "
            f"{SMALLEST_BOOTSTRAP}, and the study as many test images."
        )
        return " ".join(said)
    others = tests[~tests["made_map"]]
    if others.empty:
        said.append(
            "Only the predictor that made the map was asked: it cannot confirm itself. Name another "
            "one in prediction.pixel_predictors."
        )
    regions = versions.groupby("version")["regions"].mean()
    said.append(
        f"Drawings show {regions[HIGH]:,.0f} regions in the version high, and {regions[LOW]:,.0f} in "
        "the version low. Where these differ much, more detail alone may change scores."
    )
    for (made_map, name), own in tests.groupby(["made_map", "predictor"], sort=True):
        said.append(
            _said_of(head_label(str(name)), own.set_index(["first", "second"]), bool(made_map))
        )
    return " ".join(said)


def _said_of(name: str, rows: pd.DataFrame, made_map: bool) -> str:
    did = "made the map itself" if made_map else "did not make the map"
    who = f"{name[0].upper()}{name[1:]}, which {did},"
    (pair,) = rows.loc[[(HIGH, LOW)]].to_dict("records")
    size = measured_with_interval(pair["difference"], pair["ci_low"], pair["ci_high"])
    if not pair["p_holm"] < _SURE:
        said = (
            f"{who} is not shown to score drawings with detail where the map is high above others"
        )
        return f"{said} (high less low: {size})."
    share = percent(round(pair["share"], 3))
    said = f"{who} scores high above low by {size}, in {share} of the images."
    whole = [
        LABELS[medium]
        for medium in (MEDIUM_RANDOM, MEDIUM_AVERAGE)
        if (rows["p_holm"][(medium, LOW)] < _SURE) and (rows["p_holm"][(HIGH, medium)] < _SURE)
    ]
    if whole:
        return f"{said} The whole order low < medium < high is shown ({'; and '.join(whole)})."
    return f"{said} That medium lies between the two is not shown."


def write_modified(
    versions: pd.DataFrame, tests: pd.DataFrame, path: str | Path, *, note: str
) -> None:
    """Write the tables `modified_versions` and `modified_tests` as a page.

    Parameters
    ----------
    versions, tests
        The tables.
    path
        File to write.
    note
        Of the study, above the tables.
    """
    parts = [note_part(note), text_part(modified_in_words(versions, tests))]
    for predictor, own in versions.groupby("predictor", sort=True):
        parts.append(heading_part(head_label(str(predictor))))
        ordered = own.set_index("version").loc[[ORIGINAL, *VERSIONS]].reset_index()
        shown = pd.DataFrame(
            {
                "version": ordered["version"].map(LABELS),
                "mean predicted score": _values(ordered, "predicted"),
                "regions": ordered["regions"].round(),
                "share of lines": ordered["lines"],
            }
        )
        pairs = tests[tests["predictor"] == predictor]
        tested = pd.DataFrame(
            {
                "predicted to be higher": pairs["first"].map(LABELS),
                "than": pairs["second"].map(LABELS),
                "difference": _values(pairs, "difference"),
                "p, one-sided (Holm)": [
                    "–" if np.isnan(p) else p_value(p) for p in pairs["p_holm"]
                ],
                "images in this order": [percent(round(share, 3)) for share in pairs["share"]],
            }
        )
        parts += [table_part(shown), table_part(tested)]
    write_parts(parts, path, title="Images drawn with detail where a map is high or low")


def _values(table: pd.DataFrame, name: str) -> list[str]:
    return [
        measured_with_interval(*each)
        for each in table[[name, "ci_low", "ci_high"]].to_numpy(dtype=float)
    ]


def modified_figure(tests: pd.DataFrame, *, note: str) -> Figure:
    """Draw how far the scores of two versions of an image differ, by each predictor, with intervals.

    Parameters
    ----------
    tests
        The table `modified_tests`.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    names = sorted(set(tests["predictor"]))
    pairs = CONTRASTS[::-1]
    words = [f"{LABELS[first]} − {LABELS[second]}" for first, second in pairs]
    with styled():
        figure = Figure(figsize=(8.5, 1.2 + 1.9 * len(names)), layout="constrained")
        grid = figure.subplots(len(names), 1, squeeze=False)[:, 0]
        for axes, name in zip(grid, names, strict=True):
            own = tests[tests["predictor"] == name].set_index(["first", "second"]).loc[[*pairs]]
            made = "made the map" if own["made_map"].any() else "did not make the map"
            places = np.arange(len(pairs))
            axes.axvline(0, color="#555555", linewidth=1)
            axes.hlines(places, own["ci_low"], own["ci_high"], color=COLOURS[0])
            axes.plot(own["difference"], places, "o", color=COLOURS[0])
            axes.set_yticks(places, words)
            axes.set_title(f"{readable(head_label(name), 60)} ({made})")
        grid[-1].set_xlabel("difference of predicted scores: a model's answer, not people's")
        add_note(figure, note)
    return figure


def modified_examples_figure(examples: Path, *, note: str) -> Figure:
    """Draw some images and their versions.

    Parameters
    ----------
    examples
        The .npz file of `memorability.where.modified.making.modify_images`.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    with np.load(examples, allow_pickle=False) as found:
        keys = zip(map(str, found["image_id"]), map(str, found["version"]), strict=True)
        pixels = dict(zip(keys, found["pixels"], strict=True))
    ids = list(dict.fromkeys(image_id for image_id, _ in pixels))
    order = [ORIGINAL, *VERSIONS]
    with styled():
        figure = Figure(figsize=(2.2 * len(order), 1.0 + 2.2 * len(ids)), layout="constrained")
        grid = figure.subplots(len(ids), len(order), squeeze=False)
        for row, image_id in zip(grid, ids, strict=True):
            for axes, version in zip(row, order, strict=True):
                axes.imshow(pixels[image_id, version])
                axes.set(xticks=[], yticks=[], frame_on=False)
                axes.grid(visible=False)
        for axes, version in zip(grid[0], order, strict=True):
            axes.set_title(LABELS[version])
        add_note(figure, note)
    return figure
