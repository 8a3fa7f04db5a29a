"""The forest plot, read back from its artists."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from memorability.report.figures import style
from memorability.report.figures.decomposition import within_between
from memorability.report.wording import in_words

NOTE = "Observers are simulated."
ROWS: list[tuple[str, str, float]] = [
    ("all", "pooled", 0.5), ("animal", "within", 0.2), ("food", "within", 0.1),
    ("all", "partial", 0.15), ("all", "mean_within", 0.15), ("all", "between_category", 0.9),
    ("all", "part_between_category", 0.4), ("animal", "without", 0.3), ("food", "without", -0.2),
]  # fmt: skip


def model(quantity: str = "error", **changes: Any) -> pd.DataFrame:
    base: dict[str, Any] = {
        "quantity": quantity, "metric": "mse",
        "backbone": "none", "trained_by": "", "published": "",
        "sign": "distance", "model": "",
        "protocol": "paper", "loss": "mse", "lr": "1e-3",
        "selected": True, "target": "score", "n": 64, "seeds": 2, "ci_method": "percentile",
        "unit": "subcategories and seeds", "not_tested": "", "seed_agreement": 0.9,
        "strata": 2, "rates": 1, "ceiling": 0.9, "baseline": "category_mean", "baseline_n": 20,
        "baseline_r": 0.45, "baseline_difference": 0.05, "baseline_ci_low": 0.01,
        "baseline_ci_high": 0.09, "beats_baseline": "yes",
    }  # fmt: skip
    table = pd.DataFrame(
        [base | {"group": group, "method": method, "r": r} for group, method, r in ROWS]
    )
    table = table.assign(
        ci_images_low=table["r"] - 0.05, ci_images_high=table["r"] + 0.05,
        ci_low=table["r"] - 0.08, ci_high=table["r"] + 0.08, ceiling_share=table["r"] / 0.9,
        ceiling_share_low=np.nan, ceiling_share_high=np.nan,
    )  # fmt: skip
    return table.assign(**changes)


def drawn(figure: Figure, tmp_path: Path) -> str:
    style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000
    return (tmp_path / "a.svg").read_text()


def test_rows_are_in_the_order_of_reading_and_every_model_has_a_panel(tmp_path: Path) -> None:
    figure = within_between([model(), model("distinctiveness")], confidence=0.95, note=NOTE)
    left, right = figure.axes
    assert [tick.get_text() for tick in left.get_yticklabels()] == [
        "all images, pooled", "given the category", "mean within categories", "within animal",
        "within food", "between category means", "pooled, without animal", "pooled, without food",
    ]  # fmt: skip
    assert left.get_title().startswith("Reconstruction error\nMSE, learning rate 1e-3")
    assert right.get_title().startswith("Latent distinctiveness")
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the first row is on top
    text = drawn(figure, tmp_path)
    assert NOTE in text
    assert in_words(model(), confidence=0.95)[:30] not in text, "words are a page of their own"


def test_points_intervals_ceilings_and_baseline_are_where_the_table_says() -> None:
    (axes,) = within_between([model()], confidence=0.95, note="").axes
    clusters, images = axes.collections
    assert str(clusters.get_label()).endswith("interval for new subcategories and seeds")
    r = [0.5, 0.15, 0.15, 0.2, 0.1, 0.9, 0.3, -0.2]
    for lines, half in ((clusters, 0.08), (images, 0.05)):
        ends = np.array([segment[:, 0] for segment in lines.get_segments()])
        np.testing.assert_allclose(ends, np.add(np.array([r, r]).T, [-half, half]))
    _, points, ceilings, baseline = axes.lines
    np.testing.assert_allclose(points.get_xdata(), r)
    # All on the side of the pooled correlation, that of a negative row too.
    np.testing.assert_allclose(ceilings.get_xdata(), 0.9)
    assert (baseline.get_xdata()[0], baseline.get_ydata()[0]) == (0.45, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_baseline_of_the_other_sign_is_drawn_on_the_side_of_the_correlation(sign: int) -> None:
    table = model(baseline_r=-0.45 * sign).assign(r=lambda rows: rows["r"] * sign)
    (axes,) = within_between([table], confidence=0.95, note="").axes
    assert axes.lines[3].get_xdata()[0] == 0.45 * sign
    np.testing.assert_allclose(axes.lines[2].get_xdata(), 0.9 * sign)


def test_what_has_no_correlation_says_why_and_unknown_ceilings_are_left_out(tmp_path: Path) -> None:
    table = model(ceiling=np.nan, ceiling_share=np.nan, baseline_r=np.nan, beats_baseline="")
    lost = table["method"] == "between_category"
    table.loc[lost, ["r", "ci_low", "ci_high"]] = np.nan
    table.loc[lost, "ci_method"] = "undefined (fewer than 3 groups)"
    text = drawn(within_between([table], confidence=0.95, note=""), tmp_path)
    assert "no r: fewer than 3 groups" in text
    for unknown in ("ceiling", "baseline"):
        assert unknown not in text, "a legend names what is drawn"


def test_one_category_has_its_own_short_forest(tmp_path: Path) -> None:
    table = model()
    pooled = table[table["method"] == "pooled"]
    # The only category of a study without labels is called "all".
    twice = pd.concat([pooled, pooled.assign(method="within")], ignore_index=True)
    figure = within_between([twice], confidence=0.95, note="")
    assert len(figure.axes[0].get_yticklabels()) == 1
    drawn(figure, tmp_path)
