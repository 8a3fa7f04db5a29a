from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats
from skimage import filters
from skimage.metrics import structural_similarity
from torch import nn

from memorability.explanation.checks import BASELINES, RANDOMISED, SHARES, Checks, curves
from memorability.explanation.explaining import explain_images
from memorability.explanation.names import MAP_MEASURES, ORDERS
from memorability.tables import store
from tests.unit.explanation.problems import SETTINGS, problem, small_model, small_predictor

DRAWS = 2


class Linear(nn.Module):
    """The sum of an image's values times weights (3, H, W)."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images * self.weights).sum(dim=(1, 2, 3))


def test_curves_of_a_linear_function_are_sums_of_its_attributions() -> None:
    generator = torch.Generator().manual_seed(0)
    image, baseline = torch.rand(2, 1, 3, 10, 10, generator=generator)
    weights = torch.randn(3, 10, 10, generator=generator)
    attributions = (weights * (image - baseline)[0]).numpy()
    order = np.random.default_rng(0).permutation(100)
    pixels = attributions.sum(axis=0).ravel().astype(np.float64)
    orders = [np.argsort(-pixels), order]
    scores = curves(Linear(weights), image, baseline, orders, per_pass=7)
    start, end = (float(Linear(weights)(ends)) for ends in (baseline, image))
    counts = np.rint(SHARES * 100).astype(int)
    for place, values in enumerate((np.sort(pixels)[::-1], pixels[order])):
        moved = np.concatenate([[0], np.cumsum(values)])[counts]
        np.testing.assert_allclose(scores[0, place], end - moved, atol=1e-4)
        np.testing.assert_allclose(scores[1, place], start + moved, atol=1e-4)
    assert (scores[0, 0] <= scores[0, 1] + 1e-4).all(), "no order lowers a linear score faster"


@cache
def checked(weight: float = 1.0) -> tuple[Checks, np.ndarray, dict[str, np.ndarray]]:
    """Return the checks, the maps of one image and its results."""
    pixels, _, predictions = problem()
    checks = Checks.of(
        small_model(),
        small_predictor(weight),
        pixels,
        predictions,
        SETTINGS.explainer,
        DRAWS,
        "cpu",
    )
    explained = explain_images(checks.explainer, checks.network, pixels[6:7])
    own = explained["map"][0].astype(np.float32) * np.float32(explained["scale"][0])
    return checks, own, checks.check_image("image_06", pixels[6], own, per_pass=8)


def test_similarities_are_those_of_scipy_and_scikit_image() -> None:
    checks, own, result = checked()
    pixels = problem()[0]
    other, _ = checks.explainer.attribute(checks.network, pixels[6], "zeros", 8)
    row = checks.pairs.index(("baseline", "blurred_mean", "zeros", 0))
    own, other = own.astype(np.float64), other.astype(np.float64)
    first, second = (np.abs(values).sum(axis=0) for values in (own, other))
    rank = stats.spearmanr(first.ravel(), second.ravel()).statistic
    signed = stats.spearmanr(own.sum(axis=0).ravel(), other.sum(axis=0).ravel()).statistic
    ours = dict(zip(MAP_MEASURES, result["similarities"][row], strict=True))
    assert ours["map_absolute"] == pytest.approx(rank, abs=1e-9)
    assert ours["map_signed"] == pytest.approx(signed, abs=1e-9)
    _, full = structural_similarity(
        first / first.max(), second / second.max(), data_range=1, full=True,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    # Ours takes only windows inside the map.
    assert ours["map_ssim"] == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-4)


def test_every_baseline_and_random_part_is_compared() -> None:
    checks, _, result = checked()
    parts = [(part, draw) for part in RANDOMISED for draw in range(DRAWS)]
    assert checks.variants == [*((name, 0) for name in BASELINES[1:]), *parts]
    assert len(checks.pairs) == 6 + 2 * DRAWS + 2
    made = checks.tables(["image_06", "image_07"], [result, result])
    for table, name, rows in zip(
        made,
        ("attribution_variants", "attribution_similarity", "attribution_curves"),
        (3 + 2 * DRAWS, 8 + 2 * DRAWS, 8 * len(SHARES)),
        strict=True,
    ):
        key, schema = store.SCHEMAS[name]
        schema.validate(table[list(schema.columns)])
        assert len(table) == 2 * rows
        assert not table.duplicated(list(key)).any()


def test_a_score_curve_begins_and_ends_with_image_and_baseline() -> None:
    checks, _, result = checked()
    pixels = problem()[0]
    _, row = checks.explainer.attribute(checks.network, pixels[6], "blurred_mean", 8)
    ends = [row["predicted"][0], row["predicted_baseline"][0]]
    for order in range(len(ORDERS)):
        np.testing.assert_allclose(result["scores"][0, order, [0, -1]], ends, atol=1e-6)
        np.testing.assert_allclose(result["scores"][1, order, [-1, 0]], ends, atol=1e-6)


def test_maps_of_a_predictor_that_ignores_its_input_are_like_none() -> None:
    _, own, result = checked(weight=0.0)
    assert not own.any()
    # The pictures without a network are never compared with one another.
    assert np.isnan(result["similarities"]).all()
    assert np.ptp(result["scores"]) == 0


def test_every_draw_has_other_weights_and_the_trained_encoder_is_kept_once() -> None:
    checks, _, result = checked()
    similarities = dict(zip(checks.pairs, result["similarities"], strict=True))
    for part in RANDOMISED:
        of_draws = [similarities["weights", "trained", part, draw][0] for draw in range(DRAWS)]
        assert len(set(of_draws)) == DRAWS
    shared = {
        id(network.encoder) for (part, _), network in checks.random.items() if part == "predictor"
    }
    assert shared == {id(checks.network.encoder)}


def test_pictures_without_a_network_are_the_distance_to_the_baseline_and_edges() -> None:
    checks, own, result = checked()
    pixels = problem()[0][6]
    image = pixels.astype(np.float64) / 255
    baseline = checks.explainer.blurred_mean[0].numpy().astype(np.float64)
    luminance = np.tensordot([0.2125, 0.7154, 0.0721], image, axes=1)
    pictures = {
        "difference": np.abs(image - baseline).sum(axis=0), "edges": filters.sobel(luminance),
    }  # fmt: skip
    absolute = np.abs(own.astype(np.float64)).sum(axis=0)
    for name, picture in pictures.items():
        row = checks.pairs.index(("reference", "trained", name, 0))
        expected = stats.spearmanr(absolute.ravel(), picture.ravel()).statistic
        assert result["similarities"][row, 0] == pytest.approx(expected, abs=1e-4)
    # Half-way, deletion by a picture has deleted the half of the pixels where it is largest.
    network, start = checks.network, checks.explainer.blurred_mean
    for name, picture in pictures.items():
        above = torch.from_numpy(picture >= np.median(picture))
        half = torch.where(above, start, torch.from_numpy(image).float()[None])
        expected = float(network(half))
        place = list(SHARES).index(0.5)
        assert result["scores"][0, ORDERS.index(name), place] == pytest.approx(expected, abs=1e-5)


def test_pixels_of_one_value_come_at_random() -> None:
    pixels, _, predictions = problem()
    pixels = pixels.copy()
    pixels[6] = 100
    given = (small_model(), small_predictor(), pixels, predictions, SETTINGS.explainer, 1, "cpu")
    checks = Checks.of(*given)
    own = np.ones((3, 32, 32), dtype=np.float32)
    scores = checks.check_image("image_06", pixels[6], own, per_pass=8)["scores"]
    # A plain image has no edges: their order is the random one.
    np.testing.assert_array_equal(
        scores[:, ORDERS.index("edges")], scores[:, ORDERS.index("random")]
    )
