"""Memorability beside attributes: against independent references and hand-worked cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from memorability.attributes.comparing import (
    AttributeSettings,
    compare_attributes,
    quartile_numbers,
)
from memorability.base.seeding import numpy_stream
from memorability.report.attributes.figures import attributes_figure, sources_figure
from memorability.report.attributes.tables import (
    attributes_in_words,
    sources_in_words,
    write_attributes,
    write_sources,
)
from memorability.statistics.inference import difference_inference, one_sided
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store

SETTINGS = AttributeSettings(target="score", bootstrap=Bootstrap(1000, 0.95, 0))
TABLES = ("attributes", "quartiles", "sources", "tests")


def images_of(scores: np.ndarray, **labels: object) -> pd.DataFrame:
    ids = [f"i{place:03d}" for place in range(len(scores))]
    plain = {"image_id": ids, "category": "", "subcategory": "", "score": scores}
    return pd.DataFrame(plain | labels)


def number(name: str, images: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame({"image_id": images["image_id"], "number": values})
    return table.assign(attribute=name, kind="number", label="")


def label(name: str, images: pd.DataFrame, values: object) -> pd.DataFrame:
    table = pd.DataFrame({"image_id": images["image_id"], "label": values})
    return table.assign(attribute=name, kind="label", number=np.nan)


@pytest.fixture
def planted() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return attributes and 120 images: popularity goes with scores through the source alone."""
    stream = numpy_stream(3, "attributes")
    source = np.repeat([0, 1, 2], 40)
    images = images_of(0.5 + 0.1 * source + 0.05 * stream.normal(size=120))
    popularity = source + 0.3 * stream.normal(size=120)
    parts = [
        number("popularity", images, popularity),
        number("aesthetics", images[:50], stream.normal(size=50)),
        number("same_for_all", images, np.ones(120)),
        label("source", images, np.asarray(["Flickr", "SUN", "Art"])[source]),
    ]
    return pd.concat(parts, ignore_index=True), images


