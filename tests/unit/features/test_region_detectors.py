"""Regions that networks find."""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.features import region_detectors as detectors
from memorability.features.region_detectors import FaceDetector, ObjectSegmenter, detection

SHAPES = (detectors._Proposing, detectors._Refining, detectors._Deciding)


def test_networks_have_the_sizes_of_the_published_files() -> None:
    # 28,570, 403,147 and 1,559,269 bytes, of which a few kilobytes are names.
    counts = [sum(p.numel() for p in build().parameters()) for build in SHAPES]
    assert counts == [6632, 100178, 389040]


class _Bright(nn.Module):
    """Stands for a network: calls a bright part a face, and moves no box."""

    def forward(self, parts: Tensor) -> tuple[Tensor, Tensor]:
        if len(parts) == 1 and parts.shape[-1] not in (24, 48):
            means = nn.functional.avg_pool2d(parts, 12, 2).mean(1)[0]
            return (means > 0.9).float(), parts.new_zeros(4, *means.shape)
        return (parts.mean((1, 2, 3)) > 0.6).float(), parts.new_zeros(len(parts), 4)


def test_a_bright_square_is_found_where_it_is() -> None:
    image = np.zeros((120, 160, 3), dtype=np.uint8)
    image[30:70, 80:120] = 255
    found = FaceDetector([_Bright()] * 3)
    boxes = found.boxes(image)
    assert len(boxes)
    centre = (boxes[:, :2] + boxes[:, 2:4]) / 2
    assert np.abs(centre - [100, 50]).max() < 14
    mask = found.masks(image)["face"]
    assert mask[40:60, 90:110].all()
    assert not mask[:15].any()


def test_no_face_is_found_in_an_image_without_one_or_smaller_than_one() -> None:
    torch.manual_seed(0)
    found = FaceDetector([_Bright()] * 3)
    for shape in ((120, 160, 3), (7, 9, 3)):
        black = np.zeros(shape, dtype=np.uint8)
        assert found.boxes(black).shape == (0, 5)
        assert not found.masks(black)["face"].any()


class _Halves(nn.Module):
    """Stands for DeepLabV3: people on the left, a bicycle on the right, background below."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        out = images.new_zeros(1, 21, *images.shape[-2:])
        height, width = images.shape[-2:]
        out[:, 15, : height // 2, : width // 2] = 9
        out[:, 2, : height // 2, width // 2 :] = 9
        out[:, 0, height // 2 :] = 9
        return {"out": out}


def test_people_and_other_objects_are_told_apart() -> None:
    masks = ObjectSegmenter(_Halves(), "cpu").masks(data.astronaut()[:100, :200])
    assert masks["person"][5:45, 5:95].all()
    assert masks["object"][5:45, 105:195].all()
    assert not (masks["person"] | masks["object"])[55:].any()


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        torch.save({"weight": torch.zeros(2)}, tmp_path / f"{name}.pt")
    files = [str(tmp_path / f"{name}.pt") for name in ("a", "b", "c")]
    with pytest.raises(InputError, match="MTCNN"):
        detection({"face": files}, "cpu")
    assert detection({}, "cpu") is None


def test_saved_networks_find_what_they_found(tmp_path: Path) -> None:
    files = []
    for number, build in enumerate(SHAPES):
        torch.manual_seed(number)
        files.append(str(tmp_path / f"{number}.pt"))
        torch.save(build().state_dict(), files[-1])
    detect = detection({"face": files}, "cpu")
    assert detect is not None
    masks = detect(data.astronaut()[:64, :80])
    assert list(masks) == ["face"]
    assert masks["face"].shape == (64, 80)
