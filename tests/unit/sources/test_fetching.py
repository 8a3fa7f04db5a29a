"""Fetching, from servers that fail in every way that servers do."""

import errno
import gzip
import hashlib
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gdown
import numpy as np
import pytest
import requests

from memorability.base.errors import InputError
from memorability.sources import fetching
from memorability.sources.downloads import Download
from memorability.sources.fetching import fetch

ROOT = Path(__file__).parents[3]
CONTENT = np.random.default_rng(7).bytes(300_000)
OTHER = np.random.default_rng(8).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HALF = 200_000  # bytes until a cut; pooch hands over whole chunks, so fewer are kept
PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"


# What a server does with one request; the last behaviour of its list is for all further ones.
Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the next behaviour in line, and writes down what it was asked for."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.requests.append((self.path, self.headers))
        later = self.server.behaviours
        (later.pop(0) if len(later) > 1 else later[0])(self)

    def log_message(self, *_: object) -> None:
        pass

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def send(self, body: bytes) -> None:
        self.server.sent += len(body)
        self.wfile.write(body)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours: list[Behaviour] = []
        self.requests: list[tuple[str, Message]] = []
        self.sent = 0

    def handle_error(self, *_: object) -> None:
        """Say nothing when a client hangs up."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/photographs.zip"

    @property
    def ranges(self) -> list[str | None]:
        return [headers["Range"] for _, headers in self.requests]


def serve(
    content: bytes = CONTENT,
    *,
    tag: str = '"one"',
    ranges: bool = True,
    cut: int | None = None,
    pause: Callable[[], object] | None = None,
) -> Behaviour:
    """Serve as RFC 9110 has it; `cut` hangs up after that many bytes, `pause` comes before it."""

    def behave(handler: Handler) -> None:
        asked, condition = handler.headers["Range"], handler.headers["If-Range"]
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and ranges else 0  # type: ignore[index]
        headers = {"ETag": tag} if tag else {}
        if start and start >= len(content) and condition == tag:
            handler.begin(416, Content_Length=0, Content_Range=f"bytes */{len(content)}")
            return
        if start and condition in {None, tag}:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            handler.begin(206, Content_Length=len(content) - start, Content_Range=span, **headers)
        else:
            start = 0
            handler.begin(200, Content_Length=len(content), **headers)
        body = content[start:]
        handler.send(body[: cut if cut is not None else len(body)])
        if pause:
            pause()

    return behave


def status(code: int, body: bytes = b"no") -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin(code, Content_Length=len(body), Content_Type="text/html")
        handler.send(body)

    return behave


def redirect(address: str) -> Behaviour:
    return lambda handler: handler.begin(302, Location=address, Content_Length=0)


def trickle(handler: Handler) -> None:
    """Send the file in 20 pieces, each sooner than the timeout, together later."""
    handler.begin(200, Content_Length=len(CONTENT))
    for start in range(0, len(CONTENT), 15_000):
        handler.send(CONTENT[start : start + 15_000])
        time.sleep(0.07)


def short_without_length(handler: Handler) -> None:
    """Send half of the file as if it were all, as HTTP/1.0 servers end a body: by hanging up."""
    handler.begin(200)
    handler.send(CONTENT[:HALF])


@pytest.fixture
def make_server() -> Iterator[Callable[..., Server]]:
    servers = []

    def make(*behaviours: Behaviour) -> Server:
        server = Server()
        server.behaviours = list(behaviours)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    return tmp_path / "resources"


def photographs(*servers: Server | str, **changes: Any) -> Download:
    return Download(
        **{
            "name": "photographs", "file": "photographs.zip", "place": "downloads",
            "addresses": tuple(s if isinstance(s, str) else s.address for s in servers),
            "size": "unknown", "sha256": "unknown", "licence": "none stated",
            "commercial_use": "not stated",
            "purpose": "photographs to remember", "by_hand": "Ask at the front desk.",
        } | changes
    )  # fmt: skip


def quickly(download: Download, resources: Path, **changes: Any) -> Path:
    patience = {"tries": 3, "wait_seconds": 0.01, "timeout_seconds": (2.0, 1.0)}
    return fetch(download, resources, **(patience | changes))


def assert_whole(resources: Path, content: bytes = CONTENT) -> None:
    """The file is there, its digest is recorded, and nothing else is left but locks."""
    left = {
        path.relative_to(resources).as_posix()
        for path in resources.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }
    assert left == {"downloads/photographs.zip", "downloads.sha256"}
    assert (resources / "downloads/photographs.zip").read_bytes() == content
    digest = hashlib.sha256(content).hexdigest()
    record = (resources / "downloads.sha256").read_text()
    assert record == f"{digest}  downloads/photographs.zip\n"


def assert_absent(resources: Path) -> None:
    assert not (resources / "downloads/photographs.zip").exists()
    assert not (resources / "downloads.sha256").exists()


# Good servers


@pytest.mark.parametrize(
    "facts",
    [{}, {"sha256": DIGEST}, {"sha256": DIGEST[:8]}, {"size": 300_000}, {"size": "about 300 kB"}],
    ids=str,
)
def test_a_file_is_fetched_once(
    facts: dict[str, Any], make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve())
    download = photographs(server, **facts)
    assert quickly(download, resources) == resources / "downloads/photographs.zip"
    assert_whole(resources)
    assert quickly(download, resources) == resources / "downloads/photographs.zip"
    assert len(server.requests) == 1


def test_a_redirect_is_followed(make_server: Callable[..., Server], resources: Path) -> None:
    storage = make_server(serve())
    quickly(photographs(make_server(redirect(storage.address))), resources)
    assert_whole(resources)


def test_a_transfer_is_continued_through_a_redirect(
    make_server: Callable[..., Server], resources: Path
) -> None:
    storage = make_server(serve(cut=HALF), serve())
    quickly(photographs(make_server(redirect(storage.address))), resources)
    assert [bool(asked) for asked in storage.ranges] == [False, True]
    assert_whole(resources)


def encoded(handler: Handler) -> None:
    """Send the file in an encoding that was not asked for."""
    assert handler.headers["Accept-Encoding"] == "identity"
    body = gzip.compress(CONTENT)
    handler.begin(200, Content_Length=len(body), Content_Encoding="x-gzip", ETag='"one"')
    handler.send(body)


def test_a_file_that_comes_encoded_is_decoded(
    make_server: Callable[..., Server], resources: Path
) -> None:
    quickly(photographs(make_server(encoded)), resources)
    assert_whole(resources)


def test_a_compressed_file_is_kept_as_it_is_whatever_the_server_calls_it(
    make_server: Callable[..., Server], resources: Path
) -> None:
    path = quickly(photographs(make_server(encoded), file="lamem.tar.gz"), resources)
    assert gzip.decompress(path.read_bytes()) == CONTENT


def test_a_slow_file_that_moves_arrives(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(trickle)
    started = time.monotonic()
    quickly(photographs(server), resources)
    assert time.monotonic() - started > 1.3, "longer in all than the timeout of 1 s"
    assert len(server.requests) == 1
    assert_whole(resources)


def test_a_file_that_a_person_put_in_place_is_recorded_without_the_network(
    resources: Path,
) -> None:
    download = photographs("http://127.0.0.1:1/")
    (resources / "downloads").mkdir(parents=True)
    (resources / download.path).write_bytes(CONTENT)
    quickly(download, resources)
    assert_whole(resources)


def test_a_wrong_file_in_place_is_refused_and_left(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve())
    download = photographs(server, sha256=DIGEST)
    (resources / "downloads").mkdir(parents=True)
    (resources / download.path).write_bytes(OTHER)
    with pytest.raises(InputError, match=r"photographs\.zip is not the download.*Move it away"):
        quickly(download, resources)
    assert (resources / download.path).read_bytes() == OTHER
    assert server.requests == []
    (resources / download.path).unlink()
    quickly(download, resources)
    assert_whole(resources)


# Faults of which a server recovers


@pytest.mark.parametrize("code", [500, 503, 429, 408])
def test_passing_failures_are_tried_again(
    code: int, make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(status(code), status(code), serve())
    quickly(photographs(server), resources)
    assert len(server.requests) == 3
    assert_whole(resources)


def test_no_network_is_said_in_one_line(resources: Path, caplog: pytest.LogCaptureFixture) -> None:
    address = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(InputError) as failed:
        quickly(photographs(address), resources)
    refused = "the connection failed or was cut (Failed to establish a new connection: [Errno "
    assert refused in str(failed.value)
    assert "Max retries" not in caplog.text + str(failed.value)


def test_waits_double(
    make_server: Callable[..., Server], resources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(fetching.time, "sleep", waits.append)
    server = make_server(status(500))
    with pytest.raises(InputError, match=r"status 500 Internal Server Error, 5 times in a row"):
        fetch(photographs(server), resources)
    assert waits == [1, 2, 4, 8]


def test_a_cut_transfer_asks_for_the_rest_only(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(cut=HALF), serve())
    quickly(photographs(server), resources)
    assert_whole(resources)
    first, second = server.ranges
    assert first is None
    kept = int(re.fullmatch(r"bytes=(\d+)-", str(second))[1])  # type: ignore[index]
    assert HALF - fetching.CHUNK_BYTES < kept <= HALF
    assert server.requests[1][1]["If-Range"] == '"one"'
    assert server.sent == HALF + len(CONTENT) - kept


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_a_cut_transfer_begins_anew_where_nothing_identifies_the_file(
    tag: str, make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(tag=tag, cut=HALF), serve(tag=tag))
    quickly(photographs(server), resources)
    assert server.ranges == [None, None]
    assert_whole(resources)


def test_a_cut_transfer_begins_anew_where_the_server_knows_no_ranges(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(ranges=False, cut=HALF), serve(ranges=False))
    quickly(photographs(server), resources)
    assert server.sent == HALF + len(CONTENT)
    assert_whole(resources)


def test_a_file_that_changed_after_the_cut_is_not_glued_together(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(cut=HALF), serve(OTHER, tag='"two"'))
    quickly(photographs(server), resources)
    assert server.ranges[1] is not None
    assert_whole(resources, OTHER)


def test_nor_where_the_server_ignores_the_condition(
    make_server: Callable[..., Server], resources: Path
) -> None:
    def careless(handler: Handler) -> None:
        del handler.headers["If-Range"]
        serve(OTHER, tag='"two"')(handler)

    server = make_server(serve(cut=HALF), careless)
    quickly(photographs(server), resources)
    assert_whole(resources, OTHER)
    assert [bool(asked) for asked in server.ranges] == [False, True, False]


def test_a_server_that_sends_less_of_the_rest_than_asked_is_asked_again(
    make_server: Callable[..., Server], resources: Path
) -> None:
    def sparing(handler: Handler) -> None:
        start = int(str(handler.headers["Range"])[6:-1])
        span = f"bytes {start}-{start + 999}/{len(CONTENT)}"
        handler.begin(206, Content_Length=1000, Content_Range=span, ETag='"one"')
        handler.send(CONTENT[start : start + 1000])

    server = make_server(serve(cut=HALF), *[sparing] * 5, serve())
    quickly(photographs(server), resources, tries=2)
    assert_whole(resources)
    assert len(server.requests) == 7, "each try got further, so none was counted"


def test_a_stalled_transfer_times_out_and_goes_on(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(cut=HALF, pause=lambda: time.sleep(3)), serve())
    quickly(photographs(server), resources)
    assert [bool(asked) for asked in server.ranges] == [False, True]
    assert_whole(resources)


def test_a_connection_that_always_breaks_at_one_place_is_given_up(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(tag="", cut=HALF))
    with pytest.raises(InputError, match=r"cut.*3 times in a row.*\n.*front desk"):
        quickly(photographs(server), resources)
    assert len(server.requests) == 3
    assert_absent(resources)
    server.behaviours = [serve()]
    quickly(photographs(server), resources)
    assert_whole(resources)


def test_a_connection_that_breaks_here_and_there_is_given_up_as_well(
    make_server: Callable[..., Server], resources: Path
) -> None:
    late, early = serve(tag="", cut=HALF), serve(tag="", cut=HALF // 2)
    server = make_server(late, early, late, early, late, early, serve())
    with pytest.raises(InputError, match=r"cut.*3 times in a row"):
        quickly(photographs(server), resources)
    assert len(server.requests) == 3


def test_a_later_call_goes_on_from_where_the_first_gave_up(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(cut=HALF), status(503))
    with pytest.raises(InputError, match="status 503"):
        quickly(photographs(server), resources)
    assert_absent(resources)
    server.behaviours, server.sent = [serve()], 0
    quickly(photographs(server), resources)
    assert_whole(resources)
    assert server.sent < len(CONTENT) - HALF + fetching.CHUNK_BYTES


def test_what_arrived_whole_before_a_job_was_killed_is_fetched_anew(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve())
    folder = resources / "downloads/.photographs.zip.partial"
    folder.mkdir(parents=True)
    (folder / "content").write_bytes(CONTENT)
    stored = {"address": server.address, "validator": '"one"'}
    (folder / "origin.json").write_text(json.dumps(stored))
    quickly(photographs(server), resources)
    assert server.ranges == ["bytes=300000-", None], "the server answers the first with 416"
    assert_whole(resources)


# Faults that stay


@pytest.mark.parametrize(
    ("behaviours", "facts", "reason", "requests_made"),
    [
        ([status(404)], {}, "status 404 Not Found", 1),
        ([status(403)], {}, "status 403 Forbidden", 1),
        ([status(500)], {}, "status 500 Internal Server Error, 3 times in a row", 3),
        ([serve(b"")], {}, "the answer is empty", 1),
        ([serve(PAGE)], {}, "a web page came in place of the file", 1),
        ([serve(OTHER)], {"sha256": DIGEST}, r"what it sent has the SHA-256 .* states", 1),
        ([serve(OTHER)], {"sha256": DIGEST[:8]}, r"what it sent has the SHA-256 .* states", 1),
        ([serve(CONTENT[:HALF])], {"sha256": DIGEST[:8]}, "what it sent has the SHA-256", 1),
        ([serve(CONTENT[:HALF])], {"size": 300_000}, "sent has 200,000 bytes, not 300,000", 1),
        ([short_without_length], {"size": 300_000}, "sent has 200,000 bytes, not 300,000", 1),
        ([serve(cut=0)], {}, "3 times in a row", 3),
    ],
)
def test_a_fault_is_explained_and_a_later_call_succeeds(
    behaviours: list[Behaviour],
    facts: dict[str, Any],
    reason: str,
    requests_made: int,
    make_server: Callable[..., Server],
    resources: Path,
) -> None:
    server = make_server(*behaviours)
    with pytest.raises(InputError) as failed:
        quickly(photographs(server, **facts), resources)
    message = str(failed.value)
    assert "photographs (photographs to remember) could not be fetched" in message
    assert re.search(rf"- {server.address}: .*{reason}", message), message
    assert "By hand: Ask at the front desk. Save the file as" in message
    assert message.count("photographs.zip, then run again") == 1
    assert len(server.requests) == requests_made
    assert_absent(resources)
    server.behaviours = [serve()]
    quickly(photographs(server, **facts), resources)
    assert_whole(resources)


def test_a_redirect_to_a_quota_page_is_refused_in_words(
    make_server: Callable[..., Server], resources: Path
) -> None:
    page = make_server(status(200, PAGE))
    server = make_server(redirect(page.address))
    with pytest.raises(InputError, match="a web page came in place of the file, perhaps a login"):
        quickly(photographs(server), resources)
    assert_absent(resources)


def test_a_login_page_does_not_cost_what_has_arrived(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(cut=HALF), status(200, PAGE))
    with pytest.raises(InputError, match="a web page"):
        quickly(photographs(server), resources)
    server.behaviours = [serve()]
    quickly(photographs(server), resources)
    assert server.ranges[2] is not None
    assert_whole(resources)


def test_a_changed_file_is_refused_with_what_to_do(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(serve(), serve(OTHER))
    download = photographs(server)
    path = quickly(download, resources)
    path.unlink()
    with pytest.raises(InputError, match=r"delete the line of downloads/photographs\.zip in"):
        quickly(download, resources)
    assert not path.exists()
    (resources / "downloads.sha256").unlink()
    quickly(download, resources)
    assert_whole(resources, OTHER)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    "faults",
    [
        [status(404)],
        [status(500)],
        [serve(OTHER)],
        [serve(PAGE)],
        [serve(cut=HALF), status(404)],
        [],
    ],
    ids=["404", "500", "wrong file", "web page", "cut, then 404", "nobody listens"],
)
def test_a_mirror_stands_in(
    faults: list[Behaviour], make_server: Callable[..., Server], resources: Path
) -> None:
    broken = make_server(*faults) if faults else f"http://127.0.0.1:{free_port()}/"
    mirror = make_server(serve())
    never = make_server(serve())
    quickly(photographs(broken, mirror, never, sha256=DIGEST), resources)
    assert_whole(resources)
    assert mirror.ranges == [None], "what another address sent is not continued"
    assert never.requests == []


def test_every_address_is_named_with_its_reason(
    make_server: Callable[..., Server], resources: Path, caplog: pytest.LogCaptureFixture
) -> None:
    servers = make_server(status(404)), make_server(serve(PAGE)), make_server(status(503))
    with pytest.raises(InputError) as failed:
        quickly(photographs(*servers), resources)
    lines = str(failed.value).splitlines()
    assert [line[: len(s.address) + 5] for line, s in zip(lines[1:4], servers, strict=True)] == [
        f"  - {s.address}:" for s in servers
    ]
    assert "trying again in 0.02 s" in caplog.text


# The disk


def test_a_file_that_does_not_fit_is_refused_before_it_is_sent(
    make_server: Callable[..., Server], resources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server(serve())
    real = shutil.disk_usage(ROOT)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: real._replace(free=299_999))
    with pytest.raises(InputError, match=r"needs 300,000 bytes more .* 299,999 are free"):
        quickly(photographs(server), resources)
    assert_absent(resources)
    monkeypatch.undo()
    quickly(photographs(server), resources)
    assert_whole(resources)


FETCH_ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from memorability.sources.downloads import Download
from memorability.base.errors import InputError
from memorability.sources import fetching

download = Download(name="photographs", addresses=(sys.argv[1],), file="photographs.zip",
    place="downloads", size="unknown", sha256="unknown", licence="", commercial_use="", purpose="",
    by_hand="")
resources = Path(sys.argv[2])
def fetch():
    try:
        fetching.fetch(download, resources, tries=1)
    except InputError as error:
        print(error)
def listed():
    print(sorted(p.name for p in resources.rglob("*") if p.is_file() and p.suffix != ".lock"))
fetch()
listed()
(resources / "ballast").unlink()
fetch()
listed()
"""


