"""Losses against their definitions, computed a second way, and against the packages they use."""

import functools
import warnings
from pathlib import Path

import lpips
import numpy as np
import pytest
import pytorch_msssim
import skimage.data
import skimage.metrics
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.networks.catalogue import LOSSES
from memorability.networks.losses import (
    SSIM,
    Lpips,
    MultiScaleSSIM,
    StyleLoss,
    make_loss,
    with_sign,
)
from tests.run_settings import loss_choice

torch.set_num_threads(1)

BACKBONES = {"lpips_squeeze", "lpips_vgg", "lpips_alex", "style"}
SIDES = {"ms_ssim": 161}


@functools.cache
def made(name: str, **choices: str) -> nn.Module:
    return make_loss(loss_choice(name, **choices))[0]


@pytest.fixture(scope="module", params=[*LOSSES, "style of gatys5_relu", "style of pool5"])
def named(request: pytest.FixtureRequest) -> tuple[str, nn.Module]:
    if request.param.startswith("style of "):
        return "style", made("style", style_gram=request.param.removeprefix("style of "))
    return request.param, made(request.param)


def pictures(name: str, count: int = 3, seed: int = 0) -> Tensor:
    side = SIDES.get(name, 48)
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


# What holds for every loss


def test_identical_images_have_no_error(named: tuple[str, nn.Module]) -> None:
    name, loss = named
    images = pictures(name)
    images[1] = 0.5
    assert loss(images, images.clone()).tolist() == [0.0, 0.0, 0.0]


def test_an_error_is_one_image_s_own_whatever_else_is_in_the_batch(
    named: tuple[str, nn.Module],
) -> None:
    name, loss = named
    images, reconstructions = pictures(name), pictures(name, seed=1)
    reconstructions[1] = images[1] * 0.9
    batch = loss(images, reconstructions)
    alone = torch.cat([loss(images[i : i + 1], reconstructions[i : i + 1]) for i in range(3)])
    assert batch.shape == (3,)
    assert len(set(batch.tolist())) == 3
    torch.testing.assert_close(batch, alone, rtol=1e-4, atol=1e-9)
    assert not any(tensor.is_meta for tensor in loss.state_dict().values())


def test_a_darker_reconstruction_has_a_larger_error(named: tuple[str, nn.Module]) -> None:
    name, loss = named
    image = pictures(name, 1)
    errors = [loss(image, image * (1 - darker)).item() for darker in (0.05, 0.2, 0.8)]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_the_gradient_reaches_the_reconstruction(named: tuple[str, nn.Module]) -> None:
    name, loss = named
    reconstructions = pictures(name, 2, seed=1).requires_grad_()
    loss(pictures(name, 2), reconstructions).sum().backward()
    gradient = reconstructions.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert (gradient.abs().amax(dim=(1, 2, 3)) > 0).all()


def test_a_loss_is_frozen_and_in_evaluation_mode(named: tuple[str, nn.Module]) -> None:
    _, loss = named
    assert not any(module.training for module in loss.modules())
    assert not any(parameter.requires_grad for parameter in loss.parameters())


# Mean squared error


def test_mean_squared_error_by_hand() -> None:
    images = torch.zeros(2, 3, 1, 2)
    reconstructions = torch.zeros(2, 3, 1, 2)
    reconstructions[0, 0] = torch.tensor([0.5, 1.0])  # (0.25 + 1) / 6
    reconstructions[1] = 1.0
    assert made("mse")(images, reconstructions).tolist() == pytest.approx([1.25 / 6, 1.0])


def test_mean_absolute_error_by_hand() -> None:
    images = torch.zeros(2, 3, 1, 2)
    reconstructions = torch.zeros(2, 3, 1, 2)
    reconstructions[0, 0] = torch.tensor([0.5, 1.0])  # (0.5 + 1) / 6
    reconstructions[1] = 1.0
    assert made("mae")(images, reconstructions).tolist() == pytest.approx([1.5 / 6, 1.0])


# SSIM


def photographs(side: int) -> Tensor:
    crops = [picture[:side, :side] for picture in (skimage.data.chelsea(), skimage.data.coffee())]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize("side", [11, 12, 97])
