"""The one exception that means: the user can mend this."""

import difflib
from collections.abc import Iterable


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