@pytest.mark.parametrize("announced", [True, False], ids=["size announced", "no size announced"])
def test_a_full_disk_is_explained_and_a_later_call_succeeds(
    announced: bool, make_server: Callable[..., Server]
) -> None:
    if subprocess.run(
        ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], check=False
    ).returncode:
        pytest.skip("this user may not mount, so no small disk can be made")

    def silent(handler: Handler) -> None:
        handler.begin(200)
        handler.send(CONTENT)

    server = make_server(serve() if announced else silent)
    prepare = "mount -t tmpfs -o size=512k tmpfs /mnt && head -c 300000 /dev/zero > /mnt/ballast"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f'{prepare} && exec "$@"', "sh",
         sys.executable, "-c", FETCH_ON_A_SMALL_DISK, server.address, "/mnt"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said, half, whole = done.stdout.splitlines()
    if announced:
        assert "needs 300,000 bytes more" in said
    else:
        assert f"could not be written: {os.strerror(errno.ENOSPC)}. Free space" in said
    assert "photographs.zip" not in half
    assert whole == "['downloads.sha256', 'photographs.zip']"


def test_a_directory_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "resources").write_text("a file where a directory should be")
    with pytest.raises(InputError, match=r"photographs\.zip could not be written"):
        quickly(photographs("http://127.0.0.1:1/"), tmp_path / "resources")


