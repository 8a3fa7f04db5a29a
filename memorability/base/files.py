"""Files appear whole or not at all."""

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memorability.base.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
"""Where the workflow lies, of a checkout; of an installed package the directory that it lies in."""

CHECKPOINTS = Path("resources/checkpoints")
"""The training state of runs that are being made, below the working directory."""


def is_checkout() -> bool:
    """Return whether the workflow lies around this package, which else was installed without it."""
    return (ROOT / "Snakefile").is_file()


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file of any size, 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        return _unwritable(self.path, error)


@contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Yield a directory to fill that becomes `path` when the block ends well, replacing it.

    What a killed process left is cleared by the next one that makes the same directory; two at
    once are not provided for.

    Raises
    ------
    InputError
        If the disk is full or read-only; nothing half-filled is left.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        # An error that names another file, perhaps an input, says nothing of this directory.
        if isinstance(error, OSError) and str(error.filename or temporary).startswith(
            (str(temporary), str(path))
        ):
            raise _unwritable(path, error) from error
        raise


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} could not be written: {error.strerror or error}. Nothing "
        "half-written was left. Free space or change permissions, then run again."
    )
