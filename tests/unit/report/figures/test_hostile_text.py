"""Text of users is never markup, is never left out, and never stops a figure."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text

from memorability.report.figures import attribution, errors, prediction, scores, style
from memorability.report.figures.decomposition import within_between
from tests.unit.report.figures.test_attribution import drawn as attribution_figure
from tests.unit.report.figures.test_attribution import explained
from tests.unit.report.figures.test_decomposition import model as decomposed
from tests.unit.report.figures.test_errors import model as errors_of_seeds

PAIRS = [("pooled", "all"), ("within", "first"), ("within", "second")]


def of_two(first: str, second: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return values, images and correlations of two categories."""
    values, images = errors_of_seeds(12)
    names = {"first": first, "second": second, "all": "all"}
    rows = pd.DataFrame(
        {"group": [names[group] for _, group in PAIRS], "method": [method for method, _ in PAIRS],
         "r": 0.2, "ci_low": 0.1, "ci_high": 0.3, "n": 12, "seeds": 2}
    )  # fmt: skip
    return values, images.assign(category=[first, second] * 6), rows


def of_scores(first: str, second: str) -> Figure:
    images = of_two(first, second)[1]
    return scores.scores_by_category(images, target="score", score=first, note=second)


def of_bins(first: str, second: str) -> Figure:
    return scores.values_by_memorability(
        *of_two(first, second), target="score", score=first, bins="published", title=second,
        ylabel="error", confidence=0.95, note=first,
    )  # fmt: skip


def of_points(first: str, second: str) -> Figure:
    return errors.errors_by_score(
        *of_two(first, second), target="score", score=second, title=first, confidence=0.95,
        note=second,
    )  # fmt: skip


def of_forest(first: str, second: str) -> Figure:
    table = decomposed().replace({"group": {"animal": first, "food": second}})
    return within_between([table], confidence=0.95, note=first)


def of_maps(first: str, second: str) -> Figure:
    table = explained().replace({"category": {"animal": first, "food": second}})
    return attribution_figure(attribution.shown_images(table, []))


def of_heads(first: str, second: str) -> Figure:
    """Heads from elsewhere stand in legends, categories on an axis."""
    rows = pd.DataFrame(
        [
            {"group": group, "head": head, "metric": "spearman", "value": 0.2, "ci_low": 0.1,
             "ci_high": 0.3, "n": 30}
            for group in ("all", first, second) for head in (first, second)
        ]
    )  # fmt: skip
    of_all = rows["group"] == "all"
    return prediction.by_category(
        rows[of_all].drop(columns="group"), rows[~of_all], confidence=0.95, note=second
    )


FIGURES: list[Callable[[str, str], Figure]] = [
    of_scores, of_bins, of_points, of_forest, of_maps, of_heads,
]  # fmt: skip
LABELS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), min_size=1, max_size=50
).filter(lambda text: text.strip() == text and text != "all")


def squeezed(text: str) -> str:
    """Return a text without blanks, line breaks and what stands for control characters."""
    return "".join(text.replace("\u200b", "").split())


@pytest.mark.parametrize("draw", FIGURES)
@settings(
    max_examples=1, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@given(names=st.tuples(LABELS, LABELS).filter(lambda pair: pair[0] != pair[1]))
@example(names=("$0_$20", "_hidden"))
@example(names=("\\frac{1}{2}", "<b>&amp;</b> {loss} %s"))
@example(names=("a" * 45, "动物和人类的照片"))
@example(names=("bell\x07, unit\x1fseparator\x85", "$5 to $20"))
def test_every_name_is_shown_as_it_is(
    draw: Callable[[str, str], Figure],
    names: tuple[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("figure")
    figure = draw(*names)
    with warnings.catch_warnings():
        warnings.filterwarnings("error")
        warnings.filterwarnings("ignore", message=".*has boxes in place of.*")
        style.save(figure, directory / "a.svg", directory / "a.png")
    shown = squeezed(" ".join(text.get_text() for text in figure.findobj(Text)))  # type: ignore[attr-defined]
    for name in names:
        visible = squeezed(style.readable(name, 1000))
        assert visible in shown
    # The SVG can be read, and has the names as text.
    written = squeezed("".join(ElementTree.parse(directory / "a.svg").getroot().itertext()))
    for name in names:
        assert squeezed(style.readable(name, 1000)) in written


def test_a_head_whose_name_begins_with_an_underscore_is_in_the_legend() -> None:
    legend = of_heads("_theirs", "other").axes[0].get_legend()
    assert [squeezed(text.get_text()) for text in legend.get_texts()] == ["_theirs", "other"]


def test_lines_are_no_longer_than_asked_and_of_wide_signs_half_as_long() -> None:
    lines = style.readable("an animal that is photographed from the side", 20).split("\n")
    assert max(map(len, lines)) <= 20
    assert max(map(len, style.readable("动物" * 20, 20).split("\n"))) == 10


def test_characters_without_a_font_are_named_in_a_warning(tmp_path: Path) -> None:
    # A private character, which no font of the figures has.
    figure = of_scores("\ue123", "plain")
    with pytest.warns(UserWarning, match=r"a.png has boxes in place of \ue123: no installed font"):
        style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")
    assert "\ue123" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_fonts_that_are_not_installed_are_not_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        style.save(of_scores("a", "b"), tmp_path / "a.svg", tmp_path / "a.png")
    assert "not found" not in caplog.text


def test_ticks_of_a_log_scale_are_plain_numbers() -> None:
    with style.styled():
        figure = Figure()
        axes = figure.add_subplot()
        axes.plot([1e-4, 1], [1, 2])
        style.plain_log_scale(axes, "x")
        figure.draw_without_rendering()
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert {"0.0001", "0.001", "0.1", "1"} <= set(names)
    assert not any("$" in name or "e" in name for name in names)
    assert np.all(np.array(axes.get_xlim()) > 0)
