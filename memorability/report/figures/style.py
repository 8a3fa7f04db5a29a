"""The one style of all figures, and the one place where text of users becomes text of a figure."""

import re
import string
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from memorability.base.files import atomic
from memorability.base.run_keys import EXTERNAL
from memorability.report.labels import loss_label, metric_label
from memorability.report.numbers import counted, percent, significant

STYLE: Mapping[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.dpi": 150,
    "figure.titlesize": 12,
    "font.size": 9,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    # Text stays text, and the same table gives the same bytes.
    "svg.fonttype": "none",
    "svg.hashsalt": "memorability",
    # A category may be called "$0_$20": nothing is a formula.
    "text.parse_math": False,
}
COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#7F7F7F",
    "#882255",
    "#332288",
)
SMALL_GROUP = 20
"""Images below which a group is too small for a shape or an interval of its own."""

TALLEST = 520
"""Points (1/72 inch) of an SVG's height. The report centres pictures: of one that is taller than the
browser's window, the top can not be reached. 520 points fit a window of 720 pixels."""

_FONT = "DejaVu Sans"
# The width and height of an SVG, in its first element.
_SIZE = re.compile(rb'<svg [^>]*?width="([0-9.]+)pt" height="([0-9.]+)pt"')
# Fonts for what it lacks, in the order in which they are asked for a character; then all others.
_OTHER_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP",
    "Noto Sans KR", "Source Han Sans SC", "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans",
    "Microsoft YaHei", "SimHei", "Yu Gothic", "Malgun Gothic", "Noto Sans Devanagari",
    "Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil", "Arial Unicode MS", "Noto Emoji",
)  # fmt: skip
_ZERO_WIDTH_SPACE = "\u200b"
_REPLACEMENT = "\ufffd"
# What stands for characters that no font has, by their code points: ‹4E2D 6587›.
_CODES = re.compile(r"‹[0-9A-F]{4}")
_MOST_CODES = 12
"""Characters of a text that are shown by their code points; an ellipsis stands for the rest."""


@contextmanager
def styled() -> Iterator[None]:
    """Apply the one style of all figures."""
    with mpl.rc_context({**STYLE, "font.family": [_FONT, "sans-serif"]}):
        yield


def save(figure: Figure, svg: str | Path, png: str | Path) -> None:
    """Write a figure as SVG and PNG, without dates in the files.

    Each text gets the fonts that have its characters. Where `readable` had to show code points, a
    line below the figure says so. An SVG taller than `TALLEST` is shown smaller.
    """
    with styled():
        _choose_fonts(figure)
        # Laid out once: doing it again moves axes by rounding errors, and both files shall agree.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for path in (svg, png):
            kind = Path(path).suffix[1:]
            metadata = {"Date": None} if kind == "svg" else None
            with atomic(path) as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata, bbox_inches="tight")
                if kind == "svg":
                    temporary.write_bytes(_no_taller(temporary.read_bytes()))


def _no_taller(svg: bytes) -> bytes:
    """Return an SVG that is shown at most `TALLEST` points high; what it draws is the same."""
    size = _SIZE.search(svg)
    if size is None:
        raise ValueError("an SVG without a size in points")
    width, height = map(float, size.groups())
    if height <= TALLEST:
        return svg
    shown = b'width="%gpt" height="%gpt"' % (width * TALLEST / height, TALLEST)
    return svg[: size.start(1) - len(b'width="')] + shown + svg[size.end() :]


