"""Figures about attributions; like those of `figures`, from tables and arrays alone."""

import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorability.explanation.names import MODES
from memorability.report.check_wording import sentence
from memorability.report.figures.style import COLOURS, add_note, styled
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP, Bootstrap, bootstrap_mean

PER_CATEGORY = 6
_NAMES = {
    "blurred_mean": "mean training image, blurred",
    "zeros": "black",
    "blurred_image": "the image, blurred",
    "uniform_noise": "uniform noise",
    "predictor": "random predictor",
    "encoder_and_predictor": "random encoder and predictor",
}
# Measures that are drawn, and their markers.
_DRAWN = {
    "rank_mean_absolute": ("order of images by mean absolute attribution (r)", "s"),
    "map_absolute": ("pixels of an image by absolute attribution (mean r)", "o"),
    "map_signed": ("pixels of an image by signed attribution (mean r)", "D"),
    "map_ssim": ("maps of absolute attribution (mean SSIM)", "^"),
}


def shown_images(explained: pd.DataFrame, show: Sequence[str]) -> pd.DataFrame:
    """Return the rows of explained images that Figure 4 shows, by category and ascending score.

    Parameters
    ----------
    explained
        image_id, category and score of the explained images, and whatever else.
    show
        Ids of the images to show; where none are named, up to six of each category, spread evenly
        from its least to its most memorable drawn image.
    """
    ordered = explained.sort_values(["category", "score", "image_id"], ignore_index=True)
    if show:
        return ordered[ordered["image_id"].isin(show)].reset_index(drop=True)
    drawn = ordered[ordered["drawn"]]
    chosen = [
        rows.iloc[np.unique(np.linspace(0, len(rows) - 1, PER_CATEGORY).round().astype(int))]
        for _, rows in drawn.groupby("category")
    ]
    return pd.concat(chosen, ignore_index=True)


def attribution_maps(
    images: pd.DataFrame,
    pixels: npt.NDArray[np.uint8],
    maps: npt.NDArray[np.floating],
    *,
    note: str,
) -> Figure:
    """Draw, per category, photographs in ascending memorability with their attributions (Figure 4).

    Parameters
    ----------
    images
        (K rows) as from `shown_images`: category, score, predicted, scale.
    pixels
        uint8 (K, 3, H, W); row i belongs to row i of `images`.
    maps
        (K, 3, H, W): rows of the file of maps, attributions over `scale`.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    strength = np.abs(maps.astype(np.float64)).sum(axis=1)
    strength *= images["scale"].to_numpy()[:, None, None]
    limit = float(np.quantile(strength, 0.99)) or float(strength.max()) or 1.0
    groups = {str(name): rows.index for name, rows in images.groupby("category")}
    columns = max(map(len, groups.values()))
    with styled():
        figure = Figure(
            figsize=(max(1.5 * columns, 4.5) + 1.6, 1.75 * len(groups) + 1.2), layout="constrained"
        )
        grid = figure.subplots(len(groups), columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for row, (name, places) in zip(grid, groups.items(), strict=True):
            for axes, place in zip(row, places, strict=False):
                axes.imshow(pixels[place].mean(axis=0), cmap="gray", vmin=0, vmax=255)
                # The overlay is the more opaque the larger the attribution, so the image stays visible.
                shown = axes.imshow(
                    strength[place], cmap="inferno", vmin=0, vmax=limit,
                    alpha=np.clip(strength[place] / limit, 0, 1) * 0.85,
                )  # fmt: skip
                score, predicted = images.loc[place, ["score", "predicted"]]
                axes.set_title(f"{score:.2f} ({predicted:.2f})", fontsize=9)
            row[0].text(
                -0.08, 0.5, name, transform=row[0].transAxes, rotation=90, va="center", ha="right"
            )
        bar = figure.colorbar(shown, ax=grid, shrink=0.5, extend="max", format="%.1e")
        bar.set_label("absolute attribution of a pixel\n(units of predicted score)")
        title = "Above each image: memorability, ascending, and in brackets what is predicted"
        if not strength.any():
            title += "\nAll attributions are 0: the predictor ignores the image"
        figure.suptitle(title, fontsize=10)
        add_note(figure, note)
    return figure


def agreement(checks: pd.DataFrame, check: str, *, note: str) -> Figure:
    """Draw how far attributions agree with those from another baseline, or of random weights.

    Parameters
    ----------
    checks
        The table attribution_checks.
    check
        "baseline" or "weights".
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    table = checks[(checks["check"] == check) & checks["measure"].isin(list(_DRAWN))]
    order = list(_NAMES)
    pairs = sorted(
        set(zip(table["first"], table["second"], strict=True)),
        key=lambda pair: [order.index(name) for name in pair if name in order],
    )
    labels = [
        _NAMES[second] if check == "weights" else f"{_NAMES[first]}\nand {_NAMES[second]}"
        for first, second in pairs
    ]
    with styled():
        figure = Figure(figsize=(9.2, 2.4 + 0.62 * len(pairs)), layout="constrained")
        axes = figure.add_subplot()
        for place, (measure, (name, marker)) in enumerate(_DRAWN.items()):
            rows = table[table["measure"] == measure].set_index(["first", "second"]).loc[pairs]
            height = np.arange(len(pairs)) + 0.16 * (place - (len(_DRAWN) - 1) / 2)
            axes.hlines(height, rows["ci_low"], rows["ci_high"], color=COLOURS[place])
            axes.plot(rows["value"], height, marker, ms=5, color=COLOURS[place], label=name)
        axes.axvline(0, color="black", lw=0.8)
        lowest = np.nanmin([-0.05, *table["value"], *table["ci_low"]])
        axes.set_yticks(range(len(pairs)), labels)
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.set(xlim=(lowest - 0.05, 1.05), xlabel="likeness (1: the same)")
        axes.grid(visible=False, axis="y")
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.55 / len(pairs) - 0.08), ncols=2)
        title = "random weights" if check == "weights" else "two baselines"
        _titles(figure, axes, f"Attributions under {title}", sentence(checks, check))
        add_note(figure, note)
    return figure


