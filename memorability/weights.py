"""Pretrained weights: which files a study needs, how they are checked and loaded.

Every load is strict and leaves a receipt. Files are read with `weights_only`: no pickle from outside
is ever executed.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memorability.downloads import AUTOENCODER, BACKBONES
from memorability.errors import InputError

WHERE = "docs/data.md says where to get it; weights.source: random does without"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What was loaded: file, its SHA-256, and how many tensors matched."""

    model: str
    source: str
    sha256: str
    matched: int
    missing: int

    def record(self) -> dict[str, Any]:
        """Return the receipt as a plain dictionary for run records."""
        return asdict(self)


def random_receipt(model: str, module: nn.Module) -> Receipt:
    """Return the receipt of a model that keeps seeded random weights."""
    missing = len(module.state_dict())
    return Receipt(model=model, source="random", sha256="", matched=0, missing=missing)


def continued_receipt(module: nn.Module, path: str | Path) -> Receipt:
    """Return the receipt of a model that continues with the weights of the run before."""
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    matched = len(module.state_dict())
    return Receipt(model="autoencoder", source=str(path), sha256=digest, matched=matched, missing=0)


def read_state_dict(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read a state dict without executing pickled code; return it with the file's SHA-256.

    A checkpoint dictionary is unwrapped from "state_dict", and the "module." that data-parallel
    training puts before every key is taken off.

    Raises
    ------
    InputError
        If the file is missing, holds anything but tensors and plain containers, is damaged, or does
        not begin with the hash that its name states.
    """
    if not path.is_file():
        raise InputError(f"The weights file {path} does not exist: {WHERE}.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    stated = re.search(r"-([0-9a-f]{8})\.pth$", path.name)
    if stated and not digest.startswith(stated[1]):
        raise InputError(
            f"{path} is not the file it is named for: its SHA-256 begins with {digest[:8]}, its name "
            f"states {stated[1]}. Download it again; {WHERE}."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = content.get("state_dict", content)
        state = {key.removeprefix("module."): value for key, value in state.items()}
    except Exception as error:  # a damaged file fails anywhere in the reader
        raise InputError(
            f"{path} is damaged or holds more than tensors, and was not loaded: {error}. "
            f"Download it again; {WHERE}."
        ) from error
    return state, digest


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], model: str, path: Path) -> int:
    """Load `state` into `module`; anything but a full match of names and shapes is an error.

    Returns
    -------
    int
        The number of tensors loaded.
    """
    own = module.state_dict()
    missing, unexpected = sorted(set(own) - set(state)), sorted(set(state) - set(own))
    shapes = [key for key in own if key in state and own[key].shape != state[key].shape]
    for what, keys in (
        ("missing", missing),
        ("unexpected", unexpected),
        ("of another shape", shapes),
    ):
        if keys:
            raise InputError(
                f"{path} does not fit the {model}: {len(keys)} of {len(own)} tensors are {what}, "
                f"for example {keys[0]!r}. Use the file for this architecture and width; {WHERE}."
            )
    module.load_state_dict(dict(state))
    return len(own)


def load_autoencoder(module: nn.Module, directory: Path) -> Receipt:
    """Load the published ImageNet autoencoder into an `Autoencoder` of width 1, strictly."""
    path = directory / AUTOENCODER
    state, digest = read_state_dict(path)
    named = {_own_name(key): value for key, value in state.items()}
    matched = load_strictly(module, named, "autoencoder", path)
    return Receipt(model="autoencoder", source=path.name, sha256=digest, matched=matched, missing=0)


def _own_name(key: str) -> str:
    """Translate a key of the published checkpoint, "encoder.conv1.0 EncoderLayer.layer.0.weight".

    Its encoder layers are convolution, normalisation, ReLU; its decoder stages begin with the
    upsampling, followed by layers of normalisation, ReLU, convolution.
    """
    upsampling = re.fullmatch(r"decoder\.conv(\d)\.0 UpSampling\.(\w+)", key)
    if upsampling:
        return f"decoder.{int(upsampling[1]) - 1}.0.{upsampling[2]}"
    layer = re.fullmatch(r"(encoder|decoder)\.conv(\d)\.(\d) \w+\.layer\.(\d)\.(\w+)", key)
    if not layer:
        return key
    part, stage, index, inner, name = layer.groups()
    position = 3 * int(index) + int(inner) - (2 if part == "decoder" else 0)
    return f"{part}.{int(stage) - 1}.{position}.{name}"


def load_backbone(module: nn.Module, name: str, directory: Path) -> Receipt:
    """Load torchvision's ImageNet weights into the convolutions of a loss network, strictly.

    Parameters
    ----------
    module
        A network whose parameters are named by their index in torchvision's `features`, perhaps
        below slices: "slice1.0.weight" and "0.weight" both stand for "features.0.weight".
    name
        Key of `BACKBONES`.
    directory
        Where the file is.
    """
    path = directory / BACKBONES[name]
    state, digest = read_state_dict(path)
    by_index = {key: value for key, value in state.items() if key.startswith("features.")}
    own = {key: re.sub(r"^(slice\d+\.)?", "features.", key) for key in module.state_dict()}
    chosen = {key: by_index[source] for key, source in own.items() if source in by_index}
    matched = load_strictly(module, chosen, f"{name} backbone", path)
    return Receipt(
        model=f"{name} backbone", source=path.name, sha256=digest, matched=matched, missing=0
    )
