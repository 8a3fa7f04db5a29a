import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from memorability.explanation.integrated_gradients import (
    converged,
    images_per_pass,
    integrated_gradients,
    summarise_attributions,
)
from memorability.explanation.starts import baseline_images, blurred_mean_baseline

# Baseline image


def test_baseline_of_two_uniform_images_is_their_mean() -> None:
    pixels = np.zeros((2, 20, 20, 3), dtype=np.uint8)
    pixels[0] = 255
    pixels[1, ..., 2] = 51
    baseline = blurred_mean_baseline(pixels)
    assert baseline.shape == (1, 3, 20, 20)
    assert baseline.dtype == torch.float32
    expected = torch.tensor([0.5, 0.5, 0.6]).reshape(1, 3, 1, 1).expand_as(baseline)
    torch.testing.assert_close(baseline, expected)


def test_baseline_of_a_point_is_the_documented_gaussian() -> None:
    pixels = np.zeros((1, 31, 31, 3), dtype=np.uint8)
    pixels[0, 15, 15, 1] = 255
    offsets = np.arange(-7, 8)
    sigma = 0.3 * ((15 - 1) * 0.5 - 1) + 0.8
    assert sigma == pytest.approx(2.6)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    expected = np.zeros((31, 31))
    expected[8:23, 8:23] = np.outer(weights, weights)
    baseline = blurred_mean_baseline(pixels)[0]
    np.testing.assert_allclose(baseline[1], expected, atol=1e-7)
    assert baseline[0].abs().sum() == baseline[2].abs().sum() == 0


def test_baseline_averages_over_blocks_and_memory_maps(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, size=(150, 6, 9, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    mean = pixels.mean(axis=0).transpose(2, 0, 1)[None] / 255
    # A kernel of one pixel blurs nothing.
    np.testing.assert_allclose(blurred_mean_baseline(mapped, kernel=1), mean, rtol=1e-6)


def test_baseline_is_that_of_the_named_rows_alone() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    rows = np.array([0, 3])
    np.testing.assert_array_equal(
        blurred_mean_baseline(pixels, rows=rows, kernel=3),
        blurred_mean_baseline(pixels[rows], kernel=3),
    )
    assert not np.array_equal(
        blurred_mean_baseline(pixels, rows=rows, kernel=3), blurred_mean_baseline(pixels, kernel=3)
    )


def test_baseline_stays_within_the_unit_interval() -> None:
    baseline = blurred_mean_baseline(np.full((3, 16, 16, 3), 255, dtype=np.uint8))
    assert (baseline <= 1).all()
    torch.testing.assert_close(baseline, torch.ones(1, 3, 16, 16))


@pytest.mark.parametrize("kernel", [14, 0, -3, 13])
def test_baseline_rejects_an_unusable_kernel(kernel: int) -> None:
    with pytest.raises(ValueError, match=f"blur kernel is {kernel} for images of 12×20"):
        blurred_mean_baseline(np.zeros((1, 12, 20, 3), dtype=np.uint8), kernel=kernel)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((0, 20, 20, 3), dtype=np.uint8),
        np.zeros((2, 3, 20, 20), dtype=np.uint8),
        np.zeros((20, 20, 3), dtype=np.uint8),
        np.zeros((2, 20, 20, 3), dtype=np.float32),
    ],
)
def test_baseline_rejects_other_than_uint8_images(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="images of the baseline"):
        blurred_mean_baseline(pixels)


# Baselines by name


def named(name: str, images: torch.Tensor, seed: int = 0) -> torch.Tensor:
    mean = torch.full((1, 3, 8, 8), 0.25)
    return baseline_images(name, images, mean, kernel=3, seed=seed)


def test_every_baseline_is_an_image_for_each_image() -> None:
    images = random_images()
    for name in ("blurred_mean", "zeros", "blurred_image", "uniform_noise"):
        baseline = named(name, images)
        assert baseline.shape == images.shape, name
        assert baseline.dtype == torch.float32, name
        assert ((baseline >= 0) & (baseline <= 1)).all(), name
    assert (named("blurred_mean", images) == 0.25).all()
    assert (named("zeros", images) == 0).all()


def test_a_blurred_image_is_the_blur_of_that_image_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    image = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    others = torch.cat([image, random_images(2)])
    torch.testing.assert_close(
        named("blurred_image", others)[:1], blurred_mean_baseline(pixels, kernel=3)
    )


def test_noise_is_one_image_that_follows_from_the_seed() -> None:
    first = named("uniform_noise", random_images(2))
    torch.testing.assert_close(first[0], first[1], atol=0, rtol=0)
    torch.testing.assert_close(first, named("uniform_noise", random_images(2)), atol=0, rtol=0)
    assert not torch.equal(first, named("uniform_noise", random_images(2), seed=1))
    assert first.std() == pytest.approx(math.sqrt(1 / 12), rel=0.1)


