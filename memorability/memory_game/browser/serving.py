"""A small web server for one game: its page, and the results that come in."""

import ipaddress
import json
import logging
import secrets
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import filelock

from memorability.base.errors import InputError
from memorability.base.files import atomic
from memorability.memory_game.browser.store import Refusal, ResultStore, read_facts

logger = logging.getLogger(__name__)

LARGEST_MESSAGE = 1_000_000
_SECONDS_OF_SILENCE = 60
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_KINDS = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8", ".json": "application/json; charset=utf-8",
    ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
}  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class GameServer(ThreadingHTTPServer):
    """The server of one game.

    Parameters
    ----------
    folder
        Of the game.
    address
        Where it listens, as 127.0.0.1.
    port
        0 for any that is free.
    names
        Under which browsers may call it, besides its address: a page of another name, which points to
        this address, is refused.

    Raises
    ------
    InputError
        If the folder is no game or the port is taken.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, folder: Path, address: str, port: int, names: Collection[str] = ()) -> None:
        self.store = ResultStore(folder)
        public = folder / "public"
        # Only what is there at the start is handed out: no path leads anywhere else.
        self.files = {
            f"/{path.relative_to(public).as_posix()}": path
            for path in public.rglob("*")
            if path.is_file()
        }
        self.files["/"] = self.files["/index.html"]
        self.token = "" if is_loopback(address) else _token(folder / "private" / "token.txt")
        self.names = {name.lower() for name in (*names, *_LOOPBACK)}
        if ":" in address:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((address, port), _Handler)
        except OSError as error:
            raise InputError(
                f"The server cannot listen at {address}, port {port}: {error.strerror}. Name another "
                "one with --port."
            ) from error

    @property
    def link(self) -> str:
        """What participants open."""
        address, port = self.server_address[:2]
        host = next(iter(sorted(self.names - set(_LOOPBACK))), str(address))
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}/{self.token + '/' if self.token else ''}"

    def may_call(self, host: str) -> bool:
        """Whether browsers may call the server by a name: its own, or an address in numbers."""
        name = (urlsplit(f"//{host}").hostname or "").lower()
        if name in self.names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return bool(self.token)


def is_loopback(address: str) -> bool:
    """Whether only this computer reaches an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second server off the results of a game while the block runs.

    Raises
    ------
    InputError
        If another one has them.
    """
    read_facts(folder)
    try:
        with filelock.FileLock(folder / "private" / "lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise InputError(
            f"Another server has the results of {folder}. End it first (Ctrl-C)."
        ) from error


def _token(path: Path) -> str:
    """Return the part of the link that nobody guesses; it stays the same when the server restarts."""
    if not path.exists():
        with atomic(path) as temporary:
            temporary.write_text(secrets.token_urlsafe(16), encoding="utf-8")
            temporary.chmod(0o600)
    return path.read_text(encoding="utf-8").strip()


class _Handler(BaseHTTPRequestHandler):
    server: GameServer
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS_OF_SILENCE
    # Small answers are sent at once.
    disable_nagle_algorithm = True
    wbufsize = 65_536
    server_version = "memorability"
    sys_version = ""

    def do_GET(self) -> None:
        path = self._checked_path()
        if path is None:
            return
        if path == "/api/game":
            self._answer(200, {"takes": "results"})
            return
        file = self.server.files.get(path)
        if file is None:
            self._answer(404, "There is no such page.")
            return
        try:
            content = file.read_bytes()
        except OSError:
            self._answer(404, "There is no such page.")
            return
        keep = "private, max-age=86400" if path.startswith("/images/") else "no-cache"
        self._send(200, content, _KINDS.get(file.suffix, "application/octet-stream"), keep)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        path = self._checked_path()
        if path is None:
            return
        message = self._message()
        if message is None:
            return
        try:
            if path == "/api/begin":
                store = self.server.store
                self._answer(200, store.begin(message.get("participant"), message.get("facts")))
            elif path == "/api/records":
                stored = self.server.store.add(message.get("participant"), message.get("records"))
                self._answer(200, {"stored": stored})
            else:
                self._answer(404, "There is no such page.")
        except Refusal as refusal:
            self._answer(refusal.status, str(refusal))
        except OSError as error:
            logger.error("An answer could not be stored: %s", error)
            self._answer(507, "The answer could not be stored.")

    def _checked_path(self) -> str | None:
        """Return the path below the link, or answer and return None if the call is refused."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if not self.server.may_call(host):
            self._refuse(421, "This server is not called by this name. Name it with --name.")
            return None
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            self._refuse(403, "A page of another server may not call this one.")
            return None
        path = urlsplit(self.path).path
        if not self.server.token:
            return path
        given, slash, rest = path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(given.encode(), self.server.token.encode()):
            self._refuse(404, "There is no such page. Open the whole link that you were given.")
            return None
        return f"/{rest}"

    def _message(self) -> dict[str, Any] | None:
        """Return the object that a page has sent, or answer and return None if it is none."""
        length = self.headers.get("Content-Length", "")
        # Other kinds may be sent by any page without being asked for.
        if self.headers.get_content_type() != "application/json":
            self._refuse(415, "A message is JSON.")
            return None
        if not length.isdecimal() or int(length) > LARGEST_MESSAGE:
            self._refuse(413, "The message is too long, or its length is not known.")
            return None
        try:
            message = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._refuse(400, "A message is a JSON object.")
            return None
        return message

    def _refuse(self, status: int, why: str) -> None:
        # What was sent is not read, so nothing more can be understood on this connection.
        self.close_connection = True
        self._answer(status, why)

    def _answer(self, status: int, content: dict[str, Any] | str) -> None:
        if isinstance(content, str):
            self._send(status, content.encode(), "text/plain; charset=utf-8", "no-store")
        else:
            self._send(status, json.dumps(content).encode(), _KINDS[".json"], "no-store")

    def _send(self, status: int, content: bytes, kind: str, keep: str) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", keep)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # its name above
        """Keep no record of who called from where."""
