"""Errors and latents of single images, and batch-normalisation statistics of all of them."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from memorability.autoencoder.architecture import Architecture, Autoencoder, initial_autoencoder
from memorability.autoencoder.reconstruction import (
    encode_all,
    evaluating,
    keep_through_batch_norm,
    measure_errors,
    recompute_batch_norm,
    reconstruct,
    write_small_reconstructions,
)
from memorability.base.arrays import open_sealed
from memorability.images.pixels import to_unit_range
from memorability.networks.computing import choose_device
from memorability.networks.losses import MeanSquaredError

torch.set_num_threads(1)


def store(count: int = 4, side: int = 224, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (count, 3, side, side), dtype=np.uint8)
    # Images differ in brightness as well as in noise.
    return (pixels * np.linspace(0.3, 1, count)[:, None, None, None]).astype(np.uint8)


def autoencoder(**choices: Any) -> Autoencoder:
    published = {"bottleneck": "conv7x7", "decoder": "upsample_conv", "batch_norm": True}
    return initial_autoencoder(0, Architecture(width=0.04, **(published | choices)))


class Half(nn.Module):
    """A reconstruction that is half as bright."""

    def forward(self, images: Tensor) -> Tensor:
        return images / 2


def test_pixels_become_numbers_from_zero_to_one_and_stay_as_they_are() -> None:
    pixels = np.array([0, 51, 255], dtype=np.uint8).reshape(1, 3, 1, 1)
    pixels.flags.writeable = False
    images = to_unit_range(pixels, "cpu")
    assert images.dtype == torch.float32
    torch.testing.assert_close(images.flatten(), torch.tensor([0.0, 0.2, 1.0]))
    images += 1
    assert pixels.flatten().tolist() == [0, 51, 255]


def test_errors_by_hand() -> None:
    pixels = np.zeros((2, 3, 2, 2), dtype=np.uint8)
    pixels[0], pixels[1, :, :, 0] = 255, 51
    errors = measure_errors(Half(), MeanSquaredError(), pixels, device="cpu")
    assert errors.dtype == np.float64
    assert errors.tolist() == pytest.approx([0.25, 0.01 / 2])


def test_an_error_does_not_depend_on_what_else_is_in_the_store() -> None:
    model, loss, pixels = autoencoder(), MeanSquaredError(), store()
    together = measure_errors(model, loss, pixels, device="cpu")
    assert len(set(together)) == 4
    alone = [measure_errors(model, loss, pixels[i : i + 1], device="cpu")[0] for i in range(4)]
    assert together.tolist() == alone
    backwards = measure_errors(model, loss, pixels[::-1], device="cpu")
    assert backwards[::-1].tolist() == together.tolist()


def test_measuring_uses_running_statistics_no_dropout_and_changes_nothing() -> None:
    model = autoencoder(bottleneck="fc4096").train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    errors = measure_errors(model, MeanSquaredError(), store(2), device="cpu")
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)
    model.eval()
    with torch.no_grad():
        images = torch.from_numpy(store(2)).float() / 255
        expected = [
            nn.functional.mse_loss(model(image[None]), image[None]).item() for image in images
        ]
    assert errors.tolist() == pytest.approx(expected, rel=1e-6)


def test_latents_are_those_of_encode_in_evaluation_mode() -> None:
    model, pixels = autoencoder().train(), store(3)
    latents = encode_all(model, pixels, device="cpu")
    assert latents.shape == (3, model.latent_dim)
    assert latents.dtype == np.float32
    model.eval()
    with torch.no_grad():
        for own, image in zip(latents, torch.from_numpy(pixels).float() / 255, strict=True):
            np.testing.assert_array_equal(own, model.encode(image[None])[0].numpy())
    assert not np.array_equal(latents[0], latents[1])


def test_progress_is_told_of_every_image() -> None:
    steps: list[str] = []
    pixels = store(3)
    model = autoencoder()
    loss = MeanSquaredError()
    measure_errors(model, loss, pixels, device="cpu", on_image=lambda: steps.append("error"))
    encode_all(model, pixels, device="cpu", on_image=lambda: steps.append("latent"))
    assert steps == ["error"] * 3 + ["latent"] * 3


# Errors under each image's own statistics


def normalisation() -> nn.BatchNorm2d:
    """Return a layer whose averages make of an image x the reconstruction 2 x − 1."""
    layer = nn.BatchNorm2d(3, eps=1e-12)
    layer.running_mean.fill_(0.5)
    layer.running_var.fill_(0.25)
    return layer.requires_grad_(False)


def errors_by_hand(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Mean squared errors of `normalisation`, under its averages and under each image's own."""
    images = pixels.astype(np.float64) / 255
    own = [(2, 3), {"keepdims": True}]
    standard = (images - images.mean(own[0], **own[1])) / images.std(own[0], **own[1])
    made = {"train": 2 * images - 1, "evaluate_as_trained": standard}
    return {mode: np.square(each - images).mean(axis=(1, 2, 3)) for mode, each in made.items()}


