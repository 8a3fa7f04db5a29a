"""Settings of runs for tests and benchmarks: those of one from random weights, with changes."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from memorability.autoencoder.architecture import Architecture
from memorability.autoencoder.finetuning import RunSettings
from memorability.autoencoder.initial_weights import Start
from memorability.networks.computing import Compute
from memorability.networks.losses import LossChoice

_Settings = TypeVar("_Settings")


def loss_choice(name: str, **changes: Any) -> LossChoice:
    """Return a loss as the paper has it, its network with random weights."""
    plain = LossChoice(
        name=name, lpips_range="minus_one_to_one", style_gram="gatys5", weights_file=None
    )
    return replace(plain, **changes)


def run_settings(*, loss: str = "mse", seed: int = 0, **changes: Any) -> RunSettings:
    """Return the settings of a run, those of the protocol untrained_start.

    Parameters
    ----------
    loss
        Name of the loss.
    seed
        Of all random streams.
    **changes
        Field -> value, of `RunSettings` or of what it is made of.
    """
    plain = RunSettings(
        architecture=Architecture(width=0.04),
        start=Start(initial_weights="random", seed=seed),
        loss=loss_choice(loss),
        sign_train="distance",
        sign_test="distance",
        order="seed_shuffle",
        order_seed=seed,
        dropout_seed=seed,
        fine_tuned_on="all",
        batch_norm_mode="train",
        learning_rate=1e-3,
        epochs=1,
        compute=Compute(device="cpu", threads=1),
    )
    return with_changes(plain, **changes)


def with_changes(settings: _Settings, **changes: Any) -> _Settings:
    """Return settings with changes to their fields, wherever these stand."""
    known = {field.name: getattr(settings, field.name) for field in fields(settings)}  # type: ignore[arg-type]
    parts = {
        name: with_changes(part, **_of(part, changes)) if is_dataclass(part) else part
        for name, part in known.items()
    }
    return replace(settings, **parts | {name: changes[name] for name in changes if name in known})  # type: ignore[type-var]


def _of(part: Any, changes: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(part)}
    return {name: value for name, value in changes.items() if name in names}
