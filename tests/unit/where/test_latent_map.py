"""Do similar scores lie together: statistics by hand, permutations, degenerate studies."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from memorability.base.seeding import numpy_stream
from memorability.report.where.latent_map import (
    latent_map_figure,
    latent_map_in_words,
    write_latent_map,
)
from memorability.tables import store
from memorability.where import latent_map
from memorability.where.latent_map import (
    LatentMapSettings,
    embeddings_of,
    map_embeddings,
    moran,
    neighbour_correlation,
    neighbours,
    with_errors,
)

SETTINGS = LatentMapSettings(target="score", seed=0)


@pytest.fixture(autouse=True)
def fewer_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_map, "PERMUTATIONS", 199)


def table(scores: np.ndarray, categories: int = 1) -> pd.DataFrame:
    numbers = np.arange(len(scores))
    images = pd.DataFrame({"image_id": [f"i{n:03d}" for n in numbers], "score": scores})
    return images.assign(category=[f"c{n % categories}" for n in numbers], subcategory="")


def test_statistics_are_those_of_their_definitions() -> None:
    stream = numpy_stream(0, "points")
    points, scores = stream.normal(size=(40, 3)), stream.normal(size=40)
    nearest = neighbours(points)
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    expected = np.argsort(distances, axis=1)[:, :8]
    assert np.array_equal(np.sort(nearest, axis=1), np.sort(expected, axis=1))
    around = scores[expected].mean(axis=1)
    assert neighbour_correlation(scores, nearest) == pytest.approx(
        stats.spearmanr(scores, around).statistic
    )
    weights = np.zeros((40, 40))
    weights[np.arange(40)[:, None], expected] = 1
    centred = scores - scores.mean()
    exact = 40 / weights.sum() * (centred @ weights @ centred) / (centred @ centred)
    assert moran(scores, nearest) == pytest.approx(exact)
    assert np.isnan(moran(np.ones(40), nearest))
    assert np.isnan(neighbour_correlation(np.ones(40), nearest))


def test_scores_that_lie_together_are_found_and_those_of_categories_alone_vanish() -> None:
    stream = numpy_stream(0, "planted")
    line = stream.normal(size=80)
    along = table(line + stream.normal(0, 0.3, 80), categories=2)
    of_category = table(np.tile([0.0, 1.0], 40) + stream.normal(0, 0.1, 80), categories=2)
    for images, within in ((along, True), (of_category, False)):
        points = np.stack([line, stream.normal(0, 0.1, 80)], axis=1)
        if not within:
            points[:, 0] += 20 * (np.arange(80) % 2)
        tests = map_embeddings({"autoencoder": points}, images, SETTINGS).tests
        rows = tests.set_index(["given", "statistic"])
        assert set(rows.index.get_level_values(0)) == {"nothing", "category"}
        assert (rows.loc["nothing", "p"] == 1 / 200).all()
        assert ((rows.loc["category", "p"] < 0.02) == within).all()
        assert (rows["null_low"] < rows["null_high"]).all()
        said = latent_map_in_words(tests)
        assert "images with similar scores lie together" in said
        assert ("within each category, too" in said) == within


def test_shuffled_scores_are_found_as_often_as_they_should_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(latent_map, "PERMUTATIONS", 39)
    found = 0
    for seed in range(60):
        stream = numpy_stream(seed, "null")
        images = table(stream.normal(size=24), categories=3)
        nearest = neighbours(stream.normal(size=(24, 2)))
        labels = images["category"].to_numpy(dtype=str)
        rows = list(latent_map._tested(images["score"].to_numpy(), labels, nearest, seed))
        found += rows[1]["p"] <= 0.1
    assert found <= 14  # of 60 at 10 %, with chance above in 1 of 1,000


def test_subcategories_are_given_where_they_tell_more() -> None:
    stream = numpy_stream(0, "labels")
    images = table(stream.normal(size=30), categories=2)
    images["subcategory"] = [f"s{n % 6}" for n in range(30)]
    tests = map_embeddings({"resnet50": stream.normal(size=(30, 4))}, images, SETTINGS).tests
    assert set(tests["given"]) == {"nothing", "category", "subcategory"}
    same = images.assign(subcategory=images["category"])
    tests = map_embeddings({"resnet50": stream.normal(size=(30, 4))}, same, SETTINGS).tests
    assert set(tests["given"]) == {"nothing", "category"}


@pytest.mark.parametrize("kind", ["one", "nine", "alike", "equal scores", "each its category"])
def test_studies_that_hold_nothing_end_in_a_sentence_and_a_figure(
    kind: str, tmp_path: Path
) -> None:
    stream = numpy_stream(0, kind)
    count = {"one": 1, "nine": 9}.get(kind, 12)
    points, scores = stream.normal(size=(count, 2)), stream.normal(0, 0.1, count)
    images = table(scores, categories=12 if kind == "each its category" else 1)
    if kind == "alike":
        points[:] = 1.0
    if kind == "equal scores":
        images["score"] = 0.5
    maps = map_embeddings({"autoencoder": points}, images, SETTINGS)
    store.write(maps.tests, tmp_path / "tests.parquet", "latent_map")
    placed = with_errors(maps.positions, images, images.assign(predicted=0.4), {})
    placed = store.write(placed, tmp_path / "placed.parquet", "latent_positions")
    said = latent_map_in_words(maps.tests)
    assert ("nothing can be tested" in said) == (kind != "each its category")
    write_latent_map(maps.tests, tmp_path / "page.html", note="A note.")
    figure = latent_map_figure(placed, images, target="score", score="memorability", note="")
    drawn = kind in ("equal scores", "each its category")
    assert (len(figure.axes) > 1) == drawn
    assert "no embedding" in latent_map_in_words(maps.tests[:0])


def test_test_images_with_a_score_are_placed_with_their_errors(tmp_path: Path) -> None:
    stream = numpy_stream(0, "files")
    images = table(stream.uniform(size=30))
    images.loc[3, "score"] = np.nan
    split = np.where(np.arange(30) < 20, "test", "train")
    latents = stream.normal(size=(30, 5)).astype(np.float32)
    means = {"resnet50": stream.normal(size=(19, 7)).astype(np.float32)}
    np.savez(tmp_path / "means.npz", allow_pickle=False, **means)
    found, chosen = embeddings_of(latents, tmp_path / "means.npz", images, split, SETTINGS)
    assert {name: values.shape for name, values in found.items()} == {
        "autoencoder": (19, 5), "resnet50": (19, 7),
    }  # fmt: skip
    assert found["autoencoder"][3] == pytest.approx(latents[4])
    maps = map_embeddings(found, chosen, SETTINGS)
    assert set(maps.positions["method"]) == {"pca", "tsne"}
    assert len(maps.positions) == 2 * 2 * 19
    predictions = images.assign(predicted=images["score"] + 0.25)
    errors = with_errors(maps.positions, chosen, predictions, {})
    assert errors.loc[errors["embedding"] == "autoencoder", "error"].to_numpy() == pytest.approx(
        0.25
    )
    assert errors.loc[errors["embedding"] == "resnet50", "error"].isna().all()
    figure = latent_map_figure(errors, images, target="score", score="memorability", note="")
    assert any("not predicted" in text.get_text() for axes in figure.axes for text in axes.texts)
    again = map_embeddings(found, chosen, SETTINGS)
    pd.testing.assert_frame_equal(maps.positions, again.positions)
