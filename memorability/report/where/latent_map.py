"""Maps of embeddings for readers: whether similar scores lie together, and pictures of them."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memorability.report.figures.style import COLOURS, add_note, readable, say_instead, styled
from memorability.report.labels import head_label
from memorability.report.numbers import counted, interval, number, p_value
from memorability.report.pages import note_part, table_part, text_part, write_parts
from memorability.where.names import AUTOENCODER, GIVEN, SMALL_VAE, SMALLEST_EMBEDDING

_EMBEDDINGS = {AUTOENCODER: "latents of the autoencoder", SMALL_VAE: "the plane of the small VAE"}
_METHODS = {"pca": "PCA", "tsne": "t-SNE", "means": "Its plane"}
_STATISTICS = {"neighbours": "r with nearest images", "moran": "Moran's I"}
_SURE = 0.05
_MOST_CATEGORIES = len(COLOURS)


def embedding_label(name: str) -> str:
    """Return what an embedding is, in words."""
    return _EMBEDDINGS.get(name) or head_label(name)


def latent_map_in_words(tests: pd.DataFrame) -> str:
    """Say of each embedding whether images with similar scores lie together.

    Parameters
    ----------
    tests
        The table `latent_map`.
    """
    if tests.empty:
        return "There is no embedding: no predictor has a layer of units."
    said = []
    for name, rows in tests.groupby("embedding", sort=True):
        known = rows[rows["value"].notna()]
        label = embedding_label(str(name))
        n = counted(int(rows["n"].iloc[0]), "test image")
        if known.empty:
            said.append(
                f"In {label}, nothing can be tested: there are {n}, all alike or with one score."
            )
            continue
        shown = [
            given for given in GIVEN if (known.loc[known["given"] == given, "p_holm"] < _SURE).any()
        ]
        if "nothing" not in shown:
            found = _values(known, "nothing")
            said.append(f"In {label}, similar scores are not shown to lie together ({found}; {n}).")
            continue
        found = _values(known, "nothing")
        said.append(f"In {label}, images with similar scores lie together ({found}; {n}).")
        beyond = [given for given in shown if given != "nothing"]
        said.append(
            f"They do so within each {beyond[-1]}, too ({_values(known, beyond[-1])})."
            if beyond
            else "Beyond what labels tell, this is not shown."
        )
    return " ".join(said)


def small_vae_in_words(curve: pd.DataFrame) -> str:
    """Say what the small VAE learned: its loss on images that it was not trained on.

    Parameters
    ----------
    curve
        The table `small_vae`.
    """
    first, kept = curve["held_out_loss"].iloc[0], curve.loc[curve["kept"], "held_out_loss"].item()
    images = counted(int(curve["trained_on"].iloc[0]), "training image")
    begun = f"The small VAE was trained on {images}. It begins as the mean image of these."
    tested = f"Its loss on {counted(int(curve['n'].iloc[0]), 'test image')}"
    if not kept < first:
        return (
            f"{begun} {tested} did not fall below that of the mean image ({number(first)} nats per "
            "pixel value): its plane says nothing about them."
        )
    return f"{begun} {tested} fell from {number(first)} to {number(kept)} nats per pixel value."


def _values(known: pd.DataFrame, given: str) -> str:
    rows = known[known["given"] == given].set_index("statistic")["value"]
    return ", ".join(f"{_STATISTICS[str(name)]} = {number(value)}" for name, value in rows.items())


def latent_map_for_reading(tests: pd.DataFrame) -> pd.DataFrame:
    """Return the table `latent_map` with headings for readers."""
    shown = pd.DataFrame({"embedding": tests["embedding"].map(embedding_label)})
    shown["given"] = tests["given"]
    shown["statistic"] = tests["statistic"].map(_STATISTICS)
    shown["value"] = tests["value"]
    ends = zip(tests["null_low"], tests["null_high"], strict=True)
    shown["95 % of shuffled scores"] = [interval(*each) for each in ends]
    shown["p"] = ["–" if np.isnan(p) else p_value(p) for p in tests["p_holm"]]
    shown["images"] = tests["n"]
    return shown


def write_latent_map(
    tests: pd.DataFrame, curve: pd.DataFrame, path: str | Path, *, note: str
) -> None:
    """Write the table `latent_map` as a page.

    Parameters
    ----------
    tests
        The table.
    curve
        The table `small_vae`.
    path
        File to write.
    note
        Of the study, above the table.
    """
    parts = [
        note_part(note),
        text_part(latent_map_in_words(tests)),
        text_part(small_vae_in_words(curve)),
        table_part(latent_map_for_reading(tests)),
    ]
    write_parts(parts, path, title="Do images with similar scores lie together?")


def latent_map_figure(
    positions: pd.DataFrame,
    curve: pd.DataFrame,
    images: pd.DataFrame,
    *,
    target: str,
    score: str,
    note: str,
) -> Figure:
    """Draw embeddings on a plane: by score, by category, and by the error of the prediction.

    Parameters
    ----------
    positions
        The table `latent_positions`.
    curve
        The table `small_vae`.
    images
        The image table.
    target
        Name of the score.
    score
        What the score is, in words.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    names = list(dict.fromkeys(positions["embedding"]))
    table = positions.merge(images[["image_id", "category", target]], on="image_id")
    with styled():
        figure = Figure(figsize=(13.5, 1.2 + 3.2 * max(1, len(names))), layout="constrained")
        if not names:
            text = f"Fewer than {SMALLEST_EMBEDDING} images, or images all alike, make no map."
            say_instead(figure.subplots(), text)
            return figure
        grid = figure.subplots(len(names), 4, squeeze=False)
        for row, name in zip(grid, names, strict=True):
            own = table[table["embedding"] == name]
            first, last = (own[own["method"] == own["method"].iloc[at]] for at in (0, -1))
            row[0].set_ylabel(readable(embedding_label(name), 26))
            _by_value(figure, row[0], first, target, f"by {score}")
            if name == SMALL_VAE:
                _losses(row[1], curve)
            else:
                _by_value(figure, row[1], last, target, f"by {score}")
            _by_category(row[2], last)
            _by_value(figure, row[3], last, "error", "by size of the error")
        add_note(figure, note)
    return figure


