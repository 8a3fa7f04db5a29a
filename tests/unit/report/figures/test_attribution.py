from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from memorability.base.seeding import numpy_stream
from memorability.report.figures import attribution as figures
from memorability.report.figures.style import save
from memorability.statistics.intervals import Bootstrap
from tests.unit.explanation.test_check_summary import study, summarised

BOOTSTRAP = Bootstrap(draws=200, confidence=0.9, seed=0)
NOTE = "Observers are simulated."


def draw(figure: Figure, directory: Path) -> None:
    """Write a figure, which fails where it cannot be laid out."""
    save(figure, directory / "figure.svg", directory / "figure.png")


def texts(figure: Figure) -> str:
    """Return all that is written in a figure, in one line."""
    found = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    return " ".join(" ".join(found).split())


def explained(scale: float = 1.0) -> pd.DataFrame:
    """Seven explained photographs of two categories; photograph k is grey level 10 k."""
    return pd.DataFrame(
        {
            "image_id": [f"i{place}" for place in range(7)],
            "category": ["food", "animal", "food", "food", "animal", "food", "food"],
            "score": [0.9, 0.2, 0.1, 0.5, 0.1, 0.3, 0.7],
            "predicted": 0.5,
            "drawn": [True, True, True, True, True, True, False],
            "scale": scale,
            "converged": True,
            "place": range(7),
        }
    )


def drawn(shown: pd.DataFrame, *, zero: bool = False) -> Figure:
    levels = shown["place"].to_numpy(dtype=np.uint8)[:, None, None, None] * 10
    pixels = np.broadcast_to(levels, (len(shown), 3, 8, 8))
    maps = np.random.default_rng(0).uniform(-1, 1, (len(shown), 3, 8, 8)).astype(np.float16)
    return figures.attribution_maps(shown, pixels, maps * (not zero), note=NOTE)


def agreement(checks: pd.DataFrame, check: str) -> Figure:
    attributions, variants, _, _ = study()
    return figures.agreement(checks, check, [attributions, variants], confidence=0.9, note=NOTE)


def titles(figure: Figure) -> list[tuple[str, int]]:
    """Return title and grey level of each photograph that is shown, row by row."""
    return [
        (axes.get_title(), int(np.asarray(photograph.get_array()).max()))
        for axes in figure.axes
        if axes.get_title()
        for photograph in axes.findobj(AxesImage)[:1]
    ]


def overlays(figure: Figure) -> list[AxesImage]:
    return [image for axes in figure.axes for image in axes.findobj(AxesImage)[1:]]


