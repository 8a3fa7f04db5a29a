"""The real architectures, with random weights, at a small size: shapes and flow, no result."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.features import detectors
from memorability.features.detectors import (
    Networks,
    ObjectSettings,
    load_networks,
    measure_shard,
    object_features,
)
from memorability.features.names import OBJECT_FEATURES, OBJECT_VARIANTS
from memorability.networks.computing import Compute
from memorability.networks.torchvision_networks import NETWORKS

SETTINGS = {"score_threshold": 0.5, "class_probability": 0.1}
NAMES = [*OBJECT_FEATURES, *OBJECT_VARIANTS]


class _Detector(nn.Module):
    """Finds one box in bright images, none in dark ones."""

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        box = torch.tensor([[0.0, 0.0, 4.0, 8.0]])
        return [
            {"boxes": box[:count], "labels": torch.ones(count).long(), "scores": torch.ones(count)}
            for count in (int(image.mean() > 0.5) for image in images)
        ]


class _Segmenter(nn.Module):
    """Takes what is brighter than the mean of ImageNet for an object."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"out": torch.stack([-images[:, 0], images[:, 0]], dim=1) * 50}


class _Classifier(nn.Module):
    """Is sure of one class, or of none."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.nn.functional.pad((images.mean((1, 2, 3)) > 0)[:, None] * 50.0, (0, 999))


@pytest.fixture
def stub() -> Networks:
    return Networks(_Detector(), _Segmenter(), _Classifier())


@pytest.fixture
def pixels() -> np.ndarray:
    """Dark, bright, dark with a bright left half; all of 16 x 16 pixels."""
    images = np.zeros((3, 3, 16, 16), dtype=np.uint8)
    images[1] = 255
    images[2, :, :, :8] = 200
    return images


def test_what_networks_find_becomes_features(stub: Networks, pixels: np.ndarray) -> None:
    table = object_features(pixels, stub, **SETTINGS)
    assert list(table.columns) == NAMES
    assert (table.dtypes == np.float64).all()
    assert table["object_count"].tolist() == [0, 1, 0]
    assert table["distinct_categories"].tolist() == [0, 1, 0]
    assert table["mean_object_size"].tolist() == [0, 32 / 256, 0]
    assert table["separation_score"].tolist()[:2] == [0, 0]
    assert table["separation_score"][2] > 50
    assert table["separation_mask_fraction"].tolist() == [0, 1, 0.5]
    assert table["probable_classes"].tolist() == [0, 1, 0]


def test_images_are_announced_and_do_not_depend_on_their_batch(
    stub: Networks, pixels: np.ndarray
) -> None:
    many = np.concatenate([pixels] * 3)
    calls: list[None] = []
    whole = object_features(many, stub, **SETTINGS, on_image=lambda: calls.append(None))
    assert len(calls) == len(many)
    assert object_features(many, stub, **SETTINGS, batch_size=1).equals(whole)


def test_no_images_give_an_empty_table(stub: Networks, pixels: np.ndarray) -> None:
    table = object_features(pixels[:0], stub, **SETTINGS)
    assert list(table.columns) == NAMES
    assert (table.dtypes == np.float64).all()


@pytest.fixture
def torchvision_s(monkeypatch: pytest.MonkeyPatch) -> Networks:
    monkeypatch.setattr(detectors, "SEGMENTED_SIDE", 64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = [make().eval() for make in NETWORKS.values()]
    by_name = dict(zip(NETWORKS, made, strict=True))
    detector = by_name["fasterrcnn_resnet50_fpn"]
    detector.transform.min_size = (64,)
    return Networks(detector, by_name["deeplabv3_resnet101"], by_name["resnet50"])


def test_torchvision_s_networks_fit(torchvision_s: Networks) -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = torchvision_s(images)
    assert len(found) == 2
    for detections, of_pixels, of_image in found:
        assert detections.boxes.shape == (len(detections.scores), 4)
        assert detections.area == 32 * 32
        assert of_pixels.shape == (21, 32, 32)
        np.testing.assert_allclose(of_pixels.sum(axis=0), 1, rtol=1e-4)
        assert of_image.shape == (1000,)
        assert of_image.sum() == pytest.approx(1, abs=1e-4)
    table = object_features(np.zeros((1, 3, 32, 32), dtype=np.uint8), torchvision_s, **SETTINGS)
    assert np.isfinite(table.to_numpy()).all()


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fasterrcnn_resnet50_fpn_coco.*does not exist"):
        load_networks(tmp_path, "cpu")


def test_a_shard_is_measured_as_its_images_are(
    stub: Networks, pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "load_networks", lambda directory, device: (stub, []))
    compute = Compute(device="cpu", threads=1)
    settings = ObjectSettings(**SETTINGS, weights_directory=tmp_path, shards=2, compute=compute)
    ids = pd.Series(["a", "b", "c"])
    parts = [measure_shard(pixels, ids, settings, shard=shard, device="cpu") for shard in (0, 1)]
    assert [sorted(set(part["image_id"])) for part in parts] == [["a"], ["b", "c"]]
    table = pd.concat(parts).pivot_table(index="image_id", columns="feature", values="value")
    whole = object_features(pixels, stub, **SETTINGS)
    np.testing.assert_array_equal(table[NAMES].to_numpy(), whole[NAMES].to_numpy())
