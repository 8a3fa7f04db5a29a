"""Ablations for readers: what a predictor leans on, in sentences, on a page, and as figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from memorability.report.figures.style import (
    COLOURS,
    add_note,
    interval_name,
    readable,
    say_instead,
    styled,
)
from memorability.report.labels import head_label
from memorability.report.numbers import (
    counted,
    measured,
    measured_with_interval,
    p_value,
    percent,
    significant,
)
from memorability.report.pages import heading_part, note_part, table_part, text_part, write_parts
from memorability.statistics.intervals import SMALLEST_BOOTSTRAP
from memorability.where.ablation_summary import ALL
from memorability.where.names import (
    CONTROL,
    HUMAN,
    MIRRORED,
    REENCODED,
    SALIENT,
    SHORTCUT,
    UNCHANGED,
    ablation,
    removal,
)

_HUMAN, _SHORTCUT, _OTHER = COLOURS[0], COLOURS[4], "#555555"
_PLURALS = {"face": "faces", "person": "people", "object": "objects", "text": "text"}
_WAYS = {
    "absolute": "",
    "beyond_noise": ", beyond noise that changes pixels as much",
}
BY_CHANCE = 1 / 3
"""Share of images whose score an ablation changes most of three, if it does no more than the others."""


def ablations_in_words(table: pd.DataFrame, answers: pd.DataFrame) -> str:
    """Say what one predictor leans on.

    Parameters
    ----------
    table, answers
        The tables `ablations` and `ablation_answers` of one predictor.
    """
    rows = table[table["group"] == ALL].set_index("ablation")
    name = head_label(str(table["predictor"].iloc[0]))
    images = int(rows["images"].iloc[0])
    if images < SMALLEST_BOOTSTRAP:
        return (
            f"The ablations of {counted(images, 'image')} tell nothing of {name}. Give where.images at "
            f"least {SMALLEST_BOOTSTRAP}, and the study as many test images."
        )
    if not (rows["absolute"] > 0).any():
        return (
            f"{name} gives every image the same score before and after each change: it ignores what it "
            "reads."
        )
    ranked = rows[rows["family"] != CONTROL].sort_values("absolute", ascending=False)
    ranked = ranked[ranked["rank_absolute"].notna()]
    said = []
    for place, (words, row) in enumerate(_first_two(ranked)):
        size = measured_with_interval(row["absolute"], row["absolute_low"], row["absolute_high"])
        said.append(
            f"Of {images:,} images, the score of {name} changes most when the image is changed so: "
            f"{words} (mean size of the change {size})."
            if not place
            else f"Next is: {words} ({size})."
        )
    control = {one: rows["absolute"].get(one, np.nan) for one in (REENCODED, MIRRORED)}
    said.append(
        f"A change that leaves what the image shows as it is moves scores, too: by "
        f"{measured(control[REENCODED])} where the image is saved as JPEG, and by "
        f"{measured(control[MIRRORED])} where it is mirrored."
    )
    absent = [_PLURALS[one] for one in HUMAN if removal(one).name not in rows.index]
    if absent:
        said.append(f"Not removed, because no image has such a region: {', '.join(absent)}.")
    few = [one for one in rows.index if rows.loc[one, "n"] < SMALLEST_BOOTSTRAP]
    if few:
        names = "; ".join(ablation(str(one)).label for one in few)
        said.append(f"Made in fewer than {SMALLEST_BOOTSTRAP} images, and not ranked: {names}.")
    said += [answer_in_words(row) for _, row in answers.iterrows()]
    return " ".join(said)


def _first_two(ranked: pd.DataFrame) -> Sequence[tuple[str, pd.Series]]:
    return [(ablation(str(name)).label, row) for name, row in ranked.head(2).iterrows()]


def answer_in_words(row: pd.Series) -> str:
    """Say whether a predictor leans on what people look at, or on shortcuts, by one measure.

    Parameters
    ----------
    row
        Of the table `ablation_answers`.
    """
    name = head_label(row["predictor"])
    way = _WAYS[row["measure"]]
    order = row["order"].split(" > ") if row["order"] else []
    human = [one for one in order if one in HUMAN]
    shortcut = [one for one in order if one in SHORTCUT]
    if not human or not shortcut or np.isnan(row["ci_low"]):
        return (
            ""
            if way
            else f"Whether {name} is nearer to people or to shortcuts cannot be told from these images."
        )
    apart = measured_with_interval(row["difference"], row["ci_low"], row["ci_high"])
    verdict = "is not shown to be nearer to one of the two"
    if row["ci_low"] > 0:
        verdict = f"is nearer to what people look at ({' > '.join(HUMAN)})"
    elif row["ci_high"] < 0:
        verdict = f"is nearer to shortcuts ({' > '.join(SHORTCUT)})"
    stands = (
        " Objects stand here for what stands out in the image, because none were marked."
        if f"{SALIENT}_removed" in row["by"].split() and not way
        else ""
    )
    return (
        f"By the mean size of the change{way}, {name} {verdict}: the mean over "
        f"{_listed(human)} less the mean over {_listed(shortcut)} is {apart}. Each is of the images "
        f"that have it, at least {row['n']:,}. The order found is {row['order']}.{stands}"
    )


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def ablations_for_reading(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `ablations` of one predictor and group with headings for readers, most first."""
    rows = rows.sort_values("absolute", ascending=False, kind="stable")
    shown = pd.DataFrame({"ablation": [ablation(str(one)).label for one in rows["ablation"]]})
    shown["family"] = rows["family"].to_numpy()
    shown["images"] = rows["n"].to_numpy()
    shown["rank"] = _ranks(rows, "absolute")
    for heading, name in (
        ("size of the change", "absolute"),
        ("change", "change"),
        ("size beyond equal noise", "beyond_noise"),
        ("size beyond another place", "beyond_elsewhere"),
    ):
        values = zip(rows[name], rows[f"{name}_low"], rows[f"{name}_high"], strict=True)
        shown[heading] = [measured_with_interval(*each) for each in values]
        if name != "absolute":
            shown[f"p ({heading})"] = [
                "–" if np.isnan(p) else p_value(p) for p in rows[f"{name}_p_holm"]
            ]
    shown["rank beyond equal noise"] = _ranks(rows, "beyond_noise")
    shown["images affected"] = [percent(share) for share in rows["share_affected"]]
    return shown


