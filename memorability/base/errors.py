"""The one exception that means: the user can mend this."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


class InputError(ValueError):
    """Something the user gave is wrong.

    The message says what is wrong and where, what was expected, and what to do next; it is shown
    without a traceback.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause naming the known name nearest to `name`, or all of them if none is near."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def named(registry: Mapping[str, Entry], name: str, what: str) -> Entry:
    """Return the entry of a registry with a name.

    Parameters
    ----------
    registry
        Name -> entry.
    name
        Of the entry.
    what
        The registry's entries are, in words: "loss".

    Raises
    ------
    InputError
        With the nearest known name, if there is no such entry.
    """
    if name not in registry:
        raise InputError(f"The {what} {name!r} is unknown ({nearest(name, registry)}).")
    return registry[name]
