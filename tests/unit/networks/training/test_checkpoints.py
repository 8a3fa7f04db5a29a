"""Runs that are killed anywhere and taken up again end with the bytes of one that never stopped."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from memorability.autoencoder import finetuning
from memorability.autoencoder.architecture import write_autoencoder
from memorability.autoencoder.finetuning import FinetunedRun, RunSettings, finetune
from memorability.base.errors import InputError
from memorability.networks.training import checkpoints as module
from memorability.networks.training.checkpoints import (
    Checkpoints,
    Stopped,
    TrainingState,
    arithmetic,
)
from memorability.tables import store
from tests.run_settings import run_settings

torch.set_num_threads(1)
IMAGES = 6
FILES = ("autoencoder.safetensors", "errors.parquet", "history.parquet")
# Fewer images are trained on than are measured.
SPLIT = {"fine_tuned_on": "train_split", "batch_norm_mode": "train_then_recompute"}
# Dropout draws random numbers at every step.
DROPOUT = {"bottleneck": "fc4096", "decoder": "transposed12", "batch_norm": False}


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def settings(**changes: Any) -> RunSettings:
    return run_settings(**{"epochs": 2, "width": 0.02} | changes)


def run(chosen: RunSettings, checkpoints: Checkpoints | None = None, **how: Any) -> FinetunedRun:
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 3, 224, 224), dtype=np.uint8)
    ids = [f"image_{index}" for index in range(IMAGES)]
    images = pd.DataFrame({"image_id": ids, "position": range(IMAGES)})
    parts = ["train", "test", "train", "validation", "test", "train"]
    images = images.assign(score=np.linspace(0, 1, IMAGES), split=parts)
    return finetune(pixels, images, chosen, device="cpu", checkpoints=checkpoints, **how)


def make(directory: Path, chosen: RunSettings, seconds: float = 1e-9, **how: Any) -> None:
    """Do what the job does, with a save after every image unless `seconds` says otherwise."""
    with Checkpoints("key", seconds, directory / "checkpoints") as checkpoints:
        # However slow the disk is.
        module.LARGEST_SHARE = float("inf")
        made = run(chosen, checkpoints, **how)
        write_files(made, directory)


def write_files(made: FinetunedRun, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    write_autoencoder(made.model, directory / FILES[0], {"outcome": made.outcome})
    store.write(made.errors, directory / FILES[1], "errors")
    store.write(made.history, directory / FILES[2], "history")


def contents(directory: Path) -> list[bytes]:
    return [(directory / name).read_bytes() for name in FILES]


def states(directory: Path) -> list[Path]:
    return sorted((directory / "checkpoints" / "key").glob("*.safetensors"))


def start(directory: Path, chosen: RunSettings) -> Any:
    """Start `make` in a process of its own."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=make, args=(directory, chosen))
    process.start()
    return process


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[bytes]]:
    """The files of a run that was never stopped, and had no checkpoints."""
    known: dict[str, list[bytes]] = {}

    def of(chosen: RunSettings) -> list[bytes]:
        if repr(chosen) not in known:
            directory = tmp_path_factory.mktemp("expected")
            write_files(run(chosen), directory)
            known[repr(chosen)] = contents(directory)
        return known[repr(chosen)]

    return of


@pytest.fixture(autouse=True)
def share() -> Iterator[None]:
    before = module.LARGEST_SHARE
    yield
    module.LARGEST_SHARE = before


# Kills


def position(directory: Path) -> int:
    """Return how far the furthest state is."""
    return max((int(path.stem.partition("-")[0]) for path in states(directory)), default=0)


def kill_and_resume(
    directory: Path, chosen: RunSettings, kinds: list[signal.Signals], stream: random.Random
) -> list[int]:
    """Kill the job over and over at random points, then let it end; return where it was each time.

    Each job is killed one to three images after its start, and up to 20 ms later: within a step,
    between two, or within a save.
    """
    seen = []
    for number in kinds:
        goal = position(directory) + stream.randint(1, 3)
        process = start(directory, chosen)
        while position(directory) < goal and process.exitcode is None:
            time.sleep(0.001)
        process.join(stream.uniform(0, 0.02))
        assert process.exitcode is None, "the run is too short for so many kills"
        os.kill(process.pid, number)
        process.join()
        assert process.exitcode == (-number if number == signal.SIGKILL else 128 + number)
        seen.append(position(directory))
        assert seen[-1] >= goal
    process = start(directory, chosen)
    process.join()
    assert process.exitcode == 0
    assert not (directory / "checkpoints" / "key").exists()
    return seen