@pytest.mark.parametrize("mode", ["train", "evaluate_as_trained"])
def test_errors_are_those_of_the_statistics_that_the_mode_names(mode: str) -> None:
    layer, pixels = normalisation(), store(6, side=8)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with evaluating(layer, mode):
        images = torch.from_numpy(pixels).float() / 255
        errors = [nn.functional.mse_loss(layer(one[None]), one[None]).item() for one in images]
    np.testing.assert_allclose(errors, errors_by_hand(pixels)[mode], rtol=1e-5)
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())
    assert layer.track_running_stats
    assert not layer.training


def test_own_statistics_rank_images_in_another_order() -> None:
    noise = np.random.default_rng(0).integers(0, 50, (6, 3, 8, 8), dtype=np.uint8)
    pixels = noise + np.arange(0, 240, 40, dtype=np.uint8)[:, None, None, None]
    measured = {}
    for mode in ("train", "evaluate_as_trained"):
        layer = normalisation()
        with evaluating(layer, mode):
            images = torch.from_numpy(pixels).float() / 255
            measured[mode] = [(layer(one[None]) - one).square().mean().item() for one in images]
    # Under the averages 2 x − 1 is far from a dark x; under its own, bright images are far from it.
    assert stats.spearmanr(*measured.values()).statistic == -1


def test_own_statistics_are_those_of_a_forward_pass_in_training_without_dropout() -> None:
    model, pixels = autoencoder(bottleneck="fc4096"), store(2)
    trained = copy.deepcopy(model).train()
    for module in trained.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    images = torch.from_numpy(pixels).float() / 255
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad(), evaluating(model, "evaluate_as_trained"):
        for one in images:
            assert torch.equal(model(one[None]), trained(one[None]))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not torch.equal(model.encoder[0][1].running_mean, trained.encoder[0][1].running_mean)


def test_a_model_is_as_before_where_measuring_stops() -> None:
    layer = normalisation()
    with pytest.raises(KeyboardInterrupt), evaluating(layer, "evaluate_as_trained"):
        raise KeyboardInterrupt
    assert (layer.training, layer.track_running_stats) == (False, True)


# Recomputed batch-normalisation statistics


def test_recomputed_statistics_are_averages_over_images_of_each_image_s_own() -> None:
    pixels = store(5, side=6)
    layer = nn.BatchNorm2d(3)
    layer(torch.randn(2, 3, 4, 4))  # something to forget
    recompute_batch_norm(layer, pixels, device="cpu")
    images = pixels.astype(np.float64) / 255
    means = images.mean(axis=(2, 3))
    variances = images.var(axis=(2, 3), ddof=1)
    np.testing.assert_allclose(layer.running_mean, means.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, variances.mean(axis=0), rtol=1e-5)
    assert layer.num_batches_tracked == 5


def test_recomputed_statistics_of_a_convolution_s_output() -> None:
    pixels = store(4, side=6)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
    recompute_batch_norm(model, pixels, device="cpu")
    weight = model[0].weight.detach().double().numpy()[:, :, 0, 0]
    bias = model[0].bias.detach().double().numpy()
    outputs = np.einsum("oc,nchw->nohw", weight, pixels / 255) + bias[:, None, None]
    np.testing.assert_allclose(model[1].running_mean, outputs.mean(axis=(0, 2, 3)), rtol=1e-4)
    expected = outputs.var(axis=(2, 3), ddof=1).mean(axis=0)
    np.testing.assert_allclose(model[1].running_var, expected, rtol=1e-4)