def _plane(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    method = _METHODS[str(rows["method"].iloc[0])]
    axes.set_title(readable(f"{method}, {title}", 40), fontsize=10)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)


def _by_value(figure: Figure, axes: Axes, rows: pd.DataFrame, column: str, title: str) -> None:
    _plane(axes, rows, title)
    known = rows[rows[column].notna()]
    if known.empty:
        say_instead(axes, "not predicted")
        return
    drawn = axes.scatter(known["x"], known["y"], c=known[column], cmap="viridis", s=14)
    figure.colorbar(drawn, ax=axes, shrink=0.8)


def _by_category(axes: Axes, rows: pd.DataFrame) -> None:
    _plane(axes, rows, "by category")
    names = sorted(set(rows["category"]))
    if len(names) > _MOST_CATEGORIES:
        say_instead(axes, f"{len(names)} categories are too many to tell apart by colour")
        return
    colours = dict(zip(names, COLOURS, strict=False))
    axes.scatter(rows["x"], rows["y"], c=rows["category"].map(colours), s=14)
    handles = [
        Line2D([], [], ls="", marker="o", color=colour, label=readable(name, 14))
        for name, colour in colours.items()
    ]
    if names != [""]:
        # Beside the images: in a small study it would cover some.
        axes.legend(handles=handles, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _losses(axes: Axes, curve: pd.DataFrame) -> None:
    axes.set_title("Loss of the small VAE", fontsize=10)
    parts = {"training_loss": "training", "validation_loss": "validation", "held_out_loss": "test"}
    for (column, label), colour in zip(parts.items(), COLOURS, strict=False):
        axes.plot(curve["step"], curve[column], color=colour, label=label)
    axes.axvline(curve.loc[curve["kept"], "step"].item(), color="0.5", ls=":", label="kept")
    axes.set(xlabel="step", ylabel="nats per pixel value")
    axes.legend(fontsize=7)