def deletion_insertion(
    curves: pd.DataFrame, checks: pd.DataFrame, bootstrap: Bootstrap, *, note: str
) -> Figure:
    """Draw the predicted score as pixels are deleted or inserted, by attribution and at random.

    Parameters
    ----------
    curves, checks
        The tables attribution_curves and attribution_checks.
    bootstrap
        Of the bands, over images.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    with styled():
        figure = Figure(figsize=(9.2, 4.2), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, mode in zip(panels, MODES, strict=True):
            for colour, (order, name) in zip(
                COLOURS, (("attribution", "by attribution"), ("random", "at random")), strict=False
            ):
                rows = curves[(curves["mode"] == mode) & (curves["order"] == order)]
                scores = rows.pivot_table(index="image_id", columns="share", values="score")
                shares = scores.columns.to_numpy()
                axes.plot(shares, scores.mean(), color=colour, label=name)
                band = _band(scores.to_numpy(), bootstrap)
                if band is not None:
                    axes.fill_between(shares, *band, color=colour, alpha=0.2, lw=0)
            axes.set(xlabel=f"share of pixels {mode.replace('ion', 'ed')}", xlim=(0, 1))
            axes.set_title(mode.capitalize())
        panels[0].set_ylabel(f"mean predicted score of {curves['image_id'].nunique()} images")
        panels[0].legend(title="pixels in order")
        figure.suptitle(_wrapped(sentence(checks, "curves")), fontsize=10)
        add_note(figure, note)
    return figure


def _band(
    scores: npt.NDArray[np.float64], bootstrap: Bootstrap
) -> tuple[list[float], list[float]] | None:
    """Return the lower and the upper bounds of the mean of each column of scores (n, columns)."""
    if len(scores) < SMALLEST_BOOTSTRAP:
        return None
    bounds = [bootstrap_mean(column, bootstrap) for column in scores.T]
    return [each.low for each in bounds], [each.high for each in bounds]


def _titles(figure: Figure, axes: Axes, title: str, said: str) -> None:
    figure.suptitle(title)
    axes.set_title(_wrapped(said), fontsize=9)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 105)