@pytest.mark.parametrize(
    "choices", [{"batch_norm_mode": "train_then_recompute"}, DROPOUT], ids=["recompute", "dropout"]
)
def test_a_run_that_is_killed_and_taken_up_ends_with_equal_bytes(
    tmp_path: Path, expected: Callable[..., list[bytes]], choices: dict[str, Any]
) -> None:
    chosen = settings(**choices)
    kill_and_resume(
        tmp_path, chosen, [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL], random.Random(0)
    )
    assert contents(tmp_path) == expected(chosen)


@pytest.mark.long
@pytest.mark.parametrize(
    "choices",
    [{}, {"batch_norm_mode": "train_then_recompute"}, {"batch_norm_mode": "frozen"}, DROPOUT],
    ids=["plain", "recompute", "frozen", "dropout"],
)
def test_twenty_kills_and_five_terminations_anywhere_change_no_byte(
    tmp_path: Path, expected: Callable[..., list[bytes]], choices: dict[str, Any]
) -> None:
    chosen = settings(epochs=8, **choices)
    stream = random.Random(repr(choices))
    kinds = [signal.SIGKILL] * 20 + [signal.SIGTERM] * 5
    stream.shuffle(kinds)
    seen = kill_and_resume(tmp_path, chosen, kinds, stream)
    print(f"killed after {seen} of {2 * 8 * IMAGES} images")
    assert contents(tmp_path) == expected(chosen)


class Killed(BaseException):
    """Stands for a kill, within this process."""


@pytest.mark.parametrize(
    "choices",
    [{}, DROPOUT, SPLIT, {"batch_norm_mode": "evaluate_as_trained"}],
    ids=["plain", "dropout", "split", "as_trained"],
)
def test_a_run_can_be_taken_up_after_any_image(
    tmp_path: Path, expected: Callable[..., list[bytes]], choices: dict[str, Any]
) -> None:
    chosen = settings(**choices)
    done = 0

    def die() -> None:
        raise Killed

    while not (tmp_path / FILES[2]).exists():
        try:
            # The image before is saved; the death at the next one loses nothing.
            make(tmp_path, chosen, on_image=die)
        except Killed:
            done += 1
            assert int(states(tmp_path)[-1].stem.partition("-")[0]) == done
            assert len(states(tmp_path)) == min(done, 2)
    assert done == 2 * (IMAGES + (3 if "fine_tuned_on" in choices else IMAGES))
    assert contents(tmp_path) == expected(chosen)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_stops_the_job_after_the_step_with_its_state_saved(
    tmp_path: Path,
    expected: Callable[..., list[bytes]],
    caplog: pytest.LogCaptureFixture,
    number: signal.Signals,
) -> None:
    chosen, shown = settings(), []
    before = signal.getsignal(number)

    def send() -> None:
        shown.append(1)
        if len(shown) == 3:
            os.kill(os.getpid(), number)

    with pytest.raises(Stopped) as stopped:
        make(tmp_path, chosen, seconds=1e6, on_image=send)
    assert stopped.value.code == 128 + number
    assert f"Stopped by {number.name} after 4 steps and 0 errors" in caplog.text
    assert signal.getsignal(number) is before
    assert [path.stem.partition("-")[0] for path in states(tmp_path)] == ["000000000004"]
    make(tmp_path, chosen, seconds=1e6)
    assert contents(tmp_path) == expected(chosen)


