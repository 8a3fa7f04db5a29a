"""Training state on disk: a run that was stopped goes on where it was and ends with equal bits.

A state is a safetensors file in `resources/checkpoints/<key>/`, outside what the workflow declares,
because Snakemake deletes the outputs of a job that failed. The key is a hash of all that decides the
bits of the run. A file's name holds how far the run had come and the checksum of the whole file;
the two furthest are kept, so that a damaged one still leaves another.

Where runs are shared, the state in which a run ended stays, without the optimiser's moments: the same
run of another study, or of a job that is made again, is taken from it and trains nothing.

Two processes may make the same run at once. Files appear under their name only when they are whole,
whoever finds one has a valid state, and a file that another process has removed is not missed.
"""

import json
import logging
import math
import os
import shutil
import signal
import tempfile
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.base.files import CHECKPOINTS, atomic

logger = logging.getLogger(__name__)


KEPT = 2
LARGEST_SHARE = 0.02
"""Of a run's time, that saving may take: after a slow save the next one waits longer."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Stopped(SystemExit):
    """A signal ended the job after a step; the status is the shell's for that signal, 128 + n."""


@dataclass
class TrainingState:
    """All that changes while a run is made.

    The position in the run is how many losses and errors there are: nothing else needs to be kept.

    Parameters
    ----------
    model, optimizer
        As they are trained.
    device
        torch device, whose random numbers are part of the state.
    losses
        Of every step so far.
    errors
        Of every image after every epoch so far.
    kept
        Weights by name of an earlier epoch, where a training keeps its best one.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    device: str
    losses: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    kept: dict[str, Tensor] = field(default_factory=dict)

    @property
    def diverged(self) -> bool:
        """Whether the last loss or error is not finite, which ended the run."""
        return not all(math.isfinite(values[-1]) for values in (self.losses, self.errors) if values)

    def tensors(self, *, moments: bool = True) -> dict[str, Tensor]:
        """Return the whole state as tensors by name, or without the moments of the optimiser."""
        state = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        state |= {f"kept.{name}": value for name, value in self.kept.items()}
        stepped = self.optimizer.state_dict()["state"].items() if moments else ()
        for index, values in stepped:
            state |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
        state["random.cpu"] = torch.get_rng_state()
        if self.device.startswith("cuda"):
            state["random.cuda"] = torch.cuda.get_rng_state(self.device)
        state["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        state["errors"] = torch.tensor(self.errors, dtype=torch.float64)
        return {name: value.contiguous().cpu() for name, value in state.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up the state that `tensors` returned."""
        model: dict[str, Tensor] = {}
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "model":
                model[rest] = value
            elif kind == "kept":
                self.kept[rest] = value.to(self.device)
            elif kind == "optimizer":
                index, _, moment = rest.partition(".")
                moments.setdefault(int(index), {})[moment] = value
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.startswith("cuda"):
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)
        self.losses[:] = tensors["losses"].tolist()
        self.errors[:] = tensors["errors"].tolist()


