"""Figures about attributions; like those of `figures`, from tables and arrays alone."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import ScaledTranslation

from memorability.explanation.names import MODES
from memorability.report.figures.style import (
    COLOURS,
    add_note,
    interval_name,
    readable,
    styled,
)
from memorability.report.numbers import counted, number, significant, with_interval
from memorability.report.sentences.attribution_checks import sentence
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP, Bootstrap, bootstrap_mean

PER_CATEGORY = 6
_NAMES = {
    "blurred_mean": "mean training image, blurred",
    "zeros": "black",
    "blurred_image": "the image, blurred",
    "uniform_noise": "uniform noise",
    "predictor": "random predictor",
    "encoder_and_predictor": "random encoder and predictor",
    "difference": "no network: |image − baseline|",
    "edges": "no network: edges of the image",
}
_ORDERS = {
    "attribution": "by attribution",
    "random": "at random",
    "difference": "by |image − baseline|",
    "edges": "by edges",
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
        (K rows) as from `shown_images`: category, score, predicted, scale, converged.
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
    said = converged_in_words([images])
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
                axes.set_title(f"{number(score)} ({number(predicted)})", fontsize=9)
                if not images.loc[place, "converged"]:
                    axes.text(
                        0.5, 0.02, "not converged", transform=axes.transAxes, ha="center",
                        fontsize=7, color="white", bbox={"color": "#a04000", "pad": 1.5},
                    )  # fmt: skip
            row[0].text(
                -0.08,
                0.5,
                readable(name, 22) if list(groups) != ["all"] else "",
                transform=row[0].transAxes,
                rotation=90,
                va="center",
                ha="right",
            )
        plain = FuncFormatter(lambda value, _: significant(value))
        height = 0.9 if len(groups) == 1 else 0.5
        bar = figure.colorbar(shown, ax=grid, shrink=height, extend="max", format=plain)
        bar.set_label("absolute attribution of a pixel\n(units of predicted score)")
        key = "Above each image: its memorability, and in brackets the predicted one."
        title = readable(f"{said} {key}", int(12 * figure.get_figwidth()))
        if not strength.any():
            title += "\nAll attributions are 0: the predictor ignores the image"
        figure.suptitle(title, fontsize=10)
        add_note(figure, note)
    return figure


def converged_in_words(attributions: Sequence[pd.DataFrame]) -> str:
    """Return how many attributions have converged, in a sentence.

    Parameters
    ----------
    attributions
        Tables with the column converged.
    """
    converged = pd.concat([table["converged"] for table in attributions])
    count, ready = len(converged), int(converged.sum())
    what = counted(count, "attribution")
    if ready == count:
        return f"{what} converged."
    advice = "More steps (attribution.steps) bring them closer."
    if ready == 0:
        return f"None of {what} converged: do not interpret them. {advice}"
    return f"{ready:,} of {what} converged. {advice}"


def agreement(
    checks: pd.DataFrame,
    check: str,
    attributions: Sequence[pd.DataFrame],
    *,
    confidence: float,
    note: str,
) -> Figure:
    """Draw how far attributions agree with those from another baseline, or of random weights.

    Parameters
    ----------
    checks
        The table attribution_checks.
    check
        "baseline" or "weights".
    attributions
        The tables attributions and attribution_variants, for what has converged.
    confidence
        Of the intervals, between 0 and 1.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    # Without a network, there is nothing that random weights could have changed.
    together = ["weights", "reference"] if check == "weights" else [check]
    table = checks[checks["check"].isin(together) & checks["measure"].isin(list(_DRAWN))]
    # An order of a few images is chance.
    few = table["n"].max() < SMALLEST_BOOTSTRAP
    measures = {name: how for name, how in _DRAWN.items() if not (few and name.startswith("rank"))}
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
        for place, (measure, (name, marker)) in enumerate(measures.items()):
            rows = table[table["measure"] == measure].set_index(["first", "second"])
            rows = rows.reindex(pd.MultiIndex.from_tuples(pairs))
            height = np.arange(len(pairs)) + 0.16 * (place - (len(measures) - 1) / 2)
            axes.hlines(height, rows["ci_low"], rows["ci_high"], color=COLOURS[place])
            axes.plot(rows["value"], height, marker, ms=5, color=COLOURS[place], label=name)
        axes.axvline(0, color="black", lw=0.8)
        bar = f"bar: {interval_name(confidence)}"
        lowest = np.nanmin([-0.05, *table["value"], *table["ci_low"]])
        axes.set_yticks(range(len(pairs)), labels)
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.set(
            xlim=(lowest - 0.05, 1.05),
            xlabel=f"likeness, 1: the same ({'too few images for intervals' if few else bar})",
        )
        axes.grid(visible=False, axis="y")
        # In inches below the axes, whose height is not known before the layout is.
        below = axes.transAxes + ScaledTranslation(0, -0.45, figure.dpi_scale_trans)
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, 0), bbox_transform=below, ncols=2)
        title = "two baselines"
        if check == "weights":
            draws = table.loc[table["check"] == "weights", "draws"].max()
            title = f"random weights ({counted(draws, 'draw')})"
        figure.suptitle(f"Attributions under {title}, {counted(table['n'].max(), 'image')}")
        said = [_converged(attributions, table), sentence(checks, check)]
        axes.set_title("\n".join(readable(each, 105) for each in said), fontsize=9)
        add_note(figure, note)
    return figure


