"""Maps of the predicted score for readers: how far they agree, and a sheet of them."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memorability.report.figures.style import add_note, readable, styled
from memorability.report.labels import head_label
from memorability.report.numbers import counted, p_value, with_interval
from memorability.report.pages import heading_part, note_part, table_part, text_part, write_parts
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP
from memorability.where.names import GRID, METHOD_LABELS, METHODS, REFERENCES


def agreement_in_words(table: pd.DataFrame) -> str:
    """Say how far the maps of one predictor agree.

    Parameters
    ----------
    table
        The table `map_agreement` of one predictor.
    """
    name = head_label(str(table["predictor"].iloc[0]))
    images = int(table["images"].max())
    methods = table[~table["second"].isin(REFERENCES) & table["r"].notna()]
    without = table[table["second"].isin(REFERENCES) & table["r"].notna()]
    if methods.empty and without.empty:
        return (
            f"The maps of {name} are constant in {counted(images, 'image')}: the predictor ignores "
            "what it reads."
        )
    said = []
    if images < SMALLEST_BOOTSTRAP:
        said.append(f"{counted(images, 'image')} tell little of {name}: no interval is given.")
    for rows, words in (
        (methods, "Of the maps of {name}, two methods agree most here: {pair}, r = {r}."),
        (without, "The map that is most like one without any predictor: {pair}, r = {r}."),
    ):
        if len(rows):
            row = rows.sort_values("r").iloc[-1]
            r = with_interval(row["r"], row["ci_low"], row["ci_high"])
            pair = f"{METHOD_LABELS[row['first']]} and {METHOD_LABELS[row['second']]}"
            said.append(words.format(name=name, pair=pair, r=r))
    low = methods[methods["ci_low"] <= 0]
    if len(low):
        pairs = "; ".join(
            f"{METHOD_LABELS[one]} and {METHOD_LABELS[other]}"
            for one, other in zip(low["first"], low["second"], strict=True)
        )
        said.append(f"Not shown to agree at all: {pairs}.")
    return " ".join(said)


def agreement_for_reading(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `map_agreement` with headings for readers, the highest r first."""
    rows = table.sort_values("r", ascending=False, kind="stable", na_position="last")
    shown = pd.DataFrame(
        {"map": rows["first"].map(METHOD_LABELS), "and": rows["second"].map(METHOD_LABELS)}
    )
    values = zip(rows["r"], rows["ci_low"], rows["ci_high"], strict=True)
    shown["mean r over 64 cells"] = [with_interval(*each) for each in values]
    shown["p"] = ["–" if np.isnan(p) else p_value(p) for p in rows["p_holm"]]
    shown["images"] = rows["n"]
    return shown


def write_agreement(table: pd.DataFrame, path: str | Path, *, note: str) -> None:
    """Write the table `map_agreement` as a page, a part for each predictor.

    Parameters
    ----------
    table
        The table.
    path
        File to write.
    note
        Of the study, above the tables.
    """
    parts = [note_part(note)]
    for predictor, rows in table.groupby("predictor", sort=True):
        parts += [
            heading_part(head_label(str(predictor))),
            text_part(agreement_in_words(rows)),
            table_part(agreement_for_reading(rows)),
        ]
    write_parts(parts, path, title="How far maps of the predicted score agree")


def maps_figure(maps: pd.DataFrame, images: Path, *, note: str) -> Figure:
    """Draw some images, and over them their maps by every method.

    Parameters
    ----------
    maps
        The table `memorability_maps` of one predictor.
    images
        The .npz file of small copies: see `memorability.where.looking.thumbnails`.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    with np.load(images, allow_pickle=False) as found:
        pixels = dict(zip(map(str, found["image_id"]), found["pixels"], strict=True))
    present = set(maps["method"])
    methods = [name for name in (*METHODS, *REFERENCES) if name in present]
    values = maps.sort_values(["row", "column"]).set_index(["image_id", "method"])["value"]
    with styled():
        figure = Figure(
            figsize=(1.6 * (len(methods) + 1), 1.1 + 1.62 * len(pixels)), layout="constrained"
        )
        grid = figure.subplots(len(pixels), len(methods) + 1, squeeze=False)
        for axes in grid.flat:
            axes.set(xticks=[], yticks=[], frame_on=False)
            axes.grid(visible=False)
        for down, (image_id, image) in enumerate(pixels.items()):
            grid[down, 0].imshow(image)
            grey = image.mean(axis=2)
            for across, method in enumerate(methods, start=1):
                cells = values.loc[image_id, method].to_numpy().reshape(GRID, GRID)
                axes, extent = grid[down, across], (0, image.shape[1], image.shape[0], 0)
                axes.imshow(grey, cmap="gray", extent=extent)
                axes.imshow(
                    cells, cmap="inferno", alpha=0.65, extent=extent, interpolation="bicubic"
                )
        for axes, name in zip(
            grid[0], ["image", *(METHOD_LABELS[one] for one in methods)], strict=True
        ):
            axes.set_title(readable(name, 18), fontsize=9)
        figure.suptitle(
            readable(
                f"{head_label(str(maps['predictor'].iloc[0]))}: bright cells raise the score most, "
                "dark ones least (each map from its lowest to its highest value)",
                80,
            ),
            fontsize=11,
        )
        add_note(figure, note)
    return figure
