"""Image memorability from autoencoders: the science of the workflow, without Snakemake."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["correlate", "lpips_errors", "noise_ceiling", "score_images"]  # noqa: F822  # see below


def __getattr__(name: str) -> Any:
    # By name, and when it is asked for: jobs import this package, too, and shall neither wait for a
    # notebook's libraries nor become stale by its code. `__init__.pyi` tells editors what is there.
    if name in __all__:
        return getattr(import_module("memorability.notebook"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
