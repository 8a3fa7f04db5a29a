"""The server of one game: its page, and the results that come in."""

import logging
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from memorability.base.errors import InputError
from memorability.base.files import atomic
from memorability.memory_game.browser.store import Refusal, ResultStore, read_facts
from memorability.web.local_server import LocalHandler, LocalServer, is_loopback

logger = logging.getLogger(__name__)


class GameServer(LocalServer):
    """The server of one game.

    Parameters
    ----------
    folder
        Of the game.
    address, port, names
        See `memorability.web.local_server.LocalServer`. Beyond this computer the link has a secret
        part, which stays the same when the server is started again.

    Raises
    ------
    InputError
        If the folder is no game or the port is taken.
    """

    def __init__(self, folder: Path, address: str, port: int, names: Collection[str] = ()) -> None:
        self.store = ResultStore(folder)
        public = folder / "public"
        # Only what is there at the start is handed out: no path leads anywhere else.
        files = {
            f"/{path.relative_to(public).as_posix()}": path
            for path in public.rglob("*")
            if path.is_file()
        }
        token = "" if is_loopback(address) else _token(folder / "private" / "token.txt")
        super().__init__(_Handler, files, address=address, port=port, names=names, token=token)


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


class _Handler(LocalHandler):
    server: GameServer

    def answer(self, path: str) -> None:
        if path == "/api/game":
            self.reply(200, {"takes": "results"})
        else:
            super().answer(path)

    def take(self, path: str) -> None:
        message = self.message()
        if message is None:
            return
        store, participant = self.server.store, message.get("participant")
        try:
            if path == "/api/begin":
                self.reply(200, store.begin(participant, message.get("facts")))
            elif path == "/api/records":
                self.reply(200, {"stored": store.add(participant, message.get("records"))})
            else:
                super().take(path)
        except Refusal as refusal:
            self.reply(refusal.status, str(refusal))
        except OSError as error:
            logger.error("An answer could not be stored: %s", error)
            self.reply(507, "The answer could not be stored.")
