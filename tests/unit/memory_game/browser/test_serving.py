"""The server of a game: what it hands out, takes, and refuses."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from memorability.base.errors import InputError
from memorability.memory_game.browser import records
from memorability.memory_game.browser.serving import GameServer, locked
from memorability.web.local_server import LARGEST_MESSAGE
from tests.browser_games import participant, small_game, trial


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes


class Client:
    """Sends what no browser would send, too."""

    def __init__(self, server: GameServer) -> None:
        self.port = server.server_address[1]
        self.server = server

    def __call__(
        self, method: str, path: str, content: Any = None, **headers: str | None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        usual = {"Host": f"127.0.0.1:{self.port}"}
        if content is not None:
            usual |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in usual.items() | {
            (name.replace("_", "-"), value) for name, value in headers.items()
        }:
            if name in usual and headers.get(name.replace("-", "_"), value) != value:
                usual[name] = headers[name.replace("-", "_")]  # type: ignore[assignment]
            else:
                usual[name] = value  # type: ignore[assignment]
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in usual.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body if content is not None else None)
        response = connection.getresponse()
        found = Answer(response.status, dict(response.headers), response.read())
        connection.close()
        return found


Start = Callable[..., Client]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers of one game and end them afterwards."""
    running: list[tuple[GameServer, threading.Thread]] = []
    folder = small_game(tmp_path).folder

    def start(address: str = "127.0.0.1", **given: Any) -> Client:
        server = GameServer(folder, address, 0, **given)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return Client(server)

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_page_and_its_parts_are_handed_out(start: Start, tmp_path: Path) -> None:
    client = start()
    page = client("GET", "/")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    public = tmp_path / "game" / "public"
    assert page.content == (public / "index.html").read_bytes()
    for path in public.rglob("*.*"):
        answer = client("GET", f"/{path.relative_to(public).as_posix()}?x=1")
        assert (answer.status, answer.content) == (200, path.read_bytes())
        kept = answer.headers["Cache-Control"]
        assert ("max-age" in kept) == (path.parent.name == "images")
    head = client("HEAD", "/")
    assert (head.status, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(page.content))
    assert client("GET", "/api/game").content == b'{"takes": "results"}'


def test_nothing_else_is_handed_out(start: Start, tmp_path: Path) -> None:
    client = start()
    client("POST", "/api/begin", {"participant": participant(1)})
    (tmp_path / "game" / "public" / "later.html").write_text("later")
    for path in (
        "/../private/game.json", "/%2e%2e/private/game.json", "/images/../../private/game.json",
        "//etc/passwd", "/private/game.json", f"/results/{participant(1)}.jsonl", "/images/",
        "/images", "/later.html", "/..%2fprivate%2fgame.json", "/\\..\\private\\game.json", "/api",
        "/index.html%00", "http://127.0.0.1/private/game.json", "*", "/public/index.html",
    ):  # fmt: skip
        assert client("GET", path).status in {400, 404}, path
    assert client("PUT", "/index.html", b"x").status == 501
    assert client("DELETE", "/index.html").status == 501


def test_answers_are_stored(start: Start, tmp_path: Path) -> None:
    client = start()
    begun = client("POST", "/api/begin", {"participant": participant(1), "facts": {"browser": "b"}})
    assert json.loads(begun.content) == {"sequence": 1, "done": {}}
    for _ in range(2):
        sent = {"participant": participant(1), "records": [trial(0, True), trial(1)]}
        answer = client("POST", "/api/records", sent)
        assert (answer.status, json.loads(answer.content)) == (200, {"stored": 2})
    path = tmp_path / "game" / "results" / f"{participant(1)}.jsonl"
    assert records.read(path)[1:] == [trial(0, True), trial(1)]


