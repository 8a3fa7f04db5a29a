"""What every job needs around its work: a log, and progress on long loops."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from memorability.base.errors import InputError

logger = logging.getLogger(__name__)


@contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Send log lines, warnings and the traceback of a failure to `path` and to the console.

    An `InputError` is shown as its message alone and ends the job with status 1.
    """
    file = logging.FileHandler(path, mode="w", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, handlers=[file, console], force=True)
    logging.captureWarnings(True)
    try:
        yield
    except InputError as error:
        logger.error("%s", error)  # the message is the explanation
        sys.exit(1)
    except Exception:
        # Snakemake prints the traceback of a failed script on the console, not into its log.
        console.setLevel(logging.CRITICAL)
        logger.exception("The job failed.")
        raise


@contextmanager
def progress(total: int, description: str, seconds: float = 60) -> Iterator[Callable[[], object]]:
    """Yield a function to call after each of `total` steps.

    On a terminal it draws a bar with the time left; in the log it writes a line every `seconds`.
    """
    started = logged = time.monotonic()
    done = 0
    bar = tqdm(total=total, desc=description, disable=not sys.stderr.isatty(), leave=False)

    def step() -> None:
        nonlocal done, logged
        done += 1
        bar.update()
        now = time.monotonic()
        if now - logged >= seconds:
            logged = now
            left = (now - started) / done * (total - done)
            logger.info("%s: %d of %d, about %.0f s left", description, done, total, left)

    with bar:
        yield step
    logger.info("%s: %d in %.1f s", description, done, time.monotonic() - started)


@contextmanager
def transfer_progress(
    description: str, seconds: float = 60
) -> Iterator[Callable[[int, int | None], object]]:
    """Yield a function to call with the bytes that are there and, where known, with their total.

    On a terminal it draws a bar with speed and time left; in the log it writes a line every
    `seconds`. Bytes of the first call are of an earlier transfer and count in no speed; fewer bytes
    than before begin the file anew.
    """
    started = logged = time.monotonic()
    received, before = 0, None
    bar = None

    def show(there: int, total: int | None) -> None:
        nonlocal logged, received, before, bar
        if before is None or bar is None:
            bar = tqdm(
                desc=description, initial=there, total=total, unit="B", unit_scale=True,
                disable=not sys.stderr.isatty(), leave=False,
            )  # fmt: skip
            before = there
        bar.total = total
        bar.update(there - before)
        received += max(0, there - before)
        before = there
        now = time.monotonic()
        if now - logged >= seconds and received:
            logged = now
            speed = received / (now - started)
            left = f", about {(total - there) / speed:.0f} s left" if total else ""
            logger.info(
                "%s: %s of %s, %s%s", description, _bytes(there),
                _bytes(total) if total else "unknown size", f"{_bytes(speed)}/s", left,
            )  # fmt: skip

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()
        logger.info(
            "%s: received %s in %.1f s", description, _bytes(received), time.monotonic() - started
        )


def _bytes(number: float) -> str:
    return str(tqdm.format_sizeof(number, "B"))
