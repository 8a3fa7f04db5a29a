"""Scores of images under ablations: shared decoding, controls, resumption, bad input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor, nn

from memorability.base.errors import InputError
from memorability.images.decoding import STANDARD, BadImage
from memorability.networks.computing import Compute
from memorability.pixel_predictors.contract import Facts, PixelPredictor
from memorability.pixel_predictors.views import squashed_to_224
from memorability.report.where.ablations import read_examples
from memorability.where import ablating
from memorability.where.ablating import AblationSettings, ablate, write_examples
from memorability.where.looking import chosen_images
from memorability.where.names import CONTROLS, WHOLE

SETTINGS = AblationSettings(
    images=10, seed=0, decoding=STANDARD, compute=Compute(device="cpu", threads=1), fill="mean"
)
FACTS = Facts(**dict.fromkeys(Facts.__dataclass_fields__, "x"))


class _Redness(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        means = pixels.float().mean(dim=(2, 3)) / 255
        return means[:, 0] - means[:, 1]


class _Constant(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return torch.full((len(pixels),), 0.5)


def predictor(network: nn.Module) -> PixelPredictor:
    return PixelPredictor(facts=FACTS, prepare=squashed_to_224, network=network)


@pytest.fixture
def images(tmp_path: Path) -> pd.DataFrame:
    crops = [data.astronaut()[:90, start : start + 120] for start in (0, 120, 240)]
    for number, crop in enumerate([*crops, np.full((40, 40, 3), 120, dtype=np.uint8)]):
        Image.fromarray(crop).save(tmp_path / f"{number}.png")
    return pd.DataFrame(
        {"image_id": list("abcd"), "file": [f"{n}.png" for n in range(4)], "category": list("uvuv")}
    )


def test_every_ablation_stands_beside_its_controls(images: pd.DataFrame, tmp_path: Path) -> None:
    regions = {"a": [{"region": "face", "box": (10, 10, 40, 50)}]}
    scores = ablate(
        images.iloc[:1], tmp_path, regions, {"red": predictor(_Redness())}, SETTINGS,
        device="cpu", shards=tmp_path / "shards",
    ).set_index(["ablation", "control"])  # fmt: skip
    names = {name for name, _ in scores.index}
    assert names == {
        "none", *CONTROLS, *WHOLE, "face_removed", "salient_removed", "background_removed",
    }  # fmt: skip
    for name in set(WHOLE) - {"central_crop"}:
        pair = scores.loc[[(name, ""), (name, "noise")], "mean_square"]
        assert pair.iloc[1] == pytest.approx(pair.iloc[0], rel=0.05), name
    assert ("central_crop", "elsewhere") in scores.index
    area = scores.loc["face_removed", "area"]
    assert area[["", "elsewhere"]].to_list() == pytest.approx([30 * 40 / (90 * 120)] * 2)
    red = scores["predicted"]
    assert red["grey", ""] == pytest.approx(0, abs=0.003)
    assert red["desaturated_50", ""] == pytest.approx(red["none", ""] / 2, abs=0.003)
    assert red["mirrored", ""] == pytest.approx(red["none", ""], abs=1e-6)
    # Four fifths of an image have no other place.
    assert ("background_removed", "elsewhere") not in scores.index


def test_an_image_is_decoded_once_for_all_predictors(
    images: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    plain = ablating.decode
    monkeypatch.setattr(ablating, "decode", lambda *how: decoded.append(how) or plain(*how))
    both = {"red": predictor(_Redness()), "same": predictor(_Constant())}
    scores = ablate(images, tmp_path, {}, both, SETTINGS, device="cpu", shards=tmp_path / "shards")
    assert len(decoded) == len(images)
    assert scores["predictor"].value_counts().to_list() == [len(scores) // 2] * 2
    assert (scores.loc[scores["predictor"] == "same", "predicted"] == 0.5).all()
    # Nothing stands out in an image of one colour.
    of_plain = scores[scores["image_id"] == "d"]
    assert not of_plain["ablation"].str.endswith("removed").any()
    # Another job takes what was done from the disk.
    again = ablate(images, tmp_path, {}, both, SETTINGS, device="cpu", shards=tmp_path / "shards")
    assert len(decoded) == len(images)
    pd.testing.assert_frame_equal(scores, again)


def test_a_region_that_covers_all_is_not_removed(images: pd.DataFrame, tmp_path: Path) -> None:
    regions = {"a": [{"region": "face", "box": (0, 0, 120, 90)}]}
    made = ablating.variants_of_file(tmp_path / "0.png", regions["a"], SETTINGS, image_id="a")
    assert "face_removed" not in {one.ablation for one in made}


def test_found_and_marked_regions_are_one(images: pd.DataFrame, tmp_path: Path) -> None:
    def detect(image: np.ndarray) -> dict[str, np.ndarray]:
        mask = np.zeros(image.shape[:2], dtype=bool)
        mask[:10] = True
        return {"face": mask}

    marked = [{"region": "face", "box": (0, 80, 120, 90)}]
    made = ablating.variants_of_file(
        tmp_path / "0.png", marked, SETTINGS, image_id="a", detect=detect
    )
    (face,) = [one for one in made if one.ablation == "face_removed" and not one.control]
    assert face.area == pytest.approx(20 / 90)


def test_what_cannot_be_read_is_named(images: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"no image")
    both = {"red": predictor(_Redness())}
    with pytest.raises(InputError, match=r"1\.png .*Mend the file"):
        ablate(images, tmp_path, {}, both, SETTINGS, device="cpu", shards=tmp_path / "shards")

    def refuse(_: Image.Image) -> np.ndarray:
        raise BadImage("is too small")

    picky = {"picky": replace(both["red"], prepare=refuse)}
    with pytest.raises(InputError, match=r"0\.png is too small"):
        ablate(images, tmp_path, {}, picky, SETTINGS, device="cpu", shards=tmp_path / "more")


def test_test_images_alone_are_looked_at(images: pd.DataFrame) -> None:
    split = np.array(["train", "test", "test", "validation"])
    assert chosen_images(images, split, 10, seed=0)["image_id"].tolist() == ["b", "c"]
    assert len(chosen_images(images, split, 1, seed=0)) == 1
    with pytest.raises(InputError, match="no test image"):
        chosen_images(images, np.repeat("train", 4), 10, seed=0)


def test_examples_are_written_and_read(images: pd.DataFrame, tmp_path: Path) -> None:
    write_examples(images, tmp_path, {}, SETTINGS, tmp_path / "examples.npz")
    found = read_examples(tmp_path / "examples.npz")
    assert {image_id for image_id, _ in found} == set("abcd")
    assert ("a", "grey") in found
    assert ("a", "desaturated_25") not in found
    assert {one.shape for one in found.values()} == {(128, 128, 3)}
