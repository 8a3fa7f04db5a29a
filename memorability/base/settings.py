"""Settings of a job: plain values where they are handed over, dataclasses where they are used."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from memorability.base.errors import InputError, nearest

_Settings = TypeVar("_Settings")


def from_params(kind: type[_Settings], params: Mapping[str, Any]) -> _Settings:
    """Return a dataclass from plain values, as the parameters of a job hold them.

    Parameters
    ----------
    kind
        A dataclass. Its fields may be dataclasses, tuples of one type, and paths themselves.
    params
        Field -> value: a mapping for a dataclass, a list for a tuple, text for a path. Fields that
        have a default may be left out.

    Raises
    ------
    InputError
        If a name is unknown or missing, or a word is not one of those that its field allows.
    """
    hints = get_type_hints(kind)
    for name in params:
        if name not in hints:
            raise InputError(_mistake(kind, name, f"unknown setting ({nearest(name, hints)})"))
    needed = [one.name for one in fields(kind) if one.default is MISSING]  # type: ignore[arg-type]
    for name in needed:
        if name not in params:
            raise InputError(_mistake(kind, name, "missing"))
    return kind(**{name: _read(kind, name, hints[name], value) for name, value in params.items()})


def _read(kind: type, name: str, hint: Any, value: Any) -> Any:
    if isinstance(hint, UnionType):  # Something | None
        return None if value is None else _read(kind, name, get_args(hint)[0], value)
    if is_dataclass(hint):
        return from_params(hint, value)  # type: ignore[arg-type]  # a class, not an instance
    if get_origin(hint) is tuple:
        return tuple(_read(kind, name, get_args(hint)[0], item) for item in value)
    if get_origin(hint) is Literal and value not in get_args(hint):
        words = list(map(str, get_args(hint)))
        raise InputError(
            _mistake(kind, name, f"{value!r} is unknown ({nearest(str(value), words)})")
        )
    return Path(value) if hint is Path else value


def _mistake(kind: type, name: str, what: str) -> str:
    return f"{kind.__name__}.{name}: {what}. Correct the parameters of the rule."
