"""Figures: what they show of a table, and that nothing in a table stops them."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.text import Text
from scipy.stats import spearmanr

from memorability.base.errors import InputError
from memorability.report import labels
from memorability.report.figures import comparisons, learning, style
from memorability.report.figures.scores import (
    consistency_by_responses,
    memorability_bins,
    scores_by_category,
    values_by_memorability,
)
from memorability.report.numbers import number

NAN = float("nan")
NOTE = "Observers are simulated; backbones are random."


@pytest.fixture(autouse=True)
def _drawing_warns_of_nothing() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def texts(figure: Figure) -> str:
    """Return every text of a figure that a reader sees, long lines joined."""
    found = [artist.get_text() for artist in figure.findobj(Text) if artist.get_visible()]
    return "\n".join(found) + "\n" + " ".join("\n".join(found).split())


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_visible()]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in panels(figure)]


def draw(figure: Figure, path: Path) -> str:
    style.save(figure, path / "figure.svg", path / "figure.png")
    assert (path / "figure.png").read_bytes().startswith(b"\x89PNG")
    return (path / "figure.svg").read_text(encoding="utf-8")


def images_of(counts: dict[str, dict[float, int]]) -> pd.DataFrame:
    """Return images, category -> score -> how many."""
    rows = [
        {"category": category, "score": score}
        for category, scores in counts.items()
        for score, count in scores.items()
        for _ in range(count)
    ]
    table = pd.DataFrame(rows)
    return table.assign(image_id=[f"image{k:03d}" for k in range(len(table))])


def correlation(group: str = "all", method: str = "pooled", **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "quantity": "error", "metric": "mse",
        "backbone": "none", "trained_by": "", "published": "",
        "sign": "distance", "model": "",
        "protocol": "paper", "loss": "mse", "lr": "1e-3",
        "selected": True, "target": "score", "group": group, "method": method, "n": 64, "seeds": 2,
        "r": 0.25, "r_seed_sd": 0.01, "ci_low": 0.125, "ci_high": 0.375, "ci_method": "percentile",
        "p": 0.01, "p_holm": 0.02, "diverged": "",
    }  # fmt: skip
    return base | changes


UNDEFINED = {
    "r": NAN, "ci_low": NAN, "ci_high": NAN, "p": NAN, "p_holm": NAN,
    "ci_method": "undefined (constant values)",
}  # fmt: skip

# Scores within, below and above all bins; 20 images in the third, 19 in the second.
ANIMALS: dict[float, int] = {0.1: 25, 0.3: 19, 0.5: 20}
FOOD: dict[float, int] = {0.1: 1, 0.9: 30}


def by_memorability(
    counts: dict[str, dict[float, int]],
    correlations: list[dict[str, Any]] | None = None,
    *,
    value: float | None = None,
    bins: str = "published",
) -> Figure:
    images = images_of(counts)
    values = pd.concat(
        images[["image_id"]].assign(
            seed=str(seed), value=np.arange(len(images)) + seed if value is None else value
        )
        for seed in range(2)
    )
    rows = correlations or [
        correlation(),
        *(correlation(name, "within") for name in counts),
        *([correlation(method="partial", r=0.99)] if len(counts) > 1 else []),
    ]
    return values_by_memorability(
        values,
        images,
        pd.DataFrame(rows),
        target="score",
        score="memorability as given",
        bins=bins,
        title="MSE, two seeds",
        ylabel="reconstruction error",
        confidence=0.95,
        note=NOTE,
    )


# Scores


def test_scores_are_drawn_with_count_and_mean_of_each_category(tmp_path: Path) -> None:
    figure = scores_by_category(
        images_of({"animal": {0.2: 3, 0.6: 3}, "food": {0.5: 2}}),
        target="score",
        score="memorability as given",
        note=NOTE,
    )
    shown = texts(figure)
    # What is printed is what is drawn: the dot is the median.
    assert "6 images\nmedian 0.40" in shown
    assert "2 images\nmedian 0.50" in shown
    assert "memorability as given" in shown
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["animal", "food"]
    assert NOTE in shown
    assert NOTE.split(";", maxsplit=1)[0] in draw(figure, tmp_path)


def test_the_scores_of_fewer_than_20_images_are_hollow() -> None:
    counts = {"animal": {0.2: 10, 0.6: 10}, "food": {0.2: 10, 0.6: 9}}
    figure = scores_by_category(
        images_of(counts), target="score", score="memorability as given", note=""
    )
    shapes = figure.axes[0].collections
    filled = [len(shape.get_facecolor()) for shape in shapes if isinstance(shape, PolyCollection)]
    assert filled == [1, 0]
    assert "hollow: under 20 images" in texts(figure)


def test_scores_name_the_target_that_is_shown() -> None:
    images = images_of({"all": {0.2: 3, 0.6: 3}}).rename(columns={"score": "score_uncorrected"})
    figure = scores_by_category(
        images, target="score_uncorrected", score="hits / responses", note=""
    )
    assert figure.axes[0].get_ylabel() == "hits / responses"


@pytest.mark.parametrize("outside", [-0.5, 2.5])
def test_scores_without_bounds_are_drawn_in_their_own_range(outside: float, tmp_path: Path) -> None:
    images = images_of({"a": {0.2: 3, outside: 3}}).rename(columns={"score": "d_prime"})
    figure = scores_by_category(images, target="d_prime", score="memorability, d′", note="")
    low, high = figure.axes[0].get_ylim()
    assert (low, high) == (min(0.2, outside), max(0.2, outside))
    draw(figure, tmp_path)


# Agreement of halves of the observers


def consistencies(splittings: tuple[str, ...]) -> pd.DataFrame:
    by_number = pd.DataFrame(
        {"splitting": "observers", "correction": "none", "all_responses": False,
         "responses": [2.0, 4.0, 8.0], "consistency": [0.1, 0.2, 0.3], "consistency_sd": 0.05,
         "predicted": [0.1, 0.15, 0.3], "n": 60}
    )  # fmt: skip
    of_all = [
        {"splitting": splitting, "correction": correction, "all_responses": True, "responses": 20.0,
         "consistency": 0.5, "consistency_sd": 0.05, "predicted": NAN, "n": 60}
        for splitting in splittings for correction in ("none", "paper", "exact")
    ]  # fmt: skip
    return pd.concat([by_number, pd.DataFrame(of_all)], ignore_index=True)


def test_consistency_is_drawn_by_number_and_once_for_each_way_of_splitting(tmp_path: Path) -> None:
    figure = consistency_by_responses(consistencies(("observers", "delays")), note=NOTE)
    axes = figure.axes[0]
    # The others are ends of bars, and single marks.
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3]
    measured, predicted = (line for line in lines if line.get_marker() in ("o", "None"))
    assert list(measured.get_xdata()) == list(predicted.get_xdata()) == [2, 4, 8]
    assert list(measured.get_ydata()) == [0.1, 0.2, 0.3]
    assert list(predicted.get_ydata()) == [0.1, 0.15, 0.3]
    singles = [line for line in axes.lines if list(line.get_xdata()) == [20]]
    assert len(singles) == 6
    assert "adversarial split, all responses, corrected as published" in texts(figure)
    assert NOTE.split(";", maxsplit=1)[0] in draw(figure, tmp_path)


def test_of_no_consistency_the_figure_says_why() -> None:
    figure = consistency_by_responses(consistencies(()).iloc[:0], note=NOTE)
    assert "Too few responses to compare halves of the observers" in texts(figure)


def test_ways_of_splitting_that_were_not_measured_are_not_named() -> None:
    figure = consistency_by_responses(consistencies(("observers",)), note=NOTE)
    assert "adversarial" not in texts(figure)
    assert "random split, all responses" in texts(figure)


# Values over bins of memorability


def test_every_panel_has_its_correlation_and_every_box_its_count(tmp_path: Path) -> None:
    figure = by_memorability({"animal": ANIMALS, "food": FOOD})
    assert [title.split("\n")[:2] for title in titles(figure)] == [
        [name, "mean r = 0.25 [0.12, 0.38]"] for name in ("all images", "animal", "food")
    ]
    counts = [
        [text.get_text() for text in axes.texts if text.get_text().isdigit()]
        for axes in panels(figure)
    ]
    assert counts == [["26", "19", "20", "30"], ["25", "19", "20"], ["1", "30"]]
    shown = texts(figure)
    assert NOTE in shown
    assert "MSE, two seeds" in shown
    assert "reconstruction error" in shown
    assert "simulated" in draw(figure, tmp_path)


def test_a_box_of_fewer_than_20_images_is_hollow() -> None:
    figure = by_memorability({"animal": ANIMALS, "food": FOOD})
    opacity = {
        axes.get_title().split("\n")[0]: [
            box.get_facecolor()[3] > 0 for box in axes.findobj(PathPatch) if box in axes.patches
        ]
        for axes in panels(figure)
    }
    assert opacity == {
        # A box for each of two seeds.
        "all images": [True, True, False, False, True, True, True, True],
        "animal": [True, True, False, False, True, True],
        "food": [False, False, True, True],
    }
    assert "hollow: under 20 images;" in texts(figure)


def test_scores_of_0_and_1_belong_to_the_outer_bins() -> None:
    figure = by_memorability({"all": {0.0: 2, 1.0: 3}})
    counts = {
        round(text.get_position()[0]): text.get_text()
        for text in figure.axes[0].texts
        if text.get_text().isdigit()
    }
    assert counts == {0: "2", 4: "3"}


def test_an_image_counts_once_however_many_seeds_there_are() -> None:
    figure = by_memorability({"all": {0.5: 21}})
    assert [text.get_text() for text in figure.axes[0].texts] == ["21"]


@pytest.mark.parametrize("bins", ["published", "quantiles"])
def test_the_correlations_of_seeds_are_those_of_what_is_drawn(bins: str) -> None:
    """Two seeds that contradict each other: their average would correlate, they hardly do."""
    rng = np.random.default_rng(1)
    images = images_of({"animal": dict.fromkeys(np.linspace(0.05, 0.95, 30), 1)})
    noise = 10 * rng.standard_normal(30)
    values = pd.concat(
        images[["image_id"]].assign(seed=seed, value=images["score"] + sign * noise)
        for seed, sign in (("0", 1), ("1", -1))
    )
    own = [spearmanr(images["score"], images["score"] + sign * noise)[0] for sign in (1, -1)]
    mean = float(np.mean(own))
    assert mean < 0.2, "but that of the average is 1"
    rows = [correlation(r=mean), correlation("animal", "within", r=mean)]
    figure = values_by_memorability(
        values, images, pd.DataFrame(rows), target="score", score="score", bins=bins,
        title="", ylabel="error", confidence=0.95, note="",
    )  # fmt: skip
    for title in titles(figure):
        assert title.split("\n")[1:] == [
            f"mean r = {number(mean)} [0.12, 0.38]", f"seeds: {number(own[0])}, {number(own[1])}",
        ]  # fmt: skip


def test_one_category_named_all_is_drawn_once(tmp_path: Path) -> None:
    figure = by_memorability({"all": ANIMALS})
    assert [title.split("\n")[0] for title in titles(figure)] == ["all images"]
    draw(figure, tmp_path)


@pytest.mark.parametrize("categories", [1, 2, 3, 5, 6])
def test_there_is_a_panel_for_all_and_for_each_category_and_no_empty_one(categories: int) -> None:
    names = [f"c{k}" for k in range(categories)]
    figure = by_memorability({name: {0.1: 3, 0.9: 3} for name in names})
    assert [title.split("\n")[0] for title in titles(figure)] == ["all images", *names]


def test_an_undefined_correlation_is_said_to_be_undefined(tmp_path: Path) -> None:
    rows = [
        correlation(),
        correlation("animal", "within"),
        correlation("food", "within", **UNDEFINED),
    ]
    figure = by_memorability({"animal": ANIMALS, "food": FOOD}, rows)
    assert titles(figure)[2] == "food\nr undefined (64 images)"
    draw(figure, tmp_path)


def test_a_correlation_without_an_interval_is_shown_without_one() -> None:
    rows = [
        correlation(ci_low=NAN, ci_high=NAN, r=-0.5, ci_method="none (n < 10)"),
        correlation("all", "within"),
    ]
    (title,) = titles(by_memorability({"all": {0.1: 2, 0.9: 2}}, rows))
    assert title.startswith("all images\nmean r = −0.50\nseeds:")


def test_equal_values_are_drawn_rather_than_divided_by_zero(tmp_path: Path) -> None:
    rows = [correlation(**UNDEFINED), correlation("all", "within", **UNDEFINED)]
    figure = by_memorability({"all": ANIMALS}, rows, value=0.5)
    draw(figure, tmp_path)
    boxes = figure.axes[0].patches
    assert len(boxes) == 6
    for box in boxes:
        assert np.isfinite(np.asarray(box.get_path().vertices)).all()


def test_values_of_a_run_that_diverged_are_not_drawn() -> None:
    figure = by_memorability({"animal": ANIMALS}, value=NAN)
    assert not any(axes.patches for axes in panels(figure))
    assert texts(figure).count("No values: the runs diverged.") >= 2


def test_fifths_of_the_images_are_named_by_their_scores() -> None:
    figure = by_memorability(
        {"all": {0.1: 20, 0.3: 20, 0.5: 20, 0.7: 20, 0.9: 20}}, bins="quantiles"
    )
    axes = figure.axes[0]
    counts = [text.get_text() for text in axes.texts if text.get_text().isdigit()]
    assert counts == ["20"] * 5
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert names[0].startswith("0.10–")
    assert names[4].endswith("–0.90")
    shown = texts(figure)
    assert "fifths of the images" in shown
    assert "a box for each seed; below each box: number of images" in shown


@settings(max_examples=50, deadline=None)
@given(scores=st.lists(st.integers(-40, 40), min_size=5, max_size=80))
def test_bins_follow_the_scores_and_equal_scores_share_one(scores: list[int]) -> None:
    table = pd.Series(scores, name="score") / 40
    for kind in ("published", "quantiles"):
        bins, names = memorability_bins(table, kind)
        assert len(names) == 5
        assert bins.between(0, 4).all()
        ordered = bins[table.sort_values().index]
        assert ordered.is_monotonic_increasing
        assert bins.groupby(table).max().equals(bins.groupby(table).min())
    if table.is_unique:
        assert bins.value_counts().max() - bins.value_counts().min() <= 1


def test_corrected_scores_below_0_are_in_the_lowest_bin_and_the_figure_says_so() -> None:
    scores = pd.Series([-1.0, -0.05, 0.0, 0.2, 0.21, 1.0], name="score")
    assert list(memorability_bins(scores, "published")[0]) == [0, 0, 0, 0, 1, 4]
    assert "below 0" in texts(by_memorability({"all": {-0.05: 3, 0.5: 20}}))
    assert "below 0" not in texts(by_memorability({"all": {0.05: 3, 0.5: 20}}))


def test_published_bins_of_scores_beyond_them_are_refused() -> None:
    d_prime = pd.Series([-0.2, 2.9], name="d_prime")
    with pytest.raises(InputError, match=r"d_prime reaches from -0.2 to 2.9.*quantiles"):
        memorability_bins(d_prime, "published")
    assert list(memorability_bins(d_prime, "quantiles")[0]) == [0, 4]


# Protocols compared


def effect(loss: str, difference: float, **changes: Any) -> dict[str, Any]:
    row = {
        "choice": "order", "value": "listed", "base_value": "seed_shuffle", "protocol": "listed",
        "base_protocol": "paper", "loss": loss, "lr": "5e-6", "difference": difference, "r": 0.9,
        "ci_low": difference - 0.1, "ci_high": difference + 0.1, "metric": loss,
        "backbone": "none", "trained_by": "", "published": "",
        "sign": "distance", "base_sign": "distance",
    }  # fmt: skip
    return row | changes


def test_a_choice_is_a_row_and_a_loss_a_colour_at_the_rate_asked_for(tmp_path: Path) -> None:
    several = {"choice": "order, sweep, resize", "protocol": "released"}
    effects = pd.DataFrame(
        [
            effect("mse", 0.1), effect("style", -0.2), effect("mse", 0.3, lr="1e-3"),
            effect("mse", 0.05, **several), effect("style", np.nan, **several),
        ]
    )  # fmt: skip
    figure = comparisons.protocol_effects(effects, learning_rate="5e-6", confidence=0.95, note=NOTE)
    axes = figure.axes[0]
    ticks = [label.get_text() for label in axes.get_yticklabels()]
    assert ticks == ["released, not paper\n(3 choices)", "order:\nlisted, not seed_shuffle"]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["MSE", "Style loss"]
    points = [line for line in axes.lines if line.get_marker() == "o"]
    drawn = [
        list(zip(line.get_xdata(), np.round(line.get_ydata()), strict=True)) for line in points
    ]
    assert drawn[0] == [(0.1, 1), (0.05, 0)]
    assert drawn[1][0] == (-0.2, 1)
    assert np.isnan(drawn[1][1][0])
    assert "at learning rate 5e-6" in texts(figure)
    assert NOTE in texts(figure)
    draw(figure, tmp_path)


def test_the_legend_of_choices_names_random_backbones_and_runs_that_diverged() -> None:
    random = {"backbone": "random", "trained_by": "", "published": "no", "sign": "one_minus"}
    effects = [effect("mse", np.nan), effect("lpips_vgg", 0.1, **random)]
    figure = comparisons.protocol_effects(
        pd.DataFrame(effects), learning_rate="5e-6", confidence=0.95, note=""
    )
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [name.replace("\n", " ") for name in names] == [
        "MSE (no r)", "LPIPS (VGG), random backbone",
    ]  # fmt: skip


def test_eight_losses_have_eight_colours() -> None:
    assert len(set(style.COLOURS)) == len(style.COLOURS) >= 8


# A percentile interval need not contain the correlation of the whole sample.
OUTSIDE = {"r": 0.5, "ci_low": 0.55, "ci_high": 0.75}


def test_an_interval_beside_its_correlation_does_not_stop_a_figure(tmp_path: Path) -> None:
    table = pd.DataFrame([correlation(**OUTSIDE)])
    draw(comparisons.forest(table, title="Features", confidence=0.95, note=NOTE), tmp_path)


# Forest


def test_a_forest_is_sorted_and_has_pooled_and_partial_correlations(tmp_path: Path) -> None:
    plan = [("saturation", 0.1, -0.3), ("clutter_score", 0.3, 0.2), ("unheard_of", -0.2, 0.0)]
    rows = [
        correlation(method=method, metric=metric, r=r, ci_low=r - 0.05, ci_high=r + 0.05)
        for metric, pooled, partial in plan
        for method, r in (("pooled", pooled), ("partial", partial))
    ]
    figure = comparisons.forest(
        pd.DataFrame(rows[::-1]), title="Image features", confidence=0.95, note=NOTE
    )
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["Clutter score", "Saturation", "unheard of"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first row is on top
    assert axes.get_xlabel() == "Spearman's r with memorability (bar: 95 % interval)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "pooled", "given the category",
    ]  # fmt: skip
    dots = [line.get_xdata() for line in axes.lines if line.get_marker() in {"o", "s"}]
    np.testing.assert_array_equal(dots, [[0.3, 0.1, -0.2], [0.2, -0.3, 0.0]])
    assert "Image features" in texts(figure)
    assert NOTE in texts(figure)
    draw(figure, tmp_path)


def test_a_forest_of_one_category_or_with_undefined_rows_is_drawn(tmp_path: Path) -> None:
    rows = [correlation(metric="saturation"), correlation(metric="clutter_score", **UNDEFINED)]
    figure = comparisons.forest(
        pd.DataFrame(rows), title="Image features", confidence=0.95, note=""
    )
    # Of one colour nothing needs a key.
    assert figure.axes[0].get_legend() is None
    draw(figure, tmp_path)


def test_a_long_forest_stands_in_columns_and_fits_a_window(tmp_path: Path) -> None:
    rows = [correlation(metric=f"control_{place:02d}", r=0.5 - place / 50) for place in range(33)]
    table = pd.DataFrame(rows).assign(ci_low=-0.5, ci_high=0.6)
    figure = comparisons.forest(table, title="Controls", confidence=0.95, note=NOTE)
    counts = [len(axes.get_yticklabels()) for axes in figure.axes]
    assert counts == [17, 16]
    names = [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]
    assert names == [f"control {place:02d}" for place in range(33)]
    draw(figure, tmp_path)


@pytest.mark.parametrize(("inches", "shown"), [(4, 4 * 72), (20, style.TALLEST)])
def test_no_picture_is_taller_than_a_window(tmp_path: Path, inches: int, shown: float) -> None:
    with style.styled():
        figure = Figure(figsize=(5, inches))
        figure.add_axes((0, 0, 1, 1))
    svg = draw(figure, tmp_path)
    size = re.search(
        r'width="([0-9.]+)pt" height="([0-9.]+)pt" viewBox="0 0 ([0-9.]+) ([0-9.]+)"', svg
    )
    assert size is not None
    width, height, drawn_width, drawn_height = map(float, size.groups())
    assert height == pytest.approx(shown, rel=0.15)
    assert height <= style.TALLEST
    assert width / height == pytest.approx(drawn_width / drawn_height, rel=1e-3)


# Pre-training


def pretraining(
    decoder: str = "upsample_conv", epochs: int = 2, decoder_first: int = 0
) -> pd.DataFrame:
    parts = ["none", *["decoder"] * decoder_first, *["all"] * (epochs - decoder_first)]
    rows = {
        "trained_part": parts,
        "resize": "squash", "bottleneck": "conv7x7", "decoder": decoder,
        "batch_norm": decoder == "upsample_conv", "width": 0.25, "epoch": range(epochs + 1),
        "train_error": [NAN, *[0.03] * epochs], "validation_error": [0.09, *[0.02] * epochs],
    }  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("epochs", [1, 40])
def test_every_pretrained_model_has_a_line_of_trained_and_of_held_out_images(
    tmp_path: Path, epochs: int
) -> None:
    histories = pd.concat([pretraining(epochs=epochs), pretraining("transposed12", epochs)])
    figure = learning.pretraining_errors(histories, note=NOTE)
    (axes,) = panels(figure)
    lines = [np.asarray(line.get_ydata()) for line in axes.get_lines()]
    assert len(lines) == 4
    np.testing.assert_array_equal(lines[0], [0.09, *[0.02] * epochs])
    assert np.isnan(lines[1][0])
    svg = draw(figure, tmp_path)
    assert "transposed12, no batch normalisation" in svg
    assert "Observers are simulated" in svg


@pytest.mark.parametrize("decoder_first", [0, 2])
def test_the_epochs_of_the_decoder_alone_are_marked(tmp_path: Path, decoder_first: int) -> None:
    history = pretraining(epochs=3, decoder_first=decoder_first)
    svg = draw(learning.pretraining_errors(history, note=NOTE), tmp_path)
    assert ("the decoder alone is trained" in svg) == (decoder_first > 0)


# Choice of learning rates


def chosen(loss: str, rates: list[str], *, undefined: bool = False) -> list[pd.DataFrame]:
    """Correlations, seeds, selection and choices of one loss."""
    keys = {
        "protocol": "paper",
        "loss": loss,
        "metric": loss,
        "backbone": "none",
        "trained_by": "",
        "published": "",
        "sign": "distance",
    }
    rows = [
        correlation(loss=loss, metric=loss, lr=lr, r=0.1 * k, ci_low=0.1 * k - 0.05, ci_high=0.6)
        | (UNDEFINED if undefined and lr == rates[-1] else {})
        for k, lr in enumerate(rates)
    ]
    seeds = [keys | {"lr": lr, "seed": seed, "r": 0.1} for lr in rates for seed in "01"]
    lr = "" if undefined and len(rates) == 1 else rates[0]
    selection = [
        keys | {"rule": rule, "lr": lr, "r": r, "r_middle_low": 0.1, "r_middle_high": 0.3}
        for rule, r in (("published", 0.25), ("images", 0.125))
    ]
    choices = [keys | {"rule": "images", "lr": rate, "share": 1 / len(rates)} for rate in rates]
    return [pd.DataFrame(part) for part in (rows, seeds, selection, choices)]


def selection_figure(*losses: list[pd.DataFrame]) -> Figure:
    parts = [pd.concat(tables) for tables in zip(*losses, strict=True)]
    return learning.learning_rate_selection(*parts, confidence=0.95, note=NOTE)


@pytest.mark.parametrize("count", [1, 2, 3, 13])
@pytest.mark.parametrize("losses", [1, 2, 8])
def test_every_learning_rate_of_every_loss_is_drawn_and_both_choices_are_named(
    count: int, losses: int, tmp_path: Path
) -> None:
    rates = [f"{k}e-6" for k in range(1, count + 1)]
    figure = selection_figure(*(chosen(f"loss_{k}", rates) for k in range(losses)))
    draw(figure, tmp_path)
    chosen_in_words = (
        "highest r 0.250 at 1e-6, chosen on other images: r 0.125"
        if count > 1
        else "r = 0.250 one learning rate, nothing to choose"
    )
    assert [" ".join(title.split("\n")) for title in titles(figure)] == [
        f"loss {k} {chosen_in_words}" for k in range(losses)
    ]
    for axes in panels(figure):
        assert [tick.get_text() for tick in axes.get_xticklabels()] == rates
        curve = next(line for line in axes.lines if line.get_label() == "mean over seeds")
        np.testing.assert_allclose(curve.get_ydata(), 0.1 * np.arange(count))
        limits = axes.get_ylim()
        assert limits == panels(figure)[0].get_ylim(), "panels share their axes"
        assert limits[0] < -0.05
        assert limits[1] > 0.6
    shown = texts(figure)
    assert NOTE in shown
    assert ("highest r (the published choice)" in shown) == (count > 1)
    assert "no correlation" not in shown


def test_a_diverged_learning_rate_is_marked_and_a_loss_without_any_says_so(tmp_path: Path) -> None:
    figure = selection_figure(
        chosen("mse", ["1e-3", "0.1"], undefined=True), chosen("style", ["1e-3"], undefined=True)
    )
    draw(figure, tmp_path)
    assert titles(figure)[1] == "Style loss\nno learning rate has a correlation"
    assert "a seed diverged (at 0: no correlation)" in texts(figure)


def test_a_rate_of_which_one_seed_diverged_keeps_its_correlation_under_a_cross() -> None:
    tables = chosen("mse", ["1e-4", "1e-3", "0.1"], undefined=True)
    tables[0].loc[tables[0]["lr"] == "1e-3", ["r", "seeds", "diverged"]] = [
        0.5,
        1,
        "seed 0 at step 3",
    ]
    figure = selection_figure(tables)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [list(line.get_ydata()) for line in crosses] == [[0.5, 0.0]]
    assert "64 images, mean of 2 seeds" in texts(figure)


def test_panels_of_two_protocols_are_told_apart() -> None:
    tables = [
        chosen("mse", ["1e-4"]),
        [part.assign(protocol="released") for part in chosen("mse", ["1e-4"])],
    ]
    assert [title.split("\n")[0] for title in titles(selection_figure(*tables))] == [
        "MSE (paper)", "MSE (released)",
    ]  # fmt: skip


# Training losses and test metrics


def test_every_training_loss_has_a_cell_per_metric_and_its_own_is_bold(tmp_path: Path) -> None:
    backbones = {"mse": "none", "style": "random", "ms_ssim": "none"}
    rows = [
        correlation(
            quantity="matrix",
            loss=loss,
            metric=metric,
            backbone=backbone,
            protocol=protocol,
            lr="5e-6",
        )
        | ({"r": NAN} if (loss, metric) == ("style", "ms_ssim") else {})
        for protocol in ("paper", "released")
        for loss in ("mse", "style")
        for metric, backbone in backbones.items()
    ]
    figure = comparisons.metric_matrix(pd.DataFrame(rows), confidence=0.95, note=NOTE)
    draw(figure, tmp_path)
    assert titles(figure)[:2] == ["protocol paper", "protocol released"]
    for axes in figure.axes[:2]:
        written = [text.get_text() for text in axes.texts]
        assert written.count("0.25\n[0.12, 0.38]") == 5
        assert written.count("no r") == 1
        bold = {text.get_position() for text in axes.texts if text.get_weight() == "bold"}
        shown = [tick.get_text().replace("\n", " ") for tick in axes.get_xticklabels()]
        trained = [tick.get_text().replace("\n", " ") for tick in axes.get_yticklabels()]
        assert {(shown[x], trained[y]) for x, y in bold} == {
            ("MSE", "MSE 5e-6"),
            ("Style loss, random backbone", "Style loss, random backbone 5e-6"),
        }
    assert NOTE in texts(figure)


def test_a_loss_is_bold_under_the_sign_that_its_protocol_measures_it_with() -> None:
    signs = {"paper": "distance", "released": "one_minus"}
    rows = [
        correlation(quantity="matrix", loss=loss, metric=metric, sign=sign, protocol=protocol)
        for protocol, own in signs.items()
        for loss in ("lpips_vgg", "mse")
        for metric, sign in (("lpips_vgg", own), ("mse", "distance"))
    ]
    figure = comparisons.metric_matrix(pd.DataFrame(rows), confidence=0.95, note="")
    for axes, name in zip(figure.axes, ("LPIPS (VGG)", "1 − LPIPS (VGG)"), strict=False):
        shown = [tick.get_text() for tick in axes.get_xticklabels()]
        bold = {text.get_position()[0] for text in axes.texts if text.get_weight() == "bold"}
        assert {shown[int(x)] for x in bold} == {name, "MSE"}
        assert {tick.get_text().split("\n")[0] for tick in axes.get_yticklabels()} == {name, "MSE"}


# Decay


def decay_figure(*, categories: int, epochs: int, compared: bool = True) -> Figure:
    methods = ["pooled", "partial"] if categories > 1 else ["pooled"]
    curve = [
        correlation(method=method, r=0.5 - 0.01 * epoch)
        | {"epoch": epoch, "change": -0.01 * (epoch - 1), "change_seeds": 2}
        | {"change_ci_low": -0.3, "change_ci_high": -0.005, "change_unit": "images and seeds"}
        for epoch in range(1, epochs + 1)
        for method in methods
    ]
    seeds = [
        {"seed": seed, "epoch": epoch, "r": 0.4} for seed in "01" for epoch in range(1, epochs + 1)
    ]
    published = pd.DataFrame(
        {"epoch": [1, 20], "r": [0.452, 0.22], "ci_low": [0.4, 0.2], "ci_high": [0.5, 0.3]}
    )
    tables = pd.DataFrame(curve), pd.DataFrame(seeds), published
    return learning.decay(*tables, compared=compared, confidence=0.95, note=NOTE)


@pytest.mark.parametrize("epochs", [2, 20])
def test_the_decay_curve_stands_beside_the_published_points(epochs: int, tmp_path: Path) -> None:
    figure = decay_figure(categories=2, epochs=epochs)
    draw(figure, tmp_path)
    lines = {str(line.get_label()): line for line in figure.axes[0].lines}
    np.testing.assert_allclose(lines["pooled"].get_ydata(), 0.5 - 0.01 * np.arange(1, epochs + 1))
    assert "given the category" in lines
    points = next(line for name, line in lines.items() if name.startswith("published"))
    np.testing.assert_allclose(points.get_xydata(), [[1, 0.452], [20, 0.22]])
    assert figure.axes[0].get_xlim()[1] > 20, "both published points are inside"
    shown = texts(figure)
    assert "mean of 2 seeds" in shown
    assert f"falls between epoch 1 and epoch {epochs}" in shown
    assert "0.452" in shown
    assert NOTE in shown


def test_published_points_of_other_images_or_models_are_not_drawn() -> None:
    figure = decay_figure(categories=2, epochs=3, compared=False)
    axes = figure.axes[0]
    assert not any(str(line.get_label()).startswith("published") for line in axes.lines)
    assert "0.452" not in texts(figure)
    assert axes.get_xlim()[1] < 4, "nothing is kept free for them"


def test_the_decay_curve_of_a_single_category_is_given_nothing() -> None:
    lines = [str(line.get_label()) for line in decay_figure(categories=1, epochs=3).axes[0].lines]
    assert "given the category" not in lines


# Saving and naming


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        figure = by_memorability({"animal": ANIMALS, "food": FOOD})
        draw(figure, tmp_path / name)
    for kind in ("svg", "png"):
        first, second = (tmp_path / name / f"figure.{kind}" for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()


def test_saving_the_same_figure_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    figure = scores_by_category(
        images_of({"a": ANIMALS}), target="score", score="memorability as given", note=NOTE
    )
    assert draw(figure, tmp_path) == draw(figure, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.png", "figure.svg"]


def test_text_of_a_figure_stays_text_and_no_date_is_in_it(tmp_path: Path) -> None:
    svg = draw(by_memorability({"all": ANIMALS}), tmp_path)
    assert "mean r = 0.25 [0.12, 0.38]" in svg
    assert "<dc:date>" not in svg


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("mse", "MSE"),
        ("ssim", "SSIM"),
        ("mae", "MAE"),
        ("mean_lab_a", "Mean colour LAB A"),
        ("of_my_own", "of my own"),
    ],
)
def test_a_name_is_shown_as_a_reader_expects_it(name: str, shown: str) -> None:
    assert labels.label(name) == shown


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        (
            {"metric": "lpips_vgg", "loss": "lpips_vgg", "protocol": "external", "lr": ""},
            "LPIPS (VGG), external",
        ),
        (
            {"quantity": "distinctiveness", "protocol": "external", "loss": "theirs", "lr": ""},
            "Latents theirs, external",
        ),
        (
            {"metric": "lpips_vgg", "backbone": "random"},
            "LPIPS (VGG), random backbone, learning rate 1e-3, protocol paper, 2 seeds",
        ),
        (
            {"quantity": "distinctiveness", "metric": "nearest_neighbour", "loss": "style"},
            "Style loss, learning rate 1e-3, protocol paper, 2 seeds",
        ),
    ],
)
def test_a_title_names_the_model(changes: dict[str, Any], title: str) -> None:
    assert style.run_title(pd.DataFrame([correlation(**changes)])) == title


def test_planted_and_found_stand_in_one_row_each(tmp_path: Path) -> None:
    effects = pd.DataFrame(
        {
            "kind": ["category", "mean", "property"],
            "effect": ["food", "memorability", "saturation"],
            "planted": [0.06, 0.7, 0.09],
            "found": [0.05, 0.71, 0.2],
            "ci_low": [0.01, NAN, 0.15],
            "ci_high": [0.09, NAN, 0.25],
        }
    )
    figure = comparisons.planted_and_found(effects, confidence=0.95, note=NOTE)
    effect, level = panels(figure)
    names = [label.get_text() for label in effect.get_yticklabels()]
    assert names == ["Category food", "Saturation, per standard deviation"]
    planted, found = (line.get_xdata() for line in effect.get_lines()[:2])
    assert list(planted) == [0.06, 0.09]
    assert list(found) == [0.05, 0.2]
    assert list(level.get_lines()[0].get_xdata()) == [0.7]
    assert "95 % interval" in texts(figure)
    draw(figure, tmp_path)