def deletion_insertion(
    curves: pd.DataFrame,
    checks: pd.DataFrame,
    attributions: pd.DataFrame,
    bootstrap: Bootstrap,
    *,
    note: str,
) -> Figure:
    """Draw the predicted score as pixels are deleted or inserted, by attribution and in other orders.

    Parameters
    ----------
    curves, checks, attributions
        The tables attribution_curves, attribution_checks and attributions.
    bootstrap
        Of the bands, over images.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    with styled():
        figure = Figure(figsize=(9.2, 4.7), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, mode in zip(panels, MODES, strict=True):
            for colour, (order, name) in zip(COLOURS, _ORDERS.items(), strict=False):
                rows = curves[(curves["mode"] == mode) & (curves["order"] == order)]
                scores = rows.pivot_table(index="image_id", columns="share", values="score")
                shares = scores.columns.to_numpy()
                axes.plot(shares, scores.mean(), color=colour, label=name)
                band = _band(scores.to_numpy(), bootstrap)
                if band is not None:
                    axes.fill_between(shares, *band, color=colour, alpha=0.2, lw=0)
            axes.set(xlabel=f"share of pixels {mode.replace('ion', 'ed')}", xlim=(0, 1))
            axes.set_title(f"{mode.capitalize()}\n{_area_in_words(checks, mode)}", fontsize=9)
        panels[0].set_ylabel("mean predicted score")
        few = curves["image_id"].nunique() < SMALLEST_BOOTSTRAP
        band_name = f"band: {interval_name(bootstrap.confidence)}"
        band_name = "too few images for intervals" if few else band_name
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside right center",
            title=f"pixels in order\n({band_name})",
        )  # fmt: skip
        explained = attributions[attributions["image_id"].isin(curves["image_id"])]
        said = readable(converged_in_words([explained]), 100)
        images = counted(curves["image_id"].nunique(), "image")
        figure.suptitle(f"Deletion and insertion of pixels, {images}\n{said}", fontsize=10)
        add_note(figure, note)
    return figure


def _area_in_words(checks: pd.DataFrame, mode: str) -> str:
    """Return the mean areas between the curve by attribution and each other curve of one mode."""
    rows = checks[(checks["check"] == mode) & (checks["measure"] == "area")].set_index("second")
    if rows["value"].isna().all() or (rows["value"] == 0).all():
        return "No area between the curves: all attributions are 0"
    areas = []
    for order, name in list(_ORDERS.items())[1:]:
        value, low, high = map(float, rows.loc[order, ["value", "ci_low", "ci_high"]])
        areas.append(f"{name}: {with_interval(value, low, high, 3)}")
    return "\n".join(["area in favour of attribution, against pixels", *areas])


def _converged(attributions: Sequence[pd.DataFrame], table: pd.DataFrame) -> str:
    """Return how many of the attributions that a check compares have converged, in a sentence."""
    own, variants = attributions
    compared = set(table["first"]) | set(table["second"])
    images = variants["image_id"]
    return converged_in_words(
        [own[own["image_id"].isin(images)], variants[variants["variant"].isin(compared)]]
    )


def _band(
    scores: npt.NDArray[np.float64], bootstrap: Bootstrap
) -> tuple[list[float], list[float]] | None:
    """Return the lower and the upper bounds of the mean of each column of scores (n, columns)."""
    if len(scores) < SMALLEST_BOOTSTRAP:
        return None
    bounds = [bootstrap_mean(column, bootstrap) for column in scores.T]
    return [each.low for each in bounds], [each.high for each in bounds]
