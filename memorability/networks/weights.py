"""Pretrained weights: how their files are checked and loaded.

Every load leaves a receipt, and is strict but for the one choice that repeats how the published
scripts load. Files are read with `weights_only`: no pickle from outside is ever executed. Nothing is
downloaded here, nor by the constructors of torchvision and lpips as they are called here.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.base.files import file_sha256

# Of the pixels of ImageNet, in [0, 1], by which torchvision's networks expect images standardised.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
WHERE = "docs/data.md says where to get it, and how to do without"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What was loaded into a network.

    Parameters
    ----------
    model
        The network, in words.
    source
        File name; "random" where no file was meant to be read.
    sha256
        Of the file; empty where none was read.
    matched, missing, unexpected
        Tensors loaded from the file; tensors of the network that the file does not have; tensors of
        the file that the network does not have.
    remark
        What a reader must know besides these numbers; empty where file and network match in full.
    """

    model: str
    source: str
    sha256: str
    matched: int
    missing: int
    unexpected: int = 0
    remark: str = ""

    def record(self) -> dict[str, Any]:
        """Return the receipt as a plain dictionary for run records."""
        return asdict(self)


def random_receipt(model: str, module: nn.Module) -> Receipt:
    """Return the receipt of a model that keeps seeded random weights."""
    missing = len(module.state_dict())
    return Receipt(model=model, source="random", sha256="", matched=0, missing=missing)


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
    state, digest = read_as_saved(path)
    return {key.removeprefix("module."): value for key, value in state.items()}, digest


def read_as_saved(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read a weights file as torch saved it; return its tensors and its SHA-256."""
    if not path.is_file():
        raise InputError(f"The weights file {path} does not exist: {WHERE}.")
    with path.open("rb") as file:
        beginning = file.read(64).lstrip().lower()
    digest = file_sha256(path)
    if beginning.startswith((b"<!doctype", b"<html")):
        raise InputError(
            f"{path} is a web page, not weights: the server answered with a notice, for example that "
            f"too many people downloaded the file today. Delete it and download it again; {WHERE}."
        )
    stated = re.search(r"-([0-9a-f]{8})\.pth$", path.name)
    if stated and not digest.startswith(stated[1]):
        raise InputError(
            f"{path} is not the file it is named for: its SHA-256 begins with {digest[:8]}, its name "
            f"states {stated[1]}. Delete it and download it again; {WHERE}."
        )
    if beginning[8:].startswith(b'{"'):
        raise InputError(
            f"{path} is a safetensors file under another name, and not the published file, which was "
            f"saved by torch. {WHERE}."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = dict(content.get("state_dict", content))
        named = all(isinstance(key, str) for key in state)
        if not (named and all(isinstance(value, Tensor) for value in state.values())):
            raise TypeError("it holds more than named tensors")
        return state, digest
    except Exception as error:  # a damaged file fails anywhere in the reader
        raise InputError(
            f"{path} is damaged or holds more than tensors, and was not loaded: {error}. "
            f"Delete it and download it again; {WHERE}."
        ) from error


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
