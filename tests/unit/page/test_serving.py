"""The page that scores images: its scores against the command's, its limits, and whom it refuses."""

import http.client
import io
import json
import socket
import struct
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memorability.page import overlays, serving
from memorability.page.scoring import Scorers, Study
from memorability.page.serving import PageServer
from memorability.page.unpacking import Unpacker
from memorability.scorer.bundle import SavedPredictor, write_saved_predictor
from memorability.scorer.score_images import score_images
from memorability.scorer.side_by_side import of_study, score_side_by_side
from memorability.where.changes import working_copy
from memorability.where.maps import keeping_gradients, maps_of_image
from tests.standins import photograph

KIND = "application/octet-stream"


@pytest.fixture(scope="module")
def bundle(saved: SavedPredictor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "bundle.safetensors"
    write_saved_predictor(saved, path)
    return path


@pytest.fixture(scope="module")
def unpacker() -> Iterator[Unpacker]:
    with Unpacker(3) as made:
        yield made


@pytest.fixture
def scorers(saved: SavedPredictor, bundle: Path, unpacker: Unpacker) -> Scorers:
    other = of_study(bundle)
    other = replace(other, facts=replace(other.facts, predictor="other"))
    return Scorers([other], Study(saved, bundle), "cpu", 1, unpacker)


@pytest.fixture
def server(
    scorers: Scorers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PageServer]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with PageServer(scorers, address="127.0.0.1", port=0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def call(
    server: PageServer, method: str, path: str, content: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    usual = {} if content is None else {"Content-Type": KIND}
    sent = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, content, sent)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def scored(server: PageServer, content: bytes, name: str = "a.jpg") -> list[dict[str, Any]]:
    status, answer = call(server, "POST", f"/api/score?name={quote(name)}", content)
    assert status == 200, answer
    rows: list[dict[str, Any]] = json.loads(answer)["rows"]
    return rows


def test_scores_are_those_of_the_command(
    server: PageServer, scorers: Scorers, saved: SavedPredictor, tmp_path: Path
) -> None:
    file = tmp_path / "one.jpg"
    file.write_bytes(photograph(3))
    study, other = scored(server, file.read_bytes(), "ä <b>.jpg")
    (expected,) = score_images(saved, [file], device="cpu", threads=1).to_dict("records")
    for name in ("score", "percentile", "interval_low", "interval_high", "unusual"):
        assert study[name] == expected[name], name
    (beside,) = score_side_by_side(scorers.predictors, [file], device="cpu", threads=1).to_dict(
        "records"
    )
    assert other["score"] == beside["score"]
    assert other["licence"] == beside["licence"]
    assert (other["percentile"], other["unusual"], other["reason"]) == (None, None, "")
    assert study["file"] == "ä <b>.jpg"
    assert study["predictor"].startswith("study ")


def test_tables_hold_what_was_scored_until_it_is_forgotten(server: PageServer) -> None:
    for number in range(2):
        scored(server, photograph(number), f"{number}.jpg")
    status, text = call(server, "GET", "/api/scores.csv")
    table = pd.read_csv(io.BytesIO(text))
    assert (status, list(table["file"])) == (200, ["0.jpg", "0.jpg", "1.jpg", "1.jpg"])
    parquet = pd.read_parquet(io.BytesIO(call(server, "GET", "/api/scores.parquet")[1]))
    np.testing.assert_array_equal(parquet["score"], table["score"])
    assert call(server, "POST", "/api/forget", b"{}", Content_Type="application/json")[0] == 200
    assert call(server, "GET", "/api/scores.csv")[1].strip() == b""
    assert call(server, "GET", "/api/scores.parquet")[0] == 200


def blank_png(side: int) -> bytes:
    """Return a PNG of side × side white pixels, a few hundred bytes per megapixel."""
    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * (side // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
            "not an image",
        ),
        (b"PK\x03\x04" + zlib.compress(bytes(10**6)), "not an image"),
        (photograph(1)[:200], "damaged or truncated"),
        (blank_png(12_000), "has 144 megapixels; the page takes up to 100"),
    ],
    ids=["empty", "svg", "zip", "truncated", "large"],
)
def test_what_is_no_image_has_a_reason(server: PageServer, content: bytes, reason: str) -> None:
    for row in scored(server, content):
        assert row["score"] is None
        assert reason in row["reason"]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_kinds_of_images_are_scored(server: PageServer, kind: str) -> None:
    into = io.BytesIO()
    Image.open(io.BytesIO(photograph(2))).save(into, kind)
    assert all(row["score"] is not None for row in scored(server, into.getvalue()))


def test_nothing_is_left_on_the_disk(server: PageServer, tmp_path: Path) -> None:
    scored(server, photograph(1))
    scored(server, b"no image", "../../etc/passwd\n\x00")
    with socket.create_connection(server.server_address[:2]) as raw:
        head = f"POST /api/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: {KIND}\r\n"
        raw.sendall(f"{head}Content-Length: 5000\r\n\r\nhalf".encode())
    scored(server, photograph(1))
    assert list(tmp_path.glob("memorability_page_*")) == []
    names = pd.read_csv(io.BytesIO(call(server, "GET", "/api/scores.csv")[1]))["file"]
    assert names.unique().tolist() == ["a.jpg", "../../etc/passwd"]