def test_photographs_ascend_in_memorability_from_the_least_to_the_most(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(figures, "PER_CATEGORY", 3)
    figure = drawn(figures.shown_images(explained(), []))
    # animal has two photographs for three places; of food four are drawn.
    assert titles(figure) == [
        ("0.10 (0.50)", 40), ("0.20 (0.50)", 10), ("0.10 (0.50)", 20), ("0.50 (0.50)", 30),
        ("0.90 (0.50)", 0),
    ]  # fmt: skip
    for words in ("animal", "food", NOTE, "absolute attribution of a pixel"):
        assert words in texts(figure)
    draw(figure, tmp_path)


@pytest.mark.parametrize(
    ("converged", "said"),
    [
        ([True] * 6, "6 attributions converged."),
        ([False, *[True] * 5], "5 of 6 attributions converged."),
        ([False] * 6, "None of 6 attributions converged: do not interpret them."),
    ],
)
def test_maps_that_have_not_converged_are_marked(converged: list[bool], said: str) -> None:
    figure = drawn(figures.shown_images(explained(), []).assign(converged=converged))
    assert texts(figure).count("not converged") == converged.count(False)
    assert said in texts(figure)


def test_checks_say_how_many_of_the_attributions_they_compare_have_converged() -> None:
    attributions, variants, _, curves = study(12)
    variants["converged"] = variants["variant"] != "zeros"
    pair = [attributions, variants]
    for check, said in (
        ("baseline", "12 of 24 attributions converged"), ("weights", "60 attributions converged"),
    ):  # fmt: skip
        figure = figures.agreement(summarised(), check, pair, confidence=0.9, note=NOTE)
        assert said in texts(figure)
    figure = figures.deletion_insertion(
        curves, summarised(), attributions.assign(converged=False), BOOTSTRAP, note=NOTE
    )
    assert "None of 12 attributions converged" in texts(figure)


def test_named_images_alone_are_shown() -> None:
    shown = figures.shown_images(explained(), ["i6", "i0", "i1"])
    assert list(shown["image_id"]) == ["i1", "i6", "i0"]


def test_all_maps_share_one_scale_in_units_of_the_score() -> None:
    shown = figures.shown_images(explained(), []).assign(scale=np.arange(1.0, 7.0))
    images = overlays(drawn(shown))
    assert len({image.get_clim() for image in images}) == 1
    largest = [float(np.asarray(image.get_array()).max()) for image in images]
    assert largest == sorted(largest), "the file's maps are times their scale"
    assert max(largest) == pytest.approx(3 * 6, rel=0.2)


def test_attributions_that_are_all_zero_are_drawn_as_plain_photographs(tmp_path: Path) -> None:
    figure = drawn(figures.shown_images(explained(), []), zero=True)
    draw(figure, tmp_path)
    for overlay in overlays(figure):
        np.testing.assert_array_equal(np.asarray(overlay.get_alpha()), 0)
    assert "All attributions are 0" in texts(figure)


@pytest.mark.parametrize("n", [2, 12])
@pytest.mark.parametrize("constant", [False, True])
def test_checks_are_drawn_with_their_sentence(n: int, constant: bool, tmp_path: Path) -> None:
    checks = summarised(n, constant=constant)
    for check, names in (("baseline", "black"), ("weights", "random encoder and predictor")):
        figure = agreement(checks, check)
        assert names in texts(figure)
        assert ("All attributions are 0" in texts(figure)) == constant
        # The order of two images is chance, and there are no intervals.
        ranked = [line for line in figure.axes[0].lines if line.get_marker() == "s"]
        assert len(ranked) == (n >= 10)
        assert ("too few images for intervals" in texts(figure)) == (n < 10)
        draw(figure, tmp_path)
    attributions, _, _, curves = study(n, constant=constant)
    figure = figures.deletion_insertion(curves, checks, attributions, BOOTSTRAP, note=NOTE)
    assert f"Deletion and insertion of pixels, {n} images" in texts(figure)
    assert ("all attributions are 0" in texts(figure)) == constant
    assert ("too few images for intervals" in texts(figure)) == (n < 10)
    draw(figure, tmp_path)


@pytest.mark.parametrize("check", ["baseline", "weights"])
def test_the_legend_of_checks_stands_between_axes_and_note(check: str, tmp_path: Path) -> None:
    figure = agreement(summarised(), check)
    draw(figure, tmp_path)
    (axes,) = figure.axes
    legend = axes.get_legend()
    (note,) = [text for text in figure.texts if NOTE in text.get_text()]
    boxes = [part.get_window_extent() for part in (axes.xaxis.label, legend, note)]
    assert all(above.y0 > below.y1 for above, below in pairwise(boxes))


def test_an_agreement_is_where_its_row_says() -> None:
    checks = summarised()
    axes = agreement(checks, "weights").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "random predictor", "random encoder and predictor", "no network: |image − baseline|",
        "no network: edges of the image",
    ]  # fmt: skip
    rows = checks[(checks["check"] == "weights") & (checks["measure"] == "map_signed")]
    (line,) = [line for line in axes.lines if line.get_marker() == "D"]
    expected = rows.set_index("second").loc[["predictor", "encoder_and_predictor"], "value"]
    # What knows no network has no sign.
    np.testing.assert_array_equal(line.get_xdata(), [*expected, np.nan, np.nan])
    assert "random weights (2 draws)" in texts(agreement(checks, "weights"))


def test_curves_are_means_over_images() -> None:
    attributions, _, _, curves = study()
    figure = figures.deletion_insertion(curves, summarised(), attributions, BOOTSTRAP, note=NOTE)
    for axes, middle in zip(figure.axes, (0.3, 0.7), strict=True):
        by_attribution, *others = (line.get_ydata() for line in axes.lines)
        np.testing.assert_allclose(by_attribution, [0.5, middle, 0.5])
        np.testing.assert_allclose(others, np.full((3, 3), 0.5))
        for against in ("at random", "by |image − baseline|", "by edges"):
            assert f"{against}: 0.100 [0.100, 0.100]" in axes.get_title()


def test_bands_are_intervals_of_the_mean_with_the_confidence_of_the_study() -> None:
    attributions, _, _, curves = study(12)
    rng = np.random.default_rng(4)
    curves["score"] = rng.random(len(curves))
    first = curves[(curves["mode"] == "deletion") & (curves["order"] == "attribution")]
    scores = first.pivot_table(index="image_id", columns="share", values="score").to_numpy()
    drawn = numpy_stream(0, "bootstrap").integers(0, 12, (200, 12))
    expected = np.percentile(scores[drawn].mean(axis=1), [5, 95], axis=0)
    axes = figures.deletion_insertion(
        curves, summarised(12), attributions, BOOTSTRAP, note=NOTE
    ).axes[0]
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(expected[0].min())
    assert corners[:, 1].max() == pytest.approx(expected[1].max())