def _ranks(rows: pd.DataFrame, measure: str) -> list[str]:
    columns = [f"rank_{measure}{end}" for end in ("", "_low", "_high")]
    return [
        "–" if np.isnan(rank) else f"{rank:g} [{low:.0f}, {high:.0f}]"
        for rank, low, high in rows[columns].to_numpy(dtype=float)
    ]


def write_ablations(
    table: pd.DataFrame, answers: pd.DataFrame, path: str | Path, *, note: str
) -> None:
    """Write the table `ablations` as a page: a part for each predictor, and its categories below.

    Parameters
    ----------
    table, answers
        The tables `ablations` and `ablation_answers`.
    path
        File to write.
    note
        Of the study, above the tables.
    """
    parts = [note_part(note)]
    for predictor, rows in table.groupby("predictor", sort=True):
        own = answers[answers["predictor"] == predictor]
        parts += [
            heading_part(head_label(str(predictor))),
            text_part(ablations_in_words(rows, own)),
        ]
        parts.append(table_part(ablations_for_reading(rows[rows["group"] == ALL])))
        for group, of_group in rows[rows["group"] != ALL].groupby("group", sort=True):
            parts += [
                heading_part(f"{head_label(str(predictor))}: {group}"),
                table_part(ablations_for_reading(of_group)),
            ]
    write_parts(
        parts, path, title="What is taken away from images, and what it does to their scores"
    )


