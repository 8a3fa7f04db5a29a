"""Files appear whole or not at all."""

import secrets
from pathlib import Path

from memorability.errors import InputError

CHECKPOINTS = Path("resources/checkpoints")
"""The training state of runs that are being made, below the working directory."""


class atomic:  # noqa: N801  # used like a function
    """Context manager: a path to write to that becomes `path` when the block ends well.

    Raises
    ------
    InputError
        If the disk is full or read-only; nothing half-written is left.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        # Processes of several machines may write the same file to a shared disk.
        self.temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}.partial")

    def __enter__(self) -> Path:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._explained(error) from error
        return self.temporary

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            try:
                self.temporary.replace(self.path)
            except OSError as failure:
                self.temporary.unlink(missing_ok=True)
                raise self._explained(failure) from failure
            return
        self.temporary.unlink(missing_ok=True)
        # An error that names another file, perhaps an input, says nothing of this one.
        if isinstance(error, OSError) and error.filename in {None, str(self.temporary)}:
            raise self._explained(error) from error

    def _explained(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path} could not be written: {error.strerror or error}. Nothing "
            "half-written was left. Free space or change permissions, then run again."
        )
