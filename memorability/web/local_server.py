"""A small web server of the standard library, for pages on this computer or behind a secret link."""

import ipaddress
import json
import secrets
import socket
import sys
from collections.abc import Collection, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from memorability.base.errors import InputError

LARGEST_MESSAGE = 1_000_000
"""Bytes of a message in JSON."""
_SECONDS_OF_SILENCE = 60
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
KINDS = {
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


class LocalServer(ThreadingHTTPServer):
    """A server that hands out files and lets a handler answer messages.

    Parameters
    ----------
    handler
        What answers.
    files
        Path, as "/index.html" -> file. No other path leads to a file.
    address, port
        Where it listens, as 127.0.0.1; port 0 is any that is free.
    names
        Under which browsers may call it, besides its address. A page of another name that points to
        this address is refused, as a page of another server is.
    token
        Secret first part of every path, or "" where only this computer reaches the address.

    Raises
    ------
    InputError
        If the port is taken.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self,
        handler: "type[LocalHandler]",
        files: Mapping[str, Path],
        *,
        address: str,
        port: int,
        names: Collection[str] = (),
        token: str = "",
    ) -> None:
        self.files = {**files, "/": files["/index.html"]}
        self.token = token
        self.names = {name.lower() for name in (*names, *_LOOPBACK)}
        if ":" in address:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((address, port), handler)
        except OSError as error:
            raise InputError(
                f"The server cannot listen at {address}, port {port}: {error.strerror}. Name another "
                "one with --port."
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    @property
    def link(self) -> str:
        """What people open."""
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


class LocalHandler(BaseHTTPRequestHandler):
    """Answers of a `LocalServer`; others are those of a subclass."""

    server: LocalServer
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS_OF_SILENCE
    # Small answers are sent at once.
    disable_nagle_algorithm = True
    wbufsize = 65_536
    server_version = "memorability"
    sys_version = ""

    def answer(self, path: str) -> None:
        """Answer to GET of a path that is no file."""
        self.reply(404, "There is no such page.")

    def take(self, path: str) -> None:
        """Answer to POST."""
        self.reply(404, "There is no such page.")

    def do_GET(self) -> None:
        """Hand out a file, or let the subclass answer."""
        path = self._checked_path()
        if path is None:
            return
        file = self.server.files.get(path)
        if file is None:
            self.answer(path)
            return
        try:
            content = file.read_bytes()
        except OSError:
            self.reply(404, "There is no such page.")
            return
        keep = "private, max-age=86400" if path.startswith("/images/") else "no-cache"
        self.send(200, content, KINDS.get(file.suffix, "application/octet-stream"), keep)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Let the subclass answer to calls that may be made."""
        path = self._checked_path()
        if path is not None:
            self.take(path)

    def _checked_path(self) -> str | None:
        """Return the path below the link, or answer and return None if the call is refused."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if not self.server.may_call(host):
            self.refuse(421, "This server is not called by this name. Name it with --name.")
            return None
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            self.refuse(403, "A page of another server may not call this one.")
            return None
        path = urlsplit(self.path).path
        if not self.server.token:
            return path
        given, slash, rest = path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(given.encode(), self.server.token.encode()):
            self.refuse(404, "There is no such page. Open the whole link that you were given.")
            return None
        return f"/{rest}"

    def message(self) -> dict[str, Any] | None:
        """Return the object that a page has sent, or answer and return None if it is none."""
        content = self.body("application/json", LARGEST_MESSAGE)
        if content is None:
            return None
        try:
            message = json.loads(content)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self.refuse(400, "A message is a JSON object.")
            return None
        return message

    def body(self, kind: str, largest: int) -> bytes | None:
        """Return what was sent, or answer and return None if it is of another kind or too long."""
        length = self.headers.get("Content-Length", "")
        # Kinds that forms have may be sent by any page without being asked for.
        if self.headers.get_content_type() != kind:
            self.refuse(415, f"What is sent is {kind}.")
            return None
        if not length.isdecimal() or int(length) > largest:
            self.refuse(
                413, f"What is sent is longer than {largest:,} bytes, or of unknown length."
            )
            return None
        content = self.rfile.read(int(length))
        return content if len(content) == int(length) else None

    def refuse(self, status: int, why: str) -> None:
        """Answer without reading what was sent."""
        # What was sent is not read, so nothing more can be understood on this connection.
        self.close_connection = True
        self.reply(status, why)

    def reply(self, status: int, content: dict[str, Any] | str) -> None:
        """Answer with an object as JSON, or with a sentence."""
        if isinstance(content, str):
            self.send(status, content.encode(), "text/plain; charset=utf-8", "no-store")
        else:
            self.send(status, json.dumps(content).encode(), KINDS[".json"], "no-store")

    def send(self, status: int, content: bytes, kind: str, keep: str) -> None:
        """Answer with content of a kind, which the browser may keep as `keep` says."""
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
