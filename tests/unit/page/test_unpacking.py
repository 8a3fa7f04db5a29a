"""Images are unpacked in processes that can be ended: the same pixels, and reasons."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memorability.images.decoding import STANDARD, BadImage, Decoding, decode
from memorability.page.unpacking import Unpacker, _Worker
from tests.standins import photograph


@pytest.fixture(scope="module")
def unpacker() -> Iterator[Unpacker]:
    with Unpacker(1) as made:
        yield made


def worker(unpacker: Unpacker) -> _Worker:
    found = unpacker._free.get()
    unpacker._free.put(found)
    assert found is not None
    return found


def test_pixels_are_those_of_the_decoder_upright(unpacker: Unpacker, tmp_path: Path) -> None:
    file = tmp_path / "one.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (31, 50, 3), np.uint8)).save(
        file, exif=exif
    )
    decodings = [STANDARD, Decoding(color_profile="ignore")]
    unpacked = unpacker.unpack(file, decodings)
    for how in decodings:
        expected = np.asarray(decode(file, how))
        assert expected.shape == (50, 31, 3)
        np.testing.assert_array_equal(np.asarray(decode(unpacked[how], how)), expected)


def test_what_cannot_be_read_has_a_reason_and_the_process_goes_on(
    unpacker: Unpacker, tmp_path: Path
) -> None:
    file = tmp_path / "one.jpg"
    file.write_bytes(photograph(1))
    unpacker.unpack(file, [STANDARD])
    before = worker(unpacker)._process.pid
    (tmp_path / "none.jpg").write_bytes(b"no image")
    with pytest.raises(BadImage, match="is not an image that can be read"):
        unpacker.unpack(tmp_path / "none.jpg", [STANDARD])
    assert worker(unpacker)._process.pid == before


@pytest.mark.parametrize("how", ["slow", "crash"])
def test_a_process_that_does_not_answer_is_ended_and_the_next_image_has_another(
    unpacker: Unpacker, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.jpg"
    file.write_bytes(photograph(1))
    unpacker.unpack(file, [STANDARD])
    pid = worker(unpacker)._process.pid
    assert pid is not None
    with monkeypatch.context() as patch:
        # Stopped, it is as a decoder that does not come to its end.
        patch.setattr(unpacker, "seconds", 0.05 if how == "slow" else 60)
        os.kill(pid, signal.SIGSTOP if how == "slow" else signal.SIGKILL)
        said = r"takes longer than 0\.05 seconds" if how == "slow" else "came to its end"
        with pytest.raises(BadImage, match=said):
            unpacker.unpack(file, [STANDARD])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert decode(unpacker.unpack(file, [STANDARD])[STANDARD]).size == decode(file).size