def test_ssim_is_one_minus_the_similarity_of_scikit_image(side: int) -> None:
    # Both average over the windows that lie inside the image: scikit-image cuts its map's border.
    images = photographs(side)
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    reconstructions = (images + 0.4 * noise).clamp(0, 1)
    expected = [
        1
        - skimage.metrics.structural_similarity(
            image.double().numpy(), reconstruction.double().numpy(), channel_axis=0, data_range=1.0,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
        for image, reconstruction in zip(images, reconstructions, strict=True)
    ]  # fmt: skip
    assert min(expected) > 0.05
    assert SSIM()(images, reconstructions).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_ssim_is_one_minus_the_package_s_similarity() -> None:
    images, reconstructions = pictures("ssim"), pictures("ssim", seed=1)
    similarity = pytorch_msssim.ssim(images, reconstructions, data_range=1.0, size_average=False)
    torch.testing.assert_close(SSIM()(images, reconstructions), 1 - similarity)


def test_anti_correlated_images_have_an_ssim_error_above_one() -> None:
    images = pictures("ssim", 2)
    errors = SSIM()(images, 1 - images)
    assert (errors > 1).all()
    assert (errors <= 2).all()


@pytest.mark.parametrize("shape", [(10, 224), (224, 10)])
def test_ssim_refuses_images_smaller_than_its_window(shape: tuple[int, int]) -> None:
    images = torch.zeros(1, 3, *shape)
    with pytest.raises(ValueError, match=f"{shape[0]} x {shape[1]} pixels, but needs at least 11"):
        SSIM()(images, images)


# MS-SSIM


def test_ms_ssim_is_one_minus_the_package_s_similarity() -> None:
    images = pictures("ms_ssim")
    reconstructions = (images + 0.3 * pictures("ms_ssim", seed=1)).clamp(0, 1)
    similarity = pytorch_msssim.ms_ssim(images, reconstructions, data_range=1.0, size_average=False)
    torch.testing.assert_close(MultiScaleSSIM()(images, reconstructions), 1 - similarity)
    assert (similarity > 0.3).all()


def blur(images: Tensor) -> Tensor:
    """SSIM's window: a Gaussian of 11 pixels and standard deviation 1.5, in double precision."""
    offsets = torch.arange(-5, 6, dtype=torch.float64)
    weights = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = torch.outer(weights, weights)[None, None] / weights.sum() ** 2
    channels = images.flatten(0, 1)[:, None]
    return nn.functional.conv2d(channels, window)[:, 0].unflatten(0, images.shape[:2])


def similarity_by_definition(first: Tensor, second: Tensor) -> Tensor:
    """Wang, Simoncelli & Bovik 2003, equation 7, per channel, averaged over channels."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    first, second = first.double(), second.double()
    result = torch.ones(first.shape[:2], dtype=torch.float64)
    for scale, weight in enumerate(weights):
        mean1, mean2 = blur(first), blur(second)
        var1, var2 = blur(first**2) - mean1**2, blur(second**2) - mean2**2
        cov = blur(first * second) - mean1 * mean2
        value = (2 * cov + 0.03**2) / (var1 + var2 + 0.03**2)
        if scale == 4:
            value = value * (2 * mean1 * mean2 + 0.01**2) / (mean1**2 + mean2**2 + 0.01**2)
        result *= value.mean(dim=(2, 3)) ** weight
        # An odd side is padded on both ends, as the package does.
        odd = [side % 2 for side in first.shape[2:]]
        first = nn.functional.avg_pool2d(first, 2, padding=odd)
        second = nn.functional.avg_pool2d(second, 2, padding=odd)
    return result.mean(dim=1)


def test_ms_ssim_agrees_with_its_published_equation() -> None:
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(2, 3, 176, 176, generator=generator)
    reconstructions = (images + 0.2 * torch.rand(images.shape, generator=generator)).clamp(0, 1)
    ours = MultiScaleSSIM()(images, reconstructions)
    expected = 1 - similarity_by_definition(images, reconstructions)
    torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-5)


@given(
    spread=st.sampled_from([0.0, 1e-6, 1e-4, 1e-2, 0.5]),
    grey=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_ms_ssim_stays_between_zero_and_one(spread: float, grey: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, second = (
        (grey + spread * torch.randn(1, 3, 161, 161, generator=generator)).clamp(0, 1)
        for _ in range(2)
    )
    error = MultiScaleSSIM()(first, second).item()
    assert 0 <= error <= 1


def test_anti_correlated_images_have_the_error_one_and_no_gradient() -> None:
    images = photographs(176)
    negative = (1 - images).requires_grad_()
    errors = MultiScaleSSIM()(images, negative)
    assert errors.tolist() == [1.0, 1.0]
    errors.sum().backward()
    assert negative.grad is not None
    assert negative.grad.abs().max() == 0


@pytest.mark.parametrize("share", [0.45, 0.49, 0.4999, 0.5, 0.5001, 0.51, 0.55, 0.6])
def test_the_gradient_is_finite_on_the_way_from_a_photograph_to_its_negative(share: float) -> None:
    # Contrast terms pass through 0, where the derivative of their powers has no bound.
    images = photographs(176)
    blend = torch.lerp(images, 1 - images, share).requires_grad_()
    errors = MultiScaleSSIM()(images, blend)
    assert ((errors > 0.5) & (errors <= 1)).all()
    errors.sum().backward()
    assert blend.grad is not None
    assert blend.grad.isfinite().all()


@pytest.mark.parametrize("shape", [(160, 224), (224, 160)])
def test_ms_ssim_refuses_images_without_five_scales(shape: tuple[int, int]) -> None:
    images = torch.zeros(1, 3, *shape)
    with pytest.raises(ValueError, match=f"{shape[0]} x {shape[1]} pixels, but needs at least 161"):
        MultiScaleSSIM()(images, images)


# LPIPS


@pytest.mark.parametrize("network", ["squeeze", "vgg", "alex"])
@pytest.mark.parametrize("lpips_range", ["minus_one_to_one", "zero_to_one"])
def test_lpips_is_the_package_s_distance_of_images_in_the_range_asked_for(
    network: str, lpips_range: str
) -> None:
    ours = made(f"lpips_{network}", lpips_range=lpips_range)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lpips.LPIPS(net=network, pnet_rand=True, verbose=False).eval()
    assert isinstance(ours, Lpips)
    theirs.net.load_state_dict(ours.lpips.net.state_dict())
    images, reconstructions = pictures("lpips"), pictures("lpips", seed=1)
    scale, shift = (2, -1) if lpips_range == "minus_one_to_one" else (1, 0)
    with torch.no_grad():
        expected = theirs(scale * images + shift, scale * reconstructions + shift).flatten()
        torch.testing.assert_close(ours(images, reconstructions), expected)


@pytest.mark.parametrize("network", ["squeeze", "vgg", "alex"])
def test_lpips_weighs_channels_as_people_judged_even_on_a_random_backbone(network: str) -> None:
    loss = made(f"lpips_{network}")
    assert isinstance(loss, Lpips)
    path = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{network}.pth"
    published = torch.load(path, map_location="cpu", weights_only=True)
    own = loss.lpips.state_dict()
    assert published
    assert all(torch.equal(own[key], value) for key, value in published.items())


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("sign", ["distance", "one_minus"])
def test_the_sign_turns_lpips_alone_and_names_it(name: str, sign: str) -> None:
    loss = made(name)
    images, reconstructions = pictures(name, 1), pictures(name, 1, seed=1)
    signed, measured = with_sign(loss, sign)
    before, after = (each(images, reconstructions) for each in (loss, signed))
    if name.startswith("lpips") and sign == "one_minus":
        assert measured == "one_minus"
        torch.testing.assert_close(after, 1 - before)
    else:
        assert measured == "distance"
        assert torch.equal(after, before)


def test_one_minus_a_distance_drives_the_distance_up() -> None:
    distance = made("lpips_squeeze")
    signed, _ = with_sign(distance, "one_minus")
    images = pictures("lpips", 1)
    reconstruction = (images * 0.9).requires_grad_()
    signed(images, reconstruction).sum().backward()
    assert reconstruction.grad is not None
    step = 1e-3 * reconstruction.grad / reconstruction.grad.abs().max()
    with torch.no_grad():
        assert distance(images, reconstruction - step) > distance(images, reconstruction)


# Style


def gram_loss_by_hand(
    loss: StyleLoss, image: Tensor, reconstruction: Tensor, *, after_relu: bool
) -> float:
    """Gatys et al. 2016, equations 3 to 5, with NumPy, on torchvision's VGG19."""
    with torch.device("meta"):  # its classifier, which nothing here needs, is most of it
        vgg = torchvision.models.vgg19(weights=None).features.eval()
    own = {key.removeprefix("features."): value for key, value in loss.state_dict().items()}
    vgg.load_state_dict(own, strict=False, assign=True)
    normalize = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    layers = []
    # conv1_1 opens the network; the others open a block, each after a pooling layer.
    pools = [index for index, layer in enumerate(vgg) if isinstance(layer, nn.MaxPool2d)]
    for last in [0, *(index + 1 for index in pools[:4])]:
        maps = []
        for each in (image, reconstruction):
            with torch.no_grad():
                output = vgg[: last + 1](normalize(each))
                output = output.relu() if after_relu else output
            assert isinstance(vgg[last], nn.Conv2d)
            maps.append(output.flatten(1).double().numpy())
        count, positions = maps[0].shape
        grams = [each @ each.T for each in maps]
        total = np.sum((grams[0] - grams[1]) ** 2)
        layers.append(total / (4 * count**2 * positions**2))
    return float(np.mean(layers))


@pytest.mark.parametrize("gram", ["gatys5", "gatys5_relu"])
def test_style_agrees_with_the_equations_of_gatys_and_colleagues(gram: str) -> None:
    loss = made("style", style_gram=gram)
    assert isinstance(loss, StyleLoss)
    images, reconstructions = pictures("style", 2), pictures("style", 2, seed=1)
    expected = [
        gram_loss_by_hand(loss, image, reconstruction, after_relu=gram == "gatys5_relu")
        for image, reconstruction in zip(images, reconstructions, strict=True)
    ]
    assert loss(images, reconstructions).tolist() == pytest.approx(expected, rel=1e-4)


def test_style_of_the_published_scripts_is_one_gram_matrix_of_what_leaves_the_network() -> None:
    loss = made("style", style_gram="pool5")
    assert isinstance(loss, StyleLoss)
    with torch.device("meta"):
        vgg = torchvision.models.vgg19(weights=None).features.eval()
    own = {key.removeprefix("features."): value for key, value in loss.state_dict().items()}
    vgg.load_state_dict(own, assign=True)
    images, reconstructions = pictures("style", 2), pictures("style", 2, seed=1)
    expected = []
    for image, reconstruction in zip(images, reconstructions, strict=True):
        with torch.no_grad():
            maps = [vgg(each[None])[0].flatten(1).double() for each in (image, reconstruction)]
        assert len(maps[0]) == 512
        expected.append((maps[0] @ maps[0].T - maps[1] @ maps[1].T).square().mean().item())
    assert loss(images, reconstructions).tolist() == pytest.approx(expected, rel=1e-4)


def test_style_ignores_where_things_are_and_sees_what_is_there() -> None:
    # Twice the image side by side, and its halves exchanged: almost the same Gram matrices.
    image = pictures("style", 1)
    tiled = torch.cat([image, image], dim=3)
    rolled = tiled.roll(24, dims=3)
    other = pictures("style", 1, seed=1).sqrt()
    loss = made("style")
    assert loss(tiled, rolled) < 0.1 * loss(tiled, torch.cat([other, other], dim=3))


# Making a loss


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_a_random_backbone_is_the_same_on_every_call_and_says_so(name: str) -> None:
    torch.manual_seed(1)
    first, metric, receipt = make_loss(loss_choice(name))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = make_loss(loss_choice(name))[0]
    assert torch.equal(torch.get_rng_state(), before)
    assert (metric.metric, metric.backbone, metric.published) == (name, "random", "no")
    assert receipt is not None
    assert receipt.source == "random"
    assert receipt.matched == 0
    assert receipt.missing > 0
    ours, theirs = first.state_dict(), second.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("name", ["mse", "mae", "ssim", "ms_ssim"])
def test_a_loss_without_a_backbone_needs_no_weights(name: str) -> None:
    loss, metric, receipt = make_loss(loss_choice(name))
    assert metric == (name, "none", "", "", "distance")
    assert receipt is None
    assert not list(loss.parameters())


def test_an_unknown_loss_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"'lpips_sqeeze' is unknown.*mean 'lpips_squeeze'"):
        made("lpips_sqeeze")


def test_a_backbone_whose_file_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"squeezenet1_1-b8a52dc0.pth does not exist"):
        make_loss(
            loss_choice("lpips_squeeze", weights_file=tmp_path / "squeezenet1_1-b8a52dc0.pth")
        )


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_a_loss_holds_no_classifier_that_it_does_not_use(name: str) -> None:
    sizes = {"lpips_squeeze": 0.8e6, "lpips_vgg": 14.8e6, "lpips_alex": 2.5e6, "style": 13e6}
    assert sum(parameter.numel() for parameter in made(name).parameters()) < sizes[name]
