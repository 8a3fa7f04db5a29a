"""The local page that scores images which are dropped on it."""

import tempfile
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from memorability.images.decoding import BadImage
from memorability.page.overlays import MOST_MAPS, in_words, numbers
from memorability.page.scoring import Scorers
from memorability.web.local_server import KINDS, LocalHandler, LocalServer
from memorability.where.names import METHOD_LABELS

LARGEST_FILE = 64_000_000
"""Bytes of an image that is taken."""
AT_ONCE = 3
"""Images that are in memory, and unpacked, at the same time."""
_LONGEST_NAME = 300
_PAGE = ("index.html", "page.js", "page.css")
_PICTURES = "/api/maps/"


class PageServer(LocalServer):
    """The server of the page.

    Parameters
    ----------
    scorers
        What scores.
    address, port, names, token
        See `memorability.web.local_server.LocalServer`.
    """

    def __init__(
        self,
        scorers: Scorers,
        *,
        address: str,
        port: int,
        names: Collection[str] = (),
        token: str = "",
    ) -> None:
        self.scorers = scorers
        self.at_once = threading.BoundedSemaphore(AT_ONCE)
        self._static = as_file(files("memorability.page").joinpath("static"))
        static = self._static.__enter__()
        pages = {f"/{name}": static / name for name in _PAGE}
        super().__init__(_Handler, pages, address=address, port=port, names=names, token=token)

    def server_close(self) -> None:
        """End the server."""
        super().server_close()
        self._static.__exit__(None, None, None)


class _Handler(LocalHandler):
    server: PageServer

    def answer(self, path: str) -> None:
        scorers = self.server.scorers
        if path == "/api/predictors":
            facts = [vars(one) for one in scorers.facts]
            methods = {
                name: {method: METHOD_LABELS[method] for method in own}
                for name, own in scorers.methods.items()
            }
            self.reply(200, {"predictors": facts, "notes": scorers.notes, "methods": methods})
        elif path == "/api/scores.csv":
            content = scorers.table().to_csv(index=False).encode()
            self.send(200, content, "text/csv; charset=utf-8", "no-store")
        elif path == "/api/scores.parquet":
            into = BytesIO()
            scorers.table().to_parquet(into, index=False)
            self.send(200, into.getvalue(), "application/vnd.apache.parquet", "no-store")
        elif path == "/api/maps.zip":
            self.send(200, scorers.overlays.archive(), "application/zip", "no-store")
        elif path.startswith(_PICTURES) and (found := self._picture(path)) is not None:
            self.send(200, found, KINDS[".png"], "no-store")
        else:
            super().answer(path)

    def take(self, path: str) -> None:
        if path == "/api/forget":
            if self.message() is not None:
                self.server.scorers.forget()
                self.reply(200, {})
        elif path == "/api/score":
            self._score()
        elif path == "/api/map":
            self._map()
        else:
            super().take(path)

    def _score(self) -> None:
        with self._image() as image:
            if image is None:
                return
            table = self.server.scorers.score(image, self._asked("name", "image"))
        shown = table.astype(object).where(table.notna(), None)
        self.reply(200, {"rows": shown.to_dict("records")})

    def _map(self) -> None:
        scorers, name = self.server.scorers, self._asked("name", "image")
        predictor, method = self._asked("predictor"), self._asked("method")
        if method not in scorers.methods.get(predictor, []):
            self.refuse(400, "There is no such map by this predictor. Load the page again.")
            return
        with self._image() as image:
            if image is None:
                return
            try:
                overlay, number = scorers.map(image, name, predictor, method)
            except BadImage as reason:
                self.reply(422, f"The image {reason}.")
                return
        if number is None:
            said = f"{MOST_MAPS} maps are kept. Save them, and remove all images, before you go on."
            self.reply(409, said)
            return
        said = in_words(predictor, method, overlay.cells)
        picture = f"{_PICTURES.removeprefix('/')}{number}.png"
        self.reply(200, {"picture": picture, "words": said, "values": numbers(overlay.cells)})

    @contextmanager
    def _image(self) -> Iterator[Path | None]:
        """Give the image that was sent as a file, or None where the call was refused."""
        # Few images are in memory and on the disk at a time, however many are sent.
        with self.server.at_once:
            content = self.body("application/octet-stream", LARGEST_FILE)
            if content is None:
                yield None
                return
            with tempfile.TemporaryDirectory(prefix="memorability_page_") as place:
                image = Path(place) / "image"
                image.write_bytes(content)
                del content
                yield image

    def _asked(self, name: str, otherwise: str = "") -> str:
        """Return a value of the call's address, without signs that cannot be printed."""
        asked = parse_qs(urlsplit(self.path).query).get(name, [otherwise])[0]
        return "".join(sign for sign in asked if sign.isprintable())[:_LONGEST_NAME]

    def _picture(self, path: str) -> bytes | None:
        number = path.removeprefix(_PICTURES).removesuffix(".png")
        # Digits of other scripts are digits, too, and not all are numbers.
        known = number.isascii() and number.isdecimal() and len(number) < 10
        return self.server.scorers.overlays.picture(int(number)) if known else None
