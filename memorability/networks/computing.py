"""How networks compute: in single precision, or in bfloat16 where a processor is faster at it."""

import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import nn

from memorability.base.seeding import make_deterministic

logger = logging.getLogger(__name__)


_Network = TypeVar("_Network", bound=nn.Module)

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Compute:
    """What of a machine decides the bits of a result.

    Parameters
    ----------
    device
        `cpu`, `cuda`, or `auto`: a GPU where there is one.
    threads
        Of the processor, at least 1: sums are split among them.
    precision
        In which convolutions and matrix products of a training, and of what is measured of its
        models, compute. What is always computed in single precision has the default.
    """

    device: Literal["auto", "cpu", "cuda"]
    threads: int
    precision: Precision = "fp32"


DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""Numbers that convolutions compute with, by the name of the precision. Weights, their averages,
optimiser and losses are float32 in both."""


def autocast(precision: Precision, device_type: str) -> AbstractContextManager[object]:
    """Return a context in which convolutions and matrix products compute in a precision of `DTYPES`."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device_type, DTYPES[precision])


def place(network: _Network, device: str) -> _Network:
    """Move a network to a device, in the memory layout that is faster there, and return it.

    Processors convolve maps whose channels lie beside each other faster; sums are then taken in
    another order. No GPU was measured: there, the layout stays PyTorch's own.
    """
    network.to(device)
    if device == "cpu":
        network.to(memory_format=torch.channels_last)
    return network


def warn_if_slow(precision: Precision, device: str) -> None:
    """Say so where bfloat16 is computed without instructions for it, slower than single precision."""
    known = torch.cpu.get_capabilities()
    if (
        precision == "bf16"
        and device == "cpu"
        and not (known.get("avx512_bf16") or known.get("bf16"))
    ):
        logger.warning(
            "compute.precision: bf16, but this processor has no instructions for it: fp32 would be "
            "faster here. The run goes on."
        )


def deterministic_device(compute: Compute) -> str:
    """Make this process deterministic, and return the torch device that it computes on."""
    make_deterministic(compute.threads)
    return choose_device(compute.device)


def choose_device(device: str) -> str:
    """Return the torch device for `auto` (a GPU where there is one), `cpu` or `cuda`."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
