"""Figures of errors: what is printed is computed again from what is drawn."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.stats import spearmanr

from memorability.analysis.correlations import agreement_of_seeds
from memorability.report.figures import errors, style
from memorability.report.numbers import number

NOTE = "Observers are simulated."


def texts(figure: Figure) -> str:
    found = [text.get_text() for text in figure.findobj(Text) if text.get_visible()]  # type: ignore[attr-defined]
    return " ".join(" ".join(found).split())


def draw(figure: Figure, path: Path) -> None:
    style.save(figure, path / "figure.svg", path / "figure.png")
    assert (path / "figure.png").stat().st_size > 5000


def model(
    images: int, seeds: int = 2, loss: str = "mse", **changes: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return errors of a model, as gathered, and the image table."""
    rng = np.random.default_rng(len(loss))
    ids = [f"i{place:04d}" for place in range(images)]
    table = pd.DataFrame({"image_id": ids, "category": "all", "score": rng.random(images)})
    keys = {
        "quantity": "error", "metric": loss, "backbone": "none", "trained_by": "", "published": "",
        "sign": "distance", "model": "", "protocol": "paper", "loss": loss, "lr": "1e-3",
    }  # fmt: skip
    values = pd.concat(
        table[["image_id"]].assign(
            **keys | changes, seed=str(seed), value=table["score"] + rng.standard_normal(images)
        )
        for seed in range(seeds)
    )
    return values, table


def scatter(values: pd.DataFrame, images: pd.DataFrame) -> Figure:
    pooled = pd.DataFrame({"method": ["pooled"], "r": 0.25, "ci_low": 0.125, "ci_high": 0.375})
    return errors.errors_by_score(
        values, images, pooled, target="score", score="memorability as given", title="MSE",
        confidence=0.9, note=NOTE,
    )  # fmt: skip


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_the_r_of_a_panel_is_that_of_its_points(seeds: int, tmp_path: Path) -> None:
    values, images = model(50, seeds)
    figure = scatter(values, images)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == seeds
    for seed, axes in enumerate(panels):
        (points,) = axes.lines
        assert len(points.get_xdata()) == 50
        r = spearmanr(points.get_xdata(), points.get_ydata()).statistic
        name = f"seed {seed}: " if seeds > 1 else ""
        assert axes.get_title() == f"{name}r = {number(r)}, 50 images"
    shown = texts(figure)
    assert "r = 0.25 [0.12, 0.38]" in shown
    assert "90 % interval" in shown
    assert "memorability as given" in shown
    assert NOTE in shown
    draw(figure, tmp_path)