def test_correlations_are_spearmans_and_vanish_given_the_source(
    planted: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    attributes, images = planted
    found = compare_attributes(attributes, images, SETTINGS).attributes
    rows = found.set_index(["attribute", "given"])
    popularity = attributes.loc[attributes["attribute"] == "popularity", "number"]
    assert rows.loc[("popularity", "nothing"), "r"] == pytest.approx(
        stats.spearmanr(popularity, images["score"]).statistic
    )
    ranks = [stats.rankdata(values) for values in (popularity, images["score"])]
    source = np.repeat([0, 1, 2], 40)
    left = [r - pd.Series(r).groupby(source).transform("mean") for r in ranks]
    given = rows.loc[("popularity", "source")]
    assert given["r"] == pytest.approx(np.corrcoef(*left)[0, 1])
    assert given["ci_low"] < 0 < given["ci_high"]
    assert (rows.loc["aesthetics", "n"] == 50).all()
    assert rows.loc["same_for_all", ["r", "p"]].isna().all(axis=None)
    known = found["p"].notna()
    reference = multipletests(found.loc[known, "p"], method="holm")[1]
    assert found.loc[known, "p_holm"].to_numpy() == pytest.approx(reference)
    said = attributes_in_words(found)
    assert "More memorable images have higher popularity" in said
    assert "Among images of one source this is not shown" in said
    assert "Aesthetics is not shown" in said
    assert "Same for all: there is no correlation" in said


def test_quartiles_hold_equal_scores_together() -> None:
    assert quartile_numbers(np.asarray([5, 1, 2, 3, 8, 7, 6, 4])).tolist() == [
        3,
        1,
        1,
        2,
        4,
        4,
        3,
        2,
    ]
    assert quartile_numbers(np.asarray([0.5, 0.5, 0.5, 0.9])).tolist() == [2, 2, 2, 4]
    assert quartile_numbers(np.asarray([0.5])).tolist() == [4]


def test_quartiles_have_the_mean_of_the_attribute() -> None:
    images = images_of(np.arange(40) / 40)
    found = compare_attributes(number("rank", images, np.arange(40.0)), images, SETTINGS).quartiles
    assert found["mean"].tolist() == [4.5, 14.5, 24.5, 34.5]
    assert found["n"].tolist() == [10] * 4
    assert (found["ci_low"] < found["mean"]).all()
    assert (found["mean"] < found["ci_high"]).all()


def test_sources_are_tested_in_both_directions(planted: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    attributes, images = planted
    compared = compare_attributes(attributes, images, SETTINGS)
    tests = compared.tests.set_index(["first", "second"])
    art, flickr = images["score"][80:], images["score"][:40]
    pair = tests.loc[("Art", "Flickr")]
    assert pair["difference"] == pytest.approx(art.mean() - flickr.mean())
    welch = stats.ttest_ind(art, flickr, equal_var=False, alternative="greater")
    assert pair["p_welch"] == pytest.approx(welch.pvalue)
    # The bootstrap's standard error is Welch's, but for chance.
    assert pair["ci_low"] == pytest.approx(
        stats.ttest_ind(art, flickr, equal_var=False).confidence_interval().low, abs=0.004
    )
    other = tests.loc[("Flickr", "Art")]
    assert pair["p"] + other["p"] == pytest.approx(1)
    assert (pair["ci_low"], pair["ci_high"]) == (-other["ci_high"], -other["ci_low"])
    assert pair["p_holm"] < 0.05 < other["p_holm"]
    said = sources_in_words(compared.sources, compared.tests)
    assert "highest mean score is that of Art" in said
    assert "Of 3 pairs, 3 could be tested and 3 differ" in said


def test_one_sided_p_goes_with_the_sign() -> None:
    assert (one_sided(0.1, 0.04), one_sided(-0.1, 0.04)) == (0.02, 0.98)


def test_subcategories_are_drawn_where_both_labels_have_ten() -> None:
    stream = numpy_stream(0, "clusters")
    groups = np.repeat(np.arange(24), 5)
    scores = np.repeat(0.2 * stream.normal(size=24), 5) + 0.01 * stream.normal(size=120)
    rows = images_of(scores, subcategory=groups.astype(str))
    first, second = rows[groups < 12], rows[groups >= 12]
    found = difference_inference(first, second, "score", SETTINGS.bootstrap)
    assert found.unit == "subcategories"
    few = difference_inference(rows[groups < 3], second, "score", SETTINGS.bootstrap)
    assert few.unit == "images"
    # Of whole subcategories the interval is about that of 12 means each.
    means = rows.groupby(groups)["score"].mean()
    reference = stats.ttest_ind(means[:12], means[12:]).confidence_interval()
    width = found.interval.high - found.interval.low
    assert width == pytest.approx(reference.high - reference.low, rel=0.15)


@pytest.mark.parametrize("count", [0, 1, 3, 12])
def test_few_images_end_in_sentences(tmp_path: Path, count: int) -> None:
    images = images_of(np.linspace(0.2, 0.8, 12))
    attributes = pd.concat(
        [
            number("popularity", images[:count], np.arange(float(count))),
            label("source", images[:count], ["one", *["other"] * (count - 1)][:count]),
        ]
    )
    compared = compare_attributes(attributes, images, SETTINGS)
    for name, schema in zip(TABLES, ("attributes", "attribute_quartiles", "sources", "source_tests"),
                            strict=True):  # fmt: skip
        store.write(getattr(compared, name), tmp_path / f"{name}.parquet", schema)
    # A source of one image is shown, and not tested.
    assert compared.tests["p"].isna().all()
    write_attributes(compared.attributes, compared.quartiles, tmp_path / "a.html", note="A note.")
    write_sources(compared.sources, compared.tests, tmp_path / "s.html", note="A note.")
    shared = {"score": "memorability", "note": "A note."}
    figure = attributes_figure(compared.attributes, compared.quartiles, **shared)
    figure.savefig(tmp_path / "a.png")
    figure = sources_figure(attributes, compared.tests, images, target="score", **shared)
    figure.savefig(tmp_path / "s.png")
    for page in ("a.html", "s.html"):
        text = (tmp_path / page).read_text(encoding="utf-8")
        assert "nan" not in text.lower()
    said = attributes_in_words(compared.attributes)
    assert said == "No attribute is a number." if not count else "opularity" in said
