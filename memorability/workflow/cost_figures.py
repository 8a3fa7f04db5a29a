"""Seconds that parts of jobs take: of one core as published, or as this machine was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from memorability.study.study import Study

FIGURES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("cost_figures.yaml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class LossSeconds:
    """Seconds of a loss on one image, the autoencoder left out.

    Attributes
    ----------
    describe
        What its network makes of the image itself; 0 where there is none.
    train, measure
        All of it in a training step, with the gradient of the reconstruction, and in an evaluation.
    """

    describe: float
    train: float
    measure: float


@dataclass(frozen=True)
class AutoencoderSeconds:
    """Seconds of an autoencoder on one image.

    Attributes
    ----------
    train
        A fine-tuning step, of the loss mse: both passes and the optimiser.
    reconstruct
        A pass in evaluation mode.
    encode
        A pass through the encoder, in fp32.
    attribute
        One point of Integrated Gradients, in fp32.
    """

    train: float
    reconstruct: float
    encode: float
    attribute: float


@dataclass(frozen=True)
class Calibration:
    """How fast a machine is at what needs networks.

    Attributes
    ----------
    device
        torch device.
    threads
        With which a processor computed.
    autoencoders
        By architecture: bottleneck, decoder, batch_norm.
    losses
        By name.
    start
        Seconds in which a job loads its libraries.
    spread
        Longest over shortest time of the same training step, the most of all architectures.
    """

    device: str
    threads: int
    autoencoders: Mapping[tuple[Any, ...], AutoencoderSeconds]
    losses: Mapping[str, LossSeconds]
    start: float
    spread: float


def architecture(protocol: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what of a protocol decides how long its autoencoder takes."""
    return tuple(protocol[choice] for choice in ("bottleneck", "decoder", "batch_norm"))


def published(study: Study) -> Calibration:
    """Return what one core of `cost_figures.yaml` takes for the networks of a study.

    Jobs start at once: the start of a job on a cluster is not theirs.
    """
    width = float(study.settings["autoencoder"]["width"])
    seconds = {
        name: max(whole * width**2, min(whole, FIGURES["least"]))
        for name, whole in FIGURES["autoencoder"].items()
    }
    return Calibration(
        "cpu",
        1,
        {
            architecture(protocol.choices()): AutoencoderSeconds(**seconds)
            for protocol in study.protocols.values()
        },
        {name: LossSeconds(**parts) for name, parts in FIGURES["losses"].items()},
        start=0.0,
        spread=1.0,
    )