def test_refusals_say_why(start: Start) -> None:
    client = start()
    good = {"participant": participant(1)}
    for status, path, content, headers in (
        (400, "/api/begin", {"participant": "Ann"}, {}),
        (400, "/api/begin", [1], {}),
        (400, "/api/begin", b"{", {}),
        (400, "/api/begin", b"[" * 100_000, {}),
        (404, "/api/records", good | {"records": []}, {}),
        (404, "/api/other", good, {}),
        (415, "/api/begin", good, {"Content_Type": "text/plain"}),
        (415, "/api/begin", good, {"Content_Type": None}),
        (413, "/api/begin", good, {"Content_Length": str(LARGEST_MESSAGE + 1)}),
        (413, "/api/begin", good, {"Content_Length": "-1"}),
        (413, "/api/begin", good, {"Content_Length": None}),
        (421, "/api/begin", good, {"Host": "rebound.example.org"}),
        (421, "/api/begin", good, {"Host": f"rebound.example.org:{client.port}"}),
        (421, "/api/begin", good, {"Host": "192.168.0.7"}),
        (421, "/api/begin", good, {"Host": None}),
        (403, "/api/begin", good, {"Origin": "https://evil.example.org"}),
        (403, "/api/begin", good, {"Origin": "null"}),
        (403, "/api/begin", good, {"Origin": f"http://127.0.0.1:{client.port + 1}"}),
    ):
        answer = client("POST", path, content, **headers)  # type: ignore[arg-type]
        assert answer.status == status, (path, content, headers)
        assert answer.content
    assert client("GET", "/", Host="rebound.example.org").status == 421
    same = f"http://127.0.0.1:{client.port}"
    assert client("POST", "/api/begin", good, Origin=same).status == 200
    assert client("GET", "/", Host=f"localhost:{client.port}").status == 200


def test_beyond_this_computer_the_link_has_a_secret_part(start: Start, tmp_path: Path) -> None:
    client = start("0.0.0.0", names=["Lab.example.org"])
    token = client.server.token
    assert len(token) >= 20
    assert client.server.link == f"http://lab.example.org:{client.port}/{token}/"
    for host in (
        "lab.example.org",
        f"LAB.example.org:{client.port}",
        "127.0.0.1",
        "192.168.0.7",
        "[::1]",
    ):
        assert client("GET", f"/{token}/", Host=host).status == 200
    assert client("GET", f"/{token}/", Host="rebound.example.org").status == 421
    for path in (
        "/",
        "/index.html",
        "/api/game",
        f"/{token}",
        f"/{token[:-1]}/",
        f"/{token}x/",
        "/%C3%BC/",
    ):
        assert client("GET", path).status == 404, path
    assert client("POST", "/api/begin", {"participant": participant(1)}).status == 404
    begun = client("POST", f"/{token}/api/begin", {"participant": participant(1)})
    assert begun.status == 200
    assert start("0.0.0.0").server.token == token
    assert not (tmp_path / "game" / "public" / "token.txt").exists()
    assert start().server.token == ""


def test_clients_that_hang_up_or_send_rubbish_stop_nobody(start: Start) -> None:
    client = start()
    for sent in (
        b"", b"GET", b"\x16\x03\x01\x02\x00",
        b"POST /api/begin HTTP/1.1\r\nContent-Length: 50\r\n\r\n{",
        b"GET / HTTP/9\r\n\r\n", b"GET /" + b"x" * 70_000,
    ):  # fmt: skip
        with socket.create_connection(("127.0.0.1", client.port)) as raw:
            raw.sendall(sent)
    assert client("GET", "/").status == 200


def test_a_full_disk_is_said_to_the_page_which_sends_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start()
    client("POST", "/api/begin", {"participant": participant(1)})

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    sent = {"participant": participant(1), "records": [trial(0)]}
    with monkeypatch.context() as patched:
        patched.setattr(records, "append", full)
        assert client("POST", "/api/records", sent).status == 507
    assert client("POST", "/api/records", sent).status == 200


def test_one_server_has_the_results(start: Start, tmp_path: Path) -> None:
    client = start()
    with pytest.raises(InputError, match="cannot listen"):
        GameServer(tmp_path / "game", "127.0.0.1", client.port)
    with (
        locked(tmp_path / "game"),
        pytest.raises(InputError, match="Another server"),
        locked(tmp_path / "game"),
    ):
        pass
    with locked(tmp_path / "game"):
        pass
    with pytest.raises(InputError, match="no folder of a game"), locked(tmp_path):
        pass
