"""Do similar scores lie together: statistics by hand, permutations, degenerate studies."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy import stats
from scipy.spatial.distance import cdist

from memorability.base.seeding import numpy_stream
from memorability.report.where.latent_map import (
    latent_map_figure,
    latent_map_in_words,
    small_vae_in_words,
    write_latent_map,
)
from memorability.tables import store
from memorability.where.embeddings import latent_map
from memorability.where.embeddings.latent_map import (
    LatentMapSettings,
    embeddings_of,
    map_embeddings,
    moran,
    neighbour_correlation,
    neighbours,
    with_errors,
)

SETTINGS = LatentMapSettings(target="score", seed=0)
CURVE = pd.DataFrame({
    "step": [0, 25, 50], "training_loss": [np.nan, 1.3, 1.2], "validation_loss": [1.5, 1.3, 1.4],
    "held_out_loss": [1.42, 1.25, 1.2], "kept": [False, True, False], "trained_on": 70, "n": 37,
})  # fmt: skip


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
    write_latent_map(maps.tests, CURVE, tmp_path / "page.html", note="A note.")
    figure = latent_map_figure(placed, CURVE, images, target="score", score="memorability", note="")
    drawn = kind in ("equal scores", "each its category")
    assert (len(figure.axes) > 1) == drawn
    assert "no embedding" in latent_map_in_words(maps.tests[:0])


def test_the_legend_of_categories_covers_no_image() -> None:
    stream = numpy_stream(0, "legend")
    images = table(stream.normal(size=15), categories=5)
    maps = map_embeddings({"autoencoder": stream.normal(size=(15, 4))}, images, SETTINGS)
    errors = with_errors(maps.positions, images, images.assign(predicted=0.4), {})
    figure = latent_map_figure(errors, CURVE, images, target="score", score="memorability", note="")
    FigureCanvasAgg(figure).draw()
    (axes,) = [axes for axes in figure.axes if axes.get_legend()]
    assert not axes.get_legend().get_window_extent().overlaps(axes.get_window_extent())


def test_words_say_what_the_small_vae_learned() -> None:
    assert small_vae_in_words(CURVE) == (
        "The small VAE was trained on 70 training images. It begins as the mean image of these. Its "
        "loss on 37 test images fell from 1.42 to 1.25 nats per pixel value."
    )
    nothing = CURVE.assign(kept=[True, False, False], n=1)
    assert "Its loss on 1 test image did not fall below that of the mean image (1.42 " in (
        small_vae_in_words(nothing)
    )


def test_test_images_with_a_score_are_placed_with_their_errors(tmp_path: Path) -> None:
    stream = numpy_stream(0, "files")
    images = table(stream.uniform(size=30))
    images.loc[3, "score"] = np.nan
    split = np.where(np.arange(30) < 20, "test", "train")
    latents = stream.normal(size=(30, 5)).astype(np.float32)
    means = {"resnet50": stream.normal(size=(19, 7)).astype(np.float32)}
    np.savez(tmp_path / "means.npz", allow_pickle=False, **means)
    of_vae = images[:20].assign(x=np.arange(20.0), y=stream.normal(size=20))
    found, chosen = embeddings_of(latents, tmp_path / "means.npz", of_vae, images, split, SETTINGS)
    assert {name: values.shape for name, values in found.items()} == {
        "autoencoder": (19, 5), "small_vae": (19, 2), "resnet50": (19, 7),
    }  # fmt: skip
    assert found["autoencoder"][3] == pytest.approx(latents[4])
    assert found["small_vae"][3].tolist() == of_vae.loc[4, ["x", "y"]].tolist()
    maps = map_embeddings(found, chosen, SETTINGS)
    placed = maps.positions.groupby("embedding")["method"].unique().map(list).to_dict()
    assert placed == {
        "autoencoder": ["pca", "tsne"], "small_vae": ["means"], "resnet50": ["pca", "tsne"],
    }  # fmt: skip
    assert len(maps.positions) == 5 * 19
    on_plane = maps.positions[maps.positions["embedding"] == "small_vae"]
    np.testing.assert_array_equal(on_plane[["x", "y"]], found["small_vae"])
    predictions = images.assign(predicted=images["score"] + 0.25)
    errors = with_errors(maps.positions, chosen, predictions, {})
    assert errors.loc[errors["embedding"] == "autoencoder", "error"].to_numpy() == pytest.approx(
        0.25
    )
    assert errors.loc[errors["embedding"] != "autoencoder", "error"].isna().all()
    figure = latent_map_figure(errors, CURVE, images, target="score", score="memorability", note="")
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[4:6] == ["Its plane, by memorability", "Loss of the small VAE"]
    assert any("not predicted" in text.get_text() for axes in figure.axes for text in axes.texts)
    again = map_embeddings(found, chosen, SETTINGS)
    pd.testing.assert_frame_equal(maps.positions, again.positions)