class Checkpoints:
    """The states of one run on disk, and the signals that ask its job to stop.

    A context manager: inside it SIGTERM, SIGINT and SIGUSR1 end the job after the present step, with
    its state saved; when it ends well, the run is complete and its states are removed.

    Parameters
    ----------
    key
        Hash of all that decides the run's bits.
    seconds
        Between two saves, at least; longer where saves would take more than 2 % of the time.
    directory
        Holds the states of all runs, each in a subdirectory named by its key.
    share
        Whether the state in which the run ends stays.
    """

    def __init__(
        self, key: str, seconds: float, directory: Path = CHECKPOINTS, *, share: bool = False
    ) -> None:
        self.key = key
        self.seconds = seconds
        self.share = share
        self.directory = directory / key
        self.found: dict[str, Tensor] | None = None
        self._signal: int | None = None
        self._next_save = time.monotonic() + seconds

    def __enter__(self) -> Self:
        self._handlers = {number: signal.signal(number, self._stop) for number in SIGNALS}
        self.found = self._load()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if error is None and not self.share:
            self.discard()

    def discard(self) -> None:
        """Remove the states: the run has ended, or none of them leads to an end."""
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def done(self) -> int:
        """How many images the state that was found has behind it, training and evaluation alike."""
        return len(self.found["losses"]) + len(self.found["errors"]) if self.found else 0

    def restore(self, state: TrainingState) -> None:
        """Take up the state that was found, if any, and make sure that the next can be written.

        Raises
        ------
        InputError
            If the directory cannot be written or its disk has no room for the states.
        """
        parts = [*state.model.parameters(), *state.model.buffers()]
        # Adam keeps two numbers beside each weight.
        self._require_room(3 * sum(part.numel() * part.element_size() for part in parts))
        if self.found is not None:
            state.restore(self.found)
            self.found = None

    def due(self) -> bool:
        """Return whether the loop shall call `save` after this step."""
        return self._signal is not None or time.monotonic() >= self._next_save

    def save(self, state: TrainingState) -> None:
        """Write a state; a failure is a warning, for the run itself needs no checkpoint.

        Raises
        ------
        Stopped
            If a signal asked the job to stop.
        """
        started = time.monotonic()
        self._try_to_write(state)
        ended = time.monotonic()
        self._next_save = ended + max(self.seconds, (ended - started) / LARGEST_SHARE)
        if self._signal is not None:
            logger.warning(
                "Stopped by %s after %d steps and %d errors. The next job of this run goes on from "
                "the last state in %s.",
                signal.Signals(self._signal).name, len(state.losses), len(state.errors),
                self.directory,
            )  # fmt: skip
            raise Stopped(128 + self._signal)

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._signal = number

    def finish(self, state: TrainingState) -> None:
        """Write the state in which a run ended, where runs are shared; a failure is a warning."""
        if self.share:
            self._try_to_write(state, finished=True)

    def _try_to_write(self, state: TrainingState, *, finished: bool = False) -> None:
        try:
            self._write(state, finished=finished)
        except (InputError, OSError) as error:
            logger.warning("The training state was not saved: %s The run goes on.", error)

    def _write(self, state: TrainingState, *, finished: bool) -> None:
        data = save(state.tensors(moments=not finished), metadata={"key": self.key})
        position = len(state.losses) + len(state.errors)
        path = self.directory / f"{position:012d}-{zlib.crc32(data):08x}.safetensors"
        with atomic(path) as temporary, temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        others = [other for other in self._paths() if other != path]
        for old in others if finished else others[KEPT - 1 :]:
            old.unlink(missing_ok=True)

    def _load(self) -> dict[str, Tensor] | None:
        """Return the furthest state that is whole and this run's own; remove what is not."""
        for abandoned in self.directory.glob(".*.partial"):
            _remove_if_abandoned(abandoned)
        for path in self._paths():
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue  # another process of this run has gone further or has ended
            wrong = self._wrong(path, data)
            if wrong is None:
                tensors = load(data)
                logger.info(
                    "Goes on after %d steps and %d errors, from %s.",
                    len(tensors["losses"]), len(tensors["errors"]), path,
                )  # fmt: skip
                return tensors
            logger.warning("The training state %s %s: it is not used, and removed.", path, wrong)
            path.unlink(missing_ok=True)
        logger.info("No training state in %s: the run starts from the beginning.", self.directory)
        return None

    def _wrong(self, path: Path, data: bytes) -> str | None:
        if path.stem.rpartition("-")[2] != f"{zlib.crc32(data):08x}":
            return "is damaged"
        # safetensors: eight bytes of length, the header as JSON, the tensors.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        if header.get("__metadata__", {}).get("key") != self.key:
            return "belongs to another configuration"
        return None

    def _paths(self) -> list[Path]:
        """Return the files of states, the furthest first."""
        return sorted(self.directory.glob("[0-9]*-*.safetensors"), reverse=True)

    def _require_room(self, state_bytes: int) -> None:
        advice = (
            "Free space or change permissions, or make "
            f"{self.directory.parent} a link to a directory on another disk."
        )
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.directory) as probe:
                probe.write(bytes(4096))
                probe.flush()
            free = shutil.disk_usage(self.directory).free
            free += sum(path.stat().st_size for path in self.directory.iterdir())
        except FileNotFoundError:
            return  # another process of this run has just ended and removed it
        except OSError as error:
            raise InputError(
                f"Training state cannot be written to {self.directory}: "
                f"{error.strerror or error}. {advice}"
            ) from error
        needed = (KEPT + 1) * state_bytes
        if free < needed:
            raise InputError(
                f"The disk of {self.directory} has {free / 1e9:.1f} GB for training states, but "
                f"{KEPT} of them and one more while it is written take {needed / 1e9:.1f} GB. {advice}"
            )


def arithmetic(device: str) -> dict[str, str]:
    """Return what of the machine decides the bits of a run: PyTorch, and the kernels it chooses."""
    if device.startswith("cuda"):
        return {"torch": torch.__version__, "device": torch.cuda.get_device_name(device)}
    return {"torch": torch.__version__, "device": torch.backends.cpu.get_cpu_capability()}


def _remove_if_abandoned(path: Path) -> None:
    """Remove a half-written file of a process that was killed; none takes an hour to write."""
    try:
        if time.time() - path.stat().st_mtime > 3600:
            path.unlink()
    except FileNotFoundError:
        pass  # it has become a state meanwhile
