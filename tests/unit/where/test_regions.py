"""Regions of images: tables of users, what stands out, and removal."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage import data

from memorability.base.errors import InputError
from memorability.base.seeding import numpy_stream
from memorability.where import regions

IMAGES = pd.DataFrame({"image_id": ["a", "b"], "file": ["x/a.jpg", "x/b.jpg"]})
IMAGE = data.astronaut()[:128, 160:320]


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_boxes_of_one_image_are_read_and_scaled_together(tmp_path: Path) -> None:
    file = table(
        tmp_path / "regions.csv",
        "file,region,left,top,right,bottom\na.jpg,face,10,20,30,60\na.jpg,face,-5,0,5,10\n"
        "a.jpg,person,0,0,100,200\nelsewhere.jpg,face,0,0,1,1\n",
    )
    found = regions.read_regions([file], IMAGES)
    assert list(found) == ["a"]
    masks = regions.masks_of(found["a"], (100, 200), (100, 50))
    assert set(masks) == {"face", "person"}
    expected = np.zeros((100, 50), dtype=bool)
    expected[10:30, 5:15] = True
    expected[0:5, 0:2] = True
    assert np.array_equal(masks["face"], expected)
    assert masks["person"].all()
    assert not regions.removable(masks["person"])


def test_masks_are_read_from_images_beside_the_table(tmp_path: Path) -> None:
    mask = np.zeros((200, 100), dtype=np.uint8)
    mask[50:100] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    file = table(tmp_path / "regions.csv", "image_id,region,mask\nb,object,mask.png\n")
    found = regions.read_regions([file], IMAGES)["b"]
    made = regions.masks_of(found, (100, 200), (100, 50))["object"]
    assert made.mean() == pytest.approx(0.25)
    with pytest.raises(InputError, match="another aspect"):
        regions.masks_of(found, (300, 200), (100, 150))
    found[0]["mask"] = str(tmp_path / "no.png")
    with pytest.raises(InputError, match="no such file"):
        regions.masks_of(found, (100, 200), (100, 50))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,region,left,top,right\na.jpg,face,1,2,3\n", "no column 'bottom'"),
        ("file,region,left,top,right,bottom\na.jpg,face,1,2,1,5\n", "line 2 has a box without"),
        ("file,region,left,top,right,bottom\na.jpg,face,one,2,3,5\n", "line 2: 'one'"),
        ("file,region,left,top,right,bottom\na.jpg,Face!,1,2,3,5\n", "no name for a region"),
        ("file,region,left,top,right,bottom\na.jpg,salient,1,2,3,5\n", "no name for a region"),
        ("file,region,left,top,right,bottom\nq.jpg,face,1,2,3,5\n", "none of 1 rows"),
        ("image_id,left\na,1\n", "no column 'region'"),
    ],
)
def test_a_table_with_a_mistake_is_refused_by_its_line(
    text: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        regions.read_regions([table(tmp_path / "regions.csv", text)], IMAGES)
    assert says in str(error.value)


def test_no_region_in_any_image_is_no_mistake(tmp_path: Path) -> None:
    file = table(tmp_path / "regions.csv", "file,region,left,top,right,bottom\n")
    assert regions.read_regions([file], IMAGES) == {}
    assert regions.read_regions([], IMAGES) == {}
    assert regions.masks_of([], (10, 10), (10, 10)) == {}


def test_a_blob_on_a_plain_ground_stands_out_and_one_colour_does_not() -> None:
    image = np.full((120, 160, 3), 100, dtype=np.uint8)
    assert not regions.salient(image).any()
    image[50:70, 100:120] = (200, 40, 40)
    mask = regions.salient(image, share=0.05)
    assert mask.mean() == pytest.approx(0.05, abs=0.001)
    rows, columns = np.nonzero(mask)
    assert abs(rows.mean() - 60) < 8
    assert abs(columns.mean() - 110) < 8


@pytest.mark.parametrize("fill", ["inpaint", "mean", "blur"])
def test_removal_changes_the_region_alone(fill: regions.Fill) -> None:
    mask = np.zeros(IMAGE.shape[:2], dtype=bool)
    mask[40:80, 50:90] = True
    image = np.full_like(IMAGE, 90)
    image[mask] = 250
    done = regions.removed(image, mask, fill)
    assert np.array_equal(done[~mask], image[~mask])
    centre = done[60, 70].astype(int)
    # Of a plain ground, what is around the region is all there is to know; a blur keeps its colour.
    assert (np.abs(centre - 90) <= 1).all() if fill != "blur" else (centre > 120).all()


def test_a_region_of_nearly_all_leaves_the_inpainting_a_border(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mask = np.ones(IMAGE.shape[:2], dtype=bool)
    mask[:14] = False
    assert regions.removable(mask)
    assert regions.removed(IMAGE, mask, "inpaint").shape == IMAGE.shape
    # At the coarsest scale no pixel is free of the region: its mean stands for the rest.
    monkeypatch.setattr(regions, "INPAINTED_SIDE", 1)
    done = regions.removed(IMAGE, mask, "inpaint")
    assert np.abs(done[100, 80] - IMAGE[~mask].mean(axis=0)).max() <= 1


def test_elsewhere_has_the_same_area_and_shares_least() -> None:
    mask = np.zeros((60, 80), dtype=bool)
    mask[10:30, 10:40] = True
    moved = regions.elsewhere(mask, numpy_stream(0, "place"))
    assert moved is not None
    assert moved.sum() == mask.sum()
    assert (moved & mask).sum() <= 0.01 * mask.sum() + 1
    assert regions.elsewhere(~mask, numpy_stream(0, "place")) is None
    assert regions.elsewhere(np.ones((5, 5), dtype=bool), numpy_stream(0, "place")) is None
