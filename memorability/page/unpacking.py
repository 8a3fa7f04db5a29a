"""Images are unpacked by processes of their own, each of which is ended where it takes too long.

Nobody can end a thread in the midst of a decoder. A process can be ended at once, with its memory. What
makes a decoder crash ends such a process, too, and not the program.
"""

import json
import logging
import multiprocessing
import queue
import signal
from collections.abc import Collection
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from PIL import Image

from memorability.images.decoding import BadImage, Decoding, decode

logger = logging.getLogger(__name__)

LONGEST = 20.0
"""Seconds in which an image must be unpacked."""

LARGEST_MEGAPIXELS = 100.0
"""Width × height, in millions, of an image that is unpacked."""

Unpacked = dict[Decoding, Path]
"""How an image was decoded -> an uncompressed file of the upright 8-bit sRGB that came of it."""


class Unpacker:
    """Processes that unpack images, started when they are first needed.

    Parameters
    ----------
    processes
        How many images may be unpacked at the same time, at least 1.
    seconds
        For an image, above 0.
    """

    def __init__(self, processes: int, seconds: float = LONGEST) -> None:
        self.seconds = seconds
        # The last one used comes first: further processes start only if several images come at once.
        self._free: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(processes):
            self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that are free."""
        free = [self._free.get() for _ in range(self._free.qsize())]
        for worker in free:
            if worker is not None:
                worker.end()
            self._free.put(None)

    def unpack(self, file: Path, decodings: Collection[Decoding]) -> Unpacked:
        """Unpack an image; the files that come of it lie beside it.

        Parameters
        ----------
        file
            The image.
        decodings
            How.

        Raises
        ------
        BadImage
            If it cannot be read, is larger than `LARGEST_MEGAPIXELS`, takes too long, or brings the
            process to its end.
        """
        worker = self._free.get()
        try:
            if worker is None:
                worker = _Worker()
            answer = worker.ask(
                {"file": str(file), "decodings": [asdict(one) for one in decodings]}, self.seconds
            )
        except (EOFError, OSError) as error:  # a TimeoutError is an OSError
            if worker is not None:
                worker.end()
            worker = None
            reason = "cannot be unpacked: the process that reads it came to its end"
            if isinstance(error, TimeoutError):
                reason = f"takes longer than {self.seconds:g} seconds to unpack"
            raise BadImage(reason) from None
        finally:
            self._free.put(worker)
        if "reason" in answer:
            raise BadImage(answer["reason"])
        return dict(zip(decodings, map(Path, answer["files"]), strict=True))


class _Worker:
    """A process that unpacks images, and the pipe to it."""

    def __init__(self) -> None:
        # A forked process would hold the locks that other threads of the server had just then.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv_bytes()  # it has begun: an image's time does not hold its imports

    def ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        self._pipe.send_bytes(json.dumps(question).encode())
        if not self._pipe.poll(seconds):
            raise TimeoutError
        # As JSON, not as a pickle: what decodes files of strangers can make nothing run here.
        answer: dict[str, Any] = json.loads(self._pipe.recv_bytes())
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._pipe.close()


def _work(pipe: Connection) -> None:
    """Unpack images until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that asks
    pipe.send_bytes(b"{}")
    while True:
        try:
            question = json.loads(pipe.recv_bytes())
        except EOFError:
            return
        decodings = [Decoding(**one) for one in question["decodings"]]
        try:
            answer: dict[str, Any] = {"files": _unpacked(Path(question["file"]), decodings)}
        except BadImage as reason:
            answer = {"reason": str(reason)}
        pipe.send_bytes(json.dumps(answer).encode())


def _unpacked(file: Path, decodings: Collection[Decoding]) -> list[str]:
    too_large = _too_large(file)
    if too_large:
        raise BadImage(too_large)
    files = []
    for number, how in enumerate(decodings):
        unpacked = file.with_name(f"{file.name}_{number}.bmp")
        decode(file, how).save(unpacked, "BMP")
        files.append(str(unpacked))
    return files


def _too_large(path: Path) -> str:
    """Return why an image is not unpacked, or "" where it may be, or is none."""
    # The library warns of, and refuses, images that are smaller than those that are taken here.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with path.open("rb") as file, Image.open(file) as opened:
            width, height = opened.size
    except Exception:  # a damaged file fails anywhere in a decoder, which says so when it decodes
        return ""
    megapixels = width * height / 1e6
    if megapixels <= LARGEST_MEGAPIXELS:
        return ""
    return f"has {megapixels:,.0f} megapixels; the page takes up to {LARGEST_MEGAPIXELS:.0f}"
