"""Files of networks: written, read back, refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from memorability.base.errors import InputError
from memorability.networks.model_file import ModelFile

KIND = ModelFile("saved thing", ("facts", "size"), "Make it again.")
HEADER = {"facts": {"size": 3, "name": "Übung"}, "record": {}}


def written(directory: Path) -> Path:
    path = directory / "thing.safetensors"
    KIND.write(path, HEADER, {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.tensor(2)})
    return path


def test_header_and_tensors_are_read_back(tmp_path: Path) -> None:
    header, tensors = KIND.read(written(tmp_path))
    assert header == HEADER
    assert torch.equal(tensors["b"], torch.tensor([[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]))
    assert tensors["a"].item() == 2
    assert tensors["a"].dtype == torch.int64


def test_any_safetensors_reader_opens_it(tmp_path: Path) -> None:
    with safe_open(written(tmp_path), framework="np") as file:
        assert json.loads(file.metadata()["memorability"]) == HEADER
        assert file.get_tensor("b").shape == (3, 2)


def test_equal_things_have_equal_bytes_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    path = written(tmp_path)
    assert path.read_bytes() == written(tmp_path / "again").read_bytes()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"saved thing .*gone does not exist\. Make it again\."):
        KIND.read(tmp_path / "gone")
    with pytest.raises(InputError, match=r"is a directory, not a file\. Make it again\."):
        KIND.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"half", b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(99)])
def test_another_format_is_refused_unread(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no saved thing, or only the beginning of one"):
        KIND.read(path)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="only the beginning of one"):
        KIND.read(path)


@pytest.mark.parametrize(
    "metadata",
    [None, {"memorability": "no JSON"}, {"memorability": "[]"}, {"memorability": '{"facts": {}}'}],
)
def test_tensors_of_another_kind_are_refused(
    metadata: dict[str, str] | None, tmp_path: Path
) -> None:
    path = tmp_path / "thing"
    save_file({"a": torch.ones(1)}, path, metadata=metadata)
    with pytest.raises(InputError, match=r"holds tensors, but is no saved thing\. Make it again"):
        KIND.read(path)