def test_others_are_refused(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    image = photograph(1)
    for status, path, headers in (
        (403, "/api/score", {"Origin": "https://evil.example.org"}),
        (421, "/api/score", {"Host": "rebound.example.org"}),
        (415, "/api/score", {"Content_Type": "image/jpeg"}),
        (404, "/api/other", {}),
        (415, "/api/forget", {}),
    ):
        assert call(server, "POST", path, image, **headers)[0] == status
    assert call(server, "GET", "/", Host="rebound.example.org")[0] == 421
    assert call(server, "GET", "/../page.py")[0] == 404
    assert call(server, "GET", "/api/score")[0] == 404
    monkeypatch.setattr(serving, "LARGEST_FILE", len(image) - 1)
    assert call(server, "POST", "/api/score", image)[0] == 413


def test_the_page_has_its_parts_and_no_address_of_others(server: PageServer) -> None:
    for path in ("/", "/page.js", "/page.css"):
        status, content = call(server, "GET", path)
        assert status == 200
        assert b"http" not in content.replace(b"http://www.w3.org/2000/svg", b"")
    predictors = json.loads(call(server, "GET", "/api/predictors")[1])["predictors"]
    assert [one["predictor"] for one in predictors][1] == "other"
    assert all(one["licence"] and one["trained_on"] for one in predictors)
    notes = json.loads(call(server, "GET", "/api/predictors")[1])["notes"]
    assert notes[0].startswith("Predicting memorability")
    assert notes[1].startswith("Intervals, ±")


def test_a_page_without_predictors_is_refused() -> None:
    with pytest.raises(ValueError, match="no predictor"):
        Scorers([], None, "cpu", 1, Unpacker(1))


def mapped(
    server: PageServer, content: bytes, name: str = "a.jpg", predictor: str = "other",
    method: str = "grad_cam",
) -> tuple[int, bytes]:  # fmt: skip
    asked = urlencode({"name": name, "predictor": predictor, "method": method})
    return call(server, "POST", f"/api/map?{asked}", content)


def test_a_map_is_that_of_a_study_with_words_and_a_picture_and_is_in_the_archive(
    server: PageServer, scorers: Scorers
) -> None:
    offered = json.loads(call(server, "GET", "/api/predictors")[1])["methods"]["other"]
    assert list(offered) == ["occlusion", "windows", "grad_cam", "integrated_gradients"]
    image = Image.open(io.BytesIO(photograph(3))).convert("RGB")
    (predictor,) = scorers.predictors
    expected = maps_of_image(working_copy(image), keeping_gradients(predictor), "cpu")
    for method in ("grad_cam", "occlusion"):
        status, content = mapped(server, photograph(3), "../f/ä b.jpg", method=method)
        answer = json.loads(content)
        assert status == 200
        np.testing.assert_allclose(answer["values"], expected[method], rtol=1e-5, atol=1e-7)
        assert answer["words"].startswith(f"Map by {offered[method]}, other. Highest: ")
        status, picture = call(server, "GET", f"/{answer['picture']}")
        assert (status, Image.open(io.BytesIO(picture)).format) == (200, "PNG")
    status, content = call(server, "GET", "/api/maps.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        table = pd.read_csv(archive.open("maps.csv"))
        assert archive.read(names[2]) == picture
    assert names == ["maps.csv", "001__b_other_grad_cam.png", "002__b_other_occlusion.png"]
    assert set(table["file"]) == {"../f/ä b.jpg"}
    own = table[table["method"] == "occlusion"].pivot_table("value", "row", "column")
    np.testing.assert_allclose(own, expected["occlusion"], rtol=1e-5, atol=1e-7)
    call(server, "POST", "/api/forget", b"{}", Content_Type="application/json")
    assert call(server, "GET", f"/{answer['picture']}")[0] == 404
    with zipfile.ZipFile(io.BytesIO(call(server, "GET", "/api/maps.zip")[1])) as archive:
        assert archive.namelist() == ["maps.csv"]


def test_maps_that_cannot_be_made_are_refused_in_words(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mapped(server, photograph(1), method="nothing")[0] == 400
    assert mapped(server, photograph(1), predictor="nobody")[0] == 400
    status, said = mapped(server, b"no image")
    assert (status, said) == (422, b"The image is not an image that can be read.")
    for path in ("0.png", "-1.png", "x.png", "%C2%B2.png", "9" * 40):
        assert call(server, "GET", f"/api/maps/{path}")[0] == 404
    monkeypatch.setattr(overlays, "MOST_MAPS", 1)
    assert mapped(server, photograph(1))[0] == 200
    assert mapped(server, photograph(1))[0] == 409


def test_what_is_forgotten_while_it_is_scored_or_mapped_is_not_kept(
    server: PageServer, scorers: Scorers, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack = scorers.unpacker.unpack

    def slow(*arguments: Any) -> Any:
        scorers.forget()
        return unpack(*arguments)

    monkeypatch.setattr(scorers.unpacker, "unpack", slow)
    assert scored(server, photograph(1))[0]["score"] is not None
    assert call(server, "GET", "/api/scores.csv")[1].strip() == b""
    assert mapped(server, photograph(1)) == (422, b"The image was removed meanwhile.")
    assert call(server, "GET", "/api/maps/0.png")[0] == 404


def test_an_image_that_takes_too_long_has_a_reason(
    server: PageServer, scorers: Scorers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorers.unpacker, "seconds", 0.001)
    for row in scored(server, blank_png(3000)):
        assert row["reason"] == "takes longer than 0.001 seconds to unpack"
    monkeypatch.setattr(scorers.unpacker, "seconds", 60)
    assert all(row["score"] is not None for row in scored(server, photograph(1)))