# Several jobs


def test_of_two_processes_one_fetches_and_the_other_waits(
    make_server: Callable[..., Server], resources: Path
) -> None:
    server = make_server(trickle)
    code = (
        "import sys; from pathlib import Path; from memorability.sources.fetching import fetch; "
        "from memorability.sources.downloads import Download; "
        f"print(fetch(Download(**{vars(photographs(server))!r}), Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(resources)]
    jobs = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ends = [job.communicate(timeout=60)[0].strip() for job in jobs]
    assert ends == [str(resources / "downloads/photographs.zip")] * 2
    assert len(server.requests) == 1
    assert_whole(resources)


# Google Drive: gdown's requests go to a stand-in


DRIVE = "https://drive.google.com/file/d/1WwJiQ1kBcNCZ37F6PJ_0bIL0ZeU3_sV8/view?usp=sharing"
# In one line, as Google's page is.
CONFIRM = (
    b'<!DOCTYPE html><html><body><form id="download-form" method="get" '
    b'action="https://drive.usercontent.google.com/download">'
    b'<input type="hidden" name="id" value="1WwJ"><input type="hidden" name="confirm" value="t">'
    b"</form></body></html>"
)
QUOTA = b"""<!DOCTYPE html><html><body><p class="uc-error-caption">Sorry</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p>
</body></html>"""


def attachment(behaviour: Behaviour) -> Behaviour:
    """Add the header by which gdown knows a file."""

    def behave(handler: Handler) -> None:
        send_response = handler.send_response

        def send(code: int, message: str | None = None) -> None:
            send_response(code, message)
            handler.send_header("Content-Type", "application/octet-stream")
            handler.send_header("Content-Disposition", 'attachment; filename="vgg.pth"')
            handler.send_header("Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT")

        handler.send_response = send  # type: ignore[method-assign]
        behaviour(handler)

    return behave


@pytest.fixture
def make_drive(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Server]:
    real = requests.Session.request

    def make(*behaviours: Behaviour) -> Server:
        server = make_server(*behaviours)

        def to_stand_in(self: Any, method: str, url: str, **options: Any) -> requests.Response:
            local = re.sub(
                r"^https://\w+(\.usercontent)?\.google\.com",
                f"http://127.0.0.1:{server.server_port}",
                url,
            )
            assert local != url, "nothing but Google Drive is asked"
            return real(self, method, local, **options)

        monkeypatch.setattr(requests.Session, "request", to_stand_in)
        module = sys.modules["gdown.download"]
        monkeypatch.setattr(module, "random", SimpleNamespace(uniform=lambda *_: 0.01))
        monkeypatch.setattr(module, "CHUNK_SIZE", fetching.CHUNK_BYTES)
        return server

    return make


def test_drives_page_of_confirmation_is_answered(
    make_drive: Callable[..., Server], resources: Path
) -> None:
    drive = make_drive(status(200, CONFIRM), attachment(serve()))
    path = quickly(photographs(DRIVE), resources)
    assert_whole(resources)
    assert [request for request, _ in drive.requests] == [
        "/uc?id=1WwJiQ1kBcNCZ37F6PJ_0bIL0ZeU3_sV8", "/download?id=1WwJ&confirm=t",
    ]  # fmt: skip
    assert time.time() - path.stat().st_mtime < 60, "as old as its download, not as its upload"


def test_a_cut_transfer_from_drive_is_resumed(
    make_drive: Callable[..., Server], resources: Path
) -> None:
    drive = make_drive(attachment(serve(cut=HALF)), attachment(serve()))
    quickly(photographs(DRIVE), resources)
    assert [bool(asked) for asked in drive.ranges] == [False, True]
    assert_whole(resources)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(200, QUOTA), "Too many users have viewed or downloaded this file recently"),
        (status(200, PAGE), "Cannot retrieve the public link of the file"),
        (status(404, PAGE), "Cannot retrieve the public link of the file"),
        (attachment(serve(cut=HALF, tag="", ranges=False)), "did not honor"),
        (attachment(serve(OTHER)), "what it sent has the SHA-256"),
        (attachment(serve(PAGE)), "what it sent is a web page"),
    ],
)
def test_what_drive_refuses_is_explained_and_a_later_call_succeeds(
    fault: Behaviour, words: str, make_drive: Callable[..., Server], resources: Path
) -> None:
    drive = make_drive(fault)
    download = photographs(DRIVE, sha256=DIGEST)
    with pytest.raises(InputError, match=words) as failed:
        quickly(download, resources)
    assert "By hand: Ask at the front desk. Save the file as" in str(failed.value)
    assert_absent(resources)
    assert [path for path in resources.rglob("*") if path.suffix == ".part"] == []
    drive.behaviours = [attachment(serve())]
    quickly(download, resources)
    assert_whole(resources)