def test_an_unknown_baseline_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"'zero'.*zeros"):
        named("zero", random_images())


# Integrated Gradients


def random_images(n: int = 5, size: int = 8) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def convolutional_network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 6, 3),
            nn.ReLU(),
            nn.Conv2d(6, 4, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(64, 1),
            nn.Flatten(0),
        ).eval()


@pytest.mark.parametrize("internal_batch_size", [1, 2, 64])
def test_linear_function_is_attributed_exactly(internal_batch_size: int) -> None:
    images, baseline = random_images(), torch.full((1, 3, 8, 8), 0.4)
    weights = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attributions, deltas = integrated_gradients(
            lambda batch: (batch * weights).sum(dim=(1, 2, 3)) + 0.7,
            images,
            baseline,
            internal_batch_size=internal_batch_size,
        )
    torch.testing.assert_close(attributions, weights * (images - baseline))
    assert deltas.shape == (5,)
    assert deltas.abs().max() < 1e-5


def test_attributions_of_a_network_are_complete() -> None:
    model, images, baseline = convolutional_network(), random_images(), torch.zeros(1, 3, 8, 8)
    attributions, deltas = integrated_gradients(model, images, baseline, internal_batch_size=4)
    with torch.no_grad():
        gained = model(images) - model(baseline)
    total = attributions.sum(dim=(1, 2, 3))
    torch.testing.assert_close(total - gained, deltas, atol=1e-6, rtol=0)
    assert deltas.abs().max() < 0.02 * gained.abs().max()


def test_an_affine_first_layer_may_stand_apart() -> None:
    model, images, baseline = (
        convolutional_network(),
        random_images(),
        torch.full((1, 3, 8, 8), 0.3),
    )
    points = []

    def rest(maps: torch.Tensor) -> torch.Tensor:
        points.append(len(maps))
        return model[1:](maps)

    whole = integrated_gradients(model, images, baseline, internal_batch_size=7)
    apart = integrated_gradients(rest, images, baseline, affine=model[0], internal_batch_size=7)
    for ours, theirs in zip(apart, whole, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)
    assert max(points) <= 7
    with torch.no_grad():
        gained = model(images) - model(baseline)
    torch.testing.assert_close(apart[0].sum(dim=(1, 2, 3)) - gained, apart[1], atol=1e-6, rtol=0)


def test_quadrature_is_gauss_legendre() -> None:
    # Two Gauss-Legendre points integrate the gradient 3x² of x³ exactly; two Riemann points do not.
    images, baseline = random_images(), torch.zeros(1, 3, 8, 8)
    attributions, _ = integrated_gradients(
        lambda batch: (batch**3).sum(dim=(1, 2, 3)),
        images,
        baseline,
        steps=2,
        internal_batch_size=8,
    )
    torch.testing.assert_close(attributions, images**3)