def test_a_signal_during_the_recomputation_of_averages_is_heard_at_once(
    tmp_path: Path, expected: Callable[..., list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(epochs=1, batch_norm_mode="train_then_recompute")
    asked = []

    def due(self: Checkpoints) -> bool:
        # Asked after each of the training images, then within the recomputation.
        asked.append(1)
        if len(asked) == IMAGES + 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return self._signal is not None

    monkeypatch.setattr(Checkpoints, "due", due)
    with pytest.raises(Stopped):
        make(tmp_path, chosen)
    assert len(asked) <= IMAGES + 3
    monkeypatch.undo()
    make(tmp_path, chosen)
    assert contents(tmp_path) == expected(chosen)


def test_two_jobs_that_make_the_same_run_at_once_both_end_with_equal_bytes(
    tmp_path: Path, expected: Callable[..., list[bytes]]
) -> None:
    chosen = settings(epochs=3)
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "checkpoints").symlink_to(tmp_path / "checkpoints")
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "checkpoints").symlink_to(tmp_path / "checkpoints")
    (tmp_path / "checkpoints").mkdir()
    first = start(tmp_path / "first", chosen)
    first.join(0.3)
    second = start(tmp_path / "second", chosen)
    second.join(0.3)
    os.kill(second.pid, signal.SIGKILL)
    second.join()
    second = start(tmp_path / "second", chosen)
    for process in (first, second):
        process.join()
        assert process.exitcode == 0
    assert contents(tmp_path / "first") == contents(tmp_path / "second") == expected(chosen)


# States that are not used