def test_a_mirror_stands_in_for_drive(
    make_drive: Callable[..., Server], resources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_drive(status(200, QUOTA))
    second = replace(photographs(DRIVE), addresses=(DRIVE, DRIVE.replace("1Ww", "2Ww")))
    said: list[str] = []

    def in_turn(address: str, output: str, **_: object) -> None:
        said.append(address)
        if "1Ww" in address:
            raise gdown.FileURLRetrievalError("quota")
        Path(output).write_bytes(CONTENT)

    monkeypatch.setattr(gdown, "download", in_turn)
    quickly(second, resources)
    assert said == list(second.addresses)
    assert_whole(resources)


# What a person sees


def test_the_log_names_address_place_and_digest(
    make_server: Callable[..., Server], resources: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "memorability")
    server = make_server(serve())
    path = quickly(photographs(server), resources)
    assert f"photographs: fetching {server.address}" in caplog.messages
    assert f"photographs: {path}, SHA-256 {DIGEST}" in caplog.messages
    assert any(re.match(r"photographs.zip: received 300kB in", m) for m in caplog.messages)


def test_an_installed_package_keeps_downloads_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert fetching.resources_directory() == fetching.ROOT / "resources"
    monkeypatch.setattr(fetching, "is_checkout", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetching.resources_directory() == tmp_path / "memorability"
