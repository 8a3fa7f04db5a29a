"""Text of users is never markup, is never left out, and never stops a figure."""

import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
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
        # A warning would say that a picture has a box in place of a character.
        warnings.filterwarnings("error")
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


def test_lines_are_no_longer_than_asked_and_of_wide_signs_half_as_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(style, "_font", lambda sign: "a font that has it")
    lines = style.readable("an animal that is photographed from the side", 20).split("\n")
    assert max(map(len, lines)) <= 20
    assert max(map(len, style.readable("动物" * 20, 20).split("\n"))) == 10


@pytest.fixture
def fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Say which fonts are installed."""

    def install(*names: str) -> None:
        style._font.cache_clear()
        monkeypatch.setattr(style, "_fonts", lambda: {name: findfont(name) for name in names})

    yield install
    style._font.cache_clear()


def test_what_no_font_has_is_shown_by_its_code_point_in_both_files(
    fonts: Callable[..., None], tmp_path: Path
) -> None:
    fonts("DejaVu Sans")
    assert style.readable("动物 cat", 40) == "‹52A8 7269› cat"
    assert style.readable("动 物\u3000人", 40) == "‹52A8› ‹7269› ‹4EBA›"
    assert style.readable("👍\U0001f3fd", 40) == "‹1F44D 1F3FD›"
    # Invisible, and in no font.
    assert style.readable("cat\U000e0100\U000e0041", 40) == "cat"
    assert style.readable("动" * 45, 200) == f"‹{' '.join(['52A8'] * 12)}…›"
    assert style.readable(f"{'动' * 12}a物", 200) == f"‹{' '.join(['52A8'] * 12)}›a…"
    figure = of_scores("动物", "plain")
    style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")
    written = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "‹52A8 7269›" in written
    assert "动" not in written
    note = " ".join(figure.get_supxlabel().split())
    assert note.startswith("plain Characters that no installed font has are shown by their code")
    plain = of_scores("cat", "plain")
    style.save(plain, tmp_path / "a.svg", tmp_path / "a.png")
    assert plain.get_supxlabel() == "plain"


def test_a_text_gets_the_font_that_has_its_characters(
    fonts: Callable[..., None], tmp_path: Path
) -> None:
    fonts("DejaVu Sans", "STIXGeneral")
    (sign, *_) = sorted(style._characters("STIXGeneral") - style._characters("DejaVu Sans"))
    figure = of_scores(f"a{chr(sign)}", "plain")
    with warnings.catch_warnings():
        warnings.filterwarnings("error")
        style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")
    written = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert chr(sign) in written
    assert "STIXGeneral" in written
    others = [t for t in figure.findobj(Text) if chr(sign) not in t.get_text()]  # type: ignore[attr-defined]
    assert all("STIXGeneral" not in text.get_fontfamily() for text in others)  # type: ignore[attr-defined]


def test_fonts_that_are_not_installed_are_not_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    style._font.cache_clear()
    with caplog.at_level(logging.WARNING):
        style.save(of_scores("a", "动"), tmp_path / "a.svg", tmp_path / "a.png")
    assert "font" not in caplog.text


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
