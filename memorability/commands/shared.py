"""What several commands take: a device, threads, a file to write."""

import argparse
from pathlib import Path
from typing import Any

from memorability.base.errors import InputError, named
from memorability.pixel_predictors.names import PIXEL_PREDICTORS


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


def add_predictors(command: Any, model: str) -> None:
    """Let a command take --predictor and --model, a file of which `model` says what it is."""
    command.add_argument(
        "--predictor",
        action="append",
        default=[],
        metavar="NAME",
        help=f"may be given several times: {', '.join(PIXEL_PREDICTORS)}; weights are fetched once",
    )
    command.add_argument("--model", type=Path, metavar="FILE", help=model)


def refuse_unknown_predictors(arguments: argparse.Namespace) -> None:
    """Refuse to score with nothing, or with a predictor that there is not."""
    if not arguments.predictor and arguments.model is None:
        raise InputError(
            "Nothing says what to score with. Name a predictor (--predictor resmem_published), the "
            "file of a study (--model results/<study>/predictor/bundle.safetensors), or both."
        )
    for name in arguments.predictor:
        named(PIXEL_PREDICTORS, name, "predictor")


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
