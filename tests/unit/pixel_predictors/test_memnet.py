"""MemNet: its layers, computed by hand; its crops, mean image and scale; its files of every kind."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.io import savemat
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.base.seeding import torch_stream
from memorability.pixel_predictors.contract import Given
from memorability.pixel_predictors.memnet import (
    MemNet,
    TenCropScores,
    draw_weights,
    rescaled,
)
from memorability.pixel_predictors.memnet_files import (
    load_start,
    open_memnet,
    read_mean_image,
    read_memnet_state,
)
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from tests.caffe import blob, caffemodel

SHARED_MEAN = Path(__file__).parents[4] / "shared" / "reference" / "memnet_image_mean.npy"
SPEC = PIXEL_PREDICTORS["memnet"]


def initial_memnet(seed: int) -> MemNet:
    with torch.device("meta"):
        network = MemNet()
    network.to_empty(device="cpu")
    draw_weights(network, torch_stream(seed, "initial weights"))
    return network


@pytest.fixture(scope="module")
def network() -> MemNet:
    return initial_memnet(3).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def mean_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mean") / "mean.npy"
    np.save(path, np.random.default_rng(0).uniform(85, 139, (256, 256, 3)).astype(np.float32))
    return path


def on_meta(reading: str = "caffe") -> MemNet:
    with torch.device("meta"):
        return MemNet(reading)  # type: ignore[arg-type]


# The network


def test_parameters_are_those_of_the_published_network() -> None:
    counts = {
        name: sum(value.numel() for value in layer.parameters())
        for name, layer in on_meta().named_children()
    }
    assert counts == {
        "conv1": 34_944, "conv2": 307_456, "conv3": 885_120, "conv4": 663_936, "conv5": 442_624,
        "fc6": 37_752_832, "fc7": 16_781_312, "fc8": 4_097,
    }  # fmt: skip
    assert sum(counts.values()) == 56_872_321


def test_the_other_reading_has_half_the_first_filters_and_two_groups_in_conv3() -> None:
    shapes = {name: tuple(value.shape) for name, value in on_meta("needell2020").named_parameters()}
    assert shapes["conv1.weight"] == (48, 3, 11, 11)
    assert shapes["conv2.weight"] == (256, 24, 5, 5)
    assert shapes["conv3.weight"] == (384, 128, 3, 3)


@pytest.mark.parametrize(
    ("side", "cells"), [(227, 1), (259, 2), (451, 8), (707, 16), (240, 2), (256, 2)]
)
def test_a_larger_image_has_a_map_of_scores(side: int, cells: int) -> None:
    # 240 and 256 pixels have 2 only because pooling keeps windows that reach beyond the edge.
    images = torch.empty(2, 3, side, side, device="meta")
    assert on_meta().score_map(images).shape == (2, cells, cells)


def test_the_map_of_one_cell_is_the_score(network: MemNet) -> None:
    images = 50 * torch.randn(2, 3, 227, 227, generator=torch.Generator().manual_seed(0))
    scores = network(images)
    assert scores.shape == (2,)
    assert scores.std() > 0
    np.testing.assert_allclose(network.score_map(images)[:, 0, 0], scores, rtol=1e-4)


def test_a_cell_of_conv5_sees_163_pixels_around_17_plus_16_i() -> None:
    network = initial_memnet(0)
    with torch.no_grad():
        for value in network.parameters():
            value.abs_()  # no unit is silent
    # Pooling passes on the brightest: the first of equals, or the last where brightness grows.
    line = torch.arange(227) / 1000
    for grey, end in ((torch.ones(227, 227), 0), (1 + line + line[:, None], -1)):
        images = grey.expand(1, 3, 227, 227).clone().requires_grad_()
        network.conv5_maps(images)[0, :, 6, 6].sum().backward()
        assert images.grad is not None
        for axis in (0, 1):
            seen = images.grad[0].abs().sum(dim=0).sum(dim=axis).nonzero().flatten()
            assert int(seen[end]) == (17 + 16 * 6 - 81 if end == 0 else 17 + 16 * 6 + 81)


def test_normalisation_follows_pooling_and_is_that_of_caffe(network: MemNet) -> None:
    seen: dict[str, Tensor] = {}
    hooks = [
        network.conv1.register_forward_hook(lambda _, __, out: seen.update(convolved=out.clone())),
        network.conv2.register_forward_pre_hook(lambda _, args: seen.update(read=args[0])),
    ]
    network.conv5_maps(80 * torch.randn(1, 3, 227, 227, generator=torch.Generator().manual_seed(1)))
    for hook in hooks:
        hook.remove()
    maps = seen["convolved"][0].clamp(min=0).double().numpy()
    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))[:, ::2, ::2]
    pooled = windows.max(axis=(-2, -1))
    assert pooled.shape == (96, 27, 27)
    for channel in (0, 1, 50, 95):
        around = pooled[max(0, channel - 2) : channel + 3]
        # Jia et al. 2014: x / (k + alpha / n × sum of squares of n channels) ** beta.
        expected = pooled[channel] / (1 + 1e-4 / 5 * (around**2).sum(axis=0)) ** 0.75
        np.testing.assert_allclose(seen["read"][0, channel], expected, rtol=1e-5, atol=1e-6)
    assert np.abs(seen["read"][0].numpy() - pooled).max() > 1e-3  # large enough to tell


def test_random_weights_are_drawn_as_in_the_description_and_repeat(network: MemNet) -> None:
    first, again, other = network, initial_memnet(3), initial_memnet(2)
    assert first.conv3.weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert first.fc7.weight.std().item() == pytest.approx(0.005, rel=0.01)
    ones = {name for name, value in first.named_parameters() if (value == 1).all()}
    assert ones == {f"{layer}.bias" for layer in ("conv2", "conv4", "conv5", "fc6", "fc7")}
    assert torch.equal(first.fc6.weight, again.fc6.weight)
    assert not torch.equal(first.fc6.weight, other.fc6.weight)


# Crops, mean image, scale


class FirstBlue(nn.Module):
    """Its score is the first value of the first channel that it reads."""

    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[1:] == (3, 227, 227)
        return images[:, 0, 0, 0]


def test_ten_crops_are_of_blue_green_red_less_the_mean_image() -> None:
    stream = np.random.default_rng(2)
    pixels = stream.integers(0, 256, (2, 3, 256, 256), dtype=np.uint8)
    mean = stream.uniform(80, 140, (3, 256, 256)).astype(np.float32)
    scores = TenCropScores(FirstBlue(), torch.from_numpy(mean), "raw")(torch.from_numpy(pixels))
    tops_lefts = [(0, 0), (29, 0), (0, 29), (29, 29), (15, 15)]
    first = tops_lefts + [(top, left + 226) for top, left in tops_lefts]
    expected = [
        np.mean([float(image[2, row, column]) - mean[0, row, column] for row, column in first])
        for image in pixels
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_the_scale_of_the_website_is_a_line_within_0_and_1() -> None:
    outputs = torch.tensor([0.2, 0.7626, 0.8, 1.2])
    np.testing.assert_allclose(rescaled(outputs, "raw"), outputs)
    np.testing.assert_allclose(rescaled(outputs, "website"), [0, 0.65, 0.7248, 1], rtol=1e-6)


@pytest.mark.skipif(not SHARED_MEAN.is_file(), reason=f"the mean image {SHARED_MEAN} is not there")
def test_the_published_mean_image_has_its_published_values() -> None:
    image = read_mean_image(SHARED_MEAN)
    np.testing.assert_allclose(
        image.mean(dim=(1, 2)), [104.9165, 114.7796, 118.3553], rtol=0, atol=1e-3
    )
    np.testing.assert_allclose(image[:, 0, 0], [120.81, 121.85, 117.69], atol=0.01)
    np.testing.assert_allclose(image[:, 255, 255], [85.16, 96.24, 100.12], atol=0.01)
    assert (float(image.min()), float(image.max())) == pytest.approx((84.86, 139.06), abs=0.01)


def test_a_mean_image_is_read_from_three_kinds_of_file(mean_file: Path, tmp_path: Path) -> None:
    image = np.load(mean_file)
    savemat(tmp_path / "mean.mat", {"image_mean": image})
    content = blob(image.transpose(2, 0, 1)[np.newaxis], upgraded=False)
    (tmp_path / "mean.binaryproto").write_bytes(content)
    for path in (mean_file, tmp_path / "mean.mat", tmp_path / "mean.binaryproto"):
        np.testing.assert_array_equal(read_mean_image(path), image.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.full((224, 224, 3), 100.0), "a mean image of another network"),
        (np.full((256, 256), 100.0), "is no mean image"),
        (np.full((256, 256, 3), 0.45), "has a mean of 0.45"),
        (np.full((256, 256, 3), np.nan), "has a mean of nan"),
    ],
)
def test_another_mean_image_is_refused(image: np.ndarray, says: str, tmp_path: Path) -> None:
    np.save(tmp_path / "mean.npy", image)
    with pytest.raises(InputError, match=says):
        read_mean_image(tmp_path / "mean.npy")


def test_a_mean_image_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mean.npy").write_bytes(b"version https://git-lfs")
    (tmp_path / "mean.mat").write_bytes(b"no matrix")
    savemat(tmp_path / "other.mat", {"other": np.ones(3)})
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("mean.npy", "mean.mat", "other.mat", "pickled.npy"):
        with pytest.raises(InputError, match="is no mean image"):
            read_mean_image(tmp_path / name)
    with pytest.raises(InputError, match="does not exist"):
        read_mean_image(tmp_path / "nowhere.npy")


# Files of weights


def small_layers() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return layers by Caffe's names, with few values: the reader of names asks for no sizes."""
    stream = np.random.default_rng(5)
    names = [f"conv{number}" for number in range(1, 6)] + ["fc6", "fc7", "fc8-euclidean"]
    shapes = [(4, 3, 2, 2)] * 5 + [(4, 6), (4, 4), (1, 4)]
    return {
        name: (
            stream.normal(size=shape).astype(np.float32),
            stream.normal(size=shape[0]).astype(np.float32),
        )
        for name, shape in zip(names, shapes, strict=True)
    }


