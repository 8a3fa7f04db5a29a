"""Pretrained weights: how their files are checked and loaded.

Every load leaves a receipt, and is strict but for the one choice that repeats how the published
scripts load. No pickle from outside is ever executed: torch reads with `weights_only`, and pickles of
arrays have a reader of their own. Nothing is downloaded here, nor by the constructors of torchvision
and lpips as they are called here.
"""

import pickle
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.base.files import file_sha256
from memorability.networks.array_pickles import read_arrays

# Of the pixels of ImageNet, in [0, 1], by which torchvision's networks expect images standardised.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
WHERE = "docs/data.md says where to get it, and how to do without"

# How older versions of torch begin a file, which is a pickle, too.
OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What was loaded into a network.

    Parameters
    ----------
    model
        The network, in words.
    source
        File name, or path where the study names the file; "random" where no file was meant to be read.
    sha256
        Of the file; empty where none was read.
    matched, missing, unexpected
        Tensors loaded from the file; tensors of the network that the file does not have; tensors of
        the file that the network does not have.
    remark
        What a reader must know besides these numbers; empty where file and network match in full.
    trained_by, published
        Of the network of a loss: who trained these weights, "unknown" where that is not known; and
        whether they are those of the published metric, "yes" or "no". Else empty.
    """

    model: str
    source: str
    sha256: str
    matched: int
    missing: int
    unexpected: int = 0
    remark: str = ""
    trained_by: str = ""
    published: str = ""

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
    beginning, digest = _checked(path)
    if _is_safetensors(beginning):
        raise InputError(
            f"{path} is a safetensors file under another name, and not the published file, which was "
            f"saved by torch. {WHERE}."
        )
    return _finite(path, _saved_by_torch(path)), digest


def read_any(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read a weights file of any kind that is no code; return its tensors and its SHA-256.

    Its content says which kind it is: safetensors; saved by torch, where a checkpoint dictionary is
    unwrapped and "module." is taken off as in `read_state_dict`; or a pickle of arrays, whose keys are
    joined with "/".

    Raises
    ------
    InputError
        As `read_state_dict`.
    """
    beginning, digest = _checked(path)
    state: Mapping[str, Tensor]
    if _is_safetensors(beginning):
        try:
            state = load_file(path)
        except SafetensorError as error:
            raise InputError(
                f"{path} is damaged: {error}. Delete it and get it again; {WHERE}."
            ) from error
    elif beginning.startswith(b"\x80") and not beginning.startswith(OLD_TORCH):
        state = {key: torch.from_numpy(array.copy()) for key, array in read_arrays(path).items()}
    else:
        state = _saved_by_torch(path)
    return _finite(path, {key.removeprefix("module."): state[key] for key in state}), digest


def _checked(path: Path) -> tuple[bytes, str]:
    """Return how a file begins and its SHA-256; refuse what shows to be no weights."""
    if not path.is_file():
        raise InputError(f"The weights file {path} does not exist: {WHERE}.")
    with path.open("rb") as file:
        beginning = file.read(64)
    digest = file_sha256(path)
    text = beginning.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html")):
        raise InputError(
            f"{path} is a web page, not weights: the server answered with a notice, for example that "
            f"too many people downloaded the file today. Delete it and download it again; {WHERE}."
        )
    if text.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{path} is a pointer of Git LFS, not the weights themselves: they were never downloaded. "
            f"Run git lfs pull where it comes from, and copy the file again; {WHERE}."
        )
    stated = re.search(r"-([0-9a-f]{8})\.pth$", path.name)
    if stated and not digest.startswith(stated[1]):
        raise InputError(
            f"{path} is not the file it is named for: its SHA-256 begins with {digest[:8]}, its name "
            f"states {stated[1]}. Delete it and download it again; {WHERE}."
        )
    return beginning, digest


def _is_safetensors(beginning: bytes) -> bool:
    return beginning[8:].startswith(b'{"')


def _saved_by_torch(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = dict(content.get("state_dict", content))
        named = all(isinstance(key, str) for key in state)
        if not (named and all(isinstance(value, Tensor) for value in state.values())):
            raise TypeError("it holds more than named tensors")
        return state
    except Exception as error:  # a damaged file fails anywhere in the reader
        raise InputError(
            f"{path} is damaged or holds more than tensors, and was not loaded: {_cause(error)}. "
            f"Delete it and download it again; {WHERE}."
        ) from error


def _cause(error: Exception) -> str:
    """Return what torch says was wrong, without its advice to load the file unsafely."""
    if not isinstance(error, pickle.UnpicklingError):
        return str(error)
    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    return f"it asks for {named[1]}, which is no tensor" if named else "it is no file of tensors"


def _finite(path: Path, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors; raise InputError if a number of them is NaN or infinite."""
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise InputError(
                f"{path}: the tensor {key!r} holds numbers that are NaN or infinite, so that no result "
                f"would mean anything. Get another copy of the file; {WHERE}."
            )
    return state


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