def ablations_figure(
    table: pd.DataFrame, answers: pd.DataFrame, *, confidence: float, note: str
) -> Figure:
    """Draw how much each ablation changes the scores of one predictor, beside its controls.

    Parameters
    ----------
    table, answers
        The tables `ablations` and `ablation_answers` of one predictor.
    confidence
        Of the intervals, between 0 and 1.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    rows = table[table["group"] == ALL]
    shown = rows[rows["family"] != CONTROL].sort_values("absolute", kind="stable")
    controls = rows.set_index("ablation")["absolute"]
    with styled():
        figure = Figure(figsize=(11, max(3.6, 1.9 + 0.31 * len(shown))), layout="constrained")
        panels = figure.subplots(1, 3, sharey=True, width_ratios=[3, 2.4, 1.4])
        places = np.arange(len(shown))
        _draw_size(panels[0], shown, controls, places)
        _draw_change(panels[1], shown, places)
        panels[2].barh(places, 100 * shown["share_affected"], color=_colours(shown), height=0.6)
        panels[2].axvline(100 * BY_CHANCE, ls=":", color="black", lw=1)
        panels[2].set_xlabel("images affected (%)")
        labels = [readable(ablation(str(one)).label, 46) for one in shown["ablation"]]
        names = [f"{what} ({n})" for what, n in zip(labels, shown["n"], strict=True)]
        panels[0].set_yticks(places, names)
        for label, colour in zip(panels[0].get_yticklabels(), _colours(shown), strict=True):
            label.set_color(colour)
        _legend(figure, str(table["predictor"].iloc[0]), rows, confidence)
        add_note(figure, note)
        if int(rows["images"].iloc[0]) < SMALLEST_BOOTSTRAP:
            say_instead(panels[1], f"Fewer than {SMALLEST_BOOTSTRAP} images tell nothing.")
    return figure


def _colours(rows: pd.DataFrame) -> list[str]:
    known = dict.fromkeys(HUMAN, _HUMAN) | dict.fromkeys(SHORTCUT, _SHORTCUT)
    return [known.get(family, _OTHER) for family in rows["family"]]


def _draw_size(
    axes: Axes, shown: pd.DataFrame, controls: "pd.Series[float]", places: np.ndarray
) -> None:
    colours = _colours(shown)
    axes.hlines(places, shown["absolute_low"], shown["absolute_high"], color=colours, lw=1.4)
    axes.scatter(shown["absolute"], places, color=colours, s=28, zorder=3)
    axes.scatter(shown["noise"], places, marker="D", fc="white", ec="black", s=18, zorder=2)
    axes.scatter(shown["elsewhere"], places, marker="x", color="black", s=22, zorder=2)
    for name, style in ((REENCODED, "--"), (MIRRORED, ":")):
        axes.axvline(controls.get(name, np.nan), ls=style, color="black", lw=1)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("mean size of the change of the score")


def _draw_change(axes: Axes, shown: pd.DataFrame, places: np.ndarray) -> None:
    colours = _colours(shown)
    axes.hlines(places, shown["change_low"], shown["change_high"], color=colours, lw=1.4)
    axes.scatter(shown["change"], places, color=colours, s=28, zorder=3)
    axes.axvline(0, color="black", lw=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel("mean change of the score")


def _legend(figure: Figure, predictor: str, rows: pd.DataFrame, confidence: float) -> None:
    def mark(label: str, **how: object) -> Line2D:
        return Line2D([], [], label=label, **{"ls": "", "color": "black", **how})  # type: ignore[arg-type]

    handles = [
        mark("what people look at", marker="o", color=_HUMAN),
        mark("shortcuts", marker="o", color=_SHORTCUT),
        mark("others", marker="o", color=_OTHER),
        mark("noise that changes pixels as much", marker="D", mfc="white", ms=5),
        mark("the same at another place", marker="x", ms=5),
        mark("saved as JPEG", ls="--"),
        mark("mirrored; on the right: a third", ls=":"),
    ]
    title = (
        f"{head_label(predictor)}: what is taken away from "
        f"{counted(int(rows['images'].iloc[0]), 'image')} (bar: {interval_name(confidence)})"
    )
    figure.legend(
        handles=handles, loc="outside upper center", ncols=4, fontsize=8,
        title=readable(title, 100), title_fontsize=12,
    )  # fmt: skip


def read_examples(path: Path) -> dict[tuple[str, str], np.ndarray]:
    """Return images by (image_id, ablation), as `….where.ablating.write_examples` wrote them."""
    with np.load(path, allow_pickle=False) as found:
        ids, ablations, pixels = (found[name] for name in ("image_id", "ablation", "pixels"))
    names = zip(map(str, ids), map(str, ablations), strict=True)
    return dict(zip(names, pixels, strict=True))


def examples_figure(
    thumbnails: Mapping[tuple[str, str], np.ndarray], scores: pd.DataFrame, *, note: str
) -> Figure:
    """Draw some images under each of their ablations, with the change of the score.

    Parameters
    ----------
    thumbnails
        (image_id, ablation) -> image (H, W, 3) uint8.
    scores
        The table `ablation_scores`; the first predictor of the alphabet is shown.
    note
        See `memorability.report.figures.scores.scores_by_category`.
    """
    first = min(scores["predictor"])
    own = scores[(scores["predictor"] == first) & (scores["control"] == "")]
    predicted = own.set_index(["image_id", "ablation"])["predicted"]
    ids = list(dict.fromkeys(image_id for image_id, _ in thumbnails))
    names = list(dict.fromkeys(name for _, name in thumbnails))
    with styled():
        figure = Figure(figsize=(1.25 * len(names), 1.3 + 1.4 * len(ids)), layout="constrained")
        grid = figure.subplots(len(ids), len(names), squeeze=False)
        for across, name in enumerate(names):
            label = "as it is" if name == UNCHANGED else ablation(name).label
            grid[-1, across].set_xlabel(readable(label, 16), fontsize=8)
        for (down, across), axes in np.ndenumerate(grid):
            image_id, name = ids[down], names[across]
            axes.set(xticks=[], yticks=[], frame_on=False)
            axes.grid(visible=False)
            if (image_id, name) not in thumbnails:
                continue
            axes.imshow(thumbnails[image_id, name])
            score, before = predicted[image_id, name], predicted[image_id, UNCHANGED]
            said = measured(score)
            if name != UNCHANGED:
                sign = "+" if score > before else ""
                said = f"{sign}{significant(score - before)}"
            axes.set_title(said, fontsize=8, pad=2)
        figure.suptitle(
            readable(f"Scores by {head_label(first)}, and their change", 60), fontsize=12
        )
        add_note(figure, note)
    return figure
