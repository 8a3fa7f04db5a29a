"""MemNet's files: weights of Caffe or of a port to PyTorch, and the mean image."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from scipy.io import loadmat
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.networks.caffe_files import read_binaryproto, read_caffemodel
from memorability.networks.weights import Receipt, load_strictly, read_any
from memorability.pixel_predictors.contract import Facts, Given, PixelPredictor
from memorability.pixel_predictors.memnet import MemNet, TenCropScores
from memorability.pixel_predictors.names import PixelPredictorSpec
from memorability.pixel_predictors.views import SQUARE, squashed
from memorability.sources.downloads import licence_of

MODEL = "network of MemNet"
WHERE = "docs/predictors.md says where it may be had"

# SHA-256 of files that their publishers call MemNet -> which they are.
PUBLISHED: Mapping[str, str] = {
    "3ee5d693893d70500b0fc44cd4d6cd17304b56b38c3b621aff3d5aaaa2320b9e": "the published caffemodel",
    "bb8096fb640c5196d403a2f6116979df2e42299b534081d5e962b01aeffca1e6": "the port of A. Keyes",
}
PREPROCESSING = (
    "squashed to 256 × 256 pixels (bilinear, antialiased), BGR 0–255 less the mean image, mean of ten "
    "crops of 227 × 227 with the centre at offset 15, scale {scale}"
)

# What other files call the last layer.
_LAST = ("fc8-euclidean", "fc8_euclidean")
_BY_TORCH = (b"PK\x03\x04", b"\x80")


def read_memnet_state(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read weights by the names of `MemNet`, whatever the kind of the file; return its SHA-256, too.

    The content says which kind it is: a `.caffemodel` of either generation, or a file of torch or of
    safetensors. The last layer may be called fc8, fc8-euclidean or fc8_euclidean. Other layers keep
    their names.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    beginning = b""
    if path.is_file():
        with path.open("rb") as file:
            beginning = file.read(16)
    if beginning.startswith(_BY_TORCH) or beginning[8:].startswith(b'{"'):
        state, digest = read_any(path)
    else:
        layers, digest = read_caffemodel(path)
        state = {}
        for layer, (weight, *others) in layers.items():
            state[f"{layer}.weight"] = torch.from_numpy(_without_ones(weight).copy())
            if others:
                state[f"{layer}.bias"] = torch.from_numpy(others[0].flatten())
    for last in _LAST:
        state = {
            f"fc8{key.removeprefix(last)}" if key.startswith(f"{last}.") else key: value
            for key, value in state.items()
        }
    return state, digest


def _without_ones(weight: np.ndarray) -> np.ndarray:
    """Return a weight without the leading sides of 1 by which old files give a matrix four sides."""
    while weight.ndim > 2 and weight.shape[0] == 1:
        weight = weight[0]
    return weight


def read_mean_image(path: Path) -> Tensor:
    """Read MemNet's mean image, (3, 256, 256) float32: blue, green, red, 0–255.

    Parameters
    ----------
    path
        .npy (256, 256, 3), .mat with the variable `image_mean` (256, 256, 3), or .binaryproto
        (1, 3, 256, 256).

    Raises
    ------
    InputError
        If it is missing, of another kind, of another size or range.
    """
    if not path.is_file():
        raise InputError(f"The mean image {path} does not exist: {WHERE}.")
    try:
        if path.suffix == ".npy":
            image = np.load(path, allow_pickle=False).transpose(2, 0, 1)
        elif path.suffix == ".mat":
            image = loadmat(path, variable_names=["image_mean"])["image_mean"].transpose(2, 0, 1)
        else:
            image = read_binaryproto(path)[0]
    except InputError:
        raise
    except Exception as error:  # a damaged file fails anywhere in a reader
        raise InputError(
            f"{path} is no mean image: {error}. MemNet's is .npy, .mat or .binaryproto; {WHERE}."
        ) from error
    if image.shape != (3, SQUARE, SQUARE):
        raise InputError(
            f"{path} is a mean image of another network: it has the shape {image.shape}, MemNet's has "
            f"{SQUARE} × {SQUARE} pixels of 3 colours. {WHERE[0].upper()}{WHERE[1:]}."
        )
    if not (np.isfinite(image).all() and 1 < image.mean() < 255):
        raise InputError(
            f"{path} has a mean of {image.mean():.3g}: MemNet's mean image has values from 85 to 139, "
            f"of 0 to 255. {WHERE[0].upper()}{WHERE[1:]}."
        )
    return torch.from_numpy(np.array(image, dtype=np.float32))


def open_memnet(spec: PixelPredictorSpec, given: Given) -> PixelPredictor:
    """Return MemNet with the weights and the mean image of files."""
    (file,) = given.weights
    if given.mean_image is None:
        raise InputError(
            f"{spec.label} subtracts its mean image from every image: name the file with --mean-image. "
            f"{spec.where}."
        )
    mean_image = read_mean_image(given.mean_image)
    state, digest = read_memnet_state(file)
    with torch.device("meta"):
        network = MemNet()
    network.to_empty(device="cpu")
    load_strictly(network, state, MODEL, file)
    facts = Facts(
        predictor=spec.name,
        predicts=spec.predicts,
        trained_on="LaMem" if digest in PUBLISHED else "unknown",
        version=PUBLISHED.get(digest, "another file"),
        weights_sha256=digest,
        preprocessing=PREPROCESSING.format(scale=given.scale),
        licence=licence_of(digest) or "none stated",
    )
    scores = TenCropScores(network, mean_image, given.scale).eval().requires_grad_(False)
    return PixelPredictor(facts=facts, prepare=squashed, network=scores)


def load_start(network: nn.Module, path: Path) -> Receipt:
    """Load the weights that a training of MemNet starts from, and return what was loaded.

    Layers of the file whose name and shape fit are taken, from conv1 on: all of MemNet's own; all but
    the last of Hybrid-CNN, CaffeNet and AlexNet in Caffe. The others stay as they are: random.

    Parameters
    ----------
    network
        `memorability.pixel_predictors.memnet.MemNet`, with random weights.
    path
        As `read_memnet_state` reads.

    Raises
    ------
    InputError
        If not even the first layer fits.
    """
    state, digest = read_memnet_state(path)
    own = network.state_dict()
    layers = dict.fromkeys(key.partition(".")[0] for key in own)
    fitting = [layer for layer in layers if _fits(own, state, layer)]
    if "conv1" not in fitting:
        found = tuple(state["conv1.weight"].shape) if "conv1.weight" in state else "none"
        raise InputError(
            f"{path} has no weights for MemNet: its first layer conv1 must have the shape "
            f"{tuple(own['conv1.weight'].shape)}, but is {found}. The AlexNet of torchvision has other "
            "widths; that of Caffe, CaffeNet, Hybrid-CNN and MemNet fit."
        )
    taken = {key: value for key, value in state.items() if key.partition(".")[0] in fitting}
    taken = {key: taken[key] for key in own if key in taken}
    network.load_state_dict(taken, strict=False)
    random = [layer for layer in layers if layer not in fitting]
    return Receipt(
        model=MODEL,
        source=str(path),
        sha256=digest,
        matched=len(taken),
        missing=len(own) - len(taken),
        unexpected=len(state) - len(taken),
        remark=f"random: {', '.join(random)}" if random else "",
    )


def _fits(own: Mapping[str, Tensor], state: Mapping[str, Tensor], layer: str) -> bool:
    return all(
        key in state and state[key].shape == value.shape
        for key, value in own.items()
        if key.startswith(f"{layer}.")
    )