def test_equal_scores_have_no_r_and_their_figure_says_so(tmp_path: Path) -> None:
    values, images = model(12, 1)
    pooled = {"method": "pooled", "r": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    figure = errors.errors_by_score(
        values, images.assign(score=0.5), pd.DataFrame([pooled]), target="score", score="score",
        title="MSE", confidence=0.9, note=NOTE,
    )  # fmt: skip
    assert figure.axes[0].get_title() == "r undefined, 12 images"
    shown = texts(figure)
    assert "Spearman's r is undefined" in shown
    assert "interval" not in shown
    draw(figure, tmp_path)


def test_many_images_are_drawn_as_their_density(tmp_path: Path) -> None:
    values, images = model(errors.MOST_POINTS + 1, 1)
    figure = scatter(values, images)
    (density,) = [c for c in figure.axes[0].collections if isinstance(c, PolyCollection)]
    assert np.sum(density.get_array()) == errors.MOST_POINTS + 1
    draw(figure, tmp_path)


def test_errors_of_runs_that_diverged_are_not_drawn_but_named(tmp_path: Path) -> None:
    values, images = model(20)
    figure = scatter(values.assign(value=np.nan), images)
    assert "the runs diverged" in texts(figure)
    draw(figure, tmp_path)


def test_agreement_is_spearman_s_of_every_two_seeds() -> None:
    values, _ = model(30, 3)
    values.loc[(values["seed"] == "2") & (values["image_id"] == "i0003"), "value"] = np.nan
    found = agreement_of_seeds(values)
    # The third seed diverged.
    assert list(zip(found["first"], found["second"], strict=True)) == [("0", "1")]
    first, second = (values.loc[values["seed"] == seed, "value"] for seed in "01")
    assert found["r"].iloc[0] == pytest.approx(spearmanr(first, second).statistic)
    assert found["n"].iloc[0] == 30


def test_equal_errors_agree_with_nothing() -> None:
    values, _ = model(30)
    found = agreement_of_seeds(values.assign(value=1.0))
    assert found["r"].isna().all()


def test_agreement_has_a_row_per_model_and_a_point_per_pair(tmp_path: Path) -> None:
    values = pd.concat([model(30, 3)[0], model(30, 2, loss="style", lr="5e-6")[0]])
    agreement = agreement_of_seeds(values)
    figure = errors.seed_agreement(agreement, note=NOTE)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "MSE, learning rate 1e-3 (3 pairs)", "Style loss, learning rate 5e-6 (1 pair)",
    ]  # fmt: skip
    points = [line.get_xdata() for line in axes.lines if line.get_marker() == "o"]
    means = [line.get_xdata() for line in axes.lines if line.get_marker() == "|"]
    for loss, drawn, mean in zip(("mse", "style"), points, means, strict=True):
        r = agreement.loc[agreement["loss"] == loss, "r"]
        np.testing.assert_array_equal(drawn, r)
        assert mean[0] == pytest.approx(r.mean())
        assert number(r.mean()) in texts(figure)
    draw(figure, tmp_path)


def test_one_seed_has_nothing_to_agree_with(tmp_path: Path) -> None:
    agreement = agreement_of_seeds(model(30, 1)[0])
    assert agreement.empty
    figure = errors.seed_agreement(agreement, note=NOTE)
    assert "No model has two seeds." in texts(figure)
    draw(figure, tmp_path)


@pytest.mark.parametrize("count", [1, 6])
def test_reconstructions_stand_below_their_originals(count: int, tmp_path: Path) -> None:
    kinds = ["best"] * count + ["worst"] * count
    shown = pd.DataFrame(
        {"kind": kinds, "value": np.arange(2 * count) / 100, "score": 0.5, "image_id": "i"}
    )
    originals = np.full((2 * count, 3, 8, 8), 200, dtype=np.uint8)
    originals += np.arange(2 * count, dtype=np.uint8)[:, None, None, None]
    reconstructed = originals - 100
    figure = errors.reconstructions(
        shown, originals, reconstructed, target="score", score="as given", title="MSE", note=NOTE
    )
    for place, part in enumerate(figure.subfigs):
        drawn = [int(np.asarray(axes.images[0].get_array()).max()) for axes in part.axes]
        expected = list(range(place * count, (place + 1) * count))
        assert drawn == [200 + k for k in expected] + [100 + k for k in expected]
    draw(figure, tmp_path)
    assert "error 0.01 score 0.50" in texts(figure)
    # Every reconstruction is its original, 100 grey levels darker.
    assert "vary 100 % as much" in texts(figure)
    assert "The smallest errors" in texts(figure)


def test_reconstructions_that_are_all_alike_are_called_so(tmp_path: Path) -> None:
    shown = pd.DataFrame({"kind": ["best", "worst"], "value": [0.1, 0.2], "score": 0.5})
    originals = np.zeros((2, 3, 8, 8), dtype=np.uint8)
    originals[1] = 100
    # Standard deviations over the two images: 50 of the originals, 2 of the reconstructions.
    reconstructed = np.where(originals, 14, 10).astype(np.uint8)
    figure = errors.reconstructions(
        shown, originals, reconstructed, target="score", score="as given", title="MSE", note=NOTE
    )
    draw(figure, tmp_path)
    assert "reconstructions vary 4 % as much as those of originals" in texts(figure)