def readable(text: object, width: int) -> str:
    """Return a text of a user as figures show it: in lines, and visible whatever it is.

    Parameters
    ----------
    text
        A category, a file's name and the like.
    width
        Latin characters of a line; of Chinese, Japanese and Korean ones half as many.

    Returns
    -------
    str
        Blanks and line breaks are single blanks. Control characters are shown as U+FFFD. Characters
        that no installed font has are shown by their code points, as ‹4E2D 6587›; invisible ones are
        left out. A zero-width space stands before a first "_", which would hide the text from
        legends.
    """
    visible = _with_codes("".join(map(_shown, str(text))))
    wide = any(unicodedata.east_asian_width(sign) in "WF" for sign in visible)
    lines = textwrap.fill(visible, max(1, width // 2) if wide else width)
    return f"{_ZERO_WIDTH_SPACE}{lines}" if lines.startswith("_") else lines


def plain_log_scale(axes: Axes, which: Literal["x", "y"]) -> None:
    """Scale an axis by logarithms, with tick labels as plain numbers: 0.001, not a power of ten."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 3), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: significant(value)))
    axis.set_minor_formatter(NullFormatter())


def run_title(correlations: pd.DataFrame) -> str:
    """Return the title of a figure about one model: loss, learning rate, protocol, seeds.

    Parameters
    ----------
    correlations
        Rows of one model: of the table `correlations`, or the values of one of its seeds.
    """
    row = correlations.iloc[0]
    error = row["quantity"] == "error"
    if row["protocol"] == EXTERNAL:
        return metric_label(row) if error else f"Latents {row['loss']}, external"
    name = metric_label(row) if error else loss_label(row)
    seeds = counted(row["seeds"], "seed") if "seeds" in row else f"seed {row['seed']}"
    return f"{name}, learning rate {row['lr']}, protocol {row['protocol']}, {seeds}"


def interval_name(confidence: float) -> str:
    """Return what an interval is called: "95 % interval"."""
    return f"{percent(confidence)} interval"


def seeds_in_words(rows: pd.DataFrame) -> str:
    """Return how many seeds stand behind correlations: "mean of 2 seeds", "1 seed".

    Where a seed diverged it is left out of the count, unless one diverged of every row.
    """
    complete = rows[rows["diverged"] == ""] if "diverged" in rows else rows
    counts = sorted((complete if len(complete) else rows)["seeds"].unique())
    if counts == [1]:
        return "1 seed"
    # Where a protocol leaves nothing to chance, it has one seed, whatever the others have.
    return f"mean of {' or '.join(map(str, counts))} seeds"


def draw_points(
    axes: Axes, rows: pd.DataFrame, places: np.ndarray, *, colour: str, name: str, marker: str
) -> None:
    """Draw correlations with their intervals, a row of the axes each."""
    axes.hlines(places, rows["ci_low"], rows["ci_high"], color=colour)
    axes.plot(rows["r"], places, marker, color=colour, label=name)


def say_instead(axes: Axes, text: str) -> None:
    """Say in the middle of empty axes why nothing is drawn in them."""
    axes.text(
        0.5, 0.5, textwrap.fill(text, 34), transform=axes.transAxes, ha="center", va="center",
        fontsize=9, color="#555555",
    )  # fmt: skip


def add_note(figure: Figure, note: str) -> None:
    """Print the note below a figure, in lines as long as the figure is wide."""
    lines = readable(note, int(15 * figure.get_figwidth()))
    figure.supxlabel(lines, fontsize=7.5, color="#a04000")


def _shown(sign: str) -> str:
    kind = unicodedata.category(sign)
    if kind in {"Cc", "Cs"} and sign not in string.whitespace:
        return _REPLACEMENT
    return " " if kind == "Zs" else sign


def _with_codes(text: str) -> str:
    """Return a text in which code points stand for what no installed font has."""
    shown, codes = "", 0
    for missing, run in groupby(text, lambda sign: not sign.isspace() and not _font(sign)):
        signs = "".join(run)
        if missing:
            visible = [sign for sign in signs if not _is_invisible(sign)]
            listed = [f"{ord(sign):04X}" for sign in visible[: _MOST_CODES - codes]]
            rest = "…" if len(visible) > len(listed) else ""
            codes += len(visible)
            signs = f"‹{' '.join(listed)}{rest}›" if listed else rest
        shown += signs
    return shown


def _is_invisible(sign: str) -> bool:
    return unicodedata.category(sign) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(sign, "")


@cache
def _font(sign: str) -> str:
    """Return the name of the first font that has a character; "" where none has."""
    return next((name for name in _fonts() if ord(sign) in _characters(name)), "")


@cache
def _fonts() -> Mapping[str, str]:
    """Return name -> file of all fonts for text, in the order in which they are asked."""
    # Symbols of formulas stand at code points of other characters, and bitmaps have one size.
    upright = {
        entry.name: entry.fname
        for entry in fontManager.ttflist
        if (entry.style, entry.weight, entry.size) == ("normal", 400, "scalable")
        and not entry.name.startswith(("cm", "STIX", "Last Resort"))
    }
    order = [_FONT, *(name for name in _OTHER_FONTS if name in upright), *sorted(upright)]
    return {name: upright[name] for name in dict.fromkeys(order)}


@cache
def _characters(name: str) -> frozenset[int]:
    """Return the code points that a font has; none where it cannot be read."""
    try:
        font = get_font(_fonts()[name])
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError):
        return frozenset()


def _choose_fonts(figure: Figure) -> None:
    """Set the fonts of every text that needs others, and say below the figure what no font has."""
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    if any(_CODES.search(text.get_text()) for text in texts):
        add_note(
            figure,
            f"{figure.get_supxlabel()} Characters that no installed font has are shown by their code "
            "points, as ‹4E2D›. To see them, install a font such as Noto Sans CJK and draw the figure "
            "again.".strip(),
        )
    for text in texts:
        signs = set(text.get_text()) - set(string.whitespace)
        others = sorted({_font(sign) for sign in signs} - {"", _FONT})
        if others:
            text.set_fontfamily([_FONT, *others, "sans-serif"])
