"""What several commands take: a device, threads, a file to write."""

import argparse
from pathlib import Path
from typing import Any

from memorability.base.errors import InputError


def count(text: str) -> int:
    """Return a number of at least 1 from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def add_computing(command: Any) -> None:
    """Let a command take --overwrite, --device and --threads."""
    command.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    command.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto (default): cuda where there is a GPU",
    )
    command.add_argument("--threads", type=count, metavar="N", help="CPU threads; all by default")


def device_of(asked: str) -> str:
    """Return the device that was asked for, which must be there."""
    import torch

    from memorability.networks.computing import choose_device

    device = choose_device(asked)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: PyTorch finds no GPU here. Use --device cpu, or auto.")
    return device


def refuse_existing(output: Path, overwrite: bool) -> None:
    """Refuse to write over a file, unless told to."""
    if output.exists() and not overwrite:
        raise InputError(f"--output {output} exists. Name another file, or add --overwrite.")
