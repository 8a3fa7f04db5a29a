import logging
from pathlib import Path

import numpy as np
import pytest

from memorability.base.errors import InputError
from memorability.base.shards import Arrays, in_shards, shards_left, shards_of


class Squares:
    """Squares of items, and which of them were computed."""

    def __init__(self, fail_at: int = 99) -> None:
        self.computed: list[int] = []
        self.fail_at = fail_at

    def __call__(self, items: slice) -> Arrays:
        numbers = np.arange(items.start, items.stop)
        if self.fail_at in numbers:
            raise KeyboardInterrupt
        self.computed += numbers.tolist()
        return {"square": numbers**2, "name": numbers.astype(str)}


def gathered(directory: Path, compute: Squares) -> list[int]:
    shards = in_shards(directory, 7, 3, compute)
    return [int(square) for _, shard in shards for square in shard["square"]]


def test_shards_come_in_order_and_the_last_may_be_smaller(tmp_path: Path) -> None:
    shards = list(in_shards(tmp_path, 7, 3, Squares()))
    assert [items for items, _ in shards] == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert [shard["name"].tolist() for _, shard in shards][-1] == ["6"]
    assert gathered(tmp_path / "other", Squares()) == [0, 1, 4, 9, 16, 25, 36]


def test_a_stopped_job_goes_on_after_its_last_shard(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        gathered(tmp_path, Squares(fail_at=5))
    assert shards_left(tmp_path, 7, 3) == 4
    again = Squares()
    assert gathered(tmp_path, again) == [0, 1, 4, 9, 16, 25, 36]
    assert again.computed == [3, 4, 5, 6]
    assert shards_left(tmp_path, 7, 3) == 0


@pytest.mark.parametrize("content", [b"", b"no zip file", None])
def test_a_damaged_shard_is_made_again(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    gathered(tmp_path, Squares())
    path = sorted(tmp_path.iterdir())[1]
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"square.npy") + 150] ^= 1  # a bit of the numbers
    path.write_bytes(whole if content is None else content)
    again = Squares()
    with caplog.at_level(logging.WARNING):
        assert gathered(tmp_path, again) == [0, 1, 4, 9, 16, 25, 36]
    assert again.computed == [3, 4, 5]
    assert "is damaged" in caplog.text


def test_shards_are_removed_when_the_job_ends_well_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyboardInterrupt), shards_of({"steps": 50}, "code") as first:
        gathered(first, Squares(fail_at=6))
    assert len(list(first.iterdir())) == 2
    with shards_of({"steps": 51}, "code") as other:
        assert other != first
    with shards_of({"steps": 50}, "code") as again:
        assert again == first
        assert len(list(again.iterdir())) == 2
    assert not first.exists()


def test_a_directory_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not be written"):
        gathered(tmp_path / "file" / "below", Squares())