def test_attributions_do_not_depend_on_the_batch() -> None:
    model, images, baseline = convolutional_network(), random_images(), torch.zeros(1, 3, 8, 8)
    together = integrated_gradients(model, images, baseline, internal_batch_size=250)
    for internal_batch_size in (1, 3, 7):
        apart = integrated_gradients(
            model, images, baseline, internal_batch_size=internal_batch_size
        )
        for ours, theirs in zip(apart, together, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_forward_passes_respect_the_internal_batch_size() -> None:
    sizes = []

    def forward(batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        return batch.sum(dim=(1, 2, 3))

    integrated_gradients(
        forward, random_images(), torch.zeros(1, 3, 8, 8), steps=4, internal_batch_size=3
    )
    assert max(sizes) == 3


def test_attribution_restores_what_it_touches() -> None:
    model, images, baseline = convolutional_network(), random_images(), torch.zeros(1, 3, 8, 8)
    parameters = list(model.parameters())
    parameters[0].requires_grad_(False)
    before = [parameter.requires_grad for parameter in parameters]
    original = images.clone()
    attributions, deltas = integrated_gradients(model, images, baseline, internal_batch_size=8)
    assert [parameter.requires_grad for parameter in parameters] == before
    assert all(parameter.grad is None for parameter in parameters)
    assert not images.requires_grad
    assert not baseline.requires_grad
    assert not attributions.requires_grad
    assert not deltas.requires_grad
    torch.testing.assert_close(images, original, atol=0, rtol=0)


def test_attribution_restores_parameters_after_an_error() -> None:
    model = nn.Conv2d(3, 1, 3).eval()
    with pytest.raises(ValueError, match="one score per image"):
        integrated_gradients(model, random_images(), torch.zeros(1, 3, 8, 8), internal_batch_size=8)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_attribution_rejects_training_mode() -> None:
    model = convolutional_network()
    model[5].train()
    with pytest.raises(ValueError, match="training mode"):
        integrated_gradients(model, random_images(), torch.zeros(1, 3, 8, 8), internal_batch_size=8)


@pytest.mark.parametrize(
    ("shape", "steps", "internal_batch_size"),
    [((1, 3, 9, 9), 50, 8), ((4, 3, 8, 8), 50, 8), ((1, 3, 8, 8), 0, 8), ((1, 3, 8, 8), 50, 0)],
)
def test_attribution_rejects_unusable_input(
    shape: tuple[int, ...], steps: int, internal_batch_size: int
) -> None:
    with pytest.raises(ValueError, match="Attribution got"):
        integrated_gradients(
            lambda batch: batch.sum(dim=(1, 2, 3)),
            random_images(),
            torch.zeros(shape),
            steps=steps,
            internal_batch_size=internal_batch_size,
        )


def test_each_image_may_have_its_own_baseline() -> None:
    model, images = convolutional_network(), random_images()
    baselines = random_images(10)[5:]
    together, deltas = integrated_gradients(model, images, baselines, internal_batch_size=3)
    for row in range(len(images)):
        alone, delta = integrated_gradients(
            model, images[row : row + 1], baselines[row : row + 1], internal_batch_size=50
        )
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(deltas[row : row + 1], delta, atol=1e-6, rtol=0)


# Memory


def test_a_pass_takes_what_its_memory_allows() -> None:
    # The square keeps its input, and the product with a weight of the network's own keeps nothing else.
    class Square(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.square().sum(dim=(1, 2, 3))

    image = torch.zeros(1, 3, 8, 8)
    assert images_per_pass(Square(), image, 50) == 50
    for images, expected in ((50, 50), (49, 25), (20, 17), (7, 7), (1, 1), (0.5, 1)):
        room = images * 3 * 8 * 8 * 4
        assert images_per_pass(Square(), image, 50, pass_bytes=room) == expected


def test_weights_of_the_network_count_once_whatever_the_batch() -> None:
    layer = nn.Linear(192, 192).requires_grad_(False)
    network = nn.Sequential(nn.Flatten(), layer, nn.Sigmoid(), nn.Linear(192, 1), nn.Flatten(0))
    network.requires_grad_(False)
    # The layer's input need not be kept, for its weights take no gradient; the sigmoid's output is.
    kept = images_per_pass(network, torch.zeros(1, 3, 8, 8), 50, pass_bytes=10 * 192 * 4)
    assert 3 <= kept <= 10


# Convergence


def test_convergence_is_judged_by_the_gain_and_by_no_less_than_one_answer_in_a_hundred() -> None:
    delta = np.array([0.0049, -0.0051, 0.0004, 0.0006, 0.0])
    gained = np.array([-0.1, 0.1, 0.0, 0.001, 0.0])
    assert list(converged(delta, gained, 0.05)) == [True, False, True, False, True]


# Summary


def test_summary_of_a_case_worked_by_hand() -> None:
    attributions = torch.zeros(2, 3, 2, 2)
    attributions[0, 0, 0, 0], attributions[0, 2, 1, 1] = 3.0, -1.8
    attributions[1] = -0.25
    table = summarise_attributions(attributions, torch.tensor([0.5, -0.125]))
    assert list(table.columns) == [
        "mean_absolute",
        "mean_signed",
        "mean_positive",
        "convergence_delta",
    ]
    np.testing.assert_allclose(table["mean_absolute"], [0.4, 0.25])
    np.testing.assert_allclose(table["mean_signed"], [0.1, -0.25], rtol=1e-6)
    np.testing.assert_allclose(table["mean_positive"], [0.25, 0.0])
    np.testing.assert_array_equal(table["convergence_delta"], [0.5, -0.125])
    assert all(dtype == np.float64 for dtype in table.dtypes)


def test_signed_mean_recovers_the_gained_score() -> None:
    images, baseline = random_images(), torch.full((1, 3, 8, 8), 0.5)
    summary = summarise_attributions(
        *integrated_gradients(
            lambda batch: batch.square().mean(dim=(1, 2, 3)),
            images,
            baseline,
            internal_batch_size=5,
        )
    )
    gained = images.square().mean(dim=(1, 2, 3)) - 0.25
    total = summary["mean_signed"] * math.prod(images.shape[1:])
    np.testing.assert_allclose(total - summary["convergence_delta"], gained, atol=1e-6)


def test_summary_rejects_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="Pass both results of one call"):
        summarise_attributions(torch.zeros(2, 3, 4, 4), torch.zeros(3))