def stopped_after(directory: Path, images: int, chosen: RunSettings) -> list[Path]:
    """Leave the states of a job that died after some images."""
    left = iter(range(images - 1))

    def die() -> None:
        if next(left, None) is None:
            raise Killed

    with pytest.raises(Killed):
        make(directory, chosen, on_image=die)
    return states(directory)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one bit": lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
    "header": lambda data: b"\xff" * 8 + data[8:],
    "other": lambda data: b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_newest_state_gives_way_to_the_one_before(
    tmp_path: Path,
    expected: Callable[..., list[bytes]],
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:
    chosen = settings(epochs=1)
    older, newest = stopped_after(tmp_path, 4, chosen)
    newest.write_bytes(damage(newest.read_bytes()))
    caplog.set_level("INFO")
    make(tmp_path, chosen)
    assert f"{newest} is damaged: it is not used" in caplog.text
    assert f"Goes on after 3 steps and 0 errors, from {older}" in caplog.text
    assert contents(tmp_path) == expected(chosen)


def test_without_a_state_that_can_be_used_the_run_starts_from_the_beginning(
    tmp_path: Path, expected: Callable[..., list[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(epochs=1)
    for path in stopped_after(tmp_path, 4, chosen):
        path.write_bytes(path.read_bytes()[:-1])
    caplog.set_level("INFO")
    make(tmp_path, chosen)
    assert caplog.text.count("is damaged") == 2
    assert "the run starts from the beginning" in caplog.text
    assert contents(tmp_path) == expected(chosen)


def test_a_state_of_another_configuration_is_recognised(
    tmp_path: Path, expected: Callable[..., list[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(epochs=1)
    stopped_after(tmp_path, 4, replace(chosen, learning_rate=1e-2))
    (tmp_path / "checkpoints" / "key").rename(tmp_path / "checkpoints" / "mine")
    caplog.set_level("INFO")
    with Checkpoints("mine", 1e6, tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.done == 0
        write_files(run(chosen, checkpoints), tmp_path)
    assert caplog.text.count("belongs to another configuration: it is not used") == 2
    assert "the run starts from the beginning" in caplog.text
    assert contents(tmp_path) == expected(chosen)


def test_a_half_written_state_is_no_state(tmp_path: Path) -> None:
    chosen = settings(epochs=1)
    paths = stopped_after(tmp_path, 4, chosen)
    old, new = (paths[0].with_name(f".{paths[1].name}.{name}.partial") for name in ("a", "b"))
    for path in (old, new):
        path.write_bytes(paths[1].read_bytes()[:100])
    os.utime(old, (0, 0))
    with Checkpoints("key", 1e6, tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.done == 4
        left = {path.name for path in paths[0].parent.iterdir()}
    assert old.name not in left, "nobody writes for hours"
    assert new.name in left, "another process may be writing it"


# The disk


def state() -> TrainingState:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters())
    return TrainingState(model, optimizer, "cpu", losses=[0.5], errors=[])


def test_a_save_that_fails_is_a_warning_and_the_older_state_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints("key", 1e6, tmp_path)
    checkpoints.save(state())
    before = {path.name: path.read_bytes() for path in (tmp_path / "key").iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    later = state()
    later.losses.append(0.25)
    checkpoints.save(later)
    assert "was not saved" in caplog.text
    assert "No space left on device" in caplog.text
    assert {path.name: path.read_bytes() for path in (tmp_path / "key").iterdir()} == before


def test_a_directory_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written to .*link to a directory on another"):
        Checkpoints("key", 1, tmp_path / "file").restore(state())


def test_a_disk_without_room_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three states of three weights and two moments of each, 4 bytes a number.
    needed = 3 * 3 * 3 * 4
    for free, fits in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(
            module.shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free)
        )
        if fits:
            Checkpoints("key", 1, tmp_path).restore(state())
        else:
            with pytest.raises(InputError, match=r"training states.*Free space"):
                Checkpoints("key", 1, tmp_path).restore(state())


def test_saves_are_due_every_so_often_and_rarer_where_they_are_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    checkpoints = Checkpoints("key", 10, tmp_path)
    now[0] = 9.9
    assert not checkpoints.due()
    now[0] = 10
    assert checkpoints.due()

    def slow(self: Checkpoints, state: TrainingState, *, finished: bool) -> None:
        now[0] += 1

    monkeypatch.setattr(Checkpoints, "_write", slow)
    checkpoints.save(state())
    # One second is 2 % of fifty.
    now[0] = 11 + 49.9
    assert not checkpoints.due()
    now[0] = 11 + 50
    assert checkpoints.due()


# Shared runs


@pytest.mark.parametrize("learning_rate", [1e-3, 1e30], ids=["finished", "diverged"])
def test_a_run_that_was_made_before_is_taken_over_without_a_step(
    tmp_path: Path, learning_rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(**DROPOUT, learning_rate=learning_rate)
    for name in ("first", "second"):
        with Checkpoints("key", 1e-9, tmp_path / "shared", share=True) as checkpoints:
            write_files(run(chosen, checkpoints), tmp_path / name)
        (kept,) = (tmp_path / "shared" / "key").iterdir()
        names = load(kept.read_bytes()).keys()
        assert not [name for name in names if name.startswith("optimizer.")]

        def never(*_: Any) -> float:
            raise AssertionError("a step")

        monkeypatch.setattr(finetuning, "train_step", never)
        monkeypatch.setattr(finetuning, "reconstruction_error", never)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


# Contents


def test_a_state_holds_weights_moments_random_numbers_and_what_was_measured() -> None:
    own = state()
    own.model(torch.ones(1, 2)).sum().backward()
    own.optimizer.step()
    torch.manual_seed(3)
    held = own.tensors()
    assert set(held) == {
        "model.weight", "model.bias", "random.cpu", "losses", "errors",
        *(f"optimizer.{i}.{name}" for i in (0, 1) for name in ("step", "exp_avg", "exp_avg_sq")),
    }  # fmt: skip
    drawn = torch.rand(2)
    other = state()
    other.losses.clear()
    other.restore(held)
    assert torch.equal(torch.rand(2), drawn)
    assert other.losses == [0.5]
    assert save(other.tensors() | {"random.cpu": held["random.cpu"]}) == save(held)


def test_a_run_that_ended_well_leaves_nothing(tmp_path: Path) -> None:
    make(tmp_path, settings(epochs=1))
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_progress_counts_what_is_left(tmp_path: Path) -> None:
    stopped_after(tmp_path, 4, settings(epochs=1))
    shown: list[int] = []
    with Checkpoints("key", 1e6, tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.done == 4
        run(settings(epochs=1), checkpoints, on_image=lambda: shown.append(1))
    assert len(shown) == 2 * IMAGES - 4


def test_the_arithmetic_of_a_machine_names_torch_and_its_kernels() -> None:
    assert arithmetic("cpu") == {
        "torch": torch.__version__,
        "device": torch.backends.cpu.get_cpu_capability(),
    }