def test_recomputing_does_not_depend_on_order_nor_on_earlier_statistics() -> None:
    pixels = store(4, side=64)
    results = []
    for start, rows in ((0.0, pixels), (5.0, pixels[::-1])):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        model[1].running_mean.fill_(start)
        recompute_batch_norm(model, rows, device="cpu")
        results.append(model[1].running_mean.clone())
    torch.testing.assert_close(results[0], results[1])


def test_recomputing_changes_statistics_alone_and_restores_the_momentum() -> None:
    model = autoencoder(bottleneck="fc4096").train()
    weights = {name: value.clone() for name, value in model.named_parameters()}
    momenta = [m.momentum for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    recompute_batch_norm(model, store(2), device="cpu")
    assert all(torch.equal(weights[name], value) for name, value in model.named_parameters())
    assert [m.momentum for m in model.modules() if isinstance(m, nn.BatchNorm2d)] == momenta
    assert not any(module.training for module in model.modules() if isinstance(module, nn.Dropout))


def test_recomputing_leaves_a_network_without_normalisation_alone() -> None:
    model = autoencoder(batch_norm=False)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    recompute_batch_norm(model, store(1), device="cpu")
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("available", [True, False])
def test_auto_is_the_gpu_where_there_is_one(
    available: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert choose_device("auto") == ("cuda" if available else "cpu")
    assert choose_device("cpu") == "cpu"
    assert choose_device("cuda") == "cuda"


def test_reconstructions_are_8_bit_and_cut_off_at_the_ends() -> None:
    class Brighter(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return 2 * image - 0.2

    pixels = np.array([0, 20, 100, 255], dtype=np.uint8).reshape(4, 1, 1, 1).repeat(3, axis=1)
    made = reconstruct(Brighter(), pixels, "train", device="cpu")
    assert made.dtype == np.uint8
    # 2 x − 0.2 × 255, rounded.
    np.testing.assert_array_equal(made[:, 0, 0, 0], [0, 0, 149, 255])
    np.testing.assert_array_equal(made.shape, pixels.shape)


def test_a_network_without_normalisation_computes_the_same_through_normalisation() -> None:
    model, pixels = autoencoder(), store()
    plain = autoencoder(batch_norm=False).encoder.eval()
    for ours, theirs in zip(convolutions(model.encoder), convolutions(plain), strict=True):
        ours.weight.data.copy_(theirs.weight)
        assert ours.bias is not None
        assert theirs.bias is not None
        ours.bias.data.copy_(theirs.bias)
    keep_through_batch_norm(model.encoder, pixels, device="cpu", precision="fp32")
    images = to_unit_range(pixels, "cpu")
    with torch.no_grad():
        first = convolutions(model.encoder)[0](images)
        torch.testing.assert_close(model.encoder.eval()(images), plain(images))
        # As one batch, the same images have the same averages and deviations.
        torch.testing.assert_close(
            model.encoder.train()(images), plain(images), atol=1e-4, rtol=1e-3
        )
    norm = next(layer for layer in model.encoder.modules() if isinstance(layer, nn.BatchNorm2d))
    values = first.transpose(0, 1).flatten(1).numpy().astype(float)
    np.testing.assert_allclose(norm.bias.detach(), values.mean(axis=1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        norm.weight.detach(), np.sqrt(values.var(axis=1) + 1e-5), rtol=1e-4, atol=1e-6
    )


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def test_small_reconstructions_of_many_images_are_means_of_whole_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memorability.images.thumbnails.FEW", 3)
    pixels, seen = store(4, side=192), []
    write_small_reconstructions(
        Half(), pixels, "train", tmp_path / "small.npy", device="cpu",
        on_image=lambda: seen.append(1),
    )  # fmt: skip
    small = open_sealed(tmp_path / "small.npy")
    expected = pixels.reshape(4, 3, 96, 2, 96, 2).mean(axis=(3, 5)) / 2
    np.testing.assert_allclose(small, expected, atol=1.5)  # rounded three times
    assert len(seen) == 4