def as_state(last: str = "fc8") -> Mapping[str, Tensor]:
    return {
        f"{last if name == 'fc8-euclidean' else name}.{kind}": torch.from_numpy(array)
        for name, arrays in small_layers().items()
        for kind, array in zip(("weight", "bias"), arrays, strict=True)
    }


@pytest.mark.parametrize("kind", ["upgraded", "first", "keyes", "pretorched", "safetensors"])
def test_weights_of_every_kind_of_file_get_the_same_names(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    if kind in {"upgraded", "first"}:
        path.write_bytes(caffemodel(small_layers(), upgraded=kind == "upgraded"))
    elif kind == "keyes":
        torch.save({"state_dict": as_state("fc8_euclidean"), "epoch": 3}, path)
    elif kind == "pretorched":
        torch.save(as_state(), path)
    else:
        save_file(dict(as_state()), path)
    state, _ = read_memnet_state(path)
    assert state.keys() == as_state().keys()
    for name, value in as_state().items():
        np.testing.assert_array_equal(state[name], value)


def test_a_pointer_of_git_lfs_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "memnet.caffemodel"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 227491118\n")
    with pytest.raises(InputError, match="pointer of Git LFS"):
        read_memnet_state(path)


def test_memnet_scores_with_the_weights_of_a_file(
    network: MemNet, mean_file: Path, tmp_path: Path
) -> None:
    save_file(network.state_dict(), tmp_path / "memnet.safetensors")
    given = Given(weights=(tmp_path / "memnet.safetensors",), mean_image=mean_file)
    predictor = open_memnet(SPEC, given)
    assert predictor.facts.licence == "none stated"
    assert predictor.facts.trained_on == "unknown"
    assert "scale raw" in predictor.facts.preprocessing
    pixels = np.random.default_rng(1).integers(0, 256, (1, 3, 256, 256), dtype=np.uint8)
    expected = TenCropScores(network, read_mean_image(mean_file), "raw")(torch.from_numpy(pixels))
    np.testing.assert_allclose(predictor.score(pixels, "cpu"), expected, rtol=1e-5)


def test_memnet_without_its_mean_image_or_with_other_weights_is_refused(
    mean_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "weights.caffemodel"
    path.write_bytes(caffemodel(small_layers(), upgraded=True))
    with pytest.raises(InputError, match=r"--mean-image.*image_mean\.npy"):
        open_memnet(SPEC, Given(weights=(path,)))
    with pytest.raises(InputError, match="does not fit the network of MemNet"):
        open_memnet(SPEC, Given(weights=(path,), mean_image=mean_file))


# Where a training starts


def test_a_training_starts_from_the_layers_that_fit(network: MemNet, tmp_path: Path) -> None:
    stream = np.random.default_rng(6)
    layers = {
        name: (
            network.get_parameter(f"{name}.weight").numpy() + 1,
            network.get_parameter(f"{name}.bias").numpy(),
        )
        for name in ("conv1", "conv2", "conv3", "conv4", "conv5")
    }
    # As Hybrid-CNN and AlexNet have it, for 7 classes.
    layers["fc8"] = (stream.normal(size=(7, 4096)), stream.normal(size=7))
    path = tmp_path / "alexnet.caffemodel"
    path.write_bytes(caffemodel(layers, upgraded=False))
    started = initial_memnet(3)
    receipt = load_start(started, path)
    assert torch.equal(started.conv4.weight, network.conv4.weight + 1)
    # The seed is the one of `network`.
    for name in ("fc6", "fc7", "fc8"):
        assert torch.equal(
            started.get_parameter(f"{name}.weight"), network.get_parameter(f"{name}.weight")
        )
    assert (receipt.matched, receipt.missing, receipt.unexpected) == (10, 6, 2)
    assert receipt.remark == "random: fc6, fc7, fc8"


def test_a_file_whose_first_layer_has_other_widths_starts_no_training(tmp_path: Path) -> None:
    torchvisions = {"conv1.weight": torch.ones(64, 3, 11, 11), "conv1.bias": torch.ones(64)}
    torch.save(torchvisions, tmp_path / "alexnet.pth")
    with pytest.raises(InputError, match=r"\(96, 3, 11, 11\), but is \(64, 3, 11, 11\)"):
        load_start(initial_memnet(0), tmp_path / "alexnet.pth")
